"""Bulk: many rows into PostgreSQL at once.

Belongs here: COPY. Does not belong here: what the rows mean.

COPY takes 10,000 rows of 30 columns in a quarter of a second, an INSERT of many rows three.
"""

import io
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa

_BLOCK = 50_000
"""Rows whose text is made at a time: a row in quarantine takes 1 kB, and a file may have millions."""
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy(connection: sa.Connection, table: sa.Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert rows given column by column, in the transaction of ``connection``; None is null, a dict is JSON."""
    names = ", ".join(f'"{name}"' for name in columns)
    rows = zip(*(map(_field, values) for values in columns.values()), strict=True)
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor:
        while block := "".join("\t".join(row) + "\n" for row in islice(rows, _BLOCK)):
            cursor.copy_expert(f'COPY {table.schema}."{table.name}" ({names}) FROM STDIN', io.StringIO(block))


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, dict):
        value = json.dumps(value)
    return str(value).translate(_ESCAPED)
