"""What ten trades would do to one book of 500 positions: every model of VaR, twelve scenarios of stress, exposures,
twenty limits and a rule, before and after.

Belongs here: the book, and the child process that answers. The history of returns and rates is read from the lake and
told apart; the other tables, which are of one session, are held. Starting Python and importing Dagster, which is
the larger part of a command, is not in it.
"""

import json
import pickle
import sys
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd

from benchmarks.timing import Cost, Row, measure

POSITIONS, TRADES, SESSIONS = 500, 10, 1_250
TIMES = 5
GOAL = 1.0
"""Seconds on the clock of the answer, in a process that has answered before."""
SECTORS = ("Energy", "Financials", "Health Care", "Industrials", "Utilities")


def rows(folder: Path) -> list[Row]:
    """Lines of the table: the reading, the first answer with the imports that it makes, and one like it after that."""
    place = folder / "what_if"
    place.mkdir()
    prepare(place)
    done = measure([sys.executable, "-m", "benchmarks.what_if", str(place)])
    spent = json.loads(done.output.splitlines()[-1])
    read, answered, again = (Cost(*spent[name], done.peak_mb, "") for name in ("read", "answered", "again"))
    return [
        Row(f"what-if: {TRADES} trades in a book of {POSITIONS} positions, read from the lake", read),
        Row("  answered, the first time in a process", answered),
        Row("  answered again", again, goal=f"<= {GOAL:g} s", met=again.wall <= GOAL),
    ]


def prepare(folder: Path) -> None:
    """The tables that ``what_if`` reads, returns and rates in a lake, the others in one file."""
    from daybook import calendars, tables
    from daybook.risk.what_if import FACTS, OF_THE_SESSION
    from resources.lake import Lake

    draw = np.random.default_rng(12)
    days = calendars.sessions("XNYS", "2018-01-02")[:SESSIONS]
    day, names = days[-1], np.array([f"I{n:04d}" for n in range(POSITIONS)], object)
    sector, issuer = np.resize(SECTORS, POSITIONS), np.array([f"issuer {n // 2}" for n in range(POSITIONS)])
    since = {"valid_from": days[0]}
    market = draw.normal(0.0, 0.01, SESSIONS)
    beta = draw.uniform(0.5, 1.5, POSITIONS)
    moves = (np.outer(market, beta) + draw.normal(0.0, 0.015, (SESSIONS, POSITIONS))).round(8)
    currency = np.resize(["USD", "USD", "USD", "EUR"], POSITIONS)
    money = [days[-1]] * POSITIONS
    lake = Lake(str(folder / "lake"))
    of_days = {"business_date": np.repeat(days, POSITIONS), "instrument": np.tile(names, SESSIONS)}
    returns = of_days | {"local_return": moves.ravel(), "currency": np.tile(currency, SESSIONS), "status": "ok"}
    rates = 1.1 * np.exp(draw.normal(0.0, 0.004, SESSIONS).cumsum())
    fx = {"business_date": days, "base": "EUR", "quote": "USD", "rate": rates, "status": "ok"}
    for name, columns in (("returns", returns), ("fx_rates", fx)):
        lake.write(name, _table(name, columns), days)
    places = [(n, d, b) for n, (d, b) in enumerate([("sector", s) for s in SECTORS] + [("issuer", "")] * 10)]
    limits = [(f"L{n}", "gross", dimension, bucket, 0.5) for n, dimension, bucket in places]
    limits += [("VAR", "var", "", "", 0.05), ("ES", "es", "", "", 0.07), ("LOSS", "stress_loss", "", "", 0.5)]
    limits += [("GROSS", "gross", "", "", 1.2), ("TEN", "largest", "issuer", "10", 0.4)]
    given = {
        "positions": {"business_date": day, "book": "ONE", "instrument": names, "currency": currency,
                      "quantity": draw.integers(-200, 1_000, POSITIONS).astype(float)},
        "cash": {"business_date": [day], "book": "ONE", "currency": "USD", "balance": 1e7, "accrued": 0.0},
        "nav": {"business_date": [day], "book": "ONE", "nav": 1.0, "status": "ok", "base_currency": "USD"},
        "prices": {"business_date": money, "instrument": names, "currency": currency, "status": "ok", "source": "bench",
                   "close": draw.uniform(10.0, 200.0, POSITIONS).round(2)},
        "books": {"book": ["ONE"], "base_currency": "USD", "calendar": "XNYS", "benchmark": "ALL", "strategy": "one",
                  "shorts": True, **since},
        "instruments": {"instrument": names, "asset_class": "equity", "currency": currency, "exchange": "XNYS",
                        "multiplier": 1.0, "sector": sector, "issuer": issuer, "country": "US", **since},
        "benchmark_weights": {"business_date": money, "benchmark": "ALL", "instrument": names,
                              "weight": 1 / POSITIONS},
        "benchmark_levels": {"business_date": days, "benchmark": "ALL", "level": 100 * np.cumprod(1 + market),
                             "currency": "USD"},
        "risk_factors": {"factor": ["market"], "kind": "market", "benchmark": "ALL", "valid_from": days[0]},
        "betas": {"business_date": money, "subject_kind": "instrument", "subject": names, "factor": "market",
                  "beta": beta, "status": "ok"},
        "factor_exposures": {"business_date": money, "risk_model": "time_series", "instrument": names,
                             "factor": "market", "exposure": beta},
        "specific_risks": {"business_date": money, "risk_model": "time_series", "instrument": names,
                           "specific_volatility": 0.015, "status": "ok"},
        "factor_returns": {"business_date": [day], "risk_model": "time_series", "factor": "market",
                           "return_series": [market[-500:].tolist()], "status": "ok"},
        "limits": {"limit": [each[0] for each in limits], "measure": [each[1] for each in limits], "basis": "nav",
                   "dimension": [each[2] for each in limits], "bucket": [each[3] for each in limits],
                   "hard": [each[4] for each in limits], "look_through": False, **since},
        "rules": {"rule": ["R"], "kind": "max_weight", "dimension": "issuer", "basis": "nav", "threshold": 0.05,
                  "warning": 0.04, **since},
    }  # fmt: skip
    known = {name: tables.empty(name) for name in (*OF_THE_SESSION, *FACTS, "valuations", "performance")}
    known |= {name: tables.empty(name) for name in ("transactions", "raw_prices")}
    known |= {name: _table(name, columns) for name, columns in given.items()}
    (folder / "known.pickle").write_bytes(pickle.dumps((day, known)))


def _table(name: str, columns: dict[str, object]) -> pd.DataFrame:
    """``name`` of ``columns``; text that is not given is empty, numbers are missing."""
    from daybook import tables

    frame = pd.DataFrame(columns)
    blank = tables.empty(name).reindex(frame.index)
    texts = [column.name for column in tables.TABLES[name].columns if column.type == "text"]
    counts = [column.name for column in tables.TABLES[name].columns if column.type in ("int", "bool")]
    blank = blank.fillna(dict.fromkeys(texts, "")).assign(**dict.fromkeys(counts, 0))
    return tables.conform(name, blank.assign(**frame))


def _answer(folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds on the clock and of processor time: reading, the first answer, and the quickest of the others."""
    from assets.what_if import spans
    from daybook import calendars
    from daybook.risk.what_if import TRADE, what_if
    from resources import stress_scenarios
    from resources.lake import Lake

    day, known = pickle.loads((folder / "known.pickle").read_bytes())
    names = known["instruments"]["instrument"].head(TRADES)
    trades = pd.DataFrame({"book": "ONE", "instrument": names, "quantity": 1_000.0, "price": np.nan})[TRADE]
    stresses, lake = stress_scenarios.declared().scenarios, Lake(str(folder / "lake"))

    def timed(act):  # type: ignore[no-untyped-def]
        wall, cpu = perf_counter(), process_time()
        act()
        return perf_counter() - wall, process_time() - cpu

    def read() -> None:
        wanted = spans(calendars.sessions("XNYS"), day, known["var_models"], stresses)
        for name in ("returns", "fx_rates"):
            known[name] = pd.concat([lake.read(name, *span) for span in wanted], ignore_index=True)

    def ask() -> None:
        found = what_if(trades, day, known, stresses, ("bench",))
        if found.nav["status_after"].tolist() != ["ok"] or len(found.refused):
            raise RuntimeError(f"the book could not be computed: {found.nav.to_dict()} {found.refused.to_dict()}")

    return {"read": timed(read), "answered": timed(ask), "again": min(timed(ask) for _ in range(TIMES))}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_answer(Path(sys.argv[1]))) + "\n")
