"""Attribution: why the books earned something other than their benchmarks.

Belongs here: which tables the effects are derived from, of every session and of periods that end on the date. Does not
belong here: the formulas (``daybook.attribution``), the returns (``assets.performance``).
"""

from collections.abc import Iterator
from functools import partial

import dagster as dg
import pandas as pd

from assets import plots
from assets.partitions import WITH_PRIOR
from assets.risk import YEARS_BACK
from assets.sessions import OF_THE_DAY, RESULT, SINCE_START, outs, sessions_of, shown
from daybook import attribution as attributions
from daybook.attribution import effects, estimates
from daybook.performance import benchmarks
from daybook.risk import scenarios

GROUP = "performance"
OF_SESSIONS = ("attribution", "attribution_nodes", "attribution_pnl", "currency_attribution", "factor_attribution")
"""What one step makes of every session of the history."""
PICTURES = {
    "period_attribution": plots.waterfalls,
    "contributions": plots.contributed,
    "risk_attribution": plots.tracking,
}
"""What one step makes of the periods that end on the date, and how each is drawn."""


@dg.multi_asset(
    name="effects_of_books",
    outs=outs(GROUP, OF_SESSIONS),
    ins={
        "valuations": dg.AssetIn(partition_mapping=WITH_PRIOR),
        **{name: dg.AssetIn(metadata=SINCE_START) for name in ("nav", "performance", "returns", "fx_rates")},
    },
    partitions_def=RESULT["partitions_def"],
    backfill_policy=RESULT["backfill_policy"],
)
def effects_of_books(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    performance: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    benchmark_blends: pd.DataFrame,
    benchmark_terms: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    attribution_rules: pd.DataFrame,
    risk_factors: pd.DataFrame,
    alternative_data: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Effects of each session that add up to the active return."""
    sources = benchmarks.Sources(
        benchmark_weights=benchmark_weights,
        returns=returns,
        fx_rates=fx_rates,
        benchmark_levels=benchmark_levels,
        benchmark_blends=benchmark_blends,
        benchmark_terms=benchmark_terms,
        risk_free_rates=risk_free_rates,
    )
    factor_sources = estimates.Sources(returns, fx_rates, instruments, risk_factors, benchmark_levels, alternative_data)
    frames = attributions.of_sessions(
        valuations, pnl, nav, performance, sources, factor_sources, attribution_rules, books, sessions_of(context)
    )
    for name, frame in frames.items():
        drawn = (lambda: plots.sectors(frames["attribution"])) if name == "attribution" else None
        yield shown(context, frame, drawn, output_name=name)


@dg.multi_asset(
    name="effects_of_periods",
    outs=outs(GROUP, PICTURES),
    ins={
        **{
            name: dg.AssetIn(metadata=SINCE_START)
            for name in (
                *("performance", "attribution_nodes", "currency_attribution", "factor_attribution"),
                *("pnl", "valuations", "nav", "returns", "fx_rates"),
            )
        },
        "prices": YEARS_BACK["prices"],
    },
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def effects_of_periods(
    context: dg.AssetExecutionContext,
    performance: pd.DataFrame,
    attribution_nodes: pd.DataFrame,
    currency_attribution: pd.DataFrame,
    factor_attribution: pd.DataFrame,
    pnl: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    benchmark_blends: pd.DataFrame,
    benchmark_terms: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    attribution_rules: pd.DataFrame,
    performance_rules: pd.DataFrame,
    proxies: pd.DataFrame,
    risk_factors: pd.DataFrame,
    alternative_data: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Effects of sessions linked over periods that end on the date, what each holding added to their returns, and where
    the tracking error comes from.
    """
    sources = benchmarks.Sources(
        benchmark_weights=benchmark_weights,
        returns=returns,
        fx_rates=fx_rates,
        benchmark_levels=benchmark_levels,
        benchmark_blends=benchmark_blends,
        benchmark_terms=benchmark_terms,
        risk_free_rates=risk_free_rates,
    )
    facts = scenarios.Facts(
        proxies=proxies,
        risk_factors=risk_factors,
        books=books,
        benchmark_levels=benchmark_levels,
        alternative_data=alternative_data,
        model_prices=model_prices,
        prices=prices,
        risk_free_rates=risk_free_rates,
    )
    frames = attributions.of_periods(
        performance,
        effects.gathered(attribution_nodes, currency_attribution, factor_attribution),
        pnl,
        valuations,
        nav,
        sources,
        attribution_rules,
        performance_rules,
        instruments,
        facts,
        sessions_of(context)[0],
    )
    for name, frame in frames.items():
        yield shown(context, frame, partial(PICTURES[name], frame), output_name=name)
