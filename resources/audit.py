"""The chain of acts in PostgreSQL: every act of a person, numbered without gaps, each sealed with the one before.

Belongs here: writing an act in the database transaction of the act itself, and reading the chain. Does not belong here:
how an act is sealed and what is wrong with a chain (``daybook.control.chain``).

An act is recorded in the same transaction as what it does: both stand or neither does. One lock orders acts, and it is
held until that transaction ends: an act is therefore recorded last, after every other lock was taken.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from daybook.control import chain
from resources.records import audit_events

_LOCK = zlib.crc32(b"daybook audit")


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
        ValueError: ``person``, ``act`` or ``subject`` is empty.
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
    if not subjects:
        return 0
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    table = audit_events
    last = connection.execute(
        sa.select(table.c.event, table.c.at, table.c.event_hash).order_by(table.c.event.desc()).limit(1)
    ).first()
    at = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
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
