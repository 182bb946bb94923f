"""What will be late is told before it is.

Belongs here: which sessions are watched, and what is told of them. Does not belong here: what is at risk or late
(``daybook.control.timeline``).
"""

import dagster as dg
import pandas as pd

from assets.partitions import session_days
from daybook import calendars
from daybook.control.timeline import TIMELY, headlines
from resources import feed_outcomes, timings
from resources.feeds import Feeds, FeedsResource
from resources.notifier import Notifier

WITHIN = pd.Timedelta(days=14)
"""How recent a session must be whose files came in time, so that others are waited for."""
WHAT = "daybook status --date {} tells what is there, what waits for it, and when the rest is expected"


@dg.sensor(
    description="A deadline at risk, and one that was missed, are told to people, once each.",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def deadlines_at_risk(context: dg.SensorEvaluationContext, feeds: FeedsResource, notifier: Notifier) -> dg.SensorResult:
    """Notify once when something is at risk, and once when it is late, of the sessions of the last days.

    Before: by what history says of when feeds come and how long steps take, or half an hour before without history.
    """
    told, days = tell(feeds.open(), context.instance, notifier, pd.Timestamp.now("UTC"))
    return dg.SensorResult(skip_reason=f"{told} deadlines told, of {days} sessions")


def tell(doors: Feeds, instance: dg.DagsterInstance, notifier: Notifier, now: pd.Timestamp) -> tuple[int, int]:
    """Tell what is at risk or late at ``now``: how many for the first time, and how many sessions are watched."""
    told, market = 0, doors.settings.calendars[0]
    days = watched(doors, now)
    for session in days:
        rows = timings.look(doors, instance, session, now, feed_outcomes.standing(doors, session))
        for row, what in headlines(rows, market).items():
            day, status, kind, step, source = rows.loc[row, ["business_date", "status", "kind", "step", "source"]]
            cause = f"{status}:{day:%Y-%m-%d}:{kind}:{step}:{source}"
            told += notifier.notify(cause, f"{day:%Y-%m-%d}: {what}", WHAT.format(f"{day:%Y-%m-%d}"))
    return told, len(days)


def watched(doors: Feeds, now: pd.Timestamp) -> pd.DatetimeIndex:
    """The sessions whose deadlines somebody waits for: those from ``TIMELY`` before ``now`` up to today.

    None where nothing was said about deadlines and no file came within ``TIMELY`` of a session of late: a firm whose
    files are about days long gone has nobody who waits.
    """
    today = now.tz_convert(calendars.zone(doors.settings.calendars[0])).tz_localize(None).normalize()
    days = session_days(doors.settings.calendars)
    days = days[(days >= today - TIMELY) & (days <= today)]
    files = doors.deliveries()
    late = files["recorded_at"].dt.tz_localize(None) - files["delivered"]
    live = (files["delivered"] >= today - WITHIN) & (late <= TIMELY + pd.Timedelta(days=1))
    said = len(doors.facts.current("deadlines")) or (doors.facts.current("expected_feeds")["due_time"] != "").any()
    return days if said or live.any() else days[:0]
