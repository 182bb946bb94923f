"""The register of computed sessions in PostgreSQL: which results stand, and the last delivery that they saw.

Belongs here: writing and reading it. Does not belong here: which deliveries touch a session (``resources.facts``).
"""

from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from resources import records
from resources.facts import Facts


def mark(engine: sa.Engine, sessions: pd.DatetimeIndex, began: pd.Timestamp | None, run_id: str) -> int:
    """Record that ``sessions`` were computed by a run that began at ``began``; the last delivery that it saw.

    A delivery that arrived while the run was on may be in some tables and not in others: it does not count as seen, so
    the sessions that it touches are computed again.
    """
    table, seen = records.computed, records.deliveries
    newest = sa.select(sa.func.coalesce(sa.func.max(seen.c.seq), 0))
    if began is not None:
        newest = newest.where(seen.c.recorded_at <= began.floor("us").to_pydatetime())
    with engine.begin() as connection:
        last = int(connection.execute(newest).scalar_one())
        statement = insert(table).values(
            [
                {
                    "business_date": session.date(),
                    "through_delivery": last,
                    "run_id": run_id,
                    "recorded_at": sa.func.now(),
                }
                for session in sessions
            ]
        )
        changed = {name: statement.excluded[name] for name in ("through_delivery", "run_id", "recorded_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["business_date"], set_=changed))
    return last


def through(engine: sa.Engine, session: pd.Timestamp) -> int | None:
    """The last delivery that the results of ``session`` saw; None when it was never computed."""
    last = _entry(engine, session, records.computed.c.through_delivery)
    return None if last is None else int(last)


def run(engine: sa.Engine, session: pd.Timestamp) -> str:
    """The run that computed ``session``, "" when none did."""
    return str(_entry(engine, session, records.computed.c.run_id) or "")


def is_stale(facts: Facts, session: pd.Timestamp) -> bool:
    """Whether a delivery has touched ``session`` since it was computed, or it never was."""
    return len(facts.stale_sessions(pd.DatetimeIndex([session]))) > 0


def _entry(engine: sa.Engine, session: pd.Timestamp, column: sa.Column[Any]) -> Any:
    query = sa.select(column).where(records.computed.c.business_date == session.date())
    with engine.connect() as connection:
        return connection.execute(query).scalar()
