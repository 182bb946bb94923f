"""Sessions of exchanges and settlement dates.

Belongs here: which days a market is open, and when a trade settles. Does not belong here: what happens on those days.
Calendars come from exchange_calendars; dates are midnight, naive, ``datetime64[us]``.
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

FIRST_SESSION = pd.Timestamp("1990-01-02")
"""The first partition."""
HORIZON = pd.Timestamp("2027-12-31")
"""Last date for which sessions are listed; ``tests/test_calendars.py`` fails when it comes within six months."""

# SEC rule 15c6-1: three days from 1995-06-07, two from 2017-09-05, one from 2024-05-28.
_CYCLES: dict[str, tuple[tuple[str, int], ...]] = {
    "XNYS": (("1900-01-01", 3), ("2017-09-05", 2), ("2024-05-28", 1)),
}
_CYCLES["XNAS"] = _CYCLES["XNYS"]
_OTHER_CYCLE = (("1900-01-01", 2),)


@lru_cache(maxsize=64)
def _sessions(calendar: str) -> pd.DatetimeIndex:
    """All sessions of ``calendar`` between FIRST_SESSION and HORIZON, clipped to what the calendar knows."""
    import exchange_calendars as xcals

    if not is_calendar(calendar):
        raise ValueError(f"unknown exchange calendar {calendar!r}")
    cls: Any = xcals.calendar_utils.global_calendar_dispatcher._calendar_factories[xcals.resolve_alias(calendar)]
    low, high = cls.bound_min(), cls.bound_max()
    start = FIRST_SESSION if low is None else max(FIRST_SESSION, low)
    end = HORIZON if high is None else min(HORIZON, high)
    found = xcals.get_calendar(calendar, start=start, end=end).sessions
    return pd.DatetimeIndex(found.tz_localize(None)).as_unit("us")


def is_calendar(calendar: str) -> bool:
    """Whether exchange_calendars knows ``calendar``."""
    import exchange_calendars as xcals

    return calendar in xcals.get_calendar_names(include_aliases=True)


def sessions(calendar: str, first: Any = None, last: Any = None) -> pd.DatetimeIndex:
    """Sessions of ``calendar`` from ``first`` to ``last``, both included.

    Raises:
        ValueError: the calendar is unknown.
    """
    found = _sessions(calendar)
    low = FIRST_SESSION if first is None else pd.Timestamp(first)
    high = HORIZON if last is None else pd.Timestamp(last)
    return found[(found >= low) & (found <= high)]


def is_session(calendar: str, dates: Any) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """For each of ``dates`` whether ``calendar`` is open on it."""
    return np.asarray(pd.DatetimeIndex(dates).as_unit("us").isin(_sessions(calendar)))


def roll_forward(calendar: str, dates: Any) -> pd.DatetimeIndex:
    """For each of ``dates`` the same day if a session, else the next session; NaT beyond the horizon."""
    return _shift(calendar, dates, side="left", step=0)


def previous_session(calendar: str, dates: Any) -> pd.DatetimeIndex:
    """For each of ``dates`` the last session before it; NaT before the first."""
    return _shift(calendar, dates, side="left", step=-1)


def next_session(calendar: str, dates: Any) -> pd.DatetimeIndex:
    """For each of ``dates`` the first session after it; NaT beyond the horizon."""
    return _shift(calendar, dates, side="right", step=0)


def settlement_date(market: str, trade_dates: Any) -> pd.DatetimeIndex:
    """Settlement date of trades in ``market``: the cycle in force on the trade date, counted in its sessions.

    XNYS T+3, T+2 from 2017-09-05, T+1 from 2024-05-28 (SEC rule 15c6-1); other markets T+2. A trade dated on a
    non-session counts from the last session before it.
    """
    dates = pd.DatetimeIndex(trade_dates).as_unit("us")
    cycle = _CYCLES.get(market, _OTHER_CYCLE)
    since = np.array([np.datetime64(start, "us") for start, _ in cycle])
    lags = np.array([lag for _, lag in cycle])[np.searchsorted(since, dates.to_numpy(), side="right") - 1]
    return _shift(market, dates, side="right", step=lags - 1)


def _shift(calendar: str, dates: Any, side: Literal["left", "right"], step: Any) -> pd.DatetimeIndex:
    """The session at the insertion point of each date plus ``step``."""
    found = _sessions(calendar).to_numpy()
    wanted = pd.DatetimeIndex(dates).as_unit("us").to_numpy()
    at = np.searchsorted(found, wanted, side=side) + step
    inside = (at >= 0) & (at < len(found)) & ~np.isnat(wanted)
    return pd.DatetimeIndex(np.where(inside, found[np.clip(at, 0, len(found) - 1)], np.datetime64("NaT", "us")))
