"""``daybook post``, ``cancel`` and ``elect``: what one person enters by hand, and a second one must agree to."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from orchestration.commands.impact import tell
from orchestration.commands.installation import day as parse
from orchestration.commands.installation import given, here, opened
from orchestration.console import Misused, Refused, out

if TYPE_CHECKING:
    from resources.feeds import Feeds
    from resources.requests import Wish

Why = Annotated[str, typer.Option(help="Why; it is kept with your name and shown in the pack.")]


def post(
    files: Annotated[list[Path], typer.Argument(help="Files named <table>_<date>[_<suffix>].<csv|parquet>.")],
    reason: Why,
) -> None:
    """Ask for FILES to be taken in as a correction; they count when a second person has agreed."""
    given(reason)
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise Refused(f"no such file: {', '.join(missing)}")
    content = {file.name: file.read_bytes() for file in files}
    if len(content) < len(files):
        raise Refused("two of the files have the same name: one would take the place of the other")
    feeds = opened()
    from resources import posted

    _ask(feeds, posted.post_wish(content), reason, content)


def cancel(
    transaction: Annotated[str, typer.Argument(help="Id of the transaction.")],
    reason: Why,
) -> None:
    """Ask for TRANSACTION to be cancelled, as if it had never been; it is when a second person has agreed."""
    given(reason)
    feeds = opened()
    from resources import posted

    _ask(feeds, posted.cancel_wish(feeds, transaction), reason)


def elect(
    action: Annotated[str, typer.Argument(help="Id of the corporate action.")],
    book: Annotated[str, typer.Argument(help="The book that elects.")],
    choice: Annotated[str, typer.Argument(help="exercise or lapse of rights, cash or stock of a dividend.")],
    reason: Why,
    quantity: Annotated[str, typer.Option(help="Units that it is for; all that the book holds if left out.")] = "",
    date: Annotated[str | None, typer.Option(help="When it was elected; the latest session with prices.")] = None,
) -> None:
    """Ask for what BOOK elects where a corporate action leaves a choice; it counts when a second person has agreed."""
    given(reason)
    units, asked = _units(quantity), parse(date)
    feeds = opened()
    from resources import posted

    elected_on = feeds.latest_priced_session() if asked is None else asked
    if elected_on is None:
        raise Refused("no price was delivered yet, so there is no date of the election: give --date")
    _ask(feeds, posted.elect_wish(feeds, action, book, choice, units, elected_on), reason)


def _ask(feeds: "Feeds", wish: "Wish", reason: str, files: Mapping[str, bytes] | None = None) -> None:
    """Ask for ``wish`` and show what it would change; what could not be taken in is refused, and not entered."""
    from orchestration.derivation import impact
    from resources import posted

    user = here().user
    effect = impact(feeds, lambda doors: posted.suppose(doors, wish, user, files))[1]
    number = posted.request(feeds, wish, user, reason, files)
    out.print(escape(f"request {number}: {wish.subject}"), highlight=False)
    tell(effect)
    whose = f"nothing changes until somebody else agrees: daybook approve {number} as another DAYBOOK_USER"
    out.print(escape(whose), highlight=False)


def _units(text: str) -> float | None:
    if not text:
        return None
    try:
        units = Decimal(text.strip())
    except InvalidOperation:
        units = Decimal(0)
    if not units.is_finite() or units <= 0:
        raise Misused(f"--quantity {text!r} is no number of units: it must be above zero")
    return float(units)
