"""A finding: the rows that a check returns.

Belongs here: building such rows, and what checks have in common about holdings. Does not belong here: any check, and
how much a finding matters (``impact``).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BY_IMPACT = "by impact"
"""Severity of a finding that blocks if what it may mean for NAV is material, and warns if not (``impact``)."""
DELIVERED = ("ok", "override")
"""Status of a golden price that is one of its session."""


def finding(
    rows: pd.DataFrame,
    check: "str | NDArray[np.str_] | pd.Series[str]",
    severity: "str | NDArray[np.str_]",
    reason: "str | pd.Series[str]",
    impact: "float | pd.Series[float]" = np.nan,
) -> pd.DataFrame:
    """One finding for each of ``rows``, about its book and instrument where it has them.

    ``impact`` is what the book's NAV would change by, in its base currency, if the likely fault were put right.
    """
    given = {name: rows[name].to_numpy() if name in rows else "" for name in ("book", "instrument")}
    values = {"check": check, "severity": severity, "reason": reason, "impact_base": impact}
    plain = {name: value.to_numpy() if isinstance(value, pd.Series) else value for name, value in values.items()}
    texts = dict.fromkeys(["check", "book", "instrument", "severity", "reason"], "str")
    return pd.DataFrame({"business_date": rows["business_date"].to_numpy(), **given, **plain}).astype(
        {**texts, "impact_base": "float64"}
    )


def joined(rows: pd.DataFrame, severity: str) -> pd.DataFrame:
    """One finding for each session and check: the first text and the number of the others."""
    each = rows.groupby(["business_date", "check"], sort=False)["text"].agg(["first", "size"]).reset_index()
    return finding(each, each["check"], severity, each["first"] + and_more(each["size"]))


def and_more(count: "pd.Series[int]") -> "pd.Series[str]":
    """ " (and 2 more)" where there are three, "" where there is one."""
    return (" (and " + (count - 1).astype("str") + " more)").where(count > 1, "")


def holdings(valuations: pd.DataFrame) -> pd.DataFrame:
    """Rows of securities."""
    columns = ["business_date", "book", "instrument", "quantity", "fx_rate", "market_value_base"]
    return valuations.loc[~valuations["instrument"].str.startswith("CASH:"), columns].reset_index(drop=True)


def priced(valuations: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Holdings with a golden price of their session: with its close, currency, source, basis, file and line."""
    columns = ["business_date", "instrument", "close", "currency", "source", "price_basis", "file", "line"]
    known = prices.loc[prices["status"].isin(DELIVERED), columns]
    return holdings(valuations).merge(known, on=["business_date", "instrument"])


def percent(values: "pd.Series[float]") -> "pd.Series[str]":
    """Each fraction as text, +1.5%; never -0.0%."""
    return (values.round(3) + 0.0).map("{:+.1%}".format).astype("str")


def number(values: "pd.Series[float]") -> "pd.Series[str]":
    """Each number as text of at most six digits."""
    return values.map("{:g}".format).astype("str")
