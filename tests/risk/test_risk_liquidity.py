import numpy as np
import pandas as pd
import pytest

from daybook import calendars
from daybook.risk import liquidity
from tests.frames import frame, sessions

D = "2022-12-27"
TODAY = sessions(D)
DAYS = calendars.sessions("XNYS", "2022-11-01", D)[-20:]
ORDER = ["sample"]


def inputs(*positions, volume=1000.0, days=DAYS, rules=(), actions=(), cash=0.0, nav=1000.0, status="ok", terms=()):
    """Positions (instrument, quantity, market value, exposure) of one book; A trades ``volume`` on ``days``."""
    columns = "business_date book instrument currency quantity market_value_base exposure_base"
    valuations = frame("valuations", columns, *[(D, "b", name, "USD", *rest) for name, *rest in positions])
    return {
        "valuations": valuations,
        "nav": frame("nav", "business_date book nav cash status", (D, "b", nav, cash, status)),
        "raw_prices": frame(
            "raw_prices", "business_date instrument source volume", *[(day, "A", "sample", volume) for day in days]
        ),
        "corporate_actions": frame(
            "corporate_actions", "action_id instrument kind ex_date numerator denominator status", *actions
        ),
        "instruments": frame(
            "instruments", "instrument asset_class sector exchange",
            ("A", "equity", "Tech", "XNYS"), ("B", "bond", "", "XNYS"), ("F", "future", "", "XNYS"),
        ),
        "liquidity_rules": frame(
            "liquidity_rules", "dimension bucket participation daily_value spread impact liquidity_bucket", *rules
        ),
        "terms": frame("redemption_terms", "book redemption_fraction notice_days", *terms),
    }  # fmt: skip


def run(*positions, **kwargs):
    given = inputs(*positions, **kwargs)
    given.pop("terms")
    return liquidity.liquidity(**given, sessions=TODAY, order=ORDER).set_index("instrument")


def profile(*positions, **kwargs):
    given = inputs(*positions, **kwargs)
    terms = given.pop("terms")
    rows = liquidity.liquidity(**given, sessions=TODAY, order=ORDER)
    names = ("valuations", "nav", "instruments", "liquidity_rules")
    return liquidity.profile(rows, **{n: given[n] for n in names}, redemption_terms=terms, sessions=TODAY).set_index(
        "horizon_days"
    )


COSTS = ("asset_class", "equity", 0.25, np.nan, 0.002, 0.01, "")


def test_days_are_quantity_over_the_share_of_volume_that_may_be_traded():
    row = run(("A", -500.0, -5000.0, -5000.0), rules=[COSTS]).loc["A"]
    assert (row["daily_volume"], row["participation"], row["days_to_liquidate"]) == (1000.0, 0.25, 2.0)
    # Half of 20 bp and 1 % x sqrt(25 %): 10 + 50 bp of 5,000.
    assert row["liquidation_cost"] == pytest.approx(30.0)
    assert (row["basis"], row["reason"]) == ("volume", "")


def test_a_position_smaller_than_a_session_may_take_is_sold_at_its_own_rate():
    row = run(("A", 40.0, 400.0, 400.0), rules=[COSTS]).loc["A"]
    assert row["days_to_liquidate"] == pytest.approx(0.16)
    assert row["liquidation_cost"] == pytest.approx(400 * (0.001 + 0.01 * 0.2))


def test_without_a_rule_a_fifth_of_volume_and_no_cost():
    row = run(("A", 500.0, 5000.0, 5000.0)).loc["A"]
    assert (row["days_to_liquidate"], row["reason"]) == (2.5, "no spread or impact declared")
    assert np.isnan(row["liquidation_cost"])


def test_volume_before_a_split_counts_in_units_of_today():
    split = ("S", "A", "split", DAYS[10], 4.0, 1.0, "confirmed")
    row = run(("A", 500.0, 5000.0, 5000.0), actions=[split]).loc["A"]
    assert row["daily_volume"] == (10 * 4000 + 10 * 1000) / 20


def test_an_average_is_of_the_last_twenty_sessions_and_says_when_there_are_fewer():
    old = calendars.sessions("XNYS", "2022-10-03", "2022-10-10")
    row = run(("A", 500.0, 5000.0, 5000.0), days=[*old, *DAYS[-6:]]).loc["A"]
    assert row["reason"].startswith("6 of 20 sessions with volume")
    row = run(("A", 500.0, 5000.0, 5000.0), days=[*old, *DAYS[-4:]]).loc["A"]
    assert (row["basis"], row["liquidity_bucket"]) == ("none", "illiquid")
    assert row["reason"].startswith("no volume and no daily value")
    assert np.isnan(row["days_to_liquidate"])


def test_what_did_not_trade_is_illiquid_not_infinitely_slow():
    row = run(("A", 500.0, 5000.0, 5000.0), volume=0.0).loc["A"]
    assert np.isnan(row["days_to_liquidate"])
    assert row["reason"].startswith("no volume in 20 sessions")
    assert row["liquidity_bucket"] == "illiquid"


def test_the_most_specific_rule_that_fills_a_column_counts():
    rules = [
        ("asset_class", "bond", 0.1, 1000.0, 0.01, 0.0, ""),
        ("instrument", "B", np.nan, 2000.0, np.nan, np.nan, "less_liquid"),
        ("sector", "Tech", 0.5, np.nan, np.nan, np.nan, ""),
        ("asset_class", "equity", 0.1, np.nan, np.nan, np.nan, ""),
    ]
    rows = run(("A", 500.0, 5000.0, 5000.0), ("B", 10.0, 1000.0, 1000.0), rules=rules)
    assert rows.loc["A", "participation"] == 0.5
    # 2,000 a session at 100 each is 20 units, of which a tenth: ten are sold in five sessions.
    assert (rows.loc["B", "days_to_liquidate"], rows.loc["B", "daily_volume"]) == (5.0, 20.0)
    assert (rows.loc["B", "liquidity_bucket"], rows.loc["B", "basis"]) == ("less_liquid", "rule")
    assert rows.loc["B", "liquidation_cost"] == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("quantity", "bucket"),
    [
        (400.0, "highly_liquid"),
        (401.0, "moderately_liquid"),
        (800.0, "moderately_liquid"),
        (801.0, "less_liquid"),
        (1200.0, "less_liquid"),
        (1201.0, "illiquid"),
    ],
)
def test_buckets_count_sale_and_settlement(quantity, bucket):
    """T+2 in December 2022, 200 units a session: what is sold in the second of them is cash after 1 + 2 days."""
    assert run(("A", quantity, 5000.0, 5000.0)).loc["A", "liquidity_bucket"] == bucket


def test_the_profile_of_a_book_and_what_it_can_pay():
    rows = profile(
        ("A", 500.0, 600.0, 600.0), ("B", 1.0, 200.0, 200.0), rules=[COSTS], cash=100.0, nav=1000.0,
        terms=[("", 0.4, 1.0), ("b", 0.5, 7.0)],
    )  # fmt: skip
    # A takes two sessions; B has no volume and never counts.
    assert rows["liquidated_fraction"].loc[[1, 2, 60]].tolist() == [0.375, 0.75, 0.75]
    assert rows["redemption_coverage"].loc[[1, 2, 7]].tolist() == [0.8, 1.4, 1.4]
    assert rows["liquidation_cost"].loc[2] == pytest.approx(600 * (0.001 + 0.01 * 0.5))
    # Twice as fast costs more, by the root of two in the impact.
    assert rows["liquidation_cost"].loc[1] == pytest.approx(600 * (0.001 + 0.01 * 0.5**0.5))
    assert set(rows["reason"]) == {"cost of 25.0 % of value not known"}
    assert list(rows.index) == [1, 2, 3, 5, 7, 10, 20, 60]


def test_a_short_takes_cash_and_a_future_brings_none():
    rows = profile(
        ("A", -200.0, -300.0, -300.0), ("F", 1.0, 0.0, 700.0), cash=800.0, nav=500.0, terms=[("b", 0.5, 1.0)],
        rules=[("asset_class", "future", 1.0, 700.0, 0.0, 0.0, "")],
    )  # fmt: skip
    assert rows.loc[1, "liquidated_fraction"] == 1.0
    assert rows.loc[1, "redemption_coverage"] == (800 - 300) / 250


def test_a_book_of_cash_is_liquid_and_one_without_terms_says_so():
    rows = profile(("CASH:USD", 1000.0, 1000.0, 1000.0), cash=1000.0)
    assert rows["liquidated_fraction"].tolist() == [1.0] * 7
    assert set(rows["reason"]) == {"no securities held; no redemption terms"}
    assert rows["redemption_coverage"].isna().all()
    below = profile(("CASH:USD", -5.0, -5.0, -5.0), cash=-5.0, nav=-5.0, terms=[("b", 0.5, 1.0)])
    assert set(below["reason"]) == {"no securities held; nothing to redeem"}
    assert profile(("A", 1.0, 1.0, 1.0), status="failed").empty
    assert run(("A", 1.0, 1.0, 1.0), status="failed").empty


def test_what_is_sold_by_a_session_never_exceeds_all_of_it():
    assert liquidity.sold(pd.Series([4.0, 0.0, np.nan, 0.5]), 2).tolist() == [0.5, 1.0, 0.0, 1.0]
