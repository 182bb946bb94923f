"""Facts by date: which of several sources counts on a date, and which row was the last one.

Belongs here: the two lookups that prices, exchange rates and reference data share, on arrays. Does not belong here:
what a fact means, how old it may be, and what is said when it is missing.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Dates = NDArray[np.datetime64]

FILES = "files"
"""Name, in an order of sources, of everything that came through the inbox."""


def days(dates: object) -> Ints:
    """Days since 1970-01-01 of ``dates``."""
    return np.asarray(dates, "datetime64[us]").astype("datetime64[D]").astype(np.int64)


def iso(dates: object) -> "pd.Series[str]":
    """Each of ``dates`` as text, 2020-01-31."""
    texts = np.datetime_as_string(np.asarray(dates, "datetime64[us]").astype("datetime64[D]"))
    return pd.Series(texts, dtype="str")


def codes(known: Sequence[Any], wanted: Sequence[Any]) -> tuple[Ints, Ints]:
    """Integer keys of the rows of ``known`` and of ``wanted``, each given column by column.

    Two rows get the same integer if and only if all their columns are equal; the integers are dense from 0.
    """
    length = len(known[0])
    combined = np.zeros(length + len(wanted[0]), np.int64)
    for left, right in zip(known, wanted, strict=True):
        column = pd.concat([pd.Series(left), pd.Series(right)], ignore_index=True)
        found, values = pd.factorize(column)
        combined, _ = pd.factorize(combined * (len(values) + 1) + found)
    return combined[:length].astype(np.int64), combined[length:].astype(np.int64)


def last(keys: Ints, dates: object, wanted: Ints, on: object) -> Ints:
    """Position of the last row of each wanted key dated at or before ``on``; -1 where there is none.

    Among rows of the same key and date the one that stands last counts.
    """
    return lookup(keys, dates)(wanted, on)


def lookup(keys: Ints, dates: object) -> Callable[[Ints, object], Ints]:
    """``last`` over the same rows, to be asked more than once: sorts them now, searches on each call."""
    known = _ordered(keys, dates)
    order = np.argsort(known, kind="stable")
    known = known[order]

    def ask(wanted: Ints, on: object) -> Ints:
        if not len(order):
            return np.full(len(wanted), -1, np.int64)
        found = np.searchsorted(known, _ordered(wanted, on), side="right") - 1
        at = order[np.maximum(found, 0)]
        return np.where((found >= 0) & (keys[at] == wanted), at, -1).astype(np.int64)

    return ask


def within(keys: Ints, dates: object, wanted: Ints, since: object, until: object) -> tuple[Ints, Ints]:
    """Every pair of a wanted row and a known row of its key with ``since`` < date <= ``until``.

    Returns:
        Positions of the wanted and of the known rows, pair by pair: by wanted row, then by date.
    """
    known = _ordered(keys, dates)
    order = np.argsort(known, kind="stable")
    low, high = (np.searchsorted(known[order], _ordered(wanted, day), side="right") for day in (since, until))
    count = np.maximum(high - low, 0)
    rows = np.repeat(np.arange(len(wanted)), count)
    step = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows.astype(np.int64), order[np.repeat(low, count) + step].astype(np.int64)


def changes(facts: pd.DataFrame) -> Dates:
    """The dates, sorted, on which other rows come into force: each valid_from, the day after each valid_to."""
    dates = pd.concat([facts["valid_from"], facts["valid_to"] + pd.Timedelta(days=1)]).dropna().unique()
    return np.sort(np.asarray(dates, "datetime64[us]"))


def grid(sessions: pd.DatetimeIndex, rows: pd.DataFrame) -> pd.DataFrame:
    """Every session with every one of ``rows``, ``business_date`` first, in the order of both."""
    repeated = rows.take(np.tile(np.arange(len(rows)), len(sessions))).reset_index(drop=True)
    repeated.insert(0, "business_date", np.repeat(np.asarray(sessions, "datetime64[us]"), len(rows)))
    return repeated


def ranks(sources: Any, order: Sequence[str]) -> Ints:
    """Place of each source in ``order``, 0 the preferred one; one that is not named ranks as ``files``, else last."""
    named = list(dict.fromkeys(order))
    found = pd.Index(named, dtype="object").get_indexer(pd.Index(np.asarray(sources, object), dtype="object"))
    rest = named.index(FILES) if FILES in named else len(named)
    return np.where(found >= 0, found, rest).astype(np.int64)


def preferred(facts: pd.DataFrame, key: Sequence[str], order: Sequence[str]) -> pd.DataFrame:
    """``best`` of ``facts``, ranked by ``order``, the preferred source first (``ranks``)."""
    codes, names = pd.factorize(facts["source"])
    return best(facts, key, np.append(ranks(names, order), 0)[codes])


def best(facts: pd.DataFrame, key: Sequence[str], rank: Ints) -> pd.DataFrame:
    """One of ``facts`` for each ``key`` and business_date, sorted by them: that of the lowest rank.

    Args:
        facts: rows with business_date, known_at, recorded_at, delivery and the columns of ``key``.
        key: what identifies the fact on a date.
        rank: one for each of ``facts``. Of equal rank the latest by (known_at, recorded_at, delivery) counts.
    """
    combined = np.zeros(len(facts), np.int64)
    for column in key:
        codes, names = pd.factorize(facts[column], sort=True)
        combined = combined * len(names) + codes
    place = _ordered(combined, facts["business_date"])
    order = np.argsort(place, kind="stable")
    again = place[order[1:]] == place[order[:-1]]
    if again.any():  # rows are ordered by all that may decide only where there is something to decide
        arrival = [facts[name].to_numpy("datetime64[us]").astype(np.int64) for name in ("known_at", "recorded_at")]
        order = np.lexsort((facts["delivery"].to_numpy(), arrival[1], arrival[0], -rank, place))
        order = order[np.append(place[order[1:]] != place[order[:-1]], True)]
    return facts.take(order).reset_index(drop=True)


def _ordered(keys: Ints, dates: object) -> Ints:
    """One integer that sorts by key, then by date."""
    return (keys << 32) + days(dates) + 2**31
