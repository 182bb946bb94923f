"""Ratios against the figures that books and packages publish for the same returns.

The 24 monthly returns and their benchmark are those of Bacon 2008, Practical Portfolio Performance Measurement and
Attribution, 2nd ed., pp. 65-66; the figures are the book's as the examples of the R package PerformanceAnalytics quote
and compute them (Peterson and Carl, github.com/braverock/PerformanceAnalytics: help pages, data(portfolio_bacon) and
the recorded outputs of its examples). Where a convention differs the test says how, and compares what is left: the
package divides specific risk and modified Treynor by n, and does not scale Sortino and downside deviation to a year.
Its prospect ratio takes off a share of the target and its pain index another distance from the peak: neither is
compared.

The 36 monthly returns and distances from the peak are those of Bacon 2023, Practical Portfolio Performance Measurement
and Attribution, 3rd ed., Wiley (tables of drawdowns).
"""

import numpy as np
import pytest

from daybook.performance import kernel, ratios
from daybook.performance.sample import Sample

BOOK = [0.003, 0.026, 0.011, -0.010, 0.015, 0.025, 0.016, 0.067, -0.014, 0.040, -0.005, 0.081]
BOOK += [0.040, -0.037, -0.061, 0.017, -0.049, -0.022, 0.070, 0.058, -0.065, 0.024, -0.005, -0.009]
MARKET = [0.002, 0.025, 0.018, -0.011, 0.014, 0.018, 0.014, 0.065, -0.015, 0.042, -0.006, 0.083]
MARKET += [0.039, -0.038, -0.062, 0.015, -0.048, 0.021, 0.060, 0.056, -0.067, 0.019, -0.003, 0.000]
LATER = [0.003, 0.026, 0.011, -0.009, 0.014, 0.024, 0.015, 0.066, -0.014, 0.039, -0.005, 0.081]
LATER += [0.040, -0.037, -0.061, 0.014, -0.049, -0.021, 0.062, 0.058, -0.064, 0.017, -0.004, -0.002]
LATER += [-0.021, 0.011, 0.047, 0.024, 0.033, -0.007, 0.047, 0.006, 0.010, -0.002, 0.034, 0.010]
FROM_PEAK = [0, 0, 0, -0.0090, 0, 0, 0, 0, -0.0140, 0, -0.0050, 0, 0, -0.0370, -0.0957, -0.0831, -0.1280, -0.1463]
FROM_PEAK += [-0.0934, -0.0408, -0.1022, -0.0869, -0.0906, -0.0924, -0.1115, -0.1017, -0.0595, -0.0369, -0.0051]
FROM_PEAK += [-0.0121, 0, 0, 0, -0.0020, 0, 0]
HALF_A_PERCENT = 0.005
A_YEAR = 12**0.5
"""Root of the months in a year."""
BY_N, BY_N_LESS_TWO = (23 / 24) ** 0.5, (22 / 24) ** 0.5
"""What turns a deviation divided by n - 1, or n - 2, into one divided by n."""


def figures(book, market=None, target=0.0):
    """Every ratio of monthly returns, risk-free 0, target of a month as given."""
    size = len(book)
    market = book if market is None else market
    spans = np.array([[0, 0, 0, 0, size, 1, 20]])
    read = kernel.readings([book], [market], np.zeros((1, size)), np.arange(size), spans, np.array([target]))
    one = np.ones(1)
    sample = Sample(read, one * size / 12, one * 12, one * 12 * target, one * 0.95)
    return {name: float(values[0]) for name, values in ratios.figures(sample).items()}


PUBLISHED = {
    ("bernardo_ledoit", 0.0): 1.779783,
    ("d_ratio", 0.0): 0.4013329,
    ("mean_absolute_deviation", 0.0): 0.03108333,
    ("skewness_kurtosis_ratio", 0.0): -0.03394204,
    ("sample_skewness", 0.0): -0.08817174934967535,
    ("jensen_alpha", 0.0): -0.01416944,
    ("modified_jensen", 0.0): -0.01418576,
    ("alternative_jensen", 0.0): -0.1066928,
    ("fama_beta", 0.0): 1.030395,
    ("net_selectivity", 0.0): -0.0178912,
    ("m_squared", 0.0): 0.10062,
    ("m_squared_excess", 0.0): -0.01736344,
    ("geometric_m_squared_excess", 0.0): -0.01553103,
    ("systematic_risk", 0.0): 0.132806,
    ("beta", 0.0): 0.9988502086225746,
    ("correlation", 0.0): 0.9693858148753051,
    ("downside_potential", HALF_A_PERCENT): 0.01370833,
    ("downside_frequency", HALF_A_PERCENT): 0.4583333,
    ("omega_sharpe", HALF_A_PERCENT): 0.2917933,
}


@pytest.mark.parametrize(("name", "target"), PUBLISHED)
def test_the_ratio_is_the_published_one(name, target):
    assert figures(BOOK, MARKET, target)[name] == pytest.approx(PUBLISHED[name, target], rel=1e-6)


OTHERWISE = {
    ("downside_deviation", HALF_A_PERCENT): (0.02553674, 1 / A_YEAR),
    ("upside_deviation", HALF_A_PERCENT): (0.02937, 1 / A_YEAR),
    ("sortino", HALF_A_PERCENT): (0.1566371, 1 / A_YEAR),  # published as kappa of order 2, which it is
    ("specific_risk", 0.0): (0.03293109, BY_N_LESS_TWO),
    ("appraisal", 0.0): (-0.4302756, 1 / BY_N_LESS_TWO),
    ("modified_treynor", 0.0): (0.7975, 1 / BY_N),
    ("volatility_skewness", HALF_A_PERCENT): (1.32, 1),
    ("variability_skewness", HALF_A_PERCENT): (1.15, 1),
}


@pytest.mark.parametrize(("name", "target"), OTHERWISE)
def test_the_ratio_is_the_published_one_under_the_other_convention(name, target):
    published, factor = OTHERWISE[name, target]
    digits = len(str(abs(published)).split(".")[1])
    assert figures(BOOK, MARKET, target)[name] * factor == pytest.approx(published, abs=0.6 * 10**-digits)


def test_total_risk_is_systematic_and_specific_risk():
    found = figures(BOOK, MARKET)
    specific = found["specific_risk"] * BY_N_LESS_TWO / BY_N  # both divided by n - 1
    assert np.hypot(found["systematic_risk"], specific) == pytest.approx(found["volatility"], rel=1e-12)
    # The package's 0.136828 adds a systematic risk divided by n - 1 to a specific risk divided by n.
    assert np.hypot(found["systematic_risk"], specific * BY_N) == pytest.approx(0.136828, abs=6e-7)


def test_distances_from_the_peak_are_bacons():
    found = figures(LATER)
    assert found["max_drawdown"] == pytest.approx(min(FROM_PEAK), abs=5e-5)
    assert found["pain_index"] == pytest.approx(-np.mean(FROM_PEAK), abs=5e-5)
    assert found["ulcer_index"] == pytest.approx(np.sqrt(np.mean(np.square(FROM_PEAK))), abs=5e-5)
    assert found["time_under_water"] == np.count_nonzero(FROM_PEAK) / 36
    assert found["drawdown_count"] == 5  # -0.9 %, -1.4 %, -0.5 %, the long one, -0.2 %
    lows = [-0.0090, -0.0140, -0.0050, -0.1463, -0.0020]
    assert found["average_drawdown"] == pytest.approx(np.mean(lows), abs=5e-5)
    assert found["burke"] == pytest.approx(found["annual_return"] / np.linalg.norm(lows), rel=1e-3)


def test_the_probabilistic_sharpe_ratio_is_that_of_its_authors():
    """Bailey and Lopez de Prado 2012, The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2), example of a track
    record of 24 months: skewness -2.448, kurtosis 10.164, Sharpe 1.585 a year, true one above 0 with 0.913."""
    from daybook.performance.ratio_definitions import probability_above

    one = np.ones(1)
    found = probability_above(0.458 * one, -2.448 * one, (10.164 - 3) * one, 24 * one)
    assert found == pytest.approx([0.913], abs=6e-4)
