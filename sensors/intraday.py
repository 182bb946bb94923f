"""A price within the session, or a trade, refreshes the books as they are now.

Belongs here: seeing that something arrived. What is computed of it is the job's work.
"""

import dagster as dg
import pandas as pd

from assets.partitions import SESSIONS, session_days
from jobs.intraday import ingest, intraday
from resources import arrivals
from resources.feeds import FeedsResource
from resources.settings import settings
from sensors.runs import unfinished

PATIENCE = pd.Timedelta(minutes=1)
"""How long a refresh waits for the rest of the files that are being taken in."""


@dg.sensor(
    job=intraday,
    description="Prices within the session, and trades, refresh the intraday tables: one run for all that came.",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def prices_and_fills(context: dg.SensorEvaluationContext, feeds: FeedsResource) -> dg.SensorResult:
    """Start one run for everything that was delivered since the last one, over the sessions that it is about.

    The cursor is the last delivery that a run was started for. While a run is queued or on none is started: what
    arrives meanwhile is in the next one, however much it is. While files are taken in it waits for the rest, for
    ``PATIENCE`` at most, so that a stream of files without an end is followed too.
    """
    if unfinished(context.instance, intraday.name):
        return dg.SensorResult(skip_reason="a refresh is queued or on", cursor=context.cursor)
    taking_in = unfinished(context.instance, ingest.name)
    found = arrivals.since(feeds.open().engine, int(context.cursor or 0))
    if found is None:
        return dg.SensorResult(skip_reason="nothing new", cursor=context.cursor)
    if taking_in and pd.Timestamp.now("UTC") - found.oldest < PATIENCE:
        return dg.SensorResult(skip_reason="files are being taken in", cursor=context.cursor)
    days = _sessions(found)
    through = str(found.through)
    if days.empty:
        return dg.SensorResult(skip_reason=f"delivery {through} is about no session that goes", cursor=through)
    first, last = (f"{day:%Y-%m-%d}" for day in (days[0], days[-1]))
    if first == last:
        request = dg.RunRequest(run_key=through, partition_key=first)
    else:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        request = dg.RunRequest(run_key=through, tags=tags)
    return dg.SensorResult(run_requests=[request], cursor=through)


def _sessions(found: arrivals.Arrivals) -> pd.DatetimeIndex:
    """The sessions that ``found`` is about, as far as they have begun."""
    days = session_days(settings().calendars)
    days = days[days <= pd.Timestamp(SESSIONS.get_last_partition_key())]
    about = days[:0]
    if found.priced is not None:
        first, last = found.priced
        about = days[(days >= first) & (days <= last)]
    if found.traded is not None:
        about = about.union(days[days <= found.traded][-1:])
    return about
