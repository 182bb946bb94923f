"""Entitlements: what corporate actions do to the books that hold the instrument.

Belongs here: which actions touch which holding and when, the events of lots and the payments that each kind makes. Does
not belong here: the lots that an event changes (``lots``), what was elected (``elections``), cash (``cash``), restating
prices (``market``).

What each kind posts on the session of its ex_date, before the trades of that date:

* split, stock_dividend: lots restated by the ratio; with cash_in_lieu_price the fraction of a unit is sold at it.
* cash_dividend: income of the position at the close before, net of withholding, receivable until pay_date; what the tax
  authority gives back is receivable until a transaction of kind tax pays it. Taken in stock (``elections``): on the
  session of the deadline whole units are bought with the dividend forgone.
* return_of_capital: lowers the cost of each lot; what exceeds it is a gain.
* spin_off: each lot makes a lot of the new instrument, to which cost_fraction of its cost goes (0 if empty).
* merger: lots become lots of the new instrument, or are closed at ``amount``, or both: then cost_fraction of the cost
  goes to the new units and the rest is set against the money; without cost_fraction the money lowers the cost first.
* rights: bought at ``amount`` on the session of the deadline by books that exercise them; worth nothing otherwise.
* delisting: closed at ``amount`` where there is one; else the position stays.
* rename: nothing; an instrument keeps its id, whatever it is called.

Terms are per unit held before ex_date: of several actions of one date on one instrument those that pay or deliver come
first and those that restate units last, and actions on what is received come before the delivery.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import elections, exact, lots, spans
from daybook.ledger.pools import Pools
from daybook.ledger.transactions import booked
from daybook.market import dated, fx, security_master

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Objects = NDArray[np.object_]

DIVIDEND, CAPITAL, MERGER, SPIN_OFF, RIGHTS = "cash_dividend", "return_of_capital", "merger", "spin_off", "rights"
RENAME, DELISTING = "rename", "delisting"
RESTATING = ("split", "stock_dividend")
RECLAIM, IN_LIEU = "reclaim", "cash_in_lieu"
"""Kinds of payment beside those named like the action that makes them."""
CONFIRMED = (DIVIDEND, CAPITAL)
"""Kinds whose payment a transaction of kind dividend confirms."""
_RANK = {CAPITAL: 0, SPIN_OFF: 1, RIGHTS: 2, DIVIDEND: 2, MERGER: 3, DELISTING: 4}
_LAST = 5
_EVERYTHING = 2**63 - 1
# Money is 10^-6 and units are 10^-8: a price of 1 is 1 of money for 100 of units.
_UNITS_PER_MONEY = 10 ** (exact.QUANTITY - exact.MONEY)


def due(corporate_actions: pd.DataFrame, through: pd.Timestamp) -> pd.DataFrame:
    """Actions that count up to ``through``, with their terms as exact numbers, by ex_date and action_id.

    Args:
        corporate_actions: current facts; cancelled ones and renames do not count.
        through: last ex_date that matters.

    Returns:
        Columns of the facts and date, pay_on (day numbers), deadline (date), optional (leaves a choice), new_units and
        old_units (the ratio in lowest terms: of a stock dividend of 1 for 20 it is 21 for 20; 0 where it cannot be
        used), share and share_of (cost_fraction), price and lieu (``amount`` and cash_in_lieu_price as Decimals, None
        where empty).
    """
    counting = (corporate_actions["status"] != "cancelled") & (corporate_actions["kind"] != RENAME)
    rows = corporate_actions[counting & (corporate_actions["ex_date"] <= through)]
    rows = rows.sort_values(["ex_date", "action_id"], kind="stable").reset_index(drop=True)
    rows = rows.rename(columns={"currency": "paid_currency"})
    added = (rows["kind"] == "stock_dividend").to_numpy()
    new, old = _ratio(rows["numerator"], rows["denominator"], added)
    fraction = rows["cost_fraction"].fillna(0.0)
    share, share_of = _ratio(fraction, pd.Series(1.0, rows.index), np.zeros(len(rows), bool))
    return rows.assign(
        date=dated.days(rows["ex_date"]),
        pay_on=dated.days(rows["pay_date"].fillna(rows["ex_date"])),
        deadline=elections.deadline(rows),
        optional=elections.optional(rows),
        new_units=new,
        old_units=old,
        share=np.where(share_of > 0, share, 0),
        share_of=np.maximum(share_of, 1),
        price=_decimals(rows["amount"]),
        lieu=_decimals(rows["cash_in_lieu_price"]),
    )


def links(actions: pd.DataFrame) -> pd.DataFrame:
    """instrument and new_instrument of the actions that bring another one."""
    brings = actions["kind"].isin([SPIN_OFF, MERGER, RIGHTS]) & (actions["new_instrument"] != "")
    return actions.loc[brings, ["instrument", "new_instrument"]].drop_duplicates(ignore_index=True)


def _ratio(top: "pd.Series[float]", bottom: "pd.Series[float]", added: Flags) -> tuple[Ints, Ints]:
    """``top`` for ``bottom`` in lowest terms, one more where ``added``; 0 for 0 where it cannot be used."""
    new, old = top.to_numpy(np.float64), bottom.to_numpy(np.float64)
    usable = (new >= 0) & (old > 0) & np.isfinite(new) & np.isfinite(old)
    terms = np.frompyfunc(lambda a, b, one: (exact.ratio(a, b) + int(one)).as_integer_ratio(), 3, 1)
    found = terms(np.where(usable, new, 0.0), np.where(usable, old, 1.0), added)
    fits = usable & np.array([a <= exact.LIMIT and b <= exact.LIMIT for a, b in found], bool)
    pairs = np.array([pair if good else (0, 0) for pair, good in zip(found, fits, strict=True)], np.int64)
    return tuple(pairs.reshape(-1, 2).T)  # type: ignore[return-value]


def _decimals(values: Any) -> Objects:
    return np.array([exact.decimal(value) if np.isfinite(value) else None for value in values], object)


def touching(
    actions: pd.DataFrame,
    pools: Pools,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    order: Sequence[str],
    through: int,
    carried: Flags,
    since: int,
    done: int,
) -> pd.DataFrame:
    """One row for each action and holding of its instrument.

    Args:
        actions: result of ``due``.
        pools: of everything that was ever held.
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.
        raw_fx_rates: facts, for the cost in base currency of what is bought and closed.
        order: preference among the sources of exchange rates.
        through: day number of the last session that matters.
        carried: which holdings are known as they were at a checkpoint: what actions did to them by then is done.
        since: day number of the session of the checkpoint.
        done: actions of this date (day number) and before were booked by then.

    Returns:
        Columns of the action and holding, target (number of the holding that receives, -1), currency (of the lots),
        group, book (the pool's first), session and pay (day numbers, sessions of that book), elects (session of the
        deadline), base_currency, method and target_method (lot methods), fx_rate (Decimal: rate into base currency on
        ex_date), and ``reason``: why it cannot be posted for a book that holds the instrument, "" when it can.
    """
    held = pools.holdings.assign(holding=np.arange(len(pools.holdings)))
    past = (actions["date"] <= done).to_numpy()
    pairs = [(actions[past], held[~carried]), (actions[~past], held)]
    rows = pd.concat([of.merge(which, on="instrument", how="inner") for of, which in pairs])
    rows = rows.sort_values(["date", "action_id", "holding"], ignore_index=True)
    rows["paid_currency"] = rows["paid_currency"].where(rows["paid_currency"] != "", rows["currency"])
    received = rows["new_instrument"].where(rows["kind"].isin([SPIN_OFF, MERGER, RIGHTS]), "")
    rows["target"] = pools.number(rows.assign(received=received), "received")
    rows["book"] = pools.book_of(rows["holding"], np.zeros(len(rows), np.int64))
    at = security_master.in_force(books, "book", rows["book"], rows["ex_date"])
    own = books[["calendar", "base_currency", "lot_method"]].reset_index(drop=True).reindex(at).reset_index(drop=True)
    rows["base_currency"] = own["base_currency"]
    rows["session"] = booked(own["calendar"], rows["ex_date"])
    rows["base_currency"] = rows["base_currency"].fillna("")
    rows["pay"] = np.maximum(booked(own["calendar"], rows["pay_date"].fillna(rows["ex_date"])), rows["session"])
    rows["elects"] = np.maximum(booked(own["calendar"], rows["deadline"]), rows["session"])
    rows["method"] = _methods(instruments, rows["instrument"], rows["ex_date"], own["lot_method"])
    rows["target_method"] = _methods(
        instruments, received.where(received != "", rows["instrument"]), rows["ex_date"], own["lot_method"]
    )
    rate = _rates(rows, rows["ex_date"], raw_fx_rates, order)
    rows["fx_rate"] = _decimals(rate)
    rows["reason"] = _unpostable(rows, pools, instruments)
    known = carried[rows["holding"].to_numpy(np.int64)] & (rows["session"] <= since)
    found: pd.DataFrame = rows[(rows["session"] <= through) & ~known].reset_index(drop=True)
    return found


def _methods(instruments: pd.DataFrame, names: Any, dates: Any, of_book: "pd.Series[str]") -> "pd.Series[str]":
    """Lot method of the instrument, else of the book, else fifo; ``specific`` says nothing without a lot."""
    at = security_master.in_force(instruments, "instrument", names, dates)
    method = pd.Series(np.append(instruments["lot_method"].to_numpy(object), "")[at], dtype="str")
    for other in (of_book.fillna("").reset_index(drop=True), "fifo"):
        method = method.mask(method.isin(["", "specific"]), other)
    return method


def _rates(rows: pd.DataFrame, dates: Any, raw_fx_rates: pd.DataFrame, order: Sequence[str]) -> NDArray[np.float64]:
    """Closing rate from the currency of the lots into the base currency; 1 where there is nothing to convert."""
    rate = np.ones(len(rows))
    look = np.flatnonzero((rows["currency"] != rows["base_currency"]).to_numpy() & _pays(rows))
    if len(look):
        currency, base = rows["currency"].iloc[look], rows["base_currency"].iloc[look]
        rate[look] = fx.at(raw_fx_rates, currency, base, dates.iloc[look], order)
    return rate


def _pays(rows: pd.DataFrame) -> Flags:
    """Actions whose money changes lots, so that it must be in their currency."""
    lieu = rows["kind"].isin([*RESTATING, SPIN_OFF, MERGER]) & rows["lieu"].notna()
    money = rows["kind"].isin([CAPITAL, MERGER, DELISTING, RIGHTS]) & rows["price"].notna()
    return np.asarray(lieu | money | (rows["optional"] & (rows["kind"] == DIVIDEND)), bool)


def _unpostable(rows: pd.DataFrame, pools: Pools, instruments: pd.DataFrame) -> "pd.Series[str]":
    """Why an action cannot be posted, naming it; "" when it can."""
    kind, priceless, unusable = rows["kind"], rows["price"].isna(), rows["new_units"] == 0
    delivers = kind.isin([SPIN_OFF, MERGER]) & (rows["target"] >= 0)
    target = np.append(pools.holdings["currency"].to_numpy(object), "")[rows["target"]]
    silent = (kind == MERGER) & (rows["target"] < 0) & priceless
    tests: list[tuple[Any, Any]] = [
        (~kind.isin([*_RANK, *RESTATING]), "kind " + kind + " is not known"),
        (kind.isin([*RESTATING, SPIN_OFF, RIGHTS]) & unusable, "its ratio cannot be used"),
        (kind.isin([DIVIDEND, CAPITAL]) & priceless, "its amount is missing"),
        (silent, "it says neither what is received nor an amount"),
        ((kind == MERGER) & (rows["target"] >= 0) & unusable, "its ratio cannot be used"),
        ((kind == SPIN_OFF) & (rows["new_instrument"] == ""), "its new_instrument is missing"),
        (
            (rows["target"] >= 0) & ~rows["new_instrument"].isin(instruments["instrument"]),
            "instrument " + rows["new_instrument"] + " is not known",
        ),
        (
            _pays(rows) & (rows["paid_currency"] != rows["currency"]),
            "it pays " + rows["paid_currency"] + " for lots in " + rows["currency"] + ", which is not supported",
        ),
        (
            delivers & (target != rows["currency"]),
            rows["new_instrument"] + " is traded in " + pd.Series(target, rows.index).astype("str") + ", "
            + rows["instrument"] + " in " + rows["currency"] + ", which is not supported",
        ),
        (
            rows["fx_rate"].isna(),
            "no rate from " + rows["currency"] + " to " + rows["base_currency"] + " on " + dated.iso(rows["ex_date"]),
        ),
    ]  # fmt: skip
    text = pd.Series("", rows.index, dtype="str")
    for failed, why in tests:
        text = text.mask((text == "") & failed, why)
    return text.mask(text != "", "corporate action " + rows["action_id"] + " on " + rows["instrument"] + ": " + text)


def subscriptions(
    actions: pd.DataFrame, pools: Pools, elected: pd.DataFrame, raw_fx_rates: pd.DataFrame, order: Sequence[str]
) -> pd.DataFrame:
    """What each book chose of the actions that leave a choice.

    Args:
        actions: result of ``touching``.
        pools: of everything that was ever held.
        elected: facts of table ``elections``.
        raw_fx_rates: facts, for the cost in base currency of what is bought.
        order: preference among the sources of exchange rates.

    Returns:
        One row for each such action, holding and book of its pool: action (position in ``actions``), book, member,
        choice, elected (units held, 10^-8; -1 for all), takes (units are bought), fx_rate on the deadline, and reason.
    """
    leaving = np.flatnonzero(actions["optional"].to_numpy(bool) & (actions["reason"] == "").to_numpy())
    count = actions["books"].to_numpy(np.int64)[leaving]
    at = np.repeat(leaving, count)
    number = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    rows = actions.take(at).reset_index(drop=True)
    rows = rows.assign(action=at, member=number, book=pools.book_of(rows["holding"], number))
    rows = rows.join(elections.chosen(rows, elected))
    rows["takes"] = rows["choice"] == rows["kind"].map(elections.TAKING)
    rate = _rates(rows, rows["deadline"], raw_fx_rates, order)
    rows["fx_rate"] = _decimals(rate)
    named = "corporate action " + rows["action_id"] + " on " + rows["instrument"] + ": "
    reason = pd.Series("", rows.index, dtype="str")
    reason = reason.mask(rows["takes"] & np.isnan(rate), named + "no rate into " + rows["base_currency"])
    reason = reason.mask(rows["takes"] & rows["price"].isna(), named + "its subscription price is missing")
    return rows.assign(reason=reason)


def events(actions: pd.DataFrame, taken: pd.DataFrame, through: int) -> pd.DataFrame:
    """Events of lots that the actions make, in the order in which they are posted.

    Args:
        actions: result of ``touching``.
        taken: result of ``subscriptions``.
        through: day number of the last session that matters.

    Returns:
        What ``lots.match`` asks of an event (but the group), action (position in ``actions``), transaction_id (the
        action_id), kind and instrument of the action, method by name, fx_rate, and first: whether it comes before
        everything else of its session.
    """
    good = actions[actions["reason"] == ""].assign(action=lambda rows: rows.index, member=-1)
    kind, priced = good["kind"], good["price"].notna()
    merged = (kind == MERGER) & (good["target"] >= 0)
    # Without cost_fraction the money lowers the cost first, and all of what is left goes to the new units.
    split = merged & priced & good["cost_fraction"].notna()
    entire = merged & ~split
    good = good.assign(share=good["share"].mask(entire, 1), share_of=good["share_of"].mask(entire, 1))
    restated, spun = kind.isin(RESTATING), kind == SPIN_OFF
    closed = priced & ((kind == DELISTING) | ((kind == MERGER) & ~merged))
    lieu = (restated | spun | merged) & good["lieu"].notna()
    received = good.assign(holding=good["holding"].where(restated, good["target"]), method=good["target_method"])
    delivered = received.assign(holding=good["holding"])
    parts = [
        _step(good[good["optional"].astype(bool)], lots.RECORD, -1),
        _step(good[merged], lots.RECORD, 0, written=False),
        _step(good[(priced & entire) | (kind == CAPITAL)], lots.CAPITAL, 1, price="price", written=False),
        _step(good[restated], lots.SPLIT, 2, ratio=True, written=good["lieu"].notna()),
        _step(delivered[spun], lots.DELIVER, 2, ratio=True, moves=True),
        _step(delivered[entire], lots.REPLACE, 2, ratio=True, moves=True),
        _step(delivered[split], lots.REPLACE, 2, ratio=True, moves=True, price="price"),
        _step(good[closed], lots.CLOSE, 2, price="price", written=False),
        _step(received[lieu], lots.LIEU, 3, price="lieu"),
        _subscribed(actions, taken),
    ]
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    found = found[found["session"] <= through]
    keys = ["session", "date", "level", "rank", "transaction_id", "step"]
    return found.assign(level=_levels(found)).sort_values(keys, kind="stable", ignore_index=True)


def _step(
    rows: pd.DataFrame,
    event: int,
    step: int,
    *,
    ratio: bool = False,
    moves: bool = False,
    price: str = "",
    written: Any = True,
) -> pd.DataFrame:
    """One event for each of ``rows``.

    Args:
        rows: actions with what the event is about in holding, method, session and date.
        event: kind of event.
        step: place among the events of the action; below 0 it comes before everything else of its session.
        ratio: the event gives new units for old ones.
        moves: the event moves lots to the target.
        price: column of the price, "" for none.
        written: whether it uses the register of its action.
    """
    money, per = _terms(rows[price] if price else pd.Series(None, rows.index, object))
    fx_top, fx_bottom = _fractions(rows["fx_rate"])
    names = [
        "action",
        "holding",
        "member",
        "method",
        "session",
        "date",
        "kind",
        "currency",
        "fx_rate",
        "new_instrument",
    ]
    return rows[names].assign(
        transaction_id=rows["action_id"],
        instrument=rows["instrument"],
        event=np.int8(event),
        step=step,
        rank=rows["kind"].map(_RANK).fillna(_LAST).astype("int64"),
        first=step < 0,
        quantity=rows["new_units"] if ratio else 0,
        cost=rows["old_units"] if ratio else 0,
        target=rows["target"] if moves else -1,
        share=rows["share"] if moves else 1,
        share_of=rows["share_of"] if moves else 1,
        money=money,
        per=per,
        fx=fx_top,
        fx_of=fx_bottom,
        register=np.where(written if isinstance(written, bool) else written[rows.index], rows["action"], -1),
        at_most=_EVERYTHING,
        whole=np.int8(0),
    )


def _terms(price: "pd.Series[Any]") -> tuple[Ints, Ints]:
    """Prices (per unit, Decimal, Fraction or None) as money for a number of scaled units, in lowest terms."""
    return _pairs([Fraction(0 if pd.isna(one) else one) / _UNITS_PER_MONEY for one in price])


def _fractions(rate: "pd.Series[Any]") -> tuple[Ints, Ints]:
    return _pairs([Fraction(0 if pd.isna(one) else one) for one in rate])


def _pairs(values: Sequence[Fraction]) -> tuple[Ints, Ints]:
    """Top and bottom of each fraction; one that 64 bits do not hold is the nearest of a smaller bottom."""
    near = [one if one.denominator <= exact.LIMIT else one.limit_denominator(10**17) for one in values]
    pairs = np.array([one.as_integer_ratio() for one in near], np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _levels(events: pd.DataFrame) -> Ints:
    """How many deliveries of its date lead away from each event's instrument: what is received is changed first."""
    code = pd.MultiIndex.from_arrays([events["session"], events["date"], events["instrument"]])
    moves = events["event"].isin([lots.DELIVER, lots.REPLACE])
    pairs = events.loc[moves, ["session", "date", "instrument", "new_instrument"]].drop_duplicates()
    keys = code.unique()
    giver = keys.get_indexer(pd.MultiIndex.from_frame(pairs[["session", "date", "instrument"]]))
    taker = keys.get_indexer(pd.MultiIndex.from_frame(pairs[["session", "date", "new_instrument"]]))
    giver, taker = giver[taker >= 0], taker[taker >= 0]
    level = np.zeros(len(keys), np.int64)
    # Two that turn into each other on one date would climb for ever.
    for _ in range(len(giver)):
        higher = level.copy()
        np.maximum.at(higher, giver, level[taker] + 1)
        if np.array_equal(higher, level):
            break
        level = higher
    found: Ints = level[keys.get_indexer(code)] if len(keys) else level
    return found


def _subscribed(actions: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """Whole units bought on the deadline: of rights at their price, of a dividend with the net amount forgone."""
    rows = taken[taken["takes"] & (taken["reason"] == "")]
    scrip = (rows["kind"] == DIVIDEND).to_numpy()
    # Per new unit the dividend of old / new units is forgone.
    price = [
        _net(amount, tax) * Fraction(int(old), int(new)) if forgone else Fraction(amount)
        for forgone, amount, tax, new, old in zip(
            scrip, rows["price"], rows["withholding_rate"], rows["new_units"], rows["old_units"], strict=True
        )
    ]
    held = rows["holding"].where(rows["target"] < 0, rows["target"])
    rows = rows.assign(
        price=pd.Series(price, rows.index, object),
        holding=held,
        method=rows["target_method"],
        session=rows["elects"],
        date=dated.days(rows["deadline"]),
    )
    made = _step(rows, lots.SUBSCRIBE, 4, ratio=True, price="price")
    limit = rows["elected"].to_numpy(np.int64)
    return made.assign(at_most=np.where(limit < 0, _EVERYTHING, limit), whole=np.int8(1))


def _net(amount: Any, tax: float) -> Fraction:
    return Fraction(amount) * (1 - Fraction(exact.decimal(0.0 if np.isnan(tax) else tax)))


def holders(actions: pd.DataFrame, names: pd.DataFrame, held: spans.Spans, pools: Pools) -> pd.DataFrame:
    """Books that held something at the close of the last session before the ex_date of each action.

    Args:
        actions: result of ``touching``.
        names: holding and member of each position.
        held: running totals of each position, the first its quantity in 10^-8 units.
        pools: of everything that was ever held.

    Returns:
        Columns of ``actions``, with action (position in it), member, book and entitled (10^-8 units, not 0).
    """
    cells = names[["holding", "member"]].assign(cell=np.arange(len(names)))
    rows = actions.drop(columns="book").assign(action=np.arange(len(actions))).merge(cells, on="holding", how="inner")
    entitled = held.before(rows["cell"].to_numpy(np.int64), rows["session"].to_numpy(np.int64))[0]
    rows = rows.assign(entitled=entitled)[entitled != 0].reset_index(drop=True)
    found: pd.DataFrame = rows.assign(book=pools.book_of(rows["holding"], rows["member"]))
    return found


def dividends(holding: pd.DataFrame) -> pd.DataFrame:
    """What each holder receives of each cash dividend, or owes when it is short (contract 2.2).

    The position at the close of the last session before ex_date is entitled, net of withholding; a short owes the
    gross amount. Each amount is rounded once, half to even; what is withheld is the difference of gross and net.

    Args:
        holding: result of ``holders``.

    Returns:
        The rows of cash dividends with gross, withheld, reclaimable and net (10^-6, negative is owed), and good (False:
        an amount does not fit into 64 bits).
    """
    rows = holding[(holding["kind"] == DIVIDEND) & (holding["reason"] == "")].reset_index(drop=True)
    quantity = rows["entitled"].to_numpy(np.int64)
    long = quantity > 0
    tax, back = (
        np.frompyfunc(exact.decimal, 1, 1)(rows[name].fillna(0.0).where(long, 0.0).to_numpy(np.float64))
        for name in ("withholding_rate", "reclaim_rate")
    )
    kept = np.frompyfunc(lambda rate: 1 - rate, 1, 1)(tax)
    places = exact.MONEY - exact.QUANTITY
    gross, gross_good = exact.products(places, quantity, rows["price"])
    net, net_good = exact.products(places, quantity, rows["price"], kept)
    reclaimable, back_good = exact.products(places, quantity, rows["price"], back)
    return rows.assign(
        gross=gross, withheld=gross - net, reclaimable=reclaimable, net=net, good=gross_good & net_good & back_good
    )


def caused(actions: pd.DataFrame, events: pd.DataFrame, matched: lots.Matched, pools: Pools) -> pd.DataFrame:
    """What the events of actions did to each book, one row for each event that did something.

    Args:
        actions: result of ``touching``.
        events: of lots, with action (-1 for what is none).
        matched: lots of those events.
        pools: of everything that was ever held.

    Returns:
        action, member, book, session, event, step, money (10^-6 received), new and given (10^-8 units brought and taken
        away), moved (10^-6, cost that went to the new instrument).
    """
    of_action = (events["action"] >= 0).to_numpy()
    rows = matched.amounts[of_action[matched.amounts["event"]]].reset_index(drop=True)
    own = events.take(rows["event"].to_numpy())[["action", "holding", "session", "event", "kind"]].reset_index(
        drop=True
    )
    code, restated = own["event"], own["kind"].isin(RESTATING)
    units = rows["quantity"]
    fraction = code == lots.LIEU
    brings = code.isin([lots.SPLIT, lots.DELIVER, lots.REPLACE, lots.SUBSCRIBE]) | (fraction & ~restated)
    takes = (code == lots.CLOSE) | (fraction & restated)
    replaced = (code == lots.RECORD) & (own["kind"] == MERGER)
    return own.assign(
        member=rows["member"],
        book=pools.book_of(own["holding"], rows["member"]),
        money=rows["money"],
        new=units.where(brings, 0),
        given=(-units).where(takes, units.where(replaced, 0)),
        moved=_moved(rows, matched),
        forgone=(code == lots.SUBSCRIBE) & (own["kind"] == DIVIDEND),
    )


def _moved(rows: pd.DataFrame, matched: lots.Matched) -> Ints:
    """Cost that each event moved, by book: in a shared pool by the units that each book received."""
    total = matched.moved.groupby("event")["cost"].sum().reindex(rows["event"]).fillna(0).to_numpy(np.int64)
    moved = np.flatnonzero(total)
    if not len(moved):
        return total
    part = rows.iloc[moved]
    size = part.groupby("event")["quantity"].transform(lambda units: int(sum(abs(int(one)) for one in units)))
    share, _ = exact.fitting(exact.quotients(np.maximum(size.to_numpy(), 1), total[moved], part["quantity"].abs()))
    found = np.zeros(len(rows), np.int64)
    found[moved] = share
    # The last book of the pool takes what rounding leaves.
    last = (
        part.assign(at=moved, share=share, total=total[moved])
        .groupby("event")
        .agg(at=("at", "last"), share=("share", "sum"), total=("total", "first"))
    )
    found[last["at"]] += (last["total"] - last["share"]).to_numpy(np.int64)
    return found


def payments(
    dividend: pd.DataFrame, done: pd.DataFrame, actions: pd.DataFrame, reclaimed: pd.DataFrame
) -> pd.DataFrame:
    """Money that actions bring (+) and take (-), book by book.

    Args:
        dividend: result of ``dividends``.
        done: result of ``caused``.
        actions: result of ``touching``.
        reclaimed: action_id, book and session of the transactions that pay a reclaim.

    Returns:
        action_id, book, instrument, currency, accrual_kind, session (from which it is accrued), pay (from which it is
        cash; spans.FOREVER while a reclaim is not paid), date and pay_on (day numbers of ex_date and pay_date), amount,
        income (it is income; else it is money for units or of their cost) and good.
    """
    names = ["action_id", "book", "instrument", "paid_currency", "session", "pay", "date", "pay_on", "good"]
    net = dividend[names].assign(accrual_kind=DIVIDEND, amount=dividend["net"], income=True)
    claims = dividend[dividend["reclaimable"] != 0]
    back = claims[names].assign(accrual_kind=RECLAIM, amount=claims["reclaimable"], income=True)
    back = paid_back(back, reclaimed)
    paid = done[done["money"] != 0]
    own = actions[["action_id", "instrument", "paid_currency", "kind", "pay", "date", "pay_on"]].take(
        paid["action"].to_numpy(np.int64)
    )
    own = own.reset_index(drop=True).assign(
        book=paid["book"].to_numpy(object),
        session=paid["session"].to_numpy(np.int64),
        amount=paid["money"].to_numpy(np.int64),
        income=False,
        good=True,
        accrual_kind=np.where(paid["event"] == lots.LIEU, IN_LIEU, own["kind"]),
    )
    own["pay"] = np.maximum(own["pay"], own["session"])
    every = pd.concat([net, back, own.drop(columns="kind")], ignore_index=True)
    return every.rename(columns={"paid_currency": "currency"}).astype({"accrual_kind": "str", "book": "str"})


def paid_back(payments: pd.DataFrame, reclaimed: pd.DataFrame) -> pd.DataFrame:
    """``payments`` with the session on which each claim to tax is cash: that of the first of ``reclaimed``, if any."""
    when = payments[["action_id", "book"]].merge(reclaimed, on=["action_id", "book"], how="left")["session"]
    paid = np.maximum(when.fillna(spans.FOREVER).to_numpy(np.int64), payments["session"].to_numpy(np.int64))
    return payments.assign(pay=np.where(payments["accrual_kind"] == RECLAIM, paid, payments["pay"]))


def entitled(
    holding: pd.DataFrame, dividend: pd.DataFrame, taken: pd.DataFrame, done: pd.DataFrame, through: int
) -> pd.DataFrame:
    """What each action did to each book that it touched: exact rows of table ``entitlements``.

    Args:
        holding: result of ``holders``.
        dividend: result of ``dividends``.
        taken: result of ``subscriptions``.
        done: result of ``caused``.
        through: day number of the last session that matters.

    Returns:
        Columns of the table, with session and pay_on in place of dates; money in 10^-6, units in 10^-8.
    """
    keys = ["action", "member", "session"]
    sums = done.groupby(keys)[["money", "new", "given", "moved"]].sum()
    good = holding[(holding["reason"] == "") & (holding["kind"] != DIVIDEND)].assign(choice="")
    plain = good[good["kind"] != RIGHTS]
    # Units bought on the deadline of rights, or in place of a dividend, stand on the session of the deadline.
    answers = taken.loc[taken["reason"] == "", ["action", "member", "choice", "takes", "elects"]]
    elected = holding.merge(answers.drop(columns="elects"), on=["action", "member"])
    elected = elected[(elected["kind"] == RIGHTS) | elected["takes"]].assign(session=elected["elects"])
    rows = pd.concat([plain, elected[elected["session"] <= through]], ignore_index=True)
    rows = rows.join(sums, on=keys).fillna(dict.fromkeys(sums.columns, 0)).astype(dict.fromkeys(sums.columns, "int64"))
    rows = _scrip(_restated(rows))
    moves = (rows[["money", "new", "given", "moved"]] != 0).any(axis=1) | (rows["kind"] == RIGHTS)
    received = dividend.assign(choice="", new=0, given=0, moved=0)
    every = pd.concat([rows[moves], received], ignore_index=True)
    brought = every["new_instrument"].where(every["kind"].isin([SPIN_OFF, MERGER, RIGHTS]), "")
    return pd.DataFrame(
        {
            **{
                name: every[name] for name in ("session", "book", "instrument", "action_id", "kind", "pay_on", "choice")
            },
            "entitled_quantity": every["entitled"],
            "gross_amount": every["gross"],
            "withheld": every["withheld"],
            "reclaimable": every["reclaimable"],
            "net_amount": every["net"],
            "currency": every["paid_currency"],
            "new_instrument": brought,
            "new_quantity": every["new"],
            "given_quantity": every["given"],
            "moved_cost": every["moved"],
        }
    )


def _restated(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with what a ratio alone makes of the position: the whole, not the fraction that is paid out."""
    split = rows["kind"].isin(RESTATING)
    held = rows["entitled"].where(split, 0)
    after, fits = exact.fitting(exact.quotients(rows["old_units"].where(split, 1), held, rows["new_units"]))
    return rows.assign(new=rows["new"].where(~split, np.where(fits, after - held, 0)))


def _scrip(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with their money; of a dividend taken in stock, what was forgone for it and no cash."""
    scrip = (rows["kind"] == DIVIDEND).to_numpy()
    held = np.where(scrip, rows["new"].astype(object) * rows["old_units"], 0)
    gross = [
        round(Fraction(int(units), int(new)) * Fraction(price) / _UNITS_PER_MONEY) if units else 0
        for units, new, price in zip(held, rows["new_units"], rows["price"], strict=True)
    ]
    money = rows["money"].to_numpy(np.int64)
    whole = np.where(scrip, np.array(gross, np.int64), money)
    return rows.assign(
        gross=whole, withheld=np.where(scrip, whole + money, 0), reclaimable=0, net=np.where(scrip, 0, money)
    )
