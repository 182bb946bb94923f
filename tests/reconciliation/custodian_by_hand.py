"""A small firm and its custodian, who posts the same log with something that went otherwise there."""

from collections.abc import Callable

import pandas as pd

from daybook import calendars, ledger, tables
from daybook.ledger import transactions as log_of
from daybook.reconciliation import breaks, causes
from daybook.reconciliation.replay import Facts
from daybook.reconciliation.statements import Statements
from tests.frames import frame
from tests.ledger.ledger_facts import book, facts, rate, security, trade, transaction

SESSIONS = calendars.sessions("XNYS", "2021-02-16", "2021-03-12")
DAY = pd.Timestamp("2021-03-05")
BOOKS = [book("FUND", shorts=True), book("OTHER", shorts=True)]
SECURITIES = [
    *(security(name) for name in ("ACME", "BOLT", "CORE", "DUST")),
    security("DEBT", asset_class="bond"),
    security("NEWCO"),
]
PRICES = {"ACME": 50.0, "BOLT": 20.0, "CORE": 100.0, "DUST": 8.0, "DEBT": 99.0, "NEWCO": 5.0}
RATES = [
    *(rate(f"{day:%Y-%m-%d}", "EUR", "USD", 1.2 + 0.001 * n) for n, day in enumerate(SESSIONS)),
    {**rate("2021-03-03", "EUR", "USD", 1.2095), "source": "wm", "cut": "LON-16:00"},
]
LOG = [
    transaction("d1", "deposit", "2021-02-16", quantity=1_000_000),
    transaction("d2", "deposit", "2021-02-16", quantity=50_000, currency="EUR"),
    transaction("d3", "deposit", "2021-02-16", quantity=400_000, book="OTHER"),
    trade("b1", "buy", "2021-02-17", 1000, 50, fees=5),
    trade("b2", "buy", "2021-02-17", 500, 20, instrument="BOLT", fees=3),
    trade("b3", "buy", "2021-02-18", 40, 100, instrument="CORE", fees=1),
    trade("b4", "buy", "2021-02-17", 300, 50, book="OTHER", fees=2),
    trade("s1", "sell", "2021-03-01", 120, "51.25", fees=4),
    trade("b5", "buy", "2021-03-02", 70, "20.10", instrument="BOLT", fees=2),
    trade("b6", "buy", "2021-03-02", 25, "101.5", instrument="CORE", fees=1),
    trade("b7", "buy", "2021-03-04", 60, "51.5", fees=1),
    trade("b8", "buy", "2021-03-02", 10_000, "99.25", instrument="DEBT", accrued_interest="25.50"),
    transaction("f1", "fee", "2021-03-01", quantity="312.5"),
    transaction("f0", "fee", "2021-02-16", quantity="87.5"),
    transaction("i1", "interest", "2021-03-01", quantity="44.21"),
    transaction(
        "x1", "fx", "2021-03-02", instrument="CASH:EUR", quantity=20_000, price="1.2110", settle_date="2021-03-04"
    ),
]


def posted(log=LOG, actions=(), sessions=SESSIONS):
    """Tables of the ledger."""
    return ledger.derive(
        facts("transactions", *log),
        facts("corporate_actions", *actions),
        facts("books", *BOOKS),
        facts("instruments", *SECURITIES),
        facts("raw_fx_rates", *RATES),
        tables.empty("prices"),
        tables.empty("fx_rates"),
        sessions,
        ["files"],
    )


def without(*names, log=LOG):
    return [row for row in log if row["transaction_id"] not in names]


def changed(name, **terms):
    """The log with one transaction of other terms."""
    return [{**row, **terms} if row["transaction_id"] == name else row for row in LOG]


def statement(log=LOG, actions=(), sessions=SESSIONS, since="2021-02-24", traded=True):
    """What a custodian with that log states: facts custodian_positions and custodian_cash."""
    theirs = posted(log, actions, sessions)
    held = theirs["positions"]
    held = held[(held["business_date"] >= since) & ((held["quantity"] != 0) | (held["settled_quantity"] != 0))]
    units = frame(
        "custodian_positions",
        "business_date book instrument quantity settled_quantity currency",
        *held[["business_date", "book", "instrument", "quantity", "settled_quantity", "currency"]].itertuples(
            index=False
        ),
    )
    if not traded:
        units = units.assign(quantity=float("nan"))
    money = theirs["cash"][theirs["cash"]["business_date"] >= since]
    balances = frame(
        "custodian_cash",
        "business_date book currency balance",
        *money[["business_date", "book", "currency", "settled"]].itertuples(index=False),
    )
    return units, balances


def explained(
    units: pd.DataFrame,
    balances: pd.DataFrame,
    log=LOG,
    actions=(),
    days=(DAY,),
    sessions=SESSIONS,
    their_transactions=(),
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda found: found,
):
    """Breaks of ``days`` against these statements, with their causes, and the hypotheses."""
    days = pd.DatetimeIndex(list(days)).as_unit("us")
    ours = posted(log, actions, sessions)
    listed = pd.concat(
        [
            units[["business_date", "book"]].assign(kind="position"),
            balances[["business_date", "book"]].assign(kind="cash"),
        ]
    ).drop_duplicates()
    reports = frame(
        "custodian_reports",
        "business_date book kind source whole",
        *listed.assign(source="bank", whole=True)[["business_date", "book", "kind", "source", "whole"]].itertuples(
            index=False
        ),
    )
    books, instruments = facts("books", *BOOKS), facts("instruments", *SECURITIES)
    stated = Statements(ours["positions"], ours["cash"], units, balances, reports).compared(
        books, ours["book_failures"]
    )
    nav = frame("nav", "business_date book nav", *[(day, name, 1e6) for day in sessions for name in ("FUND", "OTHER")])
    prices = frame(
        "prices",
        "business_date instrument close",
        *[(day, name, close) for day in days for name, close in PRICES.items()],
    )
    rates = frame("fx_rates", "business_date base quote rate", *[(day, "EUR", "USD", 1.21) for day in days])
    nothing = [tables.empty(name) for name in ("reconciliations", "tolerances")]
    found = stated.breaks(*nothing, nav)
    found = found[found["business_date"].isin(days)]
    table = change(breaks.breaks([found], nav, prices, rates, books, instruments))
    return causes.causes(
        table,
        stated,
        Facts(
            log_of.live(facts("transactions", *log)),
            facts("corporate_actions", *actions),
            tables.empty("elections"),
            books,
            instruments,
            facts("raw_fx_rates", *RATES),
            ["files"],
        ),
        prices=prices,
        fx_rates=rates,
        accruals=tables.empty("accruals"),
        nav=nav,
        custodian_transactions=facts("custodian_transactions", *their_transactions),
        broker_transactions=tables.empty("broker_transactions"),
    )
