import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.market import quality
from daybook.market.quality import reference
from tests.frames import frame, sessions
from tests.market.quality.holdings import (
    DAYS,
    INSTRUMENTS,
    NAV,
    VALUATIONS,
    D,
    calm,
    deliveries,
    held,
    prices,
    said,
)


def test_collect_measures_against_nav_and_conforms():
    nav = pd.concat([NAV, frame("nav", "business_date book nav status", (D, "N", -5.0, "ok"))])
    rows = frame("valuations", VALUATIONS, *[(D, b, "A", 1.0, np.nan, "", np.nan, 1.0, "failed", "why") for b in "PN"])
    found = quality.unvalued(rows).assign(impact_base=[25.0, 25.0])
    table = quality.collect([found, pd.DataFrame()], nav)
    assert table["impact_bp"].tolist()[1] == 25.0
    assert np.isnan(table["impact_bp"][0]), "a share of a negative NAV says nothing"
    assert set(table["status"]) == {"open"}
    assert list(quality.collect([], nav).columns) == list(tables.TABLES["findings"].names)


def test_bonds_rates_and_overdrafts_warn():
    assert [row[:3] for row in said(quality.unknown_accruals(held(("B", 1.0, 1.0), ("A", 1.0, 1.0)), INSTRUMENTS))] == [
        ["accrued_interest_missing", "P", "B"]
    ]
    rates = frame(
        "fx_rates",
        "business_date base quote status reason",
        (D, "EUR", "USD", "stale", "why"),
        (D, "EUR", "JPY", "stale", "why"),
        (D, "GBP", "USD", "ok", ""),
    )
    rows = frame("valuations", VALUATIONS, (D, "P", "CASH:EUR", 1.0, 1.0, "EUR", 1.0, 1.0, "ok", ""))
    assert said(quality.stale_rates(rows, rates, NAV)) == [["fx_stale", "", "EUR/USD", "warning", "why"]]
    money = frame("cash", "business_date book currency balance", (D, "P", "EUR", -1234.5), (D, "P", "USD", 0.0))
    assert said(quality.negative_cash(money)) == [
        ["cash_negative", "P", "CASH:EUR", "warning", "the balance is -1,234.50 EUR"]
    ]


def test_weights_that_do_not_add_up_and_identities_that_do_not_hold():
    columns = "business_date benchmark instrument weight"
    rows = [(D, "X", "A", 0.5), (D, "X", "B", 0.5015), (D, "Y", "A", 0.9995)]
    weights = frame("benchmark_weights", columns, *rows)
    found = quality.benchmark_weights(weights, sessions(D))
    assert said(found) == [
        ["benchmark_weights", "", "X", "warning", "weights of 2020-01-17 add up to 1.001500; they are divided by that"]
    ]
    later = quality.benchmark_weights(weights, sessions("2099-01-05"))
    assert later["reason"].tolist() == found["reason"].tolist(), "it stands until other weights come"
    columns = "business_date book status"
    told = frame("performance", columns, (D, "P", "ok; benchmark: no return of B"), (D, "Q", "ok; no benchmark"))
    assert said(reference.benchmark_returns(told)) == [
        ["benchmark_return", "P", "", "warning", "no return of B: no benchmark return, no attribution"]
    ]
    nav = pd.DataFrame({"business_date": [D], "book": ["P"], "gap": [2.0], "reason": ["NAV changed"]})
    quantity = nav.assign(instrument="A", gap=7.0, reason="holds 7")
    found = quality.identities({"nav": nav, "quantity": quantity})
    assert said(found) == [
        ["identity_nav", "P", "", "blocking", "NAV changed"], ["identity_quantity", "P", "A", "blocking", "holds 7"],
    ]  # fmt: skip
    assert found["impact_base"].tolist()[0] == 2.0
    assert np.isnan(found["impact_base"].tolist()[1])
    assert quality.identities({}).empty


def given(**changed):
    """Empty tables for all checks but those given."""
    names = "nav valuations cash lots pnl prices fx_rates returns raw_prices instruments corporate_actions"
    names += " raw_fx_rates reconciliation_breaks custodian_positions custodian_cash alternative_data identifiers"
    frames = {name: tables.empty(name) for name in names.split()} | {"weights": tables.empty("benchmark_weights")}
    columns = ["file", "line", "column", "reason", "status", "table_name", "business_date"]
    quarantine = pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
    return frames | {"quarantine": quarantine, "deliveries": deliveries(), "gaps": {}} | changed


def test_a_quiet_day_has_no_findings_and_a_noisy_one_has_each_once():
    assert quality.findings(sessions(D), **given()).empty
    raw = frame("raw_prices", "business_date instrument close", (DAYS[-3], "A", 10.0))
    found = quality.findings(
        sessions(D),
        **given(
            nav=NAV, valuations=held(("A", 10.0, 100.0)), prices=prices(("A", "stale", "raw")), raw_prices=raw,
            instruments=INSTRUMENTS, returns=calm("A", 0.01, 0.2),
        ),
    )  # fmt: skip
    assert found["check"].tolist() == ["feed_missing_prices", "pnl_missing", "price_spike", "price_stale"]
    assert found.set_index("check").loc["price_spike", "impact_bp"] == pytest.approx(-100 * 0.2 / 1.2)
