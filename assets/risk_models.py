"""The risk models: volatility, factors, what follows them, and betas.

Belongs here: which tables they are derived from. The mathematics is in ``daybook.risk``.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets.sessions import OF_THE_DAY, back, outs, sessions_of, shown
from daybook.risk import risk_models as models

GROUP = "risk"


@dg.multi_asset(
    name="risk_models",
    outs=outs(GROUP, models.NAMES),
    ins={
        "returns": dg.AssetIn(metadata=back(models.BEFORE)),
        "fx_rates": dg.AssetIn(metadata=back(models.BEFORE + 1)),
    },
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def risk_model_tables(
    context: dg.AssetExecutionContext,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    prices: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    scenario_pnl: pd.DataFrame,
    instruments: pd.DataFrame,
    risk_factors: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    alternative_data: pd.DataFrame,
    latest_fundamentals: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Volatility forecasts, three factor models and betas of the session."""
    facts = models.Facts(
        returns=returns,
        fx_rates=fx_rates,
        prices=prices,
        valuations=valuations,
        nav=nav,
        scenario_pnl=scenario_pnl,
        instruments=instruments,
        risk_factors=risk_factors,
        benchmark_levels=benchmark_levels,
        alternative_data=alternative_data,
        latest_fundamentals=latest_fundamentals,
    )
    frames = models.risk_models(facts, sessions_of(context)[0])
    for name in models.NAMES:
        yield shown(context, frames[name], output_name=name)
