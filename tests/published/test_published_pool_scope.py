"""Whose lots are matched together changes cost: FINBOURNE, LUSID support, "How are sub-holding keys used to capture
different investment strategies?" (support.lusid.com): 100 at 10 and 50 at 25 for one strategy, 150 at 20 for another,
which sells 50.
"""

import pytest

from daybook.ledger import lots
from tests.ledger import lot_model

TRADES = [(0, 100, 1000), (1, 150, 3000), (0, 50, 1250), (1, -50, -500)]
"""Strategy, units and money of each trade."""


def unit_costs(scope):
    """Units and cost of a unit of each pool."""
    rows = [
        {"event": lots.TRADE, "quantity": units, "cost": money, "cost_base": money, **scope(strategy)}
        for strategy, units, money in TRADES
    ]
    states = lots.match(lot_model.frame(rows)).states
    held = states[states["until"] < 0].groupby("holding")[["quantity", "cost"]].sum()
    return list(zip(held["quantity"], held["cost"] / held["quantity"], strict=True))


def test_one_pool_for_both_strategies():
    """250 at 19: the sale takes the first of all lots."""
    assert unit_costs(lambda strategy: {"member": strategy}) == [(250, 19.0)]


def test_a_pool_for_each_strategy():
    """150 at 15 for the first; the page's 25 for the second cannot come from purchases at 20."""
    first, second = unit_costs(lambda strategy: {"holding": strategy, "group": strategy})
    assert first == (150, 15.0)
    assert second == (100, pytest.approx(20.0))
