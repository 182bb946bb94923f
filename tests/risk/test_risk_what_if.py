"""What trades that nobody has made would do: books worked by hand, options and bonds in full, and what is refused.

One question for all of it: a second costs what ten books cost, and no book's answer depends on the others.
"""

from math import erf, exp, log, sqrt

import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.risk.stress import Shock
from daybook.risk.what_if import AFTER, FACTS, OF_THE_SESSION, TRADE, what_if
from tests.frames import frame

DAYS = calendars.sessions("XNYS", "2020-01-02")[:121]
DAY, SINCE = DAYS[-1], DAYS[0]
LATER = DAY + pd.Timedelta(days=90)
ORDER = ("s",)
MOVES = np.random.default_rng(3).normal(0, 0.01, (120, 2)).round(6)
SHOCKS = {"down": Shock(local={"asset_class": {"equity": -0.1}}), "up": Shock(rates=0.01)}
BOOKS = ("hand", "short", "over", "priced", "put", "bond", "back")
ASKED = (
    ("hand", "A", 60.0),
    *(("short", "A", -100.0), ("short", "B", -400.0)),
    ("over", "B", 10.0),
    *(("priced", "A", -60.0, 55.0), ("priced", "F", 2.0, 59.0), ("priced", "CASH:EUR", 100.0, 1.3)),
    ("put", "P", 1.0),
    ("bond", "G", 1000.0),
    *(("back", "A", 60.0), ("back", "B", 5.0), ("back", "B", -5.0), ("back", "A", -60.0)),
)
REFUSED = (
    *(("none", "A", 1.0), ("f", "A", 1.0), ("c", "A", -1.0), ("c", "N", 1.0), ("c", "X", 1.0), ("c", "A", 0.0)),
    *(("c", "O", 1.0), ("c", "CASH:USD", 1.0), ("c", "CASH:GBP", 1.0), ("c", "A", 1.0, np.inf), ("c", "A", 2.0)),
)


def trades(*rows):
    found = pd.DataFrame([(*row, np.nan)[:4] for row in rows], columns=TRADE)
    return found.astype({"book": "str", "instrument": "str", "quantity": "float64", "price": "float64"})


@pytest.fixture(scope="module")
def known():
    """BOOKS have 100 A at 50 and 5,000 of cash each, in dollars; nobody has B, in euros at 20, or anything else."""
    read = {name: tables.empty(name) for name in (*OF_THE_SESSION, *FACTS, "transactions", "performance", "raw_prices")}
    every = [(name, "USD", "XNYS", name != "c", SINCE) for name in (*BOOKS, "c", "f")]
    read["books"] = frame("books", "book base_currency calendar shorts valid_from", *every)
    terms = "instrument asset_class currency multiplier issuer valid_from underlying strike option_type exercise_style"
    read["instruments"] = frame(
        "instruments", f"{terms} maturity_date coupon_rate coupon_frequency issue_date",
        ("A", "equity", "USD", 1.0, "one", SINCE, "", np.nan, "", "", pd.NaT, np.nan, 0, pd.NaT),
        ("B", "equity", "EUR", 1.0, "two", SINCE, "", np.nan, "", "", pd.NaT, np.nan, 0, pd.NaT),
        ("N", "equity", "USD", 1.0, "two", SINCE, "", np.nan, "", "", pd.NaT, np.nan, 0, pd.NaT),
        ("P", "option", "USD", 100.0, "one", SINCE, "A", 50.0, "put", "european", LATER, np.nan, 0, pd.NaT),
        ("O", "option", "USD", 100.0, "one", SINCE, "A", 50.0, "put", "european", DAY, np.nan, 0, pd.NaT),
        ("F", "future", "USD", 10.0, "one", SINCE, "A", np.nan, "", "", LATER, np.nan, 0, pd.NaT),
        ("G", "bond", "USD", 1.0, "one", SINCE, "", np.nan, "", "", DAY + pd.Timedelta(days=3650), 0.04, 2, SINCE),
    )  # fmt: skip
    closes = {"A": (50.0, "USD"), "B": (20.0, "EUR"), "F": (60.0, "USD"), "G": (98.0, "USD"), "O": (1.0, "USD")}
    read["prices"] = frame(
        "prices", "business_date instrument close currency status",
        *((DAY, name, close, currency, "ok") for name, (close, currency) in closes.items()),
    )  # fmt: skip
    rows = [(day, name, move, "USD", "ok") for day, both in zip(DAYS[1:], MOVES, strict=True)
            for name, move in zip("AB", both, strict=True)]  # fmt: skip
    read["returns"] = frame("returns", "business_date instrument local_return currency status", *rows)
    read["fx_rates"] = frame("fx_rates", "business_date base quote rate", *((day, "EUR", "USD", 1.25) for day in DAYS))
    read["risk_free_rates"] = frame(
        "risk_free_rates", "business_date currency tenor rate day_count",
        (DAY, "USD", "1M", 0.02, ""), (DAY, "USD", "10Y", 0.02, ""),
    )  # fmt: skip
    read["volatilities"] = frame("volatilities", "business_date instrument volatility source", (DAY, "A", 0.2, "s"))
    held = [(DAY, name, "A", 100.0) for name in BOOKS]
    read["positions"] = frame("positions", "business_date book instrument quantity", *held)
    balances = [(DAY, name, "USD", 5000.0) for name in (*BOOKS, "c")]
    read["cash"] = frame("cash", "business_date book currency balance", *balances)
    worth = [(DAY, name, 10_000.0, "ok", "USD", "") for name in (*BOOKS, "c")]
    failed = (DAY, "f", np.nan, "failed", "USD", "A: no price")
    read["nav"] = frame("nav", "business_date book nav status base_currency reason", *worth, failed)
    read["valuations"], read["pnl"] = tables.empty("valuations"), tables.empty("pnl")
    read["limits"] = frame(
        "limits", "limit book valid_from measure dimension bucket basis hard look_through",
        ("GROSS", "", SINCE, "gross", "", "", "nav", 0.8, False),
        ("LOSS", "hand", SINCE, "stress_loss", "", "", "nav", 0.2, False),
    )  # fmt: skip
    read["rules"] = frame(
        "rules", "rule valid_from kind book dimension bucket basis threshold",
        ("ISSUER", SINCE, "max_weight", "", "issuer", "", "nav", 0.6),
    )  # fmt: skip
    return read


@pytest.fixture(scope="module")
def found(known):
    return what_if(trades(*ASKED, *REFUSED), DAY, known, SHOCKS, ORDER)


def one(rows, **where):
    for name, value in where.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_purchase_moves_cash_var_stress_exposure_limits_and_rules_as_worked_by_hand(found):
    nav = one(found.nav, book="hand")
    assert (nav.nav_before, nav.nav_after, nav.cash_before, nav.cash_after) == (10_000, 10_000, 5000, 2000)
    worst = np.sort(MOVES[:, 0])[1]  # k = ceil(120 x 0.01) = 2
    var = one(found.var, book="hand", method="historical", confidence=0.99)
    assert var.var_before == pytest.approx(-5000 * worst, abs=1e-6)
    assert (var.var_after, var.var_change) == (pytest.approx(-8000 * worst), pytest.approx(-3000 * worst))
    assert var.es_change == pytest.approx(-3000 * np.sort(MOVES[:, 0])[:2].mean())
    stress = one(found.stress, book="hand", scenario="down")
    assert (stress.pnl_before, stress.pnl_after, stress.pnl_change) == (-500, -800, -300)
    held = one(found.exposures, book="hand", dimension="instrument", bucket="A")
    assert (held.gross_before, held.gross_after, held.net_fraction_change) == (5000, 8000, 0.3)
    assert one(found.exposures, book="hand", dimension="currency", bucket="USD").net_change == 0
    gross = one(found.limits, book="hand", limit="GROSS")
    assert (gross.value_before, gross.value_after, gross.headroom_before, gross.headroom_after) == (0.5, 0.8, 0.3, 0)
    loss = one(found.limits, limit="LOSS")
    assert (loss.value_before, loss.value_after, loss.status_after) == (0.05, 0.08, "pass")
    rule = one(found.compliance, book="hand", bucket="one")
    assert (rule.status_before, rule.status_after, rule.cause_after) == ("pass", "breach", "active")


def test_a_short_in_another_currency_brings_that_currency_in_and_a_limit_is_breached(found):
    assert one(found.nav, book="short").nav_change == 0
    assert one(found.exposures, book="short", bucket="EUR").net_after == 0  # -400 x 20 short, 8,000 received
    assert one(found.exposures, book="short", dimension="instrument", bucket="B").short_after == -10_000
    assert one(found.exposures, book="short", dimension="instrument", bucket="A").net_after == 0
    gross = one(found.limits, book="short", limit="GROSS")
    assert (gross.value_after, gross.status_before, gross.status_after) == (1.0, "pass", "breach")
    best = np.sort(MOVES[:, 1])[-2]
    var = one(found.var, book="short", method="historical", confidence=0.99)
    assert var.var_after == pytest.approx(10_000 * best)
    assert one(found.nav, book="over").overdrawn_after == "EUR -200.00"


def test_another_price_than_the_close_is_gained_or_lost(found):
    nav = one(found.nav, book="priced")
    assert nav.nav_change == 60 * 5 + 2 * 10 * 1 - 100 * 0.05
    assert nav.cash_change == 60 * 55 + 20 - 5
    assert found.trades.loc[found.trades["book"].eq("priced"), "paid_base"].tolist() == [-3300, -20, 130]
    future = one(found.exposures, book="priced", dimension="instrument", bucket="F")
    assert (future.net_before, future.net_after) == (0, 1200)


def test_options_and_bonds_that_nobody_held_are_modelled_and_revalued_in_full(found):
    put = one(found.trades, instrument="P")
    assert put.paid_base == pytest.approx(100 * black_scholes_put(50), rel=0.01)
    assert put.reason.startswith("by model")
    assert one(found.nav, book="put").nav_change == 0
    hedge = one(found.stress, book="put", scenario="down").pnl_change
    assert hedge == pytest.approx(100 * (black_scholes_put(45) - black_scholes_put(50)), rel=0.01)
    assert one(found.var, book="put", method="historical", confidence=0.99).var_change < -10
    bond = one(found.trades, instrument="G")
    assert 980 < bond.paid_base < 1000  # 98 % and what has accrued in half a year of 4 % a year
    assert one(found.nav, book="bond").nav_change == pytest.approx(0, abs=1e-6)
    assert -90 < one(found.stress, book="bond", scenario="up").pnl_change < -70  # ten years, duration about 8


def black_scholes_put(spot):
    """A put at 50 over 90 days at 2 % a year simple for a month and 20 % volatility (Black and Scholes 1973)."""
    years, rate, volatility = 90 / 365, 0.02, 0.2
    first = (log(spot / 50) + (rate + volatility**2 / 2) * years) / volatility / sqrt(years)
    below, beside = ((1 + erf(-d / sqrt(2))) / 2 for d in (first - volatility * sqrt(years), first))
    return 50 * exp(-rate * years) * below - spot * beside


def test_what_cannot_be_traded_is_refused_by_name_with_its_book_and_the_others_go_on(found, known):
    assert dict(zip(found.refused["instrument"], found.refused["reason"], strict=True)) == {
        "N": "no price was ever delivered",
        "X": "there is no instrument X",
        "O": f"it matured on {DAY:%Y-%m-%d}",
        "CASH:USD": "it is the book's base currency",
        "CASH:GBP": "no exchange rate GBP/USD",
        "A": "not computed: another trade of the book is refused",
    }
    assert found.refused["reason"].tolist()[:2] == ["there is no book none", "its NAV failed: A: no price"]
    assert found.refused["reason"].tolist()[5] == "quantity is no number other than 0"
    assert found.refused["reason"].tolist()[-2] == "price is no number"
    assert set(found.rows.loc[found.rows["kind"].ne("refused"), "book"]) == set(BOOKS)
    nothing = what_if(trades(("c", "A", -1.0)), DAY, known, SHOCKS, ORDER)
    assert nothing.refused["reason"].tolist() == ["the book may not sell short"]
    assert list(nothing.views) == ["refused"]
    assert nothing.rows["status_after"].tolist() == ["refused"]


def test_a_list_and_its_opposite_add_up_to_nothing(found):
    rows = found.rows
    assert (rows.loc[rows["book"].eq("back"), "change"].fillna(0.0) == 0).all()
    assert not rows["book"].str.contains(AFTER).any()
    changed = found.views["exposures that change"]
    assert "back" not in set(changed["book"])
    hand = found.views["rules that change or are not kept"].query("book == 'hand'")
    assert hand["status"].tolist() == ["pass to breach"]
