"""Findings and breaks that two people let stand, until they end; and what a second person has yet to agree to.

Belongs here: the section waivers. Does not belong here: which waiver holds (``daybook.control.waivers``).
"""

import pandas as pd

from daybook.pack.blocks import Block, Section, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import counted

_WAIVERS = (
    "One person asked and a second one agreed that a finding or a break may stand. It holds up to its last session, for"
    " the effect on NAV that was seen and a tenth more; an identity is never waived."
)
_MOST = 40


def waivers(day: Day, book: str | None) -> Section:
    """Waivers in force on the date, and requests for more that wait for a second person."""
    rows = day.waivers if book is None else day.waivers[day.waivers["book"].isin([book, ""])]
    waiting = day.waiver_requests if book is None else day.waiver_requests.head(0)
    blocks: list[Block] = [Words("Nothing is waived.", "good")]
    if len(rows):
        said = f"{counted(len(rows), 'waiver')} in force: the day can be signed although something stands against it."
        blocks = [Words(said, "care"), _in_force(day, rows)]
    if len(waiting):
        blocks += [Words(f"{counted(len(waiting), 'request')} for a second person to decide.", "care")]
        blocks += [_waiting(waiting)]
    return Section("waivers", "Waived", _WAIVERS, blocks)


def _in_force(day: Day, rows: pd.DataFrame) -> Grid:
    """One line for each waiver, the one that ends first on top."""
    rows = rows.sort_values(["valid_to", "waiver_id"], kind="stable")
    # What is laid over findings and breaks names the waiver that holds for them.
    told = pd.concat([day.rows(table)[["status", "reason"]] for table in ("findings", "reconciliation_breaks")])
    holds = told.loc[told["status"] == "waived", "reason"].str.extractall(r"\(waiver ([^)]+)\)")[0]
    state = rows["waiver_id"].isin(holds).map({True: "holds", False: "it is gone, or has grown"})
    return grid(
        "Waivers in force on this date",
        [
            Column("Number", rows["waiver_id"]),
            Column("What", rows["check"].mask(rows["check"] == "", "break " + rows["break_id"])),
            Column("Book", rows["book"].where(rows["book"] != "", "all")),
            Column("Instrument", rows["instrument"]),
            Column(
                "Effect seen", rows["impact_base"], "whole_change", "base currency", "no effect on NAV, or not known"
            ),
            Column("On this date", state),
            Column("From", rows["valid_from"], "day"),
            Column("Until", rows["valid_to"], "day"),
            Column("Asked, approved", rows["entered_by"] + ", " + rows["approved_by"]),
            Column("Why", rows["reason"]),
        ],
        limit=_MOST,
        more="All: daybook show waivers",
        dense=True,
    )


def _waiting(waiting: pd.DataFrame) -> Grid:
    """What somebody asked for and nobody else has decided yet."""
    return grid(
        "Waivers that wait for a second person",
        [
            Column("Number", waiting["id"], "count"),
            Column("Asked for", waiting["subject"]),
            Column("Why", waiting["reason"]),
            Column("Asked by", waiting["requested_by"]),
            Column("On", waiting["requested_at"], "day"),
        ],
        limit=_MOST,
        more="All: daybook requests",
        notes=["Nothing is waived until somebody other than who asked says daybook approve, or daybook reject."],
    )
