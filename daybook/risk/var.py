"""Value at risk and expected shortfall, and where they come from.

Belongs here: what is read off P&L vectors. Does not belong here: how the vectors are made (``scenarios``), whether past
figures were right (``backtest``).

Conventions (CONTRACT 2.11): VaR at confidence c over S scenarios is minus the k-th smallest P&L, k = ceil(S (1 - c)) in
exact arithmetic; expected shortfall is minus the mean of the k smallest (Acerbi and Tasche 2002, for whole k). Neither
is floored at 0: a book that cannot lose has a negative VaR. Ties go to the earliest date.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.risk.scenarios import Day, Floats, Ints, days

CONFIDENCES = (0.95, 0.99)
METHOD = "historical"
HORIZON_DAYS = 1
OPTIONS_BY_DELTA = "; options without returns of their own by delta, not in coverage"
_CELLS = 4_000_000
"""Cells of P&L without one position held at a time (32 MB)."""


def tail(scenarios: int, confidence: float) -> int:
    """k = ceil(S (1 - c)), in exact arithmetic: 0.99 is 99/100, so 100 scenarios give 1, not 2."""
    return ceil(scenarios * (1 - Fraction(str(confidence))))


def enough(scenarios: int, confidence: float) -> bool:
    """Whether there are at least 1 / (1 - c) scenarios, without which the tail is not resolved."""
    return scenarios * (1 - Fraction(str(confidence))) >= 1


def historical(pnl: Floats, confidences: Sequence[float] = CONFIDENCES) -> tuple[Floats, Floats]:
    """VaR and expected shortfall of P&L vectors.

    Args:
        pnl: P&L, shape (books, scenarios).
        confidences: 0.99, not 99.

    Returns:
        VaR and ES in the unit of ``pnl``, both of shape (books, confidences); NaN where there are fewer than 1 / (1 -
        c) scenarios.
    """
    books, scenarios = pnl.shape
    var = np.full((books, len(confidences)), np.nan)
    shortfall = var.copy()
    ks = [tail(scenarios, c) if enough(scenarios, c) else 0 for c in confidences]
    if max(ks, default=0) == 0:
        return var, shortfall
    worst = np.sort(np.partition(pnl, max(ks) - 1, axis=1)[:, : max(ks)], axis=1)
    for j, k in enumerate(ks):
        if k:
            var[:, j] = -worst[:, k - 1]
            shortfall[:, j] = -worst[:, :k].sum(axis=1) / k
    return var, shortfall


def kth_scenario(pnl: Floats, k: int) -> Ints:
    """Index of the scenario with the k-th smallest P&L of each book; among equals the earliest.

    Args:
        pnl: P&L, shape (books, scenarios), oldest first.
        k: from 1.
    """
    return np.asarray(np.argsort(pnl, axis=1, kind="stable")[:, k - 1], np.int64)


def convention(scenarios: int) -> str:
    """How the figures were computed, to be printed beside them."""
    return (
        f"historical, {scenarios} scenarios, k-th smallest with k = ceil(S(1-c)), ES = mean of the k smallest, 1 day,"
        " values at close, missing returns count 0 and not to coverage"
    )


def var(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``var``: one row per session, book and confidence; arguments as of ``scenarios.days``.

    A book whose NAV failed has a row with empty figures and the reason in ``status``. ``nav_fraction`` is empty when
    nav <= 0, ``coverage`` when the book holds nothing.
    """
    computed = [_figures(day) for day in days(valuations, nav, returns, fx_rates, instruments, sessions)]
    frame = pd.concat([*computed, _failed(nav, sessions)], ignore_index=True)
    frame = frame.sort_values(["business_date", "book", "confidence"], ignore_index=True)
    frame["method"], frame["horizon_days"] = METHOD, HORIZON_DAYS
    frame["benchmark_var"], frame["proxy_coverage"] = np.nan, 0.0
    return tables.conform("var", frame)


def _figures(day: Day) -> pd.DataFrame:
    """VaR rows of one session."""
    books, scenarios = day.pnl.shape
    figure, shortfall = historical(day.pnl)
    count = len(CONFIDENCES)
    status = [
        "ok" if enough(scenarios, c) else f"{scenarios} scenarios, {ceil(1 / (1 - Fraction(str(c))))} needed"
        for c in CONFIDENCES
    ]
    denominator = np.where(day.nav > 0, day.nav, np.nan)
    return pd.DataFrame(
        {
            "business_date": day.date,
            "book": np.repeat(day.books, count),
            "confidence": np.tile(CONFIDENCES, books),
            "var": figure.round(6).ravel(),
            "es": shortfall.round(6).ravel(),
            "nav_fraction": (figure / denominator[:, None]).round(12).ravel(),
            "scenarios": scenarios,
            "coverage": np.repeat(_coverage(day), count),
            "convention": np.repeat(_conventions(day), count),
            "status": np.tile(np.array(status, object), books),
        }
    )


def _conventions(day: Day) -> NDArray[np.object_]:
    """The convention of each book, with what of it was approximated."""
    text = np.full(len(day.books), convention(day.pnl.shape[1]), object)
    forward = day.rows["asset_class"].eq("forward").to_numpy()
    for rows, note in (
        (day.rows["by_delta"].to_numpy(bool), OPTIONS_BY_DELTA),
        (forward, "; forwards by their exposure to the currency"),
    ):
        text[np.bincount(day.book[rows], minlength=len(text)) > 0] += note
    return text


def _coverage(day: Day) -> Floats:
    gross = np.abs(day.rows["value"].to_numpy())
    own = np.bincount(day.book, gross * day.covered, len(day.books))
    whole = np.bincount(day.book, gross, len(day.books))
    share: Floats = np.divide(own, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return share.round(12)


def _failed(nav: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Rows of the books that have no NAV."""
    bad = nav.loc[nav["business_date"].isin(sessions) & nav["status"].ne("ok")]
    rows = bad[["business_date", "book"]].merge(pd.DataFrame({"confidence": CONFIDENCES}), how="cross")
    rows["status"] = np.repeat(("nav failed: " + bad["reason"]).to_numpy(), len(CONFIDENCES))
    rows[["var", "es", "nav_fraction", "coverage"]] = np.nan
    rows["scenarios"], rows["convention"] = 0, ""
    return rows


def components(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``var_components``: where VaR comes from, in base currency; arguments as of ``scenarios.days``.

    component = minus the position's P&L in the k-th scenario, the one that VaR was read from, so that components add up
    to VaR. marginal = component / market_value_base, empty when that is 0. incremental = VaR - VaR without the
    position, positive when the position adds risk. No rows where VaR is empty.
    """
    frames = [
        _parts(day, confidence)
        for day in days(valuations, nav, returns, fx_rates, instruments, sessions)
        for confidence in CONFIDENCES
        if enough(day.pnl.shape[1], confidence)
    ]
    return tables.conform("var_components", pd.concat(frames)) if frames else tables.empty("var_components")


def _parts(day: Day, confidence: float) -> pd.DataFrame:
    k = tail(day.pnl.shape[1], confidence)
    component = -day.earned(np.arange(len(day.rows)), kth_scenario(day.pnl, k)[day.book])
    market_value = day.rows["market_value_base"].to_numpy()
    marginal = np.divide(component, market_value, out=np.full(len(component), np.nan), where=market_value != 0)
    return pd.DataFrame(
        {
            "business_date": day.date,
            "book": day.rows["book"].to_numpy(),
            "instrument": day.rows["instrument"].to_numpy(),
            "method": METHOD,
            "confidence": confidence,
            "horizon_days": HORIZON_DAYS,
            "marginal": marginal.round(12),
            "component": component.round(6),
            "incremental": _incremental(day, k).round(6),
        }
    )


def _incremental(day: Day, k: int) -> Floats:
    """VaR less VaR without the position, for each position."""
    whole = -np.partition(day.pnl, k - 1, axis=1)[:, k - 1]
    without = np.empty(len(day.rows))
    step = max(1, _CELLS // day.pnl.shape[1])
    for start in range(0, len(without), step):
        part = slice(start, start + step)
        left = day.pnl[day.book[part]] - day.earned(part, slice(None))
        without[part] = -np.partition(left, k - 1, axis=1)[:, k - 1]
    return whole[day.book] - without


def identity_gaps(var: pd.DataFrame, var_components: pd.DataFrame) -> pd.DataFrame:
    """Books whose components do not add up to VaR, beyond the rounding of each component to 10^-6.

    Returns:
        business_date, book, method, confidence, horizon_days, var, total, gap = total - var; empty when all is well.
    """
    key = ["business_date", "book", "method", "confidence", "horizon_days"]
    sums = var_components.groupby(key)["component"].agg(total="sum", parts="size").reset_index()
    both = var.loc[var["var"].notna(), [*key, "var"]].merge(sums, on=key, how="left")
    both[["total", "parts"]] = both[["total", "parts"]].fillna(0.0)
    both["gap"] = both["total"] - both["var"]
    allowed = 1e-6 * (both["parts"] + 1) + 1e-12 * both["var"].abs()
    return both.loc[both["gap"].abs() > allowed].drop(columns="parts").reset_index(drop=True)
