"""Orders in a real PostgreSQL: who may do what, each thing once, and from proposal to transaction."""

from datetime import date
from decimal import Decimal
from threading import Thread

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from daybook import tables
from resources import records
from resources.brokers import Broker
from resources.brokers.simulated import SimulatedBroker
from resources.orders import OrderRefused, Orders

DAY, NEXT = pd.Timestamp("2020-01-31"), pd.Timestamp("2020-02-03")  # a Friday and the Monday after it
CLEAN = {"X": "", "Y": ""}


@pytest.fixture
def orders(engine) -> Orders:
    return Orders(engine)


def listed(*rows: tuple, day=DAY) -> pd.DataFrame:
    """Proposed orders as (book, instrument, side, quantity, reference price)."""
    frame = pd.DataFrame(rows, columns=["book", "instrument", "side", "quantity", "reference_price"])
    return tables.conform("proposed_orders", frame.assign(business_date=day, reason="target 6.10 %, holds 5.42 %"))


BUY, SELL = ("X", "A", "buy", 100.0, 10.5), ("Y", "B", "sell", 40.0, 20.25)


def proposed(orders: Orders, *rows: tuple, run="run-1") -> tuple[str, ...]:
    return orders.propose(listed(*rows), DAY, run, "ann", CLEAN).proposed


def status(orders: Orders) -> list[str]:
    return orders.frame()["status"].tolist()


def executed(name: str, quantity: int, number: int = 1, at: str = "2020-02-03 21:00") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "execution_id": f"{name}/{number}",
            "order_id": name,
            "executed_at": pd.DatetimeIndex([at], tz="UTC").as_unit("us"),
            "quantity": [Decimal(quantity)],
            "price": [Decimal("10.75")],
            "fees": [Decimal("1.10")],
            "broker": "street",
        }
    )


def test_an_order_is_proposed_approved_by_a_second_person_and_sent(orders):
    (name,) = proposed(orders, BUY)
    row = orders.frame().iloc[0]
    assert row["business_date"] == DAY
    assert row[["book", "instrument", "side", "quantity", "filled", "status", "reason"]].tolist() == [
        "X", "A", "buy", 100.0, 0.0, "proposed", "target 6.10 %, holds 5.42 %",
    ]  # fmt: skip
    with pytest.raises(OrderRefused, match=f"{name} cannot be approved: ann proposed it"):
        orders.approve([name], "ann", "run-1", {})
    with pytest.raises(OrderRefused, match=f"{name} is proposed: it cannot be sent"):
        orders.send([name], "bob", {})
    with pytest.raises(OrderRefused, match="the run or close that was seen is missing"):
        orders.approve([name], "bob", " ", {})
    assert orders.approve([name], "bob", "run-1", {}) == (name,)
    assert orders.send([name], "ann", {}) == (name,)
    assert status(orders) == ["sent"]


def test_everything_may_be_asked_again_and_is_done_once(orders, engine):
    (name,) = proposed(orders, BUY)
    again = orders.propose(listed(BUY), DAY, "run-2", "bob", CLEAN)
    assert (again.proposed, again.kept, again.replaced) == ((), (name,), ())
    orders.approve([name, name], "bob", "run-1", {})
    assert orders.approve([name], "ann", "run-1", {}) == ()
    assert orders.propose(listed(BUY), DAY, "run-3", "ann", CLEAN).kept == (name,)
    orders.send([name], "bob", {})
    assert orders.send([name], "bob", {(DAY.date(), "X"): "too late to refuse"}) == ()
    assert orders.fill(executed(name, 100)) == (f"{name}/1",)
    assert orders.fill(executed(name, 100)) == ()
    assert orders.propose(listed(BUY), DAY, "run-4", "ann", CLEAN).kept == (name,)
    with engine.connect() as connection:
        kinds = connection.execute(sa.select(records.order_events.c.kind)).scalars().all()
    assert kinds == ["proposed", "approved", "sent", "filled"]


def test_a_new_list_replaces_what_nobody_approved(orders):
    first = proposed(orders, BUY, SELL)
    orders.approve(first[1:], "bob", "run-1", {})
    changed = ("X", "A", "buy", 90.0, 10.5)
    second = orders.propose(listed(changed), DAY, "run-2", "ann", CLEAN)
    assert second.replaced == first[:1]
    assert len(second.proposed) == 1
    frame = orders.frame()
    assert frame["status"].tolist() == ["cancelled", "approved", "proposed"]
    assert frame.loc[0, "reason"] == "replaced by the proposal of run-2"
    # And back again: the order that was replaced is the same order, and the later run's proposer counts.
    third = orders.propose(listed(BUY), DAY, "run-3", "bob", CLEAN)
    assert third.proposed == first[:1]
    assert third.replaced == second.proposed
    with pytest.raises(OrderRefused, match="bob proposed it"):
        orders.approve(first[:1], "bob", "run-3", {})
    assert orders.approve(first[:1], "ann", "run-3", {}) == first[:1]


def test_an_empty_list_withdraws_and_other_books_stay(orders):
    proposed(orders, BUY, SELL)
    result = orders.propose(listed(), DAY, "run-2", "ann", {"X": ""})
    assert len(result.replaced) == 1
    assert status(orders) == ["cancelled", "proposed"]


def test_a_later_date_replaces_what_waits_and_an_earlier_one_is_refused(orders):
    first = proposed(orders, BUY, SELL)
    orders.approve(first[1:], "bob", "run-1", {})
    later = orders.propose(listed(("X", "A", "buy", 110.0, 10.75), day=NEXT), NEXT, "run-2", "ann", CLEAN)
    assert later.replaced == first[:1]
    assert status(orders) == ["cancelled", "approved", "proposed"]
    # Friday is restated after Monday was proposed: Monday's list was not net of a new one for Friday.
    again = orders.propose(listed(("X", "A", "buy", 90.0, 10.5), SELL), DAY, "run-3", "ann", CLEAN)
    assert again.refused == {"X": "its orders of 2020-02-03 were proposed already"}
    assert (again.proposed, again.replaced, again.kept) == ((), (), first[1:])
    assert status(orders) == ["cancelled", "approved", "proposed"]


def test_a_book_that_may_not_trade_is_refused_and_loses_its_proposals(orders):
    (name,) = proposed(orders, BUY)
    result = orders.propose(listed(BUY, SELL), DAY, "run-2", "ann", {"X": "max_weight is in breach"})
    assert result.refused == {"X": "max_weight is in breach", "Y": "compliance of the book was not evaluated"}
    assert (result.proposed, result.replaced) == ((), (name,))
    assert orders.frame()["reason"].tolist() == ["max_weight is in breach"]


def test_a_list_sized_before_an_approval_cannot_trade_twice(orders):
    (name,) = proposed(orders, BUY)
    orders.approve([name], "bob", "run-1", {})
    result = orders.propose(listed(("X", "A", "buy", 120.0, 10.5)), DAY, "run-2", "ann", CLEAN)
    assert result.proposed == ()
    assert list(result.withheld.values()) == ["X has an approved order in A of 2020-01-31"]
    assert status(orders) == ["approved"]


def test_a_rejected_or_cancelled_order_is_not_proposed_again(orders):
    first, second = proposed(orders, BUY, SELL)
    assert orders.reject([first], "ann", "the price is old") == (first,)
    assert orders.reject([first], "ann", "again") == ()
    assert orders.cancel([second], "bob", "not now") == (second,)
    assert orders.cancel([second], "bob", "again") == ()
    assert orders.propose(listed(BUY, SELL), DAY, "run-2", "ann", CLEAN).kept == (first, second)
    frame = orders.frame()
    assert frame["status"].tolist() == ["rejected", "cancelled"]
    assert frame["reason"].tolist() == ["the price is old", "not now"]
    with pytest.raises(OrderRefused, match=f"{first} is rejected: it cannot be approved"):
        orders.approve([first], "bob", "run-1", {})
    with pytest.raises(OrderRefused, match=f"{first} is rejected: it cannot be cancelled"):
        orders.cancel([first], "bob", "why")
    with pytest.raises(OrderRefused, match="the reason is missing"):
        orders.cancel([first], "bob", "")


def test_approval_and_sending_are_refused_by_date_and_book_and_all_or_nothing(orders):
    names = proposed(orders, BUY, SELL)
    refusals = {(date(2020, 1, 31), "Y"): "max_weight could not be evaluated"}
    message = f"order {names[1]} cannot be approved: max_weight could not be evaluated"
    with pytest.raises(OrderRefused, match=message):
        orders.approve(names, "bob", "run-1", refusals)
    assert status(orders) == ["proposed", "proposed"]
    orders.approve(names, "bob", "run-1", {(date(2020, 2, 3), "Y"): "another date"})
    with pytest.raises(OrderRefused, match=f"order {names[1]} cannot be sent: max_weight could not be evaluated"):
        orders.send(names, "bob", refusals)
    assert status(orders) == ["approved", "approved"]
    with pytest.raises(OrderRefused, match="order nobody is not known"):
        orders.send([*names, "nobody"], "bob", {})
    assert orders.send(names, "bob", {}) == names


def test_open_orders_are_what_the_positions_of_a_session_do_not_show_yet(orders):
    names = proposed(orders, BUY, SELL)
    assert orders.open_orders(DAY).empty
    orders.approve(names, "bob", "run-1", {})
    everything = [["X", "A", 100.0], ["Y", "B", -40.0]]
    assert orders.open_orders(DAY).to_numpy().tolist() == everything
    assert orders.open_orders("2020-01-30").empty
    orders.send(names, "bob", {})
    orders.fill(executed(names[0], 60))
    assert orders.frame()[["status", "filled"]].to_numpy().tolist() == [["partially_filled", 60.0], ["sent", 0.0]]
    # The position of Monday has the 60; that of Friday has not.
    assert orders.open_orders(NEXT).to_numpy().tolist() == [["X", "A", 40.0], ["Y", "B", -40.0]]
    assert orders.open_orders(DAY).to_numpy().tolist() == everything
    orders.cancel(names, "bob", "enough")
    assert orders.open_orders(NEXT).empty
    assert orders.open_orders(DAY).to_numpy().tolist() == [["X", "A", 60.0]]


def test_orders_are_chosen_by_id_status_and_date(orders):
    first, second = proposed(orders, BUY, SELL)
    orders.approve([first], "bob", "run-1", {})
    assert orders.choose([], "proposed", None) == (second,)
    assert orders.choose([first], "proposed", DAY) == (first, second)
    assert orders.choose([], "proposed", NEXT) == ()
    assert orders.choose([first], None, DAY) == (first,)


def test_a_fill_that_does_not_fit_is_refused_whole(orders):
    names = proposed(orders, BUY, SELL)
    orders.approve(names, "bob", "run-1", {})
    with pytest.raises(OrderRefused, match="event 'filled' cannot happen to an order that is approved"):
        orders.fill(executed(names[0], 10))
    orders.send(names, "bob", {})
    with pytest.raises(OrderRefused, match="'filled' of 101 does not fit the 100 that are left"):
        orders.fill(pd.concat([executed(names[1], 40), executed(names[0], 101)]))
    assert orders.executions().empty
    orders.fill(executed(names[0], 100))
    with pytest.raises(OrderRefused, match="was reported before with other content"):
        orders.fill(executed(names[0], 99))


def test_two_people_at_once_approve_once(orders, engine):
    names = proposed(orders, BUY, SELL)
    done: list[tuple[str, ...]] = []
    threads = [
        Thread(target=lambda u=user: done.append(orders.approve(names, u, "run-1", {}))) for user in ("bob", "eve")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [(), names]


def market(day=NEXT, **changes) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Golden prices of two instruments on ``day``, their reference rows, and no corporate action."""
    prices = pd.DataFrame(
        {"business_date": day, "instrument": ["A", "B"], "close": [10.75, 19.5], "status": "ok", **changes}
    )
    instruments = pd.DataFrame(
        {
            "instrument": ["A", "B"], "currency": ["USD", "EUR"], "exchange": ["XNYS", "nowhere"],
            "asset_class": "equity",
            "multiplier": [1.0, 100.0], "valid_from": np.datetime64("2010-01-01", "us"),
        }
    )  # fmt: skip
    return prices, instruments, tables.empty("corporate_actions")


@pytest.fixture
def sent(orders) -> tuple[str, ...]:
    names = proposed(orders, BUY, SELL)
    orders.approve(names, "bob", "run-1", {})
    return orders.send(names, "bob", {})


def test_the_simulated_broker_fills_at_the_next_real_close_and_the_fill_is_a_transaction(orders, sent):
    broker: Broker = SimulatedBroker(*market())
    assert len(orders.fill(broker.executions(orders.frame()))) == 2
    assert status(orders) == ["filled", "filled"]
    done = orders.executions().set_index("order_id").loc[list(sent)]
    assert done["execution_id"].tolist() == [f"sim-{name}-1" for name in sent]
    assert done["price"].tolist() == [10.75, 19.5]
    # A: 1,075.00, commission at least 1.00, half spread 0.1075. B: 78,000.00, 3.90 and 7.80.
    assert done["fees"].tolist() == [1.11, 11.7]
    assert (done["executed_at"] == pd.Timestamp("2020-02-03 21:00", tz="UTC")).all()
    ((name, data),) = orders.transactions_files("simulated", NEXT, market()[1])
    assert name == "transactions_2020-02-03_simulated.csv"
    lines = sorted(data.decode().splitlines()[1:], key=lambda line: line.split(",")[2])
    assert lines == [
        f"simulated:sim-{sent[0]}-1,X,A,buy,2020-02-03,100.0,10.75,USD,1.11,2020-02-03T21:00:00.000000Z,simulated,simulated",
        f"simulated:sim-{sent[1]}-1,Y,B,sell,2020-02-03,40.0,19.5,EUR,11.70,2020-02-03T21:00:00.000000Z,simulated,simulated",
    ]
    assert data.decode().splitlines()[0] == (
        "transaction_id,book,instrument,kind,trade_date,quantity,price,currency,fees,executed_at,counterparty,source"
    )
    assert orders.transactions_files("simulated", "2020-02-04", market()[1]) == ()


def test_the_simulated_broker_never_fills_twice(orders, sent):
    before = orders.frame()
    broker = SimulatedBroker(*market())
    orders.fill(broker.executions(before))
    assert broker.executions(orders.frame()).empty
    # A second process that had read the orders before the fill reports the same, and nothing happens.
    assert orders.fill(broker.executions(before)) == ()
    first = orders.transactions_files("simulated", NEXT, market()[1])
    assert first == orders.transactions_files("simulated", NEXT, market()[1])


@pytest.mark.parametrize(
    "shown",
    [market(day=DAY), market(day=pd.Timestamp("2020-02-04")), market(status="stale"), market(status="override")],
)
def test_without_a_real_price_of_the_next_session_nothing_fills(orders, sent, shown):
    assert SimulatedBroker(*shown).executions(orders.frame()).empty


def test_an_order_in_old_terms_is_not_filled(orders, sent):
    prices, instruments, _ = market()
    actions = pd.DataFrame(
        {"instrument": ["A", "B"], "kind": ["split", "cash_dividend"], "ex_date": NEXT, "status": "confirmed"}
    )
    broker = SimulatedBroker(prices, instruments, actions)
    assert broker.executions(orders.frame())["order_id"].tolist() == [sent[1]]
    cancelled = actions.assign(status="cancelled")
    assert len(SimulatedBroker(prices, instruments, cancelled).executions(orders.frame())) == 2


def test_only_sent_orders_are_filled(orders):
    proposed(orders, BUY)
    assert SimulatedBroker(*market()).executions(orders.frame()).empty
