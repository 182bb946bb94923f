"""Values: texts as numbers, exact decimals, dates, instants and truths, each with a mask of those that are none.

Belongs here: formats. Does not belong here: which values a column may have. Missing text is a missing value and never
bad. A date is 2024-01-31 and nothing else; an instant is ISO 8601, in UTC where it names no offset; a number has a
point, no separators, and no ``nan`` or ``inf``.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Values = NDArray[Any]

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
_TRUTHS = {
    **dict.fromkeys(("true", "yes", "1", "allowed"), True),
    **dict.fromkeys(("false", "no", "0", "forbidden"), False),
}
# Enough for every number below the limits of the ledger at its scale; exact, as it only ever shortens.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
# What PostgreSQL keeps after the point, and far beyond any price before it.
_SMALLEST, _LARGEST = -16_000, 60


def filled(texts: pa.Array) -> Bools:
    """Where something stands."""
    return _bools(pc.not_equal(texts, ""))


def missing(found: Values) -> Bools:
    """Where ``found`` holds None or NaN."""
    return np.asarray(pd.isna(found), bool)


def numbers(texts: pa.Array) -> tuple[NDArray[np.float64], Bools]:
    """The nearest float64 of each text; one beyond the range of float64 is bad."""
    there = filled(texts)
    given = texts if there.all() else pc.if_else(pa.array(there), texts, pa.scalar(None, texts.type))
    try:
        found = pc.cast(given, pa.float64()).to_numpy(zero_copy_only=False) + 0.0
    except pa.ArrowInvalid:
        return _odd_numbers(texts, there)
    # What Arrow reads as a finite number is written as one; it also takes inf and nan.
    return (found, np.zeros(len(texts), bool)) if np.isfinite(found[there]).all() else _odd_numbers(texts, there)


def _odd_numbers(texts: pa.Array, there: Bools) -> tuple[NDArray[np.float64], Bools]:
    """``numbers`` where some text is none: each is asked whether it is written as one."""
    proper = _bools(pc.match_substring_regex(texts, _NUMBER))
    safe = pc.if_else(pa.array(proper), texts, pa.scalar(None, texts.type))
    found = pc.cast(safe, pa.float64()).to_numpy(zero_copy_only=False) + 0.0
    return np.where(np.isinf(found), np.nan, found), there & (~proper | np.isinf(found))


def rounded(texts: pa.Array, places: int) -> tuple[NDArray[np.float64], Bools]:
    """``numbers``, each rounded half to even to ``places`` as written, not as float64 holds it."""
    found, bad = numbers(texts)
    long = _bools(pc.match_substring_regex(texts, rf"\.[0-9]{{{places + 1},}}|[eE]")) & ~bad
    for at in np.flatnonzero(long):
        # What float64 holds as 0 may have an exponent that Decimal refuses, and is 0 at any number of places.
        if 0 < abs(found[at]) < 1e30:
            found[at] = float(shorten(Decimal(texts[int(at)].as_py()), places)) + 0.0
    return found, bad


def decimals(texts: pa.Array) -> tuple[Values, Bools]:
    """The exact value of each text as ``Decimal``, None where there is none."""
    there = filled(texts)
    proper = _bools(pc.match_substring_regex(texts, _NUMBER))
    found = np.full(len(texts), None, object)
    at = np.flatnonzero(there & proper)
    if len(at):
        found[at] = np.frompyfunc(_decimal, 1, 1)(np.array(texts.take(pa.array(at)).to_pylist(), object))
    return found, there & missing(found)


def shorten(value: Decimal, places: int) -> Decimal:
    """``value`` (below 10^40) rounded half to even to ``places``, without a negative zero."""
    return _EXACT.plus(value.quantize(Decimal(1).scaleb(-places), context=_EXACT))


def dates(texts: pa.Array) -> tuple[Values, Bools]:
    """Midnights as datetime64[us]."""
    return _by_word(texts, _date, np.datetime64("NaT", "us"), "datetime64[us]")


def times(texts: pa.Array) -> tuple[Values, Bools]:
    """Instants in UTC as datetime64[us] without a zone."""
    there = filled(texts)
    if not there.any():
        return np.full(len(texts), "NaT", "datetime64[us]"), there
    proper = _bools(pc.match_substring_regex(texts, _TIME))
    safe = pd.Series(pc.if_else(pa.array(proper), texts, "").to_pylist(), dtype="object")
    found = pd.to_datetime(safe.where(proper), format="ISO8601", errors="coerce", utc=True)
    instants = found.dt.tz_localize(None).to_numpy("datetime64[us]")
    return instants, there & np.isnat(instants)


def truths(texts: pa.Array) -> tuple[Bools, Bools]:
    """True for true, yes, 1 and allowed, False for false, no, 0 and forbidden, in any case; missing is False."""
    return _by_word(texts, lambda word: _TRUTHS.get(word.lower()), False, "bool")


def words(texts: pa.Array) -> tuple[NDArray[np.int64], list[str]]:
    """The distinct texts, and for each row which of them it is."""
    encoded = pc.dictionary_encode(texts)
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()


def matching(texts: pa.Array, accepts: Callable[[str], bool]) -> Bools:
    """Where ``accepts`` holds, asked once for each distinct text."""
    codes, distinct = words(texts)
    return np.array([accepts(word) for word in distinct] + [False], bool)[codes]


def among(found: Values, known: Any) -> Bools:
    """Where ``found`` is one of ``known``; by hashing, as numpy's own compares every pair of objects."""
    return np.asarray(pd.Series(found, dtype="object").isin(known), bool)


def strings(texts: pa.Array) -> Values:
    """The texts as an object array, equal texts as one object."""
    codes, distinct = words(texts)
    return np.array([*distinct, ""], object)[codes]


def _by_word(texts: pa.Array, convert: Callable[[str], Any], missing: Any, dtype: str) -> tuple[Values, Bools]:
    """``convert`` asked once for each distinct text; None means bad."""
    codes, distinct = words(texts)
    found = [missing if word == "" else convert(word) for word in distinct]
    bad = np.array([value is None for value in found] + [False], bool)
    values = np.array([missing if value is None else value for value in found] + [missing], dtype)
    return values[codes], bad[codes]


def _date(word: str) -> np.datetime64 | None:
    if not _DATE.fullmatch(word):
        return None
    try:
        return np.datetime64(date.fromisoformat(word), "us")
    except ValueError:
        return None


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    exponent = value.as_tuple().exponent
    fits = isinstance(exponent, int) and exponent >= _SMALLEST and value.adjusted() <= _LARGEST
    return value if fits or not value else None


def _bools(mask: Any) -> Bools:
    return np.asarray(mask.to_numpy(zero_copy_only=False), bool)
