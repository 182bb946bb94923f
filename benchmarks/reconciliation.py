"""A million positions reconciled with a custodian's file, beside a Polars full outer join of the same two frames.

Belongs here: the firm, its custodian with one line in a hundred off, and the child process that one way costs. Ours
goes through the public functions: reports, settled or traded quantity, tolerances of the definition in force, age,
effect on NAV, contents of the table. Polars joins both frames on the same names and keeps the lines that differ; it
knows neither tolerances nor prices.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.timing import Cost, Row, measure, middle

BOOKS, EACH, INSTRUMENTS = 10_000, 100, 3_000
GOAL = 3.0
"""Times the CPU seconds of Polars."""
TIMES = 3
DAY = "2022-12-30"
INPUTS = ("positions", "custodian_positions", "reports", "nav", "prices", "fx_rates", "books", "instruments")


def prepare(folder: Path) -> None:
    """Every book holds 100 of 3,000 shares; of its lines 0.8 % are off, 0.1 % are missing, and 0.1 % are only there."""
    generator = np.random.default_rng(7)
    day = np.datetime64(DAY, "us")
    books = np.array([f"B{n:05d}" for n in range(BOOKS)])
    names = np.array([f"I{n:05d}" for n in range(INSTRUMENTS)])
    first = generator.integers(0, INSTRUMENTS, (BOOKS, 1))
    held = ((first + 7 * np.arange(EACH)) % INSTRUMENTS).ravel()
    book = np.repeat(np.arange(BOOKS), EACH)
    quantity = generator.integers(1, 5_000, len(book)).astype(float)
    luck = generator.random(len(book))
    theirs = quantity + np.where(luck < 0.008, 10.0, 0.0)
    order = generator.permutation(np.flatnonzero(luck < 0.999))
    ours = np.flatnonzero((luck < 0.998) | (luck >= 0.999))
    since = {"valid_from": np.datetime64("2000-01-01", "us")}
    written = {
        "positions": _lines(day, books[book], names[held], quantity, ours),
        "custodian_positions": {
            **_lines(day, books[book], names[held], theirs, order), "market_value": np.nan, "account": "",
        },
        "reports": {"business_date": day, "book": books, "kind": "position", "source": "bench", "whole": True},
        "nav": {"business_date": day, "book": books, "nav": 1e7, "status": "ok"},
        "prices": {
            "business_date": day, "instrument": names, "close": generator.uniform(5.0, 200.0, INSTRUMENTS).round(2),
            "currency": "USD", "source": "bench", "status": "ok", "reason": "",
        },
        "fx_rates": {"business_date": day, "base": ["EUR"], "quote": ["USD"], "rate": [1.07], "status": ["ok"]},
        "books": {"book": books, "base_currency": "USD", "calendar": "XNYS", "custodian_account": "", **since},
        "instruments": {
            "instrument": names, "asset_class": "equity", "currency": "USD", "multiplier": 1.0, "exchange": "XNYS",
            **since,
        },
    }  # fmt: skip
    for name, columns in written.items():
        pd.DataFrame(columns).to_parquet(folder / f"{name}.parquet", index=False)


def _lines(day: Any, book: Any, instrument: Any, quantity: Any, at: Any) -> dict[str, Any]:
    """The lines ``at``, all of them settled."""
    amounts = {"quantity": quantity[at], "settled_quantity": quantity[at]}
    return {"business_date": day, "book": book[at], "instrument": instrument[at], **amounts, "currency": "USD"}


def rows(folder: Path) -> list[Row]:
    """Both ways, as lines of the table.

    Raises:
        RuntimeError: they do not find the same breaks.
    """
    measure([sys.executable, "-m", "benchmarks.reconciliation", "prepare", str(folder)])
    theirs, ours = (middle([way(name, folder) for _ in range(TIMES)]) for name in WAYS)
    found = [json.loads(cost.output.splitlines()[-1])["breaks"] for cost in (theirs, ours)]
    if found[0] != found[1]:
        raise RuntimeError(f"Polars finds {found[0]} lines that differ and Daybook {found[1]} breaks")
    ratio = ours.cpu / theirs.cpu
    what = f"{BOOKS * EACH:,} positions against a custodian"
    goal = f"<= {GOAL} x Polars' CPU"
    return [
        Row(f"{what}: Polars, full outer join", theirs),
        Row(f"{what}: {found[1]:,} breaks", ours, ratio, goal, ratio <= GOAL),
    ]


def way(name: str, folder: Path) -> Cost:
    """What the work of a child cost, without imports and reading; memory of the whole child."""
    cost = measure([sys.executable, "-m", "benchmarks.reconciliation", name, str(folder)])
    told = json.loads(cost.output.splitlines()[-1])
    return replace(cost, wall=float(told["seconds"]), cpu=float(told["cpu"]))


def polars(folder: Path) -> Callable[[], int]:
    """Read; the work joins both frames and counts the lines that differ."""
    import polars as pl

    ours, theirs = (pl.read_parquet(folder / f"{name}.parquet") for name in INPUTS[:2])
    key = ["business_date", "book", "instrument"]

    def work() -> int:
        both = ours.select(*key, "settled_quantity").join(
            theirs.select(*key, "settled_quantity"), on=key, how="full", coalesce=True, suffix="_theirs"
        )
        mine, other = pl.col("settled_quantity").fill_null(0.0), pl.col("settled_quantity_theirs").fill_null(0.0)
        return both.filter((mine - other).abs() > 5e-9).height

    return work


def daybook(folder: Path) -> Callable[[], int]:
    """Read; the work gives the number of breaks."""
    from daybook import tables
    from daybook.ledger import valuation
    from daybook.reconciliation import breaks, statements

    read = {name: pd.read_parquet(folder / f"{name}.parquet") for name in INPUTS}
    quoted = valuation.quoted(read["prices"], tables.empty("model_prices"))
    nothing = {name: tables.empty(name) for name in ("cash", "custodian_cash", "accounts", "book_failures")}

    def work() -> int:
        stated = statements.Statements(
            read["positions"], nothing["cash"], read["custodian_positions"], nothing["custodian_cash"], read["reports"]
        ).compared(read["books"], nothing["book_failures"])
        rules = breaks.Rules(
            tables.empty("reconciliations"), tables.empty("tolerances"), read["nav"], read["fx_rates"], read["books"]
        )
        found = stated.breaks(rules, nothing["accounts"])
        market = (read["nav"], quoted, read["fx_rates"], read["books"], read["instruments"])
        table = breaks.breaks([found], *market)
        assert table["impact_base"].notna().all()
        return len(table)

    return work


WAYS = {"polars": polars, "daybook": daybook}

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    if sys.argv[1] == "prepare":
        prepare(folder)
    else:
        work = WAYS[sys.argv[1]](folder)
        began, used = perf_counter(), process_time()
        count = work()
        print(json.dumps({"breaks": count, "seconds": perf_counter() - began, "cpu": process_time() - used}))
