"""``make bench``: every measurement in one run, side by side in one table."""

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    adjusted,
    attribution,
    changes,
    explain,
    firm,
    first_day,
    imports,
    ingest,
    lots,
    one_more_day,
    ratios,
    reconciliation,
    risk,
    sessions,
    valuation,
    what_if,
)
from benchmarks.timing import Row, daybook

SESSIONS = 250


def main() -> int:
    """Measure and print; the exit code says whether every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="sessions computed as a range and one at a time")
    count = parser.parse_args().sessions
    for name in [name for name in os.environ if name.startswith(("DAYBOOK_", "DAGSTER_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        home = Path(folder) / "home"
        say("imports")
        costs = imports.costs()
        bare = costs["bare"]
        lines = imports.rows(costs)
        say("adjusted series of a universe")
        lines += adjusted.rows(Path(folder))
        say("a million prices from a file to golden")
        lines += ingest.rows(Path(folder))
        say("a million positions valued with P&L")
        lines += valuation.rows(Path(folder))
        say("a million positions against a custodian")
        lines += reconciliation.rows(Path(folder))
        say("ten million trades to lots")
        lines += lots.rows(Path(folder))
        say("the risk of ten thousand books")
        lines += risk.rows(Path(folder))
        say("the attribution of ten thousand books")
        lines += attribution.rows()
        say("the ratios of ten thousand books")
        lines += ratios.rows()
        say("one number explained")
        lines += explain.rows()
        say("what changed between two closes of ten thousand books")
        lines += changes.rows(Path(folder))
        say("what ten trades would do")
        lines += what_if.rows(Path(folder))
        say("one more day for a firm of a million positions")
        lines += firm.rows(Path(folder))
        say("the first day, in an empty home")
        try:
            lines += first_day.rows(first_day.close(home), bare)
        finally:
            daybook("stop", home=home)
        say("one more day")
        lines += one_more_day.rows(one_more_day.close(home))
        ways = []
        for what, way in (("one range run", "range"), ("one at a time", "single")):
            say(f"{count} sessions, {what}")
            ways.append((what, sessions.compute(home, way, count)))
        lines += sessions.rows(ways, count, bare)
    show(lines)
    return int(any(line.met is False for line in lines))


def say(what: str) -> None:
    """Tell a person who waits what is being measured."""
    print(f"measuring: {what}", file=sys.stderr, flush=True)


def show(lines: Iterable[Row]) -> None:
    """Print the table."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    table = Table(
        title=f"{os.cpu_count()} cores, load {load}; x = times the bare import, or what the goal names;"
        " CPU and memory without PostgreSQL",
        title_justify="left",
    )
    for name in ("what", "wall s", "CPU s", "peak MB", "x", "goal", "met"):
        table.add_column(name, justify="left" if name in ("what", "goal", "met") else "right", no_wrap=True)
    for line in lines:
        cost = line.cost
        met = "" if line.met is None else "yes" if line.met else "NO"
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
        table.add_row(line.what, number(cost.wall), number(cost.cpu), number(cost.peak_mb, 0), ratio, line.goal, met)
    Console(width=140).print(table)


def number(value: float, places: int = 2) -> str:
    """``value`` for a person; nothing where it was not measured."""
    return "" if math.isnan(value) else f"{value:,.{places}f}"


if __name__ == "__main__":
    raise SystemExit(main())
