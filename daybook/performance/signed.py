"""Returns as they were signed: the track record, which nothing but another signature changes.

Belongs here: which figures stand signed, and which of today's a signature would add. Does not belong here: keeping
them (``resources.signed``), who may sign (``daybook.control.closes``), linking them (``period_returns``).

A close signs the returns of its date and of every session before it, as they are then. The newest signature of a
session stands: a late trade changes what is computed at once, and what is signed only with the next close, which
keeps the old figures beside the new ones.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KEY = ["business_date", "book"]
FIGURES = ["daily_return", "gross_return", "benchmark_return"]
"""Columns of table ``performance`` that a close signs."""
SAME = 1e-12
"""Returns are kept to 12 places."""


def standing(signed_returns: pd.DataFrame) -> pd.DataFrame:
    """The newest signature of each session and book: ``KEY`` and ``FIGURES``.

    Args:
        signed_returns: table ``signed_returns``.
    """
    rows = signed_returns.sort_values([*KEY, "recorded_at", "close_date", "version"])
    return rows.drop_duplicates(KEY, keep="last")[[*KEY, *FIGURES]]


def differs(one: pd.DataFrame, other: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether any of the ``FIGURES`` of a row is not that of the same row of ``other``; unknown is like unknown."""
    ours, theirs = (rows[FIGURES].to_numpy(np.float64) for rows in (one, other))
    same = (np.abs(ours - theirs) <= SAME) | (np.isnan(ours) & np.isnan(theirs))
    return np.asarray(~same.all(axis=1))


def to_sign(performance: pd.DataFrame, signed_returns: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``performance`` that are not signed as they are: ``KEY`` and ``FIGURES``.

    Args:
        performance: table, every session up to the one that is signed.
        signed_returns: table ``signed_returns`` of the same books.
    """
    rows = performance[[*KEY, *FIGURES]].merge(
        standing(signed_returns), on=KEY, how="left", suffixes=("", "_signed"), indicator="there"
    )
    signed = rows[[f"{name}_signed" for name in FIGURES]].set_axis(FIGURES, axis=1)
    new = rows["there"].eq("left_only").to_numpy() | differs(rows, signed)
    return rows.loc[new, [*KEY, *FIGURES]].reset_index(drop=True)
