"""A failed run is told to people."""

from collections.abc import Iterator, Mapping

import dagster as dg

from resources.notifier import Notifier


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
