"""Drawdowns: how far each book fell below its highest level, and for how long.

Belongs here: the distance from the peak at each session, the deepest drawdowns. Does not belong here: ratios of them
(``ratio_definitions``).

Conventions. The level is what the daily returns link to, from 1 at the start of the book; a session without a return
leaves it where it was and is no row. The peak is the highest level so far, the start included. A drawdown runs from the
session of its peak until that level is reached again (to 12 places); equal lows count from the first. A return of
-100 % or less loses everything, and nothing recovers from it. Of equal drawdowns the earlier comes first.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.performance.returns import standing
from daybook.performance.sample import FLAT

DEEPEST = 10
"""Drawdowns of each book that are told."""


def under_water(performance: pd.DataFrame) -> pd.DataFrame:
    """Distance of each book from its highest level.

    Args:
        performance: business_date, book, daily_return and status of every session since each book's first one.

    Returns:
        business_date, book, drawdown (fraction, 0 or negative) of every session that links, sorted by book and date.
    """
    rows = performance.loc[standing(performance)[0], ["business_date", "book", "daily_return"]]
    rows = rows.sort_values(["book", "business_date"], ignore_index=True)
    level = (1 + rows["daily_return"]).clip(lower=0).groupby(rows["book"]).cumprod()
    peak = level.groupby(rows["book"]).cummax().clip(lower=1.0)
    distance = level / peak - 1
    return rows[["business_date", "book"]].assign(drawdown=distance.mask(distance >= -FLAT, 0.0))


def deepest(performance: pd.DataFrame, date: pd.Timestamp) -> pd.DataFrame:
    """Table ``drawdowns``: the ten deepest of each book since its first session.

    Args:
        performance: business_date, book, daily_return and status of every session since each book's first one.
        date: last session; books without a row on it are left out.

    Returns:
        A drawdown that has not ended has no recovered_on, and counts its sessions under water up to ``date``.
    """
    rows = performance.loc[performance["business_date"] <= date]
    rows = rows.loc[rows["book"].isin(rows.loc[rows["business_date"].eq(date), "book"])]
    water = under_water(rows)
    day, depth = water["business_date"].to_numpy("datetime64[us]"), water["drawdown"].to_numpy()
    book = water["book"].factorize()[0]
    below = depth < 0
    same = np.concatenate([[False], book[1:] == book[:-1]])
    begins = np.flatnonzero(below & ~(same & np.concatenate([[False], below[:-1]])))
    ends = np.flatnonzero(below & ~np.concatenate([same[1:] & below[1:], [False]])) + 1
    low = np.minimum.reduceat(np.append(depth, 0.0), np.column_stack([begins, ends]).ravel())[::2]
    length = ends - begins
    whose = np.repeat(np.arange(len(begins)), length)
    inside = np.repeat(begins, length) + np.arange(len(whose)) - np.repeat(np.cumsum(length) - length, length)
    lowest = inside[depth[inside] == low[whose]]
    trough = lowest[np.searchsorted(lowest, begins)]
    recovered = np.append(same, False)[ends]
    found = pd.DataFrame(
        {
            "business_date": date,
            "book": water["book"].array.take(begins),
            "drawdown": np.round(low, 12),
            "peak_date": np.where(same[begins], day[begins - 1], np.datetime64("NaT")),
            "trough_date": day[trough],
            "recovered_on": np.where(recovered, np.append(day, day[:1])[ends], np.datetime64("NaT")),
            "sessions_to_trough": trough - begins + 1,
            "sessions_under_water": length + recovered,
        }
    )
    found = found.sort_values(["book", "drawdown", "trough_date"], ignore_index=True)
    found["drawdown_rank"] = found.groupby("book").cumcount() + 1
    found = found.loc[found["drawdown_rank"] <= DEEPEST]
    return tables.conform("drawdowns", found[list(tables.TABLES["drawdowns"].names)])
