"""The sensors through the processes that ``daybook ui`` starts: a real daemon, queue and run workers.

One installation and one daemon for all of it, since starting them is most of the time. Nothing here sleeps: every wait
is for a named event, with a deadline. What each sensor does with what it sees is held by ``test_sensors_by_hand``, that
they are on when a daemon starts too; only that processes start, pass it on and end is proved here alone.
"""

import http.server
import json
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
import psycopg2
import pytest
import sqlalchemy as sa
from dagster_graphql import DagsterGraphQLClient

from resources import records
from tests.orchestration.small_firm import prices

pytestmark = pytest.mark.soak
DEADLINE = 120
"""Seconds that any one event may take; on a quiet machine it takes a tenth of that."""


class Events:
    """Dagster's events from now on, as PostgreSQL announces them."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url.replace("postgresql+psycopg2://", "postgresql://"))
        self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute("LISTEN run_events; SELECT max(id) FROM event_logs")
            self._since = cursor.fetchone()[0]

    def count(self, job: str, kind: str = "PIPELINE_SUCCESS") -> int:
        """How many runs of ``job`` had the event ``kind``."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM event_logs JOIN runs USING (run_id)"
                " WHERE event_logs.id > %s AND pipeline_name = %s AND dagster_event_type = %s",
                (self._since, job, kind),
            )
            return cursor.fetchone()[0]

    def wait(self, job: str, times: int = 1, kind: str = "PIPELINE_SUCCESS") -> None:
        """Until ``times`` runs of ``job`` had the event ``kind``.

        Raises:
            AssertionError: they had not within DEADLINE, or one failed.
        """
        until = time.monotonic() + DEADLINE
        while self.count(job, kind) < times:
            assert self.count(job, "PIPELINE_FAILURE") == 0, f"a run of {job} failed"
            left = until - time.monotonic()
            assert left > 0, f"{job}: no {kind} number {times} within {DEADLINE} s"
            select.select([self._connection], [], [], left)
            self._connection.poll()
            self._connection.notifies.clear()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def told() -> Iterator[tuple[str, "queue.Queue[dict]"]]:
    """URL of a webhook, and what is posted to it."""
    posted: queue.Queue[dict] = queue.Queue()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    server.server_close()


def of_home(home: Path) -> list[str]:
    """Command lines of the processes that work for the installation ``home``, this one left out."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != psutil.Process().pid and process.environ().get("DAYBOOK_HOME") == str(home):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_files_proposals_and_failures_through_a_live_daemon(daybook, firm, settings, told, monkeypatch):
    inbox = settings.home / "inbox"
    inbox.mkdir(parents=True)
    for name, text in firm.items():
        (inbox / name).write_text(text)
    assert daybook("ingest", *(str(inbox / name) for name in firm))[0] == 0
    url, posted = told
    monkeypatch.setenv("DAYBOOK_WEBHOOK_URL", url)
    monkeypatch.setenv("DAYBOOK_USER", "operator")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "daybook"), "ui", "--port", str(port)]
    ui = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert daybook("eod", "--date", "2022-12-23")[0] == 0
        said, complained = ui.communicate(timeout=DEADLINE)
        assert (ui.returncode, f"http://127.0.0.1:{port}" in said, complained) == (0, True, "")
        through_the_daemon(daybook, settings, posted, DagsterGraphQLClient("127.0.0.1", port_number=port))
    except BaseException:
        for log in sorted((settings.home / "run").glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-4000:]}")  # noqa: T201
        raise
    finally:
        stopped = daybook("stop")
    assert "webserver, daemon" in stopped[1]
    assert of_home(settings.home) == []


def through_the_daemon(daybook, settings, posted, client):
    """A failed run is told once; a file is taken in once for each of its versions; orders are proposed once.

    A price within the session refreshes the books once, and two files that arrive together are one ingestion.
    """
    events, file = Events(settings.postgres_url), settings.home / "inbox" / "prices_2022-12-27.csv"
    client.submit_job_execution("history", repository_location_name="daybook")  # names no session: it must fail
    file.write_text(prices(pd.DatetimeIndex(["2022-12-27"])))
    events.wait("ingest")
    with records.engine(settings).connect() as connection:
        table = records.deliveries
        taken = connection.execute(sa.select(table.c.file, table.c.rows).order_by(table.c.seq.desc()).limit(1)).one()
        assert tuple(taken) == (file.name, 3)

    client.submit_job_execution("eod", repository_location_name="daybook", tags={"dagster/partition": "2022-12-27"})
    events.wait("propose")
    listed = daybook("orders", "list", "--date", "2022-12-27", "--status", "proposed")[1]
    assert all(name in listed for name in ("AAA", "BBB", "CCC"))
    # What the daemon proposes, it proposes for who started it: that person is not the second one.
    refused, _, why = daybook("orders", "approve", "--all", "--date", "2022-12-27", user="operator")
    assert (refused, "second person" in why) == (1, True)
    assert daybook("orders", "approve", "--all", "--date", "2022-12-27", user="checker")[:2] == (0, "approved: 3\n")

    first = posted.get(timeout=DEADLINE)
    assert first["title"] == "history failed for no business date"
    seen = settings.home / "inbox" / "intraday_prices_2022-12-27_x.csv"
    seen.write_text("observed_at,instrument,price\n2022-12-27T20:59:58Z,AAA,61.5\n")
    file.write_text(prices(pd.DatetimeIndex(["2022-12-27"]), correction=0.05))
    events.wait("intraday")
    jobs = ("ingest", "intraday", "propose", "eod", "history")
    assert [events.count(job, "PIPELINE_STARTING") for job in jobs] == [2, 1, 1, 1, 1]
    held = daybook("show", "intraday_positions", "--date", "2022-12-27", "--format", "csv")[1]
    assert "2022-12-27,ALPHA,AAA,2022-12-27T20:59:58.000000Z,100.0,61.5,USD,1.0,6150.0,6150.0," in held
    assert "2022-12-27 as it goes: prices up to 20:59:58 UTC, 0 of 1 positions at older prices" in daybook("status")[1]
    told = [json.loads(line) for line in (settings.home / "notifications.jsonl").read_text().splitlines()]
    assert told == [first]
    assert posted.empty()
    events.close()
