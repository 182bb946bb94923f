"""Factor models: exposures that were planted are found, what is left over is told, and risk adds up."""

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.risk import factor_models, fundamental_factors
from daybook.risk.factor_models import book_risk, holdings, independent, regressions, statistical, time_series
from daybook.risk.factors import Factors
from daybook.risk.fundamental_factors import Characteristics, fundamental
from tests.risk.test_risk_betas import DAYS

D = pd.Timestamp("2022-12-27")


def of(kinds, returns, currencies=None, known=None, names=None):
    """Factors of these kinds, named by kind and place unless said."""
    dates = DAYS[: returns.shape[1]].to_numpy("datetime64[us]")
    return Factors(
        names=np.array(names or [f"{kind}{i}" for i, kind in enumerate(kinds)], object),
        kinds=np.array(kinds, object),
        currencies=np.array(currencies or [""] * len(kinds), object),
        dates=dates,
        returns=returns,
        known=np.ones(returns.shape, bool) if known is None else known,
        usable=np.tile(dates, (len(kinds), 1)),
        numeraire="USD",
        reasons={},
    )


def names(count):
    return np.array([f"I{i}" for i in range(count)], object)


def draws(seed, *shape, scale=0.01):
    return np.random.default_rng(seed).normal(0, scale, shape)


def test_regressions_are_those_of_least_squares_each_over_its_own_sessions():
    factors, series = draws(1, 3, 200), draws(2, 2, 200, scale=0.02)
    known = np.ones(series.shape, bool)
    known[1, :80] = False
    found = regressions(np.where(known, series, 0.0), known, factors)
    for i in (0, 1):
        x = np.vstack([np.ones(200), factors])[:, known[i]].T
        solved, squares, _, _ = np.linalg.lstsq(x, series[i, known[i]], rcond=None)
        variance = squares[0] / (known[i].sum() - 4)
        np.testing.assert_allclose(found.exposures[i], solved[1:], rtol=1e-9)
        np.testing.assert_allclose(
            found.standard_errors[i], np.sqrt(variance * np.diag(np.linalg.inv(x.T @ x)))[1:], rtol=1e-9
        )
        assert found.specific[i] == pytest.approx(np.sqrt(variance), rel=1e-9)
        whole = ((series[i, known[i]] - series[i, known[i]].mean()) ** 2).sum()
        assert found.r_squared[i] == pytest.approx(1 - squares[0] / whole, rel=1e-9)
        assert not found.residuals[i, ~known[i]].any()


def test_a_series_that_cannot_be_regressed_says_why_and_has_no_number():
    factors = draws(1, 2, 200)
    factors[1, 100:] = 2 * factors[0, 100:]
    series, known = draws(2, 4, 200), np.ones((4, 200), bool)
    series[1] = 0.001
    known[2, 59:] = False
    known[3, :100] = False
    found = regressions(np.where(known, series, 0.0), known, factors)
    assert found.status.tolist() == [
        "ok",
        "constant series",
        "59 of 60 sessions that a regression needs",
        "factors are collinear over its sessions",
    ]
    assert np.isnan(found.exposures[1:]).all()
    assert np.isnan(found.specific[1:]).all()


def test_factors_that_say_the_same_are_told_by_name_and_the_first_of_them_stays():
    market, noise = draws(1, 200), draws(2, 3, 200)
    returns = np.stack([market, market + 0.05 * noise[0], noise[1], np.full(200, 0.001), noise[2]])
    known = np.ones(returns.shape, bool)
    known[4, 59:] = False
    kept, common, reasons = independent(returns, known, np.array(["m", "twin", "own", "flat", "short"], object))
    assert kept == [0, 2]
    assert common.all()
    assert reasons["twin"].startswith("left out: the factors before it explain 99.")
    assert reasons["flat"] == "constant series"
    assert reasons["short"] == "known on 59 of 60 sessions that it needs together with the factors before it"


def test_the_time_series_model_finds_what_was_planted_and_says_what_it_left_out():
    returns = draws(3, 4, 500)
    returns[2] = returns[1] + 1e-5 * returns[2]
    factors = of(["market", "style", "style", "currency"], returns, ["", "", "", "EUR"])
    local = (
        np.array([[1.2], [0.5]]) * returns[0] + np.array([[-0.7], [0.4]]) * returns[1] + draws(4, 2, 500, scale=1e-3)
    )
    model = time_series(names(2), local, np.ones(local.shape, bool), factors)
    assert model.factors.tolist() == ["market0", "style1", "currency3"]
    assert list(model.left_out) == ["style2"]
    np.testing.assert_allclose(model.exposures, [[1.2, -0.7, 0], [0.5, 0.4, 0]], atol=0.02)
    np.testing.assert_allclose(model.specific, 1e-3, rtol=0.1)
    np.testing.assert_allclose(model.covariance, np.cov(returns[[0, 1, 3]]), rtol=1e-12)
    rebuilt = model.exposures @ model.returns + model.residuals
    np.testing.assert_allclose(rebuilt - rebuilt.mean(axis=1)[:, None], local - local.mean(axis=1)[:, None], atol=1e-12)


def test_principal_components_are_those_of_correlations_and_as_many_as_stand_out_of_noise():
    common = draws(5, 2, 400)
    loads = np.random.default_rng(6).uniform(0.5, 1.5, (12, 1))
    local = loads * common[0] + np.repeat([[1.0], [-1.0]], 6, axis=0) * common[1] + draws(7, 12, 400)
    known = np.ones(local.shape, bool)
    known[11, 5] = False
    model = statistical(names(12), np.where(known, local, 0.0), known, of([], np.zeros((0, 400))))
    assert model.factors.tolist() == ["PC1", "PC2"]
    standard = (local[:11] - local[:11].mean(axis=1)[:, None]) / local[:11].std(axis=1)[:, None]
    scores = np.linalg.eigh(np.corrcoef(local[:11]))[1][:, :-3:-1].T @ standard
    for own, peer in zip(model.returns, scores, strict=True):
        assert abs(np.corrcoef(own, peer)[0, 1]) == pytest.approx(1.0, abs=1e-9)
    assert abs(np.corrcoef(model.returns)[0, 1]) < 1e-9
    assert model.status[11] == "ok", "its exposures are estimated all the same, from the sessions it has"
    assert np.corrcoef(model.returns[0], local.mean(axis=0))[0, 1] > 0
    few = statistical(names(2), local[:2], known[:2], of([], np.zeros((0, 400))))
    assert few.status.tolist() == ["2 of 3 instruments with a return on every session"] * 2


def equities(local, sector, **reported):
    nothing = np.full(len(local), np.nan)
    return Characteristics(
        equity=np.ones(len(local), bool),
        sector=np.array(sector, object),
        capitalisation=reported.get("capitalisation", nothing),
        book=reported.get("book", nothing),
    )


def test_the_fundamental_model_finds_the_returns_of_the_market_and_of_sectors_that_add_up_to_nothing():
    sectors = ["Energy"] * 6 + ["Health"] * 4 + ["Tiny"] * 2 + [""]
    market, energy, health = draws(8, 3, 400)
    other = -(6 * energy + 4 * health) / 3
    planted = draws(15, 13, 400)
    planted[:, 300:] = (np.stack([energy] * 6 + [health] * 4 + [other] * 3) + market)[:, 300:]
    known = np.ones(planted.shape, bool)
    factors = of(["currency"], draws(9, 1, 100), ["EUR"])
    # Before the window every name goes its own way, so that styles are no copies of sectors.
    model = fundamental(names(13), planted, known, equities(planted, sectors), factors)
    at = {name: i for i, name in enumerate(model.factors)}
    assert list(at) == ["market", "Energy", "Health", "other sectors", "momentum", "volatility", "currency0"]
    part = planted[:, -100:]
    np.testing.assert_allclose(model.returns[at["market"]], part.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(model.returns[at["Energy"]], energy[-100:], atol=1e-9)
    np.testing.assert_allclose(model.returns[at["other sectors"]], other[-100:], atol=1e-9)
    assert model.exposures[0, [at["market"], at["Energy"], at["Health"]]].tolist() == [1, 1, 0]
    assert model.exposures[12, at["other sectors"]] == 1
    assert (model.specific < 1e-8).all()


def test_momentum_is_known_before_the_session_and_size_and_value_come_from_reports():
    local = draws(10, 30, 400)
    part, known = slice(300, 400), np.ones((30, 400), bool)
    report = np.random.default_rng(11).uniform(1e9, 1e11, (2, 30))
    of_them = equities(local, ["A"] * 15 + ["B"] * 15, capitalisation=report[0], book=report[1])
    factors = of([], np.zeros((0, 100)))
    model = fundamental(names(30), local, known, of_them, factors)
    assert model.factors.tolist() == ["market", "A", "B", "momentum", "volatility", "size", "value"]
    growth = np.log1p(local[:, 400 - 251 : 400 - 20]).sum(axis=1)
    expected = (growth - growth.mean()) / growth.std()
    np.testing.assert_allclose(model.exposures[:, 3], np.clip(expected, -3, 3), atol=1e-9)
    size = np.log(report[0])
    np.testing.assert_allclose(model.exposures[:, 5], np.clip((size - size.mean()) / size.std(), -3, 3), atol=1e-9)
    # A planted premium of momentum, earned on the session after its score, is found on that session.
    score = np.log1p(local[:, 350 - 251 : 350 - 20]).sum(axis=1)
    local[:, 350] = 0.01 * (score - score.mean()) / score.std()
    found = fundamental(names(30), local, known, of_them, factors)
    assert found.returns[3, 50] == pytest.approx(0.01, abs=5e-4)
    assert part.start + 50 == 350


def test_too_few_equities_lose_styles_then_sectors_then_the_model_and_say_so():
    local = draws(12, 9, 400)
    known = np.ones(local.shape, bool)
    nothing = of([], np.zeros((0, 100)))
    model = fundamental(names(9), local, known, equities(local, ["A"] * 3 + ["B"] * 3 + ["C"] * 3), nothing)
    assert model.factors.tolist() == ["market", "A", "B", "C"]
    assert model.left_out["momentum"] == "left out: 9 equities do not tell it apart"
    model = fundamental(names(4), local[:4], known[:4], equities(local[:4], ["A"] * 4), nothing)
    assert model.factors.tolist() == ["market"]
    model = fundamental(names(2), local[:2], known[:2], equities(local[:2], ["A"] * 2), nothing)
    assert model.factors.tolist() == []
    assert model.status[0] == "2 of 3 equities with 60 returns that a model across them needs"


def test_without_any_factor_no_instrument_has_a_model():
    local = draws(12, 2, 100)
    dark = of(["market"], np.zeros((1, 100)), known=np.zeros((1, 100), bool))
    model = time_series(names(2), local, np.ones(local.shape, bool), dark)
    assert model.status.tolist() == ["no factor is known on enough sessions"] * 2
    assert model.left_out == {"market0": "known on 0 of 60 sessions that it needs"}


def positions(*rows):
    frame = pd.DataFrame(
        rows,
        columns=["book", "driver", "currency", "base_currency", "asset_class", "linear", "value", "market_value_base"],
    )
    frame = frame.assign(business_date=D, instrument=frame["driver"], exposure_base=frame["value"], proxy="")
    return frame.astype({"driver": "str", "currency": "str", "base_currency": "str", "proxy": "str"})


def navs(**books):
    frame = pd.DataFrame({"business_date": D, "book": list(books), "nav": list(books.values()), "status": "ok"})
    return frame.assign(base_currency="EUR", reason="")


def planted():
    returns = draws(13, 3, 500)
    factors = of(["market", "style", "currency"], returns, ["", "", "EUR"])
    local = (
        np.array([[1.0], [0.5]]) * returns[0] + np.array([[0.2], [-0.3]]) * returns[1] + draws(14, 2, 500, scale=5e-3)
    )
    return time_series(names(2), local, np.ones(local.shape, bool), factors)


def test_a_value_in_a_currency_is_exposed_to_it_and_against_the_base_and_the_numeraire_has_no_factor():
    model = planted()
    held = holdings(
        model,
        positions(
            ("b", "I0", "USD", "EUR", "equity", False, 100.0, 100.0),
            ("b", "CASH:EUR", "EUR", "EUR", "cash", False, 50.0, 50.0),
            ("b", "CASH:USD", "USD", "EUR", "cash", False, 30.0, 30.0),
            ("b", "I1", "EUR", "USD", "future", True, 200.0, 3.0),
            ("b", "CASH:EUR", "USD", "USD", "forward", True, 400.0, 2.0),
            ("b", "CASH:JPY", "JPY", "EUR", "cash", False, 10.0, 10.0),
        ),
    )
    np.testing.assert_allclose(held.exposures[0], [*(100 * model.exposures[0, :2]), -100])
    np.testing.assert_allclose(held.exposures[1:3], [[0, 0, 0], [0, 0, -30]])
    np.testing.assert_allclose(held.exposures[3], [*(200 * model.exposures[1, :2]), 3])
    np.testing.assert_allclose(held.exposures[4], [0, 0, 400])
    assert held.specific[3] == pytest.approx(200 * model.specific[1])
    assert held.status.tolist() == ["ok"] * 5 + ["currency without a factor"]
    assert held.covered.tolist() == [True] * 5 + [False]


def test_what_has_no_exposures_is_said_and_a_share_without_them_moves_with_the_market():
    model = planted()
    rows = positions(
        ("a", "I0", "USD", "USD", "equity", False, 300.0, 300.0),
        ("a", "NEW", "USD", "USD", "equity", False, 100.0, 100.0),
        ("b", "BOND", "USD", "USD", "bond", False, 100.0, 100.0),
    )
    held = holdings(model, rows)
    spread = np.sqrt(model.covariance[0, 0])
    np.testing.assert_allclose(held.exposures[1:], [[100, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(held.specific[1:], [100 * spread, 0])
    risk = book_risk(D, model, rows, navs(a=400.0, b=100.0)).set_index(["book", "factor"])
    assert risk.loc[("a", "specific"), "coverage"] == 0.75
    assert risk.loc[("b", "specific"), "coverage"] == 0.0
    assert risk.loc[("a", "market0"), "status"] == (
        "1 positions without a model of their own, the first: no return in the window: market 1, and as much again by"
        " itself"
    )
    assert "no return in the window" in risk.loc[("b", "specific"), "status"]


def test_volatility_of_a_book_is_that_of_its_factors_and_of_each_name_by_itself_and_the_parts_add_up():
    model = planted()
    rows = positions(
        ("a", "I0", "USD", "USD", "equity", False, 60.0, 60.0),
        ("a", "I0", "USD", "USD", "future", True, -20.0, 0.0),
        ("a", "I1", "USD", "USD", "equity", False, -50.0, -50.0),
        ("c", "I1", "USD", "USD", "equity", False, 5.0, 5.0),
    )
    risk = book_risk(D, model, rows, navs(a=200.0, b=50.0, c=-1.0))
    tables.conform("factor_risk", risk)
    own = risk[risk["book"].eq("a")].set_index("factor")
    x = (40 * model.exposures[0] - 50 * model.exposures[1]) / 200
    np.testing.assert_allclose(own["exposure"].iloc[:2], x[:2], rtol=1e-12)
    specific = (40 * model.specific[0] / 200) ** 2 + (50 * model.specific[1] / 200) ** 2
    whole = np.sqrt(x @ model.covariance @ x + specific)
    assert own["volatility_part"].sum() == pytest.approx(whole, rel=1e-12)
    assert own.loc["specific", "factor_volatility"] == pytest.approx(np.sqrt(specific), rel=1e-12)
    assert own.loc["market0", "factor_volatility"] == pytest.approx(abs(x[0]) * np.sqrt(model.covariance[0, 0]))
    assert "currency2" not in own.index, "it has nothing of it"
    empty = risk[risk["book"].eq("b")]
    assert empty["factor"].tolist() == ["specific"]
    assert empty["volatility_part"].tolist() == [0.0]
    broke = risk[risk["book"].eq("c")]
    assert broke["volatility_part"].isna().all()
    assert set(broke["status"]) == {"nav is not above 0"}


def test_constants_of_the_page():
    assert (factor_models.WINDOW, factor_models.LEAST, factor_models.COLLINEAR) == (500, 60, 0.99)
    assert fundamental_factors.BEFORE == 252
