"""Why the return differs from the benchmark's.

Belongs here: ``attributed``, the table ``attribution`` from the books. The effects are in ``brinson``.
"""

import pandas as pd

from daybook.attribution import brinson
from daybook.performance import benchmarks


def attributed(
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    performance: pd.DataFrame,
    instrument_returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``attribution`` of ``sessions``.

    Args:
        valuations: table of the sessions and of the one before.
        pnl: table of the sessions.
        nav: table since each book's first session.
        performance: table of the sessions.
        instrument_returns: table ``returns`` since the benchmark's last delivery before the first session.
        fx_rates: table ``fx_rates`` likewise.
        benchmark_weights: facts.
        risk_free_rates: facts; 0 where there are none.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from.
        sessions: sessions to return.
    """
    views = benchmarks.book_views(books, sessions)
    seen = views.loc[views["benchmark"] != "", benchmarks.VIEW].drop_duplicates()
    opening = benchmarks.opening_weights(benchmark_weights, instrument_returns, fx_rates, seen, sessions)
    free = [
        benchmarks.risk_free_returns(risk_free_rates, group["base_currency"].unique(), str(calendar), sessions)
        for calendar, group in views.groupby("calendar")
    ]
    return brinson.brinson_fachler(
        valuations,
        pnl,
        nav,
        performance,
        opening,
        views,
        instruments,
        pd.concat(free) if free else benchmarks.risk_free_returns(risk_free_rates, [], "XNYS", sessions),
        sessions,
    )
