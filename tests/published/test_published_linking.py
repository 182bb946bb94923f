"""Effects of four quarters linked over the year, against figures printed elsewhere.

Bacon, C., "Practical Portfolio Performance Measurement and Attribution", 2nd edition, Wiley 2008, chapter 8: tables 8.1
(data and effects of the quarters), 8.2 (Carino), 8.3 (Menchero), 8.4 (GRAP), 8.5 (Frongello), 8.6 (geometric) and
exhibit 8.10 (Davies and Laker), as quoted in the public tests of the R package PortfolioAttribution
(github.com/anandkkumar/PortfolioAttribution, tests/testthat/test_linking.R and test_geometric_multi_period.R).
The figures are printed to 0.01 %.
"""

import numpy as np
import pytest

from daybook.attribution import linking
from daybook.attribution.brinson import effects

# UK, Japanese and US equities; a row is a quarter.
HELD = np.array([[0.4, 0.3, 0.3], [0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.3, 0.5, 0.2]])
LISTED = np.array([[0.4, 0.2, 0.4], [0.4, 0.3, 0.3], [0.5, 0.4, 0.1], [0.4, 0.4, 0.2]])
EARNED = np.array([[0.20, -0.05, 0.06], [-0.05, 0.03, -0.05], [-0.20, 0.08, -0.15], [0.10, -0.07, 0.25]])
INDEX = np.array([[0.10, -0.04, 0.08], [-0.07, 0.04, -0.10], [-0.25, 0.05, -0.20], [0.05, -0.05, 0.10]])
PORTFOLIO, BENCHMARK = (HELD * EARNED).sum(axis=1)[None], (LISTED * INDEX).sum(axis=1)[None]
ALLOCATION, SELECTION, INTERACTION = (linking.KINDS.index(k) for k in ("allocation", "selection", "interaction"))


def quarters(folded=True):
    """Effects of the quarters, shape (1, 4, 3, kinds); the table's selection holds interaction."""
    whole = np.repeat(BENCHMARK[0], 3)
    flat = [values.ravel() for values in (HELD, LISTED, HELD * EARNED, INDEX)]
    found = np.zeros((1, 4, 3, len(linking.KINDS)))
    allocation, selection, interaction = (part.reshape(4, 3) for part in effects(*flat, whole))
    found[0, ..., ALLOCATION] = allocation
    found[0, ..., SELECTION] = selection + interaction if folded else selection
    found[0, ..., INTERACTION] = 0.0 if folded else interaction
    return found


def adjusted(method, portfolio, benchmark, parts):
    """Adjusted effects of the quarters with their total, shape (quarters, markets, kinds + 1)."""
    kinds = np.moveaxis(parts.sum(axis=2), -1, 0)
    effects = np.concatenate([parts, parts.sum(axis=-1, keepdims=True)], axis=-1)
    count = np.array([portfolio.shape[1]])
    return linking.adjusted(method, portfolio, benchmark, kinds, effects, count)[0]


def with_total(parts):
    return np.column_stack([parts, parts.sum(axis=-1)])


def printed(values):
    """Within what a figure of 0.01 %, cut off or rounded, can mean."""
    return pytest.approx(np.array(values), abs=1e-4)


def test_the_year_and_its_quarters():
    assert round(linking.compounded(PORTFOLIO)[0] - linking.compounded(BENCHMARK)[0], 4) == 0.1327
    allocation, selection = (with_total(quarters()[0, ..., at]) for at in (ALLOCATION, SELECTION))
    assert allocation[:, -1] == printed([-0.012, -0.005, 0.035, -0.010])
    assert selection[:, -1] == printed([0.031, 0.017, 0.040, 0.035])


ADJUSTED = {
    "carino": (
        [[0, -0.0094, -0.0014], [-0.0073, -0.0087, 0.0109], [0.0266, 0.0186, -0.0080], [-0.0028, -0.0066, 0]],
        [[0.0362, -0.0027, -0.0054], [0.0142, -0.0020, 0.0051], [0.0160, 0.0160, 0.0106], [0.0141, -0.0094, 0.0282]],
        [0.0165, -0.0060, 0.0015, 0.0120],
        [0.0804, 0.0018, 0.0385, 0.1207],
    ),
    "menchero": (
        [[0, -0.0103, -0.0016], [-0.0071, -0.0085, 0.0107], [0.0257, 0.0180, -0.0077], [-0.0030, -0.0070, 0]],
        [[0.0396, -0.0030, -0.0059], [0.0138, -0.0020, 0.0049], [0.0154, 0.0154, 0.0103], [0.0149, -0.0099, 0.0298]],
        [0.0156, -0.0078, 0.0014, 0.0092],
        [0.0838, 0.0005, 0.0391, 0.1234],
    ),
    "grap": (
        [[0, -0.0089, -0.0014], [-0.0070, -0.0083, 0.0104], [0.0267, 0.0187, -0.0080], [-0.0030, -0.0070, 0]],
        [[0.0341, -0.0026, -0.0051], [0.0135, -0.0019, 0.0048], [0.0160, 0.0160, 0.0107], [0.0149, -0.0099, 0.0298]],
        [0.0167, -0.0055, 0.0011, 0.0124],
        [0.0785, 0.0016, 0.0402, 0.1203],
    ),
    "frongello": (
        [[0, -0.0104, -0.0016], [-0.0078, -0.0088, 0.0118], [0.0271, 0.0207, -0.0091], [-0.0026, -0.0069, 0]],
        [[0.0400, -0.0030, -0.0060], [0.0133, -0.0020, 0.0057], [0.0090, 0.0163, 0.0105], [0.0162, -0.0097, 0.0300]],
        [0.0167, -0.0055, 0.0011, 0.0124],
        [0.0785, 0.0016, 0.0402, 0.1203],
    ),
}


@pytest.mark.parametrize("method", ADJUSTED)
def test_adjusted_effects_of_the_quarters_and_their_sums(method):
    allocation, selection, years_allocation, years_selection = ADJUSTED[method]
    found = adjusted(method, PORTFOLIO, BENCHMARK, quarters())
    assert found[..., ALLOCATION] == printed(allocation)
    assert found[..., SELECTION] == printed(selection)
    year = found.sum(axis=0)
    assert [*year[:, ALLOCATION], year[:, ALLOCATION].sum()] == printed(years_allocation)
    assert [*year[:, SELECTION], year[:, SELECTION].sum()] == printed(years_selection)
    assert year[:, -1].sum() == pytest.approx(0.1327, abs=5e-5)


def test_davies_and_laker_of_the_whole():
    year = adjusted("davies_laker", PORTFOLIO, BENCHMARK, quarters(folded=False)).sum(axis=(0, 1))
    assert year[[ALLOCATION, SELECTION, INTERACTION]] == printed([0.0117, 0.1318, -0.0108])
    assert year[-1] == pytest.approx(0.1327, abs=5e-5)


def test_geometric_effects_of_the_whole():
    year = adjusted("geometric", PORTFOLIO, BENCHMARK, quarters()).sum(axis=(0, 1))
    assert year[[ALLOCATION, SELECTION]] == printed([0.0129, 0.1319])
    assert year[-1] == printed(0.1464)
    assert (1 + year[ALLOCATION]) * (1 + year[SELECTION]) - 1 == pytest.approx(year[-1], abs=1e-15)


def test_two_years_of_frongello():
    """Frongello, A. S. B., "Linking Single Period Arithmetic Attribution Results", Sydney, 25 February 2004, page 3.

    21 % against 11 % and 14 % against 9 %: 37.94 % against 20.99 %. By his formula allocation is
    6 % x 1.09 + 2 % x 1.21 and selection 4 % x 1.09 + 3 % x 1.21.
    """
    portfolio, benchmark = np.array([[0.21, 0.14]]), np.array([[0.11, 0.09]])
    parts = np.zeros((1, 2, 1, len(linking.KINDS)))
    parts[0, :, 0, [ALLOCATION, SELECTION]] = [[0.06, 0.02], [0.04, 0.03]]
    found = adjusted("frongello", portfolio, benchmark, parts)[:, 0]
    assert found[0, [ALLOCATION, SELECTION]] == pytest.approx([0.06, 0.04], abs=1e-15)
    assert found.sum(axis=0)[[ALLOCATION, SELECTION, -1]] == pytest.approx([0.0896, 0.0799, 0.1695], abs=1e-15)
