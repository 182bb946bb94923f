"""Factor attribution against published exercises: factor tilts, and what is left for the choice of securities."""

import numpy as np
import pytest

from daybook.attribution import factors


@pytest.mark.parametrize(
    ("active", "portfolio", "benchmark", "returns", "selection"),
    [
        # An exercise on the four-factor model of Carhart, with its answer: solutioninn.com/study-help/questions/
        # an-active-portfolio-manager-outperformed-the-benchmark-last-year-by-8875265. Market, size, value, momentum.
        (2.77, [0.96, -0.96, 0.31, 0.38], [1.05, -1.05, -0.09, 0.09], [5.55, 2.13, 5.80, 5.06], -0.71),
    ],
)
def test_what_factor_tilts_leave_is_security_selection(active, portfolio, benchmark, returns, selection):
    exposure = np.array([portfolio]) - np.array([benchmark])
    parts, rest = factors.split(exposure, np.array([returns]), np.array([active]), np.zeros(1))
    assert rest.item() == pytest.approx(selection, abs=0.005)
    assert parts.sum() + rest.item() == pytest.approx(active, abs=1e-12)
