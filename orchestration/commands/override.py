"""``daybook override``: ask for another price than the market's, see what is overridden, ask for its end."""

from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import here, opened
from orchestration.console import Misused, out, table

if TYPE_CHECKING:
    from resources.feeds import Feeds

app = typer.Typer(no_args_is_help=True, help="Prices that two people put in place of the market's: price, list, end.")
Why = Annotated[str, typer.Option(help="Why; it is kept with your name and shown in the pack.")]
_SHOWN = ["id", "state", "what", "from", "until", "days", "left", "asked by", "approved by", "reason"]


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
    since, last = _day(date), _day(until)
    if last < since:
        raise Misused(f"--until {until} is before --date {date}: the override would never be in force")
    _given(reason)
    worth = _price(price)
    feeds = opened()
    from resources import overrides, requests

    wish = overrides.wish(feeds.facts, instrument, str(price).strip(), since, last, currency)
    number = requests.ask(feeds.engine, wish, here().user, reason)
    out.print(f"request {number}: {wish.subject}", highlight=False)
    _beside_the_market(feeds, instrument, since, worth, str(wish.payload["currency"]))
    _whose_turn(number)


@app.command("list")
def listing(
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    date: Annotated[str | None, typer.Option(help="As of this date; the latest with prices if left out.")] = None,
) -> None:
    """List the overrides in force and the requests that wait for a second person."""
    feeds = opened()
    asked = parse(date)
    when = asked if asked is not None else feeds.latest_priced_session()
    known = feeds.facts.current("price_overrides")
    on = when if when is not None else known["valid_from"].max()
    state = pd.Series("in force", known.index, dtype="str").mask(known["valid_from"] > on, "begins later")
    state = state.mask((known["valid_to"] < on) | (known["valid_to"] < known["valid_from"]), "ended")
    rows = pd.DataFrame(
        {
            "id": known["override_id"],
            "state": state,
            "what": known["instrument"] + " at " + known["price"].map("{:.10g}".format) + " " + known["currency"],
            "from": known["valid_from"],
            "until": known["valid_to"],
            "days": (on - known["valid_from"]).dt.days,
            "left": (known["valid_to"] - on).dt.days,
            "asked by": known["entered_by"],
            "approved by": known["approved_by"],
            "reason": known["reason"],
        }
    )
    rows = rows if every else rows[state != "ended"]
    waiting = _waiting(feeds)
    found = pd.concat([rows.astype(object), waiting.astype(object)], ignore_index=True)
    table("overrides" if on is pd.NaT else f"overrides {on:%Y-%m-%d}", found[_SHOWN])
    if len(waiting):
        out.print("a second person decides: daybook approve ID, or daybook reject ID --reason WHY")


@app.command()
def end(
    number: Annotated[int, typer.Argument(metavar="ID", help="Number of the override, from the list.")],
    date: Annotated[str, typer.Option(help="First session on which the market's price is used again.")],
    reason: Why,
) -> None:
    """Ask for the end of an override before it expires. It ends when a second person has agreed."""
    first_without = _day(date)
    _given(reason)
    feeds = opened()
    from resources import overrides, requests

    wish = overrides.end_wish(feeds.facts, str(number), first_without)
    request = requests.ask(feeds.engine, wish, here().user, reason)
    out.print(f"request {request}: {wish.subject}", highlight=False)
    _whose_turn(request)


def _day(text: str) -> pd.Timestamp:
    found = parse(text)
    if found is None:
        raise Misused("name a date")
    return found


def _given(reason: str) -> None:
    if not reason.strip():
        raise Misused("--reason is empty: say why, for the second person and for the pack")


def _price(text: str) -> float:
    try:
        exact = Decimal(text.strip())
    except InvalidOperation:
        raise Misused(f"{text!r} is not a price: write it with a decimal point and no separators, as 101.25") from None
    if not exact.is_finite() or exact <= 0 or not isfinite(float(exact)) or float(exact) == 0:
        raise Misused(f"{text!r} is not a price: it must be above zero")
    return float(exact)


def _beside_the_market(feeds: "Feeds", instrument: str, date: pd.Timestamp, worth: float, currency: str) -> None:
    """What the market says, what the difference is worth to who holds it, and which override gives way."""
    from daybook.market import currencies
    from daybook.market.overrides import in_force
    from resources import overrides

    standing = in_force(feeds.facts.current("price_overrides"), pd.DatetimeIndex([date]))
    for row in standing[standing["instrument"] == instrument].itertuples(index=False):
        out.print(f"override {row.override_id}, {row.price:.10g} {row.currency}, gives way to it", highlight=False)
    there = overrides.market(feeds.facts, instrument, date)
    if not there:
        out.print(f"the market has no price of {instrument} in the {overrides.LOOK_BACK.days} days before")
        return
    named = f"the market says {there['close']:.10g} {there['currency']} of {there['source']}"
    said = named + (f" ({there['status']}: {there['reason']})" if there["status"] != "ok" else "")
    of, parts = currencies.major(pd.Series([currency], dtype="str"))
    if of.iloc[0] != there["currency"]:
        out.print(said, highlight=False)
        return
    change = worth / parts[0] - there["close"]
    out.print(f"{said}: a difference of {change / there['close']:+.4%}", highlight=False)
    for row in overrides.effects(feeds.facts, instrument, date, change).itertuples(index=False):
        worth_of = f"{row.difference:+,.2f} {row.base_currency}, {row.bp:+.2f} bp of NAV"
        out.print(f"  {row.book} holds {row.quantity:,.10g}: {worth_of}", highlight=False)


def _whose_turn(number: int) -> None:
    out.print(f"nothing changes until somebody else agrees: daybook approve {number} as another DAYBOOK_USER")


def _waiting(feeds: "Feeds") -> pd.DataFrame:
    """The requests about overrides that wait, in the columns of the list."""
    from resources import overrides, requests

    found = requests.pending(feeds.engine)
    found = found[found["kind"].isin([overrides.PRICE, overrides.END])]
    dates = found["payload"].map(lambda asked: asked.get("valid_from", asked.get("first_without")))
    until = found["payload"].map(lambda asked: asked.get("valid_to"))
    return pd.DataFrame(
        {
            "id": found["id"].astype("str"),
            "state": "waits",
            "what": found["subject"],
            "from": pd.to_datetime(dates),
            "until": pd.to_datetime(until),
            "days": None,
            "left": None,
            "asked by": found["requested_by"],
            "approved by": "",
            "reason": found["reason"],
        }
    )
