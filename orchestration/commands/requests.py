"""``daybook requests``, ``approve`` and ``reject``: the second person's word on what somebody asked for."""

from typing import Annotated

import typer
from rich.markup import escape

from orchestration.commands.impact import of_approval, tell
from orchestration.commands.installation import here, opened
from orchestration.console import Misused, out, table

Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the request.")]


def listing() -> None:
    """List what was asked for and waits for a second person, oldest first."""
    feeds = opened()
    from resources import requests

    waits = requests.pending(feeds.engine)
    if waits.empty:
        out.print("nothing waits for a second person")
        return
    names = {"id": "id", "kind": "kind", "subject": "what", "requested_by": "asked by", "requested_at": "at"}
    table("requests that wait for a second person", waits[[*names, "reason"]].rename(columns=names))
    out.print("daybook approve ID or daybook reject ID --reason R, as another person than who asked")


def approve(
    number: Id, reason: Annotated[str, typer.Option(help="What you looked at; kept with your name.")] = ""
) -> None:
    """Agree to a request that somebody else made; it takes effect at once."""
    feeds = opened()
    from resources import requests, waivers

    waived = requests.find(feeds.engine, number)["kind"] == waivers.KIND
    effect = None if waived else of_approval(feeds, number, here().user)
    done = requests.approve(feeds.inbox, number, here().user, reason)
    out.print(escape(f"request {number} approved by {done['decided_by']}: {done['subject']}"), highlight=False)
    if effect is None:
        out.print("it holds at once, and ends by itself: daybook status says what still blocks")
        return
    tell(effect)
    out.print("the results that it touches are stale now: daybook eod computes them again")


def reject(number: Id, reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")]) -> None:
    """Refuse a request, or withdraw your own; nothing comes of it."""
    if not reason.strip():
        raise Misused("--reason is empty: say why, for who asked")
    feeds = opened()
    from resources import requests

    done = requests.reject(feeds.inbox, number, here().user, reason)
    out.print(escape(f"request {number} rejected by {done['decided_by']}: {done['subject']}"), highlight=False)
