"""Geometric attribution: effects that compound to (1 + r) / (1 + b) - 1, the growth ahead of the benchmark.

Belongs here: the two formulas and the rows of method ``geometric`` in ``attribution_nodes``. Does not belong here:
linking sessions (``linking``).

Formulas (Burnie, Knowles and Teder 1998, "Arithmetic and Geometric Attribution", Journal of Performance Measurement;
Bacon 2008, "Practical Portfolio Performance Measurement and Attribution", 2nd ed., chapter 5). With b the benchmark's
return, b_S = sum of w_p r_b,s what it would have been at the book's weights, and r_N the book's return before trading:
allocation_s = (w_p - w_b)((1 + r_b,s) / (1 + b) - 1), which add up to (1 + b_S) / (1 + b) - 1;
selection_s = (c_p - w_p r_b,s) / (1 + b_S), that is w_p ((1 + r_s) / (1 + r_b,s) - 1)(1 + r_b,s) / (1 + b_S), which
add up to (1 + r_N) / (1 + b_S) - 1; trading_s = trading / (1 + r_N). Selection is at the weight held: no interaction.
Of the whole, (1 + allocation)(1 + selection)(1 + trading) = (1 + r) / (1 + b).

``total`` of a segment counts each effect on what those before it made of the benchmark:
allocation_s + selection_s (1 + A) + trading_s (1 + A)(1 + S) for A, S of the whole. That is the arithmetic total over
1 + b, so the totals of segments add up to that of the whole.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.attribution.linking import LEAST
from daybook.attribution.tree import CASH_NODE, SIDES, Tree

METHOD = "geometric"

Floats = NDArray[np.float64]


def effects(
    portfolio_weight: Floats,
    benchmark_weight: Floats,
    contribution: Floats,
    segment_return: Floats,
    benchmark_return: Floats,
    notional_return: Floats,
) -> tuple[Floats, Floats]:
    """Allocation and selection of segments, arrays of one shape, fractions.

    Args:
        portfolio_weight: opening weight in the book.
        benchmark_weight: opening weight in the benchmark.
        contribution: what the segment added to the book's return.
        segment_return: return of the segment in the benchmark.
        benchmark_return: return of the whole benchmark, above -1.
        notional_return: sum of portfolio_weight x segment_return over the segments of a book, above -1.
    """
    allocation = (portfolio_weight - benchmark_weight) * ((1 + segment_return) / (1 + benchmark_return) - 1)
    selection = (contribution - portfolio_weight * segment_return) / (1 + notional_return)
    return allocation, selection


def rows(tree: Tree, daily_return: Floats, benchmark_return: Floats) -> pd.DataFrame:
    """The whole and the nodes of depth 1 of each book and session, to 12 places.

    Args:
        tree: unrounded, whatever its method.
        daily_return: of each book and session of it.
        benchmark_return: likewise.

    Returns:
        Columns as of ``tree.rounded``. A book and session of which 1 + b, 1 + b_S, 1 + r_N or 1 + r is below a
        millionth has none. What rounding leaves is in trading of the node of cash.
    """
    count = len(daily_return)
    inner = np.flatnonzero((tree.above >= 0) & (tree.above < count))
    of = tree.whole[inner]
    given = {name: tree.rows[name].to_numpy() for name in (*SIDES, "weighted", "trading")}
    w_p, w_b, _, r_b, told, weighted, trading = (values[inner] for values in given.values())
    b, before = given["benchmark_return"][:count], (given["contribution"] - given["trading"])[:count]
    # What benchmark positions that cancel still earned is taken off the segment's own contribution.
    earned = told - trading - np.where(w_b != 0, 0.0, weighted)
    notional: Floats = b + np.bincount(of, (w_p - w_b) * (r_b - b[of]), count)
    fine = np.minimum.reduce([b, notional, before, daily_return]) >= LEAST - 1
    b, notional, before = (np.where(fine, values, 0.0) for values in (b, notional, before))
    allocation, selection = effects(w_p, w_b, earned, r_b, b[of], notional[of])
    parts = {
        "allocation": allocation,
        "selection": selection,
        "trading": trading / (1 + before[of]),
        "total": (earned + trading - w_p * b[of] + w_b * (b[of] - r_b)) / (1 + b[of]),
    }
    parts = {name: np.round(part, 12) for name, part in parts.items()}
    whole = np.round((1 + daily_return) / (1 + benchmark_return) - 1, 12)
    left = np.round(whole - np.bincount(of, parts["total"], count), 12)
    reach = 4e-12 * np.bincount(of, minlength=count)
    cash = tree.rows["node"].to_numpy(object)[inner] == CASH_NODE
    taken = np.where(cash, np.where(np.abs(left) <= reach, left, 0.0)[of], 0.0)
    for name in ("trading", "total"):
        parts[name] = np.round(parts[name] + taken, 12)
    sums = {name: np.round(np.bincount(of, part, count), 12) for name, part in parts.items()}
    at = np.concatenate([np.arange(count), inner])
    made = tree.rows.iloc[at].reset_index(drop=True)
    made = made.assign(**{name: np.round(given[name][at], 12) for name in SIDES}, allocation_above=0.0, interaction=0.0)
    made = made.assign(**{name: np.concatenate([sums[name], part]) for name, part in parts.items()})
    return made.loc[np.concatenate([fine, fine[of]])]
