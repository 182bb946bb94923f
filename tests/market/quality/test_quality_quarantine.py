import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.market.quality import impact, quarantine
from tests.frames import frame, sessions
from tests.market.quality.holdings import DAYS, NAV, D, held, prices, said

NAMES = ["file", "line", "column", "value", "reason", "status", "table_name", "business_date", "row"]
IDENTIFIERS = frame(
    "identifiers", "instrument scheme exchange value valid_from", ("A", "isin", "", "US0000000001", "2019-01-01")
)


def waiting(*rows):
    return pd.DataFrame([dict(zip(NAMES, row, strict=True)) for row in rows], columns=NAMES)


def price(row, line=3, day=D, status="open", table="raw_prices"):
    return ("p.csv", line, "close", "v", "why", status, table, day, row)


def found(*rows, days=(D,), valuations=None):
    valuations = held(("A", -10.0, -1000.0), ("B", 1.0, 50.0)) if valuations is None else valuations
    golden = prices(("A", "stale", "raw"), ("B", "ok", "raw"))
    return quarantine.open_quarantine(waiting(*rows), sessions(*days), valuations, golden, IDENTIFIERS)


def test_rows_of_money_block_from_the_date_they_are_about_and_others_warn():
    rows = found(
        ("t.csv", 3, "quantity", "x", "not a number", "open", "transactions", DAYS[-2], {}),
        ("t.csv", 2, "", "", "unknown instrument ZZ", "waiting", "transactions", DAYS[-2], {"instrument": "ZZ"}),
        ("t.csv", 1, "quantity", "-1", "negative", "discarded", "transactions", pd.NaT, {}),
        ("w.csv", 9, "weight", "-1 \n" + "0" * 40, "negative", "open", "benchmark_weights", pd.NaT, {}),
        days=(DAYS[-3], DAYS[-2]),
    )
    assert said(rows) == [
        ["quarantine_transactions", "", "", "blocking", "t.csv line 2: unknown instrument ZZ (and 1 more)"],
        [
            "quarantine_benchmark_weights",
            "",
            "",
            "warning",
            "w.csv line 9, column weight: negative (-1 " + "0" * 37 + "...)",
        ],
        [
            "quarantine_benchmark_weights",
            "",
            "",
            "warning",
            "w.csv line 9, column weight: negative (-1 " + "0" * 37 + "...)",
        ],
    ]
    assert rows["business_date"].tolist() == [DAYS[-2], DAYS[-3], DAYS[-2]]


@pytest.mark.parametrize(
    ("row", "impact"),
    [
        ({"instrument": "A", "close": "103"}, 30.0),
        ({"instrument": "A", "close": "90"}, 100.0),
        ({"instrument": "A", "close": "-100"}, 2000.0),
        ({"instrument": "A", "close": "10300", "currency": "GBX"}, 30.0),
        ({"isin": "US0000000001", "close": "103"}, 30.0),
        ({"instrument": "A", "close": "1o3"}, np.nan),
        ({"instrument": "A"}, np.nan),
    ],
)
def test_a_price_of_a_holding_counts_by_what_it_would_change(row, impact):
    rows = found(price(row))
    reason = "p.csv line 3, column close: why (v)"
    assert said(rows) == [["quarantine_raw_prices", "P", "A", "by impact", reason]]
    assert rows["impact_base"].tolist() == pytest.approx([impact], nan_ok=True)


def test_several_rows_about_one_holding_are_one_finding_the_gravest_first():
    small, large = {"instrument": "A", "close": "101"}, {"instrument": "A", "close": "105"}
    rows = found(price(large, 2), price(small, 3), price({"instrument": "B", "close": "101"}, 4, pd.NaT))
    assert rows["instrument"].tolist() == ["A", "B"]
    assert rows["reason"].tolist()[0] == "p.csv line 2, column close: why (v) (and 1 more)"
    assert rows["impact_base"].tolist() == pytest.approx([50.0, 0.5])
    worst = found(price(large, 2), price({"instrument": "A", "close": "?"}, 3))
    assert np.isnan(worst["impact_base"].tolist()[0]), "one that cannot be told is the gravest"


def test_prices_that_no_book_is_valued_by_warn():
    for row in ({"instrument": "C", "close": "1"}, {"isin": "US0000000002", "close": "1"}):
        assert said(found(price(row)))[0][:4] == ["quarantine_raw_prices", "", "", "warning"]
    yesterday = found(price({"instrument": "A", "close": "1"}, day=DAYS[-2]))
    assert said(yesterday)[0][:4] == ["quarantine_raw_prices", "", "", "warning"], "today has its own price"
    tomorrow = found(price({"instrument": "A", "close": "1"}), days=(DAYS[-2],))
    assert tomorrow.empty


def test_a_price_of_nobody_knows_what_blocks():
    assert said(found(price({"close": "1"})))[0][:4] == ["quarantine_raw_prices", "", "", "blocking"]
    assert said(found(price({})))[0][:4] == ["quarantine_raw_prices", "", "", "blocking"]


def test_rows_that_name_nothing_and_rows_of_nobody_are_told_together():
    rows = found(price({"close": "1"}, 2), price({"instrument": "C", "close": "1"}, 3))
    table = impact.collect([rows], NAV, tables.empty("close_rules"))
    assert table[["check", "book", "instrument", "severity"]].to_numpy().tolist() == [
        ["quarantine_raw_prices", "", "", "blocking"]
    ]
    assert table["reason"].str.contains("line 2.*line 3").all()
