"""Returns as they were signed: what a close adds, and that the old figures stay."""

import numpy as np
import pandas as pd

from resources import closes, records
from tests.frames import frame

DAYS = pd.DatetimeIndex(["2022-12-21", "2022-12-22"]).as_unit("us")


def close(engine, session, hash, *values):
    rows = [(day, "P", value, value, np.nan) for day, value in zip(DAYS, values, strict=False)]
    returns = frame("performance", "business_date book daily_return gross_return benchmark_return", *rows)
    return closes.sign(engine, session, "P", "ann", {"nav": {"version": 1, "hash": hash}}, 1, returns).version


def restate(engine, session, hash, *values):
    rows = [(day, "P", value, value, np.nan) for day, value in zip(DAYS, values, strict=False)]
    returns = frame("performance", "business_date book daily_return gross_return benchmark_return", *rows)
    return closes.restate(engine, session, "P", "ann", "late", 1, {"nav": {"version": 2, "hash": hash}}, 2, returns, {})


def test_a_close_signs_its_returns_and_a_second_one_only_what_changed(engine):
    assert close(engine, DAYS[0], "a", 0.01) == 1
    assert close(engine, DAYS[0], "a", 0.99) == 1  # the same content: nothing is signed again
    assert close(engine, DAYS[1], "b", 0.01, np.nan) == 1
    assert restate(engine, DAYS[1], "c", 0.02, np.nan) == 2
    rows = records.dated("signed_returns", engine, None, None)
    told = rows[["business_date", "close_date", "version", "daily_return"]].to_numpy().tolist()
    assert [row[:3] for row in told] == [[DAYS[0], DAYS[0], 1], [DAYS[0], DAYS[1], 2], [DAYS[1], DAYS[1], 1]]
    assert [row[3] for row in told][:2] == [0.01, 0.02]
    assert rows["benchmark_return"].isna().all()
    assert len(records.dated("signed_returns", engine, DAYS[1], None)) == 1
    before = pd.Timestamp(rows["recorded_at"].min())
    assert records.dated("signed_returns", engine, None, None, before)["daily_return"].tolist() == [0.01]
