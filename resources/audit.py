"""The chain of acts in PostgreSQL: every act of a person, numbered without gaps, each sealed with the one before.

Belongs here: writing an act in the database transaction of the act itself, and what the tables of acts and the closes
say of the chain. Does not belong here: how an act is sealed and what is wrong with a chain (``daybook.control.chain``).

An act is recorded in the same transaction as what it does: both stand or neither does. One lock orders acts, and it is
held until that transaction ends: an act is therefore recorded last, after every other lock was taken.

A firm that acted before there was a chain has ``BEGIN`` as its first act (written by the migration): what was done
before it has no act, and is counted in it.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from daybook.control import chain, duties
from resources import records
from resources.records import audit_events

_LOCK = zlib.crc32(b"daybook audit")
BEGIN = "begin"
"""The act of the release that brought the chain."""
BY_ITSELF = "daybook"
"""Who does what no person does."""
ANCHOR = "chain.txt"
"""File of a pack: number and hash of the last act before it was made."""
KEPT: Mapping[str, tuple[str, ...]] = {
    "request": ("ask", "approve", "reject"),
    "quarantine": ("release", "correct", "discard"),
    "order": ("approve", "reject", "cancel", "send"),
    "breach": ("acknowledge", "comment"),
    "break": ("assign", "comment", "explain"),
    "waiver": ("waive",),
    "close": ("close", "restate"),
}
"""First word of a subject -> the acts on it that a table keeps too."""
_DONE = {
    "approved": "approve", "rejected": "reject", "cancelled": "cancel", "sent": "send", "released": "release",
    "corrected": "correct", "discarded": "discard", "acknowledged": "acknowledge", "commented": "comment",
    "closed": "close", "restated": "restate",
}  # fmt: skip
"""Status or kind in a table -> the act that it is of; any other one was written by no act, and is told as it stands."""
_COLUMNS = ["person", "act", "subject", "reason", "payload", "where", "at"]


def record(
    connection: sa.Connection,
    person: str,
    act: str,
    subject: str,
    reason: str = "",
    payload: Mapping[str, Any] | None = None,
) -> int:
    """Write down that ``person`` did ``act`` to ``subject``, in the transaction of ``connection``; returns its number.

    Args:
        connection: in the transaction in which the act itself is written; to be called last in it.
        person: who acted (``DAYBOOK_USER``).
        act: one or two words, such as ``approve``.
        subject: what it was done to, such as ``request 12``; with ``act`` it finds the act again.
        reason: why, as the person said.
        payload: everything else that was said: text, numbers (no NaN), dates, lists and mappings.

    Raises:
        ValueError: ``person``, ``act`` or ``subject`` is empty, or name or reason are none that can be kept
            (``chain.objection``).
    """
    return record_each(connection, person, act, {subject: payload or {}}, reason)


def record_each(
    connection: sa.Connection,
    person: str,
    act: str,
    subjects: Mapping[str, Mapping[str, Any]],
    reason: str = "",
) -> int:
    """As ``record``, an act for each of ``subjects`` (subject -> payload), in order; returns the number of the last.

    Nothing is written where there is no subject; then it returns 0.
    """
    if not (person.strip() and act and all(subjects)):
        raise ValueError("an act needs who, what and to what: set DAYBOOK_USER")
    if person.strip() == BY_ITSELF:
        raise ValueError(f"DAYBOOK_USER is {BY_ITSELF!r}, the name of what no person does: set it to your own name")
    if objection := chain.objection(person, reason):
        raise ValueError(objection)
    if not subjects:
        return 0
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    table = audit_events
    last = connection.execute(
        sa.select(table.c.event, table.c.at, table.c.event_hash).order_by(table.c.event.desc()).limit(1)
    ).first()
    at: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    said = {
        # A clock that was put back does not put acts out of order.
        "at": at if last is None else max(at, last.at),
        "person": person.strip(),
        "act": act,
        "reason": reason.strip(),
    }
    number, before = (0, chain.START) if last is None else (int(last.event), str(last.event_hash))
    rows = []
    for subject, payload in subjects.items():
        number += 1
        own = {"event": number, "subject": subject, "payload": chain.canonical(payload)}
        rows.append(chain.seal(said | own, before))
        before = rows[-1]["event_hash"]
    connection.execute(sa.insert(table), rows)
    return number


def head(connection: sa.Connection) -> tuple[int, str]:
    """Number and hash of the last act; 0 and ``chain.START`` where there is none. Packs and closes hold on to them."""
    table = audit_events
    last = connection.execute(
        sa.select(table.c.event, table.c.event_hash).order_by(table.c.event.desc()).limit(1)
    ).first()
    return (0, chain.START) if last is None else (int(last.event), str(last.event_hash))


def acts(engine: sa.Engine) -> pd.DataFrame:
    """Table ``audit_events``, by number."""
    with engine.connect() as connection:
        return _acts(connection)


def look(engine: sa.Engine, anchors: Iterable[tuple[int, str, str]] = ()) -> pd.DataFrame:
    """What is wrong with the chain and with the tables that say what was done: ``chain.FAULTS``; no rows if nothing is.

    Args:
        engine: the records.
        anchors: number and hash of an act as something outside of the database keeps it, and what that is.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        found, done, sealed = _acts(connection), _done(connection), _anchors(connection)
    rows: list[Mapping[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in found.to_dict("records")
    ]
    noun = found["subject"].str.split(" ").str[0]
    kept = pd.Series([act in KEPT.get(of, ()) for act, of in zip(found["act"], noun, strict=True)], dtype=bool)
    since, gone = _before(rows[0] if rows else None, done)
    faults = [chain.faults(rows, [*sealed, *anchors]), gone, chain.unmatched(found[kept], done[since])]
    return pd.concat(faults, ignore_index=True)


def alone(engine: sa.Engine) -> pd.DataFrame:
    """What one person did alone that two should have done: ``duties.FOUND``, oldest first."""
    table = records.order_events
    proposed = sa.select(table.c.by_user.label("person"), table.c.order_id, table.c.at).where(
        table.c.kind == "proposed"
    )
    with engine.connect() as connection:
        found, orders = _acts(connection), records.read(connection, proposed.order_by(table.c.id))
    return duties.found(found, orders.assign(subject="order " + orders["order_id"]))


def packed(reports: Path) -> list[tuple[int, str, str]]:
    """The acts that packs have seen: number, hash, and which pack.

    Raises:
        ValueError: a pack says something else than number and hash.
    """
    found = []
    for path in sorted(reports.glob(f"*/{ANCHOR}")):
        number, _, sealed = path.read_text().strip().partition(" ")
        if not number.isdigit() or len(sealed) != len(chain.START):
            raise ValueError(f"{path} is not number and hash of an act: it was changed")
        found.append((int(number), sealed, f"the pack of {path.parent.name}"))
    return found


def _acts(connection: sa.Connection) -> pd.DataFrame:
    return records.read(connection, sa.select(audit_events).order_by(audit_events.c.event))


def _before(first: Mapping[str, Any] | None, done: pd.DataFrame) -> tuple["pd.Series[bool]", pd.DataFrame]:
    """Which of ``done`` has an act, and what is wrong with what was done before there was a chain."""
    if first is None or first["act"] != BEGIN:
        return pd.Series(True, done.index), chain.unmatched(done.iloc[:0].assign(event=0), done.iloc[:0])
    since = done["at"] >= first["at"]
    noun = done["subject"].str.split(" ").str[0]
    counted = (done["act"] + " " + noun)[~since].value_counts().to_dict()
    told = json.loads(first["payload"])
    wrong = [
        (
            1,
            "payload",
            f"before the chain began {told.get(name, 0)} times {name} was counted, now {counted.get(name, 0)}",
        )
        for name in sorted({*told, *counted})
        if told.get(name, 0) != counted.get(name, 0)
    ]
    return since, pd.DataFrame(wrong, columns=list(chain.FAULTS))


def _anchors(connection: sa.Connection) -> list[tuple[int, str, str]]:
    """The acts that closes have seen."""
    table = records.closes
    seen = table.c.seen["audit_events"]
    query = sa.select(table.c.business_date, table.c.book, table.c.version, seen.label("seen")).where(seen.is_not(None))
    return [
        (int(row.seen["version"]), str(row.seen["hash"]), f"close {row.business_date} {row.book} {row.version}")
        for row in connection.execute(query)
    ]


def _done(connection: sa.Connection) -> pd.DataFrame:
    """What the tables say was done by people, each table in its order: ``_COLUMNS``."""
    rows = [
        *_of_requests(connection),
        *_of_quarantine(connection),
        *_of_events(connection, records.order_events, "order"),
        *_of_events(connection, records.breach_events, "breach"),
        *_of_breaks(connection),
        *_of_closes(connection),
    ]
    made = pd.DataFrame(rows, columns=_COLUMNS)
    texts = dict.fromkeys(("person", "act", "subject", "reason", "where"), "str")
    return made.astype(texts).assign(at=pd.to_datetime(made["at"], utc=True))


def _of_requests(connection: sa.Connection) -> list[tuple[Any, ...]]:
    rows = []
    for row in connection.execute(sa.select(records.requests).order_by(records.requests.c.id)).mappings():
        subject, where = f"request {row['id']}", f"requests {row['id']}"
        said = {name: row[name] for name in ("kind", "subject", "payload", "requested_by")}
        rows.append((row["requested_by"], "ask", subject, row["reason"], said, where, row["requested_at"]))
        if row["status"] != "pending":
            decided = row["decided_by"], _DONE.get(row["status"], row["status"]), subject, row["decision_reason"]
            rows.append((*decided, said, where, row["decided_at"]))
    return rows


def _of_quarantine(connection: sa.Connection) -> list[tuple[Any, ...]]:
    table = records.quarantine
    people = table.c.decided_by.not_in(("", BY_ITSELF)) & table.c.status.in_(("released", "corrected", "discarded"))
    rows = []
    for row in connection.execute(sa.select(table).where(people).order_by(table.c.id)).mappings():
        said = {name: row[name] for name in ("file", "line", "row")}
        decided = row["decided_by"], _DONE[row["status"]], f"quarantine {row['id']}", row["decision_reason"]
        rows.append((*decided, said, f"quarantine {row['id']}", row["decided_at"]))
    return rows


def _of_events(connection: sa.Connection, table: sa.Table, noun: str) -> list[tuple[Any, ...]]:
    """What people did to orders or breaches."""
    query = sa.select(table).where(table.c.kind.in_([kind for kind, act in _DONE.items() if act in KEPT[noun]]))
    rows = []
    for row in connection.execute(query.order_by(table.c.id)).mappings():
        reason = row["comment"] if noun == "breach" else row["payload"].get("reason", "")
        subject = f"{noun} {row[f'{noun}_id']}"
        said = {} if noun == "breach" else row["payload"]
        rows.append((row["by_user"], _DONE[row["kind"]], subject, reason, said, f"{table.name} {row['id']}", row["at"]))
    return rows


def _of_breaks(connection: sa.Connection) -> list[tuple[Any, ...]]:
    """What people did about breaks, and what two of them let stand."""
    rows = []
    events, waivers = records.break_events, records.waivers
    query = sa.select(events).where(events.c.kind.in_(KEPT["break"])).order_by(events.c.event)
    for row in connection.execute(query).mappings():
        said = {name: row[name] for name in ("event", "owner", "cause", "impact_base")}
        subject, where = f"break {row['break_id']}", f"break_events {row['event']}"
        rows.append((row["person"], row["kind"], subject, row["reason"], said, where, row["at"]))
    for row in connection.execute(sa.select(waivers).order_by(waivers.c.recorded_at, waivers.c.waiver_id)).mappings():
        said = {name: row[name] for name in ("check", "book", "instrument", "break_id", "impact_base", "entered_by")}
        said |= {name: row[name].isoformat() for name in ("valid_from", "valid_to")}
        subject, where = f"waiver {row['waiver_id']}", f"waivers {row['waiver_id']}"
        rows.append((row["approved_by"], "waive", subject, row["reason"], said, where, row["recorded_at"]))
    return rows


def _of_closes(connection: sa.Connection) -> list[tuple[Any, ...]]:
    table = records.closes
    query = sa.select(table).where(table.c.version > 0).order_by(table.c.business_date, table.c.book, table.c.version)
    rows = []
    for row in connection.execute(query).mappings():
        said = {"seen": row["seen"], "through_delivery": row["through_delivery"], "effect": row["effect"]}
        subject = f"close {row['business_date']} {row['book']} {row['version']}"
        signed = row["signed_by"], _DONE.get(row["status"], row["status"]), subject, row["reason"]
        rows.append((*signed, said, f"closes{subject.removeprefix('close')}", row["recorded_at"]))
    return rows
