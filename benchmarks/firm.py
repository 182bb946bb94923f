"""One more day of a large firm from a checkpoint, beside deriving it from the whole log.

Belongs here: the firm, and the child process that each way costs. 10,000 books hold 1,000,000 positions, of three
million transactions in three years; both ways make every table of the ledger of one session, and must make the same.
The rebuild is given the whole log, one more day the checkpoint of the session before and the transactions of the day.
What it cost to take the checkpoint is told beside: it serves until a fact before it changes.
"""

import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.timing import Cost, Row, measure

BOOKS, POSITIONS, INSTRUMENTS, TRADES = 10_000, 1_000_000, 3_000, 3_000_000
FIRST, BEFORE, DAY = "2020-01-02", "2022-12-27", "2022-12-28"
MARKETS, CURRENCIES = np.array(["XNYS", "XLON", "XETR", "XTKS"]), np.array(["USD", "GBP", "EUR", "JPY"])
SOURCE = "bench"
FACTS = ("corporate_actions", "books", "instruments", "raw_fx_rates", "prices", "fx_rates")


def prepare(folder: Path) -> None:
    """The facts of the firm, a parquet file each, and the log."""
    from daybook import calendars

    generator = np.random.default_rng(7)
    books = np.array([f"B{n:05d}" for n in range(BOOKS)])
    names = np.array([f"I{n:05d}" for n in range(INSTRUMENTS)])
    market = generator.integers(0, len(MARKETS), INSTRUMENTS)
    days = calendars.sessions("XNYS", FIRST, DAY).to_numpy()
    since = np.datetime64("2000-01-01", "us")
    terms: dict[str, dict[str, Any]] = {
        "books": {
            "book": books, "base_currency": CURRENCIES[generator.integers(0, 3, BOOKS)], "lot_pool": "book",
            "calendar": MARKETS[generator.choice(4, BOOKS, p=[0.7, 0.1, 0.1, 0.1])], "valid_from": since,
            "lot_method": generator.choice(["fifo", "average", "highest", "uk"], BOOKS, p=[0.7, 0.2, 0.05, 0.05]),
        },
        "instruments": {
            "instrument": names, "currency": CURRENCIES[market], "exchange": MARKETS[market], "multiplier": 1.0,
            "asset_class": "equity", "valid_from": since,
        },
        "prices": {
            "business_date": np.repeat(days[-2:], INSTRUMENTS), "instrument": np.tile(names, 2), "status": "ok",
            "currency": np.tile(CURRENCIES[market], 2),
            "close": generator.uniform(5.0, 200.0, 2 * INSTRUMENTS).round(2),
        },
        "corporate_actions": _actions(names, market, days),
    }  # fmt: skip
    level = np.exp(np.cumsum(generator.normal(0.0, 0.004, (len(days), 3)), axis=0)) * [1.1, 1.3, 120.0]
    rates = {"business_date": np.repeat(days, 3), "rate": level.round(6).ravel(), "source": SOURCE, "status": "ok"}
    rates |= {"base": np.tile(["EUR", "GBP", "USD"], len(days)), "quote": np.tile(["USD", "USD", "JPY"], len(days))}
    for name, columns in (terms | {"raw_fx_rates": rates, "fx_rates": rates}).items():
        _table(name, columns).to_parquet(folder / f"{name}.parquet", index=False)
    _log(generator, books, names, market, days).to_parquet(folder / "log.parquet", index=False)


def _actions(names: Any, market: Any, days: Any) -> dict[str, Any]:
    """A dividend of 300 instruments in each year, and a split of 100 in all."""
    paying, splitting = np.tile(np.arange(0, INSTRUMENTS, 10), 3), np.arange(5, INSTRUMENTS, 30)
    of = np.r_[paying, splitting]
    pays = np.arange(len(of)) < len(paying)
    ex = days[np.r_[np.repeat([100, 350, 600], len(paying) // 3) + paying % 97, 200 + splitting % 400]]
    return {
        "action_id": np.array([f"A{n:04d}" for n in range(len(of))]), "instrument": names[of], "ex_date": ex,
        "kind": np.where(pays, "cash_dividend", "split"), "pay_date": ex + np.timedelta64(21, "D"),
        "amount": np.where(pays, 0.5, np.nan), "withholding_rate": np.where(pays, 0.15, np.nan),
        "numerator": np.where(pays, np.nan, 2.0), "denominator": np.where(pays, np.nan, 1.0),
        "currency": CURRENCIES[market[of]], "status": "confirmed",
    }  # fmt: skip


def _log(generator: np.random.Generator, books: Any, names: Any, market: Any, days: Any) -> pd.DataFrame:
    """A purchase of every position, and as many trades again twice, a third of them sales of less than is held."""
    each = POSITIONS // BOOKS
    first = generator.integers(0, INSTRUMENTS, (BOOKS, 1))
    held = ((first + 7 * np.arange(each)) % INSTRUMENTS).ravel()
    owner = np.repeat(np.arange(BOOKS), each)
    at = np.r_[np.arange(POSITIONS), generator.integers(0, POSITIONS, TRADES - POSITIONS)]
    opens = np.arange(TRADES) < POSITIONS
    sells = ~opens & (generator.random(TRADES) < 1 / 3)
    on = np.where(opens, generator.integers(0, 250, TRADES), generator.integers(250, len(days), TRADES))
    units = np.where(opens, generator.integers(1_000, 5_000, TRADES), generator.integers(1, 100, TRADES))
    order = np.argsort(on, kind="stable")
    at, opens, sells, on, units = (values[order] for values in (at, opens, sells, on, units))
    cents = generator.integers(500, 20_000, TRADES)
    wanted = {
        "transaction_id": np.array([f"T{n:07d}" for n in range(TRADES)]), "book": books[owner[at]],
        "instrument": names[held[at]], "kind": np.where(sells, "sell", "buy"), "trade_date": days[on],
        "currency": CURRENCIES[market[held[at]]], "quantity": units, "price": cents,
        "known_at": pd.DatetimeIndex(days[on]).tz_localize("UTC"), "line": np.arange(TRADES),
    }  # fmt: skip
    return _table("transactions", wanted)


def _table(name: str, columns: dict[str, Any]) -> pd.DataFrame:
    """Rows of table ``name``; what is not given is empty."""
    from daybook import tables

    blank = {"text": "", "int": 0, "bool": True, "float": np.nan, "date": pd.NaT, "time": pd.NaT}
    given = pd.DataFrame({key: columns[key] for key in tables.TABLES[name].names if key in columns})
    made = {
        column.name: given[column.name]
        if column.name in given
        else pd.Series([blank[column.type]] * len(given), dtype=tables.PANDAS[column.type])
        for column in tables.TABLES[name].columns
    }
    typed = {c.name: tables.PANDAS[c.type] for c in tables.TABLES[name].columns if c.type not in ("float", "int")}
    return pd.DataFrame(made).astype(typed)


def log(folder: Path, since: Any) -> pd.DataFrame:
    """Transactions dated after ``since``, exact columns as Decimals or None, as the facts have them."""
    rows = pd.read_parquet(folder / "log.parquet", filters=[("trade_date", ">", since)])
    units, cents = rows["quantity"].to_numpy(np.int64), rows["price"].to_numpy(np.int64)
    whole = np.array([Decimal(n) for n in range(5_000)], object)
    money = np.array([Decimal(n).scaleb(-2) for n in range(20_000)], object)
    rest = dict.fromkeys(("fees", "taxes", "accrued_interest", "fx_rate", "cost"), np.full(len(rows), None, object))
    return rows.assign(quantity=whole[units], price=money[cents], **rest)


def derived(folder: Path, taken: bool) -> Callable[[], dict[str, pd.DataFrame]]:
    """Read; the work derives the day's tables."""
    from daybook import ledger
    from daybook.ledger import spans

    facts = [pd.read_parquet(folder / f"{name}.parquet") for name in FACTS]
    opening = pickle.loads((folder / "checkpoint").read_bytes()) if taken else None
    rows = log(folder, spans.dates(np.array([opening.settled]))[0] if opening else pd.Timestamp("1900"))
    day = pd.DatetimeIndex([DAY]).as_unit("us")
    return lambda: ledger.derive(rows, *facts, day, (SOURCE,), opening=opening)


def rebuild(folder: Path) -> Callable[[], Any]:
    """Every table of the day from the whole log."""
    return derived(folder, taken=False)


def more(folder: Path) -> Callable[[], Any]:
    """Every table of the day from the checkpoint of the session before."""
    return derived(folder, taken=True)


def take(folder: Path) -> Callable[[], Any]:
    """The checkpoint, written to ``folder``."""
    from daybook.ledger import checkpoint

    facts = [pd.read_parquet(folder / f"{name}.parquet") for name in FACTS[:4]]
    rows = log(folder, pd.Timestamp("1900"))

    def work() -> dict[str, pd.DataFrame]:
        found = checkpoint.taken(rows, *facts, pd.Timestamp(BEFORE), (SOURCE,))
        (folder / "checkpoint").write_bytes(pickle.dumps(found, protocol=5))
        return {name: getattr(found, name) for name in ("log", "holdings", "lots", "payments", "flows")}

    return work


WAYS = {"take": take, "rebuild": rebuild, "more": more}


def rows(folder: Path) -> list[Row]:
    """Every way, as lines of the table.

    Raises:
        RuntimeError: the tables of the day are not the same.
    """
    measure([sys.executable, "-m", "benchmarks.firm", "prepare", str(folder)])
    costs = {name: way(name, folder) for name in WAYS}
    told = {name: json.loads(cost.output.splitlines()[-1]) for name, cost in costs.items()}
    if told["rebuild"]["hash"] != told["more"]["hash"]:
        raise RuntimeError(f"from the checkpoint the day is another: {told['rebuild']} and {told['more']}")
    firm = f"a firm of {BOOKS:,} books and {told['more']['rows']['positions']:,} positions"
    ratio = costs["rebuild"].cpu / costs["more"].cpu
    kept = told["take"]["rows"]
    return [
        Row(f"{firm}: one day from {TRADES:,} trades", costs["rebuild"]),
        Row("  one more day from a checkpoint; times less CPU", costs["more"], ratio),
        Row(f"  taking it: {kept['lots']:,} lots, {kept['log']:,} trades", costs["take"]),
    ]


def way(name: str, folder: Path) -> Cost:
    """What the work of a child cost, without imports and reading; memory of the whole child."""
    cost = measure([sys.executable, "-m", "benchmarks.firm", name, str(folder)])
    told = json.loads(cost.output.splitlines()[-1])
    return replace(cost, wall=float(told["wall"]), cpu=float(told["cpu"]))


def _told(name: str, folder: Path) -> dict[str, Any]:
    from daybook import tables

    work = WAYS[name](folder)
    began, used = perf_counter(), process_time()
    made = work()
    cost = {"wall": perf_counter() - began, "cpu": process_time() - used}
    hashes = [] if name == "take" else [tables.content_hash(table, made[table]) for table in sorted(made)]
    return {**cost, "rows": {table: len(frame) for table, frame in made.items()}, "hash": hashes}


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    if sys.argv[1] == "prepare":
        prepare(folder)
    else:
        sys.stdout.write(json.dumps(_told(sys.argv[1], folder)) + "\n")
