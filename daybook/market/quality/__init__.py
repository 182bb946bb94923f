"""What is wrong or odd with a day's data, as findings with their likely effect on NAV.

Belongs here: one small function a check, from frames to rows of table ``findings``. Does not belong here: refusing a
row (``daybook.intake``), and what a blocking finding prevents (``daybook.control.closes``). A finding is about one
session; history before it never stops it. severity ``blocking``: money is or may be wrong, or cannot be known.
"""

from collections.abc import Mapping

import pandas as pd

from daybook.market import price_sources
from daybook.market.quality import fx, jumps, splits
from daybook.market.quality.books import (
    breaks,
    identities,
    ignored_elections,
    negative_cash,
    overdrafts,
    restated_returns,
    unexplained,
)
from daybook.market.quality.closed_periods import into_closed
from daybook.market.quality.feeds import (
    duplicate_files,
    incomplete,
    odd_reports,
    schema_drift,
    uncompared,
    unknown_tolerances,
    unreported,
)
from daybook.market.quality.finding import holdings
from daybook.market.quality.held import (
    adjusted_with_action,
    failed_books,
    missing_pnl,
    stale_prices,
    unknown_accruals,
    unvalued,
)
from daybook.market.quality.impact import answered, collect
from daybook.market.quality.moves import measured
from daybook.market.quality.overrides import overridden
from daybook.market.quality.quarantine import open_quarantine
from daybook.market.quality.reference import (
    benchmark_returns,
    benchmark_weights,
    blend_weights,
    ended_series,
    fund_circles,
    fund_weights,
    identifier_forms,
    identifier_overlaps,
)
from daybook.market.quality.sources import confirmed, crossed, currency_differs, unequal_prices
from daybook.market.quality.volumes import odd_volumes


def findings(
    sessions: pd.DatetimeIndex,
    *,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    cash: pd.DataFrame,
    cash_ladder: pd.DataFrame,
    cash_rates: pd.DataFrame,
    pnl: pd.DataFrame,
    unexplained_pnl: pd.DataFrame,
    performance: pd.DataFrame,
    period_returns: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    doubts: pd.DataFrame,
    weights: pd.DataFrame,
    blends: pd.DataFrame,
    funds: pd.DataFrame,
    circles: pd.DataFrame,
    reconciliation_breaks: pd.DataFrame,
    close_rules: pd.DataFrame,
    feed_outcomes: pd.DataFrame,
    custodian_reports: pd.DataFrame,
    expected_feeds: pd.DataFrame,
    unlisted: pd.DataFrame,
    odd: pd.DataFrame,
    unused: pd.DataFrame,
    ignored: pd.DataFrame,
    late: pd.DataFrame,
    drift: pd.DataFrame,
    copies: pd.DataFrame,
    quarantine: pd.DataFrame,
    alternative_data: pd.DataFrame,
    identifiers: pd.DataFrame,
    gaps: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Table ``findings`` of ``sessions``: all checks of this module.

    Args:
        sessions: midnight, naive.
        nav: table of ``sessions``.
        valuations: table of ``sessions``.
        cash: table of ``sessions``.
        cash_ladder: table of ``sessions``.
        cash_rates: facts.
        pnl: table of ``sessions``.
        unexplained_pnl: table of ``sessions``.
        performance: table of ``sessions``.
        period_returns: table of ``sessions``.
        prices: golden, of ``sessions``.
        fx_rates: golden, of ``sessions``.
        raw_fx_rates: facts of ``sessions``.
        instruments: reference facts.
        doubts: what ``doubtful_prices`` returns.
        weights: facts of table benchmark_weights.
        blends: facts of table benchmark_blends.
        funds: facts of table constituents.
        circles: what ``look_through.circles`` returns.
        reconciliation_breaks: table of ``sessions``.
        close_rules: facts.
        feed_outcomes: table of ``sessions``.
        custodian_reports: facts of ``sessions`` and from before.
        expected_feeds: facts.
        unlisted: what ``statements.uncompared`` returns.
        odd: what ``Statements.findings`` returns.
        unused: what ``definitions.unknown`` returns.
        ignored: what ``elections.ignored`` returns.
        late: what ``closed_periods.of_sessions`` returns.
        drift: what ``files.drift`` returns.
        copies: what ``files.copies`` returns.
        quarantine: records, with business_date.
        alternative_data: facts.
        identifiers: facts.
        gaps: see ``identities``.
    """
    by_book = unreported(nav, valuations, custodian_reports, expected_feeds, feed_outcomes)
    found = [
        unvalued(valuations),
        failed_books(nav),
        missing_pnl(nav, pnl),
        doubts,
        overridden(valuations, prices),
        unknown_accruals(valuations, instruments),
        fx.stale_rates(valuations, fx_rates, nav),
        fx.fx_triangles(raw_fx_rates, fx_rates, valuations, nav, sessions),
        negative_cash(cash),
        overdrafts(cash, cash_ladder, cash_rates),
        breaks(reconciliation_breaks, close_rules),
        unexplained(unexplained_pnl),
        incomplete(feed_outcomes, by_book),
        by_book,
        uncompared(unlisted),
        odd_reports(odd),
        unknown_tolerances(unused, sessions),
        ignored_elections(ignored, sessions),
        into_closed(late),
        schema_drift(drift),
        duplicate_files(copies),
        open_quarantine(quarantine, sessions, valuations, prices, identifiers),
        benchmark_weights(weights, sessions),
        blend_weights(blends, sessions),
        benchmark_returns(performance),
        restated_returns(period_returns),
        fund_weights(funds, sessions),
        fund_circles(circles),
        ended_series(alternative_data, sessions),
        identifier_forms(identifiers, valuations),
        identifier_overlaps(identifiers, sessions),
        identities(gaps),
    ]
    return collect(found, nav, close_rules)


def doubtful_prices(
    *,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    lots: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    returns: pd.DataFrame,
    raw_prices: pd.DataFrame,
    instruments: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    declared: pd.DataFrame,
) -> pd.DataFrame:
    """Findings that doubt the price of a holding.

    Args:
        nav: table of the sessions that are checked.
        valuations: table of the same sessions.
        lots: table of the same sessions.
        prices: golden, of the same sessions.
        fx_rates: golden, of the same sessions.
        returns: table of the same sessions and of ``moves.WINDOW`` sessions before.
        raw_prices: facts of the same sessions and of ``moves.WINDOW`` sessions before.
        instruments: reference facts.
        corporate_actions: facts.
        declared: facts of table price_sources.
    """
    of_prices = [
        stale_prices(valuations, prices, raw_prices, returns, instruments, declared),
        unequal_prices(valuations, raw_prices, price_sources.policy(declared, instruments, holdings(valuations))),
        crossed(valuations, prices, raw_prices),
        currency_differs(valuations, prices, returns, instruments, fx_rates),
        *of_moves(
            measured(valuations, prices, returns, instruments),
            raw_prices=raw_prices,
            corporate_actions=corporate_actions,
            instruments=instruments,
            declared=declared,
            fx_rates=fx_rates,
            currencies=fx.currencies(valuations, nav),
        ),
    ]
    adjusted = adjusted_with_action(valuations, prices, lots, corporate_actions)
    return pd.concat([answered(pd.concat(of_prices, ignore_index=True), prices), adjusted], ignore_index=True)


def of_moves(
    moved: pd.DataFrame,
    *,
    raw_prices: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    instruments: pd.DataFrame,
    declared: pd.DataFrame,
    fx_rates: pd.DataFrame,
    currencies: pd.DataFrame,
) -> list[pd.DataFrame]:
    """Findings about moves (``moves.measured``): each odd one is explained once, by the first check that can.

    Args:
        moved: how the price of each holding moved.
        raw_prices: facts of the sessions and of ``moves.WINDOW`` before.
        corporate_actions: facts.
        instruments: reference facts.
        declared: facts of table price_sources.
        fx_rates: golden, of the sessions.
        currencies: business_date and currency: those of the firm.
    """
    policy = price_sources.policy(declared, instruments, moved)
    told = [jumps.unchanged(moved, policy), odd_volumes(moved, raw_prices, corporate_actions)]
    split = splits.not_in_price(moved, corporate_actions)
    left = jumps.without(moved, split)
    scaled = jumps.scales(left)
    left = jumps.without(left, scaled)
    unsplit = splits.missing(left, corporate_actions)
    left = jumps.without(left, unsplit)
    left = left[jumps.odd(left, jumps.LIKE_A_RATE)]
    left = left.assign(confirmed=confirmed(left, raw_prices, corporate_actions, policy.loc[left.index]))
    foreign = jumps.foreign(left, fx_rates, currencies)
    return [*told, split, scaled, unsplit, foreign, jumps.spikes(jumps.without(left, foreign))]
