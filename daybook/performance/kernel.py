"""What a series of returns has to be read for, for many series at once, compiled.

Belongs here: the one pass over the returns of each book and span from which every ratio is computed. Does not belong
here: the ratios (``ratio_definitions``), what they are called and where they are empty (``ratios``). This module
imports numba, which costs a quarter of a second: import it where it is called.

A session whose return is NaN is left out; what concerns the benchmark reads the sessions in which both have a return.
The returns of a span are copied together first (10 KB for five years: they stay in the core's first cache) and then
read in a few short loops; those that only add up are free of branches, and the compiler works on eight returns at a
time. A row depends on its own returns alone, to the last bit.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from typing import Any

import numpy as np
from numba import float64, from_dtype, int64, njit, types
from numpy.typing import NDArray

from daybook.performance.sample import FLAT, READINGS
from daybook.selection import kth_smallest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_RECORD = np.dtype([(name, np.float64) for name in READINGS])
_MATRIX = types.Array(float64, 2, "C", readonly=True)
_INTS = types.Array(int64, 1, "C", readonly=True)
_WHOLE = {"reassoc", "nsz", "contract"}
"""A sum may be added up in lanes; a NaN stays a NaN."""
_SUMS = {*_WHOLE, "nnan"}
"""Where what is missing has been left out, the largest may be found in lanes too."""


def readings(
    returns: Floats,
    benchmarks: Floats,
    risk_free: Floats,
    months: Ints,
    spans: Ints,
    targets: Floats,
) -> NDArray[Any]:
    """The readings of each span: a structured array of ``sample.READINGS``.

    Args:
        returns: fraction of each session, NaN where there is none, shape (books, sessions), oldest first.
        benchmarks: likewise, shape (benchmarks, sessions).
        risk_free: likewise and none missing, shape (currencies, sessions).
        months: number of the month of each session, not descending.
        spans: shape (spans, 7): row of ``returns``, of ``benchmarks`` (-1 for none) and of ``risk_free``, first session
            and the one after the last, and the part of the sessions that is the tail as numerator and denominator:
            1 and 20 for a confidence of 0.95.
        targets: lowest return of a session that is no loss, shape (spans,).

    Raises:
        ValueError: an index is out of range, or the arrays do not fit together.
    """
    arrays = [np.ascontiguousarray(each, np.float64) for each in (returns, benchmarks, risk_free)]
    spans, months = np.ascontiguousarray(spans, np.int64), np.ascontiguousarray(months, np.int64)
    sessions = len(months)
    if spans.ndim != 2 or spans.shape[1] != 7 or len(targets) != len(spans):
        raise ValueError("a span is seven numbers and has one target")
    if any(each.ndim != 2 or each.shape[1] != sessions for each in arrays):
        raise ValueError("every series has as many sessions as there are months")
    if len(spans):
        low, high = spans.min(axis=0), spans.max(axis=0)
        known = (low[:3] >= [0, -1, 0]).all() and (high[:3] < [len(each) for each in arrays]).all()
        within = low[3] >= 0 and (spans[:, 3] <= spans[:, 4]).all() and high[4] <= sessions
        if not (known and within and low[5] > 0 and (spans[:, 5] <= spans[:, 6]).all()):
            raise ValueError("a span names a series, a session or a tail that there is not")
    found = np.full(len(spans), np.nan, _RECORD)
    _read(*arrays, months, spans, np.ascontiguousarray(targets, np.float64), found)
    return found


@njit(cache=True, nogil=True, fastmath=_WHOLE)
def _whole(values: Floats) -> float:
    """Their sum: NaN where one of them is missing."""
    total = 0.0
    for value in values:
        total += value
    return total


@njit(cache=True, nogil=True)
def _together(series: Floats, free: Floats, months: Ints, into: Floats, rates: Floats, month: Ints) -> int:
    """Copy what is there of one span; returns how many sessions that is."""
    whole, size = _whole(series), len(series)
    if whole == whole:
        # One array at a time: of several the compiler cannot prove cheaply enough that they lie apart.
        for t in range(size):
            into[t] = series[t]
        for t in range(size):
            rates[t] = free[t]
        for t in range(size):
            month[t] = months[t]
        return size
    n = 0
    for t in range(size):
        if series[t] == series[t]:
            into[n], rates[n], month[n] = series[t], free[t], months[t]
            n += 1
    return n


@njit(cache=True, nogil=True)
def _pairs(series: Floats, market: Floats, free: Floats, into: Floats, beside: Floats, rates: Floats) -> int:
    """Copy the sessions in which both have a return, after ``_together`` has copied those of ``series``."""
    whole, size = _whole(series) + _whole(market), len(series)
    if whole == whole:
        for t in range(size):  # the others have been copied
            beside[t] = market[t]
        return size
    n = 0
    for t in range(size):
        if series[t] == series[t] and market[t] == market[t]:
            into[n], beside[n], rates[n] = series[t], market[t], free[t]
            n += 1
    return n


@njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def _sums(x, f, n, target, out):  # type: ignore[no-untyped-def]
    """Sums over the returns ``x`` and the risk-free returns ``f``."""
    total = excess = 0.0
    free = 1.0
    for t in range(n):
        total += x[t]
        excess += x[t] - f[t]
        free *= 1 + f[t]
    mean, over = total / n, excess / n
    second = third = fourth = absolute = semi = squares = manipulated = 0.0
    for t in range(n):
        d = x[t] - mean
        p = d * d
        second += p
        third += p * d
        fourth += p * p
        absolute += abs(d)
        semi += p if d < 0 else 0.0
        d = x[t] - f[t] - over
        squares += d * d
        d = (1 + f[t]) / (1 + x[t])
        manipulated += d * d
    gains = losses = won = lost = 0.0
    best, worst = x[0], x[0]
    low = low_second = low_third = below = high = high_second = 0.0
    for t in range(n):
        v = x[t]
        gains += v if v > 0 else 0.0
        losses -= v if v < 0 else 0.0
        won += 1.0 if v > 0 else 0.0
        lost += 1.0 if v < 0 else 0.0
        d = v - target
        u, m = d if d > 0 else 0.0, -d if d < 0 else 0.0
        low += m
        low_second += m * m
        low_third += m * m * m
        below += 1.0 if d < 0 else 0.0
        high += u
        high_second += u * u
    for t in range(n):
        best, worst = max(best, x[t]), min(worst, x[t])
    lagged = 0.0
    for t in range(n - 1):
        lagged += (x[t] - mean) * (x[t + 1] - mean)
    out.free = free
    out.mean, out.second, out.third, out.fourth = mean, second, third, fourth
    out.absolute, out.semi, out.lagged, out.manipulated = absolute, semi, lagged, manipulated
    out.excess_mean, out.excess_second = over, squares
    out.gains, out.losses, out.won, out.lost, out.best, out.worst = gains, losses, won, lost, best, worst
    out.low, out.low_second, out.low_third, out.below = low, low_second, low_third, below
    out.high, out.high_second = high, high_second


@njit(cache=True, nogil=True)
def _tail(x, n, sign, mean, deviation, k, picked):  # type: ignore[no-untyped-def]
    """The k-th smallest of ``sign`` x ``x`` and the mean of the k smallest.

    Few lie far from the mean: those beyond 1.2 deviations are picked out first, 12 % where returns are normal, and all
    of them only where these are fewer than k.
    """
    edge, count = sign * mean - 1.2 * deviation, 0
    for t in range(n):
        value = sign * x[t]
        picked[count] = value
        count += value < edge
    if count < k:
        for t in range(n):
            picked[t] = sign * x[t]
        count = n
    kth = kth_smallest(picked, count, k)
    total = 0.0
    for t in range(k):
        total += picked[t]
    return kth, total / k


@njit(cache=True, nogil=True, error_model="numpy")
def _path(x, months, n, wealth, peaks, out):  # type: ignore[no-untyped-def]
    """What depends on the order of the returns: wealth, months, runs, the range of the sums of deviations."""
    w = peak = 1.0
    for t in range(n):
        w *= max(1 + x[t], 0.0)
        peak = w if w > peak else peak
        wealth[t], peaks[t] = w, peak
    mean = out.mean
    cumulated = highest = lowest = 0.0
    run = fall = longest_run = longest_fall = 0
    for t in range(n):
        cumulated += x[t] - mean
        highest = cumulated if cumulated > highest else highest
        lowest = cumulated if cumulated < lowest else lowest
        run = run + 1 if x[t] > 0 else 0
        fall = fall + 1 if x[t] < 0 else 0
        longest_run = run if run > longest_run else longest_run
        longest_fall = fall if fall > longest_fall else longest_fall
    out.wealth, out.range = w, highest - lowest
    out.longest_gain, out.longest_loss = longest_run, longest_fall
    count = up = 0.0
    before, best, worst = 1.0, -np.inf, np.inf
    for t in range(n):
        if t + 1 == n or months[t + 1] != months[t]:
            earned = wealth[t] / before - 1
            before = wealth[t]
            count += 1
            up += earned > 0
            best, worst = max(best, earned), min(worst, earned)
    out.months, out.months_up, out.best_month, out.worst_month = count, up, best, worst


@njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def _depths(wealth, peaks, n, depth, out):  # type: ignore[no-untyped-def]
    """Distance from the peak at each session, into ``depth``, negative; its sums."""
    total = squares = deepest = 0.0
    for t in range(n):
        d = wealth[t] / peaks[t] - 1
        d = d if d < -FLAT else 0.0
        depth[t] = d
        total += d
        squares += d * d
    for t in range(n):
        deepest = min(deepest, depth[t])
    out.depths, out.depth_squares, out.deepest = total, squares, deepest


@njit(cache=True, nogil=True)
def _falls(depth, n, out):  # type: ignore[no-untyped-def]
    """Each drawdown from its peak to its recovery."""
    falls = sums = squares = under = longest = recovered = recovering = slowest = 0.0
    worst, began, trough = 0.0, 0, 0
    for t in range(n):
        d = depth[t]
        if d < 0:
            under += 1
            if worst == 0:
                began = t
            if d < worst:
                worst, trough = d, t
        elif worst < 0:
            falls += 1
            sums += worst
            squares += worst * worst
            longest = max(longest, t - began + 1)
            recovered += 1
            recovering += t - trough
            slowest = max(slowest, t - trough)
            worst = 0.0
    if worst < 0:
        falls += 1
        sums += worst
        squares += worst * worst
        longest = max(longest, n - began)
    out.falls, out.fall_sums, out.fall_squares = falls, sums, squares
    out.under, out.longest_under, out.now = under, longest, depth[n - 1]
    out.recovered, out.recovering, out.slowest = recovered, recovering, slowest


@njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def _beside(x, b, f, n, out):  # type: ignore[no-untyped-def]
    """Sums over the sessions in which the book, ``x``, and the benchmark, ``b``, have a return."""
    xs = bs = fs = 0.0
    free_wealth = 1.0
    for t in range(n):
        xs += x[t]
        bs += b[t]
        fs += f[t]
        free_wealth *= 1 + f[t]
    mean, market, free = xs / n, bs / n, fs / n
    over, above, active = mean - free, market - free, mean - market
    raw = plain = own = variance = covariance = active_second = cubes = fourths = bent = 0.0
    for t in range(n):
        d, m = x[t] - f[t] - over, b[t] - f[t] - above
        own += d * d
        variance += m * m
        covariance += d * m
        cubes += m * m * m
        fourths += m * m * m * m
        bent += d * m * m
        d = x[t] - b[t] - active
        active_second += d * d
        d, m = x[t] - mean, b[t] - market
        plain += d * d
        raw += m * m
    up = down = up_x = up_b = down_x = down_b = 0.0
    both_up = both_down = ahead = ahead_up = ahead_down = 0.0
    for t in range(n):
        rose, fell = b[t] > 0, b[t] < 0
        up += 1.0 if rose else 0.0
        down += 1.0 if fell else 0.0
        up_x += x[t] if rose else 0.0
        up_b += b[t] if rose else 0.0
        down_x += x[t] if fell else 0.0
        down_b += b[t] if fell else 0.0
    for t in range(n):
        # Products of ones and zeros: of two conditions at once the compiler makes branches, ten times as slow.
        rose, fell = 1.0 if b[t] > 0 else 0.0, 1.0 if b[t] < 0 else 0.0
        above = 1.0 if x[t] > b[t] else 0.0
        both_up += rose if x[t] > 0 else 0.0
        both_down += fell if x[t] < 0 else 0.0
        ahead += above
        ahead_up += rose * above
        ahead_down += fell * above
    rising, falling = max(up, 1.0), max(down, 1.0)
    bull_x, bull_b, bear_x, bear_b = up_x / rising, up_b / rising, down_x / falling, down_b / falling
    bull = bull_second = bear = bear_second = 0.0
    for t in range(n):
        rose, fell = b[t] > 0, b[t] < 0
        d, m = x[t] - bull_x, b[t] - bull_b
        bull += d * m if rose else 0.0
        bull_second += m * m if rose else 0.0
        d, m = x[t] - bear_x, b[t] - bear_b
        bear += d * m if fell else 0.0
        bear_second += m * m if fell else 0.0
    out.pair_free = free_wealth
    out.pair_mean, out.market_mean, out.pair_free_mean = mean, market, free
    out.pair_second, out.market_second = plain, raw
    out.pair_excess_second, out.market_excess_second = own, variance
    out.covariance, out.active_second = covariance, active_second
    out.market_third, out.market_fourth, out.bent = cubes, fourths, bent
    out.up, out.down, out.up_book, out.up_market, out.down_book, out.down_market = up, down, up_x, up_b, down_x, down_b
    out.both_up, out.both_down = both_up, both_down
    out.ahead, out.ahead_up, out.ahead_down = ahead, ahead_up, ahead_down
    out.bull, out.bull_second, out.bear, out.bear_second = bull, bull_second, bear, bear_second


@njit(cache=True, nogil=True, fastmath=_SUMS, error_model="numpy")
def _differences(x, b, n, ahead, out):  # type: ignore[no-untyped-def]
    """(1 + x) / (1 + b), the geometric active growth, into ``ahead``; the spread of it."""
    total = second = 0.0
    for t in range(n):
        ahead[t] = (1 + x[t]) / (1 + b[t])
        total += ahead[t]
    mean = total / n
    for t in range(n):
        d = ahead[t] - mean
        second += d * d
    out.geometric_second = second


@njit(cache=True, nogil=True, error_model="numpy")
def _links(x, b, ahead, n, level, highest, out):  # type: ignore[no-untyped-def]
    """What the pairs link to, and the deepest fall behind the benchmark."""
    book = market = peak = active = 1.0
    for t in range(n):
        book *= max(1 + x[t], 0.0)
        market *= max(1 + b[t], 0.0)
        active *= max(ahead[t], 0.0)
        peak = active if active > peak else peak
        level[t], highest[t] = active, peak
    for t in range(n):
        level[t] = level[t] / highest[t]
    deepest = 1.0
    for t in range(n):
        deepest = min(deepest, level[t])
    out.pair_wealth, out.market_wealth, out.active_deepest = book, market, deepest - 1


@njit(
    types.void(
        *(_MATRIX, _MATRIX, _MATRIX, _INTS, types.Array(int64, 2, "C", readonly=True)),
        *(types.Array(float64, 1, "C", readonly=True), from_dtype(_RECORD)[::1]),
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _read(
    returns: Floats, benchmarks: Floats, risk_free: Floats, months: Ints, spans: Ints, targets: Floats, found: Any
) -> None:
    """Fill ``found``, row by row."""
    longest = len(months)
    x, f, b, wealth, peaks, depth, picked = (
        np.empty(longest + 1),
        np.empty(longest + 1),
        np.empty(longest + 1),
        np.empty(longest + 1),
        np.empty(longest + 1),
        np.empty(longest + 1),
        np.empty(longest + 1),
    )
    month = np.empty(longest + 1, np.int64)
    for row in range(len(spans)):
        book, market, currency, first, stop, part, parts = spans[row]
        out = found[row]
        series, free = returns[book, first:stop], risk_free[currency, first:stop]
        n = _together(series, free, months[first:stop], x, f, month)
        out.observations, out.pairs = n, 0
        if n == 0:
            continue
        _sums(x, f, n, targets[row], out)
        _path(x, month, n, wealth, peaks, out)
        _depths(wealth, peaks, n, depth, out)
        _falls(depth, n, out)
        k = (n * part + parts - 1) // parts
        deviation = np.sqrt(out.second / n)
        out.tail, out.tail_mean = _tail(x, n, 1.0, out.mean, deviation, k, picked)
        out.upper, out.upper_mean = _tail(x, n, -1.0, out.mean, deviation, k, picked)
        middle = out.depths / n
        deviation = np.sqrt(max(out.depth_squares / n - middle * middle, 0.0))
        out.depth_tail, out.depth_tail_mean = _tail(depth, n, 1.0, middle, deviation, k, picked)
        if market < 0:
            continue
        n = _pairs(series, benchmarks[market, first:stop], free, x, b, f)
        out.pairs = n
        if n == 0:
            continue
        _beside(x, b, f, n, out)
        _differences(x, b, n, depth, out)
        _links(x, b, depth, n, wealth, peaks, out)
