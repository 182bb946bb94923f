"""The identities on what the real ledger posts: every kind, with splits, dividends, days off and corrections."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from daybook import calendars, ledger, tables
from daybook.ledger import bridge, lot_pnl, pnl, valuation
from daybook.market import fx, prices
from tests.frames import frame

EXACT = ("quantity", "price", "fees", "taxes", "accrued_interest", "fx_rate", "cost")
DAYS = calendars.sessions("XNYS", "2020-04-27", "2020-06-05")
COLUMNS = "transaction_id book instrument kind trade_date quantity price currency fees taxes"
BOOKS = frame("books", "book base_currency calendar", ("P", "USD", "XNYS"), ("Q", "EUR", "XLON"))
LISTED = frame(
    "instruments",
    "instrument currency exchange multiplier asset_class",
    ("A", "USD", "XNYS", 1.0, "equity"),
    ("L", "GBP", "XLON", 10.0, "equity"),
    ("C", "USD", "XNYS", 1.0, "equity"),
    ("N", "GBP", "XLON", 10.0, "equity"),
    ("F", "USD", "XNYS", 50.0, "future"),
)
CURRENCY = {"A": "USD", "L": "GBP"}


def log(rows: list[tuple]) -> pd.DataFrame:
    """Transactions with exact numbers, as the records keep them."""
    built = frame("transactions", COLUMNS, *rows)
    exact = {name: [None if np.isnan(v) else Decimal(repr(v)) for v in built[name]] for name in EXACT}
    return built.assign(**{name: pd.Series(values, dtype=object) for name, values in exact.items()})


def random_firm(seed: int) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    rows = []

    def add(book, instrument, kind, date, quantity, price, currency, charges=0.0):
        rows.append(
            (f"T{len(rows):03d}", book, instrument, kind, date, quantity, price, currency, charges, charges / 2)
        )

    for date in DAYS[:-1]:
        for book in "PQ":
            for name, currency in CURRENCY.items():
                if rng.random() < 0.5 and calendars.is_session("XLON", [date])[0]:
                    kind = str(rng.choice(["buy", "sell", "transfer_in"]))
                    quantity, price = round(rng.uniform(1, 100), 3), round(rng.uniform(5, 50), 4)
                    charged = 0.0 if kind == "transfer_in" else round(rng.uniform(0, 3), 5)
                    add(book, name, kind, date, quantity, price, currency, charged)
            kind = str(rng.choice(["deposit", "withdrawal", "interest", "fee", "tax", "fx", "fx"]))
            amount, currency = round(rng.uniform(1, 900), 2), str(rng.choice(["USD", "GBP", "EUR"]))
            if kind == "fx":
                paid = "USD" if currency != "USD" else "EUR"
                add(book, f"CASH:{currency}", "fx", date, amount, round(rng.uniform(0.7, 1.4), 5), paid, 0.25)
            else:
                add(book, "", kind, date, amount, np.nan, currency)
    actions = "action_id instrument kind ex_date pay_date numerator denominator amount currency withholding_rate"
    return {
        "transactions": log(rows),
        "corporate_actions": frame(
            "corporate_actions",
            actions,
            ("S1", "A", "split", "2020-05-08", None, 3.0, 1.0, np.nan, "", 0.0),
            ("S2", "L", "split", "2020-05-25", None, 2.0, 1.0, np.nan, "", 0.0),
            ("D1", "A", "cash_dividend", "2020-05-06", "2020-05-15", np.nan, np.nan, 0.37, "USD", 0.15),
            ("D2", "L", "cash_dividend", "2020-05-08", "2020-05-25", np.nan, np.nan, 0.11, "GBP", 0.0),
        ),
        "raw_prices": frame(
            "raw_prices",
            "business_date instrument close",
            *[(d, i, rng.uniform(5, 50)) for d in DAYS for i in CURRENCY if rng.random() < 0.9 or d == DAYS[0]],
        ),
        "raw_fx_rates": frame(
            "raw_fx_rates",
            "business_date base quote rate",
            *[(d, "EUR", q, rng.uniform(0.8, 1.3)) for d in DAYS for q in ("USD", "GBP")],
        ),
    }


def through(facts: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Every table of the books from facts to P&L by lot, and the golden rates."""
    golden = prices.golden(
        facts["raw_prices"], LISTED, facts["corporate_actions"], tables.empty("price_sources"),
        tables.empty("price_overrides"), DAYS, [],
    )  # fmt: skip
    rates = fx.golden(facts["raw_fx_rates"], DAYS, [])
    made = ledger.derive(
        facts["transactions"], facts["corporate_actions"], BOOKS, LISTED, facts["raw_fx_rates"], golden, rates, DAYS, []
    )
    assert made["book_failures"].empty, made["book_failures"]["reason"].tolist()[:1]
    valued = valuation.valuations(made["positions"], made["cash"], golden, rates, BOOKS, LISTED, DAYS)
    nav = valuation.nav(
        valued, made["cash"], made["activity"], made["book_failures"], golden, rates, BOOKS, LISTED, DAYS
    )
    rows = pnl.pnl(valued, made["activity"], made["entitlements"], golden, rates, BOOKS, LISTED, nav, DAYS)
    lots = lot_pnl.lot_pnl(
        made["lots"], made["realised"], made["positions"], valued, rows, nav, rates, BOOKS, LISTED, DAYS
    )
    steps = bridge.nav_bridge(nav, rows, lots, BOOKS, DAYS)
    return made | {"valuations": valued, "nav": nav, "pnl": rows, "lot_pnl": lots, "nav_bridge": steps}


@pytest.mark.parametrize("seed", range(4))
def test_nav_is_explained_and_every_quantity_rolls(seed):
    facts = random_firm(seed)
    if seed >= 2:  # every fifth transaction is booked a week after its period was closed
        log = facts["transactions"]
        late = (log["trade_date"] + pd.Timedelta(days=7)).where(log.index % 5 == 0)
        facts["transactions"] = log.assign(booked_on=late.where(late <= DAYS[-1]))
    made = through(facts)
    nav, rows, valued = (made[name] for name in ("nav", "pnl", "valuations"))
    assert (nav["status"] == "ok").all()
    assert len(nav) == len(DAYS) + calendars.is_session("XLON", DAYS).sum()
    assert pnl.identity_gaps(nav, rows, BOOKS, DAYS).empty
    gaps = pnl.roll_gaps(valued, made["activity"], made["entitlements"], facts["corporate_actions"], BOOKS, nav, DAYS)
    assert gaps.empty, gaps["reason"].tolist()
    of_lots = (made["realised"], made["positions"], valued)
    lots, steps = made["lot_pnl"], made["nav_bridge"]
    assert lot_pnl.identity_gaps(lots, *of_lots, nav, BOOKS, LISTED, DAYS).empty
    assert bridge.identity_gaps(steps).empty
    assert (steps["gap"] == 0).all()
    assert len(steps) == len(nav)
    # What lots gained over the whole history is what they realised, and what is not realised at its end.
    last = made["positions"].merge(nav.groupby("book")["business_date"].last().reset_index())
    gained = made["realised"]["gain_base"].sum() + last["unrealised_base"].sum()
    assert (lots["total"] - lots["income"]).sum() == pytest.approx(gained, abs=1e-4)
    change = nav.groupby("book")["nav"].last()
    explained = rows.groupby("book")["total"].sum() + nav.groupby("book")["flows"].sum()
    assert explained.to_dict() == pytest.approx(change.to_dict(), abs=1e-5)
    assert tables.conform("pnl", rows)["income"].abs().sum() > 0


@pytest.mark.parametrize("seed", range(2))
def test_a_book_of_one_currency_gains_nothing_outside_its_lots(seed):
    facts = random_firm(seed)
    log = facts["transactions"]
    own = (log["book"] == "P") & (log["currency"] == "USD") & ~log["kind"].isin(["fx", "transfer_in"])
    steps = through(facts | {"transactions": log[own].reset_index(drop=True)})["nav_bridge"]
    assert steps["realised_market"].abs().sum() > 0
    assert steps["outside_lots"].abs().max() < 2e-6
    assert (steps[["realised_currency", "unrealised_currency"]] == 0).all(axis=None)


@pytest.mark.parametrize("seed", range(3))
def test_futures_and_actions_of_every_kind_leave_nothing_unexplained(seed):
    facts, rng = random_firm(seed), np.random.default_rng(seed)
    more = [
        (f"F{at}", "P", "F", str(rng.choice(["buy", "sell"])), day, 2.0, round(rng.uniform(10, 20), 2), "USD", 1.5, 0.0)
        for at, day in enumerate(DAYS[1:20:3])
    ]
    log_of = pd.concat([facts["transactions"], log(more)], ignore_index=True)
    # Nobody trades what has merged away.
    gone = (log_of["instrument"] == "L") & (log_of["trade_date"] >= "2020-05-27")
    happens = frame(
        "corporate_actions",
        "action_id instrument kind ex_date numerator denominator amount currency new_instrument cost_fraction"
        " cash_in_lieu_price",
        ("X1", "A", "spin_off", "2020-05-12", 1.0, 5.0, np.nan, "USD", "C", 0.2, 11.0),
        ("X2", "A", "return_of_capital", "2020-05-14", np.nan, np.nan, 0.4, "USD", "", np.nan, np.nan),
        ("X3", "A", "stock_dividend", "2020-05-18", 1.0, 20.0, np.nan, "USD", "", np.nan, 9.0),
        ("X4", "L", "merger", "2020-05-27", 3.0, 4.0, 1.25, "GBP", "N", 0.7, 30.0),
        ("X5", "C", "delisting", "2020-05-29", np.nan, np.nan, 0.1, "USD", "", np.nan, np.nan),
    )
    columns = "business_date instrument close"
    closes = [(d, i, rng.uniform(5, 50)) for d in DAYS for i in "CNF"]
    facts |= {
        "transactions": log_of[~gone].reset_index(drop=True),
        "corporate_actions": pd.concat([facts["corporate_actions"], happens], ignore_index=True),
        "raw_prices": pd.concat([facts["raw_prices"], frame("raw_prices", columns, *closes)], ignore_index=True),
    }
    made = through(facts)
    nav, rows, valued = (made[name] for name in ("nav", "pnl", "valuations"))
    assert (nav["status"] == "ok").all(), nav["reason"].tolist()
    assert set(made["entitlements"]["kind"]) >= {"spin_off", "return_of_capital", "merger", "delisting"}
    assert made["activity"]["variation"].abs().sum() > 0
    assert (made["nav_bridge"]["gap"] == 0).all()
    gaps = pnl.roll_gaps(valued, made["activity"], made["entitlements"], facts["corporate_actions"], BOOKS, nav, DAYS)
    assert gaps.empty, gaps["reason"].tolist()
    of_lots = (made["lot_pnl"], made["realised"], made["positions"], valued)
    lots = lot_pnl.identity_gaps(*of_lots, nav, BOOKS, LISTED, DAYS)
    assert lots.empty, lots["reason"].tolist()
    # Nothing that an action did is trading: on its session, in a row that was not traded, trading_pnl is 0.
    key = ["business_date", "book", "instrument"]
    traded = made["activity"].loc[made["activity"]["traded_quantity"] != 0, key]
    acted = rows.merge(made["entitlements"][key].drop_duplicates())
    still = acted[~pd.MultiIndex.from_frame(acted[key]).isin(pd.MultiIndex.from_frame(traded))]
    assert len(still) > 0
    assert (still["trading_pnl"] == 0).all()
