"""Gains by lot and the bridge from one NAV to the next, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from daybook.ledger import bridge, lot_pnl, pnl
from tests.frames import frame, sessions
from tests.ledger.books_by_hand import Firm, firm

D0, D1 = "2020-01-02", "2020-01-03"
PARTS = ["realised_market", "realised_currency", "unrealised_market", "unrealised_currency", "income", "total"]
STEPS = ["opening", "flows", "gains", "carry", "fees", "closing"]
WAYS = [*PARTS[:4], "holding", "trading_pnl", "outside_lots"]
LOTS = "business_date book instrument lot quantity cost currency cost_base"
POSITIONS = "business_date book instrument quantity cost currency cost_base unrealised unrealised_base"
REALISED = "business_date book instrument transaction_id lot quantity gain_base market_gain_base currency_gain_base"


def act(instrument: str, currency: str, **amounts) -> dict:
    return {"business_date": D1, "book": "P", "instrument": instrument, "currency": currency, **amounts}


def of_lots(it: Firm, lots, positions, realised, books=None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables lot_pnl and nav_bridge of the second day, after the identities were asked."""
    books, today = it.books if books is None else books, sessions(D1)
    lots, positions = frame("lots", LOTS, *lots), frame("positions", POSITIONS, *positions)
    realised, nav, rows = frame("realised", REALISED, *realised), it.nav(), it.pnl(today)
    found = lot_pnl.lot_pnl(
        lots, realised, positions, it.valuations(), rows, nav, it.rates, books, it.instruments, today
    )
    assert lot_pnl.identity_gaps(found, realised, positions, it.valuations(), nav, books, it.instruments, today).empty
    steps = bridge.nav_bridge(nav, rows, found, books, today)
    assert bridge.identity_gaps(steps).empty
    assert (steps["gap"] == 0).all()
    return found, steps


def sold_abroad(rate: float) -> tuple[Firm, list, list, list]:
    """150 shares in two lots, 120 of them sold at ``rate`` dollars a pound; the close is at 1.40."""
    it = firm(
        prices=[(D0, "L", 11.0, "GBP"), (D1, "L", 12.0, "GBP")],
        rates=[(D0, "GBP", "USD", 1.30), (D1, "GBP", "USD", 1.40)],
        positions=[(D0, "P", "L", 150.0), (D1, "P", "L", 30.0)],
        cash=[(D0, "P", "GBP", 0.0, 0.0), (D1, "P", "GBP", 1494.0, 75.0)],
        acts=[act("L", "GBP", traded_quantity=-120.0, consideration=1500.0, fees=-6.0, income=75.0)],
    )
    lots = [
        (D0, "P", "L", "L1", 100.0, 1000.0, "GBP", 1250.0),
        (D0, "P", "L", "L2", 50.0, 600.0, "GBP", 720.0),
        (D1, "P", "L", "L2", 30.0, 360.0, "GBP", 432.0),
    ]
    positions = [
        (D0, "P", "L", 150.0, 1600.0, "GBP", 1970.0, 50.0, 175.0),
        (D1, "P", "L", 30.0, 360.0, "GBP", 432.0, 0.0, 72.0),
    ]
    base = [1245.0 * rate - 1250.0, 249.0 * rate - 288.0]
    realised = [
        (D1, "P", "L", "S", "L1", 100.0, base[0], 245.0 * rate, base[0] - 245.0 * rate),
        (D1, "P", "L", "S", "L2", 20.0, base[1], 9.0 * rate, base[1] - 9.0 * rate),
    ]
    return it, lots, positions, realised


def test_a_sale_abroad_by_lot_and_by_cause():
    found, steps = of_lots(*sold_abroad(1.40))
    assert found[["lot", "quantity", *PARTS]].to_numpy().tolist() == [
        # 245 x 1.4, the rest of 1743 - 1250; 100 x 1.3 and 1430 - 1250 - 130 are gone
        ["L1", 0.0, 343.0, 150.0, -130.0, -50.0, 70.0, 383.0],
        # 9 x 1.4, the rest of 348.6 - 288; 0 after -65, 504 - 432 after 60
        ["L2", 30.0, 12.6, 48.0, 65.0, 12.0, 35.0, 172.6],
    ]
    assert steps[STEPS].to_numpy().tolist() == [[2145.0, 0.0, 459.0, 105.0, -8.4, 2700.6]]
    # 150 x 1 x 1.4 + 1650 x 0.1; 120 x 0.5 x 1.4. Gains of lots are after the fee of the sale: 459 - 8.4.
    assert steps[WAYS].to_numpy().tolist() == [[355.6, 198.0, -65.0, -38.0, 375.0, 84.0, 0.0]]


def test_a_sale_at_another_rate_than_the_close_leaves_a_gain_that_is_of_cash():
    _, steps = of_lots(*sold_abroad(1.38))
    assert steps["gains"].tolist() == [459.0]
    assert steps["outside_lots"].tolist() == [pytest.approx(1494.0 * 0.02, abs=1e-6)]


def test_a_dividend_is_carry_and_in_cash_and_no_gain():
    it = firm(
        prices=[(D0, "A", 10.0, "USD"), (D1, "A", 9.5, "USD")],
        positions=[(D0, "P", "A", 100.0), (D1, "P", "A", 100.0)],
        cash=[(D0, "P", "USD", 0.0, 0.0), (D1, "P", "USD", 0.0, 50.0)],
        acts=[act("A", "USD", income=50.0)],
    )
    lots = [(d, "P", "A", "T", 100.0, 800.0, "USD", 800.0) for d in (D0, D1)]
    positions = [
        (D0, "P", "A", 100.0, 800.0, "USD", 800.0, 200.0, 200.0),
        (D1, "P", "A", 100.0, 800.0, "USD", 800.0, 150.0, 150.0),
    ]
    found, steps = of_lots(it, lots, positions, [])
    assert steps[STEPS].to_numpy().tolist() == [[1000.0, 0.0, -50.0, 50.0, 0.0, 1000.0]]
    assert found[PARTS].to_numpy().tolist() == [[0.0, 0.0, -50.0, 0.0, 50.0, 0.0]]
    assert it.valuations(sessions(D1)).set_index("instrument")["market_value"].to_dict() == {"A": 950.0, "CASH:USD": 50}


def test_a_short_that_is_covered_in_part_and_shares_that_come_in():
    it = firm(
        prices=[(D0, "A", 20.0, "USD"), (D1, "A", 18.0, "USD"), (D1, "M", 3.0, "USD")],
        positions=[(D0, "P", "A", -50.0), (D1, "P", "A", -20.0), (D1, "P", "M", 4.0)],
        cash=[(D0, "P", "USD", 2000.0, 0.0), (D1, "P", "USD", 1427.0, 0.0)],
        acts=[
            act("A", "USD", traded_quantity=30.0, consideration=-570.0, fees=-3.0),
            act("M", "USD", transferred_quantity=4.0),
        ],
    )
    lots = [
        (D0, "P", "A", "T", -50.0, -1050.0, "USD", -1050.0),
        (D1, "P", "A", "T", -20.0, -420.0, "USD", -420.0),
        (D1, "P", "M", "IN", 4.0, 100.0, "USD", 100.0),
    ]
    positions = [
        (D0, "P", "A", -50.0, -1050.0, "USD", -1050.0, 50.0, 50.0),
        (D1, "P", "A", -20.0, -420.0, "USD", -420.0, 60.0, 60.0),
        (D1, "P", "M", 4.0, 100.0, "USD", 100.0, 20.0, 20.0),
    ]
    found, steps = of_lots(it, lots, positions, [(D1, "P", "A", "B", "T", 30.0, 57.0, 57.0, 0.0)])
    assert found[["lot", "total"]].to_numpy().tolist() == [["T", 57.0 + 10.0], ["IN", 20.0]]
    # 50 x 2 held, 30 x (18 - 19) traded; the 20 that came in with the transfer are a flow of 120 and no gain
    assert steps[STEPS].to_numpy().tolist() == [[1000.0, 120.0, 70.0, 0.0, -3.0, 1187.0]]
    assert steps[["holding", "trading_pnl", "outside_lots"]].to_numpy().tolist() == [[100.0, -30.0, -20.0]]


def test_books_of_one_pool_share_its_value_by_lots():
    it = firm(
        prices=[(D0, "A", 10.0, "USD"), (D1, "A", 11.0, "USD")],
        positions=[(d, b, "A", q) for d in (D0, D1) for b, q in (("P", 30.0), ("Q", 70.0))],
        books=[("P", "USD", "XNYS"), ("Q", "USD", "XNYS")],
    )
    books = it.books.assign(lot_pool="strategy", strategy="income")
    lots = [(d, "P", "A", "pool", 100.0, 900.0, "USD", 900.0) for d in (D0, D1)]
    positions = [
        (d, b, "A", q, 9.0 * q, "USD", 9.0 * q, gain * q, gain * q)
        for d, gain in ((D0, 1.0), (D1, 2.0))
        for b, q in (("P", 30.0), ("Q", 70.0))
    ]
    found, _ = of_lots(it, lots, positions, [], books)
    assert found[["book", "lot", "unrealised_market"]].to_numpy().tolist() == [["P", "pool", 100.0]]
    bent = found.assign(total=found["total"] + 0.01)
    gaps = lot_pnl.identity_gaps(
        bent, frame("realised", REALISED), frame("positions", POSITIONS, *positions), it.valuations(), it.nav(), books,
        it.instruments, sessions(D1),
    )  # fmt: skip
    assert gaps[["book", "instrument", "gap"]].to_numpy().tolist() == [["P", "A", 0.01]]


def test_the_largest_lot_takes_what_rounding_leaves():
    it = firm(
        prices=[(D0, "A", 1.0, "USD"), (D1, "A", 1.0000013, "USD")],
        positions=[(d, "P", "A", 3.1) for d in (D0, D1)],
    )
    lots = [
        (d, "P", "A", lot, quantity, quantity, "USD", quantity)
        for d in (D0, D1)
        for lot, quantity in (("T1", 1.0), ("T2", 1.1), ("T3", 1.0))
    ]
    positions = [
        (D0, "P", "A", 3.1, 3.1, "USD", 3.1, 0.0, 0.0),
        (D1, "P", "A", 3.1, 3.1, "USD", 3.1, 0.000004, 0.000004),
    ]
    found, _ = of_lots(it, lots, positions, [])
    assert found["total"].tolist() == [1e-6, 2e-6, 1e-6]


def test_a_value_that_is_not_known_is_missing_and_not_zero():
    it, lots, positions, realised = sold_abroad(1.40)
    found = lot_pnl.lot_pnl(
        frame("lots", LOTS, *lots), frame("realised", REALISED, *realised), frame("positions", POSITIONS, *positions),
        it.valuations().assign(market_value=np.nan, market_value_base=np.nan), it.pnl(sessions(D1)), it.nav(), it.rates,
        it.books, it.instruments, sessions(D1),
    )  # fmt: skip
    assert found["total"].isna().all()
    steps = bridge.nav_bridge(it.nav(), it.pnl(sessions(D1)), found, it.books, sessions(D1))
    assert steps[["unrealised_market", "outside_lots"]].isna().all(axis=None)
    assert steps["gap"].tolist() == [0.0]


def test_steps_that_do_not_add_up_are_named():
    _, steps = of_lots(*sold_abroad(1.40))
    bent = bridge.identity_gaps(steps.assign(gap=-1e-6, trading_pnl=84.01))
    assert bent[["book", "gap"]].to_numpy().tolist() == [["P", -1e-6], ["P", -0.01]]
    assert bent["reason"].str.contains("closing NAV|do not add up to gains").all()


def test_no_bridge_from_a_nav_that_is_not_known():
    it = firm(
        prices=[(D1, "A", 10.0, "USD")],
        positions=[(D0, "P", "A", 1.0), (D1, "P", "A", 1.0)],
    )
    today, nothing = sessions(D1), frame("lot_pnl", "book")
    assert it.nav()["status"].tolist() == ["failed", "ok"]
    assert bridge.nav_bridge(it.nav(), it.pnl(today), nothing, it.books, today).empty


def test_books_add_up_by_strategy_and_never_across_currencies():
    it = firm(
        prices=[(D0, "A", 10.0, "USD"), (D1, "A", 11.0, "USD")],
        rates=[(d, "EUR", "USD", 1.25) for d in (D0, D1)],
        positions=[(d, b, "A", q) for d in (D0, D1) for b, q in (("P", 10.0), ("Q", 20.0), ("R", 30.0), ("S", 5.0))],
        books=[("P", "USD", "XNYS"), ("Q", "USD", "XNYS"), ("R", "EUR", "XNYS"), ("S", "USD", "XNYS")],
    )
    rows = it.pnl(sessions(D1))
    books = it.books.assign(strategy=["income", "income", "income", ""], entity=["E", "G", "E", "E"])
    sums = {
        by: bridge.aggregated(rows, books, by).drop(columns="business_date").set_index("base_currency")
        for by in ("book", "strategy", "entity", "firm")
    }
    assert sums["strategy"].set_index("strategy", append=True)["total"].to_dict() == {
        ("USD", "income"): 30.0, ("EUR", "income"): 24.0, ("USD", "S"): 5.0,
    }  # fmt: skip
    assert sums["entity"].set_index("entity", append=True)["books"].to_dict() == {
        ("USD", "E"): 2, ("EUR", "E"): 1, ("USD", "G"): 1,
    }  # fmt: skip
    assert sums["firm"]["price_pnl"].to_dict() == {"EUR": 24.0, "USD": 35.0}
    assert sums["book"].set_index("book", append=True)["total"].to_dict()["EUR", "R"] == 24.0


def test_a_range_gives_the_rows_of_single_sessions():
    it, lots, positions, realised = sold_abroad(1.40)
    both = [
        frame("lots", LOTS, *lots),
        frame("realised", REALISED, *realised),
        frame("positions", POSITIONS, *positions),
    ]
    nav, days = it.nav(), it.days
    ranged = lot_pnl.lot_pnl(*both, it.valuations(), it.pnl(), nav, it.rates, it.books, it.instruments, days)
    single = [
        lot_pnl.lot_pnl(
            *both, it.valuations(), it.pnl(sessions(day)), nav, it.rates, it.books, it.instruments, sessions(day)
        )
        for day in (D0, D1)
    ]
    pd.testing.assert_frame_equal(ranged, pd.concat(single, ignore_index=True), check_exact=True)
    assert pnl.identity_gaps(nav, it.pnl(), it.books, days)["book"].tolist() == [
        "P"
    ]  # the lots of D0 came from nowhere
