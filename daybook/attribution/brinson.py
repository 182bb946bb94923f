"""Brinson-Fachler attribution: why a book earned something other than its benchmark, by sector and day.

Belongs here: the effects and their identity. Does not belong here: linking days, currency or factor attribution.

Formulas (Brinson and Fachler 1985; CONTRACT 2.10), for segment s with opening weights w_p, w_b, contribution
c_p = (price_pnl + fx_pnl + income) / denominator, segment return r_b,s and benchmark return r_b:
allocation = (w_p - w_b)(r_b,s - r_b); selection = w_b (c_p / w_p - r_b,s);
interaction = (w_p - w_b)(c_p / w_p - r_b,s); where w_p = 0, selection is 0 and interaction is c_p;
trading = (trading_pnl + fees) / denominator. denominator = opening NAV + inflows. The opening weights of the book add
up to 1 with the inflows in ``Cash``, therefore the totals add up to the active return. currency_effect is 0:
base-currency returns carry currency within the other effects.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.market.security_master import attributes
from daybook.performance.benchmarks import VIEW
from daybook.performance.returns import opening_nav

METHOD = "brinson_fachler"
CASH_SEGMENT = "Cash"
UNCLASSIFIED = "Unclassified"
KEY = ["business_date", "book"]
EFFECTS = ["allocation", "selection", "interaction", "currency_effect", "trading"]

Floats = NDArray[np.float64]


def effects(
    portfolio_weight: Floats,
    benchmark_weight: Floats,
    contribution: Floats,
    segment_return: Floats,
    benchmark_return: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Allocation, selection and interaction of segments, all arrays of one shape, fractions.

    Args:
        portfolio_weight: opening weight in the book.
        benchmark_weight: opening weight in the benchmark.
        contribution: what the segment added to the book's return.
        segment_return: return of the segment in the benchmark.
        benchmark_return: return of the whole benchmark.
    """
    held = portfolio_weight != 0
    own = np.divide(contribution, portfolio_weight, out=segment_return.copy(), where=held)
    allocation = (portfolio_weight - benchmark_weight) * (segment_return - benchmark_return)
    selection = benchmark_weight * (own - segment_return)
    # Equal to (w_p - w_b)(c_p / w_p - r_b,s), and to c_p where w_p = 0; but where long and short nearly cancel,
    # c_p / w_p is huge, and only this form keeps the sum of selection and interaction to the last digit.
    interaction = contribution - portfolio_weight * segment_return - selection
    return allocation, selection, interaction


def brinson_fachler(
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    performance: pd.DataFrame,
    opening: pd.DataFrame,
    views: pd.DataFrame,
    instruments: pd.DataFrame,
    risk_free: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``attribution``: one row per session, book and segment, for books with an active return.

    Args:
        valuations: table ``valuations`` of the sessions and of each book's session before.
        pnl: table ``pnl`` of the sessions.
        nav: table ``nav`` of every session since each book's first one.
        performance: table ``performance`` of the sessions.
        opening: benchmark weights and returns (``benchmarks.opening_weights``).
        views: the benchmark of each book by session (``benchmarks.book_views``).
        instruments: facts, dated by valid_from; the sector is the one of the session attributed.
        risk_free: ``benchmarks.risk_free_returns`` per calendar; 0 for what it does not name.
        sessions: sessions to compute.

    Returns:
        Fractions. ``portfolio_return`` is empty where the opening weight is 0. The effects are rounded to 12 places;
        what rounding leaves of the active return is in ``trading`` of ``Cash``, so that the identity holds in the
        table.
    """
    scope = performance.loc[
        performance["active_return"].notna() & performance["business_date"].isin(sessions),
        [*KEY, "denominator", "active_return"],
    ].merge(views, on=KEY)
    rows = _segments(
        _book_side(valuations, pnl, nav, scope, instruments), _benchmark_side(opening, scope, instruments), scope
    )
    rows = rows.merge(risk_free, on=["business_date", "base_currency", "calendar"], how="left")
    return tables.conform("attribution", _close(_attributed(rows)))


def _segment(rows: pd.DataFrame, instruments: pd.DataFrame) -> pd.Series:
    """Segment of each row's instrument on its session."""
    sector = attributes(instruments, "instrument", rows, ["sector"])["sector"]
    return sector.replace("", UNCLASSIFIED).mask(rows["instrument"].str.startswith("CASH:"), CASH_SEGMENT)


def _book_side(
    valuations: pd.DataFrame, pnl: pd.DataFrame, nav: pd.DataFrame, scope: pd.DataFrame, instruments: pd.DataFrame
) -> pd.DataFrame:
    """Opening value, contribution and trading of each segment, money in base currency."""
    dated = nav.sort_values(["book", "business_date"], ignore_index=True)
    dated["following"] = dated.groupby("book", sort=False)["business_date"].shift(-1)
    dated["opening_nav"] = opening_nav(dated)
    before = valuations.merge(dated[[*KEY, "following"]].dropna(), on=KEY)
    before = before.assign(business_date=before["following"], opened=before["market_value_base"])
    earned = pnl.assign(
        earned=pnl["price_pnl"] + pnl["fx_pnl"] + pnl["income"], traded=pnl["trading_pnl"] + pnl["fees"]
    )
    flows = scope.merge(dated[[*KEY, "opening_nav"]], on=KEY)
    flows = flows.assign(instrument="CASH:", opened=(flows["denominator"] - flows["opening_nav"]).round(6))
    rows = pd.concat([part.reindex(columns=[*KEY, "instrument", *MONEY]) for part in (before, earned, flows)])
    rows = rows.merge(scope[KEY], on=KEY).fillna(dict.fromkeys(MONEY, 0.0))
    rows["segment"] = _segment(rows, instruments)
    rows = rows.sort_values([*KEY, "segment", "instrument"], kind="stable")
    return rows.groupby([*KEY, "segment"], as_index=False)[MONEY].sum().round(dict.fromkeys(MONEY, 6))


MONEY = ["opened", "earned", "traded"]


def _benchmark_side(opening: pd.DataFrame, scope: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Weight and contribution of each segment in each book's benchmark."""
    rows = opening.assign(weighted=(opening["weight"] * opening["total_return"]).mask(opening["weight"].eq(0), 0.0))
    rows["segment"] = _segment(rows, instruments)
    rows = rows.sort_values(["business_date", *VIEW, "segment", "instrument"])
    sums = rows.groupby(["business_date", *VIEW, "segment"], as_index=False)[["weight", "weighted"]].sum()
    return scope[[*KEY, *VIEW]].merge(sums, on=["business_date", *VIEW])[[*KEY, "segment", "weight", "weighted"]]


def _segments(book: pd.DataFrame, benchmark: pd.DataFrame, scope: pd.DataFrame) -> pd.DataFrame:
    """Every segment that is on either side, and ``Cash``."""
    cash = scope[KEY].assign(segment=CASH_SEGMENT)
    key = [*KEY, "segment"]
    rows = pd.concat([book[key], benchmark[key], cash]).drop_duplicates().sort_values(key, ignore_index=True)
    rows = rows.merge(book, on=key, how="left").merge(benchmark, on=key, how="left")
    rows = rows.fillna(dict.fromkeys([*MONEY, "weight", "weighted"], 0.0))
    return rows.merge(scope, on=KEY)


def _attributed(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with the effects of each, unrounded."""
    divisor = rows["denominator"].to_numpy()
    w_p = rows["opened"].to_numpy() / divisor
    w_b = rows["weight"].to_numpy()
    contribution = rows["earned"].to_numpy() / divisor
    whole = rows.groupby(KEY)["weighted"].transform("sum").to_numpy()
    held, listed = w_p != 0, w_b != 0
    own = np.divide(contribution, w_p, out=np.full(len(rows), np.nan), where=held)
    absent = np.where(held, own, whole)
    absent = np.where(rows["segment"].eq(CASH_SEGMENT), rows["risk_free"].fillna(0.0), absent)
    segment_return = np.divide(rows["weighted"].to_numpy(), w_b, out=absent, where=listed)
    allocation, selection, interaction = effects(w_p, w_b, contribution, segment_return, whole)
    return rows.assign(
        method=METHOD,
        portfolio_weight=w_p,
        benchmark_weight=w_b,
        portfolio_return=own,
        benchmark_return=segment_return,
        allocation=allocation,
        selection=selection,
        interaction=interaction,
        within=contribution - w_p * segment_return,
        currency_effect=0.0,
        trading=rows["traded"].to_numpy() / divisor,
    )


def _close(rows: pd.DataFrame) -> pd.DataFrame:
    """Round to 12 places and put what that leaves of the active return into ``trading`` of ``Cash``.

    Only what rounding can explain is moved; a real gap stays, for ``identity_gaps`` to name.
    """
    figures = ["portfolio_weight", "benchmark_weight", "portfolio_return", "benchmark_return", *EFFECTS]
    rows[figures] = rows[figures].round(12)
    rows["interaction"] = (rows["within"].round(12) - rows["selection"]).round(12)
    rows["total"] = (rows["within"].round(12) + rows["allocation"] + rows["trading"]).round(12)
    book = rows.groupby(KEY)
    left = (rows["active_return"] - book["total"].transform("sum")).round(12)
    rounding = left.abs() <= 4e-12 * book["total"].transform("size")
    taken = left.where(rounding & rows["segment"].eq(CASH_SEGMENT), 0.0)
    rows["trading"] = (rows["trading"] + taken).round(12)
    rows["total"] = (rows["total"] + taken).round(12)
    return rows[list(tables.TABLES["attribution"].names)]


def identity_gaps(attribution: pd.DataFrame, performance: pd.DataFrame) -> pd.DataFrame:
    """Books whose effects do not add up to the active return within 1e-12.

    Returns:
        business_date, book, active_return, total, gap = total - active_return; empty when all is well. A book with an
        active return and no attribution is one of them.
    """
    sums = attribution.groupby(KEY, as_index=False)["total"].sum()
    both = performance.loc[performance["active_return"].notna(), [*KEY, "active_return"]].merge(
        sums, on=KEY, how="left"
    )
    both["gap"] = both["total"].fillna(0.0) - both["active_return"]
    return both.loc[(both["gap"].abs() > 1e-12) | both["total"].isna()].reset_index(drop=True)
