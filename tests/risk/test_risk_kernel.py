"""The tails of many books equal the sorted P&L vectors of float64 to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.risk import kernel, var

LINES, SCENARIOS = 40, 120


def market(seed, lines=LINES, scenarios=SCENARIOS):
    draw = np.random.default_rng(seed)
    return 0.01 * draw.standard_t(3, (lines, scenarios)) + 0.01 * draw.normal(size=scenarios)


def holdings(seed, books, lines=LINES, most=12):
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, most, books)
    indptr = np.r_[0, counts.cumsum()]
    return indptr, draw.integers(0, lines, indptr[-1]), np.round(draw.normal(0, 1e6, indptr[-1]), 2)


def plain(indptr, lines, values, returns, k):
    """Sorted vectors of P&L: sums in the order of the positions, rounded to 10^-6, the earliest first among equals."""
    pnl = np.zeros((len(indptr) - 1, returns.shape[1]))
    for book in range(len(pnl)):
        for i in range(indptr[book], indptr[book + 1]):
            pnl[book] += values[i] * returns[lines[i]]
    pnl = np.round(pnl, 6)
    order = np.argsort(pnl, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(pnl, order, axis=1), order


def bits(numbers):
    return np.ascontiguousarray(numbers).view(np.int64).tolist()


def same(found, expected):
    assert found.scenarios.tolist() == expected[1].tolist()
    assert bits(found.pnl) == bits(expected[0])


def test_a_tail_worked_by_hand():
    returns = np.array([[0.01, -0.02, 0.03, -0.02], [0.0, 0.01, -0.05, 0.01]])
    # Book 0: 100 of the first; book 1: 100 long the first, 100 short the second.
    found = kernel.tails([0, 1, 3], [0, 0, 1], [100.0, 100.0, -100.0], returns, 3)
    assert found.pnl.tolist() == [[-2.0, -2.0, 1.0], [-3.0, -3.0, 1.0]]
    assert found.scenarios.tolist() == [[1, 3, 0], [1, 3, 0]]
    held = [0, 1, 3], [0, 0, 1], [100.0, 100.0, -100.0], returns
    assert kernel.components(*held, found.scenarios[:, :1]).tolist() == [2.0, 2.0, 1.0]
    assert kernel.components(*held, found.scenarios).tolist() == pytest.approx([1.0, 1.0, 2 / 3])


@given(seed=st.integers(0, 10_000), k=st.integers(1, SCENARIOS), books=st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_any_tail_is_that_of_the_sorted_vectors(seed, k, books):
    returns = market(seed)
    book = holdings(seed, books)
    same(kernel.tails(*book, returns, k), plain(*book, returns, k))


@given(seed=st.integers(0, 10_000), size=st.sampled_from([0.0, 1e-9, 1e-6, 1e-3, 1.0, 1e12, 1e40]))
@settings(max_examples=40, deadline=None)
def test_books_whose_pnl_cancels(seed, size):
    """Long and short of the same: what is left is as small as the error of float32, or nothing at all."""
    returns, (indptr, lines, values) = market(seed), holdings(seed, 60)
    twice = 2 * indptr
    lines = np.concatenate([np.r_[part, part] for part in np.split(lines, indptr[1:-1])])
    values = np.concatenate([np.r_[part, -part * (1 + 1e-9)] for part in np.split(values * size, indptr[1:-1])])
    same(kernel.tails(twice, lines, values, returns, 3), plain(twice, lines, values, returns, 3))


@given(seed=st.integers(0, 10_000), places=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_ties_go_to_the_earliest_scenario(seed, places):
    """Returns of few distinct values: hundreds of scenarios earn the same to the sixth decimal, few to the last bit."""
    returns = np.round(market(seed), places)
    indptr, lines, values = holdings(seed, 60, most=4)
    values = np.sign(values) * 1e-4
    same(kernel.tails(indptr, lines, values, returns, 5), plain(indptr, lines, values, returns, 5))


def test_scenarios_that_a_coarse_sum_cannot_tell_apart():
    """Losses that differ by a hundredth of a step of 16 bits, in the order opposite to that of the dates."""
    returns = np.full((1, 2_000), 0.1)
    returns[0, 100:200] = -0.05 - np.arange(100) * 0.1 / 32767 / 100
    books = 10
    found = kernel.tails(np.arange(books + 1), np.zeros(books, int), np.full(books, 1e6), returns, 5)
    assert (found.scenarios == [199, 198, 197, 196, 195]).all()


def test_shards_and_threads_change_no_bit():
    returns, (indptr, lines, values) = market(1, 50, 500), holdings(1, 400, 50)
    whole = kernel.tails(indptr, lines, values, returns, 5)
    same(whole, plain(indptr, lines, values, returns, 5))
    threads = kernel.tails(indptr, lines, values, returns, 5, threads=3)
    same(threads, (whole.pnl, whole.scenarios))
    for first, last in ((0, 1), (1, 150), (150, 400)):
        begin, end = indptr[first], indptr[last]
        part = kernel.tails(indptr[first : last + 1] - begin, lines[begin:end], values[begin:end], returns, 5)
        same(part, (whole.pnl[first:last], whole.scenarios[first:last]))


def test_more_books_than_are_held_at_a_time():
    returns, books = market(2, 5, 200), kernel._CHUNK + 3
    draw = np.random.default_rng(2)
    book = np.arange(books + 1) * 2, draw.integers(0, 5, 2 * books), draw.normal(0, 1e5, 2 * books)
    same(kernel.tails(*book, returns, 2), plain(*book, returns, 2))


def test_the_figures_are_those_of_the_table_var():
    from scipy.sparse import csr_matrix

    returns, (indptr, lines, values) = market(4, 50, 500), holdings(4, 200, 50)
    pnl = np.round(csr_matrix((values, lines, indptr), shape=(200, 50)) @ returns, 6)
    for j, confidence in enumerate((0.95, 0.99)):
        found = kernel.tails(indptr, lines, values, returns, var.tail(500, confidence))
        figure, shortfall = var.historical(pnl, (0.95, 0.99))
        assert bits(0.0 - found.pnl[:, -1]) == bits(figure[:, j] + 0.0)
        assert -found.pnl.mean(axis=1) == pytest.approx(shortfall[:, j], rel=1e-14)
        assert (
            found.scenarios[:, -1].tolist()
            == np.argsort(pnl, axis=1, kind="stable")[:, found.pnl.shape[1] - 1].tolist()
        )


def test_components_add_up_to_var_and_to_shortfall():
    returns, (indptr, lines, values) = market(3), holdings(3, 50)
    found = kernel.tails(indptr, lines, values, returns, 4)
    of = np.repeat(np.arange(50), np.diff(indptr))
    for scenarios, figure in ((found.scenarios[:, -1:], -found.pnl[:, -1]), (found.scenarios, -found.pnl.mean(axis=1))):
        sums = np.bincount(of, kernel.components(indptr, lines, values, returns, scenarios), 50)
        assert sums == pytest.approx(figure, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"k": 0}, "k = 0"),
        ({"k": SCENARIOS + 1}, "scenarios"),
        ({"indptr": [0, 1]}, "number of positions"),
        ({"indptr": [0, 3, 2]}, "must not fall"),
        ({"lines": [0, LINES]}, "rows of the"),
        ({"lines": [-1, 0]}, "rows of the"),
        ({"values": [1.0, np.nan]}, "value is not finite"),
        ({"returns": np.full((LINES, SCENARIOS), np.inf)}, "return is not finite"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, reason):
    asked = {"indptr": [0, 1, 2], "lines": [0, 1], "values": [1.0, 2.0], "returns": market(0), "k": 1}
    with pytest.raises(ValueError, match=reason):
        kernel.tails(**{**asked, **change})


@pytest.mark.parametrize("scenarios", [[SCENARIOS], [[SCENARIOS]], [[-1]], [[0], [0]], [[]]])
def test_components_need_scenarios_that_are_there(scenarios):
    with pytest.raises(ValueError, match="as many scenarios"):
        kernel.components([0, 1], [0], [1.0], market(0), scenarios)
