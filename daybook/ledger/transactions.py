"""Transactions: which of them count, and what each says in exact numbers with its sign.

Belongs here: cancels and corrections, the signs of the kinds, exact amounts, booking session and settlement date, the
order within a day. Does not belong here: lots, entitlements, and everything that takes more than one transaction.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars
from daybook.ledger import exact
from daybook.market import dated, fx, security_master

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Objects = NDArray[np.object_]

TRADES = ("buy", "sell")
TRANSFERS = ("transfer_in", "transfer_out")
INFLOWS = ("deposit", "subscription")
OUTFLOWS = ("withdrawal", "redemption")
INCOME = ("dividend", "interest")
COSTS = ("fee", "tax")
SECURITIES = TRADES + TRANSFERS
KINDS = SECURITIES + INFLOWS + OUTFLOWS + INCOME + COSTS + ("fx",)
"""Kinds that the ledger posts; another one stops its book by name."""
CASH = "CASH:"
"""Prefix of the instrument of a cash row."""


def live(log: pd.DataFrame) -> pd.DataFrame:
    """The transactions that count.

    A ``cancel`` removes the transaction that it names in ``corrects``; a row of another kind replaces it whole. What
    was removed or replaced stays so when the row that did it is corrected or cancelled in turn; only a cancelled
    cancel has no effect. Of several rows that name the same transaction the last one known counts.

    Args:
        log: table ``transactions``, every fact.

    Returns:
        The rows of ``log`` that are in force, in their order and with a fresh index, without rows of kind ``cancel``.
    """
    known = log.reset_index(drop=True)
    known = known.sort_values(["known_at", "recorded_at", "delivery", "line"], kind="stable")
    # A row may correct its own id: then it is the later one of two with that id.
    known = known.drop_duplicates("transaction_id", keep="last")
    target = pd.Index(known["transaction_id"]).get_indexer(pd.Index(known["corrects"]))
    target = np.where(target == np.arange(len(known)), -1, target)
    cancels = (known["kind"] == "cancel").to_numpy()
    amends = (target >= 0) & ~_void(cancels, target)
    named = np.zeros(len(known), bool)
    named[target[amends]] = True
    rejected = amends & known[["corrects"]].where(pd.Series(amends, known.index)).duplicated(keep="last").to_numpy()
    return known[~named & ~_inherited(rejected, amends, target) & ~cancels].sort_index().reset_index(drop=True)


def _void(cancels: Flags, target: Ints) -> Flags:
    """Cancels that another cancel removed, which itself was not removed."""
    undoing = cancels & (target >= 0) & cancels[target]
    void = np.zeros(len(cancels), bool)
    for _ in range(int(undoing.sum())):
        found = np.zeros(len(cancels), bool)
        found[target[undoing & ~void]] = True
        if np.array_equal(found, void):
            break
        void = found
    return void


def _inherited(rejected: Flags, amends: Flags, target: Ints) -> Flags:
    """Rows that were rejected, or that amend a rejected row."""
    while True:
        more = rejected | (amends & rejected[target])
        if np.array_equal(more, rejected):
            return rejected
        rejected = more


def entries(
    transactions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    order: Sequence[str],
    through: pd.Timestamp,
) -> pd.DataFrame:
    """What each transaction posts, in exact integers, in the order of contract 2.1.

    Args:
        transactions: result of ``live``; quantity, price, fees, taxes, accrued_interest, fx_rate and cost are Decimals
            or None.
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.
        raw_fx_rates: facts, for the closing rate of a trade without its own.
        order: preference among the sources of exchange rates.
        through: last session that matters.

    Returns:
        One row per transaction booked by ``through``. Day numbers: date (of the trade), session (on which the book
        books it), settle, opened_on. Money in 10^-6 of ``currency``: consideration (without charges; paid is
        negative), charges (fees and taxes, a cost is negative; with the kinds fee and tax themselves), income,
        external, bought (of an fx trade, in ``bought_currency``); cost and cost_base (10^-6 of base) of what a trade
        or a transfer opens, with charges, negative for a sale. quantity is signed, in 10^-8 units, of securities
        alone. ``instrument`` is the security or the cash row that the posting belongs to; fx_rate is a Decimal;
        ``reason`` says why a row cannot be posted, "" when it can: then its book fails from ``session``.
    """
    rows = transactions.reset_index(drop=True)
    rows["known_book"] = rows["book"].isin(books["book"])
    rows = _with_terms(rows, books, instruments)
    rows["date"] = dated.days(rows["trade_date"])
    rows["session"] = booked(rows["calendar"], rows["trade_date"])
    rows = _ordered(rows[rows["session"] <= dated.days([through])[0]])
    rows["settle"] = np.maximum(_settled(rows), rows["session"])
    opened = rows["opened_on"].where(rows["kind"].isin(TRANSFERS) & rows["opened_on"].notna(), rows["trade_date"])
    rows["opened_on"] = dated.days(opened)
    rows["reason"] = _unsupported(rows)
    return _posted(rows, raw_fx_rates, order)


def _with_terms(rows: pd.DataFrame, books: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Rows with the terms of their book and instrument on the trade date."""
    book = _taken(books, ["base_currency", "calendar", "lot_pool", "shorts"], "book", rows)
    book["book_lot_method"] = _taken(books, ["lot_method"], "book", rows)["lot_method"]
    terms = _taken(instruments, ["exchange", "asset_class", "multiplier"], "instrument", rows)
    terms["listed_currency"] = _taken(instruments, ["currency"], "instrument", rows)["currency"]
    terms["known_instrument"] = rows["instrument"].isin(instruments["instrument"])
    return pd.concat([rows, book, terms], axis=1)


def _taken(facts: pd.DataFrame, columns: list[str], key: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns of the facts in force for each row; missing where the key is unknown."""
    at = security_master.in_force(facts, key, rows[key], rows["trade_date"])
    return facts[columns].reset_index(drop=True).reindex(at).reset_index(drop=True)


def booked(calendar: "pd.Series[str]", on: "pd.Series[Any]") -> Ints:
    """Day number of the session of ``calendar`` at or after each date; of the date itself where it is unknown."""
    session = dated.days(on)
    for name in calendar.dropna().unique():
        if calendars.is_calendar(name):
            of = (calendar == name).to_numpy()
            session[of] = dated.days(calendars.roll_forward(name, on[of]))
    return session


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of contract 2.1: by date, execution (missing last), purchases before sales, id."""
    rows = rows.assign(late=rows["kind"].isin(["sell", "transfer_out"]))
    keys = ["session", "date", "executed_at", "late", "transaction_id"]
    return rows.sort_values(keys, na_position="last", kind="stable").drop(columns="late").reset_index(drop=True)


def _settled(rows: pd.DataFrame) -> Ints:
    """Settlement date: as stated, else the market's cycle, for money the trade date."""
    settle = rows["settle_date"].where(rows["kind"].isin((*SECURITIES, "fx"))).to_numpy("datetime64[us]", copy=True)
    cycle = (rows["kind"].isin(SECURITIES) & np.isnat(settle)).to_numpy()
    for exchange in rows.loc[cycle, "exchange"].fillna("").unique():
        of = cycle & (rows["exchange"].fillna("") == exchange).to_numpy()
        settle[of] = _cycle(exchange, rows.loc[of, "trade_date"])
    return np.where(np.isnat(settle), rows["date"], settle.astype("datetime64[D]").astype(np.int64))


def _cycle(exchange: str, dates: "pd.Series[Any]") -> pd.DatetimeIndex:
    if calendars.is_calendar(exchange):
        return calendars.settlement_date(exchange, dates)
    # A market without a calendar: T+2, the cycle of every other market, in sessions of the default calendar.
    return calendars.next_session("XNYS", calendars.next_session("XNYS", dates))


def _unsupported(rows: pd.DataFrame) -> "pd.Series[str]":
    """Why a row cannot be posted, from its terms; "" when nothing stands against it."""
    security = rows["kind"].isin(SECURITIES)
    held = security | rows["kind"].isin(INCOME) & (rows["instrument"] != "")
    closing = rows["kind"].isin(("sell", "transfer_out", "buy"))
    pool, method = rows["lot_pool"].fillna("book"), rows["book_lot_method"].fillna("fifo")
    own_method = rows["lot_method"].fillna("")
    calendar = rows["calendar"].map({c: calendars.is_calendar(c) for c in rows["calendar"].dropna().unique()})
    tests: list[tuple[Any, Any]] = [
        (~rows["known_book"], "book " + rows["book"] + " is not known"),
        (calendar.isin([False]), "calendar " + rows["calendar"].fillna("") + " is not known"),
        (~rows["kind"].isin(KINDS), "kind " + rows["kind"] + " is not supported yet"),
        (~pool.isin(["book", ""]), "lot pool " + pool + " is not supported yet"),
        (~method.isin(["fifo", ""]), "lot method " + method + " is not supported yet"),
        (~own_method.isin(["fifo", ""]), "lot method " + own_method + " is not supported yet"),
        (closing & (rows["lot_id"] != ""), "a lot named by lot_id is not supported yet"),
        (held & ~rows["known_instrument"], "instrument " + rows["instrument"] + " is not known"),
        (
            security & rows["asset_class"].isin(["future", "forward"]),
            "asset class " + rows["asset_class"].fillna("") + " is not supported yet",
        ),
        ((rows["kind"] == "fx") & ~rows["instrument"].str.fullmatch(CASH + "[A-Z]{3}"), "an fx trade buys CASH:<CCY>"),
        (_currency(rows) == "", "the currency is missing"),
    ]
    return _first(rows, tests)


def _first(rows: pd.DataFrame, tests: Sequence[tuple[Any, Any]]) -> "pd.Series[str]":
    """The reason of the first test that holds for each row, naming the transaction."""
    reason = pd.Series("", rows.index, dtype="str")
    for failed, text in tests:
        reason = reason.mask((reason == "") & failed, "transaction " + rows["transaction_id"] + ": " + text)
    return reason


def _currency(rows: pd.DataFrame) -> "pd.Series[str]":
    """The row's currency; of a security without one, that of the instrument."""
    listed = rows["listed_currency"].fillna("").where(rows["kind"].isin(SECURITIES), "")
    return rows["currency"].where(rows["currency"] != "", listed)


def _posted(rows: pd.DataFrame, raw_fx_rates: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Exact, signed amounts of the rows that can be posted so far; more reasons where numbers do not allow it."""
    kind = rows["kind"].to_numpy(object)
    currency = _currency(rows)
    trade, sale = _is(kind, TRADES), _is(kind, ("sell", "transfer_out"))
    security, paid = _is(kind, SECURITIES), _is(kind, (*TRADES, "fx"))
    sign = np.where(sale, -1, 1)
    units, units_good = exact.scaled(_either(security, rows["quantity"], None), exact.QUANTITY)
    money, money_good = exact.scaled(_either(security, None, rows["quantity"]), exact.MONEY)
    fees, fees_good = exact.scaled(rows["fees"], exact.MONEY)
    taxes, taxes_good = exact.scaled(rows["taxes"], exact.MONEY)
    amount, amount_good = _amount(rows, _either(security, units, money.astype(object) * 100), paid)
    charges = -(fees + taxes)
    cost, cost_good = _cost(rows, units)
    cost = np.where(trade, np.where(sale, -amount, amount) - charges, np.where(kind == "transfer_in", cost, 0))
    rate, rate_good = _rate(rows, currency, raw_fx_rates, order)
    cost_base, base_good = exact.products(0, np.where(rate_good, cost, 0), np.where(rate_good, rate, 1))
    income = np.where(_is(kind, INCOME), money, 0)
    # Tax on income is withholding: income is net of it.
    withheld = np.where(_is(kind, INCOME), taxes, 0)
    out = rows[["transaction_id", "book", "kind", "date", "session", "settle", "opened_on", "action_id"]].assign(
        instrument=_row_instrument(rows, currency),
        currency=currency,
        bought_currency=rows["instrument"].str[len(CASH) :].where(kind == "fx", ""),
        shorts=rows["shorts"].fillna(True).astype(bool),
        quantity=np.where(security, sign * units, 0),
        bought=np.where(kind == "fx", money, 0),
        consideration=np.where(paid, -sign * amount, 0),
        charges=charges + withheld - np.where(_is(kind, COSTS), money, 0),
        income=income - withheld,
        external=np.where(_is(kind, INFLOWS), money, 0) - np.where(_is(kind, OUTFLOWS), money, 0),
        cost=cost,
        cost_base=cost_base,
        fx_rate=rate,
    )
    fits = np.abs(np.array([amount, money, fees, taxes], np.float64)).sum(axis=0) < float(exact.LIMIT)
    good = [units_good, money_good, fees_good, taxes_good, amount_good, cost_good, base_good, fits]
    out["reason"] = rows["reason"].mask(rows["reason"] == "", _missing(rows, kind, currency, units, rate_good, good))
    return out


def _either(test: Any, yes: Any, no: Any) -> Objects:
    """np.where that keeps Decimals, None and large integers as they are."""
    return np.where(np.asarray(test), np.asarray(yes, object), np.asarray(no, object))


def _is(kind: Objects, kinds: Sequence[str]) -> Flags:
    return np.isin(kind.astype(str), kinds)


def _row_instrument(rows: pd.DataFrame, currency: "pd.Series[str]") -> "pd.Series[str]":
    """The security of trades, transfers and of dividends that name one; the cash bought by fx; else the cash row."""
    own = rows["kind"].isin((*SECURITIES, "fx", "dividend")) & (rows["instrument"] != "")
    return rows["instrument"].where(own, CASH + currency)


def _amount(rows: pd.DataFrame, quantity: Any, paid: Flags) -> tuple[Ints, Flags]:
    """quantity x price x value of a point + accrued interest, in 10^-6; 0 for rows that pay no price."""
    accrued, accrued_good = exact.scaled(rows["accrued_interest"], exact.MONEY)
    factor = _either(rows["kind"] == "fx", exact.decimal(1), _point(rows))
    amount, good = exact.products(
        -exact.QUANTITY,
        _either(paid, quantity, 0),
        _either(paid, rows["price"], 0),
        factor,
        # The product is in units of 10^-8 x price; money is 10^-6 of it.
        np.full(len(rows), 10**exact.MONEY, object),
        plus=_either(paid, accrued.astype(object) * 10**exact.QUANTITY, 0),
    )
    return amount, good & accrued_good


def _point(rows: pd.DataFrame) -> Objects:
    """Money per unit and point of price: the multiplier; a bond's price is per 100."""
    multiplier = rows["multiplier"].where(rows["asset_class"] != "bond", 0.01).fillna(1.0)
    decimals = {value: exact.decimal(value) for value in multiplier.unique()}
    return multiplier.map(decimals).to_numpy(object)


def _cost(rows: pd.DataFrame, units: Ints) -> tuple[Ints, Flags]:
    """Cost of a transfer_in: as stated, else at the price of the row."""
    entering = (rows["kind"] == "transfer_in").to_numpy()
    stated = rows["cost"].notna().to_numpy()
    cost, good = exact.scaled(_either(entering & stated, rows["cost"], None), exact.MONEY)
    valued, valued_good = _amount(rows, units, entering & ~stated)
    return np.where(stated, cost, valued), good & valued_good


def _rate(
    rows: pd.DataFrame, currency: "pd.Series[str]", raw_fx_rates: pd.DataFrame, order: Sequence[str]
) -> tuple[Objects, Flags]:
    """The row's own rate, else the closing rate of its trade date into the base currency; 1 where none is needed."""
    needed = (rows["kind"].isin((*TRADES, "transfer_in")) & rows["known_book"] & (currency != "")).to_numpy()
    base = rows["base_currency"].fillna("")
    own = rows["fx_rate"].notna().to_numpy()
    rate = _either(needed & own, rows["fx_rate"], exact.decimal(1))
    good = np.ones(len(rows), bool)
    look = np.flatnonzero(needed & ~own & (currency != base).to_numpy())
    if len(look):
        closing = fx.at(raw_fx_rates, currency.iloc[look], base.iloc[look], rows["trade_date"].iloc[look], order)
        good[look] = np.isfinite(closing)
        rate[look] = np.frompyfunc(exact.decimal, 1, 1)(np.where(good[look], closing, 1.0))
    return rate, good & np.greater(rate, 0).astype(bool)


def _missing(
    rows: pd.DataFrame,
    kind: Objects,
    currency: "pd.Series[str]",
    units: Ints,
    rate_good: Flags,
    good: Sequence[Flags],
) -> "pd.Series[str]":
    """Why the numbers of a row do not allow to post it."""
    priced = _is(kind, (*TRADES, "fx"))
    entering = kind == "transfer_in"
    day = rows["trade_date"].dt.strftime("%Y-%m-%d")
    base = rows["base_currency"].fillna("")
    tests: list[tuple[Any, Any]] = [
        (rows["quantity"].isna(), "the quantity is missing"),
        (priced & rows["price"].isna(), "the price is missing"),
        (entering & rows["cost"].isna() & rows["price"].isna(), "no cost is given, and no price to value it at"),
        (_is(kind, SECURITIES) & good[0] & (units <= 0), "the quantity must be positive"),
        (~rate_good, "no rate from " + currency + " to " + base + " on " + day),
        (~np.logical_and.reduce(good), "an amount does not fit into 64 bits"),
    ]
    return _first(rows, tests)
