import pandas as pd

from daybook.pack import classes, page
from daybook.pack.day import Day
from tests.frames import frame

D = pd.Timestamp("2024-01-03")


def day(**tables: pd.DataFrame) -> Day:
    nav = frame("nav", "business_date book nav market_value cash accruals flows status", (D, "F", 1, 1, 0, 0, 0, "ok"))
    return Day(D, {"F": "candidate"}, "", {"nav": nav.astype({"nav": float}), **tables})


def test_share_classes_are_shown_with_their_fees_and_what_is_not_known():
    columns = "business_date book share_class nav nav_base units nav_per_unit high_water_mark currency status reason"
    nav = frame(
        "share_class_nav",
        columns,
        (D, "F", "A <b>", 1234.56, 1234.56, 12.3456, 100.0001, 99.5, "EUR", "ok", ""),
        (D, "F", "B", float("nan"), float("nan"), float("nan"), float("nan"), float("nan"), "USD", "failed", "no rate"),
    )
    owed = frame(
        "fee_accruals",
        "business_date book share_class accrual_kind amount fee_paid fee_payable base_currency",
        (D, "F", "A <b>", "management_fee", -1.25, 0.0, -77.5, "USD"),
    )
    html = page.book(day(share_class_nav=nav, fee_accruals=owed), "F")
    for text in (
        "Share classes",
        "A &lt;b&gt;",
        "1,234.56",
        "12.3456",
        "100.0001",
        "no rate",
        "management fee",
        "77.50",
    ):
        assert text in html, text
    assert "A <b>" not in html
    assert "Share classes" in page.firm(day(share_class_nav=nav))


def test_a_firm_without_share_classes_has_no_such_section():
    assert classes.sections(day(), None) == []
    assert "Share classes" not in page.book(day(), "F")
