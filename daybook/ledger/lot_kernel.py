"""Lots in machine code: first in, first out over scaled 64-bit integers.

Belongs here: the compiled loops over events, and the exact product and quotient that they need. Does not belong here:
names, dates, frames. This module imports numba, which costs a quarter of a second: import it where it is called.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

import numpy as np
from numba import boolean, float64, int8, int64, njit, types, uint64
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]

TRADE, TRANSFER, SPLIT = 0, 1, 2
"""Kinds of event: a transfer closes lots without a gain, a split restates them."""
FINE, OVERFLOW, SHORT = 0, 1, 2
"""What became of an event: SHORT when the position is negative after it."""

_HIGHEST = 2**63 - 1
# Below these, the float guess of a quotient is wrong by less than 2, and the remainder fits into 64 bits.
_NEAR = 2.0**50
_SMALL = 2**60


@njit(types.Tuple((int64, boolean))(int64, int64, int64), cache=True)
def _muldiv_long(a: int, b: int, c: int) -> tuple[int, bool]:
    """``muldiv_half_even`` by long division of the 128-bit product, bit by bit."""
    negative = (a < 0) != (b < 0)
    x = uint64(a) if a >= 0 else uint64(0) - uint64(a)
    y = uint64(b) if b >= 0 else uint64(0) - uint64(b)
    divisor = uint64(c)
    low32, shift = uint64(0xFFFFFFFF), uint64(32)
    x_low, x_high, y_low, y_high = x & low32, x >> shift, y & low32, y >> shift
    lowest = x_low * y_low
    middle = x_high * y_low + (lowest >> shift)
    carry = x_low * y_high + (middle & low32)
    low = (carry << shift) | (lowest & low32)
    rest = x_high * y_high + (middle >> shift) + (carry >> shift)
    if rest >= divisor:
        return 0, False
    quotient, one = uint64(0), uint64(1)
    for place in range(63, -1, -1):
        # rest < divisor < 2^63, so doubling it cannot overflow.
        rest = (rest << one) | ((low >> uint64(place)) & one)
        quotient = quotient << one
        if rest >= divisor:
            rest -= divisor
            quotient |= one
    if rest > divisor - rest or (rest == divisor - rest and (quotient & one) == one):
        quotient += one
    if quotient > uint64(_HIGHEST):
        return 0, False
    return (-int64(quotient) if negative else int64(quotient)), True


@njit(int64(int64, int64, int64, int64), cache=True)
def _settled(guess: int, a: int, b: int, c: int) -> int:
    """a x b / c, half to even, from a guess that is wrong by less than 2."""
    # Both products wrap; their difference does not, because it is small.
    rest = int64(uint64(a) * uint64(b) - uint64(guess) * uint64(c))
    while rest < 0:
        rest += c
        guess -= 1
    while rest >= c:
        rest -= c
        guess += 1
    if rest > c - rest or (rest == c - rest and guess & 1):
        guess += 1
    return guess


@njit(types.Tuple((int64, boolean))(int64, int64, int64), cache=True)
def muldiv_half_even(a: int, b: int, c: int) -> tuple[int, bool]:
    """a x b / c, the product in 128 bits, rounded once, half to even; False if c <= 0 or it does not fit."""
    if c <= 0:
        return 0, False
    guess = float(a) * float(b) / float(c)
    if abs(guess) < _NEAR and c < _SMALL:
        return _settled(int64(np.rint(guess)), a, b, c), True
    return _muldiv_long(a, b, c)


@njit(types.Tuple((int64, boolean))(int64, int64, int64, float64), cache=True)
def _share(whole: int, part: int, of: int, fraction: float) -> tuple[int, bool]:
    """``whole`` x ``part`` / ``of``, 0 < part < of, ``fraction`` = part / of: one division serves two amounts."""
    guess = float(whole) * fraction
    if abs(guess) < _NEAR and of < _SMALL:
        return _settled(int64(np.rint(guess)), whole, part, of), True
    return _muldiv_long(whole, part, of)


@njit(boolean(int64, int64), cache=True)
def _sum_fits(a: int, b: int) -> bool:
    if b >= 0:
        return a <= _HIGHEST - b
    return a >= -_HIGHEST - b


@njit((int64[::1], int8[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1]), cache=True)
def by_group(group: Ints, kind: Codes, quantity: Ints, cost: Ints, cost_base: Ints, starts: Ints, events: Ints) -> None:
    """Stable counting sort of events into one record each, so that ``fifo`` reads memory in order.

    Args:
        group: group of each event, from 0.
        kind: TRADE, TRANSFER or SPLIT.
        quantity: signed, 10^-8 units; of a split the new units.
        cost: paid with charges, received negative, 10^-6 money; of a split the old units.
        cost_base: the same in base currency; of a split unused.
        starts: zeros, one more than there are groups; filled with where each group starts in ``events``, and the end.
        events: filled with number x 4 + kind, quantity, cost, cost_base.
    """
    for i in range(len(group)):
        starts[group[i] + 1] += 1
    for g in range(len(starts) - 1):
        starts[g + 1] += starts[g]
    following = starts.copy()
    for i in range(len(group)):
        at = following[group[i]]
        following[group[i]] = at + 1
        events[at, 0] = (i << 2) | kind[i]
        events[at, 1] = quantity[i]
        events[at, 2] = cost[i]
        events[at, 3] = cost_base[i]


@njit((int64[:, ::1], int64[::1], int64[:, ::1], int64[:, ::1], int64[::1], int8[::1]), cache=True)
def fifo(events: Ints, starts: Ints, states: Ints, parts: Ints, queue: Ints, outcome: Codes) -> tuple[int, int]:
    """Match every group's events first in, first out. The caller gives the room: numpy's memory comes in large pages.

    A group stops at its first OVERFLOW.

    Args:
        events: filled by ``by_group``.
        starts: filled by ``by_group``.
        states: filled with one row per lot and state: opening event, event from which the state holds, event from
            which it does not (-1: still does), quantity, cost, cost_base. Room for the trades, plus for each split
            the lots that may be open.
        parts: filled with one row per closing event and lot: closing event, opening event, quantity (positive),
            proceeds, cost, base proceeds, base cost. Room for the events.
        queue: scratch, room for the events of the largest group.
        outcome: zeros, one per event; filled with what became of it.

    Returns:
        Number of states and of parts.
    """
    made = 0
    realised = 0
    for g in range(len(starts) - 1):
        head = 0
        tail = 0
        position = 0
        total = 0
        total_base = 0
        for k in range(starts[g], starts[g + 1]):
            i = events[k, 0] >> 2
            kind = events[k, 0] & 3
            good = True
            if kind == SPLIT:
                position = 0
                for lot in range(head, tail):
                    old = queue[lot]
                    restated, good = muldiv_half_even(states[old, 3], events[k, 1], events[k, 2])
                    if not good or not _sum_fits(position, restated):
                        good = False
                        break
                    position += restated
                    states[old, 2] = i
                    states[made, 0] = states[old, 0]
                    states[made, 1] = i
                    states[made, 2] = -1
                    states[made, 3] = restated
                    states[made, 4] = states[old, 4]
                    states[made, 5] = states[old, 5]
                    queue[lot] = made
                    made += 1
            else:
                left = events[k, 1]
                left_cost = events[k, 2]
                left_base = events[k, 3]
                while head < tail and left != 0:
                    old = queue[head]
                    held = states[old, 3]
                    if (held > 0) == (left > 0):
                        break
                    size = abs(held)
                    wanted = abs(left)
                    step = min(size, wanted)
                    part_cost = states[old, 4]
                    part_base = states[old, 5]
                    paid = left_cost
                    paid_base = left_base
                    if step < size:
                        fraction = step / size
                        part_cost, fits = _share(part_cost, step, size, fraction)
                        part_base, fits_base = _share(part_base, step, size, fraction)
                        good = good and fits and fits_base
                    elif step < wanted:
                        fraction = step / wanted
                        paid, fits = _share(paid, step, wanted, fraction)
                        paid_base, fits_base = _share(paid_base, step, wanted, fraction)
                        good = good and fits and fits_base
                    # The gain, -paid - part_cost, must fit too.
                    good = good and _sum_fits(paid, part_cost) and _sum_fits(paid_base, part_base)
                    if not good:
                        break
                    if kind == TRADE:
                        parts[realised, 0] = i
                        parts[realised, 1] = states[old, 0]
                        parts[realised, 2] = step
                        parts[realised, 3] = -paid
                        parts[realised, 4] = part_cost
                        parts[realised, 5] = -paid_base
                        parts[realised, 6] = part_base
                        realised += 1
                    moved = step if left > 0 else -step
                    left -= moved
                    left_cost -= paid
                    left_base -= paid_base
                    position += moved
                    total -= part_cost
                    total_base -= part_base
                    states[old, 2] = i
                    if step == size:
                        head += 1
                    else:
                        states[made, 0] = states[old, 0]
                        states[made, 1] = i
                        states[made, 2] = -1
                        states[made, 3] = held + moved
                        states[made, 4] = states[old, 4] - part_cost
                        states[made, 5] = states[old, 5] - part_base
                        queue[head] = made
                        made += 1
                if good and left != 0:
                    good = _sum_fits(position, left) and _sum_fits(total, left_cost)
                    good = good and _sum_fits(total_base, left_base)
                    if good:
                        position += left
                        total += left_cost
                        total_base += left_base
                        states[made, 0] = i
                        states[made, 1] = i
                        states[made, 2] = -1
                        states[made, 3] = left
                        states[made, 4] = left_cost
                        states[made, 5] = left_base
                        queue[tail] = made
                        tail += 1
                        made += 1
            if not good:
                outcome[i] = OVERFLOW
                break
            if position < 0:
                outcome[i] = SHORT
    return made, realised


@njit((int64[:, ::1], int64[::1], int64[::1], int64[::1], int64[:, ::1]), cache=True)
def restate(events: Ints, starts: Ints, session: Ints, settle: Ints, found: Ints) -> int:
    """Restate by each split the trades and transfers before it that are not settled, or of its own session.

    Args:
        events: filled by ``by_group``.
        starts: filled by ``by_group``.
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
            if events[k, 0] & 3 != SPLIT:
                continue
            split = events[k, 0] >> 2
            for earlier in range(starts[g], k):
                trade = events[earlier, 0] >> 2
                pending = settle[trade] > session[split] or session[trade] == session[split]
                if events[earlier, 0] & 3 == SPLIT or not pending:
                    continue
                # A quantity that outgrows its scale has failed the book in ``fifo`` already.
                current[earlier] = muldiv_half_even(current[earlier], events[k, 1], events[k, 2])[0]
                if count < len(found):
                    found[count, 0] = trade
                    found[count, 1] = split
                    found[count, 2] = current[earlier]
                count += 1
    return count
