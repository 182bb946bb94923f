"""Portfolio: what each book should hold, and what to trade for it.

Belongs here: which tables targets and proposals are derived from. Policies and rounding are in ``daybook.portfolio``.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets.sessions import OF_THE_DAY, SINCE_START, outs, sessions_of, shown
from daybook import portfolio
from daybook.performance.benchmarks import Sources
from resources.feeds import FeedsResource

GROUP = "portfolio"
TABLES_MADE = ("targets", "proposed_orders", "portfolio_failures")


@dg.multi_asset(
    name="rebalance",
    outs=outs(GROUP, TABLES_MADE),
    ins={name: dg.AssetIn(metadata=SINCE_START) for name in ("returns", "fx_rates")},
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def rebalance_tables(
    context: dg.AssetExecutionContext,
    feeds: FeedsResource,
    books: pd.DataFrame,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    benchmark_blends: pd.DataFrame,
    benchmark_terms: pd.DataFrame,
    cash: pd.DataFrame,
    prices: pd.DataFrame,
    instruments: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Targets of every book with a declared policy, and the trades in whole lots that lead there."""
    session = sessions_of(context)[0]
    frames = portfolio.rebalanced(
        books,
        nav,
        valuations,
        Sources(
            benchmark_weights=benchmark_weights,
            returns=returns,
            fx_rates=fx_rates,
            benchmark_levels=benchmark_levels,
            benchmark_blends=benchmark_blends,
            benchmark_terms=benchmark_terms,
        ),
        cash,
        prices,
        instruments,
        feeds.open().orders.open_orders(session),
        session,
    )
    for name in TABLES_MADE:
        yield shown(context, frames[name], output_name=name)
