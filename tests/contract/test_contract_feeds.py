"""Feeds that come in part, without rows, unreadable or not at all: never read as nothing, and each is told.

A slow proof: tests/market/test_feeds.py and tests/resources hold each outcome by itself.
"""

import pytest

HEAD = "business_date,instrument,close,currency"
FIRST, TORN, GONE = "2022-12-19", "2022-12-20", "2022-12-21"


@pytest.fixture
def firm(reference):
    """Two books at one custodian; on the first day every feed comes."""
    reference.put(
        f"transactions_{FIRST}.csv",
        f"""transaction_id,book,instrument,kind,trade_date,settle_date,quantity,price,currency
        T1,ALPHA,,deposit,{FIRST},,10000,,USD
        T2,ALPHA,AAA,buy,{FIRST},{FIRST},100,10,USD
        T3,ALPHA,BBB,buy,{FIRST},{FIRST},50,20,USD
        T4,EURO,,deposit,{FIRST},,5000,,EUR
        T5,EURO,CASH:USD,fx,{FIRST},{FIRST},1000,0.95,EUR
        T6,EURO,AAA,buy,{FIRST},{FIRST},20,10,USD""",
    )
    reference.put(f"prices_{FIRST}_v.csv", f"{HEAD}\n{FIRST},AAA,10,USD\n{FIRST},BBB,20,USD")
    reference.put(f"fx_rates_{FIRST}_ecb.csv", f"business_date,base,quote,rate\n{FIRST},EUR,USD,1.05")
    reference.put(f"custodian_positions_{FIRST}_bank.csv", positions(FIRST))
    reference.put(
        f"custodian_cash_{FIRST}_bank.csv",
        f"business_date,book,currency,balance\n{FIRST},ALPHA,USD,8000\n{FIRST},EURO,EUR,4050\n{FIRST},EURO,USD,800",
    )
    return reference


def positions(day, end=None):
    rows = f"{day},ALPHA,AAA,100\n{day},ALPHA,BBB,50\n{day},EURO,AAA,20\n"
    return "business_date,book,instrument,quantity\n" + rows[:end]


def outcomes(firm, day):
    rows = firm.show("feed_outcomes", day).fillna("")
    return {row.feed: (row.outcome, row.rows, row.expected_rows) for row in rows.itertuples()}


def findings(firm, day):
    rows = firm.show("findings", day).fillna("")
    return {
        (row.check, row.instrument if row.check.startswith("feed_") else "", row.book, row.severity)
        for row in rows.itertuples()
        if row.check.startswith(("feed_", "break_", "schema_"))
    }


@pytest.mark.soak
def test_no_feed_is_read_as_flat(firm):
    firm.put(f"prices_{TORN}_v.csv", f"{HEAD}\n{TORN},AAA,11,USD\n{TORN},BB")  # cut off
    firm.put(f"fx_rates_{TORN}_ecb.csv", "business_date,base,quote,rate")
    firm.put(f"custodian_positions_{TORN}_bank.csv", positions(TORN, len(f"{TORN},ALPHA,AAA,100\n{TORN},AL")))
    firm.put(f"custodian_cash_{TORN}_bank.csv", b"\x00\x01\xff binary")
    firm.eod(TORN, code=3)

    assert outcomes(firm, TORN) == {
        "custodian_cash": ("failed", 0, 3), "custodian_positions": ("partial", 1, 3), "fx_rates": ("empty", 0, 1),
        "prices": ("partial", 1, 2),
    }  # fmt: skip
    assert "BBB" in firm.row("feed_outcomes", TORN, feed="prices")["reason"]
    assert findings(firm, TORN) == {
        ("feed_partial", "prices_v", "", "warning"),
        ("feed_empty", "fx_rates_ecb", "", "warning"),
        ("feed_failed", "custodian_cash_bank", "ALPHA", "blocking"),
        ("feed_failed", "custodian_cash_bank", "EURO", "blocking"),
        ("feed_partial", "custodian_positions", "ALPHA", "blocking"),
        ("feed_missing", "custodian_positions_bank", "EURO", "blocking"),
    }
    assert firm.show("reconciliation_breaks", TORN).empty, "what did not come is no difference of 100 %"
    assert firm.row("valuations", TORN, book="ALPHA", instrument="BBB")["market_value"] == 50 * 20
    assert firm.row("prices", TORN, instrument="BBB")["status"] == "stale"
    nav = firm.show("nav", TORN).set_index("book")["nav"]
    assert nav["ALPHA"] == 8000 + 100 * 11 + 50 * 20
    assert nav["EURO"] == pytest.approx(4050 + (800 + 20 * 11) / 1.05)

    # The next day brings nothing but a report of the custodian that it has nothing.
    firm.put(f"custodian_positions_{GONE}_bank.csv", "business_date,book,instrument,quantity,account")
    code, said, _ = firm.daybook("status", "--date", GONE)
    assert (code, "was not computed yet" in said) == (0, True)
    assert said.count("missing") == 4, "what lies in the inbox has not been taken in"
    firm.eod(GONE, code=3)
    assert outcomes(firm, GONE) == {
        "custodian_cash": ("missing", 0, 3), "custodian_positions": ("empty", 0, 2), "fx_rates": ("missing", 0, 1),
        "prices": ("missing", 0, 2),
    }  # fmt: skip
    assert findings(firm, GONE) >= {
        ("feed_missing", "prices_v", "", "blocking"),
        ("feed_missing", "fx_rates_ecb", "", "warning"),
        ("feed_missing", "custodian_cash_bank", "ALPHA", "blocking"),
        ("feed_missing", "custodian_cash_bank", "EURO", "blocking"),
        ("feed_empty", "custodian_positions_bank", "", "warning"),
        ("break_material", "", "ALPHA", "blocking"),
        ("schema_drift", "", "", "warning"),
    }
    found = firm.show("reconciliation_breaks", GONE)
    assert set(zip(found["book"], found["instrument"], found["difference"], strict=True)) == {
        ("ALPHA", "AAA", -100), ("ALPHA", "BBB", -50), ("EURO", "AAA", -20),
    }  # fmt: skip
    assert firm.show("nav", GONE).set_index("book")["nav"]["ALPHA"] == nav["ALPHA"]
