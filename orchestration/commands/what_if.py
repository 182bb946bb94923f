"""``daybook what-if``: what trades would do to risk, exposures, limits and rules, before anybody makes them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from orchestration.commands.installation import day as parse
from orchestration.commands.installation import opened
from orchestration.commands.show import Format
from orchestration.console import DONE, FAILED, Misused, Refused, complain, machine, table

if TYPE_CHECKING:
    from daybook.risk.what_if import Answer

COLUMNS = ("book", "instrument", "quantity", "price")
"""Columns of a file of trades; the last one may be left out, or be empty."""


def what_if(
    file: Annotated[Path | None, typer.Argument(help="CSV with columns book, instrument, quantity, and price.")] = None,
    trade: Annotated[
        list[str] | None, typer.Option(help="BOOK:INSTRUMENT:QUANTITY, or BOOK:INSTRUMENT:QUANTITY@PRICE; repeatable.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="At the close of this date; default the last one closed.")] = None,
    format: Annotated[Format, typer.Option(help="For people, or for programs.")] = Format.table,
) -> None:
    """Show VaR, stress, exposures, limits and rules before and after trades that nobody has made; store nothing."""
    when = parse(date)
    rows = [*([] if file is None else _listed(file)), *(_told(text) for text in trade or [])]
    if not rows:
        raise Misused("name a file of trades, or --trade BOOK:INSTRUMENT:QUANTITY")
    feeds = opened()
    from assets.what_if import answer, listed

    found = answer(feeds, listed(rows), when)
    if len(feeds.facts.stale_sessions(pd.DatetimeIndex([found.session]))):
        complain(
            f"facts came since {found.session:%Y-%m-%d} was computed: before and after stand on stored positions and"
            f" prices, and on the facts of now; run daybook eod --date {found.session:%Y-%m-%d}"
        )
    tell(found, format)
    raise typer.Exit(FAILED if len(found.refused) else DONE)


def tell(found: "Answer", format: Format) -> None:
    """Print ``found``, and each refusal in a line on standard error."""
    if format is Format.table:
        for title, frame in found.views.items():
            by = frame.rename(columns=lambda name: name.replace("_", " "))
            table(f"{title}, {found.session:%Y-%m-%d}", by, rows=len(by))
    else:
        machine(found.rows.assign(business_date=found.session)[["business_date", *found.rows.columns]], format)
    for row in found.refused.itertuples():
        complain(f"refused: {row.book}:{row.instrument}:{row.quantity:g}: {row.reason}")


def _told(text: str) -> tuple[str, str, float, float | None]:
    """One trade from ``BOOK:INSTRUMENT:QUANTITY@PRICE``; the instrument may have a colon, as CASH:EUR.

    Raises:
        Misused: it is not written so.
    """
    book, _, rest = text.partition(":")
    instrument, _, amount = rest.rpartition(":")
    quantity, at, price = amount.partition("@")
    if not (book and instrument):
        raise Misused(f"{text!r} is no trade: write it as BOOK:INSTRUMENT:QUANTITY, or with @PRICE behind")
    try:
        return book, instrument, float(quantity), float(price) if at else None
    except ValueError as error:
        raise Misused(f"{text!r} is no trade: {error}") from error


def _listed(file: Path) -> list[tuple[str, str, float, float | None]]:
    """The trades of ``file``.

    Raises:
        Refused: it cannot be read, or a value in it; the message says where.
    """
    try:
        frame = pd.read_csv(file, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise Refused(f"{file}: {error}") from error
    wrong = [name for name in frame.columns if name not in COLUMNS]
    lacking = [name for name in COLUMNS[:3] if name not in frame.columns]
    if wrong or lacking:
        problem = f"unknown column {wrong[0]}" if wrong else f"no column {lacking[0]}"
        raise Refused(f"{file}, line 1: {problem}; the columns are {', '.join(COLUMNS)}")
    numbers: dict[str, list[float | None]] = {}
    for name in COLUMNS[2:]:
        texts = frame[name] if name in frame else pd.Series("", frame.index, dtype="str")
        values = pd.to_numeric(texts.where(texts.ne(""), None), errors="coerce")
        bad = values.isna() & (texts.ne("") | (name == "quantity"))
        if bad.any():
            at = int(bad.to_numpy().argmax())
            raise Refused(f"{file}, line {at + 2}, {name}: {texts.iloc[at]!r} is not a number")
        numbers[name] = [None if pd.isna(value) else float(value) for value in values]
    return list(zip(frame["book"], frame["instrument"], numbers["quantity"], numbers["price"], strict=True))  # type: ignore[arg-type]
