"""Internal rates of return: the growth at which all that went into a book is worth what is there in the end.

Belongs here: finding the rate, for any number of books at once, and saying when there is none or more than one. Does
not belong here: which flows count when (``flows``), the table of periods (``period_returns``).

The equation is sum over i of amount_i x growth ^ weight_i = 0: what goes in is positive, what comes out and the closing
value negative, weight is the part of the period (or the years) from the flow to its end. Conventions, in this order:

* nothing but closing values of 0 after money went in: growth 0, a loss of everything;
* amounts of one sign: no root (Descartes: as many positive roots as changes of sign, or an even number less);
* one change of sign: just one root;
* more: a root at which the book never owes its owners (all running sums of amount x growth ^ weight have one sign) is
  the only one there is (Soper 1959: the difference to any other growth has one sign then);
* else log growth is scanned from -50 to 50 in 4,000 steps, and every change of sign counted: none, one or several.
  None after an odd number of changes of sign: there is one, out of range.

No rate is ever given where there are several, and none that is not a root.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

NO_ROOT = "no root"
SEVERAL = "several roots"
EXTREME = "root out of range"
WIDEST = 50.0
"""Largest size of log growth that is scanned: e^50 is 5e21-fold."""
DEEPEST = 600.0
"""Size of the lowest log growth at which a root is bracketed: what came in late and is lost at once needs e^-65."""
STEPS = 4_000
_NARROW = 1e-15
_TURNS = 200


def growth(problem: Ints, weight: Floats, amount: Floats, count: int) -> tuple[Floats, Texts]:
    """The growth of each problem.

    Args:
        problem: number of the problem that each flow belongs to, 0 to ``count`` - 1, in any order.
        weight: part of the period, or years, from each flow to the end; any numbers of one problem's scale.
        amount: in (+) or out and left (-), money.
        count: number of problems.

    Returns:
        growth (1 + rate over a weight of 1; NaN where there is none or more than one) and why it is NaN: ``no root``,
        ``several roots: 2`` or ``root out of range``, empty where it is not.
    """
    place, weight, amount = _ordered(problem, weight, amount)
    found, why = np.full(count, np.nan), np.full(count, NO_ROOT, object)
    size = np.bincount(place, minlength=count)
    positive = np.bincount(place, amount > 0, minlength=count)
    changes = np.bincount(place[1:], (place[1:] == place[:-1]) & ((amount[1:] > 0) != (amount[:-1] > 0)), count)
    lost = (size > 0) & (positive == size) & (np.bincount(place, weight <= 0, minlength=count) == 0)
    found[lost], why[lost] = 0.0, ""
    open_ones = np.flatnonzero(changes > 0)
    if not len(open_ones):
        return found, why
    part = _Part(place, weight, amount, open_ones)
    low, high, bracketed = part.bracketed()
    root = part.root(low, high)
    sure = bracketed & ((changes[open_ones] == 1) | part.never_owing(root))
    found[open_ones[sure]], why[open_ones[sure]] = np.exp(root[sure]), ""
    doubtful = open_ones[~sure]
    if len(doubtful):
        found[doubtful], told = _scanned(_Part(place, weight, amount, doubtful))
        why[doubtful] = np.where((told == NO_ROOT) & (changes[doubtful] % 2 == 1), EXTREME, told)
    return found, why


class _Part:
    """Some of the problems, numbered anew: flows of one problem stand together, the earliest first."""

    def __init__(self, place: Ints, weight: Floats, amount: Floats, chosen: Ints) -> None:
        number = np.full(place.max(initial=-1) + 1, -1, np.int64)
        number[chosen] = np.arange(len(chosen))
        here = number[place] >= 0
        self.place, self.weight, self.amount = number[place[here]], weight[here], amount[here]
        self.count = len(chosen)

    def value(self, log_growth: Floats) -> Floats:
        """Sum of amount x growth ^ weight of each problem."""
        worth = self.amount * np.exp(self.weight * log_growth[self.place])
        return np.bincount(self.place, worth, self.count).astype(np.float64)

    def slope(self, log_growth: Floats) -> Floats:
        worth = self.amount * self.weight * np.exp(self.weight * log_growth[self.place])
        return np.bincount(self.place, worth, self.count).astype(np.float64)

    def bracketed(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """The narrowest of the widths 1/4, 1/2, 1.. around 0 at whose ends the value has opposite signs.

        No more than WIDEST above 0, where it would overflow, and DEEPEST below.
        """
        low, high = np.zeros(self.count), np.zeros(self.count)
        done = np.zeros(self.count, bool)
        width = 0.25
        while width < 2 * DEEPEST and not done.all():
            down, up = np.full(self.count, -min(width, DEEPEST)), np.full(self.count, min(width, WIDEST))
            opposite = np.sign(self.value(down)) * np.sign(self.value(up)) < 0
            now = opposite & ~done
            low, high, done = np.where(now, down, low), np.where(now, up, high), done | now
            width *= 2
        return low, high, done

    def root(self, low: Floats, high: Floats) -> Floats:
        """The root between ``low`` and ``high``: Newton's step where it stays between them, else halving.

        Each problem stops by itself, so that its root does not depend on which others are solved with it.
        """
        rising = self.value(high) > self.value(low)
        at = (low + high) / 2
        active = high > low
        for _ in range(_TURNS):
            value, slope = self.value(at), self.slope(at)
            above = (value > 0) == rising
            low, high = np.where(active & ~above, at, low), np.where(active & above, at, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = at - value / slope
            inside = (newton > low) & (newton < high)
            step = np.where(inside, newton, (low + high) / 2)
            moved = np.abs(step - at)
            at = np.where(active & (value != 0), step, at)
            active &= (value != 0) & (moved > _NARROW * np.maximum(np.abs(at), 1.0)) & (high - low > _NARROW)
            if not active.any():
                break
        return at

    def never_owing(self, log_growth: Floats) -> NDArray[np.bool_]:
        """Whether all running sums of amount x growth ^ weight but the last have one sign at that growth."""
        worth = pd.Series(self.amount * np.exp(self.weight * log_growth[self.place]))
        running = worth.groupby(self.place).cumsum().to_numpy()[:-1]
        inner = self.place[1:] == self.place[:-1]
        room = 1e-12 * np.bincount(self.place, worth.abs(), self.count)[self.place[:-1]]
        owing = np.bincount(self.place[:-1], inner & (running < -room), self.count)
        owed = np.bincount(self.place[:-1], inner & (running > room), self.count)
        return np.asarray((owing == 0) | (owed == 0))


def _ordered(problem: Ints, weight: Floats, amount: Floats) -> tuple[Ints, Floats, Floats]:
    """Flows by problem, the earliest first, those of one time added up, those of 0 left out."""
    order = np.lexsort((-weight, problem))
    place, weight, amount = problem[order].astype(np.int64), weight[order], amount[order]
    first = np.flatnonzero((np.diff(place, prepend=-1) != 0) | (np.diff(weight, prepend=np.nan) != 0))
    amount = np.add.reduceat(amount, first) if len(first) else amount
    place, weight = place[first], weight[first]
    there = amount != 0
    return place[there], weight[there], amount[there]


def _scanned(part: _Part) -> tuple[Floats, Texts]:
    """Every change of sign on the grid; the root where there is just one."""
    # The grid is off every round growth, so that a root never falls on it.
    grid = np.linspace(-WIDEST, WIDEST, STEPS + 1) + 1e-3 / np.pi
    before = np.sign(part.value(np.full(part.count, grid[0])))
    times, at = np.zeros(part.count, np.int64), np.zeros(part.count)
    for log_growth in grid[1:]:
        now = np.sign(part.value(np.full(part.count, log_growth)))
        crossed = now != before
        times, at, before = times + crossed, np.where(crossed, log_growth, at), now
    once = times == 1
    low = np.where(once, at - (grid[1] - grid[0]), 0.0)
    root = part.root(low, np.where(once, at, 0.0))
    why = np.where(times == 0, NO_ROOT, np.where(once, "", [f"{SEVERAL}: {n}" for n in times])).astype(object)
    return np.where(once, np.exp(root), np.nan), why
