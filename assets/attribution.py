"""Attribution: why the books earned something other than their benchmarks.

Belongs here: which tables the effects are derived from, of every session and of periods that end on the date. Does not
belong here: the formulas (``daybook.attribution``), the returns (``assets.performance``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets import plots
from assets.partitions import WITH_PRIOR
from assets.risk import YEARS_BACK
from assets.sessions import OF_THE_DAY, RESULT, SINCE_START, outs, sessions_of, shown
from daybook import attribution as attributions
from daybook.attribution import active_risk, contributions, currency, effects, estimates, factors, periods, rules, sides
from daybook.performance import benchmarks
from daybook.risk import scenarios

GROUP = "performance"
OF_SESSIONS = ("attribution", "attribution_nodes", "attribution_pnl", "currency_attribution", "factor_attribution")
"""What one step makes of every session of the history."""
OF_PERIODS = ("period_attribution", "contributions", "risk_attribution")
"""What one step makes of the periods that end on the date."""


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
    sessions = sessions_of(context)
    views = benchmarks.book_views(books, sessions)
    sources = benchmarks.Sources(
        benchmark_weights=benchmark_weights,
        returns=returns,
        fx_rates=fx_rates,
        benchmark_levels=benchmark_levels,
        benchmark_blends=benchmark_blends,
        benchmark_terms=benchmark_terms,
        risk_free_rates=risk_free_rates,
    )
    opened = benchmarks.computed(sources, views, sessions)
    scope = sides.scope_of(performance, views, sessions)
    lines = sides.lines(valuations, pnl, nav, scope, opened.lines)
    declared = rules.in_force(attribution_rules, scope)
    frames = attributions.brinson_tables(lines, scope, declared, risk_free_rates, instruments)
    by_sector = frames["attribution"]
    for name, frame in frames.items():
        yield shown(context, frame, (lambda: plots.sectors(by_sector)) if name == "attribution" else None, name)
    by_currency = currency.currency_attribution(
        lines, opened.lines, valuations, nav, instruments, declared, fx_rates, risk_free_rates, sessions
    )
    yield shown(context, by_currency, output_name="currency_attribution")
    yield shown(
        context,
        factors.factor_attribution(
            valuations,
            pnl,
            nav,
            performance,
            opened.lines,
            views,
            estimates.Sources(returns, fx_rates, instruments, risk_factors, benchmark_levels, alternative_data),
            sessions,
        ),
        output_name="factor_attribution",
    )


@dg.multi_asset(
    name="effects_of_periods",
    outs=outs(GROUP, OF_PERIODS),
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
    date = sessions_of(context)[0]
    declared = rules.in_force(attribution_rules, performance.loc[performance["business_date"].eq(date)])
    linked = periods.period_attribution(
        performance,
        effects.gathered(attribution_nodes, currency_attribution, factor_attribution),
        declared,
        date,
    )
    yield shown(context, linked, lambda: plots.waterfalls(linked), output_name="period_attribution")
    added = contributions.contributions(performance, pnl, valuations, nav, fx_rates, instruments, date)
    yield shown(context, added, lambda: plots.contributed(added), output_name="contributions")
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
    values, worth = (frame.loc[frame["business_date"].eq(date)] for frame in (valuations, nav))
    by_node = active_risk.risk_attribution(
        values, worth, sources, instruments, attribution_rules, performance_rules, facts, date
    )
    yield shown(context, by_node, lambda: plots.tracking(by_node), output_name="risk_attribution")
