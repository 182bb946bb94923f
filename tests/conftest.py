"""Fixtures for every test: one embedded PostgreSQL for the whole run, and a home of its own for each test."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import hypothesis
import psycopg2
import pytest
import sqlalchemy as sa

import orchestration  # noqa: F401 (it says how the machine is used, before numpy is imported)
from resources import postgres, records
from resources.lake import Lake
from resources.settings import Settings, quiet_telemetry
from resources.settings import settings as read_settings

quiet_telemetry()
_numbers = count()
for name in [name for name in os.environ if name.startswith(("DAYBOOK_", "DAGSTER_"))]:
    del os.environ[name]  # what surrounds the tests is no part of them
hypothesis.settings.register_profile("daybook", deadline=None)  # no test depends on how busy the machine is
hypothesis.settings.load_profile("daybook")
os.environ.pop("COLUMNS", None)  # nor is the width of a terminal, which xdist sets to 80
gc.set_threshold(50_000, 20, 20)  # small frames fill the default of 700 thousands of times: 5-10 % of the processor


def pytest_collection_finish() -> None:
    """All that was imported lives to the end: no collection looks through it again."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """What was frozen would be called leaked by DuckDB."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a test, or a command that it runs in this process, leaves in the environment ends with it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of the test run's own PostgreSQL, with a migrated database ``template`` to copy.

    Not under pytest's folder: as root the server runs as another user, and any other pytest that starts takes away
    everybody else's right to that folder.
    """
    home = Path(tempfile.mkdtemp(prefix="daybook-tests-"))
    own = replace(read_settings(), home=home, postgres_url=None)
    url = postgres.server_url(own)
    _execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE template")
    template = sa.create_engine(_database(url, "template"), poolclass=sa.NullPool)
    with template.begin() as connection:
        records.migrate(connection)
    yield url
    postgres.stop(own)
    shutil.rmtree(home)


@pytest.fixture
def settings(server, tmp_path, monkeypatch) -> Iterator[Settings]:
    """What the environment says during this test: a home under ``tmp_path`` and a database that nobody else uses."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE template")
    monkeypatch.setenv("DAYBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAYBOOK_POSTGRES_URL", _database(server, name))
    monkeypatch.setenv("DAYBOOK_USER", "tester")
    quiet_telemetry()
    found = read_settings()
    found.home.mkdir()
    yield found
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(settings) -> sa.Engine:
    """The engine on this test's records, migrated."""
    return records.engine(settings)


@pytest.fixture
def lake(settings) -> Lake:
    """This test's lake, empty."""
    return Lake(settings.lake_uri)


def _database(url: str, name: str) -> str:
    return str(sa.make_url(url).set(database=name).render_as_string(hide_password=False))


def _execute(url: str, *statements: str) -> None:
    connection = psycopg2.connect(url.replace("postgresql+psycopg2://", "postgresql://"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()
