"""What people must hear of: a failed run, a breached limit, an answer that is overdue."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from resources.feeds import FeedsResource
from resources.notifier import Notifier

ANSWER = "answer it: daybook limits acknowledge {} --comment TEXT"


@dg.run_failure_sensor(
    description="A failed run is told to people, once.",
    monitor_all_code_locations=True,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def run_failed(context: dg.RunFailureSensorContext, notifier: Notifier) -> None:
    """Notify once of each failed run: which job, which business date, and what each failed step said first."""
    run = context.dagster_run
    notifier.notify(
        cause=f"run:{run.run_id}",
        title=f"{run.job_name} failed for {_dates(run.tags)}",
        body="; ".join(_reasons(context)) or context.failure_event.message or "",
    )


def _dates(tags: Mapping[str, str]) -> str:
    """The business date or dates of a run."""
    first, last = (tags.get(f"dagster/asset_partition_range_{end}", "") for end in ("start", "end"))
    return tags.get("dagster/partition") or (f"{first} to {last}" if first else "no business date")


def _reasons(context: dg.RunFailureSensorContext) -> Iterator[str]:
    for event in context.get_step_failure_events():
        yield f"{event.step_key}: {first_line(event)}"


def first_line(failure: dg.DagsterEvent) -> str:
    """What the error behind a failed step said first, not what Dagster says around it."""
    error = failure.step_failure_data.error
    cause = error.cause if error and error.cause else error
    said = (cause.message if cause else failure.message or "").strip().splitlines()
    return said[0] if said else "no message"


@dg.sensor(
    description="A limit that is breached, and one whose owner has not answered in time, are told to people, once.",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def limits_breached(context: dg.SensorEvaluationContext, feeds: FeedsResource, notifier: Notifier) -> dg.SensorResult:
    """Notify of each breach when it is opened or opened again, and once more when its answer is overdue.

    The cursor is the last event that was told; an alarm that is told again after a lost cursor has the same cause and
    is not sent.
    """
    breaches = feeds.open().breaches
    alarms = breaches.alarms(int(context.cursor or 0))
    standing = breaches.frame().set_index("breach_id")
    for event in alarms:
        if event["breach_id"] in standing.index:
            what = _said(standing.loc[event["breach_id"]])
            notifier.notify(
                f"breach:{event['id']}", f"limit {event['kind']}: {what}", ANSWER.format(event["breach_id"])
            )
    late = standing[standing["status"].eq("open") & (standing["due_at"] < pd.Timestamp.now("UTC"))]
    for breach, row in late.iterrows():
        due = f"{row['due_at']:%Y-%m-%d %H:%M} UTC"
        notifier.notify(
            f"overdue:{breach}:{row['due_at']:%Y-%m-%dT%H:%M:%S}",
            f"no answer until {due}: {_said(row)}",
            ANSWER.format(breach),
        )
    cursor = str(alarms[-1]["id"]) if alarms else context.cursor
    return dg.SensorResult(skip_reason=f"{len(alarms)} breaches told, {len(late)} overdue", cursor=cursor)


def _said(breach: "pd.Series[Any]") -> str:
    """A breach in a line."""
    place = " ".join(part for part in (breach["dimension"], breach["bucket"]) if part)
    used = f"{100 * breach['utilisation']:.1f} % of the hard level"
    since = f"{breach['business_date']:%Y-%m-%d}"
    return (
        f"{breach['book']} {breach['limit']}{' ' + place if place else ''}, {breach['reached']} since {since}, {used}"
    )
