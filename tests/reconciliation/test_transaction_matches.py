"""Which transactions answer each other, and what is a break of the books with a custodian or a broker."""

import pandas as pd
import pytest

from tests.reconciliation.transactions_by_hand import D0, D1, D2, D3, D4, Firm


def test_a_trade_that_both_have_is_matched_and_no_break():
    it = Firm().ours("T1", "buy", D0, 100, 20, fees=5).theirs("C1", "buy", D0, 100, -2005).reported(D0)
    assert it.answers(D0) == {
        ("books", "T1"): ("one_to_one", "matched"),
        ("custodian", "C1"): ("one_to_one", "matched"),
    }
    assert it.breaks(D0) == []
    assert it.answers(D1) == {}  # it was answered the day before


def test_nothing_is_compared_without_a_report_and_of_a_failed_book():
    it = Firm().ours("T1", "buy", D0, 100, 20)
    assert it.answers(D0) == {}
    it.reported(D0)
    it.failures = ("P",)
    assert it.answers(D0) == {}


def test_a_trade_that_the_custodian_lacks_is_a_break_from_its_settlement_date_on():
    it = Firm().ours("T1", "buy", D0, 100, 20, fees=5).reported(D0, D1, D2, D3)
    assert it.answers(D1) == {("books", "T1"): ("none", "not_due")}
    # The custodian has 2,005 more money and 100 shares of 20 less.
    assert it.breaks(D2) == [("P", "ACME", -2005.0, 0.0, 5.0, "missing_trade", D2, 1)]
    reason = "the books have T1 (t.csv line 2) (buy of 2020-01-08, quantity 100 at 20, money -2005), custodian has not"
    assert it.told() == [reason]
    assert it.breaks(D3) == [("P", "ACME", -2005.0, 0.0, 5.0, "missing_trade", D2, 2)]
    it.theirs("C1", "buy", D0, 100, -2005, on=D4).reported(D4)
    assert it.answers(D4)["books", "T1"] == ("one_to_one", "matched")


def test_a_trade_of_a_session_without_a_whole_report_is_not_compared():
    it = Firm().ours("T1", "buy", D0, 100, 20).reported(D0, D1, D3)
    assert it.answers(D2) == {("books", "T1"): ("none", "not_compared")}
    assert it.breaks(D3) == []
    it = Firm().ours("T1", "buy", D0, 100, 20).reported(D0, D1).reported(D2, whole=False)
    assert it.breaks(D2) == []


def test_match_keys_say_by_when_a_line_is_expected():
    it = Firm().ours("T1", "buy", D0, 100, 20).reported(D0)
    rule = {"reconciliation": "ours", "theirs_table": "custodian_transactions", "grouping": "one_to_many"}
    it.reconciliations = [{**rule, "match_keys": "instrument kind trade_date", "owner": "zoe"}]
    assert [row[5:7] for row in it.breaks(D0)] == [("missing_trade", D0)]
    found = it.matched(D0).breaks.iloc[0]
    assert (found["reconciliation"], found["owner"]) == ("ours", "zoe")


def test_a_trade_that_the_books_lack_is_a_break_at_once():
    it = Firm().theirs("C1", "sell", D0, 50, 1000).reported(D0)
    assert it.breaks(D0) == [("P", "ACME", 0.0, 1000.0, 0.0, "missing_trade", D0, 1)]
    assert "custodian has C1 (custodian.csv line 2) (sell of 2020-01-08, quantity 50, money 1000)" in it.told()[0]


def test_what_is_booked_twice_is_told_on_the_side_that_did():
    it = Firm().ours("T1", "buy", D0, 100, 20).reported(D0, D2)
    it.theirs("C1", "buy", D0, 100, -2000).theirs("C2", "buy", D0, 100, -2000)
    assert [row[2:6] for row in it.breaks(D0)] == [(0.0, -2000.0, 0.0, "doubled_trade")]
    assert "which is the same as C1: booked twice" in it.told()[0]
    it = Firm().ours("T1", "buy", D0, 100, 20).ours("T2", "buy", D0, 100, 20).reported(D0, D2)
    it.theirs("C1", "buy", D0, 100, -2000)
    assert [row[2:6] for row in it.breaks(D2)] == [(-2000.0, 0.0, 0.0, "doubled_trade")]
    assert "T2" in it.told()[0]


@pytest.mark.parametrize(
    ("kind", "quantity", "net", "more", "cause", "told"),
    [
        ("buy", 100, -2006, {}, "fee", "money -2006; the books in T1 (t.csv line 2): money -2005"),
        ("buy", 100, -2005.04, {}, "rounding", "money -2005.04"),
        ("buy", 100, -2105, {"price": 21}, "price", "price 21, money -2105; the books in T1 (t.csv line 2): price 20"),
        ("buy", 90, -1805, {}, "quantity", "quantity 90, money -1805; the books in T1 (t.csv line 2): quantity 100"),
        ("buy", 10, -205, {}, "units", "quantity 10"),
        (
            "sell",
            100,
            2005,
            {},
            "wrong_sign",
            "kind sell, money 2005; the books in T1 (t.csv line 2): kind buy",
        ),
        ("buy", 100, -2005, {"settle_date": D3}, "settlement_timing", "settle_date 2020-01-13; the books in T1"),
    ],
)
def test_what_differs_is_told_with_its_likely_cause(kind, quantity, net, more, cause, told):
    it = Firm().ours("T1", "buy", D0, 100, 20, fees=5).reported(D0)
    it.theirs("C1", kind, D0, quantity, net, **more)
    (found,) = it.breaks(D0)
    assert found[2:4] == (-2005.0, net)
    assert found[5:] == (cause, D0, 1)
    assert told in it.told()[0]
    assert it.answers(D0)["custodian", "C1"] == ("one_to_one" if "settle_date" in more else "partial", "differs")


def test_the_effect_on_nav_is_what_the_other_side_has_more_of_money_and_units():
    it = Firm().ours("T1", "buy", D0, 100, 19).theirs("C1", "buy", D0, 90, -1710).reported(D0)
    assert it.breaks(D0)[0][4] == 190 - 10 * 20
    it = Firm().ours("T1", "buy", D0, 100, 7, instrument="BP", currency="GBP").reported(D0, D2)
    assert it.breaks(D2)[0][4] == (700 - 100 * 8) * 1.25
    # Bought at 90 a point of 50 dollars: the margin of 10 points is what NAV lacks there.
    it = Firm().ours("T1", "buy", D0, 3, 90, instrument="FUT").reported(D0, D2)
    assert it.breaks(D2)[0][4] == -3 * 50 * 10
    it = Firm().theirs("C1", "buy", D0, 3, -1.5, price=90, instrument="FUT").reported(D0)
    assert it.breaks(D0)[0][4] == 3 * 50 * 10 - 1.5


def test_a_tolerance_allows_what_it_says_and_no_more():
    it = Firm().ours("T1", "buy", D0, 100, 20, fees=5).theirs("C1", "buy", D0, 100, -2006).reported(D0)
    it.tolerances = [
        {"reconciliation": "custodian_transactions", "compared_field": "net_amount", "tolerance_amount": 1}
    ]
    assert it.breaks(D0) == []
    it.tolerances[0]["tolerance_amount"] = 0.99
    assert len(it.breaks(D0)) == 1
    it.tolerances[0] |= {"tolerance_bp": 0.0100001, "book": "P"}  # of a million
    assert it.breaks(D0) == []
    it.tolerances[0] |= {"book": "Q"}
    assert len(it.breaks(D0)) == 1
    late = Firm().ours("T1", "buy", D0, 100, 20).theirs("C1", "buy", D1, 100, -2000, settle_date=D3).reported(D0, D1)
    assert late.breaks(D1)[0][5] == "settlement_timing"
    late.tolerances = [
        {"reconciliation": "custodian_transactions", "compared_field": name, "tolerance_days": 3}
        for name in ("trade_date", "settle_date")
    ]
    assert late.breaks(D1) == []


def test_a_block_is_answered_by_its_fills_and_fills_by_their_block():
    it = Firm().ours("T1", "buy", D0, 300, 20).reported(D0)
    for name, quantity in (("C1", 100), ("C2", 150), ("C3", 50)):
        it.theirs(name, "buy", D0, quantity, -20 * quantity)
    assert it.breaks(D0) == []
    assert set(it.answers(D0).values()) == {("one_to_many", "matched")}
    assert len(set(it.matched(D0).matches["match_id"])) == 1
    it.reconciliations = [
        {"reconciliation": "strict", "theirs_table": "custodian_transactions", "grouping": "one_to_one"}
    ]
    assert len(it.breaks(D0)) == 1
    it = Firm().theirs("C1", "sell", D0, 300, 6000).reported(D0)
    for name, quantity in (("T1", 100), ("T2", 150), ("T3", 50)):
        it.ours(name, "sell", D0, quantity, 20)
    assert it.breaks(D0) == []


def test_blocks_of_one_day_find_their_own_fills():
    it = Firm().ours("T1", "buy", D0, 300, 20).ours("T2", "buy", D0, 120, 20).reported(D0)
    for number, quantity in enumerate((100, 150, 50, 70, 50, 9)):
        it.theirs(f"C{number}", "buy", D0, quantity, -20 * quantity)
    assert [row[2:4] for row in it.breaks(D0)] == [(0.0, -180.0)]
    assert it.answers(D0)["custodian", "C5"] == ("none", "unanswered")


def test_netted_trades_are_answered_where_the_definition_says_so():
    it = Firm().ours("T1", "buy", D0, 100, 20).ours("T2", "sell", D0, 40, 21).reported(D0, D2)
    it.theirs("C1", "buy", D0, 60, -1160)
    assert it.breaks(D2) != []
    it.reconciliations = [{"reconciliation": "netted", "theirs_table": "custodian_transactions", "grouping": "net"}]
    assert it.breaks(D2) == []
    assert set(it.answers(D0).values()) == {("net", "matched")}


def test_an_id_that_is_echoed_goes_before_everything_else():
    it = Firm().ours("T1", "buy", D0, 100, 20).ours("T2", "buy", D0, 100, 20).reported(D0)
    it.theirs("C1", "buy", D0, 100, -2000, transaction_id="T2").theirs(
        "C2", "sell", D1, 7, 1, transaction_id="T1", on=D0
    )
    rows = it.matched(D0).matches.set_index("reference")["match_id"]
    assert rows["C1"] == rows["T2"] != rows["T1"] == rows["C2"]
    assert it.breaks(D0)[0][5] == "wrong_sign"


def test_a_line_in_another_book_is_named():
    it = Firm().ours("T1", "buy", D0, 100, 20).reported(D0, D2).theirs("C1", "buy", D0, 100, -2000, book="Q", on=D2)
    assert [(row[0], row[5]) for row in it.breaks(D2)] == [("P", "wrong_account"), ("Q", "wrong_account")]
    assert "in another book: Q, C1 (custodian.csv line 2)" in it.told()[0]
    assert "in another book: P, T1 (t.csv line 2)" in it.told()[1]


def test_a_dividend_that_an_action_pays_is_answered_by_its_payment():
    paid = {"business_date": D0, "book": "P", "instrument": "ACME", "action_id": "DIV", "net_amount": 85.0}
    it = Firm(entitled=[{**paid, "currency": "USD", "pay_date": D2}]).reported(D0, D2)
    assert it.breaks(D2) == [("P", "ACME", 85.0, 0.0, -85.0, "dividend", D2, 1)]
    it.theirs("C1", "dividend", D2, None, 85)
    assert it.breaks(D2) == []
    it.custodian[0]["net_amount"] = 70
    assert it.breaks(D2) == [("P", "ACME", 85.0, 70.0, -15.0, "withholding", D2, 1)]
    # What confirms the action is no line of its own.
    it.ours("T1", "dividend", D2, 85, action_id="DIV")
    assert [row[2:4] for row in it.breaks(D2)] == [(85.0, 70.0)]


def test_money_without_an_instrument_is_found_in_its_cash_row():
    it = Firm().ours("T1", "fee", D0, 30, instrument="").theirs("C1", "fee", D0, 30, None, instrument="").reported(D0)
    assert it.breaks(D0) == []
    it.custodian[0]["quantity"] = 31
    assert it.breaks(D0) == [("P", "CASH:USD", -30.0, -31.0, -1.0, "fee", D0, 1)]


def test_a_reference_that_comes_again_is_the_same_transaction():
    it = Firm().ours("T1", "buy", D0, 100, 20).theirs("C1", "buy", D0, 100, -1990).reported(D0, D1)
    assert len(it.breaks(D0)) == 1
    it.theirs("C1", "buy", D0, 100, -2000, on=D1)
    assert it.breaks(D1) == []


def test_a_confirmation_is_due_on_the_trade_date_from_the_broker_that_the_trade_names():
    it = Firm().reported(D0, D1, kind="confirmation", source="x").reported(D0, kind="confirmation", source="y")
    it.ours("T1", "buy", D0, 100, 20, counterparty="X").ours("T2", "fee", D0, 5, instrument="")
    assert [row[2:6] for row in it.breaks(D0)] == [(-2000.0, 0.0, 0.0, "missing_trade")]
    assert it.matched(D0).breaks["source"].tolist() == ["x"]
    it.log[0]["counterparty"] = "somebody"  # with two brokers it is nobody's
    assert it.breaks(D0) == []
    it.theirs("B1", "buy", D0, 100, -2000, side="broker")
    assert it.answers(D0)["books", "T1"] == ("one_to_one", "matched")
    it.log[0]["counterparty"] = "y"
    assert it.breaks(D0)[0][2:4] == (-2000.0, -2000.0)
    alone = Firm().reported(D0, kind="confirmation", source="x").ours("T1", "buy", D0, 100, 20)
    assert len(alone.breaks(D0)) == 1


def test_of_three_parties_the_odd_one_out_is_told():
    def three(custodian, broker, ours=100):
        it = Firm().reported(D0, D2).reported(D0, kind="confirmation", source="x")
        if ours:
            it.ours("T1", "buy", D0, ours, 20)
        for side, quantity in (("custodian", custodian), ("broker", broker)):
            if quantity:
                it.theirs(side[0].upper() + "1", "buy", D0, quantity, -20 * quantity, side=side)
        it.breaks(D2)
        return it.told()[0]

    assert "broker agrees with custodian: the books are the odd one out" in three(100, 100, ours=10)
    assert "broker agrees with the books: custodian is the odd one out" in three(10, 100)
    assert "broker agrees with the books: custodian is the odd one out" in three(None, 100)
    assert "broker has quantity 90" in three(80, 90)
    assert "broker has not got it either" in three(None, None)
    assert "broker has it too (B1): the books are the odd one out" in three(100, 100, ours=None)


def test_neither_the_order_of_arrival_nor_other_books_change_anything():
    it = Firm().reported(D0, D1, D2)
    for number in range(6):
        it.ours(f"T{number}", "buy", D0, 100 + number % 3, 20, fees=number % 2)
        it.theirs(f"C{number}", "buy", D0, 100 + number % 2, -2000 - 20 * (number % 2), on=D1)
    found = it.matched(D2)
    turned = it.matched(D2, slice(None, None, -1))
    pd.testing.assert_frame_equal(found.matches, turned.matches)
    # The reason names a line of a file, which is another one; what is said of the lines is the same.
    pd.testing.assert_frame_equal(found.breaks, turned.breaks)
    it.ours("Q1", "buy", D0, 100, 20, book="Q").theirs("Q7", "sell", D0, 3, 60, book="Q")
    more = it.matched(D2)
    pd.testing.assert_frame_equal(more.breaks[more.breaks["book"] == "P"].reset_index(drop=True), found.breaks)


def test_two_definitions_of_one_feed_share_a_key_and_both_are_told():
    it = Firm().ours("T1", "buy", D0, 100, 20, fees=5).theirs("C1", "buy", D0, 100, -2006, settle_date=D3).reported(D0)
    it.reconciliations = [
        {"reconciliation": name, "theirs_table": "custodian_transactions", "grouping": "one_to_many"}
        for name in ("dates", "money")
    ]
    it.tolerances = [
        {"reconciliation": "dates", "compared_field": "settle_date", "tolerance_days": 0},
        {"reconciliation": "money", "compared_field": "net_amount", "tolerance_amount": 0.5},
    ]
    assert len(it.breaks(D0)) == 1
    (reason,) = it.told()
    assert "settle_date 2020-01-13" in reason
    assert "money -2006" in reason
    assert set(it.matched(D0).matches["reconciliation"]) == {"dates", "money"}
