from functools import cache

import numpy as np
import pandas as pd

from daybook import calendars, tables
from daybook.reconciliation import breaks as broken
from daybook.reconciliation import confirmations, statements
from tests.frames import frame, sessions
from tests.ledger.books_by_hand import FAILURE, firm

DAYS = calendars.sessions("XNYS", "2020-01-02", "2020-01-10")
COLUMNS = "business_date book instrument quantity settled_quantity"
THEIRS = COLUMNS + " currency"


def reported(theirs=(), their_cash=(), torn=(), empty=()) -> pd.DataFrame:
    """What was reported: the books of all lines, and ``empty`` (session, book, kind); those ``torn`` not wholly."""
    listed = {(row[0], row[1], kind) for kind, rows in (("position", theirs), ("cash", their_cash)) for row in rows}
    rows = [(*row, row not in set(torn)) for row in sorted({*listed, *empty})]
    return frame("custodian_reports", "business_date book kind whole", *rows)


@cache
def worth():
    """The firm, and its NAV."""
    it = firm(
        prices=[(d, i, p, c) for d in DAYS for i, p, c in (("A", 20.0, "USD"), ("L", 8.0, "GBP"), ("M", 5.0, "USD"))],
        rates=[(d, "GBP", "USD", 1.25) for d in DAYS],
        cash=[(d, "P", "USD", 10000.0, 0.0) for d in DAYS],
        books=[("P", "USD", "XNYS"), ("Q", "GBP", "XLON")],
    )
    return it, it.nav(DAYS)


def breaks(
    positions=(),
    theirs=(),
    cash=(),
    their_cash=(),
    failures=(),
    days=None,
    torn=(),
    empty=(),
    confirmed=(),
) -> pd.DataFrame:
    it, navs = worth()
    days = DAYS if days is None else days
    failed = pd.DataFrame(list(failures), columns=list(FAILURE)).astype(FAILURE)
    stated = statements.Statements(
        frame("positions", COLUMNS, *positions),
        frame("cash", "business_date book currency settled", *cash),
        frame("custodian_positions", THEIRS, *theirs),
        frame("custodian_cash", "business_date book currency balance", *their_cash),
        reported(theirs, their_cash, torn, empty),
    ).compared(it.books, failed)
    nav = navs[navs["business_date"].isin(days)]
    rules = broken.Rules(tables.empty("reconciliations"), tables.empty("tolerances"), nav, it.rates, it.books)
    rows = stated.breaks(rules, tables.empty("accounts"))
    paid = frame("confirmations", "business_date book instrument action_id currency ours theirs", *confirmed)
    return broken.breaks(
        [rows[rows["business_date"].isin(days)], confirmations.unequal(paid, it.books, failed, days)],
        nav, it.prices, it.rates, it.books, it.instruments,
    )  # fmt: skip


NAN = float("nan")
D = DAYS[2]


def test_a_missing_line_is_worth_its_price_in_the_books_currency():
    found = breaks(
        positions=[(D, "P", "L", 100.0, 100.0), (D, "P", "A", 7.0, 7.0)],
        theirs=[(D, "P", "L", 97.0, 97.0, "GBP"), (D, "P", "A", 7.0, 7.0, "USD"), (D, "P", "M", 2.0, 2.0, "USD")],
    )
    columns = ["instrument", "ours", "theirs", "difference", "impact_base", "impact_bp", "currency", "kind"]
    assert found[columns].to_numpy().tolist() == [
        ["L", 100.0, 97.0, -3.0, -30.0, -30.0, "USD", "position"],
        ["M", 0.0, 2.0, 2.0, 100.0, 100.0, "USD", "position"],
    ]
    assert found["break_id"].tolist()[0] == "position:P:L:2020-01-06"
    assert set(found["status"]) == {"open"}
    assert set(found["cause"]) == {"unexplained"}


def test_a_dividend_confirmed_with_another_amount_is_a_break_until_the_whole_is_confirmed():
    confirmed = [
        (DAYS[1], "P", "L", "x", "GBP", 35.0, 30.0),
        (DAYS[1], "P", "A", "y", "USD", 70.0, 70.0),
        (DAYS[3], "P", "L", "x", "GBP", 35.0, 5.0),
    ]
    columns = [
        "business_date",
        "instrument",
        "kind",
        "currency",
        "ours",
        "theirs",
        "difference",
        "impact_base",
        "break_id",
    ]
    found = breaks(confirmed=confirmed)
    name = f"transaction:P:L:{DAYS[1]:%Y-%m-%d}"
    # 5 GBP at 1.25; a pound is a pound, whatever the share costs.
    rows = [[day, "L", "transaction", "GBP", 35.0, 30.0, -5.0, -6.25, name] for day in DAYS[1:3]]
    assert found[columns].to_numpy().tolist() == rows
    assert breaks(confirmed=confirmed[:1], failures=[("P", day, "why") for day in DAYS]).empty


def test_settled_is_compared_where_it_is_given_and_traded_where_not():
    ours = [(D, "P", "A", 10.0, 6.0), (D, "P", "L", 5.0, 0.0)]
    assert breaks(positions=ours, theirs=[(D, "P", "A", 10.0, 6.0, "USD")]).empty, "L is not settled at either"
    found = breaks(positions=ours, theirs=[(D, "P", "A", 10.0, NAN, "USD")])
    assert found[["instrument", "ours", "difference"]].to_numpy().tolist() == [["L", 5.0, -5.0]]


def test_only_books_and_sides_that_the_custodian_reported():
    ours = [(D, "P", "A", 10.0, 10.0), (D, "Q", "A", 10.0, 10.0)]
    money = [(D, "P", "USD", 100.0), (D, "Q", "GBP", 50.0)]
    assert breaks(positions=ours, cash=money).empty
    found = breaks(positions=ours, cash=money, their_cash=[(D, "P", "USD", 99.0), (D, "P", "EUR", 1.0)])
    assert found[["book", "instrument", "difference", "impact_base"]].to_numpy().tolist()[1] == [
        "P",
        "CASH:USD",
        -1,
        -1,
    ]
    assert np.isnan(found["impact_base"][0]), "no rate for the euro: the impact is not known"
    assert found["currency"].tolist() == ["EUR", "USD"]


def test_an_empty_report_says_that_nothing_is_left_and_no_report_says_nothing():
    ours = [(D, "P", "A", 10.0, 6.0), (D, "Q", "A", 10.0, 10.0)]
    found = breaks(positions=ours, cash=[(D, "P", "USD", 100.0)], empty=[(D, "P", "position")])
    assert found[["book", "instrument", "ours", "theirs", "difference", "impact_base"]].to_numpy().tolist() == [
        ["P", "A", 6.0, 0.0, -6.0, -120.0],
    ]  # fmt: skip


def test_what_a_torn_report_does_not_list_is_neither_a_break_nor_agreed():
    ours = [(D, "P", "A", 10.0, 10.0), (D, "P", "L", 5.0, 5.0), (D, "P", "M", 0.0, 0.0), (D, "Q", "L", 5.0, 5.0)]
    theirs = [(D, "P", "A", 9.0, 9.0, "USD"), (D, "Q", "A", 1.0, 1.0, "USD")]
    torn = [(D, "P", "position")]
    found = breaks(positions=ours, theirs=theirs, torn=torn)
    assert found[["book", "instrument", "difference"]].to_numpy().tolist() == [
        ["P", "A", -1.0], ["Q", "A", 1.0], ["Q", "L", -5.0],
    ]  # fmt: skip
    stated = statements.Statements(
        frame("positions", COLUMNS, *ours),
        frame("cash", "business_date book currency settled", (D, "P", "USD", 3.0)),
        frame("custodian_positions", THEIRS, *theirs),
        frame("custodian_cash", "business_date book currency balance"),
        reported(theirs, torn=torn, empty=[(D, "P", "cash")]),
    )
    left = statements.uncompared(stated, DAYS)
    assert left.to_numpy().tolist() == [[D, "P", "L", "position", 5.0]], "M is not held, cash was reported whole"


def test_opened_on_is_the_first_session_of_the_unbroken_run():
    gaps = {0: 1.0, 1: 2.0, 2: 0.0, 3: 4.0, 5: 5.0}  # nothing was reported on the fifth session
    found = breaks(
        cash=[(d, "P", "USD", 100.0) for d in DAYS],
        their_cash=[(DAYS[k], "P", "USD", 100.0 + gap) for k, gap in gaps.items()],
    )
    opened = dict(zip(found["business_date"], found["opened_on"], strict=True))
    assert opened == {DAYS[0]: DAYS[0], DAYS[1]: DAYS[0], DAYS[3]: DAYS[3], DAYS[5]: DAYS[3]}
    assert found["break_id"].nunique() == 2
    single = breaks(
        cash=[(d, "P", "USD", 100.0) for d in DAYS],
        their_cash=[(DAYS[k], "P", "USD", 100.0 + gap) for k, gap in gaps.items()],
        days=sessions(DAYS[5]),
    )
    pd.testing.assert_frame_equal(single, found[found["business_date"] == DAYS[5]].reset_index(drop=True))


def test_a_tiny_quantity_is_a_break_and_the_last_place_of_a_float_is_nothing():
    found = breaks(
        positions=[(D, "P", "A", 0.1 + 0.2, 0.1 + 0.2), (D, "P", "L", 5.0, 5.0)],
        theirs=[(D, "P", "A", 0.3, 0.3, "USD"), (D, "P", "L", 5.0000005, 5.0000005, "GBP")],
    )
    assert found["instrument"].tolist() == ["L"]


def test_a_failed_book_is_not_compared_and_a_day_off_neither():
    ours, theirs = [(D, "P", "A", 10.0, 10.0)], [(d, "P", "A", 1.0, 1.0, "USD") for d in (DAYS[1], D)]
    assert breaks(theirs=theirs, positions=ours, failures=[("P", day, "why") for day in (DAYS[1], D)]).empty
    found = breaks(theirs=theirs, positions=ours, failures=[("P", D, "why")])
    assert found["business_date"].tolist() == [DAYS[1]]
    found = breaks(theirs=theirs, positions=ours, failures=[("P", DAYS[1], "a price in another currency")])
    assert found["business_date"].tolist() == [D], "a failure of one session alone is over on the next"
    holiday = sessions("2020-05-08")
    assert breaks(theirs=[(holiday[0], "Q", "A", 1.0, 1.0, "USD")], days=holiday).empty


def test_nothing_to_compare():
    assert breaks().empty
