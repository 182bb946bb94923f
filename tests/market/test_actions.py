import numpy as np
import pandas as pd
import pytest

from daybook import calendars
from daybook.market import actions
from tests.frames import frame, sessions

PRICES = "business_date instrument close currency status price_basis"
ACTIONS = "action_id instrument kind ex_date numerator denominator amount currency status new_instrument"
D0, D1, D2 = "2020-01-02", "2020-01-03", "2020-01-06"
NAN = float("nan")


def price(date, instrument, close, currency="USD", status="ok", basis="raw"):
    return (date, instrument, close, currency, status, basis)


def act(kind, ex_date, new=NAN, old=NAN, amount=NAN, currency="", into="", instrument="A", status="confirmed"):
    name = f"{kind}{ex_date}{new}{amount}{status}"
    return (name, instrument, kind, ex_date, new, old, amount, currency, status, into)


def split(ex_date, new, old, instrument="A", status="confirmed"):
    return act("split", ex_date, new, old, instrument=instrument, status=status)


def dividend(ex_date, amount, instrument="A", currency="USD", status="confirmed"):
    return act("cash_dividend", ex_date, amount=amount, currency=currency, instrument=instrument, status=status)


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
        "price basis changed", "price currency changed", "cash_dividend of 2020-01-03 is in EUR", "stale",
    ]  # fmt: skip
    assert np.isnan([found[0][1], found[0][2], found[1][1], found[1][2], found[2][2]]).all()
    assert (found[2][1], found[3][2]) == (0.1, 0.0)


# Closes of 100 and then 80; a new instrument N at 12 on the day and 13 on the next.
HELD = [price(D0, "A", 100.0), price(D1, "A", 80.0), price(D2, "A", 88.0), price(D1, "N", 12.0), price(D2, "N", 13.0)]


@pytest.mark.parametrize(
    ("action", "price_return", "local_return"),
    [
        (act("stock_dividend", D1, 1, 4), 0.0, 0.0),  # 80 x 1.25 = 100
        (act("split", D1, 1, 2), -0.6, -0.6),  # reverse: half a share of 80
        (act("cash_dividend", D1, amount=30, currency="USD"), -0.2, 0.1),  # a special one
        (act("return_of_capital", D1, amount=5), -0.2, -0.15),
        (act("spin_off", D1, 3, 2, into="N"), -0.02, -0.02),  # 80 + 1.5 x 12
        (act("spin_off", D1, 3, 2, amount=99, currency="EUR", into="N"), -0.02, -0.02),  # a spin-off pays no amount
        (act("rights", D1, 1, 4, amount=60), -0.15, -0.15),  # a quarter of 80 - 60
        (act("rights", D1, 1, 4, amount=85), -0.2, -0.2),  # worth nothing, and nobody must exercise it
        (act("rename", D1), -0.2, -0.2),
    ],
)
def test_what_each_kind_adds_to_a_return(action, price_return, local_return):
    found = returns(HELD, [action], D1, D2)
    assert found[0] == ["A", price_return, local_return, "ok"]
    assert found[1] == ["A", 0.1, 0.1, "ok"], "the session after is none of its business"


@pytest.mark.parametrize(
    ("action", "last"),
    [
        (act("merger", D1, amount=110, currency="USD"), 0.1),
        (act("merger", D1, 5, 1, into="N"), -0.4),
        (act("merger", D1, 5, 1, amount=55, into="N"), 0.15),
        (act("delisting", D1, amount=1.5), -0.985),
    ],
)
def test_the_last_return_is_what_was_paid_and_none_comes_after(action, last):
    for late in ([], [dividend(D2, 7.0), split(D2, 2.0, 1.0)]):  # after the end nothing counts
        found = [row for row in returns(HELD, [action, *late], D1, D2) if row[0] == "A"]
        assert found == [["A", last, last, "ok"]]


def test_of_several_ends_the_first_counts_and_a_merger_before_a_delisting():
    merger = act("merger", D1, amount=110, currency="USD")
    for other in (act("delisting", D1), act("delisting", D2, amount=3), act("merger", D2, amount=50)):
        assert returns(HELD, [other, merger], D1, D2)[0][:3] == ["A", 0.1, 0.1]
    dead = [act("delisting", D1, amount=20), merger]
    assert returns(HELD, dead[:1], D1)[0][1] == -0.8
    assert returns(HELD, dead, D1)[0][1] == 0.1
    cancelled = act("merger", D1, amount=110, currency="USD", status="cancelled")
    assert [row[1] for row in returns(HELD, [cancelled], D1, D2) if row[0] == "A"] == [-0.2, 0.1]


def test_terms_are_those_of_the_day_before_ex_date():
    """2 for 1 on Saturday, and on Monday all of: 1.5 N a share, a right, 1 in cash, a split of 5 for 1."""
    prices = [price(D1, "A", 400.0), price(D2, "A", 20.0), price(D2, "N", 12.0)]
    acts = [
        split("2020-01-04", 2.0, 1.0),
        act("spin_off", D2, 3, 2, into="N"),
        act("rights", D2, 1, 4, amount=60),  # buys a share of before: 5 of 20 for 60
        dividend(D2, 1.0),
        split(D2, 5.0, 1.0),
    ]
    # 10 x 20 + 2 x (18 + 10) = 256; and 2 in cash.
    assert returns(prices, acts, D2)[0][:3] == ["A", -0.36, -0.355]


def test_a_new_instrument_is_worth_its_first_close_from_ex_date_on_in_terms_of_ex_date():
    spun = act("spin_off", "2020-01-04", 1, 1, into="N")
    prices = [price(D1, "A", 100.0), price(D2, "A", 80.0), price(D1, "N", 50.0), price(D2, "N", 5.0)]
    assert returns(prices, [spun], D2)[0][1] == -0.15, "what it cost before ex_date does not count"
    halved = act("split", D2, 2, 1, instrument="N")  # after the ex_date: 1 N of then are 2 of the close
    assert returns(prices, [spun, halved], D2)[0][1] == -0.1


@pytest.mark.parametrize(
    ("action", "other", "reason"),
    [
        (act("spin_off", D1, 1, 1, into="M"), None, "delivers M, which has no close by 2020-01-03"),
        (act("merger", D1, 1, 1, into="M"), price(D0, "M", 5.0), "delivers M, which has no close by 2020-01-03"),
        (act("merger", D1, 1, 1, into="M"), price(D1, "M", 5.0, currency="GBP"), "delivers M, which is priced in GBP"),
        (act("spin_off", D1, 1, 1, into="M"), price(D1, "M", 5.0, basis="adjusted"),
         "delivers M, whose close is an adjusted one"),
        (act("merger", D1, amount=5, currency="EUR"), None, "is in EUR"),
        (act("rights", D1, 1, 4, amount=5, currency="EUR"), None, "is in EUR"),
        (act("rights", D1, 1, 4), None, "says no amount"),
        (act("delisting", D1), None, "says no amount"),
        (act("merger", D1, into=""), None, "says no amount"),
        (act("merger", D1, into="M", amount=5), price(D1, "M", 5.0), "says no ratio"),
        (act("stock_dividend", D1), None, "says no ratio"),
        (act("spin_off", D1, 1, 1), None, "names no new instrument"),
    ],
)  # fmt: skip
def test_an_action_that_cannot_be_valued_leaves_a_gap_with_its_reason(action, other, reason):
    found = returns([*HELD, *([other] if other else [])], [action], D1)[0]
    assert found[3] == f"{action[2]} of 2020-01-03 {reason}"
    assert np.isnan([found[1], found[2]]).all()


def test_what_the_total_return_lacks_the_price_return_does_not():
    for kind in ("cash_dividend", "return_of_capital"):
        for terms, reason in (({"amount": 5, "currency": "EUR"}, "is in EUR"), ({}, "says no amount")):
            found = returns(HELD, [act(kind, D1, **terms)], D1)[0]
            assert (found[1], found[3]) == (-0.2, f"{kind} of 2020-01-03 {reason}")
            assert np.isnan(found[2])


def test_an_adjusted_price_ends_all_the_same():
    prices = [price(D0, "A", 10.0, basis="adjusted"), price(D1, "A", 11.0, basis="adjusted")]
    acts = [split(D1, 2.0, 1.0), dividend(D1, 1.0), act("merger", D1, amount=12, currency="USD")]
    assert returns(prices, acts, D1) == [["A", 0.2, 0.2, "ok"]]


def test_split_ratios_count_stock_dividends():
    acts = frame("corporate_actions", ACTIONS, act("stock_dividend", D1, 1, 20), split(D2, 2.0, 1.0))
    assert actions.split_ratio(acts, ["A"] * 2, sessions(D0, D0), sessions(D1, D2)).tolist() == [1.05, 2.1]


def test_a_range_gives_the_rows_of_single_sessions():
    days = calendars.sessions("XNYS", D0, "2020-02-14")
    prices = frame("prices", PRICES, *[price(d, i, 10 + k % 7 / 3) for k, d in enumerate(days) for i in "ABC"])
    several = [
        *[dividend(d, 0.1) for d in days[::4]], split(days[9], 3.0, 2.0), act("rights", days[8], 1, 3, amount=9),
        act("spin_off", days[7], 1, 3, into="B"), act("stock_dividend", days[7], 1, 30),
        act("merger", days[11], 1, 3, amount=2, into="B", instrument="C"), act("delisting", days[20]),
    ]  # fmt: skip
    acts = frame("corporate_actions", ACTIONS, *several)
    whole = actions.returns(prices, acts, days[1:])
    single = [
        actions.returns(prices[prices["business_date"].isin(days[k - 1 : k + 1])], acts, days[k : k + 1])
        for k in range(1, len(days))
    ]
    pd.testing.assert_frame_equal(whole, pd.concat(single, ignore_index=True), check_exact=True)
