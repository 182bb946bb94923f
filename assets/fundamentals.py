"""Reported figures, point in time: what was known of every company at the end of the session.

Belongs here: the asset. Which figure counts is in ``daybook.market.fundamentals``.
"""

import dagster as dg
import pandas as pd

from assets.market_data import GROUP
from assets.sessions import OF_THE_DAY, sessions_of, shown
from daybook.market.fundamentals import latest


@dg.asset(**OF_THE_DAY, group_name=GROUP)
def latest_fundamentals(context: dg.AssetExecutionContext, fundamentals: pd.DataFrame) -> dg.Output[pd.DataFrame]:
    """The newest period's figure of each instrument and field, as it stood, and as it was first published."""
    return shown(context, latest(fundamentals, sessions_of(context)))
