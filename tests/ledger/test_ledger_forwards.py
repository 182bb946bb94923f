"""Currency forwards from trade to settlement, by hand."""

import pytest
from ledger_facts import days, listed, post, rate, security, trade

from daybook import tables
from daybook.ledger import journal, lots, positions
from daybook.market import dated

EUR = security(
    "EURUSD", asset_class="forward", currency="USD", underlying="CASH:EUR", maturity_date="2020-03-16", multiplier=1.0
)
RATES = [rate("2020-03-16", "EUR", "USD", 1.15), rate("2020-03-13", "EUR", "USD", 1.3)]
TRADES = (
    trade("buy", "buy", "2020-01-06", 100_000, "1.10", instrument="EURUSD", fees=5),
    trade("sell", "sell", "2020-02-03", 40_000, "1.12", instrument="EURUSD"),
)


def posted(*rows, rates=RATES, **terms):
    return post(*(rows or TRADES), instruments=[{**EUR, **terms}], rates=rates, through="2020-03-31")


def balances(made, day):
    """Money of each currency that has moved by ``day``."""
    number = dated.days(days(day))[0]
    moved = made.flows[made.flows["session"] <= number].groupby("currency")["amount"].sum()
    return {currency: amount / 1e6 for currency, amount in moved.items()}


def held(made, day):
    return positions.positions(made, days(day), tables.empty("prices"), tables.empty("fx_rates"))


def test_trades_move_no_money_but_charges_and_what_was_agreed_adds_up():
    made = posted()
    assert made.failed.empty
    assert balances(made, "2020-03-13") == {"USD": -5.0}
    found = held(made, "2020-03-13")
    assert listed(found, "quantity", "notional") == [(60_000.0, 110_000.0 - 44_800.0)]


def test_at_maturity_both_currencies_settle_once():
    made = posted()
    assert balances(made, "2020-03-16") == {"EUR": 60_000.0, "USD": -5.0 - 65_200.0}
    assert balances(made, "2020-03-31") == {"EUR": 60_000.0, "USD": -5.0 - 65_200.0}
    assert held(made, "2020-03-16").empty
    gains = lots.realised(made, days("2020-03-16"))
    # 60,000 at 1.15 less 60,000 at 1.10 and three fifths of the fee.
    assert gains["gain"].tolist() == [pytest.approx(3000.0 - 3.0)]
    day = journal.activity(made, days("2020-03-16"))
    assert listed(day, "instrument", "currency", "traded_quantity", "consideration", "notional") == [
        ("EURUSD", "EUR", 0.0, 60_000.0, 0.0),
        ("EURUSD", "USD", -60_000.0, -65_200.0, -65_200.0),
    ]


def test_settled_in_cash_the_difference_alone_is_paid():
    made = posted(delivery_kind="cash")
    assert balances(made, "2020-03-16") == {"USD": -5.0 + 60_000 * 1.15 - 65_200.0}


def test_a_forward_closed_by_a_trade_waits_for_its_difference():
    rows = [TRADES[0], trade("out", "sell", "2020-02-03", 100_000, "1.12", instrument="EURUSD")]
    made = posted(*rows)
    assert listed(held(made, "2020-03-13"), "quantity", "notional") == [(0.0, -2000.0)]
    assert balances(made, "2020-03-13") == {"USD": -5.0}
    assert balances(made, "2020-03-16") == {"USD": 1995.0}


def test_a_forward_without_terms_a_rate_or_time_left_fails_its_book_by_name():
    assert "needs an underlying CASH:<CCY>" in posted(underlying="").failed["reason"].iloc[0]
    none = posted(rates=[]).failed
    assert none["reason"].tolist() == ["settlement of EURUSD: no exchange rate EUR/USD"]
    late = trade("late", "buy", "2020-03-17", 1, "1.1", instrument="EURUSD")
    assert posted(late).failed["reason"].tolist() == ["transaction late: forward EURUSD has matured on 2020-03-16"]
    moved = trade("in", "transfer_in", "2020-01-06", 1, "1.1", instrument="EURUSD")
    assert "is not transferred" in posted(moved).failed["reason"].iloc[0]
