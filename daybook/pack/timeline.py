"""What was due when, what was late, and what decided when the day was done.

Belongs here: the section expected and late. Does not belong here: what is due, usual or late
(``daybook.control.timeline``), and what each feed brought (``feeds``).
"""

import pandas as pd

from daybook.control.timeline import name
from daybook.pack.blocks import Block, Section, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, grid
from daybook.pack.money import counted

_WHEN = (
    "As it stood just before this page was written; instants in UTC. Due: by the time that the firm declared, a feed"
    " else two hours after its market closed, what others report of us when it opens again. Expected: when it usually"
    " comes, by the median of the sessions before; of a step, when what it stands on is there and the time that it"
    " usually takes has gone. Decides: it lies on the longest path to the close."
)
_URGENCY = ("late", "at_risk", "waiting", "due", "done")
_MOST = 60


def section(day: Day) -> Section:
    """Steps and feeds of the date with their times, the late ones first."""
    rows = day.rows("timeline")
    if not len(rows):
        return Section("timeline", "Expected and late", _WHEN, [Words("Nothing was looked at for this date.")])
    late = int(rows["status"].eq("late").sum())
    behind = int((rows["status"].eq("done") & (rows["done_at"] > rows["due_at"])).sum())
    said = f"{counted(late, 'deadline')} missed and not done yet; {counted(behind, 'deadline')} met late."
    order = rows["status"].map({word: place for place, word in enumerate(_URGENCY)}).sort_values(kind="stable").index
    rows = rows.loc[order]
    blocks: list[Block] = [
        Words(said, "care") if late or behind else Words("Nothing is late.", "good"),
        grid(
            "What is due when",
            [
                Column("What", name(rows)),
                Column("Due", _written(rows, "due_at")),
                Column("Expected", _written(rows, "expected_at")),
                Column("Done", _written(rows, "done_at")),
                Column("State", rows["status"], "status"),
                Column("Decides", rows["critical"].map({True: "yes", False: ""})),
                Column("Waits for", rows["waits_for"], optional=True),
                Column("Why", rows["reason"], optional=True),
            ],
            limit=_MOST,
            more="All: daybook show timeline",
            dense=True,
        ),
    ]
    return Section("timeline", "Expected and late", _WHEN, blocks)


def _written(rows: pd.DataFrame, column: str) -> "pd.Series[str]":
    return pd.Series(rows[column].dt.strftime("%Y-%m-%d %H:%M").fillna(""), dtype="str")
