"""One NAV explained: a book of 500 positions with five years of history.

Belongs here: making the book, its history in the lake, and reading and explaining its last NAV. Does not belong here:
the log's way out of PostgreSQL, which depends on the server (a tenth of a second for these 10,000 rows).

The tables of results have 1,260 sessions, as many files and as long a log of commits as they would have; only those of
the last two sessions are as large as they would be, since no other session is read.
"""

import json
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd

from benchmarks.timing import Row, measure

POSITIONS, TRADES, SESSIONS = 500, 20, 1260
GOAL = 1.0


def rows() -> list[Row]:
    """Lines of the table of the benchmarks."""
    cost = measure([sys.executable, "-m", "benchmarks.explain"])
    found = json.loads(cost.output.splitlines()[-1])
    what = f"one NAV of {POSITIONS} positions and {POSITIONS * TRADES:,} trades explained: {found['nodes']:,} nodes"
    told = f"{what}, {found['seconds']:.2f} s"
    return [Row(told, cost, found["seconds"], f"<= {GOAL:.0f} s", found["seconds"] <= GOAL)]


def main() -> None:
    """Make the book, explain its NAV and print how long that took."""
    from daybook import calendars, ledger, tables
    from daybook.explain import evidence, explain, tree
    from daybook.ledger import valuation
    from resources.evidence import READ
    from resources.lake import Lake

    days = calendars.sessions("XNYS", None, "2022-12-27")[-SESSIONS:]
    names = np.array([f"I{at:03d}" for at in range(POSITIONS)], object)
    rng = np.random.default_rng(7)
    books = _table("books", 1, book="FUND", base_currency="USD", calendar="XNYS", lot_method="fifo", lot_pool="book")
    books["valid_from"] = days[0]
    instruments = _table("instruments", POSITIONS, instrument=names, currency="USD", exchange="XNYS", multiplier=1.0)
    instruments = instruments.assign(asset_class="equity", valid_from=days[0])
    count = POSITIONS * TRADES
    log = _table(
        "transactions",
        count + 1,
        transaction_id=[f"T{at}" for at in range(count + 1)],
        book="FUND",
        instrument=[*np.repeat(names, TRADES), ""],
        kind=[*np.where(np.arange(count) % 4 == 3, "sell", "buy"), "deposit"],
        currency="USD",
        file="transactions.csv",
        line=np.arange(count + 1) + 2,
    )
    dates = np.sort(rng.integers(0, SESSIONS - 5, (POSITIONS, TRADES)), axis=1).ravel()
    log["trade_date"] = days[np.r_[dates, 0]]
    log["quantity"] = pd.Series(
        [Decimal(int(each)) for each in np.r_[rng.integers(50, 100, count), 10**8]], dtype=object
    )
    log["price"] = pd.Series([Decimal(int(each)) / 100 for each in rng.integers(1000, 9000, count + 1)], dtype=object)
    last = days[-2:]
    prices = _table("prices", 2 * POSITIONS, instrument=np.tile(names, 2), currency="USD", source="files", status="ok")
    prices = prices.assign(business_date=np.repeat(last, POSITIONS), close=rng.uniform(10, 90, 2 * POSITIONS).round(2))
    none = {name: tables.empty(name) for name in ("corporate_actions", "raw_fx_rates", "fx_rates", "elections")}
    facts = (none["corporate_actions"], books, instruments, none["raw_fx_rates"])
    made = ledger.derive(log, *facts, prices, none["fx_rates"], last, ["files"])
    quoted = valuation.quoted(prices, tables.empty("model_prices"))
    held = (quoted, none["fx_rates"], books, instruments, last)
    made["valuations"] = valuation.valuations(made["positions"], made["cash"], *held)
    made["nav"] = valuation.nav(made["valuations"], made["cash"], made["activity"], made["book_failures"], *held)
    stored = {**made, "prices": prices, "fx_rates": none["fx_rates"]}
    with tempfile.TemporaryDirectory(prefix="daybook-explain-") as folder:
        lake = Lake(str(Path(folder) / "lake"))
        for name in READ["nav"]:
            _store(lake, name, stored.get(name, tables.empty(name)), days)
        seconds = []
        for _ in range(3):
            fresh = Lake(lake.uri)
            began, cpu = perf_counter(), process_time()
            results = {name: fresh.read(name, last[0], last[1]) for name in READ["nav"]}
            known = evidence.Evidence(
                "FUND", last[1], results, {}, log, none["corporate_actions"], none["elections"], books, instruments,
                none["raw_fx_rates"], tables.empty("price_overrides"), tables.empty("transfer_prices"), ["files"],
            )  # fmt: skip
            frame = explain(known, "nav", "nav")
            seconds.append((perf_counter() - began, process_time() - cpu))
        if tree.gap(frame):
            raise SystemExit("the leaves do not add up")
    # The first one loads the compiled loops of the lots, which the process of a command does once.
    best = min(seconds)
    print(json.dumps({"seconds": best[0], "cpu": best[1], "first": seconds[0][0], "nodes": len(frame)}))


def _table(name: str, length: int, **columns: object) -> pd.DataFrame:
    """Rows of a table with these columns, the others empty."""
    from daybook import tables

    kinds = {column.name: column.type for column in tables.TABLES[name].columns}
    frame = tables.empty(name).reindex(range(length))
    plain = {column: {"text": "", "int": 0}[kind] for column, kind in kinds.items() if kind in ("text", "int")}
    return frame.assign(**plain).assign(**columns)


def _store(lake: object, name: str, rows: pd.DataFrame, days: pd.DatetimeIndex) -> None:
    """Write ``rows`` of the last two sessions, and their first row on every session before."""
    from daybook import tables

    one = rows.head(1)
    before = one.loc[one.index.repeat(len(days) - 2)].assign(business_date=days[:-2]) if len(one) else one
    lake.write(name, tables.conform(name, pd.concat([before, rows], ignore_index=True)), days)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
