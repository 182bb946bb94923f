"""Filtered returns: past returns as they would be at today's volatility.

Belongs here: rescaling of series by their volatility then and now. Does not belong here: volatility models themselves
(``volatility``).

Conventions: a return of session s becomes r_s x sigma_(D+1) / sigma_s, where sigma_s was forecast before s and
sigma_(D+1) at the close of D (Hull and White 1998, Incorporating volatility updating into the historical simulation
method, Journal of Risk 1(1); Barone-Adesi, Giannopoulos and Vosper 1999). No volatility is taken below a tenth of the
series' root mean square over the window, or the first return after a long standstill would become a multiple of
itself that nobody ever saw. A missing return stays missing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.risk import volatility
from daybook.risk.models import Model

Floats = NDArray[np.float64]

FLOOR = 0.1
"""Least volatility, as a fraction of the root mean square of the window."""


def rescaled(returns: Floats, variances: Floats) -> Floats:
    """``returns`` at the volatility forecast after the last of them.

    Args:
        returns: shape (N, S), NaN where missing.
        variances: forecast for each session from those before it, and for the session after, shape (N, S + 1).

    Returns:
        Shape (N, S). A series without any variance stays as it is.
    """
    square = np.where(np.isnan(returns), 0.0, returns) ** 2
    count = np.maximum((~np.isnan(returns)).sum(axis=1), 1)
    least = FLOOR**2 * square.sum(axis=1) / count
    floored = np.maximum(variances, least[:, None])
    then = floored[:, :-1]
    ratio = np.divide(floored[:, -1:], then, out=np.ones_like(then), where=then > 0)
    return np.asarray(returns * np.sqrt(ratio))


def variances(returns: Floats, model: Model, fits: Sequence[volatility.Fit]) -> tuple[Floats, NDArray[np.bool_]]:
    """Variance forecasts of every series under ``model``, and which of them had to fall back to EWMA.

    Args:
        returns: shape (N, S), NaN where missing.
        model: a filtered one.
        fits: parameters of each series, N of them; none when the model is EWMA.
    """
    known = ~np.isnan(returns)
    filled = np.where(known, returns, 0.0)
    decay = model.decay if np.isfinite(model.decay) else EWMA
    found = volatility.ewma(filled, decay, known)
    good = np.array([fit.good for fit in fits], bool) if fits else np.zeros(len(returns), bool)
    for row in np.flatnonzero(good).tolist():
        found[row] = volatility.variances(fits[row], filled[row])
    back = ~good if fits else np.zeros(len(returns), bool)
    # What does not move at all needs no model.
    return found, back & (filled != 0).any(axis=1)


EWMA = 0.94
"""Decay of the variance that a GARCH model falls back to: RiskMetrics (1996)."""


def fitted(series: Floats, dates: NDArray[np.datetime64], date: pd.Timestamp, model: Model) -> list[volatility.Fit]:
    """Parameters of each series from the window that ends with the month before that of ``date``.

    Once a month, so that a session alone and the same session within a range have the same parameters.

    Args:
        series: returns of every session read, NaN where missing, shape (N, T).
        dates: of the sessions, shape (T,).
        date: the session.
        model: whose volatility_model, distribution and window count.
    """
    month = date.to_period("M").start_time
    stop = int(np.searchsorted(dates, np.datetime64(month, "us"), "left"))
    part = series[:, max(0, stop - model.window) : stop]
    return [volatility.fit(row[~np.isnan(row)], model.volatility_model, model.distribution) for row in part]
