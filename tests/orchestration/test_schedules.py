"""The schedules asked for one evening each."""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import pytest

from assets.partitions import session_partitions
from orchestration.schedules import (
    eod_risk,
    history_before_close,
    market_before_close,
    page_before_open,
    tearsheets_at_month_end,
)
from resources.feeds import feeds
from tests.frames import frame
from tests.orchestration.small_firm import prices

NEW_YORK = ZoneInfo("America/New_York")


def evening(day: str, hour: int) -> dg.ScheduleEvaluationContext:
    return dg.build_schedule_context(
        scheduled_execution_time=datetime.fromisoformat(f"{day}T{hour:02}:30:00").replace(tzinfo=NEW_YORK)
    )


def test_a_session_is_closed_once_on_its_evening():
    request = eod_risk(evening("2022-12-27", 18))
    assert (request.partition_key, request.run_key) == ("2022-12-27", "eod:2022-12-27")


@pytest.mark.parametrize(
    "day",
    [
        "2022-12-26",  # Christmas, observed
        "2022-12-24",  # a Saturday
        "2022-11-24",  # Thanksgiving
    ],
)
@pytest.mark.parametrize(
    "schedule", [eod_risk, history_before_close, market_before_close, tearsheets_at_month_end, page_before_open]
)
def test_a_day_without_a_session_is_skipped_with_the_reason(settings, schedule, day):
    assert schedule(evening(day, 18)).skip_message == f"{day} is not a session of XNYS"


def test_tear_sheets_follow_the_last_session_of_a_month():
    request = tearsheets_at_month_end(evening("2021-02-26", 20))  # a Friday, and February ends on a Sunday
    assert (request.partition_key, request.run_key) == ("2021-02-26", "month_end:2021-02-26")
    skipped = tearsheets_at_month_end(evening("2022-12-29", 20))
    assert skipped.skip_message == "2022-12-29 is not the last session of its month: 2022-12-30 is still to come"


def test_before_a_session_opens_the_page_of_the_last_one_that_was_computed_is_written(settings):
    assert page_before_open(evening("2022-12-28", 8)).skip_message == "nothing was computed yet"
    day = pd.Timestamp("2022-12-23")
    feeds().lake.write("nav", frame("nav", "business_date book nav status", (day, "P", 1e5, "ok")), [day])
    request = page_before_open(evening("2022-12-28", 8))
    assert (request.partition_key, request.run_key) == ("2022-12-23", "morning:2022-12-28")


def test_earlier_sessions_that_are_missing_are_one_range(daybook, firm, settings):
    inbox = settings.home / "inbox"
    inbox.mkdir()
    for name, text in firm.items():
        (inbox / name).write_text(text)
    assert daybook("ingest", *(str(inbox / name) for name in firm))[0] == 0
    request = history_before_close(evening("2022-12-23", 18))
    assert request.tags == {
        "dagster/asset_partition_range_start": "2022-12-21",  # the first transaction
        "dagster/asset_partition_range_end": "2022-12-22",
    }
    request = market_before_close(evening("2022-12-23", 17))
    assert request.tags == {
        "dagster/asset_partition_range_start": "2022-09-09",  # the first price
        "dagster/asset_partition_range_end": "2022-12-20",
    }


def test_where_nothing_is_missing_the_history_is_skipped(settings):
    assert history_before_close(evening("2022-12-27", 18)).skip_message == "every session before 2022-12-27 stands"


def test_prices_of_the_small_firm_do_not_depend_on_what_is_asked():
    day = pd.DatetimeIndex(["2022-12-27"])
    assert set(prices(day).splitlines()) < set(prices(pd.DatetimeIndex(["2022-12-23", "2022-12-27"])).splitlines())


def test_equal_partitions_have_one_hash_and_others_another():
    made = session_partitions.__wrapped__
    assert hash(made(("XNYS",))) == hash(made(("XNYS",)))
    assert made(("XNYS",)) == made(("XNYS",))
    assert made(("XNYS",)) != made(("XNYS", "XTKS"))
    assert hash(made(("XNYS",))) != hash(made(("XNYS", "XTKS")))
