"""The morning page: every line says whose turn it is, every part says something, and nothing in it is markup."""

from dataclasses import replace

import numpy as np
import pandas as pd

from daybook import tables
from daybook.control.breaks import LISTED
from daybook.pack import morning
from tests.frames import frame

D = pd.Timestamp("2022-12-23")
NOW = pd.Timestamp("2022-12-27T13:00Z")
NAV = frame(
    "nav", "business_date book nav status base_currency", (D, "P", 990.0, "ok", "USD"), (D, "Q", 50.0, "ok", "EUR")
)


def listed(columns, *rows):
    return pd.DataFrame(list(rows), columns=columns.split())


QUIET = morning.Morning(
    business_date=D,
    made_at=NOW,
    runs=listed("job status began_at ended_at"),
    nav=NAV,
    findings=tables.empty("findings"),
    timeline=tables.empty("timeline"),
    unexplained_pnl=frame("unexplained_pnl", "business_date book status", (D, "P", "ok"), (D, "Q", "ok")),
    compliance_results=tables.empty("compliance_results"),
    breaks=listed(" ".join(LISTED)).assign(status=pd.Series(dtype="str"), impact_base=pd.Series(dtype="float64")),
    overrides=tables.empty("price_overrides"),
    waivers=tables.empty("waivers"),
    breaches=tables.empty("breaches"),
    closes=listed("book version status signed_by recorded_at"),
    objection="",
    was={},
    unsigned={},
    duties=listed("at person said"),
    quarantine=listed("file status reason"),
    requests=listed("id subject reason requested_by"),
    orders=listed("book instrument side quantity status"),
    chain=(0, ""),
)
SIGNED = listed(
    "book version status signed_by recorded_at",
    ("P", 1, "closed", "ann", pd.Timestamp("2022-12-23T23:00Z")),
    ("Q", 0, "candidate", "", pd.Timestamp("2022-12-23T22:00Z")),
)
BREAKS = listed(
    "book instrument kind impact_base impact_bp cause status owner age overdue",
    ("P", "A", "position", -5.0, -50.5, "missing_trade", "assigned", "bob", 3, True),
    ("P", "CASH:USD", "cash", np.nan, np.nan, "fee", "explained", "bob", 1, False),
    ("P", "B", "position", 9.0, 90.0, "unexplained", "open", "", 1, False),
    ("P", "C", "position", 99.0, 990.0, "split", "resolved", "", 4, False),
)


def said(page, title):
    (found,) = [part for part in morning.parts(page) if part.title == title]
    return [(line.said, line.turn) for line in found.lines]


def test_a_quiet_morning_says_so_in_every_part():
    found = morning.parts(QUIET)
    assert all(part.lines for part in found)
    assert {line.turn for part in found if part.title != "Signed" for line in part.lines} == {""}
    assert said(QUIET, "Signed") == [
        ("P can be signed", "the signatory: daybook close"),
        ("Q can be signed", "the signatory: daybook close"),
    ]


def test_signed_blocked_and_changed_books_have_a_turn_each():
    blocked = frame(
        "findings",
        "business_date check book severity status reason",
        (D, "price_missing", "Q", "blocking", "open", "B <b>"),
    )
    page = replace(
        QUIET, closes=SIGNED, findings=blocked, was={"P": 1000.0}, unsigned={"P": [D - pd.Timedelta(days=1)]}
    )
    assert morning.headline(page) == "1 of 2 books signed, 1 blocked"
    assert said(page, "Signed") == [
        ("Q blocked: price_missing: B <b>", "operations: clear what blocks"),
        ("1 earlier session of P never signed, the first 2022-12-22", "the signatory"),
        ("P by ann on 2022-12-23 23:00, version 1", ""),
    ]
    assert said(page, "Changed since signed") == [
        ("NAV of P was 1,000.00 when it was signed; since then -10.00 USD (-100.00 bp)",
         "the signatory: daybook changes 2022-12-23, then restate")
    ]  # fmt: skip
    html = morning.html(page)
    assert "B &lt;b&gt;" in html
    assert "<script" not in html


def test_breaks_come_overdue_first_and_ask_whose_they_are():
    assert said(replace(QUIET, breaks=BREAKS), "Broken") == [
        ("P A position, -5.00 (-50.50 bp), missing_trade, assigned, 3 sessions old, overdue", "bob"),
        ("P B position, +9.00 (+90.00 bp), unexplained, open, 1 session old", "operations: assign it"),
        ("P CASH:USD cash, fee, explained, 1 session old", ""),
    ]


def test_unexplained_pnl_asks_until_it_is_waived_and_is_never_left_out():
    columns = "business_date book total unexplained doubted doubted_bp unexplained_bp status reason"
    rows = frame("unexplained_pnl", columns, (D, "P", 106.0, -30.0, 30.0, 303.03, 50.0, "unexplained", "B price stale"))
    page = replace(QUIET, unexplained_pnl=rows)
    told = "P -30.00 of +106.00 (303.0 of 50 bp): B price stale"
    assert said(page, "Unexplained") == [
        ("not told of 1 book", "operations: daybook eod"),
        (told, "operations: correct it, or daybook waive"),
    ]
    waived = frame(
        "findings", "business_date check book severity status", (D, "pnl_unexplained", "P", "blocking", "waived")
    )
    assert said(replace(page, findings=waived), "Unexplained")[1] == (told, "")


def test_failed_runs_come_first_and_long_parts_name_where_the_rest_is():
    runs = [("eod", "SUCCESS", NOW - pd.Timedelta(hours=hour), NOW) for hour in range(1, 8)]
    runs.append(("history", "FAILURE", NOW - pd.Timedelta(hours=9), NOW - pd.Timedelta(hours=8)))
    found = said(replace(QUIET, runs=listed("job status began_at ended_at", *runs)), "Ran")
    assert found[0] == ("history failure, 2022-12-27 04:00, 3,600 s", "operations: daybook eod")
    assert found[1] == ("eod success, 2022-12-27 12:00, 3,600 s", "")
    assert found[-1] == ("and 3 more: daybook ui", "")
    assert len(found) == morning.MOST + 1


def test_text_keeps_to_its_width_and_keeps_the_turn():
    asked = listed("id subject reason requested_by", (7, "override of A " * 40, "why", "ann"))
    lines = list(morning.text(replace(QUIET, requests=asked), 100))
    assert max(map(len, lines)) <= 100
    assert "daybook approve 7" in " ".join(line.strip() for line in lines)
