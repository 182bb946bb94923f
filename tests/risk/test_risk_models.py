"""The risk models of a session as tables: whole, the same however far back the data reach, and plain about bad data."""

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.risk import risk_models
from tests.risk.firm import firm
from tests.risk.test_risk_factors import declared

HISTORY = 130


def vectors(f, date):
    """P&L of what each book holds on ``date`` in every session up to it but the first, whose rate is unknown."""
    local = f.returns[f.returns["business_date"] <= date].pivot(
        index="business_date", columns="instrument", values="local_return"
    )
    worth = f.fx_rates.pivot(index="business_date", columns="base", values="rate").assign(USD=1.0).loc[local.index]
    currency = f.instruments.set_index("instrument")["currency"]
    rows = f.valuations[f.valuations["business_date"].eq(date)].merge(
        f.nav.loc[f.nav["business_date"].eq(date), ["book", "base_currency"]], on="book"
    )
    held = []
    for book, positions in rows.groupby("book"):
        total = 0.0
        for row in positions.itertuples():
            cash = row.instrument.startswith("CASH:")
            abroad = row.instrument[5:] if cash else currency[row.instrument]
            into = (worth[abroad] / worth[row.base_currency]).pct_change()
            own = 0.0 if cash else local[row.instrument]
            total = total + row.market_value_base * ((1 + own) * (1 + into) - 1)
        held.append({"book": book, "pnl": total.iloc[1:].to_numpy()})
    start, end = local.index[1], local.index[-1]
    frame = pd.DataFrame(held).assign(business_date=date, scenario_set="historical", scenarios=len(local) - 1)
    frame = frame.assign(weights=[[]] * len(frame), window_start=start, window_end=end)
    return tables.conform("scenario_pnl", frame)


def facts(f, date, **changes):
    """What the models of ``date`` are made of, from a firm's tables."""
    given = {
        "returns": f.returns,
        "fx_rates": f.fx_rates,
        "prices": tables.empty("prices"),
        "valuations": f.valuations[f.valuations["business_date"].eq(date)],
        "nav": f.nav[f.nav["business_date"].eq(date)],
        "scenario_pnl": vectors(f, date),
        "instruments": f.instruments,
        "risk_factors": declared({"factor": "style", "kind": "style", "instrument": "I01"}, since="2017-01-03"),
        "benchmark_levels": tables.empty("benchmark_levels"),
        "alternative_data": tables.empty("alternative_data"),
        "latest_fundamentals": tables.empty("latest_fundamentals"),
    }
    return risk_models.Facts(**given | changes)


@pytest.fixture(scope="module")
def made():
    f = firm(2, seed=4, history=HISTORY)
    date = f.sessions[-1]
    return f, date, risk_models.risk_models(facts(f, date), date)


def test_every_table_has_every_instrument_and_book(made):
    f, date, found = made
    assert tuple(found) == ("volatility_forecasts", "factor_returns", "factor_exposures", "specific_risks",
                            "factor_risk", "betas")  # fmt: skip
    for name, frame in found.items():
        tables.conform(name, frame)
        assert set(frame["business_date"]) == {date}
    instruments = sorted(f.instruments["instrument"])
    forecasts = found["volatility_forecasts"]
    assert forecasts.loc[forecasts["subject_kind"].eq("instrument"), "subject"].tolist() == instruments
    assert set(forecasts["subject_kind"]) == {"instrument", "book", "factor"}
    short = forecasts[forecasts["volatility_model"].eq("garch")]
    assert short["status"].str.endswith("of 250 returns that a fit needs").all()
    assert found["specific_risks"].groupby("risk_model").size().tolist() == [12, 12, 12]
    assert sorted(set(found["factor_risk"]["book"])) == ["alpha", "beta", "delta", "gamma"]
    both = found["betas"].groupby(["subject_kind", "factor"]).size().unstack()
    assert both.loc["book"].tolist() == [4] * 4
    assert both.loc["instrument"].tolist() == [12] * 4
    assert both.columns.tolist() == ["EUR", "GBP", "market", "style"]


def test_risk_by_factor_is_near_the_volatility_of_the_same_holdings_in_past_sessions(made):
    f, date, found = made
    parts = found["factor_risk"].groupby(["risk_model", "book"])["volatility_part"].sum()
    held = vectors(f, date)
    nav = f.nav[f.nav["business_date"].eq(date)].set_index("book")["nav"]
    for book, pnl in zip(held["book"], held["pnl"], strict=True):
        own = np.std(pnl) / nav[book]
        for model in ("time_series", "statistical"):
            assert parts[model, book] == pytest.approx(own, rel=0.12), (model, book)


def test_a_session_is_the_same_whatever_came_after_it_and_in_any_order(made):
    f, _, _ = made
    date = f.sessions[0]
    upto = {name: frame[frame["business_date"] <= date] for name, frame in
            (("returns", f.returns), ("fx_rates", f.fx_rates))}  # fmt: skip
    alone = risk_models.risk_models(facts(f, date, **upto), date)
    turned = {name: getattr(f, name).iloc[::-1] for name in ("returns", "fx_rates", "instruments")}
    for name, frame in risk_models.risk_models(facts(f, date, **turned), date).items():
        pd.testing.assert_frame_equal(frame, alone[name], check_exact=True)


def test_a_book_without_nav_and_an_instrument_without_history_leave_the_others_as_they_are(made):
    f, date, found = made
    nav = f.nav[f.nav["business_date"].eq(date)].copy()
    nav.loc[nav["book"].eq("beta"), ["status", "nav"]] = ["failed", np.nan]
    returns = f.returns[f.returns["instrument"].ne("I11") | f.returns["business_date"].eq(date)]
    again = risk_models.risk_models(facts(f, date, nav=nav, returns=returns, risk_factors=declared()), date)
    assert sorted(set(again["factor_risk"]["book"])) == ["alpha", "delta", "gamma"]
    unknown = again["specific_risks"].set_index(["risk_model", "instrument"])
    assert unknown.loc[("time_series", "I11"), "status"] == "1 of 60 sessions that a regression needs"
    assert np.isnan(unknown.loc[("time_series", "I11"), "specific_volatility"])
    risk = again["factor_risk"].set_index(["risk_model", "book", "factor"])
    assert 0 < risk.loc[("time_series", "alpha", "market"), "coverage"] < 1
    assert "market 1, and as much again by itself" in risk.loc[("time_series", "alpha", "market"), "status"]
    kept = again["betas"].set_index(["subject", "factor"])
    assert kept.loc[("I11", "market"), "status"] == "1 of 60 observations that a beta needs"
    assert np.isnan(kept.loc[("I11", "market"), "beta"])
    before = found["betas"].set_index(["subject", "factor"])
    assert kept.loc[("I00", "EUR"), "beta"] == before.loc[("I00", "EUR"), "beta"]


def test_with_no_history_at_all_there_are_rows_that_say_so_and_no_number(made):
    f, date, _ = made
    returns = f.returns[f.returns["business_date"].eq(date)]
    none = tables.empty("scenario_pnl")
    found = risk_models.risk_models(facts(f, date, returns=returns, scenario_pnl=none), date)
    assert found["factor_exposures"].empty
    assert found["specific_risks"]["specific_volatility"].isna().all()
    assert found["specific_risks"]["status"].ne("ok").all()
    assert found["betas"]["beta"].isna().all()
    assert found["volatility_forecasts"]["volatility"].isna().all()
    left = found["factor_returns"].set_index(["risk_model", "factor"])
    assert left.loc[("time_series", "market"), "status"] == "known on 1 of 60 sessions that it needs"
    assert len(left.loc[("time_series", "market"), "return_series"]) == 0
    assert (found["factor_risk"]["coverage"] < 1).all()
    nothing = risk_models.risk_models(facts(f, date, returns=returns.iloc[:0], scenario_pnl=none), date)
    assert nothing["betas"].empty
    assert nothing["factor_risk"]["coverage"].lt(1).all()
