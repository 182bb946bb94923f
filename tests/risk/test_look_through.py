"""Funds looked through by hand: dated, nested, with a rest, in a circle."""

import numpy as np
import pandas as pd

from daybook import calendars, tables
from daybook.risk import exposures, look_through
from tests.frames import frame, sessions

DAY = "2020-01-31"
TODAY = sessions(DAY)
INSTRUMENTS = frame(
    "instruments",
    "instrument asset_class sector currency underlying valid_from",
    *[(name, "equity", sector, "USD", "", "2000-01-01") for name, sector in (("A", "Tech"), ("B", "Energy"))],
    *[(name, "etf", "Funds", "USD", "", "2000-01-01") for name in ("F", "G", "H", "K")],
    ("I", "index", "", "USD", "", "2000-01-01"),
    ("FUT", "future", "", "USD", "I", "2000-01-01"),
)


def held(*rows):
    """Constituents: fund, instrument, weight and, if it matters, since when."""
    columns = "fund instrument weight business_date"
    return frame("constituents", columns, *[(*row, "2020-01-02")[:4] for row in rows])


def leaves(*rows, day=TODAY):
    found = look_through.leaves(held(*rows), INSTRUMENTS, day)
    return {(row.fund, row.instrument, row.opaque): round(row.weight, 12) for row in found.itertuples()}


def run(*positions, constituents=(), nav=1000.0):
    columns = "business_date book instrument currency quantity market_value_base exposure_base"
    values = frame("valuations", columns, *[(DAY, "b", name, "USD", 1.0, v, v) for name, v in positions])
    books = frame("nav", "business_date book nav status", (DAY, "b", nav, "ok"))
    found = look_through.look_through_exposures(
        values, INSTRUMENTS, books, TODAY, held(*constituents), exposures.NOTHING
    )
    return found.set_index(["dimension", "bucket"])


def test_what_a_fund_holds_is_netted_with_what_the_book_holds_and_the_rest_stays():
    """100 of F, 60 % A, 30 % B: A -40 + 60 = 20 long, B 30, 10 stay in F. Of gross 140, 10 stand in a fund."""
    rows = run(("A", -40.0), ("F", 100.0), ("CASH:USD", 7.0), constituents=[("F", "A", 0.6), ("F", "B", 0.3)])
    assert rows.loc[("instrument", "A"), ["long", "short", "coverage"]].tolist() == [20.0, 0.0, 1.0]
    assert rows.loc[("instrument", "B"), ["net", "net_fraction"]].tolist() == [30.0, 0.03]
    assert rows.loc[("instrument", "F"), ["net", "coverage"]].tolist() == [10.0, 0.0]
    assert rows.loc[("asset_class", "equity"), "gross"] == 50.0
    assert rows.loc[("asset_class", "cash"), "net"] == 7.0
    assert rows.loc[("strategy", "Unclassified"), "coverage"] == round(130 / 140, 12)
    assert rows.loc[("instrument", "A"), "notional_base"] == 100.0, "a notional is never netted"


def test_an_index_future_is_looked_through_by_its_index_and_a_fund_without_constituents_is_not():
    rows = run(("FUT", -50.0), ("G", 20.0), constituents=[("I", "A", 0.5), ("I", "B", 0.5)])
    assert rows.loc[("sector", "Tech"), "short"] == -25.0
    assert ("instrument", "FUT") not in rows.index
    assert rows.loc[("instrument", "G"), "coverage"] == 0.0


def test_a_delivery_holds_until_the_next_one():
    old, new = ("F", "A", 1.0, "2019-01-02"), ("F", "B", 1.0, "2020-01-31")
    assert leaves(old, new, day=sessions("2020-01-30")) == {("F", "A", False): 1.0}
    assert leaves(old, new) == {("F", "B", False): 1.0}
    assert leaves(old, new, day=sessions("2018-01-02")) == {}


def test_funds_of_funds_are_opened_five_deep():
    chain = [(f"F{i}", f"F{i + 1}", 1.0) for i in range(1, 8)]
    assert leaves(*chain)["F1", "F6", True] == 1.0, "what is deeper stays, and is said not to be looked through"
    assert leaves(*chain)["F4", "F8", False] == 1.0
    nested = [("F", "G", 0.5), ("F", "A", 0.5), ("G", "A", 0.4), ("G", "B", 0.4)]
    expected = {("F", "A", False): 0.7, ("F", "B", False): 0.2, ("F", "G", True): 0.1}
    assert {key: weight for key, weight in leaves(*nested).items() if key[0] == "F"} == expected


def test_funds_that_hold_each_other_are_named_and_closed():
    circle = [("F", "G", 0.5), ("F", "A", 0.5), ("G", "H", 1.0), ("H", "F", 1.0), ("K", "F", 1.0)]
    found = look_through.circles(held(*circle), INSTRUMENTS, TODAY)
    assert sorted(found["fund"]) == ["F", "G", "H"]
    assert leaves(*circle) == {("K", "F", True): 1.0}
    rows = run(("F", 10.0), ("K", 5.0), constituents=circle)
    assert rows.loc[("instrument", "F"), ["net", "coverage"]].tolist() == [15.0, 0.0]


NAMES = ["A", "B", "F", "G", "H", "K", "CASH:USD"]


def test_exposure_is_neither_made_nor_lost_whatever_holds_what():
    """Two hundred random graphs of funds, one for each session: short weights, rests, circles and all."""
    draw, days = np.random.default_rng(3), calendars.sessions("XNYS", "2018-01-02")[:200]
    edges = pd.DataFrame({"business_date": days.repeat(28), "fund": list("FGHK") * 7 * 200, "instrument": NAMES * 800})
    edges = edges[draw.random(len(edges)) < 0.3]
    edges = edges.assign(weight=draw.uniform(-1, 2, len(edges)).round(3)).drop_duplicates(
        ["business_date", "fund", "instrument"]
    )
    rows = [(*row[1:], row[0]) for row in edges.itertuples(index=False)]
    owned = pd.DataFrame({"business_date": days.repeat(7), "book": "b", "instrument": NAMES * 200, "currency": "USD"})
    owned = owned.astype({"book": "str", "instrument": "str", "currency": "str"})
    owned = owned.assign(exposure_base=draw.integers(-1000, 1000, len(owned)).astype(float), notional_base=0.0)
    constituents = held(*rows)
    known = look_through.leaves(constituents, INSTRUMENTS, days)
    assert len(look_through.circles(constituents, INSTRUMENTS, days)) > 50
    inside = look_through.expanded(owned, known, INSTRUMENTS)
    before, after = (frame.groupby("business_date")["exposure_base"].sum() for frame in (owned, inside))
    assert np.allclose(before, after, rtol=0, atol=1e-6)
    assert (inside["clear"] <= inside["whole"] + 1e-9).all()
    one = look_through.leaves(constituents, INSTRUMENTS, days[7:8])
    expected = known[known["business_date"].eq(days[7])].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, expected, check_exact=True)


def test_no_position_and_no_constituents():
    assert look_through.leaves(tables.empty("constituents"), INSTRUMENTS, TODAY).empty
    assert run().empty
