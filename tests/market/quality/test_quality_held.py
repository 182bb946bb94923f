import numpy as np
import pytest

from daybook import tables
from daybook.market import quality
from tests.frames import frame, sessions
from tests.market.quality.holdings import (
    ACTIONS,
    DAILY,
    DAYS,
    INSTRUMENTS,
    LOTS,
    VALUATIONS,
    D,
    calm,
    held,
    prices,
    said,
)

DEFAULTS = tables.empty("price_sources")


def test_unvalued_rows_and_failed_books_block():
    rows = frame(
        "valuations",
        VALUATIONS,
        (D, "P", "A", 1.0, np.nan, "", np.nan, np.nan, "failed", "no price was ever delivered"),
        (D, "P", "L", 1.0, 5.0, "GBP", np.nan, np.nan, "failed", "no exchange rate"),
        (D, "P", "F", 1.0, 5.0, "USD", 1.0, np.nan, "failed", "a future is not supported yet"),
    )
    assert [row[0] for row in said(quality.unvalued(rows))] == ["price_missing", "fx_missing", "not_valued"]
    nav = frame("nav", "business_date book status reason", (D, "P", "failed", "A: no price"), (D, "Q", "ok", ""))
    assert said(quality.failed_books(nav)) == [["book_failed", "P", "", "blocking", "A: no price"]]
    pnl = frame("pnl", "business_date book instrument", (D, "Z", "A"))
    assert [row[:2] for row in said(quality.missing_pnl(nav, pnl))] == [["pnl_missing", "Q"]]


def stale(raw, rows=None, golden=None, returns=None, declared=DEFAULTS):
    """Findings about A, short for 100, last priced as ``raw`` says."""
    rows = held(("A", -10.0, -100.0)) if rows is None else rows
    golden = prices(("A", "stale", "raw")) if golden is None else golden
    returns = calm("A", 0.01, 0.0) if returns is None else returns
    return quality.stale_prices(rows, golden, raw, returns, INSTRUMENTS, declared)


def priced(*ages):
    return frame("raw_prices", "business_date instrument close", *[(DAYS[-1 - age], "A", 10.0) for age in ages])


@pytest.mark.parametrize(("age", "severity"), [(1, "by impact"), (5, "by impact"), (6, "blocking")])
def test_a_stale_price_blocks_by_impact_and_after_five_sessions(age, severity):
    found = stale(priced(age, 8))
    assert found["severity"].tolist() == [severity]
    assert found["reason"].tolist() == [f"price of {DAYS[-1 - age]:%Y-%m-%d}: {age} session(s) old"]
    assert found["impact_base"].tolist() == pytest.approx([100.0 * DAILY * np.sqrt(age)])


def test_the_policy_says_how_old_a_price_may_be():
    columns = "asset_class valid_from sources max_stale tolerance"
    declared = frame("price_sources", columns, ("equity", "2019-01-01", "file", 2.0, 0.01))
    assert stale(priced(2), declared=declared)["severity"].tolist() == ["by impact"]
    assert stale(priced(3), declared=declared)["severity"].tolist() == ["blocking"]


def test_without_a_history_an_old_price_warns_until_it_is_too_old():
    young = calm("A", 0.01, 0.0).tail(15)
    assert stale(priced(5), returns=young)["severity"].tolist() == ["warning"]
    assert stale(priced(6), returns=young)["severity"].tolist() == ["blocking"]


def test_a_price_older_than_all_that_was_given_blocks_and_is_not_forgotten():
    raw = frame("raw_prices", "business_date instrument close", (D, "B", 10.0))
    for known in (raw, raw.head(0)):
        found = stale(known)
        reason = "the last price is older than all prices that were looked at"
        assert said(found) == [["price_stale", "P", "A", "blocking", reason]]
        assert np.isnan(found["impact_base"].tolist()[0])


def test_a_closed_market_ages_by_its_own_sessions():
    boxing_day = sessions("2019-12-26")[0]  # London is closed on the 25th and 26th
    rows = held(("L", 1.0, 5.0), date=boxing_day)
    golden = frame("prices", "business_date instrument status", (boxing_day, "L", "closed"))
    none = frame("returns", "business_date")
    for last, expected in (("2019-12-24", []), ("2019-12-23", ["price of 2019-12-23: 1 session(s) old"])):
        raw = frame("raw_prices", "business_date instrument close", (last, "L", 5.0))
        found = stale(raw, rows, golden, none)
        assert found["reason"].tolist() == expected


def test_an_adjusted_price_with_an_action_that_was_booked():
    rows = held(("A", 10.0, 100.0), ("B", 10.0, 100.0), ("C", 10.0, 100.0), ("E", 10.0, 100.0))
    golden = prices(("A", "ok", "adjusted"), ("B", "ok", "raw"), ("C", "ok", "adjusted"), ("E", "ok", "adjusted"))
    lots = frame("lots", LOTS, *[(D, "P", i, "t", DAYS[5]) for i in "ABE"], (D, "P", "C", "t", DAYS[20]))
    acts = frame(
        "corporate_actions",
        ACTIONS,
        *[(f"{i}1", i, "cash_dividend", DAYS[10], 0.5, np.nan, np.nan, "confirmed") for i in "ABC"],
        ("A2", "A", "cash_dividend", DAYS[12], 0.25, np.nan, np.nan, "confirmed"),
        ("A3", "A", "cash_dividend", DAYS[13], 0.25, np.nan, np.nan, "cancelled"),
        ("A4", "A", "cash_dividend", "2020-03-01", 0.25, np.nan, np.nan, "confirmed"),
        ("E1", "E", "split", DAYS[11], np.nan, 2.0, 1.0, "confirmed"),
        ("E2", "E", "cash_dividend", DAYS[10], 0.5, np.nan, np.nan, "confirmed"),
    )
    found = quality.adjusted_with_action(rows, golden, lots, acts)
    name = "adjusted_price_with_action"
    assert said(found) == [
        [name, "P", "A", "by impact", "the price is adjusted and cash_dividend of 2019-09-19 and 1 more was booked"],
        [name, "P", "E", "by impact", "the price is adjusted and split of 2019-09-18 and 1 more was booked"],
    ]
    assert found["impact_base"].tolist()[0] == 7.5
    assert np.isnan(found["impact_base"].tolist()[1]), "what the split did cannot be told"
