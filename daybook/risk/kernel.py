"""The tails of all books at once: VaR, ES and component VaR of more P&L vectors than memory would hold.

Belongs here: the compiled loops over books, positions and scenarios that find each book's worst scenarios. Does not
belong here: what a scenario is (``scenarios``), where its P&L vector is kept anyway and can be sorted (``var``), who
computes which books (``resources.compute``). This module imports numba, which costs a quarter of a second: import it
where it is called.

Conventions: those of ``scenarios`` and ``var``. P&L is the sum of value x return in float64, in the order of the
positions, rounded to 10^-6; the k worst come in order, and among equals the earliest scenario first. The result is that
of sorting these P&L vectors, to the last bit: it depends neither on the other books nor on the number of threads.

How it stays exact while it is fast. Returns are read as 16-bit multiples of a step of their line, a quarter of the
bytes of float64, and the P&L of every scenario is added up from them in float32. That sum is within ``E`` of the true
one: with v = value x step as float32 and A = sum |v|, the return read is wrong by half a step at most (A / 2 in all),
and a float32 sum of n products of at most 32767 |v| by 32767 A g, g = m u / (1 - m u), m = n + 4, u = 2^-24, whatever
the order (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1). E = A (0.51 + 32768 g), where
the 0.01 is a million times what float64 itself loses. At least k scenarios lie below the k-th smallest coarse P&L t
plus E, so each of the k worst has a coarse P&L of at most t + 2 E + 10^-6: only these, usually k of them, are
computed in float64. Where too many are left (books whose P&L cancels, or is 0), all scenarios are.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import float64, int16, int32, int64, njit, types
from numpy.typing import NDArray

from daybook.selection import kth_smallest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Singles = NDArray[np.float32]

_STEPS = 32767
"""Largest multiple of a line's step: what 16 bits hold."""
_LANES = 64
"""Every 64th scenario shares a lane; the k-th smallest of the lanes' minima bounds the k-th smallest of all."""
_SPARSE = 6
"""One scenario picked out in float64 costs what 6 in a row do: it pays for fewer than a sixth of them."""
_SPARE = 4
"""Scenarios beyond k that a book may leave to be computed in float64, or half of k where that is more."""
_SIDE = 8
"""Scenarios side by side: a row of the cache."""
_CHUNK = 5_000
"""Books whose picked scenarios are held at a time: 1.2 MB of them for k = 10; twice as many gained no time."""
_AGAIN = 2
"""Positions for each line from which reading all lines coarsely pays."""
_LARGEST = 1e33
"""Sum of coarse values from which float32 could overflow."""

_INTS = types.Array(int64, 1, "C", readonly=True)
_CODES = types.Array(int32, 1, "C", readonly=True)
_MONEY = types.Array(float64, 1, "C", readonly=True)
_TAILS = types.Array(int32, 2, "C", readonly=True)
_CUBE = types.Array(float64, 2, "C", readonly=True)


@dataclass(frozen=True)
class Tails:
    """The worst scenarios of each book.

    Attributes:
        pnl: the k smallest P&L, ascending, shape (books, k); VaR is minus the last, ES minus the mean.
        scenarios: index of the scenario of each, shape (books, k).
    """

    pnl: Floats
    scenarios: Codes


def tails(indptr: Ints, lines: Codes, values: Floats, returns: Floats, k: int, threads: int = 1) -> Tails:
    """The ``k`` smallest P&L of each book and their scenarios.

    Args:
        indptr: where the positions of each book begin, and the end, as of a CSR matrix, shape (books + 1,).
        lines: row of ``returns`` of each position, in [0, lines).
        values: what the return applies to, in base currency, negative when short.
        returns: scenario returns, shape (lines, scenarios), oldest first.
        k: how many, from 1 to the number of scenarios.
        threads: how many work at a time; the result does not depend on it.

    Raises:
        ValueError: ``k`` is out of range, the arrays do not fit together, or a number is not finite.
    """
    indptr, lines, values = _checked(indptr, lines, values, len(returns))
    returns = np.ascontiguousarray(returns, np.float64)
    books, scenarios = len(indptr) - 1, returns.shape[1]
    if not 1 <= k <= scenarios:
        raise ValueError(f"k = {k} of {scenarios} scenarios: it must be from 1 to their number")
    pnl, found = np.empty((books, k)), np.empty((books, k), np.int32)
    if not np.isfinite(returns).all():
        raise ValueError("a scenario return is not finite: count a missing one as 0, visibly")
    pays = len(lines) > _AGAIN * len(returns)
    coarse, steps = np.empty(returns.shape if pays else (0, scenarios), np.int16), np.empty(len(returns))
    if pays:
        _coarsen(returns, coarse, steps)
    ends = np.linspace(0, books, threads + 1).astype(np.int64)
    work = [(indptr, lines, values, returns, coarse, steps, first, last, pnl, found) for first, last in pairwise(ends)]
    if threads == 1:
        _worst(*work[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: _worst(*part), work))
    return Tails(pnl, found)


def components(indptr: Ints, lines: Codes, values: Floats, returns: Floats, scenarios: Codes) -> Floats:
    """Minus the mean P&L of each position in scenarios of its book: what it is of the book's VaR or ES.

    Component VaR is read in the last column of ``Tails.scenarios``, component ES in all of them (Tasche 2000: the
    derivative of ES is the mean over the tail); each adds up to its figure.

    Args:
        indptr: as of ``tails``.
        lines: as of ``tails``.
        values: as of ``tails``.
        returns: as of ``tails``.
        scenarios: indices of scenarios, as many for each book, shape (books, n).

    Returns:
        One amount a position, in base currency, not rounded.

    Raises:
        ValueError: as of ``tails``, or there is no such scenario.
    """
    indptr, lines, values = _checked(indptr, lines, values, len(returns))
    scenarios = np.ascontiguousarray(scenarios, np.int32)
    if (
        scenarios.ndim != 2
        or scenarios.shape[1] == 0
        or len(scenarios) != len(indptr) - 1
        or (len(scenarios) and not 0 <= scenarios.min() <= scenarios.max() < returns.shape[1])
    ):
        raise ValueError("every book needs as many scenarios, at least one, by their index")
    found = np.empty(len(values))
    _gather(indptr, lines, values, np.ascontiguousarray(returns, np.float64), scenarios, found)
    return found


def _checked(indptr: Ints, lines: Codes, values: Floats, count: int) -> tuple[Ints, Codes, Floats]:
    """The arrays of a CSR matrix as the loops read them, which look at no bounds."""
    indptr = np.ascontiguousarray(indptr, np.int64)
    lines, values = np.ascontiguousarray(lines, np.int32), np.ascontiguousarray(values, np.float64)
    if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(lines) or len(lines) != len(values):
        raise ValueError(
            "indptr must begin at 0 and end at the number of positions, of which each has a line and a value"
        )
    if (np.diff(indptr) < 0).any() or (len(lines) and not 0 <= lines.min() <= lines.max() < count):
        raise ValueError(f"indptr must not fall, and lines must be rows of the {count} of returns")
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite: a position without a value is a failure of its book")
    return indptr, lines, values


@njit(types.void(_CUBE, int16[:, ::1], float64[::1]), cache=True, nogil=True)
def _coarsen(returns: Floats, coarse: NDArray[np.int16], steps: Floats) -> None:
    """Read each line as multiples of its step, the largest move / 32767."""
    for line in range(returns.shape[0]):
        row, into = returns[line], coarse[line]
        largest = 0.0
        for s in range(len(row)):
            largest = max(largest, abs(row[s]))
        steps[line] = largest / _STEPS
        scale = 1.0 / steps[line] if steps[line] > 1e-300 else 0.0
        for s in range(len(row)):
            into[s] = np.int16(np.rint(row[s] * scale))


@njit(cache=True, nogil=True)
def _error(lines: Codes, values: Floats, steps: Floats, small: Singles) -> float:
    """E of one book, and its coarse values into ``small``; infinite where float32 proves nothing."""
    total = 0.0
    for i in range(len(lines)):
        small[i] = np.float32(values[i] * steps[lines[i]])
        total += abs(float64(small[i]))
    lost = (len(lines) + 4) * 2.0**-24
    if not 0.0 < total < _LARGEST or lost >= 0.5:
        return np.inf
    return total * (0.51 + 32768.0 * lost / (1.0 - lost))


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"})
def _sweep(lines: Codes, values: Singles, coarse: NDArray[np.int16], rough: Singles) -> None:
    """Coarse P&L of one book in every scenario; four positions at a time: ``rough`` is read less."""
    rough[:] = np.float32(0.0)
    i, whole = 0, len(lines) // 4 * 4
    while i < whole:
        a, b, c, d = coarse[lines[i]], coarse[lines[i + 1]], coarse[lines[i + 2]], coarse[lines[i + 3]]
        va, vb, vc, vd = values[i], values[i + 1], values[i + 2], values[i + 3]
        for s in range(len(rough)):
            rough[s] += (va * np.float32(a[s]) + vb * np.float32(b[s])) + (
                vc * np.float32(c[s]) + vd * np.float32(d[s])
            )
        i += 4
    while i < len(lines):
        a, va = coarse[lines[i]], values[i]
        for s in range(len(rough)):
            rough[s] += va * np.float32(a[s])
        i += 1


@njit(cache=True, nogil=True)
def _near(rough: Singles, k: int, margin: float, lanes: Singles, width: int, picked: Codes, limit: int) -> int:
    """Scenarios whose coarse P&L is at most the k-th smallest plus ``margin``, ascending in ``picked``.

    Returns their number, or ``limit`` + 1 where there are more than ``limit``.
    """
    scenarios = len(rough)
    lanes[:width] = rough[:width]
    for start in range(width, scenarios, width):
        part = rough[start : start + width]
        for j in range(len(part)):
            lanes[j] = min(lanes[j], part[j])
    lanes[width : 2 * width] = lanes[:width]
    bound = float64(kth_smallest(lanes[width : 2 * width], width, k)) + margin
    count = 0
    for j in range(width):
        if lanes[j] <= bound:
            for s in range(j, scenarios, width):
                if rough[s] <= bound:
                    if count == limit:
                        return limit + 1
                    picked[count] = s
                    count += 1
    return count


@njit(cache=True, nogil=True)
def _sink(pnl: Floats, found: Codes, at: int, count: int) -> None:
    """Let the pair ``at`` down a heap of ``count`` pairs that has the largest on top; a later scenario is larger."""
    value, scenario = pnl[at], found[at]
    while 2 * at + 1 < count:
        below = 2 * at + 1
        if below + 1 < count and (
            pnl[below + 1] > pnl[below] or (pnl[below + 1] == pnl[below] and found[below + 1] > found[below])
        ):
            below += 1
        if pnl[below] < value or (pnl[below] == value and found[below] < scenario):
            break
        pnl[at], found[at] = pnl[below], found[below]
        at = below
    pnl[at], found[at] = value, scenario


@njit(cache=True, nogil=True)
def _least(exact: Floats, picked: Codes, count: int, pnl: Floats, found: Codes) -> None:
    """The smallest of the first ``count``, ascending, and their scenarios; among equals the earliest (heapsort)."""
    k = len(pnl)
    for c in range(k):
        pnl[c], found[c] = exact[c], picked[c]
    for c in range(k // 2 - 1, -1, -1):
        _sink(pnl, found, c, k)
    for c in range(k, count):
        if exact[c] < pnl[0] or (exact[c] == pnl[0] and picked[c] < found[0]):
            pnl[0], found[0] = exact[c], picked[c]
            _sink(pnl, found, 0, k)
    for left in range(k - 1, 0, -1):
        pnl[0], pnl[left] = pnl[left], pnl[0]
        found[0], found[left] = found[left], found[0]
        _sink(pnl, found, 0, left)


@njit(cache=True, nogil=True)
def _plain(lines: Codes, values: Floats, returns: Floats, exact: Floats) -> None:
    """P&L of one book in every scenario, each sum in the order of its positions; four are added at a time."""
    exact[:] = 0.0
    i, whole = 0, len(lines) // 4 * 4
    while i < whole:
        a, b, c, d = returns[lines[i]], returns[lines[i + 1]], returns[lines[i + 2]], returns[lines[i + 3]]
        va, vb, vc, vd = values[i], values[i + 1], values[i + 2], values[i + 3]
        for s in range(len(exact)):
            exact[s] = (((exact[s] + va * a[s]) + vb * b[s]) + vc * c[s]) + vd * d[s]
        i += 4
    while i < len(lines):
        a, va = returns[lines[i]], values[i]
        for s in range(len(exact)):
            exact[s] += va * a[s]
        i += 1
    for s in range(len(exact)):
        exact[s] = np.rint(exact[s] * 1e6) / 1e6


@njit(cache=True, nogil=True)
def _recompute(
    indptr: Ints,
    lines: Codes,
    values: Floats,
    returns: Floats,
    first: int,
    counts: Ints,
    picked: Codes,
    exact: Floats,
    table: Floats,
    order: Codes,
    ends: Ints,
) -> None:
    """P&L of the picked scenarios in float64, eight neighbouring scenarios of all books at a time.

    A book's picked scenarios lie anywhere in ``returns``, which no cache holds; one column of it fits the smallest.
    """
    limit, scenarios = picked.shape[1], returns.shape[1]
    ends[:] = 0
    for j in range(len(counts)):
        for c in range(counts[j]):
            ends[picked[j, c] // _SIDE + 1] += 1
    for side in range(len(ends) - 1):
        ends[side + 1] += ends[side]
    for j in range(len(counts)):
        for c in range(counts[j]):
            side = picked[j, c] // _SIDE
            order[ends[side]] = j * limit + c
            ends[side] += 1
    n = 0
    for side in range(len(ends) - 1):
        start = side * _SIDE
        if n < ends[side]:
            for line in range(len(returns)):
                for s in range(start, min(start + _SIDE, scenarios)):
                    table[s - start, line] = returns[line, s]
        while n < ends[side]:
            j, c = order[n] // limit, order[n] % limit
            column = table[picked[j, c] - start]
            total = 0.0
            for i in range(indptr[first + j], indptr[first + j + 1]):
                total += values[i] * column[lines[i]]
            exact[j, c] = np.rint(total * 1e6) / 1e6
            n += 1


@njit(
    types.void(
        *(_INTS, _CODES, _MONEY, _CUBE, int16[:, ::1], float64[::1], int64, int64, float64[:, ::1], int32[:, ::1])
    ),
    cache=True,
    nogil=True,
)
def _worst(
    indptr: Ints,
    lines: Codes,
    values: Floats,
    returns: Floats,
    coarse: NDArray[np.int16],
    steps: Floats,
    first: int,
    last: int,
    pnl: Floats,
    found: Codes,
) -> None:
    """The worst scenarios of the books from ``first`` to ``last``, into their rows of ``pnl`` and ``found``."""
    scenarios, k = returns.shape[1], pnl.shape[1]
    width = min(scenarios, max(_LANES, (4 * k + _LANES - 1) // _LANES * _LANES))
    limit = k + max(_SPARE, k // 2)
    pays = len(coarse) > 0 and limit * _SPARSE < scenarios
    size = min(_CHUNK, last - first) if pays else 0
    longest = 0
    for book in range(first, last):
        longest = max(longest, indptr[book + 1] - indptr[book])
    rough, lanes = np.empty(scenarios, np.float32), np.empty(2 * width, np.float32)
    small, whole, every = np.empty(longest, np.float32), np.empty(scenarios), np.arange(scenarios).astype(np.int32)
    counts, picked = np.zeros(size, np.int64), np.empty((size, limit), np.int32)
    exact, order = np.empty((size, limit)), np.empty(size * limit, np.int32)
    table, ends = np.empty((_SIDE, len(coarse))), np.empty((scenarios + _SIDE - 1) // _SIDE + 1, np.int64)
    for start in range(first, last, max(size, 1)):
        stop = min(last, start + max(size, 1))
        for book in range(start, stop):
            begin, end = indptr[book], indptr[book + 1]
            count = limit + 1
            if pays:
                error = _error(lines[begin:end], values[begin:end], steps, small)
                if error < np.inf:
                    _sweep(lines[begin:end], small[: end - begin], coarse, rough)
                    count = _near(rough, k, 2.0 * error + 1e-6, lanes, width, picked[book - start], limit)
                counts[book - start] = count if count <= limit else 0
            if count > limit:
                _plain(lines[begin:end], values[begin:end], returns, whole)
                _least(whole, every, scenarios, pnl[book], found[book])
        if pays:
            part = counts[: stop - start]
            _recompute(indptr, lines, values, returns, start, part, picked, exact, table, order, ends)
            for j in range(stop - start):
                if part[j]:
                    _least(exact[j], picked[j], part[j], pnl[start + j], found[start + j])


@njit(types.void(_INTS, _CODES, _MONEY, _CUBE, _TAILS, float64[::1]), cache=True, nogil=True)
def _gather(indptr: Ints, lines: Codes, values: Floats, returns: Floats, scenarios: Codes, found: Floats) -> None:
    """Minus value x mean return of each position in the scenarios of its book."""
    count = scenarios.shape[1]
    for book in range(len(indptr) - 1):
        for i in range(indptr[book], indptr[book + 1]):
            row = returns[lines[i]]
            total = 0.0
            for c in range(count):
                total += row[scenarios[book, c]]
            found[i] = -values[i] * (total / count)
