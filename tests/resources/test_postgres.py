"""The embedded server, each test with one of its own where it must be started or stopped."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from resources import postgres, records
from resources.settings import settings as read_settings

ROOT = Path(__file__).parents[2]
START = "from resources import postgres, settings; print(postgres.server_url(settings.settings()))"


@pytest.fixture
def alone(tmp_path):
    """Settings of a home without a server yet, whose server is stopped afterwards."""
    found = replace(read_settings(), home=tmp_path / "home", postgres_url=None)
    yield found
    postgres.stop(found)


def ask(url, query):
    connection = psycopg2.connect(url.replace("postgresql+psycopg2://", "postgresql://"))
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]
    finally:
        connection.close()


def test_two_processes_start_one_server(alone, monkeypatch):
    monkeypatch.setenv("DAYBOOK_HOME", str(alone.home))
    monkeypatch.delenv("DAYBOOK_POSTGRES_URL", raising=False)
    starting = [
        subprocess.Popen([sys.executable, "-c", START], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    urls = {process.communicate(timeout=60)[0].strip() for process in starting}
    assert [process.returncode for process in starting] == [0, 0]
    assert urls == {postgres.server_url(alone)}
    url = urls.pop()
    assert ask(url, "SHOW max_connections") == "300"
    assert ask(url, "SELECT current_database()") == "daybook"
    # The processes that started it are gone, and it still serves; stopping is done once.
    assert postgres.stop(alone) is True
    assert postgres.stop(alone) is False


def test_a_number_given_to_another_process_is_not_mistaken_for_the_server(alone):
    url = postgres.server_url(alone)
    pid_file = alone.home / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    postgres.stop(alone)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        assert postgres.server_url(alone) == url
        assert int(pid_file.read_text().split()[0]) != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_half_made_data_folder_is_made_again(alone):
    unfinished = alone.home / "postgres.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    assert ask(postgres.server_url(alone), "SELECT 1") == 1
    assert not unfinished.exists()


def test_a_given_server_is_used_and_never_stopped(settings):
    assert postgres.server_url(settings).startswith("postgresql+psycopg2://")
    plain = replace(settings, postgres_url=settings.postgres_url.replace("+psycopg2", ""))
    assert postgres.server_url(plain) == settings.postgres_url
    assert postgres.stop(settings) is False
    assert ask(settings.postgres_url, "SELECT 1") == 1


@pytest.mark.parametrize("url", ["mysql://ada:lovelace@host/db", "ada:lovelace@host"])
def test_a_bad_url_is_refused_without_showing_it(settings, url):
    with pytest.raises(postgres.PostgresError, match="DAYBOOK_POSTGRES_URL") as refused:
        postgres.server_url(replace(settings, postgres_url=url))
    assert "lovelace" not in str(refused.value)


def test_an_unreachable_server_is_an_error_without_its_password(settings):
    with pytest.raises(postgres.PostgresError, match="cannot be reached") as refused:
        records.engine(replace(settings, postgres_url="postgresql://ada:lovelace@127.0.0.1:1/db"))
    assert "lovelace" not in str(refused.value)
