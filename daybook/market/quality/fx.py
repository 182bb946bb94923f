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
CENT = 0.005
"""Money in base currency that rounds to nothing."""
_DAY = ["business_date", "instrument"]


def stale_rates(valuations: pd.DataFrame, fx_rates: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """Stale rates between currencies that books hold or report in: ``fx_stale``, warning, ``instrument`` the pair."""
    used = pd.MultiIndex.from_frame(currencies(valuations, nav))
    concerns = [pd.MultiIndex.from_frame(fx_rates[["business_date", side]]).isin(used) for side in ("base", "quote")]
    rows = fx_rates[(fx_rates["status"] == "stale") & concerns[0] & concerns[1]]
    named = rows.assign(instrument=rows["base"] + "/" + rows["quote"])
    return finding(named, "fx_stale", "warning", rows["reason"])


def fx_triangles(
    raw_fx_rates: pd.DataFrame,
    fx_rates: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Three rates of one source whose round trip gains more than ``TRIANGLE``: ``fx_triangle``.

    Blocking for every book that is valued through one of the three: it has more than ``CENT`` at stake in a currency of
    the triangle, and its rate into the book's currency is one of the three legs, or is made of others because it was
    not delivered. impact_base is the value in those currencies x the gain. A warning for the firm where no book is.

    ``instrument`` holds the three currencies. Of several sources the one with the widest gap is named.

    Args:
        raw_fx_rates: facts; those of ``sessions`` count.
        fx_rates: golden, of ``sessions``.
        valuations: table of ``sessions``.
        nav: table of ``sessions``.
        sessions: midnight, naive.
    """
    found = fx.triangles(raw_fx_rates, sessions, TRIANGLE)
    found = found.assign(
        instrument=found["first"] + "/" + found["second"] + "/" + found["third"],
        gain=np.maximum(found["product"], 1.0 / found["product"]) - 1.0,
    )
    rows = found.sort_values([*_DAY, "gain"], kind="stable").drop_duplicates(_DAY, keep="last")
    trip = rows["first"] + " to " + rows["second"] + " to " + rows["third"] + " and back"
    gives = " gives " + rows["product"].map("{:.6f}".format).astype("str")
    rows = rows.assign(reason="source " + rows["source"] + ": " + rows["legs"] + " do not agree: 1 " + trip + gives)
    # Every triangle counts for the books, whichever is named for the firm: theirs may be of the other source.
    stakes = _at_stake(found, fx_rates, valuations, nav).merge(rows[[*_DAY, "reason"]], on=_DAY)
    spared = rows[~pd.MultiIndex.from_frame(rows[_DAY]).isin(pd.MultiIndex.from_frame(stakes[_DAY]))]
    return pd.concat(
        [
            finding(stakes, "fx_triangle", "blocking", stakes["reason"], stakes["impact"]),
            finding(spared, "fx_triangle", "warning", spared["reason"]),
        ]
    )


def currencies(valuations: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """business_date and currency: those in which books hold or report, each once."""
    sides = [
        valuations[["business_date", "currency"]],
        nav[["business_date", "base_currency"]].set_axis(["business_date", "currency"], axis=1),
    ]
    return pd.concat(sides).drop_duplicates(ignore_index=True)


def _at_stake(
    triangles: pd.DataFrame, fx_rates: pd.DataFrame, valuations: pd.DataFrame, nav: pd.DataFrame
) -> pd.DataFrame:
    """business_date, book, instrument (the triangle) and impact of the books that are valued through a triangle."""
    base = nav[["business_date", "book", "base_currency"]]
    value = valuations.groupby(["business_date", "book", "currency"], as_index=False)["market_value_base"].sum()
    value = value.merge(base, on=["business_date", "book"])
    value = value[(value["currency"] != value["base_currency"]) & (value["market_value_base"].abs() > CENT)]
    pairs = value.merge(triangles, on="business_date")
    inside = [
        (pairs[side] == pairs["first"]) | (pairs[side] == pairs["second"]) | (pairs[side] == pairs["third"])
        for side in ("currency", "base_currency")
    ]
    # A rate between two of the three is a leg if this source was chosen; the rate into a fourth currency is one only
    # if it had to be crossed.
    day = ["business_date", "base", "quote"]
    known = pd.MultiIndex.from_frame(fx_rates[[*day, "source"]])
    there = pd.MultiIndex.from_frame(fx_rates[day])
    used, delivered = (
        np.logical_or(*(_pair(pairs, sides, extra).isin(among) for sides in _EITHER_WAY))
        for extra, among in ((["source"], known), ([], there))
    )
    pairs = pairs[inside[0] & ((inside[1] & (used | ~delivered)) | (~inside[1] & ~delivered))]
    pairs = pairs.assign(impact=pairs["market_value_base"].abs() * pairs["gain"])
    widest = pairs.sort_values("impact", kind="stable").drop_duplicates(
        ["business_date", "book", "instrument", "currency"], keep="last"
    )
    return pd.DataFrame(widest.groupby(["business_date", "book", "instrument"], as_index=False)["impact"].sum())


_EITHER_WAY = (["currency", "base_currency"], ["base_currency", "currency"])


def _pair(rows: pd.DataFrame, sides: list[str], extra: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[["business_date", *sides, *extra]])
