"""Causes of breaks: what a custodian has whose log or actions differ by one thing, and what is said of it."""

import pandas as pd
import pytest

from daybook.control.breaks import CAUSES
from daybook.reconciliation import figures, hypotheses, transactions
from tests.reconciliation import custodian_by_hand as firm


@pytest.fixture(scope="module")
def told():
    """Every fault in a book of its own, explained in one call."""
    return firm.explained(firm.FAULTS)


@pytest.mark.parametrize("name", list(firm.FAULTS))
def test_the_cause_is_what_went_otherwise_there(told, name):
    found, fault = told[0][told[0]["book"] == name], firm.FAULTS[name]
    assert sorted(found["instrument"]) == sorted(fault.lines)
    shown = found[["instrument", "difference", "cause", "reason"]].to_string()
    assert set(found["cause"]) == {fault.cause}, shown
    assert found["reason"].str.contains(fault.says, regex=False).all(), shown


BEFORE = firm.SESSIONS[firm.SESSIONS.get_loc(firm.DAY) - 1]
RECORD = {"business_date": "2021-03-03", "currency": "USD", "file": "theirs.csv", "line": 7}
RECORDS = (
    {**RECORD, "book": "heard", "reference": "C1", "kind": "fee", "trade_date": "2021-03-03", "net_amount": -17.33},
    {**RECORD, "book": "priced", "reference": "C2", "transaction_id": "priced:b6", "kind": "buy", "quantity": 25.0,
     "instrument": "CORE", "trade_date": "2021-03-02", "settle_date": "2021-03-04", "price": 101.75,
     "net_amount": -2544.75},
)  # fmt: skip
AGAIN = {**firm.FEE, "quantity": "87.21"}
NOT_MOVING = tuple(row["transaction_id"] for row in firm.LOG if row["transaction_id"] not in ("d1", "b1"))
OTHERS = {
    **{name: firm.FAULTS[name] for name in ("late", "taxed")},
    "heard": firm.FAULTS["silent"],
    "priced": firm.Fault("price", "", (firm.USD,), terms={"b6": {"price": "101.75"}}),
    "both": firm.Fault("", "", (), left_out=("s1",), more=(AGAIN,)),
    **dict.fromkeys(("again", "nothing", "cents"), firm.PLAIN),
    **dict.fromkeys(("quiet", "sent"), firm.Fault("", "", (), held="PAYS", without=NOT_MOVING)),
}


@pytest.fixture(scope="module")
def others():
    """Two sessions of other faults: statements that are wrong as a whole, records of the custodian's own."""
    units, balances = firm.statements(OTHERS)
    for name, factor in (("nothing", 0.0), ("cents", 100.0)):
        of = (units["book"] == name) & (units["business_date"] == firm.DAY)
        units.loc[of, ["quantity", "settled_quantity"]] *= factor
    units.loc[units["book"] == "sent", "market_value"] = 1000.0
    return firm.explained(OTHERS, (_again(units), _again(balances)), RECORDS, (BEFORE, firm.DAY))


def _again(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows``, in which the book ``again`` has sent on 2021-03-04, when trades settle, what it sent the day before."""
    of = rows["book"] == "again"
    first = firm.SESSIONS[firm.SESSIONS.get_loc(BEFORE) - 1]
    sent = rows[of & (rows["business_date"] == first)].assign(business_date=BEFORE)
    return pd.concat([rows[~(of & (rows["business_date"] == BEFORE))], sent], ignore_index=True)


def test_other_books_and_other_sessions_change_nothing(told, others):
    for one, two in zip(told, others, strict=True):
        same = [rows[rows["book"].isin(["late", "taxed"]) & (rows["business_date"] == firm.DAY)] for rows in (one, two)]
        assert len(same[0]) > 2
        pd.testing.assert_frame_equal(*(rows.reset_index(drop=True) for rows in same))


def test_a_fail_is_one_on_its_first_day_too(others):
    rows = others[0]
    first = rows[(rows["book"] == "late") & (rows["business_date"] == BEFORE)]
    assert set(first["cause"]) == {"settlement_fail"}
    assert len(first) == 2


def test_statements_that_are_wrong_as_a_whole(others):
    rows = others[0]
    said = rows.groupby("book")["cause"].unique().map(list)
    assert said[["again", "cents", "nothing"]].tolist() == [["stale_statement"], ["units"], ["empty_statement"]]
    sent = rows[rows["book"] == "again"]
    assert set(sent["reason"].str.split(" \\(").str[0]) == {"the statement of 2021-03-03 was sent again"}
    assert set(sent["business_date"]) == {BEFORE}, "and on the day after all is well"


def test_a_balance_that_has_not_moved_is_a_stale_statement_only_where_values_have_not_moved_either(others):
    # The dividend of 600 was due on that day, and all else stood still.
    rows = others[0]
    said = rows[rows["business_date"] == BEFORE].set_index("book")["cause"]
    assert said[["quiet", "sent"]].tolist() == ["dividend", "stale_statement"]


def test_what_the_custodian_records_names_what_nobody_could_infer(others):
    rows = others[0]
    said = rows[rows["business_date"] == firm.DAY].set_index("book")[["cause", "reason"]]
    assert said.loc["heard", "cause"] == "fee"
    assert "the custodian has fee C1 of 2021-03-03 (theirs.csv:7), which is missing" in said.loc["heard", "reason"]
    assert said.loc["priced", "cause"] == "price"
    assert "the custodian has it as C2 (theirs.csv:7) at 101.75" in said.loc["priced", "reason"]


def test_people_have_every_word_that_is_found(told, others):
    found = {cause for rows, _ in (told, others) for cause in rows["cause"]}
    for words in (figures.WORDS, hypotheses.OF_MONEY, transactions.OF_KIND):
        found |= set(words.values())
    assert found <= set(CAUSES)


def test_two_faults_in_one_balance_are_told_apart(others):
    found, hypotheses = others
    cash = found[(found["book"] == "both") & (found["instrument"] == firm.USD)].iloc[-1]
    # 120 at 51.25 less 4 is not there, and a fee of 87.21 came once more.
    assert cash["difference"] == pytest.approx(-6146 - 87.21)
    assert cash["cause"] == "missing_trade"
    assert "both:s1" in cash["reason"]
    assert "both:f0" in cash["reason"]
    tried = hypotheses[(hypotheses["break_id"] == cash["break_id"]) & (hypotheses["business_date"] == firm.DAY)]
    assert tried[["cause", "residual", "lines_before", "lines_after"]].to_numpy().tolist()[:2] == [
        ["missing_trade", pytest.approx(-87.21), 2, 1],
        ["fee", pytest.approx(-6146.0), 2, 2],
    ]
