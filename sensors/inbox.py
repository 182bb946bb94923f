"""A file in the inbox starts its ingestion.

Belongs here: seeing that a file has arrived and is complete. Reading it is the job's work.
"""

import json

import dagster as dg

from jobs.intraday import ingest
from resources.settings import settings


@dg.sensor(job=ingest, minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING)
def inbox_files(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Start one run for each file that two looks found with the same size and time.

    The run is named by file, size and time, so the same file never starts a second run, and a newer version does.
    """
    inbox = settings().home / "inbox"
    before = json.loads(context.cursor or "{}")
    now = {}
    for path in sorted(inbox.iterdir()) if inbox.is_dir() else []:
        if path.is_file() and not path.name.startswith("."):
            stat = path.stat()
            now[path.name] = f"{stat.st_size}:{stat.st_mtime_ns}"
    requests = [
        dg.RunRequest(
            run_key=f"{name}:{version}",
            run_config={"ops": {"deliveries": {"config": {"files": [name]}}}},
            tags={"daybook/file": name},
        )
        for name, version in now.items()
        if before.get(name) == version
    ]
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(now))
