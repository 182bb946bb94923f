"""Benchmarks: what stands at the open of a session, and what it earned.

Belongs here: which way of computing serves a benchmark on a session, its hedge, and the table ``benchmark_returns``.
Does not belong here: members (``delivered``, ``levels``, ``blends``), what a book earned (``returns``), why it earned
something else (``daybook.attribution``).

Conventions: on each session a benchmark is, in this order, the blend that ``benchmark_blends`` declare, the weights
that were delivered before (CONTRACT 2.9), or, where a row of ``benchmark_terms`` or of a blend in force names it, its
published levels; else there is nothing yet. The return is the sum of opening weight x return, in base currency.
A hedge of h sells h of the opening value of a line in foreign currency forward for the session, as published hedged
indices do (MSCI, FTSE, Eagle): its return is return + h x (premium - change of the exchange rate), the premium that of
covered interest parity; what the line earned meanwhile is not hedged, and the hedge is set anew at each open.
local_return is the return had no exchange rate changed and nothing been hedged, currency_return the rest, hedged_return
the return with h = 1.
A benchmark changes at the open of a session, be it by another blend, other terms or another benchmark of the book.
"""

from dataclasses import dataclass, field

import pandas as pd

from daybook import tables
from daybook.market.constituents import blends_in_force
from daybook.performance import blends, delivered, levels
from daybook.performance.delivered import joined
from daybook.performance.risk_free import forward_premiums, risk_free_returns
from daybook.performance.views import CASH, KEY, VIEW, book_views, grid, previous, terms

__all__ = ["CASH", "KEY", "VIEW", "book_views", "forward_premiums", "risk_free_returns"]
LINES = [*KEY, *delivered.LINE, "hedge_ratio", "forward_premium"]
NOTES = ["convention", "reason", "note"]
_UNHEDGED = {"hedge_ratio": 0.0, "forward_premium": 0.0, "premium_known": True}
NONE_YET = "no benchmark weights yet"


@dataclass(frozen=True)
class Sources:
    """What benchmarks are computed from.

    benchmark_weights, benchmark_levels, benchmark_blends, benchmark_terms, risk_free_rates: facts. returns, fx_rates:
    tables of every session since the last delivery of weights, and the last rebalancing, before the first session.
    """

    benchmark_weights: pd.DataFrame
    returns: pd.DataFrame
    fx_rates: pd.DataFrame
    benchmark_levels: pd.DataFrame = field(default_factory=lambda: tables.empty("benchmark_levels"))
    benchmark_blends: pd.DataFrame = field(default_factory=lambda: tables.empty("benchmark_blends"))
    benchmark_terms: pd.DataFrame = field(default_factory=lambda: tables.empty("benchmark_terms"))
    risk_free_rates: pd.DataFrame = field(default_factory=lambda: tables.empty("risk_free_rates"))


@dataclass(frozen=True)
class Benchmarks:
    """Benchmarks over some sessions.

    lines: KEY, instrument, weight (adds up to 1; empty where the sum of weights is not positive), total_return (in base
    currency, after the hedge: the benchmark's return is the sum of weight x total_return), local_return, currency,
    currency_move, hedge_ratio, forward_premium. Sorted by KEY and instrument; none where nothing is known yet.
    returns: table ``benchmark_returns``, one row for each benchmark and session wanted.
    """

    lines: pd.DataFrame
    returns: pd.DataFrame


def computed(sources: Sources, views: pd.DataFrame, sessions: pd.DatetimeIndex, closing: bool = False) -> Benchmarks:
    """Every benchmark of ``views`` on every one of ``sessions`` that its calendar has.

    Args:
        sources: what they are computed from.
        views: VIEW ("" is no benchmark), and business_date where a benchmark is wanted on some of the sessions alone.
        sessions: sessions to compute.
        closing: whether the weights wanted are those of the close before (``closing.weights``): no delivery counts
            that is dated after it, at a weekend say.
    """
    wanted = grid(views, sessions)
    plan = blends.plan(sources.benchmark_blends, sources.benchmark_terms, wanted)
    lines, known = _leaves(sources, plan.leaves, closing)
    parts = plan.parts
    for depth in sorted(parts["depth"][parts["depth"] < float("inf")].unique()):
        here = parts.loc[parts["depth"].eq(depth), blends.SPAN].drop_duplicates()
        since = parts[parts["depth"] <= depth].merge(here, on=blends.SPAN)
        shares = blends.drifted(since, known)
        shares = shares[shares["depth"].eq(depth)].reset_index(drop=True)
        made = _hedged(blends.opened(shares, lines), sources)
        lines = pd.concat([lines, made], ignore_index=True)
        known = pd.concat([known, _summed(made, blends.notes(shares))], ignore_index=True)
    if len(parts):
        known = pd.concat([known, blends.refused(parts)], ignore_index=True)
    lines = lines.merge(wanted, on=KEY).sort_values([*KEY, "instrument"], ignore_index=True)
    if not closing:  # of the session to come no currency is known
        lines["hedge_ratio"] = lines["hedge_ratio"].where(lines["currency"].ne(lines["base_currency"]), 0.0)
    return Benchmarks(lines[LINES], _table(wanted.merge(known, on=KEY, how="left")))


def _leaves(sources: Sources, wanted: pd.DataFrame, closing: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines and returns of benchmarks that are no blends."""
    weighted = delivered.lines(
        sources.benchmark_weights, sources.benchmark_terms, sources.returns, sources.fx_rates, wanted, closing
    )
    notes = delivered.notes(weighted, sources.benchmark_weights, sources.benchmark_terms)
    lines = _hedged(weighted.assign(**_UNHEDGED), sources)
    known = _summed(lines, notes)
    levelled = wanted[wanted["benchmark"].isin(sources.benchmark_levels["benchmark"].unique())]
    rest = levelled.merge(notes[KEY], on=KEY, how="left", indicator="by")
    rest = rest.loc[rest["by"].eq("left_only"), KEY].reset_index(drop=True)
    if not len(rest):
        return lines, known
    declared = _declared(sources, rest)
    reason = NONE_YET + "; its levels count once benchmark_terms name it"
    silent = rest[~declared].assign(convention="", reason=reason, note="")
    alone = levels.lines(sources.benchmark_levels, sources.fx_rates, rest[declared].reset_index(drop=True), closing)
    hedged = _hedged(alone.assign(**_UNHEDGED), sources)
    of_levels = _summed(hedged, pd.concat([levels.notes(alone), silent], ignore_index=True))
    return pd.concat([lines, hedged], ignore_index=True), pd.concat([known, of_levels], ignore_index=True)


def _declared(sources: Sources, rows: pd.DataFrame) -> pd.Series:
    """Whether a row of terms, or of a blend in force, names the benchmark of each of ``rows`` on its session."""
    named = terms(sources.benchmark_terms, rows)["declared"]
    days = pd.DatetimeIndex(rows["business_date"].unique()).sort_values()
    inside = blends_in_force(sources.benchmark_blends, days)[["business_date", "constituent"]].drop_duplicates()
    found = rows.merge(
        inside, left_on=["business_date", "benchmark"], right_on=["business_date", "constituent"], how="left"
    )
    return named | found["constituent"].notna()


def _hedged(lines: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """``lines`` with the hedge that the terms of their benchmark declare, on top of what is hedged within them."""
    rows = lines.sort_values([*KEY, "instrument"], ignore_index=True)
    abroad = rows["currency"].ne(rows["base_currency"])
    pairs = rows.loc[abroad, [*KEY, "currency"]]
    pairs["previous"] = previous(pairs)
    premium = forward_premiums(sources.risk_free_rates, pairs)
    rows.loc[abroad, "forward_premium"] = premium["forward_premium"]
    rows.loc[abroad, "premium_known"] = premium["known"]
    ratio = terms(sources.benchmark_terms, rows)["hedge_ratio"]
    open_part = (1 - rows["hedge_ratio"]) * ratio
    sold = rows["total_return"] + open_part * (rows["forward_premium"] - rows["currency_move"])
    return rows.assign(
        total_return=rows["total_return"].where(ratio.eq(0), sold),
        hedge_ratio=rows["hedge_ratio"] + open_part,
    )


def _summed(lines: pd.DataFrame, notes: pd.DataFrame) -> pd.DataFrame:
    """KEY, benchmark_return, local_return, hedged_return (unrounded; empty with a reason), and what is said of each."""
    rows = lines.sort_values([*KEY, "instrument"], ignore_index=True)
    weight, idle = rows["weight"], rows["weight"].eq(0)
    rows["part"] = (weight * rows["total_return"]).mask(idle, 0.0)
    rows["local"] = (weight * rows["local_return"]).mask(idle, 0.0)
    rest = (1 - rows["hedge_ratio"]) * (rows["forward_premium"] - rows["currency_move"])
    rows["sold"] = (weight * (rows["total_return"] + rest)).mask(idle, 0.0)
    rows["missing"] = rows["instrument"].where(rows[["part", "local"]].isna().any(axis=1))
    rows["unknown"] = rows["currency"].where(~rows["premium_known"] & ~idle)
    rows["ratio"] = rows["hedge_ratio"].where(rows["currency"].ne(rows["base_currency"]))
    sums = rows.groupby(KEY, as_index=False).agg(
        benchmark_return=("part", "sum"), local_return=("local", "sum"), hedged_return=("sold", "sum"),
        missing=("missing", "first"), unknown=("unknown", "first"), least=("ratio", "min"), most=("ratio", "max"),
    )  # fmt: skip
    found = notes.merge(sums, on=KEY, how="left")
    lacking = ("benchmark: no return of " + found["missing"].astype("str")).where(found["missing"].notna(), "")
    found["reason"] = found["reason"].mask(found["reason"].eq(""), lacking)
    part = (100 * found["most"]).map("{:.6g} %".format).astype("str")
    part = part.where(found["least"].eq(found["most"]), "up to " + part)
    hedge = ("foreign currency hedged by " + part + " at the forward premium").where(found["most"] > 0, "")
    found["convention"] = joined([found["convention"], hedge])
    free = "forward premium of " + found["unknown"].astype("str") + " taken as 0: no risk-free rates"
    found["free"] = free.where(found["unknown"].notna(), "")
    figures = ["benchmark_return", "local_return", "hedged_return"]
    found[figures] = found[figures].where(found["reason"].eq(""))
    return found[[*KEY, *NOTES, "free", *figures]]


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    """Table ``benchmark_returns``."""
    reason = rows["reason"].fillna(NONE_YET)
    fine = joined([pd.Series("ok", rows.index, dtype="str"), rows["note"].fillna("")])
    figures = ["benchmark_return", "local_return", "hedged_return"]
    found = rows.assign(**{name: rows[name].round(12) for name in figures})
    found["currency_return"] = (found["benchmark_return"] - found["local_return"]).round(12)
    found["convention"] = joined([rows["convention"].fillna(""), rows["free"].fillna("")])
    found["status"] = fine.mask(reason.ne(""), reason)
    return tables.conform("benchmark_returns", found[list(tables.TABLES["benchmark_returns"].names)])
