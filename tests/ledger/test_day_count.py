import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daybook.ledger import day_count


def part(convention: str, start: str, end: str) -> float:
    """The part of a year between two dates."""
    low, high = day_count.position(convention, pd.DatetimeIndex([start, end]).as_unit("us"))
    return float(high - low)


@pytest.mark.parametrize(
    ("convention", "start", "end", "expected"),
    [
        ("actual/365", "2024-02-28", "2024-03-01", 2 / 365),
        ("actual/360", "2024-01-01", "2025-01-01", 366 / 360),
        # 14 days of 2023 and 14 of a leap year.
        ("actual/actual", "2023-12-18", "2024-01-15", 14 / 365 + 14 / 366),
        ("30/360", "2024-01-30", "2024-01-31", 0.0),
        ("30/360", "2024-01-31", "2024-03-31", 60 / 360),
        ("30/360", "2024-02-28", "2024-03-01", 3 / 360),
    ],
)
def test_a_part_of_a_year(convention: str, start: str, end: str, expected: float) -> None:
    assert part(convention, start, end) == pytest.approx(expected, abs=1e-12)


@given(st.sampled_from(day_count.CONVENTIONS), st.lists(st.dates(pd.Timestamp("1990-01-01").date()), min_size=2))
def test_positions_never_go_back_and_a_year_is_a_year(convention: str, days: list) -> None:
    dates = pd.DatetimeIndex(sorted(days)).as_unit("us")
    assert (np.diff(day_count.position(convention, dates)) >= 0).all()
    assert np.allclose(np.diff(day_count.position("actual/actual", pd.date_range("1999", "2030", freq="YS"))), 1.0)


def test_an_unknown_convention_is_named() -> None:
    with pytest.raises(ValueError, match="unknown day count 'actual/366'"):
        day_count.position("actual/366", pd.DatetimeIndex(["2024-01-01"]))
