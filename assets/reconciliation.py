"""The books against the records of custodians, brokers and the administrator.

Belongs here: what the step is made of. Does not belong here: comparing (``daybook.reconciliation``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets.sessions import OF_THE_DAY, SINCE_START, outs, sessions_of, shown
from daybook import tables
from daybook.ledger import valuation
from daybook.reconciliation import breaks, causes
from daybook.reconciliation import confirmations as confirmed
from daybook.reconciliation.statements import Statements

GROUP = "books"
TABLES = ("reconciliation_breaks", "transaction_matches", "break_hypotheses")


@dg.multi_asset(
    name="reconciliation",
    outs=outs(GROUP, TABLES),
    ins={
        name: dg.AssetIn(metadata=SINCE_START)
        for name in (
            *("positions", "cash", "custodian_positions", "custodian_cash", "activity", "book_failures"),
            *("confirmations", "nav"),
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
    activity: pd.DataFrame,
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
    statements = Statements(positions, cash, custodian_positions, custodian_cash, custodian_reports)
    compared = statements.compared(books, book_failures)
    open_ones = compared.breaks(reconciliations, tolerances, nav)
    found = breaks.breaks(
        [
            open_ones[open_ones["business_date"].isin(sessions)],
            confirmed.unequal(confirmations, books, book_failures, sessions),
        ],
        nav,
        valuation.quoted(prices, model_prices),
        fx_rates,
        books,
        instruments,
    )
    yield shown(context, causes.causes(found, activity), output_name="reconciliation_breaks")
    for name in TABLES[1:]:
        yield shown(context, tables.empty(name), output_name=name)
