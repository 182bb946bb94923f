"""The processes of an installation: PostgreSQL, webserver, daemon.

Belongs here: starting, stopping and looking at them. Does not belong here: what they run.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from orchestration.console import Refused
from resources import postgres
from resources.settings import Settings, quiet_telemetry

ROOT = Path(__file__).resolve().parent.parent
PORT = 3000


def prepare(settings: Settings) -> None:
    """Make the folders, Dagster's home and the environment that every process of the installation shares."""
    quiet_telemetry()
    for folder in ("inbox", "files", "reports"):
        (settings.home / folder).mkdir(parents=True, exist_ok=True)
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    config = settings.dagster_home / "dagster.yaml"
    wanted = (ROOT / "dagster.yaml").read_text()
    if not config.exists() or config.read_text() != wanted:
        config.write_text(wanted)
    os.environ["DAYBOOK_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "500")


def start(settings: Settings, port: int = PORT) -> str:
    """Start webserver and daemon in the background, unless they run; the URL of the UI.

    Raises:
        Refused: the port is taken by something else, or a process ended at once.
    """
    url = f"http://127.0.0.1:{port}"
    if answers(url):
        return url
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Refused(f"port {port} is taken by another program: give --port")
    postgres.server_url(settings)
    workspace = ["--workspace", str(ROOT / "workspace.yaml")]
    _spawn(settings, "daemon", ["dagster-daemon", "run", *workspace])
    server = _spawn(
        settings, "webserver", ["dagster-webserver", "--host", "127.0.0.1", "--port", str(port), *workspace]
    )
    for _ in range(600):
        if answers(url):
            return url
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise Refused(f"the webserver did not start: see {_log(settings, 'webserver')}")


def answers(url: str) -> bool:
    """Whether Dagster's webserver answers at ``url``."""
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as answer:
            return "dagster_webserver_version" in json.load(answer)
    except (OSError, ValueError):
        return False


def stop(settings: Settings) -> list[str]:
    """End webserver, daemon and the embedded PostgreSQL; the names of what was running."""
    ended = [name for name in ("webserver", "daemon") if _end(settings, name)]
    if postgres.stop(settings):
        ended.append("postgres")
    return ended


def running(settings: Settings) -> dict[str, bool]:
    """Which background processes of this installation are alive."""
    return {name: _alive(_pid(settings, name)) for name in ("webserver", "daemon")}


def _spawn(settings: Settings, name: str, command: list[str]) -> subprocess.Popen[bytes]:
    executable = shutil.which(command[0], path=str(Path(sys.executable).parent)) or command[0]
    (settings.home / "run").mkdir(parents=True, exist_ok=True)
    with _log(settings, name).open("ab") as log:
        process = subprocess.Popen(
            [executable, *command[1:]], cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    (settings.home / "run" / f"{name}.pid").write_text(str(process.pid))
    return process


def _log(settings: Settings, name: str) -> Path:
    return settings.home / "run" / f"{name}.log"


def _pid(settings: Settings, name: str) -> int | None:
    file = settings.home / "run" / f"{name}.pid"
    return int(file.read_text()) if file.exists() else None


def _alive(pid: int | None) -> bool:
    # A number alone may belong to another program after a restart: the command line tells.
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any("dagster" in part for part in process.cmdline())
    except psutil.Error:
        return False


def _end(settings: Settings, name: str) -> bool:
    pid = _pid(settings, name)
    file = settings.home / "run" / f"{name}.pid"
    if not _alive(pid):
        file.unlink(missing_ok=True)
        return False
    os.killpg(pid, signal.SIGTERM)  # type: ignore[arg-type]
    for _ in range(100):
        if not _alive(pid):
            break
        time.sleep(0.1)
    else:
        os.killpg(pid, signal.SIGKILL)  # type: ignore[arg-type]
    file.unlink(missing_ok=True)
    return True
