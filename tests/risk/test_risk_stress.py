import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.risk import stress
from tests.frames import frame, sessions

TODAY = sessions("2021-01-04")
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


def run(*positions, **kwargs):
    return stress.stress(*inputs(*positions, **kwargs)).set_index("scenario")


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


def test_what_has_no_return_counts_zero_and_says_so():
    row = run(("A", "USD", 750.0, 750.0), ("CASH:USD", "USD", 250.0, 250.0), skip=COVID[3:4]).loc["covid_2020"]
    assert (row["pnl"], row["coverage"]) == (0.0, 0.25)
    assert row["reason"] == "only 25.0 % of gross value has a return in this scenario, the rest counts 0"


def test_a_book_of_which_nothing_is_known_has_no_figure():
    row = run(("A", "USD", 750.0, 750.0), skip=COVID[3:4]).loc["covid_2020"]
    assert np.isnan(row["pnl"])
    assert row["reason"] == "nothing held has a return in this scenario"
    nothing = stress.stress(*inputs(("A", "USD", 750.0, 750.0))[:2], tables.empty("returns"), tables.empty("fx_rates"),
                            *inputs()[4:])  # fmt: skip
    assert nothing.set_index("scenario")["pnl"].isna().to_dict() == {
        "covid_2020": True,
        "equities_down_20_fx_down_10": False,
    }


def test_an_empty_book_loses_nothing_and_a_failed_one_has_no_row():
    assert run()["pnl"].tolist() == [0.0, 0.0]
    assert run(("A", "USD", 750.0, 750.0), status="failed").empty


def test_a_future_moves_with_its_exposure_and_owes_no_notional():
    scenario = stress.Shock({"future": -0.2}, -0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stress, "SCENARIOS", {"x": scenario})
        row = run(("F", "EUR", 0.0, 1000.0)).loc["x"]
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
    return stress.stress(valuations, nav, returns, rates, instruments, at).set_index("scenario")


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
    row = stress.stress(valuations, euro, returns, rates, instruments, at).set_index("scenario")
    assert row.loc["equities_down_20_fx_down_10", "pnl"] == pytest.approx(-1000 * (1 / 0.9 - 1) * 0.9 - 0.5)
    assert row.loc["covid_2020", "pnl"] == pytest.approx((-1000 * -0.01 + 5) / 0.99 - 5)
