import inspect
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import tables
from daybook.intake import terms
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


# Names as exchanges gave them: a rename, a re-used ticker, two classes of one company, a merger, a delisting.
NAMES = frame(
    "identifiers",
    "instrument scheme exchange value valid_from valid_to",
    ("FB-OLD", "ticker", "XNYS", "FB", "1999-09-29", "2003-03-28"),
    ("META", "ticker", "XNAS", "FB", "2012-05-18", "2022-06-08"),
    ("META", "ticker", "XNAS", "META", "2022-06-09", None),
    ("GOOGLE-A", "ticker", "XNAS", "GOOG", "2004-08-19", "2014-04-02"),
    ("GOOGLE-A", "ticker", "XNAS", "GOOGL", "2014-04-03", None),
    ("GOOGLE-C", "ticker", "XNAS", "GOOG", "2014-04-03", None),
    ("AOL", "ticker", "XNYS", "AOL", "1998-01-02", "2003-10-15"),
    ("AOL", "ticker", "XNYS", "TWX", "2003-10-16", "2018-06-15"),
    ("VOD", "ticker", "XLON", "VOD", "2000-01-01", None),
    ("VOD", "ticker", "XFRA", "VODI", "2000-01-01", None),
    ("VOD", "isin", "XLON", "GB00BH4HKS39", "2014-02-24", None),
)


def test_an_instrument_is_called_by_the_name_of_the_date():
    asked = [
        ("META", "", "2022-06-08", "FB"),
        ("META", "", "2022-06-09", "META"),
        ("GOOGLE-A", "XNAS", "2014-04-02", "GOOG"),
        ("GOOGLE-A", "XNAS", "2014-04-03", "GOOGL"),
        ("GOOGLE-C", "XNAS", "2014-04-03", "GOOG"),
        ("AOL", "", "2003-10-16", "TWX"),
        ("VOD", "XFRA", "2020-01-02", "VODI"),
    ]
    instruments, exchanges, dates, names = zip(*asked, strict=True)
    found, reasons = security_master.called(NAMES, "ticker", instruments, exchanges, sessions(*dates))
    assert (found.tolist(), set(reasons)) == (list(names), {""})
    back, _ = security_master.resolve(NAMES, "ticker", names, exchanges, sessions(*dates))
    assert back.tolist() == list(instruments)


def test_what_has_no_name_on_a_date_or_several_says_so():
    asked = [
        ("FB-OLD", "", "2003-03-31", "FB-OLD has no ticker at 2003-03-31"),
        ("AOL", "", "2018-06-18", "AOL has no ticker at 2018-06-18"),
        ("META", "XNYS", "2020-01-02", "META has no ticker on XNYS at 2020-01-02"),
        ("VOD", "", "2020-01-02", "VOD has more than one ticker at 2020-01-02: VOD and VODI"),
        ("NOBODY", "", "2020-01-02", "NOBODY has no ticker at 2020-01-02"),
    ]
    instruments, exchanges, dates, expected = zip(*asked, strict=True)
    found, reasons = security_master.called(NAMES, "ticker", instruments, exchanges, sessions(*dates))
    assert (set(found), reasons.tolist()) == ({""}, list(expected))


@settings(max_examples=20)
@given(st.data())
def test_the_way_back_leads_to_where_one_came_from(data):
    """Spans of three names that never overlap, held by anybody: on every date resolve and called are inverse."""
    rows = []
    for name in "XYZ":
        cuts = sorted(data.draw(st.sets(st.integers(1, 28), max_size=6)))
        for begin, end in pairwise([*cuts, 29]):
            holder = data.draw(st.sampled_from(["", *(f"{name}{k}" for k in range(3))]))
            if holder:
                rows.append((holder, "ticker", "XNYS", name, f"2020-01-{begin:02d}", f"2020-01-{end - 1:02d}"))
    names = frame("identifiers", "instrument scheme exchange value valid_from valid_to", *rows)
    assert security_master.overlaps(names).empty
    days = pd.date_range("2020-01-01", "2020-01-31", unit="us")
    for name in "XYZ":
        found, _ = security_master.resolve(names, "ticker", [name] * 31, ["XNYS"] * 31, days)
        held = found != ""
        back, _ = security_master.called(names, "ticker", found[held], ["XNYS"] * held.sum(), days[held])
        assert set(back) <= {name}
        assert held.sum() == sum(int(row[5][-2:]) - int(row[4][-2:]) + 1 for row in rows if row[3] == name)


def test_nothing_joins_by_a_bare_identifier():
    """A name is told by ``identifiers`` alone, and asking for one takes a date for each row."""
    for table in tables.TABLES.values():
        assert not set(table.names) & set(terms.SCHEMES), table.name
    assert {"scheme", "value", "exchange", "valid_from", "valid_to"} <= set(tables.TABLES["identifiers"].names)
    for ask in (security_master.resolve, security_master.called):
        parameters = inspect.signature(ask).parameters
        assert parameters["dates"].default is inspect.Parameter.empty
        with pytest.raises(TypeError):
            ask(NAMES, "ticker", ["FB"], [""])
        found, reason = ask(NAMES, "ticker", ["FB"], [""], pd.DatetimeIndex([pd.NaT]))
        assert (found.tolist(), "FB" in reason[0]) == ([""], True)


def test_overlaps_are_claims_of_two_for_the_same_dates():
    claims = frame(
        "identifiers",
        "instrument scheme exchange value valid_from valid_to",
        ("A", "ticker", "XNYS", "T", "2020-01-01", "2020-06-30"),
        ("B", "ticker", "XNYS", "T", "2020-06-30", None),
        ("C", "ticker", "XNYS", "T", "2020-12-01", None),
        ("D", "ticker", "XLON", "T", "2020-01-01", None),
        ("B", "ticker", "XNYS", "T", "2021-01-01", None),
    )
    found = security_master.overlaps(claims)
    dates = found[["valid_from", "valid_to"]].map(lambda day: "" if pd.isna(day) else f"{day:%Y-%m-%d}")
    assert found[["scheme", "exchange", "value", "instrument", "other"]].join(dates).to_numpy().tolist() == [
        ["ticker", "XNYS", "T", "A", "B", "2020-06-30", "2020-06-30"],
        ["ticker", "XNYS", "T", "B", "C", "2020-12-01", ""],
        ["ticker", "XNYS", "T", "B", "C", "2021-01-01", ""],
    ]


def test_the_top_of_a_group_is_that_of_the_date():
    issuers = frame(
        "issuers",
        "issuer valid_from parent",
        ("Instagram", "2012-09-06", "Facebook"),
        ("Facebook", "2004-02-04", ""),
        ("Facebook", "2021-10-28", "Meta"),
        ("Round", "2000-01-01", "About"),
        ("About", "2000-01-01", "Round"),
        ("Below", "2000-01-01", "Round"),
        ("Self", "2000-01-01", "Self"),
    )
    asked = [
        ("Instagram", "2012-09-05", "Instagram"), ("Instagram", "2012-09-06", "Facebook"),
        ("Instagram", "2021-10-28", "Meta"), ("Meta", "2021-10-28", "Meta"), ("Unknown", "2020-01-02", "Unknown"),
        ("Round", "2020-01-02", ""), ("Below", "2020-01-02", ""), ("Self", "2020-01-02", "Self"),
        ("", "2020-01-02", ""),
    ]  # fmt: skip
    names, dates, tops = zip(*asked, strict=True)
    assert security_master.ultimate_parents(issuers, names, sessions(*dates)).tolist() == list(tops)
    assert security_master.ultimate_parents(issuers[:0], ["X"], sessions("2020-01-02")).tolist() == ["X"]
