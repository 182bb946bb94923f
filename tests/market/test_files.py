"""Columns that came and went from one file to the next, and the same file twice."""

import pytest

from daybook import calendars
from daybook.market import files
from tests.frames import sessions
from tests.market.post import D0, D1, D2, Post, deliveries

DAYS = calendars.sessions("XNYS", "2023-10-02", "2023-12-01")
FULL = "business_date,instrument,close,volume"


def drift(*delivered, feed="prices", days=(D0, D1, D2, "2023-11-06")):
    """(date, reason) of what was delivered (date, source, header, outcome)."""
    post = Post()
    for date, source, header, *outcome in delivered:
        post.file(feed, date, source, header=header, outcome=outcome[0] if outcome else "")
    found = files.drift(deliveries(post.register), DAYS, sessions(*days))
    return list(zip(found["business_date"].dt.strftime("%Y-%m-%d"), found["reason"], strict=True))


def test_the_register_keeps_which_columns_are_empty():
    assert files.header({"close": True, "volume": False}) == "close,(volume)"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("instrument,business_date,volume,close", None),
        ("business_date,instrument,close", "lost volume"),
        (FULL + ",high", "gained high"),
        ("business_date,instrument,px,volume", "lost close; gained px"),
        ("business_date,instrument,close,(volume)", "nothing stands any more in volume"),
    ],
)
def test_columns_lost_gained_renamed_and_emptied(now, said):
    found = drift((D0, "v", FULL), (D1, "v", now), (D2, "v", now))
    expected = [(D1, f"prices_{D1}_v.csv against prices_{D0}_v.csv: {said}")] if said else []
    assert found == expected, "told once, and not again of the next file of the same columns"


def test_the_first_file_of_a_feed_and_another_source_are_no_drift():
    assert drift((D0, "v", FULL), (D1, "w", "business_date,instrument,close")) == []


def test_a_column_that_fills_is_none_and_an_always_empty_one_neither():
    assert drift((D0, "v", "close,(volume)"), (D1, "v", "close,volume"), (D2, "v", "close,volume")) == []
    assert drift((D0, "v", "close,(volume)"), (D1, "v", "close,(volume)")) == []


def test_which_columns_a_transaction_fills_depends_on_its_kind():
    assert drift((D0, "", "quantity,price"), (D1, "", "quantity,(price)"), feed="transactions") == []
    assert len(drift((D0, "", "quantity,price"), (D1, "", "quantity"), feed="transactions")) == 1


def test_a_file_is_compared_with_the_last_one_that_brought_rows():
    found = drift(
        (D0, "v", FULL), (D1, "v", "px", "failed"), (D2, "v", "business_date", "empty"), ("2023-11-06", "v", FULL)
    )
    assert found == [
        (D1, f"prices_{D1}_v.csv against prices_{D0}_v.csv: lost business_date, instrument, close, volume; gained px"),
        (D2, f"prices_{D2}_v.csv against prices_{D0}_v.csv: lost instrument, close, volume"),
    ]


def test_a_file_of_a_saturday_is_told_on_monday():
    assert [row[0] for row in drift((D0, "v", FULL), ("2023-11-04", "v", "close"))] == ["2023-11-06"]


def test_a_newer_version_of_the_same_day_is_compared_with_the_older():
    found = drift((D0, "v", FULL), (D0, "v", "business_date,instrument,close"))
    assert found == [(D0, f"prices_{D0}_v.csv against prices_{D0}_v.csv: lost volume")]


def copies(*delivered, days=(D0, D1, D2)):
    """(date, feed, source, reason) of the files (feed, date, source, bytes, outcome)."""
    post = Post()
    for feed, date, source, _, *outcome in delivered:
        post.file(feed, date, source, outcome=outcome[0] if outcome else "")
    register = deliveries(post.register).assign(sha256=[row[3] for row in delivered])
    found = files.copies(register, DAYS, sessions(*days))
    return [(f"{row[0]:%Y-%m-%d}", *row[1:]) for row in found.itertuples(index=False)]


def test_the_same_bytes_under_another_name_are_told_on_their_day():
    twice = [("prices", D0, "v", "x"), ("prices", D1, "v", "y"), ("prices", D2, "v", "x"), ("prices", D2, "w", "x")]
    assert copies(*twice) == [
        (D2, "prices", "v", f"prices_{D2}_v.csv has the same bytes as prices_{D0}_v.csv"),
        (D2, "prices", "w", f"prices_{D2}_w.csv has the same bytes as prices_{D0}_v.csv"),
    ]
    assert copies(*twice, days=(D0, D1)) == []


def test_neither_a_file_sent_again_nor_files_without_rows_are_copies():
    again = [("prices", D0, "v", "x"), ("prices", D0, "v", "y"), ("prices", D0, "v", "x")]
    assert copies(*again) == []
    assert copies(("prices", D0, "v", "x", "empty"), ("prices", D1, "v", "x", "empty")) == []
    assert copies(("prices", D0, "v", "x", "failed"), ("prices", D1, "v", "x", "failed")) == []
