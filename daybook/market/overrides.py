"""Price overrides: prices that two people put in place of the market's, for some sessions.

Belongs here: which override is in force on a session, and the golden price it makes. Does not belong here: who may ask
for one and who must agree (``resources.overrides``), what the pack and the findings say of it.
"""

import numpy as np
import pandas as pd

from daybook.market import actions, currencies, dated, security_master

SOURCE, STATUS = "override", "override"
"""What ``source`` and ``status`` of a golden price say where an override is in force."""


def file(override_id: str) -> str:
    """Where an override comes from, in place of the name of a file."""
    return f"override {override_id}"


def in_force(price_overrides: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The override of each instrument on each of ``sessions``, sorted by both.

    One holds from valid_from to valid_to, both included. Of several that hold, the one of the highest number counts,
    which was asked for last: that never changes afterwards, as an earlier end of another one might.

    Returns:
        business_date, then the columns of ``price_overrides``.
    """
    days = sessions.to_numpy("datetime64[us]")
    low = np.searchsorted(days, price_overrides["valid_from"].to_numpy("datetime64[us]"), side="left")
    high = np.searchsorted(days, price_overrides["valid_to"].to_numpy("datetime64[us]"), side="right")
    count = np.maximum(high - low, 0)
    at = np.repeat(np.arange(len(price_overrides)), count)
    day = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    rows = price_overrides.take(at).reset_index(drop=True)
    rows.insert(0, "business_date", days[day])
    number = pd.to_numeric(rows["override_id"])
    rows = rows.iloc[np.argsort(number.to_numpy(), kind="stable")]
    rows = rows.drop_duplicates(["business_date", "instrument"], keep="last")
    return rows.sort_values(["business_date", "instrument"], kind="stable", ignore_index=True)


def prices(
    price_overrides: pd.DataFrame,
    market: pd.DataFrame,
    instruments: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Rows of table ``prices`` for what is overridden on ``sessions``, whether or not the market has a price.

    The price is in the terms of valid_from and restated for the splits of later sessions, unless the market's is an
    adjusted one. market_close is the market's price where it is in the same currency.

    Args:
        price_overrides: facts.
        market: rows of table ``prices`` without any override, of the same sessions.
        instruments: reference facts; the currency in force serves where neither override nor market name one.
        corporate_actions: facts; only splits that are not cancelled count.
        sessions: midnight, naive.
    """
    rows = in_force(price_overrides, sessions)
    key = ["business_date", "instrument"]
    there = rows[key].merge(market, on=key, how="left")
    known = there["close"].notna()
    listed = security_master.attributes(instruments, "instrument", rows, ["currency"])["currency"]
    fallback = there["currency"].where(known, listed)
    currency, parts = currencies.major(rows["currency"].where(rows["currency"] != "", fallback))
    basis = there["price_basis"].where(known, "raw")
    ratio = actions.split_ratio(corporate_actions, rows["instrument"], rows["valid_from"], rows["business_date"])
    ratio = np.where(basis != "adjusted", ratio, 1.0)

    who = "override " + rows["override_id"] + " of " + rows["entered_by"] + ", approved by " + rows["approved_by"]
    restated = np.where(ratio != 1.0, ", restated for the splits since " + dated.iso(rows["valid_from"]), "")
    named = there["close"].map("{:.10g}".format).astype("str") + " " + there["currency"] + " of " + there["source"]
    state = (", " + there["status"]).mask(there["status"] == "ok", "")
    without = ("the market says " + named + state).where(known, "the market never had a price")
    return pd.DataFrame(
        {
            **{name: rows[name] for name in key},
            "close": rows["price"] / parts / ratio,
            "currency": currency,
            "source": SOURCE,
            "status": STATUS,
            "price_basis": basis,
            "reason": who + ": " + rows["reason"] + restated + "; " + without,
            "market_close": there["close"].where(there["currency"] == currency),
            "file": rows["file"],
            "line": rows["line"],
        }
    )
