"""Ratios: by hand, beside numpy and scipy, and what they say where they are not defined."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from daybook import calendars, tables
from daybook.performance import kernel, periods, ratios
from daybook.performance.sample import READINGS, Sample
from tests.frames import frame

D = pd.Timestamp("2022-12-27")
DAYS = calendars.sessions("XNYS", "2020-06-01", D)


def figures(book, market=None, free=0.0, target=0.0, years=2.0, periods_per_year=12.0, confidence=(0.95, 1, 20)):
    """Every ratio of one series; target a year."""
    size, one = len(book), np.ones(1)
    spans = np.array([[0, -1 if market is None else 0, 0, 0, size, *confidence[1:]]])
    beside = [np.zeros(size) if market is None else market]
    months = np.arange(size) // 2
    read = kernel.readings([book], beside, np.full((1, size), free), months, spans, one * target / periods_per_year)
    sample = Sample(read, one * years, one * periods_per_year, one * target, one * confidence[0])
    return {name: float(values[0]) for name, values in ratios.figures(sample).items()}


def performance(**books):
    """Table ``performance`` of books whose (returns, benchmark) end on ``D``."""
    frames = []
    for book, (earned, beside) in books.items():
        days = DAYS[-len(earned) :]
        frames.append(
            pd.DataFrame(
                {
                    "business_date": days,
                    "book": book,
                    "daily_return": earned,
                    "benchmark_return": beside,
                    "status": "ok",
                }
            )
        )
    return pd.concat(frames, ignore_index=True).astype({"book": "str", "status": "str"})


def measured(rows, rules=(), rates=()):
    books = [(book, "USD", "XNYS") for book in rows["book"].unique()]
    found = ratios.measured(
        rows,
        periods.spans(rows, D),
        frame("performance_rules", "book valid_from periods_per_year target_return confidence", *rules),
        frame("risk_free_rates", "business_date currency tenor rate day_count", *rates),
        frame("books", "book base_currency calendar", *books),
    )
    assert np.isfinite(found["value"].dropna()).all()
    assert found["status"].str.startswith("ok").eq(found["value"].notna()).all()
    return found.set_index(["book", "period", "ratio"])


def waves(count, scale=0.01):
    """Returns that rise and fall, none of them twice in a row the same."""
    return scale * np.sin(np.arange(count) * 1.7) + scale / 10


HAND = [0.10, -0.05, 0.02, -0.01]
MARKET = [0.08, -0.04, 0.01, -0.02]


def test_four_returns_by_hand():
    found = figures(HAND, MARKET, free=0.001, target=0.12, years=2.0)
    wealth = 1.10 * 0.95 * 1.02 * 0.99
    expected = {
        "mean_return": 0.015 * 12,
        "annual_return": wealth**0.5 - 1,
        "annual_risk_free": 1.001**2 - 1,
        "excess_return": wealth**0.5 - 1.001**2,
        "best_session": 0.10,
        "worst_session": -0.05,
        "best_month": 1.10 * 0.95 - 1,
        "worst_month": 1.02 * 0.99 - 1,
        "average_gain": 0.06,
        "average_loss": -0.03,
        "payoff_ratio": 2.0,
        "kelly_fraction": 0.5 - 0.5 / 2,
        "hit_rate": 0.5,
        "monthly_hit_rate": 1.0,
        "longest_gain": 1,
        "longest_loss": 1,
        "volatility": np.sqrt((0.085**2 + 0.065**2 + 0.005**2 + 0.025**2) / 3 * 12),
        "sharpe": 0.014 / np.sqrt((0.085**2 + 0.065**2 + 0.005**2 + 0.025**2) / 3) * np.sqrt(12),
        "downside_deviation": np.sqrt((0.06**2 + 0.02**2) / 4 * 12),
        "upside_potential": (0.09 + 0.01) / 4,
        "sortino": 0.005 / np.sqrt((0.06**2 + 0.02**2) / 4) * np.sqrt(12),
        "omega": 0.10 / 0.08,
        "bernardo_ledoit": 2.0,
        "d_ratio": 0.5,
        "max_drawdown": 0.95 * 1.02 * 0.99 / 1 - 1 if 0.95 * 1.02 * 0.99 < 0.95 else -0.05,
        "current_drawdown": 0.95 * 1.02 * 0.99 - 1,
        "drawdown_count": 1,
        "longest_under_water": 3,
        "time_under_water": 0.75,
        "pain_index": (0.05 + (1 - 0.95 * 1.02) + (1 - 0.95 * 1.02 * 0.99)) / 4,
        "calmar": (wealth**0.5 - 1) / 0.05,
        "sterling": (wealth**0.5 - 1) / 0.15,
        "recovery_factor": (wealth - 1) / 0.05,
        "value_at_risk": 0.05,
        "expected_shortfall": 0.05,
        "tail_ratio": 2.0,
        "active_return": wealth**0.5 - (1.08 * 0.96 * 1.01 * 0.98) ** 0.5,
        "tracking_error": np.sqrt((0.0125**2 + 0.0175**2 + 0.0025**2 + 0.0025**2) / 3 * 12),
        "information_ratio": 0.0075 * 12 / np.sqrt((0.0125**2 + 0.0175**2 + 0.0025**2 + 0.0025**2) / 3 * 12),
        "benchmark_hit_rate": 0.75,
        "up_capture": 0.12 / 0.09,
        "down_capture": 1.0,
        "up_number": 1.0,
        "down_number": 1.0,
        "up_percentage": 1.0,
        "down_percentage": 0.5,
        "active_drawdown": 0.95 / 0.96 - 1,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_a_recovery_counts_from_the_lowest_point():
    found = figures([0.1, -0.1, -0.1, 0.1, 0.2, -0.05, 0.06])
    assert found["drawdown_count"] == 2
    assert found["max_drawdown"] == pytest.approx(-0.19)
    assert found["average_drawdown"] == pytest.approx(-0.12)
    assert (found["longest_recovery"], found["average_recovery"]) == (2, 1.5)
    assert found["longest_under_water"] == 4  # from the first session's peak: two down, two up
    assert found["burke"] == pytest.approx(found["excess_return"] / np.hypot(0.19, 0.05))


def test_moments_slopes_and_tails_are_those_of_numpy_and_scipy():
    draw = np.random.default_rng(6)
    market = draw.standard_t(4, 700) / 100
    book = 0.6 * market + draw.normal(0.0004, 0.005, 700)
    free = 0.0001
    found = figures(book, market, free=free, years=700 / 252, periods_per_year=252.0)
    slope = stats.linregress(market - free, book - free)
    worst = np.sort(book)[:35]
    up = market > 0
    quadratic = np.linalg.lstsq(
        np.column_stack([np.ones(700), market - free, (market - free) ** 2]), book - free, rcond=None
    )[0]
    expected = {
        "volatility": book.std(ddof=1) * 252**0.5,
        "skewness": stats.skew(book),
        "sample_skewness": stats.skew(book, bias=False),
        "excess_kurtosis": stats.kurtosis(book),
        "sample_excess_kurtosis": stats.kurtosis(book, bias=False),
        "jarque_bera": stats.jarque_bera(book).statistic,
        "normality": stats.jarque_bera(book).pvalue,
        "value_at_risk": -worst[-1],
        "expected_shortfall": -worst.mean(),
        "rachev_ratio": -np.sort(book)[-35:].mean() / worst.mean(),
        "gaussian_var": -stats.norm.ppf(0.05, book.mean(), book.std(ddof=1)),
        "beta": slope.slope,
        "alpha": slope.intercept * 252,
        "alpha_t": slope.intercept / slope.intercept_stderr,
        "correlation": slope.rvalue,
        "specific_risk": np.sqrt(
            ((book - free - slope.intercept - slope.slope * (market - free)) ** 2).sum() / 698 * 252
        ),
        "bull_beta": np.polyfit(market[up], book[up], 1)[0],
        "bear_beta": np.polyfit(market[~up], book[~up], 1)[0],
        "market_timing": quadratic[2],
        "manipulation_proof": -126 * np.log(np.mean(((1 + book) / (1 + free)) ** -2.0)),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("tail", "k"), [((0.99, 1, 100), 7), ((0.5, 1, 2), 350)])
def test_a_tail_of_any_size_is_exact(tail, k):
    book = np.random.default_rng(3).standard_t(3, 700) / 100
    found = figures(book, confidence=tail)
    assert found["value_at_risk"] == -np.sort(book)[k - 1]
    assert found["expected_shortfall"] == pytest.approx(-np.sort(book)[:k].mean(), rel=1e-12)


def test_missing_sessions_are_left_out_and_the_benchmark_is_read_in_pairs():
    book, market = waves(60), waves(60, 0.008)[::-1].copy()
    book[[3, 40]], market[[5, 6, 40]] = np.nan, np.nan
    there, both = ~np.isnan(book), ~np.isnan(book) & ~np.isnan(market)
    found, alone, paired = figures(book, market), figures(book[there]), figures(book[both], market[both])
    for name, ratio in ratios.RATIOS.items():
        if "month" not in name:  # a month that misses sessions is another month
            expected = paired[name] if ratio.beside else alone[name]
            assert found[name] == pytest.approx(expected, rel=1e-12, nan_ok=True), name


def test_what_is_not_defined_is_empty_with_the_reason():
    flat, risen = np.full(30, 0.001), np.linspace(0.001, 0.002, 30)
    found = measured(
        performance(FLAT=(flat, flat), RISEN=(risen, np.nan), NEW=(risen[:5], risen[:5]), GONE=(-risen * 600, 0.0))
    )
    status = found["status"]
    assert status["FLAT", "inception", "sharpe"] == "no volatility"
    assert status["FLAT", "inception", "beta"] == "the benchmark does not move"
    assert status["FLAT", "inception", "information_ratio"] == "no tracking error"
    assert status["RISEN", "inception", "sortino"] == "no session below the target"
    assert status["RISEN", "inception", "average_drawdown"] == "no drawdown"
    assert status["RISEN", "inception", "tracking_error"] == "no benchmark return"
    assert status["NEW", "inception", "volatility"] == "fewer than 20 sessions"
    assert found["value"]["NEW", "inception", "best_session"] == pytest.approx(risen[4])
    assert status["RISEN", "inception", "annual_return"] == "shorter than a year: not scaled up to one"
    assert found["value"]["GONE", "inception", "max_drawdown"] == -1
    assert set(found.index.get_level_values("period")) == {"year", "inception"}


def test_holes_are_counted_and_an_empty_book_has_no_session():
    rows = performance(A=(waves(40), waves(40, 0.02)))
    rows.loc[[4, 7], "daily_return"] = np.nan
    rows.loc[9, "benchmark_return"] = np.nan
    whole = measured(rows)
    assert whole["status"]["A", "inception", "volatility"] == "ok; 2 of 40 sessions without a return are left out"
    assert whole["status"]["A", "inception", "beta"] == "ok; 3 of 40 sessions without a return are left out"
    assert whole["observations"]["A", "inception", "beta"] == 37
    rows.loc[[4, 7], "status"] = "no capital: the book was empty"
    assert measured(rows)["status"]["A", "inception", "volatility"] == "ok"


def test_rules_and_risk_free_rates_are_said_and_used():
    rows = performance(A=(waves(300), waves(300, 0.02)), B=(waves(300), waves(300, 0.02)))
    since = pd.Timestamp("2020-01-01")
    rules = ("", since, 252.0, 0.0, 0.95), ("B", since, 260.0, 0.52, 0.95)
    given = DAYS[-200]
    found = measured(rows, rules, [(given, "USD", "1D", 0.0365, "ACT/365")])
    value, said = found["value"], found["convention"]
    count = ((DAYS > pd.Timestamp("2021-12-27")) & (DAYS <= D)).sum()
    for book, scale in (("A", 252), ("B", 260)):
        assert value[book, "one_year", "volatility"] == pytest.approx(
            waves(300)[-count:].std(ddof=1) * scale**0.5, rel=1e-6
        )
        assert said[book, "one_year", "volatility"].endswith(f"x root of {scale} sessions a year")
    assert said["B", "one_year", "omega"].startswith("sum of what exceeds a target of 0.52 a year / 260")
    short = np.minimum(waves(300)[-count:] - 0.002, 0)
    assert value["B", "one_year", "downside_deviation"] == pytest.approx(np.sqrt((short**2).mean() * 260), rel=1e-9)
    years = ((D - DAYS[-300]).days + 1) / 365.25
    assert value["A", "inception", "annual_return"] == pytest.approx(
        np.prod(1 + waves(300)) ** (1 / years) - 1, abs=1e-12
    )
    assert said["A", "inception", "sharpe"].endswith(f"risk-free of USD, 0 until {given:%Y-%m-%d}")
    assert measured(rows)["convention"]["A", "inception", "sharpe"].endswith("risk-free 0: no rate of USD is given")
    # A rate of the first session is earned from the next one on.
    for first, words in (
        (DAYS[-300], f"risk-free of USD, 0 until {DAYS[-300]:%Y-%m-%d}"),
        (DAYS[-301], "risk-free of USD"),
    ):
        late = measured(rows.loc[rows["book"].eq("A")], rules, [(first, "USD", "1D", 0.0365, "ACT/365")])
        assert late["convention"]["A", "inception", "sharpe"].endswith(words)
    assert value["A", "one_year", "annual_risk_free"] == pytest.approx(np.exp(0.0001 * (D - given).days) - 1, rel=1e-3)


def test_the_risk_free_return_of_a_year_links_to_that_of_the_sessions():
    rows = performance(A=(waves(300), np.nan), EMPTY=(np.full(2, np.nan), np.nan))
    rates = frame(
        "risk_free_rates", "business_date currency tenor rate day_count", (DAYS[0], "USD", "1D", 0.036, "ACT/360")
    )
    books = frame("books", "book base_currency calendar", ("A", "USD", "XNYS"), ("EMPTY", "USD", "XNYS"))
    rules = tables.empty("performance_rules")
    found = ratios.scales(rows, periods.spans(rows, D), rules, rates, books)
    days = DAYS[-301:]
    linked = np.prod(1 + 0.0001 * (days[1:] - days[:-1]).days)
    assert (1 + found.loc["A", "risk_free"]) ** (300 / 252) == pytest.approx(linked, rel=1e-12)
    assert found.loc["EMPTY"].tolist() == [252, 0]


def test_a_book_does_not_depend_on_others_nor_on_the_order_of_rows():
    a, b = (waves(280), waves(280, 0.02)), (waves(500, 0.03), waves(500))
    both, alone = measured(performance(A=a, B=b).sample(frac=1, random_state=1)), measured(performance(A=a))
    pd.testing.assert_frame_equal(both.loc[["A"]], alone, check_exact=True)


def test_no_book_gives_no_row():
    nothing = performance(A=(waves(3), waves(3))).iloc[:0]
    found = ratios.measured(
        nothing,
        periods.spans(nothing, D),
        *(tables.empty(name) for name in ("performance_rules", "risk_free_rates", "books")),
    )
    assert found.empty
    assert list(found) == list(tables.TABLES["ratios"].names)


def test_every_ratio_is_registered_once_with_its_words():
    assert len(ratios.RATIOS) == len(ratios.REGISTRY) >= 100
    assert set(ratios.HEADLINE) <= set(ratios.RATIOS)
    for ratio in ratios.REGISTRY:
        assert min(len(ratio.convention), len(ratio.source)) > 0, ratio.name
        assert ratio.unit in ("percent", "number", "count"), ratio.name
    assert kernel.readings(*nothing(), np.array([[0, -1, 0, 0, 5, 1, 20]]), np.zeros(1)).dtype.names == tuple(READINGS)


def nothing():
    return np.zeros((1, 5)), np.zeros((0, 5)), np.zeros((1, 5)), np.zeros(5)


WRONG = [[1, -1, 0, 0, 5, 1, 20], [0, 0, 0, 0, 5, 1, 20], [0, -1, 0, 3, 2, 1, 20], [0, -1, 0, 0, 6, 1, 20]]


@pytest.mark.parametrize("span", [*WRONG, [0, -1, 0, 0, 5, 0, 1]])
def test_a_span_that_there_is_not_is_refused(span):
    with pytest.raises(ValueError, match="that there is not"):
        kernel.readings(*nothing(), np.array([span]), np.zeros(1))


def test_a_session_that_linking_passes_over_is_in_no_ratio():
    earned = waves(300)
    rows = performance(A=(earned, earned), B=(np.delete(earned, 7), np.delete(earned, 7)))
    rows.loc[7, ["daily_return", "status"]] = 10_000.0, "ok; tiny capital: below a millionth of what it was, not linked"
    found = measured(rows).xs("inception", level="period")["value"].unstack("book")
    for name in ("volatility", "best_session", "mean_return", "max_drawdown"):
        assert found.loc[name, "A"] == found.loc[name, "B"]
