"""Exposures: how much of a book stands in each instrument, issuer, sector, country, currency and asset class.

Belongs here: sums of exposure by dimension. Does not belong here: what is allowed (``limits``, ``daybook.compliance``).

Conventions (CONTRACT 2.12): exposure is ``exposure_base``; long >= 0, short <= 0, gross = long - short, net = long +
short, in base currency; fractions are of NAV, empty when nav <= 0. Cash counts in the dimensions currency and
asset_class only. What is written on a currency, a forward say, is exposure to that one, not to the one it is quoted
in. An empty issuer, sector or country is the bucket ``Unclassified``.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market.security_master import attributes

DIMENSIONS = ("instrument", "issuer", "sector", "country", "currency", "asset_class")
CASH_DIMENSIONS = ("currency", "asset_class")
UNCLASSIFIED = "Unclassified"
KEY = ["business_date", "book"]


def exposures(
    valuations: pd.DataFrame, instruments: pd.DataFrame, nav: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Table ``exposures`` of ``sessions``; books without a NAV have no rows.

    Args:
        valuations: table ``valuations`` of the sessions, cash rows included.
        instruments: facts, dated by valid_from.
        nav: table ``nav`` of the sessions.
        sessions: sessions to compute.
    """
    held = valuations.loc[valuations["business_date"].isin(sessions)]
    return by_dimension(held[[*KEY, "instrument", "currency", "exposure_base"]], instruments, nav)


def by_dimension(held: pd.DataFrame, instruments: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """``exposures`` of any positions, also of some that no book has.

    Args:
        held: business_date, book, instrument, currency, exposure_base.
        instruments: facts, dated by valid_from.
        nav: table ``nav``.
    """
    good = nav.loc[nav["status"].eq("ok"), [*KEY, "nav"]]
    rows = classified(held.merge(good[KEY], on=KEY).sort_values([*KEY, "instrument"], ignore_index=True), instruments)
    security = ~rows["instrument"].str.startswith("CASH:")
    parts = [
        rows.loc[security | (dimension in CASH_DIMENSIONS), [*KEY, "exposure_base"]].assign(
            dimension=dimension, bucket=rows[dimension]
        )
        for dimension in DIMENSIONS
    ]
    long = pd.concat(parts).sort_values([*KEY, "dimension", "bucket"], kind="stable", ignore_index=True)
    long["long"], long["short"] = long["exposure_base"].clip(lower=0), long["exposure_base"].clip(upper=0)
    sums = (
        long.groupby([*KEY, "dimension", "bucket"], as_index=False)[["long", "short"]]
        .sum()
        .round({"long": 6, "short": 6})
    )
    sums["gross"] = (sums["long"] - sums["short"]).round(6)
    sums["net"] = (sums["long"] + sums["short"]).round(6)
    sums = sums.merge(good, on=KEY)
    divisor = sums["nav"].where(sums["nav"] > 0)
    sums["gross_fraction"] = (sums["gross"] / divisor).round(12)
    sums["net_fraction"] = (sums["net"] / divisor).round(12)
    sums["beta_adjusted"] = sums["notional_base"] = np.nan
    return tables.conform("exposures", sums.drop(columns="nav"))


def classified(rows: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """``rows`` (business_date, instrument, currency) with issuer, sector, country and asset_class of the session, and
    the currency that they are exposed to.
    """
    known = attributes(instruments, "instrument", rows, ["issuer", "sector", "country", "asset_class", "underlying"])
    under = known.pop("underlying")
    known = known.replace("", UNCLASSIFIED)
    known["asset_class"] = known["asset_class"].mask(rows["instrument"].str.startswith("CASH:"), "cash")
    exposed = rows["currency"].mask(under.str.startswith("CASH:"), under.str[len("CASH:") :])
    return pd.concat([rows.assign(currency=exposed), known], axis=1)
