import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.performance import benchmarks
from tests.frames import frame, sessions

DAYS = sessions("2020-03-02", "2020-03-03", "2020-03-04", "2020-03-05", "2020-03-06")
INDEX = pd.DataFrame({"benchmark": ["index"], "base_currency": ["USD"], "calendar": ["XNYS"]})


def levels(*rows):
    return frame("benchmark_levels", "business_date benchmark level return_kind currency", *rows)


def told(known, rates=None, terms=None, weights=None, returns=None, days=DAYS):
    declared = frame("benchmark_terms", "benchmark valid_from", ("index", "2000-01-01"))
    sources = benchmarks.Sources(
        tables.empty("benchmark_weights") if weights is None else weights,
        tables.empty("returns") if returns is None else returns,
        tables.empty("fx_rates") if rates is None else rates,
        benchmark_levels=known,
        benchmark_terms=declared if terms is None else terms,
    )
    return benchmarks.computed(sources, INDEX, days)


def test_levels_of_a_price_index_are_called_so_and_one_line_stands_for_it():
    found = told(
        levels(*[(day, "index", at, "price", "USD") for day, at in zip(DAYS[:3], (100, 110, 99), strict=True)])
    )
    rows = found.returns.iloc[:3]
    assert rows["benchmark_return"].fillna(9).tolist() == pytest.approx([9, 0.1, -0.1], abs=1e-12)
    assert rows["convention"].unique().tolist() == ["published levels of a price index"]
    assert rows["status"].tolist() == ["benchmark: no return by levels, the last is of 2020-03-02", "ok", "ok"]
    assert found.lines[["instrument", "weight"]].drop_duplicates().to_numpy().tolist() == [["index", 1.0]]


def test_a_level_in_another_currency_comes_in_at_closing_rates():
    known = levels((DAYS[0], "index", 100.0, "total", "EUR"), (DAYS[1], "index", 110.0, "total", "EUR"))
    rates = frame(
        "fx_rates", "business_date base quote rate status",
        (DAYS[0], "EUR", "USD", 1.0, "ok"), (DAYS[1], "EUR", "USD", 1.2, "ok"),
    )  # fmt: skip
    row = told(known, rates).returns.iloc[1]
    assert row["benchmark_return"] == pytest.approx(0.32, abs=1e-12)
    assert row["local_return"] == pytest.approx(0.10, abs=1e-12)
    assert row["currency_return"] == pytest.approx(0.22, abs=1e-12)
    assert row["hedged_return"] == pytest.approx(0.12, abs=1e-12), "what was earned meanwhile is not hedged"
    assert row["convention"] == (
        "published levels, total return; forward premium of EUR taken as 0: no risk-free rates"
    )
    lacking = told(known).returns.iloc[1]
    assert np.isnan(lacking["benchmark_return"])
    assert lacking["status"] == "benchmark: no return by levels, the last is of 2020-03-03"


def test_a_missing_level_brings_its_move_later_and_five_sessions_are_the_limit():
    rows = told(levels((DAYS[0], "index", 100.0, "total", "USD"), (DAYS[3], "index", 110.0, "total", "USD"))).returns
    assert rows["benchmark_return"].tolist()[1:] == pytest.approx([0.0, 0.0, 0.1, 0.0], abs=1e-12)
    assert rows["status"].tolist()[2:4] == ["ok; no level of this session, that of 2020-03-02 stands", "ok"]
    later = pd.bdate_range("2020-03-09", periods=8).as_unit("us")
    old = told(
        levels((DAYS[4], "index", 100.0, "total", "USD"), (later[6], "index", 101.0, "total", "USD")), days=later
    )
    assert old.returns["benchmark_return"].isna().tolist() == [False] * 5 + [True, True, False]


def test_levels_count_only_where_declared_and_only_before_weights():
    known = levels(*[(day, "index", at, "price", "USD") for day, at in zip(DAYS, (100, 110, 99, 99, 99), strict=True)])
    silent = told(known, terms=tables.empty("benchmark_terms"))
    assert silent.returns["benchmark_return"].isna().all(), "contract 2.9: no weights yet, no return"
    assert silent.returns["status"].unique().tolist() == [
        "no benchmark weights yet; its levels count once benchmark_terms name it"
    ]
    assert not len(silent.lines)
    weights = frame("benchmark_weights", "business_date benchmark instrument weight", (DAYS[1], "index", "A", 1.0))
    earned = frame(
        "returns", "business_date instrument local_return currency status",
        *[(day, "A", 0.05, "USD", "ok") for day in DAYS],
    )  # fmt: skip
    both = told(known, weights=weights, returns=earned)
    assert both.returns["benchmark_return"].tolist()[1:4] == pytest.approx([0.1, 0.05, 0.05], abs=1e-12)
    bare = told(known, weights=weights, returns=earned, terms=tables.empty("benchmark_terms"))
    assert bare.returns["benchmark_return"].isna().tolist() == [True, True, False, False, False]


def test_terms_that_end_leave_the_defaults():
    known = levels(*[(day, "index", 100.0, "price", "USD") for day in DAYS])
    terms = frame("benchmark_terms", "benchmark valid_from valid_to", ("index", DAYS[0], DAYS[2]))
    assert told(known, terms=terms).returns["benchmark_return"].isna().tolist() == [True, False, False, True, True]
