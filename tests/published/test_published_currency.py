"""Currency attribution by three methods, against figures printed elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from daybook.attribution import currency_effects
from daybook.attribution.currency_effects import Sides

HELD, LISTED = np.array([0.40, 0.30, 0.30]), np.array([0.40, 0.20, 0.40])
BOUGHT, BOUGHT_BY_INDEX = np.array([0.20, -0.15, -0.05]), np.array([0.30, -0.10, -0.20])
SPOT = np.array([1.0, 1.1, 1.2])
"""Sterling, yen and dollar in sterling at the end of the period; all were 1 at its start."""


def sides(base, local, index, index_local, forwards, index_forwards, premium):
    """Book and index of Bacon's example; ``forwards`` are the forward rates of each."""
    return Sides(
        whole=np.zeros(3, int),
        weight=HELD,
        base=HELD * base,
        local=HELD * local,
        hedge_weight=BOUGHT,
        hedged=BOUGHT * (SPOT / forwards - 1),
        benchmark_weight=LISTED,
        benchmark_base=LISTED * index,
        benchmark_local=LISTED * index_local,
        benchmark_hedge_weight=BOUGHT_BY_INDEX,
        benchmark_hedged=BOUGHT_BY_INDEX * (SPOT / index_forwards - 1),
        currency_return=SPOT - 1,
        deposit_return=np.zeros(3),
        forward_premium=premium,
        from_benchmark=np.zeros(3, bool),
    )


def test_bacon_ankrim_hensel():
    """Bacon, Practical Portfolio Performance Measurement and Attribution, 2nd ed. (2008), Table 6.2.

    As the R package PortfolioAttribution prints it: tests/testthat/test_ankrim_hensel.R in
    github.com/anandkkumar/PortfolioAttribution. Figures there are within 0.00005.
    """
    forward = np.array([1.0, 1.01, 1.02])
    base, index = np.array([0.20, 0.045, 0.272]), np.array([0.10, 0.056, 0.296])
    found = currency_effects.ankrim_hensel(sides(base, base, index, index, forward, forward, forward - 1))

    near = {"abs": 5e-5, "rel": 0}
    assert found.allocation == pytest.approx([0, -0.01136, -0.00264], **near)
    assert found.selection == pytest.approx([0.04, -0.0022, -0.0096], **near)
    assert found.interaction == pytest.approx([0, -0.0011, 0.0024], **near)
    assert found.currency + found.hedge == pytest.approx([0.009, 0, 0.004], **near)
    assert found.premium == pytest.approx([0, 0, -0.001], **near)
    # 0.1375 of assets less forwards: effects are the difference of the two returns.
    r = (HELD * base + BOUGHT * (SPOT / forward - 1)).sum()
    b = (LISTED * index + BOUGHT_BY_INDEX * (SPOT / forward - 1)).sum()
    assert found.total.sum() == pytest.approx(r - b, abs=1e-15)


@pytest.mark.parametrize(
    ("hedged", "currency", "excess"), [(False, -0.01040392, 0.0073), (True, 0.008879913, 0.02689563)]
)
def test_bacon_geometric(hedged, currency, excess):
    """Bacon (2008), Tables 6.7 and 6.8 without forwards and 6.9 with them.

    As the R package PortfolioAttribution prints it: tests/testthat/test_geometric_multicurrency.R.
    """
    local, index_local = np.array([0.20, -0.05, 0.06]), np.array([0.10, -0.04, 0.08])
    index_hedged = np.array([0.10, -0.03, 0.10])
    given = sides(
        np.array([0.20, 0.047, 0.28]),
        local,
        np.array([0.10, 0.056, 0.296]),
        index_local,
        np.array([1.0, 1.004566, 1.025641]),
        np.array([1.0, 1.010379, 1.018503]),
        (1 + index_hedged) / (1 + index_local) - 1,
    )
    if not hedged:
        none = np.zeros(3)
        given = replace(given, hedge_weight=none, hedged=none, benchmark_hedge_weight=none, benchmark_hedged=none)
    found = currency_effects.factors(given)

    near = {"abs": 5e-5, "rel": 0}
    assert found.selection == pytest.approx([0.038, -0.0029, -0.0057], **near)
    assert found.selection.sum() == pytest.approx(0.0295, **near)
    assert found.allocation == pytest.approx([0, -0.0088, -0.0034], **near)
    assert found.allocation.sum() == pytest.approx(-0.0122, **near)
    assert found.premium.sum() == pytest.approx(0.00095147, abs=5e-9)
    assert (found.currency + found.hedge).sum() == pytest.approx(currency, abs=5e-7)
    parts = (found.allocation, found.selection, found.premium, found.currency + found.hedge)
    assert np.prod([1 + part.sum() for part in parts]) - 1 == pytest.approx(excess, **near)


@pytest.mark.parametrize(
    ("active_currency", "printed"), [([0.35, -0.15, -0.15, -0.05], -0.71), ([-0.25, -0.25, -0.25, 0.75], 0.062)]
)
def test_karnosky_singer_of_eagle(active_currency, printed):
    """Eagle Investment Systems, "Overview of the Karnosky-Singer Model", eagledocs.atlassian.net, example 1 and 2.

    A US investor holds 60 % in EUR and 10 % each in GBP and JPY against 25 % each; currency selection is -0.71 %, and
    0.062 % when all is hedged into USD. The index returned 8.10 %. The page prints the weights, the dollar's 7.5 % and
    these results; the other returns are in pictures, and are given here as in the monograph of Karnosky and Singer
    (1994), whose example it is: they give 8.10 % too. Returns are continuous there, so that they add; here they
    compound, and are taken by the millionth so that nothing of that is seen.
    """
    small = 1e-6
    market = np.array([7.0, 10.5, 9.5, 8.4]) * small
    deposit = np.array([5.0, 11.25, 9.0, 7.5]) * small
    move = np.array([1.0, -3.0, -1.0, 0.0]) * small
    held, listed, none = np.array([0.6, 0.1, 0.1, 0.2]), np.full(4, 0.25), np.zeros(4)
    premium = (1 + deposit[3]) / (1 + deposit) - 1
    hedge = listed + active_currency - held
    given = Sides(
        whole=np.zeros(4, int),
        weight=held,
        base=held * (market + move),
        local=held * market,
        hedge_weight=hedge,
        hedged=hedge * currency_effects.forward_return(move, deposit, premium),
        benchmark_weight=listed,
        benchmark_base=listed * (market + move),
        benchmark_local=listed * market,
        benchmark_hedge_weight=none,
        benchmark_hedged=none,
        currency_return=move,
        deposit_return=deposit,
        forward_premium=premium,
        from_benchmark=np.zeros(4, bool),
    )
    assert round(given.benchmark_base.sum() / small, 3) == 8.10
    found = currency_effects.karnosky_singer(given)
    # -0.7125 and 0.0625, of which the page cuts the last digits.
    assert ((found.currency + found.hedge).sum() / small) == pytest.approx(printed, abs=0.003)
    assert found.total.sum() == pytest.approx((given.base + given.hedged - given.benchmark_base).sum(), abs=1e-20)
