"""``daybook override``: ask for another price than the market's, see what is overridden, ask for its end."""

from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer
from rich.markup import escape

from orchestration.commands.impact import of_approval, tell
from orchestration.commands.installation import date_of, here, opened
from orchestration.commands.installation import day as parse
from orchestration.console import Misused, Refused, out, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.feeds import Feeds

app = typer.Typer(no_args_is_help=True, help="Prices that two people put in place of the market's: price, list, end.")
Why = Annotated[str, typer.Option(help="Why; it is kept with your name and shown in the pack.")]


@app.command()
def price(
    instrument: Annotated[str, typer.Argument(help="Id of the instrument.")],
    price: Annotated[str, typer.Argument(help="The price, above zero, of one unit; a bond's is clean per 100.")],
    date: Annotated[str, typer.Option(help="First session on which it is used.")],
    until: Annotated[str, typer.Option(help="Last date on which it is used.")],
    reason: Why,
    currency: Annotated[str, typer.Option(help="Currency of the price; that of the market's if left out.")] = "",
) -> None:
    """Ask for PRICE in place of the market's. It is used when a second person has agreed, until it expires."""
    since, last = date_of(date), date_of(until)
    if last < since:
        raise Misused(f"--until {until} is before --date {date}: the override would never be in force")
    _given(reason)
    _positive(price)
    feeds = opened()
    from resources import overrides, requests

    wish = overrides.wish(feeds.facts, instrument, price.strip(), since, last, currency)
    number = requests.ask(feeds.engine, wish, here().user, reason)
    _say(f"request {number}: {wish.subject}")
    _beside_the_market(feeds, wish.payload)
    tell(of_approval(feeds, number))
    _whose_turn(number)


@app.command("list")
def listing(
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    date: Annotated[str | None, typer.Option(help="As of this date; the latest with prices if left out.")] = None,
) -> None:
    """List the overrides in force and the requests that wait for a second person."""
    feeds = opened()
    from resources import overrides

    asked = parse(date)
    when = asked if asked is not None else feeds.latest_priced_session()
    if when is None:
        raise Refused("no price was delivered yet, so there is no date to list overrides of: give --date")
    rows = overrides.listing(feeds.facts, when)
    table(f"overrides {when:%Y-%m-%d}", rows if every else rows[rows["state"] != "ended"])
    if (rows["state"] == overrides.WAITS).any():
        _say("a second person decides: daybook override show ID, then daybook approve ID or daybook reject ID")


@app.command()
def show(number: Annotated[int, typer.Argument(metavar="ID", help="Number from the list.")]) -> None:
    """Show one request about an override: who asked for what and why, and what it would change."""
    feeds = opened()
    from resources import overrides, requests

    request = requests.find(feeds.engine, number)
    _say(f"request {number}, {request['status']}: {request['subject']}")
    _say(f"{request['requested_by']} on {request['requested_at']:%Y-%m-%d %H:%M} UTC: {request['reason']}")
    if request["decided_by"]:
        decided = f"{request['decided_by']} on {request['decided_at']:%Y-%m-%d %H:%M} UTC"
        _say(f"{request['status']} by {decided}: {request['decision_reason'] or 'no reason given'}")
    if request["kind"] == overrides.PRICE:
        _beside_the_market(feeds, request["payload"])
    if request["status"] == requests.PENDING:
        tell(of_approval(feeds, number))
        _whose_turn(number)


@app.command()
def end(
    number: Annotated[int, typer.Argument(metavar="ID", help="Number of the override, from the list.")],
    date: Annotated[str, typer.Option(help="First session on which the market's price is used again.")],
    reason: Why,
) -> None:
    """Ask for the end of an override before it expires. It ends when a second person has agreed."""
    first_without = date_of(date)
    _given(reason)
    feeds = opened()
    from resources import overrides, requests

    wish = overrides.end_wish(feeds.facts, str(number), first_without)
    request = requests.ask(feeds.engine, wish, here().user, reason)
    _say(f"request {request}: {wish.subject}")
    tell(of_approval(feeds, request))
    _whose_turn(request)


def _given(reason: str) -> None:
    if not reason.strip():
        raise Misused("--reason is empty: say why, for the second person and for the pack")


def _positive(text: str) -> None:
    try:
        exact = Decimal(text.strip())
    except InvalidOperation:
        raise Misused(f"{text!r} is not a price: write it with a decimal point and no separators, as 101.25") from None
    if not exact.is_finite() or exact <= 0 or not isfinite(float(exact)) or float(exact) == 0:
        raise Misused(f"{text!r} is not a price: it must be above zero")


def _beside_the_market(feeds: "Feeds", asked: "Mapping[str, Any]") -> None:
    """What the market says, and which override is in force."""
    from daybook.market import currencies
    from daybook.market.overrides import in_force
    from resources import overrides

    instrument, date = asked["instrument"], pd.Timestamp(asked["valid_from"])
    standing = in_force(feeds.facts.current("price_overrides"), pd.DatetimeIndex([date]))
    for row in standing[standing["instrument"] == instrument].itertuples(index=False):
        _say(f"override {row.override_id} is in force: {row.price:.10g} {row.currency}")
    there = overrides.market(feeds.facts, instrument, date)
    if not there:
        _say(f"the market has no price of {instrument} in the {overrides.LOOK_BACK.days} days before")
        return
    named = f"the market says {there['close']:.10g} {there['currency']} of {there['source']}"
    said = named + (f" ({there['status']}: {there['reason']})" if there["status"] != "ok" else "")
    of, parts = currencies.major(pd.Series([asked["currency"]], dtype="str"))
    if of.iloc[0] != there["currency"]:
        _say(said)
        return
    change = float(asked["price"]) / parts[0] - there["close"]
    _say(f"{said}: a difference of {change / there['close']:+.4%}")


def _say(text: str) -> None:
    out.print(escape(text), highlight=False)


def _whose_turn(number: int) -> None:
    _say(f"nothing changes until somebody else agrees: daybook approve {number} as another DAYBOOK_USER")
