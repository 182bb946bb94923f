"""Scenarios: what positions would earn if past sessions came back.

Belongs here: returns of every line (an instrument seen from a base currency) in every past session, the values that
the books hold in those lines, and the product of the two. Does not belong here: what is read off the P&L vectors
(``var``), shocks that are not past sessions (``stress``).

Conventions (CONTRACT 2.11): a scenario return is (1 + local total return) x (1 + FX return into base) - 1, applied to
values at the close; a future earns exposure x local return x (1 + FX return). Cash in base currency earns 0, foreign
cash the FX return. A return that is missing counts 0, and its line does not count to coverage. The scenarios of session
D are the last ``WINDOW`` sessions up to D on which any instrument has a return, oldest first.

What is not worth what it moves with is approximated to the first order: a currency forward earns exposure x return of
the currency bought x (1 + FX return), and the FX return on its market value. So does an option that has no return of
its own in every scenario and whose delta is known, with what it is written on; it does not count to coverage. A bond
moves as its clean price does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger.valuation import WITHOUT_DELTA
from daybook.market.fx import rates
from daybook.market.security_master import attributes

WINDOW = 500
"""Scenarios of a default historical VaR: two years of sessions."""
SCENARIO_SET = "historical"
CASH = "CASH:"
LINE = ["driver", "currency", "base_currency", "linear"]
"""What makes a scenario return: whose local return, seen from which currency, on a value or on an exposure."""

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
        rows: positions: instrument, market_value_base, value (what the scenario return applies to), carried (what the
            FX return applies to besides) and by_delta.
        book: position -> index into ``books``.
        line: position -> index into ``returns``.
        money: position -> index into ``returns`` of what is carried.
        window: dates of the scenarios, oldest first, shape (S,).
        returns: scenario returns, shape (lines, S).
        covered: whether a position has a return of its own in every scenario.
        pnl: P&L of each book in each scenario, rounded to 10^-6, shape (B, S).
    """

    date: pd.Timestamp
    books: NDArray[np.object_]
    nav: Floats
    rows: pd.DataFrame
    book: Ints
    line: Ints
    money: Ints
    window: NDArray[np.datetime64]
    returns: Floats
    covered: NDArray[np.bool_]
    pnl: Floats

    def earned(self, at: Any, scenario: Any) -> Floats:
        """P&L of the positions ``at`` in ``scenario``, indices or slices of ``rows`` and ``returns``."""
        value, carried = (self.rows[name].to_numpy(np.float64)[at] for name in ("value", "carried"))
        line, money = self.returns[self.line[at], scenario], self.returns[self.money[at], scenario]
        shape = (-1,) + (1,) * (line.ndim - 1)
        return np.asarray(value.reshape(shape) * line + carried.reshape(shape) * money)


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
        business_date, book, instrument, currency, base_currency, asset_class, market_value_base, exposure_base; driver
        (the instrument or ``CASH:<CCY>`` whose local return it has), linear (whether on its exposure), value (base
        currency: what the return applies to), carried (base currency: what the FX return applies to besides), proxy
        (what moves an option of known delta, else "") and underlying_class; sorted by session, book and instrument.
    """
    good = nav.loc[nav["status"].eq("ok") & nav["business_date"].isin(sessions)]
    held = valuations.loc[valuations["business_date"].isin(sessions)].merge(
        good[["business_date", "book", "base_currency"]], on=["business_date", "book"]
    )
    known = attributes(instruments, "instrument", held, ["asset_class", "underlying"])
    held["asset_class"] = known["asset_class"].mask(held["instrument"].str.startswith(CASH), "cash")
    forward = held["asset_class"].eq("forward") & known["underlying"].ne("")
    by_delta = held["asset_class"].eq("option") & ~held["reason"].str.startswith(WITHOUT_DELTA)
    held["driver"] = held["instrument"].mask(forward, known["underlying"])
    held["linear"] = held["asset_class"].eq("future") | forward
    held["value"] = held["exposure_base"].where(held["linear"], held["market_value_base"])
    held["carried"] = held["market_value_base"].where(held["linear"], 0.0)
    held["proxy"] = known["underlying"].where(by_delta, "")
    under = held[["business_date"]].assign(instrument=known["underlying"])
    held["underlying_class"] = attributes(instruments, "instrument", under, ["asset_class"])["asset_class"]
    kept = ["business_date", "book", "instrument", *LINE, "asset_class", "market_value_base", "exposure_base"]
    kept += ["value", "carried", "proxy", "underlying_class"]
    return held[kept].sort_values(["business_date", "book", "instrument"], ignore_index=True)


def scenario_returns(returns: pd.DataFrame, fx_rates: pd.DataFrame, lines: pd.DataFrame) -> Moves:
    """Returns of ``lines`` in base currency on every session of ``returns``.

    Args:
        returns: table ``returns`` (local total return per instrument and session).
        fx_rates: table ``fx_rates``, from at least one session before the first return on.
        lines: driver, currency, base_currency, linear; one row a line.
    """
    own = returns.loc[returns["local_return"].notna()]
    dates = np.unique(own["business_date"].to_numpy("datetime64[us]"))
    money = lines["driver"].str.startswith(CASH)
    abroad = lines["driver"].str[len(CASH) :].where(money, lines["currency"])
    exchanged = pd.DataFrame({"currency": abroad, "base_currency": lines["currency"]})
    local = _local(own, lines["driver"], dates)
    local[money] = _currency(fx_rates, exchanged[money], dates)
    moves = _currency(fx_rates, lines, dates)
    linear = lines["linear"].to_numpy(bool)[:, None]
    total = np.where(linear, local * (1 + moves), (1 + local) * (1 + moves) - 1)
    known = np.isfinite(total)
    return Moves(dates, np.where(known, total, 0.0), known)


def _local(own: pd.DataFrame, instruments: pd.Series, dates: NDArray[np.datetime64]) -> Floats:
    names = pd.Index(instruments.unique())
    at = names.get_indexer(pd.Index(own["instrument"]))
    there = at >= 0
    found = np.full((len(names), len(dates)), np.nan)
    when = np.searchsorted(dates, own["business_date"].to_numpy("datetime64[us]")[there])
    found[at[there], when] = own["local_return"].to_numpy()[there]
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
    beside = held[LINE].assign(driver=held["proxy"], linear=True)
    money = held[LINE].assign(driver=CASH + held["currency"], linear=False)
    approximate = held["linear"] | held["proxy"].ne("")
    lines = pd.concat([held[LINE], beside[held["proxy"].ne("")], money[approximate]]).drop_duplicates(ignore_index=True)
    known = pd.MultiIndex.from_frame(lines)
    for name, wanted in (("line", held[LINE]), ("proxy_line", beside), ("money", money)):
        held[name] = known.get_indexer(pd.MultiIndex.from_frame(wanted))
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
    own, proxy, money = (rows[name].to_numpy(np.int64) for name in ("line", "proxy_line", "money"))
    covered = seen[own, last] - seen[own, first] == last - first
    by_delta = ~covered & (proxy >= 0)
    rows = rows.assign(
        value=rows["value"].mask(by_delta, rows["exposure_base"]),
        carried=rows["carried"].mask(by_delta, rows["market_value_base"]),
        by_delta=by_delta,
    )
    carried = rows["carried"].to_numpy(np.float64)
    line = np.where(by_delta, proxy, own)
    used, at = np.unique(np.r_[line, np.where(carried != 0, money, line)], return_inverse=True)
    line, money = at[: len(rows)], at[len(rows) :]
    window = moves.returns[used, first:last]
    names = pd.Index(books["book"])
    book = names.get_indexer(pd.Index(rows["book"]))
    amounts = np.r_[rows["value"].to_numpy(np.float64), carried]
    weights = csr_matrix((amounts, (np.r_[book, book], at)), shape=(len(books), len(used)))
    return Day(
        date=date,
        books=names.to_numpy(object),
        nav=books["nav"].to_numpy(),
        rows=rows,
        book=book,
        line=line,
        money=money,
        window=moves.dates[first:last],
        returns=window,
        covered=covered,
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
                "weights": [[]] * len(day.books),
                "scenarios": len(day.window),
                "window_start": day.window[0] if len(day.window) else pd.NaT,
                "window_end": day.window[-1] if len(day.window) else pd.NaT,
            }
        )
        for day in days(valuations, nav, returns, fx_rates, instruments, sessions)
    ]
    return tables.conform("scenario_pnl", pd.concat(frames)) if frames else tables.empty("scenario_pnl")
