"""The two sides of an attribution, line by line: what a book held and earned, and what its benchmark did.

Belongs here: the lines that segments, trees, currencies and money are sums of. Does not belong here: effects.

Conventions (CONTRACT 2.10): a line is an instrument, or the cash of one currency ``CASH:CCY``. It opens with the market
value of the book's session before; the flows that the denominator counts are the line ``CASH:``, which opens with
denominator - opening NAV, so that the lines of a book open with its denominator.
"""

import pandas as pd

from daybook.performance.returns import opening_nav
from daybook.performance.views import CASH, VIEW

KEY = ["business_date", "book"]
LINE = [*KEY, "instrument"]
FLOWS = CASH
"""The line of the day's flows: cash of no currency, the base currency's."""
PNL = ["price_pnl", "fx_pnl", "income", "trading_pnl", "fees"]
MONEY = ["opened", *PNL, "total"]


def scope_of(performance: pd.DataFrame, views: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The books and sessions to attribute: those of ``performance``, with the benchmark that each book looks at.

    Args:
        performance: table, of ``sessions`` at least.
        views: the benchmark of each book by session (``benchmarks.book_views``).
        sessions: sessions wanted.

    Returns:
        business_date, book, denominator, daily_return, benchmark_return, active_return, benchmark, base_currency,
        calendar; sorted.
    """
    rows = performance.loc[performance["business_date"].isin(sessions)]
    rows = rows[[*KEY, "denominator", "daily_return", "benchmark_return", "active_return"]].merge(
        views[[*KEY, *VIEW]], on=KEY
    )
    return rows.sort_values(KEY, ignore_index=True)


def lines(
    valuations: pd.DataFrame, pnl: pd.DataFrame, nav: pd.DataFrame, scope: pd.DataFrame, opening: pd.DataFrame
) -> pd.DataFrame:
    """Every line that is on either side, of the books and sessions of ``scope``.

    Args:
        valuations: table ``valuations`` of the sessions and of each book's session before.
        pnl: table ``pnl`` of the sessions.
        nav: table ``nav`` of every session since each book's first one.
        scope: from ``scope_of``.
        opening: weights of the benchmarks at the open and what they earned (``lines`` of ``benchmarks.computed``).

    Returns:
        business_date, book, instrument; opened, price_pnl, fx_pnl, income, trading_pnl, fees, total in base currency;
        weight (opening, in the benchmark) and weighted = weight x return, fractions, both 0 for a book without an
        active return; then the other columns of ``scope``. Sorted by session, book and instrument.
    """
    book = _book_side(valuations, pnl, nav, scope)
    benchmark = _benchmark_side(opening, scope)
    # Not an outer merge: pandas 3.1 cannot make one of two frames without rows.
    rows = pd.concat([book, benchmark]).groupby(LINE, as_index=False)[[*MONEY, "weight", "weighted"]].sum()
    return rows.merge(scope, on=KEY).sort_values(LINE, ignore_index=True)


def _book_side(valuations: pd.DataFrame, pnl: pd.DataFrame, nav: pd.DataFrame, scope: pd.DataFrame) -> pd.DataFrame:
    """Opening value and P&L of each line of the books."""
    dated = nav.sort_values(["book", "business_date"], ignore_index=True)
    dated["following"] = dated.groupby("book", sort=False)["business_date"].shift(-1)
    dated["opening_nav"] = opening_nav(dated)
    before = valuations.merge(dated[[*KEY, "following"]].dropna(), on=KEY)
    before = before.assign(business_date=before["following"], opened=before["market_value_base"])
    flows = scope[[*KEY, "denominator"]].merge(dated[[*KEY, "opening_nav"]], on=KEY)
    flows = flows.assign(instrument=FLOWS, opened=(flows["denominator"] - flows["opening_nav"]).round(6).fillna(0.0))
    rows = pd.concat([part.reindex(columns=[*LINE, *MONEY]) for part in (before, pnl, flows)])
    rows = rows.merge(scope[KEY], on=KEY).fillna(dict.fromkeys(MONEY, 0.0))
    return rows.sort_values(LINE, kind="stable").groupby(LINE, as_index=False)[MONEY].sum()


def _benchmark_side(opening: pd.DataFrame, scope: pd.DataFrame) -> pd.DataFrame:
    """Weight and contribution of each line of the benchmarks, for the books with an active return."""
    rows = opening.assign(weighted=(opening["weight"] * opening["total_return"]).mask(opening["weight"].eq(0), 0.0))
    active = scope.loc[scope["active_return"].notna(), [*KEY, *VIEW]]
    return active.merge(rows, on=["business_date", *VIEW])[[*LINE, "weight", "weighted"]]
