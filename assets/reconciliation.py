"""The books against the records of custodians, brokers and the administrator.

Belongs here: what the step is made of. Does not belong here: comparing (``daybook.reconciliation``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets.sessions import OF_THE_DAY, SINCE_START, outs, sessions_of, shown
from daybook.ledger import transfers, valuation
from daybook.ledger.transactions import live
from daybook.reconciliation import breaks, causes
from daybook.reconciliation import confirmations as confirmed
from daybook.reconciliation import transactions as dealt
from daybook.reconciliation.replay import Facts
from daybook.reconciliation.statements import Statements
from resources.settings import settings

GROUP = "books"
TABLES = ("reconciliation_breaks", "transaction_matches", "break_hypotheses")


@dg.multi_asset(
    name="reconciliation",
    outs=outs(GROUP, TABLES),
    ins={
        name: dg.AssetIn(metadata=SINCE_START)
        for name in (
            *("positions", "cash", "custodian_positions", "custodian_cash", "book_failures", "confirmations"),
            *("nav", "raw_fx_rates", "transfer_prices", "custodian_transactions", "broker_transactions"),
            "entitlements",
        )
    },
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def reconciliation_tables(
    context: dg.AssetExecutionContext,
    positions: pd.DataFrame,
    cash: pd.DataFrame,
    custodian_positions: pd.DataFrame,
    custodian_cash: pd.DataFrame,
    custodian_reports: pd.DataFrame,
    reconciliations: pd.DataFrame,
    tolerances: pd.DataFrame,
    confirmations: pd.DataFrame,
    custodian_transactions: pd.DataFrame,
    broker_transactions: pd.DataFrame,
    transactions: pd.DataFrame,
    entitlements: pd.DataFrame,
    transfer_prices: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    elections: pd.DataFrame,
    accruals: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    book_failures: pd.DataFrame,
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Differences between the books and the records of others, what they do to NAV, since when and why."""
    sessions = sessions_of(context)
    quoted = valuation.quoted(prices, model_prices)
    statements = Statements(positions, cash, custodian_positions, custodian_cash, custodian_reports)
    compared = statements.compared(books, book_failures)
    open_ones = compared.breaks(reconciliations, tolerances, nav)
    found = breaks.breaks(
        [
            open_ones[open_ones["business_date"].isin(sessions)],
            confirmed.unequal(confirmations, books, book_failures, sessions),
        ],
        nav,
        quoted,
        fx_rates,
        books,
        instruments,
    )
    log = live(transfers.priced(transactions, transfer_prices, books))
    explained, hypotheses = causes.causes(
        found,
        compared,
        Facts(log, corporate_actions, elections, books, instruments, raw_fx_rates, settings().vendors),
        prices=prices,
        fx_rates=fx_rates,
        accruals=accruals,
        nav=nav,
        custodian_transactions=custodian_transactions,
        broker_transactions=broker_transactions,
    )
    matched = dealt.matches(
        sessions[-1],
        log,
        entitlements,
        custodian_transactions,
        broker_transactions,
        custodian_reports,
        reconciliations,
        tolerances,
        book_failures,
        nav,
        quoted,
        fx_rates,
        books,
        instruments,
    )
    yield shown(context, breaks.joined(explained, matched.breaks), output_name="reconciliation_breaks")
    yield shown(context, matched.matches, output_name="transaction_matches")
    yield shown(context, hypotheses, output_name="break_hypotheses")
