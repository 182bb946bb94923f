"""Orders in the records: what people and brokers did to them, and where each one stands.

Belongs here: writing order events and executions to PostgreSQL, who may do what, and reading them back. Does not belong
here: which event may follow which (``daybook.trading.orders``), sizing, and brokers (``resources.brokers``).

Every change is one database transaction under one lock: all of a call happens, or nothing. Every change is idempotent:
asked again, it finds itself done and writes nothing.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from daybook import tables
from daybook.control.duties import one_person
from daybook.trading import fills
from daybook.trading import orders as machine
from resources import audit, records
from resources.records import executions as executions_table
from resources.records import order_events

_LOCK = zlib.crc32(b"daybook orders")
_DESCRIPTION = ("book", "instrument", "side", "reason")
_EXECUTIONS = sa.select(executions_table).order_by(executions_table.c.executed_at, executions_table.c.execution_id)
ACTS = {"approved": "approve", "rejected": "reject", "cancelled": "cancel", "sent": "send"}
"""Kind of event -> what the person did, in the chain of acts."""
NOT_EVALUATED = "compliance of the book was not evaluated"
"""Why a book that nobody vouched for may not trade."""


class OrderRefused(ValueError):
    """What was asked of an order may not be done; the message names the order and the reason, in one line."""


@dataclass(frozen=True)
class Proposal:
    """What became of a list of proposed orders.

    Attributes:
        proposed: ids of the orders that are new.
        kept: ids of those that had been proposed before, whatever became of them.
        replaced: ids of unapproved orders of the date that this list took the place of.
        withheld: order id -> reason, where the book has an approved order in the same instrument and date.
        refused: book -> reason, where the book may not trade.
    """

    proposed: tuple[str, ...]
    kept: tuple[str, ...]
    replaced: tuple[str, ...]
    withheld: Mapping[str, str]
    refused: Mapping[str, str]


class Orders:
    """The orders of the firm."""

    def __init__(self, engine: sa.Engine) -> None:
        """``engine``: on the records, migrated (``records.engine``)."""
        self._engine = engine

    def propose(
        self, proposed_orders: pd.DataFrame, session: Any, run_id: str, user: str, allowed: Mapping[str, str]
    ) -> Proposal:
        """Record the proposals of one date.

        A new list replaces what is still unapproved, of the date and of earlier ones, in the books that ``allowed`` or
        the list names: also where it says nothing about them any more, and where the book may no longer trade. Three
        rules keep a trade from being made twice: unapproved orders of earlier dates go, since the list is not net of
        them; a book that has been proposed for a later date is refused, since that list was not net of this one; an
        order in an instrument that has an approved order of the same date and book is withheld, since the list may
        have been sized before that approval. The next date's list counts it as open.

        Args:
            proposed_orders: table ``proposed_orders``; rows of other dates are ignored.
            session: the date.
            run_id: the run that made the list.
            user: the person or process that ran it; somebody else must approve.
            allowed: book -> "" where it may trade, or the reason why not. A book that is missing may not.

        Raises:
            OrderRefused: ``user`` or ``run_id`` is empty.
        """
        _named(user, "user")
        _named(run_id, "run")
        day = pd.Timestamp(session).date()
        rows = proposed_orders[proposed_orders["business_date"] == pd.Timestamp(day)]
        refused = {book: reason for book, reason in allowed.items() if reason}
        refused |= {book: NOT_EVALUATED for book in rows["book"].unique() if book not in allowed}
        with self._change(_of_date(day) | _unapproved(day)) as log:
            refused = _later(log.connection, day, [*allowed, *refused]) | refused
            listed = _proposals(rows[~rows["book"].isin(list(refused))], day, run_id)
            mine = log.states[log.states["book"].isin([*allowed, *refused])]
            state = dict(zip(mine["order_id"], mine["state"], strict=True))
            traded = mine[mine["state"].isin([*machine.OPEN, "filled"]) | (mine["filled"] > 0)]
            taken = set(zip(traded["book"], traded["instrument"], strict=True))
            fresh, kept, withheld = [], [], {}
            for name, event in listed.items():
                of = event["payload"]["book"], event["payload"]["instrument"]
                if state.get(name, machine.REPLACED) != machine.REPLACED:
                    kept.append(name)
                elif of in taken:
                    withheld[name] = f"{of[0]} has an approved order in {of[1]} of {day}"
                else:
                    fresh.append(name)
                    log.add(name, "proposed", user, **event)
            gone = mine[(mine["state"] == "proposed") & ~mine["order_id"].isin(list(listed))]
            for name, book in zip(gone["order_id"], gone["book"], strict=True):
                reason = refused.get(book, f"replaced by the proposal of {run_id}")
                log.add(name, "replaced", user, payload={"reason": reason, "run_id": run_id})
        return Proposal(tuple(fresh), tuple(kept), tuple(gone["order_id"]), withheld, refused)

    def approve(
        self, ids: Sequence[str], user: str, seen: str, refusals: Mapping[tuple[date, str], str]
    ) -> tuple[str, ...]:
        """Approve proposed orders; those that are approved already are left as they are.

        Args:
            ids: the orders.
            user: who approves; not who proposed.
            seen: the run or close that ``user`` looked at.
            refusals: (date, book) -> reason, where nothing may be approved.

        Returns:
            Ids of the orders that this call approved.

        Raises:
            OrderRefused: an order is unknown, refused or no longer proposed, or ``user`` proposed it, or ``seen`` is
                empty. Then none is approved.
        """
        _named(seen, "run or close that was seen")

        def second_person(order: pd.Series) -> str:
            if one_person(order["proposed_by"]) == one_person(user):
                return f"{user} proposed it; approval needs a second person"
            return _refusal(order, refusals)

        done = (*machine.OPEN, "filled")
        return self._move(ids, "approved", user, done, {"seen": seen}, second_person)

    def reject(self, ids: Sequence[str], user: str, reason: str) -> tuple[str, ...]:
        """Reject proposed orders; the same order is not proposed again. Returns the ids that this call rejected.

        Raises:
            OrderRefused: an order is unknown or no longer proposed, or there is no reason. Then none is rejected.
        """
        _named(reason, "reason")
        return self._move(ids, "rejected", user, ("rejected",), {"reason": reason})

    def cancel(self, ids: Sequence[str], user: str, reason: str) -> tuple[str, ...]:
        """Cancel orders that still might trade; what is filled stays. Returns the ids that this call cancelled.

        Raises:
            OrderRefused: an order is unknown, filled or rejected, or there is no reason. Then none is cancelled.
        """
        _named(reason, "reason")
        return self._move(ids, "cancelled", user, ("cancelled", machine.REPLACED), {"reason": reason})

    def send(self, ids: Sequence[str], user: str, refusals: Mapping[tuple[date, str], str]) -> tuple[str, ...]:
        """Release approved orders to the broker. Returns the ids that this call sent.

        Args:
            ids: the orders.
            user: who sends.
            refusals: (date, book) -> reason, where compliance is not clean or could not be evaluated.

        Raises:
            OrderRefused: an order is unknown, refused or not approved. Then none is sent.
        """

        def clean(order: pd.Series) -> str:
            return _refusal(order, refusals)

        return self._move(ids, "sent", user, ("sent", "partially_filled", "filled"), {}, clean)

    def fill(self, executions: pd.DataFrame) -> tuple[str, ...]:
        """Record what brokers executed: table ``executions`` and an event ``filled`` each, once.

        Args:
            executions: execution_id, order_id, executed_at (UTC), quantity, price, fees (Decimal), broker.

        Returns:
            The execution ids that are new.

        Raises:
            OrderRefused: an execution is known with other content, or does not fit its order. Then none is recorded.
        """
        rows = [
            {str(name): value for name, value in row.items()} | {"executed_at": row["executed_at"].to_pydatetime()}
            for row in executions.to_dict(orient="records")
        ]
        with self._change(order_events.c.order_id.in_(list(executions["order_id"]))) as log:
            query = sa.select(executions_table).where(
                executions_table.c.execution_id.in_([row["execution_id"] for row in rows])
            )
            known = {row["execution_id"]: dict(row) for row in log.connection.execute(query).mappings()}
            for row in rows:
                if known.get(row["execution_id"], row) != row:
                    raise OrderRefused(f"execution {row['execution_id']} was reported before with other content")
            fresh = [row for row in rows if row["execution_id"] not in known]
            for row in fresh:
                identity = {"execution_id": row["execution_id"]}
                log.add(row["order_id"], "filled", row["broker"], row["quantity"], row["price"], identity)
            if fresh:
                log.connection.execute(sa.insert(executions_table), fresh)
        return tuple(row["execution_id"] for row in fresh)

    def open_orders(self, session: Any) -> pd.DataFrame:
        """What orders up to ``session`` still add to the positions of its close: book, instrument, quantity (signed).

        An approved order counts with all that has not been executed by then; what was executed later counts even
        where the order is done, so that the same session gives the same list after its orders have filled. An
        execution belongs to the session that is its UTC date. Unapproved orders do not count.
        """
        day = pd.Timestamp(pd.Timestamp(session).date())
        with self._engine.connect() as connection:
            found = machine.apply(_events(_rows(connection, sa.true())))
            done = records.read(connection, _EXECUTIONS)
        found = found[found["business_date"] <= day]
        before = done[done["executed_at"].dt.tz_localize(None) < day + pd.Timedelta(days=1)]
        executed = before["quantity"].astype("float64").groupby(before["order_id"]).sum()
        committed = np.where(found["status"].isin(machine.OPEN), found["quantity"], found["filled"])
        left = committed - executed.reindex(found["order_id"], fill_value=0.0).to_numpy("float64")
        signed = np.where(found["side"].isin(["buy", "buy_to_cover"]), left, -left).round(8)
        found = found.assign(quantity=signed)[signed != 0]
        return pd.DataFrame(found.groupby(["book", "instrument"])["quantity"].sum()).reset_index()

    def choose(self, ids: Sequence[str], status: str | None, session: Any | None) -> tuple[str, ...]:
        """``ids``, and with a ``status`` every order that has it, of ``session`` or of any date."""
        found = self.frame()
        chosen = found["status"] == status
        if session is not None:
            chosen &= found["business_date"] == pd.Timestamp(session)
        return tuple(dict.fromkeys([*ids, *found.loc[chosen, "order_id"]]))

    def frame(self) -> pd.DataFrame:
        """Table ``orders``, in the order in which they were first proposed."""
        with self._engine.connect() as connection:
            return machine.apply(_events(_rows(connection, sa.true())))

    def executions(self) -> pd.DataFrame:
        """Table ``executions``, in the order of execution."""
        with self._engine.connect() as connection:
            return tables.conform("executions", records.read(connection, _EXECUTIONS))

    def transactions_files(self, broker: str, since: Any, instruments: pd.DataFrame) -> tuple[tuple[str, bytes], ...]:
        """The broker's fills as files of transactions, one for each trade date from ``since`` on: name and bytes.

        They are made from all that is recorded, so that a file asked for again has the same bytes, or more rows; the
        inbox takes each transaction once.

        Args:
            broker: its name.
            since: first trade date.
            instruments: reference facts, for the currencies.
        """
        with self._engine.connect() as connection:
            done, known = records.read(connection, _EXECUTIONS), machine.apply(_events(_rows(connection, sa.true())))
        rows = fills.transactions(done[done["broker"] == broker], known, instruments)
        rows = rows[rows["trade_date"] >= str(pd.Timestamp(since).date())]
        return tuple(
            (f"transactions_{day}_{broker}.csv", group.to_csv(index=False, lineterminator="\n").encode())
            for day, group in rows.groupby("trade_date")
        )

    def _move(
        self,
        ids: Sequence[str],
        kind: str,
        user: str,
        done: Sequence[str],
        payload: Mapping[str, str],
        objection: Callable[["pd.Series[Any]"], str] | None = None,
    ) -> tuple[str, ...]:
        """Add the event ``kind`` to each order, passing over those whose state says that it is ``done``."""
        _named(user, "user")
        moved = []
        with self._change(order_events.c.order_id.in_(list(ids))) as log:
            known = {order["order_id"]: order for _, order in log.states.iterrows()}
            for name in dict.fromkeys(ids):
                if name not in known:
                    raise OrderRefused(f"order {name} is not known")
                order = known[name]
                if order["state"] in done:
                    continue
                if (order["state"], kind) not in machine.TRANSITIONS:
                    raise OrderRefused(f"order {name} is {order['state']}: it cannot be {kind}")
                why = objection(order) if objection else ""
                if why:
                    raise OrderRefused(f"order {name} cannot be {kind}: {why}")
                log.add(name, kind, user, payload=payload)
                moved.append(name)
            said = {f"order {name}": dict(payload) for name in moved}
            audit.record_each(log.connection, user, ACTS[kind], said, payload.get("reason", ""))
        return tuple(moved)

    @contextmanager
    def _change(self, chosen: sa.ColumnElement[bool]) -> Iterator["_Log"]:
        """One transaction, alone: the events ``chosen``, and what the block adds to them if the machine agrees."""
        with self._engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            log = _Log(connection, _rows(connection, chosen))
            yield log
            if log.added:
                try:
                    machine.states(_events([*log.rows, *log.added]))
                except machine.IllegalEvent as error:
                    raise OrderRefused(str(error)) from error
                connection.execute(sa.insert(order_events), log.added)


@dataclass
class _Log:
    """The events of some orders, and those to be added."""

    connection: sa.Connection
    rows: list[dict[str, Any]]
    added: list[dict[str, Any]] = field(default_factory=list)

    @property
    def states(self) -> pd.DataFrame:
        """States of the orders before this change, with who proposed each."""
        proposers = {row["order_id"]: row["by_user"] for row in self.rows if row["kind"] == "proposed"}
        found = machine.states(_events(self.rows))
        return found.assign(proposed_by=found["order_id"].map(proposers))

    def add(
        self,
        order_id: str,
        kind: str,
        user: str,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        payload: Mapping[str, str] | None = None,
    ) -> None:
        self.added.append(
            {
                "order_id": order_id,
                "kind": kind,
                "at": datetime.now(UTC),
                "by_user": user,
                "quantity": quantity,
                "price": price,
                "payload": dict(payload or {}),
            }
        )


_PROPOSED = order_events.c.kind == "proposed"
_DATE = order_events.c.payload["business_date"].astext  # ISO text sorts as the dates do


def _of_date(day: date) -> sa.ColumnElement[bool]:
    """Events of the orders of ``day``."""
    return order_events.c.order_id.in_(sa.select(order_events.c.order_id).where(_PROPOSED, _DATE == str(day)))


def _unapproved(day: date) -> sa.ColumnElement[bool]:
    """Events of the orders up to ``day`` to which nothing happened since they were proposed."""
    newest = sa.select(sa.func.max(order_events.c.id)).group_by(order_events.c.order_id)
    waiting = sa.select(order_events.c.order_id).where(_PROPOSED, order_events.c.id.in_(newest), _DATE <= str(day))
    return order_events.c.order_id.in_(waiting)


def _later(connection: sa.Connection, day: date, books: Sequence[str]) -> dict[str, str]:
    """Book -> reason, for those of ``books`` that have been proposed for a date after ``day``."""
    book = order_events.c.payload["book"].astext
    query = sa.select(book, sa.func.max(_DATE)).where(_PROPOSED, _DATE > str(day), book.in_(list(books)))
    found = connection.execute(query.group_by(book)).all()
    return {str(name): f"its orders of {last} were proposed already" for name, last in found}


def _rows(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    query = sa.select(order_events).where(chosen).order_by(order_events.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _events(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of ``order_events`` as the state machine reads them."""
    texts = {name: [row["payload"].get(name, "") for row in rows] for name in _DESCRIPTION}
    texts |= {name: [row[name] for row in rows] for name in ("order_id", "kind")}
    frame = pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in texts.items()})
    frame["quantity"] = pd.Series([row["quantity"] for row in rows], dtype="object")
    dates = [row["payload"].get("business_date") for row in rows]
    return frame.assign(business_date=pd.Series(pd.to_datetime(dates), dtype="datetime64[us]"))


def _proposals(rows: pd.DataFrame, day: date, run_id: str) -> dict[str, dict[str, Any]]:
    """Order id -> quantity, price and payload of its event ``proposed``."""
    found = {}
    for row in rows.to_dict(orient="records"):
        sized = row["quantity"], row["reference_price"]
        payload = {name: row[name] for name in _DESCRIPTION} | {"business_date": str(day), "run_id": run_id}
        name = machine.order_id(day, row["book"], row["instrument"], row["side"], *sized)
        found[name] = {"quantity": _exact(sized[0]), "price": _exact(sized[1]), "payload": payload}
    return found


def _exact(number: float) -> Decimal:
    """The shortest decimal that is this float: what a person reads."""
    return Decimal(str(float(number)))


def _refusal(order: "pd.Series[Any]", refusals: Mapping[tuple[date, str], str]) -> str:
    return refusals.get((order["business_date"].date(), order["book"]), "")


def _named(value: str, what: str) -> None:
    if not value.strip():
        raise OrderRefused(f"the {what} is missing")
