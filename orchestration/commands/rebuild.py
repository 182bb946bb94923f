"""``daybook rebuild``: every table once more from the facts, to be written or, with ``--verify``, to be compared."""

from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.commands.installation import opened
from orchestration.commands.show import Format
from orchestration.console import DONE, FAILED, err, machine, out, table


def rebuild(
    verify: Annotated[bool, typer.Option("--verify", help="Compare content hashes and write nothing.")] = False,
    format: Annotated[Format, typer.Option(help="Differences for people, or for programs.")] = Format.table,
) -> None:
    """Derive every computed table again from the facts; write it, or with --verify say what differs (exit code 1)."""
    parts = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*parts, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task("loading the graph", total=None)
        feeds = opened()
        import dagster as dg

        from orchestration import rebuild as rebuilding
        from orchestration.definitions import defs

        def progress(text: str) -> None:
            bars.update(task, description=text)

        if not verify:
            with dg.DagsterInstance.get() as instance:
                runs = rebuilding.rebuild(defs, instance, feeds, progress)
            out.print(f"every computed session was computed again, in {runs} runs", highlight=False)
            raise typer.Exit(DONE)
        found = rebuilding.verify(feeds, progress)
    if format is not Format.table:
        machine(found.differences, format)
    else:
        if len(found.differences):
            table("not what the facts give", found.differences)
        sessions = max(found.compared.values(), default=0)
        out.print(
            f"{len(found.compared)} tables on up to {sessions:,} sessions derived again from the facts:"
            f" {len(found.differences) or 'no'} differences",
            highlight=False,
        )
        out.print(f"made of more than facts, so not compared: {', '.join(found.left)}", highlight=False)
        if len(found.passed):
            out.print(
                "history computed again since, so the tables of the date alone were not compared (daybook eod --date):"
                f" {', '.join(f'{day:%Y-%m-%d}' for day in found.passed)}",
                highlight=False,
            )
    raise typer.Exit(FAILED if len(found.differences) else DONE)
