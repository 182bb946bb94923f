"""Brinson-Fachler effects with Carino linking of ten thousand books over a year, beside pandas and beside memory.

Belongs here: the cubes, the ways, and the child process that measures them. 10,000 books x 11 sectors x 252 sessions;
ours is ``daybook.attribution.kernel``, checked inputs and linked effects of every book and sector. The limit is reading
the four cubes once. pandas groups the same numbers by book and session, on the first books alone, and is multiplied.
The ways take turns in one process on one thread, five times; the middle of each is told, in processor time.
"""

import json
import sys
from dataclasses import replace
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.risk import ONE_THREAD
from benchmarks.timing import Cost, Row, measure

BOOKS, SECTORS, SESSIONS = 10_000, 11, 252
SAMPLE = 200
"""Books on which pandas is timed."""
ROUNDS = 5
LIMIT, PANDAS, DAY = 7.0, 35.0, 0.01
"""Goal 7 of PERFORMANCE.md: times the memory limit, pandas' time over ours, part of a year that a new day costs."""


def cubes() -> list[Any]:
    """Weights of books and benchmarks, and returns of both: (sessions, books, sectors)."""
    generator = np.random.default_rng(7)
    shape = (SESSIONS, BOOKS, SECTORS)
    weights = []
    for _ in range(2):
        cube = generator.random(shape)
        cube /= cube.sum(axis=2, keepdims=True)
        weights.append(cube)
    return [*weights, *(generator.normal(0.0003, 0.01, shape) for _ in range(2))]


def pandas_way(own: Any, index: Any, earned: Any, there: Any) -> Any:
    """Linked effects (books, sectors, 3) of the same by groups of a frame."""
    import pandas as pd

    sessions, books, sectors = own.shape
    keys = pd.MultiIndex.from_product([range(sessions), range(books), range(sectors)], names=["day", "book", "sector"])
    sides = {"own": own.ravel(), "index": index.ravel(), "earned": earned.ravel(), "there": there.ravel()}
    rows = pd.DataFrame(sides, index=keys).reset_index()

    def work() -> Any:
        parts = rows.assign(r=rows["own"] * rows["earned"], b=rows["index"] * rows["there"])
        whole = parts.groupby(["day", "book"])[["r", "b"]].transform("sum")
        ahead, bet = rows["earned"] - rows["there"], rows["own"] - rows["index"]
        gap = whole["r"] - whole["b"]
        k = (np.log1p(whole["r"]) - np.log1p(whole["b"])) / gap.where(gap != 0)
        effects = pd.DataFrame(
            {"a": k * bet * (rows["there"] - whole["b"]), "s": k * rows["index"] * ahead, "i": k * bet * ahead}
        )
        sums = effects.groupby([rows["book"], rows["sector"]]).sum().to_numpy().reshape(books, sectors, 3)
        daily = whole.assign(book=rows["book"], day=rows["day"]).drop_duplicates(["book", "day"])
        logs = np.log1p(daily[["r", "b"]]).groupby(daily["book"]).sum().to_numpy()
        growth = np.expm1(logs)
        return sums / ((logs[:, 0] - logs[:, 1]) / (growth[:, 0] - growth[:, 1]))[:, None, None]

    return work


def measured() -> dict[str, float]:
    """CPU seconds of each way, and the largest difference and gap found."""
    from daybook.attribution import kernel

    data = cubes()
    sample = [np.ascontiguousarray(cube[:, :SAMPLE]) for cube in data]
    last = [cube[-1:] for cube in data]
    empty = kernel.start(BOOKS, SECTORS)
    before = kernel.appended(empty, *[cube[:-1] for cube in data])
    theirs = pandas_way(*sample)

    def ours() -> Any:
        return kernel.between(empty, kernel.appended(empty, *data))

    ways = {
        "memory": lambda: [cube.sum() for cube in data],
        "daybook": ours,
        "day": lambda: kernel.appended(before, *last),
        "pandas": theirs,
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, Any] = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = process_time()
            answers[name] = way()
            spent[name].append(process_time() - began)
    cost = {name: sorted(each)[ROUNDS // 2] for name, each in spent.items()}
    cost["pandas"] *= BOOKS / SAMPLE
    effects, active = answers["daybook"]
    cost["gap"] = float(np.abs(effects.sum(axis=(1, 2)) - active).max())
    cost["difference"] = float(np.abs(effects[:SAMPLE] - answers["pandas"]).max())
    return cost


def rows() -> list[Row]:
    """The ways, as lines of the table.

    Raises:
        RuntimeError: the effects do not add up to the active return, or are not those of pandas.
    """
    cost = measure([sys.executable, "-m", "benchmarks.attribution"], ONE_THREAD)
    told = json.loads(cost.output.splitlines()[-1])
    if told["gap"] > 1e-12 or told["difference"] > 1e-12:
        raise RuntimeError(f"effects miss the active return by {told['gap']}, those of pandas by {told['difference']}")

    def of(name: str) -> Cost:
        return replace(cost, wall=told[name], cpu=told[name])

    what = f"{BOOKS:,} books x {SECTORS} x {SESSIONS}"
    limit, pandas, day = (
        told["daybook"] / told["memory"],
        told["pandas"] / told["daybook"],
        told["day"] / told["daybook"],
    )
    return [
        Row(f"{what}: reading the cubes once", of("memory")),
        Row(f"{what}: Brinson-Fachler, Carino", of("daybook"), limit, f"<= {LIMIT:g} x reading", limit <= LIMIT),
        Row(f"{what}: one more day", of("day"), day, f"<= {DAY:g} of the year", day <= DAY),
        Row(f"{what}: pandas (x{BOOKS // SAMPLE})", of("pandas"), pandas, f">= {PANDAS:g} x ours", pandas >= PANDAS),
    ]


if __name__ == "__main__":
    began = perf_counter()
    print(json.dumps(measured() | {"seconds": perf_counter() - began}))
