import pytest

from daybook.market import quality
from tests.frames import frame
from tests.market.quality.holdings import DAYS, D, held, said


def test_sources_that_disagree():
    columns = "business_date instrument source close price_basis"
    raw = frame(
        "raw_prices",
        columns,
        (D, "A", "x", 100.0, "raw"),
        (D, "A", "y", 101.0, "raw"),
        (D, "A", "z", 50.0, "adjusted"),
        (D, "B", "x", 100.0, "raw"),
        (D, "B", "y", 100.4, "raw"),
        (DAYS[0], "A", "y", 500.0, "raw"),
    )
    found = quality.unequal_prices(held(("A", -1.0, -200.0), ("B", 1.0, 1.0)), raw)
    assert said(found) == [["price_unequal", "P", "A", "warning", "sources differ: from 100 to 101"]]
    assert found["impact_base"].tolist() == pytest.approx([2.0])


def test_sources_in_a_minor_unit_and_in_its_currency_are_compared():
    columns = "business_date instrument source close currency"
    for pence, expected in (
        (251.0, []),
        (252.0, ["sources differ: from 2.5 to 2.52"]),
        (2.5, ["sources differ: from 0.025 to 2.5"]),
    ):
        raw = frame("raw_prices", columns, (D, "L", "x", 2.5, "GBP"), (D, "L", "y", pence, "GBX"))
        assert quality.unequal_prices(held(("L", 1.0, 2.5)), raw)["reason"].tolist() == expected
