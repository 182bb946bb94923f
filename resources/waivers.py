"""Waivers: what may be asked for, and what comes of it when a second person has agreed.

Belongs here: checking the wish against what stands, and the rows that approval adds. Does not belong here: who agrees
(``resources.requests``), for how long and how much a waiver holds (``daybook.control.waivers``).

One request may be about several findings or breaks: they are approved together or not at all. A row of table
``waivers`` is about one of them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from daybook import tables
from daybook.control import waivers as control
from daybook.ledger import exact
from resources import audit, break_events, records
from resources.requests import Wish
from resources.turn import Turn

if TYPE_CHECKING:
    from resources.feeds import Feeds

KIND = "waiver"
"""Kind of request."""
ACT = "waive"
_table = records.waivers
_NAMES = ["check", "book", "instrument", "break_id"]


class WaiverRefused(ValueError):
    """What was asked for cannot be waived; the message says why, in one line."""


def frame(engine: sa.Engine, known_at: pd.Timestamp | None = None) -> pd.DataFrame:
    """Table ``waivers``, in the order of their entry, as known at ``known_at``, None for now."""
    query = sa.select(*(_table.c[name] for name in tables.TABLES["waivers"].names))
    if known_at is not None:
        query = query.where(_table.c.recorded_at <= known_at)
    with engine.connect() as connection:
        return tables.conform(
            "waivers", records.read(connection, query.order_by(_table.c.recorded_at, _table.c.waiver_id))
        )


def wish(
    feeds: "Feeds", check: str, session: pd.Timestamp, book: str, instrument: str | None, until: pd.Timestamp
) -> Wish:
    """The wish to let the findings of ``check`` stand from ``session`` to ``until``, both included.

    Args:
        feeds: the doors of the installation.
        check: name of the check.
        session: a computed session on which it found something.
        book: of the findings; "" for those about no book.
        instrument: of the finding; None for every one that stands on ``session``, each named in the wish.
        until: the last session; not before ``session``.

    Raises:
        WaiverRefused: nothing such stands, it can never be waived, is waived already, or ends before it begins.
    """
    _ends(session, until)
    if check.startswith(control.NEVER):
        raise WaiverRefused(f"{check} cannot be waived: books that do not add up are corrected, then daybook eod")
    if check == control.WITH_BREAKS:
        raise WaiverRefused(f"{check} is waived with its breaks: daybook breaks list, then daybook breaks waive ID")
    rows = feeds.handled("findings", session, session)
    rows = rows[rows["check"] == check]
    _insist(rows, check, session, book)
    rows = rows[rows["book"] == book]
    if instrument is not None:
        there = sorted(set(rows["instrument"]) - {""})
        rows = rows[rows["instrument"] == instrument]
        if rows.empty:
            about = (
                f"it stands there for {', '.join(there)}" if there else "it names none there: leave --instrument out"
            )
            raise WaiverRefused(
                f"{check} of {book or 'the firm'} on {session:%Y-%m-%d} is not about {instrument}: {about}"
            )
    rows = _not_yet(feeds, rows.assign(break_id=""), control.FINDING, until)
    of = f"{check} of {book or 'the firm'}" + _some(rows["instrument"].tolist())
    return _wished(f"{of} from {session:%Y-%m-%d} to {until:%Y-%m-%d}", rows, session, until)


def wish_for_breaks(feeds: "Feeds", ids: Sequence[str], until: pd.Timestamp) -> Wish:
    """The wish to let the breaks ``ids`` stand to ``until``, from the session on which they were seen last.

    Raises:
        BreakRefused: one of them is not known or resolved.
        WaiverRefused: they were seen last on different sessions, are waived already, or it ends before it begins.
    """
    rows = break_events.standing(feeds, ids)
    sessions = rows["business_date"].unique()
    if len(sessions) > 1:
        raise WaiverRefused(
            "these breaks were seen last on different sessions: waive those of each session by themselves"
        )
    session = pd.Timestamp(sessions[0])
    _ends(session, until)
    rows = _not_yet(feeds, rows.assign(check=""), ["break_id"], until)
    of = "break" + ("s" if len(rows) > 1 else "") + _some(rows["break_id"].tolist())
    return _wished(f"{of} from {session:%Y-%m-%d} to {until:%Y-%m-%d}", rows, session, until)


def put_in_force(connection: sa.Connection, turn: Turn, request: Mapping[str, Any]) -> None:
    """The effect of approving a wish of kind ``KIND``: it holds at once.

    Raises:
        WaiverRefused: what it is about stands no longer, or its effect on NAV has grown since it was asked for.
    """
    asked = request["payload"]
    items: list[dict[str, Any]] = asked["items"]
    _as_it_was(turn, items, pd.Timestamp(asked["valid_from"]), int(request["id"]))
    for place, wished in enumerate(items, 1):
        seen = wished["impact_base"]
        # As exact money: the table and the chain of acts then say it in the same digits.
        item = wished | {"impact_base": None if seen is None else Decimal(f"{seen:.{exact.MONEY}f}")}
        number = str(request["id"]) if len(items) == 1 else f"{request['id']}.{place}"
        dates = {name: pd.Timestamp(asked[name]).date() for name in ("valid_from", "valid_to")}
        people = {"entered_by": request["requested_by"], "approved_by": request["decided_by"]}
        row = item | dates | people | {"waiver_id": number, "reason": request["reason"]}
        connection.execute(_table.insert().values(**row, recorded_at=request["decided_at"]))
        said = item | {name: asked[name] for name in dates} | {"entered_by": request["requested_by"]}
        audit.record(connection, request["decided_by"], ACT, f"waiver {number}", request["reason"], said)


def _as_it_was(turn: Turn, items: Sequence[Mapping[str, Any]], session: pd.Timestamp, number: int) -> None:
    """Insist that everything in ``items`` stands on ``session``, with an effect that the waiver would hold for."""
    asked = pd.DataFrame(items)
    of_breaks = bool((asked["break_id"] != "").any())
    name, keys = (break_events.TABLE, ["break_id"]) if of_breaks else ("findings", control.FINDING)
    now = turn.lake.read(name, session, session)[[*keys, "impact_base"]]
    both = asked.assign(seen=asked["impact_base"].astype("float64")).drop(columns="impact_base")
    both = both.merge(now.assign(there=True), on=keys, how="left")
    bad = both[~(both["there"].eq(True) & control.within(both["impact_base"], both["seen"]))]
    if len(bad):
        first = bad.iloc[0]
        what = first["break_id"] or f"{first['check']} of {first['book'] or 'the firm'}"
        since = "has grown" if first["there"] == True else "is gone"  # noqa: E712 (missing where it is gone)
        raise WaiverRefused(
            f"{what} {since} on {session:%Y-%m-%d} since request {number}: daybook reject {number}, then look again"
        )


def _insist(rows: pd.DataFrame, check: str, session: pd.Timestamp, book: str) -> None:
    """That findings of ``check`` stand for ``book`` on ``session``; the message says for whom they stand."""
    if book in set(rows["book"]):
        return
    if rows.empty:
        raise WaiverRefused(
            f"no finding {check} stands on {session:%Y-%m-%d}: daybook show findings --date {session:%Y-%m-%d}"
        )
    if set(rows["book"]) == {""}:
        raise WaiverRefused(f"{check} on {session:%Y-%m-%d} is about the whole firm: leave --book out")
    books = ", ".join(sorted(set(rows["book"]) - {""}))
    said = f"is not about {book}" if book else "is about books"
    raise WaiverRefused(f"{check} on {session:%Y-%m-%d} {said}: name one of {books} with --book")


def _ends(session: pd.Timestamp, until: pd.Timestamp) -> None:
    if until < session:
        raise WaiverRefused(f"the waiver would end on {until:%Y-%m-%d}, before it begins on {session:%Y-%m-%d}")


def _not_yet(feeds: "Feeds", rows: pd.DataFrame, keys: list[str], until: pd.Timestamp) -> pd.DataFrame:
    """``rows`` that are not waived to ``until`` already.

    Raises:
        WaiverRefused: all of them are.
    """
    there = frame(feeds.engine)
    there = there[(there["break_id"] != "").eq(keys == ["break_id"]) & (there["valid_to"] >= until)]
    held = control.laid(rows, there, keys)
    if held["waived"].all():
        raise WaiverRefused(f"nothing to ask for: {held['said'].iloc[0]}")
    return rows[~held["waived"]]


def _some(names: Sequence[str]) -> str:
    told = [name for name in names if name]
    return "" if not told else " " + ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


def _wished(what: str, rows: pd.DataFrame, session: pd.Timestamp, until: pd.Timestamp) -> Wish:
    """The wish about ``rows``, with their effect on NAV in words and numbers."""
    items = [
        {name: row[name] for name in _NAMES}
        | {"impact_base": None if pd.isna(row["impact_base"]) else row["impact_base"]}
        for row in rows.to_dict("records")
    ]
    sizes = rows["impact_base"].abs()
    # Of several the sizes are added, and they may point in opposite directions.
    most = "" if len(rows) == 1 else "up to "
    effect = f"effect on NAV {most}{sizes.sum():,.2f}" if sizes.notna().all() else "effect on NAV not known or none"
    payload = {"items": items, "valid_from": f"{session:%Y-%m-%d}", "valid_to": f"{until:%Y-%m-%d}"}
    return Wish(KIND, f"waiver of {what}, {effect}", payload)
