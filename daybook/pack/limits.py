"""How close the books are to what they may, which trade brought them there, and what has not been answered.

Belongs here: the section limits, and the words that compliance shares with it. Does not belong here: the limits
themselves (``daybook.risk.limits``).
"""

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, figures, grids
from daybook.pack.blocks import Block, Section, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import book_column, counted

_LIMITS = (
    "Used = size of the value / hard level; in the bar the long line is 100 %, short ones are warning and soft"
    " level, what is empty before the long line is headroom = hard level − size. Warning: at or beyond the warning"
    " level; beyond soft or hard opens a breach with a clock. Before: the same on the book's session before. A limit"
    " that cannot be evaluated has failed."
)
_URGENCY = {"failed": 0, "breach": 1, "warning": 2, "pass": 3}
_TITLE = "Limits"
_MOST_LIMITS = 40
_MOST_TRADES = 12


def section(day: Day, book: str | None) -> Section:
    """Every limit with what is used of it, the worst first; the breaches that stand; the trades that used most."""
    rows = day.rows("limit_usage", book)
    standing = _breaches(day, book)
    if not len(rows):
        if len(day.limits):
            said = "Limits are declared, but not one was evaluated on this date: that is a failure, not a pass."
            return Section("limits", _TITLE, _LIMITS, [Words(said, "bad"), *standing])
        return Section("limits", _TITLE, _LIMITS, [Words("The firm has declared no limits."), *standing])
    order = np.lexsort((-rows["utilisation"].fillna(0).to_numpy(np.float64), rows["status"].map(_URGENCY).fillna(0)))
    rows = rows.iloc[order]
    units = measured(day, rows, list(rows["basis"]))
    table = grid(
        "Limits, worst first",
        [
            *book_column(rows, book),
            Column("Limit", rows["limit"]),
            Column("Measure", _places(rows), optional=True),
            Column("Value", _levels(rows, "value", units), "amount"),
            Column("Before", _levels(rows, "previous", units), "amount"),
            *(
                Column(name.capitalize(), _levels(rows, name, units), "amount", "level")
                for name in ("warning", "soft")
                if np.isfinite(rows[name]).any()
            ),
            Column("Hard", _levels(rows, "threshold", units), "amount", "level"),
            Column("Headroom", _levels(rows, "headroom", units), "amount"),
            Column("Used", rows["utilisation"], "percent", "of hard level", "not evaluated, see the reason"),
            Column("", _meters(rows), "markup"),
            Column("Status", rows["status"], "status"),
            Column("Beyond", rows["reached"].where(rows["reached"].isin(["soft", "hard"]), ""), optional=True),
            Column("Owner", rows["owner"], optional=True),
            Column("Reason", rows["reason"], optional=True),
        ],
        limit=_MOST_LIMITS,
        more=f"All: daybook show limit_usage --date {figures.day(day.business_date)}",
        notes=["– in Before: the limit was not measured then, or its measure is kept for this date alone."]
        if not np.isfinite(rows["previous"]).all()
        else [],
        dense=True,
    )
    return Section("limits", _TITLE, _LIMITS, [tally(rows, "limit"), *standing, table, *_trades(day, rows, book)])


def _places(rows: pd.DataFrame) -> list[str]:
    """What each limit measures, where: "long, currency USD"."""
    told = []
    for measure, dimension, bucket in zip(rows["measure"], rows["dimension"], rows["bucket"], strict=True):
        where = " ".join(part for part in (dimension.replace("_", " "), figures.words(bucket)) if part)
        told.append(", ".join(part for part in (measure.replace("_", " "), where) if part))
    return told


def _levels(rows: pd.DataFrame, column: str, units: list[str]) -> list[str]:
    return [level(value, unit) for value, unit in zip(rows[column], units, strict=True)]


def _meters(rows: pd.DataFrame) -> list[Markup]:
    """A bar for each limit, with its earlier levels as parts of the hard one."""
    hard = rows["threshold"].where(rows["threshold"] > 0)
    earlier = np.column_stack([(rows[name] / hard).fillna(0.0) for name in ("warning", "soft")])
    return [
        charts.meter(figures.number(used), grids.tone_of(status), tuple(levels))
        for used, status, levels in zip(rows["utilisation"], rows["status"], earlier.tolist(), strict=True)
    ]


def _breaches(day: Day, book: str | None) -> list[Block]:
    """Breaches that stand, those that nobody has answered first, with whoever answered the others."""
    rows = day.breaches if book is None else day.breaches[day.breaches["book"] == book]
    if not len(rows):
        return []
    rows = rows.iloc[np.lexsort((rows["due_at"], rows["status"] != "open"))]
    waiting = int((rows["status"] == "open").sum())
    due = ["" if pd.isna(at) else f"{at:%Y-%m-%d %H:%M} UTC" for at in rows["due_at"]]
    said = f"{counted(len(rows), 'breach', 'breaches')} of limits {'stands' if len(rows) == 1 else 'stand'}"
    said += f", {waiting} {'waits' if waiting == 1 else 'wait'} for an answer." if waiting else ", all answered."
    table = grid(
        "Breaches that stand",
        [
            *book_column(rows, book),
            Column("Limit", rows["limit"]),
            Column("Bucket", rows["bucket"], optional=True),
            Column("Since", rows["business_date"], "day"),
            Column("Reached", rows["reached"]),
            Column("Used", rows["utilisation"], "percent", "of hard level", "not evaluated"),
            Column("Status", rows["status"], "status"),
            Column("Answer due", due, optional=True),
            Column("Acknowledged by", rows["acknowledged_by"], optional=True),
            Column("Comment", rows["comment"], optional=True),
            Column("Breach", rows["breach_id"], "code"),
        ],
        limit=_MOST_LIMITS,
        more="All: daybook limits list",
        notes=["Answer with: daybook limits acknowledge BREACH --comment TEXT"],
        dense=True,
    )
    return [Words(said, "bad" if waiting else "care"), table]


def _trades(day: Day, rows: pd.DataFrame, book: str | None) -> list[Grid]:
    """The trades of the session that moved limits most, as parts of the hard level."""
    used = day.rows("limit_consumption", book)
    if not len(used):
        return []
    key = ["book", "limit", "dimension", "bucket"]
    used = used.merge(rows[[*key, "threshold", "basis"]], on=key, how="left")
    share = used["consumed"] / used["threshold"].where(used["threshold"] > 0)
    order = np.argsort(-share.abs().fillna(0).to_numpy(), kind="stable")
    used, share = used.iloc[order], share.iloc[order]
    units = measured(day, used, list(used["basis"].fillna("")))
    return [
        grid(
            "Trades of the session that moved limits most",
            [
                *book_column(used, book),
                Column("Limit", used["limit"]),
                Column("Bucket", used["bucket"], optional=True),
                Column("Trade", used["transaction_id"], "code"),
                Column("Used by it", _levels(used, "consumed", units), "amount"),
                Column("", share, "percent_change", "of hard level", "the limit is not measured on this date"),
            ],
            limit=_MOST_TRADES,
            more="All: daybook show limit_consumption",
            dense=True,
        )
    ]


def measured(day: Day, rows: pd.DataFrame, basis: list[str]) -> list[str]:
    """Unit of each row's value: base currency for basis money, fraction for another, empty where none is declared."""
    return [
        day.currencies.get(book, "base currency") if on == "money" else "fraction" if on else ""
        for on, book in zip(basis, rows["book"], strict=True)
    ]


def level(value: float, unit: str) -> str:
    """A level with its unit beside it."""
    number = figures.number(value)
    if unit == "fraction":
        return figures.percent(number)
    if not np.isfinite(number):
        return figures.DASH
    return f"{figures.whole(number)} {figures.words(unit)}" if unit else figures.quantity(round(number, 6))


def declared(rows: pd.DataFrame, facts: pd.DataFrame, key: str, value: str) -> list[str]:
    """The ``value`` declared for the limit or rule that each row names: for the row's book, else for every book."""
    latest = facts.sort_values("valid_from", kind="stable")
    found = dict(zip(zip(latest[key], latest["book"], strict=True), latest[value], strict=True))
    names = zip(rows[key], rows["book"], strict=True)
    return [figures.words(found.get((name, book), found.get((name, ""), ""))) for name, book in names]


def tally(rows: pd.DataFrame, noun: str) -> Words:
    """How many failed, are breached, warn and pass."""
    found = rows["status"].value_counts()
    words = {
        "failed": "could not be evaluated",
        "breach": "breached",
        "warning": "at the warning level",
        "pass": "kept",
    }
    said = ", ".join(f"{int(found.get(s, 0))} {word}" for s, word in words.items() if found.get(s, 0))
    bad = found.get("failed", 0) or found.get("breach", 0)
    return Words(f"{noun.capitalize()} tests: {said}.", "bad" if bad else "care" if found.get("warning", 0) else "good")
