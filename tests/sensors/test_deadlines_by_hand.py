"""What is told of deadlines, and to whom it is not: a clock by hand, one file of deadlines."""

import dagster as dg
import pandas as pd
import pytest

from resources.feeds import feeds
from resources.notifier import Notifier
from sensors.deadlines import tell, watched


@pytest.fixture
def doors(settings, monkeypatch):
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    return feeds()


def test_a_deadline_is_told_before_it_is_missed_and_once_more_when_it_is(doors):
    text = b"step,valid_from,due_time,due_days,timezone\nnav,2022-12-27,18:30,0,\n"
    bad = b"step,valid_from,due_time,due_days,timezone\npack,2022-12-27,25:00,0,\npack,2022-12-28,18:00,0,Mars/Base\n"
    taken = doors.inbox.deliver_all([("deadlines_2022-12-27.csv", text), ("deadlines_2022-12-27_b.csv", bad)], "file")
    assert [(file.rows, file.quarantined) for file in taken.files] == [(1, 0), (0, 2)]
    assert doors.inbox.entries()["reason"].tolist() == [
        "not a time of day: write it as 18:30",
        "not a time zone: write it as America/New_York",
    ]
    log = doors.settings.home / "notifications.jsonl"
    with dg.DagsterInstance.ephemeral() as instance:
        told = [
            tell(doors, instance, Notifier(), pd.Timestamp(f"2022-12-27 {time}", tz="America/New_York"))
            for time in ("17:59", "18:00", "18:29", "18:31", "18:32")
        ]
    assert [number for number, _ in told] == [0, 1, 0, 1, 0]
    assert {days for _, days in told} == {1}  # the three days before are a weekend and a holiday
    risk, late = log.read_text().splitlines()
    assert "2022-12-27: nav 18:30 at risk: waits for prices; no earlier run tells how long it takes" in risk
    assert "2022-12-27: nav 18:30 late" in late


def test_nobody_waits_where_every_file_is_about_days_long_gone(doors):
    prices = b"business_date,instrument,close,currency\n"
    doors.inbox.deliver_all([("prices_2022-12-27.csv", prices)], "file")
    assert watched(doors, pd.Timestamp("2022-12-28 12:00", tz="UTC")).empty
