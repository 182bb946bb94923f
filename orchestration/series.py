"""Series of adjusted prices, as ``daybook show prices`` prints them.

Belongs here: reading the golden closes and actions that a series needs, and no more of them. Does not belong here: how
a close is adjusted (``daybook.market.adjusted``), printing.
"""

import pandas as pd

from assets.partitions import session_days
from daybook.market import actions, adjusted
from resources.feeds import Feeds

COLUMNS = ["business_date", "instrument", "close", "currency", "price_basis"]


def series(
    feeds: Feeds,
    basis: adjusted.Basis,
    instrument: str | None,
    date: pd.Timestamp | None,
    as_of: pd.Timestamp | None,
    known_at: pd.Timestamp | None,
) -> pd.DataFrame:
    """Golden closes in the terms of one date.

    Args:
        feeds: the doors of the installation.
        basis: ``price`` or ``total`` (``adjusted.adjusted``).
        instrument: the one wanted, or None for all.
        date: the session wanted, or None for all.
        as_of: the date whose terms the closes are in; None is the last session with golden prices.
        known_at: closes are derived again, and actions looked up, as known at this instant; ``date`` is given then.

    Returns:
        business_date, instrument, close, factor, currency and reason, by instrument and date.
    """
    if known_at is None:
        days = feeds.lake.sessions("prices")
    else:
        days = session_days(feeds.settings.calendars)
        days = days[days <= known_at.tz_localize(None)]
    terms = as_of if as_of is not None else days[-1] if len(days) else pd.Timestamp(0)
    first, last = _span(days, date, terms)
    known = feeds.facts.current("corporate_actions", known_at=known_at)
    wanted = None if instrument is None else _needed(known, instrument)
    prices = _prices(feeds, days[(days >= first) & (days <= last)], wanted, known_at)
    found = adjusted.adjusted(prices, known, basis, terms)
    if instrument is not None:
        found = found[found["instrument"] == instrument]
    if date is not None:
        found = found[found["business_date"] == date]
    columns = ["business_date", "instrument", "close", "factor", "currency", "reason"]
    return found[columns].sort_values(["instrument", "business_date"], ignore_index=True)


def _span(days: pd.DatetimeIndex, date: pd.Timestamp | None, terms: pd.Timestamp) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The first and the last session that tell closes of ``date`` in the terms of ``terms``."""
    if date is None or days.empty:
        return pd.Timestamp.min, pd.Timestamp.max
    # The base of a series is the last close at or before the date of its terms.
    at = max(int(days.searchsorted(min(date, terms), side="right")) - 1, 0)
    return days[at], max(date, terms)


def _needed(known: pd.DataFrame, instrument: str) -> list[str]:
    """``instrument`` and what its actions deliver, whose closes tell what they are worth."""
    own = actions.in_force(known)
    delivered = own.loc[own["instrument"] == instrument, "new_instrument"]
    return sorted({instrument, *delivered} - {""})


def _prices(
    feeds: Feeds, days: pd.DatetimeIndex, wanted: list[str] | None, known_at: pd.Timestamp | None
) -> pd.DataFrame:
    """Golden closes of ``days``: those that were computed, or those that what was known at ``known_at`` makes."""
    if days.empty:
        return feeds.lake.read("prices", columns=COLUMNS).head(0)
    if known_at is None:
        return feeds.lake.read("prices", days[0], days[-1], COLUMNS, instruments=wanted)
    from orchestration.derivation import derive

    found = derive(["prices"], days, feeds.facts, known_at)["prices"][COLUMNS]
    return found if wanted is None else found[found["instrument"].isin(wanted)]
