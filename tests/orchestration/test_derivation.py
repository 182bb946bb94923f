"""Results as known at an instant, and what a file would change before it is applied, through the command line."""

import hashlib
import io
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa

from daybook import tables
from orchestration.definitions import defs
from orchestration.derivation import derive
from orchestration.eod import run
from orchestration.services import prepare
from resources import records
from resources.feeds import feeds
from resources.lake import Lake

SIGNED, BEFORE = "2022-12-23", "2022-12-22"
TABLES = ("prices", "returns", "positions", "cash", "nav", "pnl", "performance", "attribution", "var")


@pytest.fixture
def read(daybook):
    """Rows that a command prints as CSV, and its exit code."""

    def read(*words: str) -> tuple[int, pd.DataFrame]:
        code, out, err = daybook(*words, "--format", "csv")
        assert err == ""
        return code, pd.read_csv(io.StringIO(out), parse_dates=["business_date"], keep_default_na=False)

    return read


def left_behind(settings, engine) -> dict[str, object]:
    """All that an installation keeps: rows of the records, versions of the lake, bytes and folders."""
    counts = {}
    with engine.connect() as connection:
        for table in records.metadata.sorted_tables:
            rows = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
            counts[table.name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    lake = Lake(settings.lake_uri)
    versions = {path.name: lake.version(path.name) for path in Path(settings.lake_uri).iterdir()}
    kept = sorted(str(path) for name in ("inbox", "files", "reports") for path in (settings.home / name).rglob("*"))
    return {**counts, "lake": versions, "kept": kept}


def test_a_correction_is_judged_before_applied_after_and_the_past_stays_known(
    daybook, read, firm, settings, engine, tmp_path
):
    (settings.home / "inbox").mkdir()
    for name, text in firm.items():
        (settings.home / "inbox" / name).write_text(text)
    assert daybook("eod")[0] == 0
    assert daybook("close", SIGNED, user="chief")[0] == 0
    lake = Lake(settings.lake_uri)
    instant = pd.Timestamp.now("UTC")
    then = {(table, day): lake.content_hash(table, day) for table in TABLES for day in (BEFORE, SIGNED)}
    nav = lake.read("nav").set_index("business_date")["nav"]

    # 100 shares of AAA, bought on 12-21 at 50, are worth what their close says.
    correction = tmp_path / "prices_2022-12-23_late.csv"
    correction.write_text("business_date,instrument,close,source\n2022-12-22,AAA,61.5,file\n2022-12-22,ZZZ,1,file\n")
    close = lake.read("prices", BEFORE, BEFORE).set_index("instrument")["close"]["AAA"]
    before = left_behind(settings, engine)
    code, rows = read("impact", str(correction))
    assert code == 3  # what was earned on the 23rd is no longer what was signed
    assert [(f"{row.business_date:%m-%d}", row.book, row.signed_by) for row in rows.itertuples()] == [
        ("12-22", "ALPHA", ""), ("12-23", "ALPHA", "chief"),
    ]  # fmt: skip
    assert rows["version"].tolist() == [0, 1]
    assert rows["nav_before"].tolist() == nav[[BEFORE, SIGNED]].tolist()
    assert rows["difference"].tolist() == pytest.approx([100 * (61.5 - close), 0.0])
    assert rows["difference_bp"][0] == pytest.approx(100 * (61.5 - close) / nav[BEFORE] * 1e4)
    code, said, _ = daybook("impact", str(correction))
    assert code == 3
    assert all(word in said for word in ("ZZZ", "unknown instrument", "chief", "ALPHA", "partial"))

    trade = tmp_path / "transactions_2022-12-23_late.csv"
    trade.write_text(
        "transaction_id,book,instrument,kind,trade_date,quantity,price,currency,corrects\n"
        "T3,ALPHA,AAA,buy,2022-12-21,40,50,USD,T2\n"
    )
    code, rows = read("impact", str(trade))
    assert (code, rows["signed_by"].tolist()) == (3, ["", "", "chief"])
    prices = lake.read("prices", "2022-12-21").query("instrument == 'AAA'")["close"]
    assert rows["difference"].tolist() == pytest.approx((-60 * (prices - 50)).tolist())

    harmless = tmp_path / "prices_2022-12-23_old.csv"
    harmless.write_text("business_date,instrument,close,source\n2022-12-20,AAA,1,file\n")
    assert read("impact", str(harmless))[0] == 0
    limits = tmp_path / "limits_2022-12-23.csv"
    limits.write_text("limit,valid_from,measure,hard\nL,2022-12-23,var,0.1\n")
    code, rows = read("impact", str(limits))
    assert (code, rows["signed_by"].tolist(), rows["difference"].tolist()) == (3, ["chief"], [0.0])
    assert left_behind(settings, engine) == before

    code, said, _ = daybook("ingest", str(correction))
    assert code == 3  # ZZZ is in quarantine
    assert "signed days that stand on facts that changed: 2022-12-23 (ALPHA)" in said
    prepare(settings)
    with dg.DagsterInstance.get() as instance:
        run(defs, instance, "history", (pd.Timestamp("2022-12-21"), pd.Timestamp(SIGNED)), lambda *_: None)
    assert lake.read("nav", BEFORE, BEFORE)["nav"][0] == pytest.approx(nav[BEFORE] + 100 * (61.5 - close))
    assert lake.content_hash("nav", BEFORE) != then["nav", BEFORE]
    known = feeds().facts
    for day in (BEFORE, SIGNED):
        frames = derive(TABLES, pd.DatetimeIndex([day]).as_unit("us"), known, instant)
        for table, frame in frames.items():
            assert tables.content_hash(table, frame) == then[table, day], (table, day)
    code, rows = read("show", "nav", "--date", BEFORE, "--known-at", instant.isoformat())
    assert (code, rows["nav"].tolist()) == (0, [nav[BEFORE]])


def test_what_cannot_be_derived_is_refused_by_name(daybook, firm):
    for words, reason in (
        (("nav",), "name it with --date"),
        (("nav", "--date", "2022-12-25"), "2022-12-25 is not a session"),
        (("findings", "--date", SIGNED), "findings is made of more than facts"),
        (("closes", "--date", SIGNED), "closes is a table of records"),
    ):
        code, _, err = daybook("show", *words, "--known-at", "2023-01-01")
        assert (code, reason in err) == (2, True), err
