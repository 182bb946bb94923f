"""Reading: the bytes of a CSV or Parquet file as trimmed text by column, each row with its line in the file.

Belongs here: telling formats apart, and CSV: encodings, quotes, line numbers, lines that are no rows. Does not belong
here: Parquet (``parquet``), and what a column means. Both formats end up as the same text, so that both pass the same
checks.
"""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from daybook.intake import parquet
from daybook.intake.sheet import (
    LINE,
    ROWS,
    BadLine,
    FileRefused,
    Sheet,
    bounded,
    header,
    most_rows,
    printable,
    short,
    shown,
    trimmed,
)

_BLOCK = 1 << 24
"""Bytes that Arrow splits at a time."""
# What a file begins with that is something else, whatever its name says. UTF-32 begins like UTF-16 and goes first.
_OTHERS: Mapping[bytes, str] = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "compressed with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"BZh": "compressed with bzip2",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF-": "a PDF document",
}
_BZIP2_BLOCK = b"1AY&SY"
_ENCODINGS: Mapping[bytes, str] = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_TOO_LONG = f"the row has more than {LINE:,} characters"


def read(data: bytes, format: str) -> Sheet:
    """The rows of ``data``, a file in ``format`` csv or parquet.

    Raises:
        FileRefused: the file is empty, too large, binary, compressed, truncated, or its header is not UTF-8 or repeats
            a name.
    """
    if not data:
        raise FileRefused("the file is empty: 0 bytes")
    short(len(data), "the file has")
    other = _other(data)
    if other:
        wanted = "CSV" if format == "csv" else "Parquet"
        raise FileRefused(f"the content is {other}, not {wanted}: deliver the {wanted} file itself")
    return _read_csv(data) if format == "csv" else parquet.read(data)


def _other(data: bytes) -> str:
    """What else the content is, "" if nothing that is known."""
    found = next((what for start, what in _OTHERS.items() if data.startswith(start)), "")
    return "" if data.startswith(b"BZh") and data[4:10] != _BZIP2_BLOCK else found


def _read_csv(data: bytes) -> Sheet:
    if data.startswith(b"PAR1"):
        raise FileRefused("the file is Parquet but its name ends in .csv")
    encoding = next((name for mark, name in _ENCODINGS.items() if data.startswith(mark)), "")
    if encoding:
        raise FileRefused(f"the file is {encoding}, not UTF-8: save it as UTF-8")
    ends = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    if ends > 2 * ROWS:
        raise FileRefused(f"the file has {ends:,} lines, and at most {ROWS:,} rows are read: deliver it in parts")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        lines, foreign = _mixed(data.removeprefix(codecs.BOM_UTF8))
    else:
        regular = _regular(data.removeprefix(codecs.BOM_UTF8), text)
        if regular is not None:
            return regular
        lines, foreign = text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), {}
    first = next((at for at, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise FileRefused("the file is empty: it has no header")
    if first in foreign:
        raise FileRefused(f"the file is binary or not UTF-8: {foreign[first]} in line {first + 1}")
    if "\0" in lines[first]:
        raise FileRefused("the file is binary or not UTF-8: NUL in its header", line=first + 1)
    return _quoted(lines, first, foreign) if b'"' in data else _plain(lines, first, foreign)


def _mixed(data: bytes) -> tuple[list[str], dict[int, str]]:
    """The lines, and of those that are not UTF-8 the first byte at fault, by index; such bytes are written out."""
    lines: list[str] = []
    foreign: dict[int, str] = {}
    for at, line in enumerate(data.splitlines()):
        try:
            lines.append(line.decode())
        except UnicodeDecodeError as error:
            lines.append(line.decode(errors="backslashreplace"))
            foreign[at] = f"byte 0x{line[error.start]:02x}"
    return lines, foreign


def _regular(data: bytes, text: str) -> Sheet | None:
    """The rows of a file without quotes, NUL, blank lines and lines of another length; None where it has any of them.

    Arrow splits a million rows of eight columns in 0.25 s, 1.2 s less than by line; it says of odd lines neither number
    nor text, which is why they are left to the others.
    """
    from pyarrow import csv as arrow

    ends = text.count("\n")
    if '"' in text or "\0" in text or text.count("\r") not in (0, ends) or text.count("\r\n") not in (0, ends):
        return None
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    if np.diff(breaks, prepend=-1, append=len(data)).max() > LINE:
        return None
    first = text[: text.find("\n")] if ends else text
    if not first.strip():
        return None
    names = header(first.split(","), 1)
    if ends > most_rows(len(names)):
        return None
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
    columns = {name: trimmed(column) if trim else column for name, column in whole.items()}
    blank = np.ones(found.num_rows, bool)
    for column in columns.values():
        if not blank.any():
            break
        blank &= pc.equal(column, "").to_numpy(zero_copy_only=False)
    return None if blank.any() else Sheet(columns, np.arange(2, found.num_rows + 2))


def _array(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """The one chunk of ``column``; a column without rows has none."""
    return column.chunk(0) if column.num_chunks else pa.array([], kind)


def _plain(lines: Sequence[str], first: int, foreign: Mapping[int, str]) -> Sheet:
    """Lines without a quote: a row is a line, a field is what stands between two commas."""
    if len(lines[first]) > LINE:
        raise FileRefused(f"the header has more than {LINE:,} characters", line=first + 1, value=shown(lines[first]))
    names = header(lines[first].split(","), first + 1)
    body = pa.array(lines[first + 1 :], pa.large_string())
    numbers = np.arange(first + 2, len(lines) + 1)
    filled = pc.not_equal(pc.utf8_trim_whitespace(pc.replace_substring(body, ",", "")), "")
    straight = pc.equal(pc.count_substring(body, ","), len(names) - 1)
    fits = pc.less_equal(pc.utf8_length(body), LINE)
    usable = pc.and_(pc.and_(straight, fits), pc.invert(pc.match_substring(body, "\0")))
    if foreign:
        native = np.ones(len(body), bool)
        native[np.array(sorted(foreign)) - first - 1] = False
        usable = pc.and_(usable, pa.array(native))
    good = pc.and_(filled, usable)
    kept = body.filter(good)
    bounded(len(kept), len(names))
    fields = pc.split_pattern(kept, ",").flatten()
    count = len(names)
    columns = {name: trimmed(fields.take(pa.array(np.arange(at, len(fields), count)))) for at, name in enumerate(names)}
    wrong = np.flatnonzero(pc.and_(filled, pc.invert(usable)).to_numpy(zero_copy_only=False))
    bounded(len(kept) + len(wrong), len(names))
    bad = tuple(
        _bad(int(numbers[at]), text, text.split(",") if len(text) <= LINE else [], names, foreign.get(at + first + 1))
        for at, text in zip(wrong.tolist(), body.take(pa.array(wrong)).to_pylist(), strict=True)
    )
    return Sheet(columns, numbers[good.to_numpy(zero_copy_only=False)], bad)


def _quoted(lines: Sequence[str], first: int, foreign: Mapping[int, str]) -> Sheet:
    """Lines with quotes: a row may span several of them, and counts where it begins."""
    records = _records(lines, first)
    line, fields, text = next(records)
    if isinstance(fields, str):
        raise FileRefused(f"the header cannot be read: {fields}", line=line, value=shown(lines[first]))
    names = header(fields, line)
    rows: list[list[str]] = []
    numbers: list[int] = []
    bad: list[BadLine] = []
    for line, fields, text in records:
        alien = next((foreign[at] for at in range(line - 1, line + text.count("\n")) if at in foreign), None)
        if isinstance(fields, str):
            bad.append(BadLine(line, shown(text), fields, {"": printable(text[:LINE])}))
        elif not any(field.strip() for field in fields):
            continue
        elif alien or len(fields) != len(names) or any("\0" in field for field in fields):
            bad.append(_bad(line, text, fields, names, alien))
        else:
            rows.append(fields)
            numbers.append(line)
        bounded(len(rows) + len(bad), len(names))
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    texts = {name: trimmed(pa.array(values, pa.large_string())) for name, values in zip(names, columns, strict=True)}
    return Sheet(texts, np.array(numbers, np.int64), tuple(bad))


def _records(lines: Sequence[str], first: int) -> Iterator[tuple[int, list[str] | str, str]]:
    """(line on which it begins, fields, text) of each record; a reason stands in place of fields that cannot be told.

    A quote that is never closed would swallow all that follows. Its line alone is given up and the next one begins
    a record again. (A record ends at the latest after ``LINE`` characters, so that costs little however often.)
    """
    begin, length = first, 0

    def feed() -> Iterator[str]:
        nonlocal length
        for line in range(begin, len(lines)):
            length += len(lines[line]) + 1
            if length > LINE:
                raise csv.Error("field limit")
            yield lines[line] + "\n"

    while begin < len(lines):
        reader = csv.reader(feed(), strict=True)
        at, length = begin, 0
        try:
            for fields in reader:
                end = begin + reader.line_num
                yield at + 1, fields, "\n".join(lines[at:end])
                at, length = end, 0
        except csv.Error as error:
            yield at + 1, _torn(lines[at], str(error)), lines[at]
            begin = at + 1
        else:
            return


def _torn(line: str, error: str) -> str:
    """Why the fields of a line cannot be told."""
    if len(line) >= LINE:
        return _TOO_LONG
    if "field limit" in error:
        return f"a quote is opened and not closed within {LINE:,} characters"
    return "a quote is opened and never closed" if "unexpected end" in error else f"the quotes are wrong: {error}"


def _bad(line: int, text: str, fields: Sequence[str], names: Sequence[str], foreign: str | None) -> BadLine:
    """A line that is too long, not UTF-8, or has NUL characters or the wrong number of fields."""
    if len(text) > LINE:
        return BadLine(line, shown(text), _TOO_LONG, {"": printable(text[:LINE])})
    if foreign:
        reason = f"the line is not UTF-8: {foreign}"
    elif "\0" in text:
        reason = "the line has NUL characters"
    else:
        reason = f"the line has {len(fields)} fields, the header has {len(names)}"
    row = {name: printable(field.strip()) for name, field in zip(names, fields, strict=False)}
    if len(fields) > len(names):
        row[""] = printable(",".join(fields[len(names) :]))
    return BadLine(line, shown(text), reason, row)
