"""What a signature saw, that it is given once, and that a restatement keeps what it replaces."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import sqlalchemy as sa

from daybook import tables
from resources import audit, closes, records
from tests.frames import frame

DAY = "2022-12-27"


def test_tables_of_the_session_as_it_goes_are_not_signed(lake):
    lake.write("nav", frame("nav", "business_date book nav status", (DAY, "P", 1.0, "ok")), [DAY])
    positions = frame("intraday_positions", "business_date book instrument quantity", (DAY, "P", "A", 1.0))
    lake.write("intraday_positions", positions, [DAY])
    seen = closes.seen(lake, pd.Timestamp(DAY))
    assert {name: entry["version"] for name, entry in seen.items()} == {"nav": 1}


def test_a_signed_book_whose_nav_moved_since_is_told_with_what_was_signed(lake):
    columns, day = "business_date book nav status", pd.Timestamp(DAY)
    lake.write("nav", frame("nav", columns, (DAY, "P", 1.0, "ok"), (DAY, "Q", 5.0, "ok"), (DAY, "R", 7.0, "ok")), [DAY])
    signed = closes.seen(lake, day)
    lake.write("nav", frame("nav", columns, (DAY, "P", 2.5, "ok"), (DAY, "Q", 5.0, "ok"), (DAY, "R", 8.0, "ok")), [DAY])
    states = pd.DataFrame(
        {"book": ["P", "Q", "R"], "status": ["closed", "closed", "candidate"], "seen": [signed, signed, {}]}
    )
    assert closes.moved(lake, day, states) == {"P": 1.0}
    assert closes.moved(lake, day, states.tail(1)) == {}


D = pd.Timestamp(DAY)
RETURNS = tables.empty("performance")


def entry(hash, version=1):
    return {"nav": {"version": version, "hash": hash}}


def sign(engine, hash, book="P", user="ann", **more):
    return closes.sign(engine, D, book, user, entry(hash), 5, RETURNS, **more)[:2]


def restate(engine, hash, replaces=1, reason="a late fee", effect=None):
    return closes.restate(engine, D, "P", "bob", reason, replaces, entry(hash, 2), 6, RETURNS, effect or {})


def test_a_day_is_signed_once_and_other_content_is_refused_with_what_to_do(engine):
    assert sign(engine, "a") == (1, "ann")
    assert sign(engine, "a", user="bob") == (1, "ann")  # the same content: it stays ann's
    assert sign(engine, "b", same=1) == (1, "ann")  # other books' rows alone
    with pytest.raises(closes.CloseRefused, match="signed by ann as version 1 and changed since: daybook changes 2022"):
        sign(engine, "b")
    assert closes.states(engine, D)["signed_by"].tolist() == ["ann"]


def test_a_restatement_needs_something_signed_something_changed_a_reason_and_keeps_the_old(engine):
    for refused, words in (
        (lambda: restate(engine, "b"), "not signed"),
        (lambda: restate(engine, "b", reason=" "), "reason"),
    ):
        with pytest.raises(closes.CloseRefused, match=words):
            refused()
    sign(engine, "a")
    with pytest.raises(closes.CloseRefused, match="nothing changed since ann signed version 1"):
        restate(engine, "a")
    assert restate(engine, "b", effect={"difference": -5.0, "compensation": []}) == 2
    with pytest.raises(closes.CloseRefused, match="restated by bob meanwhile, as version 2"):
        restate(engine, "c")
    then, now = (closes.states(engine, D, version).iloc[0] for version in (1, 2))
    assert (then["status"], then["seen"]["nav"], then["reason"]) == ("closed", {"version": 1, "hash": "a"}, "")
    assert (now["status"], now["signed_by"], now["reason"]) == ("restated", "bob", "a late fee")
    assert now["effect"]["difference"] == -5.0
    assert sign(engine, "b") == (2, "bob")  # what is restated is signed
    assert closes.signed(engine, D)["version"].tolist() == [2]
    with engine.connect() as connection:
        acts = connection.execute(sa.select(records.audit_events.c.act, records.audit_events.c.subject)).fetchall()
        assert audit.head(connection)[0] == 2
    assert [tuple(act) for act in acts] == [("close", f"close {DAY} P 1"), ("restate", f"close {DAY} P 2")]


def test_of_two_closes_and_two_restatements_at_once_one_counts(engine):
    with ThreadPoolExecutor(4) as pool:
        people = ["ann", "bob", "cy", "dan"]
        signed = list(pool.map(lambda user: closes.sign(engine, D, "P", user, entry("a"), 5, RETURNS), people))
        who = people[[one.new for one in signed].index(True)]
        assert [one.new for one in signed].count(True) == 1  # nobody else is told that he signed
        assert {one[:2] for one in signed} == {(1, who)}

        def again(hash):
            try:
                return restate(engine, hash)
            except closes.CloseRefused as refused:
                return str(refused)

        found = list(pool.map(again, ["b", "c", "d"]))
    assert found.count(2) == 1
    assert sum("restated by bob meanwhile" in str(one) for one in found) == 2
    assert len(closes.states(engine, D)) == 1


def test_a_book_is_changed_by_its_own_rows_and_not_by_what_people_did_since(lake):
    columns = "business_date book nav status"
    returns = "business_date book period time_weighted signed_return"
    findings = "business_date check book instrument severity"
    lake.write("nav", frame("nav", columns, (DAY, "P", 1.0, "ok"), (DAY, "Q", 5.0, "ok")), [DAY])
    lake.write("period_returns", frame("period_returns", returns, (DAY, "P", "day", 0.1, float("nan"))), [DAY])
    seen = closes.seen(lake, D)
    states = pd.DataFrame({"book": ["P", "Q"], "status": ["closed", "restated"], "seen": [seen, seen]})
    assert closes.altered(lake, D, states) == {}
    lake.write("period_returns", frame("period_returns", returns, (DAY, "P", "day", 0.1, 0.1)), [DAY])
    lake.write("findings", frame("findings", findings, (DAY, "cash_negative", "P", "", "warning")), [DAY])
    assert closes.altered(lake, D, states) == {}
    lake.write("nav", frame("nav", columns, (DAY, "P", 1.0, "ok"), (DAY, "Q", 5.5, "ok")), [DAY])
    assert closes.altered(lake, D, states) == {"Q": {"nav": 1}}
    assert lake.altered("nav", 1).tolist() == [D]
    assert lake.altered("nav", lake.version("nav")).empty


def test_sessions_that_nobody_signed_since_the_last_signature_are_told(engine):
    days = [pd.Timestamp(day) for day in ("2022-12-20", "2022-12-21", "2022-12-22")]
    nav = pd.DataFrame({"business_date": days * 2, "book": ["P"] * 3 + ["Q"] * 3}).astype({"book": "str"})
    assert closes.unsigned_before(engine, D, nav) == {}
    closes.sign(engine, days[0], "P", "ann", entry("a"), 5, RETURNS)
    assert closes.unsigned_before(engine, D, nav) == {"P": days[1:]}
