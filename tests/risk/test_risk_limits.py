import numpy as np
import pytest

from daybook import tables
from daybook.risk import limits
from tests.frames import frame, sessions

TODAY = "2020-01-31"
COLUMNS = (
    "limit book valid_from measure dimension bucket basis warning soft hard valid_to"
    " method confidence horizon_days look_through"
)


def limit(
    measure,
    dimension="",
    bucket="",
    hard=0.5,
    warning=np.nan,
    basis="nav",
    name="L",
    book="",
    since="2019-01-01",
    until=None,
    soft=np.nan,
    model=("", np.nan, np.nan),
    through=False,
):
    return (name, book, since, measure, dimension, bucket, basis, warning, soft, hard, until, *model, through)


NONE = tables.empty("limit_raises")


def run(
    *rows,
    nav=1000.0,
    status="ok",
    var="ok",
    stress=(-100.0, -250.0),
    cumulative=(0.1, 0.32, 0.1),
    raised=NONE,
    through=tables.empty("look_through_exposures"),
    benchmarks=limits.no_benchmarks(),
    fluid=tables.empty("liquidity"),
    profile=tables.empty("liquidity_profile"),
):
    """One book: A (Tech) 600 long, B (Tech) 200 short, C (Energy) 100 long; VaR 30, ES 40."""
    book = (TODAY, "b")
    exposures = frame(
        "exposures",
        "business_date book dimension bucket long short gross net",
        (*book, "instrument", "A", 600.0, 0.0, 600.0, 600.0),
        (*book, "instrument", "B", 0.0, -200.0, 200.0, -200.0),
        (*book, "instrument", "C", 100.0, 0.0, 100.0, 100.0),
        (*book, "sector", "Tech", 600.0, -200.0, 800.0, 400.0),
        (*book, "sector", "Energy", 100.0, 0.0, 100.0, 100.0),
    )
    figure = (30.0, 40.0) if var == "ok" else (np.nan, np.nan)
    risk = frame(
        "var",
        "business_date book method confidence horizon_days var es status",
        (*book, "historical", 0.99, 1, *figure, var),
        (*book, "historical", 0.95, 1, 1.0, 2.0, "ok"),
    )
    books = frame("nav", "business_date book nav status reason", (*book, nav, status, "no price of X"))
    days = ("2020-01-29", "2020-01-30", TODAY)
    performance = frame(
        "performance",
        "business_date book daily_return cumulative_return status",
        *[(day, "b", c, c, "ok" if c == c else "no nav") for day, c in zip(days, cumulative, strict=True)],
    )
    losses = frame(
        "stress",
        "business_date book scenario pnl",
        *[(*book, f"s{i}", pnl) for i, pnl in enumerate(stress)],
    )
    told = limits.losses(risk, books, performance, losses, profile)
    measures = limits.Measures(books, exposures, through, benchmarks, fluid, told)
    return limits.usage(frame("limits", COLUMNS, *rows), raised, measures, sessions(TODAY))


@pytest.mark.parametrize(
    ("row", "value"),
    [
        (limit("long"), 0.7),
        (limit("short"), -0.2),
        (limit("gross"), 0.9),
        (limit("net"), 0.5),
        (limit("net", basis="money"), 500.0),
        (limit("gross", "sector", "Tech"), 0.8),
        (limit("net", "instrument", "B"), -0.2),
        (limit("gross", "sector", "Health"), 0.0),
        (limit("var"), 0.03),
        (limit("var", basis="money"), 30.0),
        (limit("es"), 0.04),
        (limit("drawdown"), round(1 - 1.1 / 1.32, 12)),
        (limit("stress_loss"), 0.25),
        (limit("stress_loss", basis="money"), 250.0),
    ],
)
def test_the_value_of_every_measure(row, value):
    found = run(row).iloc[0]
    assert found["value"] == pytest.approx(value, abs=1e-12)
    assert found["threshold"] == 0.5
    assert found["utilisation"] == pytest.approx(abs(value) / 0.5)
    assert found["reason"] == ""


@pytest.mark.parametrize(
    ("hard", "warning", "status"),
    [
        (0.19, np.nan, "breach"),
        (0.2, np.nan, "pass"),
        (0.3, 0.2, "warning"),
        (0.3, 0.21, "pass"),
        (-0.19, -0.1, "breach"),
    ],
)
def test_beyond_hard_is_a_breach_and_at_warning_a_warning(hard, warning, status):
    assert run(limit("short", hard=hard, warning=warning))["status"].tolist() == [status]
    assert run(limit("net", "instrument", "B", hard=hard, warning=warning))["status"].tolist() == [status]


def test_a_gain_in_the_worst_scenario_is_no_loss():
    found = run(limit("stress_loss", hard=0.05), stress=(100.0, 200.0)).iloc[0]
    assert (found["value"], found["status"]) == (-0.1, "pass")


def test_each_bucket_has_a_row():
    found = run(limit("gross", "sector", hard=0.5))
    assert found["bucket"].tolist() == ["Energy", "Tech"]
    assert found["status"].tolist() == ["pass", "breach"]
    assert run(limit("gross", "country")).to_dict("records")[0]["status"] == "pass"


@pytest.mark.parametrize(
    ("row", "kwargs", "reason"),
    [
        (limit("gross"), {"status": "failed"}, "nav failed: no price of X"),
        (limit("gross"), {"nav": -1.0}, "nav is not positive"),
        (limit("gross", basis="benchmark"), {}, "exposures of the benchmark are not available"),
        (limit("gross", basis="x"), {}, "unknown basis x"),
        (limit("gross", "colour"), {}, "unknown dimension colour"),
        (limit("gross", "", "Tech"), {}, "a bucket without a dimension"),
        (limit("weight"), {}, "unknown measure weight"),
        (limit("gross", hard=np.nan), {}, "the limit has no hard level"),
        (limit("var"), {"var": "80 scenarios, 100 needed"}, "80 scenarios, 100 needed"),
        (limit("var", "sector", "Tech"), {}, "var is known for the whole book only"),
        (limit("stress_loss"), {"stress": ()}, "there is no stress_loss for this session"),
        (limit("stress_loss"), {"stress": (np.nan,)}, "without s0"),
        (limit("drawdown", basis="money"), {}, "drawdown is a fraction and has no basis money"),
        (limit("drawdown"), {"cumulative": (0.1, 0.2, np.nan)}, "no nav"),
    ],
)
def test_what_cannot_be_evaluated_has_failed(row, kwargs, reason):
    found = run(row, **kwargs).iloc[0]
    assert (found["status"], found["reason"]) == ("failed", reason)
    assert np.isnan(found["value"])


def test_scenarios_left_out_are_named():
    found = run(limit("stress_loss"), stress=(np.nan, -250.0)).iloc[0]
    assert (found["value"], found["status"], found["reason"]) == (0.25, "pass", "without s0")


def test_drawdown_counts_from_the_start():
    assert run(limit("drawdown"), cumulative=(-0.1, -0.2, -0.15))["value"].tolist() == [0.15]


def test_limits_are_dated_and_those_of_a_book_go_first():
    assert run(limit("gross", since="2020-02-01")).empty
    assert run(limit("gross", until="2020-01-30")).empty
    assert len(run(limit("gross", until=TODAY))) == 1
    newer = run(limit("gross", hard=0.1), limit("gross", hard=0.2, since="2020-01-01"))
    assert newer["threshold"].tolist() == [0.2]
    ended = run(limit("gross", hard=0.1), limit("gross", hard=0.2, since="2020-01-01", until="2020-01-15"))
    assert ended.empty, "the version that ended replaced the older one"
    own = run(
        limit("gross", hard=0.1, book="b"), limit("gross", hard=0.2, since="2020-01-01"), limit("gross", book="c")
    )
    assert own["threshold"].tolist() == [0.1]
    assert run().empty
    assert tables.TABLES["limit_usage"].names == tuple(run().columns)
