"""The books against themselves and against the custodian.

Belongs here: overdrafts, breaks, identities that do not hold. Does not belong here: market data.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from daybook.market import dated
from daybook.market.quality.finding import finding
from daybook.market.quality.impact import MATERIAL_BP


def negative_cash(cash: pd.DataFrame) -> pd.DataFrame:
    """Overdrawn balances: ``cash_negative``, warning."""
    rows = cash[cash["balance"] < 0]
    amount = rows["balance"].map("{:,.2f}".format).astype("str")
    named = rows.assign(instrument="CASH:" + rows["currency"])
    return finding(named, "cash_negative", "warning", "the balance is " + amount + " " + rows["currency"])


def breaks(reconciliation_breaks: pd.DataFrame) -> pd.DataFrame:
    """Each break a warning, ``break_open``; a book whose breaks are material is blocked, ``break_material``.

    Material is more than ``MATERIAL_BP`` in sum, without sign, or one whose effect on NAV is not known.
    """
    names = ["business_date", "book", "instrument"]
    rows = reconciliation_breaks.assign(size=reconciliation_breaks["impact_bp"].abs())
    first = (
        rows.sort_values("size", kind="stable", na_position="last")
        .drop_duplicates(names, keep="last")
        .sort_values(names)
    )
    money, units = (first["difference"].abs().map(text.format).astype("str") for text in ("{:,.2f}", "{:,.10g}"))
    size = units.mask(first["kind"] == "cash", money + " " + first["currency"])
    side = pd.Series(np.where(first["difference"] < 0, " less", " more"), first.index, dtype="str")
    since = ", open since " + dated.iso(first["opened_on"]).set_axis(first.index)
    reason = first["kind"] + ": the custodian has " + size + side + " than the books, " + first["cause"] + since
    each = finding(first, "break_open", "warning", reason, first["impact_base"])
    book = rows.groupby(["business_date", "book"]).agg(
        size=("size", "sum"), known=("size", "count"), count=("kind", "size"), impact_base=("impact_base", "sum")
    )
    book = book[(book["size"] > MATERIAL_BP) | (book["known"] < book["count"])].reset_index()
    unknown = book["known"] < book["count"]
    sum_of = "breaks sum up to " + book["size"].map("{:.1f}".format).astype("str") + " bp of NAV"
    text = sum_of.mask(unknown, "the effect of a break on NAV is not known")
    return pd.concat([each, finding(book, "break_material", "blocking", text, book["impact_base"].mask(unknown))])


def identities(gaps: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What does not add up: ``identity_<name>``, blocking, never to be waived.

    Args:
        gaps: name of the identity -> its offenders: business_date, book, reason, and where it has them instrument and
            gap. The gap of identity ``nav`` is money and becomes impact_base.
    """
    found = [pd.DataFrame()]
    for name, rows in gaps.items():
        impact = rows["gap"] if name == "nav" else np.nan
        found.append(finding(rows, f"identity_{name}", "blocking", rows["reason"], impact))
    return pd.concat(found)
