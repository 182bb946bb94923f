"""Value at risk and expected shortfall.

Belongs here: what is read off P&L vectors. Does not belong here: how the vectors are made (``scenarios``), where VaR
comes from (``components``), whether past figures were right (``backtest``).

Conventions (CONTRACT 2.11): VaR at confidence c over S scenarios is minus the k-th smallest P&L, k = ceil(S (1 - c)) in
exact arithmetic; expected shortfall is minus the mean of the k smallest (Acerbi and Tasche 2002, for whole k). With
weights, the k-th is the first whose cumulative weight reaches 1 - c, and ES the weighted mean of that tail, the k-th
taken only up to 1 - c. Neither is floored at 0: a book that cannot lose has a negative VaR. Ties go to the earliest
date.

Two methods read moments instead: ``parametric`` is VaR = z s with s the standard deviation of the P&L vector (divided
by S - 1), which is sqrt(w' C w) for the covariance C of the same scenarios; ``cornish_fisher`` bends z by skewness and
excess kurtosis of the vector (Cornish and Fisher 1938; ES by Maillard 2012, A user's guide to the Cornish-Fisher
expansion). Both take the mean of a session for 0: an average of 500 sessions is mostly chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, exp, isnan, pi, sqrt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.risk import revaluation
from daybook.risk.models import BY_MOMENTS, HISTORICAL, Model, in_force
from daybook.risk.scenarios import Day, Facts, Floats, Ints, Placed, ScenarioSet, days

CONFIDENCES = HISTORICAL.confidences
OPTIONS_BY_DELTA = "; options without returns of their own by delta, not in coverage"
NOTHING_KNOWN = "nothing held has a return in these scenarios"
UNREADABLE = "a return in these scenarios is no price move: its P&L or the square of it is no number"
OUTSIDE = "outside the domain of Cornish-Fisher"
FOLLOWED = 0.95
"""Part of a benchmark's weight that must have returns in every scenario for a VaR of it."""
_ENOUGH = 1e-12
"""By how much a cumulative weight may fall short of 1 - c: the rounding of a sum."""


@lru_cache(maxsize=1024)
def tail(scenarios: int, confidence: float) -> int:
    """k = ceil(S (1 - c)), in exact arithmetic: 0.99 is 99/100, so 100 scenarios give 1, not 2."""
    return ceil(scenarios * (1 - Fraction(str(confidence))))


@lru_cache(maxsize=64)
def needed(confidence: float) -> int:
    """Scenarios without which the tail is not resolved: 1 / (1 - c)."""
    return ceil(1 / (1 - Fraction(str(confidence))))


def enough(scenarios: int, confidence: float) -> bool:
    """Whether there are at least 1 / (1 - c) scenarios, without which the tail is not resolved."""
    return scenarios >= needed(confidence)


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


def weighted(pnl: Floats, weights: Floats, confidences: Sequence[float] = CONFIDENCES) -> tuple[Floats, Floats]:
    """``historical`` of scenarios that are not equally likely.

    Args:
        pnl: P&L, shape (books, scenarios), oldest first.
        weights: of the scenarios, adding up to 1, shape (scenarios,).
        confidences: 0.99, not 99.
    """
    books, scenarios = pnl.shape
    var = np.full((books, len(confidences)), np.nan)
    shortfall = var.copy()
    order = np.argsort(pnl, axis=1, kind="stable")
    ordered, weight = np.take_along_axis(pnl, order, axis=1), weights[order]
    reached = np.cumsum(weight, axis=1)
    rows = np.arange(books)
    for j, confidence in enumerate(confidences):
        if not enough(scenarios, confidence):
            continue
        mass = 1 - confidence
        at = _first(reached, mass)
        before = np.where(np.arange(scenarios) < at[:, None], weight, 0.0)
        rest = np.maximum(mass - before.sum(axis=1), 0.0)
        var[:, j] = -ordered[rows, at]
        shortfall[:, j] = -((before * ordered).sum(axis=1) + rest * ordered[rows, at]) / mass
    return var, shortfall


def _first(reached: Floats, mass: float) -> Ints:
    """Index of the first cumulative weight of each row that reaches ``mass``."""
    return np.asarray(np.argmax(reached >= mass - _ENOUGH, axis=1), np.int64)


def tail_scenario(pnl: Floats, weights: Floats | None, confidence: float) -> Ints:
    """Index of the scenario that VaR is read from, of each book; among equals the earliest.

    Args:
        pnl: P&L, shape (books, scenarios), at least 1 / (1 - c) of them, oldest first.
        weights: of the scenarios, ``None`` where all are equal, shape (scenarios,).
        confidence: 0.99, not 99.
    """
    order = np.argsort(pnl, axis=1, kind="stable")
    if weights is None:
        return np.asarray(order[:, tail(pnl.shape[1], confidence) - 1], np.int64)
    at = _first(np.cumsum(weights[order], axis=1), 1 - confidence)
    return np.asarray(order[np.arange(len(pnl)), at], np.int64)


def moments(pnl: Floats, weights: Floats | None = None) -> tuple[Floats, Floats, Floats]:
    """Standard deviation, skewness and excess kurtosis of each P&L vector.

    The first divides by S - 1, with weights by 1 - sum of their squares; the others are ratios of central moments. A
    vector that does not move has deviation 0, skewness 0 and kurtosis 0.

    Args:
        pnl: P&L, shape (books, scenarios), at least two of them.
        weights: of the scenarios, ``None`` where all are equal, shape (scenarios,).
    """
    scenarios = pnl.shape[1]
    weight = np.full(scenarios, 1 / scenarios) if weights is None else weights
    about = pnl - (pnl * weight).sum(axis=1, keepdims=True)
    # What is left of a constant after its mean is rounding.
    still = np.ptp(pnl, axis=1) == 0
    about[still] = 0.0
    square = about * about
    second, third, fourth = ((power * weight).sum(axis=1) for power in (square, square * about, square * square))
    deviation = np.sqrt(second / (1 - (weight**2).sum()))
    moving = second > 0
    skewness = np.divide(third, second**1.5, out=np.zeros(len(pnl)), where=moving)
    kurtosis = np.divide(fourth, second**2, out=np.full(len(pnl), 3.0), where=moving) - 3
    return deviation, skewness, kurtosis


@lru_cache(maxsize=64)
def quantile(model: Model, confidence: float) -> tuple[float, float]:
    """VaR and expected shortfall of a distribution of mean 0 and variance 1: normal, or Student's t rescaled to it."""
    from scipy.special import gammaln, stdtrit

    if model.distribution != "student_t":
        z, density = normal(confidence)
        return -z, density
    mass = 1 - confidence
    n = model.degrees_of_freedom
    x, unit = float(stdtrit(n, mass)), sqrt((n - 2) / n)
    density = exp(gammaln((n + 1) / 2) - gammaln(n / 2)) / sqrt(n * pi) * (1 + x * x / n) ** (-(n + 1) / 2)
    return -x * unit, density / mass * (n + x * x) / (n - 1) * unit


def cornish_fisher(skewness: Floats, kurtosis: Floats, confidence: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """VaR and expected shortfall for a deviation of 1, and whether the expansion is valid.

    z + (z^2 - 1) S / 6 + (z^3 - 3 z) K / 24 - (2 z^3 - 5 z) S^2 / 36, S the skewness, K the excess kurtosis. It is a
    quantile only where it rises with z everywhere (Maillard 2012): S^2 / 9 <= 4 (K/8 - S^2/6) (1 - K/8 + 5 S^2/36).
    """
    z, density = normal(confidence)
    bent = z + (z**2 - 1) * skewness / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skewness**2 / 36
    share = 1 + z * skewness / 6 + (z**2 - 1) * kurtosis / 24 - (2 * z**2 - 1) * skewness**2 / 36
    square, constant = kurtosis / 8 - skewness**2 / 6, 1 - kurtosis / 8 + 5 * skewness**2 / 36
    rising = (square >= 0) & (constant > 0) & (skewness**2 / 9 <= 4 * square * constant)
    return -bent, density * share, rising


@lru_cache(maxsize=64)
def normal(confidence: float) -> tuple[float, float]:
    """Quantile of the normal distribution at 1 - c, and its density there / (1 - c)."""
    from scipy.special import ndtri

    z = float(ndtri(1 - confidence))
    return z, exp(-z * z / 2) / sqrt(2 * pi) / (1 - confidence)


def figures(
    pnl: Floats, weights: Floats | None, model: Model, sessions: int | None = None
) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """VaR and expected shortfall of any P&L vectors under ``model``: of books, groups, or books without a position.

    Args:
        pnl: P&L in the scenarios of the model's set, shape (N, S).
        weights: of the scenarios, ``None`` where all are equal, shape (S,).
        model: whose method and confidences count; its horizon is in the vectors already.
        sessions: past scenarios that simulated ones were made from; S by default.

    Returns:
        VaR and ES in the unit of ``pnl``, and the status of each, shape (N, C): "ok", or why there is no figure, or
        what is wrong with the one there is.
    """
    count, scenarios = pnl.shape
    past = scenarios if sessions is None else min(sessions, scenarios)
    shape = (count, len(model.confidences))
    var, shortfall = np.full(shape, np.nan), np.full(shape, np.nan)
    status = np.full(shape, model.problem or "ok", object)
    if model.problem:
        return var, shortfall, status
    resolved = np.array([enough(past, c) for c in model.confidences])
    for j in np.flatnonzero(~resolved).tolist():
        status[:, j] = f"{past} scenarios, {needed(model.confidences[j])} needed"
    if not resolved.any():
        return var, shortfall, status
    if model.method not in BY_MOMENTS:
        var, shortfall = (
            historical(pnl, model.confidences) if weights is None else weighted(pnl, weights, model.confidences)
        )
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            deviation, skewness, kurtosis = moments(pnl, weights)
        for j, confidence in enumerate(model.confidences):
            if model.method == "parametric":
                var[:, j], shortfall[:, j] = (deviation * unit for unit in quantile(model, confidence))
                continue
            unit, beyond, rising = cornish_fisher(skewness, kurtosis, confidence)
            var[:, j], shortfall[:, j] = deviation * unit, deviation * beyond
            status[~rising & resolved[j], j] = OUTSIDE
    unreadable = ~(np.isfinite(var) & np.isfinite(shortfall))
    status[unreadable & resolved] = UNREADABLE
    var[unreadable | ~resolved] = shortfall[unreadable | ~resolved] = np.nan
    return var + 0.0, shortfall + 0.0, status


def convention(scenarios: int, model: Model = HISTORICAL) -> str:
    """How the figures were computed, to be printed beside them.

    Args:
        scenarios: past scenarios read.
        model: the model.
    """
    h = model.horizon_days
    ahead = "1 day" if h == 1 else f"{h} days " + ("overlapping" if model.scaling == "overlapping" else "by root")
    return f"{_method(scenarios, model)}, {ahead}, values at close, missing returns count 0 and not to coverage"


def _method(scenarios: int, model: Model) -> str:
    order = "k-th smallest with k = ceil(S(1-c)), ES = mean of the k smallest"
    fat = "" if isnan(model.degrees_of_freedom) else f" {model.degrees_of_freedom:g}"
    shape = f"Student t{fat}" if model.distribution == "student_t" else "normal"
    recent = "" if isnan(model.decay) else f", decay {model.decay:g}"
    match model.method:
        case "age_weighted":
            even = (1 + model.decay) / (1 - model.decay) if model.decay < 1 else scenarios
            return (
                f"age-weighted{recent}, {scenarios} scenarios (as {min(even, scenarios):.0f} equal ones), first whose"
                " weight reaches 1-c, ES = weighted mean of that tail"
            )
        case "filtered":
            by = f"EWMA{recent}" if model.volatility_model == "ewma" else f"{model.volatility_model} {shape}"
            return f"filtered by {by}, {scenarios} scenarios, {order}"
        case "factor":
            return f"factor model with specific returns drawn, seed {model.seed}, {scenarios} scenarios, {order}"
        case "monte_carlo":
            made = f"{model.paths} paths, seed {model.seed}, covariance of {scenarios} scenarios"
            return f"Monte Carlo {shape}, {made}, {order}"
        case "parametric":
            return f"parametric {shape}{recent}, deviation of {scenarios} scenarios, mean 0"
        case "cornish_fisher":
            return f"Cornish-Fisher{recent}, moments of {scenarios} scenarios, mean 0"
    return f"historical, {scenarios} scenarios, {order}"


def var(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    facts: Facts | None = None,
) -> pd.DataFrame:
    """Table ``var``: one row per session, book, model and confidence; arguments as of ``scenarios.days``.

    A book whose NAV failed has rows with empty figures and the reason in ``status``. ``nav_fraction`` is empty when
    nav <= 0, ``coverage`` when the book holds nothing.
    """
    facts = facts or Facts()
    found = days(valuations, nav, returns, fx_rates, instruments, sessions, facts)
    computed = [rows for day in found for rows in of_models(day, day.models)]
    joined = {name: np.concatenate([rows[name] for rows in computed]) for name in computed[0]} if computed else {}
    frame = pd.concat([pd.DataFrame(joined), _failed(nav, facts, sessions)], ignore_index=True)
    key = ["business_date", "book", "method", "confidence", "horizon_days"]
    return tables.conform("var", frame.sort_values(key, ignore_index=True))


def of_models(day: Day, models: Sequence[Model]) -> list[dict[str, NDArray[Any]]]:
    """Columns of table ``var`` of all books of one session, model by model; these need not be in force."""
    known: dict[int, Known] = {}
    rows = []
    for model in models:
        if model.window not in known:
            known[model.window] = _known(day, day.placed(model.window))
        rows.append(_of_model(day, model, known[model.window]))
    return rows


def _of_model(day: Day, model: Model, known: "Known") -> dict[str, NDArray[Any]]:
    made = day.scenarios(model)
    books, count = len(day.books), len(model.confidences)
    figure, shortfall, status = figures(np.concatenate([made.pnl, made.benchmark]), made.weights, model, made.sessions)
    followed = _followed(day, made, figure[books:])
    status = np.where(known.nothing[:, None] & (status[:books] == "ok"), NOTHING_KNOWN, status[:books])
    denominator = np.where(day.nav > 0, day.nav, np.nan)
    each = {
        "business_date": np.full(books, np.datetime64(day.date, "us")),
        "book": day.books,
        "method": np.full(books, model.method, object),
        "horizon_days": np.full(books, model.horizon_days),
        "scenarios": np.full(books, made.pnl.shape[1]),
        "coverage": known.own,
        "proxy_coverage": known.by_proxy,
        "convention": convention(made.sessions, model) + known.notes + _fallback(day, made),
    }
    return {
        **{name: np.repeat(values, count) for name, values in each.items()},
        "confidence": np.tile(model.confidences, books),
        "var": figure[:books].round(6).ravel(),
        "es": shortfall[:books].round(6).ravel(),
        "nav_fraction": (figure[:books] / denominator[:, None]).round(12).ravel(),
        "benchmark_var": followed.round(6).ravel(),
        "status": status.ravel(),
    }


def _followed(day: Day, made: ScenarioSet, unit: Floats) -> Floats:
    """VaR of the NAV of each book held in its benchmark, shape (B, C); NaN where it has none, or no history.

    Args:
        day: the session.
        made: the scenarios.
        unit: VaR of one unit of each benchmark, shape (M, C).
    """
    known = np.asarray(made.placed.benchmark @ made.placed.whole.astype(np.float64))
    of_any = np.vstack([np.where(known[:, None] < FOLLOWED, np.nan, unit), np.full(unit.shape[1], np.nan)])
    return np.asarray(of_any[day.benchmark] * np.where(day.nav > 0, day.nav, np.nan)[:, None], np.float64)


@dataclass(frozen=True)
class Known:
    """How much of each book the scenarios know.

    Attributes:
        own: gross value with a return of its own in every scenario / gross value; NaN where nothing is held.
        by_proxy: gross value whose gaps a proxy fills / gross value; 0 where nothing is held.
        nothing: whether something is held, and no scenario says anything of any of it.
        notes: what the convention says of it.
    """

    own: Floats
    by_proxy: Floats
    nothing: NDArray[np.bool_]
    notes: NDArray[np.object_]


def _known(day: Day, placed: Placed) -> Known:
    books, gross = len(day.books), placed.gross
    own, by_proxy, stale = (_share(day, gross, of) for of in (placed.covered, placed.proxied, placed.stale))
    by_delta = np.bincount(day.book[placed.by_delta], minlength=books) > 0
    notes = np.full(books, "", object)
    forward = day.rows["forward"].to_numpy(bool)
    delta, full = _share(day, gross, placed.by_delta), _share(day, gross, placed.proxied & (placed.curve >= 0))
    rest = 1 - own - by_proxy - delta
    said = (own < 1) | (stale >= _SHOWN)
    if said.any():
        words = "; " + _percent(own) + " of value on own history"
        for part, note in (
            (by_proxy - full, " by proxy"),
            (full, " by what revalues it"),
            (delta, " by delta"),
            (np.where(rest >= _SHOWN, rest, 0.0), " without"),
            (np.where(stale >= _SHOWN, stale, 0.0), " of returns from stale prices"),
        ):
            words[part > 0] += ", " + _percent(part[part > 0]) + note
        notes[said] += words[said]
    notes[by_delta] += OPTIONS_BY_DELTA
    notes[np.bincount(day.book[placed.curved.rows], minlength=books) > 0] += revaluation.CONVENTION
    notes[np.bincount(day.book[forward], minlength=books) > 0] += "; forwards by their exposure to the currency"
    nothing = _share(day, gross, placed.some[placed.line]) == 0
    return Known(own.round(12), np.where(np.isnan(own), 0.0, by_proxy.round(12)), nothing, notes)


def _share(day: Day, gross: Floats, of: NDArray[Any]) -> Floats:
    """``of`` each position, by gross value, of each book; NaN where the book has none."""
    books = len(day.books)
    whole, part = np.bincount(day.book, gross, books), np.bincount(day.book, gross * of, books)
    return np.asarray(np.divide(part, whole, out=np.full(books, np.nan), where=whole > 0))


def _fallback(day: Day, made: ScenarioSet) -> NDArray[np.object_]:
    """What the convention says of positions that the method could say nothing of."""
    notes = np.full(len(day.books), "", object)
    instead = " of value on its own returns instead"
    if made.model.method == "filtered":
        instead = " of value filtered by EWMA instead"
    if made.fallback.any():
        back = _share(day, made.placed.gross, made.fallback)
        notes[back > 0] = "; " + _percent(back[back > 0]) + instead
    return notes


_SHOWN = 0.0005
"""Part from which on it is said: what rounds to 0.1 %."""


def _percent(fractions: Floats) -> NDArray[np.object_]:
    return np.asarray(np.char.mod("%.1f %%", 100 * fractions), object)


def _failed(nav: pd.DataFrame, facts: Facts, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Rows of the books that have no NAV."""
    bad = nav.loc[nav["business_date"].isin(sessions) & nav["status"].ne("ok"), ["business_date", "book", "reason"]]
    wanted = [
        bad.loc[bad["business_date"].eq(date)].assign(method=m.method, horizon_days=m.horizon_days, confidence=c)
        for date in bad["business_date"].unique()
        for m in in_force(facts.var_models, date)
        for c in m.confidences
    ]
    rows = pd.concat([bad.iloc[:0].assign(method="", horizon_days=0, confidence=0.0), *wanted])
    rows["status"] = "nav failed: " + rows["reason"]
    rows[["var", "es", "nav_fraction", "benchmark_var", "coverage"]] = np.nan
    rows["scenarios"], rows["convention"], rows["proxy_coverage"] = 0, "", 0.0
    return rows.drop(columns="reason")
