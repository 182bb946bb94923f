"""Cash: settled, unsettled and accrued money of every book and currency.

Belongs here: the flows that transactions and entitlements cause, and their running totals. Does not belong here: the
amounts themselves (``transactions``, ``entitlements``), exchange rates, the custodian's figures.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact, spans

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]


def flows(entries: pd.DataFrame, dividends: pd.DataFrame) -> pd.DataFrame:
    """Every movement of money, in 10^-6 of its currency.

    Args:
        entries: posted transactions (``transactions.entries``).
        dividends: derived dividends (``entitlements.dividends``).

    Returns:
        book, currency, session (from which it is in the balance), settle (day from which it is settled), accrue (day
        from which it is accrued until ``session``), amount.
    """
    own = entries[["book", "currency", "session", "settle"]].assign(
        accrue=entries["session"],
        amount=entries["consideration"] + entries["charges"] + entries["income"] + entries["external"],
    )
    bought = entries.loc[entries["kind"] == "fx", ["book", "bought_currency", "session", "settle", "bought"]]
    bought = bought.rename(columns={"bought_currency": "currency", "bought": "amount"}).assign(accrue=bought["session"])
    received = dividends[["book", "currency", "amount"]].assign(
        session=dividends["pay"], settle=dividends["pay"], accrue=dividends["session"]
    )
    moved = pd.concat([own[~entries["kind"].isin(["transfer_in", "transfer_out"]) | (own["amount"] != 0)], bought])
    return pd.concat([moved, received], ignore_index=True)


def overflows(moved: pd.DataFrame) -> pd.DataFrame:
    """The first day on which a balance goes beyond 64 bits: book, session, currency."""
    keys, first = _keys(moved)
    # High and low halves add up without wrapping.
    total = spans.running(keys, moved["session"].to_numpy(), *_halves(moved["amount"].to_numpy()))
    high, low = total.levels
    beyond = np.abs(high.astype(np.float64) * 2.0**32 + low) >= float(exact.LIMIT)
    found = first.take(total.group[beyond]).assign(session=total.start[beyond])
    return found.drop_duplicates(["book", "currency"])


def _halves(amount: Ints) -> tuple[Ints, Ints]:
    high = amount >> 32
    return high, amount - (high << 32)


def _keys(moved: pd.DataFrame) -> tuple[Ints, pd.DataFrame]:
    """Number of each book and currency, and the names of each number."""
    keys = moved.groupby(["book", "currency"]).ngroup().to_numpy().astype(np.int64)
    names = moved[["book", "currency"]].drop_duplicates().sort_values(["book", "currency"], ignore_index=True)
    return keys, names


def cash(journal: "Journal", sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Cash at the close of each of ``sessions`` (contract 2.3 and 2.4).

    balance = settled + unsettled is cash on trade date; accrued (receivable positive, payable negative) is outside it:
    dividends between ex_date and pay_date. Money kinds settle on their trade date; trades and fx on settle_date.

    Returns:
        Table ``cash``: a row per book and currency from its first flow on, also when everything is zero; none from
        the session on which the book failed.
    """
    moved = journal.flows
    keys, names = _keys(moved)
    zero = np.zeros(len(moved), np.int64)
    amount = moved["amount"].to_numpy()
    total = spans.running(
        np.r_[keys, keys, keys, keys],
        np.r_[moved["session"], moved["settle"], moved["accrue"], moved["session"]],
        np.r_[amount, zero, zero, zero],
        np.r_[zero, amount, zero, zero],
        np.r_[zero, zero, amount, -amount],
    )
    row, business_date = journal.rows(names["book"].take(total.group), total.start, total.end, sessions)
    balance, settled, accrued = (level[row] for level in total.levels)
    frame = names.take(total.group[row]).assign(
        business_date=business_date,
        settled=exact.money(settled),
        unsettled=exact.money(balance - settled),
        accrued=exact.money(accrued),
        balance=exact.money(balance),
    )
    return tables.conform("cash", frame.sort_values(["business_date", "book", "currency"], kind="stable"))
