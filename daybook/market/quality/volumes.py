"""Volumes that do not fit their prices or their own past.

Belongs here: findings about quantities traded. Does not belong here: prices.
"""

import numpy as np
import pandas as pd

from daybook.market import actions
from daybook.market.quality.finding import Floats, finding, number
from daybook.market.quality.moves import ENOUGH, NORMAL, WINDOW
from daybook.market.quality.sources import behind

UNUSUAL = 6.0
"""Own robust deviations of log volume, as for a move."""


def odd_volumes(moved: pd.DataFrame, raw_prices: pd.DataFrame, corporate_actions: pd.DataFrame) -> pd.DataFrame:
    """Held instruments whose volume is odd: ``volume_odd``.

    A warning where the price changed and nothing was traded: impact_base is what NAV would change by if it had not.
    ``info`` where the logarithm of the volume is more than ``UNUSUAL`` robust deviations from its median over the
    ``WINDOW`` prices before, of the same source, restated for splits; it needs ``ENOUGH`` of them.

    Args:
        moved: of ``moves.measured``.
        raw_prices: facts of the sessions and of ``WINDOW`` before each.
        corporate_actions: facts.
    """
    rows = behind(moved, raw_prices, ["volume"])
    idle = rows[(rows["volume"] == 0.0) & (rows["move"] != 0.0)]
    impact = -idle["market_value_base"] * idle["move"] / (1.0 + idle["move"])
    untraded = finding(idle, "volume_odd", "warning", "the price changed and nothing was traded", impact)
    rows = rows[rows["volume"] > 0.0].reset_index(drop=True)
    median, deviation = _usual(rows, raw_prices, corporate_actions)
    apart = np.log(rows["volume"]) - median
    odd = apart.abs() > UNUSUAL * deviation
    times = pd.Series(np.exp(median), rows.index)
    reason = "volume " + number(rows["volume"]) + ", usually " + number(times)
    return pd.concat([untraded, finding(rows[odd], "volume_odd", "info", reason[odd])])


def _usual(rows: pd.DataFrame, raw_prices: pd.DataFrame, corporate_actions: pd.DataFrame) -> tuple[Floats, Floats]:
    """Median and robust deviation of the log volumes before each of ``rows``, in its units; NaN with too few."""
    columns = ["instrument", "source", "business_date", "volume"]
    traded = raw_prices.loc[raw_prices["volume"] > 0.0, columns]
    wanted = rows[["instrument", "source", "business_date"]].drop_duplicates()
    pairs = wanted.merge(traded, on=["instrument", "source"], suffixes=("", "_before"))
    pairs = pairs[pairs["business_date_before"] < pairs["business_date"]]
    key = ["instrument", "source", "business_date"]
    pairs = pairs.sort_values([*key, "business_date_before"], kind="stable")
    pairs = pairs.groupby(key).tail(WINDOW).reset_index(drop=True)
    units = actions.split_ratio(
        corporate_actions, pairs["instrument"], pairs["business_date_before"], pairs["business_date"]
    )
    pairs["log"] = np.log(pairs["volume"] * units)
    pairs["median"] = pairs.groupby(key)["log"].transform("median")
    pairs["apart"] = (pairs["log"] - pairs["median"]).abs()
    each = pairs.groupby(key, as_index=False).agg(
        median=("median", "first"), deviation=("apart", "median"), count=("log", "size")
    )
    each = rows[key].merge(each[each["count"] >= ENOUGH], on=key, how="left")
    return each["median"].to_numpy(np.float64), NORMAL * each["deviation"].to_numpy(np.float64)
