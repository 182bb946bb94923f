"""What people post, cancel and elect by command: the files of it, which count once a second person has agreed.

Belongs here: what may be asked for, and taking the files in as approval does. Does not belong here: who agrees
(``resources.requests``), judging rows (``daybook.intake``), what changes (``orchestration.derivation``).

Approval and delivery are one transaction of PostgreSQL: both happen, or neither. What the lake was given by a process
that was killed before that lies there under a number that no delivery has, and never counts. A file of which a row
would be quarantined is refused whole, when it is asked for and again when it is approved: facts may have changed since.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import sqlalchemy as sa

from daybook.intake import names
from daybook.ledger import elections
from resources import deliveries, records
from resources.deliveries import Taken
from resources.feeds import Feeds
from resources.rehearsal import HeldEngine
from resources.requests import Wish, ask
from resources.turn import Turn

POST, CANCEL, ELECT = "post", "cancel", "elect"
"""Kinds of request."""
KIND = "posted"
"""Kind of the deliveries that come of them."""
_MOST = 5
"""Reasons that are told one by one."""

_log = records.transactions


class PostRefused(ValueError):
    """What was asked for cannot be taken in; the message says what, where and what to do, in one line."""


def post_wish(files: Mapping[str, bytes]) -> Wish:
    """The wish to take in ``files`` (name -> bytes), of any tables that files deliver, as one.

    Raises:
        PostRefused: there is none, or a name does not say what the file is.
    """
    if not files:
        raise PostRefused("name the files to post")
    for file in files:
        try:
            names.parse(file)
        except names.BadName as error:
            raise PostRefused(f"{file}: {error}") from None
    listed = [{"file": file, "sha256": deliveries.digest(data)} for file, data in sorted(files.items())]
    return Wish(POST, f"post {', '.join(sorted(files))}", {"files": listed})


def cancel_wish(feeds: Feeds, transaction_id: str) -> Wish:
    """The wish that the transaction of that id never was.

    Raises:
        PostRefused: it is not known, or replaced or cancelled already.
    """
    found = _of(feeds.engine, _log.c.transaction_id == transaction_id)
    if not found:
        raise PostRefused(f"there is no transaction {transaction_id!r}: daybook show transactions lists the ids")
    row = found[-1]
    if by := _of(feeds.engine, _log.c.corrects == transaction_id):
        other = by[-1]
        verb = "cancelled" if other["kind"] == "cancel" else "replaced"
        then = "" if verb == "cancelled" else f"; cancel {other['transaction_id']} instead"
        raise PostRefused(
            f"transaction {transaction_id} is {verb} already, by {other['transaction_id']} "
            f"({other['file']} line {other['line']}){then}"
        )
    latest = feeds.latest_priced_session()
    dated = pd.Timestamp(row["trade_date"])
    day = dated if latest is None else max(dated, latest)
    of = " ".join(str(part) for part in (row["kind"], row["quantity"], row["instrument"] or row["currency"]) if part)
    subject = f"cancel transaction {transaction_id}: {of} of {row['trade_date']} in {row['book']}"
    payload = {"transaction_id": transaction_id, "book": row["book"], "trade_date": f"{row['trade_date']}"}
    return Wish(CANCEL, subject, payload | {"delivered": f"{day:%Y-%m-%d}"})


def elect_wish(
    feeds: Feeds, action_id: str, book: str, choice: str, quantity: float | None, elected_on: pd.Timestamp
) -> Wish:
    """The wish that ``book`` elected ``choice`` on ``elected_on``, for ``quantity`` units, None for all that it holds.

    Raises:
        PostRefused: the action is not known or cancelled, or leaves no such choice; its deadline has passed; the book
            held nothing of it, or less than ``quantity``, on the last computed session before ex_date; it has elected
            just that already.
    """
    actions = feeds.facts.current("corporate_actions")
    row = actions[actions["action_id"] == action_id]
    if row.empty:
        raise PostRefused(f"there is no corporate action {action_id!r}: daybook show corporate_actions")
    instrument, choices = row["instrument"].iloc[0], row["choices"].iloc[0]
    if not elections.optional(row)[0]:
        raise PostRefused(f"{action_id} ({row['kind'].iloc[0]} of {instrument}) leaves no choice")
    if not elections.offered(row, pd.Series([choice], row.index, dtype="str"))[0]:
        left = choices or " or ".join(mapping[row["kind"].iloc[0]] for mapping in (elections.TAKING, elections.PASSIVE))
        raise PostRefused(f"{action_id} does not leave the choice {choice!r}: it leaves {left}")
    last = elections.deadline(row).iloc[0]
    if elected_on > last:
        raise PostRefused(
            f"the deadline of {action_id} was {last:%Y-%m-%d}: an election of {elected_on:%Y-%m-%d} does not count"
        )
    held, day = _held(feeds, book, instrument, row["ex_date"].iloc[0])
    if held <= 0:
        raise PostRefused(f"{book} is not entitled: it held no {instrument} at the close of {day:%Y-%m-%d}")
    if quantity is not None and not 0 < quantity <= held:
        raise PostRefused(f"--quantity {quantity:.10g}: {book} held {held:.10g} {instrument} on {day:%Y-%m-%d}")
    known = feeds.facts.current("elections")
    before = known[(known["action_id"] == action_id) & (known["book"] == book)]
    if len(before) and before["choice"].iloc[0] == choice and _same(before["quantity"].iloc[0], quantity):
        raise PostRefused(f"{book} has elected just that already ({before['file'].iloc[0]})")
    units = "all" if quantity is None else f"{quantity:.10g}"
    subject = f"{book} elects {choice} for {units} of {held:.10g} {instrument} ({action_id}) on {elected_on:%Y-%m-%d}"
    payload = {"action_id": action_id, "book": book, "choice": choice, "elected_on": f"{elected_on:%Y-%m-%d}"}
    return Wish(ELECT, subject, payload | {"quantity": "" if quantity is None else f"{quantity:.10g}"})


def request(feeds: Feeds, wish: Wish, who: str, why: str, files: Mapping[str, bytes] | None = None) -> int:
    """Ask for ``wish``; the bytes of ``files`` are kept from now on. Returns and raises as ``requests.ask``."""
    for data in (files or {}).values():
        deliveries.keep(feeds.settings.home, data)
    return ask(feeds.engine, wish, who, why)


def suppose(doors: Feeds, wish: Wish, who: str, files: Mapping[str, bytes] | None = None) -> None:
    """Take ``wish`` in on the doors of a rehearsal.

    Raises:
        PostRefused: a row would be quarantined, or nothing of it is new.
    """
    for data in (files or {}).values():
        deliveries.keep(doors.settings.home, data)
    supposed = {
        "id": 0,
        "kind": wish.kind,
        "payload": wish.payload,
        "requested_by": who,
        "decided_by": "",
        "reason": "",
    }
    with doors.inbox.alone() as turn, doors.engine.begin() as connection:
        take_in(connection, turn, supposed)


def take_in(connection: sa.Connection, turn: Turn, request: Mapping[str, Any]) -> None:
    """The effect of approving a wish of this module: its files are deliveries of kind ``KIND``, in that transaction.

    Raises:
        PostRefused: a row would be quarantined, or nothing of it is new; then nothing is taken in.
    """
    # A turn whose every transaction is a part of this one.
    held = replace(turn, engine=HeldEngine(connection), views={})
    taken = held.recover()
    files = sorted(_files(turn, request), key=lambda file: names.order(names.parse(file[0])))
    own = [held.deliver(file, data, KIND) for file, data in files]
    numbers = [one.delivery for one in own]
    known = {one.delivery: one for one in held.follow_up([*taken, *own]) if one.delivery in numbers}
    for one in own:
        _insist(connection, known.get(one.delivery, one))
    people = f"asked for by {request['requested_by']}, approved by {request['decided_by']} (request {request['id']})"
    table = records.deliveries
    said = sa.func.concat_ws("; ", f"{people}: {request['reason']}", sa.func.nullif(table.c.reason, ""))
    connection.execute(sa.update(table).where(table.c.seq.in_(numbers)).values(reason=said))


def _files(turn: Turn, request: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """Name and bytes of what a request delivers."""
    asked = request["payload"]
    if request["kind"] == POST:
        return [(one["file"], deliveries.kept(turn.settings.home, one["sha256"])) for one in asked["files"]]
    suffix = f"request-{request['id']}"
    if request["kind"] == ELECT:
        row = {name: asked[name] for name in ("action_id", "book", "choice", "quantity", "elected_on")}
        return [(f"elections_{asked['elected_on']}_{suffix}.csv", _csv(row))]
    row = {"transaction_id": suffix, "kind": "cancel", "corrects": asked["transaction_id"]}
    row |= {name: asked[name] for name in ("book", "trade_date")}
    return [(f"transactions_{asked['delivered']}_{suffix}.csv", _csv(row))]


def _csv(row: Mapping[str, str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue().encode()


def _insist(connection: sa.Connection, taken: Taken) -> None:
    """Refuse what did not come in whole, with what stands against it."""
    if taken.outcome == "unchanged":
        raise PostRefused(f"{taken.file}: these bytes are there already: nothing would change")
    if taken.quarantined or taken.outcome == "failed":
        table = records.quarantine
        query = sa.select(table).where(table.c.delivery == taken.delivery).order_by(table.c.line, table.c.id)
        rows = [dict(row) for row in connection.execute(query).mappings()]
        reasons = [_reason(row) for row in rows[:_MOST]] or [taken.reason]
        more = f"; and {len(rows) - _MOST} more" if len(rows) > _MOST else ""
        raise PostRefused(
            f"{taken.file} would be quarantined: {'; '.join(reasons)}{more}: correct it and post it again"
        )
    if not taken.rows and taken.outcome != "empty":
        raise PostRefused(f"{taken.file}: nothing in it is new ({taken.reason or 'no rows'})")


def _reason(row: Mapping[str, Any]) -> str:
    place = f"line {row['line']}, {row['column']} {row['value']!r}" if row["line"] else "the file"
    return f"{place}: {row['reason']}"


def _of(engine: sa.Engine, chosen: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """Rows of the log, in order of arrival."""
    query = sa.select(_log).where(chosen).order_by(_log.c.delivery, _log.c.line)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _held(feeds: Feeds, book: str, instrument: str, ex_date: pd.Timestamp) -> tuple[float, pd.Timestamp]:
    """What ``book`` held at the close of the last computed session before ``ex_date``, and that session."""
    computed = feeds.lake.sessions("positions")
    computed = computed[computed < ex_date]
    if computed.empty:
        raise PostRefused(f"no session before {ex_date:%Y-%m-%d} was computed: run daybook eod first")
    rows = feeds.lake.read("positions", computed[-1], computed[-1], ["book", "instrument", "quantity"])
    own = rows[(rows["book"] == book) & (rows["instrument"] == instrument)]
    return float(own["quantity"].sum()), computed[-1]


def _same(known: float, quantity: float | None) -> bool:
    return bool(pd.isna(known)) if quantity is None else known == quantity
