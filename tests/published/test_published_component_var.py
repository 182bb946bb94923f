"""Marginal, component and incremental VaR from public sources."""

import numpy as np
import pytest

from daybook.risk import components, groups
from daybook.risk.models import Model
from daybook.risk.var import figures, quantile

MODEL = Model("parametric", confidences=(0.95,))
Z = quantile(MODEL, 0.95)[0]


def uncorrelated(*deviations):
    """P&L of two positions in twenty scenarios, of these standard deviations and no correlation."""
    signs = np.array([[1, 1, -1, -1], [1, -1, 1, -1]])
    return np.tile(signs, 5) * np.array(deviations)[:, None] * np.sqrt(19 / 20)


def attributed(*deviations):
    """VaR of the portfolio and of each position alone; component and incremental of each."""
    parts = uncorrelated(*deviations)
    whole = parts.sum(axis=0, keepdims=True)
    component, incremental = components.attributed(whole, np.zeros(2, int), parts.__getitem__, MODEL, None)
    var, alone = (figures(pnl, None, MODEL)[0].ravel() for pnl in (whole, parts))
    return var.item(), alone, component.ravel(), incremental.ravel()


def test_jorion_canadian_dollars_and_euros():
    """Jorion, P., Value at Risk (3rd edition, 2007), chapter 7: 2 million USD in CAD of volatility 5 %, 1 million in
    EUR of 12 %, not correlated, at 95 %. He takes 1.65 standard deviations: our figures are in these units.
    """
    var, alone, component, _ = attributed(100_000, 120_000)
    unit = 1.65 / Z
    assert var * unit == pytest.approx(257_738, abs=0.5)
    assert alone * unit == pytest.approx([165_000, 198_000])
    assert alone.sum() * unit == pytest.approx(363_000), "undiversified"
    assert component * unit == pytest.approx([105_630, 152_108], abs=0.5)
    assert component / var == pytest.approx([0.410, 0.590], abs=0.0005)
    assert component * unit / [2_000_000, 1_000_000] == pytest.approx([0.0528, 0.1521], abs=0.00005), "marginal"
    # 10,000 more of CAD: 258,267, an increase of 529 where the marginal VaR says 528.
    more = attributed(100_500, 120_000)[0]
    assert more * unit == pytest.approx(258_267, abs=0.5)
    assert (more - var) * unit == pytest.approx(529, abs=0.5)
    assert component[0] / 200 * unit == pytest.approx(528, abs=0.5)


def test_harper_incremental_of_the_whole_positions():
    """Harper, D., on Jorion's chapter 7 (bionicturtle.com/forum, thread 20327), in thousands at 1.645: 256.9 less
    197.38 is 59.55, less 164.49 is 92.45.
    """
    var, alone, _, incremental = attributed(100, 120)
    assert var == pytest.approx(256.9, abs=0.05)
    assert alone == pytest.approx([164.49, 197.38], abs=0.005)
    assert incremental == pytest.approx([59.55, 92.45], abs=0.01)


def test_harper_component_and_incremental():
    """Harper, D., practice question 2.6 (learn.bionicturtle.com/forum, thread 5733): 6 million of volatility 10 % and 4
    million of 20 %, not correlated: component 592,147 and incremental 329,000 of the first, VaR 1.645 million.
    """
    var, alone, component, incremental = attributed(600_000, 800_000)
    assert var == pytest.approx(1_645_000, abs=500)
    assert alone[0] == pytest.approx(986_910, abs=5)
    assert component[0] == pytest.approx(592_147, abs=5)
    assert incremental[0] == pytest.approx(329_000, abs=100)


def test_diversification_of_two_books():
    """asksia.ai, FINC6023 Financial Risk Management, portfolio VaR: 400,000 of daily volatility 1.8 % and 600,000 of
    1.0 % with correlation 0.25 at 99 %, 2.326: VaR 24,333; alone 16,747 and 13,956; benefit 6,370.
    """
    one, two = uncorrelated(1, 1)
    vectors = np.stack([7_200 * one, 6_000 * (0.25 * one + np.sqrt(1 - 0.25**2) * two)])
    unit = 2.326 / Z
    total = groups.added(np.rint(vectors * 1e6) / 1e6, np.zeros(2, int), np.arange(2), 1)
    var, alone = (figures(pnl, None, MODEL)[0].ravel() * unit for pnl in (total, vectors))
    assert alone == pytest.approx([16_747, 13_956], abs=0.5)
    assert var == pytest.approx([24_333], abs=0.5)
    assert alone.sum() - var == pytest.approx([6_370], abs=0.8)
