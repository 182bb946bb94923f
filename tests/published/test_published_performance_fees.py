"""Fees of hedge funds as textbooks work them out, by the conventions that Daybook declares.

Sources: CFA Institute, CFA Program Curriculum, Level I, "Hedge Funds", example on AWJ Capital, questions 2 and 3 (a 2%
management fee on year-end assets, a 20% incentive fee net of it, a hard hurdle of 5%, and the investor's net return),
as printed in the practice set scribd.com/document/720198578; "United Capital", a Level I question with a hurdle of 8%,
as printed with its solution (8.64 million) at m.gaodun.com/cfa/972542.html; Central Bank of Ireland, "UCITS
Performance Fees", paragraphs 3 and 5 (a fee is due only above the highest NAV per share on which one was paid, and at
first above the initial offer price).

A year is one step here: 365 days from the launch to a session that ends the year, the fee rates being yearly.
"""

import pytest

from tests.ledger.classes_by_hand import dealt, derive, terms, worth

LAUNCH, YEARS = "2018-12-31", ["2019-12-31", "2021-12-31", "2022-12-30", "2024-12-31"]


def year(capital: float, value: float, **fees: float) -> tuple[float, float]:
    """Fees of the first year and the investor's return, in a fund launched with ``capital`` that ends at ``value``."""
    gross = worth((LAUNCH, capital), (YEARS[0], value))
    classes = terms({"valid_from": LAUNCH, "management_fee": 0.02, "performance_fee": 0.2} | fees)
    found = derive(gross, dealt((LAUNCH, "A", "subscription", capital)), classes)
    owed = -found["fee_accruals"]["fee_payable"].iloc[-2:].sum()
    net = found["share_class_nav"]["nav"].iloc[-1] / capital - 1
    return float(owed), float(net)


def test_incentive_fee_net_of_the_management_fee():
    assert year(100e6, 130e6) == (pytest.approx(8.08e6), pytest.approx(0.2192))


def test_incentive_fee_above_a_hard_hurdle():
    assert year(100e6, 130e6, hurdle_rate=0.05) == (pytest.approx(7.08e6), pytest.approx(0.2292))


def test_united_capital():
    assert year(250e6, 290e6, hurdle_rate=0.08)[0] == pytest.approx(8.64e6)


def test_a_fee_is_due_only_above_the_highest_nav_on_which_one_was_paid():
    """100 at first; 90 pays nothing; 110 pays 20% of 10, the water mark is 108; 108.5 gross, 106.5 net, pays nothing;
    115 gross is 113 net of the 2 that are owed, 5 above the mark, and pays 1."""
    values = (100.0, 90.0, 110.0, 108.5, 115.0)
    gross = worth(*zip([LAUNCH, *YEARS], values, strict=True))
    found = derive(
        gross, dealt((LAUNCH, "A", "subscription", 100.0)), terms({"valid_from": LAUNCH, "performance_fee": 0.2})
    )
    assert found["fee_accruals"]["fee_payable"].tolist() == [0.0, 0.0, -2.0, -2.0, -3.0]
    assert found["share_class_nav"]["high_water_mark"].tolist() == [100.0, 100.0, 108.0, 108.0, 112.0]
