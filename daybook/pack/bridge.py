"""From the opening to the closing NAV of each book, and whether the way adds up.

Belongs here: putting nav and pnl side by side, in whole millionths and then in whole cents. Does not belong here: how
P&L is computed, and how the bridge is drawn.
"""

from collections.abc import Collection
from typing import TypeVar

import numpy as np
import pandas as pd

from daybook.pack import figures
from daybook.pack.day import Day

STEPS = {
    "flows": "Flows",
    "price_pnl": "Price",
    "fx_pnl": "FX",
    "income": "Income",
    "trading_pnl": "Trading",
    "fees": "Fees",
}
"""What leads from opening to closing, in order, with the word for it."""

_UNITS, _CENTS = 1e6, 100.0
_Frame = TypeVar("_Frame", pd.DataFrame, "pd.Series[float]")


def bridges(day: Day, of: Collection[str] | None = None) -> pd.DataFrame:
    """One row per book of the day, or per book in ``of``, indexed by book, money in base currency rounded to the cent.

    Columns: currency, opening, the ``STEPS``, ``rounding`` (so that the cents shown add up to the last one; less than
    half a cent for each figure), ``gap`` (what the steps do not explain, zero in a sound book), closing, ``first``
    (no session before D), ``reason`` (why there is no bridge; the money is then nan).

    Each figure is taken in millionths, as the books keep it, and added before it is rounded.
    """
    books = pd.Index(day.names if of is None else list(of), name="book")
    nav, before = _by_book(day.rows("nav"), books), _by_book(day.previous_nav, books)
    pnl = day.rows("pnl") if of is None else pd.concat([day.rows("pnl", book) for book in of])
    parts = list(STEPS)[1:]
    moved = _units(pnl[parts]).groupby(pnl["book"].astype("object")).sum(min_count=1) if len(pnl) else pnl[parts]
    moved = moved.reindex(books)
    frame = pd.DataFrame(index=books)
    frame["currency"] = [day.currencies.get(book, "") for book in books]
    frame["first"] = ~books.isin(before.index)
    opening = _units(before["nav"].reindex(books))
    frame["opening"] = opening.where(~frame["first"], 0.0)
    frame["flows"] = _units(nav["flows"].reindex(books))
    closing = _units(nav["nav"].reindex(books))
    frame[parts] = moved.where(moved.notna(), 0.0).to_numpy(np.float64)
    frame["closing"] = closing
    frame["gap"] = closing - frame[["opening", *STEPS]].sum(axis=1, skipna=False)
    known = frame["gap"].notna()
    money = ["opening", *STEPS, "closing", "gap"]
    frame[money] = np.rint(frame[money].where(known) / (_UNITS / _CENTS)) + 0.0
    explained = frame[["opening", *STEPS, "gap"]].sum(axis=1, skipna=False)
    frame["rounding"] = frame["closing"] - explained
    frame[[*money, "rounding"]] /= _CENTS
    frame["reason"] = ["" if ok else _reason(book, nav, before) for book, ok in zip(books, known, strict=True)]
    return frame


def _reason(book: str, nav: pd.DataFrame, before: pd.DataFrame) -> str:
    if book not in nav.index:
        return "no NAV was computed for this date"
    if not np.isfinite(figures.number(nav.at[book, "nav"])):
        return figures.words(nav.at[book, "reason"]) or "the NAV could not be computed"
    if book in before.index and not np.isfinite(figures.number(before.at[book, "nav"])):
        return "the session before has no NAV to start from"
    return "the flows of the day are not known"


def _units(values: _Frame) -> _Frame:
    """Money in millionths, whole."""
    return (values.astype("float64").replace([np.inf, -np.inf], np.nan) * _UNITS).round()


def _by_book(frame: pd.DataFrame, books: pd.Index) -> pd.DataFrame:
    """The last row of each of ``books``, indexed by book."""
    return frame[frame["book"].isin(books)].drop_duplicates("book", keep="last").set_index("book")
