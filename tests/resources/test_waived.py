"""Breaks that people work on and findings that two let stand, on the real lake and the real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import sqlalchemy as sa

from daybook.control.closes import refusals
from resources import audit, break_events, closes, records, requests, waivers
from resources.break_events import BreakRefused
from resources.feeds import Feeds
from resources.requests import RequestRefused
from resources.waivers import WaiverRefused
from tests.frames import frame

DAY, NEXT, LAST = (pd.Timestamp(day) for day in ("2022-12-27", "2022-12-28", "2022-12-30"))
A, B = "cash:P:CASH:USD:2022-12-27", "position:P:IBM:2022-12-27"
BREAKS = (
    "business_date book instrument kind currency break_id ours theirs difference impact_base impact_bp cause"
    " status opened_on age"
)
FINDINGS = "business_date check book instrument severity reason impact_base impact_bp status"


def store(feeds: Feeds, day: pd.Timestamp, size: float = 1000.0, both: bool = True) -> None:
    """What a close of ``day`` stores: a book with one or two breaks and what blocks it."""
    rows = [
        (day, "P", "CASH:USD", "cash", "USD", A, 0.0, size, size, size, size / 10, "unexplained", "open", DAY, 1),
        (day, "P", "IBM", "position", "USD", B, 0.0, 1.0, 1.0, 10.0, 1.0, "unexplained", "open", DAY, 1),
    ]
    found = [
        (day, "break_material", "P", "", "blocking", "breaks sum up", size + 10, size / 10 + 1, "open"),
        (day, "fx_stale", "P", "VOD", "blocking", "an old rate", 1.0, 0.1, "open"),
        (day, "identity_nav", "P", "", "blocking", "a gap", 1.0, 0.1, "open"),
        (day, "feed_failed", "", "", "blocking", "nothing came", None, None, "open"),
    ]
    feeds.lake.write("reconciliation_breaks", frame("reconciliation_breaks", BREAKS, *rows[: 1 + both]), [day])
    feeds.lake.write("findings", frame("findings", FINDINGS, *found), [day])
    feeds.lake.write("nav", frame("nav", "business_date book nav status", (day, "P", 1e5, "ok")), [day])
    closes.propose(feeds.engine, day, ["P"], 0)
    break_events.tell(feeds.engine, feeds.handled("reconciliation_breaks", day, day))


@pytest.fixture
def feeds(settings, lake, engine) -> Feeds:
    made = Feeds(settings, lake, engine)
    store(made, DAY)
    return made


def agreed(feeds: Feeds, wish: requests.Wish, by: str = "bob") -> int:
    number = requests.ask(feeds.engine, wish, "ann", "the bank corrects it tomorrow")
    requests.approve(feeds.inbox, number, by)
    return number


def acts(engine: sa.Engine) -> list[tuple[str, ...]]:
    table = records.audit_events
    query = sa.select(table.c.person, table.c.act, table.c.subject, table.c.reason).order_by(table.c.event)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def statuses(feeds: Feeds, day: pd.Timestamp = DAY) -> dict[str, str]:
    rows = feeds.handled("findings", day, day)
    return dict(zip(rows["check"], rows["status"], strict=True))


def test_an_agreed_waiver_holds_at_once_and_only_for_what_it_names(feeds):
    wish = waivers.wish(feeds, "fx_stale", DAY, "P", None, LAST)
    assert wish.subject == "waiver of fx_stale of P VOD from 2022-12-27 to 2022-12-30, effect on NAV 1.00"
    number = requests.ask(feeds.engine, wish, "Ann", "the rate comes tomorrow")
    assert set(statuses(feeds).values()) == {"open"}, "asking changes nothing"
    with pytest.raises(RequestRefused, match="a second person must agree"):
        requests.approve(feeds.inbox, number, "ann")
    before = feeds.lake.content_hash("findings", DAY)
    requests.approve(feeds.inbox, number, "bob")
    assert statuses(feeds) == {
        "break_material": "open", "fx_stale": "waived", "identity_nav": "open", "feed_failed": "open",
    }  # fmt: skip
    assert feeds.lake.content_hash("findings", DAY) == before
    row = feeds.record("waivers").iloc[0]
    assert row[["waiver_id", "check", "book", "instrument", "break_id", "impact_base"]].tolist() == [
        str(number), "fx_stale", "P", "VOD", "", 1.0,
    ]  # fmt: skip
    assert row[["reason", "entered_by", "approved_by"]].tolist() == ["the rate comes tomorrow", "Ann", "bob"]
    assert ("bob", "waive", f"waiver {number}", "the rate comes tomorrow") in acts(feeds.engine)
    nav = feeds.lake.read("nav", DAY, DAY)
    assert [said.split(":")[0] for said in refusals(nav, feeds.handled("findings", DAY, DAY))["P"]] == [
        "feed_failed", "break_material", "identity_nav",
    ]  # fmt: skip
    earlier = feeds.lay_over("findings", feeds.lake.read("findings"), row["recorded_at"] - pd.Timedelta(seconds=1))
    assert set(earlier["status"]) == {"open"}


def test_what_cannot_be_waived_is_refused_with_what_to_do(feeds):
    for check, day, book, instrument, until, said in (
        ("fx_stale", DAY, "P", None, DAY - pd.Timedelta(days=1), "would end on 2022-12-26, before it begins"),
        ("identity_nav", DAY, "P", None, LAST, "identity_nav cannot be waived"),
        ("fx_missing", DAY, "P", None, LAST, "no finding fx_missing stands on 2022-12-27"),
        ("fx_stale", NEXT, "P", None, LAST, "no finding fx_stale stands on 2022-12-28"),
        ("fx_stale", DAY, "Q", None, LAST, "is not about Q: name one of P"),
        ("fx_stale", DAY, "", None, LAST, "is about books: name one of P"),
        ("fx_stale", DAY, "P", "IBM", LAST, "not about IBM: it stands there for VOD"),
        ("break_material", DAY, "P", "IBM", LAST, "it names none there: leave --instrument out"),
        ("feed_failed", DAY, "P", None, LAST, "is about the whole firm: leave --book out"),
        ("break_open", DAY, "P", None, LAST, "daybook breaks waive ID"),
    ):
        with pytest.raises(WaiverRefused, match=said):
            waivers.wish(feeds, check, day, book, instrument, until)


def test_the_same_is_not_asked_for_or_waived_twice_but_for_longer(feeds):
    wish = waivers.wish(feeds, "feed_failed", DAY, "", None, NEXT)
    assert wish.subject.endswith(
        "feed_failed of the firm from 2022-12-27 to 2022-12-28, effect on NAV not known or none"
    )
    agreed(feeds, wish)
    assert statuses(feeds)["feed_failed"] == "waived"
    with pytest.raises(WaiverRefused, match="nothing to ask for: waived until 2022-12-28 by ann and bob"):
        waivers.wish(feeds, "feed_failed", DAY, "", None, NEXT)
    agreed(feeds, waivers.wish(feeds, "feed_failed", DAY, "", None, LAST))
    store(feeds, LAST)
    assert statuses(feeds, LAST)["feed_failed"] == "waived"


def test_what_changed_since_it_was_asked_for_is_not_waived_and_nothing_is_half_done(feeds):
    number = requests.ask(feeds.engine, waivers.wish_for_breaks(feeds, [A, B], LAST), "ann", "small")
    store(feeds, DAY, size=2000.0)
    with pytest.raises(WaiverRefused, match=f"{A} has grown on 2022-12-27 since request {number}"):
        requests.approve(feeds.inbox, number, "bob")
    store(feeds, DAY, both=False)
    with pytest.raises(WaiverRefused, match=f"{B} is gone on 2022-12-27 since request {number}: daybook reject"):
        requests.approve(feeds.inbox, number, "bob")
    assert feeds.record("waivers").empty
    assert requests.pending(feeds.engine)["id"].tolist() == [number]
    assert [act for _, act, *_ in acts(feeds.engine)] == ["ask"]
    store(feeds, DAY)
    requests.approve(feeds.inbox, number, "bob")
    assert feeds.record("waivers")["waiver_id"].tolist() == [f"{number}.1", f"{number}.2"]


def test_waived_breaks_no_longer_block_until_they_grow(feeds):
    agreed(feeds, waivers.wish_for_breaks(feeds, [A], LAST))
    assert statuses(feeds)["break_material"] == "waived"
    assert feeds.handled("reconciliation_breaks", DAY, DAY).set_index("break_id")["status"].to_dict() == {
        A: "waived", B: "open",
    }  # fmt: skip
    store(feeds, NEXT, size=1099.0)
    assert statuses(feeds, NEXT)["break_material"] == "waived"
    store(feeds, NEXT, size=1101.0)
    assert statuses(feeds, NEXT)["break_material"] == "open"


def test_work_on_breaks_is_kept_in_order_with_who_and_why(feeds):
    assert break_events.assign(feeds, [A, B], "ann", "bob") == 2
    assert break_events.assign(feeds, [A, B, A], "ann", "cid", "ask the bank") == 2
    assert break_events.assign(feeds, [A], "ann", "cid", "ask the bank") == 0, "the same, said again"
    assert break_events.explain(feeds, [A], "cid", "fee", "custody fee of December") == 1
    assert break_events.comment(feeds, [A], "bob", "seen the invoice") == 1
    events = feeds.record("break_events")
    assert events["event"].tolist() == list(range(1, 9))
    assert events.loc[events["break_id"] == A, "kind"].tolist() == ["open", "assign", "assign", "explain", "comment"]
    told = break_events.register(feeds).set_index("break_id")
    assert told.loc[[A, B], ["status", "owner", "cause"]].to_numpy().tolist() == [
        ["explained", "cid", "fee"], ["assigned", "cid", "unexplained"],
    ]  # fmt: skip
    assert acts(feeds.engine)[-2:] == [
        ("cid", "explain", f"break {A}", "custody fee of December"),
        ("bob", "comment", f"break {A}", "seen the invoice"),
    ]
    assert len(acts(feeds.engine)) == 6, "that a pack tells of a break is no act of a person"
    agreed(feeds, waivers.wish_for_breaks(feeds, [A, B], LAST))
    agreed(feeds, waivers.wish(feeds, "fx_stale", DAY, "P", None, LAST))
    agreed(feeds, waivers.wish(feeds, "feed_failed", DAY, "", None, LAST))
    assert audit.look(feeds.engine).empty, "tables and chain say the same of every act"


def test_acts_that_make_no_sense_are_refused_and_leave_nothing(feeds):
    for act, said in [
        (
            lambda: break_events.assign(feeds, [A, "cash:P:CASH:EUR:x"], "ann", "bob"),
            "there is no break 'cash:P:CASH:EUR:x'",
        ),
        (lambda: break_events.assign(feeds, [A], "ann", " "), "to whom"),
        (lambda: break_events.assign(feeds, [A], " ", "bob"), "who you are"),
        (lambda: break_events.comment(feeds, [A], "ann", " "), "--reason must not be empty"),
        (lambda: break_events.explain(feeds, [A], "ann", "fee", ""), "--reason must not be empty"),
        (lambda: break_events.explain(feeds, [A], "ann", "", "why"), "--cause must not be empty"),
    ]:
        with pytest.raises(BreakRefused, match=said):
            act()
    assert set(feeds.record("break_events")["kind"]) == {"open"}
    assert acts(feeds.engine) == []


def test_a_break_is_resolved_by_itself_and_takes_comments_alone(feeds):
    store(feeds, DAY, both=False)
    assert break_events.register(feeds).set_index("break_id")["status"].to_dict() == {A: "open", B: "resolved"}
    with pytest.raises(BreakRefused, match=f"break {B} is resolved: a comment can still be made"):
        break_events.assign(feeds, [A, B], "ann", "bob")
    with pytest.raises(BreakRefused, match="is resolved"):
        waivers.wish_for_breaks(feeds, [B], LAST)
    assert break_events.comment(feeds, [B], "ann", "the file was corrected") == 1


def test_two_people_at_once_never_lose_an_act(feeds):
    people = [f"p{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda person: break_events.assign(feeds, [A, B], person, person), people))
    assert done == [2] * 4
    events = feeds.record("break_events")
    assert events["event"].tolist() == list(range(1, 11))
    assert sorted(events.loc[(events["kind"] == "assign") & (events["break_id"] == A), "person"]) == people
    assert break_events.register(feeds).set_index("break_id").loc[A, "owner"] == events["owner"].iloc[-1]


def test_a_pack_tells_of_a_break_once(feeds):
    assert break_events.tell(feeds.engine, feeds.handled("reconciliation_breaks", DAY, DAY)) == 0
    told = break_events.register(feeds)
    assert (told["hours"] < 1).all()
    assert not told["overdue"].any()


def test_the_list_of_an_earlier_session_leaves_out_what_was_told_later(feeds):
    other = frame(
        "reconciliation_breaks",
        BREAKS,
        (NEXT, "P", "VOD", "position", "GBP", "later", 0, 1, 1, 1, 1, "", "open", NEXT, 1),
    )
    feeds.lake.write("reconciliation_breaks", other, [NEXT])
    break_events.tell(feeds.engine, other)
    assert break_events.register(feeds, DAY)["break_id"].tolist() == [A, B]
    assert "later" in break_events.register(feeds)["break_id"].tolist()
