"""Each sensor asked once, with the event before it made by hand: what it starts, and what it passes over."""

import json
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pandas as pd
import pytest

from jobs.eod import eod
from resources.breaches import Breaches
from resources.feeds import FeedsResource, feeds
from resources.notifier import Notifier
from resources.timings import MADE_BY
from sensors.alerts import limits_breached, run_failed
from sensors.inbox import inbox_files
from sensors.intraday import prices_and_fills
from sensors.orders import propose_orders
from tests.frames import frame

PRICES = "prices_2022-12-19.csv"
HEAD = "business_date,instrument,close,currency\n"


@pytest.fixture
def inbox(settings, monkeypatch):
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    folder = settings.home / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def look(inbox, instance):
    """One tick of the inbox's sensor from a cursor."""

    def look(cursor: str | None) -> dg.SensorResult:
        return inbox_files(dg.build_sensor_context(instance, cursor=cursor), feeds=FeedsResource())

    return look


def files(request: dg.RunRequest) -> list[str]:
    """The files that a run is asked to take in."""
    return request.run_config["ops"]["deliveries"]["config"]["files"]


def test_a_file_starts_its_own_ingestion_after_two_equal_looks(inbox, look):
    (inbox / PRICES).write_text(HEAD)
    first = look(None)
    assert not first.run_requests
    assert first.skip_reason.skip_message == "1 new files wait for a second look"
    (request,) = look(first.cursor).run_requests
    assert files(request) == [PRICES]
    assert request.tags["daybook/file"] == PRICES


def test_all_files_that_are_ready_are_one_run_and_one_that_is_not_waits(inbox, look):
    names = [f"prices_2022-12-19_{number}.csv" for number in range(200)]
    for name in names:
        (inbox / name).write_text(HEAD)
    first = look(None)
    (inbox / PRICES).write_text(HEAD)
    second = look(first.cursor)
    (request,) = second.run_requests
    assert files(request) == sorted(names)
    assert request.tags["daybook/file"] == "prices_2022-12-19_0.csv and 199 more"
    assert [files(request) for request in look(second.cursor).run_requests] == [[PRICES]]


def test_while_an_ingestion_is_on_files_gather_for_the_next(inbox, look, instance):
    (inbox / PRICES).write_text(HEAD)
    first = look(None)
    run = unfinished(instance, "ingest")
    waiting = look(first.cursor)
    assert not waiting.run_requests
    assert waiting.skip_reason.skip_message == "1 new files wait for the ingestion that is on"
    (inbox / "fx_rates_2022-12-19.csv").write_text("x")
    more = look(waiting.cursor)
    instance.report_run_canceled(run)
    assert [files(request) for request in look(more.cursor).run_requests] == [["fx_rates_2022-12-19.csv", PRICES]]


def test_a_file_that_is_still_written_waits(inbox, look):
    (inbox / PRICES).write_text(HEAD)
    first = look(None)
    (inbox / PRICES).write_text(HEAD + "2022-12-19,AAA,10,USD\n")
    second = look(first.cursor)
    assert not second.run_requests
    assert len(look(second.cursor).run_requests) == 1


@pytest.mark.parametrize("name", [".prices_2022-12-19.csv", "prices_2022-12-19.csv.part"])
def test_a_hidden_or_temporary_file_starts_nothing(inbox, look, name):
    (inbox / name).write_text(HEAD)
    assert look(look(None).cursor).skip_reason.skip_message == "no new file"


def test_the_same_file_is_asked_for_once_and_a_newer_version_again(inbox, look):
    (inbox / PRICES).write_text(HEAD)
    before = look(None).cursor
    first = look(before)
    # A tick whose cursor was lost asks again, by the same key, and Dagster runs a key once, for ever.
    assert look(before).run_requests[0].run_key == first.run_requests[0].run_key
    again = look(first.cursor)
    assert not again.run_requests
    (inbox / PRICES).write_text(HEAD + "2022-12-19,AAA,10,USD\n")
    newer = look(look(again.cursor).cursor)
    assert newer.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_file_that_a_command_took_in_starts_nothing_until_it_changes(inbox, look):
    (inbox / PRICES).write_text(HEAD + "2022-12-19,AAA,10,USD\n")
    feeds().inbox.take_in()
    assert look(look(None).cursor).skip_reason.skip_message == "no new file"
    (inbox / PRICES).write_text(HEAD + "2022-12-19,AAA,10.5,USD\n")
    assert len(look(look(None).cursor).run_requests) == 1


def unfinished(instance: dg.DagsterInstance, name: str) -> dg.DagsterRun:
    """A run of a job called ``name`` that is on."""

    @dg.job(name=name)
    def job():
        pass

    return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)


@pytest.fixture
def refresh(inbox, instance):
    """One tick of the sensor of prices and fills from a cursor, after files were taken in."""
    deliver("instruments_2022-12-01.csv", "instrument,currency,exchange\nAAA,USD,\nBBB,USD,\nSYD,AUD,XASX\n")
    deliver("books_2022-12-01.csv", "book,base_currency\nALPHA,USD\n")

    def refresh(cursor: str | None) -> dg.SensorResult:
        return prices_and_fills(dg.build_sensor_context(instance, cursor=cursor), feeds=FeedsResource())

    return refresh


def deliver(name: str, text: str) -> None:
    (taken,) = feeds().inbox.deliver(name, text.encode()).files
    assert (taken.outcome, taken.quarantined) == ("complete", 0), taken


def seen(day: str, price: float = 10, suffix: str = "a", at: str = "15:00") -> None:
    """A price of AAA was seen."""
    deliver(f"intraday_prices_{day}_{suffix}.csv", f"observed_at,instrument,price\n{day}T{at}:00Z,AAA,{price}\n")


def traded(day: str, file: str = "") -> None:
    deliver(
        f"transactions_{file or day}.csv",
        "transaction_id,book,kind,trade_date,quantity,currency\n" + f"T{day},ALPHA,deposit,{day},100,USD\n",
    )


def test_a_storm_of_a_hundred_files_is_one_ingestion_and_one_refresh(inbox, look, refresh, instance):
    cursor = refresh(None).cursor
    for number in range(100):
        text = f"observed_at,instrument,price\n2022-12-27T15:00:{number % 60:02}Z,AAA,{10 + number}\n"
        (inbox / f"intraday_prices_2022-12-27_{number:03}.csv").write_text(text)
    first = look(None)
    taken_in = look(first.cursor)
    (ingestion,) = taken_in.run_requests
    assert len(files(ingestion)) == 100
    assert {taken.outcome for taken in feeds().inbox.take_in(files(ingestion)).files} == {"complete"}
    assert look(taken_in.cursor).skip_reason.skip_message == "no new file"

    told = refresh(cursor)
    (request,) = told.run_requests
    assert (request.partition_key, request.run_key) == ("2022-12-27", told.cursor)
    assert refresh(told.cursor).skip_reason.skip_message == "nothing new"

    run = unfinished(instance, "intraday")
    for number in range(3):
        seen("2022-12-27", 20 + number, suffix=f"later{number}")
        waiting = refresh(told.cursor)
        assert (waiting.run_requests, waiting.cursor) == ([], told.cursor)
        assert waiting.skip_reason.skip_message == "a refresh is queued or on"
    instance.report_run_canceled(run)
    after = refresh(told.cursor)
    assert [request.run_key for request in after.run_requests] == [str(int(told.cursor) + 3)]
    assert refresh(after.cursor).skip_reason.skip_message == "nothing new"


def test_a_refresh_waits_for_the_rest_of_what_is_taken_in_for_a_minute(refresh, instance):
    ingestion = unfinished(instance, "ingest")
    seen("2022-12-27")
    waiting = refresh(None)
    assert (waiting.run_requests, waiting.cursor) == ([], None)
    assert waiting.skip_reason.skip_message == "files are being taken in"
    doors = feeds().inbox
    earlier = replace(doors, clock=lambda: doors.clock() - timedelta(minutes=2))
    earlier.deliver("intraday_prices_2022-12-27_b.csv", b"observed_at,instrument,price\n2022-12-27T15:00Z,BBB,1\n")
    assert len(refresh(None).run_requests) == 1
    instance.report_run_canceled(ingestion)
    assert len(refresh(None).run_requests) == 1


def test_a_price_of_an_earlier_session_refreshes_it_in_one_run_with_the_newest(refresh):
    seen("2022-12-27")
    cursor = refresh(None).cursor
    seen("2022-12-22")
    late = refresh(cursor)
    assert [request.partition_key for request in late.run_requests] == ["2022-12-22"]
    seen("2022-12-22", 11)  # a newer file of the same date and suffix
    seen("2022-12-28")
    (request,) = refresh(late.cursor).run_requests
    assert request.tags == {
        "dagster/asset_partition_range_start": "2022-12-22",
        "dagster/asset_partition_range_end": "2022-12-28",
    }


def test_a_morning_in_sydney_is_the_session_after_the_date_in_utc(refresh):
    deliver("intraday_prices_2022-12-27.csv", "observed_at,instrument,price,currency\n2022-12-27T23:30Z,SYD,10,AUD\n")
    told = refresh(None)
    assert [request.partition_key for request in told.run_requests] == ["2022-12-28"]
    traded("2022-12-23", file="2022-12-27")
    assert [request.partition_key for request in refresh(told.cursor).run_requests] == ["2022-12-28"]


def test_a_price_on_a_day_without_a_session_starts_nothing(refresh):
    seen("2022-12-26")
    told = refresh(None)
    assert not told.run_requests
    assert told.skip_reason.skip_message == f"delivery {told.cursor} is about no session that goes"


def test_trades_refresh_the_session_that_goes(refresh):
    traded("2022-12-21")
    nobody_watches = refresh(None)
    assert not nobody_watches.run_requests
    seen("2022-12-27")
    cursor = refresh(nobody_watches.cursor).cursor
    traded("2022-12-22", file="2022-12-27")  # of an earlier date: the position now is another one
    back_dated = refresh(cursor)
    assert [request.partition_key for request in back_dated.run_requests] == ["2022-12-27"]
    traded("2022-12-28")  # before the first price of the day
    today = refresh(back_dated.cursor)
    assert [request.partition_key for request in today.run_requests] == ["2022-12-28"]
    traded("2022-12-23", file="2022-12-24")  # a file of Saturday about Friday; Tuesday goes
    assert [request.partition_key for request in refresh(today.cursor).run_requests] == ["2022-12-27"]


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
    assert {sensor.name for sensor in sensors} == {
        *("inbox_files", "prices_and_fills", "propose_orders", "run_failed", "limits_breached", "deadlines_at_risk")
    }
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}


def test_a_breach_and_an_overdue_answer_are_told_once(settings, engine, instance):
    day = pd.Timestamp("2020-01-31")
    usage = frame(
        "limit_usage", "business_date book limit utilisation reached status", (day, "b", "LEV", 1.3, "hard", "breach")
    )
    columns = "limit valid_from measure hard answer_hours"
    limits = frame("limits", columns, ("LEV", "2019-01-01", "gross", 1.0, 1e-9))
    breaches = Breaches(engine)
    breaches.record(usage, limits, frame("nav", "business_date book nav status", (day, "b", 1.0, "ok")), day)
    (name,) = breaches.frame()["breach_id"]

    def look(cursor):
        context = dg.build_sensor_context(instance, cursor=cursor)
        return limits_breached(context, feeds=FeedsResource(), notifier=Notifier()).cursor

    told = settings.home / "notifications.jsonl"
    assert [look(None), look(None), look("1")] == ["1", "1", "1"]
    titles = [json.loads(line)["title"] for line in told.read_text().splitlines()]
    assert titles[0] == "limit opened: b LEV, hard since 2020-01-31, 130.0 % of the hard level"
    assert titles[1].startswith("no answer until 20")
    assert len(titles) == 2
    breaches.acknowledge(name, "ann", "selling")
    look(None)
    assert len(told.read_text().splitlines()) == 2


def test_every_step_of_the_day_is_done_by_steps_that_the_end_of_day_has():
    from orchestration.definitions import defs

    made = {name for names in MADE_BY.values() for name in names}
    assert made <= set(defs.resolve_job_def("eod").graph.node_dict)
