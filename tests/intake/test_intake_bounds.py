"""Files that expand, never end or are something else: refused or quarantined with a reason, in bounded memory."""

import contextlib
import gzip
import io
import resource
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from daybook.intake import reading, sheet
from daybook.intake.sheet import FileRefused
from tests.intake.test_intake_rows import against, checked

HEAD = "business_date,instrument,close\n"
CSV, PARQUET = "prices_2024-01-05.csv", "prices_2024-01-05.parquet"


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("prices.csv", HEAD)
    return target.getvalue()


def parquet(*columns: pa.Array, names=("business_date", "instrument", "close"), **options) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(list(columns), names=list(names)), target, **options)
    return target.getvalue()


def one(kind: pa.DataType | None = None, *close) -> bytes:
    """A Parquet file of prices of AAPL on consecutive days, the closes of one type."""
    days = [f"2024-01-{5 - at:02d}" for at in range(len(close))]
    return parquet(pa.array(days), pa.array(["AAPL"] * len(close)), pa.array(list(close), kind))


def repeated(word: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([word]))


# -- what is something else -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped(), "the content is a zip archive or an Excel workbook, not CSV: deliver the CSV file itself"),
        (
            gzip.compress(HEAD.encode(), mtime=0),
            "the content is compressed with gzip, not CSV: deliver the CSV file itself",
        ),
        (b"%PDF-1.7\n", "the content is a PDF document, not CSV: deliver the CSV file itself"),
        (b"BZh91AY&SY...", "the content is compressed with bzip2, not CSV: deliver the CSV file itself"),
        (HEAD.encode("utf-16"), "the file is UTF-16, not UTF-8: save it as UTF-8"),
        (b"\xfe\xff" + HEAD.encode("utf-16-be"), "the file is UTF-16, not UTF-8: save it as UTF-8"),
        (HEAD.encode("utf-32"), "the file is UTF-32, not UTF-8: save it as UTF-8"),
        (HEAD.encode("utf-16-le"), "the file is binary or not UTF-8: NUL in its header"),
        ("dätum,x\n".encode("latin-1"), "the file is binary or not UTF-8: byte 0xe4 in line 1"),
        (b"\xef\xbb\xbf\n\n", "the file is empty: it has no header"),
    ],
)
def test_what_is_no_csv_says_what_it_is(data, reason):
    with pytest.raises(FileRefused, match="^" + reason.replace("(", r"\(")):
        reading.read(data, "csv")


def test_a_column_may_be_called_like_the_start_of_an_archive():
    assert list(reading.read(b"BZh,b\n1,2\n", "csv").columns) == ["BZh", "b"]


@pytest.mark.parametrize("data", [zipped(), gzip.compress(one(None, 1.0), mtime=0)])
def test_compressed_parquet_is_refused_as_such(data):
    with pytest.raises(FileRefused, match="not Parquet: deliver the Parquet file itself"):
        reading.read(data, "parquet")


# -- encodings --------------------------------------------------------------------------------------------------------


def test_a_line_in_another_encoding_is_quarantined_alone():
    text = f"{HEAD}2024-01-05,AAPL,1\n2024-01-05,VÖD,2\n2024-01-04,VOD,3\n"
    for data in (text.encode("latin-1"), b"\xef\xbb\xbf" + text.encode("cp1252"), text.encode("mac_roman")):
        found = checked(CSV, data)
        byte = f"{data[data.index(b'V') + 1]:02x}"
        assert against(found) == [(3, "", f"2024-01-05,V\\x{byte}D,2", f"the line is not UTF-8: byte 0x{byte}")]
        assert list(found.facts["line"]) == [2, 4]
    assert found.problems["row"][0] == {"business_date": "2024-01-05", "instrument": f"V\\x{byte}D", "close": "2"}


def test_another_encoding_beside_quotes_and_old_line_ends():
    data = 'book,name,base_currency\rX,"two\rlinés",USD\rY,"é",USD\r"Z","z",USD\r'
    mixed = data.replace("é", "e", 1).encode("latin-1")
    found = checked("books_2024-01-05.csv", mixed)
    assert [(line, reason) for line, _, _, reason in against(found)] == [(4, "the line is not UTF-8: byte 0xe9")]
    assert list(found.facts["line"]) == [2, 5]
    both = checked("books_2024-01-05.csv", data.encode("latin-1"))
    assert [line for line, *_ in against(both)] == [2, 4]
    assert list(both.facts["line"]) == [5]


# -- what expands or never ends ---------------------------------------------------------------------------------------


def test_an_endless_line_is_one_bad_line():
    for long in ("x" * 200_000, "," * 200_000, '"' + "x" * 200_000, '"' + "x" * 200_000 + '",'):
        found = checked(CSV, f"{HEAD}2024-01-05,AAPL,1\n2024-01-05,VOD,{long}1\n2024-01-04,VOD,2\n")
        [(line, column, value, reason)] = against(found)
        assert (line, column, reason) == (3, "", "the row has more than 131,072 characters")
        assert len(value) == sheet.SHOWN
        assert len(found.problems["row"][0][""]) == sheet.LINE
        assert list(found.facts["line"]) == [2, 4]


def test_an_endless_header_is_refused_before_it_is_split():
    with pytest.raises(FileRefused, match="the header has more than 131,072 characters"):
        reading.read(b"," * 10_000_000, "csv")


def test_a_quote_that_is_never_closed_costs_its_line_alone():
    lines = "2024-01-04,VOD,2\n" * 20_000
    found = reading.read(f'{HEAD}2024-01-05,"AAPL,1\n{lines}'.encode(), "csv")
    assert [(bad.line, bad.reason) for bad in found.bad] == [
        (2, "a quote is opened and not closed within 131,072 characters")
    ]
    assert list(found.lines) == list(range(3, 20_003))


def test_too_many_columns_and_too_many_rows_for_them():
    def wide(columns: int, rows: int = 1) -> bytes:
        return (",".join(f"c{at}" for at in range(columns)) + "\n" + ("1" + "," * (columns - 1) + "\n") * rows).encode()

    assert len(reading.read(wide(1_000), "csv").columns) == 1_000
    with pytest.raises(FileRefused, match="the header has 1,001 columns, and at most 1,000 are read"):
        reading.read(wide(1_001), "csv")
    with pytest.raises(FileRefused, match="the header has 1,001 columns, and at most 1,000 are read"):
        reading.read(parquet(*[pa.array([1])] * 1_001, names=[f"c{at}" for at in range(1_001)]), "parquet")
    with pytest.raises(FileRefused, match="the file has 12,000,000 lines, and at most 5,000,000 rows are read"):
        reading.read(b"a,b" + b"\n" * 12_000_000, "csv")


def test_the_bounds_of_a_file_count_the_same_in_both_formats(monkeypatch):
    monkeypatch.setattr(sheet, "ROWS", 3)
    lines = "2024-01-05,AAPL,1\n"
    for text in (lines, lines.replace("AAPL", '"AAPL"'), lines.replace("1\n", "1 \n\n")):
        assert len(reading.read((HEAD + text * 3).encode(), "csv").lines) == 3
        with pytest.raises(
            FileRefused, match="the file has 4 rows, and at most 3 are read at once: deliver it in parts"
        ):
            reading.read((HEAD + text * 4).encode(), "csv")
    assert len(reading.read(one(None, 1, 2, 3), "parquet").lines) == 3
    with pytest.raises(FileRefused, match="the file has 4 rows"):
        reading.read(one(None, 1, 2, 3, 4), "parquet")
    monkeypatch.setattr(sheet, "CELLS", 6)
    with pytest.raises(FileRefused, match="the file has 3 rows, and at most 2 are read"):
        reading.read((HEAD + lines * 3).encode(), "csv")
    monkeypatch.setattr(sheet, "BYTES", 40)
    with pytest.raises(FileRefused, match="the file has 49 bytes, and at most 40 are read"):
        reading.read((HEAD + lines).encode(), "csv")


def test_parquet_that_expands_is_refused_before_it_does(monkeypatch):
    """Each of these files is below 60 kB, and would take from 20 MB to 1 TB."""
    rows = parquet(repeated("2024-01-05", 10_000_000), names=["business_date"])
    words = parquet(repeated("x" * 1_000_000, 1_000_000), names=["instrument"])
    pages = parquet(pa.array(["\0" * 2**20] * 20), names=["instrument"], compression="zstd", use_dictionary=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data, most, reason in (
        (rows, sheet.BYTES, "the file has 10,000,000 rows, and at most 5,000,000 are read at once"),
        (words, sheet.BYTES, "the texts of the Parquet file have more than 65,536,000,000 bytes, and at most 536,"),
        (pages, 2**24, "the Parquet file expands to more than .*bytes, and at most 16,777,216 are read at once"),
    ):
        assert len(data) < 60_000
        monkeypatch.setattr(sheet, "BYTES", most)
        with pytest.raises(FileRefused, match=reason):
            reading.read(data, "parquet")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_pages_are_weighed_whatever_the_footer_says(monkeypatch):
    """The size in the header of the first page is made 20 times what it is; the footer still says the old one."""
    data = bytearray(parquet(pa.array(np.arange(10_000)), names=["close"], use_dictionary=False, compression="none"))
    assert data[4:7] == b"\x15\x00\x15"  # a data page (type 0), then its size: about 80,000, as a zigzag varint
    number = 2 * 1_040_000
    data[7:10] = bytes([number & 127 | 128, number >> 7 & 127 | 128, number >> 14])
    monkeypatch.setattr(sheet, "BYTES", 1_000_000)
    with pytest.raises(FileRefused, match="the Parquet file expands to more than 1,040,000 bytes"):
        reading.read(bytes(data), "parquet")


def test_text_that_repeats_the_one_before_is_read_a_little_at_a_time(monkeypatch):
    options = {"use_dictionary": False, "column_encoding": {"name": "DELTA_BYTE_ARRAY"}}
    data = parquet(pa.array(["x" * 100_000 + str(at) for at in range(100)]), names=["name"], **options)
    found = reading.read(data, "parquet")
    assert found.columns["name"][99].as_py() == "x" * 100_000 + "99"
    monkeypatch.setattr(sheet, "BYTES", 1_000_000)
    with pytest.raises(FileRefused, match="the texts of the Parquet file have more than"):
        reading.read(data, "parquet")


def test_a_row_too_long_in_parquet_is_quarantined_alone():
    found = reading.read(parquet(pa.array(["a", "x" * 140_000, "b"]), names=["name"]), "parquet")
    assert list(found.lines) == [2, 4]
    [bad] = found.bad
    assert (bad.line, bad.reason, len(bad.value)) == (3, "the row has more than 131,072 characters", sheet.SHOWN)


# -- types of Parquet -------------------------------------------------------------------------------------------------

DAY = 1_704_412_800  # 2024-01-05T00:00Z
DATE = "not a date written as 2024-01-31"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array([pd.Timestamp("2024-01-05")], pa.timestamp("ns")), None),
        (pa.array([DAY], pa.timestamp("s")), None),
        (pa.array([DAY * 1000], pa.timestamp("ms", "UTC")), None),
        (pa.array([19_727], pa.int32()).cast(pa.date32()), None),
        (pa.array([DAY * 1000], pa.int64()).cast(pa.date64()), None),
        (pa.array(["2024-01-05"], pa.large_string()), None),
        (pa.array(["2024-01-05"], pa.string_view()), None),
        (pa.array([b"2024-01-05"]), None),
        (pa.array([b"2024-01-05"], pa.binary(10)), None),
        (pa.array(["2024-01-05"]).dictionary_encode(), None),
        (pa.array([19_727], pa.int32()).cast(pa.date32()).dictionary_encode(), None),
        # midnight in New York, 05:00 in UTC, is that day; midnight in UTC is the evening before there, and no day
        (pa.array([(DAY + 5 * 3600) * 10**6], pa.timestamp("us", "America/New_York")), None),
        (pa.array([DAY * 10**6], pa.timestamp("us", "America/New_York")), "2024-01-05 00:00:00.000000Z"),
        (pa.array([(DAY + 5 * 3600) * 10**6], pa.timestamp("us", "UTC")), "2024-01-05 05:00:00.000000Z"),
        (pa.array([(DAY - 9 * 3600) * 10**6], pa.timestamp("us", "Asia/Tokyo")), None),
        (pa.array([(DAY * 10 - 55 * 3600) * 10**5], pa.timestamp("us", "+05:30")), None),
        (pa.array([DAY + 60], pa.timestamp("s")), "2024-01-05 00:01:00.000000"),
        (pa.array([10**15], pa.timestamp("ms")), "1000000000000000 ms since 1970"),
        (pa.array([-(2**63) + 1], pa.timestamp("ms")), "-9223372036854775807 ms since 1970"),
        (pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "185542587100800000 ms since 1970"),
        (pa.array([45296]), "45296"),  # a serial number of Excel
        (pa.array([20240105]), "20240105"),
        (pa.array([None], pa.timestamp("us", "Europe/London")), ""),
        (pa.nulls(1), ""),
    ],
)  # fmt: skip
def test_a_date_in_every_type_of_parquet(column, value):
    found = checked(PARQUET, parquet(column, pa.array(["AAPL"]), pa.array([1.5])))
    if value is None:
        assert against(found) == []
        assert list(found.facts["business_date"]) == [pd.Timestamp("2024-01-05")]
    else:
        assert against(found) == [(2, "business_date", value, DATE if value else "missing")]


@pytest.mark.parametrize(
    ("column", "instant"),
    [
        (pa.array([DAY * 10**6], pa.timestamp("us", "America/New_York")), "2024-01-05T00:00Z"),
        (pa.array([(DAY + 5 * 3600) * 10**6], pa.timestamp("us", "America/New_York")), "2024-01-05T05:00Z"),
        (pa.array([DAY * 10**9 + 1_999], pa.timestamp("ns")), "2024-01-05T00:00:00.000001Z"),
        (pa.array([DAY], pa.timestamp("s", "UTC")), "2024-01-05T00:00Z"),
        (pa.array(["2024-01-04T19:00:00-05:00"]), "2024-01-05T00:00Z"),
    ],
)
def test_an_instant_in_every_type_of_parquet(column, instant):
    names = ("observed_at", "instrument", "price")
    data = parquet(column, pa.array(["AAPL"]), pa.array([1.5]), names=names)
    found = checked("intraday_prices_2024-01-05.parquet", data)
    assert against(found) == []
    assert list(found.facts["observed_at"]) == [pd.Timestamp(instant)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([Decimal("1.50"), Decimal("-2")], pa.decimal128(10, 2)), [1.5, "-2.00"]),
        (pa.array([Decimal("0.00001"), None], pa.decimal256(60, 5)), [0.00001, ""]),
        (pa.array([0.1, 3], pa.float32()), [0.1, 3.0]),
        (pa.array(np.array([1.5, 2], np.float16)), [1.5, 2.0]),
        (pa.array([1, 2**64 - 1], pa.uint64()), [1.0, 2.0**64]),
        (pa.array([float("nan"), float("inf")]), ["nan", "inf"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["1.5", None]).dictionary_encode(), [1.5, ""]),
        (pa.array(["1.234,56", "1,234.56"]), ["1.234,56", "1,234.56"]),
    ],
)
def test_a_number_in_every_type_of_parquet(column, expected):
    found = checked(PARQUET, parquet(pa.array(["2024-01-04", "2024-01-05"]), pa.array(["AAPL"] * 2), column))
    good = dict(zip(found.facts["line"], found.facts["close"], strict=True))
    bad = {line: value for line, _, value, _ in against(found)}
    assert [good.get(line, bad.get(line)) for line in (2, 3)] == expected


def test_a_nested_column_that_nobody_knows_is_passed_over():
    names = ("business_date", "instrument", "close", "tags", "points")
    nested = [pa.array([["a", "b"]]), pa.array([{"x": 1}])]
    found = checked(PARQUET, parquet(pa.array(["2024-01-05"]), pa.array(["AAPL"]), pa.array([1]), *nested, names=names))
    assert against(found) == []
    assert found.notes == ("unknown columns were ignored: tags, points",)
    with pytest.raises(FileRefused, match=r"column close holds list<.*it is nested"):
        checked(PARQUET, parquet(pa.array(["2024-01-05"]), pa.array(["AAPL"]), pa.array([[1.0]])))


def test_text_in_parquet_that_is_not_utf8_or_has_nul_is_quarantined_by_row():
    words = pa.array([b"AAPL", b"V\xd6D", b"A\0PL"])
    for column in (words, words.dictionary_encode(), words.cast(pa.large_binary())):
        found = checked(PARQUET, parquet(pa.array(["2024-01-05"] * 3), column, pa.array([1, 2, 3])))
        assert against(found) == [
            (3, "", "2024-01-05,V\\xd6D,2", "the row is not UTF-8"),
            (4, "", "2024-01-05,A\\0PL,3", "the row has NUL characters"),
        ]
        assert list(found.facts["instrument"]) == ["AAPL"]


def test_parquet_cut_anywhere_is_refused():
    data = one(None, 1.0, 2.0)
    for end in range(0, len(data), 7):
        with pytest.raises(FileRefused):
            reading.read(data[:end], "parquet")


def test_parquet_spoiled_in_any_byte_of_its_footer_is_read_or_refused():
    """Arrow's own view of a column chunk ends the process at some of these: statistics of another size."""
    data = one(None, 1.0, 2.0)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for at in range(footer, len(data)):
        for change in (0x01, 0xFF):
            spoiled = bytearray(data)
            spoiled[at] ^= change
            with contextlib.suppress(FileRefused):
                reading.read(bytes(spoiled), "parquet")


def test_encrypted_parquet_says_so():
    with pytest.raises(FileRefused, match="the Parquet file is encrypted: deliver it without encryption"):
        reading.read(b"PARE" + b"\0" * 40 + b"PARE", "parquet")


# -- numbers ----------------------------------------------------------------------------------------------------------


def test_a_number_too_small_for_any_place_is_zero():
    text = "business_date,book,instrument,quantity\n2024-01-05,B,AAPL,1e-99999999999999999999\n2024-01-05,B,VOD,1e-9\n"
    found = checked("custodian_positions_2024-01-05.csv", text)
    assert against(found) == []
    assert list(found.facts["quantity"]) == [0.0, 0.0]


# -- what PostgreSQL cannot index, and whole days around the globe ----------------------------------------------------


def test_a_transaction_id_that_cannot_be_indexed_is_quarantined():
    head = "transaction_id,book,kind,trade_date,quantity,currency\n"
    rows = "".join(f"{'x' * size},B,deposit,2024-01-05,1,USD\n" for size in (500, 501))
    found = checked("transactions_2024-01-05.csv", head + rows)
    assert [(line, column, reason) for line, column, _, reason in against(found)] == [
        (3, "transaction_id", "longer than 500 characters")
    ]
    assert list(found.facts["line"]) == [2]


def test_an_instant_is_later_than_the_file_only_where_it_is_so_in_utc_and_on_its_own_clock():
    times = {
        "2024-01-05T19:30:00-05:00": False,  # 2024-01-06T00:30Z
        "2024-01-05T23:59:59.999999-11:00": False,
        "2024-01-06T08:00:00+09:00": False,  # 2024-01-05T23:00Z
        "2024-01-05T23:59": False,
        "2024-01-06T00:00:00-05:00": True,
        "2024-01-06T09:00:00+09:00": True,  # 2024-01-06T00:00Z
        "2024-01-06": True,
    }
    text = "observed_at,instrument,price\n" + "".join(f"{time},AAPL,1\n" for time in times)
    found = checked("intraday_prices_2024-01-05.csv", text)
    assert against(found) == [
        (at, "observed_at", time, "later than the file's date 2024-01-05")
        for at, (time, late) in enumerate(times.items(), 2)
        if late
    ]


@pytest.mark.parametrize(
    ("time", "instant"),
    [
        ("2024-01-05 02:30", "2024-01-05T02:30Z"),  # no zone is UTC
        ("2023-03-12T02:30-05:00", "2023-03-12T07:30Z"),  # the hour that New York skipped, named by its offset
        ("2023-11-05T01:30:00-04:00", "2023-11-05T05:30Z"),
        ("2023-11-05T01:30:00-0500", "2023-11-05T06:30Z"),
        ("2024-01-05T10:00:00 America/New_York", None),
        ("2024-01-05T10:00 EST", None),
        ("2024-01-05T10:00+25:00", None),
        ("2024-01-05T24:00:00Z", None),
        ("2024-01-05T23:59:60Z", None),
        ("45296.5", None),
        ("1704450600", None),
    ],
)
def test_instants_name_their_offset_or_are_utc(time, instant):
    found = checked("intraday_prices_2024-01-05.csv", f"observed_at,instrument,price\n{time},AAPL,1\n")
    if instant:
        assert list(found.facts["observed_at"]) == [pd.Timestamp(instant)]
    else:
        assert against(found) == [(2, "observed_at", time, "not a time written as 2024-01-31T15:30:00Z")]


def test_a_torn_line_beside_a_row_of_the_last_year_spoils_nothing_else():
    found = checked(CSV, f"{HEAD}9999-12-31,AAPL,1\n2024-01-05\n0001-01-01,AAPL,x\n2024-01-05,AAPL,2\n")
    assert [(line, column) for line, column, *_ in against(found)] == [(2, "business_date"), (3, ""), (4, "close")]
    assert list(found.facts["close"]) == [2.0]
