"""What books hold and cannot value, or value by something old or doubtful.

Belongs here: missing values, failed books, stale prices, bases and accruals that do not fit. Does not belong here:
whether a price that is there is plausible (``jumps``, ``splits``, ``sources``).
"""

import numpy as np
import pandas as pd

from daybook import calendars
from daybook.ledger.valuation import WITHOUT_ACCRUED
from daybook.market import dated, price_sources, security_master
from daybook.market.quality.finding import BY_IMPACT, finding, holdings
from daybook.market.quality.moves import own_volatility


def unvalued(valuations: pd.DataFrame) -> pd.DataFrame:
    """Rows without a value: ``price_missing``, ``fx_missing`` or ``not_valued``; blocking."""
    rows = valuations[valuations["status"] == "failed"]
    check = np.where(
        rows["price"].isna(), "price_missing", np.where(rows["fx_rate"].isna(), "fx_missing", "not_valued")
    )
    return finding(rows, check, "blocking", rows["reason"])


def failed_books(nav: pd.DataFrame) -> pd.DataFrame:
    """Books without a NAV: ``book_failed``, blocking."""
    rows = nav[nav["status"] == "failed"]
    return finding(rows, "book_failed", "blocking", rows["reason"])


def missing_pnl(nav: pd.DataFrame, pnl: pd.DataFrame) -> pd.DataFrame:
    """Books with a NAV and no P&L, because what they started from is not known: ``pnl_missing``, warning."""
    known = pd.MultiIndex.from_frame(pnl[["business_date", "book"]])
    rows = nav[(nav["status"] == "ok") & ~pd.MultiIndex.from_frame(nav[["business_date", "book"]]).isin(known)]
    return finding(rows, "pnl_missing", "warning", "no P&L: the NAV of the session before is not known")


def stale_prices(
    valuations: pd.DataFrame,
    prices: pd.DataFrame,
    raw_prices: pd.DataFrame,
    returns: pd.DataFrame,
    instruments: pd.DataFrame,
    declared: pd.DataFrame,
) -> pd.DataFrame:
    """Held instruments whose market was open without a new price: ``price_stale``.

    Blocking when the last price is more sessions of its market old than the policy allows (``price_sources``), else by
    impact, a warning where that cannot be told. impact_base is one standard deviation of what the price may have moved
    since: value x own daily volatility x square root of the age.

    Args:
        valuations: table of the sessions that are checked.
        prices: golden, of the same sessions.
        raw_prices: facts of the sessions and of ``moves.WINDOW`` before; an older price blocks.
        returns: table with ``moves.WINDOW`` sessions before each that is checked.
        instruments: reference facts.
        declared: facts of table ``price_sources``.
    """
    old = prices.loc[prices["status"].isin(["stale", "closed"]), ["business_date", "instrument"]]
    rows = holdings(valuations).merge(old, on=["business_date", "instrument"])
    known, wanted = dated.codes([raw_prices["instrument"]], [rows["instrument"]])
    at = dated.last(known, raw_prices["business_date"], wanted, rows["business_date"])
    used = raw_prices["business_date"].reset_index(drop=True).reindex(at).reset_index(drop=True)
    exchange = security_master.attributes(instruments, "instrument", rows, ["exchange"])["exchange"]
    unseen = used.isna()
    age = calendars.sessions_between(exchange, used.fillna(rows["business_date"]), rows["business_date"])
    beyond = unseen | (age > price_sources.policy(declared, instruments, rows)["max_stale"])
    late = (age > 0) | unseen
    old_price = "price of " + dated.iso(used) + ": " + pd.Series(age, rows.index).astype("str") + " session(s) old"
    reason = old_price.mask(unseen, "the last price is older than all prices that were looked at")
    size = rows["market_value_base"].abs() * own_volatility(rows, returns) * np.sqrt(age)
    impact = size.mask(unseen)
    severity = np.where(beyond, "blocking", np.where(impact.isna(), "warning", BY_IMPACT))
    return finding(rows[late], "price_stale", severity[late], reason[late], impact[late])


def adjusted_with_action(
    valuations: pd.DataFrame, prices: pd.DataFrame, lots: pd.DataFrame, corporate_actions: pd.DataFrame
) -> pd.DataFrame:
    """Adjusted prices of what was held through a split or cash dividend: ``adjusted_price_with_action``.

    By impact. The price holds the action already and the books post it once more. It stands as long as a lot from
    before the ex_date is held. impact_base is the gross dividends counted twice; what a split does cannot be told.

    Args:
        valuations: table of the sessions that are checked.
        prices: golden, of the same sessions.
        lots: table of the same sessions.
        corporate_actions: facts.
    """
    day = ["business_date", "instrument"]
    adjusted = prices.loc[prices["price_basis"] == "adjusted", day]
    oldest = lots.groupby(["business_date", "book", "instrument"], as_index=False)["opened_on"].min()
    held = holdings(valuations).merge(adjusted, on=day).merge(oldest, on=["business_date", "book", "instrument"])
    posted = corporate_actions["kind"].isin(["split", "cash_dividend"]) & (corporate_actions["status"] != "cancelled")
    columns = ["action_id", "instrument", "kind", "ex_date", "amount"]
    both = held.merge(corporate_actions.loc[posted, columns], on="instrument")
    both = both[(both["opened_on"] < both["ex_date"]) & (both["ex_date"] <= both["business_date"])]
    paid = both["kind"] == "cash_dividend"
    both = both.assign(twice=(both["quantity"] * both["amount"] * both["fx_rate"]).where(paid))
    both = both.sort_values(["business_date", "book", "instrument", "ex_date", "action_id"])
    key = ["business_date", "book", "instrument"]
    last, twice = both.groupby(key)[["kind", "ex_date"]].last(), both.groupby(key)["twice"]
    rows = last.join(twice.agg(["size", "sum", "count"])).reset_index()
    more = (" and " + (rows["size"] - 1).astype("str") + " more").where(rows["size"] > 1, "")
    reason = "the price is adjusted and " + rows["kind"] + " of " + dated.iso(rows["ex_date"]) + more + " was booked"
    impact = rows["sum"].where(rows["count"] == rows["size"])
    return finding(rows, "adjusted_price_with_action", BY_IMPACT, reason, impact)


def unknown_accruals(valuations: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Bonds valued without accrued interest, their coupon not being known: ``accrued_interest_missing``, warning."""
    clean = valuations["reason"].str.startswith(WITHOUT_ACCRUED)
    rows = holdings(valuations[clean])
    is_bond = security_master.attributes(instruments, "instrument", rows, ["asset_class"])["asset_class"] == "bond"
    return finding(rows[is_bond], "accrued_interest_missing", "warning", "valued clean: its coupon is not known")
