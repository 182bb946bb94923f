"""The error of a signed NAV, and what those who dealt at the wrong price are owed, by hand."""

import numpy as np
import pandas as pd

from daybook.control import restatement
from tests.frames import frame

DAY = "2022-12-27"


def navs(*rows):
    return frame("nav", "business_date book nav", *((DAY, *row) for row in rows))


def test_an_error_is_material_beyond_the_declared_bound_and_never_where_nothing_moved():
    then = navs(("A", 1_000_000.0), ("B", 1_000_000.0), ("C", 1_000_000.0), ("D", -5.0), ("E", -5.0))
    now = navs(("A", 1_005_000.0), ("B", 994_999.0), ("C", np.nan), ("D", -4.0), ("E", -5.0))
    rules = pd.DataFrame({"book": list("ABCDE"), "nav_error_bp": 50.0})
    rows = restatement.errors(then, now, rules).set_index("book")
    assert rows["difference"].tolist()[:2] == [5000.0, -5001.0]
    assert rows["difference_bp"].tolist()[:2] == [50.0, -50.01]
    assert rows["material"].to_dict() == {"A": False, "B": True, "C": True, "D": True, "E": False}


def test_who_paid_too_much_is_owed_and_who_got_too_much_owes():
    columns = "business_date book share_class swing_price fx_rate"
    then = frame("share_class_nav", columns, (DAY, "F", "X", 100.0, 1.0), (DAY, "F", "Y", 50.0, 2.0))
    now = frame("share_class_nav", columns, (DAY, "F", "X", 98.0, 1.0), (DAY, "F", "Y", 50.0, 2.0))
    dealt = frame(
        "dealings",
        "business_date book transaction_id share_class kind flows",
        (DAY, "F", "S1", "X", "subscription", 10_000.0),  # 100 units at 100 that were worth 98: owed 200
        (DAY, "F", "R1", "X", "redemption", -5_000.0),  # 50 units paid at 100: 100 too much
        (DAY, "F", "S2", "Y", "subscription", 1_000.0),  # its price was right
        (DAY, "F", "P1", "X", "fee", 0.0),
    )
    rows = restatement.compensation(dealt, then, now)
    assert rows[["transaction_id", "units", "compensation"]].to_numpy().tolist() == [
        ["S1", 100.0, 200.0],
        ["R1", -50.0, -100.0],
    ]
