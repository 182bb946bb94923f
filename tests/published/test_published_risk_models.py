"""Volatility, covariance and betas from public sources."""

import numpy as np
import pytest

from daybook.risk import betas, covariance
from daybook.risk.volatility import Fit, ewma, variances
from tests.risk.test_risk_betas import of


def test_hull_ewma():
    """Hull, Risk Management and Financial Institutions, chapter on volatility, example 5.2: decay 0.9, volatility 1 %
    a day, a move of 2 %: variance 0.00013, volatility 1.14 %.
    """
    # Five sessions, the first of such a size that the variance before the last one is 1 % squared.
    square = (1e-4 - 0.9**4 * 0.02**2 / 5) / (0.9**4 / 5 + 0.9**3 * 0.1)
    path = ewma(np.array([[np.sqrt(square), 0.0, 0.0, 0.0, 0.02]]), 0.9)[0]
    assert path[-2] == pytest.approx(1e-4, rel=1e-12)
    assert path[-1] == pytest.approx(0.00013, rel=1e-9)
    assert np.sqrt(path[-1]) == pytest.approx(0.0114, abs=5e-5)


def test_hull_garch():
    """Hull, the same chapter, example of GARCH(1,1): 0.000002 + 0.13 u^2 + 0.86 v, volatility 1.6 % a day, a fall of
    1 %: 1.53 %.
    """
    omega, alpha, beta = 0.000002, 0.13, 0.86
    square = (0.016**2 - omega * (1 + beta) - beta * (alpha + beta) * 0.01**2 / 2) / (alpha + beta * (alpha + beta) / 2)
    model = Fit("garch", 0.0, omega, alpha, 0.0, beta, np.nan, np.nan, 2, "ok")
    path = np.sqrt(variances(model, np.array([np.sqrt(square), -0.01])))
    assert path[1] == pytest.approx(0.016, rel=1e-12)
    assert path[2] == pytest.approx(0.0153, abs=5e-5)


def test_scikit_learn_ledoit_wolf():
    """scikit-learn, documentation of ``ledoit_wolf`` and ``LedoitWolf``, example: 0.4406, 0.1616, 0.8022; 0.23."""
    draw = np.random.RandomState(0)  # the generator that the example is printed for
    found = covariance.ledoit_wolf(draw.multivariate_normal([0, 0], [[0.4, 0.2], [0.2, 0.8]], 50).T)
    np.testing.assert_allclose(found.covariance, [[0.4406, 0.1616], [0.1616, 0.8022]], atol=1e-4)
    assert found.intensity == pytest.approx(0.23, abs=0.005)


def test_plerou_edge_of_noise():
    """Plerou and others (1999), Universal and nonuniversal properties of cross correlations in financial time series,
    Physical Review Letters 83: 1,000 stocks, 6,448 records: noise reaches to 1.94.
    """
    assert covariance.noise_edge(1000, 6448) == pytest.approx(1.94, abs=0.005)


def test_beta_with_its_standard_error(monkeypatch):
    """Covariance, Correlation, Beta ex post and ex ante (scribd.com/doc/270068739): ten monthly returns of a stock and
    of a market, regression output of a spreadsheet: beta 7.74715, standard error 10.26695, R squared 0.066443.
    """
    stock = np.array([100, 110, 112, 115, 108, 105, 109, 114, 115, 118, 120.0])
    index = np.array([10000, 10020, 10025, 10030, 10040, 10015, 10005, 9995, 10013, 10022, 10035.0])
    monkeypatch.setattr(betas, "LEAST", 10)
    found = betas.regressed((stock[1:] / stock[:-1] - 1)[None], np.ones((1, 10), bool), of(index[1:] / index[:-1] - 1))
    assert found.beta[0, 0] == pytest.approx(7.74715, abs=5e-6)
    assert found.standard_error[0, 0] == pytest.approx(10.26695, abs=5e-6)
    assert found.r_squared[0, 0] == pytest.approx(0.066443, abs=5e-7)
