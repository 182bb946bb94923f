import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import tables
from daybook.ledger import pricing
from daybook.risk import revaluation
from tests.frames import frame, sessions

DAY = "2020-06-15"
MODELLED = "business_date instrument price spot rate volatility dividend_yield"
STOCK_OPTION = {"asset_class": "option", "underlying": "ACME", "strike": 100.0, "option_type": "call"}
BOND = {"asset_class": "bond", "coupon_rate": 0.05, "coupon_frequency": 2.0, "maturity_date": "2030-02-15"}


def option(name="O", **terms):
    return {"instrument": name, "exercise_style": "european", "maturity_date": "2021-06-15", **STOCK_OPTION, **terms}


def price_of(terms, volatility, spot=100.0, rate=0.02, dividend=0.0):
    days = (pd.Timestamp(terms["maturity_date"]) - pd.Timestamp(DAY)).days
    style = (terms["option_type"], terms["exercise_style"])
    return pricing.option_value(*style, spot, terms["strike"], float(days), rate, dividend, volatility)[0]


def held(*positions):
    """Positions (instrument, asset class, quantity, price, money of one unit and point), in a dollar book."""
    rows = [
        (pd.Timestamp(DAY), name, kind, "USD", "USD", float(quantity), price, 1.0, quantity * price * point)
        for name, kind, quantity, price, point in positions
    ]
    columns = "business_date instrument asset_class currency base_currency quantity price fx_rate market_value_base"
    return pd.DataFrame(rows, columns=columns.split()).astype({"business_date": "datetime64[us]"})


def facts(*instruments):
    return pd.concat([frame("instruments", " ".join(terms), tuple(terms.values())) for terms in instruments])


def modelled(*rows):
    """Rows of model_prices: instrument, price, spot, rate, volatility, dividend yield."""
    return frame("model_prices", MODELLED, *[(DAY, *row) for row in rows])


def terms_of(instrument, quantity=1.0, *, volatility=0.2, price=None, spot=100.0, rate=0.02, dividend=0.0):
    """Terms of a position in one option, priced by its model unless a price is given."""
    model = price_of(instrument, volatility, spot, rate, dividend)
    return revaluation.terms(
        held((instrument["instrument"], "option", quantity, model if price is None else price, 1.0)),
        modelled((instrument["instrument"], model, spot, rate, volatility, dividend)),
        facts(instrument),
    )


def bond_terms(price, quantity=100.0, **terms):
    positions = held(("B", "bond", quantity, price, 0.01))
    return revaluation.terms(positions, tables.empty("model_prices"), facts({"instrument": "B", **BOND, **terms}))


def test_an_option_by_hand():
    # Black and Scholes: d1 = 0.2, d2 = 0 with S = K = 100, r = 2 %, 20 % over a year; at 110 ln(1.1) / 0.2 more.
    terms = terms_of(option(), 10)
    under = NormalDist().cdf
    up = 110 * under(math.log(1.1) / 0.2 + 0.2) - 100 * math.exp(-0.02) * under(math.log(1.1) / 0.2)
    now = 100 * under(0.2) - 100 * math.exp(-0.02) * 0.5
    assert revaluation.revalued(terms, np.array([[0.1]])).item() == pytest.approx(10 * (up - now))


@pytest.mark.parametrize("style", ["european", "american"])
@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("dividend", [0.0, 0.02, 0.06])
def test_prices_are_those_of_the_ledger(style, kind, dividend):
    moves = np.array([[-0.9, -0.3, -0.05, 0.0, 0.01, 0.2, 1.5]])
    instrument = option(exercise_style=style, option_type=kind, strike=95.0)
    found = revaluation.revalued(terms_of(instrument, dividend=dividend), moves)
    before = price_of(instrument, 0.2, dividend=dividend)
    expected = [price_of(instrument, 0.2, 100 * (1 + move), dividend=dividend) - before for move in moves[0]]
    allowed = 1e-9 if style == "european" else revaluation.TOLERANCE * 95
    np.testing.assert_allclose(found[0], expected, atol=allowed)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([1.0, -1.0]),
    st.floats(60, 160),
    st.integers(1, 1000),
    st.floats(-0.02, 0.1),
    st.floats(0, 0.1),
    st.floats(0.05, 0.8),
)
def test_american_options_are_worth_what_quantlib_says(sign, spot, days, rate, dividend, volatility):
    found = revaluation.option_prices(
        [sign], [True], np.array([[spot]]), [100.0], [days / 365], [rate], [dividend], [volatility]
    ).item()
    kind = "call" if sign > 0 else "put"
    known = pricing.option_value(kind, "american", spot, 100.0, float(days), rate, dividend, volatility)[0]
    assert found == pytest.approx(known, abs=revaluation.TOLERANCE * 100)
    assert found >= max(sign * (spot - 100.0), 0.0)


def test_put_call_parity_holds_of_what_positions_earn():
    # Long the call and short the put is long the share and owes the strike: P&L = dS - K (exp(-r'T) - exp(-rT)).
    draw = np.random.default_rng(5)
    spot, rate, volatility, currency = (
        draw.uniform(*ends, 200) for ends in ((-1, 3), (-0.1, 0.1), (-0.5, 1), (-0.2, 0.2))
    )
    pair = [terms_of(option(kind, option_type=kind), quantity) for kind, quantity in (("call", 1), ("put", -1))]
    parts = revaluation.revalued(
        pd.concat(pair), np.tile(spot, (2, 1)), rate=rate, volatility=volatility, currency=currency
    )
    now, then = 100 - 100 * math.exp(-0.02), 100 * (1 + spot) - 100 * np.exp(-0.02 - rate)
    np.testing.assert_allclose(parts.sum(axis=0), then * (1 + currency) - now, atol=1e-9)


@pytest.mark.parametrize("style", ["european", "american"])
def test_a_long_option_never_loses_more_than_it_is_worth(style):
    cases = [(kind, price) for kind in ("call", "put") for price in (0.01, 2.0, 9.0, 30.0, 60.0, 110.0)]
    terms = pd.concat([terms_of(option(option_type=k, exercise_style=style), 3, price=p) for k, p in cases])
    worth = np.array([[3 * price] for _, price in cases])
    moves = np.broadcast_to([-1.5, -1.0, -0.7, -0.1, 0.0, 0.1, 1.0, 5.0], (len(cases), 8))
    for volatility in (0.0, -1.0, 2.0):
        earned = revaluation.revalued(terms, moves, volatility=volatility)
        assert np.isfinite(earned).all()
        assert (earned >= -worth - 1e-9).all()
        short = revaluation.revalued(terms.assign(units=-terms["units"], value=-worth), moves, volatility=volatility)
        np.testing.assert_array_equal(short, -earned)


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("style", ["european", "american"])
def test_small_moves_earn_delta(kind, style):
    instrument = option(option_type=kind, exercise_style=style)
    days = 365.0
    delta = pricing.option_value(kind, style, 100.0, 100.0, days, 0.02, 0.0, 0.2)[1]
    found = revaluation.revalued(terms_of(instrument), np.array([[1e-4, -1e-4]]))[0]
    assert (found[0] - found[1]) / (2 * 100 * 1e-4) == pytest.approx(delta, abs=2e-3)


def test_without_a_move_nothing_is_earned_and_a_currency_moves_the_worth():
    terms = pd.concat([terms_of(option(exercise_style="american", option_type="put"), 7, price=9.0), bond_terms(98.0)])
    assert revaluation.revalued(terms, np.zeros((2, 1))).tolist() == [[0.0], [0.0]]
    moved = revaluation.revalued(terms, np.zeros((2, 1)), currency=0.1)
    np.testing.assert_allclose(moved[:, 0], [6.3, 9.8])


@pytest.mark.parametrize("style", ["european", "american"])
def test_the_market_says_how_volatile_an_option_is(style):
    # Its model has 20 %; the market pays what 30 % would be worth.
    instrument = option(exercise_style=style, option_type="put")
    terms = terms_of(instrument, price=price_of(instrument, 0.3))
    assert terms["volatility"].item() == pytest.approx(0.3, abs=1e-6 if style == "european" else 1e-3)
    found = revaluation.revalued(terms, np.array([[-0.2]])).item()
    expected = price_of(instrument, 0.3, 80.0) - price_of(instrument, 0.3)
    assert found == pytest.approx(expected, abs=1e-6 if style == "european" else 0.05)


def test_a_price_that_no_volatility_makes_keeps_the_model_and_bounds_the_loss():
    instrument = option(strike=50.0)
    terms = terms_of(instrument, price=45.0)  # below what exercising at maturity is worth now
    assert terms["volatility"].item() == 0.2
    assert revaluation.revalued(terms, np.array([[-0.99]])).item() == -45.0


def test_rate_and_volatility_move_by_scenario():
    terms = terms_of(option(), 2)
    found = revaluation.revalued(
        pd.concat([terms, terms]), np.zeros((2, 2)), rate=[[0.0, 0.01], [0.01, 0.0]], volatility=[[0.5, 0.0], [0.0, -1]]
    )
    now = price_of(option(), 0.2)
    more, dearer = price_of(option(), 0.3), price_of(option(), 0.2, rate=0.03)
    certain = 100 - 100 * math.exp(-0.02)
    np.testing.assert_allclose(found, 2 * (np.array([[more, dearer], [dearer, certain]]) - now), atol=1e-9)


def test_an_option_whose_maturity_has_come_is_worth_its_exercise():
    late = option(maturity_date=DAY, strike=90.0)
    positions = held(("O", "option", 1, 10.0, 1.0))
    terms = revaluation.terms(positions, modelled(("O", 10.0, 100.0, math.nan, math.nan, math.nan)), facts(late))
    found = revaluation.revalued(terms, np.array([[0.05, -0.05, -0.2]]))[0]
    np.testing.assert_allclose(found, [5.0, -5.0, -10.0])


def test_a_zero_coupon_bond_by_hand():
    # Ten years of 365 days at 80: y = ln(100 / 80) / 10; one point more leaves 80 exp(-0.1).
    maturity = (pd.Timestamp(DAY) + pd.Timedelta(days=3650)).strftime("%Y-%m-%d")
    terms = bond_terms(80.0, 1000.0, coupon_rate=0.0, maturity_date=maturity)
    assert terms["rate"].item() == pytest.approx(math.log(1.25) / 10)
    found = revaluation.revalued(terms, np.zeros((1, 3)), rate=[[0.01, -0.01, 5.0]])[0]
    np.testing.assert_allclose(found, [800 * math.expm1(-0.1), 800 * math.expm1(0.1), 800 * math.expm1(-50)])
    assert found[2] >= -800


def test_a_coupon_bond_by_hand():
    # Bought on a coupon date at 100: two coupons of 3 and the redemption after 184 and 365 days.
    day = pd.Timestamp("2021-02-15")
    flows = [(181 / 365, 3.0), (365 / 365, 103.0)]
    positions = held(("B", "bond", 200, 100.0, 0.01)).assign(business_date=day.as_unit("us"))
    instruments = facts({"instrument": "B", **BOND, "coupon_rate": 0.06, "maturity_date": "2022-02-15"})
    terms = revaluation.terms(positions, tables.empty("model_prices"), instruments)
    rate = terms["rate"].item()
    assert sum(paid * math.exp(-rate * years) for years, paid in flows) == pytest.approx(100.0)
    then = sum(paid * math.exp(-(rate + 0.02) * years) for years, paid in flows)
    found = revaluation.revalued(terms, np.zeros((1, 1)), rate=0.02).item()
    assert found == pytest.approx(2 * (then - 100.0))


@pytest.mark.parametrize("count", ["", "ACT/365F", "ACT/360", "30/360", "30E/360"])
@pytest.mark.parametrize("issued", [pd.NaT, pd.Timestamp("2020-03-31")])
@pytest.mark.parametrize("maturity", ["2030-08-31", "2020-08-15"])
def test_accrued_interest_and_worth_are_those_of_the_ledger(count, issued, maturity):
    terms = {"instrument": "B", **BOND, "day_count": count, "maturity_date": maturity, "issue_date": issued}
    rates = frame("risk_free_rates", "business_date currency tenor rate", (DAY, "USD", "1Y", 0.03))
    model = pricing.model_prices(
        pd.DataFrame({"business_date": sessions(DAY), "instrument": pd.Series(["B"], dtype="str")}),
        tables.empty("prices"),
        tables.empty("fx_rates"),
        rates,
        tables.empty("volatilities"),
        facts(terms),
        sessions(DAY),
        [],
    ).iloc[0]
    positions = held(("B", "bond", 100, model["price"], 0.01))
    found = revaluation.terms(positions, tables.empty("model_prices"), facts(terms))
    assert found["price"].item() == pytest.approx(model["price"] + model["accrued_interest"], abs=1e-9)
    # The curve is flat from a year on, and steeper before it: the yield is between its zero rates.
    assert found["rate"].item() == pytest.approx(math.log(1.03), abs=2e-3)


def test_what_has_no_terms_or_no_inputs_is_left_to_its_history():
    positions = held(
        ("KNOWN", "option", 1, 10.0, 1.0),
        ("UNPRICED", "option", 1, 10.0, 1.0),
        ("COUPON", "bond", 1, 90.0, 0.01),
        ("ACME", "equity", 1, 10.0, 1.0),
        ("EMPTY", "option", 0, 10.0, 1.0),
    )
    instruments = facts(
        *(option(name) for name in ("KNOWN", "UNPRICED", "EMPTY")),
        {"instrument": "COUPON", "asset_class": "bond", "maturity_date": "2030-02-15"},
    )
    models = modelled(
        ("KNOWN", 9.0, 100.0, 0.02, 0.2, 0.0), ("EMPTY", 9.0, 100.0, 0.02, 0.2, 0.0), ("UNPRICED", *[math.nan] * 5)
    )
    found = revaluation.terms(positions, models, instruments)
    assert found["instrument"].tolist() == ["KNOWN"]
    assert found.index.tolist() == [0]
    assert revaluation.terms(positions, tables.empty("model_prices"), instruments).empty


def test_a_position_earns_the_same_whatever_stands_beside_it():
    names = [option(f"O{i}", strike=80.0 + 5 * i, exercise_style="american", option_type="put") for i in range(9)]
    each = [terms_of(name, i + 1, rate=0.01 * i) for i, name in enumerate(names)] + [bond_terms(90.0), bond_terms(70.0)]
    moves = np.random.default_rng(3).normal(0, 0.1, (11, 40))
    together = revaluation.revalued(pd.concat(each), moves, rate=moves / 10)
    for i, alone in enumerate(each):
        np.testing.assert_array_equal(revaluation.revalued(alone, moves[[i]], rate=moves[[i]] / 10)[0], together[i])


def test_positions_of_a_session_move_with_their_drivers():
    terms = pd.concat([terms_of(option(), 2), bond_terms(95.0)])
    curved = revaluation.Curved(np.array([3, 8]), terms)
    assert curved.driver.tolist() == ["ACME", "YIELD:B"]
    local, fx = np.array([[0.1, -0.1], [0.001, -0.001]]), np.array([[0.0, 0.02], [0.0, 0.02]])
    found = curved.pnl(slice(None), local, fx)
    np.testing.assert_array_equal(found[0], revaluation.revalued(terms[:1], local[:1], currency=fx[:1])[0])
    assert found[1, 0] == pytest.approx(-95 * 0.001 * 7.9, rel=0.1), "a duration of about eight years"
    assert curved.pnl(np.array([1]), local[1:], fx[1:]).tolist() == found[1:].tolist()


def test_yields_change_by_own_prices_else_by_the_curve():
    days = ["2020-06-10", "2020-06-11", "2020-06-12", "2020-06-15"]
    maturity = "2025-06-14"
    prices = frame(
        "prices",
        "business_date instrument close currency status",
        *[(day, "B", close, "USD", "ok") for day, close in zip(days[:3], (90.0, 90.9, 88.0), strict=True)],
        (days[3], "B", 88.0, "USD", "stale"),
    )
    rates = frame(
        "risk_free_rates",
        "business_date currency tenor rate",
        *[(day, "USD", "5Y", rate) for day, rate in zip(days, (0.01, 0.02, 0.03, 0.035), strict=True)],
    )
    terms = {"instrument": "B", "asset_class": "bond", "coupon_rate": 0.0, "maturity_date": maturity}
    no_curve = {**terms, "instrument": "E", "currency": "EUR"}
    dates = np.array(days, "datetime64[us]")
    changes, curve = revaluation.yield_changes(["B", "E"], prices, rates, facts(terms, no_curve), dates)
    years = [(pd.Timestamp(maturity) - pd.Timestamp(day)).days / 365 for day in days]
    level = [math.log(100 / close) / t for close, t in zip((90.0, 90.9, 88.0), years, strict=False)]
    expected = [math.nan, level[1] - level[0], level[2] - level[1], math.nan]
    np.testing.assert_allclose(changes[0], expected, atol=1e-9)
    np.testing.assert_allclose(curve[0, 3], math.log(1.035 / 1.03), atol=1e-9)
    assert np.isnan(changes[1]).all()
    assert np.isnan(curve[1]).all()
    # A session more before the first date makes its change known, and moves no other.
    fewer, _ = revaluation.yield_changes(["B"], prices, rates, facts(terms), dates[1:])
    np.testing.assert_array_equal(fewer[0], changes[0, 1:])
