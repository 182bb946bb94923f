import pandas as pd
import pytest
from ledger_facts import balances, book, days, facts, listed, only, post, security, trade, transaction

from daybook.ledger import cash, interest, journal, margin

FUTURE = security("FUT", asset_class="future", multiplier=50.0)


def priced(*closes, instrument="FUT", currency="USD"):
    return facts(
        "prices",
        *(
            {"business_date": date, "instrument": instrument, "close": close, "currency": currency, "status": "ok"}
            for date, close in closes
        ),
    )


PRICES = priced(("2020-01-06", 100.5), ("2020-01-07", 103.0), ("2020-01-08", 99.0), ("2020-01-09", 99.0))
BUY = trade("b", "buy", "2020-01-06", 2, 100, instrument="FUT", fees=3)


def futures(*rows, **terms):
    return post(*rows, instruments=[FUTURE, security()], **terms)


def gained(made, first, last=None, prices=PRICES):
    frame = margin.marks(made, prices, days(first, last))
    return listed(frame.assign(value=frame["value"] / 1e6, variation=frame["variation"] / 1e6), "value", "variation")


def money(made, first, last=None, prices=PRICES):
    return listed(balances(made, days(first, last), prices), "settled", "accrued", "balance")


def test_a_future_moves_no_cash_but_charges_and_its_gain_is_accrued():
    made = futures(BUY)
    # 2 x 50 x (100.5 - 100), then 2.5 more a point, then 4 less.
    assert gained(made, "2020-01-06", "2020-01-08") == [(10050.0, 50.0), (10300.0, 250.0), (9900.0, -400.0)]
    assert money(made, "2020-01-06", "2020-01-08") == [
        (0.0, 50.0, -3.0), (0.0, 300.0, -3.0), (-3.0, -100.0, -3.0),
    ]  # fmt: skip


def test_margin_received_turns_what_is_accrued_into_cash_and_is_no_gain():
    made = futures(
        BUY, transaction("v", "variation_margin", "2020-01-07", quantity=300, instrument="FUT", settle_date=None)
    )
    assert money(made, "2020-01-07", "2020-01-08") == [(300.0, 0.0, 297.0), (297.0, -400.0, 297.0)]
    assert [row[1] for row in gained(made, "2020-01-06", "2020-01-08")] == [50.0, 250.0, -400.0]
    activity = journal.activity(made, days("2020-01-07"))
    assert activity[["income", "consideration", "external", "fees"]].abs().to_numpy().sum() == 0


def test_a_short_gains_when_the_price_falls():
    made = futures(trade("s", "sell", "2020-01-07", 1, 102, instrument="FUT"))
    assert gained(made, "2020-01-07", "2020-01-08") == [(-5150.0, -50.0), (-4950.0, 200.0)]
    assert [row[1] for row in money(made, "2020-01-07", "2020-01-08")] == [-50.0, 150.0]


def test_a_closed_future_keeps_its_gain_accrued_until_it_is_paid():
    made = futures(
        BUY,
        trade("s", "sell", "2020-01-07", 2, 101, instrument="FUT"),
        transaction("v", "variation_margin", "2020-01-09", quantity=100),
    )
    assert gained(made, "2020-01-06", "2020-01-09") == [(10050.0, 50.0), (0.0, 50.0)]
    assert [row[1] for row in money(made, "2020-01-07", "2020-01-09")] == [100.0, 100.0, 0.0]


def test_bought_and_sold_within_the_day():
    made = futures(
        trade("b", "buy", "2020-01-07", 3, 100, instrument="FUT"),
        trade("s", "sell", "2020-01-07", 3, 101, instrument="FUT"),
    )
    assert gained(made, "2020-01-06", "2020-01-08") == [(0.0, 150.0)]


def test_added_to_and_reversed_through_zero():
    made = futures(BUY, trade("s", "sell", "2020-01-07", 5, 101, instrument="FUT"))
    # Q0 (P1 - P0) + q (P1 - p) = 2 x 50 x 2.5 - 5 x 50 x 2.
    assert gained(made, "2020-01-07", "2020-01-08") == [(-15450.0, -250.0), (-14850.0, 600.0)]


def test_one_session_alone_is_its_row_of_the_range():
    made = futures(
        BUY,
        trade("s", "sell", "2020-01-08", 1, 101, instrument="FUT"),
        transaction("v", "variation_margin", "2020-01-07", quantity=120),
    )
    sessions = days("2020-01-06", "2020-01-09")
    whole = margin.marks(made, PRICES, sessions)
    apart = []
    for at in range(len(sessions)):
        known = PRICES[PRICES["business_date"].isin(sessions[max(at - 1, 0) : at + 1])]
        apart.append(margin.marks(made, known, sessions[at : at + 1]))
    order = ["business_date", "book", "instrument"]
    pd.testing.assert_frame_equal(
        pd.concat(apart, ignore_index=True), whole.sort_values(order, kind="stable", ignore_index=True)
    )


def test_variation_goes_into_the_futures_row_of_the_days_activity():
    sessions = days("2020-01-07")
    made = futures(BUY)
    none = interest.earned(made, facts("cash_rates"), sessions)
    row = only(journal.activity(made, sessions, cash.beside(margin.marks(made, PRICES, sessions), none)))
    assert (row.instrument, row.currency, row.variation, row.income) == ("FUT", "USD", 250.0, 0.0)


def test_what_is_accrued_adds_up_to_the_cash_table():
    made = futures(BUY, transaction("d", "deposit", "2020-01-06", quantity=3600))
    sessions = days("2020-01-06", "2020-01-09")
    rates = facts("cash_rates", {"currency": "USD", "valid_from": "2019-01-01", "credit_rate": 0.1, "debit_rate": 0.1})
    marks, earned = margin.marks(made, PRICES, sessions), interest.earned(made, rates, sessions)
    accrued = cash.accrued(made, marks, earned, sessions)
    parts = cash.accruals(accrued)
    assert set(parts["accrual_kind"]) == {"interest", "variation_margin"}
    total = parts.groupby("business_date")["amount"].sum().round(6)
    assert total.tolist() == cash.cash(made, accrued, sessions)["accrued"].tolist()
    assert total.iloc[1] == 301.0


def test_a_future_without_a_price_has_gained_nothing_yet():
    made = futures(BUY)
    assert gained(made, "2020-01-06", None, priced()) == [(10000.0, 0.0)]


def test_a_price_in_another_currency_is_a_reason_and_no_number():
    row = only(margin.marks(futures(BUY), priced(("2020-01-06", 100.5), currency="EUR"), days("2020-01-06")))
    assert (row.value, row.variation, row.reason) == (0, 0, "FUT: it is quoted in EUR and traded in USD")


def test_a_value_beyond_64_bits_is_a_reason_and_no_number():
    row = only(margin.marks(futures(BUY), priced(("2020-01-06", 1e12)), days("2020-01-06")))
    assert (row.value, row.reason) == (0, "FUT: its value does not fit into 64 bits")


def test_the_session_before_is_that_of_the_books_calendar():
    # London closed on 2020-05-08, New York was open.
    made = futures(
        trade("b", "buy", "2020-05-07", 1, 100, instrument="FUT", book="LON"),
        books=[book("LON", calendar="XLON")],
    )
    prices = priced(("2020-05-07", 100.0), ("2020-05-08", 110.0), ("2020-05-11", 120.0))
    assert gained(made, "2020-05-07", "2020-05-11", prices) == [(5000.0, 0.0), (6000.0, 1000.0)]


def test_a_failed_book_has_no_marks():
    made = futures(BUY, trade("x", "sell", "2020-01-07", 1, 10), books=[book(shorts=False)])
    assert gained(made, "2020-01-06", "2020-01-08") == [(10050.0, 50.0)]


@pytest.mark.parametrize("quantity", ["0.1", "0.3", "1.00000001"])
def test_values_are_exact_decimals(quantity):
    made = futures(trade("b", "buy", "2020-01-06", quantity, "100.5", instrument="FUT"))
    assert gained(made, "2020-01-06")[0][1] == 0.0
