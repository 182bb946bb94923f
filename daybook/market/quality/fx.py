"""Exchange rates that are old or contradict each other.

Belongs here: findings about rates. Does not belong here: making rates (``daybook.market.fx``).
"""

import numpy as np
import pandas as pd

from daybook.market import fx
from daybook.market.quality.finding import finding

TRIANGLE = 0.005
"""Gain of a round trip through three rates of one source beyond which they are not of one moment: as for prices; the
rounding of a rate given to four digits is a tenth of it."""


def stale_rates(valuations: pd.DataFrame, fx_rates: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """Stale rates between currencies that books hold or report in: ``fx_stale``, warning, ``instrument`` the pair."""
    sides = [
        valuations[["business_date", "currency"]],
        nav[["business_date", "base_currency"]].set_axis(["business_date", "currency"], axis=1),
    ]
    used = pd.MultiIndex.from_frame(pd.concat(sides).drop_duplicates())
    concerns = [pd.MultiIndex.from_frame(fx_rates[["business_date", side]]).isin(used) for side in ("base", "quote")]
    rows = fx_rates[(fx_rates["status"] == "stale") & concerns[0] & concerns[1]]
    named = rows.assign(instrument=rows["base"] + "/" + rows["quote"])
    return finding(named, "fx_stale", "warning", rows["reason"])


def fx_triangles(raw_fx_rates: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Three rates of one source whose round trip gains more than ``TRIANGLE``: ``fx_triangle``, warning.

    ``instrument`` holds the three currencies. Of several sources the one with the widest gap is named.

    Args:
        raw_fx_rates: facts; those of ``sessions`` count.
        sessions: midnight, naive.
    """
    found = fx.triangles(raw_fx_rates, sessions, TRIANGLE)
    named = found.assign(
        instrument=found["first"] + "/" + found["second"] + "/" + found["third"], gap=np.log(found["product"]).abs()
    )
    day = ["business_date", "instrument"]
    rows = named.sort_values([*day, "gap"], kind="stable").drop_duplicates(day, keep="last")
    trip = rows["first"] + " to " + rows["second"] + " to " + rows["third"] + " and back"
    gives = " gives " + rows["product"].map("{:.6f}".format).astype("str")
    reason = "source " + rows["source"] + ": " + rows["legs"] + " do not agree: 1 " + trip + gives
    return finding(rows, "fx_triangle", "warning", reason)
