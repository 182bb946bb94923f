from dataclasses import replace

import numpy as np
import pandas as pd

from daybook import tables
from daybook.reconciliation import administrator, definitions, reports, statements, valuations
from daybook.reconciliation.breaks import Rules
from tests.frames import frame
from tests.reconciliation.test_reconciliation import COLUMNS, DAYS, D, breaks

NAN = float("nan")
BOOKS = frame("books", "book base_currency valid_from custodian_account", ("P", "USD", DAYS[0], "ACC-P"))
NAV = frame("nav", "business_date book nav status", *[(d, "P", 10000.0, "ok") for d in DAYS])
RATES = frame("fx_rates", "business_date base quote rate status", *[(d, "GBP", "USD", 1.25, "ok") for d in DAYS])
DEFINED = "reconciliation theirs_table valid_from source owner"
ALLOWED = "reconciliation compared_field book valid_from tolerance_amount tolerance_fraction tolerance_bp"


def rules(defined=(), allowed=()) -> Rules:
    return Rules(frame("reconciliations", DEFINED, *defined), frame("tolerances", ALLOWED, *allowed), NAV, RATES, BOOKS)


def shortfall(gap, **declared) -> list:
    """Breaks of a cash balance that is ``gap`` less at the custodian, and of a position that is one unit more."""
    lines = [
        (D, "P", "", "cash", "CASH:USD", "USD", "settled", 1000.0, 1000.0 - gap, -gap, True),
        (D, "P", "", "position", "A", "USD", "settled", 10.0, 11.0, 1.0, True),
    ]
    names = "business_date book source kind instrument currency compared_field ours theirs difference known".split()
    both = pd.DataFrame(lines, columns=names).astype({"source": "str"})
    given = replace(rules(), **declared)
    cash, position = (given.beyond(both.iloc[at : at + 1], table) for at, table in enumerate(TABLES))
    return pd.concat([cash, position])[["kind", "reconciliation", "owner"]].to_numpy().tolist()


def tolerated(*rows):
    return {"tolerances": frame("tolerances", ALLOWED, *rows)}


TABLES = ("custodian_cash", "custodian_positions")
POSITION = ["position", "custodian_positions", ""]


def test_the_largest_of_the_tolerances_given_is_allowed_and_a_book_goes_before_every_book():
    assert shortfall(0.001) == [["cash", "custodian_cash", ""], POSITION]
    amount = ("custodian_cash", "settled", "", DAYS[0], 2.0, NAN, NAN)
    assert shortfall(2.0, **tolerated(amount)) == [POSITION]
    assert len(shortfall(2.01, **tolerated(amount))) == 2
    both = ("custodian_cash", "settled", "", DAYS[0], 2.0, 0.003, NAN)
    assert shortfall(3.0, **tolerated(both)) == [POSITION], "0.3 % of 1,000 is 3"
    by_nav = ("custodian_cash", "settled", "", DAYS[0], NAN, NAN, 4.0)
    assert shortfall(4.0, **tolerated(by_nav)) == [POSITION], "4 bp of 10,000 is 4"
    assert len(shortfall(4.01, **tolerated(by_nav))) == 2
    own = ("custodian_cash", "settled", "P", DAYS[0], 0.5, NAN, NAN)
    assert len(shortfall(1.0, **tolerated(by_nav, own))) == 2
    assert len(shortfall(1.0, **tolerated(("custodian_cash", "settled", "", DAYS[-1], 9.0, NAN, NAN)))) == 2, "later"


def test_definitions_name_their_owner_and_what_they_do_not_compare_stays_with_the_built_in_one():
    defined = frame("reconciliations", DEFINED, ("ops", "custodian_cash", DAYS[0], "", "ann"))
    assert shortfall(1.0, reconciliations=defined) == [["cash", "ops", "ann"], POSITION]
    other = frame("reconciliations", DEFINED, ("ops", "custodian_cash", DAYS[0], "acme", "ann"))
    assert shortfall(1.0, reconciliations=other)[0] == ["cash", "custodian_cash", ""], "the report is of another source"
    several = [("zed", "custodian_cash", DAYS[0], "", "zoe"), ("ops", "custodian_cash", DAYS[0], "", "ann")]
    loose = tolerated(("ops", "settled", "", DAYS[0], 5.0, NAN, NAN))
    assert shortfall(1.0, reconciliations=frame("reconciliations", DEFINED, *several), **loose)[0] == [
        "cash",
        "zed",
        "zoe",
    ]
    reported = pd.DataFrame({"business_date": [D], "book": ["P"], "source": ["acme"]})
    price = frame("reconciliations", DEFINED, ("px", "custodian_positions", DAYS[0], "", "pat"))
    of = frame("tolerances", ALLOWED, ("px", "market_value", "", DAYS[0], NAN, 0.01, NAN))
    held = definitions.in_force(price, of, "custodian_positions", reported).set_index("compared_field")
    assert held["reconciliation"].to_dict() == {
        "quantity": "custodian_positions", "settled": "custodian_positions", "market_value": "px",
    }  # fmt: skip
    assert held.loc["market_value", "tolerance_fraction"] == 0.01
    assert np.isnan(held.loc["market_value", "tolerance_amount"]), "what is declared takes the place of the defaults"


def test_a_tolerance_of_what_is_not_compared_is_told():
    rows = [
        ("custodian_cash", "settled", "", D, 1.0, NAN, NAN), ("ops", "settled", "", D, 1.0, NAN, NAN),
        ("custodian_cash", "market_value", "", D, 1.0, NAN, NAN), ("opps", "settled", "", D, 1.0, NAN, NAN),
    ]  # fmt: skip
    given = rules([("ops", "custodian_cash", D, "", "")], rows)
    assert definitions.unknown(given.reconciliations, given.tolerances)["reason"].tolist() == [
        "custodian_cash does not compare market_value", "no reconciliation is called opps",
    ]  # fmt: skip


VALUES = "business_date book instrument quantity settled_quantity market_value currency"
OURS = "business_date book instrument quantity market_value currency price price_source status"


def valued(theirs, ours, allowed=()) -> list:
    custodian = frame("custodian_positions", VALUES, *[(D, "P", *row) for row in theirs])
    stated = statements.Statements(
        frame("positions", COLUMNS),
        frame("cash", "business_date book currency settled"),
        custodian,
        tables.empty("custodian_cash"),
        frame("custodian_reports", "business_date book kind whole", (D, "P", "position", True)),
    )
    kinds = [("F", DAYS[0], "future", "USD"), ("A", DAYS[0], "equity", "USD"), ("L", DAYS[0], "equity", "GBP")]
    instruments = frame("instruments", "instrument valid_from asset_class currency", *kinds)
    values = frame("valuations", OURS, *[(D, "P", *row, "acme", "ok") for row in ours])
    found = valuations.breaks(stated, values, instruments, tables.empty("accounts"), rules(allowed=allowed))
    return found[["instrument", "currency", "ours", "theirs", "difference", "cause"]].to_numpy().tolist()


def test_a_value_is_our_price_times_their_quantity():
    ours = [("A", 10.0, 200.0, "USD", 20.0)]
    assert valued([("A", 9.0, 9.0, 180.0, "USD")], ours) == [], "their quantity differs, the price does not"
    assert valued([("A", 9.0, 9.0, 189.0, "USD")], ours) == [["A", "USD", 180.0, 189.0, 9.0, "price"]]
    assert valued([("A", -9.0, -9.0, -189.0, "USD")], ours) == [["A", "USD", -180.0, -189.0, -9.0, "price"]]
    assert valued([("A", 10.0, 10.0, 200.02, "")], ours) == [], "a basis point"
    assert len(valued([("A", 10.0, 10.0, 200.021, "")], ours)) == 1
    tight = [("custodian_positions", "market_value", "", DAYS[0], 0.015, NAN, NAN)]
    assert len(valued([("A", 10.0, 10.0, 200.02, "")], ours, tight)) == 1
    assert valued([("A", 5.0, 5.0, 200.0, "USD")], ours) == [], "before a split the whole is worth the same"
    assert valued([("F", 5.0, 5.0, 200.0, "USD")], [("F", 5.0, 100.0, "USD", 20.0)]) == []
    assert valued([("A", 9.0, 9.0, NAN, "USD"), ("M", 9.0, 9.0, 7.0, "USD")], ours) == []


def test_a_value_in_another_currency_is_compared_at_the_closing_rate():
    ours = [("L", 10.0, 80.0, "GBP", 8.0)]
    assert valued([("L", 10.0, 10.0, 100.0, "USD")], ours) == []
    assert valued([("L", 10.0, 10.0, 110.0, "USD")], ours) == [["L", "USD", 100.0, 110.0, 10.0, "price"]]
    found = valued([("L", 10.0, 10.0, 110.0, "SEK")], ours)
    assert found[0][:2] == ["L", "SEK"]
    assert np.isnan(found[0][2])
    assert np.isnan(found[0][4])


def struck(nav, units=NAN, per_unit=NAN, classes=(("P-A", 100.0, 100.0, "USD"),)) -> list:
    theirs = frame("administrator_nav", "business_date book nav units nav_per_unit", (D, "P", nav, units, per_unit))
    columns = "business_date book share_class units nav_per_unit currency"
    of = frame("share_class_nav", columns, *[(D, "P", *row) for row in classes])
    reported = administrator.reported(theirs)
    found = administrator.breaks(administrator.compared(reported, NAV, of, BOOKS), reported, rules())
    return found[["instrument", "kind", "ours", "theirs", "difference", "reason"]].to_numpy().tolist()


def test_the_administrators_nav_is_compared_in_money_and_says_which_figure_differs():
    assert struck(10000.01, 100.0, 100.0) == []
    assert struck(9990.0, 100.0, 99.9) == [
        ["", "nav", 10000.0, 9990.0, -10.0,
         "NAV is 9,990 there and 10,000 here, NAV per unit is 99.9 there and 100 here"]
    ]  # fmt: skip
    assert struck(10000.0, 101.0) == [["", "nav", 10000.0, 10100.0, 100.0, "units is 101 there and 100 here"]]
    assert struck(10000.0, 100.0, 99.0) == [
        ["", "nav", 10000.0, 9900.0, -100.0, "NAV per unit is 99 there and 100 here"]
    ]
    two = (("P-A", 60.0, 100.0, "USD"), ("P-B", 40.0, 100.0, "USD"))
    assert struck(10000.0, 100.0, 99.0, two) == [], "each class has a NAV per unit of its own"
    assert struck(10000.0, 100.0, 99.0, ()) == [], "without classes the books have no units"


def filed(lines, accounts=(), books=BOOKS):
    """What is odd about a report of lines (instrument, ours, theirs, account)."""
    names = ["instrument", "ours", "theirs", "account"]
    rows = pd.DataFrame(lines, columns=names).assign(business_date=D, book="P", source="acme")
    theirs = rows.rename(columns={"theirs": "quantity"}).astype({"account": "str", "book": "str"})
    known = frame("accounts", "account valid_from book", *accounts)
    reported = theirs[["business_date", "book", "source"]].drop_duplicates()
    theirs = theirs.drop(columns="source")
    scaled = reports.units(rows[rows["ours"] != rows["theirs"]], theirs, reported)
    return scaled["reason"].tolist() + reports.foreign(theirs, reported, known, books)["reason"].tolist()


def test_a_file_in_thousands_and_a_file_of_another_account_are_told_by_name():
    thousands = [(f"I{k}", 5000.0 * k, 5.0 * k, "ACC-P") for k in range(1, 5)]
    assert filed(thousands) == ["4 of 4 figures are 0.001 times those of the books: the file is in other units"]
    assert filed(thousands[:2]) == [], "two lines may be two mistakes"
    assert filed([*thousands[:3], ("X", 1.0, 1.0, "ACC-P")]) == [], "one line of four agrees"
    assert filed([("A", 1.0, 1.0, "ACC-Q")], [("ACC-Q", DAYS[0], "Q")]) == [
        "1 line(s) are of account ACC-Q, which is of book Q"
    ]
    assert filed([("A", 1.0, 1.0, "ACC-Q")]) == ["1 line(s) are of account ACC-Q, which is none of the book's"]
    assert filed([("A", 1.0, 1.0, "ACC-2")], [("ACC-2", DAYS[0], "P")]) == []
    assert filed([("A", 1.0, 1.0, "any")], books=BOOKS.assign(custodian_account="")) == []


def test_breaks_of_such_files_have_their_cause():
    theirs = [(D, "P", name, 2000.0, 2000.0, "USD") for name in ("A", "L", "M")]
    found = breaks(positions=[(D, "P", name, 2.0, 2.0) for name in ("A", "L", "M")], theirs=theirs)
    assert found["cause"].tolist() == ["units"] * 3
    assert found["age"].tolist() == [1] * 3
