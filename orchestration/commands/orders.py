"""``daybook orders``: approve, reject, send and cancel what the day proposed."""

from typing import Annotated

import typer

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import here, opened
from orchestration.console import out, table

app = typer.Typer(no_args_is_help=True, help="Orders: list, approve, reject, send, cancel.")
Ids = Annotated[list[str] | None, typer.Argument(help="Order ids; all that can be, if left out with --all.")]
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
    desk = opened().orders
    chosen = desk.choose(ids or [], "proposed" if every else None, parse(date))
    desk.approve(chosen, here().user, seen)
    out.print(f"approved: {len(chosen)}")


@app.command()
def reject(ids: Ids = None, every: All = False, date: Date = None, reason: str = "") -> None:
    """Reject proposed orders."""
    desk = opened().orders
    chosen = desk.choose(ids or [], "proposed" if every else None, parse(date))
    desk.reject(chosen, here().user, reason)
    out.print(f"rejected: {len(chosen)}")


@app.command()
def send(ids: Ids = None, every: All = False, date: Date = None) -> None:
    """Send approved orders to the broker; refused where compliance is not clean."""
    feeds = opened()
    chosen = feeds.orders.choose(ids or [], "approved" if every else None, parse(date))
    feeds.orders.send(chosen, here().user, feeds.refusals(chosen))
    out.print(f"sent: {len(chosen)}")


@app.command()
def cancel(ids: Ids = None, every: All = False, date: Date = None, reason: str = "") -> None:
    """Cancel orders that are not filled."""
    desk = opened().orders
    chosen = desk.choose(ids or [], "approved" if every else None, parse(date))
    desk.cancel(chosen, here().user, reason)
    out.print(f"cancelled: {len(chosen)}")
