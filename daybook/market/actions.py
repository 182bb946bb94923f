"""Corporate actions in the market: split ratios between two dates, and returns with splits undone.

Belongs here: what an action does to prices and returns. Does not belong here: what it does to the books
(``daybook.ledger``).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.market import dated

Floats = NDArray[np.float64]
DAY = pd.Timedelta(days=1)


def split_ratio(corporate_actions: pd.DataFrame, instruments: Any, since: Any, until: Any) -> Floats:
    """New units per old one through the splits of each instrument with ``since`` < ex_date <= ``until``.

    A split of 7 for 1 gives 7, no split gives 1. Cancelled splits do not count.
    """
    splits = _in_force(corporate_actions, "split")
    known, wanted = dated.codes([splits["instrument"]], [instruments])
    rows, at = dated.within(known, splits["ex_date"], wanted, since, until)
    ratio = np.ones(len(wanted))
    np.multiply.at(ratio, rows, (splits["numerator"] / splits["denominator"]).to_numpy(np.float64)[at])
    return ratio


def returns(prices: pd.DataFrame, corporate_actions: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Return of each instrument over each session, from its price on the session before.

    price_return = P1 x split ratio / P0 - 1; local_return = (P1 x split ratio + gross cash dividends) / P0 - 1, both
    in the price's currency, with the actions of ex_date in (session before, session]. A dividend is per share held
    on the day before its ex_date. Adjusted prices hold splits and dividends already: nothing is added.

    Args:
        prices: table ``prices`` of ``sessions`` and of the session before each, without gaps between them.
        corporate_actions: facts; cancelled ones do not count.
        sessions: midnight, naive.

    Returns:
        Table ``returns``; no row for an instrument's first price. ``status`` is that of the session's price; where the
        currency or the basis of the price changed, or a dividend is in another currency, the return that cannot be
        told is missing and ``status`` says why.
    """
    ordered = prices.sort_values(["instrument", "business_date"], kind="stable", ignore_index=True)
    before = ordered.groupby("instrument", sort=False)[["business_date", "close", "currency", "price_basis"]].shift()
    wanted = before["business_date"].notna() & ordered["business_date"].isin(sessions)
    rows, before = ordered[wanted].reset_index(drop=True), before[wanted].reset_index(drop=True)

    raw = (rows["price_basis"] != "adjusted").to_numpy()
    ratio = split_ratio(corporate_actions, rows["instrument"], before["business_date"], rows["business_date"])
    restated = rows["close"] * np.where(raw, ratio, 1.0)
    paid, foreign = dividends(corporate_actions, rows, before["business_date"])
    rebased = rows["price_basis"] != before["price_basis"]
    redenominated = rows["currency"] != before["currency"]
    price_return = (restated / before["close"] - 1.0).mask(rebased | redenominated)
    local_return = ((restated + np.where(raw, paid, 0.0)) / before["close"] - 1.0).mask(price_return.isna())
    status = rows["status"].mask(raw & foreign, "dividend in another currency")
    status = status.mask(redenominated, "price currency changed").mask(rebased, "price basis changed")
    return tables.conform(
        "returns",
        pd.DataFrame(
            {
                "business_date": rows["business_date"],
                "instrument": rows["instrument"],
                "price_return": price_return.round(12),
                "local_return": local_return.mask(raw & foreign).round(12),
                "currency": rows["currency"],
                "status": status,
            }
        ).sort_values(["business_date", "instrument"]),
    )


def dividends(corporate_actions: pd.DataFrame, rows: pd.DataFrame, since: Any) -> tuple[Floats, NDArray[np.bool_]]:
    """Gross cash dividends with ``since`` < ex_date <= business_date, in the price's currency.

    Args:
        corporate_actions: facts; cancelled ones do not count.
        rows: instrument, business_date and currency, index 0, 1, ...
        since: a Series of dates, one for each of ``rows``.

    Returns:
        The amount per share held at ``since``, and whether one of the dividends is in another currency than the row.
    """
    paid = _in_force(corporate_actions, "cash_dividend")
    known, wanted = dated.codes([paid["instrument"]], [rows["instrument"]])
    which, at = dated.within(known, paid["ex_date"], wanted, since, rows["business_date"])
    each = paid.take(at).reset_index(drop=True)
    start, currency = since.take(which), rows["currency"].take(which).reset_index(drop=True)
    units = split_ratio(corporate_actions, each["instrument"], start, each["ex_date"] - DAY)
    gross, foreign = np.zeros(len(rows)), np.zeros(len(rows), bool)
    np.add.at(gross, which, each["amount"].to_numpy(np.float64) * units)
    foreign[which[((each["currency"] != "") & (each["currency"] != currency)).to_numpy()]] = True
    return gross, foreign


def _in_force(corporate_actions: pd.DataFrame, kind: str) -> pd.DataFrame:
    held = (corporate_actions["kind"] == kind) & (corporate_actions["status"] != "cancelled")
    return corporate_actions[held].reset_index(drop=True)
