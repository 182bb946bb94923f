"""Risk: scenarios, value at risk and its proof, for every book at once.

Belongs here: which tables each measure is derived from. The mathematics is in ``daybook.risk``.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets import plots
from assets.partitions import WITH_PRIOR
from assets.sessions import OF_THE_DAY, OWNER, RESULT, back, outs, sessions_of, shown
from daybook.risk import backtest, components, contributions, explain, groups, models, scenarios
from daybook.risk import var as value_at_risk
from daybook.tables import TABLES

GROUP = "risk"
YEARS_BACK = {
    "returns": dg.AssetIn(metadata=back(models.BACK)),
    "fx_rates": dg.AssetIn(metadata=back(models.BACK + 1)),
    "prices": dg.AssetIn(
        metadata=back(models.BACK + 1) | {"columns": ["business_date", "instrument", "close", "status"]}
    ),
}
"""The sessions that make scenarios; a rate is needed at the session before the first return too."""
OF_THE_BOOKS = (
    *("scenario_pnl", "var_components", "var_contributions", "group_var", "group_var_components"),
    "var_explain",
)
"""Tables of the date that are read off the same scenarios."""

struck_var = dg.AssetSpec(
    "struck_var",
    description=TABLES["struck_var"].meaning,
    group_name=GROUP,
    owners=[OWNER],
    kinds={"postgres"},
    partitions_def=RESULT["partitions_def"],
)
"""Written with the pack of each date, and read by later ones."""


@dg.asset(**RESULT, group_name=GROUP, ins=YEARS_BACK)
def var(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    var_models: pd.DataFrame,
    proxies: pd.DataFrame,
    risk_factors: pd.DataFrame,
    books: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    benchmark_blends: pd.DataFrame,
    benchmark_terms: pd.DataFrame,
    alternative_data: pd.DataFrame,
    model_prices: pd.DataFrame,
    prices: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Value at risk and expected shortfall by every model in force, with the convention beside the number."""
    facts = scenarios.Facts(
        var_models=var_models,
        proxies=proxies,
        risk_factors=risk_factors,
        books=books,
        benchmark_weights=benchmark_weights,
        benchmark_levels=benchmark_levels,
        benchmark_blends=benchmark_blends,
        benchmark_terms=benchmark_terms,
        alternative_data=alternative_data,
        model_prices=model_prices,
        prices=prices,
        risk_free_rates=risk_free_rates,
    )
    frame = value_at_risk.var(valuations, nav, returns, fx_rates, instruments, sessions_of(context), facts)
    return shown(context, frame)


@dg.multi_asset(
    name="risk_of_books",
    outs=outs(GROUP, OF_THE_BOOKS),
    ins={
        **YEARS_BACK,
        **{
            name: dg.AssetIn(partition_mapping=WITH_PRIOR)
            for name in ("valuations", "nav", "model_prices", "var", "struck_var")
        },
    },
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def risk_of_books(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    var_models: pd.DataFrame,
    proxies: pd.DataFrame,
    risk_factors: pd.DataFrame,
    books: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    benchmark_blends: pd.DataFrame,
    benchmark_terms: pd.DataFrame,
    alternative_data: pd.DataFrame,
    model_prices: pd.DataFrame,
    prices: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    var: pd.DataFrame,
    struck_var: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Vectors of P&L that add up over any grouping of books, where value at risk comes from, and why it changed."""
    facts = scenarios.Facts(
        var_models=var_models,
        proxies=proxies,
        risk_factors=risk_factors,
        books=books,
        benchmark_weights=benchmark_weights,
        benchmark_levels=benchmark_levels,
        benchmark_blends=benchmark_blends,
        benchmark_terms=benchmark_terms,
        alternative_data=alternative_data,
        model_prices=model_prices,
        prices=prices,
        risk_free_rates=risk_free_rates,
    )
    days = list(scenarios.days(valuations, nav, returns, fx_rates, instruments, sessions_of(context), facts))
    yield shown(context, scenarios.scenario_pnl(days), output_name="scenario_pnl")
    parts_of_var = components.components(days)
    yield shown(context, parts_of_var, lambda: plots.component_bars(parts_of_var), output_name="var_components")
    parts = contributions.contributions(days, instruments, books)
    yield shown(context, parts, output_name="var_contributions")
    together, by_book = groups.group_var(days, nav, books, fx_rates, var_models, sessions_of(context))
    yield shown(context, together, output_name="group_var")
    yield shown(context, by_book, output_name="group_var_components")
    steps = explain.explain(
        var, struck_var, valuations, nav, returns, fx_rates, instruments, sessions_of(context), facts
    )
    yield shown(context, steps, lambda: plots.var_steps(steps), output_name="var_explain")


@dg.asset(
    **OF_THE_DAY,
    group_name=GROUP,
    ins={
        "var": dg.AssetIn(metadata=back(backtest.LOOK_BACK) | {"columns": backtest.FORECAST}),
        **{name: dg.AssetIn(metadata=back(backtest.LOOK_BACK)) for name in ("nav_bridge", "nav", "struck_var")},
    },
)
def var_backtest(
    context: dg.AssetExecutionContext,
    var: pd.DataFrame,
    nav_bridge: pd.DataFrame,
    nav: pd.DataFrame,
    struck_var: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Value at risk of each session against the next session's P&L, as it was struck where it was."""
    frame = backtest.backtest(var, nav_bridge, nav, struck_var, sessions_of(context))
    return shown(context, frame, lambda: plots.var_against_pnl(var, nav_bridge))
