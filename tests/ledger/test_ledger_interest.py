import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_facts import balances, book, days, facts, listed, only, post, security, trade, transaction

from daybook.ledger import cash, interest, journal, margin


def paid(**terms):
    return {"currency": "USD", "valid_from": "2019-01-01", "credit_rate": 0.1, "debit_rate": 0.2, **terms}


def earned(made, first, last=None, *rates):
    frame = interest.earned(made, facts("cash_rates", *(rates or [paid()])), days(first, last))
    return frame.assign(accrued=frame["accrued"] / 1e6, income=frame["income"] / 1e6)


def rows(made, first, last=None, *rates):
    return listed(earned(made, first, last, *rates), "accrued", "income")


def income(made, first, last=None, *rates):
    sessions = days(first, last)
    found = interest.earned(made, facts("cash_rates", *(rates or [paid()])), sessions)
    beside = cash.beside(margin.marks(made, facts("prices"), sessions), found)
    day = journal.activity(made, sessions, beside)
    return day[day["instrument"] == "CASH:USD"].groupby("business_date")["income"].sum().round(6).to_dict()


DEPOSIT = transaction("d", "deposit", "2020-01-06", quantity=3600)


def test_each_night_earns_a_day_and_the_weekend_three():
    assert rows(post(DEPOSIT), "2020-01-06", "2020-01-13") == [
        (1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0), (7.0, 3.0),
    ]  # fmt: skip


def test_interest_accrues_in_the_cash_row_and_is_not_in_the_balance():
    row = only(balances(post(DEPOSIT), days("2020-01-08"), rates=facts("cash_rates", paid())))
    assert (row.settled, row.accrued, row.balance) == (3600.0, 2.0, 3600.0)


def test_an_overdraft_costs_the_debit_rate():
    assert rows(post(transaction("w", "withdrawal", "2020-01-06", quantity=3600)), "2020-01-07") == [(-2.0, -2.0)]


def test_what_is_traded_and_not_settled_earns_nothing():
    made = post(DEPOSIT, trade("b", "buy", "2020-01-06", 18, 100))
    # Settled on 2020-01-08: 3600 for two nights, then 1800.
    assert rows(made, "2020-01-07", "2020-01-10") == [(1.0, 1.0), (2.0, 1.0), (2.5, 0.5), (3.0, 0.5)]


def test_a_settlement_on_a_day_that_is_no_session_counts_from_that_day():
    made = post(DEPOSIT, trade("b", "buy", "2020-01-08", 18, 100, settle_date="2020-01-11"))
    # Five nights of 3600 until Saturday, two of 1800.
    assert rows(made, "2020-01-13") == [(6.0, 2.0)]


def test_a_payment_pays_all_that_has_accrued_and_the_rest_is_income_of_the_day():
    made = post(DEPOSIT, transaction("i", "interest", "2020-01-13", quantity=7.5))
    assert rows(made, "2020-01-13", "2020-01-14") == [(0.0, -4.0), (1.002083, 1.002083)]
    # Three days of the weekend, and half a dollar more than had accrued.
    assert income(made, "2020-01-13", "2020-01-14") == {
        pd.Timestamp("2020-01-13"): 3.5, pd.Timestamp("2020-01-14"): 1.002083,
    }  # fmt: skip


def test_a_payment_on_a_saturday_is_booked_on_monday():
    made = post(DEPOSIT, transaction("i", "interest", "2020-01-11", quantity=7))
    assert rows(made, "2020-01-10", "2020-01-13") == [(4.0, 1.0), (0.0, -4.0)]
    assert income(made, "2020-01-13") == {pd.Timestamp("2020-01-13"): 3.0}


def test_a_coupon_pays_no_interest_on_cash():
    made = post(
        DEPOSIT,
        transaction("c", "interest", "2020-01-08", quantity=50, instrument="ACME"),
    )
    assert rows(made, "2020-01-08") == [(2.0, 1.0)]
    assert income(made, "2020-01-08") == {pd.Timestamp("2020-01-08"): 51.0}


def test_without_a_rate_nothing_changes():
    made = post(DEPOSIT, transaction("i", "interest", "2020-01-08", quantity=5))
    assert earned(made, "2020-01-06", "2020-01-10", paid(currency="EUR")).empty
    assert income(made, "2020-01-08", None, paid(currency="EUR")) == {pd.Timestamp("2020-01-08"): 5.0}


def test_the_books_own_rate_comes_first_while_it_is_in_force():
    own = paid(book="FUND", credit_rate=0.3, valid_from="2020-01-08", valid_to="2020-01-08")
    assert rows(post(DEPOSIT), "2020-01-07", "2020-01-10", paid(), own) == [
        (1.0, 1.0), (2.0, 1.0), (5.0, 3.0), (6.0, 1.0),
    ]  # fmt: skip


def test_a_rate_ends_and_another_begins():
    ended = paid(valid_to="2020-01-07")
    later = paid(credit_rate=-0.1, valid_from="2020-01-09")
    assert rows(post(DEPOSIT), "2020-01-07", "2020-01-10", ended, later) == [
        (1.0, 1.0), (2.0, 1.0), (2.0, 0.0), (1.0, -1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "start", "end", "accrued"),
    [
        ("actual/360", "2020-02-28", "2020-03-02", 3.0),
        ("30/360", "2020-02-28", "2020-03-02", 4.0),
        ("30/360", "2020-01-30", "2020-02-03", 3.0),
        ("actual/365", "2020-02-28", "2020-03-02", 3 * 0.986301),
        ("actual/actual", "2019-12-31", "2020-01-02", 0.986301 + 0.983607),
        ("", "2020-02-28", "2020-03-02", 3.0),
    ],
)
def test_day_counts(count, start, end, accrued):
    made = post(transaction("d", "deposit", start, quantity=3600))
    assert earned(made, end, None, paid(day_count=count))["accrued"].tolist() == [pytest.approx(accrued, abs=1e-9)]


def test_a_day_count_that_nobody_knows_is_a_reason_and_no_number():
    row = only(earned(post(DEPOSIT), "2020-01-07", None, paid(day_count="actual/7")))
    assert (row.accrued, row.income) == (0.0, 0.0)
    assert row.reason == "the day count of the rate on cash in USD is not known"


def test_interest_beyond_64_bits_is_a_reason_and_no_number():
    made = post(transaction("d", "deposit", "2020-01-06", quantity=9 * 10**12))
    row = only(earned(made, "2020-01-07", None, paid(credit_rate=900.0)))
    assert (row.accrued, row.reason) == (0.0, "the interest on cash in USD does not fit into 64 bits")


def test_each_book_and_currency_for_itself_and_none_after_a_failure():
    made = post(
        DEPOSIT,
        transaction("e", "deposit", "2020-01-06", quantity=7200, currency="EUR"),
        transaction("o", "deposit", "2020-01-07", quantity=360, book="OTHER"),
        trade("x", "sell", "2020-01-09", 1, 10, book="OTHER"),
        books=[book(), book("OTHER", shorts=False)],
    )
    frame = earned(made, "2020-01-08", "2020-01-09", paid(), paid(currency="EUR", book="FUND"))
    assert listed(frame, "book", "currency", "accrued") == [
        ("FUND", "EUR", 4.0), ("FUND", "EUR", 6.0), ("FUND", "USD", 2.0), ("FUND", "USD", 3.0), ("OTHER", "USD", 0.1),
    ]  # fmt: skip


MONEY = st.integers(-(10**6), 10**6)
MOVES = st.lists(st.tuples(st.integers(0, 14), MONEY, st.booleans()), min_size=1, max_size=6)


@settings(max_examples=6)
@given(MOVES, st.sampled_from(["actual/360", "actual/actual", "30/360"]))
def test_one_session_is_its_row_of_the_range_and_all_income_is_what_was_paid_and_accrued(moves, count):
    sessions = days("2019-12-20", "2020-01-15")
    made = post(
        *(
            transaction(f"t{n}", "interest" if pays else "deposit", sessions[at].strftime("%Y-%m-%d"), quantity=amount)
            for n, (at, amount, pays) in enumerate(moves)
        ),
        instruments=[security()],
    )
    rates = facts("cash_rates", paid(day_count=count), paid(valid_from="2020-01-01", credit_rate=0.2))
    whole = interest.earned(made, rates, sessions)
    apart = [interest.earned(made, rates, sessions[at : at + 1]) for at in range(len(sessions))]
    alone = pd.concat([frame for frame in apart if len(frame)] or apart[:1], ignore_index=True)
    pd.testing.assert_frame_equal(alone, whole.sort_values("business_date", kind="stable", ignore_index=True))
    # What is accrued in the end is all that was ever said to be income beyond the transactions.
    last = whole.loc[whole["business_date"] == sessions[-1], "accrued"].sum()
    assert whole["income"].sum() == last
