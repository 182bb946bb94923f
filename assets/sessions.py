"""What a run is about: its sessions, and whether it computes one of them or a range.

Belongs here: reading partition keys and dressing an output with metadata. Does not belong here: arithmetic.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from assets.metadata import table
from assets.partitions import SESSIONS
from daybook.tables import TABLES

OWNER = "team:operations"
RESULT: dict[str, Any] = {
    "partitions_def": SESSIONS,
    "backfill_policy": dg.BackfillPolicy.single_run(),
    "owners": [OWNER],
    "kinds": {"python", "deltalake"},
}
"""What every result of the history has in common: one call computes one session or a range of them."""
OF_THE_DAY: dict[str, Any] = {**RESULT, "backfill_policy": dg.BackfillPolicy.multi_run(max_partitions_per_run=1)}
"""What every result of the single date has in common: one call computes one session."""
SINCE_START: dict[str, bool] = {"since_start": True}
"""Metadata of an input that is read from the first session on, not only for the run's sessions."""


def outs(group: str, names: Iterable[str]) -> dict[str, dg.AssetOut]:
    """The outputs of one step that makes several tables of results, each with its own meaning."""
    same: dict[str, Any] = {"group_name": group, "owners": RESULT["owners"], "kinds": RESULT["kinds"]}
    return {name: dg.AssetOut(description=TABLES[name].meaning, **same) for name in names}


def back(sessions: int) -> dict[str, int]:
    """Metadata of an input that is read so many sessions further back than the run's first one."""
    return {"sessions_before": sessions}


UNRECORDED = "daybook/unrecorded"
"""Tag of a computation that leaves nothing behind: what only the UI would show is left out."""
Extra = Callable[[], Mapping[str, Any]]


def sessions_of(context: dg.AssetExecutionContext) -> pd.DatetimeIndex:
    """The sessions that this run computes, sorted."""
    return pd.DatetimeIndex(sorted(context.partition_keys)).as_unit("us")


def shown(
    context: dg.AssetExecutionContext,
    frame: pd.DataFrame,
    extra: Extra | None = None,
    output_name: str | None = None,
) -> dg.Output[pd.DataFrame]:
    """``frame`` as the asset's output; a run of one session also shows its first rows and ``extra`` in the UI.

    A range run records one event per asset and session, so it carries no tables and no plots.
    """
    metadata: dict[str, Any] = {}
    if len(context.partition_keys) == 1 and not context.has_tag(UNRECORDED):
        first = frame.drop(columns="business_date", errors="ignore").head(12)
        metadata = {"rows": table(first), **(extra() if extra else {})}
    if output_name is None:
        return dg.Output(frame, metadata=metadata)
    return dg.Output(frame, output_name=output_name, metadata=metadata)
