"""Intraday prices: which session an observation belongs to, the newest of it, and which one made the close.

Belongs here: prices seen during a session beside the golden ones (``prices``). Does not belong here: what they are
worth to a book (``daybook.intraday``), the official close, which no observation replaces.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.market import currencies, dated, security_master

KEY = ["business_date", "instrument"]
FAR = 2.0
"""An observation that is more than so many times the golden price, or less than that part of it, is used and says so:
it may be in hundredths, or of another share class."""
_SAME_PRICE = 1e-12
"""Two prices that differ by less than this fraction are one, in whole units and in hundredths."""


def trading_dates(instruments: pd.DataFrame, instrument: Any, observed_at: Any) -> NDArray[np.datetime64]:
    """The session of each observation: that of the instrument's exchange at that instant (``calendars.trading_dates``).

    On a day without a session it is the local date; such an observation belongs to no session and is never used.

    Args:
        instruments: reference facts; the exchange in force on the date of the observation counts.
        instrument: one for each observation.
        observed_at: instants in UTC.
    """
    at = pd.Series(pd.DatetimeIndex(observed_at))
    at = at.dt.tz_localize("UTC") if at.dt.tz is None else at
    days = at.dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    rows = pd.DataFrame({"instrument": np.asarray(instrument, object), "business_date": days})
    exchange = security_master.attributes(instruments, "instrument", rows, ["exchange"])["exchange"]
    found = days.to_numpy().copy()
    for name in exchange.unique():  # one turn an exchange
        here = (exchange == name).to_numpy()
        found[here] = calendars.trading_dates(name, at[here])
    return found


def observed(intraday_prices: pd.DataFrame, instruments: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The observations of ``sessions`` in their currency, ordered by session, instrument and instant.

    Args:
        intraday_prices: facts.
        instruments: reference facts; the currency in force serves where an observation names none.
        sessions: midnight, naive.

    Returns:
        The rows of the sessions, price and currency turned from a minor unit (``currencies``).
    """
    rows = intraday_prices[intraday_prices["business_date"].isin(sessions)].reset_index(drop=True)
    terms = security_master.attributes(instruments, "instrument", rows, ["currency"])
    currency, parts = currencies.major(rows["currency"].where(rows["currency"] != "", terms["currency"]))
    rows = rows.assign(price=rows["price"] / parts, currency=currency)
    return rows.sort_values([*KEY, "observed_at"], kind="stable", ignore_index=True)


def newest(observations: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """The newest observation of each instrument and session; of several at one instant the preferred source's.

    Args:
        observations: result of ``observed``.
        order: sources, the preferred one first (see ``dated.preferred``).
    """
    last = observations.groupby(KEY)["observed_at"].transform("max")
    return dated.preferred(observations[observations["observed_at"] == last], ("instrument",), order)


def prices(golden: pd.DataFrame, latest: pd.DataFrame) -> pd.DataFrame:
    """Table ``prices`` of a session as it goes: the newest observation where there is one, else the golden price.

    An override in force goes before an observation: two people have put it in place of what the market says.

    Args:
        golden: table ``prices`` of the sessions.
        latest: result of ``newest``.

    Returns:
        Table ``prices``: status ``ok`` for an observation, with a reason if it is ``FAR`` from the golden price; and
        what the golden row says for every other one, where the reason tells that it is the official close, if it is.
    """
    overridden = pd.MultiIndex.from_frame(golden.loc[golden["status"] == "override", KEY])
    used = latest[~pd.MultiIndex.from_frame(latest[KEY]).isin(overridden)]
    seen = pd.MultiIndex.from_frame(used[KEY])
    others = golden[~pd.MultiIndex.from_frame(golden[KEY]).isin(seen)]
    official = others["status"] == "ok"
    apart = ("; " + others["reason"]).where(others["reason"] != "", "")
    others = others.assign(
        reason=others["reason"].mask(official, "the official close, as nothing newer was seen" + apart)
    )
    rows = used[[*KEY, "currency", "source", "file", "line"]].assign(
        close=used["price"], status="ok", price_basis="raw", reason=_far(used, golden), market_close=np.nan
    )
    both = pd.concat([others, rows[list(others.columns)]], ignore_index=True)
    return tables.conform("prices", both.sort_values(KEY, kind="stable"))


def closes(golden: pd.DataFrame, observations: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Which observation made each official close: the newest one of the session with the price of the close.

    Args:
        golden: table ``prices`` of the sessions; rows with status ``ok`` are official closes of their session.
        observations: result of ``observed``.
        instruments: reference facts; the exchange names the cut (XNYS-16:00).

    Returns:
        business_date, instrument and ``made_by``, a sentence that names the close and the observation, or says that
        none has its price. One row for each official close of an instrument that was observed in the session.
    """
    official = golden[golden["status"] == "ok"].reset_index(drop=True)
    pairs = official[[*KEY, "close", "currency"]].merge(observations, on=[*KEY, "currency"])
    same = (pairs["price"] - pairs["close"]).abs() <= _SAME_PRICE * pairs["close"].abs()
    made = pairs[same].drop_duplicates(KEY, keep="last")
    by = "made by the price of " + _instant(made) + " from " + made["source"] + " (" + _place(made) + ")"
    watched = official.merge(observations[KEY].drop_duplicates(), on=KEY)
    named = (
        "the close" + _cuts(watched, instruments) + " is " + _number(watched["close"]) + " (" + _place(watched) + "), "
    )
    told = watched[KEY].merge(made[KEY].assign(by=by), on=KEY, how="left")["by"]
    return watched[KEY].assign(made_by=named + told.fillna("which no observation of the session has"))


def _far(used: pd.DataFrame, golden: pd.DataFrame) -> "NDArray[np.object_]":
    """For each of ``used`` how far it is from the golden price, if it is ``FAR``, else ""."""
    before = used[[*KEY, "currency"]].merge(golden[[*KEY, "currency", "close"]], on=[*KEY, "currency"], how="left")
    times = pd.Series(used["price"].to_numpy() / before["close"].to_numpy())
    told = times.map("{:.3g}".format).astype("str") + " times the golden price of " + _number(before["close"])
    found: NDArray[np.object_] = told.where((times > FAR) | (times < 1 / FAR), "").to_numpy(object)
    return found


def _cuts(rows: pd.DataFrame, instruments: pd.DataFrame) -> "pd.Series[str]":
    exchange = security_master.attributes(instruments, "instrument", rows, ["exchange"])["exchange"]
    found = pd.Series("", rows.index, dtype="str")
    for name in exchange.unique():  # one turn an exchange
        here = exchange == name
        found[here] = calendars.cut(name, rows.loc[here, "business_date"]).to_numpy()
    return (" " + found).where(found != "", "")


def _instant(rows: pd.DataFrame) -> "pd.Series[str]":
    return pd.Series(rows["observed_at"].dt.strftime("%H:%M:%S UTC"), dtype="str")


def _place(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["file"] + " line " + rows["line"].astype("str")


def _number(values: "pd.Series[float]") -> "pd.Series[str]":
    return pd.Series(values.map("{:.10g}".format), dtype="str")
