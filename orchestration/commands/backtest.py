"""``daybook backtest``: VaR of every book against what it then earned, over any period."""

from typing import Annotated

import pandas as pd
import typer

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened
from orchestration.commands.show import Format
from orchestration.console import Misused, Refused, machine, out, table

TOLD = [
    "book", "method", "confidence", "horizon_days", "pnl_basis", "observations", "exceptions", "kupiec_p", "coverage_p",
    "mixed_p", "zone", "es_z", "es_p", "struck",
]  # fmt: skip
"""What is shown to people; csv and json have everything."""
PROBABILITIES = ("kupiec_p", "coverage_p", "mixed_p", "es_p")


def backtest(
    first: Annotated[str, typer.Argument(help="The first date of P&L.")],
    last: Annotated[str, typer.Argument(help="The last one.")],
    book: Annotated[str | None, typer.Option(help="Only this book.")] = None,
    format: Annotated[Format, typer.Option(help="For people, or for programs.")] = Format.table,
) -> None:
    """Back-test the VaR of every session from FIRST to LAST, a calendar year say, by book and method."""
    begin, end = parse(first), parse(last)
    if begin is None or end is None or end < begin:
        raise Misused(f"{last} is before {first}: the first date comes first")
    from assets.partitions import session_days
    from daybook.risk.backtest import FORECAST, LOOK_BACK, over
    from resources import records

    feeds = opened()
    days = session_days(feeds.settings.calendars)
    since: pd.Timestamp = days[max(int(days.searchsorted(begin)) - LOOK_BACK, 0)]
    var = feeds.lake.read("var", since, end, FORECAST)
    nav_bridge, nav = (feeds.lake.read(name, since, end) for name in ("nav_bridge", "nav"))
    rows = over(var, nav_bridge, nav, records.dated("struck_var", feeds.engine, since, end), begin, end)
    if book is not None:
        rows = rows[rows["book"] == book]
    if rows.empty:
        of = "" if book is None else f" of {book}"
        raise Refused(f"there is no VaR{of} to test from {first} to {last}: daybook eod computes it")
    if format is not Format.table:
        return machine(rows, format)
    table(f"back-test of VaR from {first} to {last}", rows[TOLD].round({"es_z": 2} | dict.fromkeys(PROBABILITIES, 4)))
    for status, of in rows[rows["status"] != "ok"].groupby("status", sort=True):
        out.print(f"{status}: {len(of)} of {len(rows)} rows")
    return None
