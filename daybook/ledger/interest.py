"""Interest on cash: what the bank owes a book, or is owed by it, for its settled balances.

Belongs here: the rates in force, the daily accrual by day count, and what a payment leaves of it. Does not belong here:
interest transactions themselves (``transactions``), accrued interest of bonds, risk-free rates.

Each calendar day d the settled balance at its close, that of a holiday included, earns balance x rate / days of the
year, rounded once, half to even, to 10^-6: simple interest, nothing compounds before it is paid. On a session it has
accrued for all days before that session. An ``interest`` transaction without instrument pays all that has accrued in
its book and currency through its session; what it pays more or less than that is income of the session.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import cash, exact, spans
from daybook.market import dated

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

YEARS = {"actual/360": 360, "actual/365": 365, "actual/actual": 0, "30/360": 360}
"""Days of a year by day count (``day_count``); 0: those of the calendar year."""
DEFAULT = "actual/360"
"""Day count of a rate that names none."""
RATE_PLACES = 15
"""Decimal places of a rate; the rest is rounded away, half to even."""


@dataclass(frozen=True)
class _Pieces:
    """Stretches of days of each stream on which balance and rate stay the same, in order of stream and day.

    ``daily`` is what one day earns in 10^-6, ``accrued`` what the days of the stream before the piece earned, ``rough``
    the same as floats of any size, ``count`` the day count and ``unknown`` whether that is none of ``YEARS``.
    """

    stream: Ints
    day: Ints
    daily: Ints
    rough_daily: Floats
    count: Any
    accrued: Ints
    rough: Floats
    unknown: NDArray[np.bool_]

    def until(self, stream: Ints, day: Ints) -> tuple[Ints, Floats, NDArray[np.bool_]]:
        """What each stream earned by ``day``: exactly, modulo 2^64; roughly; and whether a day count was unknown."""
        at = np.searchsorted(_key(self.stream, self.day), _key(stream, day), side="right") - 1
        there = (at >= 0) & (self.stream[np.maximum(at, 0)] == stream) if len(self.stream) else np.zeros(len(at), bool)
        at = at[there]
        days = _counted(self.count[at], day[there]) - _counted(self.count[at], self.day[at])
        exactly, roughly, unknown = np.zeros(len(day), np.int64), np.zeros(len(day)), np.zeros(len(day), bool)
        exactly[there] = self.accrued[at] + self.daily[at] * days
        roughly[there] = self.rough[at] + self.rough_daily[at] * days
        unknown[there] = self.unknown[at]
        return exactly, roughly, unknown


def earned(journal: "Journal", cash_rates: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Interest accrued on ``sessions`` on the settled balance of every book and currency that has a rate.

    Args:
        journal: of the books.
        cash_rates: facts. credit_rate is earned on a positive balance and debit_rate paid on a negative one, both as
            yearly fractions; a row holds from valid_from to valid_to, and one that names the book comes before one for
            every book.
        sessions: midnight, naive.

    Returns:
        business_date, book, currency; accrued (10^-6, not paid yet, negative is owed) and income (10^-6, of the
        session, beyond what its interest transactions say; without them what has accrued since the book's session
        before); reason, "" unless the amount is not known: then both are 0. Only rows that say something.
    """
    of = cash_rates[cash_rates["currency"].isin(journal.flows["currency"].unique())]
    keys, names = cash.keyed(journal.flows)
    pieces = _pieces(journal.flows, keys, names, of, int(dated.days(sessions[-1:])[0]) if len(of) else 0)
    known = np.unique(pieces.stream)
    first = pieces.day[np.searchsorted(pieces.stream, known)]
    row, business_date = journal.rows(
        names["book"].to_numpy()[known], first, np.full(len(known), spans.FOREVER), sessions
    )
    stream = known[row]
    rows = names.take(stream).reset_index(drop=True).assign(business_date=business_date)
    paid = _payments(journal.entries, names)
    now, unknown, large = _outstanding(pieces, paid, stream, dated.days(business_date))
    before, _, _ = _outstanding(pieces, paid, stream, dated.days(cash.session_before(journal.books, rows)))
    reason = np.where(large, "the interest on cash in " + rows["currency"] + " does not fit into 64 bits", "")
    reason = np.where(unknown, "the day count of the rate on cash in " + rows["currency"] + " is not known", reason)
    good = reason == ""
    found = rows.assign(accrued=np.where(good, now, 0), income=np.where(good, now - before, 0), reason=reason)
    said = (found["accrued"] != 0) | (found["income"] != 0) | ~good
    columns = ["business_date", "book", "currency", "accrued", "income", "reason"]
    told: pd.DataFrame = found.loc[said, columns].reset_index(drop=True).astype({"reason": "str"})
    return told


def _pieces(flows: pd.DataFrame, keys: Ints, names: pd.DataFrame, rates: pd.DataFrame, through: int) -> _Pieces:
    """The pieces of every stream (number of a book and currency) that has a rate, up to day ``through``."""
    settled = spans.running(keys, flows["settle"].to_numpy(), flows["amount"].to_numpy())
    rated = _rated(names, rates)
    begin, end = dated.days(rated["valid_from"]), rated["valid_to"]
    ended = end.notna().to_numpy()
    having = np.isin(settled.group, rated["stream"])
    years = np.arange(1970, 1970 + through // 365 + 1)
    first_of_year = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    streams = np.unique(settled.group[having])
    stream = np.r_[
        rated["stream"].to_numpy(), rated.loc[ended, "stream"], settled.group[having], np.repeat(streams, len(years))
    ].astype(np.int64)
    ends = dated.days(end[ended]) + 1
    day = np.r_[begin, ends, settled.start[having], np.tile(first_of_year, len(streams))].astype(np.int64)
    # Before its first flow a stream has nothing, and after the last session nothing is asked.
    start = np.full(len(names), spans.FOREVER, np.int64)
    np.minimum.at(start, settled.group, settled.start)
    kept = (day >= start[stream]) & (day <= through)
    stream, day = np.unique(np.c_[stream[kept], day[kept]], axis=0).T if kept.any() else (stream[:0], day[:0])
    level = settled.before(stream, day + 1)[0]
    daily, unknown, count = _daily(level, _in_force(rated, stream, day), rated, day)
    exactly, _ = exact.fitting(daily)
    roughly = daily.astype(np.float64)
    fresh = np.r_[True, np.diff(stream) != 0][: len(stream)]
    until = np.where(np.r_[fresh[1:], True][: len(stream)], day, np.r_[day[1:], 0][: len(stream)])
    days = _counted(count, until) - _counted(count, day)
    since = np.maximum.accumulate(np.where(fresh, np.arange(len(stream)), 0)) if len(stream) else day
    accrued, rough = (_running(per_day * days, since) for per_day in (exactly, roughly))
    seen = _running(unknown.astype(np.int64), since) + unknown > 0
    return _Pieces(stream, day, exactly, roughly, count, accrued, rough, seen)


def _running(values: Any, since: Ints) -> Any:
    """Sum of the values of the same stream before each; the sum over all streams may wrap."""
    before = np.cumsum(values) - values
    return before - before[since]


def _rated(names: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """Each rate with each stream that it may hold for: ``stream`` and whether it names the book."""
    streams = names.assign(stream=np.arange(len(names)))
    general = rates[rates["book"] == ""].drop(columns="book").merge(streams, on="currency").assign(own=False)
    named = rates[rates["book"] != ""].merge(streams, on=["book", "currency"]).assign(own=True)
    return pd.concat([general, named], ignore_index=True).sort_values("valid_from", kind="stable", ignore_index=True)


def _in_force(rated: pd.DataFrame, stream: Ints, day: Ints) -> Ints:
    """Position in ``rated`` of the rate of each stream on each day; -1 where there is none."""
    found = np.full(len(stream), -1, np.int64)
    on = day.astype("datetime64[D]")
    for own in (False, True):
        at = np.flatnonzero(rated["own"].to_numpy() == own)
        rows = rated.take(at)
        last = dated.last(rows["stream"].to_numpy(np.int64), rows["valid_from"], stream, on)
        end = rows["valid_to"].fillna(pd.Timestamp("2200-01-01"))
        holds = (last >= 0) & (dated.days(end)[last] >= day) if len(at) else np.zeros(len(stream), bool)
        found = np.where(holds, at[last] if len(at) else -1, found)
    return found


def _daily(level: Ints, at: Ints, rated: pd.DataFrame, day: Ints) -> tuple[Any, NDArray[np.bool_], Any]:
    """What a day earns on each level, whether its day count is unknown, and the day count."""
    rate = np.where(
        at < 0, 0.0, np.where(level >= 0, _taken(rated, "credit_rate", at), _taken(rated, "debit_rate", at))
    )
    # The rounding of a rate to RATE_PLACES; a rate is repeated for every balance, so each is looked at once.
    code, different = pd.factorize(np.nan_to_num(rate))
    scaled, good = exact.scaled([exact.decimal(value) for value in different], RATE_PLACES)
    count = pd.Series(_taken(rated, "day_count", at), dtype="str").fillna("").replace("", DEFAULT)
    year = count.map(YEARS).to_numpy(np.float64)
    unknown = np.isnan(year) | ~good[code]
    own = np.where(year == 0, _days_of_year(day), year)
    divisor = np.where(unknown, 1, own).astype(np.int64).astype(object) * 10**RATE_PLACES
    return exact.quotients(divisor, level, scaled[code]), unknown, count.to_numpy(object)


def _taken(rated: pd.DataFrame, column: str, at: Ints) -> Any:
    return rated[column].reset_index(drop=True).reindex(at).to_numpy()


def _days_of_year(day: Ints) -> Ints:
    year = day.astype("datetime64[D]").astype("datetime64[Y]")
    found: Ints = ((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(np.int64)
    return found


def _counted(count: Any, day: Ints) -> Ints:
    """Days from 1970 on by day count: calendar days, or 30 in every month (the 31st counts as the 30th)."""
    date = day.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    of_month = (date - month.astype("datetime64[D]")).astype(np.int64)
    found: Ints = np.where(count == "30/360", month.astype(np.int64) * 30 + np.minimum(of_month, 29), day)
    return found


def _payments(entries: pd.DataFrame, names: pd.DataFrame) -> tuple[Ints, Ints]:
    """Stream and session of every interest transaction without instrument, sorted."""
    paid = entries[(entries["kind"] == "interest") & (entries["named"] == "")]
    known, wanted = dated.codes([names["book"], names["currency"]], [paid["book"], paid["currency"]])
    number = np.full(max(known.max(initial=-1), wanted.max(initial=-1)) + 1, -1, np.int64)
    number[known] = np.arange(len(names))
    key = np.unique(_key(number[wanted], paid["session"].to_numpy(np.int64)))
    return key // spans.FOREVER, key % spans.FOREVER


def _outstanding(
    pieces: _Pieces, paid: tuple[Ints, Ints], stream: Ints, day: Ints
) -> tuple[Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """What has accrued by each day and was not paid, whether a day count is unknown, and whether it is too large."""
    at = np.searchsorted(_key(*paid), _key(stream, day), side="right") - 1
    settled = (at >= 0) & (paid[0][np.maximum(at, 0)] == stream) if len(paid[0]) else np.zeros(len(stream), bool)
    now, rough, unknown = pieces.until(stream, day)
    then, rough_then, _ = pieces.until(stream[settled], paid[1][at[settled]])
    now[settled] -= then
    rough[settled] -= rough_then
    return now, unknown, np.abs(rough) >= float(exact.LIMIT) / 2


def _key(stream: Ints, day: Ints) -> Ints:
    return stream * np.int64(spans.FOREVER) + day
