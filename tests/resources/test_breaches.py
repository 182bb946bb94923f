"""Breaches in a real PostgreSQL: opened, answered, opened again and closed, each once, whoever asks at once."""

from threading import Thread

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from resources.breaches import Breaches, BreachRefused
from tests.frames import frame

MONDAY, TUESDAY, WEDNESDAY = (pd.Timestamp(day) for day in ("2020-01-27", "2020-01-28", "2020-01-29"))
LIMITS = frame(
    "limits",
    "limit book valid_from measure basis soft hard answer_hours worse_by",
    ("L", "", "2019-01-01", "gross", "nav", 0.5, 0.8, 4.0, 0.1),
    ("EACH", "", "2019-01-01", "gross", "nav", np.nan, 0.8, 24.0, 0.1),
)


@pytest.fixture
def breaches(engine) -> Breaches:
    return Breaches(engine)


def pack(breaches, day, *rows, limits=LIMITS, books=("b",)):
    """What a pack writes: rows of limit, bucket, utilisation, reached, status."""
    columns = "business_date book limit bucket utilisation reached status"
    usage = frame("limit_usage", columns, *[(day, "b", *row) for row in rows])
    nav = frame("nav", "business_date book nav status", *[(day, book, 1.0, "ok") for book in books])
    return breaches.record(usage, limits, nav, day)


def one(breaches):
    (row,) = breaches.frame().to_dict("records")
    return row


SOFT, HARD, KEPT = ("L", "", 0.7, "soft", "warning"), ("L", "", 1.05, "hard", "breach"), ("L", "", 0.4, "", "pass")


def test_a_breach_is_opened_once_with_a_clock_answered_and_closed(breaches):
    before = pd.Timestamp.now("UTC")
    assert [pack(breaches, MONDAY, SOFT) for _ in range(3)] == [1, 0, 0]
    row = one(breaches)
    assert (row["book"], row["limit"], row["reached"], row["status"]) == ("b", "L", "soft", "open")
    assert (row["business_date"], row["utilisation"]) == (MONDAY, 0.7)
    assert pd.Timedelta(hours=4) <= row["due_at"] - before < pd.Timedelta(hours=4, minutes=5)
    assert breaches.acknowledge(row["breach_id"], "ann", "reducing tomorrow")
    assert not breaches.acknowledge(row["breach_id"], "ann", "reducing tomorrow")
    row = one(breaches)
    assert (row["status"], row["acknowledged_by"], row["comment"]) == ("acknowledged", "ann", "reducing tomorrow")
    assert pd.isna(row["due_at"])
    assert pack(breaches, MONDAY, SOFT) == 0, "the same pack made again does not undo an answer"
    assert pack(breaches, TUESDAY, SOFT) == 0
    assert [pack(breaches, WEDNESDAY, KEPT) for _ in range(2)] == [1, 0]
    assert one(breaches)["status"] == "closed"
    assert pack(breaches, TUESDAY, SOFT) == 0, "a pack of a session before the end knows nothing of it"
    assert breaches.events(row["breach_id"])["kind"].tolist() == ["opened", "acknowledged", "closed"]


def test_an_answered_breach_is_opened_again_when_it_is_worse(breaches):
    pack(breaches, MONDAY, SOFT)
    name = one(breaches)["breach_id"]
    due = one(breaches)["due_at"]
    assert pack(breaches, MONDAY, ("L", "", 0.85, "soft", "warning")) == 1
    assert (one(breaches)["utilisation"], one(breaches)["due_at"]) == (0.85, due), "nobody answered: the clock runs on"
    breaches.acknowledge(name, "ann", "seen")
    assert pack(breaches, TUESDAY, ("L", "", 0.95, "soft", "warning")) == 0, "worse by no more than 0.1"
    assert pack(breaches, TUESDAY, ("L", "", 0.96, "soft", "warning")) == 1
    row = one(breaches)
    assert (row["status"], row["acknowledged_by"], row["utilisation"]) == ("open", "", 0.96)
    assert pd.notna(row["due_at"])
    assert breaches.acknowledge(name, "ann", "seen"), "the same words answer the new clock"
    assert pack(breaches, WEDNESDAY, ("L", "", 0.97, "hard", "breach")) == 1, "from soft to hard"
    assert (one(breaches)["reached"], one(breaches)["status"]) == ("hard", "open")
    assert pack(breaches, WEDNESDAY, ("L", "", 0.97, "hard", "breach")) == 0


def test_what_could_not_be_evaluated_closes_nothing_and_what_is_gone_closes(breaches):
    two = [("EACH", "Tech", 1.2, "hard", "breach"), ("EACH", "Energy", 1.1, "hard", "breach")]
    assert pack(breaches, MONDAY, *two) == 2
    failed = ("EACH", "Tech", np.nan, "", "failed")
    assert pack(breaches, TUESDAY, failed, books=()) == 0, "a book without a session is not asked"
    assert pack(breaches, TUESDAY, failed) == 1, "Energy is held no more"
    rows = breaches.frame().set_index("bucket")
    assert rows["status"].to_dict() == {"Tech": "open", "Energy": "closed"}
    assert breaches.events(rows.loc["Energy", "breach_id"])["comment"].tolist() == ["", "no longer measured"]
    assert pack(breaches, WEDNESDAY, *two) == 1, "a breach that comes back is another one"
    assert breaches.frame().groupby("bucket")["business_date"].max().to_dict() == {"Tech": MONDAY, "Energy": WEDNESDAY}


def test_a_session_that_is_computed_again_on_other_facts_closes_what_it_opened(breaches):
    pack(breaches, MONDAY, HARD)
    assert [pack(breaches, MONDAY, KEPT) for _ in range(2)] == [1, 0]
    assert one(breaches)["status"] == "closed"


def test_a_limit_of_nothing_and_a_limit_that_was_withdrawn_have_their_breaches(breaches):
    assert pack(breaches, MONDAY, ("L", "", np.nan, "hard", "breach"), limits=tables.empty("limits")) == 1
    assert pack(breaches, TUESDAY, ("L", "", np.nan, "hard", "breach")) == 0
    assert pd.isna(one(breaches)["utilisation"])


def test_two_people_at_once_lose_no_word_and_write_none_twice(breaches):
    pack(breaches, MONDAY, HARD)
    name = one(breaches)["breach_id"]
    people = ["ann", "bob", "cid", "ann", "bob", "cid"]
    acts = [Thread(target=breaches.acknowledge, args=(name, person, "seen")) for person in people]
    acts += [Thread(target=pack, args=(breaches, MONDAY, HARD)) for _ in range(3)]
    for act in acts:
        act.start()
    for act in acts:
        act.join()
    events = breaches.events(name)
    assert events["kind"].tolist() == ["opened"] + ["acknowledged"] * 3
    assert set(events["by_user"]) == {"daybook", "ann", "bob", "cid"}
    assert set(one(breaches)["acknowledged_by"].split(", ")) == {"ann", "bob", "cid"}


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda b, name: b.acknowledge("B0", "ann", "seen"), "breach B0 is not known"),
        (lambda b, name: b.events("B0"), "breach B0 is not known"),
        (lambda b, name: b.acknowledge(name, "ann", " "), "say who you are and why"),
        (lambda b, name: b.acknowledge(name, "ann", "late"), "is closed: a comment can still be made"),
    ],
)
def test_what_may_not_be_done_is_refused(breaches, act, reason):
    pack(breaches, MONDAY, HARD)
    pack(breaches, TUESDAY, KEPT)
    name = one(breaches)["breach_id"]
    with pytest.raises(BreachRefused, match=reason):
        act(breaches, name)
    assert breaches.comment(name, "ann", "it was the dividend")
    assert not breaches.comment(name, "ann", "it was the dividend")
    assert one(breaches)["comment"] == "it was the dividend"
    assert one(breaches)["status"] == "closed"
