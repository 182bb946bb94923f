"""Can a book close, what blocks it, and whose turn it is.

Belongs here: reading that off the status, the NAV and the findings. Does not belong here: judging data (the checks of
``daybook/market/quality/`` do), and the refusal itself (the command ``close``).
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from daybook.pack import figures
from daybook.pack.day import Day

State = Literal["blocked", "ready", "closed"]

# Words in the name of a check -> who can clear it, and how. The first that fits is taken.
_TURNS = (
    ("quarantine", "Operations", "daybook quarantine list"),
    ("feed", "Operations, with the vendor", "deliver the file to the inbox, then daybook eod --date {date}"),
    ("break", "Operations, with the custodian", "daybook breaks list"),
    ("adjusted", "Market data", "deliver raw prices, then daybook eod --date {date}"),
    ("split", "Market data", "deliver the action or the price, or daybook override price"),
    ("data_impact", "Market data", "settle the largest: deliver the prices, or daybook override price"),
    ("price", "Market data", "deliver the price, or daybook override price"),
    ("fx", "Market data", "deliver the rate, then daybook eod --date {date}"),
    ("book", "Operations", "correct what the reason names, then daybook eod --date {date}"),
)
_DEFAULT_TURN = ("Operations", "correct what the reason names, then daybook eod --date {date}")


@dataclass(frozen=True)
class Blocker:
    """One thing that keeps a book from closing: which check, on what, why, how much, whose turn, what to do."""

    check: str
    instrument: str
    reason: str
    impact: str
    turn: str
    action: str


@dataclass(frozen=True)
class Verdict:
    """What the first page says of a book. ``turn`` and ``action`` are the next step where nothing blocks."""

    book: str
    state: State
    word: str
    blockers: tuple[Blocker, ...]
    waived: int
    turn: str
    action: str


def verdicts(day: Day) -> dict[str, Verdict]:
    """The verdict on every book of the day, in order of name."""
    return {book: verdict(day, book) for book in day.names}


def verdict(day: Day, book: str) -> Verdict:
    """The verdict on one book.

    A book is blocked by every finding of severity blocking that is not waived and is about it or about no book in
    particular, by a NAV that could not be computed, and by a day that was not computed to the end. A signed book stays
    closed; findings that stand against it are told all the same.

    Raises:
        KeyError: ``book`` is not a book of the day.
    """
    status = day.status[book]
    found, waived = _blocking(day, book)
    blockers = [*found, *_uncomputed(day, book, bool(found))]
    date = figures.day(day.business_date)
    if status in ("closed", "restated"):
        return Verdict(
            book, "closed", status.capitalize(), tuple(blockers), waived, *_signed(day, book, bool(blockers))
        )
    if blockers:
        turns = " · ".join(dict.fromkeys(b.turn for b in blockers))
        return Verdict(book, "blocked", "Cannot close", tuple(blockers), waived, turns, blockers[0].action)
    return Verdict(book, "ready", "Can close", (), waived, "Whoever signs", f"daybook close {date} --book {book}")


def _blocking(day: Day, book: str) -> tuple[list[Blocker], int]:
    """The blocking findings about ``book`` or about all books, and how many more are waived."""
    rows = pd.concat([day.rows("findings", book), day.rows("findings", "")])
    rows = rows[rows["severity"] == "blocking"]
    waived = rows["status"] == "waived"
    rows = rows[~waived].sort_values(["check", "instrument"], kind="stable")
    return [_blocker(day, row) for row in rows.to_dict("records")], int(waived.sum())


def _blocker(day: Day, row: Mapping[Hashable, Any]) -> Blocker:
    check = figures.words(row["check"])
    turn, action = _turn(check)
    base, in_bp = figures.number(row["impact_base"]), figures.number(row["impact_bp"])
    book = str(row["book"])
    impact = f"{figures.whole_change(base)} {day.currencies.get(book, '')}".strip() if np.isfinite(base) else ""
    if np.isfinite(in_bp):
        impact = f"{impact}, {figures.bp(in_bp)} bp of NAV".lstrip(", ")
    action = action.format(date=figures.day(day.business_date))
    return Blocker(check, figures.words(row["instrument"]), figures.words(row["reason"]), impact, turn, action)


def _turn(check: str) -> tuple[str, str]:
    return next(((who, what) for word, who, what in _TURNS if word in check), _DEFAULT_TURN)


def _uncomputed(day: Day, book: str, known: bool) -> list[Blocker]:
    """A NAV or a day that is not there, unless a finding (``known``) has said so already."""
    nav = day.rows("nav", book)
    date = figures.day(day.business_date)
    again = f"daybook eod --date {date}"
    if known:
        return []
    if not len(nav):
        reason = "No NAV was computed for this date."
        return [Blocker("book_not_computed", "", reason, "", "Operations", again)]
    row = nav.iloc[-1]
    if row["status"] != "ok" or not np.isfinite(figures.number(row["nav"])):
        reason = figures.words(row["reason"]) or "The NAV could not be computed."
        return [Blocker("book_failed", "", reason, "", *_turn_for(date))]
    if day.status[book] not in ("candidate", "closed", "restated"):
        reason = f"The day is {figures.words(day.status[book])}: it has not been computed to the end."
        return [Blocker("day_not_candidate", "", reason, "", "Operations", again)]
    return []


def _turn_for(date: str) -> tuple[str, str]:
    return _DEFAULT_TURN[0], _DEFAULT_TURN[1].format(date=date)


def _signed(day: Day, book: str, doubted: bool) -> tuple[str, str]:
    """Who signed, and what to do if something blocking stands against a signed book."""
    rows = day.closes[day.closes["book"] == book].sort_values("version")
    who = "Signed"
    if len(rows):
        last = rows.iloc[-1]
        who = f"Signed by {figures.words(last['signed_by'])}, version {figures.count(float(last['version']))}"
    date = figures.day(day.business_date)
    return who, f"daybook changes {date}" if doubted else ""
