"""Whether the day can be trusted: rules, orders, data, versions, and all of it at a glance.

Belongs here: the sections compliance, orders, data quality, table versions, and the tiles of the first screen. Does not
belong here: the checks and rules themselves.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.market.security_master import point_value
from daybook.pack import feeds, figures
from daybook.pack.blocks import Block, Section, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.limits import declared, level, measured, tally
from daybook.pack.money import book_column, counted, instruments, listed

_COMPLIANCE = (
    "Value against threshold on the basis that the rule declares; active: caused by a trade of the day, passive: by the"
    " market. A rule that cannot be evaluated has failed. Orders of a book are sent only if all its rules were"
    " evaluated and not one is breached."
)
_ORDERS = (
    "Proposed: target less position less open orders, in whole lots, sized at the reference price, before costs. A"
    " person approves; nothing is sent by itself."
)
_QUALITY = (
    "Blocking: money may be wrong, the day cannot be signed. Impact is the likely effect on NAV in base currency and in"
    " basis points (bp) of NAV. A feed that failed is never read as empty."
)
_VERSIONS = (
    "Delta version and SHA-256 of the rows sorted by key, floats to 12 digits: the same facts give the same hash. These"
    " are the tables as read for this page. audit_events: number and hash of the last act of a person before it, which"
    " daybook doctor --audit looks for in the chain."
)
_URGENCY = {"failed": 0, "breach": 1, "warning": 2, "pass": 3}
_SEVERITY = {"blocking": 0, "warning": 1, "info": 2}
_MOST = 40
_MOST_STALE = 30


@dataclass(frozen=True)
class Tile:
    """One line of the first screen: what, how many, how bad, and the section that has the details."""

    label: str
    value: str
    note: str
    tone: str
    key: str


def glance(day: Day, book: str | None, bridge: pd.DataFrame) -> list[Tile]:
    """What ran, late, overridden, broke, unexplained, breached, signed."""
    held = _held_prices(day, book)
    breaks = day.rows("reconciliation_breaks", book)
    usage, rules = day.rows("limit_usage", book), day.rows("compliance_results", book)
    findings = _findings(day, book)
    blocking = int(((findings["severity"] == "blocking") & (findings["status"] != "waived")).sum())
    warnings = int((findings["severity"] == "warning").sum())
    sound = bridge[bridge["reason"] == ""]
    doubted = int(day.rows("unexplained_pnl", book)["status"].eq("unexplained").sum())
    unexplained = int((sound["gap"] != 0).sum()) + len(bridge) - len(sound) + doubted
    overridden, stale = (int((held["status"] == s).sum()) for s in ("override", "stale"))
    late, expected = feeds.lacking(day)
    worst = figures.number(breaks["impact_bp"].abs().max()) if len(breaks) else np.nan
    size = f"largest {figures.bp(worst)} bp of NAV" if len(breaks) else "against the custodian"
    signed = sum(s in ("closed", "restated") for b, s in day.status.items() if book in (None, b))
    scope = len(day.status) if book is None else 1
    quarantined = len(day.quarantine)
    computed = len(day.rows("nav", book))
    return [
        Tile("Computed", f"{computed} of {scope}", "books", "good" if computed == scope else "bad", "nav"),
        _tile("Blocking findings", blocking, counted(warnings, "warning"), "quality", "bad"),
        _tile("Feeds late or failed", late, f"of {counted(expected, 'feed')}", "quality", "bad"),
        _tile("Rows in quarantine", quarantined, "of the whole firm", "quality", "care"),
        _tile(
            "Prices overridden",
            overridden,
            f"{stale} stale",
            "overrides" if overridden else "quality",
            "care",
            overridden + stale,
        ),
        _tile("Breaks", len(breaks), size, "breaks", "care"),
        _tile("P&L unexplained", unexplained, "books in doubt, bridges that do not add up", "nav", "bad"),
        _exceptions("Limits", usage, len(day.limits), "limits"),
        _exceptions("Compliance", rules, len(day.rules), "compliance"),
        Tile(
            "Signed", f"{signed} of {scope}", "books closed", "good" if scope and signed == scope else "plain", "close"
        ),
    ]


def compliance(day: Day, book: str | None) -> Section:
    """Every rule with its value, the worst first."""
    rows = day.rows("compliance_results", book)
    if not len(rows):
        if len(day.rules):
            said = "Rules are declared, but not one was evaluated on this date: that is a failure, not a pass."
            return Section("compliance", "Compliance", _COMPLIANCE, [Words(said, "bad")])
        return Section("compliance", "Compliance", _COMPLIANCE, [Words("The firm has declared no compliance rules.")])
    rows = rows.iloc[np.argsort(rows["status"].map(_URGENCY).fillna(0).to_numpy(), kind="stable")]
    units = measured(day, rows, declared(rows, day.rules, "rule", "basis"))
    kinds = [kind.replace("_", " ") for kind in declared(rows, day.rules, "rule", "kind")]
    table = grid(
        "Rules, worst first",
        [
            *book_column(rows, book),
            Column("Rule", rows["rule"]),
            Column("Kind", kinds, optional=True),
            Column("Bucket", rows["bucket"], optional=True),
            Column("Value", [level(v, u) for v, u in zip(rows["value"], units, strict=True)], "amount"),
            Column("Threshold", [level(v, u) for v, u in zip(rows["threshold"], units, strict=True)], "amount"),
            Column(
                "Measured on",
                rows["denominator"],
                "whole",
                "base currency",
                "the rule has no denominator",
            ),
            Column("Status", rows["status"], "status"),
            Column("Cause", rows["cause"], optional=True),
            Column("Reason", rows["reason"], optional=True),
        ],
        limit=_MOST,
        more=f"All: daybook show compliance_results --date {figures.day(day.business_date)}",
    )
    return Section("compliance", "Compliance", _COMPLIANCE, [tally(rows, "rule"), table])


def orders(day: Day, book: str | None) -> Section:
    """What the targets ask for, and what became of the orders so far."""
    proposed = day.rows("proposed_orders", book)
    made = day.orders if book is None else day.orders[day.orders["book"] == book]
    failures = day.rows("portfolio_failures", book)
    blocks: list[Block] = [
        Words(f"No proposal for {figures.words(name)}: {figures.words(reason)}", "care")
        for name, reason in zip(failures["book"], failures["reason"], strict=True)
    ]
    held_back = _held_back(day, book)
    if held_back and len(proposed):
        blocks.append(
            Words(f"Cannot be sent: compliance is not clean, or was not evaluated, for {listed(held_back)}.", "bad")
        )
    elif len(proposed):
        blocks.append(Words("Compliance is clean: approved orders can be sent.", "good"))
    blocks.append(_proposed(day, proposed, book) if len(proposed) else Words("No orders are proposed for this date."))
    if len(made):
        blocks.append(_made(day, made, book))
    return Section("orders", "Orders", _ORDERS, blocks)


def quality(day: Day, book: str | None) -> Section:
    """Findings, prices that are not of the day, feeds, quarantine."""
    blocks = [_finding_table(day, book), _stale_table(day, book), feeds.table(day), _quarantine_table(day)]
    return Section("quality", "Data quality", _QUALITY, blocks)


def versions(day: Day) -> Section:
    """The version and hash of every table that was read."""
    if not day.versions:
        return Section("versions", "Table versions", _VERSIONS, [Words("No table has been stored yet.")])
    names = sorted(day.versions)
    table = grid(
        "Tables as read",
        [
            Column("Table", names),
            Column("Version", [day.versions[n][0] for n in names], "count", "of the Delta table"),
            Column("Content hash", [day.versions[n][1] for n in names], "code", "SHA-256, rows of the date"),
        ],
    )
    return Section("versions", "Table versions", _VERSIONS, [table])


def _tile(label: str, value: int, note: str, key: str, tone: str, alarming: int | None = None) -> Tile:
    """A number that should be zero; ``tone`` if it, or ``alarming`` where given, is not."""
    return Tile(label, figures.count(value), note, tone if (value if alarming is None else alarming) else "good", key)


def _exceptions(label: str, rows: pd.DataFrame, declared: int, key: str) -> Tile:
    if not len(rows):
        said = "declared, but not evaluated" if declared else "not declared"
        return Tile(label, figures.DASH, said, "bad" if declared else "plain", key)
    bad = int(rows["status"].isin(["breach", "failed"]).sum())
    warned = int((rows["status"] == "warning").sum())
    tone = "bad" if bad else "care" if warned else "good"
    return Tile(
        f"{label} not kept",
        figures.count(bad),
        f"{counted(warned, 'warning')}, {counted(len(rows), 'test')}",
        tone,
        key,
    )


def _held_back(day: Day, book: str | None) -> list[str]:
    """Books with proposed orders whose compliance is breached, failed, or was declared and not evaluated."""
    rows = day.rows("compliance_results", book)
    bad = set(rows.loc[rows["status"].isin(["breach", "failed"]), "book"])
    if len(day.rules):
        everywhere = bool((day.rules["book"] == "").any())
        owed = set(day.names) if everywhere else set(day.rules["book"])
        bad |= owed - set(day.rows("compliance_results")["book"])
    return sorted(bad & set(day.rows("proposed_orders", book)["book"]))


def _proposed(day: Day, rows: pd.DataFrame, book: str | None) -> Grid:
    rows = rows.merge(
        day.rows("targets", book)[["book", "instrument", "target_weight", "policy"]],
        on=["book", "instrument"],
        how="left",
    )
    held = day.rows("valuations", book)[["book", "instrument", "weight", "currency"]]
    rows = rows.merge(held, on=["book", "instrument"], how="left")
    weight = rows["weight"].fillna(0.0)
    terms = day.instruments.drop_duplicates("instrument", keep="last").set_index("instrument")
    currency = rows["currency"].where(rows["currency"].notna(), rows["instrument"].map(terms["currency"])).fillna("")
    point = point_value(*(rows["instrument"].map(terms[name]) for name in ("asset_class", "multiplier")))
    value = rows["quantity"] * rows["reference_price"] * point
    return grid(
        "Proposed orders",
        [
            *book_column(rows, book),
            Column("Instrument", instruments(day, rows["instrument"]), "markup"),
            Column("Side", rows["side"].str.replace("_", " ")),
            Column("Quantity", rows["quantity"], "quantity", "units"),
            Column("Reference price", rows["reference_price"], "price", "per unit", "no price"),
            Column("Value", value, "whole", "at reference price", "no price"),
            Column("", currency),
            Column("Now", weight, "percent", "of NAV"),
            Column("Target", rows["target_weight"], "percent", "of NAV", "no target for this instrument"),
            Column("Policy", rows["policy"], optional=True),
            Column("Reason", rows["reason"], optional=True),
        ],
        limit=_MOST,
        more=f"All: daybook show proposed_orders --date {figures.day(day.business_date)}",
    )


def _made(day: Day, rows: pd.DataFrame, book: str | None) -> Grid:
    return grid(
        "Orders of this date and those still open",
        [
            *book_column(rows, book),
            Column("Order", rows["order_id"], "code"),
            Column("Of", rows["business_date"], "day"),
            Column("Instrument", instruments(day, rows["instrument"]), "markup"),
            Column("Side", rows["side"].str.replace("_", " ")),
            Column("Quantity", rows["quantity"], "quantity", "units"),
            Column("Filled", rows["filled"], "quantity", "units", "nothing reported"),
            Column("Status", rows["status"], "status"),
            Column("Reason", rows["reason"], optional=True),
        ],
        limit=_MOST,
        more="All: daybook orders list",
    )


def _findings(day: Day, book: str | None) -> pd.DataFrame:
    """Findings about the book or about all books."""
    if book is None:
        return day.rows("findings")
    return pd.concat([day.rows("findings", book), day.rows("findings", "")])


def _finding_table(day: Day, book: str | None) -> Block:
    rows = _findings(day, book)
    if not len(rows):
        return Words("No findings: every check passed.", "good")
    size = -rows["impact_bp"].abs().fillna(0).to_numpy(np.float64)
    rows = rows.iloc[np.lexsort((size, rows["severity"].map(_SEVERITY).fillna(0).to_numpy()))]
    return grid(
        "Findings, worst first",
        [
            Column("Severity", rows["severity"], "status"),
            Column("Check", rows["check"].str.replace("_", " ")),
            Column("Book", rows["book"].where(rows["book"] != "", "all")),
            Column("Instrument", instruments(day, rows["instrument"]), "markup"),
            Column("Reason", rows["reason"], optional=True),
            Column("Impact", rows["impact_base"], "whole_change", "base currency", "no effect on NAV, or not known"),
            Column("Impact", rows["impact_bp"], "bp", "bp of NAV", "no effect on NAV, or not known"),
            Column("Status", rows["status"]),
        ],
        limit=_MOST,
        more=f"All: daybook show findings --date {figures.day(day.business_date)}",
    )


def _held_prices(day: Day, book: str | None) -> pd.DataFrame:
    """Golden prices of what is held."""
    prices = day.rows("prices")
    return prices[prices["instrument"].isin(set(day.rows("valuations", book)["instrument"]))]


def _stale_table(day: Day, book: str | None) -> Block:
    held = _held_prices(day, book)
    rows = held[held["status"] != "ok"]
    if not len(rows):
        said = f"All {len(held)} prices of held instruments are of this date." if len(held) else "No prices are needed."
        return Words(said, "good" if len(held) else "plain")
    return grid(
        "Prices of held instruments that are not of this date",
        [
            Column("Instrument", instruments(day, rows["instrument"]), "markup"),
            Column("Price", rows["close"], "price", "per unit", "never delivered"),
            Column("", rows["currency"]),
            Column("Source", rows["source"]),
            Column("Status", rows["status"], "status"),
            Column("Reason", rows["reason"], optional=True),
        ],
        limit=_MOST_STALE,
        more=f"All: daybook show prices --date {figures.day(day.business_date)}",
        notes=[f"{len(rows)} of {len(held)} held instruments."],
    )


def _quarantine_table(day: Day) -> Block:
    rows = day.quarantine
    if not len(rows):
        return Words("Quarantine is empty.", "good")
    return grid(
        "Rows in quarantine, of the whole firm",
        [
            Column("File", rows["file"], "code"),
            Column("Line", rows["line"], "count"),
            Column("Column", rows["column"]),
            Column(
                "Value", [Markup('<span class="code">{}</span>').format(_clipped(v)) for v in rows["value"]], "markup"
            ),
            Column("Reason", rows["reason"], optional=True),
            Column("Status", rows["status"], "status"),
        ],
        limit=_MOST,
        more="All: daybook quarantine list",
    )


def _clipped(value: object) -> str:
    """The start of a value that may be anything."""
    text = figures.words(value)
    return text if len(text) <= 80 else text[:79] + "…"
