import numpy as np
import pandas as pd
import pytest

from daybook import calendars
from daybook.market import fx
from tests.frames import frame, sessions

COLUMNS = "business_date base quote source rate"


def test_golden_prefers_the_declared_source_then_the_latest_delivery():
    raw = frame(
        "raw_fx_rates",
        COLUMNS + " known_at recorded_at delivery",
        ("2020-01-02", "EUR", "USD", "ecb", 1.10, "2020-01-02", "2020-01-02", 1),
        ("2020-01-02", "EUR", "USD", "desk", 1.20, "2020-01-03", "2020-01-03", 2),
        ("2020-01-03", "EUR", "USD", "desk", 1.21, "2020-01-03", "2020-01-03", 2),
    )
    days = sessions("2020-01-02", "2020-01-03")
    assert fx.golden(raw, days, ["ecb", "files"])["rate"].tolist() == [1.10, 1.21]
    assert fx.golden(raw, days, ["files", "ecb"])["rate"].tolist() == [1.20, 1.21]
    assert fx.golden(raw, days, [])["rate"].tolist() == [1.20, 1.21], "the latest delivery wins without an order"


def test_a_missing_rate_is_carried_five_sessions_and_no_further():
    raw = frame("raw_fx_rates", COLUMNS, ("2020-01-17", "EUR", "USD", "ecb", 1.11))  # a Friday; Monday is a holiday
    days = calendars.sessions("XNYS", "2020-01-17", "2020-01-28")
    golden = fx.golden(raw, days, [])
    assert golden["status"].tolist() == ["ok", *["stale"] * 5]
    assert golden["business_date"].max() == pd.Timestamp("2020-01-27")
    assert golden["reason"].tolist()[1] == (
        "no rate was delivered for this session, the last one, of 2020-01-17, is used"
    )
    last, beyond = "2020-01-27", "2020-01-28"
    for rate in (
        fx.rates(golden, ["EUR", "EUR"], ["USD", "USD"], sessions(last, beyond)),
        fx.at(raw, ["EUR", "EUR"], ["USD", "USD"], sessions(last, beyond), []),
    ):
        assert rate[0] == 1.11
        assert np.isnan(rate[1])


def test_direct_then_inverse_then_cross():
    raw = frame(
        "raw_fx_rates",
        COLUMNS,
        ("2020-01-02", "EUR", "USD", "ecb", 1.25),
        ("2020-01-02", "EUR", "JPY", "ecb", 120.0),
        ("2020-01-02", "GBP", "USD", "ecb", 1.5),
        ("2020-01-02", "GBP", "JPY", "ecb", 150.0),
    )
    golden = fx.golden(raw, sessions("2020-01-02"), [])
    base, quote = ["EUR", "USD", "EUR", "USD", "CHF", "JPY"], ["USD", "EUR", "GBP", "JPY", "USD", "JPY"]
    found = fx.rates(golden, base, quote, np.repeat(sessions("2020-01-02"), 6))
    # EUR/GBP goes through the dollar, not the yen; USD/JPY through the euro (96), not through sterling (100).
    assert found[:4] == pytest.approx([1.25, 0.8, 1.25 / 1.5, 0.8 * 120.0], rel=1e-15)
    assert np.isnan(found[4])
    assert found[5] == 1.0
    assert np.array_equal(found, fx.at(raw, base, quote, np.repeat(sessions("2020-01-02"), 6), []), equal_nan=True)


def test_a_cross_of_the_day_goes_before_a_stale_pair():
    raw = frame(
        "raw_fx_rates",
        COLUMNS,
        ("2020-01-02", "EUR", "GBP", "ecb", 0.85),
        ("2020-01-02", "EUR", "USD", "ecb", 1.10),
        ("2020-01-02", "GBP", "USD", "ecb", 1.30),
        ("2020-01-03", "EUR", "USD", "ecb", 1.20),
        ("2020-01-03", "GBP", "USD", "ecb", 1.25),
    )
    days = sessions("2020-01-02", "2020-01-03")
    found = fx.rates(fx.golden(raw, days, []), ["EUR"] * 2, ["GBP"] * 2, days)
    assert found == pytest.approx([0.85, 0.96])


def test_a_weekend_rate_serves_only_as_the_last_one():
    raw = frame(
        "raw_fx_rates",
        COLUMNS,
        ("2020-01-03", "EUR", "USD", "ecb", 1.10),
        ("2020-01-04", "EUR", "USD", "ecb", 1.11),
    )
    golden = fx.golden(raw, sessions("2020-01-03", "2020-01-06"), [])
    assert golden[["rate", "status"]].to_numpy().tolist() == [[1.10, "ok"], [1.11, "stale"]]
    assert fx.at(raw, ["EUR", "EUR"], ["USD", "USD"], sessions("2020-01-04", "2020-01-05"), []).tolist() == [1.11, 1.11]


def test_a_range_gives_the_rows_of_single_sessions():
    days = calendars.sessions("XNYS", "2020-01-02", "2020-02-14")
    rows = [(d, "EUR", "USD", "ecb", 1.1 + i / 1000) for i, d in enumerate(days) if i % 7 not in (2, 3)]
    raw = frame(
        "raw_fx_rates", COLUMNS, *rows, *[(d, "USD", "GBP", "x", 0.7 + i / 999) for i, d in enumerate(days[::9])]
    )
    whole = fx.golden(raw, days, ["x"])
    single = [fx.golden(raw[raw["business_date"] <= d], sessions(d), ["x"]) for d in days]
    pd.testing.assert_frame_equal(whole, pd.concat(single, ignore_index=True))
    crossed = fx.rates(whole, ["GBP"] * len(days), ["EUR"] * len(days), days)
    assert np.array_equal(crossed, fx.at(raw, ["GBP"] * len(days), ["EUR"] * len(days), days, ["x"]), equal_nan=True)


def test_no_rates_at_all():
    none = frame("raw_fx_rates", COLUMNS)
    assert fx.golden(none, sessions("2020-01-02"), []).empty
    assert fx.at(none, ["USD", "EUR"], ["USD", "USD"], sessions("2020-01-02", "2020-01-02"), [])[0] == 1.0
    assert np.isnan(fx.rates(fx.golden(none, sessions("2020-01-02"), []), ["EUR"], ["USD"], sessions("2020-01-02"))[0])


RATES = ("EUR", "USD", 1.10), ("GBP", "USD", 1.25), ("EUR", "GBP", 0.88)
DAY = sessions("2020-01-02")


def delivered(*rates, source="x", date="2020-01-02"):
    return frame("raw_fx_rates", COLUMNS, *[(date, base, quote, source, rate) for base, quote, rate in rates])


def test_rates_that_agree_make_no_triangle():
    assert fx.triangles(delivered(*RATES), DAY, 1e-12).empty
    assert fx.triangles(delivered(*RATES[:2]), DAY, 0.0).empty
    assert fx.triangles(delivered(*RATES)[:0], DAY, 0.0).empty


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("turned", range(8))
@pytest.mark.parametrize("factor", [1.0049, 1 / 1.0049, 1.0051, 1 / 1.0051])
def test_any_leg_off_in_either_direction_is_told(at, turned, factor):
    rates = [(b, q, r * (factor if k == at else 1.0)) for k, (b, q, r) in enumerate(RATES)]
    rates = [(q, b, 1 / r) if turned >> k & 1 else (b, q, r) for k, (b, q, r) in enumerate(rates)]
    found = fx.triangles(delivered(*rates), DAY, 0.005)
    assert len(found) == (abs(np.log(factor)) > np.log(1.005))
    if len(found):
        [row] = found.to_dict("records")
        assert (row["first"], row["second"], row["third"], row["source"]) == ("EUR", "GBP", "USD", "x")
        # EUR to GBP to USD and back: the leg EUR/USD is divided by.
        assert row["product"] == pytest.approx(1 / factor if at == 0 else factor, rel=1e-12)
        assert set(row["legs"].split(", ")) == {f"{b}/{q} {r:.10g}" for b, q, r in rates}


def test_legs_of_several_sources_or_sessions_make_no_triangle():
    apart = pd.concat([delivered(*RATES[:2]), delivered(("EUR", "GBP", 0.5), source="y")])
    assert fx.triangles(apart, DAY, 0.005).empty
    apart = pd.concat([delivered(*RATES[:2]), delivered(("EUR", "GBP", 0.5), date="2020-01-03")])
    assert fx.triangles(apart, sessions("2020-01-02", "2020-01-03"), 0.005).empty
    wrong = delivered(*RATES[:2], ("EUR", "GBP", 0.5))
    assert len(fx.triangles(wrong, DAY, 0.005)) == 1
    assert fx.triangles(wrong, sessions("2020-01-03"), 0.005).empty


def test_one_wrong_rate_is_in_each_of_its_triangles_and_both_ways_round_count_once():
    four = delivered(*RATES, ("CHF", "USD", 1.0), ("EUR", "CHF", 1.10), ("GBP", "CHF", 1.30), ("USD", "EUR", 1 / 1.10))
    found = fx.triangles(four, DAY, 0.005)
    assert found[["first", "second", "third"]].to_numpy().tolist() == [["CHF", "EUR", "GBP"], ["CHF", "GBP", "USD"]]
