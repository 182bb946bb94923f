"""``daybook ingest``: put files through the inbox now."""

import shutil
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from orchestration.commands.installation import here, opened
from orchestration.console import DONE, NOT_CLOSABLE, Refused, table


def ingest(
    files: Annotated[list[Path], typer.Argument(help="Files named <table>_<date>[_<suffix>].<csv|parquet>.")],
) -> None:
    """Copy FILES into the inbox and take them in now."""
    settings = here()
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise Refused(f"no such file: {', '.join(missing)}")
    for file in files:
        target = settings.home / "inbox" / file.name
        if file.resolve() != target.resolve():
            shutil.copyfile(file, target)
    report = opened().inbox.take_in([file.name for file in files])
    columns = ["file", "table", "rows", "quarantined", "outcome", "reason"]
    table(
        "taken in",
        pd.DataFrame([{name: getattr(taken, name) for name in columns} for taken in report.files], columns=columns),
    )
    raise typer.Exit(NOT_CLOSABLE if report.quarantined else DONE)
