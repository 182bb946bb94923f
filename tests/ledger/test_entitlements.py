"""What each kind of corporate action does to a book, in numbers worked by hand."""

import pandas as pd
import pytest
from ledger_facts import book, days, dividend, facts, listed, only, post, security, split, trade, transaction

from daybook.ledger import elections, journal, lots
from daybook.ledger.transactions import live
from daybook.market.quality import books as quality

LISTED = [security(), security("KID"), security("NEWCO")]


def action(kind, date="2020-01-08", **terms):
    row = {"action_id": "x", "instrument": "ACME", "kind": kind, "ex_date": date, "status": "confirmed"}
    return {**row, "currency": "USD", **terms}


def posted(*rows, elected=(), books=None, actions=()):
    """The journal of ``rows``, with elections."""
    return journal.journal(
        live(facts("transactions", *rows)),
        facts("corporate_actions", *actions),
        facts("books", *(books or [book()])),
        facts("instruments", *LISTED),
        facts("raw_fx_rates"),
        ["files"],
        pd.Timestamp("2020-12-31"),
        facts("elections", *elected),
    )


def held(made, date="2020-01-13"):
    assert journal.failures(made).empty, made.failed.to_dict("records")
    return listed(lots.lots(made, days(date)), "instrument", "lot", "quantity", "cost")


def gains(made):
    rows = lots.realised(made, days("2020-01-06", "2020-03-31"))
    return listed(rows, "instrument", "transaction_id", "lot", "quantity", "proceeds", "cost")


def brought(made):
    rows = journal.entitlement_table(made, days("2020-01-06", "2020-03-31"))
    return listed(rows, "kind", "entitled_quantity", "net_amount", "new_quantity", "given_quantity", "moved_cost")


def money(made):
    """(accrual_kind, amount, accrued from, cash on) of each payment."""
    if made.payments.empty:
        return []
    date = pd.to_datetime(made.payments[["session", "pay"]].stack(), unit="D").dt.strftime("%m-%d").unstack()
    return [
        (kind, amount / 1e6, since, on)
        for kind, amount, since, on in zip(
            made.payments["accrual_kind"], made.payments["amount"], date["session"], date["pay"], strict=True
        )
    ]


def bought(quantity=101, price=10, **terms):
    return trade("b", "buy", "2020-01-06", quantity, price, **terms)


def short(quantity=101, price=10):
    return trade("b", "sell", "2020-01-06", quantity, price)


def test_a_split_pays_out_the_fraction_of_a_unit():
    made = post(bought(), actions=[split("x", "2020-01-08", 3, 2, cash_in_lieu_price=8.0, pay_date="2020-01-10")])
    # 101 x 3/2 = 151.5; 0.5 of 151.5 lots' cost of 1010 is 3.333333; 0.5 x 8 = 4.
    assert held(made) == [("ACME", "b", 151.0, 1006.666667)]
    assert gains(made) == [("ACME", "x", "b", 0.5, 4.0, 3.333333)]
    assert brought(made) == [("split", 101.0, 4.0, 50.5, 0.5, 0.0)]
    assert money(made) == [("cash_in_lieu", 4.0, "01-08", "01-10")]
    day = only(journal.activity(made, days("2020-01-08")))
    assert (day.instrument, day.traded_quantity, day.consideration, day.income) == ("ACME", 0.0, 4.0, 0.0)


def test_a_short_pays_the_fraction_of_a_unit():
    made = post(short(), actions=[split("x", "2020-01-08", 3, 2, cash_in_lieu_price=8.0)])
    assert held(made) == [("ACME", "b", -151.0, -1006.666667)]
    assert gains(made) == [("ACME", "x", "b", 0.5, -4.0, -3.333333)]
    assert brought(made) == [("split", -101.0, -4.0, -50.5, -0.5, 0.0)]


def test_a_stock_dividend_adds_units_at_no_cost():
    made = post(bought(100), actions=[action("stock_dividend", numerator=1, denominator=20)])
    assert held(made) == [("ACME", "b", 105.0, 1000.0)]
    assert brought(made) == [("stock_dividend", 100.0, 0.0, 5.0, 0.0, 0.0)]


def test_a_dividend_net_of_withholding_with_a_reclaim():
    terms = {"withholding_rate": 0.26375, "reclaim_rate": 0.11375, "pay_date": "2020-01-10"}
    back = transaction("t", "tax", "2020-02-03", quantity="-11.38", action_id="x")
    made = post(bought(100), back, actions=[dividend("x", "2020-01-08", 1.0, **terms)])
    assert money(made) == [("cash_dividend", 73.625, "01-08", "01-10"), ("reclaim", 11.375, "01-08", "02-03")]
    row = only(journal.entitlement_table(made, days("2020-01-08")))
    assert (row.gross_amount, row.withheld, row.reclaimable, row.net_amount) == (100.0, 26.375, 11.375, 73.625)
    assert only(journal.activity(made, days("2020-01-08"))).income == 85.0
    # What the tax authority pays beyond what was expected is all that counts of its payment.
    assert only(journal.activity(made, days("2020-02-03"))).fees == 0.005


def test_a_reclaim_that_is_not_paid_stays_receivable_and_a_short_has_none():
    terms = {"withholding_rate": 0.25, "reclaim_rate": 0.1}
    made = post(bought(100), actions=[dividend("x", "2020-01-08", 1.0, **terms)])
    assert made.payments["pay"].tolist()[1] == 2**31
    made = post(short(100), actions=[dividend("x", "2020-01-08", 1.0, **terms)])
    assert money(made) == [("cash_dividend", -100.0, "01-08", "01-08")]


SCRIP = {
    "numerator": 1,
    "denominator": 20,
    "amount": 0.5,
    "withholding_rate": 0.15,
    "choices": "cash stock",
    "election_deadline": "2020-01-10",
    "pay_date": "2020-01-14",
}


@pytest.mark.parametrize(
    ("elected", "units", "forgone"),
    [
        ({}, 0, 0),
        # 101 / 20 = 5.05: five whole units for the dividend of a hundred, 100 x 0.5 x 0.85.
        ({"choice": "stock"}, 5, 42.5),
        ({"choice": "stock", "quantity": 45.0}, 2, 17.0),
        ({"choice": "stock", "elected_on": "2020-01-13"}, 0, 0),
        ({"choice": "exercise"}, 0, 0),
    ],
)
def test_a_dividend_taken_in_stock(elected, units, forgone):
    rows = [{"action_id": "x", "book": "FUND", "elected_on": "2020-01-10", **elected}] if elected else []
    made = posted(bought(), actions=[action("cash_dividend", **SCRIP)], elected=rows)
    expected = [("ACME", "b", 101.0, 1010.0)] + ([("ACME", "x", float(units), forgone)] if units else [])
    assert held(made) == expected
    flows = [("cash_dividend", 42.925, "01-08", "01-14"), ("cash_dividend", -forgone, "01-10", "01-14")]
    assert money(made) == flows[: 1 + bool(units)]
    assert held(made, "2020-01-09") == expected[:1]
    taken = journal.entitlement_table(made, days("2020-01-10"))
    if units:
        row = only(taken)
        assert (row.choice, row.new_quantity, row.net_amount) == ("stock", units, 0.0)
        assert (row.gross_amount, row.withheld) == (units * 10.0, units * 1.5)
    else:
        assert taken.empty


def test_a_spin_off_takes_a_part_of_the_cost_and_pays_out_the_fraction():
    terms = {"numerator": 1, "denominator": 4, "new_instrument": "KID", "cost_fraction": 0.2}
    made = posted(bought(), actions=[action("spin_off", **terms, cash_in_lieu_price=5.0)])
    # 101 / 4 = 25.25 units with 202 of 1010; a quarter of a unit has cost 2 and brings 1.25.
    assert held(made) == [("ACME", "b", 101.0, 808.0), ("KID", "b:x", 25.0, 200.0)]
    assert gains(made) == [("KID", "x", "b:x", 0.25, 1.25, 2.0)]
    assert brought(made) == [("spin_off", 101.0, 1.25, 25.0, 0.0, 202.0)]
    row = only(journal.activity(made, days("2020-01-08")))
    assert (row.instrument, row.traded_quantity, row.consideration) == ("ACME", 0.0, 1.25)


def test_a_short_owes_what_is_spun_off():
    terms = {"numerator": 1, "denominator": 4, "new_instrument": "KID", "cost_fraction": 0.2}
    made = posted(short(100), actions=[action("spin_off", **terms)])
    assert held(made) == [("ACME", "b", -100.0, -800.0), ("KID", "b:x", -25.0, -200.0)]
    assert brought(made) == [("spin_off", -100.0, 0.0, -25.0, 0.0, -200.0)]


def test_a_spin_off_then_a_split_of_the_child_then_a_sale():
    spin = action("spin_off", numerator=1, denominator=4, new_instrument="KID", cost_fraction=0.2)
    sale = trade("s", "sell", "2020-01-10", 30, 5, instrument="KID", fees=3)
    made = posted(bought(100), sale, actions=[spin, split("y", "2020-01-09", 2, instrument="KID")])
    # 25 units with a cost of 200 are 50 after the split: 30 of them cost 120 and bring 150 - 3.
    assert held(made, "2020-01-09") == [("ACME", "b", 100.0, 800.0), ("KID", "b:x", 50.0, 200.0)]
    assert gains(made) == [("KID", "s", "b:x", 30.0, 147.0, 120.0)]
    assert held(made) == [("ACME", "b", 100.0, 800.0), ("KID", "b:x", 20.0, 80.0)]


def test_actions_of_one_date_are_in_terms_of_the_day_before():
    spin = action("spin_off", numerator=1, denominator=4, new_instrument="KID", cost_fraction=0.2)
    splits = [split("a", "2020-01-08", 2), split("y", "2020-01-08", 3, instrument="KID")]
    made = posted(bought(100), trade("k", "buy", "2020-01-06", 10, 4, instrument="KID"), actions=[spin, *splits])
    # A quarter of the hundred old units is delivered in new terms; the ten that were there are thirty.
    assert held(made) == [("ACME", "b", 200.0, 800.0), ("KID", "b:x", 25.0, 200.0), ("KID", "k", 30.0, 40.0)]


MERGER = {"numerator": 1, "denominator": 2, "new_instrument": "NEWCO"}


@pytest.mark.parametrize(
    ("terms", "lot", "gain", "row"),
    [
        (MERGER, ("NEWCO", "b", 50.5, 1010.0), [], (0.0, 50.5, 1010.0)),
        # Money first lowers the cost, 1010 - 303.
        (MERGER | {"amount": 3.0}, ("NEWCO", "b", 50.5, 707.0), [], (303.0, 50.5, 707.0)),
        (
            MERGER | {"amount": 3.0, "cost_fraction": 0.75},
            ("NEWCO", "b", 50.5, 757.5),
            [("ACME", "x", "b", 101.0, 303.0, 252.5)],
            (303.0, 50.5, 757.5),
        ),
        ({"amount": 13.0}, None, [("ACME", "x", "b", 101.0, 1313.0, 1010.0)], (1313.0, 0.0, 0.0)),
    ],
    ids=["shares", "both", "both_with_cost_fraction", "cash"],
)
def test_a_merger(terms, lot, gain, row):
    made = posted(bought(), actions=[action("merger", **terms)])
    assert held(made) == ([lot] if lot else [])
    assert gains(made) == gain
    net, units, moved = row
    assert brought(made) == [("merger", 101.0, net, units, 101.0, moved)]
    short_of_it = posted(short(), actions=[action("merger", **terms)])
    assert brought(short_of_it) == [("merger", -101.0, -net or 0.0, -units or 0.0, -101.0, -moved or 0.0)]


def test_a_merger_of_shares_without_money_keeps_all_of_the_cost_whatever_fraction_is_given():
    made = posted(bought(100), actions=[action("merger", **MERGER, cost_fraction=0.75)])
    assert held(made) == [("NEWCO", "b", 50.0, 1000.0)]


RIGHTS = {"numerator": 1, "denominator": 4, "amount": 6.0, "election_deadline": "2020-01-10", "pay_date": "2020-01-14"}


@pytest.mark.parametrize(
    ("default", "elected", "units", "choice"),
    [
        ("", {}, 0, "lapse"),
        ("exercise", {}, 25, "exercise"),
        ("exercise", {"choice": "lapse"}, 0, "lapse"),
        ("", {"choice": "exercise"}, 25, "exercise"),
        ("", {"choice": "exercise", "quantity": 43.0}, 10, "exercise"),
        ("", {"choice": "exercise", "elected_on": "2020-01-13"}, 0, "lapse"),
    ],
)
def test_rights_are_exercised_or_lapse_on_the_deadline(default, elected, units, choice):
    rows = [{"action_id": "x", "book": "FUND", "elected_on": "2020-01-09", **elected}] if elected else []
    late = trade("c", "buy", "2020-01-09", 400, 9)
    made = posted(bought(), late, actions=[action("rights", **RIGHTS, default_choice=default)], elected=rows)
    assert held(made, "2020-01-09") == [("ACME", "b", 101.0, 1010.0), ("ACME", "c", 400.0, 3600.0)]
    assert held(made)[2:] == ([("ACME", "x", float(units), 6.0 * units)] if units else [])
    assert money(made) == ([("rights", -6.0 * units, "01-10", "01-14")] if units else [])
    row = only(journal.entitlement_table(made, days("2020-01-06", "2020-01-31")))
    assert (row.business_date, row.choice) == (pd.Timestamp("2020-01-10"), choice)
    assert (row.entitled_quantity, row.new_quantity, row.net_amount) == (101.0, units, -6.0 * units)


def test_each_book_elects_for_itself():
    rows = [{"action_id": "x", "book": "B", "choice": "exercise", "elected_on": "2020-01-09"}]
    made = posted(
        bought(100),
        trade("o", "buy", "2020-01-06", 200, 10, book="B"),
        books=[book(), book("B")],
        actions=[action("rights", **RIGHTS)],
        elected=rows,
    )
    assert listed(made.payments, "book", "amount") == [("B", -300_000_000)]


def test_a_return_of_capital_beyond_the_cost_is_a_gain():
    made = posted(
        bought(100, 10), trade("c", "buy", "2020-01-07", 10, 20), actions=[action("return_of_capital", amount=12.0)]
    )
    assert held(made) == [("ACME", "b", 100.0, 0.0), ("ACME", "c", 10.0, 80.0)]
    assert [(row[0], row[2], row[4] - row[5]) for row in gains(made)] == [("ACME", "b", 200.0)]
    assert money(made) == [("return_of_capital", 1320.0, "01-08", "01-08")]
    row = only(journal.activity(made, days("2020-01-08")))
    assert (row.consideration, row.income) == (1320.0, 0.0)


def test_a_delisting_closes_at_what_it_pays_and_leaves_the_position_when_it_pays_nothing():
    made = posted(bought(), actions=[action("delisting", amount=1.0)])
    assert held(made) == []
    assert gains(made) == [("ACME", "x", "b", 101.0, 101.0, 1010.0)]
    assert brought(made) == [("delisting", 101.0, 101.0, 0.0, 101.0, 0.0)]
    made = posted(bought(), actions=[action("delisting")])
    assert held(made) == [("ACME", "b", 101.0, 1010.0)]
    assert brought(made) == []


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": "cash_dividend", "amount": 1.0},
        {"kind": "spin_off", **MERGER, "cost_fraction": 0.5},
        {"kind": "merger", **MERGER},
        {"kind": "rights", "numerator": 1, "denominator": 1, "amount": 1.0, "default_choice": "exercise"},
        {"kind": "return_of_capital", "amount": 1.0},
        {"kind": "delisting", "amount": 1.0},
    ],
    ids=lambda terms: terms["kind"],
)
def test_a_back_dated_trade_changes_the_entitlement_and_a_cancelled_action_is_none(terms):
    late = trade("l", "sell", "2020-01-07", 41, 10)
    # FUND sells 41 before the ex date, GONE all of it, KEEPS none.
    gone = [
        trade("g", "buy", "2020-01-06", 101, 10, book="GONE"),
        trade("h", "sell", "2020-01-07", 101, 10, book="GONE"),
    ]
    kept = trade("k", "buy", "2020-01-06", 101, 10, book="KEEPS")
    each = [book(), book("KEEPS"), book("GONE")]
    known = posted(bought(), late, kept, *gone, books=each, actions=[action(**terms)])
    rows = journal.entitlement_table(known, days("2020-01-06", "2020-03-31"))
    assert set(listed(rows, "book", "entitled_quantity")) == {("FUND", 60.0), ("KEEPS", 101.0)}
    cancelled = posted(bought(), late, actions=[action(**terms, status="cancelled")])
    assert brought(cancelled) == []
    assert held(cancelled) == [("ACME", "b", 60.0, 600.0)]


@pytest.mark.parametrize("kind", ["cash_dividend", "return_of_capital"])
@pytest.mark.parametrize("terms", [{"action_id": "x"}, {"trade_date": "2020-01-10"}, {"trade_date": "2020-01-08"}])
def test_a_dividend_transaction_confirms_and_never_adds(kind, terms):
    row = transaction("d", "dividend", "2020-01-13", instrument="ACME", quantity=99) | terms
    made = post(bought(100), row, actions=[action(kind, amount=1.0, pay_date="2020-01-10")])
    assert money(made) == [(kind, 100.0, "01-08", "01-10")]
    assert made.entries["transaction_id"].tolist() == ["b"]


def test_what_a_confirming_dividend_says_stands_beside_what_was_posted_by_then():
    rows = [
        transaction("c", "dividend", "2020-01-10", instrument="ACME", quantity=90, taxes=5, fees=1, action_id="x"),
        transaction("d", "dividend", "2020-01-13", instrument="ACME", quantity=6, action_id="x"),
        transaction("e", "dividend", "2020-01-07", instrument="ACME", quantity=2, action_id="x"),
        transaction("f", "dividend", "2020-01-13", quantity=3, action_id="nothing"),
    ]
    made = post(bought(100), *rows, actions=[action("cash_dividend", amount=1.0, withholding_rate=0.1)])
    found = journal.confirmations(made, days("2020-01-07", "2020-01-13"))
    # Before the ex date of the 8th nothing was posted; an action that nobody knows posts nothing.
    assert listed(found, "instrument", "action_id", "ours", "theirs") == [
        ("ACME", "x", 0.0, 2.0),
        ("ACME", "x", 90.0, 84.0),
        ("ACME", "x", 90.0, 6.0),
        ("CASH:USD", "nothing", 0.0, 3.0),
    ]


def test_a_trade_after_a_confirming_dividend_is_restated_by_the_split_of_its_session():
    # The confirmation falls out of what counts, and the trades after it keep their places.
    confirms = transaction("d", "dividend", "2020-01-06", instrument="ACME", quantity=1, action_id="v")
    saturday = trade("w", "buy", "2020-01-11", 10, 10)
    made = post(confirms, bought(1), saturday, actions=[split("x", "2020-01-13", 2)])
    assert only(journal.activity(made, days("2020-01-13"))).traded_quantity == 20.0


def test_what_cannot_be_posted_fails_the_holders_by_name():
    spin = {"numerator": 1, "denominator": 4, "cost_fraction": 0.2}
    sold = [
        trade("c", "buy", "2020-01-06", 101, 10, book="SOLD"),
        trade("s", "sell", "2020-01-07", 101, 9, book="SOLD"),
    ]
    cases = [
        (action("spin_off", **spin), "its new_instrument is missing"),
        (action("spin_off", **spin, new_instrument="WHO"), "instrument WHO is not known"),
        (action("merger"), "it says neither what is received nor an amount"),
        (action("merger", amount=1.0, currency="EUR"), "it pays EUR for lots in USD, which is not supported"),
        (action("rights", numerator=1, denominator=0, amount=1.0), "its ratio cannot be used"),
        (action("return_of_capital"), "its amount is missing"),
    ]
    for row, reason in cases:
        failed = only(journal.failures(posted(bought(), *sold, books=[book(), book("SOLD")], actions=[row])))
        assert (failed.book, failed.reason) == ("FUND", "corporate action x on ACME: " + reason)
        assert failed.business_date == pd.Timestamp("2020-01-08")
    exercised = action("rights", **RIGHTS | {"amount": None}, default_choice="exercise")
    failed = only(journal.failures(posted(bought(), actions=[exercised])))
    assert failed.reason == "corporate action x on ACME: its subscription price is missing"
    assert journal.failures(posted(bought(), actions=[exercised | {"default_choice": "lapse"}])).empty


def test_books_of_one_pool_are_delivered_what_each_holds():
    shared = {"lot_pool": "strategy", "strategy": "S"}
    made = posted(
        bought(60),
        trade("o", "buy", "2020-01-07", 40, 20, book="B"),
        books=[book(**shared), book("B", **shared)],
        actions=[action("spin_off", numerator=1, denominator=4, new_instrument="KID", cost_fraction=0.25)],
    )
    assert journal.failures(made).empty
    rows = journal.entitlement_table(made, days("2020-01-08"))
    # The pool has 100 units for 1400: a quarter of it, 350, is shared by the units received.
    assert listed(rows, "book", "new_quantity", "moved_cost") == [("B", 10.0, 140.0), ("FUND", 15.0, 210.0)]


def test_books_of_one_pool_fail_together():
    shared = {"lot_pool": "strategy", "strategy": "S"}
    bad = trade("o", "buy", "2020-01-07", 40, book="B")
    made = posted(
        bought(), bad, trade("c", "buy", "2020-01-06", 1, 1, book="B"), books=[book(**shared), book("B", **shared)]
    )
    reason = "transaction o: the price is missing"
    assert dict(listed(journal.failures(made), "book", "reason")) == {
        "B": reason,
        "FUND": "shares lot pool S with B, of which " + reason,
    }


def test_elections_that_have_no_effect_are_named():
    rows = [
        {"action_id": "x", "book": "A", "choice": "exercise", "elected_on": "2020-01-10"},
        {"action_id": "x", "book": "B", "choice": "exercise", "elected_on": "2020-01-13"},
        {"action_id": "x", "book": "C", "choice": "stock", "elected_on": "2020-01-09"},
        {"action_id": "y", "book": "A", "choice": "stock", "elected_on": "2020-01-09"},
    ]
    actions = facts("corporate_actions", action("rights", **RIGHTS), action("merger", amount=1.0) | {"action_id": "y"})
    found = elections.ignored(facts("elections", *rows), actions)
    assert listed(found, "action_id", "book", "reason") == [
        ("x", "B", "elected on 2020-01-13, after the deadline 2020-01-10: it does not count"),
        ("x", "C", "the action does not leave the choice stock"),
        ("y", "A", "the action leaves no choice"),
    ]
    named = quality.ignored_elections(found, days("2020-01-13"))
    assert listed(named, "check", "severity", "book", "instrument", "reason") == [
        ("election_ignored", "warning", "B", "ACME", "action x: " + found["reason"][0])
    ]
