"""Factor models: how instruments follow a few factors, what is left over, and what that makes of a book's volatility.

Belongs here: what every factor model is, the time-series and the statistical one, risk of books by factor. Does not
belong here: where declared factors have their returns from (``factors``), regressions across instruments
(``fundamental_factors``), betas to one factor at a time (``betas``).

Conventions. All three models are of local returns over the last ``WINDOW`` sessions, ordinary least squares with a
constant, per session. ``time_series``: declared factors, an instrument's exposures from a regression on all of them at
once. ``statistical``: principal components of the correlations of instruments with a return on every session, as many
as are above the edge of noise (Marchenko and Pastur 1967; Laloux and others 1999); a factor's return is that of the
component's portfolio with gross weight 1. ``fundamental`` is made in ``fundamental_factors``.

Currencies are factors of every model, by accounting and not by regression: a value in a currency has exposure 1 to it
and -1 to the base currency of its book. Nothing is estimated from fewer than ``LEAST`` common sessions, or fewer than
twice as many as there are factors. A factor that those before it explain to ``COLLINEAR`` is left out and says so: its
exposures would be noise. An instrument without exposures says why. An equity or fund among them is taken to move with
the market, exposure 1, and as much again by itself, and is outside ``coverage``; anything else has no model.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.risk.covariance import noise_edge
from daybook.risk.factors import CURRENCY, MARKET, MARKET_CLASSES, Factors, Flags, Floats, Texts

WINDOW = 500
"""Sessions of a model: those of a default historical VaR."""
LEAST = 60
"""Common sessions without which nothing is estimated: a quarter."""
COLLINEAR = 0.99
"""Part of a factor's variance that the factors before it may explain."""
TIME_SERIES, STATISTICAL, FUNDAMENTAL = "time_series", "statistical", "fundamental"
SPECIFIC = "specific"
CASH = "CASH:"
MOST_COMPONENTS = 20
FEWEST = 3
"""Instruments without which there is no statistical or fundamental model."""


@dataclass(frozen=True)
class FactorModel:
    """Exposures of instruments to factors, and what is left over.

    Attributes:
        name: time_series, statistical or fundamental.
        factors: those kept, local ones first, then currencies, shape (F,).
        local: whether a factor is of local returns, shape (F,).
        currencies: the currency of a currency factor, else "", shape (F,).
        market: position of the market among ``factors``, -1 where the model has none.
        dates: sessions on which every factor is known, shape (T,).
        returns: factor returns, shape (F, T).
        covariance: of factor returns about their mean, divisor T - 1, shape (F, F).
        instruments: shape (N,).
        exposures: of local returns, NaN where there are none, 0 to currencies, shape (N, F).
        standard_errors: NaN where exposures were not estimated, shape (N, F).
        specific: standard deviation of what is left over, shape (N,).
        residuals: what is left over less its mean, 0 on sessions without a return, shape (N, T).
        r_squared: shape (N,).
        observations: sessions used, shape (N,).
        status: ``ok``, or why an instrument has no exposures, shape (N,).
        left_out: why a factor is not among ``factors``, by name.
        numeraire: what currencies are measured against; its own factor is always 0.
    """

    name: str
    factors: Texts
    local: Flags
    currencies: Texts
    market: int
    dates: NDArray[np.datetime64]
    returns: Floats
    covariance: Floats
    instruments: Texts
    exposures: Floats
    standard_errors: Floats
    specific: Floats
    residuals: Floats
    r_squared: Floats
    observations: NDArray[np.int64]
    status: Texts
    left_out: dict[str, str]
    numeraire: str


@dataclass(frozen=True)
class Fitted:
    """Regressions of many series on the same factors, each over its own sessions: see ``FactorModel``."""

    exposures: Floats
    standard_errors: Floats
    specific: Floats
    residuals: Floats
    r_squared: Floats
    observations: NDArray[np.int64]
    status: Texts


def regressions(series: Floats, known: Flags, factors: Floats) -> Fitted:
    """Ordinary least squares of every series on all factors and a constant.

    Args:
        series: shape (N, T).
        known: which of them count, shape (N, T).
        factors: not collinear, every return known, shape (F, T).

    Returns:
        Exposures of shape (N, F). Standard errors are the classical ones, for residuals of one variance. NaN, and a
        status that says why, for fewer than max(LEAST, 2 (F + 1)) sessions, for a series that never moves, and where
        the factors are collinear over the sessions of the series.
    """
    count, sessions = series.shape
    scale = np.where(factors.std(axis=1) > 0, factors.std(axis=1), 1.0) if sessions else np.ones(len(factors))
    design = np.concatenate([np.ones((1, sessions)), factors / scale[:, None]]).T
    wide = design.shape[1]
    there = known.astype(np.float64)
    y = np.where(known, series, 0.0)
    seen = known.sum(axis=1)
    products = (design[:, :, None] * design[:, None, :]).reshape(sessions, wide * wide)
    normal = (there @ products).reshape(count, wide, wide)
    right = y @ design
    needed = max(LEAST, 2 * wide)
    status = np.full(count, "ok", object)
    low, high = np.where(known, series, np.inf).min(axis=1, initial=np.inf), y.max(axis=1, initial=-np.inf, where=known)
    status[low == high] = "constant series"
    status[seen < needed] = [f"{n} of {needed} sessions that a regression needs" for n in seen[seen < needed]]
    # Columns have unit variance over the window; over a part of it the smallest eigenvalue tells whether they are
    # apart.
    fair = status == "ok"
    weakest = np.linalg.eigvalsh(normal[fair] / seen[fair, None, None])[:, 0]
    at = np.flatnonzero(fair)
    status[at[weakest < 1e-6]] = "factors are collinear over its sessions"
    good = np.flatnonzero(status == "ok")
    coefficients = np.full((count, wide), np.nan)
    spread = np.full((count, wide), np.nan)
    inverse = np.linalg.inv(normal[good])
    coefficients[good] = np.einsum("nij,nj->ni", inverse, right[good])
    residuals = np.zeros_like(y)
    residuals[good] = np.where(known[good], y[good] - coefficients[good] @ design.T, 0.0)
    squares = (residuals[good] ** 2).sum(axis=1)
    variance = squares / (seen[good] - wide)
    spread[good] = np.sqrt(variance[:, None] * np.einsum("nii->ni", inverse))
    mean = y[good].sum(axis=1) / seen[good]
    whole = (np.where(known[good], y[good] - mean[:, None], 0.0) ** 2).sum(axis=1)
    specific, explained = np.full(count, np.nan), np.full(count, np.nan)
    specific[good] = np.sqrt(variance)
    explained[good] = 1 - squares / whole
    return Fitted(coefficients[:, 1:] / scale, spread[:, 1:] / scale, specific, residuals, explained, seen, status)


def independent(returns: Floats, known: Flags, names: Texts) -> tuple[list[int], Flags, dict[str, str]]:
    """Which factors can be told apart, taken in their order, and the sessions on which all of these are known.

    Returns:
        Positions kept, the common sessions (T,), and for each of the others the reason.
    """
    kept: list[int] = []
    common = np.ones(returns.shape[1], bool)
    reasons: dict[str, str] = {}
    for i, name in enumerate(names):
        both = common & known[i]
        needed = max(LEAST, 2 * (len(kept) + 2))
        if both.sum() < needed:
            others = "" if not kept else " together with the factors before it"
            reasons[str(name)] = f"known on {both.sum()} of {needed} sessions that it needs{others}"
            continue
        own = returns[i, both] - returns[i, both].mean()
        if np.ptp(returns[i, both]) == 0:
            reasons[str(name)] = "constant series"
            continue
        before = returns[kept][:, both].T
        before = before - before.mean(axis=0)
        left = own - before @ np.linalg.lstsq(before, own, rcond=None)[0] if kept else own
        if left @ left < (1 - COLLINEAR) * (own @ own):
            said = 1 - (left @ left) / (own @ own)
            reasons[str(name)] = f"left out: the factors before it explain {said:.1%} of its variance"
            continue
        kept.append(i)
        common = both
    return kept, common, reasons


def time_series(instruments: Texts, local: Floats, known: Flags, factors: Factors) -> FactorModel:
    """Instruments on declared factors.

    Args:
        instruments: shape (N,).
        local: local returns on the dates of ``factors``, shape (N, T).
        known: which of them there are.
        factors: of the window.
    """
    reasons = dict(factors.reasons)
    use = np.flatnonzero((factors.kinds != CURRENCY) & ~np.isin(factors.names, list(reasons)))
    kept, common, left = independent(factors.returns[use], factors.known[use], factors.names[use])
    chosen = use[kept]
    if not kept:
        none = unmodelled(local, known, "no factor is known on enough sessions")
        return model_of(TIME_SERIES, names_of([]), local[:0], common, -1, none, instruments, factors, reasons | left)
    markets = [i for i, at in enumerate(chosen) if factors.kinds[at] == MARKET]
    return model_of(
        TIME_SERIES,
        factors.names[chosen],
        factors.returns[chosen],
        common,
        markets[0] if markets else -1,
        regressions(local, known & common, np.where(common, factors.returns[chosen], 0.0)),
        instruments,
        factors,
        reasons | left,
    )


def model_of(
    name: str,
    own: Texts,
    returns: Floats,
    common: Flags,
    market: int,
    fitted: Fitted,
    instruments: Texts,
    factors: Factors,
    left_out: dict[str, str],
) -> FactorModel:
    """A model of the factors ``own`` and of all currencies that have a return on enough of its sessions.

    Args:
        name: of the model.
        own: factors of local returns, shape (F,).
        returns: theirs on the dates of ``factors``, shape (F, T).
        common: sessions on which all of them are known, shape (T,).
        market: position of the market among them, or -1.
        fitted: exposures to them.
        instruments: shape (N,).
        factors: of the window; its currencies count.
        left_out: why other factors are not among them.
    """
    money = np.flatnonzero(factors.kinds == CURRENCY)
    usable = []
    for at in money:
        both = common & factors.known[at]
        if both.sum() < LEAST:
            said = f"known on {both.sum()} of {LEAST} sessions that it needs together with the factors before it"
            left_out[str(factors.names[at])] = factors.reasons.get(str(factors.names[at]), said)
            continue
        usable.append(at)
        common = both
    every = np.concatenate([returns, factors.returns[usable]])[:, common]
    width = len(own) + len(usable)
    covariance = np.atleast_2d(np.cov(every)) if width and every.shape[1] > 1 else np.zeros((width, width))
    beside = np.zeros((len(instruments), len(usable)))
    return FactorModel(
        name=name,
        factors=np.concatenate([own, factors.names[usable]]).astype(object),
        local=np.arange(width) < len(own),
        currencies=np.concatenate([np.full(len(own), "", object), factors.currencies[usable]]).astype(object),
        market=market,
        dates=factors.dates[common],
        returns=every,
        covariance=covariance,
        instruments=instruments,
        exposures=np.concatenate([fitted.exposures, beside], axis=1),
        standard_errors=np.concatenate([fitted.standard_errors, np.full_like(beside, np.nan)], axis=1),
        specific=fitted.specific,
        residuals=fitted.residuals[:, common],
        r_squared=fitted.r_squared,
        observations=fitted.observations,
        status=fitted.status,
        left_out=left_out,
        numeraire=factors.numeraire,
    )


def statistical(instruments: Texts, local: Floats, known: Flags, factors: Factors) -> FactorModel:
    """Instruments on the principal components of those with a return on every session; arguments as of
    ``time_series``, of whose ``factors`` the currencies count.

    Components are told by the sign that makes their weights add up to more than 0. There are none, and every
    instrument says so, where fewer than ``FEWEST`` instruments have a whole history that moves.
    """
    sessions = local.shape[1]
    whole = known.all(axis=1) & (np.ptp(local, axis=1) > 0) if sessions >= LEAST else np.zeros(len(local), bool)
    of = local[whole]
    common = np.ones(sessions, bool)
    if len(of) < FEWEST:
        fitted = unmodelled(local, known, f"{len(of)} of {FEWEST} instruments with a return on every session")
        return model_of(STATISTICAL, names_of([]), local[:0], common, -1, fitted, instruments, factors, {})
    deviation = of.std(axis=1)
    standard = (of - of.mean(axis=1, keepdims=True)) / deviation[:, None] / np.sqrt(sessions)
    vectors, values, _ = np.linalg.svd(standard, full_matrices=False)
    count = int((values**2 > noise_edge(*of.shape)).sum())
    count = min(max(count, 1), MOST_COMPONENTS, sessions // 2 - 1)
    weights = vectors[:, :count] / deviation[:, None]
    turned = np.where(weights.sum(axis=0) < 0, -1.0, 1.0)
    weights = weights * turned / np.abs(weights).sum(axis=0)
    returns = weights.T @ of
    names = names_of([f"PC{i + 1}" for i in range(count)])
    return model_of(
        STATISTICAL, names, returns, common, -1, regressions(local, known, returns), instruments, factors, {}
    )


def unmodelled(local: Floats, known: Flags, why: str) -> Fitted:
    """No exposures to no factors, with the reason."""
    n = len(local)
    none, empty = np.full(n, np.nan), np.zeros((n, 0))
    return Fitted(empty, empty, none, np.zeros_like(local), none, known.sum(axis=1), np.full(n, why, object))


def names_of(names: list[str]) -> Texts:
    """``names`` as an array."""
    return np.array(names, dtype=object)


@dataclass(frozen=True)
class Holdings:
    """Positions of one session against a model, in base currency per unit of factor return.

    Attributes:
        exposures: shape (P, F), currencies included.
        specific: standard deviation of a session's P&L that no factor explains, signed like the position, shape (P,).
        drivers: whose specific return it is, shape (P,).
        status: ``ok``, or what stands for a model, or why there is none, shape (P,).
        covered: whether its exposures are its own, shape (P,).
    """

    exposures: Floats
    specific: Floats
    drivers: Texts
    status: Texts
    covered: Flags


def holdings(model: FactorModel, positions: pd.DataFrame) -> Holdings:
    """Exposures of positions to the factors of ``model``.

    A position earns its value times the local return of what it is driven by, and the return of its currency against
    the base currency of its book on what is worth something in it. An option without exposures of its own moves with
    what it is written on, by delta.

    Args:
        model: of the session.
        positions: as of ``scenarios.positions``, of one session.
    """
    at = pd.Index(model.instruments)
    own = at.get_indexer(pd.Index(positions["driver"]))
    good = np.append(model.status == "ok", False)
    beside = at.get_indexer(pd.Index(positions["proxy"]))
    by_delta = ~good[own] & good[beside]
    own = np.where(by_delta, beside, own)
    driver = positions["driver"].mask(by_delta, positions["proxy"]).to_numpy(object)
    value = positions["value"].mask(by_delta, positions["exposure_base"]).to_numpy(np.float64)
    money = positions["driver"].str.startswith(CASH).to_numpy(bool)
    listed = positions["asset_class"].isin(MARKET_CLASSES).to_numpy() & ~good[own] & (model.market >= 0)
    table = np.concatenate([model.exposures, np.zeros((1, len(model.factors)))])
    exposures = np.where(good[own][:, None], table[own], 0.0) * value[:, None]
    specific = np.where(good[own], np.append(model.specific, 0.0)[own], 0.0) * value
    if listed.any():
        exposures[listed, model.market] = value[listed]
        specific[listed] = value[listed] * np.sqrt(model.covariance[model.market, model.market])
    # What the return of the currency applies to: the whole value, or of a future, a forward and a delta what is
    # carried.
    linear = positions["linear"].to_numpy(bool) | by_delta
    carried = np.where(linear, positions["market_value_base"].to_numpy(np.float64), value)
    known = _exchanged(model, exposures, positions["currency"], positions["base_currency"], carried)
    abroad = positions["driver"].str[len(CASH) :].where(money, "")
    known &= _exchanged(model, exposures, abroad, positions["currency"].where(money, ""), np.where(money, value, 0.0))
    fair = (good[own] | money) & known
    why = np.append(model.status, "no return in the window")[own]
    status = np.where(good[own] | money, "ok", why)
    status = np.where(listed, status + ": market 1, and as much again by itself", status)
    status = np.where(known, status, np.where(status == "ok", "currency without a factor", status))
    return Holdings(exposures, specific, driver, status.astype(object), fair)


def _exchanged(model: FactorModel, exposures: Floats, into: pd.Series, base: pd.Series, value: Floats) -> Flags:
    """Adds the exposures of ``value`` in one currency, seen from another; whether both have a factor."""
    known = np.ones(len(value), bool)
    differ = (into != base).to_numpy() & (value != 0)
    column = {currency: i for i, currency in enumerate(model.currencies) if currency}
    for names, sign in ((into, 1.0), (base, -1.0)):
        for currency in names[differ].unique():
            rows = np.flatnonzero(differ & names.eq(currency).to_numpy())
            if currency in column:
                exposures[rows, column[currency]] += sign * value[rows]
            elif currency != model.numeraire:
                known[rows] = False
    return known


def book_risk(date: pd.Timestamp, model: FactorModel, positions: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """Rows of table ``factor_risk``: the volatility of each book in a session, and by which factor.

    Variance = x' C x + sum of squares of the specific volatilities of each instrument, x the book's exposures and C the
    covariance of factors; specific returns of two instruments are taken to be independent. The part of a factor is
    x_f (C x)_f / volatility (Euler), so that parts add up. All are fractions of NAV, empty where nav <= 0.

    Args:
        date: the session.
        model: of the session.
        positions: as of ``scenarios.positions``, of one session.
        nav: table ``nav`` of the session.
    """
    books = nav.loc[nav["status"].eq("ok")].sort_values("book", ignore_index=True)
    held = holdings(model, positions)
    row = pd.Index(books["book"]).get_indexer(pd.Index(positions["book"]))
    count = len(books)
    total = np.zeros((count, len(model.factors)))
    np.add.at(total, row, held.exposures)
    single, pairs = pd.factorize(pd.MultiIndex.from_arrays([row, held.drivers]))
    own = np.bincount(single, held.specific, len(pairs))
    of = np.asarray(pairs.get_level_values(0), np.int64) if len(pairs) else np.zeros(0, np.int64)
    worth = books["nav"].where(books["nav"] > 0).to_numpy(np.float64)
    x = total / worth[:, None]
    specific = np.bincount(of, own**2, count) / worth**2
    common = x @ model.covariance
    volatility = np.sqrt((x * common).sum(axis=1) + specific)
    gross = np.abs(positions["value"].to_numpy(np.float64))
    share = np.divide(
        np.bincount(row, gross * held.covered, count),
        np.bincount(row, gross, count),
        out=np.full(count, np.nan),
        where=np.bincount(row, gross, count) > 0,
    )
    alone = np.concatenate([np.abs(x) * np.sqrt(np.diag(model.covariance)), np.sqrt(specific)[:, None]], axis=1)
    parts = np.concatenate([x * common, specific[:, None]], axis=1)
    parts = np.divide(
        parts, volatility[:, None], out=np.where(np.isnan(parts), np.nan, 0.0), where=volatility[:, None] > 0
    )
    width = len(model.factors) + 1
    frame = pd.DataFrame(
        {
            "business_date": date,
            "book": np.repeat(books["book"].to_numpy(object), width),
            "risk_model": model.name,
            "factor": np.tile(np.append(model.factors, SPECIFIC), count),
            "exposure": np.concatenate([x, np.full((count, 1), np.nan)], axis=1).ravel(),
            "factor_volatility": alone.ravel(),
            "volatility_part": parts.ravel(),
            "coverage": np.repeat(share, width),
            "status": np.repeat(_said(held, row, count, worth), width),
        }
    )
    # A factor that a book has nothing of is no row: a firm may have thirty currencies.
    return frame.loc[(frame["exposure"] != 0) | frame["factor"].eq(SPECIFIC)]


def _said(held: Holdings, row: NDArray[np.int64], count: int, worth: Floats) -> Texts:
    """``ok``, or how many positions of each book have no model of their own and why the first of them has none."""
    bad = held.status != "ok"
    missing = np.bincount(row[bad], minlength=count)
    status = np.full(count, "ok", object)
    first = {int(book): reason for book, reason in zip(row[bad][::-1], held.status[bad][::-1], strict=True)}
    for book, reason in first.items():
        status[book] = f"{missing[book]} positions without a model of their own, the first: {reason}"
    status[np.isnan(worth)] = "nav is not above 0"
    return status
