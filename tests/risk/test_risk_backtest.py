from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from daybook import calendars, tables
from daybook.risk import backtest
from tests.frames import frame

DAYS = calendars.sessions("XNYS", "2019-01-02")
MODEL = ("historical", 0.99, 1)


def history(results, limit=10.0, trading=0.0, failed=(), shortfall=12.0, model=MODEL, book="b", days=DAYS):
    """Tables of one book whose VaR is ``limit`` and whose clean P&L is ``results``, by session."""
    dates = days[: len(results)]
    var = frame(
        "var",
        "business_date book method confidence horizon_days var es status",
        *[(day, book, *model, limit, shortfall, "ok") for day in dates],
    )
    bridge = frame(
        "nav_bridge",
        "business_date book gains carry fees holding trading_pnl",
        *[(day, book, r - 1.0 + trading, 1.0, 0.0, r - 1.0, trading) for day, r in zip(dates, results, strict=True)],
    )
    status = ["failed" if i in failed else "ok" for i in range(len(dates))]
    nav = frame(
        "nav", "business_date book nav status", *[(d, book, 1000.0, s) for d, s in zip(dates, status, strict=True)]
    )
    return var, bridge, nav, dates


def struck(rows):
    return tables.conform(
        "struck_var", pd.DataFrame(rows).assign(convention="", recorded_at=pd.Timestamp("2020", tz="UTC"))
    )


NONE = tables.empty("struck_var")


def last(results, basis="clean", figures=NONE, **kwargs):
    var, bridge, nav, dates = history(results, **kwargs)
    return backtest.backtest(var, bridge, nav, figures, dates[-1:]).set_index("pnl_basis").loc[basis]


def test_var_of_a_session_meets_the_pnl_of_the_next():
    # The loss on the first session meets no VaR; a loss of exactly VaR is no exception, a gain never is one.
    row = last([-99.0, -10.0, -10.01, 99.0])
    assert (row["observations"], row["exceptions"]) == (3, 1)
    assert row["status"] == "provisional: 3 of 250 observations"


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
    assert (
        row[["kupiec_lr", "coverage_lr", "tuff_lr", "tbf_lr", "mixed_lr", "es_z", "es_p", "plus_factor"]].isna().all()
    )
    assert (row["zone"], row["origin"]) == ("", "")


def test_no_exception_has_a_ratio_and_a_zone():
    row = last([0.0] * 251)
    assert row["kupiec_lr"] == pytest.approx(-2 * 250 * np.log(0.99))
    assert row["christoffersen_lr"] == 0
    assert row["coverage_p"] == pytest.approx(np.exp(-row["kupiec_lr"] / 2))
    assert (row["zone"], row["plus_factor"], row["es_z"], row["es_p"]) == ("green", 0.0, 1.0, 1.0)
    assert row[["tuff_lr", "tuff_p", "tbf_lr", "tbf_p", "mixed_lr", "mixed_p"]].isna().all()


def test_times_between_exceptions():
    # The first session has no VaR before it. Exceptions at observations 3, 4 and 9: waits of 3, 1 and 5.
    row = last([0.0, 0, 0, -11, -12, 0, 0, 0, 0, -13, 0])
    waits = [-2 * (np.log(0.01 * 0.99 ** (n - 1)) - np.log((1 / n) * (1 - 1 / n) ** (n - 1))) for n in (3, 1, 5)]
    assert row["tuff_lr"] == pytest.approx(waits[0])
    assert row["tbf_lr"] == pytest.approx(sum(waits))
    assert row["mixed_lr"] == pytest.approx(sum(waits) + row["kupiec_lr"])
    assert row["tuff_p"] == pytest.approx(backtest.p_value(waits[0], 1))
    assert row["tbf_p"] == pytest.approx(backtest.p_value(row["tbf_lr"], 3))
    assert row["mixed_p"] == pytest.approx(backtest.p_value(row["mixed_lr"], 4))


def test_an_exception_as_often_as_claimed_was_waited_for_as_long_as_claimed():
    assert backtest.waiting(100, 0.99) == pytest.approx(0, abs=1e-12)
    assert backtest.waiting(1, 0.99) == pytest.approx(-2 * np.log(0.01))


def test_es_is_compared_with_what_was_lost_beyond_var():
    # Losses of 11 and 18 beyond a VaR of 10, ES 12: 29 / 12 over 4 observations at 0.95, 0.2 of them expected.
    row = last([0.0, -11, -10, -18, 5], model=("historical", 0.95, 1))
    assert row["es_z"] == pytest.approx(1 - (29 / 12) / 0.2)
    assert row["es_p"] < 0.02
    # Losses as large and as frequent as claimed are an even chance.
    row = last([0.0, *([0.0] * 19 + [-12.0]) * 5], model=("historical", 0.95, 1))
    assert row["es_z"] == pytest.approx(0)
    assert 0.4 < row["es_p"] < 0.6


@pytest.mark.parametrize("shortfall", [0.0, -1.0, np.nan])
def test_an_exception_without_an_es_is_said(shortfall):
    row = last([0.0, -11.0, 0.0], shortfall=shortfall)
    assert np.isnan(row["es_z"])
    assert row["status"] == "provisional: 2 of 250 observations; ES not tested: an exception has no ES above 0"
    assert last([0.0, 0.0], shortfall=shortfall)["es_z"] == 1.0


def test_es_p_is_the_law_of_its_statistic():
    draw = np.random.default_rng(5)
    p, t, q = 0.05, 60, norm.ppf(0.95)
    number = draw.binomial(t, p, 40_000)
    losses = norm.isf(draw.uniform(0, p, number.sum())) / (norm.pdf(q) / p)
    z = 1 - np.bincount(np.repeat(np.arange(len(number)), number), losses, len(number)) / (t * p)
    for at in (-2.0, -1.0, -0.3, 0.4, 0.9):
        share = (z <= at).mean()
        assert backtest.shortfall_p(at, t, 0.95) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 40_000))
    # Nothing beyond VaR at all is the only way to 1.
    assert 1 - backtest.shortfall_p(1 - 1e-9, t, 0.95) == pytest.approx(binom.pmf(0, t, p), abs=1e-6)


def test_zones_of_250_observations():
    found = backtest.zone(np.full(16, 250), np.arange(16), 0.99).tolist()
    assert found == ["green"] * 5 + ["yellow"] * 5 + ["red"] * 6


def test_few_observations_without_an_exception_are_green():
    assert backtest.zone([1, 2, 5], [0, 0, 0], 0.99).tolist() == ["green"] * 3
    assert backtest.zone([3, 3], [1, 2], 0.99).tolist() == ["yellow", "red"]


@settings(max_examples=40)
@given(st.integers(1, 600), st.integers(0, 600))
def test_the_plus_factor_follows_the_zone(observations, exceptions):
    exceptions = min(observations, exceptions)
    colour = backtest.zone(observations, exceptions, 0.99).item()
    low, high = {"green": (0, 0), "yellow": (0.4, 0.85), "red": (1, 1)}[colour]
    assert low <= backtest.plus_factor(observations, exceptions) <= high


def test_the_plus_factor_of_about_250_observations_is_that_of_250():
    for observations in (245, 250, 255):
        assert backtest.plus_factor(observations, np.arange(5, 10)).tolist() == [0.4, 0.5, 0.65, 0.75, 0.85]
    # More than 10 of 500 have a probability of 1.32 %, more than 6 of 250 one of 1.37 %.
    assert backtest.plus_factor(500, [8, 9, 10, 15]).tolist() == [0.0, 0.4, 0.5, 1.0]


def test_the_plus_factor_is_for_one_day_at_99():
    assert last([0.0] * 4)["plus_factor"] == 0
    assert np.isnan(last([0.0] * 4, model=("historical", 0.95, 1))["plus_factor"])
    assert np.isnan(last([0.0] * 4, model=("historical", 0.99, 2))["plus_factor"])


def test_exceptions_that_follow_each_other_are_not_independent():
    together = backtest.christoffersen(235, 1, 1, 12)
    apart = backtest.christoffersen(223, 13, 13, 0)
    assert backtest.p_value(together) < 1e-6
    assert backtest.p_value(apart) > 0.1


def test_a_longer_horizon_sums_sessions_and_does_not_overlap():
    # Three sessions ahead, observed back from the last one: sessions 5-7 lose 12, sessions 2-4 lose 9.
    row = last([-99.0, -50, -3, -3, -3, -4, -4, -4], model=("historical", 0.99, 3))
    assert (row["observations"], row["exceptions"]) == (2, 1)
    assert row["status"] == "provisional: 2 of 250 observations that do not overlap"
    # A NAV that failed within the three sessions, or before them, leaves the other one.
    assert last([0.0] * 8, model=("historical", 0.99, 3), failed=(4,))["observations"] == 0
    assert last([0.0] * 8, model=("historical", 0.99, 3), failed=(1,))["observations"] == 1
    assert last([0.0] * 3, model=("historical", 0.99, 9))["observations"] == 0


def test_a_struck_figure_counts_in_the_place_of_a_derived_one():
    key = {"book": "b", "method": "historical", "confidence": 0.99, "horizon_days": 1}
    # Derived VaR is 10; 4 was struck on the second session, and the third loses 5.
    figures = struck([{"business_date": DAYS[1], **key, "var": 4.0, "es": 5.0}])
    row = last([0.0, 0.0, -5.0, -5.0], figures=figures)
    assert (row["observations"], row["exceptions"], row["struck"], row["origin"]) == (3, 1, 1, "both")
    assert row["es_z"] == pytest.approx(1 - 1 / 0.03)
    all_of_them = struck([{"business_date": day, **key, "var": 20.0, "es": 25.0} for day in DAYS[:3]])
    row = last([0.0, -11.0, -11.0, -11.0], figures=all_of_them)
    assert (row["exceptions"], row["struck"], row["origin"]) == (0, 3, "struck")
    row = last([0.0, -11.0, -11.0, -11.0])
    assert (row["exceptions"], row["struck"], row["origin"]) == (3, 0, "reconstructed")


def test_a_model_that_is_no_longer_derived_is_tested_on_what_was_struck():
    key = {"book": "b", "method": "filtered", "confidence": 0.95, "horizon_days": 1}
    figures = struck([{"business_date": DAYS[0], **key, "var": 4.0, "es": 5.0}])
    var, bridge, nav, dates = history([0.0, -5.0])
    rows = backtest.backtest(var, bridge, nav, figures, dates[-1:]).query("method == 'filtered'")
    assert rows["exceptions"].tolist() == [1, 1]


def test_a_book_is_tested_on_its_own_sessions():
    # The other book has every second session alone: VaR of its session meets its own next one.
    var, bridge, nav, dates = history([0.0] * 6)
    other = history([0.0, -11.0, 0.0], book="x", days=DAYS[1::2])
    every = [pd.concat(pair, ignore_index=True) for pair in zip((var, bridge, nav), other, strict=False)]
    rows = backtest.backtest(*every, NONE, dates[-1:]).query("pnl_basis == 'clean'").set_index("book")
    assert rows["observations"].to_dict() == {"b": 5, "x": 2}
    assert rows["exceptions"].to_dict() == {"b": 0, "x": 1}
    # On a session that is not its own it has no row; alone, it has the same rows.
    assert backtest.backtest(*every, NONE, dates[4:5])["book"].unique().tolist() == ["b"]
    alone = backtest.backtest(*other[:3], NONE, dates[-1:])
    both = backtest.backtest(*every, NONE, dates[-1:]).query("book == 'x'").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, both, check_exact=True)


@settings(max_examples=15)
@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(2, 12))
def test_windows_agree_with_counting(hits, width):
    var, bridge, nav, dates = history([-11.0 if hit else 0.0 for hit in hits])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtest, "WINDOW", width)
        found = backtest.backtest(var, bridge, nav, NONE, dates).query("pnl_basis == 'clean'")
    for i, (_, row) in enumerate(found.iterrows()):
        seen = hits[1 : i + 1][-width:]
        assert (row["observations"], row["exceptions"]) == (len(seen), sum(seen))
        pairs = list(pairwise(seen))
        counts = [pairs.count(p) for p in ((False, False), (False, True), (True, False), (True, True))]
        assert row["christoffersen_lr"] == pytest.approx(float(backtest.christoffersen(*counts)), nan_ok=True)
        when = [0, *(n for n, hit in enumerate(seen, 1) if hit)]
        waits = backtest.waiting(np.diff(when), 0.99).sum() if len(when) > 1 else np.nan
        assert row["tbf_lr"] == pytest.approx(waits, nan_ok=True)


def test_a_range_gives_the_rows_of_single_sessions():
    draw = np.random.default_rng(3)
    var, bridge, nav, dates = history(list(draw.normal(0, 5, 330)), failed=(40, 290))
    var = pd.concat([var, var.assign(horizon_days=5, var=20.0)], ignore_index=True)
    chosen = (10, 100, 255, 300, 329)
    whole = backtest.backtest(var, bridge, nav, NONE, dates[list(chosen)])
    for i in chosen:
        near = dates[max(0, i - backtest.LOOK_BACK) : i + 1]
        given = [rows[rows["business_date"].isin(near)] for rows in (var, bridge, nav)]
        one = backtest.backtest(*given, NONE, dates[i : i + 1])
        expected = whole.loc[whole["business_date"] == dates[i]].reset_index(drop=True)
        pd.testing.assert_frame_equal(one, expected, check_exact=True)


def test_a_period_counts_the_pnl_that_ends_in_it():
    results = [0.0] * 400
    for i in (251, 252, 300, 399):
        results[i] = -11.0
    var, bridge, nav, dates = history(results)
    rows = backtest.over(var, bridge, nav, NONE, dates[252], dates[398]).query("pnl_basis == 'clean'")
    assert rows[["observations", "exceptions"]].to_numpy().tolist() == [[147, 2]]
    assert rows["business_date"].tolist() == [dates[398]]
    assert backtest.over(var, bridge, nav, NONE, pd.Timestamp("2018-01-01"), pd.Timestamp("2018-12-31")).empty
