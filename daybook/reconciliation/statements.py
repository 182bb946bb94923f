"""What a custodian states of books, against the books: positions and cash, session by session.

Belongs here: putting the sides together, finding what differs by more than is allowed and what is not known. Does not
belong here: each side (``positions``, ``cash``), what a difference does to NAV (``breaks``).
"""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from daybook.reconciliation import breaks, cash, positions, reports
from daybook.reconciliation.breaks import Rules
from daybook.reconciliation.sides import KEY, LINE

THEIRS = {"position": "custodian_positions", "cash": "custodian_cash"}
"""Facts of each kind of line."""


@dataclass(frozen=True)
class Statements:
    """Books and custodian over the sessions that were reported.

    Attributes:
        positions: table.
        cash: table of the same sessions.
        custodian_positions: facts of the same sessions.
        custodian_cash: facts of the same sessions.
        reports: custodian_reports of the same sessions.
    """

    positions: pd.DataFrame
    cash: pd.DataFrame
    custodian_positions: pd.DataFrame
    custodian_cash: pd.DataFrame
    reports: pd.DataFrame

    def compared(self, books: pd.DataFrame, failures: pd.DataFrame) -> "Statements":
        """With the reports alone that are compared: on sessions of books that were computed (``book_failures``)."""
        kinds = self.reports[self.reports["kind"].isin(list(THEIRS))]
        return replace(self, reports=breaks.compared_sessions(kinds, books, failures))

    def of(self, kind: str) -> pd.DataFrame:
        """The reports of one kind: business_date, book, source, whole."""
        found = self.reports.loc[self.reports["kind"] == kind, [*KEY, "source", "whole"]]
        return found.reset_index(drop=True)

    def lines(self, kind: str, every: bool = False) -> pd.DataFrame:
        """Both sides of the lines of ``kind`` that differ or are not known; ``every``: also of those that agree."""
        if kind == "position":
            found = positions.compared(self.positions, self.custodian_positions, self.of(kind), every)
        else:
            found = cash.compared(self.cash, self.custodian_cash, self.of(kind), every)
        return found[LINE]

    def whole(self, books: "pd.Series[str]") -> pd.DataFrame:
        """Every line of both kinds of ``books``: both sides, also where they agree."""

        def some(rows: pd.DataFrame) -> pd.DataFrame:
            return rows[rows["book"].isin(books)].reset_index(drop=True)

        few = Statements(
            some(self.positions),
            some(self.cash),
            some(self.custodian_positions),
            some(self.custodian_cash),
            some(self.reports),
        )
        return pd.concat([few.lines(kind, every=True) for kind in THEIRS], ignore_index=True)

    def breaks(self, rules: Rules, accounts: pd.DataFrame) -> pd.DataFrame:
        """Lines that differ by more than is allowed, of all sessions: columns ``breaks.OPEN``.

        The cause is known of a report in other units (``reports.units``) and of lines of another account
        (``reports.foreign``).

        Args:
            rules: what is allowed.
            accounts: reference facts.
        """
        parts = []
        for kind, table in THEIRS.items():
            lines = self.lines(kind)
            found = breaks.opened(rules.beyond(lines, table), self.of(kind))
            theirs = self.theirs(kind, found["business_date"])
            parts.append(reports.told(found, lines, theirs, self.of(kind), accounts, rules.books))
        return pd.concat(parts, ignore_index=True)[breaks.OPEN]

    def theirs(self, kind: str, days: Any) -> pd.DataFrame:
        """The custodian's lines of ``kind`` on some days: KEY, instrument, quantity, account."""
        facts = self.custodian_positions if kind == "position" else self.custodian_cash
        rows = facts[facts["business_date"].isin(days)]
        if kind == "cash":
            rows = rows.assign(instrument="CASH:" + rows["currency"], quantity=rows["balance"])
        return rows[[*KEY, "instrument", "quantity", "account"]]

    def findings(self, accounts: pd.DataFrame, books: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        """What is odd about whole reports of ``sessions``: business_date, book, check, feed, source, reason."""
        parts = []
        for kind, table in THEIRS.items():
            theirs, reported, lines = self.theirs(kind, sessions), self.of(kind), self.lines(kind)
            lines = lines[lines["business_date"].isin(sessions)]
            odd = [reports.units(lines, theirs, reported), reports.foreign(theirs, reported, accounts, books)]
            parts += [part.assign(feed=table) for part in odd]
        return pd.concat(parts, ignore_index=True)


def uncompared(statements: Statements, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What the books have and a report that is not whole does not list: business_date, book, instrument, kind, ours.

    A line of the custodian's that could not be read may be about any of it, so it is no break, and no agreement.
    """
    rows = pd.concat([statements.lines(kind) for kind in THEIRS], ignore_index=True)
    rows = rows[~rows["known"] & (rows["ours"] != 0) & rows["business_date"].isin(sessions)]
    return rows[[*KEY, "instrument", "kind", "ours"]].sort_values([*KEY, "kind", "instrument"], ignore_index=True)
