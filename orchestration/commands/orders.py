"""``daybook orders``: approve, reject, send and cancel what the day proposed."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import here, opened
from orchestration.console import Misused, out, table

if TYPE_CHECKING:
    from resources.feeds import Feeds

app = typer.Typer(no_args_is_help=True, help="Orders: list, approve, reject, send, cancel.")
Ids = Annotated[list[str] | None, typer.Argument(help="Order ids.")]
Why = Annotated[str, typer.Option(help="Why; it is kept with your name.")]
All = Annotated[bool, typer.Option("--all", help="Every order of the date that is in the state for it.")]
Date = Annotated[str | None, typer.Option(help="Business date of the orders.")]


@app.command("list")
def listing(date: Date = None, status: Annotated[str | None, typer.Option(help="Only this status.")] = None) -> None:
    """List orders."""
    rows = opened().orders.frame()
    when = parse(date)
    if when is not None:
        rows = rows[rows["business_date"] == when]
    if status is not None:
        rows = rows[rows["status"] == status]
    table("orders", rows)


@app.command()
def approve(
    ids: Ids = None,
    every: All = False,
    date: Date = None,
    seen: Annotated[str, typer.Option(help="The run or close that you looked at.")] = "",
) -> None:
    """Approve orders, as another person than the one who proposed them."""
    feeds = opened()
    chosen = _choose(feeds, ids, every, date, "proposed")
    done = feeds.orders.approve(chosen, here().user, seen or _run(feeds, chosen), feeds.refusals(chosen))
    out.print(f"approved: {len(done)}")


@app.command()
def reject(reason: Why, ids: Ids = None, every: All = False, date: Date = None) -> None:
    """Reject proposed orders."""
    feeds = opened()
    done = feeds.orders.reject(_choose(feeds, ids, every, date, "proposed"), here().user, reason)
    out.print(f"rejected: {len(done)}")


@app.command()
def send(ids: Ids = None, every: All = False, date: Date = None) -> None:
    """Send approved orders to the broker; refused where compliance is not clean."""
    feeds = opened()
    chosen = _choose(feeds, ids, every, date, "approved")
    done = feeds.orders.send(chosen, here().user, feeds.refusals(chosen))
    out.print(f"sent: {len(done)}")


@app.command()
def cancel(reason: Why, ids: Ids = None, every: All = False, date: Date = None) -> None:
    """Cancel orders that are not filled."""
    feeds = opened()
    done = feeds.orders.cancel(_choose(feeds, ids, every, date, "approved"), here().user, reason)
    out.print(f"cancelled: {len(done)}")


def _choose(feeds: "Feeds", ids: list[str] | None, every: bool, date: str | None, status: str) -> list[str]:
    """``ids``, or with --all every order with ``status`` of the date.

    Raises:
        Misused: neither or both were given.
    """
    if bool(ids) == every:
        raise Misused("name order ids, or give --all (with --date for one business date)")
    if ids:
        return ids
    return list(feeds.orders.choose([], status, parse(date)))


def _run(feeds: "Feeds", ids: list[str]) -> str:
    """The runs whose results the orders stand on, for who does not name what was looked at."""
    from resources import register

    rows = feeds.orders.frame()
    days = rows.loc[rows["order_id"].isin(ids), "business_date"].unique()
    return ", ".join(sorted({register.run(feeds.engine, day) for day in days}))
