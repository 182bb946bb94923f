"""``daybook show``: the rows of a table."""

from enum import StrEnum
from typing import Annotated

import pandas as pd
import typer

from daybook.intake.terms import LINKINGS, LOT_METHODS
from daybook.market import constituents
from daybook.tables import TABLES
from orchestration.commands.installation import day as parse
from orchestration.commands.installation import instant, opened
from orchestration.console import Misused, Refused, machine
from orchestration.console import table as print_table


class Adjusted(StrEnum):
    """What a series of prices has undone."""

    price = "price"
    total = "total"


class By(StrEnum):
    """What books are taken together by."""

    book = "book"
    strategy = "strategy"
    manager = "manager"
    entity = "entity"
    parent_book = "parent_book"
    firm = "firm"
    session = "session"
    month = "month"


MONEY_BY = (By.book, By.strategy, By.entity, By.firm)
ADDED_UP = dict.fromkeys(("pnl", "lot_pnl", "nav_bridge"), MONEY_BY) | {
    "var": (By.strategy, By.manager, By.entity, By.parent_book, By.firm)
}
"""Tables of which ``--by`` takes books together, and by what; VaR is not added up but read off the sum of vectors."""
HANDLED = ("findings", "reconciliation_breaks")
"""Tables over whose rows what people did is laid."""
TIME_BY = (By.session, By.month)
"""What the effects of a period are taken apart by."""


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


LotMethod = StrEnum("LotMethod", [(name, name) for name in LOT_METHODS])
Linking = StrEnum("Linking", [(name, name) for name in LINKINGS])


def show(
    table: Annotated[str, typer.Argument(help="Name of a table: docs/formats.md lists them.")],
    date: Annotated[str | None, typer.Option(help="Only this date; of benchmark_weights those in force.")] = None,
    book: Annotated[str | None, typer.Option(help="Only this book.")] = None,
    instrument: Annotated[str | None, typer.Option(help="Only this instrument: its id, not its ticker.")] = None,
    adjusted: Annotated[
        Adjusted | None, typer.Option(help="prices: with splits undone, or with dividends reinvested too.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="prices --adjusted: in the terms of this date; default the last session.")
    ] = None,
    by: Annotated[
        By | None,
        typer.Option(
            help="pnl, lot_pnl, nav_bridge: added up, apart by base currency; var: of the books together;"
            " attribution --period: effects of each session or month as they count over the period."
        ),
    ] = None,
    lot_method: Annotated[
        LotMethod | None, typer.Option(help="lots, realised, wash_sales: as if every lot were matched by it; derived.")
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(help="attribution: linked over day, month, quarter, year, one_year.. or inception, to the date."),
    ] = None,
    linking: Annotated[
        Linking | None, typer.Option(help="attribution --period: by this method; default the declared one.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="attribution --period: effects by this method, or `all`; default the declared one."),
    ] = None,
    known_at: Annotated[str | None, typer.Option(help="As known at this instant (ISO 8601, UTC).")] = None,
    as_signed: Annotated[bool, typer.Option(help="As the newest signature of the date saw them.")] = False,
    version: Annotated[int | None, typer.Option(help="--as-signed: as this version of the signatures did.")] = None,
    format: Annotated[Format, typer.Option(help="For people, or for programs.")] = Format.table,
) -> None:
    """Print the rows of TABLE."""
    if table not in TABLES:
        close = ", ".join(name for name in TABLES if name.startswith(table[:3])) or "see docs/formats.md"
        raise Misused(f"there is no table {table!r}: {close}")
    when = parse(date)
    known = None if known_at is None else instant(known_at)
    if known is not None:
        _check_known_at(table, when)
    signed = as_signed or version is not None
    otherwise = known is not None or lot_method or adjusted or period or by
    if signed and (TABLES[table].kind != "result" or when is None or otherwise):
        raise Misused("--as-signed shows a table of results of one --date, as it was stored: leave the other views out")
    chosen = {name: value for name, value in (("book", book), ("instrument", instrument)) if value is not None}
    for name in chosen:
        if name not in TABLES[table].names:
            raise Misused(f"{table} has no column {name}")
    if period is not None or linking is not None or method is not None or by in TIME_BY:
        from orchestration.commands import period_effects

        apart = by.value if by is not None else None
        period_effects.check(table, period, apart, method, known_at is not None or instrument is not None)
        chosen_linking = linking.value if linking is not None else None
        period_effects.show(str(period), when, book, chosen_linking, method, apart, format.value)
        return
    if by is not None:
        _check_by(table, by, book)
    terms = _terms(table, adjusted, as_of)
    if signed and when is not None:
        from orchestration import states

        rows = states.as_signed(opened(), table, when, book, version)
    elif lot_method is not None:
        rows = _by_method(table, when, known, lot_method.value)
    elif adjusted is None:
        rows = _rows("group_var" if table == "var" and by is not None else table, when, known, instrument)
    else:
        rows = _series(adjusted, when, known, instrument, terms)
    for name, value in chosen.items():
        rows = rows[rows[name] == value]
    if instrument is not None and rows.empty:
        _check_instrument(instrument)
    if by is not None and table == "var":
        rows = rows[rows["grouping"] == by.value].drop(columns="grouping").reset_index(drop=True)
        rows = rows.drop(columns="member") if by is By.firm else rows.rename(columns={"member": by.value})
    elif by is not None:
        from daybook.ledger.bridge import aggregated

        rows = aggregated(rows, opened().facts.current("books", known_at=known), by.value)
    if format is Format.table:
        print_table(table if when is None else f"{table} {when:%Y-%m-%d}", rows)
    else:
        machine(rows, format)


def _check_by(table: str, by: By, book: str | None) -> None:
    """That books of ``table`` can be taken together so.

    Raises:
        Misused: they cannot, or one book is asked for and taken together with others.
    """
    if by not in ADDED_UP.get(table, ()):
        known = [name for name, ways in ADDED_UP.items() if by in ways]
        ways = ", ".join(ADDED_UP.get(table, ()))
        raise Misused(
            f"by {by.value} there are {', '.join(known)}, not {table}" + (f": that by {ways}" if ways else "")
        )
    if table == "var" and book is not None:
        raise Misused(f"var by {by.value} is of books together: leave --book out, or --by")


def _by_method(table: str, when: pd.Timestamp | None, known: pd.Timestamp | None, method: str) -> pd.DataFrame:
    """Rows of ``table`` derived from the same log under another lot method.

    Raises:
        Misused: the table does not depend on lots, or the session is not named.
    """
    from assets.partitions import session_days
    from orchestration.derivation import derive
    from orchestration.other_method import TABLES as CHANGED
    from orchestration.other_method import OtherMethod
    from resources.settings import settings

    if table not in CHANGED:
        raise Misused(f"a lot method changes {', '.join(CHANGED)}, not {table}")
    if when is None or when not in session_days(settings().calendars):
        raise Misused(f"{table} is derived by {method} for one session: name it with --date")
    feeds = opened()
    facts = OtherMethod(feeds.facts.settings, feeds.facts.lake, feeds.facts.engine, method)
    return derive([table], pd.DatetimeIndex([when]).as_unit("us"), facts, known)[table]


def _check_known_at(table: str, when: pd.Timestamp | None) -> None:
    """Facts are looked up as known then, results derived again for one session.

    Raises:
        Misused: the table is one of records, or the session of a table of results is not named.
    """
    kind = TABLES[table].kind
    if kind == "record":
        raise Misused(f"--known-at looks up facts and derives results; {table} is a table of records")
    if kind == "result":
        from assets.partitions import session_days
        from resources.settings import settings

        if when is None:
            raise Misused(f"{table} is derived from the facts known then, for one session: name it with --date")
        if when not in session_days(settings().calendars):
            raise Misused(f"{when:%Y-%m-%d} is not a session of {', '.join(settings().calendars)}")


def _terms(table: str, adjusted: Adjusted | None, as_of: str | None) -> pd.Timestamp | None:
    """The date of ``as_of``.

    Raises:
        Misused: --adjusted or --as-of for another table than prices, or --as-of without --adjusted.
    """
    if table != "prices" and (adjusted is not None or as_of is not None):
        raise Misused(f"only prices can be adjusted, not {table}")
    if adjusted is None and as_of is not None:
        raise Misused("--as-of says in the terms of which date prices are adjusted: give --adjusted price or total too")
    return parse(as_of)


def _check_instrument(name: str) -> None:
    """That there is such an instrument, even if it has no rows.

    Raises:
        Refused: there is none.
    """
    if name not in set(opened().facts.current("instruments")["instrument"]) and not name.startswith("CASH:"):
        raise Refused(f"there is no instrument {name!r}: `daybook identify {name}` tells who goes by that name")


def _series(
    adjusted: Adjusted,
    when: pd.Timestamp | None,
    known: pd.Timestamp | None,
    instrument: str | None,
    terms: pd.Timestamp | None,
) -> pd.DataFrame:
    feeds = opened()
    from orchestration.series import series

    return series(feeds, adjusted.value, instrument, when, terms, known)


def _rows(table: str, when: pd.Timestamp | None, known: pd.Timestamp | None, instrument: str | None) -> pd.DataFrame:
    feeds = opened()
    kind = TABLES[table].kind
    if table == "benchmark_weights" and when is not None:
        # Weights hold until others are delivered: the members of a date are those of the last delivery.
        held = constituents.in_force(feeds.facts.current(table, None, when, known), pd.DatetimeIndex([when]))
        return held.assign(business_date=held["delivered"])[list(TABLES[table].names)]
    if kind == "fact":
        return feeds.facts.current(table, when, when, known_at=known)
    if kind == "result" and known is not None and when is not None:
        from orchestration.derivation import Underivable, derive

        try:
            derived = derive([table], pd.DatetimeIndex([when]).as_unit("us"), feeds.facts, known)[table]
            return feeds.lay_over(table, derived, known) if table in HANDLED else derived
        except Underivable as error:
            raise Misused(str(error)) from error
    if kind == "result":
        rows = feeds.lake.read(table, when, when, instruments=None if instrument is None else [instrument])
        return feeds.lay_over(table, rows) if table in HANDLED else rows
    rows = feeds.record(table)
    return rows if when is None or "business_date" not in rows else rows[rows["business_date"] == when]
