import numpy as np
import pandas as pd
import pytest
from ledger_facts import book, days, listed, only, post, rate, security, split, trade

from daybook.ledger import journal, lots

REALISED = ("lot", "quantity", "proceeds", "cost", "gain")
LOT = ("lot", "quantity", "cost")


def realised(made, date):
    return listed(lots.realised(made, days(date)), *REALISED)


def open_lots(made, date):
    return listed(lots.lots(made, days(date)), *LOT)


def test_long_lots_are_closed_first_in_first_out():
    made = post(
        trade("b1", "buy", "2020-01-06", 100, 10, fees=1),
        trade("b2", "buy", "2020-01-07", 100, 12, fees=2),
        trade("s", "sell", "2020-01-08", 150, 15, fees=3),
    )
    # Proceeds 2250 - 3 = 2247, two thirds and one third; b1 cost 1001, half of b2 cost 601.
    assert realised(made, "2020-01-08") == [("b1", 100.0, 1498.0, 1001.0, 497.0), ("b2", 50.0, 749.0, 601.0, 148.0)]
    assert open_lots(made, "2020-01-07") == [("b1", 100.0, 1001.0), ("b2", 100.0, 1202.0)]
    assert open_lots(made, "2020-01-08") == [("b2", 50.0, 601.0)]
    lot = only(lots.lots(made, days("2020-01-08")))
    assert (lot.unit_cost, lot.opened_on, lot.pool) == (12.02, pd.Timestamp("2020-01-07"), "FUND")


def test_short_lots_have_negative_quantity_and_cost_and_gain_when_the_price_falls():
    made = post(
        trade("s", "sell", "2020-01-06", 100, 20, fees=10, taxes=5),
        trade("c", "buy", "2020-01-07", 40, 15, fees=2),
    )
    assert open_lots(made, "2020-01-06") == [("s", -100.0, -1985.0)]
    # Paid 602 with the fee; 40 of the 100 sold brought 794.
    assert realised(made, "2020-01-07") == [("s", 40.0, -602.0, -794.0, 192.0)]
    assert open_lots(made, "2020-01-07") == [("s", -60.0, -1191.0)]


def test_a_sale_across_zero_spreads_its_fees_over_both_sides():
    made = post(trade("b", "buy", "2020-01-06", 30, 10), trade("s", "sell", "2020-01-07", 100, 12, fees=8, taxes=2))
    # 1200 - 10 = 1190: 30 of 100 close the lot, 70 of 100 open a short.
    assert realised(made, "2020-01-07") == [("b", 30.0, 357.0, 300.0, 57.0)]
    assert open_lots(made, "2020-01-07") == [("s", -70.0, -833.0)]


def test_a_purchase_across_zero_spreads_its_fees_over_both_sides():
    made = post(trade("s", "sell", "2020-01-06", 30, 10), trade("b", "buy", "2020-01-07", 100, 8, fees=10))
    # 800 + 10 = 810: 243 cover the short, 567 are the cost of the new lot.
    assert realised(made, "2020-01-07") == [("s", 30.0, -243.0, -300.0, 57.0)]
    assert open_lots(made, "2020-01-07") == [("b", 70.0, 567.0)]


def test_the_last_part_takes_what_rounding_leaves():
    made = post(
        trade("b", "buy", "2020-01-06", 3, "0.333333", fees="0.000001"),
        trade("s1", "sell", "2020-01-07", 1, 1),
        trade("s2", "sell", "2020-01-08", 1, 1),
        trade("s3", "sell", "2020-01-09", 1, 1),
    )
    # A cost of exactly 1 in three parts.
    costs = lots.realised(made, days("2020-01-07", "2020-01-09"))["cost"].tolist()
    assert costs == [0.333333, 0.333334, 0.333333]


def test_a_split_between_purchase_and_sale():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 70),
        trade("s", "sell", "2020-01-08", 350, 11),
        actions=[split("x", "2020-01-08", 7)],
    )
    # Trades on ex_date are in new terms: 700 shares of cost 7000.
    assert realised(made, "2020-01-08") == [("b", 350.0, 3850.0, 3500.0, 350.0)]
    lot = only(lots.lots(made, days("2020-01-08")))
    assert (lot.lot, lot.quantity, lot.cost, lot.unit_cost) == ("b", 350.0, 3500.0, 10.0)
    assert lot.opened_on == pd.Timestamp("2020-01-06")


def test_a_reverse_split_leaves_fractions_in_each_lot():
    made = post(
        trade("b1", "buy", "2020-01-06", 10, 1),
        trade("b2", "buy", "2020-01-07", 5, 2),
        actions=[split("x", "2020-01-08", 1, 3)],
    )
    assert open_lots(made, "2020-01-08") == [("b1", 3.33333333, 10.0), ("b2", 1.66666667, 10.0)]


def test_the_ratio_of_a_split_is_exact():
    # 1.1 for 1 is 11 / 10, not the float that is a little more.
    made = post(trade("b", "buy", "2020-01-06", 90_000_000, 1), actions=[split("x", "2020-01-07", 1.1)])
    assert open_lots(made, "2020-01-07") == [("b", 99_000_000.0, 90_000_000.0)]


def test_a_short_lot_is_split_too():
    made = post(trade("s", "sell", "2020-01-06", 10, 6), actions=[split("x", "2020-01-07", 3, 2)])
    assert open_lots(made, "2020-01-07") == [("s", -15.0, -60.0)]


def test_a_cancelled_split_does_nothing():
    made = post(trade("b", "buy", "2020-01-06", 10, 6), actions=[split("x", "2020-01-07", 2, status="cancelled")])
    assert open_lots(made, "2020-01-07") == [("b", 10.0, 60.0)]


def test_a_lot_that_rounds_to_nothing_keeps_its_cost():
    made = post(trade("b", "buy", "2020-01-06", "0.00000001", 1000), actions=[split("x", "2020-01-07", 1, 4)])
    lot = only(lots.lots(made, days("2020-01-07")))
    assert (lot.quantity, lot.cost) == (0.0, 0.00001)
    assert np.isnan(lot.unit_cost)


def test_transfers_bring_their_cost_and_date_and_realise_nothing():
    made = post(
        trade("b", "buy", "2020-01-06", 10, 10),
        trade("in", "transfer_in", "2020-01-07", 20, cost=300, opened_on="2015-03-02"),
        trade("priced", "transfer_in", "2020-01-07", 5, 12),
        trade("out", "transfer_out", "2020-01-08", 15),
    )
    assert open_lots(made, "2020-01-07") == [("b", 10.0, 100.0), ("in", 20.0, 300.0), ("priced", 5.0, 60.0)]
    assert realised(made, "2020-01-08") == []
    # What was bought in 2015 goes first, though it came in last.
    assert open_lots(made, "2020-01-08") == [("b", 10.0, 100.0), ("in", 5.0, 75.0), ("priced", 5.0, 60.0)]
    dates = lots.lots(made, days("2020-01-08"))["opened_on"].tolist()
    assert dates == [pd.Timestamp("2020-01-06"), pd.Timestamp("2015-03-02"), pd.Timestamp("2020-01-07")]
    moved = journal.activity(made, days("2020-01-06", "2020-01-08"))
    assert listed(moved, "traded_quantity", "transferred_quantity") == [(10.0, 0.0), (0.0, 25.0), (0.0, -15.0)]


def test_gains_in_base_currency_are_divided_between_market_and_currency():
    made = post(
        trade("b", "buy", "2020-01-06", 10, 100, instrument="VOW", currency="EUR", fx_rate="1.1"),
        trade("s", "sell", "2020-01-07", 10, 120, instrument="VOW", currency="EUR"),
        instruments=[security("VOW", currency="EUR")],
        rates=[rate("2020-01-07", "EUR", "USD", 1.25)],
    )
    row = only(lots.realised(made, days("2020-01-07")))
    # 1500 - 1100 = 400; 200 x 1.25 = 250 of the market, 150 of the currency.
    assert (row.gain, row.gain_base, row.market_gain_base, row.currency_gain_base) == (200.0, 400.0, 250.0, 150.0)
    assert row.currency == "EUR"


def test_books_and_instruments_do_not_mix():
    made = post(
        trade("b", "buy", "2020-01-06", 10, 10),
        trade("o", "buy", "2020-01-06", 10, 10, book="OTHER"),
        trade("w", "buy", "2020-01-06", 10, 10, instrument="WIDGET"),
        trade("s", "sell", "2020-01-07", 5, 10, book="OTHER"),
        books=[book(), book("OTHER")],
        instruments=[security(), security("WIDGET")],
    )
    assert listed(lots.lots(made, days("2020-01-07")), "book", "instrument", "quantity") == [
        ("FUND", "ACME", 10.0), ("FUND", "WIDGET", 10.0), ("OTHER", "ACME", 5.0),
    ]  # fmt: skip


def test_one_sale_that_closes_lots_and_is_closed_in_turn():
    made = post(
        trade("b", "buy", "2020-01-06", 10, 10),
        trade("s", "sell", "2020-01-07", 20, 11),
        trade("c", "buy", "2020-01-08", 10, 9),
    )
    assert realised(made, "2020-01-08") == [("s", 10.0, -90.0, -110.0, 20.0)]
    assert open_lots(made, "2020-01-08") == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"kind": "merger"}, "it says neither what is received nor an amount"),
        ({"kind": "gift"}, "kind gift is not known"),
        ({"numerator": None}, "its ratio cannot be used"),
        ({"denominator": 0.0}, "its ratio cannot be used"),
        ({"kind": "cash_dividend"}, "its amount is missing"),
    ],
)
def test_an_action_that_cannot_be_posted_stops_the_books_that_hold_the_instrument(row, reason):
    made = post(
        trade("b", "buy", "2020-01-06", 10, 10),
        trade("o", "buy", "2020-01-06", 10, 10, book="SOLD"),
        trade("s", "sell", "2020-01-07", 10, 10, book="SOLD"),
        books=[book(), book("SOLD")],
        actions=[split("x", "2020-01-08", 2) | row],
    )
    failed = only(journal.failures(made))
    assert (failed.book, failed.business_date) == ("FUND", pd.Timestamp("2020-01-08"))
    assert failed.reason == "corporate action x on ACME: " + reason
    assert lots.lots(made, days("2020-01-06", "2020-01-08"))["business_date"].nunique() == 2


def test_a_rename_changes_nothing_in_the_books():
    rename = split("x", "2020-01-07", None, None, kind="rename")
    trades = trade("b", "buy", "2020-01-06", 10, 10), trade("s", "sell", "2020-01-08", 4, 11)
    plain, renamed = post(*trades), post(*trades, actions=[rename])
    assert journal.failures(renamed).empty
    for results in (lots.lots, lots.realised, journal.activity):
        pd.testing.assert_frame_equal(results(plain, days("2020-01-08")), results(renamed, days("2020-01-08")))


def test_an_overflow_of_a_lot_fails_the_book():
    made = post(trade("b", "buy", "2020-01-06", 10**10, "0.01"), actions=[split("x", "2020-01-07", 100)])
    failed = only(journal.failures(made))
    assert failed.reason == "corporate action x: a lot does not fit into 64 bits"
    assert open_lots(made, "2020-01-06") == [("b", 1e10, 1e8)]


def test_a_sum_of_lots_that_overflows_fails_the_book():
    rows = [trade(name, "buy", "2020-01-06", 5 * 10**10, "0.01") for name in ("b1", "b2")]
    assert only(journal.failures(post(*rows))).reason == "transaction b2: a lot does not fit into 64 bits"


def test_many_splits_while_many_lots_are_open():
    rows = [trade(f"b{n:03}", "buy", "2020-01-06", 1, 1) for n in range(300)]
    actions = [split(f"x{n}", date, 2) for n, date in enumerate(days("2020-01-07", "2020-01-15"))]
    held = lots.lots(post(*rows, actions=actions), days("2020-01-15"))
    assert len(held) == 300
    assert set(held["quantity"]) == {2.0 ** len(actions)}
