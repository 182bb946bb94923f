"""Commands measured, and rows of the table that ends a run of the benchmarks.

Belongs here: time and memory of a process. Does not belong here: what is measured.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Cost:
    """What a process cost.

    Attributes:
        wall: seconds on the clock.
        cpu: seconds of processor time, user and system, of the process and the children that it waited for. The
            embedded PostgreSQL is a server of its own and not among them.
        peak_mb: largest resident set of the process or of one of these children, in MB.
        output: what it printed on standard output.
    """

    wall: float
    cpu: float
    peak_mb: float
    output: str


@dataclass(frozen=True)
class Row:
    """One line of the table; ``goal`` is in the unit of ``value``, None where the issue sets none."""

    what: str
    cost: Cost
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run ``command`` from the root of the repository and wait for it.

    Raises:
        RuntimeError: it ended with another code than 0; the end of what it said is in the message.
    """
    began = perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    output = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {output[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output)


def python(code: str, environment: Mapping[str, str] | None = None) -> Cost:
    """Run ``python -c code``."""
    return measure([sys.executable, "-c", code], environment)


def daybook(*words: str, home: Path) -> Cost:
    """Run the ``daybook`` command on the installation at ``home``."""
    return measure([str(BIN / "daybook"), *words], {"DAYBOOK_HOME": str(home), "DAGSTER_HOME": ""})


def middle(costs: Sequence[Cost]) -> Cost:
    """The cost in the middle by time on the clock."""
    return sorted(costs, key=lambda cost: cost.wall)[len(costs) // 2]


def copy_of(home: Path, name: str) -> Path:
    """A copy of a stopped installation beside it; ``cp -a`` since PostgreSQL wants owners and modes kept."""
    copy = home.with_name(f"{home.name}-{name}")
    subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
    return copy
