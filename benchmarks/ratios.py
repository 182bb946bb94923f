"""The ratios of many books, beside three peers and the limit of the machine.

Belongs here: the books, the ways, and the child process that measures them. Daybook computes its whole registry (more
than a hundred ratios, a risk-free rate and a benchmark for each book); each peer computes those of these that it has,
and nothing else. The ways take turns in one process on one thread, five times, and the middle of each is told. Peers
that go book by book are timed on a sample of the books and multiplied, vectorbt on a sample of its columns. The limit
is reading the returns once.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.risk import ONE_THREAD, cost, memory, timed, turns
from benchmarks.timing import Row, measure

BOOKS = 10_000
BENCHMARKS = 20
SESSIONS = (1_260, 2_520)
"""Five years, to which the goals belong, and ten, which are told beside them."""
SAMPLE, COLUMNS, SLOW = 200, 500, 4
"""Books of empyrical, of vectorbt and of quantstats."""
GOALS = {"quantstats": 1_000, "empyrical": 40, "vectorbt": 10}
MEMORY = 32.0
"""MB that the readings of 10,000 books may take beyond the returns: 80 numbers a book, and their ratios once over."""


def rows() -> list[Row]:
    """Lines of the table."""
    lines = []
    for sessions in SESSIONS:
        told = child(sessions)
        ours = told["daybook"]["cpu"]
        what = f"{told['ratios']} ratios of {BOOKS:,} books x {sessions:,} sessions, peak above the returns"
        grown = told["grown"]
        lines.append(Row(what, cost(told["daybook"], grown), grown, f"<= {MEMORY:.0f} MB", grown <= MEMORY))
        limit = told["limit"]["cpu"]
        lines.append(Row("  times the limit, reading the returns once", timed(limit), ours / limit))
        for name, goal in GOALS.items():
            times = told[name]["cpu"] / ours
            what = f"  faster than the {told['counts'][name]} of them that {name} has"
            wanted = (f">= {goal:,} x", times >= goal) if sessions == SESSIONS[0] else ()
            lines.append(Row(what, cost(told[name]), times, *wanted))
    return lines


def child(sessions: int) -> dict[str, Any]:
    """What a process of its own tells on the last line."""
    command = [sys.executable, "-m", "benchmarks.ratios", str(sessions)]
    found: dict[str, Any] = json.loads(measure(command, ONE_THREAD).output.splitlines()[-1])
    return found


def compare(sessions: int) -> dict[str, Any]:
    """Daybook, the limit and the peers, in turns."""
    import pandas as pd

    from daybook.performance import kernel, ratios
    from daybook.performance.sample import Sample

    draw = np.random.default_rng(13)
    market = draw.normal(0.0003, 0.01, (BENCHMARKS, sessions))
    book = np.arange(BOOKS)
    returns = draw.normal(0.0002, 0.006, (BOOKS, sessions))
    returns += 0.8 * market[book % BENCHMARKS]
    free, months = np.full((1, sessions), 0.0001), np.arange(sessions) // 21
    fixed = np.tile([0, 0, sessions, 1, 20], (BOOKS, 1))
    spans = np.column_stack([book, book % BENCHMARKS, fixed])
    each = np.ones(BOOKS)

    def daybook() -> dict[str, Any]:
        read = kernel.readings(returns, market, free, months, spans, 0 * each)
        return ratios.figures(Sample(read, each * sessions / 252, each * 252, 0 * each, each * 0.95))

    daybook()
    begun = memory()
    found = daybook()
    grown = memory(peak=True) - begun
    days = pd.bdate_range("2012-01-02", periods=sessions)
    frame = pd.DataFrame(returns[:COLUMNS].T.copy(), index=days)
    beside = pd.DataFrame(market[book[:COLUMNS] % BENCHMARKS].T.copy(), index=days)
    ways = {"empyrical": empyrical(), "quantstats": quantstats(), "vectorbt": vectorbt()}
    check(found, returns, market)

    def by_book(name: str, count: int) -> Callable[[], object]:
        return lambda: [[way(frame[n], beside[n]) for way in ways[name]] for n in range(count)]

    told: dict[str, Any] = turns(
        {
            "daybook": (daybook, 1),
            "limit": (returns.sum, 1),
            "empyrical": (by_book("empyrical", SAMPLE), BOOKS / SAMPLE),
            "quantstats": (by_book("quantstats", SLOW), BOOKS / SLOW),
            "vectorbt": (lambda: [way(frame, beside) for way in ways["vectorbt"]], BOOKS / COLUMNS),
        }
    )
    counts = {name: len(way) for name, way in ways.items()}
    return {**told, "ratios": len(found), "grown": grown, "counts": counts}


def check(found: dict[str, Any], returns: Any, market: Any) -> None:
    """Daybook and empyrical agree where they mean the same."""
    import empyrical

    for n in range(10):
        one, other = returns[n], market[n % BENCHMARKS]
        same = {
            "volatility": empyrical.annual_volatility(one),
            "max_drawdown": empyrical.max_drawdown(one),
            "sharpe": empyrical.sharpe_ratio(one, 0.0001),
            "sortino": empyrical.sortino_ratio(one),
            "omega": empyrical.omega_ratio(one),
            "beta": empyrical.beta(one, other, 0.0001),
        }
        if not np.allclose([found[name][n] for name in same], list(same.values()), rtol=1e-9):
            raise RuntimeError(f"empyrical has {same}")


def empyrical() -> list[Callable[[Any, Any], object]]:
    """What empyrical has of Daybook's ratios."""
    import empyrical as peer

    alone = (
        *(peer.annual_return, peer.annual_volatility, peer.max_drawdown, peer.calmar_ratio, peer.omega_ratio),
        *(peer.sharpe_ratio, peer.sortino_ratio, peer.downside_risk, peer.tail_ratio, peer.value_at_risk),
        peer.conditional_value_at_risk,
    )
    both = (peer.alpha_beta, peer.excess_sharpe, peer.up_capture, peer.down_capture, peer.up_alpha_beta)
    both += (peer.down_alpha_beta,)
    return [*(_alone(way) for way in alone), *both]


def quantstats() -> list[Callable[[Any, Any], object]]:
    """What quantstats has of Daybook's ratios."""
    from quantstats import stats as peer

    alone = (
        *(peer.cagr, peer.volatility, peer.max_drawdown, peer.calmar, peer.omega, peer.sharpe, peer.sortino),
        *(peer.tail_ratio, peer.value_at_risk, peer.expected_shortfall, peer.ulcer_index, peer.skew, peer.kurtosis),
        *(peer.best, peer.worst, peer.win_rate, peer.avg_win, peer.avg_loss, peer.payoff_ratio, peer.profit_factor),
        *(peer.kelly_criterion, peer.consecutive_wins, peer.consecutive_losses, peer.recovery_factor),
        *(peer.probabilistic_sharpe_ratio, peer.ulcer_performance_index),
    )
    return [*(_alone(way) for way in alone), peer.information_ratio, peer.greeks, peer.r_squared, peer.treynor_ratio]


def vectorbt() -> list[Callable[[Any, Any], object]]:
    """What vectorbt has of Daybook's ratios, each for all columns at once."""
    import vectorbt  # noqa: F401

    alone = ("annualized", "annualized_volatility", "max_drawdown", "calmar_ratio", "omega_ratio", "sharpe_ratio")
    alone += ("sortino_ratio", "downside_risk", "tail_ratio", "value_at_risk", "cond_value_at_risk")
    both = ("information_ratio", "beta", "alpha", "up_capture", "down_capture")

    def single(name: str) -> Callable[[Any, Any], object]:
        return lambda returns, market: getattr(returns.vbt.returns(freq="1D"), name)()

    def beside(name: str) -> Callable[[Any, Any], object]:
        return lambda returns, market: getattr(returns.vbt.returns(freq="1D"), name)(benchmark_rets=market)

    return [*(single(name) for name in alone), *(beside(name) for name in both)]


def _alone(way: Callable[[Any], object]) -> Callable[[Any, Any], object]:
    return lambda returns, market: way(returns)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        from benchmarks.__main__ import show

        show(rows())
    else:
        answer = compare(int(sys.argv[1]))
        sys.stdout.write("\n" + json.dumps(answer) + "\n")
        sys.stdout.flush()
