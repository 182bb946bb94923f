"""When things are due, when they usually come, what waits, and which path decides: days worked by hand."""

import pandas as pd
import pytest

from daybook import calendars
from daybook.control import timeline as control
from tests.frames import frame

TUESDAY = pd.Timestamp("2022-12-27")
BEFORE = ("2022-12-20", "2022-12-21", "2022-12-22")
"""Sessions of New York whose winter hours are those of ``TUESDAY``: the close is at 21:00 UTC."""
TAKES = {"prices": 10, "books": 20, "nav": 30, "reconciliation": 35, "risk": 50, "pack": 60, "close": 660}
"""Seconds after its beginning at which each step of a run is done."""


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def terms(*rows: tuple) -> pd.DataFrame:
    columns = ["business_date", "calendar", "due_time", "due_days", "timezone", "back"]
    found = pd.DataFrame(list(rows), columns=columns)
    return found.assign(business_date=pd.to_datetime(found["business_date"]).astype("datetime64[us]"))


@pytest.mark.parametrize(
    ("row", "instant"),
    [
        (("2022-12-27", "XNYS", "", None, "", False), "2022-12-27 23:00"),  # 16:00 in New York, and two hours
        (("2022-11-25", "XNYS", "", None, "", False), "2022-11-25 20:00"),  # a half day closes at 13:00
        (("2022-12-27", "XTKS XNYS", "", None, "", False), "2022-12-27 23:00"),  # New York closes after Tokyo
        (("2022-12-23", "XNYS", "", None, "", True), "2022-12-27 14:30"),  # over a weekend and a holiday
        (("2022-03-11", "XNYS", "18:30", 0, "", False), "2022-03-11 23:30"),  # winter time
        (("2022-03-14", "XNYS", "18:30", 0, "", False), "2022-03-14 22:30"),  # summer time
        (("2022-12-27", "XNYS", "17:00", 0, "Asia/Tokyo", False), "2022-12-27 08:00"),
        (("2022-12-23", "XNYS", "08:00", 1, "", False), "2022-12-27 13:00"),  # the next session, not the next day
        (("2022-02-25", "XNYS", "00:30", 0, "Asia/Amman", False), "2022-02-24 22:00"),  # skipped: 01:00 is the first
        (("2021-09-21", "XNYS", "23:30", 0, "Asia/Tehran", False), "2021-09-21 19:00"),  # twice: the first
        (("2022-12-26", "OTC", "18:30", 1, "", False), "2022-12-27 18:30"),  # no known calendar: weekdays, UTC
    ],
)
def test_a_feed_is_due_by_its_clock_or_after_its_market(row, instant):
    assert control.due(terms(row)).tolist() == [utc(instant)]


def test_nothing_is_due_by_the_clock_where_no_market_is_open_and_no_time_is_said():
    rows = terms(("2022-12-26", "XNYS", "", None, "", False), ("2022-12-27", "OTC", "", None, "", False))
    assert control.due(rows).isna().all()


def test_hours_of_a_market_are_missing_where_it_is_closed_or_unknown():
    opens, closes = calendars.opening_hours("XNYS", ["2022-12-23", "2022-12-24"])
    assert (opens[0], closes[0]) == (utc("2022-12-23 14:30"), utc("2022-12-23 21:00"))
    assert opens.isna().tolist() == closes.isna().tolist() == [False, True]
    assert calendars.opening_hours("OTC", ["2022-12-23"])[0].isna().all()


def outcomes(*rows: tuple) -> pd.DataFrame:
    return frame("feed_outcomes", "feed source calendar outcome file reason", *rows).assign(business_date=TUESDAY)


def delivered(*rows: tuple) -> pd.DataFrame:
    """A file register: file, table, date, suffix, rows, when it came."""
    found = pd.DataFrame(list(rows), columns=["file", "table_name", "delivered", "suffix", "rows", "recorded_at"])
    dates = {
        name: pd.to_datetime(found["delivered"]).astype("datetime64[us]") for name in ("delivered", "affects_from")
    }
    at = pd.to_datetime(found["recorded_at"], utc=True).astype("datetime64[us, UTC]")
    fixed = {"outcome": "complete", "kind": "file", "original": float("nan"), "reason": ""}
    return found.assign(seq=range(1, len(found) + 1), recorded_at=at, **dates, **fixed)


def usually(source: str, *times: str) -> list[tuple]:
    """Files of prices of the sessions before, at these times in UTC."""
    return [
        (f"prices_{day}_{source}.csv", "raw_prices", day, source, 100, f"{day} {time}")
        for day, time in zip(BEFORE, times, strict=False)
    ]


def run(day: str, began: str, until: str = "close", own: bool = False) -> list[tuple]:
    """A run that began at that time in UTC and came as far as ``until``."""
    done = list(TAKES)[: list(TAKES).index(until) + 1]
    at = utc(f"{day} {began}")
    return [(own, day, at, step, at + pd.Timedelta(seconds=TAKES[step])) for step in done]


def runs(*parts: list[tuple]) -> pd.DataFrame:
    rows = [row for part in parts for row in part]
    found = pd.DataFrame(rows, columns=["own", "business_date", "began_at", "step", "ended_at"])
    dates = pd.to_datetime(found["business_date"]).astype("datetime64[us]")
    instants = {
        name: pd.to_datetime(found[name], utc=True).astype("datetime64[us, UTC]") for name in ("began_at", "ended_at")
    }
    return found.assign(business_date=dates, own=found["own"].astype(bool), **instants)


def look(now, came, register, declared=(), deadlines=(), done=(), before=None) -> pd.DataFrame:
    history = [run(day, "23:30") for day in BEFORE] if before is None else before
    rows = control.timeline(
        TUESDAY,
        utc(now),
        outcomes(*came),
        delivered(*register),
        frame("expected_feeds", "feed source due_time timezone", *declared),
        frame("deadlines", "step due_time", *deadlines),
        runs(*history, *done),
        "XNYS",
    )
    return rows.set_index(["kind", "step", "source"])


A, B = ("prices", "a", "XNYS"), ("prices", "b", "XTKS")
THERE_A = (*A, "complete", "prices_2022-12-27_a.csv", "")
CAME_A = ("prices_2022-12-27_a.csv", "raw_prices", "2022-12-27", "a", 100, "2022-12-27 22:10")
MISSING_B = (*B, "missing", "", "nothing came")
# Vendor B is due at 17:45 in New York, 22:45 UTC, and comes at 22:50 in the middle of three sessions.
DUE_B = ("prices", "b", "17:45", "America/New_York")
USUAL_B = usually("b", "22:40", "22:50", "23:20")
NAV = ("nav", "18:30")


def test_a_day_whose_vendor_is_late_endangers_the_nav_before_it_is_missed():
    rows = look("2022-12-27 22:30", [THERE_A, MISSING_B], [CAME_A, *USUAL_B], [DUE_B], [NAV])
    b, nav = rows.loc[("feed", "prices", "b")], rows.loc[("step", "nav", "")]
    assert (b["due_at"], b["expected_at"]) == (utc("2022-12-27 22:45"), utc("2022-12-27 22:50"))
    assert b["status"] == "at_risk"
    assert b["reason"] == "nothing came; usually there at 17:50 (median of 3)"
    # Runs usually begin at 23:30 UTC, the NAV is there 30 s later: one minute after nobody would have it in time.
    assert (nav["due_at"], nav["expected_at"]) == (utc("2022-12-27 23:30"), utc("2022-12-27 23:30:30"))
    assert (nav["status"], nav["waits_for"]) == ("at_risk", "prices_b")
    assert control.headlines(rows.reset_index(), "XNYS").tolist() == [
        "nav 18:30 at risk: waits for prices_b (XTKS), usually there at 17:50 (median of 3); takes 10 s (median of 3)",
        "feed prices_b (XTKS) 17:45 at risk: nothing came; usually there at 17:50 (median of 3)",
    ]


def test_once_the_usual_hour_has_passed_only_the_later_sessions_tell():
    rows = look("2022-12-27 23:00", [THERE_A, MISSING_B], [CAME_A, *USUAL_B], [DUE_B], [NAV])
    b = rows.loc[("feed", "prices", "b")]
    assert (b["status"], b["expected_at"]) == ("late", utc("2022-12-27 23:20"))
    never = look("2022-12-27 23:25", [THERE_A, MISSING_B], [CAME_A, *USUAL_B], [DUE_B], [NAV])
    assert pd.isna(never.loc[("feed", "prices", "b"), "expected_at"])
    nav = never.loc[("step", "nav", "")]
    assert nav["status"] == "at_risk"
    assert pd.isna(nav["expected_at"])


def test_what_comes_at_the_hour_of_its_history_is_no_risk_and_everything_after_it_waits():
    rows = look("2022-12-27 22:30", [THERE_A, MISSING_B], [CAME_A, *usually("b", "22:31", "22:35", "22:40")], [DUE_B])
    assert rows.loc[("feed", "prices", "b"), "status"] == "due"
    steps = rows.loc["step"]
    assert set(steps["status"]) == {"waiting"}
    assert set(steps["waits_for"]) == {"prices_b"}
    assert steps["due_at"].isna().all()
    assert steps["expected_at"].tolist() == [utc("2022-12-27 23:30") + pd.Timedelta(seconds=s) for s in TAKES.values()]


def test_without_history_nothing_is_foretold_and_the_alarm_comes_half_an_hour_before():
    early, soon = (
        look(f"2022-12-27 {time}", [MISSING_B], [], [DUE_B], [NAV], before=[]) for time in ("22:14", "22:15")
    )
    assert early["expected_at"].isna().all()
    assert soon["expected_at"].isna().all()
    assert early.loc[("feed", "prices", "b"), "status"] == "due"
    assert soon.loc[("feed", "prices", "b"), "status"] == "at_risk"
    assert early.loc[("step", "nav", ""), "status"] == "waiting"
    assert "no earlier session tells when it comes" in early.loc[("feed", "prices", "b"), "reason"]
    assert "no earlier run tells how long it takes" in early.loc[("step", "nav", ""), "reason"]
    late = look("2022-12-27 23:00", [MISSING_B], [], [DUE_B], [NAV], before=[])
    assert late.loc[("step", "nav", ""), "status"] == "at_risk"


def test_history_that_was_taken_in_years_later_tells_nothing():
    old = [(*row[:5], "2026-11-23 08:00") for row in USUAL_B]
    there = (*B, "complete", "prices_2022-12-27_b.csv", "")
    file = ("prices_2022-12-27_b.csv", "raw_prices", "2022-12-27", "b", 100, "2026-11-23 08:00")
    rows = look("2026-11-23 09:00", [there], [*old, file], [DUE_B], before=[])
    b = rows.loc[("feed", "prices", "b")]
    assert b["status"] == "done"
    assert pd.isna(b["expected_at"])
    assert b["reason"] == "history, taken in 1426 days later"


def test_the_first_file_that_is_nearly_whole_is_when_a_feed_was_there():
    name = "prices_2022-12-27_b.csv"
    register = [
        (name, "raw_prices", "2022-12-27", "b", 94, "2022-12-27 22:00"),  # the half of it
        (name, "raw_prices", "2022-12-27", "b", 96, "2022-12-27 22:50"),
        (name, "raw_prices", "2022-12-27", "b", 100, "2022-12-27 23:10"),  # a correction
    ]
    rows = look("2022-12-27 23:20", [(*B, "complete", name, "")], register, [DUE_B])
    b = rows.loc[("feed", "prices", "b")]
    assert (b["status"], b["done_at"]) == ("done", utc("2022-12-27 22:50"))
    assert b["reason"] == "5 min late"


def test_a_run_that_is_on_says_what_is_done_and_when_the_rest_will_be():
    done = [run("2022-12-27", "23:30", "nav", own=True)]
    rows = look("2022-12-27 23:30:31", [THERE_A], [CAME_A], (), [NAV, ("close", "20:00")], done)
    steps = rows.loc["step"]
    assert steps["status"].tolist() == ["done"] * 3 + ["due", "due", "waiting", "waiting"]
    assert steps.loc[("nav", ""), "reason"] == "30 s late"
    assert steps.loc[("risk", ""), "expected_at"] == utc("2022-12-27 23:30:50")
    assert steps.loc[("pack", ""), "waits_for"] == "reconciliation, risk"
    # The pack is there 10 s after the slower of its two, and somebody signs ten minutes later.
    assert steps.loc[("close", ""), "expected_at"] == utc("2022-12-27 23:41:00")


def test_the_critical_path_leads_from_the_close_to_what_is_last():
    rows = look("2022-12-27 22:30", [THERE_A, MISSING_B], [CAME_A, *USUAL_B], [DUE_B])
    assert rows.index[rows["critical"]].tolist() == [
        ("feed", "prices", "b"),
        *[("step", step, "") for step in ("prices", "books", "nav", "risk", "pack", "close")],
    ]


def test_a_custodian_that_is_last_of_all_decides_the_day():
    custodian = ("custodian_cash", "c", "XNYS", "missing", "", "")
    rows = look("2022-12-27 22:30", [THERE_A, custodian], [CAME_A])
    assert rows.index[rows["critical"]].tolist() == [
        ("feed", "custodian_cash", "c"),
        *[("step", step, "") for step in ("reconciliation", "pack", "close")],
    ]
    assert rows.loc[("step", "nav", ""), "waits_for"] == "prices"
    assert rows.loc[("step", "pack", ""), "waits_for"] == "custodian_cash_c"
    assert pd.isna(rows.loc[("step", "pack", ""), "expected_at"])


def test_a_step_that_was_done_without_a_feed_says_so():
    rows = look(
        "2022-12-28 01:00", [THERE_A, MISSING_B], [CAME_A], [DUE_B], [NAV], [run("2022-12-27", "23:20", own=True)]
    )
    nav = rows.loc[("step", "nav", "")]
    assert (nav["status"], nav["waits_for"], nav["reason"]) == ("done", "", "without prices_b")
    assert rows.loc[("feed", "prices", "b"), "status"] == "late"
    assert rows.loc[("feed", "prices", "b"), "critical"] == True  # noqa: E712 (numpy's): the close waits for it


def test_a_feed_that_nobody_expects_is_no_part_of_it_and_a_firm_without_feeds_has_its_steps():
    rows = look("2022-12-27 22:30", [("prices", "x", "", "complete", "", "")], [], before=[])
    assert rows.index.get_level_values("kind").tolist() == ["step"] * 7
    assert rows.loc[("step", "prices", ""), "status"] == "due"
    assert rows.loc[("step", "books", ""), "waits_for"] == "prices"
