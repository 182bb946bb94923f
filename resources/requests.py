"""Requests: what one person asks for and a second one must agree to.

Belongs here: asking, agreeing, refusing, and who may. Does not belong here: what may be asked for, and what approval
does (a module for each, such as ``resources.overrides``; ``effects`` names them).

A request is approved in the one transaction of PostgreSQL that also makes its effect count: both happen, or neither.
One that a killed process left pending is approved again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from daybook.control.duties import one_person
from resources import audit, records
from resources.inbox import Inbox
from resources.turn import Turn

PENDING, APPROVED, REJECTED = "pending", "approved", "rejected"

Effect = Callable[[sa.Connection, Turn, Mapping[str, Any]], None]
"""What approval does, in the transaction that records it; given the request as approved, every column."""

_table = records.requests


class RequestRefused(ValueError):
    """What was asked of a request may not be done; the message names the request and the reason, in one line."""


@dataclass(frozen=True)
class Wish:
    """What is asked for: its kind, a few words for people, and what its effect needs (plain values, for JSON)."""

    kind: str
    subject: str
    payload: Mapping[str, Any]


def effects() -> Mapping[str, Effect]:
    """Kind of request -> what its approval does."""
    from resources import overrides, posted, waivers

    return {
        overrides.PRICE: overrides.put_in_force,
        overrides.END: overrides.take_out_of_force,
        waivers.KIND: waivers.put_in_force,
        **dict.fromkeys((posted.POST, posted.CANCEL, posted.ELECT), posted.take_in),
    }


def ask(engine: sa.Engine, wish: Wish, who: str, why: str) -> int:
    """Enter ``wish``; returns the number of the request. Nothing else happens until a second person agrees.

    Raises:
        RequestRefused: who asks or why is empty, or the same is pending already.
    """
    _named(who, why)
    values = {
        "kind": wish.kind,
        "subject": wish.subject,
        "payload": dict(wish.payload),
        "reason": why.strip(),
        "requested_by": who.strip(),
        "requested_at": sa.func.now(),
        "status": PENDING,
    }
    same = sa.select(_table.c.id).where(
        _table.c.status == PENDING, _table.c.kind == wish.kind, _table.c.payload == dict(wish.payload)
    )
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"request:{wish.kind}"))))
        if (number := connection.execute(same).scalar()) is not None:
            raise RequestRefused(
                f"request {number} asks for the same and waits: daybook approve {number}, or reject it"
            )
        number = int(connection.execute(sa.insert(_table).values(values).returning(_table.c.id)).scalar_one())
        audit.record(connection, who, "ask", f"request {number}", why, _said(values))
        return number


def approve(inbox: Inbox, number: int, who: str, why: str = "") -> Mapping[str, Any]:
    """Agree to a pending request, as another person than the one who asked; what it asks for is then in force.

    Of two at once one approves and the other is told so.

    Returns:
        the request as approved, every column of the record.

    Raises:
        RequestRefused: there is no such request, it is decided already, ``who`` asked for it or is empty.
        ValueError: its effect is no longer possible; the request stays pending.
    """
    # The lock of the inbox: what is decided is a delivery, and a run that begins sees it whole or not at all.
    with inbox.alone() as turn, inbox.engine.begin() as connection:
        decided = _agreed(connection, turn, number, who, why)
        audit.record(connection, who, "approve", f"request {number}", why, _said(decided))
        return decided


def suppose(inbox: Inbox, number: int, who: str) -> Mapping[str, Any]:
    """As ``approve`` on the doors of a rehearsal, without an act: nobody else's act has to wait for its end."""
    with inbox.alone() as turn, inbox.engine.begin() as connection:
        return _agreed(connection, turn, number, who, "")


def reject(inbox: Inbox, number: int, who: str, why: str) -> Mapping[str, Any]:
    """Refuse a pending request, or withdraw one's own; nothing comes of it. Returns and raises as ``approve``.

    Raises:
        RequestRefused: also where there is no reason.
    """
    _named(who, why)
    with inbox.engine.begin() as connection:
        decided = _decide(connection, _pending(connection, number), REJECTED, who, why, inbox.clock())
        audit.record(connection, who, "reject", f"request {number}", why, _said(decided))
        return decided


def pending(engine: sa.Engine) -> pd.DataFrame:
    """Requests that wait for a second person, oldest first: every column of the record."""
    query = sa.select(_table).where(_table.c.status == PENDING).order_by(_table.c.id)
    with engine.connect() as connection:
        return records.read(connection, query)


def find(engine: sa.Engine, number: int) -> dict[str, Any]:
    """The request of that number, every column of the record.

    Raises:
        RequestRefused: there is none.
    """
    with engine.connect() as connection:
        found = connection.execute(sa.select(_table).where(_table.c.id == number)).mappings().first()
    if found is None:
        raise RequestRefused(_unknown(number))
    return dict(found)


def _pending(connection: sa.Connection, number: int) -> dict[str, Any]:
    """The request of that number, locked until the transaction ends."""
    query = sa.select(_table).where(_table.c.id == number).with_for_update()
    found = connection.execute(query).mappings().first()
    if found is None:
        raise RequestRefused(_unknown(number))
    if found["status"] != PENDING:
        raise RequestRefused(f"request {number} is {found['status']} already, by {found['decided_by']}")
    return dict(found)


def _agreed(connection: sa.Connection, turn: Turn, number: int, who: str, why: str) -> dict[str, Any]:
    """Decide a pending request as ``who``, a second person, and let it take effect."""
    request = _pending(connection, number)
    if one_person(request["requested_by"]) == one_person(who):
        raise RequestRefused(
            f"request {number} was made by {request['requested_by']}: a second person must agree "
            f"(DAYBOOK_USER=<name> daybook approve {number})"
        )
    decided = _decide(connection, request, APPROVED, who, why, turn.clock())
    effects()[decided["kind"]](connection, turn, decided)
    return decided


def _said(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the chain of acts keeps of a request."""
    return {name: request[name] for name in ("kind", "subject", "payload", "requested_by")}


def _decide(
    connection: sa.Connection, request: Mapping[str, Any], status: str, who: str, why: str, at: Any
) -> dict[str, Any]:
    if not who.strip():
        raise RequestRefused("a decision needs who decides")
    values = {"status": status, "decided_by": who.strip(), "decided_at": at, "decision_reason": why.strip()}
    connection.execute(sa.update(_table).where(_table.c.id == request["id"]).values(values))
    return {**request, **values}


def _unknown(number: int) -> str:
    return f"there is no request {number}: daybook requests lists those that wait"


def _named(who: str, why: str) -> None:
    if not who.strip() or not why.strip():
        raise RequestRefused("say who and why: DAYBOOK_USER and --reason must not be empty")
