"""Value at risk and expected shortfall.

Belongs here: what is read off P&L vectors. Does not belong here: how the vectors are made (``scenarios``), where VaR
comes from (``components``), whether past figures were right (``backtest``).

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
from daybook.risk.scenarios import Day, Floats, days

CONFIDENCES = (0.95, 0.99)
METHOD = "historical"
HORIZON_DAYS = 1
OPTIONS_BY_DELTA = "; options without returns of their own by delta, not in coverage"


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
