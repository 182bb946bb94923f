import pandas as pd
import pytest
from ledger_facts import balances, book, days, facts, listed, only, post, rate, security, trade, transaction

from daybook.ledger import journal, lots, positions
from daybook.ledger import transactions as log


def live(*rows):
    return listed(log.live(facts("transactions", *rows)), "transaction_id", "quantity")


def known(minute):
    return f"2020-01-06 10:{minute:02}"


def test_a_cancelled_transaction_and_its_cancel_do_not_count():
    rows = [trade("A", "buy", "2020-01-06", 10, 1), trade("B", "buy", "2020-01-06", 20, 1)]
    assert live(*rows, transaction("C", "cancel", "2020-01-06", corrects="A")) == [("B", 20)]


def test_a_correction_of_a_correction_replaces_the_whole_chain():
    rows = [
        trade("C", "buy", "2020-01-06", 30, 1, corrects="B", known_at=known(1)),
        trade("A", "buy", "2020-01-06", 10, 1, known_at=known(2)),
        trade("B", "buy", "2020-01-06", 20, 1, corrects="A", known_at=known(3)),
    ]
    assert live(*rows) == [("C", 30)]


def test_a_cancelled_correction_leaves_nothing():
    rows = [trade("A", "buy", "2020-01-06", 10, 1), trade("B", "buy", "2020-01-06", 20, 1, corrects="A")]
    assert live(*rows, transaction("C", "cancel", "2020-01-06", corrects="B")) == []


def test_a_cancelled_cancel_has_no_effect():
    rows = [
        trade("A", "buy", "2020-01-06", 10, 1),
        transaction("C", "cancel", "2020-01-06", corrects="A"),
        transaction("D", "cancel", "2020-01-06", corrects="C"),
    ]
    assert live(*rows) == [("A", 10)]
    assert live(*rows, transaction("E", "cancel", "2020-01-06", corrects="D")) == []


def test_of_two_corrections_the_last_known_counts_with_what_corrects_it():
    rows = [
        trade("A", "buy", "2020-01-06", 10, 1),
        trade("late", "buy", "2020-01-06", 20, 1, corrects="A", known_at=known(9)),
        trade("early", "buy", "2020-01-06", 30, 1, corrects="A", known_at=known(1)),
        trade("of early", "buy", "2020-01-06", 40, 1, corrects="early", known_at=known(10)),
    ]
    assert live(*rows) == [("late", 20)]


def test_a_row_may_correct_its_own_id():
    rows = [
        trade("A", "buy", "2020-01-06", 10, 1, known_at=known(1)),
        trade("A", "buy", "2020-01-06", 15, 1, corrects="A", known_at=known(2)),
    ]
    assert live(*rows) == [("A", 15)]


def test_lots_follow_a_cancel_and_a_back_dated_trade():
    rows = [
        trade("b1", "buy", "2020-01-06", 10, 10),
        trade("b2", "buy", "2020-01-08", 10, 20),
        trade("s", "sell", "2020-01-09", 10, 30),
    ]
    day = days("2020-01-09")
    assert listed(lots.realised(post(*rows), day), "lot", "gain") == [("b1", 200.0)]
    cancelled = [*rows, transaction("c", "cancel", "2020-01-10", corrects="b1")]
    assert listed(lots.realised(post(*cancelled), day), "lot", "gain") == [("b2", 100.0)]
    back_dated = [*rows, trade("z", "buy", "2020-01-03", 4, 5)]
    assert listed(lots.realised(post(*back_dated), day), "lot", "gain") == [("b1", 120.0), ("z", 100.0)]
    assert listed(lots.lots(post(*back_dated), day), "lot", "quantity", "cost") == [
        ("b1", 4.0, 40.0),
        ("b2", 10.0, 200.0),
    ]


def test_the_order_within_a_day():
    # executed first, then those without a time: purchases, then sales, by id; never the order of the rows.
    at = "2020-01-06 15:00"
    rows = [
        trade("a sale", "sell", "2020-01-06", 1, 50),
        trade("z buy", "buy", "2020-01-06", 1, 20),
        trade("b buy", "buy", "2020-01-06", 1, 10),
        trade("timed", "buy", "2020-01-06", 1, 40, executed_at=at),
    ]
    for order in (rows, rows[::-1]):
        realised = lots.realised(post(*order), days("2020-01-06"))
        assert listed(realised, "transaction_id", "lot", "gain") == [("a sale", "timed", 10.0)]


def test_without_times_purchases_and_transfers_in_come_before_sales():
    rows = [
        trade("a sale", "sell", "2020-01-06", 1, 50),
        trade("b buy", "buy", "2020-01-06", 1, 20),
        trade("a transfer out", "transfer_out", "2020-01-06", 1),
        trade("c transfer in", "transfer_in", "2020-01-06", 1, cost=30),
    ]
    made = post(*rows, books=[book(shorts=False)])
    assert journal.failures(made).empty
    realised = lots.realised(made, days("2020-01-06"))
    assert listed(realised, "transaction_id", "lot", "gain") == [("a sale", "b buy", 30.0)]
    assert lots.lots(made, days("2020-01-06")).empty


def test_an_earlier_execution_may_sell_short_first():
    rows = [
        trade("sale", "sell", "2020-01-06", 1, 50, executed_at="2020-01-06 15:00"),
        trade("buy", "buy", "2020-01-06", 1, 40, executed_at="2020-01-06 16:00"),
    ]
    assert listed(lots.realised(post(*rows), days("2020-01-06")), "transaction_id", "lot", "gain") == [
        ("buy", "sale", 10.0)
    ]


def test_the_amount_of_each_kind():
    rows = [
        transaction("1", "deposit", "2020-01-06", quantity=1000),
        transaction("2", "withdrawal", "2020-01-06", quantity=100),
        transaction("3", "subscription", "2020-01-06", quantity=10),
        transaction("4", "redemption", "2020-01-06", quantity=20),
        transaction("5", "interest", "2020-01-06", quantity=7, instrument="ACME"),
        transaction("6", "interest", "2020-01-06", quantity=-2),
        transaction("7", "dividend", "2020-01-06", quantity=5, taxes=1),
        transaction("8", "dividend", "2020-01-06", quantity=6, instrument="ACME"),
        transaction("9", "fee", "2020-01-06", quantity=3),
        transaction("10", "fee", "2020-01-06", quantity=-1),
        transaction("11", "tax", "2020-01-06", quantity=4),
        trade("12", "buy", "2020-01-06", 10, "1.5", fees="0.25", taxes="0.05"),
        trade("13", "sell", "2020-01-06", 4, 2, fees="0.5", taxes="0.1"),
    ]
    of = journal.activity(post(*rows), days("2020-01-06"))
    money = only(of, instrument="CASH:USD")
    assert (money.external, money.income, money.fees, money.fee_kind) == (890.0, 9.0, -6.0, -2.0)
    assert money.inflow == 1010.0
    share = only(of, instrument="ACME")
    assert (share.traded_quantity, share.consideration, share.fees, share.income) == (6.0, -7.0, -0.9, 6.0)
    balance = only(balances(post(*rows), days("2020-01-06")), currency="USD")
    assert balance.balance == pytest.approx(890 + 9 - 6 - 7 - 0.9 + 6, abs=1e-9)


def test_a_currency_trade_moves_both_currencies():
    row = transaction(
        "x", "fx", "2020-01-06", instrument="CASH:EUR", quantity=100, price="1.10", fees="0.2", settle_date="2020-01-08"
    )
    made = post(row)
    bought = only(journal.activity(made, days("2020-01-06")), instrument="CASH:EUR")
    assert (bought.currency, bought.traded_quantity, bought.consideration, bought.fees) == ("USD", 100.0, -110.0, -0.2)
    frame = balances(made, days("2020-01-06", "2020-01-08"))
    assert listed(frame, "currency", "settled", "unsettled", "balance") == [
        ("EUR", 0.0, 100.0, 100.0), ("USD", 0.0, -110.2, -110.2),
        ("EUR", 0.0, 100.0, 100.0), ("USD", 0.0, -110.2, -110.2),
        ("EUR", 100.0, 0.0, 100.0), ("USD", -110.2, 0.0, -110.2),
    ]  # fmt: skip


def test_a_bond_is_priced_per_hundred_and_bought_with_accrued_interest():
    bond = security("BOND", asset_class="bond", multiplier=1.0)
    row = trade("b", "buy", "2020-01-06", 5000, "99.5", instrument="BOND", accrued_interest="12.25", fees=1)
    lot = only(lots.lots(post(row, instruments=[bond]), days("2020-01-06")))
    assert lot.cost == 5000 * 0.995 + 12.25 + 1


def test_a_multiplier_is_money_per_point():
    option = security("CALL", asset_class="option", multiplier=100.0)
    row = trade("o", "buy", "2020-01-06", 3, "1.2", instrument="CALL", fees=2)
    assert only(lots.lots(post(row, instruments=[option]), days("2020-01-06"))).cost == 362.0


def test_terms_are_those_in_force_on_the_trade_date():
    terms = [security("CALL", multiplier=100.0), security("CALL", multiplier=10.0, valid_from="2020-01-07")]
    rows = [
        trade("1", "buy", "2020-01-06", 1, 2, instrument="CALL"),
        trade("2", "buy", "2020-01-07", 1, 2, instrument="CALL"),
    ]
    assert lots.lots(post(*rows, instruments=terms), days("2020-01-07"))["cost"].tolist() == [200.0, 20.0]


def test_an_amount_is_rounded_once():
    row = trade("b", "buy", "2020-01-06", "0.5", "0.000001", accrued_interest="0.000001")
    assert only(lots.lots(post(row), days("2020-01-06"))).cost == 0.000002


def test_settlement_across_the_change_of_the_cycle():
    # Friday 2017-09-01 is T+3 and Tuesday 2017-09-05 T+2: with Labor Day between, both settle on Thursday.
    rows = [trade("b", "buy", "2017-09-01", 100, 10), trade("s", "sell", "2017-09-05", 40, 11)]
    frame = balances(post(*rows), days("2017-09-01", "2017-09-07"))
    assert listed(frame, "settled", "unsettled", "balance") == [
        (0.0, -1000.0, -1000.0), (0.0, -560.0, -560.0), (0.0, -560.0, -560.0), (-560.0, 0.0, -560.0),
    ]  # fmt: skip


def test_a_stated_settlement_date_goes_before_the_cycle():
    made = post(trade("b", "buy", "2020-01-06", 1, 10, settle_date="2020-01-07"))
    assert balances(made, days("2020-01-06", "2020-01-07"))["settled"].tolist() == [0.0, -10.0]


def test_another_market_settles_two_of_its_own_sessions_later():
    # London was closed on 2020-05-08 and New York was not.
    made = post(trade("b", "buy", "2020-05-07", 1, 10), instruments=[security(exchange="XLON")])
    assert balances(made, days("2020-05-07", "2020-05-12"))["settled"].tolist() == [0.0, 0.0, 0.0, -10.0]


def test_a_flow_on_a_holiday_is_booked_on_the_next_session():
    made = post(transaction("d", "deposit", "2020-01-20", quantity=5))
    assert balances(made, days("2020-01-17", "2020-01-21"))["business_date"].tolist() == [pd.Timestamp("2020-01-21")]


def test_a_trade_on_a_holiday_of_the_book_keeps_its_date_in_the_lot():
    made = post(trade("b", "buy", "2020-01-20", 1, 10), instruments=[security(exchange="XLON")])
    lot = only(lots.lots(made, days("2020-01-17", "2020-01-21")))
    assert (lot.business_date, lot.opened_on) == (pd.Timestamp("2020-01-21"), pd.Timestamp("2020-01-20"))


def test_a_book_has_rows_on_its_own_calendar_alone():
    made = post(transaction("d", "deposit", "2020-01-17", quantity=5), books=[book(calendar="XLON")])
    sessions = pd.DatetimeIndex(["2020-01-17", "2020-01-20", "2020-01-21", "2020-05-08"]).as_unit("us")
    dates = balances(made, sessions)["business_date"].dt.strftime("%m-%d").tolist()
    assert dates == ["01-17", "01-20", "01-21"]


def test_cost_in_base_currency_is_at_the_rate_of_the_trade():
    euro = security("VOW", currency="EUR")
    rows = [
        trade("b1", "buy", "2020-01-06", 10, 100, instrument="VOW", currency="EUR", fx_rate="1.5"),
        trade("b2", "buy", "2020-01-07", 10, 100, instrument="VOW", currency="EUR"),
    ]
    made = post(*rows, instruments=[euro], rates=[rate("2020-01-07", "USD", "EUR", 0.8)])
    assert listed(lots.lots(made, days("2020-01-07")), "lot", "cost", "cost_base") == [
        ("b1", 1000.0, 1500.0),
        ("b2", 1000.0, 1250.0),
    ]


FAILING = {
    "kind gift is not known": trade("x", "gift", "2020-01-07", 1),
    "closes more ACME than the book holds": trade("x", "expiry", "2020-01-07", 11),
    "book NONE is not known": trade("x", "buy", "2020-01-07", 1, 1, book="NONE"),
    "instrument OTHER is not known": trade("x", "buy", "2020-01-07", 1, 1, instrument="OTHER"),
    "the currency is missing": transaction("x", "deposit", "2020-01-07", quantity=1, currency=""),
    "the quantity is missing": trade("x", "buy", "2020-01-07", None, 1),
    "the price is missing": trade("x", "sell", "2020-01-07", 1),
    "the quantity must be positive": trade("x", "buy", "2020-01-07", -1, 1),
    "no cost is given, and no price to value it at": trade("x", "transfer_in", "2020-01-07", 1),
    "no rate from CHF to USD on 2020-01-07": trade("x", "buy", "2020-01-07", 1, 1, instrument="NESN", currency="CHF"),
    "an amount does not fit into 64 bits": trade("x", "buy", "2020-01-07", 1, "1E13"),
    "lot method best is not known": trade("x", "buy", "2020-01-07", 1, 1, lot_method="best"),
    "the lot that it names is not open": trade("x", "sell", "2020-01-07", 1, 1, lot_id="c"),
    "transfers out more ACME than the book holds": trade("x", "transfer_out", "2020-01-07", 11),
    "ACME in both USD and EUR is not supported yet": trade("x", "buy", "2020-01-07", 1, 1, currency="EUR", fx_rate=1),
    "an fx trade buys CASH:<CCY>": trade("x", "fx", "2020-01-07", 1, 1, instrument="EUR"),
}


@pytest.mark.parametrize("reason", FAILING)
def test_a_book_that_cannot_be_computed_fails_by_name_and_the_others_go_on(reason):
    bad = FAILING[reason]
    name = "NONE" if bad["book"] == "NONE" else "FUND"
    rows = [trade("b", "buy", "2020-01-06", 10, 1, book=name if name == "FUND" else "OTHER"), bad]
    rows.append(trade("o", "buy", "2020-01-06", 3, 1, book="OTHER"))
    instruments = [security(), security("NESN", currency="CHF"), security("ES", asset_class="future")]
    made = post(*rows, books=[book(), book("OTHER")], instruments=instruments)
    failed = only(journal.failures(made))
    assert (failed.book, failed.business_date) == (name, pd.Timestamp("2020-01-07"))
    assert failed.reason == f"transaction x: {reason}"
    sessions = days("2020-01-06", "2020-01-08")
    for frame in (lots.lots(made, sessions), balances(made, sessions)):
        assert frame.loc[frame["book"] == name, "business_date"].max() is pd.NaT or set(
            frame.loc[frame["book"] == name, "business_date"]
        ) == {pd.Timestamp("2020-01-06")}
        assert frame.loc[frame["book"] == "OTHER", "business_date"].nunique() == 3


def test_a_sale_beyond_the_holding_fails_a_book_that_may_not_be_short():
    rows = [trade("b", "buy", "2020-01-06", 10, 1), trade("s", "sell", "2020-01-07", 11, 1)]
    assert journal.failures(post(*rows)).empty
    failed = only(journal.failures(post(*rows, books=[book(shorts=False)])))
    assert failed.reason == "transaction s: sells more ACME than the book holds, and it may not be short"


def test_books_of_one_pool_with_different_base_currencies_fail_by_name():
    shared = {"lot_pool": "entity", "entity": "E"}
    books = [book(**shared), book("EURO", base_currency="EUR", **shared)]
    row = trade("b", "buy", "2020-01-06", 10, 1)
    other = row | {"transaction_id": "c", "book": "EURO", "fx_rate": 0.9}
    reason = journal.failures(post(row, other, books=books)).set_index("book")["reason"]
    assert "the books of lot pool E have different base currencies" in reason["FUND"]
    assert "the books of lot pool E have different base currencies" in reason["EURO"]
    assert journal.failures(post(row, books=books)).empty


def test_several_reasons_of_the_first_failing_session_are_joined():
    rows = [
        trade("x", "gift", "2020-01-07", 1),
        trade("y", "buy", "2020-01-07", 1),
        trade("z", "gift", "2020-01-08", 1),
    ]
    reason = only(journal.failures(post(*rows))).reason
    assert reason == "transaction x: kind gift is not known; transaction y: the price is missing"


def test_a_journal_of_nothing_has_no_rows():
    made = post()
    day = days("2020-01-06")
    empty = (lots.lots(made, day), lots.realised(made, day), balances(made, day), journal.activity(made, day))
    assert [len(frame) for frame in empty] == [0, 0, 0, 0]
    assert positions.positions(made, day, facts("prices"), facts("fx_rates")).empty
    assert journal.failures(made).empty
