"""Open lots of linked holdings in machine code: the lists of lots, what they were over time, and closing them.

Belongs here: the memory that the kernels share, opening, changing, merging and closing lots, positions of books. Does
not belong here: what an event does (``lot_general``), the UK rules (``lot_uk``), arithmetic. This module imports
numba, which costs a quarter of a second: import it where it is called.

The caller of ``lot_general.run`` gives the memory and more of it when that runs out; everything else is in these
arrays, so the run goes on where it stopped.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from daybook.ledger.lot_arithmetic import compared, share, sum_fits

Ints = NDArray[np.int64]

FINE, OVERFLOW, SHORT, UNKNOWN_LOT, BEYOND = range(5)
FIFO, LIFO, HIGHEST, LOWEST, AVERAGE, SPECIFIC, UK, SAME_DAY, THIRTY_DAY = range(9)
"""Methods and rules; as a rule UK is section_104."""
STATES, PARTS, POSITIONS, AMOUNTS, MOVED, DERIVED, SLOTS, SALES, OPEN = range(9)
"""What ``Inventory.used`` counts: rows of the arrays, and the open lots and sales of the group."""


class Inventory(NamedTuple):
    """Arrays of 64-bit integers; holdings are counted from 0, events by their number among all events.

    Attributes:
        number: [number of all events]: lots from there on were made by a spin-off.
        opened_on: day number of each event, the older one of a lot that a transfer brings.
        states: lot, holding, since, until, quantity, cost, cost_base, member that opened it.
        parts: closing, lot, holding, member, quantity, proceeds, cost, proceeds_base, cost_base, posted, rule.
        positions: holding, member, since, until, quantity.
        amounts: event, member, quantity, money.
        moved: event, cost, cost_base.
        derived: parent, by.
        slots: of an open lot its row of states, next and previous slot and the event that delivered it.
        sales: of a sale that a purchase can still be matched with (UK): event, member, date, units as they are now,
            units then, proceeds, cost, proceeds_base, cost_base, lot, next sale.
        ends: of a holding the first and last slot, the first and last sale; -1 for none.
        totals: of a holding the quantity, cost and cost_base of its lots.
        first: of a holding where its books start in ``held``, and the end.
        held: position of each book of each holding.
        at: row of positions that holds now, -1 for none.
        registers: units of each book in each register.
        register: of a register where its books start in ``registers``.
        used: see above.
        deals: scratch, of the trades of one day and holding under the UK rules what is still to be matched.
        before: scratch, position of each book of a holding before them.
        back: scratch, what a purchase takes back of a sale: units, proceeds, cost, proceeds_base, cost_base.
    """

    number: Ints
    opened_on: Ints
    states: Ints
    parts: Ints
    positions: Ints
    amounts: Ints
    moved: Ints
    derived: Ints
    slots: Ints
    sales: Ints
    ends: Ints
    totals: Ints
    first: Ints
    held: Ints
    at: Ints
    registers: Ints
    register: Ints
    used: Ints
    deals: Ints
    before: Ints
    back: Ints


compiled = njit(cache=True, _nrt=False)
"""Machine code that may allocate nothing, which numba checks when it compiles. Otherwise each array of an ``Inventory``
would be counted, by a locked instruction, when a function is entered and left: three quarters of the time of a run."""
GROWING = {"states": 8, "parts": 11, "positions": 5, "amounts": 4, "moved": 3, "derived": 2, "slots": 4, "sales": 11}
"""Columns of the arrays that can run out of room, in the order of ``used``."""


@compiled
def opener(inventory: Inventory, lot: int) -> int:
    """The event that opened ``lot``."""
    while lot >= inventory.number[0]:
        lot = inventory.derived[lot - inventory.number[0], 0]
    return ~lot if lot < 0 else lot


@compiled
def put(
    inventory: Inventory, h: int, i: int, lot: int, by: int, member: int, quantity: int, cost: int, base: int
) -> bool:
    """A lot of holding ``h`` from event ``i`` on, behind those opened until then; False if a sum does not fit."""
    totals = inventory.totals
    fits = sum_fits(totals[h, 0], quantity) and sum_fits(totals[h, 1], cost) and sum_fits(totals[h, 2], base)
    if not fits:
        return False
    totals[h, 0] += quantity
    totals[h, 1] += cost
    totals[h, 2] += base
    row, slot = inventory.used[STATES], inventory.used[SLOTS]
    inventory.used[STATES] += 1
    inventory.used[SLOTS] += 1
    inventory.used[OPEN] += 1
    states, slots = inventory.states, inventory.slots
    states[row, 0] = lot
    states[row, 1] = h
    states[row, 2] = i
    states[row, 3] = -1
    states[row, 4] = quantity
    states[row, 5] = cost
    states[row, 6] = base
    states[row, 7] = member
    opened_on = inventory.opened_on
    day, last, after = opened_on[opener(inventory, lot)], inventory.ends[h, 1], -1
    # Nearly always the lot is the newest: only what is transferred in may be older than what is there.
    while last >= 0 and opened_on[opener(inventory, states[slots[last, 0], 0])] > day:
        last, after = slots[last, 2], last
    slots[slot, 0] = row
    slots[slot, 1] = after
    slots[slot, 2] = last
    slots[slot, 3] = by
    if last < 0:
        inventory.ends[h, 0] = slot
    else:
        slots[last, 1] = slot
    if after < 0:
        inventory.ends[h, 1] = slot
    else:
        slots[after, 2] = slot
    return True


@compiled
def change(inventory: Inventory, slot: int, i: int, quantity: int, cost: int, base: int) -> bool:
    """What a lot is from event ``i`` on; False if a sum does not fit."""
    states, totals = inventory.states, inventory.totals
    old = inventory.slots[slot, 0]
    h = states[old, 1]
    # What is left of the totals without the lot fits: it did before.
    rest, rest_cost = totals[h, 0] - states[old, 4], totals[h, 1] - states[old, 5]
    rest_base = totals[h, 2] - states[old, 6]
    if not (sum_fits(rest, quantity) and sum_fits(rest_cost, cost) and sum_fits(rest_base, base)):
        return False
    totals[h, 0] = rest + quantity
    totals[h, 1] = rest_cost + cost
    totals[h, 2] = rest_base + base
    row = old
    if states[old, 2] != i:
        row = inventory.used[STATES]
        inventory.used[STATES] += 1
        states[old, 3] = i
        states[row, 0] = states[old, 0]
        states[row, 1] = h
        states[row, 2] = i
        states[row, 3] = -1
        states[row, 7] = states[old, 7]
        inventory.slots[slot, 0] = row
    states[row, 4] = quantity
    states[row, 5] = cost
    states[row, 6] = base
    return True


@compiled
def drop(inventory: Inventory, slot: int, i: int) -> None:
    """Close a lot at event ``i``."""
    states, slots, totals = inventory.states, inventory.slots, inventory.totals
    row, after, before = slots[slot, 0], slots[slot, 1], slots[slot, 2]
    h = states[row, 1]
    totals[h, 0] -= states[row, 4]
    totals[h, 1] -= states[row, 5]
    totals[h, 2] -= states[row, 6]
    states[row, 3] = i
    inventory.used[OPEN] -= 1
    if before < 0:
        inventory.ends[h, 0] = after
    else:
        slots[before, 1] = after
    if after < 0:
        inventory.ends[h, 1] = before
    else:
        slots[after, 2] = before


@compiled
def merge(inventory: Inventory, h: int, i: int) -> None:
    """Make one pool of all lots of a holding, named after its oldest lot."""
    head = inventory.ends[h, 0]
    if head < 0:
        return
    lot = inventory.states[inventory.slots[head, 0], 0]
    if head == inventory.ends[h, 1] and lot < 0:
        return
    quantity, cost, base = inventory.totals[h, 0], inventory.totals[h, 1], inventory.totals[h, 2]
    while inventory.ends[h, 0] >= 0:
        drop(inventory, inventory.ends[h, 0], i)
    put(inventory, h, i, lot if lot < 0 else ~opener(inventory, lot), -1, 0, quantity, cost, base)


@compiled
def join(inventory: Inventory, h: int, i: int, lot: int, quantity: int, cost: int, base: int) -> bool:
    """Add to the pool of a holding, or open it as ``lot``; False if a sum does not fit."""
    head = inventory.ends[h, 0]
    if head < 0:
        return put(inventory, h, i, lot, -1, 0, quantity, cost, base)
    states, row = inventory.states, inventory.slots[head, 0]
    if not (sum_fits(states[row, 4], quantity) and sum_fits(states[row, 5], cost) and sum_fits(states[row, 6], base)):
        return False
    return change(inventory, head, i, states[row, 4] + quantity, states[row, 5] + cost, states[row, 6] + base)


@compiled
def shift(inventory: Inventory, h: int, member: int, i: int, quantity: int) -> bool:
    """Add to the position of a book; False if it does not fit."""
    place = inventory.first[h] + member
    if not sum_fits(inventory.held[place], quantity):
        return False
    inventory.held[place] += quantity
    positions, row = inventory.positions, inventory.at[place]
    if row >= 0 and positions[row, 2] != i:
        positions[row, 3] = i
        row = -1
    if row < 0:
        row = inventory.used[POSITIONS]
        inventory.used[POSITIONS] += 1
        positions[row, 0] = h
        positions[row, 1] = member
        positions[row, 2] = i
        positions[row, 3] = -1
        inventory.at[place] = row
    positions[row, 4] = inventory.held[place]
    return True


@compiled
def part(
    inventory: Inventory, closing: int, lot: int, h: int, member: int, quantity: int, proceeds: int, cost: int,
    proceeds_base: int, cost_base: int, posted: int, rule: int,
) -> None:  # fmt: skip
    """Note what was realised."""
    row = inventory.used[PARTS]
    inventory.used[PARTS] += 1
    parts = inventory.parts
    parts[row, 0] = closing
    parts[row, 1] = lot
    parts[row, 2] = h
    parts[row, 3] = member
    parts[row, 4] = quantity
    parts[row, 5] = proceeds
    parts[row, 6] = cost
    parts[row, 7] = proceeds_base
    parts[row, 8] = cost_base
    parts[row, 9] = posted
    parts[row, 10] = rule


@compiled
def amount(inventory: Inventory, i: int, member: int, quantity: int, money: int) -> None:
    """Note what an event changed for a book."""
    row = inventory.used[AMOUNTS]
    inventory.used[AMOUNTS] += 1
    inventory.amounts[row, 0] = i
    inventory.amounts[row, 1] = member
    inventory.amounts[row, 2] = quantity
    inventory.amounts[row, 3] = money


@compiled
def _dearer(cost: int, quantity: int, other_cost: int, other_quantity: int) -> int:
    """Sign of cost / quantity - other_cost / other_quantity; a lot without units is dearest when it cost anything."""
    sign = 0 if cost == 0 else (1 if (cost > 0) == (quantity >= 0) else -1)
    other = 0 if other_cost == 0 else (1 if (other_cost > 0) == (other_quantity >= 0) else -1)
    if sign != other:
        return 1 if sign > other else -1
    return sign * compared(cost, other_quantity, other_cost, quantity)


@compiled
def _chosen(inventory: Inventory, h: int, method: int) -> int:
    """Slot of the lot that is closed next, -1 if there is none; of equal ones the oldest."""
    best = inventory.ends[h, 0]
    if method == LIFO:
        return inventory.ends[h, 1]
    if best < 0 or (method != HIGHEST and method != LOWEST):
        return best
    states, slots = inventory.states, inventory.slots
    wanted = 1 if method == HIGHEST else -1
    slot = slots[best, 1]
    while slot >= 0:
        row, top = slots[slot, 0], slots[best, 0]
        if _dearer(states[row, 5], states[row, 4], states[top, 5], states[top, 4]) == wanted:
            best = slot
        slot = slots[slot, 1]
    return best


@compiled
def _found(inventory: Inventory, h: int, opened: int, by: int) -> int:
    """Slot of the lot that event ``opened`` opened and ``by`` delivered, -1 if it is not open."""
    slot = inventory.ends[h, 0]
    while slot >= 0:
        lot = inventory.states[inventory.slots[slot, 0], 0]
        if lot >= 0 and inventory.slots[slot, 3] == by and opener(inventory, lot) == opened:
            return slot
        slot = inventory.slots[slot, 1]
    return -1


@compiled
def take(
    inventory: Inventory, h: int, member: int, i: int, left: int, paid: int, base: int, method: int, named: int,
    by: int, gain: bool, rule: int,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Close lots of the other side by ``left`` units for ``paid``; charges are spread by quantity.

    Returns:
        FINE, OVERFLOW or UNKNOWN_LOT; units, money and base money for which there was no lot.
    """
    states, slots = inventory.states, inventory.slots
    slot = -1
    if named != -1:
        slot = _found(inventory, h, named, by)
        if slot < 0 or (states[slots[slot, 0], 4] > 0) == (left > 0):
            return UNKNOWN_LOT, left, paid, base
    specific = named != -1
    while left != 0:
        if slot < 0:
            slot = _chosen(inventory, h, method)
        if slot < 0:
            break
        row = slots[slot, 0]
        held = states[row, 4]
        # A lot that a split rounded to nothing goes with whatever comes.
        if held != 0 and (held > 0) == (left > 0):
            break
        size, wanted = abs(held), abs(left)
        step = min(size, wanted)
        cost, cost_base, received, received_base = states[row, 5], states[row, 6], paid, base
        fits = fits_base = True
        if step < size:
            cost, fits = share(cost, step, size, step / size)
            cost_base, fits_base = share(cost_base, step, size, step / size)
        elif step < wanted:
            received, fits = share(paid, step, wanted, step / wanted)
            received_base, fits_base = share(base, step, wanted, step / wanted)
        # The gain, -received - cost, must fit too.
        if not (fits and fits_base and sum_fits(received, cost) and sum_fits(received_base, cost_base)):
            return OVERFLOW, left, paid, base
        if gain:
            lot, by_rule = states[row, 0], SPECIFIC if specific else rule
            part(inventory, i, lot, h, member, step, -received, cost, -received_base, cost_base, i, by_rule)
        moved = step if left > 0 else -step
        left -= moved
        paid -= received
        base -= received_base
        if step == size:
            drop(inventory, slot, i)
        else:
            change(inventory, slot, i, held + moved, states[row, 5] - cost, states[row, 6] - cost_base)
        slot = -1
        specific = False
    return FINE, left, paid, base


@compiled
def deal(
    inventory: Inventory, h: int, member: int, i: int, quantity: int, cost: int, base: int, method: int, named: int,
    by: int, gain: bool,
) -> int:  # fmt: skip
    """A trade or transfer of a book by ``method``: close lots of the other side, open one with the rest.

    Returns:
        FINE, OVERFLOW or UNKNOWN_LOT.
    """
    pooled = method in (AVERAGE, UK)
    if pooled and (method == AVERAGE or inventory.totals[h, 0] > 0):
        merge(inventory, h, i)
    rule = FIFO if method == SPECIFIC else method
    code, left, paid, paid_base = take(inventory, h, member, i, quantity, cost, base, method, named, by, gain, rule)
    if code != FINE:
        return code
    good = shift(inventory, h, member, i, quantity)
    if good and left != 0:
        # A short sale under the UK rules stays a lot of its own: the purchases after it are matched with it.
        if pooled and (method == AVERAGE or left > 0):
            good = join(inventory, h, i, ~i, left, paid, paid_base)
        else:
            good = put(inventory, h, i, i, -1, member, left, paid, paid_base)
    return FINE if good else OVERFLOW
