"""A book worked by hand, computed by the ledger, and what its numbers are explained with."""

import pandas as pd

from daybook import ledger, tables
from daybook.explain.evidence import Evidence
from daybook.ledger import pnl, valuation
from tests.ledger.ledger_facts import book, days, dividend, facts, rate, security, split, trade, transaction

FIRST, LAST = "2022-03-01", "2022-03-04"

LOG = [
    transaction("T1", "deposit", FIRST, quantity=10_000, file="log.csv", line=2),
    # 100 at 10 and a fee of 5: 200 of 5 after the split of the 3rd.
    trade("T2", "buy", FIRST, 100, 10, fees=5, file="log.csv", line=3),
    trade("T3", "sell", "2022-03-04", 50, 6, fees=1, file="log.csv", line=4),
    trade("T4", "buy", "2022-03-02", 30, 20, instrument="EURO", currency="EUR", file="log.csv", line=5),
    trade("T5", "buy", "2022-03-04", 10, 6.5, file="more.csv", line=2),
]
ACTIONS = [
    split("S1", "2022-03-03", 2, file="actions.csv", line=2),
    dividend("D1", "2022-03-04", 0.25, pay_date="2022-03-20", file="actions.csv", line=3),
]
PRICES = [
    *[("ACME", date, close) for date, close in (("2022-03-03", 5.5), ("2022-03-04", 6.25))],
    *[("EURO", date, close) for date, close in (("2022-03-03", 21.0), ("2022-03-04", 20.5))],
]
RATES = [rate(date, "EUR", "USD", value) for date, value in ((FIRST, 1.1), ("2022-03-02", 1.1), ("2022-03-03", 1.2))]


def evidence(log=LOG) -> Evidence:
    """Of the session 2022-03-04, computed on ``log``."""
    sessions = days("2022-03-03", LAST)
    rates = facts(
        "raw_fx_rates",
        *[{**row, "file": "fx.csv", "line": at + 2} for at, row in enumerate([*RATES, rate(LAST, "EUR", "USD", 1.25)])],
    )
    golden = rates.assign(status="ok", reason="")[list(tables.TABLES["fx_rates"].names)]
    prices = facts(
        "prices",
        *[
            {
                "business_date": date, "instrument": name, "close": close, "source": "files", "status": "ok",
                "currency": "EUR" if name == "EURO" else "USD", "file": "prices.csv", "line": at + 2,
            }
            for at, (name, date, close) in enumerate(PRICES)
        ],
    )  # fmt: skip
    books = facts("books", book())
    instruments = facts("instruments", security(), security("EURO", currency="EUR"))
    actions = facts("corporate_actions", *ACTIONS)
    made = ledger.derive(
        facts("transactions", *log), actions, books, instruments, rates, prices, golden, sessions, ["files"]
    )
    quoted = valuation.quoted(prices, tables.empty("model_prices"))
    held = (made["positions"], made["cash"], quoted, golden, books, instruments, sessions)
    made["valuations"] = valuation.valuations(*held)
    made["nav"] = valuation.nav(
        made["valuations"],
        made["cash"],
        made["activity"],
        made["book_failures"],
        quoted,
        golden,
        books,
        instruments,
        sessions,
    )
    made["pnl"] = pnl.pnl(
        made["valuations"],
        made["activity"],
        made["entitlements"],
        quoted,
        golden,
        books,
        instruments,
        made["nav"],
        sessions[1:],
    )
    results = {**made, "prices": prices, "fx_rates": golden}
    return Evidence(
        book="FUND",
        session=pd.Timestamp(LAST),
        results=results,
        versions=dict.fromkeys(results, 7),
        log=facts("transactions", *log),
        corporate_actions=actions,
        elections=tables.empty("elections"),
        books=books,
        instruments=instruments,
        raw_fx_rates=rates,
        price_overrides=tables.empty("price_overrides"),
        transfer_prices=tables.empty("transfer_prices"),
        order=["files"],
    )
