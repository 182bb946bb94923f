"""Transactions: which of them count, and what each says in exact numbers with its sign.

Belongs here: cancels and corrections, the signs of the kinds, exact amounts, booking session and settlement date, the
order within a day. Does not belong here: lots, entitlements, and everything that takes more than one transaction;
what currency forwards settle at maturity is in ``forwards``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars
from daybook.ledger import exact, pools
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
EXERCISES = ("exercise", "assignment")
CLOSINGS = ("expiry", *EXERCISES)
UNITS = SECURITIES + CLOSINGS
"""Kinds whose quantity is a number of units."""
KINDS = UNITS + INFLOWS + OUTFLOWS + INCOME + COSTS + ("variation_margin", "fx")
"""Kinds that the ledger posts; another one stops its book by name."""
SETTLEMENT = "settlement"
"""Kind of the rows that ``forwards.settled`` adds."""
UNFUNDED = ("future", "forward")
"""Asset classes whose trades move no cash but charges."""
METHODS = ("fifo", "lifo", "highest", "lowest", "average", "uk")
"""Ways to match what no lot is named for."""
CASH = "CASH:"
"""Prefix of the instrument of a cash row."""
_BOOK = ("base_currency", "calendar", "lot_pool", "lot_method", "shorts", "strategy", "entity")
_TERMS = (
    *("exchange", "asset_class", "multiplier", "currency", "lot_method"),
    *("underlying", "maturity_date", "strike", "option_type", "delivery_kind"),
)


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
    known, target, amends = _amendments(log)
    cancels = (known["kind"] == "cancel").to_numpy()
    named = np.zeros(len(known), bool)
    named[target[amends]] = True
    rejected = amends & known[["corrects"]].where(pd.Series(amends, known.index)).duplicated(keep="last").to_numpy()
    return known[~named & ~_inherited(rejected, amends, target) & ~cancels].sort_index().reset_index(drop=True)


def contested(log: pd.DataFrame) -> pd.DataFrame:
    """Rows that amend a transaction which another row amends too, and rows that amend one another in a circle.

    ``live`` has an answer for each of them, but hardly the one that was meant: the intake refuses them.

    Args:
        log: table ``transactions``: every row that amends one of the transactions in question, however indirectly.

    Returns:
        ``at``, the position in ``log`` of a row with ``corrects``, and ``by``, that of another row which amends the
        same transaction; -1 where following ``corrects`` never ends. At most one row for each ``at``.
    """
    known, target, amends = _amendments(log.assign(at=np.arange(len(log))))
    rows = known[["at", "transaction_id", "corrects"]]
    mine = rows[amends | (rows["corrects"] == rows["transaction_id"]).to_numpy()]
    pairs = mine.merge(rows[amends], on="corrects", suffixes=("", "_other"))
    pairs = pairs[pairs["transaction_id"] != pairs["transaction_id_other"]].drop_duplicates("at", keep="last")
    reached = target
    for _ in range(len(known).bit_length()):
        reached = np.where(reached >= 0, np.append(reached, -1)[reached], -1)
    circle = pd.DataFrame({"at": known["at"].to_numpy()[reached >= 0], "at_other": -1})
    found = pd.concat([circle, pairs[["at", "at_other"]]]).drop_duplicates("at")
    return found.rename(columns={"at_other": "by"}).sort_values("at", ignore_index=True)


def _amendments(log: pd.DataFrame) -> tuple[pd.DataFrame, Ints, Flags]:
    """The newest row of each id; which of them each one names, or -1; and whether it has an effect on that."""
    known = log.reset_index(drop=True)
    known = known.sort_values(["known_at", "recorded_at", "delivery", "line"], kind="stable")
    # A row may correct its own id: then it is the later one of two with that id.
    known = known.drop_duplicates("transaction_id", keep="last")
    target = pd.Index(known["transaction_id"]).get_indexer(pd.Index(known["corrects"]))
    target = np.where(target == np.arange(len(known)), -1, target)
    return known, target, (target >= 0) & ~_void((known["kind"] == "cancel").to_numpy(), target)


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
        One row per transaction booked by ``through``.

        * Day numbers: date (of the trade), session (on which the book books it), settle (not before that: what is not
          in the books cannot leave them), opened_on.
        * Money in 10^-6 of ``currency``: consideration (without charges; paid is negative), charges (fees and taxes, a
          cost is negative; with the kinds fee and tax themselves), income, external, variation (margin received),
          bought (of an fx trade, in ``bought_currency``), notional (what a trade in a future or forward agrees to pay,
          a sale negative, without charges; 0 for all else, whose trades have a consideration).
        * quantity: signed, in 10^-8 units, of securities and derivatives alone. cost and cost_base (10^-6 of base) of
          what the row opens or closes, with charges, negative for a sale. An expiry is given as if it closed a long
          position: where it closes a short one, quantity, consideration and notional turn round, charges do not.
        * An exercise closes a long option, an assignment a short one. With physical delivery the option itself has no
          cost, and ``underlying`` is bought or sold: underlying_quantity, underlying_cost and underlying_cost_base,
          signed as those of a trade, at the strike with charges and without the premium.
        * instrument: the security or the cash row that the posting belongs to; ``named`` the one that the transaction
          names. asset_class, margined (a future), account, lot_id as given, pool_scope and ``pool`` (whose lots are
          matched together; a book without strategy or entity is a pool of its own).
        * lot_method of rows with units: the transaction's, else the instrument's, else the book's on the trade date.
          Never ``specific``: where a lot is named it is closed first, and lot_method is for what remains (fifo where
          nothing else is said: IRS, Publication 550, "first-in, first-out").
        * fx_rate: a Decimal. reason: why the row cannot be posted, "" when it can; its book fails from ``session``.
    """
    rows = transactions.reset_index(drop=True)
    rows["known_book"] = rows["book"].isin(books["book"])
    rows = _with_terms(rows, books, instruments)
    rows["date"] = dated.days(rows["trade_date"])
    rows["session"] = booked(rows["calendar"], dated_on(rows))
    rows = _ordered(rows[rows["session"] <= dated.days([through])[0]])
    rows["settle"] = np.maximum(_settled(rows), rows["session"])
    rows["lot_method"] = _lot_method(rows)
    opened = rows["opened_on"].where(rows["kind"].isin(TRANSFERS) & rows["opened_on"].notna(), rows["trade_date"])
    rows["opened_on"] = dated.days(opened)
    rows["reason"] = _unpostable(rows)
    return _posted(rows, raw_fx_rates, order)


def _with_terms(rows: pd.DataFrame, books: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Rows with the terms of their book and instrument on the trade date."""
    book = _taken(books, _BOOK, "book", rows).rename(columns={"lot_method": "book_lot_method"})
    terms = _taken(instruments, _TERMS, "instrument", rows)
    terms = terms.rename(columns={"lot_method": "instrument_lot_method", "currency": "listed_currency"})
    terms["known_instrument"] = rows["instrument"].isin(instruments["instrument"])
    under = rows[["trade_date"]].assign(instrument=terms["underlying"])
    terms["underlying_class"] = _taken(instruments, ["asset_class"], "instrument", under)["asset_class"]
    return pd.concat([rows, book, terms], axis=1)


def _taken(facts: pd.DataFrame, columns: Sequence[str], key: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns of the facts in force for each row; missing, or empty text, where the key is unknown."""
    at = security_master.in_force(facts, key, rows[key], rows["trade_date"])
    found = facts[list(columns)].reset_index(drop=True).reindex(at).reset_index(drop=True)
    return found.assign(**{name: found[name].fillna("") for name in columns if found[name].dtype == "str"})


def _lot_method(rows: pd.DataFrame) -> "pd.Series[str]":
    """How what a row closes is matched, after the lot that it names; "" for rows without units."""
    method = pd.Series("", rows.index, dtype="str")
    for choice in (rows["lot_method"].fillna(""), rows["instrument_lot_method"], rows["book_lot_method"]):
        method = method.mask((method == "") & (choice != "specific"), choice)
    return method.mask(method == "", "fifo").where(rows["kind"].isin(UNITS), "")


def dated_on(rows: pd.DataFrame) -> "pd.Series[Any]":
    """The date on which each transaction counts: ``booked_on`` where its own period was closed, else trade_date.

    Terms, settlement cycle, exchange rate, holding period and tax rules go by the trade date all the same: what was
    agreed on that date does not change with the day on which the books learn of it.
    """
    return rows["booked_on"].fillna(rows["trade_date"])


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
    rows = rows.assign(late=rows["kind"].isin(("sell", "transfer_out", *CLOSINGS)))
    keys = ["session", "date", "executed_at", "late", "transaction_id"]
    return rows.sort_values(keys, na_position="last", kind="stable").drop(columns="late").reset_index(drop=True)


def _settled(rows: pd.DataFrame) -> Ints:
    """Settlement date: as stated, else the market's cycle, for money the trade date."""
    settle = rows["settle_date"].where(rows["kind"].isin((*UNITS, "fx"))).to_numpy("datetime64[us]", copy=True)
    cycle = (rows["kind"].isin(UNITS) & np.isnat(settle)).to_numpy()
    for exchange in rows.loc[cycle, "exchange"].fillna("").unique():
        of = cycle & (rows["exchange"].fillna("") == exchange).to_numpy()
        settle[of] = _cycle(exchange, rows.loc[of, "trade_date"])
    return np.where(np.isnat(settle), rows["date"], settle.astype("datetime64[D]").astype(np.int64))


def _cycle(exchange: str, dates: "pd.Series[Any]") -> pd.DatetimeIndex:
    if calendars.is_calendar(exchange):
        return calendars.settlement_date(exchange, dates)
    # A market without a calendar: T+2, the cycle of every other market, in sessions of the default calendar.
    return calendars.next_session("XNYS", calendars.next_session("XNYS", dates))


def _unpostable(rows: pd.DataFrame) -> "pd.Series[str]":
    """Why a row cannot be posted, from its terms; "" when nothing stands against it."""
    unit = rows["kind"].isin(UNITS)
    held = unit | rows["kind"].isin(INCOME) & (rows["instrument"] != "")
    calendar = rows["calendar"].map({c: calendars.is_calendar(c) for c in rows["calendar"].dropna().unique()})
    forward = unit & (rows["asset_class"] == "forward")
    unsettled = ~rows["underlying"].str.fullmatch(CASH + "[A-Z]{3}") | rows["maturity_date"].isna()
    delivered = rows["kind"].isin(EXERCISES) & (rows["delivery_kind"] != "cash")
    unknown = (rows["strike"].isna() | ~rows["option_type"].isin(["call", "put"])) | (rows["underlying"] == "")
    undeliverable = rows["underlying_class"].isin(("", "cash", "index", *UNFUNDED))
    away = delivered & rows["price"].notna() & (rows["price"].astype("float64") != rows["strike"])
    tests: list[tuple[Any, Any]] = [
        (~rows["known_book"], "book " + rows["book"] + " is not known"),
        (calendar.isin([False]), "calendar " + rows["calendar"].fillna("") + " is not known"),
        (~rows["kind"].isin(KINDS), "kind " + rows["kind"] + " is not known"),
        (held & ~rows["known_instrument"], "instrument " + rows["instrument"] + " is not known"),
        (unit & ~rows["lot_method"].isin(METHODS), "lot method " + rows["lot_method"] + " is not known"),
        (
            forward & unsettled,
            "forward " + rows["instrument"] + " needs an underlying CASH:<CCY> and a maturity_date to be settled",
        ),
        (
            forward & rows["kind"].isin(TRANSFERS),
            "forward " + rows["instrument"] + " is not transferred: close it, and agree another in the other book",
        ),
        (
            forward & (rows["trade_date"] > rows["maturity_date"]),
            "forward " + rows["instrument"] + " has matured on " + dated.iso(rows["maturity_date"]),
        ),
        (delivered & unknown, rows["instrument"] + " needs underlying, strike and option_type to be exercised"),
        (
            delivered & undeliverable,
            rows["underlying"] + " cannot be delivered: delivery_kind cash and a price settle in money",
        ),
        (away, "the price of an exercise with delivery is the strike of " + rows["instrument"]),
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
    listed = rows["listed_currency"].where(rows["kind"].isin((*UNITS, "variation_margin")), "")
    return rows["currency"].where(rows["currency"] != "", listed)


def _posted(rows: pd.DataFrame, raw_fx_rates: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Exact, signed amounts of the rows that can be posted so far; more reasons where numbers do not allow it."""
    kind = rows["kind"].to_numpy(object)
    currency = _currency(rows)
    unfunded = rows["asset_class"].isin(UNFUNDED).to_numpy() & _is(kind, UNITS)
    # An exercise for delivery trades the underlying at the strike; one for cash is a sale of the option at its price.
    delivered = _is(kind, EXERCISES) & (rows["delivery_kind"] != "cash").to_numpy()
    priced = _is(kind, (*TRADES, *CLOSINGS, "fx"))
    transferred = _is(kind, TRANSFERS) & (unfunded | (kind == "transfer_in"))
    sold = _is(kind, ("sell", "transfer_out", "expiry", "exercise"))
    direction = np.where(sold ^ (delivered & (rows["option_type"] == "call").to_numpy()), -1, 1)
    units, units_good = exact.scaled(_either(_is(kind, UNITS), rows["quantity"], None), exact.QUANTITY)
    money, money_good = exact.scaled(_either(_is(kind, UNITS), None, rows["quantity"]), exact.MONEY)
    fees, fees_good = exact.scaled(rows["fees"], exact.MONEY)
    taxes, taxes_good = exact.scaled(rows["taxes"], exact.MONEY)
    amount, amount_good = _amount(rows, _either(kind == "fx", money.astype(object) * 100, units), priced, delivered)
    stated, stated_good = _stated(rows, units, transferred)
    charges = -(fees + taxes)
    agreed = np.where(transferred, stated, amount)
    traded = np.where(_is(kind, (*TRADES, *CLOSINGS)), direction * amount - charges, 0)
    cost = np.where(delivered, 0, np.where(kind == "transfer_in", stated, traded))
    underlying_cost = np.where(delivered, traded, 0)
    rate, rate_good = _rate(rows, currency, raw_fx_rates, order)
    (cost_base, base_good), (underlying_base, underlying_good) = (
        exact.products(0, np.where(rate_good, value, 0), np.where(rate_good, rate, 1))
        for value in (cost, underlying_cost)
    )
    point = _point(rows)
    received, received_good = exact.products(0, np.where(delivered, direction * units, 0), point)
    income = np.where(_is(kind, INCOME), money, 0)
    # Tax on income is withholding: income is net of it.
    withheld = np.where(_is(kind, INCOME), taxes, 0)
    known = ["transaction_id", "book", "kind", "date", "session", "settle", "opened_on", "action_id"]
    out = rows[[*known, "lot_id", "lot_method", "account", "asset_class"]].assign(
        instrument=_row_instrument(rows, currency),
        named=rows["instrument"],
        **pools.scope_of(rows),
        currency=currency,
        bought_currency=rows["instrument"].str[len(CASH) :].where(kind == "fx", ""),
        shorts=rows["shorts"].fillna(True).astype(bool),
        margined=unfunded & (rows["asset_class"] == "future"),
        quantity=np.where(_is(kind, UNITS), np.where(sold, -units, units), 0),
        bought=np.where(kind == "fx", money, 0),
        consideration=np.where(priced & ~unfunded, -direction * amount, 0),
        notional=np.where(unfunded, direction * agreed, 0),
        charges=charges + withheld - np.where(_is(kind, COSTS), money, 0),
        income=income - withheld,
        external=np.where(_is(kind, INFLOWS), money, 0) - np.where(_is(kind, OUTFLOWS), money, 0),
        variation=np.where(kind == "variation_margin", money, 0),
        cost=cost,
        cost_base=cost_base,
        underlying=rows["underlying"].where(delivered, ""),
        underlying_quantity=received,
        underlying_cost=underlying_cost,
        underlying_cost_base=underlying_base,
        fx_rate=rate,
    )
    fits = np.abs(np.array([amount, money, fees, taxes], np.float64)).sum(axis=0) < float(exact.LIMIT)
    good = [units_good, money_good, fees_good, taxes_good, amount_good, stated_good, received_good]
    good += [base_good, underlying_good, fits]
    out["reason"] = rows["reason"].mask(
        rows["reason"] == "", _missing(rows, kind, currency, units, transferred, rate_good, good)
    )
    return out


def _either(test: Any, yes: Any, no: Any) -> Objects:
    """np.where that keeps Decimals, None and large integers as they are."""
    return np.where(np.asarray(test), np.asarray(yes, object), np.asarray(no, object))


def _is(kind: Objects, kinds: Sequence[str]) -> Flags:
    return np.isin(kind.astype(str), kinds)


def _row_instrument(rows: pd.DataFrame, currency: "pd.Series[str]") -> "pd.Series[str]":
    """The security of trades, transfers and of dividends that name one; the cash bought by fx; else the cash row."""
    own = rows["kind"].isin((*UNITS, "fx", "dividend", "variation_margin")) & (rows["instrument"] != "")
    return rows["instrument"].where(own, CASH + currency)


def _amount(rows: pd.DataFrame, quantity: Any, priced: Flags, delivered: Flags) -> tuple[Ints, Flags]:
    """quantity x price x value of a point + accrued interest, in 10^-6; 0 for rows that pay no price.

    The price of an exercise for delivery is the strike; an option that expires without a price is worth nothing.
    """
    accrued, accrued_good = exact.scaled(rows["accrued_interest"], exact.MONEY)
    factor = _either(rows["kind"] == "fx", exact.decimal(1), _point(rows))
    price = _either(delivered, _strike(rows), rows["price"])
    price = _either((rows["kind"] == "expiry") & rows["price"].isna(), 0, price)
    amount, good = exact.products(
        -exact.QUANTITY,
        _either(priced, quantity, 0),
        _either(priced, price, 0),
        factor,
        # The product is in units of 10^-8 x price; money is 10^-6 of it.
        np.full(len(rows), 10**exact.MONEY, object),
        plus=_either(priced, accrued.astype(object) * 10**exact.QUANTITY, 0),
    )
    return amount, good & accrued_good


def _strike(rows: pd.DataFrame) -> Objects:
    """Strikes as they were written; None where there is none."""
    decimals = {value: exact.decimal(value) for value in rows["strike"].dropna().unique()}
    return np.array([decimals.get(value) for value in rows["strike"]], object)


def _point(rows: pd.DataFrame) -> Objects:
    """Money per unit and point of price: the multiplier; a bond's price is per 100."""
    multiplier = rows["multiplier"].where(rows["asset_class"] != "bond", 0.01).fillna(1.0)
    decimals = {value: exact.decimal(value) for value in multiplier.unique()}
    return multiplier.map(decimals).to_numpy(object)


def _stated(rows: pd.DataFrame, units: Ints, transferred: Flags) -> tuple[Ints, Flags]:
    """What a transfer says that the units cost or were agreed at: as stated, else at the price of the row."""
    stated = rows["cost"].notna().to_numpy()
    cost, good = exact.scaled(_either(transferred & stated, rows["cost"], None), exact.MONEY)
    valued, valued_good = _amount(rows, units, transferred & ~stated, np.zeros(len(rows), bool))
    return np.where(stated, cost, valued), good & valued_good


def _rate(
    rows: pd.DataFrame, currency: "pd.Series[str]", raw_fx_rates: pd.DataFrame, order: Sequence[str]
) -> tuple[Objects, Flags]:
    """The row's own rate, else the closing rate of its trade date into the base currency; 1 where none is needed."""
    needed = (rows["kind"].isin((*TRADES, *CLOSINGS, "transfer_in")) & rows["known_book"] & (currency != "")).to_numpy()
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
    transferred: Flags,
    rate_good: Flags,
    good: Sequence[Flags],
) -> "pd.Series[str]":
    """Why the numbers of a row do not allow to post it."""
    closed = _is(kind, EXERCISES) & (rows["delivery_kind"] == "cash")
    closed |= (kind == "expiry") & rows["asset_class"].isin(UNFUNDED)
    day = rows["trade_date"].dt.strftime("%Y-%m-%d")
    base = rows["base_currency"].fillna("")
    tests: list[tuple[Any, Any]] = [
        (rows["quantity"].isna(), "the quantity is missing"),
        ((_is(kind, (*TRADES, "fx")) | closed) & rows["price"].isna(), "the price is missing"),
        (transferred & rows["cost"].isna() & rows["price"].isna(), "no cost is given, and no price to value it at"),
        (_is(kind, UNITS) & good[0] & (units <= 0), "the quantity must be positive"),
        (~rate_good, "no rate from " + currency + " to " + base + " on " + day),
        (~np.logical_and.reduce(good), "an amount does not fit into 64 bits"),
    ]
    return _first(rows, tests)
