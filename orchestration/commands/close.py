"""``daybook close``: sign a business date."""

from typing import Annotated

import typer
from rich.markup import escape

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import here, opened
from orchestration.console import FAILED, Misused, Refused, complain, out


def close(
    date: Annotated[str, typer.Argument(help="Business date to sign.")],
    book: Annotated[str | None, typer.Option(help="Only this book.")] = None,
) -> None:
    """Sign a computed business date as DAYBOOK_USER; refused while a blocking finding stands."""
    from daybook.control.closes import refusals
    from resources import closes, register

    session = parse(date)
    if session is None:
        raise Misused("name a business date")
    feeds, user = opened(), here().user
    nav = feeds.lake.read("nav", session, session)
    if nav.empty:
        raise Refused(f"{date} was not computed: run daybook eod --date {date}")
    findings = feeds.handled("findings", session, session)
    against = refusals(nav, findings)
    if book is not None:
        if book not in against:
            raise Refused(f"there is no book {book!r} on {date}: {', '.join(sorted(against))}")
        against = {book: against[book]}
    if objection := closes.objection(feeds.facts, session):
        raise Refused(objection)
    through = register.through(feeds.engine, session) or 0
    seen = closes.seen(feeds.lake, session)
    returns = feeds.lake.read("performance", last=session)
    for name, reasons in sorted(against.items()):
        if reasons:
            complain(f"refused: {name} {date}: {'; '.join(reasons)}")
        else:
            version = closes.sign(feeds.engine, session, name, user, seen, through, returns[returns["book"] == name])
            out.print(f"closed {name} {date}, version {version}, signed by {user}", highlight=False)
            waived = findings[findings["status"].eq("waived") & findings["book"].isin([name, ""])]
            for finding in waived.itertuples(index=False):
                out.print(escape(f"  although {finding.check}: {finding.reason}"), highlight=False)
            overridden = findings[(findings["check"] == "price_override") & (findings["book"] == name)]
            for price in overridden.itertuples(index=False):
                out.print(escape(f"  with the price of {price.instrument} overridden: {price.reason}"), highlight=False)
    if any(against.values()):
        raise typer.Exit(FAILED)
