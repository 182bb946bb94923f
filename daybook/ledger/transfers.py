"""Transfers: what securities cost that came in without a cost.

Belongs here: the golden price at which such a transfer is booked. Does not belong here: the amounts that it makes
(``transactions``), and the flow at market value that every transfer is (``valuation``).

A transfer without ``cost`` comes in at that day's market value, as the flow does: the price of the session on which
the book books it. The ledger follows the log from its beginning, so these few prices are a table of their own; with
them it needs no price of the past.
"""

from typing import Any

import numpy as np
import pandas as pd

from daybook import tables
from daybook.ledger import exact, spans, transactions
from daybook.market import security_master

KEY = ["business_date", "instrument"]


def transfer_prices(
    log: pd.DataFrame, books: pd.DataFrame, prices: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Golden prices of what came in on ``sessions`` without a cost and without a price.

    Args:
        log: table ``transactions``, every fact.
        books: reference facts, dated by valid_from.
        prices: golden, of ``sessions``.
        sessions: midnight, naive.

    Returns:
        Table ``transfer_prices``; what has no price has no row, and its book fails by name.
    """
    rows = transactions.live(log)
    wanted = _keys(rows[_bare(rows)], books).drop_duplicates()
    wanted = wanted[wanted["business_date"].isin(sessions)]
    found = wanted.merge(prices[[*KEY, "close", "currency"]], on=KEY)
    return tables.conform("transfer_prices", found.sort_values(KEY, kind="stable"))


def priced(rows: pd.DataFrame, found: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """``rows`` of the log, each transfer that came in without a cost at its price of ``transfer_prices``.

    A row in another currency than its price is left as it is, and so is one without a price.
    """
    at = np.flatnonzero(_bare(rows))
    if not len(at) or found.empty:
        return rows
    each = _keys(rows.take(at), books).merge(found, how="left", on=KEY)
    stated = rows["currency"].to_numpy(object)[at]
    good = (each["close"].notna() & ((stated == "") | (stated == each["currency"]))).to_numpy()
    price = rows["price"].to_numpy(object, copy=True)
    price[at[good]] = np.frompyfunc(exact.decimal, 1, 1)(each["close"].to_numpy()[good])
    currency = rows["currency"].to_numpy(object, copy=True)
    currency[at[good]] = each["currency"].to_numpy(object)[good]
    return rows.assign(
        price=pd.Series(price, rows.index, dtype=object), currency=pd.Series(currency, rows.index, "str")
    )


def _bare(rows: pd.DataFrame) -> Any:
    return ((rows["kind"] == "transfer_in") & rows["cost"].isna() & rows["price"].isna()).to_numpy()


def _keys(rows: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """Session on which each row is booked, and its instrument."""
    known = security_master.in_force(books, "book", rows["book"], rows["trade_date"])
    calendar = books["calendar"].reset_index(drop=True).reindex(known).set_axis(rows.index)
    session = transactions.booked(calendar, transactions.dated_on(rows))
    return pd.DataFrame({"business_date": spans.dates(session), "instrument": rows["instrument"].to_numpy()})
