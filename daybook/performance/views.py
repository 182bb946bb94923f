"""Benchmarks as they are declared: which one a book sees, and by which terms its return is computed.

Belongs here: lookups of facts by session. Does not belong here: what a benchmark earned (``benchmarks``).
"""

import numpy as np
import pandas as pd

from daybook import calendars
from daybook.market import dated
from daybook.market.security_master import effective

VIEW = ["benchmark", "base_currency", "calendar"]
"""A benchmark as a book sees it."""
KEY = ["business_date", *VIEW]
CASH = "CASH:"
DEFAULTS = {"return_kind": "total", "rebalancing": "daily", "hedge_ratio": 0.0}
"""Terms of a benchmark that declares none."""


def book_views(books: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The benchmark of every book on every session, as the book sees it.

    Args:
        books: facts, dated by valid_from.
        sessions: sessions wanted.

    Returns:
        business_date, book, benchmark ("" for none), base_currency, calendar.
    """
    return effective(books, "book", sessions)[["business_date", "book", *VIEW]]


def grid(views: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """KEY: every benchmark named in ``views`` with every one of ``sessions`` that its calendar has.

    Where ``views`` have a business_date, only with those of ``sessions`` that they name it on: a benchmark that no book
    has on a session is none of that session's.
    """
    named = views.loc[views["benchmark"].ne("")]
    if "business_date" in views:
        rows = named.loc[named["business_date"].isin(sessions), KEY].drop_duplicates()
    else:
        rows = dated.grid(sessions, named[VIEW].drop_duplicates())
    for name in rows["calendar"].unique():  # one turn a calendar
        rows = rows[rows["calendar"].ne(name) | calendars.is_session(str(name), rows["business_date"])]
    return pd.DataFrame(rows).sort_values(KEY, ignore_index=True)


def previous(rows: pd.DataFrame) -> pd.Series:
    """The session before that of each of ``rows`` (business_date, calendar) on its calendar."""
    found = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    for name, part in rows.groupby("calendar")["business_date"]:  # one turn a calendar
        found.loc[part.index] = calendars.previous_session(str(name), part).to_numpy()
    return found


def terms(benchmark_terms: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Terms in force for each of ``rows`` (benchmark, business_date), in its order and with its index.

    Returns:
        return_kind, rebalancing, hedge_ratio; ``DEFAULTS`` where nothing is declared; and declared: whether it is.
    """
    columns = list(DEFAULTS)
    known, asked = dated.codes([benchmark_terms["benchmark"]], [rows["benchmark"]])
    at = dated.last(known, benchmark_terms["valid_from"], asked, rows["business_date"])
    ends = benchmark_terms["valid_to"].to_numpy("datetime64[us]")[at] if len(benchmark_terms) else at
    over = (at >= 0) & (ends < rows["business_date"].to_numpy("datetime64[us]")) if len(benchmark_terms) else at >= 0
    at = np.where(over, -1, at)
    found = benchmark_terms[columns].reset_index(drop=True).reindex(at).set_axis(rows.index)
    given = {name: found[name].mask(found[name].isna() | found[name].eq(""), value) for name, value in DEFAULTS.items()}
    return pd.DataFrame(given).assign(declared=at >= 0)
