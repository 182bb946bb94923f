"""Hostile files: each has a reason, what is good beside them goes through, and the day says what it cannot do."""

import io

import pandas as pd
import pytest

HEAD = "business_date,instrument,close,currency"
BOUGHT = """transaction_id,book,instrument,kind,trade_date,quantity,price,currency
    T1,ALPHA,,deposit,2022-12-19,1000,,USD
    T2,ALPHA,AAA,buy,2022-12-19,10,10,USD"""


def ingested(firm, name, content, code=0):
    """Put a file through the inbox, outside of any run, and insist on the exit code."""
    firm.put(name, content)
    got, out, err = firm.daybook("ingest", str(firm.inbox / name))
    assert got == code, f"exit {got}\n{out}\n{err}"
    return out + err


def known(firm, table="raw_prices", **where):
    rows = firm.rows(table, **where)
    return rows.drop(columns=["known_at", "recorded_at", "delivery"], errors="ignore")


@pytest.fixture
def ready(reference):
    """Prices and one purchase on the 19th."""
    reference.put("prices_2022-12-19.csv", f"{HEAD}\n2022-12-19,AAA,10,USD\n2022-12-19,BBB,20,USD")
    reference.put("transactions_2022-12-19.csv", BOUGHT)
    code, out, err = reference.daybook("ingest", *map(str, sorted(reference.inbox.iterdir())))
    assert code == 0, out + err
    return reference


def test_bad_rows_are_named_and_good_rows_go_on(ready):
    ingested(
        ready,
        "prices_2022-12-20.csv",
        f"""{HEAD}
        2022-12-20,AAA,11,USD
        2022-12-20,BBB,-3,USD
        2022-12-20,ZZZ,5,USD
        2022-12-20,BBB,abc,USD
        20/12/2022,BBB,5,USD
        2022-12-21,BBB,5,USD
        2022-12-20,BBB""",
        code=3,
    )
    assert list(known(ready, business_date="2022-12-20")["instrument"]) == ["AAA"]
    found = ready.waiting("prices_2022-12-20.csv").sort_values("line")
    assert sorted(set(found["line"])) == [3, 4, 5, 6, 7, 8]
    said = set(zip(found["line"], found["column"], found["value"], strict=True))
    assert said >= {
        (3, "close", "-3"), (4, "instrument", "ZZZ"), (5, "close", "abc"), (6, "business_date", "20/12/2022"),
        (7, "business_date", "2022-12-21"),
    }  # fmt: skip
    assert found["reason"].str.len().min() > 10


def test_files_that_cannot_be_read_are_quarantined_whole_and_replace_nothing(ready):
    hostile = {
        "prices_2022-12-19.csv": b"\x89PNG\r\n\x1a\n\x00\x00",
        "prices_2022-12-20.csv": b"\x00\x01\x02\xff\xfe binary \x00",
        "prices_2022-12-20_empty.csv": b"",
        "prices_2022-12-20_header.csv": b"wrong,header\n1,2\n",
        "prices_2022-12-20.parquet": b"PAR1 truncated",
        "prices_2022-13-45.csv": b"business_date,instrument,close\n2022-12-20,AAA,11\n",
        "nonsense_2022-12-20.csv": b"a,b\n1,2\n",
        "readme.txt": b"hello",
    }
    for name, content in hostile.items():
        ready.put(name, content)
    code, out, _ = ready.daybook("ingest", *(str(ready.inbox / name) for name in hostile))
    assert code == 3, out
    for name in hostile:
        rows = ready.waiting(name)
        assert len(rows) == 1, name
        assert len(rows["reason"].iloc[0]) > 10
    assert list(known(ready, instrument="AAA")["close"]) == [10]


def test_a_row_that_waits_is_taken_when_what_it_waits_for_arrives(ready):
    ingested(ready, "prices_2022-12-20.csv", f"{HEAD}\n2022-12-20,AAA,11,USD\n2022-12-20,NEW,5,USD", code=3)
    ingested(ready, "instruments_2022-12-20.csv", "instrument,asset_class,currency\nNEW,equity,USD")
    assert list(known(ready, instrument="NEW")["close"]) == [5]
    assert ready.waiting("prices_2022-12-20.csv").empty


def test_the_same_transaction_again_is_nothing_and_another_content_is_refused(ready):
    again = BOUGHT.replace("AAA,buy,2022-12-19,10,", "AAA,buy,2022-12-19,11,")
    ingested(ready, "transactions_2022-12-19_again.csv", again, code=3)
    assert list(known(ready, "transactions", transaction_id="T2")["quantity"]) == [10]
    assert list(ready.waiting("transactions_2022-12-19_again.csv")["line"]) == [3]


def test_a_newer_snapshot_replaces_the_older_whole_and_suffixes_add_up(ready):
    ingested(ready, "prices_2022-12-19_other.csv", f"{HEAD}\n2022-12-19,AAA,12.5,USD")
    ingested(ready, "prices_2022-12-19.csv", f"{HEAD}\n2022-12-19,AAA,12,USD")
    found = known(ready, business_date="2022-12-19").sort_values("source")
    assert list(zip(found["instrument"], found["source"], found["close"], strict=True)) == [
        ("AAA", "file", 12),
        ("AAA", "other", 12.5),
    ]


def test_the_newest_bytes_again_are_no_delivery_older_bytes_are_one(ready):
    older = f"{HEAD}\n2022-12-19,AAA,10,USD\n2022-12-19,BBB,20,USD"
    newer = f"{HEAD}\n2022-12-19,AAA,11,USD"
    ingested(ready, "prices_2022-12-19.csv", newer)
    ingested(ready, "prices_2022-12-19.csv", newer)
    assert list(known(ready)["close"]) == [11]
    ingested(ready, "prices_2022-12-19.csv", older)
    assert list(known(ready)["close"]) == [10, 20]
    import hashlib

    kept = ready.home / "files" / hashlib.sha256((ready.inbox / "prices_2022-12-19.csv").read_bytes()).hexdigest()
    assert kept.read_bytes() == (ready.inbox / "prices_2022-12-19.csv").read_bytes()


def test_the_same_key_twice_in_a_file(ready):
    ingested(
        ready,
        "prices_2022-12-20.csv",
        f"{HEAD}\n2022-12-20,AAA,11,USD\n2022-12-20,AAA,11.0,USD\n2022-12-20,BBB,5,USD\n2022-12-20,BBB,6,USD",
        code=3,
    )
    assert list(known(ready, business_date="2022-12-20")["instrument"]) == ["AAA"]
    assert sorted(ready.waiting("prices_2022-12-20.csv")["line"]) == [4, 5]


def test_numbers_of_any_length_and_rounding_half_to_even(ready):
    ingested(
        ready,
        "transactions_2022-12-20.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,price,currency
        N1,ALPHA,,deposit,2022-12-20,1.0000005,,USD
        N2,ALPHA,,deposit,2022-12-20,1.0000015,,USD
        N3,ALPHA,AAA,buy,2022-12-20,1.000000005,1e1,USD
        N4,ALPHA,AAA,buy,2022-12-20,0.000000015,10.123456789012345678901234567890,USD""",
    )
    log = known(ready, "transactions").set_index("transaction_id")
    assert list(log.loc[["N1", "N2", "N3", "N4"], "quantity"]) == [1, 1.000002, 1, 0.00000002]
    code, out, _ = ready.daybook("show", "transactions", "--format", "csv")
    assert code == 0
    assert "10.123456789012345678901234567890" in out.replace('"', "")


def test_identifiers_and_accounts_stand_for_instruments_and_books(ready):
    ready.put(
        "identifiers_2022-12-19.csv",
        """instrument,scheme,exchange,valid_from,valid_to,value
        AAA,isin,,2020-01-01,,US0000000001
        AAA,ticker,XNYS,2020-01-01,2022-12-19,TIC
        BBB,ticker,XNYS,2022-12-20,,TIC
        AAA,ticker,XLON,2020-01-01,,TWO
        BBB,ticker,XLON,2020-01-01,,TWO""",
    )
    ready.put("accounts_2022-12-19.csv", "account,book\nACC-1,ALPHA")
    ready.put(
        "prices_2022-12-20_ids.csv",
        """business_date,ticker,exchange,close,currency
        2022-12-19,TIC,XNYS,10.5,USD
        2022-12-20,TIC,,21.5,USD
        2022-12-20,TWO,XLON,1,USD""",
    )
    ready.put(
        "custodian_positions_2022-12-20.csv", "business_date,account,isin,quantity\n2022-12-20,ACC-1,US0000000001,10"
    )
    ready.put(
        "transactions_2022-12-20_ids.csv",
        """transaction_id,account,isin,kind,trade_date,quantity,price
        I1,ACC-1,US0000000001,buy,2022-12-20,1,10
        I2,ACC-2,US0000000001,buy,2022-12-20,1,10""",
    )
    code, out, err = ready.daybook("ingest", *map(str, sorted(ready.inbox.glob("*.csv"))))
    assert code == 3, out + err
    found = known(ready, source="ids").sort_values("business_date")
    assert list(zip(found["instrument"], found["close"], strict=True)) == [("AAA", 10.5), ("BBB", 21.5)]
    assert "ambiguous" in ready.waiting("prices_2022-12-20_ids.csv")["reason"].iloc[0].lower()
    position = known(ready, "custodian_positions").iloc[0]
    assert (position["book"], position["instrument"], position["quantity"]) == ("ALPHA", "AAA", 10)
    log = known(ready, "transactions").set_index("transaction_id")
    assert (log.loc["I1", "book"], log.loc["I1", "instrument"], log.loc["I1", "currency"]) == ("ALPHA", "AAA", "USD")
    assert "I2" not in log.index
    assert list(ready.waiting("transactions_2022-12-20_ids.csv")["column"]) == ["account"]


def test_defaults_and_free_text(firm):
    firm.put("books_2022-12-19.csv", "book,base_currency,strategy\nB,USD,whatever we like")
    firm.put("instruments_2022-12-19.csv", "instrument,currency,sector,issuer\nX,USD,Fancy & sons,")
    firm.put("prices_2022-12-19_vendor.csv", "business_date,instrument,close\n2022-12-19,X,5")
    firm.put(
        "corporate_actions_2022-12-19.csv",
        "action_id,instrument,kind,ex_date,amount\nD,X,cash_dividend,2022-12-20,0.5",
    )
    firm.put(
        "transactions_2022-12-19.csv",
        "transaction_id,book,instrument,kind,trade_date,quantity,price\nT,B,X,buy,2022-12-19,3,5",
    )
    code, out, err = firm.daybook("ingest", *map(str, sorted(firm.inbox.iterdir())))
    assert code == 0, out + err
    book, instrument = known(firm, "books").iloc[0], known(firm, "instruments").iloc[0]
    assert (book["calendar"], book["lot_method"], book["lot_pool"], book["entity"], str(book["shorts"])) == (
        "XNYS", "fifo", "book", "B", "True",
    )  # fmt: skip
    assert (instrument["exchange"], instrument["multiplier"], instrument["sector"]) == ("XNYS", 1, "Fancy & sons")
    price = known(firm).iloc[0]
    assert (price["source"], price["price_basis"]) == ("vendor", "raw")
    action = known(firm, "corporate_actions").iloc[0]
    assert (action["pay_date"], action["withholding_rate"], action["status"]) == ("2022-12-20", 0, "confirmed")
    trade = known(firm, "transactions").iloc[0]
    assert (trade["fees"], trade["taxes"]) == (0, 0)


def test_parquet_says_what_csv_says(ready):
    frame = pd.DataFrame(
        {
            "business_date": pd.to_datetime(["2022-12-20", "2022-12-20"]),
            "instrument": ["AAA", "BBB"],
            "close": [11.25, 1e300],
            "currency": ["USD", None],
        }
    )
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    ingested(ready, "prices_2022-12-20.parquet", buffer.getvalue())
    found = known(ready, business_date="2022-12-20")
    assert list(found["close"]) == [11.25, 1e300]


def test_trades_on_closed_markets_and_dates_after_delivery(ready):
    ingested(
        ready,
        "transactions_2022-12-28.csv",
        """transaction_id,book,instrument,kind,trade_date,settle_date,quantity,price,currency
        H1,ALPHA,AAA,buy,2022-12-26,,1,10,USD
        H2,ALPHA,AAA,buy,2022-12-24,,1,10,USD
        H3,ALPHA,,deposit,2022-12-24,,1,,USD
        H4,ALPHA,AAA,buy,2022-12-29,,1,10,USD
        H5,ALPHA,AAA,buy,2022-12-28,2023-02-01,1,10,USD
        H6,ALPHA,AAA,barter,2022-12-28,,1,10,USD
        H7,NOBODY,AAA,buy,2022-12-28,,1,10,USD
        H8,ALPHA,AAA,buy,2022-12-28,,1,,USD
        H9,ALPHA,AAA,buy,2022-12-28,,-1,10,USD""",
        code=3,
    )
    assert set(known(ready, "transactions")["transaction_id"]) == {"T1", "T2", "H3", "H5"}
    found = ready.waiting("transactions_2022-12-28.csv").sort_values("line")
    assert list(zip(found["line"], found["column"], strict=True)) == [
        (2, "trade_date"), (3, "trade_date"), (5, "trade_date"), (7, "kind"), (8, "book"), (9, "price"),
        (10, "quantity"),
    ]  # fmt: skip


def test_quarantine_is_decided_by_people(ready):
    ingested(ready, "prices_2022-12-20.csv", f"{HEAD}\n2022-12-20,AAA,-1,USD\n2022-12-20,BBB,x,USD", code=3)
    code, out, _ = ready.daybook("quarantine", "list")
    assert code == 0
    assert "prices_2022-12-20.csv" in out
    numbers = [line.split("│")[1].strip() for line in out.splitlines() if "2022-12-20.csv" in line]
    assert ready.daybook("quarantine", "correct", numbers[0], "close=11", "--reason", "typing error")[0] == 0
    assert ready.daybook("quarantine", "discard", numbers[1], "--reason", "not ours")[0] == 0
    assert list(known(ready, business_date="2022-12-20")["close"]) == [11]
    assert ready.waiting("prices_2022-12-20.csv").empty


def test_usage_and_holidays(ready):
    for words in (
        ("eod", "--date", "yesterday"),
        ("show", "nothing"),
        ("show", "nav", "--format", "xml"),
        ("nonsense",),
        ("eod", "--date", "1875-01-01"),
    ):
        code, out, err = ready.daybook(*words)
        assert (code, out) == (2, ""), words
        assert err.startswith("daybook: "), words
        assert len(err.strip().splitlines()) == 1, words
    code, out, _ = ready.daybook("eod", "--date", "2022-12-26")
    assert code == 0
    assert "2022-12-23" in out
    assert "2022-12-27" in out
    for words in (("close", "2022-12-20"), ("close", "2022-12-20", "--book", "X"), ("ingest", "/no/such_file.csv")):
        code, out, err = ready.daybook(*words)
        assert (code, out) == (1, ""), words
        assert err.startswith("daybook: "), words
        assert len(err.strip().splitlines()) == 1, words


def test_nothing_was_delivered(firm):
    code, out, err = firm.daybook("eod")
    assert (code, out) == (1, "")
    assert err.startswith("daybook: ")
    assert len(err.strip().splitlines()) == 1
    assert firm.daybook("show", "nav", "--format", "csv")[1].startswith("business_date,book,nav,")
    assert firm.daybook("show", "nav", "--format", "json")[1] == "[]\n"
    assert firm.daybook("status")[0] == 0
