"""Reading: the bytes of a CSV or Parquet file as trimmed text by column, each row with its line in the file.

Belongs here: encodings, quotes, line numbers, lines that are no rows, whole files that cannot be read. Does not belong
here: what a column means. A Parquet file is turned into the text that a CSV file of the same rows would hold, so that
both pass the same checks; its n-th row counts as line n + 1.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

SHOWN = 500
"""Most characters of a bad value that are kept beside its reason; the row keeps all of them."""

_Lines = NDArray[np.int64]
_BLOCK = 1 << 24
"""Bytes that Arrow splits at a time; a line may not be longer."""


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
    lines: _Lines
    bad: tuple[BadLine, ...] = ()

    def row(self, at: int) -> dict[str, str]:
        """The texts of one row by column."""
        return {name: printable(texts[at].as_py()) for name, texts in self.columns.items()}


def read(data: bytes, format: str) -> Sheet:
    """The rows of ``data``, a file in ``format`` csv or parquet.

    Raises:
        FileRefused: the file is empty, binary, truncated, not UTF-8, or its header repeats a name.
    """
    if not data:
        raise FileRefused("the file is empty: 0 bytes")
    return _read_csv(data) if format == "csv" else _read_parquet(data)


def of_rows(rows: Sequence[Mapping[str, str]], lines: Sequence[int]) -> Sheet:
    """A sheet of ``rows`` as they were read before, to check them again."""
    names = list(dict.fromkeys(name for row in rows for name in row if name))
    return Sheet(
        {name: _trimmed(pa.array([row.get(name, "") for row in rows], pa.large_string())) for name in names},
        np.asarray(lines, np.int64),
    )


def printable(text: str) -> str:
    """``text`` without the NUL characters, which PostgreSQL cannot keep."""
    return text.replace("\0", "\\0")


def shown(text: str) -> str:
    """``text`` short enough to stand beside a reason."""
    clean = printable(text)
    return clean if len(clean) <= SHOWN else clean[: SHOWN - 1] + "…"


def _read_csv(data: bytes) -> Sheet:
    if data.startswith(b"PAR1"):
        raise FileRefused("the file is Parquet but its name ends in .csv")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileRefused(f"the file is binary or not UTF-8: byte 0x{data[error.start]:02x} in line {line}") from None
    regular = _regular(data.removeprefix(codecs.BOM_UTF8), text)
    if regular is not None:
        return regular
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise FileRefused("the file is empty: it has no header")
    if "\0" in lines[first]:
        raise FileRefused("the file is binary: NUL in its header", line=first + 1)
    return _quoted(lines, first) if '"' in text else _plain(lines, first)


def _regular(data: bytes, text: str) -> Sheet | None:
    """The rows of a file without quotes, NUL, blank lines and lines of another length; None where it has any of them.

    Arrow splits a million rows of eight columns in 0.25 s, 1.2 s less than by line; it says of odd lines neither number
    nor text, which is why they are left to the others.
    """
    from pyarrow import csv as arrow

    ends = text.count("\n")
    if '"' in text or "\0" in text or text.count("\r") not in (0, ends) or text.count("\r\n") not in (0, ends):
        return None
    header = text[: text.find("\n")] if ends else text
    if not header.strip():
        return None
    names = _header(header.split(","), 1)
    texts = pa.large_string()
    try:
        found = arrow.read_csv(
            pa.py_buffer(data),
            arrow.ReadOptions(column_names=names, skip_rows=1, block_size=_BLOCK),
            arrow.ParseOptions(quote_char=False),
            arrow.ConvertOptions(column_types=dict.fromkeys(names, texts), strings_can_be_null=False),
        ).combine_chunks()
    except pa.ArrowInvalid:
        return None
    if found.num_rows != ends + (not text.endswith("\n")) - 1:
        return None
    # Text of ASCII without one of these has nothing to trim: 0.1 s a million rows.
    trim = not text.isascii() or any(space in text for space in " \t\v\f\x1c\x1d\x1e\x1f")
    whole = {name: _array(column, texts) for name, column in zip(names, found.columns, strict=True)}
    columns = {name: _trimmed(column) if trim else column for name, column in whole.items()}
    blank = np.ones(found.num_rows, bool)
    for column in columns.values():
        if not blank.any():
            break
        blank &= pc.equal(column, "").to_numpy(zero_copy_only=False)
    return None if blank.any() else Sheet(columns, np.arange(2, found.num_rows + 2))


def _array(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """The one chunk of ``column``; a column without rows has none."""
    return column.chunk(0) if column.num_chunks else pa.array([], kind)


def _header(fields: Sequence[str], line: int) -> list[str]:
    """The trimmed names of the columns."""
    names = [field.strip() for field in fields]
    repeated = {name for name in names if name and names.count(name) > 1}
    if repeated:
        listed = ", ".join(sorted(repeated))
        raise FileRefused(f"the header names a column twice: {listed}", line, sorted(repeated)[0], ",".join(names))
    # A separator at the end of the header makes a column without a name; whatever stands there is ignored.
    return [name or f"column {at + 1}" for at, name in enumerate(names)]


def _plain(lines: Sequence[str], first: int) -> Sheet:
    """Lines without a quote: a row is a line, a field is what stands between two commas."""
    names = _header(lines[first].split(","), first + 1)
    body = pa.array(lines[first + 1 :], pa.large_string())
    numbers = np.arange(first + 2, len(lines) + 1)
    filled = pc.not_equal(pc.utf8_trim_whitespace(pc.replace_substring(body, ",", "")), "")
    straight = pc.equal(pc.count_substring(body, ","), len(names) - 1)
    usable = pc.and_(straight, pc.invert(pc.match_substring(body, "\0")))
    good = pc.and_(filled, usable)
    fields = pc.split_pattern(body.filter(good), ",").flatten()
    count = len(names)
    columns = {
        name: _trimmed(fields.take(pa.array(np.arange(at, len(fields), count)))) for at, name in enumerate(names)
    }
    wrong = np.flatnonzero(pc.and_(filled, pc.invert(usable)).to_numpy(zero_copy_only=False))
    bad = tuple(_bad(int(numbers[at]), body[at].as_py(), body[at].as_py().split(","), names) for at in wrong)
    return Sheet(columns, numbers[good.to_numpy(zero_copy_only=False)], bad)


def _quoted(lines: Sequence[str], first: int) -> Sheet:
    """Lines with quotes: a row may span several of them, and counts where it begins."""
    records = _records(lines, first)
    line, header, _ = next(records)
    if isinstance(header, str):
        raise FileRefused(f"the header cannot be read: {header}", line=line, value=shown(lines[first]))
    names = _header(header, line)
    rows: list[list[str]] = []
    numbers: list[int] = []
    bad: list[BadLine] = []
    for line, fields, text in records:
        if isinstance(fields, str):
            bad.append(BadLine(line, shown(text), fields, {"": printable(text)}))
        elif not any(field.strip() for field in fields):
            continue
        elif len(fields) != len(names) or any("\0" in field for field in fields):
            bad.append(_bad(line, text, fields, names))
        else:
            rows.append(fields)
            numbers.append(line)
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    texts = {name: _trimmed(pa.array(values, pa.large_string())) for name, values in zip(names, columns, strict=True)}
    return Sheet(texts, np.array(numbers, np.int64), tuple(bad))


def _records(lines: Sequence[str], first: int) -> Iterator[tuple[int, list[str] | str, str]]:
    """(line on which it begins, fields, text) of each record; a reason stands in place of fields that cannot be told.

    A quote that is never closed would swallow all that follows. Its line alone is given up and the next one begins
    a record again. (The csv module gives up on a field of 131,072 characters, so that costs little however often.)
    """
    begin = first
    while begin < len(lines):
        reader = csv.reader((lines[at] + "\n" for at in range(begin, len(lines))), strict=True)
        at = begin
        try:
            for fields in reader:
                end = begin + reader.line_num
                yield at + 1, fields, "\n".join(lines[at:end])
                at = end
        except csv.Error as error:
            unclosed = "unexpected end" in str(error) or "field limit" in str(error)
            reason = "a quote is opened and never closed" if unclosed else f"the quotes are wrong: {error}"
            yield at + 1, reason, lines[at]
            begin = at + 1
        else:
            return


def _bad(line: int, text: str, fields: Sequence[str], names: Sequence[str]) -> BadLine:
    """A line with the wrong number of fields or with NUL characters."""
    if "\0" in text:
        reason = "the line has NUL characters"
    else:
        reason = f"the line has {len(fields)} fields, the header has {len(names)}"
    row = {name: printable(field.strip()) for name, field in zip(names, fields, strict=False)}
    if len(fields) > len(names):
        row[""] = printable(",".join(fields[len(names) :]))
    return BadLine(line, shown(text), reason, row)


def _read_parquet(data: bytes) -> Sheet:
    import pyarrow.parquet as pq

    if not data.startswith(b"PAR1"):
        raise FileRefused("the file is not Parquet, though its name ends in .parquet")
    try:
        found = pq.ParquetFile(io.BytesIO(data)).read()
    # Damaged pages surface as anything from ArrowInvalid and OSError to a failed decompression.
    except Exception as error:
        raise FileRefused(f"the Parquet file is truncated or damaged: {shown(str(error).splitlines()[0])}") from error
    names = _header(found.column_names, 1)
    columns = {name: _trimmed(_as_text(name, column)) for name, column in zip(names, found.columns, strict=True)}
    numbers = np.arange(2, found.num_rows + 2)
    empty = np.ones(found.num_rows, bool)
    for texts in columns.values():
        empty &= pc.equal(texts, "").to_numpy(zero_copy_only=False)
    nul = np.zeros(found.num_rows, bool)
    for texts in columns.values():
        nul |= pc.match_substring(texts, "\0").to_numpy(zero_copy_only=False)
    sheet = Sheet(
        {name: texts.filter(pa.array(~empty & ~nul)) for name, texts in columns.items()}, numbers[~empty & ~nul]
    )
    if not nul.any():
        return sheet
    whole = Sheet(columns, numbers)
    bad = [
        BadLine(int(numbers[at]), "", "the row has NUL characters", whole.row(int(at))) for at in np.flatnonzero(nul)
    ]
    return Sheet(sheet.columns, sheet.lines, tuple(bad))


def _as_text(name: str, column: pa.ChunkedArray) -> pa.Array:
    """The text that a CSV file would hold for a Parquet column."""
    kind: Any = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    try:
        if pa.types.is_timestamp(kind):
            utc = column.cast(pa.timestamp("us", kind.tz and "UTC"), safe=False)
            column = pc.replace_substring_regex(utc.cast(pa.large_string()), " 00:00:00(\\.0+)?Z?$", "")
        text = column.cast(pa.large_string())
    except pa.ArrowException as error:
        reason = f"column {name} holds {kind}, which is neither text, number nor date: {str(error).splitlines()[0]}"
        raise FileRefused(reason, line=1, column=name) from error
    combined = text.combine_chunks()
    array = combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)
    return array.fill_null("")


def _trimmed(texts: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(texts)
