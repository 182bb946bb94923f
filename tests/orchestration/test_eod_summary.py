"""What ``daybook eod`` says of each book at the end."""

import pandas as pd

from orchestration.commands.eod import by_book
from tests.frames import frame

DAY = pd.Timestamp("2022-12-28")


def test_a_book_has_one_line_whatever_models_are_declared():
    """A second horizon of historical VaR is no second line of the book."""
    nav = frame("nav", "business_date book nav status", (DAY, "b", 1000.0, "ok"))
    models = [("historical", 0.99, 1, 7.0), ("historical", 0.99, 10, 20.0), ("historical", 0.95, 1, 5.0)]
    var = frame("var", "business_date book method confidence horizon_days var", *((DAY, "b", *row) for row in models))
    pnl = frame("pnl", "business_date book instrument total", (DAY, "b", "A", 3.0), (DAY, "b", "B", -1.0))
    earned = frame("performance", "business_date book daily_return", (DAY, "b", 0.002))
    states = pd.DataFrame({"book": ["b"], "status": ["candidate"]})
    said = by_book(nav, pnl, earned, var, states)
    assert said.to_numpy().tolist() == [["b", "1,000.00 USD", "2.00", "+0.20%", "7.00", "candidate"]]
