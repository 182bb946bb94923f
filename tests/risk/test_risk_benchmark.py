"""What benchmarks hold at the close, and what risk makes of blends, published levels and hedges."""

import pandas as pd
import pytest

from daybook import tables
from daybook.performance import closing
from daybook.performance.benchmarks import Sources
from daybook.risk import benchmark
from tests.frames import frame, sessions

# Thursday, Friday, Monday, Tuesday.
DAYS = ("2020-03-05", "2020-03-06", "2020-03-09", "2020-03-10")
SATURDAY = "2020-03-07"
USD = pd.DataFrame({"benchmark": ["index"], "base_currency": ["USD"], "calendar": ["XNYS"]})
RETURNS = frame(
    "returns",
    "business_date instrument local_return currency status",
    *[(day, "A", 0.10, "USD", "ok") for day in DAYS],
    *[(day, "E", 0.00, "EUR", "ok") for day in DAYS],
)
RATES = frame("fx_rates", "business_date base quote rate status", *[(day, "EUR", "USD", 1.0, "ok") for day in DAYS])
BOOKS = frame("books", "book benchmark base_currency calendar", ("b", "index", "USD", "XNYS"))
INSTRUMENTS = frame("instruments", "instrument currency", ("A", "USD"), ("E", "EUR"))


def delivered(*rows):
    return frame("benchmark_weights", "business_date benchmark instrument weight", *rows)


def held(sources, day, views=USD):
    rows = closing.weights(sources, views, sessions(day))
    return dict(zip(rows["instrument"], rows["weight"], strict=True))


def test_the_close_holds_what_the_next_session_opens_with():
    weights = delivered(
        *[(DAYS[0], "index", name, 0.5) for name in "AE"],
        *[(SATURDAY, "index", name, weight) for name, weight in (("A", 0.2), ("E", 0.8))],
    )
    sources = Sources(weights, RETURNS, RATES)
    assert held(sources, DAYS[0]) == {"A": 0.5, "E": 0.5}, "a delivery for the session itself"
    assert held(sources, DAYS[1]) == pytest.approx({"A": 0.55 / 1.05, "E": 0.5 / 1.05}), "Saturday's was not known"
    assert held(sources, DAYS[2]) == pytest.approx({"A": 0.22 / 1.02, "E": 0.8 / 1.02}), "and has drifted on Monday"
    whole = closing.weights(sources, USD, sessions(*DAYS))
    for day in sessions(*DAYS):
        known = [frame_[frame_["business_date"] <= day] for frame_ in (weights, RETURNS, RATES)]
        alone = closing.weights(Sources(*known), USD, pd.DatetimeIndex([day]))
        pd.testing.assert_frame_equal(
            alone.drop(columns="currency"),
            whole[whole["business_date"].eq(day)].drop(columns="currency").reset_index(drop=True),
            check_exact=True,
        )


def test_a_blend_closes_with_the_weights_of_its_rebalancing():
    weights = delivered((DAYS[0], "stocks", "A", 1.0), (DAYS[0], "euro", "E", 1.0))
    blends = frame(
        "benchmark_blends",
        "benchmark constituent weight valid_from",
        ("index", "stocks", 0.5, DAYS[1]), ("index", "euro", 0.5, DAYS[1]),
    )  # fmt: skip
    terms = frame("benchmark_terms", "benchmark return_kind rebalancing hedge_ratio", ("index", "total", "none", 0.0))
    daily = Sources(weights, RETURNS, RATES, benchmark_blends=blends)
    kept = Sources(weights, RETURNS, RATES, benchmark_blends=blends, benchmark_terms=terms)
    assert held(daily, DAYS[2]) == {"A": 0.5, "E": 0.5}
    assert held(kept, DAYS[2]) == pytest.approx({"A": 1.21 / 2.21, "E": 1 / 2.21})
    _, risk = benchmark.closing_weights(kept, BOOKS, INSTRUMENTS, sessions(DAYS[2]))
    assert risk["weight"].tolist() == pytest.approx([1.21 / 2.21, 1 / 2.21])
    old = Sources(weights, RETURNS, RATES, benchmark_blends=blends.assign(valid_from=pd.Timestamp("2019-01-02")))
    assert len(benchmark.closing_weights(old, BOOKS, INSTRUMENTS, sessions(DAYS[2]))[1]) == 2
    older = Sources(weights, RETURNS, RATES, benchmark_blends=old.benchmark_blends, benchmark_terms=terms)
    assert not len(benchmark.closing_weights(older, BOOKS, INSTRUMENTS, sessions(DAYS[2]))[1]), "never rebalanced"


def test_what_is_hedged_is_sold_forward():
    weights = delivered((DAYS[1], "index", "A", 0.4), (DAYS[1], "index", "E", 0.6))
    terms = frame("benchmark_terms", "benchmark return_kind rebalancing hedge_ratio", ("index", "total", "daily", 0.75))
    sources = Sources(weights, RETURNS[RETURNS["instrument"].eq("A")], RATES, benchmark_terms=terms)
    _, found = benchmark.closing_weights(sources, BOOKS, INSTRUMENTS, sessions(DAYS[1]))
    assert found["instrument"].tolist() == ["A", "CASH:EUR", "CASH:USD", "E"]
    assert found["weight"].tolist() == pytest.approx([0.4, -0.45, 0.45, 0.6])
    assert found["currency"].tolist() == ["USD", "EUR", "USD", "EUR"], "E has no return yet, its currency is known"


def test_published_levels_are_one_line_with_returns_of_its_own():
    levels = frame(
        "benchmark_levels",
        "business_date benchmark level return_kind currency",
        *[(day, "index", level, "price", "EUR") for day, level in zip(DAYS[:3], (100.0, 110.0, 99.0), strict=True)],
    )
    terms = frame("benchmark_terms", "benchmark return_kind rebalancing hedge_ratio", ("index", "total", "daily", 0.0))
    sources = Sources(delivered(), RETURNS, RATES, benchmark_levels=levels, benchmark_terms=terms)
    views, found = benchmark.closing_weights(sources, BOOKS, INSTRUMENTS, sessions(DAYS[1]))
    assert views["book"].tolist() == ["b"]
    assert found[["instrument", "currency", "weight"]].to_numpy().tolist() == [["index", "EUR", 1.0]]
    moved = benchmark.levelled(RETURNS[RETURNS["business_date"] >= DAYS[1]], levels, found)
    moved = moved[moved["instrument"].eq("index")]
    assert moved["business_date"].tolist() == list(sessions(*DAYS[1:]))
    assert moved["local_return"].tolist() == pytest.approx([0.1, -0.1, 0.0]), "the last level stands for a missing one"
    silent = Sources(delivered(), RETURNS, RATES, benchmark_levels=levels)
    assert not len(benchmark.closing_weights(silent, BOOKS, INSTRUMENTS, sessions(DAYS[1]))[1]), "nobody's levels"
    none = benchmark.closing_weights(sources, tables.empty("books"), INSTRUMENTS, sessions(DAYS[1]))
    assert [len(part) for part in none] == [0, 0]
