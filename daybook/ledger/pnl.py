"""Profit and loss of every book, row by row, and the identities that tie it to NAV and to the positions.

Belongs here: splitting the change of each row's value into its causes. Does not belong here: values themselves
(``valuation``), lots (``lot_pnl``), the way from one NAV to the next (``bridge``), returns (``daybook.performance``).

Everything is a sum of whole numbers of 10^-6 of the book's currency, each rounded once. An amount that moves between
two rows of a book appears in one with plus and in the other with minus, as the same integer; so the totals add up to
the change of NAV less flows exactly, whatever was rounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.ledger import valuation
from daybook.ledger.valuation import KEY, SCALE, micros
from daybook.market import actions, fx, security_master

Ints = NDArray[np.int64]

ROW = [*KEY, "instrument"]
PARTS = (
    *("closing", "opening", "consideration", "variation", "income", "fees", "transferred", "received", "trading"),
    *("cash_moved", "fx"),
)
QUANTITY_TOLERANCE = 1e-6
"""Units by which a roll-forward may be off: each lot is rounded to 8 places at a split."""


@dataclass(frozen=True)
class Side:
    """Amounts of rows, which may repeat: the position of each row's period, its instrument, and parts in 10^-6."""

    period: Ints
    instrument: "pd.Series[str]"
    parts: Mapping[str, Ints]


def pnl(
    valuations: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """P&L of every row since the session before, on its book's calendar (contract 2.7).

    With V the value of the row at the close, rounded once, and every amount at closing FX:
    total = V1 - V0 + consideration + variation - transferred - received + income + fees, less all that moved in or out
    of a cash row; fx_pnl = opening value x (X1 - X0); trading_pnl = traded quantity x P1 + consideration of trades; the
    remainder is price_pnl in a security's row and fx_pnl in a cash row. Opening quantity and price restated for a split
    leave the opening value as it was. A dividend is income of its security on its ex session and raises what is accrued
    in the cash row. An fx trade is trading_pnl of the currency bought. A row that is there on one of the two sessions
    alone counts from or to 0; so does a book on its first session, on which all that it holds is of that day.

    What a corporate action delivers moves at its closing price out of the row of the old instrument into that of the
    new one, and money that it pays as capital (cash in lieu, the cash of a merger, a return of capital) is in price_pnl
    of the old one: a spin-off is no loss of the parent and no gain of the child. A future is worth nothing; its gain
    moves as variation into the cash row, where it is accrued: price_pnl = Q0 (P1 - P0) X1, trading_pnl is the rest.

    Args:
        valuations: table of ``sessions`` and of each book's session before each.
        activity: what ``journal.activity`` says of ``sessions``.
        entitlements: table of ``sessions``.
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
    rows = parts(valuations, activity, entitlements, prices, fx_rates, books, instruments, nav, sessions)
    total = rows["closing"] - rows["opening"] + rows["consideration"] + rows["variation"] - rows["transferred"]
    total = total - rows["received"] + rows["income"] + rows["fees"] - rows["cash_moved"]
    rest = total - rows["income"] - rows["fees"] - rows["trading"]
    is_cash = rows["instrument"].str.startswith("CASH:")
    money = {
        "price_pnl": (rest - rows["fx"]).mask(is_cash, 0),
        "fx_pnl": rows["fx"].mask(is_cash, rest),
        "income": rows["income"],
        "trading_pnl": rows["trading"],
        "fees": rows["fees"],
        "total": total,
    }
    return tables.conform("pnl", rows[ROW].assign(**{name: amount / SCALE for name, amount in money.items()}))


def parts(
    valuations: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """What ``pnl`` is made of, row by row: its key, and ``PARTS`` in 10^-6 of the currency of the book.

    closing and opening are values, fx what the move of the rate did to the opening one; received is the value of what
    corporate actions and exercises brought (+) or took (-); cash_moved is all that moved in or out of a cash row.
    """
    periods = _founded(periods_of(nav, books, sessions), valuations, activity, entitlements)
    sides = [
        *_values(periods, valuations, fx_rates),
        *_activities(periods, valuations, activity, entitlements, prices, fx_rates, books, instruments),
        *_deliveries(periods, entitlements, prices, fx_rates, instruments),
    ]
    keys, sums = _summed(periods, sides)
    return keys.assign(**sums)


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
    periods = periods_of(nav, books, sessions)
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
    entitlements: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Rows whose quantity is not the opening one, restated for splits, plus what was traded, transferred and delivered.

    A cash row must be its opening one plus all money that moved, variation of futures included. This is what makes
    price_pnl a fact and not a remainder: without it a lost trade would look like a price move.

    Args:
        valuations: table of ``sessions`` and of each book's session before each.
        activity: what ``journal.activity`` says of ``sessions``.
        entitlements: table of ``sessions``: what corporate actions and exercises gave and took.
        corporate_actions: facts, for the ratio of splits and stock dividends.
        books: reference facts.
        nav: table of ``sessions`` and of each book's session before each.
        sessions: midnight, naive.

    Returns:
        business_date, book, instrument, gap (units: closing - expected), reason; no rows when all is well.
    """
    periods = periods_of(nav, books, sessions)
    opening = _opening(periods, valuations)
    ratio = actions.split_ratio(corporate_actions, opening["instrument"], opening["previous"], opening["business_date"])
    expected = opening[ROW].assign(expected=opening["quantity"] * ratio)
    return _rolled(periods, valuations, activity, entitlements, expected)


def _rolled(
    periods: pd.DataFrame,
    valuations: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    opening: pd.DataFrame,
) -> pd.DataFrame:
    """Rows of ``periods`` whose closing quantity is not what is ``expected`` of ``opening`` and the day's events."""
    closing = periods[KEY].merge(valuations[[*ROW, "quantity"]], on=KEY)
    day = periods[KEY].merge(activity, on=KEY)
    given = periods[KEY].merge(entitlements, on=KEY)
    brought = _delivering(given)
    money = day[["consideration", "income", "fees", "external", "variation"]].sum(axis=1)
    sides = [
        opening,
        day[ROW].assign(expected=day["traded_quantity"] + day["transferred_quantity"]),
        day[KEY].assign(instrument="CASH:" + day["currency"], expected=money),
        given[ROW].assign(expected=-given["given_quantity"]),
        brought[KEY].assign(instrument=brought["new_instrument"], expected=brought["new_quantity"]),
        closing,
    ]
    rows = pd.concat(sides).groupby(ROW)[["expected", "quantity"]].sum().reset_index()
    rows["gap"] = rows["quantity"] - rows["expected"]
    size = np.maximum(rows["quantity"].abs(), rows["expected"].abs())
    found = rows[rows["gap"].abs() > QUANTITY_TOLERANCE + 1e-12 * size].reset_index(drop=True)
    there, due = (found[name].map("{:.8g}".format).astype("str") for name in ("quantity", "expected"))
    found["reason"] = "holds " + there + " where the session before and the day's activity give " + due
    return found[[*ROW, "gap", "reason"]]


def _delivering(entitlements: pd.DataFrame) -> pd.DataFrame:
    """Entitlements that brought units of an instrument, the old one where none is named.

    A change of units (a split, a stock dividend) restates the position that there is, and brings none.
    """
    found = entitlements[~entitlements["kind"].isin(actions.UNITS) & (entitlements["new_quantity"].fillna(0.0) != 0)]
    named = found["new_instrument"].where(found["new_instrument"] != "", found["instrument"])
    return found.assign(new_instrument=named)


def _founded(
    periods: pd.DataFrame, valuations: pd.DataFrame, activity: pd.DataFrame, entitlements: pd.DataFrame
) -> pd.DataFrame:
    """``periods`` without those that seem to be a book's first and are not: not all that it holds is of that day.

    Its session before is missing from the tables, and what it started from must not be taken for nothing.
    """
    first = periods[periods["opening_nav"].isna()]
    if first.empty:
        return periods
    nothing = valuations[ROW].head(0).assign(expected=0.0)
    known = pd.MultiIndex.from_frame(_rolled(first, valuations, activity, entitlements, nothing)[KEY])
    return periods[~pd.MultiIndex.from_frame(periods[KEY]).isin(known)].reset_index(drop=True)


def periods_of(nav: pd.DataFrame, books: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
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
    found = rows.loc[begins | goes_on, [*KEY, "base_currency", "previous", "opening_nav"]]
    return found.sort_values(KEY, ignore_index=True)


def _opening(periods: pd.DataFrame, valuations: pd.DataFrame) -> pd.DataFrame:
    """Rows of the session before, dated on the session: with previous and the columns of ``valuations``."""
    before = valuations.rename(columns={"business_date": "previous"})
    return periods[[*KEY, "previous", "base_currency"]].merge(before, on=["previous", "book"])


def _located(periods: pd.DataFrame, rows: pd.DataFrame, *dates: str) -> list[Ints]:
    """For each column of ``dates``, the position of the period of each of ``rows`` by that date; -1 where none."""
    of_book, names = pd.factorize(rows["book"])
    of_day, days = pd.factorize(rows["business_date"])
    book = pd.Index(names).get_indexer(pd.Index(periods["book"]))
    found = []
    for column in dates:
        day = pd.Index(days).get_indexer(pd.Index(periods[column]))
        there = (book >= 0) & (day >= 0)
        position = np.full((len(names) + 1, len(days) + 1), -1, np.int64)
        position[book[there], day[there]] = np.flatnonzero(there)
        found.append(position[of_book, of_day])
    return found


def _within(periods: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, Ints]:
    """Those of ``rows`` that are of a period, and its position."""
    (period,) = _located(periods, rows, "business_date")
    return rows[period >= 0].reset_index(drop=True), period[period >= 0]


def _values(periods: pd.DataFrame, valuations: pd.DataFrame, fx_rates: pd.DataFrame) -> list[Side]:
    """Closing and opening value of every row, and what the move of its exchange rate did to the opening one."""
    closing, opening = _located(periods, valuations, "business_date", "previous")
    value = valuations["market_value_base"].to_numpy(np.float64)
    at, before = np.flatnonzero(closing >= 0), np.flatnonzero(opening >= 0)
    currency, rate_before = valuations["currency"].take(before), valuations["fx_rate"].to_numpy(np.float64)[before]
    rate = _closing_rates(periods, opening[before], currency, fx_rates)
    # A row that is gone, in a currency that has no rate any more, keeps the move in price_pnl: the total is known.
    move = np.where(np.isnan(rate), 0.0, value[before] * (rate / rate_before - 1.0))
    names = valuations["instrument"]
    return [
        Side(closing[at], names.take(at), {"closing": micros(value[at])}),
        Side(opening[before], names.take(before), {"opening": micros(value[before]), "fx": micros(move)}),
    ]


def _closing_rates(
    periods: pd.DataFrame, period: Ints, currency: "pd.Series[str]", fx_rates: pd.DataFrame
) -> NDArray[np.float64]:
    """Closing rate of each ``currency`` into the base currency of its period, worked out once for each pair of them."""
    code, names = pd.factorize(currency)
    which, pairs = pd.factorize(period * (len(names) + 1) + code)
    at = pairs // (len(names) + 1)
    quote, day = (periods[name].to_numpy()[at] for name in ("base_currency", "business_date"))
    return fx.rates(fx_rates, np.asarray(names, object)[pairs % (len(names) + 1)], quote, day)[which]


def _activities(
    periods: pd.DataFrame,
    valuations: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> list[Side]:
    """What was traded, received and paid, in the row that it belongs to and in the cash row."""
    day, period = _within(periods, activity)
    worth = valuation.valued_activity(day, prices, fx_rates, books, instruments)
    rate = np.nan_to_num(_closing_rates(periods, period, day["currency"], fx_rates))
    variation = micros(day["variation"] * rate)
    trading = _of_trades(day, worth["trading"].to_numpy(), rate, entitlements)
    future = security_master.attributes(instruments, "instrument", day, ["asset_class"])["asset_class"] == "future"
    trading[future] = 0
    at = np.flatnonzero(future & (day["traded_quantity"] != 0))
    held = _price_moves(periods, period[at], day.take(at), rate[at], valuations, prices, instruments)
    trading[at] = variation[at] - held
    names = ("consideration", "income", "fees", "transferred")
    amounts = {name: worth[name].to_numpy() for name in names} | {"variation": variation, "trading": trading}
    moved = sum(worth[name].to_numpy() for name in ("consideration", "income", "fees", "external")) + variation
    return [Side(period, worth["instrument"], amounts), Side(period, worth["cash"], {"cash_moved": moved})]


def _of_trades(day: pd.DataFrame, trading: Ints, rate: NDArray[np.float64], entitlements: pd.DataFrame) -> Ints:
    """``trading`` of each row of activity without the money that corporate actions paid as capital."""
    keys = [*ROW, "currency"]
    paid = entitlements[keys].assign(amount=_capital(entitlements)).groupby(keys)["amount"].sum()
    capital = paid.reindex(pd.MultiIndex.from_frame(day[keys]), fill_value=0.0).to_numpy(np.float64)
    # Nothing was traded where all of it is capital, however the two were rounded.
    alone = (day["traded_quantity"] == 0) & ((day["consideration"] - capital).abs() < 0.5 / SCALE) & (capital != 0)
    return np.where(alone, 0, trading - micros(capital * rate))


def _capital(entitlements: pd.DataFrame) -> NDArray[np.float64]:
    """Money that each entitlement paid as capital, in its currency: all but dividends. A dividend taken in stock pays
    for the stock with what it would have been net of tax."""
    forgone = entitlements["withheld"].fillna(0.0) - entitlements["gross_amount"].fillna(0.0)
    dividend = np.where(entitlements["choice"] == "stock", forgone, 0.0)
    paid = entitlements["net_amount"].fillna(0.0)
    capital: NDArray[np.float64] = np.where(entitlements["kind"] == "cash_dividend", dividend, paid).astype(np.float64)
    return capital.round(6)


def _price_moves(
    periods: pd.DataFrame,
    period: Ints,
    rows: pd.DataFrame,
    rate: NDArray[np.float64],
    valuations: pd.DataFrame,
    prices: pd.DataFrame,
    instruments: pd.DataFrame,
) -> Ints:
    """Opening quantity x change of price x multiplier of futures, in 10^-6 of the base currency; 0 where unknown."""
    opening = rows[["book", "instrument"]].assign(business_date=periods["previous"].to_numpy()[period])
    opening = opening.merge(valuations[[*ROW, "quantity", "price"]], how="left", on=ROW)
    close = rows[["business_date", "instrument"]].merge(
        prices[["business_date", "instrument", "close"]], how="left", on=["business_date", "instrument"]
    )["close"]
    point = security_master.attributes(instruments, "instrument", rows, ["multiplier"])["multiplier"].fillna(1.0)
    move = opening["quantity"].to_numpy() * (close - opening["price"]).to_numpy() * point.to_numpy() * rate
    return micros(np.nan_to_num(move))


def _deliveries(
    periods: pd.DataFrame,
    entitlements: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
) -> list[Side]:
    """Value of units that an action or an exercise brought, out of one row into the other, at the closing price.

    What was sold again within the day and has no price moves at 0: the price at which it was sold tells.
    """
    brought, period = _within(periods, _delivering(entitlements))
    new = brought["new_instrument"]
    unit = valuation.unit_values(brought.assign(instrument=new), prices, instruments)
    rate = _closing_rates(periods, period, unit["currency"], fx_rates)
    known = (unit["failure"] == "") & (new != brought["instrument"])
    value = micros(np.nan_to_num(np.where(known, brought["new_quantity"] * unit["unit"] * rate, 0.0)))
    return [Side(period, new, {"received": value}), Side(period, brought["instrument"], {"received": -value})]


def _summed(periods: pd.DataFrame, sides: Sequence[Side]) -> tuple[pd.DataFrame, Mapping[str, Ints]]:
    """Rows of all ``sides`` by period and instrument, and the sum of each part over each."""
    code, names = pd.factorize(pd.concat([side.instrument for side in sides], ignore_index=True))
    rank = np.argsort(np.argsort(np.asarray(names, object), kind="stable"))
    ordered = pd.Series(names, dtype="str").sort_values(ignore_index=True)
    many = max(len(names), 1)
    row, keys = pd.factorize(np.concatenate([side.period for side in sides]) * many + rank[code])
    order = np.argsort(keys, kind="stable")
    place = np.empty(len(keys), np.int64)
    place[order] = np.arange(len(keys))
    row, keys = place[row], keys[order]
    sums = {name: np.zeros(len(keys), np.int64) for name in PARTS}
    start = 0
    for side in sides:
        own = row[start : start + len(side.period)]
        start += len(side.period)
        for name, amounts in side.parts.items():
            np.add.at(sums[name], own, amounts)
    found = periods[KEY].take(keys // many).reset_index(drop=True)
    found["instrument"] = ordered.take(keys % many).set_axis(found.index)
    return found, sums
