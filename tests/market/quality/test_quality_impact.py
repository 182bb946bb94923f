import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import tables
from daybook.market.quality import held, impact
from daybook.market.quality.finding import BY_IMPACT, finding
from tests.frames import frame
from tests.market.quality.holdings import NAV, VALUATIONS, D, prices

RULES = tables.empty("close_rules")


def found(*rows, severity=BY_IMPACT, check="price_spike", book="P"):
    """(instrument, impact_base)"""
    table = pd.DataFrame({"business_date": D, "book": book, "instrument": [row[0] for row in rows]})
    return finding(table, check, severity, "why", pd.Series([row[1] for row in rows], dtype="float64"))


def judged(*parts, rules=RULES):
    table = impact.collect(list(parts), NAV, rules)
    return table[["check", "instrument", "severity"]].to_numpy().tolist()


def test_collect_measures_against_nav_and_conforms():
    nav = pd.concat([NAV, frame("nav", "business_date book nav status", (D, "N", -5.0, "ok"))])
    rows = frame("valuations", VALUATIONS, *[(D, b, "A", 1.0, np.nan, "", np.nan, 1.0, "failed", "why") for b in "PN"])
    table = impact.collect([held.unvalued(rows).assign(impact_base=[25.0, 25.0]), pd.DataFrame()], nav, RULES)
    assert table["impact_bp"].tolist()[1] == 25.0
    assert np.isnan(table["impact_bp"][0]), "a share of a negative NAV says nothing"
    assert set(table["status"]) == {"open"}
    assert list(impact.collect([], nav, RULES).columns) == list(tables.TABLES["findings"].names)


@pytest.mark.parametrize(
    ("money", "severity"), [(50.0, "warning"), (-50.0, "warning"), (50.01, "blocking"), (-50.01, "blocking")]
)
def test_a_finding_blocks_by_what_it_may_mean_for_nav(money, severity):
    assert judged(found(("A", money))) == [["price_spike", "A", severity]]


def test_what_cannot_be_told_blocks_and_what_is_decided_stays():
    assert judged(found(("A", np.nan))) == [["price_spike", "A", "blocking"]]
    assert judged(found(("A", 1.0), book="unknown")) == [["price_spike", "A", "blocking"]]
    for severity in ("info", "warning", "blocking"):
        assert judged(found(("A", 1e6), severity=severity)) == [["price_spike", "A", severity]]


def test_what_is_material_is_declared_in_basis_points_and_in_money():
    columns = "book valid_from material_bp material_sum_bp material_base"
    rules = frame("close_rules", columns, ("", D, 10.0, 15.0, np.nan), ("Q", D, 1.0, 1.0, np.nan))
    assert judged(found(("A", 10.0), ("B", 5.0)), rules=rules) == [
        ["price_spike", "A", "warning"], ["price_spike", "B", "warning"],
    ]  # fmt: skip
    assert judged(found(("A", 10.1)), rules=rules) == [["price_spike", "A", "blocking"]]
    assert judged(found(("A", 10.0), ("B", 5.1)), rules=rules)[0] == ["data_impact", "", "blocking"]
    rules = frame("close_rules", columns, ("P", D, 50.0, 50.0, 7.0))
    assert judged(found(("A", -7.1)), rules=rules) == [["price_spike", "A", "blocking"]]
    assert judged(found(("A", -7.0)), rules=rules) == [["price_spike", "A", "warning"]]


def test_small_findings_block_together():
    parts = [
        found(("A", 20.0), ("B", -18.0), ("C", 9.0), ("E", 4.0)),
        found(("A", -15.0), check="price_crossed"),  # the worst of A counts, once
    ]
    table = impact.collect(parts, NAV, RULES)
    total = table[table["check"] == "data_impact"].iloc[0]
    assert (
        total["reason"] == "findings about 4 instruments sum up to 51.0 bp of NAV, the largest: A 20.0, B 18.0, C 9.0"
    )
    assert (total["severity"], total["instrument"], total["impact_base"], total["impact_bp"]) == (
        "blocking", "", 51.0, 51.0,
    )  # fmt: skip
    assert set(table.loc[table["check"] != "data_impact", "severity"]) == {"warning"}
    assert len(judged(found(("A", 20.0), ("B", -18.0), ("C", 12.0)))) == 3, "50 in sum"
    one = judged(found(("A", 60.0), ("B", 40.0)))
    assert one == [["price_spike", "A", "blocking"], ["price_spike", "B", "warning"]], "A blocks alone, B need not"
    told = judged(found(("A", 40.0)), found(("B", 40.0), severity="warning"), found(("C", 40.0), severity="info"))
    assert "data_impact" not in [row[0] for row in told]


@settings(max_examples=50)
@given(st.lists(st.floats(-49.0, 49.0), min_size=1, max_size=6))
def test_a_book_that_can_close_has_no_more_than_the_limit_at_stake(money):
    table = impact.collect([found(*[(f"I{k}", value) for k, value in enumerate(money)])], NAV, RULES)
    assert (table["severity"] == "blocking").any() == (sum(map(abs, np.round(money, 6))) > 50.0)


def test_two_people_have_answered_for_an_overridden_price():
    golden = prices(("A", "override", "raw"), ("B", "ok", "raw"), ("C", "override", "raw"))
    rows = found(("A", 80.0), ("B", 80.0), ("C", np.nan))
    assert judged(impact.answered(rows, golden)) == [
        ["price_spike", "A", "warning"], ["price_spike", "B", "blocking"], ["price_spike", "C", "warning"],
    ]  # fmt: skip
    assert judged(impact.answered(found(("A", 1.0), severity="info"), golden)) == [["price_spike", "A", "info"]]
    assert judged(impact.answered(found(("A", 1.0), severity="blocking"), golden)) == [["price_spike", "A", "warning"]]
    both = impact.collect([impact.answered(found(("A", 40.0), ("C", 40.0), ("B", 20.0)), golden)], NAV, RULES)
    assert "data_impact" not in set(both["check"]), "what was answered is not summed"


def test_what_is_said_twice_of_one_thing_is_one_finding():
    parts = [
        found(("A", 1.0), ("B", 2.0), severity="warning"),
        found(("A", 60.0)).assign(reason="worse"),
        found(("A", 90.0), severity="info").assign(reason="least"),
    ]
    table = impact.collect(parts, NAV, RULES)
    assert table[["instrument", "severity", "impact_base", "reason"]].to_numpy().tolist() == [
        ["A", "blocking", 60.0, "worse; why; least"],
        ["B", "warning", 2.0, "why"],
    ]
