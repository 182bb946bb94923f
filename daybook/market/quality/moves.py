"""How far prices moved: against their peers, and measured by their own past.

Belongs here: the yardsticks of a move. Does not belong here: what an odd move may mean (``jumps``, ``splits``).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.market import security_master
from daybook.market.quality.finding import Floats, priced

Ints = NDArray[np.int64]

WINDOW, ENOUGH = 60, 20
"""Returns from which own volatility is taken (about a quarter), and how many of them there must be."""
LATELY = 10
"""Latest returns whose volatility counts if it is the larger one: in March 2020 a quarter's told nothing about the
next day. Half of them must be there."""
NORMAL = 1.4826
"""Median absolute deviation x this = standard deviation, for a normal distribution (Rousseeuw and Croux 1993)."""
FLOOR = 0.001
"""Own volatility is never taken as less: six times ten basis points is what two sources may differ by."""
SPIKE = 6.0
"""Own volatilities, against its peers, beyond which a move is odd: six times a year in the sample vendor's 25 series
from 1995 to 2022, nearly always on the company's own news, and never in the crash of March 2020."""
PEERS = 5
"""How many others a group must have before their median speaks for the market."""
_DAY = pd.Timedelta(days=1)
_GROUPS = (("sector", "asset_class"), ("asset_class", "currency"), ("currency",))


def measured(
    valuations: pd.DataFrame, prices: pd.DataFrame, returns: pd.DataFrame, instruments: pd.DataFrame
) -> pd.DataFrame:
    """How the price of each holding that was priced for its session moved over that session.

    Peers are the others of its sector and asset class; where fewer than ``PEERS`` of them moved, those of its asset
    class and currency; else those of its currency. A move is measured in own volatilities (``volatilities``), and where
    its peers are further from each other than their own volatilities say, in as much larger ones: on a day on which
    everything moves, that alone makes no price odd.

    Args:
        valuations: table of the sessions that are checked.
        prices: golden, of the same sessions.
        returns: table of the same sessions and of ``WINDOW`` sessions before each.
        instruments: reference facts; what is in force on the session counts.

    Returns:
        Rows of ``finding.priced`` that have a return, with ``move`` (price return), ``peers`` (median return of its
        peers, 0 without any), ``has_peers``, ``volatility``, ``times`` ((move - peers) in units of the above, NaN with
        too short a history), ``back`` (the session before moved oddly, and both together did not), ``unchanged``
        (sessions up to this one on which it did not move and its peers did), ``missed`` (their move over these) and
        ``since`` (the session before).
    """
    rows = priced(valuations, prices)
    dates, names, values = _matrix(returns)
    sessions = pd.DatetimeIndex(rows["business_date"].unique())
    known = [_of_session(session, dates, names, values, instruments) for session in sessions]
    none = _of_session(pd.Timestamp(0), dates, names, values, instruments)
    return rows.merge(pd.concat([none.head(0), *known]), on=["business_date", "instrument"])


def own_volatility(rows: pd.DataFrame, returns: pd.DataFrame) -> Floats:
    """Own volatility of the instrument of each of ``rows`` over the sessions before its own (``volatilities``)."""
    dates, names, values = _matrix(returns)
    column = names.get_indexer(pd.Index(rows["instrument"]))
    found = np.full(len(rows), np.nan)
    for session, at in rows.groupby("business_date").indices.items():
        end = int(dates.searchsorted(pd.Timestamp(session)))  # type: ignore[arg-type]
        here = at[column[at] >= 0]
        found[here] = volatilities(values[max(end - WINDOW, 0) : end])[column[here]]
    return found


def volatilities(past: Floats) -> Floats:
    """Robust volatility of each column of ``past``, sessions by instruments; NaN with fewer than ``ENOUGH`` returns.

    ``NORMAL`` x median absolute deviation, of all rows or of the last ``LATELY``, whichever is larger, and at least
    ``FLOOR``. A single wrong price in the past does not hide the next one, as it would in a standard deviation.
    """
    found = np.full(past.shape[1], np.nan)
    enough = np.isfinite(past).sum(axis=0) >= ENOUGH
    found[enough] = np.maximum(_deviation(past[:, enough]), FLOOR)
    recent = enough & (np.isfinite(past[-LATELY:]).sum(axis=0) >= LATELY // 2)
    found[recent] = np.maximum(found[recent], _deviation(past[-LATELY:, recent]))
    return found


def others_median(values: Floats) -> tuple[Floats, Ints]:
    """For each cell the median of the other known values of its row, NaN where it is itself unknown, and their number.

    The others' middle is read off the sorted row with the cell left out, so that a row costs one sort.
    """
    order = np.argsort(values, axis=1, kind="stable")  # NaN last
    ordered = np.take_along_axis(values, order, axis=1)
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(values.shape[1]), order.shape), axis=1)
    known = np.isfinite(values)
    count = np.where(known, known.sum(axis=1, keepdims=True) - 1, 0)
    middle = []
    for at in ((count - 1) // 2, count // 2):
        left_out = at + (at >= place)
        middle.append(np.take_along_axis(ordered, np.clip(left_out, 0, max(values.shape[1] - 1, 0)), axis=1))
    return np.where(count > 0, (middle[0] + middle[1]) / 2, np.nan), count


def _matrix(returns: pd.DataFrame) -> tuple[pd.DatetimeIndex, "pd.Index[Any]", Floats]:
    """Sessions, instruments, and price returns over sessions for which there was a price, NaN elsewhere."""
    moved = returns["price_return"].where(~returns["status"].isin(["stale", "closed"]))
    table = returns.assign(moved=moved).pivot(index="business_date", columns="instrument", values="moved").sort_index()
    return pd.DatetimeIndex(table.index), table.columns, table.to_numpy(np.float64)


def _of_session(
    session: pd.Timestamp, dates: pd.DatetimeIndex, names: "pd.Index[Any]", values: Floats, instruments: pd.DataFrame
) -> pd.DataFrame:
    """What ``measured`` says of every instrument on one session: each has its own window, so that a range of sessions
    gives the figures of single ones."""
    end = int(dates.searchsorted(session, side="right"))
    window = values[max(end - WINDOW - 1, 0) : end]
    if not len(window) or dates[end - 1] != session:
        window = np.full((1, len(names)), np.nan)
    rows = pd.DataFrame({"business_date": session, "instrument": pd.Series(names, dtype="str")})
    terms = security_master.attributes(instruments, "instrument", rows, ["sector", "asset_class", "currency"])
    groups = [_codes(terms, group) for group in _GROUPS]

    volatility = volatilities(window[:-1])
    peers = _against(window, groups)
    own = window - np.nan_to_num(peers)
    with np.errstate(invalid="ignore"):
        spread = NORMAL * _against(np.abs(own[-1:] / volatility), groups)[0]
        unit = volatility * np.fmax(spread, 1.0)
        both = (1.0 + own[-2:]).prod(axis=0) - 1.0
        back = (np.abs(own[-2:][0]) > SPIKE * volatility) & (np.abs(both) <= SPIKE * volatility) & (len(own) > 1)
    run, missed = _unchanged(window, peers)
    told = rows.assign(
        move=window[-1],
        peers=np.nan_to_num(peers[-1]),
        has_peers=np.isfinite(peers[-1]),
        volatility=volatility,
        times=own[-1] / unit,
        back=back,
        unchanged=run,
        missed=missed,
        since=dates[end - 2] if end > 1 else session - _DAY,
    )
    return pd.DataFrame(told[np.isfinite(window[-1])])


def _codes(terms: pd.DataFrame, group: tuple[str, ...]) -> Ints:
    """Number of each instrument's group, -1 where one of the columns is empty."""
    known = (terms[list(group)] != "").all(axis=1).to_numpy()
    return np.where(known, terms.groupby(list(group)).ngroup().to_numpy(), -1).astype(np.int64)


def _against(values: Floats, groups: list[Ints]) -> Floats:
    """Median of each cell's peers on its row: of the first of ``groups`` with ``PEERS`` of them; NaN without any.

    One turn a group of instruments."""
    found = np.full(values.shape, np.nan)
    for codes in groups:
        for code in np.unique(codes[codes >= 0]):
            here = np.flatnonzero(codes == code)
            if len(here) > PEERS:
                median, count = others_median(values[:, here])
                found[:, here] = np.where(np.isnan(found[:, here]) & (count >= PEERS), median, found[:, here])
    return found


def _unchanged(window: Floats, peers: Floats) -> tuple[Ints, Floats]:
    """Sessions up to the last on which a price did not move and its peers did, and what they moved by over these.

    0 for a price that did not move in the whole window: such a price does not move.
    """
    still = (window == 0.0) & np.isfinite(peers) & (peers != 0.0)
    run = np.cumprod(still[::-1], axis=0)
    length = run.sum(axis=0)
    grown = np.where(run == 1, 1.0 + np.nan_to_num(peers[::-1]), 1.0).prod(axis=0) - 1.0
    moves = (np.nan_to_num(window) != 0.0).any(axis=0)
    return np.where(moves, length, 0).astype(np.int64), grown


def _deviation(values: Floats) -> Floats:
    """Standard deviation of each column as its median absolute deviation gives it."""
    if not values.shape[1]:
        return np.zeros(0)
    centre = np.nanmedian(values, axis=0)
    return np.asarray(NORMAL * np.nanmedian(np.abs(values - centre), axis=0), np.float64)
