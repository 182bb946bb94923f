"""Figures of back-tests from public sources."""

import numpy as np
import pytest
from scipy.stats import chi2

from daybook.risk import backtest

# Kupiec, P. (1995), Techniques for verifying the accuracy of risk measurement models, Journal of Derivatives 3(2): the
# non-rejection regions of the proportion-of-failures test at the 5 % level, as reprinted in Jorion, P., Value at Risk
# (chapter on back-testing). The number of exceptions lies strictly between two numbers.
# The lower end of 0.01 at 255 days is printed as none (N < 7).
REGIONS = {
    0.99: {255: (None, 7), 510: (1, 11), 1000: (4, 17)},
    0.975: {255: (2, 12), 510: (6, 21), 1000: (15, 36)},
    0.95: {255: (6, 21), 510: (16, 36), 1000: (37, 65)},
    0.925: {255: (11, 28), 510: (27, 51), 1000: (59, 92)},
    0.9: {255: (16, 36), 510: (38, 65), 1000: (81, 120)},
}


@pytest.mark.parametrize("confidence", REGIONS)
def test_kupiec_1995_non_rejection_regions(confidence):
    for days, (low, high) in REGIONS[confidence].items():
        exceptions = np.arange(1, days // 3)
        kept = exceptions[backtest.kupiec(days, exceptions, confidence) < chi2.ppf(0.95, 1)]
        assert kept.max() == high - 1
        assert kept.min() == (1 if low is None else low + 1)


def test_jorion_jp_morgan_1998():
    """Jorion, Value at Risk, chapter on back-testing: 20 of 252 days at 95 %, 6 after an exception: 3.91 and 9.53."""
    assert backtest.kupiec(252, 20, 0.95) == pytest.approx(3.91, abs=0.005)
    assert backtest.christoffersen(218, 14, 14, 6) == pytest.approx(9.53, abs=0.005)


def test_jorion_chapter_6_question_10():
    """Jorion, Value at Risk, 6 exceptions of 252 days at 99 %, 4 of them after an exception: 3.498 and 25.837."""
    assert backtest.kupiec(252, 6, 0.99) == pytest.approx(3.498, abs=0.001)
    assert backtest.christoffersen(244, 2, 2, 4) == pytest.approx(25.837, abs=0.001)


def test_mathworks_varbacktest():
    """MathWorks Risk Management Toolbox, ``varbacktest.cc``, EquityIndex with Normal95: 57 of 1043 at 95 %."""
    unconditional = backtest.kupiec(1043, 57, 0.95)
    assert unconditional == pytest.approx(0.46147, abs=5e-6)
    assert backtest.p_value(unconditional) == pytest.approx(0.49694, abs=5e-6)
    independence = backtest.christoffersen(932, 53, 53, 4)
    assert independence == pytest.approx(0.25866, abs=5e-6)
    assert backtest.p_value(independence) == pytest.approx(0.61104, abs=5e-6)


def test_mathworks_varbacktest_times_between_failures():
    """MathWorks Risk Management Toolbox, ``varbacktest.tuff``, ``.tbfi`` and ``.tbf``, EquityIndex with Normal95.

    The first failure is on day 58. The ratios of the 57 times between failures need data that is not printed, their
    p-values do not.
    """
    first = backtest.waiting(58, 0.95)
    assert first == pytest.approx(1.7354, abs=5e-5)
    assert backtest.p_value(first) == pytest.approx(0.18773, abs=5e-6)
    assert backtest.p_value(88.491, 57) == pytest.approx(0.0047475, abs=1e-6)
    assert 88.491 + backtest.kupiec(1043, 57, 0.95) == pytest.approx(88.952, abs=1e-3)
    assert backtest.p_value(88.952, 58) == pytest.approx(0.0055565, abs=1e-6)


def test_acerbi_szekely_2014_levels_of_z2():
    """Acerbi and Szekely (2014), Backtesting expected shortfall, Risk, December, test 2: of 250 days at 0.975, 5 % of
    Z2 lie below -0.70 and 0.01 % below -1.8.
    """
    assert backtest.shortfall_p(-0.70, 250, 0.975) == pytest.approx(0.05, abs=0.001)
    assert backtest.shortfall_p(-1.8, 250, 0.975) == pytest.approx(0.0001, abs=0.00001)


def test_mathworks_esbacktest():
    """MathWorks Risk Management Toolbox, ``esbacktest.unconditionalNormal``, 1966 days at 0.975: critical value
    -0.34639 at 1 % and p-value 0.0054099 of -0.38265, both between entries of a simulated table.
    """
    assert backtest.shortfall_p(-0.34639, 1966, 0.975) == pytest.approx(0.01, abs=0.0002)
    assert backtest.shortfall_p(-0.38265, 1966, 0.975) == pytest.approx(0.0054099, abs=0.0002)


def test_basel_1996_traffic_light():
    """Basel Committee (1996), Supervisory framework for the use of backtesting, table 2: zones and plus factors for 250
    observations.
    """
    zones = backtest.zone(np.full(12, 250), np.arange(12), 0.99).tolist()
    assert zones == ["green"] * 5 + ["yellow"] * 5 + ["red"] * 2
    plus = backtest.plus_factor(np.full(12, 250), np.arange(12)).tolist()
    assert plus == [0, 0, 0, 0, 0, 0.40, 0.50, 0.65, 0.75, 0.85, 1.00, 1.00]


def test_zones_of_other_levels():
    """Backtesting KPI's, https://cfrm17.github.io/tradeLifecycle3.html: of 750 days at 0.995 the yellow zone starts at
    7 exceptions, the red one at 13.
    """
    zones = backtest.zone(np.full(4, 750), [6, 7, 12, 13], 0.995).tolist()
    assert zones == ["green", "yellow", "yellow", "red"]
