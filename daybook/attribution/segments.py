"""The table ``attribution``: three effects of each sector of a book, by the contract.

Belongs here: the tree of one level that CONTRACT 2.10 asks for, and its rows. Does not belong here: trees that a book
declares (``tree``), the formulas (``brinson``).

Every book has the rows of method ``brinson_fachler``; one that declares ``brinson_hood_beebower`` has those too, with
allocation = (w_p - w_b) r_b,s. Neither imputation nor interaction follow what is declared: that is for
``attribution_nodes``. currency_effect is 0: returns in base currency carry it in the others.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.attribution import tree
from daybook.attribution.sides import KEY

Floats = NDArray[np.float64]
CONTRACT = {"levels": "sector", "anchor": "total", "imputation": "portfolio", "interaction_rule": "shown"}


def sectors(lines: pd.DataFrame, keys: pd.DataFrame, method: str, instruments: pd.DataFrame) -> tree.Tree:
    """The tree of one level.

    Args:
        lines: as of ``tree.nodes``.
        keys: business_date and book of every book and session of ``lines``.
        method: ``brinson_fachler`` or ``brinson_hood_beebower``.
        instruments: facts, dated by valid_from; the sector is the one of the session attributed.
    """
    return tree.nodes(lines, keys[KEY].assign(method=method, **CONTRACT), instruments)


def attribution(by_sector: tree.Tree, active_return: Floats, method: str) -> pd.DataFrame:
    """Rows of table ``attribution``.

    Args:
        by_sector: from ``sectors``.
        active_return: of each book and session of it; those without one have no rows.
        method: of the rows.
    """
    rows = tree.rounded(by_sector, active_return)
    rows = rows.loc[(rows["depth"] == 1) & np.isfinite(active_return[by_sector.whole])]
    rows = rows.rename(columns={"node": "segment"}).assign(method=method, currency_effect=0.0)
    return rows[list(tables.TABLES["attribution"].names)]
