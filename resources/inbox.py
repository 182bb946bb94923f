"""The inbox: files and feeds become facts, once each, and what cannot become one goes to quarantine with its reason.

Belongs here: which files of the folder are taken in, who may take in, and what people decide about quarantined rows.
Does not belong here: reaching the folder (``resources.folders``), taking in (``resources.turn``), judging rows
(``daybook.intake``), which facts count (``resources.facts``).
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
from daybook.intake.sheet import FileRefused
from resources import audit, deliveries, quarantine, records
from resources.deliveries import Taken as Taken
from resources.folders import Changed, Directory, Folder, FolderError, folder
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

    @property
    def unreached(self) -> tuple[Taken, ...]:
        """What was asked for and could not be had: files and vendors that failed, and are tried again next time."""
        return tuple(taken for taken in self.files if taken.delivery is None and taken.outcome == "failed")

    @property
    def whole(self) -> bool:
        """Whether everything that was asked for came in."""
        return not self.quarantined and not self.unreached


@dataclass(frozen=True)
class _Place:
    """Where a file is."""

    folder: Folder
    name: str

    def look(self) -> str:
        return self.folder.look(self.name)


@dataclass(frozen=True)
class Inbox:
    """The folder ``inbox`` of an installation, and every other way in.

    Attributes:
        settings: where the folder is, and where bytes are kept.
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
    def folder(self) -> Folder:
        """Where files are put."""
        return folder(self.settings.inbox_uri or str(self.settings.home / "inbox"))

    def pending(self) -> dict[str, str]:
        """Files of the folder that were not dealt with as they are now: name, as it is shown, and look.

        Hidden and temporary files are left out.
        """
        return {shown(place.name): look for place, look in self._undone().items() if not names.unfinished(place.name)}

    def take_in(self, files: Sequence[str | Path] | None = None) -> Intake:
        """Take in ``files``, or everything in the folder that was not dealt with yet.

        A file is read once two looks, a moment apart, find the same size and time, and left for the next time when it
        is written meanwhile. Reference data goes first, so that the order in the folder does not matter; then
        everything that waits is tried again.

        Args:
            files: paths, or names in the folder as ``pending`` gives them; None for the whole folder.

        Raises:
            FolderError: the folder cannot be listed.
        """
        looks = self._undone() if files is None else self._asked(files)
        proper = [place for place, look in looks.items() if look and not names.unfinished(place.name)]
        if proper:
            self.pause()
        dealt: dict[str, tuple[str, str]] = {}
        with self.alone() as turn:
            now = self._again(proper)  # the lock may have been waited for
            steady = [place for place in proper if now[place] == looks[place]]
            left = [_left(place, look) for place, look in looks.items() if place not in steady]
            taken = turn.recover()
            for place in sorted(steady, key=lambda place: _rank(place.name)):
                try:
                    data, reason = _bytes(place)
                except Changed:
                    left.append(_left(place, looks[place]))
                    continue
                except FolderError as error:
                    left.append(Taken(shown(place.name), "", outcome="failed", reason=str(error)))
                    continue
                refused = turn.refuse(place.name, data, "file", reason) if reason else None
                taken.append(refused or turn.deliver(place.name, data, "file"))
                if place.folder == self.folder:
                    dealt[place.name] = looks[place], deliveries.digest(data)
            taken = turn.follow_up(taken)
        self._remember(dealt)
        return Intake((*taken, *left))

    def ingest(self, files: Sequence[Path]) -> Intake:
        """Take in ``files`` of this machine, by way of the folder where that is a directory.

        Raises:
            InboxError: two of them have the same name.
        """
        named = [file.name for file in files]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise InboxError(f"two files are called {twice[0]}: one would take the place of the other")
        if not isinstance(self.folder, Directory):
            return self.take_in(files)
        for file in files:
            if file.absolute() != (self.folder.path / file.name).absolute():
                self.folder.put(file)
        return self.take_in(named)

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
                audit.record_each(connection, who, quarantine.ACTS["discarded"], quarantine.said(entry, ids), why)

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

    def _undone(self) -> dict[_Place, str]:
        folder, seen = self.folder, self._seen()
        looks = folder.looks().items()
        return {_Place(folder, name): look for name, look in looks if seen.get(name, ("", ""))[0] != look}

    def _asked(self, files: Sequence[str | Path]) -> dict[_Place, str]:
        """Those files and their looks; a name without a folder is one in the inbox, as it is shown, if it is there."""
        folder, paths = self.folder, [Path(file) for file in files]
        listed = folder.looks() if any(path.parent == Path() for path in paths) else {}
        inside = {shown(name): name for name in listed}
        looks: dict[_Place, str] = {}
        for path in paths:
            name = inside.get(shown(str(path)))
            place = _Place(folder, name) if name else _Place(Directory(path.parent, open=True), path.name)
            looks[place] = listed[name] if name else place.look()
        return looks

    def _again(self, places: Sequence[_Place]) -> dict[_Place, str]:
        """A second look at ``places``: the folder is listed once, however many of them are in it."""
        folder = self.folder
        listed = folder.looks() if any(place.folder == folder for place in places) else {}
        return {place: listed.get(place.name, "") if place.folder == folder else place.look() for place in places}

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

    def _remember(self, dealt: Mapping[str, tuple[str, str]]) -> None:
        if dealt:
            there = self.folder.looks()
            kept = {name: entry for name, entry in self._seen().items() if name in there}
            deliveries.write(self._register, json.dumps({**kept, **dealt}).encode())

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


def _bytes(place: _Place) -> tuple[bytes, str]:
    """The bytes of a file, and why there are none."""
    try:
        return place.folder.read(place.name), ""
    except FileRefused as error:
        return b"", error.reason


def _left(place: _Place, look: str) -> Taken:
    if not look:
        reason = f"{place.name} in {place.folder}: there is no such file"
        return Taken(shown(place.name), "", outcome="failed", reason=reason)
    reason = "hidden or temporary" if names.unfinished(place.name) else "still being written: left for the next look"
    return Taken(shown(place.name), "", outcome="unfinished", reason=reason)
