"""Constituents: who is in a benchmark on a date, by the last delivery of its weights.

Belongs here: which delivery counts. Does not belong here: how weights drift until the next one, and what they earn
(``daybook.performance.benchmarks``).

A delivery is the whole benchmark: a member that is not in it has left, and so has one of weight 0, though it is named.
It holds until the next one, be that a quarter or a day later.
"""

import pandas as pd

from daybook.market import dated


def in_force(benchmark_weights: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The weights of every benchmark as last delivered at or before each session: those at its close, without drift.

    Args:
        benchmark_weights: facts.
        sessions: midnight, naive.

    Returns:
        The columns of the facts, business_date being the session, and ``delivered``, the date of the weights; in the
        order of session and benchmark. No row before a benchmark's first delivery.
    """
    members = benchmark_weights.rename(columns={"business_date": "delivered"})
    deliveries = members[["benchmark", "delivered"]].drop_duplicates(ignore_index=True)
    wanted = dated.grid(sessions, deliveries[["benchmark"]].drop_duplicates().sort_values("benchmark"))
    known, asked = dated.codes([deliveries["benchmark"]], [wanted["benchmark"]])
    at = dated.last(known, deliveries["delivered"], asked, wanted["business_date"])
    held = wanted[at >= 0].assign(delivered=deliveries["delivered"].to_numpy()[at[at >= 0]])
    return held.merge(members, on=["benchmark", "delivered"])
