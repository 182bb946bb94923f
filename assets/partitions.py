"""Business dates as partitions, and the windows of them that assets ask for.

Belongs here: which sessions exist and how a session maps to the sessions before it. Does not belong here: assets.
"""

from functools import cache

import dagster as dg
import pandas as pd

from daybook import calendars
from resources.settings import settings

TIMEZONE = "America/New_York"


def session_days(names: tuple[str, ...]) -> pd.DatetimeIndex:
    """Sessions of any of the calendars ``names``, from the first partition to the horizon."""
    return calendars.joint_sessions(names, "any")


class Sessions(dg.TimeWindowPartitionsDefinition):
    """Days on which markets are open.

    Dagster's own hash prints all 350 days on which they are not, 3,000 times in a run of one session: 4 % of its time.
    """

    def __hash__(self) -> int:
        return hash((self.start_timestamp, self.cron_schedule, self.end_offset, len(self.exclusions or ())))


@cache
def session_partitions(names: tuple[str, ...]) -> Sessions:
    """One partition per session of any of the calendars ``names``; all other days are excluded.

    ``end_offset`` 1 makes today's session a partition from midnight on: with 0 Friday's would appear on Monday.
    """
    days = session_days(names)
    weekdays = sorted(set((days.dayofweek + 1) % 7))
    every = pd.date_range(days[0], calendars.HORIZON, freq="D", unit="us")
    candidates = every[((every.dayofweek + 1) % 7).isin(weekdays)]
    return Sessions(
        start=days[0].to_pydatetime(),
        fmt="%Y-%m-%d",
        cron_schedule=f"0 0 * * {','.join(map(str, weekdays))}",
        timezone=TIMEZONE,
        end_offset=1,
        exclusions=[day.to_pydatetime() for day in candidates.difference(days)],
    )


SESSIONS = session_partitions(settings().calendars)


def window(sessions_before: int) -> dg.TimeWindowPartitionMapping:
    """The session itself and so many sessions before it, as far as they exist."""
    return dg.TimeWindowPartitionMapping(start_offset=-sessions_before, allow_nonexistent_upstream_partitions=True)


PRIOR = 1 if len(settings().calendars) == 1 else 10
"""How far back the session before of a book may be. With several calendars some partitions: Tokyo has been closed
for six of New York's sessions in a row."""
WITH_PRIOR = window(PRIOR)
"""A session and its book's one before."""
