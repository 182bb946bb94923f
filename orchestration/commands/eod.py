"""``daybook eod``: compute one business date and what it needs before it."""

import gc
import time
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened, tell
from orchestration.console import DONE, NOT_CLOSABLE, Misused, err, out, table

if TYPE_CHECKING:
    from resources.feeds import Feeds

CONFIDENCE = 0.99
MOST_SHOWN = 10
COLLECT_AFTER = 100_000
"""Objects after which Python looks for circles. Most of what a first close makes are 53,000 events that live until they
are stored: at Python's own 700, it looks 4,300 times and spends 2.4 of 53 s on it; so it spends nothing, for 50 MB."""


def eod(
    date: Annotated[
        str | None, typer.Option(help="Business date; the latest with delivered prices if left out.")
    ] = None,
) -> None:
    """Take in what was delivered, compute the date and what it needs, and write the pack."""
    started = time.monotonic()
    gc.set_threshold(COLLECT_AFTER)
    asked = parse(date)
    if asked is not None and _not_a_session(asked):
        return
    parts = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    # Where nobody looks, a bar would only add lines to standard error, which is kept for one line of an error.
    with Progress(*parts, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task("taking in what was delivered", total=None)
        feeds = opened()
        import dagster as dg

        from orchestration.eod import business_date, close_of_business

        session, intake = business_date(feeds, asked)
        bars.update(task, description=f"{session:%Y-%m-%d}: loading the graph")
        from orchestration.definitions import defs

        def progress(job: str, step: str, done: int, total: int) -> None:
            bars.update(task, description=f"{session:%Y-%m-%d}: {job} · {step}", completed=done, total=total)

        with dg.DagsterInstance.get() as instance:
            close_of_business(defs, instance, feeds, session, progress)
    tell(intake)
    raise typer.Exit(_summary(feeds, session, intake.whole, time.monotonic() - started))


def _not_a_session(asked: pd.Timestamp) -> bool:
    """Whether ``asked`` is no session; says so and names its neighbours.

    Raises:
        Misused: the date is before the first or beyond the last known session.
    """
    from assets.partitions import session_days
    from resources.settings import settings

    days = session_days(settings().calendars)
    if asked < days[0] or asked > days[-1]:
        raise Misused(f"{asked:%Y-%m-%d} is outside the known sessions, {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}")
    if asked in days:
        return False
    before, after = days[days < asked][-1], days[days > asked][0]
    out.print(
        f"{asked:%Y-%m-%d} is not a session of {', '.join(settings().calendars)}:"
        f" the sessions around it are {before:%Y-%m-%d} and {after:%Y-%m-%d}"
    )
    return True


def _summary(feeds: "Feeds", session: pd.Timestamp, whole: bool, seconds: float) -> int:
    """Say what was computed; the exit code."""
    from daybook.control.closes import blocking
    from resources import closes, reports

    read = {name: feeds.lake.read(name, session, session) for name in ("nav", "pnl", "performance", "var")}
    findings = feeds.handled("findings", session, session)
    figures = by_book(**read, states=closes.states(feeds.engine, session))
    table(f"{session:%A, %Y-%m-%d}", figures, right=("NAV", "P&L", "return", "VaR 99 %"))
    against = blocking(findings)
    against = against.assign(book=against["book"].mask(against["book"] == "", "the firm"))
    against = against.groupby(["check", "reason"], as_index=False, sort=False)["book"].agg(", ".join)
    for finding in against.head(MOST_SHOWN).to_dict("records"):
        out.print(
            f"[bold red]blocks[/bold red] {escape(finding['book'])}: {finding['check']}: {escape(finding['reason'])}",
            soft_wrap=True,
        )
    if len(against) > MOST_SHOWN:
        out.print(f"and {len(against) - MOST_SHOWN} more: daybook show findings --date {session:%Y-%m-%d}")
    out.print(escape(f"pack: {reports.pack_folder(session) / 'index.html'}"), soft_wrap=True, highlight=False)
    out.print(f"[dim]{seconds:.1f} s[/dim]", highlight=False)
    return NOT_CLOSABLE if len(against) or not whole else DONE


def by_book(
    nav: pd.DataFrame, pnl: pd.DataFrame, performance: pd.DataFrame, var: pd.DataFrame, states: pd.DataFrame
) -> pd.DataFrame:
    """One row of words for each book: NAV, P&L, return, historical VaR one session ahead, state of the day."""
    of_one_day = (var["method"] == "historical") & (var["horizon_days"] == 1) & (var["confidence"] == CONFIDENCE)
    shown = nav[["book", "base_currency", "nav"]]
    for part in (
        pnl.groupby("book", as_index=False)["total"].sum(),
        performance[["book", "daily_return"]],
        var.loc[of_one_day, ["book", "var"]],
        states[["book", "status"]],
    ):
        shown = shown.merge(part, on="book", how="left")
    return pd.DataFrame(
        {
            "book": shown["book"],
            "NAV": shown["nav"].map(_money).astype("str") + " " + shown["base_currency"],
            "P&L": shown["total"].map(_money),
            "return": shown["daily_return"].map(_percent),
            "VaR 99 %": shown["var"].map(_money),
            "state": shown["status"].fillna("open"),
        }
    )


def _money(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.2f}"


def _percent(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:+.2%}"
