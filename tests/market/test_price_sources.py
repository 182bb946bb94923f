"""The declared policy of prices, worked by hand."""

import pandas as pd
import pytest

from daybook import tables
from daybook.market import price_sources, prices
from tests.frames import frame, sessions

INSTRUMENTS = frame("instruments", "instrument asset_class", ("A", "equity"), ("B", "bond"), ("F", "fund"))
NO_ACTIONS = tables.empty("corporate_actions")
NO_OVERRIDES = tables.empty("price_overrides")
POLICY = "asset_class valid_from valid_to sources max_stale tolerance"
RAW = "business_date instrument source close delivery"
JAN = sessions("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07")


def chosen(raw, policy, days=JAN[:1], order=()):
    return prices.golden(raw, INSTRUMENTS, NO_ACTIONS, policy, NO_OVERRIDES, days, order)


def test_the_best_source_that_delivered_is_used_and_the_reason_says_who_did_not():
    policy = frame("price_sources", POLICY, ("equity", "2020-01-01", None, "x y z", 3.0, 0.01))
    raw = frame(
        "raw_prices",
        RAW,
        *[(JAN[0], "A", s, 10.0, 9 - k) for k, s in enumerate("xyz")],  # x delivered first
        *[(JAN[1], "A", s, 10.0, 9) for s in "yz"],
        (JAN[2], "A", "z", 10.0, 1),
        *[(JAN[3], "A", s, 10.0, k) for k, s in enumerate(["desk", "floor"])],
    )
    found = chosen(raw, policy, JAN, order=["z", "y", "x"])
    assert found["source"].tolist() == ["x", "y", "z", "floor"], "of sources not named the latest delivery counts"
    assert found["status"].tolist() == ["ok"] * 4
    assert found["reason"].tolist() == [
        "",
        "x, first of x y z for equity, delivered none; y is used",
        "x y, first of x y z for equity, delivered none; z is used",
        "x y z, first of x y z for equity, delivered none; floor, which is not among them, is used",
    ]


def test_everything_from_the_inbox_can_be_named_in_an_order():
    policy = frame("price_sources", POLICY, ("", "2020-01-01", None, "x files y", None, None))
    raw = frame("raw_prices", RAW, (JAN[0], "A", "y", 10.0, 1), (JAN[0], "A", "desk", 10.0, 2))
    row = chosen(raw, policy).iloc[0]
    assert (row["source"], row["reason"]) == (
        "desk", "x, first of x files y for other classes, delivered none; desk is used",
    )  # fmt: skip


def test_other_sources_beyond_the_tolerance_are_told_in_the_currency_itself():
    policy = frame("price_sources", POLICY, ("equity", "2020-01-01", None, "x y z p a", None, 0.01))
    rows = [("x", 200.0, "GBP", "raw"), ("y", 198.0, "GBP", "raw"), ("z", 20_300.0, "GBX", "raw")]
    rows += [("p", 9.0, "USD", "raw"), ("a", 9.0, "GBP", "adjusted")]
    raw = frame(
        "raw_prices",
        "business_date instrument source close currency price_basis",
        *[(JAN[0], "A", *row) for row in rows],
    )
    assert chosen(raw, policy)["reason"].tolist() == ["z says 20300, 1.5 % away, tolerance 1 %"]
    second = chosen(raw[raw["source"] != "x"], policy)["reason"].tolist()
    assert second == [
        "x, first of x y z p a for equity, delivered none; y is used; z says 20300, 2.53 % away, tolerance 1 %"
    ]
    assert chosen(raw, tables.empty("price_sources"), order=["y"])["reason"].tolist() == [
        "x says 200, 1.01 % away, tolerance 0.5 %; z says 20300, 2.53 % away, tolerance 0.5 %"
    ]


@pytest.mark.parametrize(("other", "told"), [(10.05, False), (9.95, False), (10.051, True), (9.949, True)])
def test_the_tolerance_itself_is_within_on_both_sides(other, told):
    raw = frame("raw_prices", RAW, (JAN[0], "A", "x", 10.0, 1), (JAN[0], "A", "y", other, 2))
    reason = chosen(raw, tables.empty("price_sources"), order=["x", "y"])["reason"].iloc[0]
    assert bool(reason) == told


def test_a_policy_changes_on_its_date_and_one_for_a_while_gives_way_to_the_one_before():
    policy = frame(
        "price_sources",
        POLICY,
        ("equity", "2020-01-03", None, "x y", 2.0, 0.01),
        ("equity", "2020-01-06", "2020-01-06", "y x", None, 0.02),
        ("", "2020-01-01", None, "y", 7.0, None),
    )
    raw = frame("raw_prices", RAW, *[(d, i, s, 10.0, 1) for d in JAN for i in "AB" for s in "xy"])
    found = chosen(raw, policy, JAN)
    assert found.loc[found["instrument"] == "A", "source"].tolist() == ["y", "x", "y", "x"]
    assert found.loc[found["instrument"] == "B", "source"].tolist() == ["y"] * 4
    rows = pd.DataFrame({"instrument": "A", "business_date": JAN}, index=[5, 6, 7, 8])
    terms = price_sources.policy(policy, INSTRUMENTS, rows)
    assert terms["max_stale"].tolist() == [7.0, 2.0, 5.0, 2.0]
    assert terms["tolerance"].tolist() == [0.005, 0.01, 0.02, 0.01]
    assert terms.index.tolist() == [5, 6, 7, 8]
    none = price_sources.policy(tables.empty("price_sources"), INSTRUMENTS, rows)
    assert none.to_numpy().tolist() == [[5.0, 0.005]] * 4


def test_an_asset_class_of_another_date_and_an_unknown_instrument():
    listed = frame(
        "instruments",
        "instrument asset_class valid_from",
        ("A", "fund", "2020-01-01"),
        ("A", "equity", "2020-01-06"),
    )
    policy = frame("price_sources", POLICY, ("equity", "2020-01-01", None, "x", 1.0, None))
    rows = pd.DataFrame({"instrument": ["A", "A", "?"], "business_date": [JAN[1], JAN[2], JAN[2]]})
    assert price_sources.policy(policy, listed, rows)["max_stale"].tolist() == [5.0, 1.0, 5.0]


def test_the_age_of_a_price_is_told_against_what_the_policy_allows():
    policy = frame("price_sources", POLICY, ("equity", "2020-01-01", None, "x y", 2.0, None))
    raw = frame("raw_prices", RAW, (JAN[0], "A", "x", 10.0, 1), (JAN[0], "B", "y", 10.0, 1))
    found = chosen(raw, policy, JAN)
    last = "no price was delivered for this session: the last one, of 2020-01-02, is used"
    assert found.loc[found["instrument"] == "A", "reason"].tolist() == [
        "",
        f"{last} (1 session old, of at most 2)",
        f"{last} (2 sessions old, of at most 2)",
        f"{last} (3 sessions old, more than 2)",
    ]
    assert found.loc[found["instrument"] == "B", "reason"].tolist()[-1] == f"{last} (3 sessions old, of at most 5)"


def test_the_price_that_is_carried_forward_is_the_one_its_own_session_used():
    policy = frame(
        "price_sources",
        POLICY,
        ("equity", "2020-01-01", "2020-01-02", "y x", None, None),
        ("equity", "2020-01-03", None, "x y", None, None),
    )
    raw = frame("raw_prices", RAW, (JAN[0], "A", "x", 10.0, 2), (JAN[0], "A", "y", 10.04, 1))
    found = chosen(raw, policy, JAN[:2])
    assert found["close"].tolist() == [10.04, 10.04]
    assert found["status"].tolist() == ["ok", "stale"]
