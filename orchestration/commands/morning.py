"""``daybook morning``: the page that is read before the market opens."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened
from orchestration.console import Refused, out

NARROW = 100
"""Characters of the narrowest page: a line that is cut shorter says nothing."""


def morning(
    date: Annotated[str | None, typer.Option(help="Business date; the latest computed if left out.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the page to this file, not to the folder of reports.")
    ] = None,
) -> None:
    """Show on one page what ran, was late, overridden, waived, broken, unexplained, breached, signed; whose turn."""
    feeds = opened()
    import dagster as dg

    from daybook.pack import morning as page
    from resources import morning as gathered
    from resources import reports

    session = parse(date) or gathered.latest(feeds)
    if session is None:
        raise Refused("nothing was computed yet: daybook eod")
    with dg.DagsterInstance.get() as instance:
        found = gathered.look(feeds, instance, session, pd.Timestamp.now("UTC"))
    if found.nav.empty:
        raise Refused(f"{session:%Y-%m-%d} was not computed: daybook eod --date {session:%Y-%m-%d}")
    for line in page.text(found, max(out.width, NARROW)):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    if html is None:
        html = reports.write_morning(session, page.html(found))
    else:
        html.write_text(page.html(found), encoding="utf-8")
    out.print(f"written to {html}", markup=False, highlight=False, soft_wrap=True)
