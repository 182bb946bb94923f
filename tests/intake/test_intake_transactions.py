"""Transactions as delivered: needs and signs by kind, exact scales, markets, cancels, and shadowed dividends."""
# ruff: noqa: E501

import dataclasses
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daybook.intake import names, reading, rows, transactions, values
from tests.frames import frame
from tests.intake.test_intake_rows import ARRIVED, KNOWN, against

COLUMNS = "transaction_id book instrument kind trade_date quantity price currency fees fx_rate settle_date corrects"


def checked(*lines: dict) -> rows.Checked:
    start = {"transaction_id": "T", "book": "B", "kind": "buy", "instrument": "AAPL", "trade_date": "2024-01-05",
             "quantity": "10", "price": "150"}  # fmt: skip
    found = [{**start, "transaction_id": f"T{at}", **line} for at, line in enumerate(lines)]
    text = "\n".join([COLUMNS.replace(" ", ","), *(",".join(row.get(c, "") for c in COLUMNS.split()) for row in found)])
    name = names.parse("transactions_2024-01-05.csv")
    return rows.check(name, reading.read(text.encode(), "csv"), ARRIVED, KNOWN)


MONEY = {"kind": "deposit", "instrument": "", "price": "", "currency": "USD"}


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ({"kind": "gift"}, "kind", "unknown kind; known are buy, sell"),
        ({"kind": ""}, "kind", "missing"),
        ({"book": "X"}, "book", "unknown book"),
        ({"book": ""}, "book", "missing"),
        ({"quantity": ""}, "quantity", "missing: buy needs it"),
        ({"quantity": "0"}, "quantity", "zero"),
        ({"quantity": "0.000000004"}, "quantity", "zero"),
        ({"quantity": "-1"}, "quantity", "negative: the kind tells the direction"),
        ({"quantity": "9e10"}, "quantity", "a quantity of 9e+10 or more"),
        ({"quantity": "1e999999999999999999999"}, "quantity", "not a number"),
        ({"price": ""}, "price", "missing: buy needs it"),
        ({"price": "0"}, "price", "not above zero"),
        ({"price": "-1"}, "price", "not above zero"),
        ({"quantity": "1e9", "price": "9000"}, "price", "quantity x price"),
        ({"quantity": "1e6", "price": "1e6", "fx_rate": "9"}, "price", "quantity x price"),
        ({"fx_rate": "0"}, "fx_rate", "not above zero"),
        ({"fees": "9e12"}, "fees", "an amount of money of 9e+12 or more"),
        ({"instrument": ""}, "instrument", "missing: buy needs it"),
        ({"instrument": "CASH:USD"}, "instrument", "cash is bought and sold by kind fx"),
        ({"trade_date": "2024-01-01"}, "trade_date", "market XNYS was closed on that day"),
        ({"trade_date": "2023-12-26", "instrument": "VOD"}, "trade_date", "market XLON was closed"),
        ({"trade_date": "1989-12-29"}, "trade_date", "before 1990-01-02"),
        ({"trade_date": "2024-01-08"}, "trade_date", "later than the file's date"),
        ({"settle_date": "2024-01-04"}, "settle_date", "settle_date before trade_date"),
        ({**MONEY, "currency": ""}, "currency", "missing: deposit needs it"),
        ({**MONEY, "price": "1"}, "price", "leave empty: the quantity is the amount of money"),
        ({**MONEY, "quantity": "0.0000005"}, "quantity", "zero"),
        ({**MONEY, "quantity": "9e12"}, "quantity", "an amount of money of 9e+12 or more"),
        ({**MONEY, "kind": "interest", "instrument": "CASH:USD"}, "instrument", "leave empty"),
        ({"kind": "fx", "currency": "USD"}, "instrument", "an exchange of currencies buys CASH:<CCY>"),
        ({"kind": "fx", "instrument": "CASH:EUR"}, "currency", "missing: fx needs it"),
        ({"kind": "fx", "instrument": "CASH:EUR", "currency": "EUR"}, "currency", "the currency paid is the one bought"),
        ({"kind": "fx", "instrument": "CASH:EUR", "currency": "USD", "quantity": "-5"}, "quantity", "negative"),
        ({"kind": "fx", "instrument": "CASH:GBX", "currency": "USD"}, "instrument", "GBX is no currency but 1/100 of GBP"),
        ({"instrument": "VOD", "currency": "GBX"}, "currency", "GBX is no currency but 1/100 of GBP: give GBP"),
        ({**MONEY, "currency": "ZAc"}, "currency", "ZAc is no currency but 1/100 of ZAR: give ZAR"),
        ({"kind": "cancel"}, "corrects", "missing: cancel needs it"),
    ],
)  # fmt: skip
def test_a_refused_transaction(line, column, reason):
    found = checked({}, line)
    assert list(found.facts["transaction_id"]) == ["T0"]
    [(at, where, value, why)] = against(found)
    assert (at, where, value) == (
        3,
        column,
        {"quantity": "10", "price": "150", "instrument": "AAPL", **line}.get(column, ""),
    )
    assert reason in why
    assert (found.problems["waits_for"].iloc[0] != "") == (reason == "unknown book")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({}, {"currency": "USD", "fees": Decimal(0), "fx_rate": None, "settle_date": pd.NaT}),
        ({"instrument": "VOD"}, {"currency": "GBP"}),
        ({"instrument": "ODD", "trade_date": "2024-01-01"}, {"currency": "USD"}),
        ({"instrument": "BOND", "quantity": "1e10", "price": "101"}, {"quantity": Decimal(10**10)}),
        ({"fees": "-0.5", "settle_date": "2024-01-31"}, {"fees": Decimal("-0.5")}),
        ({"fees": "-0.0000001"}, {"fees": Decimal(0)}),
        ({**MONEY, "quantity": "-12.3456785"}, {"quantity": Decimal("-12.345678")}),
        ({**MONEY, "trade_date": "2024-01-01"}, {"quantity": Decimal(10)}),
        ({**MONEY, "kind": "dividend", "instrument": "AAPL"}, {"instrument": "AAPL"}),
        ({"kind": "fx", "instrument": "CASH:EUR", "currency": "USD", "price": "1.1"}, {"price": Decimal("1.1")}),
        ({"kind": "transfer_in", "price": "", "trade_date": "2024-01-06"}, None),
        ({"kind": "transfer_in", "price": "", "trade_date": "2024-01-01"}, {"currency": "USD", "price": None}),
    ],
)  # fmt: skip
def test_a_good_transaction(line, expected):
    found = checked(line)
    if expected is None:
        assert against(found)[0][1] == "trade_date"
        return
    assert against(found) == []
    [row] = found.facts.to_dict("records")
    assert {column: row[column] for column in expected if expected[column] is not pd.NaT} == {
        column: value for column, value in expected.items() if value is not pd.NaT
    }


def test_cancels_and_corrections_follow_within_a_file():
    found = checked(
        {"corrects": "T3"},
        {
            "kind": "cancel",
            "corrects": "T0",
            "book": "",
            "trade_date": "",
            "instrument": "",
            "quantity": "",
            "price": "",
        },
        {"corrects": "T2"},
        {},
        {"corrects": "T5"},
        {"quantity": "x"},
    )
    assert list(found.facts["transaction_id"]) == ["T0", "T1", "T3"]
    cancel = found.facts.iloc[1]
    assert (cancel["book"], cancel["instrument"], cancel["trade_date"]) == ("B", "AAPL", pd.Timestamp("2024-01-05"))
    assert [(line, column, why) for line, column, _, why in against(found)] == [
        (4, "corrects", "unknown transaction"),
        (6, "corrects", "unknown transaction"),
        (7, "quantity", "not a number"),
    ]
    assert list(found.problems["waits_for"]) == ["transaction:T2", "transaction:T5", ""]


ACTIONS = frame(
    "corporate_actions", "action_id instrument kind ex_date pay_date status",
    ("A1", "AAPL", "cash_dividend", "2024-01-08", "2024-01-15", "confirmed"),
    ("A2", "VOD", "split", "2024-01-08", "2024-01-08", "confirmed"),
    ("A3", "BOND", "cash_dividend", "2024-01-08", "2024-01-15", "cancelled"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("instrument", "kind", "day", "action_id", "expected"),
    [
        ("AAPL", "dividend", "2024-01-08", "", True),
        ("AAPL", "dividend", "2024-01-15", "", True),
        ("AAPL", "dividend", "2024-01-09", "", False),
        ("AAPL", "dividend", "2024-01-08", "A1", False),
        ("AAPL", "interest", "2024-01-08", "", False),
        ("", "dividend", "2024-01-08", "", False),
        ("VOD", "dividend", "2024-01-08", "", False),
        ("BOND", "dividend", "2024-01-08", "", False),
    ],
)
def test_which_dividends_an_action_posts_by_itself(instrument, kind, day, action_id, expected):
    log = pd.DataFrame(
        {
            "instrument": [instrument],
            "kind": kind,
            "trade_date": pd.Timestamp(day).as_unit("us"),
            "action_id": action_id,
        }
    )
    assert list(transactions.shadowed(log, ACTIONS)) == [expected]


@given(st.integers(-(10**30), 10**30), st.integers(0, 30))
def test_shorten_is_the_nearest_value_and_even_between_two(number, exponent):
    value = Decimal(number).scaleb(-exponent)
    if abs(value) >= Decimal("9e10"):
        return
    found = values.shorten(value, 8)
    distance = abs(found - value) * 2
    assert found.as_tuple().exponent == -8
    assert distance <= Decimal("1e-8")
    assert distance < Decimal("1e-8") or int(found.scaleb(8)) % 2 == 0
    assert not (found == 0 and found.is_signed())


def test_a_trade_does_not_take_a_minor_unit_from_its_instrument_and_one_of_before_can_be_cancelled():
    instruments = frame("instruments", "instrument currency exchange", ("OLD", "GBX", "XNYS"))
    log = frame("transactions", "transaction_id book instrument kind trade_date currency",
                ("T", "B", "OLD", "buy", "2024-01-04", "GBX"))  # fmt: skip
    known = dataclasses.replace(KNOWN, instruments=instruments, transactions=log)
    name = names.parse("transactions_2024-01-05.csv")
    text = "transaction_id,book,instrument,kind,trade_date,quantity,price,corrects\n"
    text += "U,B,OLD,buy,2024-01-05,1,1,\nV,,,cancel,,,,T\n"
    found = rows.check(name, reading.read(text.encode(), "csv"), ARRIVED, known)
    [(line, column, value, reason)] = against(found)
    assert (line, column, value) == (2, "currency", "")
    assert reason.startswith("GBX is no currency")
    assert found.facts["transaction_id"].tolist() == ["V"]
