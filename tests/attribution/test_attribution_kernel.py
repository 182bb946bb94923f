import numpy as np
import pytest

from daybook.attribution import brinson, kernel


def cubes(sessions=30, books=4, segments=3, seed=3):
    draw = np.random.default_rng(seed)
    shape = (sessions, books, segments)
    weights = [draw.normal(0.3, 0.5, shape) for _ in range(2)]
    weights[0][:, 0] = weights[1][:, 0]
    for cube in weights:
        cube[:, :, -1] += 1 - cube.sum(axis=2)
    returns = [draw.normal(0, 0.02, shape) for _ in range(2)]
    returns[1][:, 0] = returns[0][:, 0]
    return *weights, *returns


def test_one_session_is_the_brinson_fachler_of_each_book():
    w_p, w_b, r_p, r_b = (cube[:1] for cube in cubes())
    empty = kernel.start(4, 3)
    found, active = kernel.between(empty, kernel.appended(empty, w_p, w_b, r_p, r_b))
    whole = (w_b * r_b).sum(axis=2, keepdims=True)
    expected = brinson.effects(w_p, w_b, w_p * r_p, r_b, np.broadcast_to(whole, w_p.shape))
    assert np.allclose(found, np.stack(expected, axis=-1)[0], rtol=0, atol=1e-15)
    assert active == pytest.approx((w_p * r_p - w_b * r_b).sum(axis=2)[0], abs=1e-15)


def test_a_session_as_good_as_the_benchmark_counts_for_what_names_did():
    halves, earned, index = np.array([[[0.5, 0.5]]]), np.array([[[0.10, 0.0]]]), np.array([[[0.05, 0.05]]])
    empty = kernel.start(1, 2)
    found, active = kernel.between(empty, kernel.appended(empty, halves, halves, earned, index))
    assert active[0] == 0
    assert found[0].tolist() == [pytest.approx([0, each, 0], abs=1e-15) for each in (0.025, -0.025)]


def test_two_sessions_by_hand():
    # r 10 % and 5 %, b 4 % and 8 %: k = ln(1.10 / 1.04) / 0.06 and ln(1.05 / 1.08) / -0.03, K of 15.5 % and 12.32 %.
    weights = np.array([[[1.0]], [[1.0]]])
    empty = kernel.start(1, 1)
    since = kernel.appended(empty, weights, weights, np.array([[[0.10]], [[0.05]]]), np.array([[[0.04]], [[0.08]]]))
    found, active = kernel.between(empty, since)
    assert active[0] == pytest.approx(1.155 - 1.1232, abs=1e-15)
    assert found[0, 0] == pytest.approx([0, 0.0318, 0], abs=1e-15)


def test_effects_of_any_span_add_up_and_come_from_two_sums():
    data = cubes()
    sums = [kernel.start(4, 3)]
    for d in range(30):
        sums.append(kernel.appended(sums[-1], *[cube[d : d + 1] for cube in data]))
    at_once = kernel.appended(sums[0], *data)
    assert (at_once.effects == sums[-1].effects).all()
    assert (at_once.logarithms == sums[-1].logarithms).all()
    for first, last in ((0, 30), (0, 1), (7, 19), (29, 30)):
        found, active = kernel.between(sums[first], sums[last])
        r, b = ((w * x)[first:last].sum(axis=2) for w, x in ((data[0], data[2]), (data[1], data[3])))
        assert active == pytest.approx(np.prod(1 + r, axis=0) - np.prod(1 + b, axis=0), abs=1e-13)
        assert found.sum(axis=(1, 2)) == pytest.approx(active, abs=1e-13)
    assert active[0] == 0, "the first book is its benchmark"
    assert kernel.appended(at_once, *[cube[:0] for cube in data]) is at_once


def test_a_growth_that_is_not_positive_is_unknown_and_touches_no_other_book():
    w_p, w_b, r_p, r_b = cubes()
    r_p[5, 1] = -5.0
    w_p[7, 2], r_p[7, 2] = [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]  # a loss of everything, to the last cent
    empty = kernel.start(4, 3)
    found, active = kernel.between(empty, kernel.appended(empty, w_p, w_b, r_p, r_b))
    assert np.isnan(active).tolist() == [False, True, True, False]
    assert np.isnan(found[1:3]).all()
    assert np.isfinite(found[[0, 3]]).all()
    with pytest.raises(ValueError, match="not of one shape"):
        kernel.appended(empty, w_p, w_b, r_p, r_b[:, :2])
