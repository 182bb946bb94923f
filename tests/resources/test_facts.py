"""Which facts count, as known when, and which sessions they make stale."""

import pandas as pd
import pytest
import sqlalchemy as sa

from resources import deliveries, records, register
from resources.facts import Facts, in_force
from resources.inbox import Inbox
from tests.frames import sessions

HEADER = "business_date,instrument,close\n"


@pytest.fixture
def facts(settings, lake, engine) -> Facts:
    return Facts(settings, lake, engine)


@pytest.fixture
def inbox(settings, lake, engine) -> Inbox:
    found = Inbox(settings, lake, engine, pause=lambda: None)
    found.deliver("instruments_2024-01-02.csv", b"instrument,currency\nAAPL,USD\nVOD,GBP\n")
    found.deliver("books_2024-01-02.csv", b"book,base_currency\nALPHA,USD\n")
    return found


def affected(inbox: Inbox, name: str, text: str) -> str | None:
    taken = inbox.deliver(name, text.encode()).files[-1]
    query = sa.select(records.deliveries.c.affects_from).where(records.deliveries.c.seq == taken.delivery)
    with inbox.engine.connect() as connection:
        found = connection.execute(query).scalar()
    return None if found is None else found.isoformat()


def test_nothing_was_delivered(facts):
    assert facts.current("raw_prices").empty
    assert facts.current("transactions").empty
    assert len(facts.stale_sessions(sessions("2024-01-02"))) == 1


def test_snapshots_affect_what_differs(inbox):
    old = HEADER + "2024-01-03,AAPL,1\n2024-01-04,AAPL,2\n2024-01-05,AAPL,3\n"
    assert affected(inbox, "prices_2024-01-05.csv", old) == "2024-01-03"
    assert affected(inbox, "prices_2024-01-05.csv", old.replace(",2\n", ",2.5\n")) == "2024-01-04"
    assert affected(inbox, "prices_2024-01-05.csv", old.replace(",2\n", ",2.50\n")) is None
    assert affected(inbox, "prices_2024-01-05.csv", HEADER) == "2024-01-03"


def test_fundamentals_affect_nothing_that_is_signed(inbox, facts):
    text = "instrument,period_end,field,published_at,value\nAAPL,2009-09-26,sales,2009-10-27,36537\n"
    assert affected(inbox, "fundamentals_2024-01-05.csv", text) is None
    assert len(facts.current("fundamentals")) == 1


def test_a_failed_file_affects_nothing(inbox):
    assert affected(inbox, "prices_2024-01-05.csv", HEADER + "2024-01-03,AAPL,x\n") is None


def test_reference_data_affects_from_its_date_and_a_new_first_version_everything(inbox):
    text = "instrument,currency,sector\nAAPL,USD,{}\nVOD,GBP,\n"
    assert affected(inbox, "instruments_2024-01-03.csv", text.format("")) is None
    assert affected(inbox, "instruments_2024-02-01.csv", text.format("IT")) == "2024-02-01"
    assert affected(inbox, "instruments_2024-03-01.csv", text.format("IT")) is None
    assert affected(inbox, "instruments_2024-01-02.csv", text.format("Old")) == "1990-01-02"
    assert affected(inbox, "instruments_2024-03-01_new.csv", "instrument,currency\nX,USD\n") == "2024-03-01"


def test_what_else_is_affected(inbox):
    identifiers = "instrument,scheme,value,valid_from\nAAPL,isin,US0378331005,2000-01-01\n"
    assert affected(inbox, "identifiers_2024-01-05.csv", identifiers) is None
    limits = "limit,valid_from,measure,hard\nL,{},var,0.02\n"
    assert affected(inbox, "limits_2024-01-05.csv", limits.format("2024-01-03")) == "2024-01-03"
    assert affected(inbox, "limits_2024-01-08.csv", limits.format("2024-01-03")) is None
    actions = "action_id,instrument,kind,ex_date,amount\nA,AAPL,cash_dividend,{},1\n"
    assert affected(inbox, "corporate_actions_2024-01-05.csv", actions.format("2024-02-01")) == "2024-02-01"
    assert affected(inbox, "corporate_actions_2024-01-08.csv", actions.format("2024-02-05")) == "2024-02-01"
    trade = "transaction_id,book,instrument,kind,trade_date,quantity,price,corrects\n{},ALPHA,AAPL,buy,{},1,1,{}\n"
    assert affected(inbox, "transactions_2024-01-05.csv", trade.format("T1", "2024-01-03", "")) == "2024-01-03"
    assert affected(inbox, "transactions_2024-01-08.csv", trade.format("T1", "2024-01-03", "")) is None
    assert affected(inbox, "transactions_2024-01-09.csv", trade.format("T2", "2024-01-05", "T1")) == "2024-01-03"


def test_sessions_are_stale_until_computed_and_again_once_touched(inbox, facts, engine):
    days = sessions("2024-01-03", "2024-01-04", "2024-01-05")
    (taken,) = inbox.deliver("prices_2024-01-05.csv", (HEADER + "2024-01-03,AAPL,1\n").encode()).files
    through = taken.delivery
    with engine.begin() as connection:
        rows = [{"business_date": day.date(), "through_delivery": through, "run_id": "r"} for day in days[:2]]
        connection.execute(sa.insert(records.computed).values(recorded_at=sa.func.now()), rows)
    assert list(facts.stale_sessions(days)) == [days[2]]
    inbox.deliver("prices_2024-01-04.csv", (HEADER + "2024-01-04,AAPL,2\n").encode())
    assert list(facts.stale_sessions(days)) == [days[1], days[2]]
    inbox.deliver("prices_2024-01-03.csv", (HEADER + "2024-01-03,VOD,2\n").encode())
    assert list(facts.stale_sessions(days)) == list(days)


def test_the_latest_known_counts_not_the_latest_delivered(inbox, facts):
    text = "business_date,instrument,close,known_at\n2024-01-05,AAPL,{},{}\n"
    inbox.deliver("prices_2024-01-05.csv", text.format(2, "2024-01-05T21:00Z").encode())
    inbox.deliver("prices_2024-01-08.csv", text.format(1, "2024-01-05T20:00Z").encode())
    assert list(facts.current("raw_prices")["close"]) == [2.0]
    assert list(facts.current("raw_prices", known_at="2024-01-05T20:30Z")["close"]) == [1.0]
    assert facts.current("raw_prices", known_at="2024-01-05T19:00Z").empty


def test_a_price_within_the_session_makes_no_result_stale(inbox, facts, engine):
    day = sessions("2024-01-05")
    inbox.deliver("prices_2024-01-05.csv", (HEADER + "2024-01-05,AAPL,1\n").encode())
    register.mark(engine, day, None, "run")
    ticks = "observed_at,instrument,price,business_date\n2024-01-05T15:00Z,AAPL,2,2023-01-05\n"
    (taken,) = inbox.deliver("intraday_prices_2024-01-05.csv", ticks.encode()).files
    assert taken.reason == "unknown columns were ignored: business_date"
    assert list(facts.stale_sessions(day)) == []
    with engine.connect() as connection:
        assert deliveries.find(connection, taken.delivery)["affects_from"] == day[0].date()


def test_a_replaced_file_is_seen_as_it_was(inbox, facts):
    inbox.deliver("prices_2024-01-05.csv", (HEADER + "2024-01-05,AAPL,1\n2024-01-05,VOD,1\n").encode())
    before = pd.Timestamp.now("UTC")
    inbox.deliver("prices_2024-01-05.csv", (HEADER + "2024-01-05,AAPL,2\n").encode())
    assert list(facts.current("raw_prices")["close"]) == [2.0]
    assert list(facts.current("raw_prices", known_at=before)["close"]) == [1.0, 1.0]


def test_bounds(inbox, facts):
    trades = "transaction_id,book,kind,trade_date,quantity,currency\n"
    trades += "".join(f"T{day},ALPHA,deposit,2024-01-0{day},1,USD\n" for day in (2, 3, 4))
    inbox.deliver("transactions_2024-01-05.csv", trades.encode())
    assert list(facts.current("transactions", "2024-01-03", "2024-01-03")["transaction_id"]) == ["T3"]
    ticks = "observed_at,instrument,price\n2024-01-04T15:00Z,AAPL,1\n2024-01-05T15:00Z,AAPL,2\n"
    inbox.deliver("intraday_prices_2024-01-05.csv", ticks.encode())
    assert list(facts.current("intraday_prices", "2024-01-05", "2024-01-05")["price"]) == [2.0]
    assert list(facts.current("intraday_prices")["business_date"]) == [*sessions("2024-01-04", "2024-01-05")]
    assert len(facts.current("instruments", "2024-01-05", "2024-01-05")) == 2


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("file", "complete", None)], [1]),
        ([("file", "complete", None), ("file", "failed", None)], [1]),
        ([("file", "complete", None), ("file", "empty", None)], [2]),
        ([("file", "partial", None), ("retry", "", 1), ("file", "partial", None), ("retry", "", 1)], [3]),
        ([("file", "complete", None), ("file", "failed", None), ("correction", "complete", 2)], [1, 3]),
        ([("file", "failed", None), ("correction", "complete", 1), ("file", "complete", None)], [3]),
    ],
)  # fmt: skip
def test_in_force(rows, expected):
    found = pd.DataFrame(rows, columns=["kind", "outcome", "original"]).astype({"original": "Int64"})
    found = found.assign(seq=range(1, len(rows) + 1), delivered=pd.Timestamp("2024-01-05"), suffix="")
    assert list(in_force(found, snapshot=True)) == expected
    assert list(in_force(found, snapshot=False)) == list(range(1, len(rows) + 1))
