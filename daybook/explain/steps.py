"""How open lots came to be what they are: which transaction or action brought or took how much of each.

Belongs here: reading that off the lots of the journal. Does not belong here: what a unit is worth (``holdings``).

Quantities are in terms of the session: what was bought before a split counts after it, so that the steps of a lot add
up to it. The ratio of a split is that of the lot's own quantities, rounding included.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.explain.evidence import Evidence
from daybook.ledger import exact, lots

Ints = NDArray[np.int64]


def steps(evidence: Evidence) -> pd.DataFrame:
    """Steps of every open lot of the book, oldest first.

    Returns:
        instrument and lot; transaction_id (an action's id where an action did it); kind; date; restates, whether the
        step changes the terms alone; before and after, the lot's quantity around it in the terms of then; quantity,
        what it brought (+) or took (-) in terms of the session; cost and cost_base, by how much they changed.
    """
    journal = evidence.journal
    states, events, day = journal.matched.states, journal.events, evidence.day
    session = events["session"].to_numpy(np.int64)
    until = states["until"].to_numpy(np.int64)
    own = journal.book_of(states["holding"], states["member"]) == evidence.book
    begun = session[states["since"]] <= day
    still = (until < 0) | (session[np.maximum(until, 0)] > day)
    lot = states["lot"].to_numpy(np.int64)
    mine = np.flatnonzero(own & begun)
    mine = mine[np.isin(lot[mine], lot[own & begun & still])]
    mine = mine[np.lexsort((states["since"].to_numpy()[mine], lot[mine]))]
    rows = states.take(mine).reset_index(drop=True)
    since = rows["since"].to_numpy(np.int64)
    fresh = np.r_[True, np.diff(rows["lot"].to_numpy()) != 0][: len(rows)]
    chained = ~fresh & (np.r_[-1, rows["until"].to_numpy()[:-1]][: len(rows)] == since)
    after = rows["quantity"].to_numpy(np.int64)
    before = np.where(chained, np.r_[0, after[:-1]][: len(rows)], 0)
    event = events["event"].to_numpy()[since]
    # A merger takes whole lots with it under their names; to a pool it adds.
    restates = ((event == lots.SPLIT) | ((event == lots.REPLACE) & (rows["lot"].to_numpy() >= 0))) & (before != 0)
    changed = np.where(restates, 0.0, exact.units(after) - exact.units(before))
    holding = journal.holdings.take(rows["holding"].to_numpy(np.int64))
    frame = pd.DataFrame(
        {
            "lot_number": rows["lot"].to_numpy(),
            "instrument": holding["instrument"].to_numpy(),
            "lot": lots.names(rows["lot"].to_numpy(np.int64), journal.matched.derived, events["transaction_id"]),
            "transaction_id": events["transaction_id"].to_numpy(object)[since],
            "kind": events["kind"].to_numpy(object)[since],
            "date": pd.DatetimeIndex(session[since].astype("datetime64[D]").astype("datetime64[us]")),
            "restates": restates,
            "before": exact.units(before),
            "after": exact.units(after),
            "quantity": changed * _later(rows["lot"].to_numpy(), restates, before, after),
        }
    )
    for name in ("cost", "cost_base"):
        level = rows[name].to_numpy(np.int64)
        frame[name] = exact.money(level - np.where(chained, np.r_[0, level[:-1]][: len(rows)], 0))
    # A lot that went from one instrument to another is of the one that it is in now.
    frame["instrument"] = frame.groupby("lot_number")["instrument"].transform("last")
    return frame.drop(columns="lot_number")


def _later(lot: Ints, restates: NDArray[np.bool_], before: Ints, after: Ints) -> NDArray[np.float64]:
    """By how much the steps after each one restate it."""
    ratio = np.where(restates, after / np.where(before == 0, 1, before), 1.0)[::-1]
    following = pd.Series(ratio).groupby(lot[::-1]).shift(1, fill_value=1.0)
    return np.asarray(following.groupby(lot[::-1]).cumprod().to_numpy()[::-1], np.float64)
