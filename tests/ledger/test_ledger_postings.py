"""Double entry: each kind of transaction by hand, and the books of the general ledger against the tables of the day."""

import numpy as np
import pytest
from ledger_facts import book, days, dividend, facts, listed, post, rate, security, split, trade, transaction

from daybook.ledger import cash, interest, margin, positions, postings
from daybook.tables import empty


def made(journal, sessions, prices=None):
    """Table ``postings`` and the tables that it must agree with."""
    prices = empty("prices") if prices is None else prices
    marks = margin.marks(journal, prices, sessions)
    earned = interest.earned(journal, empty("cash_rates"), sessions)
    accrued = cash.accrued(journal, marks, earned, sessions)
    return postings.postings(journal, marks, earned, sessions), cash.cash(journal, accrued, sessions)


def of(frame, transaction_id, date=None):
    rows = frame[frame["transaction_id"] == transaction_id]
    if date is not None:
        rows = rows[rows["business_date"] == date]
    return listed(rows, "ledger_account", "instrument", "currency", "debit", "quantity")


HISTORY = [
    transaction("D", "deposit", "2020-01-06", quantity=10000),
    trade("B", "buy", "2020-01-06", 10, 100, fees=2),
    trade("S", "sell", "2020-01-08", 4, 120, taxes=1),
    trade("Z", "sell", "2020-01-09", 16, 60, fees=8),
    trade("C", "buy", "2020-01-10", 8, 50),
    transaction("F", "fx", "2020-01-08", instrument="CASH:EUR", quantity=100, price=1.1, fees=2),
    trade("T", "transfer_in", "2020-01-13", 4, cost=300),
    trade("O", "transfer_out", "2020-01-13", 3),
    transaction("I", "interest", "2020-01-08", quantity=-7),
    transaction("G", "fee", "2020-01-08", quantity=3),
    transaction("X", "tax", "2020-01-08", quantity=5),
    transaction("W", "withdrawal", "2020-01-09", quantity=50),
]
ACTIONS = [
    split("SP", "2020-01-09", 2),
    dividend("DV", "2020-01-08", 1, withholding_rate=0.15, pay_date="2020-01-10"),
]


@pytest.fixture(scope="module")
def journal():
    return post(*HISTORY, actions=ACTIONS, through="2020-01-20")


SESSIONS = days("2020-01-06", "2020-01-20")


@pytest.mark.parametrize(
    ("name", "date", "expected"),
    [
        ("D", "2020-01-06", [("cash", "", "USD", 10000.0, 0.0), ("capital", "", "USD", -10000.0, 0.0)]),
        ("B", "2020-01-06", [("securities", "ACME", "USD", 1002.0, 10.0), ("unsettled", "", "USD", -1002.0, 0.0)]),
        ("B", "2020-01-08", [("cash", "", "USD", -1002.0, 0.0), ("unsettled", "", "USD", 1002.0, 0.0)]),
        # 4 of 10 cost 400.80; 479 were received
        ("S", "2020-01-08", [("securities", "ACME", "USD", -400.8, -4.0), ("unsettled", "", "USD", 479.0, 0.0),
                             ("realised_gains", "", "USD", -78.2, 0.0)]),
        # 12 long cost 601.20, sold for 714; 4 short for 238
        ("Z", "2020-01-09", [("securities", "ACME", "USD", -839.2, -16.0), ("unsettled", "", "USD", 952.0, 0.0),
                             ("realised_gains", "", "USD", -112.8, 0.0)]),
        # 4 short at 238 covered for 200; 4 long for 200
        ("C", "2020-01-10", [("securities", "ACME", "USD", 438.0, 8.0), ("unsettled", "", "USD", -400.0, 0.0),
                             ("realised_gains", "", "USD", -38.0, 0.0)]),
        ("F", "2020-01-08", [("unsettled", "", "EUR", 100.0, 0.0), ("unsettled", "", "USD", -112.0, 0.0),
                             ("fees", "", "USD", 2.0, 0.0), ("fx_trading", "", "EUR", -100.0, 0.0),
                             ("fx_trading", "", "USD", 110.0, 0.0)]),
        ("T", None, [("securities", "ACME", "USD", 300.0, 4.0), ("capital", "ACME", "USD", -300.0, 0.0)]),
        ("O", None, [("securities", "ACME", "USD", -150.0, -3.0), ("capital", "ACME", "USD", 150.0, 0.0)]),
        ("I", None, [("cash", "", "USD", -7.0, 0.0), ("income", "CASH:USD", "USD", 7.0, 0.0)]),
        ("G", None, [("cash", "", "USD", -3.0, 0.0), ("fees", "", "USD", 3.0, 0.0)]),
        ("X", None, [("cash", "", "USD", -5.0, 0.0), ("taxes", "", "USD", 5.0, 0.0)]),
        ("W", None, [("cash", "", "USD", -50.0, 0.0), ("capital", "", "USD", 50.0, 0.0)]),
        ("SP", None, [("securities", "ACME", "USD", 0.0, 6.0)]),
        ("DV", "2020-01-08", [("receivables", "", "USD", 8.5, 0.0), ("income", "ACME", "USD", -8.5, 0.0)]),
        ("DV", "2020-01-10", [("cash", "", "USD", 8.5, 0.0), ("receivables", "", "USD", -8.5, 0.0)]),
    ],
)  # fmt: skip
def test_what_each_transaction_debits_and_credits(journal, name, date, expected):
    found = [
        (account, "" if account == "realised_gains" else instrument, *rest)
        for account, instrument, *rest in of(made(journal, SESSIONS)[0], name, date)
    ]
    if name == "F":
        expected = [
            (account.replace("unsettled", "cash") if found[0][0] == "cash" else account, *rest)
            for account, *rest in expected
        ]
    assert sorted(found) == sorted(expected)


def agrees(journal, sessions, prices=None):
    """Debits are credits, and the general ledger is what the day's tables say, at every close."""
    table, money = made(journal, sessions, prices)
    assert postings.imbalances(table).empty
    held = positions.positions(journal, sessions, empty("prices"), empty("fx_rates"))
    for day in sessions:
        balance = postings.trial_balance(table[table["business_date"] <= day])
        total = balance.groupby(["book", "currency"])["debit"].sum()
        np.testing.assert_allclose(total, 0, atol=1e-6)
        of_day = money[money["business_date"] == day].set_index(["book", "currency"])
        for account, column in (("cash", "settled"), ("unsettled", "unsettled"), ("receivables", "accrued")):
            booked = balance[balance["ledger_account"] == account].set_index(["book", "currency"])["debit"]
            np.testing.assert_allclose(booked.reindex(of_day.index, fill_value=0), of_day[column], atol=1e-6)
        cost = held[held["business_date"] == day].groupby(["book", "currency"])["cost"].sum()
        booked = balance[balance["ledger_account"] == "securities"].set_index(["book", "currency"])["debit"]
        np.testing.assert_allclose(booked, cost.reindex(booked.index, fill_value=0), atol=1e-6)
    return table


def test_the_general_ledger_is_what_the_tables_of_the_day_say(journal):
    agrees(journal, SESSIONS)


def test_one_session_alone_has_the_same_postings(journal):
    table, _ = made(journal, SESSIONS)
    for day in SESSIONS:
        alone, _ = made(journal, days(day))
        expected = table[table["business_date"] == day].reset_index(drop=True)
        assert alone.equals(expected)


@pytest.mark.parametrize("method", ["lifo", "highest", "lowest", "average", "uk"])
def test_whatever_the_lot_method_debits_are_credits(method):
    agrees(post(*HISTORY, actions=ACTIONS, books=[book(lot_method=method)], through="2020-01-20"), SESSIONS)


def test_a_match_that_a_later_purchase_takes_back_is_posted_on_that_purchase():
    rows = [trade("B", "buy", "2020-01-06", 10, 100), trade("S", "sell", "2020-01-07", 10, 120),
            trade("R", "buy", "2020-01-09", 10, 110)]  # fmt: skip
    table = agrees(post(*rows, books=[book(lot_method="uk")], through="2020-01-14"), days("2020-01-06", "2020-01-14"))
    gains = table[table["ledger_account"] == "realised_gains"]
    # 200 on the sale; on the purchase 200 is taken back and 1200 - 1100 is posted
    assert listed(gains, "transaction_id", "debit") == [("S", -200.0), ("R", 100.0)]


def test_books_that_share_a_pool_owe_each_other_the_cost():
    books = [book("A", lot_pool="strategy", strategy="S"), book("B", lot_pool="strategy", strategy="S")]
    rows = [trade("1", "buy", "2020-01-06", 10, 100, book="A"), trade("2", "sell", "2020-01-07", 10, 120, book="B")]
    table, _ = made(post(*rows, books=books, through="2020-01-07"), days("2020-01-06", "2020-01-07"))
    assert postings.imbalances(table).empty
    owed = table[table["ledger_account"] == "between_books"]
    assert owed.groupby("transaction_id")["debit"].sum().tolist() == [0.0]
    assert set(owed["book"]) == {"A", "B"}


def test_a_future_is_no_asset_but_what_it_gained():
    rows = [transaction("D", "deposit", "2020-01-06", quantity=1000),
            trade("B", "buy", "2020-01-06", 2, 100, instrument="ES", fees=1),
            transaction("V", "variation_margin", "2020-01-08", instrument="ES", quantity=500),
            trade("S", "sell", "2020-01-08", 2, 110, instrument="ES", fees=1)]  # fmt: skip
    quoted = [{"business_date": day, "instrument": "ES", "close": close, "currency": "USD", "status": "ok"}
              for day, close in (("2020-01-06", 101), ("2020-01-07", 105), ("2020-01-08", 109))]  # fmt: skip
    future = security("ES", asset_class="future", multiplier=50.0)
    sessions = days("2020-01-06", "2020-01-08")
    journal = post(*rows, instruments=[future], through="2020-01-08")
    table = agrees(journal, sessions, facts("prices", *quoted))
    balance = postings.trial_balance(table).set_index("ledger_account")["debit"]
    # 2 x 50 x (110 - 100) = 1000 gained, of which 500 received; charges of 2 are in the gain; the fees were cash
    assert balance["realised_gains"] == -998.0
    assert (balance["securities"], balance["contracts"], balance["receivables"]) == (0.0, 0.0, 500.0)


def test_foreign_currency_balances_by_itself():
    rows = [
        trade("B", "buy", "2020-01-06", 10, 100, currency="EUR"),
        trade("S", "sell", "2020-01-08", 10, 90, currency="EUR"),
    ]
    journal = post(
        *rows,
        instruments=[security(currency="EUR")],
        rates=[rate("2020-01-06", "EUR", "USD", 1.1)],
        through="2020-01-14",
    )
    table = agrees(journal, days("2020-01-06", "2020-01-14"))
    assert set(table["currency"]) == {"EUR"}


def test_an_imbalance_is_found_by_transaction_and_currency(journal):
    table, _ = made(journal, SESSIONS)
    table.loc[table["transaction_id"].eq("B") & table["ledger_account"].eq("securities"), "debit"] += 0.000001
    assert listed(postings.imbalances(table), "book", "transaction_id", "currency", "gap") == [
        ("FUND", "B", "USD", 1e-06)
    ]


def test_a_journal_of_nothing_posts_nothing():
    table, _ = made(post(), SESSIONS)
    assert table.empty
