"""Every kind of event in machine code: all lot methods, pools of several books, corporate actions, exercises.

Belongs here: what each kind of event does to the lots and positions of linked holdings. Does not belong here: lots as
such (``inventory``), the UK rules (``lot_uk``), the short path of plain groups (``lot_kernel``), names, dates,
frames. This module imports numba, which costs a quarter of a second: import it where it is called.

What an event does to each lot and to each book is rounded so that the sum is rounded once: what comes up to and
including a lot, less what came before it.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

import numpy as np
from numpy.typing import NDArray

from daybook.ledger import lot_uk
from daybook.ledger.inventory import (
    AVERAGE,
    BEYOND,
    DERIVED,
    FIFO,
    FINE,
    MOVED,
    OPEN,
    OVERFLOW,
    SALES,
    SHORT,
    SLOTS,
    SPECIFIC,
    UK,
    Inventory,
    amount,
    change,
    compiled,
    deal,
    drop,
    merge,
    part,
    put,
    shift,
    take,
)
from daybook.ledger.lot_arithmetic import muldiv_half_even, sum_fits

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]

TRADE, TRANSFER, SPLIT, DELIVER, REPLACE, RECORD, LIEU, CLOSE, CAPITAL, SUBSCRIBE, EXPIRE, EXERCISE = range(12)
COLUMNS = (
    *("number", "event", "method", "holding", "member", "session", "date", "quantity", "cost", "cost_base"),
    *("lot", "lot_by", "target", "share", "share_of", "money", "per", "fx", "fx_of", "register", "at_most", "whole"),
    *("charges", "charges_base", "target_quantity", "target_cost", "target_base"),
)
"""Columns of the events that ``run`` reads, in order; the first is the event's number."""
NUMBER, EVENT, METHOD, HOLDING, MEMBER, SESSION, DATE, QUANTITY, COST, COST_BASE, LOT, LOT_BY = range(12)
TARGET, PART, PART_OF, MONEY, PER, RATE, RATE_OF, REGISTER, AT_MOST, WHOLE, CHARGES = range(12, 23)
CHARGES_BASE, TARGET_QUANTITY, TARGET_COST, TARGET_BASE = range(23, 27)
_UNIT = 10**8


@compiled
def run(events: Ints, starts: Ints, inventory: Inventory, done: Codes, outcome: Codes, place: Ints) -> bool:
    """Match the events of each group.

    Args:
        events: see COLUMNS; of each group together, in posting order.
        starts: where each group starts, and the end.
        inventory: empty at first, then with more room.
        done: zeros, one per row of ``events``.
        outcome: zeros, one per event; filled with what became of it.
        place: group and row at which to go on, (0, 0) at first.

    Returns:
        Whether it came to the end; False if it ran out of room.
    """
    used = inventory.used
    g, k = place[0], place[1]
    while g < len(starts) - 1:
        if k == starts[g]:
            used[SLOTS] = used[SALES] = used[OPEN] = 0
        while k < starts[g + 1]:
            event = events[k]
            if done[k]:
                k += 1
                continue
            together = _together(events, done, k, starts[g + 1])
            wanted = 4 * (used[OPEN] + together + _books(inventory, event)) + 16
            if not _roomy(inventory, wanted):
                place[0], place[1] = g, k
                return False
            if event[EVENT] == TRADE and event[METHOD] == UK and event[LOT] == -1:
                code = _uk(inventory, events, done, outcome, k, starts[g + 1], together)
            else:
                code = _post(inventory, event)
                _flag(inventory, event, outcome)
            if code != FINE:
                outcome[event[NUMBER]] = code
                k = starts[g + 1]
                break
            k += 1
        g += 1
    return True


@compiled
def _together(events: Ints, done: Codes, k: int, end: int) -> int:
    """Trades of the holding, date and session of row ``k`` under the UK rules, from it on."""
    event = events[k]
    if event[EVENT] != TRADE or event[METHOD] != UK:
        return 1
    count = 0
    for at in range(k, end):
        if events[at, SESSION] != event[SESSION]:
            break
        count += _alike(events[at], event) and not done[at]
    return count


@compiled
def _alike(other: Ints, event: Ints) -> bool:
    same = other[HOLDING] == event[HOLDING] and other[DATE] == event[DATE] and other[SESSION] == event[SESSION]
    return same and other[EVENT] == TRADE and other[METHOD] == UK and other[LOT] == -1


@compiled
def _books(inventory: Inventory, event: Ints) -> int:
    return inventory.first[event[HOLDING] + 1] - inventory.first[event[HOLDING]]


@compiled
def _roomy(inventory: Inventory, wanted: int) -> bool:
    """Whether each array has room for ``wanted`` rows more."""
    used = inventory.used
    enough = used[0] + wanted <= len(inventory.states) and used[1] + wanted <= len(inventory.parts)
    enough = enough and used[2] + wanted <= len(inventory.positions) and used[3] + wanted <= len(inventory.amounts)
    enough = enough and used[4] + wanted <= len(inventory.moved) and used[5] + wanted <= len(inventory.derived)
    return enough and used[6] + wanted <= len(inventory.slots) and used[7] + wanted <= len(inventory.sales)


@compiled
def _uk(inventory: Inventory, events: Ints, done: Codes, outcome: Codes, k: int, end: int, together: int) -> int:
    """The day's trades of one holding under the UK rules."""
    deals = inventory.deals[:together]
    first, row = events[k], 0
    for at in range(k, end):
        if events[at, SESSION] != first[SESSION]:
            break
        if _alike(events[at], first) and not done[at]:
            done[at] = 1
            deals[row, 0] = events[at, NUMBER]
            deals[row, 1] = events[at, MEMBER]
            deals[row, 2] = events[at, QUANTITY]
            deals[row, 3] = events[at, COST]
            deals[row, 4] = events[at, COST_BASE]
            row += 1
    start, held = inventory.first[first[HOLDING]], inventory.before
    for member in range(_books(inventory, first)):
        held[member] = inventory.held[start + member]
    code = lot_uk.day(inventory, first[HOLDING], first[DATE], deals)
    for at in range(k, end):
        if events[at, SESSION] != first[SESSION]:
            break
        if done[at] and _alike(events[at], first) and code == FINE:
            held[events[at, MEMBER]] += events[at, QUANTITY]
            if held[events[at, MEMBER]] < 0:
                outcome[events[at, NUMBER]] = SHORT
    return code


@compiled
def _flag(inventory: Inventory, event: Ints, outcome: Codes) -> None:
    """Note that a position which the event touched is negative."""
    h = event[TARGET] if event[EVENT] == EXERCISE else event[HOLDING]
    start, end = inventory.first[h], inventory.first[h + 1]
    if event[MEMBER] >= 0:
        start, end = start + event[MEMBER], start + event[MEMBER] + 1
    for at in range(start, end):
        if inventory.held[at] < 0:
            outcome[event[NUMBER]] = SHORT


@compiled
def _post(inventory: Inventory, event: Ints) -> int:
    """Do what one event does.

    Returns:
        FINE, OVERFLOW, UNKNOWN_LOT or BEYOND.
    """
    kind = event[EVENT]
    if kind in (TRADE, TRANSFER):
        return deal(
            inventory, event[HOLDING], event[MEMBER], event[NUMBER], event[QUANTITY], event[COST], event[COST_BASE],
            event[METHOD], event[LOT], event[LOT_BY], kind == TRADE,
        )  # fmt: skip
    if kind == SPLIT:
        return _split(inventory, event)
    if kind in (DELIVER, REPLACE):
        return _deliver(inventory, event)
    if kind == CAPITAL:
        return _capital(inventory, event)
    if kind == EXPIRE:
        return _expire(inventory, event)
    if kind == EXERCISE:
        return _exercise(inventory, event)
    return _each(inventory, event)


@compiled
def _base(event: Ints, money: int) -> tuple[int, bool]:
    """``money`` in base currency at the rate of the event."""
    return muldiv_half_even(money, event[RATE], event[RATE_OF])


@compiled
def _each(inventory: Inventory, event: Ints) -> int:
    """RECORD, LIEU, CLOSE and SUBSCRIBE, for each book or the one that is named."""
    kind, h, i = event[EVENT], event[HOLDING], event[NUMBER]
    books = _books(inventory, event)
    for member in range(books):
        if event[MEMBER] >= 0 and member != event[MEMBER]:
            continue
        held = inventory.held[inventory.first[h] + member]
        if kind == RECORD:
            # A merger asks for the position alone.
            if event[REGISTER] >= 0:
                inventory.registers[inventory.register[event[REGISTER]] + member] = held
            amount(inventory, i, member, held, 0)
            continue
        known = 0 if event[REGISTER] < 0 else inventory.registers[inventory.register[event[REGISTER]] + member]
        if kind == CLOSE:
            units, good = -held, True
        elif kind == LIEU:
            # The remainder has the sign of the divisor: of a short, one takes that of its magnitude.
            units, good = (-(known % _UNIT) if known >= 0 else (-known) % _UNIT), True
        else:
            taking = max(min(known, event[AT_MOST]), -event[AT_MOST])
            units, good = muldiv_half_even(taking, event[QUANTITY], event[COST])
            if event[WHOLE]:
                units -= units % _UNIT if units >= 0 else -((-units) % _UNIT)
        if units == 0 and good:
            continue
        cost, fits = muldiv_half_even(units, event[MONEY], event[PER])
        base, fits_base = _base(event, cost)
        if not (good and fits and fits_base):
            return OVERFLOW
        code = deal(inventory, h, member, i, units, cost, base, event[METHOD], -1, -1, True)
        if code != FINE:
            return code
        amount(inventory, i, member, units, -cost)
    return FINE


@compiled
def _split(inventory: Inventory, event: Ints) -> int:
    """Restate positions and lots."""
    h, i = event[HOLDING], event[NUMBER]
    before = upto = 0
    slot = inventory.ends[h, 0]
    while slot >= 0:
        row, after = inventory.slots[slot, 0], inventory.slots[slot, 1]
        cost, base = inventory.states[row, 5], inventory.states[row, 6]
        before += inventory.states[row, 4]
        total, good = muldiv_half_even(before, event[QUANTITY], event[COST])
        if not good or not change(inventory, slot, i, total - upto, cost, base):
            return OVERFLOW
        upto = total
        slot = after
    before = upto = 0
    for member in range(_books(inventory, event)):
        place = inventory.first[h] + member
        held = inventory.held[place]
        before += held
        total, good = muldiv_half_even(before, event[QUANTITY], event[COST])
        if not good or (held != 0 and not shift(inventory, h, member, i, total - upto - held)):
            return OVERFLOW
        upto = total
        if event[REGISTER] >= 0:
            inventory.registers[inventory.register[event[REGISTER]] + member] = inventory.held[place]
            amount(inventory, i, member, inventory.held[place], 0)
    return FINE if lot_uk.restate(inventory, h, event[QUANTITY], event[COST]) else OVERFLOW


@compiled
def _deliver(inventory: Inventory, event: Ints) -> int:
    """DELIVER and REPLACE: positions and registers, then each lot."""
    h, i, target, leaves = event[HOLDING], event[NUMBER], event[TARGET], event[EVENT] == REPLACE
    before = upto = 0
    owed = paid_upto = 0
    for member in range(_books(inventory, event)):
        held = inventory.held[inventory.first[h] + member]
        before += held
        total, good = muldiv_half_even(before, event[QUANTITY], event[COST])
        owed += held
        paid, fits = muldiv_half_even(owed, event[MONEY], event[PER])
        if not (good and fits):
            return OVERFLOW
        if event[REGISTER] >= 0:
            inventory.registers[inventory.register[event[REGISTER]] + member] = total - upto
        if held != 0:
            if leaves and not shift(inventory, h, member, i, -held):
                return OVERFLOW
            if not shift(inventory, target, member, i, total - upto):
                return OVERFLOW
            amount(inventory, i, member, total - upto, paid - paid_upto)
        upto, paid_upto = total, paid
    return _deliver_lots(inventory, event, h, target, i, leaves)


@compiled
def _deliver_lots(inventory: Inventory, event: Ints, h: int, target: int, i: int, leaves: bool) -> int:
    before = upto = paid_upto = paid_base_upto = 0
    moved = moved_base = 0
    slot = inventory.ends[h, 0]
    while slot >= 0:
        row, after = inventory.slots[slot, 0], inventory.slots[slot, 1]
        lot, quantity = inventory.states[row, 0], inventory.states[row, 4]
        cost, base = inventory.states[row, 5], inventory.states[row, 6]
        by, member = inventory.slots[slot, 3], inventory.states[row, 7]
        before += quantity
        total, good = muldiv_half_even(before, event[QUANTITY], event[COST])
        paid, fits = muldiv_half_even(before, event[MONEY], event[PER])
        paid_base, fits_base = _base(event, paid)
        part_cost, more = muldiv_half_even(cost, event[PART], event[PART_OF])
        part_base, last = muldiv_half_even(base, event[PART], event[PART_OF])
        if not (good and fits and fits_base and more and last):
            return OVERFLOW
        units, proceeds, proceeds_base = total - upto, paid - paid_upto, paid_base - paid_base_upto
        upto, paid_upto, paid_base_upto = total, paid, paid_base
        if units == 0:  # less than half of 10^-8: what brings nothing takes no cost along
            part_cost = part_base = 0
        if leaves:
            drop(inventory, slot, i)
            rest, rest_base = cost - part_cost, base - part_base
            if not (sum_fits(proceeds, -rest) and sum_fits(proceeds_base, -rest_base)):
                return OVERFLOW
            if event[MONEY] != 0 or event[PART] != event[PART_OF] or units == 0:
                rule = FIFO if event[METHOD] == SPECIFIC else event[METHOD]
                part(inventory, i, lot, h, member, abs(quantity), proceeds, rest, proceeds_base, rest_base, i, rule)
        elif units != 0:
            change(inventory, slot, i, quantity, cost - part_cost, base - part_base)
            made = inventory.used[DERIVED]
            inventory.used[DERIVED] += 1
            inventory.derived[made, 0] = lot
            inventory.derived[made, 1] = i
            lot, by = inventory.number[0] + made, i
        moved += part_cost
        moved_base += part_base
        if units != 0 and not _receive(inventory, event, target, i, lot, by, member, units, part_cost, part_base):
            return OVERFLOW
        slot = after
    if event[METHOD] == AVERAGE or (event[METHOD] == UK and inventory.totals[target, 0] > 0):
        merge(inventory, target, i)
    row = inventory.used[MOVED]
    inventory.used[MOVED] += 1
    inventory.moved[row, 0] = i
    inventory.moved[row, 1] = moved
    inventory.moved[row, 2] = moved_base
    return FINE


@compiled
def _receive(
    inventory: Inventory, event: Ints, h: int, i: int, lot: int, by: int, member: int, units: int, cost: int, base: int
) -> bool:
    """A lot comes into ``h``; if lots of the other side are there, it closes them first."""
    rule = FIFO if event[METHOD] == SPECIFIC else event[METHOD]
    code, left, cost, base = take(inventory, h, member, i, units, cost, base, event[METHOD], -1, -1, True, rule)
    if code != FINE:
        return False
    if left == 0:
        return True
    if lot < 0 and _pooled(inventory, h):
        # Two lots named pool would be one name for two.
        merge(inventory, h, i)
        return put(inventory, h, i, lot, by, member, left, cost, base) and _merged(inventory, h, i)
    return put(inventory, h, i, lot, by, member, left, cost, base)


@compiled
def _merged(inventory: Inventory, h: int, i: int) -> bool:
    merge(inventory, h, i)
    return True


@compiled
def _pooled(inventory: Inventory, h: int) -> bool:
    """Whether a holding has a lot named pool."""
    slot = inventory.ends[h, 0]
    while slot >= 0:
        if inventory.states[inventory.slots[slot, 0], 0] < 0:
            return True
        slot = inventory.slots[slot, 1]
    return False


@compiled
def _capital(inventory: Inventory, event: Ints) -> int:
    """Money paid back lowers cost; what exceeds it is a gain."""
    h, i = event[HOLDING], event[NUMBER]
    before = upto = upto_base = 0
    slot = inventory.ends[h, 0]
    rule = FIFO if event[METHOD] == SPECIFIC else event[METHOD]
    while slot >= 0:
        row, after = inventory.slots[slot, 0], inventory.slots[slot, 1]
        lot, quantity = inventory.states[row, 0], inventory.states[row, 4]
        before += quantity
        total, fits = muldiv_half_even(before, event[MONEY], event[PER])
        total_base, fits_base = _base(event, total)
        if not (fits and fits_base):
            return OVERFLOW
        cost = inventory.states[row, 5] - (total - upto)
        base = inventory.states[row, 6] - (total_base - upto_base)
        upto, upto_base = total, total_base
        if (cost < 0 and quantity > 0) or (cost > 0 and quantity < 0):
            part(inventory, i, lot, h, inventory.states[row, 7], abs(quantity), -cost, 0, -base, 0, i, rule)
            cost = base = 0
        if not change(inventory, slot, i, quantity, cost, base):
            return OVERFLOW
        slot = after
    before = upto = 0
    for member in range(_books(inventory, event)):
        held = inventory.held[inventory.first[h] + member]
        before += held
        total, _ = muldiv_half_even(before, event[MONEY], event[PER])
        if held != 0:
            amount(inventory, i, member, 0, total - upto)
        upto = total
    return FINE


@compiled
def _expire(inventory: Inventory, event: Ints) -> int:
    """Close units on the side on which they are held."""
    h, i, member = event[HOLDING], event[NUMBER], event[MEMBER]
    held = inventory.held[inventory.first[h] + member]
    if event[QUANTITY] > abs(held):
        return BEYOND
    side = -1 if held > 0 else 1
    cost = side * event[COST] + event[CHARGES]
    base = side * event[COST_BASE] + event[CHARGES_BASE]
    code = deal(
        inventory, h, member, i, side * event[QUANTITY], cost, base, event[METHOD], event[LOT], event[LOT_BY], True
    )
    if code == FINE:
        amount(inventory, i, member, side * event[QUANTITY], -cost)
    return code


@compiled
def _exercise(inventory: Inventory, event: Ints) -> int:
    """Close an option without a gain; what it cost goes into the trade in what it delivers."""
    h, i, member = event[HOLDING], event[NUMBER], event[MEMBER]
    held, units = inventory.held[inventory.first[h] + member], event[QUANTITY]
    if (held > 0) == (units > 0) or abs(units) > abs(held):
        return BEYOND
    cost, base = inventory.totals[h, 1], inventory.totals[h, 2]
    code = deal(inventory, h, member, i, units, 0, 0, event[METHOD], event[LOT], event[LOT_BY], False)
    if code != FINE:
        return code
    premium, premium_base = cost - inventory.totals[h, 1], base - inventory.totals[h, 2]
    if not (sum_fits(event[TARGET_COST], premium) and sum_fits(event[TARGET_BASE], premium_base)):
        return OVERFLOW
    return deal(
        inventory, event[TARGET], member, i, event[TARGET_QUANTITY], event[TARGET_COST] + premium,
        event[TARGET_BASE] + premium_base, event[METHOD], -1, -1, True,
    )  # fmt: skip
