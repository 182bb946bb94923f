"""Positions: what each book holds at the close, on trade date and settled.

Belongs here: the sums of the lots, the part that is not settled, unrealised gains. Does not belong here: market values
by themselves (``valuation``), the custodian's figures (``reconciliation``).
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
    with it: whoever values positions must expect rows with quantity 0.

    Args:
        journal: of the books.
        sessions: midnight, naive.
        prices: golden prices of those sessions.
        fx_rates: golden rates of those sessions.

    Returns:
        Table ``positions``. settled_quantity is the quantity without the trades whose settlement date is later than the
        session, these restated for splits since. unrealised = quantity x price x multiplier (a bond's price is per
        100, accrued interest apart) less cost; unrealised_base the same at closing FX less cost_base; both empty where
        a price or rate is missing.
    """
    events = journal.events
    held = _levels(journal)
    names = events.drop_duplicates("group").sort_values("group")[["book", "instrument", "currency"]]
    held_names = names.take(held.group)
    quantity, _, _, pending = held.levels
    kept = (quantity != 0) | (pending != 0)
    row, business_date = journal.rows(held_names["book"].to_numpy()[kept], held.start[kept], held.end[kept], sessions)
    row = np.flatnonzero(kept)[row]
    quantity, cost, cost_base, pending = (level[row] for level in held.levels)
    frame = held_names.take(row).reset_index(drop=True)
    frame = frame.assign(
        business_date=business_date,
        quantity=exact.units(quantity),
        settled_quantity=exact.units(quantity - pending),
        cost=exact.money(cost),
        cost_base=exact.money(cost_base),
    )
    value, value_base = _values(journal, frame, prices, fx_rates)
    frame["unrealised"] = np.round(value - frame["cost"], exact.MONEY)
    frame["unrealised_base"] = np.round(value_base - frame["cost_base"], exact.MONEY)
    return tables.conform("positions", frame.sort_values(["business_date", "book", "instrument"], kind="stable"))


def _levels(journal: "Journal") -> spans.Spans:
    """Quantity, cost, cost_base and unsettled quantity of each holding over time."""
    states, events = journal.matched.states, journal.events
    session, group = events["session"].to_numpy(), events["group"].to_numpy()
    ended = (states["until"] >= 0).to_numpy()
    of = group[states["opened"]]
    trade, day, change = _pending(journal)
    values = [states[name].to_numpy() for name in ("quantity", "cost", "cost_base")]
    none = np.zeros(len(change), np.int64)
    nothing = np.zeros(len(of) + int(ended.sum()), np.int64)
    return spans.running(
        np.r_[of, of[ended], group[trade]],
        np.r_[session[states["since"]], session[states.loc[ended, "until"]], day],
        *(np.r_[value, -value[ended], none] for value in values),
        np.r_[nothing, change],
    )


def _pending(journal: "Journal") -> tuple[Ints, Ints, Ints]:
    """Changes of the unsettled quantity: the trade, the day, and the change in 10^-8 units."""
    events, pairs = journal.events, journal.matched.restated
    session, settle = events["session"].to_numpy(), events["settle"].to_numpy()
    trades = np.flatnonzero((events["event"] != lots.SPLIT).to_numpy() & (settle > session))
    pairs = pairs[np.isin(pairs["trade"], trades)]
    # What each trade leaves unsettled from each day on: itself, restated by each split, nothing once it is settled.
    trade = np.r_[trades, pairs["trade"], trades]
    day = np.r_[session[trades], session[pairs["split"]], settle[trades]]
    level = np.r_[events["quantity"].to_numpy()[trades], pairs["quantity"], np.zeros(len(trades), np.int64)]
    order = np.lexsort((day, trade))
    trade, day, level = trade[order], day[order], level[order]
    fresh = np.r_[True, np.diff(trade) != 0][: len(trade)]
    return trade, day, level - np.where(fresh, 0, np.r_[0, level[:-1]][: len(level)])


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
