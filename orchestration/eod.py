"""The end of day as one procedure: take in, complete the history, compute the day, propose orders.

Belongs here: the order of runs and what their outcome means. Does not belong here: how the outcome is shown.
"""

import uuid
from collections.abc import Callable
from typing import Any

import dagster as dg
import pandas as pd

from orchestration.console import Refused
from orchestration.plan import Span, plan
from resources.feeds import Feeds
from resources.inbox import Intake
from sensors.alerts import first_line

Progress = Callable[[str, str, int, int], None]
"""Called with (job, step that has begun, steps done, steps in all)."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def business_date(feeds: Feeds, asked: pd.Timestamp | None) -> tuple[pd.Timestamp, Intake]:
    """The date to close, and what was taken in to know it.

    Without ``asked`` it is the latest session with delivered prices; vendors with an end of their own deliver up to
    their default date first.

    Raises:
        Refused: nothing has been delivered.
    """
    report = feeds.collect(asked)
    if asked is not None:
        return asked, report
    latest = feeds.latest_priced_session()
    if latest is None:
        for file in report.unreached:
            raise Refused(f"no prices: {file.file} failed: {file.reason}")
        raise Refused(
            f"no prices: nothing usable was delivered; put files into {feeds.inbox.folder}"
            " or name a vendor in DAYBOOK_VENDORS, then look at `daybook quarantine list`"
        )
    return latest, report


def close_of_business(
    definitions: dg.Definitions, instance: dg.DagsterInstance, feeds: Feeds, day: pd.Timestamp, progress: Progress
) -> None:
    """Compute what is missing before ``day`` as range runs, then ``day``, then propose its orders.

    Raises:
        Refused: a run failed; the message names the step and the error.
    """
    wanted = plan(feeds.facts, feeds.settings, day)
    for job, span in (("market_history", wanted.market), ("history", wanted.history)):
        if span is not None:
            run(definitions, instance, job, span, progress)
    run(definitions, instance, "eod", (day, day), progress)
    run(definitions, instance, "propose", (day, day), progress)


def run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    span: Span,
    progress: Progress,
) -> None:
    """Execute ``job`` for the sessions of ``span`` in this process, as a run that the UI shows.

    Raises:
        Refused: the run failed.
    """
    first, last = (f"{day:%Y-%m-%d}" for day in span)
    definition = definitions.resolve_job_def(job)
    which: dict[str, Any] = (
        {"partition_key": first}
        if first == last
        else {"tags": {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}}
    )
    run_id = str(uuid.uuid4())
    steps = len(definition.graph.node_dict)
    done = 0

    def watch(event: dg.EventLogEntry) -> None:
        nonlocal done
        happened = event.dagster_event
        if happened is None:
            return
        done += happened.is_step_success or happened.is_step_failure
        if happened.is_step_start or happened.is_step_success:
            progress(job, event.step_key or "", done, steps)

    instance.add_event_listener(run_id, watch)
    result = definition.execute_in_process(
        run_id=run_id, instance=instance, run_config=QUIET, raise_on_error=False, **which
    )
    if not result.success:
        raise Refused(f"{job} {first} to {last}: {_first_failure(result)}; see run {run_id} in the UI (`daybook ui`)")


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            return f"step {event.step_key} failed: {first_line(event)}"
    return "failed before its first step"
