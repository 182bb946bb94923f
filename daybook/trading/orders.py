"""The life of an order: which event may follow which, and what the events add up to.

Belongs here: the state machine as data, the projection of events to orders, and the name of an order. Does not belong
here: who may do what (``resources.orders``), sizing (``daybook.portfolio.rebalance``), and brokers.

    proposed -> approved -> sent -> partially_filled -> filled
             -> rejected, replaced (shown as cancelled, and may be proposed again)
    proposed, approved, sent, partially_filled -> cancelled
"""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables

Ints = NDArray[np.int64]

NEW = "new"
"""State of an order that has no event yet."""
REPLACED = "replaced"
"""State of an unapproved order that a newer proposal took the place of; its status is ``cancelled``."""
OPEN = ("approved", "sent", "partially_filled")
"""Statuses of an order that will still trade."""
SCALE = 100_000_000
"""Quantities are compared as whole numbers of 1 / SCALE units."""

TRANSITIONS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (NEW, "proposed"): "proposed",
        (REPLACED, "proposed"): "proposed",
        ("proposed", "approved"): "approved",
        ("proposed", "rejected"): "rejected",
        ("proposed", "replaced"): REPLACED,
        ("proposed", "cancelled"): "cancelled",
        ("approved", "sent"): "sent",
        ("approved", "cancelled"): "cancelled",
        ("sent", "filled"): "filled",
        ("sent", "cancelled"): "cancelled",
        ("partially_filled", "filled"): "filled",
        ("partially_filled", "cancelled"): "cancelled",
    }
)
"""(state, event) -> next state. A fill that leaves something open leads to ``partially_filled`` instead."""

_STATES = (NEW, *dict.fromkeys(TRANSITIONS.values()), "partially_filled")
_KINDS = tuple(dict.fromkeys(kind for _, kind in TRANSITIONS))
_PARTIAL = _STATES.index("partially_filled")
_NEXT = np.full((len(_STATES), len(_KINDS)), -1, np.int64)
for (_state, _kind), _after in TRANSITIONS.items():
    _NEXT[_STATES.index(_state), _KINDS.index(_kind)] = _STATES.index(_after)


class IllegalEvent(ValueError):
    """An event that cannot happen to the order in its state; the message names order, event and state."""


def order_id(business_date: Any, book: str, instrument: str, side: str, quantity: float, price: float) -> str:
    """Permanent id of the order that these say: 16 hexadecimal digits of a SHA-256, the same for the same order."""
    text = json.dumps([str(pd.Timestamp(business_date).date()), book, instrument, side, float(quantity), float(price)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def states(events: pd.DataFrame) -> pd.DataFrame:
    """What the events of each order add up to, with the states of the machine.

    Args:
        events: in the order in which they happened: order_id, kind, quantity (Decimal or float; of the order in
            ``proposed``, of the fill in ``filled``), reason; business_date, book, instrument and side of ``proposed``.

    Returns:
        One row for each order, in the order of their first events: order_id, business_date, book, instrument, side,
        quantity, filled, reason (that of the last event that has one) and state.

    Raises:
        IllegalEvent: an event is unknown or does not follow from its order's state; a fill is not above 0 or exceeds
            what is left of its order.
    """
    events = events.reset_index(drop=True)
    which, names = pd.factorize(events["order_id"])
    which = which.astype(np.int64)
    proposals = events[events["kind"] == "proposed"].drop_duplicates("order_id", keep="last").set_index("order_id")
    described = proposals.reindex(names)
    quantity = _scaled(described["quantity"])
    fill = np.where(events["kind"] == "filled", _scaled(events["quantity"]), 0).astype(np.int64)
    running: Ints = pd.Series(fill).groupby(which).cumsum().to_numpy(np.int64)
    state = _walk(events, which, len(names), complete=running == quantity[which])
    _check_fills(events, fill, running, quantity[which])
    filled = np.zeros(len(names), np.int64)
    np.add.at(filled, which, fill)
    reason = events["reason"].mask(events["reason"] == "").groupby(which).last().fillna("")
    return pd.DataFrame(
        {
            "order_id": pd.Series(names, dtype="str"),
            **{
                name: described[name].to_numpy(dtype="datetime64[us]" if name == "business_date" else None)
                for name in ("business_date", "book", "instrument", "side")
            },
            "quantity": quantity / SCALE,
            "filled": filled / SCALE,
            "reason": reason.to_numpy(),
            "state": pd.Series([_STATES[code] for code in state], dtype="str"),
        }
    )


def apply(events: pd.DataFrame) -> pd.DataFrame:
    """Table ``orders`` after ``events``: ``states`` with the statuses of the contract. Raises IllegalEvent."""
    rows = states(events)
    status = rows["state"].replace({REPLACED: "cancelled"})
    return tables.conform("orders", rows.assign(status=status).drop(columns="state"))


def _walk(events: pd.DataFrame, which: Ints, count: int, complete: NDArray[np.bool_]) -> Ints:
    """State of each order after its events: the n-th events of all orders are taken in one step."""
    kind = pd.Index(_KINDS).get_indexer(pd.Index(events["kind"]))
    step = pd.Series(which).groupby(which).cumcount().to_numpy()
    order = np.argsort(step, kind="stable")
    state = np.zeros(count, np.int64)
    for rows in np.split(order, np.flatnonzero(np.diff(step[order])) + 1) if len(order) else []:
        mine = which[rows]
        after = np.where(kind[rows] >= 0, _NEXT[state[mine], kind[rows]], -1)
        if (after < 0).any():
            row = rows[np.flatnonzero(after < 0)[0]]
            name, event = events["order_id"].iloc[row], events["kind"].iloc[row]
            raise IllegalEvent(
                f"order {name}: event {event!r} cannot happen to an order that is {_STATES[state[which[row]]]}"
            )
        partial = (kind[rows] == _KINDS.index("filled")) & ~complete[rows]
        state[mine] = np.where(partial, _PARTIAL, after)
    return state


def _check_fills(events: pd.DataFrame, fill: Ints, running: Ints, quantity: Ints) -> None:
    wrong = (events["kind"] == "filled").to_numpy() & ((fill <= 0) | (running > quantity))
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        left = (quantity[row] - running[row] + fill[row]) / SCALE
        raise IllegalEvent(
            f"order {events['order_id'].iloc[row]}: event 'filled' of {fill[row] / SCALE:g} does not fit the {left:g}"
            " that are left"
        )


def _scaled(quantities: pd.Series) -> Ints:
    """Exact for Decimal; half to even for a float of more than 8 places."""
    exact = quantities.astype("object").fillna(0) * SCALE
    return exact.map(round).to_numpy(np.int64)
