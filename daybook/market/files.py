"""Delivered files beside the files before them: columns that came or went, and the same bytes once more.

Belongs here: how a header is kept in the register, and comparing files by what the register says. Does not belong here:
what a column means (``daybook.intake``), and whether a feed came (``feeds``).
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
    files = files.assign(business_date=_session(files["delivered"], days))
    brought = files["outcome"].isin(["complete", "partial"])
    own = [files["feed"], files["source"]]
    position = pd.Series(np.arange(len(files)), files.index).where(brought)
    before = position.groupby(own).shift().groupby(own).ffill()
    rows = files[files["business_date"].isin(sessions) & before.notna()]
    old = files.take(before[rows.index].to_numpy(np.int64))
    snapshot = rows["feed"].map(tables.FILES).isin(tables.SNAPSHOTS)
    changes = map(_change, old["header"], rows["header"], snapshot)
    text = rows["file"] + " against " + old["file"].to_numpy() + ": "
    found = rows.assign(change=pd.Series(list(changes), rows.index, dtype="str"), text=text)
    found = found[found["change"] != ""].drop_duplicates(feeds.KEY, keep="last")
    return found[feeds.KEY].assign(reason=found["text"] + found["change"]).reset_index(drop=True)


def copies(deliveries: pd.DataFrame, days: pd.DatetimeIndex, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Files of ``sessions`` with the bytes of an earlier file of another name: business_date, feed, source, reason.

    Files without rows are left out: those of one table look alike.

    Args:
        deliveries: the file register, as ``feeds.outcomes`` takes it, with sha256.
        days: sessions of the firm, sorted.
        sessions: those that are asked for.
    """
    files = feeds.register(deliveries)
    files = files[files["original"].isna() & files["outcome"].isin(["complete", "partial"])].sort_values("seq")
    first = files.drop_duplicates("sha256").set_index("sha256")["file"]
    files = files.assign(like=files["sha256"].map(first), business_date=_session(files["delivered"], days))
    rows = files[(files["file"] != files["like"]) & files["business_date"].isin(sessions)]
    rows = rows.drop_duplicates(feeds.KEY, keep="last").sort_values(feeds.KEY)
    reason = rows["file"] + " has the same bytes as " + rows["like"]
    return rows[feeds.KEY].assign(reason=reason).reset_index(drop=True)


def _session(delivered: "pd.Series[pd.Timestamp]", days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The first of ``days`` at or after each date; NaT beyond the last."""
    at = days.searchsorted(delivered.to_numpy())
    found = days.to_numpy()[np.minimum(at, len(days) - 1)]
    return pd.DatetimeIndex(np.where(at < len(days), found, np.datetime64("NaT", "us")))


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
