"""``daybook status``: where a business date stands, what blocks it, and whose turn it is."""

from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.markup import escape

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened
from orchestration.console import out, table

if TYPE_CHECKING:
    from resources.feeds import Feeds
    from resources.lake import Lake


def status(
    date: Annotated[str | None, typer.Option(help="Business date; the latest computed if left out.")] = None,
) -> None:
    """Show what is done, what blocks, and who must act."""
    from daybook.control.closes import refusals
    from resources import closes

    feeds = opened()
    asked = parse(date)
    computed = feeds.lake.sessions("nav")
    session = asked if asked is not None else (computed[-1] if len(computed) else None)
    if session is None:
        out.print("nothing was computed yet: daybook eod")
        return
    nav = feeds.lake.read("nav", session, session)
    if nav.empty:
        out.print(f"{session:%Y-%m-%d} was not computed yet: daybook eod --date {session:%Y-%m-%d}")
        _what_came(feeds, session)
        _what_waits(feeds)
        return
    against = refusals(nav, feeds.handled("findings", session, session))
    signed = closes.states(feeds.engine, session).set_index("book")
    objection = closes.objection(feeds.facts, session)
    was = closes.moved(feeds.lake, session, signed.reset_index())
    rows = [
        {
            "book": book,
            "state": signed["status"].get(book, "open"),
            "signed by": signed["signed_by"].get(book, ""),
            "blocked by": "; ".join(reasons),
            "turn": _turn(signed["status"].get(book, "open"), bool(reasons), bool(objection), was.get(book)),
        }
        for book, reasons in sorted(against.items())
    ]
    table(f"{session:%Y-%m-%d}", pd.DataFrame(rows, columns=["book", "state", "signed by", "blocked by", "turn"]))
    if objection:
        out.print(objection)
    _what_came(feeds, session)
    _as_it_goes(feeds.lake, asked)
    _what_waits(feeds)


def _what_came(feeds: "Feeds", session: pd.Timestamp) -> None:
    """The feeds that are expected on ``session``, and those that are not complete, as they stand now."""
    from daybook.market.feeds import NEEDED_FOR, feed_name
    from resources import feed_outcomes

    found = feed_outcomes.standing(feeds, session)
    _when(feeds, session, found)
    rows = found[(found["calendar"] != "") | (found["outcome"] != "complete")]
    lacking = ~rows["outcome"].isin(["complete", "empty"]) & ((rows["expected_rows"] == 0) | (rows["absent"] > 0))
    of = (" of " + rows["expected_rows"].astype("str")).where(rows["expected_rows"] > 0, "")
    shown = pd.DataFrame(
        {
            "feed": feed_name(rows),
            "expected by": rows["calendar"],
            "outcome": rows["outcome"],
            "rows": rows["rows"].astype("str") + of,
            "file": rows["file"],
            "what is said": rows["reason"],
            "waits for it": rows["feed"].map(NEEDED_FOR).where(lacking, "").fillna(""),
        }
    )
    if len(shown):
        table(f"feeds of {session:%Y-%m-%d}", shown, right=["rows"])
    else:
        out.print(f"no feed is expected on {session:%Y-%m-%d}, and nothing came")


def _when(feeds: "Feeds", session: pd.Timestamp, outcomes: pd.DataFrame) -> None:
    """What is late or at risk in a line each, when the day will be done, and the steps and feeds with their times."""
    import dagster as dg

    from daybook import calendars
    from daybook.control.timeline import headlines, local, name
    from resources import timings

    market = feeds.settings.calendars[0]
    place = calendars.zone(market)
    with dg.DagsterInstance.get() as instance:
        rows = timings.look(feeds, instance, session, pd.Timestamp.now("UTC"), outcomes)
    for told in headlines(rows, market):
        out.print(f"[bold red]{escape(told)}[/bold red]", soft_wrap=True)
    steps = rows[rows["kind"] == "step"].set_index("step")
    for step in ("nav", "pack"):
        if steps["status"].get(step) not in (None, "done"):
            at = local(steps["expected_at"][step], session, place) or "nobody can tell when"
            out.print(
                f"{step} expected: {at}; it waits for {escape(steps['waits_for'][step]) or 'nothing but its turn'}"
            )
    path = name(rows[rows["critical"]].assign(calendar=""))
    out.print(f"what decides when the day is done: {escape(' > '.join(path))}", soft_wrap=True)
    # A feed that came in time, or as history, has its line among the feeds below.
    rows = rows[(rows["kind"] == "step") | (rows["status"] != "done") | rows["reason"].str.endswith("late")]
    times = {at: [local(value, session, place) for value in rows[at]] for at in ("due_at", "expected_at", "done_at")}
    shown = pd.DataFrame(
        {
            "what": name(rows.assign(calendar="")),
            "due": times["due_at"],
            "expected": times["expected_at"],
            "done": times["done_at"],
            "state": rows["status"].str.replace("_", " "),
            "waits for": rows["waits_for"],
            # The lines above say what is late or at risk, and the column before what a step waits for.
            "what is said": rows["reason"]
            .str.rsplit("; ", n=1)
            .str[-1]
            .mask(rows["status"].isin(["late", "at_risk"]), ""),
        }
    )
    table(f"when, by the clock of {place}", shown)


def _what_waits(feeds: "Feeds") -> None:
    """Rows in quarantine, breaks that somebody must explain, and what somebody asked a second person for."""
    from daybook.control.breaks import ANSWERED
    from resources import break_events, requests

    waiting = feeds.inbox.entries()
    if len(waiting):
        count = "1 row" if len(waiting) == 1 else f"{len(waiting)} rows"
        out.print(f"{count} in quarantine: daybook quarantine list")
    breaks = break_events.register(feeds)
    breaks = breaks[~breaks["status"].isin(ANSWERED)]
    if len(breaks):
        late, nobody = int(breaks["overdue"].sum()), int(breaks["owner"].eq("").sum())
        count = "1 break" if len(breaks) == 1 else f"{len(breaks)} breaks"
        out.print(f"{count} to explain, {late} overdue, {nobody} without an owner: daybook breaks list")
    for request in requests.pending(feeds.engine).to_dict("records"):
        asked = f"{request['subject']}, asked for by {request['requested_by']}: {request['reason']}"
        number = request["id"]
        out.print(f"waits for a second person: {escape(asked)}: daybook approve {number} or reject {number}")


def _as_it_goes(lake: "Lake", asked: pd.Timestamp | None) -> None:
    """Say how new the intraday tables are, those of the newest session if none is asked for."""
    from daybook.intraday import unclosed

    followed = lake.sessions("intraday_positions")
    if followed.empty or asked not in (None, *followed):
        return
    session = followed[-1] if asked is None else asked
    positions = lake.read("intraday_positions", session, session)
    held = positions[~positions["instrument"].str.startswith("CASH:")]
    newest = held["observed_at"].max()
    until = "no price was seen" if pd.isna(newest) else f"prices up to {newest:%H:%M:%S} UTC"
    out.print(
        f"{session:%Y-%m-%d} as it goes: {until}, {held['observed_at'].isna().sum()} of {len(held)} positions at older"
        f" prices: daybook show intraday_positions --date {session:%Y-%m-%d}",
        soft_wrap=True,
    )
    for told in unclosed(lake.read("prices", session, session), positions):
        out.print(escape(told), soft_wrap=True)


def _turn(state: str, blocked: bool, stale: bool, was: float | None) -> str:
    if state in ("closed", "restated") and not stale:
        if was is None:
            return ""
        return f"the signatory: NAV was {was:,.2f} when it was signed; daybook changes, then daybook restate"
    if stale:
        return "operations: daybook eod"
    return "operations: clear what blocks" if blocked else "the signatory: daybook close"
