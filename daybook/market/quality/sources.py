"""Delivered prices of one session against each other and against what the instrument is.

Belongs here: sources that disagree or agree, a row that contradicts itself or its instrument. Does not belong here: a
price against its own past (``jumps``, ``splits``).
"""

import numpy as np
import pandas as pd

from daybook.market import actions, currencies, fx, security_master
from daybook.market.quality.finding import BY_IMPACT, Flags, finding, holdings, number, priced

ROUNDING = 1e-6
"""Distance, as a fraction, up to which a price outside its range is the vendor's rounding."""


def unequal_prices(valuations: pd.DataFrame, raw_prices: pd.DataFrame, policy: pd.DataFrame) -> pd.DataFrame:
    """Held instruments with closes of several sources that differ by more than the policy allows: ``price_unequal``.

    By impact; impact_base is the value of the whole spread. Raw and adjusted prices, and other currencies, do not mean
    the same and are not compared; prices in a minor unit are compared in its currency.

    Args:
        valuations: table of the sessions that are checked.
        raw_prices: facts.
        policy: tolerance for each row of ``finding.holdings(valuations)`` (``price_sources.policy``).
    """
    same = ["business_date", "instrument", "currency", "price_basis"]
    found = raw_prices[raw_prices["business_date"].isin(valuations["business_date"].unique())]
    currency, parts = currencies.major(found["currency"])
    found = found.assign(currency=currency, close=found["close"] / parts)
    spread = found.groupby(same, as_index=False)["close"].agg(["min", "max"])
    spread["fraction"] = spread["max"] / spread["min"] - 1.0
    widest = spread.sort_values("fraction", kind="stable").drop_duplicates(["business_date", "instrument"], keep="last")
    held = holdings(valuations).assign(tolerance=policy["tolerance"].to_numpy())
    rows = held.merge(widest, on=["business_date", "instrument"])
    rows = rows[rows["fraction"] > rows["tolerance"]]
    reason = "sources differ: from " + number(rows["min"]) + " to " + number(rows["max"])
    return finding(rows, "price_unequal", BY_IMPACT, reason, rows["market_value_base"].abs() * rows["fraction"])


def confirmed(
    moved: pd.DataFrame, raw_prices: pd.DataFrame, corporate_actions: pd.DataFrame, policy: pd.DataFrame
) -> Flags:
    """Whether another source than the one that was chosen tells of the same move, within the policy's tolerance.

    Its own move counts, from its own last price, restated for splits: two sources may differ in level and agree in what
    happened.

    Args:
        moved: rows of ``moves.measured``.
        raw_prices: facts of the sessions and of some before.
        corporate_actions: facts.
        policy: tolerance of each of ``moved`` (``price_sources.policy``).
    """
    series = ["instrument", "source", "currency", "price_basis"]
    told = raw_prices[raw_prices["instrument"].isin(moved["instrument"].unique())]
    told = told.sort_values("business_date", kind="stable").reset_index(drop=True)
    last = told.groupby(series)[["business_date", "close"]].shift()
    told = told.assign(since=last["business_date"], last=last["close"])[
        [*series, "business_date", "close", "since", "last"]
    ]
    told = told[told["since"].notna() & told["business_date"].isin(moved["business_date"].unique())]
    units = actions.split_ratio(corporate_actions, told["instrument"], told["since"], told["business_date"])
    told = told.assign(growth=told["close"] * np.where(told["price_basis"] == "adjusted", 1.0, units) / told["last"])
    each = moved[["business_date", "instrument", "source", "move"]].assign(
        row=np.arange(len(moved)), tolerance=policy["tolerance"].to_numpy()
    )
    both = each.merge(told, on=["business_date", "instrument"], suffixes=("", "_other"))
    apart = (both["growth"] / (1.0 + both["move"]) - 1.0).abs()
    agree = both.loc[(both["source"] != both["source_other"]) & (apart <= both["tolerance"]), "row"]
    return np.isin(np.arange(len(moved)), agree)


def crossed(valuations: pd.DataFrame, prices: pd.DataFrame, raw_prices: pd.DataFrame) -> pd.DataFrame:
    """Rows behind golden prices with high < low, or close or open outside of them: ``price_crossed``, by impact.

    impact_base is the widest of these distances for the whole holding; which of the numbers is wrong cannot be told.

    Args:
        valuations: table of the sessions that are checked.
        prices: golden, of the same sessions.
        raw_prices: facts of the same sessions.
    """
    rows = behind(priced(valuations, prices), raw_prices, ["open", "high", "low"])
    high, low = rows["high"], rows["low"]
    names = ("close below low", "close above high", "open below low", "open above high", "high below low")
    outside = (low - rows["delivered"], rows["delivered"] - high, low - rows["open"], rows["open"] - high, low - high)
    distances = np.stack([part.to_numpy(np.float64) for part in outside], axis=1)
    fraction = np.nan_to_num(distances / rows["delivered"].to_numpy(np.float64)[:, None], nan=-np.inf)
    # high below low puts close and open outside too, and is what is wrong.
    worst = np.where(fraction[:, 4] > ROUNDING, 4, fraction[:, :4].argmax(axis=1)) if len(rows) else np.zeros(0, int)
    widest = fraction.max(axis=1, initial=-np.inf)
    wrong = widest > ROUNDING
    said = pd.Series(np.asarray(names)[worst], rows.index, dtype="str")
    reason = said + ": open " + number(rows["open"]) + ", high " + number(high) + ", low " + number(low)
    reason = reason + ", close " + number(rows["delivered"])
    impact = rows["market_value_base"].abs() * widest
    return finding(rows[wrong], "price_crossed", BY_IMPACT, reason[wrong], impact[wrong])


def currency_differs(
    valuations: pd.DataFrame,
    prices: pd.DataFrame,
    returns: pd.DataFrame,
    instruments: pd.DataFrame,
    fx_rates: pd.DataFrame,
) -> pd.DataFrame:
    """Golden prices in another currency than their instrument's: ``price_currency``.

    By impact; a warning where the price before was in that currency too, and the return could be told. A minor unit is
    its currency. impact_base is what NAV would change by if the number were in the instrument's currency.

    Args:
        valuations: table of the sessions that are checked.
        prices: golden, of the same sessions.
        returns: table of the same sessions.
        instruments: reference facts.
        fx_rates: golden, of the same sessions.
    """
    rows = priced(valuations, prices)
    own = currencies.major(security_master.attributes(instruments, "instrument", rows, ["currency"])["currency"])[0]
    differs = (own != rows["currency"]) & (own != "")
    rows = rows.assign(own=own)[differs].merge(
        returns[["business_date", "instrument", "price_return"]], on=["business_date", "instrument"], how="left"
    )
    rate = fx.rates(fx_rates, rows["own"], rows["currency"], rows["business_date"])
    severity = np.where(rows["price_return"].notna(), "warning", BY_IMPACT)
    reason = "the price is in " + rows["currency"] + ", the instrument in " + rows["own"]
    return finding(rows, "price_currency", severity, reason, rows["market_value_base"] * (rate - 1.0))


def behind(rows: pd.DataFrame, raw_prices: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """``rows`` of ``finding.priced`` with ``columns`` and the close as delivered, of the fact that was chosen."""
    key = ["business_date", "instrument", "source", "file", "line"]
    facts = (
        raw_prices[[*key, "close", *columns]].rename(columns={"close": "delivered"}).drop_duplicates(key, keep="last")
    )
    return rows.merge(facts, on=key)
