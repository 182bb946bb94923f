"""Dagster's storage on Daybook's PostgreSQL: started when needed, connections kept, planned events in batches.

Belongs here: how Dagster reaches the server. Does not belong here: what Daybook itself keeps (``records``).

Named in dagster.yaml, so that ``dagster dev``, the daemon, a run worker and ``daybook`` all come this way and the first
of them starts the embedded server. Six things differ from the stock class of dagster-postgres 0.29:

* the URL comes from the settings and not from dagster.yaml, so no password is written there or shown in the UI;
* connections are kept open: the stock class opens one for every statement of a run, 95 for a run of 36 events;
* what Dagster stores is not waited for until it is on the disk (``synchronous_commit``): a machine that loses power may
  lose the last half second of events of a run that it broke off anyway. What Daybook itself records is waited for;
* asset events, planned ones above all, are inserted a batch at a time, the rows as parameters. A range run of 5 empty
  assets over 522 sessions takes 1.3 s; with planned events one by one, as the stock class writes them, 5.5 s;
* materializations of a range do not name what each input was: Dagster names one event of one session for all of them,
  in two tags for each input, 60 of the 100 MB of events of a first close;
* that a step was given an input is not written down: 900 of the 1,300 events of a close of one date, each a row that
  says no more than the graph does.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from dagster import DagsterEventType, Field, IntSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.definitions.data_version import INPUT_DATA_VERSION_TAG_PREFIX, INPUT_EVENT_POINTER_TAG_PREFIX
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import EventLogStorage, SqlEventLogStorageTable
from dagster._core.storage.runs import RunStorage
from dagster._core.storage.schedules import ScheduleStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage

from resources.postgres import server_url
from resources.settings import settings

BATCH = "500"
"""Events written at a time, unless DAGSTER_EVENT_BATCH_SIZE says otherwise; Dagster's own default is one."""
BATCHED = frozenset(
    {
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_OBSERVATION,
    }
)

KEPT = 3
"""Connections that each of the three stores keeps open: statements of the event log are nested."""
UNTOLD = frozenset({DagsterEventType.LOADED_INPUT, DagsterEventType.STEP_INPUT})
"""Events that are not kept; nothing in Dagster reads them but the page of their run."""

INPUTS = (INPUT_DATA_VERSION_TAG_PREFIX, INPUT_EVENT_POINTER_TAG_PREFIX)


class BatchedEventLog(PostgresEventLogStorage):
    """Dagster's event log, which writes a batch of asset events in one statement, planned ones too."""

    def store_event(self, event: EventLogEntry) -> None:
        """Store ``event``, unless it is one of ``UNTOLD``."""
        if event.dagster_event is None or event.dagster_event.event_type not in UNTOLD:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store ``events``; those of one kind in ``BATCHED`` cost two statements and one for each asset."""
        kinds = {event.get_dagster_event().event_type for event in events}
        if len(kinds) != 1 or not kinds <= BATCHED:
            super().store_event_batch(events)
            return
        for event in events:
            _forget_inputs(event)
        # Rows as parameters, not as 3,500 bound values of one statement: SQLAlchemy compiles that anew each time.
        insert = SqlEventLogStorageTable.insert().returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
        with self._connect() as connection:
            ids: list[int] = list(connection.execute(insert, [self._event_to_row(event) for event in events]).scalars())
        last = {event.get_dagster_event().asset_key: (event, id_) for event, id_ in zip(events, ids, strict=True)}
        with self.index_transaction() as connection:
            self._store_asset_event_tags(connection, events, ids)
            for event, id_ in last.values():
                self._store_asset_event(connection, event, id_)


def _forget_inputs(event: EventLogEntry) -> None:
    happened = event.get_dagster_event()
    if happened.is_step_materialization:
        tags: Any = happened.step_materialization_data.materialization.tags  # a dictionary of this event alone
        for key in [key for key in tags if key.startswith(INPUTS)]:
            del tags[key]


def _engine(url: str, max_overflow: int) -> sa.Engine:
    """Connections for one of the stores: dagster-postgres 0.29 keeps one, and opens 130 more in a close of one date."""
    created = sa.create_engine(
        url, isolation_level="AUTOCOMMIT", pool_size=KEPT, max_overflow=max_overflow, pool_recycle=3600
    )
    sa.event.listen(created, "connect", _terms)
    return created


def _terms(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off; SET statement_timeout TO '60s'")


class PooledPostgresStorage(DagsterStorage, ConfigurableClass):
    """Runs, events and schedules in the database that the settings name."""

    def __init__(self, max_overflow: int, inst_data: ConfigurableClassData | None = None):
        self._inst_data = inst_data
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", BATCH)
        url = server_url(settings())
        self._runs = PostgresRunStorage(url)
        self._events = BatchedEventLog(url)
        self._schedules = PostgresScheduleStorage(url)
        for store in (self._runs, self._events, self._schedules):
            store._engine = _engine(url, max_overflow)  # dagster-postgres 0.29 has no option for it
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What dagster.yaml said."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """``max_overflow``: connections beyond ``KEPT`` that each of the three stores may open at once."""
        return {"max_overflow": Field(IntSource, is_required=False, default_value=8)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PooledPostgresStorage":
        """The storage that dagster.yaml asks for."""
        return cls(config_value["max_overflow"], inst_data)

    @property
    def run_storage(self) -> RunStorage:
        """Runs."""
        return self._runs

    @property
    def event_log_storage(self) -> EventLogStorage:
        """Events."""
        return self._events

    @property
    def schedule_storage(self) -> ScheduleStorage:
        """Schedules, sensors and their ticks."""
        return self._schedules

    @property
    def run_storage_data(self) -> ConfigurableClassData | None:
        """None: the three stores cannot be configured one by one."""
        return None

    @property
    def event_storage_data(self) -> ConfigurableClassData | None:
        """None, as above."""
        return None

    @property
    def schedule_storage_data(self) -> ConfigurableClassData | None:
        """None, as above."""
        return None
