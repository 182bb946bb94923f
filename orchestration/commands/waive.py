"""``daybook waive``: ask that findings may stand although they block a close."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from orchestration.commands.installation import date_of, given, here, opened
from orchestration.console import out

if TYPE_CHECKING:
    from resources.feeds import Feeds
    from resources.requests import Wish

Until = Annotated[str, typer.Option(help="Last session on which it holds.")]


def waive(
    check: Annotated[str, typer.Argument(help="Name of the check, as daybook show findings has it.")],
    date: Annotated[str, typer.Option(help="Session on which it stands; the waiver holds from then on.")],
    until: Until,
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name and shown in the pack.")],
    book: Annotated[str, typer.Option(help="Book of the findings; left out for one about no book.")] = "",
    instrument: Annotated[
        str | None, typer.Option(help="Only the finding about it; every one that stands if left out.")
    ] = None,
) -> None:
    """Ask to let the findings of CHECK stand; they do when a second person has agreed, until they grow or expire."""
    given(reason)
    session, last = date_of(date), date_of(until)
    feeds = opened()
    from resources import waivers

    ask_for(feeds, waivers.wish(feeds, check, session, book, instrument, last), reason)


def ask_for(feeds: "Feeds", wish: "Wish", reason: str) -> None:
    """Enter a wish for a waiver, and say whose turn it is."""
    from resources import requests

    number = requests.ask(feeds.engine, wish, here().user, reason)
    out.print(escape(f"request {number}: {wish.subject}"), highlight=False, soft_wrap=True)
    out.print(f"nothing changes until somebody else agrees: daybook approve {number} as another DAYBOOK_USER")
