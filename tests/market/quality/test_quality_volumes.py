import numpy as np
import pytest

from daybook.market.quality import volumes
from tests.frames import frame
from tests.market.quality.holdings import ACTIONS, DAYS, NO_ACTIONS, D, day, said


def traded(last: float, usual: float = 1000.0, sessions: int = 60, source: str = "file"):
    """A's volumes: ``usual`` and a tenth more in turn, then ``last``."""
    past = [(d, "A", source, usual * (1.1 if k % 2 else 1.0)) for k, d in enumerate(DAYS[-sessions - 1 : -1])]
    return frame("raw_prices", "business_date instrument source volume", *past, (D, "A", "file", last))


def found(last, move=0.01, acts=NO_ACTIONS, **rows):
    return volumes.odd_volumes(day(move, value=1010.0), traded(last, **rows), acts)


def test_a_price_that_changed_without_a_trade():
    rows = found(0.0)
    assert said(rows) == [["volume_odd", "P", "A", "warning", "the price changed and nothing was traded"]]
    assert rows["impact_base"].tolist() == pytest.approx([-10.0])
    assert found(0.0, move=0.0).empty
    assert found(np.nan).empty


def test_an_unusual_volume_is_told():
    # Half of the distance between 1,000 and 1,100 is 4.8 % in logarithms, six deviations are 42 %.
    usual = 1000 * np.sqrt(1.1)
    assert found(usual * np.exp(0.41)).empty
    assert found(usual * np.exp(-0.41)).empty
    for sign in (1, -1):
        rows = found(usual * np.exp(sign * 0.44))
        assert rows["severity"].tolist() == ["info"]
        assert rows["reason"].str.endswith(", usually 1048.81").all()
        assert rows["impact_base"].isna().all()
    assert len(found(1e6, sessions=20)) == 1
    assert found(1e6, sessions=19).empty, "too short a past"
    assert found(1e6, source="other").empty, "another source counts otherwise"


def test_volumes_are_restated_for_splits():
    split = frame("corporate_actions", ACTIONS, ("a", "A", "split", D, np.nan, 10.0, 1.0, "confirmed"))
    assert found(10_500.0, acts=split).empty
    assert len(found(1050.0, acts=split)) == 1
    assert len(found(10_500.0)) == 1
