from daybook.market import quality
from tests.frames import frame, sessions
from tests.market.quality.holdings import D, said


def test_rates_of_one_source_that_contradict_each_other():
    columns = "business_date base quote source rate"
    right = [(D, "EUR", "USD", "ecb", 1.10), (D, "GBP", "USD", "ecb", 1.25)]
    wide, wider = (D, "EUR", "GBP", "ecb", 0.80), [(*row[:3], "desk", row[4]) for row in right]
    assert quality.fx_triangles(frame("raw_fx_rates", columns, *right, (*wide[:4], 0.884)), sessions(D)).empty
    raw = frame("raw_fx_rates", columns, *right, wide)
    legs = "EUR/GBP 0.8, GBP/USD 1.25, EUR/USD 1.1 do not agree: 1 EUR to GBP to USD and back gives 0.909091"
    assert said(quality.fx_triangles(raw, sessions(D))) == [
        ["fx_triangle", "", "EUR/GBP/USD", "warning", f"source ecb: {legs}"]
    ]
    both = frame("raw_fx_rates", columns, *right, wide, *wider, (D, "EUR", "GBP", "desk", 1.10))
    found = quality.fx_triangles(both, sessions(D))
    assert found["reason"].str[:11].tolist() == ["source desk"]
