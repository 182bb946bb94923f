"""Why a signed NAV is another one: figures worked by hand, in the order value per unit, rate, quantity."""

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.control import changes
from tests.frames import frame

DAY = "2022-12-27"
BEFORE = "2022-12-23"
NONE = pd.Series([], dtype="str")
VALUED = "business_date book instrument quantity price currency fx_rate market_value market_value_base"
POSTED = "business_date book transaction_id posting kind ledger_account instrument currency debit quantity"
LOGGED = "transaction_id book instrument kind trade_date quantity price currency corrects file line delivery known_at"


def valued(book, instrument, quantity, price, rate=1.0, currency="USD"):
    local = quantity * price
    return (DAY, book, instrument, quantity, price, currency, rate, local, round(local * rate, 6))


def state(rows, postings=(), prices=(), rates=(), reason=""):
    valuations = frame("valuations", VALUED, *rows)
    total = valuations.groupby("book")["market_value_base"].sum()
    nav = [(DAY, book, round(value, 6), "USD", reason) for book, value in total.items()]
    return changes.State(
        frame("nav", "business_date book nav base_currency reason", *nav),
        valuations,
        frame("prices", "business_date instrument close currency source status file line", *prices),
        frame("postings", POSTED, *postings),
        frame("raw_fx_rates", "business_date base quote source rate file line", *rates),
    )


def found(then, now, origins=None, actions=NONE):
    none = pd.DataFrame(columns=changes._ORIGIN)
    rows = changes.changes(then, now, none if origins is None else origins, actions)
    gap = now.nav.set_index("book")["nav"] - then.nav.set_index("book")["nav"]
    told = rows.groupby("book")["effect"].sum().reindex(gap.index).fillna(0.0)
    assert (changes.micros(told) == changes.micros(gap)).all()
    return rows


def told(rows, *columns):
    return [tuple(row) for row in rows[list(columns)].itertuples(index=False)]


def bought(book, id, instrument, quantity, paid, kind="buy"):
    return [
        (BEFORE, book, id, 1, kind, "securities", instrument, "USD", paid, quantity),
        (BEFORE, book, id, 2, kind, "unsettled", "", "USD", -paid, 0.0),
    ]


def log(*rows):
    return frame("transactions", LOGGED, *rows)


def facts(transactions=None, actions=None, elections=None):
    return {
        "transactions": tables.empty("transactions") if transactions is None else transactions,
        "corporate_actions": tables.empty("corporate_actions") if actions is None else actions,
        "elections": tables.empty("elections") if elections is None else elections,
    }


def test_a_price_that_was_corrected_and_a_rate_are_told_apart_with_file_and_line():
    one = ("ok", "prices_a.csv", 3)
    then = state(
        [valued("P", "SAP", 100, 50.0, 1.10, "EUR"), valued("P", "CASH:EUR", 1000, 1.0, 1.10, "EUR")],
        prices=[(DAY, "SAP", 50.0, "EUR", "a", *one)],
        rates=[(DAY, "EUR", "USD", "a", 1.10, "fx_a.csv", 2)],
    )
    now = state(
        [valued("P", "SAP", 100, 52.0, 1.20, "EUR"), valued("P", "CASH:EUR", 1000, 1.0, 1.20, "EUR")],
        prices=[(DAY, "SAP", 52.0, "EUR", "b", "ok", "prices_b.csv", 4)],
        rates=[(DAY, "EUR", "USD", "a", 1.20, "fx_b.csv", 9)],
    )
    rows = found(then, now)
    # price at the old rate: 100 x 2 x 1.10 = 220; rate at the new price: 100 x 52 x 0.10 = 520 and 1000 x 0.10
    assert told(rows, "cause", "instrument", "effect", "file", "line") == [
        ("fx_rate", "SAP", 520.0, "fx_b.csv", 9),
        ("price", "SAP", 220.0, "prices_b.csv", 4),
        ("fx_rate", "CASH:EUR", 100.0, "fx_b.csv", 9),
    ]
    assert rows["reason"][1] == "50 (prices_a.csv line 3) -> 52 (prices_b.csv line 4)"
    assert rows["reason"][0] == "1 EUR = 1.1 -> 1.2 USD; EURUSD 1.1 -> 1.2 (fx_b.csv line 9)"
    assert rows["effect_bp"][1] == pytest.approx(220 / (100 * 50 * 1.1 + 1000 * 1.1) * 1e4)


def test_a_late_trade_counts_at_the_price_of_now_less_what_was_paid():
    then = state([valued("P", "A", 100, 10.0), valued("P", "CASH:USD", 5000, 1.0)])
    now = state([valued("P", "A", 150, 10.0), valued("P", "CASH:USD", 4520, 1.0)], bought("P", "T2", "A", 50.0, 480.0))
    late = log(("T2", "P", "A", "buy", BEFORE, 50, 9.6, "USD", "", "late.csv", 7, 30, "2022-12-28"))
    rows = found(then, now, changes.origins(facts(late.head(0)), facts(late)))
    assert told(rows, "cause", "instrument", "transaction_id", "quantity", "effect") == [
        ("transaction_added", "A", "T2", 50.0, 500.0),
        ("transaction_added", "CASH:USD", "T2", -480.0, -480.0),
    ]
    assert set(rows["reason"]) == {"buy 50 A at 9.6 USD of 2022-12-23"}
    assert set(zip(rows["file"], rows["line"], strict=True)) == {("late.csv", 7)}


def test_a_cancelled_trade_and_a_corrected_one_are_told_by_what_did_it():
    old = [
        ("T1", "P", "A", "buy", BEFORE, 50, 9.6, "USD", "", "day.csv", 2, 1, "2022-12-23"),
        ("T3", "P", "B", "buy", BEFORE, 10, 20.0, "USD", "", "day.csv", 3, 1, "2022-12-23"),
    ]
    new = [
        ("C1", "P", "", "cancel", BEFORE, np.nan, np.nan, "", "T1", "fix.csv", 2, 9, "2022-12-28"),
        ("T4", "P", "B", "buy", BEFORE, 10, 21.0, "USD", "T3", "fix.csv", 3, 9, "2022-12-28"),
    ]
    origins = changes.origins(facts(log(*old)), facts(log(*old, *new)))
    then = state(
        [valued("P", "A", 50, 10.0), valued("P", "B", 10, 20.0), valued("P", "CASH:USD", 320, 1.0)],
        [*bought("P", "T1", "A", 50.0, 480.0), *bought("P", "T3", "B", 10.0, 200.0)],
    )
    now = state([valued("P", "B", 10, 20.0), valued("P", "CASH:USD", 790, 1.0)], bought("P", "T4", "B", 10.0, 210.0))
    rows = found(then, now, origins)
    assert told(rows, "cause", "instrument", "transaction_id", "effect", "file", "line") == [
        ("transaction_cancelled", "A", "T1", -500.0, "fix.csv", 2),
        ("transaction_cancelled", "CASH:USD", "T1", 480.0, "fix.csv", 2),
        ("transaction_corrected", "CASH:USD", "T4", -10.0, "fix.csv", 3),
    ]
    assert rows["reason"][0] == "buy 50 A at 9.6 USD of 2022-12-23 cancelled by C1"
    assert rows["reason"][2].endswith("at 21 USD of 2022-12-23 in place of buy 10 B at 20 USD of 2022-12-23")


def test_a_correction_that_was_cancelled_names_the_cancel():
    old = [("T1", "P", "A", "buy", BEFORE, 50, 9.6, "USD", "", "day.csv", 2, 1, "2022-12-23")]
    new = [
        ("T2", "P", "A", "buy", BEFORE, 60, 9.6, "USD", "T1", "fix.csv", 2, 9, "2022-12-28"),
        ("C1", "P", "", "cancel", BEFORE, np.nan, np.nan, "", "T2", "fix.csv", 3, 9, "2022-12-28"),
    ]
    origins = changes.origins(facts(log(*old)), facts(log(*old, *new)))
    assert told(origins, "cause", "name", "reason", "file", "line") == [
        ("transaction_cancelled", "T1", "buy 50 A at 9.6 USD of 2022-12-23 cancelled by C1", "fix.csv", 3)
    ]


def test_what_actions_fees_and_interest_post_has_causes_of_its_own():
    money = "receivables"
    posted = [
        (DAY, "P", "DIV", 1, "cash_dividend", money, "", "USD", 30.0, 0.0),
        (DAY, "P", "SPLIT", 1, "split", "securities", "A", "USD", 0.0, 100.0),
        (DAY, "P", "X:management_fee", 1, "management_fee", money, "", "USD", -4.0, 0.0),
        (DAY, "P", "interest:USD", 1, "interest", money, "", "USD", 1.5, 0.0),
        (DAY, "P", "T9", 1, "buy", "cash", "", "USD", -2.0, 0.0),
    ]
    then = state([valued("P", "A", 100, 10.0), valued("P", "CASH:USD", 1000, 1.0)])
    now = state([valued("P", "A", 200, 10.0), valued("P", "CASH:USD", 1025.5, 1.0)], posted)
    columns = "action_id instrument kind ex_date numerator denominator file line"
    split = frame("corporate_actions", columns, ("SPLIT", "A", "split", DAY, 2.0, 1.0, "ca.csv", 5))
    both = pd.concat([split, frame("corporate_actions", "action_id instrument", ("DIV", "A"))], ignore_index=True)
    origins = changes.origins(facts(actions=both.tail(1)), facts(actions=both))
    rows = found(then, now, origins, both["action_id"])
    assert dict(zip(rows["cause"], rows["effect"], strict=True)) == {
        "corporate_action": 1000.0,
        "entitlement": 30.0,
        "fee_accrual": -4.0,
        "interest": 1.5,
        "rest": -2.0,
    }
    assert rows.loc[rows["cause"] == "corporate_action", ["reason", "file", "line"]].iloc[0].tolist() == [
        "SPLIT: new",
        "ca.csv",
        5,
    ]


def test_what_no_posting_tells_is_named_and_not_hidden_in_a_trade():
    then = state([valued("P", "A", 100, 10.0)])
    now = state([valued("P", "A", 110, 10.0)], bought("P", "T2", "A", 7.0, 0.0)[:1])
    rows = found(then, now)
    assert told(rows, "cause", "quantity", "effect") == [("rest", 7.0, 70.0), ("rest", 3.0, 30.0)]
    assert "no posting tells" in rows["reason"][1]


def test_a_correction_that_moves_a_trade_to_another_book_names_both():
    old = ("T1", "P", "A", "buy", BEFORE, 5, 9.5, "USD", "", "day.csv", 2, 1, "2022-12-23")
    new = ("T2", "Q", "A", "buy", BEFORE, 5, 9.5, "USD", "T1", "fix.csv", 2, 9, "2022-12-28")
    words = changes.origins(facts(log(old)), facts(log(old, new)))["reason"]
    assert words[0].endswith(" in place of buy 5 A at 9.5 USD of 2022-12-23 in P, now in Q")
    assert words[1] == words[0]


def test_margin_names_the_prices_that_moved_it():
    posted = [(DAY, "P", "variation_margin:ES", 1, "variation_margin", "cash", "", "USD", 500.0, 0.0)]
    prices = [(DAY, "ES", close, "USD", "a", "ok", file, 3) for close, file in ((100.0, "a.csv"), (110.0, "b.csv"))]
    then = state([valued("P", "CASH:USD", 1000, 1.0)], prices=prices[:1])
    rows = found(then, state([valued("P", "CASH:USD", 1500, 1.0)], posted, prices[1:]))
    assert told(rows, "cause", "effect", "file", "line") == [("variation_margin", 500.0, "b.csv", 3)]
    assert rows["reason"][0].endswith(": 100 (a.csv line 3) -> 110 (b.csv line 3)")


def test_books_of_a_pool_are_told_what_they_traded_and_not_whose_lots_it_closed():
    """P and Q share lots that P opened: 100 A; the sale of 30 was Q's and not P's. Then a split of 2 for 1."""

    def leg(book, id, account, debit, quantity=0.0, kind="sell"):
        return (
            BEFORE,
            book,
            id,
            len(account),
            kind,
            account,
            "A" if account == "securities" else "",
            "USD",
            debit,
            quantity,
        )

    then = state(
        [
            *(valued("P", "A", 50.0, 10.0), valued("Q", "A", 20.0, 10.0)),
            *(valued("P", "CASH:USD", 300, 1.0), valued("Q", "CASH:USD", 5, 1.0)),
        ],
        [leg("P", "T1", "securities", -300.0, -30.0), leg("P", "T1", "unsettled", 300.0)],
    )
    now = state(
        [
            *(valued("P", "A", 160.0, 10.0), valued("Q", "A", -20.0, 10.0)),
            *(valued("P", "CASH:USD", 0, 1.0), valued("Q", "CASH:USD", 305, 1.0)),
        ],
        [
            *(leg("P", "T2", "securities", -300.0, -30.0), leg("P", "T2", "between_books", 300.0)),
            *(leg("Q", "T2", "unsettled", 300.0), leg("Q", "T2", "between_books", -300.0)),
            leg("P", "SPLIT", "securities", 0.0, 70.0, kind="split"),
        ],
    )
    rows = found(then, now, actions=pd.Series(["SPLIT"]))
    shares = rows[rows["instrument"] == "A"].sort_values(["book", "transaction_id"])
    assert told(shares, "book", "transaction_id", "quantity", "effect") == [
        ("P", "SPLIT", 80.0, 800.0),
        ("P", "T1", 30.0, 300.0),
        ("Q", "SPLIT", -10.0, -100.0),
        ("Q", "T2", -30.0, -300.0),
    ]
    assert set(shares.loc[shares["transaction_id"] == "SPLIT", "cause"]) == {"entitlement"}


def test_a_book_that_failed_has_no_effect_and_says_so_and_others_are_compared():
    then = state([valued("P", "A", 1, 10.0), valued("Q", "A", 1, 10.0)])
    now = state([valued("P", "A", 1, 11.0), valued("Q", "A", 1, 11.0)], reason="no price of B")
    now.nav.loc[now.nav["book"] == "Q", "nav"] = np.nan
    rows = changes.changes(then, now, pd.DataFrame(columns=changes._ORIGIN), NONE)
    assert told(rows, "book", "cause") == [("P", "value_per_unit"), ("Q", "book_failed")]
    assert rows["effect"][0] == 1.0
    assert np.isnan(rows["effect"][1])
    assert rows["reason"][1] == "no price of B"


def test_an_action_that_says_something_else_names_each_word():
    columns = "action_id instrument kind ex_date amount pay_date"
    then = frame("corporate_actions", columns, ("D", "A", "cash_dividend", DAY, 1.0, DAY))
    now = frame("corporate_actions", columns, ("D", "A", "cash_dividend", DAY, 1.25, "2023-01-10"))
    rows = changes.origins(facts(actions=then), facts(actions=now))
    assert rows["reason"].tolist() == ["D: pay_date 2022-12-27 -> 2023-01-10, amount 1 -> 1.25"]
    assert changes.origins(facts(actions=now), facts(actions=now)).empty


def test_the_effects_of_any_change_add_up_to_the_millionth():
    """20 books of random holdings, any of which comes, goes, changes its price, its rate or all of them."""
    generator = np.random.default_rng(7)
    then, now, posted = [], [], []
    for number in range(120):
        book, name = f"P{number % 20}", f"I{number}"
        q0, q1 = (float(q) for q in generator.integers(-1000, 1000, 2))
        p0, p1 = generator.integers(1, 99_999, 2) / 100
        x0, x1 = generator.uniform(0.5, 1.5, 2).round(5)
        if number % 3:
            then.append(valued(book, name, q0, p0, x0, "EUR"))
        if number % 5 or number < 20:
            now.append(valued(book, name, q1, p1 if number % 7 else p0, x1 if number % 11 else x0, "EUR"))
        posted += bought(book, f"T{number}", name, q1 * bool(number % 5 or number < 20) - q0 * bool(number % 3), 0.0)[
            :1
        ]
    rows = found(state(then), state(now, posted))
    assert {"fx_rate", "value_per_unit", "rest"} == set(rows["cause"])
    assert (rows.loc[rows["cause"] == "rest", "transaction_id"] != "").all()  # every unit is told by its posting
    backwards = found(state(now, posted), state(then))
    sums = [part.groupby("book")["effect"].sum() for part in (rows, backwards)]
    assert (changes.micros(sums[0]) == -changes.micros(sums[1])).all()


def test_rows_that_differ_are_told_and_digits_beyond_the_hash_are_not():
    columns = "business_date book nav status"
    then = frame("nav", columns, (DAY, "P", 1.0, "ok"), (DAY, "Q", 2.0, "ok"), (DAY, "R", 3.0, "ok"))
    now = frame("nav", columns, (DAY, "P", 1.0 + 1e-14, "ok"), (DAY, "Q", 2.5, "ok"), (DAY, "S", 3.0, "ok"))
    assert told(changes.different("nav", then, now), "book", "change") == [
        ("Q", "changed"),
        ("R", "removed"),
        ("S", "added"),
    ]
    assert changes.different("nav", then.head(2), now.head(2), without=("nav",)).empty
