"""Constituents: who is in a benchmark on a date, by the last delivery of its weights, and what a blend is made of.

Belongs here: which delivery counts. Does not belong here: how weights drift until the next one, and what they earn
(``daybook.performance.benchmarks``).

A delivery is the whole benchmark: a member that is not in it has left, and so has one of weight 0, though it is named.
It holds until the next one, be that a quarter or a day later. So are the rows of a blend that begin on one date: they
are the whole blend, until others begin or their valid_to is over.
"""

import pandas as pd

from daybook.market import dated

WEIGHT_SUM = 0.001
"""By how much the weights of a benchmark may differ from 1 in sum (contract 2.9)."""
WEIGHT_NET = 0.01
"""What weights must add up to at least, as a part of their gross sum, to be divided by it: long and short that all but
cancel would make a benchmark of a hundredfold leverage."""


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


def blends_in_force(benchmark_blends: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What every blended benchmark is made of on each session.

    Args:
        benchmark_blends: facts.
        sessions: midnight, naive.

    Returns:
        business_date, benchmark, valid_from, constituent, weight as declared; by business_date, benchmark and
        constituent. No row on a session on which nothing is in force.
    """
    begun = benchmark_blends[["benchmark", "valid_from"]].drop_duplicates(ignore_index=True)
    wanted = dated.grid(sessions, begun[["benchmark"]].drop_duplicates().sort_values("benchmark"))
    known, asked = dated.codes([begun["benchmark"]], [wanted["benchmark"]])
    at = dated.last(known, begun["valid_from"], asked, wanted["business_date"])
    held = wanted[at >= 0].assign(valid_from=begun["valid_from"].to_numpy()[at[at >= 0]])
    rows = held.merge(
        benchmark_blends[["benchmark", "valid_from", "constituent", "weight", "valid_to"]],
        on=["benchmark", "valid_from"],
    )
    rows = rows[~(rows["valid_to"] < rows["business_date"])].drop(columns="valid_to")
    return rows.sort_values(["business_date", "benchmark", "constituent"], ignore_index=True)
