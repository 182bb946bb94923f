"""``daybook quarantine``: rows that were delivered and not taken in, and what a person does about them."""

from typing import Annotated

import typer

from orchestration.commands.installation import here, opened
from orchestration.console import DONE, NOT_CLOSABLE, Misused, out, table

app = typer.Typer(no_args_is_help=True, help="Rows that were not taken in: list, show, correct, release, discard.")
Ids = Annotated[list[int], typer.Argument(help="Numbers from the list.")]
Why = Annotated[str, typer.Option(help="Why; it is kept with your name.")]


@app.command("list")
def listing(all: Annotated[bool, typer.Option("--all", help="Also what was decided before.")] = False) -> None:
    """List the rows that wait for a decision."""
    rows = opened().quarantine()
    if not all:
        rows = rows[rows["status"].isin(["open", "waiting"])]
    names = ["id", "file", "line", "column", "value", "reason", "status"]
    table("quarantine", rows[names])


@app.command()
def show(number: Annotated[int, typer.Argument(help="Number from the list.")]) -> None:
    """Show one row with every value that was delivered."""
    for name, value in opened().quarantined(number).items():
        out.print(f"[bold]{name}[/bold]: {value}", highlight=False)


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
    _report(opened().inbox.correct(number, pairs, here().user, reason))


@app.command()
def release(numbers: Ids, reason: Why) -> None:
    """Try rows again as they are."""
    _report(opened().inbox.release(numbers, here().user, reason))


@app.command()
def discard(numbers: Ids, reason: Why) -> None:
    """Leave rows out for good."""
    opened().inbox.discard(numbers, here().user, reason)
    out.print(f"discarded: {len(numbers)}")


def _report(quarantined_again: int) -> None:
    out.print("taken in" if not quarantined_again else f"still refused: {quarantined_again} rows; see the list")
    raise typer.Exit(NOT_CLOSABLE if quarantined_again else DONE)
