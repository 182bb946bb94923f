"""Day counts: what part of a year lies between two dates.

Belongs here: the conventions for fees and interest on cash. Does not belong here: bonds, whose coupons QuantLib counts
(``pricing``).

A date has a position on a line of years, in the convention; the part of a year between two dates is the difference of
their positions. So parts add up, and what accrues over a weekend is what would have accrued day by day.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONVENTIONS = ("actual/365", "actual/360", "actual/actual", "30/360")
"""actual/365 is without leap days (ISDA 2006, 4.16 d), actual/actual divides the days of each calendar year by its own
number (4.16 b), 30/360 counts months of 30 days, the 31st being the 30th (4.16 g, 30E/360)."""


def position(convention: str, dates: Any) -> Floats:
    """Position of ``dates`` in years: the part of a year from one to another is the difference.

    Args:
        convention: one of ``CONVENTIONS``.
        dates: midnight, naive.

    Raises:
        ValueError: the convention is unknown.
    """
    day = np.asarray(dates, "datetime64[us]").astype("datetime64[D]")
    count = day.astype(np.int64)
    if convention == "actual/365":
        return count / 365.0
    if convention == "actual/360":
        return count / 360.0
    month, year = day.astype("datetime64[M]"), day.astype("datetime64[Y]")
    if convention == "actual/actual":
        start = year.astype("datetime64[D]").astype(np.int64)
        length = (year + 1).astype("datetime64[D]").astype(np.int64) - start
        return np.asarray(year.astype(np.int64) + (count - start) / length)
    if convention == "30/360":
        of_month = np.minimum(count - month.astype("datetime64[D]").astype(np.int64) + 1, 30)
        return np.asarray((month.astype(np.int64) * 30 + of_month) / 360.0)
    raise ValueError(f"unknown day count {convention!r}, known are {', '.join(CONVENTIONS)}")
