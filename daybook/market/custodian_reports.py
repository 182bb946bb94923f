"""What custodians reported, and what the absence of a line in a report means.

Belongs here: which books were reported on a session, and whether what a report does not list is zero. Does not belong
here: comparing the report with the books (``daybook.ledger.reconciliation``).

A feed that failed is never read as flat: no report, no comparison. A file without rows is a report that nothing is
left. A line that could not be read may be about any of the file's books.
"""

from collections.abc import Mapping

import pandas as pd

from daybook.market import dated, feeds

KINDS: Mapping[str, str] = {"custodian_positions": "position", "custodian_cash": "cash"}
"""Feeds of custodians, and the kind of break that they can show."""
COLUMNS = ["business_date", "book", "kind", "source", "whole"]
_DAY = ["business_date", "book"]


def reports(deliveries: pd.DataFrame, quarantine: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The reports of all sessions: business_date, book, kind (position or cash), source, whole; one a book and kind.

    A book is reported where the custodian lists something of it; and where it sent a file without rows, every book that
    it had reported on its last date before. A report is not ``whole`` where a line of the same feed and date that may
    be about the book waits in quarantine: what it does not list is not known.

    Args:
        deliveries: the file register, as ``feeds.outcomes`` takes it.
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
    return pd.concat(parts, ignore_index=True)[COLUMNS].sort_values(
        ["business_date", "kind", "book"], ignore_index=True
    )


def _of_feed(files: pd.DataFrame, facts: pd.DataFrame, bad: pd.DataFrame) -> pd.DataFrame:
    """business_date, book, source, whole."""
    listed = facts[[*_DAY, "delivery"]].merge(files[["seq", "source"]], left_on="delivery", right_on="seq")
    listed = listed.sort_values("seq").drop_duplicates(_DAY, keep="last")
    rows = pd.concat([listed, _emptied(files, listed)], ignore_index=True)
    torn = bad[bad["book"] == ""]
    doubtful = _keys(rows, _DAY).isin(_keys(bad, _DAY))
    doubtful |= _keys(rows, ["business_date", "source"]).isin(_keys(torn, ["business_date", "source"]))
    return rows.assign(whole=~doubtful)


def _emptied(files: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """Books of which a file without rows says that nothing is left: business_date, book, source."""
    newest = (
        files[files["outcome"].isin(feeds.GOOD)]
        .sort_values("root")
        .drop_duplicates(["delivered", "source"], keep="last")
    )
    empty = newest.loc[newest["outcome"] == "empty", ["delivered", "source"]].reset_index(drop=True)
    dates = listed[["business_date", "source"]].drop_duplicates()
    known, wanted = dated.codes([dates["source"]], [empty["source"]])
    at = dated.last(known, dates["business_date"], wanted, empty["delivered"] - pd.Timedelta(days=1))
    last = dates["business_date"].reset_index(drop=True).reindex(at).to_numpy("datetime64[us]")
    before = listed.rename(columns={"business_date": "last"})[["last", "book", "source"]]
    rows = empty.assign(last=last).merge(before, on=["last", "source"]).rename(columns={"delivered": "business_date"})
    rows = rows.drop_duplicates(_DAY)[[*_DAY, "source"]]
    return rows[~_keys(rows, _DAY).isin(_keys(listed, _DAY))]


def _keys(rows: pd.DataFrame, columns: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[columns])
