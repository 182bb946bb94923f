"""Units of share classes: who deals in which class on which session, at what price, and for how many units.

Belongs here: external flows by class, the price at which is dealt, rounding of prices and units. Does not belong here:
what a class is worth before that (``share_classes``), its fees (``fees``).

Forward pricing: an order of session D is dealt at the NAV per unit of D, after the day's fees and before the day's
flows, so money that comes in on D earns nothing of D and bears nothing of it. In a book with share classes every
external flow deals in units, whatever it is called: subscription, deposit, withdrawal, redemption, and a transfer at
its market value; otherwise NAV per unit would take other people's money for a gain.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact, transactions, valuation
from daybook.market import dated, security_master

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEES = ("management_fee", "performance_fee")
"""Kinds of fee that share classes bear, also the end of the action_id of a transaction that pays one."""
OPENING = "opening"
"""Kind of the row that turns what a book already holds into units, on the first session of its first class."""
EXTERNAL = (*transactions.INFLOWS, *transactions.OUTFLOWS, *transactions.TRANSFERS)
WHOLE = 10_000
"""A redemption this near (10^-6 of the class's currency, 0.01) to the worth of all units cancels all of them: money is
rounded to cents, units are not."""
KEY = ["business_date", "book"]


@dataclass(frozen=True)
class Dealt:
    """What a session's dealing did to each class.

    Attributes:
        price: NAV per unit before dealing, rounded; NaN where there are no units.
        at: price at which was dealt: ``price``, swung where net dealing passes the threshold, launch_price where there
            are no units yet.
        issued: units issued, 10^-8.
        cancelled: units cancelled, positive, 10^-8.
        beyond: more units would have been cancelled than there are, or there is no price to deal at.
    """

    price: Floats
    at: Floats
    issued: Ints
    cancelled: Ints
    beyond: Flags


def dealings(
    log: pd.DataFrame,
    share_classes: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """External flows of books with share classes, and payments of accrued fees, of ``sessions``.

    A flow without share_class belongs to the only class of its book that is in force. A transaction of kind fee whose
    action_id is ``<share_class>:management_fee`` or ``:performance_fee`` pays what that class owes; any other fee is a
    cost of the book. On the first session of a book's first class, a book that traded before has one more row, kind
    ``opening``, for the class that is first by name.

    Args:
        log: table ``transactions``, every fact.
        share_classes: facts.
        prices: golden, of ``sessions``, for transfers.
        fx_rates: golden, of ``sessions``.
        books: reference facts.
        instruments: reference facts.
        sessions: midnight, naive.

    Returns:
        Table ``dealings``. flows and fee_paid are in the book's currency at closing FX, rounded to 10^-6; ``reason``
        says why a row cannot be dealt, and then its book fails from that session on.
    """
    known = transactions.live(log) if len(share_classes) else log.head(0)
    known = known[known["book"].isin(share_classes["book"])].reset_index(drop=True)
    if known.empty:
        return tables.empty("dealings")
    calendar = _of_book(books, known["book"], known["trade_date"], "calendar")
    known["business_date"] = _dates(transactions.booked(calendar, transactions.dated_on(known)))
    begin = _begin(share_classes, books)
    known["begin"] = known["book"].map(begin)
    opening = _opening(known, begin, share_classes, sessions)
    rows = known[known["business_date"].isin(sessions) & (known["business_date"] >= known["begin"])]
    # "A:management_fee" is of class "A"; a name may have colons of its own.
    rows = rows.assign(fee=rows["action_id"].str.replace(".*:", "", regex=True).where(rows["kind"] == "fee", ""))
    rows = rows.assign(fee_class=rows["action_id"].str.replace(":[^:]*$", "", regex=True))
    rows = rows[rows["kind"].isin(EXTERNAL) | _pays(rows, share_classes)].reset_index(drop=True)
    if rows.empty:
        return tables.conform("dealings", opening[list(tables.TABLES["dealings"].names)])
    rows["base_currency"] = _of_book(books, rows["book"], rows["business_date"], "base_currency")
    is_fee = rows["kind"] == "fee"
    rows["share_class"] = rows["share_class"].mask(is_fee, rows["fee_class"])
    rows["kind"] = rows["kind"].mask(is_fee, rows["fee"])
    worth = valuation.valued_activity(_activity(rows, is_fee), prices, fx_rates, books, instruments)
    named = _placed(rows, share_classes)
    reason = named["reason"].mask(is_fee, "").mask(lambda said: said == "", worth["failure"])
    found = rows.assign(
        share_class=named["share_class"].mask(is_fee, rows["share_class"]),
        flows=(worth["external"] + worth["transferred"]) / valuation.SCALE,
        fee_paid=worth["income"] / valuation.SCALE,
        reason=("transaction " + rows["transaction_id"] + ": " + reason).where(reason != "", ""),
    )
    columns = list(tables.TABLES["dealings"].names)
    both = pd.concat([opening[columns], found[columns]]) if len(opening) else found[columns]
    return tables.conform("dealings", both.sort_values([*KEY, "transaction_id"], kind="stable"))


def placed(rows: pd.DataFrame, share_classes: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """The share class in which each external flow deals, and why there is none.

    Args:
        rows: book, trade_date, booked_on and share_class ("" where none is named), one for each flow of a known book.
        share_classes: facts.
        books: reference facts.

    Returns:
        share_class and reason, in the order of ``rows``; both are "" before the first class of the book begins, and in
        a book that has none.
    """
    calendar = _of_book(books, rows["book"], rows["trade_date"], "calendar")
    session = _dates(transactions.booked(calendar, transactions.dated_on(rows)))
    rows = rows.assign(business_date=session).reset_index(drop=True)
    found = _placed(rows, share_classes)
    found[~(rows["business_date"] >= rows["book"].map(_begin(share_classes, books)))] = ""
    return found


def deal(
    inflow: Ints,
    outflow: Ints,
    value: Ints,
    units: Ints,
    fx: Floats,
    launch_price: Floats,
    swing: Floats,
    price_places: Ints,
    unit_places: Ints,
) -> Dealt:
    """Units that money buys and gives up at the session's price, one element a class.

    Both are rounded half to even, the price to price_places, then the units to unit_places.

    Args:
        inflow: money in, 10^-6 of the book's currency.
        outflow: money out, positive, likewise.
        value: what the class is worth before dealing, likewise.
        units: units before dealing, 10^-8.
        fx: units of the book's currency for one of the class's.
        launch_price: price of the first units.
        swing: by how much the price swings, a signed fraction; 0 where it does not.
        price_places: decimal places of the price.
        unit_places: decimal places of units, at most 8.
    """
    there = units > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        exactly = value / fx / np.where(there, units, 1) * 10.0 ** (exact.QUANTITY - exact.MONEY)
        price = np.where(there, np.round(np.rint(exactly * 10.0**price_places) / 10.0**price_places, 12), np.nan)
        swung = np.round(np.rint(price * (1 + swing) * 10.0**price_places) / 10.0**price_places, 12)
        at = np.where(there, np.where(swing == 0, price, swung), launch_price)
        priced = at > 0
        bought, given = (_units(money / fx, at, unit_places, priced) for money in (inflow, outflow))
        rest = np.abs(outflow / fx - units * at / 10.0 ** (exact.QUANTITY - exact.MONEY))
    given = np.where(there & (outflow > 0) & (rest <= WHOLE), units, given)
    asked = (inflow > 0) | (outflow > 0)
    return Dealt(price, at, bought, given, asked & (~priced | (given > units + bought)))


def _units(money: Floats, price: Floats, places: Ints, priced: Flags) -> Ints:
    """Units for ``money`` (10^-6 of the class's currency) at ``price``, rounded half to even, as 10^-8."""
    whole = np.rint(money / 10.0**exact.MONEY / np.where(priced, price, 1.0) * 10.0**places)
    # Beyond 64 bits is no number of units that anybody issues; the class fails by the units that it has not.
    whole = np.where(priced, np.minimum(whole, 2.0**62 / 10.0 ** (exact.QUANTITY - places)), 0.0)
    return whole.astype(np.int64) * 10 ** (exact.QUANTITY - places)


def _of_book(books: pd.DataFrame, book: Any, dates: Any, column: str) -> "pd.Series[str]":
    at = security_master.in_force(books, "book", book, dates)
    return books[column].reset_index(drop=True).reindex(at).reset_index(drop=True).fillna("")


def _dates(days: Ints) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[us]"))


def _begin(share_classes: pd.DataFrame, books: pd.DataFrame) -> "pd.Series[Any]":
    """The session on which the first class of each book begins."""
    first = share_classes.groupby("book", as_index=False)["valid_from"].min()
    calendar = _of_book(books, first["book"], first["valid_from"], "calendar")
    return pd.Series(_dates(transactions.booked(calendar, first["valid_from"])), first["book"])


def _opening(
    known: pd.DataFrame, begin: "pd.Series[Any]", share_classes: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """A row for each book that traded before its first class began, where that is one of ``sessions``."""
    older = known.loc[known["business_date"] < known["begin"], "book"].unique()
    due = begin[begin.index.isin(older) & begin.isin(sessions)].rename("business_date").reset_index()
    rows = share_classes.merge(due, on="book")
    rows = rows[rows["valid_from"] <= rows["business_date"]]
    rows = rows.sort_values(["book", "share_class"], kind="stable").drop_duplicates("book")
    return rows.assign(transaction_id="", kind=OPENING, flows=0.0, fee_paid=0.0, base_currency="", reason="")


def _pays(rows: pd.DataFrame, share_classes: pd.DataFrame) -> Flags:
    """Fees that name a class of their book and one of ``FEES``."""
    of = pd.MultiIndex.from_frame(rows[["book", "fee_class"]])
    classes = pd.MultiIndex.from_frame(share_classes[["book", "share_class"]])
    return np.asarray((rows["kind"] == "fee") & rows["fee"].isin(FEES) & of.isin(classes))


def _activity(rows: pd.DataFrame, is_fee: "pd.Series[bool]") -> pd.DataFrame:
    """``rows`` as rows of table ``activity``, so that they are valued as NAV values them; a payment as income."""
    transfer = rows["kind"].isin(transactions.TRANSFERS)
    out = np.where(rows["kind"].isin((*transactions.OUTFLOWS, "transfer_out")), -1, 1)
    money = out * exact.money(exact.scaled(rows["quantity"].where(~transfer, None), exact.MONEY)[0])
    units = out * exact.units(exact.scaled(rows["quantity"].where(transfer, None), exact.QUANTITY)[0])
    currency = rows["currency"].where(~transfer, rows["base_currency"])
    nothing = {column.name: 0.0 for column in tables.TABLES["activity"].columns if column.type == "float"}
    return rows[KEY].assign(
        **nothing
        | {"external": np.where(is_fee, 0.0, money), "income": np.where(is_fee, money, 0.0)}
        | {"transferred_quantity": units},
        instrument=rows["instrument"].where(transfer, "CASH:" + currency),
        currency=currency,
    )


def _placed(rows: pd.DataFrame, share_classes: pd.DataFrame) -> pd.DataFrame:
    """The class of each row, and why there is none: share_class, reason."""
    wanted = rows[[*KEY, "share_class"]].reset_index(names="row").rename(columns={"share_class": "named"})
    each = wanted.merge(share_classes[["book", "share_class", "valid_from", "valid_to"]], on="book")
    each = each[each["valid_from"] <= each["business_date"]].sort_values(["row", "share_class", "valid_from"])
    each = each.drop_duplicates(["row", "share_class"], keep="last")
    each = each[~(each["valid_to"] < each["business_date"])]
    of = each.groupby("row")["share_class"].agg(["first", "size", ", ".join]).reindex(rows.index)
    found = pd.Series(rows.index.isin(each.loc[each["named"] == each["share_class"], "row"]), rows.index)
    count, empty = of["size"].fillna(0), rows["share_class"] == ""
    day = pd.Series(dated.iso(rows["business_date"]).to_numpy(), rows.index, dtype="str")
    reason = pd.Series("", rows.index, dtype="str")
    reason = reason.mask(
        ~empty & ~found,
        "share class " + rows["share_class"] + " of book " + rows["book"] + " is not in force on " + day,
    )
    reason = reason.mask(empty & (count == 0), "no share class of book " + rows["book"] + " is in force on " + day)
    several = "it names no share class, and book " + rows["book"] + " has " + of["join"].fillna("").astype("str")
    reason = reason.mask(empty & (count > 1), several)
    return pd.DataFrame({"share_class": rows["share_class"].mask(empty, of["first"].fillna("")), "reason": reason})
