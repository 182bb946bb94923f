"""Stress: scenarios that came to pass, that somebody thought of, and that would lose a given part of NAV.

Belongs here: which tables they are derived from. The scenarios are in ``resources.stress_scenarios``, the mathematics
in ``daybook.risk``.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets import plots
from assets.sessions import OF_THE_DAY, SINCE_START, outs, sessions_of, shown
from daybook.risk import factors, reverse_stress
from daybook.risk import stress as stresses
from resources import stress_scenarios

GROUP = "risk"


@dg.multi_asset(
    name="stress_tables",
    outs=outs(GROUP, ("stress", "stress_components", "reverse_stress")),
    ins={name: dg.AssetIn(metadata=SINCE_START) for name in ("returns", "fx_rates")},
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def stress_tables(
    context: dg.AssetExecutionContext,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    model_prices: pd.DataFrame,
    proxies: pd.DataFrame,
    risk_factors: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    alternative_data: pd.DataFrame,
    betas: pd.DataFrame,
    factor_returns: pd.DataFrame,
    factor_exposures: pd.DataFrame,
    specific_risks: pd.DataFrame,
    factor_risk: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """P&L of each book under every declared scenario, where it comes from, and what would lose a given part of NAV."""
    declared = stress_scenarios.declared()
    for problem in declared.problems:
        context.log.error(problem)
    sessions = sessions_of(context)
    market = (risk_factors, returns, benchmark_levels, alternative_data, fx_rates, instruments, sessions[0])
    estimates = stresses.Estimates(
        proxies=proxies,
        risk_factors=risk_factors,
        betas=betas,
        factor_returns=factor_returns,
        factor_exposures=factor_exposures,
        specific_risks=specific_risks,
        model_prices=model_prices,
        history=factors.series(*market) if len(proxies) else None,
    )
    made = stresses.stress(valuations, nav, returns, fx_rates, instruments, sessions, declared.scenarios, estimates)
    yield shown(context, made.stress, lambda: plots.tornadoes(made.stress), output_name="stress")
    yield shown(context, made.components, output_name="stress_components")
    reverse = reverse_stress.reverse_stress(factor_risk, factor_returns, nav, declared.losses, sessions)
    yield shown(context, reverse, output_name="reverse_stress")
