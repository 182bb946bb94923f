"""Breaks as people work on them: whose they are, what was said of them, how long they may wait.

Belongs here: the state of a break, derived from what was told and done about it. Does not belong here: finding breaks
and their likely cause (``daybook.reconciliation``), writing what people do (``resources.break_events``).

Life of a break: ``open`` until somebody does something, ``assigned`` to the person who must explain it, ``explained``
with a cause and a reason; of the two the later counts, as assigning an explained break asks for more work. An
explanation holds for what was seen, as a waiver does: when the effect on NAV grows, the break is as it was before.
``waived``
while two people let it stand, whatever else is said of it. ``resolved`` by itself, once its book was compared without
it: nobody declares that. A book that was not compared since resolves nothing. The owner is who was assigned last, else
the owner of the definition. Nothing of this is stored with results: it is laid over when they are read.
"""

from typing import Any

import numpy as np
import pandas as pd

from daybook import tables
from daybook.control import waivers as waiving
from daybook.market.declared import in_force

CAUSES = (
    "missing_trade", "doubled_trade", "quantity", "price", "wrong_sign", "wrong_account", "settlement_timing",
    "settlement_fail", "split", "dividend", "withholding", "corporate_action", "fx_cut", "fee", "interest", "rounding",
    "units", "stale_statement", "empty_statement", "accrual", "unexplained",
)  # fmt: skip
"""Words for the cause of a break, of those that are found and of those that people name."""
TOLD, ASSIGN, COMMENT, EXPLAIN = "open", "assign", "comment", "explain"
"""Kinds of events: ``TOLD`` when the first pack names the break, the others are what people do."""
STANDING = ("open", "assigned", "explained", "waived")
"""Status of breaks that are not resolved."""
ANSWERED = ("explained", "waived", "resolved")
"""Status of breaks whose owner need not answer any more."""
_STATUS = {ASSIGN: "assigned", EXPLAIN: "explained"}
_COMPARED_WITH = {"position": ("position", "price"), "cash": ("cash",)}
"""Kind of a custodian's report -> kinds of breaks that it can show."""
_OF = ["book", "kind"]

LISTED = (
    "break_id", "business_date", "book", "instrument", "kind", "currency", "ours", "theirs", "difference",
    "impact_base", "impact_bp", "cause", "status", "owner", "opened_on", "age", "hours", "due_at", "overdue", "reason",
)  # fmt: skip
"""Columns of ``register``; business_date is the session on which the break was last seen."""


def handled(breaks: pd.DataFrame, events: pd.DataFrame, waivers: pd.DataFrame) -> pd.DataFrame:
    """``breaks`` with what people did laid over: status, owner, and cause and reason of who explained it last.

    Args:
        breaks: table ``reconciliation_breaks``, as stored.
        events: table ``break_events``, in order.
        waivers: table.
    """
    acts = events[events["break_id"].isin(breaks["break_id"])]
    about = waivers[waivers["break_id"] != ""]
    if breaks.empty or (acts.empty and about.empty):
        return breaks
    ids = breaks["break_id"]
    work = acts[acts["kind"].isin(list(_STATUS))].drop_duplicates("break_id", keep="last").set_index("break_id")
    named = acts[acts["kind"] == ASSIGN].drop_duplicates("break_id", keep="last").set_index("break_id")
    explained = acts[acts["kind"] == EXPLAIN].drop_duplicates("break_id", keep="last").set_index("break_id")
    held = waiving.laid(breaks, about, ["break_id"])
    seen = _of_each(ids, explained["impact_base"]).astype("float64")
    grown = ids.isin(explained.index) & ~waiving.within(breaks["impact_base"], seen)
    before = breaks["status"].mask(ids.isin(named.index), _STATUS[ASSIGN])
    status = _of_each(ids, work["kind"].replace(_STATUS)).fillna(breaks["status"])
    status = status.mask(grown & (status == _STATUS[EXPLAIN]), before).mask(held["waived"], "waived")
    by = _of_each(ids, "explained by " + explained["person"] + ": " + explained["reason"]).fillna("")
    by = by.mask(grown, by + ", but the effect on NAV was " + seen.map("{:,.2f}".format).astype("str") + " then")
    return breaks.assign(
        status=status,
        owner=_of_each(ids, named["owner"]).fillna(breaks["owner"]),
        cause=_of_each(ids, explained["cause"]).mask(grown).fillna(breaks["cause"]),
        reason=_joined(_joined(breaks["reason"], by), held["said"]),
    )


def register(
    breaks: pd.DataFrame,
    events: pd.DataFrame,
    compared: pd.DataFrame,
    reconciliations: pd.DataFrame,
    now: pd.Timestamp,
) -> pd.DataFrame:
    """Every break that was ever seen or told, one row each, as it stands.

    Args:
        breaks: ``handled`` rows of all sessions up to the one asked for.
        events: table ``break_events``, in order.
        compared: ``compared`` of the same sessions.
        reconciliations: facts: answer_hours.
        now: the present, in UTC.

    Returns:
        ``LISTED``, sorted by status, then size of the effect on NAV, the largest first. hours: since it was told,
        missing before the first pack; due_at: told + answer_hours, missing where nobody need answer any more; overdue:
        now is after it. A break that was told and of which no session has a row any more is resolved: the facts that
        made it were corrected.
    """
    last = breaks.sort_values("business_date", kind="stable").drop_duplicates("break_id", keep="last")
    seen = last[_OF].merge(compared, on=_OF, how="left")["business_date"].set_axis(last.index)
    status = last["status"].mask(seen > last["business_date"], "resolved")
    told = events[events["kind"] == TOLD].drop_duplicates("break_id").set_index("break_id")["at"]
    gone = told.index.difference(pd.Index(last["break_id"]))
    rows = last.assign(status=status)
    if len(gone):
        blank = tables.empty("reconciliation_breaks").reindex(range(len(gone)))
        texts = dict.fromkeys(blank.columns[blank.dtypes == "str"], "")
        blank = blank.fillna(texts).assign(break_id=gone.to_numpy(), status="resolved", reason="no session has it now")
        rows = pd.concat([rows, blank.astype(rows.dtypes.drop("age").to_dict())], ignore_index=True)
    since = _of_each(rows["break_id"], told)
    due = (since + pd.to_timedelta(_answer_hours(rows, reconciliations), unit="h")).mask(rows["status"].isin(ANSWERED))
    made = rows.assign(
        age=rows["age"].astype("float64"),
        hours=((now - since).dt.total_seconds() / 3600).round(1),
        due_at=due.astype("datetime64[us, UTC]"),
        overdue=due < now,
        place=rows["status"].map({name: place for place, name in enumerate((*STANDING, "resolved"))}),
        size=-rows["impact_bp"].abs().fillna(np.inf),
    )
    return made.sort_values(["place", "size", "break_id"], kind="stable", ignore_index=True)[list(LISTED)]


def compared(
    sessions: pd.DatetimeIndex, nav: pd.DataFrame, reports: pd.DataFrame, administrator_nav: pd.DataFrame
) -> pd.DataFrame:
    """The last session on which each book was compared, for each kind of break: business_date, book, kind.

    Args:
        sessions: those that were computed to the end: of others no breaks are stored.
        nav: table; a book that failed was not compared.
        reports: ``custodian_reports``.
        administrator_nav: facts.
    """
    done = nav.loc[(nav["status"] == "ok") & nav["business_date"].isin(sessions), ["business_date", "book"]]
    said = [
        reports.loc[reports["kind"] == report, ["business_date", "book"]].assign(kind=kind)
        for report, kinds in _COMPARED_WITH.items()
        for kind in kinds
    ]
    said.append(administrator_nav[["business_date", "book"]].assign(kind="nav"))
    # Confirmations and transactions are looked at in every session: what was not answered stays open by itself.
    said.append(done.assign(kind="transaction"))
    both = pd.concat(said, ignore_index=True).merge(done, on=["business_date", "book"])
    return both.sort_values("business_date").drop_duplicates(_OF, keep="last", ignore_index=True)


def _answer_hours(rows: pd.DataFrame, reconciliations: pd.DataFrame) -> "pd.Series[float]":
    """Hours in which the owner must answer, of the definition in force when the break was last seen."""
    default = float(tables.TABLES["reconciliations"].defaults["answer_hours"])
    keys = rows[["business_date", "book"]].drop_duplicates().dropna()
    terms = in_force(reconciliations.assign(book=""), "reconciliation", keys)
    of = ["business_date", "book", "reconciliation"]
    hours = rows[of].merge(terms[[*of, "answer_hours"]], on=of, how="left")["answer_hours"]
    return hours.fillna(default).set_axis(rows.index)


def _of_each(ids: "pd.Series[str]", known: "pd.Series[Any]") -> "pd.Series[Any]":
    """``known`` by break id for each of ``ids``, missing where there is none; of the same type, also where none is."""
    return known.reindex(ids).set_axis(ids.index)


def _joined(one: "pd.Series[str]", other: "pd.Series[str]") -> "pd.Series[str]":
    """Two sentences as one, where there are two."""
    between = pd.Series("; ", one.index, dtype="str").where((one != "") & (other != ""), "")
    return one + between + other
