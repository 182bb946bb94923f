"""Schemas: what conforms, what is refused, and what the content hash does and does not see."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daybook import tables


def nav(**changes):
    row = {
        "business_date": pd.Timestamp("2022-12-27"),
        "book": "A",
        "nav": 100.1,
        "market_value": 90.0,
        "cash": 10.1,
        "accruals": 0.0,
        "flows": 0.0,
        "status": "ok",
        "base_currency": "USD",
        "reason": "",
    }
    return pd.DataFrame([row | changes])


def test_every_column_is_used_and_means_one_thing():
    used = {column.name for table in tables.TABLES.values() for column in table.columns}
    assert used == set(tables.COLUMNS)
    assert all(column.meaning for column in tables.COLUMNS.values())


def test_every_file_of_the_contract_feeds_a_table():
    assert tables.FILES["prices"] == "raw_prices"
    assert tables.FILES["fx_rates"] == "raw_fx_rates"
    assert tables.SNAPSHOTS <= {t.name for t in tables.TABLES.values() if t.kind == "fact"}


def test_conform_types_and_orders_the_columns():
    frame = tables.conform("nav", nav(accruals=-0.0)[list(reversed(tables.TABLES["nav"].names))])
    assert tuple(frame.columns) == tables.TABLES["nav"].names
    assert not np.signbit(frame["accruals"].iloc[0])


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (nav().drop(columns="cash"), "cash"),
        (nav().assign(extra=1), "extra"),
        (nav(nav="abc"), "abc"),
        (pd.concat([nav(), nav()]), "key repeats"),
    ],
)
def test_what_does_not_conform_is_refused_and_named(frame, said):
    with pytest.raises(tables.SchemaError, match=said):
        tables.conform("nav", frame)


def test_the_hash_ignores_order_and_digits_beyond_the_twelfth():
    two = pd.concat([nav(), nav(book="B", nav=0.3)])
    other = pd.concat([nav(book="B", nav=0.1 + 0.2), nav()])
    digest = tables.content_hash("nav", tables.conform("nav", two))
    assert digest == tables.content_hash("nav", tables.conform("nav", other))


@pytest.mark.parametrize(
    "change", [{"nav": 100.10000001}, {"book": "B"}, {"status": "failed"}, {"nav": np.nan}, {"flows": 1e-9}]
)
def test_the_hash_sees_every_change(change):
    assert tables.content_hash("nav", tables.conform("nav", nav())) != tables.content_hash(
        "nav", tables.conform("nav", nav(**change))
    )


def test_the_hash_does_not_confuse_neighbouring_texts():
    left, right = nav(status="ab", base_currency="c"), nav(status="a", base_currency="bc")
    assert tables.content_hash("nav", left) != tables.content_hash("nav", right)


def test_the_hash_of_a_fact_does_not_see_how_it_arrived():
    row = {c.name: "" for c in tables.TABLES["identifiers"].columns} | {"line": 2, "delivery": 1}
    arrived = {"file": "b.csv", "line": 9, "delivery": 7}
    times = {"known_at": pd.Timestamp("2022-01-01", tz="UTC"), "recorded_at": pd.Timestamp("2022-01-01", tz="UTC")}
    dates = {"valid_from": pd.Timestamp("2020-01-01"), "valid_to": pd.NaT}
    one = tables.conform("identifiers", pd.DataFrame([row | dates | times]))
    two = tables.conform("identifiers", pd.DataFrame([row | dates | times | arrived]))
    assert tables.content_hash("identifiers", one) == tables.content_hash("identifiers", two)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-200, max_value=1e200))
def test_twelve_digits_identify_a_number(value):
    hashed = [tables.content_hash("nav", tables.conform("nav", nav(nav=v))) for v in (value, value * (1 + 1e-10))]
    assert hashed[0] != hashed[1]


def test_a_list_column_is_hashed_by_value_and_length():
    def vectors(*rows):
        frame = pd.DataFrame({"business_date": pd.Timestamp("2022-12-27"), "book": ["A", "B"], "scenario_set": "h"})
        frame["pnl"] = [np.array(row, float) for row in rows]
        frame["weights"] = [np.empty(0)] * len(rows)
        frame["scenarios"] = 2
        frame["window_start"] = frame["window_end"] = pd.Timestamp("2022-12-27")
        return tables.content_hash("scenario_pnl", frame)

    assert vectors([1, 2], [3]) != vectors([1], [2, 3])
    assert vectors([1, 2], [3]) == vectors([1, 2], [3])
