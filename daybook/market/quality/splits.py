"""Splits that are not in the price, and prices that look split.

Belongs here: a move of the raw price against the corporate actions of its session. Does not belong here: what a split
does to returns (``daybook.market.actions``) and to the books (``daybook.ledger``).
"""

from fractions import Fraction

import numpy as np
import pandas as pd

from daybook.market import actions
from daybook.market.quality.finding import BY_IMPACT, finding, percent
from daybook.market.quality.jumps import odd

RATIOS = ((3, 2), *((new, 1) for new in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50)))
"""Splits that a price is searched for, new for old, and their reverses. Smaller ones cannot be told from a bad day."""
NEAR = 2.0
"""Own volatilities that a price may be away from what a split alone would have made of it: an ordinary day's move."""


def not_in_price(moved: pd.DataFrame, corporate_actions: pd.DataFrame) -> pd.DataFrame:
    """Raw prices that did not move as a split or stock dividend of their session says: ``split_not_in_price``.

    By impact. The restated return is odd and further from nothing than the unrestated one, both against the peers. The
    books hold the new quantity already: impact_base is what NAV would change by with the price divided by the ratio.

    Args:
        moved: of ``moves.measured``.
        corporate_actions: facts.
    """
    ratio = actions.split_ratio(corporate_actions, moved["instrument"], moved["since"], moved["business_date"])
    ratio = np.where(moved["price_basis"] == "adjusted", 1.0, ratio)
    restated, market = np.log1p(moved["move"]), np.log1p(moved["peers"])
    closer = (restated - np.log(ratio) - market).abs() < (restated - market).abs()
    wrong = odd(moved) & (ratio != 1.0) & closer
    rows, terms = moved[wrong], pd.Series(ratio, moved.index)[wrong]
    plain = (1.0 + rows["move"]) / terms - 1.0
    reason = "a split of " + _terms(terms) + " is in force and the price moved by " + percent(plain)
    return finding(rows, "split_not_in_price", BY_IMPACT, reason, rows["market_value_base"] * (1.0 / terms - 1.0))


def missing(moved: pd.DataFrame, corporate_actions: pd.DataFrame) -> pd.DataFrame:
    """Raw prices that jumped like a split without any action of the session: ``split_missing``, by impact.

    The move is odd and within ``NEAR`` own volatilities of one of ``RATIOS`` or its reverse, against the peers.
    impact_base is what NAV would change by if the split were booked.

    Args:
        moved: of ``moves.measured``.
        corporate_actions: facts; any action of the session explains a jump.
    """
    ratios = np.asarray([[new / old, old / new] for new, old in RATIOS]).ravel()
    jump = np.asarray(np.log1p(moved["move"]) - np.log1p(moved["peers"]), np.float64)
    apart = np.abs(jump[:, None] + np.log(ratios)[None, :])
    nearest = ratios[apart.argmin(axis=1)]
    looks = odd(moved) & (moved["price_basis"] != "adjusted") & (apart.min(axis=1) <= NEAR * moved["volatility"])
    wrong = looks & ~moved["back"] & ~_explained(moved, corporate_actions)
    rows, terms = moved[wrong], pd.Series(nearest, moved.index)[wrong]
    reason = "moved by " + percent(rows["move"]) + " like a split of " + _terms(terms) + ", and no action says so"
    return finding(rows, "split_missing", BY_IMPACT, reason, rows["market_value_base"] * (terms - 1.0))


def _explained(moved: pd.DataFrame, corporate_actions: pd.DataFrame) -> "pd.Series[bool]":
    """Whether an action of the instrument has its ex_date in the step that ended with the session."""
    known = corporate_actions.loc[corporate_actions["status"] != "cancelled", ["instrument", "ex_date"]]
    pairs = moved[["instrument", "business_date", "since"]].assign(row=moved.index).merge(known, on="instrument")
    inside = (pairs["since"] < pairs["ex_date"]) & (pairs["ex_date"] <= pairs["business_date"])
    return pd.Series(moved.index.isin(pairs.loc[inside, "row"]), moved.index)


def _terms(ratio: "pd.Series[float]") -> "pd.Series[str]":
    """Each ratio as 7 for 1, 3 for 2 or 1 for 10."""
    exact = ratio.map(lambda value: Fraction(value).limit_denominator(1000))
    return exact.map(lambda value: f"{value.numerator} for {value.denominator}").astype("str")
