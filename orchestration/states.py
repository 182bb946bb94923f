"""States of a day: as it was signed, as it stands now, as it would be with what was known at an instant.

Belongs here: reading the state that a close saw from the versions it names, deriving any other, and what changed
between two of them. Does not belong here: how a change is taken apart (``daybook.control.changes``), how results are
derived (``orchestration.derivation``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from assets.pack import OF_EVERY_SESSION
from assets.partitions import session_days
from daybook import tables
from daybook.control import changes
from orchestration.commands.installation import instant
from orchestration.console import Refused
from orchestration.derivation import derivable, derive
from resources import closes
from resources.cut import Cut
from resources.facts import Facts
from resources.feeds import Feeds

STORED = (*changes.FIGURES, "postings")
CLOSE, NOW = "close", "now"


@dataclass(frozen=True)
class Moment:
    """When a day is looked at.

    Attributes:
        name: in words.
        facts: the facts that count.
        known_at: those known at that instant, None for all of them.
        versions: versions of tables that hold the results, None where they are derived from the facts.
        after: the deliveries after this number are not all among the facts.
    """

    name: str
    facts: Facts
    known_at: pd.Timestamp | None
    versions: Mapping[str, int] | None
    after: int


@dataclass(frozen=True)
class Difference:
    """What changed of some books between two moments.

    Attributes:
        rows: ``changes.changes``.
        then: the first state.
        now: the second one.
        one: when the first is of.
        other: when the second is of.
    """

    rows: pd.DataFrame
    then: changes.State
    now: changes.State
    one: Moment
    other: Moment


def entries(feeds: Feeds, session: pd.Timestamp, book: str | None = None, version: int | None = None) -> pd.DataFrame:
    """The newest signature of each book of ``session``, or of ``book``, or those of one version: rows of the register.

    Raises:
        Refused: nobody has signed it.
    """
    states = closes.states(feeds.engine, session, version)
    rows = states[states["status"].isin(closes.SIGNED)]
    if book is not None:
        rows = rows[rows["book"] == book]
    if len(rows):
        return rows.reset_index(drop=True)
    day, whose = f"{session:%Y-%m-%d}", "" if book is None else f" of {book}"
    known = sorted(feeds.lake.read("nav", session, session, ["book"])["book"])
    if book is not None and book not in known:
        raise Refused(f"there is no book {book!r} on {day}: {', '.join(known) or 'not computed'}")
    if version is not None:
        raise Refused(f"there is no version {version}{whose} of {day}: daybook show closes --date {day}")
    raise Refused(f"nothing{whose} is signed on {day}: daybook close {day} signs it")


def moments(feeds: Feeds, session: pd.Timestamp, name: str, signatures: pd.DataFrame) -> dict[str, Moment]:
    """The state called ``name`` of each book of ``signatures``; books that were signed in one go share theirs.

    Args:
        feeds: the doors.
        session: the date.
        name: a version, ``CLOSE``, ``NOW``, or an instant.
        signatures: result of ``entries``.

    Raises:
        Refused: there is no such version, or the words name no state.
    """
    books = list(signatures["book"])
    if name == NOW:
        return dict.fromkeys(books, now(feeds, session))
    if name != CLOSE and not name.isdigit():
        return dict.fromkeys(books, known(feeds, instant(name)))
    rows = signatures if name == CLOSE else entries(feeds, session, version=int(name))
    rows = rows[rows["book"].isin(books)]
    if rows.empty:
        raise Refused(f"there is no version {name} of {', '.join(books)} on {session:%Y-%m-%d}")
    shared: dict[Any, Moment] = {}
    return {row["book"]: shared.setdefault(_saw(row), signed(feeds, row)) for row in rows.to_dict("records")}


def signed(feeds: Feeds, entry: Mapping[Any, Any]) -> Moment:
    """The state that a close saw.

    Args:
        feeds: the doors.
        entry: a row of ``closes.states``.

    Raises:
        Refused: it is of a time when no journal was kept.
    """
    missing = [name for name in STORED if name not in entry["seen"]]
    name = f"version {entry['version']} by {entry['signed_by']}"
    if missing:
        raise Refused(f"{name} has not seen the table {missing[0]}: what changed since cannot be told")
    versions = {name: int(entry["seen"][name]["version"]) for name in STORED}
    return Moment(name, _cut(feeds, entry), None, versions, int(entry["through_delivery"]))


def as_signed(
    feeds: Feeds, table: str, session: pd.Timestamp, book: str | None = None, version: int | None = None
) -> pd.DataFrame:
    """Rows of ``table`` as the newest signature of each book saw them, or that of ``version``.

    Rows without a book are as the last of these signatures saw them.

    Raises:
        Refused: nobody signed it, or the table had no rows then.
    """
    signatures = entries(feeds, session, book, version).sort_values("recorded_at", kind="stable")
    saw = [(row["book"], row["seen"].get(table)) for row in signatures.to_dict("records")]
    if not any(seen for _, seen in saw):
        raise Refused(f"{table} is no part of what was signed on {session:%Y-%m-%d}: daybook show {table}")
    own = "book" in tables.TABLES[table].names
    books = {name: seen["version"] for name, seen in (saw if own else saw[-1:]) if seen}
    parts = []
    for at in sorted(set(books.values())):  # those signed in one go saw one version
        rows = feeds.lake.read(table, session, session, version=at)
        mine = [name for name, seen in books.items() if seen == at] + ([""] if at == max(books.values()) else [])
        parts.append(rows[rows["book"].isin(mine)] if own else rows)
    return pd.concat(parts, ignore_index=True)


def with_knowledge(feeds: Feeds, entry: Mapping[Any, Any]) -> Moment:
    """The state derived from the deliveries that a close stood on."""
    through = int(entry["through_delivery"])
    return Moment(f"deliveries up to {through}", _cut(feeds, entry), None, None, through)


def known(feeds: Feeds, when: pd.Timestamp) -> Moment:
    """The state derived from what was known at that instant."""
    register = feeds.deliveries()
    later = register.loc[register["recorded_at"] > when, "seq"]
    after = int(later.min()) - 1 if len(later) else int(register["seq"].max())
    return Moment(f"known at {when:%Y-%m-%d %H:%M:%S} UTC", feeds.facts, when, None, after)


def now(feeds: Feeds, session: pd.Timestamp) -> Moment:
    """The state as it stands: what is stored where no fact has changed since, else what the facts give."""
    last = int(feeds.facts.touching()["seq"].max())
    if closes.objection(feeds.facts, session):
        return Moment("now, derived", feeds.facts, None, None, last)
    stored = {name: feeds.lake.version(name) for name in STORED}
    return Moment("now", feeds.facts, None, {name: at for name, at in stored.items() if at is not None}, last)


def made_again(feeds: Feeds, session: pd.Timestamp, entry: Mapping[Any, Any]) -> dict[str, bool]:
    """Of each signed table of every session that is made of facts alone, whether the close's facts give it again."""
    wanted = [name for name in derivable() if name in entry["seen"] and name in OF_EVERY_SESSION]
    made = derive(wanted, pd.DatetimeIndex([session]).as_unit("us"), _cut(feeds, entry))
    return {name: tables.content_hash(name, made[name]) == entry["seen"][name]["hash"] for name in wanted}


def history(
    feeds: Feeds, first: pd.Timestamp, last: pd.Timestamp, known_at: pd.Timestamp | None, book: str | None = None
) -> pd.DataFrame:
    """NAV of a range of sessions made again from the beginning, with other knowledge, beside NAV of now.

    Each session comes after the one before it with the same knowledge: what was known at ``known_at``, or else what the
    newest signature of the session and book stood on; a session that a book did not sign is then left out.

    Returns:
        business_date, book, base_currency, knowledge (in words), nav_then, nav_now, difference (now less then) and
        difference_bp (of NAV then, where it is positive); a NAV is missing where there is none.
    """
    days = session_days(feeds.settings.calendars)
    days = days[(days >= first) & (days <= last)]
    key = ["business_date", "book"]
    columns = [*key, "base_currency", "nav"]
    if days.empty:
        then = tables.empty("nav")[columns].assign(knowledge="")
    elif known_at is not None:
        moment = known(feeds, known_at)
        then = derive(["nav"], days, moment.facts, known_at)["nav"][columns].assign(knowledge=moment.name)
    else:
        then = _as_signed(feeds, days)[[*columns, "knowledge"]]
    stale = len(days) and len(feeds.facts.stale_sessions(days))
    now_ = derive(["nav"], days, feeds.facts)["nav"] if stale else feeds.lake.read("nav", first, last)
    rows = then.merge(now_[columns], on=key, how="left" if known_at is None else "outer", suffixes=("_then", "_now"))
    if book is not None:
        rows = rows[rows["book"] == book]
    difference = (rows["nav_now"] - rows["nav_then"]).round(6) + 0.0
    found = rows.assign(
        base_currency=rows["base_currency_then"].fillna(rows["base_currency_now"]),
        knowledge=rows["knowledge"].fillna("nothing of it"),
        difference=difference,
        difference_bp=(difference / rows["nav_then"].where(rows["nav_then"] > 0) * 1e4).round(4),
    )
    names = [*key, "base_currency", "knowledge", "nav_then", "nav_now", "difference", "difference_bp"]
    return found[names].sort_values(key, ignore_index=True)


def _as_signed(feeds: Feeds, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Table nav of the signed books of ``days``, each with the deliveries that its newest signature stood on."""
    states = pd.concat([closes.states(feeds.engine, day) for day in days], ignore_index=True)
    signatures = states[states["status"].isin(closes.SIGNED)]
    if signatures.empty:
        raise Refused(f"nothing is signed from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}: name --known-at")
    parts = []
    for _, group in signatures.groupby(["through_delivery", "recorded_at"]):  # those signed in one go know the same
        moment = with_knowledge(feeds, group.iloc[0].to_dict())
        own = pd.DatetimeIndex(group["business_date"]).unique().sort_values()
        made = derive(["nav"], own, moment.facts)["nav"].merge(group[["business_date", "book"]])
        parts.append(made.assign(knowledge=moment.name))
    return pd.concat(parts, ignore_index=True)


def _cut(feeds: Feeds, entry: Mapping[Any, Any]) -> Cut:
    through, until = int(entry["through_delivery"]), pd.Timestamp(entry["recorded_at"])
    return Cut(feeds.settings, feeds.lake, feeds.engine, through, until)


def _saw(entry: Mapping[Any, Any]) -> tuple[Any, ...]:
    """What two closes that were signed in one go have in common."""
    versions = (entry["seen"].get(name, {}).get("version") for name in STORED)
    return (*versions, entry["through_delivery"], entry["version"], entry["signed_by"])


def compared(
    feeds: Feeds, session: pd.Timestamp, one: Mapping[str, Moment], other: Mapping[str, Moment]
) -> list[Difference]:
    """What changed from ``one`` to ``other``, for each group of books that share both (``moments``)."""
    groups: dict[tuple[int, int], list[str]] = {}
    for book in one:
        if book in other:
            groups.setdefault((id(one[book]), id(other[book])), []).append(book)
    return [between(feeds, session, one[books[0]], other[books[0]], books) for books in groups.values()]


def between(feeds: Feeds, session: pd.Timestamp, one: Moment, other: Moment, books: Iterable[str]) -> Difference:
    """What changed of ``books`` on ``session`` from ``one`` to ``other``."""
    days = _sessions(feeds, session, one, other)
    states = [_state(feeds, session, moment, days, list(books)) for moment in (one, other)]
    facts = [
        {name: moment.facts.current(name, known_at=moment.known_at) for name in changes.FACTS}
        for moment in (one, other)
    ]
    rows = changes.changes(states[0], states[1], changes.origins(*facts), facts[1]["corporate_actions"]["action_id"])
    return Difference(rows, *states, one, other)


def _sessions(feeds: Feeds, session: pd.Timestamp, one: Moment, other: Moment) -> pd.DatetimeIndex:
    """The sessions up to ``session`` whose journal may be another one."""
    if one.versions is not None and other.versions is not None:
        found = feeds.lake.altered("postings", one.versions["postings"], other.versions["postings"])
        return found[found <= session]
    touching = feeds.facts.touching()
    since = touching.loc[touching["seq"] > min(one.after, other.after), "affects_from"].min()
    days = session_days(feeds.settings.calendars)
    return days[(days >= since) & (days <= session)] if pd.notna(since) else days[:0]


def _state(
    feeds: Feeds, session: pd.Timestamp, moment: Moment, days: pd.DatetimeIndex, books: list[str]
) -> changes.State:
    if moment.versions is None:
        whole = days.union(pd.DatetimeIndex([session]).as_unit("us"))
        made = derive(STORED, whole, moment.facts, moment.known_at)
        frames = {name: made[name][made[name]["business_date"] == session] for name in changes.FIGURES}
        postings = made["postings"]
    else:
        frames = {
            name: feeds.lake.read(name, session, session, version=moment.versions[name]) for name in changes.FIGURES
        }
        version = moment.versions["postings"]
        bounds = (days[0], days[-1]) if len(days) else (session, session)
        postings = feeds.lake.read("postings", *bounds, version=version)
    mine = {name: frame[frame["book"].isin(books)] if "book" in frame else frame for name, frame in frames.items()}
    postings = postings[postings["business_date"].isin(days)]
    rates = moment.facts.current("raw_fx_rates", session, session, moment.known_at)
    return changes.State(**mine, postings=postings, raw_fx_rates=rates)
