"""What was due when, and what was late.

Belongs here: the table of the date. Does not belong here: what is due, usual or late (``daybook.control.timeline``).
"""

import dagster as dg
import pandas as pd

from assets.sessions import OF_THE_DAY, sessions_of, shown
from resources import timings
from resources.feeds import FeedsResource


@dg.asset(**OF_THE_DAY, group_name="pack", deps=["nav", "reconciliation_breaks", "var", "limit_usage", "findings"])
def timeline(
    context: dg.AssetExecutionContext, feeds: FeedsResource, feed_outcomes: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """What is due when, done, late or waits, as it stands just before the pack is written, and the critical path."""
    now = pd.Timestamp.now("UTC")
    frame = timings.look(feeds.open(), context.instance, sessions_of(context)[0], now, feed_outcomes)
    return shown(context, frame, lambda: {"as_of": dg.MetadataValue.timestamp(now.timestamp())})
