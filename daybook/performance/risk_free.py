"""What money earns without risk, and what it costs to sell a currency forward.

Belongs here: interest over a session by ``risk_free_rates``. Does not belong here: who uses it.

Conventions: the rate of the shortest tenor, the last one at or before the session before, since it is earned over the
calendar days from there; simple interest, by its day count as curves read it (``pricing``), actual/365 where it is
unknown. Premiums follow from covered interest parity (Keynes 1923): whoever sells a currency forward for a session
gains (1 + r_base) / (1 + r_currency) - 1 of what he sold, whatever the exchange rate does.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from daybook import calendars
from daybook.ledger import day_count, pricing

_TENOR_DAYS = {"D": 1.0, "W": 7.0, "M": 30.0, "Y": 365.0}


def risk_free_returns(
    risk_free_rates: pd.DataFrame, currencies: Iterable[str], calendar: str, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Risk-free return of each currency over each session; 0 where no rate is known.

    Args:
        risk_free_rates: facts.
        currencies: base currencies wanted.
        calendar: MIC of the sessions.
        sessions: sessions to compute.

    Returns:
        business_date, base_currency, calendar, risk_free (fraction of the session).
    """
    previous = calendars.previous_session(calendar, sessions)
    open_days = pd.DataFrame({"business_date": sessions, "previous": previous}).dropna()
    names = pd.DataFrame({"currency": pd.Series(sorted(set(currencies)), dtype="str")})
    rows = open_days.merge(names, how="cross")
    return pd.DataFrame(
        {
            "business_date": rows["business_date"],
            "base_currency": rows["currency"],
            "calendar": calendar,
            "risk_free": _interest(risk_free_rates, rows).fillna(0.0),
        }
    )


def risk_free_of(risk_free_rates: pd.DataFrame, rows: pd.DataFrame) -> "pd.Series[float]":
    """Risk-free return of each of ``rows`` over its session, in base currency; 0 where no rate is known.

    Args:
        risk_free_rates: facts.
        rows: business_date, base_currency, calendar.
    """
    key = ["business_date", "base_currency", "calendar"]
    free = []
    for name, group in rows.groupby("calendar"):  # one turn a calendar
        days = pd.DatetimeIndex(group["business_date"].unique())
        free.append(risk_free_returns(risk_free_rates, group["base_currency"].unique(), str(name), days))
    if not free:
        return pd.Series(0.0, rows.index)
    found = rows[key].merge(pd.concat(free), on=key, how="left")["risk_free"].fillna(0.0)
    return found.set_axis(rows.index)


def forward_premiums(risk_free_rates: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """What selling each currency forward for the session gains, in base currency.

    Args:
        risk_free_rates: facts.
        pairs: business_date, previous (the session before), currency, base_currency.

    Returns:
        Index of ``pairs``: forward_premium (a fraction of the value at the session before; 0 in the base currency, and
        where the rate of one of the two is unknown) and known (whether it is not).
    """
    home = pairs["currency"].eq(pairs["base_currency"])
    if home.all():
        return pd.DataFrame({"forward_premium": 0.0, "known": home})
    days = ["business_date", "previous"]
    rows = pairs.loc[~home, [*days, "currency", "base_currency"]].drop_duplicates(ignore_index=True)
    both = [
        _interest(risk_free_rates, rows[[*days, name]].set_axis([*days, "currency"], axis=1))
        for name in ("base_currency", "currency")
    ]
    # A rate that takes all in a session (typed in percent, below zero) is none.
    rows["forward_premium"] = (1 + both[0]) / (1 + both[1]).where(both[1] > -1) - 1
    found = pairs.merge(rows, on=[*days, "currency", "base_currency"], how="left").set_axis(pairs.index)
    premium = found["forward_premium"]
    return pd.DataFrame({"forward_premium": premium.fillna(0.0), "known": premium.notna() | home})


def _interest(risk_free_rates: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Interest of each of ``rows`` (currency, previous, business_date); NaN where no rate is known."""
    number = risk_free_rates["tenor"].str.extract(r"^(\d+)")[0].astype("float64").fillna(1.0)
    unit = risk_free_rates["tenor"].str.upper().str[-1:].map(_TENOR_DAYS).astype("float64").fillna(1.0)
    known = risk_free_rates.assign(term=number * unit).sort_values(["business_date", "term"])
    known = known.drop_duplicates(["business_date", "currency"]).rename(columns={"business_date": "previous"})
    wanted = rows.reset_index(drop=True).rename_axis("place").reset_index().sort_values("previous", kind="stable")
    columns = ["previous", "currency", "rate", "day_count"]
    found = pd.merge_asof(wanted, known[columns], on="previous", by="currency")
    years = np.zeros(len(found))
    convention = pricing.day_counts(found["day_count"])
    for name in convention.unique():
        of = (convention == name).to_numpy()
        start, end = (day_count.position(name, found.loc[of, column]) for column in ("previous", "business_date"))
        years[of] = end - start
    return (found["rate"] * years).set_axis(found["place"]).sort_index().set_axis(rows.index)
