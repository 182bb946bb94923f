"""Gains by the UK rules against figures of HM Revenue & Customs.

HMRC, Cryptoassets Manual, CRYPTO22252 to CRYPTO22256, "pooling examples": tokens under the rules of shares (Taxation of
Chargeable Gains Act 1992, sections 104, 105, 106A). The manual rounds each cost up to a pound, so its gains are within
one of ours. Dates without a year there are in 2021 here. And HMRC, Shares and Capital Gains Tax, helpsheet HS284.
"""

import pandas as pd
import pytest

from daybook.ledger import lots
from tests.ledger import lot_model

POUND = 10**6
UNIT = 10**8


def matched(pool, *trades):
    """Events under the UK rules: the pool as (units, cost), then trades as (date, units, money)."""
    rows = [("2020-01-02", *pool), *trades]
    return lots.match(lot_model.frame([event(*row) for row in rows]))


def event(date, units, money):
    day = (pd.Timestamp(date) - pd.Timestamp("1970-01-01")).days
    cost = money * POUND if units > 0 else -money * POUND
    row = {"event": lots.TRADE, "quantity": units * UNIT, "cost": cost, "cost_base": cost}
    return row | {"session": day, "settle": day, "date": day, "method": lots.METHODS["uk"]}


def gains(found):
    """Gain in pounds of each sale, by the number of its event."""
    parts = found.parts
    return ((parts["proceeds"] - parts["cost"]) / POUND).groupby(parts["closing"]).sum().to_dict()


def pool(found):
    last = found.states[found.states["until"] < 0]
    return last["quantity"].sum() / UNIT, last["cost"].sum() / POUND


def near(value):
    return pytest.approx(value, abs=1)


def test_same_day():
    """CRYPTO22252: two sales and a purchase of one day, a gain of 462, and a pool of 5,100 tokens at 562."""
    day = "2021-06-23"
    found = matched((5000, 500), (day, -1000, 800), (day, 1600, 1000), (day, -500, 600))
    assert sum(gains(found).values()) == near(462)
    assert pool(found) == near((5100, 562))
    assert set(found.parts["rule"]) == {lots.RULES.index("same_day")}


def test_thirty_days():
    """CRYPTO22253: gains of 165 and 20; 200 of the last 500 tokens, at 60, go into the pool."""
    found = matched(
        (2000, 1000),
        ("2021-03-31", -1000, 400),
        ("2021-04-20", -500, 150),
        ("2021-04-21", 700, 175),
        ("2021-04-28", 500, 100),
        ("2021-05-01", 500, 150),
    )
    assert gains(found) == {1: near(165), 2: near(20)}
    assert pool(found) == near((2200, 1060))


def test_same_day_and_pool():
    """CRYPTO22254: six trades of one day, a gain of 79, and a pool of 7,500 tokens at 937."""
    day = "2021-01-31"
    rows = [(-5000, 500), (4000, 320), (1000, 75), (1000, 70), (-2000, 142), (500, 35)]
    found = matched((8000, 1000), *((day, *row) for row in rows))
    assert sum(gains(found).values()) == near(79)
    assert pool(found) == near((7500, 937))


def test_thirty_days_and_pool():
    """CRYPTO22255: a gain of 92,500, of which 3,500 tokens come from the pool."""
    found = matched((14000, 200000), ("2021-08-30", -4000, 160000), ("2021-09-11", 500, 17500))
    assert gains(found) == {1: near(92500)}
    assert pool(found) == near((10500, 150000))


def test_same_day_thirty_days_and_pool():
    """CRYPTO22256: gains of 15,000 and 10,000 and, from the pool of 110,000 tokens at 345,000, a loss of 163,636."""
    found = matched(
        (100000, 300000),
        ("2021-07-31", 10000, 45000),
        ("2021-07-31", -30000, 150000),
        ("2021-08-05", -20000, 100000),
        ("2021-08-06", 50000, 225000),
        ("2021-08-07", -100000, 150000),
    )
    assert gains(found) == {2: near(15000), 3: near(10000), 5: near(150000 - 345000 * 10 / 11)}
    assert pool(found) == near((10000, 345000 / 11))


def test_helpsheet_284():
    """HS284, example 3 (2024): shares in Lobster plc from a Section 104 holding, gains of 329 and 300."""
    found = matched((1000, 4150), ("2020-09-01", 500, 2130), ("2023-05-01", -700, 3260), ("2024-02-01", -400, 1975))
    assert gains(found) == {2: near(329), 3: near(300)}
    assert pool(found) == near((400, 1674))
