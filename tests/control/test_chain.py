"""An act sealed with the one before."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from daybook.control import chain

AT = datetime(2022, 12, 27, 18, 30, tzinfo=UTC)


def act(number, at=AT, **said):
    return {"event": number, "at": at, "person": "ann", "act": "approve", "subject": "request 1", "reason": "ok"} | {
        "payload": "{}"
    } | said  # fmt: skip


def test_an_act_is_sealed_over_the_hash_before_and_every_word():
    sealed = chain.seal(act(1), chain.START)
    said = [chain.START, "1", "2022-12-27T18:30:00.000000+00:00", "ann", "approve", "request 1", "ok", "{}"]
    text = json.dumps(said, separators=(",", ":"))
    assert sealed["event_hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert sealed["marks"].split()[2] == hashlib.sha256(b"ann").hexdigest()[:8]
    assert len(sealed["marks"].split()) == len(chain.SAID)


def test_an_instant_is_the_same_in_every_zone_and_words_do_not_run_together():
    there = AT.astimezone(timezone(timedelta(hours=9)))
    assert chain.seal(act(1, there), "x")["event_hash"] == chain.seal(act(1), "x")["event_hash"]
    one = chain.seal(act(1, subject='a","b', reason=""), "x")
    other = chain.seal(act(1, subject="a", reason="b"), "x")
    assert one["event_hash"] != other["event_hash"]


def test_equal_content_has_one_text():
    one = chain.canonical({"b": [1, 2.5], "a": {"y": date(2022, 12, 27), "x": Decimal("1.10")}, "c": AT, "d": "ü\0"})
    assert one == (
        '{"a":{"x":"1.10","y":"2022-12-27"},"b":[1,2.5],"c":"2022-12-27T18:30:00.000000+00:00","d":"\\u00fc\\u0000"}'
    )
    with pytest.raises(ValueError, match="Out of range"):
        chain.canonical({"a": float("nan")})
    with pytest.raises(TypeError, match="an act cannot say"):
        chain.canonical({"a": object()})


def sealed(count=5):
    """A chain of ``count`` acts."""
    acts, before = [], chain.START
    for number in range(1, count + 1):
        acts.append(chain.seal(act(number, AT + timedelta(seconds=number), subject=f"request {number}"), before))
        before = acts[-1]["event_hash"]
    return acts


def found(acts, *anchors):
    rows = chain.faults(acts, anchors)
    return list(zip(rows["event"], rows["column"], strict=True))


OTHER = {"at": AT, "event_hash": "f" * 64, "previous_hash": "f" * 64}


def test_a_whole_chain_has_no_fault_nor_has_one_without_acts():
    acts = sealed()
    assert found(acts, (3, acts[2]["event_hash"], "a close"), (0, chain.START, "a pack")) == []
    assert found([]) == []


@pytest.mark.parametrize("column", [*chain.SAID[1:], "previous_hash", "event_hash"])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_changed_byte_is_found_where_it_is_and_nowhere_else(number, column):
    acts = sealed()
    row = acts[number - 1]
    row[column] = OTHER.get(column, f"{row[column]}x")
    assert found(acts) == [(number, column)]


def test_changed_marks_and_several_columns_are_named():
    acts = sealed()
    acts[1]["marks"] = acts[1]["marks"].replace(acts[1]["marks"][:8], "00000000")
    acts[3] |= {"person": "bob", "reason": "no"}
    assert found(acts) == [(2, "marks"), (4, "person"), (4, "reason")]
    acts = sealed()
    acts[1] |= {"marks": "", "person": "bob"}
    assert found(acts) == [(2, "marks")]


def test_acts_removed_moved_and_inserted_are_found():
    acts = sealed()
    assert found([acts[0], acts[3], acts[4]]) == [(2, "event")]
    assert "there is no act 2 to 3" in chain.faults([acts[0], acts[3], acts[4]])["fault"][0]
    assert found(acts[1:]) == [(1, "event")]
    acts = sealed()
    acts[1], acts[2] = acts[2] | {"event": 2}, acts[1] | {"event": 3}
    assert {(2, "event"), (3, "event")} <= set(found(acts))
    acts = sealed()
    inserted = chain.seal(act(3, subject="request 99"), acts[1]["event_hash"])
    later = [row | {"event": row["event"] + 1} for row in acts[2:]]
    assert found([*acts[:2], inserted, *later]) == [(3, "event_hash"), (4, "event"), (5, "event"), (6, "event")]


def test_an_act_written_anew_with_a_new_seal_breaks_with_the_next_one():
    acts = sealed()
    acts[2] = chain.seal(acts[2] | {"person": "bob"}, acts[1]["event_hash"])
    assert found(acts) == [(3, "event_hash")]


def test_a_chain_written_anew_or_cut_off_is_found_by_what_was_kept_elsewhere():
    acts = sealed()
    kept = (4, acts[3]["event_hash"], "close 2022-12-27 US-CORE 1")
    other, before = acts[:2], acts[1]["event_hash"]
    for row in acts[2:]:
        other.append(chain.seal(row | {"person": "bob"}, before))
        before = other[-1]["event_hash"]
    assert found(other) == []
    assert found(other, kept) == [(4, "event_hash")]
    assert found(acts[:3], kept) == [(4, "event")]
    assert (
        "close 2022-12-27 US-CORE 1 saw act 4, and the chain ends with 3" in chain.faults(acts[:3], [kept])["fault"][0]
    )


@pytest.mark.parametrize(
    ("person", "reason", "words"),
    [
        ("Zoë 李", "two lines\nand a\ttab", ""),
        ("ann", "x" * 5_000, ""),
        ("ann", "x" * 5_001, "the reason has 5,001 characters, and 5,000 are kept"),
        ("a" * 101, "", "the name has 101 characters"),
        ("ann\n", "", r"the name holds the control character '\n'"),
        ("ann", "red \x1b[31m", r"the reason holds the control character '\x1b'"),
        ("ann", "\x00", "control character"),
    ],
)
def test_a_name_or_reason_that_nobody_could_read_is_not_kept(person, reason, words):
    found = chain.objection(person, reason)
    assert words in found
    assert bool(words) == bool(found)
