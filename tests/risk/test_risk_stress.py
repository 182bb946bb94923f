import dataclasses

import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.ledger import pricing
from daybook.risk import factors, stress
from tests.frames import frame, sessions

TODAY = sessions("2021-01-04")
SCENARIOS = {
    "covid_2020": stress.Replay(pd.Timestamp("2020-02-19"), pd.Timestamp("2020-03-23")),
    "equities_down_20_fx_down_10": stress.Shock(
        {"asset_class": {"equity": -0.2, "etf": -0.2, "fund": -0.2, "index": -0.2}}, -0.1
    ),
}
COVID = calendars.sessions("XNYS", "2020-02-19", "2020-03-23")


def inputs(*positions, skip=(), status="ok"):
    """One USD book; A falls 1 % and E 2 % a session of the replay, the euro goes from 1.08 to 1.0692 (-1 %)."""
    days = [day for day in COVID if day not in skip]
    returns = frame(
        "returns",
        "business_date instrument local_return currency status",
        *[(day, "A", -0.01, "USD", "ok") for day in days],
        *[(day, "E", -0.02, "EUR", "ok") for day in COVID],
    )
    rates = frame(
        "fx_rates",
        "business_date base quote rate status",
        (COVID[0], "EUR", "USD", 1.08, "ok"),
        (COVID[-1], "EUR", "USD", 1.0692, "ok"),
    )
    instruments = frame(
        "instruments", "instrument asset_class", ("A", "equity"), ("E", "etf"), ("B", "bond"), ("F", "future")
    )
    columns = "business_date book instrument currency market_value_base exposure_base"
    held = [("2021-01-04", "b", name, currency, value, exposure) for name, currency, value, exposure in positions]
    nav = frame("nav", "business_date book nav status", ("2021-01-04", "b", 1000.0, status))
    return frame("valuations", columns, *held), nav, returns, rates, instruments, TODAY


def run(*positions, scenarios=SCENARIOS, estimates=None, **kwargs):
    return stress.stress(*inputs(*positions, **kwargs), scenarios, estimates).stress.set_index("scenario")


def test_a_replay_compounds_the_sessions_after_its_first_close():
    n = len(COVID) - 1
    row = run(("A", "USD", 1000.0, 1000.0), ("E", "EUR", -500.0, -500.0)).loc["covid_2020"]
    expected = 1000 * (0.99**n - 1) - 500 * (0.98**n * 0.99 - 1)
    assert row["pnl"] == pytest.approx(expected, abs=1e-6)
    assert row["pnl_fraction"] == pytest.approx(expected / 1000, abs=1e-9)
    assert (row["coverage"], row["reason"]) == (1.0, "")


def test_a_shock_hits_equity_and_foreign_currency():
    row = run(
        ("A", "USD", 1000.0, 1000.0),
        ("E", "EUR", 100.0, 100.0),
        ("B", "EUR", 100.0, 100.0),
        ("CASH:EUR", "EUR", 100.0, 100.0),
        ("CASH:USD", "USD", 100.0, 100.0),
    ).loc["equities_down_20_fx_down_10"]
    assert row["pnl"] == pytest.approx(-200 + 100 * (0.8 * 0.9 - 1) - 10 - 10)


def test_a_shock_of_an_instrument_that_nobody_declared_is_no_pass():
    wrong = {"slip": stress.Shock(local={"instrument": {"AAA": -0.5, "CASH:EUR": 0.0}})}
    row = run(("A", "USD", 1000.0, 1000.0), scenarios=wrong).loc["slip"]
    assert np.isnan(row["pnl"])
    assert row["reason"] == "no instrument is called AAA"


def test_what_has_no_return_counts_zero_and_says_so():
    row = run(("A", "USD", 750.0, 750.0), ("CASH:USD", "USD", 250.0, 250.0), skip=COVID[3:4]).loc["covid_2020"]
    assert (row["pnl"], row["coverage"]) == (0.0, 0.25)
    assert row["reason"] == "only 25.0 % of gross value has a return in this scenario, the rest counts 0"


def test_a_book_of_which_nothing_is_known_has_no_figure():
    row = run(("A", "USD", 750.0, 750.0), skip=COVID[3:4]).loc["covid_2020"]
    assert np.isnan(row["pnl"])
    assert row["reason"] == "nothing held has a return in this scenario"
    valuations, nav, *_, instruments, at = inputs(("A", "USD", 750.0, 750.0))
    empty = tables.empty("returns"), tables.empty("fx_rates")
    nothing = stress.stress(valuations, nav, *empty, instruments, at, SCENARIOS).stress
    assert nothing.set_index("scenario")["pnl"].isna().to_dict() == {
        "covid_2020": True,
        "equities_down_20_fx_down_10": False,
    }


def test_an_empty_book_loses_nothing_and_a_failed_one_has_no_row():
    assert run()["pnl"].tolist() == [0.0, 0.0]
    assert run(("A", "USD", 750.0, 750.0), status="failed").empty


def test_a_future_moves_with_its_exposure_and_owes_no_notional():
    scenario = stress.Shock({"asset_class": {"future": -0.2}}, -0.1)
    row = run(("F", "EUR", 0.0, 1000.0), scenarios={"x": scenario}).loc["x"]
    assert row["pnl"] == pytest.approx(-1000 * 0.2 * 0.9)
    assert isinstance(row["business_date"], pd.Timestamp)


def derivatives(*positions):
    """Positions as of ``inputs`` with an option and a future on A, one on nothing, and a forward that buys euros."""
    valuations, nav, returns, rates, _, at = inputs(*positions)
    instruments = frame(
        "instruments", "instrument asset_class underlying",
        ("A", "equity", ""), ("O", "option", "A"), ("F", "future", "A"), ("G", "future", ""),
        ("W", "forward", "CASH:EUR"),
    )  # fmt: skip
    return stress.stress(valuations, nav, returns, rates, instruments, at, SCENARIOS).stress.set_index("scenario")


def test_an_option_without_returns_moves_by_delta_and_loses_no_more_than_it_is_worth():
    n = len(COVID) - 1
    long, short = (derivatives(("O", "USD", worth, by_delta)) for worth, by_delta in ((90.0, 600.0), (-90.0, -600.0)))
    assert long.loc["equities_down_20_fx_down_10", "pnl"] == -90
    assert short.loc["equities_down_20_fx_down_10", "pnl"] == pytest.approx(120)
    assert short.loc["covid_2020", "pnl"] == pytest.approx(-600 * (0.99**n - 1))
    assert short["reason"].tolist() == ["options by delta"] * 2
    assert short["coverage"].tolist() == [1.0, 1.0]


def test_a_shock_moves_a_future_as_its_underlying_and_says_when_it_does_not_know_that():
    rows = derivatives(("F", "USD", 0.0, 500.0), ("G", "USD", 0.0, 500.0)).loc["equities_down_20_fx_down_10"]
    assert (rows["pnl"], rows["coverage"]) == (-100, 0.5)
    assert np.isnan(derivatives(("G", "USD", 0.0, 500.0)).loc["equities_down_20_fx_down_10", "pnl"])


def test_a_forward_moves_with_the_currency_that_it_buys_however_little_it_is_worth():
    rows = derivatives(("W", "USD", 5.0, 1000.0))
    assert rows["pnl"].to_dict() == pytest.approx({"covid_2020": -10.0, "equities_down_20_fx_down_10": -100.0})
    # Sold from a book in euros: the dollars to come lose, and so does what the forward is worth in dollars.
    valuations, nav, returns, rates, _, at = inputs(("W", "USD", 5.0, -1000.0))
    instruments = frame("instruments", "instrument asset_class underlying", ("W", "forward", "CASH:EUR"))
    euro = nav.assign(base_currency="EUR")
    row = stress.stress(valuations, euro, returns, rates, instruments, at, SCENARIOS).stress.set_index("scenario")
    assert row.loc["equities_down_20_fx_down_10", "pnl"] == pytest.approx(-1000 * (1 / 0.9 - 1) * 0.9 - 0.5)
    assert row.loc["covid_2020", "pnl"] == pytest.approx((-1000 * -0.01 + 5) / 0.99 - 5)


N = len(COVID) - 1
REPLAY = stress.Replay(pd.Timestamp("2020-02-19"), pd.Timestamp("2020-03-23"), -0.34)


def estimates(*, betas=(), proxies=(), exposures=(), series=(), specific=()):
    """Estimates of the day: betas to the market, proxies, and a time-series model."""
    at, model = TODAY[0], "time_series"
    return stress.Estimates(
        proxies=frame("proxies", "dimension bucket proxy beta", *proxies),
        betas=frame("betas", "business_date subject_kind subject factor beta",
                    *[(at, "instrument", name, "market", slope) for name, slope in betas]),
        factor_exposures=frame("factor_exposures", "business_date risk_model instrument factor exposure",
                               *[(at, model, *row) for row in exposures]),
        factor_returns=frame("factor_returns", "business_date risk_model factor return_series",
                             *[(at, model, *row) for row in series]),
        specific_risks=frame("specific_risks", "business_date risk_model instrument specific_volatility",
                             *[(at, model, *row) for row in specific]),
    )  # fmt: skip


def test_a_name_without_history_moves_by_its_beta_times_the_declared_move_of_the_market():
    given = estimates(betas=[("A", 1.5)])
    row = run(("A", "USD", 750.0, 750.0), ("CASH:USD", "USD", 250.0, 250.0), skip=COVID[3:4],
              scenarios={"x": REPLAY}, estimates=given).loc["x"]  # fmt: skip
    assert row["pnl"] == pytest.approx(750 * 1.5 * -0.34)
    assert (row["coverage"], row["proxy_coverage"], row["reason"]) == (0.25, 0.75, "75.0 % by beta to the market")
    none = run(("A", "USD", 1000.0, 1000.0), skip=COVID[3:4], scenarios={"x": REPLAY}).loc["x"]
    assert (none["pnl"], none["reason"]) == (-340.0, "100.0 % by a beta of 1")


def test_nothing_loses_more_than_all_by_its_beta_and_a_bond_has_none():
    given = estimates(betas=[("A", 4.0), ("B", 1.0)])
    row = run(("A", "USD", 100.0, 100.0), ("B", "USD", 300.0, 300.0), skip=COVID[3:4],
              scenarios={"x": REPLAY}, estimates=given).loc["x"]  # fmt: skip
    assert row["pnl"] == -100
    assert row["reason"] == (
        "only 25.0 % of gross value has a return in this scenario, the rest counts 0; 25.0 % by beta to the market"
    )


def test_a_proxy_fills_the_sessions_without_a_return_and_goes_before_beta():
    given = estimates(betas=[("A", 1.5)], proxies=[("instrument", "A", "E", 0.5)])
    row = run(("A", "USD", 100.0, 100.0), skip=COVID[3:5], scenarios={"x": REPLAY}, estimates=given).loc["x"]
    # Two of the sessions at half of E's 2 %, which is A's own 1 %.
    assert row["pnl"] == pytest.approx(100 * (0.99**N - 1), abs=1e-6)
    assert (row["coverage"], row["proxy_coverage"], row["reason"]) == (0.0, 1.0, "100.0 % by proxy")


def test_data_that_begin_within_a_replay_are_not_taken_for_the_whole_of_it():
    valuations, nav, returns, rates, instruments, at = inputs(("A", "USD", 100.0, 100.0))
    late = returns[returns["business_date"] > COVID[2]]
    soon = stress.stress(valuations, nav, late, rates, instruments, at, {"x": REPLAY}).stress.iloc[0]
    assert (soon["pnl"], soon["proxy_coverage"]) == (-34.0, 1.0)
    first = returns[returns["business_date"] > COVID[0]]
    whole = stress.stress(valuations, nav, first, rates, instruments, at, {"x": REPLAY}).stress.iloc[0]
    assert (whole["coverage"], whole["reason"]) == (1.0, "")


def test_a_replay_says_nothing_of_a_session_before_its_last():
    valuations, nav, returns, rates, instruments, _ = inputs(("A", "USD", 100.0, 100.0))
    before = [table.assign(business_date=COVID[-2]) for table in (valuations, nav)]
    row = stress.stress(*before, returns, rates, instruments, COVID[-2:-1], {"x": REPLAY}).stress.iloc[0]
    assert np.isnan(row["pnl"])
    assert row["reason"] == "had not happened yet"


def test_currencies_of_a_replay_without_rates_are_declared_or_held_still_and_said():
    valuations, nav, returns, rates, instruments, at = inputs(("E", "EUR", 100.0, 100.0))
    none = rates[:0]
    declared = stress.Replay(REPLAY.first, REPLAY.last, currencies={"EUR": -0.1})
    scenarios = {"declared": declared, "still": REPLAY}
    rows = stress.stress(valuations, nav, returns, none, instruments, at, scenarios).stress.set_index("scenario")
    assert rows.loc["declared", "pnl"] == pytest.approx(100 * (0.98**N * 0.9 - 1), abs=1e-6)
    assert rows.loc["still", "pnl"] == pytest.approx(100 * (0.98**N - 1), abs=1e-6)
    assert rows["proxy_coverage"].tolist() == [1.0, 1.0]
    assert rows["reason"].to_dict() == {
        "declared": "100.0 % with its currency at the declared rate",
        "still": "100.0 % with its currency held still",
    }
    # From euros, dollars gain what euros lose: 1 / 0.9 - 1.
    dollars = inputs(("CASH:USD", "USD", 90.0, 90.0))
    euro = dollars[1].assign(base_currency="EUR")
    row = stress.stress(dollars[0], euro, returns, none, instruments, at, scenarios).stress.set_index("scenario")
    assert row.loc["declared", "pnl"] == pytest.approx(10.0)


def classified(*positions, scenario):
    valuations, nav, returns, rates, _, at = inputs(*positions)
    instruments = frame(
        "instruments", "instrument asset_class sector country issuer underlying",
        ("A", "equity", "Energy", "US", "Acme", ""), ("E", "etf", "Energy", "DE", "Fund", ""),
        ("F", "future", "", "", "", "A"), ("B", "bond", "", "US", "Acme", ""),
    )  # fmt: skip
    made = stress.stress(valuations, nav, returns, rates, instruments, at, {"x": scenario})
    return made.components.set_index("instrument")["pnl"].to_dict(), made.stress.iloc[0]


def test_the_most_specific_name_counts_and_a_future_moves_as_what_it_is_written_on():
    everything = ("A", "USD", 100.0, 100.0), ("E", "USD", 100.0, 100.0), ("B", "USD", 100.0, 100.0)
    shock = stress.Shock(
        {
            "asset_class": {"equity": -0.5, "etf": -0.5, "bond": -0.05},
            "country": {"US": -0.3},
            "sector": {"Energy": -0.2},
            "instrument": {"A": -0.1},
        }
    )
    parts, row = classified(*everything, ("F", "USD", 0.0, 100.0), scenario=shock)
    assert parts == {"A": -10, "E": -20, "B": -30, "F": -10}
    assert (row["pnl"], row["coverage"]) == (-70, 1.0)
    parts, _ = classified(("F", "USD", 0.0, 100.0), scenario=stress.Shock({"instrument": {"F": 0.2, "A": -0.1}}))
    assert parts == {"F": 20}


def test_a_currency_that_falls_falls_against_every_other():
    shock = stress.Shock(currencies={"EUR": -0.2})
    parts, _ = classified(("CASH:EUR", "EUR", 100.0, 100.0), ("A", "USD", 100.0, 100.0), scenario=shock)
    assert parts == pytest.approx({"CASH:EUR": -20.0})
    valuations, nav, returns, rates, instruments, at = inputs(("A", "USD", 80.0, 80.0), ("E", "EUR", 50.0, 50.0))
    euro = nav.assign(base_currency="EUR")
    row = stress.stress(valuations, euro, returns, rates, instruments, at, {"x": shock}).stress.iloc[0]
    assert row["pnl"] == pytest.approx(20.0)


def test_a_shock_of_factors_reaches_what_it_does_not_name_by_exposure():
    given = estimates(
        exposures=[("A", "market", 1.2), ("A", "value", 0.5)], series=[("market", [0.0, 0.1]), ("value", [0.1, 0.0])]
    )
    shock = stress.Shock(factors={"market": -0.2, "value": 0.1})
    made = stress.stress(
        *inputs(("A", "USD", 100.0, 100.0), ("E", "USD", 100.0, 100.0), ("B", "USD", 200.0, 200.0)), {"x": shock}, given
    )
    assert made.components.set_index("instrument")[["pnl", "basis"]].to_dict("index") == {
        "A": {"pnl": -19.0, "basis": "factor"},
        "E": {"pnl": -20.0, "basis": "unit beta"},
        "B": {"pnl": pytest.approx(np.nan, nan_ok=True), "basis": "none"},
    }
    row = made.stress.iloc[0]
    assert (row["pnl"], row["coverage"], row["proxy_coverage"]) == (-39.0, 0.25, 0.25)
    unknown = stress.Shock(factors={"oil": -0.2})
    row = stress.stress(*inputs(("A", "USD", 100.0, 100.0)), {"x": unknown}, given).stress.iloc[0]
    assert np.isnan(row["pnl"])
    assert row["reason"] == "no returns of the factor oil"


def test_a_correlated_shock_moves_the_other_factors_as_expected():
    """Two factors of equal variance and correlation 0.5: the one that is not named falls half as far."""
    market, euro = [1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 0.0, 0.0]
    shift = (np.array(euro) - 0.5 * np.array(market)) * np.sqrt(0.75 / 0.25) + 0.5 * np.array(market)
    given = estimates(
        exposures=[("A", "market", 1.0)],
        series=[("market", list(np.tile(market, 5000) / 100)), ("EUR", list(np.tile(shift, 5000) / 100))],
    )
    positions = ("A", "USD", 100.0, 100.0), ("CASH:EUR", "EUR", 100.0, 100.0)
    shock = stress.Shock(factors={"market": -0.2}, correlated=True)
    made = stress.stress(*inputs(*positions), {"x": shock}, given)
    parts = made.components.set_index("instrument")["pnl"]
    # The shrinkage of 20,000 sessions is below a thousandth.
    assert parts["A"] == pytest.approx(-20.0)
    assert parts["CASH:EUR"] == pytest.approx(-10.0, abs=0.01)
    alone = stress.stress(*inputs(*positions), {"x": stress.Shock(factors={"market": -0.2})}, given)
    assert alone.stress.iloc[0]["pnl"] == pytest.approx(-20.0)
    named = stress.Shock({"instrument": {"A": -0.2}}, correlated=True)
    parts = stress.stress(*inputs(*positions), {"x": named}, given).components.set_index("instrument")["pnl"]
    assert parts["CASH:EUR"] == pytest.approx(-10.0, abs=0.01)


def test_what_cannot_be_read_stands_in_every_book_and_costs_the_others_nothing():
    rows = run(("A", "USD", 100.0, 100.0), scenarios={"bad": stress.Unreadable("line 3"), **SCENARIOS})
    assert np.isnan(rows.loc["bad", "pnl"])
    assert (rows.loc["bad", "reason"], rows.loc["bad", "kind"]) == ("line 3", "unreadable")
    assert rows["pnl"].notna().sum() == 2
    assert np.isnan(run(scenarios={"bad": stress.Unreadable("line 3")}).loc["bad", "pnl"])


def test_components_add_up_and_leave_out_what_does_not_move():
    made = stress.stress(
        *inputs(("A", "USD", 1000.0, 1000.0), ("E", "EUR", -500.0, -500.0), ("CASH:USD", "USD", 7.0, 7.0)), SCENARIOS
    )
    total = made.components.groupby("scenario")["pnl"].sum()
    assert total.to_dict() == pytest.approx(made.stress.set_index("scenario")["pnl"].to_dict(), abs=1e-5)
    assert set(made.components["instrument"]) == {"A", "E"}
    assert set(made.components["basis"]) == {"own", "shock"}


def curved(scenario, *, history=True, **kwargs):
    """A European call on A at the money, valued by its model, 2 % and 25 % over a year, and a ten-year bond at par."""
    at = TODAY[0]
    ending = pd.Timestamp("2022-01-04")
    call = pricing.option_value("call", "european", 100.0, 100.0, 365.0, 0.02, 0.0, 0.25)[0]
    columns = "business_date book instrument currency quantity price fx_rate market_value_base exposure_base"
    valuations = frame("valuations", columns, (at, "b", "O", "USD", 10.0, call, 1.0, 10 * call, 600.0),
                       (at, "b", "B", "USD", 100.0, 100.0, 1.0, 100.0, 100.0))  # fmt: skip
    instruments = frame(
        "instruments",
        "instrument asset_class underlying strike option_type exercise_style maturity_date coupon_rate"
        " coupon_frequency issue_date",
        ("A", "equity", "", np.nan, "", "", pd.NaT, np.nan, np.nan, pd.NaT),
        ("O", "option", "A", 100.0, "call", "european", ending, np.nan, np.nan, pd.NaT),
        ("B", "bond", "", np.nan, "", "", pd.Timestamp("2031-01-04"), 0.05, 2.0, pd.Timestamp("2021-01-04")),
    )
    modelled = frame("model_prices", "business_date instrument price spot rate volatility dividend_yield",
                     (at, "O", call, 100.0, 0.02, 0.25, 0.0))  # fmt: skip
    _, nav, returns, rates, _, _ = inputs()
    given = dataclasses.replace(estimates(**kwargs), model_prices=modelled)
    returns = returns if history else returns[:0]
    made = stress.stress(valuations, nav, returns, rates, instruments, TODAY, {"x": scenario}, given)
    return made.components.set_index("instrument"), made.stress.iloc[0]


def call_worth(spot, rate=0.02, volatility=0.25):
    return 10 * pricing.option_value("call", "european", spot, 100.0, 365.0, rate, 0.0, volatility)[0]


def test_an_option_of_known_terms_is_revalued_under_moves_of_spot_rate_and_volatility():
    shock = stress.Shock({"asset_class": {"equity": -0.3}}, rates=0.01, volatility=0.2)
    parts, row = curved(shock)
    assert parts.loc["O", "pnl"] == pytest.approx(call_worth(70.0, 0.03, 0.30) - call_worth(100.0), abs=1e-5)
    assert parts["basis"].to_dict() == {"O": "revalued", "B": "revalued"}
    # Ten years at 5 %: a modified duration of 7.8 years on a continuous yield, convexity takes some of it back.
    assert parts.loc["B", "pnl"] == pytest.approx(100 * (-0.0799 + 0.0038), abs=0.05)
    assert (row["coverage"], row["reason"]) == (1.0, "")


def test_an_option_in_a_replay_moves_with_its_underlying_and_rests_on_what_that_rests_on():
    parts, row = curved(REPLAY)
    assert parts.loc["O", "pnl"] == pytest.approx(call_worth(100 * 0.99**N) - call_worth(100.0), abs=1e-5)
    assert parts["basis"].to_dict() == {"O": "revalued", "B": "none"}
    parts, row = curved(REPLAY, history=False, betas=[("A", 0.5)])
    assert parts.loc["O", "pnl"] == pytest.approx(call_worth(83.0) - call_worth(100.0), abs=1e-5)
    assert parts.loc["O", "basis"] == "beta"
    assert row["coverage"] == 0.0


def test_an_option_that_a_shock_names_takes_that_and_a_bond_without_a_move_of_rates_stays():
    parts, row = curved(stress.Shock({"instrument": {"O": -0.5, "A": 0.1}}))
    assert parts["pnl"].to_dict() == {"O": pytest.approx(-0.5 * call_worth(100.0))}
    assert row["coverage"] == 1.0
    parts, _ = curved(stress.Shock({"asset_class": {"bond": -0.1}}, rates=0.01))
    assert parts.loc["B", "pnl"] == pytest.approx(-10.0)


def test_a_proxy_may_be_a_factor_known_by_the_date():
    dates = COVID.to_numpy("datetime64[us]")
    moves = np.full((1, len(dates)), -0.02)
    usable = dates[None, :].copy()
    history = factors.Factors(
        *(np.array([text], object) for text in ("oil", "commodity", "")),
        dates, moves, np.ones((1, len(dates)), bool), usable, "USD", {},
    )  # fmt: skip
    given = dataclasses.replace(estimates(proxies=[("instrument", "B", "oil", 0.5)]), history=history)
    row = run(("B", "USD", 100.0, 100.0), scenarios={"x": REPLAY}, estimates=given).loc["x"]
    assert row["pnl"] == pytest.approx(100 * (0.99**N - 1), abs=1e-6)
    assert row["reason"] == "100.0 % by proxy"
    usable[:, 5] = np.datetime64("2021-02-01", "us")
    row = run(("B", "USD", 100.0, 100.0), scenarios={"x": REPLAY}, estimates=given).loc["x"]
    assert np.isnan(row["pnl"])


def test_a_session_alone_and_in_a_range_is_the_same_whatever_else_is_held():
    valuations, nav, returns, rates, instruments, _ = inputs(("A", "USD", 300.0, 300.0), ("E", "EUR", -50.0, -50.0))
    later = pd.Timestamp("2021-01-05")
    both = [pd.concat([table, table.assign(business_date=later)]) for table in (valuations, nav)]
    more = [table.assign(business_date=later, book="c") for table in (valuations, nav)]
    many = [pd.concat([two, one]) for two, one in zip(both, more, strict=True)]
    whole = stress.stress(*many, returns, rates, instruments, sessions("2021-01-04", "2021-01-05"), SCENARIOS)
    alone = stress.stress(valuations, nav, returns, rates, instruments, TODAY, SCENARIOS)
    for table in ("stress", "components"):
        found = getattr(whole, table)
        found = found[found["business_date"].eq(TODAY[0]) & found["book"].eq("b")].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, getattr(alone, table))
