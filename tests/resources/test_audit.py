"""The chain of acts in a real PostgreSQL: numbered without gaps, whoever acts at once."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import sqlalchemy as sa

from daybook import tables
from daybook.control import chain
from resources import audit, closes, records, requests
from resources.inbox import Inbox
from resources.rehearsal import HeldEngine


def did(engine, person="ann", act="approve", subject="request 1", reason="as agreed", **payload):
    with engine.begin() as connection:
        return audit.record(connection, person, act, subject, reason, payload)


def acts(engine) -> pd.DataFrame:
    return audit.acts(engine)


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


DAY = pd.Timestamp("2022-12-27")


def wish(price="1.5"):
    return requests.Wish("price_override", "X at 1.5", {"price": price})


@pytest.fixture
def inbox(settings, lake, engine) -> Inbox:
    return Inbox(settings, lake, engine, lambda: None)


@pytest.fixture
def busy(inbox, engine) -> Inbox:
    """A firm in which people have acted: acts 1 to 7."""
    asked = [requests.ask(engine, wish(price), "ann", "why not") for price in ("1.5", "2")]
    requests.reject(inbox, asked[0], "bob", "no")
    with engine.begin() as connection:
        entry = {
            "delivery": 1,
            "status": "open",
            "recorded_at": "2022-12-27T18:00Z",
            "file": "f.csv",
            "row": {"a": "1"},
        }
        connection.execute(sa.insert(records.quarantine), [entry | {"line": line} for line in (2, 3)])
    inbox.discard(1, "ann", "a test row")
    inbox.discard(2, "ann", "another")
    returns = tables.empty("performance")
    closes.sign(engine, DAY, "b", "ann", {"nav": {"version": 1, "hash": "x"}}, 3, returns)
    closes.sign(engine, DAY, "c", "ann", {"nav": {"version": 1, "hash": "x"}}, 3, returns)
    return inbox


def rewrite(connection, statement):
    """What somebody with the rights of the database's owner does."""
    connection.execute(sa.text("ALTER TABLE daybook.audit_events DISABLE TRIGGER ALL"))
    connection.execute(sa.text(statement))
    connection.execute(sa.text("ALTER TABLE daybook.audit_events ENABLE TRIGGER ALL"))


def faults(engine, *anchors):
    rows = audit.look(engine, anchors)
    return list(zip(rows["event"], rows["column"], strict=True))


def test_a_firm_whose_tables_and_chain_say_the_same_has_no_fault(busy, engine):
    assert acts(engine)["act"].tolist() == ["ask", "ask", "reject", "discard", "discard", "close", "close"]
    with engine.connect() as connection:
        event, sealed = audit.head(connection)
    assert faults(engine, (event, sealed, "the pack of 2022-12-27")) == []


CHANGED = {
    "audit_events SET reason = 'wht not' WHERE event = 2": [(2, "reason"), (2, "reason")],
    "audit_events SET at = at + interval '1 us' WHERE event = 4": [(4, "at")],
    "requests SET payload = jsonb_set(payload, '{price}', '9') WHERE id = 2": [(2, "payload.payload.price")],
    "requests SET decided_by = 'carl' WHERE id = 1": [(3, "person")],
    'quarantine SET row = \'{"a": "2"}\' WHERE id = 1': [(4, "payload.row.a")],
    "closes SET seen = jsonb_set(seen, '{nav,hash}', '9') WHERE book = 'b'": [(6, "payload.seen.nav.hash")],
    "closes SET seen = jsonb_set(seen, '{nav,version}', '9') WHERE book = 'b'": [(6, "payload.seen.nav.version")],
    "closes SET status = 'candidate' WHERE book = 'b'": [(0, "subject"), (6, "subject")],
    "closes SET seen = jsonb_set(seen, '{audit_events,hash}', '9') WHERE book = 'c'": [
        (6, "event_hash"),
        (7, "payload.seen.audit_events.hash"),
    ],
    "closes SET version = 2 WHERE book = 'c'": [(0, "subject"), (7, "subject")],
}
REMOVED = {
    "audit_events WHERE event = 5": [(5, "event"), (0, "subject")],
    # The tail: the last close has seen more than there is, and what was done has no act.
    "audit_events WHERE event > 5": [(6, "event"), (0, "subject"), (0, "subject")],
    "requests WHERE id = 1": [(1, "subject"), (3, "subject")],
}
INSERTED = "requests (kind, requested_by, requested_at, status) VALUES ('k', 'x', now(), 'pending')"


def test_what_was_changed_removed_or_inserted_is_found_and_named(busy, engine):
    cases = {f"UPDATE daybook.{words}": expected for words, expected in CHANGED.items()}
    cases |= {f"DELETE FROM daybook.{words}": expected for words, expected in REMOVED.items()}
    cases[f"INSERT INTO daybook.{INSERTED}"] = [(0, "subject")]
    for statement, expected in cases.items():
        with engine.connect() as connection:
            rewrite(connection, statement)
            assert faults(HeldEngine(connection)) == expected, statement
    assert faults(engine) == [], "nothing of it was committed"


def test_packs_hold_on_to_the_chain_and_a_changed_one_is_named(busy, engine, tmp_path):
    (tmp_path / "2022-12-27").mkdir()
    path = tmp_path / "2022-12-27" / audit.ANCHOR
    with engine.connect() as connection:
        event, sealed = audit.head(connection)
    path.write_text(f"{event} {sealed}\n")
    assert audit.packed(tmp_path) == [(event, sealed, "the pack of 2022-12-27")]
    with engine.connect() as connection:
        rewrite(connection, "DELETE FROM daybook.audit_events WHERE event = 7")
        rewrite(connection, "DELETE FROM daybook.closes WHERE book = 'c'")
        rows = audit.look(HeldEngine(connection), audit.packed(tmp_path))
    assert rows["fault"].tolist() == ["the pack of 2022-12-27 saw act 7, and the chain ends with 6: cut off"]
    path.write_text("7")
    with pytest.raises(ValueError, match="is not number and hash of an act"):
        audit.packed(tmp_path)


def test_one_person_under_two_names_does_not_approve_and_acting_alone_is_found(inbox, engine):
    number = requests.ask(engine, wish(), "Ann Lee", "why not")
    with pytest.raises(requests.RequestRefused, match="a second person must agree"):
        requests.approve(inbox, number, "ann.lee")
    assert audit.alone(engine).empty
    with engine.begin() as connection:
        event = {"order_id": "X", "kind": "proposed", "at": "2022-12-27T18:00Z", "by_user": "ann"}
        connection.execute(sa.insert(records.order_events), [event])
        audit.record(connection, "ann", "approve", "order X")
    assert audit.alone(engine)["said"].tolist() == ["ann did approve order X and propose by ann"]


def test_nobody_acts_as_the_program_or_with_a_reason_that_nobody_can_read(inbox, engine):
    for who, why, words in (("daybook", "why not", "set it to your own name"), ("ann", "a\x07b", "control character")):
        with pytest.raises(ValueError, match=words):
            requests.ask(engine, wish(), who, why)
    assert requests.pending(engine).empty
    assert acts(engine).empty


def test_a_chain_written_anew_from_one_act_on_is_found_by_the_close_and_by_the_tables(busy, engine):
    rows, before = acts(engine).to_dict("records"), chain.START
    for row in rows:
        row["reason"] = "forged" if row["event"] == 4 else row["reason"]
        row |= chain.seal(row, before)
        before = row["event_hash"]
    with engine.begin() as connection:
        rewrite(connection, "DELETE FROM daybook.audit_events")
        connection.execute(sa.insert(records.audit_events), rows)
    assert faults(engine) == [(5, "event_hash"), (6, "event_hash"), (4, "reason")]


def test_what_was_done_before_there_was_a_chain_is_counted_in_its_first_act(busy, engine):
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(records._MIGRATIONS))
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0005")
        connection.execute(sa.text("UPDATE daybook.closes SET seen = seen - 'audit_events'"))
        records.migrate(connection)
    first = acts(engine)
    assert first[["event", "act", "person"]].to_numpy().tolist() == [[1, "begin", "daybook"]]
    assert first["payload"][0] == '{"ask request":2,"close close":2,"discard quarantine":2,"reject request":1}'
    assert faults(engine) == []
    requests.reject(busy, 2, "bob", "no")
    assert faults(engine) == [], "asked before there was a chain, decided since"
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM daybook.requests WHERE id = 1"))
    assert faults(engine) == [(1, "payload"), (1, "payload")]


def test_a_firm_in_which_nobody_has_acted_has_no_fault(engine):
    assert audit.look(engine, []).empty
    assert audit.alone(engine).empty
