"""Names of delivered files: what they say, and which are none."""

import pandas as pd
import pytest

from daybook.intake import names
from daybook.intake.names import BadName


def test_a_name_says_table_date_and_suffix():
    found = names.parse("prices_2024-01-05_London close (2).parquet")
    assert (found.table, found.delivered, found.suffix, found.format) == (
        "raw_prices",
        pd.Timestamp("2024-01-05"),
        "London close (2)",
        "parquet",
    )
    assert names.parse("prices_2024-01-05.csv").source == "file"


@pytest.mark.parametrize(
    "name",
    [
        "../../x/prices_2022-12-27.csv",
        "/etc/prices_2022-12-27.csv",
        "prices_2022-12-27_../../x.csv",
        "prices_2022-12-27_a/b.csv",
        r"..\..\prices_2022-12-27.csv",
        r"C:\inbox\prices_2022-12-27.csv",
        r"prices_2022-12-27_a\x00b.csv",  # how a NUL is written out before a name is recorded
    ],
)
def test_a_path_is_no_name(name):
    with pytest.raises(BadName, match="the name is a path"):
        names.parse(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("prices_2022-12-27_a\0b.csv", "characters that cannot be printed"),
        ("prices_2022-12-27_a\nb.csv", "the name is not <table>_<YYYY-MM-DD>"),
        ("prices_2022-12-27_\u202evsc.csv", "characters that cannot be printed"),
        ("prices_2022-12-27_" + "x" * 250 + ".csv", "the name has 272 characters, and at most 255 are read"),
        ("", "the extension is not .csv or .parquet: there is none"),
        (".csv", "the extension is not .csv or .parquet"),
        ("prices_٢٠٢٢-12-27.csv", "bad date"),
        ("prices_2022-12-27.csv.gz", "the extension is not .csv or .parquet: .gz"),
        ("prices_0000-01-01.csv", "bad date"),
    ],
)
def test_what_is_no_name_says_why(name, reason):
    with pytest.raises(BadName, match=reason):
        names.parse(name)
