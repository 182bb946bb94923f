"""``daybook changes`` and ``daybook rerun``: what changed since a day was signed, and whether it can be made again."""

from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.markup import escape

from orchestration.commands.installation import date_of, instant, opened
from orchestration.commands.show import Format
from orchestration.console import FAILED, Misused, Refused, complain, machine, out, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestration.states import Difference
    from resources.feeds import Feeds

CLOSE, NOW = "close", "now"
MOST_SHOWN = 60
_DETAIL = ["book", "cause", "instrument", "transaction_id", "quantity", "effect", "effect_bp", "reason", "file", "line"]
_WHICH = "a version, close (the newest), now, or an instant (ISO 8601, UTC)"
Date = Annotated[str, typer.Argument(help="Business date.")]
Book = Annotated[str | None, typer.Option(help="Only this book.")]


def changes(
    date: Date,
    book: Book = None,
    since: Annotated[str, typer.Option("--from", help=f"State to begin with: {_WHICH}.")] = CLOSE,
    until: Annotated[str, typer.Option("--to", help=f"State to end with: {_WHICH}.")] = NOW,
    format: Annotated[Format, typer.Option(help="For people, or for programs.")] = Format.table,
) -> None:
    """Show why the NAV of a signed day is another one now: by cause, in money and basis points, adding up exactly."""
    session = date_of(date)
    feeds = opened()
    from orchestration.states import compared, entries, moments
    from resources import closes

    signatures = entries(feeds, session, book)
    one, other = (moments(feeds, session, name, signatures) for name in (since, until))
    found = compared(feeds, session, one, other)
    if not found:
        raise Refused(f"no book of {session:%Y-%m-%d} has both {since} and {until}")
    rows = pd.concat([part.rows for part in found], ignore_index=True)
    if format is not Format.table:
        machine(rows, format)
        return
    summary(session, found)
    if rows.empty:
        out.print("no NAV and no part of one changed")
    else:
        causes = rows.groupby(["book", "cause"], as_index=False, sort=False)[["effect", "effect_bp"]].sum(min_count=1)
        table("by cause", rounded(causes))
        one_by_one(rows)
    if (since, until) == (CLOSE, NOW):
        other_tables(closes.altered(feeds.lake, session, signatures))
        if objection := closes.objection(feeds.facts, session):
            out.print(escape(f"{objection}; NAV of now is derived from the facts as they stand"), soft_wrap=True)


def rerun(
    date: Date,
    known_at: Annotated[
        str | None, typer.Option(help="With what was known at this instant (ISO 8601, UTC); default: at the close.")
    ] = None,
    book: Book = None,
    since: Annotated[
        str | None, typer.Option("--from", help="First date of a range that ends with DATE: NAV of each.")
    ] = None,
    format: Annotated[Format, typer.Option(help="Of a range: for people, or for programs.")] = Format.table,
) -> None:
    """Make a signed day again with the knowledge of its close, or of an instant, and of now; nothing is stored."""
    session = date_of(date)
    feeds = opened()
    if since is not None:
        _range(feeds, date_of(since), session, None if known_at is None else instant(known_at), book, format)
        return
    from orchestration.states import between, entries, known, made_again, now, with_knowledge

    if known_at is not None:
        one = known(feeds, instant(known_at))
        found = [between(feeds, session, one, now(feeds, session), _books(feeds, session, book))]
        summary(session, found)
        one_by_one(found[0].rows)
        return
    failed = False
    signatures = entries(feeds, session, book)
    for _, group in signatures.groupby(["through_delivery", "version"], sort=False):
        entry = group.iloc[0].to_dict()
        proved = made_again(feeds, session, entry)
        differing = [name for name, same in proved.items() if not same]
        what = f"{session:%Y-%m-%d}, made again from the deliveries up to {entry['through_delivery']},"
        whose = f"what {entry['signed_by']} signed as version {entry['version']} ({', '.join(group['book'])})"
        if differing:
            failed = True
            complain(
                f"{what} is not {whose}: {', '.join(differing)} differ: another release of Daybook computed them, or"
                " what is stored was changed: daybook rebuild --verify"
            )
        else:
            out.print(escape(f"{what} is {whose}: {len(proved)} tables, hash by hash"), soft_wrap=True, highlight=False)
        found = [between(feeds, session, with_knowledge(feeds, entry), now(feeds, session), list(group["book"]))]
        summary(session, found)
        one_by_one(found[0].rows)
    if failed:
        raise typer.Exit(FAILED)


def _range(
    feeds: "Feeds",
    first: pd.Timestamp,
    last: pd.Timestamp,
    known_at: pd.Timestamp | None,
    book: str | None,
    format: Format,
) -> None:
    """Print NAV of each date made again, with that of now and the difference."""
    if first > last:
        raise Misused(f"--from {first:%Y-%m-%d} is after {last:%Y-%m-%d}")
    from orchestration.states import history

    rows = history(feeds, first, last, known_at, book)
    if format is not Format.table:
        machine(rows, format)
        return
    if rows.empty:
        raise Refused(f"no NAV from {first:%Y-%m-%d} to {last:%Y-%m-%d}" + (f" of a book {book!r}" if book else ""))
    days = rows["business_date"].nunique()
    same = (rows["nav_then"] == rows["nav_now"]) | (rows["nav_then"].isna() & rows["nav_now"].isna())
    if not same.all():
        other = rows[~same]
        money = {name: other[name].map(_money) for name in ("nav_then", "nav_now", "difference")}
        day = other["business_date"].dt.strftime("%Y-%m-%d")
        table("NAV that is another one now", other.assign(business_date=day, **money), right=tuple(money))
    out.print(
        f"{len(rows)} NAVs of {days} sessions made again, each after the one before it: {int(same.sum())} are the same"
        " now, to the millionth",
        soft_wrap=True,
        highlight=False,
    )


def _books(feeds: "Feeds", session: pd.Timestamp, book: str | None) -> list[str]:
    known = sorted(feeds.lake.read("nav", session, session)["book"])
    if not known:
        raise Refused(f"{session:%Y-%m-%d} was not computed: run daybook eod --date {session:%Y-%m-%d}")
    if book is not None and book not in known:
        raise Refused(f"there is no book {book!r} on {session:%Y-%m-%d}: {', '.join(known)}")
    return known if book is None else [book]


def summary(session: pd.Timestamp, found: "Sequence[Difference]") -> None:
    """Print NAV of each book in both states."""
    sides = [
        part.then.nav.merge(part.now.nav, on="book", how="left", suffixes=("_then", "_now")).assign(
            then=part.one.name, now=part.other.name
        )
        for part in found
    ]
    both = pd.concat(sides, ignore_index=True).sort_values("book", ignore_index=True)
    difference = (both["nav_now"] - both["nav_then"]).round(6)
    shown = {
        "book": both["book"],
        "from": both["then"],
        "to": both["now"],
        "NAV then": both["nav_then"].map(_money),
        "NAV now": both["nav_now"].map(_money),
        "difference": difference.map(_money) + " " + both["base_currency_then"],
        "bp": (difference / both["nav_then"].where(both["nav_then"] > 0) * 1e4).round(4),
    }
    table(f"NAV of {session:%Y-%m-%d}", pd.DataFrame(shown), right=("NAV then", "NAV now", "difference"))


def one_by_one(rows: pd.DataFrame) -> None:
    """Print the largest changes, the facts that made them, and how many more there are."""
    if rows.empty:
        out.print("the same, to the millionth")
        return
    table("one by one", rounded(rows[_DETAIL]).head(MOST_SHOWN))
    if len(rows) > MOST_SHOWN:
        out.print(f"and {len(rows) - MOST_SHOWN} smaller ones: daybook changes --format csv gives all")


def other_tables(altered: dict[str, dict[str, int]]) -> None:
    """Print which signed tables of which books have other rows now."""
    for book, found in sorted(altered.items()):
        told = ", ".join(f"{name} {count}" for name, count in sorted(found.items(), key=lambda item: -item[1]))
        out.print(escape(f"{book}: rows that are not those signed: {told}"), soft_wrap=True, highlight=False)
    if not altered:
        out.print("every signed row stands as it was signed")


def _money(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.6f}".rstrip("0").rstrip(".")


def rounded(rows: pd.DataFrame) -> pd.DataFrame:
    """Money to the millionth, basis points to four places."""
    return rows.assign(effect=rows["effect"].round(6), effect_bp=rows["effect_bp"].round(4))
