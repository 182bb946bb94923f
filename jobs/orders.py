"""Orders from proposals, after an end of day whose compliance is clean."""

import dagster as dg

from assets.partitions import SESSIONS

propose = dg.define_asset_job(
    "propose",
    selection=dg.AssetSelection.assets("orders"),
    partitions_def=SESSIONS,
    description="Write the proposed orders of one business date as orders that a person may approve.",
)
