"""Share classes of a book: what each is worth, its units and NAV per unit, and what it owes for fees.

Belongs here: value before fees, sharing the day's gain among classes, the order of a session, the recursion over
sessions. Does not belong here: the amounts of fees (``fees``), prices and numbers of units (``units``), posting them.

The order of a session: the change of the book's value that is no flow and no payment is shared among its classes by
their NAV at the session before; payments beyond what is owed are a cost of their class; the management fee accrues;
the performance fee is worked out again and crystallises on the last session of its period; then flows are dealt in at
the NAV per unit that this gives. All money is whole 10^-6 of the book's currency, and rounding goes to a book's last
class with a share, so the classes of a book add up to its NAV exactly. A session without a value of the book deals
nothing and accrues nothing: the next one does both, for all the days since.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.ledger import day_count, exact, fees, units, valuation
from daybook.ledger.valuation import KEY, SCALE, micros
from daybook.market import dated, fx, security_master

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]

PERIODS = {"month": 1, "quarter": 3, "year": 12}
"""Months after which a performance fee crystallises, counted from January."""
ROW = ["book", "share_class"]


def gross_values(
    positions: pd.DataFrame,
    cash: pd.DataFrame,
    activity: pd.DataFrame,
    failures: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    share_classes: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """NAV of books with share classes before what these owe for fees, from the session on which their first begins.

    Args:
        positions: table of ``sessions``.
        cash: table ``ledger_cash`` of ``sessions``.
        activity: table ``ledger_activity`` of ``sessions``.
        failures: table ``ledger_failures`` of ``sessions``.
        prices: golden, of ``sessions``.
        fx_rates: golden, of ``sessions``.
        books: reference facts.
        instruments: reference facts.
        share_classes: facts.
        sessions: midnight, naive.

    Returns:
        Table ``gross_values``; gross_value is empty where it is not known, and ``reason`` says why.
    """
    begin = share_classes.groupby("book")["valid_from"].min()
    held, money, done, failed = (rows[rows["book"].isin(begin.index)] for rows in (positions, cash, activity, failures))
    if money.empty and held.empty and failed.empty:
        return tables.empty("gross_values")
    valued = valuation.valuations(held, money, prices, fx_rates, books, instruments, sessions)
    known = valuation.nav(valued, money, done, failed, prices, fx_rates, books, instruments, sessions)
    known = known[known["business_date"] >= known["book"].map(begin)].rename(columns={"nav": "gross_value"})
    return tables.conform("gross_values", known[list(tables.TABLES["gross_values"].names)])


@dataclass(frozen=True)
class Classes:
    """All that is given, by session (rows) and class or book (columns), before the recursion.

    Attributes:
        dates: sessions with a value of any book.
        names: book and share_class of each class, sorted.
        book: number of the book of each class.
        starts: first class of each book.
        present: whether the book has a row.
        gross: value before fees, 10^-6; 0 where it is not known.
        known: whether the book has a value and each of its classes a rate.
        unknown: why not, "" where it has.
        fatal: why the book fails for good from the session on, "" where it does not.
        base: currency of the book, "" where it has no row.
        terms: row of ``share_classes`` that holds, -1 before the first.
        ended: whether the class has ended.
        rates: columns of ``share_classes`` as numbers, by row.
        count: number of the day count of each row of ``share_classes``.
        years: position of each session, by day count.
        ends: whether the session is the last of a month, quarter and year, by book and kind of period.
        period: kind of period of each row of ``share_classes``.
        currency: currency of each class, "" for that of the book.
        fx: units of the book's currency for one of the class's.
        dealt: dealings in order of session: class, flow and payment (10^-6), kind of fee (-1: none), opening.
        slices: where those of each session begin, and the end.
    """

    dates: pd.DatetimeIndex
    names: pd.DataFrame
    book: Ints
    starts: Ints
    present: Flags
    gross: Ints
    known: Flags
    unknown: Texts
    fatal: Texts
    base: Texts
    terms: Ints
    ended: Flags
    rates: dict[str, Floats]
    count: Ints
    years: Floats
    ends: Flags
    period: Ints
    currency: Texts
    fx: Floats
    dealt: dict[str, Ints]
    slices: Ints


@dataclass
class State:
    """What carries from one session to the next, by class; by book where it says so. Money is 10^-6.

    Attributes:
        nav: after dealing, book's currency.
        units: 10^-8.
        reference: high-water mark of all units, class's currency.
        hurdle: what the mark must have earned, class's currency.
        uncrystallised: performance fee that may still be taken back, book's currency.
        payable: by kind of fee, book's currency.
        last: session (row) through which fees have accrued; -1 before the first.
        due: whether a performance fee crystallises at the next value.
        inflow, outflow, paid: dealt and not yet processed, book's currency; paid by kind of fee.
        opening: whether what the book holds becomes units of this class at the next value.
        gross: value of each book at its session before.
        failed: why each book fails for good, "" while it does not.
    """

    nav: Ints
    units: Ints
    reference: Ints
    hurdle: Ints
    uncrystallised: Ints
    payable: Ints
    last: Ints
    due: Flags
    inflow: Ints
    outflow: Ints
    paid: Ints
    opening: Flags
    gross: Ints
    failed: Texts


@dataclass
class Moves:
    """What happens to the classes in a session, as it is worked out; money in 10^-6 of the book's currency.

    Attributes:
        shown: classes that have begun, of books that have a row.
        good: those of them whose book has a value.
        terms: numbers of the terms in force.
        fx: units of the book's currency for one of the class's; 1 where it is not known.
        accrued, covered: fees accrued, and paid of what was owed, by kind.
        value: worth after fees and before dealing.
        inflow, outflow: dealt.
        dealt: prices and units, None where nothing was dealt.
    """

    shown: Flags
    good: Flags
    terms: dict[str, Floats]
    fx: Floats
    accrued: Ints
    covered: Ints
    value: Ints
    inflow: Ints
    outflow: Ints
    dealt: units.Dealt | None = None


@dataclass(frozen=True)
class Session:
    """What the recursion says of one session, by class."""

    at: int
    shown: Flags
    good: Flags
    lost: Flags
    reason: Texts
    failed: Texts
    borne: Flags
    nav: Ints
    units: Ints
    price: Floats
    dealt_at: Floats
    mark: Floats
    inflow: Ints
    outflow: Ints
    accrued: Ints
    covered: Ints
    payable: Ints
    fx: Floats


def derive(
    gross_values: pd.DataFrame,
    dealings: pd.DataFrame,
    share_classes: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> dict[str, pd.DataFrame]:
    """Tables ``fee_accruals`` and ``share_class_nav`` of ``sessions``, and which books fail.

    Args:
        gross_values: table since the first share class began.
        dealings: table since then.
        share_classes: facts; of one class the latest row that has begun holds. Its currency is that of its first row,
            the book's where it names none.
        fx_rates: golden, since then; read where a class has a currency of its own.
        books: reference facts.
        sessions: midnight, naive.

    Returns:
        ``fee_accruals``, ``share_class_nav``, and ``failures`` (business_date, book, reason): books of which a
        dealing cannot be placed, or that give up more units than there are; they fail from that session on.
    """
    if gross_values.empty:
        return _tables_of_nothing()
    given = _given(gross_values, dealings, share_classes, fx_rates, books)
    state = _fresh(len(given.names), len(given.starts))
    wanted = given.dates.isin(sessions)
    found = []
    for at in range(len(given.dates)):
        moves = _close(at, given, state)
        if wanted[at]:
            found.append(_session(at, given, state, moves))
    return _tables(given, found)


def identity_gaps(share_class_nav: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """Books with a NAV to which their share classes do not add up, or one of whose classes is not known.

    Args:
        share_class_nav: table of some sessions.
        nav: table of the same sessions.

    Returns:
        business_date, book, gap (the classes less NAV, 10^-6 exactly; empty where a class is not known), reason.
    """
    book = share_class_nav.groupby(KEY).agg(
        classes=("nav_base", "sum"), known=("nav_base", "count"), count=("nav_base", "size")
    )
    lost = share_class_nav[share_class_nav["status"] == "failed"].drop_duplicates(KEY).set_index(KEY)["reason"]
    rows = nav.loc[nav["status"] == "ok", [*KEY, "nav"]].merge(book.join(lost).reset_index(), on=KEY)
    gap = (rows["classes"] - rows["nav"]).round(6).where(rows["known"] == rows["count"])
    # A float64 holds 10^-6 up to 9e9; the sum of more is as exact as its parts.
    off = gap.isna() | (gap.abs() > 1e-15 * rows["nav"].abs())
    said = "share classes are off NAV by " + gap.map("{:+.6f}".format).astype("str")
    reason = said.mask(gap.isna(), "a share class has no NAV: " + rows["reason"].fillna(""))
    return rows[KEY].assign(gap=gap, reason=reason)[off].reset_index(drop=True)


def _fresh(classes: int, houses: int) -> State:
    """Before the first session there is nothing."""
    names = ("nav", "units", "reference", "hurdle", "uncrystallised", "inflow", "outflow")
    return State(
        **{name: np.zeros(classes, np.int64) for name in names},
        payable=np.zeros((len(units.FEES), classes), np.int64),
        last=np.full(classes, -1),
        due=np.zeros(classes, bool),
        paid=np.zeros((len(units.FEES), classes), np.int64),
        opening=np.zeros(classes, bool),
        gross=np.zeros(houses, np.int64),
        failed=np.full(houses, "", object),
    )


def _given(
    gross_values: pd.DataFrame,
    dealings: pd.DataFrame,
    share_classes: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
) -> Classes:
    terms = share_classes.sort_values("valid_from", kind="stable").reset_index(drop=True)
    names = terms[terms["book"].isin(gross_values["book"])].drop_duplicates(ROW).sort_values(ROW, ignore_index=True)
    currency, names = names["currency"].to_numpy(object), names[ROW]
    dates = pd.DatetimeIndex(np.sort(gross_values["business_date"].unique()))
    of_book = pd.Index(names["book"].unique())
    book, starts = of_book.get_indexer(pd.Index(names["book"])), np.flatnonzero(~names["book"].duplicated())
    row = dates.get_indexer(pd.Index(gross_values["business_date"]))
    column = of_book.get_indexer(pd.Index(gross_values["book"]))
    shape = (len(dates), len(of_book))
    known = gross_values["reason"].to_numpy(object) == ""
    grids = {
        "present": (False, np.ones(len(row), bool)),
        "gross": (np.int64(0), micros(np.where(known, gross_values["gross_value"], 0.0))),
        "unknown": ("", gross_values["reason"].to_numpy(object)),
        "base": ("", gross_values["base_currency"].to_numpy(object)),
    }
    filled = {}
    for name, (empty, values) in grids.items():
        filled[name] = np.full(shape, empty, object if isinstance(empty, str) else type(empty))
        filled[name][row, column] = values
    in_force = _in_force(terms, names, dates)
    conventions = terms["day_count"].replace("", day_count.CONVENTIONS[0])
    codes, kinds = pd.factorize(conventions)
    rate = _rates(currency, filled["base"][:, book], fx_rates, dates)
    dealt = dealings.assign(
        column=pd.MultiIndex.from_frame(names).get_indexer(pd.MultiIndex.from_frame(dealings[ROW])),
        house=of_book.get_indexer(pd.Index(dealings["book"])),
        row=np.searchsorted(dates.to_numpy(), dealings["business_date"].to_numpy()),
    )
    dealt = dealt[(dealt["house"] >= 0) & (dealt["row"] < len(dates))].sort_values(["row", "transaction_id"])
    filled["fatal"] = _fatal(filled["base"], dealt)
    lost = np.isnan(rate) & (in_force >= 0)
    day, column = np.nonzero(lost & (filled["unknown"][:, book] == ""))
    pair = currency[column] + "/" + filled["base"][day, book[column]]
    filled["unknown"][day, book[column]] = "no exchange rate " + pair
    placed = dealt[(dealt["column"] >= 0) & (dealt["reason"] == "")]
    rates = {name: terms[name].to_numpy(np.float64) for name in _NUMBERS}
    return Classes(
        dates=dates,
        names=names,
        book=book,
        starts=starts,
        known=filled["present"] & (filled["unknown"] == ""),
        terms=in_force,
        ended=_ended(terms, in_force, dates),
        rates={name: np.where(np.isnan(values), default, values) for (name, default), values in
               zip(_NUMBERS.items(), rates.values(), strict=True)},
        count=codes.astype(np.int64),
        years=np.array([day_count.position(kind, dates) for kind in kinds]).reshape(len(kinds), len(dates)),
        ends=_ends(dates, of_book, books),
        period=pd.Index(list(PERIODS)).get_indexer(pd.Index(terms["crystallisation"].replace("", "year"))),
        currency=currency,
        fx=rate,
        dealt={
            "column": placed["column"].to_numpy(),
            "flow": micros(placed["flows"]),
            "payment": micros(placed["fee_paid"]),
            "fee": pd.Index(units.FEES).get_indexer(pd.Index(placed["kind"])),
            "opening": np.array(placed["kind"] == units.OPENING, np.int64),
        },
        slices=np.searchsorted(placed["row"].to_numpy(), np.arange(len(dates) + 1)),
        **filled,
    )  # fmt: skip


_NUMBERS = {
    **dict.fromkeys(("management_fee", "performance_fee", "hurdle_rate", "swing_factor"), 0.0),
    "swing_threshold": np.inf, "launch_price": 100.0, "unit_places": 4.0, "price_places": 4.0,
}  # fmt: skip
"""Numbers of a class's terms, and what an empty one means."""


def _fatal(base: Texts, dealt: pd.DataFrame) -> Texts:
    """Why each book fails for good from a session on: a dealing that cannot be placed, or another currency."""
    first = base[np.argmax(base != "", axis=0), np.arange(base.shape[1])]
    changed = (base != "") & (base != first)
    found = np.where(changed, "the currency of the book changed from " + first, "").astype(object)
    lost = dealt[dealt["reason"] != ""].drop_duplicates(["row", "house"])
    found[lost["row"], lost["house"]] = lost["reason"].to_numpy(object)
    return found


def _in_force(terms: pd.DataFrame, names: pd.DataFrame, dates: pd.DatetimeIndex) -> Ints:
    """Row of ``terms`` that holds for each class on each of ``dates``; -1 before its first."""
    known, wanted = dated.codes([terms[name] for name in ROW], [names[name] for name in ROW])
    every = np.tile(wanted, len(dates))
    found = dated.last(known, terms["valid_from"], every, np.repeat(dates.to_numpy(), len(names)))
    return found.reshape(len(dates), len(names))


def _ended(terms: pd.DataFrame, in_force: Ints, dates: pd.DatetimeIndex) -> Flags:
    until = terms["valid_to"].to_numpy("datetime64[us]")
    if not len(until):
        return np.zeros(in_force.shape, bool)
    return np.asarray((in_force >= 0) & (until[in_force] < dates.to_numpy()[:, None]))


def _ends(dates: pd.DatetimeIndex, of_book: "pd.Index[Any]", books: pd.DataFrame) -> Flags:
    """Whether each date is the last session of a month, quarter and year on each book's calendar."""
    every = pd.DataFrame({"business_date": np.repeat(dates, len(of_book)), "book": np.tile(of_book, len(dates))})
    calendar = security_master.attributes(books, "book", every, ["calendar"])["calendar"].to_numpy(object)
    grid = calendar.reshape(len(dates), len(of_book))
    found = np.zeros((*grid.shape, len(PERIODS)), bool)
    for name in pd.unique(calendar):
        month, after = (
            days.to_numpy().astype("datetime64[M]").astype(np.int64)
            for days in (dates, calendars.next_session(name, dates))
        )
        turns = np.array([month // length != after // length for length in PERIODS.values()]).T
        found |= (grid == name)[:, :, None] & turns[:, None, :]
    return found


def _rates(currency: Texts, base: Texts, fx_rates: pd.DataFrame, dates: pd.DatetimeIndex) -> Floats:
    """Rate from each class's currency into its book's on each date; NaN where there is none."""
    own = np.broadcast_to(currency, base.shape)
    needed = (own != "") & (own != base) & (base != "")
    found = np.ones(base.shape)
    if needed.any():
        row, column = np.nonzero(needed)
        asked = pd.DataFrame({"from": own[row, column], "into": base[row, column], "on": dates[row]})
        pairs = asked.drop_duplicates()
        known = pairs.assign(rate=fx.rates(fx_rates, pairs["from"], pairs["into"], pairs["on"]))
        found[row, column] = asked.merge(known, how="left", on=["from", "into", "on"])["rate"].to_numpy()
    return found


def _close(at: int, given: Classes, state: State) -> Moves:
    """Take ``state`` from the session before to session ``at``."""
    _receive(at, given, state)
    book, rate = given.book, given.fx[at]
    shown = (given.terms[at] >= 0) & given.present[at][book]
    good = shown & (given.known[at] & (state.failed == ""))[book]
    terms = np.maximum(given.terms[at], 0)
    number = {name: values[terms] for name, values in given.rates.items()}
    fee, money = np.zeros((2, *state.payable.shape), np.int64), np.zeros((3, len(book)), np.int64)
    moves = Moves(shown, good, number, np.where(good, rate, 1.0), *fee, *money)
    if not good.any():
        return moves
    live = good & ~given.ended[at]
    value = _shared(at, given, state, good)
    years = _years(at, given, state, terms)
    if state.opening.any():
        _open(good & state.opening, value, moves, state)
    moves.accrued[0] = np.where(live, fees.management(value, number["management_fee"], years), 0)
    value = value - moves.accrued[0]
    earned = np.rint(state.reference * (number["hurdle_rate"] * years)).astype(np.int64)
    state.hurdle = state.hurdle + np.where(live, earned, 0)
    owed = fees.performance(
        value + state.uncrystallised, state.reference, state.hurdle, moves.fx, number["performance_fee"]
    )
    moves.accrued[1] = np.where(live, owed - state.uncrystallised, 0)
    value = value - moves.accrued[1]
    state.uncrystallised = state.uncrystallised + moves.accrued[1]
    state.payable = state.payable + moves.accrued
    moves.covered[:] = np.where(good, fees.covered(state.paid, state.payable), 0)
    state.payable = state.payable - moves.covered
    moves.value = value - np.where(good, (state.paid - moves.covered).sum(axis=0), 0)
    _crystallise(at, given, state, terms, moves)
    _deal(given, state, moves)
    state.nav = np.where(good, moves.value + moves.inflow - moves.outflow, state.nav)
    state.gross = np.where(_houses(good, given), given.gross[at], state.gross)
    state.last = np.where(good, at, state.last)
    state.paid = np.where(good, 0, state.paid)
    state.opening = state.opening & ~good
    return moves


def _session(at: int, given: Classes, state: State, moves: Moves) -> Session:
    """What is shown of the session that ``state`` has been taken to."""
    book, good, number = given.book, moves.good, moves.terms
    reason = np.where(state.failed == "", given.unknown[at], state.failed)[book]
    dealt = moves.dealt or _dealt(moves, state, np.zeros(len(book)))
    with np.errstate(invalid="ignore", divide="ignore"):
        there = np.where(state.units > 0, state.units, np.nan) / 100.0
        scale = 10.0 ** number["price_places"]
        after = np.round(np.rint(state.nav / moves.fx / there * scale) / scale, 12)
        mark = state.reference / there
    nothing = (state.units == 0) & (state.nav == 0) & (state.payable == 0).all(axis=0)
    return Session(
        at=at,
        shown=moves.shown & ~(given.ended[at] & nothing),
        good=good & (reason == ""),
        lost=state.failed[book] != "",
        reason=reason,
        failed=state.failed.copy(),
        borne=np.array([number["management_fee"] > 0, number["performance_fee"] > 0]) & ~given.ended[at],
        nav=state.nav,
        units=state.units,
        price=np.where(np.isnan(dealt.price), after, dealt.price),
        dealt_at=np.where((state.units > 0) | (dealt.cancelled > 0), dealt.at, np.nan),
        mark=np.where(number["performance_fee"] > 0, mark, np.nan),
        inflow=moves.inflow,
        outflow=moves.outflow,
        accrued=moves.accrued,
        covered=moves.covered,
        payable=state.payable,
        fx=given.fx[at],
    )


def _receive(at: int, given: Classes, state: State) -> None:
    """Add the dealings of the session to what waits; a book with one that has no place fails."""
    state.failed = np.where(state.failed == "", given.fatal[at], state.failed)
    low, high = given.slices[at], given.slices[at + 1]
    if low == high:
        return
    rows = {name: values[low:high] for name, values in given.dealt.items()}
    column, paid = rows["column"], rows["fee"] >= 0
    np.add.at(state.inflow, column, np.maximum(rows["flow"], 0))
    np.add.at(state.outflow, column, np.maximum(-rows["flow"], 0))
    np.add.at(state.paid, (rows["fee"][paid], column[paid]), rows["payment"][paid])
    state.opening[column[rows["opening"] > 0]] = True


def _houses(of_class: Flags, given: Classes) -> Flags:
    """Whether any class of each book is meant."""
    return np.asarray(np.logical_or.reduceat(of_class, given.starts))


def _summed(values: Any, given: Classes) -> Any:
    return np.add.reduceat(values, given.starts)


def _shared(at: int, given: Classes, state: State, good: Flags) -> Ints:
    """What each class is worth before the session's fees and dealing: its NAV before and its share of the gain."""
    book = given.book
    moved = state.inflow - state.outflow - state.paid.sum(axis=0)
    gain = given.gross[at] - state.gross - _summed(moved, given)
    weight, whole = _weights(at, given, state, good)
    share = np.rint(gain[book] * (weight / np.maximum(whole, 1)[book])).astype(np.int64)
    last = np.maximum.reduceat(np.where(weight > 0, np.arange(len(book)), -1), given.starts)
    rest = gain - _summed(share, given)
    share[last[last >= 0]] += rest[last >= 0]
    return np.asarray(np.where(good, state.nav + share, state.nav))


def _weights(at: int, given: Classes, state: State, good: Flags) -> tuple[Ints, Ints]:
    """By what the gain is shared, and its sum by book: NAV; where no class has any, units, what the book is to open
    with, the money that comes in, else all is the first class's."""
    weight = np.where(good, np.maximum(state.nav, 0), 0)
    whole = _summed(weight, given)
    if whole.all():
        return weight, whole
    begun = given.terms[at] >= 0
    lead = np.zeros(len(weight), np.int64)
    lead[np.flatnonzero(begun)[np.unique(given.book[begun], return_index=True)[1]]] = 1
    for choice in (state.units, state.opening.astype(np.int64), state.inflow, lead):
        there = np.where(good, np.maximum(choice, 0), 0)
        weight = np.where((whole == 0)[given.book], there, weight)
        whole = _summed(weight, given)
    return weight, whole


def _years(at: int, given: Classes, state: State, terms: Ints) -> Floats:
    """Part of a year since the session through which each class has accrued; 0 on its first."""
    line = given.years[given.count[terms]] if len(given.years) else np.zeros((len(terms), 1))
    now, then = line[:, at], line[np.arange(len(terms)), np.maximum(state.last, 0)]
    return np.where(state.last < 0, 0.0, now - then)


def _open(opened: Flags, value: Ints, moves: Moves, state: State) -> None:
    """Turn what a book already holds into units at the launch price; it is also their high-water mark."""
    zero = np.zeros(len(value), np.int64)
    held = replace(moves, inflow=np.where(opened, np.maximum(value, 0), 0), outflow=zero, value=zero)
    state.units = np.where(
        opened, _dealt(held, replace(state, units=zero), zero.astype(np.float64)).issued, state.units
    )
    state.reference = np.where(opened, np.rint(value / moves.fx).astype(np.int64), state.reference)


def _crystallise(at: int, given: Classes, state: State, terms: Ints, moves: Moves) -> None:
    """At the end of its period a performance fee is due for good, the mark is what is left and the hurdle begins again.

    A period that ended without a value ends at the next one.
    """
    state.due = state.due | given.ends[at][given.book, given.period[terms]] & moves.shown
    now = moves.good & state.due
    if now.any():
        own = np.rint(moves.value / moves.fx).astype(np.int64)
        state.reference = np.where(now & (state.uncrystallised > 0), own, state.reference)
        state.hurdle = np.where(now, 0, state.hurdle)
        state.uncrystallised = np.where(now, 0, state.uncrystallised)
        state.due = state.due & ~now


def _deal(given: Classes, state: State, moves: Moves) -> None:
    """Issue and cancel units, and move the reference value with the money."""
    good, number = moves.good, moves.terms
    if not ((state.inflow > 0) | (state.outflow > 0))[good].any():
        return
    moves.inflow, moves.outflow = np.where(good, state.inflow, 0), np.where(good, state.outflow, 0)
    worth = _summed(np.where(good, moves.value, 0), given)
    net = np.where(worth > 0, _summed(moves.inflow - moves.outflow, given) / np.maximum(worth, 1), 0.0)[given.book]
    swing = np.where(np.abs(net) >= number["swing_threshold"], np.sign(net) * number["swing_factor"], 0.0)
    moves.dealt = dealt = _dealt(moves, state, swing)
    part = np.where(state.units > 0, np.minimum(dealt.cancelled / np.maximum(state.units, 1), 1.0), 0.0)
    for name in ("reference", "hurdle", "uncrystallised"):
        held = getattr(state, name)
        setattr(state, name, held - np.rint(held * part).astype(np.int64))
    state.reference = state.reference + np.rint(moves.inflow / moves.fx).astype(np.int64)
    state.units = state.units + dealt.issued - dealt.cancelled
    state.inflow, state.outflow = np.where(good, 0, state.inflow), np.where(good, 0, state.outflow)
    for column in np.flatnonzero(dealt.beyond)[::-1]:  # one turn a failure
        said = f"share class {given.names['share_class'].iloc[column]} gives up more units than there are"
        house = given.book[column]
        state.failed[house] = state.failed[house] or said


def _dealt(moves: Moves, state: State, swing: Floats) -> units.Dealt:
    price_places, unit_places = (moves.terms[name].astype(np.int64) for name in ("price_places", "unit_places"))
    return units.deal(
        moves.inflow,
        moves.outflow,
        moves.value,
        state.units,
        moves.fx,
        moves.terms["launch_price"],
        swing,
        price_places,
        np.minimum(unit_places, exact.QUANTITY),
    )


def _tables(given: Classes, found: list[Session]) -> dict[str, pd.DataFrame]:
    """The rows of the sessions that were asked for."""
    if not found:
        return _tables_of_nothing()
    shown = np.array([done.shown for done in found])
    row, column = np.nonzero(shown)
    at = np.array([done.at for done in found])[row]

    def values(name: str) -> Any:
        return np.array([getattr(done, name) for done in found])[shown]

    good, rate = values("good"), values("fx")
    names = given.names.take(column).reset_index(drop=True)
    base = given.base[at, given.book[column]]
    keyed = names.assign(business_date=given.dates[at], base_currency=base.astype(str))
    reason = np.where(good & (values("units") <= 0), "it has no units", values("reason"))

    def money(amount: Any) -> Any:
        return np.where(good, np.round(amount / rate) / SCALE, np.nan)

    nav = keyed.drop(columns="base_currency").assign(
        nav=money(values("nav")),
        nav_base=np.where(good, values("nav") / SCALE, np.nan),
        units=np.where(good, exact.units(values("units")), np.nan),
        nav_per_unit=np.where(good, values("price"), np.nan),
        swing_price=np.where(good, values("dealt_at"), np.nan),
        high_water_mark=np.where(good, np.round(values("mark"), 8), np.nan),
        subscriptions=money(values("inflow")),
        redemptions=money(-values("outflow")),
        currency=np.where(given.currency[column] == "", base, given.currency[column]).astype(str),
        fx_rate=rate,
        status=np.where(good, "ok", "failed"),
        reason=reason,
    )
    return {
        "fee_accruals": _accruals(found, shown, keyed),
        "share_class_nav": tables.conform("share_class_nav", nav.sort_values([*KEY, "share_class"], kind="stable")),
        "failures": _failures(given, found),
    }


def _tables_of_nothing() -> dict[str, pd.DataFrame]:
    failures = tables.empty("book_failures")
    return {name: tables.empty(name) for name in ("fee_accruals", "share_class_nav")} | {"failures": failures}


def _accruals(found: list[Session], shown: Flags, keyed: pd.DataFrame) -> pd.DataFrame:
    """Table ``fee_accruals``: a row for each kind of fee that a class bears or owes, unless its book has failed.

    Args:
        found: sessions.
        shown: which classes have a row, by session.
        keyed: business_date, book, share_class and base_currency of these rows.
    """
    sides = []
    for number, kind in enumerate(units.FEES):
        accrued, paid, payable = (
            np.array([getattr(done, name)[number] for done in found])[shown]
            for name in ("accrued", "covered", "payable")
        )
        rows = keyed.assign(
            accrual_kind=kind, amount=-accrued / SCALE, fee_paid=paid / SCALE, fee_payable=-payable / SCALE
        )
        borne = np.array([done.borne[number] for done in found])[shown]
        sides.append(rows[borne | (accrued != 0) | (paid != 0) | (payable != 0)])
    lost = np.array([done.lost for done in found])[shown]
    both = pd.concat(sides)
    both = both[~np.isin(both.index, np.flatnonzero(lost))]
    return tables.conform("fee_accruals", both.sort_values([*KEY, "share_class", "accrual_kind"], kind="stable"))


def _failures(given: Classes, found: list[Session]) -> pd.DataFrame:
    """Books that have failed for good, on each session on which they have a class to show."""
    rows = [
        pd.DataFrame(
            {
                "book": given.names["book"].to_numpy()[given.starts],
                "business_date": given.dates[done.at],
                "reason": done.failed.astype(str),
            }
        )
        for done in found
    ]
    both = pd.concat(rows, ignore_index=True)
    return tables.conform("book_failures", both[both["reason"] != ""])
