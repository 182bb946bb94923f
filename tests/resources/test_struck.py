"""Value at risk as it was struck: the first figure stands, and none is struck once a later session is known."""

import numpy as np
import pandas as pd
import pytest

from resources import records, struck
from tests.frames import frame

DAY, NEXT = pd.Timestamp("2022-12-23"), pd.Timestamp("2022-12-27")


def figures(day, value, *books):
    columns = "business_date book method confidence horizon_days var es convention"
    rows = [(day, book, "historical", c, 1, value * c, value, "k-th\tsmallest") for book in books for c in (0.95, 0.99)]
    return frame("var", columns, *rows)


def kept(engine, **bounds):
    rows = records.dated("struck_var", engine, **({"first": None, "last": None} | bounds))
    return rows.set_index(["business_date", "book", "confidence"])["var"].to_dict()


def test_the_first_figure_stands(engine):
    assert struck.strike(engine, DAY, figures(DAY, 100.0, "a"), DAY) == 2
    # Computed again after a correction: a's stands, b had none.
    assert struck.strike(engine, DAY, figures(DAY, 50.0, "a", "b"), DAY) == 2
    assert struck.strike(engine, DAY, figures(DAY, 50.0, "a", "b"), DAY) == 0
    assert kept(engine) == {(DAY, "a", 0.95): 95, (DAY, "a", 0.99): 99, (DAY, "b", 0.95): 47.5, (DAY, "b", 0.99): 49.5}
    rows = records.dated("struck_var", engine, None, None)
    assert set(rows["convention"]) == {"k-th\tsmallest"}
    assert rows["es"].tolist() == [100.0, 100.0, 50.0, 50.0]


@pytest.mark.parametrize("latest", [NEXT, None])
def test_none_is_struck_with_hindsight(engine, latest):
    assert struck.strike(engine, DAY, figures(DAY, 100.0, "a"), latest) == 0
    assert kept(engine) == {}


def test_no_figure_is_struck_as_none(engine):
    rows = figures(DAY, 100.0, "a")
    rows.loc[0, "var"], rows.loc[1, "es"] = np.nan, np.nan
    assert struck.strike(engine, DAY, rows, DAY) == 1
    assert records.dated("struck_var", engine, None, None)["es"].isna().all()
    # When the book has its figure after all, it is struck.
    assert struck.strike(engine, DAY, figures(DAY, 80.0, "a"), DAY) == 1
    assert kept(engine) == {(DAY, "a", 0.99): 99.0, (DAY, "a", 0.95): 76.0}


def test_what_was_struck_is_read_between_dates_and_as_known(engine):
    struck.strike(engine, DAY, figures(DAY, 100.0, "a"), DAY)
    before = pd.Timestamp(records.dated("struck_var", engine, None, None)["recorded_at"].max())
    struck.strike(engine, NEXT, figures(NEXT, 200.0, "a"), NEXT)
    assert {day for day, *_ in kept(engine)} == {DAY, NEXT}
    assert {day for day, *_ in kept(engine, last=DAY)} == {DAY}
    assert {day for day, *_ in kept(engine, first=NEXT)} == {NEXT}
    assert {day for day, *_ in kept(engine, known_at=before)} == {DAY}
    assert kept(engine, known_at=before - pd.Timedelta(microseconds=1)) == {}
