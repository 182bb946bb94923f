"""Brinson-Fachler effects of ten thousand books and a year of sessions, linked by Carino, in one pass over the cubes.

Belongs here: the compiled loops over books, sessions and segments, and what a new session adds to what is there. Does
not belong here: what weights and returns are (``sides``, ``tree``), the other ways to link (``linking``). The tables of
a close come from those, node by node, from frames; this is for whoever has whole firms as cubes, and
``benchmarks/attribution.py`` measures it. This module imports numba, which costs a quarter of a second: import it where
it is called.

Cubes are (sessions, books, segments): a session is appended, never a book. Weights and returns may be float32 or
float64; sums are in float64. For segment s on a session, with r and b the sums of weight x return on either side:
allocation = (w_p - w_b)(r_b,s - b), selection = w_b (r_p,s - r_b,s), interaction = (w_p - w_b)(r_p,s - r_b,s).
Carino (1999, "Combining Attribution Effects over Time", Journal of Performance Measurement 3(4)): each effect of the
session times k = (ln(1 + r) - ln(1 + b)) / (r - b), 1 / (1 + r) where r = b; linked over any sessions, the sum of these
divided by the K of the compounded returns of the span. The sums since the start and the logarithms are all that is kept
of a session (``Linked``), so a span is the difference of two of them, and a new session costs itself alone.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_NEAR = 1e-6
"""Difference of two logarithms below which the quotient is taken from its series: 2^-53 / 1e-6 is 10^-10 of it."""


class Linked(NamedTuple):
    """Sums since the start, at the close of a session; the start is zeros.

    Attributes:
        effects: (books, segments, 3): k x allocation, k x selection, k x interaction.
        logarithms: (books, 2): ln(1 + return) of the book and of its benchmark; NaN from a growth that is not positive.
    """

    effects: Floats
    logarithms: Floats


def start(books: int, segments: int) -> Linked:
    """Before the first session."""
    return Linked(np.zeros((books, segments, 3)), np.zeros((books, 2)))


def appended(
    since: Linked,
    portfolio_weights: Floats,
    benchmark_weights: Floats,
    portfolio_returns: Floats,
    benchmark_returns: Floats,
) -> Linked:
    """``since`` and the sessions of the cubes, each of shape (sessions, books, segments).

    A year at once and session by session give the same, to the bit.

    Raises:
        ValueError: the cubes are not of one shape, or not of the books and segments of ``since``.
    """
    cubes = (portfolio_weights, benchmark_weights, portfolio_returns, benchmark_returns)
    if len({cube.shape for cube in cubes}) != 1 or cubes[0].shape[1:] != since.effects.shape[:2]:
        raise ValueError("the cubes are not of one shape, that of the books and segments known")
    if not len(portfolio_weights):
        return since
    sums = Linked(np.empty_like(since.effects), np.empty_like(since.logarithms))
    _append(*cubes, *since, *sums)
    return sums


def between(first: Linked, last: Linked) -> tuple[Floats, Floats]:
    """Linked effects (books, segments, 3) and active return (books) over the sessions after ``first`` up to ``last``.

    The effects of a book add up to its active return; NaN where a growth was not positive.
    """
    effects = last.effects - first.effects
    book, index = (last.logarithms - first.logarithms).T
    active = np.exp(book) - np.exp(index)
    whole = _coefficients(book, index)
    return effects / whole[:, None, None], active


def _coefficients(book: Floats, index: Floats) -> Floats:
    """(ln(1 + r) - ln(1 + b)) / (r - b) from the two logarithms, without loss where they are near."""
    half = 0.5 * (book - index)
    ratio = np.where(np.abs(half) < _NEAR, 1.0, half / np.where(half == 0, 1.0, np.sinh(half)))
    return ratio * np.exp(-0.5 * (book + index))


@njit(cache=True, fastmath=False, error_model="numpy", nogil=True)
def _append(w_p, w_b, r_p, r_b, old, old_logarithms, effects, logarithms):  # type: ignore[no-untyped-def] # numba's arrays of two widths
    sessions, books, segments = w_p.shape
    for d in range(sessions):
        # The first session reads what was known and writes beside it: one session costs one pass, no copy before it.
        known, known_logarithms = (old, old_logarithms) if d == 0 else (effects, logarithms)
        for n in range(books):
            book, index = 0.0, 0.0
            for s in range(segments):
                book += float(w_p[d, n, s]) * r_p[d, n, s]
                index += float(w_b[d, n, s]) * r_b[d, n, s]
            up, down = np.log1p(book), np.log1p(index)
            if not (book > -1.0 and index > -1.0):
                up, down = np.nan, np.nan
            gap = book - index
            k = (up - down) / gap if abs(gap) > _NEAR else 2.0 / (2.0 + book + index)
            for s in range(segments):
                weight, there = float(w_b[d, n, s]), float(r_b[d, n, s])
                bet, ahead = w_p[d, n, s] - weight, r_p[d, n, s] - there
                effects[n, s, 0] = known[n, s, 0] + k * bet * (there - index)
                effects[n, s, 1] = known[n, s, 1] + k * weight * ahead
                effects[n, s, 2] = known[n, s, 2] + k * bet * ahead
            logarithms[n, 0] = known_logarithms[n, 0] + up
            logarithms[n, 1] = known_logarithms[n, 1] + down
