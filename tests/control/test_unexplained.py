"""Unexplained P&L and the three ways of telling P&L, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.control import unexplained
from daybook.market.quality import books as checks
from tests.frames import frame, sessions

BEFORE, D = "2022-12-22", "2022-12-23"
BOOKS = frame("books", "book base_currency calendar valid_from", ("P", "USD", "XNYS", "2020-01-01"))
PNL = "business_date book instrument price_pnl fx_pnl income trading_pnl fees total"
VALUES = "business_date book instrument currency price_source fair_value_level"
STRUCK = "business_date book nav"
ROWS = [
    (D, "P", "A", 100.0, 0.0, 7.0, 20.0, -1.0, 126.0),
    (D, "P", "B", -30.0, 5.0, 0.0, 0.0, 0.0, -25.0),
    (D, "P", "CASH:EUR", 0.0, 3.0, 0.0, 2.0, 0.0, 5.0),
]


def nav(opening=1000.0, closing=1116.0, flows=10.0, status="ok"):
    columns = "business_date book nav market_value cash accruals flows status base_currency"
    return frame(
        "nav",
        columns,
        (BEFORE, "P", opening, opening - 100.0, 90.0, 10.0, 0.0, "ok", "USD"),
        (D, "P", closing, closing - 50.0, 45.0, 5.0, flows, status, "USD"),
    )


def values(a=(1, 1), b=(1, 1), sources=("x", "x")):
    rows = [
        (day, "P", name, currency, source, level)
        for name, currency, levels in (("A", "USD", a), ("B", "EUR", b), ("CASH:EUR", "EUR", (1, 1)))
        for day, level, source in zip((BEFORE, D), levels, sources, strict=True)
    ]
    return frame("valuations", VALUES, *rows)


def rates(before="ok", now="ok"):
    return frame(
        "fx_rates",
        "business_date base quote rate status",
        (BEFORE, "EUR", "USD", 1.0, before),
        (D, "EUR", "USD", 1.1, now),
    )


def made(**changed):
    given = {
        "pnl": frame("pnl", PNL, *ROWS),
        "attribution_pnl": frame("attribution_pnl", "business_date book segment total", (D, "P", "all", 106.0)),
        "nav": nav(),
        "valuations": values(),
        "fx_rates": rates(),
        "doubts": frame("findings", "business_date check book instrument severity"),
        "administrator_nav": tables.empty("administrator_nav"),
        "close_rules": tables.empty("close_rules"),
        "books": BOOKS,
    }
    return unexplained.unexplained_pnl(**given | changed, sessions=sessions(D))


def test_a_day_on_delivered_prices_is_explained_and_the_same_three_ways():
    row = made().iloc[0]
    assert row[["total", "attributed", "moved", "explained"]].tolist() == [106.0] * 4
    assert row[["unexplained", "doubted", "doubted_bp"]].tolist() == [0.0, 0.0, 0.0]
    assert row[["status", "reason"]].tolist() == ["ok", ""]
    assert unexplained.identity_gaps(made(), nav()).empty


@pytest.mark.parametrize(
    ("changed", "amount", "size", "said"),
    [
        # 100 of price and 20 of trading; income and fees are explained whatever the price is
        ({"valuations": values(a=(1, 2))}, 120.0, 120.0, "A +120.00 price stale"),
        ({"valuations": values(a=(3, 1))}, 120.0, 120.0, "A +120.00 opened at an overridden price"),
        ({"valuations": values(a=(2, 2), sources=("model", "model"))}, 0.0, 0.0, ""),
        ({"valuations": values(a=(2, 1), b=(1, 1), sources=("model", "x"))}, 90.0, 150.0,
         "A +120.00 valued by a model at one end alone; B -30.00 valued by a model at one end alone"),
        ({"fx_rates": rates(now="stale")}, 10.0, 10.0, "B +5.00 rate stale; CASH:EUR +5.00 rate stale"),
        ({"fx_rates": rates(before="stale")}, 10.0, 10.0,
         "B +5.00 opened at a stale rate; CASH:EUR +5.00 opened at a stale rate"),
        ({"doubts": frame("findings", "business_date check book instrument severity",
                          (D, "price_spike", "P", "B", "by impact"), (D, "volume_odd", "P", "A", "info"))},
         -30.0, 30.0, "B -30.00 price_spike"),
        # he moved from 990 to 1103, of which 10 came from outside: he earned 103 where the books earned 106
        ({"administrator_nav": frame("administrator_nav", STRUCK, (BEFORE, "P", 990.0), (D, "P", 1103.0))},
         3.0, 3.0, "+3.00 the administrator's move of NAV"),
        ({"administrator_nav": frame("administrator_nav", STRUCK, (D, "P", 1103.0))}, 0.0, 0.0, ""),
    ],
)  # fmt: skip
def test_what_rests_on_doubt_is_unexplained(changed, amount, size, said):
    row = made(**changed).iloc[0]
    assert row[["unexplained", "doubted", "reason"]].tolist() == [amount, size, said]
    assert row["explained"] == 106.0 - amount
    assert row["doubted_bp"] == pytest.approx(size / 1116.0 * 1e4, rel=1e-12)


def test_beyond_the_threshold_of_the_book_it_blocks():
    stale = {"valuations": values(b=(1, 2))}  # 30 of 1116 is 268.8 bp
    rules = "book valid_from unexplained_bp"
    wide = frame("close_rules", rules, ("", "2020-01-01", 10.0), ("P", "2020-01-01", 270.0))
    assert made(**stale, close_rules=wide)["status"].tolist() == ["ok"]
    narrow = frame("close_rules", rules, ("", "2020-01-01", 50.0))
    found = checks.unexplained(made(**stale, close_rules=narrow))
    assert found[["check", "book", "severity", "impact_base"]].to_numpy().tolist() == [
        ["pnl_unexplained", "P", "blocking", 30.0]
    ]
    assert found["reason"].iloc[0] == "30.00, 268.8 bp of NAV, more than the 50 bp allowed: B -30.00 price stale"
    usual = checks.unexplained(made(**stale))
    assert usual["severity"].tolist() == ["warning"]
    assert usual["reason"].iloc[0] == "30.00, 268.8 bp of NAV, more than 50 bp: B -30.00 price stale"
    assert made(**stale, nav=nav(closing=-5.0, opening=-101.0))["status"].tolist() == ["unexplained"]


def test_a_book_without_a_nav_is_unknown_and_no_zero():
    row = made(nav=nav(closing=np.nan, status="failed"), pnl=tables.empty("pnl")).iloc[0]
    assert row["status"] == "unknown"
    assert row[["total", "attributed", "moved", "explained", "unexplained", "doubted"]].isna().all()


@pytest.mark.parametrize(
    ("changed", "gap", "odd"),
    [
        ({"nav": nav(closing=1120.0)}, 4.0, "cash and values"),
        ({"attribution_pnl": frame("attribution_pnl", "business_date book segment total", (D, "P", "x", 105.0))}, 1.0,
         "the attribution"),
        ({"pnl": frame("pnl", PNL, *ROWS[:2])}, 5.0, "the ledger"),
        ({"attribution_pnl": tables.empty("attribution_pnl")}, 106.0, "the attribution"),
    ],
)  # fmt: skip
def test_the_odd_one_of_three_ways_is_named(changed, gap, odd):
    found = unexplained.identity_gaps(made(**changed), changed.get("nav", nav()))
    assert found["gap"].tolist() == [gap]
    assert found["reason"].iloc[0].endswith(f": the odd one out is {odd}")
    assert list(pd.unique(found["book"])) == ["P"]
