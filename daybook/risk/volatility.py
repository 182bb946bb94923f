"""Volatility of the next session: exponentially weighted, and by the GARCH family.

Belongs here: the variance of one series given its past, for many series at once where that is possible; table
``volatility_forecasts``. Does not belong here: how series move together (``covariance``).

Conventions: a variance at index s is a forecast for session s made from the sessions before it; the last, index T, is
for the session that is still to come. Volatility is its root, per session. EWMA takes the mean of a day for 0 and
starts from the mean square of the series; a missing return leaves the variance as it was. The GARCH family has a
constant mean, one lag of each term and normal or Student t shocks, fitted by maximum likelihood with the package arch
on returns in per cent; parameters here are of returns as fractions. Before the first session the variance and the
squared shock are the mean squared deviation from the mean (Fiorentini, Calzolari, Panattoni 1996), half of it a loss:

* garch (Bollerslev 1986): v' = omega + alpha e^2 + persistence v
* gjr (Glosten, Jagannathan, Runkle 1993): v' = omega + (alpha + gamma [e < 0]) e^2 + persistence v
* egarch (Nelson 1991): ln v' = omega + alpha (|z| - sqrt(2/pi)) + gamma z + persistence ln v, z = e / sqrt(v)
"""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables

DECAY = 0.94
"""Decay of daily data in RiskMetrics (1996), Technical Document, 4th edition, section 5.3."""
FAMILY = ("garch", "gjr", "egarch")
FAMILY_OF_BOOKS = ("garch",)
MOST_FITTED = 500
"""Subjects of one kind up to which the family is fitted: a fit takes 20 ms, so these take 10 s."""
LEAST = 250
"""Returns without which no member of the family is fitted: a year of sessions."""
LEAST_EWMA = 20
"""Returns without which there is no forecast: at a decay of 0.94 the last 20 have 71 % of all weight."""
NORMAL, STUDENT_T = "normal", "student_t"
_PERCENT = 100.0
_UNIT_ROOT = 1e-6
"""How far below 1 the decay of shocks must stay: the optimiser stops at its bound, never beyond."""
_HELD = 0.01
"""Relative difference of a variance from that of the search beyond which its bounds made the fit."""
_EXPECTED = float(np.sqrt(2 / np.pi))

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Fit:
    """A fitted model, or why there is none.

    Attributes:
        model: garch, gjr or egarch.
        mu: mean return, a fraction.
        omega, alpha, gamma, persistence: as in the formulas above; gamma is 0 for garch, all are NaN without a fit.
        degrees_of_freedom: of Student's t, NaN for normal shocks.
        log_likelihood: of the returns in per cent.
        observations: number of returns used.
        status: ``ok``, else why the model must not be used.
    """

    model: str
    mu: float
    omega: float
    alpha: float
    gamma: float
    persistence: float
    degrees_of_freedom: float
    log_likelihood: float
    observations: int
    status: str

    @property
    def good(self) -> bool:
        """Whether the model may be used."""
        return self.status == "ok"


def ewma(returns: Floats, decay: float = DECAY, known: Flags | None = None) -> Floats:
    """Exponentially weighted variances, v' = decay v + (1 - decay) r^2.

    Args:
        returns: shape (L, T).
        decay: weight of the variance before.
        known: which returns there are, all of them by default, shape (L, T).

    Returns:
        Shape (L, T + 1); the first is the mean square of the known returns of the series, 0 where none is.
    """
    from scipy.signal import lfilter

    count, sessions = returns.shape
    there = np.ones(returns.shape, bool) if known is None else known
    squares = np.where(there, returns, 0.0) ** 2
    seen = there.sum(axis=1)
    start = np.divide(squares.sum(axis=1), seen, out=np.zeros(count), where=seen > 0)
    variance = np.empty((count, sessions + 1))
    variance[:, 0] = start
    whole = seen == sessions
    if sessions and whole.any():
        first = (decay * start[whole])[:, None]
        variance[whole, 1:], _ = lfilter([1 - decay], [1, -decay], squares[whole], axis=1, zi=first)
    gaps = np.flatnonzero(~whole)
    for s in range(sessions if len(gaps) else 0):
        now = variance[gaps, s]
        variance[gaps, s + 1] = np.where(there[gaps, s], decay * now + (1 - decay) * squares[gaps, s], now)
    return variance


def fit(returns: Floats, model: str, distribution: str = NORMAL) -> Fit:
    """Maximum likelihood fit of one member of the GARCH family; never raises, ``status`` says what went wrong.

    Args:
        returns: known returns of the series, oldest first, shape (T,).
        model: garch, gjr or egarch.
        distribution: of the shocks, normal or student_t.
    """
    sessions = len(returns)
    if sessions < LEAST:
        return _nothing(model, sessions, f"{sessions} of {LEAST} returns that a fit needs")
    if np.ptp(returns) == 0:
        return _nothing(model, sessions, "constant series")
    from arch.univariate import EGARCH, GARCH, ConstantMean, Normal, StudentsT

    volatility = EGARCH(1, 1, 1) if model == "egarch" else GARCH(1, int(model == "gjr"), 1)
    shocks = Normal() if distribution == NORMAL else StudentsT()
    made = ConstantMean(returns * _PERCENT, volatility=volatility, distribution=shocks, rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the optimiser warns of is judged below by what came out
        found = made.fit(disp="off", show_warning=False, backcast=float(np.var(returns)) * _PERCENT**2)
    at = {name: float(value) for name, value in found.params.items()}
    alpha, gamma, beta = (at.get(f"{name}[1]", 0.0) for name in ("alpha", "gamma", "beta"))
    if model == "egarch":
        omega = at["omega"] - (1 - beta) * float(np.log(_PERCENT**2))
    else:
        omega = at["omega"] / _PERCENT**2
    fitted = Fit(
        model=model,
        mu=at["mu"] / _PERCENT,
        omega=omega,
        alpha=alpha,
        gamma=gamma,
        persistence=beta,
        degrees_of_freedom=at.get("nu", np.nan),
        log_likelihood=float(found.loglikelihood),
        observations=sessions,
        status="ok",
    )
    return replace(fitted, status=_verdict(fitted, returns, found))


def _verdict(fitted: Fit, returns: Floats, found: Any) -> str:
    """``ok``, or why the answer of the optimiser is none."""
    if not np.isfinite(found.params.to_numpy(np.float64)).all():
        return "not converged: parameters are not finite"
    if found.convergence_flag != 0:
        return f"not converged: {found.optimization_result.message}"
    lasting = fitted.alpha + fitted.gamma / 2 + fitted.persistence
    if (abs(fitted.persistence) if fitted.model == "egarch" else lasting) >= 1 - _UNIT_ROOT:
        return "not stationary: shocks to the variance do not die out"
    with np.errstate(over="ignore"):
        path = variances(fitted, returns)
    held = found.conditional_volatility**2 / _PERCENT**2
    # arch keeps variances within bounds while it looks: where they held, its likelihood is not that of the formula.
    if not (np.isfinite(path).all() and np.allclose(path[:-1], held, rtol=_HELD)):
        return "not converged: variances were held at the bounds of the search"
    return "ok"


def _nothing(model: str, sessions: int, status: str) -> Fit:
    none = np.nan
    return Fit(model, none, none, none, none, none, none, none, sessions, status)


def variances(fitted: Fit, returns: Floats) -> Floats:
    """Variances of a series by a model that is given, so that parameters and data may be of different sessions.

    Args:
        fitted: a ``good`` fit.
        returns: shape (T,), T at least 1.

    Returns:
        Shape (T + 1,): of each session given those before it, then of the next one.
    """
    from scipy.signal import lfilter

    shock = returns - fitted.mu
    start = float(np.mean(shock**2))
    if fitted.model == "egarch":
        return _exponential(fitted, shock, start)
    weight = fitted.alpha + fitted.gamma * np.where(shock < 0, 1.0, 0.0)
    driven = np.concatenate([[(fitted.alpha + fitted.gamma / 2) * start], weight * shock**2]) + fitted.omega
    path, _ = lfilter([1.0], [1.0, -fitted.persistence], driven, zi=[fitted.persistence * start])
    return np.asarray(path, np.float64)


def _exponential(fitted: Fit, shock: Floats, start: float) -> Floats:
    logs = np.empty(len(shock) + 1)
    logs[0] = fitted.omega + fitted.persistence * np.log(start)
    for s, e in enumerate(shock.tolist()):  # each shock is divided by the variance before it: no linear filter
        z = e / np.exp(logs[s] / 2)
        moved = fitted.alpha * (abs(z) - _EXPECTED) + fitted.gamma * z
        logs[s + 1] = fitted.omega + moved + fitted.persistence * logs[s]
    return np.asarray(np.exp(logs), np.float64)


def forecasts(
    date: pd.Timestamp, kind: str, subjects: NDArray[np.object_], returns: Floats, known: Flags, models: tuple[str, ...]
) -> pd.DataFrame:
    """Rows of table ``volatility_forecasts`` of one kind of subject.

    Args:
        date: the session at whose close the forecast is made.
        kind: instrument, book or factor.
        subjects: shape (L,).
        returns: over the sessions up to ``date``, oldest first, shape (L, T).
        known: which of them there are.
        models: members of the GARCH family to fit besides ewma, each subject by itself; of more than ``MOST_FITTED``
            subjects none is, and the convention of ewma says so.
    """
    if len(subjects) > MOST_FITTED and models:
        rows = forecasts(date, kind, subjects, returns, known, ())
        told = f"; no GARCH: {len(subjects)} {kind}s, it is fitted for up to {MOST_FITTED}"
        return rows.assign(convention=rows["convention"] + told)
    seen = known.sum(axis=1)
    moved = np.where(known, returns, 0.0)
    spread = np.where(known, returns, -np.inf).max(axis=1, initial=-np.inf) - np.where(known, returns, np.inf).min(
        axis=1, initial=np.inf
    )
    status = np.full(len(subjects), "ok", object)
    status[spread == 0] = "constant series"
    few = seen < LEAST_EWMA
    status[few] = [f"{n} of {LEAST_EWMA} returns that a forecast needs" for n in seen[few]]
    frame = pd.DataFrame(
        {
            "subject": subjects,
            "volatility_model": "ewma",
            "volatility": np.where(few, np.nan, np.sqrt(ewma(moved, DECAY, known)[:, -1])),
            "persistence": DECAY,
            "alpha": 1 - DECAY,
            "observations": seen,
            "convention": f"mean 0, decay {DECAY}, from the mean square of {returns.shape[1]} sessions",
            "status": status,
        }
    )
    fitted = [
        _forecast(subject, fit(returns[i, known[i]], model), returns[i, known[i]])
        for i, subject in enumerate(subjects)
        for model in models
    ]
    whole = pd.concat([frame, pd.DataFrame(fitted)], ignore_index=True) if fitted else frame
    return whole.assign(business_date=date, subject_kind=kind)


def _forecast(subject: str, fitted: Fit, returns: Floats) -> dict[str, object]:
    """A row of one fitted model; where it must not be used, the reason alone."""
    numbers = ("omega", "alpha", "gamma", "persistence", "degrees_of_freedom", "log_likelihood")
    return {
        "subject": subject,
        "volatility_model": fitted.model,
        "volatility": float(np.sqrt(variances(fitted, returns)[-1])) if fitted.good else np.nan,
        **{name: getattr(fitted, name) if fitted.good else np.nan for name in numbers},
        "observations": fitted.observations,
        "convention": "constant mean, one lag, normal shocks, maximum likelihood of returns in per cent",
        "status": fitted.status,
    }


def table(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Table ``volatility_forecasts`` of ``forecasts``."""
    rows = pd.concat(frames, ignore_index=True).reindex(columns=list(tables.TABLES["volatility_forecasts"].names))
    numbers = ["volatility", "omega", "alpha", "gamma", "persistence", "degrees_of_freedom", "log_likelihood"]
    rows[numbers] = rows[numbers].astype("float64").round(12)
    key = ["business_date", "subject_kind", "subject", "volatility_model"]
    return tables.conform("volatility_forecasts", rows.sort_values(key, ignore_index=True))
