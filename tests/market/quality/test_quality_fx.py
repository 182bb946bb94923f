import pandas as pd
import pytest

from daybook.market.quality import fx
from tests.frames import frame, sessions
from tests.market.quality.holdings import NAV, VALUATIONS, D, said

COLUMNS = "business_date base quote source rate"
RIGHT = [(D, "EUR", "USD", "ecb", 1.10), (D, "GBP", "USD", "ecb", 1.25)]
WIDE = (D, "EUR", "GBP", "ecb", 0.80)
LEGS = "EUR/GBP 0.8, GBP/USD 1.25, EUR/USD 1.1 do not agree: 1 EUR to GBP to USD and back gives 0.909091"


def cash(book="P", **values):
    """What a book has in each currency, in its own."""
    rows = [(D, book, f"CASH:{name}", 1.0, 1.0, name, 1.0, value, "ok", "") for name, value in values.items()]
    return frame("valuations", VALUATIONS, *rows)


def golden(raw, *without):
    rows = raw.assign(status="ok", pair=raw["base"] + raw["quote"])
    return rows[~rows["pair"].isin(without)]


def found(raw, valuations, *without, nav=NAV):
    return fx.fx_triangles(raw, golden(raw, *without), valuations, nav, sessions(D))


def test_stale_rates_of_currencies_that_books_have():
    rates = frame(
        "fx_rates",
        "business_date base quote status reason",
        (D, "EUR", "USD", "stale", "why"),
        (D, "EUR", "JPY", "stale", "why"),
        (D, "GBP", "USD", "ok", ""),
    )
    assert said(fx.stale_rates(cash(EUR=1.0), rates, NAV)) == [["fx_stale", "", "EUR/USD", "warning", "why"]]


def test_rates_of_one_source_that_contradict_each_other_warn_the_firm():
    raw = frame("raw_fx_rates", COLUMNS, *RIGHT, WIDE)
    assert found(frame("raw_fx_rates", COLUMNS, *RIGHT, (*WIDE[:4], 0.884)), cash(EUR=100.0)).empty
    expected = [["fx_triangle", "", "EUR/GBP/USD", "warning", f"source ecb: {LEGS}"]]
    assert said(found(raw, cash())) == expected
    assert said(found(raw, cash(USD=1e6, JPY=1e6))) == expected, "its own currency, and one that is not concerned"
    assert said(found(raw, cash(EUR=0.005))) == expected, "rounding"
    assert found(raw, cash(), nav=NAV.head(0))["book"].tolist() == [""]


def test_a_book_that_is_valued_through_them_is_blocked_with_what_is_at_stake():
    raw = frame("raw_fx_rates", COLUMNS, *RIGHT, WIDE)
    rows = found(raw, cash(EUR=1000.0, GBP=-500.0, USD=9.0))
    assert said(rows) == [["fx_triangle", "P", "EUR/GBP/USD", "blocking", f"source ecb: {LEGS}"]]
    # 1.1 / (0.8 x 1.25) - 1 is a tenth.
    assert rows["impact_base"].tolist() == pytest.approx([150.0])
    nav = pd.concat([NAV, NAV.assign(book="Q", base_currency="GBP")])
    both = pd.concat([cash(EUR=1000.0), cash("Q", GBP=9.0)])
    assert found(raw, both, nav=nav)["book"].tolist() == ["P"], "the other one has its own currency alone"


def test_a_rate_that_was_not_delivered_is_made_of_others():
    raw = frame("raw_fx_rates", COLUMNS, *RIGHT, WIDE, (D, "CHF", "USD", "ecb", 1.0), (D, "EUR", "CHF", "ecb", 1.1))
    swiss = NAV.assign(base_currency="CHF")
    assert found(raw, cash(EUR=1000.0), nav=swiss)["book"].tolist() == [""], "EUR/CHF is none of the legs"
    crossed = found(raw, cash(GBP=1000.0), nav=swiss)
    assert crossed["book"].tolist() == ["P"], "GBP/CHF goes through USD or EUR"
    assert crossed["impact_base"].tolist() == pytest.approx([100.0])


def test_rates_of_a_source_that_was_not_chosen_move_nothing():
    desk = [(*row[:3], "desk", row[4]) for row in (*RIGHT, WIDE)]
    raw = frame("raw_fx_rates", COLUMNS, *RIGHT, *desk)
    chosen = golden(frame("raw_fx_rates", COLUMNS, *RIGHT, (*WIDE[:4], 0.88)))
    rows = fx.fx_triangles(raw, chosen, cash(EUR=1000.0), NAV, sessions(D))
    assert rows["severity"].tolist() == ["warning"]
    own = fx.fx_triangles(raw, chosen.assign(source="desk"), cash(EUR=1000.0), NAV, sessions(D))
    assert own["severity"].tolist() == ["blocking"]


def test_of_several_sources_the_widest_gap_is_named():
    wider = [(*row[:3], "desk", row[4]) for row in RIGHT]
    both = frame("raw_fx_rates", COLUMNS, *RIGHT, WIDE, *wider, (D, "EUR", "GBP", "desk", 1.10))
    assert found(both, cash())["reason"].str[:11].tolist() == ["source desk"]
