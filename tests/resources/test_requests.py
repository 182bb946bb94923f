"""Requests and the overrides that come of them, on the real lake and the real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pandas as pd
import pytest
import sqlalchemy as sa

from resources import deliveries, overrides, records, requests
from resources.facts import Facts
from resources.inbox import Inbox
from resources.lake import Lake
from resources.overrides import OverrideRefused
from resources.requests import RequestRefused

FILES = {
    "instruments_2022-12-01.csv": "instrument,currency,exchange\nIBM,USD,XNYS\nVOD,GBP,XLON\n",
    "prices_2022-12-27_desk.csv": (
        "business_date,instrument,close,currency\n2022-12-27,IBM,100,USD\n2022-12-27,VOD,90,GBX\n"
    ),
}  # fmt: skip
FIRST, LAST = pd.Timestamp("2022-12-27"), pd.Timestamp("2022-12-30")
DAYS = pd.DatetimeIndex(["2022-12-23", "2022-12-27", "2022-12-28", "2022-12-29", "2022-12-30"]).as_unit("us")


@pytest.fixture
def inbox(settings, lake, engine) -> Inbox:
    """An inbox that has taken in two instruments and their prices; its clock goes on by a second at each look."""
    ticks = count()
    start = datetime.now(UTC) - timedelta(days=1)
    made = Inbox(settings, lake, engine, lambda: None, lambda: start + timedelta(seconds=next(ticks)))
    made.deliver_all([(name, text.encode()) for name, text in FILES.items()])
    return made


@pytest.fixture
def facts(inbox) -> Facts:
    return Facts(inbox.settings, inbox.lake, inbox.engine)


@pytest.fixture
def asked(facts, engine) -> int:
    return requests.ask(engine, overrides.wish(facts, "IBM", "101.25", FIRST, LAST), "Ann", "the desk typed 100")


def computed_now(engine) -> None:
    """Say that every one of ``DAYS`` was computed from everything known."""
    seen = records.deliveries.c.seq
    with engine.begin() as connection:
        last = connection.execute(sa.select(sa.func.max(seen))).scalar()
        connection.execute(sa.delete(records.computed))
        for day in DAYS:
            row = {"business_date": day.date(), "through_delivery": last, "recorded_at": sa.func.now()}
            connection.execute(sa.insert(records.computed).values(row))


def test_an_approved_override_is_a_fact_with_who_and_why_and_makes_its_sessions_stale(inbox, facts, engine, asked):
    assert facts.current("price_overrides").empty, "asking changes nothing"
    computed_now(engine)
    done = requests.approve(inbox, asked, "bob", "saw the exchange's page")
    assert (done["status"], done["decided_by"], done["subject"]) == (
        "approved", "bob", "IBM at 101.25 USD from 2022-12-27 to 2022-12-30",
    )  # fmt: skip
    row = facts.current("price_overrides").iloc[0]
    assert row[["override_id", "instrument", "price", "currency", "reason", "entered_by", "approved_by"]].tolist() == [
        str(asked), "IBM", 101.25, "USD", "the desk typed 100", "Ann", "bob",
    ]  # fmt: skip
    assert (row["valid_from"], row["valid_to"], row["file"], row["line"]) == (FIRST, LAST, f"override {asked}", 1)
    assert row["known_at"] == row["recorded_at"] == pd.Timestamp(done["decided_at"])
    assert facts.stale_sessions(DAYS).tolist() == list(DAYS[1:])
    assert facts.current("price_overrides", known_at=done["decided_at"] - timedelta(seconds=1)).empty
    assert requests.pending(engine).empty


def test_the_end_of_an_override_leaves_the_sessions_before_it_alone(inbox, facts, engine, asked):
    requests.approve(inbox, asked, "bob")
    before = facts.current("price_overrides").iloc[0]
    computed_now(engine)
    end = requests.ask(engine, overrides.end_wish(facts, str(asked), DAYS[3]), "bob", "the desk sent 101.25")
    done = requests.approve(inbox, end, "ann")
    row = facts.current("price_overrides").iloc[0]
    assert row["valid_to"] == DAYS[2]
    kept = ["override_id", "instrument", "price", "valid_from", "reason", "entered_by", "approved_by", "file", "line"]
    assert row[kept].tolist() == before[kept].tolist()
    assert facts.stale_sessions(DAYS).tolist() == list(DAYS[3:])
    earlier = facts.current("price_overrides", known_at=done["decided_at"] - timedelta(seconds=1))
    assert earlier["valid_to"].tolist() == [LAST]
    with pytest.raises(OverrideRefused, match=f"override {asked} ends on 2022-12-28 already"):
        overrides.end_wish(facts, str(asked), DAYS[3])


def test_an_override_can_be_ended_from_its_first_day(inbox, facts, engine, asked):
    requests.approve(inbox, asked, "bob")
    end = requests.ask(engine, overrides.end_wish(facts, str(asked), FIRST), "ann", "wrong instrument")
    requests.approve(inbox, end, "bob")
    assert facts.current("price_overrides")["valid_to"].tolist() == [DAYS[0]]


@pytest.mark.parametrize("same", ["Ann", "ann", " ANN "])
def test_nobody_agrees_to_what_they_asked_for(inbox, facts, engine, asked, same):
    with pytest.raises(RequestRefused, match=f"request {asked} was made by Ann: a second person must agree"):
        requests.approve(inbox, asked, same)
    with pytest.raises(RequestRefused, match="who"):
        requests.approve(inbox, asked, " ")
    assert requests.pending(engine)["id"].tolist() == [asked]
    assert facts.current("price_overrides").empty


def test_a_request_is_decided_once(inbox, facts, engine, asked):
    requests.reject(inbox, asked, "bob", "100 is right")
    for decide in (lambda: requests.approve(inbox, asked, "cid"), lambda: requests.reject(inbox, asked, "cid", "no")):
        with pytest.raises(RequestRefused, match=f"request {asked} is rejected already, by bob"):
            decide()
    with pytest.raises(RequestRefused, match="there is no request 4711"):
        requests.approve(inbox, 4711, "bob")
    assert facts.current("price_overrides").empty


def test_who_asked_may_withdraw_and_a_refusal_needs_a_reason(inbox, engine, asked):
    with pytest.raises(RequestRefused, match="why"):
        requests.reject(inbox, asked, "bob", " ")
    assert requests.reject(inbox, asked, "Ann", "typed wrong")["status"] == "rejected"
    assert requests.pending(engine).empty


def test_the_same_wish_does_not_wait_twice(facts, engine, asked):
    wish = overrides.wish(facts, "IBM", "101.25", FIRST, LAST)
    with pytest.raises(RequestRefused, match=f"request {asked} asks for the same"):
        requests.ask(engine, wish, "cid", "again")
    with pytest.raises(RequestRefused, match="why"):
        requests.ask(engine, wish, "cid", "")


def test_of_two_who_approve_at_once_one_is_told(inbox, facts, engine, asked):
    def approve(who: str) -> str:
        try:
            return requests.approve(inbox, asked, who)["decided_by"]
        except RequestRefused as refusal:
            return str(refusal)

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(approve, ["bob", "cid", "dot", "eve"]))
    winner = facts.current("price_overrides")["approved_by"].tolist()
    assert len(winner) == 1
    assert sorted(said) == sorted([*winner, *[f"request {asked} is approved already, by {winner[0]}"] * 3])


def test_the_list_tells_what_holds_what_waits_and_how_long(inbox, facts, engine, asked):
    def told(date) -> list[list]:
        columns = ["id", "state", "what", "from", "until", "age", "left", "asked by", "approved by"]
        rows = overrides.listing(facts, pd.Timestamp(date))[columns].astype(object)
        return rows.where(rows.notna(), "").to_numpy().tolist()

    wish = ["IBM at 101.25 USD from 2022-12-27 to 2022-12-30", FIRST, LAST]
    assert told("2022-12-28") == [[str(asked), "waits", *wish, 1.0, 2.0, "Ann", ""]]
    requests.approve(inbox, asked, "bob")
    end = requests.ask(engine, overrides.end_wish(facts, str(asked), DAYS[3]), "bob", "fixed")
    what = ["IBM at 101.25 USD", FIRST, LAST]
    ending = [str(end), "waits", f"end of override {asked} (IBM) from 2022-12-29", DAYS[3], ""]
    assert told("2022-12-23") == [
        [str(asked), "begins later", *what, 0.0, 7.0, "Ann", "bob"], [*ending, 0.0, "", "bob", ""],
    ]  # fmt: skip
    assert told("2022-12-30") == [
        [str(asked), "in force", *what, 3.0, 0.0, "Ann", "bob"], [*ending, 1.0, "", "bob", ""],
    ]  # fmt: skip
    assert overrides.waiting(engine)["instrument"].tolist() == ["IBM"]
    requests.approve(inbox, end, "Ann")
    assert [row[1] for row in told("2022-12-28")] == ["in force"]
    assert [row[1] for row in told("2022-12-29")] == ["ended"]


class Killed(BaseException):
    """What no handler may catch, as kill -9."""


@pytest.mark.parametrize("step", ["before the lake", "after the lake", "before the end"])
def test_a_kill_leaves_the_request_pending_and_nothing_in_force(inbox, facts, engine, asked, monkeypatch, step):
    append = Lake.append

    def killed(self, table, frame, key):
        if step == "after the lake":
            append(self, table, frame, key)
        raise Killed

    def finished(*_):
        raise Killed

    with monkeypatch.context() as patch:
        if step == "before the end":
            patch.setattr(deliveries, "finish", finished)
        else:
            patch.setattr(Lake, "append", killed)
        with pytest.raises(Killed):
            requests.approve(inbox, asked, "bob")
    assert requests.pending(engine)["id"].tolist() == [asked]
    assert facts.current("price_overrides").empty
    requests.approve(inbox, asked, "cid")
    assert facts.current("price_overrides")["approved_by"].tolist() == ["cid"]


def test_what_makes_no_sense_is_refused_with_what_to_do(facts):
    def refused(*asked, **more) -> str:
        with pytest.raises(OverrideRefused) as refusal:
            overrides.wish(facts, *asked, **more)
        return str(refusal.value)

    assert refused("XYZ", "1", FIRST, LAST) == "there is no instrument 'XYZ': daybook show instruments lists the ids"
    assert refused("IBM", "1", pd.Timestamp("2022-12-25"), LAST) == (
        "2022-12-25 is no session of XNYS: take 2022-12-23 or 2022-12-27"
    )
    assert "before it begins" in refused("IBM", "1", LAST, FIRST)
    assert "'usd' is no currency" in refused("IBM", "1", FIRST, LAST, currency="usd")
    with pytest.raises(OverrideRefused, match="there is no override '9'"):
        overrides.end_wish(facts, "9", FIRST)


def test_the_currency_is_that_of_the_market_unless_named(facts):
    assert overrides.wish(facts, "VOD", "0.95", FIRST, LAST).payload["currency"] == "GBP"
    assert overrides.wish(facts, "VOD", "95", FIRST, LAST, "GBX").payload["currency"] == "GBX"
    there = overrides.market(facts, "VOD", DAYS[2])
    assert (there["close"], there["currency"], there["status"]) == (0.9, "GBP", "stale")
    assert overrides.market(facts, "VOD", FIRST - pd.Timedelta(days=1)) == {}
