"""Back-test of VaR and ES: were losses beyond them as frequent, as unrelated and as large as they claim?

Belongs here: exceptions, likelihood ratios, the traffic light, the test of expected shortfall. Does not belong here:
VaR itself, how its figures are kept as they were struck (``resources.struck``).

Conventions (CONTRACT 2.11): VaR of a session is tested against the P&L of the book's next session: clean = price_pnl +
fx_pnl + income, actual = total. An exception is a loss greater than VaR. VaR of h sessions is tested against the sum of
the next h, and of these observations those count that do not overlap, from the latest one back: the tests suppose
independent ones. A session without NAV or without VaR is no observation. The last ``WINDOW`` observations count, of VaR
of at most ``LOOK_BACK`` sessions before. Where a figure was struck it is that one which counts, else the derived one.

Every likelihood ratio is NaN where it says nothing: without an observation, or, of times between exceptions, without
an exception. Sources: Kupiec (1995), Techniques for verifying the accuracy of risk measurement models, Journal of
Derivatives 3(2); Christoffersen (1998), Evaluating interval forecasts, International Economic Review 39(4); Haas
(2001), New methods in backtesting, caesar, Bonn; Basel Committee (1996), Supervisory framework for the use of
backtesting; Acerbi and Szekely (2014), Backtesting expected shortfall, Risk, December.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables

WINDOW = 250
LOOK_BACK = 300
"""Sessions of any calendar in which the observations are looked for: a market with 240 sessions a year among others
that make 261 of them together has 250 in 272; the rest is for sessions without a NAV."""
GREEN_BELOW, YELLOW_BELOW = 0.95, 0.9999
"""Cumulative probability at which Basel's yellow and red zones begin."""
BASEL_CONFIDENCE = 0.99
PLUS_FACTORS = (0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.5, 0.65, 0.75, 0.85, 1.0)
"""Basel's addition to the multiplier of 3, by exceptions in 250 observations at 0.99."""
KEY = ["business_date", "book"]
MODEL = ["method", "confidence", "horizon_days"]
FORECAST = [*KEY, *MODEL, "var", "es"]
"""What is needed of the table ``var``."""
RATIOS = ("kupiec", "christoffersen", "coverage", "tuff", "tbf", "mixed")
_GRID = 1 << 14

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def kupiec(observations: Any, exceptions: Any, confidence: Any) -> Floats:
    """Likelihood ratio of unconditional coverage (Kupiec 1995), chi-squared with 1 degree of freedom.

    -2 ln[(1-p)^(T-x) p^x] + 2 ln[(1-x/T)^(T-x) (x/T)^x] with p = 1 - c, T observations, x exceptions, 0 ln 0 = 0.
    NaN without observations.
    """
    from scipy.special import xlogy

    t, x = np.asarray(observations, np.float64), np.asarray(exceptions, np.float64)
    p = 1 - np.asarray(confidence, np.float64)
    rate = np.divide(x, t, out=np.full(np.broadcast(x, t).shape, np.nan), where=t > 0)
    claimed = xlogy(t - x, 1 - p) + xlogy(x, p)
    observed = xlogy(t - x, 1 - rate) + xlogy(x, rate)
    return np.asarray(np.maximum(-2 * (claimed - observed), 0.0))


def christoffersen(n00: Any, n01: Any, n10: Any, n11: Any) -> Floats:
    """Likelihood ratio of independence (Christoffersen 1998), chi-squared with 1 degree of freedom.

    n_ij counts observations in state j that follow one in state i, 1 being an exception. Compares the probability of an
    exception after an exception with that after none; 0 when one of them was never seen. NaN without a pair. Its sum
    with ``kupiec`` is the ratio of conditional coverage, chi-squared with 2 degrees of freedom.
    """
    from scipy.special import xlogy

    a, b, c, d = (np.asarray(n, np.float64) for n in (n00, n01, n10, n11))

    def likelihood(misses: Floats, hits: Floats) -> Floats:
        total = misses + hits
        rate = np.divide(hits, total, out=np.zeros(np.shape(total)), where=total > 0)
        return np.asarray(xlogy(misses, 1 - rate) + xlogy(hits, rate))

    ratio = -2 * (likelihood(a + c, b + d) - likelihood(a, b) - likelihood(c, d))
    return np.where(a + b + c + d > 0, np.maximum(ratio, 0.0), np.nan)


def waiting(times: Any, confidence: Any) -> Floats:
    """Likelihood ratio of having waited n observations for an exception, chi-squared with 1 degree of freedom.

    -2 ln[p (1-p)^(n-1)] + 2 ln[(1/n) (1-1/n)^(n-1)] with p = 1 - c; n = 1 is an exception at once. Of the first
    exception it is the test of the time until first failure (Kupiec 1995). Summed over the times between all
    exceptions, the first counted from the beginning, it tests their independence (Haas 2001), chi-squared with as many
    degrees of freedom as exceptions; that sum with ``kupiec`` is the mixed test, with one more.
    """
    from scipy.special import xlogy

    n, p = np.asarray(times, np.float64), 1 - np.asarray(confidence, np.float64)
    claimed = np.log(p) + (n - 1) * np.log1p(-p)
    observed = -np.log(n) + xlogy(n - 1, 1 - 1 / n)
    return np.asarray(np.maximum(-2 * (claimed - observed), 0.0))


def p_value(ratio: Any, degrees_of_freedom: Any = 1) -> Floats:
    """Probability of a greater likelihood ratio under the model: chi-squared."""
    from scipy.stats import chi2

    return np.asarray(chi2.sf(ratio, degrees_of_freedom), np.float64)


def zone(observations: Any, exceptions: Any, confidence: Any) -> NDArray[np.object_]:
    """Basel traffic light: by the probability of that many exceptions or fewer, were the model right.

    Yellow from 95 %, red from 99.99 %; for 250 observations at 0.99 that is green 0-4, yellow 5-9, red 10 and more. No
    exception is green however few the observations; empty without any.
    """
    t, x = np.asarray(observations), np.asarray(exceptions)
    probability = _cumulative(t, x, confidence)
    colour = np.select([(probability < GREEN_BELOW) | (x == 0), probability < YELLOW_BELOW], ["green", "yellow"], "red")
    return np.where(t > 0, colour, "").astype(object)


def plus_factor(observations: Any, exceptions: Any) -> Floats:
    """Basel's addition to the multiplier of capital, for VaR at 0.99; NaN without observations.

    Basel's table is for 250 observations. For another number it is read, in the yellow zone, at the count from 5 to 9
    of which more are as improbable: the nearest one, by the logarithm of that probability.
    """
    t, x = np.asarray(observations), np.asarray(exceptions)
    colour = zone(t, x, BASEL_CONFIDENCE)
    basel, ours = _more(250, np.arange(5, 10)), _more(t, x)
    addition = np.asarray(PLUS_FACTORS)[5 + np.searchsorted(-(basel[1:] + basel[:-1]) / 2, -ours)]
    found = np.where(colour == "green", PLUS_FACTORS[0], np.where(colour == "red", PLUS_FACTORS[-1], addition))
    return np.where(colour == "", np.nan, found)


def shortfall_p(z: Any, observations: Any, confidence: Any) -> Floats:
    """Probability of a statistic of expected shortfall (``es_z``) of ``z`` or less, P&L being normal, VaR and ES right.

    1 - Z is then the sum of a binomial number of losses beyond VaR, each in units of ES, over its expectation: its law
    is found by one Fourier transform on a grid (to about 1e-5), where Acerbi and Szekely (2014) draw it. Heavier tails
    make a low Z more likely: of a Student t with 3 degrees of freedom the 5 % point is -0.82 for 250 observations at
    0.975, where that of the normal is -0.70.
    """
    z, t, c = np.broadcast_arrays(*(np.asarray(of, np.float64) for of in (z, observations, confidence)))
    found = np.full(z.shape, np.nan)
    known = np.isfinite(z) & (t > 0)
    if known.any():
        pairs, at = np.unique(np.stack([t[known], c[known]], axis=1), axis=0, return_inverse=True)
        part, severity = np.empty(len(at)), (1 - z[known]) * t[known] * (1 - c[known])
        for i, (number, level) in enumerate(pairs):
            of = at.ravel() == i
            part[of] = _beyond(severity[of], number, level)
        found[known] = part
    return found


def backtest(
    var: pd.DataFrame,
    nav_bridge: pd.DataFrame,
    nav: pd.DataFrame,
    struck_var: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``var_backtest`` of ``sessions``.

    Args:
        var: table ``var`` of ``sessions`` and of ``LOOK_BACK`` sessions before; of its columns ``FORECAST`` alone.
        nav_bridge: table of the same sessions: P&L by book.
        nav: table of the same sessions.
        struck_var: figures as they were struck, which count in the place of those of ``var``.
        sessions: sessions to compute.

    Returns:
        One row per session, book with a row of ``nav``, model that it has figures of, and P&L basis.
    """
    past = _past(nav, nav_bridge)
    ends = np.searchsorted(past.dates, sessions.to_numpy("datetime64[us]"))
    known = (ends < len(past.dates)) & np.isin(sessions.to_numpy("datetime64[us]"), past.dates)
    spans = [_Span(int(end), int(end), max(0, int(end) - LOOK_BACK), 0, WINDOW) for end in ends[known]]
    return _tested(past, _Forecasts(past, var, struck_var), spans)


def over(
    var: pd.DataFrame,
    nav_bridge: pd.DataFrame,
    nav: pd.DataFrame,
    struck_var: pd.DataFrame,
    first: pd.Timestamp,
    last: pd.Timestamp,
) -> pd.DataFrame:
    """As ``backtest``, with every observation whose P&L ends between two dates, say those of a calendar year.

    Args:
        var: table ``var`` from the session before ``first`` to ``last``.
        nav_bridge: table of the same sessions.
        nav: table of the same sessions.
        struck_var: figures as they were struck.
        first: the first date of P&L.
        last: the last one.
    """
    past = _past(nav, nav_bridge)
    begin = int(np.searchsorted(past.dates, np.datetime64(first, "us"), "left"))
    end = int(np.searchsorted(past.dates, np.datetime64(last, "us"), "right")) - 1
    spans = [_Span(end, begin, 0, begin, len(past.dates))] if end >= begin else []
    return _tested(past, _Forecasts(past, var, struck_var), spans)


@dataclass(frozen=True)
class _Past:
    """What every book earned, by its own sessions: column n is its n-th session.

    Attributes:
        dates: sessions of any book, sorted, shape (D,).
        books: their names, sorted, shape (B,).
        own: how many sessions a book has before each date, shape (B, D + 1).
        good: whether the NAV of the n-th session is known, shape (B, N).
        earned: P&L basis -> P&L of the n-th session, NaN where there is none, shape (B, N).
    """

    dates: NDArray[np.datetime64]
    books: pd.Index
    own: Ints
    good: Bools
    earned: dict[str, Floats]

    def places(self, rows: Mapping[str, "pd.Series[Any]"] | pd.DataFrame) -> tuple[Ints, Ints]:
        """Book and column of each row (business_date, book); column -1 where the book has no such session."""
        codes, names = pd.factorize(rows["book"])
        book = self.books.get_indexer(pd.Index(names))[codes]
        moments = rows["business_date"].to_numpy("datetime64[us]")
        date = np.minimum(np.searchsorted(self.dates, moments), len(self.dates) - 1)
        column = self.own[book, date]
        there = (book >= 0) & (self.dates[date] == moments) & (self.own[book, date + 1] > column)
        return book, np.where(there, column, -1)

    def over(self, horizon: int) -> dict[str, Floats]:
        """P&L of the ``horizon`` sessions that end with the n-th, NaN where a NAV of them or before them is missing."""
        width = self.good.shape[1]
        if horizon >= width:
            return {name: np.full(self.good.shape, np.nan) for name in self.earned}
        sound = np.all([self.good[:, i : width - horizon + i] for i in range(horizon + 1)], axis=0)
        found = {}
        for name, each in self.earned.items():
            total = sum(each[:, i : width - horizon + i] for i in range(1, horizon + 1))
            found[name] = np.full(each.shape, np.nan)
            found[name][:, horizon:] = np.where(sound, np.round(total, 6), np.nan)
        return found


@dataclass(frozen=True)
class _Span:
    """Which observations count, by numbers of dates: those whose P&L ends from ``first_end`` to ``end``, of VaR from
    ``start`` on, the last ``most`` of them, of books with a session from ``present`` to ``end``.
    """

    end: int
    present: int
    start: int
    first_end: int
    most: int


@dataclass(frozen=True)
class _Observed:
    """Observations of one model, in the column of the session whose P&L ends them, shape (B, N) each.

    Attributes:
        declared: whether the book has a row of the model, in the column of the session of VaR.
        seen: whether there is an observation.
        hits: P&L basis -> whether it is an exception.
        severities: P&L basis -> loss / ES, NaN where ES is missing or not positive.
        struck: whether its VaR is as it was struck.
    """

    declared: Bools
    seen: Bools
    hits: dict[str, Bools]
    severities: dict[str, Floats]
    struck: Bools


class _Forecasts:
    """The figures of ``var`` by model, those that were struck in the place of derived ones."""

    def __init__(self, past: _Past, var: pd.DataFrame, struck_var: pd.DataFrame) -> None:
        self._past = past
        self._frames = [(frame, *_models(frame)) for frame in (var, struck_var)]
        self.models = sorted({model for _, names, _ in self._frames for model in names})

    def observed(self, model: tuple[str, float, int]) -> _Observed:
        """VaR and ES of ``model`` against what was earned after them."""
        shape = self._past.good.shape
        figure, shortfall = np.full(shape, np.nan), np.full(shape, np.nan)
        declared, kept = np.zeros(shape, bool), np.zeros(shape, bool)
        for frame, names, codes in self._frames:
            if model not in names:
                continue
            rows = np.flatnonzero(codes == names.index(model))
            of = {name: frame[name].take(rows) for name in (*KEY, "var", "es")}
            book, column = self._past.places(of)
            there = column >= 0
            at = book[there], column[there]
            declared[at] = True
            figure[at], shortfall[at] = (of[name].to_numpy(np.float64)[there] for name in ("var", "es"))
            kept[at] = "recorded_at" in frame
        horizon = model[2]
        before, es, struck = (_later(of, horizon) for of in (figure, shortfall, kept))
        earned = self._past.over(horizon)
        seen = np.isfinite(before) & np.isfinite(earned["clean"])
        hits = {name: seen & (result < -before) for name, result in earned.items()}
        worth = np.where(es > 0, es, np.nan)
        severities = {name: -result / worth for name, result in earned.items()}
        return _Observed(declared, seen, hits, severities, struck & seen)


def _past(nav: pd.DataFrame, nav_bridge: pd.DataFrame) -> _Past:
    books = pd.Index(nav["book"].unique()).sort_values()
    moments = nav["business_date"].to_numpy("datetime64[us]")
    dates = np.unique(moments)
    present = np.zeros((len(books), len(dates) + 1), np.int64)
    present[books.get_indexer(pd.Index(nav["book"])), np.searchsorted(dates, moments) + 1] = 1
    own = present.cumsum(axis=1)
    shape = len(books), int(own[:, -1].max(initial=0))
    empty = _Past(dates, books, own, np.zeros(shape, bool), {})
    good, book, column = np.zeros(shape, bool), *empty.places(nav)
    good[book, column] = nav["status"].eq("ok").to_numpy()
    book, column = empty.places(nav_bridge)
    there = column >= 0
    bases = {"actual": ["gains", "carry", "fees"], "clean": ["holding", "carry"]}
    earned = {}
    for name, parts in bases.items():
        earned[name] = np.full(shape, np.nan)
        total = nav_bridge[parts].sum(axis=1, skipna=False).round(6).to_numpy(np.float64)
        earned[name][book[there], column[there]] = total[there]
    return _Past(dates, books, own, good, earned)


def _models(frame: pd.DataFrame) -> tuple[list[tuple[str, float, int]], NDArray[np.int16]]:
    """The models of ``frame`` and which of them each row is of: of many rows, so in two bytes each."""
    number, names = np.zeros(len(frame), np.int16), [tuple[Any, ...]()]
    for name in MODEL:
        codes, levels = pd.factorize(frame[name])
        number = number * np.int16(len(levels)) + codes.astype(np.int16)
        names = [(*before, level) for before in names for level in levels]
    there = np.flatnonzero(np.bincount(number, minlength=len(names)))
    renumbered = np.zeros(len(names), np.int16)
    renumbered[there] = np.arange(len(there))
    return [(str(m), float(c), int(h)) for m, c, h in (names[i] for i in there)], renumbered[number]


def _later(values: NDArray[Any], steps: int) -> NDArray[Any]:
    """``values`` so many columns further to the right; NaN or False from the left."""
    moved = np.full_like(values, False if values.dtype == bool else np.nan)
    moved[:, steps:] = values[:, : max(values.shape[1] - steps, 0)]
    return moved


def _tested(past: _Past, forecasts: _Forecasts, spans: list[_Span]) -> pd.DataFrame:
    """Every model of every book tested on each of ``spans``."""
    parts = []
    for model in forecasts.models if spans else []:
        observed = forecasts.observed(model)
        for span in spans:
            parts += _counted(past, observed, span, model)
    if not parts:
        return tables.empty("var_backtest")
    rows = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    return tables.conform("var_backtest", _judged(rows))


def _counted(
    past: _Past, observed: _Observed, span: _Span, model: tuple[str, float, int]
) -> list[dict[str, NDArray[Any]]]:
    """Columns of one model at the end of one span, by P&L basis."""
    end = past.own[:, span.end + 1] - 1
    width = min(span.end + 1, past.good.shape[1])
    column = end[:, None] - np.arange(width - 1, -1, -1)
    at = np.arange(len(end))[:, None], np.maximum(column, 0)
    start, first_end = past.own[:, span.start], past.own[:, span.first_end]
    horizon = model[2]
    inside = observed.seen[at] & (column >= np.maximum(first_end, start + horizon)[:, None])
    inside &= np.arange(width - 1, -1, -1) % horizon == 0
    inside &= inside[:, ::-1].cumsum(axis=1)[:, ::-1] <= span.most
    # A book that has no session at the end of the span, or no row of the model in it, has no row here.
    asked = (observed.declared[at] & (column >= start[:, None])).any(axis=1)
    asked &= past.own[:, span.end + 1] > past.own[:, span.present]
    if not asked.any():
        return []
    book, place = np.nonzero(inside & asked[:, None])
    cell = book, column[book, place]
    count = int(asked.sum())
    same = {
        "business_date": np.full(count, past.dates[span.end]),
        "book": past.books[asked].to_numpy(object),
        **{name: np.full(count, value) for name, value in zip(MODEL, model, strict=True)},
        "struck": np.bincount(book, observed.struck[cell], len(end)).astype(np.int64)[asked],
    }
    parts = []
    for basis, hits in observed.hits.items():
        figures = _statistics(book, hits[cell], observed.severities[basis][cell], len(end), model[1])
        figures = {name: values[asked] for name, values in figures.items()}
        parts.append({**same, "pnl_basis": np.full(count, basis), **figures})
    return parts


def _statistics(book: Ints, hit: Bools, severity: Floats, books: int, confidence: float) -> dict[str, Floats]:
    """Counts and likelihood ratios by book, of observations sorted by book and date."""
    number = np.bincount(book, minlength=books)
    begin = np.cumsum(number) - number
    order = np.arange(len(book)) - begin[book] + 1
    exceptions = np.bincount(book[hit], minlength=books)
    again = hit[1:] & hit[:-1] & (book[1:] == book[:-1])
    n11 = np.bincount(book[1:][again], minlength=books)
    opens, closes = (np.bincount(book[hit & end], minlength=books) for end in (order == 1, order == number[book]))
    n01, n10 = exceptions - opens - n11, exceptions - closes - n11
    n00 = np.maximum(number - 1, 0) - n01 - n10 - n11
    whose, when = book[hit], order[hit]
    first = np.r_[True, whose[1:] != whose[:-1]] if len(whose) else np.zeros(0, bool)
    waited = waiting(np.where(first, when, when - np.r_[0, when[:-1]]), confidence)
    some = exceptions > 0
    tuff = np.full(books, np.nan)
    tuff[whose[first]] = waited[first]
    beyond = np.bincount(whose, severity[hit], books)
    expected = number * (1 - confidence)
    mean = np.divide(beyond, expected, out=np.full(books, np.nan), where=number > 0)
    return {
        "observations": number,
        "exceptions": exceptions,
        "kupiec_lr": kupiec(number, exceptions, confidence),
        "christoffersen_lr": christoffersen(n00, n01, n10, n11),
        "tuff_lr": tuff,
        "tbf_lr": np.where(some, np.bincount(whose, waited, books), np.nan),
        "es_z": 1 - mean,
    }


def _judged(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with what follows from the counts and ratios: p-values, zone, origin, status."""
    t, x, confidence = rows["observations"], rows["exceptions"], rows["confidence"].to_numpy(np.float64)
    rows["coverage_lr"] = rows["kupiec_lr"] + rows["christoffersen_lr"]
    rows["mixed_lr"] = rows["kupiec_lr"] + rows["tbf_lr"]
    freedom = {"coverage": 2, "tbf": x.clip(lower=1), "mixed": x + 1}
    for name in RATIOS:
        rows[f"{name}_lr"] = rows[f"{name}_lr"].round(12)
        rows[f"{name}_p"] = p_value(rows[f"{name}_lr"], freedom.get(name, 1)).round(12)
    rows["es_z"] = rows["es_z"].round(12)
    rows["es_p"] = shortfall_p(rows["es_z"], t, confidence).round(12)
    rows["zone"] = zone(t, x, confidence)
    basel = (rows["confidence"] == BASEL_CONFIDENCE) & (rows["horizon_days"] == 1)
    rows["plus_factor"] = np.where(basel, plus_factor(t, x), np.nan)
    origin = np.select([t == 0, rows["struck"] == 0, rows["struck"] == t], ["", "reconstructed", "struck"], "both")
    rows["origin"] = pd.Series(origin, index=rows.index, dtype="str")
    few = "provisional: " + t.astype("str") + f" of {WINDOW} observations"
    few = few.mask(rows["horizon_days"] > 1, few + " that do not overlap")
    status = pd.Series("", index=rows.index, dtype="str").mask(t < WINDOW, few)
    untold = (t > 0) & rows["es_z"].isna()
    told = "ES not tested: an exception has no ES above 0"
    status = status.mask(untold, status.where(status.eq(""), status + "; ") + told)
    rows["status"] = status.mask(status.eq(""), "ok")
    return rows


def _cumulative(observations: Any, exceptions: Any, confidence: Any) -> Floats:
    """Probability of that many exceptions or fewer, were the model right."""
    from scipy.stats import binom

    return np.asarray(binom.cdf(exceptions, observations, 1 - np.asarray(confidence, np.float64)), np.float64)


def _more(observations: Any, exceptions: Any) -> Floats:
    """Logarithm of the probability of more exceptions than these at 0.99, were the model right."""
    from scipy.stats import binom

    return np.asarray(binom.logsf(exceptions, observations, 1 - BASEL_CONFIDENCE), np.float64)


def _beyond(severity: Floats, observations: float, confidence: float) -> Floats:
    """Probability that the losses beyond VaR of normal P&L, in units of ES, sum to ``severity`` or more."""
    from scipy.special import ndtr, ndtri

    p = 1 - confidence
    shortfall = np.exp(-(ndtri(confidence) ** 2) / 2) / np.sqrt(2 * np.pi) / p
    mean = observations * p
    # The sum has a variance below 2 x mean in these units; 20 more for the tail of a small mean.
    step = (mean + 14 * np.sqrt(mean) + 20) / _GRID
    edges = (np.arange(_GRID + 1) - 0.5) * step
    beyond = np.minimum(ndtr(-edges * shortfall) / p, 1.0)
    law = np.fft.irfft((1 - p + p * np.fft.rfft(-np.diff(beyond))) ** observations, _GRID)
    law[0] -= (1 - p) ** observations  # no loss beyond VaR at all is a sum of 0, and no more
    tail = np.r_[np.cumsum(np.maximum(law, 0.0)[::-1])[::-1], 0.0]
    return np.where(severity <= 0, 1.0, np.clip(np.interp(severity, edges, tail), 0.0, 1.0))
