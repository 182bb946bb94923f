"""Ten million transactions to lots and realised gains, beside DuckDB's sum by group of the same rows and beancount.

Belongs here: the trades, and the child process that each way costs. Daybook gets integers in posting order and gives
lots over time and parts realised; DuckDB adds up quantity and cost by holding, which is less; beancount loads a slice
of the same trades as a ledger with FIFO booking, and its time is multiplied.
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd

from benchmarks.timing import Cost, Row, measure

TRADES, HOLDINGS = 10_000_000, 100_000
SLICE = 2_000
"""Transactions that beancount loads."""
FIFO, AVERAGE = 70.0, 45.0
"""Nanoseconds of processor time a transaction at most (PERFORMANCE.md, goal 5)."""
BEANCOUNT = 2_000.0
"""Times faster than beancount at least."""
RUNS = 5


def prepare(folder: Path) -> None:
    """``trades.parquet``: purchases and sales of 100,000 holdings in the order of their time."""
    generator = np.random.default_rng(5)
    group = generator.integers(0, HOLDINGS, TRADES)
    units = generator.integers(1, 1_000, TRADES) * 10**8
    units = np.where(generator.random(TRADES) < 0.55, units, -units)
    cost = units // 10**8 * generator.integers(1_000, 20_000, TRADES) * 10**4
    session = np.arange(TRADES) * 1_260 // TRADES
    trades = pd.DataFrame({"group": group, "event": np.int8(0), "quantity": units, "cost": cost, "cost_base": cost})
    trades.assign(session=session, settle=session + 2).to_parquet(folder / "trades.parquet", index=False)


def rows(folder: Path) -> list[Row]:
    """Every way, as lines of the table.

    Raises:
        RuntimeError: they do not come to the same positions.
    """
    measure([sys.executable, "-m", "benchmarks.lots", "prepare", str(folder)])
    costs = {name: way(name, folder) for name in WAYS}
    sums = {
        name: json.loads(cost.output.splitlines()[-1])["sum"] for name, cost in costs.items() if name != "beancount"
    }
    if len(set(sums.values())) != 1:
        raise RuntimeError(f"the positions add up to {sums}")
    lines = [
        Row("10,000,000 trades: DuckDB, sum by holding", costs["duckdb"]),
        Row(f"10,000,000 trades: beancount, {SLICE:,} of them x {TRADES // SLICE:,}", costs["beancount"]),
    ]
    for name, goal in (("fifo", FIFO), ("average", AVERAGE)):
        ns = costs[name].cpu / TRADES * 1e9
        what = f"10,000,000 trades: {name} lots and gains, ns a trade"
        lines.append(Row(what, costs[name], ns, f"<= {goal:.0f} ns", ns <= goal))
        times = costs["beancount"].cpu / costs[name].cpu
        lines.append(
            Row(
                f"  {name}: times faster than beancount",
                costs[name],
                times,
                f">= {BEANCOUNT:,.0f} x",
                times >= BEANCOUNT,
            )
        )
        lines.append(Row(f"  {name}: times DuckDB's sum", costs[name], costs[name].cpu / costs["duckdb"].cpu))
    return lines


def way(name: str, folder: Path) -> Cost:
    """What the work of a child cost, without imports and reading; memory of the whole child."""
    cost = measure([sys.executable, "-m", "benchmarks.lots", name, str(folder)])
    found = json.loads(cost.output.splitlines()[-1])
    return replace(cost, wall=found["wall"], cpu=found["cpu"])


def fifo(trades: pd.DataFrame) -> int:
    """Units held in the end."""
    from daybook.ledger import lots

    states = lots.match(trades).states
    return int(states["quantity"].to_numpy()[states["until"].to_numpy() < 0].sum())


def average(trades: pd.DataFrame) -> int:
    """Units held in the end."""
    from daybook.ledger import lots

    return fifo(trades.assign(method=np.int8(lots.METHODS["average"])))


def duckdb(trades: pd.DataFrame) -> int:
    """Units held in the end."""
    import duckdb as peer

    held = peer.sql('SET threads = 1; SELECT "group", sum(quantity) q, sum(cost) FROM trades GROUP BY 1').fetchnumpy()
    return int(held["q"].sum())


def beancount(trades: pd.DataFrame) -> int:
    """Errors of the ledger of a slice: sales of what is not held, which it cannot book."""
    from beancount import loader

    lines = [f'1990-01-01 open Assets:H{n} "FIFO"' for n in range(10)] + ["1990-01-01 open Equity:Cash"]
    lines += ["1990-01-01 open Income:Gains"]
    part, held = trades.iloc[:SLICE], dict.fromkeys(range(10), 0)
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(SLICE) // 4, unit="D")
    for day, units, money, number in zip(dates, part["quantity"], part["cost"], part["group"] % 10, strict=True):
        size, price = abs(units) // 10**8, money / 1e6 / (units / 1e8)
        sells = units < 0 and held[number] >= size
        held[number] += -size if sells else size
        lines += [f'{day:%Y-%m-%d} * "trade"']
        if sells:
            lines += [f"  Assets:H{number}  -{size} X {{}} @ {price:.2f} USD", f"  Equity:Cash  {size * price:.2f} USD"]
            lines += ["  Income:Gains"]
        else:
            lines += [f"  Assets:H{number}  {size} X {{{price:.2f} USD}}", "  Equity:Cash"]
    _, errors, _ = loader.load_string("\n".join(lines))
    return len(errors)


WAYS = {"fifo": fifo, "average": average, "duckdb": duckdb, "beancount": beancount}


def _cost(name: str, trades: pd.DataFrame) -> dict[str, float]:
    """Seconds of the middle of several runs, after one to warm up; beancount's one run is multiplied."""
    runs, found = (1, []) if name == "beancount" else (RUNS + 1, [])
    for _ in range(runs):
        wall, cpu = perf_counter(), process_time()
        total = WAYS[name](trades)
        found.append((process_time() - cpu, perf_counter() - wall))
    cpu, wall = sorted(found[1:] or found)[len(found[1:]) // 2]
    times = TRADES // SLICE if name == "beancount" else 1
    return {"cpu": cpu * times, "wall": wall * times, "sum": total}


if __name__ == "__main__":
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp(prefix="daybook-bench-"))
    if len(sys.argv) < 2:
        from benchmarks.__main__ import show

        show(rows(folder))
    elif sys.argv[1] == "prepare":
        prepare(folder)
    else:
        sys.stdout.write(json.dumps(_cost(sys.argv[1], pd.read_parquet(folder / "trades.parquet"))) + "\n")
