import pandas as pd

from daybook.market import quality
from tests.frames import frame
from tests.market.quality.holdings import held, said


def series(name, *dates):
    return pd.DataFrame({"instrument": "", "series": name, "observed_on": pd.to_datetime(list(dates)), "value": 1.0})


def test_a_series_that_ended_is_told_and_a_slow_one_is_not():
    known = pd.concat(
        [
            series("monthly", "2022-08-31", "2022-09-30", "2022-10-31"),
            series("ended", "2022-01-31", "2022-02-28", "2022-03-31"),
            series("daily", "2022-12-14", "2022-12-15", "2022-12-16"),
            series("lone", "2020-01-31"),
        ],
        ignore_index=True,
    )
    found = quality.ended_series(known, pd.DatetimeIndex(["2022-12-27"]))
    assert found["instrument"].tolist() == ["daily", "ended"]
    assert found["reason"].str[-10:].tolist() == ["2022-12-16", "2022-03-31"]
    assert set(found["severity"]) == {"info"}


def test_an_identifier_with_a_wrong_check_digit_is_told_when_its_instrument_is_held():
    known = frame(
        "identifiers",
        "instrument scheme exchange value valid_from valid_to",
        ("A", "isin", "", "US0378331006", "2019-01-01", None),
        ("A", "cusip", "", "037833100", "2019-01-01", None),
        ("A", "sedol", "", "B0YBKJ1", "2019-01-01", "2019-12-31"),
        ("L", "isin", "", "US0378331006", "2019-01-01", None),
        ("A", "ticker", "XNYS", "US0378331006", "2019-01-01", None),
    )
    found = quality.identifier_forms(known, held(("A", 10.0, 100.0)))
    reason = "US0378331006 is not an ISIN: its check digit is 6, expected 5"
    assert said(found) == [["identifier_isin", "", "A", "warning", reason]]
    assert quality.identifier_forms(known, held()).empty


def test_two_that_claim_one_identifier_on_one_date_are_told():
    known = frame(
        "identifiers",
        "instrument scheme exchange value valid_from valid_to",
        ("A", "ticker", "XNYS", "T", "2019-01-01", "2022-12-27"),
        ("B", "ticker", "XNYS", "T", "2022-12-27", None),
        ("C", "ticker", "XNYS", "T", "2022-12-27", None),
        ("A", "isin", "XLON", "US0378331005", "2019-01-01", None),
        ("B", "isin", "XNYS", "US0378331005", "2019-01-01", None),  # a listing elsewhere
        ("A", "cik", "XNYS", "320193", "2019-01-01", None),
        ("B", "cik", "XNYS", "320193", "2019-01-01", None),  # two classes of one company
    )
    found = quality.identifier_overlaps(known, pd.DatetimeIndex(["2022-12-23", "2022-12-27", "2022-12-28"]))
    assert found[["business_date", "instrument", "reason"]].to_numpy().tolist() == [
        [pd.Timestamp("2022-12-27"), "A", "ticker T on XNYS is claimed by B too (and 1 more)"],
        [pd.Timestamp("2022-12-27"), "B", "ticker T on XNYS is claimed by C too"],
        [pd.Timestamp("2022-12-28"), "B", "ticker T on XNYS is claimed by C too"],
    ]
    assert set(found["check"] + found["severity"]) == {"identifier_overlapwarning"}
    assert quality.identifier_overlaps(known[:0], pd.DatetimeIndex(["2022-12-27"])).empty
