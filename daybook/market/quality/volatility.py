"""An instrument's own volatility: the yardstick of its moves.

Belongs here: how it is measured over the sessions before. Does not belong here: what is judged by it.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


WINDOW, ENOUGH = 60, 20
"""Returns from which own volatility is taken (about a quarter), and how many of them there must be."""


def own_volatility(rows: pd.DataFrame, returns: pd.DataFrame) -> Floats:
    """Standard deviation of price_return over the ``WINDOW`` sessions before each row's; NaN with too few of them.

    One turn a session: each has its own window, so that a range gives the figures of single sessions.
    """
    table = returns.pivot(index="business_date", columns="instrument", values="price_return").sort_index()
    values, dates = table.to_numpy(np.float64), table.index
    column = table.columns.get_indexer(pd.Index(rows["instrument"]))
    found = np.full(len(rows), np.nan)
    for session, at in rows.groupby("business_date").indices.items():
        end = int(dates.searchsorted(pd.Timestamp(session)))  # type: ignore[arg-type]
        window = values[max(end - WINDOW, 0) : end]
        enough = np.isfinite(window).sum(axis=0) >= ENOUGH
        deviation = np.full(values.shape[1], np.nan)
        deviation[enough] = np.nanstd(window[:, enough], axis=0, ddof=1)
        here = at[column[at] >= 0]
        found[here] = deviation[column[here]]
    return found
