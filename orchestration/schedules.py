"""When things run by the clock.

Belongs here: the time of day and the reason to skip. Does not belong here: what runs (jobs).
"""

from datetime import datetime

import dagster as dg
import pandas as pd
from resources.feeds import feeds

from assets.partitions import SESSIONS, TIMEZONE
from jobs.eod import eod, history
from orchestration.plan import plan
from resources.settings import settings


@dg.schedule(
    jobs=[eod, history],
    cron_schedule="30 18 * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def eod_risk(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Close the session at half past six New York time, two and a half hours after the market.

    Where earlier sessions are missing or changed, their history runs first and its success starts the day.
    """
    return request(context.scheduled_execution_time)


def request(now: datetime) -> dg.RunRequest | dg.SkipReason:
    """The run that is due at ``now``, or why there is none."""
    session = f"{now:%Y-%m-%d}"
    if not SESSIONS.has_partition_key(session):
        return dg.SkipReason(f"{session} is not a session of {', '.join(settings().calendars)}")
    due = plan(feeds().facts, settings(), pd.Timestamp(session))
    if due.history is None:
        return dg.RunRequest(run_key=f"eod:{session}", job_name=eod.name, partition_key=session)
    first, last = (f"{day:%Y-%m-%d}" for day in due.history)
    return dg.RunRequest(
        run_key=f"history:{session}",
        job_name=history.name,
        tags={
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
            "daybook/eod": session,
        },
    )
