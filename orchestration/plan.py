"""Which sessions an end of day must compute.

Belongs here: comparing what was delivered with what was computed. Does not belong here: computing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from assets.partitions import session_days
from daybook.ledger.transactions import dated_on, live
from resources.facts import Facts
from resources.settings import Settings

Span = tuple[pd.Timestamp, pd.Timestamp]
"""First and last session of a range."""


@dataclass(frozen=True)
class Plan:
    """Ranges of sessions, both ends included, or None where nothing is missing or stale.

    Attributes:
        day: the business date.
        market: sessions before the first transaction, whose prices and rates are missing or whose facts changed.
        history: sessions from the first transaction to the one before ``day``, likewise, all tables of the books.
    """

    day: pd.Timestamp
    market: Span | None
    history: Span | None


def plan(facts: Facts, settings: Settings, day: pd.Timestamp) -> Plan:
    """What must be computed so that ``day`` stands on complete history."""
    market, books = before(facts, settings, day)
    return Plan(day, _stale(facts, market), _stale(facts, books))


def before(facts: Facts, settings: Settings, day: pd.Timestamp) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """The sessions before ``day`` that have prices alone, and those from the first transaction on."""
    days = session_days(settings.calendars)
    priced, traded = first_priced(facts), first_traded(facts)
    earlier = days[days < day]
    books = earlier[earlier >= traded] if traded is not None else earlier[:0]
    market = earlier[earlier >= priced] if priced is not None else earlier[:0]
    if len(books):
        market = market[market < books[0]]
    return market, books


def pieces(sessions: pd.DatetimeIndex, stale: pd.DatetimeIndex, size: int, newest_first: bool) -> list[Span]:
    """Ranges of at most ``size`` neighbours among ``sessions`` that hold all of ``stale`` and no other session.

    Args:
        sessions: sorted.
        stale: those of them that must be computed.
        size: number of sessions.
        newest_first: whether the ranges begin to be counted, and are given, from the newest session on.
    """
    direction = -1 if newest_first else 1
    wanted = sessions.isin(stale)[::direction]
    number = np.cumsum(wanted) - 1
    begins = wanted & ~np.append(False, wanted[:-1])
    since = np.maximum.accumulate(np.where(begins, number, 0))
    piece = np.cumsum(wanted & ((number - since) % size == 0))[wanted]
    found = pd.Series(sessions[::direction][wanted]).groupby(piece)
    return list(zip(found.min(), found.max(), strict=True))


def first_traded(facts: Facts, known_at: pd.Timestamp | None = None) -> pd.Timestamp | None:
    """Date on which the first transaction counts, now or as known at an instant; None when there is none."""
    dates = dated_on(live(facts.current("transactions", known_at=known_at)))
    return None if dates.empty else dates.min()


def first_priced(facts: Facts) -> pd.Timestamp | None:
    """Date of the first delivered price or rate, None when there is none."""
    spans = [facts.lake.span(table) for table in ("raw_prices", "raw_fx_rates")]
    return min((span[0] for span in spans if span is not None), default=None)


def _stale(facts: Facts, sessions: pd.DatetimeIndex) -> Span | None:
    if sessions.empty:
        return None
    stale = facts.stale_sessions(sessions)
    return None if stale.empty else (stale[0], sessions[-1])
