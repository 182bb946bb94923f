"""Bad input of the books: each kind with its own error at its own column, and what its row waits for.

What is merely unusual is taken: the last test of each pair is the good row next to the bad one.
"""
# ruff: noqa: E501

import dataclasses

import pandas as pd
import pytest

from daybook.intake import names, reading, rows
from tests.frames import frame
from tests.intake.test_intake_rows import ARRIVED, KNOWN, against

HEAD = "transaction_id,book,instrument,kind,trade_date,settle_date,quantity,price,currency,cost,share_class,corrects"
INSTRUMENTS = frame(
    "instruments", "instrument currency exchange multiplier asset_class",
    ("AAPL", "USD", "XNYS", 1.0, "equity"), ("VOD", "GBP", "XLON", 1.0, "equity"), ("BARE", "", "", 1.0, "equity"),
    ("ES", "USD", "XCME", 50.0, "future"), ("CALL", "USD", "XCBO", 100.0, "option"), ("BOND", "USD", "XNYS", 1.0, "bond"),
)  # fmt: skip


def logged(*ids_kinds_corrects):
    """A log of such transactions, all of one file."""
    found = frame("transactions", "transaction_id kind corrects", *ids_kinds_corrects)
    lines = range(2, len(found) + 2)
    return found.assign(
        book="B", instrument="AAPL", currency="USD", trade_date=pd.Timestamp("2024-01-04").as_unit("us"),
        known_at=ARRIVED, recorded_at=ARRIVED, delivery=1, line=lines, file="old.csv",
    )  # fmt: skip


def taken(*lines: dict, log: pd.DataFrame = KNOWN.transactions) -> rows.Checked:
    start = {
        "book": "B",
        "kind": "buy",
        "instrument": "AAPL",
        "trade_date": "2024-01-05",
        "quantity": "10",
        "price": "150",
    }
    found = [{**start, "transaction_id": f"T{at}", **line} for at, line in enumerate(lines)]
    text = "\n".join([HEAD, *(",".join(row.get(column, "") for column in HEAD.split(",")) for row in found)])
    known = dataclasses.replace(KNOWN, instruments=INSTRUMENTS, transactions=log)
    return rows.check(names.parse("transactions_2024-01-05.csv"), reading.read(text.encode(), "csv"), ARRIVED, known)


MONEY = {"book": "FUND", "kind": "subscription", "instrument": "", "price": "", "currency": "USD", "share_class": "A"}
BAD = [
    ({"book": "GHOST"}, "book", "GHOST", "unknown book", "book:GHOST"),
    ({"instrument": "GHOST"}, "instrument", "GHOST", "unknown instrument", "instrument:GHOST"),
    ({"quantity": "0"}, "quantity", "0", "zero", ""),
    ({"instrument": "ES", "quantity": "100000000"}, "quantity", "100000000", "absurd: no one trades 1e+08 contracts of futures at once", ""),
    ({"instrument": "CALL", "quantity": "1e8", "price": "0.01"}, "quantity", "1e8", "absurd: no one trades 1e+08 contracts of options at once", ""),
    ({"quantity": "9e10", "price": "0.01"}, "quantity", "9e10", "a quantity of 9e+10 or more cannot be kept exactly", ""),
    ({"quantity": "-10"}, "quantity", "-10", "negative: the kind tells the direction, the quantity is positive", ""),
    ({"kind": "sell", "quantity": "-10"}, "quantity", "-10", "negative: the kind tells the direction, the quantity is positive", ""),
    ({"price": "-150"}, "price", "-150", "not above zero", ""),
    ({"kind": "transfer_in", "cost": "-1"}, "cost", "-1", "negative: what is transferred in was paid for", ""),
    ({"currency": "EUR"}, "currency", "EUR", "another currency than the instrument's, USD", ""),
    ({"kind": "expiry", "instrument": "CALL", "price": "", "currency": "EUR"}, "currency", "EUR", "another currency than the instrument's, USD", ""),
    ({"instrument": "VOD", "currency": "USD"}, "currency", "USD", "another currency than the instrument's, GBP", ""),
    ({"settle_date": "2024-01-04"}, "settle_date", "2024-01-04", "settle_date before trade_date", ""),
    ({"share_class": "A"}, "share_class", "A", "a share class of another book", ""),
    ({**MONEY, "book": "SOLO", "share_class": "A"}, "share_class", "A", "a share class of another book", ""),
    ({**MONEY, "share_class": "ZZ"}, "share_class", "ZZ", "unknown share class", "share_class:ZZ"),
    ({**MONEY, "share_class": ""}, "share_class", "", "it names no share class, and book FUND has A, I", ""),
    ({**MONEY, "kind": "transfer_in", "instrument": "AAPL", "share_class": ""}, "share_class", "", "it names no share class, and book FUND has A, I", ""),
    ({**MONEY, "share_class": "OLD"}, "share_class", "OLD", "share class OLD of book FUND is not in force on 2024-01-05", ""),
    ({**MONEY, "share_class": "NEXT"}, "share_class", "NEXT", "share class NEXT of book FUND is not in force on 2024-01-05", ""),
    ({"corrects": "GHOST"}, "corrects", "GHOST", "unknown transaction", "transaction:GHOST"),
    ({"corrects": "T1"}, "corrects", "T1", "unknown transaction", "transaction:T1"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "column", "value", "reason", "waits_for"), BAD)
def test_a_bad_row_is_refused_alone_and_says_why(line, column, value, reason, waits_for):
    found = taken({}, line, {})
    assert list(found.facts["transaction_id"]) == ["T0", "T2"]
    assert against(found) == [(3, column, value, reason)]
    assert list(found.problems["waits_for"]) == [waits_for]
    assert found.problems["row"].iloc[0]["transaction_id"] == "T1"


@pytest.mark.parametrize(
    "line",
    [
        {"instrument": "ES", "quantity": "99999999", "price": "0.01"},
        {"quantity": "8.9e10", "price": "0.01"},
        {"instrument": "BOND", "quantity": "8.9e10", "price": "0.01"},
        {"kind": "sell", "quantity": "10"},
        {"kind": "transfer_out", "cost": "-1"},
        {"currency": "USD"},
        {"currency": ""},
        {"instrument": "BARE", "currency": "CHF"},
        {"kind": "dividend", "price": "", "currency": "EUR"},
        {"kind": "interest", "price": "", "currency": "USD", "quantity": "-10"},
        {"settle_date": "2024-01-05"},
        {"settle_date": "2024-03-05"},
        MONEY,
        {**MONEY, "share_class": "", "trade_date": "2023-12-29"},  # before the first class there is nothing to deal in
        {**MONEY, "share_class": "", "book": "SOLO"},
        {**MONEY, "share_class": "", "book": "B", "kind": "deposit"},
        {**MONEY, "share_class": "", "kind": "interest"},
        {"book": "FUND"},
    ],
)
def test_an_unusual_row_is_good(line):
    assert against(taken(line)) == []


LOG = logged(("A", "buy", ""), ("B", "buy", "A"), ("C", "buy", ""), ("D", "cancel", "C"), ("E", "buy", ""))
GONE = "; a correction names the transaction that is in force"
CANCEL = {"kind": "cancel", "quantity": "", "price": ""}


@pytest.mark.parametrize(
    ("lines", "reasons"),
    [
        # a correction may be corrected and cancelled in turn
        ([{"corrects": "B"}], {}),
        ([{**CANCEL, "corrects": "B"}], {}),
        ([{"corrects": "E"}, {"corrects": "T0"}, {**CANCEL, "corrects": "T1"}], {}),
        # the one that it replaced may not be corrected again
        ([{"corrects": "A"}], {2: "A is replaced by B (old.csv line 3)" + GONE}),
        ([{**CANCEL, "corrects": "A"}], {2: "A is replaced by B (old.csv line 3)" + GONE}),
        ([{"transaction_id": "A", "corrects": "A"}], {2: "A is replaced by B (old.csv line 3)" + GONE}),
        ([{"corrects": "C"}], {2: "C is cancelled by D (old.csv line 5)" + GONE}),
        ([{**CANCEL, "corrects": "C"}], {2: "C is cancelled by D (old.csv line 5)" + GONE}),
        # unless what removed it is cancelled
        ([{**CANCEL, "corrects": "D"}, {"corrects": "C"}], {}),
        ([{"corrects": "D"}], {2: "it names a cancel, which only another cancel takes back"}),
        # two of one file contradict each other
        ([{"corrects": "E"}, {}, {"corrects": "E"}],
         {2: "E is replaced by T2 (line 4)" + GONE, 4: "E is replaced by T0 (line 2)" + GONE}),
        ([{"corrects": "E"}, {**CANCEL, "corrects": "E"}],
         {2: "E is cancelled by T1 (line 3)" + GONE, 3: "E is replaced by T0 (line 2)" + GONE}),
        ([{"corrects": "T1"}, {"corrects": "T0"}, {}],
         dict.fromkeys((2, 3), "corrections that name one another in a circle")),
        ([{"transaction_id": "E", "corrects": "E"}], {}),
    ],
)  # fmt: skip
def test_what_may_be_corrected(lines, reasons):
    found = taken(*lines, log=LOG)
    assert {line: why for line, _, _, why in against(found)} == reasons
    assert set(found.problems["column"]) <= {"corrects"}
    assert set(found.problems["waits_for"]) <= {""}
    assert len(found.facts) == len(lines) - len(reasons)


def test_what_corrects_a_refused_correction_waits_for_it():
    found = taken({"corrects": "A"}, {"corrects": "T0"}, log=LOG)
    assert list(found.problems["waits_for"]) == ["", "transaction:T0"]


def test_the_same_id_with_other_content_is_refused_and_with_the_same_ignored():
    log = logged(("T", "buy", "")).assign(quantity=None, price=None)
    found = taken({"transaction_id": "T", "quantity": "11"}, log=log)
    [(line, column, value, reason)] = against(found)
    assert (line, column, value) == (2, "transaction_id", "T")
    assert (
        reason
        == "the id stands for a transaction with other content (old.csv line 2); a correction names it in corrects"
    )
    again = taken({"transaction_id": "T"}, {"transaction_id": "T", "quantity": "12"})
    assert [(line, column) for line, column, *_ in against(again)] == [(2, "transaction_id"), (3, "transaction_id")]
    assert "the same key with other content in lines 2, 3" in against(again)[0][3]
    one = taken({"transaction_id": "T"}, {"transaction_id": "T"})
    assert (len(one.facts), against(one)) == (1, [])


@pytest.mark.parametrize(
    ("kind", "column"),
    [("split", "numerator"), ("split", "denominator"), ("stock_dividend", "numerator"), ("rights", "denominator"),
     ("cash_dividend", "amount"), ("return_of_capital", "amount"), ("spin_off", "numerator")],
)  # fmt: skip
def test_an_action_without_a_rate_is_refused(kind, column):
    needed = {"numerator": "2", "denominator": "1", "amount": "1.5", "new_instrument": "VOD"}
    head = "action_id,instrument,kind,ex_date,numerator,denominator,amount,new_instrument"
    line = ["A", "AAPL", kind, "2024-01-05", *("" if name == column else value for name, value in needed.items())]
    sheet = reading.read(f"{head}\n{','.join(line)}\n".encode(), "csv")
    found = rows.check(names.parse("corporate_actions_2024-01-05.csv"), sheet, ARRIVED, KNOWN)
    assert found.facts.empty
    assert against(found) == [(2, column, "", f"missing: a {kind} needs it")]
