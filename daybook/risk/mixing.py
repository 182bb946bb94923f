"""The loop that mixes past scenarios into simulated ones, compiled.

Belongs here: that one product. Does not belong here: what is drawn and what is mixed (``simulation``). This module
imports numba, which costs a quarter of a second: import it where it is used.

A matrix product of BLAS adds up in an order that depends on how many rows there are; here each row is added up by
itself, oldest scenario first, so that no book depends on how many others there are, to the last bit. For a few books
and thousands of paths it is also faster, for BLAS first copies all draws.
"""

from numba import float64, njit, types

PATHS = 512
"""Paths worked on at a time: 8 rows of them fill half of a core's first cache (32 KB)."""
_MATRIX = types.Array(types.float64, 2, "C", readonly=True)


@njit(types.void(_MATRIX, _MATRIX, float64[:, ::1]), cache=True, nogil=True)
def mixed(base, mix, out):  # type: ignore[no-untyped-def]
    """Add ``base`` (N, S) times ``mix`` (>= S, P) to ``out`` (N, >= P), scenario by scenario."""
    rows, scenarios = base.shape
    paths = mix.shape[1]
    for start in range(0, rows, 8):
        stop = min(start + 8, rows)
        for first in range(0, paths, PATHS):
            last = min(first + PATHS, paths)
            for s in range(scenarios):
                draws = mix[s, first:last]
                for row in range(start, stop):
                    weight = base[row, s]
                    into = out[row, first:last]
                    for p in range(last - first):
                        into[p] += weight * draws[p]
