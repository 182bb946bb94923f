"""Limits: how much of what is allowed each book uses.

Belongs here: the value of each measure and its verdict. Does not belong here: the measures themselves (``var``,
``stress``, ``exposures``, ``liquidity``), which trade used a limit (``consumption``), what people answer
(``resources.breaches``), rules on holdings (``daybook.compliance``).

Conventions: ``value`` is signed as in its table: short <= 0, net and beta_adjusted may be either, losses positive. What
is compared is the size: minus short, the absolute net or beta_adjusted, everything else as it is, against the size of
each level. Beyond hard is a breach; at or beyond warning, or beyond soft, a warning. ``reached`` is the highest of the
three, ``headroom`` hard less the size. What cannot be evaluated is ``failed``, never a pass.

* Basis ``nav`` is a fraction of NAV, ``money`` base currency, ``benchmark`` what differs from the benchmark: exposures
  as fractions of NAV less the benchmark's weights, VaR divided by the VaR of the same NAV in the benchmark.
* long, short, gross, net, beta_adjusted, notional: of one bucket, of each bucket held (bucket empty), or of the whole
  book (dimension empty: all securities, no cash). Dimension ``liquidity_bucket`` is that of table ``liquidity``.
* largest: gross exposure of the n largest buckets (bucket is n, 1 where it is empty); concentration: the sum of squared
  shares in gross exposure (Herfindahl-Hirschman), between 1 / number of buckets and 1. Dimension empty is instrument.
* var and es: of the model that ``method``, ``confidence`` and ``horizon_days`` name; historical, 0.99, 1 where empty.
* stress_loss: of one scenario or of each (dimension ``scenario``), or the worst of all that could be computed.
* drawdown: the fall of the linked return from its highest point, start included.
* liquidity: the part of the gross value of securities that is no cash after n sessions (bucket is n).
* A limit that looks through funds reads exposures with funds, ETFs and index futures replaced by what they hold.
* A raise replaces hard, and soft where it gives one, from its valid_from to its valid_to, never without end; of several
  in force the latest counts, one that names the book before one for every book.
* ``previous`` is what the same limit would have said of the book's session before, from tables that are kept for every
  session: empty for stress, liquidity, beta_adjusted, look-through and exposures against the benchmark. The table of
  that session is no input: an asset that read its own yesterday could not be derived again from facts alone.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market.declared import in_force
from daybook.performance.benchmarks import Sources
from daybook.risk.exposures import DIMENSIONS, GROUPED, PLACE, Reference, of_benchmarks, placed, summed
from daybook.risk.exposures import exposures as exposed
from daybook.risk.look_through import leaves, of_positions
from daybook.risk.var import NOTHING_KNOWN

ON_EXPOSURES = ("long", "short", "gross", "net", "beta_adjusted", "notional")
SPREAD = ("largest", "concentration")
WHOLE_BOOK = ("var", "es", "drawdown", "stress_loss", "liquidity")
METHOD, CONFIDENCE, HORIZON_DAYS = "historical", 0.99, 1.0
"""The model of VaR and ES of a limit that names none."""
LAST_CLOSE = pd.Timedelta(days=14)
"""How old the close may be whose figures stand in for those of a session as it goes: the longest closures of this
century in exchange_calendars, Taiwan's in 2002 and Saudi Arabia's in 2022, left 12 days between two sessions."""
KEY = ["business_date", "book"]
WHICH = ["measure", "method", "confidence", "horizon_days", "dimension", "bucket"]
"""What tells the measures of a whole book apart."""
FOUND = [*PLACE, "look_through"]


@dataclass(frozen=True)
class Measures:
    """What limits are measured on, all of the same sessions.

    Attributes:
        nav: table ``nav``.
        exposures: table ``exposures``.
        look_through: table ``look_through_exposures``.
        benchmarks: the columns of ``look_through_exposures`` and ``look_through`` (bool): exposures of each book's NAV
            in its benchmark.
        liquidity: table ``liquidity``.
        lost: ``losses`` or ``last_losses``.
    """

    nav: pd.DataFrame
    exposures: pd.DataFrame
    look_through: pd.DataFrame
    benchmarks: pd.DataFrame
    liquidity: pd.DataFrame
    lost: pd.DataFrame


def no_benchmarks() -> pd.DataFrame:
    """``Measures.benchmarks`` without rows."""
    return tables.empty("look_through_exposures").assign(look_through=pd.Series(dtype="bool"))


def limit_usage(
    limits: pd.DataFrame,
    limit_raises: pd.DataFrame,
    exposures: pd.DataFrame,
    look_through_exposures: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    var: pd.DataFrame,
    performance: pd.DataFrame,
    stress: pd.DataFrame,
    liquidity: pd.DataFrame,
    liquidity_profile: pd.DataFrame,
    benchmarks: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    reference: Reference,
) -> pd.DataFrame:
    """Table ``limit_usage`` of ``sessions`` with what each limit said of the session before (``usage``).

    Args:
        limits: facts.
        limit_raises: facts.
        exposures: table of the sessions.
        look_through_exposures: table of the sessions.
        valuations: table of the sessions and of each book's session before.
        nav: likewise.
        var: likewise.
        performance: table from each book's first session on.
        stress: table of the sessions.
        liquidity: table of the sessions.
        liquidity_profile: table of the sessions.
        benchmarks: ``benchmark_exposures`` of the sessions.
        instruments: facts, dated by valid_from.
        sessions: sessions to compute.
        reference: what tells groups and counterparties.
    """
    told = losses(var, nav, performance, stress, liquidity_profile)
    measures = Measures(nav, exposures, look_through_exposures, benchmarks, liquidity, told)
    days = nav.loc[nav["business_date"] < sessions[-1], "business_date"].unique()
    shown = exposed(valuations, instruments, nav, pd.DatetimeIndex(days), reference)
    earlier = following(nav, {"nav": nav, "exposures": shown, "lost": told}, sessions)
    none = tables.empty("look_through_exposures"), no_benchmarks(), tables.empty("liquidity")
    before = Measures(earlier["nav"], earlier["exposures"], *none, earlier["lost"])
    return usage(limits, limit_raises, measures, sessions, before)


def benchmark_exposures(
    limits: pd.DataFrame,
    sources: Sources,
    books: pd.DataFrame,
    nav: pd.DataFrame,
    instruments: pd.DataFrame,
    constituents: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    reference: Reference,
) -> pd.DataFrame:
    """``Measures.benchmarks`` of ``sessions``, of the books that have a limit on exposures against their benchmark.

    Args:
        limits: facts.
        sources: what benchmarks are computed from, as for ``exposures.of_benchmarks``.
        books: facts, dated by valid_from.
        nav: table ``nav`` of the sessions.
        instruments: facts, dated by valid_from.
        constituents: facts.
        sessions: sessions to compute.
        reference: what tells groups.
    """
    relative = limits.loc[limits["basis"].eq("benchmark") & limits["measure"].isin(ON_EXPOSURES)]
    now = nav.loc[nav["business_date"].isin(sessions)]
    asked = in_force(relative, "limit", now[KEY])[KEY].drop_duplicates()
    if asked.empty:
        return no_benchmarks()
    chosen = books.loc[books["book"].isin(asked["book"])]
    owned = of_benchmarks(sources, chosen, now, instruments, sessions)
    known, nobody = leaves(constituents, instruments, sessions), placed(owned[:0], instruments, reference)
    plain = summed([placed(owned, instruments, reference)], now).assign(coverage=1.0, look_through=False)
    through = of_positions(owned, nobody, known, instruments, now, reference).assign(look_through=True)
    return pd.concat([plain, through], ignore_index=True)


def usage(
    limits: pd.DataFrame,
    limit_raises: pd.DataFrame,
    measures: Measures,
    sessions: pd.DatetimeIndex,
    before: Measures | None = None,
) -> pd.DataFrame:
    """Table ``limit_usage`` of ``sessions``; empty when no limit is in force.

    Args:
        limits: facts. A row holds from valid_from to valid_to; of one limit the latest counts, and a row that names the
            book goes before one for every book. Dimension "" is the whole book, bucket "" each bucket held.
        limit_raises: facts.
        measures: what limits are measured on.
        sessions: sessions to compute.
        before: the same of each book's session before, under the date of the session after it (``following``).

    Returns:
        ``threshold`` is the hard level in force, ``utilisation`` size / hard, empty when hard is 0.
    """
    books = measures.nav.loc[measures.nav["business_date"].isin(sessions)]
    asked = in_force(limits, "limit", books[KEY])
    rows = _judged(_valued(_raised(asked, limit_raises), measures))
    same = [*KEY, "limit", "dimension", "bucket"]
    if before is not None:
        earlier = _valued(asked.assign(raised=""), before)
        known = earlier["problem"].eq("") & earlier["measure"].ne("beta_adjusted") & ~earlier["look_through"]
        rows = rows.merge(earlier.loc[known, [*same, "value"]].rename(columns={"value": "previous"}), how="left")
    else:
        rows["previous"] = np.nan
    return tables.conform("limit_usage", rows.sort_values(same))


def following(
    nav: pd.DataFrame, frames: dict[str, pd.DataFrame], sessions: pd.DatetimeIndex
) -> dict[str, pd.DataFrame]:
    """``frames`` of each book's session before ``sessions``, under the date of the session after it.

    Args:
        nav: table ``nav`` of the sessions and of each book's session before.
        frames: tables with business_date and book.
        sessions: sessions wanted.
    """
    dated = nav.sort_values(["book", "business_date"], ignore_index=True)[KEY]
    dated["following"] = dated.groupby("book", sort=False)["business_date"].shift(-1)
    dated = dated.loc[dated["following"].isin(sessions)]
    return {
        name: frame.merge(dated, on=KEY).drop(columns="business_date").rename(columns={"following": "business_date"})
        for name, frame in frames.items()
    }


def _raised(asked: pd.DataFrame, limit_raises: pd.DataFrame) -> pd.DataFrame:
    """``asked`` with the levels of the raises in force, and ``raised``: what was raised, in a sentence."""
    raises = limit_raises[["limit", "book", "valid_from", "soft", "hard", "valid_to", "reason", "approved_by"]]
    both = asked[[*KEY, "limit", "hard"]].merge(raises, on="limit", suffixes=("", "_raise"))
    both = both.loc[both["book_raise"].eq("") | both["book_raise"].eq(both["book"])]
    both = both.loc[(both["valid_from"] <= both["business_date"]) & (both["valid_to"] >= both["business_date"])]
    both = both.assign(own=both["book_raise"].ne("")).sort_values(["own", "valid_from"], kind="stable")
    both = both.drop_duplicates([*KEY, "limit"], keep="last")
    until = both["valid_to"].dt.strftime("%Y-%m-%d").astype("str")
    levels = "raised from " + _number(both["hard"]) + " to " + _number(both["hard_raise"]) + " until " + until
    both["raised"] = levels + ", approved by " + both["approved_by"] + ": " + both["reason"]
    both = both[[*KEY, "limit", "hard_raise", "soft", "raised"]].rename(columns={"soft": "soft_raise"})
    rows = asked.merge(both, on=[*KEY, "limit"], how="left")
    return rows.assign(
        hard=rows["hard_raise"].fillna(rows["hard"]),
        soft=rows["soft_raise"].fillna(rows["soft"]),
        raised=rows["raised"].fillna(""),
    ).drop(columns=["hard_raise", "soft_raise"])


def _valued(asked: pd.DataFrame, measures: Measures) -> pd.DataFrame:
    """One row for each limit, book and bucket with ``value``, ``size`` (+1 or -1), ``problem`` and ``note``."""
    nav = measures.nav[[*KEY, "nav", "status", "reason"]]
    rows = asked.merge(nav, on=KEY)
    known = _known(measures)
    relative, spread = rows["basis"].eq("benchmark"), rows["measure"].isin(SPREAD)
    whole = rows["measure"].isin(WHOLE_BOOK)
    exposed_to = ~whole & ~spread
    parts = [_exposed(rows.loc[exposed_to & ~relative], known, measures.liquidity)]
    if (exposed_to & relative).any():
        active = _active(known, measures.benchmarks)
        parts.append(_exposed(rows.loc[exposed_to & relative], active, measures.liquidity))
    if spread.any():
        parts.append(_spread(rows.loc[spread], known))
    if whole.any():
        parts.append(_whole(rows.loc[whole], measures.lost))
    found = pd.concat(parts, ignore_index=True)
    good = found["problem"].eq("")
    value = found["money"].where(found["basis"].eq("money"), found["fraction"]).where(good)
    found["value"] = value.round(6).where(found["basis"].eq("money"), value.round(12)) + 0.0
    return found


def _known(measures: Measures) -> pd.DataFrame:
    """Exposures by FOUND: those of the tables, of liquidity buckets, and of each whole book."""
    plain = measures.exposures.assign(look_through=False, coverage=1.0)
    rows = pd.concat([plain, measures.look_through.assign(look_through=True)], ignore_index=True)
    rows = rows.rename(columns={"notional_base": "notional"})
    securities = rows.loc[rows["dimension"].eq("instrument")].sort_values([*FOUND], kind="stable")
    sold = measures.liquidity[[*KEY, "instrument", "liquidity_bucket"]].rename(columns={"instrument": "bucket"})
    fluid = securities.loc[~securities["look_through"]].merge(sold[KEY].drop_duplicates(), on=KEY)
    fluid = fluid.merge(sold, on=[*KEY, "bucket"], how="left").fillna({"liquidity_bucket": "illiquid"})
    fluid = fluid.assign(dimension="liquidity_bucket", bucket=fluid["liquidity_bucket"])
    whole = securities.assign(dimension="", bucket="")
    return pd.concat([rows[[*FOUND, *_SUMMED, *_SHARES]], _added(fluid), _added(whole)], ignore_index=True)


_SUMMED = list(ON_EXPOSURES)
_SHARES = ["coverage", "beta_coverage"]


def _added(rows: pd.DataFrame) -> pd.DataFrame:
    """Sums of ``rows`` by FOUND, their shares weighted by gross exposure."""
    weighted = rows.assign(**{name: rows[name].fillna(1.0) * rows["gross"] for name in _SHARES})
    sums = weighted.groupby(FOUND, as_index=False)[[*_SUMMED, *_SHARES]].sum(min_count=1)
    whole = sums["gross"].where(sums["gross"] > 0)
    return sums.assign(**{name: (sums[name] / whole).round(12) for name in _SHARES})


def _active(known: pd.DataFrame, benchmarks: pd.DataFrame) -> pd.DataFrame:
    """Exposures less those of the benchmark, of books that have one."""
    rows = benchmarks.rename(columns={"notional_base": "notional"})
    securities = rows.loc[rows["dimension"].eq("instrument")].sort_values([*FOUND], kind="stable")
    against = pd.concat([rows[[*FOUND, *_SUMMED, *_SHARES]], _added(securities.assign(dimension="", bucket=""))])
    having = against[[*KEY, "look_through"]].drop_duplicates()
    # Nobody has told the strategy, the counterparties and the liquidity of a benchmark.
    mine = known.loc[~known["dimension"].isin(("strategy", "counterparty", "liquidity_bucket"))]
    mine = mine.merge(having, on=[*KEY, "look_through"])
    both = mine.merge(against, on=FOUND, how="outer", suffixes=("", "_against"))
    difference = {name: both[name].fillna(0.0) - both[f"{name}_against"].fillna(0.0) for name in _SUMMED}
    return both[FOUND].assign(**difference, coverage=both["coverage"], beta_coverage=both["beta_coverage"])


def _exposed(rows: pd.DataFrame, known: pd.DataFrame, liquidity: pd.DataFrame) -> pd.DataFrame:
    """Rows of exposure limits, one for each bucket, with ``money`` and ``fraction``."""
    there = known.assign(there=True)
    one = rows.loc[rows["bucket"].ne("") | rows["dimension"].eq("")].merge(there, on=FOUND, how="left")
    each = rows.loc[rows["bucket"].eq("") & rows["dimension"].ne("")].drop(columns="bucket")
    each = each.merge(there, on=[*KEY, "dimension", "look_through"], how="left").fillna({"bucket": ""})
    found = pd.concat([one, each], ignore_index=True)
    held = found["there"].eq(True)
    found[_SUMMED] = found[_SUMMED].where(held, 0.0)
    measure = found["measure"].to_numpy()
    found["money"] = np.select([measure == name for name in ON_EXPOSURES], [found[name] for name in _SUMMED], np.nan)
    found["fraction"] = found["money"] / found["nav"].where(found["nav"] > 0)
    relative, dimension = found["basis"].eq("benchmark"), found["dimension"]
    of_book = pd.MultiIndex.from_frame(known[[*KEY, "look_through"]].drop_duplicates())
    compared = pd.MultiIndex.from_frame(found[[*KEY, "look_through"]]).isin(of_book)
    fluid = pd.MultiIndex.from_frame(found[KEY]).isin(pd.MultiIndex.from_frame(liquidity[KEY]))
    untold = dimension.isin(("strategy", "counterparty", "liquidity_bucket"))
    found["problem"] = _first(
        found,
        ("a bucket without a dimension", dimension.eq("") & found["bucket"].ne("")),
        ("unknown measure " + found["measure"], ~found["measure"].isin(ON_EXPOSURES)),
        ("unknown dimension " + dimension, ~dimension.isin(["", *DIMENSIONS, *GROUPED, "liquidity_bucket"])),
        ("no benchmark has a " + dimension, relative & untold),
        ("exposures of the benchmark are not available", relative & ~compared),
        ("a liquidity_bucket is not looked through", dimension.eq("liquidity_bucket") & found["look_through"]),
        ("liquidity is not known for this session", dimension.eq("liquidity_bucket") & ~fluid),
        (found["measure"] + " is not known", found["money"].isna()),
    )
    signed = np.isin(measure, ("net", "beta_adjusted"))
    found["size"] = np.select([measure == "short", signed], [-1.0, np.where(found["money"] < 0, -1.0, 1.0)], 1.0)
    seen, betas = found["coverage"].where(found["look_through"]), found["beta_coverage"]
    partly = _share("looked through", seen)
    guessed = _share("on an estimated beta, 1 elsewhere", betas.where(measure == "beta_adjusted"))
    found["note"] = _joined(partly, guessed)
    return found.drop(columns=[*_SUMMED, *_SHARES, "there"])


def _spread(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Rows of limits on how exposure is spread over the buckets of a dimension."""
    rows = rows.assign(over=rows["dimension"].mask(rows["dimension"].eq(""), "instrument"))
    count = pd.to_numeric(rows["bucket"].mask(rows["bucket"].eq(""), "1"), errors="coerce")
    rows["count"] = count.where((count >= 1) & (count % 1 == 0))
    place = [*KEY, "dimension", "look_through"]
    ranked = known.sort_values([*place, "gross", "bucket"], ascending=[True] * 4 + [False, True])
    ranked = ranked.assign(rank=ranked.groupby(place).cumcount() + 1, square=ranked["gross"] ** 2)
    ranked["clear"] = ranked["coverage"].fillna(1.0) * ranked["gross"]
    sums = ranked.groupby(place, as_index=False)[["gross", "square", "clear"]].sum()
    shares = sums["square"] / (sums["gross"] ** 2).where(sums["gross"] > 0)
    sums = sums.assign(shares=shares, seen=sums["clear"] / sums["gross"].where(sums["gross"] > 0))
    sums = sums.rename(columns={"dimension": "over", "gross": "all"})
    sums = sums[[*KEY, "over", "look_through", "shares", "seen"]]
    top = ranked[[*place, "rank", "gross"]].rename(columns={"dimension": "over"})
    pairs = rows[[*KEY, "limit", "over", "look_through", "count"]].merge(top, on=[*KEY, "over", "look_through"])
    pairs = pairs.loc[pairs["rank"] <= pairs["count"]].groupby([*KEY, "limit"])["gross"].sum().reset_index()
    found = rows.merge(sums, on=[*KEY, "over", "look_through"], how="left").merge(pairs, on=[*KEY, "limit"], how="left")
    largest = found["measure"].eq("largest")
    found["money"] = found["gross"].fillna(0.0).where(largest)
    of_nav = found["money"] / found["nav"].where(found["nav"] > 0)
    found["fraction"] = of_nav.where(largest, found["shares"].fillna(0.0))
    found["problem"] = _first(
        found,
        ("unknown dimension " + found["over"], ~found["over"].isin([*DIMENSIONS, *GROUPED, "liquidity_bucket"])),
        ("bucket " + found["bucket"] + " is no number of buckets", largest & found["count"].isna()),
        ("concentration is of all buckets", ~largest & found["bucket"].ne("")),
        ("concentration is a fraction and has no basis money", ~largest & found["basis"].eq("money")),
        (found["measure"] + " has no basis benchmark", found["basis"].eq("benchmark")),
    )
    found["note"] = _share("looked through", found["seen"].where(found["look_through"]))
    return found.assign(size=1.0).drop(columns=["over", "count", "shares", "seen", "gross"])


def _whole(rows: pd.DataFrame, lost: pd.DataFrame) -> pd.DataFrame:
    """Rows of limits on measures that a book has one of, or one for each scenario or number of sessions."""
    modelled = rows["measure"].isin(("var", "es"))
    rows = rows.assign(
        method=rows["method"].mask(rows["method"].eq(""), METHOD).where(modelled, ""),
        confidence=rows["confidence"].fillna(CONFIDENCE).where(modelled, 0.0).round(12),
        horizon_days=rows["horizon_days"].fillna(HORIZON_DAYS).where(modelled, 0.0),
    )
    several = rows["dimension"].eq("scenario") & rows["bucket"].eq("")
    one = rows.loc[~several].merge(lost, on=[*KEY, *WHICH], how="left")
    shared = [*KEY, *WHICH[:-1]]
    each = rows.loc[several].drop(columns="bucket").merge(lost, on=shared, how="left").fillna({"bucket": ""})
    found = pd.concat([one, each], ignore_index=True)
    why, measure = found["why"].fillna(""), found["measure"]
    named = measure.isin(("var", "es")) & (
        found["method"].ne(METHOD) | found["confidence"].ne(CONFIDENCE) | found["horizon_days"].ne(HORIZON_DAYS)
    )
    model = " " + found["method"] + " at " + _number(found["confidence"]) + " over " + _number(found["horizon_days"])
    what = measure + (model + " sessions").where(named, "")
    what = what + (" of scenario " + found["bucket"]).where(found["dimension"].eq("scenario"), "")
    what = what + (" after " + found["bucket"] + " sessions").where(measure.eq("liquidity"), "")
    relative = found["basis"].eq("benchmark")
    ratio = found["money"] / found["against"].where(found["against"] > 0)
    unknown = found["money"].isna() & found["fraction"].isna()
    found["fraction"] = found["fraction"].where(~relative, ratio)
    of_scenario = measure.eq("stress_loss") & found["dimension"].eq("scenario")
    placed = (found["dimension"].ne("") | found["bucket"].ne("")) & ~of_scenario & measure.ne("liquidity")
    pure = measure.isin(("drawdown", "liquidity"))
    sessions = pd.to_numeric(found["bucket"], errors="coerce")
    found["problem"] = _first(
        found,
        (measure + " is known for the whole book only", placed | measure.eq("liquidity") & found["dimension"].ne("")),
        ("bucket " + found["bucket"] + " is no number of sessions", measure.eq("liquidity") & sessions.isna()),
        (measure + " is a fraction and has no basis money", pure & found["basis"].eq("money")),
        (measure + " has no basis benchmark", relative & measure.ne("var")),
        (why.mask(why.eq(""), "there is no " + what + " for this session"), unknown),
        ("there is no var of the benchmark for this session", relative & found["fraction"].isna()),
        (("nav was not positive " + why).str.strip(), found["basis"].eq("nav") & found["fraction"].isna()),
    )
    return found.assign(size=1.0, note=why).drop(columns=["why", "against"])


def losses(
    var: pd.DataFrame,
    nav: pd.DataFrame,
    performance: pd.DataFrame,
    stress: pd.DataFrame,
    liquidity_profile: pd.DataFrame,
) -> pd.DataFrame:
    """The measures of whole books (``WHOLE_BOOK``), wherever the tables tell them.

    Args:
        var: table ``var``.
        nav: table ``nav`` of the same sessions.
        performance: table ``performance`` from each book's first session on.
        stress: table ``stress``.
        liquidity_profile: table ``liquidity_profile``.

    Returns:
        business_date, book, WHICH (method "" and numbers 0 where they tell nothing apart); money; fraction of that
        session's NAV; against, the same measure of the benchmark; why it is missing or what it leaves out.
    """
    known = _share("of value has a history or a proxy", var["coverage"] + var["proxy_coverage"])
    said = _joined(var["status"].mask(var["status"].eq("ok"), ""), known)
    unknown = var["status"].eq(NOTHING_KNOWN)
    model = var[[*KEY, "method"]].assign(
        confidence=var["confidence"].round(12),
        horizon_days=var["horizon_days"].astype("float64"),
        dimension="",
        bucket="",
    )
    tails = [
        model.assign(measure=name, money=var[name].mask(unknown), against=against, why=said)
        for name, against in (("var", var["benchmark_var"]), ("es", np.nan))
    ]
    money = pd.concat([*tails, _worst(stress), _by_scenario(stress)], ignore_index=True)
    money = money.merge(nav[[*KEY, "nav"]], on=KEY, how="left")
    money["fraction"] = money["money"] / money["nav"].where(money["nav"] > 0)
    fractions = pd.concat([_drawdown(performance), _illiquid(liquidity_profile)], ignore_index=True)
    found = pd.concat([money, fractions], ignore_index=True)
    found = found.fillna({"method": "", "confidence": 0.0, "horizon_days": 0.0, "dimension": "", "bucket": ""})
    return found[[*KEY, *WHICH, "money", "fraction", "against", "why"]]


def last_losses(lost: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """What ``losses`` says of each book's last close before a session, at most ``LAST_CLOSE`` days old.

    For a session as it goes: nothing that needs a close of its own is known yet.

    Args:
        lost: ``losses`` of at least the sessions from ``LAST_CLOSE`` days before on.
        books: business_date and book wanted.

    Returns:
        One row for each of ``books`` and of what ``losses`` tells, or would by default; ``why`` names the close, or
        says that there is none.
    """
    modelled = pd.Series(WHOLE_BOOK[:4], dtype="str").isin(("var", "es"))
    default = pd.DataFrame({"measure": WHOLE_BOOK[:4], "dimension": "", "bucket": ""}).assign(
        method=np.where(modelled, METHOD, ""),
        confidence=np.where(modelled, CONFIDENCE, 0.0),
        horizon_days=np.where(modelled, HORIZON_DAYS, 0.0),
    )
    wanted = books[KEY].merge(pd.concat([default, lost[WHICH]]).drop_duplicates(), how="cross")
    found = pd.merge_asof(
        wanted.sort_values("business_date", kind="stable"),
        lost.assign(close=lost["business_date"]).sort_values("business_date", kind="stable"),
        on="business_date",
        by=["book", *WHICH],
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
    unknown = rows["daily_return"].isna() | level.isna()
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
    return worst[KEY].assign(measure="stress_loss", money=-worst["pnl"], why=why)


def _by_scenario(stress: pd.DataFrame) -> pd.DataFrame:
    return stress[KEY].assign(
        measure="stress_loss",
        dimension="scenario",
        bucket=stress["scenario"],
        money=-stress["pnl"],
        why=stress["reason"],
    )


def _illiquid(liquidity_profile: pd.DataFrame) -> pd.DataFrame:
    rows = liquidity_profile
    return rows[KEY].assign(
        measure="liquidity",
        bucket=rows["horizon_days"].astype("int64").astype("str"),
        money=np.nan,
        fraction=(1 - rows["liquidated_fraction"]).round(12),
        why=rows["reason"],
    )


def _first(rows: pd.DataFrame, *tests: "tuple[pd.Series[str] | str, pd.Series[bool]]") -> "pd.Series[str]":
    """Why a limit cannot be evaluated: of what holds for every measure, then of ``tests``, the first; else ""."""
    problem = pd.Series("", index=rows.index, dtype="str")
    general: list[tuple[pd.Series[str] | str, pd.Series[bool]]] = [
        (("nav failed: " + rows["reason"]).str.removesuffix(": "), rows["status"].ne("ok")),
        ("the limit has no hard level", rows["hard"].isna()),
        ("unknown basis " + rows["basis"], ~rows["basis"].isin(["nav", "money", "benchmark"])),
        ("nav is not positive", rows["basis"].ne("money") & ~(rows["nav"] > 0)),
    ]
    for said, failed in reversed([*general, *tests]):
        problem = problem.mask(failed, said)
    return problem


def _judged(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with threshold, utilisation, headroom, reached, status and reason."""
    good = rows["problem"].eq("")
    size, hard = rows["value"] * rows["size"], rows["hard"].abs()
    over_hard, over_soft, warned = size > hard, size > rows["soft"].abs(), size >= rows["warning"].abs()
    reached = np.select([over_hard, over_soft, warned], ["hard", "soft", "warning"], "")
    verdict = np.select([~good, over_hard, over_soft | warned], ["failed", "breach", "warning"], "pass")
    return pd.DataFrame(
        {
            **rows[["business_date", "book", "limit", "dimension", "bucket", "measure", "basis", "value"]],
            "threshold": rows["hard"],
            "utilisation": (size / hard.where(hard > 0)).round(12),
            "headroom": (hard - size).round(12),
            **rows[["soft", "warning"]],
            "reached": reached,
            "status": verdict,
            "reason": rows["problem"].mask(good, _joined(rows["note"].fillna(""), rows["raised"])),
            "owner": rows["owner"],
        }
    )


def _joined(first: "pd.Series[str]", second: "pd.Series[str]") -> "pd.Series[str]":
    """Both, with a semicolon between them where both say something."""
    return (first + "; " + second).where(first.ne("") & second.ne(""), first + second)


def _share(what: str, share: "pd.Series[float]") -> "pd.Series[str]":
    """ "92.4 % ``what``" where less than all is, else ""."""
    percent = (100 * share).round(4).map(lambda number: f"{number:.4g}").astype("str")
    return (percent + " % " + what).where(share < 1, "")


def _number(values: "pd.Series[float]") -> "pd.Series[str]":
    return values.map(lambda number: f"{number:.10g}").astype("str")
