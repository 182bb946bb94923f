"""Positions of the books and of a custodian.

Belongs here: which quantity of the books stands against which of the custodian's. Does not belong here: what the
positions are worth (``valuations``), which differences are breaks (``breaks``).
"""

import numpy as np
import pandas as pd

from daybook.reconciliation.sides import KEY, Floats, Sides, answering, differ, texts


def compared(
    positions: pd.DataFrame, custodian: pd.DataFrame, reports: pd.DataFrame, every: bool = False
) -> pd.DataFrame:
    """Both sides of positions of books that a custodian reported, where they differ or one is not known.

    Settled quantities are compared where the custodian gives them, else quantities. A book of which any line has a
    settled quantity is compared by them also where a line is missing, and so is one without lines: what is not there
    has not settled. What one side does not list is 0 there.

    Args:
        positions: table; all sessions that were reported.
        custodian: custodian_positions, facts of the same sessions.
        reports: custodian_reports of kind position: business_date, book, source, whole.
        every: also the lines that agree.

    Returns:
        Columns ``sides.LINE``, kind ``position``, compared_field ``settled`` or ``quantity``.
    """
    sides = answering(positions, custodian, reports, "instrument")
    given = custodian["settled_quantity"].notna()
    settled = sides.of_theirs(given.astype("float64"))
    listed = sides.theirs >= 0
    counts, settling = np.zeros(len(reports)), np.zeros(len(reports))
    np.add.at(counts, sides.report[listed], 1)
    np.add.at(settling, sides.report[listed], settled[listed])
    by_settled = np.where(listed, settled > 0, (settling[sides.report] > 0) | (counts[sides.report] == 0))
    ours = np.where(by_settled, sides.of_ours(positions["settled_quantity"]), sides.of_ours(positions["quantity"]))
    stated = custodian["settled_quantity"].where(given, custodian["quantity"])
    rows = lines(sides, ours, sides.of_theirs(stated), reports, every)
    field = pd.Series(np.where(by_settled[rows.index], "settled", "quantity"), rows.index, dtype="str")
    return named(rows, sides, positions, custodian, reports, "instrument").assign(
        kind="position", compared_field=field.to_numpy()
    )


def lines(sides: Sides, ours: Floats, theirs: Floats, reports: pd.DataFrame, every: bool) -> pd.DataFrame:
    """ours, theirs, difference and known of the lines that differ or are not known; of all of them if ``every``."""
    known = ~np.isnan(theirs) | reports["whole"].to_numpy(bool)[sides.report]
    ours, theirs = np.nan_to_num(ours, nan=0.0), np.nan_to_num(theirs, nan=0.0)
    wanted = np.flatnonzero(differ(ours, theirs) | ~known | every)
    mine, other = ours[wanted], theirs[wanted]
    return pd.DataFrame(
        {"ours": mine, "theirs": other, "difference": (other - mine).round(8) + 0.0, "known": known[wanted]},
        index=wanted,
    )


def named(
    rows: pd.DataFrame,
    sides: Sides,
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    reports: pd.DataFrame,
    item: str,
) -> pd.DataFrame:
    """``rows``, whose index are lines of ``sides``, with business_date, book, source, ``item`` and currency."""
    at = rows.index.to_numpy()
    wanted = Sides(sides.ours[at], sides.theirs[at], sides.report[at])
    report = reports[[*KEY, "source"]].take(wanted.report).reset_index(drop=True)
    names = {name: texts(wanted, ours[name], theirs[name]) for name in dict.fromkeys((item, "currency"))}
    return pd.concat([report, pd.DataFrame(names), rows.reset_index(drop=True)], axis=1)
