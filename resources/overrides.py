"""Overriding a price: what may be asked for, and what comes of it when a second person has agreed.

Belongs here: checking the wish against what is known, and the facts that approval adds. Does not belong here: who
agrees (``resources.requests``), which price is golden (``daybook.market``), what changes
(``orchestration.derivation``).
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa

from daybook import calendars, tables
from daybook.market import currencies, overrides, prices, security_master
from resources.facts import Facts
from resources.requests import Wish, pending
from resources.turn import Turn

PRICE, END = "price_override", "price_override_end"
"""Kinds of request."""
WAITS = "waits"
"""State, in the list, of what a second person must agree to."""
LOOK_BACK = pd.Timedelta(days=60)
"""How far back a last market price is looked for, to show it beside the one that is asked for."""

_DATES = ["valid_from", "valid_to", "first_without"]
_COLUMNS = [name for name in tables.TABLES["price_overrides"].names if name not in tables.FACT_COLUMNS]


class OverrideRefused(ValueError):
    """What was asked for makes no sense as things stand; the message says why, in one line."""


def wish(
    facts: Facts, instrument: str, price: str, since: pd.Timestamp, until: pd.Timestamp, currency: str = ""
) -> Wish:
    """The wish to use ``price`` for ``instrument`` from ``since`` to ``until``, both included.

    Args:
        facts: what is known.
        instrument: its id.
        price: a decimal above zero, as text.
        since: a session of the firm's calendars.
        until: the last date; not before ``since``.
        currency: of the price; "" is that of the market's price, else of the instrument.

    Raises:
        OverrideRefused: the instrument is not known, ``since`` is no session, the dates are in the wrong order, or
            the currency is none.
    """
    known = facts.current("instruments")
    if instrument not in set(known["instrument"]):
        raise OverrideRefused(f"there is no instrument {instrument!r}: daybook show instruments lists the ids")
    session(facts, since)
    if until < since:
        raise OverrideRefused(f"the override would end on {until:%Y-%m-%d}, before it begins on {since:%Y-%m-%d}")
    row = pd.DataFrame({"instrument": [instrument], "business_date": [since]})
    listed = security_master.attributes(known, "instrument", row, ["currency"])["currency"].iloc[0]
    named = currency or str(market(facts, instrument, since).get("currency", "")) or listed
    if named not in currencies.MINOR and not (len(named) == 3 and named.isascii() and named.isupper()):
        raise OverrideRefused(f"{named!r} is no currency: give three capital letters with --currency")
    payload = {
        "instrument": instrument,
        "price": price,
        "currency": named,
        "valid_from": f"{since:%Y-%m-%d}",
        "valid_to": f"{until:%Y-%m-%d}",
    }
    return Wish(PRICE, f"{instrument} at {price} {named} from {since:%Y-%m-%d} to {until:%Y-%m-%d}", payload)


def end_wish(facts: Facts, override_id: str, first_without: pd.Timestamp) -> Wish:
    """The wish that the override ``override_id`` no longer holds from the session ``first_without`` on.

    Raises:
        OverrideRefused: there is no such override, it ends by itself before that, or that is no session.
    """
    session(facts, first_without)
    row = _standing(facts, override_id, first_without)
    subject = f"end of override {override_id} ({row['instrument']}) from {first_without:%Y-%m-%d}"
    payload = {
        "override_id": override_id,
        "instrument": row["instrument"],
        "first_without": f"{first_without:%Y-%m-%d}",
    }
    return Wish(END, subject, payload)


def put_in_force(connection: sa.Connection, turn: Turn, request: Mapping[str, Any]) -> None:
    """The effect of approving a wish of kind ``PRICE``: the fact, and its sessions are stale."""
    asked = request["payload"]
    number = str(request["id"])
    since, until = (pd.Timestamp(asked[name]).as_unit("us") for name in ("valid_from", "valid_to"))
    row = {
        "override_id": number,
        "instrument": asked["instrument"],
        "price": float(asked["price"]),
        "currency": asked["currency"],
        "valid_from": since,
        "valid_to": until,
        "reason": request["reason"],
        "entered_by": request["requested_by"],
        "approved_by": request["decided_by"],
    }
    fact = pd.DataFrame([row])[_COLUMNS]
    turn.decide(connection, "price_overrides", fact, overrides.file(number), since, request["decided_at"])


def take_out_of_force(connection: sa.Connection, turn: Turn, request: Mapping[str, Any]) -> None:
    """The effect of approving a wish of kind ``END``: the same override, ending on the session before.

    Nothing else of it changes, so that the sessions on which it held keep their results.

    Raises:
        OverrideRefused: it has ended earlier since that was asked for.
    """
    number, first_without = request["payload"]["override_id"], pd.Timestamp(request["payload"]["first_without"])
    row = _standing(turn.facts, number, first_without)
    days = calendars.joint_sessions(turn.settings.calendars, "any", last=first_without - pd.Timedelta(days=1))
    fact = pd.DataFrame([row])[_COLUMNS].assign(valid_to=days[-1])
    affected = max(first_without, row["valid_from"])
    turn.decide(connection, "price_overrides", fact, overrides.file(number), affected, request["decided_at"])


def session(facts: Facts, date: pd.Timestamp) -> None:
    """Insist that ``date`` is a session of the firm's calendars.

    Raises:
        OverrideRefused: it is none; the message names its neighbours.
    """
    days = calendars.joint_sessions(facts.settings.calendars, "any")
    at = int(days.searchsorted(date))
    if at < len(days) and days[at] == date:
        return
    near = " or ".join(f"{day:%Y-%m-%d}" for day in days[max(at - 1, 0) : at + 1])
    raise OverrideRefused(f"{date:%Y-%m-%d} is no session of {', '.join(facts.settings.calendars)}: take {near}")


def market(facts: Facts, instrument: str, date: pd.Timestamp) -> Mapping[str, Any]:
    """The golden price of ``instrument`` on ``date`` without overrides, a row of table ``prices``.

    Empty where no price was delivered in the ``LOOK_BACK`` before.
    """
    raw = facts.current("raw_prices", date - LOOK_BACK, date)
    found = prices.golden(
        raw[raw["instrument"] == instrument].reset_index(drop=True),
        facts.current("instruments"),
        facts.current("corporate_actions"),
        facts.current("price_sources"),
        tables.empty("price_overrides"),
        pd.DatetimeIndex([date]),
        facts.settings.vendors,
    )
    return {} if found.empty else {str(name): value for name, value in found.iloc[0].items()}


def listing(facts: Facts, date: pd.Timestamp) -> pd.DataFrame:
    """Every override and every request that waits: id, state, what, from, until, age, left, who and why.

    State as of ``date``: in force, begins later, ended, or ``WAITS``; age and left in days from the first date and to
    the last.
    """
    known = facts.current("price_overrides")
    state = pd.Series("in force", known.index, dtype="str").mask(known["valid_from"] > date, "begins later")
    state = state.mask((known["valid_to"] < date) | (known["valid_to"] < known["valid_from"]), "ended")
    price = known["price"].map("{:.10g}".format).astype("str")
    there = pd.DataFrame(
        {
            "id": known["override_id"],
            "state": state,
            "what": known["instrument"] + " at " + price + " " + known["currency"],
            "from": known["valid_from"],
            "until": known["valid_to"],
            "asked by": known["entered_by"],
            "approved by": known["approved_by"],
            "reason": known["reason"],
        }
    )
    asked = waiting(facts.engine)
    waits = pd.DataFrame(
        {
            "id": asked["id"].astype("str"),
            "state": WAITS,
            "what": asked["subject"],
            "from": asked["valid_from"].fillna(asked["first_without"]),
            "until": asked["valid_to"],
            "asked by": asked["requested_by"],
            "approved by": "",
            "reason": asked["reason"],
        }
    )
    rows = pd.concat([there, waits], ignore_index=True)
    rows.insert(5, "age", (date - rows["from"]).dt.days.clip(lower=0).astype("float64"))
    rows.insert(6, "left", (rows["until"] - date).dt.days.clip(lower=0).astype("float64"))
    return rows


def waiting(engine: sa.Engine) -> pd.DataFrame:
    """Requests about overrides that wait for a second person, with what they ask for.

    Returns:
        the columns of the record without payload, and of that instrument, valid_from, valid_to and first_without.
    """
    found = pending(engine)
    found = found[found["kind"].isin([PRICE, END])].reset_index(drop=True)
    asked = pd.DataFrame(found["payload"].tolist(), found.index, ["instrument", *_DATES])
    dates = asked[_DATES].apply(pd.to_datetime).astype("datetime64[us]")
    return found.drop(columns="payload").assign(instrument=asked["instrument"].astype("str"), **dates)


def _standing(facts: Facts, override_id: str, date: pd.Timestamp) -> dict[str, Any]:
    """The override of that number, if it holds on ``date`` or later."""
    known = facts.current("price_overrides")
    found = known[known["override_id"] == override_id]
    if found.empty:
        raise OverrideRefused(f"there is no override {override_id!r}: daybook override list names those in force")
    row = {str(name): value for name, value in found.iloc[0].items()}
    if row["valid_to"] < date:
        raise OverrideRefused(f"override {override_id} ends on {row['valid_to']:%Y-%m-%d} already")
    return row
