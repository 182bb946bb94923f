import numpy as np
import pandas as pd
import pytest

from daybook import calendars
from daybook.performance import share_classes
from tests.frames import frame

DAYS = calendars.sessions("XNYS", "2020-03-02")


def performance(*rows, fees=(), earned=()):
    """Class A of book b in EUR from (nav_per_unit, swing_price, units, status) a day; base fees a day at 0.8 EUR."""
    days = DAYS[: len(rows)]
    nav = frame(
        "share_class_nav",
        "business_date book share_class nav_per_unit swing_price units status reason currency fx_rate",
        *[(d, "b", "A", p, s, u, ok, "no price", "EUR", 1.25) for d, (p, s, u, ok) in zip(days, rows, strict=True)],
    )
    accrued = frame(
        "fee_accruals",
        "business_date book share_class accrual_kind amount",
        *[(days[at], "b", "A", kind, amount) for at, kind, amount in fees],
    )
    views = pd.DataFrame({"business_date": days, "book": "b", "benchmark": "index" if len(earned) else ""})
    views = views.assign(base_currency="USD", calendar="XNYS")
    classes = share_classes.views(nav, views)
    assert set(classes["base_currency"]) == {"EUR"}
    index = frame(
        "benchmark_returns",
        "business_date benchmark base_currency calendar benchmark_return status",
        *[(d, "index", "EUR", "XNYS", r, "ok" if r == r else "why") for d, r in zip(days, earned, strict=False)],
    )
    return share_classes.performance(nav, accrued, classes, index, days)


def test_net_and_gross_of_a_class_beside_its_benchmark():
    # 1.25 USD and 2.50 USD of fees on 10 units are 0.1 and 0.2 EUR a unit.
    told = performance(
        (99.0, 100.0, 10.0, "ok"), (101.0, 101.0, 12.0, "ok"), (100.0, 100.0, 12.0, "ok"),
        fees=[(1, "management_fee", -1.25), (1, "performance_fee", -2.5)],
        earned=[0.0, 0.01, np.nan],
    )  # fmt: skip
    assert told["daily_return"].tolist() == pytest.approx([-0.01, 101 / 99 - 1, 100 / 101 - 1])
    assert told["gross_return"].tolist() == pytest.approx([-0.01, 101.3 / 99 - 1, 100 / 101 - 1])
    assert told["active_return"].iloc[1] == pytest.approx(101 / 99 - 1.01)
    assert told["cumulative_return"].tolist() == pytest.approx([-0.01, 0.01, 0.0])
    assert told["status"].tolist() == ["ok", "ok", "ok; why"]


def test_a_class_without_units_is_passed_over_and_a_failed_day_is_unknown():
    told = performance(
        (102.0, 100.0, 10.0, "ok"), (np.nan, 102.0, 0.0, "ok"), (50.5, 50.0, 10.0, "ok"),
        (np.nan, np.nan, 10.0, "failed"), (60.0, 60.0, 10.0, "ok"),
    )  # fmt: skip
    assert told["daily_return"].tolist() == pytest.approx([0.02, np.nan, 0.01, np.nan, np.nan], nan_ok=True)
    assert told["cumulative_return"].iloc[2] == pytest.approx(1.02 * 1.01 - 1)
    assert told["status"].tolist() == [
        "ok; no benchmark", "it has no units", "ok; no benchmark", "nav failed: no price",
        "no price of the session before",
    ]  # fmt: skip
