"""Effects in money: what each segment of a book earned, and what of it came from the benchmark, bets, names and trades.

Belongs here: the table ``attribution_pnl`` and its identity with the P&L of the books. Does not belong here: effects as
fractions (``brinson``), P&L (``daybook.ledger.pnl``).

Conventions. Each effect of table ``attribution`` times the denominator of the return, and beside them
passive_pnl = denominator x (w_b r_b,s + (w_p - w_b) r_b): what the segment's money would have earned with the weight
and return that the benchmark gives it, and the rest of it at the return of the whole benchmark. ``trading_pnl`` and
``fees`` are those of ``pnl``, and total = the P&L of the segment's lines. What rounding leaves is in passive_pnl.
A book without an active return (no benchmark, no weights yet, no denominator) has nothing to be compared with: passive,
allocation and interaction are 0, and what is not trades and fees is selection.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.attribution.sides import KEY
from daybook.attribution.tree import Tree

Bools = NDArray[np.bool_]

REACH = 1e-6
PARTS = ["passive_pnl", "allocation_pnl", "selection_pnl", "interaction_pnl", "trading_pnl", "fees"]


def attribution_pnl(lines: pd.DataFrame, by_sector: Tree, active: Bools) -> pd.DataFrame:
    """Table ``attribution_pnl``: one row per session, book and segment.

    Args:
        lines: those that ``by_sector`` was made of: denominator, trading_pnl, fees and total, in base currency.
        by_sector: from ``segments.sectors``.
        active: whether each book and session of it has an active return.
    """
    rows: pd.DataFrame = by_sector.rows
    count = len(rows)
    money = {
        name: np.round(np.bincount(by_sector.leaf, lines[name].to_numpy(), count), 6)
        for name in ("trading_pnl", "fees", "total")
    }
    first = np.unique(by_sector.whole[by_sector.leaf], return_index=True)[1]
    divisor = lines["denominator"].to_numpy()[first][by_sector.whole]
    whole = rows["benchmark_return"].to_numpy()[by_sector.whole]
    weight, listed = rows["portfolio_weight"].to_numpy(), rows["benchmark_weight"].to_numpy()
    compared = active[by_sector.whole]
    parts = {
        "passive_pnl": rows["weighted"].to_numpy() + (weight - listed) * whole,
        **{f"{name}_pnl": rows[name].to_numpy() for name in ("allocation", "selection")},
        "interaction_pnl": rows["within"].to_numpy(),
    }
    parts = {name: np.where(compared, np.round(divisor * part, 6), 0.0) for name, part in parts.items()}
    parts["interaction_pnl"] -= parts["selection_pnl"]
    earned = money["total"] - money["trading_pnl"] - money["fees"]
    left = earned - sum(parts.values())
    reach = 3e-6 + 1e-14 * np.max(np.abs([earned, *parts.values()]), axis=0)
    parts["passive_pnl"] += np.where(compared & (np.abs(left) <= reach), left, 0.0)
    parts["selection_pnl"] = np.where(compared, parts["selection_pnl"], earned)
    found = rows.assign(**{name: np.round(part, 6) for name, part in (parts | money).items()})
    found = found.loc[rows["depth"] == 1].rename(columns={"node": "segment"}).sort_values([*KEY, "segment"])
    return tables.conform("attribution_pnl", found[[*tables.TABLES["attribution_pnl"].names]])


def identity_gaps(attribution_pnl: pd.DataFrame, pnl: pd.DataFrame) -> pd.DataFrame:
    """Books whose attribution does not add up to their P&L within 10^-6, segment by segment or as a whole.

    Args:
        attribution_pnl: table.
        pnl: table of the same sessions.

    Returns:
        business_date, book, gap: what the segments' totals are above the P&L, else the largest difference between a
        segment's parts and its total; empty when all is well. A book with P&L and no attribution is one of them.
    """
    parts = attribution_pnl[PARTS].sum(axis=1) - attribution_pnl["total"]
    beyond = parts.where(parts.abs() > REACH + 1e-15 * attribution_pnl[PARTS].abs().max(axis=1), 0.0)
    rows = attribution_pnl[[*KEY, "total"]].assign(high=beyond, low=beyond)
    sums = rows.groupby(KEY, as_index=False).agg(told=("total", "sum"), high=("high", "max"), low=("low", "min"))
    both = pnl.groupby(KEY, as_index=False)["total"].sum().merge(sums, on=KEY, how="left")
    whole = (both["told"].fillna(0.0) - both["total"]).round(6)
    inner = both["high"].where(both["high"] > -both["low"], both["low"]).fillna(0.0)
    off = (whole.abs() > REACH + 1e-15 * both["total"].abs()) | both["told"].isna()
    found: pd.DataFrame = both[KEY].assign(gap=whole.where(off, inner))[off | inner.ne(0)]
    return found.reset_index(drop=True)
