"""The quarantine: what stands against delivered rows, recorded and closed.

Belongs here: writing entries and their ends. Does not belong here: finding what is wrong (``daybook.intake``), and
trying rows again (``resources.inbox``).

A row that is at fault in several columns has an entry for each; they are decided together. An entry names the delivery
of the file that brought the row, also when the row was tried again later.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from daybook import tables
from daybook.intake.names import Name
from daybook.intake.rows import Checked
from daybook.intake.sheet import FileRefused
from daybook.market import dated
from resources import bulk, records
from resources.deliveries import same_file

UNDECIDED = ("open", "waiting")
"""Status of entries that somebody or something still has to deal with."""
BY_ITSELF = "daybook"
"""Who decides where no person does."""
ACTS = {"released": "release", "corrected": "correct", "discarded": "discard"}
"""Status -> what the person did, in the chain of acts."""
HELD = "no action"
"""What a dividend waits for that a corporate action posts by itself."""
SHADOWED = "a corporate action on that ex or pay date posts this dividend; action_id would make the row confirm it"

_entries, _deliveries = records.quarantine, records.deliveries


def entries(engine: sa.Engine, statuses: Sequence[str]) -> pd.DataFrame:
    """Entries with one of ``statuses``, in order of arrival: every column of the record."""
    query = sa.select(_entries).where(_entries.c.status.in_(statuses))
    query = query.order_by(_entries.c.delivery, _entries.c.line, _entries.c.id)
    with engine.connect() as connection:
        return records.read(connection, query)


def of_file(error: FileRefused) -> pd.DataFrame:
    """What stands against a file as a whole: one entry without a row."""
    problem = {
        "line": error.line, "column": error.column, "value": error.value, "reason": error.reason, "waits_for": "",
        "business_date": pd.NaT, "row": {},
    }  # fmt: skip
    return pd.DataFrame([problem])


def record(connection: sa.Connection, delivery: Mapping[str, Any], problems: pd.DataFrame, at: datetime) -> None:
    """Write an entry for each of ``problems`` (``rows.PROBLEMS``) of ``delivery``."""
    if problems.empty:
        return
    columns: dict[str, list[Any]] = {name: problems[name].tolist() for name in problems.columns}
    columns["business_date"] = [None if pd.isna(day) else day.date() for day in problems["business_date"]]
    columns["status"] = ["open" if wait in ("", HELD) else "waiting" for wait in problems["waits_for"]]
    common = {"delivery": delivery["seq"], "file": delivery["file"], "recorded_at": at}
    common["table_name"] = delivery.get("table_name", "")
    bulk.copy(connection, _entries, columns | {name: [value] * len(problems) for name, value in common.items()})


def close(connection: sa.Connection, ids: Sequence[int], status: str, who: str, why: str, at: datetime) -> None:
    """Decide the entries with these numbers."""
    if len(ids):
        values = {"status": status, "decided_by": who, "decision_reason": why, "decided_at": at}
        connection.execute(sa.update(_entries).where(_entries.c.id.in_(list(ids))).values(values))


def of_line(connection: sa.Connection, entry: Mapping[str, Any]) -> list[int]:
    """Numbers of the undecided entries about the same line as ``entry``."""
    query = sa.select(_entries.c.id).where(
        _entries.c.delivery == entry["delivery"],
        _entries.c.line == entry["line"],
        _entries.c.status.in_(UNDECIDED),
    )
    found: list[int] = list(connection.execute(query).scalars())
    return found


def said(entry: Mapping[str, Any], ids: Sequence[int], **more: Any) -> dict[str, dict[str, Any]]:
    """What the chain of acts keeps of a decision on the line of ``entry``: subject -> payload, for each of ``ids``."""
    line = {name: entry[name] for name in ("file", "line", "table_name", "row")}
    return {f"quarantine {number}": line | more for number in ids}


def held(connection: sa.Connection) -> pd.DataFrame:
    """Every entry about a dividend that an action posts, or posted, by itself: id, delivery, line, status."""
    query = sa.select(_entries.c.id, _entries.c.delivery, _entries.c.line, _entries.c.status)
    return records.read(connection, query.where(_entries.c.waits_for == HELD))


def supersede(connection: sa.Connection, delivery: Mapping[str, Any], name: Name, checked: Checked) -> None:
    """Close the entries that a good delivery makes obsolete.

    A file of a snapshot table replaces its predecessors with all that was wrong in them; elsewhere an entry is obsolete
    once a row with its key is taken in, or once the very same row is refused again.
    """
    query = sa.select(_entries.c.id, _entries.c.delivery, _entries.c.row).where(
        _entries.c.table_name == name.table, _entries.c.status.in_(UNDECIDED), _entries.c.waits_for != HELD
    )
    older = sa.select(_deliveries.c.seq).where(same_file(name), _deliveries.c.seq < delivery["seq"])
    entries = records.read(connection, query)
    if entries.empty:
        return
    replaced = entries["delivery"].isin(connection.execute(older).scalars().all())
    whole = np.array([not row for row in entries["row"]], bool)
    if name.table in tables.SNAPSHOTS:
        obsolete = replaced & (delivery.get("original") is None)
    else:
        obsolete = (replaced & whole) | (_answered(entries["row"], name.table, checked) & ~whole)
    why = f"replaced by delivery {delivery['seq']}"
    close(connection, entries.loc[obsolete, "id"].tolist(), "superseded", BY_ITSELF, why, delivery["recorded_at"])


def _answered(rows: "pd.Series[Any]", table: str, checked: Checked) -> NDArray[np.bool_]:
    """Rows whose key was taken in, or that were refused again word for word."""
    key, defaults = tables.TABLES[table].key, tables.TABLES[table].defaults
    taken = set(_keys(checked.facts, key)) | {(known,) for known in checked.known}
    refused = {json.dumps(row, sort_keys=True) for row in checked.problems["row"]}
    found = [tuple(row.get(part) or defaults.get(part, "") for part in key) for row in rows]
    again = [json.dumps(row, sort_keys=True) in refused for row in rows]
    return np.asarray(np.array([own in taken for own in found], bool) | np.array(again, bool))


def _keys(facts: pd.DataFrame, key: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The key of each row as text, as a file writes it."""
    columns = [dated.iso(facts[part]) if facts[part].dtype.kind == "M" else facts[part] for part in key]
    return zip(*columns, strict=True)


def of_dividend(row: Mapping[Any, Any]) -> pd.DataFrame:
    """The entry of a dividend that an action posts by itself."""
    columns = [column for column in tables.TABLES["transactions"].names if column not in tables.FACT_COLUMNS]
    texts = {column: _text(row[column]) for column in columns}
    problem = {
        "line": row["line"], "column": "action_id", "value": "", "reason": SHADOWED, "waits_for": HELD,
        "business_date": row["trade_date"], "row": {key: text for key, text in texts.items() if text},
    }  # fmt: skip
    return pd.DataFrame([problem])


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return value.isoformat() if value.tzinfo else f"{value:%Y-%m-%d}"
    return str(value)
