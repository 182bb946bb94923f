"""What the custodian of the demonstration firm says: positions and cash of every session since inception.

Belongs here: the custodian's own arithmetic, on integers, from the transactions alone, and the breaks planted in it.
Does not belong here: Daybook's ledger; the two must be able to disagree.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import pandas as pd

MICRO = 1_000_000
"""Money is counted in millionths."""


@dataclass(frozen=True)
class Planted:
    """A disagreement put in on purpose: from ``since`` on, the custodian has ``difference`` more than the books.

    ``name`` is an instrument, counted in units, or a currency, counted in money.
    """

    book: str
    name: str
    since: pd.Timestamp
    difference: Decimal
    meaning: str


PLANTED = (
    Planted("LOW-VOL", "KO", pd.Timestamp("2022-12-20"), Decimal(-3), "three shares missing at the custodian"),
    Planted("US-CORE", "USD", pd.Timestamp("2022-12-22"), Decimal("-12.50"), "a fee that only the custodian booked"),
    Planted("EURO-MULTI", "EUR", pd.Timestamp("2022-12-23"), Decimal("0.01"), "a cent of rounding"),
)


def positions(transactions: pd.DataFrame, closes: pd.DataFrame, accounts: pd.Series) -> pd.DataFrame:
    """Positions of every session on which a book held something or waited for a settlement.

    Args:
        transactions: as the firm made them (``firm.transactions``).
        closes: prices, sessions x instruments, from inception to the last session.
        accounts: the custodian's account of each book, by book.
    """
    trades = transactions[transactions["kind"].isin(["buy", "sell"])]
    signed = trades["quantity"].astype("int64") * trades["kind"].map({"buy": 1, "sell": -1})
    keys = [trades["book"], trades["instrument"]]
    sessions = pd.DatetimeIndex(closes.index)
    traded = _running(signed, trades["trade_date"], keys, sessions)
    settled = _running(signed, trades["settle_date"], keys, sessions).reindex(columns=traded.columns, fill_value=0)
    for planted in PLANTED:
        column = (planted.book, planted.name)
        if column in traded.columns:
            lost = np.where((sessions >= planted.since) & (traded[column] != 0), int(planted.difference), 0)
            traded[column], settled[column] = traded[column] + lost, settled[column] + lost
    books, instruments = (traded.columns.get_level_values(level) for level in (0, 1))
    frame = pd.DataFrame(
        {
            "business_date": sessions.repeat(len(books)),
            "book": np.tile(books.to_numpy(), len(sessions)),
            "instrument": np.tile(instruments.to_numpy(), len(sessions)),
            "quantity": traded.to_numpy().ravel(),
            "settled_quantity": settled.to_numpy().ravel(),
            "market_value": np.round(traded.to_numpy() * closes[instruments].to_numpy(), 2).ravel(),
            "currency": "USD",
        }
    )
    frame["account"] = frame["book"].map(accounts)
    held = (frame["quantity"] != 0) | (frame["settled_quantity"] != 0)
    return frame[held].reset_index(drop=True)


def cash(transactions: pd.DataFrame, sessions: pd.DatetimeIndex, accounts: pd.Series) -> pd.DataFrame:
    """Settled cash of every session, by book and currency, from the first transaction in that currency on."""
    legs = pd.DataFrame(
        [leg for row in transactions.itertuples(index=False) for leg in _legs(row)],
        columns=["book", "currency", "trade_date", "settle_date", "micro"],
    )
    keys = [legs["book"], legs["currency"]]
    balance = _running(legs["micro"], legs["settle_date"], keys, sessions)
    for planted in PLANTED:
        column = (planted.book, planted.name)
        if column in balance.columns:
            balance[column] += np.where(sessions >= planted.since, int(planted.difference * MICRO), 0)
    since = legs.groupby(["book", "currency"])["trade_date"].min().reindex(balance.columns)
    opened = sessions.to_numpy()[:, None] >= since.to_numpy()[None, :]
    books, currencies = (balance.columns.get_level_values(level) for level in (0, 1))
    frame = pd.DataFrame(
        {
            "business_date": sessions.repeat(len(books)),
            "book": np.tile(books.to_numpy(), len(sessions)),
            "currency": np.tile(currencies.to_numpy(), len(sessions)),
            "balance": balance.to_numpy().ravel() / MICRO,
        }
    )
    frame["account"] = frame["book"].map(accounts)
    return frame[opened.ravel()].reset_index(drop=True)


def _legs(row: Any) -> list[tuple[Any, ...]]:
    """The money that a transaction moves, in millionths, rounded once, half to even."""
    quantity, fees = Decimal(row.quantity), Decimal(row.fees)
    where = (row.trade_date, row.settle_date)
    if row.kind == "fx":
        paid = quantity * Decimal(row.price) + fees
        bought = row.instrument.removeprefix("CASH:")
        return [(row.book, bought, *where, _micro(quantity)), (row.book, row.currency, *where, _micro(-paid))]
    if row.kind == "buy":
        amount = -quantity * Decimal(row.price) - fees
    elif row.kind == "sell":
        amount = quantity * Decimal(row.price) - fees
    elif row.kind in ("deposit", "interest"):
        amount = quantity
    else:
        amount = -quantity
    return [(row.book, row.currency, *where, _micro(amount))]


def _micro(amount: Decimal) -> int:
    return int((amount * MICRO).to_integral_value(ROUND_HALF_EVEN))


def _running(amounts: pd.Series, dates: pd.Series, keys: list[pd.Series], sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Sessions x keys: the sum of ``amounts`` whose date has come."""
    sums = amounts.groupby([dates.rename("date"), *keys]).sum().unstack([1, 2], fill_value=0).sort_index(axis=1)
    return sums.reindex(sessions, fill_value=0).cumsum()
