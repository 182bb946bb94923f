"""Profit and loss of every book, row by row, and the identities that tie it to NAV and to the positions.

Belongs here: splitting the change of each row's value into its causes. Does not belong here: values themselves
(``valuation``) and returns (``daybook.performance``).

Everything is a sum of whole numbers of 10^-6 of the book's currency, each rounded once. An amount that moves between
two rows of a book appears in one with plus and in the other with minus, as the same integer; so the totals add up to
the change of NAV less flows exactly, whatever was rounded.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.ledger import valuation
from daybook.ledger.valuation import KEY, SCALE, micros
from daybook.market import actions, fx, security_master

ROW = [*KEY, "instrument"]
PARTS = ("closing", "opening", "consideration", "income", "fees", "transferred", "trading", "cash_moved", "fx")
QUANTITY_TOLERANCE = 1e-6
"""Units by which a roll-forward may be off: each lot is rounded to 8 places at a split."""


def pnl(
    valuations: pd.DataFrame,
    activity: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """P&L of every row since the session before, on its book's calendar (contract 2.7).

    With V the value of the row at the close, rounded once, and every amount at closing FX:
    total = V1 - V0 + consideration - transferred + income + fees, less all that moved in or out of a cash row;
    fx_pnl = opening value x (X1 - X0); trading_pnl = traded quantity x P1 + consideration; the remainder is price_pnl
    in a security's row and fx_pnl in a cash row. Opening quantity and price restated for a split leave the opening
    value as it was. A dividend is income of its security on its ex session and raises what is accrued in the cash row.
    An fx trade is trading_pnl of the currency bought. A row that is there on one of the two sessions alone counts from
    or to 0; so does a book on its first session, on which all that it holds is of that day.

    Args:
        valuations: table of ``sessions`` and of each book's session before each.
        activity: what ``journal.activity`` says of ``sessions``.
        prices: golden, of ``sessions``.
        fx_rates: golden, of ``sessions``.
        books: reference facts.
        instruments: reference facts.
        nav: table of ``sessions`` and of each book's session before each.
        sessions: midnight, naive.

    Returns:
        Table ``pnl``. A book has no rows on a session on which its NAV failed, nor on the one after it, since what it
        started from is not known; nor on a session on which its base currency changed. Where the session before is
        not in the tables though the book held something then, there are none either, and ``identity_gaps`` names it.
    """
    periods = _founded(_periods(nav, books, sessions), valuations, activity)
    parts = _parts(periods, valuations, activity, prices, fx_rates, books, instruments)
    rows = parts.groupby(ROW)[list(PARTS)].sum().reset_index()
    is_cash = rows["instrument"].str.startswith("CASH:")
    total = rows["closing"] - rows["opening"] + rows["consideration"] - rows["transferred"]
    total = total + rows["income"] + rows["fees"] - rows["cash_moved"]
    rest = total - rows["income"] - rows["fees"] - rows["trading"]
    money = {
        "price_pnl": (rest - rows["fx"]).mask(is_cash, 0),
        "fx_pnl": rows["fx"].mask(is_cash, rest),
        "income": rows["income"],
        "trading_pnl": rows["trading"],
        "fees": rows["fees"],
        "total": total,
    }
    return tables.conform("pnl", rows[ROW].assign(**{name: amount / SCALE for name, amount in money.items()}))


def identity_gaps(
    nav: pd.DataFrame, pnl: pd.DataFrame, books: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Books of which change of NAV = sum of pnl.total + flows does not hold, in whole 10^-6.

    Args:
        nav: table of ``sessions`` and of each book's session before each.
        pnl: table of ``sessions``.
        books: reference facts.
        sessions: midnight, naive.

    Returns:
        business_date, book, gap (money: change of NAV - total - flows), reason; no rows when all is well. Beyond 2e9 in
        the book's currency, where float64 does not keep 10^-6, the last bits of the figures are allowed for.
    """
    periods = _periods(nav, books, sessions)
    closing = periods[KEY].merge(nav[[*KEY, "nav", "flows"]], on=KEY)
    opening = periods["opening_nav"].fillna(0.0)
    at = pd.MultiIndex.from_frame(periods[KEY])
    sums = pnl[KEY].assign(total=micros(pnl["total"]), size=pnl["total"].abs()).groupby(KEY)[["total", "size"]].sum()
    explained = sums.reindex(at, fill_value=0).reset_index(drop=True)
    gap = micros(closing["nav"]) - micros(opening) - micros(closing["flows"]) - explained["total"]
    size = pd.concat([closing[["nav", "flows"]].abs(), opening.abs(), explained["size"]], axis=1).max(axis=1)
    allowed = np.where(size < 2e9, 0.0, 4 * np.spacing(size) * SCALE)
    found: pd.DataFrame = periods.assign(gap=gap / SCALE).loc[gap.abs() > allowed, [*KEY, "gap"]].reset_index(drop=True)
    text = "NAV changed by {:+.6f} more than P&L and flows explain"
    found["reason"] = found["gap"].map(text.format).astype("str")
    return found


def roll_gaps(
    valuations: pd.DataFrame,
    activity: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Rows whose quantity is not the opening one, restated for splits, plus what was traded and transferred.

    A cash row must be its opening one plus all money that moved. This is what makes price_pnl a fact and not a
    remainder: without it a lost trade would look like a price move.

    Args:
        valuations: table of ``sessions`` and of each book's session before each.
        activity: what ``journal.activity`` says of ``sessions``.
        corporate_actions: facts.
        books: reference facts.
        nav: table of ``sessions`` and of each book's session before each.
        sessions: midnight, naive.

    Returns:
        business_date, book, instrument, gap (units: closing - expected), reason; no rows when all is well.
    """
    periods = _periods(nav, books, sessions)
    opening = _opening(periods, valuations)
    ratio = actions.split_ratio(corporate_actions, opening["instrument"], opening["previous"], opening["business_date"])
    return _rolled(periods, valuations, activity, opening[ROW].assign(expected=opening["quantity"] * ratio))


def _rolled(
    periods: pd.DataFrame, valuations: pd.DataFrame, activity: pd.DataFrame, opening: pd.DataFrame
) -> pd.DataFrame:
    """Rows of ``periods`` whose closing quantity is not what is ``expected`` of ``opening`` plus the activity."""
    closing = periods[KEY].merge(valuations[[*ROW, "quantity"]], on=KEY)
    day = periods[KEY].merge(activity, on=KEY)
    money = day[["consideration", "income", "fees", "external"]].sum(axis=1)
    sides = [
        opening,
        day[ROW].assign(expected=day["traded_quantity"] + day["transferred_quantity"]),
        day[KEY].assign(instrument="CASH:" + day["currency"], expected=money),
        closing,
    ]
    rows = pd.concat(sides).groupby(ROW)[["expected", "quantity"]].sum().reset_index()
    rows["gap"] = rows["quantity"] - rows["expected"]
    size = np.maximum(rows["quantity"].abs(), rows["expected"].abs())
    found = rows[rows["gap"].abs() > QUANTITY_TOLERANCE + 1e-12 * size].reset_index(drop=True)
    there, due = (found[name].map("{:.8g}".format).astype("str") for name in ("quantity", "expected"))
    found["reason"] = "holds " + there + " where the session before and the day's activity give " + due
    return found[[*ROW, "gap", "reason"]]


def _founded(periods: pd.DataFrame, valuations: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """``periods`` without those that seem to be a book's first and are not: not all that it holds is of that day.

    Its session before is missing from the tables, and what it started from must not be taken for nothing.
    """
    first = periods[periods["opening_nav"].isna()]
    nothing = valuations[ROW].head(0).assign(expected=0.0)
    known = pd.MultiIndex.from_frame(_rolled(first, valuations, activity, nothing)[KEY])
    return periods[~pd.MultiIndex.from_frame(periods[KEY]).isin(known)].reset_index(drop=True)


def _periods(nav: pd.DataFrame, books: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Sessions over which a book's P&L is known: business_date, book, base_currency, previous, opening_nav.

    The NAV is ok on the session, and ok in the same currency, or not there yet, on the one before.
    """
    rows = nav.loc[nav["business_date"].isin(sessions) & (nav["status"] == "ok"), [*KEY, "base_currency"]]
    rows = rows.join(security_master.attributes(books, "book", rows, ["calendar"]))
    rows["previous"] = pd.NaT
    for calendar in rows["calendar"].unique():
        here = rows["calendar"] == calendar
        rows.loc[here, "previous"] = calendars.previous_session(calendar, rows.loc[here, "business_date"])
    before = nav[[*KEY, "nav", "status", "base_currency"]].set_axis(
        ["previous", "book", "opening_nav", "opening_status", "opening_currency"], axis=1
    )
    rows = rows.astype({"previous": "datetime64[us]"}).merge(before, how="left", on=["previous", "book"])
    begins = rows["opening_status"].isna()
    goes_on = (rows["opening_status"] == "ok") & (rows["opening_currency"] == rows["base_currency"])
    return rows.loc[begins | goes_on, [*KEY, "base_currency", "previous", "opening_nav"]].reset_index(drop=True)


def _opening(periods: pd.DataFrame, valuations: pd.DataFrame) -> pd.DataFrame:
    """Rows of the session before, dated on the session: with previous and the columns of ``valuations``."""
    before = valuations.rename(columns={"business_date": "previous"})
    return periods[[*KEY, "previous", "base_currency"]].merge(before, on=["previous", "book"])


def _parts(
    periods: pd.DataFrame,
    valuations: pd.DataFrame,
    activity: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> pd.DataFrame:
    """All that goes into the rows of ``pnl``, as integers, to be summed by row."""
    closing = periods[KEY].merge(valuations[[*ROW, "market_value_base"]], on=KEY)
    opening = _opening(periods, valuations)
    day = periods[KEY].merge(activity, on=KEY)
    worth = valuation.valued_activity(day, prices, fx_rates, books, instruments)
    moved = worth["consideration"] + worth["income"] + worth["fees"] + worth["external"]
    rate = fx.rates(fx_rates, opening["currency"], opening["base_currency"], opening["business_date"])
    # A row that is gone, in a currency that has no rate any more, keeps the move in price_pnl: the total is known.
    move = np.where(np.isnan(rate), 0.0, opening["market_value_base"] * (rate / opening["fx_rate"] - 1.0))
    sides = [
        _part(closing, closing=micros(closing["market_value_base"])),
        _part(opening, opening=micros(opening["market_value_base"]), fx=micros(move)),
        _part(worth, **{name: worth[name].to_numpy() for name in PARTS if name in worth}),
        _part(worth[KEY].assign(instrument=worth["cash"]), cash_moved=moved.to_numpy()),
    ]
    return pd.concat(sides, ignore_index=True)


def _part(rows: pd.DataFrame, **amounts: NDArray[np.int64]) -> pd.DataFrame:
    zero = np.zeros(len(rows), np.int64)
    return rows[ROW].assign(**{name: amounts.get(name, zero) for name in PARTS})
