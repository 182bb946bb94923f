"""The ledger against a slow, exact model of one book in plain Python, and the identities that hold for any facts."""

from collections import defaultdict, deque
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_facts import balances, book, days, dividend, facts, post, rate, security, split, trade, transaction

from daybook.ledger import journal, lots, positions

SESSIONS = days("2020-01-02", "2020-01-31")
DATES = [str(date.date()) for date in SESSIONS]
RATE = Decimal("1.25")
SECURITIES = [security("ACME"), security("VOW", currency="EUR")]
NO_PRICES, NO_RATES = facts("prices"), facts("fx_rates")

cents = st.integers(1, 100_000).map(lambda n: Decimal(n).scaleb(-2))
trades = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["buy", "sell", "buy", "sell", "transfer_in"]),
        "instrument": st.sampled_from(["ACME", "VOW"]),
        "date": st.integers(0, len(DATES) - 5),
        "quantity": st.integers(1, 40),
        "price": cents,
        "fees": st.integers(0, 500).map(lambda n: Decimal(n).scaleb(-2)),
        "taxes": st.integers(0, 50).map(lambda n: Decimal(n).scaleb(-2)),
        "settles": st.integers(0, 4),
    }
)
flows = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["deposit", "withdrawal", "interest", "fee", "fx"]),
        "date": st.integers(0, len(DATES) - 1),
        "quantity": st.integers(-50, 1000),
    }
)
splits = st.lists(
    st.tuples(st.integers(1, len(DATES) - 1), st.sampled_from([(2, 1), (3, 2), (1, 4)])),
    max_size=3,
    unique_by=lambda item: item[0],
)
dividends = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 6), st.integers(1, 200)), max_size=3)


BOOKS = ["A", "B", "C", "D", "E"]


@st.composite
def histories(draw):
    """Transactions and actions of a firm of five books, as rows of facts in any order."""
    rows = [row for name in BOOKS for row in draw(of_book(name))]
    actions = [split(f"s{at:02}", DATES[at], *ratio) for at, ratio in draw(splits)]
    for number, (at, later, amount) in enumerate(draw(dividends)):
        terms = {"pay_date": DATES[at + later], "withholding_rate": 0.15, "instrument": "VOW", "currency": "EUR"}
        actions.append(dividend(f"d{number}", DATES[at], amount / 100, **terms))
    draw(st.randoms(use_true_random=False)).shuffle(rows)
    return rows, actions


@st.composite
def of_book(draw, name):
    rows = []
    for number, item in enumerate(draw(st.lists(trades, max_size=12))):
        currency = "USD" if item["instrument"] == "ACME" else "EUR"
        terms = {key: item[key] for key in ("price", "fees", "taxes", "instrument")}
        if item["kind"] == "transfer_in":
            terms |= {"fees": None, "taxes": None}
        terms |= {"currency": currency, "fx_rate": RATE if currency == "EUR" else None}
        settle = DATES[item["date"] + item["settles"]]
        terms |= {"settle_date": settle, "book": name}
        rows.append(trade(f"{name}{number:02}", item["kind"], DATES[item["date"]], item["quantity"], **terms))
    for number, item in enumerate(draw(st.lists(flows, max_size=4))):
        terms = {"instrument": "CASH:EUR", "price": RATE} if item["kind"] == "fx" else {}
        terms |= {"quantity": item["quantity"], "book": name}
        rows.append(transaction(f"{name}f{number}", item["kind"], DATES[item["date"]], **terms))
    return rows


class Model:
    """One book, unrounded: deques of [name, quantity, cost] per instrument, and cash as (from, settled, amount)."""

    def __init__(self, rows, actions):
        self.lots = defaultdict(deque)
        self.realised = []
        self.cash = defaultdict(list)
        self.accrued = defaultdict(list)
        self.closes = {}
        for date in DATES:
            for action in sorted((a for a in actions if a["ex_date"] == date), key=lambda a: a["kind"]):
                self.act(action)
            today = [row for row in rows if row["trade_date"] == date]
            for row in sorted(today, key=lambda r: (r["kind"] == "sell", r["transaction_id"])):
                self.post(row)
            self.closes[date] = {name: [list(lot) for lot in queue] for name, queue in self.lots.items()}

    def act(self, action):
        queue = self.lots[action["instrument"]]
        if action["kind"] == "split":
            for lot in queue:
                lot[1] = lot[1] * action["numerator"] / action["denominator"]
            return
        held = sum((lot[1] for lot in queue), Fraction(0))
        kept = Fraction("0.85") if held > 0 else 1
        amount = held * Fraction(Decimal(str(action["amount"]))) * kept
        self.accrued[action["currency"]].append((action["ex_date"], action["pay_date"], amount))
        self.cash[action["currency"]].append((action["pay_date"], action["pay_date"], amount))

    def post(self, row):
        kind, quantity = row["kind"], Fraction(row["quantity"])
        date, settle = row["trade_date"], row.get("settle_date") or row["trade_date"]
        if kind in ("buy", "sell", "transfer_in"):
            amount = quantity * Fraction(row["price"])
            charges = Fraction(row["fees"] or 0) + Fraction(row["taxes"] or 0)
            value = (-amount if kind == "sell" else amount) + charges
            if kind != "transfer_in":
                self.cash[row["currency"]].append((date, settle, -value))
            self.match(row, -quantity if kind == "sell" else quantity, value)
        elif kind == "fx":
            self.cash["EUR"].append((date, settle, quantity))
            self.cash["USD"].append((date, settle, -quantity * Fraction(RATE)))
        else:
            sign = 1 if kind in ("deposit", "interest") else -1
            self.cash["USD"].append((date, settle, sign * quantity))

    def match(self, row, quantity, value):
        queue = self.lots[row["instrument"]]
        each = value / quantity
        while quantity and queue and (queue[0][1] > 0) != (quantity > 0):
            lot = queue[0]
            size = min(abs(lot[1]), abs(quantity))
            part = lot[2] * size / abs(lot[1])
            moved = size if quantity > 0 else -size
            if row["kind"] != "transfer_in":
                proceeds = -each * moved
                self.realised.append((row["transaction_id"], lot[0], row["trade_date"], size, proceeds, part))
            lot[1] += moved
            lot[2] -= part
            quantity -= moved
            if not lot[1]:
                queue.popleft()
        if quantity:
            queue.append([row["transaction_id"], quantity, each * quantity])

    def balance(self, currency, date):
        rows = self.cash[currency]
        total = sum((amount for since, _, amount in rows if since <= date), Fraction(0))
        settled = sum((amount for since, settle, amount in rows if max(since, settle) <= date), Fraction(0))
        accrued = sum((a for since, pay, a in self.accrued[currency] if since <= date < pay), Fraction(0))
        return settled, total, accrued


def made_from(history, through=DATES[-1]):
    rows, actions = history
    books = [book(name) for name in BOOKS]
    return post(*rows, actions=actions, books=books, instruments=SECURITIES, through=through)


def day(row):
    return f"{row.business_date:%Y-%m-%d}"


quick = settings(max_examples=8, suppress_health_check=list(HealthCheck))


@quick
@given(histories())
def test_the_ledger_agrees_with_the_model(history):
    made = made_from(history)
    assert journal.failures(made).empty
    models = {name: Model([row for row in history[0] if row["book"] == name], history[1]) for name in BOOKS}
    found = lots.lots(made, SESSIONS).itertuples()
    ours = {(r.book, day(r), r.instrument, r.lot): (r.quantity, r.cost, r.cost_base) for r in found}
    theirs = {
        (name, date, held, lot): (float(quantity), float(cost), float(cost * (Fraction(RATE) if held == "VOW" else 1)))
        for name, model in models.items()
        for date, close in model.closes.items()
        for held, queue in close.items()
        for lot, quantity, cost in queue
    }
    assert ours == {key: pytest.approx(value, abs=1e-5) for key, value in theirs.items()}
    gains = lots.realised(made, SESSIONS)
    assert gains["gain"].tolist() == pytest.approx((gains["proceeds"] - gains["cost"]).tolist(), abs=1e-9)
    ours = {(r.transaction_id, r.lot, day(r)): (r.quantity, r.proceeds, r.cost) for r in gains.itertuples()}
    theirs = {tuple(row[:3]): tuple(map(float, row[3:])) for model in models.values() for row in model.realised}
    assert ours == {key: pytest.approx(value, abs=1e-5) for key, value in theirs.items()}
    for row in balances(made, SESSIONS).itertuples():
        settled, balance, accrued = models[row.book].balance(row.currency, day(row))
        expected = [float(settled), float(balance - settled), float(accrued), float(balance)]
        assert [row.settled, row.unsettled, row.accrued, row.balance] == pytest.approx(expected, abs=1e-5)


@quick
@given(histories())
def test_identities(history):
    made = made_from(history)
    held = positions.positions(made, SESSIONS, NO_PRICES, NO_RATES)
    keys = ["business_date", "book", "instrument"]
    # Lots add up to the position, per pool and instrument.
    summed = lots.lots(made, SESSIONS).groupby(keys)[["quantity", "cost", "cost_base"]].sum()
    against = held[held["quantity"] != 0].set_index(keys)[["quantity", "cost", "cost_base"]]
    pd.testing.assert_frame_equal(summed, against, atol=1e-7, rtol=0)
    # Debits are credits, per book and currency: cash with accruals moves by what the day's activity says.
    money = balances(made, SESSIONS).set_index(["business_date", "book", "currency"])
    worth = (money["balance"] + money["accrued"]).unstack([1, 2]).reindex(SESSIONS).fillna(0)
    moved = journal.activity(made, SESSIONS)
    bought = moved[moved["instrument"] == "CASH:EUR"].assign(
        currency="EUR", amount=lambda rows: rows["traded_quantity"]
    )
    moved["amount"] = moved["consideration"] + moved["fees"] + moved["income"] + moved["external"]
    both = pd.concat([moved, bought]).groupby(["business_date", "book", "currency"])["amount"].sum()
    total = both.unstack([1, 2]).reindex(index=SESSIONS, columns=worth.columns).fillna(0)
    pd.testing.assert_frame_equal(worth, total.cumsum(), atol=1e-6, rtol=0, check_freq=False, check_names=False)
    # What trades brought is in open lots, or was realised: the cost of what was closed less its proceeds.
    gains, entries = lots.realised(made, SESSIONS), made.entries
    group = ["book", "instrument"]
    left = lots.lots(made, SESSIONS[-1:]).groupby(group)["cost"].sum()
    left = left.add(gains.groupby(group)["cost"].sum(), fill_value=0)
    left = left.sub(gains.groupby(group)["proceeds"].sum(), fill_value=0)
    entered = entries[entries["kind"] == "transfer_in"].groupby(group).size()
    brought = entries[entries["kind"].isin(["buy", "sell"])].groupby(group)["cost"].sum() / 1e6
    brought = brought[~brought.index.isin(entered.index)]
    assert left.reindex(brought.index).fillna(0).tolist() == pytest.approx(brought.tolist(), abs=1e-6)


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(histories(), st.randoms(use_true_random=False))
def test_a_range_is_its_sessions_and_arrival_does_not_matter(history, random):
    rows, actions = history
    whole = made_from(history)
    shuffled = made_from((random.sample(rows, len(rows)), actions[::-1]))

    def results(made, sessions):
        return (
            lots.lots(made, sessions),
            lots.realised(made, sessions),
            balances(made, sessions),
            positions.positions(made, sessions, NO_PRICES, NO_RATES),
            journal.activity(made, sessions),
        )

    ranged = results(whole, SESSIONS)
    for ours, theirs in zip(ranged, results(shuffled, SESSIONS), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    for date in random.sample(list(SESSIONS), 3):
        single = results(made_from(history, through=str(date.date())), pd.DatetimeIndex([date]).as_unit("us"))
        for ours, theirs in zip(ranged, single, strict=True):
            of_day = ours[ours["business_date"] == date].reset_index(drop=True)
            pd.testing.assert_frame_equal(of_day, theirs, check_exact=True)


def test_two_books_with_rates_from_the_market_are_each_their_own():
    rows = [
        trade(f"{name}{n}", kind, DATES[n], 10 + n, 5 + n, book=name, instrument="VOW", currency="EUR")
        for name in ("A", "B") for n, kind in enumerate(["buy", "sell", "sell", "buy"])
    ]  # fmt: skip
    quotes = [rate(date, "EUR", "USD", 1.1 + n / 100) for n, date in enumerate(DATES)]
    both = post(*rows, books=[book("A"), book("B")], instruments=SECURITIES, rates=quotes)
    for name in ("A", "B"):
        alone = post(*[r for r in rows if r["book"] == name], books=[book(name)], instruments=SECURITIES, rates=quotes)
        for result in (lots.lots, lots.realised, balances):
            together = result(both, SESSIONS)
            together = together[together["book"] == name].reset_index(drop=True)
            pd.testing.assert_frame_equal(together, result(alone, SESSIONS), check_exact=True)
