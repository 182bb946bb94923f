import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.market.quality import jumps
from tests.frames import frame
from tests.market.quality.holdings import D, day, said

POLICY = pd.DataFrame({"max_stale": [5.0], "tolerance": [0.005]})
FIRM = pd.DataFrame({"business_date": [D, D], "currency": ["USD", "EUR"]})
RATES = frame("fx_rates", "business_date base quote rate status", (D, "EUR", "USD", 1.25, "ok"))


QUIET = day(0.0).assign(confirmed=False)


def sure(moved: pd.DataFrame, yes: bool = False) -> pd.DataFrame:
    return moved.assign(confirmed=yes)


@pytest.mark.parametrize(
    ("move", "factor", "text"),
    [
        (99.0, 100, "the price is 100 times the last one: likely 100 times, as in a minor unit"),
        (-0.989, 1 / 100, "the price is 0.011 times the last one: likely 1/100 times, as in the unit of a minor one"),
        (9.5, 10, "the price is 10.5 times the last one: likely 10 times"),
        (899.0, 1000, "the price is 900 times the last one: likely 1000 times"),
        (1399.0, 1500, "the price is 1400 times the last one: likely 1500 times, as of another class"),
        (1 / 1510 - 1, 1 / 1500, None),
    ],
)
def test_a_price_in_another_scale(move, factor, text):
    found = jumps.scales(day(move, value=1000.0))
    assert found[["check", "book", "instrument", "severity"]].to_numpy().tolist() == [
        ["price_scale", "P", "A", "by impact"]
    ]
    assert text is None or found["reason"].tolist() == [text]
    assert found["impact_base"].tolist() == pytest.approx([1000.0 / factor - 1000.0])


@pytest.mark.parametrize("move", [7.0, -0.9, -0.5, 20.0, 0.1, 299.0])
def test_a_move_that_is_no_scale(move):
    assert jumps.scales(day(move)).empty


def test_a_scale_that_came_back_is_no_fault_of_today():
    moved = day(-0.99).assign(back=True)
    assert said(jumps.scales(moved))[0][3:] == [
        "info",
        "the price is 0.01 times the last one: likely 1/100 times, as in the unit of a minor one;"
        " it is back where it was two sessions ago",
    ]


def test_a_price_in_another_currency_of_the_firm():
    euros = day(-0.2, value=800.0)  # 100 dollars are 80 euros
    found = jumps.foreign(sure(euros), RATES, FIRM)
    reason = "looks like EUR: it moved by -20.0%, and one USD is 0.8 EUR"
    assert said(found) == [["price_currency", "P", "A", "by impact", reason]]
    assert found["impact_base"].tolist() == pytest.approx([200.0])
    among = day(-0.22, *[-0.02] * 5, value=780.0)
    assert len(jumps.foreign(sure(among), RATES, FIRM)) == 1, "the market fell by 2 % too"
    assert jumps.foreign(sure(day(-0.17)), RATES, FIRM).empty, "a rate of 0.83"
    assert jumps.foreign(sure(euros, True), RATES, FIRM).empty, "another source says so too"
    assert jumps.foreign(sure(euros), RATES, FIRM.head(1)).empty, "no book has euros"
    near = frame("fx_rates", "business_date base quote rate status", (D, "EUR", "USD", 1 / 0.94, "ok"))
    assert len(jumps.foreign(sure(day(-0.06)), near, FIRM)) == 1, "4.05 volatilities"
    assert jumps.foreign(sure(day(-0.059)), near, FIRM).empty, "3.98"


def test_a_spike_against_its_peers():
    found = jumps.spikes(sure(day(0.10, value=1100.0)))
    assert said(found) == [["price_spike", "P", "A", "by impact", "moved by +10.0%: 7 times its own daily volatility"]]
    assert found["impact_base"].tolist() == pytest.approx([-100.0])
    among = jumps.spikes(sure(day(0.10, 0.01, 0.01, -0.01, 0.01, 0.01, value=1100.0)))
    assert among["reason"].tolist() == ["moved by +10.0%; its peers by +1.0%: 6 times its own daily volatility"]
    assert among["impact_base"].tolist() == pytest.approx([-90.0])
    fall = jumps.spikes(sure(day(-0.10, value=900.0)))
    assert fall["impact_base"].tolist() == pytest.approx([100.0])
    assert jumps.spikes(sure(day(0.085))).empty, "5.7 volatilities"
    assert jumps.spikes(sure(day(-0.12, *[-0.12] * 6))).empty, "everything fell"
    assert len(jumps.spikes(sure(day(0.0, *[-0.12] * 6)))) == 1, "it alone did not"


def test_a_confirmed_spike_is_told_and_does_not_block():
    found = jumps.spikes(sure(day(0.10), True))
    assert found["severity"].tolist() == ["info"]
    assert found["reason"].str.endswith("volatility, and another source says the same").all()


def test_a_price_that_stands_still_while_its_peers_move():
    moved = day(0.0, value=1000.0).assign(unchanged=6, missed=-0.04)
    found = jumps.unchanged(moved, POLICY)
    reason = "unchanged for 6 sessions; its peers moved by -4.0%"
    assert said(found) == [["price_unchanged", "P", "A", "by impact", reason]]
    assert found["impact_base"].tolist() == [-40.0]
    assert jumps.unchanged(moved.assign(unchanged=5), POLICY).empty
    assert jumps.unchanged(moved, POLICY.assign(max_stale=6.0)).empty


@settings(max_examples=50)
@given(st.floats(-0.999, 0.999), st.floats(1.0, 1e6))
def test_what_a_finding_would_change_is_what_putting_it_right_changes(move, before):
    moved = QUIET.assign(move=move, times=99.0, market_value_base=before * (1 + move), peers=0.01)
    impact = jumps.spikes(moved)["impact_base"]
    assert impact[0] == pytest.approx(before * 1.01 - before * (1 + move), rel=1e-9, abs=1e-6)
    assert np.isfinite(impact[0])
