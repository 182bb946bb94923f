"""Corporate actions in the market: split ratios between two dates, and what they make of a return.

Belongs here: what an action of each kind does to prices and returns. Does not belong here: what it does to the books
(``daybook.ledger``), and series of adjusted prices (``adjusted``), which link the steps that are made here.

What counts, per unit held at the close before, in the price's currency (P1 is the close that the step ends with):

======================= ============================================================= ==============
kind                    worth                                                         counts in
======================= ============================================================= ==============
split                   numerator / denominator units                                 both returns
stock_dividend          1 + numerator / denominator units                             both returns
cash_dividend           amount (gross; a special dividend is one of them)             total return
return_of_capital       amount                                                        total return
spin_off                numerator / denominator x close of new_instrument             both returns
rights                  numerator / denominator x max(P1 - amount, 0)                 both returns
merger                  numerator / denominator x close of new_instrument + amount    both, the last
delisting               amount                                                        both, the last
rename                  nothing                                                       neither
======================= ============================================================= ==============

The split of dividends and price factors is CRSP's ("Factor to Adjust Price in Period", crsp.org, Data Definitions F):
ordinary dividends and partial liquidating payments have no price factor; spin-offs and rights have one, their worth
divided by the price on the ex-distribution date. A right is worth what exercising it on the ex date yields: P1 is the
price without it, ``amount`` the subscription price. The return of a delisting is its payment over the last price, as in
Shumway (1997, Journal of Finance 52): left out where no payment is known, it biases what is measured upward, so the
session says that it is missing.

Every term of an action is per unit held on the day before its ex_date, so that a split of the same ex_date does not
touch it; an earlier one within the step does.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.market import dated

Floats = NDArray[np.float64]
Texts = NDArray[Any]
DAY = pd.Timedelta(days=1)

UNITS = ("split", "stock_dividend")
"""Kinds that change how many units one is."""
INCOME = ("cash_dividend", "return_of_capital")
"""Kinds that count in the total return alone."""
ENDING = ("merger", "delisting")
"""Kinds after which an instrument has no more returns."""


def split_ratio(corporate_actions: pd.DataFrame, instruments: Any, since: Any, until: Any) -> Floats:
    """New units per old one through splits and stock dividends with ``since`` < ex_date <= ``until``.

    A split of 7 for 1 gives 7, a stock dividend of 1 per 20 held gives 1.05, nothing gives 1. Cancelled actions do not
    count.
    """
    changes = in_force(corporate_actions)
    changes = changes[changes["kind"].isin(UNITS)]
    known, wanted = dated.codes([changes["instrument"]], [instruments])
    rows, at = dated.within(known, changes["ex_date"], wanted, since, until)
    ratio = np.ones(len(wanted))
    np.multiply.at(ratio, rows, _new_for_old(changes)[at])
    return ratio


def returns(prices: pd.DataFrame, corporate_actions: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Return of each instrument over each session, from its price on the session before.

    price_return = (P1 x units + capital) / P0 - 1; local_return = (P1 x units + capital + income) / P0 - 1, all in the
    price's currency, with the actions of ex_date in (session before, session] (``becoming``). The last return of an
    instrument is that of the session of its merger or delisting.

    Args:
        prices: table ``prices`` of ``sessions`` and of the session before each, without gaps between them.
        corporate_actions: facts; cancelled ones do not count.
        sessions: midnight, naive.

    Returns:
        Table ``returns``; no row for an instrument's first price, nor after its last return. ``status`` is that of the
        session's price; where the currency or the basis of the price changed, or an action cannot be valued, the return
        that cannot be told is missing and ``status`` says why.
    """
    ordered = prices.sort_values(["instrument", "business_date"], kind="stable", ignore_index=True)
    before = ordered.groupby("instrument", sort=False)[["business_date", "close", "currency", "price_basis"]].shift()
    ended = ends(corporate_actions)["ex_date"].reindex(ordered["instrument"]).to_numpy() <= before["business_date"]
    wanted = before["business_date"].notna() & ordered["business_date"].isin(sessions) & ~ended
    rows, before = ordered[wanted].reset_index(drop=True), before[wanted].reset_index(drop=True)

    step = becoming(corporate_actions, prices, rows, before["business_date"])
    capital = rows["close"] * step.units + step.capital
    rebased = rows["price_basis"] != before["price_basis"]
    redenominated = rows["currency"] != before["currency"]
    price_return = (capital / before["close"] - 1.0).mask(rebased | redenominated | (step.reason != ""))
    local_return = ((capital + step.income) / before["close"] - 1.0).mask(price_return.isna())
    status = rows["status"].mask(step.total_reason != "", step.total_reason)
    status = status.mask(redenominated, "price currency changed").mask(rebased, "price basis changed")
    return tables.conform(
        "returns",
        pd.DataFrame(
            {
                "business_date": rows["business_date"],
                "instrument": rows["instrument"],
                "price_return": price_return.round(12),
                "local_return": local_return.mask(step.total_reason != "").round(12),
                "currency": rows["currency"],
                "status": status,
            }
        ).sort_values(["business_date", "instrument"]),
    )


@dataclass(frozen=True)
class Step:
    """What one unit held at one close is at the next, one element a row.

    Attributes:
        units: of the instrument itself; 0 after its end.
        capital: worth of what came beside or in place of it, which both returns count; price's currency.
        income: what the total return alone counts; price's currency.
        reason: why neither return can be told, "" where both can be.
        total_reason: why the total return cannot be told, "" where it can be; it is ``reason`` where that is given.
    """

    units: Floats
    capital: Floats
    income: Floats
    reason: Texts
    total_reason: Texts


def becoming(corporate_actions: pd.DataFrame, prices: pd.DataFrame, rows: pd.DataFrame, since: Any) -> Step:
    """What one unit held at the close of ``since`` is at the close of each row.

    Prices of basis ``adjusted`` hold every action already but the one that ends the instrument. Of several actions that
    end it the first counts, on one date a merger before a delisting; nothing counts after it.

    Args:
        corporate_actions: facts; cancelled ones do not count.
        prices: business_date, instrument, close, currency and price_basis, for the worth of new instruments: the first
            close on or after ex_date, up to the row's date.
        rows: instrument, business_date, close, currency and price_basis, index 0, 1, ...
        since: a Series of dates, one for each of ``rows``; none on or after the instrument's end.
    """
    known = in_force(corporate_actions)
    facts, wanted = dated.codes([known["instrument"]], [rows["instrument"]])
    which, at = dated.within(facts, known["ex_date"], wanted, since, rows["business_date"])
    each = known.take(at).assign(
        row=which,
        since=since.take(which).to_numpy(),
        until=rows["business_date"].to_numpy()[which],
        close=rows["close"].to_numpy()[which],
        price_currency=rows["currency"].to_numpy()[which],
        raw=(rows["price_basis"] != "adjusted").to_numpy()[which],
    )
    # In an order of their own, not that of arrival: sums come out the same, and so does the reason named first.
    each = each[_counting(each, ends(known))].sort_values(["row", "ex_date", "action_id"], ignore_index=True)
    worth, why = _worth(each, known, prices)

    kind, row = each["kind"], each["row"].to_numpy()
    units, capital, income = np.ones(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    changing, income_kind = kind.isin(UNITS).to_numpy(), kind.isin(INCOME).to_numpy()
    np.multiply.at(units, row[changing], _new_for_old(each)[changing])
    units[row[kind.isin(ENDING)]] = 0.0
    np.add.at(income, row[income_kind], worth[income_kind])
    np.add.at(capital, row[~changing & ~income_kind], worth[~changing & ~income_kind])
    reason, total_reason = (np.full(len(rows), "", object) for _ in range(2))
    for said, among in ((reason, (why != "") & ~income_kind), (total_reason, why != "")):
        said[row[among][::-1]] = why[among][::-1]  # the first one of a row is written last
    return Step(units, capital, income, reason, np.where(reason != "", reason, total_reason))


def in_force(corporate_actions: pd.DataFrame) -> pd.DataFrame:
    """Actions that are not cancelled."""
    return corporate_actions[corporate_actions["status"] != "cancelled"].reset_index(drop=True)


def ends(corporate_actions: pd.DataFrame) -> pd.DataFrame:
    """The action that ended each instrument that has ended, indexed by instrument (``becoming`` says which)."""
    ending = in_force(corporate_actions)
    ending = ending[ending["kind"].isin(ENDING)]
    first = ending.assign(merged=ending["kind"] != "merger").sort_values(["ex_date", "merged", "action_id"])
    return first.drop_duplicates("instrument").set_index("instrument")


def _new_for_old(changes: pd.DataFrame) -> Floats:
    """New units per old one of each split or stock dividend."""
    added = (changes["kind"] == "stock_dividend").to_numpy()
    return np.asarray((changes["numerator"] / changes["denominator"]).to_numpy(np.float64) + added, np.float64)


def _counting(each: pd.DataFrame, ended: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether an action counts in its step: not after the end, and of what ends the instrument the first alone."""
    ending = each["kind"].isin(ENDING)
    end = ended[["ex_date", "action_id"]].reindex(each["instrument"]).set_axis(each.index)
    after = each["ex_date"] > end["ex_date"]
    other = ending & (each["action_id"] != end["action_id"])
    return np.asarray((each["raw"] | ending) & ~after & ~other & (each["kind"] != "rename"), bool)


def _worth(each: pd.DataFrame, known: pd.DataFrame, prices: pd.DataFrame) -> tuple[Floats, Texts]:
    """What each action is worth per unit held at ``since``, and why that cannot be told; 0 for a change of units."""
    kind, day = each["kind"], each["ex_date"] - DAY
    ratio = (each["numerator"] / each["denominator"]).to_numpy(np.float64)
    amount = each["amount"].to_numpy(np.float64)
    given, delivers = ~np.isnan(amount), kind.isin(["spin_off", "merger"]) & (each["new_instrument"] != "")
    wants = (kind.isin([*INCOME, "rights", "delisting"]) | ((kind == "merger") & ~delivers)) & ~given
    foreign = given & (each["currency"] != "") & (each["currency"] != each["price_currency"])
    close, why = _first_closes(each, delivers.to_numpy(), known, prices)
    changed = (kind.isin([*UNITS, "rights", "spin_off"]) | delivers) & ~np.isfinite(ratio)
    why = np.where(foreign & (kind != "spin_off"), "is in " + each["currency"].to_numpy(object), why)
    why = np.where(wants, "says no amount", why)
    why = np.where(changed, "says no ratio", why)
    why = np.where((kind == "spin_off") & ~delivers, "names no new instrument", why)
    why = np.where(
        why != "", kind.to_numpy(object) + " of " + dated.iso(each["ex_date"]).to_numpy(object) + " " + why, ""
    )

    paid = np.where(given & (kind != "spin_off"), amount, 0.0) + np.where(delivers, ratio * close, 0.0)
    later = split_ratio(known, each["instrument"], day, each["until"])
    gained = ratio * np.maximum(each["close"].to_numpy(np.float64) * later - amount, 0.0)
    held = np.where(each["raw"], split_ratio(known, each["instrument"], each["since"], day), 1.0)
    worth = held * np.where(kind == "rights", gained, paid)
    return np.where((why != "") | kind.isin(UNITS), 0.0, worth), np.asarray(why, object)


def _first_closes(
    each: pd.DataFrame, delivers: NDArray[np.bool_], known: pd.DataFrame, prices: pd.DataFrame
) -> tuple[Floats, Texts]:
    """The first close of new_instrument from ex_date to ``until``, per unit of it at ex_date, and why there is none."""
    close, why = np.full(len(each), np.nan), np.full(len(each), "", object)
    at = np.flatnonzero(delivers)
    if not len(at):
        return close, why
    made = each.take(at).reset_index(drop=True)
    own = prices[prices["instrument"].isin(made["new_instrument"].unique())].reset_index(drop=True)
    names, wanted = dated.codes([own["instrument"]], [made["new_instrument"]])
    pair, found = dated.within(names, own["business_date"], wanted, made["ex_date"] - DAY, made["until"])
    pair, nearest = np.unique(pair, return_index=True)
    first = own.take(found[nearest]).reset_index(drop=True)
    there, terms = at[pair], made.take(pair).reset_index(drop=True)
    units = split_ratio(known, first["instrument"], terms["ex_date"], first["business_date"])
    close[there] = first["close"].to_numpy(np.float64) * units
    name, date = made["new_instrument"].to_numpy(object), dated.iso(made["until"]).to_numpy(object)
    why[at] = "delivers " + name + ", which has no close by " + date
    why[there] = ""
    other = np.flatnonzero(first["currency"] != terms["price_currency"])
    why[there[other]] = (
        "delivers " + name[pair[other]] + ", which is priced in " + first["currency"].to_numpy(object)[other]
    )
    adjusted = np.flatnonzero(first["price_basis"] == "adjusted")
    why[there[adjusted]] = "delivers " + name[pair[adjusted]] + ", whose close is an adjusted one"
    return close, why
