"""What each feed should have brought for the date, and what came.

Belongs here: the table of feeds and how many are not as they should be. Does not belong here: what is expected, and
what counts as what (``daybook.market.feeds``).
"""

import numpy as np

from daybook.market.feeds import NEEDED_FOR, feed_name
from daybook.pack import figures
from daybook.pack.blocks import Block, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, grid

_ORDER = {"failed": 0, "missing": 1, "partial": 2, "empty": 3, "complete": 4}
_LACKING = ("failed", "missing", "partial")
_MOST = 40


def lacking(day: Day) -> tuple[int, int]:
    """How many feeds failed, did not come or came in part, and how many feeds there are."""
    outcome = day.rows("feed_outcomes")["outcome"]
    return int(outcome.isin(_LACKING).sum()), len(outcome)


def table(day: Day) -> Block:
    """Every feed that was expected or came, the worst first; what waits for one that lacks something."""
    rows = day.rows("feed_outcomes")
    if not len(rows):
        return Words("No feed was expected for this date, and nothing came.")
    expected = (rows["calendar"] != "").to_numpy()
    rank = rows["outcome"].map(_ORDER).fillna(0).to_numpy()
    rows = rows.iloc[np.lexsort((~expected, rank))]
    waits = rows["feed"].map(NEEDED_FOR).fillna("").where(rows["outcome"].isin(_LACKING), "")
    return grid(
        "Feeds: what was expected and what came",
        [
            Column("Feed", feed_name(rows), "code"),
            Column("Expected by", rows["calendar"]),
            Column("Outcome", rows["outcome"], "status"),
            Column("Rows", rows["rows"], "count"),
            Column("Expected", rows["expected_rows"].where(rows["expected_rows"] > 0), "count", "", "nothing to go by"),
            Column("Came", rows["coverage"], "percent", "", "nothing to go by"),
            Column("File", rows["file"], "code"),
            Column("Reason", rows["reason"], optional=True),
            Column("Waits for it", waits, optional=True),
        ],
        limit=_MOST,
        more=f"The worst are shown; all: daybook show feed_outcomes --date {figures.day(day.business_date)}",
    )
