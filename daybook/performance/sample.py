"""Returns of many spans at once, read for ratios.

Belongs here: what is read of each span (``READINGS``) and what several ratios share: yearly returns, deviations, the
regression on the benchmark. Does not belong here: the ratios (``ratio_definitions``), the loops (``kernel``).

Conventions. Every property is an array with one number for each span, NaN where it is not defined. A deviation divides
by n - 1. A mean and a deviation of sessions become yearly ones by ``periods_per_year`` and its root. A linked return
becomes a yearly one by the length of the span in years, if that is more than one year; that of about a year stands as
it is, that of a shorter span is not scaled up and NaN. What lies below ``FLAT`` is zero: returns have 12 places.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daybook.performance.period_returns import A_YEAR, YEAR_DAYS

Floats = NDArray[np.float64]
FLAT = 1e-12
"""Deviations, losses and drawdowns up to this are none."""
NEARLY_A_YEAR = 0.98
"""Years from which a linked return counts as that of a year: one that begins after New Year's Day has 0.99."""

READINGS: Mapping[str, str] = {
    "observations": "sessions with a return, n",
    "mean": "mean of the returns r",
    "second": "sum of (r - mean)^2",
    "third": "sum of (r - mean)^3",
    "fourth": "sum of (r - mean)^4",
    "absolute": "sum of |r - mean|",
    "semi": "sum of min(r - mean, 0)^2",
    "lagged": "sum of (r - mean)(next r - mean)",
    "manipulated": "sum of ((1 + f) / (1 + r))^2, f the risk-free return",
    "excess_mean": "mean of r - f",
    "excess_second": "sum of (r - f - its mean)^2",
    "gains": "sum of the r above 0",
    "losses": "minus the sum of the r below 0",
    "won": "sessions with r above 0",
    "lost": "sessions with r below 0",
    "best": "largest r",
    "worst": "smallest r",
    "low": "sum of max(target - r, 0)",
    "low_second": "sum of max(target - r, 0)^2",
    "low_third": "sum of max(target - r, 0)^3",
    "below": "sessions with r below the target",
    "high": "sum of max(r - target, 0)",
    "high_second": "sum of max(r - target, 0)^2",
    "wealth": "product of 1 + r, each at least 0: a return of -100 % loses everything, for good",
    "free": "product of 1 + f",
    "range": "highest less lowest of the cumulated r - mean, both at least 0",
    "longest_gain": "most sessions in a row with r above 0",
    "longest_loss": "most sessions in a row with r below 0",
    "months": "calendar months",
    "months_up": "months that gained",
    "best_month": "largest return of a month",
    "worst_month": "smallest return of a month",
    "depths": "sum of the distances from the peak, each negative or 0",
    "depth_squares": "sum of their squares",
    "deepest": "smallest of them",
    "now": "the last of them",
    "under": "sessions below the peak",
    "falls": "drawdowns, from a peak until it is reached again",
    "fall_sums": "sum of the lowest point of each",
    "fall_squares": "sum of its squares",
    "longest_under": "most sessions from a peak to its recovery, or to the end",
    "recovered": "drawdowns that have recovered",
    "recovering": "sessions from their lowest point to the recovery, summed",
    "slowest": "most of them",
    "tail": "k-th smallest return, k = n (1 - confidence), rounded up",
    "tail_mean": "mean of the k smallest",
    "upper": "minus the k-th largest",
    "upper_mean": "minus the mean of the k largest",
    "depth_tail": "k-th smallest distance from the peak",
    "depth_tail_mean": "mean of the k smallest",
    "pairs": "sessions in which both the book and the benchmark have a return, m",
    "pair_mean": "mean of the r of these",
    "market_mean": "mean of the benchmark's returns b",
    "pair_free_mean": "mean of f",
    "pair_second": "sum of (r - mean)^2",
    "market_second": "sum of (b - mean)^2",
    "pair_excess_second": "sum of x^2, x = r - f less its mean",
    "market_excess_second": "sum of z^2, z = b - f less its mean",
    "covariance": "sum of x z",
    "active_second": "sum of (r - b - its mean)^2",
    "geometric_second": "sum of (g - its mean)^2, g = (1 + r) / (1 + b) - 1",
    "market_third": "sum of z^3",
    "market_fourth": "sum of z^4",
    "bent": "sum of x z^2",
    "up": "sessions with b above 0",
    "down": "sessions with b below 0",
    "up_book": "sum of r where b is above 0",
    "up_market": "sum of b where it is above 0",
    "down_book": "sum of r where b is below 0",
    "down_market": "sum of b where it is below 0",
    "both_up": "sessions with r and b above 0",
    "both_down": "sessions with r and b below 0",
    "ahead": "sessions with r above b",
    "ahead_up": "of these with b above 0",
    "ahead_down": "of these with b below 0",
    "bull": "sum of products of the deviations of r and b where b is above 0",
    "bull_second": "sum of squares of those of b",
    "bear": "likewise where b is below 0",
    "bear_second": "sum of squares of those of b",
    "pair_wealth": "product of 1 + r over the pairs",
    "market_wealth": "product of 1 + b",
    "pair_free": "product of 1 + f",
    "active_deepest": "deepest fall of (1 + r) / (1 + b), linked",
}
"""What is read of each span, and its meaning."""


def over(above: Floats | float, below: Floats, flat: Floats | float = FLAT) -> Floats:
    """``above`` / ``below``; NaN where ``below`` is not above ``flat``.

    Args:
        above: any number.
        below: a risk, a loss or a count, which is positive if there is any.
        flat: up to where there is none.
    """
    found: Floats = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > flat)
    return found


def root(values: Floats) -> Floats:
    """Square root; NaN of what is negative."""
    found: Floats = np.sqrt(np.where(values >= 0, values, np.nan))
    return found


@dataclass(frozen=True)
class Sample:
    """The spans of a table of ratios, one number for each in every array.

    Attributes:
        read: the readings, a structured array of ``READINGS``.
        years: length of the span in years.
        periods_per_year: sessions in a year.
        target: yearly minimum acceptable return.
        confidence: of the tail, 0.95 and not 95; NaN where it is not between 0 and 1.
    """

    read: NDArray[Any]
    years: Floats
    periods_per_year: Floats
    target: Floats
    confidence: Floats

    def __getitem__(self, name: str) -> Floats:
        return np.ascontiguousarray(self.read[name])

    def yearly(self, wealth: Floats) -> Floats:
        """Yearly return of what ``wealth`` grew to from 1."""
        power = 1 / np.where(self.years * YEAR_DAYS > A_YEAR, self.years, 1.0)
        whole = (self.years >= NEARLY_A_YEAR) & (wealth >= 0)
        found: Floats = np.power(np.where(whole, wealth, np.nan), power) - 1
        return found

    def spread(self, squares: Floats, count: str = "observations") -> Floats:
        """Deviation of a session from a sum of squares; NaN of a single one."""
        n = self[count]
        return root(over(squares, n - 1))

    @cached_property
    def n(self) -> Floats:
        """Sessions with a return."""
        return self["observations"]

    @cached_property
    def sure(self) -> Floats:
        """1, or NaN where a return below -100 % leaves nothing to scale to a year."""
        return np.where(self["worst"] >= -1, 1.0, np.nan)

    @cached_property
    def scale(self) -> Floats:
        """Root of the sessions in a year."""
        return np.sqrt(self.periods_per_year)

    @cached_property
    def annual(self) -> Floats:
        """Yearly linked return."""
        return self.yearly(self["wealth"] * self.sure)

    @cached_property
    def annual_free(self) -> Floats:
        """Yearly linked risk-free return of the same sessions."""
        return self.yearly(self["free"])

    @cached_property
    def excess(self) -> Floats:
        """Yearly return less the risk-free one."""
        return self.annual - self.annual_free

    @cached_property
    def deviation(self) -> Floats:
        """Deviation of the returns of a session."""
        return self.spread(self["second"])

    @cached_property
    def volatility(self) -> Floats:
        """Yearly deviation."""
        return self.deviation * self.scale

    @cached_property
    def excess_volatility(self) -> Floats:
        """Yearly deviation of the excess returns."""
        return self.spread(self["excess_second"]) * self.scale

    @cached_property
    def sharpe(self) -> Floats:
        """Sharpe ratio of a session: mean excess return over its deviation."""
        return over(self["excess_mean"], self.spread(self["excess_second"]))

    @cached_property
    def variance(self) -> Floats:
        """Mean square deviation of a session, divided by n."""
        return np.where(self["second"] / self.n > FLAT**2, self["second"] / self.n, np.nan)

    @cached_property
    def skewness(self) -> Floats:
        """Third standardised moment, divided by n."""
        return self["third"] / self.n / self.variance**1.5

    @cached_property
    def kurtosis(self) -> Floats:
        """Fourth standardised moment less 3, divided by n."""
        return self["fourth"] / self.n / self.variance**2 - 3

    @cached_property
    def session_target(self) -> Floats:
        """Target of a session."""
        return self.target / self.periods_per_year

    @cached_property
    def downside(self) -> Floats:
        """Downside deviation of a session from the target, divided by n."""
        return root(self["low_second"] / self.n)

    @cached_property
    def gaussian(self) -> Floats:
        """VaR of a session, were returns normal."""
        from daybook.risk import var  # which stands on the benchmarks of this package

        z = np.full(len(self.confidence), np.nan)
        for confidence in np.unique(self.confidence):
            z[self.confidence == confidence] = -var.normal(float(confidence))[0]
        return z * self.deviation - self["mean"]

    @cached_property
    def modified(self) -> Floats:
        """VaR of a session by Cornish and Fisher; NaN where the expansion falls at the quantile."""
        from daybook.risk import var  # which stands on the benchmarks of this package

        bent, s, k = np.full(len(self.confidence), np.nan), self.skewness, self.kurtosis
        for confidence in np.unique(self.confidence):
            at = self.confidence == confidence
            z = var.normal(float(confidence))[0]
            rises = 1 + z * s[at] / 3 + (z**2 - 1) * k[at] / 8 - (6 * z**2 - 5) * s[at] ** 2 / 36
            bent[at] = np.where(rises > 0, var.cornish_fisher(s[at], k[at], float(confidence))[0], np.nan)
        return bent * self.deviation - self["mean"]

    @cached_property
    def pain(self) -> Floats:
        """Mean distance from the peak, positive."""
        return -self["depths"] / self.n

    @cached_property
    def ulcer(self) -> Floats:
        """Root mean square distance from the peak."""
        return root(self["depth_squares"] / self.n)

    @cached_property
    def pairs(self) -> Floats:
        """Sessions in which both have a return; NaN where there is none."""
        return np.where(self["pairs"] > 0, self["pairs"], np.nan)

    @cached_property
    def pair_annual(self) -> Floats:
        """Yearly return over the sessions of the benchmark."""
        return self.yearly(self["pair_wealth"] * self.sure)

    @cached_property
    def market_annual(self) -> Floats:
        """Yearly return of the benchmark."""
        return self.yearly(self["market_wealth"])

    @cached_property
    def pair_free_annual(self) -> Floats:
        """Yearly risk-free return over the sessions of the benchmark."""
        return self.yearly(self["pair_free"])

    @cached_property
    def pair_excess(self) -> Floats:
        """Yearly return less the risk-free one, over the sessions of the benchmark."""
        return self.pair_annual - self.pair_free_annual

    @cached_property
    def market_excess(self) -> Floats:
        """The benchmark's yearly return less the risk-free one."""
        return self.market_annual - self.pair_free_annual

    @cached_property
    def pair_volatility(self) -> Floats:
        """Yearly deviation over the sessions of the benchmark."""
        return self.spread(self["pair_second"], "pairs") * self.scale

    @cached_property
    def market_volatility(self) -> Floats:
        """Yearly deviation of the benchmark."""
        return self.spread(self["market_second"], "pairs") * self.scale

    @cached_property
    def tracking_error(self) -> Floats:
        """Yearly deviation of r - b."""
        return self.spread(self["active_second"], "pairs") * self.scale

    @cached_property
    def beta(self) -> Floats:
        """Slope of excess returns on those of the benchmark."""
        return over(self["covariance"], self["market_excess_second"], FLAT**2)

    @cached_property
    def correlation(self) -> Floats:
        """Correlation of the excess returns."""
        both = np.sqrt(self["pair_excess_second"] * self["market_excess_second"])
        return np.clip(over(self["covariance"], both, FLAT**2), -1, 1)

    @cached_property
    def residual(self) -> Floats:
        """Sum of squares that the regression leaves."""
        left = self["pair_excess_second"] - self.beta * self["covariance"]
        return np.maximum(left, np.where(np.isnan(self.beta), np.nan, 0.0))

    @cached_property
    def specific(self) -> Floats:
        """Yearly deviation of what the regression leaves, divided by m - 2."""
        return root(over(self.residual, self["pairs"] - 2)) * self.scale

    @cached_property
    def systematic(self) -> Floats:
        """Yearly deviation that beta explains: |beta| x deviation of the benchmark."""
        return np.abs(self.beta) * self.spread(self["market_excess_second"], "pairs") * self.scale

    @cached_property
    def intercept(self) -> Floats:
        """Intercept of the regression, a session."""
        over_free = self["pair_mean"] - self["pair_free_mean"]
        return over_free - self.beta * (self["market_mean"] - self["pair_free_mean"])

    @cached_property
    def jensen(self) -> Floats:
        """Yearly return beyond what beta explains."""
        return self.pair_excess - self.beta * self.market_excess
