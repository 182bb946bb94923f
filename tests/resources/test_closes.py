"""What a signature saw."""

import pandas as pd

from resources import closes
from tests.frames import frame

DAY = "2022-12-27"


def test_tables_of_the_session_as_it_goes_are_not_signed(lake):
    lake.write("nav", frame("nav", "business_date book nav status", (DAY, "P", 1.0, "ok")), [DAY])
    positions = frame("intraday_positions", "business_date book instrument quantity", (DAY, "P", "A", 1.0))
    lake.write("intraday_positions", positions, [DAY])
    seen = closes.seen(lake, pd.Timestamp(DAY))
    assert {name: entry["version"] for name, entry in seen.items()} == {"nav": 1}


def test_a_signed_book_whose_nav_moved_since_is_told_with_what_was_signed(lake):
    columns, day = "business_date book nav status", pd.Timestamp(DAY)
    lake.write("nav", frame("nav", columns, (DAY, "P", 1.0, "ok"), (DAY, "Q", 5.0, "ok"), (DAY, "R", 7.0, "ok")), [DAY])
    signed = closes.seen(lake, day)
    lake.write("nav", frame("nav", columns, (DAY, "P", 2.5, "ok"), (DAY, "Q", 5.0, "ok"), (DAY, "R", 8.0, "ok")), [DAY])
    states = pd.DataFrame(
        {"book": ["P", "Q", "R"], "status": ["closed", "closed", "candidate"], "seen": [signed, signed, {}]}
    )
    assert closes.moved(lake, day, states) == {"P": 1.0}
    assert closes.moved(lake, day, states.tail(1)) == {}
