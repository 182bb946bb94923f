"""The lake: one Delta table for every market fact and every result, under one folder or object store.

Belongs here: writing and reading frames by session, versions, content hashes. Does not belong here: what the rows mean
(``daybook``), which of several facts counts (``resources.facts``), Dagster (``resources.lake_io``).

Tables of results are partitioned by ``business_date`` and carry no column statistics: a session is the only thing
that anyone prunes by, and a log without statistics opens twice as fast. Tables of facts are not partitioned. Nothing
is ever vacuumed and no log is cleaned up, so that every version stays readable.

The files that count are chosen by ``deltalake`` and read by DuckDB: 500 sessions of 25 rows take 60 ms, against
125 ms with a pyarrow data set and 180 ms with ``deltalake.QueryBuilder`` (which serves object stores, where DuckDB
would need an extension).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    QueryBuilder,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from daybook import tables

if TYPE_CHECKING:
    import duckdb

ATTEMPTS = 50
"""How often a write is done again after another writer committed first."""

_KEEP = {"delta.checkpointInterval": "20", "delta.enableExpiredLogCleanup": "false"}
_LAYOUT = {
    "result": {**_KEEP, "delta.dataSkippingNumIndexedCols": "0"},
    "fact": {**_KEEP, "delta.dataSkippingStatsColumns": "business_date"},
}
# A session of a small firm is a file of some 25 rows: setting up ZSTD and dictionaries for each of its columns was half
# of the cost of writing it, and the footers held more statistics than rows. 564 sessions of 14 columns: 0.13 s for
# 0.46 s. A file of 168,000 rows is 14 % larger, and also written in a third of the time.
_FILES = {
    "result": WriterProperties(
        compression="SNAPPY",
        default_column_properties=ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE"),
    ),
    "fact": WriterProperties(compression="ZSTD", compression_level=1),
}
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
# Two floats further apart than this surely differ in their first 12 significant digits; nearer ones are hashed.
_SURELY_DIFFERENT = 4e-11

Dates = pd.DatetimeIndex
Version = TypeVar("Version")
Bools = np.ndarray[Any, np.dtype[np.bool_]]


class LakeError(ValueError):
    """A write that would not do what its caller says; the message names table and reason."""


@dataclass(frozen=True)
class Lake:
    """The Delta tables under ``uri``, one for each name in ``daybook.tables``."""

    uri: str

    def write(self, table: str, frame: pd.DataFrame, sessions: Iterable[Any]) -> int | None:
        """Make the rows of ``sessions`` those of ``frame``, in one commit or not at all.

        A session without rows in ``frame`` is left without rows. Only sessions whose content differs
        (``tables.content_hash``) are rewritten. Another writer of the same sessions is answered by comparing again
        with what it left and writing again; whoever commits last is seen whole.

        Returns:
            The version committed, or None when nothing differed. The first write makes the table, even of no rows.

        Raises:
            tables.SchemaError: ``frame`` does not have the declared columns, types and unique key.
            LakeError: the table is not one of results, or ``frame`` has rows of other dates than ``sessions``.
        """
        _checked(table, "result")
        rows = tables.conform(table, frame)
        wanted = _dates(sessions)
        outside = rows.loc[~rows["business_date"].isin(wanted), "business_date"]
        if len(outside):
            raise LakeError(f"{table}: rows of {str(outside.iloc[0])[:10]}, which is not among the sessions to write")
        return self._retried(lambda: self._replace(table, rows, wanted))

    def append(self, table: str, frame: pd.DataFrame, delivery_key: str) -> int:
        """Add ``frame`` to a table of facts, once for each ``delivery_key``, in one commit.

        Returns:
            The version at which the table stands; it is not a new one when the key was appended before.

        Raises:
            tables.SchemaError: ``frame`` does not have the declared columns and types.
            LakeError: the table is not one of facts.
        """
        _checked(table, "fact")
        rows = tables.conform(table, frame)
        return self._retried(lambda: self._add(table, rows, delivery_key))

    def read(
        self,
        table: str,
        first: Any = None,
        last: Any = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        instruments: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of ``table`` with ``first`` <= business_date <= ``last``, typed as ``daybook.tables`` says.

        Results are ordered by business_date, facts by delivery and line. A table that does not exist is empty. Only
        files that can hold rows of the range are opened.

        Args:
            table: name of the table.
            first: first date, or None for no bound.
            last: last date, or None for no bound.
            columns: names of the columns wanted, in that order, or None for all of them.
            version: version of the table to read, or None for the newest.
            instruments: instruments wanted, or None for all; of a few ones the other rows are never loaded.

        Raises:
            LakeError: the table is not in the lake, a column is unknown, a bound is given for a table without
                business_date, instruments for one without instrument, or there is no such version.
        """
        schema = _checked(table, "result", "fact")
        names = list(schema.names if columns is None else columns)
        unknown = sorted({*names, *(() if instruments is None else ("instrument",))} - set(schema.names))
        if unknown:
            raise LakeError(f"{table}: unknown columns {unknown}")
        bounds = [(sign, _text(date)) for sign, date in ((">=", first), ("<=", last)) if date is not None]
        if bounds and "business_date" not in schema.names:
            raise LakeError(f"{table}: has no business_date to read a range of")
        found = self._open(table, version)
        if found is None:
            return tables.empty(table)[names]
        span = Span(None if first is None else pd.Timestamp(first), None if last is None else pd.Timestamp(last))
        # One run asks for the same history again and again: twelve assets read returns, prices or nav.
        version_read = (found.metadata().id, int(found.version()))
        held = _RECENT.get(version_read)
        within = " AND ".join(f"business_date {sign} '{d}'" for sign, d in bounds)
        if held is None or not held[0].covers(span):
            if instruments is not None:
                return _ordered(schema, found, names, within, instruments)[names]
            held = (span, _ordered(schema, found, schema.names, within))
            _remember(version_read, *held)
        rows = _within(held[1], schema, span, held[0])
        if instruments is not None:
            rows = rows[rows["instrument"].isin(instruments)].reset_index(drop=True)
        return rows[names]

    def version(self, table: str) -> int | None:
        """The newest version of ``table``, or None when it does not exist."""
        found = self._open(table)
        return None if found is None else int(found.version())

    def sessions(self, table: str) -> pd.DatetimeIndex:
        """The sessions for which a table of results has rows, sorted."""
        found = self._open(table)
        return Dates([], dtype="datetime64[us]") if found is None else _present(found)

    def altered(self, table: str, version: int, other: int | None = None) -> pd.DatetimeIndex:
        """The sessions of a table of results that were written anew between two versions, sorted; no row is read.

        Args:
            table: name of the table.
            version: the one.
            other: the other, None for the newest.

        Raises:
            LakeError: there is no such version.
        """
        one, two = (_files(self._open(table, at)) for at in (version, other))
        return _dates(date for _, date in one ^ two)

    def span(self, table: str) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """First and last business_date of a table of facts, from the statistics of its files; None when it is empty."""
        found = self._open(table)
        actions = None if found is None else pa.table(found.get_add_actions(flatten=True))
        if actions is None or not actions.num_rows:
            return None
        low, high = pc.min(actions["min.business_date"]).as_py(), pc.max(actions["max.business_date"]).as_py()
        return None if low is None else (pd.Timestamp(low), pd.Timestamp(high))

    def differing(self, table: str, frame: pd.DataFrame, sessions: Iterable[Any]) -> pd.DatetimeIndex:
        """Those of ``sessions`` whose stored rows have another content hash than those of ``frame``.

        Raises:
            tables.SchemaError: ``frame`` does not have the declared columns, types and unique key.
        """
        wanted = _dates(sessions)
        old = self.read(table, wanted[0], wanted[-1]) if len(wanted) else tables.empty(table)
        return _changed(table, tables.conform(table, frame), old[old["business_date"].isin(wanted)], wanted)

    def content_hash(self, table: str, session: Any, version: int | None = None) -> str:
        """Content hash (``tables.content_hash``) of the rows of one session."""
        return tables.content_hash(table, self.read(table, session, session, version=version))

    def _path(self, table: str) -> str:
        return f"{self.uri.rstrip('/')}/{table}"

    def _open(self, table: str, version: int | None = None) -> DeltaTable | None:
        path = self._path(table)
        known = _OPEN.pop(path, None)
        try:
            if known is None or (version is not None and version != known.version()):
                found = DeltaTable(path, version=version)
            else:
                found = known
                if version is None:
                    found.update_incremental()
            if version is None:
                _OPEN[path] = found
            return found
        except TableNotFoundError:
            if version is None:
                return None
            raise LakeError(f"{table}: has no version {version}") from None
        except DeltaError as error:
            if version is None:
                raise
            raise LakeError(f"{table}: has no version {version}: {error}") from error

    def _create(self, table: str) -> DeltaTable:
        schema = tables.TABLES[table]
        layout = dict(_LAYOUT[schema.kind])
        if "business_date" not in schema.names:
            layout.pop("delta.dataSkippingStatsColumns")
            layout["delta.dataSkippingNumIndexedCols"] = "0"
        DeltaTable.create(
            self._path(table),
            schema.schema,
            mode="ignore",
            partition_by=["business_date"] if schema.kind == "result" else None,
            description=schema.meaning,
            configuration=layout,
        )
        return DeltaTable(self._path(table))

    def _retried(self, attempt: Callable[[], Version]) -> Version:
        """``attempt`` until no other writer came first."""
        for _ in range(ATTEMPTS - 1):
            try:
                return attempt()
            except CommitFailedError:
                continue
        return attempt()

    def _replace(self, table: str, rows: pd.DataFrame, sessions: Dates) -> int | None:
        opened = self._open(table)
        # The table is made even for no rows, so that whoever reads it finds an empty table and not none.
        found = opened or self._create(table)
        present, before = _present(found), int(found.version())
        there = sessions[sessions.isin(present)]
        old = self.read(table, there[0], there[-1], version=before) if len(there) else tables.empty(table)
        changed = _changed(table, rows, old[old["business_date"].isin(sessions)], sessions)
        if changed.empty:
            return None if opened else int(found.version())
        listed = ", ".join(f"'{_text(date)}'" for date in changed)
        self._commit(
            found,
            table,
            rows[rows["business_date"].isin(changed)],
            mode="overwrite",
            predicate=f"business_date IN ({listed})",
        )
        written = int(found.version())
        if written == before + 1:
            _carry((found.metadata().id, before), rows, sessions, changed, present)
        return written

    def _add(self, table: str, rows: pd.DataFrame, delivery_key: str) -> int:
        found = self._open(table) or self._create(table)
        if found.transaction_version(delivery_key) is None:
            self._commit(found, table, rows, mode="append", transactions=[Transaction(delivery_key, 1)])
        return int(found.version())

    def _commit(
        self,
        found: DeltaTable,
        table: str,
        rows: pd.DataFrame,
        mode: Literal["append", "overwrite"],
        predicate: str | None = None,
        transactions: list[Transaction] | None = None,
    ) -> None:
        """One commit on top of the version that ``found`` has open; fails when another came between."""
        declared = tables.TABLES[table]
        known = set(pa.schema(found.schema()).names)
        write_deltalake(
            found,
            pa.Table.from_pandas(rows, schema=declared.schema, preserve_index=False),
            mode=mode,
            predicate=predicate,
            schema_mode=None if known.issuperset(declared.names) else "merge",
            writer_properties=_FILES[declared.kind],
            commit_properties=CommitProperties(app_transactions=transactions),
            post_commithook_properties=_HOOKS,
        )


@dataclass(frozen=True)
class Span:
    """A range of dates, both ends included; None has no bound."""

    first: pd.Timestamp | None
    last: pd.Timestamp | None

    def covers(self, other: "Span") -> bool:
        """Whether every date of ``other`` is in it."""
        low = self.first is None or (other.first is not None and self.first <= other.first)
        return low and (self.last is None or (other.last is not None and other.last <= self.last))

    def holds(self, dates: Any) -> Bools:
        """Whether each of ``dates`` is in it."""
        values = np.asarray(dates, "datetime64[us]")
        inside = np.ones(len(values), dtype=bool)
        if self.first is not None:
            inside &= values >= np.datetime64(self.first)
        if self.last is not None:
            inside &= values <= np.datetime64(self.last)
        return inside

    def with_dates(self, dates: Dates) -> "Span":
        """The least range with it and all of the sorted ``dates``."""
        return Span(
            None if self.first is None else min(self.first, dates[0]),
            None if self.last is None else max(self.last, dates[-1]),
        )


_OPEN: dict[str, DeltaTable] = {}
"""Tables as last opened: to look for newer commits costs 0.4 ms, to open one again 4 ms, some 350 times a day."""
_RECENT: "OrderedDict[tuple[str, int], tuple[Span, pd.DataFrame]]" = OrderedDict()
"""The widest range read of each recent version; a version never changes, and pandas copies on write."""
_RECENT_ROWS = 5_000_000
"""About half a gigabyte of the widest table; the oldest go first."""


def _remember(version: tuple[str, int], span: Span, frame: pd.DataFrame) -> None:
    held = _RECENT.get(version)
    if held is not None and not span.covers(held[0]):
        return
    _RECENT[version] = (span, frame)
    _RECENT.move_to_end(version)
    while len(_RECENT) > 1 and sum(len(rows) for _, rows in _RECENT.values()) > _RECENT_ROWS:
        _RECENT.popitem(last=False)


def _carry(version: tuple[str, int], rows: pd.DataFrame, sessions: Dates, changed: Dates, present: Dates) -> None:
    """Remember what the next version holds, where that follows from what was written and remembered of this one.

    A first run reads each table that it made several times, and the run after it reads them again with one session
    more: 6 s of its 60 were scans. An unchanged session keeps the digits that are stored, which may not be the last
    ones of ``rows``.

    Args:
        version: table and version before the write.
        rows: what was written and what was as it is already.
        sessions: the sessions of ``rows``.
        changed: those of them that were written.
        present: sessions that had rows before.
    """
    known, held = _RECENT.pop(version, (None, rows[:0]))
    span: Span | None = Span(None, None)
    if len(present):
        span = known.with_dates(sessions) if known else Span(sessions[0], sessions[-1])
        others = present.difference(changed)
        if (span.holds(others) & ~(known.holds(others) if known else False)).any():
            span = known  # sessions between are not known
    if span is None:
        return
    written = rows[rows["business_date"].isin(changed) & span.holds(rows["business_date"])]
    kept = held[~held["business_date"].isin(changed)]
    frame = pd.concat([kept, written]) if len(kept) else written
    _remember((version[0], version[1] + 1), span, frame.sort_values("business_date", kind="stable", ignore_index=True))


def _within(frame: pd.DataFrame, schema: tables.Table, span: Span, held: Span) -> pd.DataFrame:
    """The rows of ``span``."""
    if span == held:
        return frame.copy(deep=False)
    dates = frame["business_date"].to_numpy()
    if schema.kind == "result":  # ordered by date, so that a slice is enough
        low = 0 if span.first is None else int(dates.searchsorted(np.datetime64(span.first), side="left"))
        high = len(frame) if span.last is None else int(dates.searchsorted(np.datetime64(span.last), side="right"))
        return frame.iloc[low:high].reset_index(drop=True)
    return frame.loc[span.holds(dates)].reset_index(drop=True)


def _ordered(
    schema: tables.Table,
    found: DeltaTable,
    columns: Sequence[str],
    within: str,
    instruments: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The rows of the dates ``within`` and of ``instruments``: results by business_date, facts by delivery and line."""
    order = ["business_date"] if schema.kind == "result" else ["delivery", "line"]
    names = list(dict.fromkeys([*columns, *order]))
    frame = _typed(schema, _scan(found, schema, names, within, instruments), names)
    if all(frame[name].is_monotonic_increasing for name in order):
        return frame
    return frame.sort_values(order, kind="stable", ignore_index=True)


def _checked(table: str, *kinds: tables.Kind) -> tables.Table:
    """The schema of ``table``, if it is one of ``kinds``."""
    if table not in tables.TABLES:
        raise LakeError(f"{table}: there is no such table")
    if tables.TABLES[table].kind not in kinds:
        raise LakeError(f"{table}: is a table of {tables.TABLES[table].kind}s, not of {'s or '.join(kinds)}s")
    return tables.TABLES[table]


def _text(date: Any) -> str:
    return f"{pd.Timestamp(date):%Y-%m-%d}"


def _dates(values: Iterable[Any]) -> Dates:
    """Sorted, distinct midnights."""
    return Dates(pd.to_datetime(list(values))).as_unit("us").normalize().unique().sort_values()


def _files(found: DeltaTable | None) -> set[tuple[str, str]]:
    """The files of the table, each with its session."""
    if found is None:
        return set()
    actions = pa.table(found.get_add_actions(flatten=True))
    return set(zip(actions["path"].to_pylist(), actions["partition.business_date"].to_pylist(), strict=True))


def _present(found: DeltaTable) -> Dates:
    """The sessions of which the table has a file."""
    actions = pa.table(found.get_add_actions(flatten=True))
    return _dates(pc.unique(actions["partition.business_date"]).to_pylist())


@lru_cache(maxsize=1)
def _database() -> "duckdb.DuckDBPyConnection":
    import duckdb

    # Opening a database costs 12 ms, a cursor on an open one nothing; each read takes its own cursor. It must never
    # download an extension.
    return duckdb.connect(config={"autoinstall_known_extensions": "false"})


def _scan(
    found: DeltaTable, schema: tables.Table, names: list[str], within: str, instruments: Sequence[str] | None = None
) -> pa.Table:
    """Columns ``names`` of the rows of the dates ``within`` and of ``instruments``, missing columns left out."""
    stored = set(pa.schema(found.schema()).names)
    wanted = ", ".join(f'"{name}"' for name in names if name in stored)
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in instruments or ())
    chosen = "" if instruments is None else f"instrument IN ({listed})" if listed else "false"
    conditions = " AND ".join(condition for condition in (within, chosen) if condition)
    condition = f" WHERE {conditions}" if conditions else ""
    if "://" in found.table_uri and not found.table_uri.startswith("file://"):
        return _scan_remotely(found, wanted, condition)
    import duckdb

    files = sorted(found.file_uris(file_pruning_predicate=within or None))
    if not files:
        return pa.schema([field for field in schema.schema if field.name in names]).empty_table()
    partitions = "hive_partitioning=true, hive_types={'business_date': DATE}"
    options = partitions if schema.kind == "result" else "hive_partitioning=false"
    read = f"SELECT {wanted} FROM read_parquet($files, {options}){condition}"
    # A column that was added to the table later is not in older files: they are joined by name, and an empty table
    # brings what none of them has. That opens every file twice, so only where the plain way fails.
    by_name = f"SELECT * FROM read_parquet($files, union_by_name=true, {options}) UNION ALL BY NAME SELECT * FROM blank"
    with _database().cursor() as cursor:
        try:
            return cursor.sql(read, params={"files": files}).to_arrow_table()
        except (duckdb.BinderException, duckdb.InvalidInputException):
            cursor.register("blank", schema.schema.empty_table())
            return cursor.sql(f"SELECT {wanted} FROM ({by_name}){condition}", params={"files": files}).to_arrow_table()


def _scan_remotely(found: DeltaTable, wanted: str, condition: str) -> pa.Table:
    query = f"SELECT {wanted} FROM stored{condition}"
    return pa.table(QueryBuilder().register("stored", found).execute(query))


def _typed(schema: tables.Table, stored: pa.Table, names: list[str]) -> pd.DataFrame:
    """A frame typed as ``schema`` says; a column added to the schema since the table was last written is empty."""
    # One chunk a column, not one a file: 5,800 sessions are made a frame, sorted and grouped in a quarter of the time.
    frame = stored.combine_chunks().to_pandas(date_as_object=False)
    return pd.DataFrame(
        {
            column.name: _restored(frame.get(column.name, pd.Series(None, frame.index, dtype="object")), column.type)
            for column in schema.columns
            if column.name in names
        },
        copy=False,
    )


def _restored(values: pd.Series, kind: str) -> pd.Series:
    dtype: Any = tables.PANDAS[kind]
    if kind == "text":
        return values.astype("str").fillna("")
    if kind in ("int", "bool"):
        return values.fillna(0).astype(dtype)
    return values if kind == "floats" else values.astype(dtype)


def _changed(table: str, new: pd.DataFrame, old: pd.DataFrame, sessions: Dates) -> Dates:
    """The sessions whose content hash differs between ``new`` and ``old``.

    Almost always that is plain from the values; only sessions with floats that differ beyond the digits that surely
    count are hashed (a hash costs a millisecond a session, a comparison a microsecond).
    """
    counts = [frame["business_date"].value_counts().reindex(sessions, fill_value=0) for frame in (new, old)]
    resized = sessions[(counts[0] != counts[1]).to_numpy()]
    new, old = (frame[~frame["business_date"].isin(resized)] for frame in (new, old))
    new, old = (frame.sort_values("business_date", kind="stable", ignore_index=True) for frame in (new, old))
    suspects = _dates(new.loc[np.logical_or(*_compared(table, new, old)), "business_date"])
    key = list(tables.TABLES[table].key)
    new, old = (
        frame[frame["business_date"].isin(suspects)].sort_values(key, kind="stable", ignore_index=True)
        for frame in (new, old)
    )
    differs, unsure = _compared(table, new, old)
    changed = _dates(new.loc[differs, "business_date"])
    hashed = _dates(new.loc[unsure, "business_date"]).difference(changed)
    rehashed = [date for date in hashed if _hash(table, new, date) != _hash(table, old, date)]
    return _dates([*resized, *changed, *rehashed])


def _hash(table: str, frame: pd.DataFrame, date: Any) -> str:
    return tables.content_hash(table, frame[frame["business_date"] == date])


def _compared(table: str, new: pd.DataFrame, old: pd.DataFrame) -> tuple[Bools, Bools]:
    """Row by row: surely different in content, and possibly different in the last digits."""
    differs = np.zeros(len(new), bool)
    unsure = np.zeros(len(new), bool)
    for column in tables.TABLES[table].columns:
        left, right = new[column.name], old[column.name]
        if column.type == "float":
            far, near = _apart(left.to_numpy(), right.to_numpy())
        elif column.type == "floats":
            far, near = _lists_apart(left, right)
        else:
            same = (left == right) | (left.isna() & right.isna())
            far, near = ~same.to_numpy(), np.zeros(len(new), bool)
        differs |= far
        unsure |= near
    return differs, unsure


def _apart(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> tuple[Bools, Bools]:
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        close = np.abs(left - right) <= _SURELY_DIFFERENT * np.maximum(np.abs(left), np.abs(right))
    return ~same & ~close, ~same & close


def _lists_apart(left: pd.Series, right: pd.Series) -> tuple[Bools, Bools]:
    lengths = left.map(len).to_numpy(np.int64)
    differs = lengths != right.map(len).to_numpy(np.int64)
    unsure = np.zeros(len(left), bool)
    alike = np.flatnonzero(~differs)
    if len(alike):
        row = np.repeat(alike, lengths[alike])
        far, near = _apart(*(np.concatenate(side.iloc[alike].tolist()).astype(np.float64) for side in (left, right)))
        differs[row[far]] = True
        unsure[row[near]] = True
    return differs, unsure
