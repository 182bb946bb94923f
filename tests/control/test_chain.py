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
