"""The book of record: transactions, lots, cash, positions, valuation, NAV, P&L, reconciliation.

Belongs here: ``derive``, the tables that come from the log alone. Each noun has a module of its own.
"""

from collections.abc import Sequence

import pandas as pd

from daybook.tables import conform


def derive(
    transactions: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    order: Sequence[str],
) -> dict[str, pd.DataFrame]:
    """Tables ``lots``, ``realised``, ``positions``, ``cash``, ``activity`` and ``book_failures`` of ``sessions``.

    Args:
        transactions: the log, every fact up to the last session.
        corporate_actions: current facts.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from.
        raw_fx_rates: facts since the first transaction, for trades without a rate of their own.
        prices: golden prices of ``sessions``, for unrealised gains.
        fx_rates: golden rates of ``sessions``.
        sessions: sessions to return; the log is followed from its beginning all the same.
        order: preference among the sources of exchange rates.
    """
    from daybook.ledger import cash, journal, lots, positions, wash_sales
    from daybook.ledger.transactions import live

    posted = journal.journal(
        live(transactions), corporate_actions, books, instruments, raw_fx_rates, order, sessions[-1]
    )
    return {
        "lots": lots.lots(posted, sessions),
        "realised": lots.realised(posted, sessions),
        "wash_sales": wash_sales.wash_sales(posted, sessions),
        "positions": positions.positions(posted, sessions, prices, fx_rates),
        "cash": cash.cash(posted, sessions),
        "activity": conform("activity", journal.activity(posted, sessions)),
        "book_failures": _failed(journal.failures(posted), sessions),
    }


def _failed(failures: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Each failed book on every session from the one on which it failed."""
    since = failures.rename(columns={"business_date": "since"})
    every = since.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = every[every["business_date"] >= every["since"]]
    return conform("book_failures", rows[["business_date", "book", "reason"]])
