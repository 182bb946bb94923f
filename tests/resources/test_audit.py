"""The chain of acts in a real PostgreSQL: numbered without gaps, whoever acts at once."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import sqlalchemy as sa

from daybook.control import chain
from resources import audit, records


def did(engine, person="ann", act="approve", subject="request 1", reason="as agreed", **payload):
    with engine.begin() as connection:
        return audit.record(connection, person, act, subject, reason, payload)


def acts(engine) -> pd.DataFrame:
    with engine.connect() as connection:
        return records.read(connection, sa.select(records.audit_events).order_by(records.audit_events.c.event))


def test_acts_are_numbered_and_each_is_sealed_with_the_one_before(engine):
    with engine.connect() as connection:
        assert audit.head(connection) == (0, chain.START)
    assert [did(engine, price=1.5), did(engine, "bob")] == [1, 2]
    first, second = acts(engine).to_dict("records")
    assert (first["previous_hash"], second["previous_hash"]) == (chain.START, first["event_hash"])
    assert (first["person"], first["payload"], second["payload"]) == ("ann", '{"price":1.5}', "{}")
    for row in (first, second):
        assert chain.seal(row, row["previous_hash"])["event_hash"] == row["event_hash"], "as read back"
    with engine.connect() as connection:
        assert audit.head(connection) == (2, second["event_hash"])


def test_an_act_that_is_not_done_leaves_no_trace_and_no_gap(engine):
    connection = engine.connect()
    audit.record(connection, "ann", "approve", "request 1")
    connection.close()
    assert did(engine) == 1
    for nobody in ({"person": " "}, {"act": ""}, {"subject": ""}):
        with pytest.raises(ValueError, match="who, what and to what"):
            did(engine, **nobody)
    assert len(acts(engine)) == 1


def test_one_word_about_many_things_is_an_act_for_each(engine):
    with engine.begin() as connection:
        assert audit.record_each(connection, "ann", "send", {}) == 0
        assert audit.record_each(connection, "ann", "send", {"order 1": {}, "order 2": {"n": 2}}, "now") == 2
    rows = acts(engine)
    assert rows["subject"].tolist() == ["order 1", "order 2"]
    assert rows["previous_hash"][1] == rows["event_hash"][0]


def test_of_many_at_once_none_is_lost(engine):
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(lambda n: did(engine, f"person {n}"), range(24)))
    assert sorted(numbers) == list(range(1, 25))
    rows = acts(engine)
    assert rows["previous_hash"].tolist() == [chain.START, *rows["event_hash"][:-1]]
    assert rows["at"].is_monotonic_increasing
