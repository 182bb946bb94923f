"""Adjusted series: closes in the terms of one date, with actions undone and, if wanted, dividends reinvested.

Belongs here: deriving them from raw closes and corporate actions. Does not belong here: keeping them. Nothing else is
made from them: positions are valued at raw prices, returns come from ``actions``.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.market import actions, dated

Basis = Literal["price", "total"]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Texts = NDArray[Any]
NEVER = pd.Timestamp("9999-12-31")


def adjusted(prices: pd.DataFrame, corporate_actions: pd.DataFrame, basis: Basis, as_of: Any) -> pd.DataFrame:
    """Closes of each instrument in the terms of ``as_of``.

    Multiplicative adjustment: close x factor, the factor being 1 in the terms of ``as_of``. Over the sessions from one
    close P0 to the next P1, what one unit becomes is worth G (``actions.becoming``: units at P1, capital, and on basis
    ``total`` income) and buys G / P1 units at the close P1; the factor of a date is what one unit of ``as_of`` was on
    it. So P1 x factor / (P0 x factor) - 1 is the price return, and on basis ``total`` the holding period return of CRSP
    (Data Descriptions Guide, "Returns"), the same as ``actions.returns`` gives over each step. Vendors that multiply by
    1 - D / P0 instead (LEAN factor files, Yahoo) reinvest at another price; their series differ by terms of the second
    order.

    Closes before ``as_of`` are adjusted backward, those after it forward. Actions between the last close and ``as_of``
    count where they change units; what is reinvested is so at the next close or not at all. A merger or delisting ends
    a series: the close on or after its ex_date is what one unit became, in the terms of the close before, and those
    after it are missing. Prices of basis ``adjusted`` hold all other actions already and keep their level.

    Args:
        prices: business_date, instrument, close, currency and price_basis; one row for each instrument and date, in any
            order: golden prices, or the raw ones of one source. Those of an instrument that an action delivers belong
            to it.
        corporate_actions: facts, as known when the series is to be seen from; cancelled ones do not count.
        basis: ``price`` for the price return, ``total`` for the total return.
        as_of: the date whose terms the closes are in.

    Returns:
        The rows in their order: business_date, instrument, close, factor, currency, reason. Where the terms of
        ``as_of`` cannot be told (currency or basis of the price changed in between, an action that cannot be valued)
        close and factor are missing and ``reason`` says why.

    Raises:
        ValueError: two rows for one instrument and date.
    """
    factor, lost, reason = _factors(prices, corporate_actions, basis, as_of)
    why = pd.Series("", prices.index, dtype="str")
    if len(lost):
        why.iloc[lost] = pd.Index(reason, dtype="str")
    told = prices[["business_date", "instrument"]].assign(close=prices["close"] * factor, factor=factor)
    return told.assign(currency=prices["currency"], reason=why)


def _factors(
    prices: pd.DataFrame, corporate_actions: pd.DataFrame, basis: Basis, as_of: Any
) -> tuple[Floats, Ints, Texts]:
    """The factor of each row, and the rows that have none with why.

    What is made on the way is as large as the prices, and gone when they are multiplied.
    """
    closes, names = _ordered(prices)
    known = actions.in_force(corporate_actions)
    ends = _ends(closes, names, known)
    posted, growth, broken = _steps(closes, names, known, ends, basis)
    base, terms = _base(closes, names, known, ends, as_of)
    factor = _linked(closes, posted, growth)
    factor /= (factor[base] * terms)[closes.code]
    lost, reason = _lost(closes, base, terms, ends, broken)
    factor[lost] = np.nan
    found = np.empty(len(prices))
    found[closes.order] = factor
    return found, closes.order[lost], reason


@dataclass(frozen=True)
class _Closes:
    """Prices by instrument and date: row ``order[k]`` of ``prices`` is the k-th close."""

    prices: pd.DataFrame
    order: Ints
    place: Ints
    """The instrument's number times 2^32, and the date."""

    @cached_property
    def code(self) -> NDArray[np.int32]:
        """The number of each close's instrument."""
        return (self.place >> 32).astype(np.int32)

    @cached_property
    def first(self) -> Ints:
        """The first close of each instrument."""
        return np.flatnonzero(np.r_[True, self.code[1:] != self.code[:-1]][: len(self.code)]).astype(np.int64)

    def take(self, at: Ints) -> pd.DataFrame:
        """The rows of those closes."""
        return self.prices.take(self.order[at]).reset_index(drop=True)

    def changed(self, column: str) -> Ints:
        """The closes whose value of a column is another than that of the same instrument's close before."""
        values = self.prices[column]
        if (values == next(iter(values), "")).all():  # a quarter of the time that numbering them takes
            return np.zeros(0, np.int64)
        numbers = pd.factorize(values)[0].astype(np.int32)[self.order]
        at = (np.flatnonzero(numbers[1:] != numbers[:-1]) + 1).astype(np.int64)
        own: Ints = at[at != self.first[self.code[at]]]
        return own


def _ordered(prices: pd.DataFrame) -> tuple[_Closes, "pd.Index[str]"]:
    code, names = pd.factorize(prices["instrument"])
    place = _key(code, prices["business_date"])
    del code
    order = np.argsort(place, kind="stable")
    place = place[order]
    twice = np.flatnonzero(place[1:] == place[:-1])
    if len(twice):
        row = prices.iloc[order[twice[0]]]
        raise ValueError(f"prices: {row['instrument']} has more than one close on {row['business_date']:%Y-%m-%d}")
    return _Closes(prices, order, place), names


def _key(code: Any, dates: Any) -> Ints:
    """One integer that sorts by instrument, then by date."""
    return (np.asarray(code, np.int64) << 32) + dated.days(dates) + 2**31


@dataclass(frozen=True)
class _Ends:
    """Where each instrument ends, by its number."""

    last: Ints
    """The close at which its last return ends; beyond all closes where there is none."""
    date: NDArray[np.datetime64]
    """The last day in its own terms."""
    before: NDArray[np.bool_]
    """Whether it had ended before its first close, so that its terms are not known on any."""
    reason: Texts


def _ends(closes: _Closes, names: Any, known: pd.DataFrame) -> _Ends:
    ended = actions.ends(known).reindex(pd.Index(names, name="instrument")).reset_index()
    at = _taking_effect(ended, closes.place, names)
    last = np.where(at >= 0, at, len(closes.place)).astype(np.int64)
    date = (ended["ex_date"] - actions.DAY).fillna(NEVER).to_numpy("datetime64[us]")
    reason = (
        "ended by " + ended["kind"].fillna("").to_numpy(object) + " of " + dated.iso(ended["ex_date"]).to_numpy(object)
    )
    return _Ends(last, date, at == closes.first, reason)


def _steps(
    closes: _Closes, names: Any, known: pd.DataFrame, ends: _Ends, basis: Basis
) -> tuple[Ints, Floats, "pd.Series[Any]"]:
    """The closes at which one unit is not just one, what it has become there, and why that cannot be told, by close."""
    code = closes.code
    over = np.flatnonzero(ends.last < len(code))
    after = ends.last[over] + ~ends.before[over]
    inside = after < len(code)
    inside[inside] = code[after[inside]] == over[inside]
    broken = [
        _said(after[inside], ends.reason[over][inside]),
        _said(closes.changed("price_basis"), "price basis changed"),
        _said(closes.changed("currency"), "price currency changed"),
    ]
    at = _taking_effect(known, closes.place, names)
    posted = np.unique(at[at >= 0])
    posted = posted[(posted > closes.first[code[posted]]) & (posted <= ends.last[code[posted]])]
    ended, since = closes.take(posted), closes.take(posted - 1)["business_date"]
    step = actions.becoming(known, closes.prices, ended, since)
    worth, why = step.capital, step.reason
    if basis == "total":
        worth, why = worth + step.income, step.total_reason
    growth = step.units + worth / ended["close"].to_numpy(np.float64)
    growth[why != ""] = 1.0
    broken.append(_said(posted[why != ""], why[why != ""]))
    all_broken = pd.concat(broken)
    return posted, growth, all_broken[~all_broken.index.duplicated()].sort_index()


def _linked(closes: _Closes, posted: Ints, growth: Floats) -> Floats:
    """What one unit of each instrument's first close has become at every close: the product of ``growth`` so far."""
    turns = np.r_[closes.first, posted]
    order = np.argsort(turns, kind="stable")
    grown = np.r_[np.ones(len(closes.first)), growth][order]
    at = turns[order]
    linked = pd.Series(grown).groupby(closes.code[at], sort=False).cumprod().to_numpy(np.float64)
    return np.repeat(linked, np.diff(np.r_[at, len(closes.order)]))


def _said(at: Ints, reason: Any) -> "pd.Series[Any]":
    return pd.Series(reason, index=pd.Index(at, dtype="int64"), dtype="object")


def _taking_effect(known: pd.DataFrame, place: Ints, names: Any) -> Ints:
    """The row of the first close on or after each action's ex_date; -1 where there is none."""
    code = pd.Index(names).get_indexer(pd.Index(known["instrument"]))
    wanted = _key(code, known["ex_date"])
    at = np.searchsorted(place, wanted)
    inside = (code >= 0) & known["ex_date"].notna().to_numpy() & (at < len(place))
    inside[inside] = place[at[inside]] >> 32 == code[inside]
    return np.where(inside, at, -1).astype(np.int64)


def _base(closes: _Closes, names: Any, known: pd.DataFrame, ends: _Ends, as_of: Any) -> tuple[Ints, Floats]:
    """The last close of each instrument at or before ``as_of`` (else its first), and units at ``as_of`` of one then.

    The terms of a date after its end are those of the day before it.
    """
    day = np.minimum(ends.date, np.datetime64(pd.Timestamp(as_of), "us"))
    found = np.searchsorted(closes.place, _key(np.arange(len(names)), day), side="right") - 1
    base = np.maximum(found, closes.first).astype(np.int64)
    rows = closes.take(base)
    before = actions.split_ratio(known, names, rows["business_date"], day)
    after = actions.split_ratio(known, names, day, rows["business_date"])
    return base, np.where(_raw(rows), before / after, 1.0)


def _raw(rows: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(rows["price_basis"] != "adjusted", bool)


def _lost(closes: _Closes, base: Ints, terms: Floats, ends: _Ends, broken: "pd.Series[Any]") -> tuple[Ints, Texts]:
    """The closes that cannot be told in the terms of the base of their instrument, and the break next to each."""
    at, code = broken.index.to_numpy(np.int64), closes.code
    never = ends.before | np.isnan(terms)
    if not len(at) and not never.any():
        return np.zeros(0, np.int64), np.zeros(0, object)
    passed = np.searchsorted(at, np.arange(len(closes.order)), side="right")
    own = base[code]
    lost = np.flatnonzero((passed != passed[own]) | never[code])
    nearest = passed[lost] - (lost >= own[lost])
    why = np.append(broken.to_numpy(object), "")[nearest]
    why[np.isnan(terms)[code[lost]]] = "an action between the last close and the date of the terms says no ratio"
    return lost, why
