"""Frames of facts from short rows of plain values, for the tests of the ledger."""

from decimal import Decimal

import numpy as np
import pandas as pd

from daybook import calendars, tables
from daybook.ledger import cash, interest, margin
from daybook.ledger import journal as ledger
from daybook.ledger import transactions as log

EXACT = ("quantity", "price", "fees", "taxes", "accrued_interest", "fx_rate", "cost")


def facts(name, *rows):
    """A frame of table ``name``; what a row does not say is empty."""
    columns = {}
    for column in tables.TABLES[name].columns:
        values = [row.get(column.name) for row in rows]
        if name == "transactions" and column.name in EXACT:
            columns[column.name] = pd.Series([None if v is None else Decimal(str(v)) for v in values], dtype=object)
        elif column.type == "text":
            columns[column.name] = pd.Series([v or "" for v in values], dtype="str")
        elif column.type == "bool":
            columns[column.name] = pd.Series([v is not False for v in values], dtype=bool)
        elif column.type in ("date", "time"):
            instants = pd.to_datetime(pd.Series(values, dtype=object), utc=column.type == "time")
            columns[column.name] = instants.astype(tables.PANDAS[column.type])
        elif column.type == "int":
            columns[column.name] = pd.Series([v or 0 for v in values], dtype="int64")
        else:
            columns[column.name] = pd.Series([np.nan if v is None else v for v in values], dtype="float64")
    return pd.DataFrame(columns)


def book(name="FUND", **terms):
    return {"book": name, "base_currency": "USD", "calendar": "XNYS", "valid_from": "2010-01-04", **terms}


def security(name="ACME", **terms):
    plain = {"currency": "USD", "exchange": "XNYS", "asset_class": "equity", "multiplier": 1.0}
    return {"instrument": name, "valid_from": "2010-01-04", **plain, **terms}


def transaction(name, kind, date, **terms):
    return {"transaction_id": name, "book": "FUND", "kind": kind, "trade_date": date, "currency": "USD", **terms}


def trade(name, kind, date, quantity, price=None, **terms):
    return transaction(name, kind, date, **{"instrument": "ACME", "quantity": quantity, "price": price, **terms})


def split(name, date, numerator, denominator=1, **terms):
    row = {"action_id": name, "instrument": "ACME", "kind": "split", "ex_date": date, "status": "confirmed"}
    return {**row, "numerator": numerator, "denominator": denominator, **terms}


def dividend(name, date, amount, **terms):
    row = {"action_id": name, "instrument": "ACME", "kind": "cash_dividend", "ex_date": date, "status": "confirmed"}
    return {**row, "amount": amount, "withholding_rate": 0.0, "currency": "USD", **terms}


def rate(date, base, quote, value):
    return {"business_date": date, "base": base, "quote": quote, "rate": value, "source": "files"}


def post(*rows, actions=(), books=None, instruments=None, rates=(), through="2030-12-31"):
    """The journal of ``rows``, by default of one US book and one US share."""
    return ledger.journal(
        log.live(facts("transactions", *rows)),
        facts("corporate_actions", *actions),
        facts("books", *(books or [book()])),
        facts("instruments", *(instruments or [security()])),
        facts("raw_fx_rates", *rates),
        ["files"],
        pd.Timestamp(through),
    )


def balances(made, sessions, prices=None, rates=None):
    """Table ``cash``; without prices futures count as their notional, without rates there is no interest."""
    marks = margin.marks(made, tables.empty("prices") if prices is None else prices, sessions)
    earned = interest.earned(made, tables.empty("cash_rates") if rates is None else rates, sessions)
    return cash.cash(made, cash.accrued(made, marks, earned, sessions), sessions)


def days(first, last=None):
    """Sessions of the New York Stock Exchange."""
    return calendars.sessions("XNYS", first, last or first)


def only(frame, **values):
    """The one row of ``frame`` with these values."""
    for name, value in values.items():
        wanted = pd.Timestamp(value) if name == "business_date" else value
        frame = frame[frame[name] == wanted]
    assert len(frame) == 1, frame
    return frame.iloc[0]


def listed(frame, *columns):
    """Rows as tuples of the named columns."""
    return [tuple(row) for row in frame[list(columns)].itertuples(index=False)]
