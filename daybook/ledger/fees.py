"""Fees that share classes bear: how they accrue, fall due and are paid, and what the books say of them.

Belongs here: management and performance fee of a session, the payables, and their rows in the tables of ``BOOKED``.
Does not belong here: what a class is worth and its units (``share_classes``, ``units``); fees that brokers charge are
in the transactions.

Declared conventions. The management fee of a session is rate x part of a year since the class's session before x net
assets before the session's fees and dealing. The performance fee is rate x what the class is worth, after the
management fee, above its reference value: the high-water mark of its units and the hurdle on it. It is worked out
again every session, so it can be taken back, until the last session of its month, quarter or year; then it is due for
good and the mark is set to the NAV after it. The hurdle is simple interest on the mark, begins again after each such
session, and is hard: the fee is on what is above it alone. There is no equalisation by investor: a subscription adds
its money to the reference value of the class and a redemption takes its share off it (the indexed asset, "actif
indicé", of the guide of AFG and AFTI on performance fees, 2018), so that money pays no fee on gains made before it
came, gains and losses of one class are shared by its units alike, and the fee on redeemed units is due at once.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger.valuation import KEY, SCALE, micros

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BOOKED = ("cash", "activity", "accruals", "postings", "book_failures")
"""Tables that fees add rows to."""


def management(value: Ints, rate: Floats, years: Floats) -> Ints:
    """Management fee of a session, positive, 10^-6; nothing on what is not positive.

    Args:
        value: net assets of each class before the fees of the session, 10^-6.
        rate: yearly fraction.
        years: part of a year since the session before.
    """
    return np.asarray(np.rint(np.maximum(value, 0) * (rate * years)), np.int64)


def performance(value: Ints, reference: Ints, hurdle: Ints, fx: Floats, rate: Floats) -> Ints:
    """Performance fee accrued since the mark was set, positive, 10^-6 of the book's currency.

    Args:
        value: net assets of each class after the management fee and before what is accrued, 10^-6 of the book's
            currency.
        reference: high-water mark of all units, 10^-6 of the class's currency.
        hurdle: what the mark must have earned by now, likewise.
        fx: units of the book's currency for one of the class's.
        rate: fraction of the gain.
    """
    mark = np.rint((reference + hurdle) * fx).astype(np.int64)
    return np.asarray(np.rint(np.maximum(value - mark, 0) * rate), np.int64)


def covered(paid: Ints, payable: Ints) -> Ints:
    """The part of what was ``paid`` that had accrued; the rest is a cost. A fee paid back is owed again."""
    return np.asarray(np.where(paid > 0, np.minimum(paid, np.maximum(payable, 0)), paid))


def with_fees(
    booked: Mapping[str, pd.DataFrame], fee_accruals: pd.DataFrame, failures: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """``BOOKED`` as the log alone gives them, with the fees of share classes.

    A payable is accrued in the cash row of the book's currency. What accrues is a fee of that row, a cost being
    negative, and of kind fee; a payment's fee there is taken back as far as it had accrued. In the journal of the day
    both are between ``fees`` and ``receivables``, by class and kind of fee: ``<share_class>:<kind>``.

    Args:
        booked: tables of ``BOOKED`` of some sessions.
        fee_accruals: table of the same sessions.
        failures: business_date, book, reason: books whose share classes cannot be computed.

    Returns:
        The same tables; they are unchanged where no book has a share class. A book that the log alone could not give
        on a session has no fees there either.
    """
    lost = pd.MultiIndex.from_frame(booked["book_failures"][KEY])
    fee_accruals = fee_accruals[~pd.MultiIndex.from_frame(fee_accruals[KEY]).isin(lost)]
    if fee_accruals.empty and failures.empty:
        return dict(booked)
    owed = fee_accruals.assign(
        owed=micros(fee_accruals["fee_payable"]),
        cost=micros(fee_accruals["amount"]) + micros(fee_accruals["fee_paid"]),
        currency=fee_accruals["base_currency"],
    )
    book = owed.groupby([*KEY, "currency"], as_index=False)[["owed", "cost"]].sum()
    each = owed.groupby([*KEY, "currency", "accrual_kind"], as_index=False)["owed"].sum()
    fees = {"fees": book["cost"] / SCALE, "fee_kind": book["cost"] / SCALE}
    cash = book.drop(columns=["owed", "cost"]).assign(accrued=book["owed"] / SCALE)
    accruals = each.drop(columns="owed").assign(amount=each["owed"] / SCALE)
    activity = book[[*KEY, "currency"]].assign(instrument="CASH:" + book["currency"], **fees)
    return {
        "cash": _added("cash", booked["cash"], cash),
        "activity": _added("activity", booked["activity"], activity[book["cost"] != 0]),
        "accruals": _added("accruals", booked["accruals"], accruals[each["owed"] != 0]),
        "postings": _posted(booked["postings"], owed[owed["cost"] != 0]),
        "book_failures": _said(booked["book_failures"], failures),
    }


def owing(fee_accruals: pd.DataFrame, dealings: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What is owed while sessions go: payables of the last close before each, less what was paid in it.

    Nothing accrues within the day.

    Args:
        fee_accruals: table of sessions before; of each book those of its last one before the session count.
        dealings: table of ``sessions``.
        sessions: midnight, naive.

    Returns:
        Table ``fee_accruals`` of ``sessions``, for ``with_fees``.
    """
    before = fee_accruals.rename(columns={"business_date": "closed"}).drop(columns="fee_paid")
    rows = before.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = rows[rows["closed"] < rows["business_date"]]
    rows = rows[rows["closed"] == rows.groupby(KEY)["closed"].transform("max")].drop(columns="closed")
    key = [*KEY, "share_class", "accrual_kind"]
    paid = dealings.rename(columns={"kind": "accrual_kind"}).groupby(key)["fee_paid"].sum().reset_index()
    rows = rows.merge(paid, on=key, how="left")
    payable = -micros(rows["fee_payable"])
    cover = covered(micros(rows["fee_paid"].fillna(0.0)), payable)
    found = rows.assign(amount=0.0, fee_paid=cover / SCALE, fee_payable=-(payable - cover) / SCALE)
    return tables.conform("fee_accruals", found.sort_values(key, kind="stable"))


def _added(name: str, rows: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """``rows`` of a table plus the money of ``more``, key by key, in whole numbers of 10^-6."""
    table = tables.TABLES[name]
    key = list(table.key)
    values = [column for column in table.names if column not in key]
    at = pd.MultiIndex.from_frame(rows[key])
    own, known = pd.MultiIndex.from_frame(more[key]), [name for name in values if name in more]
    place = at.get_indexer(own)
    found = rows.reset_index(drop=True).copy()
    for column in known:
        total = found[column].to_numpy(np.float64, copy=True)
        there = place >= 0
        total[place[there]] = (micros(total[place[there]]) + micros(more[column].to_numpy()[there])) / SCALE
        found[column] = total
    fresh = more[place < 0].reindex(columns=table.names).fillna(dict.fromkeys(values, 0.0))
    both = pd.concat([found, fresh], ignore_index=True) if len(fresh) else found
    return tables.conform(name, both.sort_values(key, kind="stable"))


def _posted(rows: pd.DataFrame, owed: pd.DataFrame) -> pd.DataFrame:
    """The journal with what each class's fees cost and are owed; a transaction of that name goes before."""
    name = owed["share_class"] + ":" + owed["accrual_kind"]
    legs = owed[[*KEY, "currency"]].assign(transaction_id=name, kind=owed["accrual_kind"], instrument="", quantity=0.0)
    sides = [
        legs.assign(ledger_account="receivables", debit=owed["cost"] / SCALE),
        legs.assign(ledger_account="fees", debit=-owed["cost"] / SCALE),
    ]
    keys = [*KEY, "transaction_id"]
    both = pd.concat([rows.sort_values([*keys, "posting"]), *sides], ignore_index=True).sort_values(keys, kind="stable")
    return tables.conform("postings", both.assign(posting=both.groupby(keys).cumcount() + 1))


def _said(rows: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """Failed books of both, the reasons of one session and book joined."""
    both = pd.concat([rows, failures], ignore_index=True)
    return tables.conform("book_failures", both.groupby(KEY)["reason"].agg("; ".join).reset_index())
