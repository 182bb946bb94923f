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
        limits: facts. A row holds from valid_from to valid_to; of one limit the latest counts, and a row that names the
            book goes before one for every book. Dimension "" is the whole book, bucket "" each bucket held.
        exposures: table ``exposures`` of the sessions.
        var: table ``var`` of the sessions.
        nav: table ``nav`` of the sessions.
        performance: table ``performance`` from each book's first session on.
        stress: table ``stress`` of the sessions.
        sessions: sessions to compute.

    Returns:
        ``threshold`` is the hard level, ``utilisation`` size / hard, empty when hard is 0.
    """
    books = nav.loc[nav["business_date"].isin(sessions)]
    asked = in_force(limits, "limit", books[KEY]).merge(books[[*KEY, "nav", "status", "reason"]], on=KEY)
    rows = pd.concat([_exposed(asked, exposures), _whole(asked, var, performance, stress)], ignore_index=True)
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


def _whole(asked: pd.DataFrame, var: pd.DataFrame, performance: pd.DataFrame, stress: pd.DataFrame) -> pd.DataFrame:
    """Rows of limits on measures that a book has one of."""
    rows = asked.loc[asked["measure"].isin(WHOLE_BOOK)]
    found = rows.merge(_losses(var, performance, stress), on=[*KEY, "measure"], how="left")
    nav = found["nav"].where(found["nav"] > 0)
    found["fraction"] = found["fraction"].mask(found["measure"].ne("drawdown"), found["money"] / nav)
    why = found["why"].fillna("").mask(found["why"].isna(), "there is no " + found["measure"] + " for this session")
    found["problem"] = _missing(found)
    unknown = found["money"].isna() & found["fraction"].isna() & found["problem"].eq("")
    found["problem"] = found["problem"].mask(unknown, why)
    fraction_only = found["measure"].eq("drawdown") & found["basis"].eq("money")
    found["problem"] = found["problem"].mask(fraction_only, "drawdown is a fraction and has no basis money")
    placed = found["dimension"].ne("") | found["bucket"].ne("")
    found["problem"] = found["problem"].mask(placed, found["measure"] + " is known for the whole book only")
    return found.assign(size=1.0, note=found["why"].fillna("")).drop(columns="why")


def _losses(var: pd.DataFrame, performance: pd.DataFrame, stress: pd.DataFrame) -> pd.DataFrame:
    """business_date, book, measure, money, fraction (drawdown alone), why it is missing or what it leaves out."""
    model = var.loc[var["method"].eq("historical") & var["confidence"].eq(CONFIDENCE) & var["horizon_days"].eq(1)]
    tails = [
        model[KEY].assign(
            measure=name, money=model[name], fraction=np.nan, why=model["status"].mask(model[name].notna(), "")
        )
        for name in ("var", "es")
    ]
    return pd.concat([*tails, _drawdown(performance), _worst(stress)], ignore_index=True)


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
    """Greatest loss over the scenarios that could be computed, and which could not."""
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
            "status": verdict,
            "reason": rows["problem"].mask(good, note),
        }
    )
