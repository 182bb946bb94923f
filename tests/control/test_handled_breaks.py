"""Breaks as people work on them."""

import pandas as pd

from daybook import tables
from daybook.control import breaks
from tests.frames import frame, sessions

D1, D2, D3 = "2022-12-27", "2022-12-28", "2022-12-29"
BREAKS = (
    "business_date book instrument kind currency break_id difference impact_base impact_bp cause status owner"
    " opened_on age"
)
EVENTS = "event break_id kind at person owner cause impact_base reason"
NOW = pd.Timestamp("2022-12-29 18:00", tz="UTC")
NO_WAIVERS, NO_EVENTS = tables.empty("waivers"), tables.empty("break_events")
NO_RULES = tables.empty("reconciliations")


def broken(name, day=D1, age=1, kind="cash", book="P", bp=1.0):
    return (day, book, name, kind, "USD", name, 5.0, 5.0, bp, "unexplained", "open", "desk", D1, age)


def event(number, name, kind, person="ann", owner="", cause="", reason="", at="2022-12-28 18:00", seen=5.0):
    return (number, name, kind, pd.Timestamp(at, tz="UTC"), person, owner, cause, seen, reason)


def handled(rows, events, waivers=NO_WAIVERS):
    return breaks.handled(
        frame("reconciliation_breaks", BREAKS, *rows), frame("break_events", EVENTS, *events), waivers
    )


def test_the_latest_word_decides_whose_it_is_and_where_it_stands():
    rows = [broken(name) for name in "abcd"]
    events = [
        event(1, "a", "open", "daybook"),
        event(2, "b", "assign", owner="bob"),
        event(3, "b", "assign", owner="cid"),
        event(4, "b", "comment", reason="who has the ticket?"),
        event(5, "c", "explain", "cid", cause="fee", reason="the bank's custody fee"),
        event(6, "d", "explain", "cid", cause="fee", reason="a fee"),
        event(7, "d", "assign", owner="dan"),
    ]
    told = handled(rows, events)
    assert told["status"].tolist() == ["open", "assigned", "explained", "assigned"]
    assert told["owner"].tolist() == ["desk", "cid", "desk", "dan"]
    assert told["cause"].tolist() == ["unexplained", "unexplained", "fee", "fee"]
    assert told["reason"].tolist()[2] == "explained by cid: the bank's custody fee"
    stored = frame("reconciliation_breaks", BREAKS, *rows)
    assert list(told.columns) == list(stored.columns)
    assert told.dtypes.equals(stored.dtypes)


def test_an_explanation_holds_for_what_was_seen():
    rows = [broken(name) for name in "abc"]
    events = [
        event(1, "a", "explain", cause="fee", reason="a fee", seen=4.6),
        event(2, "b", "explain", cause="fee", reason="a fee", seen=4.5),
        event(3, "c", "assign", owner="bob"),
        event(4, "c", "explain", cause="fee", reason="a fee", seen=0.1),
    ]
    told = handled(rows, events)
    assert told["status"].tolist() == ["explained", "open", "assigned"]
    assert told["cause"].tolist() == ["fee", "unexplained", "unexplained"]
    assert told["reason"].tolist()[1] == "explained by ann: a fee, but the effect on NAV was 4.50 then"


def test_what_was_said_of_a_break_is_said_of_no_other_and_of_all_its_sessions():
    told = handled([broken("a", D1), broken("a", D2, 2), broken("aa", D2)], [event(1, "a", "assign", owner="bob")])
    assert told["owner"].tolist() == ["bob", "bob", "desk"]


def test_a_waived_break_is_waived_whatever_else_is_said_of_it():
    columns = "waiver_id break_id valid_from valid_to impact_base reason entered_by approved_by recorded_at"
    waived = frame("waivers", columns, ("1", "a", D1, D2, 5.0, "small", "ann", "bob", f"{D1}T18:00:00Z"))
    events = [event(1, "a", "explain", cause="fee", reason="a fee")]
    told = handled([broken("a", D1), broken("a", D2, 2), broken("a", D3, 3)], events, waived)
    assert told["status"].tolist() == ["waived", "waived", "explained"]
    assert told["reason"].tolist()[1:] == [
        "explained by ann: a fee; waived until 2022-12-28 by ann and bob (waiver 1): small",
        "explained by ann: a fee; waiver 1 ended on 2022-12-28",
    ]


def listed(rows, events=(), compared=((D3, "P", "cash"),), rules=NO_RULES):
    stored = frame("reconciliation_breaks", BREAKS, *rows) if rows else tables.empty("reconciliation_breaks")
    told = frame("break_events", EVENTS, *events) if events else NO_EVENTS
    of = pd.DataFrame(list(compared), columns=["business_date", "book", "kind"])
    of["business_date"] = pd.to_datetime(of["business_date"]).astype("datetime64[us]")
    shown = breaks.register(breaks.handled(stored, told, NO_WAIVERS), told, of, rules, NOW)
    return shown.set_index("break_id")


def test_a_break_is_resolved_once_its_book_was_compared_without_it_and_not_before():
    rows = [
        broken("gone", D2),
        broken("there", D3, 2),
        broken("silent", D2, book="Q"),
        broken("units", D2, kind="position"),
    ]
    found = listed(rows)
    assert found["status"].to_dict() == {"there": "open", "silent": "open", "units": "open", "gone": "resolved"}
    assert found.index[-1] == "gone"
    assert found.loc["silent", "business_date"] == pd.Timestamp(D2)


def test_the_last_session_of_a_break_is_shown_with_its_age_the_largest_first():
    found = listed(
        [broken("a", D2), broken("a", D3, 2, bp=2.0), broken("b", D3, bp=-9.0), broken("c", D3, bp=float("nan"))]
    )
    assert found.index.tolist() == ["c", "b", "a"]
    assert found["age"].tolist() == [1, 1, 2]


def test_hours_run_from_the_first_pack_against_those_of_the_definition():
    rules = frame(
        "reconciliations", "reconciliation theirs_table answer_hours valid_from",
        ("quick", "custodian_cash", 2.0, "2020-01-01"), ("quick", "custodian_cash", 4.0, D3),
    )  # fmt: skip
    rows = [broken("a", D3), broken("b", D3), broken("c", D3), broken("d", D3)]
    stored = frame("reconciliation_breaks", BREAKS, *rows).assign(reconciliation=["", "quick", "", ""])
    events = frame(
        "break_events", EVENTS,
        event(1, "a", "open", at="2022-12-28 19:00"), event(2, "b", "open", at="2022-12-29 13:00"),
        event(3, "c", "open", at="2022-12-27 13:00"), event(4, "c", "explain", cause="fee", reason="a fee"),
    )  # fmt: skip
    told = breaks.handled(stored, events, NO_WAIVERS)
    compared = pd.DataFrame({"business_date": sessions(D3), "book": "P", "kind": "cash"})
    found = breaks.register(told, events, compared, rules, NOW).set_index("break_id")
    assert found["hours"].reindex(list("abc")).tolist() == [23.0, 5.0, 53.0]
    assert found["due_at"].reindex(list("ab")).tolist() == [
        pd.Timestamp("2022-12-29 19:00", tz="UTC"), pd.Timestamp("2022-12-29 17:00", tz="UTC"),
    ]  # fmt: skip
    assert found["overdue"].reindex(list("abcd")).tolist() == [False, True, False, False]
    assert pd.isna(found.loc["c", "due_at"]), "it was explained: nobody waits for an answer"
    assert pd.isna(found.loc["d", "hours"]), "no pack told of it yet"


def test_a_break_that_no_session_has_any_more_is_resolved_and_not_forgotten():
    for rows in ([], [broken("there", D3)]):
        found = listed(rows, [event(1, "was", "open")])
        assert found.loc["was", "status"] == "resolved"
        assert (found.loc["was", "book"], found.loc["was", "reason"]) == ("", "no session has it now")


def test_a_book_is_compared_where_it_was_reported_computed_and_packed():
    nav = frame(
        "nav", "business_date book status", (D1, "P", "ok"), (D2, "P", "failed"), (D3, "P", "ok"), (D2, "Q", "ok")
    )
    reports = pd.DataFrame(
        [(D1, "P", "position"), (D2, "P", "position"), (D3, "P", "cash"), (D2, "Q", "cash")],
        columns=["business_date", "book", "kind"],
    ).assign(business_date=lambda rows: pd.to_datetime(rows["business_date"]).astype("datetime64[us]"))
    administrator = frame("administrator_nav", "business_date book nav", (D1, "P", 1.0), (D3, "P", 1.0))
    found = breaks.compared(sessions(D1, D2), nav, reports, administrator)
    assert {(book, kind): f"{day:%Y-%m-%d}" for day, book, kind in found.itertuples(index=False)} == {
        ("P", "position"): D1, ("P", "price"): D1, ("P", "nav"): D1, ("P", "transaction"): D1,
        ("Q", "cash"): D2, ("Q", "transaction"): D2,
    }  # fmt: skip
