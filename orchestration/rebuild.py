"""Rebuilding: every table of results made once more from the facts, to be compared with what the lake holds.

Belongs here: which tables and sessions there should be, and where what is stored is something else. Does not belong
here: how a table is derived without a run (``orchestration.derivation``), how a difference is shown.

A table that is kept for every session is compared on every computed session, one of the date alone on every date that
was computed to the end and whose history was not computed again since. What a run stored does not depend on what it
began with, so a difference is damage, a change of the code, or a fact that came since; the last is told apart by the
register of computed sessions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from daybook import tables
from jobs.eod import MARKET
from orchestration.derivation import Derivation, between, derivable, ranges
from orchestration.eod import run
from orchestration.plan import Span, before, pieces
from resources import records
from resources.feeds import Feeds
from resources.lake import Lake

COLUMNS = ("table_name", "business_date", "whose", "stored", "derived", "reason")
"""Columns of the differences: whose are the books (or the instruments, where a table has no book), stored and derived
are numbers of rows."""
CHUNK = 250
"""Sessions of one run, a year: what is computed when a rebuild is stopped stands."""
Progress = Callable[[str], None]
"""Called with what is done next."""


@dataclass(frozen=True)
class Verification:
    """What was compared with what the facts give.

    Attributes:
        compared: table -> number of sessions.
        left: tables of results that are made of more than facts, which cannot be derived again.
        passed: dates whose history was computed again since their day was: their tables of the date alone are of then,
            and the date cannot be signed.
        differences: a row for each table and session whose content hash differs: ``COLUMNS``.
    """

    compared: dict[str, int]
    left: tuple[str, ...]
    passed: pd.DatetimeIndex
    differences: pd.DataFrame


def verify(feeds: Feeds, progress: Progress) -> Verification:
    """Derive every table of results that is made of facts alone, and compare content hashes by table and session."""
    made = {table: asset for table, asset in derivable().items() if table not in tables.UNSIGNED}
    of_the_date = [table for table, asset in made.items() if _alone(asset)]
    left = [
        name
        for name, table in tables.TABLES.items()
        if table.kind == "result" and name not in made and name not in tables.UNSIGNED
    ]
    days = _computed(feeds)
    if days.empty:
        return Verification({}, tuple(left), days, pd.DataFrame(columns=list(COLUMNS)))
    found = Derivation(feeds.facts, None, days[-1])
    traded = found.starts()[1]
    compared, differences = {}, []

    def compare(table: str, frame: pd.DataFrame, sessions: pd.DatetimeIndex) -> None:
        if len(sessions):
            compared[table] = compared.get(table, 0) + len(sessions)
            differences.append(_differences(feeds.lake, table, frame, sessions))

    for asset, first in ranges(list(made), days[0], found):
        if _alone(asset):
            continue
        progress(f"deriving {asset.node_def.name}")
        found.call(asset, found.days[(found.days >= first) & (found.days <= found.last)])
    for table in made:
        if table not in of_the_date:
            progress(f"comparing {table}")
            wanted = days if table in MARKET else days[days >= traded]
            compare(table, between(found.frames[table], days[0], days[-1]), wanted)
    every, standing = _to_the_end(feeds)
    for day in standing:
        progress(f"deriving and comparing the tables of {day:%Y-%m-%d}")
        session = pd.DatetimeIndex([day])
        of_day = replace(found, last=day, frames=dict(found.frames), read={})
        for asset in dict.fromkeys(made[table] for table in of_the_date):
            of_day.call(asset, session)
        for table in of_the_date:
            compare(table, of_day.frames[table], session)
    return Verification(compared, tuple(left), every.difference(standing), _told(feeds, differences))


def rebuild(definitions: dg.Definitions, instance: dg.DagsterInstance, feeds: Feeds, progress: Progress) -> int:
    """Compute every computed session once more and write what differs; the number of runs.

    Raises:
        Refused: a run failed; what was computed before it stands.
    """
    days = _computed(feeds)
    if days.empty:
        return 0
    market, books = before(feeds.facts, feeds.settings, days[-1] + pd.Timedelta(days=1))
    work: list[tuple[str, Span]] = [
        *(("market_history", span) for span in pieces(market, days, CHUNK, newest_first=False)),
        *(("history", span) for span in pieces(books, days, CHUNK, newest_first=False)),
        *(("eod", (day, day)) for day in _to_the_end(feeds)[0]),
    ]
    for job, span in work:
        progress(f"{job} {span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d}")
        run(definitions, instance, job, span, lambda *_: None)
    return len(work)


def _alone(asset: dg.AssetsDefinition) -> bool:
    """Whether a call computes one session, because the tables are those of the date alone."""
    policy = asset.backfill_policy
    return policy is not None and policy.max_partitions_per_run == 1


def _computed(feeds: Feeds) -> pd.DatetimeIndex:
    """The sessions that count as computed."""
    return _dates(feeds, sa.select(records.computed.c.business_date))


def _to_the_end(feeds: Feeds) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """The dates of which also the tables of the date alone were computed, and those of them that saw the same facts."""
    day, session = records.closes.c, records.computed.c
    every = sa.select(day.business_date).where(day.version == 0).distinct()
    same = (session.business_date == day.business_date) & (session.through_delivery == day.through_delivery)
    return _dates(feeds, every), _dates(feeds, every.where(sa.exists().where(same)))


def _dates(feeds: Feeds, query: "sa.Select[tuple[object]]") -> pd.DatetimeIndex:
    with feeds.engine.connect() as connection:
        found = connection.execute(query).scalars().all()
    return pd.DatetimeIndex(pd.to_datetime(list(found))).as_unit("us").sort_values()


def _differences(lake: Lake, table: str, frame: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The sessions on which ``table`` is not what ``frame`` says, and whose rows are not."""
    frame = frame[frame["business_date"].isin(sessions)]
    try:
        changed = lake.differing(table, frame, sessions)
        stored = lake.read(table, sessions[0], sessions[-1])
    except OSError as error:
        return _unreadable(lake, table, frame, sessions, error)
    old = dict(iter(stored[stored["business_date"].isin(changed)].groupby("business_date")))
    new = dict(iter(frame[frame["business_date"].isin(changed)].groupby("business_date")))
    nothing = tables.empty(table)
    rows = [_difference(table, day, old.get(day, nothing), new.get(day, nothing)) for day in changed]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _difference(table: str, day: pd.Timestamp, old: pd.DataFrame, new: pd.DataFrame) -> tuple[object, ...]:
    """One row of the differences."""
    owner = "book" if "book" in tables.TABLES[table].key else "instrument"
    if owner not in old.columns:
        return table, day, "", len(old), len(new), ""
    one, other = ({name: tables.content_hash(table, rows) for name, rows in f.groupby(owner)} for f in (old, new))
    whose = sorted(name or "the firm" for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return table, day, " ".join(whose), len(old), len(new), ""


def _unreadable(
    lake: Lake, table: str, frame: pd.DataFrame, sessions: pd.DatetimeIndex, error: OSError
) -> pd.DataFrame:
    """The differences where a file of the table cannot be read: session by session."""
    if len(sessions) > 1:
        return pd.concat([_differences(lake, table, frame, sessions[at : at + 1]) for at in range(len(sessions))])
    reason = f"cannot be read: {' '.join(str(error).split())}"
    return pd.DataFrame([(table, sessions[0], "", 0, len(frame), reason)], columns=list(COLUMNS))


def _told(feeds: Feeds, differences: list[pd.DataFrame]) -> pd.DataFrame:
    """All differences by date, with what is known of their cause."""
    rows = pd.concat(differences, ignore_index=True) if differences else pd.DataFrame(columns=list(COLUMNS))
    days = pd.DatetimeIndex(rows["business_date"].unique()).as_unit("us")
    stale = rows["business_date"].isin(feeds.facts.stale_sessions(days)) & (rows["reason"] == "")
    rows["reason"] = rows["reason"].mask(stale, "facts have changed since: run daybook eod")
    rows["reason"] = rows["reason"].mask(rows["reason"] == "", "not what the facts give: run daybook rebuild")
    return rows.sort_values(["business_date", "table_name"], kind="stable", ignore_index=True)
