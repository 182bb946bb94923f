"""Each sensor asked once, with the event before it made by hand: what it starts, and what it passes over."""

import dagster as dg
import pytest

from jobs.eod import eod
from resources.feeds import FeedsResource, feeds
from resources.notifier import Notifier
from sensors.alerts import run_failed
from sensors.inbox import inbox_files
from sensors.orders import propose_orders

PRICES = "prices_2022-12-19.csv"
HEAD = "business_date,instrument,close,currency\n"


@pytest.fixture
def inbox(settings, monkeypatch):
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    folder = settings.home / "inbox"
    folder.mkdir()
    return folder


def look(cursor: str | None) -> dg.SensorResult:
    return inbox_files(dg.build_sensor_context(cursor=cursor), feeds=FeedsResource())


def test_a_file_starts_its_own_ingestion_after_two_equal_looks(inbox):
    (inbox / PRICES).write_text(HEAD)
    first = look(None)
    assert not first.run_requests
    assert first.skip_reason.skip_message == "1 new files wait for a second look"
    (request,) = look(first.cursor).run_requests
    assert request.run_config == {"ops": {"deliveries": {"config": {"files": [PRICES]}}}}
    assert request.tags["daybook/file"] == PRICES


def test_a_file_that_is_still_written_waits(inbox):
    (inbox / PRICES).write_text(HEAD)
    first = look(None)
    (inbox / PRICES).write_text(HEAD + "2022-12-19,AAA,10,USD\n")
    second = look(first.cursor)
    assert not second.run_requests
    assert len(look(second.cursor).run_requests) == 1


@pytest.mark.parametrize("name", [".prices_2022-12-19.csv", "prices_2022-12-19.csv.part"])
def test_a_hidden_or_temporary_file_starts_nothing(inbox, name):
    (inbox / name).write_text(HEAD)
    assert look(look(None).cursor).skip_reason.skip_message == "no new file"


def test_the_same_file_has_one_run_key_and_a_newer_version_another(inbox):
    (inbox / PRICES).write_text(HEAD)
    first = look(look(None).cursor)
    again = look(first.cursor)
    assert again.run_requests[0].run_key == first.run_requests[0].run_key  # Dagster runs a key once, for ever
    (inbox / PRICES).write_text(HEAD + "2022-12-19,AAA,10,USD\n")
    newer = look(look(again.cursor).cursor)
    assert newer.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_file_that_a_command_took_in_starts_nothing_until_it_changes(inbox):
    (inbox / PRICES).write_text(HEAD + "2022-12-19,AAA,10,USD\n")
    feeds().inbox.take_in()
    assert look(look(None).cursor).skip_reason.skip_message == "no new file"
    (inbox / PRICES).write_text(HEAD + "2022-12-19,AAA,10.5,USD\n")
    assert len(look(look(None).cursor).run_requests) == 1


def finished(instance: dg.DagsterInstance, succeeds: bool, **tags: str) -> dg.ExecuteInProcessResult:
    """A run of a job called as the real one."""

    @dg.op
    def prices():
        if not succeeds:
            raise ValueError("no prices\nand more")

    @dg.job(name=eod.name)
    def job():
        prices()

    return job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)


def test_a_successful_end_of_day_proposes_the_orders_of_its_date(settings):
    with dg.instance_for_test() as instance:
        for tags, asked in (({"dagster/partition": "2022-12-27"}, "2022-12-27"), ({}, None)):
            result = finished(instance, True, **tags)
            context = dg.build_run_status_sensor_context(
                "propose_orders", result.get_run_success_event(), instance, result.dagster_run
            )
            answer = propose_orders(context)
            if asked is None:
                assert answer.skip_message == f"run {result.run_id} is not of one business date"
            else:
                assert (answer.partition_key, answer.run_key) == (asked, f"orders:{result.run_id}")


def test_a_failed_run_is_told_once_with_the_step_and_its_error(settings):
    with dg.instance_for_test() as instance:
        result = finished(instance, False, **{"dagster/partition": "2022-12-27"})
        event = next(event for event in result.all_events if event.is_job_failure)
        for _ in range(2):
            context = dg.build_run_status_sensor_context("run_failed", event, instance, result.dagster_run)
            run_failed(context.for_run_failure(), notifier=Notifier())
    (line,) = (settings.home / "notifications.jsonl").read_text().splitlines()
    assert f'"cause": "run:{result.run_id}"' in line
    assert '"title": "eod failed for 2022-12-27"' in line
    assert '"body": "prices: ValueError: no prices"' in line


def test_every_sensor_is_on_when_the_daemon_starts():
    from orchestration.definitions import defs

    sensors = [sensor for sensor in defs.sensors if isinstance(sensor, dg.SensorDefinition)]
    assert {sensor.name for sensor in sensors} == {"inbox_files", "propose_orders", "run_failed"}
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}
