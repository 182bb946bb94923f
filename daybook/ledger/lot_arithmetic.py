"""Exact arithmetic of lots in machine code: products and quotients of 64-bit integers through 128 bits.

Belongs here: arithmetic alone. Does not belong here: what the numbers mean, and decimals (``exact``). This module
imports numba, which costs a quarter of a second: import it where it is called.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

import numpy as np
from numba import boolean, float64, int64, njit, types, uint64
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_HIGHEST = 2**63 - 1
# Below these, the float guess of a quotient is wrong by less than 2, and the remainder fits into 64 bits.
_NEAR = 2.0**50
_SMALL = 2**60


@njit(types.UniTuple(uint64, 2)(int64, int64), cache=True)
def _product(a: int, b: int) -> tuple[int, int]:
    """High and low half of the magnitude of a x b."""
    x = uint64(a) if a >= 0 else uint64(0) - uint64(a)
    y = uint64(b) if b >= 0 else uint64(0) - uint64(b)
    low32, shift = uint64(0xFFFFFFFF), uint64(32)
    x_low, x_high, y_low, y_high = x & low32, x >> shift, y & low32, y >> shift
    lowest = x_low * y_low
    middle = x_high * y_low + (lowest >> shift)
    carry = x_low * y_high + (middle & low32)
    low = (carry << shift) | (lowest & low32)
    return x_high * y_high + (middle >> shift) + (carry >> shift), low


@njit(int64(int64, int64, int64, int64), cache=True)
def compared(a: int, b: int, c: int, d: int) -> int:
    """Sign of a x b - c x d, both products of numbers of one sign (or 0), so neither is negative."""
    high, low = _product(a, b)
    other_high, other_low = _product(c, d)
    if high != other_high:
        return 1 if high > other_high else -1
    if low != other_low:
        return 1 if low > other_low else -1
    return 0


@njit(types.Tuple((int64, boolean))(int64, int64, int64), cache=True)
def _muldiv_long(a: int, b: int, c: int) -> tuple[int, bool]:
    """``muldiv_half_even`` by long division of the 128-bit product, bit by bit."""
    negative = (a < 0) != (b < 0)
    divisor = uint64(c)
    rest, low = _product(a, b)
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
def share(whole: int, part: int, of: int, fraction: float) -> tuple[int, bool]:
    """``whole`` x ``part`` / ``of``, 0 < part < of, ``fraction`` = part / of: one division serves two amounts."""
    guess = float(whole) * fraction
    if abs(guess) < _NEAR and of < _SMALL:
        return _settled(int64(np.rint(guess)), whole, part, of), True
    return _muldiv_long(whole, part, of)


@njit(boolean(int64, int64), cache=True)
def sum_fits(a: int, b: int) -> bool:
    """Whether a + b fits into 64 bits."""
    if b >= 0:
        return a <= _HIGHEST - b
    return a >= -_HIGHEST - b


@njit(int64[::1](int64[::1], int64[::1], int64[::1]), cache=True)
def proportions(whole: Ints, part: Ints, of: Ints) -> Ints:
    """``whole`` x ``part`` / ``of`` of each, rounded half to even; 0 where ``of`` is 0 or it does not fit."""
    found = np.zeros(len(whole), np.int64)
    for at in range(len(whole)):
        if of[at] != 0:
            sign = 1 if of[at] > 0 else -1
            found[at] = muldiv_half_even(whole[at], sign * part[at], sign * of[at])[0]
    return found
