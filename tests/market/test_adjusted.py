import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars
from daybook.intake import terms
from daybook.market import actions, adjusted
from tests.frames import frame

PRICES = "business_date instrument close currency price_basis status"
ACTIONS = "action_id instrument kind ex_date numerator denominator amount currency status new_instrument"
D0, D1, D2, D3 = "2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"
NAN = float("nan")
SEVEN = ("s", "A", "split", D1, 7.0, 1.0, NAN, "", "confirmed", "")
WITH_SPLIT = ("d", "A", "cash_dividend", D1, NAN, NAN, 3.5, "USD", "confirmed", "")
LATER = ("e", "A", "cash_dividend", D2, NAN, NAN, 1.1, "USD", "confirmed", "")


def prices(*rows, currency="USD", basis="raw"):
    return frame("prices", PRICES, *[(*row, currency, basis, "ok") for row in rows])


def acts(*rows):
    return frame("corporate_actions", ACTIONS, *rows)


CLOSES = prices((D0, "A", 70.0), (D1, "A", 11.0), (D2, "A", 11.0))


def closes(given, corporate_actions, basis, as_of):
    return adjusted.adjusted(given, corporate_actions, basis, as_of)["close"].tolist()


@pytest.mark.parametrize(
    ("basis", "as_of", "expected"),
    [
        ("price", D2, [10.0, 11.0, 11.0]),
        ("price", D0, [70.0, 77.0, 77.0]),
        ("price", "2019-12-31", [70.0, 77.0, 77.0]),
        # (11 x 7 + 3.5) / 70 is +15 %, (11 + 1.1) / 11 is +10 %.
        ("total", D2, [11.0 / 1.1 / 1.15, 10.0, 11.0]),
        ("total", D1, [11.0 / 1.15, 11.0, 12.1]),
        ("total", D0, [70.0, 80.5, 88.55]),
    ],
)
def test_the_terms_of_any_date(basis, as_of, expected):
    assert closes(CLOSES, acts(SEVEN, WITH_SPLIT, LATER), basis, as_of) == pytest.approx(expected, rel=1e-14)


def test_only_what_is_known_counts():
    cancelled = (*SEVEN[:-2], "cancelled", "")
    assert closes(CLOSES, acts(cancelled, LATER), "price", D2) == [70.0, 11.0, 11.0]
    assert closes(CLOSES, acts(), "total", D2) == [70.0, 11.0, 11.0]
    assert closes(CLOSES, acts(LATER), "total", D2)[1] == pytest.approx(10.0, rel=1e-15)


def test_a_split_after_the_last_close_counts_and_a_dividend_does_not():
    ahead = [("s", "A", "split", D3, 1.0, 4.0, NAN, "", "confirmed", ""), (*LATER[:3], D3, *LATER[4:])]
    assert closes(CLOSES, acts(*ahead), "total", D2) == [70.0, 11.0, 11.0]
    assert closes(CLOSES, acts(*ahead), "total", D3) == [280.0, 44.0, 44.0]


def test_a_split_on_a_day_off_before_the_first_close():
    weekend = acts(("s", "A", "split", "2020-01-04", 2.0, 1.0, NAN, "", "confirmed", ""))
    given = prices((D2, "A", 10.0), (D3, "A", 11.0))
    assert closes(given, weekend, "price", D1) == [20.0, 22.0]
    assert closes(given, weekend, "price", D2) == [10.0, 11.0]


def test_rows_keep_their_order_and_instruments_stay_apart():
    given = pd.concat([CLOSES, prices((D0, "B", 5.0), (D2, "B", 6.0))]).sample(frac=1, random_state=3)
    found = adjusted.adjusted(given, acts(SEVEN, (*LATER[:1], "B", *LATER[2:])), "total", D2)
    assert list(found.index) == list(given.index)
    told = found.sort_values(["instrument", "business_date"])
    assert told["close"].tolist() == pytest.approx([10.0, 11.0, 11.0, 5.0 / (1 + 1.1 / 6.0), 6.0], rel=1e-15)
    assert (found["close"] == given["close"] * found["factor"]).all()
    assert set(found["reason"]) == {""}


def test_what_holds_its_actions_already_is_left():
    given = prices((D0, "A", 70.0), (D1, "A", 11.0), basis="adjusted")
    assert closes(given, acts(SEVEN, WITH_SPLIT, (*SEVEN[:3], D2, *SEVEN[4:])), "total", D3) == [70.0, 11.0]


def test_beyond_a_break_the_terms_are_not_known():
    given = pd.concat(
        [prices((D0, "A", 70.0), (D1, "A", 71.0)), prices((D2, "A", 60.0), (D3, "A", 61.0), currency="EUR")]
    )
    for as_of, known in ((D3, [2, 3]), (D0, [0, 1])):
        found = adjusted.adjusted(given, acts(), "price", as_of)
        assert np.flatnonzero(found["close"].notna()).tolist() == known
        assert set(found.loc[found["close"].isna(), "reason"]) == {"price currency changed"}
        assert set(found.loc[found["close"].notna(), "reason"]) == {""}


@pytest.mark.parametrize(
    ("action", "basis", "reasons"),
    [
        (("x", "A", "spin_off", D1, 1.0, 4.0, NAN, "", "confirmed", "N"), "price",
         ["spin_off of 2020-01-03 delivers N, which has no close by 2020-01-03"]),
        (("x", "A", "cash_dividend", D1, NAN, NAN, 1.0, "EUR", "confirmed", ""), "total",
         ["cash_dividend of 2020-01-03 is in EUR"]),
        (("x", "A", "cash_dividend", D1, NAN, NAN, 1.0, "EUR", "confirmed", ""), "price", []),
        (("x", "A", "rename", D1, NAN, NAN, NAN, "", "confirmed", ""), "total", []),
        (("x", "A", "rights", D0, 1.0, 4.0, NAN, "", "confirmed", ""), "total", []),  # before it there is no close
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_missing_with_its_reason(action, basis, reasons):
    found = adjusted.adjusted(CLOSES, acts(action), basis, D2)
    assert found["reason"].tolist() == [*reasons, *[""] * (3 - len(reasons))]
    assert found["close"].isna().sum() == len(reasons)


def test_the_nearest_break_is_named():
    rows = [
        ("x", "A", "rights", D1, 1.0, 4.0, NAN, "", "confirmed", ""),
        ("y", "A", "spin_off", D2, 1.0, 1.0, NAN, "", "confirmed", ""),
    ]
    named = {as_of: adjusted.adjusted(CLOSES, acts(*rows), "price", as_of)["reason"].tolist() for as_of in (D0, D2)}
    rights, spun = "rights of 2020-01-03 says no amount", "spin_off of 2020-01-06 names no new instrument"
    assert named == {D0: ["", rights, spun], D2: [rights, spun, ""]}


@pytest.mark.parametrize("basis", ["price", "total"])
@pytest.mark.parametrize("as_of", [D1, D2, D3])
def test_a_merger_is_the_last_close_in_the_terms_of_the_close_before(basis, as_of):
    """70, then 11 with 7 for 1 (+10 %), then 12 a share in cash and half an N at 4; what is quoted later is not it."""
    merger = ("m", "A", "merger", D2, 1.0, 2.0, 12.0, "USD", "confirmed", "N")
    after = ("e", "A", "cash_dividend", D3, NAN, NAN, 5.0, "USD", "confirmed", "")
    given = prices((D0, "A", 70.0), (D1, "A", 11.0), (D2, "A", 11.0), (D3, "A", 11.0), (D2, "N", 4.0), (D3, "N", 2.0))
    found = adjusted.adjusted(given, acts(SEVEN, merger, after), basis, as_of)
    told = found[found["instrument"] == "A"]
    assert told["close"].tolist() == pytest.approx([10.0, 11.0, 14.0, NAN], rel=1e-15, nan_ok=True)
    assert told["reason"].tolist() == ["", "", "", "ended by merger of 2020-01-06"]


def test_a_delisting_without_payment_ends_the_series_before_it():
    end = ("d", "A", "delisting", D2, NAN, NAN, NAN, "", "confirmed", "")
    for as_of in (D0, D3):
        found = adjusted.adjusted(pd.concat([CLOSES, prices((D3, "A", 9.0))]), acts(end), "price", as_of)
        assert found["close"].tolist() == pytest.approx([70.0, 11.0, NAN, NAN], nan_ok=True)
        assert found["reason"].tolist() == [
            "", "", "delisting of 2020-01-06 says no amount", "ended by delisting of 2020-01-06",
        ]  # fmt: skip


def test_what_had_ended_before_its_first_close_has_no_terms():
    end = ("d", "A", "delisting", D0, NAN, NAN, 3.0, "", "confirmed", "")
    for as_of in ("2019-12-31", D2):
        found = adjusted.adjusted(CLOSES, acts(end), "total", as_of)
        assert found["close"].isna().all()
        assert set(found["reason"]) == {"ended by delisting of 2020-01-02"}


def test_units_that_change_unknown_after_the_last_close():
    blank = ("s", "A", "split", D3, NAN, NAN, NAN, "", "confirmed", "")
    assert closes(CLOSES, acts(blank), "price", D2) == [70.0, 11.0, 11.0]
    found = adjusted.adjusted(CLOSES, acts(blank), "price", D3)
    assert found["close"].isna().all()
    assert set(found["reason"]) == {"an action between the last close and the date of the terms says no ratio"}


def test_two_closes_of_one_day_are_refused_and_none_give_none():
    with pytest.raises(ValueError, match="A has more than one close on 2020-01-02"):
        adjusted.adjusted(pd.concat([CLOSES, CLOSES[:1]]), acts(), "price", D0)
    assert adjusted.adjusted(CLOSES[:0], acts(SEVEN), "total", D2).empty


DAYS = calendars.sessions("XNYS", "2020-01-02", "2020-01-17")
HOLDINGS = "ABCDEFGHI"
EVERY_KIND = terms.ONE_OF["corporate_actions", "kind"]
EVERY_DAY = pd.date_range(DAYS[0], DAYS[-1] + pd.Timedelta(days=2), unit="us")


@st.composite
def markets(draw):
    """Closes of ten instruments with gaps, and actions of every kind on any day."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = [
        (day, name, generator.uniform(1.0, 500.0), "USD", "raw", "ok")
        for name in [*HOLDINGS, "N"]
        for day in DAYS
        if day == DAYS[0] or generator.random() < 0.5
    ]
    days, number, amount = st.sampled_from(list(EVERY_DAY)), st.integers(1, 9), st.floats(0.01, 50.0)
    kinds = st.sampled_from([*EVERY_KIND, "split", "cash_dividend", "cash_dividend"])
    made = []
    for k in range(draw(st.integers(0, 24))):
        kind, gone = draw(kinds), draw(st.integers(0, 9)) == 0  # one in ten lacks its terms
        numbers = (NAN, NAN, NAN) if gone else (float(draw(number)), float(draw(number)), draw(amount))
        into = "N" if kind in ("spin_off", "merger") else ""
        made.append((str(k), draw(st.sampled_from(HOLDINGS)), kind, draw(days), *numbers, "USD", "confirmed", into))
    return frame("prices", PRICES, *rows), acts(*made), draw(days)


@settings(max_examples=20)
@given(markets())
def test_changes_of_the_series_are_the_returns(market):
    given_prices, corporate_actions, as_of = market
    returns = actions.returns(given_prices, corporate_actions, DAYS).set_index(["instrument", "business_date"])
    dates = given_prices.set_index(["instrument", "business_date"]).sort_index()
    for basis, column in (("price", "price_return"), ("total", "local_return")):
        series = adjusted.adjusted(given_prices, corporate_actions, basis, as_of)
        told = series.set_index(["instrument", "business_date"])
        assert ((told["reason"] == "") == told["close"].notna()).all()
        closes = told["close"].reindex(dates.index)
        moved = (closes / closes.groupby(level=0).shift() - 1).dropna()
        assert moved.to_numpy() == pytest.approx(returns[column].reindex(moved.index).to_numpy(), rel=1e-11, abs=2e-12)
        # Where the series goes on there is a return, and where it has ended there is none.
        ended = told.index[told["reason"].str.startswith("ended")]
        assert not returns.index.isin(ended).any()
        at = (series["business_date"] == as_of) & series["close"].notna()
        own = ~series["instrument"].isin(
            corporate_actions.loc[corporate_actions["kind"].isin(actions.ENDING), "instrument"]
        )
        assert series.loc[at & own, "close"].to_numpy() == pytest.approx(
            given_prices.loc[at & own, "close"].to_numpy(), rel=1e-14
        )
