"""Numbers explained: by hand on a book with a split, a dividend, a sale and a foreign share."""

from dataclasses import replace

import pytest

from daybook.explain import COLUMNS, explain, tree
from daybook.explain.evidence import Unexplained
from tests.explain.explained import LOG, evidence
from tests.ledger.ledger_facts import facts, trade, transaction


@pytest.fixture(scope="module")
def known():
    return evidence()


@pytest.fixture(scope="module")
def nav(known):
    return explain(known, "nav", "nav")


def below(frame, label):
    """Children of the first node of that label."""
    node = frame.loc[frame["label"] == label, "node"].iloc[0]
    return frame[frame["parent"] == node]


def sources(frame):
    return [(row.value, row.file, row.line) for row in frame.itertuples() if row.part]


def test_nav_is_worked_by_hand(nav):
    # 10 000 - 1 005 + 299 - 65 = 9 229 of cash and 600 EUR owed; 160 ACME of 6.25, 30 EURO of 20.5 at 1.25.
    assert nav["value"].iloc[0] == pytest.approx(9_229 - 750 + 1_000 + 768.75 + 50, abs=1e-9)
    assert tree.gap(nav) == 0
    assert tree.leaves(nav)["value"].sum() == pytest.approx(nav["value"].iloc[0], abs=1e-9)


def test_a_lot_is_the_purchase_in_terms_of_today_less_what_was_sold(nav):
    steps = below(nav, "lot T2 of 2022-03-01")
    # Bought as 100, which are 200 now; 50 of them sold.
    assert sources(steps) == [(1250.0, "log.csv", 3), (-312.5, "log.csv", 4)]
    told = steps[~steps["part"]]
    assert told[["source", "file", "line"]].values.tolist()[0] == ["corporate_actions", "actions.csv", 2]
    assert told["how"].iloc[0] == "100 became 200"


def test_price_and_rate_name_their_lines(nav):
    beside = below(nav, "EURO")
    price = beside[beside["source"] == "prices"].iloc[0]
    assert (price["value"], price["file"], price["line"], price["version"]) == (20.5, "prices.csv", 5, 7)
    rate = beside[beside["source"] == "fx_rates"].iloc[0]
    leg = nav[nav["parent"] == rate["node"]].iloc[0]
    assert (rate["value"], leg["label"], leg["file"], leg["line"]) == (1.25, "EUR/USD", "fx.csv", 5)


def test_cash_is_every_transaction_and_accruals_the_action(nav):
    cash = below(nav, "USD balance")
    assert sources(cash) == [
        (10_000.0, "log.csv", 2),
        (-1_005.0, "log.csv", 3),
        (299.0, "log.csv", 4),
        (-65.0, "more.csv", 2),
    ]
    owed = below(nav, "cash_dividend accrued")
    # 200 held at the close before, 0.25 each.
    assert sources(owed) == [(50.0, "actions.csv", 3)]


@pytest.mark.parametrize(
    ("column", "value"),
    # Paid for on the 8th: the sale and the purchase of the 4th, and the shares in euros, are still to settle.
    [("balance", 9_229.0), ("settled", 8_995.0), ("unsettled", 234.0), ("accrued", 50.0)],
)
def test_columns_of_cash(known, column, value):
    frame = explain(known, "cash", column, "CASH:USD")
    assert (frame["value"].iloc[0], tree.gap(frame)) == (value, 0)


def test_pnl_by_its_formula(known):
    frame = explain(known, "pnl", "total", "ACME")
    held = below(frame, "price_pnl").iloc[0]
    # 200 held x (6.25 - 5.5); sold 50 at 6 and bought 10 at 6.5 against a close of 6.25.
    assert held["value"] == 150.0
    assert held["how"] == "200 x (6.25 - 5.5)"
    assert [line for *_, line in sources(below(frame, "trading_pnl"))] == [4, 2]
    assert sorted(below(frame, "trading_pnl").query("part")["value"]) == [-12.5, -2.5]
    assert sources(below(frame, "fees")) == [(-1.0, "log.csv", 4)]
    assert sources(below(frame, "income")) == [(50.0, "actions.csv", 3)]


def test_currency_moves_the_opening_value(known):
    frame = explain(known, "pnl", "fx_pnl", "EURO")
    # 30 x 21 EUR were worth 756 at 1.2 and are worth 787.5 at 1.25.
    assert below(frame, frame["label"].iloc[0]).query("part")["value"].tolist() == [31.5]


def test_interest_of_a_cash_row_that_another_currency_was_paid_for_is_told_once():
    day = "2022-03-04"
    paid = [
        transaction("T6", "interest", day, quantity=17.5),
        trade("T7", "fx", day, 100, 0.8, instrument="CASH:USD", currency="EUR"),
    ]
    frame = explain(evidence([*LOG, *paid]), "pnl", "income", "CASH:USD")
    assert (frame["value"].iloc[0], tree.gap(frame)) == (17.5, 0)
    assert tree.leaves(frame)["value"].tolist() == [17.5]


def test_realised_gain_is_proceeds_less_cost(known):
    frame = explain(known, "realised", "gain")
    assert frame["value"].iloc[0] == 299.0 - 1005 * 50 / 200
    assert sources(tree.leaves(frame)) == [(299.0, "log.csv", 4), (-251.25, "log.csv", 3)]


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_adds_up(known, table):
    for column in COLUMNS[table]:
        names = {"cash": ["CASH:USD", "CASH:EUR"], "nav": [""], "realised": ["ACME"]}.get(table, ["ACME", "EURO"])
        for instrument in names:
            if (column, instrument) == ("unit_cost", "ACME"):
                continue  # of two lots
            frame = explain(known, table, column, instrument)
            assert tree.gap(frame) == 0, (table, column, instrument)


def test_a_transaction_that_is_not_in_the_log_is_a_gap(known):
    frame = explain(replace(known, log=facts("transactions", *LOG[:-1])), "nav", "nav")
    # The purchase of 10 at 6.5 is in the results alone: its 62.50 of shares and its 65 of cash.
    assert tree.gap(frame) == pytest.approx(62.5 + 65.0)
    missing = frame[frame["label"] == tree.NOT_EXPLAINED]
    assert sorted(missing["value"]) == [-65.0, 62.5]


def test_an_overridden_price_says_by_whom(known):
    decided = facts(
        "price_overrides",
        {
            "override_id": "1", "instrument": "ACME", "price": 6.25, "currency": "USD", "valid_from": "2022-03-04",
            "valid_to": "2022-03-09", "reason": "halted", "entered_by": "ann", "approved_by": "ben",
        },
    )  # fmt: skip
    prices = known.results["prices"].copy()
    prices.loc[1, "status"] = "override"
    told = replace(known, price_overrides=decided, results={**known.results, "prices": prices})
    frame = explain(told, "valuations", "market_value_base", "ACME")
    said = frame[frame["source"] == "price_overrides"].iloc[0]
    assert said["label"] == "overridden by ann, approved by ben, until 2022-03-09"
    assert said["how"] == "halted"


@pytest.mark.parametrize(
    ("table", "column", "instrument", "reason"),
    [
        ("cash", "balance", "", "CASH:EUR, CASH:USD"),
        ("positions", "cost", "", "EUR, USD, which do not add up"),
        ("valuations", "price", "", "name it with --instrument"),
        ("positions", "cost", "NONE", "have no NONE"),
        ("nav", "nav", "ACME", "whole book"),
    ],
)
def test_what_cannot_be_explained_is_refused_by_name(known, table, column, instrument, reason):
    with pytest.raises(Unexplained, match=reason):
        explain(known, table, column, instrument)
