import pandas as pd
import pytest

from daybook import tables
from daybook.ledger import units
from tests.frames import frame, sessions
from tests.ledger.classes_by_hand import rates, terms
from tests.ledger.ledger_facts import book, facts, security, trade, transaction

DAY, NEXT = "2024-01-03", "2024-01-04"


def dealings(*rows: dict, classes=({"share_class": "A"},), days=(DAY,), prices=(), fx=()) -> pd.DataFrame:
    """``units.dealings`` of a book whose classes begin on 2024-01-02 unless they say otherwise."""
    golden = frame("prices", "business_date instrument close currency source status", *prices)
    log = facts("transactions", *rows)
    known = facts("books", book()), facts("instruments", security(), security("EURO", currency="EUR"))
    return units.dealings(log, terms(*classes), golden, rates(*fx), *known, sessions(*days))


def money(name: str, kind: str, quantity: float, **terms) -> dict:
    return transaction(name, kind, terms.pop("date", DAY), quantity=quantity, **terms)


def test_every_external_flow_deals_in_the_books_only_class():
    found = dealings(
        money("t1", "subscription", 100.0),
        money("t2", "redemption", 40.0),
        money("t3", "deposit", 7.0),
        money("t4", "withdrawal", 3.0),
        money("t5", "subscription", -5.0),
        money("t6", "interest", 9.0),
        trade("t7", "transfer_in", DAY, 2, 50.0),
        trade("t8", "transfer_out", DAY, 1, 50.0),
        trade("t9", "buy", DAY, 1, 50.0),
        prices=[(DAY, "ACME", 60.0, "USD", "s", "ok")],
    )
    expected = {"t1": 100.0, "t2": -40.0, "t3": 7.0, "t4": -3.0, "t5": -5.0, "t7": 120.0, "t8": -60.0}
    assert dict(zip(found["transaction_id"], found["flows"], strict=True)) == expected
    assert set(found["share_class"]) == {"A"}
    assert set(found["reason"]) == {""}
    assert (found["fee_paid"] == 0).all()


def test_money_counts_at_closing_rates_and_on_the_session_of_the_book():
    found = dealings(
        money("t1", "subscription", 100.0, currency="EUR", date="2024-01-06"),
        money("t2", "subscription", 1.0, date="2024-01-05"),
        days=("2024-01-08",),
        fx=[("2024-01-08", "EUR", "USD", 1.1)],
    )
    assert found[["transaction_id", "flows", "base_currency"]].to_numpy().tolist() == [["t1", 110.0, "USD"]]


def test_a_class_is_named_where_there_are_several():
    classes = ({"share_class": "A"}, {"share_class": "B"}, {"share_class": "C", "valid_to": "2024-01-02"})
    found = dealings(
        money("t1", "subscription", 1.0, share_class="B"),
        money("t2", "subscription", 1.0),
        money("t3", "subscription", 1.0, share_class="C"),
        money("t4", "subscription", 1.0, share_class="Z"),
        classes=classes,
    )
    assert found["share_class"].iloc[0] == "B"
    assert found["reason"].tolist() == [
        "",
        "transaction t2: it names no share class, and book FUND has A, B",
        "transaction t3: share class C of book FUND is not in force on 2024-01-03",
        "transaction t4: share class Z of book FUND is not in force on 2024-01-03",
    ]


def test_what_cannot_be_valued_says_why():
    found = dealings(money("t1", "subscription", 1.0, currency="EUR"), trade("t2", "transfer_in", DAY, 2, 50.0))
    assert found["reason"].str.contains("no exchange rate EUR/USD").tolist() == [True, False]
    assert found["reason"].str.contains("no price was ever delivered").tolist() == [False, True]


def test_a_fee_that_names_its_class_and_kind_is_a_payment():
    found = dealings(
        money("t1", "fee", 12.5, action_id="A:management_fee"),
        money("t2", "fee", 2.0, action_id="A:performance_fee", currency="EUR"),
        money("t3", "fee", 3.0),
        money("t4", "fee", 3.0, action_id="X:management_fee"),
        money("t5", "fee", 3.0, action_id="A:custody_fee"),
        fx=[(DAY, "EUR", "USD", 1.5)],
    )
    assert found[["transaction_id", "share_class", "kind", "flows", "fee_paid"]].to_numpy().tolist() == [
        ["t1", "A", "management_fee", 0.0, 12.5],
        ["t2", "A", "performance_fee", 0.0, 3.0],
    ]


def test_a_book_that_traded_before_opens_its_first_class_with_what_it_holds():
    rows = money("t1", "deposit", 100.0, date="2024-01-02"), money("t2", "deposit", 50.0, date="2024-01-08")
    late = ({"share_class": "B", "valid_from": "2024-01-06"}, {"share_class": "A", "valid_from": "2024-01-06"})
    found = dealings(*rows[:1], classes=late, days=("2024-01-05", "2024-01-08"))
    assert found[["business_date", "share_class", "kind", "flows"]].to_numpy().tolist() == [
        [pd.Timestamp("2024-01-08"), "A", "opening", 0.0]
    ]
    assert dealings(*rows[1:], classes=late[:1], days=("2024-01-08",))["kind"].tolist() == ["deposit"]
    assert dealings(*rows, classes=late, days=("2024-01-09",)).empty


def test_cancelled_transactions_and_other_books_do_not_deal():
    found = dealings(
        money("t1", "subscription", 1.0),
        money("t2", "cancel", None, corrects="t1"),
        money("t3", "subscription", 1.0, book="OTHER"),
    )
    assert found.empty
    assert list(found.columns) == list(tables.TABLES["dealings"].names)


@pytest.mark.parametrize(("places", "count"), [(0, 33.0), (4, 33.3333), (8, 33.33333333)])
def test_units_have_the_declared_places(places: int, count: float):
    import numpy as np

    one, nothing = np.array([1]), np.array([0])
    dealt = units.deal(one * 10**8, nothing, nothing, nothing, np.ones(1), np.array([3.0]), np.zeros(1), one * 2,
                       one * places)  # fmt: skip
    assert dealt.issued[0] == round(count * 1e8)
    assert not dealt.beyond[0]
