from daybook.market import quality
from tests.frames import frame, sessions
from tests.market.quality.holdings import DAYS, D, deliveries, held, prices, said


def test_what_the_custodian_did_not_report_blocks_the_books_it_reported_before():
    nav = frame("nav", "business_date book status", *[(D, b, "ok") for b in "PQR"])
    cash = "business_date book currency"
    found = quality.missing_custodian(
        nav,
        held(("A", 1.0, 1.0)),
        frame("custodian_positions", "business_date book", (DAYS[-2], "P"), (DAYS[-2], "Q")),
        frame("custodian_cash", cash, (DAYS[-2], "P", "USD"), (D, "P", "USD"), (DAYS[-2], "Q", "USD"), (D, "R", "USD")),
    )
    # Q holds no securities; R is reported for the first time.
    assert [row[:2] for row in said(found)] == [
        ["feed_missing_custodian_positions", "P"], ["feed_missing_custodian_cash", "Q"],
    ]  # fmt: skip
    assert set(found["severity"]) == {"blocking"}


def test_a_session_without_any_price():
    raw = frame("raw_prices", "business_date instrument close", (DAYS[-2], "A", 1.0))
    assert [row[0] for row in said(quality.missing_prices(prices(("A", "stale", "raw")), raw))] == [
        "feed_missing_prices"
    ]
    assert quality.missing_prices(prices(("A", "closed", "raw")), raw).empty
    assert quality.missing_prices(prices(("A", "stale", "raw"), ("B", "ok", "raw")), raw.assign(business_date=D)).empty


def test_a_failed_feed_blocks_until_another_takes_its_place():
    days = sessions("2020-01-15", "2020-01-16", "2020-01-17")
    found = quality.failed_feeds(
        deliveries(
            ("raw_prices", "2020-01-15", "x", "failed", "binary"),
            ("raw_prices", "2020-01-16", "x", "complete", ""),
            ("transactions", "2020-01-15", "x", "failed", "no header"),
            ("transactions", "2020-01-16", "x", "complete", ""),
            ("", None, "", "failed", "no date in the name"),
            ("raw_fx_rates", "2020-01-17", "", "empty", ""),
        ),
        days,
    )
    when = {name: sorted(rows["business_date"].dt.day) for name, rows in found.groupby("check")}
    assert when == {
        "feed_failed_raw_prices": [15],
        "feed_failed_transactions": [15, 16, 17],
        "feed_failed": [15, 16, 17],
        "feed_empty_raw_fx_rates": [17],
    }
    severity = found.drop_duplicates("check").set_index("check")["severity"].to_dict()
    assert severity.pop("feed_empty_raw_fx_rates") == "warning"
    assert set(severity.values()) == {"blocking"}
    mended = quality.failed_feeds(
        deliveries(
            ("transactions", "2020-01-15", "x", "failed", "no header"),
            ("transactions", "2020-01-15", "x", "complete", ""),
        ),
        days,
    )
    assert mended.empty
    assert quality.failed_feeds(deliveries(), days).empty
