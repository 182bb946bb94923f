"""A million price rows from a file to golden prices, beside DuckDB and Great Expectations on the same rows.

Belongs here: the file, and the child process that one way costs. Ours registers the file, keeps its bytes, judges every
row, appends the facts and writes golden prices of every session; DuckDB reads the same file into the same Delta table
and checks nothing; Great Expectations runs the suite ``raw_prices`` on the frame and keeps nothing.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from benchmarks.timing import Cost, Row, measure
from benchmarks.timing import daybook as command

INSTRUMENTS, SESSIONS = 4_000, 250
"""A universe's year: one million rows."""
GOAL, MEMORY = 2.5, 2_048.0
"""Times DuckDB, and MB at most (issue 3)."""
DAY = "2022-12-30"


def prepare(folder: Path) -> dict[str, Path]:
    """The same million rows as CSV and as Parquet; by format."""
    from daybook import calendars

    sessions = calendars.sessions("XNYS")
    days = sessions[sessions <= DAY][-SESSIONS:]
    steps = np.random.default_rng(3).normal(0.0, 0.01, (SESSIONS, INSTRUMENTS))
    close = (100.0 * np.exp(np.cumsum(steps, axis=0))).round(4).ravel()
    frame = pd.DataFrame(
        {
            "business_date": np.repeat(days.to_numpy(), INSTRUMENTS),
            "instrument": np.tile([f"I{n:05d}" for n in range(INSTRUMENTS)], SESSIONS),
            "close": close,
            "open": (close * 0.999).round(4),
            "high": (close * 1.01).round(4),
            "low": (close * 0.99).round(4),
            "volume": np.arange(close.size) % 9_973 + 100,
            "currency": "USD",
        }
    )
    frame["business_date"] = frame["business_date"].dt.strftime("%Y-%m-%d")
    files = {name: folder / f"prices_{DAY}_bench.{name}" for name in ("csv", "parquet")}
    frame.to_csv(files["csv"], index=False, lineterminator="\n")
    frame.to_parquet(files["parquet"], index=False)
    return files


def rows(folder: Path) -> list[Row]:
    """Every way for every format, as lines of the table."""
    lines = []
    files = prepare(folder)
    for name, file in files.items():
        theirs = way("duckdb", file, folder / f"duckdb-{name}")
        try:
            ours = way("daybook", file, folder / f"daybook-{name}")
        finally:
            command("stop", home=folder / f"daybook-{name}")
        lines.append(Row(f"1,000,000 prices, {name}: DuckDB into Delta", theirs))
        ratio = ours.wall / theirs.wall
        met = ratio <= GOAL and ours.peak_mb <= MEMORY
        goal = f"<= {GOAL} x DuckDB, {MEMORY:,.0f} MB"
        lines.append(Row(f"1,000,000 prices, {name}: file to golden prices", ours, ratio, goal, met))
    expected = way("expectations", files["parquet"], folder / "expectations")
    lines.append(Row("1,000,000 prices: Great Expectations alone", expected))
    return lines


def way(name: str, file: Path, home: Path) -> Cost:
    """What the work of a child cost, without its imports and its calendar; memory of the whole child."""
    cost = measure([sys.executable, "-m", "benchmarks.ingest", name, str(file), str(home)], {"DAYBOOK_HOME": str(home)})
    return replace(cost, wall=float(json.loads(cost.output.splitlines()[-1])["seconds"]))


def duckdb(file: Path, home: Path) -> float:
    """Read ``file`` into a Delta table with the columns of ``raw_prices``."""
    import duckdb as engine
    from deltalake import write_deltalake

    from daybook import tables

    reader = f"read_csv('{file}')" if file.suffix == ".csv" else f"read_parquet('{file}')"
    began = perf_counter()
    found = engine.sql(
        f"SELECT business_date::DATE AS business_date, instrument, 'bench' AS source, close::DOUBLE AS close,"
        " open::DOUBLE AS open, high::DOUBLE AS high, low::DOUBLE AS low, volume::DOUBLE AS volume, currency,"
        " 'raw' AS price_basis, now() AS known_at, now() AS recorded_at, 'x' AS file,"
        f" row_number() OVER () + 1 AS line, 1::BIGINT AS delivery FROM {reader}"
    ).to_arrow_table()
    write_deltalake(str(home / "raw_prices"), found.cast(tables.TABLES["raw_prices"].schema), mode="append")
    return perf_counter() - began


def daybook(file: Path, home: Path) -> float:
    """Take ``file`` in and write golden prices of its sessions, in a firm that knows its instruments."""
    import duckdb as engine

    from daybook import calendars
    from daybook.market.prices import golden
    from resources.feeds import feeds

    doors = feeds()
    names = [f"I{n:05d}" for n in range(INSTRUMENTS)]
    reference = pd.DataFrame({"instrument": names, "asset_class": "equity", "currency": "USD", "exchange": "XNYS"})
    doors.inbox.deliver_all([("instruments_2021-01-04.csv", reference.to_csv(index=False).encode())], "file")
    engine.sql("SELECT 1").fetchall()
    calendars.sessions("XNYS")
    began = perf_counter()
    report = doors.inbox.take_in([file])
    assert report.rows == INSTRUMENTS * SESSIONS, report
    facts = doors.facts
    raw_prices = facts.current("raw_prices")
    sessions = pd.DatetimeIndex(raw_prices["business_date"].unique()).sort_values()
    needed = ("instruments", "corporate_actions", "price_sources", "price_overrides")
    frame = golden(raw_prices, *map(facts.current, needed), sessions, ())
    doors.lake.write("prices", frame, sessions)
    return perf_counter() - began


def expectations(file: Path, home: Path) -> float:
    """Run the suite of ``raw_prices`` on the rows of ``file``."""
    from daybook.market.suites import SUITES
    from resources.validator import validate

    frame = pd.read_parquet(file).assign(source="bench", price_basis="raw")
    began = perf_counter()
    assert validate("raw_prices", SUITES["raw_prices"], frame).passed
    return perf_counter() - began


WAYS: dict[str, Callable[[Path, Path], float]] = {"duckdb": duckdb, "daybook": daybook, "expectations": expectations}

if __name__ == "__main__":
    print(json.dumps({"seconds": WAYS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))}))
