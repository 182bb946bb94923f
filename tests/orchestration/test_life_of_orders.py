"""An order from its proposal to the position it makes, through the command line, on the demonstration firm."""

import io
from pathlib import Path

import pandas as pd
import pytest

from resources.feeds import feeds
from resources.lake import Lake

PROPOSED, FILLED = "2022-12-27", "2022-12-28"


@pytest.fixture
def show(daybook, monkeypatch):
    """Rows of a table, as a program reads them."""
    monkeypatch.setenv("DAYBOOK_SAMPLE_START", "2022-09-01")  # what the policies need, and no more

    def read(table: str, date: str) -> pd.DataFrame:
        code, out, err = daybook("show", table, "--date", date, "--format", "csv")
        assert code == 0, err
        return pd.read_csv(io.StringIO(out))

    return read


def test_proposed_approved_by_another_sent_filled_at_the_next_close_and_held(daybook, show, settings):
    code, said, complained = daybook("eod", user="trader")
    assert (code, complained) == (0, ""), said
    orders = show("orders", PROPOSED)
    assert set(orders["status"]) == {"proposed"}
    assert len(orders) > 20
    every = ("--all", "--date", PROPOSED)

    code, _, why = daybook("orders", "approve", *every, user="trader")
    assert (code, "trader proposed it; approval needs a second person" in why) == (1, True)
    code, _, why = daybook("orders", "send", orders["order_id"][0], user="checker")
    assert (code, "is proposed: it cannot be sent" in why) == (1, True)
    assert set(show("orders", PROPOSED)["status"]) == {"proposed"}

    one = orders["order_id"][0]
    assert daybook("orders", "reject", one, "--reason", "no trade in it today", user="checker")[0] == 0
    left = len(orders) - 1
    assert daybook("orders", "approve", *every, user="checker")[:2] == (0, f"approved: {left}\n")
    assert daybook("orders", "send", *every, user="checker")[:2] == (0, f"sent: {left}\n")
    assert daybook("orders", "send", *every, user="checker")[:2] == (0, "sent: 0\n")

    before = show("positions", PROPOSED).set_index(["book", "instrument"])["quantity"]
    daybook("eod", "--date", FILLED, user="trader")
    orders = show("orders", PROPOSED).set_index("order_id")
    assert orders["status"].value_counts().to_dict() == {"filled": left, "rejected": 1}
    assert orders["status"][one] == "rejected"

    traded = orders.drop(one)
    executed = show("executions", FILLED).set_index("order_id").join(traded[["book", "instrument", "side"]])
    assert sorted(executed.index) == sorted(traded.index)
    close = show("prices", FILLED).set_index("instrument")["close"]
    assert (executed["price"] == executed["instrument"].map(close)).all()
    assert (executed["quantity"] == traded["quantity"].reindex(executed.index)).all()
    assert (executed["fees"] > 0).all()
    booked = show("transactions", FILLED).set_index("transaction_id")
    assert set(booked.index) >= {f"simulated:{name}" for name in executed["execution_id"]}

    after = show("positions", FILLED).set_index(["book", "instrument"])["quantity"]
    signed = executed["quantity"].where(executed["side"].isin(["buy", "buy_to_cover"]), -executed["quantity"])
    change = signed.groupby([executed["book"], executed["instrument"]]).sum()
    moved = after.sub(before, fill_value=0)
    assert moved[moved != 0].to_dict() == change.to_dict()

    # Asked once more, as any later run does, neither vendor nor broker brings anything: what stands on it stays too, as
    # the contract's own day shows.
    before = {path.name: Lake(settings.lake_uri).version(path.name) for path in Path(settings.lake_uri).iterdir()}
    feeds().collect(pd.Timestamp(FILLED))
    assert {table: Lake(settings.lake_uri).version(table) for table in before} == before
    assert len(show("executions", FILLED)) == left
