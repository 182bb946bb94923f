"""Transactions that count after their trade date, because its period was closed: worked by hand."""

import pytest
from ledger_facts import balances, book, days, facts, listed, only, post, rate, security, trade, transaction

from daybook.ledger import lots, units
from daybook.ledger import transactions as log
from daybook.tables import empty


def test_it_moves_money_and_units_on_the_session_that_books_it_and_keeps_the_terms_of_its_trade_date():
    # Traded Friday the 3rd (T+2: Tuesday the 7th) at EUR/USD 1.10, booked on Wednesday the 8th, when EUR/USD is 1.20.
    bought = trade("b", "buy", "2020-01-03", 100, 10, booked_on="2020-01-08", currency="EUR")
    rates = [rate("2020-01-03", "EUR", "USD", 1.1), rate("2020-01-08", "EUR", "USD", 1.2)]
    made = post(bought, instruments=[security(currency="EUR")], rates=rates)
    held = lots.lots(made, days("2020-01-03", "2020-01-09"))
    assert listed(held, "business_date", "quantity") == [(day, 100.0) for day in days("2020-01-08", "2020-01-09")]
    # Not settled before the books know of it; opened when it was traded, at the rate of then: 1,000 x 1.10.
    assert listed(balances(made, days("2020-01-07", "2020-01-08")), "settled", "balance") == [(-1000.0, -1000.0)]
    lot = only(lots.lots(made, days("2020-01-08")))
    assert (f"{lot.opened_on:%Y-%m-%d}", lot.cost, lot.cost_base) == ("2020-01-03", 1000.0, 1100.0)


@pytest.mark.parametrize("method", ["fifo", "lifo"])
def test_what_was_traded_first_is_the_first_lot_wherever_it_was_booked(method):
    made = post(
        trade("later", "buy", "2020-01-06", 10, 20),
        trade("late", "buy", "2020-01-03", 10, 15, booked_on="2020-01-08"),
        trade("s", "sell", "2020-01-09", 10, 25),
        books=[book(lot_method=method)],
    )
    [gain] = listed(lots.realised(made, days("2020-01-09")), "lot", "gain")
    assert gain == {"fifo": ("late", 100.0), "lifo": ("later", 50.0)}[method]


def test_subscriptions_deal_at_the_price_of_the_session_that_books_them():
    rows = facts(
        "transactions",
        transaction("s", "subscription", "2020-01-03", quantity=5, share_class="A", booked_on="2020-01-08"),
    )
    classes = facts(
        "share_classes", {"share_class": "A", "book": "FUND", "valid_from": "2020-01-02", "currency": "USD"}
    )
    known = facts("books", book()), facts("instruments", security())
    found = units.dealings(rows, classes, empty("prices"), empty("fx_rates"), *known, days("2020-01-02", "2020-01-08"))
    assert listed(found, "transaction_id", "flows") == [("s", 5.0)]
    assert f"{found['business_date'][0]:%Y-%m-%d}" == "2020-01-08"


def test_it_counts_from_booked_on_where_there_is_one():
    rows = facts(
        "transactions",
        trade("a", "buy", "2020-01-03", 1, 1),
        trade("b", "buy", "2020-01-03", 1, 1, booked_on="2020-01-08"),
    )
    assert [f"{day:%Y-%m-%d}" for day in log.dated_on(rows)] == ["2020-01-03", "2020-01-08"]
