"""Folders: where files are put for the inbox, a directory of this machine or a prefix of an object store.

Belongs here: listing, telling whether a file has changed, reading its bytes once and no more of them than are read.
Does not belong here: which files are taken in, and what is in them (``inbox``, ``turn``).

A look at a file is its size and the time of its last change, of an object the ETag where the store has one. Two equal
looks say that nobody wrote it between them.
"""

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from daybook.intake.sheet import FileRefused, short

_STAMPS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "updated", "mtime", "modified", "created")
"""What stores call the mark that changes with the content, the surest first."""
_NO_FILE = "not a file: only files in the inbox itself are read"


class FolderError(OSError):
    """The folder, or for now a file in it, cannot be reached; the message says which and why."""


class Changed(FolderError):
    """The file was written while it was read."""


class Folder(Protocol):
    """Where files are put. Nothing below it is read, and nothing outside."""

    def looks(self) -> dict[str, str]:
        """Everything in it: name and look.

        Raises:
            FolderError: it cannot be listed. An empty folder is none that cannot be reached.
        """

    def look(self, name: str) -> str:
        """The look at one file as it is now, "" when it is gone."""

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            FileRefused: it is no file, too large, or leads out of the folder.
            Changed: it was written meanwhile.
            FolderError: it cannot be reached for now.
        """


@dataclass(frozen=True)
class Directory:
    """A directory of this machine; with ``open``, links in it may lead out of it."""

    path: Path
    open: bool = False

    def __str__(self) -> str:
        return str(self.path)

    def looks(self) -> dict[str, str]:
        """See ``Folder``."""
        try:
            return {path.name: self.look(path.name) for path in sorted(self.path.iterdir())}
        except OSError as error:
            raise FolderError(f"the inbox {self.path} cannot be listed: {error.strerror}") from error

    def look(self, name: str) -> str:
        """See ``Folder``."""
        path = self.path / name
        try:
            found = path.stat()
        except OSError:
            return "broken link" if path.is_symlink() else ""
        return f"{found.st_size}-{found.st_mtime_ns}"

    def read(self, name: str) -> bytes:
        """See ``Folder``. A file that nobody may read is refused: it would be no other the next time."""
        path, before = self.path / name, self.look(name)
        try:
            target = path.resolve(strict=True)
            if not self.open and not target.is_relative_to(self.path.resolve()):
                raise FileRefused("a link that leads out of the inbox: put the file itself there")
            # Neither a link put in its place by now, nor a pipe that waits for somebody to write.
            descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode):
                    raise FileRefused(_NO_FILE)
                short(found.st_size, "the file has")
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    data = file.read(found.st_size)
            finally:
                os.close(descriptor)
            if self.look(name) != before:
                raise Changed(f"{name} was written while it was read")
            return data
        except FolderError:
            raise
        except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
            raise FileRefused(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error

    def put(self, file: Path) -> None:
        """Copy ``file`` into the directory, whole or not at all; what has its name there is replaced, not followed."""
        temporary = self.path / f".{file.name}.{os.getpid()}.tmp"
        try:
            shutil.copyfile(file, temporary)
            temporary.replace(self.path / file.name)
        finally:
            temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class Bucket:
    """A prefix of an object store, or whatever else fsspec opens, by its URI."""

    uri: str

    def __str__(self) -> str:
        return self.uri

    def looks(self) -> dict[str, str]:
        """See ``Folder``. A store has no empty folders, so a prefix without objects is empty."""
        store, root = self._opened()
        try:
            store.invalidate_cache()
            listed = store.ls(root, detail=True)
        except FileNotFoundError:
            return {}
        # Each store has errors of its own, and none of them may pass for an empty inbox.
        except Exception as error:
            raise FolderError(f"the inbox {self.uri} cannot be listed: {_said(error)}") from error
        found = {_name(entry): _stamp(entry) for entry in listed if entry["name"].strip("/") != root.strip("/")}
        return {name: look for name, look in sorted(found.items()) if name}

    def look(self, name: str) -> str:
        """See ``Folder``."""
        store, root = self._opened()
        try:
            store.invalidate_cache()
            return _stamp(store.info(f"{root}/{name}"))
        except FileNotFoundError:
            return ""
        except Exception as error:
            raise FolderError(f"{name} in {self.uri} cannot be looked at: {_said(error)}") from error

    def read(self, name: str) -> bytes:
        """See ``Folder``."""
        store, root = self._opened()
        try:
            found = store.info(f"{root}/{name}")
            if found["type"] != "file":
                raise FileRefused(_NO_FILE)
            short(int(found["size"] or 0), "the file has")
            data: bytes = store.cat_file(f"{root}/{name}")
            store.invalidate_cache()
            changed = _stamp(store.info(f"{root}/{name}")) != _stamp(found)
        except FileRefused:
            raise
        except Exception as error:
            raise FolderError(f"{name} in {self.uri} cannot be read: {_said(error)}") from error
        if changed:
            raise Changed(f"{name} in {self.uri} was written while it was read")
        return data

    def _opened(self) -> tuple[Any, str]:
        """The store and the path in it; fsspec keeps stores open."""
        import fsspec

        try:
            store, root = fsspec.core.url_to_fs(self.uri)
        except ImportError:
            store, root = self._of_arrow()
        except ValueError as error:
            raise FolderError(f"DAYBOOK_INBOX_URI={self.uri} cannot be opened: {_said(error)}") from error
        return store, root.rstrip("/")

    def _of_arrow(self) -> tuple[Any, str]:
        """Arrow knows S3, Google Cloud Storage and Azure by itself, where fsspec needs a package for each."""
        from fsspec.implementations.arrow import ArrowFSWrapper
        from pyarrow.fs import FileSystem

        try:
            store, root = FileSystem.from_uri(self.uri)
        except (ValueError, OSError) as error:
            raise FolderError(f"DAYBOOK_INBOX_URI={self.uri} cannot be opened: {_said(error)}") from error
        return ArrowFSWrapper(store), root


def folder(uri: str) -> Folder:
    """The folder that ``uri`` names: a path, or the URI of a store."""
    if uri.startswith("file://"):
        return Directory(Path(uri.removeprefix("file://")))
    return Bucket(uri) if "://" in uri else Directory(Path(uri))


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]


def _stamp(entry: Mapping[str, Any]) -> str:
    if entry["type"] != "file":
        return "no file"
    mark = next((entry[key] for key in _STAMPS if entry.get(key)), "")
    # One store says the same time as a number in a list and as a date of one object; another puts an ETag into quotes.
    said = mark.timestamp() if isinstance(mark, datetime) else str(mark).strip('"')
    return f"{entry['size']}-{said}"


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
