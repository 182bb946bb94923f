import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from daybook import tables
from daybook.ledger import fees, postings
from tests.frames import frame
from tests.ledger.classes_by_hand import dealt

DAY = "2024-01-03"
POSTED = "business_date book transaction_id posting kind ledger_account currency debit"
ACCRUED = "business_date book share_class accrual_kind amount fee_paid fee_payable base_currency"


def booked(**frames: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {name: frames.get(name, tables.empty(name)) for name in fees.BOOKED}


def rows(table: pd.DataFrame, *columns: str) -> list[list]:
    return table[list(columns)].to_numpy().tolist()


def test_payables_are_accrued_in_the_cash_row_of_the_books_currency_and_cost_the_day_they_accrue():
    ledger = booked(
        cash=frame(
            "cash",
            "business_date book currency settled unsettled accrued balance",
            (DAY, "FUND", "EUR", 5.0, 0.0, 1.0, 5.0),
            (DAY, "FUND", "USD", 100.0, 0.0, 7.5, 100.0),
        ),
        activity=frame(
            "activity",
            "business_date book instrument currency fees fee_kind income external",
            (DAY, "FUND", "CASH:USD", "USD", -15.0, -15.0, 2.0, 0.0),
        ).fillna(0.0),
        postings=frame(
            "postings",
            POSTED,
            (DAY, "FUND", "W", 1, "fee", "cash", "USD", -15.0),
            (DAY, "FUND", "W", 2, "fee", "fees", "USD", 15.0),
        ),
        accruals=frame(
            "accruals", "business_date book currency accrual_kind amount", (DAY, "FUND", "USD", "dividend", 7.5)
        ),
    )
    accrued = frame(
        "fee_accruals",
        ACCRUED,
        (DAY, "FUND", "A", "management_fee", -1.0, 10.0, -4.0, "USD"),
        (DAY, "FUND", "B", "management_fee", -2.0, 0.0, -3.0, "USD"),
        (DAY, "FUND", "A", "performance_fee", 0.5, 0.0, -6.0, "USD"),
        (DAY, "NEW", "C", "management_fee", -0.1, 0.0, -0.1, "EUR"),
    )
    found = fees.with_fees(ledger, accrued, tables.empty("book_failures"))
    assert rows(found["cash"], "book", "currency", "balance", "accrued") == [
        ["FUND", "EUR", 5.0, 1.0],
        ["FUND", "USD", 100.0, -5.5],
        ["NEW", "EUR", 0.0, -0.1],
    ]
    # 15 were paid, 10 of them had accrued; 2.5 accrue today.
    assert rows(found["activity"], "book", "instrument", "fees", "fee_kind", "income") == [
        ["FUND", "CASH:USD", -7.5, -7.5, 2.0],
        ["NEW", "CASH:EUR", -0.1, -0.1, 0.0],
    ]
    assert rows(found["accruals"], "book", "accrual_kind", "amount") == [
        ["FUND", "dividend", 7.5],
        ["FUND", "management_fee", -7.0],
        ["FUND", "performance_fee", -6.0],
        ["NEW", "management_fee", -0.1],
    ]
    assert found["book_failures"].empty
    # Of the 15 the log says that all are a cost; 9 of the 10 that A had accrued are so no longer, B's 2 are.
    posted = found["postings"]
    assert rows(posted, "book", "transaction_id", "posting", "kind", "ledger_account", "currency", "debit") == [
        ["FUND", "A:management_fee", 1, "management_fee", "receivables", "USD", 9.0],
        ["FUND", "A:management_fee", 2, "management_fee", "fees", "USD", -9.0],
        ["FUND", "A:performance_fee", 1, "performance_fee", "receivables", "USD", 0.5],
        ["FUND", "A:performance_fee", 2, "performance_fee", "fees", "USD", -0.5],
        ["FUND", "B:management_fee", 1, "management_fee", "receivables", "USD", -2.0],
        ["FUND", "B:management_fee", 2, "management_fee", "fees", "USD", 2.0],
        ["FUND", "W", 1, "fee", "cash", "USD", -15.0],
        ["FUND", "W", 2, "fee", "fees", "USD", 15.0],
        ["NEW", "C:management_fee", 1, "management_fee", "receivables", "EUR", -0.1],
        ["NEW", "C:management_fee", 2, "management_fee", "fees", "EUR", 0.1],
    ]
    assert postings.imbalances(posted).empty


def test_a_transaction_named_like_an_accrual_is_posted_before_it():
    ledger = booked(postings=frame("postings", POSTED, (DAY, "F", "A:management_fee", 1, "fee", "cash", "USD", -1.0)))
    accrued = frame("fee_accruals", ACCRUED, (DAY, "F", "A", "management_fee", -2.0, 0.0, -2.0, "USD"))
    found = fees.with_fees(ledger, accrued, tables.empty("book_failures"))["postings"]
    assert rows(found, "posting", "ledger_account", "debit") == [
        [1, "cash", -1.0], [2, "receivables", -2.0], [3, "fees", 2.0],
    ]  # fmt: skip


def test_without_share_classes_the_tables_are_the_ledgers():
    ledger = booked()
    found = fees.with_fees(ledger, tables.empty("fee_accruals"), tables.empty("book_failures"))
    assert all(found[name] is ledger[name] for name in fees.BOOKED)


def test_failures_of_both_are_told():
    known = frame("book_failures", "business_date book reason", (DAY, "A", "no rate"), (DAY, "B", "short"))
    more = frame("book_failures", "business_date book reason", (DAY, "B", "no such class"), (DAY, "C", "too many"))
    found = fees.with_fees(booked(book_failures=known), tables.empty("fee_accruals"), more)["book_failures"]
    assert rows(found, "book", "reason") == [["A", "no rate"], ["B", "short; no such class"], ["C", "too many"]]


def test_a_book_that_the_log_could_not_give_has_no_fees():
    known = frame("book_failures", "business_date book reason", (DAY, "FUND", "no rate"))
    accrued = frame("fee_accruals", ACCRUED, (DAY, "FUND", "A", "management_fee", 0.0, 0.0, -4.0, "USD"))
    found = fees.with_fees(booked(book_failures=known), accrued, tables.empty("book_failures"))
    assert found["cash"].empty
    assert found["accruals"].empty


def test_within_the_day_the_payables_of_the_last_close_stand_less_what_was_paid():
    before = frame(
        "fee_accruals",
        ACCRUED,
        ("2024-01-01", "FUND", "A", "management_fee", -1.0, 0.0, -99.0, "USD"),
        ("2024-01-02", "FUND", "A", "management_fee", -1.0, 0.0, -4.0, "USD"),
        ("2024-01-02", "FUND", "A", "performance_fee", -1.0, 0.0, -20.0, "USD"),
        ("2023-12-29", "OLD", "B", "management_fee", -1.0, 0.0, -5.0, "USD"),
    )
    paid = dealt((DAY, "A", "management_fee", 6.0), (DAY, "A", "subscription", 10.0))
    found = fees.owing(before, paid, pd.DatetimeIndex([DAY]).as_unit("us"))
    assert rows(found, "book", "accrual_kind", "amount", "fee_paid", "fee_payable") == [
        ["FUND", "management_fee", 0.0, 4.0, 0.0],
        ["FUND", "performance_fee", 0.0, 0.0, -20.0],
        ["OLD", "management_fee", 0.0, 0.0, -5.0],
    ]


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_a_payment_covers_no_more_than_is_owed(paid: int, payable: int):
    covered = int(fees.covered(pd.array([paid]).to_numpy(), pd.array([payable]).to_numpy())[0])
    assert min(covered, 0) == min(paid, 0)
    assert max(covered, 0) <= max(payable, 0)
    assert covered == paid or covered == max(payable, 0)
