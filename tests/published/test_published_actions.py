"""Corporate actions whose effect somebody has published.

Sources:

* Apple's split of 7 for 1, ex 2014-06-09. The close before, 645.57: apple-stock-news.com, 2014-06, "Apple Executes
  7-for-1 Stock Split". The high of 2012-09-21, 705.07, is 100.72 in terms of after the split: macdailynews.com,
  2014-06-07. The close of the ex date, 93.70: QuantConnect/Lean, Data/equity/usa (Apache License 2.0).
* Express Scripts into Cigna, December 2018: 48.75 in cash and 0.2434 shares for each, at Cigna's close of 179.80 on
  2018-12-20; 564.3 million shares received 27,510 million in cash and 137.3 million shares of Cigna. Cigna, annual
  report for 2018, SEC, Archives/edgar/data/1739940/000104746919000792/R37.htm.
* Sutton Co, a question of ACCA: 1 for 3 at 2.00, cum rights 3.04; the theoretical price ex rights is 2.78, and the
  right worth 0.26 for each share held (mycancerinsurance.com/acca/839699.html).
* CRSP, Data Definitions F, "Factor to Adjust Price in Period" (crsp.org/products/documentation/data-definitions-f):
  number of additional shares per old share of splits and stock dividends, zero of ordinary dividends, distribution
  divided by the price on the ex-distribution date of spin-offs and rights.
"""

import pytest

from daybook.market import actions, adjusted
from tests.frames import frame, sessions

PRICES = "business_date instrument close currency status"
ACTIONS = "action_id instrument kind ex_date numerator denominator amount currency new_instrument status"
NAN = float("nan")


def prices(*rows):
    return frame("prices", PRICES, *[(*row, "USD", "ok") for row in rows])


def acts(*rows):
    return frame("corporate_actions", ACTIONS, *[(f"a{k}", *row, "confirmed") for k, row in enumerate(rows)])


def test_apple_7_for_1():
    split = acts(("AAPL", "split", "2014-06-09", 7, 1, NAN, "", ""))
    given = prices(("2012-09-21", "AAPL", 705.07), ("2014-06-06", "AAPL", 645.57), ("2014-06-09", "AAPL", 93.70))
    told = adjusted.adjusted(given, split, "total", "2014-06-09")["close"]
    assert told.round(2).tolist() == [100.72, 92.22, 93.70]
    back = adjusted.adjusted(given, split, "price", "2012-09-21")["close"]
    assert back.tolist() == pytest.approx([705.07, 645.57, 655.90], rel=1e-15)
    found = actions.returns(given, split, sessions("2014-06-09"))
    assert found["price_return"].tolist() == [pytest.approx(655.90 / 645.57 - 1, abs=1e-12)]


def test_express_scripts_into_cigna():
    merger = acts(("ESRX", "merger", "2018-12-20", 2434, 10_000, 48.75, "USD", "CI"))
    given = prices(("2018-12-19", "ESRX", 100.0), ("2018-12-20", "ESRX", 100.0), ("2018-12-20", "CI", 179.80))
    worth = 100 * (1 + actions.returns(given, merger, sessions("2018-12-20"))["local_return"].iloc[0])
    assert worth == pytest.approx(48.75 + 0.2434 * 179.80, abs=1e-9)
    assert 564.3 * worth == pytest.approx(27_510 + 137.3 * 179.80, rel=5e-4)  # shares given to 0.05 million
    assert adjusted.adjusted(given, merger, "total", "2018-12-31")["close"][1] == pytest.approx(worth, abs=1e-9)


def test_a_right_of_sutton_co():
    right = acts(("SUTTON", "rights", "2020-01-03", 1, 3, 2.00, "USD", ""))
    given = prices(("2020-01-02", "SUTTON", 3.04), ("2020-01-03", "SUTTON", 2.78))
    step = actions.becoming(right, given, given[1:].reset_index(drop=True), given["business_date"][:1])
    assert step.capital.round(12).tolist() == [0.26]
    assert actions.returns(given, right, sessions("2020-01-03"))["price_return"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("kind", "terms", "facpr"),
    [
        ("split", (3, 2, NAN), 0.5),
        ("split", (1, 10, NAN), -0.9),
        ("stock_dividend", (1, 20, NAN), 0.05),
        ("cash_dividend", (NAN, NAN, 5.0), 0.0),
        ("return_of_capital", (NAN, NAN, 5.0), 0.0),
        ("spin_off", (1, 4, NAN), 0.25 * 12 / 80),
        ("rights", (1, 4, 60.0), 0.25 * 20 / 80),
    ],
)
def test_price_factors_of_crsp(kind, terms, facpr):
    """A close before the ex date is divided by 1 + FACPR, in CRSP's adjusted prices and in ours."""
    action = acts(("A", kind, "2020-01-03", *terms, "USD", "N" if kind == "spin_off" else ""))
    given = prices(("2020-01-02", "A", 100.0), ("2020-01-03", "A", 80.0), ("2020-01-03", "N", 12.0))
    told = adjusted.adjusted(given, action, "price", "2020-01-03")
    assert told["factor"][0] == pytest.approx(1 / (1 + facpr), rel=1e-14)
