import numpy as np
import pandas as pd

from daybook.ledger.positions import views
from tests.frames import frame

DAY = pd.Timestamp("2020-01-08")
ACTIVITY = "business_date book instrument traded_quantity transferred_quantity"
ENTITLED = "business_date book instrument action_id kind given_quantity new_instrument new_quantity"


def seen(*, held=(), acts=(), entitled=(), custodian=(), orders=()):
    found = views(
        frame("positions", "business_date book instrument quantity settled_quantity", *[(DAY, "P", *r) for r in held]),
        frame("activity", ACTIVITY, *[(DAY, "P", *r) for r in acts]),
        frame("entitlements", ENTITLED, *[(DAY, "P", *r) for r in entitled]),
        frame("custodian_positions", "business_date book instrument quantity", *[(DAY, "P", *r) for r in custodian]),
        pd.DataFrame([("P", *r) for r in orders], columns=["book", "instrument", "quantity"]),
        DAY,
    )
    names = ["start_of_day", "ordered", "quantity", "settled_quantity", "confirmed", "projected"]
    return {row.instrument: tuple(getattr(row, name) for name in names) for row in found.itertuples()}


def test_each_view_of_one_position():
    found = seen(
        held=[("A", 70.0, 100.0)], acts=[("A", -30.0, 0.0), ("CASH:USD", 5.0, 0.0)], custodian=[("A", 90.0)],
        orders=[("A", -20.0), ("N", 8.0)],
    )  # fmt: skip
    assert found["A"] == (100.0, 50.0, 70.0, 100.0, 90.0, 70.0)
    assert found["N"][:4] == (0.0, 8.0, 0.0, 0.0)
    assert np.isnan(found["N"][4])
    assert set(found) == {"A", "N"}


def test_what_was_sold_out_or_transferred_today_was_there_in_the_morning():
    found = seen(held=[("B", 0.0, 10.0)], acts=[("B", -10.0, 0.0), ("C", 0.0, -4.0)])
    assert (found["B"][0], found["C"][0], found["C"][2]) == (10.0, 4.0, 0.0)


def test_an_action_is_of_the_morning_and_an_exercise_is_of_the_day():
    found = seen(
        held=[("KID", 50.0, 50.0), ("U", 200.0, 0.0)],
        entitled=[
            ("MUM", "a", "spin_off", 0.0, "KID", 50.0),
            ("OPT", "t", "exercise", 2.0, "U", 200.0),
        ],
    )
    assert (found["KID"][0], found["U"][0], found["OPT"][0]) == (50.0, 0.0, 2.0)


def test_what_the_custodian_alone_has_stands_there():
    assert seen(custodian=[("X", 3.0)])["X"] == (0.0, 0.0, 0.0, 0.0, 3.0, 0.0)
