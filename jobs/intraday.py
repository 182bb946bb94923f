"""What runs within the day, set off by events."""

import dagster as dg

from assets.market_data import deliveries

ingest = dg.define_asset_job(
    "ingest",
    selection=dg.AssetSelection.assets(deliveries),
    description="Take in files that wait in the inbox; the run's config names them.",
)
