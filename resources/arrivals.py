"""Arrivals: which sessions the prices and trades that came since a delivery are about.

Belongs here: asking the register of deliveries. Does not belong here: what is computed again (``resources.facts``).
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from resources import records

_deliveries = records.deliveries.c
_PRICES = _deliveries.table_name == "intraday_prices"
# A file is named by its session of delivery. Far in the east that session may have begun before the date in UTC.
_NEWEST = sa.func.greatest(_deliveries.affects_from, _deliveries.delivered)


@dataclass(frozen=True)
class Arrivals:
    """What came since a delivery.

    Attributes:
        through: number of the last delivery.
        oldest: when the first one was recorded.
        priced: first and last date of new prices, None when none came.
        traded: date on or before which the session is that new transactions are about, None when none came.
    """

    through: int
    oldest: pd.Timestamp
    priced: tuple[pd.Timestamp, pd.Timestamp] | None
    traded: pd.Timestamp | None


def since(engine: sa.Engine, delivery: int) -> Arrivals | None:
    """Intraday prices and transactions that were taken in after ``delivery``; None when there are none.

    Prices are about their own sessions. Transactions, a fill among them, are about the session that goes: the newest
    one of which a price was seen, or that of their file if it is later. Where no intraday price was ever delivered,
    no session is followed as it goes, and transactions are about none.
    """
    done, changed = _deliveries.status == "done", _deliveries.affects_from.is_not(None)
    trades = _deliveries.table_name == "transactions"
    followed = sa.select(sa.func.max(_NEWEST)).where(done, changed, _PRICES).scalar_subquery()
    query = sa.select(
        sa.func.max(_deliveries.seq),
        sa.func.min(_deliveries.recorded_at),
        sa.func.min(_deliveries.affects_from).filter(_PRICES),
        sa.func.max(_NEWEST).filter(_PRICES, changed),
        sa.func.max(_deliveries.delivered).filter(trades, changed),
        followed,
    ).where(done, _deliveries.seq > delivery, sa.or_(_PRICES, trades))
    with engine.connect() as connection:
        found: tuple[Any, ...] = tuple(connection.execute(query).one())
    through, oldest, first, last, traded, newest = found
    if through is None:
        return None
    about = None if traded is None or newest is None else pd.Timestamp(max(newest, traded))
    priced = None if first is None else (pd.Timestamp(first), pd.Timestamp(last))
    return Arrivals(int(through), pd.Timestamp(oldest), priced, about)
