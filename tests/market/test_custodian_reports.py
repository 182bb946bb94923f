"""What a custodian's files say of books that they do not list."""

import pandas as pd

from daybook.market import custodian_reports
from tests.frames import frame
from tests.market.post import D0, D1, D2, Post, deliveries, on

ROWS = ["delivery", "line", "column", "row", "business_date"]


def reports(post: Post, *waiting, feed="custodian_positions"):
    """(date, book, source, whole) of the reports of ``feed``; ``waiting``: (delivery, line, column, row)."""
    facts = {
        name: frame(name, "business_date book delivery", *post.facts[name]) for name in custodian_reports.KINDS
    }  # fmt: skip
    register = deliveries(post.register).assign(recorded_at=pd.Timestamp("2023-12-01", tz="UTC"))
    entries = pd.DataFrame([(*entry, pd.NaT) for entry in waiting], columns=ROWS)
    found = custodian_reports.reports(register, entries.astype({"business_date": "datetime64[us]"}), facts)
    found = found[found["kind"] == custodian_reports.KINDS[feed]]
    return list(
        zip(found["business_date"].dt.strftime("%Y-%m-%d"), found["book"], found["source"], found["whole"], strict=True)
    )


def custodian(*days, source="c"):
    post = Post()
    for day in days:
        post.file("custodian_positions", day, source, rows=on(day, "P", "P", "Q"))
    return post


def test_books_are_reported_where_something_of_them_is_listed():
    assert reports(custodian(D0)) == [(D0, "P", "c", True), (D0, "Q", "c", True)]
    assert reports(custodian(D0), feed="custodian_cash") == []


def test_a_file_without_rows_reports_the_books_of_the_file_before():
    post = custodian(D0)
    post.file("custodian_positions", D1, "c", outcome="empty")
    post.file("custodian_positions", D2, "c", outcome="empty")
    assert reports(post)[2:] == [(D1, "P", "c", True), (D1, "Q", "c", True), (D2, "P", "c", True), (D2, "Q", "c", True)]


def test_a_book_that_was_left_out_before_is_emptied_too():
    post = custodian(D0)
    post.file("custodian_positions", D1, "c", rows=on(D1, "P"))
    post.file("custodian_positions", D2, "c", outcome="empty")
    assert reports(post)[3:] == [(D2, "P", "c", True), (D2, "Q", "c", True)]


def test_a_book_that_moved_to_another_custodian_is_not_emptied_by_the_old_one():
    post = custodian(D0)
    post.file("custodian_positions", D1, "c", outcome="empty")
    post.file("custodian_positions", D1, "d", rows=on(D1, "P"))
    assert reports(post)[2:] == [(D1, "P", "d", True), (D1, "Q", "c", True)]


def test_neither_a_failed_nor_a_first_empty_file_reports_any_book():
    post = custodian(D0)
    post.file("custodian_positions", D1, "c", outcome="failed")
    post.file("custodian_positions", D1, "new", outcome="empty")
    assert [row[0] for row in reports(post)] == [D0, D0]


def test_an_empty_file_that_was_replaced_says_nothing():
    post = custodian(D0)
    post.file("custodian_positions", D1, "c", outcome="empty")
    post.file("custodian_positions", D1, "c", rows=on(D1, "P"))
    assert reports(post)[2:] == [(D1, "P", "c", True)]


def test_a_row_in_quarantine_leaves_its_book_in_doubt_and_a_torn_line_every_book_of_the_file():
    post = custodian(D0, D1)
    post.file("custodian_positions", D1, "other", rows=on(D1, "R"))
    known = (2, 3, "quantity", {"book": "Q", "quantity": "x"})
    assert reports(post, known)[2:] == [(D1, "P", "c", True), (D1, "Q", "c", False), (D1, "R", "other", True)]
    for entry in ((2, 9, "", {"book": "Q"}), (2, 9, "account", {"account": "A-7"})):
        assert [row[3] for row in reports(post, entry)[2:]] == [False, False, True]
    stranger = (2, 9, "book", {"book": "NOBODY"})
    assert all(row[3] for row in reports(post, stranger)), "it is about another book"
