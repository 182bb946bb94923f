"""Value at risk of groups of books: the firm, a strategy, a manager, a legal entity, a book with all below it.

Belongs here: who belongs together, and what is read off the sum of scenario vectors. Does not belong here: the vectors
(``scenarios``), the positions inside of a book (``components``).

Conventions: vectors of books are added scenario by scenario, so a group has exactly the VaR of one book that held all
of it. Amounts of a book in another base currency are exchanged at the closing rate into the firm's reporting currency,
the one that most books have (of equals the first by name); the capital of such a book is not itself taken to move with
that rate. Undiversified is the sum of the books' own VaR, diversification 1 - VaR / undiversified, empty when that is
not positive. component of a book adds up to the group's VaR; incremental is the group's VaR less that without the book.
A book that has no vector is left out and named in ``status``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.ledger.valuation import SCALE
from daybook.market import fx, security_master
from daybook.risk import models
from daybook.risk.components import attributed
from daybook.risk.models import Model
from daybook.risk.scenarios import Day, Floats, Ints
from daybook.risk.var import convention, figures

FIRM = "firm"
GROUPINGS = (FIRM, "strategy", "manager", "entity", "parent_book")
KEY = ["grouping", "member"]
NAMED = 5
"""Books that are left out of a group and named; of more the number is told."""


def members(books: pd.DataFrame) -> pd.DataFrame:
    """Which books belong together.

    Args:
        books: book, strategy, manager, entity, parent_book of each book of one session, "" where it has none.

    Returns:
        grouping, member and book. A book without a strategy, manager or entity stands for itself. A parent book holds
        itself and every book below it at any depth; a book without parent is at the top of its own.
    """
    names = books["book"]
    whole = [pd.DataFrame({"grouping": FIRM, "member": FIRM, "book": names})]
    for grouping in ("strategy", "manager", "entity"):
        member = books[grouping].where(books[grouping].ne(""), names)
        whole.append(pd.DataFrame({"grouping": grouping, "member": member, "book": names}))
    above = books.set_index("book")["parent_book"]
    own = names[names.isin(above) | above.eq("").to_numpy()]
    pairs = pd.DataFrame({"member": own, "book": own})
    found = books.loc[books["parent_book"].ne(""), ["parent_book", "book"]].set_axis(["member", "book"], axis=1)
    while len(found):
        pairs = pd.concat([pairs, found])
        # One level up; a book that is above itself by mistake ends where everything has been seen.
        found = found.assign(member=found["member"].map(above).fillna(""))
        found = found[found["member"].ne("")].merge(pairs, how="left", indicator=True)
        found = found.loc[found["_merge"].eq("left_only"), ["member", "book"]]
    frame = pd.concat([*whole, pairs.assign(grouping="parent_book")], ignore_index=True)
    return frame.sort_values([*KEY, "book"], ignore_index=True)


def reporting_currency(currencies: "pd.Series[str]") -> str:
    """The currency that most books have, of equals the first by name; "" of no books."""
    count = currencies.value_counts()
    return min(count.index[count == count.max()], default="")


def added(pnl: Floats, of: Ints, at: Ints, count: int) -> Floats:
    """Sums of vectors, exact and in any order: of amounts that are whole numbers of 10^-6.

    Args:
        pnl: vectors, shape (B, S).
        of: group of each pair, from 0.
        at: vector of each pair.
        count: number of groups.

    Returns:
        shape (count, S); 0 for a group of none.
    """
    from scipy.sparse import csr_matrix

    # Whole numbers below 2^53 add up in doubles without rounding: exact up to 9e9 units of money.
    chosen = csr_matrix((np.ones(len(at)), (of, at)), shape=(count, len(pnl)))
    total: Floats = (chosen @ np.rint(pnl * SCALE)) / SCALE
    return total


def group_var(
    days: Iterable[Day],
    nav: pd.DataFrame,
    books: pd.DataFrame,
    fx_rates: pd.DataFrame,
    var_models: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables ``group_var`` and ``group_var_components`` of ``sessions``.

    Args:
        days: of ``scenarios.days``.
        nav: table ``nav`` of the sessions; a book whose NAV failed is left out and named.
        books: facts.
        fx_rates: table ``fx_rates`` of the sessions.
        var_models: facts, for sessions on which no book has a NAV.
        sessions: sessions to compute.
    """
    known = {day.date: day for day in days}
    figures_of, components_of = [tables.empty("group_var")], [tables.empty("group_var_components")]
    for date in sessions:
        rows = nav.loc[nav["business_date"].eq(date)]
        if rows.empty:
            continue
        firm = _firm(date, rows, books, fx_rates)
        groups, day = Groups.of(firm), known.get(date)
        for model in models.in_force(var_models, date) if day is None else day.models:
            whole, parts = grouped(model, _vectors(model, day, firm), firm, groups)
            figures_of.append(whole.assign(business_date=date))
            components_of.append(parts.assign(business_date=date))
    order = ["business_date", *KEY, "method", "horizon_days", "confidence"]
    group_figures = pd.concat(figures_of).sort_values(order, ignore_index=True)
    parts_of = pd.concat(components_of).sort_values([*order, "book"], ignore_index=True)
    return tables.conform("group_var", group_figures), tables.conform("group_var_components", parts_of)


def _firm(date: pd.Timestamp, nav: pd.DataFrame, books: pd.DataFrame, fx_rates: pd.DataFrame) -> pd.DataFrame:
    """Every book of the session: book, nav (reporting currency), rate, currency, what it belongs to, and ``reason``
    why it cannot be added, "" when it can. ``nav`` is that of the session alone.
    """
    asleep = _asleep(date, books, nav["book"])
    rows = pd.concat([nav.sort_values("book"), asleep], ignore_index=True)
    known = security_master.attributes(books, "book", rows, [*GROUPINGS[1:], "base_currency"])
    rows["base_currency"] = rows["base_currency"].fillna(known.pop("base_currency"))
    currency = reporting_currency(rows["base_currency"])
    rate = fx.rates(fx_rates, rows["base_currency"], currency, rows["business_date"])
    reason = ("nav failed: " + rows["reason"].fillna("")).where(rows["status"].ne("ok"), "")
    unknown = "no rate from " + rows["base_currency"] + " to " + currency
    reason = reason.mask(reason.eq("") & np.isnan(rate), unknown)
    reason = reason.mask(rows["book"].isin(asleep["book"]), "no session of its calendar")
    own = pd.DataFrame({"book": rows["book"], "nav": rows["nav"] * rate, "rate": rate, "reason": reason})
    return pd.concat([own.assign(currency=currency), known], axis=1)


def _asleep(date: pd.Timestamp, books: pd.DataFrame, there: "pd.Series[str]") -> pd.DataFrame:
    """Books that exist without a row of the session, because their calendar has none: business_date and book."""
    rest = pd.DataFrame({"book": np.setdiff1d(books["book"].unique(), there)}).astype("str").assign(business_date=date)
    known = security_master.attributes(books, "book", rest, ["calendar", "inception_date"])
    closed = np.zeros(len(rest), bool)
    for name in known["calendar"].unique():
        closed |= known["calendar"].eq(name).to_numpy() & (
            calendars.is_calendar(name) and not calendars.is_session(name, [date])[0]
        )
    begun = known["inception_date"].isna() | known["inception_date"].le(date)
    return rest.loc[closed & begun, ["business_date", "book"]]


@dataclass(frozen=True)
class Groups:
    """Who belongs to which group of a session.

    Attributes:
        names: grouping and member of each group, shape (G, 2).
        group: group of each pair of a group and a book, shape (n,).
        book: the book of each pair, index into the firm's, shape (n,).
        left_out: the books of each group that cannot be added and why, "" when there is none, shape (G,).
    """

    names: NDArray[np.object_]
    group: Ints
    book: Ints
    left_out: NDArray[np.object_]

    @classmethod
    def of(cls, firm: pd.DataFrame) -> "Groups":
        """Those of ``firm``: book, strategy, manager, entity, parent_book and reason, "" when it can be added."""
        pairs = members(firm)
        group, names = pd.factorize(pd.MultiIndex.from_frame(pairs[KEY]))
        book = pd.Index(firm["book"]).get_indexer(pd.Index(pairs["book"]))
        found = names.to_frame(index=False).to_numpy(object)
        return cls(found, group, book, _left_out(firm, book, group, len(found)).to_numpy(object))


@dataclass(frozen=True)
class Vectors:
    """P&L of the books of a firm in one set of scenarios.

    Attributes:
        pnl: in the reporting currency, whole numbers of 10^-6, shape (V, S).
        at: book of the firm -> index into ``pnl``, -1 for none.
        weights: probability of each scenario, ``None`` where all are equal.
        sessions: past scenarios that they were made from.
        gross: gross value of each, in the reporting currency, shape (V,).
        own: that of it with own history in every scenario, shape (V,).
    """

    pnl: Floats
    at: Ints
    weights: Floats | None
    sessions: int
    gross: Floats
    own: Floats


def _vectors(model: Model, day: Day | None, firm: pd.DataFrame) -> Vectors:
    if day is None or model.problem:
        return Vectors(np.empty((0, 0)), np.full(len(firm), -1, np.int64), None, 0, *np.empty((2, 0)))
    made = day.scenarios(model)
    at = pd.Index(day.books).get_indexer(pd.Index(firm["book"])).astype(np.int64)
    at[firm["reason"].ne("").to_numpy()] = -1
    rate = np.zeros(len(day.books))
    rate[at[at >= 0]] = firm["rate"].to_numpy()[at >= 0]
    size = made.placed.gross
    gross, own = (np.bincount(day.book, part, len(day.books)) * rate for part in (size, size * made.placed.covered))
    pnl = np.rint(made.pnl * rate[:, None] * SCALE) / SCALE
    return Vectors(pnl, at, made.weights, made.sessions, gross, own)


def grouped(model: Model, vectors: Vectors, firm: pd.DataFrame, groups: Groups) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of every group by one model, and their components by book.

    Args:
        model: how figures are read.
        vectors: of the books.
        firm: the books: book, nav (reporting currency) and currency (the reporting one).
        groups: of the firm.

    Returns:
        The columns of ``group_var`` and of ``group_var_components`` without business_date.
    """
    count = len(groups.names)
    good = vectors.at[groups.book] >= 0
    of, book = groups.group[good], groups.book[good]
    at = vectors.at[book]
    whole = added(vectors.pnl, of, at, count)
    read = vectors.weights, model, vectors.sessions
    var, es, notes = figures(whole, *read)
    undiversified = np.zeros(var.shape)
    np.add.at(undiversified, of, figures(vectors.pnl, *read)[0][at])
    worth = np.bincount(of, firm["nav"].to_numpy(np.float64)[book], count).astype(np.float64)
    size = np.bincount(of, minlength=count)
    nothing = size == 0
    var[nothing], es[nothing], undiversified[nothing], worth[nothing] = np.nan, np.nan, np.nan, np.nan
    notes[nothing & (groups.left_out != "")] = "ok"
    share = np.divide(var, undiversified, out=np.full(var.shape, np.nan), where=undiversified > 0)
    gross, own = (np.bincount(of, part[at], count).astype(np.float64) for part in (vectors.gross, vectors.own))
    coverage = np.divide(own, gross, out=np.full(count, np.nan), where=gross > 0)
    currency, n = firm["currency"].iloc[0], len(model.confidences)
    figures_of = _long(model, KEY, groups.names).assign(
        var=var.round(6).ravel(),
        es=es.round(6).ravel(),
        nav=np.repeat(worth.round(6), n),
        undiversified=undiversified.round(6).ravel(),
        diversification=(1 - share).round(12).ravel(),
        currency=currency,
        scenarios=whole.shape[1],
        coverage=np.repeat(coverage.round(12), n),
        convention=np.repeat(_conventions(convention(vectors.sessions, model), size, currency), n),
        status=_status(notes, groups.left_out).ravel(),
    )
    component, incremental = attributed(
        whole, of, lambda some: vectors.pnl[at[some]], model, vectors.weights, vectors.sessions
    )
    named = np.concatenate([groups.names[of], firm["book"].to_numpy(object)[book, None]], axis=1)
    components_of = _long(model, [*KEY, "book"], named).assign(
        component=component.round(6).ravel(), incremental=incremental.round(6).ravel()
    )
    return figures_of, components_of.dropna(subset="component")


def _long(model: Model, columns: list[str], names: NDArray[np.object_]) -> pd.DataFrame:
    """One row for each of ``names`` and each confidence of ``model``."""
    repeated = np.repeat(names, len(model.confidences), axis=0)
    return pd.DataFrame(repeated, columns=columns).assign(
        method=model.method,
        confidence=np.tile(model.confidences, len(names)),
        horizon_days=model.horizon_days,
    )


def _left_out(firm: pd.DataFrame, book: Ints, of: Ints, groups: int) -> "pd.Series[str]":
    """For each group the books that are left out of it and why, the first of them by name; "" when none is."""
    out = pd.DataFrame({"of": of, "text": (firm["book"] + " (" + firm["reason"] + ")").to_numpy()[book]})
    out = out[firm["reason"].ne("").to_numpy()[book]]
    rank, count = out.groupby("of").cumcount(), np.bincount(out["of"], minlength=groups)
    said = pd.Series("", index=range(groups), dtype="str").mask(count > 0, "without ")
    for i in range(NAMED):
        name = out.loc[rank.eq(i)].set_index("of")["text"].reindex(said.index).fillna("")
        said += name.mask(name.ne(""), (", " if i else "") + name)
    return said.mask(count > NAMED, said + " and " + pd.Series(count - NAMED).astype("str") + " more")


def _status(notes: NDArray[np.object_], left_out: NDArray[np.object_]) -> NDArray[np.object_]:
    """``ok``, or everything that is to be known about the figure."""
    out = np.broadcast_to(left_out[:, None], notes.shape)
    both = np.where(notes == "ok", out, np.where(out == "", notes, notes + "; " + out))
    return np.where(both == "", "ok", both).astype(object)


def _conventions(text: str, size: Ints, currency: str) -> NDArray[np.object_]:
    books = pd.Series(size).astype("str") + " book" + pd.Series("s", range(len(size))).mask(size == 1, "")
    whole = text + "; vectors of " + books + f" added, in {currency} at the closing rate"
    return whole.to_numpy(object)
