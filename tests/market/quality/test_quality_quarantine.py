import pandas as pd

from daybook.market import quality
from tests.frames import sessions
from tests.market.quality.holdings import said


def test_quarantined_rows_of_money_block_from_the_date_they_are_about():
    names = ["file", "line", "column", "reason", "status", "table_name", "business_date"]
    rows = [
        ("p.csv", 3, "close", "not a number", "open", "raw_prices", pd.Timestamp("2020-01-16")),
        ("p.csv", 2, "", "unknown instrument ZZ", "waiting", "raw_prices", pd.Timestamp("2020-01-16")),
        ("p.csv", 1, "close", "negative", "discarded", "raw_prices", pd.NaT),
        ("w.csv", 9, "weight", "negative", "open", "benchmark_weights", pd.NaT),
    ]
    found = quality.open_quarantine(pd.DataFrame(rows, columns=names), sessions("2020-01-15", "2020-01-16"))
    assert said(found) == [
        ["quarantine_raw_prices", "", "", "blocking", "p.csv line 2: unknown instrument ZZ (and 1 more)"],
        ["quarantine_benchmark_weights", "", "", "warning", "w.csv line 9, column weight: negative"],
        ["quarantine_benchmark_weights", "", "", "warning", "w.csv line 9, column weight: negative"],
    ]
    assert found["business_date"].iloc[0] == pd.Timestamp("2020-01-16")
