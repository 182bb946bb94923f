"""A firm's million positions valued with P&L, beside Polars doing nothing but the joins.

Belongs here: the firm, and the child process that one way costs. Ours goes through the public functions: checked
inputs, amounts rounded once, reasons for what cannot be valued, weights, NAV, P&L by cause. Polars joins the day's
positions with prices, terms, books and rates on the same names, multiplies, and joins the day before; it checks
nothing, and knows no activity. The day before is valued before the clock starts, in both.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.timing import Cost, Row, measure, middle

BOOKS, EACH, INSTRUMENTS = 10_000, 100, 3_000
GOAL, MEMORY = 4.0, 2_048.0
"""Times the CPU seconds of Polars, and MB at most."""
TIMES = 3
DAYS = ("2022-12-29", "2022-12-30")
CURRENCIES = np.array(["USD", "EUR", "GBP", "JPY"])
INPUTS = ("positions", "cash", "prices", "fx_rates", "activity", "books", "instruments")


def prepare(folder: Path) -> None:
    """The tables of both days: every book holds 100 of 3,000 shares in four currencies, and trades two of them."""
    from daybook import tables

    generator = np.random.default_rng(6)
    books = np.array([f"B{n:05d}" for n in range(BOOKS)])
    names = np.array([f"I{n:05d}" for n in range(INSTRUMENTS)])
    currency = CURRENCIES[generator.integers(0, len(CURRENCIES), INSTRUMENTS)]
    base = CURRENCIES[generator.integers(0, 2, BOOKS)]
    first = generator.integers(0, INSTRUMENTS, (BOOKS, 1))
    held = np.sort((first + 7 * np.arange(EACH)) % INSTRUMENTS, axis=1).ravel()
    book = np.repeat(np.arange(BOOKS), EACH)
    quantity = generator.integers(1, 5_000, len(book)) * generator.choice([1.0, 1.0, 1.0, -1.0], len(book))
    traded = np.where(generator.random(len(book)) < 0.02, 10.0, 0.0)
    close = generator.uniform(5.0, 200.0, INSTRUMENTS).round(2)
    closes = [close, (close * np.exp(generator.normal(0.0, 0.02, INSTRUMENTS))).round(2)]
    at = np.flatnonzero(traded)
    paid = -(traded * closes[1][held] * 1.001)[at].round(6)
    since = {"valid_from": np.datetime64("2000-01-01", "us")}
    written = {
        "books": [{"book": books, "base_currency": base, "calendar": "XNYS", **since}],
        "instruments": [
            {"instrument": names, "currency": currency, "asset_class": "equity", "exchange": "XNYS", "multiplier": 1.0,
             **since}
        ],
        "positions": [
            {"book": books[book], "instrument": names[held], "quantity": quantity, "currency": currency[held]},
            {"book": books[book], "instrument": names[held], "quantity": quantity + traded, "currency": currency[held]},
        ],
        "cash": [{"book": books, "currency": base, "balance": 1e6}] * 2,
        "prices": [
            {"instrument": names, "close": prices, "currency": currency, "source": "bench", "status": "ok"}
            for prices in closes
        ],
        "fx_rates": [
            {"base": ["EUR", "GBP", "USD"], "quote": ["USD", "USD", "JPY"], "rate": rates, "status": "ok"}
            for rates in ([1.07, 1.2, 132.0], [1.08, 1.21, 131.0])
        ],
        "activity": [
            {},
            {"book": books[book[at]], "instrument": names[held[at]], "currency": currency[held[at]],
             "traded_quantity": traded[at], "consideration": paid},
        ],
    }  # fmt: skip
    for name, days in written.items():
        for day, columns in zip(DAYS, days, strict=False):
            dated = {"business_date": np.datetime64(day, "us")} if "business_date" in tables.TABLES[name].names else {}
            _table(name, dated | columns).to_parquet(folder / f"{name}-{day}.parquet", index=False)


def _table(name: str, columns: dict[str, Any]) -> pd.DataFrame:
    """Rows of table ``name``; what is not given is empty, money and numbers 0."""
    from daybook import tables

    rows = pd.DataFrame(columns) if len(columns) > 1 else pd.DataFrame()
    blank = {"text": "", "float": 0.0, "int": 0, "bool": True, "date": pd.NaT, "time": pd.NaT}
    typed = {
        column.name: rows[column.name]
        if column.name in rows
        else pd.Series([blank[column.type]] * len(rows), dtype=tables.PANDAS[column.type])
        for column in tables.TABLES[name].columns
    }
    return tables.conform(name, pd.DataFrame(typed))


def rows(folder: Path) -> list[Row]:
    """Both ways, as lines of the table.

    Raises:
        RuntimeError: they do not value the firm alike.
    """
    measure([sys.executable, "-m", "benchmarks.valuation", "prepare", str(folder)])
    theirs, ours = (middle([way(name, folder) for _ in range(TIMES)]) for name in WAYS)
    found = [json.loads(cost.output.splitlines()[-1])["sum"] for cost in (theirs, ours)]
    if not np.isclose(*found, rtol=1e-9):
        raise RuntimeError(f"Polars and Daybook differ: the day's P&L adds up to {found[0]} and {found[1]}")
    ratio = ours.cpu / theirs.cpu
    what = f"{BOOKS * EACH:,} positions"
    met = ratio <= GOAL and ours.peak_mb <= MEMORY
    goal = f"<= {GOAL} x Polars' CPU, {MEMORY:,.0f} MB"
    return [Row(f"{what}: Polars, joins alone", theirs), Row(f"{what}: values, NAV, P&L", ours, ratio, goal, met)]


def way(name: str, folder: Path) -> Cost:
    """What the work of a child cost, without imports and reading; memory of the whole child."""
    cost = measure([sys.executable, "-m", "benchmarks.valuation", name, str(folder)])
    told = json.loads(cost.output.splitlines()[-1])
    return replace(cost, wall=float(told["seconds"]), cpu=float(told["cpu"]))


def polars(folder: Path) -> Callable[[], float]:
    """Read, and value the day before; the work gives the sum of what the positions of the day before gained."""
    import polars as pl

    read = {(name, day): pl.read_parquet(folder / f"{name}-{day}.parquet") for name in INPUTS[:4] for day in DAYS}
    books, terms = (pl.read_parquet(folder / f"{name}-{DAYS[0]}.parquet") for name in ("books", "instruments"))

    def valued(day: str) -> Any:
        direct = read["fx_rates", day].select("base", "quote", "rate")
        dollars = dict(zip(direct["base"], direct["rate"], strict=True)) | {"JPY": 1.0 / direct["rate"][2], "USD": 1.0}
        rates = pl.DataFrame(
            [(a, b, dollars[a] / dollars[b]) for a in CURRENCIES for b in CURRENCIES],
            schema=["currency", "base_currency", "fx"],
            orient="row",
        )
        return (
            read["positions", day]
            .select("book", "instrument", "quantity")
            .join(read["prices", day].select("instrument", "close", "currency"), on="instrument", how="left")
            .join(terms.select("instrument", "multiplier"), on="instrument", how="left")
            .join(books.select("book", "base_currency"), on="book", how="left")
            .join(rates, on=["currency", "base_currency"], how="left")
            .with_columns(value=pl.col("quantity") * pl.col("close") * pl.col("multiplier") * pl.col("fx"))
        )

    before = valued(DAYS[0])

    def work() -> float:
        both = valued(DAYS[1]).join(before, on=["book", "instrument"], how="full", suffix="_before")
        # Daybook's P&L is of the positions that were there; what was traded is left out of both.
        moved = (
            pl.col("quantity_before")
            * (pl.col("close") * pl.col("fx") - pl.col("close_before") * pl.col("fx_before"))
            * pl.col("multiplier")
        )
        return float(both.select(moved.sum()).item())

    return work


def daybook(folder: Path) -> Callable[[], float]:
    """Read, and value the day before; the work values the day, and gives the sum of price and FX P&L of positions."""
    from daybook import tables
    from daybook.ledger import pnl, valuation

    before, now = ({name: _read(folder, name, day) for name in INPUTS} for day in DAYS)
    sessions = [pd.DatetimeIndex([day]).as_unit("us") for day in DAYS]
    failures, entitlements = tables.empty("book_failures"), tables.empty("entitlements")

    def valued(day: dict[str, pd.DataFrame], at: pd.DatetimeIndex) -> tuple[pd.DataFrame, pd.DataFrame]:
        market = (day["prices"], day["fx_rates"], now["books"], now["instruments"], at)
        values = valuation.valuations(day["positions"], day["cash"], *market)
        return values, valuation.nav(values, day["cash"], day["activity"], failures, *market)

    opening = valued(before, sessions[0])

    def work() -> float:
        values, nav = (
            pd.concat(pair, ignore_index=True) for pair in zip(opening, valued(now, sessions[1]), strict=True)
        )
        market = (now["prices"], now["fx_rates"], now["books"], now["instruments"], nav, sessions[1])
        rows = pnl.pnl(values, now["activity"], entitlements, *market)
        assert len(rows) >= BOOKS * EACH
        held = ~rows["instrument"].str.startswith("CASH:")
        return float((rows["price_pnl"] + rows["fx_pnl"])[held].sum())

    return work


def _read(folder: Path, name: str, day: str) -> pd.DataFrame:
    file = folder / f"{name}-{day}.parquet"
    return pd.read_parquet(file if file.exists() else folder / f"{name}-{DAYS[0]}.parquet")


WAYS = {"polars": polars, "daybook": daybook}

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    if sys.argv[1] == "prepare":
        prepare(folder)
    else:
        from time import process_time

        work = WAYS[sys.argv[1]](folder)
        began, used = perf_counter(), process_time()
        total = work()
        told = {"seconds": perf_counter() - began, "cpu": process_time() - used, "sum": total}
        sys.stdout.write(json.dumps(told) + "\n")
