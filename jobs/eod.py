"""The end of the day: the whole graph for one business date, its history, and each stage alone.

Belongs here: which assets run together. Does not belong here: when (orchestration.schedules) or what (assets).
"""

import dagster as dg

from assets.pack import OF_EVERY_SESSION
from assets.partitions import SESSIONS

_TAGS = {"dagster/max_runtime": "3600"}
STAGES = ("market_data", "books", "performance", "risk", "compliance", "portfolio", "pack")
ON_DEMAND = ("tearsheets", "orders", "morning")
MARKET = ("prices", "fx_rates", "returns")
HISTORY = (*OF_EVERY_SESSION, "computed")
"""Tables that are kept for every session; the others are made for the business date alone."""

eod = dg.define_asset_job(
    "eod",
    selection=dg.AssetSelection.groups(*STAGES) - dg.AssetSelection.assets(*ON_DEMAND),
    partitions_def=SESSIONS,
    tags=_TAGS,
    description="Everything that one business date needs, from deliveries to the pack.",
)
history = dg.define_asset_job(
    "history",
    selection=dg.AssetSelection.assets(*HISTORY).without_checks(),
    partitions_def=SESSIONS,
    tags=_TAGS,
    description="A range of sessions that is missing or whose facts changed, in one run.",
)
market_history = dg.define_asset_job(
    "market_history",
    selection=dg.AssetSelection.assets(*MARKET, "computed").without_checks(),
    partitions_def=SESSIONS,
    tags=_TAGS,
    description="Prices, rates and returns of a range of sessions before the first transaction.",
)
market_opening = dg.define_asset_job(
    "market_opening",
    selection=dg.AssetSelection.assets("prices").without_checks(),
    partitions_def=SESSIONS,
    tags=_TAGS,
    description="Prices of the sessions before a range whose returns begin from them; those sessions do not stand yet.",
)
month_end = dg.define_asset_job(
    "month_end",
    selection=dg.AssetSelection.assets("tearsheets"),
    partitions_def=SESSIONS,
    tags=_TAGS,
    description="Tear sheets of every book, from the returns that stand.",
)
next_morning = dg.define_asset_job(
    "next_morning",
    selection=dg.AssetSelection.assets("morning"),
    partitions_def=SESSIONS,
    tags=_TAGS,
    description="The morning page of the latest session.",
)
stages = [
    dg.define_asset_job(
        f"stage_{stage}",  # an asset may be called as its stage is, and a job may not be called as an asset
        selection=dg.AssetSelection.groups(stage) - dg.AssetSelection.assets(*ON_DEMAND),
        partitions_def=SESSIONS,
        tags=_TAGS,
        description=f"The stage {stage} of one business date.",
    )
    for stage in STAGES
]
