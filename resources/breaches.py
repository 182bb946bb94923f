"""Breaches of limits in the records: when each was opened, what people said of it, and whether it still stands.

Belongs here: writing events of breaches to PostgreSQL and reading their state back. Does not belong here: the value of
limits (``daybook.risk.limits``), telling people (``sensors.alerts``).

A breach is one episode of one limit in one book and bucket: from the session that goes beyond ``soft`` or ``hard`` to
the session that does not. Its state is derived from its events, which are only added:

* ``opened`` by the pack of the session: the owner's clock of ``answer_hours`` starts;
* ``acknowledged`` by a person, with a comment: the clock stops; more than one person may;
* ``reopened`` by a pack once an acknowledged breach uses more of the limit than when it was last told, by more than
  ``worse_by``, or goes from soft to hard: the clock starts again;
* ``worsened`` by a pack when the same happens to a breach that nobody has answered: its clock runs on;
* ``commented`` by a person;
* ``closed`` by the pack of a session that keeps the limit, or in which the limit or the bucket is no more. A limit that
  could not be evaluated closes nothing.

Every change is one database transaction under one lock, so that acts of two people at once both stand, in the order in
which they came. What a pack of session D writes follows from the events of sessions up to D: the same pack made again
writes nothing, and one made on other facts writes what changed.
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from daybook import tables
from daybook.market.declared import in_force
from resources import audit
from resources.records import breach_events

_LOCK = zlib.crc32(b"daybook breaches")
BY_ITSELF = "daybook"
"""Who writes what no person does."""
UNDECLARED = {name: float(tables.TABLES["limits"].defaults[name]) for name in ("answer_hours", "worse_by")}
"""Terms of a limit that was withdrawn after its session was computed."""
PLACE = ("book", "limit", "dimension", "bucket")
LEVELS = {"soft": 1, "hard": 2}
TOLD = ("opened", "reopened", "worsened")
"""Events of which people must hear."""
ACTS = {"acknowledged": "acknowledge", "commented": "comment"}
"""Kind of event -> what the person did, in the chain of acts."""
STANDING = ("open", "acknowledged")
"""Status of breaches that are not closed; an open one waits for an answer."""


class BreachRefused(ValueError):
    """What was asked of a breach may not be done; the message names the breach and the reason, in one line."""


class Breaches:
    """The breaches of the firm."""

    def __init__(self, engine: sa.Engine) -> None:
        """``engine``: on the records, migrated (``records.engine``)."""
        self._engine = engine

    def record(self, usage: pd.DataFrame, limits: pd.DataFrame, nav: pd.DataFrame, session: pd.Timestamp) -> int:
        """Write what the limits of ``session`` say of breaches, and return the number of events written.

        Args:
            usage: table ``limit_usage`` of the session.
            limits: facts: answer_hours and worse_by of each limit.
            nav: table ``nav`` of the session: the books whose limits were evaluated.
            session: the session of the pack.
        """
        terms = in_force(limits, "limit", nav[["business_date", "book"]])[["book", "limit", "answer_hours", "worse_by"]]
        rows = usage.merge(terms, on=["book", "limit"], how="left").fillna(UNDECLARED)
        told: Sequence[Mapping[Any, Any]] = rows.to_dict(orient="records")
        found = {tuple(row[name] for name in PLACE): row for row in told}
        books = set(nav["book"])
        with self._change() as log:
            standing = {
                state["place"]: state for state in _states(log.rows, session).values() if state["status"] in STANDING
            }
            for place, row in found.items():
                if row["reached"] in LEVELS:
                    self._reached(log, row, standing.get(place), session)
            for place, state in standing.items():
                now = found.get(place)
                if now is None and place[0] in books:
                    log.add(state["breach_id"], "closed", session, comment="no longer measured")
                elif now is not None and now["status"] != "failed" and now["reached"] not in LEVELS:
                    log.add(state["breach_id"], "closed", session, payload=_told(now))
            return len(log.added)

    def acknowledge(self, breach_id: str, user: str, comment: str) -> bool:
        """Answer a breach; False when the same person has said the same of it since it was opened.

        Raises:
            BreachRefused: it is not known or closed, or the comment is empty.
        """
        return self._said(breach_id, "acknowledged", user, comment)

    def comment(self, breach_id: str, user: str, comment: str) -> bool:
        """Say something of a breach, also of a closed one; False when it is what was said of it last, by the same.

        Raises:
            BreachRefused: it is not known, or the comment is empty.
        """
        return self._said(breach_id, "commented", user, comment)

    def frame(self) -> pd.DataFrame:
        """Table ``breaches``, in the order in which they were opened."""
        found = list(_states(self._read(sa.true()), None).values())
        names = tables.TABLES["breaches"].names
        made = pd.DataFrame({name: [state[name] for state in found] for name in names})
        made["business_date"] = pd.to_datetime(made["business_date"]).astype("datetime64[us]")
        made["due_at"] = pd.to_datetime(made["due_at"], utc=True).astype("datetime64[us, UTC]")
        return tables.conform("breaches", made) if len(found) else tables.empty("breaches")

    def events(self, breach_id: str) -> pd.DataFrame:
        """What happened to one breach, oldest first: at, kind, by_user, comment, business_date, utilisation.

        Raises:
            BreachRefused: it is not known.
        """
        rows = self._read(breach_events.c.breach_id == breach_id)
        if not rows:
            raise BreachRefused(f"breach {breach_id} is not known")
        columns = ("at", "kind", "by_user", "comment", "business_date")
        made = pd.DataFrame({name: [row[name] for row in rows] for name in columns})
        return made.assign(utilisation=[row["payload"].get("utilisation", np.nan) for row in rows])

    def alarms(self, after: int) -> list[dict[str, Any]]:
        """Events ``TOLD`` with an id above ``after``, oldest first: every column of the record."""
        return self._read((breach_events.c.id > after) & breach_events.c.kind.in_(TOLD))

    def _said(self, breach_id: str, kind: str, user: str, comment: str) -> bool:
        if not user.strip() or not comment.strip():
            raise BreachRefused(f"breach {breach_id}: say who you are and why")
        with self._change(breach_events.c.breach_id == breach_id) as log:
            state = _states(log.rows, None).get(breach_id)
            if state is None:
                raise BreachRefused(f"breach {breach_id} is not known")
            if kind == "acknowledged" and state["status"] not in STANDING:
                raise BreachRefused(f"breach {breach_id} is closed: a comment can still be made")
            since = log.rows[-1:] if kind == "commented" else _since_opened(log.rows)
            if any((row["kind"], row["by_user"], row["comment"]) == (kind, user, comment) for row in since):
                return False
            # What a person says is of the last session that was told: an earlier pack made again does not see it.
            log.add(breach_id, kind, log.rows[-1]["business_date"], user, comment)
            audit.record(log.connection, user, ACTS[kind], f"breach {breach_id}", comment)
            return True

    def _reached(
        self, log: "_Log", row: Mapping[Any, Any], state: Mapping[str, Any] | None, session: pd.Timestamp
    ) -> None:
        told = _told(row) | {"due_at": _due(log.now, row["answer_hours"]), "worse_by": row["worse_by"]}
        if state is None:
            told |= {name: row[name] for name in (*PLACE, "measure", "owner")}
            log.add(_name(row, session), "opened", session, payload=told)
            return
        worse = round(row["utilisation"] - state["utilisation"], 12) > row["worse_by"]
        if worse or LEVELS[row["reached"]] > LEVELS[state["reached"]]:
            answered = state["status"] == "acknowledged"
            told |= {} if answered else {"due_at": state["due_at"]}
            log.add(state["breach_id"], "reopened" if answered else "worsened", session, payload=told)

    def _read(self, chosen: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            return _rows(connection, chosen)

    @contextmanager
    def _change(self, chosen: sa.ColumnElement[bool] | None = None) -> Iterator["_Log"]:
        """One transaction, alone: the events chosen, all by default, and what the block adds to them."""
        with self._engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            log = _Log(connection, _rows(connection, sa.true() if chosen is None else chosen))
            yield log
            if log.added:
                connection.execute(sa.insert(breach_events), log.added)


@dataclass
class _Log:
    """Events, and those to be added."""

    connection: sa.Connection
    rows: list[dict[str, Any]]
    added: list[dict[str, Any]] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(
        self,
        breach_id: str,
        kind: str,
        session: Any,
        user: str = BY_ITSELF,
        comment: str = "",
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        day = pd.Timestamp(session).date()
        row = {"breach_id": breach_id, "kind": kind, "at": self.now, "by_user": user, "comment": comment}
        self.added.append(row | {"business_date": day, "payload": dict(payload or {})})


def _rows(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    query = sa.select(breach_events).where(chosen).order_by(breach_events.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _states(rows: Sequence[Mapping[str, Any]], session: pd.Timestamp | None) -> dict[str, dict[str, Any]]:
    """Breach id -> its state after the events of sessions up to ``session``, None for all."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if session is not None and row["business_date"] > session.date():
            continue
        kind, payload = row["kind"], row["payload"]
        if kind == "opened":
            place = {name: payload[name] for name in PLACE}
            found[row["breach_id"]] = place | {
                "breach_id": row["breach_id"],
                "place": tuple(place.values()),
                "business_date": row["business_date"],
                "acknowledged_by": "",
                "comment": "",
            }
        state = found[row["breach_id"]]
        if kind in TOLD:
            state |= {"reached": payload["reached"], "due_at": payload["due_at"]}
            used = payload["utilisation"]  # none of a hard level of 0
            state |= {"utilisation": np.nan if used is None else used, "status": "open", "acknowledged_by": ""}
        elif kind == "acknowledged":
            by = state["acknowledged_by"]
            state |= {"status": "acknowledged", "due_at": None, "comment": row["comment"]}
            state["acknowledged_by"] = ", ".join(dict.fromkeys([*([by] if by else []), row["by_user"]]))
        elif kind == "commented":
            state["comment"] = row["comment"]
        else:
            state |= {"status": "closed", "due_at": None}
    return found


def _since_opened(rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The events of one breach since it was last opened."""
    opened = [at for at, row in enumerate(rows) if row["kind"] in TOLD]
    return rows[opened[-1] :]


def _told(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What a pack says of a limit."""
    numbers = {name: None if pd.isna(row[name]) else float(row[name]) for name in ("value", "threshold", "utilisation")}
    return {"reached": row["reached"], **numbers}


def _due(now: datetime, hours: float) -> str:
    return (now + timedelta(hours=hours)).isoformat()


def _name(row: Mapping[Any, Any], session: pd.Timestamp) -> str:
    """The permanent id of the breach that ``row`` opens."""
    said = "\0".join([*(str(row[name]) for name in PLACE), f"{session:%Y-%m-%d}"])
    return "B" + hashlib.sha256(said.encode()).hexdigest()[:10]
