"""Exposures and limits: how much of each book stands where, how much of what is allowed that is, and by which trade.

Belongs here: which tables they are derived from. The arithmetic is in ``daybook.risk``; what people answer to a breach
is in ``resources.breaches``.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets import plots
from assets.partitions import WITH_PRIOR
from assets.sessions import OF_THE_DAY, SINCE_START, back, outs, sessions_of, shown
from daybook.performance.benchmarks import Sources
from daybook.risk import exposures as exposure
from daybook.risk import limits as limit
from daybook.risk.consumption import limit_consumption
from daybook.risk.look_through import look_through_exposures
from daybook.risk.models import BACK

GROUP = "risk"
DRIFT = back(BACK + 1)
"""The sessions over which the oldest weights of a benchmark that count have drifted: those that scenarios read."""


@dg.multi_asset(
    name="exposure_tables",
    outs=outs(GROUP, ("exposures", "look_through_exposures")),
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def exposure_tables(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    model_prices: pd.DataFrame,
    betas: pd.DataFrame,
    risk_factors: pd.DataFrame,
    transactions: pd.DataFrame,
    constituents: pd.DataFrame,
    instruments: pd.DataFrame,
    issuers: pd.DataFrame,
    books: pd.DataFrame,
    accounts: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Long, short, gross, net, by beta and by notional, of each bucket; and the same with funds looked through."""
    sessions = sessions_of(context)
    to_market = exposure.market_betas(betas, risk_factors, sessions)
    reference = exposure.Reference(issuers, books, accounts, transactions, model_prices, to_market)
    held = exposure.exposures(valuations, instruments, nav, sessions, reference)
    through = look_through_exposures(valuations, instruments, nav, sessions, constituents, reference)
    yield shown(context, held, lambda: plots.exposure_bars(held), output_name="exposures")
    yield shown(context, through, output_name="look_through_exposures")


@dg.multi_asset(
    name="limit_tables",
    outs=outs(GROUP, ("limit_usage", "limit_consumption")),
    ins={
        **{name: dg.AssetIn(partition_mapping=WITH_PRIOR) for name in ("valuations", "nav", "var", "model_prices")},
        **{name: dg.AssetIn(metadata=DRIFT) for name in ("returns", "fx_rates")},
        "performance": dg.AssetIn(metadata=SINCE_START),
    },
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def limit_tables(
    context: dg.AssetExecutionContext,
    limits: pd.DataFrame,
    limit_raises: pd.DataFrame,
    exposures: pd.DataFrame,
    look_through_exposures: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    var: pd.DataFrame,
    performance: pd.DataFrame,
    stress: pd.DataFrame,
    liquidity: pd.DataFrame,
    liquidity_profile: pd.DataFrame,
    postings: pd.DataFrame,
    model_prices: pd.DataFrame,
    betas: pd.DataFrame,
    risk_factors: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    benchmark_blends: pd.DataFrame,
    benchmark_terms: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    transactions: pd.DataFrame,
    constituents: pd.DataFrame,
    instruments: pd.DataFrame,
    issuers: pd.DataFrame,
    books: pd.DataFrame,
    accounts: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Every limit against what is used, failed where it cannot be evaluated; and which trade of the session used it."""
    sessions = sessions_of(context)
    to_market = exposure.market_betas(betas, risk_factors, sessions)
    reference = exposure.Reference(issuers, books, accounts, transactions, model_prices, to_market)
    sources = Sources(
        benchmark_weights=benchmark_weights,
        returns=returns,
        fx_rates=fx_rates,
        benchmark_levels=benchmark_levels,
        benchmark_blends=benchmark_blends,
        benchmark_terms=benchmark_terms,
    )
    benchmarks = limit.benchmark_exposures(limits, sources, books, nav, instruments, constituents, sessions, reference)
    usage = limit.limit_usage(
        limits,
        limit_raises,
        exposures,
        look_through_exposures,
        valuations,
        nav,
        var,
        performance,
        stress,
        liquidity,
        liquidity_profile,
        benchmarks,
        instruments,
        sessions,
        reference,
    )
    used = limit_consumption(usage, limits, postings, valuations, nav, instruments, reference, sessions)
    yield shown(context, usage, lambda: plots.headroom(usage), output_name="limit_usage")
    yield shown(context, used, output_name="limit_consumption")
