"""Corrections that people post, cancels and elections: on the real lake and the real PostgreSQL."""

import pandas as pd
import pytest
import sqlalchemy as sa

from resources import audit, deliveries, posted, records, requests
from resources.feeds import Feeds
from resources.inbox import Inbox
from resources.posted import PostRefused
from resources.rehearsal import rehearsal
from resources.requests import RequestRefused
from tests.frames import frame

FILES = {
    "books_2022-12-01.csv": "book,base_currency\nB,USD\n",
    "instruments_2022-12-01.csv": "instrument,currency,exchange\nIBM,USD,XNYS\n",
    "prices_2022-12-27_desk.csv": "business_date,instrument,close,currency\n2022-12-27,IBM,100,USD\n",
    "transactions_2022-12-27.csv": (
        "transaction_id,book,instrument,kind,trade_date,quantity,price,currency\n"
        "T1,B,IBM,buy,2022-12-27,10,100,USD\nT2,B,IBM,buy,2022-12-27,5,100,USD\n"
    ),
    "corporate_actions_2022-12-27.csv": (
        "action_id,instrument,kind,ex_date,pay_date,amount,currency,numerator,denominator,choices,election_deadline,"
        "status\n"
        "DIV,IBM,cash_dividend,2022-12-29,2023-01-10,1,USD,1,50,cash stock,2023-01-05,confirmed\n"
        "SPLIT,IBM,split,2023-02-01,,,USD,2,1,,,confirmed\nGONE,IBM,split,2023-03-01,,,USD,2,1,,,cancelled\n"
    ),
}
FIX = {
    "transactions_2022-12-27_fix.csv": (
        b"transaction_id,book,instrument,kind,trade_date,quantity,price,currency,corrects\n"
        b"T1-a,B,IBM,buy,2022-12-27,11,100,USD,T1\n"
    )
}
DAY = pd.Timestamp("2022-12-27")


@pytest.fixture
def doors(settings, lake, engine) -> Feeds:
    """A firm with two trades and an action that leaves a choice."""
    made = Feeds(settings, lake, engine)
    (settings.home / "inbox").mkdir(parents=True)
    made.inbox.deliver_all([(name, text.encode()) for name, text in FILES.items()])
    lake.write(
        "positions", frame("positions", "business_date book instrument quantity", (DAY, "B", "IBM", 15.0)), [DAY]
    )
    return made


def log(doors) -> list[str]:
    """The log: what was replaced or cancelled stays in it."""
    return sorted(doors.facts.current("transactions")["transaction_id"])


def asked(doors, wish, who="ann", files=None) -> int:
    with rehearsal(doors) as supposed:
        posted.suppose(supposed, wish, who, files)
    return posted.request(doors, wish, who, "typed wrong", files)


def said(doors) -> list[list[str]]:
    return audit.acts(doors.engine)[["person", "act", "subject"]].to_numpy().tolist()


def test_a_posted_correction_counts_once_a_second_person_agrees_and_keeps_who_and_why(doors):
    number = asked(doors, posted.post_wish(FIX), files=FIX)
    assert log(doors) == ["T1", "T2"], "asking changes nothing"
    with pytest.raises(RequestRefused, match="a second person must agree"):
        requests.approve(doors.inbox, number, " ANN")
    requests.approve(doors.inbox, number, "bob", "seen the ticket")
    assert log(doors) == ["T1", "T1-a", "T2"]
    row = doors.facts.current("transactions").set_index("transaction_id").loc["T1-a"]
    assert (row["quantity"], row["file"], row["line"]) == (11, "transactions_2022-12-27_fix.csv", 2)
    with doors.engine.connect() as connection:
        delivery = deliveries.find(connection, int(row["delivery"]))
    assert delivery["kind"] == "posted"
    assert delivery["reason"] == "asked for by ann, approved by bob (request 1): typed wrong"
    assert said(doors) == [["ann", "ask", "request 1"], ["bob", "approve", "request 1"]]
    assert audit.look(doors.engine).empty
    with pytest.raises(RequestRefused, match="approved already"):
        requests.approve(doors.inbox, number, "carl")
    with pytest.raises(PostRefused, match="there already: nothing would change"):
        asked(doors, posted.post_wish(FIX), files=FIX)


def test_what_would_be_quarantined_is_refused_with_the_reasons_and_leaves_nothing(doors):
    amount = "transaction_id,book,kind,trade_date,quantity,currency\nX,B,deposit,2022-12-27,abc,USD\n"
    for file, text, reason in (
        ("transactions_2022-12-27_x.csv", amount, "would be quarantined: line 2, quantity 'abc'"),
        ("transactions_2022-12-27_x.csv", FILES["transactions_2022-12-27.csv"] + "\n", "nothing in it is new"),
        ("prices_2022-12-27_y.csv", "nonsense\n1\n", "would be quarantined"),
        ("transactions_2022-12-27.xls", "x", "the extension is not"),
        ("trades_2022-12-27.csv", "x", "unknown table 'trades'"),
    ):
        files = {file: text.encode()}
        with pytest.raises(PostRefused, match=reason):
            asked(doors, posted.post_wish(files), files=files)
    assert requests.pending(doors.engine).empty
    assert doors.inbox.entries().empty
    assert said(doors) == []


def test_what_can_no_longer_be_taken_in_stays_a_request_and_does_nothing(doors):
    both = FIX | {"prices_2022-12-27_fix.csv": b"business_date,instrument,close,currency\n2022-12-27,IBM,99,USD\n"}
    number = asked(doors, posted.post_wish(both), files=both)
    cancelled = asked(doors, posted.cancel_wish(doors, "T1"))
    requests.approve(doors.inbox, cancelled, "bob")
    with pytest.raises(PostRefused, match="would be quarantined: line 2, corrects 'T1'"):
        requests.approve(doors.inbox, number, "bob")
    assert requests.find(doors.engine, number)["status"] == requests.PENDING
    assert doors.facts.current("raw_prices")["close"].tolist() == [100], "all files of a request, or none"
    assert doors.inbox.entries().empty
    assert [act for _, act, _ in said(doors)] == ["ask", "ask", "approve"]


def test_a_cancel_takes_a_transaction_out_and_is_refused_for_what_is_not_in_force(doors):
    number = asked(doors, posted.cancel_wish(doors, "T2"))
    requests.approve(doors.inbox, number, "bob")
    assert log(doors) == ["T1", "T2", "request-1"]
    with doors.engine.connect() as connection:
        row = connection.execute(sa.select(records.transactions).where(records.transactions.c.corrects == "T2")).one()
    assert (row.transaction_id, row.file) == ("request-1", "transactions_2022-12-27_request-1.csv")
    with pytest.raises(PostRefused, match="cancelled already, by request-1"):
        posted.cancel_wish(doors, "T2")
    with pytest.raises(PostRefused, match="there is no transaction 'T9'"):
        posted.cancel_wish(doors, "T9")
    files = asked(doors, posted.post_wish(FIX), files=FIX)
    requests.approve(doors.inbox, files, "bob")
    with pytest.raises(PostRefused, match="cancel T1-a instead"):
        posted.cancel_wish(doors, "T1")


def test_an_election_counts_and_one_that_would_not_is_refused(doors):
    wish = posted.elect_wish(doors, "DIV", "B", "stock", 10.0, DAY)
    requests.approve(doors.inbox, asked(doors, wish), "bob")
    row = doors.facts.current("elections").iloc[0]
    assert (row["book"], row["choice"], row["quantity"], row["elected_on"]) == ("B", "stock", 10.0, DAY)
    late = pd.Timestamp("2023-01-06")
    for said_, reason in (
        (("DIV", "B", "stock", 10.0, DAY), "has elected just that already"),
        (("DIV", "B", "stock", 15.5, DAY), "B held 15 IBM on 2022-12-27"),
        (("DIV", "B", "exercise", None, DAY), "does not leave the choice 'exercise': it leaves cash stock"),
        (("DIV", "B", "stock", None, late), "the deadline of DIV was 2023-01-05"),
        (("DIV", "C", "stock", None, DAY), "C is not entitled"),
        (("SPLIT", "B", "stock", None, DAY), "leaves no choice"),
        (("GONE", "B", "stock", None, DAY), "there is no corporate action 'GONE'"),
        (("NONE", "B", "stock", None, DAY), "there is no corporate action 'NONE'"),
    ):
        with pytest.raises(PostRefused, match=reason):
            posted.elect_wish(doors, *said_)


def test_of_two_who_approve_at_once_one_delivers(doors):
    from concurrent.futures import ThreadPoolExecutor

    number = asked(doors, posted.post_wish(FIX), files=FIX)

    def approve(who):
        try:
            return requests.approve(Inbox(doors.settings, doors.lake, doors.engine), number, who)["decided_by"]
        except RequestRefused as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(approve, ["bob", "carl"]), key=len)
    assert found[1] == f"request {number} is approved already, by {found[0]}"
    assert log(doors) == ["T1", "T1-a", "T2"]
    assert audit.look(doors.engine).empty
