"""Postings: double entry. What each transaction, action and settlement debits (+) and credits (-), in each currency.

Belongs here: the chart of accounts, the postings of rows of the log as they are stored, the journal of a session, and
whether debits are credits. Does not belong here: the amounts (``transactions``, ``entitlements``), lots, market values.

The chart of accounts (``ledger_account``):

* securities: holdings at cost, with charges; a sale credits the cost of what it closes.
* contracts: what futures and forwards agree to pay, against their cost in ``securities``, and what futures gained.
* cash: settled. unsettled: traded, until the settlement date. receivables: accrued, also what is owed.
* capital: money and securities from (credit) and to (debit) the outside.
* income: dividends and interest. fees, taxes: of those kinds, and charges that are no part of a cost.
* realised_gains: proceeds less cost.
* fx_trading: one currency against the other, where something is exchanged.
* between_books: what books that share a pool of lots owe each other at cost.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact
from daybook.ledger import transactions as posted

Ints = NDArray[np.int64]

ACCOUNTS = (
    *("securities", "contracts", "cash", "unsettled", "receivables", "capital", "income", "fees", "taxes"),
    *("realised_gains", "fx_trading", "between_books"),
)
"""The chart of accounts."""
_LEG = ["row", "ledger_account", "instrument", "currency", "debit", "quantity"]


def of_log(log: pd.DataFrame, books: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """The postings with which rows of the log are stored: before lots, so that a sale credits its proceeds.

    A cancel posts nothing: which rows of the log count is for ``transactions.live`` to say.

    Args:
        log: rows of table ``transactions``, exact columns as Decimals or None.
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.

    Returns:
        delivery, line, posting (1, 2, ...), transaction_id, book, kind, ledger_account, instrument, currency, debit
        (10^-6) and quantity (10^-8), at least two rows for each row of ``log`` that is no cancel, in its order.
    """
    rows = log[log["kind"] != "cancel"].reset_index(drop=True)
    if rows.empty:
        return pd.DataFrame(columns=["delivery", "line", "posting", "transaction_id", "book", "kind", *_LEG[1:]])
    # The id of a row need not be unique in several deliveries; its place is.
    numbered = rows.assign(transaction_id=rows.index.astype("str"))
    through = rows["trade_date"].max() + pd.Timedelta(days=60)
    entries = posted.entries(numbered, books, instruments, tables.empty("raw_fx_rates"), (), through)
    entries = entries.set_index(entries["transaction_id"].astype("int64")).sort_index()
    out = entries["quantity"] * 0 + np.where(entries["kind"] == "transfer_out", entries["notional"], 0)
    legs = _ordered(pd.concat([*_money(entries), *_held(entries, entries["cost"] + out)], ignore_index=True))
    # A row with a number beyond 64 bits posts nothing: its book fails by name from there on.
    gaps = legs.groupby(["row", "currency"])["debit"].sum()
    beyond = gaps.index[gaps != 0].get_level_values("row").intersection(entries.index[entries["reason"] != ""])
    legs["debit"] = legs["debit"].where(~legs["row"].isin(beyond), 0)
    whose = (
        rows[["delivery", "line", "transaction_id", "book", "kind"]].take(legs["row"].to_numpy()).reset_index(drop=True)
    )
    return pd.concat([whose, legs.drop(columns="row")], axis=1)


def imbalances(postings: pd.DataFrame) -> pd.DataFrame:
    """Where debits are not credits: business_date, book, transaction_id, currency and gap, of table ``postings``.

    Books that share a pool of lots balance each by itself too.
    """
    keys = ["business_date", "book", "transaction_id", "currency"]
    micro = np.rint(postings["debit"] * 10.0**exact.MONEY).astype(np.int64)
    gap = pd.DataFrame(postings[keys].assign(gap=micro).groupby(keys, as_index=False)["gap"].sum())
    gap["gap"] = exact.money(gap["gap"].to_numpy())
    offenders: pd.DataFrame = gap[gap["gap"] != 0].reset_index(drop=True)
    return offenders


def trial_balance(postings: pd.DataFrame) -> pd.DataFrame:
    """Balance of each account: book, ledger_account, currency and debit (a credit is negative), zero ones included.

    Args:
        postings: table ``postings`` of every session up to the day.
    """
    keys = ["book", "ledger_account", "currency"]
    micro = np.rint(postings["debit"] * 10.0**exact.MONEY).astype(np.int64)
    total = pd.DataFrame(postings[keys].assign(debit=micro).groupby(keys, as_index=False)["debit"].sum())
    total["debit"] = exact.money(total["debit"].to_numpy())
    return total


def _leg(rows: pd.DataFrame, account: Any, debit: Any, where: Any, **other: Any) -> pd.DataFrame:
    """One posting of each of ``rows`` ``where`` it applies; by default in its instrument and currency, no quantity."""
    made = pd.DataFrame({"row": rows.index, "ledger_account": account}, index=rows.index)
    made["instrument"] = other.get("instrument", "")
    made["currency"] = other.get("currency", rows["currency"])
    made["debit"], made["quantity"] = debit, other.get("quantity", 0)
    chosen: pd.DataFrame = made[np.asarray(where, bool)]
    return chosen


def _held(entries: pd.DataFrame, cost: "pd.Series[int]") -> list[pd.DataFrame]:
    """Securities at ``cost``, what an exercise delivers, and the other side of a transfer."""
    units, transfer = entries["kind"].isin(posted.UNITS), entries["kind"].isin(posted.TRANSFERS)
    own = {"instrument": entries["instrument"], "quantity": entries["quantity"]}
    delivered = {"instrument": entries["underlying"], "quantity": entries["underlying_quantity"]}
    return [
        _leg(entries, "securities", cost, units, **own),
        _leg(entries, "securities", entries["underlying_cost"], entries["underlying"] != "", **delivered),
        _leg(entries, "capital", entries["notional"] - cost, transfer, instrument=entries["instrument"]),
    ]


def _money(entries: pd.DataFrame) -> list[pd.DataFrame]:
    """Money, and whatever it stands against beside securities."""
    kind = entries["kind"]
    where = np.where(entries["settle"] > entries["session"], "unsettled", "cash")
    charges = entries["charges"].where(~kind.isin((*posted.TRADES, *posted.CLOSINGS)), 0)
    received = entries[["consideration", "charges", "income", "external", "variation"]].sum(axis=1)
    own, bought = {"instrument": entries["instrument"]}, {"currency": entries["bought_currency"]}
    fx = kind == "fx"
    moved = (received != 0) | (~kind.isin(posted.TRANSFERS) & ~fx)
    return [
        _leg(entries, where, received, moved | fx),
        _leg(entries, where, entries["bought"], fx, **bought),
        _leg(entries, "fx_trading", -entries["consideration"], fx),
        _leg(entries, "fx_trading", -entries["bought"], fx, **bought),
        _leg(entries, "capital", -entries["external"], entries["external"] != 0),
        _leg(entries, "income", -entries["income"], entries["income"] != 0, **own),
        _leg(entries, np.where(kind == "tax", "taxes", "fees"), -charges, charges != 0),
        _leg(entries, "receivables", -entries["variation"], kind == "variation_margin", **own),
        _leg(entries, "contracts", -entries["notional"], entries["notional"] != 0, **own),
    ]


def _ordered(legs: pd.DataFrame) -> pd.DataFrame:
    """Postings by row, securities first, numbered from 1."""
    place = legs["ledger_account"].map({name: at for at, name in enumerate(ACCOUNTS)})
    order = np.lexsort((legs["currency"], legs["instrument"], place, legs["row"]))
    legs = legs.take(order).reset_index(drop=True)
    legs["posting"] = legs.groupby("row").cumcount() + 1
    return legs[["row", "posting", *_LEG[1:]]]
