"""Dealings: transactions of the books, of custodians and of brokers, as lines of the same columns.

Belongs here: what a transaction moves and when it is booked, in the words of either side; what actions pay by
themselves beside it. Does not belong here: which lines answer each other (``matching``, ``transactions``).

Conventions:

* money is signed, received positive, with charges; signed is the quantity with the direction of the kind. A trade in a
  future or forward moves no money but charges; what it agrees to is in ``agreed``, for the effect on NAV alone.
* Money that names no instrument is in ``CASH:<CCY>``. What an action pays is of kind ``dividend``, its reference
  ``action:<id>``. A dividend transaction that confirms an action is no line: the action is.
* booked and settled are sessions of the book at or after the trade and the settlement date. Of the other side booked
  is that of the date under which it first said so.
* A reference that the other side uses again on a later date is the same transaction as it then is.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact
from daybook.ledger import transactions as posted
from daybook.market import security_master

LINE = [
    *("source", "reference", "id", "book", "instrument", "kind", "currency", "trade_date", "settle_date", "quantity"),
    *("price", "signed", "money", "agreed", "derived", "booked", "settled", "whose", "where"),
]
"""Columns of a line: id is ours, or the one of ours that the other side names; derived is whether money was made of
quantity and price, without charges; whose is the counterparty as written; where is file and line."""
SOLD = ("sell", "transfer_out", "expiry", "exercise")
"""Kinds by which units leave the book."""
PAID = ("withdrawal", "redemption", "fee", "tax")
"""Money kinds by which the book pays."""


def ours(
    log: pd.DataFrame,
    entitlements: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    wanted: pd.Index,
    session: pd.Timestamp,
) -> pd.DataFrame:
    """Lines of the books ``wanted`` that were booked by ``session``.

    Args:
        log: result of ``transactions.live``.
        entitlements: table, of all sessions up to ``session``.
        books: reference facts.
        instruments: reference facts.
        wanted: names of books.
        session: midnight, naive.
    """
    confirms = (log["kind"] == "dividend") & (log["action_id"] != "")
    rows = log[log["book"].isin(wanted) & ~confirms].reset_index(drop=True)
    entries = posted.entries(rows, books, instruments, tables.empty("raw_fx_rates"), (), session)
    said = rows.set_index("transaction_id").loc[entries["transaction_id"]].reset_index()
    fx = entries["kind"] == "fx"
    signed = exact.units(entries["quantity"].to_numpy(np.int64)) + exact.money(entries["bought"].to_numpy(np.int64))
    received = entries[["consideration", "charges", "income", "external", "variation"]].sum(axis=1)
    lines = said[["book", "kind", "trade_date"]].assign(
        source="",
        reference=said["transaction_id"],
        id=said["transaction_id"],
        instrument=said["instrument"].where(said["instrument"] != "", "CASH:" + entries["currency"]),
        currency=entries["currency"],
        settle_date=_dates(entries["settle"]),
        quantity=np.abs(signed),
        price=said["price"].astype("float64").where(entries["kind"].isin(posted.UNITS) | fx),
        signed=signed,
        money=exact.money(received.to_numpy(np.int64)),
        agreed=-exact.money(entries["notional"].to_numpy(np.int64)),
        derived=False,
        booked=_dates(entries["session"]),
        whose=said["counterparty"],
        where=_where(said),
    )
    both = pd.concat([lines, _paid(entitlements, wanted, session)], ignore_index=True)
    return _stated(both.assign(settled=_session(books, both, "settle_date")))


def theirs(facts: pd.DataFrame, books: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Lines of ``facts``, which are rows of custodian_transactions or broker_transactions."""
    rows = facts.assign(source=facts["source"].replace("file", "")).sort_values(
        ["book", "source", "reference", "business_date"], kind="stable"
    )
    same = ["book", "source", "reference"]
    since = rows.groupby(same)["business_date"].transform("min")
    rows = rows.assign(business_date=since).drop_duplicates(same, keep="last").reset_index(drop=True)
    terms = security_master.attributes(
        instruments, "instrument", rows.assign(business_date=rows["trade_date"]), ["asset_class", "multiplier"]
    )
    units = rows["kind"].isin(posted.UNITS) | (rows["kind"] == "fx")
    direction = np.where(rows["kind"].isin(SOLD), -1.0, 1.0)
    signed = (direction * rows["quantity"]).where(units, 0.0)
    point = terms["multiplier"].where(terms["asset_class"] != "bond", 0.01).mask(rows["kind"] == "fx", 1.0).fillna(1.0)
    worth = (-signed * rows["price"] * point).round(6)
    unfunded = terms["asset_class"].isin(posted.UNFUNDED)
    stated = (np.where(rows["kind"].isin(PAID), -1.0, 1.0) * rows["quantity"]).where(~units, worth)
    stated = stated.mask(units & (unfunded | ~rows["kind"].isin((*posted.TRADES, "fx"))), 0.0)
    silent = rows["net_amount"].isna()
    lines = rows.assign(
        id=rows["transaction_id"],
        instrument=rows["instrument"].where(rows["instrument"] != "", "CASH:" + rows["currency"]),
        quantity=signed.abs(),
        price=rows["price"].where(units),
        signed=signed,
        money=rows["net_amount"].where(~silent, stated),
        agreed=worth.where(unfunded & units, 0.0).fillna(0.0),
        derived=silent & units,
        booked=_session(books, rows, "business_date"),
        settled=_session(books, rows, "settle_date"),
        whose=rows.get("counterparty", ""),
        where=_where(rows),
    )
    return _stated(lines)


def _paid(entitlements: pd.DataFrame, wanted: pd.Index, session: pd.Timestamp) -> pd.DataFrame:
    """What actions pay or take by themselves."""
    rows = entitlements[
        entitlements["book"].isin(wanted)
        & (entitlements["net_amount"] != 0)
        & (entitlements["business_date"] <= session)
    ]
    return rows[["book", "instrument", "currency"]].assign(
        source="",
        reference="action:" + rows["action_id"],
        id=rows["action_id"],
        kind="dividend",
        trade_date=rows["business_date"],
        settle_date=rows["pay_date"],
        quantity=0.0,
        price=np.nan,
        signed=0.0,
        money=rows["net_amount"],
        agreed=0.0,
        derived=False,
        booked=rows["business_date"],
        whose="",
        where="",
    )


def _stated(lines: pd.DataFrame) -> pd.DataFrame:
    """In an order that tells nothing of the order of arrival."""
    return lines[LINE].sort_values(["book", "trade_date", "settle_date", "source", "reference"], ignore_index=True)


def _where(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["file"] + " line " + rows["line"].astype("str")


def _dates(days: "pd.Series[int]") -> NDArray[np.datetime64]:
    return days.to_numpy(np.int64).astype("datetime64[D]").astype("datetime64[us]")


def _session(books: pd.DataFrame, rows: pd.DataFrame, column: str) -> "pd.Series[pd.Timestamp]":
    """The session of each row's book at or after its date; none where there is no date."""
    given = rows[column].notna()
    there = rows.loc[given, ["book", column]].rename(columns={column: "business_date"})
    calendar = security_master.attributes(books, "book", there, ["calendar"])["calendar"]
    found = pd.Series(np.datetime64("NaT", "us"), rows.index)
    found[given] = _dates(pd.Series(posted.booked(calendar, there["business_date"])))
    return found
