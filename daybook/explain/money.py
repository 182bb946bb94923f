"""Money: cash balances and what has accrued, down to the transactions and actions that moved it.

Belongs here: the table cash, and the cash rows of valuations and NAV. Does not belong here: securities (``holdings``).

Balances are the postings of the journal to the accounts ``cash`` and ``unsettled`` since the beginning, by transaction;
what has accrued is the table ``accruals`` by kind, and below the kinds of corporate actions each action.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars
from daybook.explain.evidence import CASH, Evidence, Unexplained, number
from daybook.explain.tree import Tree
from daybook.ledger import exact, postings, spans

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ACCOUNTS = {"balance": ("cash", "unsettled"), "settled": ("cash",), "unsettled": ("unsettled",)}
"""Accounts of the ledger that each column of cash is the balance of."""


def cash(tree: Tree, evidence: Evidence, column: str, instrument: str) -> None:
    """Table ``cash``: one currency of the book, which ``instrument`` names as ``CASH:<CCY>``."""
    rows = evidence.rows("cash")
    if instrument != "":
        rows = rows[(CASH + rows["currency"]) == instrument]
    if rows.empty:
        what = instrument or "no cash"
        raise Unexplained(f"{evidence.book} has {what} on {evidence.session:%Y-%m-%d}: no such row in table cash")
    if len(rows) > 1:
        names = ", ".join(CASH + rows["currency"])
        raise Unexplained(
            f"cash {column} of {evidence.book} does not add up over currencies: name one with --instrument, {names}"
        )
    row = rows.iloc[0]
    root = tree.add(
        -1,
        f"cash {column} of {evidence.book} in {row['currency']} on {evidence.session:%Y-%m-%d}",
        row[column],
        currency=row["currency"],
        source="cash",
        version=evidence.version("cash"),
    )
    one = np.ones(1)
    if column == "accrued":
        accrued(tree, root, evidence, rows["currency"], one)
    else:
        moved(tree, root, evidence, rows["currency"], one, column)


def balances(tree: Tree, parent: Ints, evidence: Evidence, currencies: Any, factor: Floats) -> None:
    """Add to each of ``parent``, a cash row, its balance and what has accrued, each x ``factor``, and their parts."""
    names = pd.Series(currencies, dtype="str").reset_index(drop=True)
    evidence.show_rates(tree, parent, names)
    rows = pd.DataFrame({"currency": names}).merge(evidence.rows("cash"), on="currency", how="left")
    for column, below in (("balance", moved), ("accrued", accrued)):
        amount = rows[column].fillna(0.0).to_numpy(np.float64)
        at = np.flatnonzero(amount) if column == "accrued" else np.arange(len(rows))
        if not len(at):
            continue
        nodes = tree.add(
            parent[at],
            names.to_numpy(object)[at] + (" balance" if column == "balance" else " accrued"),
            np.round(amount[at] * factor[at], 6),
            how=_times(amount[at], factor[at]),
            source="cash",
            version=evidence.version("cash"),
        )
        if below is moved:
            moved(tree, nodes, evidence, names.take(at), factor[at], "balance")
        else:
            accrued(tree, nodes, evidence, names.take(at), factor[at])


def moved(tree: Tree, parent: Ints, evidence: Evidence, currencies: Any, factor: Floats, column: str) -> None:
    """Add to each of ``parent`` what moved the money of its currency, by transaction and action, x ``factor``."""
    known = movements(evidence, ACCOUNTS[column])
    tree.demand(parent)
    at = pd.Index(np.asarray(currencies, object)).get_indexer(pd.Index(known["currency"]))
    rows, at = known[at >= 0].reset_index(drop=True), at[at >= 0]
    if rows.empty:
        return
    said = evidence.told(rows["transaction_id"])
    amount = rows["amount"].to_numpy(np.float64)
    tree.add(
        parent[at],
        said["label"],
        np.round(amount * factor[at], 6),
        how=_times(amount, factor[at]),
        **{name: said[name] for name in ("source", "file", "line")},
    )


def movements(evidence: Evidence, accounts: tuple[str, ...]) -> pd.DataFrame:
    """What each transaction and action has left on ``accounts`` of the book up to the session.

    Returns:
        currency, transaction_id (an action's id where an action paid), amount; none of 0.
    """
    journal = evidence.journal
    entries, payments = journal.entries, journal.payments
    first = min((int(frame["session"].min()) for frame in (entries, payments) if len(frame)), default=evidence.day)
    begun = spans.dates(np.array([min(first, evidence.day)], np.int64))[0]
    sessions = calendars.sessions(str(evidence.terms["calendar"]), begun, evidence.session)
    none = pd.DataFrame(columns=["business_date", "book", "instrument", "currency", "variation", "income"])
    none = none.astype({"business_date": "datetime64[us]", "variation": "int64", "income": "int64"})
    legs = postings.postings(journal, none, none, sessions)
    own = legs[(legs["book"] == evidence.book).to_numpy() & legs["ledger_account"].isin(accounts).to_numpy()]
    micro = np.rint(own["debit"] * 10.0**exact.MONEY).astype(np.int64)
    keys = ["currency", "transaction_id"]
    total = pd.DataFrame(own[keys].assign(micro=micro).groupby(keys, as_index=False)["micro"].sum())
    left = total[total["micro"] != 0].reset_index(drop=True)
    return left[keys].assign(amount=exact.money(left["micro"].to_numpy(np.int64)))


def accrued(tree: Tree, parent: Ints, evidence: Evidence, currencies: Any, factor: Floats) -> None:
    """Add to each of ``parent`` what the accrued money of its currency is made of, x ``factor``."""
    known = evidence.rows("accruals")
    tree.demand(parent)
    names = pd.Index(np.asarray(currencies, object))
    at = names.get_indexer(pd.Index(known["currency"]))
    rows, at = known[at >= 0].reset_index(drop=True), at[at >= 0]
    if rows.empty:
        return
    amount = rows["amount"].to_numpy(np.float64)
    nodes = tree.add(
        parent[at],
        rows["accrual_kind"] + " accrued",
        np.round(amount * factor[at], 6),
        how=_times(amount, factor[at]),
        source="accruals",
        version=evidence.version("accruals"),
    )
    kinds = pd.MultiIndex.from_frame(rows[["currency", "accrual_kind"]])
    _owed(tree, nodes, evidence, kinds, factor[at])
    _classes(tree, nodes, evidence, rows, factor[at])


def _owed(tree: Tree, parent: Ints, evidence: Evidence, kinds: pd.MultiIndex, factor: Floats) -> None:
    """What corporate actions owe: each from its ex date until it is paid."""
    paid = evidence.journal.payments
    own = (paid["book"] == evidence.book).to_numpy() & (paid["session"] <= evidence.day).to_numpy()
    due = paid[own & (paid["pay"] > evidence.day).to_numpy()]
    keys = ["currency", "accrual_kind", "action_id"]
    total = pd.DataFrame(due.groupby(keys, as_index=False)["amount"].sum())
    at = kinds.get_indexer(pd.MultiIndex.from_frame(total[keys[:2]]))
    rows, at = total[at >= 0].reset_index(drop=True), at[at >= 0]
    if rows.empty:
        return
    said = evidence.told(rows["action_id"])
    amount = exact.money(rows["amount"].to_numpy(np.int64))
    tree.add(
        parent[at],
        said["label"],
        np.round(amount * factor[at], 6),
        how=_times(amount, factor[at]),
        **{name: said[name] for name in ("source", "file", "line")},
    )


def _classes(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, factor: Floats) -> None:
    """What share classes owe for fees."""
    owed = evidence.rows("fee_accruals")
    owed = owed[owed["fee_payable"] != 0]
    kinds = pd.MultiIndex.from_frame(rows[["currency", "accrual_kind"]])
    at = kinds.get_indexer(pd.MultiIndex.from_frame(owed[["base_currency", "accrual_kind"]]))
    owed, at = owed[at >= 0].reset_index(drop=True), at[at >= 0]
    if owed.empty:
        return
    amount = owed["fee_payable"].to_numpy(np.float64)
    tree.add(
        parent[at],
        "share class " + owed["share_class"],
        np.round(amount * factor[at], 6),
        how=_times(amount, factor[at]),
        source="fee_accruals",
        version=evidence.version("fee_accruals"),
    )


def _times(amount: Any, factor: Floats) -> Any:
    """``amount x rate``, "" where the rate is 1."""
    text = number(amount) + " x rate " + number(factor)
    return text.where(pd.Series(factor != 1.0), "").to_numpy(object)
