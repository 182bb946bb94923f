"""Daily time-weighted returns of the books, and how they link.

Belongs here: denominator, daily, gross, active and cumulative return, and what a session without a return means. Does
not belong here: where the P&L came from (``daybook.ledger``), which flows count (``flows``), what the benchmark earned
(``benchmarks``), the part of exchange rates (``local``), returns of periods (``period_returns``).

Conventions (CONTRACT 2.8): daily_return = sum of P&L / denominator; denominator = opening NAV + what ``flows`` counts:
inflows at the start of the day, outflows at its end, where no rule says otherwise. gross_return adds back transactions
of kind ``fee``. cumulative_return links the daily returns since the book's first session.

Capital that is not there. ``status`` says each of them, and no figure is infinite:

* none, and no P&L (the book is empty): ``no capital``, no return; linking passes over the session, and goes on when
  money comes back;
* zero or negative with P&L, or unknown because a NAV failed, or because NAV changed by more than flows and there is no
  P&L (the session before on the book's calendar was never closed): no return; the linked return carries on without it,
  and a period that contains it has none (``period_returns``);
* tiny, below a millionth of the largest denominator that the book has had: the return stands as the contract defines
  it, ``tiny capital``, but is not linked: a cent left behind that earns a dollar is no gain of 10,000 %;
* a loss of more than the capital (a return below -100 %): the return stands, but nothing links across it:
  cumulative_return is empty from that session on.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market.fx import rates
from daybook.performance.benchmarks import VIEW

KEY = ["business_date", "book"]
TINY = 1e-6
"""Part of the largest denominator so far below which a return is not linked."""
NO_CAPITAL = "no capital"
"""How the status of a session begins in which the book was empty."""
TINY_CAPITAL = "tiny capital"
LOST = "lost more than its capital"


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
        inflows: of the same sessions, from ``flows.counted``.
        fees: of the same sessions, from the function ``fees_of_kind_fee``.
        views: the benchmark of each book by session (``benchmarks.book_views``).
        benchmark_returns: table ``benchmark_returns`` of the sessions.
        sessions: sessions to return.

    Returns:
        One row per book and session that has a row in ``nav``. ``status`` is ``ok``, ``ok; `` and what there is to say
        (no benchmark return, and why; tiny capital; a loss of more than the capital), or why there is no return: the
        NAV of the session or of the book's session before failed, or there was no capital.
    """
    rows = nav.sort_values(["book", "business_date"], ignore_index=True)
    rows = rows.merge(_totals(pnl), on=KEY, how="left")
    rows = rows.merge(inflows, on=KEY, how="left").merge(fees, on=KEY, how="left")
    rows["untold"] = rows["total"].isna() & (rows["nav"] - opening_nav(rows) - rows["flows"]).round(6).ne(0)
    rows[["total", "inflow", "fee"]] = rows[["total", "inflow", "fee"]].fillna(0.0)
    rows["denominator"] = (opening_nav(rows) + rows["inflow"]).round(6)
    problem = _problem(rows)
    usable = problem.eq("")
    divisor = rows["denominator"].where(usable)
    rows["daily_return"] = (rows["total"] / divisor).round(12)
    rows["gross_return"] = ((rows["total"] - rows["fee"]) / divisor).round(12)
    book = rows["book"]
    tiny = usable & (divisor < TINY * divisor.groupby(book).cummax())
    lost = rows["daily_return"] < -1
    since = lost.groupby(book).cummax()
    linked = (1 + rows["daily_return"].mask(tiny)).groupby(book).cumprod()
    rows["cumulative_return"] = (linked.groupby(book).ffill() - 1).round(12).mask(since)
    note = pd.Series("", index=rows.index, dtype="str").mask(since, "no cumulative return since it " + LOST)
    note = note.mask(tiny, TINY_CAPITAL + ": below a millionth of what it was, not linked").mask(lost, LOST)
    rows = rows.assign(problem=problem, note=note).loc[rows["business_date"].isin(sessions)]
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
    idle = rows["denominator"].eq(0) & rows["total"].eq(0)
    problem = problem.mask(idle, NO_CAPITAL + ": the book was empty and earned nothing")
    problem = problem.mask(rows["untold"], "no P&L: the session before on the book's calendar was not closed")
    problem = problem.mask(rows["denominator"].isna(), "no nav at the close of the session before")
    failed = rows["status"].ne("ok") | rows["nav"].isna()
    return problem.mask(failed, ("nav failed: " + rows["reason"]).str.removesuffix(": "))


def _beside_benchmark(rows: pd.DataFrame, views: pd.DataFrame, benchmark_returns: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with benchmark_return, active_return and the final status."""
    found = rows.drop(columns=["base_currency", "status", "reason"])
    seen = benchmark_returns[["business_date", *VIEW, "benchmark_return", "status"]]
    found = found.merge(views, on=KEY, how="left").merge(seen, on=["business_date", *VIEW], how="left")
    reason = found["status"].mask(found["benchmark_return"].notna(), "")
    why = reason.fillna("no benchmark weights yet").mask(found["benchmark"].fillna("").eq(""), "no benchmark")
    found["active_return"] = (found["daily_return"] - found["benchmark_return"]).round(12)
    fine = pd.Series("ok", index=found.index, dtype="str")
    for said in (why, found["note"]):
        fine = fine + ("; " + said).where(said.ne(""), "")
    found["status"] = found["problem"].mask(found["problem"].eq(""), fine)
    return found


def standing(performance: pd.DataFrame) -> tuple["pd.Series[bool]", "pd.Series[bool]"]:
    """Which sessions link, and of which the return is not known; the others, empty or tiny books, are passed over.

    Args:
        performance: daily_return and status, any rows.

    Returns:
        linked, unknown: never both. A loss of more than the capital is linked here: it breaks the chain of its period.
    """
    none = performance["daily_return"].isna()
    linked = ~none & ~performance["status"].str.contains(TINY_CAPITAL, regex=False)
    return linked, none & ~performance["status"].str.startswith(NO_CAPITAL)


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
