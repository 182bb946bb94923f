"""Delivered prices of one session against each other.

Belongs here: what one session's price facts say against themselves. Does not belong here: their past (``moves``).
"""

import pandas as pd

from daybook.market import currencies
from daybook.market.quality.finding import finding, holdings

UNEQUAL = 0.005
"""Spread between two sources' closes, as a fraction, beyond which they do not mean the same price."""


def unequal_prices(valuations: pd.DataFrame, raw_prices: pd.DataFrame) -> pd.DataFrame:
    """Held instruments with closes of several sources that differ by more than ``UNEQUAL``: ``price_unequal``.

    Warning; impact_base is the value of the whole spread. Raw and adjusted prices, and other currencies, do not mean
    the same and are not compared; prices in a minor unit are compared in its currency.
    """
    same = ["business_date", "instrument", "currency", "price_basis"]
    found = raw_prices[raw_prices["business_date"].isin(valuations["business_date"].unique())]
    currency, parts = currencies.major(found["currency"])
    found = found.assign(currency=currency, close=found["close"] / parts)
    spread = found.groupby(same, as_index=False)["close"].agg(["min", "max"])
    spread["fraction"] = spread["max"] / spread["min"] - 1.0
    widest = spread.sort_values("fraction", kind="stable").drop_duplicates(["business_date", "instrument"], keep="last")
    rows = holdings(valuations).merge(widest[widest["fraction"] > UNEQUAL], on=["business_date", "instrument"])
    low, high = (rows[name].map("{:g}".format).astype("str") for name in ("min", "max"))
    reason = "sources differ: from " + low + " to " + high
    return finding(rows, "price_unequal", "warning", reason, rows["market_value_base"].abs() * rows["fraction"])
