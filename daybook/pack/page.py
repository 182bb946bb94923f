"""The pages of the pack: one for the firm, one for each book.

Belongs here: which sections a page has, the first screen, the links between pages. Does not belong here: what a section
says (the modules named after them, ``money`` and ``control``), and the markup (``templates/``).
"""

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from daybook.pack import (
    active_risk,
    attribution,
    backtest,
    cash,
    classes,
    components,
    contributions,
    control,
    exposures,
    factors,
    figures,
    limits,
    liquidity,
    money,
    overrides,
    performance,
    ratios,
    sources,
    stress,
    timeline,
    var,
    waivers,
)
from daybook.pack.blocks import Section
from daybook.pack.bridge import bridges
from daybook.pack.day import Day
from daybook.pack.series import series
from daybook.pack.verdict import Verdict, verdict, verdicts

if TYPE_CHECKING:
    from jinja2 import Environment


_ORDER = {"blocked": 0, "ready": 1, "closed": 2}
_LONGEST = 200  # characters of a file's name, of which file systems take 255, with what is put around it
_MOST_VERDICTS = 24  # a longer list names the blocked books alone


def file_name(book: str) -> str:
    """The name of the page of ``book``: ``<book>.html`` with everything but letters, digits, _ . - ~ percent-encoded.

    A book called index keeps clear of the firm's ``index.html``; a name too long for a file ends in its SHA-256.
    """
    name = quote(book, safe="")
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 64]}{sha256(book.encode()).hexdigest()}"
    return f"{'%69' + name[1:] if name.casefold() == 'index' else name}.html"


def firm(day: Day) -> str:
    """The page of the firm, a complete HTML document that needs nothing else; save it as ``index.html``."""
    found = dict(sorted(verdicts(day).items(), key=lambda pair: _ORDER[pair[1].state]))
    bridge = bridges(day)
    sections = [
        money.firm(day, bridge),
        *cash.sections(day, None),
        *classes.sections(day, None),
        money.breaks(day, None),
        overrides.overrides(day, None),
        waivers.waivers(day, None),
        performance.firm(day),
        ratios.firm(day),
        attribution.firm(day),
        var.firm(day),
        components.section(day, None),
        backtest.firm(day),
        stress.firm(day),
        factors.firm(day),
        liquidity.firm(day),
        exposures.firm(day),
        limits.section(day, None),
        control.compliance(day, None),
        control.orders(day, None),
        *series(day),
        control.quality(day, None),
        timeline.section(day),
        control.versions(day),
    ]
    return _page(day, None, found, sections, control.glance(day, None, bridge))


def book(day: Day, book: str) -> str:
    """The page of one book, a complete HTML document; save it as ``file_name(book)``.

    Raises:
        KeyError: ``book`` is not a book of the day.
    """
    found = {book: verdict(day, book)}
    bridge = bridges(day, [book])
    sections = [
        money.book(day, book, bridge),
        *cash.sections(day, book),
        *classes.sections(day, book),
        money.holdings(day, book),
        money.breaks(day, book),
        overrides.overrides(day, book),
        waivers.waivers(day, book),
        performance.book(day, book),
        ratios.book(day, book),
        contributions.section(day, book),
        attribution.book(day, book),
        sources.section(day, book),
        active_risk.section(day, book),
        var.book(day, book),
        components.section(day, book),
        backtest.book(day, book),
        stress.book(day, book),
        factors.book(day, book),
        liquidity.book(day, book),
        exposures.book(day, book),
        limits.section(day, book),
        control.compliance(day, book),
        control.orders(day, book),
        control.quality(day, book),
        timeline.section(day),
        control.versions(day),
    ]
    return _page(day, book, found, sections, control.glance(day, book, bridge))


def _page(
    day: Day, book: str | None, found: dict[str, Verdict], sections: list[Section], glance: list[control.Tile]
) -> str:
    title = "Firm" if book is None else day.book_names.get(book, book)
    return (
        environment()
        .get_template("page.html")
        .render(
            date=figures.day(day.business_date),
            weekday=day.business_date.strftime("%A"),
            title=figures.words(title),
            book=book,
            books=day.names,
            run_id=figures.words(day.run_id),
            headline=_headline(book, found),
            others=_others(found) if book is None else "",
            state=_state(found),
            verdicts={
                name: one for name, one in found.items() if len(found) <= _MOST_VERDICTS or one.state == "blocked"
            },
            glance=glance,
            sections=sections,
        )
    )


def _state(found: dict[str, Verdict]) -> str:
    states = {verdict.state for verdict in found.values()}
    return "blocked" if "blocked" in states or not states else "ready" if "ready" in states else "closed"


def _headline(book: str | None, found: dict[str, Verdict]) -> str:
    """The answer to "can it close", in a few words."""
    if book is not None:
        return found[book].word
    total = len(found)
    if not total:
        return "Nothing to close: no book has a session on this date"
    blocked = sum(v.state == "blocked" for v in found.values())
    ready = sum(v.state == "ready" for v in found.values())
    if blocked:
        return f"Cannot close: {blocked} of {total} {_books(total)} blocked"
    if ready:
        return f"Can close: {ready} of {total} {_books(total)} to sign"
    return f"Closed: {total} of {total} {_books(total)} signed"


def _others(found: dict[str, Verdict]) -> str:
    """What is true of the books that the headline does not speak of."""
    ready, closed = (sum(v.state == state for v in found.values()) for state in ("ready", "closed"))
    if ready + closed == len(found) and not (ready and closed):
        return ""
    parts = [f"{ready} can close"] if ready else []
    parts += [f"{closed} {'is' if closed == 1 else 'are'} closed"] if closed else []
    return ", ".join(parts) + "." if parts else ""


def _books(total: int) -> str:
    return "book" if total == 1 else "books"


@lru_cache(maxsize=1)
def environment() -> "Environment":
    """The templates of the pages; everything that they are given is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("daybook.pack"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["link"] = lambda book: "./" + quote(file_name(book))
    return environment
