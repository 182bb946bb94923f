"""Which transactions answer each other, and what is a break of the books with a custodian or a broker."""

import pandas as pd
import pytest

from tests.reconciliation.transactions_by_hand import D0, D1, D2, D3, Case, Cases, look

BUY = Case().ours("T1", "buy", D0, 100, 20, fees=5)
PLAIN = Case().ours("T1", "buy", D0, 100, 20)
DIVIDEND = {"business_date": D0, "book": "P", "instrument": "ACME", "action_id": "DIV", "net_amount": 85.0}
DIVIDEND |= {"currency": "USD", "pay_date": D2}
DIFFERENT = {
    "fee": (
        "buy",
        100,
        -2006,
        {},
        "custodian C1 (custodian.csv line 2) has money -2006; the books in T1 (t.csv",
    ),
    "rounding": ("buy", 100, -2005.04, {}, "money -2005.04; the books in T1 (t.csv line 2): money -2005"),
    "price": ("buy", 100, -2105, {"price": 21}, "price 21, money -2105; the books in T1 (t.csv line 2): price 20"),
    "quantity": ("buy", 90, -1805, {}, "quantity 90, money -1805; the books in T1 (t.csv line 2): quantity 100"),
    "units": ("buy", 1, -20.05, {}, "quantity 1, money -20.05"),
    "wrong_sign": (
        "sell",
        100,
        2005,
        {},
        "kind sell, money 2005; the books in T1 (t.csv line 2): kind buy",
    ),
    "settlement_timing": ("buy", 100, -2005, {"settle_date": D3}, "settle_date 2020-01-13; the books in T1"),
}
MORE = BUY.but().theirs("C1", "buy", D0, 100, -2006).reported(D0)
LATE = PLAIN.but().theirs("C1", "buy", D1, 100, -2000, settle_date=D3).reported(D0, D1, D2)
FILLS = PLAIN.but(log=[]).ours("T1", "buy", D0, 300, 20).reported(D0)
BLOCK = Case().theirs("C1", "sell", D0, 300, 6000).reported(D0)
TWO = Case().ours("T1", "buy", D0, 300, 20).ours("T2", "buy", D0, 120, 20).reported(D0)
for number, quantity in enumerate((100, 150, 50)):
    FILLS.theirs(f"C{number}", "buy", D0, quantity, -20 * quantity)
    BLOCK.ours(f"T{number}", "sell", D0, quantity, 20)
for number, quantity in enumerate((100, 150, 50, 70, 50, 9)):
    TWO.theirs(f"C{number}", "buy", D0, quantity, -20 * quantity)
NETTED = Case().ours("T1", "buy", D0, 100, 20).ours("T2", "sell", D0, 40, 21).reported(D0, D2)
NETTED.theirs("C1", "buy", D0, 60, -1160)
BROKERS = Case().reported(D0, D1, kind="confirmation", source="x").reported(D0, kind="confirmation", source="y")
BROKERS.ours("T2", "fee", D0, 5, instrument="")


def three(custodian, broker, ours=100):
    it = Case().reported(D0, D2).reported(D0, kind="confirmation", source="x")
    if ours:
        it.ours("T1", "buy", D0, ours, 20)
    for side, quantity in (("custodian", custodian), ("broker", broker)):
        if quantity:
            it.theirs(side[0].upper() + "1", "buy", D0, quantity, -20 * quantity, side=side)
    return it


SEEN = Cases(
    both=BUY.but().theirs("C1", "buy", D0, 100, -2005).reported(D0),
    unreported=PLAIN,
    failed=PLAIN.but(failures=("P",)).reported(D0),
    lacking=BUY.but().reported(D0, D1, D2, D3),
    answered=BUY.but().reported(D0, D1, D2, D3).theirs("C1", "buy", D0, 100, -2005, on=D3),
    no_report=PLAIN.but().reported(D0, D1, D3),
    torn_report=PLAIN.but().reported(D0, D1).reported(D2, whole=False),
    on_trade_date=PLAIN.but().reported(D0).defined("ours", match_keys="instrument kind trade_date", owner="zoe"),
    unknown=Case().theirs("C1", "sell", D0, 50, 1000).reported(D0),
    twice_there=PLAIN.but().reported(D0).theirs("C1", "buy", D0, 100, -2000).theirs("C2", "buy", D0, 100, -2000),
    twice_here=PLAIN.but().ours("T2", "buy", D0, 100, 20).reported(D0, D2).theirs("C1", "buy", D0, 100, -2000),
    **{
        cause: BUY.but().reported(D0).theirs("C1", kind, D0, quantity, net, **more)
        for cause, (kind, quantity, net, more, _) in DIFFERENT.items()
    },
    fewer=Case().ours("T1", "buy", D0, 100, 19).theirs("C1", "buy", D0, 90, -1710).reported(D0),
    pounds=Case().ours("T1", "buy", D0, 100, 7, instrument="BP", currency="GBP").reported(D0, D2),
    future=Case().ours("T1", "buy", D0, 3, 90, instrument="FUT").reported(D0, D2),
    their_future=Case().theirs("C1", "buy", D0, 3, -1.5, price=90, instrument="FUT").reported(D0),
    within=MORE.but().allowing("net_amount", tolerance_amount=1),
    beyond=MORE.but().allowing("net_amount", tolerance_amount=0.99),
    within_bp=MORE.but().allowing("net_amount", tolerance_amount=0.99, tolerance_bp=0.0100001),
    of_other_book=MORE.but().allowing("net_amount", tolerance_amount=1, book="Q"),
    late=LATE,
    allowed_late=LATE.but().allowing("trade_date", tolerance_days=1).allowing("settle_date", tolerance_days=3),
    fills=FILLS,
    strictly=FILLS.but().defined("strict", "one_to_one"),
    block=BLOCK,
    two_blocks=TWO,
    not_netted=NETTED,
    netted=NETTED.but().defined("netted", "net"),
    echoed=PLAIN.but().ours("T2", "buy", D0, 100, 20).reported(D0).theirs(
        "C1", "buy", D0, 100, -2000, transaction_id="T2"
    ).theirs("C2", "sell", D1, 7, 1, transaction_id="T1", on=D0),
    elsewhere=PLAIN.but().reported(D0, D2).theirs("C1", "buy", D0, 100, -2000, book="Q", on=D2),
    unpaid=Case(entitled=[DIVIDEND]).reported(D0, D2),
    paid=Case(entitled=[DIVIDEND]).reported(D0, D2).theirs("C1", "dividend", D2, None, 85),
    # What confirms the action is no line of its own.
    paid_less=Case(entitled=[DIVIDEND]).reported(D0, D2).theirs("C1", "dividend", D2, None, 70).ours(
        "T1", "dividend", D2, 85, action_id="DIV"
    ),
    charged=Case().ours("T1", "fee", D0, 30, instrument="").reported(D0).theirs(
        "C1", "fee", D0, 30, None, instrument=""
    ),
    charged_more=Case().ours("T1", "fee", D0, 30, instrument="").reported(D0).theirs(
        "C1", "fee", D0, 31, None, instrument=""
    ),
    again=PLAIN.but().reported(D0, D1).theirs("C1", "buy", D0, 100, -1990).theirs("C1", "buy", D0, 100, -2000, on=D2),
    of_broker=BROKERS.but().ours("T1", "buy", D0, 100, 20, counterparty="X"),
    of_nobody=BROKERS.but().ours("T1", "buy", D0, 100, 20, counterparty="somebody"),
    of_any=BROKERS.but().ours("T1", "buy", D0, 100, 20).theirs("B1", "buy", D0, 100, -2000, side="broker"),
    of_other=BROKERS.but().ours("T1", "buy", D0, 100, 20, counterparty="y").theirs(
        "B1", "buy", D0, 100, -2000, side="broker"
    ),
    of_only=PLAIN.but().reported(D0, kind="confirmation", source="x"),
    books_odd=three(100, 100, ours=10),
    custodian_odd=three(10, 100),
    custodian_lacks=three(None, 100),
    all_differ=three(80, 90),
    books_alone=three(None, None),
    books_lack=three(100, 100, ours=None),
    two_rules=BUY.but().theirs("C1", "buy", D0, 100, -2006, settle_date=D3).reported(D0).defined("dates").defined(
        "money"
    ).allowing("settle_date", "dates", tolerance_days=0).allowing("net_amount", "money", tolerance_amount=0.5),
)  # fmt: skip


def test_a_trade_that_both_have_is_matched_and_no_break():
    assert SEEN.answers("both", D0) == dict.fromkeys([("books", "T1"), ("custodian", "C1")], ("one_to_one", "matched"))
    assert SEEN.breaks("both", D0) == []
    assert SEEN.answers("both", D2) == {}  # it was answered the day before


def test_nothing_is_compared_without_a_report_and_of_a_failed_book():
    assert SEEN.answers("unreported", D0) == SEEN.answers("failed", D0) == {}


def test_a_trade_that_the_custodian_lacks_is_a_break_from_its_settlement_date_on():
    assert SEEN.answers("lacking", D0) == {("books", "T1"): ("none", "not_due")}
    assert SEEN.breaks("lacking", D0) == []
    # The custodian has 2,005 more money and 100 shares of 20 less.
    assert SEEN.breaks("lacking", D2) == [("P", "ACME", -2005.0, 0.0, 5.0, "missing_trade", D2, 1)]
    assert SEEN.breaks("lacking", D3) == [("P", "ACME", -2005.0, 0.0, 5.0, "missing_trade", D2, 2)]
    reason = "the books have T1 (t.csv line 2) (buy of 2020-01-08, quantity 100 at 20, money -2005), custodian has not"
    assert SEEN.reasons("lacking", D2) == [reason]
    assert len(SEEN.breaks("answered", D2)) == 1
    assert SEEN.breaks("answered", D3) == []
    assert SEEN.answers("answered", D3)["books", "T1"] == ("one_to_one", "matched")


def test_a_trade_of_a_session_without_a_whole_report_is_not_compared():
    assert SEEN.answers("no_report", D2) == {("books", "T1"): ("none", "not_compared")}
    assert SEEN.breaks("no_report", D3) == SEEN.breaks("torn_report", D2) == []


def test_match_keys_say_by_when_a_line_is_expected():
    assert [row[5:7] for row in SEEN.breaks("on_trade_date", D0)] == [("missing_trade", D0)]
    found = SEEN.found("on_trade_date", D0).iloc[0]
    assert (found["reconciliation"], found["owner"]) == ("ours", "zoe")


def test_a_trade_that_the_books_lack_is_a_break_at_once():
    assert SEEN.breaks("unknown", D0) == [("P", "ACME", 0.0, 1000.0, 0.0, "missing_trade", D0, 1)]
    (reason,) = SEEN.reasons("unknown", D0)
    assert "custodian has C1 (custodian.csv line 2) (sell of 2020-01-08, quantity 50, money 1000)" in reason


def test_what_is_booked_twice_is_told_on_the_side_that_did():
    assert [row[2:6] for row in SEEN.breaks("twice_there", D0)] == [(0.0, -2000.0, 0.0, "doubled_trade")]
    assert "which is the same as C1: booked twice" in SEEN.reasons("twice_there", D0)[0]
    assert [row[2:6] for row in SEEN.breaks("twice_here", D2)] == [(-2000.0, 0.0, 0.0, "doubled_trade")]
    assert "the books have T2" in SEEN.reasons("twice_here", D2)[0]


@pytest.mark.parametrize("cause", DIFFERENT)
def test_what_differs_is_told_with_its_likely_cause(cause):
    _, _, net, _, told = DIFFERENT[cause]
    (found,) = SEEN.breaks(cause, D0)
    assert found[2:4] == (-2005.0, net)
    assert found[5:] == (cause, D0, 1)
    assert told in SEEN.reasons(cause, D0)[0]
    kind = "one_to_one" if cause == "settlement_timing" else "partial"
    assert SEEN.answers(cause, D0)["custodian", "C1"] == (kind, "differs")


def test_the_effect_on_nav_is_what_the_other_side_has_more_of_money_and_units():
    assert SEEN.breaks("fewer", D0)[0][4] == 190 - 10 * 20
    assert SEEN.breaks("pounds", D2)[0][4] == (700 - 100 * 8) * 1.25
    # Bought at 90 a point of 50 dollars: the margin of 10 points is what NAV lacks there.
    assert SEEN.breaks("future", D2)[0][4] == -3 * 50 * 10
    assert SEEN.breaks("their_future", D0)[0][4] == 3 * 50 * 10 - 1.5


def test_a_tolerance_allows_what_it_says_and_no_more():
    assert SEEN.breaks("within", D0) == SEEN.breaks("within_bp", D0) == []
    assert len(SEEN.breaks("beyond", D0)) == len(SEEN.breaks("of_other_book", D0)) == 1
    assert SEEN.breaks("late", D2)[0][5] == "settlement_timing"
    assert SEEN.breaks("allowed_late", D2) == []


def test_a_block_is_answered_by_its_fills_and_fills_by_their_block():
    assert SEEN.breaks("fills", D0) == SEEN.breaks("block", D0) == []
    assert set(SEEN.answers("fills", D0).values()) == {("one_to_many", "matched")}
    assert SEEN.matches("fills", D0)["match_id"].nunique() == 1
    assert len(SEEN.breaks("strictly", D0)) == 1


def test_blocks_of_one_day_find_their_own_fills():
    assert [row[2:4] for row in SEEN.breaks("two_blocks", D0)] == [(0.0, -180.0)]
    assert SEEN.answers("two_blocks", D0)["custodian", "C5"] == ("none", "unanswered")


def test_netted_trades_are_answered_where_the_definition_says_so():
    assert SEEN.breaks("not_netted", D2) != []
    assert SEEN.breaks("netted", D2) == []
    assert set(SEEN.answers("netted", D0).values()) == {("net", "matched")}


def test_an_id_that_is_echoed_goes_before_everything_else():
    match = SEEN.matches("echoed", D0).set_index("reference")["match_id"]
    assert match["C1"] == match["T2"] != match["T1"] == match["C2"]
    assert SEEN.breaks("echoed", D0)[0][5] == "wrong_sign"


def test_a_line_in_another_book_is_named():
    found = [(row[0], row[5]) for row in SEEN.breaks("elsewhere", D2)]
    assert found == [("P", "wrong_account"), ("Q", "wrong_account")]
    here, there = SEEN.reasons("elsewhere", D2)
    assert "in another book: Q, C1 (custodian.csv line 2)" in here
    assert "in another book: P, T1 (t.csv line 2)" in there


def test_a_dividend_that_an_action_pays_is_answered_by_its_payment():
    assert SEEN.breaks("unpaid", D2) == [("P", "ACME", 85.0, 0.0, -85.0, "dividend", D2, 1)]
    assert SEEN.breaks("paid", D2) == []
    assert SEEN.breaks("paid_less", D2) == [("P", "ACME", 85.0, 70.0, -15.0, "withholding", D2, 1)]


def test_money_without_an_instrument_is_found_in_its_cash_row():
    assert SEEN.breaks("charged", D0) == []
    assert SEEN.breaks("charged_more", D0) == [("P", "CASH:USD", -30.0, -31.0, -1.0, "fee", D0, 1)]


def test_a_reference_that_comes_again_is_the_same_transaction():
    assert len(SEEN.breaks("again", D0)) == 1
    assert SEEN.breaks("again", D2) == []


def test_a_confirmation_is_due_on_the_trade_date_from_the_broker_that_the_trade_names():
    assert [row[2:6] for row in SEEN.breaks("of_broker", D0)] == [(-2000.0, 0.0, 0.0, "missing_trade")]
    assert SEEN.found("of_broker", D0)["source"].tolist() == ["x"]
    assert SEEN.breaks("of_nobody", D0) == []  # with two brokers it is nobody's
    assert SEEN.answers("of_any", D0)["books", "T1"] == ("one_to_one", "matched")
    assert SEEN.breaks("of_other", D0)[0][2:4] == (-2000.0, -2000.0)
    assert len(SEEN.breaks("of_only", D0)) == 1


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("books_odd", "broker agrees with custodian: the books are the odd one out"),
        ("custodian_odd", "broker agrees with the books: custodian is the odd one out"),
        ("custodian_lacks", "broker agrees with the books: custodian is the odd one out"),
        ("all_differ", "broker has quantity 90"),
        ("books_alone", "broker has not got it either"),
        ("books_lack", "broker has it too (B1): the books are the odd one out"),
    ],
)
def test_of_three_parties_the_odd_one_out_is_told(case, told):
    assert told in SEEN.reasons(case, D2)[0]


def test_two_definitions_of_one_feed_share_a_key_and_both_are_told():
    (reason,) = SEEN.reasons("two_rules", D0)
    assert "settle_date 2020-01-13" in reason
    assert "money -2006" in reason
    assert set(SEEN.matches("two_rules", D0)["reconciliation"]) == {"dates", "money"}


def test_the_order_of_arrival_changes_nothing():
    SEEN.breaks("both", D2)
    turned = look(D2, SEEN.cases.values(), slice(None, None, -1))
    pd.testing.assert_frame_equal(SEEN.seen[D2].matches, turned.matches)
    pd.testing.assert_frame_equal(SEEN.seen[D2].breaks, turned.breaks)
