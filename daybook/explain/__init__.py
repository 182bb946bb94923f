"""Where a number comes from: from a figure in a table down to the file and line of each fact that it is made of.

Belongs here: ``explain``, which table is taken apart by which module. ``tree`` is the form of the answer, ``evidence``
what it is made from, ``page`` how it is shown. Does not belong here: computing any result (``daybook.ledger``), reading
(``resources.evidence``).
"""

from collections.abc import Callable, Mapping

import pandas as pd

from daybook.explain.evidence import Evidence, Unexplained
from daybook.explain.tree import Tree

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "nav": ("nav", "market_value", "cash", "accruals", "flows"),
    "valuations": ("market_value_base", "market_value", "accrued_interest", "exposure_base", "price", "fx_rate"),
    "positions": ("cost", "cost_base", "notional", "unrealised", "unrealised_base"),
    "lots": ("cost", "cost_base", "unit_cost"),
    "cash": ("balance", "settled", "unsettled", "accrued"),
    "pnl": ("total", "price_pnl", "fx_pnl", "income", "trading_pnl", "fees"),
    "realised": ("gain", "proceeds", "cost", "gain_base", "market_gain_base", "currency_gain_base"),
}
"""Tables that can be explained, and their columns; the first one is meant where none is named."""


def explain(evidence: Evidence, table: str, column: str, instrument: str = "") -> pd.DataFrame:
    """The tree of ``column`` of ``table``: of one instrument, or the sum over all of the book.

    Args:
        evidence: what was computed and delivered for one book and session.
        table: of ``COLUMNS``.
        column: of that table there.
        instrument: its id, or ``CASH:<CCY>``; "" for all of the book.

    Returns:
        Nodes as ``tree.Tree.frame`` gives them. The leaves that are parts add up to the root to the millionth;
        ``tree.gaps`` lists where something is missing.

    Raises:
        Unexplained: there is no such number, or no sum of such numbers; the message says why.
    """
    from daybook.explain.holdings import lots, positions, valuations
    from daybook.explain.money import cash
    from daybook.explain.nav import nav
    from daybook.explain.profit import pnl
    from daybook.explain.realised import realised

    by_table: Mapping[str, Callable[[Tree, Evidence, str, str], None]] = {
        "nav": nav,
        "valuations": valuations,
        "positions": positions,
        "lots": lots,
        "cash": cash,
        "pnl": pnl,
        "realised": realised,
    }
    if table not in COLUMNS or column not in COLUMNS[table]:
        raise Unexplained(f"{table} {column} is not a number that can be explained")
    tree = Tree()
    by_table[table](tree, evidence, column, instrument)
    return tree.frame()
