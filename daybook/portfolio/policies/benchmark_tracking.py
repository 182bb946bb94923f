"""Policy ``benchmark_tracking``: the least tracking error to the benchmark's weights of the day.

Belongs here: what this policy may choose from, its bounds, and active risk as a covariance. Does not belong here: the
optimisation (``variance``), and how benchmark weights drift (``daybook.performance.benchmarks``).
"""

import numpy as np
import pandas as pd

from daybook.portfolio.policies import NoTargets, Problem, history
from daybook.portfolio.variance import covariance, least_variance

NAME = "benchmark_tracking"
CASH_BUFFER = 0.01
"""Fraction of NAV left in cash: fees and the move of prices until the fill never overdraw the book."""


def weights(problem: Problem) -> pd.Series:
    """Weights of benchmark names with the least tracking error, fully invested less CASH_BUFFER, no shorts.

    Tracking error is the standard deviation of the return against the benchmark, (w - b)' S (w - b). With the budget
    sum w = B this is w' A' S A w, A = I - b 1' / B, so that it is a least variance like any other. What the cash
    buffer costs in market risk is made up within the names.

    Raises:
        NoTargets: the benchmark has no weights, returns are missing, or the solver fails.
    """
    if problem.benchmark.empty:
        raise NoTargets("the benchmark has no weights yet")
    invested = 1.0 - CASH_BUFFER
    estimate = covariance(history(problem, problem.benchmark.index))
    active = np.eye(len(estimate)) - np.outer(problem.benchmark.to_numpy(), np.ones(len(estimate))) / invested
    against = pd.DataFrame(active.T @ estimate.to_numpy() @ active, index=estimate.index, columns=estimate.columns)
    return least_variance(against, problem.benchmark * invested, invested, largest=invested)
