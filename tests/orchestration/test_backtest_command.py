"""``daybook backtest`` over a period, on the tables of one book."""

import io

import numpy as np
import pandas as pd
import pytest

from daybook import calendars
from resources import struck
from tests.risk.test_risk_backtest import history

DAYS = calendars.sessions("XNYS", "2021-12-28")


@pytest.fixture
def computed(lake):
    """Six sessions around the new year with losses of 11 in the last of the old and the second of the new one."""
    results = np.array([0.0, 0, 0, -11, 0, -11])
    var, nav_bridge, nav, dates = history(results, days=DAYS)
    for name, rows in (("var", var), ("nav_bridge", nav_bridge), ("nav", nav)):
        lake.write(name, rows, [f"{day:%Y-%m-%d}" for day in dates])
    return var


def test_a_calendar_year_is_tested_on_its_own_pnl(daybook, computed, engine):
    code, out, _ = daybook("backtest", "2021-01-01", "2021-12-31", "--format", "csv")
    rows = pd.read_csv(io.StringIO(out)).set_index("pnl_basis").loc["clean"]
    assert (code, rows["observations"], rows["exceptions"], rows["origin"]) == (0, 3, 1, "reconstructed")
    # The first session of the new year is tested on VaR of the old; the second one on what was struck then.
    monday = pd.Timestamp("2022-01-03")
    assert struck.strike(engine, monday, computed[computed["business_date"] == monday].assign(var=11.0), monday) == 1
    code, out, _ = daybook("backtest", "2022-01-01", "2022-12-31", "--book", "b", "--format", "csv")
    rows = pd.read_csv(io.StringIO(out)).set_index("pnl_basis").loc["clean"]
    assert (code, rows["observations"], rows["exceptions"], rows["struck"], rows["origin"]) == (0, 2, 0, 1, "both")
    code, out, _ = daybook("backtest", "2022-01-01", "2022-12-31")
    assert (code, "provisional: 2 of 250 observations: 2 of 2 rows" in out) == (0, True)


def test_nothing_to_test_is_said(daybook, computed):
    code, _, err = daybook("backtest", "2021-01-01", "2021-12-31", "--book", "x")
    assert code == 1
    assert "there is no VaR of x to test from 2021-01-01 to 2021-12-31" in err
    assert daybook("backtest", "2022-01-01", "2021-12-31")[0] == 2
