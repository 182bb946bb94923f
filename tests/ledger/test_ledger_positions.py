import numpy as np
import pytest
from ledger_facts import book, days, facts, listed, only, post, rate, security, split, trade

from daybook.ledger import positions
from daybook.market import fx


def at(made, first, last=None, prices=(), rates=()):
    sessions = days(first, last)
    golden = fx.golden(facts("raw_fx_rates", *rates), sessions, ["files"])
    return positions.positions(made, sessions, facts("prices", *prices), golden)


def price(date, instrument, close, currency="USD"):
    return {"business_date": date, "instrument": instrument, "close": close, "currency": currency, "status": "ok"}


def test_a_position_is_the_sum_of_its_lots():
    made = post(trade("b1", "buy", "2020-01-06", 10, 10), trade("b2", "buy", "2020-01-07", 5, 12, fees=1))
    row = only(at(made, "2020-01-07", prices=[price("2020-01-07", "ACME", 13.0)]))
    assert (row.quantity, row.cost, row.cost_base, row.currency) == (15.0, 161.0, 161.0, "USD")
    assert (row.unrealised, row.unrealised_base) == (34.0, 34.0)


def test_settled_quantity_follows_the_settlement_date():
    made = post(trade("b", "buy", "2020-01-06", 10, 10), trade("s", "sell", "2020-01-07", 4, 10))
    frame = at(made, "2020-01-06", "2020-01-09")
    assert listed(frame, "quantity", "settled_quantity") == [(10.0, 0.0), (6.0, 0.0), (6.0, 10.0), (6.0, 6.0)]


def test_a_closed_position_stays_until_it_is_settled():
    made = post(trade("b", "buy", "2020-01-02", 10, 10), trade("s", "sell", "2020-01-07", 10, 12))
    frame = at(made, "2020-01-06", "2020-01-10", prices=[price("2020-01-07", "ACME", 13.0)])
    assert listed(frame, "quantity", "settled_quantity") == [(10.0, 10.0), (0.0, 10.0), (0.0, 10.0)]
    assert (frame["cost"].tolist()[1], frame["unrealised"].tolist()[1]) == (0.0, 0.0)


def test_unsettled_trades_are_restated_for_splits_since():
    made = post(
        trade("old", "buy", "2020-01-02", 10, 10),
        trade("b", "buy", "2020-01-07", 4, 10),
        actions=[split("x", "2020-01-08", 3), split("y", "2020-01-09", 1, 2)],
    )
    frame = at(made, "2020-01-07", "2020-01-09")
    assert listed(frame, "quantity", "settled_quantity") == [(14.0, 10.0), (42.0, 30.0), (21.0, 21.0)]


def test_a_split_before_settlement_of_a_short():
    made = post(trade("s", "sell", "2020-01-07", 5, 10), actions=[split("x", "2020-01-08", 3)])
    assert listed(at(made, "2020-01-07", "2020-01-09"), "quantity", "settled_quantity") == [
        (-5.0, 0.0), (-15.0, 0.0), (-15.0, -15.0),
    ]  # fmt: skip


def test_unrealised_in_base_currency_is_at_closing_rates():
    made = post(
        trade("b", "buy", "2020-01-06", 10, 100, instrument="VOW", currency="EUR", fx_rate="1.1"),
        instruments=[security("VOW", currency="EUR")],
    )
    row = only(
        at(
            made,
            "2020-01-07",
            prices=[price("2020-01-07", "VOW", 110.0, "EUR")],
            rates=[rate("2020-01-07", "EUR", "USD", 1.2)],
        )
    )
    assert (row.unrealised, row.unrealised_base) == (100.0, 1320.0 - 1100.0)


def test_a_price_in_another_currency_is_converted():
    made = post(trade("b", "buy", "2020-01-06", 10, 100))
    row = only(
        at(
            made,
            "2020-01-07",
            prices=[price("2020-01-07", "ACME", 100.0, "EUR")],
            rates=[rate("2020-01-07", "EUR", "USD", 1.2)],
        )
    )
    assert row.unrealised == 200.0


@pytest.mark.parametrize(("terms", "value"), [({"asset_class": "bond"}, 980.0), ({"multiplier": 100.0}, 98000.0 * 100)])
def test_the_value_of_a_point(terms, value):
    made = post(trade("b", "buy", "2020-01-06", 1000, 0, fees=1), instruments=[security(**terms)])
    assert only(at(made, "2020-01-07", prices=[price("2020-01-07", "ACME", 98.0)])).unrealised == value - 1


def test_without_a_price_or_a_rate_unrealised_is_empty():
    made = post(trade("b", "buy", "2020-01-06", 10, 10, fx_rate=2), books=[book(base_currency="EUR")])
    frame = at(made, "2020-01-06", "2020-01-07", prices=[price("2020-01-07", "ACME", 11.0)])
    assert np.isnan(frame["unrealised"]).tolist() == [True, False]
    assert np.isnan(frame["unrealised_base"]).all()
