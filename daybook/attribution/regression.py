"""Exposures of books by regression: what their own past returns say they were exposed to.

Belongs here: regressions of books and of their benchmarks on factors. Does not belong here: what is known of factors
(``estimates``), exposures of holdings and the split of a return (``factors``).

Conventions (Sharpe 1992, Asset allocation: management style and performance measurement, without his constraints, and
with a constant). Daily returns of the book, and of its benchmark where it has one, on those of the factors over the
last ``WINDOW`` sessions before the month, ordinary least squares, not in excess of a riskless rate; at least
``factor_models.LEAST`` sessions, or twice as many as there are coefficients. Book and benchmark are regressed over the
sessions on which both are known, so that the difference of their exposures is that of the active return, and
``r_squared`` is of it. Of the currencies those count that a fact declares, and the one that factors are measured in:
regressions on thirty currencies find what is not there.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.attribution.estimates import EXPOSURE_DIGITS, seen_from
from daybook.risk.factor_models import independent, regressions
from daybook.risk.factors import CURRENCY, Factors, Floats, Texts

WINDOW = 250
"""Sessions: a year, as of betas."""
_RETURNS = ("daily_return", "active_return")


@dataclass(frozen=True)
class Exposed:
    """Exposures of n returns to explain, NaN where ``status`` says why.

    Attributes:
        factors: those that could be told apart.
        portfolio: of the book, shape (n, F).
        benchmark: of its benchmark, NaN where the book's own return is explained, shape (n, F).
        r_squared: of the return to explain, shape (n,).
        observations: sessions of the regression, shape (n,).
        status: "" or why there are no exposures, shape (n,).
    """

    factors: Factors
    portfolio: Floats
    benchmark: Floats
    r_squared: Floats
    observations: NDArray[np.int64]
    status: Texts


def chosen(factors: Factors, base: str, declared: Texts) -> Factors:
    """The factors that books with that base currency are regressed on, as they see them."""
    money = factors.kinds == CURRENCY
    kept = np.flatnonzero(~money | np.isin(factors.names, declared) | (factors.currencies == base))
    return seen_from(base, take(factors, kept))


def take(factors: Factors, at: NDArray[np.int64]) -> Factors:
    """Some of ``factors``, in the order of ``at``."""
    names = ("names", "kinds", "currencies", "returns", "known", "usable")
    return replace(factors, **{name: getattr(factors, name)[at] for name in names})


def exposed(performance: pd.DataFrame, factors: Factors, estimated: pd.Timestamp, scope: pd.DataFrame) -> Exposed:
    """Exposures behind each row of ``scope``: of the active return, or of the book's own where it has no other.

    Args:
        performance: table ``performance``: every session of every book up to ``estimated`` that is to count.
        factors: as the books see them, on their calendar.
        estimated: the last session that counts.
        scope: book, active (whether the active return is explained).
    """
    window = factors.window(estimated, WINDOW)
    kept, common, _ = independent(window.returns, window.known, window.names)
    books, daily, active = _series(performance, window.dates)
    alone, both = np.isfinite(daily), np.isfinite(active)
    # The book; the book, its benchmark and their difference over the sessions that both have.
    stacked = np.concatenate([daily, daily, daily - active, active])
    known = np.concatenate([alone, both, both, both]) & common
    fitted = regressions(np.where(known, stacked, 0.0), known, np.where(common, window.returns[kept], 0.0))
    row = pd.Index(books).get_indexer(pd.Index(scope["book"]))
    beside, count = scope["active"].to_numpy(bool), len(books)
    portfolio, benchmark, told = (
        np.where(row < 0, -1, row + count * np.where(beside, place, 0)) for place in (1, 2, 3)
    )
    coefficients = np.round(np.append(fitted.exposures, np.full((1, len(kept)), np.nan), axis=0), EXPOSURE_DIGITS)
    status = np.append(fitted.status, "no return of the book before the month")[told].astype(object)
    if not kept:
        status[:] = "no factor is known on enough sessions"
    good = status == "ok"
    return Exposed(
        factors=take(factors, np.asarray(kept, np.int64)),
        portfolio=np.where(good[:, None], coefficients[portfolio], np.nan),
        benchmark=np.where((good & beside)[:, None], coefficients[benchmark], np.nan),
        r_squared=np.where(good, np.append(fitted.r_squared, np.nan)[told], np.nan),
        observations=np.append(fitted.observations, 0)[told],
        status=np.where(good, "", status).astype(object),
    )


def _series(performance: pd.DataFrame, dates: NDArray[np.datetime64]) -> tuple[Texts, Floats, Floats]:
    """Books by name, their own and their active returns on ``dates``, NaN where there is none, shape (B, T)."""
    rows = performance.loc[performance["business_date"].isin(dates), ["business_date", "book", *_RETURNS]]
    row, books = pd.factorize(rows["book"], sort=True)
    column = np.searchsorted(dates, rows["business_date"].to_numpy("datetime64[us]"))
    found = np.full((2, len(books), len(dates)), np.nan)
    for i, name in enumerate(_RETURNS):
        found[i, row, column] = rows[name].to_numpy(np.float64)
    return np.asarray(books, object), found[0], found[1]
