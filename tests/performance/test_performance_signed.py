import numpy as np
import pandas as pd

from daybook import tables
from daybook.performance import period_returns, periods, signed
from tests.frames import frame

DAYS = pd.DatetimeIndex(["2022-12-20", "2022-12-21", "2022-12-22"]).as_unit("us")
FIGURES = "business_date book daily_return gross_return benchmark_return"


def returns(*values, book="P"):
    return frame(
        "performance",
        FIGURES + " denominator status",
        *[(day, book, value, value, 0.0, 100.0, "ok") for day, value in zip(DAYS, values, strict=False)],
    )


def record(*rows):
    """(day, daily return, close date, version, hour of the signature)."""
    at = "2022-12-23T{:02d}:00Z"
    return frame(
        "signed_returns",
        "business_date book close_date version daily_return gross_return benchmark_return recorded_at",
        *[(DAYS[d], "P", DAYS[c], version, r, r, 0.0, at.format(hour)) for d, r, c, version, hour in rows],
    )


def test_a_close_signs_what_is_not_signed_as_it_is():
    first = signed.to_sign(returns(0.01, 0.02), tables.empty("signed_returns"))
    assert first["daily_return"].tolist() == [0.01, 0.02]
    stands = record((0, 0.01, 1, 1, 8), (1, 0.02, 1, 1, 8))
    assert signed.to_sign(returns(0.01, 0.02), stands).empty
    anew = signed.to_sign(returns(0.01, 0.025, np.nan), stands)
    assert anew["business_date"].tolist() == [DAYS[1], DAYS[2]]
    assert anew["daily_return"].tolist()[0] == 0.025
    assert np.isnan(anew["daily_return"].tolist()[1])


def test_the_newest_signature_stands_and_unknown_is_like_unknown():
    rows = record((0, 0.01, 2, 1, 8), (0, 0.03, 0, 2, 9), (1, np.nan, 2, 1, 8))
    assert signed.standing(rows)["daily_return"].tolist()[0] == 0.03
    assert signed.to_sign(returns(0.03, np.nan), rows).empty
    assert len(signed.to_sign(returns(0.01, np.nan), rows)) == 1


def test_what_is_computed_and_what_is_signed_stand_side_by_side_until_the_next_close():
    told = returns(0.01, 0.02, 0.03).assign(local_return=0.0, hedged_return=0.0)
    nav = frame("nav", "business_date book nav flows status", *[(day, "P", 100.0, 0.0, "ok") for day in DAYS])
    flows = tables.empty("external_flows")
    stands = record((0, 0.01, 1, 1, 8), (1, 0.015, 1, 1, 8))
    made = period_returns.derive(told, nav, flows, stands, periods.spans(told, DAYS[2]))["period_returns"]
    rows = made.set_index("period")
    # (1.01)(1.02)(1.03) computed; (1.01)(1.015)(1.03) with the second session as it was signed.
    assert np.isclose(rows.loc["inception", "time_weighted"], 1.01 * 1.02 * 1.03 - 1, rtol=0, atol=1e-12)
    assert np.isclose(rows.loc["inception", "signed_return"], 1.01 * 1.015 * 1.03 - 1, rtol=0, atol=1e-12)
    assert rows.loc["inception", "restated_sessions"] == 1
    assert "sessions not as they were signed: 1, first 2022-12-21" in rows.loc["inception", "status"]
    # Nothing of the last day is signed.
    assert np.isnan(rows.loc["day", "signed_return"])
    assert rows.loc["day", "restated_sessions"] == 0
