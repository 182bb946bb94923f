"""Positions: what each book holds at the close, on trade date and settled.

Belongs here: the sums of the lots, the part that is not settled, unrealised gains. Does not belong here: market values
by themselves (``valuation``), the custodian's figures (``daybook.reconciliation``).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact, lots, spans
from daybook.market import fx, security_master

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def positions(
    journal: "Journal", sessions: pd.DatetimeIndex, prices: pd.DataFrame, fx_rates: pd.DataFrame
) -> pd.DataFrame:
    """Positions at the close of each of ``sessions``.

    A position of zero has a row as long as its settled quantity is not zero, so that the custodian can be compared
    with it, and a forward as long as what was agreed is not settled: whoever values positions must expect rows with
    quantity 0.

    Args:
        journal: of the books.
        sessions: midnight, naive.
        prices: golden prices of those sessions.
        fx_rates: golden rates of those sessions.

    Returns:
        Table ``positions``. settled_quantity is the quantity without the trades whose settlement date is later than the
        session, these restated for splits since. Where books share a pool, the cost of each is its part of the pool's
        by quantity. unrealised = quantity x price x multiplier (a bond's price is per 100, accrued interest apart) less
        cost; unrealised_base the same at closing FX less cost_base; both empty where a price or rate is missing.
    """
    names, total = held(journal)
    quantity, _, _, pending, notional, unfunded = total.levels
    kept = (quantity != 0) | (pending != 0) | (unfunded != 0)
    book = names["book"].to_numpy(object)[total.group]
    row, business_date = journal.rows(book[kept], total.start[kept], total.end[kept], sessions)
    row = np.flatnonzero(kept)[row]
    quantity, cost, cost_base, pending, notional, _ = (level[row] for level in total.levels)
    frame = names.take(total.group[row]).reset_index(drop=True)
    frame = frame.assign(
        business_date=business_date,
        quantity=exact.units(quantity),
        settled_quantity=exact.units(quantity - pending),
        cost=exact.money(cost),
        cost_base=exact.money(cost_base),
        notional=exact.money(notional),
    )
    value, value_base = _values(journal, frame, prices, fx_rates)
    frame["unrealised"] = np.round(value - frame["cost"], exact.MONEY)
    frame["unrealised_base"] = np.round(value_base - frame["cost_base"], exact.MONEY)
    return tables.conform("positions", frame.sort_values(["business_date", "book", "instrument"], kind="stable"))


def views(
    positions: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    custodian_positions: pd.DataFrame,
    open_orders: pd.DataFrame,
    session: pd.Timestamp,
) -> pd.DataFrame:
    """The positions of ``session`` as ordered, executed, confirmed and settled.

    Args:
        positions: table of the session.
        activity: table of the session.
        entitlements: table of the session.
        custodian_positions: facts of the session.
        open_orders: book, instrument and signed quantity that orders up to the session may still trade.
        session: midnight, naive.

    Returns:
        Table ``position_views``, a row for each book and instrument that any of them knows. start_of_day is the
        position at the close of the session before, in terms of the session: without what was traded, transferred and
        delivered by options, with what corporate actions brought. ordered is what it is when every open order is
        filled, projected the settled quantity when all that is traded has settled; confirmed is empty where the
        custodian does not list it.
    """
    securities = activity[~activity["instrument"].str.startswith("CASH:")]
    exercised = entitlements[entitlements["kind"].isin(["exercise", "assignment"])]
    delivered = exercised[["book", "instrument", "new_instrument", "given_quantity", "new_quantity"]]
    received = delivered[["book", "new_instrument", "new_quantity"]].set_axis(["book", "instrument", "units"], axis=1)
    moved = pd.concat(
        [
            securities[["book", "instrument"]].assign(
                units=securities["traded_quantity"] + securities["transferred_quantity"]
            ),
            delivered[["book", "instrument"]].assign(units=-delivered["given_quantity"]),
            received,
        ]
    )
    sides = [
        positions[["book", "instrument", "quantity", "settled_quantity"]],
        moved.rename(columns={"units": "moved"}),
        open_orders[["book", "instrument", "quantity"]].rename(columns={"quantity": "left"}),
        custodian_positions[["book", "instrument", "quantity"]].rename(columns={"quantity": "confirmed"}),
    ]
    grouped = pd.concat(sides).groupby(["book", "instrument"])
    total = grouped[["quantity", "settled_quantity", "moved", "left"]].sum()
    found = total.assign(
        business_date=session,
        start_of_day=(total["quantity"] - total["moved"]).round(exact.QUANTITY),
        ordered=(total["quantity"] + total["left"]).round(exact.QUANTITY),
        confirmed=grouped["confirmed"].sum(min_count=1),
        projected=total["quantity"],
    )
    said = (found[["quantity", "settled_quantity", "start_of_day", "ordered"]] != 0).any(axis=1)
    rows = found[said | found["confirmed"].notna()].reset_index().drop(columns=["moved", "left"])
    return tables.conform("position_views", rows)


def held(journal: "Journal") -> tuple[pd.DataFrame, spans.Spans]:
    """What each book holds of each instrument over time.

    Returns:
        Book, instrument and currency of each number; by number, the totals of quantity, cost, cost_base, quantity that
        is not settled, notional agreed in futures and forwards, and of it that of forwards.
    """
    of, carried = lots.carried(journal.events, journal.matched)
    number, names = _numbered(journal, of["holding"].to_numpy(np.int64), of["member"].to_numpy(np.int64))
    fresh = np.r_[True, np.diff(carried.group) != 0][: len(carried.group)]
    steps = [level - np.where(fresh, 0, np.r_[0, level[:-1]][: len(level)]) for level in carried.levels]
    trade, day, change = _pending(journal)
    entries = journal.entries[journal.entries["notional"] != 0]
    agreed, forward = entries["notional"].to_numpy(np.int64), ~entries["margined"].to_numpy(bool)
    known = pd.MultiIndex.from_frame(names[["book", "instrument"]])
    at = known.get_indexer(pd.MultiIndex.from_frame(entries[["book", "instrument"]]))
    unsettled = pd.MultiIndex.from_frame(_named(journal, trade["holding"], trade["member"])[["book", "instrument"]])
    parts = [
        (number[carried.group], carried.start, dict(zip(range(3), steps, strict=True))),
        (known.get_indexer(unsettled), day, {3: change}),
        (at, entries["session"].to_numpy(np.int64), {4: agreed, 5: np.where(forward, agreed, 0)}),
    ]
    levels = [np.concatenate([made.get(n, np.zeros(len(on), np.int64)) for _, on, made in parts]) for n in range(6)]
    group, days = (np.concatenate([part[n] for part in parts]).astype(np.int64) for n in (0, 1))
    return names, spans.running(group, days, *levels)


def _numbered(journal: "Journal", holding: Ints, member: Ints) -> tuple[Ints, pd.DataFrame]:
    """Number of the book and instrument of each member of a holding, and book, instrument and currency of each."""
    named = _named(journal, holding, member)
    # A book that went from one pool to another has the same instrument in two holdings.
    number = named.groupby(["book", "instrument"]).ngroup().to_numpy().astype(np.int64)
    first = named.assign(number=number).drop_duplicates("number").sort_values("number", ignore_index=True)
    return number, first[["book", "instrument", "currency"]]


def _named(journal: "Journal", holding: Any, member: Any) -> pd.DataFrame:
    of = journal.holdings.take(np.asarray(holding, np.int64))[["instrument", "currency"]].reset_index(drop=True)
    return of.assign(book=journal.book_of(holding, member))


def _pending(journal: "Journal") -> tuple[pd.DataFrame, Ints, Ints]:
    """Changes of the unsettled quantity: holding and member, the day, and the change in 10^-8 units."""
    # Every book alone in its pool is member 0, and the events do not say so.
    events, pairs = journal.events.assign(member=journal.events.get("member", 0)), journal.matched.restated
    session, settle, kind = (events[name].to_numpy() for name in ("session", "settle", "event"))
    trades = np.flatnonzero(np.isin(kind, (lots.TRADE, lots.TRANSFER)) & (settle > session))
    pairs = pairs[np.isin(pairs["trade"], trades)]
    # What each trade leaves unsettled from each day on: itself, restated by each split, nothing once it is settled.
    trade = np.r_[trades, pairs["trade"], trades]
    day = np.r_[session[trades], session[pairs["split"]], settle[trades]]
    level = np.r_[events["quantity"].to_numpy()[trades], pairs["quantity"], np.zeros(len(trades), np.int64)]
    order = np.lexsort((day, trade))
    trade, day, level = trade[order], day[order], level[order]
    fresh = np.r_[True, np.diff(trade) != 0][: len(trade)]
    change = level - np.where(fresh, 0, np.r_[0, level[:-1]][: len(level)])
    of = events[["holding", "member"]].take(trade)
    delivered = events[(kind == lots.EXERCISE) & (settle > session)]
    if len(delivered):
        # What an option delivers; a split before it settles counts as settled.
        units = delivered["target_quantity"].to_numpy(np.int64)
        target = delivered[["target", "member"]].rename(columns={"target": "holding"})
        of = pd.concat([of, target, target])
        day = np.r_[day, delivered["session"], delivered["settle"]]
        change = np.r_[change, units, -units]
    return of, day.astype(np.int64), change.astype(np.int64)


def _values(journal: "Journal", frame: pd.DataFrame, prices: pd.DataFrame, fx_rates: pd.DataFrame) -> tuple[Any, Any]:
    """Value of each position in its own currency and in the book's, NaN where it cannot be told."""
    priced = frame[["business_date", "instrument"]].merge(
        prices[["business_date", "instrument", "close", "currency"]], on=["business_date", "instrument"], how="left"
    )
    dates = frame["business_date"]
    at = security_master.in_force(journal.instruments, "instrument", frame["instrument"], dates)
    terms = journal.instruments.take(at)
    point = np.where(terms["asset_class"] == "bond", 0.01, terms["multiplier"].fillna(1.0))
    quoted = priced["currency"].fillna("")
    quoted = quoted.where(quoted != "", frame["currency"])
    local = frame["quantity"] * priced["close"] * point * fx.rates(fx_rates, quoted, frame["currency"], dates)
    book = security_master.in_force(journal.books, "book", frame["book"], dates)
    base = journal.books["base_currency"].to_numpy(object)[book]
    rate = fx.rates(fx_rates, frame["currency"], base, dates)
    return np.round(local, exact.MONEY), np.round(local * rate, exact.MONEY)
