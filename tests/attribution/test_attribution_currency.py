import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.attribution import currency, rules, sides
from daybook.performance import benchmarks
from tests.frames import frame, sessions
from tests.risk.firm import firm

FRIDAY, MONDAY = "2020-03-06", "2020-03-09"
DAY = sessions(MONDAY)
INSTRUMENTS = frame(
    "instruments",
    "instrument asset_class currency underlying",
    ("US", "equity", "USD", ""),
    ("DE", "equity", "EUR", ""),
    ("FWD", "forward", "EUR", "CASH:USD"),
    ("CHEAP", "forward", "USD", "CASH:JPY"),
)
RATES = frame(
    "fx_rates",
    "business_date base quote rate status",
    (FRIDAY, "USD", "EUR", 0.8, "ok"),
    (MONDAY, "USD", "EUR", 0.816, "ok"),
    (FRIDAY, "JPY", "EUR", 0.008, "ok"),
    (MONDAY, "JPY", "EUR", 0.00816, "ok"),
)


def attributed(held, earned, index, *, inflow=0.0, free=(), hedge_ratio=0.0, fx_rates=RATES, imputation="portfolio"):
    """The rows of one EUR book on Monday, by method and currency, and its active return.

    Args:
        held: instrument -> (opening value, exposure).
        earned: instrument -> (price_pnl, fx_pnl, income, trading_pnl, fees).
        index: instrument -> (weight, local return, currency).
        inflow: of the day.
        free: rows of risk_free_rates: currency and rate, of the Friday.
        hedge_ratio: of the benchmark.
        fx_rates: table.
        imputation: of the rule.
    """
    own = {"US": "USD", "CHEAP": "USD"}
    valuations = frame(
        "valuations",
        "business_date book instrument currency market_value_base exposure_base",
        *[
            (FRIDAY, "b", name, own.get(name, "EUR" if ":" not in name else name[5:]), *money)
            for name, money in held.items()
        ],
    )
    columns = "business_date book instrument price_pnl fx_pnl income trading_pnl fees total"
    pnl = frame("pnl", columns, *[(MONDAY, "b", name, *parts, sum(parts)) for name, parts in earned.items()])
    before, total = sum(money[0] for money in held.values()), pnl["total"].sum()
    nav = frame(
        "nav",
        "business_date book nav status",
        (FRIDAY, "b", before, "ok"),
        (MONDAY, "b", before + total + inflow, "ok"),
    )
    move = {"EUR": 0.0, "USD": 0.02, "JPY": 0.02}
    known = dict(free)
    premium = {name: (1 + known.get("EUR", 0) * 3 / 365) / (1 + known.get(name, 0) * 3 / 365) - 1 for name in move}
    opening = pd.DataFrame(
        [
            (DAY[0], "index", "EUR", "XNYS", name, weight, local, of, move[of], hedge_ratio * (of != "EUR"))
            for name, (weight, local, of) in index.items()
        ],
        columns="business_date benchmark base_currency calendar instrument weight local_return currency currency_move"
        " hedge_ratio".split(),
    )
    opening["forward_premium"] = opening["currency"].map(premium)
    unhedged = (1 + opening["local_return"]) * (1 + opening["currency_move"]) - 1
    gain = opening["local_return"] + opening["forward_premium"]
    opening["total_return"] = unhedged + opening["hedge_ratio"] * (gain - unhedged)
    benchmark = (opening["weight"] * opening["total_return"]).sum()
    denominator = before + inflow
    performance = frame(
        "performance",
        "business_date book daily_return benchmark_return active_return denominator status",
        (MONDAY, "b", total / denominator, benchmark, round(total / denominator - benchmark, 12), denominator, "ok"),
    )
    views = pd.DataFrame(
        {"business_date": DAY, "book": "b", "benchmark": "index", "base_currency": "EUR", "calendar": "XNYS"}
    ).astype(dict.fromkeys(("book", "benchmark", "base_currency", "calendar"), "str"))
    scope = sides.scope_of(performance, views, DAY)
    lines = sides.lines(valuations, pnl, nav, scope, opening)
    rates = frame("risk_free_rates", "business_date currency tenor rate", *[(FRIDAY, n, "1D", r) for n, r in free])
    declared = rules.in_force(tables.empty("attribution_rules"), scope).assign(imputation=imputation)
    found = currency.currency_attribution(lines, opening, valuations, nav, INSTRUMENTS, declared, fx_rates, rates, DAY)
    assert currency.identity_gaps(found, performance).empty
    return found.set_index(["method", "currency"]), performance["active_return"].iloc[0]


# 60 % in dollars, 40 % at home, and forwards that sell dollars for 40 %.
HELD = {"US": (600.0, 600.0), "DE": (300.0, 300.0), "CASH:EUR": (100.0, 100.0), "FWD": (0.0, -400.0)}
EARNED = {"US": (30.6, 12.0, 0, 0, 0), "DE": (-3.0, 0, 0, 0, 0), "FWD": (-8.0, 0, 0, 0, 0)}
INDEX = {"US": (0.5, 0.04, "USD"), "DE": (0.5, 0.01, "EUR")}


def test_two_currencies_and_a_forward_by_hand():
    found, active = attributed(HELD, EARNED, INDEX)
    assert active == pytest.approx(-0.0038)
    ks = found.loc["karnosky_singer"]
    assert ks["portfolio_weight"].to_dict() == {"EUR": 0.4, "USD": 0.6}
    assert ks["hedge_weight"].to_dict() == {"EUR": 0.4, "USD": -0.4}
    assert ks["portfolio_local_return"].to_dict() == pytest.approx({"EUR": -0.0075, "USD": 0.05})
    assert ks["currency_return"].to_dict() == pytest.approx({"EUR": 0.0, "USD": 0.02})
    assert ks["allocation"].to_dict() == pytest.approx({"EUR": 0.0015, "USD": 0.0015})
    assert ks["selection"].to_dict() == pytest.approx({"EUR": -0.00875, "USD": 0.005})
    assert ks["interaction"].to_dict() == pytest.approx({"EUR": 0.00175, "USD": 0.001})
    assert ks["currency_effect"].to_dict() == pytest.approx({"EUR": 0.001, "USD": 0.0012})
    assert ks["hedge_effect"].to_dict() == pytest.approx({"EUR": -0.004, "USD": -0.004})
    ah = found.loc["ankrim_hensel"]
    assert ah["portfolio_local_return"].to_dict() == pytest.approx({"EUR": -0.0075, "USD": 0.051})
    assert ah["allocation"].to_dict() == pytest.approx({"EUR": 0.00154, "USD": 0.00154})
    assert ah["currency_effect"].to_dict() == pytest.approx({"EUR": 0.001, "USD": 0.001})
    for method in ("ankrim_hensel", "karnosky_singer", "geometric"):
        assert found.loc[method, "total"].sum() == pytest.approx(active, abs=1e-12)
    assert (ks["status"] == ["ok", "ok; no risk-free rate of USD or of EUR: premium 0"]).all()


def test_interest_makes_the_premium_of_forwards():
    found, _ = attributed(HELD, EARNED, INDEX, free=[("EUR", 0.0365), ("USD", 0.01825)])
    # From Friday to Monday: 3 days.
    ks = found.loc["karnosky_singer"]
    assert ks["deposit_return"].to_dict() == pytest.approx({"EUR": 0.0003, "USD": 0.00015})
    assert ks["forward_premium"].to_dict() == pytest.approx({"EUR": 0.0, "USD": 1.0003 / 1.00015 - 1})
    assert ks["status"].tolist() == ["ok", "ok"]
    # Being 10 % over in dollars gains the premium less its mean, which half of the benchmark earns.
    assert found.loc[("ankrim_hensel", "USD"), "premium_effect"] == pytest.approx(0.1 * 0.5 * (1.0003 / 1.00015 - 1))


def test_trading_income_cash_abroad_and_an_inflow():
    held = {"US": (500.0, 500.0), "CASH:USD": (100.0, 100.0), "CASH:EUR": (200.0, 200.0)}
    earned = {"US": (10.2, 10.0, 5.1, -4.0, -1.0), "CASH:USD": (0.0, 2.0, 1.02, 0.0, -3.0)}
    found, _ = attributed(held, earned, {"US": (1.0, 0.0, "USD")}, inflow=200.0)
    ks = found.loc["karnosky_singer"]
    assert ks["portfolio_weight"].to_dict() == {"EUR": 0.4, "USD": 0.6}
    # (10.2 + 5.1 + 1.02) / 1.02 = 16 of 600 at the exchange rate of the open; cash abroad is exposed like a share.
    assert ks.loc["USD", "portfolio_local_return"] == pytest.approx(16 / 600)
    assert ks.loc["USD", "trading"] == pytest.approx(-0.008)
    # A benchmark all in dollars gains 2 %; 40 % at home miss it, and the dollars' own 0.016 gained 2 % with them.
    assert ks["currency_effect"].sum() == pytest.approx(-0.4 * 0.02 + 0.016 * 0.02)


def test_a_hedge_between_two_foreign_currencies():
    # Yen bought for dollars, both up by 2 %: each leg moves by its own currency, together they make nothing.
    held = {"CASH:EUR": (1000.0, 1000.0), "CHEAP": (10.0, 300.0), "CASH:USD": (-10.0, -10.0)}
    earned = {"CHEAP": (0.5, 0.2, 0, 0, 0), "CASH:USD": (0.0, -0.2, 0, 0, 0)}
    found, active = attributed(held, earned, {"DE": (1.0, 0.0, "EUR")})
    assert active == pytest.approx(0.0005)
    ks = found.loc["karnosky_singer"]
    assert ks["hedge_weight"].to_dict() == {"EUR": 0.0, "JPY": 0.3, "USD": -0.3}
    assert ks["hedge_effect"].to_dict() == pytest.approx({"EUR": 0.0, "JPY": 0.0005 + 0.3 * 0.02, "USD": -0.3 * 0.02})
    assert ks["portfolio_weight"].to_dict() == {"EUR": 1.0, "JPY": 0.0, "USD": 0.0}


def test_a_hedged_benchmark():
    held, earned = {"US": (1000.0, 1000.0)}, {"US": (0.0, 20.0, 0, 0, 0)}
    found, active = attributed(held, earned, {"US": (1.0, 0.0, "USD")}, hedge_ratio=0.5)
    assert active == pytest.approx(0.01)
    for method in ("ankrim_hensel", "karnosky_singer", "geometric"):
        rows = found.loc[method]
        assert rows["benchmark_hedge_weight"].to_dict() == {"EUR": 0.5, "USD": -0.5}
        assert rows["hedge_effect"].sum() == pytest.approx(0.01)
        assert rows[["allocation", "selection", "currency_effect"]].abs().to_numpy().max() == pytest.approx(
            0, abs=1e-12
        )


def test_one_currency():
    found, active = attributed({"DE": (1000.0, 1000.0)}, {"DE": (5.0, 0, 0, 0, 0)}, {"DE": (1.0, 0.01, "EUR")})
    assert found.index.get_level_values("currency").tolist() == ["EUR"] * 3
    assert found["currency_effect"].tolist() == [0.0] * 3
    assert found["selection"].tolist() == [pytest.approx(active)] * 3


def test_imputation_is_as_declared():
    held, earned = {"US": (500.0, 500.0), "DE": (500.0, 500.0)}, {"US": (51.0, 10.0, 0, 0, 0)}
    index = {"DE": (1.0, 0.01, "EUR")}
    own, _ = attributed(held, earned, index)
    theirs, _ = attributed(held, earned, index, imputation="benchmark")
    at = ("karnosky_singer", "USD")
    assert own.loc[at, ["allocation", "interaction"]].tolist() == pytest.approx([0.5 * (0.1 - 0.01), 0.0])
    assert theirs.loc[at, ["allocation", "interaction"]].tolist() == pytest.approx([0.0, 0.5 * (0.1 - 0.01)])


def test_a_missing_rate_is_said():
    only = RATES[RATES["base"].ne("USD") | RATES["business_date"].eq(DAY[0])]
    found, _ = attributed(HELD, EARNED, INDEX, fx_rates=only)
    assert found[["allocation", "currency_effect", "trading", "total"]].isna().to_numpy().all()
    assert set(found["status"]) == {"no exchange rate USD/EUR of this session or the one before"}


def test_a_fund_that_is_lost_has_no_geometric_rows_only():
    found, active = attributed({"DE": (100.0, 100.0)}, {"DE": (-150.0, 0, 0, 0, 0)}, {"DE": (1.0, 0.01, "EUR")})
    assert found.loc["geometric", "total"].isna().all()
    assert found.loc[("geometric", "EUR"), "status"] == "a notional fund loses all it has"
    assert found.loc["karnosky_singer", "total"].sum() == pytest.approx(active)


def world():
    """Four books in USD and EUR that hold three currencies, three with a benchmark; by an argument list."""
    made = firm(12)
    views = benchmarks.book_views(made.books, made.sessions)
    sources = benchmarks.Sources(made.benchmark_weights, made.returns, made.fx_rates)
    opening = benchmarks.computed(sources, views, made.sessions).lines
    index = opening.assign(part=opening["weight"] * opening["total_return"])
    index = index.groupby(["business_date", *benchmarks.VIEW], as_index=False)["part"].sum()
    nav = made.nav.sort_values(["book", "business_date"])
    denominator = nav.groupby("book")["nav"].shift().fillna(0) + nav["flows"].clip(lower=0)
    rows = nav.assign(denominator=denominator.round(6))[["business_date", "book", "denominator", "flows"]]
    total = made.pnl.groupby(["business_date", "book"], as_index=False)["total"].sum()
    rows = rows.merge(total).merge(views).merge(index, how="left")
    rows["daily_return"] = rows["total"] / rows["denominator"]
    rows["active_return"] = (rows["daily_return"] - rows["part"]).round(12)
    given = tables.empty("performance").reindex(range(len(rows)))
    names = [name for name in given if name in rows]
    performance = given.assign(**{name: rows[name].to_numpy() for name in names})
    return made, views, opening, performance


def computed(made, views, opening, performance, days):
    scope = sides.scope_of(performance, views, days)
    calendar = calendars.sessions("XNYS")
    wide = calendar[(calendar >= days[0] - pd.Timedelta(days=6)) & (calendar <= days[-1])]

    def near(rows):
        return rows[rows["business_date"].isin(wide)]

    today = opening[opening["business_date"].isin(days)]
    lines = sides.lines(near(made.valuations), made.pnl[made.pnl["business_date"].isin(days)], made.nav, scope, today)
    declared = rules.in_force(tables.empty("attribution_rules"), scope)
    rates = frame("risk_free_rates", "business_date currency tenor rate", ("2018-01-02", "USD", "1D", 0.02))
    return currency.currency_attribution(
        lines, today, near(made.valuations), made.nav, made.instruments, declared, made.fx_rates, rates, days
    )


def test_a_range_is_the_same_as_its_sessions_and_adds_up():
    made, views, opening, performance = world()
    days = made.sessions
    whole = computed(made, views, opening, performance, days)
    assert len(whole) > 200
    assert currency.identity_gaps(whole, performance).empty
    assert (whole[currency.EFFECTS].sum(axis=1) - whole["total"]).round(12).abs().max() == 0
    one = computed(made, views, opening, performance, days[7:8])
    pd.testing.assert_frame_equal(one, whole[whole["business_date"] == days[7]].reset_index(drop=True))
    alone = computed(made, views, opening, performance[performance["book"] == "alpha"], days)
    pd.testing.assert_frame_equal(alone, whole[whole["book"] == "alpha"].reset_index(drop=True))


def test_what_does_not_add_up_is_named():
    made, views, opening, performance = world()
    found = computed(made, views, opening, performance, made.sessions[5:6])
    performance = performance[performance["business_date"] == made.sessions[5]]
    first = found["book"].eq("alpha") & found["method"].eq("geometric") & found["currency"].eq("USD")
    off = currency.identity_gaps(found.assign(total=found["total"] + np.where(first, 1e-9, 0.0)), performance)
    assert off[["book", "method"]].to_numpy().tolist() == [["alpha", "geometric"]]
    assert off["gap"].tolist() == [pytest.approx(1e-9, abs=1e-12)]
    half = currency.identity_gaps(found.assign(total=found["total"].mask(first)), performance)
    assert half[["book", "method"]].to_numpy().tolist() == [["alpha", "geometric"]]
    none = currency.identity_gaps(found[found["method"].ne("ankrim_hensel")], performance)
    assert none["method"].tolist() == ["ankrim_hensel"] * 3


def test_a_firm_without_books_has_no_rows():
    fx_rates, instruments, rates = (tables.empty(name) for name in ("fx_rates", "instruments", "risk_free_rates"))
    sources = benchmarks.Sources(
        benchmark_weights=tables.empty("benchmark_weights"),
        returns=tables.empty("returns"),
        fx_rates=fx_rates,
        benchmark_levels=tables.empty("benchmark_levels"),
        benchmark_blends=tables.empty("benchmark_blends"),
        benchmark_terms=tables.empty("benchmark_terms"),
        risk_free_rates=rates,
    )
    views = benchmarks.book_views(tables.empty("books"), DAY)
    opening = benchmarks.computed(sources, views, DAY).lines
    valuations, pnl, nav = (tables.empty(name) for name in ("valuations", "pnl", "nav"))
    scope = sides.scope_of(tables.empty("performance"), views, DAY)
    lines = sides.lines(valuations, pnl, nav, scope, opening)
    declared = rules.in_force(tables.empty("attribution_rules"), scope)
    found = currency.currency_attribution(lines, opening, valuations, nav, instruments, declared, fx_rates, rates, DAY)
    assert lines.empty
    assert found.empty
