"""A successful end of day proposes orders."""

import dagster as dg

from jobs.eod import eod
from jobs.orders import propose


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[eod],
    request_job=propose,
    description="A successful end of day proposes its orders, where compliance is clean.",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def propose_orders(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Propose the orders of the business date; the asset leaves out every book whose compliance is not clean."""
    session = context.dagster_run.tags.get("dagster/partition")
    if session is None:
        return dg.SkipReason(f"run {context.dagster_run.run_id} is not of one business date")
    return dg.RunRequest(run_key=f"orders:{context.dagster_run.run_id}", partition_key=session)
