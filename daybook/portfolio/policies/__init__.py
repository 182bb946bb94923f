"""What a policy is asked, and how it answers.

Belongs here: the question put to every policy (``Problem``), the way to decline (``NoTargets``), and the shape of a
policy (``Policy``). Does not belong here: the policies themselves, one module each, and which strategy uses which
(``daybook.portfolio.targets.REGISTRY``).
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

MINIMUM_SESSIONS = 60
"""Fewest sessions from which a covariance is estimated: a quarter; below that the estimate is mostly noise."""


class NoTargets(ValueError):
    """A policy cannot give weights for this book; the message is the reason, in a sentence."""


@dataclass(frozen=True)
class Problem:
    """What a policy needs to know of one book at one close.

    Attributes:
        book: the book.
        held: market value / NAV by security held, negative for a short; cash is not in it.
        benchmark: weight at this close by benchmark security, sum 1; empty for a book without benchmark weights.
        returns: total returns in the book's base currency, sessions (oldest first) x securities held or in the
            benchmark; NaN where there is none.
    """

    book: str
    held: pd.Series
    benchmark: pd.Series
    returns: pd.DataFrame


Policy = Callable[[Problem], pd.Series]
"""A policy: weight of NAV by security; what it leaves out has weight 0. Raises NoTargets."""


def history(problem: Problem, names: pd.Index) -> pd.DataFrame:
    """Returns of ``names`` on the sessions on which every one of them has a return, oldest first.

    Raises:
        NoTargets: ``names`` is empty, or fewer than MINIMUM_SESSIONS sessions remain.
    """
    if names.empty:
        raise NoTargets("there is nothing to choose from: no holdings and no benchmark weights")
    found = problem.returns.reindex(columns=names)
    complete = found.dropna()
    if len(complete) < MINIMUM_SESSIONS:
        counts = found.notna().sum()
        raise NoTargets(
            f"only {len(complete)} sessions have a return for every name, {MINIMUM_SESSIONS} are needed;"
            f" fewest: {counts.idxmin()} with {counts.min()}"
        )
    return complete
