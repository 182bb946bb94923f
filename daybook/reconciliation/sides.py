"""Both sides of a comparison, line by line, whichever of them lists it.

Belongs here: finding each other by key, on codes, since a custodian's file may have a million lines; and what a line is
that only one side lists. Does not belong here: what the lines are (``positions``, ``cash``), which differences are
breaks (``breaks``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

KEY = ["business_date", "book"]
LINE = [*KEY, "instrument", "kind", "compared_field", "currency", "ours", "theirs", "difference", "known", "source"]
"""Columns of compared lines: difference = theirs - ours; a side that does not list the line has 0; ``known`` is whether
the other side says anything of it; source is that of the report."""


@dataclass(frozen=True)
class Sides:
    """Which lines answer each other: positions in ours and in theirs, -1 where a side does not list the line.

    Attributes:
        ours: for each line, the row of ours.
        theirs: for each line, the row of theirs.
        report: for each line, the row of the reports.
    """

    ours: Ints
    theirs: Ints
    report: Ints

    def of_ours(self, values: "pd.Series[float]") -> Floats:
        """``values`` of our side for each line, NaN where we do not list it."""
        return _at(values, self.ours)

    def of_theirs(self, values: "pd.Series[float]") -> Floats:
        """``values`` of their side for each line, NaN where they do not list it."""
        return _at(values, self.theirs)


def answering(ours: pd.DataFrame, theirs: pd.DataFrame, reports: pd.DataFrame, item: str) -> Sides:
    """The lines of all books and sessions that were reported.

    Args:
        ours: with ``KEY`` and ``item``, each key once.
        theirs: likewise.
        reports: with ``KEY``, each once.
        item: the column that names a line within a book and session.
    """
    frames = (ours, theirs, reports)
    day, _ = _codes([frame["business_date"] for frame in frames])
    book, count = _codes([frame["book"] for frame in frames])
    place = [days * count + books for days, books in zip(day, book, strict=True)]
    slot, slots = _codes([pd.Series(values) for values in place])
    report_of = np.full(slots, -1, np.int64)
    report_of[slot[2]] = np.arange(len(reports))
    mine, other = (np.flatnonzero(report_of[slot[side]] >= 0) for side in (0, 1))
    names, kinds = _codes([_some(ours[item], mine), _some(theirs[item], other)])
    here, there = slot[0][mine] * kinds + names[0], slot[1][other] * kinds + names[1]
    line, lines = _codes([pd.Series(here), pd.Series(there)])
    at = [np.full(lines, -1, np.int64) for _ in range(2)]
    at[0][line[0]], at[1][line[1]] = mine, other
    found = np.full(lines, -1, np.int64)
    found[line[0]], found[line[1]] = slot[0][mine], slot[1][other]
    return Sides(at[0], at[1], report_of[found])


def texts(sides: Sides, ours: "pd.Series[str]", theirs: "pd.Series[str]") -> "pd.Series[str]":
    """The text of our side for each line, of theirs where we do not list it or say nothing."""
    mine = ours.reset_index(drop=True).reindex(sides.ours).reset_index(drop=True).fillna("")
    other = theirs.reset_index(drop=True).reindex(sides.theirs).reset_index(drop=True).fillna("")
    return mine.where(mine != "", other)


def differ(ours: Floats, theirs: Floats) -> Flags:
    """Where two numbers are not the same but for the last places of a float (10^-12 of the larger)."""
    return np.asarray(~(np.abs(theirs - ours) <= 1e-12 * np.maximum(np.abs(ours), np.abs(theirs))))


def _at(values: "pd.Series[float]", rows: Ints) -> Floats:
    given = np.append(values.to_numpy("float64"), np.nan)
    return np.asarray(given[rows])


def _some(values: "pd.Series[str]", rows: Ints) -> "pd.Series[str]":
    """``values`` of ``rows``; all of them as they are, since texts are dear to copy."""
    return values if len(rows) == len(values) else values.take(rows)


def _codes(columns: "Sequence[pd.Series]") -> tuple[list[Ints], int]:
    """Integer codes of the values of all ``columns`` together, dense from 0, and how many there are."""
    codes, values = pd.factorize(pd.concat(columns, ignore_index=True))
    bounds = np.cumsum([len(column) for column in columns])[:-1]
    return [part.astype(np.int64) for part in np.split(codes, bounds)], len(values)
