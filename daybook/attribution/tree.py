"""Effects by every node of a tree of sectors, industries, names: each adds up from what is below it.

Belongs here: which node each line belongs to, the effects of every node, their identity, the table
``attribution_nodes``. Does not belong here: the formulas of one node (``brinson``), which tree a book declares
(``rules``).

Conventions. w_p, c_p, w_b and r_b,n are those of CONTRACT 2.10, for a node n of any depth; R_b is the benchmark's
return, m the node above. Cash, accruals and flows are the node ``Cash`` at the top of every tree. A level that says
nothing of anything under a node is left out there; where it says something of a part, the rest is ``Unclassified``.

* What n adds to the active return is c_p - w_b r_b,n - (w_p - w_b) R_b, and trading. It does not depend on the anchor,
  and it is linear: the children of a node add up to it, and the nodes of depth 1 to the active return.
* ``allocation`` is the bet of n itself. Anchored to ``parent``, (w_p - k w_b)(r_b,n - r_b,m) with k = w_p,m / w_b,m:
  k w_b is the weight of n if m were held like the benchmark's m (Brinson-Fachler in each node). Anchored to
  ``total``, (w_p - w_b)(r_b,n - R_b).
* ``allocation_above`` is how the bets of the nodes above fall on n: (w_p - w_b)(r_b,n - R_b) - allocation. Over the
  children of m it adds up to m's own allocation and allocation_above.
* selection + interaction = c_p - w_p r_b,n: all that happened below n, the bets of its children included.
* The whole, node ``""``, adds up the nodes of depth 1 column by column.
* Brinson-Hood-Beebower judges against 0 instead of r_b,m and R_b. The whole is the same, since weights add up to 1.
* A node that the benchmark lacks takes the book's return of it as r_b,n (imputation ``portfolio``; the return of m
  where it is not held) or that of m (``benchmark``); Cash takes the risk-free return. So its effect is allocation in
  the first case and selection or interaction in the second.
* A weight that is smaller than 10^-13 of what was added up to it is 0: long and short cancel.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.attribution.brinson import effects
from daybook.attribution.sides import FLOWS, KEY
from daybook.market.security_master import attributes
from daybook.performance.views import CASH

CASH_NODE = "Cash"
UNCLASSIFIED = "Unclassified"
SEPARATOR = " / "
NAMED = ["node", "parent_node", "dimension", "depth"]
SIDES = ["portfolio_weight", "benchmark_weight", "portfolio_return", "benchmark_return", "contribution"]
EFFECTS = ["allocation", "allocation_above", "selection", "interaction", "trading"]
REACH = 1e-12
LOST = 1e-13
"""Part of the effects' size that adding up may lose: more than 10^-12 only for ten times the capital. What is bought
and unpaid may be a thousand times a book, and loses as many more digits."""
CANCELLED = 1e-13
"""Adding up a thousand lines loses 10^-13 of their gross weight at most: 1000 x 2^-53."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[Any]


@dataclass(frozen=True)
class Tree:
    """The nodes of every book and session, level by level from the whole down.

    Attributes:
        rows: one row per session, book and node: business_date, book, then ``NAMED``, ``SIDES``,
            ``weighted`` (what the node added to the benchmark's return), ``EFFECTS`` and ``within`` = selection +
            interaction, which holds to the last digit where long and short nearly cancel and the two are huge.
        above: position of the row of each row's parent; -1 for the whole.
        whole: position of the row of each row's whole.
        leaf: position of the row of each line: the lowest that it is in.
        closing: position of the row of the base currency's cash, a leaf, for each whole, in their order.
        begins: position of the first row of each level; the whole is the first.
        interaction_rule: of each whole.
    """

    rows: pd.DataFrame
    above: Ints
    whole: Ints
    leaf: Ints
    closing: Ints
    begins: tuple[int, ...]
    interaction_rule: Texts


def nodes(lines: pd.DataFrame, rules: pd.DataFrame, instruments: pd.DataFrame) -> Tree:
    """Effects of every node, unrounded, three of them whatever is declared about interaction.

    Args:
        lines: sorted by business_date, book and instrument: opened (in the book), earned (without trading), traded
            (trading and fees), denominator (of these three), weight and weighted = weight x return (in the benchmark),
            risk_free (return of cash that the benchmark lacks), base_currency. Each book and session has the line
            ``CASH:`` of the flows.
        rules: business_date, book, method, levels, anchor, imputation: one row for each session and book of ``lines``.
        instruments: facts, dated by valid_from.

    Returns:
        Fractions. portfolio_return is NaN where the weight is 0. contribution = (earned + traded) / denominator.
    """
    begins = (lines[KEY] != lines[KEY].shift()).any(axis=1).to_numpy()
    group = np.cumsum(begins) - 1
    heads = lines.loc[begins, [*KEY, "denominator", "risk_free"]].merge(rules, on=KEY, how="left")
    places, labels = _places(lines, group, heads["levels"].to_numpy(object)[group], instruments)
    rows = _whole(lines, heads, group)
    at, first = group.copy(), [0]
    for node, new in places:
        first.append(len(rows["group"]))
        level, row = _level(lines[new], heads, labels, rows, (group[new], node[new], at[new]))
        rows = {name: np.concatenate([rows[name], level[name]]) for name in rows}
        at[new] = first[-1] + row
    above = rows["above"][len(heads) :]
    outermost = above < len(heads)
    for name in ("allocation", "selection", "interaction", "within"):
        effect = rows[name][len(heads) :]
        rows[name][: len(heads)] = np.bincount(above[outermost], effect[outermost], len(heads))
    named = labels[NAMED].take(rows["node"]).reset_index(drop=True)
    frame = pd.concat([heads[KEY].take(rows["group"]).reset_index(drop=True), named], axis=1)
    return Tree(
        rows=frame.assign(**{name: rows[name] for name in (*SIDES, "weighted", *EFFECTS, "within")}),
        above=rows["above"],
        whole=rows["group"],
        leaf=at,
        closing=at[lines["instrument"].eq(FLOWS).to_numpy()],
        begins=tuple(first),
        interaction_rule=heads["interaction_rule"].to_numpy(object),
    )


def _places(
    lines: pd.DataFrame, group: Ints, levels: Texts, instruments: pd.DataFrame
) -> tuple[list[tuple[Ints, NDArray[np.bool_]]], pd.DataFrame]:
    """The node of each line on each level down, whether it is a new one, and what the nodes are."""
    names, dimensions, steps = _names(lines, levels, instruments)
    labels = pd.DataFrame({"node": [""], "parent_node": [""], "dimension": [""], "depth": [0]})
    node = np.zeros(len(lines), np.int64)
    places = []
    for name, dimension in steps:
        _, here = np.unique(group * len(labels) + node, return_inverse=True)
        said = np.bincount(here, weights=name >= 0)[here] > 0
        if not said.any():
            continue
        named = np.where(name[said] < 0, 1, name[said])
        key = (node[said] * len(dimensions) + dimension[said]) * len(names) + named
        found, which = pd.factorize(key)
        up, text = labels["node"].to_numpy(object)[which // len(names) // len(dimensions)], names[which % len(names)]
        below = pd.DataFrame(
            {
                "node": np.where(up == "", text, up + SEPARATOR + text),
                "parent_node": up,
                "dimension": dimensions[which // len(names) % len(dimensions)],
                "depth": labels["depth"].to_numpy()[which // len(names) // len(dimensions)] + 1,
            }
        )
        node = node.copy()
        node[said] = len(labels) + found
        labels = pd.concat([labels, below], ignore_index=True)
        places.append((node, said))
    top = labels["node"].str.split(SEPARATOR, n=1, regex=False).str[0]
    labels = labels.astype({"node": "str", "parent_node": "str", "dimension": "str"})
    return places, labels.assign(cash=top.eq(CASH_NODE))


def _names(lines: pd.DataFrame, levels: Texts, instruments: pd.DataFrame) -> tuple[Texts, Texts, list[Any]]:
    """Names of nodes, names of levels, and for each step down the name and the level of each line, by their numbers.

    A name is -1 where its level says nothing, -2 where there is no such level.
    """
    declared = {str(text): str(text).split() for text in pd.unique(levels)}
    asked = sorted({word for words in declared.values() for word in words})
    cash = lines["instrument"].str.startswith(CASH).to_numpy()
    found = attributes(instruments, "instrument", lines, [word for word in asked if word != "instrument"])
    found = found.apply(lambda texts: texts.mask(cash, ""))
    found["instrument"] = lines["instrument"].mask(lines["instrument"].eq(FLOWS), CASH + lines["base_currency"])
    texts = [pd.Series([CASH_NODE, UNCLASSIFIED], dtype="str"), *[found[word] for word in asked]]
    codes, names = pd.factorize(pd.concat(texts, ignore_index=True))
    codes = np.where(np.asarray(names == "")[codes], -1, codes)
    of = {word: codes[2 + i * len(lines) : 2 + (i + 1) * len(lines)] for i, word in enumerate(asked)}
    steps = []
    for depth in range(max((len(words) for words in declared.values()), default=0)):
        name, dimension = np.full(len(lines), -2, np.int64), np.zeros(len(lines), np.int64)
        for text, words in declared.items():
            if depth < len(words):
                rows = levels == text
                name[rows], dimension[rows] = of[words[depth]][rows], asked.index(words[depth])
        steps.append((np.where(cash & (depth == 0), 0, name), dimension))
    plain = pd.Series(names, dtype="str").str.replace(SEPARATOR, "/", regex=False)
    return plain.to_numpy(object), np.array(asked, object), steps


def _added(lines: pd.DataFrame, divisor: Floats, row: Ints) -> dict[str, Floats]:
    """Both sides of each row that ``lines`` add up to; ``divisor`` is the denominator of each row."""

    order = np.argsort(row, kind="stable")

    def added(values: Floats) -> Floats:
        # The error of each addition is carried on (Kahan 1965), as pandas does: a sum of weights that ends on a half of
        # the last place kept is rounded alike, wherever it is formed.
        return np.asarray(pd.Series(values[order]).groupby(row[order], sort=False).sum(), np.float64)

    def weighed(values: Floats) -> Floats:
        total = added(values)
        return np.where(np.abs(total) <= CANCELLED * added(np.abs(values)), 0.0, total)

    held = weighed(lines["opened"].to_numpy()) / divisor
    earned, trading = (added(lines[name].to_numpy()) / divisor for name in ("earned", "traded"))
    weighted = added(lines["weighted"].to_numpy())
    return {
        "portfolio_weight": held,
        "benchmark_weight": weighed(lines["weight"].to_numpy()),
        "portfolio_return": np.divide(earned, held, out=np.full(len(held), np.nan), where=held != 0),
        "benchmark_return": weighted,
        "weighted": weighted,
        "contribution": earned + trading,
        "earned": earned,
        "trading": trading,
    }


def _whole(lines: pd.DataFrame, heads: pd.DataFrame, group: Ints) -> dict[str, Any]:
    """The whole of each book and session; its effects are added up once there are any."""
    count = len(heads)
    none = {name: np.zeros(count) for name in (*EFFECTS[:4], "within")}
    places = {"group": np.arange(count), "node": np.zeros(count, np.int64), "above": np.full(count, -1)}
    return {**places, **_added(lines, heads["denominator"].to_numpy(), group), **none}


def _level(
    lines: pd.DataFrame,
    heads: pd.DataFrame,
    labels: pd.DataFrame,
    rows: dict[str, Any],
    places: tuple[Ints, Ints, Ints],
) -> tuple[dict[str, Any], Ints]:
    """The rows of one level and the row of each line; ``rows`` are those above.

    ``places``: the book and session of each line, its node, and the position of the row above it.
    """
    group, node, at = places
    _, first, row = np.unique(group * len(labels) + node, return_index=True, return_inverse=True)
    of, above = group[first], at[first]
    head = heads.take(of)
    level = _added(lines, head["denominator"].to_numpy(), row)
    w_p, w_b, own, weighted = (level[name] for name in (*SIDES[:3], "weighted"))
    up, whole = rows["benchmark_return"][above], rows["benchmark_return"][of]
    listed = w_b != 0
    absent = np.where((w_p != 0) & head["imputation"].eq("portfolio").to_numpy(), own, up)
    cash = labels["cash"].to_numpy()[node[first]]
    absent = np.where(cash, head["risk_free"].to_numpy(), absent)
    earned = np.divide(weighted, w_b, out=absent, where=listed)
    judged = head["method"].eq("brinson_fachler").to_numpy()
    total, selection, interaction = effects(w_p, w_b, level["earned"], earned, np.where(judged, whole, 0.0))
    higher, listed_above = rows["portfolio_weight"][above], rows["benchmark_weight"][above]
    scale = np.divide(higher, listed_above, out=np.zeros(len(of)), where=listed_above != 0)
    inner = (w_p - scale * w_b) * (earned - np.where(judged, up, 0.0))
    outright = head["anchor"].eq("total").to_numpy() | (above < len(heads))
    allocation = np.where(outright, total, inner)
    # Long and short that cancel in the benchmark have no return of their own, and still earned something.
    lost = np.where(listed, 0.0, weighted)
    level |= {
        "benchmark_return": earned,
        "allocation": allocation,
        "allocation_above": total - allocation,
        "selection": selection - lost,
        "interaction": interaction,
        "within": level["earned"] - w_p * earned - lost,
    }
    return {**level, "group": of, "node": node[first], "above": above}, row


def rounded(tree: Tree, whole: Floats) -> pd.DataFrame:
    """The rows of ``tree`` to 12 places, so that they add up to the last of them, and interaction where declared.

    Args:
        tree: from ``nodes``.
        whole: what the totals of each book and session are known to add up to, in the order of the wholes.

    Returns:
        ``rows`` of the tree and ``total``. The total of a node is the sum of those of its children. What rounding
        leaves of ``whole`` is in trading of the base currency's cash; a real gap stays, for ``identity_gaps`` to name.
    """
    figures = {name: tree.rows[name].to_numpy() for name in (*EFFECTS, "within")}
    against = np.round(figures["allocation"] + figures["allocation_above"], 12)
    within = np.round(figures["within"], 12)
    trading = np.round(figures["trading"], 12)
    leaf = np.ones(len(against), bool)
    leaf[tree.above[len(whole) :]] = False
    trading = _summed(tree, np.where(leaf, trading, 0.0))
    total = _summed(tree, np.where(leaf, np.round(against + within + trading, 12), 0.0))
    left = np.round(whole - total[: len(whole)], 12)
    leaves = np.bincount(tree.whole[leaf], minlength=len(whole))
    taken = np.where(np.abs(left) <= 4e-12 * leaves, left, 0.0)
    at, rest = tree.closing, taken
    while len(at):
        trading[at], total[at] = np.round(trading[at] + rest, 12), np.round(total[at] + rest, 12)
        at, rest = tree.above[at], rest
        at, rest = at[at >= 0], rest[at >= 0]
    allocation, selection = np.round(figures["allocation"], 12), np.round(figures["selection"], 12)
    within = total - trading - against
    interaction = within - selection
    rule = tree.interaction_rule[tree.whole]
    share = np.where(rule == "allocation", 1.0, np.where(rule == "split", 0.5, 0.0))
    chosen = np.where(rule == "selection", within, selection + np.where(rule == "split", 0.5, 0.0) * interaction)
    sides = {name: np.round(tree.rows[name].to_numpy(), 12) for name in SIDES}
    return tree.rows.assign(
        **sides,
        allocation=np.round(allocation + share * interaction, 12),
        allocation_above=np.round(against - allocation, 12),
        selection=np.round(chosen, 12),
        interaction=np.where(rule == "shown", np.round(interaction, 12), 0.0),
        trading=trading,
        total=total,
    )


def _summed(tree: Tree, values: Floats) -> Floats:
    """``values`` with those of the children added to each node, from the lowest level up, to 12 places."""
    sums = values.copy()
    ends = (*tree.begins[1:], len(values))
    for begin, end in list(zip(tree.begins, ends, strict=True))[:0:-1]:
        added = np.bincount(tree.above[begin:end], weights=sums[begin:end], minlength=len(values))
        sums = np.round(sums + added, 12)
    return sums


def identity_gaps(attribution_nodes: pd.DataFrame, performance: pd.DataFrame) -> pd.DataFrame:
    """Nodes that their children do not add up to within 1e-12, and wholes that are not the active return.

    Args:
        attribution_nodes: table; its method ``geometric`` adds up to (1 + daily_return) / (1 + benchmark_return) - 1.
        performance: table of the same sessions.

    Returns:
        business_date, book, gap, reason: the largest gap of each book; empty when all is well. A book with an active
        return and no tree is one of them: its rule names a level that instruments do not have.
    """
    key = [*KEY, "method"]
    rows = attribution_nodes[[*key, "node", "parent_node", "depth", "total"]]
    size = rows["total"].abs().groupby([rows[name] for name in key]).transform("sum")
    rows = rows.assign(reach=REACH + LOST * size)
    known = performance.loc[performance["active_return"].notna()]
    below = rows.loc[rows["depth"] > 0].groupby([*key, "parent_node"], as_index=False).agg(below=("total", "sum"))
    both = rows.merge(below.rename(columns={"parent_node": "node"}), on=[*key, "node"])
    inner = both.assign(gap=both["below"] - both["total"])
    wholes = known[[*KEY, "active_return", "daily_return", "benchmark_return"]].merge(
        rows.loc[rows["depth"] == 0], on=KEY, how="left"
    )
    ratio = (1 + wholes["daily_return"]) / (1 + wholes["benchmark_return"]) - 1
    wanted = ratio.where(wholes["method"].eq("geometric"), wholes["active_return"])
    outer = wholes.assign(gap=wholes["total"].fillna(0.0) - wanted)
    outer["reason"] = pd.Series("effects of the tree do not add up to active return", index=outer.index).mask(
        outer["total"].isna(), "no tree: attribution_rules name a level that instruments do not have"
    )
    inner["reason"] = "children do not add up to node " + inner["node"]
    found = pd.concat(
        [
            outer.loc[(outer["gap"].abs() > outer["reach"]) | outer["total"].isna()],
            inner[inner["gap"].abs() > inner["reach"]],
        ]
    )
    found = found.sort_values("gap", key=abs, ascending=False, kind="stable").drop_duplicates(KEY)
    return found[[*KEY, "gap", "reason"]].sort_values(KEY, ignore_index=True)
