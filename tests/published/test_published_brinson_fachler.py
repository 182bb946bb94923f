"""Brinson-Fachler effects of one period, against figures printed elsewhere."""

import numpy as np

from daybook.attribution.brinson import effects


def test_finfacts_asi():
    """finfacts.io, "Brinson-Fachler Allocation, Selection, Interaction Attribution", sections 3 and 4; basis points.

    Government, credit, mortgages, high yield and cash; the benchmark returned 2.56 %.
    """
    held = np.array([0.35, 0.30, 0.15, 0.10, 0.10])
    earned = np.array([0.0210, 0.0450, 0.0320, 0.0650, 0.0050])
    weights = np.array([0.40, 0.25, 0.20, 0.05, 0.10])
    returns = np.array([0.0180, 0.0380, 0.0300, 0.0500, 0.0040])
    benchmark = weights @ returns
    assert round(benchmark, 6) == 0.0256

    allocation, selection, interaction = effects(held, weights, held * earned, returns, np.full(5, benchmark))

    assert np.round(allocation * 1e4, 1).tolist() == [3.8, 6.2, -2.2, 12.2, 0.0]
    assert np.round(selection * 1e4, 1).tolist() == [12.0, 17.5, 4.0, 7.5, 1.0]
    assert np.round(interaction * 1e4, 1).tolist() == [-1.5, 3.5, -1.0, 7.5, 0.0]
    assert np.isclose((allocation + selection + interaction).sum(), held @ earned - benchmark, rtol=0, atol=1e-15)
