"""Risk: scenarios, value at risk and its proof, stress, exposures and limits, for every book at once.

Belongs here: which tables each measure is derived from. The mathematics is in ``daybook.risk``.
"""

import dagster as dg
import pandas as pd

from assets import plots
from assets.partitions import window
from assets.sessions import OF_THE_DAY, RESULT, SINCE_START, sessions_of, shown
from daybook.risk import backtest, scenarios
from daybook.risk import var as value_at_risk

GROUP = "risk"
YEARS_BACK = {
    "returns": dg.AssetIn(partition_mapping=window(scenarios.WINDOW)),
    "fx_rates": dg.AssetIn(partition_mapping=window(scenarios.WINDOW + 1)),
}
"""The sessions that make scenarios; a rate is needed at the session before the first return too."""


@dg.asset(**RESULT, group_name=GROUP, ins=YEARS_BACK)
def var(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Historical value at risk and expected shortfall, with the convention beside the number."""
    frame = value_at_risk.var(valuations, nav, returns, fx_rates, instruments, sessions_of(context))
    return shown(context, frame)


@dg.asset(**OF_THE_DAY, group_name=GROUP, ins=YEARS_BACK)
def scenario_pnl(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """P&L of each book in each scenario: vectors that add up over any grouping of books."""
    frame = scenarios.scenario_pnl(valuations, nav, returns, fx_rates, instruments, sessions_of(context))
    return shown(context, frame)


@dg.asset(**OF_THE_DAY, group_name=GROUP, ins=YEARS_BACK)
def var_components(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Where value at risk comes from: components that sum to it, marginal and incremental."""
    frame = value_at_risk.components(valuations, nav, returns, fx_rates, instruments, sessions_of(context))
    return shown(context, frame)


@dg.asset(
    **OF_THE_DAY,
    group_name=GROUP,
    ins={name: dg.AssetIn(partition_mapping=window(backtest.WINDOW + 1)) for name in ("var", "pnl")},
)
def var_backtest(
    context: dg.AssetExecutionContext, var: pd.DataFrame, pnl: pd.DataFrame, books: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Value at risk of each session against the next session's P&L: Kupiec, Christoffersen, Basel zone."""
    frame = backtest.backtest(var, pnl, books, sessions_of(context))
    return shown(context, frame, lambda: {"plot": plots.var_against_pnl(var, pnl)})


@dg.asset(**OF_THE_DAY, group_name=GROUP, ins={"returns": dg.AssetIn(metadata=SINCE_START)})
def stress_pnl(context: dg.AssetExecutionContext) -> None:
    """Placeholder."""
