"""Names of delivered files: ``<table>_<YYYY-MM-DD>[_<suffix>].<csv|parquet>``.

Belongs here: what a name says, and in which order files are taken in. Does not belong here: what the file holds.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

import pandas as pd

from daybook import tables

FORMATS = ("csv", "parquet")
"""Extensions that are read."""

LONGEST = 255
"""Most characters of a name, as in every file system."""

# What browsers, rsync and editors call a file that they have not finished.
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")
# A row waits for what is delivered later; taking the tables in this order leaves little to wait for.
_FIRST = (
    *("instruments", "identifiers", "issuers", "books", "accounts", "share_classes", "fx_rates", "prices"),
    "corporate_actions",
)
_NAME = re.compile(r"(?P<table>.+?)_(?P<date>\d{4}-\d{2}-\d{2})(?:_(?P<suffix>.+))?")


class BadName(ValueError):
    """The name does not say what the file is; the message tells why."""


@dataclass(frozen=True)
class Name:
    """What the name of a file says.

    Attributes:
        file: the name itself.
        table: table of facts that it feeds, in the words of ``daybook.tables`` (``raw_prices`` for ``prices``).
        delivered: the date of delivery, midnight.
        suffix: what follows the date, "" if nothing.
        format: csv or parquet.
    """

    file: str
    table: str
    delivered: pd.Timestamp
    suffix: str
    format: str

    @property
    def source(self) -> str:
        """The source of rows that name none."""
        return self.suffix or "file"


def unfinished(file: str) -> bool:
    """Whether a file of this name is hidden or temporary, and so not meant to be read yet."""
    return file.startswith(".") or file.lower().endswith(_UNFINISHED)


def parse(file: str) -> Name:
    """What the name ``file`` says. A path is no name, wherever it leads.

    Raises:
        BadName: it is a path or too long, or the extension, the pattern, the table or the date is not one that can be
            taken in.
    """
    if len(file) > LONGEST:
        raise BadName(f"the name has {len(file):,} characters, and at most {LONGEST} are read")
    if "/" in file or "\\" in file:
        raise BadName("the name is a path, or has characters that cannot be printed: it may hold neither / nor \\")
    stem, _, extension = file.rpartition(".")
    if not stem or extension not in FORMATS:
        raise BadName(f"the extension is not .csv or .parquet: {PurePath(file).suffix or 'there is none'}")
    match = _NAME.fullmatch(stem)
    if match is None:
        raise BadName("the name is not <table>_<YYYY-MM-DD>[_<suffix>].<csv|parquet>")
    if match["table"] not in tables.FILES:
        raise BadName(f"unknown table {match['table']!r}; known are {', '.join(sorted(tables.FILES))}")
    try:
        delivered = date.fromisoformat(match["date"])
    except ValueError:
        raise BadName(f"bad date {match['date']}: there is no such day") from None
    suffix = match["suffix"] or ""
    if any(not character.isprintable() for character in suffix):
        raise BadName("the suffix has characters that cannot be printed")
    return Name(file, tables.FILES[match["table"]], pd.Timestamp(delivered).as_unit("us"), suffix, extension)


def order(name: Name) -> tuple[int, pd.Timestamp, str]:
    """Sort key: reference data before what refers to it, earlier dates first."""
    ranks = [tables.FILES[table] for table in _FIRST]
    return ranks.index(name.table) if name.table in ranks else len(ranks), name.delivered, name.file
