import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import tables
from daybook.market import alternative
from tests.frames import frame, sessions

COLUMNS = "series observed_on value usable_from known_at"
ARRIVED = "2022-02-15T12:00:00Z"


def facts(*rows):
    return frame("alternative_data", COLUMNS, *[(*row, ARRIVED)[:5] for row in rows])


def answer(known, *dates):
    found = alternative.usable(known, sessions(*dates))
    return [(f"{row.business_date:%m-%d}", row.series, row.value) for row in found.itertuples()]


def test_an_observation_is_used_from_its_date_on_and_not_a_session_before():
    known = facts(("vix", "2022-01-31", 24.8, "2022-02-01"), ("vix", "2022-02-01", 22.0, "2022-02-03"))
    days = ("2022-01-31", "2022-02-01", "2022-02-02", "2022-02-03")
    assert answer(known, *days) == [("02-01", "vix", 24.8), ("02-02", "vix", 24.8), ("02-03", "vix", 22.0)]


def test_an_older_observation_that_comes_later_does_not_replace_a_newer_one():
    known = facts(("pmi", "2022-01-31", 2.0, "2022-02-01"), ("pmi", "2021-12-31", 1.0, "2022-02-02"))
    assert answer(known, "2022-02-01", "2022-02-02") == [("02-01", "pmi", 2.0), ("02-02", "pmi", 2.0)]


def test_without_a_date_it_is_usable_when_it_was_known_here():
    known = facts(("pmi", "2022-01-31", 2.0, None))
    assert answer(known, "2022-02-14", "2022-02-15") == [("02-15", "pmi", 2.0)]


def test_nothing_is_usable_before_it_was_observed_whatever_the_source_says():
    known = facts(("pmi", "2022-01-31", 2.0, "2021-12-01"))
    assert answer(known, "2022-01-28", "2022-01-31") == [("01-31", "pmi", 2.0)]
    assert alternative.usable(known, sessions("2022-01-31"))["usable_from"].tolist() == [pd.Timestamp("2022-01-31")]


def test_series_of_instruments_are_their_own():
    columns = "instrument series observed_on value usable_from"
    rows = [("B", "score", "2022-01-03", 2.0, "2022-01-04"), ("A", "score", "2022-01-03", 1.0, "2022-01-04")]
    found = alternative.usable(frame("alternative_data", columns, *rows), sessions("2022-01-04"))
    assert found[["instrument", "value"]].to_numpy().tolist() == [["A", 1.0], ["B", 2.0]]


def test_no_series_are_no_rows():
    assert alternative.usable(tables.empty("alternative_data"), sessions("2022-01-04")).empty


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [("internal", True), (" Internal", True), ("", True), ("non-commercial", True), ("public domain", False)],
)
def test_what_may_not_be_passed_on_is_withheld_and_so_is_what_says_nothing(licence, forbidden):
    assert alternative.withheld([licence]).tolist() == [forbidden]


DAYS = pd.date_range("2022-01-03", periods=10, freq="D", unit="us")
ROW = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 9), st.integers(-2, 9), st.integers(1, 9))


@settings(max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=20, unique_by=lambda row: row[:2]), st.integers(0, 9))
def test_nothing_usable_later_changes_an_answer_and_a_range_is_its_days(rows, at):
    day = pd.Timedelta(days=1)
    known = facts(*[(name, DAYS[0] + seen * day, float(v), DAYS[0] + use * day) for name, seen, use, v in rows])
    whole, then = alternative.usable(known, DAYS), DAYS[[at]]
    single = alternative.usable(known, then)
    of_the_day = whole[whole["business_date"] == then[0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_the_day, single)
    seen = known[(known["usable_from"] <= then[0]) & (known["observed_on"] <= then[0])]
    latest = seen.sort_values("observed_on").groupby("series")["value"].last()
    assert single.set_index("series")["value"].to_dict() == latest.to_dict()
