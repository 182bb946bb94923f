"""``daybook backfill``: the history of years, in runs of some hundred sessions each, begun again where it stopped."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened, tell
from orchestration.console import DONE, NOT_CLOSABLE, Misused, Refused, err, out

if TYPE_CHECKING:
    from orchestration.plan import Span
    from resources.feeds import Feeds

CHUNK = 250
"""A year of sessions: a run of seconds, and that much is computed again after a kill."""


class Order(StrEnum):
    """Which sessions are computed first."""

    newest = "newest"
    oldest = "oldest"


def backfill(
    since: Annotated[
        str | None, typer.Option("--from", help="First session; the first with prices if left out.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Last session; the latest with prices if left out.")] = None,
    order: Annotated[Order, typer.Option(help="Which years come first.")] = Order.newest,
    chunk: Annotated[int, typer.Option(help="Sessions of one run.", min=1)] = CHUNK,
    books: Annotated[
        bool, typer.Option("--books", help="Then the books as well, oldest first, up to the day before the latest.")
    ] = False,
) -> None:
    """Complete prices, rates and returns of all sessions before the first trade; what stands already is left alone."""
    first, last = parse(since), parse(until)
    if first is not None and last is not None and first > last:
        raise Misused(f"--from {since} is after --until {until}")
    if books and first is not None:
        raise Misused("--books stands on everything before it (linked returns, 500 sessions of VaR): leave out --from")
    parts = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*parts, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task("taking in what was delivered", total=None)
        feeds = opened()
        intake = feeds.collect(last)
        latest = feeds.latest_priced_session()
        if latest is None:
            raise Refused("no prices: nothing usable was delivered, see daybook quarantine list")
        from orchestration.plan import before, pieces

        end = latest if last is None else min(last, latest)
        market, traded = before(feeds.facts, feeds.settings, end + pd.Timedelta(days=1))
        missing = feeds.facts.stale_sessions(market if first is None else market[market >= first])
        work = [("market_history", span) for span in pieces(market, missing, chunk, order is Order.newest)]
        if books:
            history = traded[traded < latest]
            missing = missing.append(_from_the_first(feeds, history))
            work += [("history", span) for span in pieces(history, missing, chunk, newest_first=False)]
        bars.update(task, total=len(missing))

        def done(job: str, span: "Span") -> None:
            within = (missing >= span[0]) & (missing <= span[1])
            bars.update(task, description=f"{job} {span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d}", advance=int(within.sum()))

        _run(feeds, market, work, done)
    tell(intake)
    out.print(f"{len(missing):,} sessions computed in {len(work)} runs", highlight=False)
    left = feeds.facts.stale_sessions(traded)
    if len(left):
        out.print(
            f"{len(left):,} sessions of the books, from {left[0]:%Y-%m-%d} on, are left to daybook eod"
            + ("" if books else " or --books"),
            highlight=False,
        )
    raise typer.Exit(DONE if intake.whole else NOT_CLOSABLE)


def _run(
    feeds: "Feeds", market: pd.DatetimeIndex, work: "list[tuple[str, Span]]", done: "Callable[[str, Span], None]"
) -> None:
    """Execute ``work`` in its order; ``done`` is told of each run that ended well.

    Raises:
        Refused: a run failed; what was computed before it stands.
    """
    import dagster as dg

    from assets.partitions import PRIOR
    from orchestration.definitions import defs
    from orchestration.eod import run

    with dg.DagsterInstance.get() as instance:
        for job, span in work:
            at = market.searchsorted(span[0])
            opening = market[max(at - PRIOR, 0) : at]
            # Returns begin from the prices of the session before, which an older range may have yet to compute.
            if job == "market_history" and len(feeds.facts.stale_sessions(opening)):
                run(defs, instance, "market_opening", (opening[0], opening[-1]), lambda *_: None)
            run(defs, instance, job, span, lambda *_: None)
            done(job, span)


def _from_the_first(feeds: "Feeds", sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """``sessions`` from the first that does not stand: positions and linked returns carry forward."""
    stale = feeds.facts.stale_sessions(sessions)
    return sessions[sessions >= stale[0]] if len(stale) else stale
