"""Liquidity: how long positions take to sell, and whether books can pay those who leave.

Belongs here: which tables it is derived from. The arithmetic is in ``daybook.risk.liquidity``.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets import plots
from assets.sessions import OF_THE_DAY, back, outs, sessions_of, shown
from daybook.risk import liquidity as selling
from resources.settings import settings

GROUP = "risk"


@dg.multi_asset(
    name="liquidity_tables",
    outs=outs(GROUP, ("liquidity", "liquidity_profile")),
    ins={"raw_prices": dg.AssetIn(metadata=back(selling.WINDOW))},
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def liquidity_tables(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    raw_prices: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    instruments: pd.DataFrame,
    liquidity_rules: pd.DataFrame,
    redemption_terms: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Days and cost of selling each position, and the profile of each book."""
    sessions = sessions_of(context)
    positions = selling.liquidity(
        valuations, nav, raw_prices, corporate_actions, instruments, liquidity_rules, sessions, settings().vendors
    )
    books = selling.profile(positions, valuations, nav, instruments, liquidity_rules, redemption_terms, sessions)
    yield shown(context, positions, output_name="liquidity")
    yield shown(context, books, lambda: plots.sold(books), output_name="liquidity_profile")
