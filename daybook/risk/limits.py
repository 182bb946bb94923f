"""Limits: how much of what is allowed each book uses.

Belongs here: the value of each measure and its verdict. Does not belong here: the measures themselves (``var``,
``stress``, ``exposures``), rules on holdings (``daybook.compliance``).

Conventions: ``value`` is signed as in its table: short <= 0, net may be either, losses positive. What is compared is
the size: minus short, the absolute net, everything else as it is, against the size of the hard level. Beyond hard is a
breach, at or beyond warning a warning. Basis ``nav`` is a fraction of NAV, ``money`` base currency. Drawdown is the
fall of the linked return from its highest point, start included; VaR and ES are historical, 0.99, one day; stress_loss
is the worst loss of all stress scenarios that could be computed. What cannot be evaluated is ``failed``, never a pass.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.risk.exposures import DIMENSIONS

EXPOSURES = ("long", "short", "gross", "net")
WHOLE_BOOK = ("var", "es", "drawdown", "stress_loss")
CONFIDENCE = 0.99
LAST_CLOSE = pd.Timedelta(days=14)
"""How old the close may be whose figures stand in for those of a session as it goes: the longest closures of this
century in exchange_calendars, Taiwan's in 2002 and Saudi Arabia's in 2022, left 12 days between two sessions."""
KEY = ["business_date", "book"]
PLACE = [*KEY, "dimension", "bucket"]


def limit_usage(
    limits: pd.DataFrame,
    exposures: pd.DataFrame,
    var: pd.DataFrame,
    nav: pd.DataFrame,
    performance: pd.DataFrame,
    stress: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``limit_usage`` of ``sessions``; empty when no limit is in force.

    Args:
        limits: facts (``usage``).
        exposures: table ``exposures`` of the sessions.
        var: table ``var`` of the sessions.
        nav: table ``nav`` of the sessions.
        performance: table ``performance`` from each book's first session on.
        stress: table ``stress`` of the sessions.
        sessions: sessions to compute.

    Returns:
        ``threshold`` is the hard level, ``utilisation`` size / hard, empty when hard is 0.
    """
    return usage(limits, exposures, losses(var, nav, performance, stress), nav, sessions)


def usage(
    limits: pd.DataFrame,
    exposures: pd.DataFrame,
    lost: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """As ``limit_usage``, with the measures of the whole book given.

    Args:
        limits: facts. A row holds from valid_from to valid_to; of one limit the latest counts, and a row that names the
            book goes before one for every book. Dimension "" is the whole book, bucket "" each bucket held.
        exposures: table ``exposures`` of the sessions.
        lost: ``losses`` or ``last_losses``.
        nav: table ``nav`` of the sessions.
        sessions: sessions to compute.
    """
    books = nav.loc[nav["business_date"].isin(sessions)]
    asked = in_force(limits, "limit", books[KEY]).merge(books[[*KEY, "nav", "status", "reason"]], on=KEY)
    rows = pd.concat([_exposed(asked, exposures), _whole(asked, lost)], ignore_index=True)
    return tables.conform("limit_usage", _judged(rows).sort_values([*KEY, "limit", "dimension", "bucket"]))


def in_force(facts: pd.DataFrame, name: str, books: pd.DataFrame) -> pd.DataFrame:
    """The rows of dated limits or rules that hold for each book and session.

    Args:
        facts: rows with ``name``, book ("" for every book), valid_from and valid_to (NaT for no end).
        name: the column that says which rows are versions of each other.
        books: business_date and book wanted.
    """
    named = facts.loc[facts["book"].ne("")].merge(books, on="book")
    general = facts.loc[facts["book"].eq("")].drop(columns="book").merge(books, how="cross")
    rows = pd.concat([general.assign(own=0), named.assign(own=1)], ignore_index=True)
    begun = rows["valid_from"].isna() | (rows["valid_from"] <= rows["business_date"])
    rows = rows.loc[begun].sort_values([*KEY, name, "own", "valid_from"], na_position="first")
    latest = rows.drop_duplicates([*KEY, name, "own"], keep="last")
    ended = latest["valid_to"].notna() & (latest["valid_to"] < latest["business_date"])
    return latest.loc[~ended].drop_duplicates([*KEY, name], keep="last").drop(columns="own").reset_index(drop=True)


def _exposed(asked: pd.DataFrame, exposures: pd.DataFrame) -> pd.DataFrame:
    """Rows of exposure limits, one for each bucket, with ``money`` and ``fraction``."""
    rows = asked.loc[~asked["measure"].isin(WHOLE_BOOK)]
    # Every security is in the dimension instrument once, cash is not: its sum is the whole book.
    securities = exposures.loc[exposures["dimension"].eq("instrument")].sort_values(PLACE)
    book = securities.groupby(KEY, as_index=False)[list(EXPOSURES)].sum()
    known = pd.concat([exposures[[*PLACE, *EXPOSURES]], book.assign(dimension="", bucket="")])
    one = rows.loc[rows["bucket"].ne("") | rows["dimension"].eq("")].merge(known, on=PLACE, how="left")
    each = rows.loc[rows["bucket"].eq("") & rows["dimension"].ne("")].drop(columns="bucket")
    each = each.merge(known, on=[*KEY, "dimension"], how="left").fillna({"bucket": ""})
    found = pd.concat([one, each], ignore_index=True).fillna(dict.fromkeys(EXPOSURES, 0.0))
    measure = found["measure"].to_numpy()
    found["money"] = np.select([measure == name for name in EXPOSURES], [found[name] for name in EXPOSURES], np.nan)
    found["fraction"] = found["money"] / found["nav"].where(found["nav"] > 0)
    found["problem"] = (
        _missing(found)
        .mask(~found["dimension"].isin(["", *DIMENSIONS]), "unknown dimension " + found["dimension"])
        .mask(~found["measure"].isin(EXPOSURES), "unknown measure " + found["measure"])
    )
    astray = found["dimension"].eq("") & found["bucket"].ne("")
    found["problem"] = found["problem"].mask(astray, "a bucket without a dimension")
    found["size"] = np.select([measure == "short", measure == "net"], [-1.0, np.sign(found["money"])], 1.0)
    return found.drop(columns=list(EXPOSURES))


def _whole(asked: pd.DataFrame, lost: pd.DataFrame) -> pd.DataFrame:
    """Rows of limits on measures that a book has one of."""
    rows = asked.loc[asked["measure"].isin(WHOLE_BOOK)]
    found = rows.merge(lost, on=[*KEY, "measure"], how="left")
    why = found["why"].fillna("").mask(found["why"].isna(), "there is no " + found["measure"] + " for this session")
    found["problem"] = _missing(found)
    unknown = found["money"].isna() & found["fraction"].isna() & found["problem"].eq("")
    found["problem"] = found["problem"].mask(unknown, why)
    of_nothing = found["basis"].eq("nav") & found["fraction"].isna() & found["problem"].eq("")
    found["problem"] = found["problem"].mask(of_nothing, ("nav was not positive " + why).str.strip())
    fraction_only = found["measure"].eq("drawdown") & found["basis"].eq("money")
    found["problem"] = found["problem"].mask(fraction_only, "drawdown is a fraction and has no basis money")
    placed = found["dimension"].ne("") | found["bucket"].ne("")
    found["problem"] = found["problem"].mask(placed, found["measure"] + " is known for the whole book only")
    return found.assign(size=1.0, note=found["why"].fillna("")).drop(columns="why")


def losses(var: pd.DataFrame, nav: pd.DataFrame, performance: pd.DataFrame, stress: pd.DataFrame) -> pd.DataFrame:
    """The measures that a book has one of (``WHOLE_BOOK``), wherever the tables tell them.

    Args:
        var: table ``var``.
        nav: table ``nav`` of the same sessions.
        performance: table ``performance`` from each book's first session on.
        stress: table ``stress``.

    Returns:
        business_date, book, measure; money; fraction of that session's NAV; why it is missing or what it leaves out.
    """
    model = var.loc[var["method"].eq("historical") & var["confidence"].eq(CONFIDENCE) & var["horizon_days"].eq(1)]
    tails = [
        model[KEY].assign(measure=name, money=model[name], why=model["status"].mask(model[name].notna(), ""))
        for name in ("var", "es")
    ]
    money = pd.concat([*tails, _worst(stress)], ignore_index=True).merge(nav[[*KEY, "nav"]], on=KEY, how="left")
    money["fraction"] = money["money"] / money["nav"].where(money["nav"] > 0)
    return pd.concat([money.drop(columns="nav"), _drawdown(performance)], ignore_index=True)


def last_losses(lost: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """What ``losses`` says of each book's last close before a session, at most ``LAST_CLOSE`` days old.

    For a session as it goes: nothing that needs a close of its own is known yet.

    Args:
        lost: ``losses`` of at least the sessions from ``LAST_CLOSE`` days before on.
        books: business_date and book wanted.

    Returns:
        One row for each of ``books`` and of ``WHOLE_BOOK``; ``why`` names the close, or says that there is none.
    """
    wanted = books[KEY].merge(pd.DataFrame({"measure": WHOLE_BOOK}), how="cross")
    found = pd.merge_asof(
        wanted.sort_values("business_date", kind="stable"),
        lost.assign(close=lost["business_date"]).sort_values("business_date", kind="stable"),
        on="business_date",
        by=["book", "measure"],
        allow_exact_matches=False,
        tolerance=LAST_CLOSE,
    )
    at = "at the close of " + found["close"].dt.strftime("%Y-%m-%d").astype("str")
    said = at + ("; " + found["why"].fillna("")).mask(found["why"].fillna("") == "", "")
    none = "no " + found["measure"] + f" of a close in the {LAST_CLOSE.days} days before"
    return found.assign(why=said.mask(found["close"].isna(), none)).drop(columns="close")


def _drawdown(performance: pd.DataFrame) -> pd.DataFrame:
    rows = performance.sort_values(["book", "business_date"])
    level = 1 + rows["cumulative_return"]
    peak = level.groupby(rows["book"]).cummax().clip(lower=1.0)
    fall = (1 - level / peak).round(12)
    # The linked return carries over a session without one of its own: its drawdown is not known.
    unknown = rows["daily_return"].isna()
    return rows[KEY].assign(
        measure="drawdown", money=np.nan, fraction=fall.mask(unknown), why=rows["status"].where(unknown, "")
    )


def _worst(stress: pd.DataFrame) -> pd.DataFrame:
    """Greatest loss in money over the scenarios that could be computed, and which could not."""
    rows = stress.assign(left=stress["scenario"].where(stress["pnl"].isna()))
    worst = rows.groupby(KEY, as_index=False).agg(
        pnl=("pnl", "min"), left=("left", lambda names: ", ".join(names.dropna()))
    )
    why = ("without " + worst["left"]).where(worst["left"].ne(""), "")
    return worst[KEY].assign(measure="stress_loss", money=-worst["pnl"], fraction=np.nan, why=why)


def _missing(rows: pd.DataFrame) -> pd.Series:
    """Why a limit cannot be evaluated whatever its measure; empty where it can."""
    problem = pd.Series("", index=rows.index, dtype="str")
    problem = problem.mask(rows["basis"].eq("nav") & ~(rows["nav"] > 0), "nav is not positive")
    problem = problem.mask(rows["basis"].eq("benchmark"), "exposures of the benchmark are not available")
    problem = problem.mask(~rows["basis"].isin(["nav", "money", "benchmark"]), "unknown basis " + rows["basis"])
    problem = problem.mask(rows["hard"].isna(), "the limit has no hard level")
    return problem.mask(rows["status"].ne("ok"), ("nav failed: " + rows["reason"]).str.removesuffix(": "))


def _judged(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with value, threshold, utilisation, status and reason."""
    good = rows["problem"].eq("")
    value = rows["fraction"].where(rows["basis"].eq("nav"), rows["money"]).where(good)
    value = value.round(12).where(rows["basis"].eq("nav"), value.round(6))
    size, hard, warning = value * rows["size"], rows["hard"].abs(), rows["warning"].abs()
    verdict = np.select([~good, size > hard, size >= warning], ["failed", "breach", "warning"], "pass")
    note = rows["note"].fillna("") if "note" in rows else ""
    return pd.DataFrame(
        {
            **rows[["business_date", "book", "limit", "dimension", "bucket"]],
            "value": value,
            "threshold": rows["hard"],
            "utilisation": (size / hard.where(hard > 0)).round(12),
            "headroom": (hard - size).round(12),
            "previous": np.nan,
            "reached": "",
            **rows[["measure", "basis", "soft", "warning", "owner"]],
            "status": verdict,
            "reason": rows["problem"].mask(good, note),
        }
    )
