"""Findings about prices that two people put in place of the market's.

Belongs here: telling of each holding that is valued so, on every day until it ends. Does not belong here: which
overrides hold (``daybook.market.overrides``).
"""

import pandas as pd

from daybook.market import overrides
from daybook.market.quality.finding import finding, holdings


def overridden(valuations: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Holdings valued at an override: ``price_override``, warning.

    impact_base is what NAV would change by at the market's price: value x (market_close / close - 1); missing where
    the market has no price in that currency.

    Args:
        valuations: table of the sessions that are checked.
        prices: golden, of the same sessions.
    """
    day = ["business_date", "instrument"]
    decided = prices.loc[prices["status"] == overrides.STATUS, [*day, "close", "market_close", "reason"]]
    rows = holdings(valuations).merge(decided, on=day)
    impact = rows["market_value_base"] * (rows["market_close"] / rows["close"] - 1.0)
    return finding(rows, "price_override", "warning", rows["reason"], impact)
