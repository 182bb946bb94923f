"""Daily returns of share classes: what an investor of each class earned.

Belongs here: net and gross return of a class, its link since launch. Does not belong here: NAV, units and fees of
classes (``daybook.ledger.share_classes``), returns of the book (``returns``).

Conventions. daily_return is the change of nav_per_unit, as published: after fees of the class, before any swing (what a
swing leaves to those who stay is in the next price), in the class's currency. Classes pay nothing out. A class's first
session, and the first after it had no units, counts from the price at which its units were dealt. gross_return adds
back the management and performance fees accrued on the session, per unit at its open. The benchmark is the book's, in
the class's currency. cumulative_return links the sessions that have a return; sessions without units are passed over.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.performance.views import VIEW

KEY = ["business_date", "book"]
ROW = ["book", "share_class"]


def views(share_class_nav: pd.DataFrame, book_views: pd.DataFrame) -> pd.DataFrame:
    """The benchmark of every class on every session: that of its book, seen in the class's currency.

    Args:
        share_class_nav: table.
        book_views: ``benchmarks.book_views`` of the sessions wanted.

    Returns:
        business_date, book, share_class, benchmark, base_currency (the class's), calendar.
    """
    rows = share_class_nav[[*KEY, "share_class", "currency"]]
    rows = rows.merge(book_views.drop(columns="base_currency"), on=KEY)
    return rows.rename(columns={"currency": "base_currency"})[[*KEY, "share_class", *VIEW]]


def performance(
    share_class_nav: pd.DataFrame,
    fee_accruals: pd.DataFrame,
    class_views: pd.DataFrame,
    benchmark_returns: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``share_class_performance`` of ``sessions``.

    Args:
        share_class_nav: table since each class's first session.
        fee_accruals: table likewise.
        class_views: from ``views``.
        benchmark_returns: table ``benchmark_returns`` of the sessions.
        sessions: sessions to return.
    """
    rows = share_class_nav.sort_values([*ROW, "business_date"], ignore_index=True)
    key = [*KEY, "share_class"]
    fees = fee_accruals.sort_values([*key, "accrual_kind"]).groupby(key, as_index=False)[["amount"]].sum()
    rows = rows.merge(fees, on=key, how="left")
    before = rows.groupby(ROW, sort=False)[["nav_per_unit", "units", "status"]].shift()
    fresh = before["status"].isna() | (before["status"].eq("ok") & before["nav_per_unit"].isna())
    base = before["nav_per_unit"].mask(fresh, rows["swing_price"])
    problem = pd.Series("", index=rows.index, dtype="str")
    problem = problem.mask(rows["nav_per_unit"].isna(), "it has no units")
    problem = problem.mask(problem.eq("") & base.isna(), "no price of the session before")
    problem = problem.mask(rows["status"].ne("ok"), "nav failed: " + rows["reason"])
    usable = problem.eq("") & (base > 0)
    problem = problem.mask(problem.eq("") & ~usable, "the price of the session before is not positive")
    divisor = base.where(usable)
    charged = -rows["amount"].fillna(0.0) / rows["fx_rate"] / before["units"].where(before["units"] > 0, rows["units"])
    rows["daily_return"] = (rows["nav_per_unit"] / divisor - 1).round(12)
    rows["gross_return"] = ((rows["nav_per_unit"] + charged) / divisor - 1).round(12)
    linked = (1 + rows["daily_return"]).groupby([rows[name] for name in ROW]).cumprod()
    filled = linked.groupby([rows[name] for name in ROW]).ffill()
    rows["cumulative_return"] = (filled - 1).round(12)
    rows = rows.assign(problem=problem).loc[rows["business_date"].isin(sessions)]
    rows = rows.drop(columns="status").merge(class_views, on=key, how="left")
    known = benchmark_returns[["business_date", *VIEW, "benchmark_return", "status"]]
    rows = rows.merge(known, on=["business_date", *VIEW], how="left")
    rows["active_return"] = (rows["daily_return"] - rows["benchmark_return"]).round(12)
    why = rows["status"].fillna("no benchmark").where(rows["benchmark_return"].isna(), "")
    fine = pd.Series(np.where(why.eq(""), "ok", "ok; " + why), index=rows.index, dtype="str")
    rows["status"] = fine.where(rows["problem"].eq(""), rows["problem"])
    names = list(tables.TABLES["share_class_performance"].names)
    return tables.conform("share_class_performance", rows[names].sort_values(key))
