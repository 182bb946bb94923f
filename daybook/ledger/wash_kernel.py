"""Wash sales in machine code: losses and the purchases that replace what was sold, holding by holding.

Belongs here: the compiled loop. Does not belong here: names, dates, frames (``wash_sales``). This module imports numba,
which costs a quarter of a second: import it where it is called.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

import numpy as np
from numba import int64, njit
from numpy.typing import NDArray

from daybook.ledger.lot_arithmetic import muldiv_half_even

Ints = NDArray[np.int64]

SPLIT, SOLD, LOSS, PURCHASE = range(4)
_WINDOW = 30


@njit(int64(int64[:, ::1], int64[:, ::1]), cache=True)
def match(rows: Ints, found: Ints) -> int:
    """Match each loss with purchases of the 30 days before and after it, the earliest loss and purchase first.

    Args:
        rows: holding, kind, number, date (day number), quantity and of; together by holding, in posting order. SPLIT:
            quantity new for ``of`` old units. SOLD: units of purchase ``number`` that are sold. LOSS: units sold with a
            loss by part ``number``. PURCHASE: units bought by event ``number``.
        found: filled with part, purchase and units in terms of the sale, as far as there is room.

    Returns:
        Number of rows found; call again with more room when it is too little.
    """
    count = 0
    # Units, units in the terms of the sale (of losses), of each row that another one may still be matched with.
    left, own = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    start = 0
    for at in range(len(rows)):
        if at and rows[at, 0] != rows[at - 1, 0]:
            start = at
        kind, date = rows[at, 1], rows[at, 3]
        if kind == SPLIT:
            for row in range(start, at):
                if left[row]:
                    left[row] = muldiv_half_even(left[row], rows[at, 4], rows[at, 5])[0]
            continue
        # Dates of a holding only grow, so what lies too far back for this row does for every later one.
        while start < at and rows[start, 3] < date - _WINDOW:
            start += 1
        if kind == SOLD:
            for row in range(start, at):
                if rows[row, 1] == PURCHASE and rows[row, 2] == rows[at, 2]:
                    left[row] = max(left[row] - rows[at, 4], 0)
            continue
        left[at] = own[at] = rows[at, 4]
        other = PURCHASE if kind == LOSS else LOSS
        for row in range(start, at):
            if rows[row, 1] != other or left[row] == 0 or left[at] == 0:
                continue
            step = min(left[row], left[at])
            loss, purchase = (at, row) if kind == LOSS else (row, at)
            units = own[loss]
            if step < left[loss]:
                units = muldiv_half_even(own[loss], step, left[loss])[0]
            left[row] -= step
            left[at] -= step
            own[loss] -= units
            if count < len(found):
                found[count, 0] = rows[loss, 2]
                found[count, 1] = rows[purchase, 2]
                found[count, 2] = units
            count += 1
    return count
