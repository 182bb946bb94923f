"""Causes of breaks of the administrator's NAV and of confirmed dividends."""

import pandas as pd

from daybook import tables
from daybook.reconciliation import figures
from daybook.reconciliation.replay import Facts
from tests.frames import frame
from tests.ledger.ledger_facts import book, dividend, facts

DAY, BEFORE = pd.Timestamp("2021-03-05"), pd.Timestamp("2021-03-04")
COLUMNS = (
    "business_date book instrument kind currency ours theirs difference impact_base cause reconciliation opened_on"
)


def said(*rows):
    """cause and reason of breaks (book, instrument, kind, ours, theirs, impact, cause)."""
    found = frame(
        "reconciliation_breaks",
        COLUMNS,
        *[
            (DAY, name, item, kind, "USD", ours, theirs, theirs - ours, impact, cause, "confirmations", DAY)
            for name, item, kind, ours, theirs, impact, cause in rows
        ],
    )
    names = sorted({row[0] for row in rows})
    told = figures.causes(
        found,
        frame(
            "accruals",
            "business_date book currency accrual_kind amount",
            (DAY, "FEES", "EUR", "management_fee", -1000.0),
            (DAY, "DIVS", "USD", "cash_dividend", 55.5),
        ),
        frame("nav", "business_date book nav", *[(BEFORE, name, 1_000_000.0) for name in names]),
        frame("fx_rates", "business_date base quote rate", (DAY, "EUR", "USD", 1.25)),
        Facts(
            tables.empty("transactions"),
            facts("corporate_actions", dividend("d", "2021-03-01", 0.5, withholding_rate=0.15)),
            tables.empty("elections"),
            facts("books", *(book(name) for name in names)),
            tables.empty("instruments"),
            tables.empty("raw_fx_rates"),
            ["files"],
        ),
    )
    return told.set_index("book")[["cause", "reason"]]


def test_the_administrators_nav():
    unknown = "unexplained"
    found = said(
        ("SAME", "", "nav", 1_000_700.0, 1_000_000.0, -700.0, unknown),
        # The fee that is owed lowers our NAV by 1,000 EUR at 1.25; theirs is higher without it.
        ("FEES", "", "nav", 2_000_000.0, 2_001_250.0, 1250.0, unknown),
        ("DIVS", "", "nav", 2_000_000.0, 2_000_055.5, 55.5, unknown),
        ("LINE", "", "nav", 2_000_000.0, 1_999_940.0, -60.0, unknown),
        ("NONE", "", "nav", 2_000_000.0, 1_999_999.0, -1.0, unknown),
    )
    assert found["cause"].to_dict() == {
        "SAME": "stale_statement", "FEES": "fee", "DIVS": "dividend", "LINE": unknown, "NONE": unknown,
    }  # fmt: skip
    assert found.loc["SAME", "reason"] == "the figure is ours of 2021-03-04"
    assert found.loc["FEES", "reason"] == "our accrual of management fee, -1,250.00, is not in their NAV"
    assert found.loc["DIVS", "reason"] == "our accrual of cash dividend, 55.50, is in their NAV twice"


def test_an_administrator_who_follows_the_custodian_has_his_breaks():
    found = said(
        ("LINE", "", "nav", 2_000_000.0, 1_999_940.0, -60.0, "unexplained"),
        ("LINE", "ACME", "position", 3.0, 1.0, -100.0, "split"),
        ("LINE", "CASH:USD", "cash", 0.0, 40.0, 40.0, "fee"),
    )
    assert found["cause"].tolist() == ["split", "split", "fee"]


def test_a_dividend_confirmed_net_of_another_tax():
    # 100 gross: 85 are ours, 70 came; 68.37 is no tax rate of two decimals, and stays as it is.
    found = said(
        ("FUND", "ACME", "transaction", 85.0, 70.0, -15.0, "unexplained"),
        ("ODD", "ACME", "transaction", 85_000_000.0, 68_371_234.0, -1.0, "unexplained"),
    )
    assert found["cause"].to_dict() == {"FUND": "withholding", "ODD": "unexplained"}
    assert found.loc["FUND", "reason"] == "the dividend d was paid net of 30 % tax, not of 15 %"
