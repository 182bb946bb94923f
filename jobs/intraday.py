"""What runs within the day, set off by events."""

import dagster as dg

from assets.market_data import deliveries
from assets.partitions import SESSIONS

ingest = dg.define_asset_job(
    "ingest",
    selection=dg.AssetSelection.assets(deliveries),
    description="Take in files that wait in the inbox; the run's config names them.",
)
intraday = dg.define_asset_job(
    "intraday",
    selection=dg.AssetSelection.groups("intraday"),
    partitions_def=SESSIONS,
    tags={"dagster/max_runtime": "3600"},
    description="Positions, exposures and limits of a session at its newest prices, or of a range of sessions.",
)
