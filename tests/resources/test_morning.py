"""What the morning page reads, on the real lake and the real PostgreSQL."""

import dagster as dg
import pandas as pd
import pytest

from daybook.pack import morning as page
from resources import break_events, closes, morning, requests, waivers
from resources.feeds import feeds
from tests.frames import frame

DAY, NOW = pd.Timestamp("2022-12-27"), pd.Timestamp("2022-12-28T13:00", tz="UTC")
BREAK = "position:P:IBM:2022-12-27"
BREAKS = (
    "business_date book instrument kind currency break_id ours theirs difference impact_base impact_bp cause"
    " status opened_on age"
)


@pytest.fixture
def doors(settings, monkeypatch):
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    return feeds()


def lines(doors, instance):
    found = morning.look(doors, instance, DAY, NOW)
    return {part.title: [(line.said, line.turn) for line in part.lines] for part in page.parts(found)}


def test_what_people_did_over_night_is_on_the_page(doors):
    assert morning.latest(doors) is None
    row = (DAY, "P", "IBM", "position", "USD", BREAK, 0.0, 1.0, 1.0, 10.0, 1.0, "unexplained", "open", DAY, 1)
    doors.lake.write("reconciliation_breaks", frame("reconciliation_breaks", BREAKS, row), [DAY])
    found = frame("findings", "business_date check book severity reason impact_base status",
                  (DAY, "pnl_unexplained", "P", "blocking", "40.00 in doubt", 40.0, "open"))  # fmt: skip
    doors.lake.write("findings", found, [DAY])
    columns = "business_date book total unexplained doubted doubted_bp unexplained_bp status reason"
    told = (DAY, "P", 90.0, -40.0, 40.0, 400.0, 50.0, "unexplained", "A -40.00 price stale")
    doors.lake.write("unexplained_pnl", frame("unexplained_pnl", columns, told), [DAY])
    values = "business_date book nav status base_currency"
    doors.lake.write("nav", frame("nav", values, (DAY, "P", 1000.0, "ok", "USD")), [DAY])
    closes.propose(doors.engine, DAY, ["P"], 0)
    assert morning.latest(doors) == DAY
    with dg.DagsterInstance.ephemeral() as instance:
        before = lines(doors, instance)
        assert before["Signed"] == [("P blocked: pnl_unexplained: 40.00 in doubt", "operations: clear what blocks")]
        break_events.assign(doors, [BREAK], "ann", "carol")
        wish = waivers.wish(doors, "pnl_unexplained", DAY, "P", None, DAY)
        number = requests.ask(doors.engine, wish, "ann", "the vendor says so")
        assert lines(doors, instance)["To decide"][0][1] == f"a second person: daybook approve {number}"
        requests.approve(doors.inbox, number, "bob")
        after = lines(doors, instance)
    assert after["Signed"] == [("P can be signed", "the signatory: daybook close")]
    assert after["Broken"] == [("P IBM position, +10.00 (+1.00 bp), unexplained, assigned, 1 session old", "carol")]
    assert after["Unexplained"] == [("P -40.00 of +90.00 (400.0 of 50 bp): A -40.00 price stale", "")]
    assert after["Waived"] == [
        ("pnl_unexplained P until 2022-12-27, by ann and bob: the vendor says so", "operations: it ends")
    ]
    assert after["Chain of acts"][0][0].startswith("4 acts, sealed with ")
