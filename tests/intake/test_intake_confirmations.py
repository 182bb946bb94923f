"""Transactions in the records of custodians and brokers: needs and signs, line by line."""

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.intake import reading, rows
from daybook.intake.draft import Reference
from daybook.intake.names import parse
from tests.frames import frame

KNOWN = {
    "books": frame("books", "book", ("P",)),
    "instruments": frame(
        "instruments",
        "instrument asset_class multiplier currency",
        ("A", "equity", 1.0, "USD"),
        ("B", "bond", 1.0, "USD"),
    ),
    "identifiers": frame("identifiers", "instrument scheme value", ("A", "isin", "US0378331005")),
}
NAMES = ("accounts", "corporate_actions", "transactions", "share_classes", "closes", "close_rules")
REFERENCE = Reference(**KNOWN, **{name: tables.empty(name) for name in NAMES})
HEADER = "business_date,book,reference,instrument,kind,trade_date,settle_date,quantity,price,net_amount,currency"


def checked(*lines, table="custodian_transactions", header=HEADER):
    name = parse(f"{table}_2020-01-08_bank.csv")
    sheet = reading.read("\n".join([header, *lines, ""]).encode(), name.format)
    return rows.check(name, sheet, pd.Timestamp("2020-01-08 22:00", tz="UTC"), REFERENCE)


def test_good_lines_are_facts_with_source_currency_and_date():
    found = checked(
        "2020-01-08,P,1,A,buy,2020-01-08,2020-01-10,100,20,-2005,",
        "2020-01-08,P,2,A,sell,2020-01-08,,100,,2000,USD",
        "2020-01-08,P,3,,fee,,,30,,,USD",
        "2020-01-08,P,4,,fee,,,-30,,30,USD",
        "2020-01-08,P,5,CASH:EUR,fx,2020-01-08,,100,1.1,-110,USD",
        "2020-01-08,P,6,A,sell,2020-01-08,,1,3,-7,USD",
    )
    assert found.problems.empty
    facts = found.facts
    assert facts["source"].unique().tolist() == ["bank"]
    assert facts["currency"].unique().tolist() == ["USD"]
    assert facts["trade_date"].notna().all()
    assert facts["net_amount"].tolist()[:2] == [-2005.0, 2000.0]
    assert np.isnan(facts["net_amount"][2])


def test_an_instrument_is_found_by_its_isin():
    found = checked(
        "2020-01-08,P,1,US0378331005,buy,2020-01-08,100,20",
        table="broker_transactions",
        header="business_date,book,reference,isin,kind,trade_date,quantity,price",
    )
    assert found.facts[["instrument", "currency"]].to_numpy().tolist() == [["A", "USD"]]


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("A,buy,2020-01-08,,100,20,2005,USD", "net_amount", "contradicts the kind"),
        ("A,sell,2020-01-08,,100,20,-2005,USD", "net_amount", "contradicts the kind"),
        ("B,sell,2020-01-08,,100,90,-50,USD", "net_amount", "contradicts the kind"),  # a bond's price is per 100
        (",fee,2020-01-08,,30,,30,USD", "net_amount", "contradicts the kind"),
        (",dividend,2020-01-08,,-30,,30,USD", "net_amount", "contradicts the kind"),
        ("A,buy,2020-01-08,,-100,20,-2005,USD", "quantity", "negative"),
        ("A,buy,2020-01-08,,0,20,-2005,USD", "quantity", "zero"),
        ("A,buy,2020-01-08,,,20,-2005,USD", "quantity", "a trade needs it"),
        (",buy,2020-01-08,,100,20,-2005,USD", "instrument", "a trade needs it"),
        ("A,buy,2020-01-08,,100,,,USD", "net_amount", "neither net_amount nor price"),
        (",fee,2020-01-08,,,,,USD", "net_amount", "neither net_amount nor quantity"),
        (",fee,2020-01-08,,30,,,", "currency", "money needs it"),
        ("CASH:USD,fee,2020-01-08,,30,,,USD", "instrument", "leave empty"),
        ("CASH:EUR,buy,2020-01-08,,30,1,-30,USD", "instrument", "by kind fx"),
        ("A,fx,2020-01-08,,30,1,-30,USD", "instrument", "buys CASH:<CCY>"),
        ("A,gift,2020-01-08,,30,1,-30,USD", "kind", "unknown kind"),
        ("A,buy,2020-01-09,,30,1,-30,USD", "trade_date", "later than the file's date"),
        ("A,buy,2020-01-08,2020-01-07,30,1,-30,USD", "settle_date", "settle_date before trade_date"),
        ("Z,buy,2020-01-08,,30,1,-30,USD", "instrument", "unknown instrument"),
    ],
)
def test_bad_lines_are_refused_by_column(line, column, reason):
    found = checked(f"2020-01-08,P,1,{line}")
    assert found.facts.empty
    assert column in found.problems["column"].tolist()
    assert reason in " ".join(found.problems["reason"])


def test_match_keys_are_columns_of_transactions():
    name = parse("reconciliations_2020-01-08.csv")
    text = "reconciliation,theirs_table,match_keys,valid_from\nr,broker_transactions,book colour,2020-01-01\n"
    found = rows.check(
        name, reading.read(text.encode(), name.format), pd.Timestamp("2020-01-08 22:00", tz="UTC"), REFERENCE
    )
    assert found.problems["column"].tolist() == ["match_keys"]
