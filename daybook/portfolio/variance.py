"""Weights of least variance, by riskfolio-lib.

Belongs here: the estimate of covariance, the optimisation that policies share, and the proof that its answer is one.
Does not belong here: which securities a policy may choose, and what it measures variance against.
"""

import contextlib
import io
import warnings

import numpy as np
import pandas as pd

from daybook.portfolio.policies import NoTargets

STEP = 1e-6
"""Weights are multiples of this: finer digits are the solver's noise, too small to trade."""
TOLERANCE = 1e-5
"""How far bounds and budget may be missed, as a fraction of NAV: a tenth of a basis point."""
ACCURACY = 1e-11
"""What the solver is asked for: at its default of 1e-8 a tracking error can miss the least one by more than GAP."""
GAP = 1e-3
"""Largest proven distance from the least variance, relative to the variance at hand: 0.05 % of volatility."""


def covariance(returns: pd.DataFrame) -> pd.DataFrame:
    """Covariance of ``returns`` (sessions x names), shrunk towards a multiple of the identity.

    Ledoit and Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices": positive definite
    even for more names than sessions, where the sample covariance has no unique least variance.
    """
    import riskfolio as rp

    estimate = rp.covar_matrix(returns, method="ledoit").to_numpy()
    return pd.DataFrame(estimate, index=returns.columns, columns=returns.columns)


def least_variance(covariance: pd.DataFrame, guess: pd.Series, invested: float, largest: float) -> pd.Series:
    """Weights w that minimise w' covariance w subject to sum w = ``invested`` and 0 <= w <= ``largest``.

    The answer is checked against its own bounds and against optimality: by convexity the variance is at most
    2 (g'w - min g'v) above the least one, g = covariance w, v over all admissible weights (Frank and Wolfe, 1956).

    Args:
        covariance: names x names, positive semidefinite.
        guess: weights by name whose variance, above 0, is of the order of the least one; sets the solver's scale alone.
        invested: fraction of NAV to invest.
        largest: largest weight of one name, as a fraction of NAV.

    Raises:
        NoTargets: no weights satisfy the bounds, or the solver found none, or none good enough.
    """
    names = covariance.columns
    if len(names) * largest < invested - TOLERANCE:
        raise NoTargets(f"{len(names)} names of at most {largest:.2%} each cannot hold {invested:.2%} of NAV")
    # The solver's tolerances are absolute: a tracking error of 1 bp a day, variance 1e-8, would be lost in them.
    matrix, start = covariance.to_numpy(np.float64), guess.reindex(names).to_numpy(np.float64)
    scaled = matrix / (start @ matrix @ start)
    weights = _solve(scaled, names, invested, largest)
    _prove(scaled, weights, invested, largest)
    rounded = np.round(np.rint(weights / STEP) * STEP, 12)
    return pd.Series(np.clip(rounded, 0.0, largest), index=names)


def _solve(scaled: np.ndarray, names: pd.Index, invested: float, largest: float) -> np.ndarray:
    import riskfolio as rp

    frame = pd.DataFrame(scaled, index=names, columns=names)
    portfolio = rp.Portfolio(returns=frame * 0.0, budget=invested, upperlng=largest)
    portfolio.mu = pd.DataFrame(np.zeros((1, len(names))), columns=names)
    portfolio.cov = frame
    portfolio.solvers = ["CLARABEL"]
    portfolio.sol_params = {"CLARABEL": dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), ACCURACY)}
    # riskfolio-lib prints where it finds nothing, and the solver warns where it stops short of ACCURACY; both are
    # judged below by what came out.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = portfolio.optimization(model="Classic", rm="MV", obj="MinRisk")
    if found is None:
        raise NoTargets("the solver found no weights of least variance")
    return np.asarray(found["weights"], np.float64)


def _prove(scaled: np.ndarray, weights: np.ndarray, invested: float, largest: float) -> None:
    within = (weights >= -TOLERANCE).all() and (weights <= largest + TOLERANCE).all()
    if not within or abs(weights.sum() - invested) > TOLERANCE:
        raise NoTargets("the solver's weights break their bounds")
    gradient = scaled @ weights
    cheapest = np.sort(gradient)
    room = np.clip(invested - largest * np.arange(len(cheapest)), 0.0, largest)
    gap = 2.0 * (gradient @ weights - cheapest @ room)
    if gap > GAP * (gradient @ weights):
        raise NoTargets("the solver's weights are not proven to have the least variance")
