import numpy as np
import pandas as pd
import pytest

from daybook.market import quality
from tests.frames import frame
from tests.market.quality.holdings import (
    DAYS,
    calm,
    held,
    said,
)


def test_a_spike_against_its_own_volatility():
    rows = held(("A", 10.0, 1100.0), ("B", 10.0, 1100.0), ("C", 10.0, 1100.0))
    returns = pd.concat([calm("A", 0.01, 0.10), calm("B", 0.02, 0.10), calm("C", 0.01, 0.10).tail(15)])
    found = quality.spikes(rows, returns)  # B moved five of its own volatilities, C has too short a history
    assert said(found) == [["price_spike", "P", "A", "warning", "moved by +10.0%, 10 times its own daily volatility"]]
    assert found["impact_base"].tolist() == pytest.approx([-100.0])
    calmer = quality.spikes(rows, calm("A", 0.01, -0.05))
    assert calmer.empty


def test_a_range_gives_the_findings_of_single_sessions():
    rng = np.random.default_rng(5)
    days = DAYS[-30:]
    returns = frame(
        "returns",
        "business_date instrument price_return",
        *[(d, i, rng.normal() / (5 if k % 11 == 0 else 100)) for k, d in enumerate(DAYS) for i in "ABL"],
    )
    valued = pd.concat([held(("A", 1.0, 10.0), ("B", 2.0, 7.0), ("L", 3.0, 9.0), date=d) for d in days])
    whole = quality.spikes(valued, returns)
    single = [
        quality.spikes(valued[valued["business_date"] == d], returns[returns["business_date"] <= d]) for d in days
    ]
    assert len(whole) > 1
    pd.testing.assert_frame_equal(whole, pd.concat(single, ignore_index=True), check_exact=True)
