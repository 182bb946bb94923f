import pytest
from ledger_facts import book, days, listed, post, split, trade

from daybook.ledger import wash_sales

ROW = ("transaction_id", "lot", "replacement", "quantity", "disallowed")


def washed(made, first, last=None):
    return listed(wash_sales.wash_sales(made, days(first, last)), *ROW)


def test_a_purchase_after_the_sale_shows_on_its_own_session():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10),
        trade("s", "sell", "2020-03-02", 100, 8),
        trade("r", "buy", "2020-04-01", 60, 9),
    )
    assert washed(made, "2020-01-06", "2020-03-31") == []
    # 60 of the 100 units sold with a loss of 200 were bought again 30 days later.
    assert washed(made, "2020-04-01") == [("s", "b", "r", 60.0, 120.0)]


def test_a_purchase_31_days_away_replaces_nothing():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10),
        trade("early", "buy", "2020-01-31", 10, 9),
        trade("s", "sell", "2020-03-02", 100, 8),
        trade("late", "buy", "2020-04-02", 10, 9),
    )
    assert washed(made, "2020-01-06", "2020-04-02") == []


def test_a_purchase_before_the_sale_counts_as_far_as_it_was_not_sold_itself():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10),
        trade("r", "buy", "2020-02-10", 80, 9),
        trade("s", "sell", "2020-03-02", 130, 8),
    )
    # 30 of r are sold too: 50 replace half of b, and of r's own loss nothing is left to replace.
    assert washed(made, "2020-03-02") == [("s", "b", "r", 50.0, 100.0)]


def test_a_position_sold_whole_is_no_wash_sale():
    assert (
        washed(post(trade("b", "buy", "2020-02-20", 9, 10), trade("s", "sell", "2020-03-02", 9, 8)), "2020-03-02") == []
    )


def test_gains_and_short_sales_are_left_alone():
    gain = post(
        trade("b", "buy", "2020-01-06", 9, 10),
        trade("s", "sell", "2020-03-02", 9, 12),
        trade("r", "buy", "2020-03-03", 9, 9),
    )
    short = post(
        trade("s", "sell", "2020-01-06", 9, 10),
        trade("c", "buy", "2020-03-02", 9, 12),
        trade("r", "buy", "2020-03-03", 9, 9),
    )
    assert washed(gain, "2020-03-03") == washed(short, "2020-03-03") == []


def test_each_unit_bought_replaces_one_unit_once():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10),
        trade("s1", "sell", "2020-03-02", 40, 8),
        trade("s2", "sell", "2020-03-03", 40, 7),
        trade("r", "buy", "2020-03-04", 50, 9),
    )
    assert washed(made, "2020-03-04") == [("s1", "b", "r", 40.0, 80.0), ("s2", "b", "r", 10.0, 30.0)]


def test_a_split_in_between_is_undone():
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10),
        trade("s", "sell", "2020-03-02", 100, 8),
        trade("r", "buy", "2020-03-04", 60, 4),
        actions=[split("x", "2020-03-03", 2)],
    )
    assert washed(made, "2020-03-04") == [("s", "b", "r", 30.0, 60.0)]


@pytest.mark.parametrize(("declared", "rows"), [(True, 1), (False, 0)])
def test_a_book_may_declare_that_it_does_not_care(declared, rows):
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10),
        trade("s", "sell", "2020-03-02", 100, 8),
        trade("r", "buy", "2020-03-04", 60, 9),
        books=[book(wash_sales=declared)],
    )
    assert len(washed(made, "2020-03-04")) == rows


def test_irs_publication_550():
    """IRS Publication 550, "Wash Sales", example 1: the loss of $250 cannot be deducted."""
    made = post(
        trade("b", "buy", "2020-01-06", 100, 10),
        trade("s", "sell", "2020-06-01", 100, "7.5"),
        trade("r", "buy", "2020-06-15", 100, 8),
    )
    assert washed(made, "2020-06-15") == [("s", "b", "r", 100.0, 250.0)]
