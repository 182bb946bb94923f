"""What is known of factors before a month begins: their exposures, and what each of them returned as a book sees it.

Belongs here: the factor model of each calendar month, factor returns on a book's calendar and from its base currency.
Does not belong here: what a factor did to a book (``factors``, ``regression``), how exposures are estimated
(``daybook.risk.factor_models``).

Conventions. Exposures that explain a session are those of the last session before its calendar month with any return,
so that nothing is explained by what it helped to estimate, and that one session computed alone has the numbers of a
range. The factors are those declared on that session (``daybook.risk.factors``). A currency is a factor of every book
whose base it is not, its return the change of its rate into that base: (1 + r_c) / (1 + r_base) - 1, with r against the
numeraire. A book's calendar may be closed on a session of the factors: their returns are linked into its next session,
those of rates and of what is in excess of the market are added up.

Exposures are rounded to 9 places: a regression of fifty series and one of fifty-one differ in the 16th digit, and what
other books and instruments there are must not show.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars
from daybook.market import dated
from daybook.risk import factor_models
from daybook.risk.factors import (
    CURRENCY,
    EXCESS,
    RATE,
    Factors,
    Flags,
    Floats,
    Texts,
    credible,
    in_force,
    local_returns,
    series,
)

EXPOSURE_DIGITS = 9


@dataclass(frozen=True)
class Sources:
    """Tables and facts that factors have their returns from.

    Attributes:
        returns: table ``returns``, 500 sessions back from the month before the first session where there are as many.
        fx_rates: table ``fx_rates``, likewise.
        instruments, risk_factors, benchmark_levels, alternative_data: facts.
    """

    returns: pd.DataFrame
    fx_rates: pd.DataFrame
    instruments: pd.DataFrame
    risk_factors: pd.DataFrame
    benchmark_levels: pd.DataFrame
    alternative_data: pd.DataFrame


@dataclass(frozen=True)
class Month:
    """One calendar month and what was estimated before it.

    Attributes:
        period: the month.
        estimated: the last session before it with a return of any instrument, the day before where there is none.
        factors: declared on ``estimated``, with their returns on every session read.
        declared: names of those that a row of facts declares.
        model: exposures of instruments to them, over the last 500 sessions up to ``estimated``.
    """

    period: pd.Period
    estimated: pd.Timestamp
    factors: Factors
    declared: Texts
    model: factor_models.FactorModel


def months(sources: Sources, sessions: pd.DatetimeIndex) -> Iterator[Month]:
    """The months of ``sessions``, oldest first; before the first return of any instrument nothing has a factor."""
    own = credible(sources.returns)
    days = np.unique(own["business_date"].to_numpy("datetime64[us]"))
    changes = dated.changes(sources.risk_factors)
    kept: dict[int, tuple[Factors, Texts]] = {}
    matrix: tuple[Texts, Floats, Flags] | None = None
    for period in sessions.to_period("M").unique():
        before = int(np.searchsorted(days, np.datetime64(period.start_time, "us")))
        estimated = pd.Timestamp(days[before - 1]) if before else period.start_time - pd.Timedelta(days=1)
        segment = int(np.searchsorted(changes, np.datetime64(estimated, "us"), "right"))
        if segment not in kept:
            kept[segment] = _declared(sources, estimated, pd.Timestamp(sessions[-1]))
        known, names = kept[segment]
        if matrix is None:
            matrix = local_returns(own, known.dates)
        yield Month(period, estimated, known, names, _model(known, matrix, estimated))


def _declared(sources: Sources, estimated: pd.Timestamp, last: pd.Timestamp) -> tuple[Factors, Texts]:
    """Factors in force on ``estimated`` with their returns up to ``last``, and which of them a fact declares."""
    rows = in_force(sources.risk_factors, estimated)
    rows["valid_to"] = pd.NaT
    found = series(
        rows,
        sources.returns,
        sources.benchmark_levels,
        sources.alternative_data,
        sources.fx_rates,
        sources.instruments,
        last,
    )
    return found, rows["factor"].to_numpy(object)


def _model(factors: Factors, matrix: tuple[Texts, Floats, Flags], estimated: pd.Timestamp) -> factor_models.FactorModel:
    """Exposures of the instruments that have a return in the window that ends on ``estimated``."""
    instruments, local, known = matrix
    window = factors.window(estimated, factor_models.WINDOW)
    last = int(np.searchsorted(factors.dates, np.datetime64(estimated, "us"), "right"))
    part = slice(last - len(window.dates), last)
    there = known[:, part].any(axis=1)
    # Copies in one order of bytes, whatever was cut from what: sums then agree to the last digit.
    own, seen = np.ascontiguousarray(local[there, part]), np.ascontiguousarray(known[there, part])
    found = factor_models.time_series(instruments[there], own, seen, window)
    return replace(found, exposures=np.round(found.exposures, EXPOSURE_DIGITS))


def on_calendar(factors: Factors, calendar: str) -> Factors:
    """``factors`` on the sessions of ``calendar``: what a closed day returned is in its next session.

    A return is known where that of each of its days is.
    """
    if calendars.is_session(calendar, factors.dates).all():
        return factors
    session = calendars.roll_forward(calendar, factors.dates).to_numpy("datetime64[us]")
    first = np.flatnonzero(np.append(True, session[1:] != session[:-1]))
    added = np.isin(factors.kinds, (*EXCESS, RATE))[:, None]
    linked = np.multiply.reduceat(1 + factors.returns, first, axis=1) - 1
    summed = np.add.reduceat(factors.returns, first, axis=1)
    single = np.diff(np.append(first, len(session))) == 1
    returns = np.where(added | single, summed, linked)
    known = np.logical_and.reduceat(factors.known, first, axis=1)
    return replace(
        factors,
        dates=session[first],
        returns=np.where(known, returns, 0.0),
        known=known,
        usable=np.maximum(np.maximum.reduceat(factors.usable, first, axis=1), session[first]),
    )


def seen_from(base: str, factors: Factors) -> Factors:
    """``factors`` of a book with that base currency: currencies against it, the numeraire among them and it not.

    The factor of a currency goes by the currency's code. Where the base has no factor, no currency has a return.
    """
    money = factors.kinds == CURRENCY
    pure = np.flatnonzero(~money)
    others = np.flatnonzero(money & (factors.currencies != base))
    every = np.append(pure, others)
    codes = factors.currencies[others]
    named = replace(
        factors,
        names=np.append(factors.names[pure], codes),
        kinds=factors.kinds[every],
        currencies=factors.currencies[every],
        returns=factors.returns[every],
        known=factors.known[every],
        usable=factors.usable[every],
    )
    if base == factors.numeraire:
        return named
    own = np.flatnonzero(money & (factors.currencies == base))[:1]
    growth = 1 + factors.returns[own] if len(own) else np.ones((1, len(factors.dates)))
    fair = factors.known[own] & (growth > 0) if len(own) else np.zeros(growth.shape, bool)
    usable = factors.usable[own] if len(own) else factors.dates[None, :]
    growth = np.where(fair, growth, 1.0)
    at = slice(len(pure), None)
    known = np.concatenate([named.known[: len(pure)], named.known[at] & fair, fair])
    returns = [named.returns[: len(pure)], (1 + named.returns[at]) / growth - 1, 1 / growth - 1]
    return replace(
        named,
        names=np.append(named.names, factors.numeraire),
        kinds=np.append(named.kinds, CURRENCY),
        currencies=np.append(named.currencies, factors.numeraire),
        returns=np.where(known, np.concatenate(returns), 0.0),
        known=known,
        usable=np.concatenate([named.usable[: len(pure)], np.maximum(named.usable[at], usable), usable]),
    )


def returned(factors: Factors, dates: NDArray[np.datetime64]) -> Floats:
    """Return of each factor on each of ``dates`` as known at its close, NaN where it is not, shape (n, F)."""
    at = np.searchsorted(factors.dates, dates)
    at = np.where(at < len(factors.dates), at, 0)
    if not len(factors.dates):
        return np.full((len(dates), len(factors.names)), np.nan)
    found = (factors.dates[at] == dates) & factors.known[:, at] & (factors.usable[:, at] <= dates)
    return np.where(found, factors.returns[:, at], np.nan).T
