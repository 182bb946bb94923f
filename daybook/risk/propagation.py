"""Propagation: what all factors are expected to do when some returns are given.

Belongs here: the conditional expectation of factor returns. Does not belong here: which returns are given (``stress``),
the covariance (``covariance``).

Conventions: factor returns are normal with mean 0. A given return is a factor's own, or an instrument's: its exposures
times the factors and its specific return, which is independent of everything else. Source: Kupiec (1998), Stress
testing in a value at risk framework, Journal of Derivatives 6(1); Kim and Finger (2000), A stress test to incorporate
correlation breakdown, Journal of Risk 2(3), section 2: E[f | y] = S H' (H S H' + N)^-1 y.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_APART = 1e-8
"""Smallest eigenvalue, of the correlation of what is given, at which it still says different things."""


class PropagationError(ValueError):
    """What is given cannot be propagated; the message says why."""


def expected(covariance: Floats, given: Floats, specific: Floats, shock: Floats) -> Floats:
    """Expected return of each factor when the given returns are ``shock``.

    Args:
        covariance: of factor returns, shape (F, F); H S H' + N is that of what is given.
        given: exposures of each given return to the factors (H), shape (K, F); a factor's own is a unit vector.
        specific: volatility of what the factors leave of each (N = diag(specific^2)), shape (K,); 0 for a factor.
        shock: the returns, shape (K,).

    Returns:
        Shape (F,); a factor that is given itself has its own shock.

    Raises:
        PropagationError: what is given never moved, or always moved together.
    """
    across = covariance @ given.T
    variance = given @ across + np.diag(specific**2)
    scale = np.sqrt(np.diag(variance))
    if not (scale > 0).all():
        raise PropagationError("what is shocked never moved: nothing can be expected of the rest")
    correlation = variance / np.outer(scale, scale)
    if np.linalg.eigvalsh(correlation)[0] < LEAST_APART:
        raise PropagationError("what is shocked always moved together: its covariance is singular")
    return np.asarray(across @ (np.linalg.solve(correlation, shock / scale) / scale))
