"""``daybook breaks``: which stand, whose turn each is, what people say of them, and which two people let stand."""

from typing import Annotated

import typer
from rich.markup import escape

from orchestration.commands.installation import date_of, given, here, opened
from orchestration.commands.installation import day as parse
from orchestration.commands.show import Format
from orchestration.commands.waive import Until, ask_for
from orchestration.console import Misused, Refused, machine, out, table

app = typer.Typer(
    no_args_is_help=True,
    help="Breaks against custodian, broker and administrator: list, show, assign, comment, explain, waive.",
)
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Breaks, from the list.")]
Said = Annotated[str, typer.Option(help="What you say of it; it is kept with your name.")]
Date = Annotated[str | None, typer.Option(help="As of this session; the latest if left out.")]
SHOWN = {
    "break_id": "id", "business_date": "last seen", "difference": "theirs - ours", "currency": "",
    "impact_base": "impact", "impact_bp": "bp", "cause": "cause", "status": "status", "owner": "owner", "age": "age",
    "due_at": "due",
}  # fmt: skip
"""Columns of the list for people, and what they are called there; ``--format csv`` has all."""
MOST = 60
SIDES = ["business_date", "ours", "theirs", "difference", "currency", "impact_base", "impact_bp", "age", "hours"]
STATE = ["status", "cause", "owner", "opened_on", "due_at", "overdue"]


@app.command("list")
def listing(
    date: Date = None,
    book: Annotated[str | None, typer.Option(help="Only this book.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what is resolved.")] = False,
    format: Annotated[Format, typer.Option(help="For people, or for programs.")] = Format.table,
) -> None:
    """List the breaks that stand, the largest of each status first; due_at is when the owner must have answered."""
    feeds, when = opened(), parse(date)
    from resources import break_events

    rows = break_events.register(feeds, when)
    rows = rows if every else rows[rows["status"] != "resolved"]
    rows = rows if book is None else rows[rows["book"] == book]
    if format is not Format.table:
        machine(rows, format)
        return
    if rows.empty:
        out.print("no break stands" + ("" if book is None else f" in {book}"))
        return
    shown = rows.assign(status=rows["status"].mask(rows["overdue"], rows["status"] + ", overdue"))
    shown = shown.assign(**{name: shown[name].round(2) + 0.0 for name in ("impact_base", "impact_bp")})
    named = shown[list(SHOWN)].rename(columns=SHOWN)
    table("breaks" if when is None else f"breaks {when:%Y-%m-%d}", named.head(MOST), whole=("id",))
    if len(named) > MOST:
        out.print(f"the first {MOST} of {len(named):,}: --format csv gives all")
    late, nobody = int(rows["overdue"].sum()), int((rows["owner"].eq("") & rows["status"].eq("open")).sum())
    count = "1 break" if len(rows) == 1 else f"{len(rows)} breaks"
    out.print(f"{count}, {late} overdue, {nobody} without an owner: daybook breaks show ID says more")


@app.command()
def show(break_id: Annotated[str, typer.Argument(metavar="ID", help="Break, from the list.")]) -> None:
    """Show one break: both sides, its cause and why, and what people did about it."""
    feeds = opened()
    from resources import break_events

    rows = break_events.register(feeds)
    found = rows[rows["break_id"] == break_id]
    if found.empty:
        raise Refused(f"there is no break {break_id!r}: daybook breaks list --all names them")
    row = found.iloc[0]
    for columns in (SIDES, STATE):
        table(f"break {break_id}", found[columns])
    if row["reason"]:
        out.print(escape(row["reason"]), highlight=False, soft_wrap=True)
    events = break_events.frame(feeds.engine)
    table("what was told and done", events[events["break_id"] == break_id].drop(columns="break_id"))


@app.command()
def assign(
    ids: Ids,
    to: Annotated[str, typer.Option(help="Who must explain them.")],
    reason: Annotated[str, typer.Option(help="What to look at.")] = "",
) -> None:
    """Say who must explain breaks; the latest to be named is the owner."""
    from resources import break_events

    _done("assigned", break_events.assign(opened(), ids, here().user, to, reason), ids, f" to {to}")


@app.command()
def comment(ids: Ids, reason: Said) -> None:
    """Say something of breaks, also of resolved ones."""
    given(reason)
    from resources import break_events

    _done("commented", break_events.comment(opened(), ids, here().user, reason), ids)


@app.command()
def explain(
    ids: Ids,
    cause: Annotated[str, typer.Option(help="One of the words of docs/control.md, as missing_trade.")],
    reason: Said,
) -> None:
    """Name the cause of breaks and how you know; they count towards what blocks a close until they are gone."""
    from daybook.control.breaks import CAUSES

    given(reason)
    if cause not in CAUSES:
        raise Misused(f"{cause!r} is no cause: one of {', '.join(CAUSES)}")
    from resources import break_events

    _done("explained", break_events.explain(opened(), ids, here().user, cause, reason), ids)


@app.command()
def waive(ids: Ids, until: Until, reason: Said) -> None:
    """Ask to let breaks stand; they do when a second person has agreed, until the date and while they do not grow."""
    given(reason)
    last = date_of(until)
    feeds = opened()
    from resources import waivers

    ask_for(feeds, waivers.wish_for_breaks(feeds, ids, last), reason)


def _done(word: str, count: int, ids: list[str], more: str = "") -> None:
    same = len(set(ids)) - count
    said = f"; of {same} you had said the same last" if same else ""
    out.print(escape(f"{word}{more}: {count}{said}"), highlight=False)
