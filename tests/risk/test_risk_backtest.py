from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars
from daybook.risk import backtest
from tests.frames import frame

DAYS = calendars.sessions("XNYS", "2019-01-02")


def history(results, limit=10.0, trading=0.0, failed=()):
    """Tables of one book whose VaR is ``limit`` and whose clean P&L is ``results``, by session."""
    dates = DAYS[: len(results)]
    var = frame(
        "var",
        "business_date book method confidence horizon_days var status",
        *[(day, "b", "historical", 0.99, 1, limit, "ok") for day in dates],
    )
    pnl = frame(
        "pnl",
        "business_date book instrument price_pnl fx_pnl income trading_pnl fees total",
        *[(day, "b", "A", r, 0.0, 0.0, trading, 0.0, r + trading) for day, r in zip(dates, results, strict=True)],
    )
    status = ["failed" if i in failed else "ok" for i in range(len(dates))]
    nav = frame(
        "nav", "business_date book nav status", *[(d, "b", 1000.0, s) for d, s in zip(dates, status, strict=True)]
    )
    return var, pnl, nav, dates


def last(results, basis="clean", **kwargs):
    var, pnl, nav, dates = history(results, **kwargs)
    return backtest.backtest(var, pnl, nav, dates[-1:]).set_index("pnl_basis").loc[basis]


def test_var_of_a_session_meets_the_pnl_of_the_next():
    # The loss on the first session meets no VaR; a loss of exactly VaR is no exception, a gain never is one.
    row = last([-99.0, -10.0, -10.01, 99.0])
    assert (row["observations"], row["exceptions"]) == (3, 1)
    assert row["status"] == "3 of 250 observations"


def test_clean_and_actual_differ_by_trading():
    assert last([0.0, -5.0, -5.0], trading=-6.0)["exceptions"] == 0
    assert last([0.0, -5.0, -5.0], basis="actual", trading=-6.0)["exceptions"] == 2


def test_a_failed_nav_is_no_observation_nor_is_the_session_after():
    assert last([0.0] * 6, failed=(2,))["observations"] == 3


def test_the_last_250_observations_count():
    results = [-11.0] * 20 + [0.0] * 249 + [-11.0]
    row = last(results)
    assert (row["observations"], row["exceptions"], row["status"]) == (250, 1, "ok")
    assert row["christoffersen_lr"] == pytest.approx(0.0, abs=1e-9)


def test_no_observation_says_so():
    row = last([0.0])
    assert row["observations"] == 0
    assert np.isnan(row["kupiec_lr"])
    assert row["zone"] == ""


def test_no_exception_has_a_ratio_and_a_zone():
    row = last([0.0] * 251)
    assert row["kupiec_lr"] == pytest.approx(-2 * 250 * np.log(0.99))
    assert row["christoffersen_lr"] == 0
    assert row["zone"] == "green"


def test_zones_of_250_observations():
    found = backtest.zone(np.full(16, 250), np.arange(16), 0.99).tolist()
    assert found == ["green"] * 5 + ["yellow"] * 5 + ["red"] * 6


def test_few_observations_without_an_exception_are_green():
    assert backtest.zone([1, 2, 5], [0, 0, 0], 0.99).tolist() == ["green"] * 3
    assert backtest.zone([3, 3], [1, 2], 0.99).tolist() == ["yellow", "red"]


def test_exceptions_that_follow_each_other_are_not_independent():
    together = backtest.christoffersen(235, 1, 1, 12)
    apart = backtest.christoffersen(223, 13, 13, 0)
    assert backtest.p_value(together) < 1e-6
    assert backtest.p_value(apart) > 0.1


@settings(max_examples=15)
@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(2, 12))
def test_windows_agree_with_counting(hits, width):
    var, pnl, nav, dates = history([-11.0 if hit else 0.0 for hit in hits])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtest, "WINDOW", width)
        found = backtest.backtest(var, pnl, nav, dates).query("pnl_basis == 'clean'")
    for i, (_, row) in enumerate(found.iterrows()):
        seen = hits[1 : i + 1][-width:]
        assert (row["observations"], row["exceptions"]) == (len(seen), sum(seen))
        pairs = list(pairwise(seen))
        counts = [pairs.count(p) for p in ((False, False), (False, True), (True, False), (True, True))]
        assert row["christoffersen_lr"] == pytest.approx(float(backtest.christoffersen(*counts)), nan_ok=True)


def test_a_range_gives_the_rows_of_single_sessions():
    draw = np.random.default_rng(3)
    var, pnl, nav, dates = history(list(draw.normal(0, 5, 300)))
    whole = backtest.backtest(var, pnl, nav, dates)
    for day in (dates[10:11], dates[255:256], dates[-1:]):
        one = backtest.backtest(var, pnl, nav, day)
        expected = whole.loc[whole["business_date"].isin(day)].reset_index(drop=True)
        pd.testing.assert_frame_equal(one, expected, check_exact=True)
        needed = DAYS[max(0, 300 - 300) : 300]
        assert len(needed) >= backtest.WINDOW
