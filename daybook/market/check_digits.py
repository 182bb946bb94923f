"""Check digits: whether an identifier is one of its scheme, told by its form and its own last digit.

Belongs here: the forms and check digits of ISIN, CUSIP, SEDOL and FIGI, and the forms of a MIC and a CIK. Does not
belong here: whom an identifier names, and on what dates (``security_master``). A good check digit proves a number well
copied, not a number in use. All functions look at whole columns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Texts = NDArray[Any]

_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONSONANTS = "BCDFGHJKLMNPQRSTVWXYZ"
# 0 to 9, A = 10 to Z = 35, and the three signs that only a CUSIP has.
_ALPHABET = _DIGITS + _LETTERS + "*@#"


@dataclass(frozen=True)
class _Scheme:
    wrong: str
    form: str
    places: tuple[str, ...]
    """The characters allowed at each place."""
    digit: Callable[[Ints], Ints] | None = None
    """The last digit from the values of the characters before it, one row an identifier."""
    not_first: tuple[str, ...] = ()
    padded: bool = False
    """Zeros on the left are padding: they may be left out, and are nothing by themselves."""


def _luhn(body: Ints) -> Ints:
    """Letters become two digits each; from the right every second digit, the last one first, is doubled."""
    total = np.zeros(len(body), np.int64)
    doubled = np.ones(len(body), bool)
    for place in reversed(range(body.shape[1])):
        high, low = np.divmod(body[:, place], 10)
        letter = high > 0
        total += _cross(low * np.where(doubled, 2, 1)) + _cross(high * np.where(doubled, 1, 2))
        doubled = np.where(letter, doubled, ~doubled)
    return -total % 10


def _double_add_double(body: Ints) -> Ints:
    """Every second value is doubled, the second one first; the digits of all are added."""
    total: Ints = _cross(body * np.where(np.arange(body.shape[1]) % 2 == 1, 2, 1)).sum(axis=1)
    return -total % 10


def _weighted(body: Ints) -> Ints:
    """Weights 1, 3, 1, 7, 3, 9."""
    total: Ints = body @ np.array([1, 3, 1, 7, 3, 9])
    return -total % 10


def _cross(values: Ints) -> Ints:
    """Sum of the two digits of each value."""
    return values // 10 + values % 10


_SCHEMES: Mapping[str, _Scheme] = {
    "isin": _Scheme(
        "not an ISIN",
        "two capital letters, nine capital letters or digits, a check digit",
        (_LETTERS,) * 2 + (_DIGITS + _LETTERS,) * 9 + (_DIGITS,),
        _luhn,
    ),
    "cusip": _Scheme(
        "not a CUSIP",
        "eight digits, capital letters or * @ #, and a check digit",
        (_ALPHABET,) * 8 + (_DIGITS,),
        _double_add_double,
    ),
    "sedol": _Scheme(
        "not a SEDOL",
        "six digits or capital consonants, and a check digit",
        (_DIGITS + _CONSONANTS,) * 6 + (_DIGITS,),
        _weighted,
    ),
    "figi": _Scheme(
        "not a FIGI",
        "two capital consonants (never BS, BM, GG, GB, GH, KY or VG), G, eight digits or capital consonants, "
        "a check digit",
        (_CONSONANTS,) * 2 + ("G",) + (_DIGITS + _CONSONANTS,) * 8 + (_DIGITS,),
        _double_add_double,
        ("BS", "BM", "GG", "GB", "GH", "KY", "VG"),
    ),
    "mic": _Scheme("not a MIC", "four capital letters or digits", (_DIGITS + _LETTERS,) * 4),
    "cik": _Scheme("not a CIK", "up to ten digits", (_DIGITS,) * 10, padded=True),
}
SCHEMES = tuple(_SCHEMES)
"""Schemes that can be told right from wrong: isin, cusip, sedol, figi, mic, cik."""


def faults(scheme: str, values: Any) -> Texts:
    """Why each of ``values`` is no identifier of ``scheme``; "" where it is one.

    ISIN by ISO 6166 (letters as 10 to 35, then the formula of Luhn, 1954), CUSIP by ANSI X9.6, SEDOL by the London
    Stock Exchange's SEDOL Masterfile (weights 1, 3, 1, 7, 3, 9, no vowels), FIGI by ANSI X9.145 (OpenFIGI allocation
    rules), MIC by ISO 10383 and CIK by the SEC, which have no check digit. Lower case and blanks are faults.

    Args:
        scheme: one of ``SCHEMES``.
        values: texts.

    Returns:
        One reason each; of a wrong check digit it names the scheme and the digit expected.

    Raises:
        KeyError: the scheme is another.
    """
    told = _SCHEMES[scheme]
    texts = pd.Series(np.asarray(values, object), dtype="str").fillna("")
    if told.padded:
        texts = texts.str.lstrip("0")
        texts = texts.str.zfill(len(told.places)).where(texts != "", "")
    reasons = np.full(len(texts), f"{told.wrong}: {told.form}", object)
    at = np.flatnonzero((texts.str.len() == len(told.places)).to_numpy())
    codes = _codes(texts.iloc[at], len(told.places))
    formed = np.ones(len(at), bool)
    for place, allowed in enumerate(told.places):
        formed &= np.isin(codes[:, place], [_ALPHABET.index(character) for character in allowed])
    if told.not_first:
        formed &= ~texts.iloc[at].str[:2].isin(told.not_first).to_numpy()
    at, codes = at[formed], codes[formed]
    reasons[at] = ""
    if told.digit is not None and len(at):
        expected = told.digit(codes[:, :-1])
        wrong = expected != codes[:, -1]
        given = codes[wrong, -1].astype(str).astype(object)
        due = expected[wrong].astype(str).astype(object)
        reasons[at[wrong]] = f"{told.wrong}: its check digit is " + given + ", expected " + due
    return reasons


def valid(scheme: str, values: Any) -> NDArray[np.bool_]:
    """Whether each of ``values`` is an identifier of ``scheme`` by form and check digit (see ``faults``)."""
    return np.asarray(faults(scheme, values) == "", bool)


def _codes(texts: "pd.Series[str]", width: int) -> Ints:
    """The value of each character of texts of ``width`` characters; -1 for a character outside the alphabet."""
    values = np.full(128, -1, np.int64)
    values[[ord(character) for character in _ALPHABET]] = np.arange(len(_ALPHABET))
    points = np.asarray(texts, f"U{width}").view(np.uint32).reshape(len(texts), width)
    return np.where(points < 128, values[np.minimum(points, 127)], -1)
