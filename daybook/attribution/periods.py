"""Effects of periods: the stored effects of sessions, linked over every period that ends on a date.

Belongs here: which effects are linked and by what, their tree over a period, what stands for a period that cannot be
linked, the identity. Does not belong here: the methods (``linking``), effects of a session (``effects``).

Conventions. Every node of every line is linked from its own effects of each session, by the linking that its book
declares; nodes of the first level of a tree by the other methods too, so that they can be compared. ``total`` of the
whole is the active return of the period: time_weighted - benchmark_return, under ``geometric``
(1 + time_weighted) / (1 + benchmark_return) - 1. Totals are rounded to 12 places at the leaves and added up from there,
so that children add up to their parent to the last digit; what rounding leaves of the whole is in ``trading`` of the
leaf with the largest total.

* A session that linking of returns passes over (no capital, or a tiny one) is no session. Any other session without an
  active return, or without effects, leaves the period empty: one row for the whole, whose status says how many, the
  first, and why.
* Weights are means of the opening weights over the sessions, 0 in those that lack the node. Returns of a node are
  linked over the sessions in which it had one; empty where it lost all, or more.
* Factors of a book that has no active return in the whole period add up to its own return.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.attribution import grid, linking
from daybook.attribution.effects import FACTORS, FIGURES, KEY, LINE, RETURNS, TREE, WEIGHTS
from daybook.attribution.linking import KINDS, Floats, Ints
from daybook.intake.terms import LINKINGS
from daybook.performance import periods

Bools = NDArray[np.bool_]
TABLE = "period_attribution"
OK = "ok"
_ROUNDING = 4e-12
"""How much of a total each of its leaves may lose by rounding, at most: four figures of 12 places."""
_TRADING, _INTERACTION = KINDS.index("trading"), KINDS.index("interaction")


@dataclass(frozen=True)
class Linkable:
    """What one period of every line gives ``linking``.

    ``lines``: one row for each book and method: source, linking, period, period_end, count (sessions), alone (linked
    against nothing) and reason (why it cannot be linked, "" if it can). ``rows``: effects of those that can, with
    ``at`` (line) and ``place`` (session). ``portfolio``, ``benchmark``, ``dates``: shape (lines, sessions). ``kinds``:
    effects of the whole, shape (kinds, lines, sessions).
    """

    lines: pd.DataFrame
    rows: pd.DataFrame
    portfolio: Floats
    benchmark: Floats
    kinds: Floats
    dates: "NDArray[np.datetime64]"

    @property
    def count(self) -> Ints:
        """Sessions of each line."""
        return self.lines["count"].to_numpy(np.int64)


def period_attribution(
    performance: pd.DataFrame, effects: pd.DataFrame, rules: pd.DataFrame, date: pd.Timestamp
) -> pd.DataFrame:
    """Table ``period_attribution`` of ``date``.

    Args:
        performance: table of every session since each book's first one.
        effects: of the same sessions (``effects.gathered``).
        rules: book, method, linking: those in force on ``date`` (``rules.in_force``).
        date: last session of every period.
    """
    parts = [linked(part) for part in linkable(performance, effects, rules, periods.spans(performance, date))]
    rows = pd.concat([tables.empty(TABLE), *parts]) if parts else tables.empty(TABLE)
    return tables.conform(TABLE, rows.sort_values(["book", "period", "method", "linking", "node"]))


def linkable(
    performance: pd.DataFrame, effects: pd.DataFrame, rules: pd.DataFrame, spans: pd.DataFrame
) -> list[Linkable]:
    """Each period of ``spans`` (``performance.periods.spans``), in their order."""
    history = grid.history(performance)
    spans = grid.placed(history, spans)
    lines = _lines(effects, rules.loc[rules["book"].isin(spans["book"])])
    rows = effects.merge(lines[[*LINE, "line"]], on=LINE).merge(history[[*KEY, "ordinal"]], on=KEY)
    return [
        _over(history, rows, lines.merge(spans.loc[spans["period"].eq(period)], on="book"))
        for period in spans["period"].unique()
    ]


def _lines(effects: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """book, method, source, linking and line (a number): the declared method, and every other that has effects."""
    found = effects[[*LINE, "source"]].drop_duplicates()
    both = pd.concat([found, rules[LINE].assign(source=TREE)]).drop_duplicates(LINE)
    both = both.merge(rules[["book", "linking"]], on="book").sort_values(LINE, ignore_index=True)
    return both.assign(line=np.arange(len(both)))


def _over(history: pd.DataFrame, effects: pd.DataFrame, lines: pd.DataFrame) -> Linkable:
    """One period: ``lines`` with low and count, the places of its sessions in ``history``."""
    rows, sessions = grid.within(effects, lines), grid.grid(history, lines)
    daily: Floats = sessions.spread("daily_return")
    benchmark: Floats = sessions.spread("benchmark_return")
    active: Floats = sessions.spread("active_return")
    whole = rows.loc[rows["node"].eq("")]
    kinds = np.where(sessions.inside, np.nan, np.zeros((len(FIGURES), *sessions.inside.shape)))
    kinds[:, whole["at"], whole["place"]] = whole[FIGURES].to_numpy("float64").T
    alone = lines["source"].eq(FACTORS).to_numpy() & (np.isnan(active) | ~sessions.inside).all(axis=1)
    benchmark = np.where(alone[:, None], 0.0, benchmark)
    active = np.where(alone[:, None], daily, active)
    what = np.where(np.isnan(active), "active return", "effects").astype(object)
    changed = _otherwise(lines, ~np.isnan(kinds[-1]))
    what[changed] = "effects by this method (another one was declared)"
    reason = sessions.reasons(np.isnan(active) | np.isnan(kinds[-1]), what)
    lines = lines.assign(alone=alone, reason=reason)
    fine = lines["reason"].eq("").to_numpy()
    return Linkable(
        lines,
        rows.loc[fine[rows["at"]]].reset_index(drop=True),
        np.where(fine[:, None], daily, 0.0),
        np.where(fine[:, None], benchmark, 0.0),
        np.nan_to_num(np.where(fine[:, None], kinds[:-1], 0.0)),
        sessions.dates(),
    )


def _otherwise(lines: pd.DataFrame, told: Bools) -> Bools:
    """Where a method of the tree has no effects because the book declared another one, shape (lines, sessions)."""
    tree = lines["source"].eq(TREE).to_numpy()[:, None]
    book, names = pd.factorize(lines["book"])
    any_method = np.zeros((len(names), told.shape[1]), bool)
    np.logical_or.at(any_method, book, told & tree)
    return np.asarray(any_method[book] & tree & ~told)


def linked(period: Linkable) -> pd.DataFrame:
    """Rows of ``period_attribution`` for one period of every line."""
    lines = period.lines
    nodes, code = _nodes(period)
    place = pd.MultiIndex.from_frame(nodes[["at", "node"]])
    parent = place.get_indexer(pd.MultiIndex.from_frame(nodes[["at", "parent_node"]]))
    parent = np.where(nodes["depth"] > 0, parent, -1)
    fine = lines["reason"].eq("").to_numpy()
    compared = fine & lines["source"].eq(TREE).to_numpy()
    line, shallow = nodes["at"].to_numpy(), nodes["depth"].to_numpy() <= 1
    found = [_empty(lines.loc[~fine])]
    reached = linking.within_reach(period.portfolio, period.benchmark)
    for method in LINKINGS:
        declared = lines["linking"].eq(method).to_numpy()
        factors = linking.coefficients(method, period.portfolio, period.benchmark, period.kinds, period.count)
        able: Bools = np.asarray(np.isfinite(factors).all(axis=(0, 2)) & reached)
        said = f"{method} cannot link: a session or a notional fund lost all, or grew more than a millionfold"
        unable = fine & ~able & (declared | compared)
        found.append(_empty(lines.loc[unable].assign(linking=method, reason=said)))
        there = able[line] & (declared[line] | (compared[line] & shallow))
        sums = linking.rested(method, _summed(period, factors, code, len(nodes)))
        closed = _closed(sums, nodes.assign(parent=parent), there, _whole(period, method), method)
        found.append(nodes.assign(**dict(zip(FIGURES, closed.T, strict=True)), linking=method, status=OK).loc[there])
    rows = pd.concat([part for part in found if len(part)] or found[:1], ignore_index=True)
    return rows.rename(columns={"period_end": "business_date"}).reindex(columns=list(tables.TABLES[TABLE].names))


def _empty(lines: pd.DataFrame) -> pd.DataFrame:
    """A row for the whole of each line, without figures, whose status is its reason."""
    rows = lines[[*LINE, "linking", "period", "period_end"]].assign(status=lines["reason"])
    return rows.assign(node="", parent_node="", dimension="", depth=0)


def _nodes(period: Linkable) -> tuple[pd.DataFrame, Ints]:
    """The nodes of every line with their weights and returns over the period, and the node of each row of effects."""
    rows, lines = period.rows, period.lines
    code = rows.groupby(["at", "node"], sort=False).ngroup().to_numpy(np.int64)
    size = int(code.max(initial=-1)) + 1
    last = np.zeros(size, np.int64)
    last[code] = np.arange(len(rows))
    nodes = rows[["at", *LINE, "node", "parent_node", "dimension", "depth"]].take(last).reset_index(drop=True)
    line = nodes["at"].to_numpy()
    for name in WEIGHTS:
        nodes[name] = np.bincount(code, rows[name], size) / period.count[line]
    for name in RETURNS:
        own = rows[name].to_numpy("float64")
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = np.bincount(code, np.log1p(np.where(np.isnan(own), 0.0, own)), size)
        had = np.bincount(code, ~np.isnan(own), size) > 0
        nodes[name] = np.where(had & np.isfinite(grown), np.expm1(grown), np.nan)
    top = nodes["depth"].eq(0).to_numpy()
    earned = linking.compounded(period.portfolio), linking.compounded(period.benchmark)
    for name, values in zip(RETURNS, earned, strict=True):
        nodes.loc[top, name] = values[line[top]]
    nodes.loc[top & lines["alone"].to_numpy()[line], "benchmark_return"] = np.nan
    nodes[[*WEIGHTS, *RETURNS]] = nodes[[*WEIGHTS, *RETURNS]].round(12)
    return nodes.join(lines[["period", "period_end"]], on="at"), code.astype(np.int64)


def _summed(period: Linkable, factors: Floats, code: Ints, size: int) -> Floats:
    """Linked effects of each node, shape (nodes, kinds + 1)."""
    line, place = period.rows["at"].to_numpy(), period.rows["place"].to_numpy()
    return np.column_stack(
        [
            np.bincount(code, period.rows[name].to_numpy("float64") * factor[line, place], size)
            for name, factor in zip(FIGURES, factors, strict=True)
        ]
    ).astype(np.float64)


def _whole(period: Linkable, method: str) -> Floats:
    """Active return of each line, from the returns of the period at the 12 places that they are told with."""
    own, base = (linking.compounded(part).round(12) for part in (period.portfolio, period.benchmark))
    return np.round(linking.beyond(own, base) if method == "geometric" else own - base, 12)


def _closed(sums: Floats, nodes: pd.DataFrame, there: Bools, whole: Floats, method: str) -> Floats:
    """``sums`` at 12 places: totals add up from the leaves to ``whole``, and figures to their total.

    Only what rounding can explain is moved; a real gap stays, for ``identity_gaps`` to name.

    Args:
        sums: linked effects, shape (nodes, kinds + 1).
        nodes: at (line), depth and parent (place in ``nodes``, -1 of a whole).
        there: which nodes are wanted; a node that none of the others hangs on is a leaf.
        whole: active return of each line.
        method: linking; under ``geometric`` figures do not add up to their total.
    """
    line, depth, parent = (nodes[name].to_numpy() for name in ("at", "depth", "parent"))
    found = sums.round(12)
    leaf = there.copy()
    leaf[parent[there & (parent >= 0)]] = False
    ends = np.flatnonzero(leaf)
    # What a line lacks of its whole is moved in the leaf with the largest total, and in every node above it.
    order = ends[np.lexsort((ends, -np.abs(sums[ends, -1]), line[ends]))]
    own, first = np.unique(line[order], return_index=True)
    left = (whole - np.bincount(line[ends], found[ends, -1], len(whole))).round(12)[own]
    reach = np.bincount(line[ends], _ROUNDING + linking.LOST * np.abs(np.nan_to_num(sums[ends, -1])), len(whole))[own]
    moved = np.zeros(len(sums))
    moved[order[first]] = np.where(np.abs(left) <= reach, left, 0.0)
    total = np.where(leaf, found[:, -1] + moved, 0.0)
    for level in range(int(depth.max(initial=0)), 0, -1):
        here = np.flatnonzero((depth == level) & there)
        total[here] = total[here].round(12)
        np.add.at(total, parent[here], total[here])
        np.add.at(moved, parent[here], moved[here])
    found[:, -1] = total.round(12)
    found[:, _TRADING] += moved
    if method != "geometric":
        gap = found[:, -1] - found[:, :-1].sum(axis=1)
        rest = np.where(found[:, _INTERACTION] != 0, _INTERACTION, KINDS.index("selection"))
        found[np.arange(len(found)), rest] += gap
    return found.round(12)


def identity_gaps(period_attribution: pd.DataFrame, period_returns: pd.DataFrame) -> pd.DataFrame:
    """Wholes that are not the active return of their period, and nodes that their children do not add up to.

    Args:
        period_attribution: the table.
        period_returns: the table of the same dates: active_return and active_geometric; time_weighted where there is
            no active return.

    Returns:
        business_date, book, gap (fraction), reason: the largest gap of each book; empty when all is well, within
        1e-12 and 10^-13 of all that is added up. A period with an active return and neither effects nor a status that
        says why is one of them.
    """
    key = ["business_date", "book", "period"]
    known = period_attribution.loc[period_attribution["status"].eq(OK)]
    size = known["total"].abs().groupby([known[name] for name in [*key, "method", "linking"]]).transform("sum")
    known = known.assign(reach=1.0000001e-12 + linking.LOST * size)
    told = period_returns[[*key, "active_return", "active_geometric", "time_weighted"]]
    whole = known.loc[known["node"].eq("")].merge(told, on=key, how="left")
    expected = whole["active_return"].where(whole["linking"].ne("geometric"), whole["active_geometric"])
    expected = expected.mask(whole["active_return"].isna(), whole["time_weighted"])
    tops = whole.assign(gap=whole["total"] - expected)
    line = [*key, "method", "linking"]
    below = known.loc[known["depth"] > 0].groupby([*line, "parent_node"], as_index=False)["total"].sum()
    below = below.set_axis([*line, "node", "below"], axis=1)
    inner = known.merge(below, on=[*line, "node"])
    inner = inner.assign(gap=inner["total"] - inner["below"])
    some = period_attribution[key].drop_duplicates().assign(told=True)
    told = told.loc[told["active_return"].notna()].merge(some, on=key, how="left")
    absent = told.assign(method="", linking="", node="", gap=told["active_return"], reach=0.0).loc[told["told"].isna()]
    columns = [*line, "node", "gap", "reach"]
    rows = pd.concat([tops[columns], inner[columns], absent[columns]], ignore_index=True)
    rows = rows.loc[~(rows["gap"].abs() <= rows["reach"])]
    rows = rows.sort_values("gap", key=abs, ascending=False, kind="stable").drop_duplicates(KEY).sort_values(KEY)
    where = (rows["period"] + " " + rows["method"] + " " + rows["linking"] + " " + rows["node"]).str.strip()
    amount = rows["gap"].map("{:g}".format).astype("str")
    reason = "effects of " + where + " do not add up: off by " + amount
    return rows.assign(reason=reason)[[*KEY, "gap", "reason"]].reset_index(drop=True)


def of_sessions(period: Linkable, method: str) -> pd.DataFrame:
    """Adjusted effects of each session: added up over the sessions they are the effects of the period.

    Returns:
        business_date, book, method, linking, node, parent_node, dimension, depth, KINDS, total (unrounded); no row for
        a line that cannot be linked, nor for a node that has no effect in a session.
    """
    nodes, code = _nodes(period)
    line, place = nodes["at"].to_numpy(), period.rows["place"].to_numpy()
    cube = np.zeros((len(nodes), period.portfolio.shape[1], 1, len(FIGURES)))
    cube[code, place, 0] = period.rows[FIGURES].to_numpy("float64")
    found = linking.adjusted(
        method,
        period.portfolio[line],
        period.benchmark[line],
        period.kinds[:, line],
        cube,
        period.count[line],
    )[:, :, 0]
    node, session = np.nonzero(np.isfinite(found[..., -1]) & (found != 0).any(axis=-1))
    rows = nodes[[*LINE, "node", "parent_node", "dimension", "depth"]].take(node).reset_index(drop=True)
    rows = rows.assign(business_date=period.dates[line[node], session], linking=method)
    figures = pd.DataFrame(found[node, session], columns=FIGURES)
    return pd.concat([rows, figures], axis=1).sort_values(["business_date", *LINE, "node"], ignore_index=True)
