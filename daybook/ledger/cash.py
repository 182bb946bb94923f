"""Cash: settled, unsettled and accrued money of every book and currency.

Belongs here: the flows that transactions and corporate actions cause, their running totals, and what the accrued money
is made of. Does not belong here: the amounts themselves (``transactions``, ``entitlements``, ``interest``, ``margin``),
what is to come and when (``ladder``), exchange rates, the custodian's figures.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.ledger import exact, spans
from daybook.market import dated, security_master

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]

STREAM = ["book", "currency"]
INTEREST, VARIATION = "interest", "variation_margin"
"""Kinds of accrual beside those of corporate actions."""


def flows(entries: pd.DataFrame, payments: pd.DataFrame) -> pd.DataFrame:
    """Every movement of money, in 10^-6 of its currency.

    Args:
        entries: posted transactions (``transactions.entries``).
        payments: what corporate actions bring and take (``entitlements``).

    Returns:
        book, currency, session (from which it is in the balance), settle (day from which it is settled), accrue (day
        from which it is accrued until ``session``), accrual_kind ("" for what is never accrued), amount.
    """
    moves = ~entries["kind"].isin(["transfer_in", "transfer_out"])
    amount = entries[["consideration", "charges", "income", "external", "variation"]].sum(axis=1)
    own = entries[[*STREAM, "session", "settle"]].assign(accrue=entries["session"], amount=amount)
    bought = entries.loc[entries["kind"] == "fx", ["book", "bought_currency", "session", "settle", "bought"]]
    bought = bought.rename(columns={"bought_currency": "currency", "bought": "amount"}).assign(accrue=bought["session"])
    received = payments[[*STREAM, "amount", "accrual_kind"]].assign(
        session=payments["pay"], settle=payments["pay"], accrue=payments["session"]
    )
    moved = pd.concat([own[moves | entries["margined"] | (amount != 0)], bought]).assign(accrual_kind="")
    return pd.concat([moved, received], ignore_index=True)


def overflows(moved: pd.DataFrame) -> pd.DataFrame:
    """The first day on which a balance goes beyond 64 bits: book, session, currency."""
    keys, first = keyed(moved)
    # High and low halves add up without wrapping.
    total = spans.running(keys, moved["session"].to_numpy(), *_halves(moved["amount"].to_numpy()))
    high, low = total.levels
    beyond = np.abs(high.astype(np.float64) * 2.0**32 + low) >= float(exact.LIMIT)
    found = first.take(total.group[beyond]).assign(session=total.start[beyond])
    return found.drop_duplicates(STREAM)


def _halves(amount: Ints) -> tuple[Ints, Ints]:
    high = amount >> 32
    return high, amount - (high << 32)


def keyed(moved: pd.DataFrame) -> tuple[Ints, pd.DataFrame]:
    """Number of the stream (book and currency) of each flow, and book and currency of each number."""
    keys = moved.groupby(STREAM).ngroup().to_numpy().astype(np.int64)
    names = moved[STREAM].drop_duplicates().sort_values(STREAM, ignore_index=True)
    return keys, names


def session_before(books: pd.DataFrame, rows: pd.DataFrame) -> pd.DatetimeIndex:
    """The session of its book before each of ``rows`` (business_date, book), on the book's calendar of that day."""
    calendar = security_master.attributes(books, "book", rows, ["calendar"])["calendar"].to_numpy(object)
    found = rows["business_date"].to_numpy("datetime64[us]", copy=True)
    for name in pd.unique(calendar):
        of = calendar == name
        found[of] = calendars.previous_session(name, found[of])
    return pd.DatetimeIndex(found)


def accrued(journal: "Journal", marks: pd.DataFrame, earned: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What has accrued and is not cash yet at the close of each of ``sessions``, exact.

    Args:
        journal: of the books.
        marks: open futures at the close of ``sessions`` (``margin.marks``).
        earned: interest (``interest.earned``).
        sessions: midnight, naive.

    Returns:
        business_date, book, currency, accrual_kind, amount (10^-6, receivable positive, not 0): of corporate actions
        from ex_date to pay_date; of interest until it is paid; of kind variation_margin what futures gained, open or
        closed, less the margin received for it.
    """
    keys = [*STREAM, "accrual_kind"]
    due = journal.flows[journal.flows["accrual_kind"] != ""]
    of_actions = _levels(
        journal,
        pd.concat([due.assign(day=due["accrue"]), due.assign(day=due["session"], amount=-due["amount"])]),
        sessions,
    )
    futures = journal.entries[journal.entries["margined"] | (journal.entries["variation"] != 0)]
    paid = futures[STREAM].assign(
        accrual_kind=VARIATION, day=futures["session"], amount=-futures["notional"] - futures["variation"]
    )
    found = [
        of_actions,
        _levels(journal, paid, sessions),
        marks[["business_date", *STREAM]].assign(accrual_kind=VARIATION, amount=marks["value"]),
        earned[["business_date", *STREAM]].assign(accrual_kind=INTEREST, amount=earned["accrued"]),
    ]
    rows = pd.concat([part for part in found if len(part)] or found, ignore_index=True)
    total = rows.groupby(["business_date", *keys], as_index=False)["amount"].sum()
    owed: pd.DataFrame = total[total["amount"] != 0].reset_index(drop=True)
    return owed


def _levels(journal: "Journal", changes: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Totals of ``changes`` (book, currency, accrual_kind, day, amount) on ``sessions``, where they are not 0."""
    keys = [*STREAM, "accrual_kind"]
    names = changes[keys].drop_duplicates().sort_values(keys, ignore_index=True)
    group = changes.groupby(keys).ngroup().to_numpy().astype(np.int64)
    total = spans.running(group, changes["day"].to_numpy(np.int64), changes["amount"].to_numpy(np.int64))
    owed = np.flatnonzero(total.levels[0])
    book = names["book"].to_numpy(object)[total.group[owed]]
    row, business_date = journal.rows(book, total.start[owed], total.end[owed], sessions)
    row = owed[row]
    return names.take(total.group[row]).assign(business_date=business_date, amount=total.levels[0][row])


def accruals(accrued: pd.DataFrame) -> pd.DataFrame:
    """Table ``accruals``: what the accrued money of each book is made of (``accrued``)."""
    return tables.conform("accruals", accrued.assign(amount=exact.money(accrued["amount"].to_numpy(np.int64))))


def beside(marks: pd.DataFrame, earned: pd.DataFrame) -> pd.DataFrame:
    """What the day brought that no transaction says, for the day's activity, in 10^-6.

    Returns:
        business_date, book, instrument, currency; variation, what futures gained, in the future's row, and income,
        interest that accrued or that was paid beyond what had accrued, in the cash row.
    """
    columns = ["business_date", "book", "instrument", "currency", "income", "variation"]
    gained = marks.assign(income=0)[columns]
    interest = earned.assign(instrument="CASH:" + earned["currency"], variation=0)[columns]
    both = pd.concat([gained, interest], ignore_index=True)
    return both[(both["income"] != 0) | (both["variation"] != 0)].reset_index(drop=True)


def unknown(marks: pd.DataFrame, earned: pd.DataFrame) -> pd.DataFrame:
    """Books of which the accrued money of a session is not known: business_date, book, reason, one row for each."""
    rows = pd.concat(
        [frame.loc[frame["reason"] != "", ["business_date", "book", "reason"]] for frame in (marks, earned)]
    )
    return rows.drop_duplicates().groupby(["business_date", "book"], as_index=False).agg(reason=("reason", "; ".join))


def cash(journal: "Journal", accrued: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Cash at the close of each of ``sessions`` (contract 2.3 and 2.4).

    balance = settled + unsettled is cash on trade date; accrued (receivable positive, payable negative) is outside it.
    Money kinds settle on their trade date; trades and fx on settle_date.

    Args:
        journal: of the books.
        accrued: at the close of ``sessions`` (the function of that name).
        sessions: midnight, naive.

    Returns:
        Table ``cash``: a row per book and currency from its first flow on, also when everything is zero; none from
        the session on which the book failed.
    """
    moved = journal.flows
    keys, names = keyed(moved)
    zero = np.zeros(len(moved), np.int64)
    amount = moved["amount"].to_numpy()
    total = spans.running(
        np.r_[keys, keys, keys],
        np.r_[moved["session"], moved["settle"], moved["accrue"]],
        np.r_[amount, zero, zero],
        np.r_[zero, amount, zero],
    )
    row, business_date = journal.rows(names["book"].take(total.group), total.start, total.end, sessions)
    balance, settled = (level[row] for level in total.levels)
    stream = total.group[row]
    frame = names.take(stream).assign(
        business_date=business_date,
        settled=exact.money(settled),
        unsettled=exact.money(balance - settled),
        accrued=exact.money(_sums(accrued, names, stream, dated.days(business_date))),
        balance=exact.money(balance),
    )
    return tables.conform("cash", frame.sort_values(["business_date", "book", "currency"], kind="stable"))


def _sums(accrued: pd.DataFrame, names: pd.DataFrame, stream: Ints, day: Ints) -> Ints:
    """What has accrued in each stream on each day."""
    total = accrued.groupby(["business_date", *STREAM], as_index=False)["amount"].sum()
    at = _numbers(total, names) * np.int64(spans.FOREVER) + dated.days(total["business_date"])
    order = np.argsort(at)
    wanted: Any = stream * np.int64(spans.FOREVER) + day
    place = np.searchsorted(at[order], wanted)
    there = np.flatnonzero(np.isin(wanted, at))
    found = np.zeros(len(stream), np.int64)
    found[there] = total["amount"].to_numpy(np.int64)[order[place[there]]]
    return found


def _numbers(rows: Any, names: pd.DataFrame) -> Ints:
    """Number of the stream of each of ``rows``, all of which are among ``names``."""
    known, wanted = dated.codes([names["book"], names["currency"]], [rows["book"], rows["currency"]])
    number = np.full(max(known.max(initial=-1), wanted.max(initial=-1)) + 1, -1, np.int64)
    number[known] = np.arange(len(names))
    return number[wanted]
