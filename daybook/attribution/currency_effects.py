"""Three methods of currency attribution of one session, over arrays: Ankrim-Hensel, Karnosky-Singer and geometric.

Belongs here: the formulas. Does not belong here: where weights and returns come from (``currency``), linking.

Every array of a ``Sides`` has one row per book, session and currency; those of one book and session stand together and
have one number in ``whole``. Fractions throughout. For currency i: w, v opening weights in the book and the benchmark
(hedges apart), h, u weights bought forward (sold is negative) in each, which add up to 0; C, B what the assets in it
added in base currency, L, M the same at the exchange rates of the open; G, J what the hedges added; c the change of the
exchange rate, x the deposit return in the currency, d the premium of a fair forward, so that
(1 + x)(1 + d) = 1 + deposit return in base currency. A bar is the sum over the benchmark.

* Ankrim and Hensel (1994, "Multicurrency Performance Attribution", Financial Analysts Journal 50(2)), as Bacon has it
  (2008, "Practical Portfolio Performance Measurement and Attribution", 2nd ed., chapter 6): local returns are
  return - c, the change of a currency is the premium d and the surprise s = c - d. Effects of Brinson and Fachler on
  the local returns; premium_effect (w - v)(d - d bar); currency_effect (w - v)(s - s bar); hedge_effect
  G - J - (h - u) s bar.
* Karnosky and Singer (1994, "Global Asset Management and Performance Attribution", Research Foundation of the ICFA):
  every asset earns a premium over the deposit in its currency, every currency held, by assets or forwards, its deposit:
  k = (1 + x)(1 + c) - 1. Effects of Brinson and Fachler on L / w - x; currency_effect (w - v)(k - k bar) and
  hedge_effect (h - u)(k - k bar), k bar of the benchmark with its hedges. Returns compound here, where theirs are
  continuous: the product of premium and change of the currency is in currency_effect, and what a hedge earned beyond
  h k in hedge_effect. The premium of forwards is within the other effects: premium_effect is 0.
* Geometric (Bacon 2008, chapter 6 and appendix B): five factors compound to (1 + r)/(1 + b): allocation at returns of
  the benchmark hedged into base currency, selection on local returns, the cost of that hedging handed to the currencies
  (premium_effect), currencies, trading.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daybook.attribution.brinson import effects

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Sides:
    """What stands on both sides, by currency; see the module for the letters."""

    whole: Ints
    """Number of the book and session of each row: 0, 1, 2..."""
    weight: Floats
    base: Floats
    local: Floats
    hedge_weight: Floats
    hedged: Floats
    """What hedges added (G); by currency as ``forward_return`` values their legs."""
    benchmark_weight: Floats
    benchmark_base: Floats
    benchmark_local: Floats
    benchmark_hedge_weight: Floats
    benchmark_hedged: Floats
    currency_return: Floats
    deposit_return: Floats
    forward_premium: Floats
    from_benchmark: Flags
    """Where a currency that the benchmark lacks takes the whole benchmark's return, not the book's own."""


@dataclass(frozen=True)
class Effects:
    """Effects of each row, and the local returns on which the method stands (NaN where the weight is 0)."""

    portfolio_return: Floats
    benchmark_return: Floats
    allocation: Floats
    selection: Floats
    interaction: Floats
    market: Floats
    """The sum of the three: exact also where they are huge, since long and short nearly cancel in a weight."""
    premium: Floats
    currency: Floats
    hedge: Floats

    @property
    def total(self) -> Floats:
        """Sum of the effects of each row."""
        return self.market + self.premium + self.currency + self.hedge


def forward_return(currency_return: Floats, deposit_return: Floats, forward_premium: Floats) -> Floats:
    """Return of one unit of base currency bought forward at the fair rate: (1 + x)(c - d); 0 of base currency.

    It is what a deposit in the currency earned, less what one in base currency did.
    """
    return (1 + deposit_return) * (currency_return - forward_premium)


def ankrim_hensel(sides: Sides) -> Effects:
    """Effects by Ankrim and Hensel, whose local return is the return less the change of the currency."""
    w, v = sides.weight, sides.benchmark_weight
    surprise = sides.currency_return - sides.forward_premium
    own = sides.base - w * sides.currency_return
    theirs = sides.benchmark_base - v * sides.currency_return
    premium, mean = _sum(sides, v * sides.forward_premium), _sum(sides, v * surprise)
    return Effects(
        *_brinson(sides, own, theirs),
        premium=(w - v) * (sides.forward_premium - premium),
        currency=(w - v) * (surprise - mean),
        hedge=_hedges(sides, mean),
    )


def karnosky_singer(sides: Sides) -> Effects:
    """Effects by Karnosky and Singer: premiums over deposits, and deposits in currencies; local returns are exact."""
    w, v, x = sides.weight, sides.benchmark_weight, sides.deposit_return
    deposit = (1 + x) * (1 + sides.currency_return) - 1
    home = (1 + x) * (1 + sides.forward_premium) - 1
    mean = _sum(sides, (v + sides.benchmark_hedge_weight) * deposit)
    found = _brinson(sides, sides.local - w * x, sides.benchmark_local - v * x)
    return Effects(
        found[0] + x,
        found[1] + x,
        *found[2:],
        premium=np.zeros(len(w)),
        # (w - v)(k - k bar) and the compounding in one: w k cancels.
        currency=(sides.base - sides.local + w * x)
        - (sides.benchmark_base - sides.benchmark_local + v * x)
        - (w - v) * mean,
        hedge=_hedges(sides, mean - home),
    )


@dataclass(frozen=True)
class Factors:
    """Geometric effects of each row. The sum of each, plus 1, is a factor; the factors compound."""

    portfolio_return: Floats
    benchmark_return: Floats
    allocation: Floats
    selection: Floats
    premium: Floats
    currency: Floats
    hedge: Floats
    benchmark: Floats
    """Return of the whole benchmark, in every row."""


def factors(sides: Sides) -> Factors:
    """Geometric effects by Bacon; NaN in every row of a book whose notional funds lose all they have.

    Allocation (w - v)((1 + b_H)/(1 + b_L) - 1), b_H = (1 + b_L,i)(1 + d) - 1 the benchmark's local return hedged into
    base currency; selection (L - w b_L,i)/(1 + b_SL); premium (w - v)(b_L,i - b_H)/(1 + b_SH). Currencies and hedges
    are one factor, the return by currency (1 + r)/(1 + r_L) - 1 against that of the benchmark, which each row's active
    weight is judged against. b_SL and b_SH are returns of the benchmark's parts at the book's weights, local and with
    hedged bets.
    """
    w, v = sides.weight, sides.benchmark_weight
    own, theirs, segment = _returns(sides, sides.local, sides.benchmark_local)
    hedged = (1 + segment) * (1 + sides.forward_premium) - 1
    local, whole = 1 + _sum(sides, sides.local), 1 + _sum(sides, sides.benchmark_local)
    benchmark = 1 + _sum(sides, sides.benchmark_base + sides.benchmark_hedged)
    notional = 1 + _sum(sides, w * segment)
    bets_hedged = whole + _sum(sides, (w - v) * hedged)
    ruined = np.min([local, whole, benchmark, notional, bets_hedged], axis=0) <= 0
    local, whole, benchmark, notional, bets_hedged = (
        np.where(ruined, np.nan, fund) for fund in (local, whole, benchmark, notional, bets_hedged)
    )
    by_currency = benchmark / whole - 1
    held = (sides.base - sides.local) / local - (sides.benchmark_base - sides.benchmark_local) / whole
    bought = sides.hedged / local - sides.benchmark_hedged / whole
    return Factors(
        own,
        theirs,
        allocation=(w - v) * ((1 + hedged) / whole - 1),
        selection=(sides.local - w * segment) / notional,
        premium=(w - v) * (segment - hedged) / bets_hedged,
        currency=(held - (w - v) * by_currency) / (1 + by_currency),
        hedge=(bought - (sides.hedge_weight - sides.benchmark_hedge_weight) * by_currency) / (1 + by_currency),
        benchmark=benchmark - 1,
    )


def geometric(sides: Sides) -> Effects:
    """The geometric effects as steps from one notional fund to the next, so that they add up as those of the others do.

    The order is allocation, selection, premium, currencies with hedges, trading. A step divided by 1 + the fund before
    it (the benchmark's return and the steps so far) is the effect of ``factors``.
    """
    found = factors(sides)
    fund = 1 + found.benchmark
    steps = []
    for effect in (found.allocation, found.selection, found.premium):
        steps.append(fund * effect)
        fund = fund * (1 + _sum(sides, effect))
    return Effects(
        found.portfolio_return,
        found.benchmark_return,
        allocation=steps[0],
        selection=steps[1],
        interaction=np.where(np.isnan(fund), np.nan, 0.0),
        market=steps[0] + steps[1],
        premium=steps[2],
        currency=fund * found.currency,
        hedge=fund * found.hedge,
    )


METHODS: Mapping[str, Callable[[Sides], Effects]] = {
    "ankrim_hensel": ankrim_hensel,
    "karnosky_singer": karnosky_singer,
    "geometric": geometric,
}
"""The methods by the names that facts call them."""


def _sum(sides: Sides, values: Floats) -> Floats:
    """Sum over the currencies of each book and session, in each of its rows.

    ``bincount`` adds in the order of the rows, so a range of sessions gives the very bits of a single one.
    """
    sums: Floats = np.bincount(sides.whole, values).astype(np.float64)
    return sums[sides.whole]


def _returns(sides: Sides, own: Floats, theirs: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns of the book's and of the benchmark's part of each row; the latter again, with a stand-in for none."""
    w, v = sides.weight, sides.benchmark_weight
    nothing = np.full(len(w), np.nan)
    held = np.divide(own, w, out=nothing.copy(), where=w != 0)
    listed = np.divide(theirs, v, out=nothing, where=v != 0)
    whole = _sum(sides, theirs)
    absent = np.where((w != 0) & ~sides.from_benchmark, held, whole)
    return held, listed, np.where(v != 0, listed, absent)


def _brinson(sides: Sides, own: Floats, theirs: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Returns of both sides; allocation, selection and interaction of ``own`` against ``theirs``, and their sum."""
    w, v, whole = sides.weight, sides.benchmark_weight, _sum(sides, theirs)
    held, listed, segment = _returns(sides, own, theirs)
    return held, listed, *effects(w, v, own, segment, whole), own - theirs - (w - v) * whole


def _hedges(sides: Sides, mean: Floats) -> Floats:
    """What hedges added beyond ``mean`` on their weights, the book's less the benchmark's."""
    active = sides.hedge_weight - sides.benchmark_hedge_weight
    return sides.hedged - sides.benchmark_hedged - active * mean
