"""Why books and others may differ: one word for each break, and the sentence that names the evidence.

Belongs here: likely causes of breaks. Does not belong here: what a break is (``breaks``).
"""

import pandas as pd

ROUNDING = {"position": 1e-6, "cash": 0.005, "transaction": 0.005}
"""Differences below which rounding at the custodian is the likely cause: cash is often kept in whole cents."""
LOOKBACK = pd.Timedelta(days=92)
"""How long before a cash break opened its amount may have been booked: a dividend waits for its pay_date."""


def causes(found: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """``found``, table reconciliation_breaks, with the cause of those that are unexplained, and its evidence.

    Rounding, or the fee or income of the same amount booked last before.

    Args:
        found: table ``reconciliation_breaks``.
        activity: what ``journal.activity`` says of its sessions and before.
    """
    rows = found.reset_index(drop=True)
    wanted = rows.loc[rows["kind"] == "cash", ["book", "currency", "business_date", "opened_on", "difference"]]
    amount = wanted["difference"].abs().round(6)
    both = wanted.assign(amount=amount).reset_index().merge(_amounts(activity), on=["book", "currency", "amount"])
    timely = (both["booked"] <= both["business_date"]) & (both["booked"] >= both["opened_on"] - LOOKBACK)
    likely = both[timely].sort_values(["index", "booked"], kind="stable").drop_duplicates("index", keep="last")
    text = "equals the " + likely["what"] + " of " + likely["booked"].dt.strftime("%Y-%m-%d")
    cause, reason = rows["cause"].copy(), rows["reason"].copy()
    cause.loc[likely["index"]] = likely["word"].to_numpy()
    reason.loc[likely["index"]] = text.to_numpy()
    rounded = rows["difference"].abs() < rows["kind"].map(ROUNDING).astype("float64")
    known = rows["cause"] != "unexplained"
    return rows.assign(
        cause=cause.mask(rounded, "rounding").where(~known, rows["cause"]),
        reason=reason.mask(rounded, "less than the last place kept").where(~known, rows["reason"]),
    )


def _amounts(activity: pd.DataFrame) -> pd.DataFrame:
    """Fees and income that were booked: book, currency, amount without sign, booked, what, word."""
    is_cash = activity["instrument"].str.startswith("CASH:")
    of = (" of " + activity["instrument"]).mask(is_cash, "")
    columns = activity[["book", "currency"]].assign(booked=activity["business_date"])
    word = pd.Series("dividend", activity.index, dtype="str").mask(is_cash, "interest")
    fees = columns.assign(amount=activity["fees"].abs().round(6), what="fees" + of, word="fee")
    income = columns.assign(amount=activity["income"].abs().round(6), what="income" + of, word=word)
    both = pd.concat([income, fees], ignore_index=True)
    return both[both["amount"] > 0]
