"""Findings that two people let stand."""

import pandas as pd
import pytest

from daybook import tables
from daybook.control import breaks, waivers
from tests.frames import frame

D1, D2, D3 = "2022-12-27", "2022-12-28", "2022-12-30"
FINDINGS = "business_date check book instrument severity reason impact_base impact_bp status"
BREAKS = (
    "business_date book instrument kind currency break_id difference impact_base impact_bp cause status opened_on age"
)
WAIVERS = (
    "waiver_id check book instrument break_id valid_from valid_to impact_base reason entered_by approved_by recorded_at"
)
RULES = tables.empty("close_rules")
NONE = tables.empty("reconciliation_breaks")


def finding(check="fx_stale", day=D1, book="P", instrument="", impact=float("nan"), reason="old"):
    return (day, check, book, instrument, "blocking", reason, impact, impact / 100, "open")


def waiver(number="1", check="fx_stale", book="P", instrument="", break_id="", since=D1, until=D2, impact=None):
    people = ("settled with the bank", "ann", "bob", f"{D1}T18:00:00Z")
    return (number, check, book, instrument, break_id, since, until, impact, *people)


def broken(name="cash:P:CASH:USD:2022-12-27", day=D1, book="P", instrument="CASH:USD", impact=1000.0, bp=60.0):
    return (day, book, instrument, "cash", "USD", name, impact, impact, bp, "fee", "open", D1, 1)


def judged(found, waived, rows=()):
    stored = frame("reconciliation_breaks", BREAKS, *rows) if rows else NONE
    terms = frame("waivers", WAIVERS, *waived)
    handled = breaks.handled(stored, tables.empty("break_events"), terms)
    return waivers.judged(frame("findings", FINDINGS, *found), handled, terms, RULES)


def test_a_waiver_holds_from_its_first_to_its_last_session_and_names_who_and_why():
    days = ("2022-12-23", D1, D2, "2022-12-29")
    told = judged([finding(day=day) for day in days], [waiver()])
    assert told["status"].tolist() == ["open", "waived", "waived", "open"]
    assert told["reason"].tolist() == [
        "old",
        *["old; waived until 2022-12-28 by ann and bob (waiver 1): settled with the bank"] * 2,
        "old; waiver 1 ended on 2022-12-28",
    ]
    long_after = judged([finding(day="2023-02-01")], [waiver()])
    assert (long_after["status"].item(), long_after["reason"].item()) == ("open", "old")


@pytest.mark.parametrize("other", [{"check": "fx_missing"}, {"book": "Q"}, {"book": ""}, {"instrument": "IBM"}])
def test_a_waiver_is_about_what_it_names_exactly(other):
    assert judged([finding(**other)], [waiver()])["status"].tolist() == ["open"]


@pytest.mark.parametrize(
    ("seen", "now", "holds"),
    [
        (-1000.0, 1099.99, True),
        (1000.0, -1100.0, True),
        (1000.0, 1100.01, False),
        (0.0, 0.01, False),
        (None, float("nan"), True),
        (None, 0.0, False),
        (1000.0, float("nan"), False),
    ],
)
def test_a_waiver_holds_for_the_effect_that_was_seen_and_a_tenth_more(seen, now, holds):
    told = judged([finding(impact=now)], [waiver(impact=seen)])
    assert (told["status"].item() == "waived") is holds
    assert ("does not hold" in told["reason"].item()) is not holds


def test_of_several_waivers_the_one_that_holds_counts():
    told = judged([finding(impact=2000.0)], [waiver("1", impact=1000.0, until=D3), waiver("2", impact=2000.0)])
    assert told["status"].item() == "waived"
    assert "(waiver 2)" in told["reason"].item()


def test_an_identity_is_not_waived_whatever_the_records_say():
    told = judged([finding("identity_nav")], [waiver(check="identity_nav")])
    assert (told["status"].item(), told["reason"].item()) == ("open", "old")


def test_the_finding_of_a_break_is_waived_with_it_and_the_sum_by_what_is_left():
    small, large = broken(), broken("cash:P:CASH:EUR:2022-12-27", instrument="CASH:EUR", impact=500.0, bp=30.0)
    found = [
        finding("break_material"),
        finding("break_open", instrument="CASH:USD"),
        finding("break_open", instrument="CASH:EUR"),
    ]
    waived = [waiver("7", "", "P", "CASH:USD", "cash:P:CASH:USD:2022-12-27", impact=1000.0)]
    assert judged(found, waived, [small, large])["status"].tolist() == ["waived", "waived", "open"]
    still = broken("cash:P:CASH:EUR:2022-12-27", instrument="CASH:EUR", impact=900.0, bp=50.1)
    assert judged(found, waived, [small, still])["status"].tolist() == ["open", "waived", "open"]
    other = [waiver("7", "", "Q", "CASH:USD", "cash:Q:CASH:USD:2022-12-27", impact=1000.0)]
    assert judged(found, other, [small, large])["status"].tolist() == ["open"] * 3


def test_a_break_that_grew_counts_again():
    found = [finding("break_material"), finding("break_open", instrument="CASH:USD")]
    waived = [waiver("7", "", "P", "CASH:USD", "cash:P:CASH:USD:2022-12-27", impact=900.0)]
    assert judged(found, waived, [broken()])["status"].tolist() == ["open", "open"]


def test_a_book_judged_alone_is_judged_as_among_others():
    found = [finding(book=book, impact=impact) for book, impact in (("P", 10.0), ("Q", 20.0), ("R", 30.0))]
    terms = [waiver("1", impact=10.0), waiver("2", book="Q", impact=15.0), waiver("3", book="R", impact=30.0)]
    together = judged(found, terms)
    alone = pd.concat([judged([one], terms) for one in found], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)
