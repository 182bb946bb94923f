import numpy as np
import pandas as pd

from daybook.risk import components, contributions, scenarios, var
from tests.frames import frame
from tests.risk.firm import declared, firm
from tests.risk.test_risk_var import book

NO_BOOKS = frame("books", "book strategy", ("b", "growth"))


def by_hand(*positions, books=NO_BOOKS, kept=("historical", 0.99)):
    inputs = book(100, *positions)
    instruments = frame(
        "instruments", "instrument asset_class sector issuer country",
        ("A", "equity", "Energy", "one", "US"), ("E", "equity", "Energy", "two", "DE"), ("NEW", "etf", "", "", ""),
    )  # fmt: skip
    rows = contributions.contributions(
        scenarios.days(*inputs[:4], instruments, inputs[5], declared()), instruments, books
    )
    rows = rows[rows["method"].eq(kept[0]) & rows["confidence"].eq(kept[1])]
    return {name: part.set_index("bucket") for name, part in rows.groupby("dimension")}


def test_buckets_by_hand():
    # Worst scenario: A -50 bp = -5, E and the euro +1 % and +10 %: -111 x 0.1 short = +11.1, cash +20.
    found = by_hand(("A", "USD", 1000.0), ("E", "EUR", 100.0), ("NEW", "USD", 0.0), ("CASH:EUR", "EUR", -200.0))
    parts = {name: rows["component"].to_dict() for name, rows in found.items()}
    assert parts["sector"] == {"Energy": -6.1, "Unclassified": 0.0, "Cash": 20.0}
    assert parts["issuer"] == {"one": 5.0, "two": -11.1, "Unclassified": 0.0, "Cash": 20.0}
    assert parts["country"] == {"US": 5.0, "DE": -11.1, "Unclassified": 0.0, "Cash": 20.0}
    assert parts["asset_class"] == {"equity": -6.1, "etf": 0.0, "cash": 20.0}
    assert parts["currency"] == {"USD": 5.0, "EUR": 8.9}
    assert parts["strategy"] == {"growth": 13.9}
    # Without the euro A alone is left, VaR 5; without all of Energy the short euro.
    assert found["currency"]["incremental"].round(6).to_dict() == {"USD": 5.0, "EUR": 8.9}
    assert found["sector"]["incremental"].round(6).to_dict() == {"Energy": -6.1, "Unclassified": 0.0, "Cash": 20.0}


def test_a_book_without_strategy_says_so():
    found = by_hand(("A", "USD", 1000.0), books=NO_BOOKS.assign(strategy=""))
    assert found["strategy"]["component"].to_dict() == {"Unclassified": 5.0}


def test_incremental_of_a_bucket_is_that_of_all_of_it():
    # A and E fall together only in A's worst scenario; the sum of their own incrementals is not the bucket's.
    f = firm(1, seed=3, history=150)
    inputs, facts = (f.valuations, f.nav, f.returns, f.fx_rates, f.instruments, f.sessions), declared()
    rows = contributions.contributions(scenarios.days(*inputs, facts), f.instruments, f.books)
    energy = set(f.instruments.loc[f.instruments["sector"].eq("Energy"), "instrument"])
    left = var.var(f.valuations[~f.valuations["instrument"].isin(energy)], *inputs[1:], facts)
    key = ["book", "method", "confidence"]
    whole, without = (frame_.set_index(key)["var"] for frame_ in (var.var(*inputs, facts), left))
    one = rows.query("dimension == 'sector' and bucket == 'Energy'").set_index(key)["incremental"]
    assert len(one) == len(whole)
    assert np.allclose(one, (whole - without).reindex(one.index), atol=1e-5)


def test_every_dimension_adds_up_to_var_under_every_model():
    f = firm(2, seed=4, history=150)
    inputs, facts = (f.valuations, f.nav, f.returns, f.fx_rates, f.instruments, f.sessions), declared()
    figures = var.var(*inputs, facts)
    rows = contributions.contributions(scenarios.days(*inputs, facts), f.instruments, f.books)
    assert set(rows["dimension"]) == {*contributions.DIMENSIONS, "factor"}
    for name, part in rows.groupby("dimension"):
        of = figures if name != "factor" else figures[figures["method"].isin(contributions.DATED)]
        assert components.identity_gaps(of, part).empty, name
    alone = contributions.contributions(scenarios.days(*inputs[:-1], f.sessions[1:], facts), f.instruments, f.books)
    assert alone.equals(rows[rows["business_date"].eq(f.sessions[1])].reset_index(drop=True))


def test_a_factor_earns_exposure_times_its_return():
    # S moves with the market, 2 to 1, and nothing else; B is the market: all of VaR is the factor's.
    dates = pd.bdate_range(end="2020-01-31", periods=100).as_unit("us")
    moves = np.random.default_rng(2).normal(0, 0.01, 100)
    rows = [
        (date, name, beta * move, "USD", "ok")
        for date, move in zip(dates, moves, strict=True)
        for name, beta in (("S", 2.0), ("B", 0.0), ("C", 1.0))
    ]
    returns = frame("returns", "business_date instrument local_return currency status", *rows)
    returns.loc[returns["instrument"].eq("B"), "local_return"] = np.random.default_rng(3).normal(0, 0.01, 100)
    held = frame(
        "valuations", "business_date book instrument currency market_value_base exposure_base",
        *[("2020-01-31", "b", name, "USD", value, value) for name, value in (("S", 1000.0), ("CASH:USD", 50.0))],
    )  # fmt: skip
    instruments = frame("instruments", "instrument asset_class", ("S", "equity"), ("B", "bond"), ("C", "etf"))
    nav = frame("nav", "business_date book base_currency nav status", ("2020-01-31", "b", "USD", 1050.0, "ok"))
    rates = frame(
        "fx_rates", "business_date base quote rate status", *[(date, "EUR", "USD", 1.1, "ok") for date in dates]
    )
    day = scenarios.days(held, nav, returns, rates, instruments, pd.DatetimeIndex(dates[-1:]).as_unit("us"), declared())
    rows = contributions.contributions(day, instruments, NO_BOOKS).query("dimension == 'factor'")
    one = rows.query("method == 'historical' and confidence == 0.99").set_index("bucket")
    # The market is the mean of S and C: 1.5 x the move; S has exposure 4/3 to it and nothing is left over.
    worst = -2000 * moves.min()
    assert one["component"].round(4).to_dict() == {"market": round(worst, 4), "specific": 0.0}
    assert one.loc["market", "incremental"].round(4) == round(worst, 4)
