"""The books against the records of custodians, brokers and the administrator.

Belongs here: what the step is made of. Does not belong here: comparing (``daybook.reconciliation``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets.sessions import OF_THE_DAY, SINCE_START, outs, sessions_of, shown
from daybook.ledger import transfers, valuation
from daybook.ledger.transactions import live
from daybook.reconciliation import administrator, breaks, causes
from daybook.reconciliation import confirmations as confirmed
from daybook.reconciliation import transactions as dealt
from daybook.reconciliation import valuations as priced
from daybook.reconciliation.replay import Facts
from daybook.reconciliation.statements import Statements
from resources.settings import settings

GROUP = "books"
PRICES = ["business_date", "instrument", "close", "currency", "source", "status", "reason"]
"""What is read of golden prices; those of the session on which a break opened tell what a trade may have cost."""
TABLES = ("reconciliation_breaks", "transaction_matches", "break_hypotheses")


@dg.multi_asset(
    name="reconciliation",
    outs=outs(GROUP, TABLES),
    ins={
        **{
            name: dg.AssetIn(metadata=SINCE_START)
            for name in (
                *("positions", "cash", "custodian_positions", "custodian_cash", "book_failures", "confirmations"),
                *("administrator_nav", "share_class_nav", "fx_rates"),
                *("nav", "raw_fx_rates", "transfer_prices", "custodian_transactions", "broker_transactions"),
            )
        },
        "prices": dg.AssetIn(metadata={**SINCE_START, "columns": PRICES}),
        "valuations": dg.AssetIn(metadata={**SINCE_START, "columns": [*priced.KEY, "instrument", *priced.COLUMNS]}),
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
    administrator_nav: pd.DataFrame,
    share_class_nav: pd.DataFrame,
    valuations: pd.DataFrame,
    accounts: pd.DataFrame,
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
    quoted = valuation.quoted(prices[prices["business_date"].isin(sessions)], model_prices)
    statements = Statements(positions, cash, custodian_positions, custodian_cash, custodian_reports)
    compared = statements.compared(books, book_failures)
    rules = breaks.Rules(reconciliations, tolerances, nav, fx_rates, books)
    struck = breaks.compared_sessions(administrator.reported(administrator_nav), books, book_failures)
    open_ones = [
        compared.breaks(rules, accounts),
        priced.breaks(compared, valuations, instruments, accounts, rules),
        administrator.breaks(administrator.compared(struck, nav, share_class_nav, books), struck, rules),
        confirmed.unequal(confirmations, books, book_failures, sessions),
    ]
    found = breaks.breaks(
        [rows[rows["business_date"].isin(sessions)] for rows in open_ones],
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
