"""Internal rates of return against published figures.

Sources: Microsoft, documentation of the Excel functions XIRR (37.34 %, 0.373362535) and IRR (-2.1 % after four years,
8.7 % after five, -44.4 % after two); J. H. Lorie and L. J. Savage, Three Problems in Rationing Capital, Journal of
Business 28 (1955), the pump with two rates, 25 % and 400 %.
"""

import numpy as np
import pandas as pd
import pytest

from daybook.performance import money_weighted


def rate(years, amounts):
    found, why = money_weighted.growth(
        np.zeros(len(amounts), np.int64), max(years) - np.asarray(years, float), -np.asarray(amounts, float), 1
    )
    return found[0] - 1, why[0]


def test_xirr_of_excel():
    dates = pd.to_datetime(["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"])
    years = (dates - dates[0]).days / 365
    found, why = rate(years, [-10_000, 2_750, 4_250, 3_250, 2_750])
    assert found == pytest.approx(0.373362535, abs=2e-9)  # Excel stops within 1e-8
    assert why == ""


@pytest.mark.parametrize(("returns", "expected"), [(4, -0.021), (5, 0.087), (2, -0.444)])
def test_irr_of_excel(returns, expected):
    amounts = [-70_000, 12_000, 15_000, 18_000, 21_000, 26_000][: returns + 1]
    assert rate(range(returns + 1), amounts)[0] == pytest.approx(expected, abs=5e-4)


def test_the_pump_has_two_rates_and_gets_none():
    found, why = rate([0, 1, 2], [-1_600, 10_000, -10_000])
    assert np.isnan(found)
    assert why == "several roots: 2"
    for growth in (1.25, 5.0):
        assert -1_600 * growth**2 + 10_000 * growth - 10_000 == pytest.approx(0)
