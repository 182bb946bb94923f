"""When things were done: runs and their steps, signatures, and with them the timeline of a session as it stands.

Belongs here: reading Dagster's runs, the register of closes and what ``daybook.control.timeline`` needs besides. Does
not belong here: what is due, usual or late.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from daybook.control import timeline
from resources import closes, records
from resources.feeds import Feeds

MADE_BY: Mapping[str, tuple[str, ...]] = {
    "prices": ("prices", "fx_rates"),
    "books": ("ledger",),
    "nav": ("nav",),
    "reconciliation": ("reconciliation",),
    "risk": ("var", "stress_tables", "exposure_tables", "limit_tables", "compliance_results"),
    "pack": ("pack",),
}
"""Steps of the day, and the steps of a run of the job ``eod`` by which each is done; ``close`` is done by people."""
ON = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)
ALIVE = pd.Timedelta(hours=1)
"""How long a run may be on; Dagster ends it then, and one whose process was killed says that it is on for ever."""


def look(
    doors: Feeds, instance: dg.DagsterInstance, session: pd.Timestamp, now: pd.Timestamp, outcomes: pd.DataFrame
) -> pd.DataFrame:
    """Table ``timeline`` of ``session`` as it stands at ``now``.

    Args:
        doors: the doors of the installation.
        instance: where runs are kept.
        session: midnight, naive.
        now: with a time zone.
        outcomes: table ``feed_outcomes`` of the session.
    """
    return timeline.timeline(
        session,
        now,
        outcomes,
        doors.deliveries(),
        doors.facts.current("expected_feeds"),
        doors.facts.current("deadlines"),
        runs(doors, instance, session, now),
        doors.settings.calendars[0],
    )


def runs(doors: Feeds, instance: dg.DagsterInstance, session: pd.Timestamp, now: pd.Timestamp) -> pd.DataFrame:
    """Runs of the end of day and when their steps were done: own, business_date, began_at, step, ended_at.

    ``own`` is what stands of ``session``: the steps of the run that is on, else of the last one, unless facts have
    changed since; and its close, once every book is signed. All other runs that ended well say how long steps take.
    """
    day = f"{session:%Y-%m-%d}"
    newest = instance.get_run_records(dg.RunsFilter(job_name="eod", tags={"dagster/partition": day}), limit=1)
    others = instance.get_run_records(
        dg.RunsFilter(job_name="eod", statuses=[dg.DagsterRunStatus.SUCCESS]), limit=timeline.HISTORY + 1
    )
    standing = [record for record in newest if _stands(doors, session, record, now)]
    own = {record.dagster_run.run_id for record in standing}
    parts = [_steps(instance, record, own=True) for record in standing]
    parts += [_steps(instance, record, own=False) for record in others if record.dagster_run.run_id not in own]
    found = pd.concat([_typed([]), *parts], ignore_index=True)
    return pd.concat([found, _signed(doors.engine, session, found)], ignore_index=True)


def _stands(doors: Feeds, session: pd.Timestamp, record: dg.RunRecord, now: pd.Timestamp) -> bool:
    """Whether what the run did counts: it is on, or it ended well and no fact has changed since."""
    status = record.dagster_run.status
    if status in ON:
        return bool(now - pd.Timestamp(record.start_time or 0, unit="s", tz="UTC") <= ALIVE)
    return status == dg.DagsterRunStatus.SUCCESS and not closes.objection(doors.facts, session)


def _steps(instance: dg.DagsterInstance, record: dg.RunRecord, own: bool) -> pd.DataFrame:
    """The steps of the day that the run has done: all of one that ended well, else those whose every part did."""
    run, began = record.dagster_run, record.start_time
    parts = [part for parts in MADE_BY.values() for part in parts]
    stats = instance.get_run_step_stats(run.run_id, step_keys=parts)
    good = [stat for stat in stats if stat.status is not None and stat.status.value == "SUCCESS"]
    ended: dict[str, float | None] = {stat.step_key: stat.end_time for stat in good}
    if run.status == dg.DagsterRunStatus.SUCCESS:  # a step that an earlier release called otherwise was done as well
        ended = {part: ended.get(part, record.end_time) for part in parts}
    done = {step: names for step, names in MADE_BY.items() if ended.keys() >= {*names}}
    return _typed(
        [
            (own, run.tags["dagster/partition"], began, step, max(ended[name] or 0.0 for name in names))
            for step, names in done.items()
        ]
    )


def _typed(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["own", "business_date", "began_at", "step", "ended_at"])
    at = {name: pd.to_datetime(found[name].astype("float64"), unit="s", utc=True) for name in ("began_at", "ended_at")}
    typed = found.assign(business_date=pd.to_datetime(found["business_date"]), **at)
    return typed.astype(
        {"own": "bool", "business_date": "datetime64[us]", "step": "str"} | dict.fromkeys(at, "datetime64[us, UTC]")
    )


def _signed(engine: sa.Engine, session: pd.Timestamp, found: pd.DataFrame) -> pd.DataFrame:
    """The step ``close`` of ``session`` and of the run before each earlier one: when its last book was signed."""
    table = records.closes
    first = sa.func.min(table.c.recorded_at).filter(table.c.version > 0)
    query = sa.select(table.c.business_date, table.c.book, first.label("ended_at"))
    days = {day.date() for day in (session, *found["business_date"])}
    query = query.where(table.c.business_date.in_(days)).group_by(table.c.business_date, table.c.book)
    with engine.connect() as connection:
        books = records.read(connection, query)
    whole = books.groupby("business_date")["ended_at"].agg(["max", "count", "size"])
    ended = whole.loc[whole["count"] == whole["size"], "max"].rename("ended_at")
    packs = found[found["step"] == "pack"].drop(columns="ended_at").assign(packed=found["ended_at"], step="close")
    each = packs.merge(ended, on="business_date")
    before = (
        each[each["packed"] <= each["ended_at"]].sort_values("packed").drop_duplicates("business_date", keep="last")
    )
    mine = ended[ended.index == session].rename_axis("business_date").reset_index()
    mine = mine.assign(own=True, step="close")
    rows = pd.concat([before[(before["business_date"] != session).to_numpy()], mine], ignore_index=True)
    return rows[list(found.columns)].astype({"own": "bool"})  # a constant of no rows is an object
