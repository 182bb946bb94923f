"""Files in the inbox start their ingestion.

Belongs here: seeing that files have arrived and are complete. Reading them is the job's work.
"""

import hashlib
import json

import dagster as dg

from jobs.intraday import ingest
from resources.feeds import FeedsResource
from sensors.runs import unfinished


@dg.sensor(
    job=ingest,
    description="New files in the inbox start one run that takes them in.",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def inbox_files(context: dg.SensorEvaluationContext, feeds: FeedsResource) -> dg.SensorResult:
    """Start one run for all files that two looks found with the same size and time.

    The cursor keeps the last look at each file that waits, and the look with which a run was asked for it: the same
    file is never asked for twice, and a newer version is. While an ingestion is queued or on none is started: what
    arrives meanwhile is in the next one. A file that `daybook eod` or `daybook ingest` dealt with starts none.
    """
    before = json.loads(context.cursor or "{}")
    now = feeds.open().inbox.pending()
    asked = {name: look for name, look in before.get("asked", {}).items() if now.get(name) == look}
    new = {name: look for name, look in now.items() if name not in asked}
    ready = {name: look for name, look in sorted(new.items()) if before.get("looks", {}).get(name) == look}
    busy = bool(ready) and unfinished(context.instance, ingest.name)
    if not ready or busy:
        waiting = f"{len(new)} new files wait for " + ("the ingestion that is on" if busy else "a second look")
        cursor = json.dumps({"looks": now, "asked": asked})
        return dg.SensorResult(skip_reason=waiting if new else "no new file", cursor=cursor)
    first, *others = ready
    request = dg.RunRequest(
        run_key=hashlib.sha256(json.dumps(ready).encode()).hexdigest(),
        run_config={"ops": {"deliveries": {"config": {"files": list(ready)}}}},
        tags={"daybook/file": first + (f" and {len(others)} more" if others else "")},
    )
    return dg.SensorResult(run_requests=[request], cursor=json.dumps({"looks": now, "asked": asked | ready}))
