"""The books: lots, positions, cash, valuations, NAV and P&L.

Belongs here: which facts and prices each table of the book of record is derived from. The accounting itself is in
``daybook.ledger``.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets.partitions import WITH_PRIOR
from assets.sessions import OF_THE_DAY, RESULT, SINCE_START, outs, sessions_of, shown
from daybook import ledger
from daybook.ledger import bridge, transfers, valuation
from daybook.ledger import lot_pnl as lots_profit
from daybook.ledger import pnl as profit
from daybook.ledger.positions import views as position_views_of
from resources.feeds import FeedsResource
from resources.settings import settings

GROUP = "books"
LEDGER = {
    **{
        name: name
        for name in ("lots", "realised", "wash_sales", "positions", "entitlements", "confirmations", "cash_ladder")
    },
    "cash": "ledger_cash",
    "activity": "ledger_activity",
    "accruals": "ledger_accruals",
    "postings": "ledger_postings",
    "book_failures": "ledger_failures",
}
"""What ``ledger.derive`` gives, and the table that it is: what fees of share classes change is made in ``fees``."""


@dg.asset(**RESULT, group_name=GROUP)
def transfer_prices(
    context: dg.AssetExecutionContext, transactions: pd.DataFrame, books: pd.DataFrame, prices: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """What securities cost that came in without a cost: that day's golden price."""
    return shown(context, transfers.transfer_prices(transactions, books, prices, sessions_of(context)))


@dg.multi_asset(
    name="ledger",
    outs=outs(GROUP, LEDGER.values()),
    ins={
        "raw_fx_rates": dg.AssetIn(metadata=SINCE_START),
        "transfer_prices": dg.AssetIn(metadata=SINCE_START),
        "prices": dg.AssetIn(partition_mapping=WITH_PRIOR),
    },
    partitions_def=RESULT["partitions_def"],
    backfill_policy=RESULT["backfill_policy"],
)
def ledger_tables(
    context: dg.AssetExecutionContext,
    transactions: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    elections: pd.DataFrame,
    cash_rates: pd.DataFrame,
    transfer_prices: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """The book of record, derived from the whole log up to the last session of the run."""
    frames = ledger.derive(
        transfers.priced(transactions, transfer_prices, books),
        corporate_actions,
        books,
        instruments,
        raw_fx_rates,
        prices,
        fx_rates,
        sessions_of(context),
        settings().vendors,
        elections=elections,
        cash_rates=cash_rates,
    )
    for name, table in LEDGER.items():
        yield shown(context, frames[name], output_name=table)


@dg.asset(**RESULT, group_name=GROUP)
def valuations(
    context: dg.AssetExecutionContext,
    positions: pd.DataFrame,
    cash: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Value of every position and cash balance, with the price and rate used or the reason why there is none."""
    quoted = valuation.quoted(prices, model_prices)
    frame = valuation.valuations(positions, cash, quoted, fx_rates, books, instruments, sessions_of(context))
    return shown(context, frame)


@dg.asset(**RESULT, group_name=GROUP)
def nav(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    cash: pd.DataFrame,
    activity: pd.DataFrame,
    book_failures: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Net asset value of every book: market value, cash and accruals. A book that cannot be valued fails by name."""
    sessions = sessions_of(context)
    quoted = valuation.quoted(prices, model_prices)
    frame = valuation.nav(valuations, cash, activity, book_failures, quoted, fx_rates, books, instruments, sessions)
    return shown(context, frame)


@dg.asset(
    **RESULT,
    group_name=GROUP,
    ins={name: dg.AssetIn(partition_mapping=WITH_PRIOR) for name in ("valuations", "nav", "prices", "fx_rates")},
)
def pnl(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """P&L of the session by instrument: price, FX, income, trading, fees; adds up to the change of NAV less flows."""
    quoted = valuation.quoted(prices, model_prices)
    frame = profit.pnl(
        valuations, activity, entitlements, quoted, fx_rates, books, instruments, nav, sessions_of(context)
    )
    return shown(context, frame)


@dg.asset(
    **RESULT,
    group_name=GROUP,
    ins={
        name: dg.AssetIn(partition_mapping=WITH_PRIOR)
        for name in ("lots", "positions", "valuations", "nav", "fx_rates")
    },
)
def lot_pnl(
    context: dg.AssetExecutionContext,
    lots: pd.DataFrame,
    realised: pd.DataFrame,
    positions: pd.DataFrame,
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """P&L of the session by lot: realised and change of unrealised gains, by market and currency, and income."""
    frame = lots_profit.lot_pnl(
        lots, realised, positions, valuations, pnl, nav, fx_rates, books, instruments, sessions_of(context)
    )
    return shown(context, frame)


@dg.asset(**RESULT, group_name=GROUP, ins={"nav": dg.AssetIn(partition_mapping=WITH_PRIOR)})
def nav_bridge(
    context: dg.AssetExecutionContext, nav: pd.DataFrame, pnl: pd.DataFrame, lot_pnl: pd.DataFrame, books: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """From the NAV of the session before to this one: flows, gains, carry and fees; leaves nothing unexplained."""
    return shown(context, bridge.nav_bridge(nav, pnl, lot_pnl, books, sessions_of(context)))


@dg.asset(**OF_THE_DAY, group_name=GROUP)
def position_views(
    context: dg.AssetExecutionContext,
    feeds: FeedsResource,
    positions: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    custodian_positions: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Every position as ordered, executed, confirmed and settled, and what it was at the start of the day."""
    session = sessions_of(context)[0]
    frame = position_views_of(
        positions, activity, entitlements, custodian_positions, feeds.open().orders.open_orders(session), session
    )
    return shown(context, frame)
