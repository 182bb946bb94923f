"""Code location ``marts``: dbt reads the lake and builds tables for BI tools, after the pack.

Belongs here: the dbt assets, their job and the sensor that starts it. Does not belong here: official numbers.
A location of its own, because importing dagster_dbt costs three seconds that the day must not pay.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

from resources.settings import quiet_telemetry, settings

quiet_telemetry()
os.environ.setdefault("DAYBOOK_LAKE_URI", settings().lake_uri)
os.environ.setdefault("DAYBOOK_MARTS", str(settings().home / "marts.duckdb"))

PROJECT = DbtProject(Path(__file__).parent.parent / "dbt", profiles_dir=Path(__file__).parent.parent / "dbt")
if not PROJECT.manifest_path.exists():
    PROJECT.preparer.prepare(PROJECT)


@dbt_assets(manifest=PROJECT.manifest_path, project=PROJECT, pool="duckdb")
def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """Daily NAV and P&L; risk and compliance summary. DuckDB has one writer, hence the pool."""
    yield from dbt.cli(["build"], context=context).stream()


build_marts = dg.define_asset_job("marts", selection=dg.AssetSelection.assets(marts))


@dg.asset_sensor(asset_key=dg.AssetKey("pack"), job=build_marts, minimum_interval_seconds=30)
def pack_written(context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry) -> dg.RunRequest:
    """Build the marts once for each pack, named by the run that wrote it."""
    return dg.RunRequest(run_key=f"marts:{asset_event.run_id}")


defs = dg.Definitions(
    assets=[marts],
    jobs=[build_marts],
    sensors=[pack_written],
    resources={"dbt": DbtCliResource(project_dir=PROJECT)},
    executor=dg.in_process_executor,
)


def main() -> int:
    """Build the marts now, in this process; exit code 0 when every model and test passed."""
    Path(os.environ["DAYBOOK_MARTS"]).parent.mkdir(parents=True, exist_ok=True)
    result = defs.resolve_job_def("marts").execute_in_process(raise_on_error=False)
    return 0 if result.success else 1


if __name__ == "__main__":
    raise SystemExit(main())
