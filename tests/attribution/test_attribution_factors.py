"""Factors explain active returns: planted exposures are found, signs and sums are right, the unknown says so."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daybook import calendars, tables
from daybook.attribution import estimates, factors, regression
from daybook.attribution.estimates import Sources
from daybook.performance import benchmarks
from daybook.risk.factors import Factors
from tests.frames import frame
from tests.risk.firm import firm

DAYS = calendars.sessions("XNYS", "2021-01-04")
FIRST = 102
"""The first session of June 2021, by its number."""
T = DAYS[FIRST]
LAST_BEFORE = DAYS[FIRST - 1]
MARKET = np.random.default_rng(5).normal(0, 0.01, FIRST + 1).round(4)
EURO = np.random.default_rng(6).normal(0, 0.005, FIRST + 1).round(4)


def world(base="USD", benchmark="index", market=0.01, euro=0.0, hedge_ratio=0.0, surprise=0.002):
    """A book of A (exposure 0.5 to the market, 600) and B (2, 300) with 100 of cash against half A and half B.

    A and B are quoted in USD. On ``T`` the market returns ``market``, A half of that and ``surprise``, B twice that.
    """
    assert T.month == 6
    assert LAST_BEFORE.month == 5
    own = np.append(MARKET[:-1], market)
    move = np.append(EURO[:-1], euro)
    local = {"M": own, "A": 0.5 * own, "B": 2 * own}
    local["A"] = np.append(local["A"][:-1], 0.5 * market + surprise)
    returns = frame(
        "returns",
        "business_date instrument local_return currency status",
        *[(DAYS[i], name, float(x[i]), "USD", "ok") for i in range(FIRST + 1) for name, x in local.items()],
    )
    rate = 1.2 * np.cumprod(1 + move)
    before = DAYS[0] - pd.Timedelta(days=3)
    rates = [(before, "EUR", "USD", 1.2, "ok"), *[(DAYS[i], "EUR", "USD", rate[i], "ok") for i in range(FIRST + 1)]]
    into = 1 / (1 + euro) - 1 if base == "EUR" else 0.0
    earned = {
        "A": 600 * ((1 + local["A"][-1]) * (1 + into) - 1),
        "B": 300 * ((1 + local["B"][-1]) * (1 + into) - 1),
        f"CASH:{base}": 0.0,
    }
    trading = {"A": (-1.0, -0.5), "B": (0.0, 0.0), f"CASH:{base}": (0.0, 0.0)}
    held = [("A", "USD", 600.0), ("B", "USD", 300.0), (f"CASH:{base}", base, 100.0)]
    total = sum(earned.values()) - 1.5
    r_b = 0.5 * earned["A"] / 600 + 0.5 * earned["B"] / 300 if benchmark else np.nan
    views = pd.DataFrame(
        {"business_date": [T], "book": "b", "benchmark": benchmark, "base_currency": base, "calendar": "XNYS"}
    ).astype({"book": "str", "benchmark": "str", "base_currency": "str", "calendar": "str"})
    lines = pd.DataFrame(
        [(T, benchmark, base, "XNYS", name, 0.5, hedge_ratio) for name in ("A", "B") if benchmark],
        columns=["business_date", *benchmarks.VIEW, "instrument", "weight", "hedge_ratio"],
    ).astype({"business_date": "datetime64[us]"})
    return {
        "valuations": frame(
            "valuations",
            "business_date book instrument currency market_value_base exposure_base",
            *[(LAST_BEFORE, "b", name, currency, value, value) for name, currency, value in held],
        ),
        "pnl": frame(
            "pnl",
            "business_date book instrument price_pnl trading_pnl fees",
            *[(T, "b", name, amount, *trading[name]) for name, amount in earned.items()],
        ),
        "nav": frame(
            "nav",
            "business_date book base_currency nav status",
            (LAST_BEFORE, "b", base, 1000.0, "ok"),
            (T, "b", base, 1000.0 + total, "ok"),
        ),
        "performance": frame(
            "performance",
            "business_date book daily_return benchmark_return active_return denominator status",
            (T, "b", total / 1000, r_b, total / 1000 - r_b, 1000.0, "ok" if benchmark else "ok; no benchmark"),
        ),
        "opening": lines,
        "views": views,
        "sources": Sources(
            returns=returns,
            fx_rates=frame("fx_rates", "business_date base quote rate status", *rates),
            instruments=frame(
                "instruments", "instrument asset_class currency", *[(name, "equity", "USD") for name in local]
            ),
            risk_factors=frame("risk_factors", "factor kind instrument currency", ("market", "market", "M", "")),
            benchmark_levels=tables.empty("benchmark_levels"),
            alternative_data=tables.empty("alternative_data"),
        ),
        "sessions": pd.DatetimeIndex([T]).as_unit("us"),
    }


def rows(found, method):
    return found.loc[found["method"].eq(method)].set_index("factor")


def test_the_part_of_a_factor_is_the_active_exposure_times_its_return_by_hand():
    given_ = world()
    found = rows(factors.factor_attribution(**given_), factors.HOLDINGS)
    market = found.loc["market"]
    # 0.6 x 0.5 + 0.3 x 2 = 0.9 against 0.5 x 0.5 + 0.5 x 2 = 1.25
    assert market["portfolio_exposure"] == pytest.approx(0.9, abs=1e-9)
    assert market["benchmark_exposure"] == pytest.approx(1.25, abs=1e-9)
    assert market["exposure"] == pytest.approx(-0.35, abs=1e-9)
    assert market["factor_return"] == 0.01
    assert market["total"] == pytest.approx(-0.0035, abs=1e-11)
    # A did 0.002 more than its exposure says, at 0.6 against 0.5; dealing cost 1.5 of 1000.
    assert found.loc["specific", "total"] == pytest.approx(0.0002, abs=1e-11)
    assert found.loc["trading", "total"] == -0.0015
    assert found["total"].sum() == pytest.approx(given_["performance"]["active_return"].item(), abs=1e-12)
    assert market["coverage"] == 1
    assert market["observations"] == FIRST
    assert market["status"] == "ok"
    assert market["convention"] == "opening weights x exposures on 102 sessions up to 2021-05-28"


def test_without_a_benchmark_the_own_return_is_explained_and_says_so():
    given_ = world(benchmark="")
    found = rows(factors.factor_attribution(**given_), factors.HOLDINGS)
    assert found.loc["market", "exposure"] == pytest.approx(0.9, abs=1e-9)
    assert np.isnan(found.loc["market", "benchmark_exposure"])
    assert found.loc["market", "total"] == pytest.approx(0.009, abs=1e-11)
    assert found.loc["specific", "total"] == pytest.approx(0.6 * 0.002, abs=1e-11)
    assert found["total"].sum() == pytest.approx(given_["performance"]["daily_return"].item(), abs=1e-12)
    assert found["status"].eq("own return: no benchmark").all()


def test_a_currency_is_seen_from_the_base_of_the_book():
    # The euro gains 1 %: dollars lose 1 - 1 / 1.01 of a book in euro, which has 0.9 of them against 1.
    found = rows(factors.factor_attribution(**world(base="EUR", euro=0.01)), factors.HOLDINGS)
    dollar = found.loc["USD"]
    assert dollar["portfolio_exposure"] == pytest.approx(0.9)
    assert dollar["benchmark_exposure"] == pytest.approx(1.0)
    assert dollar["factor_return"] == pytest.approx(1 / 1.01 - 1, abs=1e-12)
    assert dollar["total"] == pytest.approx(0.1 * 0.01 / 1.01, abs=1e-11)
    assert "EUR" not in found.index
    # What the two returns made together is in specific: -0.0099 of each name's local return, and A's surprise.
    cross = (0.1 * 0.007 - 0.2 * 0.02) * (1 / 1.01 - 1)
    assert found.loc["specific", "total"] == pytest.approx(0.0002 + cross, abs=1e-9)


def test_what_a_benchmark_hedges_is_no_exposure_of_it():
    found = rows(factors.factor_attribution(**world(base="EUR", hedge_ratio=0.75)), factors.HOLDINGS)
    assert found.loc["USD", "benchmark_exposure"] == pytest.approx(0.25)
    assert found.loc["market", "benchmark_exposure"] == pytest.approx(1.25)


def test_exposures_are_those_known_before_the_month():
    calm, wild = (factors.factor_attribution(**world(surprise=shock)) for shock in (0.0, 0.5))
    for method in (factors.HOLDINGS, factors.REGRESSION):
        pd.testing.assert_series_equal(rows(calm, method)["exposure"], rows(wild, method)["exposure"])


def test_a_factor_without_a_return_has_no_part_and_is_named():
    given_ = world()
    known = given_["sources"].returns
    gone = known["instrument"].eq("M") & known["business_date"].eq(T)
    given_["sources"] = replace(given_["sources"], returns=known.loc[~gone])
    found = rows(factors.factor_attribution(**given_), factors.HOLDINGS)
    assert np.isnan(found.loc["market", "factor_return"])
    assert found.loc["market", "total"] == 0
    assert found["status"].eq("no return of market").all()
    assert found["total"].sum() == pytest.approx(given_["performance"]["active_return"].item(), abs=1e-12)


def test_an_instrument_without_a_model_of_its_own_moves_with_the_market_and_is_not_covered():
    given_ = world()
    known = given_["sources"].returns
    given_["sources"] = replace(given_["sources"], returns=known.loc[known["instrument"].ne("B")])
    found = rows(factors.factor_attribution(**given_), factors.HOLDINGS)
    assert found.loc["market", "portfolio_exposure"] == pytest.approx(0.6 * 0.5 + 0.3)
    assert found.loc["market", "coverage"] == pytest.approx((0.7 + 0.5) / 2)


def test_before_any_return_all_is_specific_and_says_why():
    given_ = world()
    known = given_["sources"].returns
    given_["sources"] = replace(given_["sources"], returns=known.loc[known["business_date"].eq(T)])
    found = factors.factor_attribution(**given_)
    assert set(found["factor"]) == {"specific", "trading"}
    assert np.isfinite(found["total"]).all()
    assert rows(found, factors.REGRESSION)["status"].item() == "no factor is known on enough sessions"
    assert not len(factors.identity_gaps(found, given_["performance"]))


def test_no_book_is_no_row():
    given_ = world()
    given_["performance"] = given_["performance"].iloc[:0]
    assert not len(factors.factor_attribution(**given_))


def test_the_identity_names_what_does_not_add_up_and_what_is_not_there():
    given_ = world()
    found = factors.factor_attribution(**given_)
    assert not len(factors.identity_gaps(found, given_["performance"]))
    broken = found.assign(total=found["total"].where(found["factor"].ne("market"), 0.0))
    gaps = factors.identity_gaps(broken, given_["performance"])
    assert gaps["method"].tolist() == [factors.HOLDINGS]
    assert gaps["gap"].item() == pytest.approx(0.0035, abs=1e-11)
    assert len(factors.identity_gaps(found.iloc[:0], given_["performance"])) == 2


def of_firm(facts, sessions, books=None):
    """Factor attribution of a firm made from a seed; its performance is what its P&L and its benchmarks say."""
    last = sessions[-1]
    names = facts.books["book"] if books is None else books
    cut = {
        name: getattr(facts, name).loc[getattr(facts, name)["business_date"] <= last]
        for name in ("valuations", "pnl", "nav", "returns", "fx_rates")
    }
    for name in ("valuations", "pnl", "nav"):
        cut[name] = cut[name].loc[cut[name]["book"].isin(names)]
    views = benchmarks.book_views(facts.books, facts.sessions[facts.sessions <= last])
    wanted = benchmarks.Sources(facts.benchmark_weights, cut["returns"], cut["fx_rates"])
    opened = benchmarks.computed(wanted, views, facts.sessions[facts.sessions <= last])
    earned = cut["pnl"].groupby(["business_date", "book"], as_index=False)["total"].sum()
    rows_ = earned.merge(views, on=["business_date", "book"]).merge(
        opened.returns[["business_date", *benchmarks.VIEW, "benchmark_return"]],
        on=["business_date", *benchmarks.VIEW],
        how="left",
    )
    daily = (rows_["total"] / 1e6).round(12)
    performance = frame(
        "performance",
        "business_date book daily_return benchmark_return active_return denominator status",
        *zip(
            rows_["business_date"],
            rows_["book"],
            daily,
            rows_["benchmark_return"],
            (daily - rows_["benchmark_return"]).round(12),
            np.full(len(rows_), 1e6),
            np.where(rows_["benchmark"].eq(""), "ok; no benchmark", "ok"),
            strict=True,
        ),
    )
    sources = Sources(
        cut["returns"],
        cut["fx_rates"],
        facts.instruments,
        tables.empty("risk_factors"),
        tables.empty("benchmark_levels"),
        tables.empty("alternative_data"),
    )
    lines = opened.lines.loc[opened.lines["business_date"].isin(sessions)]
    found = factors.factor_attribution(
        cut["valuations"], cut["pnl"], cut["nav"], performance, lines, views, sources, sessions
    )
    return found, performance


@pytest.fixture(scope="module")
def made():
    facts = firm(90, seed=3, history=110)
    found, performance = of_firm(facts, facts.sessions)
    return facts, found, performance


def test_a_range_of_sessions_gives_the_rows_of_single_ones_to_the_bit(made):
    facts, found, _ = made
    for at in (20, 89):
        alone, _ = of_firm(facts, facts.sessions[[at]])
        both = found.loc[found["business_date"].eq(facts.sessions[at])].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, both, check_exact=True)


def test_the_order_of_rows_and_other_books_do_not_matter(made):
    facts, found, _ = made
    shuffled = type(facts)(**vars(facts))
    for name in ("valuations", "pnl", "nav", "returns", "fx_rates", "instruments", "benchmark_weights"):
        setattr(shuffled, name, getattr(facts, name).sample(frac=1, random_state=1))
    again, _ = of_firm(shuffled, facts.sessions[-3:], books=["beta", "gamma"])
    same = found.loc[found["business_date"].isin(facts.sessions[-3:]) & found["book"].isin(["beta", "gamma"])]
    pd.testing.assert_frame_equal(again, same.reset_index(drop=True), check_exact=True)


def test_parts_of_every_book_and_session_add_up(made):
    _, found, performance = made
    assert len(found)
    assert not len(factors.identity_gaps(found, performance))
    assert np.isfinite(found["total"]).all()


def test_regressions_are_those_of_least_squares_over_the_sessions_before_the_month(made):
    facts, found, performance = made
    day = facts.sessions[-1]
    before = facts.sessions[facts.sessions < day.replace(day=1)]
    mine = performance.loc[performance["book"].eq("alpha") & performance["business_date"].isin(before)]
    local = facts.returns.pivot_table(index="business_date", columns="instrument", values="local_return")
    market = local.mean(axis=1).reindex(mine["business_date"]).to_numpy()
    active = mine["active_return"].to_numpy()
    solved, squares, *_ = np.linalg.lstsq(np.column_stack([np.ones(len(market)), market]), active, rcond=None)
    got = rows(found.loc[found["book"].eq("alpha") & found["business_date"].eq(day)], factors.REGRESSION)
    # No currency is declared, and the book is in the currency that factors are measured in: the market alone.
    assert got.index.tolist() == ["market", "specific"]
    assert got.loc["market", "exposure"] == pytest.approx(solved[1], abs=2e-9)
    assert got.loc["market", "r_squared"] == pytest.approx(
        1 - squares[0] / ((active - active.mean()) ** 2).sum(), abs=1e-10
    )
    assert got.loc["market", "observations"] == len(before)
    assert got.loc["market", "convention"].startswith("regression on 250 sessions up to 2018-")


def test_a_young_book_has_no_exposures_by_regression_and_says_so(made):
    facts, found, performance = made
    early = rows(
        found.loc[found["business_date"].eq(facts.sessions[30]) & found["book"].eq("beta")], "factor_regression"
    )
    assert early.index.tolist() == ["specific"]
    assert "of 60 sessions that a regression needs" in early["status"].item()
    due = performance.loc[performance["business_date"].eq(facts.sessions[30]) & performance["book"].eq("beta")]
    assert early["total"].item() == due["active_return"].item()


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.float64, (3, 4), elements=st.floats(-5, 5)),
    arrays(np.float64, (3, 4), elements=st.one_of(st.just(np.nan), st.floats(-0.5, 0.5))),
    arrays(np.float64, 3, elements=st.floats(-1, 1).map(lambda x: round(x, 12))),
    arrays(np.float64, 3, elements=st.floats(-0.1, 0.1).map(lambda x: round(x, 12))),
)
def test_parts_and_the_rest_add_up_whatever_is_unknown(exposures, moves, whole, trading):
    parts, rest = factors.split(exposures, moves, whole, trading)
    assert np.isfinite(parts).all()
    assert np.isfinite(rest).all()
    np.testing.assert_allclose(parts.sum(axis=1) + rest + trading, whole, rtol=0, atol=1e-12)
    assert (parts[np.isnan(moves)] == 0).all()


def series(kinds, currencies, returns, dates, numeraire="USD"):
    returns = np.array(returns, float)
    return Factors(
        names=np.array([f"{kind}{i}" for i, kind in enumerate(kinds)], object),
        kinds=np.array(kinds, object),
        currencies=np.array(currencies, object),
        dates=np.array(dates, "datetime64[us]"),
        returns=returns,
        known=np.ones(returns.shape, bool),
        usable=np.tile(np.array(dates, "datetime64[us]"), (len(kinds), 1)),
        numeraire=numeraire,
        reasons={},
    )


def test_a_closed_day_is_linked_into_the_next_session():
    # 2021-05-31 is a holiday in New York and not in Tokyo.
    dates = ["2021-05-28", "2021-05-31", "2021-06-01"]
    both = series(["market", "rate"], ["", ""], [[0.01, 0.02, 0.03], [0.001, 0.002, 0.003]], dates)
    found = estimates.on_calendar(both, "XNYS")
    assert found.dates.tolist() == pd.DatetimeIndex(["2021-05-28", "2021-06-01"]).to_numpy("datetime64[us]").tolist()
    np.testing.assert_allclose(found.returns, [[0.01, 1.02 * 1.03 - 1], [0.001, 0.005]], rtol=0, atol=1e-15)
    lost = replace(both, known=np.array([[True, False, True], [True, True, True]]))
    assert estimates.on_calendar(lost, "XNYS").known.tolist() == [[True, False], [True, True]]


def test_currencies_are_measured_against_the_base():
    known = series(["market", "currency", "currency"], ["", "EUR", "GBP"], [[0.0], [0.02], [-0.01]], ["2021-06-01"])
    euro = estimates.seen_from("EUR", known)
    assert euro.names.tolist() == ["market0", "GBP", "USD"]
    np.testing.assert_allclose(euro.returns[1:, 0], [0.99 / 1.02 - 1, 1 / 1.02 - 1], rtol=0, atol=1e-15)
    dollar = estimates.seen_from("USD", known)
    assert dollar.names.tolist() == ["market0", "EUR", "GBP"]
    assert dollar.returns[1:, 0].tolist() == [0.02, -0.01]
    assert not estimates.seen_from("JPY", known).known[1:].any()
    usable = known.usable.copy()
    usable[1] = np.datetime64("2021-06-03")  # the euro's rate came late, and with it every other seen from it
    assert (estimates.seen_from("EUR", replace(known, usable=usable)).usable[1:] == usable[1]).all()
    pound = estimates.seen_from("GBP", known)
    assert pound.known.all()
    np.testing.assert_allclose(pound.returns[1:, 0], [1.02 / 0.99 - 1, 1 / 0.99 - 1], rtol=0, atol=1e-15)


def test_a_return_that_was_published_late_is_not_used_before():
    known = series(["market"], [""], [[0.01]], ["2021-06-01"])
    late = replace(known, usable=np.array([["2021-06-02"]], "datetime64[us]"))
    day = np.array(["2021-06-01"], "datetime64[us]")
    assert estimates.returned(known, day).item() == 0.01
    assert np.isnan(estimates.returned(late, day)).all()
    assert np.isnan(estimates.returned(known, np.array(["2021-06-03"], "datetime64[us]"))).all()


def test_currencies_that_nobody_declares_are_not_regressed_on():
    known = series(["market", "currency", "currency"], ["", "EUR", "GBP"], [[0.0], [0.02], [-0.01]], ["2021-06-01"])
    assert regression.chosen(known, "USD", np.array(["currency2"], object)).names.tolist() == ["market0", "GBP"]
    assert regression.chosen(known, "EUR", np.array([], object)).names.tolist() == ["market0", "USD"]
