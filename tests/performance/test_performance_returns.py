import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars, tables
from daybook.performance import benchmarks, returns
from tests.frames import frame, sessions
from tests.risk.firm import firm

DAYS = calendars.sessions("XNYS", "2020-03-02")
VIEWS = ["business_date", "book", "benchmark", "base_currency", "calendar"]


def performance(days, benchmark="", earned=()):
    """Performance of one book from days (nav, pnl, inflow, fee[, status]); ``earned`` is the benchmark's return."""
    dates = DAYS[: len(days)]
    status = [day[4] if len(day) > 4 else "ok" for day in days]
    nav = frame(
        "nav",
        "business_date book nav flows status reason",
        *[(d, "b", day[0], day[2], s, "no price of X") for d, day, s in zip(dates, days, status, strict=True)],
    )
    pnl = frame(
        "pnl",
        "business_date book instrument total",
        *[(d, "b", "A", day[1]) for d, day in zip(dates, days, strict=True)],
    )
    key = pd.DataFrame({"business_date": dates, "book": "b"})
    views = key.assign(benchmark=benchmark, base_currency="USD", calendar="XNYS")
    known = views.iloc[: len(earned)].drop(columns="book").assign(benchmark_return=list(earned), reason="")
    return returns.performance(
        nav,
        pnl,
        key.assign(inflow=[float(day[2]) for day in days]),
        key.assign(fee=[float(day[3]) for day in days]),
        views,
        known.astype({"benchmark_return": "float64", "reason": "str"}),
        dates,
    )


def test_a_first_session_uses_its_inflows_and_later_ones_the_nav_before():
    result = performance([(1010.0, 10.0, 1000.0, 0.0), (999.9, -10.1, 0.0, 0.0), (1524.9, 25.0, 500.0, 0.0)])
    assert result["denominator"].tolist() == [1000.0, 1010.0, 1499.9]
    assert result["daily_return"].tolist() == [0.01, -0.01, round(25 / 1499.9, 12)]
    assert result["cumulative_return"].tolist()[:2] == [0.01, -0.0001]
    assert result["cumulative_return"].iloc[2] == pytest.approx(1.01 * 0.99 * (1 + 25 / 1499.9) - 1, abs=2e-12)
    assert result["status"].unique().tolist() == ["ok; no benchmark"]


def test_gross_return_adds_fees_back():
    row = performance([(990.0, -10.0, 1000.0, -4.0)]).iloc[0]
    assert (row["daily_return"], row["gross_return"]) == (-0.01, -0.006)


def test_a_failed_nav_leaves_two_sessions_without_a_return():
    days = [
        (1010.0, 10.0, 1000.0, 0.0),
        (np.nan, np.nan, 0.0, 0.0, "failed"),
        (1000.0, 0.0, 0.0, 0.0),
        (990.0, -10.0, 0.0, 0.0),
    ]
    result = performance(days)
    assert result["daily_return"].isna().tolist() == [False, True, True, False]
    assert result["status"].tolist()[1:3] == ["nav failed: no price of X", "no nav at the close of the session before"]
    assert result["cumulative_return"].tolist() == [0.01, 0.01, 0.01, round(1.01 * 0.99 - 1, 12)]


def test_no_return_on_a_denominator_that_is_not_positive():
    result = performance([(-5.0, -5.0, 0.0, 0.0), (10.0, 15.0, 0.0, 0.0)])
    assert result["daily_return"].isna().all()
    assert result["status"].tolist() == ["opening nav + inflows is not positive"] * 2
    assert result["denominator"].tolist() == [0.0, -5.0]


def test_active_return_and_why_there_is_none():
    days = [(1010.0, 10.0, 1000.0, 0.0), (1010.0, 0.0, 0.0, 0.0)]
    result = performance(days, "index", earned=[0.004])
    assert result["active_return"].iloc[0] == 0.006
    assert np.isnan(result["active_return"].iloc[1])
    assert result["status"].tolist() == ["ok", "ok; no benchmark weights yet"]


def test_inflows_are_what_came_in_at_closing_rates():
    day = "2020-03-02"
    columns = "business_date book instrument currency external transferred_quantity traded_quantity fee_kind"
    activity = frame(
        "activity",
        columns + " consideration fees income inflow transferred_in",
        (day, "b", "CASH:EUR", "EUR", 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 100.0, 0.0),
        (day, "b", "CASH:USD", "USD", -40.0, 0.0, 0.0, -7.0, 0.0, -7.0, 0.0, 30.0, 0.0),
        (day, "b", "CASH:EUR2", "EUR", 0.0, 0.0, 0.0, -10.0, 0.0, -10.0, 0.0, 0.0, 0.0),
        (day, "b", "A", "EUR", 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0),
        (day, "b", "B", "USD", 2.0, -5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0),
        (day, "b", "B", "EUR", -3.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    )
    nav = frame("nav", "business_date book nav status", (day, "b", 1.0, "ok"))
    prices = frame(
        "prices",
        "business_date instrument close currency status",
        (day, "A", 20.0, "EUR", "ok"),
        (day, "B", 9.0, "USD", "ok"),
    )
    rates = frame("fx_rates", "business_date base quote rate status", (day, "EUR", "USD", 1.1, "ok"))
    instruments = frame("instruments", "instrument currency", ("A", "EUR"), ("B", "USD"))
    came = returns.inflows(activity, nav, prices, instruments, rates)
    # 30 came in of the 40 that went out, 4 of A of which 1 went out again the same day.
    assert came["inflow"].tolist() == [pytest.approx(100 * 1.1 + 30 + 4 * 20 * 1.1 + 2.0 + 9.0)]
    assert returns.fees_of_kind_fee(activity, nav, rates)["fee"].tolist() == [-7.0 - 11.0]
    assert returns.inflows(activity.iloc[:0], nav, prices, instruments, rates).empty


@settings(max_examples=25)
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=20))
def test_without_flows_the_linked_return_is_the_growth_of_nav(moves):
    nav = np.round(1000 * np.cumprod([1 + move for move in moves]), 6)
    opening = np.concatenate([[1000.0], nav[:-1]])
    days = [(n, n - o, 1000.0 if i == 0 else 0.0, 0.0) for i, (n, o) in enumerate(zip(nav, opening, strict=True))]
    assert performance(days)["cumulative_return"].iloc[-1] == pytest.approx(nav[-1] / 1000 - 1, abs=1e-9)


def test_a_range_gives_the_rows_of_single_sessions():
    f = firm(90, seed=5, history=1)

    def run(days):
        views = benchmarks.book_views(f.books, days)
        opening = benchmarks.opening_weights(f.benchmark_weights, f.returns, f.fx_rates, views, days)
        inflow = returns.inflows(f.activity, f.nav, f.prices, f.instruments, f.fx_rates)
        fee = returns.fees_of_kind_fee(f.activity, f.nav, f.fx_rates)
        earned = benchmarks.benchmark_returns(opening)
        return returns.performance(f.nav, f.pnl, inflow, fee, views, earned, days)

    whole = run(f.sessions)
    assert whole["status"].value_counts().to_dict() == {"ok": 270, "ok; no benchmark": 90}
    for day in (f.sessions[:1], f.sessions[33:34], f.sessions[-1:]):
        expected = whole.loc[whole["business_date"].isin(day)].reset_index(drop=True)
        pd.testing.assert_frame_equal(run(day), expected, check_exact=True)


def test_nothing_in_nothing_out():
    day = sessions("2020-03-02")
    nothing = pd.DataFrame({"business_date": day[:0], "book": pd.Series(dtype="str")})
    views = benchmarks.book_views(tables.empty("books"), day)
    opening = benchmarks.opening_weights(
        tables.empty("benchmark_weights"), tables.empty("returns"), tables.empty("fx_rates"), views, day
    )
    result = returns.performance(
        tables.empty("nav"),
        tables.empty("pnl"),
        nothing.assign(inflow=0.0),
        nothing.assign(fee=0.0),
        views,
        benchmarks.benchmark_returns(opening),
        day,
    )
    assert result.empty
