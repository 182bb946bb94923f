import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.market import price_sources
from daybook.market.quality import finding, sources
from tests.frames import frame
from tests.market.quality.holdings import ACTIONS, DAYS, INSTRUMENTS, NO_ACTIONS, D, day, held, said

COLUMNS = "business_date instrument source close price_basis"
POLICY = pd.DataFrame({"tolerance": [0.005]})


def unequal(valuations, raw, declared=None):
    declared = tables.empty("price_sources") if declared is None else declared
    policy = price_sources.policy(declared, INSTRUMENTS, finding.holdings(valuations))
    return sources.unequal_prices(valuations, raw, policy)


def test_sources_that_disagree():
    raw = frame(
        "raw_prices",
        COLUMNS,
        (D, "A", "x", 100.0, "raw"),
        (D, "A", "y", 101.0, "raw"),
        (D, "A", "z", 50.0, "adjusted"),
        (D, "B", "x", 100.0, "raw"),
        (D, "B", "y", 100.4, "raw"),
        (DAYS[0], "A", "y", 500.0, "raw"),
    )
    rows = held(("A", -1.0, -200.0), ("B", 1.0, 1.0))
    found = unequal(rows, raw)
    assert said(found) == [["price_unequal", "P", "A", "by impact", "sources differ: from 100 to 101"]]
    assert found["impact_base"].tolist() == pytest.approx([2.0])
    columns = "asset_class valid_from sources max_stale tolerance"
    declared = frame("price_sources", columns, ("equity", "2019-01-01", "x y", 5.0, 0.02))
    assert unequal(rows, raw, declared).empty
    strict = frame("price_sources", columns, ("bond", "2019-01-01", "x y", 5.0, 0.003))
    assert unequal(rows, raw, strict)["instrument"].tolist() == ["A", "B"]


def test_sources_in_a_minor_unit_and_in_its_currency_are_compared():
    columns = "business_date instrument source close currency"
    for pence, expected in (
        (251.0, []),
        (252.0, ["sources differ: from 2.5 to 2.52"]),
        (2.5, ["sources differ: from 0.025 to 2.5"]),
    ):
        raw = frame("raw_prices", columns, (D, "L", "x", 2.5, "GBP"), (D, "L", "y", pence, "GBX"))
        assert unequal(held(("L", 1.0, 2.5)), raw)["reason"].tolist() == expected


def test_another_source_confirms_a_move_by_its_own():
    def found(*rows, acts=NO_ACTIONS):
        return sources.confirmed(day(0.10), frame("raw_prices", COLUMNS, *rows), acts, POLICY).tolist()

    own = [(DAYS[-2], "A", "file", 10.0, "raw"), (D, "A", "file", 11.0, "raw")]
    other = [(DAYS[-2], "A", "y", 20.0, "raw"), (D, "A", "y", 22.05, "raw")]
    assert found(*own, *other) == [True], "10.25 % against 10 %, at another level"
    assert found(*own) == [False], "a source does not confirm itself"
    assert found(*own, other[0], (D, "A", "y", 22.2, "raw")) == [False]
    assert found(*own, other[0], (D, "A", "y", 18.0, "raw")) == [False], "the other way"
    assert found(*own, other[1]) == [False], "it has no past"
    assert found(*own, other[0]) == [False], "nor a present"
    split = frame("corporate_actions", ACTIONS, ("a", "A", "split", D, np.nan, 2.0, 1.0, "confirmed"))
    halved = (D, "A", "y", 11.0, "raw")
    assert found(*own, other[0], halved) == [False]
    assert found(*own, other[0], halved, acts=split) == [True]
    adjusted = [(*row[:4], "adjusted") for row in (other[0], halved)]
    assert found(*own, *adjusted, acts=split) == [False]


@pytest.mark.parametrize(
    ("open", "high", "low", "close", "text", "impact"),
    [
        (10.0, 11.0, 9.0, 8.0, "close below low: open 10, high 11, low 9, close 8", 800.0 / 8),
        (10.0, 11.0, 9.0, 12.0, "close above high: open 10, high 11, low 9, close 12", 800.0 / 12),
        (8.5, 11.0, 9.0, 10.0, "open below low: open 8.5, high 11, low 9, close 10", 40.0),
        (13.0, 11.0, 9.0, 10.0, "open above high: open 13, high 11, low 9, close 10", 160.0),
        (10.0, 9.0, 11.0, 10.0, "high below low: open 10, high 9, low 11, close 10", 160.0),
        (np.nan, 9.0, np.nan, 10.0, "close above high: open nan, high 9, low nan, close 10", 80.0),
    ],
)
def test_a_crossed_row(open, high, low, close, text, impact):
    raw = frame("raw_prices", "business_date instrument close open high low", (D, "A", close, open, high, low))
    golden = frame("prices", "business_date instrument status close", (D, "A", "ok", close))
    found = sources.crossed(held(("A", -10.0, -800.0)), golden, raw)
    assert said(found) == [["price_crossed", "P", "A", "by impact", text]]
    assert found["impact_base"].tolist() == pytest.approx([impact])


def test_rows_that_are_not_crossed_or_not_used():
    columns = "business_date instrument source close open high low"
    golden = frame("prices", "business_date instrument status source", (D, "A", "ok", "file"))
    rows = held(("A", 1.0, 10.0))
    for values in (
        (9.0, 10.0, 11.0, 9.0),
        (11.0, np.nan, 11.0, 9.0),
        (10.0, 10.0, 10.0, 10.000001),
        (1.0, 2.0, *[np.nan] * 2),
    ):
        assert sources.crossed(rows, golden, frame("raw_prices", columns, (D, "A", "file", *values))).empty
    crossed = frame("raw_prices", columns, (D, "A", "other", 8.0, 8.0, 11.0, 9.0))
    assert sources.crossed(rows, golden, crossed).empty, "the other source was not chosen"
    assert sources.crossed(rows, golden.assign(source="other"), crossed)["check"].tolist() == ["price_crossed"]
    assert sources.crossed(rows, golden.assign(source="other", status="stale"), crossed).empty
    assert sources.crossed(rows.head(0), golden, crossed).empty


def test_a_price_in_another_currency_than_its_instrument():
    rates = frame("fx_rates", "business_date base quote rate status", (D, "EUR", "USD", 1.25, "ok"))
    golden = frame("prices", "business_date instrument status currency", (D, "A", "ok", "EUR"))
    unknown = frame("returns", "business_date instrument price_return", (D, "A", np.nan))
    rows = held(("A", 1.0, 1250.0))  # 1,000 euros that may be 1,000 dollars

    def found(golden, returns):
        return sources.currency_differs(rows, golden, returns, INSTRUMENTS, rates)

    first = found(golden, unknown)
    reason = "the price is in EUR, the instrument in USD"
    assert said(first) == [["price_currency", "P", "A", "by impact", reason]]
    assert first["impact_base"].tolist() == pytest.approx([-250.0])
    assert found(golden, unknown.head(0))["severity"].tolist() == ["by impact"]
    usual = frame("returns", "business_date instrument price_return", (D, "A", 0.01))
    assert found(golden, usual)["severity"].tolist() == ["warning"], "it was in euros before"
    assert found(golden.assign(currency="USD"), unknown).empty
    yen = found(golden.assign(currency="JPY"), unknown)
    assert np.isnan(yen["impact_base"].tolist()[0]), "no rate"
    pence = INSTRUMENTS.assign(currency="GBX")
    assert sources.currency_differs(rows, golden.assign(currency="GBP"), unknown, pence, rates).empty
