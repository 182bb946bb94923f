"""Numbers and words as a reader sees them.

Belongs here: one function per kind of figure, and the sign for "there is no number". Does not belong here: HTML.
Every function returns ``DASH`` for a missing or infinite value; the caller says why it is missing.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

DASH = "–"
MINUS = "\N{MINUS SIGN}"

_SCALES = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
# C0 and C1 controls and the marks that turn the direction of writing: a name must not change what stands beside it.
_UNPRINTABLE = dict.fromkeys(
    [
        *range(9),
        11,
        12,
        *range(14, 32),
        *range(127, 160),
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ],
    "\N{REPLACEMENT CHARACTER}",
)


def words(value: object) -> str:
    """``value`` as text; a missing one is empty, control characters are made visible."""
    return value.translate(_UNPRINTABLE) if isinstance(value, str) else "" if _missing(value) else str(value)


def day(value: object) -> str:
    """A date as 2022-12-27."""
    return DASH if _missing(value) else pd.Timestamp(value).strftime("%Y-%m-%d")  # type: ignore[arg-type]


def decimal(value: float, places: int, signed: bool = False) -> str:
    """``value`` with ``places`` decimals and thousands separators; ``signed`` shows a plus as well. Never -0."""
    if not math.isfinite(value):
        return DASH
    text = f"{abs(value):,.{places}f}"
    if not text.strip("0.,"):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def money(value: float) -> str:
    """Money to the cent."""
    return decimal(value, 2)


def change(value: float) -> str:
    """A change of money, to the cent, with its sign."""
    return decimal(value, 2, signed=True)


def whole(value: float) -> str:
    """Money in whole units of currency: estimates, not books."""
    return decimal(value, 0)


def whole_change(value: float) -> str:
    """A change of money in whole units of currency, with its sign."""
    return decimal(value, 0, signed=True)


def quantity(value: float) -> str:
    """Units, with the decimals that they have, at most 8."""
    text = decimal(value, 8)
    return text.rstrip("0").rstrip(".") if "." in text else text


def price(value: float) -> str:
    """A price with 2 to 6 decimals."""
    text = decimal(value, 6)
    head, dot, tail = text.partition(".")
    return text if not dot else f"{head}.{tail.rstrip('0'):0<2}"


def percent(value: float) -> str:
    """A fraction as per cent."""
    return _with_unit(decimal(value * 100, 2), "%")


def confidence(value: float) -> str:
    """A level of confidence as per cent, with the decimals that it has."""
    return _with_unit(quantity(round(value * 100, 6)), "%")


def percent_change(value: float) -> str:
    """A return as per cent, with its sign."""
    return _with_unit(decimal(value * 100, 2, signed=True), "%")


def bp(value: float) -> str:
    """A figure that is in basis points already."""
    return decimal(value, 2)


def fraction_bp(value: float) -> str:
    """A fraction in basis points, with its sign."""
    return decimal(value * 1e4, 2, signed=True)


def count(value: float) -> str:
    """A number of things."""
    return decimal(value, 0)


def ratio(value: float) -> str:
    """A number without a unit, such as a statistic or a p-value."""
    return decimal(value, 4)


def beta(value: float) -> str:
    """A number without a unit that is estimated: two decimals."""
    return decimal(value, 2)


def times(value: float) -> str:
    """How many times over: one decimal."""
    return decimal(value, 1)


def compact(value: float, signed: bool = False) -> str:
    """Money in three or four digits: 1.25m."""
    if not math.isfinite(value):
        return DASH
    size = abs(value)
    if size >= 1e15:
        return f"{value:.2e}".replace("-", MINUS)
    scale, unit = next(((s, u) for s, u in _SCALES if size >= 0.9995 * s), (1.0, ""))
    digits = size / scale
    text = f"{digits:.{2 if digits < 9.995 else 1 if digits < 99.95 else 0}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if text == "0" else (MINUS if value < 0 else "+" if signed else "") + text + unit


NUMBERS: Mapping[str, Callable[[float], str]] = {
    "money": money,
    "change": change,
    "whole": whole,
    "whole_change": whole_change,
    "quantity": quantity,
    "price": price,
    "percent": percent,
    "confidence": confidence,
    "percent_change": percent_change,
    "bp": bp,
    "fraction_bp": fraction_bp,
    "count": count,
    "ratio": ratio,
    "beta": beta,
    "times": times,
}
"""Kind of a figure -> how it is written."""


def number(value: object) -> float:
    """``value`` as a float; nan for what is missing, infinite or no number."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def _with_unit(text: str, unit: str) -> str:
    return text if text == DASH else text + unit


def _missing(value: object) -> bool:
    return (
        value is None
        or value is pd.NaT
        or value is pd.NA
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, np.datetime64) and bool(np.isnat(value)))
    )
