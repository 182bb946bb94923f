"""What the tests of findings share: one book, a quarter of sessions, and calm returns."""

import pandas as pd

from daybook import calendars
from tests.frames import frame

DAYS = calendars.sessions("XNYS", "2019-09-03", "2020-01-17")
D = DAYS[-1]
VALUATIONS = "business_date book instrument quantity price currency fx_rate market_value_base status reason"
NAV = frame("nav", "business_date book nav status base_currency", (D, "P", 10000.0, "ok", "USD"))
INSTRUMENTS = frame(
    "instruments",
    "instrument exchange asset_class",
    ("A", "XNYS", "equity"),
    ("L", "XLON", "equity"),
    ("B", "X", "bond"),
)
LOTS = "business_date book instrument lot opened_on"
ACTIONS = "action_id instrument kind ex_date amount numerator denominator status"


def held(*rows, date=D):
    """(instrument, quantity, value) of book P, in dollars."""
    return frame("valuations", VALUATIONS, *[(date, "P", i, q, v / q, "USD", 1.0, v, "ok", "") for i, q, v in rows])


def prices(*rows):
    return frame("prices", "business_date instrument status price_basis", *[(D, *row) for row in rows])


def calm(instrument: str, size: float, last: float) -> pd.DataFrame:
    """Returns of +size and -size in turn, and ``last`` on the last session."""
    values = [(d, instrument, size * (-1) ** k) for k, d in enumerate(DAYS[:-1])] + [(D, instrument, last)]
    return frame("returns", "business_date instrument price_return", *values)


def said(found: pd.DataFrame) -> list:
    return found[["check", "book", "instrument", "severity", "reason"]].to_numpy().tolist()


def deliveries(*rows):
    names = ["seq", "file", "table_name", "delivered", "suffix", "outcome", "reason"]
    return pd.DataFrame([(k, f"f{k}", *row) for k, row in enumerate(rows)], columns=names).astype(
        dict.fromkeys(["file", "table_name", "suffix", "outcome", "reason"], "str")
    )
