"""Benchmarks: the weights that stand at the open of a session, and what they earn.

Belongs here: drift of delivered weights, benchmark returns, the risk-free return. Does not belong here: what a book
earned (``returns``), why it earned something else (``daybook.attribution``).

Conventions (CONTRACT 2.9): weights delivered for D are weights at the close of D, used from the next session on.
Between deliveries a weight drifts with the total return of its instrument in the book's base currency, and the weights
of a session are divided by their sum. The return is the sum of opening weight x total return, dividends gross, in base
currency. The sessions are those of the book's own calendar; the returns between two of them are linked.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from daybook import calendars
from daybook.market.fx import rates
from daybook.market.security_master import effective

VIEW = ["benchmark", "base_currency", "calendar"]
"""A benchmark as a book sees it."""
CASH = "CASH:"
_DAYS_A_YEAR = {"ACT/365": 365.0, "ACT/365F": 365.0, "30/360": 360.0, "ACT/360": 360.0}
_TENOR_DAYS = {"D": 1.0, "W": 7.0, "M": 30.0, "Y": 365.0}


def opening_weights(
    benchmark_weights: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    views: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Weights at the open of each session and the return that each of them earned in it.

    Args:
        benchmark_weights: facts; per benchmark those since the last delivery before the first session suffice.
        returns: table ``returns`` of every session since that delivery.
        fx_rates: table ``fx_rates`` of every session since that delivery, that of the delivery included.
        views: benchmark, base_currency, calendar: the benchmarks wanted, each as its books see it.
        sessions: sessions to compute.

    Returns:
        business_date, benchmark, base_currency, calendar, instrument, weight (fractions that add up to 1; empty where
        their sum is not positive), total_return (in base currency; NaN where there is none). No row before the first
        delivery. A return that is missing leaves the weight where it was.
    """
    lives = _lives(benchmark_weights, views, sessions)
    members = benchmark_weights[["benchmark", "business_date", "instrument", "weight"]].rename(
        columns={"business_date": "delivered"}
    )
    rows = lives.merge(members, on=["benchmark", "delivered"]).sort_values(
        [*VIEW, "delivered", "instrument", "business_date"], ignore_index=True
    )
    rows["total_return"] = _total_returns(rows, returns, fx_rates)
    line = rows.groupby([*VIEW, "delivered", "instrument"], sort=False)
    growth = (1 + rows["total_return"]).fillna(1.0)
    before = growth.groupby(line.ngroup().to_numpy()).shift().fillna(1.0)
    rows["weight"] *= before.groupby(line.ngroup().to_numpy()).cumprod()
    # pandas adds a group that stands together in another way than one that is scattered: a sort before each sum
    # makes a range of sessions give the very numbers of single ones.
    key = ["business_date", *VIEW]
    rows = rows.loc[rows["business_date"].isin(sessions)].sort_values([*key, "instrument"], ignore_index=True)
    whole = rows.groupby(key)["weight"].transform("sum")
    rows["weight"] = rows["weight"] / whole.where(whole > 0)
    return rows[[*key, "instrument", "weight", "total_return"]]


def _lives(weights: pd.DataFrame, views: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """VIEW, delivered, previous, business_date: each session that a delivery which ``sessions`` need lives through."""
    distinct = views[VIEW].drop_duplicates()
    frames = [_calendar_lives(weights, distinct, str(name), sessions) for name in distinct["calendar"].unique()]
    empty = pd.DataFrame(
        {
            **{name: pd.Series(dtype="str") for name in VIEW},
            **{name: pd.Series(dtype="datetime64[us]") for name in ("delivered", "previous", "business_date")},
        }
    )
    return pd.concat([empty, *frames], ignore_index=True)


def _calendar_lives(
    weights: pd.DataFrame, views: pd.DataFrame, calendar: str, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    wanted = pd.DataFrame({"business_date": sessions[calendars.is_session(calendar, sessions)]})
    grid = wanted.merge(views.loc[views["calendar"].eq(calendar)], how="cross").sort_values("business_date")
    delivered = weights[["benchmark", "business_date"]].drop_duplicates().sort_values("business_date")
    delivered["delivered"] = delivered["business_date"]
    used = pd.merge_asof(grid, delivered, on="business_date", by="benchmark", allow_exact_matches=False)
    spans = used.dropna(subset="delivered").groupby([*VIEW, "delivered"], as_index=False)["business_date"].max()
    days = calendars.sessions(calendar).to_numpy()
    low = np.searchsorted(days, spans["delivered"].to_numpy("datetime64[us]"), "right")
    count = np.searchsorted(days, spans["business_date"].to_numpy("datetime64[us]"), "right") - low
    rows = spans[[*VIEW, "delivered"]].take(np.repeat(np.arange(len(spans)), count)).reset_index(drop=True)
    step = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    at = np.repeat(low, count) + step
    rows["business_date"], rows["previous"] = days[at], days[at - 1]
    return pd.DataFrame(rows)


def _total_returns(rows: pd.DataFrame, returns: pd.DataFrame, fx_rates: pd.DataFrame) -> pd.Series:
    """Return in base currency of each row's instrument since the session before."""
    used = returns.loc[returns["instrument"].isin(rows["instrument"].unique()) & returns["local_return"].notna()]
    linked = [on_calendar(used, str(name)).assign(calendar=name) for name in rows["calendar"].unique()]
    if not linked:
        return pd.Series(dtype="float64")
    key = ["calendar", "business_date", "instrument"]
    found = rows.merge(pd.concat(linked)[[*key, "local_return", "currency"]], on=key, how="left")
    cash = found["instrument"].str.startswith(CASH)
    local = found["local_return"].mask(cash, 0.0)
    currency = found["currency"].mask(cash, found["instrument"].str.removeprefix(CASH))
    abroad = (currency.notna() & currency.ne(found["base_currency"])).to_numpy()
    move = np.zeros(len(found))
    pair = currency[abroad].to_numpy(object), found.loc[abroad, "base_currency"].to_numpy(object)
    after = rates(fx_rates, *pair, found.loc[abroad, "business_date"])
    before = rates(fx_rates, *pair, found.loc[abroad, "previous"])
    move[abroad] = after / before - 1
    return (1 + local) * (1 + move) - 1


def on_calendar(returns: pd.DataFrame, calendar: str) -> pd.DataFrame:
    """``returns`` on the sessions of ``calendar``; a day on which it is closed is linked into its next session.

    Args:
        returns: business_date, instrument, local_return (none missing), currency.
        calendar: MIC.
    """
    if calendars.is_session(calendar, returns["business_date"]).all():
        return returns
    grown = returns.assign(local_return=1 + returns["local_return"]).sort_values(["instrument", "business_date"])
    grown["business_date"] = calendars.roll_forward(calendar, grown["business_date"])
    linked = grown.groupby(["instrument", "business_date"], as_index=False).agg(
        local_return=("local_return", "prod"), currency=("currency", "last")
    )
    return linked.assign(local_return=linked["local_return"] - 1)


def benchmark_returns(opening: pd.DataFrame) -> pd.DataFrame:
    """Return of each benchmark in each session, from ``opening_weights``.

    Returns:
        business_date, benchmark, base_currency, calendar, benchmark_return (12 places), reason. The return is empty,
        with the reason, when an instrument with a weight has no return.
    """
    key = ["business_date", *VIEW]
    rows = opening.assign(part=opening["weight"] * opening["total_return"])
    rows["part"] = rows["part"].mask(rows["weight"].eq(0), 0.0)
    rows["missing"] = rows["instrument"].where(rows["part"].isna())
    found = rows.groupby(key, as_index=False).agg(benchmark_return=("part", "sum"), missing=("missing", "first"))
    lacking = found["missing"].notna()
    found["benchmark_return"] = found["benchmark_return"].round(12).mask(lacking)
    found["reason"] = ("benchmark: no return of " + found["missing"].astype("str")).where(lacking, "")
    return found.drop(columns="missing")


def risk_free_returns(
    risk_free_rates: pd.DataFrame, currencies: Iterable[str], calendar: str, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Risk-free return of each currency over each session: the rate of its shortest tenor, simple interest.

    The rate is the last one at or before the session before, since it is earned over the days from there; it accrues by
    its day count: ACT/365 (the default) or a year of 360 days. 0 where no rate is known.

    Args:
        risk_free_rates: facts.
        currencies: base currencies wanted.
        calendar: MIC of the sessions.
        sessions: sessions to compute.

    Returns:
        business_date, base_currency, calendar, risk_free (fraction of the session).
    """
    number = risk_free_rates["tenor"].str.extract(r"^(\d+)")[0].astype("float64").fillna(1.0)
    unit = risk_free_rates["tenor"].str.upper().str[-1:].map(_TENOR_DAYS).astype("float64").fillna(1.0)
    known = risk_free_rates.assign(term=number * unit).sort_values(["business_date", "term"])
    known = known.drop_duplicates(["business_date", "currency"]).rename(columns={"currency": "base_currency"})
    previous = calendars.previous_session(calendar, sessions)
    open_days = pd.DataFrame({"session": sessions, "business_date": previous}).dropna()
    grid = open_days.merge(
        pd.DataFrame({"base_currency": pd.Series(sorted(set(currencies)), dtype="str")}), how="cross"
    )
    columns = ["business_date", "base_currency", "rate", "day_count"]
    found = pd.merge_asof(grid.sort_values("business_date"), known[columns], on="business_date", by="base_currency")
    length = (found["session"] - found["business_date"]).dt.days
    year = found["day_count"].fillna("").str.upper().map(_DAYS_A_YEAR).astype("float64").fillna(365.0)
    free = (found["rate"] * length / year).fillna(0.0)
    return pd.DataFrame(
        {
            "business_date": found["session"],
            "base_currency": found["base_currency"],
            "calendar": calendar,
            "risk_free": free.to_numpy(),
        }
    )


def book_views(books: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The benchmark of every book on every session, as the book sees it.

    Args:
        books: facts, dated by valid_from.
        sessions: sessions wanted.

    Returns:
        business_date, book, benchmark ("" for none), base_currency, calendar.
    """
    return effective(books, "book", sessions)[["business_date", "book", *VIEW]]
