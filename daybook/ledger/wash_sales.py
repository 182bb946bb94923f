"""Wash sales: losses that count for nothing because the same was bought within 30 days of the sale (US).

Belongs here: which losses, which purchases replace what was sold, how much is disallowed. Does not belong here: the
loss itself (``lots``), the loop (``wash_kernel``), the adjustment of cost in a tax return: the books keep what was
paid.

Rules: Internal Revenue Code section 1091, Treasury Regulations 1.1091-1; IRS Publication 550, "Wash Sales". The window
is 30 days before the sale to 30 days after it. Losses are taken in their order and purchases in theirs; each unit
bought replaces one unit sold, once. Units that were sold again by then, those of the sale itself included, replace
nothing. Substantially identical means the same instrument; the taxpayer is the pool. Short sales are not looked at, nor
is what was matched by the UK rules.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact, lots, spans
from daybook.market import security_master

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]

_UK = [lots.RULES.index(name) for name in ("section_104", "same_day", "thirty_day")]


def wash_sales(journal: "Journal", sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Losses disallowed, on the session that shows it: that of the sale, or of a purchase after it.

    Returns:
        Table ``wash_sales``, one row for each part of a sale (``transaction_id`` and ``lot``) and purchase that
        replaces units of it; quantity is in terms of the sale, disallowed the part of its loss that falls on these
        units, positive. Books that declare wash_sales false have none.
    """
    events, parts = journal.events, journal.parts
    found = _matched(journal)
    part, purchase, units = (found[:, at] for at in range(3))
    closing = parts["closing"].to_numpy()[part]
    session = events["session"].to_numpy()
    day = np.maximum(session[closing], session[purchase])
    book = journal.pools.book_of(parts["holding"].to_numpy()[part], parts["member"].to_numpy()[part])
    row, business_date = journal.rows(book, day, day + 1, sessions)
    at = security_master.in_force(journal.books, "book", book[row], business_date)
    declared = journal.books["wash_sales"].to_numpy(bool)[at]
    row, business_date = row[declared], business_date[declared]
    holding = journal.pools.holdings.take(parts["holding"].to_numpy()[part[row]])
    ids = events["transaction_id"].to_numpy(object)
    frame = pd.DataFrame(
        {
            "business_date": business_date,
            "book": book[row],
            "instrument": holding["instrument"].to_numpy(),
            "transaction_id": ids[closing[row]],
            "lot": lots.names(parts["lot"].to_numpy()[part[row]], journal.matched.derived, ids),
            "replacement": ids[purchase[row]],
            "sold_on": spans.dates(events["date"].to_numpy()[closing[row]]),
            "quantity": exact.units(units[row]),
            "disallowed": exact.money(_disallowed(found, parts, "gain")[row]),
            "disallowed_base": exact.money(_disallowed(found, parts, "gain_base")[row]),
            "currency": holding["currency"].to_numpy(),
        }
    )
    return tables.conform("wash_sales", frame.sort_values([*frame.columns[:6]], kind="stable"))


def _matched(journal: "Journal") -> Ints:
    """Part, purchase (event) and units of each match, by part."""
    from daybook.ledger import wash_kernel as kernel

    events, parts = journal.events, journal.parts
    number = np.arange(len(events))
    quantity = events["quantity"].to_numpy(np.int64)
    # What covers a short replaces nothing.
    covered = np.zeros(len(events), np.int64)
    np.add.at(covered, parts["closing"].to_numpy(), parts["quantity"].to_numpy())
    bought = (events["event"] == lots.TRADE).to_numpy() & (quantity > covered)
    split = (events["event"] == lots.SPLIT).to_numpy()
    sold = ~parts["rule"].isin(_UK).to_numpy() & (parts["quantity"] > 0).to_numpy()
    losing = sold & ((parts["gain"] < 0) & (parts["cost"] > 0)).to_numpy()
    closing, units = parts["closing"].to_numpy(), parts["quantity"].to_numpy()
    of = {"holding": events["holding"].to_numpy(), "date": events["date"].to_numpy()}
    blocks = [
        (number[split], kernel.SPLIT, number[split], quantity[split], events["cost"].to_numpy(np.int64)[split]),
        (closing[sold], kernel.SOLD, parts["opened"].to_numpy()[sold], units[sold], units[sold]),
        (closing[losing], kernel.LOSS, np.flatnonzero(losing), units[losing], units[losing]),
        (number[bought], kernel.PURCHASE, number[bought], (quantity - covered)[bought], quantity[bought]),
    ]
    rows = np.concatenate(
        [
            np.column_stack([of["holding"][at], np.full(len(at), kind), name, of["date"][at], size, whole, at])
            for at, kind, name, size, whole in blocks
        ]
    )
    rows = np.ascontiguousarray(rows[np.lexsort((rows[:, 1], rows[:, 6], rows[:, 0]))][:, :6].astype(np.int64))
    found = np.empty((len(rows) + 16, 3), np.int64)
    count = kernel.match(rows, found)
    if count > len(found):
        found = np.empty((count, 3), np.int64)
        kernel.match(rows, found)
    return found[:count][np.argsort(found[:count, 0], kind="stable")]


def _disallowed(found: Ints, parts: pd.DataFrame, name: str) -> Ints:
    """The part of each loss that falls on the units matched; the sum over a part is rounded once."""
    from daybook.ledger.lot_arithmetic import proportions

    if not len(found):
        return found[:, 0]
    part = found[:, 0]
    upto = pd.Series(found[:, 2]).groupby(part).cumsum().to_numpy(copy=True)
    whole, of = -parts[name].to_numpy(np.int64)[part], parts["quantity"].to_numpy(np.int64)[part]
    after: Ints = proportions(whole, upto, of)
    before: Ints = proportions(whole, upto - found[:, 2], of)
    return after - before
