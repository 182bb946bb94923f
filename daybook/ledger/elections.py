"""Elections: what each book chose where a corporate action leaves a choice.

Belongs here: which actions leave one, which elections count, what happens to a book that elects nothing. Does not
belong here: what the choice does to lots and cash (``entitlements``).

Two kinds leave a choice. ``rights`` may be exercised, and lapse otherwise. A ``cash_dividend`` that names a ratio and
``choices`` may be taken in stock, and is cash otherwise. An election is for ``quantity`` of the units held before
ex_date, all of them where it is empty, and counts when it was made by the deadline: election_deadline, else pay_date,
else ex_date. What it is not for is not exercised, and is cash.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import exact
from daybook.market import dated

Flags = NDArray[np.bool_]

TAKING = {"rights": "exercise", "cash_dividend": "stock"}
"""Kind of action -> the choice that brings units."""
PASSIVE = {"rights": "lapse", "cash_dividend": "cash"}
"""Kind of action -> what happens to the rest."""


def optional(actions: pd.DataFrame) -> Flags:
    """Which corporate actions leave a choice."""
    rights = actions["kind"] == "rights"
    scrip = (actions["kind"] == "cash_dividend") & (actions["choices"] != "")
    return np.asarray(rights | (scrip & actions["numerator"].notna() & actions["denominator"].notna()), bool)


def deadline(actions: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """Last date on which an election counts."""
    return actions["election_deadline"].fillna(actions["pay_date"]).fillna(actions["ex_date"])


def chosen(rows: pd.DataFrame, elections: pd.DataFrame) -> pd.DataFrame:
    """What each book chose.

    Args:
        rows: action_id, book, kind, choices, default_choice and deadline (date) of actions that leave a choice.
        elections: facts.

    Returns:
        For each of ``rows`` the choice, and ``elected``: the units held that it is for, in 10^-8; -1 for all of them.
    """
    known = elections[["action_id", "book", "choice", "quantity", "elected_on"]]
    made = rows[["action_id", "book", "kind", "choices", "deadline"]].merge(known, on=["action_id", "book"], how="left")
    made = made.set_axis(rows.index)
    counts = (made["elected_on"] <= made["deadline"]) & offered(made, made["choice"].fillna(""))
    passive = rows["kind"].map(PASSIVE).astype("str")
    default = rows["default_choice"].where(offered(rows, rows["default_choice"]), passive)
    part = counts & made["quantity"].notna()
    units = np.frompyfunc(exact.decimal, 1, 1)(made["quantity"].where(part, 0.0).to_numpy(np.float64))
    elected, _ = exact.scaled(units, exact.QUANTITY)
    return pd.DataFrame(
        {"choice": made["choice"].where(counts, default).astype("str"), "elected": np.where(part, elected, -1)},
        rows.index,
    )


def offered(rows: pd.DataFrame, choice: "pd.Series[str]") -> Flags:
    """Whether the action of each row (kind, choices) leaves that choice."""
    of_kind = (choice == rows["kind"].map(TAKING)) | (choice == rows["kind"].map(PASSIVE))
    spelled = " " + rows["choices"] + " "
    named = np.array([f" {one} " in those for one, those in zip(choice, spelled, strict=True)], bool)
    return np.asarray(of_kind & ((rows["choices"] == "") | named), bool)


def ignored(elections: pd.DataFrame, corporate_actions: pd.DataFrame) -> pd.DataFrame:
    """Elections that have no effect, with the reason.

    Args:
        elections: facts.
        corporate_actions: facts.

    Returns:
        The rows of ``elections`` concerned with ``instrument`` of the action and ``reason``.
    """
    actions = corporate_actions[["action_id", "instrument", "kind", "choices", "status"]].assign(
        deadline=deadline(corporate_actions), optional=optional(corporate_actions)
    )
    rows = elections.merge(actions, on="action_id", how="inner")
    live = rows["status"] != "cancelled"
    late = rows["elected_on"] > rows["deadline"]
    reason = pd.Series("", rows.index, dtype="str")
    reason = reason.mask(~offered(rows, rows["choice"]), "the action does not leave the choice " + rows["choice"])
    reason = reason.mask(~rows["optional"], "the action leaves no choice")
    text = "elected on " + dated.iso(rows["elected_on"]) + ", after the deadline " + dated.iso(rows["deadline"])
    reason = reason.mask((reason == "") & late, text + ": it does not count")
    return rows.assign(reason=reason)[live & (reason != "")].reset_index(drop=True)
