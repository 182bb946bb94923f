"""The same facts give the same tables, whatever the order: all at once or day by day, a range or single sessions."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.contract import december as d
from tests.contract.december import FIRST, LAST

TABLES = (
    "prices", "fx_rates", "returns", "lots", "realised", "positions", "cash", "activity", "book_failures",
    "valuations", "nav", "pnl", "lot_pnl", "nav_bridge", "performance", "attribution", "var",
)  # fmt: skip


def differing(one, other) -> list[tuple[str, str]]:
    """The tables and sessions whose content hash is not the same."""
    return [(table, day) for table in TABLES for day in d.SESSIONS if one.hash(table, day) != other.hash(table, day)]


def runs(firm, *spans: tuple[str, str], job: str = "history") -> None:
    """Runs of one of the history's own Dagster jobs, one for each span of sessions."""
    import dagster as dg

    from orchestration.definitions import defs
    from orchestration.eod import run

    with firm.inside(), dg.DagsterInstance.get() as instance:
        for first, last in spans:
            run(defs, instance, job, (pd.Timestamp(first), pd.Timestamp(last)), lambda *_: None)


def test_a_range_gives_the_tables_of_single_sessions(december, installation):
    firm = installation()
    days = list(d.files().values())
    for group in (days[8:], days[4:8], days[:4]):
        names = [name for files in group for name in files]
        for files in group:
            for name, text in files.items():
                firm.put(name, text)
        # Of two prices the later delivery counts: that alone is about the order of arrival.
        last = [name for name in names if "correction" in name]
        waiting = [name for name in names if name not in last]
        code, out, err = firm.daybook("ingest", *(str(firm.inbox / name) for name in waiting))
        assert code in (0, 3), out + err
    assert firm.daybook("ingest", str(firm.inbox / "prices_2022-12-19_correction.csv"))[0] == 0
    assert firm.show("quarantine").query("status in ['open', 'waiting']").empty
    runs(firm, (d.MARKET[0], d.MARKET[d.MARKET.index(FIRST) - 1]), job="market_history")
    runs(firm, *((day, day) for day in d.SESSIONS))
    assert not differing(firm, december)


@pytest.mark.soak
def test_every_day_closed_as_its_files_arrive(december, installation):
    firm = installation()
    for day, files in d.files().items():
        for name, text in files.items():
            firm.put(name, text)
        code, out, err = firm.daybook("eod", "--date", day)
        assert code in (0, 3), out + err
    assert not differing(firm, december)


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [4, 8, 12])
def test_killed_anywhere_and_run_again(december, installation, seconds):
    firm = installation()
    for files in d.files().values():
        for name, text in files.items():
            firm.put(name, text)
    words = [str(Path(sys.executable).with_name("daybook")), "eod", "--date", LAST]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DAGSTER_"))}
    process = subprocess.Popen(words, env=environment | firm.environment, start_new_session=True)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = subprocess.run(words, env=environment | firm.environment, capture_output=True, text=True, check=False)
    assert again.returncode == 3, again.stderr
    assert not differing(firm, december)


@pytest.mark.soak
def test_every_session_of_the_demonstration_firm_alone(installation):
    """Computed once more by itself, no session changes a table: a write of equal content makes no commit."""
    from resources.lake import Lake

    firm = installation(DAYBOOK_VENDORS="sample")
    firm.eod()
    sessions = [f"{day:%Y-%m-%d}" for day in Lake(str(firm.home / "lake")).sessions("nav")]
    before = firm.versions(*TABLES)
    runs(firm, *((day, day) for day in sessions))
    assert firm.versions(*TABLES) == before
