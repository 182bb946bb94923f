"""VaR, expected shortfall and component VaR of many books, beside six peers and the limits of the machine.

Belongs here: the books, the ways, and the child processes that measure them. Books hold 50 to 150 of 3,000 instruments
and have 1,000 scenarios; k = 10, confidence 0.99. The ways take turns in one process on one thread, five times, and the
middle of each is told, so that what else the machine does falls on all alike. Peers that go book by book are timed on a
sample of the books and multiplied. Those that measure a P&L vector get it from the product of dense weights and returns
in numpy, as those packages do, which know no sparse books; beside it is told what the quickest costs once it is there.

ORE values the same positions by its historical simulation from XML files, and writes CSV files; its quantile is the
scenario floor(S p) + 1 where Daybook's is ceil(S p): the 11th where Daybook's is the 10th, and is compared as such.
"""

import ctypes
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.timing import Cost, Row, measure

BOOKS, INSTRUMENTS, SCENARIOS, K = 10_000, 3_000, 1_000, 10
CURVE = (1_000, 3_000, 10_000, 30_000, 100_000)
ORE_BOOKS, ORE_INSTRUMENTS = 10, 100
SAMPLE = 200
"""Books on which a peer is timed that goes book by book."""
ROUNDS = 5
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

FLOP, SCIPY, MEASURES, PANDAS = 5.0, 8.0, 18.0, 100.0
COMPONENTS, CONTRIBUTIONS, ORE = 0.20, 1_000.0, 1_000.0
GROWTH, WORKERS, RSS, MEMORY = 0.15, 1.7, 10.0, 8_192.0
"""Goals 1, 2, 4 and 16 of PERFORMANCE.md; MB."""

PEERS = {
    "scipy": ("scipy CSR, np.partition", SCIPY),
    "pandas": ("pandas, a loop over books", PANDAS),
    "riskfolio": ("riskfolio VaR_Hist, CVaR_Hist", MEASURES),
    "empyrical": ("empyrical value_at_risk and conditional_", MEASURES),
    "skfolio": ("skfolio value_at_risk, cvar", MEASURES),
}

MEASURED = ("riskfolio", "empyrical", "skfolio")

Firm = tuple[Any, Any, Any, Any]


def firm(books: int) -> Firm:
    """indptr, lines, values and returns; the first books of a larger firm are not those of a smaller one."""
    generator = np.random.default_rng(books)
    common = generator.standard_normal(SCENARIOS)
    returns = 0.01 * (generator.standard_t(4, (INSTRUMENTS, SCENARIOS)) + common)
    counts = generator.integers(50, 151, books)
    indptr = np.r_[0, counts.cumsum()]
    # A random start and step through the instruments: distinct ones for each book, since 3,000 / 150 = 20 >= the step.
    start, step = (np.repeat(generator.integers(1, most, books), counts) for most in (INSTRUMENTS, 20))
    within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    lines = ((start + step * within) % INSTRUMENTS).astype(np.int32)
    return indptr, lines, np.round(generator.uniform(1e4, 1e6, indptr[-1]), 2), returns


def rows(folder: Path) -> list[Row]:
    """Every way, as lines of the table.

    Raises:
        RuntimeError: two ways that must agree do not.
    """
    lines = []
    for books in (1_000, BOOKS):
        told = child("beside", str(books))
        lines += beside(books, told)
    lines += growth([child("grow", str(books)) for books in CURVE])
    told = child("dask", str(CURVE[-1]))
    if not told["same"]:
        raise RuntimeError("two worker processes and one process do not give the same bits")
    faster = told["one"]["wall"] / told["two"]["wall"]
    shared = told["one"]["cpu"] / told["two"]["cpu"]
    what = f"{CURVE[-1]:,} books, two Dask workers, same bits"
    lines.append(Row(f"{what}: faster by the clock", cost(told["two"]), faster))
    goal = f">= {WORKERS} x"
    lines.append(Row("  by the CPU time of the busier worker", cost(told["two"]), shared, goal, shared >= WORKERS))
    told = child("ore", str(folder))
    times = told["ore"]["cpu"] / told["daybook"]["cpu"]
    what = f"{ORE_BOOKS} books x {ORE_INSTRUMENTS} x {SCENARIOS:,}"
    lines.append(Row(f"{what}: ORE, XML to CSV", cost(told["ore"])))
    lines.append(
        Row("  Daybook, the same figures; x faster", cost(told["daybook"]), times, f">= {ORE:,.0f} x", times >= ORE)
    )
    return lines


def beside(books: int, told: dict[str, Any]) -> list[Row]:
    """Daybook, the limits and the peers of one size; the goals are for the larger."""
    ours, judged = told["var"]["cpu"], books == BOOKS

    def row(what: str, spent: Cost, ratio: float, goal: str = "", met: bool = True) -> Row:
        return Row(what, spent, ratio, goal if judged else "", met if judged and goal else None)

    limit, share, grown = ours / told["flop"], told["components"]["cpu"] / ours, told["grown"]
    both = told["contributions"]["cpu"] / (ours + told["components"]["cpu"] + told["shares"]["cpu"])
    spent = cost(told["var"], grown)
    lines = [
        Row(f"{books:,} books, {told['positions']:,} positions: VaR and ES", spent),
        row("  x the FLOP limit, sgemm of the same run", timed(told["flop"]), limit, f"<= {FLOP} x", limit <= FLOP),
        row("  x the memory limit, 2 bytes a return", timed(told["memory"]), ours / told["memory"]),
        row("  growth of the peak, MB", spent, grown, f"<= {RSS:.0f} MB", grown <= RSS),
    ]
    for name, (what, goal) in PEERS.items():
        times = told[name]["cpu"] / ours
        lines.append(row(f"  faster than {what}", cost(told[name]), times, f">= {goal:.0f} x", times >= goal))
    quickest = min((told[f"{name} given"] for name in MEASURED), key=lambda one: one["cpu"])
    what = "  faster than the quickest of them, P&L given"
    lines.append(row(what, cost(quickest), quickest["cpu"] / ours))
    spent = cost(told["components"])
    lines.append(row("  component VaR, part of VaR", spent, share, f"<= {COMPONENTS}", share <= COMPONENTS))
    what, spent = "  with component ES, faster than Risk_Contribution", cost(told["contributions"])
    lines.append(row(what, spent, both, f">= {CONTRIBUTIONS:,.0f} x", both >= CONTRIBUTIONS))
    return lines


def growth(told: list[dict[str, Any]]) -> list[Row]:
    """The curve: CPU time against books on a straight line, whose start is reading the returns once."""
    books, cpu = np.array(CURVE, float), np.array([one["cpu"] for one in told])
    # Least squares of the relative distance: the small firms count as much as the large one.
    line = np.linalg.lstsq(np.c_[1 / cpu, books / cpu], np.ones(len(cpu)), rcond=None)[0]
    off = np.abs((line[0] + line[1] * books) / cpu - 1)
    lines = []
    for one, count, apart in zip(told, CURVE, off, strict=True):
        met = bool(apart <= GROWTH and one["peak"] <= MEMORY)
        goal = f"<= {GROWTH}, {MEMORY:,.0f} MB"
        lines.append(Row(f"growth: {count:,} books, part off the line", cost(one, one["peak"]), apart, goal, met))
    return lines


def cost(told: dict[str, Any], peak: float = float("nan")) -> Cost:
    """Seconds that a child told."""
    return Cost(told["wall"], told["cpu"], peak, "")


def timed(seconds: float) -> Cost:
    """A limit, which has no other time."""
    return Cost(float("nan"), seconds, float("nan"), "")


def child(*words: str) -> dict[str, Any]:
    """What a process of its own tells on the last line."""
    found: dict[str, Any] = json.loads(
        measure([sys.executable, "-m", "benchmarks.risk", *words], ONE_THREAD).output.splitlines()[-1]
    )
    return found


def turns(ways: dict[str, tuple[Callable[[], object], float]]) -> dict[str, dict[str, float]]:
    """Seconds of each way, the middle of the rounds, times its factor; each has run once before."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for at in range(ROUNDS + 1):
        for name, (way, factor) in ways.items():
            wall, cpu = perf_counter(), process_time()
            way()
            took = (process_time() - cpu) * factor, (perf_counter() - wall) * factor
            if at:
                found[name].append(took)
    middle = {name: sorted(times)[len(times) // 2] for name, times in found.items()}
    return {name: {"cpu": cpu, "wall": wall} for name, (cpu, wall) in middle.items()}


def compare(books: int) -> dict[str, Any]:
    """Daybook, the limits and the peers, in turns."""
    import pandas as pd
    from riskfolio.src import RiskFunctions
    from scipy.sparse import csr_matrix

    from daybook.risk import kernel

    indptr, lines, values, returns = firm(books)
    kernel.tails(*firm(10), K)
    begun = memory()
    worst = kernel.tails(indptr, lines, values, returns, K)
    grown = memory(peak=True) - begun

    holdings = csr_matrix((values, lines, indptr), shape=(books, INSTRUMENTS))
    square = np.random.default_rng(0).random((2_048, 2_048)).astype(np.float32)
    stream = np.ones(32_000_000)
    names = np.array([f"I{n}" for n in range(INSTRUMENTS)])
    frame = pd.DataFrame(returns.T, columns=names)

    def scipy() -> Any:
        least = np.partition(holdings @ returns, K - 1, axis=1)[:, :K]
        return -least.max(axis=1), -least.mean(axis=1)

    dense = holdings[:SAMPLE].toarray()
    vectors = dense @ returns

    def each(figures: Callable[[Any], Any]) -> Callable[[], list[Any]]:
        return lambda: [figures(pnl) for pnl in dense @ returns]

    def given(figures: Callable[[Any], Any]) -> Callable[[], list[Any]]:
        return lambda: [figures(pnl) for pnl in vectors]

    def pandas() -> Any:
        found = []
        for book in range(100):
            part = slice(indptr[book], indptr[book + 1])
            weights = pd.Series(values[part], index=names[lines[part]])
            least = (frame[weights.index] * weights).sum(axis=1).nsmallest(K)
            found.append((-least.iloc[-1], -least.mean()))
        return found

    def contributions() -> None:
        for book in range(SAMPLE // 20):
            part = slice(indptr[book], indptr[book + 1])
            weights = (values[part] / values[part].sum())[:, None]
            for name in ("VaR", "CVaR"):
                RiskFunctions.Risk_Contribution(weights, frame.iloc[:, lines[part]], rm=name, alpha=0.01)

    var, es = scipy()
    if not (np.allclose(var, -worst.pnl[:, -1], atol=1e-5) and np.allclose(es, -worst.pnl.mean(axis=1), atol=1e-5)):
        raise RuntimeError("scipy and Daybook differ")
    if not np.allclose([one[0] for one in pandas()], var[:100], atol=1e-5):
        raise RuntimeError("pandas and Daybook differ")
    found = turns(
        {
            "var": (lambda: kernel.tails(indptr, lines, values, returns, K), 1),
            "components": (lambda: kernel.components(indptr, lines, values, returns, worst.scenarios[:, -1:]), 1),
            "shares": (lambda: kernel.components(indptr, lines, values, returns, worst.scenarios), 1),
            "square": (lambda: square @ square, 1),
            "stream": (stream.sum, 1),
            "scipy": (scipy, 1),
            "pandas": (pandas, books / 100),
            **{name: (each(figures), books / SAMPLE) for name, figures in measures().items()},
            **{f"{name} given": (given(figures), books / SAMPLE) for name, figures in measures().items()},
            "contributions": (contributions, books / (SAMPLE // 20)),
        }
    )
    work = 2.0 * len(lines) * SCENARIOS
    return {
        **found,
        "positions": len(lines),
        "grown": grown,
        "flop": work * found["square"]["cpu"] / (2.0 * 2_048**3),
        "memory": work * found["stream"]["cpu"] / stream.nbytes,
    }


def measures() -> dict[str, Callable[[Any], Any]]:
    """VaR and ES of a P&L vector by the functions of three packages."""
    import empyrical
    from riskfolio.src import RiskFunctions
    from skfolio import measures as skfolio

    return {
        "riskfolio": lambda pnl: (RiskFunctions.VaR_Hist(pnl, alpha=0.01), RiskFunctions.CVaR_Hist(pnl, alpha=0.01)),
        "empyrical": lambda pnl: (
            empyrical.value_at_risk(pnl, cutoff=0.01),
            empyrical.conditional_value_at_risk(pnl, cutoff=0.01),
        ),
        "skfolio": lambda pnl: (skfolio.value_at_risk(pnl, beta=0.99), skfolio.cvar(pnl, beta=0.99)),
    }


def memory(peak: bool = False) -> float:
    """MB resident now, from where the peak is counted again; or that peak."""
    if not peak:
        # What was freed goes back to the system first: what is measured would find room there, and seem to need none.
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    name = "VmHWM" if peak else "VmRSS"
    status = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in status if line.startswith(name)).split()[1]) / 1024


def grow(books: int) -> dict[str, float]:
    """One size of the curve, and the peak of its process with all inputs."""
    from daybook.risk import kernel

    held = firm(books)
    told = turns({"var": (lambda: kernel.tails(*held, K), 1)})["var"]
    return {**told, "peak": memory(peak=True)}


def dask(books: int) -> dict[str, Any]:
    """One process on one thread, and two worker processes that hold the books."""
    from distributed import Client, LocalCluster

    from daybook.risk import kernel
    from resources.compute import Compute

    held = firm(books)
    cluster: Any = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=None, silence_logs=50
    )
    connect: Any = Client
    with cluster, connect(cluster, set_as_default=False) as watch, Compute(cluster.scheduler_address) as compute:
        there = compute.hold(*held)
        mine, theirs = kernel.tails(*held, K), there.tails(K)
        same = np.array_equal(mine.pnl.view(np.int64), theirs.pnl.view(np.int64))
        same &= np.array_equal(mine.scenarios, theirs.scenarios)
        found: list[list[tuple[float, float]]] = [[], []]
        for _ in range(ROUNDS):
            wall, cpu = perf_counter(), process_time()
            kernel.tails(*held, K)
            found[0].append((process_time() - cpu, perf_counter() - wall))
            wall, before = perf_counter(), watch.run(process_time)
            there.tails(K)
            wall, after = perf_counter() - wall, watch.run(process_time)
            found[1].append((max(after[worker] - before[worker] for worker in after), wall))
    one, two = (sorted(times)[ROUNDS // 2] for times in found)
    told = [{"cpu": cpu, "wall": wall} for cpu, wall in (one, two)]
    return {"same": bool(same), "one": told[0], "two": told[1]}


def beside_ore(folder: Path) -> dict[str, Any]:
    """ORE's historical simulation from files to files, and Daybook's of the same books."""
    from benchmarks import ore
    from daybook.risk import kernel

    quantities, spot = ore.write(folder, ORE_BOOKS, ORE_INSTRUMENTS, SCENARIOS)
    runs = []
    for _ in range(ROUNDS):
        wall, cpu = perf_counter(), process_time()
        ore.run(folder)
        runs.append((process_time() - cpu, perf_counter() - wall))
    cpu, wall = sorted(runs)[ROUNDS // 2]
    # The last book is all of them together, which is what ORE's report is of.
    values = (np.vstack([quantities, quantities.sum(axis=0)]) * spot[-1]).ravel()
    lines = np.tile(np.arange(ORE_INSTRUMENTS, dtype=np.int32), ORE_BOOKS + 1)
    indptr = np.arange(ORE_BOOKS + 2) * ORE_INSTRUMENTS
    returns = np.ascontiguousarray((spot[1:] / spot[:-1] - 1).T)
    k = SCENARIOS // 100 + 1
    whole = kernel.tails(indptr, lines, values, returns, k).pnl[-1]
    var, es = ore.figures(folder)
    if not np.allclose([whole[-1], whole.mean()], [var, es], rtol=1e-6):
        raise RuntimeError(f"ORE has {var} and {es}, Daybook {whole[-1]} and {whole.mean()}")
    begin = indptr[:-1]
    ours = turns({"var": (lambda: kernel.tails(begin, lines[: begin[-1]], values[: begin[-1]], returns, K), 1)})["var"]
    return {"ore": {"cpu": cpu, "wall": wall}, "daybook": ours}


WAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "beside": lambda books: compare(int(books)),
    "grow": lambda books: grow(int(books)),
    "dask": lambda books: dask(int(books)),
    "ore": lambda folder: beside_ore(Path(folder)),
}

if __name__ == "__main__":
    if len(sys.argv) < 2:
        from benchmarks.__main__ import show

        with tempfile.TemporaryDirectory(prefix="daybook-bench-") as temporary:
            show(rows(Path(temporary)))
    else:
        answer = WAYS[sys.argv[1]](sys.argv[2])
        sys.stdout.write("\n" + json.dumps(answer) + "\n")
        sys.stdout.flush()
