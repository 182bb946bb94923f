import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.risk import propagation, reverse_stress
from tests.frames import frame, sessions

SIGMA = np.array([[0.04, 0.012, -0.006], [0.012, 0.09, 0.0], [-0.006, 0.0, 0.01]])


def one(index):
    return np.eye(3)[[index]]


def test_one_shock_moves_the_others_by_their_regression_on_it():
    found = propagation.expected(SIGMA, one(0), np.zeros(1), np.array([-0.2]))
    assert found == pytest.approx([-0.2, -0.2 * 0.012 / 0.04, 0.2 * 0.006 / 0.04])


def test_an_instrument_that_falls_pulls_its_factors_less_the_more_of_it_is_its_own():
    half = np.array([[0.5, 0.0, 0.0]])
    # Cov(f, r) = 0.5 x 0.04 and Var r = 0.01 + 0.03: half of the fall of 0.1, not twice it.
    found = propagation.expected(SIGMA, half, np.array([0.03**0.5]), np.array([-0.1]))
    assert found[0] == pytest.approx(-0.05)
    assert propagation.expected(SIGMA, half, np.zeros(1), np.array([-0.1]))[0] == pytest.approx(-0.2)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=2))
@settings(max_examples=30, deadline=None)
def test_what_is_given_is_kept_and_the_rest_does_not_depend_on_its_scale(row, shock):
    covariance = SIGMA + np.outer(row, row)
    named = np.eye(3)[[0, 2]]
    found = propagation.expected(covariance, named, np.zeros(2), np.array(shock))
    assert found[[0, 2]] == pytest.approx(shock, abs=1e-9)
    assert propagation.expected(100 * covariance, named, np.zeros(2), np.array(shock)) == pytest.approx(found, abs=1e-9)


def test_what_never_moved_or_always_moved_together_cannot_be_propagated():
    still = np.zeros((3, 3))
    with pytest.raises(propagation.PropagationError, match="never moved"):
        propagation.expected(still, one(0), np.zeros(1), np.array([0.1]))
    twice = np.vstack([one(0), 2 * one(0)])
    with pytest.raises(propagation.PropagationError, match="singular"):
        propagation.expected(SIGMA, twice, np.zeros(2), np.array([0.1, 0.3]))


def test_the_most_likely_loss_by_hand():
    """Two factors, 20 % and 10 %, uncorrelated: S w = (0.04, 0.02), w'S w = 0.04 + 0.04 for w = (1, 2)."""
    shock, distance = reverse_stress.most_likely(np.diag([0.04, 0.01]), np.array([[1.0, 2.0]]), 0.4)
    assert shock[0] == pytest.approx([-0.2, -0.1])
    assert distance[0] == pytest.approx(0.4 / 0.08**0.5)


@given(
    st.lists(st.floats(-2, 2), min_size=3, max_size=3).filter(lambda w: max(map(abs, w)) > 0.01),
    st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3),
)
@settings(max_examples=50, deadline=None)
def test_no_other_scenario_that_loses_as_much_is_as_near(exposure, other):
    w = np.array(exposure)
    shock, distance = reverse_stress.most_likely(SIGMA, w[None, :], 0.1)
    assert w @ shock[0] == pytest.approx(-0.1)
    inverse = np.linalg.inv(SIGMA)
    assert np.sqrt(shock[0] @ inverse @ shock[0]) == pytest.approx(distance[0])
    along = np.array(other) - w * (w @ np.array(other)) / (w @ w)
    moved = shock[0] + along
    assert np.sqrt(moved @ inverse @ moved) >= distance[0] * (1 - 1e-9)


TODAY = sessions("2021-01-04")
SERIES = [0.02, -0.02, 0.01, -0.01]


def run(risk, nav=1000.0, losses=(0.1,), status="ok"):
    at = TODAY[0]
    return reverse_stress.reverse_stress(
        frame("factor_risk", "business_date book risk_model factor exposure factor_volatility coverage",
              *[(at, "b", "time_series", *row) for row in risk]),
        frame("factor_returns", "business_date risk_model factor return_series",
              (at, "time_series", "market", SERIES), (at, "time_series", "left_out", [])),
        frame("nav", "business_date book nav status", (at, "b", nav, status)),
        losses,
        TODAY,
    )  # fmt: skip


def test_a_book_loses_by_its_factors_and_by_itself():
    variance = 2 * (0.02**2 + 0.01**2) / 3
    rows = run([("market", 1.5, 0.0, 1.0), ("specific", np.nan, 0.01, 1.0)], losses=(0.1, 0.2))
    whole = 1.5**2 * variance + 0.01**2
    first = rows[rows["loss_fraction"] == 0.1].set_index("factor")
    assert first["pnl"].to_dict() == pytest.approx(
        {"market": -100 * 2.25 * variance / whole, "specific": -100 * 0.01**2 / whole}, abs=1e-5
    )
    assert first.loc["market", "shock"] == pytest.approx(-0.1 * 1.5 * variance / whole)
    assert first["shock"] @ np.array([1.5, 1.0]) == pytest.approx(-0.1)
    assert first["distance"].tolist() == pytest.approx([0.1 / whole**0.5] * 2)
    assert rows[rows["loss_fraction"] == 0.2]["pnl"].sum() == pytest.approx(-200, abs=1e-5)
    assert set(rows["reason"]) == {""}


def test_a_book_without_such_a_scenario_says_why():
    both = [("market", 1.5, 0.0, 0.8), ("specific", np.nan, 0.01, 0.8)]
    assert set(run(both)["reason"]) == {"80.0 % of gross value has exposures"}
    for rows, reason in (
        (run(both, nav=-1.0), "nav is not positive"),
        (run([]), "no exposures to factors"),
        (run([("specific", np.nan, 0.0, 1.0)]), "nothing held moves"),
    ):
        assert rows[["factor", "reason"]].to_numpy().tolist() == [["", reason]]
        assert rows[["shock", "distance", "pnl"]].isna().all(axis=None)
    assert run(both, status="failed").empty
    assert run(both, losses=()).empty
