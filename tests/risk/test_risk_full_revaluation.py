"""Options and bonds in the scenarios of a book: what VaR makes of their terms."""

import math

import numpy as np
import pandas as pd
import pytest

from daybook.ledger import pricing
from daybook.risk import components, models, scenarios, var
from tests.frames import frame, sessions

TODAY = "2020-01-31"
DATES = pd.bdate_range(end=TODAY, periods=100).as_unit("us")
VALUES = "business_date book instrument currency quantity price fx_rate market_value_base exposure_base"
MOVES = np.round(np.random.default_rng(7).normal(0, 0.02, 100), 6)
OPTION = {"instrument": "O", "asset_class": "option", "underlying": "A", "strike": 100.0, "option_type": "put"}
TERMS = {"exercise_style": "european", "maturity_date": "2020-07-31", "multiplier": 100.0}
BOND = {"instrument": "B", "asset_class": "bond", "coupon_rate": 0.0, "maturity_date": "2025-01-29"}


def priced(spot):
    days = float((pd.Timestamp("2020-07-31") - pd.Timestamp(TODAY)).days)
    return pricing.option_value("put", "european", spot, 100.0, days, 0.02, 0.0, 0.25)[0]


def inputs(*positions, bond_prices=(), returns=(), rates=(), proxies=()):
    """Tables of one dollar book with positions (instrument, quantity, price, value)."""
    held = [(TODAY, "b", name, "USD", float(q), price, 1.0, value, 0.0) for name, q, price, value in positions]
    moves = [(date, "A", move, "USD", "ok") for date, move in zip(DATES, MOVES, strict=True)]
    facts = scenarios.Facts(
        model_prices=frame(
            "model_prices",
            "business_date instrument price spot rate volatility dividend_yield",
            (TODAY, "O", priced(100.0), 100.0, 0.02, 0.25, 0.0),
        ),
        prices=frame("prices", "business_date instrument close status", *bond_prices),
        risk_free_rates=frame("risk_free_rates", "business_date currency tenor rate", *rates),
        proxies=frame("proxies", "dimension bucket proxy beta", *proxies),
    )
    known = [
        frame("instruments", " ".join(one), tuple(one.values())) for one in (OPTION | TERMS, BOND, {"instrument": "A"})
    ]
    tables_of = (
        frame("valuations", VALUES, *held),
        frame("nav", "business_date book nav status", (TODAY, "b", 1e5, "ok")),
        frame("returns", "business_date instrument local_return currency status", *moves, *returns),
        frame("fx_rates", "business_date base quote rate status"),
        pd.concat(known),
        sessions(TODAY),
    )
    return *tables_of, facts


def test_an_option_is_worth_in_each_scenario_what_its_model_says():
    result = var.var(*inputs(("O", 3, priced(100.0), 300 * priced(100.0))))
    row = result[result["method"].eq("historical") & result["confidence"].eq(0.99)].iloc[0]
    pnl = [300 * (priced(100.0 * (1 + move)) - priced(100.0)) for move in MOVES]
    assert row["var"] == pytest.approx(-min(pnl), abs=2e-6)
    assert row["coverage"] == 0, "it has no returns of its own"
    assert row["proxy_coverage"] == 1, "what it is written on has"
    assert "; options and bonds by full revaluation" in row["convention"]
    assert "100.0 % by what revalues it" in row["convention"]
    assert "delta" not in row["convention"]


def test_a_straddle_loses_when_nothing_moves_or_one_leg_does_never_more_than_its_worth():
    made = inputs(("O", 3, priced(100.0), 300 * priced(100.0)), ("A", 300, 100.0, 30_000.0))
    day = next(scenarios.days(*made))
    for model in models.DEFAULTS:
        scenario = day.scenarios(model)
        each = scenario.earned(slice(None), slice(None))
        np.testing.assert_allclose(each.sum(axis=0), scenario.pnl[0], atol=2e-6)
        option = day.rows["instrument"].eq("O").to_numpy()
        assert each[option].min() > -300 * priced(100.0)
        assert (each[~option] * each[option] <= 0).all(), "a put gains when the share falls"
        at = np.array([0, 1])
        np.testing.assert_allclose(scenario.earned(at, np.array([3, 7])), [each[0, 3], each[1, 7]], atol=1e-9)
    parts = components.components([day])
    assert components.identity_gaps(var.var(*made), parts).empty


def test_an_option_with_returns_of_its_own_is_covered_and_revalued_all_the_same():
    own = [(date, "O", 0.0, "USD", "ok") for date in DATES]
    found = var.var(*inputs(("O", 3, priced(100.0), 300 * priced(100.0)), returns=own))
    assert found["coverage"].eq(1).all()
    assert found["var"].gt(100).all()


def zero_coupon(level, date):
    return 100 * math.exp(-level * (pd.Timestamp("2025-01-29") - date).days / 365)


def test_a_bond_moves_with_its_own_yields_at_its_life_of_now():
    # Its yield rose by 20 bp once and fell by 10 bp once: today, at 4 %, it has 1,825 days left.
    level = np.full(101, 0.04)
    level[51:], level[81:] = 0.042, 0.041
    before = pd.bdate_range(end=TODAY, periods=101).as_unit("us")
    prices = [(date, "B", zero_coupon(y, date), "ok") for date, y in zip(before, level, strict=True)]
    worth = zero_coupon(0.04, pd.Timestamp(TODAY))
    result = var.var(*inputs(("B", 1000, worth, 10 * worth), bond_prices=prices))
    row = result[result["method"].eq("historical") & result["confidence"].eq(0.99)].iloc[0]
    assert row["var"] == pytest.approx(-10 * worth * math.expm1(-0.002 * 5), abs=1e-5)
    assert row["coverage"] == 1
    assert row["proxy_coverage"] == 0


def test_a_bond_without_prices_moves_with_its_curve_unless_a_proxy_is_declared():
    days = pd.bdate_range(end=TODAY, periods=101).as_unit("us")
    rates = [(date, "USD", "5Y", 0.03 if i < 60 else 0.035) for i, date in enumerate(days)]
    position = ("B", 1000, 80.0, 800.0)
    by_curve = var.var(*inputs(position, rates=rates))
    row = by_curve[by_curve["method"].eq("historical") & by_curve["confidence"].eq(0.99)].iloc[0]
    assert row["var"] == pytest.approx(-800 * math.expm1(-math.log(1.035 / 1.03) * 5), rel=1e-3)
    assert row["coverage"] == 0
    unknown = var.var(*inputs(position))
    assert unknown.loc[unknown["method"].eq("historical"), "status"].tolist() == [var.NOTHING_KNOWN] * 2
    stand_in = var.var(*inputs(position, rates=rates, proxies=[("instrument", "B", "A", 0.5)]))
    row = stand_in[stand_in["method"].eq("historical") & stand_in["confidence"].eq(0.99)].iloc[0]
    assert row["var"] == pytest.approx(-800 * 0.5 * MOVES.min(), abs=1e-5)
    assert "revaluation" not in row["convention"]
