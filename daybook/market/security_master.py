"""Reference data by date: the books, instruments and accounts in force on a session, and what others call them.

Belongs here: choosing the row that holds on a date, who is called what on a date, and the groups above an issuer. Does
not belong here: prices, and what a missing instrument means for the row that named it.

An instrument is known by a permanent id of ours, whatever happens to its names: a renamed company keeps its id, the
next holder of its ticker gets another one, each class of a company's shares has its own, and what merged away or was
delisted is still there. Names are facts with a span of dates and an exchange, in the one table ``identifiers``. No
table has a column ``ticker`` (or isin, figi, cusip, sedol, cik): files that come with one are resolved at the date of
each row before they become facts. So two tables can be joined by ``instrument`` alone, and to go from a name to an
instrument or back there are ``resolve`` and ``called``, which cannot be asked without a date for each row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.market import dated

Texts = NDArray[Any]


def effective(facts: pd.DataFrame, key: str, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The row in force of every ``key`` on every session: the latest valid_from at or before it, else the first.

    Args:
        facts: reference rows with ``key`` and valid_from (books, instruments or accounts).
        key: name of the column that identifies what the row is about.
        sessions: midnight, naive.

    Returns:
        One row per (business_date, ``key``), business_date first, then the columns of ``facts``.
    """
    wanted = dated.grid(sessions, facts[[key]].drop_duplicates().sort_values(key, ignore_index=True))
    rows = facts.take(in_force(facts, key, wanted[key], wanted["business_date"])).reset_index(drop=True)
    rows.insert(0, "business_date", wanted["business_date"])
    return rows


def point_value(asset_class: "pd.Series[str]", multiplier: "pd.Series[float]") -> "pd.Series[float]":
    """Money per unit and point of price: the multiplier, 1 where none is known; a bond's price is per 100."""
    return multiplier.fillna(1.0).mask(asset_class == "bond", 0.01)


def in_force(facts: pd.DataFrame, key: str, values: Any, dates: Any) -> dated.Ints:
    """Position in ``facts`` of the row in force for each value on its date; -1 where the value is unknown.

    The rule is that of ``effective``, for pairs of value and date instead of a full grid.
    """
    order = np.argsort(facts["valid_from"].to_numpy("datetime64[us]"), kind="stable")
    code, names = pd.factorize(pd.Series(values), use_na_sentinel=False)
    day, days = pd.factorize(dated.days(dates))
    # Each value on each date is looked up once: a million positions are of some thousand instruments.
    which, pairs = pd.factorize(code * max(len(days), 1) + day)
    known, sought = dated.codes([facts[key].take(order)], [names])
    wanted = sought[pairs // max(len(days), 1)]
    at = dated.last(
        known, facts["valid_from"].to_numpy()[order], wanted, days[pairs % max(len(days), 1)].astype("datetime64[D]")
    )
    first = np.full(max(known.max(initial=-1), wanted.max(initial=-1)) + 1, -1, np.int64)
    first[known[::-1]] = np.arange(len(known))[::-1]
    found = np.where(at >= 0, at, first[wanted])
    return np.where(found >= 0, order[found] if len(order) else -1, -1).astype(np.int64)[which]


def attributes(facts: pd.DataFrame, key: str, rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """``columns`` of the row of ``facts`` in force for each of ``rows`` (with ``key`` and business_date), in its order.

    Empty text, or no value, where the key is unknown.
    """
    at = in_force(facts, key, rows[key], rows["business_date"])
    found = facts[list(columns)].reset_index(drop=True).reindex(at).set_axis(rows.index)
    texts = [name for name in columns if found[name].dtype == "str"]
    return found.assign(**{name: found[name].fillna("") for name in texts})


def canonical(scheme: str, values: Texts) -> Texts:
    """``values`` as identifiers are kept: a CIK without leading zeros, which are padding, all others as they are."""
    return pd.Series(values, dtype="str").str.lstrip("0").to_numpy(object) if scheme == "cik" else values


def resolve(identifiers: pd.DataFrame, scheme: str, values: Any, exchanges: Any, dates: Any) -> tuple[Texts, Texts]:
    """Instruments that went by ``values`` in ``scheme`` on ``dates``.

    Args:
        identifiers: facts; a row holds from valid_from to valid_to, both included, without end when that is empty.
        scheme: isin, figi, cusip, sedol, cik or ticker.
        values: the identifiers to resolve, in canonical form.
        exchanges: MIC for each of them; empty matches every exchange.
        dates: date for each of them.

    Returns:
        The instrument of each value, "" when there is none or several, and the reason, "" when there is just one.
    """
    wanted = _wanted("value", values, exchanges, dates)
    first, other, count = _held(identifiers, scheme, wanted, "value", "instrument")
    name = scheme + " " + wanted["value"] + _place(wanted) + " at " + dated.iso(wanted["date"])
    return _just_one(first, count, "no instrument has " + name, name + " is ambiguous: " + first + " or " + other)


def called(identifiers: pd.DataFrame, scheme: str, instruments: Any, exchanges: Any, dates: Any) -> tuple[Texts, Texts]:
    """What ``instruments`` were called in ``scheme`` on ``dates``: ``resolve`` the other way round.

    Args:
        identifiers: facts; a row holds from valid_from to valid_to, both included, without end when that is empty.
        scheme: isin, figi, cusip, sedol, cik or ticker.
        instruments: the instruments asked for.
        exchanges: MIC for each of them; empty matches every exchange.
        dates: date for each of them.

    Returns:
        The identifier of each instrument, "" when it has none or several, and the reason, "" when it has just one.
    """
    wanted = _wanted("instrument", instruments, exchanges, dates)
    first, other, count = _held(identifiers, scheme, wanted, "instrument", "value")
    name = scheme + _place(wanted) + " at " + dated.iso(wanted["date"])
    several = wanted["instrument"] + " has more than one " + name + ": " + first + " and " + other
    return _just_one(first, count, wanted["instrument"] + " has no " + name, several)


def overlaps(identifiers: pd.DataFrame) -> pd.DataFrame:
    """Identifiers that two instruments claim for the same exchange on the same dates.

    Returns:
        scheme, exchange, value, instrument and other (in alphabetical order), valid_from and valid_to of the dates that
        both claim (valid_to empty: without end).
    """
    key = ["scheme", "exchange", "value"]
    claims = identifiers[[*key, "instrument", "valid_from", "valid_to"]]
    claims = claims[claims.groupby(key)["instrument"].transform("nunique") > 1]
    both = claims.merge(claims.rename(columns={"instrument": "other"}), on=key, suffixes=("", "_other"))
    both = both[both["instrument"] < both["other"]]
    begin = both[["valid_from", "valid_from_other"]].max(axis=1)
    end = both[["valid_to", "valid_to_other"]].min(axis=1)
    shared = both.assign(valid_from=begin, valid_to=end)[end.isna() | (begin <= end)]
    columns = [*key, "instrument", "other", "valid_from", "valid_to"]
    return shared[columns].sort_values([*key, "instrument", "other", "valid_from"], ignore_index=True)


def ultimate_parents(issuers: pd.DataFrame, names: Any, dates: Any) -> Texts:
    """The issuer at the top of the group of each of ``names`` on its date; itself where nobody stands above it.

    Args:
        issuers: facts; a row holds from its valid_from on, until the next one of that issuer.
        names: issuers; they need not be known.
        dates: date for each of them.

    Returns:
        The top of each group, "" where issuers stand above each other in a circle.
    """
    top = np.asarray(names, object)
    order = np.argsort(issuers["valid_from"].to_numpy("datetime64[us]"), kind="stable")
    known = issuers.take(order).reset_index(drop=True)
    parents = np.append(known["parent"].to_numpy(object), "")
    higher = np.ones(len(top), bool)
    for _ in range(known["issuer"].nunique() + 1):  # a walk that goes on for longer goes in a circle
        if not higher.any():
            break
        keys, wanted = dated.codes([known["issuer"]], [pd.Series(top, dtype="str")])
        parent = parents[dated.last(keys, known["valid_from"], wanted, dates)]
        higher = (parent != "") & (parent != top)
        top = np.where(higher, parent, top)
    return np.where(higher, "", top)


def _wanted(column: str, values: Any, exchanges: Any, dates: Any) -> pd.DataFrame:
    """What is asked: ``column``, on (exchange, or empty), date, row."""
    texts = {
        name: pd.Series(np.asarray(given, object), dtype="str") for name, given in ((column, values), ("on", exchanges))
    }
    frame = pd.DataFrame({name: text.fillna("") for name, text in texts.items()})
    return frame.assign(date=np.asarray(dates, "datetime64[us]"), row=np.arange(len(frame)))


def _held(
    identifiers: pd.DataFrame, scheme: str, wanted: pd.DataFrame, by: str, of: str
) -> tuple["pd.Series[str]", "pd.Series[str]", dated.Ints]:
    """The first and the last ``of`` that goes with each row's ``by`` on its date, and how many there are."""
    known = identifiers.loc[
        identifiers["scheme"] == scheme, ["value", "exchange", "instrument", "valid_from", "valid_to"]
    ]
    pairs = wanted.merge(known, on=by)
    begun = pairs["valid_from"].isna() | (pairs["valid_from"] <= pairs["date"])
    ended = pairs["valid_to"].notna() & (pairs["valid_to"] < pairs["date"])
    there = (pairs["on"] == "") | (pairs["exchange"] == pairs["on"])
    good = begun & ~ended & there & pairs["date"].notna()
    held = pairs[good].drop_duplicates(["row", of]).sort_values(["row", of])
    several = held.groupby("row")[of].agg(["first", "last", "size"]).reindex(wanted["row"])
    first, other = (several[name].fillna("").reset_index(drop=True) for name in ("first", "last"))
    return first, other, several["size"].fillna(0).to_numpy(np.int64)


def _place(wanted: pd.DataFrame) -> Texts:
    return np.asarray(np.where(wanted["on"] == "", "", " on " + wanted["on"]), object)


def _just_one(first: "pd.Series[str]", count: dated.Ints, none: Any, several: Any) -> tuple[Texts, Texts]:
    reason = np.where(count == 0, none, np.where(count == 1, "", several))
    return np.where(count == 1, first, "").astype(object), reason.astype(object)
