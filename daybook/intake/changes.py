"""Changes: from which date on a delivery can alter a result.

Belongs here: comparing what a delivery says with what counted before it. Does not belong here: which sessions are
computed again (``resources.facts``).

A delivery that says what was known alters nothing. A new instrument, book or account alters nothing before its
delivery, because nothing could refer to it: rows that did were waiting, and arrive as a delivery of their own.
Identifiers serve at intake alone, so they alter nothing either. Fundamentals make one table, from which nothing that is
signed is derived and which every end of day makes anew: twenty years of filings must not compute the history again.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.calendars import FIRST_SESSION
from daybook.intake import terms
from daybook.ledger.transactions import dated_on
from daybook.market import security_master


def affects_from(table: str, new: pd.DataFrame, old: pd.DataFrame) -> pd.Timestamp | None:
    """The earliest date that changes when ``old`` gives way to ``new``; None when nothing changes.

    Args:
        table: table of facts.
        new: what the delivery says.
        old: what counted before: for a snapshot table the rows that it replaces, for books, instruments and accounts
            every version, for transactions those that it corrects, else the rows of the same keys.
    """
    if table in ("identifiers", "fundamentals"):
        return None
    if table in terms.BY_DELIVERY:
        return _versions(table, new, old)
    own = "business_date" in tables.TABLES[table].names
    column = "business_date" if own else terms.ROW_DATE[table]
    if table == "transactions":
        changed = pd.concat([rows.assign(**{column: dated_on(rows)})[[column]] for rows in (new, old)])
    elif old.empty:
        changed = new
    else:
        names = [name for name in tables.TABLES[table].names if name not in tables.FACT_COLUMNS]
        both = pd.concat([new[names], old[names]], ignore_index=True)
        changed = both[~both.duplicated(keep=False)]
    dates = changed[column]
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        dates = dates.dt.tz_localize(None).dt.normalize()
    earliest = dates.min()
    return None if pd.isna(earliest) else max(earliest, FIRST_SESSION)


def _versions(table: str, new: pd.DataFrame, old: pd.DataFrame) -> pd.Timestamp | None:
    """A version holds from its date on; the first also before, so another first one alters everything."""
    if new.empty:
        return None
    key = tables.TABLES[table].key[0]
    names = [name for name in tables.TABLES[table].names if name not in (*tables.FACT_COLUMNS, "valid_from")]
    at = security_master.in_force(old, key, new[key], new["valid_from"])
    before = old[names].reset_index(drop=True).reindex(at).reset_index(drop=True)
    after = new[names].reset_index(drop=True)
    same = ((before == after) | (before.isna() & after.isna())).all(axis=1).to_numpy()
    first = old.groupby(key)["valid_from"].min().reindex(new[key]).to_numpy("datetime64[us]")
    since = new["valid_from"].to_numpy("datetime64[us]")
    since = np.where(since <= first, FIRST_SESSION.to_datetime64(), since)[~same]
    return None if not len(since) else max(pd.Timestamp(since.min()), FIRST_SESSION)
