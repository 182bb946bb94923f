"""What is expected of delivered facts before anything is derived from them: Great Expectations suites, as data.

Belongs here: expectations on one table of facts alone, each as {type, kwargs}. Does not belong here: running them
(``resources.validator``), and findings that need positions or NAV (``quality``).
"""

from typing import Any

Suite = list[dict[str, Any]]

CURRENCY = "^[A-Z]{3}$"
KINDS = (
    "buy", "sell", "deposit", "withdrawal", "dividend", "interest", "fee", "tax", "subscription", "redemption",
    "variation_margin", "fx", "transfer_in", "transfer_out", "expiry", "exercise", "assignment", "cancel",
)  # fmt: skip
"""Kinds of transactions in the contract."""


def raw_prices() -> Suite:
    """One positive close for each session, instrument and source, on a known basis."""
    return [
        *_named("instrument", "source"),
        *_positive("close"),
        _expect("column_values_to_be_in_set", column="price_basis", value_set=["raw", "adjusted"]),
        _unique("business_date", "instrument", "source"),
    ]


def raw_fx_rates() -> Suite:
    """One positive rate for each session, pair of two different currencies and source."""
    return [
        *_named("source"),
        _expect("column_values_to_match_regex", column="base", regex=CURRENCY),
        _expect("column_values_to_match_regex", column="quote", regex=CURRENCY),
        _expect("select_column_values_to_be_unique_within_record", column_list=["base", "quote"]),
        *_positive("rate"),
        _unique("business_date", "base", "quote", "source"),
    ]


def transactions() -> Suite:
    """Known kinds, each with an id, a book and a date."""
    return [
        *_named("transaction_id", "book"),
        _expect("column_values_to_be_in_set", column="kind", value_set=list(KINDS)),
        _expect("column_values_to_not_be_null", column="trade_date"),
    ]


def custodian_positions() -> Suite:
    """One quantity for each session, book and instrument."""
    return [
        *_named("book", "instrument"),
        _expect("column_values_to_not_be_null", column="quantity"),
        _unique("business_date", "book", "instrument"),
    ]


def _expect(what: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{what}", "kwargs": kwargs}


def _named(*columns: str) -> Suite:
    """Text that is there: missing text is empty in a frame, not null."""
    return [_expect("column_value_lengths_to_be_between", column=column, min_value=1) for column in columns]


def _positive(column: str) -> Suite:
    return [
        _expect("column_values_to_not_be_null", column=column),
        _expect("column_values_to_be_between", column=column, min_value=0, strict_min=True),
    ]


def _unique(*columns: str) -> dict[str, Any]:
    return _expect("compound_columns_to_be_unique", column_list=list(columns))
