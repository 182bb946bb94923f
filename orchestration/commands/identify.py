"""``daybook identify``: who goes by a name on a date, and everything that is known about its identity."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from daybook.intake.terms import SCHEMES
from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened
from orchestration.commands.show import Format
from orchestration.console import Misused, Refused, machine, out, table

if TYPE_CHECKING:
    from resources.feeds import Feeds

TOLD = ("name", "asset_class", "exchange", "currency", "lot_size", "multiplier", "sector", "country", "issuer")
"""What the instrument's own row says."""
SPANS = ["scheme", "value", "exchange", "valid_from", "valid_to"]
TERMS = ["kind", "ex_date", "numerator", "denominator", "amount", "currency", "new_instrument"]
NAMING = ("rename", "merger", "delisting", "spin_off")
"""Kinds of corporate action that begin, change or end a name."""


@dataclass(frozen=True)
class Known:
    """Reference facts, as they stand."""

    instruments: pd.DataFrame
    identifiers: pd.DataFrame
    issuers: pd.DataFrame
    corporate_actions: pd.DataFrame


def identify(
    value: Annotated[str, typer.Argument(help="An identifier (ticker, ISIN, ...) or an instrument's id.")],
    scheme: Annotated[str | None, typer.Option(help=f"Only as this: {', '.join(SCHEMES)}.")] = None,
    exchange: Annotated[str | None, typer.Option(help="Only on this exchange (MIC).")] = None,
    date: Annotated[str | None, typer.Option(help="Who had it on this date; default the last one with prices.")] = None,
    format: Annotated[Format, typer.Option(help="For people, or for programs.")] = Format.table,
) -> None:
    """Tell which instrument VALUE names on a date, with all its names, its issuer and the actions on its name."""
    if scheme is not None and scheme not in SCHEMES:
        raise Misused(f"{scheme!r} is no scheme: choose from {', '.join(SCHEMES)}")
    when = parse(date)
    feeds = opened()
    known = Known(*(feeds.facts.current(name) for name in Known.__dataclass_fields__))
    session = _date(feeds, known) if when is None else when
    claims = _claims(known, value, scheme, exchange)
    held = (claims["valid_from"] <= session) & ~(claims["valid_to"] < session)
    found = sorted({*claims.loc[held, "instrument"], *_itself(known, value, scheme)})
    others = claims[~claims["instrument"].isin(found)]
    if not found:
        raise Refused(_nobody(value, session, others))
    rows = _told(known, found, session)
    if format is not Format.table:
        return machine(rows, format)
    said = [name for name in rows.columns[1:] if (rows[name] != "").any()]
    table(f"{value} on {session:%Y-%m-%d}", rows[said])
    own = known.identifiers[known.identifiers["instrument"].isin(found)]
    table("names", own.sort_values(["instrument", "scheme", "exchange", "valid_from"])[["instrument", *SPANS]])
    touching = known.corporate_actions[known.corporate_actions["kind"].isin(NAMING)]
    touching = touching[touching["instrument"].isin(found) | touching["new_instrument"].isin(found)]
    table("actions on names", touching.sort_values(["ex_date", "action_id"])[["instrument", *TERMS]])
    if len(others):
        out.print(f"others that {value} has named: {_spans(others)}", markup=False)
    return None


def _date(feeds: "Feeds", known: Known) -> pd.Timestamp:
    """The last session with prices; without any, the latest date that reference data speaks of."""
    priced = feeds.latest_priced_session()
    if priced is not None:
        return priced
    latest = pd.concat([known.instruments["valid_from"], known.identifiers["valid_from"]]).max()
    if pd.isna(latest):
        raise Refused("no instruments are known yet: deliver instruments and identifiers, then daybook eod")
    return pd.Timestamp(latest)


def _claims(known: Known, value: str, scheme: str | None, exchange: str | None) -> pd.DataFrame:
    """Who was ever called ``value``, by date."""
    from daybook.market import security_master

    rows = known.identifiers
    asked = {name: security_master.canonical(name, pd.Series([value]).to_numpy(object))[0] for name in SCHEMES}
    chosen = rows["value"] == rows["scheme"].map(asked)
    if scheme is not None:
        chosen &= rows["scheme"] == scheme
    if exchange is not None:
        chosen &= rows["exchange"] == exchange
    return rows[chosen].sort_values(["valid_from", "instrument"])


def _itself(known: Known, value: str, scheme: str | None) -> list[str]:
    """``value``, where it is the id of an instrument."""
    return [value] if scheme is None and (known.instruments["instrument"] == value).any() else []


def _nobody(value: str, session: pd.Timestamp, others: pd.DataFrame) -> str:
    if others.empty:
        return f"no instrument was ever called {value!r} by what was delivered: see daybook show identifiers"
    return f"nobody is called {value!r} on {session:%Y-%m-%d}; at other times: {_spans(others)}"


def _spans(claims: pd.DataFrame) -> str:
    ends = claims["valid_to"].dt.strftime(" to %Y-%m-%d").fillna("")
    begins = claims["valid_from"].dt.strftime(" from %Y-%m-%d")
    return ", ".join(claims["instrument"] + " (" + claims["scheme"] + begins + ends + ")")


def _told(known: Known, names: list[str], session: pd.Timestamp) -> pd.DataFrame:
    """One row for each instrument: what its own row and its issuer's say on ``session``."""
    from daybook.market import actions, security_master

    rows = pd.DataFrame({"business_date": session, "instrument": pd.Series(names, dtype="str")})
    rows = rows.join(security_master.attributes(known.instruments, "instrument", rows, list(TOLD)))
    issuers = known.issuers[known.issuers["valid_from"] <= session]
    rows["ultimate_parent"] = security_master.ultimate_parents(issuers, rows["issuer"], rows["business_date"])
    risk = security_master.attributes(issuers, "issuer", rows, ["country_of_risk"])
    ended = actions.ends(known.corporate_actions).reindex(rows["instrument"])
    text = ended["kind"] + " of " + ended["ex_date"].dt.strftime("%Y-%m-%d")
    return rows.assign(country_of_risk=risk["country_of_risk"], ended=text.fillna("").to_numpy())
