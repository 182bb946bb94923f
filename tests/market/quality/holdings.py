"""What the tests of findings share: one book, a quarter of sessions, calm returns, and a market of seven."""

import pandas as pd

from daybook import calendars, tables
from daybook.market.quality import moves
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
NO_ACTIONS = tables.empty("corporate_actions")
MARKET = ("A", "N1", "N2", "N3", "N4", "N5", "N6")
DAILY = 0.01 * moves.NORMAL
"""Volatility of a return that is +1 % and -1 % in turn: the median distance from its median, times 1.4826."""


def held(*rows, date=D):
    """(instrument, quantity, value) of book P, in dollars."""
    return frame("valuations", VALUATIONS, *[(date, "P", i, q, v / q, "USD", 1.0, v, "ok", "") for i, q, v in rows])


def prices(*rows, date=D):
    """(instrument, status, price_basis) of golden prices of the session, at 100 dollars from the source ``file``."""
    columns = "business_date instrument status price_basis close"
    return frame("prices", columns, *[(date, *row, 100.0) for row in rows])


def calm(instrument: str, size: float, last: float) -> pd.DataFrame:
    """Returns of +size and -size in turn, and ``last`` on the last session."""
    values = [(d, instrument, size * (-1) ** k) for k, d in enumerate(DAYS[:-1])] + [(D, instrument, last)]
    return frame("returns", "business_date instrument price_return", *values)


def market(sector="Tech") -> pd.DataFrame:
    """Seven equities of one sector."""
    return frame("instruments", "instrument exchange sector", *[(name, "XNYS", sector) for name in MARKET])


def day(own: float, *peers: float, basis="raw", value=1000.0) -> pd.DataFrame:
    """What ``measured`` says of A, held for ``value``, after a calm quarter; its peers, if any, moved by these."""
    others = [calm(name, 0.01, move) for name, move in zip(MARKET[1:], peers, strict=False)]
    returns = pd.concat([calm("A", 0.01, own), *others])
    return moves.measured(held(("A", 10.0, value)), prices(("A", "ok", basis)), returns, market())


def said(found: pd.DataFrame) -> list:
    return found[["check", "book", "instrument", "severity", "reason"]].to_numpy().tolist()
