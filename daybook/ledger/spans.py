"""Amounts that change on some days and hold in between: running totals as spans of days.

Belongs here: day numbers, running totals of exact integers, and the sessions that a span covers. Does not belong here:
what the amounts are. A span holds from ``start`` to the day before ``end``.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]

FOREVER = 2**31
"""End of a span that is still open; a day number beyond every date."""

NEVER = -(2**31)
"""A day number before every date."""


def dates(days: Ints) -> pd.DatetimeIndex:
    """Midnight of day numbers (days since 1970-01-01)."""
    return pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[us]"))


@dataclass(frozen=True)
class Spans:
    """What several running totals of each group were, and when; ordered by group and start, without gaps.

    ``levels`` has one array per total. The last span of a group ends with FOREVER.
    """

    group: Ints
    start: Ints
    end: Ints
    levels: tuple[Ints, ...]

    def before(self, group: Ints, day: Ints) -> tuple[Ints, ...]:
        """The totals of each ``group`` at the end of the day before ``day``; 0 before the first."""
        at = np.searchsorted(_key(self.group, self.start), _key(group, day), side="left") - 1
        found = (at >= 0) & (self.group[np.maximum(at, 0)] == group) if len(self.group) else np.zeros(len(at), bool)
        return tuple(
            np.where(found, level[at], 0) if len(level) else np.zeros(len(at), np.int64) for level in self.levels
        )


def running(group: Ints, day: Ints, *changes: Ints) -> Spans:
    """Running totals of ``changes`` by group and day, all of which start at 0.

    The sums must fit into 64 bits; whoever posts the changes sees to that.
    """
    order = np.lexsort((day, group))
    group, day = group[order], day[order]
    first = np.flatnonzero(np.r_[True, (np.diff(group) != 0) | (np.diff(day) != 0)]) if len(group) else order
    group, day = group[first], day[first]
    fresh = np.r_[True, np.diff(group) != 0][: len(group)]
    since = np.maximum.accumulate(np.where(fresh, np.arange(len(group)), 0)) if len(group) else first
    levels = []
    for change in changes:
        # The sum over all groups may wrap; the difference within a group is right all the same.
        sums = np.add.reduceat(change[order], first) if len(first) else change[:0]
        total = np.cumsum(sums)
        levels.append(total - (total - sums)[since])
    end = np.where(np.r_[fresh[1:], True][: len(group)], FOREVER, np.r_[day[1:], FOREVER][: len(group)])
    return Spans(group, day, end, tuple(levels))


def covered(start: Ints, end: Ints, days: Ints) -> tuple[Ints, Ints]:
    """The (span, day) pairs of sorted ``days`` within each span, as positions in both."""
    low, high = np.searchsorted(days, start), np.searchsorted(days, end)
    count = np.maximum(high - low, 0)
    span = np.repeat(np.arange(len(start)), count)
    offset = np.arange(len(span)) - np.repeat(np.cumsum(count) - count, count)
    return span, low[span] + offset


def _key(group: Ints, day: Ints) -> Ints:
    return group * np.int64(FOREVER) + day
