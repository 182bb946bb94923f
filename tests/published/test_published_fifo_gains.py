"""Realised gains first in, first out, against figures printed elsewhere."""

import pandas as pd
from frames import frame

from daybook import calendars
from daybook.ledger import journal, lots
from daybook.ledger import transactions as log


def realised(*rows):
    """Gains of trades given as (kind, date, quantity, price) in one book and share, without fees."""
    transactions = frame("transactions", "kind trade_date quantity price", *rows)
    transactions["transaction_id"] = [f"t{number}" for number in range(len(rows))]
    transactions["book"], transactions["instrument"] = "FUND", "ACME"
    for name in ("quantity", "price", "fees", "taxes", "accrued_interest", "fx_rate", "cost"):
        transactions[name] = exact(transactions[name])
    made = journal.journal(
        log.live(transactions),
        frame("corporate_actions", ""),
        frame("books", "book", ("FUND",)),
        frame("instruments", "instrument", ("ACME",)),
        frame("raw_fx_rates", ""),
        [],
        pd.Timestamp("2027-12-31"),
    )
    assert journal.failures(made).empty
    return lots.realised(made, calendars.sessions("XNYS"))


def exact(values):
    return pd.Series([None if pd.isna(v) else journal.exact.decimal(v) for v in values], dtype=object)


def test_goodrich_tamassia_goldwasser():
    """Goodrich, Tamassia, Goldwasser: Data Structures and Algorithms in Python (2013), chapter 6, projects.

    "Buy 100 shares at $20 each on day 1, 20 shares at $24 on day 2, 200 shares at $36 on day 3, and then sell 150
    shares on day 4 at $30 each": 100 x 10 + 20 x 6 + 30 x (-6), or $940.
    """
    gains = realised(
        ("buy", "2013-03-04", 100, 20),
        ("buy", "2013-03-05", 20, 24),
        ("buy", "2013-03-06", 200, 36),
        ("sell", "2013-03-07", 150, 30),
    )
    assert gains["gain"].tolist() == [1000.0, 120.0, -180.0]
    assert gains["gain"].sum() == 940.0


def test_irs_publication_550():
    """IRS Publication 550, Investment Income and Expenses, chapter 4, "Identification not possible".

    100 shares bought at $10, 200 at $11, 50 given away, 100 bought at $9, 130 sold: the basis is 50 x $10 + 80 x $11,
    in all $1,380.
    """
    gains = realised(
        ("buy", "2005-03-01", 100, 10),
        ("buy", "2006-01-10", 200, 11),
        ("transfer_out", "2006-07-11", 50, None),
        ("buy", "2008-12-09", 100, 9),
        ("sell", "2017-04-11", 130, 12),
    )
    assert gains["quantity"].tolist() == [50.0, 80.0]
    assert gains["cost"].tolist() == [500.0, 880.0]
