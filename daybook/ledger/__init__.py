"""The book of record: transactions, lots, cash, positions, valuation, NAV, P&L.

Belongs here: ``derive``, the tables that come from the log alone. Each noun has a module of its own.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from daybook.tables import conform, empty

if TYPE_CHECKING:
    from daybook.ledger.checkpoint import Checkpoint


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
    *,
    cash_rates: pd.DataFrame | None = None,
    elections: pd.DataFrame | None = None,
    opening: "Checkpoint | None" = None,
) -> dict[str, pd.DataFrame]:
    """Tables of ``sessions`` by name: all that the log alone gives.

    Args:
        transactions: the log, every fact up to the last session.
        corporate_actions: current facts.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from.
        raw_fx_rates: facts since the first transaction, for trades without a rate of their own.
        prices: golden prices of ``sessions``, for unrealised gains, and of each book's session before, for what
            futures gained.
        fx_rates: golden rates of ``sessions``.
        sessions: sessions to return; the log is followed from its beginning all the same, or from ``opening``.
        order: preference among the sources of exchange rates.
        cash_rates: facts; without them no interest accrues.
        elections: facts; without them every corporate action with a choice goes by its default.
        opening: what the books were at the close of a session before ``sessions``, taken of these facts
            (``checkpoint.usable`` says whether it was): then transactions up to its ``settled`` may be missing.

    Raises:
        ValueError: ``opening`` is not of a session before all of ``sessions``.
    """
    from daybook.ledger import cash, interest, journal, ladder, lots, margin, positions, postings, wash_sales
    from daybook.ledger.transactions import live

    rows = live(transactions)
    if opening is not None:
        if opening.session >= sessions[0]:
            raise ValueError(f"the checkpoint of {opening.session:%Y-%m-%d} knows nothing of {sessions[0]:%Y-%m-%d}")
        rows = opening.followed(rows, books)
    facts = (corporate_actions, books, instruments, raw_fx_rates)
    posted = journal.journal(rows, *facts, order, sessions[-1], elections, opening)
    marks = margin.marks(posted, prices, sessions)
    earned = interest.earned(posted, empty("cash_rates") if cash_rates is None else cash_rates, sessions)
    accrued = cash.accrued(posted, marks, earned, sessions)
    activity = journal.activity(posted, sessions, cash.beside(marks, earned))
    frames = {
        "lots": lots.lots(posted, sessions),
        "realised": lots.realised(posted, sessions),
        "wash_sales": wash_sales.wash_sales(posted, sessions),
        "positions": positions.positions(posted, sessions, prices, fx_rates),
        "cash": cash.cash(posted, accrued, sessions),
        "accruals": cash.accruals(accrued),
        "cash_ladder": ladder.ladder(posted, sessions),
        "activity": conform("activity", activity),
        "entitlements": journal.entitlement_table(posted, sessions),
        "confirmations": journal.confirmations(posted, sessions),
        "postings": postings.postings(posted, marks, earned, sessions),
    }
    unknown = cash.unknown(marks, earned)
    failed = pd.concat([_failed(journal.failures(posted), sessions), unknown], ignore_index=True)
    return {name: _without(frame, unknown) for name, frame in frames.items()} | {
        "book_failures": conform("book_failures", failed.sort_values(["business_date", "book"], kind="stable"))
    }


def _without(frame: pd.DataFrame, failed: pd.DataFrame) -> pd.DataFrame:
    """``frame`` without the rows of books on the sessions on which they ``failed``."""
    if failed.empty:
        return frame
    keys = ["business_date", "book"]
    known = pd.MultiIndex.from_frame(failed[keys])
    return frame[~pd.MultiIndex.from_frame(frame[keys]).isin(known)].reset_index(drop=True)


def _failed(failures: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Each failed book on every session from the one on which it failed."""
    since = failures.rename(columns={"business_date": "since"})
    every = since.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = every[every["business_date"] >= every["since"]]
    return rows[["business_date", "book", "reason"]]
