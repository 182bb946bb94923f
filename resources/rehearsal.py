"""A rehearsal: the doors of an installation, through which everything can be done and nothing stays done.

Belongs here: the stand-ins for database, lake and folder that undo what was written. Does not belong here: what is
rehearsed, and what is made of it (``orchestration.derivation``).

Code that takes in files or decides about them runs unchanged on these doors: what it writes to PostgreSQL is one
transaction that is rolled back, what it appends to the lake is held in memory, bytes that it keeps go to a folder that
is removed. Numbers of deliveries that were used up leave a gap. Nothing else is taken in while a rehearsal is on.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from daybook import tables
from resources import deliveries, records
from resources.feeds import Feeds
from resources.lake import Lake, LakeError


@contextmanager
def rehearsal(feeds: Feeds) -> Iterator[Feeds]:
    """The doors of ``feeds`` as they are now; what passes through them is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="daybook-rehearsal-") as folder, feeds.engine.connect() as connection:
        undone = connection.begin()
        settings = replace(feeds.settings, home=Path(folder), inbox_uri=None)
        (settings.home / "inbox").mkdir()
        doors = Feeds(settings, HeldLake(feeds.lake.uri), HeldEngine(connection))
        try:
            with doors.inbox.alone():
                for row in deliveries.begun(connection):  # what a killed process left is finished first
                    deliveries.keep(settings.home, deliveries.kept(feeds.settings.home, row["sha256"]))
                for sha in _asked(connection):
                    deliveries.keep(settings.home, deliveries.kept(feeds.settings.home, sha))
                yield doors
        finally:
            undone.rollback()
            connection.invalidate()  # a lock ends with its connection, so this one is not used again


def _asked(connection: sa.Connection) -> list[str]:
    """Names of the kept bytes that requests ask to take in and nobody has decided."""
    table = records.requests
    query = sa.select(table.c.payload["files"]).where(table.c.status == "pending", table.c.payload.has_key("files"))
    listed: list[list[dict[str, str]]] = list(connection.execute(query).scalars())
    return [file["sha256"] for files in listed for file in files]


class HeldEngine(sa.Engine):
    """An engine with one connection and one transaction, which somebody else ends."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection.engine.pool, connection.dialect, connection.engine.url)
        self._held = _Held(connection)

    def connect(self) -> Any:
        """The connection; leaving it leaves it open."""
        return self._held

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A part of the transaction that is undone alone when it fails."""
        with self._held as connection, connection.begin_nested():
            yield connection


@dataclass(frozen=True)
class _Held:
    connection: sa.Connection

    def execution_options(self, **_: Any) -> "_Held":
        return self

    def __enter__(self) -> sa.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class HeldLake(Lake):
    """The lake, with facts that are appended held in memory: ``held`` has them by table and delivery key."""

    held: dict[str, dict[str, pd.DataFrame]] = field(default_factory=dict, compare=False)

    def append(self, table: str, frame: pd.DataFrame, delivery_key: str) -> int:
        """As ``Lake.append``, in memory."""
        there = self._open(table)
        if there is None or there.transaction_version(delivery_key) is None:
            self.held.setdefault(table, {}).setdefault(delivery_key, tables.conform(table, frame))
        return self.version(table) or 0

    def read(
        self,
        table: str,
        first: Any = None,
        last: Any = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        instruments: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """As ``Lake.read``, with what is held."""
        found = super().read(table, first, last, columns, version, instruments)
        added = list(self.held.get(table, {}).values())
        if version is not None or not added:
            return found
        rows = pd.concat(added, ignore_index=True)
        inside = pd.Series(True, rows.index) if instruments is None else rows["instrument"].isin(instruments)
        if first is not None:
            inside &= rows["business_date"] >= pd.Timestamp(first)
        if last is not None:
            inside &= rows["business_date"] <= pd.Timestamp(last)
        return pd.concat([found, rows.loc[inside, list(found.columns)]], ignore_index=True)

    def write(self, table: str, frame: pd.DataFrame, sessions: Any) -> int | None:
        """Refused: results are derived, not stored.

        Raises:
            LakeError: always.
        """
        raise LakeError(f"{table}: a rehearsal stores no results")
