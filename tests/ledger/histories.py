"""Random histories of a small firm, and what the graph makes of them: one place for every property of the books.

A history is the rows that are true in the end. ``delivered`` tells the same history the way it may really come: wrong
first and corrected later, with trades that never were and their cancels, in any order of arrival. ``Told`` answers as
``resources.facts.Facts`` does, without a database, so that the real assets are called on these facts.
"""

import inspect
from decimal import Decimal

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from ledger_facts import book, days, facts, security

from assets.books import LEDGER
from daybook import identities, tables
from daybook.intake import terms
from orchestration.derivation import derive
from resources.settings import settings

SESSIONS = days("2020-01-02", "2020-01-31")
DATES = [f"{day:%Y-%m-%d}" for day in SESSIONS]
BOOKS = {"A": "USD", "B": "EUR", "C": "USD", "D": "USD", "E": "EUR", "F": "USD"}
CURRENCY = {"ACME": "USD", "VOW": "EUR", "NEWCO": "USD"}
METHODS = ("fifo", "lifo", "highest", "lowest", "average", "uk")
"""Lot methods of books and of single transactions."""
POOLS = ("book", "strategy")
"""Scopes of pools of books."""
TRADES = ("buy", "buy", "buy", "sell", "sell", "transfer_in")
MONEY = ("deposit", "withdrawal", "interest", "fee", "tax", "subscription", "redemption", "dividend")
ACTIONS = ("split", "cash_dividend", "stock_dividend", "spin_off", "return_of_capital")
"""Kinds of corporate action that the books post."""
ASKED = tuple(name for name in inspect.signature(identities.gaps).parameters if name != "sessions")
"""Tables that identities are asked of."""
LATER = (
    *("attribution", "currency_attribution", "factor_attribution", "risk_attribution", "performance", "var"),
    *("external_flows", "period_", "flow_effects", "contributions", "unexplained_pnl"),
)
"""How the names of tables begin that returns, attribution and risk make of the books."""
OF_THE_BOOKS = tuple(
    name for name in ASKED if tables.TABLES[name].kind == "result" and not name.startswith(LATER)
)  # fmt: skip
"""Those of them that are the books' own."""

cents = st.integers(100, 50_000).map(lambda n: Decimal(n).scaleb(-2))
charge = st.integers(0, 500).map(lambda n: Decimal(n).scaleb(-2))
units = st.one_of(st.integers(1, 60).map(Decimal), st.integers(1, 10**10).map(lambda n: Decimal(n).scaleb(-8)))


class Told:
    """Facts as ``resources.facts.Facts`` gives them, from rows of plain values; a table without rows is empty."""

    def __init__(self, **rows):
        self.settings = settings()
        self.frames = {table: facts(table, *of) for table, of in rows.items()}

    def current(self, table, first=None, last=None, known_at=None):
        frame = self.frames.get(table)
        if frame is None:
            frame = self.frames[table] = tables.empty(table)
        dated = next((name for name in terms.DATED if name in frame.columns), None)
        if dated is not None:
            dates = frame[dated]
            if isinstance(dates.dtype, pd.DatetimeTZDtype):
                dates = dates.dt.tz_localize(None).dt.normalize()
            low, high = (pd.Timestamp(bound or default) for bound, default in ((first, "1900"), (last, "2200")))
            frame = frame[(dates >= low) & (dates <= high)].reset_index(drop=True)
        return frame.copy(deep=False)

    @classmethod
    def of(cls, **frames):
        """Facts that are frames already; columns that one lacks are empty."""
        told = cls()
        for table, frame in frames.items():
            lacking = [c for c in tables.TABLES[table].columns if c.name not in frame]
            empty = {"text": "", "int": 0, "bool": True, "float": np.nan, "time": pd.Timestamp(0, tz="UTC")}
            blank = {c.name: empty.get(c.type, pd.NaT) for c in lacking}
            typed = {c.name: tables.PANDAS[c.type] for c in lacking}
            told.frames[table] = frame.assign(**blank).astype(typed)[list(tables.TABLES[table].names)]
        return told

    def but(self, **rows):
        """These facts with other rows of some tables."""
        other = Told(**rows)
        other.frames = self.frames | other.frames
        return other


def market(seed):
    """Prices of every instrument and the euro's rate on every session: any numbers, the same for the same seed."""
    prices = [
        {
            "business_date": date,
            "instrument": name,
            "source": "x",
            "close": 5 + (seed * (7 + at) + number * 31) % 97 / 4,
        }
        for at, date in enumerate(DATES)
        for number, name in enumerate(CURRENCY)
    ]
    rates = [
        {"business_date": date, "base": "EUR", "quote": "USD", "rate": 1 + (seed * (at + 3)) % 23 / 64, "source": "x"}
        for at, date in enumerate(DATES)
    ]
    return {"raw_prices": prices, "raw_fx_rates": rates}


@st.composite
def histories(draw, most=12, pools=POOLS):
    """What is true in the end: rows by table. Every book can be computed on every session."""
    rows = [row for name in BOOKS for row in draw(of_book(name, most))]
    acted = draw(
        st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(1, 14)), max_size=3, unique_by=lambda a: a[1])
    )
    actions = [draw(action(f"a{number}", kind, at)) for number, (kind, at) in enumerate(acted)]
    books = [
        # Books of one pool have one base currency.
        book(
            name,
            base_currency=base,
            strategy=f"in {base}",
            lot_method=draw(st.sampled_from(METHODS)),
            lot_pool=draw(st.sampled_from(pools)),
        )
        for name, base in BOOKS.items()
    ]
    return {
        "books": books,
        "instruments": [security(name, currency=currency) for name, currency in CURRENCY.items()],
        "transactions": rows,
        "corporate_actions": actions,
        **market(draw(st.integers(0, 1000))),
    }


@st.composite
def of_book(draw, name, most):
    """Transactions of one book."""
    trades = draw(st.lists(st.sampled_from(TRADES), max_size=most))
    rows = [draw(trade(f"{name}{number:02}", name, kind)) for number, kind in enumerate(trades)]
    flows = draw(st.lists(st.sampled_from((*MONEY, "fx")), max_size=most // 2))
    return rows + [draw(money(f"{name}m{number}", name, kind)) for number, kind in enumerate(flows)]


@st.composite
def trade(draw, transaction_id, name, kind):
    """A purchase, a sale (also of what is not held) or a transfer in, of whole units or of 10^-8 of one."""
    instrument = draw(st.sampled_from(["ACME", "VOW"]))
    at = draw(st.integers(0, len(DATES) - 6))
    charged = kind in ("buy", "sell")
    return {
        "transaction_id": transaction_id,
        "book": name,
        "instrument": instrument,
        "kind": kind,
        "trade_date": DATES[at],
        "settle_date": draw(st.sampled_from([None, DATES[at], DATES[at + 5]])),
        "quantity": draw(units),
        "price": draw(cents),
        "currency": CURRENCY[instrument],
        "fees": draw(charge) if charged else None,
        "taxes": draw(charge) if charged else None,
        "executed_at": draw(st.sampled_from([None, f"{DATES[at]}T15:00:00Z", f"{DATES[at]}T20:59:00Z"])),
        "lot_method": draw(st.sampled_from(("", *METHODS))) if kind == "sell" else "",
    }


@st.composite
def money(draw, transaction_id, name, kind):
    """A movement of money on any day, weekends too; of fx, euros bought with dollars."""
    row = {
        "transaction_id": transaction_id,
        "book": name,
        "kind": kind,
        "trade_date": f"2020-01-{draw(st.integers(2, 31)):02}",
        "quantity": draw(st.integers(-5_000, 50_000)) if kind in ("interest", "fee", "tax") else draw(cents),
        "currency": draw(st.sampled_from(["USD", "EUR"])),
    }
    if kind == "fx":
        row |= {"trade_date": draw(st.sampled_from(DATES)), "instrument": "CASH:EUR", "currency": "USD"}
        row |= {"price": draw(st.integers(90, 130)) / Decimal(100)}
    return row


@st.composite
def action(draw, action_id, kind, at):
    """A corporate action with its terms."""
    name = draw(st.sampled_from(["ACME", "VOW"]))
    row = {"action_id": action_id, "instrument": name, "kind": kind, "ex_date": DATES[at], "status": "confirmed"}
    row |= {"pay_date": DATES[at + draw(st.integers(0, 6))], "withholding_rate": 0.0, "reclaim_rate": 0.0}
    if kind in ("split", "stock_dividend"):
        numerator, denominator = draw(st.sampled_from([(2, 1), (3, 2), (1, 4), (7, 1)]))
        row |= {"numerator": numerator, "denominator": denominator}
        if draw(st.booleans()):
            row |= {"cash_in_lieu_price": 12.5, "currency": CURRENCY[name]}
    if kind in ("cash_dividend", "return_of_capital"):
        row |= {"amount": draw(st.integers(1, 300)) / 100, "currency": CURRENCY[name]}
    if kind == "cash_dividend":
        row |= {"withholding_rate": draw(st.sampled_from([0.0, 0.15]))}
    if kind == "spin_off":
        row |= {"instrument": "ACME", "new_instrument": "NEWCO", "numerator": 1, "denominator": 4, "cost_fraction": 0.2}
    return row


@st.composite
def delivered(draw, rows):
    """``rows`` of transactions as they may have come: some wrong and corrected, some never true, in any order."""
    log = []
    for row in rows:
        fate = draw(st.sampled_from(["right", "right", "corrected", "never"]))
        if fate == "right":
            log.append(row)
            continue
        wrong = draw(another(row))
        if fate == "corrected":
            first = wrong | {"transaction_id": row["transaction_id"] + "w"}
            log += [first, row | {"corrects": first["transaction_id"]}]
        else:
            never = wrong | {"transaction_id": row["transaction_id"] + "n"}
            log += [row, never, {**never, "transaction_id": never["transaction_id"] + "c", "kind": "cancel"}]
            log[-1] |= {"corrects": never["transaction_id"]}
    return draw(arrivals(log))


@st.composite
def another(draw, row):
    """A row that says something else: another day, quantity, or book."""
    changed = {"quantity": row["quantity"] * draw(st.integers(2, 9)) + 1}
    at = draw(st.integers(0, len(DATES) - 1))
    changed |= {"trade_date": DATES[at], "settle_date": None, "executed_at": None}
    return {**row, **changed, "book": draw(st.sampled_from(list(BOOKS)))}


@st.composite
def arrivals(draw, log):
    """``log`` in any order, each row with the instant and the delivery of its arrival."""
    order = draw(st.permutations(log))
    return [
        row | dict.fromkeys(("known_at", "recorded_at"), f"2020-02-0{1 + at % 7}T10:{at % 60:02}:00Z")
        | {"delivery": 1 + at % 5, "line": 2 + at}
        for at, row in enumerate(order)
    ]  # fmt: skip


WRONG = {
    "instrument": ["NOWHERE", "", "CASH:EUR", "CASH:XX", "NEWCO"],
    "kind": [
        "buy",
        "sell",
        "transfer_out",
        "transfer_in",
        "fx",
        "cancel",
        "expiry",
        "exercise",
        "swap",
        "dividend",
        "",
    ],
    "quantity": [None, 0, -3, Decimal("1e-30"), Decimal(10) ** 13, Decimal(10) ** 40, 7],
    "price": [None, 0, -1, Decimal("1e-30"), Decimal(10) ** 30, 12],
    "currency": ["", "XXX", "GBP", "EUR"],
    "fees": [None, -5, Decimal(10) ** 30],
    "fx_rate": [None, 0, -2, Decimal(10) ** 30],
    "settle_date": [None, "2019-12-31", "2200-01-03"],
    "lot_id": ["", "nothing", "A00"],
    "lot_method": ["", "random", "specific"],
    "corrects": ["", "nothing", "A00", "Ax0", "Ax1"],
    "action_id": ["", "a0", "nothing"],
}
"""What a row may say that no good row says, by column."""


@st.composite
def nonsense(draw, name):
    """Transactions of one book of which most cannot be posted; rows that correct one another in a ring among them."""
    rows = []
    for number in range(draw(st.integers(1, 3))):
        row = draw(trade(f"{name}x{number}", name, "buy"))
        columns = draw(st.sets(st.sampled_from(list(WRONG)), min_size=1, max_size=3))
        wrong = {column: draw(st.sampled_from(WRONG[column])) for column in sorted(columns)}
        corrects = wrong.get("corrects", "")
        # Who corrects another book's row takes it away from there: that is no nonsense.
        if corrects and corrects != "nothing":
            wrong["corrects"] = f"{name}x{number - 1}" if number else f"{name}x{draw(st.integers(0, 2))}"
        rows.append(row | wrong)
    return rows


def made(told, sessions=SESSIONS, wanted=LEDGER):
    """What the graph makes of the facts ``told``: table -> rows; by default what comes from the log alone."""
    return derive(wanted, sessions, told)


def same(one, other):
    """The tables in which two results are not the same to the last digit, sorted by key."""
    return [table for table in one if not _sorted(table, one[table]).equals(_sorted(table, other[table]))]


def _sorted(table, frame):
    return frame.sort_values(list(tables.TABLES[table].key), ignore_index=True)


def gaps(told, frames, sessions=SESSIONS):
    """Every identity of the books that does not hold: its name and the reasons."""
    given = {name: frames[name] if name in frames else told.current(name) for name in ASKED}
    found = identities.gaps(**given, sessions=sessions)
    return {name: rows["reason"].tolist() for name, rows in found.items() if len(rows) and not name.startswith(LATER)}
