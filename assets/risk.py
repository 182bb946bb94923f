"""Risk: scenarios, value at risk and its proof, stress, exposures and limits, for every book at once.

Belongs here: which tables each measure is derived from. The mathematics is in ``daybook.risk``.
"""

import dagster as dg
import pandas as pd

from assets import plots
from assets.sessions import OF_THE_DAY, OWNER, RESULT, SINCE_START, back, sessions_of, shown
from daybook.risk import backtest, components, scenarios
from daybook.risk import exposures as exposure
from daybook.risk import stress as stresses
from daybook.risk import var as value_at_risk
from daybook.risk.limits import limit_usage as usage
from daybook.tables import TABLES

GROUP = "risk"
YEARS_BACK = {
    "returns": dg.AssetIn(metadata=back(scenarios.WINDOW)),
    "fx_rates": dg.AssetIn(metadata=back(scenarios.WINDOW + 1)),
}
"""The sessions that make scenarios; a rate is needed at the session before the first return too."""

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
    frame = components.components(valuations, nav, returns, fx_rates, instruments, sessions_of(context))
    return shown(context, frame)


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


@dg.asset(
    **OF_THE_DAY,
    group_name=GROUP,
    ins={name: dg.AssetIn(metadata=SINCE_START) for name in ("returns", "fx_rates")},
)
def stress(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """P&L of each book under a historical replay and a hypothetical shock."""
    frame = stresses.stress(valuations, nav, returns, fx_rates, instruments, sessions_of(context))
    return shown(context, frame)


@dg.asset(**OF_THE_DAY, group_name=GROUP)
def exposures(
    context: dg.AssetExecutionContext, valuations: pd.DataFrame, instruments: pd.DataFrame, nav: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Long, short, gross and net by instrument, issuer, sector, country, currency and asset class."""
    return shown(context, exposure.exposures(valuations, instruments, nav, sessions_of(context)))


@dg.asset(**OF_THE_DAY, group_name=GROUP, ins={"performance": dg.AssetIn(metadata=SINCE_START)})
def limit_usage(
    context: dg.AssetExecutionContext,
    limits: pd.DataFrame,
    exposures: pd.DataFrame,
    var: pd.DataFrame,
    nav: pd.DataFrame,
    performance: pd.DataFrame,
    stress: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Every limit against what is used; a limit that cannot be evaluated is failed, never passed."""
    frame = usage(limits, exposures, var, nav, performance, stress, sessions_of(context))
    return shown(context, frame)
