"""What results would be on other facts: those known at an instant, or those with a delivery that is only supposed.

Belongs here: walking the graph of assets backwards from the tables wanted, and computing them in memory; comparing NAV
with and without a delivery. Does not belong here: which facts count (``resources.facts``), supposing a delivery
(``resources.rehearsal``), how a table is made (the assets, which are called as they are).

Nothing that was computed before is read: a result needed from an earlier session is derived from the same facts. Each
asset is called once, for a range that begins where the tables wanted need it to and ends with the last session asked
for; its inputs are looked up as ``resources.lake_io`` looks them up. It is a call and no run: nothing is recorded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import dagster as dg
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assets.partitions import session_days
from assets.sessions import UNRECORDED
from daybook import tables
from jobs.eod import MARKET
from orchestration.plan import first_traded
from resources import closes
from resources.facts import Facts
from resources.feeds import Feeds
from resources.lake import Lake
from resources.lake_io import given
from resources.rehearsal import rehearsal

COLUMNS = (
    "business_date", "book", "nav_before", "nav_after", "difference", "difference_bp", "signed_by", "version",
)  # fmt: skip
"""Columns of the rows of an ``Impact``."""
RAW = ("raw_prices", "raw_fx_rates")
"""Facts that the tables of market data are made of."""


FIGURES = ("nav", "pnl")
"""Tables that are derived with and without a delivery to see which days of which books it changes."""
JUDGED = ("raw_prices", "raw_fx_rates", "price_sources", "price_overrides", "corporate_actions", "transactions")
"""Facts whose effect on what was signed NAV and P&L tell. Others, such as limits, alter signed days by their date."""

Done = TypeVar("Done")


class Underivable(ValueError):
    """A table is made of more than facts; the message names it and what else it needs."""


@dataclass(frozen=True)
class Input:
    """What an asset reads: a table, and how many sessions further back than its own; None is from the start."""

    name: str
    table: str
    back: int | None


@dataclass
class Derivation:
    """Results up to ``last``, made of ``facts`` as known at ``known_at`` and held in ``frames`` alone."""

    facts: Facts
    known_at: pd.Timestamp | None
    last: pd.Timestamp
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    read: dict[tuple[str, Any], pd.DataFrame] = field(default_factory=dict)

    @property
    def days(self) -> pd.DatetimeIndex:
        """Every session of the firm."""
        return session_days(self.facts.settings.calendars)

    def back(self, session: pd.Timestamp, steps: int) -> pd.Timestamp:
        """The session so many steps before ``session``, or the first one."""
        return self.days[max(self.days.searchsorted(session) - steps, 0)]

    def given(self, table: str, first: pd.Timestamp | None) -> pd.DataFrame:
        """What an asset is given of ``table`` of facts, for sessions from ``first``, None for the beginning."""
        if (table, first) not in self.read:
            self.read[table, first] = given(self.facts, table, first, self.last, self.known_at)
        return self.read[table, first].copy(deep=False)

    def starts(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """The first date with a price or rate, and that of the first transaction; beyond ``last`` where none is."""
        priced = [self.given(table, None)["business_date"].min() for table in RAW]
        traded = first_traded(self.facts, self.known_at)
        known = [date for date in priced if pd.notna(date)]
        never = self.last + pd.Timedelta(days=1)
        return min(known, default=never), never if traded is None else traded

    def call(self, asset: dg.AssetsDefinition, sessions: pd.DatetimeIndex) -> None:
        """Compute ``asset`` for ``sessions`` and hold what it makes."""
        frames = {found.name: self._rows(found, sessions) for found in inputs(asset)}
        first, last = (f"{day:%Y-%m-%d}" for day in (sessions[0], sessions[-1]))
        context = dg.build_asset_context(
            partition_key_range=dg.PartitionKeyRange(first, last), run_tags={UNRECORDED: "true"}, instance=_nowhere()
        )
        made: Any = asset(context, **frames)
        for output in [made] if isinstance(made, dg.Output) else made:
            table = asset.keys_by_output_name[output.output_name].path[-1]
            rows = tables.conform(table, output.value)
            self.frames[table] = rows.sort_values("business_date", kind="stable", ignore_index=True)

    def _rows(self, wanted: Input, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        first = None if wanted.back is None else self.back(sessions[0], wanted.back)
        if tables.TABLES[wanted.table].kind != "result":
            return self.given(wanted.table, first)
        return between(self.frames[wanted.table], first, self.last)


@dataclass(frozen=True)
class Impact:
    """What a delivery changes, or would change.

    Attributes:
        since: the earliest date that it touches, None when it touches no result.
        sessions: the computed sessions from then on.
        rows: one for each of these sessions and books whose NAV or P&L changes or whose signature would stand on facts
            that change: business_date, book, nav_before, nav_after, difference (after less before), difference_bp (of
            NAV before), signed_by and version ("" and 0 where nobody has signed). Missing where a NAV is.
    """

    since: pd.Timestamp | None
    sessions: pd.DatetimeIndex
    rows: pd.DataFrame

    @property
    def signed(self) -> pd.DataFrame:
        """The rows that somebody has signed."""
        return self.rows[self.rows["version"] > 0]


def impact(feeds: Feeds, act: Callable[[Feeds], Done]) -> tuple[Done, Impact]:
    """What ``act`` returns when it is done on ``feeds``, and what it would change; nothing of it stays done.

    Args:
        feeds: the doors of the installation.
        act: takes in files, or decides something, through the doors that it is given.
    """
    with rehearsal(feeds) as doors:
        known = doors.facts.touching()["seq"]
        done = act(doors)
        touching = doors.facts.touching()
        return done, _impact(feeds, doors.facts, touching[~touching["seq"].isin(known)])


def derive(
    wanted: Iterable[str], sessions: pd.DatetimeIndex, facts: Facts, known_at: pd.Timestamp | None = None
) -> dict[str, pd.DataFrame]:
    """Rows of the tables ``wanted`` from the first to the last of ``sessions``, made of ``facts`` and kept nowhere.

    They equal what a run would have stored when exactly these facts were known, to the last bit.

    Args:
        wanted: tables of results.
        sessions: sorted; midnight, naive.
        facts: where facts are read: those of the lake, or those of a rehearsal.
        known_at: the facts known at that instant, None for all of them.

    Raises:
        Underivable: a table depends on more than facts.
    """
    wanted = list(wanted)
    found = Derivation(facts, known_at, sessions[-1])
    for asset, first in ranges(wanted, sessions[0], found):
        found.call(asset, found.days[(found.days >= first) & (found.days <= found.last)])
    return {table: between(found.frames[table], sessions[0], found.last) for table in wanted}


@cache
def _nowhere() -> dg.DagsterInstance:
    """An instance that forgets: a context without one makes its own, which takes 80 ms for each asset called."""
    return dg.DagsterInstance.ephemeral()


def inputs(asset: dg.AssetsDefinition) -> list[Input]:
    """What ``asset`` reads, from the metadata and the partition mapping of each of its inputs."""
    found = []
    for name, key in asset.keys_by_input_name.items():
        metadata = asset.node_def.input_dict[name].metadata
        mapping = asset.get_partition_mapping(key)
        window = -mapping.start_offset if isinstance(mapping, dg.TimeWindowPartitionMapping) else 0
        back = None if metadata.get("since_start") else window + int(metadata.get("sessions_before", 0))
        found.append(Input(name, key.path[-1], back))
    return found


def between(frame: pd.DataFrame, first: pd.Timestamp | None, last: pd.Timestamp) -> pd.DataFrame:
    """The rows of a table of results from ``first`` (None: the beginning) to ``last``."""
    inside = frame["business_date"] <= last
    if first is not None:
        inside &= frame["business_date"] >= first
    return frame[inside].reset_index(drop=True)


def _impact(feeds: Feeds, supposed: Facts, touching: pd.DataFrame) -> Impact:
    """What deliveries ``touching`` change, the facts with them being ``supposed``."""
    since = None if touching.empty else touching["affects_from"].min()
    sessions = _computed(feeds, supposed, since)
    figures = not set(touching["table_name"]).isdisjoint(JUDGED)
    before = _figures(feeds.facts, sessions, feeds.lake)
    after = _figures(supposed, sessions) if figures else before
    others = touching.loc[~touching["table_name"].isin(JUDGED), "affects_from"].min()
    rows = before.join(after, how="outer", lsuffix="_before", rsuffix="_after").reset_index()
    rows["difference"] = (rows["nav_after"] - rows["nav_before"]).round(6)
    rows["difference_bp"] = rows["difference"] / rows["nav_before"].where(rows["nav_before"] != 0) * 1e4
    if since is not None:
        rows = rows.merge(closes.signed(feeds.engine, since), on=["business_date", "book"], how="left")
    else:
        rows = rows.assign(signed_by="", version=0)
    rows = rows.fillna({"signed_by": "", "version": 0}).astype({"version": "int64"})
    told = _differ(rows) | ((rows["version"] > 0) & (rows["business_date"] >= others)).to_numpy()
    return Impact(since, sessions, rows.loc[told, list(COLUMNS)].reset_index(drop=True))


def _computed(feeds: Feeds, supposed: Facts, since: pd.Timestamp | None) -> pd.DatetimeIndex:
    """The sessions with books, up to the last one computed, that may change from ``since`` on."""
    computed, days = feeds.lake.sessions("nav"), session_days(feeds.settings.calendars)
    traded = [date for date in (first_traded(feeds.facts), first_traded(supposed)) if date is not None]
    if since is None or computed.empty or not traded:
        return days[:0]
    return days[(days >= max(since, min(traded))) & (days <= computed[-1])]


def _figures(facts: Facts, sessions: pd.DatetimeIndex, computed: Lake | None = None) -> pd.DataFrame:
    """NAV, status and P&L by (business_date, book); read from ``computed`` where that stands for all ``sessions``."""
    if sessions.empty:
        frames = {table: tables.empty(table) for table in FIGURES}
    elif computed is not None and facts.stale_sessions(sessions).empty:
        frames = {table: computed.read(table, sessions[0], sessions[-1]) for table in FIGURES}
    else:
        frames = derive(FIGURES, sessions, facts)
    key = ["business_date", "book"]
    total = frames["pnl"].groupby(key)["total"].sum(min_count=1).rename("pnl")
    return frames["nav"].set_index(key)[["nav", "status"]].join(total)


def _differ(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Where NAV, its status or the P&L is not what it was."""
    found = np.zeros(len(rows), bool)
    for name in ("nav", "status", "pnl"):
        one, other = rows[f"{name}_before"], rows[f"{name}_after"]
        found |= ((one != other) & ~(one.isna() & other.isna())).to_numpy()
    return found


def derivable() -> dict[str, dg.AssetsDefinition]:
    """The tables of results that are made of facts alone, and the asset that makes each."""
    assets = _assets()
    made = {table: asset for table, asset in assets.items() if tables.TABLES[table].kind == "result"}
    more = {table for table, asset in made.items() if asset.node_def.required_resource_keys}
    for table, asset in made.items():  # in the order of the graph
        if any(read.table in more for read in inputs(asset)):
            more.add(table)
    return {table: asset for table, asset in made.items() if table not in more}


def ranges(wanted: list[str], first: pd.Timestamp, found: Derivation) -> list[tuple[dg.AssetsDefinition, pd.Timestamp]]:
    """The assets upstream of ``wanted``, in an order in which they can be computed, each with its first session.

    No window reaches back before there was anything: prices and rates begin with the first one known, the books with
    the first transaction.

    Raises:
        Underivable: a table depends on more than facts.
    """
    assets = _assets()
    unknown = [table for table in wanted if table not in assets]
    if unknown:
        raise Underivable(f"{unknown[0]} is made by no asset, so it cannot be derived again")
    priced, traded = found.starts()
    begins = {table: max(first, min(priced if table in MARKET else traded, found.last)) for table in wanted}
    order = []
    for table in reversed(assets):
        if table not in begins or tables.TABLES[table].kind != "result":
            continue
        asset = assets[table]
        if asset.node_def.required_resource_keys:
            raise Underivable(_refusal(wanted, table, sorted(begins)))
        start = min(begins[made.path[-1]] for made in asset.keys if made.path[-1] in begins)
        order.append((asset, start))
        for read in inputs(asset):
            back = found.days[0] if read.back is None else found.back(start, read.back)
            earliest = min(start, max(back, priced if read.table in MARKET else traded))
            begins[read.table] = min(begins.get(read.table, earliest), earliest)
    return _once(order)


def _assets() -> dict[str, dg.AssetsDefinition]:
    """The asset of each table, in an order in which they can be computed."""
    from orchestration.definitions import defs

    graph = defs.resolve_asset_graph()
    keys = [key for key in graph.toposorted_asset_keys if key.path[-1] in tables.TABLES]
    return {key.path[-1]: graph.get(key).assets_def for key in keys}


def _once(order: list[tuple[dg.AssetsDefinition, pd.Timestamp]]) -> list[tuple[dg.AssetsDefinition, pd.Timestamp]]:
    """``order``, which goes upstream, turned round; an asset of several tables once, for its widest range."""
    starts: dict[str, pd.Timestamp] = {}
    for asset, start in order:
        starts[asset.node_def.name] = min(start, starts.get(asset.node_def.name, start))
    last = {asset.node_def.name: asset for asset, _ in reversed(order)}
    return [(asset, starts[name]) for name, asset in last.items()]


def _refusal(wanted: list[str], table: str, needed: list[str]) -> str:
    of = "" if table in wanted else f", which {' and '.join(wanted)} needs,"
    return f"{table}{of} is made of more than facts (orders, the quarantine, other runs): it cannot be derived again"
