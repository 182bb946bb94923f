"""Entitlements: what corporate actions do to the books that hold the instrument.

Belongs here: which actions touch which book and when, the ratio of a split, the dividend of a position. Does not belong
here: the lots that a split restates (``lots``), cash (``cash``), restating prices (``market``).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import exact, spans
from daybook.ledger.transactions import booked
from daybook.market import dated, security_master

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SPLIT, DIVIDEND = "split", "cash_dividend"
"""Kinds that the books post by themselves; another kind stops the books that hold the instrument."""
RENAME = "rename"
"""The kind that changes nothing in the books: an instrument keeps its id, whatever it is called."""


def touching(
    corporate_actions: pd.DataFrame, holdings: pd.DataFrame, books: pd.DataFrame, through: pd.Timestamp
) -> pd.DataFrame:
    """Actions on instruments that a book has ever traded, one row per action and holding.

    Args:
        corporate_actions: current facts; cancelled ones and renames do not count.
        holdings: group (number), book, instrument and currency of what was ever held.
        books: reference facts, dated by valid_from.
        through: last ex_date that matters.

    Returns:
        Columns of the action and of the holding; session and pay (day numbers, sessions of the book), date (ex_date as
        day number), numerator and denominator of a split in lowest terms (0 when they cannot be used), and ``reason``:
        why it cannot be posted for a book that holds the instrument, "" when it can. By ex_date and action_id.
    """
    counting = (corporate_actions["status"] != "cancelled") & (corporate_actions["kind"] != RENAME)
    due = corporate_actions[counting & (corporate_actions["ex_date"] <= through)]
    due = due.rename(columns={"currency": "paid_currency"})
    actions = due.merge(holdings, on="instrument", how="inner").sort_values(["ex_date", "action_id", "group"])
    actions = actions.reset_index(drop=True)
    at = security_master.in_force(books, "book", actions["book"], actions["ex_date"])
    calendar = books["calendar"].reset_index(drop=True).reindex(at).reset_index(drop=True)
    actions["date"] = dated.days(actions["ex_date"])
    actions["session"] = booked(calendar, actions["ex_date"])
    pay = booked(calendar, actions["pay_date"].fillna(actions["ex_date"]))
    actions["pay"] = np.maximum(pay, actions["session"])
    actions["paid_currency"] = actions["paid_currency"].where(actions["paid_currency"] != "", actions["currency"])
    actions["numerator"], actions["denominator"] = _ratios(actions)
    actions["reason"] = _unsupported(actions)
    return actions


def _ratios(actions: pd.DataFrame) -> tuple[Ints, Ints]:
    """Terms of each split in lowest terms; 0 where they are missing, not positive, or too large."""
    new, old = actions["numerator"].to_numpy(np.float64), actions["denominator"].to_numpy(np.float64)
    usable = (actions["kind"] == SPLIT).to_numpy() & (new > 0) & (old > 0) & np.isfinite(new) & np.isfinite(old)
    terms = np.frompyfunc(_terms, 2, 2)
    found: Any = terms(np.where(usable, new, 1.0), np.where(usable, old, 1.0))
    top, bottom = found
    fits = usable & (top <= exact.LIMIT).astype(bool) & (bottom <= exact.LIMIT).astype(bool)
    return np.where(fits, top, 0).astype(np.int64), np.where(fits, bottom, 0).astype(np.int64)


def _terms(new: float, old: float) -> tuple[int, int]:
    return exact.ratio(new, old).as_integer_ratio()


def _unsupported(actions: pd.DataFrame) -> "pd.Series[str]":
    kind = actions["kind"]
    text = pd.Series("", actions.index, dtype="str")
    text = text.mask(~kind.isin([SPLIT, DIVIDEND]), "kind " + kind + " is not supported yet")
    text = text.mask((kind == SPLIT) & (actions["numerator"] == 0), "its ratio cannot be used")
    text = text.mask((kind == DIVIDEND) & ~np.isfinite(actions["amount"]), "its amount is missing")
    named = "corporate action " + actions["action_id"] + " on " + actions["instrument"] + ": " + text
    return named.where(text != "", "")


def dividends(actions: pd.DataFrame, held: spans.Spans) -> pd.DataFrame:
    """What each holding receives of each cash dividend, or owes when it is short (contract 2.2).

    The position at the close of the last session before ex_date is entitled, net of withholding; a short owes the
    gross amount. Rounded once, half to even.

    Args:
        actions: result of ``touching``.
        held: running totals of each group, the first its quantity in 10^-8 units.

    Returns:
        action_id, book, instrument, currency, session (from which it is accrued), pay (on which it is cash), date and
        pay_on (day numbers of ex_date and pay_date), amount (10^-6, negative is owed) and good (False: it does not fit
        into 64 bits). Holdings without a position have no row.
    """
    paying = actions[(actions["kind"] == DIVIDEND) & (actions["reason"] == "")]
    quantity = held.before(paying["group"].to_numpy(), paying["session"].to_numpy())[0]
    paying, quantity = paying[quantity != 0], quantity[quantity != 0]
    rate = paying["withholding_rate"].fillna(0.0).where(quantity > 0, 0.0)
    kept = np.frompyfunc(lambda tax: 1 - exact.decimal(tax), 1, 1)(rate.to_numpy())
    gross = np.frompyfunc(exact.decimal, 1, 1)(paying["amount"].to_numpy())
    amount, good = exact.products(exact.MONEY - exact.QUANTITY, quantity, gross, kept)
    found: pd.DataFrame = paying[["action_id", "book", "instrument", "paid_currency", "session", "pay", "date"]]
    pay_on = dated.days(paying["pay_date"].fillna(paying["ex_date"]))
    return (
        found.rename(columns={"paid_currency": "currency"})
        .assign(pay_on=pay_on, amount=amount, good=good)
        .reset_index(drop=True)
    )
