"""Prices by model: bonds, options and currency forwards that the books hold or traded.

Belongs here: which facts and results the models are given. The models are in ``daybook.ledger.pricing``.
"""

import dagster as dg
import pandas as pd

from assets.sessions import RESULT, sessions_of, shown
from daybook.ledger import pricing
from resources.settings import settings

GROUP = "books"


@dg.asset(**RESULT, group_name=GROUP)
def model_prices(
    context: dg.AssetExecutionContext,
    positions: pd.DataFrame,
    ledger_activity: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    volatilities: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Price, accrued interest and delta of each bond, option and forward: model and inputs, or why there is none."""
    frame = pricing.model_prices(
        pricing.held(positions, ledger_activity),
        prices,
        fx_rates,
        risk_free_rates,
        volatilities,
        instruments,
        sessions_of(context),
        settings().vendors,
    )
    return shown(context, frame)
