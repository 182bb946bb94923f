"""Sheets: the rows of a file as trimmed text by column, and the bounds of what a file may be.

Belongs here: what every format is turned into, and how large it may get. Does not belong here: turning bytes into it
(``reading``, ``parquet``), and what a column means (``rows``).

The bounds keep memory and time in hand whatever arrives, and lie far beyond what a firm delivers: 5,000,000 rows are
the prices of 20,000 instruments for a year. What is beyond them is refused before it is expanded, and can be delivered
again in parts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BYTES = 512 * 2**20
"""Most bytes of a file, of the pages of a Parquet file once decompressed, and of its text: reading takes a few times
as much memory."""
ROWS = 5_000_000
"""Most rows of a file: a row in quarantine takes more than 1 kB, and all of them may be bad."""
COLUMNS = 1_000
"""Most columns of a file; the widest table has 25."""
CELLS = 100_000_000
"""Most rows times columns: 5,000,000 rows of 20 columns."""
LINE = 131_072
"""Most characters of a row: where Python's csv module gives up on a field, and what a quote that is never closed may
swallow."""
SHOWN = 500
"""Most characters of a bad value that are kept beside its reason; the row keeps all of them."""

Lines = NDArray[np.int64]


class FileRefused(ValueError):
    """Nothing of the file can be taken in; says at which line and column, with what value, and why."""

    def __init__(self, reason: str, line: int = 0, column: str = "", value: str = "") -> None:
        super().__init__(reason)
        self.reason, self.line, self.column, self.value = reason, line, column, value


@dataclass(frozen=True)
class BadLine:
    """A line that is no row: its number, its text, why, and as many of its fields as have a column."""

    line: int
    value: str
    reason: str
    row: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """The rows of a file as text.

    Attributes:
        columns: by name, in the order of the header: trimmed text, "" where nothing stands, all of one length.
        lines: line of the file on which each row begins; the header is line 1.
        bad: the lines that are no rows.
    """

    columns: Mapping[str, pa.Array]
    lines: Lines
    bad: tuple[BadLine, ...] = ()

    def row(self, at: int) -> dict[str, str]:
        """The texts of one row by column."""
        return {name: printable(texts[at].as_py()) for name, texts in self.columns.items()}


def of_rows(rows: Sequence[Mapping[str, str]], lines: Sequence[int]) -> Sheet:
    """A sheet of ``rows`` as they were read before, to check them again."""
    names = list(dict.fromkeys(name for row in rows for name in row if name))
    return Sheet(
        {name: trimmed(pa.array([row.get(name, "") for row in rows], pa.large_string())) for name in names},
        np.asarray(lines, np.int64),
    )


def header(fields: Sequence[str], line: int) -> list[str]:
    """The trimmed names of the columns.

    Raises:
        FileRefused: there are too many, or a name stands there twice.
    """
    if len(fields) > COLUMNS:
        raise FileRefused(f"the header has {len(fields):,} columns, and at most {COLUMNS:,} are read", line)
    names = [field.strip() for field in fields]
    repeated = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if repeated:
        reason = f"the header names a column twice: {shown(', '.join(repeated))}"
        raise FileRefused(reason, line, shown(repeated[0]), shown(",".join(names)))
    # A separator at the end of the header makes a column without a name; whatever stands there is ignored.
    return [name or f"column {at + 1}" for at, name in enumerate(names)]


def most_rows(columns: int) -> int:
    """Most rows of a file with so many columns."""
    return min(ROWS, CELLS // max(columns, 1))


def bounded(rows: int, columns: int) -> None:
    """Refuse a file of too many rows, or of too many for its columns.

    Raises:
        FileRefused: it has more than ``most_rows``.
    """
    most = most_rows(columns)
    if rows > most:
        raise FileRefused(f"the file has {rows:,} rows, and at most {most:,} are read at once: deliver it in parts")


def short(size: int, what: str) -> None:
    """Refuse ``size`` bytes of ``what`` when they are more than ``BYTES``.

    Raises:
        FileRefused: they are.
    """
    if size > BYTES:
        reason = f"{what} {size:,} bytes, and at most {BYTES:,} are read at once: deliver it in parts"
        raise FileRefused(reason)


def printable(text: str) -> str:
    """``text`` without the NUL characters, which PostgreSQL cannot keep."""
    return text.replace("\0", "\\0")


def shown(text: str) -> str:
    """``text`` short enough to stand beside a reason."""
    clean = printable(text)
    return clean if len(clean) <= SHOWN else clean[: SHOWN - 1] + "…"


def trimmed(texts: pa.Array) -> pa.Array:
    """``texts`` without white space at either end."""
    return pc.utf8_trim_whitespace(texts)
