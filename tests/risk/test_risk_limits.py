import numpy as np
import pytest

from daybook import tables
from daybook.risk import consumption, exposures, limits
from daybook.risk.var import NOTHING_KNOWN
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


NONE, CLOSED, FLUID, PROFILE = (
    tables.empty(name) for name in ("limit_raises", "look_through_exposures", "liquidity", "liquidity_profile")
)
INDEX = limits.no_benchmarks()


def run(
    *rows,
    nav=1000.0,
    status="ok",
    var="ok",
    stress=(-100.0, -250.0),
    cumulative=(0.1, 0.32, 0.1),
    raised=NONE,
    through=CLOSED,
    benchmarks=INDEX,
    fluid=FLUID,
    profile=PROFILE,
):
    """One book: A (Tech) 600 long, B (Tech) 200 short, C (Energy) 100 long; VaR 30, ES 40."""
    book = (TODAY, "b")
    held = frame(
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
        "business_date book method confidence horizon_days var es benchmark_var status",
        (*book, "historical", 0.99, 1, *figure, 40.0, var),
        (*book, "historical", 0.95, 1, 1.0, 2.0, np.nan, "ok"),
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
    measures = limits.Measures(books, held, through, benchmarks, fluid, told)
    return limits.usage(frame("limits", COLUMNS, *rows), raised, measures, sessions(TODAY))


VALUES = [
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
]


def together(cases, **kwargs):
    """The row of each case's limit, judged in one go under names of their own, with the case."""
    found = run(*[(str(number), *row[1:]) for number, (row, _) in enumerate(cases)], **kwargs).set_index("limit")
    return [(*case, found.loc[str(number)]) for number, case in enumerate(cases)]


def test_the_value_of_every_measure():
    for row, value, found in together(VALUES):
        assert found["value"] == pytest.approx(value, abs=1e-12), row
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


def test_levels_reached_headroom_and_owner():
    """Gross 0.9 of NAV."""
    found = run(limit("gross", hard=1.0, soft=0.85, warning=0.8)).iloc[0]
    assert (found["status"], found["reached"], found["headroom"]) == ("warning", "soft", 0.1)
    assert run(limit("gross", hard=1.0, soft=0.9))["reached"].tolist() == [""], "at soft is not beyond it"
    assert run(limit("gross", hard=0.8, soft=0.7, warning=0.6))["reached"].tolist() == ["hard"]
    assert run(limit("gross", hard=0.8))["headroom"].tolist() == [-0.1]
    assert run(limit("short", hard=0.3, warning=0.2))["reached"].tolist() == ["warning"]
    assert run(limit("gross", hard=0.1), status="failed")["reached"].tolist() == [""]


def test_a_raise_holds_from_its_first_to_its_last_day_and_says_who_approved_it():
    def raised(*rows):
        columns = "limit book valid_from valid_to soft hard reason approved_by"
        return run(limit("gross", hard=0.8, soft=0.7), raised=frame("limit_raises", columns, *rows)).iloc[0]

    now = ("L", "", "2020-01-31", "2020-01-31", np.nan, 1.0, "rebalance", "bob")
    found = raised(now)
    assert (found["threshold"], found["soft"], found["reached"]) == (1.0, 0.7, "soft")
    assert found["reason"] == "raised from 0.8 to 1 until 2020-01-31, approved by bob: rebalance"
    assert raised(("L", "", "2020-01-01", "2020-01-30", np.nan, 1.0, "x", "bob"))["threshold"] == 0.8
    assert raised(("L", "", "2020-02-01", "2020-02-03", np.nan, 1.0, "x", "bob"))["threshold"] == 0.8
    assert raised(("L", "", "2020-01-01", None, np.nan, 1.0, "never without end", "bob"))["threshold"] == 0.8
    assert raised(("L", "c", "2020-01-01", "2020-02-03", np.nan, 1.0, "another book", "bob"))["threshold"] == 0.8
    own = ("L", "b", "2020-01-01", "2020-02-03", 0.95, 1.1, "the book's own", "bob")
    found = raised(own, now)
    assert (found["threshold"], found["soft"], found["reached"]) == (1.1, 0.95, "")
    ended = ("L", "", "2020-01-30", "2020-01-30", np.nan, 2.0, "over", "bob")
    assert raised(ended, ("L", "", "2020-01-02", "2020-02-03", np.nan, 1.2, "still", "bob"))["threshold"] == 1.2


MADE = [
    (limit("largest"), 0.6),
    (limit("largest", "", "2"), 0.8),
    (limit("largest", "sector", "2", basis="money"), 900.0),
    (limit("concentration"), round((36 + 4 + 1) / 81, 12)),
    (limit("concentration", "sector"), round(65 / 81, 12)),
    (limit("stress_loss", "scenario", "s0"), 0.1),
    (limit("var", basis="benchmark"), 0.75),
    (limit("var", model=("historical", 0.95, 1.0)), 0.001),
    (limit("es", model=("historical", 0.95, np.nan)), 0.002),
    (limit("gross", "liquidity_bucket", "illiquid"), 0.3),
    (limit("liquidity", "", "5"), 0.25),
    (limit("net", "sector", "Tech", basis="benchmark"), -0.2),
    (limit("net", basis="benchmark"), -0.5),
    (limit("net", "sector", "Health", basis="benchmark"), -0.4),
    (limit("gross", "sector", "Tech", through=True), 0.5),
]


def test_measures_of_how_a_book_is_made():
    """Gross 600, 200, 100; B and C illiquid; benchmark 60 % Tech, 40 % Health, its VaR 40; A is a fund of 500 Tech."""
    columns = "business_date book dimension bucket long gross net coverage"
    inside = frame(
        "look_through_exposures",
        columns,
        (TODAY, "b", "instrument", "X", 500.0, 500.0, 500.0, 0.9),
        (TODAY, "b", "sector", "Tech", 500.0, 500.0, 500.0, 0.9),
    )
    index = [
        ("instrument", "P", 600.0),
        ("instrument", "Q", 400.0),
        ("sector", "Tech", 600.0),
        ("sector", "Health", 400.0),
    ]
    index = frame("look_through_exposures", columns, *[(TODAY, "b", d, b, v, v, v, 1.0) for d, b, v in index])
    cases = together(
        MADE,
        through=inside,
        benchmarks=index.assign(look_through=False),
        fluid=frame(
            "liquidity", "business_date book instrument liquidity_bucket", (TODAY, "b", "A", "highly_liquid"),
            (TODAY, "b", "B", "illiquid"),
        ),
        profile=frame(
            "liquidity_profile", "business_date book horizon_days liquidated_fraction", (TODAY, "b", 5, 0.75),
        ),
    )  # fmt: skip
    for row, value, found in cases:
        assert found["value"] == pytest.approx(value, abs=1e-12), row
        assert found["reason"] == ("90 % looked through" if row[-1] else "")


def test_one_row_for_each_scenario_and_each_bucket_of_either_side():
    found = run(limit("stress_loss", "scenario", hard=0.2), stress=(-100.0, -250.0))
    assert found[["bucket", "status"]].to_numpy().tolist() == [["s0", "pass"], ["s1", "breach"]]
    columns = "business_date book dimension bucket long gross net"
    index = frame("look_through_exposures", columns, *[(TODAY, "b", "sector", "Health", *[1000.0] * 3)])
    found = run(limit("net", "sector", basis="benchmark"), benchmarks=index.assign(look_through=False))
    assert dict(zip(found["bucket"], found["value"], strict=True)) == {"Energy": 0.1, "Health": -1.0, "Tech": 0.4}


UNMEASURED = [
    (limit("largest", "", "half"), "bucket half is no number of buckets"),
    (limit("largest", "colour"), "unknown dimension colour"),
    (limit("largest", basis="benchmark"), "largest has no basis benchmark"),
    (limit("concentration", basis="money"), "concentration is a fraction and has no basis money"),
    (limit("liquidity", "", "5"), "there is no liquidity after 5 sessions for this session"),
    (limit("liquidity", "", "soon"), "bucket soon is no number of sessions"),
    (limit("gross", "liquidity_bucket", "illiquid"), "liquidity is not known for this session"),
    (limit("net", "strategy", "x", basis="benchmark"), "no benchmark has a strategy"),
    (limit("beta_adjusted"), "beta_adjusted is not known"),
    (
        limit("var", model=("filtered", 0.99, 1.0)),
        "there is no var filtered at 0.99 over 1 sessions for this session",
    ),
    (limit("stress_loss", "scenario", "x"), "there is no stress_loss of scenario x for this session"),
    (limit("es", basis="benchmark"), "es has no basis benchmark"),
    (
        limit("var", basis="benchmark", model=("historical", 0.95, 1.0)),
        "there is no var of the benchmark for this session",
    ),
]


def test_what_nobody_has_measured_has_failed():
    for _, reason, found in together(UNMEASURED):
        assert (found["status"], found["reason"]) == ("failed", reason)


def test_what_a_limit_said_before_is_of_the_books_own_session_before():
    """On the 30th the book held 500 of A at a NAV of 2000, with a VaR of 20: 0.25 and 0.01."""
    days = ["2020-01-29", "2020-01-30", TODAY]
    values = frame(
        "valuations",
        "business_date book instrument currency exposure_base market_value_base",
        *[(day, "b", "A", "USD", value, value) for day, value in zip(days, (100.0, 500.0, 600.0), strict=True)],
    )
    nav = frame(
        "nav",
        "business_date book nav status",
        *[(d, "b", n, "ok") for d, n in zip(days, (1000.0, 2000.0, 1000.0), strict=True)],
    )
    var = frame(
        "var", "business_date book method confidence horizon_days var es status",
        *[(day, "b", "historical", 0.99, 1, v, v, "ok") for day, v in zip(days, (1.0, 20.0, 30.0), strict=True)],
    )  # fmt: skip
    rows = [
        limit("gross", name="G"),
        limit("var", name="V"),
        limit("stress_loss", name="S"),
        limit("gross", name="T", through=True),
    ]
    empties = {name: tables.empty(name) for name in ("performance", "stress", "liquidity", "liquidity_profile")}
    instruments = frame("instruments", "instrument", ("A",))
    found = limits.limit_usage(
        frame("limits", COLUMNS, *rows),
        NONE,
        exposures.exposures(values, instruments, nav, sessions(TODAY)),
        tables.empty("look_through_exposures"),
        values,
        nav,
        var,
        *empties.values(),
        limits.no_benchmarks(),
        instruments,
        sessions(TODAY),
        exposures.NOTHING,
    ).set_index("limit")
    assert found.loc["G", ["value", "previous"]].tolist() == [0.6, 0.25]
    assert found.loc["V", ["value", "previous"]].tolist() == [0.03, 0.01]
    assert found.loc[["S", "T"], "previous"].isna().all()


def test_which_trade_used_a_limit_and_which_freed_it():
    """A: 300 long after buying 100 and selling 40, at 2 a unit; B sold out for 50; S sold short for 69. NAV 1000."""
    day = TODAY
    values = frame(
        "valuations", "business_date book instrument currency quantity fx_rate exposure_base market_value_base",
        (day, "b", "A", "USD", 150.0, 1.0, 300.0, 300.0), (day, "b", "S", "USD", -10.0, 1.0, -70.0, -70.0),
        (day, "b", "CASH:USD", "USD", 0.0, 1.0, 700.0, 700.0),
    )  # fmt: skip
    postings = frame(
        "postings", "business_date book transaction_id posting kind ledger_account instrument currency debit quantity",
        (day, "b", "T1", 1, "buy", "securities", "A", "USD", 90.0, 50.0),
        (day, "b", "T1", 2, "buy", "unsettled", "", "USD", -90.0, 0.0),
        (day, "b", "T2", 1, "sell", "securities", "A", "USD", -36.0, -20.0),
        (day, "b", "T2", 2, "sell", "unsettled", "", "USD", 41.0, 0.0),
        (day, "b", "T3", 1, "sell", "securities", "B", "USD", -45.0, -5.0),
        (day, "b", "T3", 2, "sell", "unsettled", "", "USD", 50.0, 0.0),
        (day, "b", "T4", 1, "sell", "securities", "S", "USD", -60.0, -10.0),
        (day, "b", "T4", 2, "sell", "unsettled", "", "USD", 69.0, 0.0),
        (day, "b", "T1", 3, "settlement", "cash", "", "USD", -7.0, 0.0),
    )  # fmt: skip
    nav = frame("nav", "business_date book nav status base_currency", (day, "b", 1000.0, "ok", "USD"))
    instruments = frame("instruments", "instrument sector", ("A", "Tech"), ("B", "Energy"), ("S", "Tech"))
    rows = [
        limit("gross", name="G", basis="money", hard=5000), limit("net", "sector", "Tech", name="N"),
        limit("short", "instrument", "S", name="S"), limit("gross", name="T", through=True),
        limit("long", "currency", "USD", name="C", basis="money", hard=5000),
    ]  # fmt: skip
    declared, none = frame("limits", COLUMNS, *rows), tables.empty("look_through_exposures")
    held = exposures.exposures(values, instruments, nav, sessions(day))
    lost = limits.losses(*(tables.empty(t) for t in ("var", "nav", "performance", "stress", "liquidity_profile")))
    measures = limits.Measures(nav, held, none, limits.no_benchmarks(), tables.empty("liquidity"), lost)
    usage = limits.usage(declared, NONE, measures, sessions(day))
    found = consumption.limit_consumption(
        usage, declared, postings, values, nav, instruments, exposures.NOTHING, sessions(day)
    )
    used = {(row.limit, row.transaction_id): row.consumed for row in found.itertuples()}
    assert used == {
        ("G", "T1"): 100.0, ("G", "T2"): -40.0, ("G", "T3"): -50.0, ("G", "T4"): 70.0,
        ("N", "T1"): 0.1, ("N", "T2"): -0.04, ("N", "T4"): -0.07, ("S", "T4"): 0.07,
        ("C", "T1"): 10.0, ("C", "T2"): 1.0, ("C", "T4"): 69.0,
    }  # fmt: skip


def test_var_of_what_nobody_knows_is_no_pass():
    row = ("historical", 0.99, 1)
    known = frame(
        "var",
        "business_date book method confidence horizon_days var es coverage proxy_coverage status",
        (TODAY, "half", *row, 1.0, 2.0, 0.4, 0.1, "ok"),
        (TODAY, "none", *row, 0.0, 0.0, 0.0, 0.0, NOTHING_KNOWN),
    )
    books = frame("nav", "business_date book nav status", (TODAY, "half", 1000.0, "ok"), (TODAY, "none", 1000.0, "ok"))
    empty = [tables.empty(name) for name in ("performance", "stress", "liquidity_profile")]
    found = limits.losses(known, books, *empty).set_index(["book", "measure"])
    assert found.loc[("half", "var"), ["money", "why"]].tolist() == [1.0, "50 % of value has a history or a proxy"]
    assert found.loc["none", "money"].isna().all()
    assert found.loc["none", "why"].str.startswith(NOTHING_KNOWN).all()
