"""Late trades into a closed period, through the inbox: what the close and the policy of the moment make of them."""

import pandas as pd
import pytest
import sqlalchemy as sa

from daybook import tables
from resources import closes, records
from resources.facts import Facts
from resources.inbox import Inbox

HEAD = "transaction_id,book,instrument,kind,trade_date,quantity,price"
SIGNED = pd.Timestamp("2024-01-04")


@pytest.fixture
def firm(settings, lake, engine) -> Inbox:
    """Books ALPHA, which ann signed for 2024-01-04, and BETA, which nobody did."""
    (settings.home / "inbox").mkdir()
    inbox = Inbox(settings, lake, engine, pause=lambda: None)
    files = {
        "instruments_2024-01-02.csv": "instrument,currency,exchange\nAAPL,USD,XNYS\n",
        "books_2024-01-02.csv": "book,base_currency\nALPHA,USD\nBETA,USD\n",
        "transactions_2024-01-03.csv": f"{HEAD}\nT1,ALPHA,AAPL,buy,2024-01-03,10,150\n",
    }
    inbox.deliver_all([(name, data.encode()) for name, data in files.items()])
    closes.sign(engine, SIGNED, "ALPHA", "ann", {}, 3, tables.empty("performance"))
    return inbox


def late(inbox: Inbox, policy: str, *lines: str):
    rules = f"book,valid_from,closed_period\nALPHA,2024-01-01,{policy}\n"
    text = "\n".join([HEAD, *(lines or ("T2,ALPHA,AAPL,buy,2024-01-03,5,151", "T3,BETA,AAPL,buy,2024-01-03,5,151"))])
    given = [("close_rules_2024-01-01.csv", rules.encode()), ("transactions_2024-01-05.csv", text.encode())]
    return inbox.deliver_all(given)


def touched(inbox: Inbox) -> dict[int, str]:
    table = records.deliveries.c
    with inbox.engine.connect() as connection:
        found = connection.execute(sa.select(table.seq, table.affects_from).where(table.table_name == "transactions"))
        return {seq: str(day) for seq, day in found}


def test_a_late_trade_is_posted_forward_and_leaves_the_closed_sessions_as_they_are(firm):
    late(firm, "post", "T2,ALPHA,AAPL,buy,2024-01-03,5,151")
    log = Facts(firm.settings, firm.lake, firm.engine).current("transactions").set_index("transaction_id")
    assert pd.isna(log.loc["T1", "booked_on"])
    assert log.loc["T2", "booked_on"] == pd.Timestamp("2024-01-05")
    assert list(touched(firm).values()) == ["2024-01-03", "2024-01-05"]
    # The same row again is the same transaction, and another close moves nothing that is booked.
    closes.sign(firm.engine, pd.Timestamp("2024-01-05"), "ALPHA", "ann", {}, 5, tables.empty("performance"))
    again = firm.deliver("transactions_2024-01-08.csv", f"{HEAD}\nT2,ALPHA,AAPL,buy,2024-01-03,5,151\n".encode())
    assert (again.rows, again.quarantined) == (0, 0)


def test_a_refused_trade_waits_in_quarantine_and_comes_in_when_the_policy_changes(firm):
    late(firm, "refuse")
    entries = firm.entries()
    [entry] = entries.to_dict("records")
    assert (entry["line"], entry["column"], entry["value"]) == (2, "trade_date", "2024-01-03")
    assert entry["reason"].startswith("2024-01-03 is in a closed period of ALPHA: ann signed 2024-01-04 as version 1; ")
    assert "closed period" in firm.release(entry["id"], "bob", "it is a trade").reason
    rules = b"book,valid_from,closed_period\nALPHA,2024-01-05,restate\n"
    firm.deliver("close_rules_2024-01-05.csv", rules)
    assert firm.release(entry["id"], "bob", "agreed with ann").outcome == "complete"
    log = Facts(firm.settings, firm.lake, firm.engine).current("transactions").set_index("transaction_id")
    assert sorted(log.index) == ["T1", "T2", "T3"]
    assert log["booked_on"].isna().all()


def test_what_came_after_a_signature_is_told_with_it_and_what_was_restated_with_the_newest(firm):
    late(firm, "restate", "T2,ALPHA,AAPL,buy,2024-01-04,5,151", "T3,BETA,AAPL,buy,2024-01-03,5,151")
    cancel = "transaction_id,kind,corrects\nC1,cancel,T1\n"
    firm.deliver("transactions_2024-01-05_late.csv", cancel.encode())
    wanted = ["transaction_id", "trade_date", "signed_on", "version", "signed_by"]
    found = closes.late(firm.engine, SIGNED, SIGNED)[wanted].sort_values("transaction_id")
    assert found.to_numpy().tolist() == [
        ["C1", pd.Timestamp("2024-01-03"), SIGNED, 1, "ann"],
        ["T2", pd.Timestamp("2024-01-04"), SIGNED, 1, "ann"],
    ]
    assert closes.late(firm.engine, pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-08")).empty
