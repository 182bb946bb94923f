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
