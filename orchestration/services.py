"""The processes of an installation: PostgreSQL, code servers, webserver, daemon.

Belongs here: starting, stopping and looking at them. Does not belong here: what they run.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import yaml

from orchestration.console import Refused
from resources import postgres
from resources.settings import Settings, quiet_telemetry

ROOT = Path(__file__).resolve().parent.parent
PORT = 3000
PATIENCE = 120
"""Seconds that the webserver may take until it answers: it and the code servers load everything first."""
PATIENCE_AT_END = 5
"""Seconds that processes have to end by themselves, before they are killed."""


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
    """Start code servers, daemon and webserver in the background, unless all of them run; the URL of the UI.

    Each code location has one server, which webserver and daemon share. Named as modules, as in workspace.yaml, each of
    the two would load every location by itself, and the daemon again every minute.

    Raises:
        Refused: the port is taken by something else, or a process ended before it answered.
    """
    found = {name: _process(settings, name) for name in names()}
    if found["webserver"] is not None and all(found.values()):
        return f"http://127.0.0.1:{_port(found['webserver'])}"
    _end(settings)
    if _taken(port):
        raise Refused(f"port {port} is taken by another program: give --port")
    postgres.server_url(settings)
    servers, begun = {}, {}
    for location in _locations():
        name, at = location["location_name"], _free_port()
        servers[name] = at
        begun[name] = _spawn(settings, _server_name(location), _server_command(location, at))
    for location in _locations():
        name = location["location_name"]
        _await(settings, _server_name(location), begun[name], partial(_taken, servers[name]))
    workspace = settings.home / "run" / "workspace.yaml"
    entries = [
        {"grpc_server": {"host": "127.0.0.1", "port": at, "location_name": name}} for name, at in servers.items()
    ]
    workspace.write_text(yaml.safe_dump({"load_from": entries}))
    _spawn(settings, "daemon", ["dagster-daemon", "run", "--workspace", str(workspace)])
    webserver = _spawn(
        settings,
        "webserver",
        ["dagster-webserver", "--host", "127.0.0.1", "--port", str(port), "--workspace", str(workspace)],
    )
    url = f"http://127.0.0.1:{port}"
    _await(settings, "webserver", webserver, partial(answers, url))
    return url


def answers(url: str) -> bool:
    """Whether Dagster's webserver answers at ``url``."""
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as answer:
            return "dagster_webserver_version" in json.load(answer)
    except (OSError, ValueError):
        return False


def stop(settings: Settings) -> list[str]:
    """End webserver, daemon, all that they started, and the embedded PostgreSQL; the names of what was running."""
    ended = _end(settings)
    if postgres.stop(settings):
        ended.append("postgres")
    return ended


def running(settings: Settings) -> dict[str, bool]:
    """Which background processes of this installation are alive."""
    return {name: _process(settings, name) is not None for name in names()}


def names() -> list[str]:
    """Names of the background processes."""
    return ["webserver", "daemon", *map(_server_name, _locations())]


def _locations() -> list[dict[str, str]]:
    return [entry["python_module"] for entry in yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]]


def _server_name(location: dict[str, str]) -> str:
    return f"code-{location['location_name']}"


def _server_command(location: dict[str, str], port: int) -> list[str]:
    return [
        "dagster", "code-server", "start", "--host", "127.0.0.1", "--port", str(port),
        "--location-name", location["location_name"], "--module-name", location["module_name"],
        "--working-directory", str(ROOT), "--inject-env-vars-from-instance",
    ]  # fmt: skip


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(settings: Settings, name: str, process: "subprocess.Popen[bytes]", ready: Callable[[], bool]) -> None:
    for _ in range(PATIENCE * 10):
        if ready():
            return
        # The child itself is asked: its command line, by which others know it, is empty for a moment after it began.
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise Refused(f"{name} did not start: see {_log(settings, name)}")


def _spawn(settings: Settings, name: str, command: list[str]) -> "subprocess.Popen[bytes]":
    executable = shutil.which(command[0], path=str(Path(sys.executable).parent)) or command[0]
    (settings.home / "run").mkdir(parents=True, exist_ok=True)
    with _log(settings, name).open("ab") as log:
        process = subprocess.Popen(
            [executable, *command[1:]], cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    _pid_file(settings, name).write_text(str(process.pid))
    return process


def _log(settings: Settings, name: str) -> Path:
    return settings.home / "run" / f"{name}.log"


def _pid_file(settings: Settings, name: str) -> Path:
    return settings.home / "run" / f"{name}.pid"


def _process(settings: Settings, name: str) -> psutil.Process | None:
    """The living process ``name`` of this home, None when there is none.

    A number alone may belong to another program after a restart: the command line and the environment tell.
    """
    try:
        process = psutil.Process(int(_pid_file(settings, name).read_text()))
        words = " ".join(process.cmdline())
        ours = process.environ().get("DAYBOOK_HOME") == str(settings.home) and "dagster" in words
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
    return process if ours and process.status() != psutil.STATUS_ZOMBIE else None


def _port(server: psutil.Process) -> int:
    words = server.cmdline()
    return int(words[words.index("--port") + 1])


def _end(settings: Settings) -> list[str]:
    """End every background process and all that it started, which shares its session; the names of those alive."""
    leaders = {name: process.pid for name in names() if (process := _process(settings, name)) is not None}
    everyone = [process for leader in leaders.values() for process in _session(leader)]
    for process in everyone:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(everyone, timeout=PATIENCE_AT_END)
    # A run that was just starting is seen by this second look alone.
    left = [process for leader in leaders.values() for process in _session(leader)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=PATIENCE_AT_END)
    for name in names():
        _pid_file(settings, name).unlink(missing_ok=True)
    return list(leaders)


def _session(leader: int) -> list[psutil.Process]:
    """The living processes of the session that ``leader`` began."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
