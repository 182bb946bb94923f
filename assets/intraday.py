"""The session as it goes: what was seen of prices, and the books at the newest of them.

Belongs here: which facts the intraday tables are made of. The arithmetic is in ``daybook.intraday``. Nothing here is
part of the end of day, and nothing is signed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from assets.market_data import deliveries
from assets.partitions import WITH_PRIOR
from assets.sessions import RESULT, SINCE_START, outs, sessions_of, shown
from daybook import intraday
from daybook.ledger import transfers
from daybook.market import fx as rates
from daybook.market import prices as golden
from daybook.risk import limits as limit
from daybook.tables import INTRADAY, TABLES
from resources.feeds import FeedsResource
from resources.lake import Lake
from resources.settings import settings

GROUP = "intraday"
OF_CLOSES = ("var", "nav", "performance", "stress", "liquidity_profile")
"""Results of the last close that limits are measured by while a session goes."""


@dg.asset(
    partitions_def=RESULT["partitions_def"],
    backfill_policy=RESULT["backfill_policy"],
    deps=[deliveries],
    group_name=GROUP,
    owners=RESULT["owners"],
    kinds={"deltalake"},
    description=TABLES["intraday_prices"].meaning,
)
def intraday_prices(context: dg.AssetExecutionContext, feeds: FeedsResource) -> dg.MaterializeResult:
    """What was seen of prices in the session; read by others through the lake."""
    days = sessions_of(context)
    frame = feeds.open().facts.current("intraday_prices", days[0], days[-1])
    return dg.MaterializeResult(metadata={"dagster/row_count": len(frame), "newest": _instant(frame["observed_at"])})


@dg.multi_asset(
    name="books_now",
    outs=outs(GROUP, INTRADAY),
    ins={name: dg.AssetIn(metadata=SINCE_START) for name in ("raw_prices", "raw_fx_rates")},
    deps=[dg.AssetDep(name, partition_mapping=WITH_PRIOR) for name in (*OF_CLOSES, "fee_accruals", "transfer_prices")],
    partitions_def=RESULT["partitions_def"],
    backfill_policy=RESULT["backfill_policy"],
)
def books_now(
    context: dg.AssetExecutionContext,
    feeds: FeedsResource,
    intraday_prices: pd.DataFrame,
    raw_prices: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    transactions: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    price_sources: pd.DataFrame,
    price_overrides: pd.DataFrame,
    share_classes: pd.DataFrame,
    limits: pd.DataFrame,
    limit_raises: pd.DataFrame,
    constituents: pd.DataFrame,
    issuers: pd.DataFrame,
    accounts: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    volatilities: pd.DataFrame,
    elections: pd.DataFrame,
    cash_rates: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Positions, exposures and limits at the newest prices of the session, with everything traded until now."""
    sessions, order, lake = sessions_of(context), settings().vendors, feeds.open().lake
    prices = golden.golden(raw_prices, instruments, corporate_actions, price_sources, price_overrides, sessions, order)
    came_in = transfers.transfer_prices(transactions, books, prices, sessions)
    entered = pd.concat([lake.read("transfer_prices", None, sessions[0] - pd.Timedelta(days=1)), came_in])
    frames = intraday.refresh(
        intraday_prices,
        prices,
        rates.golden(raw_fx_rates, sessions, order),
        transfers.priced(transactions, entered, books),
        corporate_actions,
        books,
        instruments,
        raw_fx_rates,
        share_classes,
        lake.read("fee_accruals", sessions[0] - limit.LAST_CLOSE, sessions[-1]),
        limits,
        limit_raises,
        constituents,
        issuers,
        accounts,
        _closes(lake, sessions),
        risk_free_rates,
        volatilities,
        elections,
        cash_rates,
        sessions,
        order,
    )
    for name in INTRADAY:
        yield shown(context, frames[name], lambda: _prices_used(frames["intraday_positions"]), output_name=name)


def _closes(lake: Lake, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The measures of the closes before ``sessions``; none before the first end of day, which makes no limit pass."""
    first, last = sessions[0] - limit.LAST_CLOSE, sessions[-1]
    since = {"performance": None}  # a drawdown is measured from the highest point ever
    return limit.losses(*(lake.read(name, since.get(name, first), last) for name in OF_CLOSES))


def _prices_used(positions: pd.DataFrame) -> Mapping[str, Any]:
    """How new the prices of the positions are."""
    held = positions[~positions["instrument"].str.startswith("CASH:")]
    return {
        "newest_price": _instant(held["observed_at"]),
        "prices_of_the_session": int(held["observed_at"].notna().sum()),
        "older_prices": int((held["status"] == "stale").sum()),
        "failed": int((held["status"] == "failed").sum()),
    }


def _instant(instants: "pd.Series[Any]") -> str:
    newest = instants.max()
    return "none" if pd.isna(newest) else f"{newest:%Y-%m-%d %H:%M:%S} UTC"
