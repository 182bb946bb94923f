import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars, tables
from daybook.performance import benchmarks, measured, returns
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
    known = views.iloc[: len(earned)].drop(columns="book").assign(benchmark_return=list(earned), status="ok")
    return returns.performance(
        nav,
        pnl,
        key.assign(inflow=[float(day[2]) for day in days]),
        key.assign(fee=[float(day[3]) for day in days]),
        views,
        known.astype({"benchmark_return": "float64", "status": "str"}),
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


def test_an_empty_book_has_no_capital_and_its_link_goes_on_with_the_next_money():
    result = performance([(101.0, 1.0, 100.0, 0.0), (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0), (51.0, 1.0, 50.0, 0.0)])
    assert result["status"].iloc[2] == returns.NO_CAPITAL + ": the book was empty and earned nothing"
    assert result["cumulative_return"].tolist() == [0.01, 0.01, 0.01, round(1.01 * 1.02 - 1, 12)]


def test_a_tiny_capital_is_not_linked_and_is_tiny_by_what_was_there_before():
    # All but 10^-4 of 101 leaves after the second session; what it earns in the third is no growth of 50,000-fold.
    days = [
        (101.0, 1.0, 100.0, 0.0),
        (1e-4, 0.0, 0.0, 0.0),
        (5.0001, 5.0, 0.0, 0.0),
        (1.02e9, 2e7, 999999994.9999, 0.0),
    ]
    result = performance(days)
    assert result["daily_return"].tolist() == [0.01, 0.0, 50000.0, 0.02]
    assert result["cumulative_return"].tolist() == [0.01, 0.01, 0.01, round(1.01 * 1.02 - 1, 12)]
    told = result["status"].str.contains(returns.TINY_CAPITAL)
    assert told.tolist() == [False, False, True, False]  # a billion that comes later does not make 100 tiny


def test_active_return_and_why_there_is_none():
    days = [(1010.0, 10.0, 1000.0, 0.0), (1010.0, 0.0, 0.0, 0.0)]
    result = performance(days, "index", earned=[0.004])
    assert result["active_return"].iloc[0] == 0.006
    assert np.isnan(result["active_return"].iloc[1])
    assert result["status"].tolist() == ["ok", "ok; no benchmark weights yet"]


def test_fees_of_kind_fee_are_in_base_currency():
    day = "2020-03-02"
    activity = frame(
        "activity",
        "business_date book instrument currency fee_kind",
        (day, "b", "CASH:USD", "USD", -7.0),
        (day, "b", "CASH:EUR", "EUR", -10.0),
        (day, "b", "A", "EUR", 0.0),
    )
    nav = frame("nav", "business_date book nav status", (day, "b", 1.0, "ok"))
    rates = frame("fx_rates", "business_date base quote rate status", (day, "EUR", "USD", 1.1, "ok"))
    assert returns.fees_of_kind_fee(activity, nav, rates)["fee"].tolist() == [-7.0 - 11.0]


@settings(max_examples=10)
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=20))
def test_without_flows_the_linked_return_is_the_growth_of_nav(moves):
    nav = np.round(1000 * np.cumprod([1 + move for move in moves]), 6)
    opening = np.concatenate([[1000.0], nav[:-1]])
    days = [(n, n - o, 1000.0 if i == 0 else 0.0, 0.0) for i, (n, o) in enumerate(zip(nav, opening, strict=True))]
    assert performance(days)["cumulative_return"].iloc[-1] == pytest.approx(nav[-1] / 1000 - 1, abs=1e-9)


def test_a_range_gives_the_rows_of_single_sessions():
    f = firm(90, seed=5, history=1)
    sources = benchmarks.Sources(f.benchmark_weights, f.returns, f.fx_rates)
    nothing = [tables.empty(name) for name in ("share_class_nav", "fee_accruals")]
    rules = frame("flow_rules", "kind timing", ("deposit", "middle"))

    def run(days):
        pnl, values = f.pnl, f.valuations
        return measured(
            f.nav, pnl, f.activity, values, f.prices, *nothing, sources, rules, f.books, f.instruments, days
        )

    whole = run(f.sessions)
    assert whole["performance"]["status"].value_counts().to_dict() == {"ok": 270, "ok; no benchmark": 90}
    assert set(whole["external_flows"]["timing"]) >= {"middle", "end"}
    for day in (f.sessions[:1], f.sessions[33:34], f.sessions[-1:]):
        for name, found in run(day).items():
            expected = whole[name].loc[whole[name]["business_date"].isin(day)].reset_index(drop=True)
            pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_nothing_in_nothing_out():
    day = sessions("2020-03-02")
    nothing = pd.DataFrame({"business_date": day[:0], "book": pd.Series(dtype="str")})
    views = benchmarks.book_views(tables.empty("books"), day)
    sources = benchmarks.Sources(*map(tables.empty, ("benchmark_weights", "returns", "fx_rates")))
    result = returns.performance(
        tables.empty("nav"),
        tables.empty("pnl"),
        nothing.assign(inflow=0.0),
        nothing.assign(fee=0.0),
        views,
        benchmarks.computed(sources, views, day).returns,
        day,
    )
    assert result.empty


def test_a_session_whose_pnl_nobody_knows_has_no_return():
    nav = frame(
        "nav",
        "business_date book nav flows status",
        *[
            (day, "b", value, flow, "ok")
            for day, value, flow in zip(DAYS[:4], (100.0, 90.0, 95.0, 95.0), (100.0, 0, 0, 0), strict=True)
        ],
    )
    pnl = frame("pnl", "business_date book instrument total", (DAYS[0], "b", "A", 0.0), (DAYS[2], "b", "A", 5.0))
    key = pd.DataFrame({"business_date": DAYS[:4], "book": "b"})
    views = key.assign(benchmark="", base_currency="USD", calendar="XNYS")
    known = views.iloc[:0].drop(columns="book").assign(benchmark_return=0.0, status="")
    inflow, fee = key.assign(inflow=[100.0, 0, 0, 0]), key.assign(fee=0.0)
    found = returns.performance(nav, pnl, inflow, fee, views, known.astype({"status": "str"}), DAYS[:4])
    # The second session lost 10 that no row of pnl tells; in the fourth nothing moved.
    assert found["daily_return"].isna().tolist() == [False, True, False, False]
    assert found["daily_return"].tolist()[2:] == [round(5 / 90, 12), 0.0]
    assert found["status"].iloc[1] == "no P&L: the session before on the book's calendar was not closed"
