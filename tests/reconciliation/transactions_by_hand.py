"""Transactions of books, custodians and brokers by hand, and what is found of them.

A look costs a third of a second however many books there are, so all cases of a module are looked at together, once a
session: each has books, instruments, sources and definitions of its own, told apart by a mark at the end of their names
that is taken off again.
"""

import copy
from dataclasses import dataclass, field

import pandas as pd

from daybook.ledger.transactions import live
from daybook.reconciliation import transactions
from tests.ledger.ledger_facts import book, facts, security

# Wednesday to Monday; New York settled in two sessions then, so that what is traded on D0 settles on D2.
D0, D1, D2, D3 = "2020-01-08", "2020-01-09", "2020-01-10", "2020-01-13"

PRICES = {"ACME": (20.0, "USD"), "BP": (8.0, "GBP"), "FUT": (100.0, "USD")}
TERMS = {
    "ACME": {},
    "BP": {"currency": "GBP", "exchange": "XLON"},
    "FUT": {"asset_class": "future", "multiplier": 50.0},
}
MARKED = ("book", "instrument", "source", "reconciliation", "counterparty")
BUILT_IN = ("custodian_transactions", "broker_transactions")


@dataclass
class Case:
    """Books P and Q, ACME at 20 and a share in pounds at 8, 1.25 dollars a pound, NAV a million."""

    log: list = field(default_factory=list)
    custodian: list = field(default_factory=list)
    broker: list = field(default_factory=list)
    reports: list = field(default_factory=list)
    reconciliations: list = field(default_factory=list)
    tolerances: list = field(default_factory=list)
    entitled: list = field(default_factory=list)
    failures: tuple = ()

    def ours(self, name, kind, date, quantity, price=None, **terms):
        plain = {"book": "P", "instrument": "ACME", "currency": "USD", "file": "t.csv", "line": len(self.log) + 2}
        row = {"transaction_id": name, "kind": kind, "trade_date": date, "quantity": quantity, "price": price}
        self.log.append({**plain, **row, **terms})
        return self

    def theirs(self, name, kind, date, quantity, net, on=None, side="custodian", **terms):
        rows = getattr(self, side)
        plain = {"book": "P", "instrument": "ACME", "currency": "USD", "file": f"{side}.csv", "line": len(rows) + 2}
        row = {"reference": name, "kind": kind, "trade_date": date, "quantity": quantity, "net_amount": net}
        source = "c" if side == "custodian" else "x"
        rows.append({**plain, **row, "business_date": on or date, "source": source, **terms})
        return self

    def reported(self, *days, kind="transaction", source="c", books=("P", "Q"), whole=True):
        columns = ("business_date", "book", "kind", "source", "whole")
        for day in days:
            self.reports += [dict(zip(columns, (day, name, kind, source, whole), strict=True)) for name in books]
        return self

    def defined(self, name, grouping="one_to_many", **terms):
        row = {"reconciliation": name, "theirs_table": "custodian_transactions", "grouping": grouping, "source": "c"}
        self.reconciliations.append({**row, **terms})
        return self

    def allowing(self, compared_field, name="custodian_transactions", **terms):
        self.tolerances.append({"reconciliation": name, "compared_field": compared_field, "book": "P", **terms})
        return self

    def but(self, **replaced):
        """Another case like this one, of which some rows are replaced."""
        made = copy.deepcopy(self)
        for name, rows in replaced.items():
            setattr(made, name, rows)
        return made


class Cases:
    """Cases by name, looked at together."""

    def __init__(self, **cases: Case) -> None:
        self.cases = {name: (case, f"~{number:03d}") for number, (name, case) in enumerate(cases.items())}
        self.seen: dict[str, transactions.Matched] = {}

    def matches(self, name, day):
        """What ``transaction_matches`` says of a case."""
        return self._of(name, self._look(day).matches)

    def found(self, name, day):
        """The breaks of a case."""
        return self._of(name, self._look(day).breaks)

    def answers(self, name, day):
        """(party, reference) -> (match_kind, status)."""
        return {
            (row.party, row.reference): (row.match_kind, row.status) for row in self.matches(name, day).itertuples()
        }

    def breaks(self, name, day):
        """book, instrument, ours, theirs, impact_base, cause, opened_on, age of each break."""
        rows = self.found(name, day)
        columns = ["book", "instrument", "ours", "theirs", "impact_base", "cause"]
        days = rows["opened_on"].dt.strftime("%Y-%m-%d")
        return list(zip(*(rows[column] for column in columns), days, rows["age"], strict=True))

    def reasons(self, name, day):
        return self.found(name, day)["reason"].tolist()

    def _look(self, day):
        if day not in self.seen:
            self.seen[day] = look(day, self.cases.values())
        return self.seen[day]

    def _of(self, name, rows):
        mark = self.cases[name][1]
        mine = rows[rows["book"].str.endswith(mark)].reset_index(drop=True)
        texts = [column for column in mine if mine[column].dtype == "str"]
        return mine.assign(**{column: mine[column].str.replace(mark, "") for column in texts})


def look(day, cases, order=slice(None)) -> transactions.Matched:
    """What is found of ``cases``, each with its mark; ``order`` is that of the arrival of all rows."""
    cases = list(cases)
    prices = [
        {"business_date": day, "instrument": name + mark, "close": close, "currency": currency, "status": "ok"}
        for _, mark in cases
        for name, (close, currency) in PRICES.items()
    ]
    failures = [{"business_date": day, "book": name + mark} for case, mark in cases for name in case.failures]
    names = [name + mark for _, mark in cases for name in ("P", "Q")]
    valid = {"valid_from": "2010-01-04"}
    return transactions.matches(
        pd.Timestamp(day),
        live(facts("transactions", *_marked(cases, "log")[order])),
        facts("entitlements", *_marked(cases, "entitled")),
        facts("custodian_transactions", *_marked(cases, "custodian")[order]),
        facts("broker_transactions", *_marked(cases, "broker")[order]),
        facts("custodian_reports", *_marked(cases, "reports")[order]),
        facts("reconciliations", *({**row, **valid} for row in _marked(cases, "reconciliations"))),
        facts("tolerances", *({**row, **valid} for row in _marked(cases, "tolerances"))),
        facts("book_failures", *failures),
        facts("nav", *({"business_date": day, "book": name, "nav": 1e6} for name in names)),
        facts("prices", *prices),
        facts("fx_rates", {"business_date": day, "base": "GBP", "quote": "USD", "rate": 1.25, "status": "ok"}),
        facts("books", *(book(name) for name in names)),
        facts("instruments", *(security(name + mark, **TERMS[name]) for _, mark in cases for name in TERMS)),
    )


def _marked(cases, part):
    """Rows of all cases with the mark of each at the names that it has for itself."""
    found = []
    for case, mark in cases:
        for row in getattr(case, part):
            own = {name: row[name] + mark for name in MARKED if row.get(name) and row[name] not in BUILT_IN}
            # The log's ids are of the whole firm; the other side's are of a book, and may be the same in two.
            ids = {name: row[name] + mark for name in ("transaction_id", "corrects") if row.get(name)}
            found.append({**row, **own, **ids})
    return found
