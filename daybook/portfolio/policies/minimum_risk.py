"""Policy ``minimum_risk``: the least volatile long-only mix of what the book holds and its benchmark names.

Belongs here: what this policy may choose from and its bounds. Does not belong here: the optimisation (``variance``).
"""

import pandas as pd

from daybook.portfolio.policies import Problem, history
from daybook.portfolio.variance import covariance, least_variance

NAME = "minimum_risk"
CASH_BUFFER = 0.01
"""Fraction of NAV left in cash: fees and the move of prices until the fill never overdraw the book."""
LARGEST_WEIGHT = 0.15
"""Largest weight of one name: least variance alone would put most of the money into a few names."""


def weights(problem: Problem) -> pd.Series:
    """Weights of least variance, fully invested less CASH_BUFFER, at most LARGEST_WEIGHT a name, no shorts.

    Raises:
        NoTargets: the universe is empty or too small for the bounds, returns are missing, or the solver fails.
    """
    names = problem.held.index.union(problem.benchmark.index)
    invested = 1.0 - CASH_BUFFER
    estimate = covariance(history(problem, names))
    equal = pd.Series(invested / len(names), index=names)
    return least_variance(estimate, equal, invested, LARGEST_WEIGHT)
