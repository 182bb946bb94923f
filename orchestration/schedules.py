"""When things run by the clock.

Belongs here: the time of day and the reason to skip. Does not belong here: what runs (jobs).
"""

from collections.abc import Callable

import dagster as dg
import pandas as pd

from assets.partitions import SESSIONS, TIMEZONE, session_days
from jobs.eod import eod, history, market_history, month_end, next_morning
from orchestration.plan import Plan, Span, plan
from resources.feeds import feeds
from resources.morning import latest
from resources.settings import settings


@dg.schedule(
    job=market_history,
    cron_schedule="45 17 * * *",
    execution_timezone=TIMEZONE,
    description="Completes prices and rates of sessions before the first transaction.",
)
def market_before_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Prices and rates of sessions before the first transaction that are missing or whose facts changed."""
    return _due(context, lambda wanted: wanted.market)


@dg.schedule(
    job=history,
    cron_schedule="0 18 * * *",
    execution_timezone=TIMEZONE,
    description="Completes earlier sessions that are missing or whose facts changed.",
)
def history_before_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Half an hour before the close of business: earlier sessions that are missing or whose facts changed."""
    return _due(context, lambda wanted: wanted.history)


@dg.schedule(
    job=eod,
    cron_schedule="30 18 * * *",
    execution_timezone=TIMEZONE,
    description="Closes the session at half past six New York time; skips a holiday with the reason.",
)
def eod_risk(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Close the session at half past six New York time, two and a half hours after the market."""
    session = f"{context.scheduled_execution_time:%Y-%m-%d}"
    if not SESSIONS.has_partition_key(session):
        return _closed(session)
    return dg.RunRequest(run_key=f"eod:{session}", partition_key=session)


@dg.schedule(
    job=month_end,
    cron_schedule="30 20 26-31 * *",
    execution_timezone=TIMEZONE,
    description="Tear sheets after the last session of a month.",
)
def tearsheets_at_month_end(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Tear sheets two hours after the close of the month's last session; a month ends on its 26th at the earliest."""
    session = f"{context.scheduled_execution_time:%Y-%m-%d}"
    if not SESSIONS.has_partition_key(session):
        return _closed(session)
    days = session_days(settings().calendars)
    later = f"{days[days.searchsorted(pd.Timestamp(session), 'right')]:%Y-%m-%d}"
    if later[:7] == session[:7]:
        return dg.SkipReason(f"{session} is not the last session of its month: {later} is still to come")
    return dg.RunRequest(run_key=f"month_end:{session}", partition_key=session)


@dg.schedule(
    job=next_morning,
    cron_schedule="0 8 * * *",
    execution_timezone=TIMEZONE,
    description="Writes the morning page an hour and a half before the market opens; skips a holiday with the reason.",
)
def page_before_open(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """The morning page of the latest computed session, before the open of the next one."""
    today = f"{context.scheduled_execution_time:%Y-%m-%d}"
    if not SESSIONS.has_partition_key(today):
        return _closed(today)
    session = latest(feeds())
    if session is None:
        return dg.SkipReason("nothing was computed yet")
    return dg.RunRequest(run_key=f"morning:{today}", partition_key=f"{session:%Y-%m-%d}")


def _due(context: dg.ScheduleEvaluationContext, part: Callable[[Plan], Span | None]) -> dg.RunRequest | dg.SkipReason:
    session = f"{context.scheduled_execution_time:%Y-%m-%d}"
    if not SESSIONS.has_partition_key(session):
        return _closed(session)
    span = part(plan(feeds().facts, settings(), pd.Timestamp(session)))
    if span is None:
        return dg.SkipReason(f"every session before {session} stands")
    first, last = (f"{day:%Y-%m-%d}" for day in span)
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.RunRequest(run_key=session, tags=tags)


def _closed(day: str) -> dg.SkipReason:
    return dg.SkipReason(f"{day} is not a session of {', '.join(settings().calendars)}")
