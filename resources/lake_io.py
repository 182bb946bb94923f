"""The lake as Dagster sees it: an asset's frame is written to, and read from, the table of the asset's name.

Belongs here: which sessions an output or input is about, and what the UI shows of a write. Does not belong here:
reading and writing (``resources.lake``), which facts count (``resources.facts``).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import dagster as dg
import pandas as pd

from daybook import calendars, tables
from resources import records
from resources.facts import Facts
from resources.lake import Lake, LakeError
from resources.settings import settings

DATED_FACTS = (
    "raw_prices",
    "intraday_prices",
    "raw_fx_rates",
    "custodian_positions",
    "custodian_cash",
    "administrator_nav",
    "custodian_transactions",
    "broker_transactions",
)
"""Facts of which an asset needs those of its own sessions; of all others it needs the history up to its last one."""
WHOLE = ("transactions",)
"""Facts that are read whole: a later row may cancel or correct an earlier one."""


class LakeIOManager(dg.ConfigurableIOManager):
    """One frame in, one frame out, for a session, a range of sessions or a window of them.

    Inputs from a table of facts are the current view of the facts. An input with the metadata ``since_start`` is read
    from the first session on, one with ``sessions_before`` so many sessions further back than it maps to, and of one
    with ``columns`` no others are read of a table of results. Where everything is, is read from the environment at each
    call.
    """

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Replace the run's sessions in the asset's table by ``obj``; nothing is committed when they are equal."""
        table = context.asset_key.path[-1]
        sessions = context.asset_partition_keys
        version = Lake(settings().lake_uri).write(table, obj, sessions)
        # A range run repeats this for every session in the event log, so it carries no more than two numbers.
        light = {"dagster/row_count": len(obj), "delta_version": "unchanged" if version is None else version}
        context.add_output_metadata(light if len(sessions) > 1 else {**light, **_described(table, obj)})

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Rows of the upstream table from the first to the last session that this input maps to.

        Raises:
            LakeError: the table was never written.
        """
        table = context.asset_key.path[-1]
        if context.has_asset_partitions and not context.asset_partition_keys:
            return tables.empty(table)  # a window that ends before the first session
        first, last = _range(context)
        wanted = context.definition_metadata or {}
        environment = settings()
        if wanted.get("since_start"):
            first = None
        elif first is not None and "sessions_before" in wanted:
            first = _before(first, int(wanted["sessions_before"]), environment.calendars)
        lake = Lake(environment.lake_uri)
        if tables.TABLES[table].kind != "result":
            return given(Facts(environment, lake, records.engine(environment)), table, first, last)
        if lake.version(table) is None:
            raise LakeError(f"{table}: nothing was ever written; materialise it first")
        return lake.read(table, first, last, wanted.get("columns"))


def given(facts: Facts, table: str, first: Any, last: Any, known_at: Any = None) -> pd.DataFrame:
    """What an asset that computes the sessions from ``first`` to ``last`` is given of facts or of such records.

    Args:
        facts: where they are read.
        table: table of facts, ``struck_var`` or ``signed_returns``.
        first: the first session of the input, None for the beginning.
        last: the last one, None for no bound.
        known_at: the view at that instant, None for the present.
    """
    if tables.TABLES[table].kind == "record":
        return records.dated(table, facts.engine, first, last, known_at)
    return facts.current(table, first if table in DATED_FACTS else None, None if table in WHOLE else last, known_at)


def _before(session: str, steps: int, names: Sequence[str]) -> str:
    """The session so many steps before ``session``, or the first one.

    A partition mapping of 500 steps says the same, but Dagster walks it four times for each input of each step: 30 ms.
    """
    days = calendars.joint_sessions(names, "any", last=session)
    return f"{days[max(len(days) - 1 - steps, 0)]:%Y-%m-%d}"


def _range(context: dg.InputContext) -> tuple[str | None, str | None]:
    """First and last session of the input; an upstream without partitions is read up to the run's last session."""
    if context.has_asset_partitions:
        keys = context.asset_partition_keys
        return min(keys), max(keys)
    with suppress(dg.DagsterInvariantViolationError):  # outside a step there is no run to ask
        if context.step_context.has_partitions:
            return None, context.step_context.partition_key_range.end
    return None, None


def _described(table: str, frame: pd.DataFrame) -> Mapping[str, Any]:
    """What the UI shows of a single session: the columns with their meaning, and the content hash."""
    columns = [
        dg.TableColumn(column.name, column.type, column.meaning + (f" [{column.unit}]" if column.unit else ""))
        for column in tables.TABLES[table].columns
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "content_hash": tables.content_hash(table, tables.conform(table, frame)),
    }
