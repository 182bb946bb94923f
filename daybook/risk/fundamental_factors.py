"""The fundamental factor model: exposures are known, factor returns come from regressions across equities.

Belongs here: characteristics of instruments, and what each of them earned on each session. Does not belong here: models
whose exposures are estimated (``factor_models``).

Conventions. On each session the local returns of equities are regressed, each weighing alike, on 1 (the market), their
sector and their styles. Sector returns weighted by the number of names add up to 0 (Heston and Rouwenhorst 1994, Does
industrial structure explain the benefits of international diversification?, Journal of Financial Economics 36), so that
the market is what the mean equity earned and a sector what it earned beyond. Styles are momentum (from 252 to 21
sessions ago; Jegadeesh and Titman 1993), volatility (250 sessions), and size and value (logarithm of capitalisation;
reported equity over it) where at least half of the equities report them in ``REPORTED``. A style is in standard
deviations from the mean of the equities, cut off at ``FARTHEST``, 0 where it is missing, and known at the close before
the session. Sectors and reports are those of the last session; capitalisation is carried back by the returns since.

Sectors of fewer than ``FEWEST`` names are one, ``SMALL``. A session counts where its regression has one answer and two
equities for each free parameter; where fewer than ``LEAST`` do, styles are left out, then sectors. What is no equity
gets exposures from a regression on these factor returns, of which the last sector, the rest of the others, is left out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.risk.factor_models import (
    FEWEST,
    FUNDAMENTAL,
    LEAST,
    FactorModel,
    Fitted,
    independent,
    model_of,
    names_of,
    regressions,
    unmodelled,
)
from daybook.risk.factors import MARKET, Factors, Flags, Floats, Texts

MOMENTUM = (252, 21)
CALM = 250
"""Sessions of the standard deviation that is the style ``volatility``; half of them must be known."""
BEFORE = MOMENTUM[0]
"""Sessions of returns before the first of the window that its styles need."""
SMALL = "other sectors"
FARTHEST = 3.0
SHARES = "dei:EntityCommonStockSharesOutstanding.shares"
EQUITY = "us-gaap:StockholdersEquity"
"""Reported figures behind size and value."""
REPORTED = "USD"
"""Currency of figures whose field names none."""


@dataclass(frozen=True)
class Characteristics:
    """What is known of instruments on the last session, each of shape (N,).

    Attributes:
        equity: whether it is an equity: only these make factor returns.
        sector: "" where it has none.
        capitalisation: NaN where it is not reported.
        book: reported equity, NaN likewise.
    """

    equity: Flags
    sector: Texts
    capitalisation: Floats
    book: Floats


def characteristics(
    instruments: Texts, attributes: pd.DataFrame, latest: pd.DataFrame, prices: pd.DataFrame
) -> Characteristics:
    """Characteristics on one session.

    Args:
        instruments: shape (N,).
        attributes: asset_class, sector and currency of each, in their order.
        latest: table ``latest_fundamentals`` of the session.
        prices: golden ``prices`` of the session: capitalisation is shares reported x close.
    """
    close = prices.drop_duplicates("instrument").set_index("instrument")["close"].reindex(instruments)
    fair = attributes["currency"].eq(REPORTED).to_numpy()

    def reported(field: str) -> Floats:
        rows = latest.loc[latest["field"].eq(field)].drop_duplicates("instrument").set_index("instrument")
        values = rows["value"].reindex(instruments).to_numpy(np.float64)
        return np.where(fair & (values > 0), values, np.nan)

    return Characteristics(
        equity=attributes["asset_class"].eq("equity").to_numpy(bool),
        sector=attributes["sector"].to_numpy(object),
        capitalisation=np.asarray(reported(SHARES) * close.to_numpy(np.float64), np.float64),
        book=reported(EQUITY),
    )


def fundamental(instruments: Texts, local: Floats, known: Flags, of: Characteristics, factors: Factors) -> FactorModel:
    """Instruments on sector and style factors.

    Args:
        instruments: shape (N,).
        local: local returns, shape (N, T): of the dates of ``factors``, and of ``BEFORE`` sessions before them where
            there are as many.
        known: which of them there are.
        of: characteristics on the last session.
        factors: of the window; its currencies count.
    """
    window = len(factors.dates)
    first = local.shape[1] - window
    part, there = local[:, first:], known[:, first:]
    names = np.flatnonzero(of.equity & (there.sum(axis=1) >= LEAST))
    everywhere = np.ones(window, bool)
    if len(names) < FEWEST:
        why = f"{len(names)} of {FEWEST} equities with {LEAST} returns that a model across them needs"
        none = unmodelled(part, there, why)
        return model_of(FUNDAMENTAL, names_of([]), part[:0], everywhere, -1, none, instruments, factors, {})
    labels, members = _sectors(of.sector[names])
    styles, columns, reasons = _styles(local[names], known[names], of, names, first)
    for chosen, parts in ((labels, styles), (labels, []), ([], [])):
        fixed = np.concatenate([np.ones((len(names), 1)), members[:, : len(chosen)]], axis=1)
        varying = np.moveaxis(columns[: len(parts)], 0, 1)
        loadings = np.concatenate([np.repeat(fixed[:, :, None], window + 1, axis=2), varying], axis=1)
        returns = _across(part[names], there[names], loadings[:, :, :window], len(chosen))
        common = np.asarray(np.isfinite(returns).all(axis=0), bool)
        if common.sum() >= LEAST:
            break
        why = f"{common.sum()} of {LEAST} sessions on which a regression across equities has one answer"
        reasons |= dict.fromkeys(parts or chosen, f"left out: {len(names)} equities do not tell it apart")
    else:
        none = unmodelled(part, there, why)
        return model_of(FUNDAMENTAL, names_of([]), part[:0], everywhere, -1, none, instruments, factors, reasons)
    own = names_of([MARKET, *chosen, *parts])
    returns = np.where(common, returns, 0.0)
    fitted = _others(part, there & common, returns, common, own)
    left = part[names] - np.einsum("nkt,kt->nt", loadings[:, :, :window], returns)
    fitted = _equities(fitted, names, loadings[:, :, window], left, part[names], there[names] & common)
    return model_of(FUNDAMENTAL, own, returns, common, 0, fitted, instruments, factors, reasons)


def _sectors(sector: Texts) -> tuple[list[str], Floats]:
    """Sectors by name, the small ones as one, and who belongs to which, shape (n, sectors); none where all are one."""
    count = pd.Series(sector, dtype="str").groupby(sector).transform("size").to_numpy()
    label = np.where((count < FEWEST) | (sector == ""), SMALL, sector)
    labels = sorted(set(label) - {SMALL}) + ([SMALL] if (label == SMALL).any() else [])
    if len(labels) < 2:
        return [], np.zeros((len(sector), 0))
    return labels, np.asarray(label[:, None] == np.array(labels, object)[None, :], np.float64)


def _styles(
    local: Floats, known: Flags, of: Characteristics, names: NDArray[np.int64], first: int
) -> tuple[list[str], Floats, dict[str, str]]:
    """Styles at the close before each session of the window and at the last, shape (styles, n, window + 1).

    A style that tells the equities apart on fewer than ``LEAST`` of these sessions is left out, with the reason.
    """
    count, sessions = local.shape
    zero = np.zeros((count, 1))
    growth = np.concatenate([zero, np.cumsum(np.log1p(np.where(known, local, 0.0)), axis=1)], axis=1)
    seen = np.concatenate([zero, np.cumsum(known, axis=1)], axis=1)
    total = np.concatenate([zero, np.cumsum(np.where(known, local, 0.0), axis=1)], axis=1)
    square = np.concatenate([zero, np.cumsum(np.where(known, local, 0.0) ** 2, axis=1)], axis=1)
    at = np.arange(first, sessions + 1)
    far, near = (np.maximum(at - back + 1, 0) for back in MOMENTUM)
    whole = (seen[:, near] - seen[:, far] == MOMENTUM[0] - MOMENTUM[1]) & (at >= MOMENTUM[0] - 1)
    momentum = np.where(whole, growth[:, near] - growth[:, far], np.nan)
    low = np.maximum(at - CALM, 0)
    n = seen[:, at] - seen[:, low]
    enough = n >= CALM / 2
    mean = np.divide(total[:, at] - total[:, low], n, out=np.zeros_like(n), where=enough)
    spread = np.divide(square[:, at] - square[:, low], n, out=np.zeros_like(n), where=enough) - mean**2
    volatility = np.where(enough, np.sqrt(np.maximum(spread, 0.0)), np.nan)
    found = {"momentum": momentum, "volatility": volatility}
    worth = of.capitalisation[names][:, None] * np.exp(growth[:, at] - growth[:, [-1]])
    if np.isfinite(of.capitalisation[names]).sum() * 2 >= count:
        found["size"] = np.log(worth)
    if np.isfinite(of.capitalisation[names] * of.book[names]).sum() * 2 >= count:
        found["value"] = of.book[names][:, None] / worth
    kept, columns, reasons = [], [], {}
    for name, values in found.items():
        column = _standard(values)
        apart = (np.ptp(column, axis=0) > 0).sum()
        if apart < LEAST or not np.ptp(column[:, -1]):
            reasons[name] = f"left out: it tells equities apart on {apart} of {LEAST} sessions"
        else:
            kept.append(name)
            columns.append(column)
    return kept, np.array(columns).reshape(len(kept), count, len(at)), reasons


def _standard(values: Floats) -> Floats:
    """Standard deviations from the mean of each column, cut off, 0 where there is no value."""
    there = np.isfinite(values)
    n = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, values, 0.0).sum(axis=0) / n
    away = np.where(there, values - mean, 0.0)
    deviation = np.sqrt((away**2).sum(axis=0) / n)
    scaled = np.divide(away, deviation, out=np.zeros_like(away), where=deviation > 1e-12)
    return np.asarray(np.clip(scaled, -FARTHEST, FARTHEST), np.float64)


def _across(returns: Floats, known: Flags, loadings: Floats, sectors: int) -> Floats:
    """Factor returns of each session, shape (K, T), NaN where too few names or a style that is the same for all
    leave them open.
    """
    factors = loadings.shape[1]
    found = np.full((factors, returns.shape[1]), np.nan)
    for t in range(returns.shape[1]):
        here = known[:, t]
        x, y = loadings[here, :, t], returns[here, t]
        turn = _adding_up_to_nothing(x[:, 1 : 1 + sectors].sum(axis=0), factors)
        design = x @ turn
        if len(y) < 2 * design.shape[1]:
            continue
        solved, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
        if rank == design.shape[1]:
            found[:, t] = turn @ solved
    return found


def _adding_up_to_nothing(members: Floats, factors: int) -> Floats:
    """The matrix from free parameters to factor returns whose sectors, weighted by ``members``, add up to 0."""
    sectors = len(members)
    if not sectors:
        return np.eye(factors)
    turn = np.delete(np.eye(factors), sectors, axis=1)
    last = members[-1]
    turn[sectors, 1:sectors] = -members[:-1] / last if last else 0.0
    return turn


def _others(local: Floats, known: Flags, returns: Floats, common: Flags, own: Texts) -> Fitted:
    """Exposures by regression on factor returns, 0 to those that the factors before them explain."""
    kept, _, _ = independent(returns, np.broadcast_to(common, returns.shape), own)
    fitted = regressions(local, known, returns[kept])
    exposures, errors = (np.zeros((len(local), len(own))) for _ in range(2))
    exposures[:, kept], errors[:, kept] = fitted.exposures, fitted.standard_errors
    bad = fitted.status != "ok"
    exposures[bad], errors[bad] = np.nan, np.nan
    errors[:, np.setdiff1d(np.arange(len(own)), kept)] = np.nan
    return Fitted(
        exposures, errors, fitted.specific, fitted.residuals, fitted.r_squared, fitted.observations, fitted.status
    )


def _equities(
    others: Fitted, names: NDArray[np.int64], exposures: Floats, left: Floats, local: Floats, known: Flags
) -> Fitted:
    """``others`` with the known exposures of the equities ``names``, and what these leave over."""
    seen = known.sum(axis=1)
    enough = seen >= LEAST
    n = np.where(enough, seen, 1)

    def centred(values: Floats) -> Floats:
        mean = np.where(known, values, 0.0).sum(axis=1) / n
        return np.where(known, values - mean[:, None], 0.0)

    residual, whole = centred(left), centred(local)
    squares, total = (residual**2).sum(axis=1), (whole**2).sum(axis=1)
    status = np.where(total > 0, "ok", "constant series").astype(object)
    status[~enough] = [f"{k} of {LEAST} sessions that a specific risk needs" for k in seen[~enough]]
    good = status == "ok"
    made = Fitted(
        np.where(good[:, None], exposures, np.nan),
        np.full_like(exposures, np.nan),
        np.where(good, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan),
        np.where(good[:, None], residual, 0.0),
        np.where(good, 1 - squares / np.where(total > 0, total, 1.0), np.nan),
        seen,
        status,
    )
    merged = {}
    for field, values in vars(others).items():
        merged[field] = values.copy()
        merged[field][names] = getattr(made, field)
    return Fitted(**merged)
