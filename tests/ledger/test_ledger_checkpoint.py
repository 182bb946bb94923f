"""From a checkpoint the ledger goes on as from the beginning, to the last digit, and not when the past has changed."""

import pandas as pd
import pytest
from histories import DATES, Told, histories, same
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ledger_facts import book, days, dividend, listed, only, rate, security, split, trade, transaction

from daybook import ledger
from daybook.ledger import checkpoint

LONG_AGO = pd.Timedelta(days=98)
"""Fourteen weeks before January 2020: weekdays stay, and there is no holiday."""
EARLIER = days("2019-09-26", "2020-01-31")
FACTS = ("transactions", "corporate_actions", "books", "instruments", "raw_fx_rates")
quick = settings(
    max_examples=6,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def of(told, transactions=None):
    """Positional arguments of ``ledger.derive`` before the market's, and those that have names."""
    given = [told.current(name) for name in FACTS]
    if transactions is not None:
        given[0] = transactions
    return given, {"cash_rates": told.current("cash_rates"), "elections": told.current("elections")}


def market(told):
    """Golden prices and rates of every session: those of the only source."""
    prices = told.current("raw_prices").assign(status="ok", currency="")
    return prices, told.current("raw_fx_rates").assign(status="ok")


def derived(told, sessions, opening=None, transactions=None):
    given, named = of(told, transactions)
    return ledger.derive(*given, *market(told), sessions, ("x",), opening=opening, **named)


def taken(told, session):
    given, named = of(told)
    return checkpoint.taken(*given, pd.Timestamp(session), ("x",), **named)


def usable(opening, told):
    given, named = of(told)
    return checkpoint.usable(opening, *given, ("x",), **named)


def moved(rows, first):
    """``rows`` with what is dated before ``first`` fourteen weeks earlier."""
    found = []
    for row in rows:
        dated = {name: row[name] for name in row if name.endswith(("_date", "_at", "_on")) and row[name]}
        early = min(value[:10] for value in dated.values()) < first if dated else False
        shifted = {name: f"{pd.Timestamp(value[:10]) - LONG_AGO:%Y-%m-%d}{value[10:]}" for name, value in dated.items()}
        found.append(row | shifted if early else row)
    return found


@st.composite
def long_histories(draw):
    """Histories of which some, all or nothing happened in the autumn before."""
    history = draw(histories(pools=draw(st.sampled_from([("book",), ("book",), ("book", "strategy")]))))
    first = draw(st.sampled_from([DATES[0], DATES[9], DATES[14], "2020-02-01"]))
    for name in ("transactions", "corporate_actions"):
        history[name] = moved(history[name], first)
    for name in ("raw_prices", "raw_fx_rates"):
        history[name] = [*moved(history[name], "2020-02-01"), *history[name]]
    if draw(st.booleans()):
        rate = {"currency": "USD", "credit_rate": 0.02, "debit_rate": 0.07, "day_count": "actual/365"}
        history["cash_rates"] = [rate | {"book": "", "valid_from": "2019-10-01"}]
    return history


@pytest.mark.soak
@quick
@given(st.data())
def test_what_follows_is_what_follows_from_the_beginning(data):
    told = Told(**data.draw(long_histories()))
    at = data.draw(st.sampled_from(["2019-11-27", "2019-12-24", "2019-12-31", DATES[3], DATES[9]]))
    sessions = EARLIER[EARLIER > pd.Timestamp(at)][: data.draw(st.sampled_from([1, 60]))]
    opening = taken(told, at)
    assert usable(opening, told)
    whole = derived(told, sessions)
    assert same(whole, derived(told, sessions, opening)) == []
    # What the checkpoint knows need not be read again.
    log = told.current("transactions")
    later = log[log["trade_date"] > pd.Timestamp(at)].reset_index(drop=True)
    assert same(whole, derived(told, sessions, opening, later)) == []


CUT, NEXT = "2020-06-01", days("2020-06-02", "2020-07-31")
ROWS = [
    trade("t1", "buy", "2020-01-06", 10, 100, fees=1),
    trade("t2", "buy", "2020-01-07", 10, 110),
    trade("t3", "sell", "2020-01-08", 5, 120),
    trade("n1", "buy", "2020-05-20", 7, 50, instrument="NEW"),
    transaction("d1", "deposit", "2020-01-02", quantity=5000),
]
ACTIONS = [
    split("s1", "2020-02-03", 2),
    dividend("v1", "2020-05-18", 0.5, pay_date="2020-06-10", withholding_rate=0.3, reclaim_rate=0.1),
    dividend("v2", "2020-06-15", 1, pay_date="2020-06-16"),
]
FIRM = {
    "books": [book()],
    "instruments": [security(), security("NEW")],
    "transactions": ROWS,
    "corporate_actions": ACTIONS,
    "raw_fx_rates": [rate("2020-01-06", "EUR", "USD", 1.1)],
}
LATER = [
    trade("t4", "sell", "2020-06-03", 12, 70),
    trade("t5", "sell", "2020-06-04", 9, 70, lot_id="t2"),
    transaction("c1", "dividend", "2020-06-10", quantity=10.5, action_id="v1", instrument="ACME"),
    transaction("x1", "tax", "2020-07-01", quantity=-1.5, action_id="v1"),
]


def test_what_is_settled_becomes_its_lots_and_the_rest_stays():
    opening = taken(Told(**FIRM), CUT)
    # NEW was traded twelve days before; all else is two lots and a sum of money, and a dividend to come.
    assert opening.log["transaction_id"].tolist() == ["n1"]
    kept = listed(opening.lots, "transaction_id", "instrument", "quantity", "cost", "pooled")
    assert kept == [("t1", "ACME", 10 * 10**8, 500_500_000, False), ("t2", "ACME", 20 * 10**8, 1_100_000_000, False)]
    # 5,000 less 1,001 and 1,100, and 600 of the sale.
    assert listed(opening.flows, "book", "currency", "amount") == [("FUND", "USD", 3_499_000_000)]
    assert sorted(listed(opening.payments, "accrual_kind", "amount")) == [
        ("cash_dividend", 10_500_000),
        ("reclaim", 1_500_000),
    ]


def test_sales_dividends_and_claims_find_what_they_need():
    told = Told(**FIRM).but(transactions=[*ROWS, *LATER])
    opening = taken(told, CUT)
    assert usable(opening, told)
    log = told.current("transactions")
    later = log[log["transaction_id"].isin(["t4", "t5", "c1", "x1"])].reset_index(drop=True)
    found = derived(told, NEXT, opening, later)
    assert same(derived(told, NEXT), found) == []
    gains = listed(found["realised"], "transaction_id", "lot", "quantity", "proceeds", "cost")
    assert gains == [("t4", "t1", 10, 700, 500.5), ("t4", "t2", 2, 140, 110), ("t5", "t2", 9, 630, 495)]
    cash = found["cash"]
    # 3,499 less 350 for NEW; sold for 840 and 630; 10.50 and, of the nine units left, 9 of dividends; 1.50 of tax.
    assert only(cash, business_date="2020-06-02")[["balance", "accrued"]].tolist() == [3149, 12]
    assert only(cash, business_date="2020-07-01")[["balance", "accrued"]].tolist() == [4640, 0]


@pytest.mark.parametrize(
    "changed",
    [
        {"transactions": [*ROWS, trade("late", "buy", "2020-03-02", 1, 90)]},
        {"transactions": [*ROWS, {**trade("t2c", "buy", "2020-01-07", 11, 110), "corrects": "t2"}]},
        {"transactions": [*ROWS, {**trade("x", "cancel", "2020-06-05", None), "corrects": "t1"}]},
        {"corporate_actions": [*ACTIONS, split("s0", "2020-03-02", 3)]},
        {"corporate_actions": [ACTIONS[0] | {"numerator": 3}, *ACTIONS[1:]]},
        {"books": [book(lot_method="lifo")]},
        {"raw_fx_rates": [rate("2020-01-06", "EUR", "USD", 1.2)]},
        {"cash_rates": [{"book": "", "currency": "USD", "valid_from": "2020-05-01", "credit_rate": 0.01}]},
        # What it confirms was paid long ago: how much, the checkpoint does not know any more.
        {
            "corporate_actions": [*ACTIONS, dividend("v0", "2020-02-10", 1)],
            "transactions": [*ROWS, transaction("c0", "dividend", "2020-06-10", quantity=1, action_id="v0")],
        },
    ],
)
def test_a_checkpoint_of_another_past_is_not_used(changed):
    told = Told(**FIRM)
    actions = {"corporate_actions": changed["corporate_actions"]} if "c0" in str(changed) else {}
    opening = taken(told.but(**actions), CUT)
    assert not usable(opening, told.but(**changed))


def test_what_comes_later_leaves_it_usable():
    told = Told(**FIRM)
    opening = taken(told, CUT)
    more = {
        "transactions": [*LATER, *ROWS[::-1]],
        "corporate_actions": [*ACTIONS[::-1], split("s9", "2020-06-20", 2)],
        "books": [book(), book("SECOND", calendar="XLON")],
        "raw_fx_rates": [*FIRM["raw_fx_rates"], rate("2020-06-03", "EUR", "USD", 1.3)],
    }
    assert usable(opening, told.but(**more))
    assert same(derived(told.but(**more), NEXT), derived(told.but(**more), NEXT, opening)) == []


def test_a_transaction_of_the_past_that_is_booked_later_needs_the_whole_log():
    told = Told(**FIRM)
    opening = taken(told, CUT)
    late = trade("late", "buy", "2020-05-20", 5, 10, booked_on="2020-06-03")
    assert not usable(opening, told.but(transactions=[*ROWS, *LATER, late]))
    assert usable(opening, told.but(transactions=[*ROWS, *LATER, late | {"trade_date": "2020-06-02"}]))


def test_it_knows_nothing_of_its_own_session():
    told = Told(**FIRM)
    with pytest.raises(ValueError, match="2020-06-01 knows nothing of 2020-06-01"):
        derived(told, days(CUT), taken(told, CUT))
