"""Corporate actions: what their kinds need.

Belongs here: checks of delivered corporate actions. Does not belong here: what an action does to lots, cash and prices.
"""

import numpy as np
import pandas as pd

from daybook.intake import terms, values
from daybook.intake.draft import Bools, Draft
from daybook.market import dated, security_master


def complete(draft: Draft) -> None:
    """A cancelled action need not say more than its id: the rest is what is known of it."""
    known = draft.reference.corporate_actions.set_index("action_id")
    cancelled = draft.strings("status") == terms.UNDOING["corporate_actions"][1]
    cancelled &= values.among(draft.strings("action_id"), known.index.to_numpy(object))
    if not cancelled.any():
        return
    at = known.index.get_indexer(pd.Index(draft.strings("action_id")))
    for column in ("instrument", "kind"):
        draft.fill(column, cancelled, np.append(known[column].to_numpy(object), "")[at])
    draft.fill("ex_date", cancelled, np.append(dated.iso(known["ex_date"]).to_numpy(object), "")[at])


def check(draft: Draft) -> None:
    """What each kind cannot do without; the currency is the instrument's where none is given."""
    kinds = draft.cells["kind"]
    active = draft.cells["status"] != terms.UNDOING["corporate_actions"][1]
    for kind, needs in terms.ACTION_NEEDS.items():
        for column in needs:
            draft.refuse(active & (kinds == kind) & ~draft.filled(column), column, f"missing: a {kind} needs it")
    _mergers(draft, active & (kinds == "merger"))
    delivers = active & np.isin(kinds, terms.DELIVERS) & draft.filled("new_instrument")
    itself = delivers & (draft.cells["new_instrument"] == draft.cells["instrument"])
    draft.refuse(itself, "new_instrument", "it is the instrument itself; a change of name is a rename")
    instruments = draft.reference.instruments
    at = security_master.in_force(instruments, "instrument", draft.cells["instrument"], draft.dates())
    own = np.append(instruments["currency"].to_numpy(object), "")[at]
    draft.cells["currency"] = np.where(draft.filled("currency"), draft.cells["currency"], own)


def _mergers(draft: Draft, merger: Bools) -> None:
    """A merger says what one gets: so many of a new instrument, money, or both; half of a ratio says nothing."""
    into = draft.filled("new_instrument")
    new, old = draft.filled("numerator"), draft.filled("denominator")
    bare = merger & ~into & ~new & ~old & ~draft.filled("amount")
    draft.refuse(bare, "amount", "missing: a merger needs it, or numerator, denominator and new_instrument")
    reason = "missing: a merger that gives shares needs numerator, denominator and new_instrument"
    for column, given in (("numerator", new), ("denominator", old), ("new_instrument", into)):
        draft.refuse(merger & (into | new | old) & ~given, column, reason)
