"""Drawdowns: by hand, beside a plain loop, and where a book begins or ends under water."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.performance import drawdowns

DAYS = pd.bdate_range("2022-01-03", periods=40).as_unit("us")


def table(**books):
    frames = [
        pd.DataFrame({"business_date": DAYS[: len(earned)], "book": book, "daily_return": np.array(earned, float)})
        for book, earned in books.items()
    ]
    return pd.concat(frames, ignore_index=True).assign(status="ok").astype({"book": "str", "status": "str"})


def test_drawdowns_by_hand_the_deepest_first():
    rows = table(A=[-0.02, 0.05, 0.10, -0.10, -0.10, 0.30, -0.05])
    found = drawdowns.deepest(rows, DAYS[6]).set_index("drawdown_rank")
    assert found["drawdown"].to_dict() == pytest.approx({1: -0.19, 2: -0.05, 3: -0.02})
    assert found["peak_date"].to_dict() == {1: DAYS[2], 2: DAYS[5], 3: pd.NaT}  # the third begins with the book
    assert found["trough_date"].to_dict() == {1: DAYS[4], 2: DAYS[6], 3: DAYS[0]}
    assert found["recovered_on"].to_dict() == {1: DAYS[5], 2: pd.NaT, 3: DAYS[1]}
    assert found["sessions_to_trough"].to_dict() == {1: 2, 2: 1, 3: 1}
    assert found["sessions_under_water"].to_dict() == {1: 3, 2: 1, 3: 2}


def test_a_fall_of_a_millionth_is_a_drawdown():
    assert drawdowns.deepest(table(A=[0.1, -1e-6]), DAYS[1])["drawdown"].tolist() == [-1e-6]


def test_a_book_ends_where_the_next_begins():
    rows = table(A=[0.01, -0.01], B=[-0.02, 0.03])
    found = drawdowns.deepest(rows, DAYS[1]).set_index("book")
    assert found["recovered_on"].to_dict() == {"A": pd.NaT, "B": DAYS[1]}
    assert found["peak_date"].to_dict() == {"A": DAYS[0], "B": pd.NaT}


def test_everything_lost_is_never_recovered():
    rows = table(A=[0.5, -1.5, 3.0, 2.0])
    found = drawdowns.deepest(rows, DAYS[3])
    assert found["drawdown"].tolist() == [-1]
    assert found["sessions_under_water"].tolist() == [3]


def test_ten_are_told_and_a_session_without_a_return_is_none():
    rows = table(A=[0.1, -0.01] * 12)
    rows.loc[3, "daily_return"] = np.nan
    found = drawdowns.deepest(rows, DAYS[23])
    assert found["drawdown_rank"].tolist() == list(range(1, 11))
    assert found["trough_date"].tolist() == [DAYS[n] for n in (1, *range(5, 23, 2))]


def test_a_book_without_a_row_on_the_date_is_left_out():
    assert drawdowns.deepest(table(A=[-0.1, 0.0], B=[-0.1]), DAYS[1])["book"].tolist() == ["A"]
    assert drawdowns.deepest(table(A=[0.1]), DAYS[0]).empty


def plain(earned):
    """(drawdown, sessions under water) of each fall, by a loop."""
    level = peak = 1.0
    found, worst, since = [], 0.0, 0
    for each in earned:
        level *= 1 + each
        since += 1
        if level >= peak * (1 - 1e-12):
            if worst < 0:
                found.append((worst, since))
            worst, since = 0.0, 0
        else:
            worst = min(worst, level / peak - 1)
        peak = max(peak, level)
    return sorted([*found, (worst, since)] if worst < 0 else found)


@settings(max_examples=30)
@given(st.lists(st.integers(-9, 9).map(lambda n: n / 100), min_size=1, max_size=40))
def test_they_are_those_of_a_plain_loop(earned):
    found = drawdowns.deepest(table(A=earned), DAYS[len(earned) - 1])
    expected = plain(earned)[:10]
    assert found["drawdown"].tolist() == pytest.approx([depth for depth, _ in expected], abs=1e-11)
    depths = found["drawdown"].round(9)
    if depths.is_unique:
        assert found["sessions_under_water"].tolist() == [count for _, count in expected]


def test_a_session_that_linking_passes_over_is_no_drawdown():
    rows = table(A=[0.1, -0.9999, -0.05, 0.0])
    rows.loc[1, "status"] = "ok; tiny capital: below a millionth of what it was, not linked"
    assert drawdowns.deepest(rows, DAYS[3])["drawdown"].tolist() == [-0.05]
