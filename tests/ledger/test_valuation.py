import numpy as np
import pandas as pd
import pytest

from daybook.ledger import valuation
from tests.frames import frame, sessions
from tests.ledger.books_by_hand import activity, firm

DAY = "2020-01-03"


def row(table: pd.DataFrame, instrument: str) -> pd.Series:
    return table[table["instrument"] == instrument].iloc[0]


def test_values_in_two_currencies_with_accruals_and_a_short():
    it = firm(
        prices=[(DAY, "A", 20.0, "USD"), (DAY, "L", 10.0, "GBP"), (DAY, "M", 3.0, "USD")],
        rates=[(DAY, "GBP", "USD", 1.25)],
        positions=[(DAY, "P", "A", -50.0), (DAY, "P", "L", 100.0), (DAY, "P", "M", 2.0)],
        cash=[(DAY, "P", "USD", 1000.0, -25.0), (DAY, "P", "GBP", 40.0, 8.0)],
    )
    rows = it.valuations()
    assert dict(zip(rows["instrument"], rows["market_value_base"], strict=True)) == {
        "A": -1000.0, "L": 1250.0, "M": 60.0, "CASH:USD": 975.0, "CASH:GBP": 60.0,
    }  # fmt: skip
    cash = row(rows, "CASH:GBP")
    assert (cash["quantity"], cash["price"], cash["market_value"], cash["fx_rate"]) == (48.0, 1.0, 48.0, 1.25)
    assert row(rows, "L")["weight"] == pytest.approx(1250 / 1345, abs=1e-12)
    assert row(rows, "L")["currency"] == "GBP"
    nav = it.nav().iloc[0]
    money = [nav[name] for name in ("nav", "market_value", "cash", "accruals", "flows")]
    assert money == [1345.0, 310.0, 1050.0, -15.0, 0.0]


def test_nav_is_exactly_the_sum_of_its_parts():
    it = firm(
        prices=[(DAY, "L", 0.333333, "GBP"), (DAY, "A", 1.1, "USD")],
        rates=[(DAY, "GBP", "USD", 1.2345678), (DAY, "EUR", "USD", 1.0987654)],
        positions=[(DAY, "P", "L", 0.7), (DAY, "P", "A", 1e-7)],
        cash=[(DAY, "P", "GBP", 0.100003, 0.3), (DAY, "P", "EUR", -7.000001, 0.000001)],
    )
    nav, rows = it.nav().iloc[0], it.valuations()
    whole = {name: round(nav[name] * 1e6) for name in ("nav", "market_value", "cash", "accruals")}
    assert whole["nav"] == whole["market_value"] + whole["cash"] + whole["accruals"]
    assert whole["nav"] == sum(round(v * 1e6) for v in rows["market_value_base"])


def test_the_currency_of_the_price_counts_not_that_of_the_instrument():
    it = firm(
        prices=[(DAY, "A", 20.0, "GBP")],
        rates=[(DAY, "GBP", "USD", 1.5)],
        positions=[(DAY, "P", "A", 2.0)],
    )
    assert row(it.valuations(), "A")[["currency", "market_value", "market_value_base"]].tolist() == ["GBP", 40.0, 60.0]


def test_a_bond_is_priced_per_hundred_and_says_what_is_missing():
    it = firm(prices=[(DAY, "B", 98.5, "USD")], positions=[(DAY, "P", "B", 10000.0)])
    bond = row(it.valuations(), "B")
    assert (bond["market_value_base"], bond["accrued_interest"], bond["price"]) == (9850.0, 0.0, 98.5)
    assert bond["reason"] == "without accrued interest: its coupon is not known"
    it.prices["reason"] = "the last one is used"
    assert row(it.valuations(), "B")["reason"] == f"{bond['reason']}; the last one is used"


def test_a_row_that_cannot_be_valued_fails_its_book_by_name_and_no_other():
    it = firm(
        prices=[(DAY, "A", 20.0, "USD"), (DAY, "L", 10.0, "GBP")],
        positions=[
            (DAY, "P", "A", 1.0),
            (DAY, "Q", "L", 1.0),
            (DAY, "Q", "A", 1.0),
            (DAY, "R", "M", 1.0),
            (DAY, "S", "F", 1.0),
        ],
        cash=[(DAY, "T", "USD", 5.0, 0.0)],
        books=[(name, "USD", "XNYS") for name in "PQRST"],
        failures=[("T", DAY, "sold more A than it may")],
    )
    nav = it.nav().set_index("book")
    assert nav["status"].to_dict() == {"P": "ok", "Q": "failed", "R": "failed", "S": "failed", "T": "failed"}
    assert nav["reason"].to_dict() == {
        "P": "",
        "Q": "L: no exchange rate GBP/USD of this session or the 5 before it",
        "R": "M: no price was ever delivered",
        "S": "F: no price was ever delivered",
        "T": "sold more A than it may",
    }
    assert nav.loc["Q":, ["nav", "market_value", "cash", "accruals", "flows"]].isna().all().all()
    assert nav.loc["P", "nav"] == 20.0
    rows = it.valuations()
    failed = row(rows[rows["book"] == "Q"], "L")
    assert np.isnan(failed["market_value_base"])
    assert failed["status"] == "failed"
    assert rows.loc[rows["book"] == "Q", "weight"].isna().all(), "a share of an unknown whole"
    assert rows.loc[rows["book"] == "P", "weight"].tolist() == [1.0]


def test_a_failure_of_one_session_bars_no_other_one_of_a_range():
    days = ("2020-01-02", "2020-01-03", "2020-01-06")
    it = firm(
        cash=[(day, "T", "USD", 5.0, 0.0) for day in days],
        books=[("T", "USD", "XNYS")],
        failures=[("T", days[1], "F: it is quoted in EUR and traded in USD")],
    )
    assert it.nav()["status"].tolist() == ["ok", "failed", "ok"]


def test_several_reasons_are_counted():
    it = firm(positions=[(DAY, "P", "A", 1.0), (DAY, "P", "L", 1.0)])
    assert it.nav()["reason"].tolist() == ["A: no price was ever delivered (and 1 more)"]


def test_no_weight_without_a_positive_nav():
    it = firm(prices=[(DAY, "A", 20.0, "USD")], positions=[(DAY, "P", "A", 1.0)], cash=[(DAY, "P", "USD", -20.0, 0.0)])
    assert it.valuations()["weight"].isna().all()
    assert it.nav()["nav"].tolist() == [0.0]


def test_rows_only_on_sessions_of_the_book_and_none_for_a_position_of_nothing():
    it = firm(
        prices=[("2020-05-08", "A", 2.0, "USD")],
        positions=[("2020-05-08", "P", "A", 0.0), ("2020-05-08", "Q", "A", 1.0)],
        books=[("P", "USD", "XNYS"), ("Q", "USD", "XLON")],  # a bank holiday in London
    )
    assert it.valuations().empty
    assert it.nav().empty


def test_the_price_of_another_day_is_told():
    it = firm(positions=[(DAY, "P", "A", 1.0)])
    it.prices = frame(
        "prices",
        "business_date instrument close currency status reason",
        (DAY, "A", 5.0, "USD", "stale", "of yesterday"),
    )
    assert it.valuations()[["status", "reason", "market_value"]].to_numpy().tolist() == [["ok", "of yesterday", 5.0]]


def test_flows_are_external_money_and_transfers_at_the_days_value():
    it = firm(
        prices=[(DAY, "A", 12.0, "USD")],
        rates=[(DAY, "GBP", "USD", 1.25)],
        cash=[(DAY, "P", "GBP", 100.0, 0.0), (DAY, "P", "USD", -7.0, 0.0)],
        positions=[(DAY, "P", "A", 30.0)],
        acts=[
            {"business_date": DAY, "book": "P", "instrument": "CASH:GBP", "currency": "GBP", "external": 100.0},
            {"business_date": DAY, "book": "P", "instrument": "CASH:USD", "currency": "USD", "external": -7.0},
            {"business_date": DAY, "book": "P", "instrument": "A", "currency": "USD", "transferred_quantity": 30.0},
        ],
    )
    assert it.nav()[["nav", "flows"]].to_numpy().tolist() == [[478.0, 478.0]]


def test_a_transfer_that_has_no_price_fails_the_book():
    act = {"business_date": DAY, "book": "P", "instrument": "A", "currency": "USD", "transferred_quantity": -30.0}
    assert firm(acts=[act]).nav()["reason"].tolist() == ["A: no price was ever delivered"]


def test_too_large_is_an_error_of_the_book_and_never_a_wrap():
    it = firm(
        prices=[(DAY, "A", 1e12, "USD"), (DAY, "L", 1.0, "USD")],
        positions=[(DAY, "P", "A", 1e9), (DAY, "Q", "A", 1.5), (DAY, "Q", "M", 0.0), (DAY, "Q", "L", 1.5e12)],
        books=[("P", "USD", "XNYS"), ("Q", "USD", "XNYS")],
    )
    assert it.nav()["reason"].tolist() == [
        "A: the value is too large to be kept exactly",
        "its gross value is too large to be kept exactly",
    ]
    with pytest.raises(OverflowError, match="not below"):
        valuation.micros([1.0, np.nan])


def test_half_a_millionth_goes_to_even():
    assert valuation.micros([0.5e-6, 1.5e-6, 2.5e-6, -0.5e-6, -1.5e-6]).tolist() == [0, 2, 2, 0, -2]


def test_a_range_gives_the_rows_of_single_sessions():
    days = sessions("2020-05-07", "2020-05-08", "2020-05-11")
    it = firm(
        prices=[(d, i, p + k / 7, c) for k, d in enumerate(days) for i, p, c in (("A", 9, "USD"), ("L", 3, "GBP"))],
        rates=[(d, "GBP", "USD", 1.2 + k / 13) for k, d in enumerate(days)],
        positions=[(d, b, i, 3.7 + k) for k, d in enumerate(days) for b in "PQ" for i in "AL"],
        cash=[(d, "P", "GBP", 1 / 3, 0.0) for d in days],
        books=[("P", "USD", "XNYS"), ("Q", "GBP", "XLON")],
    )
    for whole, single in (
        (it.valuations(), [it.valuations(sessions(d)) for d in days]),
        (it.nav(), [it.nav(sessions(d)) for d in days]),
    ):
        pd.testing.assert_frame_equal(whole, pd.concat(single, ignore_index=True), check_exact=True)


def terms(*rows):
    """Instruments of (name, asset_class, multiplier)."""
    full = [(name, kind, "USD", "XNYS", point) for name, kind, point in rows]
    return frame("instruments", "instrument asset_class currency exchange multiplier", *full)


def by_model(*rows):
    """Rows of model_prices on ``DAY``: instrument, price, accrued_interest, delta, spot, discount_factor, reason."""
    columns = (
        "business_date instrument price accrued_interest delta spot discount_factor reason currency model convention"
    )
    return frame("model_prices", columns, *[(DAY, *row, "USD", "M", "conventions") for row in rows])


NONE = float("nan")


def valued(listed, *models, prices=(), status="ok", **holding):
    """The one position of a firm that holds ``listed``, valued with ``models`` and golden ``prices``."""
    it = firm(positions=[(DAY, "P", listed[0], holding.get("quantity", 0.0))], rates=[(DAY, "GBP", "USD", 1.25)])
    it.positions["notional"] = holding.get("notional", 0.0)
    it.instruments = terms(listed)
    golden = [(DAY, listed[0], price, "USD", status, "s") for price in prices]
    known = frame("prices", "business_date instrument close currency status source", *golden)
    it.prices = valuation.quoted(known, by_model(*models))
    return it


def test_a_bond_is_worth_its_price_and_what_has_accrued():
    it = valued(("B", "bond", 1.0), ("B", 97.0, 1.25, NONE, NONE, 0.9, ""), prices=[98.5], quantity=-10000.0)
    bond = it.valuations().iloc[0]
    assert bond[["price", "price_source", "reason"]].tolist() == [98.5, "s", ""]
    assert bond[["market_value", "market_value_base", "exposure_base"]].tolist() == [-9975.0] * 3
    assert bond["accrued_interest"] == -125.0
    assert it.nav()["nav"].tolist() == [-9975.0]


def test_a_trade_in_a_bond_is_compared_with_its_dirty_price():
    it = valued(("B", "bond", 1.0), ("B", 97.0, 1.25, NONE, NONE, 0.9, ""), prices=[98.5], quantity=10000.0)
    act = {"business_date": DAY, "book": "P", "instrument": "B", "currency": "USD"}
    it.activity = activity({**act, "traded_quantity": 10000.0, "consideration": -9900.0})
    worth = valuation.valued_activity(it.activity, it.prices, it.rates, it.books, it.instruments)
    assert worth["trading"].tolist() == [75_000_000]


def test_a_bond_keeps_its_last_price_and_takes_the_models_where_there_is_none():
    model = ("B", 97.0, 1.25, NONE, NONE, 0.9, "")
    stale = valued(("B", "bond", 1.0), model, prices=[98.5], status="stale", quantity=100.0).valuations().iloc[0]
    assert stale[["price", "fair_value_level"]].tolist() == [98.5, 2]
    none = valued(("B", "bond", 1.0), model, quantity=100.0).valuations().iloc[0]
    assert none[["price", "market_value", "price_source", "fair_value_level"]].tolist() == [97.0, 98.25, "model", 2]
    assert none["reason"] == "by model: M, conventions"


def test_why_nothing_has_accrued_is_told():
    odd = ("B", NONE, NONE, NONE, NONE, NONE, "day count x is not known for bonds")
    found = valued(("B", "bond", 1.0), odd, prices=[98.5], quantity=100.0).valuations().iloc[0]
    assert found[["market_value", "reason"]].tolist() == [
        98.5,
        "without accrued interest: day count x is not known for bonds",
    ]


def test_a_future_is_worth_nothing_and_exposes_to_all_of_it():
    it = valued(("F", "future", 50.0), prices=[2000.0], quantity=-3.0, notional=-310000.0)
    future = it.valuations().iloc[0]
    assert future[["price", "market_value", "market_value_base", "exposure_base"]].tolist() == [2000.0, 0.0, 0.0, -3e5]
    closed = valued(("F", "future", 50.0), prices=[2000.0], quantity=0.0, notional=5.0)
    assert closed.valuations().empty, "its difference is margin, in cash"


def test_an_option_is_exposed_by_its_delta_and_replaces_a_stale_price():
    model = ("O", 4.5, NONE, 0.6, 52.0, 0.95, "")
    listed = ("O", "option", 100.0)
    market = valued(listed, model, prices=[5.0], quantity=-2.0).valuations().iloc[0]
    assert market[["price", "market_value_base", "exposure_base"]].tolist() == [5.0, -1000.0, pytest.approx(-6240.0)]
    assert market[["reason", "fair_value_level"]].tolist() == ["", 1]
    stale = valued(listed, model, prices=[5.0], status="stale", quantity=-2.0).valuations().iloc[0]
    assert stale[["price", "price_source", "fair_value_level"]].tolist() == [4.5, "model", 2]
    alone = valued(listed, prices=[5.0], quantity=-2.0).valuations().iloc[0]
    assert alone[["exposure_base", "reason"]].tolist() == [-1000.0, "exposure without delta"]


def test_why_there_is_neither_a_price_nor_a_model():
    model = ("O", NONE, NONE, NONE, 52.0, 0.95, "no volatility")
    found = valued(("O", "option", 100.0), model, quantity=1.0).valuations().iloc[0]
    assert found["status"] == "failed"
    assert found["reason"] == "no price was ever delivered, and no model gives one: no volatility"


def test_a_forward_is_worth_what_is_left_of_its_agreement_today():
    model = ("W", 1.2, NONE, 0.98, 1.18, 0.95, "")
    it = valued(("W", "forward", 1.0), model, quantity=1000.0, notional=1150.0)
    found = it.valuations().iloc[0]
    assert found["market_value"] == pytest.approx((1200 - 1150) * 0.95)
    assert found["exposure_base"] == pytest.approx(1000 * 0.98 * 1.18)
    assert found["fair_value_level"] == 2
    closed = valued(("W", "forward", 1.0), model, quantity=0.0, notional=-8.0).valuations()
    assert closed["market_value"].tolist() == [7.6], "bought at 100 and sold at 108, to be received at maturity"
    outright = valued(("W", "forward", 1.0), model, prices=[1.3], quantity=1000.0, notional=1150.0).valuations()
    assert outright["market_value"].tolist() == [pytest.approx(150 * 0.95)]


def test_trading_in_a_forward_is_what_its_price_brought_since():
    it = valued(("W", "forward", 1.0), ("W", 1.2, NONE, 0.98, 1.18, 0.95, ""), quantity=1000.0, notional=1150.0)
    act = {"business_date": DAY, "book": "P", "instrument": "W", "currency": "USD"}
    it.activity = activity({**act, "traded_quantity": 1000.0, "notional": 1150.0})
    worth = valuation.valued_activity(it.activity, it.prices, it.rates, it.books, it.instruments)
    assert worth["trading"].tolist() == [47_500_000]


def test_the_level_of_a_price():
    share = ("A", "equity", 1.0)
    levels = {status: valued(share, prices=[5.0], status=status, quantity=1.0) for status in valuation.LEVELS}
    assert {status: it.valuations()["fair_value_level"].iloc[0] for status, it in levels.items()} == {
        "ok": 1, "closed": 1, "stale": 2, "override": 3,
    }  # fmt: skip
