"""Returns of books, of their share classes and of benchmarks.

Belongs here: which functions make the tables of performance from those of the books, of every session (``measured``)
and of periods that end on a date (``of_periods``). The formulas are in the modules.
"""

import pandas as pd

from daybook.performance import (
    benchmarks,
    drawdowns,
    flows,
    local,
    period_returns,
    periods,
    ratios,
    returns,
    share_classes,
)


def measured(
    nav: pd.DataFrame,
    pnl: pd.DataFrame,
    activity: pd.DataFrame,
    valuations: pd.DataFrame,
    prices: pd.DataFrame,
    share_class_nav: pd.DataFrame,
    fee_accruals: pd.DataFrame,
    sources: benchmarks.Sources,
    flow_rules: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> dict[str, pd.DataFrame]:
    """Tables performance, external_flows, benchmark_returns and share_class_performance of ``sessions``.

    Every table reaches back to each book's first session, but ``valuations``: the sessions and each book's one before.

    Args:
        nav: table ``nav``.
        pnl: table ``pnl``.
        activity: table ``activity``.
        valuations: table ``valuations``.
        prices: ``valuation.quoted``.
        share_class_nav: table ``share_class_nav``.
        fee_accruals: table ``fee_accruals``.
        sources: what benchmarks are computed from, with tables ``fx_rates`` and ``returns``.
        flow_rules: facts.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from.
        sessions: sessions to return.
    """
    views = benchmarks.book_views(books, sessions)
    classes = share_classes.views(share_class_nav, views)
    wanted = pd.concat([views[["business_date", *benchmarks.VIEW]], classes[["business_date", *benchmarks.VIEW]]])
    earned = benchmarks.computed(sources, wanted, sessions).returns
    fx_rates = sources.fx_rates
    dated = nav.sort_values(["book", "business_date"], ignore_index=True)
    opening = dated[flows.KEY].assign(opening=returns.opening_nav(dated))
    moved = flows.by_kind(activity, nav, prices, instruments, fx_rates)
    timed = flows.timed(moved, opening, flow_rules)
    fees = returns.fees_of_kind_fee(activity, nav, fx_rates)
    frame = returns.performance(nav, pnl, flows.counted(timed), fees, views, earned, sessions)
    frame = local.parted(frame, pnl, valuations, nav, fx_rates, instruments, views, sources.risk_free_rates, flow_rules)
    return {
        "performance": frame,
        "external_flows": timed.loc[timed["business_date"].isin(sessions)].reset_index(drop=True),
        "benchmark_returns": earned,
        "share_class_performance": share_classes.performance(share_class_nav, fee_accruals, classes, earned, sessions),
    }


def of_periods(
    performance: pd.DataFrame,
    nav: pd.DataFrame,
    external_flows: pd.DataFrame,
    signed_returns: pd.DataFrame,
    performance_rules: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    books: pd.DataFrame,
    date: pd.Timestamp,
) -> dict[str, pd.DataFrame]:
    """Tables ``period_returns``, ``flow_effects``, ``ratios`` and ``drawdowns`` of ``date``.

    Tables and signed returns since each book's first session; performance_rules, risk_free_rates and books are facts.
    """
    spans = periods.spans(performance, date)
    return {
        **period_returns.derive(performance, nav, external_flows, signed_returns, spans),
        "ratios": ratios.measured(performance, spans, performance_rules, risk_free_rates, books),
        "drawdowns": drawdowns.deepest(performance, date),
    }
