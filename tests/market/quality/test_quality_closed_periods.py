"""What came after a signature: told on the session that books it, with who signed without it."""

import pandas as pd

from daybook.market.quality import closed_periods
from tests.frames import frame, sessions

BOOKS = frame("books", "book calendar", ("P", "XNYS"), ("Q", "XNYS"))
MONDAY, TUESDAY, WEDNESDAY = sessions("2024-01-08", "2024-01-09", "2024-01-10")


def rows(*given):
    """Transactions with signatures that were made without them."""
    names = ["transaction_id", "book", "trade_date", "booked_on", "line", "signed_on", "version", "signed_by"]
    found = pd.DataFrame(given, columns=names).assign(file="late.csv", delivery=9)
    dates = ["trade_date", "booked_on", "signed_on"]
    return found.assign(**{name: pd.to_datetime(found[name]).astype("datetime64[us]") for name in dates})


LATE = rows(
    ("T1", "P", "2024-01-06", None, 2, MONDAY, 1, "ann"),  # a Saturday: booked on Monday, which was restated without it
    ("T1", "P", "2024-01-06", None, 2, MONDAY, 2, "bob"),
    ("T1", "P", "2024-01-06", None, 2, TUESDAY, 1, "cay"),
    ("T2", "P", "2024-01-08", None, 3, TUESDAY, 1, "cay"),
    ("T3", "P", "2024-01-08", WEDNESDAY, 4, MONDAY, 2, "bob"),
    ("T4", "Q", "2024-01-08", WEDNESDAY, 5, TUESDAY, 1, "dee"),  # nobody signed Monday by itself
    ("T5", "Q", "2024-01-10", None, 6, TUESDAY, 1, "dee"),  # after what was signed
)


def told(late, *days):
    found = closed_periods.into_closed(closed_periods.of_sessions(late, BOOKS, pd.DatetimeIndex(days)))
    return found[["check", "book", "severity", "reason"]].to_numpy().tolist()


def test_what_counts_on_its_trade_date_names_the_signature_that_it_missed_and_what_to_do():
    assert told(LATE, MONDAY) == [
        ["closed_period", "P", "warning",
         "T1 (late.csv line 2) of 2024-01-08 came after bob signed 2024-01-08 as version 2:"
         " daybook changes 2024-01-08, then restate it"],
    ]  # fmt: skip
    # Every signed session that it changes says so.
    assert told(LATE, TUESDAY) == [
        ["closed_period", "P", "warning",
         "T1 (late.csv line 2) of 2024-01-08 came after cay signed 2024-01-09 as version 1 (and 1 more):"
         " daybook changes 2024-01-09, then restate it"],
    ]  # fmt: skip


def test_what_was_posted_forward_points_back_to_where_it_belongs():
    assert told(LATE, WEDNESDAY) == [
        ["posted_forward", "P", "info",
         "T3 (late.csv line 4) is booked on 2024-01-10 in place of 2024-01-08, which bob signed as version 2"],
        ["posted_forward", "Q", "info",
         "T4 (late.csv line 5) is booked on 2024-01-10 in place of 2024-01-08, which dee closed with 2024-01-09,"
         " version 1"],
    ]  # fmt: skip


def test_nothing_late_is_nothing():
    assert told(LATE[:0], MONDAY) == []
