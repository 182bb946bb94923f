"""What was known when: after any history of deliveries and decisions, the past looks as it looked then."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pandas as pd
import pytest

from resources import overrides, requests
from resources.facts import Facts
from resources.inbox import Inbox

START = datetime(2024, 1, 8, 21, tzinfo=UTC)
PRICES = "business_date,instrument,close\n"
TRADES = "transaction_id,book,instrument,kind,trade_date,quantity,price,currency,corrects\n"
CASH = "business_date,book,currency,balance\n"
ACTIONS = "action_id,instrument,kind,ex_date,amount,status\n"
FACTS = (
    "raw_prices", "raw_fx_rates", "transactions", "corporate_actions", "instruments", "limits", "benchmark_weights",
    "fundamentals", "price_overrides", "custodian_reports",
)  # fmt: skip
"""A table of each way in which facts come to count."""


@pytest.fixture
def facts(settings, lake, engine) -> Facts:
    return Facts(settings, lake, engine)


@pytest.fixture
def inbox(settings, lake, engine) -> Inbox:
    """Each look at its clock is a second later than the one before."""
    ticks = count()
    return Inbox(settings, lake, engine, pause=lambda: None, clock=lambda: START + timedelta(seconds=next(ticks)))


def history(inbox: Inbox):
    """Every way in which facts come to count, cease to count, or never do; one at a time."""

    def delivered(name: str, text: str):
        return lambda: inbox.deliver(name, text.encode())

    def decided(what: str, column: str, value: str = ""):
        def decide():
            entries = inbox.entries()
            number = int(entries.loc[entries["column"] == column, "id"].iloc[0])
            values = ({column: value},) if value else ()
            done = getattr(inbox, what)(number, *values, "tester", "as agreed")
            assert done is None or done.outcome == "complete", done

        return decide

    def agreed(wish):
        def agree():
            known = Facts(inbox.settings, inbox.lake, inbox.engine)
            requests.approve(inbox, requests.ask(inbox.engine, wish(known), "one", "as agreed"), "another")

        return agree

    yield delivered("instruments_2024-01-02.csv", "instrument,currency\nAAA,USD\nBBB,USD\n")
    yield delivered("books_2024-01-02.csv", "book,base_currency\nALPHA,USD\n")
    yield delivered("prices_2024-01-05.csv", PRICES + "2024-01-04,AAA,1\n2024-01-05,AAA,2\n2024-01-05,NEW,7\n")
    yield delivered("prices_2024-01-05_late.csv", PRICES + "2024-01-05,BBB,20\n")
    yield delivered("fx_rates_2024-01-05.csv", "business_date,base,quote,rate\n2024-01-05,EUR,USD,1.1\n")
    yield delivered("instruments_2024-01-05.csv", "instrument,currency\nNEW,USD\n")  # releases what waited
    yield delivered("prices_2024-01-05.csv", PRICES + "2024-01-05,AAA,x\n2024-01-05,CCC,\n")  # fails, replaces nothing
    yield delivered("prices_2024-01-05.csv", PRICES + "2024-01-05,AAA,3\n2024-01-05,BBB,x\n")  # partial, replaces
    yield decided("correct", "close", "30")
    yield delivered("fx_rates_2024-01-05.csv", "business_date,base,quote,rate\n")  # empty, replaces
    yield delivered("fx_rates_2024-01-05.csv", "business_date,base,quote,rate\n2024-01-05,EUR,USD,1.2\n")
    yield delivered("custodian_cash_2024-01-04_bank.csv", CASH + "2024-01-04,ALPHA,USD,5\n")
    yield delivered("custodian_cash_2024-01-05_bank.csv", CASH)  # a report that nothing is left
    yield delivered("custodian_cash_2024-01-05_bank.csv", CASH + "2024-01-05,ALPHA,USD,5\n2024-01-05,ALPHA,EUR,x\n")
    yield decided("correct", "balance", "7")  # the report is whole
    yield delivered(
        "benchmark_weights_2024-01-05.csv", "business_date,benchmark,instrument,weight\n2024-01-05,M,AAA,1\n"
    )
    yield delivered(
        "fundamentals_2024-01-05.csv",
        "instrument,period_end,field,published_at,value\nAAA,2023-09-30,revenue,2023-11-01T20:00Z,5\n",
    )
    yield delivered("limits_2024-01-05.csv", "limit,valid_from,measure,hard\nL,2024-01-02,var,0.02\n")
    yield delivered("limits_2024-01-08.csv", "limit,valid_from,measure,hard\nL,2024-01-02,var,0.03\n")
    yield delivered("instruments_2024-01-08.csv", "instrument,currency,sector\nAAA,USD,IT\n")
    yield delivered(
        "transactions_2024-01-05.csv",
        TRADES
        + "D,ALPHA,,deposit,2024-01-04,1000,,USD,\nT1,ALPHA,AAA,buy,2024-01-04,10,1,USD,\n"
        + "T2,ALPHA,LATER,buy,2024-01-05,1,1,USD,\nV,ALPHA,AAA,dividend,2024-01-05,3,,USD,\n"
        + "T3,ALPHA,AAA,buy,2024-01-05,x,1,USD,\n",
    )  # fmt: skip
    yield delivered("corporate_actions_2024-01-05.csv", ACTIONS + "A,AAA,cash_dividend,2024-01-05,0.3,\n")  # posts V
    yield delivered("instruments_2024-01-05_more.csv", "instrument,currency\nLATER,USD\n")  # releases T2
    yield delivered("corporate_actions_2024-01-08.csv", ACTIONS + "A,AAA,cash_dividend,2024-01-05,0.3,cancelled\n")
    yield delivered("corporate_actions_2024-01-08_b.csv", ACTIONS + "A,AAA,cash_dividend,2024-01-05,0.4,\n")
    yield decided("discard", "action_id")  # V is given up
    yield decided("correct", "quantity", "4")  # T3
    yield delivered("transactions_2024-01-08.csv", TRADES + "T4,ALPHA,AAA,buy,2024-01-04,11,1,USD,T1\n")
    yield delivered("transactions_2024-01-08_b.csv", TRADES + "C,ALPHA,,cancel,2024-01-05,,,,T2\n")
    session, end = pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-09")
    yield agreed(lambda facts: overrides.wish(facts, "AAA", "5", session, end))
    yield agreed(lambda facts: overrides.end_wish(facts, facts.current("price_overrides")["override_id"][0], end))


def test_the_past_looks_as_it_looked_then(inbox, facts):
    seen = []
    for step in history(inbox):
        step()
        seen.append((inbox.clock(), {table: facts.current(table) for table in FACTS}))
    assert len(facts.current("transactions")) > 5
    assert len(facts.current("price_overrides")) == 1
    whole = [views["custodian_reports"]["whole"].tolist() for _, views in seen]
    assert [list(row) for row in dict.fromkeys(map(tuple, whole))] == [[], [True], [True, True], [True, False]]
    for number, (instant, views) in enumerate(seen):
        for table, then in views.items():
            now = facts.current(table, known_at=instant)
            pd.testing.assert_frame_equal(now, then, obj=f"{table} after step {number}")


def test_bounds_do_not_change_which_file_was_in_force(inbox, facts):
    claim = "business_date,instrument,close,known_at\n{},AAA,{},2024-01-05T20:00Z\n"
    inbox.deliver("instruments_2024-01-02.csv", b"instrument,currency\nAAA,USD\n")
    inbox.deliver("prices_2024-01-05.csv", (PRICES + "2024-01-04,AAA,1\n2024-01-05,AAA,2\n").encode())
    instant = inbox.clock()
    inbox.deliver("prices_2024-01-05.csv", claim.format("2024-01-05", 3).encode())
    whole = facts.current("raw_prices", known_at=instant)
    assert whole["close"].tolist() == [3.0]
    assert facts.current("raw_prices", last="2024-01-04", known_at=instant).empty


def test_a_claim_counts_from_its_instant_even_for_a_row_that_waited(inbox, facts):
    text = "business_date,instrument,close,known_at\n2024-01-05,AAA,1,2024-01-05T21:00Z\n"
    inbox.deliver("prices_2024-01-05.csv", text.encode())
    assert facts.current("raw_prices").empty
    inbox.deliver("instruments_2024-01-02.csv", b"instrument,currency\nAAA,USD\n")
    assert facts.current("raw_prices", known_at="2024-01-05T20:59Z").empty
    assert facts.current("raw_prices", known_at="2024-01-05T21:00Z")["close"].tolist() == [1.0]
