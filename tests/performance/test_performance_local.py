import pandas as pd
import pytest

from daybook import tables
from daybook.performance import local
from tests.frames import frame

OPEN, DAY = "2020-03-02", "2020-03-03"
RULES = tables.empty("flow_rules")


def parted(rates=(), own_forward=0.0, home_forward=0.0, kind="forward"):
    """A book in EUR: 100 USD of A at 0.9, EUR 10 of cash; A gains 10 %, USD rises to 0.99.

    ``own_forward``: USD sold forward, by notional in EUR at the open. ``home_forward``: EUR bought forward by a
    contract in USD that is worth 2 at the open.
    """
    held = [(OPEN, "b", "A", "USD", 90.0, 90.0), (OPEN, "b", "CASH:EUR", "EUR", 10.0, 10.0)]
    # 10 % of 100 USD at closing 0.99, and 100 USD x 0.09.
    earned = [(DAY, "b", "A", 9.9, 9.0, 18.9), (DAY, "b", "CASH:EUR", 0.0, 0.0, 0.0)]
    if own_forward:
        held.append((OPEN, "b", "F", "EUR", 0.0, -own_forward))
        earned.append((DAY, "b", "F", -own_forward / 10, 0.0, -own_forward / 10))
    if home_forward:
        held.append((OPEN, "b", "G", "USD", 2.0, home_forward))
    valuations = frame("valuations", "business_date book instrument currency market_value_base exposure_base", *held)
    pnl = frame("pnl", "business_date book instrument price_pnl fx_pnl total", *earned)
    total = sum(row[-1] for row in earned)
    nav = frame(
        "nav",
        "business_date book nav status base_currency",
        (OPEN, "b", 100.0, "ok", "EUR"),
        (DAY, "b", 100.0 + total, "ok", "EUR"),
    )
    fx = frame(
        "fx_rates",
        "business_date base quote rate status",
        (OPEN, "USD", "EUR", 0.9, "ok"),
        (DAY, "USD", "EUR", 0.99, "ok"),
    )
    instruments = frame(
        "instruments",
        "instrument currency asset_class underlying",
        ("A", "USD", "equity", ""),
        ("F", "EUR", kind, "CASH:USD"),
        ("G", "USD", kind, "CASH:EUR"),
    )
    views = pd.DataFrame({"business_date": pd.to_datetime([DAY]), "book": "b", "benchmark": "index"})
    views = views.assign(base_currency="EUR", calendar="XNYS").astype(
        dict.fromkeys(("book", "benchmark", "base_currency", "calendar"), "str")
    )
    views["business_date"] = views["business_date"].astype("datetime64[us]")
    told = frame(
        "performance",
        "business_date book daily_return denominator status",
        (DAY, "b", round(total / 100, 12), 100.0, "ok"),
    )
    free = frame("risk_free_rates", "business_date currency tenor rate", *rates)
    return local.parted(told, pnl, valuations, nav, fx, instruments, views, free, RULES).iloc[0]


def test_local_currency_and_hedged_by_hand():
    row = parted()
    # 10 USD earned at the opening 0.9; the rest of 18.9 % is currency; 90 of exposure lose their 10 % when hedged.
    assert row["local_return"] == pytest.approx(0.09, abs=1e-12)
    assert row["currency_return"] == pytest.approx(0.099, abs=1e-12)
    assert row["hedged_return"] == pytest.approx(0.189 - 0.9 * 0.1, abs=1e-12)
    assert row["convention"] == (
        "flows in at start, out at end; net of fees and taxes, gross before kind fee; against index"
        "; hedged at a premium of 0 for USD (no risk-free rate)"
    )


def test_a_hedge_earns_the_forward_premium():
    row = parted(rates=[(OPEN, "USD", "1D", 0.0365), (OPEN, "EUR", "1D", 0.073)])
    premium = 1.0002 / 1.0001 - 1
    assert row["hedged_return"] == pytest.approx(0.189 + 0.9 * (premium - 0.1), abs=1e-12)
    assert row["convention"].endswith("hedged at covered interest parity")


def test_what_a_forward_of_the_book_hedges_is_not_hedged_again():
    # 60 of the 90 are sold forward: its P&L of -6 is currency, and 30 remain open.
    row = parted(own_forward=60.0)
    assert row["daily_return"] == pytest.approx(0.129)
    assert row["local_return"] == pytest.approx(0.09, abs=1e-12)
    assert row["hedged_return"] == pytest.approx(0.129 - 0.3 * 0.1, abs=1e-12)


def test_a_forward_that_buys_the_base_currency_sells_its_own_and_is_worth_some_of_it():
    # 90 and the 2 that the contract is worth are in USD, 60 of them sold: 32 remain open.
    row = parted(home_forward=60.0)
    assert row["hedged_return"] == pytest.approx(0.189 - 0.32 * 0.1, abs=1e-12)


def test_futures_and_options_on_a_currency_are_hedges_as_forwards_are():
    forward = parted(own_forward=45.0, home_forward=30.0)
    for kind in ("future", "option"):
        pd.testing.assert_series_equal(parted(own_forward=45.0, home_forward=30.0, kind=kind), forward)
    assert forward["local_return"] == pytest.approx(0.09, abs=1e-12)
