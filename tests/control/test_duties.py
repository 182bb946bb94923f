"""What one person did alone that two should have done."""

import json

import pandas as pd
import pytest

from daybook.control import duties

NAMES = ("event", "person", "act", "subject", "payload")


def acts(*rows):
    made = pd.DataFrame(rows, columns=list(NAMES[1:])).astype("str")
    made.insert(0, "event", range(1, len(rows) + 1))
    return made.assign(at=pd.date_range("2022-12-27", periods=len(rows), freq="min", tz="UTC").as_unit("us"))


def row(**values):
    return json.dumps({"row": values})


def said(*rows, proposed=None):
    found = duties.found(acts(*rows), proposed)
    return list(zip(found["rule"], found["subject"], found["stands_on"], strict=True))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ann", " ANN ", True),
        ("Ann Lee", "ann.lee", True),
        ("ann", "ａｎｎ", True),
        ("ann", "anna", False),
        ("ß", "SS", True),
        ("--", "..", False),
        ("रमा", "रमी", False),
        ("ann", "a\u200bnn", True),
        ("Jose\u0301", "José", True),
    ],
)
def test_a_name_is_the_same_person_however_it_is_written(one, other, same):
    assert (duties.one_person(one) == duties.one_person(other)) is same


def test_who_asks_does_not_approve_and_who_proposes_an_order_does_not_either():
    rows = [
        ("ann", "ask", "request 1", "{}"),
        ("bob", "approve", "request 1", "{}"),
        ("ann", "ask", "request 2", "{}"),
        ("A.nn", "approve", "request 2", "{}"),
        ("ann", "ask", "request 3", "{}"),
        ("ann", "reject", "request 3", "{}"),
        ("ann", "approve", "order X", "{}"),
        ("ann", "approve", "order Y", "{}"),
    ]
    proposed = pd.DataFrame({"person": ["bob", "ann", "bob"], "subject": ["order X", "order X", "order Y"]})
    proposed["at"] = pd.Timestamp("2022-12-26", tz="UTC")
    assert said(*rows) == [("two persons", "request 2", "ask by ann")]
    assert said(*rows, proposed=proposed)[1:] == [("two persons", "order X", "propose by ann")]
    assert duties.found(acts(*rows))["said"].tolist() == ["A.nn did approve request 2 and ask by ann"]


def test_who_decides_alone_about_rows_of_a_book_does_not_sign_it():
    assert said(
        ("ann", "discard", "quarantine 1", row(book="B")),
        ("ann", "correct", "quarantine 2", json.dumps({"row": {"book": "X"}, "corrected": {"book": "B"}})),
        ("ann", "release", "quarantine 3", row(close="1")),
        ("bob", "release", "quarantine 4", row(book="B")),
        ("ann", "discard", "quarantine 5", row(book="C")),
        ("ann", "close", "close 2022-12-27 B 1", "{}"),
        ("ann", "close", "close 2022-12-28 B 1", "{}"),
        ("bob", "restate", "close 2022-12-27 Big Book 2", "{}"),
        ("ann", "discard", "quarantine 6", row(book="B")),
    ) == [
        ("own entries", "close 2022-12-27 B 1", "discard quarantine 1 by ann"),
        ("own entries", "close 2022-12-27 B 1", "correct quarantine 2 by ann"),
        ("own entries", "close 2022-12-27 B 1", "release quarantine 3 by ann"),
    ]


def test_nobody_acted():
    assert duties.found(acts()).empty
    assert duties.tally(acts()).empty
    counted = duties.tally(
        acts(("ann", "ask", "r 1", "{}"), ("ann", "ask", "r 2", "{}"), ("bob", "approve", "r 1", "{}"))
    )
    assert counted.to_dict("records") == [
        {"person": "ann", "approve": 0, "ask": 2},
        {"person": "bob", "approve": 1, "ask": 0},
    ]
