"""The inbox: files and feeds become facts, once each, and what cannot become one goes to quarantine with its reason.

Belongs here: looking at the folder, who may take in, and what people decide about quarantined rows. Does not belong
here: taking in (``resources.turn``), judging rows (``daybook.intake``), which facts count (``resources.facts``).
"""

import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from daybook import tables
from daybook.intake import names
from resources import deliveries, quarantine, records
from resources.deliveries import Taken as Taken
from resources.lake import Lake
from resources.quarantine import UNDECIDED
from resources.settings import Settings
from resources.turn import Turn, shown

_LOCK = zlib.crc32(b"daybook inbox")
# A moment is enough: whoever writes a file for longer than that changes its size or time while doing so.
_MOMENT = 0.25


class InboxError(ValueError):
    """What was asked of the quarantine cannot be done; the message says why."""


@dataclass(frozen=True)
class Intake:
    """What one call took in, file by file."""

    files: tuple[Taken, ...]

    @property
    def rows(self) -> int:
        """Facts taken in."""
        return sum(taken.rows for taken in self.files)

    @property
    def quarantined(self) -> int:
        """Lines quarantined."""
        return sum(taken.quarantined for taken in self.files)

    @property
    def delivered(self) -> tuple[Taken, ...]:
        """The files that are deliveries."""
        return tuple(taken for taken in self.files if taken.delivery is not None)


@dataclass(frozen=True)
class Inbox:
    """The folder ``inbox`` of an installation, and every other way in.

    Attributes:
        settings: where the folder is.
        lake: where market facts go.
        engine: where the register, the quarantine and the transactions are.
        pause: lets a moment pass between the two looks.
        clock: the present, in UTC.
    """

    settings: Settings
    lake: Lake
    engine: sa.Engine
    pause: Callable[[], None] = lambda: time.sleep(_MOMENT)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def folder(self) -> Path:
        """Where files are put."""
        return self.settings.home / "inbox"

    def pending(self) -> dict[str, str]:
        """Files of the folder that were not dealt with as they are now: name and fingerprint (size and time).

        Hidden and temporary files are left out.
        """
        return {path.name: look for path, look in self._undone().items() if not names.unfinished(path.name)}

    def take_in(self, files: Sequence[str | Path] | None = None) -> Intake:
        """Take in ``files``, or everything in the folder that was not dealt with yet.

        A file is read once two looks, a moment apart, find the same size and time. Reference data goes first, so that
        the order in the folder does not matter; then everything that waits is tried again.

        Args:
            files: paths, or names in the folder; None for the whole folder.
        """
        looks = self._undone() if files is None else {path: _look(path) for path in map(self._path, files)}
        proper = [path for path, look in looks.items() if look and not names.unfinished(path.name)]
        if proper:
            self.pause()
        steady = [path for path in proper if _look(path) == looks[path]]
        left = [_left(path, look) for path, look in looks.items() if path not in steady]
        with self.alone() as turn:
            taken = turn.recover()
            for path in sorted(steady, key=lambda path: _rank(path.name)):
                taken.append(turn.take(path))
            taken = turn.follow_up(taken)
        self._remember({path: looks[path] for path in steady if path.parent == self.folder}, turn.digests)
        return Intake((*taken, *left))

    def deliver(self, name: str, data: bytes, kind: str = "vendor") -> Intake:
        """Take in ``data`` as if it were a file called ``name``; ``kind`` says where it comes from."""
        return self.deliver_all([(name, data)], kind)

    def deliver_all(self, files: Iterable[tuple[str, bytes]], kind: str = "vendor") -> Intake:
        """Take in several files, (name, bytes), in the order that leaves the least to wait for."""
        with self.alone() as turn:
            taken = turn.recover()
            for name, data in sorted(files, key=lambda file: _rank(file[0])):
                taken.append(turn.deliver(name, data, kind))
            return Intake(tuple(turn.follow_up(taken)))

    # -- quarantine: what people decide ------------------------------------------------------------------------------

    def entries(self, statuses: Sequence[str] = UNDECIDED) -> pd.DataFrame:
        """Quarantine entries with one of ``statuses``, in order of arrival: every column of the record."""
        return quarantine.entries(self.engine, statuses)

    def entry(self, number: int) -> dict[str, Any]:
        """One quarantine entry, with ``row``: the text of every column as delivered.

        Raises:
            InboxError: there is none of that number.
        """
        with self.engine.connect() as connection:
            found = (
                connection.execute(sa.select(records.quarantine).where(records.quarantine.c.id == number))
                .mappings()
                .first()
            )
        if found is None:
            raise InboxError(f"quarantine entry {number}: there is none")
        return dict(found)

    def correct(self, number: int, values: Mapping[str, str], who: str, why: str) -> Taken:
        """Try the row of an entry again with ``values`` in place of what its columns held.

        The row passes the same checks as any other. If it fails, nothing changes and the outcome is ``failed``.

        Raises:
            InboxError: there is no such entry, it is decided already, or it concerns a whole file; a column is unknown;
                who or why is empty.
        """
        table = self.entry(number)["table_name"]
        unknown = sorted(set(values) - set(tables.TABLES[table].names)) if table else []
        if not values or unknown:
            raise InboxError(
                f"{table} has no column {', '.join(unknown)}" if unknown else "no value to correct is given"
            )
        return self._redo(number, "corrected", values, who, why)

    def release(self, number: int, who: str, why: str) -> Taken:
        """Try the row of an entry again as it is. Raises and returns as ``correct``."""
        return self._redo(number, "released", {}, who, why)

    def discard(self, number: int, who: str, why: str) -> None:
        """Give up the row of an entry, or the refused file. Raises as ``correct``."""
        with self.alone():
            entry = self._undecided(number, who, why)
            with self.engine.begin() as connection:
                ids = quarantine.of_line(connection, entry)
                quarantine.close(connection, ids, "discarded", who, why, self.clock())

    def _redo(self, number: int, status: str, values: Mapping[str, str], who: str, why: str) -> Taken:
        with self.alone() as turn:
            entry = self._undecided(number, who, why)
            if not entry["row"]:
                raise InboxError(f"quarantine entry {number} concerns the whole file: deliver it again, or discard it")
            turn.recover()
            taken = turn.redo(entry, status, values, (who, why))
            turn.follow_up([])
            return taken

    def _undecided(self, number: int, who: str, why: str) -> dict[str, Any]:
        if not who.strip() or not why.strip():
            raise InboxError("a decision needs who decides and why")
        entry = self.entry(number)
        if entry["status"] not in UNDECIDED:
            raise InboxError(f"quarantine entry {number} is {entry['status']} already")
        return entry

    # -- the folder --------------------------------------------------------------------------------------------------

    def _undone(self) -> dict[Path, str]:
        listed = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        looks = {path: _look(path) for path in listed}
        seen = self._seen()
        return {path: look for path, look in looks.items() if seen.get(path.name, ("", ""))[0] != look}

    def _path(self, file: str | Path) -> Path:
        path = Path(file)
        return self.folder / path if path.parent == Path() and (self.folder / path).exists() else path

    @property
    def _register(self) -> Path:
        return self.settings.home / "files" / "seen.json"

    def _seen(self) -> dict[str, tuple[str, str]]:
        """Look and SHA-256 under which each file of the folder was dealt with; it only saves reading them again.

        What the register of deliveries does not know (it may be another one by now) was not dealt with.
        """
        try:
            seen = {name: (look, sha) for name, (look, sha) in json.loads(self._register.read_text()).items()}
        except (OSError, ValueError):
            return {}
        with self.engine.connect() as connection:
            known: set[str] = set(connection.execute(sa.select(records.deliveries.c.sha256).distinct()).scalars())
        return {name: entry for name, entry in seen.items() if entry[1] in known}

    def _remember(self, looks: Mapping[Path, str], digests: Mapping[Path, str]) -> None:
        if looks:
            new = {path.name: (look, digests[path]) for path, look in looks.items()}
            there = {name: entry for name, entry in self._seen().items() if (self.folder / name).exists()}
            deliveries.write(self._register, json.dumps({**there, **new}).encode())

    @contextmanager
    def alone(self) -> Iterator[Turn]:
        """One process at a time; the lock ends with the connection, however the process ends."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
            try:
                yield Turn(self.settings, self.lake, self.engine, self.clock)
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))


def _rank(file: str) -> tuple[int, pd.Timestamp, str]:
    """Reference data first; what has no good name last."""
    try:
        return names.order(names.parse(shown(file)))
    except names.BadName:
        return len(tables.FILES) + 1, pd.Timestamp.min, file


def _look(path: Path) -> str:
    """Size and time of a file; "" when it is gone."""
    try:
        found = path.stat()
    except OSError:
        return "" if not path.is_symlink() else "broken link"
    return f"{found.st_size}-{found.st_mtime_ns}"


def _left(path: Path, look: str) -> Taken:
    if not look:
        return Taken(shown(path.name), "", outcome="failed", reason=f"{path}: there is no such file")
    reason = "hidden or temporary" if names.unfinished(path.name) else "still being written: left for the next look"
    return Taken(shown(path.name), "", outcome="unfinished", reason=reason)
