import numpy as np
import pandas as pd

from daybook import calendars
from daybook.market import actions
from tests.frames import frame, sessions

PRICES = "business_date instrument close currency status price_basis"
ACTIONS = "action_id instrument kind ex_date numerator denominator amount currency status"
D0, D1, D2 = "2020-01-02", "2020-01-03", "2020-01-06"
NAN = float("nan")


def price(date, instrument, close, currency="USD", status="ok", basis="raw"):
    return (date, instrument, close, currency, status, basis)


def split(ex_date, new, old, instrument="A", status="confirmed"):
    return (f"s{ex_date}{new}{status}", instrument, "split", ex_date, new, old, NAN, "", status)


def dividend(ex_date, amount, instrument="A", currency="USD", status="confirmed"):
    return (f"d{ex_date}{amount}{status}", instrument, "cash_dividend", ex_date, NAN, NAN, amount, currency, status)


def returns(prices, acts, *days):
    found = actions.returns(
        frame("prices", PRICES, *prices), frame("corporate_actions", ACTIONS, *acts), sessions(*days)
    )
    return found[["instrument", "price_return", "local_return", "status"]].to_numpy().tolist()


def test_splits_multiply_between_two_dates():
    acts = frame(
        "corporate_actions",
        ACTIONS,
        split(D1, 7.0, 1.0),
        split(D2, 1.0, 2.0),
        split(D1, 5.0, 1.0, status="cancelled"),
        split(D1, 3.0, 1.0, instrument="B"),
    )
    since, until = sessions(D0, D0, D1, D2, D0), sessions(D1, D2, D2, D2, D0)
    assert actions.split_ratio(acts, ["A"] * 5, since, until).tolist() == [7.0, 3.5, 0.5, 1.0, 1.0]
    assert actions.split_ratio(acts, ["B", "C"], since[:2], until[:2]).tolist() == [3.0, 1.0]


def test_a_split_is_undone_and_a_dividend_is_per_old_share():
    prices = [price(D0, "A", 70.0), price(D1, "A", 11.0), price(D2, "A", 11.0)]
    acts = [split(D1, 7.0, 1.0), dividend(D1, 3.5), dividend(D2, 1.1), dividend(D2, 9.0, status="cancelled")]
    assert returns(prices, acts, D1, D2) == [["A", 0.1, 0.15, "ok"], ["A", 0.0, 0.1, "ok"]]


def test_actions_on_a_day_off_fall_into_the_next_session_in_their_order():
    prices = [price(D1, "A", 100.0), price(D2, "A", 52.0)]
    acts = [split("2020-01-04", 2.0, 1.0), dividend("2020-01-05", 1.5)]  # Saturday, Sunday: 3 per opening share
    assert returns(prices, acts, D2) == [["A", 0.04, 0.07, "ok"]]


def test_adjusted_prices_hold_everything_already():
    prices = [price(D0, "A", 10.0, basis="adjusted"), price(D1, "A", 11.0, basis="adjusted")]
    assert returns(prices, [split(D1, 2.0, 1.0), dividend(D1, 1.0)], D1) == [["A", 0.1, 0.1, "ok"]]


def test_what_cannot_be_told_is_missing_with_its_reason():
    prices = [
        price(D0, "A", 10.0), price(D1, "A", 11.0, basis="adjusted"),
        price(D0, "B", 10.0), price(D1, "B", 11.0, currency="GBP"),
        price(D0, "C", 10.0), price(D1, "C", 11.0),
        price(D0, "D", 10.0), price(D1, "D", 10.0, status="stale"),
        price(D1, "E", 10.0),
    ]  # fmt: skip
    found = returns(prices, [dividend(D1, 1.0, instrument="C", currency="EUR")], D1)
    assert [row[0] for row in found] == ["A", "B", "C", "D"], "E has no price before"
    assert [row[3] for row in found] == [
        "price basis changed", "price currency changed", "dividend in another currency", "stale",
    ]  # fmt: skip
    assert np.isnan([found[0][1], found[0][2], found[1][1], found[1][2], found[2][2]]).all()
    assert (found[2][1], found[3][2]) == (0.1, 0.0)


def test_a_range_gives_the_rows_of_single_sessions():
    days = calendars.sessions("XNYS", D0, "2020-02-14")
    prices = frame("prices", PRICES, *[price(d, i, 10 + k % 7 / 3) for k, d in enumerate(days) for i in "AB"])
    acts = frame("corporate_actions", ACTIONS, *[dividend(d, 0.1) for d in days[::4]], split(days[9], 3.0, 2.0))
    whole = actions.returns(prices, acts, days[1:])
    single = [
        actions.returns(prices[prices["business_date"].isin(days[k - 1 : k + 1])], acts, days[k : k + 1])
        for k in range(1, len(days))
    ]
    pd.testing.assert_frame_equal(whole, pd.concat(single, ignore_index=True), check_exact=True)
