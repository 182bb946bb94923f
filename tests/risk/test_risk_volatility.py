"""Volatility: the recursions by hand and by arch itself, and what a fit says when it is none."""

import numpy as np
import pandas as pd
import pytest

from daybook.risk import volatility
from daybook.risk.volatility import Fit, ewma, fit, variances


def shocks(count, seed=3):
    """A GARCH path: returns as fractions."""
    draw = np.random.default_rng(seed).normal(size=count)
    variance, path = 1e-4, []
    for z in draw:
        path.append(np.sqrt(variance) * z)
        variance = 2e-6 + 0.08 * path[-1] ** 2 + 0.9 * variance
    return np.array(path)


def test_of_too_many_books_none_is_fitted_and_that_is_said(monkeypatch):
    monkeypatch.setattr(volatility, "MOST_FITTED", 1)
    returns = np.random.default_rng(0).normal(0, 0.01, (2, 300))
    names = np.array(["A", "B"], object)
    rows = volatility.forecasts(pd.Timestamp("2020-01-02"), "book", names, returns, np.isfinite(returns), ("garch",))
    assert rows["volatility_model"].tolist() == ["ewma", "ewma"]
    assert rows["convention"].str.endswith("; no GARCH: 2 books, it is fitted for up to 1").all()


def test_ewma_begins_at_the_mean_square_and_forecasts_each_session_from_those_before_it():
    found = ewma(np.array([[0.01, -0.02, 0.03]]), decay=0.9)
    start = (0.0001 + 0.0004 + 0.0009) / 3
    first = 0.9 * start + 0.1 * 0.0001
    second = 0.9 * first + 0.1 * 0.0004
    np.testing.assert_allclose(found, [[start, first, second, 0.9 * second + 0.1 * 0.0009]], rtol=1e-13)


def test_a_missing_return_leaves_the_variance_as_it_was():
    returns = np.array([[0.01, 0.0, -0.02], [0.01, -0.02, 0.0]])
    gaps = ewma(returns, 0.9, known=np.array([[True, False, True], [True, True, False]]))
    np.testing.assert_allclose(gaps[0, [0, 1, 3]], gaps[1, [0, 1, 2]], rtol=1e-15)
    assert gaps[0, 1] == gaps[0, 2]
    assert gaps[1, 2] == gaps[1, 3]
    assert ewma(returns[:1], 0.9, known=np.zeros((1, 3), bool)).tolist() == [[0, 0, 0, 0]]


def test_variances_of_the_family_follow_their_formulas():
    returns = np.array([0.01, -0.03])
    start = (0.01**2 + 0.03**2) / 2
    garch = Fit("garch", 0.0, 1e-5, 0.1, 0.0, 0.8, np.nan, 0.0, 2, "ok")
    first = 1e-5 + 0.1 * start + 0.8 * start
    second = 1e-5 + 0.1 * 0.01**2 + 0.8 * first
    np.testing.assert_allclose(
        variances(garch, returns), [first, second, 1e-5 + 0.1 * 0.03**2 + 0.8 * second], rtol=1e-13
    )
    gjr = Fit("gjr", 0.0, 1e-5, 0.1, 0.2, 0.7, np.nan, 0.0, 2, "ok")
    first = 1e-5 + (0.1 + 0.1) * start + 0.7 * start
    second = 1e-5 + 0.1 * 0.01**2 + 0.7 * first
    np.testing.assert_allclose(
        variances(gjr, returns), [first, second, 1e-5 + 0.3 * 0.03**2 + 0.7 * second], rtol=1e-13
    )
    egarch = Fit("egarch", 0.0, -0.2, 0.1, -0.3, 0.97, np.nan, 0.0, 2, "ok")
    first = -0.2 + 0.97 * np.log(start)
    z = 0.01 / np.exp(first / 2)
    second = -0.2 + 0.1 * (z - np.sqrt(2 / np.pi)) - 0.3 * z + 0.97 * first
    np.testing.assert_allclose(np.log(variances(egarch, returns))[:2], [first, second], rtol=1e-13)


@pytest.mark.parametrize("model", volatility.FAMILY)
def test_a_fit_and_its_forecast_are_those_of_arch(model):
    from arch import arch_model

    returns = shocks(600)
    found = fit(returns, model)
    assert found.status == "ok"
    kind, asymmetric = ("EGARCH", 1) if model == "egarch" else ("GARCH", int(model == "gjr"))
    peer = arch_model(returns * 100, mean="Constant", vol=kind, p=1, o=asymmetric, q=1, rescale=False)
    peer = peer.fit(disp="off", backcast=np.var(returns) * 1e4)
    assert found.log_likelihood == pytest.approx(peer.loglikelihood, abs=1e-9)
    assert found.alpha == pytest.approx(peer.params["alpha[1]"], abs=1e-12)
    assert found.mu == pytest.approx(peer.params["mu"] / 100, abs=1e-12)
    path = np.sqrt(variances(found, returns))
    np.testing.assert_allclose(path[:-1], peer.conditional_volatility / 100, rtol=2e-3)
    assert path[-1] == pytest.approx(np.sqrt(peer.forecast().variance.iloc[-1, 0]) / 100, rel=1e-6)


def test_heavy_tails_are_fitted_with_their_degrees_of_freedom():
    returns = shocks(600) * np.random.default_rng(5).standard_t(4, 600)
    assert 2 < fit(returns, "garch", volatility.STUDENT_T).degrees_of_freedom < 8
    assert np.isnan(fit(returns, "garch").degrees_of_freedom)


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        (np.full(300, 0.001), "constant series"),
        (shocks(249), "249 of 250 returns that a fit needs"),
        (shocks(300) * np.exp(np.linspace(0, 4, 300)), "not stationary"),
    ],
)
def test_a_fit_that_is_none_says_why_and_gives_no_number(returns, said):
    found = fit(returns, "garch")
    assert not found.good
    assert said in found.status
    table = volatility.table(
        [
            volatility.forecasts(
                np.datetime64("2022-12-27"),
                "factor",
                np.array(["x"], object),
                returns[None, :],
                np.ones((1, len(returns)), bool),
                ("garch",),
            )
        ]
    ).set_index("volatility_model")
    assert np.isnan(table.loc["garch", ["volatility", "omega", "alpha"]].astype(float)).all()
    assert said in table.loc["garch", "status"]


def test_too_short_a_series_has_no_forecast_and_a_constant_one_says_that_it_is():
    known = np.zeros((3, 30), bool)
    known[0, :19], known[1:, :] = True, True
    returns = np.where(known, np.random.default_rng(0).normal(0, 0.01, (3, 30)), 0.0)
    returns[2] = 0.0
    rows = volatility.forecasts(
        np.datetime64("2022-12-27"), "instrument", np.array(["a", "b", "c"], object), returns, known, ()
    )
    assert rows["status"].tolist() == ["19 of 20 returns that a forecast needs", "ok", "constant series"]
    assert np.isnan(rows["volatility"][0])
    assert rows["volatility"][1] == pytest.approx(np.sqrt(ewma(returns[1:2])[0, -1]))
    assert rows["volatility"][2] == 0
