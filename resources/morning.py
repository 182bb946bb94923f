"""What the morning page shows, read from the lake, the records and Dagster's runs.

Belongs here: reading. Does not belong here: what the page says (``daybook.pack.morning``).
"""

import dagster as dg
import pandas as pd

from daybook.market.overrides import in_force
from daybook.pack.morning import Morning
from resources import audit, break_events, closes, feed_outcomes, requests, timings
from resources.breaches import STANDING
from resources.feeds import Feeds

DONE = ("filled", "cancelled", "rejected", "replaced")
"""Status of orders that wait for nobody."""
ITSELF = "next_morning"
"""Job that writes the page."""
RECENT = pd.Timedelta(days=1)
_MOST_RUNS = 200


def latest(feeds: Feeds) -> pd.Timestamp | None:
    """The newest session that was computed; None where none was."""
    computed = feeds.lake.sessions("nav")
    return computed[-1] if len(computed) else None


def look(feeds: Feeds, instance: dg.DagsterInstance, session: pd.Timestamp, now: pd.Timestamp) -> Morning:
    """Everything that the morning page of ``session`` shows, as it stands at ``now`` (with a time zone)."""
    lake, engine, day = feeds.lake, feeds.engine, pd.DatetimeIndex([session])
    states = closes.states(engine, session)
    orders, breaches, waivers = feeds.orders.frame(), feeds.breaches.frame(), feeds.record("waivers")
    alone = audit.alone(engine)
    with engine.connect() as connection:
        chain = audit.head(connection)
    return Morning(
        business_date=session,
        made_at=now.tz_convert("UTC"),
        runs=_runs(instance, session, now),
        nav=lake.read("nav", session, session),
        findings=feeds.handled("findings", session, session),
        timeline=timings.look(feeds, instance, session, now, feed_outcomes.standing(feeds, session)),
        unexplained_pnl=lake.read("unexplained_pnl", session, session),
        compliance_results=lake.read("compliance_results", session, session),
        breaks=break_events.register(feeds, session),
        overrides=in_force(feeds.facts.current("price_overrides"), day),
        waivers=waivers[(waivers["valid_from"] <= session) & (waivers["valid_to"] >= session)],
        breaches=breaches[breaches["status"].isin(STANDING)],
        closes=states,
        objection=closes.objection(feeds.facts, session),
        was=closes.moved(lake, session, states),
        unsigned=closes.unsigned_before(engine, session, lake.read("nav", None, session, ["business_date", "book"])),
        duties=alone[alone["at"] >= session.tz_localize("UTC")],
        quarantine=feeds.inbox.entries(),
        requests=requests.pending(engine),
        orders=orders[~orders["status"].isin(DONE)],
        chain=chain,
    )


def _runs(instance: dg.DagsterInstance, session: pd.Timestamp, now: pd.Timestamp) -> pd.DataFrame:
    """Runs of ``session`` and those of the day before ``now``: job, status, began_at, ended_at."""
    since = (now - RECENT).to_pydatetime()
    own = dg.RunsFilter(tags={"dagster/partition": f"{session:%Y-%m-%d}"})
    found = {
        record.dagster_run.run_id: record
        for asked in (own, dg.RunsFilter(created_after=since))
        for record in instance.get_run_records(asked, limit=_MOST_RUNS)
    }
    rows = [
        (run.dagster_run.job_name, run.dagster_run.status.value, run.start_time, run.end_time)
        for run in found.values()
        if run.dagster_run.job_name != ITSELF or run.dagster_run.status not in timings.ON
    ]
    runs = pd.DataFrame(rows, columns=["job", "status", "began_at", "ended_at"])
    at = {name: pd.to_datetime(runs[name].astype("float64"), unit="s", utc=True) for name in ("began_at", "ended_at")}
    return runs.assign(**at)
