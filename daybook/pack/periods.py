"""Periods as a reader calls them.

Belongs here: the names of periods and their order on a page. Does not belong here: which sessions a period has
(``daybook.performance.periods``).
"""

from collections.abc import Sequence

import pandas as pd

NAMES = {
    "day": "Day",
    "month": "Month to date",
    "quarter": "Quarter to date",
    "year": "Year to date",
    "one_year": "1 year",
    "three_years": "3 years",
    "five_years": "5 years",
    "ten_years": "10 years",
    "inception": "Since inception",
}
"""Period -> how it is called, the shortest first."""
_PLACES = {name: place for place, name in enumerate(NAMES)}


def name(period: str) -> str:
    """What a period is called."""
    return NAMES.get(period, period.replace("_", " "))


def ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` by period, the shortest first."""
    return rows.iloc[rows["period"].map(_PLACES).fillna(len(_PLACES)).argsort(kind="stable")]


def present(rows: pd.DataFrame, wanted: Sequence[str]) -> list[str]:
    """Those of ``wanted`` that ``rows`` have, in that order."""
    found = set(rows["period"])
    return [period for period in wanted if period in found]


def statuses(rows: pd.DataFrame) -> list[str]:
    """What is to be said of each period, as sentences: periods of which the same is to be said together."""
    odd: dict[str, list[str]] = {}
    for period, status in zip(rows["period"], rows["status"], strict=True):
        if status not in ("", "ok"):
            odd.setdefault(status.removeprefix("ok; "), []).append(name(period))
    return [f"{', '.join(dict.fromkeys(periods))}: {status}." for status, periods in odd.items()]
