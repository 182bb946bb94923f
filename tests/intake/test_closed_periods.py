"""Closed periods: ann signed Thursday 4 January 2024 of book B; what is then dated up to it is restated, posted forward
to Friday the 5th, or refused. Book SOLO is open."""
# ruff: noqa: E501

import dataclasses

import pandas as pd
import pytest

from daybook.intake import names, reading, rows
from daybook.intake.changes import affects_from
from tests.frames import frame
from tests.intake.test_intake_rows import ARRIVED, KNOWN

HEAD = "transaction_id,book,instrument,kind,trade_date,quantity,price,currency,corrects"
CLOSES = frame("closes", "book business_date version signed_by status", ("B", "2024-01-04", 2, "ann", "restated"))
INSTRUMENTS = frame(
    "instruments", "instrument currency exchange multiplier asset_class maturity_date",
    ("AAPL", "USD", "XNYS", 1.0, "equity", pd.NaT), ("CALL", "USD", "XCBO", 100.0, "option", "2024-01-05"),
)  # fmt: skip
LOG = frame(
    "transactions", "transaction_id book instrument kind trade_date booked_on corrects",
    ("IN", "B", "AAPL", "buy", "2024-01-03", pd.NaT, ""), ("FWD", "B", "AAPL", "buy", "2024-01-03", "2024-01-05", ""),
    ("GONE", "B", "AAPL", "buy", "2024-01-03", pd.NaT, ""), ("UNDO", "B", "AAPL", "cancel", "2024-01-03", pd.NaT, "GONE"),
).assign(known_at=ARRIVED, recorded_at=ARRIVED, delivery=1, line=2, file="old.csv", currency="USD")  # fmt: skip
SIGNED = "2024-01-03 is in a closed period of B: ann signed 2024-01-04 as version 2"


def taken(policy: str, *lines: str, **known: pd.DataFrame) -> rows.Checked:
    rules = frame("close_rules", "book valid_from closed_period", ("", "2020-01-01", policy))
    told = {"closes": CLOSES, "close_rules": rules, "instruments": INSTRUMENTS, "transactions": LOG, **known}
    reference = dataclasses.replace(KNOWN, **told)
    sheet = reading.read("\n".join([HEAD, *lines]).encode(), "csv")
    return rows.check(names.parse("transactions_2024-01-05.csv"), sheet, ARRIVED, reference)


def booked(found: rows.Checked) -> dict[str, str]:
    return dict(zip(found.facts["transaction_id"], found.facts["booked_on"].dt.strftime("%Y-%m-%d"), strict=True))


def told(found: rows.Checked) -> list[tuple[str, ...]]:
    return list(found.problems[["line", "column", "value", "reason"]].itertuples(index=False, name=None))


LATE = "T1,B,AAPL,buy,2024-01-03,10,150,USD,"
NEW = ("T2,B,AAPL,buy,2024-01-05,10,150,USD,", "T3,SOLO,AAPL,buy,2024-01-03,10,150,USD,")


@pytest.mark.parametrize(("policy", "on"), [("restate", None), ("post", "2024-01-05")])
def test_what_is_dated_into_the_closed_period_counts_on_its_date_or_after_it(policy, on):
    found = taken(policy, LATE, *NEW)
    assert booked(found) == pytest.approx(
        {"T1": on or float("nan"), "T2": float("nan"), "T3": float("nan")}, nan_ok=True
    )
    assert affects_from("transactions", found.facts[:1], LOG[:0]) == pd.Timestamp(on or "2024-01-03")


def test_what_is_refused_names_the_close_and_what_to_do():
    found = taken("refuse", LATE, *NEW)
    to_do = "; daybook quarantine release lets it in once close_rules declare another closed_period for 2024-01-05"
    assert told(found) == [(2, "trade_date", "2024-01-03", SIGNED + to_do)]
    assert list(found.facts["transaction_id"]) == ["T2", "T3"]


def test_the_policy_is_that_of_the_first_session_after_the_closed_period():
    rules = frame(
        "close_rules", "book valid_from closed_period",
        ("", "2020-01-01", "refuse"), ("B", "2020-01-01", "refuse"), ("B", "2024-01-05", "post"), ("", "2024-01-08", "restate"),
    )  # fmt: skip
    assert booked(taken("restate", LATE, close_rules=rules)) == {"T1": "2024-01-05"}


def test_without_a_close_or_on_the_day_after_it_nothing_is_judged():
    assert booked(taken("post", LATE, closes=CLOSES[:0])) == pytest.approx({"T1": float("nan")}, nan_ok=True)
    weekend = "T1,B,,deposit,2024-01-06,10,,USD,"  # booked on Monday the 8th, after a close of Friday
    friday = CLOSES.assign(business_date=pd.Timestamp("2024-01-05"))
    sheet = reading.read("\n".join([HEAD, weekend]).encode(), "csv")
    known = dataclasses.replace(KNOWN, closes=friday)
    found = rows.check(names.parse("transactions_2024-01-08.csv"), sheet, pd.Timestamp("2024-01-08T22:00Z"), known)
    assert found.problems.empty
    assert found.facts["booked_on"].isna().all()


@pytest.mark.parametrize("policy", ["post", "refuse"])
@pytest.mark.parametrize("row", ["C,B,,cancel,,,,,IN", "C,B,AAPL,buy,2024-01-05,10,151,USD,IN", "C,B,,cancel,,,,,UNDO"])
def test_what_counts_in_the_closed_period_is_neither_taken_away_nor_brought_back(policy, row):
    (line, column, value, reason) = told(taken(policy, row))[0]
    assert (line, column, value) == (2, "corrects", row.rsplit(",", 1)[1])
    assert reason.startswith(SIGNED + f": {value} counts in it")


def test_under_restate_a_cancel_takes_it_away():
    found = taken("restate", "C,B,,cancel,,,,,IN")
    assert found.problems.empty
    assert affects_from("transactions", found.facts, LOG[:1]) == pd.Timestamp("2024-01-03")


@pytest.mark.parametrize("row", ["C,B,,cancel,,,,,FWD", "C,B,AAPL,buy,2024-01-03,10,151,USD,FWD"])
def test_what_was_posted_forward_is_taken_back_where_it_was_booked(row):
    found = taken("post", row)
    assert booked(found) == {"C": "2024-01-05"}
    assert affects_from("transactions", found.facts, LOG[1:2]) == pd.Timestamp("2024-01-05")


def test_a_transaction_and_its_correction_in_one_file_are_both_posted_forward():
    found = taken("post", LATE, "C,B,AAPL,buy,2024-01-03,10,151,USD,T1")
    assert booked(found) == {"T1": "2024-01-05", "C": "2024-01-05"}


def test_units_that_an_action_changed_or_that_matured_in_between_are_not_posted_forward():
    split = frame(
        "corporate_actions",
        "action_id instrument kind ex_date status",
        ("S", "AAPL", "split", "2024-01-05", "confirmed"),
    )
    found = taken("post", LATE, "T4,B,CALL,sell,2024-01-03,1,2,USD,", corporate_actions=split)
    reasons = [row[3] for row in told(found)]
    assert reasons == [
        SIGNED + ": split S of 2024-01-05 came before 2024-01-05, so these units cannot be booked then",
        SIGNED + ": it matured on 2024-01-05",
    ]
    assert booked(taken("post", LATE, corporate_actions=split.assign(ex_date=pd.Timestamp("2024-01-03")))) == {
        "T1": "2024-01-05"
    }


def test_the_same_transaction_again_is_known_wherever_it_was_booked():
    again = "FWD,B,AAPL,buy,2024-01-03,,,USD,"
    log = LOG.assign(fees=0, taxes=0, quantity=None, price=None)
    found = taken("post", again.replace(",,,", ",1,1,"), transactions=log.assign(quantity=1, price=1))
    assert found.known == ("FWD",)
    assert found.problems.empty
