"""Returns by money against published figures.

Sources: Microsoft, documentation of the Excel functions XIRR (37.34 %, 0.373362535) and IRR (-2.1 % after four years,
8.7 % after five, -44.4 % after two). J. H. Lorie and L. J. Savage, Three Problems in Rationing Capital, Journal of
Business 28 (1955): the pump with two rates, 25 % and 400 %. theanalystspace.com, thread 104359, on the CFA reading of
money-weighted returns: four shares at 50, 20.52 %. bloombergprep.com, question bac110: Modified Dietz of an October
with four flows, each at the end of its day, 2.45 %.
"""

import numpy as np
import pandas as pd
import pytest

from daybook.performance import money_weighted
from tests.frames import frame
from tests.performance.test_performance_period_returns import DAYS, derived


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


def test_four_shares_of_which_two_are_sold():
    assert rate([0, 1, 2], [-200, 100, 10 + 160])[0] == pytest.approx(0.2052, abs=5e-5)


def test_modified_dietz_of_an_october_with_four_flows():
    kinds = ("deposit", "withdrawal")
    rules = frame("flow_rules", "kind timing", *[(kind, "end") for kind in kinds])
    moved = {"05": -15.05, "09": 19.82, "15": 16.42, "24": -18.96}
    days = [(0.0, {"deposit": 585.60})]
    for day in DAYS[(DAYS >= "2018-10-01") & (DAYS <= "2018-10-31")]:
        flow = moved.get(f"{day:%d}", 0.0)
        days.append((0.0, {kinds[int(flow < 0)]: flow} if flow else {}))
    days[-1] = (602.34 - 585.60 - sum(moved.values()), {})
    month = derived(*days, first="2018-09-28", rules=rules)[0].loc["month"]
    assert month["closing"] == pytest.approx(602.34)
    assert month["modified_dietz"] == pytest.approx(0.0245, abs=5e-5)


def test_the_pump_has_two_rates_and_gets_none():
    found, why = rate([0, 1, 2], [-1_600, 10_000, -10_000])
    assert np.isnan(found)
    assert why == "several roots: 2"
    for growth in (1.25, 5.0):
        assert -1_600 * growth**2 + 10_000 * growth - 10_000 == pytest.approx(0)
