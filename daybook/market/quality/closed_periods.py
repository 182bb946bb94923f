"""Transactions that came after a session that they are dated into was signed.

Belongs here: which rows those are, and what is said of them. Does not belong here: what becomes of such a row
(``daybook.intake.closed_periods``), and what it changes (``daybook.control.changes``).
"""

import pandas as pd

from daybook.ledger import spans, transactions
from daybook.market import dated, security_master
from daybook.market.quality.finding import and_more, finding

LATE = (
    "transaction_id",
    "book",
    "trade_date",
    "booked_on",
    "file",
    "line",
    "delivery",
    "signed_on",
    "version",
    "signed_by",
)
"""Columns of a transaction and a signature of its book, of its date or later, that was made without it."""


def of_sessions(rows: pd.DataFrame, books: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Transactions without which ``sessions`` were signed, and those that these book in place of signed ones.

    Args:
        rows: ``LATE``, one for each transaction and signature.
        books: reference facts.
        sessions: midnight, naive.

    Returns:
        ``LATE`` with business_date and traded_in (sessions): what was posted forward once, on its session,
        with the newest signature of the first session signed without it; all else on each signed session that it
        changes, with the newest signature without it.
    """
    at = security_master.in_force(books, "book", rows["book"], rows["trade_date"])
    calendar = pd.Series(books["calendar"].to_numpy(object)[at], rows.index, dtype="str")
    found = rows.assign(
        traded_in=spans.dates(transactions.booked(calendar, rows["trade_date"])),
        counts_on=spans.dates(transactions.booked(calendar, transactions.dated_on(rows))),
    )
    posted = found["booked_on"].notna()
    found["business_date"] = found["counts_on"].where(posted, found["signed_on"])
    found = found[found["business_date"].isin(sessions) & (found["signed_on"] >= found["traded_in"])]
    found = found.sort_values(["book", "business_date", "delivery", "line", "signed_on", "version"])
    row = ["business_date", "delivery", "line"]
    first = found["signed_on"] == found.groupby(row)["signed_on"].transform("min")
    return found[first].drop_duplicates(row, keep="last").reset_index(drop=True)


def into_closed(late: pd.DataFrame) -> pd.DataFrame:
    """What came late, one finding for each book and session, naming the first transaction and the signature.

    ``closed_period``, a warning: it counts on its trade date, and the session is not what was signed on it.
    ``posted_forward``, info: it is booked after what was signed, and points back to where it belongs.

    Args:
        late: what ``of_sessions`` returns.
    """
    place = late["transaction_id"] + " (" + late["file"] + " line " + late["line"].astype("str") + ")"
    signed = late["signed_by"] + " signed as version " + late["version"].astype("str")
    traded, on = dated.iso(late["traded_in"]), dated.iso(late["signed_on"])
    closed = (
        traded
        + ", which "
        + signed.mask(
            late["signed_on"] > late["traded_in"],
            late["signed_by"] + " closed with " + on + ", version " + late["version"].astype("str"),
        )
    )
    posted = late["booked_on"].notna()
    text = place + " is booked on " + dated.iso(late["business_date"]) + " in place of " + closed
    after = (
        " of "
        + traded
        + " came after "
        + late["signed_by"]
        + " signed "
        + on
        + " as version "
        + late["version"].astype("str")
    )
    text = text.where(posted, place + after)
    rows = late.assign(text=text, check=posted.map({True: "posted_forward", False: "closed_period"}))
    groups = rows.groupby(["business_date", "check", "book"])
    each = groups.agg(first=("text", "first"), size=("text", "size"), on=("signed_on", "first")).reset_index()
    severity = each["check"].map({"posted_forward": "info", "closed_period": "warning"}).to_numpy(object).astype(str)
    to_do = ": daybook changes " + dated.iso(each["on"]) + ", then restate it"
    to_do = to_do.where(each["check"] == "closed_period", "")
    return finding(each, each["check"], severity, each["first"] + and_more(each["size"]) + to_do)
