"""Deliveries: the register of what arrived, and the bytes of it.

Belongs here: the rows of table ``deliveries`` and the folder ``files``. Does not belong here: what is done with a
delivery (``resources.inbox``).
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import sqlalchemy as sa

from daybook.intake.names import Name
from daybook.intake.sheet import Sheet, printable
from daybook.market import files
from resources import records

_table = records.deliveries


@dataclass(frozen=True)
class Taken:
    """What became of one file, or of the rows of it that were tried again.

    Attributes:
        file: its name.
        table: table of facts, "" when the name does not tell.
        rows: facts taken in.
        quarantined: lines that were not.
        outcome: complete, partial, empty or failed; ``unchanged`` (these bytes were delivered before) and
            ``unfinished`` (still being written, hidden or temporary) are no deliveries.
        reason: why, and what was noticed.
        delivery: its number, None when it is no delivery.
    """

    file: str
    table: str
    rows: int = 0
    quarantined: int = 0
    outcome: str = ""
    reason: str = ""
    delivery: int | None = None


def of_file(file: str, name: Name | None, sha: str, kind: str, at: datetime) -> dict[str, Any]:
    """The register's row of a file that arrived; ``name`` is None when its name cannot be understood."""
    row: dict[str, Any] = {"file": file, "sha256": sha, "kind": kind, "status": "received", "recorded_at": at}
    if name is not None:
        row |= {"table_name": name.table, "delivered": name.delivered.date(), "suffix": name.suffix}
    return row


def of_rows(original: Mapping[str, Any], kind: str, at: datetime) -> dict[str, Any]:
    """The register's row of rows of ``original`` that come in later, by retry or correction."""
    kept = {column: original[column] for column in ("file", "sha256", "table_name", "delivered", "suffix")}
    return {**kept, "kind": kind, "status": "received", "original": original["seq"], "recorded_at": at}


def register(connection: sa.Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    """Enter ``row``; returns it with its ``seq``."""
    return dict(connection.execute(sa.insert(_table).values(row).returning(*_table.c)).mappings().one())


def reserve(connection: sa.Connection) -> int:
    """A number for a delivery that is entered later; unused, it leaves a gap."""
    sequence = sa.func.pg_get_serial_sequence(f"{records.SCHEMA}.deliveries", "seq")
    return int(connection.execute(sa.select(sa.func.nextval(sequence))).scalar_one())


def columns(sheet: Sheet) -> str:
    """The columns of a file as the register keeps them; of a file without rows none counts as empty."""
    return files.header(
        {
            printable(name): not len(sheet.lines) or pc.any(pc.not_equal(texts, "")).as_py()
            for name, texts in sheet.columns.items()
        }
    )


def finish(connection: sa.Connection, taken: Taken, affected: pd.Timestamp | None, header: str = "") -> None:
    """The delivery is done: ``taken`` says how, ``header`` what columns its file had (``columns``)."""
    values = {
        "status": "done",
        "outcome": taken.outcome,
        "rows": taken.rows,
        "quarantined": taken.quarantined,
        "affects_from": None if affected is None else affected.date(),
        "reason": taken.reason,
        "header": header,
    }
    connection.execute(sa.update(_table).where(_table.c.seq == taken.delivery).values(values))


def find(connection: sa.Connection, seq: int) -> dict[str, Any]:
    """The delivery of that number."""
    return dict(connection.execute(sa.select(_table).where(_table.c.seq == seq)).mappings().one())


def begun(connection: sa.Connection) -> list[dict[str, Any]]:
    """What a killed process left unfinished, in order."""
    query = sa.select(_table).where(_table.c.status == "received").order_by(_table.c.seq)
    return [dict(row) for row in connection.execute(query).mappings()]


def same_file(name: Name) -> sa.ColumnElement[bool]:
    """Condition: deliveries of the same table, date and suffix."""
    delivered = _table.c.delivered == name.delivered.date()
    return sa.and_(_table.c.table_name == name.table, delivered, _table.c.suffix == name.suffix)


def newest_bytes(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> str | None:
    """SHA-256 of the newest file among the deliveries that satisfy ``condition``."""
    query = sa.select(_table.c.sha256).where(condition, _table.c.original.is_(None))
    found: str | None = connection.execute(query.order_by(_table.c.seq.desc()).limit(1)).scalar()
    return found


def other_name(connection: sa.Connection, row: Mapping[str, Any]) -> str | None:
    """Name of an earlier file with the same bytes and another name."""
    query = sa.select(_table.c.file).where(
        _table.c.sha256 == row["sha256"], _table.c.seq < row["seq"], _table.c.file != row["file"]
    )
    found: str | None = connection.execute(query.order_by(_table.c.seq.desc()).limit(1)).scalar()
    return found


def digest(data: bytes) -> str:
    """SHA-256, the name under which bytes are kept."""
    return hashlib.sha256(data).hexdigest()


def keep(home: Path, data: bytes) -> str:
    """Keep ``data`` under ``home``/files for ever; returns its name there."""
    sha = digest(data)
    if not (home / "files" / sha).exists():
        write(home / "files" / sha, data)
    return sha


def kept(home: Path, sha: str) -> bytes:
    """The bytes kept under that name."""
    return (home / "files" / sha).read_bytes()


def write(path: Path, data: bytes) -> None:
    """Write ``path`` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
