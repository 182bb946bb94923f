"""A failed run is told to people."""

import dagster as dg

from resources.notifier import Notifier


@dg.run_failure_sensor(
    monitor_all_code_locations=True, minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING
)
def run_failed(context: dg.RunFailureSensorContext, notifier: Notifier) -> None:
    """Notify once of each failed run: which job, which business date, and the error's first line."""
    run = context.dagster_run
    notifier.notify(
        cause=f"run:{run.run_id}",
        title=f"{run.job_name} failed for {run.tags.get('dagster/partition', 'no business date')}",
        body=(context.failure_event.message or "").splitlines()[0] if context.failure_event.message else "",
    )
