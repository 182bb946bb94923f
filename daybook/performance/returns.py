"""Daily time-weighted returns of the books, and how they link.

Belongs here: denominator, daily, gross, active and cumulative return. Does not belong here: where the P&L came from
(``daybook.ledger``), what the benchmark earned (``benchmarks``).

Conventions (CONTRACT 2.8): inflows count at the start of the day, outflows at its end, so
daily_return = sum of P&L / (opening NAV + inflows). gross_return adds back transactions of kind ``fee``.
cumulative_return links the daily returns of all sessions since the book's first one that have a return.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.ledger.valuation import valued_activity
from daybook.market.fx import rates
from daybook.performance.benchmarks import VIEW

KEY = ["business_date", "book"]
MICRO = 1_000_000


def performance(
    nav: pd.DataFrame,
    pnl: pd.DataFrame,
    inflows: pd.DataFrame,
    fees: pd.DataFrame,
    views: pd.DataFrame,
    benchmark_returns: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``performance`` of ``sessions``.

    Args:
        nav: table ``nav`` of every session since each book's first one.
        pnl: table ``pnl`` of the same sessions.
        inflows: of the same sessions, from the function ``inflows``.
        fees: of the same sessions, from the function ``fees_of_kind_fee``.
        views: the benchmark of each book by session (``benchmarks.book_views``).
        benchmark_returns: from ``benchmarks.benchmark_returns``.
        sessions: sessions to return.

    Returns:
        One row per book and session that has a row in ``nav``. ``status`` is ``ok``, ``ok; `` and why there is no
        benchmark return, or why there is no return at all: the NAV of the session or of the book's session before
        failed, or the denominator is not positive.
    """
    rows = nav.sort_values(["book", "business_date"], ignore_index=True)
    rows = rows.merge(_totals(pnl), on=KEY, how="left")
    rows = rows.merge(inflows, on=KEY, how="left").merge(fees, on=KEY, how="left")
    rows[["total", "inflow", "fee"]] = rows[["total", "inflow", "fee"]].fillna(0.0)
    rows["denominator"] = (opening_nav(rows) + rows["inflow"]).round(6)
    problem = _problem(rows)
    usable = problem.eq("")
    divisor = rows["denominator"].where(usable)
    rows["daily_return"] = (rows["total"] / divisor).round(12)
    rows["gross_return"] = ((rows["total"] - rows["fee"]) / divisor).round(12)
    linked = (1 + rows["daily_return"]).groupby(rows["book"]).cumprod()
    rows["cumulative_return"] = (linked.groupby(rows["book"]).ffill() - 1).round(12)
    rows = rows.assign(problem=problem).loc[rows["business_date"].isin(sessions)]
    rows = _beside_benchmark(rows, views, benchmark_returns)
    rows = rows.assign(local_return=np.nan, currency_return=np.nan, hedged_return=np.nan, convention="")
    columns = list(tables.TABLES["performance"].names)
    return tables.conform("performance", rows[columns].sort_values(KEY))


def _totals(pnl: pd.DataFrame) -> pd.DataFrame:
    """P&L of each book and session."""
    sums = pnl.sort_values([*KEY, "instrument"]).groupby(KEY, as_index=False)[["total"]].sum()
    return sums.assign(total=sums["total"].round(6))


def opening_nav(nav: pd.DataFrame) -> pd.Series:
    """NAV of the book's session before; 0 at its first session, NaN where that NAV failed.

    Args:
        nav: table ``nav`` of every session since each book's first one, sorted by book and session.
    """
    before = nav.groupby("book", sort=False)["nav"].shift()
    return before.mask(nav.groupby("book", sort=False).cumcount().eq(0), 0.0)


def _problem(rows: pd.DataFrame) -> pd.Series:
    """Why a row has no return; empty where it has one."""
    problem = pd.Series("", index=rows.index, dtype="str")
    problem = problem.mask(rows["denominator"] <= 0, "opening nav + inflows is not positive")
    problem = problem.mask(rows["denominator"].isna(), "no nav at the close of the session before")
    failed = rows["status"].ne("ok") | rows["nav"].isna()
    return problem.mask(failed, ("nav failed: " + rows["reason"]).str.removesuffix(": "))


def _beside_benchmark(rows: pd.DataFrame, views: pd.DataFrame, benchmark_returns: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with benchmark_return, active_return and the final status."""
    found = rows.drop(columns=["base_currency", "status", "reason"])
    found = found.merge(views, on=KEY, how="left").merge(benchmark_returns, on=["business_date", *VIEW], how="left")
    why = found["reason"].fillna("no benchmark weights yet").mask(found["benchmark"].fillna("").eq(""), "no benchmark")
    found["active_return"] = (found["daily_return"] - found["benchmark_return"]).round(12)
    fine = pd.Series("ok", index=found.index, dtype="str").mask(why.ne(""), "ok; " + why)
    found["status"] = found["problem"].mask(found["problem"].eq(""), fine)
    return found


def inflows(
    activity: pd.DataFrame,
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    instruments: pd.DataFrame,
    fx_rates: pd.DataFrame,
) -> pd.DataFrame:
    """External money and securities that came into each book, in its base currency; what went out does not count.

    The amounts are those that ``nav`` counts as flows: money at closing FX, securities at the day's market value.

    Args:
        activity: ``journal.activity``.
        nav: table ``nav`` of the same sessions, for the base currency.
        prices: golden prices of the same sessions.
        instruments: facts, dated by valid_from.
        fx_rates: table ``fx_rates`` of the same sessions.

    Returns:
        business_date, book, inflow (>= 0); no row where nothing came in.
    """
    came_in = activity.loc[(activity["inflow"] > 0) | (activity["transferred_in"] > 0)]
    came_in = came_in.assign(external=came_in["inflow"], transferred_quantity=came_in["transferred_in"])
    books = nav.rename(columns={"business_date": "valid_from"}).drop_duplicates(["book", "base_currency"])
    worth = valued_activity(came_in, prices, fx_rates, books, instruments)
    amounts = worth["external"] + worth["transferred"]
    sums = worth[KEY].assign(inflow=amounts).groupby(KEY, as_index=False)[["inflow"]].sum()
    return sums.assign(inflow=sums["inflow"] / MICRO)


def fees_of_kind_fee(activity: pd.DataFrame, nav: pd.DataFrame, fx_rates: pd.DataFrame) -> pd.DataFrame:
    """What transactions of kind ``fee`` cost each book, in its base currency at closing FX.

    Args:
        activity: ``journal.activity``: fee_kind (money, in ``currency``; negative is a cost).
        nav: table ``nav`` of the same sessions, for the base currency.
        fx_rates: table ``fx_rates`` of the same sessions.

    Returns:
        business_date, book, fee (negative is a cost); no row where there was none.
    """
    rows = activity.loc[activity["fee_kind"].ne(0)].merge(nav[[*KEY, "base_currency"]], on=KEY)
    fx = rates(fx_rates, rows["currency"], rows["base_currency"], rows["business_date"])
    rows = rows.assign(fee=(rows["fee_kind"] * fx).round(6))
    return rows.sort_values([*KEY, "instrument", "currency"]).groupby(KEY, as_index=False)[["fee"]].sum()
