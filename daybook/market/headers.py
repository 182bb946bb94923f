"""The columns of delivered files, and what changed from one file to the next.

Belongs here: how a header is kept in the register, and comparing two. Does not belong here: what a column means
(``daybook.intake``).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market import feeds


def header(filled: Mapping[str, bool]) -> str:
    """Names of columns, separated by commas, as the register keeps them; in parentheses where no row filled it."""
    return ",".join(name if there else f"({name})" for name, there in filled.items())


def drift(deliveries: pd.DataFrame, days: pd.DatetimeIndex, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Files of ``sessions`` whose columns are not those of the file before: business_date, feed, source, reason.

    A file is of the first of ``days`` at or after the date in its name. It is compared with the last one of the same
    feed that brought rows: of an earlier date, or an earlier version of the same date. Neither the order of columns nor
    the format matters. A column that was filled and is wholly empty now counts for snapshot tables alone: which columns
    a transaction fills depends on its kind.

    Args:
        deliveries: the file register, as ``feeds.outcomes`` takes it, with header.
        days: sessions of the firm, sorted.
        sessions: those that are asked for.
    """
    files = feeds.register(deliveries)
    files = files[(files["header"] != "") & (files["feed"] != "")]
    files = files.sort_values([*feeds.FEED, "delivered", "seq"], kind="stable", ignore_index=True)
    brought = files["outcome"].isin(["complete", "partial"])
    own = [files["feed"], files["source"]]
    position = pd.Series(np.arange(len(files)), files.index).where(brought)
    before = position.groupby(own).shift().groupby(own).ffill()
    at = days.searchsorted(files["delivered"].to_numpy())
    session = days.take(np.minimum(at, len(days) - 1)).where(at < len(days))
    files = files.assign(before=before, business_date=session)
    rows = files[session.isin(sessions) & before.notna()]
    old = files.take(rows["before"].to_numpy(np.int64))
    snapshot = rows["feed"].map(tables.FILES).isin(tables.SNAPSHOTS)
    changes = map(_change, old["header"], rows["header"], snapshot)
    text = rows["file"] + " against " + old["file"].to_numpy() + ": "
    found = rows.assign(change=pd.Series(list(changes), rows.index, dtype="str"), text=text)
    found = found[found["change"] != ""].drop_duplicates(feeds.KEY, keep="last")
    return found[feeds.KEY].assign(reason=found["text"] + found["change"]).reset_index(drop=True)


def _change(before: str, now: str, snapshot: bool) -> str:
    """What changed from one header to the next, in words; "" where only the order did."""
    if before == now:
        return ""
    old, new = _filled(before), _filled(now)
    lost, gained = [name for name in old if name not in new], [name for name in new if name not in old]
    emptied = [name for name in new if snapshot and old.get(name, False) and not new[name]]
    said = (("lost", lost), ("gained", gained), ("nothing stands any more in", emptied))
    return "; ".join(f"{verb} {', '.join(names)}" for verb, names in said if names)


def _filled(header: str) -> dict[str, bool]:
    """Name of each column, and whether a row filled it."""
    hollow = {text: text.startswith("(") and text.endswith(")") for text in header.split(",")}
    return {text[1:-1] if empty else text: not empty for text, empty in hollow.items()}
