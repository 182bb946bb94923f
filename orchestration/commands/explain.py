"""``daybook explain``: where a number comes from, down to the file and line."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.commands.installation import date_of, opened
from orchestration.commands.show import Format
from orchestration.console import Misused, Refused, machine, out

MOST = 5
"""Parts shown below a node unless all are asked for."""
WIDE = 10_000
"""Characters of a line that is not cut, where no terminal sets them."""


def explain(
    table: Annotated[str, typer.Argument(help="nav, valuations, positions, lots, cash, pnl or realised.")],
    date: Annotated[str, typer.Option(help="Business date.")],
    book: Annotated[str, typer.Option(help="The book.")],
    column: Annotated[str | None, typer.Argument(help="A column of money; default the first one of the table.")] = None,
    instrument: Annotated[str, typer.Option(help="Only this instrument, or CASH:<CCY>; default the whole book.")] = "",
    all: Annotated[bool, typer.Option("--all", help="Every node, not the largest ones of each.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the tree as a page to this file.")] = None,
    format: Annotated[Format, typer.Option(help="For people, or for programs (every node).")] = Format.table,
) -> None:
    """Take the number COLUMN of TABLE apart, down to transactions, prices, rates, actions and the line of each file."""
    from daybook.explain import COLUMNS, page, tree
    from daybook.explain import explain as taken_apart
    from daybook.tables import TABLES
    from resources.evidence import evidence, signature

    if table not in COLUMNS:
        raise Misused(f"{table!r} cannot be explained: {', '.join(COLUMNS)} can")
    name = column or COLUMNS[table][0]
    if name not in COLUMNS[table]:
        raise Misused(f"{table} {name!r} cannot be explained: {', '.join(COLUMNS[table])} can")
    session, feeds = date_of(date), opened()
    frame = taken_apart(evidence(feeds, table, book, session), table, name, instrument)
    shown = frame if all else tree.folded(frame, MOST)
    meaning = TABLES[table].columns[TABLES[table].names.index(name)].meaning
    leaves, missing = tree.leaves(frame), tree.gap(frame)
    notes = [meaning, signature(feeds, table, book, session)]
    if missing:
        notes.append(f"its leaves do not add up to it: {missing:,.6f} is not explained")
    elif frame["part"].iloc[1:].any():
        notes.append(f"its leaves add up to it, to the millionth: {len(leaves):,} of them")
    else:
        notes.append("no sum: what it was read from stands below it")
    if html is not None:
        html.write_text(page.html(shown, notes), encoding="utf-8")
    if format is not Format.table:
        machine(frame, format)
    else:
        wide = out.width if out.is_terminal else WIDE
        for line in (*page.text(shown, wide), *notes, *([f"written to {html}"] if html is not None else [])):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    if missing:
        again = (
            f"facts have changed since it was computed, or it is wrong: daybook eod --date {date}, and explain again"
        )
        raise Refused(f"{table} {name} of {book} on {date} does not add up by {missing:,.6f}: {again}")
