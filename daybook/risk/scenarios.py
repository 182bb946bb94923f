"""Scenarios: what positions would earn if past sessions came back.

Belongs here: returns of every line (an instrument seen from a base currency) in every past session, the values that
the books hold in those lines, and the product of the two. Does not belong here: what is read off the P&L vectors
(``var``), shocks that are not past sessions (``stress``).

Conventions (CONTRACT 2.11): a scenario return is (1 + local total return) x (1 + FX return into base) - 1, applied to
values at the close; a future earns exposure x local return x (1 + FX return). Cash in base currency earns 0, foreign
cash the FX return. A return that is missing counts 0, and its line does not count to coverage. The scenarios of session
D are the last ``WINDOW`` sessions up to D on which any instrument has a return, oldest first.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.market.fx import rates
from daybook.market.security_master import attributes

WINDOW = 500
"""Scenarios of a default historical VaR: two years of sessions."""
SCENARIO_SET = "historical"
CASH = "CASH:"
LINE = ["instrument", "currency", "base_currency", "is_future"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Moves:
    """Scenario returns of lines.

    Attributes:
        dates: sessions, sorted, shape (T,).
        returns: return of each line in base currency, 0 where missing, shape (L, T).
        known: whether the line has a return of its own, shape (L, T).
    """

    dates: NDArray[np.datetime64]
    returns: Floats
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Day:
    """All books of one session that have a NAV, against the scenarios of that session.

    Attributes:
        date: the session.
        books: their names, shape (B,).
        nav: their NAV in base currency, shape (B,).
        rows: positions: instrument, market_value_base, value (what the scenario return applies to).
        book: position -> index into ``books``.
        line: position -> index into ``returns``.
        window: dates of the scenarios, oldest first, shape (S,).
        returns: scenario returns, shape (lines, S).
        covered: whether a line has a return of its own in every scenario.
        pnl: P&L of each book in each scenario, rounded to 10^-6, shape (B, S).
    """

    date: pd.Timestamp
    books: NDArray[np.object_]
    nav: Floats
    rows: pd.DataFrame
    book: Ints
    line: Ints
    window: NDArray[np.datetime64]
    returns: Floats
    covered: NDArray[np.bool_]
    pnl: Floats


def positions(
    valuations: pd.DataFrame, nav: pd.DataFrame, instruments: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Positions of the books that have a NAV, with what a scenario return applies to.

    Args:
        valuations: table ``valuations``, cash rows included.
        nav: table ``nav``.
        instruments: facts, dated by valid_from.
        sessions: sessions to keep.

    Returns:
        business_date, book, instrument, currency, base_currency, asset_class, is_future, market_value_base and value
        (base currency: market value, exposure of a future), sorted by session, book and instrument.
    """
    good = nav.loc[nav["status"].eq("ok") & nav["business_date"].isin(sessions)]
    held = valuations.loc[valuations["business_date"].isin(sessions)].merge(
        good[["business_date", "book", "base_currency"]], on=["business_date", "book"]
    )
    known = attributes(instruments, "instrument", held, ["asset_class"])
    held["asset_class"] = known["asset_class"].mask(held["instrument"].str.startswith(CASH), "cash")
    held["is_future"] = held["asset_class"].eq("future")
    held["value"] = held["exposure_base"].where(held["is_future"], held["market_value_base"])
    kept = ["business_date", "book", *LINE, "asset_class", "market_value_base", "value"]
    return held[kept].sort_values(["business_date", "book", "instrument"], ignore_index=True)


def scenario_returns(returns: pd.DataFrame, fx_rates: pd.DataFrame, lines: pd.DataFrame) -> Moves:
    """Returns of ``lines`` in base currency on every session of ``returns``.

    Args:
        returns: table ``returns`` (local total return per instrument and session).
        fx_rates: table ``fx_rates``, from at least one session before the first return on.
        lines: instrument, currency, base_currency, is_future; one row a line.
    """
    own = returns.loc[returns["local_return"].notna()]
    dates = np.unique(own["business_date"].to_numpy("datetime64[us]"))
    local = _local(own, lines["instrument"], dates)
    moves = _currency(fx_rates, lines, dates)
    future = lines["is_future"].to_numpy(bool)[:, None]
    total = np.where(future, local * (1 + moves), (1 + local) * (1 + moves) - 1)
    known = np.isfinite(total)
    return Moves(dates, np.where(known, total, 0.0), known)


def _local(own: pd.DataFrame, instruments: pd.Series, dates: NDArray[np.datetime64]) -> Floats:
    names = pd.Index(instruments.unique())
    at = names.get_indexer(pd.Index(own["instrument"]))
    there = at >= 0
    found = np.full((len(names), len(dates)), np.nan)
    when = np.searchsorted(dates, own["business_date"].to_numpy("datetime64[us]")[there])
    found[at[there], when] = own["local_return"].to_numpy()[there]
    found[names.str.startswith(CASH)] = 0.0
    whole: Floats = found[names.get_indexer(pd.Index(instruments))]
    return whole


def _currency(fx_rates: pd.DataFrame, lines: pd.DataFrame, dates: NDArray[np.datetime64]) -> Floats:
    """Return of each line's currency into its base currency, by session; 0 where they are the same."""
    pairs = lines[["currency", "base_currency"]].drop_duplicates(ignore_index=True)
    fixings = np.unique(fx_rates["business_date"].to_numpy("datetime64[us]"))
    at = np.searchsorted(fixings, dates) - 1
    usable = at >= 0
    moves = np.full((len(pairs), len(dates)), np.nan)
    if usable.any():
        n = int(usable.sum())
        base = np.repeat(pairs["currency"].to_numpy(object), n)
        quote = np.repeat(pairs["base_currency"].to_numpy(object), n)
        after = rates(fx_rates, base, quote, np.tile(dates[usable], len(pairs)))
        before = rates(fx_rates, base, quote, np.tile(fixings[at[usable]], len(pairs)))
        moves[:, usable] = (after / before - 1).reshape(len(pairs), n)
    moves[pairs["currency"].eq(pairs["base_currency"]).to_numpy()] = 0.0
    index = pd.MultiIndex.from_frame(pairs).get_indexer(pd.MultiIndex.from_frame(lines[["currency", "base_currency"]]))
    return moves[index]


def days(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> Iterator[Day]:
    """Each of ``sessions`` with the P&L of all its books in its own scenarios: one sparse product a session.

    Args:
        valuations: table ``valuations`` of the sessions.
        nav: table ``nav`` of the sessions.
        returns: table ``returns``, reaching ``WINDOW`` sessions back from the first session where there are as many.
        fx_rates: table ``fx_rates``, reaching one session further.
        instruments: facts, dated by valid_from.
        sessions: sessions to compute.
    """
    held = positions(valuations, nav, instruments, sessions)
    lines = held[LINE].drop_duplicates(ignore_index=True)
    held["line"] = pd.MultiIndex.from_frame(lines).get_indexer(pd.MultiIndex.from_frame(held[LINE]))
    moves = scenario_returns(returns, fx_rates, lines)
    seen = np.concatenate([np.zeros((len(lines), 1), np.int64), moves.known.cumsum(axis=1)], axis=1)
    good = nav.loc[nav["status"].eq("ok")].sort_values(["business_date", "book"])
    good_at, held_at = _bounds(good, sessions), _bounds(held, sessions)
    for i, date in enumerate(sessions):
        books = good.iloc[slice(*good_at[i])]
        if len(books):
            yield _day(date, books, held.iloc[slice(*held_at[i])], moves, seen)


def _bounds(frame: pd.DataFrame, sessions: pd.DatetimeIndex) -> list[tuple[int, int]]:
    """First and last+1 row of each session in a frame sorted by business_date."""
    dates = frame["business_date"].to_numpy("datetime64[us]")
    wanted = sessions.to_numpy("datetime64[us]")
    left, right = np.searchsorted(dates, wanted, "left"), np.searchsorted(dates, wanted, "right")
    return list(zip(left.tolist(), right.tolist(), strict=True))


def _day(date: pd.Timestamp, books: pd.DataFrame, rows: pd.DataFrame, moves: Moves, seen: Ints) -> Day:
    from scipy.sparse import csr_matrix

    last = int(np.searchsorted(moves.dates, np.datetime64(date, "us"), "right"))
    first = max(0, last - WINDOW)
    used, line = np.unique(rows["line"].to_numpy(np.int64), return_inverse=True)
    window = moves.returns[used, first:last]
    names = pd.Index(books["book"])
    book = names.get_indexer(pd.Index(rows["book"]))
    weights = csr_matrix((rows["value"].to_numpy(), (book, line)), shape=(len(books), len(used)))
    return Day(
        date=date,
        books=names.to_numpy(object),
        nav=books["nav"].to_numpy(),
        rows=rows,
        book=book,
        line=line,
        window=moves.dates[first:last],
        returns=window,
        covered=seen[used, last] - seen[used, first] == last - first,
        pnl=np.round(weights @ window, 6),
    )


def scenario_pnl(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``scenario_pnl``: P&L in base currency of each book in each scenario, oldest first.

    Arguments as of ``days``. Books without a NAV have no row.
    """
    frames = [
        pd.DataFrame(
            {
                "business_date": day.date,
                "book": day.books,
                "scenario_set": SCENARIO_SET,
                "pnl": list(day.pnl + 0.0),
                "scenarios": len(day.window),
                "window_start": day.window[0] if len(day.window) else pd.NaT,
                "window_end": day.window[-1] if len(day.window) else pd.NaT,
            }
        )
        for day in days(valuations, nav, returns, fx_rates, instruments, sessions)
    ]
    return tables.conform("scenario_pnl", pd.concat(frames)) if frames else tables.empty("scenario_pnl")
