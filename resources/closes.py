"""Signed days in PostgreSQL: candidates, closes, restatements, and what was seen.

Belongs here: writing and reading the register of closes, and which signed rows are others now. Does not belong here:
whether a day can be signed (``daybook.control.closes``), what changed and why (``daybook.control.changes``).

A day of a book is a candidate (version 0), closed (version 1) or restated (the versions after it, each with a reason).
Every version stays, with the versions and hashes of the tables that it saw; the newest one counts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from daybook.control import changes
from daybook.tables import TABLES, UNSIGNED, empty
from resources import audit, records, register
from resources import signed as track_record
from resources.facts import Facts
from resources.lake import Lake

CANDIDATE, CLOSED, RESTATED = "candidate", "closed", "restated"
SIGNED = (CLOSED, RESTATED)
CHAIN = "audit_events"
"""What a close has seen of the chain of acts, beside the tables: number and hash of the act before it."""

BY_PEOPLE = ("findings", "feed_outcomes", "proposed_orders")
"""Tables of a book that also tell what people did since: decided about the quarantine, approved orders. What they say
otherwise after a signature does not make the signed figures others."""
BY_SIGNATURES = {"period_returns": ("signed_return", "restated_sessions")}
"""Columns that the signature itself changes, by table."""


class CloseRefused(ValueError):
    """A day that cannot be signed so; the message says what stands against it and what to do, in one line."""


class Signature(NamedTuple):
    """A version of a signed book: its number, who signed it, and whether it was signed just now."""

    version: int
    signed_by: str
    new: bool


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
        .where(table.c.business_date >= first.date(), table.c.status.in_(SIGNED))
        .order_by(table.c.business_date, table.c.book, table.c.version.desc())
        .distinct(table.c.business_date, table.c.book)
    )
    with engine.connect() as connection:
        return records.read(connection, query)


def newest(engine: sa.Engine, first: pd.Timestamp) -> pd.DataFrame:
    """The newest signed session of each book with one from ``first`` on: book, business_date, version, signed_by."""
    table = records.closes
    query = (
        sa.select(table.c.book, table.c.business_date, table.c.version, table.c.signed_by)
        .where(table.c.business_date >= first.date(), table.c.status.in_(SIGNED))
        .order_by(table.c.book, table.c.business_date.desc(), table.c.version.desc())
        .distinct(table.c.book)
    )
    with engine.connect() as connection:
        return records.read(connection, query)


def late(engine: sa.Engine, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Transactions without which sessions from ``first`` to ``last`` were signed, or that were posted forward to these.

    Of a correction and a cancel also with the date of what it corrects.

    Returns:
        ``closed_periods.LATE``: signatures of the book of the transaction, of its date or later.
    """
    log, named, table = records.transactions, records.transactions.alias(), records.closes
    found = []
    for about, source in ((log, log), (named, log.join(named, named.c.transaction_id == log.c.corrects))):
        missed = (table.c.book == about.c.book) & table.c.status.in_(SIGNED)
        missed &= (table.c.business_date >= about.c.trade_date) & (table.c.through_delivery < log.c.delivery)
        query = sa.select(
            log.c.transaction_id, about.c.book, about.c.trade_date, about.c.booked_on, log.c.file, log.c.line,
            log.c.delivery, table.c.business_date.label("signed_on"), table.c.version, table.c.signed_by,
        ).select_from(source.join(table, missed))  # fmt: skip
        changed = about.c.booked_on.is_(None) & table.c.business_date.between(first, last)
        found.append(query.where(changed | about.c.booked_on.between(first, last)))
    with engine.connect() as connection:
        return records.read(connection, sa.select(sa.union(*found).subquery()))


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
    same: int | None = None,
) -> Signature:
    """Sign ``book`` for ``session``, for the first time; of two at once one signs and the other finds it signed.

    Args:
        engine: the records.
        session: the date.
        book: the book.
        user: who signs.
        seen: version and content hash of every table (``seen``).
        through_delivery: the last delivery that counted.
        performance: table ``performance`` of the book, every session up to ``session``: its returns are signed too.
        same: the version of the book whose rows are those of now, though other rows of the tables are not.

    Returns:
        version 1, signed now, or the newest one where that saw the same content.

    Raises:
        CloseRefused: another content is signed already.
    """
    with engine.begin() as connection:
        newest = _newest(connection, session, book)
        if newest is None:
            _enter(connection, session, book, 1, CLOSED, user, "", seen, through_delivery, performance, {})
            return Signature(1, user, True)
        if newest.version == same or same_content(newest.seen, seen):
            return Signature(int(newest.version), str(newest.signed_by), False)
        day = f"{session:%Y-%m-%d}"
        raise CloseRefused(
            f"{book} {day} is signed by {newest.signed_by} as version {newest.version} and changed since:"
            f" daybook changes {day} --book {book}, then daybook restate {day} --book {book} --reason"
        )


def restate(
    engine: sa.Engine,
    session: pd.Timestamp,
    book: str,
    user: str,
    reason: str,
    replaces: int,
    seen: Mapping[str, Mapping[str, Any]],
    through_delivery: int,
    performance: pd.DataFrame,
    effect: Mapping[str, Any],
) -> int:
    """Sign ``book`` for ``session`` again, with a reason, as the version after the newest; that one is kept.

    Args:
        engine: the records.
        session: the date.
        book: the book.
        user: who signs.
        reason: why.
        replaces: the version that ``effect`` was measured against, the newest one.
        seen: version and content hash of every table (``seen``).
        through_delivery: the last delivery that counted.
        performance: table ``performance`` of the book, every session up to ``session``.
        effect: what it changes: NAV then and now, its error, compensation; kept with the close. No NaN.

    Returns:
        the version signed.

    Raises:
        CloseRefused: no reason is given, nothing is signed, somebody else restated meanwhile, or nothing changed.
    """
    day = f"{session:%Y-%m-%d}"
    if not reason.strip():
        raise CloseRefused(f"{book} {day}: a restatement needs a reason: --reason")
    with engine.begin() as connection:
        newest = _newest(connection, session, book)
        if newest is None:
            raise CloseRefused(f"{book} {day} is not signed, so there is nothing to restate: daybook close {day}")
        if newest.version != replaces:
            raise CloseRefused(
                f"{book} {day} was restated by {newest.signed_by} meanwhile, as version {newest.version}:"
                f" look again with daybook changes {day} --book {book}"
            )
        if same_content(newest.seen, seen):
            raise CloseRefused(unchanged(session, book, str(newest.signed_by), replaces))
        version, why = replaces + 1, reason.strip()
        _enter(connection, session, book, version, RESTATED, user, why, seen, through_delivery, performance, effect)
    return version


def unchanged(session: pd.Timestamp, book: str, who: str, version: int) -> str:
    """That there is nothing to restate, in words."""
    return (
        f"{book} {session:%Y-%m-%d}: nothing changed since {who} signed version {version}: there is nothing to restate"
    )


def _newest(connection: sa.Connection, session: pd.Timestamp, book: str) -> Any:
    """The newest signature of the book, None where there is none; nobody else signs it until the transaction ends."""
    table = records.closes
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"close:{session.date()}:{book}"))))
    query = sa.select(table.c.version, table.c.signed_by, table.c.seen).where(
        table.c.business_date == session.date(), table.c.book == book, table.c.status.in_(SIGNED)
    )
    return connection.execute(query.order_by(table.c.version.desc()).limit(1)).first()


def _enter(
    connection: sa.Connection,
    session: pd.Timestamp,
    book: str,
    version: int,
    status: str,
    user: str,
    reason: str,
    seen: Mapping[str, Mapping[str, Any]],
    through_delivery: int,
    performance: pd.DataFrame,
    effect: Mapping[str, Any],
) -> None:
    """The row, the returns and the act, in one transaction."""
    event, sealed = audit.head(connection)
    whole = {**seen, CHAIN: {"version": event, "hash": sealed}}
    connection.execute(
        records.closes.insert().values(
            business_date=session.date(),
            book=book,
            version=version,
            status=status,
            signed_by=user,
            recorded_at=sa.func.now(),
            reason=reason,
            seen=whole,
            through_delivery=through_delivery,
            effect=dict(effect),
        )
    )
    track_record.sign(connection, performance, session, version)
    said = {"seen": whole, "through_delivery": through_delivery}
    act = "close" if status == CLOSED else "restate"
    payload = said if status == CLOSED else said | {"effect": dict(effect)}
    audit.record(connection, user, act, f"close {session:%Y-%m-%d} {book} {version}", reason, payload)


def unsigned_before(engine: sa.Engine, session: pd.Timestamp, nav: pd.DataFrame) -> dict[str, list[pd.Timestamp]]:
    """The sessions between the last signed one of each book and ``session`` that nobody signed; no book without any.

    A book that was never signed before has none: a firm begins to sign when it wants.

    Args:
        engine: the records.
        session: the date.
        nav: table ``nav``, business_date and book of the computed sessions before it.
    """
    table = records.closes
    query = sa.select(table.c.business_date, table.c.book).where(
        table.c.business_date < session.date(), table.c.status.in_(SIGNED)
    )
    with engine.connect() as connection:
        last = records.read(connection, query).groupby("book", as_index=False)["business_date"].max()
    rows = nav[["business_date", "book"]].merge(last, on="book", suffixes=("", "_signed"))
    left = rows[(rows["business_date"] < session) & (rows["business_date"] > rows["business_date_signed"])]
    return {str(book): list(rows) for book, rows in left.sort_values("business_date").groupby("book")["business_date"]}


def altered(lake: Lake, session: pd.Timestamp, states: pd.DataFrame) -> dict[str, dict[str, int]]:
    """For each signed book of which rows of ``session`` are not those that were signed: how many, of which tables.

    Rows without a book in their key (prices, rates, hypotheses about breaks) are no book's: what they change of a book
    is in its valuations and breaks. What signing and other acts of people change (``BY_PEOPLE``, ``BY_SIGNATURES``)
    does not count.

    Args:
        lake: where results are.
        session: the date.
        states: result of ``states``.
    """
    rows = states[states["status"].isin(SIGNED)]
    now = seen(lake, session)
    found: dict[str, dict[str, int]] = {}
    for name in now:  # tables, and the few versions of each that closes saw
        if "book" not in TABLES[name].key or name in BY_PEOPLE:
            continue
        then = pd.Series([_version(entry.get(name), now[name]) for entry in rows["seen"]], rows.index, dtype="int64")
        for version, books in rows["book"].groupby(then):
            if version < 0:
                continue
            one = lake.read(name, session, session, version=int(version)) if version else empty(name)
            other = lake.read(name, session, session, version=now[name]["version"])
            then_rows, now_rows = (side[side["book"].isin(books)] for side in (one, other))
            rows_of = changes.different(name, then_rows, now_rows, BY_SIGNATURES.get(name, ()))
            for book, count in rows_of.groupby("book").size().items():
                found.setdefault(str(book), {})[name] = int(count)
    return found


def _version(signed: Mapping[str, Any] | None, now: Mapping[str, Any]) -> int:
    """The version that was signed; 0 where there was no such table, -1 where the content is that of now."""
    return 0 if signed is None else -1 if signed["hash"] == now["hash"] else int(signed["version"])


def moved(lake: Lake, session: pd.Timestamp, states: pd.DataFrame) -> dict[str, float]:
    """NAV as it was signed, of each signed book of ``session`` whose NAV is another one now.

    Args:
        lake: where results are.
        session: the date.
        states: result of ``states``.
    """
    rows = states[states["status"].isin(SIGNED)]
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
