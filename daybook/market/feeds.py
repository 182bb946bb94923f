"""Feeds: what should have been delivered for a session, and what came.

Belongs here: which feeds are expected on a session and of what, and the outcome of each. Does not belong here: reading
files (``daybook.intake``), which facts count (``resources.facts``), how grave an outcome is (``quality.feeds``), what a
custodian's silence means (``custodian_reports``), the columns of files (``headers``).

A feed is a table in the words of file names and a source, the suffix of the files. What was delivered for a session
is judged by the dates of the facts: a vendor may bring many sessions in one file, or yesterday's rows in today's. For
tables without business_date, and others that are not expected, it is judged by the date in the file's name.

Expected (contract, section 1): prices, exchange rates, what custodians and administrators say, from a source that has
delivered for an earlier session; every other table where the firm declares it (``expected_feeds``). A declaration goes
before what is implied, from its first day on. Of prices, the instruments are expected that the source priced on its
session before and whose market is open, and those held whose last price was its; of rates the pairs of its session
before; of custodians and administrators the books that they were the last to report (positions where the book holds
some). A feed ends by a declaration with a ``valid_to``; and by itself after ``SILENCE`` where another source delivers
the same table. The only source of a table never ends by itself.

Outcomes, in the words of table ``feed_outcomes``:

* ``complete``: everything expected is there, or nearly (``COVERAGE``).
* ``partial``: less; or something that is held, or a book, is missing; or rows are in quarantine.
* ``empty``: a header and no rows, by which the source says that there is nothing.
* ``failed``: unreadable, or no row of the session could be used. What was there before stays in force.
* ``missing``: expected, and nothing came.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.market import dated, security_master

Bools = NDArray[np.bool_]

FEED = ["feed", "source"]
KEY = ["business_date", *FEED]
ITEMS: Mapping[str, str] = {
    "prices": "instrument",
    "fx_rates": "pair",
    "custodian_positions": "book",
    "custodian_cash": "book",
    "administrator_nav": "book",
}
"""Feeds that are expected once they have delivered, and what their rows are about."""
NEEDED_FOR: Mapping[str, str] = {
    "prices": "valuation, P&L and risk",
    "fx_rates": "values in other currencies",
    "custodian_positions": "reconciliation of positions",
    "custodian_cash": "reconciliation of cash",
    "custodian_transactions": "reconciliation of transactions",
    "broker_transactions": "reconciliation of transactions",
    "transactions": "positions, cash and NAV",
    "corporate_actions": "positions, cash and NAV",
    "books": "every book",
    "instruments": "rows that name new instruments",
    "benchmark_weights": "benchmark return and attribution",
    "limits": "limits",
    "rules": "compliance",
}
"""What waits for a feed that did not come."""
SILENCE = pd.Timedelta(days=30)
"""How long a source may be silent before it has ended, where another one delivers its table."""
COVERAGE = 0.95
"""Share of what is expected that a feed must bring to be complete: instruments and pairs come to an end, one by one."""
NAMED = 5
"""Most names that a reason lists."""
GOOD = ("complete", "partial", "empty")
"""Outcomes of a file that was taken in."""


def outcomes(
    deliveries: pd.DataFrame,
    quarantine: pd.DataFrame,
    arrived: Mapping[str, pd.DataFrame],
    expected_feeds: pd.DataFrame,
    instruments: pd.DataFrame,
    books: pd.DataFrame,
    held: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``feed_outcomes`` of ``sessions``: a row for each feed that was expected, or came, or stands as failed.

    Args:
        deliveries: the file register, without failed files that somebody has decided on: seq, file, table_name,
            delivered, suffix, kind, outcome, rows, affects_from, original, reason.
        quarantine: undecided entries: delivery, line, business_date.
        arrived: feed -> rows of files in force, superseded by other files or not: business_date, delivery, and what
            ``ITEMS`` names (base and quote for a pair). The feeds of ``ITEMS`` and declared ones with business_date;
            of ``sessions`` and ``SILENCE`` before.
        expected_feeds: facts.
        instruments: reference facts.
        books: reference facts.
        held: business_date, book, instrument of what is held on ``sessions``.
        sessions: midnight, naive.

    Returns:
        ``expected_rows`` counts the rows that the source gave of the expected items on its session before,
        ``coverage`` is the share of these items that came, ``absent`` how many came from no source at all.
    """
    files = register(deliveries)
    lines = _lines(files, arrived, instruments, books)
    days = _books_open(books, sessions)
    wanted = _wanted(lines, held, days, sessions)
    parts = [
        _due(files, lines, wanted, expected_feeds, days, sessions),
        _came(lines, sessions),
        _own(files, sessions),
        _failed(files, sessions),
    ]
    keys = [part[KEY] for part in parts if len(part)]
    if not keys:
        return tables.empty("feed_outcomes")
    rows = pd.concat(keys, ignore_index=True).drop_duplicates()
    for part in (*parts, _share(wanted), _quarantined(files, quarantine, arrived)):
        rows = rows.merge(part, how="left", on=KEY)
    return _judged(rows.merge(_last_file(files, rows), how="left", on=KEY), pd.Index(list(arrived)))


def ended(expected_feeds: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Feeds that the firm declared and whose declaration has ended on a session: business_date, feed, source."""
    governs = _governing(expected_feeds, sessions)
    return governs.loc[governs["ended"], KEY].reset_index(drop=True)


def feed_name(rows: pd.DataFrame) -> "pd.Series[str]":
    """Feed and source of each of ``rows`` as they stand in the names of its files: prices_acme."""
    both = rows["feed"].mask(rows["source"] != "", rows["feed"] + "_" + rows["source"])
    return both.mask(rows["feed"] == "", rows["source"])


def register(deliveries: pd.DataFrame) -> pd.DataFrame:
    """The register with feed, source and root, the number of the file that brought the rows first."""
    names = {facts: feed for feed, facts in tables.FILES.items()}
    done = deliveries[deliveries["outcome"] != ""]
    feed = done["table_name"].map(names).fillna("").astype("str")
    days = {name: pd.to_datetime(done[name]).astype("datetime64[us]") for name in ("delivered", "affects_from")}
    return done.assign(
        feed=feed,
        source=done["suffix"].mask(feed == "", done["file"]),
        root=done["original"].fillna(done["seq"]).astype("int64"),
        **days,
    )


def _lines(
    files: pd.DataFrame, arrived: Mapping[str, pd.DataFrame], instruments: pd.DataFrame, books: pd.DataFrame
) -> pd.DataFrame:
    """What arrived by item: KEY, item, rows, seq (the newest delivery), calendar ("": that of any book)."""
    parts = [pd.DataFrame(columns=[*KEY, "item", "rows", "seq"])]
    for feed, facts in arrived.items():
        rows = facts[["business_date", "delivery"]].assign(feed=feed, item=_items(feed, facts))
        rows = rows.merge(files[["seq", "source"]], left_on="delivery", right_on="seq")
        parts.append(rows.groupby([*KEY, "item"], as_index=False).agg(rows=("seq", "size"), seq=("seq", "max")))
    lines = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    lines = lines.astype({"business_date": "datetime64[us]", "rows": "int64", "seq": "int64"})
    lines = lines.astype(dict.fromkeys([*FEED, "item"], "str"))
    kept = pd.Series("", lines.index, dtype="str")
    for known, key, column in ((instruments, "instrument", "exchange"), (books, "book", "calendar")):
        mine = lines[lines["feed"].map(ITEMS) == key]
        named = mine[["business_date"]].assign(**{key: mine["item"]})
        kept[mine.index] = security_master.attributes(known, key, named, [column])[column]
    return lines.assign(calendar=kept)


def _items(feed: str, facts: pd.DataFrame) -> "pd.Series[str] | str":
    """What each of ``facts`` is about; "" where a feed is expected as a whole. A pair is one, whichever way round."""
    name = ITEMS.get(feed, "")
    if name != "pair":
        return facts[name] if name else ""
    straight = facts["base"] < facts["quote"]
    first, second = facts["base"].where(straight, facts["quote"]), facts["quote"].where(straight, facts["base"])
    return first + "/" + second


def _books_open(books: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Sessions of any book's calendar: business_date, calendar (those that are open). A firm without books has all."""
    if books.empty:
        return pd.DataFrame({"business_date": sessions, "calendar": ""}).astype({"calendar": "str"})
    kept = security_master.effective(books, "book", sessions)[["business_date", "calendar"]].drop_duplicates()
    return _listed(kept[_open(kept["calendar"], kept["business_date"])], ["business_date"])


def _listed(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """``key`` and the calendars of ``rows``, each once, in one text."""
    once = rows[[*key, "calendar"]].drop_duplicates().sort_values([*key, "calendar"])
    return once.groupby(key, as_index=False).agg(calendar=("calendar", " ".join)).astype({"calendar": "str"})


def _open(names: "pd.Series[str]", dates: "pd.Series[pd.Timestamp]") -> Bools:
    """Whether each calendar is open on its date; a market without a known calendar is open on weekdays."""
    found = (dates.dt.dayofweek < 5).to_numpy(bool, copy=True)
    for name in names.unique():
        if calendars.is_calendar(name):
            here = (names == name).to_numpy()
            found[here] = calendars.is_session(name, dates[here])
    return found


def _wanted(lines: pd.DataFrame, held: pd.DataFrame, days: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Every item expected: KEY, item, rows (of the session before), calendar, needed, there, absent."""
    market = [*FEED, "calendar"]
    of_book = lines["feed"].map(ITEMS) == "book"
    # A price of a Sunday does not say what to expect on Monday.
    proper = lines[~of_book & ((lines["calendar"] == "") | _open(lines["calendar"], lines["business_date"]))]
    before = _last_before(proper, market, dated.grid(sessions, proper[market].drop_duplicates()))
    last = before.merge(proper, left_on=[*market, "last"], right_on=[*market, "business_date"], suffixes=("", "_line"))
    mine = held[["business_date", "instrument"]].drop_duplicates().rename(columns={"instrument": "item"})
    mine = mine[mine["business_date"].isin(sessions)].assign(feed="prices")
    # What is held, and books, are expected of whoever brought them last, and not only of a session before.
    by_item = ["feed", "item"]
    asked = pd.concat([mine, dated.grid(sessions, lines.loc[of_book, by_item].drop_duplicates())], ignore_index=True)
    still = _last_before(lines, by_item, asked).merge(
        lines, left_on=[*by_item, "last"], right_on=[*by_item, "business_date"], suffixes=("", "_line")
    )
    columns = [*KEY, "item", "rows", "calendar"]
    rows = pd.concat([last[columns], still[columns]], ignore_index=True).drop_duplicates([*KEY, "item"])
    any_book = rows[["business_date"]].merge(days, how="left", on="business_date")["calendar"]
    free = (rows["calendar"] == "").to_numpy()
    working = np.where(free, any_book.notna(), _open(rows["calendar"], rows["business_date"]))
    rows = rows.assign(calendar=rows["calendar"].mask(free, any_book.to_numpy()))[working.astype(bool)]
    keeps = held[["business_date", "book"]].drop_duplicates()
    flat = (rows["feed"] == "custodian_positions") & ~_pairs(rows, ["business_date", "item"]).isin(
        _pairs(keeps, ["business_date", "book"])
    )
    rows = rows[~flat]
    needed = (rows["feed"].map(ITEMS) == "book") | (
        (rows["feed"] == "prices")
        & _pairs(rows, ["business_date", "item"]).isin(_pairs(mine, ["business_date", "item"]))
    )
    there = _pairs(rows, [*KEY, "item"]).isin(_pairs(lines, [*KEY, "item"]))
    anywhere = ["business_date", "feed", "item"]
    return rows.assign(
        needed=needed, there=there, absent=~_pairs(rows, anywhere).isin(_pairs(lines, anywhere))
    ).reset_index(drop=True)


def _pairs(rows: pd.DataFrame, columns: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[columns])


def _last_before(lines: pd.DataFrame, key: list[str], wanted: pd.DataFrame) -> pd.DataFrame:
    """``wanted`` with ``last``, the last date of its key in ``lines`` before business_date and within ``SILENCE``."""
    known, asked = dated.codes([lines[name] for name in key], [wanted[name] for name in key])
    at = dated.last(known, lines["business_date"], asked, wanted["business_date"] - pd.Timedelta(days=1))
    last = lines["business_date"].reset_index(drop=True).reindex(at).set_axis(wanted.index)
    return wanted.assign(last=last)[(last >= wanted["business_date"] - SILENCE).to_numpy()]


def _governing(expected_feeds: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The declaration that governs each feed on each session: KEY, declared (calendar), ended."""
    each = expected_feeds[[*FEED, "valid_from", "valid_to", "calendar"]].merge(
        pd.DataFrame({"business_date": sessions}), how="cross"
    )
    each = each[each["valid_from"] <= each["business_date"]].sort_values("valid_from", kind="stable")
    newest = each.drop_duplicates(KEY, keep="last")
    return newest.assign(ended=newest["valid_to"] < newest["business_date"]).rename(columns={"calendar": "declared"})[
        [*KEY, "declared", "ended"]
    ]


def _due(
    files: pd.DataFrame,
    lines: pd.DataFrame,
    wanted: pd.DataFrame,
    expected_feeds: pd.DataFrame,
    days: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """The feeds expected on each session: KEY, calendar, due (True)."""
    governs = _governing(expected_feeds, sessions)
    rows = _implied(files, lines, sessions).merge(governs, how="outer", on=KEY)
    rows = rows.merge(_listed(wanted, KEY).rename(columns={"calendar": "markets"}), how="left", on=KEY)
    rows = rows.merge(days.rename(columns={"calendar": "any_book"}), how="left", on="business_date")
    declared = rows["declared"].fillna("") != ""
    # Where it is known what a source delivers, its markets say when; else the books' calendars do.
    by_items = rows["recent"].fillna(False).astype(bool) & ~declared
    calendar = rows["declared"].where(declared, rows["any_book"].mask(by_items, rows["markets"])).fillna("")
    working = np.where(
        declared,
        _open(calendar.astype("str"), rows["business_date"]),
        np.where(by_items, rows["markets"].notna(), rows["any_book"].notna()),
    )
    keep = working.astype(bool) & ~rows["ended"].fillna(False).astype(bool)
    return rows.assign(calendar=calendar.astype("str"), due=True).loc[keep, [*KEY, "calendar", "due"]]


def _implied(files: pd.DataFrame, lines: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Feeds of ``ITEMS`` that delivered before each session and have not ended by themselves: KEY, recent.

    ``recent`` is whether the source delivered something within ``SILENCE``, so that it is known what to expect.
    """
    emptied = files["delivered"].where(files["outcome"] == "empty")
    since = files[FEED].assign(since=files[["affects_from"]].assign(emptied=emptied).min(axis=1))
    both = pd.concat([since, lines[FEED].assign(since=lines["business_date"])])
    both = both[both["feed"].isin(list(ITEMS))]
    first = both.groupby(FEED, as_index=False).agg(since=("since", "min"))
    rows = dated.grid(sessions, first)
    rows = rows[rows["since"] < rows["business_date"]]
    recent = _last_before(lines, FEED, rows)
    rows = rows.assign(recent=rows.index.isin(recent.index))
    others = rows.groupby(["business_date", "feed"])["recent"].transform("any")
    return rows.loc[rows["recent"] | ~others, [*KEY, "recent"]]


def _share(wanted: pd.DataFrame) -> pd.DataFrame:
    """How much of what is expected is there: KEY, expected, there, expected_rows, absent, lacking, needed, names."""
    rows = wanted.assign(lacking=~wanted["there"], needed=wanted["needed"] & ~wanted["there"])
    counts = rows.groupby(KEY, as_index=False).agg(
        expected=("item", "size"), there=("there", "sum"), expected_rows=("rows", "sum"), absent=("absent", "sum"),
        lacking=("lacking", "sum"), needed=("needed", "sum"),
    )  # fmt: skip
    gone = rows[rows["lacking"]].sort_values(["needed", "item"], ascending=[False, True])
    names = gone.groupby(KEY).head(NAMED).groupby(KEY, as_index=False).agg(names=("item", ", ".join))
    return counts.merge(names, how="left", on=KEY)


def _came(lines: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What came by the dates of the facts: KEY, lines (how many), lines_seq."""
    today = lines[lines["business_date"].isin(sessions)]
    return today.groupby(KEY, as_index=False).agg(lines=("rows", "sum"), lines_seq=("seq", "max"))


def _own(files: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What came by the date in the file's name: KEY, own_rows, own_seq, own_empty. A replaced snapshot has not come."""
    good = files[files["outcome"].isin(GOOD) & files["delivered"].isin(sessions) & (files["feed"] != "")]
    good = good.rename(columns={"delivered": "business_date"})
    newest = good.groupby(KEY)["root"].transform("max")
    snapshot = good["feed"].map(tables.FILES).isin(tables.SNAPSHOTS)
    good = good[~snapshot | (good["root"] == newest)]
    full = good.assign(full=good["outcome"] != "empty")
    own = full.groupby(KEY, as_index=False).agg(own_rows=("rows", "sum"), own_seq=("root", "max"), full=("full", "any"))
    return own.assign(own_empty=~own["full"]).drop(columns="full")


def _failed(files: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Files that could not be read, until a newer one takes their place: KEY, failed_seq, failed_on, failure, failures.

    Of a snapshot table a newer file of the same source takes the place; of other tables one of the same date and
    source. A file whose name tells no table or date stands on every session, feed "" and source its name.
    """
    known = files[files["original"].isna()].merge(pd.DataFrame({"business_date": sessions}), how="cross")
    known = known[known["delivered"].isna() | (known["delivered"] <= known["business_date"])]
    lasting = ~known["table_name"].isin(tables.SNAPSHOTS)
    slot = known["source"].mask(lasting, dated.iso(known["delivered"]).set_axis(known.index) + known["source"])
    known = known.assign(slot=slot).sort_values(["delivered", "seq"], kind="stable", na_position="first")
    newest = known.drop_duplicates(["business_date", "feed", "slot"], keep="last")
    bad = newest[newest["outcome"] == "failed"]
    bad = bad.assign(failure=bad["file"] + ": " + bad["reason"])
    return bad.groupby(KEY, as_index=False).agg(
        failed_seq=("seq", "max"), failed_on=("delivered", "last"), failed_file=("file", "last"),
        failure=("failure", "last"), failures=("failure", "size"),
    )  # fmt: skip


def in_quarantine(files: pd.DataFrame, quarantine: pd.DataFrame) -> pd.DataFrame:
    """Lines in quarantine with their feed and session, without those of files that were refused whole."""
    taken = files.loc[files["outcome"] != "failed", ["seq", *FEED, "delivered"]]
    rows = quarantine.drop_duplicates(["delivery", "line"]).merge(taken, left_on="delivery", right_on="seq")
    own = pd.to_datetime(rows["business_date"]).astype("datetime64[us]")
    return rows.assign(business_date=own.fillna(rows["delivered"]))


def _quarantined(files: pd.DataFrame, quarantine: pd.DataFrame, arrived: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lines in quarantine: KEY, quarantined."""
    rows = in_quarantine(files, quarantine)
    by_file = ~rows["feed"].isin(list(arrived))
    rows = rows.assign(business_date=rows["business_date"].mask(by_file, rows["delivered"]))
    return rows.groupby(KEY, as_index=False).size().rename(columns={"size": "quarantined"})


def _last_file(files: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """For each of ``rows`` the file that came, "" if none did, and the last good one: KEY, file, last_file."""
    names = files.set_index("seq")["file"]
    seq = rows["lines_seq"].fillna(rows["own_seq"])
    good = files[files["outcome"].isin(GOOD) & files["original"].isna()].sort_values("seq", kind="stable")
    known, wanted = dated.codes([good[name] for name in FEED], [rows[name] for name in FEED])
    at = dated.last(known, good["delivered"], wanted, rows["business_date"])
    before = good["file"].reset_index(drop=True).reindex(at)
    return rows[KEY].assign(
        file=seq.map(names).fillna("").astype("str").to_numpy(), last_file=before.fillna("").to_numpy()
    )


def _judged(rows: pd.DataFrame, dated_feeds: pd.Index) -> pd.DataFrame:
    """The outcome of each of ``rows`` and why, as table ``feed_outcomes``."""
    zero = ["expected", "there", "expected_rows", "absent", "lacking", "needed", "quarantined", "failures"]
    rows = rows.assign(**{name: rows[name].fillna(0).astype("int64") for name in zero})
    by_file = ~rows["feed"].isin(dated_feeds)
    due = rows["due"].fillna(False).astype(bool)
    count = rows["lines"].where(~by_file, rows["own_rows"]).fillna(0).astype("int64")
    seq = rows["lines_seq"].where(~by_file, rows["own_seq"]).fillna(-1)
    nothing = count == 0
    # What arrived last about a session decides; a failure of an earlier date stands only while nothing is expected.
    refused = (rows["failures"] > 0) & (
        by_file
        | ((rows["failed_on"] == rows["business_date"]) & (rows["failed_seq"] > seq))
        | ((rows["failed_on"] < rows["business_date"]) & nothing & ~due)
    )
    unusable = nothing & (rows["quarantined"] > 0) & ~refused
    own = rows["own_seq"].notna()
    empty = nothing & own & rows["own_empty"].fillna(False).astype(bool) & ~unusable & ~refused
    missing = nothing & due & ~(by_file & own) & ~empty & ~unusable & ~refused
    short = (rows["there"] < COVERAGE * rows["expected"]) | (rows["needed"] > 0) | (rows["quarantined"] > 0)
    outcome = pd.Series(np.where(short, "partial", "complete"), rows.index, dtype="str")
    for name, where in (("missing", missing), ("empty", empty), ("failed", refused | unusable)):
        outcome = outcome.mask(where, name)
    table = rows.assign(
        outcome=outcome,
        calendar=rows["calendar"].fillna(""),
        rows=count,
        coverage=(rows["there"] / rows["expected"].where(rows["expected"] > 0)).round(12),
        file=rows["file"].mask(refused, rows["failed_file"]).fillna("").mask(missing, ""),
        reason=_reasons(rows, outcome, unusable),
    )
    came = refused | unusable | empty | missing | ~nothing | (by_file & own)
    return tables.conform(
        "feed_outcomes",
        table.loc[came, list(tables.TABLES["feed_outcomes"].names)].sort_values(KEY, kind="stable"),
    )


def _reasons(rows: pd.DataFrame, outcome: "pd.Series[str]", unusable: "pd.Series[bool]") -> "pd.Series[str]":
    """Why each outcome is what it is, in a sentence; empty where there is nothing to say."""
    more = rows["lacking"] - NAMED
    tail = (" and " + more.astype("str") + " more").where(more > 0, "")
    lacks = rows["lacking"].astype("str") + " of " + rows["expected"].astype("str") + " expected did not come: "
    lacks = (lacks + rows["names"].fillna("") + tail).where(rows["lacking"] > 0, "")
    waits = (rows["quarantined"].astype("str") + " row(s) in quarantine").where(rows["quarantined"] > 0, "")
    both = lacks.str.cat(waits, sep="; ").str.strip("; ")
    last = ("; the last file was " + rows["last_file"]).where(rows["last_file"] != "", "")
    today = rows["file"] != ""
    gone = ("nothing came" + last).mask(today, rows["file"] + " holds no row of this session")
    others = "; other sources delivered all of it"
    gone = gone + pd.Series(others, rows.index, dtype="str").where((rows["expected"] > 0) & (rows["absent"] == 0), "")
    after = (" and " + (rows["failures"] - 1).astype("str") + " more").where(rows["failures"] > 1, "")
    broken = rows["failure"].fillna("") + after + "; what was there before stays in force"
    broken = broken.mask(unusable, rows["file"] + ": no row of this session could be used, " + waits)
    header = rows["file"] + " has a header and no rows: the source says that there is nothing"
    texts = {"missing": gone, "failed": broken, "empty": header}
    reason = both
    for name, text in texts.items():
        reason = reason.mask(outcome == name, text)
    return reason.fillna("").astype("str")
