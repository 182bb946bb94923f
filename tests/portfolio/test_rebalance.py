"""Sizing orders: numbers worked by hand, and what must hold for any targets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daybook.portfolio.rebalance import proposed_orders
from daybook.trading import costs

DAY = pd.Timestamp("2020-01-31")


def frame(rows: dict, dated: bool = True) -> pd.DataFrame:
    made = pd.DataFrame(rows)
    texts = made.columns.intersection(["book", "instrument", "currency", "asset_class"])
    made[texts] = made[texts].astype("str")
    if dated:
        made.insert(0, "business_date", np.repeat(DAY.to_datetime64().astype("datetime64[us]"), len(made)))
    return made


class Firm:
    """One book in USD with a NAV of 100,000, and instruments at prices that make weights easy to read."""

    def __init__(self, cash=50_000.0, nav=100_000.0, shorts=False, lots=(1, 1, 10), rate=1.25):
        self.nav, self.shorts, self.lots, self.rate, self.cash = nav, shorts, lots, rate, {"USD": cash}
        self.targets, self.holdings, self.open, self.accrued = {}, {}, {}, {}
        self.classes = ["equity"] * 3

    def propose(self):
        names = ["A", "B", "E"]
        valid = np.repeat(np.datetime64("2010-01-01", "us"), 3)
        orders, failures = proposed_orders(
            targets=frame({"book": "X", "instrument": list(self.targets), "target_weight": self.targets.values()}),
            valuations=frame(
                {
                    "book": "X",
                    "instrument": list(self.holdings),
                    "quantity": self.holdings.values(),
                    "accrued_interest": [self.accrued.get(name, 0.0) for name in self.holdings],
                }
            ),
            nav=frame({"book": ["X"], "nav": self.nav}),
            cash=frame({"book": "X", "currency": list(self.cash), "balance": self.cash.values()}),
            prices=frame({"instrument": names, "close": [100.0, 50.0, 8.0], "currency": ["USD", "USD", "EUR"]}),
            fx_rates=frame({"base": ["EUR"], "quote": "USD", "rate": self.rate, "status": "ok"}),
            instruments=frame(
                {
                    "instrument": names,
                    "asset_class": self.classes,
                    "multiplier": 1.0,
                    "lot_size": self.lots,
                    "valid_from": valid,
                },
                dated=False,
            ),
            books=frame({"book": ["X"], "base_currency": "USD", "shorts": self.shorts, "valid_from": valid[:1]}, False),
            open_orders=frame(
                {"book": "X", "instrument": list(self.open), "quantity": list(self.open.values())}, dated=False
            ),
            session=DAY,
        )
        return orders.set_index("instrument"), failures


def test_a_buy_is_rounded_down_and_a_sell_up_and_each_says_why():
    firm = Firm()
    firm.targets = {"A": 0.06123, "B": 0.10}
    firm.holdings = {"A": 20.0, "B": 220.4}
    orders, failures = firm.propose()
    # A: 0.06123 x 100,000 / 100 = 61.23 wanted, 20 held. B: 200 wanted, 220.4 held: 20.4 more than wanted.
    assert orders["side"].to_dict() == {"A": "buy", "B": "sell"}
    assert orders["quantity"].to_dict() == {"A": 41.0, "B": 21.0}
    assert orders["reference_price"].to_dict() == {"A": 100.0, "B": 50.0}
    assert orders.loc["A", "reason"] == "target 6.12 %, holds 2.00 %"
    assert orders.loc["B", "reason"] == "target 10.00 %, holds 11.02 %"
    assert failures.empty


def test_a_foreign_price_is_turned_into_the_base_currency_and_lots_are_whole():
    firm = Firm()
    firm.cash["EUR"] = 10_000.0
    firm.targets = {"E": 0.10}
    # 10,000 USD / (8 EUR x 1.25) = 1,000 units; 997 held, in lots of 10: 3 units are no lot.
    firm.holdings = {"E": 900.0}
    assert firm.propose()[0]["quantity"].to_dict() == {"E": 100.0}
    firm.holdings = {"E": 907.0}
    assert firm.propose()[0]["quantity"].to_dict() == {"E": 90.0}


def test_a_bond_is_sized_by_its_price_per_100_and_what_has_accrued():
    firm = Firm()
    firm.classes = ["bond", "equity", "equity"]
    # 20,000 held at 100 clean with 500 accrued are worth 20,500, 1.025 each: 41,000 is 40,000 of them.
    firm.targets, firm.holdings, firm.accrued = {"A": 0.41}, {"A": 20_000.0}, {"A": 500.0}
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 20_000.0}
    # None is held: 41,000 at the clean price.
    firm.holdings = {}
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 41_000.0}


def test_foreign_names_are_paid_with_their_own_currency():
    firm = Firm()
    firm.cash["EUR"] = 405.0
    firm.targets = {"E": 0.10}
    orders, _ = firm.propose()
    # 50 units cost 400 EUR, and fees of at most 1.01 + 0.06.
    assert orders["quantity"].to_dict() == {"E": 50.0}
    assert orders.loc["E", "reason"] == "target 10.00 %, holds 0.00 %, cut to the cash in EUR"


def test_open_orders_count_as_done():
    firm = Firm()
    firm.targets, firm.holdings, firm.open = {"A": 0.10}, {"A": 40.0}, {"A": 35.0}
    orders, _ = firm.propose()
    assert orders["quantity"].to_dict() == {"A": 25.0}
    assert orders.loc["A", "reason"] == "target 10.00 %, holds 4.00 %, open orders 3.50 %"


def test_an_open_order_without_a_target_is_not_undone_by_a_short():
    firm = Firm(shorts=True)
    firm.targets, firm.open = {"A": 0.10}, {"B": 100.0}
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 100.0}


def test_sells_stop_at_the_holding_less_what_is_on_sale():
    firm = Firm()
    firm.targets, firm.holdings, firm.open = {"A": 0.0}, {"A": 40.5}, {"A": -15.0}
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 25.0}


def test_from_long_to_short_only_the_position_is_closed():
    firm = Firm(shorts=True)
    firm.targets, firm.holdings = {"A": -0.10}, {"A": 30.0}
    orders, _ = firm.propose()
    assert orders[["side", "quantity"]].to_numpy().tolist() == [["sell", 30.0]]
    firm.holdings = {}
    orders, _ = firm.propose()
    assert orders[["side", "quantity"]].to_numpy().tolist() == [["sell_short", 100.0]]
    firm.shorts = False
    assert firm.propose()[0].empty


def test_from_short_to_long_only_the_position_is_closed():
    firm = Firm(shorts=True)
    firm.targets, firm.holdings = {"A": 0.10}, {"A": -30.0}
    orders, _ = firm.propose()
    assert orders[["side", "quantity"]].to_numpy().tolist() == [["buy_to_cover", 30.0]]


def test_dust_is_left_but_a_position_without_target_is_closed():
    firm = Firm(lots=(0.01, 0.01, 10))
    # 5 bp of 100,000 is 50: A is off by 49, B by 50.
    firm.targets, firm.holdings = {"A": 0.02, "B": 0.02}, {"A": 19.51, "B": 39.0}
    assert firm.propose()[0]["quantity"].to_dict() == {"B": 1.0}
    firm.targets, firm.holdings = {"A": 0.0}, {"A": 0.10}
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 0.10}
    # Not where it costs more than it brings.
    firm.holdings = {"A": 0.01}
    assert firm.propose()[0].empty


def test_buys_are_cut_to_cash_in_proportion_and_last_lots_by_largest_remainder():
    firm = Firm(cash=3_100.0)
    firm.targets = {"A": 0.02, "B": 0.04}
    # 2,000 and 4,000 wanted, 3,100 there: less fees half of each, 10.3 and 41.3 lots. One more A (remainder 0.33)
    # would need 100, 50 of B is affordable only if it is first: 1,000 + 2,050 = 3,050 + fees < 3,100.
    orders, _ = firm.propose()
    spent = orders["quantity"] @ orders["reference_price"]
    assert orders["quantity"].to_dict() == {"A": 10.0, "B": 41.0}
    assert spent == 3_050.0
    assert orders["reason"].str.endswith("cut to the cash in USD").all()


def test_the_largest_remainder_gets_the_last_lot():
    firm = Firm(cash=3_103.0)
    firm.targets = {"A": 0.01, "B": 0.0475}
    # 10 A and 95 B are 5,750: the share is (3,103 - 2.02) / 5,750.8625 = 0.53921, so 5.39 A and 51.22 B.
    # 5 A and 51 B cost 3,050 + fees 2.4775: 50.52 is left for A (100.015) first, then B (50.0075): none fits A.
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 5.0, "B": 51.0}
    firm.targets = {"B": 0.0475, "A": 0.0103}
    firm.cash = {"USD": 3_153.0}
    # 10 A again; 3,153: share 0.54790, so 5.48 A and 52.05 B; 5 A and 52 B leave 50.47: not enough for an A.
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 5.0, "B": 52.0}
    firm.cash = {"USD": 3_203.0}
    # Share 0.55659: 5.57 A and 52.88 B. B has the largest remainder and its lot costs 50.0075 of the 100.47 left.
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 5.0, "B": 53.0}


def test_sells_pay_for_buys_and_an_overdraft_does_not_grow():
    firm = Firm(cash=0.0)
    firm.targets, firm.holdings = {"A": 0.10, "B": 0.0}, {"B": 100.0}
    # 5,000 come in less at most 1.76; 49 A cost 4,900 and at most 1.745.
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 49.0, "B": 100.0}
    firm.cash = {"USD": -2_000.0}
    assert firm.propose()[0]["quantity"].to_dict() == {"A": 49.0, "B": 100.0}
    firm.targets, firm.holdings = {"A": 0.10}, {}
    assert firm.propose()[0].empty


def test_a_book_that_cannot_be_sized_gets_no_order_and_is_named():
    firm = Firm(rate=np.nan)
    firm.targets = {"A": 0.1, "E": 0.1}
    orders, failures = firm.propose()
    assert orders.empty
    assert failures.to_numpy().tolist() == [["X", "there is no rate from EUR into USD"]]
    firm.targets = {"A": 0.1, "Z": 0.1}
    orders, failures = firm.propose()
    assert orders.empty
    assert failures["reason"].tolist() == ["there is no price above 0 for Z"]
    firm = Firm(nav=np.nan)
    firm.targets = {"A": 0.1}
    assert firm.propose()[1]["reason"].tolist() == ["its NAV is not above 0"]


def test_no_targets_no_orders():
    orders, failures = Firm().propose()
    assert orders.empty
    assert failures.empty


weight = st.floats(-0.3, 1.0)
units = st.floats(-500, 2_000).map(lambda x: round(x, 2))


@given(
    targets=st.fixed_dictionaries({"A": weight, "B": weight, "E": weight}),
    holdings=st.fixed_dictionaries({"A": units, "B": units, "E": units}),
    pending=st.fixed_dictionaries({"A": st.integers(-50, 50), "B": st.integers(-50, 50)}),
    cash=st.floats(-10_000, 100_000),
    euros=st.floats(-1_000, 50_000),
    lots=st.tuples(*[st.sampled_from([0.001, 1, 7, 100])] * 3),
    shorts=st.booleans(),
)
def test_whatever_the_targets_cash_and_holdings_are_kept(targets, holdings, pending, cash, euros, lots, shorts):
    firm = Firm(cash=cash, shorts=shorts, lots=lots)
    if not shorts:
        holdings = {name: abs(value) for name, value in holdings.items()}
    firm.targets, firm.holdings, firm.open, firm.cash["EUR"] = targets, holdings, pending, euros
    orders, _ = firm.propose()
    signed = orders["quantity"].where(orders["side"].isin(["buy", "buy_to_cover"]), -orders["quantity"])
    fixed, rate = costs.bound()

    def spent(quantities, price):
        return quantities * price + (fixed + rate * abs(quantities * price) if quantities else 0.0)

    after, before = {}, {}
    for name, price, currency, lot in zip("ABE", (100.0, 50.0, 8.0), ("USD", "USD", "EUR"), lots, strict=True):
        trade, held, waiting = signed.get(name, 0.0), holdings[name], pending.get(name, 0)
        assert abs(trade / lot - round(trade / lot)) < 1e-6
        if trade < 0 and held > 0:
            assert orders.loc[name, "side"] == "sell"
            assert held + trade + min(waiting, 0) > -1e-7
        elif trade < 0:
            assert shorts
            assert orders.loc[name, "side"] == "sell_short"
        if trade > 0 and held < 0:
            assert orders.loc[name, "side"] == "buy_to_cover"
            assert held + trade + max(waiting, 0) < 1e-7
        before[currency] = before.get(currency, firm.cash[currency]) - spent(waiting, price)
        after[currency] = after.get(currency, firm.cash[currency]) - spent(waiting, price) - spent(trade, price)
    for currency in after:
        assert after[currency] >= min(0.0, before[currency]) - 1e-6


@given(st.decimals(min_value="0.01", max_value="1e9", places=2))
def test_fees_never_exceed_their_bound(value):
    fixed, rate = costs.bound()
    assert float(costs.fees(value)) <= fixed + rate * float(value) + 1e-9


def test_fees_by_hand():
    from decimal import Decimal

    # 10,000: commission 0.50, so the minimum of 1.00, and 1.00 of half spread; 100,000: 5.00 and 10.00.
    assert costs.fees(Decimal(10_000)) == Decimal("2.00")
    assert costs.fees(Decimal(100_000)) == Decimal("15.00")
    assert costs.bound() == (pytest.approx(1.01), pytest.approx(0.00015))
