"""Exact numbers of the ledger: decimals and ratios in, scaled 64-bit integers out, rounded once, half to even.

Belongs here: the scales, exact products of decimals, and the way back to floats at the border. Does not belong here:
what the numbers mean, and the arithmetic of lots (``lot_arithmetic``).
"""

from collections.abc import Callable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Objects = NDArray[np.object_]

MONEY = 6
"""Decimal places of money."""
QUANTITY = 8
"""Decimal places of quantities."""
LIMIT = 2**63 - 1
"""Largest magnitude of a scaled number; beyond it is an overflow, which is an error and never a wrap."""

# Products of this context have every digit. Only sums could grow without bound, by an exponent far from the others.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_DEEPEST = -2000
_ONE = Decimal(1)


def decimal(value: float) -> Decimal:
    """The shortest decimal that reads back as ``value``: what a person wrote before it became a float."""
    return Decimal(repr(float(value)))


def ratio(numerator: float, denominator: float) -> Fraction:
    """``numerator`` for ``denominator`` as an exact ratio of their shortest decimals."""
    return Fraction(decimal(numerator)) / Fraction(decimal(denominator))


def scaled(values: Any, places: int) -> tuple[Ints, Flags]:
    """Each Decimal times 10^``places``, rounded half to even.

    Args:
        values: Decimals; None counts as 0.
        places: decimal places kept.

    Returns:
        The integers and whether each is good; 0 where the number is not finite or does not fit into 64 bits.
    """
    return _integers(_apply(lambda x: 0 if _absent(x) else _rounded(x, places), values))


def products(places: int, *factors: Any, plus: Any = None) -> tuple[Ints, Flags]:
    """The product of ``factors``, plus ``plus``, times 10^``places``, computed exactly and rounded once, half to even.

    Args:
        places: decimal places kept; negative when the factors hold scaled integers.
        *factors: arrays of Decimals or integers, of one length. A product with a missing factor is bad.
        plus: Decimals or integers added to the product before it is rounded.

    Returns:
        The integers and whether each is good; 0 where it is not.
    """
    added = np.zeros(len(factors[0]), object) if plus is None else plus
    return _integers(_apply(lambda *row: _product(places, row[-1], row[:-1]), *factors, added))


def quotients(by: Any, *factors: Any) -> Objects:
    """The product of ``factors`` divided by ``by``, exact and rounded once, half to even: Python integers of any size.

    Args:
        by: positive integers.
        *factors: arrays of integers of the same length.
    """
    product: Any = np.ones(len(factors[0]), object)
    for factor in factors:
        product = product * np.asarray(factor, object)
    divisor = np.asarray(by, object)
    whole = product // divisor
    twice = 2 * (product - whole * divisor)
    up = np.asarray(twice > divisor, bool) | (np.asarray(twice == divisor, bool) & np.asarray(whole % 2 == 1, bool))
    found: Objects = np.asarray(whole, object) + up.astype(np.int64).astype(object)
    return found


def fitting(values: Objects) -> tuple[Ints, Flags]:
    """Integers of any size as 64 bits, and whether each fits; 0 where it does not."""
    fits = np.abs(values.astype(np.float64)) < float(LIMIT)
    return np.where(fits, values, 0).astype(np.int64), fits


def _absent(value: Any) -> bool:
    # A missing number of an object column may have become a NaN on its way through pandas.
    return value is None or isinstance(value, float)


def _product(places: int, plus: Any, factors: tuple[Any, ...]) -> int | None:
    total = _ONE
    for factor in factors:
        if _absent(factor):
            return None
        total = _EXACT.multiply(total, Decimal(factor))
    added = Decimal(plus)
    if added and total:
        if not (_addable(total) and _addable(added)):
            return None
        total = _EXACT.add(total, added)
    elif added:
        total = added
    return _rounded(total, places)


def _addable(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent > _DEEPEST and value.adjusted() < -_DEEPEST


def _rounded(value: Decimal, places: int) -> int | None:
    if not value.is_finite() or value.adjusted() + places > 19:
        return None
    whole = int(value.scaleb(places, _EXACT).to_integral_value(ROUND_HALF_EVEN))
    return whole if abs(whole) <= LIMIT else None


def _apply(function: Callable[..., int | None], *arrays: Any) -> Objects:
    # frompyfunc takes functions of a fixed number of arguments; Decimals stay objects throughout.
    found: Objects = np.frompyfunc(function, len(arrays), 1)(*(np.asarray(array, object) for array in arrays))
    return found


def _integers(values: Objects) -> tuple[Ints, Flags]:
    bad = np.array([value is None for value in values], bool)
    return np.where(bad, 0, values).astype(np.int64), ~bad


def money(values: Ints) -> Floats:
    """Money as float, in units of its currency; the border where exactness ends."""
    return values / 10.0**MONEY + 0.0


def units(values: Ints) -> Floats:
    """Quantities as float."""
    return values / 10.0**QUANTITY + 0.0
