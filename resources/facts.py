"""Facts: which of all delivered facts count, and which sessions they make it necessary to compute again.

Belongs here: the current view of each table of facts, today or as known at an instant. Does not belong here: taking
files in (``resources.inbox``), and the rules that make results of facts (``daybook``).

A row counts when its delivery is done and in force, and when no later row of the same key is. Of the files of one
snapshot table, date and suffix the newest good one is in force, together with the rows of it that were retried or
corrected later; a file that failed replaces nothing.

A fact is known from ``known_at`` on: the instant that its source claims, or else that of its arrival. A row without a
claim that was in quarantine was known once it was taken in, because until then nothing was made of it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from daybook import tables
from daybook.intake import terms
from daybook.intake.transactions import shadowed
from daybook.market import custodian_reports
from resources import records
from resources.lake import Lake
from resources.settings import Settings

GOOD = ("complete", "partial", "empty")
"""Outcomes of a file that make it replace an older one."""
DERIVED = ("retry", "correction")
"""Kinds of delivery that bring rows of an earlier one."""


_RECENT: "OrderedDict[tuple[Any, ...], pd.DataFrame]" = OrderedDict()
"""Current views by table, version, range and the deliveries that count; pandas copies on write."""
_MOST_RECENT = 48
_REGISTERS: dict[tuple[str, str], tuple[tuple[int, int], pd.DataFrame]] = {}
"""The register of files of each database and table, with how many were done and the last of them when it was read:
a close asks for it 270 times, and what is done does not change."""


@dataclass(frozen=True)
class Facts:
    """The facts kept in ``lake`` and in the records behind ``engine``."""

    settings: Settings
    lake: Lake
    engine: sa.Engine

    def current(self, table: str, first: Any = None, last: Any = None, known_at: Any = None) -> pd.DataFrame:
        """The facts of ``table`` that count, typed, with the columns that tell where they come from.

        Books, instruments and accounts have one row for each (key, valid_from), every other table one for each key.
        Cancelled corporate actions are left out. ``transactions`` is the log as delivered, corrected rows and cancels
        included, with exact numbers as ``Decimal`` or None; dividends that an action in force posts by itself, and
        those discarded, are left out.

        Args:
            table: name of a table of facts.
            first: first business_date, trade_date, observed_at, observed_on or published_at, None for no bound; tables
                with none of these are given whole.
            last: last of these dates, None for no bound.
            known_at: the view at that instant: rows known later, and files that arrived later, do not count.
        """
        if table == "transactions":
            return self._transactions(first, last, known_at)
        if table == "custodian_reports":
            return _bounded(self._custodian_reports(last, known_at), first, last).reset_index(drop=True)
        frame = self.latest(table, first, last, known_at)
        if table == "corporate_actions":
            return frame[frame["status"] != "cancelled"].reset_index(drop=True)
        return frame

    def latest(self, table: str, first: Any = None, last: Any = None, known_at: Any = None) -> pd.DataFrame:
        """As ``current``, for tables in the lake, with cancelled corporate actions."""
        if known_at is not None:
            return self._as_known(table, first, last, _instant(known_at))
        force = self.deliveries_in_force(table)
        # A run asks for the same facts once for each asset that needs them: the same rows of the same deliveries.
        asked = (self.lake.uri, table, self.lake.version(table), str(first), str(last), force.tobytes())
        if asked not in _RECENT:
            frame = self._delivered(table, first, last)
            _RECENT[asked] = _newest(table, frame[frame["delivery"].isin(force)])
            while len(_RECENT) > _MOST_RECENT:
                _RECENT.popitem(last=False)
        return _RECENT[asked].copy(deep=False)

    def _as_known(self, table: str, first: Any, last: Any, instant: pd.Timestamp) -> pd.DataFrame:
        register, snapshot = self._deliveries(table), table in tables.SNAPSHOTS
        frame = self._delivered(table, first, last)
        # Whether a file that came later is in force depends on all its rows, not only on those between the bounds.
        part = snapshot and (register["recorded_at"] > instant).any()
        whole = self._delivered(table, None, None) if part else frame
        present = whole.loc[_known(whole, register, instant), "delivery"].unique()
        force = in_force(register, snapshot, instant, present)
        return _newest(table, frame[_known(frame, register, instant) & frame["delivery"].isin(force).to_numpy()])

    def _delivered(self, table: str, first: Any, last: Any) -> pd.DataFrame:
        """All rows of ``table`` between two dates, whether or not they count."""
        if "business_date" in tables.TABLES[table].names:
            return self.lake.read(table, first, last)
        return _bounded(self.lake.read(table), first, last)

    def log_of(self, books: Sequence[str], known_at: Any = None) -> pd.DataFrame:
        """``current`` of ``transactions``, those of ``books`` alone and every row that corrects or is corrected."""
        return self._transactions(None, None, known_at, books)

    def arrived(self, table: str, first: Any = None, last: Any = None) -> pd.DataFrame:
        """The rows of files in force, also where those of another file of the same key count in their place."""
        frame = self._delivered(table, first, last)
        return frame[frame["delivery"].isin(self.deliveries_in_force(table))].reset_index(drop=True)

    def rows_of(self, table: str, deliveries: Any) -> pd.DataFrame:
        """The rows of ``table`` that came with ``deliveries``, whether or not they count."""
        frame = self.lake.read(table)
        return frame[frame["delivery"].isin(deliveries)].reset_index(drop=True)

    def deliveries_in_force(self, table: str) -> NDArray[np.int64]:
        """The deliveries of ``table`` whose rows can count now."""
        return in_force(self._deliveries(table), table in tables.SNAPSHOTS)

    def stale_sessions(self, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Those of ``sessions`` that were never computed, or that a delivery has touched since.

        Args:
            sessions: midnight, naive.
        """
        computed = records.computed.c
        touched = self.touching()
        with self.engine.connect() as connection:
            seen = records.read(connection, sa.select(computed.business_date, computed.through_delivery))
        at = pd.DatetimeIndex(seen["business_date"]).get_indexer(sessions)
        until = np.append(seen["through_delivery"].to_numpy(np.int64), 0)[at]
        # Earliest date touched by any delivery from the n-th on; beyond the last one nothing is.
        earliest = np.minimum.accumulate(touched["affects_from"].to_numpy("datetime64[us]").astype(np.int64)[::-1])[
            ::-1
        ]
        since = np.append(earliest, np.iinfo(np.int64).max)[
            np.searchsorted(touched["seq"].to_numpy(np.int64), until, side="right")
        ]
        return sessions[(at < 0) | (since <= sessions.to_numpy("datetime64[us]").astype(np.int64))]

    def touching(self) -> pd.DataFrame:
        """The deliveries that change results, in the order of arrival: seq, table_name, affects_from."""
        columns = records.deliveries.c
        query = sa.select(columns.seq, columns.table_name, columns.affects_from).where(
            columns.status == "done",
            columns.affects_from.is_not(None),
            columns.table_name != "intraday_prices",  # tables of the session as it goes, which nobody signs
        )
        with self.engine.connect() as connection:
            return records.read(connection, query.order_by(columns.seq))

    def _deliveries(self, table: str) -> pd.DataFrame:
        columns = records.deliveries.c
        done = sa.and_(columns.table_name == table, columns.status == "done")
        count = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(columns.seq), 0)).where(done)
        query = sa.select(
            columns.seq, columns.delivered, columns.suffix, columns.kind, columns.outcome, columns.original,
            columns.recorded_at,
        ).where(done).order_by(columns.seq)  # fmt: skip
        key = str(self.engine.url), table
        with self.engine.connect() as connection:
            number, last = (int(value) for value in connection.execute(count).one())
            known = _REGISTERS.get(key)
            if known is None or known[0] != (number, last):
                known = (number, last), records.read(connection, query)
                _REGISTERS[key] = known
        return known[1]

    def _custodian_reports(self, last: Any, known_at: Any) -> pd.DataFrame:
        feeds = {feed: self.current(feed, None, last, known_at) for feed in custodian_reports.REPORTED}
        register, entries = records.deliveries, records.quarantine
        files = sa.select(register).where(register.c.table_name.in_(feeds), register.c.status == "done")
        waiting = sa.select(entries).where(entries.c.table_name.in_(feeds))
        undecided: sa.ColumnElement[bool] = entries.c.status.in_(("open", "waiting"))
        if known_at is not None:
            instant = _instant(known_at).to_pydatetime()
            listed = set(pd.concat([frame["delivery"] for frame in feeds.values()]).tolist())
            files = files.where((register.c.recorded_at <= instant) | register.c.seq.in_(listed))
            waiting = waiting.where(entries.c.recorded_at <= instant)
            undecided |= entries.c.decided_at > instant
        with self.engine.connect() as connection:
            found, left = (records.read(connection, query) for query in (files, waiting.where(undecided)))
        return custodian_reports.reports(found.sort_values("seq"), left, feeds)

    def _transactions(self, first: Any, last: Any, known_at: Any, books: Sequence[str] | None = None) -> pd.DataFrame:
        log = records.transactions.c
        query = sa.select(*(log[name] for name in tables.TABLES["transactions"].names)).order_by(log.delivery, log.line)
        if books is not None:
            # A correction may name another book than what it corrects.
            corrected = sa.select(log.corrects).where(log.corrects != "")
            query = query.where(log.book.in_(books) | (log.corrects != "") | log.transaction_id.in_(corrected))
        if first is not None:
            query = query.where(log.trade_date >= pd.Timestamp(first).date())
        if last is not None:
            query = query.where(log.trade_date <= pd.Timestamp(last).date())
        with self.engine.connect() as connection:
            frame = records.read(connection, query)
        discarded = self._discarded(known_at)
        if known_at is not None:
            frame = frame[_known(frame, self._deliveries("transactions"), _instant(known_at))]
        out = np.zeros(len(frame), bool)
        if len(discarded):
            out |= pd.MultiIndex.from_frame(frame[["delivery", "line"]]).isin(pd.MultiIndex.from_frame(discarded))
        if (frame["kind"] == "dividend").any():
            out |= shadowed(frame, self.current("corporate_actions", known_at=known_at))
        return frame[~out].reset_index(drop=True)

    def _discarded(self, known_at: Any) -> pd.DataFrame:
        """Delivery and line of the transactions that somebody discarded."""
        entries = records.quarantine.c
        thrown = sa.select(entries.delivery, entries.line).where(
            entries.table_name == "transactions", entries.status == "discarded"
        )
        if known_at is not None:
            thrown = thrown.where(entries.decided_at <= _instant(known_at).to_pydatetime())
        with self.engine.connect() as connection:
            return records.read(connection, thrown)


def in_force(
    deliveries: pd.DataFrame, snapshot: bool, known_at: pd.Timestamp | None = None, present: Any = ()
) -> NDArray[np.int64]:
    """The deliveries whose rows can count.

    Args:
        deliveries: those of one table that are done, by seq.
        snapshot: whether a newer file of the same date and suffix replaces an older one.
        known_at: only deliveries that arrived by then replace others, or that are among ``present``; None for all.
        present: deliveries with rows that were known at ``known_at``, even if they arrived later.
    """
    seq = deliveries["seq"].to_numpy(np.int64)
    if not snapshot:
        return seq
    derived = deliveries["kind"].isin(DERIVED).to_numpy()
    good = deliveries["outcome"].isin(GOOD).to_numpy() & ~derived
    if known_at is not None:
        good &= (deliveries["recorded_at"] <= known_at).to_numpy() | np.isin(seq, present)
    root = np.where(derived, deliveries["original"].fillna(0).to_numpy(np.int64), seq)
    group = deliveries.groupby(["delivered", "suffix"], dropna=False).ngroup().to_numpy()
    newest = np.zeros(len(seq) + 1, np.int64)
    np.maximum.at(newest, group[good], seq[good])
    return seq[np.where(derived, root >= newest[group], good & (seq == newest[group]))]


def _known(frame: pd.DataFrame, register: pd.DataFrame, instant: pd.Timestamp) -> NDArray[np.bool_]:
    """Rows of ``frame`` that were known at ``instant``.

    Args:
        frame: rows of one table of facts.
        register: its deliveries, by seq.
        instant: in UTC.
    """
    known = (frame["known_at"] <= instant).to_numpy()
    late = register[register["kind"].isin(DERIVED) & (register["recorded_at"] > instant)]
    if late.empty:
        return known
    arrived = register.set_index("seq")["recorded_at"]
    file_arrived = pd.Series(arrived.reindex(late["original"]).to_numpy(), late["seq"])
    waited = frame["known_at"] >= frame["delivery"].map(file_arrived)
    return known & ~waited.to_numpy()


def _newest(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The latest row of each key by (known_at, recorded_at, delivery), in the order of delivery and line."""
    key = [*tables.TABLES[table].key, *(["valid_from"] if table in terms.BY_DELIVERY else [])]
    if frame["delivery"].nunique() > 1 and frame.duplicated(key).any():
        ordered = frame.sort_values(["known_at", "recorded_at", "delivery"], kind="stable")
        frame = ordered.drop_duplicates(key, keep="last").sort_index()
    return frame.reset_index(drop=True)


def _bounded(frame: pd.DataFrame, first: Any, last: Any) -> pd.DataFrame:
    column = next((name for name in terms.DATED if name in frame.columns), None)
    if column is None or (first is None and last is None):
        return frame
    dates = frame[column]
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        dates = dates.dt.tz_localize(None).dt.normalize()
    inside = np.ones(len(frame), bool)
    if first is not None:
        inside &= (dates >= pd.Timestamp(first)).to_numpy()
    if last is not None:
        inside &= (dates <= pd.Timestamp(last)).to_numpy()
    return frame.loc[inside]


def _instant(known_at: Any) -> pd.Timestamp:
    instant = pd.Timestamp(known_at)
    return instant.tz_localize("UTC") if instant.tzinfo is None else instant.tz_convert("UTC")
