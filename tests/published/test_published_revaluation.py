"""Options and bonds at moved prices as published.

* J. C. Hull, Options, Futures, and Other Derivatives, chapter 4, section on duration: a bond of three years with a
  coupon of 10 % a year, paid twice, at a continuous yield of 12 % is worth 94.213; ten basis points more make it
  93.963.
* N. Ju (1999), An approximate formula for pricing American options, Journal of Derivatives 7(2), exhibit 3: American
  puts on a share at 40, as QuantLib's test suite prints his column (americanoption.cpp). The formula is an
  approximation, within a cent and a half of the price.
"""

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.risk import revaluation
from tests.frames import frame

# Strike, years, volatility, price; spot 40, rate 4.88 %, no dividends.
JU = [
    *((35, 0.0833, 0.2, 0.006), (35, 0.3333, 0.2, 0.201), (35, 0.5833, 0.2, 0.433)),
    *((40, 0.0833, 0.2, 0.851), (40, 0.3333, 0.2, 1.576), (40, 0.5833, 0.2, 1.984)),
    *((45, 0.0833, 0.2, 5.000), (45, 0.3333, 0.2, 5.084), (45, 0.5833, 0.2, 5.260)),
    *((35, 0.0833, 0.3, 0.078), (35, 0.3333, 0.3, 0.697), (35, 0.5833, 0.3, 1.218)),
    *((40, 0.0833, 0.3, 1.309), (40, 0.3333, 0.3, 2.477), (40, 0.5833, 0.3, 3.161)),
    *((45, 0.0833, 0.3, 5.059), (45, 0.3333, 0.3, 5.699), (45, 0.5833, 0.3, 6.231)),
]


def test_ju_american_puts():
    strike, years, volatility, price = np.array(JU).T
    n = len(JU)
    found = revaluation.option_prices(
        -np.ones(n), np.ones(n, bool), np.full((n, 1), 40.0), strike, years, np.full(n, 0.0488), np.zeros(n), volatility
    )
    np.testing.assert_allclose(found[:, 0], price, atol=0.015)


def test_hull_bond_after_ten_basis_points():
    day = pd.Timestamp("2017-08-15")
    held = pd.DataFrame(
        {
            "business_date": [day.as_unit("us")],
            "instrument": ["B"],
            "asset_class": ["bond"],
            "currency": ["USD"],
            "base_currency": ["USD"],
            "quantity": [100.0],
            "price": [94.213],
            "fx_rate": [1.0],
            "market_value_base": [94.213],
        }
    ).astype({"business_date": "datetime64[us]"})
    terms = "instrument asset_class coupon_rate coupon_frequency maturity_date"
    bond = frame("instruments", terms, ("B", "bond", 0.1, 2.0, "2020-08-15"))
    found = revaluation.terms(held, tables.empty("model_prices"), bond)
    assert found["rate"].item() == pytest.approx(0.12, abs=5e-4), "half years are 181 or 184 days of 365 here"
    moved = revaluation.revalued(found, np.zeros((1, 1)), rate=0.001).item()
    assert 94.213 + moved == pytest.approx(93.963, abs=5e-4)
