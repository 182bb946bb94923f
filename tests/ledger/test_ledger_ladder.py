import pandas as pd
from ledger_facts import book, days, dividend, listed, post, security, trade, transaction

from daybook.ledger import ladder


def steps(made, first, last=None):
    frame = ladder.ladder(made, days(first, last))
    text = frame.assign(
        business_date=frame["business_date"].dt.strftime("%m-%d"), settle_date=frame["settle_date"].dt.strftime("%m-%d")
    )
    return listed(text, "business_date", "currency", "settle_date", "inflows", "outflows", "balance")


def test_money_comes_on_its_settlement_date_and_the_balance_is_the_settled_one():
    made = post(
        transaction("d", "deposit", "2020-01-06", quantity=1000),
        trade("b", "buy", "2020-01-06", 50, 10),
        trade("b2", "buy", "2020-01-07", 100, 10),
        trade("s", "sell", "2020-01-07", 10, 12, fees=1),
    )
    assert steps(made, "2020-01-06", "2020-01-09") == [
        ("01-06", "USD", "01-08", 0.0, -500.0, 500.0),
        ("01-07", "USD", "01-08", 0.0, -500.0, 500.0),
        ("01-07", "USD", "01-09", 119.0, -1000.0, -381.0),
        ("01-08", "USD", "01-09", 119.0, -1000.0, -381.0),
    ]


def test_a_dividend_stands_on_its_pay_date_from_ex_date_on_in_its_currency():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10, settle_date="2020-01-06"),
        actions=[dividend("v", "2020-01-08", 0.5, pay_date="2020-01-11", withholding_rate=0.15, currency="EUR")],
    )
    # Saturday 2020-01-11 is booked on Monday.
    assert steps(made, "2020-01-07", "2020-01-13") == [
        ("01-08", "EUR", "01-13", 42.5, 0.0, 42.5),
        ("01-09", "EUR", "01-13", 42.5, 0.0, 42.5),
        ("01-10", "EUR", "01-13", 42.5, 0.0, 42.5),
    ]


def test_both_sides_of_an_fx_trade():
    made = post(transaction("x", "fx", "2020-01-06", instrument="CASH:EUR", quantity=100, price=1.2,
                            settle_date="2020-01-08"))  # fmt: skip
    assert steps(made, "2020-01-06", "2020-01-07")[:2] == [
        ("01-06", "EUR", "01-08", 100.0, 0.0, 100.0), ("01-06", "USD", "01-08", 0.0, -120.0, -120.0),
    ]  # fmt: skip


def test_settlement_on_a_day_that_is_no_session_of_the_book():
    made = post(
        trade("b", "buy", "2020-01-16", 1, 10, settle_date="2020-01-20"),
        transaction("d", "deposit", "2020-01-16", quantity=4),
    )
    # Monday 2020-01-20 was a holiday in New York: on Tuesday it is settled.
    assert steps(made, "2020-01-17", "2020-01-21") == [("01-17", "USD", "01-20", 0.0, -10.0, -6.0)]


def test_a_failed_book_has_no_ladder_and_the_others_have():
    made = post(
        trade("b", "buy", "2020-01-06", 1, 10),
        trade("o", "buy", "2020-01-06", 2, 10, book="OTHER"),
        trade("x", "sell", "2020-01-07", 5, 10),
        books=[book(shorts=False), book("OTHER")],
    )
    frame = ladder.ladder(made, days("2020-01-06", "2020-01-07"))
    assert listed(frame, "book", "outflows") == [("FUND", -10.0), ("OTHER", -20.0), ("OTHER", -20.0)]


def test_one_session_alone_is_its_part_of_the_range():
    made = post(
        trade("b", "buy", "2020-01-06", 3, 10),
        trade("s", "sell", "2020-01-08", 1, 11),
        actions=[dividend("v", "2020-01-08", 0.1, pay_date="2020-01-20")],
        instruments=[security()],
    )
    sessions = days("2020-01-06", "2020-01-22")
    apart = [ladder.ladder(made, sessions[at : at + 1]) for at in range(len(sessions))]
    pd.testing.assert_frame_equal(
        pd.concat([frame for frame in apart if len(frame)], ignore_index=True), ladder.ladder(made, sessions)
    )
