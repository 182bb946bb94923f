"""Pools: whose holdings are matched together, and which holdings corporate actions and exercises join.

Belongs here: the numbers of holdings, of the books in a pool, and of the groups of holdings that pass lots to one
another. Does not belong here: the lots (``lots``), what an action does (``entitlements``).

A pool is a book, or the books of one strategy or legal entity. A holding is a pool's instrument. A group is what is
matched in one go: holdings between which a spin-off, a merger or an exercise moves units.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.market import security_master

Ints = NDArray[np.int64]

SCOPE = ["pool_scope", "pool"]
HOLDING = [*SCOPE, "instrument"]


@dataclass(frozen=True)
class Pools:
    """Every holding that a pool has ever had.

    Attributes:
        holdings: pool_scope, pool, instrument, currency (of its lots), group (number), first (position in ``members``
            of the pool's first book), books (how many the pool has); the position of a row is the holding's number.
        members: names of the books, pool by pool, by name.
    """

    holdings: pd.DataFrame
    members: NDArray[np.object_]

    def book_of(self, holding: Any, number: Any) -> NDArray[np.object_]:
        """Name of the book with that number in the holding's pool; "" for -1, which means each of them."""
        holding, number = np.asarray(holding, np.int64), np.asarray(number, np.int64)
        at = self.holdings["first"].to_numpy()[holding] + number
        named: NDArray[np.object_] = np.append(self.members, "")[np.where(number < 0, len(self.members), at)]
        return named

    def number(self, rows: pd.DataFrame, instrument: str) -> Ints:
        """Number of the holding of each row's pool and of what its column ``instrument`` names, or -1."""
        known = pd.MultiIndex.from_frame(self.holdings[HOLDING])
        found: Ints = known.get_indexer(pd.MultiIndex.from_frame(rows[[*SCOPE, instrument]])).astype(np.int64)
        return found


def scope_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Whose lots are matched together with those of each row's book.

    Args:
        rows: book with its terms lot_pool, strategy and entity of the date.

    Returns:
        pool_scope (book, strategy or entity) and pool, its name. A pool that the book does not name is the book alone.
    """
    scope, pool = pd.Series("book", rows.index, dtype="str"), rows["book"]
    for wide in ("strategy", "entity"):
        shared = (rows["lot_pool"] == wide) & (rows[wide] != "")
        scope, pool = scope.mask(shared, wide), pool.mask(shared, rows[wide])
    return pd.DataFrame({"pool_scope": scope, "pool": pool})


def scope_at(rows: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """``scope_of`` of rows with business_date and book, by the terms of ``books`` on that date."""
    terms = security_master.attributes(books, "book", rows, ["lot_pool", "strategy", "entity"])
    return scope_of(terms.assign(book=rows["book"]))


def pooled(trades: pd.DataFrame, links: pd.DataFrame) -> tuple[Pools, Ints, Ints]:
    """Holdings of ``trades``, and those that corporate actions and exercises make of them.

    Args:
        trades: book, pool_scope, pool, instrument, currency and underlying ("" where none is delivered) of everything
            that was ever booked in units.
        links: instrument and new_instrument of the actions that deliver another instrument.

    Returns:
        The pools; of each trade the number of its holding, and the member that its book is in its pool.
    """
    number = trades.groupby(HOLDING).ngroup().to_numpy(np.int64).astype(np.int64)
    own = trades.assign(number=number).drop_duplicates("number").sort_values("number")[[*HOLDING, "currency"]]
    exercised = trades.loc[trades["underlying"] != "", [*SCOPE, "instrument", "underlying", "currency"]]
    exercised = exercised.rename(columns={"underlying": "new_instrument"}).drop_duplicates([*HOLDING, "new_instrument"])
    holdings = _received(own.reset_index(drop=True), exercised, links)
    books = trades[[*SCOPE, "book"]].drop_duplicates().sort_values([*SCOPE, "book"], ignore_index=True)
    sizes = books.groupby(SCOPE, as_index=False).agg(books=("book", "size"))
    sizes["first"] = sizes["books"].cumsum() - sizes["books"]
    holdings = holdings.merge(sizes, on=SCOPE, how="left", validate="many_to_one")
    holdings["group"] = np.arange(len(holdings))
    pools = Pools(holdings, books["book"].to_numpy(object))
    holdings["group"] = _groups(pools, exercised, links)
    return pools, number, _members(trades, books)


def _received(own: pd.DataFrame, exercised: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """``own`` holdings and all that they can turn into, which keep the currency of what they come from."""
    found = pd.concat([own, _becoming(exercised)], ignore_index=True).drop_duplicates(HOLDING, ignore_index=True)
    while True:
        more = pd.concat([found, _becoming(found.merge(links, on="instrument"))], ignore_index=True)
        more = more.drop_duplicates(HOLDING, ignore_index=True)
        if len(more) == len(found):
            return found
        found = more


def _becoming(rows: pd.DataFrame) -> pd.DataFrame:
    becoming = rows[[*SCOPE, "new_instrument", "currency"]].rename(columns={"new_instrument": "instrument"})
    return becoming.sort_values(HOLDING, kind="stable")


def _groups(pools: Pools, exercised: pd.DataFrame, links: pd.DataFrame) -> Ints:
    """Number of the group of each holding: those that are joined, however indirectly, have the smallest in common."""
    holdings = pools.holdings
    joined = pd.concat([holdings[HOLDING].merge(links, on="instrument"), exercised[[*HOLDING, "new_instrument"]]])
    one, other = pools.number(joined, "instrument"), pools.number(joined, "new_instrument")
    return np.unique(joint(one, other, len(holdings)), return_inverse=True)[1].astype(np.int64)


def joint(one: NDArray[Any], other: NDArray[Any], count: int) -> Ints:
    """For each of ``count`` things the smallest that it is joined with, however indirectly, by pairs of positions."""
    label = np.arange(count)
    while True:
        lower = label.copy()
        np.minimum.at(lower, one, label[other])
        np.minimum.at(lower, other, label[one])
        lower = lower[lower]
        if np.array_equal(lower, label):
            return label
        label = lower


def _members(trades: pd.DataFrame, books: pd.DataFrame) -> Ints:
    """Number of each trade's book within its pool, by name."""
    numbers = np.zeros(len(trades), np.int64)
    shared = np.flatnonzero((trades["pool_scope"] != "book").to_numpy())
    if len(shared):
        known = pd.MultiIndex.from_frame(books)
        at = known.get_indexer(pd.MultiIndex.from_frame(trades.iloc[shared][[*SCOPE, "book"]]))
        numbers[shared] = books.groupby(SCOPE).cumcount().to_numpy()[at]
    return numbers


def failed(trades: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """Books whose pool cannot be matched: it changed, or its books keep different currencies or calendars.

    Args:
        trades: book, pool_scope, pool, session and trade date (``date``) of what was booked in units, in order.
        books: reference facts, dated by valid_from.

    Returns:
        book, session and reason.
    """
    rows = trades[["book", *SCOPE, "session", "date"]].drop_duplicates(["book", *SCOPE])
    first = rows.groupby("book")["pool"].transform("first")
    moved = rows[rows["book"].duplicated()]
    text = "its lot pool changed from " + first[moved.index] + " to " + moved["pool"] + " while it has lots"
    found = [moved[["book", "session"]].assign(reason=text)]
    shared = rows[rows["pool_scope"] != "book"]
    on = pd.Series(pd.to_datetime(shared["date"].to_numpy(), unit="D").astype("datetime64[us]"), shared.index)
    at = security_master.in_force(books, "book", shared["book"], on)
    for column, what in (("base_currency", "base currencies"), ("calendar", "calendars")):
        own = pd.Series(books[column].to_numpy(object)[at], shared.index)
        several = own.groupby([shared[name] for name in SCOPE]).transform("nunique") > 1
        text = "the books of lot pool " + shared["pool"] + " have different " + what
        found.append(shared.loc[several, ["book", "session"]].assign(reason=text[several]))
    return pd.concat(found, ignore_index=True)
