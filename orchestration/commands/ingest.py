"""``daybook ingest``: put files through the inbox now."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from orchestration.commands.installation import opened
from orchestration.console import DONE, NOT_CLOSABLE, Refused, out, table

if TYPE_CHECKING:
    from resources.feeds import Feeds


def ingest(
    files: Annotated[list[Path], typer.Argument(help="Files named <table>_<date>[_<suffix>].<csv|parquet>.")],
) -> None:
    """Copy FILES into the inbox and take them in now; an inbox in an object store stays as it is."""
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise Refused(f"no such file: {', '.join(missing)}")
    doors = opened()
    known = doors.facts.touching()["seq"]
    report = doors.inbox.ingest(files)
    columns = ["file", "table", "rows", "quarantined", "outcome", "reason"]
    table(
        "taken in",
        pd.DataFrame([{name: getattr(taken, name) for name in columns} for taken in report.files], columns=columns),
    )
    if any(taken.quarantined for taken in report.files):
        out.print("what was quarantined, and why: daybook quarantine list")
    if signed := _signed(doors, known):
        out.print(f"signed days that stand on facts that changed: {signed}", soft_wrap=True, markup=False)
    raise typer.Exit(DONE if report.whole else NOT_CLOSABLE)


def _signed(doors: "Feeds", known: "pd.Series[int]") -> str:
    """The signed days, and their books, that deliveries other than those ``known`` touch."""
    from resources import closes

    touching = doors.facts.touching()
    since = touching.loc[~touching["seq"].isin(known), "affects_from"].min()
    if pd.isna(since):
        return ""
    signed = closes.signed(doors.engine, since)
    if signed.empty:
        return ""
    first, last = signed["business_date"].min(), signed["business_date"].max()
    days = f"{first:%Y-%m-%d}" + (f" to {last:%Y-%m-%d}" if last > first else "")
    return f"{days} ({', '.join(sorted(set(signed['book'])))})"
