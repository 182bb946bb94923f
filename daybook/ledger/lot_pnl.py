"""P&L of every lot: what it realised and how its unrealised gain changed, by market and by currency.

Belongs here: sharing the value of a holding out to its lots, and the identity that ties them to values and realised
gains. Does not belong here: which lot a sale closes (``lots``), P&L by cause (``pnl``).

The other way to look at a book's gains: ``pnl`` asks what prices, rates and trades did today, with everything of the
day at closing FX; this asks what was earned since each lot was opened, at the FX of the transactions, and how much of
it is for good. ``bridge`` puts both beside each other.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import pnl as profit
from daybook.ledger import pools
from daybook.ledger.valuation import KEY, SCALE, micros
from daybook.market import dated, fx, security_master

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LOT = [*KEY, "instrument", "lot"]
MONEY = ["realised_market", "realised_currency", "unrealised_market", "unrealised_currency", "income"]


def lot_pnl(
    lots: pd.DataFrame,
    realised: pd.DataFrame,
    positions: pd.DataFrame,
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """P&L of each lot since the book's session before, in base currency.

    realised_market and realised_currency are those of table ``realised``. The unrealised gain of a lot is its share, by
    quantity, of its pool's value (``worth``) less its cost: the market part is the local gain at closing FX, the
    currency part the rest, as in a sale at the close (contract 2.6); both columns are its change. An action that moves
    cost from one lot to another moves the unrealised gain with it, and so does a transfer. income is that of the
    instrument's row in ``pnl``, shared out by quantity to the lots that were open before, else to those that are now;
    what has no lot at all stands under the empty name.

    Args:
        lots: table of ``sessions`` and of each book's session before each.
        realised: table of ``sessions``.
        positions: table of ``sessions`` and of each book's session before each.
        valuations: table of ``sessions`` and of each book's session before each.
        pnl: table of ``sessions``.
        nav: table of ``sessions`` and of each book's session before each.
        fx_rates: golden, of the sessions of ``lots``.
        books: reference facts.
        instruments: reference facts.
        sessions: midnight, naive.

    Returns:
        Table ``lot_pnl``, for the books and sessions that ``pnl`` has: a row for each lot that is open, was open at the
        session before, or realised something. quantity is that at the close. unrealised_* and total are missing where
        the value of the position is not known. In a pool of several books a lot stands in the book that opened it, and
        a gain in the book that sold.
    """
    periods = profit.periods_of(nav, books, sessions)
    periods = periods[pd.MultiIndex.from_frame(periods[KEY]).isin(pd.MultiIndex.from_frame(pnl[KEY]))]
    held = worth(positions, valuations, instruments)
    valued = lots[LOT].assign(quantity=lots["quantity"], **_unrealised(lots, held, fx_rates, books))
    now = periods[KEY].merge(valued, on=KEY)
    before = valued.rename(columns={"business_date": "previous"})
    before = periods[[*KEY, "previous"]].merge(before, on=["previous", "book"]).drop(columns="previous")
    gains = periods[KEY].merge(realised[[*LOT, "market_gain_base", "currency_gain_base"]], on=KEY)
    parts = [
        now,
        before[LOT].assign(**{name: -before[name] for name in ("unrealised_market", "unrealised_currency")}),
        gains[LOT].assign(
            realised_market=micros(gains["market_gain_base"]), realised_currency=micros(gains["currency_gain_base"])
        ),
        _incomes(pnl, before, now),
    ]
    missing = pd.concat([now[LOT], before[LOT]])[np.r_[now["unknown"], before["unknown"]].astype(bool)]
    rows = pd.concat(parts, ignore_index=True)[[*LOT, "quantity", *MONEY]].fillna(dict.fromkeys(MONEY, 0))
    rows = rows.astype(dict.fromkeys(MONEY, "int64")).groupby(LOT, as_index=False)[["quantity", *MONEY]].sum()
    unknown = pd.MultiIndex.from_frame(rows[LOT]).isin(pd.MultiIndex.from_frame(missing))
    total = rows[MONEY].sum(axis=1) / SCALE
    money = {name: rows[name] / SCALE for name in MONEY} | {"total": total}
    for name in ("unrealised_market", "unrealised_currency", "total"):
        money[name] = money[name].mask(unknown)
    return tables.conform("lot_pnl", rows[[*LOT, "quantity"]].assign(**money))


def identity_gaps(
    lot_pnl: pd.DataFrame,
    realised: pd.DataFrame,
    positions: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Holdings of a pool whose lots do not add up to the realised gains and the change of unrealised gains.

    Args:
        lot_pnl: table of ``sessions``.
        realised: table of ``sessions``.
        positions: table of ``sessions`` and of each book's session before each.
        valuations: table of ``sessions`` and of each book's session before each.
        nav: table of ``sessions`` and of each book's session before each.
        books: reference facts.
        instruments: reference facts.
        sessions: midnight, naive.

    Returns:
        business_date, book (that of the pool which comes first by name), instrument, gap (base currency: lots - what
        they should be), reason; no rows when all is well.
    """
    periods = profit.periods_of(nav, books, sessions)
    held = worth(positions, valuations, instruments)
    due = held[[*KEY, "instrument"]].assign(due=held["value_base"] - held["cost_base"])
    before = due.rename(columns={"business_date": "previous"})
    gains = [
        lot_pnl[[*KEY, "instrument"]].assign(lots=lot_pnl["total"] - lot_pnl["income"]),
        realised[[*KEY, "instrument"]].assign(due=realised["gain_base"]),
        due[due["business_date"].isin(sessions)],
        periods[[*KEY, "previous"]].merge(before, on=["previous", "book"]).assign(due=lambda rows: -rows["due"]),
    ]
    rows = pd.concat(gains, ignore_index=True)[[*KEY, "instrument", "lots", "due"]]
    rows = rows.sort_values([*KEY, "instrument"], kind="stable", ignore_index=True)
    rows = pd.concat([rows, pools.scope_at(rows, books)], axis=1)
    # Of a pool with a book that has no period, the lots that stand in that book are not there.
    pool = ["business_date", *pools.SCOPE]
    known = pd.MultiIndex.from_frame(rows[KEY]).isin(pd.MultiIndex.from_frame(periods[KEY]))
    every = pd.MultiIndex.from_frame(rows[pool])
    rows = rows[~every.isin(every[~known])]
    sums = rows.groupby([*pool, "instrument"], as_index=False)
    found = sums.agg(book=("book", "first"), lots=("lots", "sum"), due=("due", "sum"), size=("due", "size"))
    size = np.maximum(found["lots"].abs(), found["due"].abs())
    gap = (found["lots"] - found["due"]).round(6)
    found = found.assign(gap=gap)[gap.abs() > 1e-6 + 1e-14 * size * found["size"]].reset_index(drop=True)
    text = found["gap"].map("{:+.6f}".format).astype("str")
    found["reason"] = "P&L of the lots is off realised gains and change of unrealised gains by " + text
    said: pd.DataFrame = found[[*KEY, "instrument", "gap", "reason"]]
    return said


def worth(positions: pd.DataFrame, valuations: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """What the lots of each position are worth together: value less cost is its unrealised gain.

    That is the market value, as in NAV: of a bond with accrued interest, by model where a model made it. A future is
    worth nothing once its gain has moved to cash, and a forward only its gain; their lots cost what was agreed, so the
    value of a future is at its price, and that of a forward its gain on top of the cost.

    Returns:
        business_date, book, instrument, currency, cost and cost_base of ``positions``, value (in that currency) and
        value_base; NaN where they are not known.
    """
    rows = positions[[*KEY, "instrument", "currency", "cost", "cost_base"]].reset_index(drop=True)
    known, wanted = dated.codes(*([frame[name] for name in (*KEY, "instrument")] for frame in (valuations, rows)))
    place = np.full(max(known.max(initial=-1), wanted.max(initial=-1)) + 1, -1, np.int64)
    place[known] = np.arange(len(known))
    found = valuations[["currency", "market_value", "market_value_base", "fx_rate"]].reset_index(drop=True)
    found = found.reindex(place[wanted]).reset_index(drop=True)
    kind = security_master.attributes(instruments, "instrument", rows, ["asset_class"])["asset_class"]
    nothing = (positions["quantity"].reset_index(drop=True) == 0) & (place[wanted] < 0)
    own = positions[["unrealised", "unrealised_base"]].reset_index(drop=True)
    values = {}
    for name, cost, unrealised in (
        ("market_value", "cost", "unrealised"),
        ("market_value_base", "cost_base", "unrealised_base"),
    ):
        value = found[name].mask(kind == "forward", found[name] + rows[cost])
        values[name] = value.mask(kind == "future", own[unrealised] + rows[cost]).mask(nothing, 0.0)
    # What is priced in another currency than it was bought in is worth its value in base currency at closing FX.
    foreign = (found["currency"] != rows["currency"]) & (kind != "future") & ~nothing
    return rows.assign(value=values["market_value"].mask(foreign), value_base=values["market_value_base"])


def _unrealised(
    lots: pd.DataFrame, held: pd.DataFrame, fx_rates: pd.DataFrame, books: pd.DataFrame
) -> dict[str, Ints | NDArray[np.bool_]]:
    """Unrealised gain of each lot at its close in 10^-6 of base currency; and what is unknown."""
    base = security_master.attributes(books, "book", held, ["base_currency"])["base_currency"]
    rate = fx.rates(fx_rates, held["currency"], base, held["business_date"])
    local = held["value"].fillna(held["value_base"] / rate)
    known = (local.notna() & held["value_base"].notna() & ~np.isnan(rate)).to_numpy()
    held_by, owned_by = (pools.scope_at(rows, books) for rows in (held, lots))
    keys = [
        [rows["business_date"], pool["pool_scope"], pool["pool"], rows["instrument"]]
        for rows, pool in ((held, held_by), (lots, owned_by))
    ]
    of_position, of_lot = dated.codes(*keys)
    count = int(max(of_position.max(initial=-1), of_lot.max(initial=-1))) + 1
    quantity = lots["quantity"].to_numpy(np.float64)
    gains = []
    for value, cost in ((local, "cost"), (held["value_base"], "cost_base")):
        whole = np.zeros(count, np.int64)
        np.add.at(whole, of_position, micros(value.where(known, 0.0)))
        gains.append(_shared(whole, of_lot, quantity) - micros(lots[cost]))
    unknown, rates = np.zeros(count, bool), np.zeros(count)
    unknown[of_position[~known]] = True
    rates[of_position[known]] = rate[known]
    unknown = unknown[of_lot]
    market = np.where(unknown, 0, micros(gains[0] / SCALE * rates[of_lot]))
    return {
        "unrealised_market": market,
        "unrealised_currency": np.where(unknown, 0, gains[1] - market),
        "unknown": unknown,
    }


def _shared(amount: Ints, group: Ints, quantity: Floats) -> Ints:
    """``amount`` of each group by quantity over its rows; the largest row takes what rounding leaves."""
    whole = np.zeros(len(amount))
    np.add.at(whole, group, quantity)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(whole[group] == 0, 0.0, quantity / whole[group])
    share = np.rint(amount[group] * part).astype(np.int64)
    left = amount.copy()
    np.subtract.at(left, group, share)
    order = np.lexsort((-np.abs(quantity), group))
    first = order[np.r_[True, np.diff(group[order]) != 0][: len(order)]]
    share[first] += left[group[first]]
    return share


def _incomes(pnl: pd.DataFrame, before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Income of each instrument's row, shared out to its lots."""
    earned = pnl[(pnl["income"] != 0) & ~pnl["instrument"].str.startswith("CASH:")].reset_index(drop=True)
    row = [*KEY, "instrument"]
    places = earned[row].assign(of=np.arange(len(earned)))
    shares = [places.merge(lots[[*LOT, "quantity"]], on=row) for lots in (before, now)]
    had = shares[0]
    later = shares[1][~shares[1]["of"].isin(had["of"])]
    none = places[~places["of"].isin(pd.concat([had["of"], later["of"]]))].assign(lot="", quantity=1.0)
    chosen = pd.concat([had, later, none], ignore_index=True).sort_values(["of", "lot"], ignore_index=True)
    share = _shared(micros(earned["income"]), chosen["of"].to_numpy(np.int64), chosen["quantity"].to_numpy(np.float64))
    return chosen[LOT].assign(income=share)
