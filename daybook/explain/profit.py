"""Profit: the P&L of a session by its causes, each by its formula, with the prices, rates and transactions of it.

Belongs here: the table pnl (contract 2.7). Does not belong here: the P&L itself (``daybook.ledger.pnl``).

price_pnl is the opening quantity, restated, x the change of what a unit is worth x the closing rate. Each amount of the
day is rounded once where it is booked, and price_pnl, in a cash row fx_pnl, takes what that leaves: a millionth for two
amounts at most. What an action pays as capital or delivers is a leaf that names the action.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.explain.evidence import CASH, Evidence, number
from daybook.explain.holdings import chosen
from daybook.explain.tree import ROUNDING, Tree
from daybook.ledger import exact, journal
from daybook.ledger.transactions import TRANSFERS
from daybook.market import actions, security_master

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CAUSES = ("price_pnl", "fx_pnl", "income", "trading_pnl", "fees")
ROUNDED = 12
"""Amounts of a row's day that are rounded by themselves, at most: the parts of ``pnl.PARTS`` and the steps to them."""


def pnl(tree: Tree, evidence: Evidence, column: str, instrument: str) -> None:
    """Table ``pnl``: one row, or the sum over the rows of the book."""
    rows = chosen(evidence, "pnl", column, instrument)
    common = {"currency": evidence.base, "source": "pnl", "version": evidence.version("pnl")}
    of = f"{evidence.book} {instrument}".strip()
    title = f"pnl {column} of {of} on {evidence.session:%Y-%m-%d}"
    if instrument != "":
        nodes = tree.add(-1, title, rows[column].iloc[0], **common)
    else:
        root = tree.add(-1, title, rows[column].sum(), how=f"sum of {len(rows)} rows", **common)
        rows = rows[rows[column] != 0].reset_index(drop=True) if column != "total" else rows
        nodes = tree.add(np.repeat(root, len(rows)), rows["instrument"], rows[column], **common)
    if column != "total":
        _BELOW[column](tree, nodes, evidence, rows)
        return
    for cause in CAUSES:
        at = np.flatnonzero(rows[cause])
        if len(at):
            some = rows.take(at).reset_index(drop=True)
            _BELOW[cause](tree, tree.add(nodes[at], cause, some[cause], **common), evidence, some)


def _price(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame) -> None:
    opening = _opening(evidence, rows)
    unit = evidence.units(rows["instrument"])
    row = rows[["instrument"]].assign(business_date=evidence.session, previous=evidence.previous)
    ratio = actions.split_ratio(evidence.corporate_actions, row["instrument"], row["previous"], row["business_date"])
    terms = security_master.attributes(evidence.instruments, "instrument", row, ["asset_class", "multiplier"])
    quantity = opening["quantity"].to_numpy(np.float64) * np.asarray(ratio, np.float64)
    rate = np.nan_to_num(evidence.rates(opening["currency"]))
    worth = np.nan_to_num(unit["unit"].to_numpy(np.float64))
    agreed = np.where(unit["is_forward"], opening["notional"], 0.0) * unit["discount_factor"].to_numpy(np.float64)
    now = quantity * worth - agreed
    then = opening["market_value"].to_numpy(np.float64)
    future = (terms["asset_class"] == "future").to_numpy()
    point = terms["multiplier"].fillna(1.0).to_numpy(np.float64)
    moved = np.nan_to_num(quantity * (unit["price"] - opening["price"]).to_numpy(np.float64) * point)
    value = np.round(np.where(future, moved, now - then) * rate, 6)
    text = (
        number(quantity) + " x (" + number(unit["price"]) + " - " + number(opening["price"] / np.asarray(ratio)) + ")"
    )
    text = text + (" x rate " + number(rate)).where(pd.Series(rate != 1.0), "")
    nodes = tree.add(
        parent,
        "opening quantity x change of price",
        value,
        currency=evidence.base,
        how=text.where(opening["quantity"] != 0, "nothing was held at the close before"),
        source="valuations",
        version=evidence.version("valuations"),
    )
    evidence.show_prices(tree, nodes, rows["instrument"])
    evidence.show_prices(tree, nodes, rows["instrument"], evidence.previous)
    evidence.show_rates(tree, nodes, opening["currency"])
    _rest(tree, parent, evidence, rows, rows["price_pnl"].to_numpy(np.float64) - value, ROUNDED)


def _fx(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame) -> None:
    opening = _opening(evidence, rows)
    now, then = evidence.rates(opening["currency"]), opening["fx_rate"].to_numpy(np.float64)
    held = opening["market_value_base"].to_numpy(np.float64)
    known = np.isfinite(now) & (then != 0)
    value = np.round(held * np.where(known, now / np.where(then == 0, 1.0, then) - 1.0, 0.0), 6)
    nodes = tree.add(
        parent,
        "opening value x change of rate",
        value,
        currency=evidence.base,
        how=number(opening["market_value"])
        + " "
        + opening["currency"]
        + " x ("
        + number(now)
        + " - "
        + number(then)
        + ")",
        source="valuations",
        version=evidence.version("valuations"),
    )
    evidence.show_rates(tree, nodes, opening["currency"])
    evidence.show_rates(tree, nodes, opening["currency"], evidence.previous)
    moves = len(evidence.rows("activity"))
    _rest(tree, parent, evidence, rows, rows["fx_pnl"].to_numpy(np.float64) - value, ROUNDED + 4 * moves)


def _trading(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame) -> None:
    entries = evidence.entries
    units = journal.own_units(evidence.journal).loc[entries.index]
    traded = ~entries["kind"].isin(TRANSFERS) & (entries["underlying"] == "")
    amounts = entries[["quantity", "bought", "consideration", "notional"]]
    own = entries.assign(units=units)[(traded & (amounts != 0).any(axis=1)).to_numpy()].reset_index(drop=True)
    at = pd.Index(rows["instrument"]).get_indexer(pd.Index(own["instrument"]))
    own, at = own[at >= 0].reset_index(drop=True), at[at >= 0]
    if len(own):
        unit = evidence.units(own["instrument"])
        day = own[["instrument"]].assign(business_date=evidence.session)
        terms = security_master.attributes(evidence.instruments, "instrument", day, ["multiplier"])
        margined = own["margined"].to_numpy(bool)
        closing = unit["price"].to_numpy(np.float64) * terms["multiplier"].fillna(1.0).to_numpy(np.float64)
        worth = np.nan_to_num(np.where(margined, closing, unit["unit"].to_numpy(np.float64)))
        quantity = exact.units(own["units"].to_numpy(np.int64)) + exact.money(own["bought"].to_numpy(np.int64))
        paid = exact.money(own["consideration"].to_numpy(np.int64))
        agreed = exact.money(own["notional"].to_numpy(np.int64))
        agreed = agreed * np.where(margined, 1.0, unit["discount_factor"].to_numpy(np.float64))
        value = (quantity * worth - agreed) * np.nan_to_num(evidence.rates(unit["currency"]))
        value = np.round(value + paid * evidence.rates(own["currency"]), 6)
        said = evidence.told(own["transaction_id"])
        given = number(paid - agreed)
        nodes = tree.add(
            parent[at],
            said["label"],
            value,
            currency=evidence.base,
            how=number(quantity) + " x " + number(worth) + " at the close, and paid or received " + given,
            **{name: said[name] for name in ("source", "file", "line")},
        )
        evidence.show_prices(tree, nodes, own["instrument"])
        evidence.show_rates(tree, nodes, unit["currency"])
    done = np.zeros(len(rows))
    if len(own):
        np.add.at(done, at, value)
    count = 4 + len(own)
    _rest(tree, parent, evidence, rows, rows["trading_pnl"].to_numpy(np.float64) - done, count)


def _fees(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame) -> None:
    done = _entries(tree, parent, evidence, rows, "charges")
    owed = evidence.rows("fee_accruals")
    owed = owed[(owed["amount"] + owed["fee_paid"]).round(6) != 0].reset_index(drop=True)
    at = pd.Index(rows["instrument"]).get_indexer(pd.Index(CASH + owed["base_currency"]))
    owed, at = owed[at >= 0].reset_index(drop=True), at[at >= 0]
    if len(owed):
        value = (owed["amount"] + owed["fee_paid"]).round(6).to_numpy(np.float64)
        np.add.at(done, at, value)
        tree.add(
            parent[at],
            owed["accrual_kind"] + " of share class " + owed["share_class"],
            value,
            currency=evidence.base,
            how="accrued on the session, and what was paid of what had accrued",
            source="fee_accruals",
            version=evidence.version("fee_accruals"),
        )
    _rest(tree, parent, evidence, rows, rows["fees"].to_numpy(np.float64) - done, 2 + len(evidence.entries))


def _income(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame) -> None:
    done = _entries(tree, parent, evidence, rows, "income")
    paid = evidence.paid
    paid = paid[paid["income"].astype(bool).to_numpy()]
    at = pd.Index(rows["instrument"]).get_indexer(pd.Index(paid["instrument"]))
    paid, at = paid[at >= 0].reset_index(drop=True), at[at >= 0]
    if len(paid):
        amount, rate = exact.money(paid["amount"].to_numpy(np.int64)), evidence.rates(paid["currency"])
        value = np.round(amount * rate, 6)
        np.add.at(done, at, value)
        said = evidence.told(paid["action_id"])
        nodes = tree.add(
            parent[at],
            said["label"],
            value,
            currency=evidence.base,
            how=paid["accrual_kind"] + ", net: " + number(amount) + " " + paid["currency"],
            **{name: said[name] for name in ("source", "file", "line")},
        )
        evidence.show_rates(tree, nodes, paid["currency"])
    left = rows["income"].to_numpy(np.float64) - done
    is_cash = rows["instrument"].str.startswith(CASH).to_numpy()
    earned = _earned(evidence, rows)
    at = np.flatnonzero(is_cash & (earned != 0))
    if len(at):
        left[at] -= earned[at]
        how = "by cash_rates on the balance of the session before, and what was paid of it taken off"
        tree.add(parent[at], "interest accrued", earned[at], currency=evidence.base, how=how, source="cash_rates")
    _rest(tree, parent, evidence, rows, left, 2 + len(evidence.entries))


def _earned(evidence: Evidence, rows: pd.DataFrame) -> Floats:
    """Interest in each cash row beyond what transactions brought, in the book's currency."""
    day, entries = evidence.rows("activity"), evidence.entries
    keys = ["instrument", "currency"]  # a cash row has a row of activity for each currency that was paid for it
    told = entries.groupby(keys)["income"].sum()
    accrued = day.groupby(keys, as_index=False)["income"].sum()
    said = exact.money(
        told.reindex(pd.MultiIndex.from_arrays([accrued[key] for key in keys])).fillna(0).to_numpy(np.int64)
    )
    accrued["value"] = np.round((accrued["income"].to_numpy() - said) * evidence.rates(accrued["currency"]), 6)
    found = accrued.groupby("instrument")["value"].sum().reindex(rows["instrument"]).fillna(0.0)
    value: Floats = found.to_numpy(np.float64, copy=True)
    return value


def _entries(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, column: str) -> Floats:
    """Add what transactions of the day say in ``column``; their sum for each of ``parent``."""
    done = np.zeros(len(rows))
    own = evidence.entries
    own = own[(own[column] != 0).to_numpy()]
    at = pd.Index(rows["instrument"]).get_indexer(pd.Index(own["instrument"]))
    own, at = own[at >= 0].reset_index(drop=True), at[at >= 0]
    if own.empty:
        return done
    amount = exact.money(own[column].to_numpy(np.int64))
    value = np.round(amount * evidence.rates(own["currency"]), 6)
    np.add.at(done, at, value)
    said = evidence.told(own["transaction_id"])
    nodes = tree.add(
        parent[at],
        said["label"],
        value,
        currency=evidence.base,
        how=column + " " + number(amount) + " " + own["currency"],
        **{name: said[name] for name in ("source", "file", "line")},
    )
    evidence.show_rates(tree, nodes, own["currency"])
    return done


def _rest(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, left: Floats, roundings: int) -> None:
    """What is left of each row: by the corporate actions that touch it, or by rounding; more than that has a gap."""
    left = np.round(left, 6)
    fine = (left != 0) & (np.abs(left) <= 0.5e-6 * roundings + np.abs(left) * 1e-12)
    at = np.flatnonzero(fine)
    if len(at):
        how = "each amount of the day is rounded to the millionth"
        tree.add(parent[at], ROUNDING, left[at], currency=evidence.base, how=how)
    given = evidence.rows("entitlements")
    sides = [given[["instrument", "action_id"]]]
    sides.append(
        given.loc[given["new_instrument"] != "", ["new_instrument", "action_id"]].set_axis(sides[0].columns, axis=1)
    )
    named = pd.concat(sides).groupby("instrument")["action_id"].agg(["first", "nunique"])
    place = pd.Index(named.index).get_indexer(pd.Index(rows["instrument"]))
    at = np.flatnonzero((left != 0) & ~fine & (place >= 0))
    if len(at):
        told = named.iloc[place[at]]
        said = evidence.told(told["first"])
        more = (told["nunique"] > 1).to_numpy()
        tree.add(
            parent[at],
            said["label"] + np.where(more, " and others", ""),
            left[at],
            currency=evidence.base,
            how="paid as capital, or moved to and from other rows at the closing price",
            **{name: said[name] for name in ("source", "file", "line")},
        )
    elsewhere = np.flatnonzero((left != 0) & ~fine & (place < 0))
    tree.demand(parent[elsewhere])


def _opening(evidence: Evidence, rows: pd.DataFrame) -> pd.DataFrame:
    """Each row of the session before; 0 where there was none, in the currency of the session."""
    columns = ["instrument", "quantity", "price", "currency", "fx_rate", "market_value", "market_value_base"]
    before = evidence.rows("valuations", evidence.previous)[columns]
    agreed = evidence.rows("positions", evidence.previous)[["instrument", "notional"]]
    found = rows[["instrument"]].merge(before, how="left", on="instrument").merge(agreed, how="left", on="instrument")
    today = evidence.units(rows["instrument"])["currency"]
    numbers = dict.fromkeys(("quantity", "market_value", "market_value_base", "notional", "fx_rate"), 0.0)
    return found.assign(currency=found["currency"].fillna(today)).fillna(numbers)


_BELOW: dict[str, Callable[[Tree, Ints, Evidence, pd.DataFrame], None]] = {
    "price_pnl": _price,
    "fx_pnl": _fx,
    "income": _income,
    "trading_pnl": _trading,
    "fees": _fees,
}
