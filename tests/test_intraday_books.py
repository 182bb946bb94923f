"""Positions, exposures and limits of one book as a session goes, worked out by hand.

FUND bought 100 ACME at 10 and 10 EURO at 20 EUR on Tuesday out of 10,000 USD, and 50 ACME at 11 on Wednesday, the
session. A euro is worth 1.1 USD. ACME is seen at 12, EURO is not seen: 1,800 + 220 + 8,450 - 220 = 10,250.
"""

import math

import numpy as np
import pandas as pd
import pytest

from daybook import intraday, tables
from daybook.ledger.pricing import option_value
from daybook.risk import limits
from tests.frames import frame, sessions
from tests.ledger.ledger_facts import book, facts, only, security, trade, transaction

TUESDAY, WEDNESDAY, THURSDAY = "2022-12-27", "2022-12-28", "2022-12-29"
LOG = (
    transaction("T1", "deposit", TUESDAY, quantity=10_000),
    trade("T2", "buy", TUESDAY, 100, 10),
    trade("T3", "buy", TUESDAY, 10, 20, instrument="EURO", currency="EUR", fx_rate=1.1),
    trade("T4", "buy", WEDNESDAY, 50, 11),
    trade("T5", "buy", THURSDAY, 70, 11),
)
RATES = [(day, "EUR", "USD", 1.1, "stale") for day in (WEDNESDAY, THURSDAY)]
GOLDEN = [
    (WEDNESDAY, "ACME", 10.0, "USD", "stale", "the last one, of 2022-12-27, is used", "prices.csv", 2),
    (WEDNESDAY, "EURO", 20.0, "EUR", "stale", "the last one, of 2022-12-27, is used", "prices.csv", 3),
    (THURSDAY, "ACME", 10.0, "USD", "stale", "the last one, of 2022-12-27, is used", "prices.csv", 2),
    (THURSDAY, "EURO", 20.0, "EUR", "stale", "the last one, of 2022-12-27, is used", "prices.csv", 3),
]
SEEN = [
    (WEDNESDAY, f"{WEDNESDAY}T15:00:00Z", "ACME", 11.5, "USD", "x", "ticks.csv", 2),
    (WEDNESDAY, f"{WEDNESDAY}T16:00:00Z", "ACME", 12.0, "USD", "x", "ticks.csv", 3),
]
LIMITS = [
    ("GROSS", "gross", "", 0.15),
    ("ACME", "long", "instrument", 0.2),
    ("VAR", "var", "", 0.02),
    ("LOSS", "stress_loss", "", 0.03),
    ("FALL", "drawdown", "", 0.5),
]


def closes(*rows):
    """What the last closes say: date, VaR, NAV."""
    nav = frame("nav", "business_date book nav status", *[(day, "FUND", nav, "ok") for day, _, nav in rows])
    var = frame(
        "var",
        "business_date book method confidence horizon_days var es status",
        *[
            (day, "FUND", "historical", 0.99, 1, var, var, "ok" if var == var else "too few scenarios")
            for day, var, _ in rows
        ],
    )
    stress = frame("stress", "business_date book scenario pnl", *[(day, "FUND", "crash", -400.0) for day, _, _ in rows])
    returns = [(day, "FUND", -0.1, -0.1, "ok") for day, _, _ in rows]
    performance = frame("performance", "business_date book daily_return cumulative_return status", *returns)
    return limits.losses(var, nav, performance, stress, tables.empty("liquidity_profile"))


CLOSED = closes((TUESDAY, 150.0, 10_000.0), (WEDNESDAY, 999.0, 10_000.0))


def refresh(*days, seen=SEEN, golden=GOLDEN, rows=LOG, lost=CLOSED, owed=(), more=(), quotes=None):
    classes = [("A", TUESDAY, "FUND")] if owed else []
    columns = "business_date instrument close currency status reason file line"
    return intraday.refresh(
        frame("intraday_prices", "business_date observed_at instrument price currency source file line", *seen),
        frame("prices", columns, *golden),
        frame("fx_rates", "business_date base quote rate status", *RATES),
        facts("transactions", *rows),
        tables.empty("corporate_actions"),
        facts("books", book()),
        facts("instruments", security(), security("EURO", currency="EUR", exchange="XETR", sector="Autos"), *more),
        tables.empty("raw_fx_rates"),
        frame("share_classes", "share_class valid_from book", *classes),
        frame(
            "fee_accruals",
            "business_date book share_class accrual_kind amount fee_payable base_currency",
            *[(day, "FUND", "A", "management_fee", -1.0, payable, "USD") for day, payable in owed],
        ),
        frame(
            "limits",
            "limit book valid_from measure dimension bucket basis hard look_through",
            *[
                (name, "", TUESDAY, measure, dimension, "", "nav", hard, False)
                for name, measure, dimension, hard in LIMITS
            ],
        ),
        *(tables.empty(name) for name in ("limit_raises", "constituents", "issuers", "accounts")),
        lost,
        *(quotes or (tables.empty("risk_free_rates"), tables.empty("volatilities"))),
        *(tables.empty(name) for name in ("elections", "cash_rates")),
        sessions(*days),
        ["files"],
    )


@pytest.fixture(scope="module")
def now():
    return refresh(WEDNESDAY)


def test_positions_count_the_trades_of_the_session_at_the_newest_price(now):
    positions = now["intraday_positions"]
    assert positions["business_date"].unique() == [pd.Timestamp(WEDNESDAY)]
    acme = only(positions, instrument="ACME")
    assert acme["observed_at"] == pd.Timestamp(f"{WEDNESDAY}T16:00:00Z")
    assert acme[["quantity", "price", "market_value_base", "price_source", "status", "reason"]].tolist() == [
        *(150.0, 12.0, 1800.0, "x", "ok", "")
    ]
    assert acme["weight"] == round(1800 / 10_250, 12)
    euro = only(positions, instrument="EURO")
    assert pd.isna(euro["observed_at"])
    assert euro[["quantity", "price", "market_value", "market_value_base", "status", "reason"]].tolist() == [
        *(10.0, 20.0, 200.0, 220.0, "stale", "the last one, of 2022-12-27, is used")
    ]
    cash = only(positions, instrument="CASH:USD")
    assert cash[["market_value_base", "status", "reason"]].tolist() == [8450.0, "ok", ""]
    assert positions["market_value_base"].sum() == 10_250.0


def test_nav_is_less_what_share_classes_owe_since_the_last_close():
    owed = [("2022-12-23", -70.0), (TUESDAY, -40.0), (WEDNESDAY, -41.0)]
    paid = trade("T6", "fee", WEDNESDAY, 15, instrument="", action_id="A:management_fee")
    for rows in (LOG, (*LOG, paid)):
        positions = refresh(WEDNESDAY, rows=rows, owed=owed)["intraday_positions"]
        assert only(positions, instrument="CASH:USD")["market_value_base"] == 8410.0
        assert positions["market_value_base"].sum() == 10_210.0


def test_exposures_carry_the_newest_instant_of_the_book(now):
    exposed = now["intraday_exposures"]
    assert set(exposed["observed_at"]) == {pd.Timestamp(f"{WEDNESDAY}T16:00:00Z")}
    assert only(exposed, dimension="sector", bucket="Autos")["net"] == 220.0
    assert only(exposed, dimension="instrument", bucket="ACME")["gross_fraction"] == round(1800 / 10_250, 12)
    assert only(exposed, dimension="currency", bucket="EUR")["net"] == 0.0


def test_exposure_limits_are_of_now_and_the_others_of_the_last_close(now):
    used = now["intraday_limit_usage"]
    told = {row.limit: (row.value, row.status, row.reason) for row in used.itertuples() if row.bucket != "EURO"}
    at = "at the close of 2022-12-27"  # not of Wednesday, though that has been computed by now
    assert told == {
        "GROSS": (round(2020 / 10_250, 12), "breach", ""),
        "ACME": (round(1800 / 10_250, 12), "pass", ""),
        "VAR": (0.015, "pass", at),
        "LOSS": (0.04, "breach", at),
        "FALL": (0.1, "pass", at),
    }
    assert set(used["observed_at"]) == {pd.Timestamp(f"{WEDNESDAY}T16:00:00Z")}


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        (closes(), "no var of a close in the 14 days before"),
        (closes(("2022-12-13", 1.0, 10_000.0)), "no var of a close in the 14 days before"),
        (closes((TUESDAY, np.nan, 10_000.0)), "at the close of 2022-12-27; too few scenarios"),
        (closes((TUESDAY, 1.0, -5.0)), "nav was not positive at the close of 2022-12-27"),
    ],
)
def test_what_cannot_be_evaluated_is_failed_and_never_passed(lost, reason):
    row = only(refresh(WEDNESDAY, lost=lost)["intraday_limit_usage"], limit="VAR")
    assert (row["status"], row["reason"]) == ("failed", reason)
    assert pd.isna(row["value"])


def test_the_figures_of_a_close_serve_for_two_weeks():
    row = only(refresh(WEDNESDAY, lost=closes(("2022-12-14", 1.0, 10.0)))["intraday_limit_usage"], limit="VAR")
    assert (row["value"], row["reason"]) == (0.1, "at the close of 2022-12-14")


def test_a_book_that_cannot_be_valued_fails_by_name_and_its_limits_with_it():
    made = refresh(WEDNESDAY, golden=GOLDEN[:1])
    row = only(made["intraday_positions"], instrument="EURO")
    assert (row["status"], row["reason"]) == ("failed", "no price was ever delivered")
    assert made["intraday_exposures"].empty
    used = made["intraday_limit_usage"]
    assert set(used["status"]) == {"failed"}
    assert used["reason"].str.startswith("nav failed: EURO: no price was ever delivered").all()


def test_a_session_without_a_price_or_a_trade_has_no_rows_and_one_with_a_trade_has():
    assert all(frame.empty for frame in refresh(WEDNESDAY, seen=[], rows=LOG[:3]).values())
    positions = refresh(WEDNESDAY, seen=[])["intraday_positions"]
    row = only(positions, instrument="ACME")
    assert (row["quantity"], row["price"], row["status"]) == (150.0, 10.0, "stale")
    assert positions["observed_at"].isna().all()


def test_one_session_and_a_range_give_the_same_rows(now):
    made = refresh(TUESDAY, WEDNESDAY, THURSDAY)
    for name, alone in now.items():
        rows = made[name][made[name]["business_date"] == pd.Timestamp(WEDNESDAY)].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone)
    acme = made["intraday_positions"].query("instrument == 'ACME'")
    assert acme[["quantity", "price"]].to_numpy().tolist()[1:] == [[150.0, 12.0], [220.0, 10.0]]


def test_the_close_is_told_beside_the_price_that_made_it():
    official = (WEDNESDAY, "ACME", 11.5, "USD", "ok", "", "prices_2022-12-28.csv", 2)
    row = only(refresh(WEDNESDAY, golden=[official, GOLDEN[1]])["intraday_positions"], instrument="ACME")
    assert (row["price"], row["status"]) == (12.0, "ok")
    assert row["reason"] == (
        "the close XNYS-16:00 is 11.5 (prices_2022-12-28.csv line 2),"
        " made by the price of 15:00:00 UTC from x (ticks.csv line 2)"
    )


def test_a_price_that_was_seen_is_named_where_no_close_came_and_is_no_close(now):
    closed = frame(
        "prices",
        "business_date instrument close status",
        (WEDNESDAY, "ACME", 10.0, "stale"),
        (WEDNESDAY, "EURO", 20.0, "stale"),  # was not seen
    )
    told = ["ACME: no close was delivered, though 12 USD was seen at 16:00:00 UTC from x"]
    assert intraday.unclosed(closed, now["intraday_positions"]) == told
    assert intraday.unclosed(closed.assign(status="ok"), now["intraday_positions"]) == []


def test_an_option_without_a_price_follows_what_was_seen_of_its_underlying():
    """A model values it as at the close; without the model's inputs it fails by name."""
    terms = {"asset_class": "option", "underlying": "ACME", "maturity_date": pd.Timestamp("2023-12-28"), "strike": 10.0}
    option = security("CALL", **terms, option_type="call", exercise_style="european", multiplier=100.0)
    rows = [*LOG, trade("C", "buy", TUESDAY, 1, 2, instrument="CALL")]
    rates = frame("risk_free_rates", "business_date currency tenor rate", (TUESDAY, "USD", "1Y", 0.04))
    volatility = frame("volatilities", "business_date instrument source volatility", (TUESDAY, "ACME", "x", 0.2))
    positions = refresh(WEDNESDAY, rows=rows, more=[option], quotes=(rates, volatility))["intraday_positions"]
    call = only(positions, instrument="CALL")
    expected, _ = option_value("call", "european", 12.0, 10.0, 365, math.log(1.04), 0.0, 0.2)
    assert call["price"] == pytest.approx(expected, abs=1e-9)
    assert call[["price_source", "status"]].tolist() == ["model", "ok"]
    without = refresh(WEDNESDAY, rows=rows, more=[option])["intraday_positions"]
    assert only(without, instrument="CALL")["status"] == "failed"
