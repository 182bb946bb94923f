"""Transfers that come in without a cost, by hand."""

from decimal import Decimal

import pandas as pd
from ledger_facts import book, days, facts, security, trade

from daybook import ledger, tables
from daybook.ledger import transfers

SESSIONS = days("2020-01-06", "2020-01-08")
BOOKS = facts("books", book())


def golden(*rows):
    names = ["business_date", "instrument", "close", "currency"]
    frame = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    frame["business_date"] = pd.to_datetime(frame["business_date"])
    whole = tables.empty("prices").reindex(range(len(frame))).assign(**{name: frame[name] for name in names})
    return tables.conform("prices", whole.assign(source="files", status="ok", price_basis="raw", line=0))


PRICES = golden(("2020-01-06", "ACME", 20.0, "USD"), ("2020-01-07", "ACME", 25.5, "USD"))


def test_what_came_in_without_a_cost_costs_the_price_of_the_session_that_books_it():
    # 4 January 2020 is a Saturday: booked on Monday the 6th.
    log = facts(
        "transactions",
        trade("bare", "transfer_in", "2020-01-04", 10),
        trade("stated", "transfer_in", "2020-01-07", 10, cost=1),
        trade("priced", "transfer_in", "2020-01-07", 10, 3),
    )
    found = transfers.transfer_prices(log, BOOKS, PRICES, SESSIONS)
    assert found.astype({"business_date": "str"}).to_numpy().tolist() == [["2020-01-06", "ACME", 20.0, "USD"]]
    rows = transfers.priced(log, found, BOOKS)
    assert list(rows["price"]) == [Decimal("20.0"), None, Decimal("3")]
    made = ledger.derive(
        rows, facts("corporate_actions"), BOOKS, facts("instruments", security()), facts("raw_fx_rates"),
        PRICES, tables.empty("fx_rates"), SESSIONS, (),
    )  # fmt: skip
    lots = made["lots"][made["lots"]["business_date"] == SESSIONS[1]]
    assert dict(zip(lots["lot"], lots["cost"], strict=True)) == {"bare": 200.0, "stated": 1.0, "priced": 30.0}
    assert made["book_failures"].empty


def test_another_currency_or_no_price_leaves_the_row_as_it_is():
    log = facts(
        "transactions",
        trade("foreign", "transfer_in", "2020-01-06", 10, currency="EUR"),
        trade("unknown", "transfer_in", "2020-01-06", 10, instrument="OTHER"),
        trade("out", "transfer_out", "2020-01-06", 10),
    )
    found = transfers.transfer_prices(log, BOOKS, PRICES, SESSIONS)
    assert list(found["instrument"]) == ["ACME"]
    pd.testing.assert_frame_equal(transfers.priced(log, found, BOOKS), log)


def test_a_cancelled_transfer_asks_for_no_price():
    log = facts(
        "transactions",
        trade("bare", "transfer_in", "2020-01-06", 10),
        {"transaction_id": "C", "book": "FUND", "kind": "cancel", "trade_date": "2020-01-07", "corrects": "bare"},
    )
    assert transfers.transfer_prices(log, BOOKS, PRICES, SESSIONS).empty
