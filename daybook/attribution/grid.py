"""Sessions of periods side by side: a row for each line, a column for each session since its period began.

Belongs here: where each session stands, and why a line has no figures. Does not belong here: which periods there are
(``daybook.performance.periods``), what is linked over them (``periods``, ``contributions``).

Conventions. A session that linking passes over (``returns.standing``: no capital, or a tiny one) is no session. Rows
are as long as the longest period; what follows the last session of a line is 0, which adds nothing and compounds to
nothing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.attribution.linking import Floats, Ints
from daybook.performance import periods
from daybook.performance.returns import standing

Bools = NDArray[np.bool_]


def history(performance: pd.DataFrame) -> pd.DataFrame:
    """The sessions of every book that count, by book and date, with ``ordinal``: their place in this frame."""
    linked, unknown = standing(performance)
    rows = performance.loc[linked | unknown].sort_values(["book", "business_date"], ignore_index=True)
    return rows.assign(ordinal=np.arange(len(rows)))


def placed(history: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """``spans`` (``performance.periods.spans``) with low and count: its first session in ``history``, and how many."""
    low, high = periods.bounds(history, spans)
    return spans.assign(low=low, count=high - low)


@dataclass(frozen=True)
class Grid:
    """Where the sessions of each line stand in ``history``; arrays have the shape (lines, sessions)."""

    history: pd.DataFrame
    low: Ints
    count: Ints
    inside: Bools
    ordinal: Ints

    def spread(self, column: str) -> Floats:
        """``column`` of each session; 0 after the last one of a line."""
        values = self.history[column].to_numpy("float64")
        return np.where(self.inside, values[self.ordinal], 0.0) if len(values) else np.zeros(self.inside.shape)

    def dates(self) -> "NDArray[np.datetime64]":
        """Date of each session; meaningless after the last one of a line."""
        days = self.history["business_date"].to_numpy("datetime64[us]")
        return np.asarray(days[self.ordinal] if len(days) else np.zeros(self.inside.shape, "datetime64[us]"))

    def reasons(self, lacking: Bools, what: "NDArray[np.object_]") -> "NDArray[np.object_]":
        """Why each line cannot be linked, "" where it can: how many sessions lack ``what``, and the first of them."""
        found = np.where(self.count == 0, "no session with capital", "").astype(object)
        number = np.asarray((lacking & self.inside).sum(axis=1))
        line = np.flatnonzero(number > 0)
        if not len(line):
            return found
        first = (lacking & self.inside)[line].argmax(axis=1)
        session = self.history.iloc[self.ordinal[line, first]].reset_index(drop=True)
        why = session["status"].str.removeprefix("ok").str.removeprefix("; ")
        why = (": " + why).where(why.ne(""), "")
        text = "no " + pd.Series(what[line, first], dtype="str") + " in " + pd.Series(number[line]).astype("str")
        text = text + " of " + pd.Series(self.count[line]).astype("str") + " sessions, first "
        found[line] = (text + session["business_date"].dt.strftime("%Y-%m-%d").astype("str") + why).to_numpy(object)
        return found


def grid(history: pd.DataFrame, lines: pd.DataFrame) -> Grid:
    """The grid of ``lines``, which have low and count."""
    low, count = lines["low"].to_numpy(np.int64), lines["count"].to_numpy(np.int64)
    step = np.arange(count.max(initial=0))
    inside = step < count[:, None]
    return Grid(history, low, count, inside, np.where(inside, low[:, None] + step, 0))


def within(rows: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """``rows`` (line, ordinal) that lie in the period of their line, with ``at`` (row of the grid) and ``place``.

    Args:
        rows: line is the number of a line, ordinal a place in ``history``.
        lines: line, low, count; in the order of the grid.
    """
    at = pd.Index(lines["line"]).get_indexer(pd.Index(rows["line"]))
    place = rows["ordinal"].to_numpy(np.int64) - lines["low"].to_numpy(np.int64)[at]
    inside = (at >= 0) & (place >= 0) & (place < lines["count"].to_numpy(np.int64)[at])
    found = rows.loc[inside].assign(at=at[inside], place=place[inside])
    return pd.DataFrame(found.reset_index(drop=True))
