"""``daybook limits``: which are breached, what their owners answer, and how a limit was used session by session."""

from typing import Annotated

import pandas as pd
import typer

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import here, opened
from orchestration.console import Misused, out, table

app = typer.Typer(
    no_args_is_help=True, help="Breaches of limits: list, show, acknowledge, comment; history of a limit."
)
Ids = Annotated[list[str], typer.Argument(help="Breaches, from the list.")]
Said = Annotated[str, typer.Option(help="What you say of it; it is kept with your name.")]
Book = Annotated[str | None, typer.Option(help="Only this book.")]
OVERDUE = "overdue"
"""Status of an open breach whose owner has not answered in time."""


@app.command("list")
def listing(
    every: Annotated[bool, typer.Option("--all", help="Also what was closed.")] = False, book: Book = None
) -> None:
    """List the breaches that stand; an open one waits for an answer until due_at."""
    rows = opened().breaches.frame()
    late = rows["status"].eq("open") & (rows["due_at"] < pd.Timestamp.now("UTC"))
    rows["status"] = rows["status"].mask(late, OVERDUE)
    rows = rows if every else rows[rows["status"].ne("closed")]
    table("breaches", rows if book is None else rows[rows["book"].eq(book)])


@app.command()
def show(breach: Annotated[str, typer.Argument(help="Breach, from the list.")]) -> None:
    """Show what happened to one breach."""
    table(f"breach {breach}", opened().breaches.events(breach))


@app.command()
def acknowledge(breaches: Ids, comment: Said) -> None:
    """Answer breaches; the clock of each stops."""
    register, user = opened().breaches, here().user
    out.print(f"acknowledged: {sum(register.acknowledge(breach, user, comment) for breach in breaches)}")


@app.command()
def comment(breaches: Ids, comment: Said) -> None:
    """Say something of breaches, also of closed ones."""
    register, user = opened().breaches, here().user
    out.print(f"commented: {sum(register.comment(breach, user, comment) for breach in breaches)}")


@app.command()
def history(
    limit: Annotated[str, typer.Argument(help="Id of a limit.")],
    book: Book = None,
    bucket: Annotated[str | None, typer.Option(help="Only this bucket.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="From this date on.")] = None,
) -> None:
    """Show how a limit was used on every session whose limits were evaluated."""
    feeds = opened()
    rows = feeds.lake.read("limit_usage", parse(since), None)
    rows = rows[rows["limit"].eq(limit)]
    for name, wanted in (("book", book), ("bucket", bucket)):
        rows = rows if wanted is None else rows[rows[name].eq(wanted)]
    if rows.empty and limit not in set(feeds.facts.current("limits")["limit"]):
        raise Misused(f"there is no limit {limit!r}: `daybook show limits` lists them")
    columns = ["business_date", "book", "bucket", "value", "threshold", "utilisation", "headroom", "reached", "status"]
    table(f"limit {limit}", rows[[*columns, "reason"]])
