"""A small firm over six sessions, every figure worked by hand from the contract's conventions."""

import pytest

from tests.contract.conftest import BOOKS, INSTRUMENTS

PRICES = {
    "2022-12-19": (10.00, 20.00),
    "2022-12-20": (10.50, 19.00),
    "2022-12-21": (11.00, 19.50),
    "2022-12-22": (5.60, 19.25),  # AAA split 2 for 1
    "2022-12-23": (5.40, 19.75),  # AAA dividend 0.10, paid on the 28th, 15 % withheld
    "2022-12-27": (5.50, 18.00),
    "2022-12-28": (5.75, 18.50),
}
EURUSD = {
    "2022-12-19": 1.06, "2022-12-20": 1.0625, "2022-12-21": 1.0610, "2022-12-22": 1.0600,
    "2022-12-23": 1.0620, "2022-12-27": 1.0650, "2022-12-28": 1.0640,
}  # fmt: skip


@pytest.fixture(scope="module")
def closed(installation):
    """The whole week, closed at once on the 28th."""
    reference = installation()
    reference.put("books_2022-12-19.csv", BOOKS)
    reference.put("instruments_2022-12-19.csv", INSTRUMENTS)
    for date, (aaa, bbb) in PRICES.items():
        reference.put(
            f"prices_{date}.csv",
            f"business_date,instrument,close,currency\n{date},AAA,{aaa},USD\n{date},BBB,{bbb},USD",
        )
        reference.put(f"fx_rates_{date}.csv", f"business_date,base,quote,rate\n{date},EUR,USD,{EURUSD[date]}")
    reference.put(
        "corporate_actions_2022-12-19.csv",
        """action_id,instrument,kind,ex_date,pay_date,numerator,denominator,amount,currency,withholding_rate
        S1,AAA,split,2022-12-22,,2,1,,,
        D1,AAA,cash_dividend,2022-12-23,2022-12-28,,,0.10,USD,0.15""",
    )
    reference.put(
        "transactions_2022-12-28.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,price,currency,fees,taxes,fx_rate
        T1,ALPHA,,deposit,2022-12-19,100000,,USD,,,
        T2,ALPHA,AAA,buy,2022-12-19,1000,10.00,USD,5,,
        T3,ALPHA,AAA,buy,2022-12-20,500,10.40,USD,5,,
        T4,ALPHA,AAA,sell,2022-12-21,1200,11.10,USD,6,,
        T5,ALPHA,,fee,2022-12-27,25,,USD,,,
        T6,ALPHA,,withdrawal,2022-12-28,1000,,USD,,,
        E1,EURO,,deposit,2022-12-19,50000,,EUR,,,
        E2,EURO,CASH:USD,fx,2022-12-20,10625,0.9420,EUR,,,
        E3,EURO,BBB,buy,2022-12-20,100,19.10,USD,2,,
        E4,EURO,BBB,sell,2022-12-22,150,19.30,USD,3,,""",
    )
    reference.eod("2022-12-28")
    return reference


def test_nav_and_cash(closed):
    first = closed.row("nav", "2022-12-19", book="ALPHA")
    # 1000 x 10.00 bought at 10 005: 100 000 - 5.
    assert (first["nav"], first["market_value"], first["cash"], first["flows"]) == (99995, 10000, 89995, 100000)
    second = closed.row("cash", "2022-12-20", book="ALPHA", currency="USD")
    assert (second["settled"], second["unsettled"], second["balance"]) == (100000, -15210, 84790)
    third = closed.row("cash", "2022-12-21", book="ALPHA", currency="USD")
    # T2 settles on the 21st (T+2); T3 and T4 do not.
    assert (third["settled"], third["balance"]) == (89995, 84790 + 13320 - 6)


def test_lots_realised_and_the_split(closed):
    realised = closed.show("realised", "2022-12-21").set_index("lot")
    assert list(realised.index) == ["T2", "T3"]
    # Proceeds 13 314 by quantity: 11 095 and 2 219; cost of 200 of the 500 of T3: 2 082.
    assert realised.loc["T2", "gain"] == pytest.approx(11095 - 10005, abs=1e-9)
    assert realised.loc["T3", "gain"] == pytest.approx(2219 - 2082, abs=1e-9)
    lot = closed.row("lots", "2022-12-22", book="ALPHA", instrument="AAA")
    assert (lot["lot"], lot["quantity"], lot["cost"], lot["unit_cost"]) == ("T3", 600, 3123, 5.205)
    position = closed.row("positions", "2022-12-22", book="ALPHA", instrument="AAA")
    # -1200 old shares are unsettled until the 23rd, 500 bought settle on the 22nd.
    assert (position["quantity"], position["settled_quantity"]) == (600, 3000)


def test_the_dividend_accrues_on_ex_date_and_is_cash_on_pay_date(closed):
    ex = closed.row("cash", "2022-12-23", book="ALPHA", currency="USD")
    assert ex["accrued"] == 51  # 600 x 0.10 less 15 %
    income = closed.row("pnl", "2022-12-23", book="ALPHA", instrument="AAA")
    assert (income["income"], income["price_pnl"], income["total"]) == (51, -120, -69)
    before, paid = (closed.row("cash", day, book="ALPHA", currency="USD") for day in ("2022-12-27", "2022-12-28"))
    assert (before["accrued"], paid["accrued"]) == (51, 0)
    assert paid["settled"] - before["settled"] == 51 - 1000


def test_the_change_of_nav_is_pnl_and_flows_in_every_session(closed):
    nav, pnl = closed.show("nav"), closed.show("pnl")
    assert (nav["status"] == "ok").all()
    totals = pnl.groupby(["book", "business_date"])["total"].sum()
    for book, rows in nav.groupby("book"):
        opening = 0.0
        for row in rows.sort_values("business_date").itertuples():
            change = round(row.nav - opening, 6)
            assert change == pytest.approx(round(totals[book, row.business_date] + row.flows, 6), abs=1e-9)
            opening = row.nav


def test_pnl_of_the_split_day_and_of_trades(closed):
    split = closed.row("pnl", "2022-12-22", book="ALPHA", instrument="AAA")
    assert split["price_pnl"] == pytest.approx(600 * (5.60 - 5.50), abs=1e-6)
    trades = closed.row("pnl", "2022-12-21", book="ALPHA", instrument="AAA")
    assert trades["price_pnl"] == pytest.approx(1500 * 0.5, abs=1e-6)
    assert trades["trading_pnl"] == pytest.approx(-1200 * (11.00 - 11.10), abs=1e-6)
    assert trades["fees"] == -6
    assert closed.row("pnl", "2022-12-27", book="ALPHA", instrument="CASH:USD")["fees"] == -25


def test_a_foreign_book_with_an_fx_trade_and_a_short(closed):
    usd = closed.row("valuations", "2022-12-20", book="EURO", instrument="CASH:USD")
    assert usd["quantity"] == pytest.approx(10625 - 1912)
    assert usd["market_value_base"] == pytest.approx((10625 - 1912) / 1.0625, abs=1e-6)
    bought = closed.row("pnl", "2022-12-20", book="EURO", instrument="CASH:USD")
    assert bought["trading_pnl"] == pytest.approx(10625 / 1.0625 - 10625 * 0.942, abs=1e-6)
    short = closed.row("lots", "2022-12-22", book="EURO", instrument="BBB")
    # 50 of the 150 sold open a short: 50 x 19.30 less 50/150 of the fee of 3.
    assert (short["lot"], short["quantity"], short["cost"]) == ("E4", -50, -(50 * 19.30 - 1))
    realised = closed.row("realised", "2022-12-22", book="EURO", instrument="BBB")
    assert realised["gain"] == pytest.approx((100 * 19.30 - 2) - 1912, abs=1e-6)
    local_gain = (1930 - 2) - 1912
    assert realised["market_gain_base"] == pytest.approx(local_gain / 1.06, abs=2e-6)
    assert realised["gain_base"] == pytest.approx((1930 - 2) / 1.06 - 1912 / 1.0625, abs=2e-6)


def test_returns(closed):
    day = closed.row("performance", "2022-12-27", book="ALPHA")
    nav = closed.show("nav").set_index(["business_date", "book"])["nav"]
    opening = nav["2022-12-23", "ALPHA"]
    assert day["daily_return"] == pytest.approx((600 * 0.1 - 25) / opening, abs=1e-11)
    assert day["gross_return"] == pytest.approx(600 * 0.1 / opening, abs=1e-11)
    out = closed.row("performance", "2022-12-28", book="ALPHA")
    # The withdrawal counts at the end of the day: it does not change the denominator.
    assert out["denominator"] == nav["2022-12-27", "ALPHA"]
    assert out["daily_return"] == pytest.approx(600 * 0.25 / nav["2022-12-27", "ALPHA"], abs=1e-11)


@pytest.mark.soak  # tests/orchestration/test_rebuild.py computes every session again and finds nothing to write
def test_a_second_time_changes_nothing(closed):
    tables = ["prices", "lots", "positions", "cash", "valuations", "nav", "pnl", "performance", "var", "findings"]
    before = closed.versions(*tables)
    closed.eod("2022-12-28")
    assert closed.versions(*tables) == before


def test_a_late_trade_rederives_everything_from_its_date(closed):
    closed.put(
        "transactions_2022-12-28_late.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,price,currency,fees
        L1,ALPHA,BBB,buy,2022-12-21,100,19.40,USD,1""",
    )
    untouched = closed.row("nav", "2022-12-20", book="ALPHA")["nav"]
    before = closed.row("nav", "2022-12-27", book="ALPHA")["nav"]
    closed.eod("2022-12-28")
    assert closed.row("nav", "2022-12-20", book="ALPHA")["nav"] == untouched
    assert closed.row("nav", "2022-12-27", book="ALPHA")["nav"] == pytest.approx(before + 1800 - 1941, abs=1e-6)
