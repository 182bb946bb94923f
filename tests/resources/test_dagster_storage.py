"""Dagster's instance as dagster.yaml describes it, on the embedded server."""

import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster_postgres.event_log import PostgresEventLogStorage

from resources import postgres
from resources.dagster_storage import BatchedEventLog, PooledPostgresStorage
from resources.settings import settings as read_settings

ROOT = Path(__file__).parents[2]
DAYS = dg.DailyPartitionsDefinition("2020-01-01", end_date="2020-02-01")
RANGE = {"dagster/asset_partition_range_start": "2020-01-02", "dagster/asset_partition_range_end": "2020-01-21"}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def first() -> dg.MaterializeResult:
    """Written for a range of days at once."""
    return dg.MaterializeResult()


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), deps=[first])
def second() -> dg.MaterializeResult:
    """Written after the first."""
    return dg.MaterializeResult()


@pytest.fixture
def instance(settings, monkeypatch):
    settings.dagster_home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", settings.dagster_home)
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    with dg.DagsterInstance.get() as found:
        yield found


def replay(instance):
    """Run both assets over 20 days."""
    definitions = dg.Definitions(
        [first, second], jobs=[dg.define_asset_job("both", "*")], executor=dg.in_process_executor
    )
    return definitions.resolve_job_def("both").execute_in_process(instance=instance, tags=RANGE)


def events(settings):
    """What the event log says of assets, without ids and times; and what the index of assets says."""
    created = sa.create_engine(settings.postgres_url, poolclass=sa.NullPool)
    with created.connect() as connection:
        log = connection.execute(
            sa.text(
                "SELECT dagster_event_type, asset_key, partition, step_key FROM event_logs"
                " WHERE asset_key IS NOT NULL ORDER BY dagster_event_type, asset_key, id"
            )
        ).all()
        index = connection.execute(
            sa.text("SELECT asset_key, last_materialization IS NOT NULL FROM asset_keys ORDER BY asset_key")
        ).all()
        runs = connection.execute(sa.text("SELECT count(DISTINCT last_run_id) FROM asset_keys")).scalar()
    return log, index, runs


def test_the_instance_is_the_one_that_dagster_yaml_describes(instance):
    assert isinstance(instance.get_ref().storage, PooledPostgresStorage)
    assert isinstance(instance.event_log_storage, BatchedEventLog)
    assert instance.telemetry_enabled is False
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 4


def test_no_secret_is_in_what_the_ui_shows(instance, settings):
    assert settings.postgres_url not in str(instance.info_dict())
    assert settings.postgres_url not in (settings.dagster_home / "dagster.yaml").read_text()


def test_connections_are_kept(instance):
    for store in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        assert isinstance(store._engine.pool, sa.pool.QueuePool)


def test_batches_say_what_single_events_say(instance, settings, monkeypatch):
    assert replay(instance).success
    batched = events(settings)
    created = sa.create_engine(settings.postgres_url, poolclass=sa.NullPool)
    with created.begin() as connection:
        connection.execute(sa.text("TRUNCATE event_logs, asset_keys, asset_event_tags CASCADE"))
    monkeypatch.setattr(BatchedEventLog, "store_event_batch", PostgresEventLogStorage.store_event_batch)
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    assert replay(instance).success
    assert events(settings) == batched
    log, index, runs = batched
    assert len(log) == 2 * 2 * 20
    assert [
        partition for kind, key, partition, _ in log if (kind, key) == ("ASSET_MATERIALIZATION_PLANNED", '["first"]')
    ] == [f"2020-01-{day:02d}" for day in range(2, 22)]
    assert index == [('["first"]', True), ('["second"]', True)]
    assert runs == 1


def test_a_range_of_planned_events_is_one_insert(instance):
    statements = []
    sa.event.listen(
        instance.event_log_storage._engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )
    assert replay(instance).success
    inserts = [statement for statement in statements if statement.startswith("INSERT INTO event_logs")]
    assert len(inserts) < 40 < 2 * 2 * 20
    tags = instance.get_latest_materialization_event(dg.AssetKey("second")).asset_materialization.tags
    assert not [key for key in tags if "input" in key]


def test_that_a_step_was_given_an_input_is_not_written_down(instance):
    @dg.asset
    def made() -> int:
        return 1

    @dg.asset
    def doubled(made: int) -> int:
        return 2 * made

    run = dg.materialize([made, doubled], instance=instance)
    happened = [record.event_log_entry.dagster_event for record in instance.get_records_for_run(run.run_id).records]
    kept = {event.event_type_value for event in happened if event}
    assert {"STEP_OUTPUT", "ASSET_MATERIALIZATION"} <= kept
    assert not kept & {"STEP_INPUT", "LOADED_INPUT"}


def test_dagster_does_not_wait_for_the_disk(instance):
    with instance.event_log_storage._connect() as connection:
        assert connection.execute(sa.text("SHOW synchronous_commit")).scalar() == "off"


def test_tags_of_materialisations_are_kept_by_event(instance):
    @dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def tagged():
        return dg.MaterializeResult(tags={"colour": "red"})

    assert dg.materialize([tagged], instance=instance, tags=RANGE).success
    record = instance.get_latest_materialization_event(dg.AssetKey("tagged"))
    assert record.asset_materialization.tags["colour"] == "red"
    assert "dagster/data_version" in record.asset_materialization.tags
    assert len(instance.get_materialized_partitions(dg.AssetKey("tagged"))) == 20


def test_a_bare_dagster_command_starts_the_server_by_itself(tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "dagster").mkdir(parents=True)
    shutil.copy(ROOT / "dagster.yaml", home / "dagster")
    monkeypatch.setenv("DAYBOOK_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    monkeypatch.delenv("DAYBOOK_POSTGRES_URL", raising=False)
    try:
        command = [sys.executable, "-m", "dagster", "instance", "info"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert shown.returncode == 0, shown.stderr
        assert "event_log_storage" in shown.stdout
    finally:
        assert postgres.stop(read_settings())
