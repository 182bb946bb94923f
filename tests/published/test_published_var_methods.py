"""Value at risk of published portfolios and distributions."""

import numpy as np
import pytest

from daybook.risk import scenarios, var
from daybook.risk.models import Model

FOUR_INDICES = {494: 477.841, 339: 345.435, 349: 282.204, 329: 277.041, 487: 253.385, 227: 217.974}
"""Six largest losses, in thousands of dollars, by number of the scenario, the 500th being the newest."""


@pytest.fixture
def pnl():
    losses = np.linspace(-400, 200, 500)
    for number, loss in FOUR_INDICES.items():
        losses[number - 1] = loss
    return -losses[None, :]


def test_the_portfolio_of_four_indices(pnl):
    """Hull, Risk Management and Financial Institutions, 5th edition (2018), chapter 13, table 13.4.

    DJIA, FTSE 100, CAC 40 and Nikkei 225 on 25 September 2008, 500 scenarios, $10 million: the one-day 99 % VaR is the
    fifth worst loss.
    """
    figure, _ = var.historical(pnl, (0.99,))
    assert figure[0, 0] == 253.385


def test_the_same_portfolio_with_weights_by_age(pnl):
    """Hull, as above, table 13.5 (decay 0.995; Boudoukh, Richardson and Whitelaw 1998).

    Weights 0.00528, 0.00243, 0.00255, 0.00231, 0.00510, 0.00139; VaR $282,204, ES $400,914.
    """
    weights = scenarios.age_weights(500, 0.995)
    printed = [0.00528, 0.00243, 0.00255, 0.00231, 0.00510, 0.00139]
    assert [round(float(weights[number - 1]), 5) for number in FOUR_INDICES] == printed
    figure, shortfall = var.weighted(pnl, weights, (0.99,))
    assert figure[0, 0] == 282.204
    assert shortfall[0, 0] == pytest.approx(400.914, abs=5e-4)


@pytest.mark.parametrize(
    ("probability", "skewness", "kurtosis", "quantile"),
    [
        (0.9, 0.1, 0, 1.292868), (0.9, 0.1, 1, 1.220374), (0.9, 0.1, -1, 1.365363),
        (0.99, 0.1, 0, 2.396116), (0.99, 0.1, 1, 2.629904), (0.99, 0.1, -1, 2.162328),
        (0.01, 0.1, 0, -2.249053), (0.01, 0.1, 1, -2.482841), (0.01, 0.1, -1, -2.015265),
    ],
)  # fmt: skip
def test_quantiles_of_cornish_and_fisher(probability, skewness, kurtosis, quantile):
    """mir.stat, cornishFisherInvCDF, figures of its documentation.

    https://opendlang.org/library/mir.stat.distribution.cornish_fisher.cornishFisherInvCDF.2.html
    """
    figure, _, _ = var.cornish_fisher(np.array([skewness]), np.array([float(kurtosis)]), round(1 - probability, 2))
    assert -figure[0] == pytest.approx(quantile, abs=1e-6)


def test_the_fat_tailed_portfolio_of_a_lecture():
    """Acadifi, How does the Cornish-Fisher expansion adjust VaR for non-normality (worked example).

    Deviation 1.2 % a day, skewness -0.7, excess kurtosis 4.5: the quantile at 99 % is 3.708 deviations, against 2.326
    of the normal. https://acadifi.com/community/cornish-fisher-expansion-var-adjustment-skewness-kurtosis
    """
    figure, _, _ = var.cornish_fisher(np.array([-0.7]), np.array([4.5]), 0.99)
    assert figure[0] == pytest.approx(3.708, abs=1e-3)
    assert var.quantile(Model("parametric"), 0.99)[0] == pytest.approx(2.326, abs=5e-4)


def test_the_domain_of_cornish_and_fisher_ends_where_its_author_says():
    """Maillard, A user's guide to the Cornish-Fisher expansion (2012, revised 2018), SSRN 1997178.

    No kurtosis makes the expansion valid beyond a skewness of 6 (sqrt(2) - 1) = 2.485; without skewness it is valid for
    excess kurtosis from 0 to 8.
    """
    edge = 6 * (np.sqrt(2) - 1)
    kurtosis = np.linspace(0, 40, 40_001)
    assert var.cornish_fisher(np.full(40_001, edge - 0.01), kurtosis, 0.99)[2].any()
    assert not var.cornish_fisher(np.full(40_001, edge + 0.01), kurtosis, 0.99)[2].any()
    none = np.zeros(4)
    assert var.cornish_fisher(none, np.array([-0.01, 0.01, 7.99, 8.01]), 0.99)[2].tolist() == [False, True, True, False]
