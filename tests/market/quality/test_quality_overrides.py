import numpy as np
import pytest

from daybook.market.quality.overrides import overridden
from tests.frames import frame
from tests.market.quality.holdings import D, held, said


def test_an_override_is_told_of_each_holding_with_what_the_market_would_make_of_nav():
    rows = held(("A", 10.0, 1200.0), ("L", -5.0, -600.0), ("B", 1.0, 120.0), ("N", 1.0, 100.0))
    golden = frame(
        "prices",
        "business_date instrument close status market_close reason",
        (D, "A", 120.0, "override", 150.0, "why A"),
        (D, "L", 120.0, "override", 150.0, "why L"),
        (D, "B", 120.0, "override", np.nan, "why B"),
        (D, "N", 100.0, "ok", np.nan, ""),
        (D, "UNHELD", 1.0, "override", 2.0, "why not"),
    )
    found = overridden(rows, golden)
    assert said(found) == [["price_override", "P", name, "warning", f"why {name}"] for name in "ALB"]
    assert found["impact_base"].tolist() == pytest.approx([300.0, -150.0, np.nan], nan_ok=True)
