"""Signed days in PostgreSQL: candidates, closes, and what was seen.

Belongs here: writing and reading the register of closes. Does not belong here: whether a day can be signed
(``daybook.control.closes``).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from daybook.tables import TABLES, UNSIGNED
from resources import audit, records, register
from resources import signed as track_record
from resources.facts import Facts
from resources.lake import Lake

CANDIDATE, CLOSED = "candidate", "closed"
CHAIN = "audit_events"
"""What a close has seen of the chain of acts, beside the tables: number and hash of the act before it."""


def states(engine: sa.Engine, session: pd.Timestamp, version: int | None = None) -> pd.DataFrame:
    """The newest entry of each book for ``session``, or that of ``version``: every column of the register."""
    table = records.closes
    query = (
        sa.select(table)
        .where(table.c.business_date == session.date())
        .order_by(table.c.book, table.c.version.desc())
        .distinct(table.c.book)
    )
    if version is not None:
        query = query.where(table.c.version == version)
    with engine.connect() as connection:
        return records.read(connection, query)


def signed(engine: sa.Engine, first: pd.Timestamp) -> pd.DataFrame:
    """The newest signature of each session from ``first`` on and book: business_date, book, version, signed_by."""
    table = records.closes
    query = (
        sa.select(table.c.business_date, table.c.book, table.c.version, table.c.signed_by)
        .where(table.c.business_date >= first.date(), table.c.status == CLOSED)
        .order_by(table.c.business_date, table.c.book, table.c.version.desc())
        .distinct(table.c.business_date, table.c.book)
    )
    with engine.connect() as connection:
        return records.read(connection, query)


def objection(facts: Facts, session: pd.Timestamp) -> str:
    """Why the results of ``session`` cannot be acted on: not computed to the end, or facts have changed since; else "".

    History is computed without the checks of the date, so a session whose history was computed again later than its
    pack was written is not computed to the end either.
    """
    again = f"run daybook eod --date {session:%Y-%m-%d}"
    candidates = states(facts.engine, session, version=0)
    if candidates.empty:
        return f"{session:%Y-%m-%d} was not computed to the end: {again}"
    last = register.through(facts.engine, session)
    if register.is_stale(facts, session) or last != candidates["through_delivery"].min():
        return f"facts have changed since {session:%Y-%m-%d} was computed: {again} and look again"
    return ""


def propose(engine: sa.Engine, session: pd.Timestamp, books: Iterable[str], through_delivery: int) -> None:
    """Mark ``books`` as computed and ready to be looked at: version 0, never touching a signature."""
    rows = [
        {
            "business_date": session.date(),
            "book": book,
            "version": 0,
            "status": CANDIDATE,
            "signed_by": "",
            "recorded_at": sa.func.now(),
            "through_delivery": through_delivery,
        }
        for book in books
    ]
    if not rows:
        return
    statement = insert(records.closes).values(rows)
    changed = {name: statement.excluded[name] for name in ("recorded_at", "through_delivery")}
    with engine.begin() as connection:
        connection.execute(
            statement.on_conflict_do_update(index_elements=["business_date", "book", "version"], set_=changed)
        )


def sign(
    engine: sa.Engine,
    session: pd.Timestamp,
    book: str,
    user: str,
    seen: Mapping[str, Mapping[str, Any]],
    through_delivery: int,
    performance: pd.DataFrame,
) -> int:
    """Sign ``book`` for ``session`` as the next version; two signatures at once get two versions or one, never half.

    Args:
        engine: the records.
        session: the date.
        book: the book.
        user: who signs.
        seen: version and content hash of every table (``seen``).
        through_delivery: the last delivery that counted.
        performance: table ``performance`` of the book, every session up to ``session``: its returns are signed too.

    Returns:
        the version signed; the newest one again when it saw the same content.
    """
    table = records.closes
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"close:{session.date()}:{book}"))))
        newest = connection.execute(
            sa.select(table.c.version, table.c.status, table.c.seen)
            .where(table.c.business_date == session.date(), table.c.book == book)
            .order_by(table.c.version.desc())
            .limit(1)
        ).first()
        if newest is not None and newest.status == CLOSED and same_content(newest.seen, seen):
            return int(newest.version)
        version = 1 if newest is None else int(newest.version) + 1
        event, sealed = audit.head(connection)
        connection.execute(
            table.insert().values(
                business_date=session.date(),
                book=book,
                version=version,
                status=CLOSED,
                signed_by=user,
                recorded_at=sa.func.now(),
                seen={**seen, CHAIN: {"version": event, "hash": sealed}},
                through_delivery=through_delivery,
            )
        )
        track_record.sign(connection, performance, session, version)
        hashes = {name: item["hash"] for name, item in seen.items()}
        said = {"seen": hashes, "through_delivery": through_delivery}
        audit.record(connection, user, "close", f"close {session:%Y-%m-%d} {book} {version}", payload=said)
    return version


def moved(lake: Lake, session: pd.Timestamp, states: pd.DataFrame) -> dict[str, float]:
    """NAV as it was signed, of each signed book of ``session`` whose NAV is another one now.

    Args:
        lake: where results are.
        session: the date.
        states: result of ``states``.
    """
    rows = states[states["status"] == CLOSED]
    version = pd.Series([seen["nav"]["version"] for seen in rows["seen"]], rows.index, dtype="int64")
    now = lake.read("nav", session, session, ["book", "nav"]).set_index("book")["nav"]
    found: dict[str, float] = {}
    for number, books in rows["book"].groupby(version):
        then = lake.read("nav", session, session, ["book", "nav"], version=int(number)).set_index("book")["nav"]
        then = then.reindex(books)
        changed = then[~(then == now.reindex(books))]
        found |= dict(zip(changed.index.astype(str), changed, strict=True))
    return found


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two ``seen`` records name the same content hashes, whatever the versions."""
    found = [{name: item["hash"] for name, item in seen.items() if name != CHAIN} for seen in (one, other)]
    return found[0] == found[1]


def seen(lake: Lake, session: pd.Timestamp) -> dict[str, dict[str, Any]]:
    """Version and content hash of every table of results that is signed and has rows for ``session``."""
    found: dict[str, dict[str, Any]] = {}
    for name, table in TABLES.items():
        version = lake.version(name) if table.kind == "result" and name not in UNSIGNED else None
        if version is not None:
            found[name] = {"version": version, "hash": lake.content_hash(name, session, version=version)}
    return found
