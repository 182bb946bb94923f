"""Covariance: shrinkage and noise against other packages and against their formulas, term by term."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.risk import covariance


def returns(series, sessions, seed=0, common=0.0):
    draw = np.random.default_rng(seed)
    return 0.01 * (draw.normal(size=(series, sessions)) + common * draw.normal(size=sessions))


def test_sample_and_exponentially_weighted_covariance_by_hand():
    two = np.array([[0.01, 0.03], [0.02, -0.02]])
    np.testing.assert_allclose(covariance.sample(two), [[2e-4, -4e-4], [-4e-4, 8e-4]], rtol=1e-12)
    # Weights 1/3 and 2/3 at a decay of one half, about zero.
    expected = [[(1e-4 + 2 * 9e-4) / 3, (2e-4 - 2 * 6e-4) / 3], [(2e-4 - 12e-4) / 3, (4e-4 + 8e-4) / 3]]
    np.testing.assert_allclose(covariance.ewma(two, 0.5), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="needs two"):
        covariance.sample(two[:, :1])


@pytest.mark.parametrize(("series", "sessions"), [(3, 40), (30, 20)])
def test_ledoit_and_wolf_is_that_of_sklearn(series, sessions):
    from sklearn.covariance import ledoit_wolf

    data = returns(series, sessions, common=1.0)
    matrix, intensity = ledoit_wolf(data.T)
    found = covariance.ledoit_wolf(data)
    np.testing.assert_allclose(found.covariance, matrix, rtol=1e-10, atol=1e-18)
    assert found.intensity == pytest.approx(intensity, rel=1e-10)
    assert np.linalg.eigvalsh(found.covariance)[0] > 0, "more series than sessions, and still invertible"


def test_shrinkage_to_constant_correlation_is_the_formula_of_its_appendix_summed_term_by_term():
    data = returns(5, 200) + np.outer(np.arange(5) / 2, returns(1, 200, seed=1)[0])
    x = data - data.mean(axis=1, keepdims=True)
    n, t = x.shape
    s = x @ x.T / t
    r = np.mean([s[i, j] / np.sqrt(s[i, i] * s[j, j]) for i in range(n) for j in range(n) if i != j])
    target = np.array([[s[i, i] if i == j else r * np.sqrt(s[i, i] * s[j, j]) for j in range(n)] for i in range(n)])
    pi = rho = 0.0
    for i in range(n):
        for j in range(n):
            own = np.mean((x[i] * x[j] - s[i, j]) ** 2)
            pi += own
            if i == j:
                rho += own
                continue
            first = np.mean((x[i] ** 2 - s[i, i]) * (x[i] * x[j] - s[i, j]))
            second = np.mean((x[j] ** 2 - s[j, j]) * (x[i] * x[j] - s[i, j]))
            rho += r / 2 * (np.sqrt(s[j, j] / s[i, i]) * first + np.sqrt(s[i, i] / s[j, j]) * second)
    intensity = (pi - rho) / ((target - s) ** 2).sum() / t
    assert 0 < intensity < 1
    found = covariance.constant_correlation(data)
    assert found.intensity == pytest.approx(intensity, rel=1e-10)
    np.testing.assert_allclose(found.covariance, intensity * target + (1 - intensity) * s, rtol=1e-10)


def test_noise_is_taken_out_of_correlations_and_variances_stay():
    data = returns(20, 200, common=1.5)
    found, signals = covariance.denoised(data)
    assert signals == 1, "one common factor, and 19 eigenvalues of noise"
    np.testing.assert_allclose(np.diag(found), np.diag(covariance.sample(data)), rtol=1e-12)
    deviation = np.sqrt(np.diag(found))
    assert np.linalg.matrix_rank(found / np.outer(deviation, deviation), tol=1e-8) == 20
    _, none = covariance.denoised(returns(20, 2000, seed=4))
    assert none == 0


@pytest.mark.soak
def test_noise_taken_out_is_what_riskfolio_and_skfolio_take_out():
    import pandas as pd
    from riskfolio.src.AuxFunctions import denoiseCov
    from skfolio.moments import DenoiseCovariance, LedoitWolf

    data = returns(20, 200, common=1.5)
    found, _ = covariance.denoised(data)
    # Both fit the variance of noise, which moves the edge; with one strong factor the same eigenvalues are above it.
    frame = pd.DataFrame(covariance.sample(data))
    np.testing.assert_allclose(denoiseCov(frame, q=10).to_numpy(), found, rtol=1e-9)
    np.testing.assert_allclose(DenoiseCovariance().fit(data.T).covariance_, found, rtol=1e-9)
    np.testing.assert_allclose(LedoitWolf().fit(data.T).covariance_, covariance.ledoit_wolf(data).covariance, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(2, 30), st.integers(0, 10_000), st.booleans())
def test_every_estimate_is_symmetric_and_never_negative(series, sessions, seed, still):
    data = returns(series, sessions, seed)
    if still:
        data[0] = 0.0
    for estimate in (
        covariance.sample(data),
        covariance.ewma(data, 0.94),
        covariance.ledoit_wolf(data).covariance,
        covariance.constant_correlation(data).covariance,
        covariance.denoised(data)[0],
    ):
        np.testing.assert_allclose(estimate, estimate.T, atol=1e-18)
        assert np.isfinite(estimate).all()
        assert np.linalg.eigvalsh(estimate)[0] >= -1e-12
