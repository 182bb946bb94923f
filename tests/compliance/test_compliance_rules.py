import numpy as np
import pytest

from daybook.compliance import rules
from daybook.risk.exposures import exposures
from tests.frames import frame, sessions

YESTERDAY, TODAY = "2020-01-30", "2020-01-31"
COLUMNS = "rule valid_from kind book dimension bucket basis warning threshold valid_to"


def rule(kind, dimension="instrument", bucket="", threshold=0.1, warning=np.nan, name="R", basis="nav", book=""):
    return (name, "2019-01-01", kind, book, dimension, bucket, basis, warning, threshold, None)


def run(*rows, before, now, moves=None, nav=1000.0, status="ok", opened=1000.0):
    """One book that held ``before`` yesterday and holds ``now``; ``moves`` is what prices did to ``before``."""
    columns = "business_date book instrument currency market_value_base exposure_base"
    valuations = frame(
        "valuations",
        columns,
        *[(YESTERDAY, "b", name, "USD", v, v) for name, v in before.items()],
        *[(TODAY, "b", name, "USD", v, v) for name, v in now.items()],
    )
    pnl = frame(
        "pnl",
        "business_date book instrument price_pnl fx_pnl",
        *[(TODAY, "b", name, move / 2, move / 2) for name, move in (moves or {}).items()],
    )
    books = frame(
        "nav",
        "business_date book nav status reason",
        (YESTERDAY, "b", opened, "ok", ""),
        (TODAY, "b", nav, status, "no price of X"),
    )
    instruments = frame("instruments", "instrument sector", ("A", "Tech"), ("B", "Tech"), ("C", "Tobacco"))
    days = sessions(TODAY)
    held = exposures(valuations, instruments, books, days)
    return rules.evaluate(frame("rules", COLUMNS, *rows), held, valuations, pnl, books, instruments, days)


def test_a_weight_above_the_threshold_is_a_breach():
    found = run(rule("max_weight", warning=0.08), before={}, now={"A": 100.1, "B": 90.0, "C": 79.0})
    assert found["bucket"].tolist() == ["A", "B", "C"]
    assert found["status"].tolist() == ["breach", "warning", "pass"]
    assert found["value"].tolist() == [0.1001, 0.09, 0.079]
    assert found["threshold"].tolist() == [0.1] * 3
    assert found["denominator"].tolist() == [1000.0] * 3
    assert found["reason"].tolist()[0] == "max_weight: A is 10.01 % of nav, threshold 10.0 %"
    assert found["reason"].tolist()[2] == ""


def test_exactly_the_threshold_passes():
    assert run(rule("max_weight"), before={}, now={"A": 100.0})["status"].tolist() == ["pass"]
    assert run(rule("min_weight"), before={}, now={"A": 100.0})["status"].tolist() == ["pass"]


def test_a_weight_below_the_least_is_a_breach():
    found = run(rule("min_weight", "asset_class", "cash", 0.05, 0.06), before={}, now={"CASH:USD": 49.0})
    assert (found["status"].tolist(), found["value"].tolist()) == (["breach"], [0.049])
    near = run(rule("min_weight", "asset_class", "cash", 0.05, 0.06), before={}, now={"CASH:USD": 55.0})
    assert near["status"].tolist() == ["warning"]
    absent = run(rule("min_weight", "asset_class", "cash", 0.05), before={}, now={"A": 10.0})
    assert (absent["status"].tolist(), absent["value"].tolist()) == (["breach"], [0.0])


def test_positions_of_both_signs_set_off_in_a_weight_and_not_where_prohibited():
    held = {"A": 200.0, "B": -150.0}
    net = run(rule("max_weight", "sector"), before={}, now=held)
    assert (net["status"].tolist(), net["value"].tolist()) == (["pass"], [0.05])
    gross = run(rule("prohibited", "sector", "Tech", np.nan), before={}, now=held)
    assert (gross["status"].tolist(), gross["value"].tolist(), gross["threshold"].tolist()) == (
        ["breach"],
        [0.35],
        [0.0],
    )


def test_prohibited_and_not_held_passes():
    found = run(rule("prohibited", "sector", "Tobacco", np.nan), before={}, now={"A": 10.0})
    assert (found["bucket"].tolist(), found["status"].tolist()) == (["Tobacco"], ["pass"])


def test_nothing_held_in_the_dimension_is_one_row_that_passes():
    found = run(rule("max_weight", "issuer"), before={}, now={"CASH:USD": 10.0})
    assert (found["bucket"].tolist(), found["status"].tolist()) == ([""], ["pass"])


@pytest.mark.parametrize(
    ("before", "moves", "cause"),
    [
        ({"A": 90.0}, {"A": 20.0}, "passive"),  # the price carried it over
        ({"A": 90.0}, {"A": 0.0}, "active"),  # bought over it
        ({}, {}, "active"),
        ({"A": 150.0}, {"A": 0.0}, "passive"),  # sold some of what was too much
    ],
)
def test_a_breach_is_active_when_the_days_trading_made_it(before, moves, cause):
    found = run(rule("max_weight"), before=before, now={"A": 110.0}, moves=moves)
    assert (found["status"].tolist(), found["cause"].tolist()) == (["breach"], [cause])


def test_a_breach_that_a_withdrawal_made_is_passive():
    found = run(
        rule("max_weight"), before={"A": 90.0, "CASH:USD": 910.0}, now={"A": 90.0, "CASH:USD": 410.0}, nav=500.0
    )
    assert (found["value"].tolist(), found["cause"].tolist()) == ([0.18], ["passive"])


def test_what_was_sold_counts_in_the_bucket_it_came_from():
    held = {"before": {"A": 110.0}, "now": {"B": 110.0}, "moves": {"A": 0.0}}
    assert run(rule("max_weight", "sector"), **held)["cause"].tolist() == ["passive"]
    assert run(rule("max_weight", "instrument"), **held)["cause"].tolist() == ["active"]


def test_a_pass_has_no_cause():
    assert run(rule("max_weight"), before={}, now={"A": 1.0})["cause"].tolist() == [""]


@pytest.mark.parametrize(
    ("row", "kwargs", "reason"),
    [
        (rule("max_weight"), {"status": "failed"}, "nav failed: no price of X"),
        (rule("max_weight"), {"nav": 0.0}, "nav is not positive"),
        (rule("max_weight", threshold=np.nan), {}, "the rule has no threshold"),
        (rule("max_weight", basis="money"), {}, "basis money is not available"),
        (rule("max_weight", "colour"), {}, "unknown dimension colour"),
        (rule("best_weight"), {}, "unknown kind best_weight"),
    ],
)
def test_what_cannot_be_evaluated_has_failed(row, kwargs, reason):
    found = run(row, before={}, now={"A": 500.0}, **kwargs)
    assert found["status"].tolist() == ["failed"]
    assert found["reason"].tolist() == [reason]
    assert found["value"].isna().all()
    assert found["cause"].tolist() == [""]


def test_rules_name_books_and_no_rule_gives_no_row():
    assert run(rule("max_weight", book="other"), before={}, now={"A": 500.0}).empty
    assert run(before={}, now={"A": 500.0}).empty
    own = run(rule("max_weight", threshold=0.6, book="b"), rule("max_weight"), before={}, now={"A": 500.0})
    assert (own["threshold"].tolist(), own["status"].tolist()) == ([0.6], ["pass"])
