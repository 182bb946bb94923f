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

from dataclasses import dataclass
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
        unknown: why it is not known, "" where it is.
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
        dealt: dealings, in order of session.
        slices: where those of each session begin, and the end.
    """

    dates: pd.DatetimeIndex
    names: pd.DataFrame
    book: Ints
    starts: Ints
    present: Flags
    gross: Ints
    unknown: Texts
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
    dealt: pd.DataFrame
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
        done = _close(at, given, state)
        if wanted[at]:
            found.append(done)
    return _tables(given, found)


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
    ended = _ended(terms, in_force, dates)
    conventions = pd.Series(terms["day_count"].map(day_count.canonical).replace("", "actual/365"), dtype="str")
    codes, kinds = pd.factorize(conventions)
    base_of = filled["base"][:, book]
    dealt = dealings.assign(
        column=pd.MultiIndex.from_frame(names).get_indexer(pd.MultiIndex.from_frame(dealings[ROW])),
        house=of_book.get_indexer(pd.Index(dealings["book"])),
        row=np.searchsorted(dates.to_numpy(), dealings["business_date"].to_numpy()),
        flow=micros(dealings["flows"]),
        payment=micros(dealings["fee_paid"]),
    )
    dealt = dealt[dealt["house"] >= 0].sort_values("row", kind="stable")
    rates = {name: terms[name].to_numpy(np.float64) for name in _NUMBERS}
    return Classes(
        dates=dates,
        names=names,
        book=book,
        starts=starts,
        terms=in_force,
        ended=ended,
        rates={name: np.where(np.isnan(values), default, values) for (name, default), values in
               zip(_NUMBERS.items(), rates.values(), strict=True)},
        count=codes.astype(np.int64),
        years=np.array([day_count.position(kind, dates) for kind in kinds]).reshape(len(kinds), len(dates)),
        ends=_ends(dates, of_book, books),
        period=pd.Index(list(PERIODS)).get_indexer(pd.Index(terms["crystallisation"].replace("", "year"))),
        currency=currency,
        fx=_rates(currency, base_of, fx_rates, dates),
        dealt=dealt,
        slices=np.searchsorted(dealt["row"].to_numpy(), np.arange(len(dates) + 1)),
        **filled,
    )  # fmt: skip


_NUMBERS = {
    **dict.fromkeys(("management_fee", "performance_fee", "hurdle_rate", "swing_factor"), 0.0),
    "swing_threshold": np.inf, "launch_price": 100.0, "unit_places": 4.0, "price_places": 4.0,
}  # fmt: skip
"""Numbers of a class's terms, and what an empty one means."""


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


def _close(at: int, given: Classes, state: State) -> Session:
    """Take ``state`` from the session before to session ``at``."""
    _receive(at, given, state)
    book, begun = given.book, given.terms[at] >= 0
    rate = given.fx[at]
    shown = begun & given.present[at][book]
    problem = _problem(at, given, state)
    good = shown & (problem == "")
    terms = np.maximum(given.terms[at], 0)
    live = good & ~given.ended[at]
    number = {name: values[terms] for name, values in given.rates.items()}
    value, before = _shared(at, given, state, good), state.nav.copy()
    years = _years(at, given, state, terms)
    opened = good & state.opening
    _open(opened, value, rate, number["launch_price"], number["unit_places"].astype(np.int64), state)
    accrued, paid = np.zeros_like(state.payable), np.zeros_like(state.payable)
    accrued[0] = np.where(live, fees.management(value, number["management_fee"], years), 0)
    value = value - accrued[0]
    state.hurdle += np.where(live, np.rint(state.reference * number["hurdle_rate"] * years), 0).astype(np.int64)
    worth = value + state.uncrystallised
    fee = fees.performance(worth, state.reference, state.hurdle, np.where(good, rate, 1.0), number["performance_fee"])
    fee = np.where(live, fee, state.uncrystallised)
    accrued[1] = np.where(good, fee - state.uncrystallised, 0)
    value = value - accrued[1]
    state.payable += accrued
    paid = np.where(good, fees.covered(state.paid, state.payable), 0)
    state.payable -= paid
    value = value - np.where(good, state.paid - paid, 0).sum(axis=0)
    state.uncrystallised = np.where(good, fee, state.uncrystallised)
    _crystallise(at, given, state, terms, good, value, rate)
    dealt = _deal(at, given, state, good, value, rate, number)
    flows = np.where(good, state.inflow, 0), np.where(good, state.outflow, 0)
    state.nav = np.where(good, value + flows[0] - flows[1], before)
    state.gross = np.where(_houses(good, given), given.gross[at], state.gross)
    state.last = np.where(good, at, state.last)
    for name in ("inflow", "outflow", "opening"):
        setattr(state, name, np.where(good, 0, getattr(state, name)).astype(getattr(state, name).dtype))
    state.paid = np.where(good, 0, state.paid)
    failing = np.array(_first(good & dealt.beyond, given, "share class " + given.names["share_class"].to_numpy(object)
                              + " gives up more units than there are"), object)  # fmt: skip
    state.failed = np.where(state.failed == "", failing, state.failed)
    reason = np.where(problem == "", state.failed[book], problem)
    with np.errstate(invalid="ignore", divide="ignore"):
        after = state.nav / np.where(good, rate, 1.0) / np.where(state.units > 0, state.units, np.nan) * 100.0
        scale = 10.0 ** number["price_places"]
        price = np.where(np.isnan(dealt.price), np.rint(after * scale) / scale, dealt.price)
        mark = state.reference / np.where(state.units > 0, state.units, np.nan) * 100.0
    return Session(
        at=at,
        shown=shown & ~(given.ended[at] & (state.units == 0) & (state.nav == 0) & (state.payable == 0).all(axis=0)),
        good=good & (reason == ""),
        lost=state.failed[book] != "",
        reason=reason,
        failed=state.failed.copy(),
        borne=np.array([number["management_fee"] > 0, number["performance_fee"] > 0]) & ~given.ended[at],
        nav=state.nav.copy(),
        units=state.units.copy(),
        price=price,
        dealt_at=np.where((state.units > 0) | (dealt.cancelled > 0), dealt.at, np.nan),
        mark=np.where(number["performance_fee"] > 0, mark, np.nan),
        inflow=flows[0],
        outflow=flows[1],
        accrued=accrued,
        covered=paid,
        payable=state.payable.copy(),
        fx=rate,
    )


def _receive(at: int, given: Classes, state: State) -> None:
    """Add the dealings of the session to what waits; a book with one that has no place fails."""
    rows = given.dealt.iloc[given.slices[at] : given.slices[at + 1]]
    if not len(rows):
        return
    placed = rows[(rows["column"] >= 0) & (rows["reason"] == "")]
    column, flow, kind = placed["column"].to_numpy(), placed["flow"].to_numpy(), placed["kind"].to_numpy(object)
    np.add.at(state.inflow, column, np.maximum(flow, 0))
    np.add.at(state.outflow, column, np.maximum(-flow, 0))
    for number, name in enumerate(units.FEES):
        np.add.at(state.paid[number], column, np.where(kind == name, placed["payment"].to_numpy(), 0))
    state.opening[column[kind == units.OPENING]] = True
    lost = rows[rows["reason"] != ""].drop_duplicates("house")
    house = lost["house"].to_numpy()
    state.failed[house] = np.where(state.failed[house] == "", lost["reason"].to_numpy(object), state.failed[house])


def _problem(at: int, given: Classes, state: State) -> Texts:
    """Why each class cannot be computed on the session, "" where it can."""
    house = np.where(state.failed == "", given.unknown[at], state.failed)
    changed = (given.base[at] != "") & (given.base[: at + 1] != "").any(axis=0)
    first = given.base[np.argmax(given.base != "", axis=0), np.arange(len(house))]
    changed &= given.base[at] != first
    house = np.where((house == "") & changed, "the currency of the book changed from " + first, house)
    state.failed = np.where(changed & (state.failed == ""), house, state.failed)
    pair = given.currency + "/" + given.base[at][given.book]
    lost = np.isnan(given.fx[at]) & (given.terms[at] >= 0)
    unrated = np.array(_first(lost, given, "no exchange rate " + pair), object)
    return np.where(house == "", unrated, house)[given.book]


def _first(bad: Flags, given: Classes, text: Any) -> list[str]:
    """For each book the text of its first class that is ``bad``, "" where none is."""
    found = [""] * len(given.starts)
    for column in np.flatnonzero(bad)[::-1]:  # one turn a failure
        found[given.book[column]] = str(text[column])
    return found


def _houses(of_class: Flags, given: Classes) -> Flags:
    """Whether any class of each book is meant."""
    return np.asarray(np.logical_or.reduceat(of_class, given.starts))


def _summed(values: Any, given: Classes) -> Any:
    return np.add.reduceat(values, given.starts)


def _shared(at: int, given: Classes, state: State, good: Flags) -> Ints:
    """What each class is worth before the session's fees and dealing: its NAV before and its share of the gain.

    The gain is shared by NAV; where no class has any, by units, by the money that comes in, else it is the first's.
    """
    book = given.book
    moved = state.inflow - state.outflow - state.paid.sum(axis=0)
    gain = given.gross[at] - state.gross - _summed(moved, given)
    begun = given.terms[at] >= 0
    lead = np.zeros(len(book), np.int64)
    lead[np.flatnonzero(begun)[np.unique(book[begun], return_index=True)[1]]] = 1
    weight = np.zeros(len(book), np.int64)
    for choice in (state.nav, state.units, state.opening.astype(np.int64), state.inflow, lead):
        there = np.where(good, np.maximum(choice, 0), 0)
        weight = np.where((_summed(weight, given) == 0)[book], there, weight)
    whole = _summed(weight, given)[book]
    share = np.rint(gain[book] * (weight / np.maximum(whole, 1))).astype(np.int64)
    last = np.maximum.reduceat(np.where(weight > 0, np.arange(len(book)), -1), given.starts)
    rest = gain - _summed(share, given)
    share[last[last >= 0]] += rest[last >= 0]
    return np.where(good, state.nav + share, state.nav)


def _years(at: int, given: Classes, state: State, terms: Ints) -> Floats:
    """Part of a year since the session through which each class has accrued; 0 on its first."""
    line = given.years[given.count[terms]] if len(given.years) else np.zeros((len(terms), 1))
    now, then = line[:, at], line[np.arange(len(terms)), np.maximum(state.last, 0)]
    return np.where(state.last < 0, 0.0, now - then)


def _open(opened: Flags, value: Ints, rate: Floats, launch_price: Floats, places: Ints, state: State) -> None:
    """Turn what a book already holds into units at the launch price; it is also their high-water mark."""
    if opened.any():
        nothing = np.zeros_like(value)
        dealt = units.deal(np.where(opened, np.maximum(value, 0), 0), nothing, nothing, nothing,
                           np.where(opened, rate, 1.0), launch_price, np.zeros(len(value)), places, places)  # fmt: skip
        state.units = np.where(opened, dealt.issued, state.units)
        own = np.rint(value / np.where(opened, rate, 1.0)).astype(np.int64)
        state.reference = np.where(opened, own, state.reference)


def _crystallise(at: int, given: Classes, state: State, terms: Ints, good: Flags, value: Ints, rate: Floats) -> None:
    """At the end of its period a performance fee is due for good and the mark is what is left; the hurdle begins
    again. A period that ended without a value ends at the next one."""
    state.due |= given.ends[at][given.book, given.period[terms]] & (given.terms[at] >= 0)
    now = good & state.due
    own = np.rint(value / np.where(now, rate, 1.0)).astype(np.int64)
    state.reference = np.where(now & (state.uncrystallised > 0), own, state.reference)
    state.hurdle = np.where(now, 0, state.hurdle)
    state.uncrystallised = np.where(now, 0, state.uncrystallised)
    state.due &= ~now


def _deal(
    at: int, given: Classes, state: State, good: Flags, value: Ints, rate: Floats, number: dict[str, Floats]
) -> units.Dealt:
    """Issue and cancel units, and move the reference value with the money."""
    inflow, outflow = np.where(good, state.inflow, 0), np.where(good, state.outflow, 0)
    safe = np.where(good, rate, 1.0)
    worth = _summed(np.where(good, value, 0), given)
    net = np.where(worth > 0, _summed(inflow - outflow, given) / np.maximum(worth, 1), 0.0)[given.book]
    swing = np.where(np.abs(net) >= number["swing_threshold"], np.sign(net) * number["swing_factor"], 0.0)
    places = [number[name].astype(np.int64) for name in ("price_places", "unit_places")]
    places[1] = np.minimum(places[1], exact.QUANTITY)
    dealt = units.deal(inflow, outflow, value, state.units, safe, number["launch_price"], swing, *places)
    part = np.where(state.units > 0, np.minimum(dealt.cancelled / np.maximum(state.units, 1), 1.0), 0.0)
    for name in ("reference", "hurdle", "uncrystallised"):
        held = getattr(state, name)
        setattr(state, name, held - np.rint(held * part).astype(np.int64))
    state.reference = state.reference + np.rint(inflow / safe).astype(np.int64)
    state.units = state.units + dealt.issued - dealt.cancelled
    return dealt


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
