"""Tax lots: which purchase a sale closes, what that realises, and the lots open on each session.

Belongs here: what can happen to lots, by every method and in pools of several books, and the tables of lots and of
realised gains. Does not belong here: how a transaction comes to its cost (``transactions``), which events an action
makes (``entitlements``), the compiled loops (``lot_kernel``, ``lot_general``), market values.

A lot is named by the transaction that opened it and keeps that name through splits and mergers. First in, first out is
by opened_on, then by the order of posting: a lot that is transferred in with an older date comes before those bought
later (IRS, Publication 550: the shares acquired first). A short lot has negative quantity and cost.
Fees and taxes are in the cost that an event brings, so they are spread with it, by quantity, over the lots that it
closes and over both sides of zero; every division is rounded once, and the last part takes what is left.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact, spans

if TYPE_CHECKING:
    from daybook.ledger.inventory import Inventory
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]

TRADE, TRANSFER, SPLIT, DELIVER, REPLACE, RECORD, LIEU, CLOSE, CAPITAL, SUBSCRIBE, EXPIRE, EXERCISE = range(12)
"""Kinds of event; ``match`` says what each does."""
FINE, OVERFLOW, SHORT, UNKNOWN_LOT, BEYOND = range(5)
"""What became of an event; ``Matched`` says what each means."""
RULES = ("fifo", "lifo", "highest", "lowest", "average", "specific", "section_104", "same_day", "thirty_day")
"""Rule by which a part was matched, by its code."""
METHODS = {name: code for code, name in enumerate((*RULES[:6], "uk"))}
"""Lot methods and their codes; what the UK rules take from the pool has the code of section_104."""
REQUIRED = ("group", "event", "quantity", "cost", "cost_base", "session", "settle")
"""Columns of events that must be given."""
DEFAULTS = {
    "member": 0,
    "method": METHODS["fifo"],
    "lot": -1,
    "lot_by": -1,
    "target": -1,
    "share": 1,
    "share_of": 1,
    "money": 0,
    "per": 1,
    "fx": 1,
    "fx_of": 1,
    "register": -1,
    "at_most": exact.LIMIT,
    "whole": 0,
    "charges": 0,
    "charges_base": 0,
    "target_quantity": 0,
    "target_cost": 0,
    "target_base": 0,
}
"""Columns of events that may be left out, with their value; so may those of _SAME."""
_SAME = {"holding": "group", "date": "session", "opened_on": "date"}


@dataclass(frozen=True)
class Matched:
    """What became of the events of all groups; numbers of events are positions in them.

    The number of a lot is that of the event that opened it; of a pool that event's complement (~event), the first
    purchase in it; of a lot that a spin-off made, the number of events plus its row of ``derived``.

    Attributes:
        states: lot, opened (event), holding, since and until (events; -1: still), quantity, cost, cost_base of each
            state of a lot, and member, the book that opened it.
        parts: closing (event), lot, opened (event), holding, member (number of the book in its pool), quantity,
            proceeds, cost, proceeds_base, cost_base, posted (event on whose session it counts) and rule (of RULES), one
            for each closing event, book and lot. A match that a later purchase takes back (UK) is there again with
            negative amounts.
        positions: holding, member, since, until and quantity of the books of holdings that took more than one plain
            method; ``carried`` gives those of all.
        amounts: event, member, quantity and money (10^-6 received) of each book in each derived event: the position in
            RECORD, the new position in a SPLIT with a register, the units of the target in DELIVER and REPLACE,
            else the change.
        moved: event, cost and cost_base that DELIVER and REPLACE move into the target.
        derived: parent (lot) and by (event) of each lot that a spin-off made.
        restated: trade and split (events) and the trade's quantity after the split, while the trade was not settled
            or in its own session.
        outcome: per event FINE, OVERFLOW (a number went beyond 64 bits), SHORT (the book's position is negative
            after it), UNKNOWN_LOT (the lot that it names is not open) or BEYOND (an expiry or exercise of more than
            is held). After OVERFLOW, UNKNOWN_LOT and BEYOND its group stops.
    """

    states: pd.DataFrame
    parts: pd.DataFrame
    positions: pd.DataFrame
    amounts: pd.DataFrame
    moved: pd.DataFrame
    derived: pd.DataFrame
    restated: pd.DataFrame
    outcome: Codes

    @property
    def overflowed(self) -> NDArray[np.bool_]:
        """Whether a number of the event went beyond 64 bits."""
        return np.equal(self.outcome, OVERFLOW)

    @property
    def short(self) -> NDArray[np.bool_]:
        """Whether the book's position was negative after the event."""
        return np.equal(self.outcome, SHORT)


def match(events: pd.DataFrame) -> Matched:
    """Match the events of each group.

    The events of a group are in posting order. Several holdings are in one group when an event leads from one to
    another. A holding is a pool's instrument; where a pool has several books, each has a position, and the lots are
    the pool's. Groups of nothing but trades, transfers and splits of one holding and book, all first in, first out or
    all at average cost, take a short path.

    Args:
        events: integers, a row per event. REQUIRED columns, and of the others those that are not ``DEFAULTS``:

            * group, holding: numbers from 0; a holding is in one group.
            * member: number of the book in its pool, by name, from 0; -1: every book of the holding.
            * event: what happens.
            * method: of METHODS, by which lots are closed. Under average and uk a trade's lots join the pool.
              ``specific`` without a named lot is first in, first out.
            * session, settle, date, opened_on: day numbers of booking, settlement, trade, and of the lot opened.
            * quantity: signed, 10^-8 units. cost: with charges, received negative, 10^-6. cost_base: in base currency.
            * lot, lot_by: the event that opened the lot which a trade closes first and the event that delivered it,
              -1 for none; ``named`` finds both. A lot of -2 is not known.
            * target: holding that receives.
            * share, share_of: part of the cost that moves.
            * money, per: price as a ratio, 10^-6 money for ``per`` 10^-8 units (``price_terms``). fx, fx_of: local to
              base money.
            * register: number of what later events of the group know of each book's units.
            * at_most, whole: SUBSCRIBE buys for at most so many units of the register; no fractions when whole is 1.
            * charges, charges_base: of an expiry.
            * target_quantity, target_cost, target_base: trade in the target by an exercise, as quantity, cost,
              cost_base.

            Kinds of event:

            * TRADE, TRANSFER: a transfer realises no gain.
            * SPLIT: ``quantity`` new for ``cost`` old units; the new positions go to the register.
            * DELIVER: a spin-off; ``quantity`` new units in the target for ``cost`` old ones, which stay. Each lot
              makes one that takes share / share_of of its cost. The units delivered go to the register.
            * REPLACE: a merger; the same, but the lots leave the holding under their own names. What is left of their
              cost is set against the price of the old units, a gain.
            * RECORD: the positions go to the register.
            * LIEU: the fraction of a whole unit of the register is sold at the price.
            * CLOSE: the whole position is closed at the price.
            * CAPITAL: the price is paid back: cost falls by it, and what exceeds the cost is a gain.
            * SUBSCRIBE: ``quantity`` units for ``cost`` units of the register are bought at the price of a new one.
            * EXPIRE: ``quantity`` (positive) units are closed, on whichever side, for ``cost`` without charges.
            * EXERCISE: ``quantity`` (negative: long) units are closed without a gain; their cost goes into the
              trade in the target.
    """
    from daybook.ledger import lot_kernel

    given = _Given(events)
    number, group, holding = len(events), given["group"], given["holding"]
    starts = np.zeros(int(group.max(initial=-1)) + 2, np.int64)
    packed = np.empty((number, 4), np.int64)
    kind = given.codes("event")
    lot_kernel.by_group(group, kind, given["quantity"], given["cost"], given["cost_base"], starts, packed)
    way = _ways(given, kind, len(starts) - 1)
    split = bool((kind == SPLIT).any())
    # Memory that is asked for and not written costs nothing; what ten million trades write is 1.5 GB as it is.
    states = np.empty((_room(packed, starts) if split else number, 8), np.int64)
    parts = np.empty((number, 9), np.int64)
    outcome = np.zeros(number, np.int8)
    queue = np.empty(int(np.diff(starts).max(initial=0)), np.int64)
    made, closed = lot_kernel.fifo(packed, starts, way, holding, states, parts, queue, outcome)
    plain = closed
    made, closed = lot_kernel.average(packed, starts, way, holding, states, parts, made, closed, outcome)
    rule = np.full(closed, METHODS["fifo"], np.int8)
    rule[plain:] = METHODS["average"]
    restated = np.empty((0, 3), np.int64)
    if split:
        restated = _restated(packed, starts, holding, given["session"], given["settle"])
    others = dict.fromkeys(_OTHERS, np.empty((0, 5), np.int64))
    found = _columns(states[:made], _STATE + " opened") | {"member": np.zeros(made, np.int64)}
    realised = _columns(parts[:closed], _PART + " opened") | {
        "member": np.zeros(closed, np.int64),
        "posted": parts[:closed, 0],
        "rule": rule,
    }
    if (way == lot_kernel.GENERAL).any():
        general = way[group[packed[:, 0] >> 4]] == lot_kernel.GENERAL
        others = _general(given, kind, packed[general, 0] >> 4, outcome)
        more = _columns(others["states"], _STATE + " member"), _columns(others["parts"], _GENERAL_PART)
        for rows in more:
            rows["opened"] = _openers(rows["lot"], others["derived"], number)
        # A pool stands in the book whose purchase opened it: others may not have begun.
        opener = np.maximum(given.column("member", more[0]["opened"]), 0)
        more[0]["member"] = np.where(more[0]["lot"] < 0, opener, more[0]["member"])
        found, realised = _joined(found, more[0]), _joined(realised, more[1])
    rest = {name: _frame(_columns(others[name], columns)) for name, columns in _OTHERS.items()}
    rest["restated"] = _frame(_columns(restated, "trade split quantity"))
    return Matched(_frame(found), _frame(realised), outcome=outcome, **rest)


_STATE = "lot holding since until quantity cost cost_base"
_PART = "closing lot holding quantity proceeds cost proceeds_base cost_base"
_GENERAL_PART = "closing lot holding member quantity proceeds cost proceeds_base cost_base posted rule"
_OTHERS = {
    "positions": "holding member since until quantity",
    "amounts": "event member quantity money",
    "moved": "event cost cost_base",
    "derived": "parent by",
}


def _general(given: "_Given", kind: Codes, order: Ints, outcome: Codes) -> dict[str, Ints]:
    """Arrays of ``inventory.Inventory`` that the general kernel filled; the events come by group in ``order``."""
    from daybook.ledger import inventory, lot_general

    events = np.empty((len(order), len(lot_general.COLUMNS)), np.int64)
    events[:, lot_general.NUMBER] = order
    events[:, lot_general.EVENT] = kind[order]
    for at, name in enumerate(lot_general.COLUMNS[2:], start=2):
        events[:, at] = given.column(name, order)
    group = given["group"][order]
    starts = np.flatnonzero(np.r_[True, np.diff(group) != 0, True])
    of_holding, of_register = _rooms(events, starts)
    room = 2 * len(order) + 64
    books = int(of_holding[-1])
    memory = inventory.Inventory(
        number=np.array([given.number]),
        opened_on=given["opened_on"].copy(),
        **{name: np.empty((room, width), np.int64) for name, width in inventory.GROWING.items()},
        ends=np.full((len(of_holding) - 1, 4), -1),
        totals=np.zeros((len(of_holding) - 1, 3), np.int64),
        first=of_holding,
        held=np.zeros(books, np.int64),
        at=np.full(books, -1),
        registers=np.zeros(int(of_register[-1]), np.int64),
        register=of_register,
        used=np.zeros(9, np.int64),
        deals=np.empty((int(np.diff(starts).max()), 5), np.int64),
        before=np.empty(int(np.diff(of_holding).max()), np.int64),
        back=np.empty(5, np.int64),
    )
    done, place = np.zeros(len(order), np.int8), np.zeros(2, np.int64)
    while not lot_general.run(events, starts, memory, done, outcome, place):
        more = {name: np.concatenate([array, np.empty_like(array)]) for name, array in _growing(memory).items()}
        memory = memory._replace(**more)
    return {name: array[: memory.used[at]] for at, (name, array) in enumerate(_growing(memory).items())}


def _growing(memory: "Inventory") -> dict[str, Ints]:
    from daybook.ledger import inventory

    return {name: getattr(memory, name) for name in inventory.GROWING}


def _rooms(events: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Where the books of each holding start, and those of each register: as many as the pool of their group has."""
    from daybook.ledger import lot_general as kernel

    sizes = np.diff(starts)
    books = np.repeat(np.maximum.reduceat(events[:, kernel.MEMBER], starts[:-1]) + 1, sizes)
    found = []
    for columns in ((kernel.HOLDING, kernel.TARGET), (kernel.REGISTER,)):
        count = np.zeros(int(max(events[:, at].max() for at in columns)) + 1, np.int64)
        for at in columns:
            named = events[:, at] >= 0
            count[events[named, at]] = np.maximum(books[named], 1)
        found.append(np.r_[0, np.cumsum(count)])
    return found[0], found[1]


def _openers(lot: Ints, derived: Ints, number: int) -> Ints:
    """The event that opened each lot, also where a spin-off made it."""
    if len(derived):
        lot = lot.copy()
        while (made := lot >= number).any():
            lot[made] = derived[lot[made] - number, 0]
    # In two's complement the complement of a negative number is it with all bits turned.
    return lot ^ (lot >> 63)


class _Given:
    """Columns of events as the compiled loops want them: the defaults where one is absent."""

    def __init__(self, events: pd.DataFrame) -> None:
        self._events = events
        self.number = len(events)

    def __contains__(self, name: str) -> bool:
        return name in self._events

    def __getitem__(self, name: str) -> Ints:
        if name not in self._events and name in _SAME:
            return self[_SAME[name]]
        return np.require(self._events[name].to_numpy(), np.int64, ["C_CONTIGUOUS"])

    def codes(self, name: str) -> Codes:
        """A column of codes, a byte each."""
        return np.require(self._events[name].to_numpy(), np.int8, ["C_CONTIGUOUS"])

    def column(self, name: str, rows: Ints) -> Ints | int:
        """Values of ``rows``."""
        return DEFAULTS[name] if name in DEFAULTS and name not in self else self[name][rows]


def _ways(given: _Given, kind: Codes, groups: int) -> Codes:
    """How each group is matched."""
    from daybook.ledger import lot_kernel

    group, way = given["group"], np.full(groups, lot_kernel.UNKNOWN, np.int8)
    special = kind > SPLIT
    for name in ("member", "lot", "register"):
        if name in given:
            # Every book of a pool with one book is that book.
            special |= (given[name] != DEFAULTS[name]) & ~((kind == SPLIT) & (name == "member"))
    if "holding" in given:
        holding = given["holding"]
        first = np.full(groups, -1, np.int64)
        first[group[::-1]] = holding[::-1]
        special |= first[group] != holding
    if special.any():
        way[group[special]] = lot_kernel.GENERAL
    if "method" in given:
        known = [METHODS[name] for name in ("fifo", "specific", "average")]
        lot_kernel.ways(group, kind, given.codes("method"), *known, way)
    way[way == lot_kernel.UNKNOWN] = lot_kernel.FIFO
    if "opened_on" in given:
        # What was opened before it came in does not stand behind what is there.
        older = group[(kind == TRANSFER) & (given["opened_on"] < given["date"])]
        way[older[way[older] == lot_kernel.FIFO]] = lot_kernel.GENERAL
    if "date" in given:
        older = _backwards(given, kind)
        way[older[way[older] == lot_kernel.FIFO]] = lot_kernel.GENERAL
    return way


def _backwards(given: _Given, kind: Codes) -> Ints:
    """Groups in which a trade is booked after one of a later date: what it opens does not stand behind that."""
    group, date = given["group"], given["date"]
    trades = kind == TRADE
    late = trades & (date < given["session"])
    if not late.any():
        return group[:0]
    some = np.zeros(int(group.max()) + 1, bool)
    some[group[late]] = True
    at = np.flatnonzero(trades & some[group])
    at = at[np.argsort(group[at], kind="stable")]
    found: Ints = group[at[1:][(np.diff(date[at]) < 0) & (np.diff(group[at]) == 0)]]
    return found


def _restated(packed: Ints, starts: Ints, holding: Ints, session: Ints, settle: Ints) -> Ints:
    from daybook.ledger import lot_kernel

    found = np.empty((1024, 3), np.int64)
    count = lot_kernel.restate(packed, starts, holding, session, settle, found)
    if count > len(found):
        found = np.empty((count, 3), np.int64)
        lot_kernel.restate(packed, starts, holding, session, settle, found)
    return found[:count]


def _room(events: Ints, starts: Ints) -> int:
    """States that there can be: one for each event, and for each split one for each event before it in its group."""
    splits = np.flatnonzero((events[:, 0] & 15) == SPLIT)
    before = splits - starts[np.searchsorted(starts, splits, side="right") - 1]
    return len(events) + int(before.sum())


def _columns(values: Ints, names: str) -> dict[str, Any]:
    return {name: values[:, at] for at, name in enumerate(names.split())}


def _joined(columns: dict[str, Any], more: dict[str, Ints]) -> dict[str, Any]:
    return {name: np.concatenate([values, more[name].astype(values.dtype)]) for name, values in columns.items()}


def _frame(columns: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(columns, copy=False)


def named(events: pd.DataFrame) -> pd.DataFrame:
    """The lots that trades name, as ``match`` takes them.

    Args:
        events: group, transaction_id (of an action its id) and lot_id ("" for none), in the order given to ``match``. A
            lot is named by the transaction that opened it, with :<action> of each spin-off that it went through.

    Returns:
        lot and lot_by of each event; lot is -2 where no transaction of the group has that name.
    """
    found = pd.DataFrame({"lot": -1, "lot_by": -1}, events.index, dtype=np.int64)
    ids = events[["group", "transaction_id"]].assign(at=np.arange(len(events)))
    known = ids.drop_duplicates(["group", "transaction_id"]).set_index(["group", "transaction_id"])["at"]
    rows = events.loc[events["lot_id"] != "", ["group", "lot_id"]]
    left, by = rows["lot_id"], pd.Series(-1, rows.index)
    while len(rows):
        at = known.reindex(pd.MultiIndex.from_arrays([rows["group"], left])).fillna(-2).to_numpy(np.int64)
        # A transaction's own id may have a colon, so the whole is tried first.
        cut = left.str.rpartition(":")
        last = known.reindex(pd.MultiIndex.from_arrays([rows["group"], cut[2]])).fillna(-2).to_numpy(np.int64)
        more = (at < 0) & (cut[1] != "").to_numpy() & (last >= 0)
        found.loc[rows.index[~more], "lot"] = at[~more]
        found.loc[rows.index[~more], "lot_by"] = by[~more]
        by = by.mask(by < 0, pd.Series(last, rows.index))[more]
        rows, left = rows[more], cut[0][more]
    return found


def names(lot: Ints, derived: pd.DataFrame, transaction_id: Any) -> NDArray[np.object_]:
    """What each lot is called.

    Args:
        lot: numbers, as ``Matched`` has them.
        derived: of ``Matched``.
        transaction_id: of each event.
    """
    ids = np.asarray(transaction_id, object)
    found, suffix = lot.copy(), np.full(len(lot), "", object)
    parent, by = derived["parent"].to_numpy(), derived["by"].to_numpy()
    while len(derived) and (made := found >= len(ids)).any():
        row = found[made] - len(ids)
        suffix[made] = ":" + ids[by[row]] + suffix[made]
        found[made] = parent[row]
    own = np.where(found < 0, "pool", ids[np.maximum(found, 0)]) if len(ids) else suffix
    called: NDArray[np.object_] = own + suffix
    return called


def carried(events: pd.DataFrame, matched: Matched) -> tuple[pd.DataFrame, spans.Spans]:
    """Quantity, cost and cost_base of each book's holdings over time.

    Where a pool has several books, its cost is theirs by quantity, and the book that holds most takes what rounding
    leaves; it is nobody's while the pool is flat.

    Args:
        events: given to ``match``.
        matched: what became of them.

    Returns:
        Holding and member of each position, by its number; and running totals of each number.
    """
    states, positions, session = matched.states, matched.positions, events["session"].to_numpy(np.int64)
    pool = _levels(states, states["holding"].to_numpy(), session, ["quantity", "cost", "cost_base"])
    shared = np.unique(positions.loc[positions["member"] > 0, "holding"])
    largest = int(states["holding"].max()) if len(states) else -1
    single = pd.DataFrame({"holding": np.arange(largest + 1), "member": 0})
    if not len(shared):
        return single, pool
    books = positions[positions["holding"].isin(shared)]
    names = books[["holding", "member"]].drop_duplicates().sort_values(["holding", "member"], ignore_index=True)
    number = pd.MultiIndex.from_frame(names).get_indexer(pd.MultiIndex.from_frame(books[["holding", "member"]]))
    held = _levels(books, number, session, ["quantity"])
    # Each book's cost changes whenever the pool or any of its books does.
    change = pd.DataFrame(
        {
            "holding": np.r_[pool.group, names["holding"].to_numpy()[held.group]],
            "day": np.r_[pool.start, held.start],
        }
    )
    change = change[change["holding"].isin(shared)].drop_duplicates()
    rows = names.assign(number=names.index).merge(change, on="holding").sort_values(["holding", "day", "number"])
    of, day = rows["holding"].to_numpy(), rows["day"].to_numpy()
    own = held.before(rows["number"].to_numpy(), day + 1)[0]
    whole = pool.before(of, day + 1)
    costs = [_allotted(cost, own, whole[0], of, day) for cost in whole[1:]]
    levels = rows.assign(quantity=own, cost=costs[0], cost_base=costs[1]).sort_values(["number", "day"])
    alone = ~np.isin(pool.group, shared)
    first = largest + 1
    values = ["quantity", "cost", "cost_base"]
    steps = levels.groupby("number")[values].diff().fillna(levels[values]).astype(np.int64)
    joined = spans.running(
        np.r_[pool.group[alone], levels["number"].to_numpy() + first],
        np.r_[pool.start[alone], levels["day"].to_numpy()],
        *(np.r_[_steps(pool, at)[alone], steps[name].to_numpy()] for at, name in enumerate(values)),
    )
    return pd.concat([single, names], ignore_index=True), joined


def _levels(states: pd.DataFrame, group: Ints, session: Ints, values: list[str]) -> spans.Spans:
    """Sums over time of what holds from ``since`` to ``until``."""
    ended = (states["until"] >= 0).to_numpy()
    return spans.running(
        np.r_[group, group[ended]],
        np.r_[session[states["since"]], session[states["until"].to_numpy()[ended]]],
        *(np.r_[states[name].to_numpy(), -states[name].to_numpy()[ended]] for name in values),
    )


def _steps(held: spans.Spans, at: int) -> Ints:
    """Change of a total at the start of each span."""
    level, fresh = held.levels[at], np.r_[True, np.diff(held.group) != 0][: len(held.group)]
    return np.where(fresh, level, level - np.r_[0, level[:-1]][: len(level)])


def _allotted(cost: Ints, own: Ints, whole: Ints, of: Ints, day: Ints) -> Ints:
    """Each book's part of the pool's cost; rows of one pool and day are together."""
    from daybook.ledger.lot_arithmetic import proportions

    part: Ints = proportions(cost, own, whole)
    start = np.flatnonzero(np.r_[True, (np.diff(of) != 0) | (np.diff(day) != 0)])
    block = np.repeat(np.arange(len(start)), np.diff(np.r_[start, len(of)]))
    order = np.lexsort((-np.abs(own), block))
    most = order[start]
    left = np.where(whole[start] != 0, cost[start] - np.add.reduceat(part, start), 0)
    part[most] += left
    return part


def lots(journal: "Journal", sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Open lots at the close of each of ``sessions``.

    Returns:
        Table ``lots``. unit_cost is cost / quantity. A lot stands in the book that opened it;
        ``pool`` names whose lots are matched together. A book has rows on sessions of its own calendar, and none from
        the session on which it failed.
    """
    states, events = journal.matched.states, journal.events
    book = journal.pools.book_of(states["holding"], states["member"])
    session = events["session"].to_numpy()
    until = states["until"].to_numpy()
    end = np.where(until < 0, spans.FOREVER, session[until])
    row, business_date = journal.rows(book, session[states["since"]], end, sessions)
    states, book = states.take(row), book[row]
    holding = journal.pools.holdings.take(states["holding"].to_numpy())
    opened = states["opened"].to_numpy()
    quantity, cost, lot = (states[name].to_numpy() for name in ("quantity", "cost", "lot"))
    account = np.where(lot < 0, "", events["account"].to_numpy(object)[opened])
    frame = pd.DataFrame(
        {
            "business_date": business_date,
            "book": book,
            "instrument": holding["instrument"].to_numpy(),
            "lot": names(lot, journal.matched.derived, events["transaction_id"]),
            "opened_on": spans.dates(events["opened_on"].to_numpy()[opened]),
            "quantity": exact.units(quantity),
            "unit_cost": _unit_cost(cost, quantity),
            "cost": exact.money(cost),
            "currency": holding["currency"].to_numpy(),
            "cost_base": exact.money(states["cost_base"].to_numpy()),
            "pool": holding["pool"].to_numpy(),
            "account": account,
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
    rounded once, and currency_gain_base is the rest of gain_base. A transfer_out realises nothing. Under the UK rules a
    purchase of the 30 days after a sale has two rows on its own session: the sale's match with the pool, taken back
    (quantity, proceeds and cost negative), and its match with the purchase.

    Returns:
        Table ``realised``; business_date is the session on which the closing transaction is booked, or the purchase
        that is matched with it after all. term is long for what was held for more than a year, from the day after the
        purchase to the sale; short for short sales (IRS Publication 550), empty for a pool.
    """
    parts, events = journal.parts, journal.events
    book = journal.pools.book_of(parts["holding"], parts["member"])
    day = events["session"].to_numpy()[parts["posted"]]
    row, business_date = journal.rows(book, day, day + 1, sessions)
    parts, book = parts.take(row), book[row]
    holding, closing = (
        journal.pools.holdings.take(parts["holding"].to_numpy()),
        events.take(parts["closing"].to_numpy()),
    )
    opened_on = spans.dates(events["opened_on"].to_numpy()[parts["opened"]])
    amounts = ["quantity", "proceeds", "cost", "gain", "gain_base", "market_gain_base", "currency_gain_base"]
    frame = pd.DataFrame(
        {
            "business_date": business_date,
            "book": book,
            "instrument": holding["instrument"].to_numpy(),
            "transaction_id": closing["transaction_id"].to_numpy(),
            "lot": names(parts["lot"].to_numpy(), journal.matched.derived, events["transaction_id"]),
            "currency": holding["currency"].to_numpy(),
            "opened_on": opened_on,
            "term": _term(parts, opened_on, spans.dates(closing["date"].to_numpy())),
            "matching": np.asarray(RULES, object)[parts["rule"]],
            **{name: parts[name].to_numpy() for name in amounts},
        }
    )
    keys = ["business_date", "book", "instrument", "transaction_id", "lot"]
    if frame.duplicated(keys).any():
        # What a session takes back more than once, or from itself, is one row.
        rest = {name: "sum" if name in amounts else "first" for name in frame.columns if name not in keys}
        frame = frame.groupby(keys, as_index=False, sort=False).agg(rest)
        frame = frame[(frame[amounts] != 0).any(axis=1)]
    money = {name: exact.money(frame[name].to_numpy()) for name in amounts[1:]}
    frame = frame.assign(quantity=exact.units(frame["quantity"].to_numpy()), **money)
    return tables.conform("realised", frame.sort_values(keys, kind="stable"))


def _term(parts: pd.DataFrame, opened_on: pd.DatetimeIndex, closed_on: pd.DatetimeIndex) -> NDArray[np.object_]:
    quantity, cost = parts["quantity"].to_numpy(), parts["cost"].to_numpy()
    covered = np.sign(quantity) * np.sign(cost) < 0
    held = np.asarray(closed_on > opened_on + pd.DateOffset(years=1)) & ~covered
    return np.where(parts["lot"].to_numpy() < 0, "", np.where(held, "long", "short")).astype(object)
