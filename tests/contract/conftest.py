"""Firms fed by files and asked by commands, as somebody outside would: the contract and nothing else."""

import io
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from unittest import mock

import pandas as pd
import psycopg2
import pytest
import sqlalchemy as sa

from orchestration.services import prepare
from resources.settings import settings

_numbers = count()
OURS = ("DAYBOOK_", "DAGSTER_")


def lines(text: str) -> str:
    """``text`` as a file, so that it can be indented in a test."""
    return "\n".join(line.strip() for line in textwrap.dedent(text).strip().splitlines()) + "\n"


@dataclass
class Firm:
    """The front doors of one installation: files in, commands, tables out."""

    home: Path
    environment: dict[str, str]
    known: dict[tuple, pd.DataFrame] = field(default_factory=dict)
    said: str = ""

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    def put(self, name: str, text: str | bytes) -> None:
        """A file in the inbox."""
        self.inbox.mkdir(parents=True, exist_ok=True)
        (self.inbox / name).write_bytes(text if isinstance(text, bytes) else lines(text).encode())

    def daybook(self, *words: str, user: str = "tester") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        from orchestration import cli

        said, complained = io.StringIO(), io.StringIO()
        with (
            self.inside(DAYBOOK_USER=user, COLUMNS="200"),
            mock.patch.object(sys, "argv", ["daybook", *words]),
            redirect_stdout(said),
            redirect_stderr(complained),
            pytest.raises(SystemExit) as ended,
        ):
            cli.main()
        if words[0] != "show":
            self.known.clear()
        return int(ended.value.code or 0), said.getvalue(), complained.getvalue()

    @contextmanager
    def inside(self, **more: str) -> Iterator[None]:
        """The environment of this installation, and nothing of another."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        with mock.patch.dict(os.environ, environment | self.environment | more, clear=True):
            prepare(settings())
            yield

    def eod(self, date: str | None = None, code: int = 0) -> str:
        """Compute a date and insist on the exit code."""
        got, out, err = self.daybook("eod", *(["--date", date] if date else []))
        assert got == code, f"exit {got}\n{out}\n{err}"
        return out + err

    def show(self, table: str, date: str | None = None, *words: str) -> pd.DataFrame:
        """Rows of a table, as a program reads the CSV."""
        asked = (table, date, *words)
        if asked not in self.known:
            code, out, err = self.daybook("show", table, *(["--date", date] if date else []), "--format", "csv", *words)
            assert code == 0, err
            text = ["book", "instrument", "status", "reason", "segment", "bucket", "lot", "value", "cause"]
            kept = [name for name in text if name in out.split("\n", 1)[0].split(",")]
            kinds = {name: "str" for name in kept if not (name == "value" and table != "quarantine")}
            frame = pd.read_csv(io.StringIO(out), dtype=kinds, keep_default_na=False, na_values={
                name: [""] for name in out.split("\n", 1)[0].strip().split(",") if name not in kinds
            })  # fmt: skip
            self.known[asked] = frame
        return self.known[asked]

    def row(self, table: str, date: str, **where: str | float) -> pd.Series:
        """The one row of ``table`` on ``date`` that satisfies ``where``."""
        rows = self.rows(table, date, **where)
        assert len(rows) == 1, f"{table} {date} {where}: {len(rows)} rows\n{rows}"
        return rows.iloc[0]

    def rows(self, table: str, date: str | None = None, **where: str | float) -> pd.DataFrame:
        """The rows of ``table`` on ``date`` that satisfy ``where``."""
        rows = self.show(table, date)
        for column, value in where.items():
            rows = rows[rows[column] == value]
        return rows

    def waiting(self, file: str) -> pd.DataFrame:
        """What of ``file`` is in quarantine and undecided."""
        rows = self.show("quarantine")
        return rows[(rows["file"] == file) & rows["status"].isin(["open", "waiting"])]

    def hash(self, table: str, date: str) -> str:
        """Content hash of a table's session in the lake."""
        from resources.lake import Lake

        return Lake(str(self.home / "lake")).content_hash(table, pd.Timestamp(date))

    def versions(self, *tables: str) -> dict[str, int | None]:
        """Delta version of each table."""
        from resources.lake import Lake

        lake = Lake(str(self.home / "lake"))
        return {table: lake.version(table) for table in tables}


@pytest.fixture(scope="session")
def installation(server, tmp_path_factory) -> Iterator[Callable[..., Firm]]:
    """Makes installations with a home and a database of their own."""
    made: list[str] = []

    def execute(statement: str) -> None:
        connection = psycopg2.connect(server.replace("postgresql+psycopg2://", "postgresql://"))
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()

    def make(**environment: str) -> Firm:
        name = f"contract_{os.getpid()}_{next(_numbers)}"
        execute(f"CREATE DATABASE {name} TEMPLATE template")
        made.append(name)
        home = tmp_path_factory.mktemp("home")
        url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
        base = {"DAYBOOK_HOME": str(home), "DAYBOOK_POSTGRES_URL": url, "DAYBOOK_VENDORS": "files"}
        return Firm(home, base | environment)

    yield make
    for name in made:
        execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def december(installation) -> Firm:
    """The fifteen sessions of ``tests.contract.december``: every file at once, one command."""
    from tests.contract import december as story

    firm = installation()
    for files in story.files().values():
        for name, text in files.items():
            firm.put(name, text)
    firm.said = firm.eod(story.LAST, code=3)
    return firm


BOOKS = """book,name,base_currency,benchmark,strategy,shorts
    ALPHA,Alpha Fund,USD,,,no
    EURO,Euro Fund,EUR,,,yes"""
INSTRUMENTS = """instrument,name,asset_class,currency,exchange,sector,country,issuer
    AAA,Triple A,equity,USD,XNYS,Tech,US,AAA Inc
    BBB,Double B,equity,USD,XNYS,Energy,US,BBB Inc"""


@pytest.fixture
def firm(installation) -> Firm:
    """An installation fed by files alone."""
    return installation()


@pytest.fixture
def reference(firm) -> Firm:
    """A firm with two books and two instruments."""
    firm.put("books_2022-12-19.csv", BOOKS)
    firm.put("instruments_2022-12-19.csv", INSTRUMENTS)
    return firm
