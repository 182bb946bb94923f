"""What changed between two closes of a large firm, beside reading both versions.

Belongs here: a lake with two versions of a day of 10,000 books and 1,000,000 positions, of which one price in a
hundred, one exchange rate and 2,000 late trades differ, and the children that read them, and read and compare them.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from benchmarks.timing import Cost, Row, measure

BOOKS, HELD, INSTRUMENTS, LATE = 10_000, 100, 3_000, 2_000
DAY = pd.Timestamp("2022-12-27")
GOAL = 4.0
"""Times reading both versions; the issue sets none."""
TABLES = ("nav", "valuations", "prices", "postings")


def prepare(folder: Path) -> None:
    """Two versions of each table under ``folder``, and the late trades as ``origins.parquet``."""
    from resources.lake import Lake

    generator = np.random.default_rng(5)
    lake = Lake(str(folder / "changes-lake"))
    book = np.repeat([f"B{n:05d}" for n in range(BOOKS)], HELD)
    held = (np.arange(HELD)[None, :] * 29 + generator.integers(0, 29, (BOOKS, HELD))).ravel()
    quantity = generator.integers(1, 10_000, len(book)).astype(float)
    price = generator.uniform(5, 500, INSTRUMENTS).round(2)
    foreign = np.arange(INSTRUMENTS) % 10 == 0
    late = np.sort(generator.choice(len(book), LATE, replace=False))
    for version in (0, 1):
        if version:
            price[generator.choice(INSTRUMENTS, INSTRUMENTS // 100, replace=False)] *= 1.02
            quantity[late] += 100.0
        rate = np.where(foreign, 1.1 + 0.01 * version, 1.0)
        _write(lake, book, held, quantity, price, rate, foreign, late if version else late[:0])
    trades = pd.DataFrame({"transaction_id": [f"T{n}" for n in range(LATE)], "book": book[late]})
    trades = trades.assign(
        cause="transaction_added", name=trades["transaction_id"], reason="late", file="late.csv", line=2
    )
    trades.to_parquet(folder / "origins.parquet", index=False)


def _write(lake, book, held, quantity, price, rate, foreign, late):  # type: ignore[no-untyped-def]
    from daybook import tables

    names = np.array([f"I{n:04d}" for n in range(INSTRUMENTS)])
    currency = np.where(foreign, "EUR", "USD")
    rows = pd.DataFrame(
        {
            "business_date": DAY,
            "book": book,
            "instrument": names[held],
            "quantity": quantity,
            "price": price[held],
            "currency": currency[held],
            "fx_rate": rate[held],
            "market_value": quantity * price[held],
            "market_value_base": (quantity * price[held] * rate[held]).round(6),
            "accrued_interest": 0.0,
            "status": "ok",
        }
    )
    paid = pd.Series(price[held][late] * 100.0).groupby(book[late]).sum()
    cash = pd.DataFrame({"business_date": DAY, "book": np.unique(book), "instrument": "CASH:USD", "currency": "USD"})
    cash["quantity"] = 1e6 - paid.reindex(cash["book"]).fillna(0.0).to_numpy().round(6)
    cash = cash.assign(price=1.0, fx_rate=1.0, accrued_interest=0.0, status="ok")
    cash = cash.assign(market_value=cash["quantity"], market_value_base=cash["quantity"])
    rows = pd.concat([rows, cash], ignore_index=True)
    total = np.rint(rows["market_value_base"] * 1e6).astype("int64").groupby(rows["book"]).sum() / 1e6
    nav = pd.DataFrame({"business_date": DAY, "book": total.index, "nav": total.to_numpy(), "status": "ok"})
    golden = pd.DataFrame({"business_date": DAY, "instrument": names, "close": price, "currency": currency})
    legs = pd.DataFrame({"business_date": DAY, "book": book[late], "kind": "buy", "debit": price[held][late] * 100.0})
    legs = legs.assign(transaction_id=[f"T{n}" for n in range(len(late))], currency="USD")
    posted = [
        legs.assign(posting=1, ledger_account="securities", instrument=names[held][late], quantity=100.0),
        legs.assign(posting=2, ledger_account="cash", instrument="", quantity=0.0, debit=-legs["debit"].round(6)),
    ]
    frames = {
        "valuations": rows,
        "nav": nav.assign(base_currency="USD"),
        "prices": golden.assign(status="ok", file="prices.csv", line=2, source="a"),
        "postings": pd.concat(posted, ignore_index=True),
    }
    for name, frame in frames.items():
        whole = frame.reindex(columns=list(tables.TABLES[name].names))
        words = [column.name for column in tables.TABLES[name].columns if column.type == "text"]
        whole[words] = whole[words].astype("object").fillna("")
        whole["line" if name == "prices" else "business_date"] = frame["line" if name == "prices" else "business_date"]
        if name == "valuations":
            whole["fair_value_level"] = 1
        lake.write(name, whole.astype(dict.fromkeys(words, "str")), [DAY])


def read(folder: Path) -> list[dict[str, pd.DataFrame]]:
    """Both versions of what is compared."""
    from resources.lake import Lake

    lake = Lake(str(folder / "changes-lake"))
    first = {name: (lake.version(name) or 1) - 1 for name in TABLES}
    return [{name: lake.read(name, DAY, DAY, version=at + step) for name, at in first.items()} for step in (0, 1)]


def compared(folder: Path) -> float:
    """Both versions read and what changed; the sum of the effects."""
    from daybook import tables
    from daybook.control import changes

    rates = tables.empty("raw_fx_rates")
    then, now = (changes.State(**side, raw_fx_rates=rates) for side in read(folder))
    rows = changes.changes(then, now, pd.read_parquet(folder / "origins.parquet"), pd.Series([], dtype="str"))
    gap = changes.micros(now.nav["nav"]).sum() - changes.micros(then.nav["nav"]).sum()
    if changes.micros(rows["effect"]).sum() != gap or rows["cause"].eq("rest").any():
        raise RuntimeError("the effects do not add up to the change of NAV, or something is not told")
    return float(len(rows))


def only_read(folder: Path) -> float:
    """Both versions read; the number of rows."""
    return float(sum(len(frame) for side in read(folder) for frame in side.values()))


WAYS = {"read": only_read, "changes": compared}


def rows(folder: Path) -> list[Row]:
    """Both ways, as lines of the table."""
    measure([sys.executable, "-m", "benchmarks.changes", "prepare", str(folder)])
    theirs, ours = (way(name, folder) for name in WAYS)
    ratio = ours.wall / theirs.wall
    what = f"two closes of {BOOKS:,} books"
    goal = f"<= {GOAL} x reading"
    return [Row(f"{what}: read", theirs), Row(f"{what}: changes", ours, ratio, goal, ratio <= GOAL)]


def way(name: str, folder: Path) -> Cost:
    """What the work of a child cost, without imports; memory of the whole child."""
    cost = measure([sys.executable, "-m", "benchmarks.changes", name, str(folder)])
    return replace(cost, wall=float(json.loads(cost.output.splitlines()[-1])["seconds"]))


if __name__ == "__main__":
    where = Path(sys.argv[2])
    if sys.argv[1] == "prepare":
        prepare(where)
    else:
        import resources.lake  # noqa: F401  # imports are not measured

        began = perf_counter()
        result = WAYS[sys.argv[1]](where)
        sys.stdout.write(json.dumps({"seconds": perf_counter() - began, "rows": result}) + "\n")
