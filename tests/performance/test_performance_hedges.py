"""Benchmarks hedged, and forward premiums."""

import pandas as pd
import pytest

from daybook import tables
from daybook.performance import benchmarks, risk_free, views
from tests.frames import frame, sessions

FRIDAY, MONDAY = sessions("2020-03-06", "2020-03-09")
VIEW = pd.DataFrame({"benchmark": ["index"], "base_currency": ["USD"], "calendar": ["XNYS"]})
# Three days at 7.3 % and 3.65 % a year: 0.0006 and 0.0003.
RATES = frame(
    "risk_free_rates", "business_date currency tenor rate",
    (FRIDAY, "USD", "1D", 0.073), (FRIDAY, "EUR", "1D", 0.0365),
)  # fmt: skip
PREMIUM = 1.0006 / 1.0003 - 1


def told(terms=(), rates=RATES, blended=(), benchmark="index"):
    sources = benchmarks.Sources(
        frame(
            "benchmark_weights", "business_date benchmark instrument weight",
            (FRIDAY, "index", "A", 0.25), (FRIDAY, "index", "E", 0.75),
        ),
        frame(
            "returns", "business_date instrument local_return currency status",
            (MONDAY, "A", 0.08, "USD", "ok"), (MONDAY, "E", 0.10, "EUR", "ok"),
        ),
        frame(
            "fx_rates", "business_date base quote rate status",
            (FRIDAY, "EUR", "USD", 1.00, "ok"), (MONDAY, "EUR", "USD", 1.04, "ok"),
        ),
        benchmark_terms=frame("benchmark_terms", "benchmark valid_from hedge_ratio return_kind", *terms),
        benchmark_blends=frame("benchmark_blends", "benchmark constituent valid_from weight", *blended),
        risk_free_rates=rates,
    )  # fmt: skip
    return benchmarks.computed(sources, VIEW.assign(benchmark=benchmark), pd.DatetimeIndex([MONDAY]))


def test_a_premium_is_what_two_deposits_differ_by():
    pairs = pd.DataFrame({
        "business_date": MONDAY, "previous": FRIDAY,
        "currency": ["EUR", "USD", "GBP", "USD"], "base_currency": ["USD", "USD", "USD", "EUR"],
    }, index=[7, 5, 3, 1])  # fmt: skip
    found = risk_free.forward_premiums(RATES, pairs)
    assert found["forward_premium"].to_dict() == {
        7: pytest.approx(PREMIUM, abs=1e-15), 5: 0.0, 3: 0.0, 1: pytest.approx(1.0003 / 1.0006 - 1, abs=1e-15),
    }  # fmt: skip
    assert found["known"].to_dict() == {7: True, 5: True, 3: False, 1: True}
    at_home = risk_free.forward_premiums(RATES, pairs.loc[[5]])
    assert at_home.loc[5].to_dict() == {"forward_premium": 0.0, "known": True}


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_a_hedge_sells_the_opening_value_forward(ratio):
    # Unhedged 0.25 x 8 % + 0.75 x (1.1 x 1.04 - 1) = 12.8 %; the hedge pays the premium less 4 % on 0.75.
    found = told([("index", FRIDAY, ratio, "total")])
    row = found.returns.iloc[0]
    assert row["benchmark_return"] == pytest.approx(0.128 + ratio * 0.75 * (PREMIUM - 0.04), abs=1e-12)
    assert row["local_return"] == pytest.approx(0.25 * 0.08 + 0.75 * 0.10, abs=1e-12)
    assert row["currency_return"] == pytest.approx(row["benchmark_return"] - 0.095, abs=1e-12)
    assert row["hedged_return"] == pytest.approx(0.128 + 0.75 * (PREMIUM - 0.04), abs=1e-12)
    words = f"; foreign currency hedged by {100 * ratio:g} % at the forward premium" if ratio else ""
    assert row["convention"] == "weights as delivered, drifting; total return" + words
    assert found.lines["hedge_ratio"].tolist() == [0.0, ratio]
    part = (found.lines["weight"] * found.lines["total_return"]).sum()
    assert part == pytest.approx(row["benchmark_return"], abs=1e-12)


def test_a_premium_that_is_not_known_is_0_and_said():
    row = told([("index", FRIDAY, 1.0, "total")], tables.empty("risk_free_rates")).returns.iloc[0]
    assert row["benchmark_return"] == pytest.approx(0.128 - 0.75 * 0.04, abs=1e-12)
    assert row["convention"].endswith("; forward premium of EUR taken as 0: no risk-free rates")
    assert row["status"] == "ok"


def test_a_blend_hedges_what_its_constituents_left_open():
    terms = [("index", FRIDAY, 0.5, "total"), ("both", FRIDAY, 0.5, "total")]
    found = told(terms, blended=[("both", "index", FRIDAY, 1.0)], benchmark="both")
    assert found.lines["hedge_ratio"].tolist() == [0.0, 0.75]
    row = found.returns.iloc[0]
    assert row["benchmark_return"] == pytest.approx(0.128 + 0.75 * 0.75 * (PREMIUM - 0.04), abs=1e-12)
    assert row["hedged_return"] == pytest.approx(0.128 + 0.75 * (PREMIUM - 0.04), abs=1e-12)


def test_terms_hold_up_to_the_day_on_which_they_end():
    given = frame("benchmark_terms", "benchmark valid_from valid_to hedge_ratio", ("index", FRIDAY, FRIDAY, 1.0))
    found = views.terms(given, pd.DataFrame({"benchmark": "index", "business_date": [FRIDAY, MONDAY]}))
    assert found["declared"].tolist() == [True, False]
    assert found["hedge_ratio"].tolist() == [1.0, 0.0]


def test_a_rate_that_takes_all_in_a_session_gives_no_premium():
    days = pd.to_datetime(["2020-03-03", "2020-03-04"]).as_unit("us")
    rates = pd.DataFrame(
        {"business_date": days[0], "currency": ["USD", "EUR"], "tenor": "1D", "rate": [0.0, -365.0], "day_count": ""}
    )
    pair = pd.DataFrame({"business_date": days[1:], "previous": days[:1], "currency": "EUR", "base_currency": "USD"})
    found = benchmarks.forward_premiums(rates, pair)
    assert found.to_numpy().tolist() == [[0.0, False]]
