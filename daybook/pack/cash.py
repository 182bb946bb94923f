"""What money there is, when the rest settles, and what is overdrawn.

Belongs here: the section cash. Does not belong here: the figures (``daybook.ledger``) and the checks of overdrafts
(``daybook.market.quality``).
"""

import pandas as pd

from daybook.pack import figures
from daybook.pack.blocks import Block, Section, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid

_CASH = (
    "Trade date, each balance in its own currency: balance = settled + unsettled. Accrued money, receivable positive"
    " and payable negative, is outside the balance until it is paid. The ladder is the settled balance after each day"
    " on which something that is traded or entitled settles; what has no date yet is not in it."
)
OVERDRAFTS = ("cash_negative", "cash_overdrawn", "cash_overdrawn_ahead", "overdraft_limit")
"""Checks of which the findings stand in this section."""
_MOST = 40


def sections(day: Day, book: str | None) -> list[Section]:
    """Cash of the book, or of all books by currency; none where nobody has any."""
    rows = day.rows("cash", book)
    if not len(rows):
        return []
    blocks: list[Block] = [_overdrafts(day, book), _balances(day, rows, book)]
    for name, show in (("accruals", _accruals), ("cash_ladder", _ladder)):
        some = day.rows(name, book)
        if len(some):
            blocks.append(show(day, some, book))
    return [Section("cash", "Cash", _CASH, blocks)]


def _overdrafts(day: Day, book: str | None) -> Block:
    found = day.rows("findings", book)
    found = found[found["check"].isin(OVERDRAFTS)].sort_values(["book", "instrument", "check"], kind="stable")
    if not len(found):
        return Words("Nothing is overdrawn, now or by what is to settle.", "good")
    of_book = [Column("Book", found["book"])] if book is None else []
    return grid(
        "Overdrafts",
        [
            *of_book,
            Column("Cash", found["instrument"]),
            Column("Check", found["check"].str.replace("_", " ")),
            Column("Severity", found["severity"], "status"),
            Column("What was found", found["reason"]),
        ],
        limit=_MOST,
        more=f"All: daybook show findings --date {figures.day(day.business_date)}",
    )


def _balances(day: Day, rows: pd.DataFrame, book: str | None) -> Grid:
    parts = ["settled", "unsettled", "balance", "accrued"]
    rows = rows.groupby("currency", as_index=False)[parts].sum()
    return grid(
        "Balances" if book is not None else "Balances of all books",
        [
            Column("Currency", rows["currency"]),
            Column("Settled", rows["settled"], "money"),
            Column("Unsettled", rows["unsettled"], "money"),
            Column("Balance", rows["balance"], "money"),
            Column("Accrued", rows["accrued"], "money"),
        ],
        more=_more("cash", day, book),
    )


def _accruals(day: Day, rows: pd.DataFrame, book: str | None) -> Grid:
    rows = rows.groupby(["currency", "accrual_kind"], as_index=False)[["amount"]].sum()
    return grid(
        "What has accrued",
        [
            Column("Currency", rows["currency"]),
            Column("Kind", rows["accrual_kind"].str.replace("_", " ")),
            Column("Amount", rows["amount"], "money"),
        ],
        limit=_MOST,
        more=_more("accruals", day, book),
    )


def _ladder(day: Day, rows: pd.DataFrame, book: str | None) -> Grid:
    parts = ["inflows", "outflows"]
    keys = ["currency", "settle_date"]
    # A balance is of one book: those of others may have nothing that settles on the day.
    rows = rows.groupby(keys, as_index=False)[[*parts, "balance"]].sum()
    balance = [Column("Balance after it", rows["balance"], "money")] if book is not None else []
    return grid(
        "Ladder: what settles when",
        [
            Column("Currency", rows["currency"]),
            Column("Settles on", rows["settle_date"], "day"),
            Column("In", rows["inflows"], "money"),
            Column("Out", rows["outflows"], "money"),
            *balance,
        ],
        limit=_MOST,
        more=_more("cash_ladder", day, book),
    )


def _more(table: str, day: Day, book: str | None) -> str:
    of_book = f" --book {book}" if book is not None else ""
    return f"All: daybook show {table} --date {figures.day(day.business_date)}{of_book}"
