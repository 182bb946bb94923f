"""Closed periods: what becomes of a transaction that is dated into one.

Belongs here: which delivered transactions a signed close keeps out, and on which session those count that are let in.
Does not belong here: signing (``daybook.control.closes``), what a row posts (``daybook.ledger``).

The closed period of a book is everything up to its newest signed session, whoever signed what before it. What is done
``closed_period`` of ``close_rules`` says, in force on the first session after it, so that another policy needs no
declaration that is itself dated into the closed period:

* ``restate``: nothing. The row counts on its trade date, and the days from there on differ from what was signed.
* ``post``: it counts on the first session after the closed period, ``booked_on``. That cannot be done with a row that
  cancels or replaces one inside the period (which would be gone from there), nor with units that an action changed, or
  that matured, in between: as they were traded there are none any more. These are refused.
* ``refuse``: it is refused, and so is what cancels or replaces a transaction inside the period.

A cancel or correction of a transaction that was posted forward, into a session that is still open, is no such thing.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars
from daybook.intake import values
from daybook.intake.draft import Bools, Draft
from daybook.ledger import spans, transactions
from daybook.market import dated, security_master
from daybook.market.declared import rule_in_force

Dates = NDArray[np.datetime64]

_SEES = ["book", "trade_date", "booked_on", "kind", "corrects"]
_NEVER = np.datetime64("NaT", "us")


def judge(draft: Draft) -> None:
    """Give ``booked_on`` to transactions of closed periods that are posted forward; refuse those not let in."""
    draft.cells["booked_on"] = np.full(len(draft), _NEVER)
    at = np.flatnonzero(draft.sound() & ~draft.dropped)
    if draft.reference.closes.empty or not len(at):
        return
    ids, corrects = draft.cells["transaction_id"][at], draft.cells["corrects"][at]
    rows = pd.DataFrame({name: draft.cells[name][at] for name in _SEES}).astype({"book": "str"})
    own = _closed(draft, rows)
    named = _amended(draft.reference.transactions, corrects, ids)
    then = _closed(draft, named)
    gone = then["closed"].to_numpy() & then["policy"].isin(["refuse", "post"]).to_numpy()
    cancels = (rows["kind"] == "cancel").to_numpy()
    closed = own["closed"].to_numpy()
    late = closed & ~cancels & (own["policy"] == "refuse").to_numpy() & ~gone
    posted = closed & (own["policy"] == "post").to_numpy() & ~gone
    booked_on = np.where(posted, own["after"].to_numpy("datetime64[us]"), _NEVER)
    changed = _changed(draft, at, posted & ~cancels, booked_on)
    booked_on[changed != ""] = _NEVER
    draft.cells["booked_on"][at] = booked_on
    to_do = "; daybook quarantine release lets it in once close_rules declare another closed_period for "
    _refuse(draft, at, late, "trade_date", own["said"] + to_do + dated.iso(own["after"]))
    what = (
        corrects + " counts in it and cannot be taken back there unless close_rules say restate; else post the opposite"
    )
    _refuse(draft, at, gone, "corrects", then["said"] + ": " + what + " today")
    _refuse(draft, at, changed != "", "trade_date", own["said"] + ": " + changed)
    if count := int((booked_on == booked_on).sum()):
        draft.notes.append(f"dated into a closed period and booked on the first session after it: {count}")


def _refuse(draft: Draft, at: NDArray[np.int64], where: Any, column: str, reasons: Any) -> None:
    flags, texts = np.zeros(len(draft), bool), np.full(len(draft), "", object)
    flags[at], texts[at] = where, reasons
    draft.refuse(flags, column, texts)


def _closed(draft: Draft, rows: pd.DataFrame) -> pd.DataFrame:
    """Of each row whether its session is closed, the first one after the closed period, the policy, and who closed it.

    Args:
        draft: for what is known of books, closes and rules.
        rows: book, trade_date and booked_on; a missing date is in no period.
    """
    books, closes = draft.reference.books, draft.reference.closes.set_index("book")
    closes = closes.reindex(rows["book"]).reset_index()
    at = security_master.in_force(books, "book", rows["book"], rows["trade_date"])
    calendar = pd.Series(np.append(books["calendar"].to_numpy(object), "")[at], dtype="str")
    session = pd.Series(spans.dates(transactions.booked(calendar, transactions.dated_on(rows))))
    last = closes["business_date"].astype("datetime64[us]")
    after = np.full(len(rows), _NEVER)
    for name in calendar[last.notna().to_numpy()].unique():
        of = (last.notna() & (calendar == name)).to_numpy()
        after[of] = calendars.next_session(name, last[of])
    asked = pd.DataFrame({"business_date": after, "book": rows["book"]})
    text = dated.iso(session) + " is in a closed period of " + closes["book"].fillna("") + ": "
    text += closes["signed_by"].fillna("") + " signed " + dated.iso(last) + " as version "
    return pd.DataFrame(
        {
            "closed": session.notna() & (session <= last),
            "after": after,
            "policy": rule_in_force("close_rules", draft.reference.close_rules, asked)["closed_period"],
            "said": text + closes["version"].astype("Int64").astype("str"),
        }
    )


def _amended(log: pd.DataFrame, corrects: NDArray[Any], ids: NDArray[Any]) -> pd.DataFrame:
    """The transaction of the log that each row takes away or brings back; empty where it is none that is known.

    What cancels a cancel brings back what that one had removed. What comes in the same file was never in the books.
    """
    known = log[["transaction_id", *_SEES]].drop_duplicates("transaction_id", keep="last").reset_index(drop=True)
    index = pd.Index(known["transaction_id"])
    at = index.get_indexer(pd.Index(np.where(values.among(corrects, ids) & (corrects != ids), "", corrects)))
    further = np.append(np.where(known["kind"] == "cancel", index.get_indexer(pd.Index(known["corrects"])), -2), -2)
    for _ in range(len(known)):
        more = further[at]
        if (more == -2).all():
            break
        at = np.where(more == -2, at, more)
    found = known[_SEES].reindex(np.where(at < 0, len(known), at)).reset_index(drop=True)
    return found.assign(book=found["book"].fillna("").astype("str"))


def _changed(draft: Draft, at: NDArray[np.int64], posted: Bools, booked_on: Dates) -> NDArray[np.object_]:
    """What became of the units of rows that are to be posted forward, between their date and ``booked_on``; "" if
    nothing."""
    kinds, named = draft.cells["kind"][at], draft.cells["instrument"][at]
    traded_on = draft.cells["trade_date"][at].astype("datetime64[us]")
    found = np.full(len(at), "", object)
    units = np.flatnonzero(posted & np.isin(kinds.astype(str), transactions.SECURITIES))
    if not len(units):
        return found
    rows = pd.DataFrame({"at": units, "instrument": named[units], "since": traded_on[units], "until": booked_on[units]})
    actions = draft.reference.corporate_actions
    both = rows.merge(actions[actions["status"] != "cancelled"], on="instrument")
    both = both[(both["ex_date"] > both["since"]) & (both["ex_date"] <= both["until"])].drop_duplicates("at")
    said = both["kind"] + " " + both["action_id"] + " of " + dated.iso(both["ex_date"])
    found[both["at"]] = (
        said + " came before " + dated.iso(both["until"]) + ", so these units cannot be booked then"
    ).to_numpy(object)
    instruments = draft.reference.instruments
    terms = security_master.in_force(instruments, "instrument", rows["instrument"], rows["since"])
    until = np.append(instruments["maturity_date"].to_numpy("datetime64[us]"), _NEVER)[terms]
    over = (until <= rows["until"].to_numpy("datetime64[us]")) & (found[units] == "")
    found[units[over]] = ("it matured on " + dated.iso(pd.Series(until[over]))).to_numpy(object)
    return found
