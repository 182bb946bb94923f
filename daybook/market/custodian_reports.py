"""What custodians reported, and what the absence of a line in a report means.

Belongs here: which books were reported on a session, and whether what a report does not list is zero. Does not belong
here: comparing the report with the books (``daybook.ledger.reconciliation``).

A feed that failed is never read as flat: no report, no comparison. A file without rows is a report that nothing is
left. A line that could not be read may be about any of the file's books.
"""

from collections.abc import Mapping

import pandas as pd

from daybook import tables
from daybook.market import dated, feeds

KINDS: Mapping[str, str] = {"custodian_positions": "position", "custodian_cash": "cash"}
"""Feeds of custodians, and the kind of break that they can show."""
_DAY = ["business_date", "book"]
_ARRIVAL = ["known_at", "recorded_at", "file", "line", "delivery"]


def reports(deliveries: pd.DataFrame, quarantine: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Table ``custodian_reports`` of all sessions.

    A book is reported where the custodian lists something of it; and where it sent a file without rows, every book that
    it was the last to list. A report is not ``whole`` where a line of the same feed and date that may
    be about the book waits in quarantine: what it does not list is not known.

    Args:
        deliveries: the file register, as ``feeds.outcomes`` takes it, with recorded_at.
        quarantine: undecided entries: delivery, line, column, business_date, row (the texts of the line by column).
        facts: the feeds of ``KINDS`` -> facts in force.
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
    rows = pd.concat([part for part in parts if len(part)] or [tables.empty("custodian_reports")], ignore_index=True)
    ordered = rows.sort_values(["business_date", "kind", "book"], kind="stable")
    return tables.conform("custodian_reports", ordered[list(tables.TABLES["custodian_reports"].names)])


def _of_feed(files: pd.DataFrame, facts: pd.DataFrame, bad: pd.DataFrame) -> pd.DataFrame:
    """business_date, book, source, whole, and how the report arrived."""
    listed = facts[[*_DAY, *_ARRIVAL]].merge(files[["seq", "source"]], left_on="delivery", right_on="seq")
    listed = listed.sort_values("seq", kind="stable").drop_duplicates(_DAY, keep="last")
    parts = [part for part in (listed, _emptied(files, listed)) if len(part)] or [listed]
    rows = pd.concat(parts, ignore_index=True)
    torn = bad[bad["book"] == ""]
    doubtful = _keys(rows, _DAY).isin(_keys(bad, _DAY))
    doubtful |= _keys(rows, ["business_date", "source"]).isin(_keys(torn, ["business_date", "source"]))
    return rows.assign(whole=~doubtful)


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
