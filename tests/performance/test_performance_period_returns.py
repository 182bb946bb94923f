import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars, tables
from daybook.performance import flows, period_returns, periods, returns
from tests.frames import frame

DAYS = calendars.sessions("XNYS", "2018-01-02", "2021-12-31")


def derived(*days, first="2020-03-02", benchmark=None, rules=None, book="b"):
    """Period tables of one book from days (P&L, {kind: flow}[, status]); a NAV follows from the one before.

    The date is the last of the days; ``benchmark`` is its return of each day.
    """
    dates = DAYS[DAYS >= pd.Timestamp(first)][: len(days)]
    nav, level = [], 0.0
    for pnl, moved, *_ in days:
        level = round(level + pnl + sum(moved.values()), 6)
        nav.append(level)
    status = [day[2] if len(day) > 2 else "ok" for day in days]
    values = frame(
        "nav",
        "business_date book nav flows status reason",
        *[
            (d, book, n if s == "ok" else np.nan, sum(day[1].values()) if s == "ok" else np.nan, s, "")
            for d, n, day, s in zip(dates, nav, days, status, strict=True)
        ],
    )
    pnl = frame("pnl", "business_date book instrument total", *[
        (d, book, "A", day[0]) for d, day in zip(dates, days, strict=True)
    ])  # fmt: skip
    key = values[["business_date", "book"]]
    views = key.assign(benchmark="index" if benchmark else "", base_currency="USD", calendar="XNYS")
    views = views.astype({"benchmark": "str", "base_currency": "str", "calendar": "str"})
    earned = (
        views.drop(columns="book").assign(benchmark_return=benchmark or np.nan, status="").astype({"status": "str"})
    )
    moved = pd.DataFrame(
        [(d, book, kind, amount) for d, day in zip(dates, days, strict=True) for kind, amount in day[1].items()],
        columns=["business_date", "book", "kind", "flows"],
    ).astype({"business_date": "datetime64[us]", "book": "str", "kind": "str", "flows": "float64"})
    before = values.sort_values("business_date", ignore_index=True)
    opening = key.assign(opening=returns.opening_nav(before))
    timed = flows.timed(moved, opening, tables.empty("flow_rules") if rules is None else rules)
    told = returns.performance(
        values, pnl, flows.counted(timed), key.assign(fee=0.0), views, earned, pd.DatetimeIndex(dates)
    )
    told = told.assign(local_return=told["daily_return"], hedged_return=told["daily_return"])
    made = period_returns.derive(told, values, timed, tables.empty("signed_returns"), periods.spans(told, dates[-1]))
    assert period_returns.identity_gaps(**made).empty
    figures = made["period_returns"].select_dtypes("float").to_numpy()
    assert not np.isinf(figures).any()
    return made["period_returns"].set_index("period"), made["flow_effects"], told


def test_what_comes_in_at_the_start_of_a_period_is_a_flow_where_the_book_had_capital_before():
    told, effects, _ = derived(
        (0.0, {"deposit": 100.0}), (15.0, {"deposit": 50.0, "withdrawal": -50.0}), first="2020-03-31"
    )
    assert told.loc["month", ["opening", "flows"]].tolist() == [100.0, 0.0]
    month = effects.loc[effects["period"].eq("month")]
    assert month[["kind", "day_weight", "effect"]].to_numpy().tolist() == [
        ["deposit", 1.0, 0.0],
        ["withdrawal", 0.0, 0.0],
    ]
    begun = effects.loc[effects["period"].eq("inception"), "flow_date"]
    assert set(begun) == {pd.Timestamp("2020-04-01")}, "what a book began with is its opening"


def test_ahead_of_a_benchmark_that_lost_everything_has_no_ratio():
    told, *_ = derived((10.0, {"deposit": 100.0}), benchmark=[-1.0])
    row = told.loc["inception"]
    assert row["active_return"] == pytest.approx(1.1)
    assert np.isnan(row["active_geometric"])


def test_a_deposit_before_a_loss_by_hand():
    # 100 earns 10 %; 110 come in and 220 lose 10 %: 198. Time: 1.1 x 0.9 - 1 = -1 %. Money: 100 x^1 + 110 x^0.5 = 198.
    told, effects, _ = derived((10.0, {"deposit": 100.0}), (-22.0, {"deposit": 110.0}))
    row = told.loc["inception"]
    root = (-110 + np.sqrt(110**2 + 4 * 100 * 198)) / 200
    assert (row["opening"], row["closing"], row["flows"], row["total"]) == (0.0, 198.0, 210.0, -12.0)
    assert row["time_weighted"] == pytest.approx(-0.01, abs=1e-12)
    assert row["money_weighted"] == pytest.approx(root**2 - 1, abs=1e-12)
    assert row["modified_dietz"] == pytest.approx(-12 / 155, abs=1e-12)
    assert row["simple_dietz"] == pytest.approx(-12 / 155, abs=1e-12)
    only = effects.loc[effects["period"].eq("inception")].iloc[0]
    assert (only["kind"], only["flows"], only["day_weight"]) == ("deposit", 110.0, 0.5)
    assert only["growth"] == pytest.approx(-0.1)
    assert only["effect"] == pytest.approx(110 * (0.9 - root) / 100, abs=1e-11)
    assert row["timing_effect"] == only["effect"] == pytest.approx(row["money_weighted"] + 0.01, abs=1e-12)
    assert np.isnan(row["xirr"])
    assert np.isnan(row["annual_return"])
    assert row["status"] == "ok; no benchmark"


@pytest.mark.parametrize("timing", ["start", "middle", "end"])
def test_over_one_session_every_measure_is_the_daily_return(timing):
    rules = frame("flow_rules", "kind timing", ("deposit", timing), ("withdrawal", timing))
    days = [(5.0, {"deposit": 100.0}), (7.0, {"deposit": 40.0, "withdrawal": -15.0})]
    told, _, daily = derived(*days, rules=rules)
    counted = {"start": 25.0, "middle": 12.5, "end": 0.0}[timing]
    assert daily["denominator"].tolist() == [100.0, 105.0 + counted]
    row = told.loc["day"]
    assert row["time_weighted"] == row["modified_dietz"] == round(7.0 / (105.0 + counted), 12)
    assert row["money_weighted"] == pytest.approx(row["time_weighted"], abs=2e-4 if timing == "middle" else 1e-12)


FLOWS = st.dictionaries(st.sampled_from(sorted(flows.DEFAULT)), st.floats(1, 60), max_size=2)


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-0.1, 0.1), FLOWS), min_size=1, max_size=30),
    st.sampled_from(["start", "middle", "end"]),
    st.sampled_from(["start", "middle", "end"]),
)
def test_the_gap_between_time_and_money_is_the_sum_of_effects_of_flows(moves, timing_in, timing_out):
    rules = frame(
        "flow_rules", "kind timing", *[(k, timing_in if k in flows.INWARD else timing_out) for k in flows.DEFAULT]
    )
    days, level = [(0.0, {"deposit": 1000.0})], 1000.0
    for rate, moved in moves:
        signed = {k: round(a if k in flows.INWARD else -a, 2) for k, a in moved.items()}
        days.append((round(rate * level, 6), signed))
        level += days[-1][0] + sum(signed.values())
    told, effects, daily = derived(*days, rules=rules)
    row = told.loc["inception"]
    assert row["time_weighted"] == pytest.approx(np.prod(1 + daily["daily_return"]) - 1, abs=1e-11)
    mine = effects.loc[effects["period"].eq("inception")]
    assert mine["effect"].sum() == pytest.approx(row["money_weighted"] - row["time_weighted"], abs=1e-12)
    growth = 1 + row["money_weighted"]
    left = 1000 * growth + (mine["flows"] * growth ** mine["day_weight"]).sum() - row["closing"]
    assert left == pytest.approx(0, abs=1e-6)


def test_an_unknown_session_empties_time_but_not_money():
    days = [(1.0, {"deposit": 100.0}), (1.0, {}, "failed"), (1.0, {}), (1.0, {})]
    told, _, _ = derived(*days)
    row = told.loc["inception"]
    assert np.isnan(row["time_weighted"])
    assert row["status"].startswith("no return on 2 of 4 sessions, first 2020-03-03; no benchmark; money-weighted: ")
    assert told.loc["day", "time_weighted"] == pytest.approx(1 / 103)
    assert told.loc["day", "status"] == "ok; no benchmark"


def test_a_book_that_empties_and_returns_is_linked_over_the_gap():
    days = [
        (10.0, {"deposit": 100.0}), (0.0, {"withdrawal": -110.0}), (0.0, {}), (0.0, {}),
        (4.0, {"deposit": 200.0}), (0.0, {}),
    ]  # fmt: skip
    told, effects, daily = derived(*days, benchmark=[0.01] * 6)
    assert daily["status"].tolist()[2].startswith("no capital")
    assert effects.loc[effects["period"].eq("inception"), "kind"].tolist() == ["withdrawal", "deposit"]
    row = told.loc["inception"]
    assert row["time_weighted"] == pytest.approx(1.1 * 1.02 - 1, abs=1e-12)
    assert row["benchmark_return"] == pytest.approx(1.01**4 - 1, abs=1e-12), "over the same sessions"
    assert row["linked_dietz"] == pytest.approx(1.1 * 1.02 - 1, abs=1e-12), "each stay has capital of its own"
    assert row["status"] == "ok; passed over 2 sessions without capital, or with a tiny one"
    # It opened with 100, 200 came after: Soper's condition holds at the root, the book never owed anything.
    assert row["money_weighted"] > 0


def test_before_its_first_money_a_book_has_no_period():
    told, _, _ = derived((0.0, {}), (0.0, {}), (5.0, {"deposit": 100.0}))
    row = told.loc["inception"]
    assert (row["time_weighted"], row["money_weighted"], row["modified_dietz"]) == (0.05, 0.05, 0.05)
    assert "calendar days (1)" in row["convention"]
    nothing, _, _ = derived((0.0, {}), (0.0, {}))
    assert nothing.loc["inception", "status"] == "no capital in the period"
    assert nothing.select_dtypes("float").drop(columns=["total", "flows"], errors="ignore").isna().all().all()


def test_tiny_capital_has_a_return_that_nothing_links():
    days = [(0.0, {"deposit": 1_000_000.0}), (0.0, {"withdrawal": -999_999.5}), (500.0, {}), (5.005, {})]
    told, effects, daily = derived(*days)
    assert daily["daily_return"].tolist()[2] == 1000.0
    assert "tiny capital" in daily["status"].tolist()[2]
    assert daily["cumulative_return"].tolist()[3] == pytest.approx(0.01)
    row = told.loc["inception"]
    assert row["time_weighted"] == pytest.approx(0.01)
    assert row["linked_dietz"] == pytest.approx(0.01)
    assert "passed over 1 sessions" in row["status"]
    assert "not_linked" in effects.loc[effects["period"].eq("inception"), "kind"].tolist()


def test_nothing_links_across_a_loss_of_more_than_everything():
    days = [(0.0, {"deposit": 100.0}), (-150.0, {}), (0.0, {"deposit": 500.0}), (9.0, {})]
    told, _, daily = derived(*days)
    assert daily["daily_return"].tolist()[1] == -1.5
    assert daily["cumulative_return"].isna().tolist() == [False, True, True, True]
    assert daily["status"].tolist()[3] == "ok; no benchmark; no cumulative return since it lost more than its capital"
    row = told.loc["inception"]
    assert np.isnan(row["time_weighted"])
    assert "return below -100% on 2020-03-03: nothing links across it" in row["status"]
    assert told.loc["day", "time_weighted"] == 0.02
    assert told.loc["day", "status"] == "ok; no benchmark"


def test_new_money_that_is_lost_at_once_is_a_loss_of_everything_with_effects_that_add_up():
    """100 since 2 March, 1,000 more on the last day, 12 left: 100 x + 1000 x^(1/30) = 12 at x = 5.7e-58."""
    idle = [(0.0, {})] * 20
    told, effects, _ = derived((0.0, {"deposit": 100.0}), *idle, (-1088.0, {"deposit": 1000.0}))
    row = told.loc["inception"]
    assert row["money_weighted"] == -1.0
    assert row["time_weighted"] == round(12 / 1100 - 1, 12)
    assert "calendar days (30)" in row["convention"]
    assert effects.loc[effects["period"].eq("inception"), "effect"].tolist() == [pytest.approx(-12 / 1100, abs=1e-12)]
    later, _, _ = derived((0.0, {"deposit": 100.0}), *idle * 12, (-1088.0, {"deposit": 1000.0}))
    assert later.loc["inception", "status"] == "ok; no benchmark; money-weighted: root out of range"
    days = [(0.0, {"deposit": 100.0}), (0.0, {"withdrawal": -90.0}), *idle * 12, (-1088.0, {"deposit": 1090.0})]
    three, _, _ = derived(*days)
    assert three.loc["inception", "status"] == "ok; no benchmark; money-weighted: root out of range", "an odd number"


def test_a_total_loss_is_minus_one_by_both_measures():
    told, _, _ = derived((0.0, {"deposit": 100.0}), (-100.0, {}))
    assert told.loc["inception", ["time_weighted", "money_weighted"]].tolist() == [-1.0, -1.0]
    assert told.loc["inception", "status"].startswith("ok")


def test_negative_capital_has_no_return_of_either_kind():
    told, _, _ = derived((0.0, {"deposit": 100.0}), (-150.0, {}), (10.0, {}))
    row = told.loc["day"]
    assert row[["time_weighted", "money_weighted", "modified_dietz"]].isna().all()
    assert row["status"].startswith("no return on 1 of 1 sessions")
    assert "money-weighted: opening nav is not positive" in row["status"]


def test_only_beyond_a_year_is_anything_annualised():
    days = [(0.0, {"deposit": 100.0}), *[(0.1, {})] * 503]
    told, _, _ = derived(*days, first="2020-01-02", benchmark=[0.0005] * 504)
    row = told.loc["inception"]
    assert row["session_count"] == 504
    years = 729 / 365.25  # to 30 December 2021
    assert row["annual_return"] == pytest.approx(1.503 ** (1 / years) - 1, abs=1e-9)
    assert row["annual_benchmark"] == pytest.approx(1.0005 ** (504 / years) - 1, abs=1e-9)
    assert row["xirr"] == pytest.approx(1.503 ** (365 / 729) - 1, abs=1e-9)
    assert row["active_geometric"] == pytest.approx(1.503 / 1.0005**504 - 1, abs=1e-9)
    assert told.loc[["year", "one_year"], ["annual_return", "xirr"]].isna().all().all()
    assert "not annualised up to 366 days" in told.loc["one_year", "convention"]


def test_linked_dietz_links_months_and_is_cut_at_large_flows():
    dates = DAYS[DAYS >= pd.Timestamp("2020-03-02")]
    end = int((dates <= pd.Timestamp("2020-04-30")).sum())
    days = [(0.0, {"deposit": 1000.0}), *[(0.0, {})] * (end - 1)]
    at = int((dates < pd.Timestamp("2020-04-16")).sum())
    days[5], days[at] = (20.0, {}), (30.0, {"deposit": 300.0})
    told, _, _ = derived(*days)
    # March 20 / 1000; April 30 / (1020 + 300 x 15 / 30): from the start of the 16th 15 of 30 days are left.
    assert told.loc["inception", "linked_dietz"] == pytest.approx(1.02 * (1 + 30 / 1170) - 1, abs=1e-12)
    rules = frame("flow_rules", "kind timing large_flow large_timing", ("deposit", "start", 0.1, "start"))
    cut, _, _ = derived(*days, rules=rules)
    assert cut.loc["inception", "linked_dietz"] == pytest.approx(1.02 * (1 + 30 / 1320) - 1, abs=1e-12)
    assert cut.loc["inception", "linked_dietz"] == pytest.approx(cut.loc["inception", "time_weighted"], abs=1e-12)
    late = frame("flow_rules", "kind timing large_flow large_timing", ("deposit", "start", 0.1, "end"))
    after, _, _ = derived(*days, rules=late)
    assert after.loc["inception", "linked_dietz"] == pytest.approx(1.02 * (1 + 30 / 1020) - 1, abs=1e-12)


def test_a_benchmark_with_a_hole_is_empty_and_says_where():
    told, _, _ = derived((1.0, {"deposit": 100.0}), (1.0, {}), (1.0, {}), benchmark=[0.01, np.nan, 0.01])
    row = told.loc["inception"]
    assert row["time_weighted"] == pytest.approx(0.03)
    assert row[["benchmark_return", "active_return", "active_geometric"]].isna().all()
    assert row["status"] == "ok; no benchmark return on 1 of 3 sessions, first 2020-03-03"
    assert told.loc["day", "active_return"] == pytest.approx(1 / 102 - 0.01, abs=1e-12)


def test_one_book_does_not_change_another():
    one = derived((1.0, {"deposit": 100.0}), (2.0, {"withdrawal": -30.0}), (1.5, {}))[0]
    again = derived((1.0, {"deposit": 100.0}), (2.0, {"withdrawal": -30.0}), (1.5, {}), book="z")[0]
    pd.testing.assert_frame_equal(one.drop(columns="book"), again.drop(columns="book"), check_exact=True)
