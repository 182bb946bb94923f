"""Dividends that were confirmed with another amount than the corporate action pays.

Belongs here: since when, and by how much. Does not belong here: what a confirmation is (``daybook.ledger``).
"""

import pandas as pd

from daybook.reconciliation.breaks import OPEN, aged, compared_sessions
from daybook.reconciliation.sides import KEY

TOLERANCE = 5e-7
"""Half a unit in the last place of money."""


def unequal(
    confirmations: pd.DataFrame, books: pd.DataFrame, failures: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Confirmed dividends that differ from what the action pays, on each of ``sessions``; one row an instrument.

    A break stands from the first confirmation on until all that is confirmed is what the action pays.

    Args:
        confirmations: table of ``sessions`` and of all before.
        books: reference facts.
        failures: table ``book_failures`` of ``sessions``: books that were not computed.
        sessions: midnight, naive.

    Returns:
        Columns ``breaks.OPEN``, kind ``transaction``, reconciliation ``confirmations``.
    """
    asked = pd.DataFrame({"business_date": sessions})
    rows = confirmations.rename(columns={"business_date": "opened_on"}).merge(asked, how="cross")
    rows = rows[rows["opened_on"] <= rows["business_date"]].sort_values("opened_on", kind="stable")
    keys = [*KEY, "instrument", "currency"]
    each = rows.groupby([*keys, "action_id"], as_index=False).agg(
        ours=("ours", "last"), theirs=("theirs", "sum"), opened_on=("opened_on", "first")
    )
    each = each[(each["theirs"] - each["ours"]).abs() > TOLERANCE]
    found = each.groupby(keys, as_index=False).agg(
        ours=("ours", "sum"), theirs=("theirs", "sum"), opened_on=("opened_on", "min"), actions=("action_id", ", ".join)
    )
    found = found.assign(
        kind="transaction",
        difference=(found["theirs"] - found["ours"]).round(6),
        reconciliation="confirmations",
        source="",
        owner="",
        cause="",
        reason="the dividend that confirms " + found["actions"] + " is not what the action pays",
    )
    return aged(compared_sessions(found, books, failures), books)[OPEN]
