"""``daybook impact``: what files would change, before they are applied."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from orchestration.commands.installation import opened
from orchestration.commands.show import Format
from orchestration.console import DONE, NOT_CLOSABLE, Refused, machine, out, table

if TYPE_CHECKING:
    from orchestration.derivation import Impact
    from resources.feeds import Feeds
    from resources.inbox import Intake

SOMEBODY = "a second person"
"""Who would approve a request, where nobody has yet."""
TAKEN = ["file", "table", "rows", "quarantined", "outcome", "reason"]
SHOWN = ("difference", "difference_bp")
REFUSED = ["file", "line", "column", "value", "reason"]


def impact(
    files: Annotated[list[Path], typer.Argument(help="Files named <table>_<date>[_<suffix>].<csv|parquet>.")],
    format: Annotated[Format, typer.Option(help="For people, or for programs.")] = Format.table,
) -> None:
    """Show what FILES would change if they were taken in: NAV by book and date, and every signature; apply nothing."""
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise Refused(f"no such file: {', '.join(missing)}")
    feeds = opened()
    from orchestration.derivation import impact as found

    def take_in(doors: "Feeds") -> "tuple[Intake, pd.DataFrame]":
        known = set(doors.inbox.entries()["id"])
        report, entries = doors.inbox.ingest(files), doors.inbox.entries()
        return report, entries[~entries["id"].isin(known)]

    (report, quarantined), effect = found(feeds, take_in)
    if format is Format.table:
        table(
            "would be taken in",
            pd.DataFrame([{name: getattr(file, name) for name in TAKEN} for file in report.files], columns=TAKEN),
        )
        if len(quarantined):
            table("would be quarantined", quarantined[REFUSED])
        tell(effect)
    else:
        machine(effect.rows, format)
    raise typer.Exit(NOT_CLOSABLE if len(effect.signed) else DONE)


def of_approval(feeds: "Feeds", number: int, who: str = SOMEBODY) -> "Impact":
    """What it would change if ``who`` approved the request of that number. Raises as ``resources.requests.suppose``."""
    from orchestration.derivation import impact as found
    from resources import requests

    return found(feeds, lambda doors: requests.suppose(doors.inbox, number, who))[1]


def tell(effect: "Impact") -> None:
    """Print what changes: a line for each book, then each signature."""
    if effect.since is None:
        out.print("no result changes")
        return
    if effect.sessions.empty:
        out.print(f"facts change from {effect.since:%Y-%m-%d} on; no book was computed from then on")
        return
    changed = effect.rows[effect.rows["difference"] != 0]
    first, last = effect.sessions[0], effect.sessions[-1]
    if changed.empty:
        out.print(f"NAV stays what it is on every session from {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    else:
        table(f"NAV from {first:%Y-%m-%d} to {last:%Y-%m-%d}", summary(changed, last))
    if len(effect.signed):
        signed = effect.signed[["business_date", "book", "version", "signed_by", *SHOWN]]
        table("signed on facts that change", _rounded(signed))
    else:
        out.print("nothing signed is touched")


def summary(changed: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """One row for each book: which sessions change, and NAV on the worst of them and on the last one computed.

    Args:
        changed: ``Impact.rows`` of which ``difference`` is not zero; where a NAV is missing it is the worst.
        last: the last session computed.
    """
    size = changed["difference"].abs().fillna(float("inf"))
    worst = changed.loc[size.groupby(changed["book"]).idxmax()].set_index("book")
    dates = changed.groupby("book")["business_date"].agg(first="min", last="max", sessions="size")
    names = {"business_date": "worst", "nav_before": "NAV before", "nav_after": "NAV after", "difference_bp": "bp"}
    at = worst.rename(columns=names)[["worst", "NAV before", "NAV after", "difference", "bp"]]
    now = changed[changed["business_date"] == last].set_index("book").reindex(dates.index)[list(SHOWN)]
    now.loc[dates["last"] < last] = 0.0
    now.columns = pd.Index([f"on {last:%Y-%m-%d}", "bp then"])
    return _rounded(dates.join(at).join(now).reset_index())


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Money and basis points to two places."""
    return frame.round(dict.fromkeys(frame.select_dtypes("float").columns, 2))
