"""Tax lots: which purchase a sale closes, what that realises, and the lots open on each session.

Belongs here: matching first in, first out over the events of every book and instrument, long, short and across zero,
through splits. Does not belong here: how a transaction comes to its cost (``transactions``), the compiled loop
(``lot_kernel``), market values.

A lot is named by the transaction that opened it and keeps that name through splits. A short lot has negative quantity
and cost. Fees and taxes are in the cost that an event brings, so they are spread with it, by quantity, over the lots
that it closes and over both sides of zero; every division is rounded once, and the last part takes what is left.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact, spans

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]

TRADE, TRANSFER, SPLIT = 0, 1, 2
"""Kinds of event, as in ``lot_kernel``."""


@dataclass(frozen=True)
class Matched:
    """What became of the events of all groups; numbers of events are positions in them.

    Attributes:
        states: opened (event), since and until (events; -1: still), quantity, cost, cost_base of each state of a lot.
        parts: closing and opened (events), quantity, proceeds, cost, proceeds_base, cost_base, one for each closing
            event and lot.
        restated: trade and split (events) and the trade's quantity after the split, while the trade was not settled
            or in its own session.
        overflowed: whether a number of the event went beyond 64 bits; its group stops there.
        short: whether the position was negative after the event.
    """

    states: pd.DataFrame
    parts: pd.DataFrame
    restated: pd.DataFrame
    overflowed: NDArray[np.bool_]
    short: NDArray[np.bool_]


def match(
    group: Ints, kind: Codes, quantity: Ints, cost: Ints, cost_base: Ints, session: Ints, settle: Ints
) -> Matched:
    """Match the events of each group first in, first out.

    Args:
        group: number of the pool and instrument of each event; events are in the order of contract 2.1 within it.
        kind: TRADE, TRANSFER (closes lots without a gain) or SPLIT.
        quantity: signed, 10^-8 units; of a split the new units.
        cost: with charges, received negative, 10^-6 money; of a split the old units.
        cost_base: the same in base currency.
        session: day number on which the event is booked.
        settle: day number on which it settles.
    """
    from daybook.ledger import lot_kernel

    count = len(group)
    starts = np.zeros(int(group.max(initial=-1)) + 2, np.int64)
    events = np.empty((count, 4), np.int64)
    own = [_own(values) for values in (group, kind, quantity, cost, cost_base)]
    lot_kernel.by_group(*own, starts, events)
    largest = int(np.diff(starts).max(initial=0))
    states = np.empty((_room(events, starts), 6), np.int64)
    parts = np.empty((count, 7), np.int64)
    outcome = np.zeros(count, np.int8)
    made, realised_parts = lot_kernel.fifo(events, starts, states, parts, np.empty(largest, np.int64), outcome)
    return Matched(
        _frame(states[:made], "opened since until quantity cost cost_base"),
        _frame(parts[:realised_parts], "closing opened quantity proceeds cost proceeds_base cost_base"),
        _frame(_restated(events, starts, _own(session), _own(settle)), "trade split quantity"),
        outcome == lot_kernel.OVERFLOW,
        outcome == lot_kernel.SHORT,
    )


def _own(values: Any) -> Any:
    # The compiled loops know one kind of array; those of a frame are read-only.
    return np.require(values, requirements=["C_CONTIGUOUS", "WRITEABLE"])


def _room(events: Ints, starts: Ints) -> int:
    """States that there can be: one for each event, and for each split one for each event before it in its group."""
    splits = np.flatnonzero((events[:, 0] & 3) == SPLIT)
    before = splits - starts[np.searchsorted(starts, splits, side="right") - 1]
    return len(events) + int(before.sum())


def _restated(events: Ints, starts: Ints, session: Ints, settle: Ints) -> Ints:
    from daybook.ledger import lot_kernel

    found = np.empty((1024, 3), np.int64)
    count = lot_kernel.restate(events, starts, session, settle, found)
    if count > len(found):
        found = np.empty((count, 3), np.int64)
        lot_kernel.restate(events, starts, session, settle, found)
    return found[:count]


def _frame(values: Ints, names: str) -> pd.DataFrame:
    return pd.DataFrame({name: values[:, at] for at, name in enumerate(names.split())}, copy=False)


def lots(journal: "Journal", sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Open lots at the close of each of ``sessions``.

    Returns:
        Table ``lots``. unit_cost is cost / quantity. ``pool`` is the book, whose lots are matched together. A book has
        rows on sessions of its own calendar, and none from the session on which it failed.
    """
    states, events = journal.matched.states, journal.events
    opened = events.take(states["opened"].to_numpy())
    start = events["session"].to_numpy()[states["since"]]
    until = states["until"].to_numpy()
    end = np.where(until < 0, spans.FOREVER, events["session"].to_numpy()[until])
    row, business_date = journal.rows(opened["book"], start, end, sessions)
    opened, states = opened.take(row), states.take(row)
    quantity, cost = states["quantity"].to_numpy(), states["cost"].to_numpy()
    frame = pd.DataFrame(
        {
            "business_date": business_date,
            "book": opened["book"].to_numpy(),
            "instrument": opened["instrument"].to_numpy(),
            "lot": opened["transaction_id"].to_numpy(),
            "opened_on": spans.dates(opened["opened_on"].to_numpy()),
            "quantity": exact.units(quantity),
            "unit_cost": _unit_cost(cost, quantity),
            "cost": exact.money(cost),
            "currency": opened["currency"].to_numpy(),
            "cost_base": exact.money(states["cost_base"].to_numpy()),
            "pool": opened["book"].to_numpy(),
            "account": "",
        }
    )
    return tables.conform("lots", frame.sort_values(["business_date", "book", "instrument", "lot"], kind="stable"))


def _unit_cost(cost: Ints, quantity: Ints) -> Any:
    # A reverse split can round a lot to nothing while its cost stays: it has no unit.
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.round(exact.money(cost) / exact.units(quantity), 12)
    return np.where(quantity == 0, np.nan, found)


def realised(journal: "Journal", sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Gains realised on ``sessions``, one row per closing transaction and lot (contract 2.6).

    gain = proceeds - cost; on a cover both are negative. market_gain_base = gain x FX of the closing transaction,
    rounded once, and currency_gain_base is the rest of gain_base. A transfer_out realises nothing.

    Returns:
        Table ``realised``; business_date is the session on which the closing transaction is booked.
    """
    parts, events = journal.parts, journal.events
    closing = events.take(parts["closing"].to_numpy())
    day = closing["session"].to_numpy()
    row, business_date = journal.rows(closing["book"], day, day + 1, sessions)
    closing, parts = closing.take(row), parts.take(row)
    money = {
        name: exact.money(parts[name].to_numpy())
        for name in ("proceeds", "cost", "gain", "gain_base", "market_gain_base", "currency_gain_base")
    }
    frame = pd.DataFrame(
        {
            "business_date": business_date,
            "book": closing["book"].to_numpy(),
            "instrument": closing["instrument"].to_numpy(),
            "transaction_id": closing["transaction_id"].to_numpy(),
            "lot": events["transaction_id"].to_numpy()[parts["opened"]],
            "quantity": exact.units(parts["quantity"].to_numpy()),
            "currency": closing["currency"].to_numpy(),
            "opened_on": spans.dates(events["opened_on"].to_numpy()[parts["opened"]]),
            "term": "",
            "matching": "fifo",
            **money,
        }
    )
    keys = ["business_date", "book", "instrument", "transaction_id", "lot"]
    return tables.conform("realised", frame.sort_values(keys, kind="stable"))
