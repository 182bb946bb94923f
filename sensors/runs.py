"""Runs that a sensor waits for, so that a storm of events becomes few runs.

Belongs here: whether a job still has work to start or to end.
"""

import dagster as dg

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def unfinished(instance: dg.DagsterInstance, job: str) -> bool:
    """Whether a run of ``job`` is queued or on."""
    return instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=UNFINISHED)) > 0
