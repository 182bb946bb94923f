"""Stress: what the books would lose in a crisis that came back, and in one that somebody thought of.

Belongs here: the scenarios, as data, and their P&L. Does not belong here: scenarios that are single past sessions
(``scenarios``).

Conventions: P&L = value at the close x ((1 + local return)(1 + FX return into base) - 1), a future's = exposure x local
return x (1 + FX return), one shock at once, positions unchanged. A position that a scenario says nothing about counts 0
and not to coverage; where that is all of the book, the P&L is empty with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market.fx import rates
from daybook.risk.scenarios import CASH, Floats, positions


@dataclass(frozen=True)
class Replay:
    """What happened from the close of ``first`` to the close of ``last``."""

    first: pd.Timestamp
    last: pd.Timestamp


@dataclass(frozen=True)
class Shock:
    """Local returns by asset class (0 for those not named), and the return of every foreign currency into base."""

    local: Mapping[str, float]
    foreign_currency: float


# From the S&P 500's closing high before the pandemic to its closing low.
SCENARIOS: dict[str, Replay | Shock] = {
    "covid_2020": Replay(pd.Timestamp("2020-02-19"), pd.Timestamp("2020-03-23")),
    # A fund counts as equity: nothing says what it holds, and the loss must not be understated.
    "equities_down_20_fx_down_10": Shock({"equity": -0.2, "etf": -0.2, "fund": -0.2, "index": -0.2}, -0.1),
}


def stress(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``stress``: one row per session, book and scenario; books without a NAV have none.

    Args:
        valuations: table ``valuations`` of the sessions.
        nav: table ``nav`` of the sessions.
        returns: table ``returns`` of the sessions of each replay.
        fx_rates: table ``fx_rates`` of the first and last session of each replay.
        instruments: facts, dated by valid_from.
        sessions: sessions to compute.
    """
    held = positions(valuations, nav, instruments, sessions)
    books = nav.loc[nav["status"].eq("ok") & nav["business_date"].isin(sessions), ["business_date", "book", "nav"]]
    frames = [_scenario(name, held, books, returns, fx_rates) for name in SCENARIOS]
    return tables.conform("stress", pd.concat(frames).sort_values(["business_date", "book", "scenario"]))


def _scenario(
    name: str, held: pd.DataFrame, books: pd.DataFrame, returns: pd.DataFrame, fx_rates: pd.DataFrame
) -> pd.DataFrame:
    scenario = SCENARIOS[name]
    if isinstance(scenario, Replay):
        local, move = replayed(held, returns, fx_rates, scenario)
    else:
        local, move = shocked(held, scenario)
    future = held["is_future"].to_numpy(bool)
    total = np.where(future, local * (1 + move), (1 + local) * (1 + move) - 1)
    known, value = np.isfinite(total), held["value"].to_numpy()
    parts = held[["business_date", "book"]].assign(
        pnl=value * np.where(known, total, 0.0), gross=np.abs(value), own=np.abs(value) * known
    )
    sums = parts.groupby(["business_date", "book"], as_index=False)[["pnl", "gross", "own"]].sum()
    rows = books.merge(sums, on=["business_date", "book"], how="left").fillna({"pnl": 0.0, "gross": 0.0, "own": 0.0})
    unknown = (rows["own"] == 0) & (rows["gross"] > 0)
    rows["scenario"] = name
    rows["pnl"] = rows["pnl"].round(6).mask(unknown)
    rows["pnl_fraction"] = (rows["pnl"] / rows["nav"].where(rows["nav"] > 0)).round(12)
    rows["coverage"] = (rows["own"] / rows["gross"].where(rows["gross"] > 0)).round(12)
    share = (100 * rows["coverage"]).round(1).astype("str")
    partly = "only " + share + " % of gross value has a return in this scenario, the rest counts 0"
    reason = pd.Series("", index=rows.index, dtype="str").mask(rows["coverage"] < 1, partly)
    rows["reason"] = reason.mask(unknown, "nothing held has a return in this scenario")
    return rows[list(tables.TABLES["stress"].names)]


def replayed(
    held: pd.DataFrame, returns: pd.DataFrame, fx_rates: pd.DataFrame, replay: Replay
) -> tuple[Floats, Floats]:
    """Local return and currency return of each position over ``replay``; NaN where it has none of its own.

    An instrument counts only if it has a return on every session of the replay.
    """
    window = returns.loc[returns["business_date"].gt(replay.first) & returns["business_date"].le(replay.last)]
    dates = window["business_date"].nunique()
    window = window.sort_values(["instrument", "business_date"])
    grown = window.assign(growth=1 + window["local_return"]).groupby("instrument")["growth"].agg(["prod", "count"])
    whole = (grown["prod"] - 1).where(grown["count"] == dates)
    local = held["instrument"].map(whole).astype("float64").mask(held["instrument"].str.startswith(CASH), 0.0)
    pairs = held[["currency", "base_currency"]].drop_duplicates()
    pair = pairs["currency"].to_numpy(object), pairs["base_currency"].to_numpy(object)

    def at(date: pd.Timestamp) -> Floats:
        return rates(fx_rates, *pair, np.full(len(pairs), np.datetime64(date, "us")))

    moves = pairs.assign(move=at(replay.last) / at(replay.first) - 1)
    moved = held.merge(moves, on=["currency", "base_currency"], how="left")["move"]
    return np.asarray(local, np.float64), np.asarray(moved, np.float64)


def shocked(held: pd.DataFrame, shock: Shock) -> tuple[Floats, Floats]:
    """Local return and currency return of each position under ``shock``."""
    local = held["asset_class"].map(dict(shock.local)).astype("float64").fillna(0.0)
    abroad = held["currency"].ne(held["base_currency"]).to_numpy()
    return np.asarray(local, np.float64), np.where(abroad, shock.foreign_currency, 0.0)
