"""``daybook quarantine``: rows that were delivered and not taken in, and what a person does about them."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from orchestration.commands.installation import here, opened
from orchestration.console import DONE, NOT_CLOSABLE, Misused, complain, out, table

if TYPE_CHECKING:
    from resources.inbox import Taken

app = typer.Typer(no_args_is_help=True, help="Rows that were not taken in: list, show, correct, release, discard.")
Ids = Annotated[list[int], typer.Argument(help="Numbers from the list.")]
Why = Annotated[str, typer.Option(help="Why; it is kept with your name.")]


@app.command("list")
def listing(every: Annotated[bool, typer.Option("--all", help="Also what was decided before.")] = False) -> None:
    """List the rows that wait for a decision."""
    statuses = ("open", "waiting", "released", "corrected", "discarded", "superseded")
    rows = opened().inbox.entries(statuses if every else statuses[:2])
    table("quarantine", rows[["id", "file", "line", "column", "value", "reason", "status"]])


@app.command()
def show(number: Annotated[int, typer.Argument(help="Number from the list.")]) -> None:
    """Show one row with every value that was delivered."""
    for name, value in opened().inbox.entry(number).items():
        out.print(f"[bold]{name}[/bold]: {escape(str(value))}", highlight=False)


@app.command()
def correct(
    number: Annotated[int, typer.Argument(help="Number from the list.")],
    values: Annotated[list[str], typer.Argument(help="column=value, once for each column to correct.")],
    reason: Why,
) -> None:
    """Give a row other values and take it in."""
    pairs = dict(pair.split("=", 1) for pair in values if "=" in pair)
    if len(pairs) != len(values):
        raise Misused(f"write corrections as column=value: {' '.join(values)}")
    _report([opened().inbox.correct(number, pairs, here().user, reason)])


@app.command()
def release(numbers: Ids, reason: Why) -> None:
    """Try rows again as they are."""
    inbox, user = opened().inbox, here().user
    _report([inbox.release(number, user, reason) for number in numbers])


@app.command()
def discard(numbers: Ids, reason: Why) -> None:
    """Leave rows out for good."""
    inbox, user = opened().inbox, here().user
    for number in numbers:
        inbox.discard(number, user, reason)
    out.print(f"discarded: {len(numbers)}")


def _report(outcomes: "list[Taken]") -> None:
    refused = [taken for taken in outcomes if taken.quarantined or taken.outcome == "failed"]
    for taken in refused:
        complain(f"still refused: {taken.file}: {taken.reason}")
    out.print(f"taken in: {sum(taken.rows for taken in outcomes)}")
    raise typer.Exit(NOT_CLOSABLE if refused else DONE)
