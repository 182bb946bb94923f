from inspect import signature

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.market import quality
from daybook.market.quality import books, closed_periods, reference
from tests.frames import frame, sessions
from tests.market.quality.holdings import (
    ACTIONS,
    DAYS,
    INSTRUMENTS,
    NAV,
    NO_ACTIONS,
    VALUATIONS,
    D,
    calm,
    held,
    prices,
    said,
)

UNLISTED = pd.DataFrame(columns=["business_date", "book", "instrument", "kind", "ours"])
ODD = pd.DataFrame(columns=["business_date", "book", "check", "feed", "source", "reason"], dtype="str")
IGNORED = frame("elections", "action_id book elected_on").assign(instrument="", reason="")
DRIFT = pd.DataFrame({name: pd.Series(dtype="str") for name in ("business_date", "feed", "source", "reason")})
NOTHING_LATE = pd.DataFrame(columns=[*closed_periods.LATE, "business_date", "traded_in"])
EURO = (D, "P", "CASH:EUR", 1.0, 1.0, "EUR", 1.25, 1.25, "ok", "")


def test_bonds_and_overdrafts_warn():
    both = held(("B", 1.0, 1.0), ("A", 1.0, 1.0))
    assert said(quality.unknown_accruals(both, INSTRUMENTS)) == [], "what accrued is in the value"
    both["reason"] = "without accrued interest: its coupon is not known"
    assert [row[:3] for row in said(quality.unknown_accruals(both, INSTRUMENTS))] == [
        ["accrued_interest_missing", "P", "B"]
    ]
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
    columns = "business_date fund instrument weight"
    rows = [(D, "F", "A", 0.7), (D, "F", "B", 0.5), (D, "G", "A", 0.6), (D, "H", "A", 1.001)]
    assert said(reference.fund_weights(frame("constituents", columns, *rows), sessions(D))) == [
        [
            *("constituents_weights", "", "F", "warning"),
            "constituents of 2020-01-17 weigh 1.200000; what is above 1 counts as short of the fund itself",
        ]
    ]
    assert said(reference.fund_circles(pd.DataFrame({"business_date": [D], "fund": ["F"]}))) == [
        ["constituents_circle", "", "F", "warning", "it holds itself through other funds, and is not looked through"]
    ]
    columns = "business_date book status"
    told = frame("performance", columns, (D, "P", "ok; benchmark: no return of B"), (D, "Q", "ok; no benchmark"))
    assert said(reference.benchmark_returns(told)) == [
        ["benchmark_return", "P", "", "warning", "no return of B: no benchmark return, no attribution"]
    ]
    columns = "business_date book period time_weighted signed_return restated_sessions"
    told = frame("period_returns", columns, (D, "P", "inception", 0.0123, 0.012, 2), (D, "P", "day", 0.0, 0.0, 1))
    assert said(books.restated_returns(told)) == [
        ["returns_restated", "P", "", "warning",
         "signed sessions computed otherwise now: 2; since inception 1.230000%, signed 1.200000%; a close signs"
         " them anew"]
    ]  # fmt: skip
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
    names = "nav valuations cash lots pnl performance prices fx_rates returns raw_prices instruments corporate_actions"
    names += " cash_ladder cash_rates raw_fx_rates reconciliation_breaks alternative_data identifiers"
    names += " feed_outcomes custodian_reports expected_feeds period_returns close_rules"
    frames = {name: tables.empty(name) for name in names.split()}
    frames |= {"weights": tables.empty("benchmark_weights"), "declared": tables.empty("price_sources")}
    frames |= {"unexplained_pnl": tables.empty("unexplained_pnl"), "blends": tables.empty("benchmark_blends")}
    funds = tables.empty("constituents")
    frames |= {"funds": funds, "circles": funds[["business_date", "fund"]]}
    columns = ["file", "line", "column", "value", "reason", "status", "table_name", "business_date", "row"]
    quarantine = pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
    nothing = {
        "unlisted": UNLISTED,
        "odd": ODD,
        "unused": tables.empty("tolerances").assign(reason=pd.Series(dtype="str")),
        "ignored": IGNORED,
        "late": NOTHING_LATE,
        "drift": DRIFT,
        "copies": DRIFT,
        "quarantine": quarantine,
        "gaps": {},
    }
    return frames | nothing | changed


def found_in(firm):
    """The findings of ``firm``, those that doubt a price included."""
    doubting, asked = (list(signature(check).parameters) for check in (quality.doubtful_prices, quality.findings))
    firm = firm | {"doubts": quality.doubtful_prices(**{name: firm[name] for name in doubting})}
    return quality.findings(sessions(D), **{name: firm[name] for name in asked[1:]})


def test_blends_that_do_not_add_up_to_one_are_told_while_they_stand():
    rows = [("X", "A", DAYS[0], 0.6, None), ("X", "B", DAYS[0], 0.3, None), ("Y", "A", DAYS[0], 1.2, DAYS[0])]
    blends = frame("benchmark_blends", "benchmark constituent valid_from weight valid_to", *rows)
    since = f"{DAYS[0]:%Y-%m-%d}" if not isinstance(DAYS[0], str) else DAYS[0]
    assert said(reference.blend_weights(blends, sessions(D))) == [
        ["benchmark_blends", "", "X", "warning",
         f"weights of the blend since {since} add up to 0.900000; they are divided by that"]
    ]  # fmt: skip


def test_a_quiet_day_has_no_findings_and_a_noisy_one_has_each_once():
    assert found_in(given()).empty
    raw = frame("raw_prices", "business_date instrument close", (DAYS[-3], "A", 10.0))
    stale = found_in(
        given(
            nav=NAV, valuations=held(("A", 10.0, 100.0)), prices=prices(("A", "stale", "raw")), raw_prices=raw,
            instruments=INSTRUMENTS, returns=calm("A", 0.01, 0.0),
            feed_outcomes=frame("feed_outcomes", "business_date feed outcome absent", (D, "prices", "missing", 1)),
        ),
    )  # fmt: skip
    assert stale["check"].tolist() == ["feed_missing", "pnl_missing", "price_stale"]


@pytest.mark.parametrize(
    ("move", "check", "severity"),
    [
        (0.2, "price_spike", "blocking"),
        (99.0, "price_scale", "blocking"),
        (-0.2, "price_currency", "blocking"),
        (-0.5, "split_missing", "blocking"),
        (1.0, "split_not_in_price", "blocking"),
    ],
)
def test_an_odd_move_is_explained_once(move, check, severity):
    """A is 10 % of the book and moved alone; a dollar is 0.8 euros; on the last row a split of 2 for 1 is in force."""
    raw = frame("raw_prices", "business_date instrument close", (D, "A", 100.0))
    split = frame("corporate_actions", ACTIONS, ("a", "A", "split", D, np.nan, 2.0, 1.0, "confirmed"))
    firm = given(
        nav=NAV,
        valuations=pd.concat([held(("A", 10.0, 1000.0)), frame("valuations", VALUATIONS, EURO)], ignore_index=True),
        prices=prices(("A", "ok", "raw")),
        raw_prices=raw,
        pnl=frame("pnl", "business_date book instrument", (D, "P", "A")),
        instruments=INSTRUMENTS,
        returns=calm("A", 0.01, move),
        fx_rates=frame("fx_rates", "business_date base quote rate status", (D, "EUR", "USD", 1.25, "ok")),
        corporate_actions=split if check == "split_not_in_price" else NO_ACTIONS,
    )
    found = found_in(firm)
    assert found[["check", "severity"]].to_numpy().tolist() == [[check, severity]]
    answered = found_in(firm | {"prices": prices(("A", "override", "raw"))})
    both = sorted([check, "price_override"])
    assert answered[["check", "severity"]].to_numpy().tolist() == [[one, "warning"] for one in both]
    other = [(DAYS[-2], "A", "y", 1.0), (D, "A", "y", 1.0 + move)]
    two = frame("raw_prices", "business_date instrument source close", (D, "A", "file", 100.0), *other)
    both = found_in(firm | {"raw_prices": two}).set_index("check")["severity"].to_dict()
    both.pop("price_unequal", None)
    if check in ("price_spike", "price_currency"):
        assert both == {"price_spike": "info"}, "another source says so too"
    else:
        assert both == {check: severity}, "two sources may make the same mistake"
