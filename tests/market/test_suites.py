import pytest

from daybook import tables
from daybook.market import suites
from resources.validator import validate
from tests.frames import frame

GOOD = {
    "raw_prices": frame(
        "raw_prices", "business_date instrument close", ("2020-01-02", "A", 1.0), ("2020-01-02", "B", 2.0)
    ),
    "raw_fx_rates": frame("raw_fx_rates", "business_date base quote rate", ("2020-01-02", "EUR", "USD", 1.1)),
    "transactions": frame("transactions", "transaction_id book kind trade_date", ("1", "P", "buy", "2020-01-02")),
    "custodian_positions": frame(
        "custodian_positions", "business_date book instrument quantity", ("2020-01-02", "P", "A", -3.0)
    ),
}
BAD = {
    ("raw_prices", "close"): 0.0,
    ("raw_prices", "price_basis"): "dirty",
    ("raw_prices", "instrument"): "",
    ("raw_fx_rates", "rate"): -1.0,
    ("raw_fx_rates", "quote"): "EUR",
    ("raw_fx_rates", "base"): "euro",
    ("transactions", "kind"): "gift",
    ("transactions", "trade_date"): None,
    ("custodian_positions", "quantity"): float("nan"),
    ("custodian_positions", "book"): "",
}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_good_facts_pass(name):
    verdict = validate(name, getattr(suites, name)(), GOOD[name])
    assert verdict.passed, verdict.failed
    assert verdict.evaluated == len(getattr(suites, name)())


@pytest.mark.parametrize(("name", "column"), sorted(BAD))
def test_bad_facts_fail_by_name(name, column):
    bad = GOOD[name].assign(**{column: BAD[name, column]})
    verdict = validate(name, getattr(suites, name)(), bad)
    assert not verdict.passed
    assert verdict.failed


@pytest.mark.parametrize("name", ["raw_prices", "custodian_positions"])
def test_a_key_twice_fails(name):
    rows = GOOD[name]
    twice = rows.take([0, 0]).reset_index(drop=True)
    assert not validate(name, getattr(suites, name)(), twice).passed


def test_every_column_named_is_one_of_the_table():
    for name in GOOD:
        for item in getattr(suites, name)():
            named = item["kwargs"].get("column_list", [item["kwargs"].get("column")])
            assert set(named) <= set(tables.TABLES[name].names)


def test_every_kind_of_the_contract_is_known():
    assert len(set(suites.KINDS)) == 18
