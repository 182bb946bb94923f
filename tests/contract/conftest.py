"""A firm of its own, fed by files and asked by commands, as somebody outside would: the contract and nothing else."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest


@dataclass
class Firm:
    """The front doors: files in, commands, tables out."""

    home: Path
    capture: pytest.CaptureFixture
    monkeypatch: pytest.MonkeyPatch

    def put(self, name: str, text: str) -> None:
        """A file in the inbox; lines are stripped, so that they can be indented in a test."""
        inbox = self.home / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")

    def daybook(self, *words: str, user: str = "tester") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        from orchestration import cli

        self.monkeypatch.setattr("sys.argv", ["daybook", *words])
        self.monkeypatch.setenv("DAYBOOK_USER", user)
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self.capture.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    def eod(self, date: str | None = None, code: int = 0) -> str:
        """Close a date and insist on the exit code."""
        got, out, err = self.daybook("eod", *(["--date", date] if date else []))
        assert got == code, f"exit {got}\n{out}\n{err}"
        return out + err

    def show(self, table: str, date: str | None = None, *words: str) -> pd.DataFrame:
        """Rows of a table, all columns as text that numbers are parsed from."""
        code, out, err = self.daybook("show", table, *(["--date", date] if date else []), "--format", "csv", *words)
        assert code == 0, err
        return pd.read_csv(io.StringIO(out))

    def row(self, table: str, date: str, **where: str) -> pd.Series:
        """The one row of ``table`` on ``date`` that satisfies ``where``."""
        rows = self.show(table, date)
        for column, value in where.items():
            rows = rows[rows[column] == value]
        assert len(rows) == 1, f"{table} {date} {where}: {len(rows)} rows\n{rows}"
        return rows.iloc[0]


@pytest.fixture
def firm(settings, monkeypatch, capsys) -> Firm:
    """An installation fed by files alone, on a database of its own."""
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    monkeypatch.setenv("COLUMNS", "200")
    found = Firm(settings.home, capsys, monkeypatch)
    yield found
    for name in ("DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE"):
        os.environ.pop(name, None)


@pytest.fixture
def reference(firm) -> Firm:
    """A firm with two books and three instruments."""
    firm.put(
        "books_2022-12-19.csv",
        """book,name,base_currency,benchmark,strategy,shorts
        ALPHA,Alpha Fund,USD,,,no
        EURO,Euro Fund,EUR,,,yes""",
    )
    firm.put(
        "instruments_2022-12-19.csv",
        """instrument,name,asset_class,currency,exchange,sector,country,issuer
        AAA,Triple A,equity,USD,XNYS,Tech,US,AAA Inc
        BBB,Double B,equity,USD,XNYS,Energy,US,BBB Inc""",
    )
    return firm
