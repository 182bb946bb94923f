"""Share classes: value before fees, dealing, fees, NAV and units of each class, and the books with what is owed.

Belongs here: which facts and results each of these tables is derived from. The arithmetic is in ``daybook.ledger``. A
book without share classes has no rows in the tables of this module alone, and its cash, activity, accruals, postings
and failures are what the ledger says.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets.sessions import RESULT, SINCE_START, outs, sessions_of, shown
from daybook.ledger import fees, units
from daybook.ledger import share_classes as classes
from daybook.ledger.valuation import quoted

GROUP = "books"
OUT = ("fee_accruals", "share_class_nav", *fees.BOOKED)


@dg.asset(**RESULT, group_name=GROUP)
def gross_values(
    context: dg.AssetExecutionContext,
    positions: pd.DataFrame,
    ledger_cash: pd.DataFrame,
    ledger_activity: pd.DataFrame,
    ledger_failures: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    share_classes: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Value of each book with share classes before what these owe for fees, or why it is not known."""
    frame = classes.gross_values(
        positions,
        ledger_cash,
        ledger_activity,
        ledger_failures,
        quoted(prices, model_prices),
        fx_rates,
        books,
        instruments,
        share_classes,
        sessions_of(context),
    )
    return shown(context, frame)


@dg.asset(**RESULT, group_name=GROUP)
def dealings(
    context: dg.AssetExecutionContext,
    transactions: pd.DataFrame,
    share_classes: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Money that came into and went out of each share class, and payments of its accrued fees."""
    known = quoted(prices, model_prices)
    frame = units.dealings(transactions, share_classes, known, fx_rates, books, instruments, sessions_of(context))
    return shown(context, frame)


@dg.multi_asset(
    name="share_class_fees",
    outs=outs(GROUP, OUT),
    ins={name: dg.AssetIn(metadata=SINCE_START) for name in ("gross_values", "dealings", "fx_rates")},
    partitions_def=RESULT["partitions_def"],
    backfill_policy=RESULT["backfill_policy"],
)
def share_class_fees(
    context: dg.AssetExecutionContext,
    gross_values: pd.DataFrame,
    dealings: pd.DataFrame,
    fx_rates: pd.DataFrame,
    share_classes: pd.DataFrame,
    books: pd.DataFrame,
    ledger_cash: pd.DataFrame,
    ledger_activity: pd.DataFrame,
    ledger_accruals: pd.DataFrame,
    ledger_postings: pd.DataFrame,
    ledger_failures: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Fees and NAV of each share class, followed since its beginning; the books with what their classes owe."""
    of_classes = classes.derive(gross_values, dealings, share_classes, fx_rates, books, sessions_of(context))
    ledger = (ledger_cash, ledger_activity, ledger_accruals, ledger_postings, ledger_failures)
    booked = fees.with_fees(
        dict(zip(fees.BOOKED, ledger, strict=True)), of_classes["fee_accruals"], of_classes.pop("failures")
    )
    for name, frame in (of_classes | booked).items():
        yield shown(context, frame, output_name=name)
