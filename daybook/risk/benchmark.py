"""Benchmarks as positions: what a book would hold if it held its benchmark.

Belongs here: weights of benchmarks at the close as risk counts them, and the returns of those that only publish levels.
Does not belong here: how benchmarks are computed (``daybook.performance.benchmarks``, ``closing``).

Conventions: the weights are those of ``performance``: blends looked through, deliveries drifted, published levels as
one line with the name of the benchmark. What ``benchmark_terms`` hedge is sold: a line ``CASH:<CCY>`` below zero, and
as much more of the base currency; the forward premium is no risk. A delivery of more than ``OLDEST`` days before the
session is too old to stand for anything, and so is a blend that has not been rebalanced for longer.
"""

import pandas as pd

from daybook.market.security_master import attributes
from daybook.performance import benchmarks, closing, levels
from daybook.performance.benchmarks import CASH, Sources
from daybook.performance.views import terms

OLDEST = 370
"""Days: within this many, the sessions read for scenarios hold every return since the delivery."""
KEY = benchmarks.KEY


def closing_weights(
    sources: Sources, books: pd.DataFrame, instruments: pd.DataFrame, sessions: pd.DatetimeIndex
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Which benchmark each book has on each session, and the weights of each benchmark at the close.

    Args:
        sources: what benchmarks are computed from; ``returns`` and ``fx_rates`` of twice ``OLDEST`` days back from the
            first session, since the constituents of a blend drift before its last rebalancing.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from: the currency of each member.
        sessions: sessions wanted.

    Returns:
        business_date, book, benchmark, base_currency, calendar of the books with a benchmark; KEY, instrument,
        currency, weight, which adds up to 1; sorted.
    """
    views = benchmarks.book_views(books, sessions)
    views = views.loc[views["benchmark"].ne("")]
    rows = _recent(closing.weights(sources, views, sessions), sources)
    rows = rows.loc[rows["weight"].notna()].reset_index(drop=True)
    rows["currency"] = _currencies(rows, sources, instruments)
    sold = (rows["weight"] * rows["hedge_ratio"]).where(rows["currency"].ne(rows["base_currency"]), 0.0)
    hedged = rows.assign(weight=sold)[sold.ne(0)]
    if len(hedged):
        short = hedged.assign(weight=-hedged["weight"], instrument=CASH + hedged["currency"])
        long = hedged.assign(currency=hedged["base_currency"], instrument=CASH + hedged["base_currency"])
        every = pd.concat([rows, short, long]).sort_values([*KEY, "instrument"], kind="stable")
        rows = every.groupby([*KEY, "instrument", "currency"], as_index=False)[["weight"]].sum()
    return views, rows[[*KEY, "instrument", "currency", "weight"]]


def _currencies(rows: pd.DataFrame, sources: Sources, instruments: pd.DataFrame) -> "pd.Series[str]":
    """Currency of each line: of cash by its name, of what only publishes levels that of the levels."""
    own = attributes(instruments, "instrument", rows, ["currency"])["currency"]
    own = own.where(own.ne("") & ~rows["instrument"].str.startswith(CASH), rows["currency"])
    known = sources.benchmark_levels.sort_values("business_date").drop_duplicates("benchmark", keep="last")
    alone = known.loc[~known["benchmark"].isin(sources.returns["instrument"])].set_index("benchmark")["currency"]
    of_levels = alone.reindex(rows["instrument"]).fillna("").set_axis(rows.index)
    return own.mask(of_levels.ne(""), of_levels).astype("str")


def levelled(returns: pd.DataFrame, benchmark_levels: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """``returns`` with those of the benchmarks among ``weights`` that only publish levels, on the same sessions.

    The return of a session leads from the level of the one before; for at most ``levels.MAX_AGE`` sessions the last
    level stands for one that is missing.
    """
    names = weights.loc[~weights["instrument"].isin(returns["instrument"]), ["instrument", "currency"]]
    known = benchmark_levels.rename(columns={"benchmark": "instrument"})
    known = known.merge(names.drop_duplicates("instrument"), on="instrument", suffixes=("", "_held"))
    known = known.loc[known["currency"].eq(known["currency_held"]) | known["currency"].eq("")]
    if not len(known):
        return returns
    table = known.pivot(index="business_date", columns="instrument", values="level")
    days = pd.DatetimeIndex(returns["business_date"].unique()).sort_values()
    dates = pd.DatetimeIndex(table.index)
    before = dates[dates < days[0]][-1:]
    standing = (
        table.reindex(dates.append(days).unique().sort_values())
        .ffill(limit=levels.MAX_AGE)
        .reindex(before.append(days))
    )
    moved = (standing / standing.shift() - 1).loc[days].rename_axis(index="business_date", columns=None)
    moved = moved.reset_index().melt("business_date", var_name="instrument", value_name="local_return").dropna()
    moved = moved.astype({"instrument": "str"}).merge(names.drop_duplicates(), on="instrument")
    moved = moved.assign(price_return=moved["local_return"], status="ok")
    return pd.concat([returns, moved[list(returns.columns.intersection(moved.columns))]], ignore_index=True)


def _recent(rows: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """The rows of benchmarks whose weights were last delivered, or rebalanced, within ``OLDEST`` days."""
    at = rows[["business_date", "benchmark"]].drop_duplicates().sort_values("business_date", ignore_index=True)
    begun = sources.benchmark_blends[["benchmark", "valid_from"]].drop_duplicates().sort_values("valid_from")
    blend = pd.merge_asof(at, begun, left_on="business_date", right_on="valid_from", by="benchmark")["valid_from"]
    dates = sources.benchmark_weights[["benchmark", "business_date"]].drop_duplicates()
    dates = dates.rename(columns={"business_date": "delivered"}).sort_values("delivered")
    known = pd.merge_asof(at, dates, left_on="business_date", right_on="delivered", by="benchmark")["delivered"]
    # A blend that is rebalanced is as young as its last rebalancing, a year at most.
    since = blend.where(terms(sources.benchmark_terms, at)["rebalancing"].eq("none")).where(blend.notna(), known)
    old = at.loc[since < at["business_date"] - pd.Timedelta(days=OLDEST)]
    kept = rows.merge(old, on=["business_date", "benchmark"], how="left", indicator="by")
    return kept.loc[kept["by"].eq("left_only")].drop(columns="by").reset_index(drop=True)
