"""Benchmarks as positions: what a book would hold if it held its benchmark.

Belongs here: weights of benchmarks at the close of a session. Does not belong here: weights at its open and what they
earned (``daybook.performance.benchmarks``).

Conventions: weights delivered for D are those at the close of D; between deliveries they drift with total returns in
the book's base currency (CONTRACT 2.9), and add up to 1. A delivery of more than ``OLDEST`` days before the session is
too old to stand for anything.
"""

import pandas as pd

from daybook.performance import benchmarks

OLDEST = 370
"""Days: within this many, the sessions read for scenarios hold every return since the delivery."""
VIEW = ["benchmark", "base_currency"]


def closing_weights(
    benchmark_weights: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Which benchmark each book has on each session, and the weights of each benchmark at the close.

    Args:
        benchmark_weights: facts.
        returns: table ``returns`` of ``OLDEST`` days back from the first session.
        fx_rates: table ``fx_rates`` of the same sessions.
        books: facts, dated by valid_from.
        sessions: sessions wanted.

    Returns:
        business_date, book, benchmark, base_currency of the books with a benchmark; business_date, benchmark,
        base_currency, instrument, weight.
    """
    views = benchmarks.book_views(books, sessions)
    views = views.loc[views["benchmark"].ne("")]
    if not len(views) or not len(benchmark_weights):
        none = views.iloc[:0]
        return none[["business_date", "book", *VIEW]], none[["business_date", *VIEW]].assign(instrument="", weight=0.0)
    wanted = views[["business_date", *benchmarks.VIEW]].drop_duplicates()
    young = benchmark_weights.loc[
        benchmark_weights["business_date"].ge(sessions[0] - pd.Timedelta(days=OLDEST))
        & benchmark_weights["benchmark"].isin(wanted["benchmark"].unique())
    ]
    opened = benchmarks.opening_weights(young, returns, fx_rates, wanted, sessions)
    opened = _recent(opened, young)
    opened["weight"] *= (1 + opened["total_return"]).fillna(1.0)
    delivered = young.loc[young["business_date"].isin(sessions), ["business_date", "benchmark", "instrument", "weight"]]
    fresh = wanted.merge(delivered, on=["business_date", "benchmark"])
    key = ["business_date", *benchmarks.VIEW]
    # What is delivered for the session replaces what drifted into it.
    drifted = opened.merge(fresh[key].drop_duplicates(), on=key, how="left", indicator="by")
    rows = pd.concat([drifted.loc[drifted["by"].eq("left_only"), [*key, "instrument", "weight"]], fresh])
    # One calendar a benchmark and currency: books of one benchmark on two calendars hold the same at the close.
    rows = rows.sort_values([*key, "instrument"]).drop_duplicates(["business_date", *VIEW, "instrument"])
    whole = rows.groupby(["business_date", *VIEW])["weight"].transform("sum")
    rows["weight"] = rows["weight"] / whole.where(whole > 0)
    rows = rows.loc[rows["weight"].notna(), ["business_date", *VIEW, "instrument", "weight"]]
    return views[["business_date", "book", *VIEW]], rows.reset_index(drop=True)


def _recent(opened: pd.DataFrame, delivered: pd.DataFrame) -> pd.DataFrame:
    """The rows whose delivery is no older than ``OLDEST`` days at their session."""
    dates = delivered[["benchmark", "business_date"]].drop_duplicates().sort_values("business_date")
    dates["delivered"] = dates["business_date"]
    found = pd.merge_asof(
        opened.sort_values("business_date", kind="stable"),
        dates,
        on="business_date",
        by="benchmark",
        allow_exact_matches=False,
    )
    age = found["business_date"] - found["delivered"]
    kept = found.loc[age.le(pd.Timedelta(days=OLDEST))].drop(columns="delivered")
    return kept.sort_values(["business_date", "benchmark", "instrument"], ignore_index=True)
