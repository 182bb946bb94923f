"""The cash ladder: settled balances to come, by settlement date.

Belongs here: what is traded, entitled or elected and not settled yet, added up by the day on which it settles. Does not
belong here: what has no date (interest, variation margin, fees that accrue), and forecasts.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import cash, exact, spans
from daybook.market import dated

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]


def ladder(journal: "Journal", sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Money to settle after each of ``sessions``, from what is booked by its close.

    Args:
        journal: of the books.
        sessions: midnight, naive.

    Returns:
        Table ``cash_ladder``: a row for each day after the session on which something settles, with what comes in and
        what goes out, and the settled balance that this leaves. Trades settle on settle_date, what corporate actions
        pay on pay_date, or the book's next session; what has no date yet is not in it.
    """
    moved = journal.flows
    keys, names = cash.keyed(moved)
    known, settle = moved["accrue"].to_numpy(np.int64), moved["settle"].to_numpy(np.int64)
    coming = np.flatnonzero((known < settle) & (settle < spans.FOREVER) & (moved["amount"] != 0).to_numpy())
    row, business_date = journal.rows(moved["book"].to_numpy(object)[coming], known[coming], settle[coming], sessions)
    row = coming[row]
    amount = moved["amount"].to_numpy(np.int64)[row]
    steps = (
        pd.DataFrame(
            {
                "stream": keys[row],
                "day": dated.days(business_date),
                "settle": settle[row],
                "inflows": np.maximum(amount, 0),
                "outflows": np.minimum(amount, 0),
            }
        )
        .groupby(["stream", "day", "settle"], as_index=False)
        .sum()
    )
    stream, day = steps["stream"].to_numpy(np.int64), steps["day"].to_numpy(np.int64)
    settled = spans.running(keys, settle, moved["amount"].to_numpy(np.int64)).before(stream, day + 1)[0]
    net = steps["inflows"] + steps["outflows"]
    balance = settled + net.groupby([steps["stream"], steps["day"]]).cumsum().to_numpy(np.int64)
    found = (
        names.take(stream)
        .reset_index(drop=True)
        .assign(
            business_date=spans.dates(day),
            settle_date=spans.dates(steps["settle"].to_numpy(np.int64)),
            inflows=exact.money(steps["inflows"].to_numpy(np.int64)),
            outflows=exact.money(steps["outflows"].to_numpy(np.int64)),
            balance=exact.money(balance),
        )
    )
    order = ["business_date", "book", "currency", "settle_date"]
    return tables.conform("cash_ladder", found.sort_values(order, kind="stable"))
