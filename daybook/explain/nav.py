"""Net asset value: securities, cash and accruals, down to lots, transactions and files.

Belongs here: the table nav. Does not belong here: the parts below a position (``holdings``) or a balance (``money``).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.explain import holdings, money
from daybook.explain.evidence import CASH, Evidence, Unexplained, number
from daybook.explain.tree import Tree, micros
from daybook.ledger.valuation import SCALE

WORDS = {
    "nav": "NAV",
    "market_value": "market value of securities",
    "cash": "cash",
    "accruals": "accruals",
    "flows": "external flows",
}


def nav(tree: Tree, evidence: Evidence, column: str, instrument: str) -> None:
    """Table ``nav``: nav = market_value + cash + accruals; flows are of the session."""
    when = f"{evidence.session:%Y-%m-%d}"
    rows = evidence.rows("nav")
    if instrument != "":
        raise Unexplained("nav is of a whole book: leave --instrument out, or explain valuations market_value_base")
    if rows.empty:
        raise Unexplained(f"{evidence.book} has no NAV on {when}")
    row = rows.iloc[0]
    if row["status"] != "ok":
        raise Unexplained(f"{evidence.book} has no NAV on {when}: {row['reason']}")
    common = {"currency": row["base_currency"], "source": "nav", "version": evidence.version("nav")}
    title = f"{WORDS[column]} of {evidence.book} on {when}"
    if column != "nav":
        root = tree.add(-1, title, row[column], **common)
        _BELOW[column](tree, int(root[0]), evidence)
        return
    root = tree.add(-1, title, row["nav"], how="market value of securities + cash + accruals", **common)
    for name in ("market_value", "cash", "accruals"):
        if name != "accruals" or row[name] != 0:
            node = tree.add(root, WORDS[name], row[name], **common)
            _BELOW[name](tree, int(node[0]), evidence)


def _securities(tree: Tree, parent: int, evidence: Evidence) -> None:
    rows = evidence.rows("valuations")
    rows = rows[~rows["instrument"].str.startswith(CASH)].reset_index(drop=True)
    if rows.empty:
        return
    rate = (" x rate " + number(rows["fx_rate"])).where(rows["fx_rate"] != 1.0, "")
    nodes = tree.add(
        np.full(len(rows), parent),
        rows["instrument"],
        rows["market_value_base"],
        currency=evidence.base,
        how=number(rows["quantity"]) + " x " + number(rows["price"]) + rate,
        source="valuations",
        version=evidence.version("valuations"),
    )
    holdings.valued(tree, nodes, evidence, rows, "market_value_base")


def _cash(tree: Tree, parent: int, evidence: Evidence) -> None:
    rows = evidence.rows("cash")
    rate = evidence.rates(rows["currency"])
    nodes = _balances(tree, parent, evidence, rows, rows["balance"].to_numpy(np.float64) * rate, " balance")
    evidence.show_rates(tree, nodes, rows["currency"])
    money.moved(tree, nodes, evidence, rows["currency"], rate, "balance")


def _accruals(tree: Tree, parent: int, evidence: Evidence) -> None:
    rows = evidence.rows("cash")
    rate = evidence.rates(rows["currency"])
    balance = micros(rows["balance"].to_numpy(np.float64) * rate)
    value = evidence.rows("valuations").set_index("instrument")["market_value_base"]
    whole = micros(value.reindex(CASH + rows["currency"]).fillna(0.0).to_numpy(np.float64))
    # The cash row is rounded once, with what has accrued in it: accruals are what its balance leaves.
    left = (whole - balance) / SCALE
    at = np.flatnonzero(left)
    if not len(at):
        return
    some, factor = rows.take(at).reset_index(drop=True), rate[at]
    nodes = _balances(tree, parent, evidence, some, left[at], " accrued")
    evidence.show_rates(tree, nodes, some["currency"])
    money.accrued(tree, nodes, evidence, some["currency"], factor)


def _balances(
    tree: Tree, parent: int, evidence: Evidence, rows: pd.DataFrame, value: NDArray[np.float64], what: str
) -> NDArray[np.int64]:
    amount = rows["balance"] if what == " balance" else rows["accrued"]
    foreign = rows["currency"] != evidence.base
    return tree.add(
        np.full(len(rows), parent),
        rows["currency"] + what,
        np.round(value, 6),
        currency=evidence.base,
        how=(number(amount) + " " + rows["currency"]).where(foreign, ""),
        source="cash",
        version=evidence.version("cash"),
    )


def _flows(tree: Tree, parent: int, evidence: Evidence) -> None:
    """Money from and to the outside at the closing rate, securities transferred at that day's value."""
    entries = evidence.entries
    money_in = entries[(entries["external"] != 0).to_numpy()]
    units = entries[
        entries["kind"].isin(("transfer_in", "transfer_out")).to_numpy() & (entries["quantity"] != 0).to_numpy()
    ]
    if len(money_in):
        amount = money_in["external"].to_numpy(np.int64) / SCALE
        rate = evidence.rates(money_in["currency"])
        said = evidence.told(money_in["transaction_id"])
        nodes = tree.add(
            np.full(len(said), parent),
            said["label"],
            np.round(amount * rate, 6),
            currency=evidence.base,
            **{name: said[name] for name in ("source", "file", "line")},
        )
        evidence.show_rates(tree, nodes, money_in["currency"])
    if len(units):
        worth = evidence.units(units["instrument"])
        value = units["quantity"].to_numpy(np.int64) / 1e8 * worth["unit"].to_numpy(np.float64)
        said = evidence.told(units["transaction_id"])
        nodes = tree.add(
            np.full(len(said), parent),
            said["label"],
            np.round(value * evidence.rates(worth["currency"]), 6),
            currency=evidence.base,
            how="at the closing price",
            **{name: said[name] for name in ("source", "file", "line")},
        )
        evidence.show_prices(tree, nodes, units["instrument"])
        evidence.show_rates(tree, nodes, worth["currency"])


_BELOW = {"market_value": _securities, "cash": _cash, "accruals": _accruals, "flows": _flows}
