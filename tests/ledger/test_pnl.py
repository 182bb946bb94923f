import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars
from daybook.ledger import pnl
from tests.frames import frame, sessions
from tests.ledger.books_by_hand import Firm, activity, firm

D0, D1 = "2020-01-02", "2020-01-03"
PARTS = ["price_pnl", "fx_pnl", "income", "trading_pnl", "fees", "total"]
NO_ACTIONS = frame("corporate_actions", "action_id")
NOTHING = frame("entitlements", "action_id")


def act(instrument: str, currency: str, **amounts) -> dict:
    return {"business_date": D1, "book": "P", "instrument": instrument, "currency": currency, **amounts}


def day(it: Firm) -> dict[str, list[float]]:
    """The parts of each row of the second day, after both identities were asked."""
    rows = it.pnl(sessions(D1))
    assert pnl.identity_gaps(it.nav(), rows, it.books, sessions(D1)).empty
    return {row["instrument"]: [row[part] for part in PARTS] for _, row in rows.iterrows()}


def test_a_foreign_share_held_and_bought_with_fees():
    it = firm(
        prices=[(D0, "L", 10.0, "GBP"), (D1, "L", 11.0, "GBP")],
        rates=[(D0, "GBP", "USD", 1.25), (D1, "GBP", "USD", 1.30)],
        positions=[(D0, "P", "L", 100.0), (D1, "P", "L", 120.0)],
        cash=[(D0, "P", "GBP", 400.0, 0.0), (D1, "P", "GBP", 187.0, 0.0)],
        acts=[act("L", "GBP", traded_quantity=20.0, consideration=-210.0, fees=-3.0)],
    )
    assert day(it) == {
        # 100 x 1 x 1.30, 1000 x 0.05, 20 x (11 - 10.5) x 1.30, -3 x 1.30
        "L": [130.0, 50.0, 0.0, 13.0, -3.9, 189.1],
        # 400 x 0.05; what was paid is valued at the close
        "CASH:GBP": [0.0, 20.0, 0.0, 0.0, 0.0, 20.0],
    }


def test_an_fx_trade_away_from_the_closing_rate_is_trading_pnl_of_the_currency_bought():
    it = firm(
        rates=[(D0, "EUR", "USD", 1.10), (D1, "EUR", "USD", 1.25)],
        cash=[
            (D0, "P", "EUR", 100.0, 0.0),
            (D0, "P", "USD", 5000.0, 0.0),
            (D1, "P", "EUR", 1100.0, 0.0),
            (D1, "P", "USD", 3798.0, 0.0),
        ],
        acts=[act("CASH:EUR", "USD", traded_quantity=1000.0, consideration=-1200.0, fees=-2.0)],
    )
    assert day(it) == {
        "CASH:EUR": [0.0, 15.0, 0.0, 50.0, -2.0, 63.0],
        "CASH:USD": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    }


def test_a_short_owes_the_dividend_on_the_ex_session():
    it = firm(
        prices=[(D0, "A", 20.0, "USD"), (D1, "A", 19.0, "USD")],
        positions=[(D0, "P", "A", -50.0), (D1, "P", "A", -50.0)],
        cash=[(D0, "P", "USD", 2000.0, 0.0), (D1, "P", "USD", 2000.0, -25.0)],
        acts=[act("A", "USD", income=-25.0)],
    )
    assert day(it) == {"A": [50.0, 0.0, -25.0, 0.0, 0.0, 25.0], "CASH:USD": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]}


def test_a_dividend_paid_is_no_second_income():
    it = firm(
        rates=[(D0, "EUR", "USD", 1.0), (D1, "EUR", "USD", 1.5)],
        cash=[(D0, "P", "EUR", 0.0, 80.0), (D1, "P", "EUR", 80.0, 0.0)],
    )
    assert day(it) == {"CASH:EUR": [0.0, 40.0, 0.0, 0.0, 0.0, 40.0]}


def test_a_split_with_a_trade_in_new_terms():
    it = firm(
        prices=[(D0, "A", 70.0, "USD"), (D1, "A", 11.0, "USD")],
        positions=[(D0, "P", "A", 10.0), (D1, "P", "A", 75.0)],
        cash=[(D0, "P", "USD", 100.0, 0.0), (D1, "P", "USD", 50.0, 0.0)],
        acts=[act("A", "USD", traded_quantity=5.0, consideration=-50.0)],
    )
    assert day(it)["A"] == [70.0, 0.0, 0.0, 5.0, 0.0, 75.0]
    split = frame(
        "corporate_actions",
        "action_id instrument kind ex_date numerator denominator",
        ("1", "A", "split", D1, 7.0, 1.0),
    )
    for corporate_actions, gaps in ((split, []), (NO_ACTIONS, [60.0])):
        found = pnl.roll_gaps(
            it.valuations(), it.activity, NOTHING, corporate_actions, it.books, it.nav(), sessions(D1)
        )
        assert found["gap"].tolist() == gaps
    assert found["reason"].tolist() == ["holds 75 where the session before and the day's activity give 15"]


def test_a_transfer_is_a_flow_and_no_profit():
    it = firm(
        prices=[(D0, "A", 10.0, "USD"), (D1, "A", 12.0, "USD"), (D0, "M", 3.0, "USD"), (D1, "M", 4.0, "USD")],
        positions=[(D0, "P", "A", 10.0), (D1, "P", "A", 40.0), (D0, "P", "M", 5.0)],
        acts=[
            act("A", "USD", transferred_quantity=30.0),
            act("M", "USD", transferred_quantity=-5.0),  # ten dollars a point: 5 x 10 x (4 - 3)
        ],
    )
    rows = day(it)
    assert (rows["A"], rows["M"]) == ([20.0, 0, 0, 0, 0, 20.0], [50.0, 0, 0, 0, 0, 50.0])
    assert it.nav().set_index("business_date").loc[D1, "flows"] == 360.0 - 200.0


def test_money_in_and_out_interest_fees_and_tax_in_a_foreign_cash_row():
    it = firm(
        rates=[(D0, "EUR", "USD", 1.0), (D1, "EUR", "USD", 1.5)],
        cash=[(D0, "P", "EUR", 100.0, 0.0), (D1, "P", "EUR", 147.0, 0.0)],
        acts=[act("CASH:EUR", "EUR", external=40.0, income=10.0, fees=-3.0)],
    )
    assert day(it) == {"CASH:EUR": [0.0, 50.0, 15.0, 0.0, -4.5, 60.5]}


def test_sold_out_bought_back_in_and_a_trade_paid_in_another_currency():
    it = firm(
        prices=[(D0, "A", 10.0, "USD"), (D1, "A", 12.0, "USD"), (D0, "L", 4.0, "GBP"), (D1, "L", 5.0, "GBP")],
        rates=[(D0, "GBP", "USD", 1.25), (D1, "GBP", "USD", 1.5)],
        positions=[(D0, "P", "A", 10.0), (D1, "P", "L", 2.0)],
        cash=[(D0, "P", "USD", 0.0, 0.0), (D1, "P", "USD", 99.0, 0.0)],
        acts=[
            act("A", "USD", traded_quantity=-10.0, consideration=110.0, fees=-1.0),
            act("L", "USD", traded_quantity=2.0, consideration=-10.0),
        ],
    )
    assert day(it) == {
        "A": [20.0, 0.0, 0.0, -10.0, -1.0, 9.0],
        "L": [0.0, 0.0, 0.0, 5.0, 0.0, 5.0],
        "CASH:USD": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    }


def test_the_first_session_starts_from_nothing():
    it = firm(
        prices=[(D1, "A", 12.0, "USD")],
        positions=[(D1, "P", "A", 10.0)],
        cash=[(D1, "P", "USD", 890.0, 0.0)],
        acts=[
            act("CASH:USD", "USD", external=1000.0),
            act("A", "USD", traded_quantity=10.0, consideration=-110.0),
        ],
    )
    assert day(it) == {"A": [0, 0, 0, 10.0, 0, 10.0], "CASH:USD": [0.0] * 6}


def test_no_pnl_of_a_failed_book_nor_on_the_day_after_and_others_go_on():
    days = sessions(D0, D1, "2020-01-06", "2020-01-07")
    it = firm(
        prices=[(d, "A", 10.0 + k, "USD") for k, d in enumerate(days)]
        + [(d, "L", 1.0, "USD") for d in days if str(d)[:10] != D1],
        positions=[(d, b, i, 1.0) for d in days for b, i in (("P", "A"), ("Q", "L"))],
        acts=[
            {**act(i, "USD", transferred_quantity=1.0), "book": b, "business_date": D0}
            for b, i in (("P", "A"), ("Q", "L"))
        ],
        books=[("P", "USD", "XNYS"), ("Q", "USD", "XNYS")],
    )
    rows = it.pnl()
    found = rows.groupby("book")["business_date"].apply(lambda dates: sorted({str(d)[:10] for d in dates})).to_dict()
    assert found == {"P": [str(d)[:10] for d in days], "Q": [D0, "2020-01-07"]}


def test_a_session_before_that_was_not_given_is_not_taken_for_nothing():
    it = firm(
        prices=[(D0, "A", 10.0, "USD"), (D1, "A", 11.0, "USD")],
        positions=[(D0, "P", "A", 10.0), (D1, "P", "A", 10.0)],
    )
    today = sessions(D1)
    rows = pnl.pnl(
        it.valuations(today), it.activity, NOTHING, it.prices, it.rates, it.books, it.instruments, it.nav(today), today
    )
    assert rows.empty
    assert pnl.identity_gaps(it.nav(today), rows, it.books, today)["gap"].tolist() == [110.0]


def test_the_session_before_is_that_of_the_books_calendar():
    days = ("2020-05-07", "2020-05-08", "2020-05-11")  # London is closed on the 8th
    it = firm(
        prices=[(d, "A", 10.0 * (k + 1), "USD") for k, d in enumerate(days)],
        positions=[(d, b, "A", 1.0) for d in days for b in "PQ"],
        books=[("P", "USD", "XNYS"), ("Q", "USD", "XLON")],
    )
    rows = it.pnl(sessions(*days[1:]))
    assert rows[["book", "price_pnl"]].to_numpy().tolist() == [["P", 10.0], ["P", 10.0], ["Q", 20.0]]


def test_what_does_not_add_up_is_named():
    it = firm(
        prices=[(D0, "A", 10.0, "USD"), (D1, "A", 11.0, "USD")],
        positions=[(D0, "P", "A", 10.0), (D1, "P", "A", 10.0)],
    )
    nav, rows = it.nav(), it.pnl(sessions(D1))
    bent = rows.assign(total=rows["total"] + 1e-6)
    gaps = pnl.identity_gaps(nav, bent, it.books, sessions(D1))
    assert gaps[["book", "gap", "reason"]].to_numpy().tolist() == [
        ["P", -1e-6, "NAV changed by -0.000001 more than P&L and flows explain"]
    ]
    lost = activity(act("A", "USD", traded_quantity=4.0, consideration=-44.0))
    found = pnl.roll_gaps(it.valuations(), lost, NOTHING, NO_ACTIONS, it.books, nav, sessions(D1))
    assert found[["instrument", "gap"]].to_numpy().tolist() == [["A", -4.0], ["CASH:USD", 44.0]]


def entitled(instrument: str, kind: str, net=0.0, new="", units=0.0, given=0.0, choice="", gross=0.0) -> tuple:
    return (D1, "P", instrument, kind, kind, choice, gross, net, new, units, given)


def rolls(it: Firm) -> None:
    gaps = pnl.roll_gaps(it.valuations(), it.activity, it.entitlements, NO_ACTIONS, it.books, it.nav(), sessions(D1))
    assert gaps.empty, gaps["reason"].tolist()


def test_a_spin_off_with_cash_in_lieu_is_no_loss_of_the_parent_and_no_gain_of_the_child():
    it = firm(
        prices=[(D0, "A", 50.0, "USD"), (D1, "A", 42.0, "USD"), (D1, "C", 38.0, "USD")],
        positions=[(D0, "P", "A", 102.0), (D1, "P", "A", 102.0), (D1, "P", "C", 20.0)],
        cash=[(D0, "P", "USD", 0.0, 0.0), (D1, "P", "USD", 0.0, 16.0)],
        acts=[act("A", "USD", consideration=16.0)],
        entitled=[entitled("A", "spin_off", net=16.0, new="C", units=20.0)],  # one for five, 0.4 of one at 40
    )
    # 102 x (42 - 50) + 20 x 38 + 16
    assert day(it) == {"A": [-40.0, 0, 0, 0, 0, -40.0], "C": [0.0] * 6, "CASH:USD": [0.0] * 6}
    rolls(it)
    lost = pnl.roll_gaps(it.valuations(), it.activity, NOTHING, NO_ACTIONS, it.books, it.nav(), sessions(D1))
    assert lost[["instrument", "gap"]].to_numpy().tolist() == [["C", 20.0]]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_merger_for_foreign_shares_and_cash_long_and_short(side):
    it = firm(
        prices=[(D0, "A", 30.0, "USD"), (D1, "A", 30.0, "USD"), (D1, "N", 40.0, "GBP")],
        rates=[(D0, "GBP", "USD", 1.20), (D1, "GBP", "USD", 1.25)],
        positions=[(D0, "P", "A", 100.0 * side), (D1, "P", "N", 60.0 * side)],
        cash=[(D0, "P", "USD", 9000.0, 0.0), (D1, "P", "USD", 8996.0 + 120.0 * side, 0.0)],
        acts=[
            act("A", "USD", consideration=600.0 * side),
            act("N", "USD", traded_quantity=10.0 * side, consideration=-480.0 * side, fees=-4.0),
        ],
        entitled=[entitled("A", "merger", net=600.0 * side, new="N", units=50.0 * side, given=100.0 * side)],
    )
    # 50 x 40 x 1.25 + 600 - 3000 on the old share; 10 bought at 480 USD and worth 500 on the new one.
    rows = day(it)
    assert rows["A"] == [100.0 * side, 0, 0, 0, 0, 100.0 * side]
    assert rows["N"] == [0, 0, 0, 20.0 * side, -4.0, 20.0 * side - 4.0]
    rolls(it)


def test_capital_that_comes_back_is_no_trade_and_units_paid_for_with_a_dividend_are_none():
    it = firm(
        prices=[(D0, "A", 50.0, "USD"), (D1, "A", 45.0, "USD"), (D0, "M", 5.0, "USD"), (D1, "M", 6.0, "USD")],
        positions=[(D0, "P", "A", 100.0), (D1, "P", "A", 101.0), (D0, "P", "M", 3.0), (D1, "P", "M", 5.0)],
        cash=[(D0, "P", "USD", 0.0, 110.0), (D1, "P", "USD", 500.0 - 50.0, 0.0)],
        acts=[
            act("A", "USD", consideration=500.0 - 50.0, traded_quantity=1.0),
            act("M", "USD", consideration=-110.0),
        ],
        entitled=[
            entitled("A", "return_of_capital", net=500.0),
            entitled("M", "cash_dividend", choice="stock", gross=110.0, units=2.0),
        ],
    )
    rows = day(it)
    assert rows["A"] == [0.0, 0, 0, -5.0, 0, -5.0]  # 100 x (45 - 50) + 500, and one bought at 50
    assert rows["M"] == [40.0, 0, 0, 0, 0, 40.0]  # 3 x 10 x (6 - 5), and 2 x 60 for 110
    rolls(it)


def test_an_exercise_leaves_the_gain_with_the_option():
    it = firm(
        prices=[(D0, "M", 8.0, "USD"), (D1, "M", 9.5, "USD"), (D0, "A", 55.0, "USD"), (D1, "A", 60.0, "USD")],
        positions=[(D0, "P", "M", 20.0), (D0, "P", "A", 10.0), (D1, "P", "A", 210.0)],
        cash=[(D0, "P", "USD", 0.0, 0.0), (D1, "P", "USD", -10_003.0, 0.0)],
        acts=[act("M", "USD", consideration=-10_000.0, fees=-3.0)],
        entitled=[entitled("M", "exercise", net=-10_000.0, new="A", units=200.0, given=20.0)],
    )
    # 200 x 60 - 10 000 - 20 x 10 x 8; the ten shares that were there gain 5 each
    assert day(it) == {
        "M": [400.0, 0, 0, 0, -3.0, 397.0],
        "A": [50.0, 0, 0, 0, 0, 50.0],
        "CASH:USD": [0.0] * 6,
    }
    rolls(it)


def test_a_future_gains_in_its_own_row_and_the_money_is_in_cash():
    it = firm(
        books=[("P", "EUR", "XNYS")],
        prices=[(D0, "F", 4000.0, "USD"), (D1, "F", 4010.0, "USD")],
        rates=[(D0, "USD", "EUR", 0.8), (D1, "USD", "EUR", 0.9)],
        positions=[(D0, "P", "F", 2.0), (D1, "P", "F", 3.0)],
        cash=[(D0, "P", "USD", 1000.0, 0.0), (D1, "P", "USD", 996.0, 1250.0)],
        acts=[act("F", "USD", traded_quantity=1.0, fees=-4.0, variation=1250.0)],  # one bought at 4005
    )
    assert day(it) == {
        "F": [900.0, 0, 0, 225.0, -3.6, 1121.4],  # 2 x 10 x 50 x 0.9, 5 x 50 x 0.9
        "CASH:USD": [0, 100.0, 0, 0, 0, 100.0],
    }
    rolls(it)


def test_no_rows_without_sessions_or_books():
    it = firm()
    assert it.pnl().empty
    assert it.nav().empty
    assert pnl.identity_gaps(it.nav(), it.pnl(), it.books, it.days).empty
    assert pnl.roll_gaps(it.valuations(), it.activity, NOTHING, NO_ACTIONS, it.books, it.nav(), it.days).empty


def simulated(seed: int, size: float, count: int = 7) -> tuple[Firm, pd.DataFrame]:
    """A firm of three books that trades at random in four currencies; money is kept exact, in whole 10^-6.

    Returns the firm and its splits.
    """
    rng = np.random.default_rng(seed)
    days = calendars.sessions("XNYS", "2020-04-30", "2020-06-30")[:count]
    money = {"A": "USD", "L": "GBP", "M": "USD", "J": "JPY"}
    per_unit = {"M": 10.0}
    books = [("P", "USD", "XNYS"), ("Q", "GBP", "XLON"), ("R", "JPY", "XNYS")]
    prices, rates, positions, cash, acts, splits, entitled = [], [], [], [], [], [], []
    price = dict(zip(money, rng.uniform(1, 200, len(money)), strict=True))
    rate = {"USD": 1.0, "GBP": 1.27, "JPY": 0.0091, "EUR": 1.1}
    held: dict = {}
    purse: dict = {}
    accrued: dict = {}
    for date in days:
        ratio = {name: float(rng.choice([2, 3, 0.5])) for name in money if rng.random() < 0.05}
        splits += [(f"{name}{date:%d}", name, "split", date, r * 2, 2.0) for name, r in ratio.items()]
        for name in money:
            price[name] *= rng.uniform(0.8, 1.25) / ratio.get(name, 1.0)
            prices.append((date, name, price[name], money[name]))
        for name in ("GBP", "JPY", "EUR"):
            rate[name] *= rng.uniform(0.95, 1.05)
            rates.append((date, name, "USD", rate[name]))
        for key in held:
            held[key] *= ratio.get(key[1], 1.0)
        for book, _, calendar in books:
            if not calendars.is_session(calendar, [date])[0]:
                # Splits move the holding all the same; nothing else happens on a day off.
                continue
            today: dict = {}

            def note(instrument, currency, book=book, today=today, **amounts):
                row = today.setdefault((instrument, currency), dict.fromkeys(amounts, 0.0))
                for name, amount in amounts.items():
                    row[name] = row.get(name, 0.0) + amount

            def pay(currency, amount, where=None, book=book):
                """Amount of money, rounded once, into the purse or what is accrued."""
                kept = purse if where is None else where
                kept[book, currency] = kept.get((book, currency), 0) + round(amount * 1e6)
                purse.setdefault((book, currency), 0)
                return round(amount * 1e6) / 1e6

            for name, currency in money.items():
                if rng.random() < 0.5:
                    quantity = round(rng.normal() * size, 8)
                    if rng.random() < 0.2 and held.get((book, name)):
                        quantity = -held[book, name]
                    paid = -quantity * price[name] * per_unit.get(name, 1.0) * rng.uniform(0.97, 1.03)
                    fees = -abs(paid) * rng.uniform(0, 0.01)
                    note(name, currency, traded_quantity=quantity, consideration=pay(currency, paid))
                    note(name, currency, fees=pay(currency, fees))
                    held[book, name] = held.get((book, name), 0.0) + quantity
                if rng.random() < 0.2:
                    quantity = round(rng.normal() * size, 8)
                    note(name, currency, transferred_quantity=quantity)
                    held[book, name] = held.get((book, name), 0.0) + quantity
                if rng.random() < 0.2 and held.get((book, name)):
                    note(name, currency, income=pay(currency, held[book, name] * rng.uniform(0, 1), accrued))
                if rng.random() < 0.2 and held.get((book, name)):
                    # A merger or a spin-off of a part, with money in another currency.
                    other, paid_in = str(rng.choice([n for n in money if n != name])), str(rng.choice(list(rate)))
                    given = held[book, name] if rng.random() < 0.3 else 0.0
                    new = round(held[book, name] * rng.uniform(0.1, 2), 8)
                    paid = pay(paid_in, new * rng.uniform(0, 30))
                    note(name, paid_in, consideration=paid)
                    kind = "merger" if given else "spin_off"
                    entitled.append((date, book, name, f"{name}{other}", kind, "", 0.0, paid, other, new, given))
                    held[book, name] -= given
                    held[book, other] = held.get((book, other), 0.0) + new
            for currency in rate:
                own = f"CASH:{currency}"
                if rng.random() < 0.4:
                    note(own, currency, external=pay(currency, rng.normal() * size * 10))
                    note(own, currency, income=pay(currency, rng.normal()), fees=pay(currency, -rng.random()))
                if rng.random() < 0.2 and accrued.get((book, currency)):
                    purse[book, currency] += accrued.pop((book, currency))
                other = str(rng.choice([c for c in rate if c != currency]))
                if rng.random() < 0.3:
                    bought = pay(currency, size * rng.uniform(1, 9))
                    paid = pay(other, -bought * rate[currency] / rate[other] * rng.uniform(0.97, 1.03))
                    note(own, other, traded_quantity=bought, consideration=paid)
            key = {"business_date": date, "book": book}
            acts += [{**key, "instrument": i, "currency": c, **amounts} for (i, c), amounts in today.items()]
            positions += [(date, b, i, q) for (b, i), q in held.items() if b == book]
            cash += [
                (date, b, c, kept / 1e6, accrued.get((b, c), 0) / 1e6) for (b, c), kept in purse.items() if b == book
            ]
    it = firm(prices=prices, rates=rates, positions=positions, cash=cash, acts=acts, books=books, entitled=entitled)
    listed = frame("instruments", "instrument currency exchange", ("J", "JPY", "XTKS"))
    it.instruments = pd.concat([it.instruments, listed], ignore_index=True)
    columns = "action_id instrument kind ex_date numerator denominator"
    return it, frame("corporate_actions", columns, *splits)


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([0.001, 1.0, 137.0, 2e3]))
def test_the_identity_holds_to_the_last_millionth(seed, size):
    it, splits = simulated(seed, size)
    nav, rows, valued = it.nav(), it.pnl(), it.valuations()
    assert (nav["status"] == "ok").all()
    whole = {name: (rows[name] * 1e6).round() for name in PARTS}
    assert (whole["total"] == sum(whole[name] for name in PARTS[:-1])).all()
    figures = ["nav", "market_value", "cash", "accruals", "flows"]
    money = nav.assign(**{name: (nav[name] * 1e6).round() for name in figures})
    assert (money["nav"] == money["market_value"] + money["cash"] + money["accruals"]).all()
    total = rows.assign(total=whole["total"]).groupby(["book", "business_date"])["total"].sum()
    for book, days in money.sort_values("business_date").groupby("book"):
        change = days["nav"].diff().fillna(days["nav"])
        explained = total[book].reindex(days["business_date"]).to_numpy() + days["flows"].to_numpy()
        assert np.array_equal(change, explained)
    assert pnl.identity_gaps(nav, rows, it.books, it.days).empty
    assert pnl.roll_gaps(valued, it.activity, it.entitlements, splits, it.books, nav, it.days).empty


def test_large_money_is_held_to_the_last_bit_of_a_float():
    it, _ = simulated(1, 1e7)
    nav, rows = it.nav(), it.pnl()
    assert nav["nav"].abs().max() > 1e11
    assert pnl.identity_gaps(nav, rows, it.books, it.days).empty
    bent = rows.assign(total=rows["total"] * (1 + 1e-9))
    assert len(pnl.identity_gaps(nav, bent, it.books, it.days)) > 15


@settings(max_examples=3)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_remainder_is_only_rounding(seed):
    """price_pnl, which takes the remainder, is Q0 (P1 - P0) X1 by the contract's formula."""
    it, splits = simulated(seed, 50.0)
    valued = it.valuations()
    columns = ["business_date", "book", "instrument"]
    rows = it.pnl().query("book != 'Q' and not instrument.str.startswith('CASH')")
    acted = pd.MultiIndex.from_frame(it.entitlements[columns])
    rows = rows[~pd.MultiIndex.from_frame(rows[columns]).isin(acted)]
    before = valued.assign(business_date=calendars.next_session("XNYS", valued["business_date"]))
    both = rows.merge(before, on=columns).merge(
        it.prices.rename(columns={"close": "now"}), on=["business_date", "instrument"]
    )
    assert len(both) > 10
    ratio = splits.set_index(["instrument", "ex_date"]).eval("numerator / denominator")
    at = pd.MultiIndex.from_frame(both[["instrument", "business_date"]])
    restated = both["now"] * ratio.reindex(at).fillna(1.0).to_numpy() if len(ratio) else both["now"]
    multiplier = np.where(both["instrument"] == "M", 10.0, 1.0)
    closing = it.rates.set_index(["business_date", "base"])["rate"]
    dollars = [closing.get((d, c), 1.0) for d, c in zip(both["business_date"], both["currency_x"], strict=True)]
    yen = [closing[d, "JPY"] if b == "R" else 1.0 for d, b in zip(both["business_date"], both["book"], strict=True)]
    price_pnl = both["quantity"] * (restated - both["price"]) * multiplier * np.array(dollars) / np.array(yen)
    assert both["price_pnl"].to_numpy() == pytest.approx(price_pnl.to_numpy(), abs=5e-6, rel=1e-12)


def test_a_range_gives_the_rows_of_single_sessions():
    it, _ = simulated(3, 10.0)
    single = [it.pnl(sessions(date)) for date in it.days]
    pd.testing.assert_frame_equal(it.pnl(), pd.concat(single, ignore_index=True), check_exact=True)
