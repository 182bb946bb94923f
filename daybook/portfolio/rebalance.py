"""From target weights to orders: what to trade, in whole lots, with the cash there is.

Belongs here: sizing, rounding, and the limits that a trade list must keep by itself (holdings, cash). Does not belong
here: the targets (``targets``), compliance, and what becomes of an order afterwards (``daybook.trading.orders``).

Quantities are int64 scaled 10^-8; estimates of money are float64, since nothing here is booked.
"""

from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.market import fx, security_master
from daybook.trading import costs

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SMALLEST_TRADE = 0.0005
"""Smallest trade worth its cost, as a fraction of NAV: 5 bp. A position whose target is 0 is closed however small."""
SCALE = 100_000_000
"""Quantities are whole numbers of 1 / SCALE units."""
LARGEST = 30_000_000_000
"""Largest quantity, in units, of which three add up within int64 at SCALE."""
CASH = "CASH:"
"""Prefix of cash rows."""


def proposed_orders(
    targets: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    cash: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    books: pd.DataFrame,
    open_orders: pd.DataFrame,
    session: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders that take each book with targets as near to them as lots, holdings and cash allow.

    trade = target_weight x nav / (unit x fx) - position - open orders, unit being what one is worth: price x
    multiplier, of a bond (price + accrued interest) / 100. It is rounded down to a multiple of lot_size: fewer bought,
    more sold, so that rounding never uses cash. Then

    * a trade below SMALLEST_TRADE is left out, unless it closes a position whose target is 0;
    * one order never crosses zero: from long to short (or back) only the position is closed, and the rest follows
      from the next session's targets, since the table has one row an instrument. An order never sells more than the
      book holds and has not yet on sale; ``sell_short`` is for books that allow shorts and hold nothing or are short;
    * buys are cut, in proportion and then in whole lots by largest remainder, where balance + open orders + sells -
      buys - estimated fees, at reference prices and by book and currency, would fall below 0 (or below where it
      already is). Foreign names are paid with cash of their currency; no exchange of currency is proposed.

    Args:
        targets: table ``targets``.
        valuations: table ``valuations``; gives the positions, and the accrued interest of bonds that are held; others
            are sized at the clean price.
        nav: table ``nav``.
        cash: table ``cash``; gives the balances.
        prices: table ``prices``; its close is the reference price.
        fx_rates: table ``fx_rates``.
        instruments: reference facts (asset_class, multiplier, lot_size).
        books: reference facts (base_currency, shorts).
        open_orders: frame (book, instrument, quantity), quantity signed and still to be filled after ``session``.
        session: midnight, naive; rows of other sessions are ignored.

    Returns:
        Table ``proposed_orders``, quantity positive, one row per book and instrument. Then the books left out: frame
        (book, reason); a book that cannot be sized in one instrument gets no order at all.
    """
    lines = _lines(targets, valuations, nav, prices, fx_rates, instruments, books, open_orders, session)
    failed = lines[lines["why"] != ""].drop_duplicates("book")[["book", "why"]]
    lines = lines[~lines["book"].isin(failed["book"])].reset_index(drop=True)
    wanted = _sized(lines)
    trade = _affordable(lines, wanted, cash[cash["business_date"] == session])
    failures = failed.rename(columns={"why": "reason"}).reset_index(drop=True)
    return _orders(lines, wanted, trade, session), failures


def _lines(
    targets: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    books: pd.DataFrame,
    open_orders: pd.DataFrame,
    session: pd.Timestamp,
) -> pd.DataFrame:
    """One row for each book and instrument with a target or an open order, with all that sizing needs."""
    on = pd.DatetimeIndex([session])
    wanted = targets.loc[targets["business_date"] == session, ["book", "instrument", "target_weight"]]
    pending = open_orders[open_orders["book"].isin(wanted["book"])].groupby(["book", "instrument"])["quantity"].sum()
    lines = wanted.merge(pending.rename("open").reset_index(), on=["book", "instrument"], how="outer")
    held = valuations.loc[
        valuations["business_date"] == session, ["book", "instrument", "quantity", "accrued_interest"]
    ]
    today = nav.loc[nav["business_date"] == session, ["book", "nav"]]
    price = prices.loc[prices["business_date"] == session, ["instrument", "close", "currency"]]
    terms = security_master.effective(instruments, "instrument", on)[
        ["instrument", "asset_class", "multiplier", "lot_size"]
    ]
    terms["point"] = security_master.point_value(terms["asset_class"], terms["multiplier"])
    book = security_master.effective(books, "book", on)[["book", "base_currency", "shorts"]]
    lines = lines.merge(held, on=["book", "instrument"], how="left")
    for frame, key in ((today, "book"), (price, "instrument"), (terms, "instrument"), (book, "book")):
        lines = lines.merge(frame, on=key, how="left")
    lines = lines.fillna({"target_weight": 0.0, "open": 0.0, "quantity": 0.0, "currency": ""})
    lines = lines.sort_values(["book", "instrument"], ignore_index=True)
    rate = fx.rates(fx_rates, lines["currency"], lines["base_currency"], pd.DatetimeIndex([session] * len(lines)))
    accrued = (lines["accrued_interest"] / lines["quantity"].where(lines["quantity"] != 0)).fillna(0.0)
    lines["unit"] = lines["close"] * lines["point"] + accrued
    lines["unit_base"] = lines["unit"] * rate
    lines["why"] = _why_not(lines, rate)
    return lines


def _why_not(lines: pd.DataFrame, rate: Floats) -> "pd.Series[str]":
    """Why the book of each line cannot be sized in it; empty where it can."""
    name = lines["instrument"]
    units = np.maximum((lines["target_weight"] * lines["nav"] / lines["unit_base"]).abs(), lines["quantity"].abs())
    units = np.maximum(units, lines["open"].abs())
    reasons: list[tuple[Any, Any]] = [
        (~(lines["nav"] > 0), "its NAV is not above 0"),
        (~(lines["close"] > 0), "there is no price above 0 for " + name),
        (np.isnan(rate), "there is no rate from " + lines["currency"] + " into " + lines["base_currency"]),
        (~((lines["point"] > 0) & (lines["lot_size"] * SCALE >= 1)), "no multiplier or lot size for " + name),
        (~(units < LARGEST), "the quantity is too large: " + name),
    ]
    why = pd.Series("", index=lines.index, dtype="str")
    for bad, reason in reversed(reasons):
        why = why.mask(bad, reason)
    return why


def _scaled(units: Any) -> Ints:
    return np.rint(np.asarray(units, np.float64) * SCALE).astype(np.int64)


def _sized(lines: pd.DataFrame) -> Ints:
    """Trades by lots, holdings and size alone, signed, scaled."""
    position, pending, lot = _scaled(lines["quantity"]), _scaled(lines["open"]), _scaled(lines["lot_size"])
    target = _scaled(lines["target_weight"] * lines["nav"] / lines["unit_base"])
    trade = (target - position - pending) // lot * lot
    # What the book may still sell of a long, or buy back of a short: less what open orders already do.
    left_to_sell = np.maximum(position + np.minimum(pending, 0), 0) // lot * lot
    left_to_cover = np.maximum(-position - np.maximum(pending, 0), 0) // lot * lot
    # A short is sold for the target's sake alone, never to undo an open buy.
    left_to_short = np.maximum(position - target, 0) // lot * lot
    may_short = lines["shorts"].to_numpy(bool) & (position <= 0)
    trade = np.maximum(trade, -np.where(may_short, left_to_short, left_to_sell))
    trade = np.where(position < 0, np.minimum(trade, left_to_cover), trade)
    units = np.abs(trade) / SCALE
    large = units * lines["unit_base"].to_numpy() >= SMALLEST_TRADE * lines["nav"].to_numpy()
    value = units * lines["unit"].to_numpy()
    closes = (target == 0) & (position != 0) & (value > _cost(value, *costs.bound()))
    return cast(Ints, np.where(large | closes, trade, 0))


def _affordable(lines: pd.DataFrame, wanted: Ints, cash: pd.DataFrame) -> Ints:
    """``wanted`` with buys cut to the cash of each book and currency."""
    fixed, rate = costs.bound()
    unit, lot = lines["unit"].to_numpy(np.float64), _scaled(lines["lot_size"])
    value = wanted / SCALE * unit
    pending = lines["open"].to_numpy(np.float64) * unit
    cost = _cost(value, fixed, rate)
    balances = lines[["book", "currency"]].merge(cash[["book", "currency", "balance"]], "left", ["book", "currency"])
    balance = balances["balance"].fillna(0.0).to_numpy(np.float64)
    group = lines.groupby(["book", "currency"], sort=False).ngroup().to_numpy(np.int64)

    def by_group(values: Floats) -> Floats:
        return np.bincount(group, values, minlength=len(lines)).astype(np.float64)[group]

    before = balance - by_group(pending + _cost(pending, fixed, rate))
    buys, sells = np.where(wanted > 0, value, 0.0), np.where(wanted < 0, value, 0.0)
    # What may be spent: all there is, or, where it is overdrawn already, what the sells bring in.
    budget = np.maximum(before, 0.0) - by_group(sells + np.where(wanted < 0, cost, 0.0))
    needed = by_group(np.where(wanted > 0, value + cost, 0.0))
    short = needed > budget
    fees = by_group(np.where(wanted > 0, fixed, 0.0))
    share = np.clip((budget - fees) / np.maximum(by_group(buys) * (1.0 + rate), 1e-300), 0.0, 1.0)
    ideal = np.where((wanted > 0) & short, np.floor(wanted * share), wanted).astype(np.int64)
    cut: Ints = ideal // lot * lot
    spent = by_group(np.where(wanted > 0, cut / SCALE * unit * (1.0 + rate) + fixed, 0.0))
    remainder = np.where((wanted > 0) & short, ideal - cut, 0)
    return np.add(cut, _last_lots(group, remainder, lot, unit * (1.0 + rate), budget - spent))


def _cost(value: Any, fixed: float, rate: float) -> Floats:
    return cast(Floats, np.where(value != 0, fixed + rate * np.abs(value), 0.0))


def _last_lots(group: Any, remainder: Any, lot: Ints, price: Any, left: Any) -> Ints:
    """One more lot for the largest remainders of each group, in that order, while the money lasts."""
    order = np.lexsort((np.arange(len(group)), -(remainder / lot), group))
    step = np.where(remainder > 0, lot / SCALE * price, 0.0)[order]
    running = np.cumsum(step)
    starts = np.r_[True, group[order][1:] != group[order][:-1]] if len(order) else np.zeros(0, bool)
    before = np.repeat((running - step)[starts], np.diff(np.r_[np.flatnonzero(starts), len(order)]))
    bought = np.zeros(len(group), np.int64)
    bought[order] = np.where((step > 0) & (running - before <= left[order]), lot[order], 0)
    return bought


def _orders(lines: pd.DataFrame, wanted: Ints, trade: Ints, session: pd.Timestamp) -> pd.DataFrame:
    position = lines["quantity"].to_numpy(np.float64)
    side = np.select(
        [(trade > 0) & (position < 0), trade > 0, position > 0], ["buy_to_cover", "buy", "sell"], default="sell_short"
    )
    rows = pd.DataFrame(
        {
            "business_date": session,
            "book": lines["book"],
            "instrument": lines["instrument"],
            "side": side,
            "quantity": np.abs(trade) / SCALE,
            "reference_price": lines["close"],
            "reason": _reasons(lines, cut=trade < wanted),
        }
    )
    return tables.conform("proposed_orders", rows[trade != 0])


def _reasons(lines: pd.DataFrame, cut: NDArray[np.bool_]) -> "pd.Series[str]":
    worth = lines["unit_base"] / lines["nav"]
    held, pending = lines["quantity"] * worth, lines["open"] * worth
    text = "target " + _percent(lines["target_weight"]) + ", holds " + _percent(held)
    text = text.where(lines["open"] == 0, text + ", open orders " + _percent(pending))
    return text.mask(cut, text + ", cut to the cash in " + lines["currency"])


def _percent(fractions: pd.Series) -> "pd.Series[str]":
    return pd.Series(np.char.mod("%.2f %%", fractions.to_numpy(np.float64) * 100 + 0.0), dtype="str")
