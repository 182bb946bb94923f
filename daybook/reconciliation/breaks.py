"""Differences that are breaks: since when they stand, and what they would do to NAV.

Belongs here: holding compared lines against their tolerances, the runs of sessions on which they differ, the money
behind them. Does not belong here: both sides of a line (``positions``, ``cash`` and the others), why they differ
(``causes``), who works on a break (``daybook.control``), and whether it blocks a close (``daybook.market.quality``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.ledger.valuation import on_own_sessions, unit_values
from daybook.market import dated, fx, security_master
from daybook.reconciliation import definitions
from daybook.reconciliation.definitions import TOLERANCES
from daybook.reconciliation.sides import KEY

Floats = NDArray[np.float64]

ITEM = ["kind", "book", "instrument"]
OPEN = [
    *(*KEY, "instrument", "kind", "currency", "ours", "theirs", "difference", "opened_on", "age"),
    *("reconciliation", "source", "owner", "cause", "reason"),
]
"""Columns of breaks before their effect on NAV is known: difference = theirs - ours, age counts sessions from 1, cause
is "" where it is not known yet."""
LINES = [*ITEM, "currency", "compared_field"]
UNITS = ("quantity", "units", "nav_per_unit")
"""Fields that are no amounts of money, of which tolerance_bp says nothing."""
ONE = tables.TABLES["reconciliation_breaks"].key
MONEY = ("transaction", "price", "nav")
"""Kinds of which both sides are money, though they name an instrument."""


def compared_sessions(reports: pd.DataFrame, books: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """``reports`` on sessions of their book, without those of books that were not computed: these are compared."""
    own = on_own_sessions(reports, books, pd.DatetimeIndex(reports["business_date"].unique()))
    failed = pd.MultiIndex.from_frame(own[KEY]).isin(pd.MultiIndex.from_frame(failures[KEY]))
    return own.loc[~failed, reports.columns].reset_index(drop=True)


@dataclass(frozen=True)
class Rules:
    """What decides whether a difference is a break.

    Attributes:
        reconciliations: facts.
        tolerances: facts.
        nav: table of all sessions that are compared; what tolerance_bp is measured by.
        fx_rates: golden, of the same sessions; turn NAV into the currency of a line.
        books: reference facts.
    """

    reconciliations: pd.DataFrame
    tolerances: pd.DataFrame
    nav: pd.DataFrame
    fx_rates: pd.DataFrame
    books: pd.DataFrame

    def least(self, theirs_table: str, field: str, size: Floats) -> Floats:
        """The smallest difference of ``field`` that may be a break under any definition, for figures of this size."""
        return definitions.least(self.reconciliations, self.tolerances, theirs_table, field, size)

    def beyond(self, lines: pd.DataFrame, theirs_table: str) -> pd.DataFrame:
        """The lines that differ by more than is allowed, each with the definition that found it.

        Args:
            lines: columns ``sides.LINE``; those that are not ``known`` are no breaks.
            theirs_table: the facts that the lines were compared with.

        Returns:
            ``lines`` with reconciliation and owner, sorted by key; of several definitions that find one line the first
            by name. A difference that is not known is beyond every tolerance.
        """
        rows = lines[lines["known"]].drop(columns="known")
        reports = rows[definitions.REPORT].drop_duplicates(ignore_index=True)
        rules = definitions.in_force(self.reconciliations, self.tolerances, theirs_table, reports)
        both = rows.merge(rules, on=[*definitions.REPORT, "compared_field"])
        size = both[["ours", "theirs"]].abs().max(axis=1)
        largest = definitions.allowed(both[TOLERANCES], both["ours"], self._worth(both)) + definitions.EXACT * size
        found = both[~(both["difference"].abs() <= largest)]
        ordered = found.sort_values([*LINES, "business_date", "reconciliation"], kind="stable")
        return ordered.drop_duplicates([*LINES, "business_date"], ignore_index=True)

    def _worth(self, rows: pd.DataFrame) -> "pd.Series[float]":
        """NAV in the currency of each row with tolerance_bp; missing where the field is no money."""
        worth = pd.Series(np.nan, rows.index)
        by_nav = rows["tolerance_bp"].notna() & ~rows["compared_field"].isin(UNITS) & (rows["kind"] != "position")
        if by_nav.any():
            some = rows[by_nav]
            base = security_master.attributes(self.books, "book", some, ["base_currency"])["base_currency"]
            rate = fx.rates(self.fx_rates, base, some["currency"], some["business_date"])
            worth[by_nav] = some[KEY].merge(self.nav[[*KEY, "nav"]], how="left", on=KEY)["nav"].to_numpy() * rate
        return worth


def opened(rows: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with opened_on, the first of the unbroken run of compared sessions with a difference, and age.

    Args:
        rows: breaks of every compared session, of one kind.
        compared: business_date and book: what was compared, also where nothing differs.
    """
    turns = compared[KEY].assign(turn=dated.days(compared["business_date"]))
    turns["turn"] = turns.groupby("book")["turn"].rank("dense")
    found = rows.merge(turns, on=KEY).sort_values([*ITEM, "currency", "business_date"], ignore_index=True)
    item = [*ITEM, "currency"]
    same = (found[item] == found[item].shift()).all(axis=1)
    begins = ~(same & (found["turn"] == found["turn"].shift() + 1))
    since = found["turn"].where(begins).ffill()
    return found.assign(
        opened_on=found["business_date"].where(begins).ffill(), age=(found["turn"] - since + 1).astype("int64")
    ).drop(columns="turn")


def aged(rows: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with age: sessions of their book's calendar from opened_on to business_date, both counted."""
    calendar = security_master.attributes(books, "book", rows, ["calendar"])["calendar"]
    passed = calendars.sessions_between(calendar, rows["opened_on"] - pd.Timedelta(days=1), rows["business_date"])
    return rows.assign(age=np.maximum(passed, 1))


def breaks(
    found: Sequence[pd.DataFrame],
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> pd.DataFrame:
    """Table ``reconciliation_breaks`` of what was found, status ``open``.

    impact_base = difference x value of one unit x FX: what NAV would gain if the other side is right; of the kinds
    ``MONEY`` difference x FX. A contract that is worth nothing by itself, a future, is missed with all that it exposes
    to. impact_base is missing where there is no price or rate, impact_bp also where NAV is not positive or not known.
    opened_on is part of break_id: a break that comes back is another one.

    Args:
        found: frames of columns ``OPEN``, of the sessions wanted.
        nav: table of these sessions.
        prices: what ``valuation.quoted`` returns of them.
        fx_rates: golden, of them.
        books: reference facts.
        instruments: reference facts.
    """
    parts = [part for part in found if len(part)]
    if not parts:
        return tables.empty("reconciliation_breaks")
    rows = pd.concat([part[OPEN] for part in parts], ignore_index=True)
    is_money = rows["kind"].isin(MONEY)
    unit = unit_values(
        rows.assign(instrument=rows["instrument"].mask(is_money, "CASH:" + rows["currency"])), prices, instruments
    )
    quoted = unit["currency"].where(unit["failure"] == "", rows["currency"]).mask(is_money, rows["currency"])
    base = security_master.attributes(books, "book", rows, ["base_currency"])["base_currency"]
    rate = fx.rates(fx_rates, quoted, base, rows["business_date"])
    impact = (rows["difference"] * unit["unit"].mask(unit["unit"] == 0, unit["exposure"]) * rate).round(6)
    worth = rows[KEY].merge(nav[[*KEY, "nav"]], how="left", on=KEY)["nav"]
    stable = rows["kind"] + ":" + rows["book"] + ":" + rows["instrument"] + ":"
    named = rows.assign(
        currency=rows["currency"].where(rows["currency"] != "", quoted),
        break_id=stable + rows["opened_on"].dt.strftime("%Y-%m-%d"),
        impact_base=impact,
        impact_bp=(impact / worth.where(worth > 0) * 1e4).round(12),
        cause=rows["cause"].replace("", "unexplained"),
        status="open",
    )
    return _stated(named)


def joined(found: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Two frames of breaks as one; of two rows of one key the first stands, with the reasons of both."""
    if others.empty:
        return found
    rows = pd.concat([found, others.assign(status="open")], ignore_index=True)
    if rows.duplicated(list(ONE)).any():
        reasons = rows.groupby(list(ONE), sort=False)["reason"].agg(lambda texts: "; ".join(filter(None, texts)))
        rows = rows.drop_duplicates(list(ONE)).drop(columns="reason").merge(reasons.reset_index(), on=list(ONE))
    return _stated(rows)


def _stated(rows: pd.DataFrame) -> pd.DataFrame:
    ordered = rows.sort_values([*KEY, "kind", "instrument", "currency"])
    return tables.conform("reconciliation_breaks", ordered[list(tables.TABLES["reconciliation_breaks"].names)])
