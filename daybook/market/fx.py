"""Exchange rates: the golden rate of each delivered pair, and the rate between any two currencies.

Belongs here: choosing among sources, ageing, inverses and crosses. Does not belong here: amounts of money.
A rate is units of quote for one unit of base.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.market import dated

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MAX_AGE = 5
"""Sessions for which the last rate may stand in for a missing one (contract 2.14)."""
CALENDAR = "XNYS"
"""Calendar in which that age is counted: currencies have no exchange of their own, and this is the default one."""
PIVOTS = ("USD", "EUR", "GBP")
"""Third currencies tried first for a cross; then alphabetically."""


def golden(raw_fx_rates: pd.DataFrame, sessions: pd.DatetimeIndex, order: Sequence[str]) -> pd.DataFrame:
    """Golden rate of each pair ever delivered, on each session.

    Args:
        raw_fx_rates: facts; a single session needs those of its date and of ``MAX_AGE`` sessions before.
        sessions: midnight, naive.
        order: sources, the preferred one first (see ``dated.preferred``).

    Returns:
        Table ``fx_rates``. status ``ok``: delivered for the session. ``stale``: the last one before, at most
        ``MAX_AGE`` sessions old, with the reason. Older or none: no row.
    """
    facts = _facts(raw_fx_rates, order)
    wanted = dated.grid(sessions, facts[["base", "quote"]].drop_duplicates(ignore_index=True))
    known, sought = dated.codes([facts["base"], facts["quote"]], [wanted["base"], wanted["quote"]])
    at = dated.last(known, facts["business_date"], sought, wanted["business_date"])
    found = facts.take(np.maximum(at, 0)).reset_index(drop=True) if len(facts) else facts
    age = _age(found["business_date"], wanted["business_date"])
    stale = found["business_date"] != wanted["business_date"]
    text = "no rate was delivered for this session, the last one, of " + dated.iso(found["business_date"]) + ", is used"
    rows = wanted.assign(
        rate=found["rate"],
        source=found["source"],
        cut=found["cut"],
        status=np.where(stale, "stale", "ok"),
        reason=np.where(stale, text, ""),
    )
    return tables.conform("fx_rates", rows[(at >= 0) & (age <= MAX_AGE)])


def rates(fx_rates: pd.DataFrame, base: Any, quote: Any, dates: Any) -> Floats:
    """Golden rate from each of ``base`` into each of ``quote`` on ``dates``.

    1 between equal currencies; else the pair itself, its inverse, or the cross through one third currency (``PIVOTS``
    first, then alphabetically), in this order; one made of rates delivered for that session goes before a stale one.
    Only golden rows of the very date serve, since they carry the last rate forward themselves.

    Args:
        fx_rates: table ``fx_rates``, with the rows of all ``dates``.
        base: currencies to convert from.
        quote: currencies to convert into.
        dates: the session of each.

    Returns:
        One rate for each, NaN where there is none.
    """
    day, fresh = dated.days(fx_rates["business_date"]), (fx_rates["status"] == "ok").to_numpy()

    def usable(at: dated.Ints, on: dated.Ints) -> tuple[Flags, Flags]:
        return day[at] == on, fresh[at]

    return _between(fx_rates, usable, base, quote, dates)


def at(raw_fx_rates: pd.DataFrame, base: Any, quote: Any, dates: Any, order: Sequence[str]) -> Floats:
    """The same rate from the raw facts, on any dates.

    On a session this equals ``rates`` of ``golden``. On another date the last rate at or before it serves.

    Returns:
        One rate for each, NaN where there is none or it is more than ``MAX_AGE`` sessions old.
    """
    facts = _facts(raw_fx_rates, order)
    day = dated.days(facts["business_date"])
    passed = _passed(facts["business_date"])

    def usable(at: dated.Ints, on: dated.Ints) -> tuple[Flags, Flags]:
        age = _passed(on.astype("datetime64[D]")) - passed[at]
        return age <= MAX_AGE, day[at] == on

    return _between(facts, usable, base, quote, dates)


def triangles(raw_fx_rates: pd.DataFrame, sessions: pd.DatetimeIndex, tolerance: float) -> pd.DataFrame:
    """Three rates of one source and session between three currencies that do not agree.

    They agree when the round trip first -> second -> third -> first gives 1 within ``tolerance``, whichever way round
    it is gone. Which of the three is wrong cannot be told from them.

    Args:
        raw_fx_rates: facts; those of ``sessions`` count.
        sessions: midnight, naive.
        tolerance: a fraction; 0.005 lets the round trip gain half a percent.

    Returns:
        business_date, source, the currencies first, second and third in alphabetical order, ``legs`` as delivered
        ("EUR/USD 1.1", three of them), and ``product``, what one unit of first becomes on the trip.
    """
    found = raw_fx_rates[raw_fx_rates["business_date"].isin(sessions) & (raw_fx_rates["rate"] > 0)]
    turned = (found["base"] > found["quote"]).to_numpy()
    pairs = found[["business_date", "source"]].assign(
        low=found["base"].where(~turned, found["quote"]),
        high=found["quote"].where(~turned, found["base"]),
        value=np.where(turned, 1.0 / found["rate"], found["rate"]),
        leg=found["base"] + "/" + found["quote"] + " " + found["rate"].map("{:.10g}".format).astype("str"),
    )
    same = ["business_date", "source"]
    one, two, three = (
        pairs.rename(columns={"low": low, "high": high, "value": f"{low}{high}", "leg": f"leg_{low}{high}"})
        for low, high in (("a", "b"), ("b", "c"), ("a", "c"))
    )
    joined = one.merge(two, on=[*same, "b"]).merge(three, on=[*same, "a", "c"])
    product = joined["ab"] * joined["bc"] / joined["ac"]
    gain = np.maximum(product, 1.0 / product) - 1.0
    joined = joined.assign(
        product=product, gain=gain, legs=joined["leg_ab"] + ", " + joined["leg_bc"] + ", " + joined["leg_ac"]
    )
    off = joined[gain > tolerance].sort_values([*same, "a", "b", "c", "gain", "legs"])
    # A source may give a pair both ways round: the wider gap is told.
    off = off.drop_duplicates([*same, "a", "b", "c"], keep="last").rename(
        columns={"a": "first", "b": "second", "c": "third"}
    )
    return off[[*same, "first", "second", "third", "legs", "product"]].reset_index(drop=True)


def _facts(raw_fx_rates: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    columns = ["business_date", "base", "quote", "source", "rate", "cut", "known_at", "recorded_at", "delivery"]
    return dated.preferred(raw_fx_rates.loc[raw_fx_rates["rate"] > 0, columns], ("base", "quote"), order)


def _passed(dates: Any) -> dated.Ints:
    """Number of sessions at or before each date."""
    known = calendars.sessions(CALENDAR).to_numpy()
    return np.searchsorted(known, np.asarray(dates, "datetime64[us]"), side="right").astype(np.int64)


def _age(since: Any, dates: Any) -> dated.Ints:
    return _passed(dates) - _passed(since)


def _between(
    known: pd.DataFrame,
    usable: Callable[[dated.Ints, dated.Ints], tuple[Flags, Flags]],
    base: Any,
    quote: Any,
    dates: Any,
) -> Floats:
    """Rates for each wanted (base, quote, date), worked out once for those that are equal."""
    of_base, bases = pd.factorize(pd.Series(base, dtype="str"), use_na_sentinel=False)
    of_quote, quotes = pd.factorize(pd.Series(quote, dtype="str"), use_na_sentinel=False)
    of_day, days = pd.factorize(dated.days(dates))
    which, pairs = pd.factorize((of_base * max(len(quotes), 1) + of_quote) * max(len(days), 1) + of_day)
    pair, day = np.divmod(pairs, max(len(days), 1))
    at_base, at_quote = np.divmod(pair, max(len(quotes), 1))
    names = pd.Index(_currencies(known, (bases, quotes)), dtype="str")
    rate = _rates(
        _finder(known, names, usable),
        len(names),
        _numbered(names, bases)[at_base],
        _numbered(names, quotes)[at_quote],
        days[day],
    )
    return rate[which]


def _currencies(known: pd.DataFrame, wanted: Sequence[Any]) -> list[str]:
    """All currencies in the order in which they are tried as the third one."""
    names: set[str] = set().union(known["base"].unique(), known["quote"].unique(), *wanted)
    return [name for name in PIVOTS if name in names] + sorted(names - set(PIVOTS))


def _numbered(names: "pd.Index[str]", values: Any) -> dated.Ints:
    return names.get_indexer(pd.Index(values)).astype(np.int64)


Finder = Callable[[dated.Ints, dated.Ints, dated.Ints, bool], Floats]


def _finder(
    known: pd.DataFrame, names: "pd.Index[str]", usable: Callable[[dated.Ints, dated.Ints], tuple[Flags, Flags]]
) -> Finder:
    """A function (base, quote, day, fresh only) -> rate of the pair or of its inverse, NaN if there is none."""
    size = len(names)
    pair = _numbered(names, known["base"]) * size + _numbered(names, known["quote"])
    last = dated.lookup(pair, known["business_date"])
    values = known["rate"].to_numpy(np.float64)

    def one(base: dated.Ints, quote: dated.Ints, day: dated.Ints, fresh_only: bool) -> Floats:
        at = last(base * size + quote, day.astype("datetime64[D]"))
        found = np.full(len(at), np.nan)
        hit = np.flatnonzero(at >= 0)
        good, fresh = usable(at[hit], day[hit])
        hit = hit[good & (fresh | (not fresh_only))]
        found[hit] = values[at[hit]]
        return found

    def either(base: dated.Ints, quote: dated.Ints, day: dated.Ints, fresh_only: bool) -> Floats:
        direct = one(base, quote, day, fresh_only)
        missing = np.isnan(direct)
        if missing.any():
            direct[missing] = 1.0 / one(quote[missing], base[missing], day[missing], fresh_only)
        return direct

    return either


def _rates(find: Finder, currencies: int, base: dated.Ints, quote: dated.Ints, day: dated.Ints) -> Floats:
    rate = np.where(base == quote, 1.0, np.nan)
    for fresh_only in (True, False):
        left = np.flatnonzero(np.isnan(rate))
        rate[left] = find(base[left], quote[left], day[left], fresh_only)
        for third in range(currencies):
            left = np.flatnonzero(np.isnan(rate))
            if not len(left):
                break
            through = np.full(len(left), third, np.int64)
            legs = find(base[left], through, day[left], fresh_only), find(through, quote[left], day[left], fresh_only)
            rate[left] = legs[0] * legs[1]
    return rate
