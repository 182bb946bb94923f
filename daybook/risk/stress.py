"""Stress: what the books would lose in a crisis that came back, and in one that somebody thought of.

Belongs here: the scenarios, as data, and their P&L. Does not belong here: scenarios that are single past sessions
(``scenarios``).

Conventions: P&L = value at the close x ((1 + local return)(1 + FX return into base) - 1), a future's = exposure x local
return x (1 + FX return), one shock at once, positions unchanged. Forwards, and options of which the scenario says
nothing itself, move to the first order with what they are written on (``scenarios``), a long option losing no more than
it is worth. A shock that does not name futures moves them as the asset class of their underlying, and says nothing of
one without. A position that a scenario says nothing about counts 0 and not to coverage; where that is all of the book,
the P&L is empty with the reason.
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
DERIVED = ("future", "option", "forward")
"""Asset classes that no shock names: what they are written on moves them."""
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
    pnl = _moved(held, scenario, returns, fx_rates)
    approximate = pnl.isna() & held["proxy"].ne("")
    proxies = held[approximate]
    worth = proxies["market_value_base"]
    by_delta = proxies.assign(driver=proxies["proxy"], linear=True, value=proxies["exposure_base"], carried=worth)
    made = _moved(by_delta, scenario, returns, fx_rates)
    pnl[approximate] = made.mask(worth > 0, made.clip(lower=-worth))
    gross = held["value"].abs().mask(approximate, held["exposure_base"].abs())
    parts = held[["business_date", "book"]].assign(
        pnl=pnl.fillna(0.0), gross=gross, own=gross.where(pnl.notna(), 0.0), by_delta=approximate & pnl.notna()
    )
    grouped = parts.groupby(["business_date", "book"], as_index=False)
    sums = grouped[["pnl", "gross", "own", "by_delta"]].sum()
    rows = books.merge(sums, on=["business_date", "book"], how="left")
    rows = rows.fillna({"pnl": 0.0, "gross": 0.0, "own": 0.0, "by_delta": 0})
    unknown = (rows["own"] == 0) & (rows["gross"] > 0)
    rows["scenario"], rows["kind"], rows["proxy_coverage"] = name, type(scenario).__name__.lower(), 0.0
    rows["pnl"] = rows["pnl"].round(6).mask(unknown)
    rows["pnl_fraction"] = (rows["pnl"] / rows["nav"].where(rows["nav"] > 0)).round(12)
    rows["coverage"] = (rows["own"] / rows["gross"].where(rows["gross"] > 0)).round(12)
    share = (100 * rows["coverage"]).round(1).astype("str")
    partly = "only " + share + " % of gross value has a return in this scenario, the rest counts 0"
    reason = pd.Series("", index=rows.index, dtype="str").mask(rows["coverage"] < 1, partly)
    reason = reason.mask(unknown, "nothing held has a return in this scenario")
    noted = reason.mask(reason != "", reason + "; ") + "options by delta"
    rows["reason"] = reason.mask(rows["by_delta"] > 0, noted)
    return rows[list(tables.TABLES["stress"].names)]


def _moved(
    held: pd.DataFrame, scenario: Replay | Shock, returns: pd.DataFrame, fx_rates: pd.DataFrame
) -> "pd.Series[float]":
    """P&L of each position in base currency; NaN where the scenario says nothing about it."""
    if isinstance(scenario, Replay):
        local, move = replayed(held, returns, fx_rates, scenario)
    else:
        local, move = shocked(held, scenario)
    total = np.where(held["linear"], local * (1 + move), (1 + local) * (1 + move) - 1)
    carried = held["carried"].to_numpy(np.float64)
    return held["value"] * total + np.where(carried != 0, carried * move, 0.0)


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
    local = held["driver"].map(whole).astype("float64")

    def exchanged(base: "pd.Series[str]", quote: "pd.Series[str]") -> Floats:
        pairs = pd.DataFrame({"base": base.to_numpy(object), "quote": quote.to_numpy(object)})
        distinct = pairs.drop_duplicates()
        pair = distinct["base"].to_numpy(object), distinct["quote"].to_numpy(object)
        first, last = (
            rates(fx_rates, *pair, np.full(len(distinct), np.datetime64(date, "us")))
            for date in (replay.first, replay.last)
        )
        found = pairs.merge(distinct.assign(move=last / first - 1), on=["base", "quote"], how="left")
        return np.asarray(found["move"], np.float64)

    money = held["driver"].str.startswith(CASH)
    local[money] = exchanged(_bought(held)[money], held["currency"][money])
    return np.asarray(local, np.float64), exchanged(held["currency"], held["base_currency"])


def shocked(held: pd.DataFrame, shock: Shock) -> tuple[Floats, Floats]:
    """Local return and currency return of each position under ``shock``."""
    derived = held["asset_class"].isin(DERIVED) & ~held["asset_class"].isin(list(shock.local))
    moving = held["asset_class"].mask(derived, held["underlying_class"].where(held["linear"], ""))
    named = moving.map(dict(shock.local)).astype("float64").fillna(0.0)
    local = np.where(derived & moving.isin(["", *DERIVED]), np.nan, named)

    def worth(currency: "pd.Series[str]") -> Floats:
        return np.where(currency.ne(held["base_currency"]), 1 + shock.foreign_currency, 1.0)

    moved = worth(held["currency"])
    money = held["driver"].str.startswith(CASH).to_numpy()
    return np.where(money, worth(_bought(held)) / moved - 1, local), moved - 1


def _bought(held: pd.DataFrame) -> "pd.Series[str]":
    """The currency that drives each position whose driver is one."""
    return held["driver"].str[len(CASH) :]
