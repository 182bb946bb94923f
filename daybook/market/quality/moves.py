"""Prices that moved oddly.

Belongs here: a price against its own past. Does not belong here: prices of one session against each
other (``sources``).
"""

import pandas as pd

from daybook.market.quality.finding import finding, holdings
from daybook.market.quality.volatility import own_volatility

SPIKE = 6.0
"""Volatilities beyond which a return is worth a look: six a year in the sample vendor's 25 series, 1990 to 2022."""


def spikes(valuations: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """Held instruments whose return is beyond ``SPIKE`` of their own volatilities: ``price_spike``, warning.

    Volatility is the standard deviation of price_return over the ``WINDOW`` sessions before; it needs ``ENOUGH`` of
    them. impact_base is what NAV would change by if the price had not moved.

    Args:
        valuations: table of the sessions that are checked.
        returns: table of the same sessions and of ``WINDOW`` sessions before each.
    """
    today = returns[["business_date", "instrument", "price_return"]]
    rows = holdings(valuations).merge(today, on=["business_date", "instrument"])
    volatility = own_volatility(rows, returns)
    moved = rows["price_return"]
    odd = (moved.abs() > SPIKE * volatility).to_numpy()
    times = (moved.abs() / volatility).map("{:.0f}".format).astype("str")
    reason = "moved by " + moved.map("{:+.1%}".format).astype("str") + ", " + times + " times its own daily volatility"
    impact = -rows["market_value_base"] * moved / (1.0 + moved)
    return finding(rows[odd], "price_spike", "warning", reason[odd], impact[odd])
