"""Feeds by hand: what is expected of whom on which session, and what it counts as when it does not come."""

import numpy as np
import pandas as pd
import pytest

from daybook import calendars
from tests.market.post import BOOKS, D0, D1, D2, NEW_YORK, Post, on


@pytest.fixture
def post():
    """Prices of A and B came for the 1st."""
    mail = Post()
    mail.file("prices", D0, rows=on(D0, "A", "B"))
    return mail


def test_the_first_day_of_a_feed_expects_nothing_and_is_complete(post):
    row = post.outcomes(D0)[D0, "prices", ""]
    assert (row["outcome"], row["rows"], row["expected_rows"], row["reason"]) == ("complete", 2, 0, "")
    assert np.isnan(row["coverage"])
    assert row["file"] == f"prices_{D0}.csv"


def test_what_was_priced_the_session_before_is_expected(post):
    post.file("prices", D1, rows=on(D1, "A", "B"))
    row = post.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["rows"], row["expected_rows"], row["coverage"]) == ("complete", 2, 2, 1.0)
    assert row["calendar"] == "XNYS"


def test_nothing_came(post):
    row = post.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["rows"], row["expected_rows"], row["coverage"], row["absent"]) == (
        "missing",
        0,
        2,
        0,
        2,
    )
    assert row["reason"] == f"nothing came; the last file was prices_{D0}.csv"
    assert row["file"] == ""


def test_half_a_file_is_partial_and_names_what_is_missing(post):
    post.file("prices", D1, rows=on(D1, "A"))
    row = post.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["coverage"], row["absent"]) == ("partial", 0.5, 1)
    assert row["reason"] == "1 of 2 expected did not come: B"


def test_coverage_lets_one_in_twenty_go_but_not_one_that_is_held():
    names = [f"N{at:02d}" for at in range(20)]
    mail = Post()
    mail.file("prices", D0, rows=on(D0, *names))
    mail.file("prices", D1, rows=on(D1, *names[1:]))
    assert mail.outcomes(D1)[D1, "prices", ""]["outcome"] == "complete"
    assert mail.outcomes(D1)[D1, "prices", ""]["coverage"] == 0.95
    assert mail.outcomes(D1, held=[(D1, "NY", "N00")])[D1, "prices", ""]["outcome"] == "partial"
    mail.file("prices", D1, rows=on(D1, *names[2:]))
    mail.facts["prices"] = [row for row in mail.facts["prices"] if row[2] != 2]
    row = mail.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["coverage"]) == ("partial", 0.9)
    assert row["reason"] == "2 of 20 expected did not come: N00, N01"


def test_rows_in_quarantine_make_it_partial_and_none_that_could_be_used_failed(post):
    post.file("prices", D1, rows=on(D1, "A", "B"), quarantined=2)
    row = post.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["coverage"], row["reason"]) == ("partial", 1.0, "2 row(s) in quarantine")
    post.facts["prices"] = [row for row in post.facts["prices"] if row[0] != D1]
    row = post.outcomes(D1)[D1, "prices", ""]
    assert row["outcome"] == "failed"
    assert row["reason"] == f"prices_{D1}.csv: no row of this session could be used, 2 row(s) in quarantine"


def test_a_header_without_rows_is_the_source_saying_that_there_is_nothing(post):
    post.file("prices", D1, outcome="empty")
    row = post.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["rows"], row["expected_rows"], row["absent"]) == ("empty", 0, 2, 2)
    assert row["reason"] == f"prices_{D1}.csv has a header and no rows: the source says that there is nothing"
    assert post.outcomes(D2)[D2, "prices", ""]["expected_rows"] == 2, "one empty file does not end what is expected"


def test_what_could_not_be_read_failed_until_something_readable_comes(post):
    post.file("prices", D1, outcome="failed", reason="binary")
    row = post.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["rows"]) == ("failed", 0)
    assert row["reason"] == f"prices_{D1}.csv: binary; what was there before stays in force"
    assert post.outcomes(D2)[D2, "prices", ""]["outcome"] == "missing", "the failure was of another session"
    post.file("prices", D1, rows=on(D1, "A", "B"))
    assert post.outcomes(D1)[D1, "prices", ""]["outcome"] == "complete"
    post.file("prices", D1, outcome="failed", reason="binary")
    row = post.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["rows"]) == ("failed", 2), "the version that stays in force is told of"


def test_rows_that_come_in_a_file_of_the_next_day_are_of_their_own(post):
    post.file("prices", D2, rows=[*on(D1, "A", "B"), *on(D2, "A", "B")])
    found = post.outcomes(D1, D2)
    assert {key[0]: row["outcome"] for key, row in found.items()} == {D1: "complete", D2: "complete"}
    assert found[D1, "prices", ""]["file"] == f"prices_{D2}.csv"


def test_a_file_of_the_day_with_yesterdays_rows_is_not_todays(post):
    post.file("prices", D1, rows=on(D0, "A"))
    row = post.outcomes(D1)[D1, "prices", ""]
    assert (row["outcome"], row["reason"]) == ("missing", "prices_2023-11-02.csv holds no row of this session")


def test_a_holiday_in_one_market_is_no_missing_feed():
    mail = Post()
    mail.file("prices", "2023-11-02", "us", rows=on("2023-11-02", "A", "B"))
    mail.file("prices", "2023-11-02", "jp", rows=on("2023-11-02", "J", "K"))
    mail.file("prices", "2023-11-02", "both", rows=on("2023-11-02", "A", "J"))
    mail.file("prices", "2023-11-03", "us", rows=on("2023-11-03", "A", "B"))
    mail.file("prices", "2023-11-03", "both", rows=on("2023-11-03", "A"))
    held = [(day, book, name) for day in ("2023-11-03", "2023-11-06") for book, name in (("NY", "A"), ("TK", "J"))]
    culture_day = mail.outcomes("2023-11-03", held=held, books=BOOKS)
    assert {key[2]: (row["outcome"], row["calendar"]) for key, row in culture_day.items()} == {
        "us": ("complete", "XNYS"), "both": ("complete", "XNYS"),
    }  # fmt: skip
    # After the holiday Tokyo is expected again, of its own session before, and not only what came in between.
    monday = mail.outcomes("2023-11-06", held=held, books=BOOKS)
    assert {key[2]: (row["outcome"], row["expected_rows"], row["calendar"]) for key, row in monday.items()} == {
        "us": ("missing", 2, "XNYS"), "jp": ("missing", 2, "XTKS"), "both": ("missing", 2, "XNYS XTKS"),
    }  # fmt: skip


def test_a_price_of_a_sunday_does_not_say_what_to_expect_on_monday(post):
    post.file("prices", "2023-11-03", rows=on("2023-11-03", "A", "B"))
    post.file("prices", "2023-11-05", rows=on("2023-11-05", "A"))
    assert post.outcomes("2023-11-06")["2023-11-06", "prices", ""]["expected_rows"] == 2


def test_custodians_and_rates_are_expected_on_the_calendars_of_the_books():
    mail = Post()
    for feed, items in (
        ("custodian_positions", ["NY", "TK"]),
        ("custodian_cash", ["NY", "TK"]),
        ("fx_rates", ["EURUSD"]),
    ):
        mail.file(feed, "2023-11-02", "c", rows=on("2023-11-02", *items))
    held = [("2023-11-03", "NY", "A"), ("2023-11-06", "NY", "A"), ("2023-11-06", "TK", "J")]
    friday = mail.outcomes("2023-11-03", held=held, books=BOOKS)
    assert {key[1]: (row["outcome"], row["expected_rows"], row["calendar"]) for key, row in friday.items()} == {
        "custodian_positions": ("missing", 1, "XNYS"), "custodian_cash": ("missing", 1, "XNYS"),
        "fx_rates": ("missing", 1, "XNYS"),
    }  # fmt: skip
    both = mail.outcomes("2023-11-06", held=held, books=BOOKS)
    assert {row["expected_rows"] for key, row in both.items() if key[1] != "fx_rates"} == {2}
    assert mail.outcomes("2023-11-23", books=NEW_YORK) == {}, "Thanksgiving: nobody's calendar"
    nothing_held = mail.outcomes("2023-11-06", books=BOOKS)
    assert {key[1] for key in nothing_held} == {"custodian_cash", "fx_rates"}, "no positions, no report of them"


def test_one_of_two_books_missing_is_partial_whatever_the_coverage():
    mail = Post()
    mail.file("custodian_cash", D0, rows=on(D0, "NY", "NY", "TK"))
    mail.file("custodian_cash", D1, rows=on(D1, "NY", "NY"))
    row = mail.outcomes(D1, books=BOOKS)[D1, "custodian_cash", ""]
    assert (row["outcome"], row["rows"], row["expected_rows"], row["coverage"]) == ("partial", 2, 3, 0.5)
    assert row["reason"] == "1 of 2 expected did not come: TK"
    assert mail.outcomes("2023-11-06", books=BOOKS)["2023-11-06", "custodian_cash", ""]["expected_rows"] == 3
    mail.file("custodian_cash", "2023-11-06", "new", rows=on("2023-11-06", "TK"))
    later = mail.outcomes("2023-11-07", books=BOOKS)
    assert {key[2]: row["expected_rows"] for key, row in later.items()} == {"": 2, "new": 1}, "TK has moved"


def test_a_pair_is_the_same_either_way_round():
    mail = Post()
    mail.file("fx_rates", D0, rows=on(D0, "EURUSD", "USDJPY"))
    mail.file("fx_rates", D1, rows=on(D1, "USDEUR", "USDJPY"))
    assert mail.outcomes(D1)[D1, "fx_rates", ""]["outcome"] == "complete"


def test_what_another_source_brought_is_not_absent(post):
    post.file("prices", D0, "backup", rows=on(D0, "A"))
    post.file("prices", D1, rows=on(D1, "A", "B"))
    row = post.outcomes(D1)[D1, "prices", "backup"]
    assert (row["outcome"], row["expected_rows"], row["absent"]) == ("missing", 1, 0)
    assert row["reason"].endswith("; other sources delivered all of it")


def test_a_held_instrument_is_expected_from_whoever_priced_it_last(post):
    post.file("prices", D1, rows=on(D1, "A"))
    held = [(D2, "NY", "B")]
    post.file("prices", D2, rows=on(D2, "A"))
    row = post.outcomes(D2, held=held)[D2, "prices", ""]
    assert (row["outcome"], row["reason"]) == ("partial", "1 of 2 expected did not come: B")
    assert post.outcomes(D2)[D2, "prices", ""]["outcome"] == "complete", "nobody holds B: it may have come to its end"


def test_a_source_ends_by_itself_after_a_month_where_another_one_delivers():
    days = calendars.sessions("XNYS", D0, "2023-12-15")
    mail = Post()
    mail.file("prices", D0, "old", rows=on(D0, "A"))
    for day in days.strftime("%Y-%m-%d"):
        mail.file("prices", day, "new", rows=on(day, "A"))
    late, ended = "2023-12-01", "2023-12-04"  # thirty days after the 1st, and more
    assert mail.outcomes(late)[late, "prices", "old"]["outcome"] == "missing"
    assert [key[2] for key in mail.outcomes(ended)] == ["new"]
    alone = Post()
    alone.file("prices", D0, "old", rows=on(D0, "A"))
    row = alone.outcomes("2024-06-03")["2024-06-03", "prices", "old"]
    assert (row["outcome"], row["expected_rows"], row["calendar"]) == ("missing", 0, "XNYS"), "the only one never ends"


def test_the_firm_declares_what_must_come_and_when_that_ends():
    thursday = (("transactions", "desk", "2023-11-02", "2023-11-03", "XNYS"),)
    mail = Post()
    found = mail.outcomes(D0, D1, D2, "2023-11-06", declared=thursday)
    assert {key: row["outcome"] for key, row in found.items()} == {
        (D1, "transactions", "desk"): "missing", (D2, "transactions", "desk"): "missing",
    }  # fmt: skip
    mail.file("transactions", D1, "desk", rows=[(D1,)])
    mail.file("transactions", D2, "desk", outcome="empty")
    found = mail.outcomes(D1, D2, declared=thursday)
    assert {key[0]: (row["outcome"], row["rows"]) for key, row in found.items()} == {
        D1: ("complete", 1),
        D2: ("empty", 0),
    }


def test_a_declaration_goes_before_what_is_implied():
    mail = Post()
    mail.file("fx_rates", "2023-12-22", "ecb", rows=on("2023-12-22", "EURUSD"))
    boxing_day, next_day = "2023-12-26", "2023-12-27"  # New York trades on the 26th, the ECB publishes nothing
    assert mail.outcomes(boxing_day)[boxing_day, "fx_rates", "ecb"]["outcome"] == "missing"
    target = ("fx_rates", "ecb", "2000-01-01", pd.NaT, "XPAR")
    found = mail.outcomes(boxing_day, next_day, declared=[target])
    assert {key[0]: (row["outcome"], row["calendar"]) for key, row in found.items()} == {next_day: ("missing", "XPAR")}
    stopped = ("fx_rates", "ecb", "2023-12-27", "2023-12-27", "")
    found = mail.outcomes(boxing_day, next_day, "2023-12-28", declared=[target, stopped])
    assert [key[0] for key in found] == [next_day], "valid_to ends the feed, and what was implied with it"


def test_failed_logs_stand_until_the_same_file_comes_again():
    mail = Post()
    mail.file("transactions", D0, "x", outcome="failed", reason="no header")
    mail.file("transactions", D1, "x", rows=[(D1,)])
    found = mail.outcomes(D0, D1, D2)
    assert {key[0]: row["outcome"] for key, row in found.items()} == {D0: "failed", D1: "failed", D2: "failed"}
    mail.file("transactions", D0, "x", rows=[(D0,)])
    found = mail.outcomes(D0, D1, D2)
    assert {key[0]: row["outcome"] for key, row in found.items()} == {D0: "complete", D1: "complete"}


def test_a_failed_snapshot_that_nobody_expects_stands_until_a_newer_one():
    mail = Post()
    mail.file("benchmark_weights", D0, outcome="failed", reason="binary")
    assert [row["outcome"] for row in mail.outcomes(D0, D1).values()] == ["failed", "failed"]
    mail.file("benchmark_weights", D1, rows=[(D1,)])
    assert [row["outcome"] for row in mail.outcomes(D0, D1).values()] == ["failed", "complete"]


def test_the_first_file_of_a_custodian_fails_and_is_told_until_one_can_be_read():
    mail = Post()
    mail.file("custodian_cash", D0, outcome="failed", reason="binary")
    assert [row["outcome"] for row in mail.outcomes(D0, D1).values()] == ["failed", "failed"]
    mail.file("custodian_cash", D1, rows=on(D1, "NY"))
    assert mail.outcomes(D1)[D1, "custodian_cash", ""]["outcome"] == "complete"


def test_a_file_whose_name_says_nothing_stands_on_every_session():
    mail = Post()
    mail.file("", None, "readme.txt", outcome="failed", reason="the extension is not .csv")
    found = mail.outcomes(D0, D1)
    assert {key: row["outcome"] for key, row in found.items()} == {
        (D0, "", "readme.txt"): "failed", (D1, "", "readme.txt"): "failed",
    }  # fmt: skip


def test_rows_that_were_retried_belong_to_their_file(post):
    first = post.file("prices", D1, "v", rows=on(D1, "A"), quarantined=1)
    post.waiting.clear()
    post.file("prices", D1, "v", rows=on(D1, "B"), original=first)
    post.register[-1]["delivered"] = pd.Timestamp(D1)
    row = post.outcomes(D1)[D1, "prices", "v"]
    assert (row["outcome"], row["rows"]) == ("complete", 2)


def test_a_range_says_what_single_sessions_say(post):
    post.file("prices", D1, "us", rows=on(D1, "A", "J"), quarantined=1)
    post.file("prices", D2, rows=on(D2, "A"))
    post.file("fx_rates", D0, rows=on(D0, "EURUSD"))
    post.file("custodian_cash", D1, "c", rows=on(D1, "NY", "TK"))
    post.file("custodian_cash", D2, "c", outcome="failed", reason="binary")
    post.file("transactions", D1, "x", outcome="failed", reason="no header")
    days = list(calendars.joint_sessions(["XNYS", "XTKS"], "any", D0, "2023-12-11").strftime("%Y-%m-%d"))
    held = [(day, "NY", name) for day in days for name in ("A", "B")]
    declared = [("limits", "", D1, "2023-12-01", "XTKS")]
    together = post.table(*days, held=held, declared=declared, books=BOOKS)
    some = [*days[:4], days[-1]]
    alone = pd.concat([post.table(day, held=held, declared=declared, books=BOOKS) for day in some], ignore_index=True)
    same = together.loc[together["business_date"].isin(pd.to_datetime(some))].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, alone)
    assert set(together["outcome"]) == {"complete", "partial", "missing", "failed"}


def test_no_deliveries_no_feeds():
    assert Post().table(D0, D1).empty
    assert Post().table(D0, books=BOOKS.head(0)).empty
