from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daybook import tables
from daybook.risk import scenarios, var
from tests.frames import frame, sessions
from tests.risk.firm import firm

TODAY = sessions("2020-01-31")


def book(days: int, *positions, status="ok", nav=1000.0):
    """Inputs of one USD book: positions (instrument, currency, value); the i-th return of A is i - days / 2 bp."""
    dates = pd.bdate_range(end="2020-01-31", periods=days).as_unit("us")
    returns = frame(
        "returns",
        "business_date instrument local_return currency status",
        *[(date, "A", (i - days // 2) / 10_000, "USD", "ok") for i, date in enumerate(dates)],
        *[(date, "E", 0.01, "EUR", "ok") for date in dates],
        *[(date, "NEW", 0.5, "USD", "ok") for date in dates[-3:]],
    )
    before = pd.bdate_range(end=dates[0], periods=2)[0]
    rates = [(date, "EUR", "USD", 1.1**i, "ok") for i, date in enumerate([before, *dates])]
    return (
        frame(
            "valuations",
            "business_date book instrument currency market_value_base exposure_base",
            *[("2020-01-31", "b", name, currency, value, value) for name, currency, value in positions],
        ),
        frame("nav", "business_date book nav status reason", ("2020-01-31", "b", nav, status, "no price of X")),
        returns,
        frame("fx_rates", "business_date base quote rate status", *rates),
        frame("instruments", "instrument asset_class", ("A", "equity"), ("E", "equity"), ("NEW", "equity")),
        TODAY,
    )


def historical(*inputs):
    """Table ``var`` of the contract's own model."""
    table = var.var(*inputs)
    return table.loc[table["method"].eq("historical")].reset_index(drop=True)


@pytest.mark.parametrize(
    ("scenarios", "confidence", "k"), [(500, 0.99, 5), (100, 0.99, 1), (101, 0.99, 2), (20, 0.95, 1), (499, 0.95, 25)]
)
def test_the_tail_is_exact(scenarios, confidence, k):
    assert var.tail(scenarios, confidence) == k


@given(st.integers(1, 5000), st.sampled_from([0.9, 0.95, 0.975, 0.99, 0.995]))
def test_the_tail_is_the_smallest_whole_number_that_holds_the_probability(count, confidence):
    k = var.tail(count, confidence)
    mass = count * (1 - Fraction(str(confidence)))
    assert k - 1 < mass <= k


def test_var_and_es_by_hand():
    # 100 scenarios: P&L of 1,000 long is -5.0, -4.9 ... +4.9.
    result = historical(*book(100, ("A", "USD", 1000.0))).set_index("confidence")
    assert result["var"].to_dict() == {0.95: 4.6, 0.99: 5.0}
    assert result["es"].to_dict() == {0.95: 4.8, 0.99: 5.0}
    assert result["nav_fraction"].to_dict() == {0.95: 0.0046, 0.99: 0.005}
    assert result["scenarios"].tolist() == [100, 100]
    assert result["status"].tolist() == ["ok", "ok"]
    assert "100 scenarios" in result["convention"].iloc[0]


def test_a_short_loses_when_the_price_rises():
    result = historical(*book(100, ("A", "USD", -1000.0))).set_index("confidence")
    assert result["var"].to_dict() == {0.95: 4.5, 0.99: 4.9}


def test_a_book_that_only_gains_has_negative_var():
    result = historical(*book(100, ("E", "EUR", 1000.0), ("A", "USD", 0.0)))
    assert result["var"].tolist() == [-111.0, -111.0], "1.01 x 1.1 - 1 in every scenario"


def test_foreign_cash_moves_with_its_currency_and_base_cash_does_not():
    result = historical(*book(100, ("CASH:EUR", "EUR", -1000.0), ("CASH:USD", "USD", 500.0)))
    assert result["var"].tolist() == [100.0, 100.0]
    assert result["coverage"].tolist() == [1.0, 1.0]


def test_too_few_scenarios_leave_the_figure_empty_and_say_so():
    result = historical(*book(99, ("A", "USD", 1000.0))).set_index("confidence")
    assert result["var"].notna().to_dict() == {0.95: True, 0.99: False}
    assert result.loc[0.99, "status"] == "99 scenarios, 100 needed"
    assert np.isnan(result.loc[0.99, "es"])
    inputs = list(book(99, ("CASH:USD", "USD", 1000.0)))
    inputs[2], inputs[3] = tables.empty("returns"), tables.empty("fx_rates")
    none = historical(*inputs)
    assert none["var"].isna().all()
    assert none["status"].tolist() == ["0 scenarios, 20 needed", "0 scenarios, 100 needed"]


def test_the_last_500_sessions_count():
    result = historical(*book(600, ("A", "USD", 1000.0)))
    # Returns of the last 500 of 600 run from -200 to +299 bp / 100.
    assert result["scenarios"].tolist() == [500, 500]
    assert result["var"].tolist() == [17.6, 19.6]


def test_an_instrument_without_history_counts_zero_and_not_to_coverage():
    result = historical(*book(100, ("A", "USD", 750.0), ("NEW", "USD", 250.0)))
    assert result["coverage"].tolist() == [0.75, 0.75]
    assert result["var"].tolist() == [3.45, 3.75]


def test_a_failed_book_has_a_row_that_says_why():
    result = historical(*book(100, ("A", "USD", 1000.0), status="failed", nav=np.nan))
    assert result[["var", "es", "nav_fraction", "coverage"]].isna().all(axis=None)
    assert result["status"].unique().tolist() == ["nav failed: no price of X"]
    assert result["confidence"].tolist() == [0.95, 0.99]
    assert scenarios.scenario_pnl(scenarios.days(*book(100, ("A", "USD", 1000.0), status="failed"))).empty


def test_no_fraction_of_a_nav_that_is_not_positive():
    assert historical(*book(100, ("A", "USD", 1000.0), nav=-5.0))["nav_fraction"].isna().all()


def test_a_book_without_positions_has_no_risk():
    result = historical(*book(100))
    assert result["var"].tolist() == [0.0, 0.0]
    assert not np.signbit(result["var"]).any()
    assert result["coverage"].isna().all()


def test_a_future_earns_on_its_exposure():
    valuations, nav, returns, fx_rates, instruments, today = book(100, ("E", "EUR", 0.0))
    valuations["exposure_base"] = 1000.0
    future = instruments.assign(asset_class="future")
    result = historical(valuations, nav, returns, fx_rates, future, today)
    assert result["var"].tolist() == [-11.0, -11.0], "1,000 x 1 % x 1.1: the notional itself has no currency risk"


def test_ties_go_to_the_earliest_date():
    pnl = np.array([[3.0, -1.0, -2.0, -1.0, -1.0]])
    assert [int(var.tail_scenario(pnl, None, c)[0]) for c in (0.8, 0.6, 0.4, 0.2)] == [2, 1, 3, 4]


@settings(max_examples=50)
@given(arrays(np.float64, (3, 40), elements=st.floats(-1e6, 1e6)), st.floats(0.01, 100))
def test_var_scales_shifts_and_stays_below_expected_shortfall(pnl, factor):
    figure, shortfall = var.historical(pnl, (0.9, 0.95))
    ordered = np.sort(pnl, axis=1)
    assert np.array_equal(figure, -ordered[:, [3, 1]])
    assert np.allclose(shortfall, -np.stack([ordered[:, :4].mean(axis=1), ordered[:, :2].mean(axis=1)], axis=1))
    assert (shortfall >= figure - 1e-9 * np.abs(figure)).all()
    assert np.allclose(var.historical(pnl * factor, (0.9,))[0], figure[:, :1] * factor)
    assert np.allclose(var.historical(pnl + 7, (0.9,))[0], figure[:, :1] - 7)


def test_scenario_pnl_is_what_var_reads_and_agrees_with_a_loop():
    f = firm(4, seed=2, history=120)
    inputs = (f.valuations, f.nav, f.returns, f.fx_rates, f.instruments, f.sessions)
    vectors, figures = (
        scenarios.scenario_pnl(scenarios.days(*inputs)).query("scenario_set == 'historical'"),
        historical(*inputs),
    )
    assert vectors["scenarios"].tolist() == [n for n in (121, 122, 123, 124) for _ in range(4)]
    for (_, row), figure in zip(vectors.iterrows(), figures.query("confidence == 0.99")["var"], strict=True):
        assert -np.sort(row["pnl"])[1] == figure
    row = vectors.query("book == 'gamma'").iloc[-1]
    rate = f.fx_rates.pivot(index="business_date", columns="base", values="rate").assign(USD=1.0)
    expected = np.zeros(124)
    held = f.valuations.query("book == 'gamma'")
    for _, line in held.loc[held["business_date"].eq(f.sessions[-1])].iterrows():
        local = f.returns.loc[f.returns["instrument"].eq(line["instrument"])].set_index("business_date")["local_return"]
        into = (rate[line["currency"]] / rate["EUR"]).pct_change()
        growth = (1 + local.reindex(f.days).fillna(0.0)) * (1 + into.reindex(f.days)) - 1
        expected += line["market_value_base"] * growth.fillna(0.0).to_numpy()
    # The first session has no rate before it: what is in euro counts, the rest counts 0.
    assert np.allclose(row["pnl"][1:], expected[1:], atol=1e-5)
    assert row["window_start"] == f.days[0]
    assert row["window_end"] == f.days[-1]


def derivatives(*positions, own=()):
    """As ``book`` with (instrument, currency, value, exposure): options on A and E, a forward that buys euros."""
    valuations, nav, returns, rates, _, at = book(100, *((name, currency, 0.0) for name, currency, *_ in positions))
    valuations["market_value_base"] = [row[2] for row in positions]
    valuations["exposure_base"] = [row[3] for row in positions]
    listed = [returns[returns["instrument"] == "A"].assign(instrument=name, local_return=0.03) for name in own]
    instruments = frame(
        "instruments", "instrument asset_class underlying",
        ("A", "equity", ""), ("O", "option", "A"), ("P", "option", "E"), ("W", "forward", "CASH:EUR"),
    )  # fmt: skip
    return valuations, nav, pd.concat([returns, *listed], ignore_index=True), rates, instruments, at


def test_an_option_without_returns_of_its_own_moves_by_delta_and_is_not_covered():
    inputs = derivatives(("O", "USD", 50.0, 1000.0))
    result = historical(*inputs).set_index("confidence")
    assert result["var"].to_dict() == {0.95: 4.6, 0.99: 5.0}
    assert result["coverage"].tolist() == [0.0, 0.0]
    assert result["convention"].str.endswith(var.OPTIONS_BY_DELTA).all()
    # One with returns in every scenario has those, on what it is worth.
    listed = historical(*derivatives(("O", "USD", 50.0, 1000.0), own=["O"]))
    assert listed["var"].tolist() == [-1.5, -1.5]
    assert listed["coverage"].tolist() == [1.0, 1.0]
    assert not listed["convention"].str.contains("delta").any()
    # Without a delta there is nothing to go by.
    inputs[0]["reason"] = "exposure without delta"
    assert historical(*inputs)["var"].tolist() == [0.0, 0.0]


def test_a_foreign_option_by_delta_keeps_its_worth_in_its_currency():
    # E earns 1 % and the euro 10 % in every scenario: 1000 x 0.01 x 1.1 + 50 x 0.1.
    result = historical(*derivatives(("P", "EUR", 50.0, 1000.0)))
    assert result["var"].tolist() == [-16.0, -16.0]


def test_a_forward_moves_with_the_currency_that_it_buys():
    inputs = derivatives(("W", "USD", -5.0, 1000.0), ("CASH:EUR", "EUR", -400.0, -400.0))
    result = historical(*inputs)
    assert result["var"].tolist() == [-60.0, -60.0]
    assert result["coverage"].tolist() == [1.0, 1.0]
    assert result["convention"].str.contains("forwards by their exposure").all()
