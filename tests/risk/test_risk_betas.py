"""Betas: regressions by hand and by scipy, and what is said where there is none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars, tables
from daybook.risk import betas
from daybook.risk.factors import Factors
from tests.risk.test_risk_factors import declared

DAYS = calendars.sessions("XNYS", "2021-01-04")


def of(returns, known=None, reasons=None):
    """Factors f0, f1 and so on with these returns."""
    returns = np.atleast_2d(returns)
    count, sessions = returns.shape
    dates = DAYS[:sessions].to_numpy("datetime64[us]")
    return Factors(
        names=np.array([f"f{i}" for i in range(count)], object),
        kinds=np.array(["market"] * count, object),
        currencies=np.array([""] * count, object),
        dates=dates,
        returns=returns,
        known=np.ones(returns.shape, bool) if known is None else np.atleast_2d(known),
        usable=np.tile(dates, (count, 1)),
        numeraire="USD",
        reasons=reasons or {},
    )


def test_beta_its_error_and_what_it_explains_are_those_of_an_ordinary_regression():
    from scipy.stats import linregress

    draw = np.random.default_rng(1)
    market = draw.normal(0, 0.01, 250)
    stock = 0.001 - 1.3 * market + draw.normal(0, 0.02, 250)
    found = betas.regressed(stock[None], np.ones((1, 250), bool), of(market))
    peer = linregress(market, stock)
    assert found.beta[0, 0] == pytest.approx(peer.slope, rel=1e-10)
    assert found.standard_error[0, 0] == pytest.approx(peer.stderr, rel=1e-10)
    assert found.r_squared[0, 0] == pytest.approx(peer.rvalue**2, rel=1e-10)
    assert (found.observations[0, 0], found.status[0, 0]) == (250, "ok")
    assert found.beta[0, 0] < -1


def test_only_common_sessions_count_and_the_row_says_how_many_and_which():
    draw = np.random.default_rng(2)
    market, stock = draw.normal(0, 0.01, (2, 250))
    mine, theirs = np.ones((1, 250), bool), np.ones((1, 250), bool)
    mine[0, :100], theirs[0, -20:] = False, False
    found = betas.regressed(np.where(mine, stock, 0.0), mine, of(market, theirs))
    alone = betas.regressed(stock[None, 100:230], np.ones((1, 130), bool), of(market[100:230]))
    assert found.beta[0, 0] == pytest.approx(alone.beta[0, 0], rel=1e-12)
    assert found.standard_error[0, 0] == pytest.approx(alone.standard_error[0, 0], rel=1e-12)
    assert found.status[0, 0] == "130 of 250 observations"
    assert found.first[0, 0] == DAYS[100].to_datetime64()
    assert found.last[0, 0] == DAYS[229].to_datetime64()


def test_where_there_is_no_beta_the_status_says_why_and_no_number_stands_for_it():
    draw = np.random.default_rng(3)
    moving, flat = draw.normal(0, 0.01, 250), np.full(250, 0.0123)
    series = np.stack([moving, flat, moving])
    known = np.ones((3, 250), bool)
    known[2, 59:] = False
    factors = of(np.stack([moving, flat, moving]), reasons={"f2": "no source is declared"})
    found = betas.regressed(np.where(known, series, 0.0), known, factors)
    assert found.status[:, 0].tolist() == ["ok", "constant series", "59 of 60 observations that a beta needs"]
    assert found.status[0].tolist() == ["ok", "factor does not move", "no source is declared"]
    assert np.isnan(found.beta[1:, 0]).all()
    assert np.isnan(found.standard_error[:, 1]).all()
    assert found.beta[0, 0] == pytest.approx(1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_beta_of_a_book_is_that_of_its_holdings_by_weight(seed):
    draw = np.random.default_rng(seed)
    market, held, weights = draw.normal(0, 0.01, 100), draw.normal(0, 0.02, (4, 100)), draw.normal(0, 1, 4)
    every = np.vstack([held, weights @ held])
    found = betas.regressed(every, np.ones(every.shape, bool), of(market)).beta[:, 0]
    assert found[4] == pytest.approx(weights @ found[:4], abs=1e-9)


def test_beta_to_the_market_is_that_to_the_factor_declared_as_the_market():
    day = pd.Timestamp("2022-03-01")
    rows = [
        {"subject_kind": "instrument", "subject": "A", "factor": "index", "beta": 1.5},
        {"subject_kind": "instrument", "subject": "A", "factor": "value", "beta": 9.0},
        {"subject_kind": "book", "subject": "B", "factor": "index", "beta": 8.0},
        {"subject_kind": "instrument", "subject": "C", "factor": "index", "beta": np.nan},
    ]
    frame = pd.DataFrame(rows).assign(business_date=day, standard_error=0.1, r_squared=0.5, observations=250)
    frame = tables.conform("betas", frame.assign(window_start=day, window_end=day, status="ok"))
    found = betas.to_market(frame, declared({"factor": "index", "kind": "market", "benchmark": "X"}), day)
    assert found["A"] == 1.5
    assert np.isnan(found["C"])
    assert "B" not in found
