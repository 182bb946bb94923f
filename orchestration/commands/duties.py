"""``daybook doctor --audit`` and ``daybook duties``: whether the chain of acts is whole, and who acted alone."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened
from orchestration.console import DONE, FAILED, complain, out, table

if TYPE_CHECKING:
    import pandas as pd

    from resources.feeds import Feeds

_SHOWN = {"at": "at", "person": "person", "rule": "rule", "subject": "what", "stands_on": "stands on"}


def verify() -> None:
    """Verify the chain of acts byte for byte, and everything that holds on to it; exit 1 where anything is wrong."""
    feeds = opened()
    from resources import audit

    packs = audit.packed(feeds.settings.home / "reports")
    faults = audit.look(feeds.engine, packs)
    with feeds.engine.connect() as connection:
        event, sealed = audit.head(connection)
    if faults.empty:
        out.print(f"the chain of {event} acts is whole, up to {sealed[:12]}; {len(packs)} packs hold on to it")
    else:
        table(f"what is wrong with the chain of {event} acts", faults, rows=len(faults))
        first = faults.iloc[0]
        where = f"act {first['event']}, {first['column']}" if first["event"] else "an act is missing"
        complain(f"the chain of acts is not what it was: {where}: {first['fault']}")
    alone = _alone(feeds, None, None)
    raise typer.Exit(FAILED if len(faults) or len(alone) else DONE)


def duties(
    since: Annotated[str | None, typer.Option("--from", help="Acts from this date on, in UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="Acts up to this date.")] = None,
) -> None:
    """Show who did what, and what one person did alone that two should have done; exit 1 where anybody did."""
    feeds = opened()
    from daybook.control import duties as rules
    from resources import audit

    acts = _between(audit.acts(feeds.engine), since, until)
    table("acts by person", rules.tally(acts[acts["act"] != audit.BEGIN]))
    raise typer.Exit(FAILED if len(_alone(feeds, since, until)) else DONE)


def _alone(feeds: "Feeds", since: str | None, until: str | None) -> "pd.DataFrame":
    """Show what one person did alone."""
    from resources import audit

    found = _between(audit.alone(feeds.engine), since, until)
    if found.empty:
        out.print("nobody did alone what two should have done")
    else:
        table("what one person did alone", found[list(_SHOWN)].rename(columns=_SHOWN), rows=len(found))
    return found


def _between(rows: "pd.DataFrame", since: str | None, until: str | None) -> "pd.DataFrame":
    days = rows["at"].dt.tz_localize(None).dt.normalize()
    first, last = parse(since), parse(until)
    if first is not None:
        rows = rows[days >= first]
    return rows if last is None else rows[days.reindex(rows.index) <= last]
