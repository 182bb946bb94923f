"""Code location ``marts``: dbt reads the lake and builds tables for BI tools, after the pack or by ``make marts``.

Belongs here: the dbt assets, their job and the sensor that starts it. Does not belong here: official numbers; what a
mart holds (dbt/models). A location of its own, because importing dagster_dbt costs three seconds that the day must not
pay.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.console import DONE, FAILED, Refused, complain, out, table
from resources.lake import Lake
from resources.settings import Settings, quiet_telemetry, settings

quiet_telemetry()  # before dbt is imported

from dagster_dbt import DbtCliResource, DbtProject, dbt_assets  # noqa: E402

DBT = Path(__file__).resolve().parent.parent / "dbt"
SOURCES = ("nav", "pnl", "performance", "var", "exposures", "limit_usage", "compliance_results", "findings")
"""Tables of the lake that dbt/models/sources.yml names; a test compares the two."""
# `make` runs this with the environment's bin not on PATH, and webserver and daemon are started as people please.
_EXECUTABLE = str(Path(sys.executable).parent / "dbt")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def marts_file(settings: Settings) -> Path:
    """The DuckDB file with the marts."""
    return settings.home / "marts.duckdb"


def nothing_to_read(settings: Settings) -> str:
    """Why the marts cannot be built yet, in one line; "" when they can."""
    lake = Lake(settings.lake_uri)
    missing = [name for name in SOURCES if lake.version(name) is None]
    if not missing:
        return ""
    return f"marts: the lake {settings.lake_uri} has no table {', '.join(missing)}: run `daybook eod` first"


def definitions(settings: Settings) -> dg.Definitions:
    """The code location for one installation; builds dbt's manifest when the project has changed since the last one."""
    project, dbt = _prepared(settings)

    @dbt_assets(manifest=project.manifest_path, project=project, name="marts", pool="duckdb")
    def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        """Daily NAV and P&L; risk and compliance. DuckDB has one writer, hence the pool."""
        if reason := nothing_to_read(settings):
            raise dg.Failure(reason, allow_retries=False)
        _tell_dbt(settings)
        target = project.target_path / "build"
        yield from dbt.cli(["build"], context=context, target_path=target).stream()

    job = dg.define_asset_job("build_marts", selection=dg.AssetSelection.assets(marts), description="Build every mart.")

    @dg.asset_sensor(
        asset_key=dg.AssetKey("pack"),
        job=job,
        description="A written pack builds the marts.",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def pack_written(context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry) -> dg.RunRequest:
        """Build the marts once for each pack, named by the run that wrote it."""
        return dg.RunRequest(run_key=f"marts:{asset_event.run_id}")

    return dg.Definitions(
        assets=[marts], jobs=[job], sensors=[pack_written], resources={"dbt": dbt}, executor=dg.in_process_executor
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads; the environment is read then, not when the module is imported."""
    return definitions(settings())


def build(settings: Settings, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Build the marts in this process, as a run that the UI shows."""
    job = definitions(settings).resolve_job_def("build_marts")
    return job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)


def main() -> int:
    """Build the marts now and say what is in them; exit code 0 when every model and test passed."""
    from orchestration.commands.installation import here

    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    try:
        environment = here()
        if reason := nothing_to_read(environment):
            raise Refused(reason)
        with dg.DagsterInstance.get() as instance:
            result = build(environment, instance)
        if wrong := _wrong(result):
            raise Refused(wrong)
    except (Refused, ValueError, OSError) as error:
        complain(str(error))
        return FAILED
    _show(environment)
    return DONE


def _prepared(settings: Settings) -> tuple[DbtProject, DbtCliResource]:
    """The project with a manifest that is of these very files: its folder is named by their hash."""
    target = settings.home / "dbt" / _fingerprint()
    project = DbtProject(DBT, target_path=target, profiles_dir=DBT)
    if not project.manifest_path.exists():
        _parse(settings, target)
    return project, DbtCliResource(project_dir=project, dbt_executable=_EXECUTABLE)


def _parse(settings: Settings, target: Path) -> None:
    # Two code servers may come here at once: each parses for itself, and what appears is whole.
    own = target / f"parse-{os.getpid()}"
    own.mkdir(parents=True)
    _tell_dbt(settings)
    where = {"DBT_TARGET_PATH": str(own), "DBT_LOG_PATH": str(own), "DBT_PROFILES_DIR": str(DBT)}
    done = subprocess.run(
        [_EXECUTABLE, "parse", "--quiet"], cwd=DBT, env={**os.environ, **where}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"{DBT}: dbt cannot parse the project: {done.stdout.strip() or done.stderr.strip()}")
    (target / "build").mkdir(exist_ok=True)
    for name, to in (("partial_parse.msgpack", target / "build"), ("manifest.json", target)):
        (own / name).replace(to / name)
    shutil.rmtree(own)


def _fingerprint() -> str:
    content = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')} {sys.version}".encode())
    for file in sorted(path for suffix in ("sql", "yml") for path in DBT.rglob(f"*.{suffix}")):
        if not {"target", "logs"} & set(file.relative_to(DBT).parts):
            content.update(f"{file.relative_to(DBT)}\0".encode() + file.read_bytes() + b"\0")
    return content.hexdigest()[:16]


def _tell_dbt(settings: Settings) -> None:
    """What dbt/profiles.yml and dbt/models/sources.yml read."""
    os.environ["DAYBOOK_DBT_LAKE"] = settings.lake_uri
    os.environ["DAYBOOK_DBT_FILE"] = str(marts_file(settings))


def _wrong(result: dg.ExecuteInProcessResult) -> str:
    failed = [
        f"{check.asset_key.to_user_string()}: {check.check_name} failed"
        for check in result.get_asset_check_evaluations()
        if not check.passed
    ]
    if not failed and result.success:
        return ""
    return f"marts: {'; '.join(failed) or 'dbt failed'}: see above, and run {result.run_id} in the UI (`daybook ui`)"


def _show(settings: Settings) -> None:
    import duckdb

    with duckdb.connect(str(marts_file(settings)), read_only=True) as connection:
        names = [row[0] for row in connection.sql("select table_name from duckdb_tables() order by 1").fetchall()]
        union = " union all ".join(
            f"select '{name}' as mart, count(*) as rows, min(business_date) as first, max(business_date) as last"
            f" from {name}"
            for name in names
        )
        table("marts", connection.sql(union).df())
    out.print(f"marts: {marts_file(settings)}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    raise SystemExit(main())
