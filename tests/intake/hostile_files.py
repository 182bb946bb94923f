"""Files as nobody should send them, for hypothesis: names, CSV and Parquet, good, spoiled and random.

A seed makes a file, so that 20,000 of them take minutes: hypothesis chooses the seed, ``Random`` the bytes.
"""
# ruff: noqa: E501

import io
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from daybook import tables

FACTS = sorted(tables.FILES)
GOOD = {
    "text": ["AAPL", "VOD", "B", "C1", "USD", "GBP", "XNYS", "XLON", "T1", "T2", "equity", "fifo", "ticker", "US0378331005"],
    "float": ["1", "2.5", "100", "0.25", "1e3", "12345.678901234567"],
    "date": ["2024-01-05", "2024-01-04", "2023-12-29", "2024-01-02"],
    "time": ["2024-01-05T15:30:00Z", "2024-01-05", "2024-01-05T10:00:00-05:00", "2024-01-04 09:30"],
    "bool": ["true", "no", "1"],
    "int": ["1", "30"],
}  # fmt: skip
WORDS = {
    "kind": ["buy", "sell", "deposit", "dividend", "fx", "cancel", "split", "cash_dividend", "transfer_in", "max_weight", "barter"],
    "currency": ["USD", "GBP", "GBX", "usd"],
    "base": ["USD", "EUR"],
    "quote": ["USD", "GBP"],
    "base_currency": ["USD"],
    "status": ["confirmed", "cancelled"],
    "measure": ["gross", "var"],
    "basis": ["nav", "money"],
    "dimension": ["", "sector", "instrument"],
    "scheme": ["isin", "ticker", "cik"],
    "calendar": ["XNYS", "XLON", "NOPE"],
    "instrument": ["AAPL", "VOD", "MSFT", "CASH:USD", ""],
    "book": ["B", "NOBODY"],
}  # fmt: skip
ODD = [
    "", " ", "\t", "nan", "NaN", "inf", "-Infinity", "1.234,56", "1,234.56", "1_000", "0x10", "-0", "1e400", "-1e-400",
    "1e99999999999999999999", "1e-99999999999999999999", "." * 50, "9" * 400, "0." + "0" * 400 + "1", "٣", "１２", "½",
    "05/01/2024", "20240105", "45296", "45296.5", "2024-02-30", "0001-01-01", "9999-12-31", "10000-01-01", "-001-01-01",
    "2024-01-05T25:00Z", "2024-01-05T10:00+99:99", "2024-03-10T02:30:00", "2024-01-05T00:00:00.0000000001Z", "now", "NaT",
    "=1+1", "@x", "'", '"', '""', '"a"', '"a,b"', '"a\nb"', 'a"b', "é", "日本", "😀", "\u202e", "\ufeff", "\u2028", "\x85",
    "\0", "\x1a", "\\N", "None", "null", "true", "x" * 600, "CASH:USD", "CASH:GBX", "CASH:", "T1", "a\\b", "%s", "{}", "\r",
]  # fmt: skip
ENCODINGS = ["utf-8"] * 12 + ["utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "shift-jis", "cp037"]
ENDS = ["\n"] * 8 + ["\r\n", "\r", "\n\n", "\n\r", "\x0b", "\x0c"]
STAND_INS = ["isin", "ticker", "figi", "account", "exchange", "", "unknown", " close", "Close", "close", "line", "file"]


def name(rng: Random) -> str:
    """Mostly a good name, else one with something in it that should not be there."""
    table, format = rng.choice(FACTS), rng.choice(["csv", "parquet"])
    good = f"{table}_2024-01-05{rng.choice(['', '_v', '_a b', '_é'])}.{format}"
    if rng.random() < 0.7:
        return good
    at = rng.randrange(len(good) + 1)
    odd = rng.choice(
        ["/", "../", "\\", "\0", "\n", "\u202e", "\udcff", "_", ".", "x" * 300, "٢", " ", "-", ".tmp", ".gz"]
    )
    return good[:at] + odd + good[at + rng.randrange(3) :]


def csv(rng: Random, table: str) -> bytes:
    """A file of ``table``: good, spoiled in some cells, lines and bytes, or nothing but bytes."""
    if rng.random() < 0.05:
        return rng.randbytes(rng.randrange(300))
    columns = _columns(rng, table)
    odd = rng.choice([0, 0, 0.02, 0.1, 0.4])
    separator = "," if rng.random() < 0.95 else rng.choice([";", "\t", "|", ", "])
    rows = [columns] + [[_cell(rng, column, odd) for column in columns] for _ in range(rng.randrange(12))]
    for row in rows[1:]:
        if rng.random() < odd / 2:
            del row[rng.randrange(len(row)) :]
        if rng.random() < odd / 2:
            row.append(rng.choice(ODD))
    quoted = rng.random() < 0.2
    end = rng.choice(ENDS)
    ends = [end if rng.random() > odd / 4 else rng.choice(ENDS) for _ in rows]
    text = "".join(
        separator.join(_quoted(cell) if quoted else cell for cell in row) + e for row, e in zip(rows, ends, strict=True)
    )
    return _spoiled(rng, text.encode(rng.choice(ENCODINGS), "replace"), 0.15)


def parquet(rng: Random, table: str) -> bytes:
    """A file of ``table`` in any of the types that Parquet has, some of them spoiled afterwards."""
    if rng.random() < 0.03:
        return b"PAR1" + rng.randbytes(rng.randrange(300)) + b"PAR1"
    columns = _columns(rng, table)
    odd, rows = rng.choice([0, 0.05, 0.3]), rng.randrange(12)
    found = [_array(rng, column, rows, odd) for column in columns]
    options = {
        "use_dictionary": rng.random() < 0.6,
        "compression": rng.choice(["none", "snappy", "zstd", "gzip", "brotli", "lz4"]),
        "version": rng.choice(["1.0", "2.4", "2.6"]),
        "data_page_version": rng.choice(["1.0", "2.0"]),
        "row_group_size": rng.choice([1, 3, 100]),
        "store_schema": rng.random() < 0.8,
        "write_statistics": rng.random() < 0.8,
    }
    target = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_arrays(found, names=columns), target, **options)
    except pa.ArrowException:  # not every type goes into every version
        return b""
    return _spoiled(rng, target.getvalue(), 0.4)


def _columns(rng: Random, table: str) -> list[str]:
    known = [
        column for column in tables.TABLES[tables.FILES[table]].names if column not in ("line", "file", "delivery")
    ]
    required = list(tables.TABLES[tables.FILES[table]].required)
    columns = [column for column in known if column in required or rng.random() < 0.5]
    if rng.random() < 0.3:
        columns.append(rng.choice(STAND_INS))
    if rng.random() < 0.1:
        rng.shuffle(columns)
    if rng.random() < 0.05:
        columns.remove(rng.choice(columns))
    return columns


def _cell(rng: Random, column: str, odd: float) -> str:
    if rng.random() < odd:
        return rng.choice(ODD)
    kind = tables.COLUMNS[column].type if column in tables.COLUMNS else "text"
    return rng.choice(WORDS.get(column) or GOOD.get(kind) or GOOD["text"])


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _array(rng: Random, column: str, rows: int, odd: float) -> pa.Array:
    """A column: as text, or in a type of its own with values from the ends of its range."""
    kind = tables.COLUMNS[column].type if column in tables.COLUMNS else "text"
    if rng.random() < 0.5 or not rows:
        texts = [None if rng.random() < odd else _cell(rng, column, odd) for _ in range(rows)]
        array = pa.array(texts, rng.choice([pa.string(), pa.large_string(), pa.string_view()]))
        return array.dictionary_encode() if rng.random() < 0.2 and array.type != pa.string_view() else array
    if kind in ("date", "time") and rng.random() < 0.8:
        unit = rng.choice(["s", "ms", "us", "ns"])
        days = [rng.choice([19_727, 19_726, 0, -1, 10**5] + [2**40] * (rng.random() < odd)) for _ in range(rows)]
        if rng.random() < 0.3:
            return pa.array([day % 2**31 for day in days], pa.int32()).cast(pa.date32())
        per_day = 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        counts = [(day * per_day + rng.choice([0, 0, 0, per_day // 24 * 5])) % 2**62 for day in days]
        return pa.array(counts, pa.timestamp(unit, rng.choice([None, "UTC", "America/New_York", "+05:30", "No/Where"])))
    makers = [
        lambda: pa.array(np.array([rng.choice([1.5, 0.0, -1.0, np.nan, np.inf, 5e-324, 1e308]) for _ in range(rows)])),
        lambda: pa.array([rng.choice([1, 0, -1, 2**31 - 1, None]) for _ in range(rows)], pa.int32()),
        lambda: pa.array([rng.choice([1, 2**64 - 1]) for _ in range(rows)], pa.uint64()),
        lambda: pa.array([rng.choice([b"AAPL", b"\xff\xfe", b"\0", b"", None]) for _ in range(rows)]),
        lambda: pa.array([rng.choice([b"AAPL", b"\xff\xfe\0\0"]) for _ in range(rows)], pa.binary(4)),
        lambda: pa.array([rng.choice([True, False, None]) for _ in range(rows)]),
        lambda: pa.array([rng.choice([1, 150, None]) for _ in range(rows)], pa.decimal128(12, 2)),
        lambda: pa.array([rng.choice([1, 10**40]) for _ in range(rows)], pa.decimal256(60, 5)),
        lambda: pa.array([[1.0]] * rows),
        lambda: pa.array([{"a": 1}] * rows),
        lambda: pa.array([1] * rows, pa.duration("us")),
        lambda: pa.array([1] * rows, pa.time64("us")),
        lambda: pa.array(np.full(rows, 1.5, np.float16)),
        lambda: pa.nulls(rows),
    ]
    return rng.choice(makers)()


def _spoiled(rng: Random, data: bytes, how_often: float) -> bytes:
    """``data``, or with bytes flipped, cut out, repeated, put in or cut off."""
    if rng.random() > how_often or not data:
        return data
    spoiled = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(len(spoiled) + 1)
        what = rng.randrange(5)
        if what == 0 and at < len(spoiled):
            spoiled[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            del spoiled[at : at + rng.randrange(1, 20)]
        elif what == 2:
            spoiled[at:at] = spoiled[at : at + rng.randrange(1, 40)]
        elif what == 3:
            spoiled[at:at] = rng.choice(
                [b"\0", b"\xff", b'"', b",", b"\n", b"\r", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x80"]
            )
        else:
            del spoiled[at:]
    return bytes(spoiled)
