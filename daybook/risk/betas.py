"""Betas: what a series earned, on average, for one unit of return of one factor.

Belongs here: regressions of instruments and books on one factor at a time, with their error. Does not belong here:
exposures to many factors at once (``factor_models``).

Conventions: ordinary least squares with a constant over the last ``WINDOW`` sessions on which both have a return; the
standard error is the classical one, for residuals of one variance that are not correlated. Returns are simple and not
in excess of a riskless rate, whose variation within a year is too small to matter. An instrument's is its local return;
a book's is the P&L of what it holds today in the same past session, over its NAV today, so that betas of a book are
those of its holdings by weight. Betas to a currency are economic: what a stock did when the currency gained.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.risk.factors import Factors, Flags, Floats, Texts, market

WINDOW = 250
LEAST = 60
"""Common sessions without which there is no beta: a quarter."""


@dataclass(frozen=True)
class Betas:
    """Regressions of N series on F factors, each on its own, all of shape (N, F).

    Attributes:
        beta, standard_error, r_squared: NaN where ``status`` says why.
        observations: common sessions.
        first, last: the first and last of them.
        status: ``ok``, how many of ``WINDOW`` sessions there are, or why there is no beta.
    """

    beta: Floats
    standard_error: Floats
    r_squared: Floats
    observations: NDArray[np.int64]
    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]
    status: NDArray[np.object_]


def regressed(series: Floats, known: Flags, factors: Factors) -> Betas:
    """Betas of every series to every factor.

    Args:
        series: returns on the dates of ``factors``, shape (N, T).
        known: which of them there are.
        factors: of the window.
    """
    x, y = np.where(factors.known, factors.returns, 0.0), np.where(known, series, 0.0)
    here, there = factors.known.astype(np.float64), known.astype(np.float64)
    n = there @ here.T
    seen = np.rint(n).astype(np.int64)
    divisor = np.maximum(n, 1)
    # Means are over common sessions, so they differ by pair; returns are near 0, so nothing is lost in the products.
    sum_x, sum_y = there @ x.T, y @ here.T
    sxx = there @ (x**2).T - sum_x**2 / divisor
    syy = (y**2) @ here.T - sum_y**2 / divisor
    sxy = y @ x.T - sum_x * sum_y / divisor
    flat_x = sxx <= _NOTHING * np.maximum(there @ (x**2).T, np.finfo(float).tiny)
    flat_y = syy <= _NOTHING * np.maximum((y**2) @ here.T, np.finfo(float).tiny)
    good = (seen >= LEAST) & ~flat_x & ~flat_y
    blank = np.full(n.shape, np.nan)
    beta = np.divide(sxy, sxx, out=blank.copy(), where=good)
    left = np.maximum(syy - np.nan_to_num(beta) * sxy, 0.0)
    error = np.sqrt(np.divide(left, (n - 2) * sxx, out=blank.copy(), where=good))
    explained = np.divide(sxy**2, sxx * syy, out=blank.copy(), where=good)
    status = np.full(n.shape, "ok", object)
    fewer = good & (seen < WINDOW)
    status[fewer] = [f"{k} of {WINDOW} observations" for k in seen[fewer]]
    status[flat_y] = "constant series"
    status[np.broadcast_to(flat_x, n.shape)] = "factor does not move"
    few = seen < LEAST
    status[few] = [f"{k} of {LEAST} observations that a beta needs" for k in seen[few]]
    unsourced = np.isin(factors.names, list(factors.reasons))
    status[:, unsourced] = [factors.reasons[name] for name in factors.names[unsourced]]
    first, last = _span(known, factors)
    return Betas(beta, error, explained, seen, first, last, status)


_NOTHING = 1e-12
"""Part of a sum of squares that rounding may leave of a series that never moves."""


def _span(known: Flags, factors: Factors) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """First and last common session of each pair, NaT where there is none."""
    shape = (len(known), len(factors.names))
    first, last = (np.full(shape, np.datetime64("NaT", "us")) for _ in range(2))
    for j in range(shape[1] if known.shape[1] else 0):
        both = known & factors.known[j]
        any_ = both.any(axis=1)
        first[any_, j] = factors.dates[both[any_].argmax(axis=1)]
        last[any_, j] = factors.dates[both.shape[1] - 1 - both[any_, ::-1].argmax(axis=1)]
    return first, last


def rows(date: pd.Timestamp, kind: str, subjects: Texts, found: Betas, factors: Factors) -> pd.DataFrame:
    """Rows of table ``betas`` of one kind of subject: instrument or book."""
    count, width = found.beta.shape
    return pd.DataFrame(
        {
            "business_date": date,
            "subject_kind": kind,
            "subject": np.repeat(subjects, width),
            "factor": np.tile(factors.names, count),
            "beta": found.beta.round(12).ravel(),
            "standard_error": found.standard_error.round(12).ravel(),
            "r_squared": found.r_squared.round(12).ravel(),
            "observations": found.observations.ravel(),
            "window_start": found.first.ravel(),
            "window_end": found.last.ravel(),
            "status": found.status.ravel(),
        }
    )


def table(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Table ``betas`` of ``rows``."""
    key = ["business_date", "subject_kind", "subject", "factor"]
    return tables.conform("betas", pd.concat(frames).sort_values(key, ignore_index=True))


def to_market(betas: pd.DataFrame, risk_factors: pd.DataFrame, date: pd.Timestamp) -> "pd.Series[float]":
    """Beta of each instrument to the market of ``date``, by instrument; NaN where there is none.

    Args:
        betas: table ``betas``.
        risk_factors: facts.
        date: the session.
    """
    of = betas.loc[
        betas["business_date"].eq(date)
        & betas["subject_kind"].eq("instrument")
        & betas["factor"].eq(market(risk_factors, date))
    ]
    return of.set_index("subject")["beta"]
