"""Declared factors as series: where returns come from, what is known, what holds where nothing is declared."""

import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.risk import factors
from tests.risk.firm import firm

DAYS = calendars.sessions("XNYS", "2022-03-01")[:6]


def declared(*rows, since="2022-01-03"):
    """Facts ``risk_factors`` from dictionaries."""
    frame = tables.empty("risk_factors").reindex(range(len(rows)))
    for name in ("factor", "kind", "instrument", "benchmark", "series", "currency"):
        frame[name] = [row.get(name, "") for row in rows]
    frame["valid_from"] = pd.to_datetime([row.get("valid_from", since) for row in rows])
    frame["valid_to"] = pd.to_datetime([row.get("valid_to") for row in rows])
    return frame


def returns(**columns):
    """Table ``returns`` of ``DAYS``; None is a missing return."""
    rows = [
        {"business_date": day, "instrument": name, "local_return": value, "price_return": value}
        for name, values in columns.items()
        for day, value in zip(DAYS, values, strict=True)
        if value is not None
    ]
    return tables.conform("returns", pd.DataFrame(rows).assign(currency="USD", status="ok"))


def instruments(**classes):
    frame = tables.empty("instruments").reindex(range(len(classes)))
    frame["instrument"], frame["asset_class"] = list(classes), list(classes.values())
    for name in ("currency", "exchange", "sector", "country", "issuer", "name"):
        frame[name] = "USD" if name == "currency" else ""
    return frame.assign(valid_from=pd.Timestamp("2020-01-02"), multiplier=1.0, lot_size=1.0)


def fx(*rates):
    rows = [
        {"business_date": day, "base": "EUR", "quote": "USD", "rate": rate, "status": "ok"}
        for day, rate in zip(DAYS, rates, strict=True)
    ]
    return tables.conform("fx_rates", pd.DataFrame(rows).assign(source="x", reason="", cut=""))


def levels(*pairs):
    return pd.DataFrame([{"business_date": DAYS[i], "benchmark": "IDX", "level": level} for i, level in pairs])


def observed(*rows):
    """Alternative data: series, day, value, day from which it may be used."""
    frame = pd.DataFrame(rows, columns=["series", "observed_on", "value", "usable_from"])
    for name in ("observed_on", "usable_from"):
        frame[name] = pd.to_datetime(frame[name])
    known = pd.to_datetime(frame["observed_on"]).dt.tz_localize("UTC")
    return frame.assign(instrument="", known_at=known)


NO_LEVELS = pd.DataFrame({"business_date": pd.to_datetime([]), "benchmark": [], "level": []})
NO_SERIES = observed()
RATES = fx(1.10, 1.10, 1.21, 1.21, 1.21, 1.089)
STOCKS = {"A": [0.01, 0.02, -0.01, 0.03, None, 0.01], "B": [0.03, 0.00, -0.03, None, None, 0.03]}


def series(rows, *, of=None, index=NO_LEVELS, other=NO_SERIES, rates=RATES, kinds=None):
    kinds = kinds or {"A": "equity", "B": "etf", "C": "bond"}
    table = of if of is not None else returns(**STOCKS, C=[0.5] * 6)
    return factors.series(rows, table, index, other, rates, instruments(**kinds), DAYS[-1])


def test_where_nothing_is_declared_the_market_is_the_mean_of_equities_and_funds_and_each_currency_is_a_factor():
    found = series(declared())
    assert found.names.tolist() == ["market", "EUR"]
    assert found.numeraire == "USD"
    np.testing.assert_allclose(found.returns[0], [0.02, 0.01, -0.02, 0.03, 0.0, 0.02], atol=1e-15)
    assert found.known[0].tolist() == [True, True, True, True, False, True], "no share has a return on the fifth day"
    # The first day has no rate before it; EUR gains a tenth on the third day and loses one on the last.
    assert found.known[1].tolist() == [False, True, True, True, True, True]
    np.testing.assert_allclose(found.returns[1], [0, 0, 0.1, 0, 0, -0.1], atol=1e-12)


def test_a_style_is_the_return_of_its_fund_above_the_market_and_only_where_both_are_known():
    rows = declared(
        {"factor": "value", "kind": "style", "instrument": "B"},
        {"factor": "index", "kind": "market", "instrument": "A"},
        {"factor": "euro", "kind": "currency", "currency": "EUR"},
    )
    found = series(rows)
    assert found.names.tolist() == ["index", "value", "euro"], "the market first, then styles, currencies last"
    np.testing.assert_allclose(found.returns[1], [0.02, -0.02, -0.02, 0, 0, 0.02], atol=1e-15)
    assert found.known[1].tolist() == [True, True, True, False, False, True]
    assert factors.market(rows, DAYS[-1]) == "index"
    assert factors.market(declared(), DAYS[-1]) == "market"


def test_a_level_makes_a_return_only_between_two_sessions_in_a_row():
    rows = declared({"factor": "market", "kind": "market", "benchmark": "IDX"})
    found = series(rows, index=levels((0, 100.0), (1, 110.0), (2, 99.0), (4, 120.0), (5, 60.0)))
    assert found.known[0].tolist() == [False, True, True, False, False, True]
    np.testing.assert_allclose(found.returns[0], [0, 0.1, -0.1, 0, 0, -0.5], atol=1e-15)


def test_a_rate_moves_by_its_change_and_a_series_counts_from_the_day_it_may_be_used():
    days = [day.strftime("%Y-%m-%d") for day in DAYS]
    rows = declared(
        {"factor": "yield", "kind": "rate", "series": "y10"}, {"factor": "oil", "kind": "commodity", "series": "oil"}
    )
    data = observed(
        *[("y10", day, value, day) for day, value in zip(days, [2.0, 2.5, 2.25, 2.25, 3.0, 3.5], strict=True)],
        ("oil", days[3], 50.0, days[3]),
        ("oil", days[4], 100.0, days[4]),
        ("oil", days[5], 110.0, "2023-01-03"),
    )
    found = series(rows, other=data)
    at = {name: i for i, name in enumerate(found.names)}
    np.testing.assert_allclose(found.returns[at["yield"]], [0, 0.5, -0.25, 0, 0.75, 0.5], atol=1e-15)
    np.testing.assert_allclose(found.returns[at["oil"]], [0, 0, 0, 0, 1.0, 0.1], atol=1e-15)
    now = found.window(DAYS[-1], 3)
    assert now.known[at["oil"]].tolist() == [False, True, False], "the last one may not be used before 2023"
    assert now.returns[at["oil"], 2] == 0
    monthly = observed(("y10", days[0], 2.0, days[0]), ("y10", days[5], 3.0, days[5]))
    assert not series(rows, other=monthly).known[at["yield"]].any(), "nothing is carried forward to a session between"


def test_rows_hold_from_valid_from_to_valid_to_and_a_factor_without_one_source_says_so():
    rows = declared(
        {"factor": "market", "kind": "market", "instrument": "A", "valid_to": "2022-03-04"},
        {"factor": "market", "kind": "market", "instrument": "B", "valid_from": "2022-03-07"},
        {"factor": "old", "kind": "style", "instrument": "A", "valid_to": "2022-03-04"},
        {"factor": "two", "kind": "style", "instrument": "A", "benchmark": "IDX"},
        {"factor": "none", "kind": "sector"},
    )
    assert factors.in_force(rows, pd.Timestamp("2022-03-04"))["instrument"].tolist() == ["A", "A", "A", ""]
    found = series(rows)
    assert found.names.tolist() == ["market", "two", "none", "EUR"]
    np.testing.assert_allclose(found.returns[0][:3], [0.03, 0.0, -0.03])
    assert found.reasons == {"two": "more than one source: instrument, benchmark", "none": "no source is declared"}
    assert not found.known[1:3].any()


def test_an_earlier_session_is_a_window_of_a_later_one():
    f = firm(40, seed=2)
    rows = declared(
        {"factor": "value", "kind": "style", "instrument": "I01"},
        {"factor": "euro", "kind": "currency", "currency": "EUR"},
        since="2017-01-03",
    )
    given = (f.instruments,)
    late = factors.series(rows, f.returns, NO_LEVELS, NO_SERIES, f.fx_rates, *given, f.days[-1]).window(f.days[20], 10)
    early = factors.series(
        rows,
        f.returns[f.returns["business_date"] <= f.days[20]],
        NO_LEVELS,
        NO_SERIES,
        f.fx_rates[f.fx_rates["business_date"] <= f.days[20]],
        *given,
        f.days[20],
    ).window(f.days[20], 10)
    assert late.names.tolist() == ["market", "value", "euro", "GBP"]
    for name in ("dates", "returns", "known"):
        np.testing.assert_array_equal(getattr(late, name), getattr(early, name))


@pytest.mark.parametrize(("pairs", "expected"), [([("EUR", "JPY")], "EUR"), ([("AUD", "JPY")], "AUD")])
def test_a_firm_without_dollars_measures_currencies_against_another(pairs, expected):
    rows = pd.DataFrame(pairs, columns=["base", "quote"])
    assert factors.numeraire(rows) == expected
