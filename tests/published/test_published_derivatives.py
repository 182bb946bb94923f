"""Options, forwards and accrued interest as published.

* J. C. Hull, Options, Futures, and Other Derivatives: example 15.6 (European call 4.76 and put 0.81), chapter 19 (the
  delta of 0.522 and the value of about 2.40 of the call that a bank hedges), chapter 21 (the American put whose tree
  converges to 4.283).
* Z. Bodie, A. Kane, A. J. Marcus, Investments, chapter 23: covered interest parity between dollar and pound, 1.585.
* ISDA, "EMU and Market Conventions: Recent Developments" (1998), the actual/actual fractions of a bond that pays 10%:
  a short first coupon from 1 February to 1 July 1999 accrues 410.958904 of 10,000, a full year 1,000.
* U.S. Treasury, 31 CFR part 356, appendix B: a half year of a 8% note pays 40 per 1,000 whatever its days, and a day of
  it accrues by the actual number of days of its half year, 181 from January to July.
"""

import math

import pandas as pd
import pytest

from daybook.ledger import pricing
from tests.frames import frame, sessions


def test_hull_european_call_and_put():
    terms = ("european", 42.0, 40.0, 182.5, 0.1, 0.0, 0.2)
    # Half a year is 182.5 days; the nearest whole ones enclose the printed figure.
    around = [pricing.option_value("call", *terms[:3], days, *terms[4:])[0] for days in (182, 183)]
    assert around[0] <= 4.7594 + 5e-3
    assert sum(around) / 2 == pytest.approx(4.76, abs=5e-3)
    around = [pricing.option_value("put", *terms[:3], days, *terms[4:])[0] for days in (182, 183)]
    assert sum(around) / 2 == pytest.approx(0.81, abs=5e-3)


def test_hull_delta_of_the_call_that_is_hedged():
    price, delta = pricing.option_value("call", "european", 49.0, 50.0, 20 * 7, 0.05, 0.0, 0.2)
    assert delta == pytest.approx(0.522, abs=1e-3)
    assert price == pytest.approx(2.40, abs=1e-2)


def test_hull_american_put():
    price, delta = pricing.option_value("put", "american", 50.0, 50.0, 152, 0.1, 0.0, 0.4)
    assert price == pytest.approx(4.283, abs=2e-3)
    assert delta == pytest.approx(-0.414, abs=2e-3)


def model_prices(day, rates, **terms):
    text = " ".join(terms)
    return pricing.model_prices(
        pd.DataFrame({"business_date": sessions(day), "instrument": pd.Series(["X"], dtype="str")}),
        frame("prices", "business_date instrument close"),
        frame("fx_rates", "business_date base quote rate status", (day, "GBP", "USD", 1.6, "ok")),
        frame("risk_free_rates", "business_date currency tenor rate", *[(day, *rate) for rate in rates]),
        frame("volatilities", "business_date instrument volatility"),
        frame("instruments", f"instrument {text}", ("X", *terms.values())),
        sessions(day),
        ["files"],
    ).iloc[0]


def test_bodie_kane_marcus_covered_interest_parity():
    rates = [("USD", "1Y", 0.05), ("GBP", "1Y", 0.06)]
    found = model_prices("2018-01-02", rates, asset_class="forward", underlying="CASH:GBP", maturity_date="2019-01-02")
    assert found["price"] == pytest.approx(1.585, abs=5e-4)


def accrued(day, **terms):
    return model_prices(day, [], asset_class="bond", **terms)["accrued_interest"]


def test_isda_actual_actual_with_a_short_first_coupon():
    bond = {"coupon_rate": 0.1, "coupon_frequency": 1.0, "maturity_date": "2002-07-01", "issue_date": "1999-02-01"}
    # 1 July 1999 is the coupon itself: what accrued the day before, and one of its 150 days more.
    before = accrued("1999-06-30", **bond)
    assert before * 150 / 149 * 100 == pytest.approx(410.958904, abs=1e-6)
    assert accrued("2000-06-30", **bond) * 366 / 365 * 100 == pytest.approx(1000.0, abs=1e-9)


def test_treasury_daily_interest_of_a_half_year():
    note = {"coupon_rate": 0.08, "coupon_frequency": 2.0, "maturity_date": "2030-07-15"}
    assert accrued("2019-07-12", **note) == pytest.approx(4.0 * 178 / 181, abs=1e-11)
    assert accrued("2020-07-13", **note) == pytest.approx(4.0 * 180 / 182, abs=1e-11), "a leap year"
    assert math.isclose(accrued("2019-07-15", **note), 0.0, abs_tol=1e-12), "the coupon's own day"
