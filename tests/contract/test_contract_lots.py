"""Lots, actions and confirmations of one small firm through the front doors; every figure worked by hand."""

import pytest

FIRST, SECOND, EX, LAST = "2022-12-19", "2022-12-20", "2022-12-21", "2022-12-22"


@pytest.fixture(scope="module")
def firm(installation):
    firm = installation()
    firm.put(
        f"books_{FIRST}.csv",
        """book,base_currency,lot_method
        MERGED,USD,
        FIRSTIN,USD,fifo
        BRITISH,USD,uk""",
    )
    firm.put(f"instruments_{FIRST}.csv", "instrument,currency\nOLD,USD\nNEW,USD\nPAYS,USD")
    held = {"OLD": 30, "NEW": 60, "PAYS": 50}
    prices = [
        f"{day},{name},{close}"
        for day in (FIRST, SECOND, EX, LAST)
        for name, close in held.items()
        if name != "OLD" or day < EX
    ]
    firm.put(f"prices_{LAST}.csv", "\n".join(["business_date,instrument,close", *prices]))
    firm.put(
        f"corporate_actions_{FIRST}.csv",
        f"""action_id,instrument,kind,ex_date,pay_date,numerator,denominator,amount,new_instrument,withholding_rate,cash_in_lieu_price
        MERGE,OLD,merger,{EX},,1,2,,NEW,,60
        PAID,PAYS,cash_dividend,{EX},{LAST},,,0.5,,0.3,""",
    )
    firm.put(
        f"transactions_{LAST}.csv",
        f"""transaction_id,book,instrument,kind,trade_date,quantity,price,currency,cost,opened_on,action_id
        M0,MERGED,,deposit,{FIRST},100000,,USD,,,
        M1,MERGED,OLD,buy,{FIRST},101,30,USD,,,
        M2,MERGED,PAYS,buy,{FIRST},100,50,USD,,,
        M3,MERGED,PAYS,dividend,{LAST},30,,USD,,,PAID
        F1,FIRSTIN,PAYS,buy,{FIRST},100,50,USD,,,
        F2,FIRSTIN,PAYS,transfer_in,{SECOND},100,,USD,4000,2015-03-02,
        F3,FIRSTIN,PAYS,sell,{LAST},40,51,USD,,,
        U1,BRITISH,PAYS,buy,{FIRST},100,50,USD,,,
        U2,BRITISH,PAYS,sell,{SECOND},40,52,USD,,,
        U3,BRITISH,PAYS,buy,{LAST},10,51,USD,,,""",
    )
    firm.eod(LAST)
    return firm


def realised(firm, day, book):
    rows = firm.rows("realised", day, book=book)
    return {
        (row.transaction_id, row.lot): (row.quantity, row.proceeds, row.cost, row.gain) for row in rows.itertuples()
    }


def test_a_merger_keeps_the_lot_and_pays_the_fraction(firm):
    # 101 x 1/2 = 50.5: half a unit at 60 against half a unit's cost of 3030 / 50.5.
    lot = firm.row("lots", EX, book="MERGED", instrument="NEW")
    assert (lot.lot, lot.opened_on, lot.quantity, lot.cost) == ("M1", FIRST, 50.0, 3000.0)
    assert realised(firm, EX, "MERGED") == {("MERGE", "M1"): (0.5, 30.0, 30.0, 0.0)}
    # The fraction is cash at once, the dividend of 100 x 0.5 x 0.7 is receivable until it is paid.
    cash = firm.row("cash", EX, book="MERGED")
    assert (cash.settled, cash.balance, cash.accrued) == (91970.0 + 30, 91970.0 + 30, 35.0)


def test_a_dividend_confirmed_with_another_amount_is_a_break_and_adds_nothing(firm):
    cash = firm.row("cash", LAST, book="MERGED")
    assert (cash.balance, cash.accrued) == (91970.0 + 30 + 35, 0.0)
    row = firm.row("reconciliation_breaks", LAST, book="MERGED")
    assert (row.instrument, row.kind, row.currency, row.opened_on) == ("PAYS", "transaction", "USD", LAST)
    assert (row.ours, row.theirs, row.difference, row.impact_base) == (35.0, 30.0, -5.0, -5.0)


def test_first_in_is_what_was_opened_first(firm):
    assert realised(firm, LAST, "FIRSTIN") == {("F3", "F2"): (40.0, 2040.0, 1600.0, 440.0)}


def test_a_uk_sale_is_matched_again_on_the_day_of_the_purchase(firm):
    assert realised(firm, SECOND, "BRITISH") == {("U2", "pool"): (40.0, 2080.0, 2000.0, 80.0)}
    # 10 of the 40 go back to the pool, and are matched with what was bought two sessions later at 51.
    assert realised(firm, LAST, "BRITISH") == {
        ("U2", "pool"): (-10.0, -520.0, -500.0, -20.0),
        ("U2", "U3"): (10.0, 520.0, 510.0, 10.0),
    }
    lot = firm.row("lots", LAST, book="BRITISH")
    assert (lot.lot, lot.quantity, lot.cost) == ("pool", 70.0, 3500.0)
