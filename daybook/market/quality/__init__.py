"""What is wrong or odd with a day's data, as findings with their likely effect on NAV.

Belongs here: one small function a check, from frames to rows of table ``findings``. Does not belong here: refusing a
row (``daybook.intake``), and what a blocking finding prevents (``daybook.closing``). A finding is about one session;
history before it never stops it. severity ``blocking``: money is or may be wrong, or cannot be known.
"""

from collections.abc import Mapping

import pandas as pd

from daybook.market.quality.books import breaks, identities, negative_cash
from daybook.market.quality.feeds import failed_feeds, missing_custodian, missing_prices
from daybook.market.quality.finding import collect
from daybook.market.quality.fx import fx_triangles, stale_rates
from daybook.market.quality.held import (
    adjusted_with_action,
    failed_books,
    missing_pnl,
    stale_prices,
    unknown_accruals,
    unvalued,
)
from daybook.market.quality.moves import spikes
from daybook.market.quality.quarantine import open_quarantine
from daybook.market.quality.reference import benchmark_weights, ended_series, identifier_forms
from daybook.market.quality.sources import unequal_prices


def findings(
    sessions: pd.DatetimeIndex,
    *,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    cash: pd.DataFrame,
    lots: pd.DataFrame,
    pnl: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    returns: pd.DataFrame,
    raw_prices: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    weights: pd.DataFrame,
    reconciliation_breaks: pd.DataFrame,
    custodian_positions: pd.DataFrame,
    custodian_cash: pd.DataFrame,
    quarantine: pd.DataFrame,
    deliveries: pd.DataFrame,
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
        lots: table of ``sessions``.
        pnl: table of ``sessions``.
        prices: golden, of ``sessions``.
        fx_rates: golden, of ``sessions``.
        returns: table of ``sessions`` and of ``WINDOW`` sessions before.
        raw_prices: facts of ``sessions`` and of more than ``MAX_STALE`` before.
        raw_fx_rates: facts of ``sessions``.
        instruments: reference facts.
        corporate_actions: facts.
        weights: facts of table benchmark_weights.
        reconciliation_breaks: table of ``sessions``.
        custodian_positions: facts of ``sessions`` and from before.
        custodian_cash: facts of ``sessions`` and from before.
        quarantine: records, with business_date.
        deliveries: the file register.
        alternative_data: facts.
        identifiers: facts.
        gaps: see ``identities``.
    """
    found = [
        unvalued(valuations),
        failed_books(nav),
        missing_pnl(nav, pnl),
        stale_prices(valuations, prices, raw_prices, returns, instruments),
        spikes(valuations, returns),
        unequal_prices(valuations, raw_prices),
        adjusted_with_action(valuations, prices, lots, corporate_actions),
        unknown_accruals(valuations, instruments),
        stale_rates(valuations, fx_rates, nav),
        fx_triangles(raw_fx_rates, sessions),
        negative_cash(cash),
        breaks(reconciliation_breaks),
        missing_custodian(nav, valuations, custodian_positions, custodian_cash),
        missing_prices(prices, raw_prices),
        failed_feeds(deliveries, sessions),
        open_quarantine(quarantine, sessions),
        benchmark_weights(weights, sessions),
        ended_series(alternative_data, sessions),
        identifier_forms(identifiers, valuations),
        identities(gaps),
    ]
    return collect(found, nav)
