"""Scenarios of every method, by hand: weights, horizons, filters, proxies, simulation, the benchmark."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.risk import filtering, models, proxies, scenarios, simulation, var, volatility
from daybook.risk.models import Model
from daybook.risk.scenarios import Facts
from tests.frames import frame, sessions
from tests.risk.firm import firm

TODAY = sessions("2020-01-31")


def book(returns, held, nav=1000.0, rate=1.0):
    """Inputs of one USD book: ``returns`` by instrument (None for none), the last on today; ``held`` by instrument.

    The euro earns ``rate`` - 1 a session; what begins with E is in euro.
    """
    length = max(len(each) for each in returns.values())
    dates = pd.bdate_range(end="2020-01-31", periods=length + 1).as_unit("us")
    currency = {name: "EUR" if name.removeprefix("CASH:").startswith("E") else "USD" for name in {*returns, *held}}
    rows = [
        (date, name, value, currency[name], "ok")
        for name, each in returns.items()
        for date, value in zip(dates[1:], each, strict=True)
        if value is not None
    ]
    return (
        frame(
            "valuations",
            "business_date book instrument currency market_value_base exposure_base",
            *[("2020-01-31", "b", name, currency[name], value, value) for name, value in held.items()],
        ),
        frame("nav", "business_date book nav status", ("2020-01-31", "b", nav, "ok")),
        frame("returns", "business_date instrument local_return currency status", *rows),
        frame(
            "fx_rates",
            "business_date base quote rate status",
            *[(date, "EUR", "USD", rate**i, "ok") for i, date in enumerate(dates)],
        ),
        frame(
            "instruments",
            "instrument currency issuer sector",
            *[(name, currency[name], "acme", "Energy") for name in returns],
        ),
        TODAY,
    )


def declared(method, horizon_days=1.0, **cells):
    """Facts with one row of ``var_models``."""
    given = {"method": method, "horizon_days": horizon_days, **cells}
    return frame("var_models", " ".join(given), tuple(given.values()))


def day_of(inputs, **facts):
    return next(scenarios.days(*inputs, Facts(**facts)))


def vector(inputs, model, **facts):
    return day_of(inputs, **facts).scenarios(model).pnl[0]


def rows_of(inputs, facts=None, model=models.HISTORICAL):
    """Rows of table ``var`` under one model, by confidence."""
    day = next(scenarios.days(*inputs, facts))
    return pd.DataFrame(var.of_models(day, [model])[0]).set_index("confidence")


def test_a_declared_model_replaces_the_default_of_its_method_and_horizon_while_it_holds():
    rows = frame(
        "var_models",
        "method horizon_days valid_from window confidences paths valid_to",
        ("historical", 1.0, "2020-01-01", 250.0, "0.975 0.9", np.nan, "2020-01-31"),
        ("historical", 10.0, "2020-01-10", np.nan, "", np.nan, None),
        ("historical", 10.0, "2020-01-20", 300.0, "", np.nan, None),
        ("monte_carlo", 1.0, "2020-01-01", np.nan, "", 999.0, None),
    )
    found = {(m.method, m.horizon_days): m for m in models.in_force(rows, pd.Timestamp("2020-01-31"))}
    assert found["historical", 1] == Model("historical", window=250, confidences=(0.9, 0.975))
    assert found["historical", 10] == Model("historical", 10, window=300)
    assert found["monte_carlo", 1].paths == 1000, "paths come in mirrored pairs"
    assert found["monte_carlo", 1].degrees_of_freedom == 6
    assert models.in_force(rows, pd.Timestamp("2019-12-31")) == models.DEFAULTS
    later = {(m.method, m.horizon_days): m for m in models.in_force(rows, pd.Timestamp("2020-02-01"))}
    assert later["historical", 1] == models.HISTORICAL, "it ended"
    assert list(found) == sorted(found)


def test_moments_are_read_off_the_historical_vectors_of_the_same_making():
    ten = Model("historical", 10)
    among = (models.HISTORICAL, ten)
    assert models.set_name(Model("parametric"), among) == "historical"
    assert models.set_name(Model("parametric", 10), among) == "historical_10"
    assert models.set_name(Model("cornish_fisher", window=250), among) == "cornish_fisher"
    assert models.set_name(Model("filtered", 10, decay=0.94, volatility_model="ewma"), among) == "filtered_10"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Model("historical", window=1001), "a window of 1001 sessions is longer than the 1000 that are read"),
        (Model("monte_carlo", distribution="student_t", degrees_of_freedom=2.0), "more than 2 degrees of freedom"),
        (Model("historical", confidences=(1.0,)), "confidences must lie between 0 and 1"),
    ],
)
def test_a_model_that_makes_no_sense_has_no_figure_and_says_why(model, said):
    figure, shortfall, status = var.figures(np.ones((2, 100)), None, model)
    assert np.isnan(figure).all()
    assert np.isnan(shortfall).all()
    assert all(said in each for each in status.ravel())


def test_age_weights_fall_by_the_decay_and_add_up_to_one():
    weights = scenarios.age_weights(3, 0.5)
    assert weights.tolist() == pytest.approx([1 / 7, 2 / 7, 4 / 7]), "0.5^(i-1) x 0.5 / (1 - 0.125), newest last"
    assert scenarios.age_weights(4, 1.0).tolist() == [0.25] * 4


def test_a_weighted_tail_by_hand():
    # 20 scenarios; the worst, -9, weighs 0.02, the next, -4, weighs 0.04: 5 % is reached within it.
    pnl, weights = np.zeros((1, 20)), np.full(20, 0.94 / 18)
    pnl[0, 3], weights[3], pnl[0, 7], weights[7] = -9.0, 0.02, -4.0, 0.04
    figure, shortfall = var.weighted(pnl, weights, (0.95,))
    assert figure[0, 0] == 4.0
    assert shortfall[0, 0] == pytest.approx((0.02 * 9 + 0.03 * 4) / 0.05)
    assert var.tail_scenario(pnl, weights, 0.95).tolist() == [7]
    # What reaches 1 - c exactly is the tail, whatever the rounding of its sum.
    tenth = np.full(10, 0.1)
    assert var.weighted(np.arange(10.0)[None, :], tenth, (0.7,))[0][0, 0] == -2.0
    assert var.weighted(pnl, np.full(20, 0.05), (0.99,))[0][0, 0] != var.weighted(pnl, weights, (0.95,))[0][0, 0]


def test_equal_weights_are_no_weights():
    pnl = np.random.default_rng(1).normal(size=(3, 200))
    for figures in zip(var.weighted(pnl, np.full(200, 1 / 200)), var.historical(pnl), strict=True):
        assert np.allclose(*figures)


def test_a_recent_loss_counts_more_by_age():
    # One loss of 10 among 100 sessions, yesterday or long ago: weight 0.02 / (1 - 0.98^100) = 2.3 % or 0.3 %.
    for place, expected in ((99, 10.0), (0, 0.0)):
        returns = [0.0] * 100
        returns[place] = -0.01
        inputs = book({"A": returns}, {"A": 1000.0})
        assert rows_of(inputs, model=Model("age_weighted", decay=0.98)).loc[0.99, "var"] == expected
        assert rows_of(inputs).loc[0.99, "var"] == 10.0


def test_overlapping_horizons_compound_and_share_sessions():
    inputs = book({"A": [0.1, -0.2, 0.5], "E": [0.1, 0.0, 0.0]}, {"A": 100.0, "E": 100.0}, rate=1.1)
    earned = vector(inputs, Model("historical", 2))
    a = [1.1 * 0.8 - 1, 0.8 * 1.5 - 1]
    e = [1.1 * 1.1**2 - 1, 1.1**2 - 1]
    assert earned.tolist() == pytest.approx([100 * (a[0] + e[0]), 100 * (a[1] + e[1])])
    made = day_of(inputs).scenarios(Model("historical", 2))
    assert made.name == "historical_2"
    assert made.dates.tolist() == inputs[2]["business_date"].drop_duplicates()[1:].dt.to_pydatetime().tolist()
    assert vector(inputs, Model("historical", 4)).size == 0


def test_a_future_over_several_sessions_earns_its_exposure_in_the_last_currency():
    valuations, *rest = book({"E": [0.1, 0.1]}, {"E": 0.0}, rate=1.2)
    valuations["exposure_base"] = 100.0
    rest[3]["asset_class"] = "future"
    assert vector((valuations, *rest), Model("historical", 2)).tolist() == pytest.approx([100 * 0.21 * 1.44])


def test_the_square_root_multiplies_one_session():
    inputs = book({"A": [0.01, -0.02, 0.03]}, {"A": 100.0})
    earned = vector(inputs, Model("historical", 4, scaling="square_root"))
    assert earned.tolist() == pytest.approx([2.0, -4.0, 6.0])


def test_a_missing_session_counts_nothing_over_a_horizon():
    inputs = book({"A": [0.1, 0.1, 0.1], "B": [None, 0.5, 0.1]}, {"B": 100.0})
    assert vector(inputs, Model("historical", 2)).tolist() == pytest.approx([50.0, 65.0])


def test_filtered_returns_by_hand():
    # decay 0.5: variances 4 (mean square of the window), (4 + 4) / 2 = 4, (4 + 1) / 2 = 2.5, (2.5 + 7) / 2 = 4.75.
    returns = np.array([[2.0, -1.0, np.sqrt(7)]])
    made = filtering.rescaled(returns, np.array([[4.0, 4.0, 2.5, 4.75]]))
    assert made[0].tolist() == pytest.approx([2 * np.sqrt(4.75 / 4), -np.sqrt(4.75 / 4), np.sqrt(7 * 4.75 / 2.5)])
    inputs = book({"A": [0.02, -0.01, np.sqrt(7) / 100]}, {"A": 100.0})
    model = Model("filtered", decay=0.5, volatility_model="ewma")
    assert vector(inputs, model).tolist() == pytest.approx(made[0].tolist(), abs=1e-6)


def test_a_filter_leaves_what_does_not_move_and_what_is_missing():
    assert filtering.rescaled(np.zeros((1, 3)), np.zeros((1, 4))).tolist() == [[0.0, 0.0, 0.0]]
    steady = book({"A": [0.01] * 30}, {"A": 100.0})
    assert vector(steady, Model("filtered", decay=0.94, volatility_model="ewma")).tolist() == [1.0] * 30
    gaps = filtering.rescaled(np.array([[np.nan, 1.0]]), np.array([[1.0, 1.0, 4.0]]))
    assert np.isnan(gaps[0, 0])
    assert gaps[0, 1] == 2.0


def test_the_first_move_after_a_standstill_is_not_made_into_a_catastrophe():
    returns = np.r_[0.05, np.zeros(300), 0.01, np.zeros(50)][None, :]
    made = filtering.rescaled(returns, volatility.ewma(returns, 0.94))
    # Without a floor 0.94^150 makes the volatility before it a ten-thousandth: 1 % would become 50 times that.
    assert np.abs(made).max() <= 0.05 / filtering.FLOOR
    assert np.abs(made[0, 301]) <= 0.01 / filtering.FLOOR


def test_a_garch_filter_that_cannot_be_fitted_falls_back_and_says_for_how_much():
    inputs = book({"A": np.random.default_rng(0).normal(0, 0.01, 60).tolist()}, {"A": 100.0})
    model = Model("filtered", decay=0.94, volatility_model="garch")
    row = rows_of(inputs, model=model).loc[0.95]
    assert row["convention"].startswith("filtered by garch normal, 60 scenarios")
    assert row["convention"].endswith("; 100.0 % of value filtered by EWMA instead")
    by_ewma = vector(inputs, Model("filtered", decay=0.94, volatility_model="ewma"))
    assert np.array_equal(vector(inputs, model), by_ewma)


def test_a_proxy_goes_from_the_instrument_to_its_asset_class():
    rows = frame(
        "proxies",
        "dimension bucket valid_from proxy beta valid_to",
        ("asset_class", "equity", "2019-01-01", "CLASS", 1.0, None),
        ("sector", "Energy", "2019-01-01", "SECTOR", 0.5, None),
        ("issuer", "acme", "2019-01-01", "ISSUER", 2.0, "2019-12-31"),
        ("instrument", "A", "2019-01-01", "OLD", 1.0, None),
        ("instrument", "A", "2020-01-01", "OWN", 3.0, None),
    )
    instruments = frame(
        "instruments",
        "instrument asset_class sector issuer",
        ("A", "equity", "Energy", "acme"), ("B", "equity", "Energy", "acme"), ("C", "equity", "", ""),
        ("D", "bond", "", ""),
    )  # fmt: skip
    found, beta = proxies.stand_ins(rows, instruments, pd.Timestamp("2020-01-31"), ["A", "B", "C", "D"])
    assert found.tolist() == ["OWN", "SECTOR", "CLASS", ""]
    assert beta[:3].tolist() == [3.0, 0.5, 1.0]
    before, _ = proxies.stand_ins(rows, instruments, pd.Timestamp("2019-06-30"), ["A", "B"])
    assert before.tolist() == ["OLD", "ISSUER"]


def test_a_proxy_fills_gaps_and_coverage_says_how_much():
    old = [0.01 * (-1) ** i for i in range(100)]
    returns = {"A": old, "NEW": [None] * 50 + [0.02] * 50, "LONE": [None] * 99 + [0.0]}
    inputs = book(returns, {"A": 600.0, "NEW": -300.0, "LONE": 100.0})
    rows = frame("proxies", "dimension bucket valid_from proxy beta", ("instrument", "NEW", "2020-01-01", "A", 1.5))
    earned = vector(inputs, models.HISTORICAL, proxies=rows)
    assert earned[:2].tolist() == [6.0 - 4.5, -6.0 + 4.5]
    assert earned[50:52].tolist() == [6.0 - 6.0, -6.0 - 6.0]
    result = rows_of(inputs, Facts(proxies=rows)).iloc[0]
    assert (result["coverage"], result["proxy_coverage"]) == (0.6, 0.3)
    assert result["convention"].endswith("; 60.0 % of value on own history, 30.0 % by proxy, 10.0 % without")
    # A proxy that is not known itself, and one that is not declared yet, leave the gap open.
    lone = rows.assign(proxy="LONE")
    late = rows.assign(valid_from=pd.Timestamp("2020-02-01"))
    for other in (lone, late):
        assert vector(inputs, models.HISTORICAL, proxies=other)[0] == 6.0
        assert rows_of(inputs, Facts(proxies=other))["proxy_coverage"].unique().tolist() == [0.0]


def test_a_risk_factor_may_stand_in():
    inputs = book({"A": [0.01] * 99 + [0.03], "NEW": [None] * 99 + [0.0]}, {"NEW": 100.0})
    rows = frame(
        "proxies", "dimension bucket valid_from proxy beta", ("asset_class", "equity", "2020-01-01", "oil", 2.0)
    )
    given = frame("risk_factors", "factor kind instrument currency", ("oil", "commodity", "A", ""))
    assert vector(inputs, models.HISTORICAL, proxies=rows, risk_factors=given)[:99].tolist() == [2.0] * 99


def test_stale_returns_stay_and_are_told():
    valuations, nav, returns, *rest = book({"A": [0.01] * 10}, {"A": 100.0})
    returns.loc[3, ["local_return", "status"]] = [0.0, "stale"]
    result = rows_of((valuations, nav, returns, *rest)).iloc[0]
    assert result["coverage"] == 1.0
    assert result["convention"].endswith("; 100.0 % of value on own history, 10.0 % of returns from stale prices")


def test_a_book_of_which_nothing_is_known_says_so():
    result = rows_of(book({"A": [0.01] * 100, "NEW": [None] * 100}, {"NEW": 10.0}))
    assert result["status"].tolist() == [var.NOTHING_KNOWN] * 2
    assert result["coverage"].tolist() == [0.0, 0.0]


def test_normal_and_student_figures_by_hand():
    # P&L of -1 and +1 fifty times each: deviation sqrt(100 / 99).
    pnl = np.tile([[1.0, -1.0]], 50)
    deviation = np.sqrt(100 / 99)
    figure, shortfall, _ = var.figures(pnl, None, Model("parametric"))
    assert figure[0].tolist() == pytest.approx([1.6448536270 * deviation, 2.3263478740 * deviation])
    assert shortfall[0].tolist() == pytest.approx([2.0627128075 * deviation, 2.6652142203 * deviation])
    fat = Model("parametric", distribution="student_t", degrees_of_freedom=4.0, confidences=(0.99,))
    assert var.figures(pnl, None, fat)[0][0, 0] == pytest.approx(3.7469473880 * np.sqrt(2 / 4) * deviation)


def test_the_deviation_is_that_of_the_covariance_of_the_lines():
    f = firm(1, seed=3, history=120)
    day = next(scenarios.days(f.valuations, f.nav, f.returns, f.fx_rates, f.instruments, f.sessions))
    made = day.scenarios(Model("parametric"))
    weights = made.placed.held.toarray()
    covariance = np.cov(made.returns)
    expected = np.sqrt(np.einsum("bl,lm,bm->b", weights, covariance, weights))
    assert np.allclose(var.moments(made.pnl)[0], expected, rtol=0, atol=1e-6)


def test_moments_by_hand_with_and_without_weights():
    pnl = np.array([[0.0, 0.0, 0.0, 4.0], [5.0, 5.0, 5.0, 5.0]])
    deviation, skewness, kurtosis = var.moments(pnl)
    # About the mean 1: -1, -1, -1, 3: m2 = 3, m3 = 6, m4 = 21; S - 1 = 3.
    assert deviation.tolist() == pytest.approx([2.0, 0.0])
    assert skewness.tolist() == pytest.approx([6 / 3**1.5, 0.0])
    assert kurtosis.tolist() == pytest.approx([21 / 9 - 3, 0.0])
    for got, plain in zip(var.moments(pnl, np.full(4, 0.25)), (deviation, skewness, kurtosis), strict=True):
        assert np.allclose(got, plain)
    assert var.moments(pnl[:1], np.array([0.0, 0.25, 0.25, 0.5]))[0][0] == pytest.approx(np.sqrt(4 / (1 - 0.375)))


def test_cornish_fisher_of_a_normal_is_normal_and_outside_its_domain_it_says_so():
    figure, shortfall, rising = var.cornish_fisher(np.zeros(1), np.zeros(1), 0.99)
    assert (figure[0], shortfall[0]) == pytest.approx((2.3263478740, 2.6652142203))
    assert rising.all()
    # A loss that is more likely than a gain, and a fat tail: more VaR.
    assert var.cornish_fisher(np.array([-0.5]), np.array([1.0]), 0.99)[0][0] > 2.6
    jump = np.zeros((1, 200))
    jump[0, 0] = -1.0
    assert var.figures(jump, None, Model("cornish_fisher"))[2].tolist() == [[var.OUTSIDE, var.OUTSIDE]]


@pytest.mark.parametrize(("skewness", "kurtosis"), [(-0.4, 1.0), (0.8, 2.5), (0.0, 4.0)])
def test_cornish_fisher_is_the_quantile_and_the_mean_beyond_it(skewness, kurtosis):
    # Numerical integral of the expansion over the tail.
    p = (np.arange(200_000) + 0.5) / 200_000 * 0.05
    from scipy.special import ndtri

    z = ndtri(p)
    bent = z + (z**2 - 1) * skewness / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skewness**2 / 36
    figure, shortfall, rising = var.cornish_fisher(np.array([skewness]), np.array([kurtosis]), 0.95)
    assert rising.all()
    assert figure[0] == pytest.approx(-bent[-1], rel=1e-5)
    assert shortfall[0] == pytest.approx(-bent.mean(), rel=1e-4)


def test_monte_carlo_is_the_same_again_and_for_every_other_firm():
    f = firm(1, seed=4, history=80)
    inputs = (f.nav, f.returns, f.fx_rates, f.instruments, f.sessions)
    model = Model("monte_carlo", paths=400, seed=7)
    whole = next(scenarios.days(f.valuations, *inputs)).scenarios(model)
    alone = next(scenarios.days(f.valuations[f.valuations["book"].eq("beta")], *inputs)).scenarios(model)
    assert np.array_equal(whole.pnl[1], alone.pnl[1]), "to the last bit"
    assert np.array_equal(whole.pnl[:, :200], -whole.pnl[:, 200:]), "mirror images"
    assert not np.array_equal(
        whole.pnl, next(scenarios.days(f.valuations, *inputs)).scenarios(replace(model, seed=8)).pnl
    )
    rows, which = np.arange(len(alone.placed.line)), np.array([3, 399, 250] * 50)[: len(alone.placed.line)]
    assert np.allclose(alone.earned(rows, which), alone.earned(rows, slice(None))[rows, which], rtol=1e-9, atol=1e-9)
    assert np.allclose(alone.earned(rows, slice(None)).sum(axis=0), alone.pnl[1], atol=1e-6)


def test_normal_monte_carlo_comes_close_to_the_parametric_figure_and_fat_tails_go_beyond():
    f = firm(1, seed=5, history=100)
    day = next(scenarios.days(f.valuations, f.nav, f.returns, f.fx_rates, f.instruments, f.sessions))
    normal = var.of_models(day, [Model("parametric"), Model("monte_carlo", paths=20_000, seed=1)])
    by_formula, simulated = (columns["var"].reshape(4, 2) for columns in normal)
    # The standard error of VaR at 0.99 from 20,000 paths is 1.2 %.
    assert np.allclose(simulated, by_formula, rtol=0.04)
    assert np.allclose(normal[1]["es"].reshape(4, 2), normal[0]["es"].reshape(4, 2), rtol=0.04)
    fat = Model("monte_carlo", paths=20_000, seed=1, distribution="student_t", degrees_of_freedom=4.0)
    as_formula = replace(Model("parametric"), distribution="student_t", degrees_of_freedom=4.0)
    fatter, expected = (columns["es"].reshape(4, 2) for columns in var.of_models(day, [fat, as_formula]))
    assert np.allclose(fatter, expected, rtol=0.06)
    assert (fatter[:, 1] > normal[0]["es"].reshape(4, 2)[:, 1]).all()


def test_a_simulation_needs_two_scenarios_and_counts_those_of_the_past():
    model = Model("monte_carlo", paths=1000, seed=1)
    made = day_of(book({"A": [0.01]}, {"A": 100.0})).scenarios(model)
    assert made.pnl.shape == (1, 0)
    few = var.var(*book({"A": [0.01, -0.01] * 10}, {"A": 100.0})).set_index(["method", "confidence"])
    assert few.loc[("monte_carlo", 0.99), "status"] == "20 scenarios, 100 needed"
    assert np.isnan(few.loc[("monte_carlo", 0.99), "var"])
    assert few.loc[("monte_carlo", 0.95), "status"] == "ok"
    assert few["var"].notna().groupby(level=1).all().to_dict() == {0.95: True, 0.99: False}


def test_a_series_that_never_moves_has_no_risk_by_any_method():
    result = var.var(*book({"A": [0.0] * 120, "B": [0.01, -0.01] * 60}, {"A": 100.0}))
    assert result[["var", "es"]].eq(0).all(axis=None)
    assert not np.signbit(result["var"]).any()


def test_factor_scenarios_are_exposure_times_factor_where_nothing_else_moves():
    draw = np.random.default_rng(2).normal(0, 0.01, 120)
    inputs = book({"M": draw.tolist(), "A": (2 * draw).tolist()}, {"A": 100.0})
    given = frame("risk_factors", "factor kind instrument currency", ("market", "market", "M", ""))
    assert np.allclose(vector(inputs, Model("factor", seed=1), risk_factors=given), 200 * draw, atol=1e-6)


def test_specific_returns_are_the_instruments_own_in_another_order_and_depend_on_nothing_else():
    residuals = np.arange(12.0).reshape(2, 6)
    known = np.ones((2, 6), bool)
    known[1, :3] = False
    words = np.array([11, 12], np.uint64)
    when = np.arange(18_000, 18_400)
    drawn = simulation.shuffled(residuals, known, words, when, seed=1)
    assert set(drawn[0]) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    assert set(drawn[1]) == {9.0, 10.0, 11.0}, "what is not known is not drawn"
    assert np.array_equal(simulation.shuffled(residuals[1:], known[1:], words[1:], when[5:], seed=1)[0], drawn[1, 5:])
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.15
    assert not np.array_equal(simulation.shuffled(residuals, known, words, when, seed=2), drawn)


def test_the_benchmark_of_a_book_by_hand():
    draw = np.arange(-50, 50) / 10_000
    inputs = book({"A": draw.tolist(), "B": (-draw).tolist()}, {"A": 10.0}, nav=1000.0)
    facts = Facts(
        books=frame("books", "book benchmark base_currency", ("b", "mix", "USD")),
        benchmark_weights=frame(
            "benchmark_weights",
            "business_date benchmark instrument weight",
            ("2020-01-30", "mix", "A", 0.75), ("2020-01-30", "mix", "B", 0.25),
        ),
    )  # fmt: skip
    result = rows_of(inputs, facts)
    # Weights drift with today's returns of +0.49 % and -0.49 %.
    grown = np.array([0.75 * 1.0049, 0.25 * 0.9951])
    net = (grown[0] - grown[1]) / grown.sum()
    assert result.loc[0.99, "benchmark_var"] == pytest.approx(1000 * net * 0.005, abs=1e-6)
    fresh = replace(facts, benchmark_weights=facts.benchmark_weights.assign(business_date=TODAY[0]))
    assert rows_of(inputs, fresh).loc[0.99, "benchmark_var"] == pytest.approx(1000 * 0.5 * 0.005, abs=1e-6)
    old = replace(facts, benchmark_weights=facts.benchmark_weights.assign(business_date=pd.Timestamp("2019-01-02")))
    assert rows_of(inputs, old)["benchmark_var"].isna().all(), "too old to stand for anything"
    unknown = replace(facts, benchmark_weights=facts.benchmark_weights.replace({"instrument": {"B": "X"}}))
    assert rows_of(inputs, unknown)["benchmark_var"].isna().all(), "a quarter of it has no history"
    broke = (inputs[0], inputs[1].assign(nav=-1.0), *inputs[2:])
    assert rows_of(broke, facts)["benchmark_var"].isna().all()


def every_method(f):
    """Each default, a GARCH filter in place of EWMA, and ten sessions ahead."""
    return Facts(
        var_models=pd.concat([declared("historical", 10.0, window=120.0), declared("filtered", window=90.0)]),
        proxies=frame(
            "proxies", "dimension bucket valid_from proxy beta", ("sector", "Energy", "2018-01-01", "I00", 0.7)
        ),
        books=f.books,
        benchmark_weights=f.benchmark_weights,
    )


def gappy(f):
    """Returns of ``f`` of which some are missing, as on other calendars."""
    return f.returns.drop(index=f.returns.index[5::37])


def test_one_session_alone_gives_the_rows_of_a_range_in_every_method():
    f = firm(2, seed=6, history=110)
    facts, returns = every_method(f), gappy(f)
    ranged = var.var(f.valuations, f.nav, returns, f.fx_rates, f.instruments, f.sessions, facts)
    for session in f.sessions:
        one = pd.DatetimeIndex([session])
        known = returns[returns["business_date"] <= session]
        alone = var.var(f.valuations, f.nav, known, f.fx_rates, f.instruments, one, facts)
        expected = ranged[ranged["business_date"].eq(session)].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, check_exact=True)
    assert (ranged["horizon_days"] == 10).any()


def test_rows_do_not_depend_on_order_nor_on_other_books():
    f = firm(1, seed=7, history=110)
    facts, returns = every_method(f), gappy(f)
    whole = var.var(f.valuations, f.nav, returns, f.fx_rates, f.instruments, f.sessions, facts)
    mixed = [each.sample(frac=1, random_state=1) for each in (f.valuations, f.nav, returns, f.fx_rates)]
    pd.testing.assert_frame_equal(whole, var.var(*mixed, f.instruments, f.sessions, facts), check_exact=True)
    mine = [each[each["book"].eq("gamma")] for each in (f.valuations, f.nav)]
    alone = var.var(*mine, returns, f.fx_rates, f.instruments, f.sessions, facts)
    expected = whole[whole["book"].eq("gamma")].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_vectors_are_kept_once_for_each_set_with_their_weights():
    f = firm(1, seed=8, history=120)
    facts = Facts(var_models=declared("historical", 10.0))
    days = list(scenarios.days(f.valuations, f.nav, f.returns, f.fx_rates, f.instruments, f.sessions, facts))
    kept = scenarios.scenario_pnl(days)
    assert list(kept.columns) == list(tables.TABLES["scenario_pnl"].names)
    one = kept[kept["book"].eq("beta")].set_index("scenario_set")
    assert list(one.index) == ["age_weighted", "factor", "filtered", "historical", "historical_10", "monte_carlo"]
    assert one["scenarios"].tolist() == [121, 121, 121, 121, 112, 5000]
    assert [len(each) for each in one["pnl"]] == one["scenarios"].tolist()
    assert sum(one.loc["age_weighted", "weights"]) == pytest.approx(1.0)
    assert len(one.loc["historical", "weights"]) == 0
    assert np.array_equal(one.loc["age_weighted", "pnl"], one.loc["historical", "pnl"])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"method": "monte_carlo", "degrees_of_freedom": 2.0}, "more than 2 degrees"),
        ({"method": "monte_carlo", "paths": 1e12}, "1000000000000 paths are more"),
        ({"method": "monte_carlo", "window": 1e9}, "longer than the 1000"),
        ({"method": "monte_carlo", "horizon_days": 1e6, "scaling": "square_root"}, "a horizon of 1000000 sessions"),
        ({"method": "parametric", "decay": 0.0}, "one session alone"),
        ({"method": "cornish_fisher", "decay": 0.0}, "one session alone"),
    ],
)
def test_what_cannot_be_made_is_said_and_makes_nothing(cells, said):
    facts = Facts(var_models=declared(**cells))
    inputs = book({"A": [0.01, -0.01] * 50}, {"A": 100.0})
    rows = var.var(*inputs, facts)
    bad = rows["method"].eq(cells["method"]) & rows["horizon_days"].eq(cells.get("horizon_days", 1))
    assert rows.loc[bad, "status"].str.contains(said).tolist() == [True, True]
    assert rows.loc[bad, ["var", "es"]].isna().all(axis=None)
    assert rows.loc[bad, "scenarios"].eq(0).all()
    assert rows.loc[~bad, "var"].notna().all()
    made = scenarios.scenario_pnl(scenarios.days(*inputs, facts))
    assert all(np.isfinite(vector).all() for vector in made["pnl"])


def test_a_garch_filter_estimates_its_degrees_of_freedom():
    student = Model("filtered", volatility_model="garch", distribution="student_t")
    assert student.problem == ""
    assert "garch Student t," in var.convention(500, student)


def test_without_a_factor_returns_stay_as_they_were():
    # 30 sessions are too few for a regression: exposures to no factor at all are no model.
    moves = [0.01, -0.02, 0.03] * 10
    result = rows_of(book({"A": moves}, {"A": 100.0}), model=Model("factor", seed=1, confidences=(0.9,)))
    assert result.loc[0.9, "var"] == 2.0
    assert result.loc[0.9, "convention"].endswith("; 100.0 % of value on its own returns instead")


@pytest.mark.parametrize("mistake", [1e200, np.inf])
def test_a_return_that_is_none_is_missing(mistake):
    # 100 sessions of 1 %, one of a price that cannot be: it is no gain, and what rests on it is not known.
    result = rows_of(book({"A": [0.01] * 99 + [mistake], "B": [0.0] * 100}, {"A": 100.0}), model=Model("parametric"))
    deviation = np.std([1.0] * 99 + [0.0], ddof=1)
    assert result["var"].tolist() == pytest.approx([1.6448536270 * deviation, 2.3263478740 * deviation], abs=1e-6)
    assert result["coverage"].tolist() == result["proxy_coverage"].tolist() == [0.0, 0.0]
    # A part of the returns is known: that is not nothing.
    assert result["status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize("method", ["historical", "parametric", "cornish_fisher"])
def test_no_figure_is_read_off_what_is_no_number(method):
    pnl = np.array([[1e200, -1e200] * 50, [np.nan] * 100, [np.inf, -np.inf] * 50])
    figure, shortfall, status = var.figures(pnl, None, Model(method))
    good = 1 if method == "historical" else 0
    assert np.isfinite(figure).sum() == np.isfinite(shortfall).sum() == 2 * good
    assert (status[good:] == var.UNREADABLE).all()
