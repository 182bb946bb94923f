"""Holdings: values and costs of positions and lots, down to the transactions that brought and took their units.

Belongs here: the tables valuations, positions and lots. Does not belong here: money (``money``), why a value changed
(``profit``).

A position is its lots, a lot its steps, each worth its quantity x what a unit is worth. A future is worth nothing, so
its row has no parts. The lots of a pool that several books share stand in the book that opened them: what other books
hold of it is a leaf of its own.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.explain import money
from daybook.explain.evidence import CASH, Evidence, Unexplained, iso, number
from daybook.explain.steps import steps
from daybook.explain.tree import Tree

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BASE = ("market_value_base", "exposure_base", "cost_base", "unrealised_base")
"""Columns in the book's currency, which add up over instruments."""


def valuations(tree: Tree, evidence: Evidence, column: str, instrument: str) -> None:
    """Table ``valuations``: what a position or cash balance is worth."""
    rows = chosen(evidence, "valuations", column, instrument)
    if (rows["status"] == "failed").any():
        bad = rows[rows["status"] == "failed"].iloc[0]
        raise Unexplained(f"{bad['instrument']} of {evidence.book} has no value on {_day(evidence)}: {bad['reason']}")
    if column in ("price", "fx_rate"):
        root = tree.add(-1, _title(evidence, "valuations", column, instrument), rows[column], source="valuations")
        if column == "price":
            evidence.show_prices(tree, root, rows["instrument"])
        else:
            evidence.show_rates(tree, root, rows["currency"])
        return
    nodes = rooted(tree, evidence, "valuations", column, instrument, rows)
    valued(tree, nodes, evidence, rows, column)


def positions(tree: Tree, evidence: Evidence, column: str, instrument: str) -> None:
    """Table ``positions``: what a position cost, what was agreed for it, and what is gained on it."""
    rows = chosen(evidence, "positions", column, instrument)
    nodes = rooted(tree, evidence, "positions", column, instrument, rows)
    if column == "notional":
        _agreed(tree, nodes, evidence, rows)
    elif column in ("cost", "cost_base"):
        _costs(tree, nodes, evidence, rows, column)
    else:
        cost = "cost_base" if column == "unrealised_base" else "cost"
        known = np.flatnonzero(rows[column].notna())
        held = rows.take(known).reset_index(drop=True)
        common = {"currency": _currency(evidence, column, held), "source": "positions"}
        value = (held[column] + held[cost]).round(6)
        worth = tree.add(
            nodes[known],
            "value of " + number(held["quantity"]) + " " + held["instrument"],
            value,
            how="quantity x price x multiplier, without accrued interest" + _converted(column),
            **common,
        )
        _evidence(tree, worth, evidence, held)
        paid = tree.add(nodes[known], "less its cost", -held[cost], **common)
        _costs(tree, paid, evidence, held, cost, -1.0)


def lots(tree: Tree, evidence: Evidence, column: str, instrument: str) -> None:
    """Table ``lots``: what an open lot cost."""
    rows = chosen(evidence, "lots", column, instrument)
    if column == "unit_cost":
        if len(rows) != 1:
            raise Unexplained(f"{evidence.book} has {len(rows)} lots of {instrument}: unit costs do not add up")
        row = rows.iloc[0]
        root = tree.add(-1, _title(evidence, "lots", column, instrument), row["unit_cost"], currency=row["currency"])
        cost = tree.add(root, "cost", row["cost"], part=False, how=f"over {row['quantity']:,.10g} units", source="lots")
        _stepped(tree, cost, evidence, rows, rows[["cost"]].to_numpy()[:, 0], "cost", 1.0)
        return
    root = tree.add(
        -1,
        _title(evidence, "lots", column, instrument),
        rows[column].sum(),
        currency=_currency(evidence, column, rows)[0],
        source="lots",
        version=evidence.version("lots"),
    )
    nodes = tree.add(
        np.repeat(root, len(rows)),
        _named(rows),
        rows[column],
        currency=_currency(evidence, column, rows),
        source="lots",
        version=evidence.version("lots"),
    )
    _stepped(tree, nodes, evidence, rows, rows[column].to_numpy(np.float64), column, 1.0)


def valued(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, column: str) -> None:
    """Add to each of ``parent`` what the row of ``valuations`` is made of: price, rate, lots, or money."""
    is_cash = rows["instrument"].str.startswith(CASH).to_numpy()
    at = np.flatnonzero(is_cash)
    if len(at) and column != "accrued_interest":
        held = rows.take(at).reset_index(drop=True)
        factor = held["fx_rate"].to_numpy(np.float64) if column in BASE else np.ones(len(held))
        money.balances(tree, parent[at], evidence, held["currency"], factor)
    at = np.flatnonzero(~is_cash)
    if not len(at):
        return
    held, nodes = rows.take(at).reset_index(drop=True), parent[at]
    _evidence(tree, nodes, evidence, held)
    unit = evidence.units(held["instrument"])
    each = {"accrued_interest": "accrued", "exposure_base": "exposure"}.get(column, "unit")
    rate = held["fx_rate"].to_numpy(np.float64) if column in BASE else np.ones(len(held))
    worth = unit[each].to_numpy(np.float64) * rate
    if column in ("market_value", "market_value_base"):
        _forward(tree, nodes, evidence, held, unit, rate)
    _of_lots(tree, nodes, evidence, held, worth, column)


def _evidence(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame) -> None:
    evidence.show_prices(tree, parent, rows["instrument"])
    evidence.show_rates(tree, parent, rows["currency"])


def _forward(
    tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, unit: pd.DataFrame, rate: Floats
) -> None:
    """What forwards have agreed to pay, discounted."""
    keys = evidence.rows("positions")[["instrument", "notional"]]
    agreed = rows[["instrument"]].merge(keys, how="left", on="instrument")["notional"].fillna(0.0).to_numpy(np.float64)
    discount = unit["discount_factor"].to_numpy(np.float64)
    at = np.flatnonzero(unit["is_forward"].to_numpy(bool) & (agreed != 0))
    if len(at):
        how = number(agreed[at]) + " agreed x discount factor " + number(discount[at])
        value = np.round(-agreed[at] * discount[at] * rate[at], 6)
        tree.add(parent[at], "less what was agreed", value, how=how, source="positions")


def _of_lots(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, worth: Floats, column: str) -> None:
    """Lots of the positions ``rows``, each unit being ``worth`` so much, and the steps of each lot."""
    held = evidence.rows("lots")
    at = pd.Index(rows["instrument"]).get_indexer(pd.Index(held["instrument"]))
    counts = (at >= 0) & (np.append(worth, 0.0)[at] != 0)
    held, at = held[counts].reset_index(drop=True), at[counts]
    if evidence.terms["lot_pool"] != "book":
        own = np.zeros(len(rows))
        np.add.at(own, at, held["quantity"].to_numpy(np.float64))
        _shared(tree, parent, rows, np.round((rows["quantity"].to_numpy(np.float64) - own) * worth, 6), column)
    if held.empty:
        return
    value = np.round(held["quantity"].to_numpy(np.float64) * worth[at], 6)
    nodes = tree.add(
        parent[at],
        _named(held),
        value,
        how=number(held["quantity"]) + " x " + number(worth[at]),
        currency=rows["currency"].to_numpy(object)[at] if column not in BASE else evidence.base,
        source="lots",
        version=evidence.version("lots"),
    )
    _stepped(tree, nodes, evidence, held, worth[at], "quantity", 1.0)


def _costs(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, column: str, sign: float = 1.0) -> None:
    """Costs of the lots of the positions ``rows``, and the steps of each lot."""
    held = evidence.rows("lots")
    at = pd.Index(rows["instrument"]).get_indexer(pd.Index(held["instrument"]))
    held, at = held[at >= 0].reset_index(drop=True), at[at >= 0]
    if evidence.terms["lot_pool"] != "book":
        own = np.zeros(len(rows))
        np.add.at(own, at, held[column].to_numpy(np.float64))
        _shared(tree, parent, rows, np.round(sign * (rows[column].to_numpy(np.float64) - own), 6), column)
    if held.empty:
        return
    currency = evidence.base if column in BASE else held["currency"]
    version = evidence.version("lots")
    value = sign * held[column]
    nodes = tree.add(parent[at], _named(held), value, currency=currency, source="lots", version=version)
    _stepped(tree, nodes, evidence, held, np.ones(len(held)), column, sign)


def _shared(tree: Tree, parent: Ints, rows: pd.DataFrame, value: Floats, column: str) -> None:
    at = np.flatnonzero(value)
    if len(at):
        how = "books that share a pool share its lots by quantity; a lot stands in the book that opened it"
        label = "lots of " + rows["instrument"].to_numpy(object)[at] + " in other books of the pool"
        tree.add(parent[at], label, value[at], how=how, source="positions")


def _stepped(
    tree: Tree, parent: Ints, evidence: Evidence, held: pd.DataFrame, worth: Floats, column: str, sign: float
) -> None:
    """Steps of the lots ``held``: ``column`` of each step x ``worth`` of a unit (1 of a cost); restatements beside."""
    known = steps(evidence)
    keys = ["instrument", "lot"]
    tree.demand(parent)
    own = held[keys].assign(at=np.arange(len(held)))
    rows = known.merge(own, on=keys, how="inner")
    at = rows["at"].to_numpy(np.int64)
    each = np.ones(len(held)) if column != "quantity" else worth
    value = np.round(sign * rows[column].to_numpy(np.float64) * each[at], 6)
    said = evidence.told(rows["transaction_id"])
    restates = rows["restates"].to_numpy(bool)
    part = ~restates if column == "quantity" else value != 0
    action = (said["source"] == "corporate_actions").to_numpy()
    shown = np.flatnonzero(part | restates | action)
    label = said["label"].where(said["label"] != "", rows["kind"])
    units = number(rows["before"]) + " became " + number(rows["after"])
    moved = number(rows["quantity"]) + " x " + number(each[at])
    money_moved = np.where(part, "its part of the lot", units)
    how = np.where(restates, units, moved if column == "quantity" else money_moved)
    tree.add(
        parent[at[shown]],
        label.to_numpy(object)[shown],
        np.where(part, value, np.nan)[shown],
        part=part[shown],
        how=np.asarray(how, object)[shown],
        currency="",
        **{name: said[name].to_numpy()[shown] for name in ("source", "file", "line")},
    )


def _agreed(tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame) -> None:
    """What trades in futures and forwards agreed to pay and to receive."""
    entries = evidence.journal.entries
    own = entries[(entries["book"] == evidence.book).to_numpy() & (entries["notional"] != 0).to_numpy()]
    own = own[(own["session"] <= evidence.day).to_numpy()].reset_index(drop=True)
    at = pd.Index(rows["instrument"]).get_indexer(pd.Index(own["instrument"]))
    own, at = own[at >= 0].reset_index(drop=True), at[at >= 0]
    if own.empty:
        return
    said = evidence.told(own["transaction_id"])
    value = own["notional"].to_numpy(np.int64) / 1e6
    tree.add(parent[at], said["label"], value, currency=own["currency"], **_facts(said))


def chosen(evidence: Evidence, table: str, column: str, instrument: str) -> pd.DataFrame:
    """Rows of ``table`` of one instrument, or all whose ``column`` adds up.

    Raises:
        Unexplained: there are none, or they are in several currencies.
    """
    rows = evidence.rows(table)
    if rows.empty:
        raise Unexplained(f"{evidence.book} has no {table} on {_day(evidence)}")
    if instrument != "":
        found = rows[rows["instrument"] == instrument].reset_index(drop=True)
        if found.empty:
            raise Unexplained(f"{table} of {evidence.book} on {_day(evidence)} have no {instrument}")
        return found
    if column in ("price", "fx_rate", "unit_cost"):
        raise Unexplained(f"{table} {column} is of one instrument: name it with --instrument")
    currencies = sorted(set(rows["currency"])) if column not in BASE and "currency" in rows else []
    if len(currencies) > 1:
        raise Unexplained(
            f"{table} {column} of {evidence.book} is in {', '.join(currencies)}, which do not add up: name one with"
            " --instrument"
        )
    return rows


def rooted(tree: Tree, evidence: Evidence, table: str, column: str, instrument: str, rows: pd.DataFrame) -> Ints:
    """Add the root, and below it a node for each of ``rows``, which are returned; one row is the root itself."""
    currency = _currency(evidence, column, rows)
    common = {"source": table, "version": evidence.version(table)}
    title = _title(evidence, table, column, instrument)
    if instrument != "":
        return tree.add(-1, title, rows[column].iloc[0], currency=currency[0], how=_said(rows), **common)
    root = tree.add(-1, title, rows[column].sum(), currency=currency[0], how=f"sum of {len(rows)} rows", **common)
    return tree.add(
        np.repeat(root, len(rows)), rows["instrument"], rows[column], currency=currency, how=_said(rows), **common
    )


def _said(rows: pd.DataFrame) -> Any:
    """How each row's value comes about, where it is one of quantity and price."""
    if "quantity" not in rows or "price" not in rows:
        return ""
    rate = " x rate " + number(rows["fx_rate"])
    return number(rows["quantity"]) + " x " + number(rows["price"]) + rate.where(rows["fx_rate"] != 1.0, "")


def _named(held: pd.DataFrame) -> "pd.Series[str]":
    return "lot " + held["lot"] + " of " + iso(held["opened_on"])


def _facts(said: pd.DataFrame) -> dict[str, Any]:
    return {name: said[name] for name in ("source", "file", "line")}


def _currency(evidence: Evidence, column: str, rows: pd.DataFrame) -> Any:
    return np.full(len(rows), evidence.base, object) if column in BASE else rows["currency"].to_numpy(object)


def _converted(column: str) -> str:
    return ", at the closing rate" if column in BASE else ""


def _title(evidence: Evidence, table: str, column: str, instrument: str) -> str:
    of = f"{evidence.book} {instrument}".strip()
    return f"{table} {column} of {of} on {_day(evidence)}"


def _day(evidence: Evidence) -> str:
    return f"{evidence.session:%Y-%m-%d}"
