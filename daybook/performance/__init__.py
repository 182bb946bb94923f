"""Returns of books and benchmarks.

Belongs here: ``measured``, the table ``performance`` from the books. Its parts are in ``returns`` and ``benchmarks``.
"""

import pandas as pd

from daybook.performance import benchmarks, returns


def measured(
    nav: pd.DataFrame,
    pnl: pd.DataFrame,
    activity: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instrument_returns: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``performance`` of ``sessions``; every frame but the facts reaches back to each book's first session.

    Args:
        nav: table ``nav``.
        pnl: table ``pnl``.
        activity: table ``activity``.
        prices: table ``prices``.
        fx_rates: table ``fx_rates``.
        instrument_returns: table ``returns``, since the benchmark's last delivery before the first session.
        benchmark_weights: facts.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from.
        sessions: sessions to return.
    """
    views = benchmarks.book_views(books, sessions)
    seen = views.loc[views["benchmark"] != "", benchmarks.VIEW].drop_duplicates()
    opening = benchmarks.opening_weights(benchmark_weights, instrument_returns, fx_rates, seen, sessions)
    return returns.performance(
        nav,
        pnl,
        returns.inflows(activity, nav, prices, instruments, fx_rates),
        returns.fees_of_kind_fee(activity, nav, fx_rates),
        views,
        benchmarks.benchmark_returns(opening),
        sessions,
    )
