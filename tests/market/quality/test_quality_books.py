import numpy as np

from daybook import tables
from daybook.market import quality
from tests.frames import frame
from tests.market.quality.holdings import (
    DAYS,
    D,
    said,
)


def breaks(*rows):
    columns = "business_date book instrument kind difference impact_base impact_bp cause opened_on"
    return frame("reconciliation_breaks", columns, *[(D, "P", *row, "unexplained", DAYS[-3]) for row in rows])


NO_RULES = tables.empty("close_rules")


def told(*rows, rules=NO_RULES):
    return quality.breaks(breaks(*rows), rules)


def test_breaks_block_in_sum_or_when_their_effect_is_unknown():
    small = [("A", "position", 2.5, 30.0, 30.0), ("CASH:USD", "cash", -1234.0, -20.0, -20.0)]
    found = told(*small)
    assert found["reason"].tolist() == [
        "position: the custodian has 2.5 more than the books, unexplained, open since 2020-01-15",
        "cash: the custodian has 1,234.00 USD less than the books, unexplained, open since 2020-01-15",
    ]
    assert found["check"].tolist() == ["break_open", "break_open"]
    assert set(found["severity"]) == {"warning"}
    found = told(*small, ("B", "position", 1.0, 1.0, 1.0))
    assert said(found)[-1] == ["break_material", "P", "", "blocking", "breaks sum up to 51.0 bp of NAV"]
    assert found["impact_base"].tolist()[-1] == 51.0, "sizes"
    found = told(("B", "position", 1.0, np.nan, np.nan))
    assert said(found)[-1][3:] == ["blocking", "the effect of a break on NAV is not known"]


def test_one_break_blocks_by_basis_points_or_money_and_the_administrator_is_no_part_of_the_sum():
    columns = "book valid_from material_bp material_sum_bp material_base"
    rules = frame("close_rules", columns, ("P", DAYS[0], 25.0, 60.0, np.nan))
    small = [("A", "position", 2.5, 25.0, 25.0), ("CASH:USD", "cash", -1234.0, -20.0, -20.0)]
    assert set(said_checks(told(*small, rules=rules))) == {"break_open"}
    found = told(*small, ("B", "position", 1.0, -26.0, -26.0), rules=rules)
    assert said(found)[-1] == ["break_material", "P", "", "blocking", "breaks sum up to 71.0 bp of NAV"]
    found = told(("B", "position", 1.0, -26.0, -26.0), rules=rules)
    assert said(found)[-1][4] == "one break is 26.00, 26.0 bp of NAV"
    assert set(said_checks(told(*small, ("", "nav", 24.0, 24.0, 24.0), rules=rules))) == {"break_open"}, "45, not 69"
    assert said(told(("", "nav", 26.0, 26.0, 26.0), rules=rules))[-1][4] == "one break is 26.00, 26.0 bp of NAV"
    rules = frame("close_rules", columns, ("", DAYS[0], 50.0, 50.0, 19.0))
    assert said(told(small[1], rules=rules))[-1][4] == "one break is 20.00, 20.0 bp of NAV"


def said_checks(found):
    return found["check"].tolist()


def overdrawn(*, cash=(), ladder=(), rates=()):
    return quality.overdrafts(
        frame("cash", "business_date book currency settled", *[(D, *row) for row in cash]),
        frame("cash_ladder", "business_date book currency settle_date balance", *[(D, *row) for row in ladder]),
        frame("cash_rates", "book currency valid_from valid_to overdraft_limit", *rates),
    )


def test_an_overdraft_is_told_now_ahead_and_beyond_what_is_agreed():
    cash = [("P", "USD", -50.0), ("P", "EUR", 10.0), ("Q", "USD", 5.0)]
    ladder = [("P", "EUR", DAYS[-1], -20.0), ("P", "EUR", DAYS[-2], -5.0), ("Q", "USD", DAYS[-1], 1.0)]
    rates = [
        ("", "USD", DAYS[0], None, 40.0),
        ("P", "EUR", DAYS[0], None, 20.0),
        ("", "EUR", DAYS[0], None, 1.0),
        ("P", "USD", DAYS[0], DAYS[1], 1000.0),
    ]
    ahead, lowest = f"{DAYS[-2]:%Y-%m-%d}", "at the lowest -20.00 EUR"
    assert said(overdrawn(cash=cash, ladder=ladder, rates=rates)) == [
        ["cash_overdrawn", "P", "CASH:USD", "warning", "the settled balance is -50.00 USD"],
        ["cash_overdrawn_ahead", "P", "CASH:EUR", "warning",
         f"what is to settle makes the balance negative on {ahead}, {lowest}"],
        ["overdraft_limit", "P", "CASH:USD", "warning",
         "-50.00 USD is beyond the overdraft of 40.00 USD that is agreed"],
    ]  # fmt: skip


def test_without_a_rate_no_limit_is_agreed_and_none_is_passed():
    assert overdrawn(cash=[("P", "USD", -50.0)])["check"].tolist() == ["cash_overdrawn"]
