"""``daybook status``: where a business date stands, what blocks it, and whose turn it is."""

from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.markup import escape

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened
from orchestration.console import out, table

if TYPE_CHECKING:
    from resources.lake import Lake


def status(
    date: Annotated[str | None, typer.Option(help="Business date; the latest computed if left out.")] = None,
) -> None:
    """Show what is done, what blocks, and who must act."""
    from daybook.closing import refusals
    from resources import closes

    feeds = opened()
    asked = parse(date)
    computed = feeds.lake.sessions("nav")
    session = asked if asked is not None else (computed[-1] if len(computed) else None)
    if session is None:
        out.print("nothing was computed yet: daybook eod")
        return
    nav = feeds.lake.read("nav", session, session)
    against = refusals(nav, feeds.lake.read("findings", session, session))
    signed = closes.states(feeds.engine, session).set_index("book")
    objection = closes.objection(feeds.facts, session)
    rows = [
        {
            "book": book,
            "state": signed["status"].get(book, "open"),
            "signed by": signed["signed_by"].get(book, ""),
            "blocked by": "; ".join(reasons),
            "turn": _turn(signed["status"].get(book, "open"), bool(reasons), bool(objection)),
        }
        for book, reasons in sorted(against.items())
    ]
    table(f"{session:%Y-%m-%d}", pd.DataFrame(rows, columns=["book", "state", "signed by", "blocked by", "turn"]))
    if objection:
        out.print(objection)
    _as_it_goes(feeds.lake, asked)
    waiting = feeds.inbox.entries()
    if len(waiting):
        out.print(f"{len(waiting)} rows in quarantine: daybook quarantine list")


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


def _turn(state: str, blocked: bool, stale: bool) -> str:
    if state == "closed" and not stale:
        return ""
    if stale:
        return "operations: daybook eod"
    return "operations: clear what blocks" if blocked else "the signatory: daybook close"
