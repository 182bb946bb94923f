"""What transactions in futures and options post, by hand."""

from decimal import Decimal

import pandas as pd
import pytest
from ledger_facts import book, facts, security, trade, transaction

from daybook.ledger import transactions

ACME = security()
CALL = security(
    "OPT", asset_class="option", multiplier=100.0, underlying="ACME", strike=50.0, option_type="call",
    exercise_style="american",
)  # fmt: skip
FUTURE = security("FUT", asset_class="future", multiplier=50.0)


def entry(row, option=CALL, **owner):
    found = transactions.entries(
        transactions.live(facts("transactions", row)),
        facts("books", book(**owner)),
        facts("instruments", ACME, option, FUTURE),
        facts("raw_fx_rates"),
        ["files"],
        pd.Timestamp("2020-12-31"),
    )
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.parametrize(
    ("kind", "option_type", "contracts", "units", "money"),
    [
        ("exercise", "call", -2, 200, -10_000),
        ("exercise", "put", -2, -200, 10_000),
        ("assignment", "call", 2, -200, 10_000),
        ("assignment", "put", 2, 200, -10_000),
    ],
)
def test_an_exercise_trades_the_underlying_at_the_strike(kind, option_type, contracts, units, money):
    row = trade("x", kind, "2020-01-06", 2, instrument="OPT", fees=3)
    found = entry(row, {**CALL, "option_type": option_type})
    assert found["reason"] == ""
    assert (found["quantity"], found["cost"]) == (contracts * 10**8, 0)
    assert (found["underlying"], found["underlying_quantity"]) == ("ACME", units * 10**8)
    assert (found["consideration"], found["charges"]) == (money * 10**6, -3 * 10**6)
    assert found["underlying_cost"] == found["underlying_cost_base"] == (-money + 3) * 10**6


def test_an_exercise_for_cash_closes_at_the_settlement_amount():
    cash = {**CALL, "delivery_kind": "cash", "strike": None}
    found = entry(trade("x", "exercise", "2020-01-06", 2, "1.5", instrument="OPT", fees=3), cash)
    assert (found["underlying"], found["underlying_quantity"]) == ("", 0)
    assert (found["consideration"], found["cost"]) == (300 * 10**6, -297 * 10**6)
    found = entry(trade("x", "assignment", "2020-01-06", 2, "1.5", instrument="OPT", fees=3), cash)
    assert (found["quantity"], found["consideration"], found["cost"]) == (2 * 10**8, -300 * 10**6, 303 * 10**6)
    assert "the price is missing" in entry(trade("x", "exercise", "2020-01-06", 2, instrument="OPT"), cash)["reason"]


def test_an_exercise_that_cannot_be_delivered_says_why():
    row = trade("x", "exercise", "2020-01-06", 2, instrument="OPT")
    for terms, reason in (
        ({"strike": None}, "needs underlying, strike and option_type"),
        ({"underlying": "FUT"}, "FUT cannot be delivered"),
        ({"underlying": "NOBODY"}, "NOBODY cannot be delivered"),
    ):
        assert reason in entry(row, {**CALL, **terms})["reason"]
    assert "is the strike of OPT" in entry({**row, "price": Decimal(51)})["reason"]


def test_an_option_expires_for_nothing_and_a_future_at_its_settlement_price():
    found = entry(trade("x", "expiry", "2020-01-06", 2, instrument="OPT"))
    assert (found["reason"], found["quantity"], found["consideration"], found["cost"]) == ("", -2 * 10**8, 0, 0)
    assert "the price is missing" in entry(trade("x", "expiry", "2020-01-06", 2, instrument="FUT"))["reason"]
    found = entry(trade("x", "expiry", "2020-01-06", 2, "2000", instrument="FUT"))
    assert (found["consideration"], found["notional"], found["cost"]) == (0, -200_000 * 10**6, -200_000 * 10**6)


def test_a_future_moves_no_money_but_charges():
    found = entry(trade("x", "sell", "2020-01-06", 3, "2000", instrument="FUT", fees=6))
    assert (found["margined"], found["consideration"], found["charges"]) == (True, 0, -6 * 10**6)
    assert (found["notional"], found["cost"]) == (-300_000 * 10**6, -299_994 * 10**6)
    found = entry(trade("x", "transfer_out", "2020-01-06", 3, instrument="FUT", cost=310_000))
    assert (found["notional"], found["cost"]) == (-310_000 * 10**6, 0)
    paid = transaction("v", "variation_margin", "2020-01-06", quantity=-12, instrument="FUT")
    found = entry(paid)
    assert (found["instrument"], found["variation"], found["external"]) == ("FUT", -12 * 10**6, 0)


def test_the_lot_method_is_the_transactions_then_the_instruments_then_the_books():
    row = trade("x", "sell", "2020-01-06", 2, "5", instrument="OPT")
    assert entry(row, lot_method="lifo")["lot_method"] == "lifo"
    assert entry(row, {**CALL, "lot_method": "highest"}, lot_method="lifo")["lot_method"] == "highest"
    own = {**row, "lot_method": "lowest"}
    assert entry(own, {**CALL, "lot_method": "highest"}, lot_method="lifo")["lot_method"] == "lowest"
    named = {**row, "lot_method": "specific", "lot_id": "b"}
    found = entry(named, {**CALL, "lot_method": "specific"}, lot_method="average")
    assert (found["lot_method"], found["lot_id"]) == ("average", "b")
    assert entry(named, lot_method="specific")["lot_method"] == "fifo"


def test_a_pool_is_the_books_own_where_what_it_would_share_has_no_name():
    row = trade("x", "buy", "2020-01-06", 2, "5")
    assert entry(row)[["pool_scope", "pool"]].tolist() == ["book", "FUND"]
    assert entry(row, lot_pool="strategy", strategy="S")[["pool_scope", "pool"]].tolist() == ["strategy", "S"]
    assert entry(row, lot_pool="entity", strategy="S", entity="E")[["pool_scope", "pool"]].tolist() == ["entity", "E"]
    assert entry(row, lot_pool="entity", strategy="S")[["pool_scope", "pool"]].tolist() == ["book", "FUND"]
