"""What is told and done about breaks, in PostgreSQL, and breaks as they stand.

Belongs here: writing events of breaks, and reading breaks with them laid over. Does not belong here: what the events
make of a break (``daybook.control.breaks``), finding breaks (``daybook.reconciliation``).

Events are only added, numbered under one lock, so that acts of two people at once both stand in the order in which they
came. An act about several breaks is one transaction: all of them or none. Each act of a person is in the chain of acts
(``resources.audit``); that a pack told of a break first is none.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from daybook import tables
from daybook.control import breaks as control
from daybook.ledger import exact
from resources import audit, records
from resources.records import break_events

if TYPE_CHECKING:
    from resources.feeds import Feeds

TABLE = "reconciliation_breaks"
_LOCK = zlib.crc32(b"daybook breaks")
_UNSAID = {"owner": "", "cause": "", "reason": ""}
BY_ITSELF = "daybook"
"""Who writes what no person does."""


class BreakRefused(ValueError):
    """What was asked of a break may not be done; the message names the break and the reason, in one line."""


def frame(engine: sa.Engine, known_at: pd.Timestamp | None = None) -> pd.DataFrame:
    """Table ``break_events``, in order, as known at ``known_at``, None for now."""
    query = sa.select(*(break_events.c[name] for name in tables.TABLES["break_events"].names))
    if known_at is not None:
        query = query.where(break_events.c.at <= known_at)
    with engine.connect() as connection:
        return tables.conform("break_events", records.read(connection, query.order_by(break_events.c.event)))


def tell(engine: sa.Engine, breaks: pd.DataFrame) -> int:
    """Write that a pack tells of ``breaks``, of those that none has told of before; returns how many.

    The hours in which an owner must answer run from then.
    """
    with _change(engine, breaks["break_id"].unique().tolist()) as log:
        known = {row["break_id"] for row in log.rows}
        for row in breaks.drop_duplicates("break_id")[["break_id", "owner"]].itertuples(index=False):
            if row.break_id not in known:
                log.add(str(row.break_id), control.TOLD, BY_ITSELF, owner=str(row.owner))
        return len(log.added)


def assign(feeds: "Feeds", ids: Sequence[str], person: str, owner: str, reason: str = "") -> int:
    """Say that ``owner`` must explain the breaks ``ids``; returns of how many that is new.

    Raises:
        BreakRefused: one of them is not known or resolved; who acts, or to whom, is empty.
    """
    if not owner.strip():
        raise BreakRefused("say to whom: --to must not be empty")
    return _act(feeds, ids, control.ASSIGN, person, owner=owner.strip(), reason=reason.strip())


def comment(feeds: "Feeds", ids: Sequence[str], person: str, reason: str) -> int:
    """Say something of the breaks ``ids``, also of resolved ones; returns of how many that is new.

    Raises:
        BreakRefused: one of them is not known; who or what is empty.
    """
    return _act(feeds, ids, control.COMMENT, person, reason=_given(reason))


def explain(feeds: "Feeds", ids: Sequence[str], person: str, cause: str, reason: str) -> int:
    """Name the cause of the breaks ``ids`` and say how that is known; returns of how many that is new.

    It holds for what a break is worth now, as a waiver does: when the effect on NAV grows, the break is open again.
    It stays in the sums that block a close: only two people can let a break stand (``resources.waivers``).

    Raises:
        BreakRefused: one of them is not known or resolved; who, cause or reason is empty.
    """
    if not cause.strip():
        raise BreakRefused("say the cause: --cause must not be empty")
    return _act(feeds, ids, control.EXPLAIN, person, cause=cause.strip(), reason=_given(reason))


def register(feeds: "Feeds", last: pd.Timestamp | None = None) -> pd.DataFrame:
    """Every break seen up to the session ``last``, None for all, as it stands now (``control.register``)."""
    events = frame(feeds.engine)
    breaks = feeds.handled(TABLE, None, last)
    if last is not None:  # what was told of later sessions alone is not about this one
        later = set(feeds.lake.read(TABLE, last + pd.Timedelta(days=1), None, ["break_id"])["break_id"])
        events = events[~events["break_id"].isin(later - set(breaks["break_id"]))]
    facts, nav = feeds.facts, feeds.lake.read("nav", None, last, ["business_date", "book", "status"])
    compared = control.compared(
        _packed(feeds.engine),
        nav,
        facts.current("custodian_reports", None, last),
        facts.current("administrator_nav", None, last),
    )
    now = pd.Timestamp(feeds.inbox.clock()).tz_convert("UTC")
    return control.register(breaks, events, compared, facts.current("reconciliations"), now)


def standing(feeds: "Feeds", ids: Sequence[str]) -> pd.DataFrame:
    """Rows of the ``register`` of the breaks ``ids``, in their order.

    Raises:
        BreakRefused: one of them is not known or resolved.
    """
    return _found(feeds, ids, resolved=False)


def _found(feeds: "Feeds", ids: Sequence[str], resolved: bool) -> pd.DataFrame:
    rows = register(feeds).set_index("break_id", drop=False)
    for name in ids:
        if name not in rows.index:
            raise BreakRefused(f"there is no break {name!r}: daybook breaks list names them")
        if not resolved and rows.loc[name, "status"] == "resolved":
            raise BreakRefused(f"break {name} is resolved: a comment can still be made")
    return rows.loc[list(dict.fromkeys(ids))].reset_index(drop=True)


def _act(feeds: "Feeds", ids: Sequence[str], kind: str, person: str, **said: str) -> int:
    if not person.strip():
        raise BreakRefused("say who you are: DAYBOOK_USER must not be empty")
    found = _found(feeds, ids, resolved=kind == control.COMMENT)
    wanted = found["break_id"].tolist()
    # Who explains a break explains what it is worth now: when it grows, somebody must look again.
    seen = found["impact_base"].map(_exact).tolist() if kind == control.EXPLAIN else [None] * len(wanted)
    with _change(feeds.engine, wanted) as log:
        for name, impact in zip(wanted, seen, strict=True):
            last = [row for row in log.rows if row["break_id"] == name and row["kind"] != control.TOLD][-1:]
            again = {"kind": kind, "person": person.strip(), **_UNSAID, **said, "impact_base": impact}
            if not any(all(row[column] == value for column, value in again.items()) for row in last):
                log.add(name, kind, person.strip(), impact, **said)
        return len(log.added)


@dataclass
class _Log:
    """Events of some breaks, and those to be added, numbered after ``last``."""

    rows: list[dict[str, Any]]
    last: int
    at: datetime
    added: list[dict[str, Any]] = field(default_factory=list)

    def add(self, break_id: str, kind: str, person: str, impact: Decimal | None = None, **said: str) -> None:
        told = {**_UNSAID, **said, "impact_base": impact}
        number = self.last + len(self.added) + 1
        row = {"event": number, "break_id": break_id, "kind": kind, "at": self.at, "person": person}
        self.added.append(row | told)


@contextmanager
def _change(engine: sa.Engine, ids: Iterable[str]) -> Iterator[_Log]:
    """One transaction, alone: the events of ``ids``, and what the block adds to them, each act in the chain."""
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        last: int = connection.execute(sa.select(sa.func.coalesce(sa.func.max(break_events.c.event), 0))).scalar_one()
        at: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        chosen = break_events.c.break_id == sa.any_(sa.cast(list(ids), sa.ARRAY(sa.Text)))
        query = sa.select(break_events).where(chosen).order_by(break_events.c.event)
        log = _Log([dict(row) for row in connection.execute(query).mappings()], last, at)
        yield log
        if log.added:
            connection.execute(sa.insert(break_events), log.added)
        for row in log.added:
            if row["kind"] != control.TOLD:
                _record(connection, row)


def _record(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    payload = {name: row[name] for name in ("event", "owner", "cause", "impact_base")}
    audit.record(connection, row["person"], row["kind"], f"break {row['break_id']}", row["reason"], payload)


def _packed(engine: sa.Engine) -> pd.DatetimeIndex:
    """The sessions that were computed to the end: breaks are compared and stored for no others."""
    query = sa.select(records.closes.c.business_date).distinct()
    with engine.connect() as connection:
        return pd.DatetimeIndex(records.read(connection, query)["business_date"])


def _exact(money: float) -> Decimal | None:
    return None if pd.isna(money) else Decimal(f"{money:.{exact.MONEY}f}")


def _given(reason: str) -> str:
    if not reason.strip():
        raise BreakRefused("say why: --reason must not be empty")
    return reason.strip()
