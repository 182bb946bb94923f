"""Prices that two people put in place of the market's, worked by hand; and a range against single sessions."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars, tables
from daybook.market import overrides, prices
from tests.frames import frame, sessions

INSTRUMENTS = frame(
    "instruments", "instrument exchange currency asset_class",
    ("A", "XNYS", "USD", "equity"), ("B", "XNYS", "USD", "bond"), ("L", "XLON", "GBP", "equity"),
)  # fmt: skip
OVERRIDE = "override_id instrument price currency valid_from valid_to reason entered_by approved_by file line"
RAW = "business_date instrument source close currency price_basis"
SPLIT = "action_id instrument kind ex_date numerator denominator"
NONE = tables.empty("corporate_actions")
JAN = calendars.sessions("XNYS", "2020-01-02", "2020-01-09")


def override(number, instrument, price, since, until, currency=""):
    return (str(number), instrument, price, currency, since, until, "typo", "ann", "bob", f"override {number}", 1)


def golden(raw, overridden, days=JAN, actions=NONE):
    decided = frame("price_overrides", OVERRIDE, *overridden)
    return prices.golden(raw, INSTRUMENTS, actions, tables.empty("price_sources"), decided, days, ["x"])


def market(instrument="A", days=JAN, close=10.0, currency="USD", basis="raw"):
    return frame("raw_prices", RAW, *[(d, instrument, "x", close + k, currency, basis) for k, d in enumerate(days)])


def test_an_override_holds_on_its_first_and_last_day_and_not_beside_them():
    found = golden(market(), [override(17, "A", 99.5, "2020-01-03", "2020-01-07")])
    assert found["close"].tolist() == [10.0, 99.5, 99.5, 99.5, 14.0, 15.0]
    assert found["status"].tolist() == ["ok", *["override"] * 3, "ok", "ok"]
    assert found["source"].tolist() == ["x", *["override"] * 3, "x", "x"]
    np.testing.assert_array_equal(found["market_close"], [np.nan, 11.0, 12.0, 13.0, np.nan, np.nan])
    row = found.iloc[1]
    assert row["reason"] == "override 17 of ann, approved by bob: typo; the market says 11 USD of x"
    assert (row["file"], row["line"], row["currency"], row["price_basis"]) == ("override 17", 1, "USD", "raw")


def test_an_override_that_ends_before_it_begins_never_held():
    assert set(golden(market(), [override(17, "A", 99.5, "2020-01-06", "2020-01-03")])["status"]) == {"ok"}


def test_of_two_the_one_asked_for_last_counts_whatever_was_known_when():
    rows = [override(9, "A", 90.0, "2020-01-02", "2020-01-09"), override(10, "A", 100.0, "2020-01-03", "2020-01-06")]
    for order in (rows, rows[::-1]):
        assert golden(market(), order)["close"].tolist() == [90.0, 100.0, 100.0, 90.0, 90.0, 90.0]


def test_a_split_during_an_override_restates_it():
    actions = frame(
        "corporate_actions", SPLIT,
        ("1", "A", "split", "2020-01-03", 3.0, 1.0),  # in the terms of the first day already
        ("2", "A", "split", "2020-01-07", 4.0, 1.0),
    )  # fmt: skip
    rows = [override(17, "A", 100.0, "2020-01-03", "2020-01-07")]
    found = golden(market(), rows, actions=actions)
    assert found["close"].tolist() == [10.0, 100.0, 100.0, 25.0, 14.0, 15.0]
    assert found["reason"].tolist()[3] == (
        "override 17 of ann, approved by bob: typo, restated for the splits since 2020-01-03; "
        "the market says 13 USD of x"
    )
    adjusted = golden(market(basis="adjusted"), rows, actions=actions)
    assert adjusted["close"].tolist()[3] == 100.0, "adjusted prices know no splits"
    assert set(adjusted["price_basis"]) == {"adjusted"}


def test_what_the_market_would_say_is_stale_closed_missing_or_in_another_currency():
    stale = golden(market(days=JAN[:1]), [override(1, "A", 9.0, "2020-01-03", "2020-01-03")], JAN[1:2])
    assert stale["reason"].tolist() == ["override 1 of ann, approved by bob: typo; the market says 10 USD of x, stale"]
    never = golden(market()[:0], [override(1, "B", 99.0, "2020-01-03", "2020-01-03")])
    assert never[["business_date", "instrument", "close", "currency", "status"]].to_numpy().tolist() == [
        [JAN[1], "B", 99.0, "USD", "override"]
    ]
    assert never["reason"].tolist() == ["override 1 of ann, approved by bob: typo; the market never had a price"]
    foreign = golden(market(), [override(1, "A", 9.0, "2020-01-03", "2020-01-03", "EUR")]).iloc[1]
    assert (foreign["close"], foreign["currency"]) == (9.0, "EUR")
    assert np.isnan(foreign["market_close"])
    holiday = sessions("2020-05-08")
    pence = golden(
        market("L", sessions("2020-05-07"), 250.0, "GBX"), [override(1, "L", 270.0, "2020-05-08", "2020-05-08", "GBX")],
        holiday,
    )  # fmt: skip
    assert pence[["close", "currency", "status", "market_close"]].to_numpy().tolist() == [[2.7, "GBP", "override", 2.5]]


def test_rows_stay_sorted_when_an_override_adds_one():
    raw = pd.concat([market("A", JAN[:2]), market("L", JAN[:2])])
    found = golden(raw, [override(1, "B", 99.0, "2020-01-03", "2020-01-03")], JAN[:2])
    assert found["instrument"].tolist() == ["A", "L", "A", "B", "L"]


days = st.integers(0, len(JAN) - 1)
policies = st.lists(
    st.tuples(
        st.sampled_from(["", "equity", "bond"]), days, st.none() | days,
        st.sampled_from(["x y", "y x z", "z", "files x"]),
        st.sampled_from([1.0, 2.0, None]), st.sampled_from([0.001, 0.3, None]),
    ), max_size=5, unique_by=lambda row: row[:2],
)  # fmt: skip
delivered = st.lists(
    st.tuples(days, st.sampled_from("ABL"), st.sampled_from("xyz"), st.sampled_from([9.0, 10.0, 11.0])),
    max_size=25, unique_by=lambda row: row[:3],
)  # fmt: skip
windows = st.lists(st.tuples(st.sampled_from("ABL"), days, days), max_size=4)


@settings(max_examples=25)
@given(delivered, policies, windows, st.lists(st.tuples(st.sampled_from("AB"), days), max_size=3, unique=True), days)
def test_a_range_gives_the_rows_of_single_sessions(raw, declared, held, splits, one):
    raw_prices = frame("raw_prices", "business_date instrument source close", *[(JAN[d], *row) for d, *row in raw])
    policy = frame(
        "price_sources", "asset_class valid_from valid_to sources max_stale tolerance",
        *[(of, JAN[since], None if until is None else JAN[until], *rest) for of, since, until, *rest in declared],
    )  # fmt: skip
    decided = frame(
        "price_overrides", OVERRIDE,
        *[override(n, i, 50.0, JAN[since], JAN[until]) for n, (i, since, until) in enumerate(held, 1)],
    )  # fmt: skip
    actions = frame("corporate_actions", SPLIT, *[(f"{i}{d}", i, "split", JAN[d], 2.0, 1.0) for i, d in splits])
    whole = prices.golden(raw_prices, INSTRUMENTS, actions, policy, decided, JAN, ["y"])
    known, day = raw_prices[raw_prices["business_date"] <= JAN[one]], JAN[[one]]
    single = prices.golden(known, INSTRUMENTS, actions, policy, decided, day, ["y"])
    there = whole[whole["business_date"] == day[0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(there, single, check_exact=True)
    assert set(whole["status"]) <= {"ok", "stale", "closed", overrides.STATUS}
