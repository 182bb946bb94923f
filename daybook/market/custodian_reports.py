"""What custodians and brokers reported, and what the absence of a line in a report means.

Belongs here: which books were reported on a session, and whether what a report does not list is zero. Does not belong
here: comparing the report with the books (``daybook.reconciliation``).

A feed that failed is never read as flat: no report, no comparison. A file without rows is a report that nothing is
left. A line that could not be read may be about any of the file's books.

A statement of positions or cash lists every book that it is about. A statement of transactions does not list a book in
which nothing happened, and that is what it says of it: it is about every book of its source.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.market import dated, feeds

KINDS: Mapping[str, str] = {"custodian_positions": "position", "custodian_cash": "cash"}
"""Feeds of custodians that list every book, and the kind of break that they can show."""
TRANSACTIONS: Mapping[str, str] = {"custodian_transactions": "transaction", "broker_transactions": "confirmation"}
"""Feeds of transactions, and what their reports are called."""
REPORTED: Mapping[str, str] = {**KINDS, **TRANSACTIONS}
"""Every feed of which reports are kept, and the kind of the reports."""
_DAY = ["business_date", "book"]
_ARRIVAL = ["known_at", "recorded_at", "file", "line", "delivery"]


def reports(deliveries: pd.DataFrame, quarantine: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Table ``custodian_reports`` of all sessions.

    A book is reported where the custodian lists something of it; and where it sent a file without rows, every book that
    it was the last to list. A report is not ``whole`` where a line of the same feed and date that may
    be about the book waits in quarantine: what it does not list is not known.

    Transactions of a book are reported on each date of a file, and of its rows, by the custodian who was the last to
    list a transaction of it; by the one who was the last to list its positions or cash where no custodian ever did. A
    broker reports every book of which it ever confirmed something.

    Args:
        deliveries: the file register, as ``feeds.outcomes`` takes it, with recorded_at.
        quarantine: undecided entries: delivery, line, column, business_date, row (the texts of the line by column).
        facts: the feeds of ``REPORTED`` -> facts in force.
    """
    files = feeds.register(deliveries)
    bad = feeds.in_quarantine(files, quarantine)
    book = pd.Series([row.get("book", "") for row in bad["row"]], bad.index, dtype="str").fillna("")
    # A torn line names no column: the file may have been cut there, and the rest of it is gone.
    bad = bad.assign(book=book.mask(bad["column"] == "", ""))
    parts = [
        _of_feed(files[files["feed"] == feed], facts[feed], bad[bad["feed"] == feed]).assign(kind=kind)
        for feed, kind in KINDS.items()
    ]
    statements = pd.concat([part[[*_DAY, "source"]] for part in parts])
    parts += [
        _of_transactions(feed, files, facts[feed], statements, bad[bad["feed"] == feed]).assign(kind=kind)
        for feed, kind in TRANSACTIONS.items()
        if (files["feed"] == feed).any()
    ]
    rows = pd.concat([part for part in parts if len(part)] or [tables.empty("custodian_reports")], ignore_index=True)
    ordered = rows.sort_values(["business_date", "kind", "book", "source"], kind="stable")
    return tables.conform("custodian_reports", ordered[list(tables.TABLES["custodian_reports"].names)])


def _of_feed(files: pd.DataFrame, facts: pd.DataFrame, bad: pd.DataFrame) -> pd.DataFrame:
    """business_date, book, source, whole, and how the report arrived."""
    listed = facts[[*_DAY, *_ARRIVAL]].merge(files[["seq", "source"]], left_on="delivery", right_on="seq")
    listed = listed.sort_values("seq", kind="stable").drop_duplicates(_DAY, keep="last")
    parts = [part for part in (listed, _emptied(files, listed)) if len(part)] or [listed]
    return _judged(pd.concat(parts, ignore_index=True), bad)


def _judged(rows: pd.DataFrame, bad: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with ``whole``."""
    torn = bad[bad["book"] == ""]
    doubtful = _keys(rows, _DAY).isin(_keys(bad, _DAY))
    doubtful |= _keys(rows, ["business_date", "source"]).isin(_keys(torn, ["business_date", "source"]))
    return rows.assign(whole=~doubtful)


def _of_transactions(
    feed: str, files: pd.DataFrame, facts: pd.DataFrame, statements: pd.DataFrame, bad: pd.DataFrame
) -> pd.DataFrame:
    """business_date, book, source, whole, and how the report arrived, of a feed of transactions.

    Args:
        feed: one of ``TRANSACTIONS``.
        files: the register.
        facts: rows of the feed in force.
        statements: business_date, book, source of what statements of positions and cash list.
        bad: lines of the feed in quarantine.
    """
    own = files[(files["feed"] == feed) & files["outcome"].isin(feeds.GOOD)]
    slot = ["business_date", "source"]
    listed = facts[[*_DAY, *_ARRIVAL]].merge(own[["seq", "source"]], left_on="delivery", right_on="seq")
    named = own.rename(columns={"delivered": "business_date"}).sort_values("root").drop_duplicates(slot, keep="last")
    arrived = named.assign(known_at=named["recorded_at"], delivery=named["seq"], line=1)
    days = pd.concat([listed[[*slot, *_ARRIVAL]], arrived[[*slot, *_ARRIVAL]]], ignore_index=True)
    days = days.sort_values("delivery", kind="stable").drop_duplicates(slot, keep="last", ignore_index=True)
    here = listed[[*_DAY, "source"]].drop_duplicates()
    whose = here if feed == "broker_transactions" else pd.concat([here, statements]).drop_duplicates()
    rows = days.merge(whose[["book", "source"]].drop_duplicates(), on="source")
    rows = rows[_ever(whose, ["book", "source"], rows)].reset_index(drop=True)
    if feed != "broker_transactions":
        elsewhere = statements.sort_values(slot, kind="stable")
        last = _last_source(here.sort_values(slot, kind="stable"), rows)
        rows = rows[last.where(last.notna(), _last_source(elsewhere, rows)) == rows["source"]]
    return _judged(rows.reset_index(drop=True), bad)


def _ever(listed: pd.DataFrame, columns: list[str], rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether ``columns`` of each of ``rows`` were listed on its date or before."""
    known, wanted = dated.codes([listed[name] for name in columns], [rows[name] for name in columns])
    found: NDArray[np.bool_] = dated.last(known, listed["business_date"], wanted, rows["business_date"]) >= 0
    return found


def _last_source(listed: pd.DataFrame, rows: pd.DataFrame) -> "pd.Series[str]":
    """Who was the last to list the book of each of ``rows``, on its date or before; missing where nobody did."""
    known, wanted = dated.codes([listed["book"]], [rows["book"]])
    at = dated.last(known, listed["business_date"], wanted, rows["business_date"])
    return listed["source"].reset_index(drop=True).reindex(at).set_axis(rows.index)


def _emptied(files: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """Books of which a file without rows says that nothing is left, in the columns of ``listed``."""
    slot = ["delivered", "source"]
    newest = files[files["outcome"].isin(feeds.GOOD)].sort_values("root").drop_duplicates(slot, keep="last")
    empty = newest[newest["outcome"] == "empty"]
    arrival = {"business_date": empty["delivered"], "known_at": empty["recorded_at"], "delivery": empty["seq"]}
    kept = empty.assign(line=1, **arrival)[["source", "business_date", *_ARRIVAL]]
    rows = kept.merge(listed[["book"]].drop_duplicates(), how="cross")
    known, wanted = dated.codes([listed["book"]], [rows["book"]])
    at = dated.last(known, listed["business_date"], wanted, rows["business_date"] - pd.Timedelta(days=1))
    last = listed["source"].reset_index(drop=True).reindex(at).set_axis(rows.index)
    rows = rows[last == rows["source"]].sort_values("delivery").drop_duplicates(_DAY, keep="last")
    return rows.loc[~_keys(rows, _DAY).isin(_keys(listed, _DAY)), [*_DAY, *_ARRIVAL, "source"]]


def _keys(rows: pd.DataFrame, columns: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[columns])
