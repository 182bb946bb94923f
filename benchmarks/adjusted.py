"""Total-return series of a universe of twenty years, beside pandas on the same rows.

Belongs here: the prices and actions, and the child process that one way costs. Both ways get the same frames, read from
files before the clock starts. Pandas merges splits and dividends to the prices by instrument and date, and multiplies
along each instrument: it knows no other kind of action, no days off, no change of currency, and tells no reasons.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from benchmarks.timing import Cost, Row, measure

INSTRUMENTS, YEARS = 3_000, 20
GOAL, MEMORY = 1.0, 2_048.0
"""Times pandas, and MB at most (issue 3)."""
LAST = "2022-12-30"
KEY = ["instrument", "business_date"]


def prepare(folder: Path) -> None:
    """``prices.parquet`` and ``actions.parquet``: random walks by date, as the lake gives them; two in three
    instruments pay four dividends a year, and each splits twice."""
    from daybook import calendars, tables

    days = calendars.sessions("XNYS", last=LAST)
    days = days[days > pd.Timestamp(LAST) - pd.DateOffset(years=YEARS)]
    generator = np.random.default_rng(3)
    names = np.array([f"I{n:05d}" for n in range(INSTRUMENTS)])
    walk = generator.normal(0.0002, 0.01, (len(days), INSTRUMENTS)).cumsum(axis=0)
    prices = pd.DataFrame(
        {
            "business_date": np.repeat(days.to_numpy(), INSTRUMENTS),
            "instrument": pd.Series(np.tile(names, len(days)), dtype="str"),
            "close": (50.0 * np.exp(walk)).round(2).ravel(),
            "currency": "USD",
            "price_basis": "raw",
        }
    )
    prices.to_parquet(folder / "prices.parquet", index=False)
    payers = np.repeat(names[: INSTRUMENTS * 2 // 3], 4 * YEARS)
    splits = np.repeat(names, 2)
    kinds = np.repeat(["cash_dividend", "split"], [len(payers), len(splits)])
    actions = tables.empty("corporate_actions").reindex(range(len(kinds)))
    actions = actions.assign(
        action_id=[f"A{n}" for n in range(len(kinds))],
        instrument=np.r_[payers, splits],
        kind=kinds,
        ex_date=generator.choice(days[1:].to_numpy(), len(kinds)),
        amount=np.where(kinds == "split", np.nan, 0.25),
        numerator=np.where(kinds == "split", 2.0, np.nan),
        denominator=np.where(kinds == "split", 1.0, np.nan),
        currency="USD",
        new_instrument="",
        status="confirmed",
    )
    actions.drop_duplicates(["instrument", "ex_date"]).to_parquet(folder / "actions.parquet", index=False)


def rows(folder: Path) -> list[Row]:
    """Both ways, as lines of the table.

    Raises:
        RuntimeError: they do not give the same closes.
    """
    # A child begins with the memory of whoever starts it, so the rows are made by another one.
    measure([sys.executable, "-m", "benchmarks.adjusted", "prepare", str(folder)])
    theirs, ours = (way(name, folder) for name in WAYS)
    found = [json.loads(cost.output.splitlines()[-1])["sum"] for cost in (theirs, ours)]
    if not np.isclose(*found, rtol=1e-9):
        raise RuntimeError(f"pandas and Daybook differ: the closes add up to {found[0]} and {found[1]}")
    ratio = ours.wall / theirs.wall
    what = f"{INSTRUMENTS:,} total-return series of {YEARS} years"
    met = ratio <= GOAL and ours.peak_mb <= MEMORY
    goal = f"<= {GOAL} x pandas, {MEMORY:,.0f} MB"
    return [Row(f"{what}: pandas", theirs), Row(f"{what}: adjusted", ours, ratio, goal, met)]


def way(name: str, folder: Path) -> Cost:
    """What the work of a child cost, without imports and reading; memory of the whole child."""
    cost = measure([sys.executable, "-m", "benchmarks.adjusted", name, str(folder)])
    return replace(cost, wall=float(json.loads(cost.output.splitlines()[-1])["seconds"]))


def pandas(prices: pd.DataFrame, actions: pd.DataFrame) -> "pd.Series[float]":
    """The adjusted closes in the terms of the last date."""
    known = actions.rename(columns={"ex_date": "business_date"})
    split = known[known["kind"] == "split"]
    ratio = (split["numerator"] / split["denominator"]).groupby([split[name] for name in KEY]).prod().rename("ratio")
    paid = known[known["kind"] == "cash_dividend"].groupby(KEY)["amount"].sum()
    ordered = prices.sort_values(KEY)[[*KEY, "close"]]
    rows = ordered.merge(ratio.reset_index(), on=KEY, how="left").merge(paid.reset_index(), on=KEY, how="left")
    growth = rows["ratio"].fillna(1.0) + rows["amount"].fillna(0.0) / rows["close"]
    factor = growth.groupby(rows["instrument"]).cumprod()
    factor /= factor.groupby(rows["instrument"]).transform("last")
    return (rows["close"] * factor).set_axis(ordered.index).reindex(prices.index)


def daybook(prices: pd.DataFrame, actions: pd.DataFrame) -> "pd.Series[float]":
    """The adjusted closes in the terms of the last date."""
    from daybook.market.adjusted import adjusted

    return adjusted(prices, actions, "total", LAST)["close"]


WAYS = {"pandas": pandas, "daybook": daybook}

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    if sys.argv[1] == "prepare":
        prepare(folder)
    else:
        frames = [pd.read_parquet(folder / f"{table}.parquet") for table in ("prices", "actions")]
        began = perf_counter()
        total = float(WAYS[sys.argv[1]](*frames).sum())
        sys.stdout.write(json.dumps({"seconds": perf_counter() - began, "sum": total}) + "\n")
