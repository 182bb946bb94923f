"""``daybook ui``, ``stop`` and ``doctor``: the processes of the installation."""

import sys
from typing import Annotated

import pandas as pd
import typer

from orchestration import services
from orchestration.commands import duties
from orchestration.commands.installation import here
from orchestration.console import DONE, FAILED, out, table


def ui(port: Annotated[int, typer.Option(help="Port of the webserver on 127.0.0.1.")] = services.PORT) -> None:
    """Start PostgreSQL, the Dagster UI and its daemon in the background."""
    out.print(f"the UI is at {services.start(here(), port)}; daybook stop ends it")


def stop() -> None:
    """Stop the UI, the daemon and the embedded PostgreSQL."""
    ended = services.stop(here())
    out.print(f"stopped: {', '.join(ended)}" if ended else "nothing was running")


def doctor(
    audit: Annotated[bool, typer.Option("--audit", help="Verify the chain of acts and who acted alone.")] = False,
) -> None:
    """Look at the installation: versions, PostgreSQL, lake, disk, processes; with --audit at the chain of acts."""
    if audit:
        duties.verify()
    from orchestration.diagnosis import diagnose

    found = diagnose(here())
    table("doctor", pd.DataFrame(found, columns=["part", "ok", "what was found"]))
    sys.stdout.flush()
    raise typer.Exit(DONE if all(ok == "yes" for _, ok, _ in found) else FAILED)
