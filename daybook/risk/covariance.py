"""Covariance matrices of returns: as they were, weighted by age, shrunk, and cleared of noise.

Belongs here: estimates from a matrix of returns. Does not belong here: where the returns come from, volatility of one
series (``volatility``).

Conventions: ``returns`` has shape (N, T), series by sessions, no value missing; a result is (N, N), per session. All
are symmetric and positive semidefinite; ``ledoit_wolf`` is positive definite, also for more series than sessions,
unless every series is constant. A series that never moves has zeros in its row, and correlation 0 with the others.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Shrunk(NamedTuple):
    """A shrunk covariance and the weight of what it was shrunk towards, from 0 to 1."""

    covariance: Floats
    intensity: float


def sample(returns: Floats) -> Floats:
    """Sample covariance about the mean, divisor T - 1.

    Raises:
        ValueError: fewer than two sessions.
    """
    centred = _centred(returns)
    return np.asarray(centred @ centred.T / (returns.shape[1] - 1), np.float64)


def ewma(returns: Floats, decay: float) -> Floats:
    """Exponentially weighted covariance about zero: weight decay^age over the sum of weights, the last has age 0.

    RiskMetrics (1996), Technical Document, 4th edition, section 5.2: the mean of a day is taken for 0.
    """
    weights = decay ** np.arange(returns.shape[1] - 1, -1, -1.0)
    return np.asarray((returns * (weights / weights.sum())) @ returns.T, np.float64)


def ledoit_wolf(returns: Floats) -> Shrunk:
    """Shrinkage towards the mean variance times the identity, with the weight of least expected squared error.

    Ledoit and Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices, Journal of
    Multivariate Analysis 88; divisor T, about the mean.
    """
    x = _centred(returns)
    n, t = x.shape
    s = x @ x.T / t
    mu = np.trace(s) / n
    distance = ((s - mu * np.eye(n)) ** 2).sum() / n
    noise = min(((x**2) @ (x**2).T / t - s**2).sum() / (n * t), distance)
    intensity = noise / distance if distance > 0 else 0.0
    return Shrunk(intensity * mu * np.eye(n) + (1 - intensity) * s, float(intensity))


def constant_correlation(returns: Floats) -> Shrunk:
    """Shrinkage towards own variances and the mean correlation of all pairs.

    Ledoit and Wolf (2004), Honey, I shrunk the sample covariance matrix, Journal of Portfolio Management 30(4),
    appendix B; divisor T, about the mean. Of two series or fewer it is the sample covariance, which is its own target.
    """
    x = _centred(returns)
    n, t = x.shape
    s = x @ x.T / t
    if n <= 2:
        return Shrunk(s, 0.0)
    deviation = np.sqrt(np.diag(s))
    apart = ~np.eye(n, dtype=bool)
    correlation = _correlation(s, deviation)
    mean = correlation[apart].mean()
    target = mean * np.outer(deviation, deviation)
    np.fill_diagonal(target, np.diag(s))
    # pi: asymptotic variances of the sample covariances; rho: their covariances with the target's; gamma: its distance.
    pi = ((x**2) @ (x**2).T) / t - s**2
    theta = ((x**3) @ x.T) / t - np.diag(s)[:, None] * s
    ratio = np.divide(deviation[None, :], deviation[:, None], out=np.zeros((n, n)), where=deviation[:, None] > 0)
    rho = np.trace(pi) + mean * (ratio * theta)[apart].sum()
    gamma = ((target - s) ** 2).sum()
    intensity = min(max((pi.sum() - rho) / gamma / t, 0.0), 1.0) if gamma > 0 else 0.0
    return Shrunk(intensity * target + (1 - intensity) * s, float(intensity))


def denoised(returns: Floats) -> tuple[Floats, int]:
    """Covariance whose eigenvalues of correlation that noise alone would have are replaced by their mean.

    Laloux, Cizeau, Bouchaud and Potters (1999), Noise dressing of financial correlation matrices, Physical Review
    Letters 83: eigenvalues up to (1 + sqrt(N / T))^2, the edge of Marchenko and Pastur (1967) for unit variance, are
    noise. Own variances are kept as they were, divisor T - 1.

    Returns:
        The covariance, and how many eigenvalues are above the edge.
    """
    s = sample(returns)
    deviation = np.sqrt(np.diag(s))
    values, vectors = np.linalg.eigh(_correlation(s, deviation))
    cleared, signals = clipped(values, returns.shape[1])
    correlation = (vectors * cleared) @ vectors.T
    own = np.sqrt(np.diag(correlation))
    return np.asarray(correlation * np.outer(deviation / own, deviation / own)), signals


def clipped(eigenvalues: Floats, sessions: int) -> tuple[Floats, int]:
    """Eigenvalues of a correlation matrix of N series with those of noise replaced by their mean; how many are not."""
    noise = eigenvalues <= noise_edge(len(eigenvalues), sessions)
    cleared = eigenvalues.copy()
    if noise.any():
        cleared[noise] = eigenvalues[noise].mean()
    return cleared, int((~noise).sum())


def noise_edge(series: int, sessions: int) -> float:
    """Largest eigenvalue of the correlations of independent series, as both numbers grow: (1 + sqrt(N / T))^2.

    Marchenko and Pastur (1967), Distribution of eigenvalues for some sets of random matrices, Math. USSR-Sbornik 1.
    """
    return float((1 + np.sqrt(series / sessions)) ** 2)


def _centred(returns: Floats) -> Floats:
    if returns.shape[1] < 2:
        raise ValueError(f"{returns.shape[1]} sessions: a covariance needs two")
    return np.asarray(returns - returns.mean(axis=1, keepdims=True), np.float64)


def _correlation(covariance: Floats, deviation: Floats) -> Floats:
    """Correlations, 0 with a series that never moves, 1 with itself."""
    both = np.outer(deviation, deviation)
    found = np.divide(covariance, both, out=np.zeros_like(covariance), where=both > 0)
    np.fill_diagonal(found, 1.0)
    return found
