"""A file in the inbox starts its ingestion.

Belongs here: seeing that a file has arrived and is complete. Reading it is the job's work.
"""

import json

import dagster as dg

from jobs.intraday import ingest
from resources.feeds import FeedsResource


@dg.sensor(
    job=ingest,
    description="A new file in the inbox starts the ingestion of that file.",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def inbox_files(context: dg.SensorEvaluationContext, feeds: FeedsResource) -> dg.SensorResult:
    """Start one run for each new file that two looks found with the same size and time.

    The run is named by file, size and time, so the same file never starts a second run, and a newer version does. A
    file that `daybook eod` or `daybook ingest` dealt with starts none.
    """
    before = json.loads(context.cursor or "{}")
    now = feeds.open().inbox.pending()
    requests = [
        dg.RunRequest(
            run_key=f"{name}:{look}",
            run_config={"ops": {"deliveries": {"config": {"files": [name]}}}},
            tags={"daybook/file": name},
        )
        for name, look in sorted(now.items())
        if before.get(name) == look
    ]
    waiting = "" if requests else f"{len(now)} new files wait for a second look" if now else "no new file"
    return dg.SensorResult(run_requests=requests, skip_reason=waiting or None, cursor=json.dumps(now))
