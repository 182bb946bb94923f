"""What results would be on other facts: those known at an instant, or those with a delivery that is only supposed.

Belongs here: walking the graph of assets backwards from the tables wanted, and computing them in memory; comparing NAV
with and without a delivery. Does not belong here: which facts count (``resources.facts``), supposing a delivery
(``resources.rehearsal``), how a table is made (the assets, which are called as they are).

Nothing that was computed before is read: a result needed from an earlier session is derived from the same facts. Each
asset is called once, for a range that begins where the tables wanted need it to and ends with the last session asked
for; its inputs are looked up as ``resources.lake_io`` looks them up. It is a call and no run: nothing is recorded.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pandas as pd

from assets.partitions import session_days
from assets.sessions import UNRECORDED
from daybook import tables
from jobs.eod import MARKET
from orchestration.plan import first_traded
from resources.facts import Facts
from resources.lake_io import given

RAW = ("raw_prices", "raw_fx_rates")
"""Facts that the tables of market data are made of."""


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
            partition_key_range=dg.PartitionKeyRange(first, last), run_tags={UNRECORDED: "true"}
        )
        made: Any = asset(context, **frames)
        for output in [made] if isinstance(made, dg.Output) else made:
            table = asset.keys_by_output_name[output.output_name].path[-1]
            rows = tables.conform(table, output.value)
            self.frames[table] = rows.sort_values("business_date", kind="stable", ignore_index=True)

    def _rows(self, wanted: Input, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        first = None if wanted.back is None else self.back(sessions[0], wanted.back)
        if tables.TABLES[wanted.table].kind == "fact":
            return self.given(wanted.table, first)
        return between(self.frames[wanted.table], first, self.last)


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
    for asset, first in _ranges(wanted, sessions[0], found):
        found.call(asset, found.days[(found.days >= first) & (found.days <= found.last)])
    return {table: between(found.frames[table], sessions[0], found.last) for table in wanted}


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


def _ranges(
    wanted: list[str], first: pd.Timestamp, found: Derivation
) -> list[tuple[dg.AssetsDefinition, pd.Timestamp]]:
    """The assets upstream of ``wanted``, in an order in which they can be computed, each with its first session.

    No window reaches back before there was anything: prices and rates begin with the first one known, the books with
    the first transaction.
    """
    from orchestration.definitions import defs

    graph = defs.resolve_asset_graph()
    keys = [key for key in graph.toposorted_asset_keys if tables.TABLES.get(key.path[-1]) is not None]
    assets = {key.path[-1]: graph.get(key).assets_def for key in keys}
    unknown = [table for table in wanted if table not in assets]
    if unknown:
        raise Underivable(f"{unknown[0]} is made by no asset, so it cannot be derived again")
    priced, traded = found.starts()
    begins = dict.fromkeys(wanted, first)
    order = []
    for table in reversed([key.path[-1] for key in keys]):
        if table not in begins or tables.TABLES[table].kind == "fact":
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
