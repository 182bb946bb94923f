import numpy as np

from daybook.market import quality
from tests.frames import frame
from tests.market.quality.holdings import (
    DAYS,
    D,
    said,
)


def breaks(*rows):
    columns = "business_date book instrument kind difference impact_base impact_bp cause opened_on"
    return frame("reconciliation_breaks", columns, *[(D, "P", *row, "unexplained", DAYS[-3]) for row in rows])


def test_breaks_block_in_sum_or_when_their_effect_is_unknown():
    small = [("A", "position", 2.5, 30.0, 30.0), ("CASH:USD", "cash", -1234.0, -20.0, -20.0)]
    found = quality.breaks(breaks(*small))
    assert found["reason"].tolist() == [
        "position: the custodian has 2.5 more than the books, unexplained, open since 2020-01-15",
        "cash: the custodian has 1,234.00 USD less than the books, unexplained, open since 2020-01-15",
    ]
    assert found["check"].tolist() == ["break_open", "break_open"]
    assert set(found["severity"]) == {"warning"}
    found = quality.breaks(breaks(*small, ("B", "position", 1.0, 1.0, 1.0)))
    assert said(found)[-1] == ["break_material", "P", "", "blocking", "breaks sum up to 51.0 bp of NAV"]
    assert found["impact_base"].tolist()[-1] == 11.0
    found = quality.breaks(breaks(("B", "position", 1.0, np.nan, np.nan)))
    assert said(found)[-1][3:] == ["blocking", "the effect of a break on NAV is not known"]
