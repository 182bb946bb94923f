"""The inbox, end to end: files in, facts and quarantine out, on the real lake and the real PostgreSQL."""
# ruff: noqa: E501

import io
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from resources import records
from resources.facts import Facts
from resources.inbox import Inbox, InboxError
from resources.lake import Lake

INSTRUMENTS = "instrument,currency,exchange\nAAPL,USD,XNYS\nVOD,GBP,XLON\n"
BOOKS = "book,base_currency\nALPHA,USD\n"
PRICES = "business_date,instrument,close\n2024-01-05,AAPL,150\n2024-01-05,VOD,90\n"


@pytest.fixture
def inbox(settings, lake, engine) -> Inbox:
    (settings.home / "inbox").mkdir()
    return Inbox(settings, lake, engine, pause=lambda: None)


@pytest.fixture
def facts(settings, lake, engine) -> Facts:
    return Facts(settings, lake, engine)


@pytest.fixture
def put(inbox):
    def put(name: str, data: str | bytes) -> None:
        (inbox.folder.path / name).write_bytes(data if isinstance(data, bytes) else data.encode())

    return put


@pytest.fixture
def firm(inbox, put) -> Inbox:
    """An inbox that has taken in two instruments and a book."""
    put("instruments_2024-01-02.csv", INSTRUMENTS)
    put("books_2024-01-02.csv", BOOKS)
    inbox.take_in()
    return inbox


def outcomes(intake) -> list[tuple]:
    return [(taken.file, taken.rows, taken.quarantined, taken.outcome) for taken in intake.files]


def against(inbox: Inbox, *statuses: str) -> list[tuple]:
    found = inbox.entries(statuses or ("open", "waiting"))
    return list(found[["file", "line", "column", "value", "reason", "status"]].itertuples(index=False, name=None))


def delivery(engine, number: int) -> dict:
    with engine.connect() as connection:
        query = sa.select(records.deliveries).where(records.deliveries.c.seq == number)
        return dict(connection.execute(query).mappings().one())


# -- the folder -------------------------------------------------------------------------------------------------------


def test_everything_in_the_folder_is_taken_whatever_its_order(inbox, put, facts):
    put("a.txt", "x")
    put("prices_2024-01-05.csv", PRICES)
    put("books_2024-01-02.csv", BOOKS)
    put("instruments_2024-01-02.csv", INSTRUMENTS)
    taken = inbox.take_in()
    assert outcomes(taken) == [
        ("instruments_2024-01-02.csv", 2, 0, "complete"),
        ("books_2024-01-02.csv", 1, 0, "complete"),
        ("prices_2024-01-05.csv", 2, 0, "complete"),
        ("a.txt", 0, 1, "failed"),
    ]
    assert (taken.rows, taken.quarantined, len(taken.delivered)) == (5, 1, 4)
    assert against(inbox) == [("a.txt", 0, "", "", "the extension is not .csv or .parquet: .txt", "open")]
    prices = facts.current("raw_prices")
    assert list(prices["close"]) == [150.0, 90.0]
    assert list(prices["line"]) == [2, 3]
    assert set(prices["file"]) == {"prices_2024-01-05.csv"}
    assert (prices["known_at"] == prices["recorded_at"]).all()


def test_what_lies_in_the_folder_is_delivered_once(firm, put, engine):
    assert firm.take_in().files == ()
    (firm.folder.path / "books_2024-01-02.csv").touch()
    assert outcomes(firm.take_in()) == [("books_2024-01-02.csv", 0, 0, "unchanged")]
    (firm.settings.home / "files" / "seen.json").unlink()
    assert {outcome for *_, outcome in outcomes(firm.take_in())} == {"unchanged"}
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(records.deliveries)).scalar() == 2


def test_bytes_are_kept_and_the_file_stays(firm):
    kept = {path.read_bytes() for path in (firm.settings.home / "files").iterdir() if path.suffix != ".json"}
    assert kept == {INSTRUMENTS.encode(), BOOKS.encode()}
    assert (firm.folder.path / "books_2024-01-02.csv").read_text() == BOOKS


def test_a_file_still_being_written_is_left_for_the_next_look(firm, put):
    half, whole = PRICES[:40], PRICES
    put("prices_2024-01-05.csv", half)
    growing = replace(firm, pause=lambda: put("prices_2024-01-05.csv", whole))
    assert outcomes(growing.take_in()) == [("prices_2024-01-05.csv", 0, 0, "unfinished")]
    assert outcomes(firm.take_in()) == [("prices_2024-01-05.csv", 2, 0, "complete")]


@pytest.mark.parametrize("name", [".prices_2024-01-05.csv", "prices_2024-01-05.csv.tmp", "prices_2024-01-05.csv.part"])
def test_hidden_and_temporary_files_are_left(firm, put, name):
    put(name, PRICES)
    assert outcomes(firm.take_in()) == [(name, 0, 0, "unfinished")]
    assert name not in firm.pending()
    assert against(firm) == []


def test_what_is_no_file_is_refused_once(firm):
    (firm.folder.path / "prices_2024-01-05.csv").mkdir()
    (firm.folder.path / "prices_2024-01-08.csv").symlink_to("nowhere")
    assert {(taken.outcome, taken.reason) for taken in firm.take_in().files} == {
        ("failed", "not a file: only files in the inbox itself are read"),
        ("failed", "cannot be read: No such file or directory"),
    }
    assert firm.take_in().files == ()


def test_a_name_that_is_no_utf8_is_recorded(firm):
    import os

    with open(os.fsencode(firm.folder.path) + b"/pr\xffces.csv", "wb") as file:  # noqa: PTH123
        file.write(b"x")
    assert list(firm.pending()) == ["pr\\udcffces.csv"]  # a name that a run's config and tags can hold
    assert [taken.file for taken in firm.take_in(list(firm.pending())).files] == ["pr\\udcffces.csv"]
    assert firm.take_in().files == ()


def test_files_elsewhere_and_files_that_do_not_exist(firm, tmp_path):
    path = tmp_path / "prices_2024-01-05.csv"
    path.write_text(PRICES)
    taken = firm.take_in([path, tmp_path / "gone.csv"])
    assert outcomes(taken) == [("prices_2024-01-05.csv", 2, 0, "complete"), ("gone.csv", 0, 0, "failed")]
    assert "there is no such file" in taken.files[1].reason


def test_pending_names_what_changed(firm, put):
    assert firm.pending() == {}
    put("prices_2024-01-05.csv", PRICES)
    assert list(firm.pending()) == ["prices_2024-01-05.csv"]
    firm.take_in(["prices_2024-01-05.csv"])
    assert firm.pending() == {}


# -- whole files ------------------------------------------------------------------------------------------------------


def parquet(**columns) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


GOOD_PARQUET = parquet(business_date=["2024-01-05"], instrument=["AAPL"], close=[150.0])


@pytest.mark.parametrize(
    ("name", "data", "line", "column", "reason"),
    [
        ("foo_2024-01-05.csv", b"x", 0, "", "unknown table 'foo'"),
        ("raw_prices_2024-01-05.csv", b"x", 0, "", "unknown table 'raw_prices'"),
        ("prices_2024-02-30.csv", b"x", 0, "", "bad date 2024-02-30"),
        ("prices_20240105.csv", b"x", 0, "", "the name is not <table>"),
        ("prices_2024-01-05_.csv", b"x", 0, "", "the name is not <table>"),
        ("prices_2024-01-05.xlsx", b"x", 0, "", "the extension is not .csv or .parquet: .xlsx"),
        ("prices_2024-01-05.CSV", b"x", 0, "", "the extension is not .csv or .parquet"),
        ("prices_2024-01-05.csv", b"", 0, "", "the file is empty: 0 bytes"),
        ("prices_2024-01-05.csv", b"\n \n", 0, "", "the file is empty: it has no header"),
        ("prices_2024-01-05.csv", b"\x89PNG\r\n\x1a\n\x00\xff", 0, "", "the file is binary or not UTF-8: byte 0x89 in line 1"),
        ("prices_2024-01-05.csv", "a,é\n1,2\n".encode("latin-1"), 0, "", "not UTF-8: byte 0xe9 in line 1"),
        ("prices_2024-01-05.csv", "a,b\n".encode("utf-16"), 0, "", "the file is UTF-16, not UTF-8"),
        ("prices_2024-01-05.csv", "a,b\n".encode("utf-16-le"), 1, "", "NUL in its header"),
        ("prices_2024-01-05.csv", GOOD_PARQUET, 0, "", "is Parquet but its name ends in .csv"),
        ("prices_2024-01-05.csv", b"id,px\n1,2\n", 1, "business_date", "the header lacks business_date, instrument, close"),
        ("prices_2024-01-05.csv", b"business_date;instrument;close\n", 1, "business_date", "columns are separated by commas"),
        ("prices_2024-01-05.csv", b"business_date,instrument,close,close\n", 1, "close", "names a column twice: close"),
        ("prices_2024-01-05.parquet", PRICES.encode(), 0, "", "the file is not Parquet"),
        ("prices_2024-01-05.parquet", GOOD_PARQUET[: len(GOOD_PARQUET) // 2], 0, "", "truncated or damaged"),
        ("prices_2024-01-05.parquet", b"PAR1" + b"\0" * 99 + b"PAR1", 0, "", "truncated or damaged"),
        ("prices_2024-01-05.parquet", parquet(close=[[1.0]]), 1, "close", "neither text, number nor date"),
        ("transactions_2024-01-05.csv", b"transaction_id,kind\nT1,buy\n", 1, "book", "the header lacks book, trade_date"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_whole_and_the_others_go_on(firm, put, facts, name, data, line, column, reason):
    put(name, data)
    put("prices_2024-01-04.csv", PRICES.replace("01-05", "01-04"))
    taken = {one.file: one for one in firm.take_in().files}
    assert (taken[name].rows, taken[name].quarantined, taken[name].outcome) == (0, 1, "failed")
    assert taken["prices_2024-01-04.csv"].outcome == "complete"
    [(file, at, where, _, why, status)] = against(firm)
    assert (file, at, where, status) == (name, line, column, "open")
    assert reason in why
    assert len(facts.current("raw_prices")) == 2


def test_a_failed_file_does_not_replace_an_older_one(firm, put, facts):
    put("prices_2024-01-05.csv", PRICES)
    firm.take_in()
    for bad in (b"\xff\xfe", b"id,px\n", b"business_date,instrument,close\n2024-01-05,AAPL,-1\n"):
        put("prices_2024-01-05.csv", bad)
        assert outcomes(firm.take_in()) == [("prices_2024-01-05.csv", 0, 1, "failed")]
        assert list(facts.current("raw_prices")["close"]) == [150.0, 90.0]


def test_a_header_alone_replaces_with_nothing(firm, put, facts):
    put("prices_2024-01-05.csv", PRICES)
    firm.take_in()
    put("prices_2024-01-05.csv", "business_date,instrument,close")
    assert outcomes(firm.take_in()) == [("prices_2024-01-05.csv", 0, 0, "empty")]
    assert facts.current("raw_prices").empty


def test_parquet_is_read_like_csv(firm, put, facts):
    data = parquet(
        business_date=pa.array([pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-05"), None], pa.timestamp("ns")),
        instrument=pa.array(["AAPL", "VOD", "AAPL"]).dictionary_encode(),
        close=pa.array([Decimal("150.10"), Decimal("0.00"), Decimal("1.00")]),
        volume=pa.array([1_000_000, None, 5]),
        known_at=pa.array([pd.Timestamp("2024-01-05T21:00", tz="UTC")] * 3, pa.timestamp("us", "America/New_York")),
    )
    put("prices_2024-01-05_v.parquet", data)
    assert outcomes(firm.take_in()) == [("prices_2024-01-05_v.parquet", 1, 2, "partial")]
    assert [(line, column, value, why) for _, line, column, value, why, _ in against(firm)] == [
        (3, "close", "0.00", "not above zero"),
        (4, "business_date", "", "missing"),
    ]
    [row] = facts.current("raw_prices").to_dict("records")
    assert (row["close"], row["volume"], row["source"], row["line"]) == (150.1, 1e6, "v", 2)
    assert row["known_at"] == pd.Timestamp("2024-01-05T21:00Z")


# -- which delivery counts --------------------------------------------------------------------------------------------


def test_a_newer_snapshot_replaces_the_older_whole_and_suffixes_add_up(firm, put, facts):
    put("prices_2024-01-05.csv", PRICES)
    put("prices_2024-01-05_b.csv", "business_date,instrument,close\n2024-01-05,AAPL,151\n")
    firm.take_in()
    put("prices_2024-01-05.csv", "business_date,instrument,close\n2024-01-05,AAPL,152\n")
    firm.take_in()
    found = facts.current("raw_prices")
    assert set(zip(found["instrument"], found["source"], found["close"], strict=True)) == {
        ("AAPL", "file", 152.0),
        ("AAPL", "b", 151.0),
    }


def test_older_bytes_sent_again_are_a_delivery(firm, put, facts):
    for close in ("150", "151", "150"):
        put("prices_2024-01-05.csv", f"business_date,instrument,close\n2024-01-05,AAPL,{close}\n")
        assert outcomes(firm.take_in()) == [("prices_2024-01-05.csv", 1, 0, "complete")]
    assert list(facts.current("raw_prices")["close"]) == [150.0]


def test_the_same_bytes_under_another_date_are_taken_and_noted(firm, put):
    put("prices_2024-01-05.csv", PRICES)
    firm.take_in()
    put("prices_2024-01-08.csv", PRICES)
    [taken] = firm.take_in().files
    assert (taken.outcome, taken.reason) == ("complete", "the same bytes as prices_2024-01-05.csv")


def test_a_row_of_the_same_key_in_a_later_file_counts_and_the_earlier_view_is_kept(firm, facts):
    firm.deliver("prices_2024-01-05.csv", PRICES.encode())
    before = pd.Timestamp.now("UTC")
    firm.deliver("prices_2024-01-08.csv", b"business_date,instrument,close\n2024-01-05,AAPL,155\n")
    assert sorted(facts.current("raw_prices")["close"]) == [90.0, 155.0]
    assert sorted(facts.current("raw_prices", known_at=before)["close"]) == [90.0, 150.0]
    assert facts.current("raw_prices", "2024-01-06").empty


def test_books_hold_from_the_date_of_their_file(firm, facts):
    firm.deliver("books_2024-02-01.csv", b"book,base_currency,shorts\nALPHA,USD,Forbidden\n")
    found = facts.current("books")
    assert list(zip(found["valid_from"].dt.strftime("%Y-%m-%d"), found["shorts"], strict=True)) == [
        ("2024-01-02", True),
        ("2024-02-01", False),
    ]
    assert list(found["entity"]) == ["ALPHA", "ALPHA"]


ACTION = b"action_id,instrument,kind,ex_date,amount\nA1,AAPL,cash_dividend,2024-01-08,0.24\n"


def test_a_cancelled_action_is_gone(firm, facts, engine):
    firm.deliver("corporate_actions_2024-01-04.csv", ACTION)
    [row] = facts.current("corporate_actions").to_dict("records")
    assert (row["pay_date"], row["currency"], row["status"]) == (pd.Timestamp("2024-01-08"), "USD", "confirmed")
    [taken] = firm.deliver("corporate_actions_2024-01-05.csv", b"action_id,status\nA1,cancelled\n").files
    assert taken.outcome == "complete"
    assert facts.current("corporate_actions").empty
    assert delivery(engine, taken.delivery)["affects_from"].isoformat() == "2024-01-08"
    [again] = firm.deliver("corporate_actions_2024-01-08.csv", b"action_id,status\nA1,cancelled\nA2,cancelled\n").files
    assert (again.rows, again.quarantined) == (1, 1)


# -- transactions -----------------------------------------------------------------------------------------------------

HEADER = "transaction_id,book,instrument,kind,trade_date,quantity,price,currency,corrects\n"
BUY = HEADER + "T1,ALPHA,AAPL,buy,2024-01-05,10,150,USD,\n"


def test_a_transaction_is_taken_once_and_refused_with_other_content(firm, facts):
    firm.deliver("transactions_2024-01-05.csv", BUY.encode())
    [same] = firm.deliver("transactions_2024-01-08_broker.csv", BUY.replace(",10,150", ",10.000,1.50e2").encode()).files
    assert (same.rows, same.quarantined, same.outcome) == (0, 0, "complete")
    assert same.reason == "transactions known already: 1"
    [other] = firm.deliver("transactions_2024-01-09.csv", BUY.replace(",10,", ",11,").encode()).files
    assert (other.rows, other.quarantined, other.outcome) == (0, 1, "failed")
    [(_, line, column, value, reason, status)] = against(firm)
    assert (line, column, value, status) == (2, "transaction_id", "T1", "open")
    assert "other content (transactions_2024-01-05.csv line 2)" in reason
    assert list(facts.current("transactions")["quantity"]) == [Decimal(10)]


def test_a_correction_is_taken_and_closes_the_refusal(firm, facts):
    firm.deliver("transactions_2024-01-05.csv", BUY.encode())
    firm.deliver("transactions_2024-01-08.csv", BUY.replace(",10,", ",11,").encode())
    fixed = BUY.replace(",10,", ",12,").replace("USD,\n", "USD,T1\n")
    [taken] = firm.deliver("transactions_2024-01-09.csv", fixed.encode()).files
    assert (taken.rows, taken.outcome) == (1, "complete")
    assert list(facts.current("transactions")["quantity"]) == [Decimal(10), Decimal(12)]
    assert against(firm) == []
    assert against(firm, "superseded")[0][:2] == ("transactions_2024-01-08.csv", 2)


def test_a_cancel_waits_for_what_it_cancels_and_needs_no_more_than_its_id(firm, facts, engine):
    [waits] = firm.deliver("transactions_2024-01-08.csv", b"transaction_id,kind,corrects\nC1,cancel,T1\n").files
    assert (waits.rows, waits.quarantined, waits.outcome) == (0, 1, "partial")
    assert against(firm) == [
        ("transactions_2024-01-08.csv", 2, "corrects", "T1", "unknown transaction", "waiting"),
    ]
    first, second = firm.deliver("transactions_2024-01-05.csv", BUY.encode()).files
    assert (first.rows, second.rows, second.file) == (1, 1, "transactions_2024-01-08.csv")
    log = facts.current("transactions")
    assert list(zip(log["transaction_id"], log["kind"], log["book"], log["corrects"], strict=True)) == [
        ("T1", "buy", "ALPHA", ""),
        ("C1", "cancel", "ALPHA", "T1"),
    ]
    assert delivery(engine, second.delivery)["affects_from"].isoformat() == "2024-01-05"
    assert against(firm) == []


def test_a_chain_that_waits_is_resolved_link_by_link(firm, facts):
    firm.deliver("transactions_2024-01-09.csv", b"transaction_id,kind,corrects\nC1,cancel,T2\n")
    fix = HEADER + "T2,ALPHA,AAPL,buy,2024-01-05,9,150,USD,T1\n"
    firm.deliver("transactions_2024-01-08.csv", fix.encode())
    assert [wait for *_, wait in against(firm)] == ["waiting", "waiting"]
    assert firm.deliver("transactions_2024-01-05.csv", BUY.encode()).rows == 3
    assert list(facts.current("transactions")["transaction_id"]) == ["T1", "T2", "C1"]


def test_a_second_correction_of_one_transaction_is_refused_a_correction_of_the_correction_taken(firm):
    firm.deliver("transactions_2024-01-05.csv", BUY.encode())
    fix = HEADER + "{},ALPHA,AAPL,buy,2024-01-05,9,150,USD,{}\n"
    firm.deliver("transactions_2024-01-08.csv", fix.format("T2", "T1").encode())
    assert firm.deliver("transactions_2024-01-09.csv", fix.format("T3", "T1").encode()).rows == 0
    [(_, line, column, value, reason, status)] = against(firm)
    assert (line, column, value, status) == (2, "corrects", "T1", "open")
    assert reason.startswith("T1 is replaced by T2 (transactions_2024-01-08.csv line 2)")
    assert firm.deliver("transactions_2024-01-10.csv", fix.format("T4", "T2").encode()).rows == 1


def posted(engine):
    with engine.connect() as connection:
        found = records.read(connection, sa.select(records.postings).order_by("delivery", "line", "posting"))
    columns = ["transaction_id", "ledger_account", "instrument", "currency", "debit", "quantity"]
    return list(found[columns].itertuples(index=False, name=None))


def test_transactions_are_stored_with_balanced_postings(firm, engine):
    fx = "F1,ALPHA,CASH:EUR,fx,2024-01-05,100,1.1,USD,\nC1,,,cancel,,,,,T1\n"
    assert firm.deliver("transactions_2024-01-05.csv", (BUY + fx).encode()).rows == 3
    expected = [
        ("T1", "securities", "AAPL", "USD", Decimal(1500), Decimal(10)),
        ("T1", "unsettled", "", "USD", Decimal(-1500), Decimal(0)),
        ("F1", "cash", "", "EUR", Decimal(100), Decimal(0)),
        ("F1", "cash", "", "USD", Decimal(-110), Decimal(0)),
        ("F1", "fx_trading", "", "EUR", Decimal(-100), Decimal(0)),
        ("F1", "fx_trading", "", "USD", Decimal(110), Decimal(0)),
    ]
    assert posted(engine) == expected


def test_what_a_release_without_postings_left_is_posted_by_the_next_turn(firm, engine):
    firm.deliver("transactions_2024-01-05.csv", BUY.encode())
    before = posted(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE daybook.postings DISABLE TRIGGER USER"))
        connection.execute(sa.delete(records.postings))
        connection.execute(sa.text("ALTER TABLE daybook.postings ENABLE TRIGGER USER"))
        connection.execute(sa.text("ALTER TABLE daybook.unposted DISABLE TRIGGER USER"))
        connection.execute(
            records.unposted.insert().from_select(["delivery"], sa.select(records.transactions.c.delivery))
        )
        connection.execute(sa.text("ALTER TABLE daybook.unposted ENABLE TRIGGER USER"))
    assert posted(engine) == []
    firm.take_in()
    assert (len(before), posted(engine)) == (2, before)


def test_numbers_are_exact_and_rounded_half_to_even(firm, facts):
    line = "T1,ALPHA,AAPL,buy,2024-01-05,1.000000025,0.1234567890123456789012345678901234567890,USD,\n"
    firm.deliver("transactions_2024-01-05.csv", (HEADER + line).encode())
    [row] = facts.current("transactions").to_dict("records")
    assert row["quantity"] == Decimal("1.00000002")
    assert row["price"] == Decimal("0.1234567890123456789012345678901234567890")
    assert (row["fees"], row["fx_rate"]) == (Decimal(0), None)


DIVIDEND = HEADER.replace("corrects", "action_id") + "D1,ALPHA,AAPL,dividend,2024-01-08,2.4,,USD,\n"


@pytest.mark.parametrize("action_first", [True, False])
def test_a_dividend_that_an_action_posts_is_held_whichever_came_first(firm, facts, action_first):
    files = [("corporate_actions_2024-01-04.csv", ACTION), ("transactions_2024-01-08.csv", DIVIDEND.encode())]
    for name, data in files if action_first else files[::-1]:
        last = firm.deliver(name, data)
    assert last.quarantined == 1
    [(file, line, column, _, reason, status)] = against(firm)
    assert (file, line, column, status) == ("transactions_2024-01-08.csv", 2, "action_id", "open")
    assert "a corporate action on that ex or pay date" in reason
    assert facts.current("transactions").empty
    firm.take_in()
    assert len(against(firm)) == 1
    firm.deliver("corporate_actions_2024-01-05.csv", b"action_id,status\nA1,cancelled\n")
    assert list(facts.current("transactions")["transaction_id"]) == ["D1"]
    assert against(firm) == []


def test_a_held_dividend_is_confirmed_by_correcting_it_or_given_up(firm, facts):
    firm.deliver("corporate_actions_2024-01-04.csv", ACTION)
    firm.deliver("transactions_2024-01-08.csv", (DIVIDEND + "D2,ALPHA,AAPL,dividend,2024-01-08,1,,USD,\n").encode())
    first, second = firm.entries()["id"]
    assert firm.release(first, "ann", "sure").outcome == "failed"
    assert firm.correct(first, {"action_id": "A1"}, "ann", "confirms A1").outcome == "complete"
    firm.discard(second, "ann", "never paid")
    assert against(firm) == []
    firm.deliver("corporate_actions_2024-01-05.csv", b"action_id,status\nA1,cancelled\n")
    log = facts.current("transactions")
    assert list(zip(log["transaction_id"], log["action_id"], log["corrects"], strict=True)) == [
        ("D1", "", ""),
        ("D1", "A1", "D1"),
    ]


# -- waiting and quarantine -------------------------------------------------------------------------------------------


def test_rows_wait_for_instruments_and_books_and_keep_their_place(inbox, facts):
    inbox.deliver("prices_2024-01-05.csv", PRICES.encode())
    inbox.deliver("transactions_2024-01-05.csv", BUY.encode())
    assert [(column, value, status) for _, _, column, value, _, status in against(inbox)] == [
        ("instrument", "AAPL", "waiting"),
        ("instrument", "VOD", "waiting"),
        ("instrument", "AAPL", "waiting"),
        ("book", "ALPHA", "waiting"),
    ]
    inbox.deliver("instruments_2024-01-05.csv", b"instrument,currency\nAAPL,USD\n")
    prices = facts.current("raw_prices")
    assert list(zip(prices["instrument"], prices["file"], prices["line"], strict=True)) == [
        ("AAPL", "prices_2024-01-05.csv", 2)
    ]
    assert facts.current("transactions").empty
    inbox.deliver("books_2024-01-05.csv", BOOKS.encode())
    assert list(facts.current("transactions")["transaction_id"]) == ["T1"]
    assert [value for _, _, _, value, _, _ in against(inbox)] == ["VOD"]


def test_a_row_that_waited_is_as_old_as_its_file(inbox, facts):
    inbox.deliver("prices_2024-01-05_v.csv", b"business_date,instrument,close,source\n2024-01-05,AAPL,150,v\n")
    inbox.deliver("instruments_2024-01-05.csv", b"instrument,currency\nX,USD\n")
    inbox.deliver("prices_2024-01-08_v.csv", b"business_date,instrument,close,source\n2024-01-05,AAPL,151,v\n")
    inbox.deliver("instruments_2024-01-08.csv", b"instrument,currency\nAAPL,USD\n")
    assert list(facts.current("raw_prices")["close"]) == [151.0]


def test_rows_that_waited_go_with_their_file(inbox, facts):
    inbox.deliver("prices_2024-01-05.csv", PRICES.encode())
    inbox.deliver("instruments_2024-01-05.csv", INSTRUMENTS.encode())
    assert len(facts.current("raw_prices")) == 2
    inbox.deliver("prices_2024-01-05.csv", b"business_date,instrument,close\n2024-01-05,VOD,91\n")
    assert list(facts.current("raw_prices")["close"]) == [91.0]


def test_identifiers_and_accounts_stand_for_instrument_and_book(firm, facts):
    firm.deliver(
        "custodian_positions_2024-01-05.csv", b"business_date,account,isin,quantity\n2024-01-05,C9,US0378331005,5\n"
    )
    assert {value for _, _, _, value, _, _ in against(firm)} == {"C9", "US0378331005"}
    firm.deliver(
        "identifiers_2024-01-05.csv",
        b"instrument,scheme,value,valid_from\nAAPL,isin,US0378331005,2000-01-01\nAAPL,ticker,DUP,2000-01-01\n"
        b"VOD,ticker,DUP,2000-01-01\n",
    )
    firm.deliver("accounts_2024-01-05.csv", b"account,book\nC9,ALPHA\n")
    [row] = facts.current("custodian_positions").to_dict("records")
    assert (row["book"], row["instrument"], row["quantity"], row["account"]) == ("ALPHA", "AAPL", 5.0, "C9")
    firm.deliver("prices_2024-01-05.csv", b"business_date,ticker,close\n2024-01-05,DUP,1\n")
    [(_, line, column, value, reason, status)] = against(firm)
    assert (line, column, value, status) == (2, "ticker", "DUP", "open")
    assert "ambiguous: AAPL or VOD" in reason


def test_a_newer_snapshot_closes_what_stood_against_the_older(firm):
    firm.deliver("prices_2024-01-05.csv", b"business_date,instrument,close\n2024-01-05,AAPL,-1\n2024-01-05,NEW,1\n")
    assert [status for *_, status in against(firm)] == ["open", "waiting"]
    firm.deliver("prices_2024-01-05.csv", PRICES.encode())
    assert against(firm) == []
    assert [status for *_, status in against(firm, "superseded")] == ["superseded", "superseded"]


def test_correct_release_discard(firm, facts):
    firm.deliver(
        "prices_2024-01-05.csv",
        b"business_date,instrument,close\n2024-01-05,AAPL,-1\n2024-01-05,VOD,abc\n2024-01-05,AAPL\n",
    )
    first, second, third = firm.entries()["id"]
    assert firm.entry(second)["row"] == {"business_date": "2024-01-05", "instrument": "VOD", "close": "abc"}
    failed = firm.correct(first, {"close": "0"}, "ann", "typo")
    assert (failed.outcome, failed.reason) == ("failed", "close: not above zero")
    assert firm.release(first, "ann", "try").outcome == "failed"
    done = firm.correct(first, {"close": "151"}, "ann", "sign was wrong")
    assert (done.rows, done.outcome) == (1, "complete")
    firm.discard(second, "bob", "not ours")
    [row] = facts.current("raw_prices").to_dict("records")
    assert (row["close"], row["file"], row["line"]) == (151.0, "prices_2024-01-05.csv", 2)
    decided = firm.entry(first)
    assert (decided["status"], decided["decided_by"], decided["decision_reason"]) == (
        "corrected",
        "ann",
        "sign was wrong",
    )
    assert firm.entry(second)["status"] == "discarded"
    for call in (
        lambda: firm.correct(first, {"close": "1"}, "ann", "again"),
        lambda: firm.correct(third, {"clse": "1"}, "ann", "typo"),
        lambda: firm.discard(third, "", "x"),
        lambda: firm.release(third, "ann", " "),
        lambda: firm.entry(9999),
    ):
        with pytest.raises(InboxError):
            call()
    assert firm.correct(third, {"close": "90", "instrument": "VOD"}, "ann", "cut off").outcome == "complete"


def test_a_refused_file_can_only_be_discarded(firm):
    firm.deliver("prices_2024-01-05.csv", b"")
    [number] = firm.entries()["id"]
    with pytest.raises(InboxError, match="concerns the whole file"):
        firm.release(number, "ann", "why not")
    firm.discard(number, "ann", "resent by mail")
    assert against(firm) == []


# -- killed anywhere --------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What no handler may catch, as kill -9."""


@pytest.mark.parametrize("before_append", [True, False])
def test_a_kill_between_lake_and_records_leaves_no_trace(firm, put, lake, facts, engine, monkeypatch, before_append):
    put("prices_2024-01-05.csv", PRICES + "2024-01-05,NEW,5\n2024-01-04,AAPL,-3\n")
    append = Lake.append

    def killed(self, table, frame, key):
        if not before_append:
            append(self, table, frame, key)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", killed)
        with pytest.raises(Killed):
            firm.take_in()
    assert facts.current("raw_prices").empty
    assert against(firm) == []
    assert [taken.outcome for taken in firm.take_in().files] == ["partial", "unchanged"]
    assert list(lake.read("raw_prices")["close"]) == [150.0, 90.0]
    assert list(facts.current("raw_prices")["close"]) == [150.0, 90.0]
    assert [(line, status) for _, line, *_, status in against(firm)] == [(4, "waiting"), (5, "open")]
    assert firm.take_in().files == ()


def test_a_kill_in_the_middle_of_a_retry(inbox, lake, facts, monkeypatch):
    inbox.deliver("prices_2024-01-05.csv", PRICES.encode())
    append = Lake.append

    def killed(self, table, frame, key):
        append(self, table, frame, key)
        if table == "raw_prices":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", killed)
        with pytest.raises(Killed):
            inbox.deliver("instruments_2024-01-05.csv", INSTRUMENTS.encode())
    assert facts.current("raw_prices").empty
    taken = inbox.take_in()
    assert outcomes(taken) == [("prices_2024-01-05.csv", 2, 0, "complete")]
    assert len(lake.read("raw_prices")) == 2
    assert len(facts.current("raw_prices")) == 2
    assert against(inbox) == []


def test_a_kill_before_transactions_are_recorded(firm, facts, monkeypatch):
    from resources import deliveries

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "finish", killed)
        with pytest.raises(Killed):
            firm.deliver("transactions_2024-01-05.csv", BUY.encode())
    assert facts.current("transactions").empty
    assert outcomes(firm.take_in()) == [("transactions_2024-01-05.csv", 1, 0, "complete")]
    assert list(facts.current("transactions")["transaction_id"]) == ["T1"]
