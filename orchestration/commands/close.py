"""``daybook close``: sign a business date."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer
from rich.markup import escape

from orchestration.commands.installation import date_of, here, opened
from orchestration.console import FAILED, Refused, complain, out

if TYPE_CHECKING:
    from resources.feeds import Feeds


def close(
    date: Annotated[str, typer.Argument(help="Business date to sign.")],
    book: Annotated[str | None, typer.Option(help="Only this book.")] = None,
) -> None:
    """Sign a computed business date as DAYBOOK_USER; refused while a blocking finding stands."""
    from resources import closes, register

    session = date_of(date)
    feeds, user = opened(), here().user
    through, seen = register.through(feeds.engine, session) or 0, closes.seen(feeds.lake, session)
    against = blocked(feeds, session)
    if book is not None:
        if book not in against:
            raise Refused(f"there is no book {book!r} on {date}: {', '.join(sorted(against))}")
        against = {book: against[book]}
    states = closes.states(feeds.engine, session)
    states = states[states["book"].isin(against) & states["status"].isin(closes.SIGNED)]
    altered = closes.altered(feeds.lake, session, states)
    same = {row["book"]: int(row["version"]) for row in states.to_dict("records") if row["book"] not in altered}
    returns = feeds.lake.read("performance", last=session)
    before = closes.unsigned_before(feeds.engine, session, feeds.lake.read("nav", None, session))
    findings = feeds.handled("findings", session, session)
    failed = False
    with unmoved(feeds, session, seen):
        for name, reasons in sorted(against.items()):
            if reasons:
                failed = True
                complain(f"refused: {name} {date}: {'; '.join(reasons)}")
                continue
            mine, known = returns[returns["book"] == name], same.get(name)
            try:
                version, who, new = closes.sign(feeds.engine, session, name, user, seen, through, mine, known)
            except closes.CloseRefused as error:
                failed = True
                complain(f"refused: {error}")
                continue
            if not new:
                stays = f"{name} {date} stays version {version}, signed by {who}: nothing changed since"
                out.print(escape(stays), highlight=False)
                continue
            out.print(escape(f"closed {name} {date}, version {version}, signed by {user}"), highlight=False)
            _what_it_stands_on(findings[findings["book"].isin([name, ""])], before.get(name, []))
    if failed:
        raise typer.Exit(FAILED)


def blocked(feeds: "Feeds", session: pd.Timestamp) -> Mapping[str, tuple[str, ...]]:
    """What stands against signing each book of ``session``, an empty tuple where nothing does.

    Raises:
        Refused: the session was not computed.
    """
    from daybook.control.closes import refusals

    nav = feeds.lake.read("nav", session, session)
    if nav.empty:
        raise Refused(f"{session:%Y-%m-%d} was not computed: run daybook eod --date {session:%Y-%m-%d}")
    return refusals(nav, feeds.handled("findings", session, session))


@contextmanager
def unmoved(feeds: "Feeds", session: pd.Timestamp, seen: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Insist that ``session`` is still what was looked at before, and let nothing come in until all of it is signed.

    What is delivered meanwhile waits, and is then judged as dated into a closed period.

    Args:
        feeds: the doors.
        session: the date.
        seen: ``closes.seen``, taken before anything else was read.

    Raises:
        Refused: it is not computed to the end, facts have changed, or it was computed again meanwhile.
    """
    from resources import closes

    with feeds.inbox.alone():
        if objection := closes.objection(feeds.facts, session):
            raise Refused(objection)
        if any(
            feeds.lake.version(name) != entry["version"] for name, entry in seen.items()
        ) and not closes.same_content(seen, closes.seen(feeds.lake, session)):
            raise Refused(f"{session:%Y-%m-%d} was computed again meanwhile: daybook status, then sign what stands now")
        yield


def _what_it_stands_on(findings: pd.DataFrame, before: list[pd.Timestamp]) -> None:
    """Say what was waived, what was overridden, and which sessions before nobody signed."""
    for finding in findings[findings["status"] == "waived"].itertuples(index=False):
        out.print(escape(f"  although {finding.check}: {finding.reason}"), highlight=False)
    for price in findings[findings["check"] == "price_override"].itertuples(index=False):
        out.print(escape(f"  with the price of {price.instrument} overridden: {price.reason}"), highlight=False)
    if before:
        days = f"{before[0]:%Y-%m-%d}" + (f" to {before[-1]:%Y-%m-%d}" if len(before) > 1 else "")
        count = "1 session" if len(before) == 1 else f"{len(before)} sessions"
        out.print(f"  {count} since the signature before it ({days}) nobody signed", highlight=False)
