"""What should have been delivered for a session and what came, gathered from the register, the facts and the lake.

Belongs here: reading. Does not belong here: what is expected, and what counts as what (``daybook.market.feeds``).
"""

import pandas as pd

from daybook import tables
from daybook.market import feeds
from resources.feeds import Feeds


def outcomes(doors: Feeds, session: pd.Timestamp, positions: pd.DataFrame) -> pd.DataFrame:
    """Table ``feed_outcomes`` of ``session`` as it stands now, which need not have been computed.

    Args:
        doors: the doors of the installation.
        session: midnight, naive.
        positions: what is held on it, as far as that is known.
    """
    facts = doors.facts
    declared = facts.current("expected_feeds")
    since = session - feeds.SILENCE
    arrived = {feed: facts.arrived(tables.FILES[feed], since, session) for feed in _dated(declared["feed"])}
    return feeds.outcomes(
        doors.deliveries(),
        doors.inbox.entries(),
        arrived,
        declared,
        facts.current("instruments"),
        facts.current("books"),
        positions[positions["quantity"] != 0].assign(business_date=session),
        pd.DatetimeIndex([session]).as_unit("us"),
    )


def standing(doors: Feeds, session: pd.Timestamp) -> pd.DataFrame:
    """Table ``feed_outcomes`` of ``session`` as it stands now, by what was held when it or one before was computed."""
    computed = doors.lake.sessions("nav")
    last = computed[computed <= session][-1:]
    held = doors.lake.read("positions", last[0], last[0]) if len(last) else tables.empty("positions")
    return outcomes(doors, session, held)


def _dated(declared: "pd.Series[str]") -> list[str]:
    """Feeds that are judged by the dates of their facts: those that are implied, and declared ones that have a date."""
    return [
        feed for feed in sorted({*feeds.ITEMS, *declared}) if "business_date" in tables.TABLES[tables.FILES[feed]].names
    ]
