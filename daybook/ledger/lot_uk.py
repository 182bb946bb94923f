"""The UK rules of matching shares in machine code: same day, the 30 days after, the Section 104 pool.

Belongs here: one day's trades of one holding under these rules. Does not belong here: other methods
(``lot_general``), lots as such (``inventory``). This module imports numba, which costs a quarter of a second: import it
where it is called.

Rules: Taxation of Chargeable Gains Act 1992, sections 104, 105, 106A; HMRC, Capital Gains Manual CG51560. A sale is
matched with purchases of its day (all of them are one), then with those of the 30 days after it, the earliest sale and
the earliest purchase first, then with the pool. What the 30 days bring is not known on the day of the sale: it takes
from the pool, and the purchase takes that back.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

import numpy as np
from numpy.typing import NDArray

from daybook.ledger.inventory import (
    FIFO,
    FINE,
    OPEN,
    OVERFLOW,
    SALES,
    SAME_DAY,
    THIRTY_DAY,
    UK,
    Inventory,
    change,
    compiled,
    drop,
    join,
    merge,
    part,
    put,
    shift,
    take,
)
from daybook.ledger.lot_arithmetic import muldiv_half_even, share, sum_fits

Ints = NDArray[np.int64]

_WINDOW = 30


@compiled
def day(inventory: Inventory, h: int, date: int, deals: Ints) -> int:
    """Trades of one date and session.

    Args:
        inventory: changed.
        h: their holding.
        date: day number of the trades.
        deals: event, member, quantity, cost, cost_base of each; overwritten with what the pool has to take.

    Returns:
        FINE or OVERFLOW.
    """
    if inventory.totals[h, 0] > 0:
        merge(inventory, h, deals[0, 0])
    bought = 0
    for k in range(len(deals)):
        quantity = deals[k, 2]
        if not sum_fits(bought, max(quantity, 0)):
            return OVERFLOW
        bought += max(quantity, 0)
        if not shift(inventory, h, deals[k, 1], deals[k, 0], quantity):
            return OVERFLOW
    if bought and not (_as_one(deals, bought) and _same_day(inventory, h, deals)):
        return OVERFLOW
    for k in range(len(deals)):
        if deals[k, 2] < 0:
            code = _sell(inventory, h, date, deals[k])
        else:
            code = _buy(inventory, h, date, deals[k])
        if code != FINE:
            return code
    return FINE


@compiled
def _as_one(deals: Ints, bought: int) -> bool:
    """Give each purchase of the day the cost of its part of all ``bought`` units; False if a number does not fit."""
    for column in (3, 4):
        total = 0
        for k in range(len(deals)):
            if deals[k, 2] > 0:
                if not sum_fits(total, deals[k, column]):
                    return False
                total += deals[k, column]
        before = upto = 0
        for k in range(len(deals)):
            if deals[k, 2] > 0:
                upto += deals[k, 2]
                after, good = muldiv_half_even(total, upto, bought)
                if not good:
                    return False
                deals[k, column] = after - before
                before = after
    return True


@compiled
def _same_day(inventory: Inventory, h: int, deals: Ints) -> bool:
    """Match sales with purchases of the day, each in their order; False if a number does not fit."""
    source = 0
    for k in range(len(deals)):
        while deals[k, 2] < 0:
            while source < len(deals) and deals[source, 2] <= 0:
                source += 1
            if source == len(deals):
                return True
            size, wanted = deals[source, 2], -deals[k, 2]
            step = min(size, wanted)
            cost, base, paid, paid_base = deals[source, 3], deals[source, 4], deals[k, 3], deals[k, 4]
            fits = fits_base = True
            if step < size:
                cost, fits = share(cost, step, size, step / size)
                base, fits_base = share(base, step, size, step / size)
            elif step < wanted:
                paid, fits = share(paid, step, wanted, step / wanted)
                paid_base, fits_base = share(paid_base, step, wanted, step / wanted)
            if not (fits and fits_base and sum_fits(paid, cost) and sum_fits(paid_base, base)):
                return False
            closing, lot = deals[k, 0], deals[source, 0]
            part(inventory, closing, lot, h, deals[k, 1], step, -paid, cost, -paid_base, base, closing, SAME_DAY)
            for row, units, money, money_base in ((source, -step, cost, base), (k, step, paid, paid_base)):
                deals[row, 2] += units
                deals[row, 3] -= money
                deals[row, 4] -= money_base
    return True


@compiled
def _sell(inventory: Inventory, h: int, date: int, sale: Ints) -> int:
    """Take from the pool for now; what it does not have opens a short lot."""
    i, member, left, paid, paid_base = sale[0], sale[1], sale[2], sale[3], sale[4]
    head = inventory.ends[h, 0]
    if head >= 0 and inventory.totals[h, 0] > 0:
        states, row = inventory.states, inventory.slots[head, 0]
        size, wanted = states[row, 4], -left
        step = min(size, wanted)
        cost, base, received, received_base = states[row, 5], states[row, 6], paid, paid_base
        fits = fits_base = True
        if step < size:
            cost, fits = share(cost, step, size, step / size)
            base, fits_base = share(base, step, size, step / size)
        elif step < wanted:
            received, fits = share(paid, step, wanted, step / wanted)
            received_base, fits_base = share(paid_base, step, wanted, step / wanted)
        if not (fits and fits_base and sum_fits(received, cost) and sum_fits(received_base, base)):
            return OVERFLOW
        lot = states[row, 0]
        part(inventory, i, lot, h, member, step, -received, cost, -received_base, base, i, UK)
        _remember(inventory, h, i, member, date, step, -received, cost, -received_base, base, lot)
        if step == size:
            drop(inventory, head, i)
        else:
            change(inventory, head, i, size - step, states[row, 5] - cost, states[row, 6] - base)
        left += step
        paid -= received
        paid_base -= received_base
    if left != 0 and not put(inventory, h, i, i, -1, member, left, paid, paid_base):
        return OVERFLOW
    return FINE


@compiled
def _remember(
    inventory: Inventory, h: int, i: int, member: int, date: int, quantity: int, proceeds: int, cost: int,
    proceeds_base: int, cost_base: int, lot: int,
) -> None:  # fmt: skip
    """Note a sale that a purchase of the 30 days after it takes back from the pool."""
    row = inventory.used[SALES]
    inventory.used[SALES] += 1
    inventory.used[OPEN] += 1
    sales = inventory.sales
    sales[row, 0] = i
    sales[row, 1] = member
    sales[row, 2] = date
    sales[row, 3] = quantity
    sales[row, 4] = quantity
    sales[row, 5] = proceeds
    sales[row, 6] = cost
    sales[row, 7] = proceeds_base
    sales[row, 8] = cost_base
    sales[row, 9] = lot
    sales[row, 10] = -1
    last = inventory.ends[h, 3]
    if last < 0:
        inventory.ends[h, 2] = row
    else:
        sales[last, 10] = row
    inventory.ends[h, 3] = row


@compiled
def _forget(inventory: Inventory, h: int) -> None:
    """Drop the earliest sale of a holding."""
    first = inventory.ends[h, 2]
    inventory.ends[h, 2] = inventory.sales[first, 10]
    if inventory.ends[h, 2] < 0:
        inventory.ends[h, 3] = -1
    inventory.used[OPEN] -= 1


@compiled
def _buy(inventory: Inventory, h: int, date: int, purchase: Ints) -> int:
    """Cover short lots, take back sales of the 30 days before from the pool, and put the rest into it."""
    i, member = purchase[0], purchase[1]
    left, paid, base = purchase[2], purchase[3], purchase[4]
    if inventory.totals[h, 0] < 0:
        code, left, paid, base = take(inventory, h, member, i, left, paid, base, FIFO, -1, -1, True, FIFO)
        if code != FINE:
            return code
    while left > 0 and inventory.ends[h, 2] >= 0:
        row = inventory.ends[h, 2]
        sale = inventory.sales[row]
        # A split can leave nothing of a sale; then nothing can be matched with it.
        if date > sale[2] + _WINDOW or sale[3] == 0:
            _forget(inventory, h)
            continue
        if date < sale[2]:
            break
        step = min(sale[3], left)
        back, good = inventory.back, True
        for at in range(5):
            back[at] = sale[4 + at]
            if step < sale[3]:
                back[at], fits = share(sale[4 + at], step, sale[3], step / sale[3])
                good = good and fits
        cost, cost_base = paid, base
        if step < left:
            cost, fits = share(paid, step, left, step / left)
            cost_base, fits_base = share(base, step, left, step / left)
            good = good and fits and fits_base
        if not (good and sum_fits(back[1], -cost) and sum_fits(back[3], -cost_base)):
            return OVERFLOW
        lot, rule = sale[9], SAME_DAY if date == sale[2] else THIRTY_DAY
        part(inventory, sale[0], lot, h, sale[1], -back[0], -back[1], -back[2], -back[3], -back[4], i, UK)
        part(inventory, sale[0], i, h, sale[1], back[0], back[1], cost, back[3], cost_base, i, rule)
        if not join(inventory, h, i, lot, step, back[2], back[4]):
            return OVERFLOW
        sale[3] -= step
        for at in range(5):
            sale[4 + at] -= back[at]
        left -= step
        paid -= cost
        base -= cost_base
        if sale[3] == 0:
            _forget(inventory, h)
    if left != 0 and not join(inventory, h, i, ~i, left, paid, base):
        return OVERFLOW
    return FINE


@compiled
def restate(inventory: Inventory, h: int, new: int, old: int) -> bool:
    """Put the units of the sales of a holding into the terms after a split; False if one does not fit."""
    row = inventory.ends[h, 2]
    while row >= 0:
        units, good = muldiv_half_even(inventory.sales[row, 3], new, old)
        if not good:
            return False
        inventory.sales[row, 3] = units
        row = inventory.sales[row, 10]
    return True
