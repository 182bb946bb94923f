from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daybook.ledger import exact
from daybook.ledger.lot_arithmetic import muldiv_half_even

HIGHEST = 2**63 - 1
signed = st.integers(-HIGHEST, HIGHEST) | st.integers(-(10**12), 10**12)
positive = st.integers(1, HIGHEST) | st.integers(1, 10**12)


def half_even(numerator, denominator):
    whole = round(Fraction(numerator, denominator))
    return (whole, True) if abs(whole) <= HIGHEST else (0, False)


@settings(max_examples=2000)
@given(a=signed, b=signed, c=positive)
@example(HIGHEST, HIGHEST, HIGHEST)
@example(-HIGHEST, HIGHEST, HIGHEST)
@example(HIGHEST, HIGHEST, 1)
@example(HIGHEST, 2, 1)
@example(HIGHEST, -1, 1)
@example(2**62, 2, 1)
@example(2**62 - 1, 2, 1)
@example(1, 1, 2)
@example(3, 1, 2)
@example(-1, 1, 2)
@example(-3, 1, 2)
@example(HIGHEST, 1, 2)
@example(HIGHEST, HIGHEST - 1, HIGHEST)
@example(1, 1, HIGHEST)
@example(2**50, 2**50 + 1, 2**50)
def test_product_and_quotient_agree_with_unbounded_integers(a, b, c):
    assert muldiv_half_even(a, b, c) == half_even(a * b, c)


@pytest.mark.parametrize("divisor", [0, -1])
def test_a_divisor_that_is_not_positive_is_refused(divisor):
    assert muldiv_half_even(6, 2, divisor) == (0, False)


def test_decimals_are_rounded_half_to_even_once():
    values = [
        Decimal("0.0000005"),
        Decimal("0.0000015"),
        Decimal("-0.0000025"),
        Decimal("0.00000150000000000000001"),
        None,
    ]
    integers, good = exact.scaled(np.array(values, object), exact.MONEY)
    assert integers.tolist() == [0, 2, -2, 2, 0]
    assert good.all()


def test_what_does_not_fit_is_bad_and_not_wrapped():
    edge = [
        Decimal(HIGHEST).scaleb(-6),
        Decimal(HIGHEST + 1).scaleb(-6),
        Decimal("1E+400"),
        Decimal("NaN"),
        Decimal("Infinity"),
    ]
    integers, good = exact.scaled(np.array(edge, object), exact.MONEY)
    assert good.tolist() == [True, False, False, False, False]
    assert integers.tolist() == [HIGHEST, 0, 0, 0, 0]


def test_a_product_keeps_every_digit_until_it_is_rounded():
    # 0.1 x 0.00001499999...9 (60 digits) is just below the tie that a product of 28 digits would round it up to.
    price = Decimal("0.000014" + "9" * 60)
    assert exact.products(exact.MONEY, np.array([Decimal("0.1")], object), np.array([price], object))[0].tolist() == [1]


def test_an_added_amount_takes_part_in_the_one_rounding():
    # 0.0000005 alone would round to 0, with 0.000001 added it is 0.0000015, which rounds to the even 0.000002.
    total, good = exact.products(
        exact.MONEY, np.array([Decimal("0.5")], object), np.array([Decimal("0.000001")], object),
        plus=np.array([Decimal("0.000001")], object),
    )  # fmt: skip
    assert total.tolist() == [2]
    assert good.all()


def test_a_missing_factor_makes_a_product_bad():
    integers, good = exact.products(0, np.array([2, 3], object), np.array([None, Decimal(4)], object))
    assert (integers.tolist(), good.tolist()) == ([0, 12], [False, True])


def test_ratios_are_those_of_the_shortest_decimals():
    assert exact.ratio(1.1, 1.0) == Fraction(11, 10)
    assert exact.ratio(0.1, 0.3) == Fraction(1, 3)
