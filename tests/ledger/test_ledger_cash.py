import pandas as pd
import pytest
from ledger_facts import balances, book, days, dividend, listed, only, post, security, split, trade, transaction

from daybook.ledger import journal

MONEY = ("settled", "unsettled", "accrued", "balance")


def money(made, first, last=None):
    return listed(balances(made, days(first, last)), *MONEY)


def test_rows_begin_with_the_first_flow_and_stay_when_everything_is_zero():
    made = post(
        transaction("d", "deposit", "2020-01-07", quantity=100),
        transaction("w", "withdrawal", "2020-01-08", quantity=100),
    )
    assert money(made, "2020-01-06", "2020-01-09") == [(100.0, 0.0, 0.0, 100.0), (0.0,) * 4, (0.0,) * 4]


def test_a_dividend_is_accrued_net_from_ex_date_and_cash_on_pay_date_over_a_month_end():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10, settle_date="2020-01-06"),
        actions=[dividend("v", "2020-01-30", 0.5, pay_date="2020-02-04", withholding_rate=0.15)],
    )
    assert money(made, "2020-01-29", "2020-02-05") == [
        (-1000.0, 0.0, 0.0, -1000.0),
        (-1000.0, 0.0, 42.5, -1000.0),
        (-1000.0, 0.0, 42.5, -1000.0),
        (-1000.0, 0.0, 42.5, -1000.0),
        (-957.5, 0.0, 0.0, -957.5),
        (-957.5, 0.0, 0.0, -957.5),
    ]
    income = only(journal.activity(made, days("2020-01-07", "2020-02-05")))
    assert (income.business_date, income.instrument, income.income) == (pd.Timestamp("2020-01-30"), "ACME", 42.5)


def test_a_short_owes_the_gross_dividend():
    made = post(
        trade("s", "sell", "2020-01-06", 100, 10, settle_date="2020-01-06"),
        actions=[dividend("v", "2020-01-08", 0.5, pay_date="2020-01-09", withholding_rate=0.15)],
    )
    assert money(made, "2020-01-08", "2020-01-09") == [(1000.0, 0.0, -50.0, 1000.0), (950.0, 0.0, 0.0, 950.0)]


def test_the_position_of_the_session_before_ex_date_is_entitled():
    made = post(
        trade("b", "buy", "2020-01-07", 10, 10),
        trade("late", "buy", "2020-01-08", 90, 10),
        trade("out", "sell", "2020-01-08", 10, 10),
        actions=[dividend("v", "2020-01-08", 1.0)],
    )
    assert only(journal.activity(made, days("2020-01-08")), instrument="ACME").income == 10.0


def test_a_dividend_is_per_old_share_when_a_split_has_the_same_ex_date():
    made = post(
        trade("b", "buy", "2020-01-06", 10, 10),
        actions=[split("a", "2020-01-08", 4), dividend("v", "2020-01-08", 1.0)],
    )
    assert only(journal.activity(made, days("2020-01-08"))).income == 10.0


def test_a_trade_of_the_weekend_before_ex_date_comes_too_late():
    weekend = trade("b", "buy", "2020-01-11", 10, 10, settle_date="2020-01-13")
    made = post(weekend, actions=[dividend("v", "2020-01-13", 1.0)])
    assert only(journal.activity(made, days("2020-01-13"))).income == 0.0
    # and it is in old terms for a split of that Monday, counted in new ones
    split_day = only(journal.activity(post(weekend, actions=[split("x", "2020-01-13", 2)]), days("2020-01-13")))
    assert split_day.traded_quantity == 20.0


def test_a_dividend_without_pay_date_is_cash_at_once_and_on_a_holiday_the_next_session():
    made = post(trade("b", "buy", "2020-01-06", 10, 10), actions=[dividend("v", "2020-01-08", 1.0)])
    assert money(made, "2020-01-08") == [(-90.0, 0.0, 0.0, -90.0)]
    action = dividend("v", "2020-01-15", 1.0, pay_date="2020-01-20")
    made = post(trade("b", "buy", "2020-01-06", 10, 10), actions=[action])
    assert [row[2] for row in money(made, "2020-01-17", "2020-01-21")] == [10.0, 0.0]


def test_a_dividend_in_another_currency_is_cash_in_that_currency():
    made = post(trade("b", "buy", "2020-01-06", 10, 10), actions=[dividend("v", "2020-01-08", 1.0, currency="EUR")])
    assert only(balances(made, days("2020-01-08")), currency="EUR").balance == 10.0


ACTION = dividend("v", "2020-01-08", 1.0, pay_date="2020-01-10")


@pytest.mark.parametrize(
    ("terms", "income"),
    [
        ({"trade_date": "2020-01-10", "action_id": "v"}, 10.0),
        ({"trade_date": "2020-01-09", "action_id": "v"}, 10.0),
        ({"trade_date": "2020-01-08"}, 10.0),
        ({"trade_date": "2020-01-10"}, 10.0),
        ({"trade_date": "2020-01-09"}, 21.0),
        ({"trade_date": "2020-01-10", "instrument": "WIDGET"}, 21.0),
    ],
)
def test_a_dividend_transaction_confirms_an_action_and_never_adds_to_it(terms, income):
    row = transaction("t", "dividend", None, instrument="ACME", quantity=11) | terms
    made = post(
        trade("b", "buy", "2020-01-06", 10, 10), row, actions=[ACTION], instruments=[security(), security("WIDGET")]
    )
    assert journal.activity(made, days("2020-01-06", "2020-01-31"))["income"].sum() == income
    assert only(balances(made, days("2020-01-31"))).balance == income - 100.0


def test_a_dividend_transaction_of_a_book_without_entitlement_is_income():
    row = transaction("t", "dividend", "2020-01-10", instrument="ACME", quantity=11)
    assert only(balances(post(row, actions=[ACTION]), days("2020-01-10"))).balance == 11.0


def test_a_dividend_of_a_failed_book_is_not_cash_of_another():
    made = post(
        trade("b", "buy", "2020-01-06", 10, 10),
        trade("o", "buy", "2020-01-06", 20, 10, book="OTHER"),
        trade("x", "sell", "2020-01-07", 50, 10),
        actions=[ACTION],
        books=[book(shorts=False), book("OTHER")],
    )
    assert listed(balances(made, days("2020-01-10")), "book", "balance") == [("OTHER", -180.0)]


def test_a_balance_beyond_64_bits_fails_the_book():
    rows = [transaction(name, "deposit", "2020-01-07", quantity=5 * 10**12) for name in ("d1", "d2")]
    made = post(*rows, transaction("d", "deposit", "2020-01-06", quantity=1))
    failed = only(journal.failures(made))
    assert (failed.business_date, failed.reason) == (
        pd.Timestamp("2020-01-07"),
        "the cash balance in USD does not fit into 64 bits",
    )
    assert money(made, "2020-01-06", "2020-01-07") == [(1.0, 0.0, 0.0, 1.0)]


def test_a_large_balance_that_fits_is_exact():
    made = post(transaction("d", "deposit", "2020-01-07", quantity=9 * 10**12))
    assert money(made, "2020-01-07")[0][0] == 9e12
