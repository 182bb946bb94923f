"""Sessions of history of the demonstration firm, computed as one range run and one at a time."""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from benchmarks.timing import Cost, Row, copy_of, daybook, measure

LAST = "2022-12-23"


def compute(home: Path, way: str, count: int) -> Cost:
    """Compute ``count`` sessions up to ``LAST`` on a copy of ``home`` from which their results were taken out.

    Args:
        home: an installation with history and whose server is stopped.
        way: "range" or "single".
        count: number of sessions.
    """
    copy = copy_of(home, way)
    try:
        daybook("status", home=copy)  # starts the server
        environment = {"DAYBOOK_HOME": str(copy), "DAGSTER_HOME": str(copy / "dagster")}
        cost = measure([sys.executable, "-m", "benchmarks.sessions", way, str(count)], environment)
        # The process also takes the old results out and imports: the runs alone say what they took.
        spent = json.loads(cost.output.splitlines()[-1])
        return Cost(spent["wall"], spent["cpu"], cost.peak_mb, "")
    finally:
        daybook("stop", home=copy)
        shutil.rmtree(copy)


def rows(found: Iterable[tuple[str, Cost]], count: int, bare: Cost) -> list[Row]:
    """Both ways, as a whole and per session."""
    lines = []
    for what, cost in found:
        each = Cost(cost.wall / count, cost.cpu / count, float("nan"), "")
        lines.append(Row(f"{count} sessions, {what}", cost, cost.wall / bare.wall))
        lines.append(Row("  per session", each, each.wall / bare.wall))
    return lines


def _work(way: str, count: int) -> dict[str, float]:
    import dagster as dg
    import pandas as pd

    from assets.partitions import session_days
    from daybook import tables
    from jobs.eod import HISTORY
    from orchestration.definitions import defs
    from orchestration.eod import run
    from resources.lake import Lake
    from resources.settings import settings

    environment = settings()
    days = session_days(environment.calendars)
    days = days[days <= pd.Timestamp(LAST)][-count:]
    lake = Lake(environment.lake_uri)
    for table in HISTORY:
        if table in tables.TABLES:
            lake.write(table, tables.empty(table), days)
    spans = [(days[0], days[-1])] if way == "range" else [(day, day) for day in days]
    with dg.DagsterInstance.get() as instance:
        wall, cpu = perf_counter(), _cpu()
        for span in spans:
            run(defs, instance, "history", span, lambda *_: None)
        return {"wall": perf_counter() - wall, "cpu": _cpu() - cpu}


def _cpu() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_work(sys.argv[1], int(sys.argv[2]))) + "\n")
