"""Prices by model: curves, bonds, options and forwards, worked by hand or against closed forms."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.ledger import pricing
from tests.frames import frame, sessions

DAY = "2020-05-15"


def rates(*rows):
    """Rows of (date, currency, tenor, rate) or with a day count."""
    full = [(*row, "actual/365") if len(row) == 4 else row for row in rows]
    return frame("risk_free_rates", "business_date currency tenor rate day_count", *full)


def priced(
    instruments,
    *days,
    held=(),
    prices=(),
    fx=(),
    risk_free=((DAY, "USD", "1Y", 0.05),),
    volatility=(),
    order=("files",),
):
    """Model prices of every instrument on ``days`` (by default ``DAY``), by instrument."""
    days = days or (DAY,)
    facts = pd.concat([frame("instruments", " ".join(row), tuple(row.values())) for row in instruments])
    names = list(held) or [row["instrument"] for row in instruments]
    asked = pd.DataFrame(
        {
            "business_date": np.repeat(sessions(*days), len(names)),
            "instrument": pd.Series(names * len(days), dtype="str"),
        }
    )
    return pricing.model_prices(
        asked,
        frame("prices", "business_date instrument close currency", *prices),
        frame("fx_rates", "business_date base quote rate status", *((*row, "ok") for row in fx)),
        rates(*risk_free),
        frame("volatilities", "business_date instrument volatility source", *((*row, "files") for row in volatility)),
        facts,
        sessions(*days),
        order,
    )


def bond(**terms):
    plain = {"instrument": "B", "asset_class": "bond", "coupon_rate": 0.05, "coupon_frequency": 2.0}
    return {**plain, "maturity_date": "2028-02-15", **terms}


def option(**terms):
    plain = {"instrument": "O", "asset_class": "option", "underlying": "ACME", "strike": 50.0, "option_type": "call"}
    return {**plain, "exercise_style": "european", "maturity_date": "2021-05-15", **terms}


def forward(**terms):
    return {
        "instrument": "F",
        "asset_class": "forward",
        "underlying": "CASH:EUR",
        "maturity_date": "2021-05-15",
        **terms,
    }


def value(found, column="price"):
    assert len(found) == 1
    assert found["reason"].iloc[0] == ""
    return found[column].iloc[0]


def test_accrued_interest_by_day_count():
    # From 2020-02-15 to 2020-05-15 are 90 days of a half year of 182; 90 of 360; both dates are the 15th.
    expected = {
        "": 2.5 * 90 / 182,
        "ACT/ACT": 2.5 * 90 / 182,
        "actual/365": 5 * 90 / 365,
        "Act/360": 5 * 90 / 360,
        "30/360": 1.25,
        "30E/360": 1.25,
    }
    for count, amount in expected.items():
        assert value(priced([bond(day_count=count)]), "accrued_interest") == pytest.approx(amount, abs=1e-11), count
    assert value(priced([bond()], "2020-02-14", risk_free=[("2020-02-14", "USD", "1Y", 0.0)]), "accrued_interest") == (
        pytest.approx(2.5 * 183 / 184, abs=1e-11)
    ), "one day before the coupon: 183 of the 184 days since 2019-08-15"
    on_coupon = priced([bond()], "2020-02-18", risk_free=[])
    assert on_coupon["accrued_interest"].tolist() == pytest.approx([2.5 * 3 / 182], abs=1e-11)


def test_the_end_of_a_month_stays_one_and_a_short_first_coupon_starts_at_the_issue():
    thirtieth = bond(maturity_date="2028-06-30", instrument="E")
    # Half year 2019-12-31 to 2020-06-30: 182 days, of which 136 have passed.
    assert value(priced([thirtieth]), "accrued_interest") == pytest.approx(2.5 * 136 / 182, abs=1e-11)
    young = bond(issue_date="2020-04-01")
    assert value(priced([young]), "accrued_interest") == pytest.approx(2.5 * 44 / 182, abs=1e-11)
    unborn = bond(issue_date="2020-06-01")
    assert value(priced([unborn]), "accrued_interest") == 0.0


def test_a_bond_is_worth_its_payments_on_the_curve():
    # 0.99 in a year, 5% compounded for two: 1.05^-2 at 730 days; log-linear in between, constant forwards beyond.
    risk_free = [(DAY, "USD", "1Y", 1 / 0.99 - 1), (DAY, "USD", "2Y", 0.05)]
    short = bond(coupon_rate=0.06, coupon_frequency=1.0, maturity_date="2022-05-15")
    assert value(priced([short], risk_free=risk_free)) == pytest.approx(6 * 0.99 + 106 / 1.05**2, abs=1e-9)
    zero = bond(coupon_rate=0.0, coupon_frequency=0.0, maturity_date="2021-11-13")
    between = math.exp((math.log(0.99) * 183 + math.log(1.05**-2) * 182) / 365)
    assert value(priced([zero], risk_free=risk_free)) == pytest.approx(100 * between, abs=1e-9)
    beyond = bond(coupon_rate=0.0, coupon_frequency=0.0, maturity_date="2023-05-15")
    assert value(priced([beyond], risk_free=risk_free)) == pytest.approx(100 * 1.05**-4 / 0.99, abs=1e-9)


def test_a_rate_by_its_own_day_count_and_at_most_five_sessions_old():
    zero = bond(coupon_rate=0.0, coupon_frequency=0.0, maturity_date="2020-08-15")
    quarter = [(DAY, "USD", "3M", 0.04, "ACT/360")]
    assert value(priced([zero], risk_free=quarter)) == pytest.approx(100 / (1 + 0.04 * 92 / 360), abs=1e-9)
    old = [("2020-05-08", "USD", "3M", 0.04, "ACT/360")]
    assert value(priced([zero], risk_free=old)) == pytest.approx(100 / (1 + 0.04 * 92 / 360), abs=1e-9)
    older = [("2020-05-07", "USD", "3M", 0.04, "ACT/360")]
    said = "no risk-free rates of USD of this session or the 5 before it"
    found = priced([zero], risk_free=older)
    assert found["reason"].tolist() == [said]
    assert np.isnan(found["price"].iloc[0])


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"coupon_rate": float("nan")}, "its coupon is not known"),
        ({"coupon_frequency": 0.0}, "its coupon is not known"),
        ({"day_count": "actual/366"}, "day count actual/366 is not known for bonds"),
        ({"maturity_date": DAY}, "it has matured on 2020-05-15"),
        ({"maturity_date": "2150-01-01"}, "it matures in more than 99 years"),
    ],
)
def test_why_a_bond_has_no_price(terms, reason):
    found = priced([bond(**terms)])
    assert found["reason"].tolist() == [reason]
    assert found["model"].tolist() == [""]


def closed_form(sign, spot, strike, years, rate, dividend, vol):
    """Black, Scholes and Merton, with the distribution function from math.erf."""

    def normal(x):
        return 0.5 * (1 + math.erf(x / math.sqrt(2)))

    high = (math.log(spot / strike) + (rate - dividend + vol**2 / 2) * years) / (vol * math.sqrt(years))
    low = high - vol * math.sqrt(years)
    forward_, present = spot * math.exp(-dividend * years), strike * math.exp(-rate * years)
    delta = sign * math.exp(-dividend * years) * normal(sign * high)
    return sign * (forward_ * normal(sign * high) - present * normal(sign * low)), delta


MARKET = {"prices": [(DAY, "ACME", 52.0, "USD")], "volatility": [(DAY, "ACME", 0.3)]}


def test_a_european_option_is_black_scholes_and_says_what_it_is_made_of():
    rate = math.log(1.05)
    for sign, kind in ((1, "call"), (-1, "put")):
        found = priced([option(option_type=kind)], **MARKET).iloc[0]
        expected = closed_form(sign, 52.0, 50.0, 1.0, rate, 0.0, 0.3)
        assert (found["price"], found["delta"]) == pytest.approx(expected, abs=1e-8)
    assert found[["spot", "rate", "volatility"]].tolist() == pytest.approx([52.0, rate, 0.3], abs=1e-11)
    assert found["model"] == "Black-Scholes-Merton"
    assert found["convention"] == "volatility of ACME of 2020-05-15, rate to maturity, no dividends foreseen"


def test_options_on_futures_and_currencies_carry_their_own_yield():
    future = {"instrument": "ACME", "asset_class": "future"}
    found = priced([option(), future], held=["O"], **MARKET)
    rate = math.log(1.05)
    assert value(found) == pytest.approx(closed_form(1, 52.0, 50.0, 1.0, rate, rate, 0.3)[0], abs=1e-8)
    found = priced(
        [option(underlying="CASH:EUR", strike=1.1)],
        fx=[(DAY, "EUR", "USD", 1.2)],
        risk_free=[(DAY, "USD", "1Y", 0.05), (DAY, "EUR", "1Y", 0.02)],
        volatility=[(DAY, "CASH:EUR", 0.1)],
    )
    assert value(found) == pytest.approx(closed_form(1, 1.2, 1.1, 1.0, rate, math.log(1.02), 0.1)[0], abs=1e-10)


def test_of_two_volatilities_the_options_own_serves_and_the_last_one_for_five_sessions():
    both = [(DAY, "ACME", 0.3), ("2020-05-08", "O", 0.4)]
    assert value(priced([option()], **{**MARKET, "volatility": both}), "volatility") == 0.4
    late = [(DAY, "ACME", 0.3), ("2020-05-07", "O", 0.4)]
    assert value(priced([option()], **{**MARKET, "volatility": late}), "volatility") == 0.3
    none = priced([option()], prices=MARKET["prices"])
    assert none["reason"].tolist() == ["no volatility of it or of ACME within 5 sessions"]


def test_at_maturity_and_after_an_option_is_worth_what_an_exercise_brings():
    put = option(option_type="put", strike=60.0, maturity_date="2020-05-14")
    found = priced([put], prices=MARKET["prices"], risk_free=[]).iloc[0]
    assert (found["price"], found["delta"], found["model"]) == (8.0, -1.0, "intrinsic value")
    call = option(strike=60.0, maturity_date=DAY)
    found = priced([call], prices=MARKET["prices"], risk_free=[]).iloc[0]
    assert (found["price"], found["delta"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("terms", "market", "reason"),
    [
        (
            {"exercise_style": ""},
            MARKET,
            "its underlying, maturity_date, strike, option_type and exercise_style are not all known",
        ),
        ({}, {"volatility": MARKET["volatility"]}, "no price of ACME, which it is written on"),
        ({}, {**MARKET, "prices": [(DAY, "ACME", 52.0, "GBP")]}, "ACME is priced in GBP"),
        ({}, {**MARKET, "risk_free": []}, "no risk-free rates of USD of this session or the 5 before it"),
    ],
)
def test_why_an_option_has_no_price(terms, market, reason):
    assert priced([option(**terms)], **market)["reason"].tolist() == [reason]


@settings(max_examples=15)
@given(
    spot=st.floats(20, 90),
    days=st.integers(20, 700),
    rate=st.floats(0.0, 0.1),
    vol=st.floats(0.1, 0.6),
    kind=st.sampled_from(["call", "put"]),
)
def test_an_american_option_is_never_worth_less_than_a_european_one_or_its_exercise(spot, days, rate, vol, kind):
    american, delta = pricing.option_value(kind, "american", spot, 50.0, days, rate, 0.0, vol)
    european, _ = pricing.option_value(kind, "european", spot, 50.0, days, rate, 0.0, vol)
    sign = 1 if kind == "call" else -1
    assert american >= max(european, sign * (spot - 50.0)) - 1e-6
    assert -1e-9 <= sign * delta <= 1 + 1e-9
    if kind == "call":
        assert american == pytest.approx(european, abs=1e-6), "without dividends a call is not exercised early"


def test_rates_below_zero_with_two_exercise_boundaries_are_priced_by_the_lattice():
    # A put whose yield is below a negative rate: exercised early neither far in the money nor near the strike.
    price, delta = pricing.option_value("put", "american", 50.0, 50.0, 365, -0.01, -0.03, 0.1)
    european, _ = pricing.option_value("put", "european", 50.0, 50.0, 365, -0.01, -0.03, 0.1)
    assert european - 1e-2 <= price <= european + 0.5
    assert -1 <= delta <= 0


def test_a_forward_by_covered_interest_parity():
    risk_free = [(DAY, "USD", "1Y", 0.05), (DAY, "EUR", "1Y", 0.02)]
    found = priced([forward()], fx=[(DAY, "EUR", "USD", 1.2)], risk_free=risk_free).iloc[0]
    assert found["price"] == pytest.approx(1.2 * 1.05 / 1.02, abs=1e-11), "a euro for a year at 2% against 5%"
    assert found["delta"] == pytest.approx(1 / 1.02, abs=1e-11)
    assert found["discount_factor"] == pytest.approx(1 / 1.05, abs=1e-11)
    assert found["spot"] == 1.2
    at_end = priced([forward(maturity_date=DAY)], fx=[(DAY, "EUR", "USD", 1.2)], risk_free=[]).iloc[0]
    assert at_end[["price", "delta", "discount_factor"]].tolist() == [1.2, 1.0, 1.0]


@pytest.mark.parametrize(
    ("terms", "fx", "risk_free", "reason"),
    [
        ({"underlying": "ACME"}, [], [], "its underlying CASH:<CCY> and maturity_date are not known"),
        ({}, [], [], "no exchange rate EUR/USD"),
        ({}, [1.2], ["EUR"], "no risk-free rates of USD of this session or the 5 before it"),
        ({}, [1.2], ["USD"], "no risk-free rates of EUR of this session or the 5 before it"),
    ],
)
def test_why_a_forward_has_no_price(terms, fx, risk_free, reason):
    found = priced(
        [forward(**terms)],
        fx=[(DAY, "EUR", "USD", rate) for rate in fx],
        risk_free=[(DAY, currency, "1Y", 0.03) for currency in risk_free],
    )
    assert found["reason"].tolist() == [reason]


def test_one_session_alone_and_a_range_say_the_same():
    days = ("2020-05-13", "2020-05-14", DAY)
    market = {
        "prices": [(day, "ACME", 50.0 + at, "USD") for at, day in enumerate(days)],
        "volatility": [("2020-05-12", "ACME", 0.3), ("2020-05-14", "ACME", 0.35)],
        "fx": [(day, "EUR", "USD", 1.2) for day in days],
        "risk_free": [("2020-05-12", "USD", "1Y", 0.05), ("2020-05-14", "USD", "6M", 0.04), (DAY, "EUR", "1W", 0.01)],
    }
    them = [bond(), option(), option(instrument="A", exercise_style="american"), forward()]
    whole = priced(them, *days, **market)
    for day in days:
        alone = priced(them, day, **market)
        same = whole[whole["business_date"] == day].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, same, check_exact=True)
    assert len(whole) == 12


def test_what_has_no_model_has_no_row():
    assert priced([{"instrument": "ACME"}], held=["ACME", "CASH:USD"]).empty
