"""A finding: the rows that a check returns.

Belongs here: building such rows, and what checks have in common about holdings. Does not belong here: any check.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables

KEY = ["business_date", "check", "book", "instrument"]


def finding(
    rows: pd.DataFrame,
    check: "str | NDArray[np.str_] | pd.Series[str]",
    severity: "str | NDArray[np.str_]",
    reason: "str | pd.Series[str]",
    impact: "float | pd.Series[float]" = np.nan,
) -> pd.DataFrame:
    """One finding for each of ``rows``, about its book and instrument where it has them."""
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
    more = (" (and " + (each["size"] - 1).astype("str") + " more)").where(each["size"] > 1, "")
    return finding(each, each["check"], severity, each["first"] + more)


def holdings(valuations: pd.DataFrame) -> pd.DataFrame:
    """Rows of securities."""
    columns = ["business_date", "book", "instrument", "quantity", "fx_rate", "market_value_base"]
    return valuations.loc[~valuations["instrument"].str.startswith("CASH:"), columns].reset_index(drop=True)


def collect(found: Sequence[pd.DataFrame], nav: pd.DataFrame) -> pd.DataFrame:
    """Table ``findings`` from the rows of all checks, status ``open``, with impact_bp = impact_base / NAV x 10^4.

    Args:
        found: frames as the checks return them.
        nav: table ``nav`` of their sessions; impact_bp is missing where NAV is not positive or not known.
    """
    rows = pd.concat([part for part in found if len(part)] or [finding(nav.head(0), "", "", "")], ignore_index=True)
    worth = rows[["business_date", "book"]].merge(nav[["business_date", "book", "nav"]], how="left")["nav"]
    impact = rows["impact_base"].round(6)
    scaled = (impact / worth.where(worth > 0) * 1e4).round(12)
    ordered = rows.assign(impact_base=impact, impact_bp=scaled, status="open").sort_values(KEY, kind="stable")
    return tables.conform("findings", ordered[list(tables.TABLES["findings"].names)])
