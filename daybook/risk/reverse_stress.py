"""Reverse stress: of all scenarios that lose a given part of NAV, the most likely one.

Belongs here: that scenario, and how far it is from no move. Does not belong here: the exposures of books
(``factor_models``), scenarios that somebody names (``stress``).

Conventions: factor returns are normal with mean 0; P&L is linear in them, w the exposures of the book as fractions of
NAV. Of all x with w'x = -L the most likely one minimises x'S^-1 x: x = -L S w / (w'S w), at the Mahalanobis distance
L / sqrt(w'S w), in standard deviations of a session's P&L (Kopeliovich, Novosyolov, Satchkov and Schachter 2015, Robust
risk estimation and hedging: a reverse stress testing approach, Journal of Derivatives 22(4)). No inverse is needed, so
a singular S does no harm. S is the sample covariance of a session's factor returns in the time-series model, that of
``factor_risk``; what the factors leave of a book is one more factor, ``specific``, independent of the others, of which
the book has one unit.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.risk import covariance

Floats = NDArray[np.float64]

SPECIFIC = "specific"
MODEL = "time_series"


def most_likely(factors: Floats, exposure: Floats, loss: float) -> tuple[Floats, Floats]:
    """The most likely scenario of each book that loses ``loss``.

    Args:
        factors: covariance of factor returns, shape (F, F).
        exposure: P&L of each book for one unit of each factor, shape (B, F).
        loss: in the unit of that P&L, above 0.

    Returns:
        Factor returns, shape (B, F), and Mahalanobis distances, shape (B,); NaN where a book has no risk.
    """
    across = exposure @ factors
    variance = np.einsum("bf,bf->b", across, exposure)
    variance = np.where(variance > 0, variance, np.nan)
    return -loss * across / variance[:, None], loss / np.sqrt(variance)


def reverse_stress(
    factor_risk: pd.DataFrame,
    factor_returns: pd.DataFrame,
    nav: pd.DataFrame,
    losses: Sequence[float],
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``reverse_stress``: for each book and loss the return of each factor that the book is exposed to.

    Args:
        factor_risk: table ``factor_risk`` of the sessions.
        factor_returns: table ``factor_returns`` of the sessions.
        nav: table ``nav`` of the sessions.
        losses: fractions of NAV.
        sessions: sessions to compute.

    Returns:
        The P&L of a book's rows adds up to minus the loss. A book that has no such scenario has one row without a
        factor for each loss, with the reason; books without a NAV have none. ``reason`` also says what share of the
        book has exposures, where that is not all of it.
    """
    frames = [tables.empty("reverse_stress")]
    for date in sessions:
        books = nav.loc[nav["business_date"].eq(date) & nav["status"].eq("ok")].sort_values("book", ignore_index=True)
        risk = factor_risk.loc[factor_risk["business_date"].eq(date) & factor_risk["risk_model"].eq(MODEL)]
        series = factor_returns.loc[
            factor_returns["business_date"].eq(date)
            & factor_returns["risk_model"].eq(MODEL)
            & factor_returns["return_series"].map(len).gt(1)
        ]
        if len(books) and losses:
            frames += [_day(books, risk, series, loss).assign(business_date=date) for loss in losses]
    return tables.conform("reverse_stress", pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True))


def _day(books: pd.DataFrame, risk: pd.DataFrame, series: pd.DataFrame, loss: float) -> pd.DataFrame:
    names = pd.Index([*series["factor"], SPECIFIC])
    row, column = (
        pd.Index(books["book"]).get_indexer(pd.Index(risk["book"])),
        names.get_indexer(pd.Index(risk["factor"])),
    )
    there = (row >= 0) & (column >= 0)
    exposure = np.zeros((len(books), len(names)))
    exposure[row[there], column[there]] = risk["exposure"].to_numpy(np.float64)[there]
    # The specific factor has unit variance here, so that its exposure is its volatility: it differs by book.
    own = there & (column == len(names) - 1)
    specific = np.zeros(len(books))
    specific[row[own]] = risk["factor_volatility"].to_numpy(np.float64)[own]
    exposure[:, -1] = specific
    common = np.zeros((len(names), len(names)))
    common[-1, -1] = 1.0
    if len(series):
        common[:-1, :-1] = covariance.sample(np.array(series["return_series"].tolist(), np.float64))
    shock, distance = most_likely(common, exposure, loss)
    part = exposure * shock
    shock[:, -1] *= specific
    worth = books["nav"].to_numpy(np.float64)
    known = np.isin(np.arange(len(books)), row)
    reason = np.where(
        worth > 0, np.where(known, "nothing held moves", "no exposures to factors"), "nav is not positive"
    )
    good = np.isfinite(distance) & (worth > 0)
    covered = risk.drop_duplicates("book").set_index("book")["coverage"].reindex(books["book"]).to_numpy(np.float64)
    partly = [f"{100 * share:.1f} % of gross value has exposures" if share < 1 else "" for share in covered]
    at, of = np.nonzero((exposure != 0) & good[:, None])
    book = books["book"].to_numpy(object)
    bad = np.flatnonzero(~good)
    empty = np.full(len(bad), np.nan)
    return pd.DataFrame(
        {
            "book": np.r_[book[at], book[bad]],
            "loss_fraction": loss,
            "factor": np.r_[names.to_numpy(object)[of], np.full(len(bad), "", object)],
            "shock": np.r_[shock[at, of], empty].round(12),
            "distance": np.r_[distance[at], empty].round(12),
            "pnl": np.r_[part[at, of] * worth[at], empty].round(6),
            "reason": np.r_[np.array(partly, object)[at], reason[bad]],
        }
    )
