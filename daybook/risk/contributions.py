"""Contributions to value at risk: by issuer, sector, country, currency, asset class, strategy, and by risk factor.

Belongs here: which positions, or which part of every position, are taken together. Does not belong here: how much of
VaR a part is (``components``), exposures themselves (``exposures``).

Conventions: over the buckets of one dimension components add up to VaR. A bucket's incremental is VaR less VaR without
all of it. Cash stands in the bucket ``Cash`` of issuer, sector and country, what has no such word in ``Unclassified``,
a forward on a currency under the currency that it buys. The dimension ``factor`` splits the P&L of a scenario into
exposure x factor return by the time-series factor model and ``specific``, what is left: residuals, the product of
local and FX returns, and what an option gains by its curvature. It is given where scenarios are past sessions one by
one, not where they are rescaled, compounded or simulated; of a session on which a factor is not known all is specific.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.market.security_master import attributes
from daybook.risk import exposures as exposed
from daybook.risk import factor_models
from daybook.risk.components import CELLS, Parts, attributed, of_positions
from daybook.risk.exposures import UNCLASSIFIED
from daybook.risk.factor_models import SPECIFIC, FactorModel
from daybook.risk.scenarios import CASH, Day, Floats, Ints, ScenarioSet

DIMENSIONS = ("asset_class", "country", "currency", "issuer", "sector", "strategy")
OF_SECURITIES = ("country", "issuer", "sector")
IN_CASH = "Cash"
FACTOR = "factor"
DATED = ("historical", "age_weighted", "parametric", "cornish_fisher")
"""Methods whose scenarios are past sessions as they were: a factor has its own return in each."""

Positions = Callable[[Any], Floats]


def contributions(days: Iterable[Day], instruments: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """Table ``var_contributions``; a book without VaR by a model has no rows of it.

    Args:
        days: of ``scenarios.days``.
        instruments, books: facts, dated by valid_from.
    """
    frames = [tables.empty("var_contributions")]
    for day in days:
        places = buckets(day.rows, instruments, books)
        for model in (model for model in day.models if not model.problem):
            made = day.scenarios(model)
            part = of_positions(made, len(day.rows))
            frames += [_by_bucket(day, made, places[name], part).assign(dimension=name) for name in DIMENSIONS]
            if model.method in DATED and model.horizon_days == 1:
                frames.append(_by_factor(day, made).assign(dimension=FACTOR))
    order = ["business_date", "book", "dimension", "method", "horizon_days", "confidence", "bucket"]
    return tables.conform("var_contributions", pd.concat(frames).sort_values(order, ignore_index=True))


def buckets(rows: pd.DataFrame, instruments: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """The bucket of each position in each of ``DIMENSIONS``.

    Args:
        rows: business_date, book, instrument, currency.
        instruments, books: facts, dated by valid_from.
    """
    found = exposed.classified(rows[["business_date", "instrument", "currency"]], instruments)
    cash = rows["instrument"].str.startswith(CASH)
    found[list(OF_SECURITIES)] = found[list(OF_SECURITIES)].mask(cash, IN_CASH)
    strategy = attributes(books, "book", rows, ["strategy"])["strategy"]
    return found.assign(strategy=strategy.where(strategy.ne(""), UNCLASSIFIED))[list(DIMENSIONS)]


def _by_bucket(day: Day, made: ScenarioSet, bucket: "pd.Series[str]", part: Positions) -> pd.DataFrame:
    code, names = pd.factorize(bucket, sort=True)
    width = max(len(names), 1)
    place, at = np.unique(day.book * width + code, return_inverse=True)
    of, name = np.divmod(place, width)
    return _rows(day, made, of, names.to_numpy(object)[name], _together(part, at, len(place), made.pnl.shape[1]))


def _together(part: Positions, at: Ints, count: int, scenarios: int) -> Parts:
    """P&L of the positions of each of ``count`` buckets; ``at`` is the bucket of each position."""
    from scipy.sparse import csr_matrix

    order = np.argsort(at, kind="stable")
    bounds = np.searchsorted(at[order], np.arange(count + 1))
    step = max(1, CELLS // max(1, scenarios))

    def vectors(some: slice) -> Floats:
        first, stop, _ = some.indices(count)
        total = np.zeros((stop - first, scenarios))
        for start in range(bounds[first], bounds[stop], step):
            chosen = order[start : min(start + step, bounds[stop])]
            ones = (np.ones(len(chosen)), (at[chosen] - first, np.arange(len(chosen))))
            total += csr_matrix(ones, shape=(stop - first, len(chosen))) @ part(chosen)
        return total

    return vectors


def _by_factor(day: Day, made: ScenarioSet) -> pd.DataFrame:
    """Exposure x factor return, and what is left, of the books that hold anything."""
    model = _fitted(day, made)
    exposures = np.zeros((len(day.books), len(model.factors)))
    np.add.at(exposures, day.book, factor_models.holdings(model, day.rows).exposures)
    when = np.searchsorted(model.dates, made.dates)
    there = np.isin(made.dates, model.dates)
    returns = np.zeros((len(model.factors), len(made.dates)))
    returns[:, there] = model.returns[:, when[there]]
    held = np.bincount(day.book, minlength=len(day.books)) > 0
    of, at = np.nonzero(np.concatenate([exposures != 0, held[:, None]], axis=1))
    names = np.append(model.factors, SPECIFIC)

    def vectors(some: slice) -> Floats:
        book, factor = of[some], at[some]
        rest = factor == len(model.factors)
        pnl = np.empty((len(book), made.pnl.shape[1]))
        pnl[~rest] = exposures[book[~rest], factor[~rest], None] * returns[factor[~rest]]
        pnl[rest] = made.pnl[book[rest]] - exposures[book[rest]] @ returns
        return pnl

    return _rows(day, made, of, names[at], vectors)


def _fitted(day: Day, made: ScenarioSet) -> FactorModel:
    """The time-series model of everything that positions move with, over the window of the scenarios."""
    moves, placed = day.past.moves, made.placed
    security = np.flatnonzero(~pd.Index(moves.names).str.startswith(CASH))
    local = moves.local[security, placed.first : placed.last]
    known = ~np.isnan(local)
    factors = day.past.factors(day.date).window(day.date, placed.last - placed.first)
    return factor_models.time_series(moves.names[security], np.where(known, local, 0.0), known, factors)


def _rows(day: Day, made: ScenarioSet, of: Ints, bucket: NDArray[np.object_], part: Parts) -> pd.DataFrame:
    model = made.model
    component, incremental = attributed(made.pnl, of, part, model, made.weights, made.sessions)
    n = len(model.confidences)
    frame = pd.DataFrame(
        {
            "business_date": day.date,
            "book": np.repeat(day.books[of], n),
            "bucket": np.repeat(bucket, n),
            "method": model.method,
            "confidence": np.tile(model.confidences, len(of)),
            "horizon_days": model.horizon_days,
            "component": component.round(6).ravel(),
            "incremental": incremental.round(6).ravel(),
        }
    )
    return frame.dropna(subset="component")
