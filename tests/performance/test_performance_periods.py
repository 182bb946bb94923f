import numpy as np
import pandas as pd
import pytest

from daybook import calendars
from daybook.performance import periods


def sessions_of(book, first, last, calendar="XNYS"):
    days = calendars.sessions(calendar, first, last)
    return pd.DataFrame({"business_date": days, "book": book}).astype({"book": "str"})


def starts(rows, date):
    found = periods.spans(rows, pd.Timestamp(date))
    return {(r.book, r.period): (str(r.period_start.date()), r.session_count) for r in found.itertuples()}


def test_periods_of_an_old_and_a_young_book():
    rows = pd.concat([sessions_of("old", "2018-01-02", "2020-03-31"), sessions_of("new", "2020-03-30", "2020-03-31")])
    found = starts(rows.sample(frac=1, random_state=1), "2020-03-31")
    assert found == {
        ("old", "day"): ("2020-03-31", 1),
        ("old", "month"): ("2020-03-02", 22),
        ("old", "quarter"): ("2020-01-02", 62),
        ("old", "year"): ("2020-01-02", 62),
        ("old", "one_year"): ("2019-04-01", 253),
        ("old", "inception"): ("2018-01-02", 565),
        ("new", "day"): ("2020-03-31", 1),
        ("new", "month"): ("2020-03-30", 2),
        ("new", "quarter"): ("2020-03-30", 2),
        ("new", "year"): ("2020-03-30", 2),
        ("new", "inception"): ("2020-03-30", 2),
    }


@pytest.mark.parametrize(("first", "there"), [("2019-04-01", True), ("2019-04-02", False)])
def test_a_trailing_period_wants_a_session_at_its_beginning(first, there):
    found = starts(sessions_of("b", first, "2020-04-01"), "2020-04-01")
    assert (("b", "one_year") in found) is there
    assert found[("b", "inception")][0] == first


def test_a_year_from_the_29th_of_february_begins_after_the_28th():
    found = starts(sessions_of("b", "2015-01-02", "2024-02-29"), "2024-02-29")
    assert found[("b", "one_year")][0] == "2023-03-01"
    assert found[("b", "five_years")][0] == "2019-03-01"
    assert ("b", "ten_years") not in found


def test_a_book_closed_on_the_date_has_no_periods_and_later_sessions_do_not_count():
    rows = pd.concat([sessions_of("a", "2020-01-02", "2020-02-28"), sessions_of("b", "2020-01-02", "2020-01-30")])
    found = starts(rows, "2020-01-31")
    assert {book for book, _ in found} == {"a"}
    assert found[("a", "inception")] == ("2020-01-02", 21)


def test_nothing_has_no_periods():
    found = periods.spans(sessions_of("b", "2020-01-04", "2020-01-05"), pd.Timestamp("2020-01-06"))
    assert len(found) == 0
    assert list(found) == list(periods.COLUMNS)


def test_bounds_are_the_sessions_of_each_period():
    rows = pd.concat([sessions_of("z", "2018-05-01", "2020-06-30"), sessions_of("a", "2019-12-05", "2020-06-30")])
    rows = rows.sort_values(["book", "business_date"], ignore_index=True)
    spans = periods.spans(rows, pd.Timestamp("2020-06-30"))
    low, high = periods.bounds(rows, spans)
    assert np.array_equal(high - low, spans["session_count"])
    assert rows["business_date"].to_numpy()[low].tolist() == spans["period_start"].to_numpy().tolist()
    assert rows["book"].to_numpy()[low].tolist() == rows["book"].to_numpy()[high - 1].tolist() == spans["book"].tolist()
