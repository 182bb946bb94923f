"""Parquet: the bytes of a Parquet file as the text that a CSV file of the same rows would hold.

Belongs here: the types of Parquet, and what a small file may expand to. Does not belong here: what a column means. The
n-th row counts as line n + 1.

Nothing is decoded before its size is known. The footer says how many rows, columns and bytes there are; it may lie, so
the header of every page is read too, as its size is what the decoder will ask for. Repeated text stays a dictionary,
and is counted before it is written out. Footer and headers are read here and not by Arrow, whose own view of a column
ends the process when its statistics do not fit. (Apache Parquet format: parquet.thrift; Thrift compact protocol.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from daybook import tables
from daybook.intake.sheet import (
    BYTES,
    LINE,
    BadLine,
    FileRefused,
    Sheet,
    bounded,
    header,
    short,
    shown,
    trimmed,
)

_FOOTER = 8 * 2**20
"""Most bytes of a footer: 1,000 row groups of 25 columns take 3 MB."""
_PAGES = 1_000_000
"""Most pages of a file: 5,000,000 rows of 20 columns take 5,000 of the usual size."""
_BATCH = 65_536
# What holds a field's value in the compact protocol: its wire type is the low half of the first byte.
_VARINTS, _BYTE, _DOUBLE, _BINARY, _LISTS, _STRUCT = (4, 5, 6), 3, 7, 8, (9, 10), 12
_TRUTHS = (1, 2)
_DEEPEST = 12
_DELTA_BYTE_ARRAY = 7
"""The encoding that says of each text how much of the one before it is repeated: 1 kB may be 1 GB."""
# parquet.thrift: numbers of fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
_ROWS, _GROUPS = 3, 4
_CHUNKS, _GROUP_ROWS = 1, 3
_COLUMN = 3
_PATH, _VALUES, _PACKED, _DATA_AT, _DICTIONARY_AT = 3, 5, 7, 9, 11
# Of PageHeader: the sizes; the fields that hold the header of a data page, and in each of these the encoding.
_PAGE_SIZE, _PAGE_PACKED = 2, 3
_DATA_PAGES = {5: 2, 8: 4}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # 0001-01-01 and 9999-12-31T23:59:59
_DAY = 86_400

_Bools = NDArray[np.bool_]
_Fields = dict[int, Any]


class _Damaged(ValueError):
    """The footer, or the header of a page, is none."""


@dataclass(frozen=True)
class _Texts:
    """Some rows of a column: as text, and which of them are not UTF-8."""

    texts: pa.Array
    foreign: _Bools


def read(data: bytes) -> Sheet:
    """The rows of the Parquet file ``data``.

    Raises:
        FileRefused: it is no Parquet file, encrypted, truncated, damaged, larger than the bounds of ``sheet`` once it
            is decoded, or a column that some table knows holds lists or structures.
    """
    import pyarrow.parquet as pq

    if data.startswith(b"PARE"):
        raise FileRefused("the Parquet file is encrypted: deliver it without encryption")
    if not data.startswith(b"PAR1"):
        raise FileRefused("the file is not Parquet, though its name ends in .parquet")
    if int.from_bytes(data[-8:-4], "little") > _FOOTER:
        raise FileRefused(f"the Parquet file is truncated or damaged: its footer has more than {_FOOTER:,} bytes")
    try:
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
        names = header(file.schema_arrow.names, 1)
        batch, plain = _weighed(data, file)
        again = [column for column in _texts_of(file) if column not in plain]
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False, read_dictionary=again)
        return _sheet(names, _batches(names, file, batch))
    except FileRefused:
        raise
    # Damaged pages surface as anything from ArrowInvalid and OSError to a failed decompression.
    except Exception as error:
        said = shown(str(error).splitlines()[0]) if str(error) else type(error).__name__
        raise FileRefused(f"the Parquet file is truncated or damaged: {said}") from error


def _texts_of(file: Any) -> list[str]:
    """Columns of text, by name."""
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return [field.name for field in file.schema_arrow if any(is_kind(field.type) for is_kind in kinds)]


# -- how much it is --------------------------------------------------------------------------------------------------


def _weighed(data: bytes, file: Any) -> tuple[int, set[str]]:
    """How many rows may be decoded at once, and the columns whose pages repeat text in part.

    Raises:
        FileRefused: the footer or the pages name more rows or bytes than are read at once.
        _Damaged: they say nothing that can be understood, or contradict themselves.
    """
    footer, _ = _struct(data, len(data) - 8 - int.from_bytes(data[-8:-4], "little"), 0)
    rows = _number(footer, _ROWS)
    bounded(rows, len(file.schema_arrow.names))
    groups = footer.get(_GROUPS, [])
    if sum(_number(group, _GROUP_ROWS) for group in groups) != rows:
        raise _Damaged("its footer contradicts itself about the rows")
    size = largest = pages = 0
    partly: set[str] = set()
    nested = {field.name for field in file.schema_arrow if pa.types.is_nested(field.type)}
    for group in groups:
        for chunk in group.get(_CHUNKS, []):
            column = chunk.get(_COLUMN, {})
            path = [part.decode(errors="backslashreplace") for part in column.get(_PATH, [])]
            if not nested.intersection(path[:1]) and _number(column, _VALUES) != _number(group, _GROUP_ROWS):
                raise _Damaged(f"column {'.'.join(path)} lacks rows")
            for page, encoding in _pages(data, column):
                size, pages = size + page, pages + 1
                if pages > _PAGES:
                    raise FileRefused(f"the Parquet file has more than {_PAGES:,} pages: write larger ones")
                short(size, "the Parquet file expands to more than")
                if encoding == _DELTA_BYTE_ARRAY:
                    partly.add(".".join(path))
                    largest = max(largest, page)
    # A text is no longer than its page, so this many of them stay within the bound.
    return (min(_BATCH, max(1, BYTES // largest)) if largest else _BATCH), partly


def _pages(data: bytes, column: _Fields) -> Iterator[tuple[int, int]]:
    """Size once decompressed, and encoding, of each page of a column chunk."""
    at, first = _number(column, _DATA_AT), column.get(_DICTIONARY_AT, 0)
    at = min(at, first) if first > 0 else at
    end = min(at + _number(column, _PACKED), len(data))
    while 0 < at < end:
        fields, at = _struct(data, at, 0)
        kind = next((field for field in _DATA_PAGES if isinstance(fields.get(field), dict)), 0)
        yield _number(fields, _PAGE_SIZE), fields[kind].get(_DATA_PAGES[kind], -1) if kind else -1
        at += _number(fields, _PAGE_PACKED)


def _number(fields: _Fields, field: int) -> int:
    found = fields.get(field)
    if not isinstance(found, int) or found < 0:
        raise _Damaged("a size or a number of rows is missing")
    return found


def _struct(data: bytes, at: int, depth: int) -> tuple[_Fields, int]:
    """The fields of a structure in the compact protocol, by number, and where it ends."""
    fields: _Fields = {}
    number = 0
    while True:
        byte, at = _byte(data, at)
        if not byte:
            return fields, at
        kind = byte & 15
        if byte >> 4:
            number += byte >> 4
        else:
            number, at = _integer(data, at)
        fields[number], at = (kind == _TRUTHS[0], at) if kind in _TRUTHS else _value(data, at, kind, depth)


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if depth > _DEEPEST:
        raise _Damaged("it is nested too deep")
    if kind in _VARINTS:
        return _integer(data, at)
    if kind == _STRUCT:
        return _struct(data, at, depth + 1)
    if kind in _LISTS:
        return _list(data, at, depth + 1)
    if kind == _BINARY:
        size, at = _natural(data, at)
        return data[at : at + size], at + size
    if kind in (_BYTE, _DOUBLE):
        return None, at + (1 if kind == _BYTE else 8)
    # parquet.thrift has no maps.
    raise _Damaged("a part of it is none")


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    """The elements of a list or a set."""
    byte, at = _byte(data, at)
    kind, count = byte & 15, byte >> 4
    if count == 15:
        count, at = _natural(data, at)
    found: list[Any] = []
    for _ in range(count):
        if at >= len(data):
            raise _Damaged("it goes beyond its end")
        value, at = _byte(data, at) if kind in _TRUTHS else _value(data, at, kind, depth)
        found.append(value)
    return found, at


def _integer(data: bytes, at: int) -> tuple[int, int]:
    found, at = _natural(data, at)
    return (found >> 1) ^ -(found & 1), at


def _natural(data: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while shift < 64:
        byte, at = _byte(data, at)
        found |= (byte & 127) << shift
        if byte < 128:
            return found, at
        shift += 7
    raise _Damaged("a number does not end")


def _byte(data: bytes, at: int) -> tuple[int, int]:
    if not 0 <= at < len(data):
        raise _Damaged("it goes beyond its end")
    return data[at], at + 1


# -- what it says ----------------------------------------------------------------------------------------------------


def _batches(names: list[str], file: Any, size: int) -> Iterator[list[_Texts]]:
    """The columns of some rows after another, no more of them than fit."""
    total = 0
    for batch in file.iter_batches(batch_size=size, use_threads=False):
        total += sum(_characters(column) for column in batch.columns)
        short(total, "the texts of the Parquet file have more than")
        yield [_as_text(name, column) for name, column in zip(names, batch.columns, strict=True)]


def _characters(column: pa.Array) -> int:
    """Bytes of the texts that a dictionary stands for; of another column those that it takes itself."""
    if not pa.types.is_dictionary(column.type) or not len(column.dictionary):
        return int(column.nbytes)
    raw = column.dictionary.cast(pa.large_binary()) if _is_text(column.type.value_type) else None
    if raw is None:
        return int(column.nbytes)
    sizes = pc.fill_null(pc.binary_length(raw), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(column.indices.drop_null().to_numpy(zero_copy_only=False), minlength=len(sizes))
    return int(sizes @ counts[: len(sizes)])


def _is_text(kind: Any) -> bool:
    """Whether values of a type are texts or bytes."""
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def _sheet(names: list[str], batches: Iterator[list[_Texts]]) -> Sheet:
    parts: list[list[pa.Array]] = [[] for _ in names]
    usable: list[_Bools] = []
    lines: list[NDArray[np.int64]] = []
    bad: list[BadLine] = []
    line = 2
    for batch in batches:
        rows = len(batch[0].texts) if batch else 0
        numbers = np.arange(line, line + rows)
        columns = [part.texts for part in batch]
        filled, wrong = _judged(batch, rows)
        bad += _bad_rows(names, columns, numbers, wrong)
        good = filled & ~_any(wrong.values(), rows)
        for kept, texts in zip(parts, columns, strict=True):
            kept.append(texts if good.all() else texts.filter(pa.array(good)))
        usable.append(good)
        lines.append(numbers[good])
        line += rows
    return Sheet(
        {
            name: pa.concat_arrays(kept) if kept else pa.array([], pa.large_string())
            for name, kept in zip(names, parts, strict=True)
        },
        np.concatenate(lines) if lines else np.zeros(0, np.int64),
        tuple(bad),
    )


def _judged(batch: list[_Texts], rows: int) -> tuple[_Bools, dict[str, _Bools]]:
    """Rows that say something, and those that cannot be taken as they are by the reason."""
    filled, nul, foreign = np.zeros(rows, bool), np.zeros(rows, bool), np.zeros(rows, bool)
    length = np.zeros(rows, np.int64)
    for column in batch:
        sizes = pc.utf8_length(column.texts).to_numpy(zero_copy_only=False)
        filled |= sizes > 0
        length += sizes
        nul |= pc.match_substring(column.texts, "\0").to_numpy(zero_copy_only=False)
        foreign |= column.foreign
    wrong = {
        f"the row has more than {LINE:,} characters": length > LINE,
        "the row is not UTF-8": foreign,
        "the row has NUL characters": nul,
    }
    return filled, wrong


def _any(masks: Any, rows: int) -> _Bools:
    found = np.zeros(rows, bool)
    for mask in masks:
        found |= mask
    return found


def _bad_rows(
    names: list[str], columns: list[pa.Array], numbers: NDArray[np.int64], wrong: dict[str, _Bools]
) -> list[BadLine]:
    long = next(iter(wrong.values()))
    whole = Sheet(dict(zip(names, columns, strict=True)), numbers)
    found: list[BadLine] = []
    for at in np.flatnonzero(_any(wrong.values(), len(numbers))):
        row = whole.row(int(at))
        reason = next(reason for reason, mask in wrong.items() if mask[at])
        kept = {"": ",".join(row.values())[:LINE]} if long[at] else row
        found.append(BadLine(int(numbers[at]), shown(",".join(row.values())), reason, kept))
    return found


def _as_text(name: str, column: pa.Array) -> _Texts:
    """The text that a CSV file would hold for some rows of a column."""
    kind: Any = column.type
    try:
        if pa.types.is_dictionary(kind):
            distinct = _as_text(name, column.dictionary)
            codes = column.indices
            foreign = np.append(distinct.foreign, False)[codes.fill_null(len(distinct.foreign)).to_numpy(False)]
            return _Texts(distinct.texts.take(codes).fill_null(""), foreign)
        if _is_text(kind):
            return _of_bytes(column)
        if pa.types.is_timestamp(kind):
            column = _of_times(name, column)
        elif pa.types.is_date(kind):
            column = _of_times(name, column.cast(pa.date64()).cast(pa.int64()).cast(pa.timestamp("ms")))
        elif pa.types.is_nested(kind):
            raise pa.ArrowInvalid("it is nested")
        text = column.cast(pa.large_string()).fill_null("")
    except pa.ArrowException as error:
        if name not in tables.COLUMNS:  # no table knows the column, so nothing of it would be read
            return _Texts(pa.array([""] * len(column), pa.large_string()), np.zeros(len(column), bool))
        reason = f"column {name} holds {kind}, which is neither text, number nor date: {str(error).splitlines()[0]}"
        raise FileRefused(reason, line=1, column=name) from error
    return _Texts(trimmed(text), np.zeros(len(text), bool))


def _of_bytes(column: pa.Array) -> _Texts:
    """Texts, of which bytes that are not UTF-8 are written out."""
    raw = column.cast(pa.large_binary()).fill_null(b"")
    foreign = np.zeros(len(raw), bool)
    try:
        return _Texts(trimmed(raw.cast(pa.large_string())), foreign)
    except pa.ArrowInvalid:
        texts = [word.decode(errors="backslashreplace") for word in raw.to_pylist()]
    for at, word in enumerate(raw.to_pylist()):
        try:
            word.decode()
        except UnicodeDecodeError:
            foreign[at] = True
    return _Texts(trimmed(pa.array(texts, pa.large_string())), foreign)


def _of_times(name: str, column: pa.Array) -> pa.Array:
    """Instants as text in UTC; midnights as dates.

    In a column of dates the midnight is that of the column's own time zone: 2024-01-05T00:00 in New York is
    2024-01-05, though 05:00 in UTC; and 2024-01-05T00:00Z is 2024-01-04T19:00 there, and no date.
    """
    unit, zone = column.type.unit, column.type.tz
    per_second = _PER_SECOND[unit]
    counts = column.cast(pa.int64())
    inside = pc.and_(
        pc.greater_equal(counts, _FIRST_SECOND * per_second if unit != "ns" else -(2**63)),
        pc.less_equal(counts, _LAST_SECOND * per_second if unit != "ns" else 2**63 - 1),
    )
    safe = pc.if_else(inside, column, pa.scalar(None, column.type)).cast(pa.timestamp("us", zone), safe=False)
    text = safe.cast(pa.timestamp("us", zone and "UTC")).cast(pa.large_string())
    dates = tables.COLUMNS[name].type == "date" if name in tables.COLUMNS else False
    own = pc.local_timestamp(safe) if zone and dates else safe.cast(pa.timestamp("us"))
    midnight = pc.equal(pc.floor_temporal(own, unit="day"), own)
    # text of an instant with a zone ends in Z, so that what is no midnight in its own zone is no date either
    text = pc.if_else(midnight, pc.strftime(own, format="%Y-%m-%d").cast(pa.large_string()), text)
    kind = pa.large_string()
    beyond = pc.binary_join_element_wise(counts.cast(kind), pa.scalar(f"{unit} since 1970", kind), pa.scalar(" ", kind))
    return pc.if_else(inside, text, beyond)
