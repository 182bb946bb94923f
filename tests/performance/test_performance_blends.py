from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.market import constituents
from daybook.performance import benchmarks, blends
from tests.frames import frame, sessions

# The last sessions of a quarter, and the first one of the next.
DAYS = sessions("2020-03-26", "2020-03-27", "2020-03-30", "2020-03-31", "2020-04-01")
BLEND = pd.DataFrame({"benchmark": ["blend"], "base_currency": ["USD"], "calendar": ["XNYS"]})
MOVES = {"A": (0.10, 0.00, 0.05, 0.02), "B": (0.00, 0.10, -0.05, 0.04)}


def facts(made_of, rebalancing=(), hedged=(), levels=(), moves=MOVES, valid_to=None):
    """Benchmarks a and b hold A and B; blends of them, and when they are rebalanced."""
    weights = frame(
        "benchmark_weights",
        "business_date benchmark instrument weight",
        *[(DAYS[0], name.lower(), name, 1.0) for name in moves],
    )
    earned = [(day, name, move, "USD", "ok") for name in moves for day, move in zip(DAYS[1:], moves[name], strict=True)]
    return benchmarks.Sources(
        weights,
        frame("returns", "business_date instrument local_return currency status", *earned),
        tables.empty("fx_rates"),
        benchmark_levels=frame("benchmark_levels", "business_date benchmark level return_kind", *levels),
        benchmark_blends=frame(
            "benchmark_blends", "benchmark constituent valid_from weight valid_to",
            *[(*row, valid_to) if len(row) == 4 else row for row in made_of],
        ),
        benchmark_terms=frame(
            "benchmark_terms", "benchmark valid_from rebalancing return_kind hedge_ratio",
            *[(name, DAYS[0], rule, "total", 0.0) for name, rule in rebalancing],
            *[(name, DAYS[0], "daily", "total", ratio) for name, ratio in hedged],
        ),
    )  # fmt: skip


SIXTY = [("blend", "a", DAYS[1], 0.6), ("blend", "b", DAYS[1], 0.4)]


def told(sources, days=DAYS, views=BLEND):
    return benchmarks.computed(sources, views, days).returns


def test_weights_drift_from_one_rebalancing_to_the_next():
    # A and B are worth 0.66 and 0.40, 0.66 and 0.44, 0.693 and 0.418 after the sessions, never rebalanced.
    drifting = [0.6, 0.66 / 1.06, 0.66 / 1.10, 0.693 / 1.111]
    to_april = [*drifting[:3], 0.6]
    opening = {"daily": [0.6] * 4, "month": to_april, "quarter": to_april, "year": drifting, "none": drifting}
    made = [(rule, *row[1:]) for rule in opening for row in SIXTY]
    views = pd.DataFrame({"benchmark": list(opening), "base_currency": "USD", "calendar": "XNYS"}).astype("str")
    found = benchmarks.computed(facts(made, [(rule, rule) for rule in opening]), views, DAYS)
    of_a = found.lines.loc[found.lines["instrument"].eq("A")].pivot(
        index="business_date", columns="benchmark", values="weight"
    )
    table = found.returns.pivot(index="business_date", columns="benchmark", values="benchmark_return")
    said = found.returns[found.returns["business_date"].eq(DAYS[1])].set_index("benchmark")["convention"]
    words = {"daily": "rebalanced daily", "none": "not rebalanced"}
    for rule, shares in opening.items():
        assert of_a[rule].tolist() == pytest.approx(shares, abs=1e-15), rule
        by_hand = [w * a + (1 - w) * b for w, a, b in zip(shares, *MOVES.values(), strict=True)]
        assert table[rule].tolist()[1:] == pytest.approx(by_hand, abs=1e-12), rule
        assert said[rule] == (
            "blend since 2020-03-27 of 60 % a (weights as delivered, drifting; total return),"
            " 40 % b (weights as delivered, drifting; total return), " + words.get(rule, f"rebalanced each {rule}")
        )
    rows = found.returns
    assert set(rows.loc[rows["business_date"].eq(DAYS[0]), "status"]) == {"no benchmark weights yet"}
    assert set(rows.loc[rows["business_date"].gt(DAYS[0]), "status"]) == {"ok"}


def test_other_weights_begin_at_the_open_of_their_date_and_one_that_ends_leaves():
    made = [
        *[("changed", of, day, weight, None) for _, of, day, weight in [*SIXTY, ("", "b", DAYS[3], 1.0)]],
        ("ended", *SIXTY[0][1:], None),
        ("ended", *SIXTY[1][1:], DAYS[2]),
        *[("over", *row[1:], DAYS[2]) for row in SIXTY],
    ]
    views = pd.DataFrame({"benchmark": ["changed", "ended", "over"], "base_currency": "USD", "calendar": "XNYS"})
    rows = told(facts(made, [(name, "none") for name in views["benchmark"]]), views=views.astype("str"))
    found = rows.pivot(index="business_date", columns="benchmark", values="benchmark_return").iloc[1:]
    status = rows.pivot(index="business_date", columns="benchmark", values="status")
    assert found["changed"].tolist() == pytest.approx([0.06, 0.1 * 0.40 / 1.06, -0.05, 0.04], abs=1e-12)
    assert found["ended"].tolist() == pytest.approx([0.06, 0.1 * 0.40 / 1.06, 0.05, 0.02], abs=1e-12)
    assert status["ended"].tolist()[3] == "ok; weights add up to 0.600000, divided by that"
    assert status["over"].tolist()[3:] == ["no benchmark weights yet"] * 2, "a blend that ended is none"


def test_when_a_constituent_leaves_the_others_begin_anew_from_what_was_declared():
    rows = [
        ("blend", "a", DAYS[1], 0.5, None),
        ("blend", "b", DAYS[1], 0.3, None),
        ("blend", "c", DAYS[1], 0.2, DAYS[1]),
    ]
    sources = facts(rows, [("blend", "none")], moves=MOVES | {"C": (0.20, 0.00, 0.00, 0.00)})
    weight = benchmarks.computed(sources, BLEND, DAYS).lines.pivot(
        index="business_date", columns="instrument", values="weight"
    )
    # B gains 10 % on the third day, A gains 5 % and B loses 5 % on the fourth: 0.5 to 0.33, 0.525 to 0.3135.
    assert weight["A"].tolist() == pytest.approx([0.5, 0.625, 0.5 / 0.83, 0.525 / 0.8385], abs=1e-15)
    assert weight["C"].dropna().tolist() == [0.2]


def test_delivered_weights_that_add_up_to_nothing_are_named():
    given = frame(
        "benchmark_weights", "business_date benchmark instrument weight",
        (DAYS[0], "a", "A", 0.5), (DAYS[0], "a", "B", -0.5),
    )  # fmt: skip
    found = told(replace(facts([]), benchmark_weights=given), views=BLEND.assign(benchmark="a"))
    assert found["status"].iloc[1] == "benchmark: weights of 2020-03-26 cancel, or add up to less than 0"
    assert found["benchmark_return"].isna().tolist()[:2] == [True, True]


def test_a_constituent_abroad_drifts_with_its_return_in_base_currency():
    given = facts(SIXTY, [("blend", "none")])
    euros = given.returns.assign(currency=given.returns["currency"].mask(given.returns["instrument"].eq("B"), "EUR"))
    rates = [(day, "EUR", "USD", rate, "ok") for day, rate in zip(DAYS, (1.0, 1.1, 1.1, 1.1, 1.1), strict=True)]
    moved = frame("fx_rates", "business_date base quote rate status", *rates)
    lines = benchmarks.computed(replace(given, returns=euros, fx_rates=moved), BLEND, DAYS).lines
    weight = lines.pivot(index="business_date", columns="instrument", values="weight")["A"]
    # A gained 10 %, B nothing, and the euro 10 %: the weights stand where they were.
    assert weight.tolist()[:2] == pytest.approx([0.6, 0.6], abs=1e-15)


def test_blends_of_blends_drift_each_by_its_own_rule():
    # The inner one is rebalanced daily: 5 %, 5 %, 0 %, 3 %; the outer one holds half of it, and half of A, and drifts.
    made = [
        ("inner", "a", DAYS[1], 0.5), ("inner", "b", DAYS[1], 0.5),
        ("blend", "inner", DAYS[1], 0.5), ("blend", "a", DAYS[1], 0.5),
    ]  # fmt: skip
    found = benchmarks.computed(facts(made, [("blend", "none")]), BLEND, DAYS)
    inner, own = np.cumprod([1, 1.05, 1.05, 1.0]), np.cumprod([1, 1.1, 1.0, 1.05])
    share = inner / (inner + own)
    by_hand = share * [0.05, 0.05, 0.0, 0.03] + (1 - share) * [0.10, 0.0, 0.05, 0.02]
    assert found.returns["benchmark_return"].tolist()[1:] == pytest.approx(by_hand.tolist(), abs=1e-12)
    of_b = found.lines.loc[found.lines["instrument"].eq("B"), "weight"].tolist()
    assert of_b == pytest.approx((share / 2).tolist(), abs=1e-15), "an instrument of both stands in one row"
    assert len(found.lines) == 8


def test_circles_and_blends_that_are_too_deep_are_refused_by_name_and_the_others_go_on():
    deep = [(f"d{i}", f"d{i + 1}", DAYS[1], 1.0) for i in range(blends.LEVELS + 1)]
    made = [
        *SIXTY, ("x", "y", DAYS[1], 1.0), ("y", "x", DAYS[1], 0.5), ("y", "a", DAYS[1], 0.5),
        ("z", "z", DAYS[1], 1.0), *deep, (f"d{blends.LEVELS + 1}", "a", DAYS[1], 1.0),
    ]  # fmt: skip
    names = ["blend", "d0", "d2", "x", "y", "z"]
    views = pd.DataFrame({"benchmark": names, "base_currency": "USD", "calendar": "XNYS"}).astype("str")
    rows = told(facts(made), DAYS[1:2], views).set_index("benchmark")
    why = "benchmark: a blend in a circle, or more than 5 levels deep, by way of "
    assert rows["status"].to_dict() == {
        "blend": "ok", "d0": why + "d1", "d2": "ok", "x": why + "y", "y": why + "x", "z": why + "z",
    }  # fmt: skip
    assert rows["benchmark_return"].fillna(9).to_dict() == {
        "blend": pytest.approx(0.06), "d0": 9, "d2": pytest.approx(0.1), "x": 9, "y": 9, "z": 9,
    }  # fmt: skip
    assert told(facts(made), DAYS[1:2])["benchmark_return"].tolist() == [pytest.approx(0.06)]


def test_a_circle_that_ended_is_none():
    made = [("blend", "other", DAYS[1], 1.0), ("other", "blend", DAYS[1], 1.0), ("other", "a", DAYS[3], 1.0)]
    rows = told(facts(made))
    assert rows["benchmark_return"].isna().tolist() == [True, True, True, False, False]


def test_what_is_wrong_with_a_blend_is_said_by_name():
    no_b = {**MOVES, "B": (0.0, np.nan, -0.05, 0.04)}
    rows = told(facts(SIXTY, [("blend", "none")], moves=no_b))
    assert rows["status"].tolist()[1:] == [
        "ok",
        "benchmark: b: no return of B",
        *["ok; weights held over 1 missing returns of constituents; b: weights held over 1 missing returns of members"]
        * 2,
    ]
    assert rows["benchmark_return"].isna().tolist()[1:] == [False, True, False, False]
    # The weight of b was held: 0.4 against 0.66.
    assert rows["benchmark_return"].iloc[3] == pytest.approx((0.66 * 0.05 - 0.4 * 0.05) / 1.06, abs=1e-12)
    others = {
        "unknown": {"a": 0.6, "later": 0.4},
        "short": {"a": 1.3, "b": -0.3},
        "off": {"a": 1.0, "b": -1.0},
        # 0.5 % net of 199.5 % gross would be a benchmark of four hundred times itself; 3 of 199 % is taken as it is.
        "near": {"a": 1.0, "b": -0.995},
        "kept": {"a": 1.01, "b": -0.98},
    }
    made = [(name, of, DAYS[1], weight) for name, parts in others.items() for of, weight in parts.items()]
    views = pd.DataFrame({"benchmark": list(others), "base_currency": "USD", "calendar": "XNYS"}).astype("str")
    rows = told(facts(made), views=views)
    status = rows.loc[rows["business_date"].eq(DAYS[1])].set_index("benchmark")["status"]
    earned = rows.pivot(index="business_date", columns="benchmark", values="benchmark_return")
    assert status["unknown"] == "benchmark: later: no benchmark weights yet"
    assert status["short"] == "ok; negative weights"
    assert earned["short"].tolist()[1:3] == pytest.approx([0.13, -0.03], abs=1e-12)
    for name in ("off", "near"):
        assert status[name] == "benchmark: weights of the blend cancel, or add up to less than 0"
        assert earned[name].isna().all()
    assert earned["kept"].notna().tolist()[1]


def test_a_constituent_may_be_known_by_its_levels_alone():
    levels = [(day, "index", level, "price") for day, level in zip(DAYS, (100, 110, 99, 99, 99), strict=True)]
    made = [("blend", "a", DAYS[1], 0.5), ("blend", "index", DAYS[1], 0.5)]
    found = benchmarks.computed(facts(made, levels=levels), BLEND, DAYS)
    assert found.returns["benchmark_return"].tolist()[1:3] == pytest.approx([0.1, -0.05], abs=1e-12)
    assert found.lines["instrument"].tolist()[:2] == ["A", "index"]
    assert "50 % index (published levels of a price index)" in found.returns["convention"].iloc[1]


def test_an_instrument_counted_in_two_ways_has_their_mean_and_one_row():
    earned = frame(
        "returns", "business_date instrument local_return price_return currency status",
        (DAYS[1], "A", 0.10, 0.06, "USD", "ok"),
    )  # fmt: skip
    weights = frame(
        "benchmark_weights", "business_date benchmark instrument weight",
        (DAYS[0], "total", "A", 1.0), (DAYS[0], "price", "A", 1.0),
    )  # fmt: skip
    terms = frame("benchmark_terms", "benchmark valid_from return_kind rebalancing", ("price", DAYS[0], "price", ""))
    made = [("blend", "total", DAYS[1], 0.75, None), ("blend", "price", DAYS[1], 0.25, None)]
    blended = frame("benchmark_blends", "benchmark constituent valid_from weight valid_to", *made)
    sources = benchmarks.Sources(
        weights, earned, tables.empty("fx_rates"), benchmark_blends=blended, benchmark_terms=terms
    )
    found = benchmarks.computed(sources, BLEND, DAYS[1:2])
    assert found.lines[["instrument", "weight", "total_return"]].to_numpy().tolist() == [
        ["A", 1.0, pytest.approx(0.09)]
    ]
    assert found.returns["benchmark_return"].tolist() == [pytest.approx(0.09, abs=1e-12)]


def test_a_blend_is_a_fact_of_its_date():
    made = facts(SIXTY, valid_to=DAYS[2]).benchmark_blends
    rows = constituents.blends_in_force(made, DAYS)
    assert rows.groupby("business_date").size().to_dict() == {DAYS[1]: 2, DAYS[2]: 2}


@pytest.mark.parametrize(("seed", "rule"), [(1, "month"), (2, "none")])
def test_a_range_gives_the_rows_of_single_sessions_and_parts_add_up(seed, rule):
    draw = np.random.default_rng(seed)
    days = calendars.sessions("XNYS", "2019-12-20", "2020-02-10")
    names = [f"I{i:02d}" for i in range(12)]
    moves = draw.normal(0, 0.02, (len(days), 12))
    moves[draw.random(moves.shape) < 0.004] = np.nan
    returns = tables.conform("returns", pd.DataFrame({
        "business_date": np.repeat(days, 12), "instrument": names * len(days), "local_return": moves.ravel(),
        "price_return": moves.ravel(), "currency": "USD", "status": "ok",
    }))  # fmt: skip
    weights = frame(
        "benchmark_weights", "business_date benchmark instrument weight",
        *[(days[at], of, names[i], draw.random()) for at in (0, 9) for of in "pq" for i in draw.permutation(12)[:9]],
    )  # fmt: skip
    made = [("n", "p", days[2], 0.7, None), ("n", "q", days[2], 0.3, None), ("blend", "n", days[2], 0.6, None),
            ("blend", "q", days[2], 0.4, None), ("blend", "p", days[20], 1.0, days[27])]  # fmt: skip
    blended = frame("benchmark_blends", "benchmark constituent valid_from weight valid_to", *made)
    terms = frame(
        "benchmark_terms", "benchmark valid_from rebalancing", ("blend", days[0], rule), ("n", days[8], "none")
    )
    sources = benchmarks.Sources(
        weights, returns, tables.empty("fx_rates"), benchmark_blends=blended, benchmark_terms=terms
    )
    views = pd.DataFrame({"benchmark": ["blend", "q"], "base_currency": "USD", "calendar": "XNYS"}).astype("str")
    whole = benchmarks.computed(sources, views, days)
    for day in days[[12, 30]]:
        known = benchmarks.Sources(
            weights[weights["business_date"] <= day],
            returns[returns["business_date"] <= day],
            sources.fx_rates,
            benchmark_blends=blended[blended["valid_from"] <= day],
            benchmark_terms=terms,
        )
        one = benchmarks.computed(known, views, pd.DatetimeIndex([day]))
        for alone, ranged in ((one.lines, whole.lines), (one.returns, whole.returns)):
            same = ranged[ranged["business_date"] == day].reset_index(drop=True)
            pd.testing.assert_frame_equal(alone, same, check_exact=True)
    lines = whole.lines.assign(part=whole.lines["weight"] * whole.lines["total_return"])
    sums = lines.groupby(benchmarks.KEY)[["weight", "part"]].sum(min_count=1).reset_index()
    both = whole.returns.merge(sums, on=benchmarks.KEY)
    known = both["benchmark_return"].notna()
    assert known.sum() > 20
    assert np.abs(both["weight"] - 1).max() < 1e-12
    assert np.abs(both["benchmark_return"] - both["part"])[known].max() < 1e-12
