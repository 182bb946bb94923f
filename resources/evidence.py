"""What a number is explained with, read from the lake and from the facts: one book, one session and the one before.

Belongs here: which tables are read for which. Does not belong here: what is made of them (``daybook.explain``).

Two sessions of each table are read, and the log of the book, of the books that share its lots, and of what corrects
either: nothing that grows with other books or with the sessions that were computed.
"""

from collections.abc import Sequence

import pandas as pd

from daybook import calendars, tables
from daybook.explain.evidence import MARKET, Evidence, Unexplained
from daybook.market import security_master
from resources import closes
from resources.feeds import Feeds
from resources.settings import settings

HELD = ("positions", "lots", "cash", "accruals", "fee_accruals")
"""What holdings and money are explained with."""
READ: dict[str, Sequence[str]] = {
    "nav": ("nav", "valuations", *HELD, *MARKET),
    "valuations": ("valuations", *HELD, *MARKET),
    "positions": ("positions", "lots", *MARKET),
    "lots": ("lots", *MARKET),
    "cash": ("cash", "accruals", "fee_accruals", *MARKET),
    "pnl": ("pnl", "nav", "valuations", "positions", "activity", "entitlements", "fee_accruals", "accruals", *MARKET),
    "realised": ("realised", *MARKET),
}
"""Tables of results that each table is explained with."""


def evidence(feeds: Feeds, table: str, book: str, session: pd.Timestamp) -> Evidence:
    """What ``table`` of ``book`` on ``session`` is explained with.

    Raises:
        Unexplained: there is no such book, or the session was not computed.
    """
    facts, lake = feeds.facts, feeds.lake
    books = facts.current("books")
    if book not in set(books["book"]):
        raise Unexplained(f"there is no book {book!r}: {', '.join(sorted(set(books['book'])))}")
    row = pd.DataFrame({"business_date": [session], "book": [book]})
    calendar = str(security_master.attributes(books, "book", row, ["calendar"])["calendar"].iloc[0])
    before = pd.Timestamp(calendars.previous_session(calendar, pd.DatetimeIndex([session]))[0])
    versions = {name: version for name in READ[table] if (version := lake.version(name)) is not None}
    results = {}
    for name, version in versions.items():
        rows = lake.read(name, before, session, version=version)
        results[name] = rows if name in MARKET else rows[rows["book"] == book].reset_index(drop=True)
    if results.get("prices", pd.DataFrame()).empty:
        raise Unexplained(f"{session:%Y-%m-%d} was not computed: run daybook eod --date {session:%Y-%m-%d}")
    log = facts.log_of(_sharing(books, book))
    bare = ((log["kind"] == "transfer_in") & log["cost"].isna() & log["price"].isna()).any()
    return Evidence(
        book=book,
        session=session,
        results=results,
        versions=versions,
        log=log,
        corporate_actions=facts.current("corporate_actions", None, session),
        elections=facts.current("elections", None, session),
        books=books,
        instruments=facts.current("instruments"),
        raw_fx_rates=facts.current("raw_fx_rates", None, session),
        price_overrides=facts.current("price_overrides"),
        transfer_prices=lake.read("transfer_prices", None, session) if bare else tables.empty("transfer_prices"),
        order=settings().vendors,
    )


def signature(feeds: Feeds, table: str, book: str, session: pd.Timestamp) -> str:
    """Who signed ``book`` for ``session``, and whether what was seen of ``table`` still stands; or that nobody has."""
    states = closes.states(feeds.engine, session)
    rows = states[states["book"] == book]
    if rows.empty:
        return "not signed: not computed to the end"
    row = rows.iloc[0]
    if row["signed_by"] == "":
        return "not signed: a candidate"
    seen = (row["seen"] or {}).get(table)
    stands = seen is not None and _of(feeds, table, book, session) == _of(feeds, table, book, session, seen["version"])
    told = "as it stands" if stands else f"changed since: daybook changes {session:%Y-%m-%d} --book {book}"
    signed = (
        f"{row['status']} as version {row['version']} by {row['signed_by']}, {row['recorded_at']:%Y-%m-%d %H:%M} UTC"
    )
    return f"{signed}, {told}"


def _of(feeds: Feeds, table: str, book: str, session: pd.Timestamp, version: int | None = None) -> str:
    """Content hash of the book's own rows of ``table``."""
    rows = feeds.lake.read(table, session, session, version=version)
    return tables.content_hash(table, rows[rows["book"] == book].reset_index(drop=True))


def _sharing(books: pd.DataFrame, book: str) -> list[str]:
    """``book``, and those that may share a pool of lots with it at any time."""
    own = books[books["book"] == book]
    names = {book}
    for scope in ("strategy", "entity"):
        wide = set(own.loc[own["lot_pool"] == scope, scope]) - {""}
        names |= set(books.loc[books[scope].isin(wide), "book"])
    return sorted(names)
