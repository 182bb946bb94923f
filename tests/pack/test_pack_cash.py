import pandas as pd

from daybook.pack import cash, page
from daybook.pack.day import Day
from tests.frames import frame

D = pd.Timestamp("2024-01-03")


def day() -> Day:
    """F: 100 settled and 250 to pay tomorrow; G: 7.25 in euros."""
    nav = frame(
        "nav", "business_date book nav market_value cash accruals flows status",
        *((D, book, 1.0, 1.0, 0.0, 0.0, 0.0, "ok") for book in "FG"),
    )  # fmt: skip
    balances = frame(
        "cash", "business_date book currency settled unsettled accrued balance",
        (D, "F", "USD", 100.0, -250.0, 52.5, -150.0), (D, "G", "USD", 1000.0, 0.0, -2.0, 1000.0),
        (D, "G", "EUR", 7.25, 0.0, 0.0, 7.25),
    )  # fmt: skip
    accrued = frame(
        "accruals", "business_date book currency accrual_kind amount",
        (D, "F", "USD", "cash_dividend", 52.5), (D, "G", "USD", "management_fee", -2.0),
    )  # fmt: skip
    ladder = frame(
        "cash_ladder", "business_date book currency settle_date inflows outflows balance",
        (D, "F", "USD", "2024-01-04", 0.0, -250.0, -150.0), (D, "F", "USD", "2024-01-09", 52.5, 0.0, -97.5),
    )  # fmt: skip
    findings = frame(
        "findings", "business_date check book instrument severity reason status",
        (D, "cash_overdrawn_ahead", "F", "CASH:USD", "warning", "it will be <overdrawn> on 2024-01-04", "open"),
        (D, "price_stale", "F", "A", "warning", "an old price", "open"),
    )  # fmt: skip
    tables = {"nav": nav, "cash": balances, "accruals": accrued, "cash_ladder": ladder, "findings": findings}
    return Day(D, {"F": "candidate", "G": "candidate"}, "", tables)


def cells(book: str | None) -> dict[str, list[list[str]]]:
    blocks = [block for block in cash.sections(day(), book)[0].blocks if block.block == "grid"]
    return {block.caption: [[cell.text for cell in row] for row in block.rows] for block in blocks}


def test_the_cash_of_a_book_with_what_accrued_and_when_the_rest_settles():
    found = cells("F")
    assert found["Balances"] == [["USD", "100.00", "−250.00", "−150.00", "52.50"]]
    assert found["What has accrued"] == [["USD", "cash dividend", "52.50"]]
    assert found["Ladder: what settles when"] == [
        ["USD", "2024-01-04", "0.00", "−250.00", "−150.00"],
        ["USD", "2024-01-09", "52.50", "0.00", "−97.50"],
    ]
    assert [row[:2] for row in found["Overdrafts"]] == [["CASH:USD", "cash overdrawn ahead"]], "no other finding"
    html = page.book(day(), "F")
    assert "it will be &lt;overdrawn&gt; on 2024-01-04" in html
    assert "Nothing is overdrawn" in page.book(day(), "G")


def test_the_cash_of_the_firm_is_by_currency():
    found = cells(None)
    assert found["Balances of all books"] == [
        ["EUR", "7.25", "0.00", "7.25", "0.00"],
        ["USD", "1,100.00", "−250.00", "850.00", "50.50"],
    ]
    assert found["Ladder: what settles when"][0] == ["USD", "2024-01-04", "0.00", "−250.00"], "balances are of books"
    assert found["Overdrafts"][0][0] == "F"
    assert 'id="cash"' in page.firm(day())
