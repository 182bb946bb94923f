"""Transactions of two books, a custodian and brokers, for tests of how they are matched."""

from dataclasses import dataclass, field

import pandas as pd

from daybook.ledger.transactions import live
from daybook.reconciliation import transactions
from tests.ledger.ledger_facts import book, facts, security

# Wednesday to Tuesday; New York settled in two sessions then, so that what is traded on D0 settles on D2.
D0, D1, D2, D3, D4 = "2020-01-08", "2020-01-09", "2020-01-10", "2020-01-13", "2020-01-14"


@dataclass
class Firm:
    """Books P and Q, ACME at 20 and a share in pounds at 8, 1.25 dollars a pound, NAV a million."""

    log: list = field(default_factory=list)
    custodian: list = field(default_factory=list)
    broker: list = field(default_factory=list)
    reports: list = field(default_factory=list)
    reconciliations: list = field(default_factory=list)
    tolerances: list = field(default_factory=list)
    entitled: list = field(default_factory=list)
    failures: tuple = ()
    last: pd.DataFrame | None = None

    def ours(self, name, kind, date, quantity, price=None, **terms):
        plain = {"book": "P", "instrument": "ACME", "currency": "USD", "file": "t.csv", "line": len(self.log) + 2}
        row = {"transaction_id": name, "kind": kind, "trade_date": date, "quantity": quantity, "price": price}
        self.log.append({**plain, **row, **terms})
        return self

    def theirs(self, name, kind, date, quantity, net, on=None, side="custodian", **terms):
        rows = getattr(self, side)
        plain = {"book": "P", "instrument": "ACME", "currency": "USD", "file": f"{side}.csv", "line": len(rows) + 2}
        row = {"reference": name, "kind": kind, "trade_date": date, "quantity": quantity, "net_amount": net}
        rows.append(
            {**plain, **row, "business_date": on or date, "source": "c" if side == "custodian" else "x", **terms}
        )
        return self

    def reported(self, *days, kind="transaction", source="c", books=("P", "Q"), whole=True):
        for day in days:
            self.reports += [(day, name, kind, source, whole) for name in books]
        return self

    def matched(self, day, order=slice(None)) -> transactions.Matched:
        at = pd.Timestamp(day)
        columns = ["business_date", "book", "kind", "source", "whole"]
        reports = [dict(zip(columns, row, strict=True)) for row in self.reports]
        rate = {"business_date": day, "base": "GBP", "quote": "USD", "rate": 1.25, "status": "ok"}
        priced = [("ACME", 20.0, "USD"), ("BP", 8.0, "GBP"), ("FUT", 100.0, "USD")]
        prices = [
            {"business_date": day, "instrument": name, "close": close, "currency": currency, "status": "ok"}
            for name, close, currency in priced
        ]
        return transactions.matches(
            at,
            live(facts("transactions", *self.log[order])),
            facts("entitlements", *self.entitled),
            facts("custodian_transactions", *self.custodian[order]),
            facts("broker_transactions", *self.broker[order]),
            facts("custodian_reports", *reports[order]),
            facts("reconciliations", *({"valid_from": "2010-01-04", **row} for row in self.reconciliations)),
            facts("tolerances", *({"valid_from": "2010-01-04", **row} for row in self.tolerances)),
            facts("book_failures", *({"business_date": day, "book": name} for name in self.failures)),
            facts("nav", *({"business_date": day, "book": name, "nav": 1e6} for name in ("P", "Q"))),
            facts("prices", *prices),
            facts("fx_rates", rate),
            facts("books", book("P"), book("Q")),
            facts(
                "instruments",
                security(),
                security("BP", currency="GBP", exchange="XLON"),
                security("FUT", asset_class="future", multiplier=50.0),
            ),
        )

    def answers(self, day, order=slice(None)):
        """What ``transaction_matches`` says of each line: (party, reference) -> (match_kind, status)."""
        rows = self.matched(day, order).matches
        return {(row.party, row.reference): (row.match_kind, row.status) for row in rows.itertuples()}

    def breaks(self, day):
        """Breaks of ``day``: book, instrument, ours, theirs, impact_base, cause, opened_on, age."""
        rows = self.last = self.matched(day).breaks
        return [
            (
                row.book,
                row.instrument,
                row.ours,
                row.theirs,
                row.impact_base,
                row.cause,
                f"{row.opened_on:%Y-%m-%d}",
                row.age,
            )
            for row in rows.itertuples()
        ]

    def told(self):
        """The reasons of the breaks that were looked at last."""
        return self.last["reason"].tolist()
