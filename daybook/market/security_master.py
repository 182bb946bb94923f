"""Reference data by date: the books, instruments and accounts in force on a session, and what others call them.

Belongs here: choosing the row that holds on a date, and resolving a dated identifier. Does not belong here: prices,
and what a missing instrument means for the row that named it.
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


def in_force(facts: pd.DataFrame, key: str, values: Any, dates: Any) -> dated.Ints:
    """Position in ``facts`` of the row in force for each value on its date; -1 where the value is unknown.

    The rule is that of ``effective``, for pairs of value and date instead of a full grid.
    """
    order = np.argsort(facts["valid_from"].to_numpy("datetime64[us]"), kind="stable")
    known, wanted = dated.codes([facts[key].take(order)], [values])
    at = dated.last(known, facts["valid_from"].to_numpy()[order], wanted, dates)
    first = np.full(max(known.max(initial=-1), wanted.max(initial=-1)) + 1, -1, np.int64)
    first[known[::-1]] = np.arange(len(known))[::-1]
    found = np.where(at >= 0, at, first[wanted])
    return np.where(found >= 0, order[found] if len(order) else -1, -1).astype(np.int64)


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
    wanted = pd.DataFrame(
        {
            "value": pd.Series(np.asarray(values, object), dtype="str").fillna(""),
            "on": pd.Series(np.asarray(exchanges, object), dtype="str").fillna(""),
            "date": np.asarray(dates, "datetime64[us]"),
        }
    )
    wanted["row"] = np.arange(len(wanted))
    known = identifiers.loc[
        identifiers["scheme"] == scheme, ["value", "exchange", "instrument", "valid_from", "valid_to"]
    ]
    pairs = wanted.merge(known, on="value")
    begun = pairs["valid_from"].isna() | (pairs["valid_from"] <= pairs["date"])
    ended = pairs["valid_to"].notna() & (pairs["valid_to"] < pairs["date"])
    there = (pairs["on"] == "") | (pairs["exchange"] == pairs["on"])
    held = pairs[begun & ~ended & there].drop_duplicates(["row", "instrument"]).sort_values(["row", "instrument"])
    several = held.groupby("row")["instrument"].agg(["first", "last", "size"]).reindex(wanted["row"])
    count = several["size"].fillna(0).to_numpy()
    first, other = (several[name].fillna("").reset_index(drop=True) for name in ("first", "last"))
    place = np.where(wanted["on"] == "", "", " on " + wanted["on"])
    name = scheme + " " + wanted["value"] + place + " at " + dated.iso(wanted["date"])
    unknown = "no instrument has " + name
    ambiguous = name + " is ambiguous: " + first + " or " + other
    reason = np.where(count == 0, unknown, np.where(count == 1, "", ambiguous))
    instrument = np.where(count == 1, first, "")
    return instrument.astype(object), reason.astype(object)
