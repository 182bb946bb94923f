import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daybook.attribution import linking
from daybook.attribution.linking import KINDS
from daybook.intake.terms import LINKINGS

ABOVE = KINDS.index("allocation_above")


def adjusted(method, portfolio, benchmark, parts, count=None):
    """Adjusted effects of nodes that together are the whole; parts: (periods, sessions, nodes, kinds)."""
    kinds = np.moveaxis(parts.sum(axis=2), -1, 0)
    effects = np.concatenate([parts, parts.sum(axis=-1, keepdims=True)], axis=-1)
    lengths = np.full(len(portfolio), portfolio.shape[1]) if count is None else np.array(count)
    return linking.adjusted(method, portfolio, benchmark, kinds, effects, lengths)


def one_kind(*sessions):
    """Effects of one node by session, all of them selection."""
    parts = np.zeros((1, len(sessions), 1, len(KINDS)))
    parts[0, :, 0, KINDS.index("selection")] = sessions
    return parts


def test_carino_and_menchero_by_hand():
    # 10 % and 0 % against 0 % and 0 %: ln 1.1 / 0.1 over ln 1.1 / 0.1 is 1, so 10 % and 0 % stay.
    book, index = np.array([[0.1, 0.0]]), np.zeros((1, 2))
    assert adjusted("carino", book, index, one_kind(0.1, 0.0))[0, :, 0, -1] == pytest.approx([0.1, 0.0], abs=1e-15)
    # 10 % twice against nothing: 21 % is shared equally. M = 0.105 / 0.1 = 1.05 and nothing is left for a.
    book = np.array([[0.1, 0.1]])
    for method in ("carino", "menchero"):
        found = adjusted(method, book, index, one_kind(0.1, 0.1))[0, :, 0, -1]
        assert found == pytest.approx([0.105, 0.105], abs=1e-15)
    # grap: the second session stands on the growth before it; frongello the same, as the benchmark earns nothing.
    for method in ("grap", "frongello"):
        found = adjusted(method, book, index, one_kind(0.1, 0.1))[0, :, 0, -1]
        assert found == pytest.approx([0.1, 0.11], abs=1e-15)


def test_grap_and_frongello_differ_by_session_and_not_in_sum():
    # +10 % against 0 %, then 0 % against 20 %: what was gained earns the benchmark's 20 % later.
    book, index = np.array([[0.1, 0.0]]), np.array([[0.0, 0.2]])
    own = one_kind(0.1, -0.2)
    assert adjusted("grap", book, index, own)[0, :, 0, -1] == pytest.approx([0.12, -0.22], abs=1e-15)
    assert adjusted("frongello", book, index, own)[0, :, 0, -1] == pytest.approx([0.10, -0.20], abs=1e-15)


def test_davies_and_laker_and_geometric_by_hand():
    book, index = np.array([[0.21, 0.21]]), np.array([[0.0, 0.0]])
    parts = np.zeros((1, 2, 1, len(KINDS)))
    parts[..., KINDS.index("allocation")] = 0.1
    parts[..., KINDS.index("selection")] = 0.1
    parts[..., KINDS.index("interaction")] = 0.01
    found = adjusted("davies_laker", book, index, parts).sum(axis=(0, 1, 2))
    # The notional funds earned 21 % each, the book 46.41 %: interaction is 46.41 - 21 - 21.
    assert found[[0, 2, 3, -1]] == pytest.approx([0.21, 0.21, 0.0441, 0.4641], abs=1e-15)
    found = adjusted("geometric", book, index, parts).sum(axis=(0, 1, 2))
    # 1.1 x (1.2 / 1.1) x (1.21 / 1.2) in each session.
    assert found[[0, 2, 3]] == pytest.approx([0.21, 1.44 / 1.21 - 1, (1.21 / 1.2) ** 2 - 1], abs=1e-15)
    assert found[-1] == pytest.approx(0.4641, abs=1e-15)


def effects_that_add_up(portfolio, benchmark, shares):
    """Random effects of which the last node's trading is what the others leave of the active return."""
    parts = shares.copy()
    parts[..., ABOVE] = 0.0
    parts[:, :, -1, -1] += portfolio - benchmark - parts.sum(axis=(2, 3))
    return parts


RETURNS = arrays(np.float64, (2, 6), elements=st.floats(-0.3, 0.3))


@settings(max_examples=60)
@given(RETURNS, RETURNS, arrays(np.float64, (2, 6, 3, len(KINDS)), elements=st.floats(-0.02, 0.02)))
def test_every_method_adds_up_to_the_active_return(portfolio, benchmark, shares):
    parts = effects_that_add_up(portfolio, benchmark, shares)
    own, base = linking.compounded(portfolio), linking.compounded(benchmark)
    for method in LINKINGS:
        found = adjusted(method, portfolio, benchmark, parts)
        whole = found.sum(axis=(1, 2))
        active = (1 + own) / (1 + base) - 1 if method == "geometric" else own - base
        assert np.allclose(whole[:, -1], active, rtol=0, atol=1e-12), method
        if method == "geometric":
            assert np.allclose(np.prod(1 + whole[:, :-1], axis=1) - 1, active, rtol=0, atol=1e-12)
        else:
            assert np.allclose(whole[:, :-1].sum(axis=1), active, rtol=0, atol=1e-12), method
            assert np.allclose(found[..., :-1].sum(axis=-1), found[..., -1], rtol=0, atol=1e-12), method
        factors = linking.coefficients(
            method, portfolio, benchmark, np.moveaxis(parts.sum(axis=2), -1, 0), np.array([6, 6])
        )
        total = np.einsum("ptn,pt->pn", parts.sum(axis=-1), factors[-1])
        assert np.allclose(found[..., -1].sum(axis=1), total, rtol=0, atol=1e-12), method


def test_shorter_periods_beside_longer_ones_give_the_same_figures():
    book, index = np.array([[0.03, -0.02, 0.05]]), np.array([[0.01, -0.03, 0.02]])
    parts = effects_that_add_up(book, index, np.full((1, 3, 2, len(KINDS)), 0.004))
    padded = [np.concatenate([part, np.zeros((1, 4, *part.shape[2:]))], axis=1) for part in (book, index, parts)]
    for method in LINKINGS:
        alone, beside = adjusted(method, book, index, parts), adjusted(method, *padded, count=[3])
        assert np.array_equal(alone, beside[:, :3]), method
        assert not beside[:, 3:].any(), method


def test_equal_returns_link_by_the_limit():
    book = index = np.array([[0.1, -0.2]])
    parts = np.zeros((1, 2, 2, len(KINDS)))
    parts[0, :, 0, 0], parts[0, :, 1, 2] = 0.01, -0.01
    for method in LINKINGS:
        found = adjusted(method, book, index, parts)
        assert np.isfinite(found).all(), method
        assert found.sum(axis=(0, 1, 2))[-1] == pytest.approx(0, abs=1e-15), method


def test_a_growth_that_is_not_positive_is_not_linked_and_never_infinite():
    book, index = np.array([[-1.0, 0.1], [0.1, 0.1]]), np.array([[0.0, 0.0], [0.05, 0.05]])
    parts = effects_that_add_up(book, index, np.zeros((2, 2, 1, len(KINDS))))
    for method in ("carino", "menchero", "davies_laker", "geometric"):
        found = adjusted(method, book, index, parts)
        assert np.isnan(found[0]).all(), method
        assert np.isfinite(found[1]).all(), method
    assert adjusted("grap", book, index, parts)[0, :, 0, -1].sum() == -1.0
    assert np.isnan(linking.share(np.array([-1.0, -1.5]))).all()
