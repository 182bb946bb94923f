"""What an odd move of a price may mean: a wrong scale, another currency, a standstill, or just a spike.

Belongs here: explaining moves that ``moves`` measured. Does not belong here: splits (``splits``), and prices of one
session against each other (``sources``).
"""

import numpy as np
import pandas as pd

from daybook.market import fx
from daybook.market.quality.finding import BY_IMPACT, Flags, finding, number, percent
from daybook.market.quality.moves import SPIKE

FACTORS = (10.0, 100.0, 1000.0, 1500.0, 1 / 100, 1 / 1000, 1 / 1500)
"""What a price in another unit is off by: a slipped decimal, a minor unit, thousands; 1,500 class B shares of Berkshire
Hathaway are one of class A. A tenth is not among them: it is what a split of 10 for 1 leaves (``splits``)."""
NEAR = 0.2
"""How far, as a fraction, a move may be from such a factor: more than a price moves in a day, and less than half of
what is between two of them."""
SAME_RATE = 0.01
"""How far a move may be from an exchange rate and still look like it: the market moved on that day too."""
LIKE_A_RATE = 4.0
"""Own volatilities beyond which such a move is told. Both together are rarer than a spike alone: in the sample vendor's
25 series from 1995 to 2022 there are 41 such moves that happen to be near a rate of 0.94, and 162 spikes."""
_HINTS = {100.0: ", as in a minor unit", 1 / 100: ", as in the unit of a minor one", 1500.0: ", as of another class"}


def odd(moved: pd.DataFrame, times: float = SPIKE) -> Flags:
    """Whether each move is beyond so many of its own volatilities."""
    return np.asarray(moved["times"].abs() > times, bool)


def without(moved: pd.DataFrame, explained: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``moved`` about which there is no finding in ``explained`` yet."""
    key = ["business_date", "book", "instrument"]
    return moved[~pd.MultiIndex.from_frame(moved[key]).isin(pd.MultiIndex.from_frame(explained[key]))]


def scales(moved: pd.DataFrame) -> pd.DataFrame:
    """Prices that are near one of ``FACTORS`` times their last: ``price_scale``, by impact.

    Restated for actions as price_return is; needs no history. A price that came back to where it was is ``info``.
    impact_base is what NAV would change by with the price divided by the factor.
    """
    ratio = 1.0 + moved["move"].to_numpy(np.float64)
    with np.errstate(divide="ignore"):
        apart = np.abs(np.log(ratio)[:, None] - np.log(FACTORS)[None, :])
    nearest = np.asarray(FACTORS)[apart.argmin(axis=1)]
    near = apart.min(axis=1) <= np.log(1.0 + NEAR)
    rows, factor = moved[near], pd.Series(nearest, moved.index)[near]
    off = number(factor).mask(factor < 1.0, "1/" + number(1.0 / factor))
    hint = factor.map(_HINTS).astype("str").where(factor.isin(list(_HINTS)), "")
    reason = "the price is " + number(1.0 + rows["move"]) + " times the last one: likely " + off + " times" + hint
    return _moved_back(rows, finding(rows, "price_scale", BY_IMPACT, reason, _restored(rows, factor)))


def foreign(moved: pd.DataFrame, fx_rates: pd.DataFrame, currencies: pd.DataFrame) -> pd.DataFrame:
    """Moves that equal an exchange rate into another currency of the firm: ``price_currency``, by impact.

    They are beyond ``LIKE_A_RATE`` own volatilities. A price of 110 dollars delivered as the 100 euros that it is worth
    falls by a tenth. impact_base is what NAV would change by if the price were turned back.

    Args:
        moved: of ``moves.measured``, with ``confirmed``: what another source says too is no mistake of one.
        fx_rates: golden, of the same sessions.
        currencies: business_date and currency: those in which books hold or report.
    """
    named = currencies.drop_duplicates().rename(columns={"currency": "other"})
    rows = moved[odd(moved, LIKE_A_RATE) & ~moved["confirmed"].to_numpy(bool)].merge(named, on="business_date")
    rows = rows[rows["other"] != rows["currency"]].reset_index(drop=True)
    rate = pd.Series(fx.rates(fx_rates, rows["currency"], rows["other"], rows["business_date"]), rows.index)
    apart = ((1.0 + rows["move"] - rows["peers"]) / rate - 1.0).abs()
    near = rows.assign(rate=rate, apart=apart)[apart <= SAME_RATE].sort_values("apart", kind="stable")
    near = near.drop_duplicates(["business_date", "book", "instrument"])
    reason = "looks like " + near["other"] + ": it moved by " + percent(near["move"]) + ", and one " + near["currency"]
    reason = reason + " is " + number(near["rate"]) + " " + near["other"]
    return _moved_back(near, finding(near, "price_currency", BY_IMPACT, reason, _restored(near, near["rate"])))


def spikes(moved: pd.DataFrame) -> pd.DataFrame:
    """Odd moves: ``price_spike``, by impact.

    ``info`` where another source says the same, and where the price came back to where it was before the session
    before. impact_base is what NAV would change by if the price had moved as its peers did.

    Args:
        moved: of ``moves.measured``, with ``confirmed`` (``sources.confirmed``).
    """
    rows = moved[odd(moved)]
    sure = rows["confirmed"].to_numpy(bool)
    peers = ("; its peers by " + percent(rows["peers"])).where(rows["has_peers"], "")
    times = rows["times"].abs().map("{:.0f}".format).astype("str")
    reason = "moved by " + percent(rows["move"]) + peers + ": " + times + " times its own daily volatility"
    impact = rows["market_value_base"] * (rows["peers"] - rows["move"]) / (1.0 + rows["move"])
    found = finding(rows, "price_spike", BY_IMPACT, reason, impact)
    said = found["reason"].mask(sure, found["reason"] + ", and another source says the same")
    found = found.assign(severity=found["severity"].mask(sure, "info"), reason=said)
    return _moved_back(rows, found)


def unchanged(moved: pd.DataFrame, policy: pd.DataFrame) -> pd.DataFrame:
    """Prices that were delivered again and again while their peers moved: ``price_unchanged``, by impact.

    After as many sessions as the policy lets a price be carried forward: a feed that repeats itself has stopped, only
    less openly. impact_base is what NAV would change by if the price had moved as its peers did.

    Args:
        moved: of ``moves.measured``.
        policy: max_stale of each of ``moved`` (``price_sources.policy``).
    """
    rows = moved[moved["unchanged"] > policy["max_stale"]]
    reason = "unchanged for " + rows["unchanged"].astype("str") + " sessions; its peers moved by "
    impact = rows["market_value_base"] * rows["missed"]
    return finding(rows, "price_unchanged", BY_IMPACT, reason + percent(rows["missed"]), impact)


def _restored(rows: pd.DataFrame, factor: "pd.Series[float]") -> "pd.Series[float]":
    """What NAV changes by when the price is divided by ``factor``."""
    return rows["market_value_base"] * (1.0 / factor - 1.0)


def _moved_back(rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """``found`` of ``rows``, in their order; ``info`` where the price is back where it was two sessions ago."""
    back = rows["back"].to_numpy(bool)
    said = found["reason"].mask(back, found["reason"] + "; it is back where it was two sessions ago")
    return found.assign(severity=found["severity"].mask(back, "info"), reason=said)
