"""``daybook eod`` for one more day of the demonstration firm, from command to pack, split by stage.

The stages are steps of the runs that the command made, as Dagster's event log has them; what is left of the command is
its start, the intake, planning, and the events themselves.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.imports import costs
from benchmarks.timing import Cost, Row, copy_of, daybook, measure

DAY = "2022-12-28"
REPEATS = 3
STAGES_GOAL, WHOLE_GOAL = 6.0, 10.0
HEAVY = {"great_expectations", "riskfolio"}


@dataclass(frozen=True)
class Close:
    """One close: the command, seconds on the clock of each stage's steps, and imports just before it.

    A close is compared with its neighbours, because what else the machine does changes from minute to minute.
    """

    cost: Cost
    stages: Mapping[str, float]
    imports: Mapping[str, Cost]

    @property
    def ratio(self) -> float:
        """Times the bare import."""
        return self.cost.wall / self.imports["bare"].wall

    @property
    def light(self) -> float:
        """Seconds of the stages that are neither Great Expectations nor riskfolio."""
        return sum(seconds for stage, seconds in self.stages.items() if stage not in HEAVY)


def close(home: Path) -> Close:
    """Close ``DAY`` after the default date, each time on a fresh copy of ``home``, the server running; the middle one.

    Args:
        home: an installation whose default date is closed and whose server is stopped.
    """
    found = []
    for number in range(REPEATS):
        copy = copy_of(home, f"more-{number}")
        try:
            daybook("status", home=copy)  # starts the server
            neighbours = costs(repeats=1)
            cost = daybook("eod", "--date", DAY, home=copy)
            environment = {"DAYBOOK_HOME": str(copy), "DAGSTER_HOME": str(copy / "dagster")}
            stages = measure([sys.executable, "-m", "benchmarks.one_more_day"], environment).output
            found.append(Close(cost, json.loads(stages.splitlines()[-1]), neighbours))
        finally:
            daybook("stop", home=copy)
            shutil.rmtree(copy)
    return sorted(found, key=lambda one: one.ratio)[REPEATS // 2]


def rows(found: Close) -> list[Row]:
    """The close, its stages, and the two goals as lines of the table."""
    bare, cost = found.imports["bare"].wall, found.cost
    heavy = found.imports["great_expectations"].wall + found.imports["riskfolio"].wall
    allowed = heavy + WHOLE_GOAL * bare

    def part(what: str, seconds: float, goal: str = "", met: bool | None = None) -> Row:
        return Row(what, Cost(seconds, float("nan"), float("nan"), ""), seconds / bare, goal, met)

    return [
        Row(
            f"daybook eod --date {DAY}, one more day",
            cost,
            found.ratio,
            f"<= {allowed:.1f} s: GE + riskfolio + {WHOLE_GOAL:.0f}x",
            cost.wall <= allowed,
        ),
        part(
            "  stages without GE and riskfolio",
            found.light,
            f"<= {STAGES_GOAL:.0f}x",
            found.light <= STAGES_GOAL * bare,
        ),
        *(part(f"    {stage}", seconds) for stage, seconds in found.stages.items()),
        part("    outside the steps", cost.wall - sum(found.stages.values())),
    ]


def _stages() -> dict[str, float]:
    """Seconds of each stage of ``DAY`` in the event log of the installation that the environment describes."""
    import dagster as dg

    from orchestration.definitions import defs

    groups = {}
    graph = defs.get_repository_def()
    for assets in graph.assets_defs_by_key.values():
        if assets.is_executable:
            groups[assets.node_def.name] = next(iter(assets.group_names_by_key.values()))
    for check in graph.asset_checks_defs_by_key.values():
        name = check.node_def.name
        groups[name] = "great_expectations" if name.endswith("_expectations") else "identities"
    seconds: dict[str, float] = {}
    with dg.DagsterInstance.get() as instance:
        for run in instance.get_runs(dg.RunsFilter(tags={"dagster/partition": DAY})):
            for step in instance.get_run_step_stats(run.run_id):
                if step.start_time is None or step.end_time is None:
                    continue
                stage = "riskfolio" if step.step_key == "rebalance" else groups[step.step_key]
                seconds[stage] = seconds.get(stage, 0.0) + step.end_time - step.start_time
    return seconds


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_stages()) + "\n")
