"""Methods through the journal: what the tables of lots and of realised gains say."""

import pandas as pd
import pytest
from ledger_facts import book, days, listed, only, post, split, trade

from daybook.ledger import journal, lots

ROW = ("transaction_id", "lot", "quantity", "gain", "matching", "term")


def realised(made, first, last=None):
    return listed(lots.realised(made, days(first, last)), *ROW)


def test_a_purchase_of_the_30_days_posts_its_match_on_its_own_session():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10),
        trade("s", "sell", "2020-02-03", 50, 12),
        trade("r", "buy", "2020-02-10", 20, 15),
        books=[book(lot_method="uk")],
    )
    assert realised(made, "2020-02-03", "2020-02-07") == [("s", "pool", 50.0, 100.0, "section_104", "")]
    # Of 20 units the gain was 40; with the purchase at 15 it is 20 x (12 - 15).
    assert realised(made, "2020-02-10") == [
        ("s", "pool", -20.0, -40.0, "section_104", ""),
        ("s", "r", 20.0, -60.0, "thirty_day", "short"),
    ]
    held = only(lots.lots(made, days("2020-02-10")))
    assert (held.lot, held.quantity, held.cost, held.opened_on) == ("pool", 70.0, 700.0, pd.Timestamp("2020-01-06"))


def test_a_transaction_goes_before_the_book():
    made = post(
        trade("b1", "buy", "2020-01-06", 10, 10),
        trade("b2", "buy", "2020-01-07", 10, 20),
        trade("s", "sell", "2021-01-07", 4, 15, lot_method="highest"),
        books=[book(lot_method="lowest")],
    )
    assert realised(made, "2021-01-07") == [("s", "b2", 4.0, -20.0, "highest", "short")]
    again = post(
        trade("b", "buy", "2020-01-06", 10, 10),
        trade("s", "sell", "2021-01-07", 4, 15),
        books=[book(lot_method="lowest")],
    )
    assert realised(again, "2021-01-07") == [("s", "b", 4.0, 20.0, "lowest", "long")]


@pytest.mark.parametrize(("lot", "failures"), [("b2", 0), ("b3", 1)])
def test_a_sale_may_name_its_lot_through_a_split(lot, failures):
    made = post(
        trade("b1", "buy", "2020-01-06", 10, 10),
        trade("b2", "buy", "2020-01-07", 10, 20),
        trade("s", "sell", "2020-01-09", 4, 15, lot_id=lot),
        actions=[split("x", "2020-01-08", 2)],
    )
    assert len(journal.failures(made)) == failures
    assert realised(made, "2020-01-09") == [("s", "b2", 4.0, 20.0, "specific", "short")][failures:]


def test_books_of_a_strategy_share_a_pool():
    made = post(
        trade("b1", "buy", "2020-01-06", 10, 10, book="A"),
        trade("b2", "buy", "2020-01-07", 30, 20, book="B"),
        trade("s", "sell", "2020-01-08", 4, 15, book="A"),
        books=[book(name, strategy="growth", lot_pool="strategy", lot_method="average") for name in ("A", "B")],
    )
    # 700 for 40 units: 17.5 a unit.
    assert realised(made, "2020-01-08") == [("s", "pool", 4.0, -10.0, "average", "")]
    held = only(lots.lots(made, days("2020-01-08")))
    assert (held.book, held.pool, held.lot, held.quantity, held.cost) == ("A", "growth", "pool", 36.0, 630.0)
