"""What each share class is worth, its units, and the fees that it bears.

Belongs here: the section share classes. Does not belong here: the figures (``daybook.ledger.share_classes``).
"""

import pandas as pd

from daybook.pack.blocks import Block, Section
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid

_CLASSES = (
    "NAV and price in the currency of the class, fees in the base currency of the book. The NAV per unit is that before"
    " the day's dealing, at which units are issued and cancelled; the dealing price differs from it where net dealing"
    " swings it. What accrues is a cost of the day, what is owed is in the accruals of NAV. The performance fee is on"
    " what is above the high-water mark and the hurdle, and may be taken back until it crystallises."
)


def sections(day: Day, book: str | None) -> list[Section]:
    """The share classes of the book, or of all books; none where there are no share classes."""
    rows = day.rows("share_class_nav", book)
    if not len(rows):
        return []
    blocks: list[Block] = [_nav(rows, book)]
    accrued = day.rows("fee_accruals", book)
    if len(accrued):
        blocks.append(_fees(accrued, book))
    return [Section("classes", "Share classes", _CLASSES, blocks)]


def _nav(rows: pd.DataFrame, book: str | None) -> Grid:
    rows = rows.sort_values(["book", "share_class"], kind="stable")
    of_book = [Column("Book", rows["book"])] if book is None else []
    return grid(
        "NAV and units",
        [
            *of_book,
            Column("Class", rows["share_class"]),
            Column("NAV", rows["nav"], "money", "of the class", "not known, see status"),
            Column("", rows["currency"]),
            Column("Units", rows["units"], "quantity", "units", "not known"),
            Column("NAV per unit", rows["nav_per_unit"], "price", "per unit", "no units"),
            Column("Dealing price", rows["swing_price"], "price", "per unit", "no units"),
            Column("High-water mark", rows["high_water_mark"], "price", "per unit", "no performance fee"),
            Column("Subscriptions", rows["subscriptions"], "money", "of the class", "not known"),
            Column("Redemptions", rows["redemptions"], "money", "of the class", "not known"),
            Column("Status", rows["reason"].where(rows["reason"] != "", rows["status"])),
        ],
    )


def _fees(rows: pd.DataFrame, book: str | None) -> Grid:
    rows = rows.sort_values(["book", "share_class", "accrual_kind"], kind="stable")
    of_book = [Column("Book", rows["book"])] if book is None else []
    return grid(
        "Fees of share classes",
        [
            *of_book,
            Column("Class", rows["share_class"]),
            Column("Fee", rows["accrual_kind"].str.replace("_", " ")),
            Column("Accrued today", rows["amount"], "change", "base currency"),
            Column("Paid today", rows["fee_paid"], "money", "base currency"),
            Column("Owed", rows["fee_payable"], "money", "base currency"),
            Column("", rows["base_currency"]),
        ],
    )
