"""How grave it is that a feed is not complete, and for whom."""

import numpy as np
import pandas as pd

from daybook.market.quality import feeds
from tests.frames import frame, sessions
from tests.market.quality.holdings import DAYS, D, held, said

OUTCOMES = "business_date feed source outcome rows expected_rows absent coverage reason"
NONE = float("nan")
LEFT = pd.DataFrame(
    [(D, "P", f"N{at}", "position", 1.0) for at in range(7)] + [(D, "P", "CASH:USD", "cash", 5.0)],
    columns=["business_date", "book", "instrument", "kind", "ours"],
)


def incomplete(*rows):
    """{(check, feed): severity} of (feed, source, outcome, rows, expected_rows, absent, coverage) on D."""
    table = frame("feed_outcomes", OUTCOMES, *[(D, *row, "why") for row in rows])
    found = feeds.incomplete(table, feeds.uncompared(LEFT.head(0)))
    assert (found["reason"] == (found["instrument"] + ": why").mask(found["instrument"] == "readme.txt", "why")).all()
    return dict(zip(zip(found["check"], found["instrument"], strict=True), found["severity"], strict=True))


def test_nothing_is_said_of_what_is_complete_or_said_elsewhere():
    assert incomplete(
        ("prices", "v", "complete", 20, 21, 1, 0.95),
        ("fx_rates", "", "partial", 4, 4, 0, 1.0),  # its rows in quarantine have their own finding
        ("transactions", "", "partial", 4, 0, 0, NONE),
        ("corporate_actions", "", "empty", 0, 0, 0, NONE),  # nothing happened
        ("custodian_cash", "c", "missing", 0, 4, 4, 0.0),  # told of each book
        ("custodian_positions", "c", "partial", 9, 12, 1, 0.8),
    ) == {}  # fmt: skip


def test_no_price_at_all_blocks_and_some_prices_warn():
    missing, empty = ("prices", "a", "missing", 0, 5, 5, 0.0), ("prices", "b", "empty", 0, 5, 5, 0.0)
    assert incomplete(missing, empty) == {
        ("feed_missing", "prices_a"): "blocking", ("feed_empty", "prices_b"): "blocking",
    }  # fmt: skip
    assert incomplete(missing, empty, ("prices", "c", "partial", 3, 6, 1, 0.5)) == {
        ("feed_missing", "prices_a"): "warning", ("feed_empty", "prices_b"): "warning",
        ("feed_partial", "prices_c"): "warning",
    }  # fmt: skip


def test_what_other_sources_delivered_in_full_is_only_told():
    other = ("prices", "b", "complete", 5, 5, 0, 1.0)
    assert incomplete(other, ("prices", "a", "missing", 0, 5, 0, 0.0)) == {("feed_missing", "prices_a"): "info"}
    assert incomplete(other, ("prices", "a", "partial", 2, 5, 0, 0.4)) == {("feed_partial", "prices_a"): "info"}


def test_a_failure_blocks_unless_nobody_signs_what_is_made_of_it():
    assert incomplete(
        ("fx_rates", "ecb", "failed", 0, 30, 30, 0.0),
        ("prices", "a", "failed", 5, 5, 0, 1.0),  # an older version of the file stays in force
        ("limits", "", "failed", 0, 0, 0, NONE),
        ("custodian_cash", "c", "failed", 0, 2, 2, 0.0),
        ("", "readme.txt", "failed", 0, 0, 0, NONE),
        ("fundamentals", "v", "failed", 0, 0, 0, NONE),
    ) == {
        ("feed_failed", "fx_rates_ecb"): "blocking", ("feed_failed", "prices_a"): "blocking",
        ("feed_failed", "limits"): "blocking", ("feed_failed", "custodian_cash_c"): "blocking",
        ("feed_failed", "readme.txt"): "blocking", ("feed_failed", "fundamentals_v"): "warning",
    }  # fmt: skip


def test_the_last_exchange_rate_stands_and_a_declared_feed_of_nav_must_come():
    assert incomplete(
        ("fx_rates", "ecb", "missing", 0, 30, 30, 0.0),
        ("administrator_nav", "", "missing", 0, 2, 2, 0.0),
        ("custodian_cash", "c", "empty", 0, 2, 2, 0.0),
        ("transactions", "desk", "missing", 0, 0, 0, NONE),
        ("limits", "", "missing", 0, 0, 0, NONE),
    ) == {
        ("feed_missing", "fx_rates_ecb"): "warning", ("feed_missing", "administrator_nav"): "warning",
        ("feed_empty", "custodian_cash_c"): "warning", ("feed_missing", "transactions_desk"): "blocking",
        ("feed_missing", "limits"): "warning",
    }  # fmt: skip


def of_books(reports, declared=(), outcomes=()):
    """Findings about books P (holds A), Q (holds nothing) and R (is new)."""
    return feeds.unreported(
        frame("nav", "business_date book status", *[(D, book, "ok") for book in "PQR"]),
        held(("A", 1.0, 1.0)),
        frame("custodian_reports", "business_date book kind source", *reports),
        frame("expected_feeds", "feed source valid_from valid_to", *declared),
        frame("feed_outcomes", "business_date feed source outcome reason", *[(D, *row) for row in outcomes]),
    )


def unreported(reports, declared=(), outcomes=()):
    return said(of_books(reports, declared, outcomes))


BEFORE = [(DAYS[-2], book, kind, "c") for book in "PQ" for kind in ("position", "cash")]
TODAY = [(D, "P", "cash", "c"), (D, "R", "cash", "c")]


def test_what_the_custodian_did_not_report_blocks_the_books_it_reported_before():
    assert [row[:4] for row in unreported(BEFORE + TODAY)] == [
        ["feed_missing", "P", "custodian_positions_c", "blocking"],  # Q holds no securities
        ["feed_missing", "Q", "custodian_cash_c", "blocking"],
    ]
    assert unreported(BEFORE[:1])[0][4] == "no custodian_positions were delivered for this session"


def test_a_failed_report_is_no_report():
    failed = [("custodian_positions", "c", "failed", "c.csv: binary")]
    assert unreported(BEFORE + TODAY, outcomes=failed)[0] == [
        "feed_failed", "P", "custodian_positions_c", "blocking",
        "no custodian_positions were delivered for this session: c.csv: binary",
    ]  # fmt: skip


def test_what_is_said_of_each_book_is_not_said_of_the_firm_too():
    outcomes = [("custodian_positions", "c", "failed", "why"), ("custodian_cash", "d", "failed", "why")]
    by_book = of_books(BEFORE + TODAY, outcomes=outcomes)
    table = frame("feed_outcomes", "business_date feed source outcome reason", *[(D, *row) for row in outcomes])
    assert said(feeds.incomplete(table, by_book)) == [
        ["feed_failed", "", "custodian_cash_d", "blocking", "custodian_cash_d: why"]
    ]


def test_the_old_custodian_is_not_missed_once_another_reports_or_the_firm_says_so():
    moved = [(D, "P", "position", "d"), (D, "P", "cash", "d"), (D, "Q", "cash", "d")]
    assert unreported(BEFORE + moved) == []
    ended = [(feed, "c", "2019-01-01", DAYS[-2]) for feed in ("custodian_positions", "custodian_cash")]
    assert unreported(BEFORE, declared=ended) == []
    assert [row[1] for row in unreported(BEFORE, declared=[(*ended[0][:3], D), ended[1]])] == ["P"], "it ends after D"


def test_holdings_that_a_torn_report_does_not_list_block_their_book():
    told = ": not compared, as a line of the report is in quarantine and it does not list: "
    positions = "custodian_positions"
    assert said(feeds.uncompared(LEFT)) == [
        ["feed_partial", "P", "custodian_cash", "blocking", "custodian_cash" + told + "CASH:USD"],
        ["feed_partial", "P", positions, "blocking", positions + told + "N0, N1, N2, N3, N4 and 2 more"],
    ]
    assert feeds.uncompared(LEFT.head(0)).empty


def test_drift_is_told_of_its_feed():
    drift = pd.DataFrame(
        {"business_date": sessions(str(D.date())), "feed": "prices", "source": "v", "reason": "lost x"}
    )
    assert said(feeds.schema_drift(drift)) == [["schema_drift", "", "prices_v", "warning", "lost x"]]
    assert np.isnan(feeds.schema_drift(drift)["impact_base"]).all()
    assert said(feeds.schema_drift(drift.assign(source="")))[0][2] == "prices"


def test_a_copy_is_told_of_its_feed():
    copy = pd.DataFrame({"business_date": sessions(str(D.date())), "feed": "prices", "source": "v", "reason": "same"})
    assert said(feeds.duplicate_files(copy)) == [["duplicate_file", "", "prices_v", "warning", "same"]]


def test_a_report_in_other_units_blocks_its_books_and_another_account_is_told():
    rows = [
        (D, "P", "custodian_units", "custodian_cash", "c", "thousands"),
        (D, "P", "custodian_account", "custodian_cash", "", "of X"),
        (D, "P", "custodian_account", "custodian_cash", "", "of Y"),
    ]
    odd = pd.DataFrame(rows, columns=["business_date", "book", "check", "feed", "source", "reason"])
    assert said(feeds.odd_reports(odd)) == [
        ["custodian_units", "P", "custodian_cash_c", "blocking", "thousands"],
        ["custodian_account", "P", "custodian_cash", "warning", "of X; of Y"],
    ]


def test_a_tolerance_of_nothing_is_told_while_it_holds():
    rows = [("x", "", D, None), ("y", "P", DAYS[-2], DAYS[-2]), ("z", "P", DAYS[-2], D)]
    unused = frame("tolerances", "reconciliation book valid_from valid_to", *rows).assign(reason="why")
    assert said(feeds.unknown_tolerances(unused, sessions(str(D.date())))) == [
        ["tolerance_unknown", "", "x", "warning", "a tolerance serves nothing: why"],
        ["tolerance_unknown", "P", "z", "warning", "a tolerance serves nothing: why"],
    ]
