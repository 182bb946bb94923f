"""Plain lots in machine code: one holding of one book, first in, first out or at average cost throughout.

Belongs here: the compiled loops over trades, transfers and splits that nothing else touches, which is nearly all,
and what every event shares: the sort by group, the restating of unsettled trades. Does not belong here: other methods,
pools and actions (``lot_general``), arithmetic (``lot_arithmetic``), names, dates, frames. This module imports numba,
which costs a quarter of a second: import it where it is called.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

import numpy as np
from numba import int8, int64, njit, types
from numpy.typing import NDArray

from daybook.ledger.lot_arithmetic import muldiv_half_even, share, sum_fits

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]

_INTS = types.Array(int64, 1, "C", readonly=True)
_CODES = types.Array(int8, 1, "C", readonly=True)
"""Columns of a frame are read-only: a loop that asked for others would have each copied first, 80 MB of ten million."""

TRADE, TRANSFER, SPLIT = 0, 1, 2
FINE, OVERFLOW, SHORT = 0, 1, 2
FIFO, AVERAGE, GENERAL, UNKNOWN = 0, 1, 2, 3
"""Ways in which a group is matched."""


@njit((_INTS, _CODES, _CODES, int64, int64, int64, int8[::1]), cache=True)
def ways(group: Ints, kind: Codes, method: Codes, fifo: int, specific: int, average: int, way: Codes) -> None:
    """How each group is matched: GENERAL where its methods are mixed or none of the three.

    Args:
        group: group of each event, from 0.
        kind: of the event; anything but a split has a method.
        method: code of each event's method.
        fifo: code of the method.
        specific: code of the method; without a named lot it is first in, first out.
        average: code of the method.
        way: UNKNOWN for each group, or GENERAL; overwritten for those that have trades.
    """
    for i in range(len(group)):
        if kind[i] == SPLIT:
            continue
        wanted = AVERAGE if method[i] == average else FIFO if method[i] in (fifo, specific) else GENERAL
        if way[group[i]] != wanted:
            way[group[i]] = wanted if way[group[i]] == UNKNOWN else GENERAL


@njit((_INTS, _CODES, _INTS, _INTS, _INTS, int64[::1], int64[:, ::1]), cache=True)
def by_group(group: Ints, kind: Codes, quantity: Ints, cost: Ints, cost_base: Ints, starts: Ints, events: Ints) -> None:
    """Stable counting sort of events into one record each, so that the loops read memory in order.

    Args:
        group: group of each event, from 0.
        kind: of the event, below 16.
        quantity: signed, 10^-8 units; of a split the new units.
        cost: paid with charges, received negative, 10^-6 money; of a split the old units.
        cost_base: the same in base currency; of a split unused.
        starts: zeros, one more than there are groups; filled with where each group starts in ``events``, and the end.
        events: filled with number x 16 + kind, quantity, cost, cost_base.
    """
    for i in range(len(group)):
        starts[group[i] + 1] += 1
    for g in range(len(starts) - 1):
        starts[g + 1] += starts[g]
    following = starts.copy()
    for i in range(len(group)):
        at = following[group[i]]
        following[group[i]] = at + 1
        events[at, 0] = (i << 4) | kind[i]
        events[at, 1] = quantity[i]
        events[at, 2] = cost[i]
        events[at, 3] = cost_base[i]


@njit(
    types.UniTuple(int64, 2)(
        *(int64[:, ::1], int64[::1], int8[::1], _INTS, int64[:, ::1], int64[:, ::1], int64[::1], int8[::1])
    ),
    cache=True,
)
def fifo(
    events: Ints, starts: Ints, way: Codes, holding: Ints, states: Ints, parts: Ints, queue: Ints, outcome: Codes
) -> tuple[int, int]:
    """Match the events of FIFO groups. The caller gives the room: numpy's memory comes in large pages.

    A group stops at its first OVERFLOW.

    Args:
        events: filled by ``by_group``.
        starts: filled by ``by_group``.
        way: of each group.
        holding: of each event.
        states: filled with one row per lot and state: lot, holding, event from which the state holds, event from which
            it does not (-1: still does), quantity, cost, cost_base, event that opened the lot. Room for the trades,
            plus for each split the lots that may be open.
        parts: filled with one row per closing event and lot: closing event, lot, holding, quantity (positive),
            proceeds, cost, base proceeds, base cost, event that opened the lot. Room for the events.
        queue: scratch, room for the events of the largest group.
        outcome: zeros, one per event; filled with what became of it.

    Returns:
        Number of states and of parts.
    """
    made = 0
    realised = 0
    for g in range(len(starts) - 1):
        if way[g] != FIFO or starts[g] == starts[g + 1]:
            continue
        of = holding[events[starts[g], 0] >> 4]
        head = 0
        tail = 0
        position = 0
        total = 0
        total_base = 0
        for k in range(starts[g], starts[g + 1]):
            i = events[k, 0] >> 4
            kind = events[k, 0] & 15
            good = True
            if kind == SPLIT:
                # The sum is rounded once, not each lot: a third of 1 + 1 + 1 is 1.
                before = 0
                position = 0
                for lot in range(head, tail):
                    old = queue[lot]
                    before += states[old, 4]
                    upto, good = muldiv_half_even(before, events[k, 1], events[k, 2])
                    if not good:
                        break
                    states[old, 3] = i
                    states[made, 0] = states[old, 0]
                    states[made, 1] = of
                    states[made, 2] = i
                    states[made, 3] = -1
                    states[made, 4] = upto - position
                    states[made, 5] = states[old, 5]
                    states[made, 6] = states[old, 6]
                    states[made, 7] = states[old, 7]
                    position = upto
                    queue[lot] = made
                    made += 1
            else:
                left = events[k, 1]
                left_cost = events[k, 2]
                left_base = events[k, 3]
                while head < tail and left != 0:
                    old = queue[head]
                    held = states[old, 4]
                    # A lot that a split rounded to nothing goes with whatever comes.
                    if held != 0 and (held > 0) == (left > 0):
                        break
                    size = abs(held)
                    wanted = abs(left)
                    step = min(size, wanted)
                    part_cost = states[old, 5]
                    part_base = states[old, 6]
                    paid = left_cost
                    paid_base = left_base
                    if step < size:
                        fraction = step / size
                        part_cost, fits = share(part_cost, step, size, fraction)
                        part_base, fits_base = share(part_base, step, size, fraction)
                        good = good and fits and fits_base
                    elif step < wanted:
                        fraction = step / wanted
                        paid, fits = share(paid, step, wanted, fraction)
                        paid_base, fits_base = share(paid_base, step, wanted, fraction)
                        good = good and fits and fits_base
                    # The gain, -paid - part_cost, must fit too.
                    good = good and sum_fits(paid, part_cost) and sum_fits(paid_base, part_base)
                    if not good:
                        break
                    if kind == TRADE:
                        parts[realised, 0] = i
                        parts[realised, 1] = states[old, 0]
                        parts[realised, 2] = of
                        parts[realised, 3] = step
                        parts[realised, 4] = -paid
                        parts[realised, 5] = part_cost
                        parts[realised, 6] = -paid_base
                        parts[realised, 7] = part_base
                        parts[realised, 8] = states[old, 7]
                        realised += 1
                    moved = step if left > 0 else -step
                    left -= moved
                    left_cost -= paid
                    left_base -= paid_base
                    position += moved
                    total -= part_cost
                    total_base -= part_base
                    states[old, 3] = i
                    if step == size:
                        head += 1
                    else:
                        states[made, 0] = states[old, 0]
                        states[made, 1] = of
                        states[made, 2] = i
                        states[made, 3] = -1
                        states[made, 4] = held + moved
                        states[made, 5] = states[old, 5] - part_cost
                        states[made, 6] = states[old, 6] - part_base
                        states[made, 7] = states[old, 7]
                        queue[head] = made
                        made += 1
                if good and left != 0:
                    good = sum_fits(position, left) and sum_fits(total, left_cost)
                    good = good and sum_fits(total_base, left_base)
                    if good:
                        position += left
                        total += left_cost
                        total_base += left_base
                        states[made, 0] = i
                        states[made, 1] = of
                        states[made, 2] = i
                        states[made, 3] = -1
                        states[made, 4] = left
                        states[made, 5] = left_cost
                        states[made, 6] = left_base
                        states[made, 7] = i
                        queue[tail] = made
                        tail += 1
                        made += 1
            if not good:
                outcome[i] = OVERFLOW
                break
            if position < 0:
                outcome[i] = SHORT
    return made, realised


@njit(
    types.UniTuple(int64, 2)(
        *(int64[:, ::1], int64[::1], int8[::1], _INTS, int64[:, ::1], int64[:, ::1], int64, int64, int8[::1])
    ),
    cache=True,
)
def average(
    events: Ints, starts: Ints, way: Codes, holding: Ints, states: Ints, parts: Ints, made: int, realised: int,
    outcome: Codes,
) -> tuple[int, int]:  # fmt: skip
    """Match the events of AVERAGE groups: each has one lot, the pool, named by the complement of its first purchase.

    Args and returns as ``fifo``, which filled ``made`` states and ``realised`` parts before.
    """
    for g in range(len(starts) - 1):
        if way[g] != AVERAGE or starts[g] == starts[g + 1]:
            continue
        of = holding[events[starts[g], 0] >> 4]
        pool = 0
        current = -1
        held = 0
        cost = 0
        base = 0
        for k in range(starts[g], starts[g + 1]):
            i = events[k, 0] >> 4
            kind = events[k, 0] & 15
            good = True
            left = events[k, 1]
            if kind == SPLIT:
                held, good = muldiv_half_even(held, events[k, 1], events[k, 2])
            else:
                left_cost = events[k, 2]
                left_base = events[k, 3]
                if current >= 0 and left != 0 and (held == 0 or (held > 0) != (left > 0)):
                    size = abs(held)
                    wanted = abs(left)
                    step = min(size, wanted)
                    part_cost, part_base, paid, paid_base = cost, base, left_cost, left_base
                    if step < size:
                        fraction = step / size
                        part_cost, fits = share(cost, step, size, fraction)
                        part_base, fits_base = share(base, step, size, fraction)
                        good = fits and fits_base
                    elif step < wanted:
                        fraction = step / wanted
                        paid, fits = share(left_cost, step, wanted, fraction)
                        paid_base, fits_base = share(left_base, step, wanted, fraction)
                        good = fits and fits_base
                    good = good and sum_fits(paid, part_cost) and sum_fits(paid_base, part_base)
                    if good:
                        if kind == TRADE:
                            parts[realised, 0] = i
                            parts[realised, 1] = pool
                            parts[realised, 2] = of
                            parts[realised, 3] = step
                            parts[realised, 4] = -paid
                            parts[realised, 5] = part_cost
                            parts[realised, 6] = -paid_base
                            parts[realised, 7] = part_base
                            parts[realised, 8] = ~pool
                            realised += 1
                        moved = step if left > 0 else -step
                        left -= moved
                        left_cost -= paid
                        left_base -= paid_base
                        held += moved
                        cost -= part_cost
                        base -= part_base
                        if step == size:
                            states[current, 3] = i
                            current = -1
                if good and left != 0:
                    good = sum_fits(held, left) and sum_fits(cost, left_cost) and sum_fits(base, left_base)
                    held += left
                    cost += left_cost
                    base += left_base
            if not good:
                outcome[i] = OVERFLOW
                break
            if current >= 0 or (left != 0 and kind != SPLIT):
                if current >= 0:
                    states[current, 3] = i
                else:
                    pool = ~i
                states[made, 0] = pool
                states[made, 1] = of
                states[made, 2] = i
                states[made, 3] = -1
                states[made, 4] = held
                states[made, 5] = cost
                states[made, 6] = base
                states[made, 7] = ~pool
                current = made
                made += 1
            if held < 0:
                outcome[i] = SHORT
    return made, realised


@njit(int64(int64[:, ::1], int64[::1], _INTS, _INTS, _INTS, int64[:, ::1]), cache=True)
def restate(events: Ints, starts: Ints, holding: Ints, session: Ints, settle: Ints, found: Ints) -> int:
    """Restate by each split the trades and transfers before it that are not settled, or of its own session.

    Args:
        events: filled by ``by_group``.
        starts: filled by ``by_group``.
        holding: of each event.
        session: day on which each event is booked.
        settle: day on which each event settles.
        found: filled with trade, split and the trade's quantity after it, as far as there is room.

    Returns:
        Number of rows found, in order of the splits of each group; call again with more room when it is too little.
    """
    current = events[:, 1].copy()
    count = 0
    for g in range(len(starts) - 1):
        for k in range(starts[g], starts[g + 1]):
            if events[k, 0] & 15 != SPLIT:
                continue
            split = events[k, 0] >> 4
            for earlier in range(starts[g], k):
                trade = events[earlier, 0] >> 4
                pending = settle[trade] > session[split] or session[trade] == session[split]
                if events[earlier, 0] & 15 > TRANSFER or holding[trade] != holding[split] or not pending:
                    continue
                # A quantity that outgrows its scale has failed the book already.
                current[earlier] = muldiv_half_even(current[earlier], events[k, 1], events[k, 2])[0]
                if count < len(found):
                    found[count, 0] = trade
                    found[count, 1] = split
                    found[count, 2] = current[earlier]
                count += 1
    return count
