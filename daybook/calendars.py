"""Sessions of exchanges, their half days and breaks, and settlement dates.

Belongs here: which days a market is open, and when a trade settles. Does not belong here: what happens on those days.
Calendars come from exchange_calendars; dates are midnight, naive, ``datetime64[us]``.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

FIRST_SESSION = pd.Timestamp("1990-01-02")
"""The first partition."""
HORIZON = pd.Timestamp("2027-12-31")
"""Last date for which sessions are listed; ``tests/test_calendars.py`` fails when it comes within six months."""

Cycle = tuple[tuple[str, int], ...]
"""First trade dates and, from each on, the sessions from trade to settlement."""

# SEC rule 15c6-1: three days from 1995-06-07, two from 2017-09-05, one from 2024-05-28.
_UNITED_STATES: Cycle = (("1900-01-01", 3), ("2017-09-05", 2), ("2024-05-28", 1))
# Canada (CSA, National Instrument 24-101) and Mexico (BMV, Indeval) went with the United States, in 2024 a day ahead,
# which was Memorial Day there.
_CANADA_AND_MEXICO: Cycle = (("1900-01-01", 3), ("2017-09-05", 2), ("2024-05-27", 1))
# Regulation (EU) 909/2014 (CSDR), article 5, which bound from 2015 on; 29 markets moved together on 2014-10-06 (ECSDA,
# 2014-10-20). Germany settled in two days already.
_EUROPE: Cycle = (("1900-01-01", 3), ("2014-10-06", 2))
_EUROPEAN = (
    *("XLON", "XDUB", "XPAR", "XAMS", "XBRU", "XLIS", "XMIL", "XSWX", "XWBO", "XLUX"),
    *("XSTO", "XHEL", "XCSE", "XOSL", "XICE", "XWAR", "XPRA", "XBUD"),
)
_CYCLES: dict[str, Cycle] = {
    "XNYS": _UNITED_STATES,
    "XTSE": _CANADA_AND_MEXICO,
    "XMEX": _CANADA_AND_MEXICO,
    **dict.fromkeys(_EUROPEAN, _EUROPE),
    "XTKS": (("1900-01-01", 3), ("2019-07-16", 2)),  # Japan Exchange Group, 2019-05-14
    "XASX": (("1900-01-01", 3), ("2016-03-07", 2)),  # ASX Settlement, T+2 project
    "XNZE": (("1900-01-01", 3), ("2016-03-07", 2)),  # NZX, together with ASX
    "XSES": (("1900-01-01", 3), ("2018-12-10", 2)),  # SGX, 2018-11-13
    "XJSE": (("1900-01-01", 5), ("2016-07-11", 3)),  # JSE and Strate, project T+3
    "XBOM": (("1900-01-01", 2), ("2023-01-27", 1)),  # SEBI circular of 2021-09-07; the last shares moved then
}
_OTHER_CYCLE: Cycle = (("1900-01-01", 2),)


def _opened(calendar: str) -> Any:
    """``calendar`` between FIRST_SESSION and HORIZON, clipped to what it knows."""
    import exchange_calendars as xcals

    if not is_calendar(calendar):
        raise ValueError(f"unknown exchange calendar {calendar!r}")
    cls: Any = xcals.calendar_utils.global_calendar_dispatcher._calendar_factories[xcals.resolve_alias(calendar)]
    low, high = cls.bound_min(), cls.bound_max()
    start = FIRST_SESSION if low is None else max(FIRST_SESSION, low)
    end = HORIZON if high is None else min(HORIZON, high)
    return xcals.get_calendar(calendar, start=start, end=end)


@lru_cache(maxsize=64)
def _sessions(calendar: str) -> pd.DatetimeIndex:
    return _dates(_opened(calendar).sessions)


@lru_cache(maxsize=64)
def _early_closes(calendar: str) -> pd.DatetimeIndex:
    return _dates(_opened(calendar).early_closes)


@lru_cache(maxsize=64)
def _breaks(calendar: str) -> pd.DatetimeIndex:
    found = _opened(calendar).break_starts
    return _dates(found.index[found.notna()])


@lru_cache(maxsize=64)
def _hours(calendar: str) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex, Any]:
    """Instants at which each session opens and closes, in UTC, and the zone of the calendar."""
    found = _opened(calendar)
    opens, closes = (pd.DatetimeIndex(part.dt.tz_convert("UTC")).as_unit("us") for part in (found.opens, found.closes))
    return opens, closes, found.tz


def _dates(found: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(found.tz_localize(None)).as_unit("us")


def is_calendar(calendar: str) -> bool:
    """Whether exchange_calendars knows ``calendar``."""
    import exchange_calendars as xcals

    return calendar in xcals.get_calendar_names(include_aliases=True)


def _canonical(calendar: str) -> str:
    """The calendar that ``calendar`` is another name of: XNYS for XNAS."""
    import exchange_calendars as xcals

    return str(xcals.resolve_alias(calendar)) if is_calendar(calendar) else calendar


def sessions(calendar: str, first: Any = None, last: Any = None) -> pd.DatetimeIndex:
    """Sessions of ``calendar`` from ``first`` to ``last``, both included.

    Raises:
        ValueError: the calendar is unknown.
    """
    return _between(_sessions(calendar), first, last)


def early_closes(calendar: str, first: Any = None, last: Any = None) -> pd.DatetimeIndex:
    """Half days: sessions from ``first`` to ``last``, both included, on which ``calendar`` closes before its hour.

    Raises:
        ValueError: the calendar is unknown.
    """
    return _between(_early_closes(calendar), first, last)


def breaks(calendar: str, first: Any = None, last: Any = None) -> pd.DatetimeIndex:
    """Sessions from ``first`` to ``last``, both included, on which ``calendar`` closes at midday and opens again.

    Raises:
        ValueError: the calendar is unknown.
    """
    return _between(_breaks(calendar), first, last)


def joint_sessions(
    calendars: Sequence[str], rule: Literal["all", "any"], first: Any = None, last: Any = None
) -> pd.DatetimeIndex:
    """Dates from ``first`` to ``last``, both included, on which all, or any, of ``calendars`` are open, sorted.

    Raises:
        ValueError: no calendar is given, one is unknown, or the rule is another.
    """
    if not calendars:
        raise ValueError("joint sessions of no calendar at all")
    if rule not in ("all", "any"):
        raise ValueError(f"unknown rule {rule!r}; known are all, any")
    joined = sessions(calendars[0], first, last)
    for calendar in calendars[1:]:
        other = sessions(calendar, first, last)
        joined = joined.intersection(other) if rule == "all" else joined.union(other)
    return joined.sort_values().as_unit("us")


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


def sessions_between(markets: "pd.Series[str]", since: Any, until: Any) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Sessions of each market in (since, until]; weekdays where it has no known calendar.

    Args:
        markets: exchange calendars or markets without one.
        since: a Series of dates, one for each of them.
        until: likewise.
    """
    counts = np.zeros(len(markets), np.int64)
    days = [np.asarray(dates, "datetime64[us]") for dates in (since, until)]
    for market in markets.unique():  # one turn a market
        here = (markets == market).to_numpy()
        if is_calendar(market):
            known = _sessions(market).to_numpy()
            low, high = (np.searchsorted(known, dates[here], side="right") for dates in days)
            counts[here] = high - low
        else:
            one_day = np.timedelta64(1, "D")
            low, high = (dates[here].astype("datetime64[D]") + one_day for dates in days)
            counts[here] = np.busday_count(low, high)
    return counts


def trading_dates(calendar: str, instants: Any) -> pd.DatetimeIndex:
    """The date to which what happened at each of ``instants`` belongs in the market ``calendar``.

    Between the open and the close of a session it is that session, also where the session opens on the evening before;
    at any other time it is the local date, which need not be a session. So early and late hours belong to the session
    of their day. NaT stays NaT.

    Args:
        calendar: an exchange calendar; the date is that of UTC where it is unknown.
        instants: in UTC.
    """
    at = pd.DatetimeIndex(instants).as_unit("us")
    if not is_calendar(calendar):
        return at.tz_localize(None).normalize()
    opens, closes, zone = _hours(calendar)
    session = opens.searchsorted(at, side="right") - 1
    inside = (session >= 0) & (at < closes[np.maximum(session, 0)])
    local = at.tz_convert(zone).tz_localize(None).normalize()
    return pd.DatetimeIndex(np.where(inside, _sessions(calendar)[np.maximum(session, 0)], local)).as_unit("us")


def opening_hours(calendar: str, dates: Any) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """The instants, in UTC, at which ``calendar`` opens and closes on each of ``dates``; NaT where it is not open.

    A half day closes at its own hour. All NaT where the calendar is unknown.
    """
    days = pd.DatetimeIndex(dates).as_unit("us")
    if not is_calendar(calendar):
        nothing = pd.DatetimeIndex([pd.NaT] * len(days)).as_unit("us").tz_localize("UTC")
        return nothing, nothing
    at = _sessions(calendar).get_indexer(days)
    opens, closes, _ = _hours(calendar)
    never = np.datetime64("NaT", "us")
    first, last = (np.where(at >= 0, part.tz_localize(None).to_numpy()[at], never) for part in (opens, closes))
    return pd.DatetimeIndex(first).tz_localize("UTC"), pd.DatetimeIndex(last).tz_localize("UTC")


def zone(calendar: str) -> Any:
    """The time zone of ``calendar``; UTC where it is unknown."""
    return _hours(calendar)[2] if is_calendar(calendar) else "UTC"


def later_session(calendar: str, dates: Any, count: Any) -> pd.DatetimeIndex:
    """For each of ``dates`` the session ``count`` sessions after it, itself where that is 0; NaT beyond the horizon.

    Weekdays where the calendar is unknown.
    """
    days, count = pd.DatetimeIndex(dates).as_unit("us"), np.asarray(count, np.int64)
    if is_calendar(calendar):
        moved = _shift(calendar, days, side="right", step=count - 1)
    else:
        moved = pd.DatetimeIndex(np.busday_offset(days.to_numpy().astype("datetime64[D]"), count, "preceding"))
    return days.where(count == 0, moved.as_unit("us"))


def cut(calendar: str, dates: Any) -> "pd.Series[str]":
    """The label of the close of ``calendar`` on each of ``dates``: XNYS-16:00, XNYS-13:00 on a half day.

    "" where the calendar is unknown or the date is no session.
    """
    days = pd.DatetimeIndex(dates).as_unit("us")
    if not is_calendar(calendar):
        return pd.Series("", range(len(days)), dtype="str")
    at = _sessions(calendar).get_indexer(days)
    _, closes, zone = _hours(calendar)
    label = calendar + "-" + closes[at].tz_convert(zone).strftime("%H:%M")
    return pd.Series(np.where(at >= 0, label, ""), dtype="str")


def settlement_date(market: str, trade_dates: Any) -> pd.DatetimeIndex:
    """Settlement date of trades in ``market``: the cycle in force on the trade date, counted in its sessions.

    Declared, by trade date: XNYS and the other markets of the United States T+3, T+2 from 2017-09-05, T+1 from
    2024-05-28; XTSE and XMEX the same, but T+1 from 2024-05-27; eighteen European markets T+3, T+2 from 2014-10-06;
    XTKS T+3, T+2 from 2019-07-16; XASX and XNZE T+3, T+2 from 2016-03-07; XSES T+3, T+2 from 2018-12-10; XJSE T+5, T+3
    from 2016-07-11; XBOM T+2, T+1 from 2023-01-27. Sources stand beside ``_CYCLES``. The first cycle named also serves
    for earlier dates, on which some were longer; moves that were made share by share (XBOM from 2022-02-25) count from
    the last one. All other markets T+2, the contract's default, which is the cycle of Germany and Hong Kong; where it
    is another, a file says so in settle_date. A trade dated on a non-session counts from the last session before it.

    Raises:
        ValueError: the market has no known calendar.
    """
    dates = pd.DatetimeIndex(trade_dates).as_unit("us")
    cycle = _CYCLES.get(_canonical(market), _OTHER_CYCLE)
    since = np.array([np.datetime64(start, "us") for start, _ in cycle])
    lags = np.array([lag for _, lag in cycle])[np.searchsorted(since, dates.to_numpy(), side="right") - 1]
    return _shift(market, dates, side="right", step=lags - 1)


def _between(found: pd.DatetimeIndex, first: Any, last: Any) -> pd.DatetimeIndex:
    low = FIRST_SESSION if first is None else pd.Timestamp(first)
    high = HORIZON if last is None else pd.Timestamp(last)
    return found[(found >= low) & (found <= high)]


def _shift(calendar: str, dates: Any, side: Literal["left", "right"], step: Any) -> pd.DatetimeIndex:
    """The session at the insertion point of each date plus ``step``."""
    found = _sessions(calendar).to_numpy()
    wanted = pd.DatetimeIndex(dates).as_unit("us").to_numpy()
    at = np.searchsorted(found, wanted, side=side) + step
    inside = (at >= 0) & (at < len(found)) & ~np.isnat(wanted)
    return pd.DatetimeIndex(np.where(inside, found[np.clip(at, 0, len(found) - 1)], np.datetime64("NaT", "us")))
