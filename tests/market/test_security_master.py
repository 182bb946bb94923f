import pandas as pd

from daybook.market import security_master
from tests.frames import frame, sessions


def test_the_row_in_force_is_the_latest_begun_else_the_first():
    books = frame(
        "books",
        "book strategy valid_from",
        ("B", "late", "2020-01-03"),
        ("A", "first", "2020-01-06"),
        ("A", "second", "2020-01-08"),
    )
    days = sessions("2020-01-02", "2020-01-06", "2020-01-07", "2020-01-08")
    rows = security_master.effective(books, "book", days)
    assert rows.columns[0] == "business_date"
    assert rows[["book", "strategy"]].to_numpy().tolist() == [
        *[["A", "first"], ["B", "late"]] * 3,
        ["A", "second"],
        ["B", "late"],
    ]
    assert rows["business_date"].tolist() == [d for d in days for _ in range(2)]


def test_in_force_for_pairs():
    books = frame("books", "book valid_from", ("A", "2020-01-08"), ("A", "2020-01-06"))
    days = sessions("2020-01-01", "2020-01-07", "2020-01-08", "2020-01-08")
    at = security_master.in_force(books, "book", ["A", "A", "A", "X"], days)
    assert at.tolist() == [1, 1, 0, -1]
    assert security_master.in_force(books[:0], "book", ["A"], sessions("2020-01-01")).tolist() == [-1]


def test_resolve_by_date_and_exchange():
    identifiers = frame(
        "identifiers",
        "instrument scheme exchange value valid_from valid_to",
        ("META", "ticker", "XNYS", "FB", "2012-05-18", "2022-06-08"),
        ("OTHER", "ticker", "XNYS", "FB", "2022-06-09", None),
        ("ABROAD", "ticker", "XLON", "FB", "2000-01-01", None),
        ("META", "isin", "XNYS", "US30303M1027", "2012-05-18", None),
        ("META", "isin", "XLON", "US30303M1027", "2012-05-18", None),
    )
    dates = sessions("2022-06-08", "2022-06-09", "2012-05-17", "2022-06-08", "2022-06-08")
    found, reason = security_master.resolve(
        identifiers, "ticker", ["FB"] * 4 + ["ZZ"], ["XNYS", "XNYS", "XNYS", "", ""], dates
    )
    assert found.tolist() == ["META", "OTHER", "", "", ""]
    assert reason.tolist() == [
        "", "", "no instrument has ticker FB on XNYS at 2012-05-17",
        "ticker FB at 2022-06-08 is ambiguous: ABROAD or META", "no instrument has ticker ZZ at 2022-06-08",
    ]  # fmt: skip
    found, reason = security_master.resolve(identifiers, "isin", ["US30303M1027"], [""], sessions("2022-06-08"))
    assert (found.tolist(), reason.tolist()) == (["META"], [""])


def test_resolve_against_nothing():
    none = frame("identifiers", "instrument")
    found, reason = security_master.resolve(none, "isin", pd.Series(["X"]), [""], sessions("2020-01-02"))
    assert (found.tolist(), reason.tolist()) == ([""], ["no instrument has isin X at 2020-01-02"])
