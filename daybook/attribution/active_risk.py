"""Active risk by the tree of the attribution: where the tracking error comes from, node by node.

Belongs here: what books and benchmarks hold at the close, put into past sessions, and the parts of the tracking error
by node. Does not belong here: the tree and its effects (``tree``), how scenarios are made (``daybook.risk.scenarios``).

Conventions. The tracking error is the standard deviation (divisor S - 1) of the active return that the holdings of the
close would have had in each of the last 500 sessions, times the root of periods_per_year. The part of any effect e in
it is cov(e, active) / sd(active), which is exposure x volatility x correlation (Menchero and Davis 2011, Risk
contribution is exposure times volatility times correlation, J. of Portfolio Management 37(2)); parts of effects that
add up to the active return add up to the tracking error.

With weights given, every effect of Brinson is linear in returns. So the part of an effect is the effect of the parts:
the tree is asked once, with c_p and w_b r_b of each line replaced by their covariance with the active return over its
standard deviation. It is the same tree, by the same rules, with the weights of the close; rows join those of
``attribution_nodes`` by node. There is no trading, cash in base currency is riskless, and what a benchmark hedges has
no currency risk. A benchmark's weights are those of ``closing.weights``. ``standalone_risk`` is the volatility of a
node's total by itself: active_risk / standalone_risk is its correlation with the active return.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.attribution import rules, tree
from daybook.attribution.brinson import BRINSON_FACHLER
from daybook.attribution.sides import FLOWS
from daybook.market.declared import rule_in_force
from daybook.performance import closing
from daybook.performance.benchmarks import VIEW, Sources, book_views
from daybook.risk import models, scenarios
from daybook.risk.factor_models import LEAST
from daybook.risk.factors import credible
from daybook.risk.scenarios import Day, Facts, ScenarioSet

KEY = ["business_date", "book"]
REACH = 1e-12
LINES_AT_ONCE = 20_000
"""Lines whose 500 scenarios are in memory at a time: 80 MB."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def risk_attribution(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    sources: Sources,
    instruments: pd.DataFrame,
    attribution_rules: pd.DataFrame,
    performance_rules: pd.DataFrame,
    facts: Facts,
    date: pd.Timestamp,
) -> pd.DataFrame:
    """Table ``risk_attribution`` of one session.

    Args:
        valuations: table of the session.
        nav: table of the session.
        sources: what benchmarks are made of; ``returns`` reaches ``models.BACK`` sessions back, ``fx_rates`` one more.
        instruments: facts, dated by valid_from.
        attribution_rules: facts.
        performance_rules: facts, for periods_per_year.
        facts: what scenarios read besides; its books are those asked about, benchmarks come from ``sources``.
        date: the session.

    Returns:
        A row for each node of each book with a NAV above 0 and a benchmark; of every other book one row, the whole,
        without figures and with the reason in ``status``.
    """
    sessions = pd.DatetimeIndex([date]).as_unit("us")
    views = book_views(facts.books, sessions)
    views = nav.loc[nav["business_date"].eq(date), [*KEY, "nav", "status"]].merge(views, on=KEY)
    views = views.sort_values("book", ignore_index=True)
    held = closing.weights(sources, views[VIEW], sessions)
    for frame in (held, views):
        frame["token"] = frame[VIEW].agg("|".join, axis=1).astype("str") if len(frame) else ""
    known = set(held.loc[held["weight"].notna(), "token"])
    reason = pd.Series("", index=views.index, dtype="str")
    reason = reason.mask(~views["token"].isin(known), "no weights of benchmark " + views["benchmark"] + " at the close")
    reason = reason.mask(views["benchmark"].eq(""), "no benchmark")
    unknown = rules.unknown_levels(rules.in_force(attribution_rules, views)["levels"]).set_axis(views.index)
    reason = reason.mask(unknown.ne(""), "no tree: instruments have no level " + unknown)
    reason = reason.mask(~(views["nav"] > 0), "nav is not above 0").mask(views["status"].ne("ok"), "no nav")
    good = views.loc[reason.eq("")].reset_index(drop=True)
    frames = [_untold(date, views["book"], reason)]
    if len(good):
        periods_per_year = _scale(performance_rules, good)
        frames += list(
            _told(valuations, nav, sources, instruments, attribution_rules, facts, good, held, periods_per_year)
        )
    found = pd.concat(frames, ignore_index=True).sort_values([*KEY, "node"], ignore_index=True)
    return tables.conform("risk_attribution", found.reindex(columns=list(tables.TABLES["risk_attribution"].names)))


def _scale(performance_rules: pd.DataFrame, books: pd.DataFrame) -> Floats:
    """Sessions in a year, of each book: as declared, 252 where nothing is."""
    return rule_in_force("performance_rules", performance_rules, books)["periods_per_year"].to_numpy(np.float64)


def _untold(date: pd.Timestamp, books: pd.Series, reason: pd.Series) -> pd.DataFrame:
    """The whole of each book that has a reason, without figures."""
    rows = pd.DataFrame({"business_date": date, "book": books, "status": reason}).loc[reason.ne("")]
    return rows.assign(node="", parent_node="", dimension="", depth=0, observations=0, convention="")


@dataclass(frozen=True)
class _Sides:
    """Books and benchmarks of one session in its scenarios.

    Attributes:
        day, made: all books, and the historical scenarios.
        lines: of benchmarks: token, instrument, weight, known; the rows of ``returns``.
        returns: of each of ``lines`` in each scenario, after its hedge, shape (L, S).
    """

    day: Day
    made: ScenarioSet
    lines: pd.DataFrame
    returns: Floats


def _sides(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    sources: Sources,
    instruments: pd.DataFrame,
    facts: Facts,
    views: pd.DataFrame,
    held: pd.DataFrame,
) -> _Sides:
    """The books of ``views`` and what their benchmarks hold, as scenarios have them: a delivery of that very day."""
    date = views["business_date"].iloc[0]
    sessions = pd.DatetimeIndex([date]).as_unit("us")
    returns = credible(sources.returns.loc[sources.returns["business_date"] <= date])
    returns = returns.loc[returns["business_date"].isin(np.sort(returns["business_date"].unique())[-models.WINDOW :])]
    # In the order in which scenarios keep what is delivered.
    lines = held.loc[held["token"].isin(views["token"])].sort_values(["token", "instrument"], ignore_index=True)
    delivered = lines.assign(business_date=date, benchmark=lines["token"])
    books = views.assign(benchmark=views["token"], valid_from=date)[["book", *VIEW, "valid_from"]]
    facts = replace(facts, books=books, benchmark_weights=delivered, benchmark_levels=sources.benchmark_levels)
    wanted = nav.loc[nav["book"].isin(views["book"])]
    day = next(scenarios.days(valuations, wanted, returns, sources.fx_rates, instruments, sessions, facts))
    made = day.scenarios(models.HISTORICAL)
    at = np.searchsorted(made.placed.used, day.weights.line)
    move = np.nan_to_num(made.placed.fx[made.placed.via[at]])
    hedged = made.returns[at] - lines["hedge_ratio"].to_numpy()[:, None] * move
    return _Sides(day, made, lines.assign(known=made.placed.whole[at]), hedged)


def _told(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    sources: Sources,
    instruments: pd.DataFrame,
    attribution_rules: pd.DataFrame,
    facts: Facts,
    views: pd.DataFrame,
    held: pd.DataFrame,
    periods_per_year: Floats,
) -> Iterator[pd.DataFrame]:
    """Rows of the books of ``views``, some at a time; books of fewer than ``LEAST`` scenarios say so."""
    sides = _sides(valuations, nav, sources, instruments, facts, views, held)
    observations = sides.made.returns.shape[1]
    if observations < LEAST:
        said = pd.Series(f"{observations} of {LEAST} scenarios that a tracking error needs", index=views.index)
        yield _untold(views["business_date"].iloc[0], views["book"], said.astype("str"))
        return
    declared = rules.in_force(attribution_rules, views)
    lines = _lines(sides, views)
    size = lines.groupby("owner")["owner"].size().reindex(range(len(views)), fill_value=0).to_numpy()
    part = np.cumsum(size) // LINES_AT_ONCE
    for i in np.unique(part):
        owners = np.flatnonzero(part == i)
        mine = lines.loc[lines["owner"].isin(owners)].reset_index(drop=True)
        yield _part(sides, mine, views, declared, instruments, periods_per_year, owners)


def _lines(sides: _Sides, views: pd.DataFrame) -> pd.DataFrame:
    """Lines of either side of every book, and of its flows: position and line are -1 where the side has none.

    Sorted by book and instrument: owner (position in ``views``), instrument, position (in ``Day.rows``), opened, line
    (of ``_Sides``), weight, gross and known (what of it has returns of its own), fractions of NAV.
    """
    rows, placed = sides.day.rows, sides.made.placed
    owner = pd.Index(views["book"]).get_indexer(pd.Index(rows["book"]))
    worth = views["nav"].to_numpy(np.float64)[owner]
    own = pd.DataFrame({"owner": owner, "instrument": rows["instrument"].to_numpy(object)})
    own = own.assign(
        position=np.arange(len(rows)),
        opened=rows["market_value_base"].to_numpy(np.float64),
        gross=placed.gross / worth,
        known=np.where(placed.covered, placed.gross, 0.0) / worth,
    )
    listed = sides.lines[["token", "instrument", "weight", "known"]].rename(columns={"known": "whole"})
    listed["line"] = np.arange(len(listed))
    theirs = views[["token"]].assign(owner=np.arange(len(views))).merge(listed, on="token").drop(columns="token")
    flows = pd.DataFrame({"owner": np.arange(len(views)), "instrument": FLOWS})
    both = own.merge(theirs, on=["owner", "instrument"], how="outer").merge(
        flows, on=["owner", "instrument"], how="outer"
    )
    both[["position", "line"]] = both[["position", "line"]].fillna(-1).astype("int64")
    both[["opened", "gross", "known", "weight"]] = both[["opened", "gross", "known", "weight"]].fillna(0.0)
    both["gross"] += both["weight"].abs()
    both["known"] += both["weight"].abs().where(both.pop("whole").fillna(False).astype(bool), 0.0)
    return both.sort_values(["owner", "instrument"], ignore_index=True)


def _part(
    sides: _Sides,
    lines: pd.DataFrame,
    views: pd.DataFrame,
    declared: pd.DataFrame,
    instruments: pd.DataFrame,
    periods_per_year: Floats,
    owners: Ints,
) -> pd.DataFrame:
    """Rows of the books ``owners`` (positions in ``views``), whose ``lines`` these are."""
    books = views.take(owners).reset_index(drop=True)
    of = np.searchsorted(owners, lines["owner"].to_numpy())
    worth = books["nav"].to_numpy(np.float64)
    count = len(owners)
    earned = np.zeros((len(lines), sides.made.returns.shape[1]))
    there = np.flatnonzero(lines["position"] >= 0)
    earned[there] = sides.made.earned(lines["position"].to_numpy()[there], slice(None)) / worth[of[there], None]
    weighted = np.zeros_like(earned)
    listed = np.flatnonzero(lines["line"] >= 0)
    weighted[listed] = sides.returns[lines["line"].to_numpy()[listed]] * lines["weight"].to_numpy()[listed, None]
    begins = np.searchsorted(of, np.arange(count))
    active = np.add.reduceat(earned - weighted, begins, axis=0)
    benchmark = np.add.reduceat(weighted, begins, axis=0)
    scale = np.sqrt(periods_per_year[owners])
    whole = active.std(axis=1, ddof=1) * scale
    of_book, of_benchmark = (parts(values, active, of, scale) for values in (earned, weighted))
    rule = declared.take(owners).reset_index(drop=True)
    asked = pd.DataFrame(
        {
            "business_date": books["business_date"].to_numpy()[of],
            "book": books["book"].to_numpy(object)[of],
            "base_currency": books["base_currency"].to_numpy(object)[of],
            "instrument": lines["instrument"].to_numpy(object),
            "opened": lines["opened"],
            "denominator": worth[of],
            "earned": of_book * worth[of],
            "traded": 0.0,
            "weight": lines["weight"],
            "weighted": of_benchmark,
            "risk_free": 0.0,
        }
    ).astype({"book": "str", "base_currency": "str", "instrument": "str"})
    made = tree.nodes(asked, rule, instruments)
    found = tree.rounded(made, np.round(whole, 12))
    # What a line adds to the active return: against the benchmark's return, or against nothing.
    judged = np.where(rule["method"].eq(BRINSON_FACHLER), 1.0, 0.0)[of]
    bet = (lines["opened"].to_numpy() / worth[of] - lines["weight"].to_numpy()) * judged
    effects = earned - weighted - bet[:, None] * benchmark[of]
    alone = _added(made, effects).std(axis=1, ddof=1) * scale[made.whole]
    gross, known = (np.bincount(of, lines[name], count) for name in ("gross", "known"))
    share = np.divide(known, gross, out=np.ones(count), where=gross > 0)
    said = (
        f"standard deviation of {active.shape[1]} historical scenarios x root of "
        + pd.Series(periods_per_year[owners]).map("{:g}".format).astype("str")
        + " sessions a year; weights at the close"
    )
    active_risk = found["total"].to_numpy()
    allocation = np.round(found["allocation"].to_numpy() + found["allocation_above"].to_numpy(), 12)
    return found.assign(
        active_weight=np.round(found["portfolio_weight"] - found["benchmark_weight"], 12),
        allocation_risk=allocation,
        selection_risk=np.round(active_risk - allocation, 12),
        active_risk=active_risk,
        standalone_risk=np.round(alone, 12),
        coverage=np.round(np.minimum(share, 1.0), 12)[made.whole],
        observations=active.shape[1],
        convention=said.to_numpy(object)[made.whole],
        status="ok",
    )


def parts(effects: Floats, active: Floats, of: Ints, scale: Floats) -> Floats:
    """Part of each effect in the tracking error: cov(effect, active) / sd(active) x scale; 0 where nothing is active.

    Args:
        effects: in each scenario, shape (n, S).
        active: active return of each book in each scenario, shape (B, S).
        of: the book of each effect, shape (n,).
        scale: root of the sessions in a year, of each book, shape (B,).
    """
    centred = active - active.mean(axis=1, keepdims=True)
    deviation = active.std(axis=1, ddof=1)
    per = np.divide(scale, deviation, out=np.zeros(len(active)), where=deviation > 0) / (active.shape[1] - 1)
    return np.asarray(np.einsum("ns,ns->n", effects, centred[of]) * per[of], np.float64)


def _added(made: tree.Tree, by_line: Floats) -> Floats:
    """Sums of ``by_line`` (lines x scenarios) over what is in each node, shape (nodes, S)."""
    from scipy.sparse import csr_matrix

    rows: list[Ints] = []
    columns: list[Ints] = []
    at, line = made.leaf, np.arange(len(made.leaf))
    while len(at):
        rows.append(at)
        columns.append(line)
        up = made.above[at]
        at, line = up[up >= 0], line[up >= 0]
    row, column = np.concatenate(rows), np.concatenate(columns)
    inside: Any = csr_matrix((np.ones(len(row)), (row, column)), shape=(len(made.above), len(made.leaf)))
    return np.asarray(inside @ by_line, np.float64)


def identity_gaps(risk_attribution: pd.DataFrame) -> pd.DataFrame:
    """Nodes whose parts are not what is below them, or not allocation and selection, within 1e-12.

    Returns:
        business_date, book, node, gap; empty when all is well.
    """
    rows = risk_attribution.loc[risk_attribution["active_risk"].notna()]
    below = rows.loc[rows["depth"] > 0].groupby([*KEY, "parent_node"], as_index=False)[["active_risk"]].sum()
    below = below.set_axis([*KEY, "node", "below"], axis=1)
    both = rows.merge(below, on=[*KEY, "node"], how="left")
    inner = (both["below"] - both["active_risk"]).fillna(0.0)
    parts = both["allocation_risk"] + both["selection_risk"] - both["active_risk"]
    both["gap"] = inner.where(inner.abs() > REACH, parts)
    return both.loc[both["gap"].abs() > REACH, [*KEY, "node", "gap"]].reset_index(drop=True)
