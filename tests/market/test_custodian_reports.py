"""What a custodian's files say of books that they do not list."""

import pandas as pd

from daybook.market import custodian_reports
from tests.frames import frame
from tests.market.post import D0, D1, D2, Post, deliveries, on

ROWS = ["delivery", "line", "column", "row", "business_date"]


def reports(post: Post, *waiting, feed="custodian_positions"):
    """(date, book, source, whole) of the reports of ``feed``; ``waiting``: (delivery, line, column, row)."""
    facts = {
        name: frame(name, "business_date book delivery", *post.facts.get(name, ()))
        for name in custodian_reports.REPORTED
    }
    register = deliveries(post.register).assign(recorded_at=pd.Timestamp("2023-12-01", tz="UTC"))
    entries = pd.DataFrame([(*entry, pd.NaT) for entry in waiting], columns=ROWS)
    found = custodian_reports.reports(register, entries.astype({"business_date": "datetime64[us]"}), facts)
    found = found[found["kind"] == custodian_reports.REPORTED[feed]]
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


def dealings(feed="custodian_transactions"):
    post = Post()
    post.facts[feed] = []
    return post


def test_transactions_are_reported_of_every_book_of_the_source_whether_or_not_anything_happened_in_it():
    post = dealings()
    post.file("custodian_transactions", D0, "c", rows=on(D0, "P", "Q"))
    post.file("custodian_transactions", D1, "c", rows=on(D1, "P"))
    post.file("custodian_transactions", D2, "c", outcome="empty")
    found = reports(post, feed="custodian_transactions")
    assert found == [(day, book, "c", True) for day in (D0, D1, D2) for book in ("P", "Q")]


def test_neither_a_failed_nor_a_missing_file_reports_transactions():
    post = dealings()
    post.file("custodian_transactions", D0, "c", rows=on(D0, "P"))
    post.file("custodian_transactions", D1, "c", outcome="failed")
    assert reports(post, feed="custodian_transactions") == [(D0, "P", "c", True)]


def test_a_custodian_whose_transactions_list_no_book_yet_reports_those_of_its_statements():
    post = dealings()
    post.file("custodian_positions", D0, "c", rows=on(D0, "P"))
    post.file("custodian_cash", D1, "d", rows=on(D1, "P"))
    post.file("custodian_transactions", D0, "c", outcome="empty")
    post.file("custodian_transactions", D1, "c", outcome="empty")
    assert reports(post, feed="custodian_transactions") == [(D0, "P", "c", True)]  # d has it from D1 on
    post.file("custodian_transactions", D2, "c", rows=on(D2, "P"))
    assert reports(post, feed="custodian_transactions")[1:] == [(D2, "P", "c", True)]


def test_a_book_that_moved_is_reported_by_the_last_custodian_and_by_every_broker():
    post = dealings()
    post.file("custodian_transactions", D0, "c", rows=on(D0, "P", "Q"))
    post.file("custodian_transactions", D1, "d", rows=on(D1, "P"))
    post.file("custodian_transactions", D2, "c", rows=on(D2, "Q"))
    post.file("custodian_transactions", D2, "d", outcome="empty")
    found = reports(post, feed="custodian_transactions")
    assert found[2:] == [(D1, "P", "d", True), (D2, "P", "d", True), (D2, "Q", "c", True)]
    post = dealings("broker_transactions")
    post.file("broker_transactions", D0, "x", rows=on(D0, "P"))
    post.file("broker_transactions", D1, "y", rows=on(D1, "P"))
    post.file("broker_transactions", D2, "x", outcome="empty")
    found = reports(post, feed="broker_transactions")
    assert found == [(D0, "P", "x", True), (D1, "P", "y", True), (D2, "P", "x", True)]


def test_a_line_of_transactions_in_quarantine_leaves_its_book_in_doubt():
    post = dealings()
    post.file("custodian_transactions", D0, "c", rows=on(D0, "P", "Q"))
    post.file("custodian_transactions", D1, "c", rows=on(D1, "P"))
    known = (2, 3, "quantity", {"book": "Q", "quantity": "x"})
    found = reports(post, known, feed="custodian_transactions")
    assert found[2:] == [(D1, "P", "c", True), (D1, "Q", "c", False)]
