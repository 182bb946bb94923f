"""Benchmarks at the close: what they hold is what they open the next session with.

Belongs here: weights at the close of a session. Does not belong here: weights at the open, and what they earned
(``benchmarks``).

Conventions: the weights at the close of D are those with which a benchmark opens the next session of its book's
calendar: they have drifted with the returns of D, and a delivery for D, a rebalancing at the next open and a change of
blend or terms that is announced for it count. What is dated between two sessions was not known at the first one's
close, and counts from the second's on.
"""

import pandas as pd

from daybook import calendars
from daybook.performance import benchmarks
from daybook.performance.benchmarks import KEY, VIEW, Sources
from daybook.performance.views import grid


def weights(sources: Sources, views: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What each benchmark of ``views`` holds at the close of each of ``sessions`` that its calendar has.

    Args:
        sources: what benchmarks are computed from; what is dated after a session does not count on it.
        views: VIEW ("" is no benchmark), and business_date where a benchmark is wanted on some of the sessions alone.
        sessions: sessions wanted.

    Returns:
        KEY, instrument, weight (adds up to 1; empty where their sum is not positive), hedge_ratio (the part of it that
        is sold forward where it is in foreign currency), currency (known of cash and published levels). Sorted by KEY
        and instrument; no rows where nothing is known yet.
    """
    asked = grid(views, sessions)
    asked["after"] = asked["business_date"]
    for name, dates in asked.groupby("calendar")["business_date"]:  # one turn a calendar
        asked.loc[dates.index, "after"] = calendars.next_session(str(name), dates).to_numpy()
    later = asked[[*VIEW, "after"]].rename(columns={"after": KEY[0]})
    days = pd.DatetimeIndex(later[KEY[0]].drop_duplicates().sort_values())
    lines = benchmarks.computed(sources, later, days, closing=True).lines.rename(columns={KEY[0]: "after"})
    rows = lines.merge(asked, on=[*VIEW, "after"])[[*KEY, "instrument", "weight", "hedge_ratio", "currency"]]
    return rows.sort_values([*KEY, "instrument"], ignore_index=True)
