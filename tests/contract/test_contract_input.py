"""Hostile files: each has a reason, what is good beside them goes through, and the day says what it cannot do."""

import pytest

HEAD = "business_date,instrument,close,currency"


@pytest.fixture
def ready(reference):
    """Prices and one purchase on the 19th."""
    reference.put("prices_2022-12-19.csv", f"{HEAD}\n2022-12-19,AAA,10,USD\n2022-12-19,BBB,20,USD")
    reference.put(
        "transactions_2022-12-19.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,price,currency
        T1,ALPHA,,deposit,2022-12-19,1000,,USD
        T2,ALPHA,AAA,buy,2022-12-19,10,10,USD""",
    )
    return reference


def reasons(firm, file):
    rows = firm.show("quarantine")
    return rows[(rows["file"] == file) & rows["status"].isin(["open", "waiting"])]


def test_bad_rows_are_named_and_good_rows_go_on(ready):
    ready.put(
        "prices_2022-12-20.csv",
        f"""{HEAD}
        2022-12-20,AAA,11,USD
        2022-12-20,BBB,-3,USD
        2022-12-20,ZZZ,5,USD
        2022-12-20,BBB,abc,USD
        20/12/2022,BBB,5,USD
        2022-12-21,BBB,5,USD
        2022-12-20,BBB""",
    )
    ready.eod("2022-12-20", code=3)
    assert ready.row("prices", "2022-12-20", instrument="AAA")["close"] == 11
    found = reasons(ready, "prices_2022-12-20.csv").sort_values("line")
    assert list(found["line"]) == [3, 4, 5, 6, 7, 8]
    assert list(found["column"][:5]) == ["close", "instrument", "close", "business_date", "business_date"]
    assert found["reason"].str.len().min() > 10


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("prices_2022-12-20.csv", b"\x00\x01\x02\xff\xfe binary \x00"),
        ("prices_2022-12-20.csv", b""),
        ("prices_2022-12-20.csv", b"wrong,header\n1,2\n"),
        ("prices_2022-12-20.parquet", b"PAR1 truncated"),
        ("prices_2022-13-45.csv", b"business_date,instrument,close\n2022-12-20,AAA,11\n"),
        ("nonsense_2022-12-20.csv", b"a,b\n1,2\n"),
        ("readme.txt", b"hello"),
    ],
)
def test_a_file_that_cannot_be_read_is_quarantined_whole(ready, name, content):
    ready.eod("2022-12-19")
    (ready.home / "inbox" / name).write_bytes(content)
    ready.eod("2022-12-20", code=3)
    assert len(reasons(ready, name)) >= 1


def test_a_row_that_waits_is_taken_when_what_it_waits_for_arrives(ready):
    ready.put("prices_2022-12-20.csv", f"{HEAD}\n2022-12-20,AAA,11,USD\n2022-12-20,NEW,5,USD")
    ready.eod("2022-12-20", code=3)
    ready.put("instruments_2022-12-20.csv", "instrument,asset_class,currency\nNEW,equity,USD")
    ready.eod("2022-12-20")
    assert ready.row("prices", "2022-12-20", instrument="NEW")["close"] == 5


def test_a_held_instrument_without_any_price_fails_its_book_and_only_that(ready):
    ready.put("instruments_2022-12-19_more.csv", "instrument,asset_class,currency\nDARK,equity,USD")
    ready.put(
        "transactions_2022-12-19_more.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,price,currency
        T9,EURO,DARK,buy,2022-12-19,10,10,USD""",
    )
    ready.put("fx_rates_2022-12-19.csv", "business_date,base,quote,rate\n2022-12-19,EUR,USD,1.06")
    said = ready.eod("2022-12-19", code=3)
    nav = ready.show("nav", "2022-12-19").set_index("book")
    assert nav.loc["ALPHA", "status"] == "ok"
    assert nav.loc["EURO", "status"] == "failed"
    assert str(nav.loc["EURO", "nav"]) == "nan"
    assert "DARK" in said
    code, _, err = ready.daybook("close", "2022-12-19", "--book", "EURO")
    assert code == 1
    assert "DARK" in err
    assert ready.daybook("close", "2022-12-19", "--book", "ALPHA")[0] == 0


def test_the_same_transaction_again_is_nothing_and_another_content_is_refused(ready):
    ready.eod("2022-12-19")
    ready.put(
        "transactions_2022-12-19_again.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,price,currency
        T1,ALPHA,,deposit,2022-12-19,1000,,USD
        T2,ALPHA,AAA,buy,2022-12-19,11,10,USD""",
    )
    ready.eod("2022-12-19", code=3)
    assert ready.row("positions", "2022-12-19", book="ALPHA", instrument="AAA")["quantity"] == 10
    assert list(reasons(ready, "transactions_2022-12-19_again.csv")["line"]) == [3]


def test_a_newer_snapshot_replaces_the_older_whole(ready):
    ready.eod("2022-12-19")
    ready.put("prices_2022-12-19.csv", f"{HEAD}\n2022-12-19,AAA,12,USD")
    ready.eod("2022-12-19")
    prices = ready.show("prices", "2022-12-19").set_index("instrument")
    assert prices.loc["AAA", "close"] == 12
    assert "BBB" not in prices.index
    assert ready.row("nav", "2022-12-19", book="ALPHA")["nav"] == 1020


def test_a_failed_file_does_not_replace_the_good_one(ready):
    ready.eod("2022-12-19")
    (ready.home / "inbox" / "prices_2022-12-19.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    ready.eod("2022-12-19", code=3)
    assert ready.row("prices", "2022-12-19", instrument="AAA")["close"] == 10


def test_usage_and_holidays(ready):
    assert ready.daybook("eod", "--date", "yesterday")[0] == 2
    assert ready.daybook("show", "nothing")[0] == 2
    code, out, _ = ready.daybook("eod", "--date", "2022-12-26")
    assert code == 0
    assert "2022-12-23" in out
    assert "2022-12-27" in out
    code, _, err = ready.daybook("close", "2022-12-20")
    assert code == 1
    assert err.startswith("daybook:")
    assert len(err.strip().splitlines()) == 1
