import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import tables
from daybook.market import fundamentals
from tests.frames import frame, sessions

COLUMNS = "instrument period_end field published_at value"


def facts(*rows):
    return frame("fundamentals", COLUMNS, *[("AAPL", end, "sales", at, value) for end, at, value in rows])


def answer(known, *dates):
    found = fundamentals.latest(known, sessions(*dates))
    return [
        (f"{row.business_date:%Y-%m-%d}", f"{row.period_end:%Y-%m-%d}", row.value, row.first_value)
        for row in found.itertuples()
    ]


def test_the_newest_period_stands_however_late_an_older_one_is_restated():
    known = facts(
        ("2008-09-27", "2008-11-05T21:00:00Z", 32479.0),
        ("2009-09-26", "2009-10-27T21:00:00Z", 36537.0),
        ("2008-09-27", "2010-01-25T21:00:00Z", 37491.0),
        ("2009-09-26", "2010-01-26T21:00:00Z", 42905.0),
    )
    days = ("2008-11-04", "2008-11-05", "2009-10-27", "2010-01-25", "2010-01-26")
    assert answer(known, *days) == [
        ("2008-11-05", "2008-09-27", 32479.0, 32479.0),
        ("2009-10-27", "2009-09-26", 36537.0, 36537.0),
        ("2010-01-25", "2009-09-26", 36537.0, 36537.0),
        ("2010-01-26", "2009-09-26", 42905.0, 36537.0),
    ]
    row = fundamentals.latest(known, sessions(days[-1])).iloc[0]
    assert row["published_at"] == pd.Timestamp("2010-01-26T21:00:00Z")
    assert row["first_published_at"] == pd.Timestamp("2009-10-27T21:00:00Z")


def test_a_session_ends_at_midnight_in_utc():
    known = facts(
        ("2022-09-30", "2022-11-01T23:59:59.999999Z", 1.0), ("2022-09-30", "2022-11-02T00:00:00.000000Z", 2.0)
    )
    assert answer(known, "2022-10-31", "2022-11-01", "2022-11-02") == [
        ("2022-11-01", "2022-09-30", 1.0, 1.0),
        ("2022-11-02", "2022-09-30", 2.0, 1.0),
    ]


def test_a_period_counts_from_its_end_on():
    known = facts(
        ("2021-12-31", "2022-02-01T21:00:00Z", 10.0),
        ("2022-12-31", "2022-03-01T21:00:00Z", 12.0),
        ("2022-12-31", "2022-06-01T21:00:00Z", 11.0),
        ("2201-12-31", "2022-03-01T21:00:00Z", 99.0),
    )
    assert answer(known, "2022-12-30", "2023-01-03") == [
        ("2022-12-30", "2021-12-31", 10.0, 10.0),
        ("2023-01-03", "2022-12-31", 11.0, 12.0),
    ]


def test_two_periods_published_at_once_give_the_newer_in_any_order_of_rows():
    rows = [("2022-09-30", "2022-11-01T21:00:00Z", 3.0), ("2021-09-30", "2022-11-01T21:00:00Z", 2.0)]
    for order in (rows, rows[::-1]):
        assert answer(facts(*order), "2022-11-01") == [("2022-11-01", "2022-09-30", 3.0, 3.0)]


def test_a_figure_tells_where_it_comes_from():
    columns = f"{COLUMNS} unit period_start form file line"
    row = ("AAPL", "2022-09-24", "us-gaap:Assets", "2022-10-28T21:00:00Z", 1.0, "USD", "2021-09-26", "10-K", "f.csv", 7)
    found = fundamentals.latest(frame("fundamentals", columns, row), sessions("2022-10-28")).iloc[0]
    assert (found["unit"], found["form"], found["file"], found["line"]) == ("USD", "10-K", "f.csv", 7)
    assert found["period_start"] == pd.Timestamp("2021-09-26")


def test_what_was_first_published_and_what_was_known_of_a_period_can_be_asked():
    known = facts(
        ("2009-09-26", "2010-01-25T21:00:00Z", 42905.0),
        ("2009-09-26", "2009-10-27T21:00:00Z", 36537.0),
        ("2010-09-25", "2010-10-27T21:00:00Z", 65225.0),
    )
    assert fundamentals.as_first_published(known)["value"].tolist() == [36537.0, 65225.0]
    asked = {day: fundamentals.as_restated(known, pd.Timestamp("2009-09-26"), pd.Timestamp(day))["value"].tolist()
             for day in ("2009-10-26", "2009-10-27", "2010-01-24", "2010-01-25", "2011-01-03")}  # fmt: skip
    assert list(asked.values()) == [[], [36537.0], [36537.0], [42905.0], [42905.0]]


def test_no_fundamentals_are_an_empty_table():
    found = fundamentals.latest(tables.empty("fundamentals"), sessions("2022-12-27"))
    pd.testing.assert_frame_equal(found, tables.empty("latest_fundamentals"))


DAYS = pd.date_range("2022-01-03", periods=12, freq="D", unit="us")
ROW = st.tuples(
    st.sampled_from(["A", "B"]),
    st.sampled_from(["sales", "eps"]),
    st.integers(-6, 14),
    st.integers(0, 11),
    st.integers(0, 23),
    st.integers(1, 9),
)


def drawn(rows):
    unique = {row[:5]: row for row in rows}
    return frame(
        "fundamentals",
        "instrument field period_end published_at value",
        *[
            (name, field, DAYS[0] + pd.Timedelta(days=end), DAYS[day] + pd.Timedelta(hours=hour), float(value))
            for name, field, end, day, hour, value in unique.values()
        ],
    )


@settings(max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=25), st.integers(0, 11))
def test_nothing_published_later_changes_an_answer_and_no_period_goes_back(rows, at):
    known, day = drawn(rows), DAYS[[at]]
    whole = fundamentals.latest(known, DAYS)
    before = known[known["published_at"] < (day[0] + pd.Timedelta(days=1)).tz_localize("UTC")]
    then = fundamentals.latest(before, day)
    pd.testing.assert_frame_equal(whole[whole["business_date"] == day[0]].reset_index(drop=True), then)
    pd.testing.assert_frame_equal(fundamentals.latest(known, day), then)
    assert all(ends.is_monotonic_increasing for _, ends in whole.groupby(["instrument", "field"])["period_end"])
    assert (whole["published_at"].dt.tz_localize(None).dt.normalize() <= whole["business_date"]).all()
    # By hand: the newest period that has ended, and its publications from the first to the last.
    for row in then.itertuples():
        own = before[(before["instrument"] == row.instrument) & (before["field"] == row.field)]
        ended = own[own["period_end"] <= day[0]]
        newest = ended[ended["period_end"] == ended["period_end"].max()].sort_values("published_at")
        told = (newest["period_end"].iloc[0], newest["value"].iloc[-1], newest["value"].iloc[0])
        assert told == (row.period_end, row.value, row.first_value)


def test_every_session_has_every_known_field():
    known = frame("fundamentals", COLUMNS, *[
        (name, "2021-12-31", field, "2022-01-03T12:00:00Z", 1.0) for name in "AB" for field in ("eps", "sales")
    ])  # fmt: skip
    found = fundamentals.latest(known, sessions("2022-01-03", "2022-01-04"))
    assert len(found) == 8
    assert found["value"].to_numpy() == pytest.approx(1.0)
