"""Futures, bonds, options and forwards through the front doors, by the figures of contract 2.7, 2.11 and 2.12."""

import pytest

DAYS = ["2023-03-06", "2023-03-07", "2023-03-08"]
LAST = DAYS[-1]
ES, BC, OX = (4010, 3990, 4020), (98.6, 98.7, 98.8), (4, 4.5, 5)
EUR = (1.06, 1.065, 1.07)
LOG = """F1,FUT,,deposit,2023-03-06,1000000,,USD,,
    F2,FUT,ES,buy,2023-03-06,3,4000,USD,6,
    F3,FUT,ES,variation_margin,2023-03-07,1500,,USD,,
    F4,FUT,ES,sell,2023-03-08,1,4015,USD,2,
    G1,EURO,,deposit,2023-03-06,500000,,EUR,,
    G2,EURO,ES,sell,2023-03-06,4,4005,USD,8,
    B1,BOND,,deposit,2023-03-06,200000,,USD,,
    B2,BOND,BC,buy,2023-03-06,100000,98.5,USD,20,500
    B3,BOND,BC,sell,2023-03-08,40000,99,USD,10,250
    B4,BOND,BC,interest,2023-03-08,1500,,USD,,
    O1,OPT,,deposit,2023-03-06,500000,,USD,,
    O2,OPT,OX,sell,2023-03-06,5,4.1,USD,5,
    O3,OPT,OX,assignment,2023-03-08,3,,USD,3,
    O4,OPT,OX,expiry,2023-03-08,2,,USD,,
    W1,FWD,,deposit,2023-03-06,100000,,USD,,
    W2,FWD,FW,buy,2023-03-06,200000,1.062,USD,25,
    W3,FWD,FW,sell,2023-03-07,50000,1.071,USD,5,"""


@pytest.fixture(scope="module")
def closed(installation):
    firm = installation()
    books = "\n".join(f"{book},{base}" for book, base in dict.fromkeys(("FUT", "BOND", "OPT", "FWD"), "USD").items())
    firm.put("books_2023-03-06.csv", f"book,base_currency\n{books}\nEURO,EUR")
    firm.put(
        "instruments_2023-03-06.csv",
        """instrument,asset_class,currency,exchange,multiplier,underlying,maturity_date,strike,option_type,exercise_style
        ES,future,USD,XCME,50,,,,,
        BC,bond,USD,,,,,,,
        AAA,equity,USD,,,,,,,
        OX,option,USD,XCBO,100,AAA,2023-03-08,100,call,american
        FW,forward,USD,,,CASH:EUR,2023-03-08,,,""",
    )
    for at, day in enumerate(DAYS):
        closes = {"ES": ES[at], "BC": BC[at], "OX": OX[at], "AAA": 103 + at, "FW": 1.06}
        prices = "\n".join(f"{day},{name},{close}" for name, close in closes.items())
        firm.put(f"prices_{day}.csv", f"business_date,instrument,close\n{prices}")
        firm.put(f"fx_rates_{day}.csv", f"business_date,base,quote,rate\n{day},EUR,USD,{EUR[at]}")
    columns = "transaction_id,book,instrument,kind,trade_date,quantity,price,currency,fees,accrued_interest"
    firm.put("transactions_2023-03-08.csv", f"{columns}\n{LOG}")
    firm.eod(LAST)
    return firm


def parts(firm, day, book, instrument):
    row = firm.row("pnl", day, book=book, instrument=instrument)
    return [round(float(row[name]), 6) for name in ("price_pnl", "fx_pnl", "income", "trading_pnl", "fees", "total")]


def test_a_future_is_worth_nothing_and_its_gain_is_accrued_until_it_is_paid(closed):
    assert parts(closed, DAYS[0], "FUT", "ES") == [0, 0, 0, 1500, -6, 1494]
    assert parts(closed, DAYS[1], "FUT", "ES") == [-3000, 0, 0, 0, 0, -3000]
    # 3 x (4020 - 3990) x 50, and one sold at 4015 that closed at 4020.
    assert parts(closed, LAST, "FUT", "ES") == [4500, 0, 0, -250, -2, 4248]
    row = closed.row("cash", DAYS[1], book="FUT", currency="USD")
    assert row[["balance", "accrued"]].tolist() == [1_001_494, -3000]
    nav = closed.row("nav", LAST, book="FUT")
    assert nav[["nav", "market_value", "cash", "accruals"]].tolist() == [1_002_742, 0, 1_001_492, 1250]
    row = closed.row("valuations", LAST, book="FUT", instrument="ES")
    assert row[["market_value_base", "exposure_base"]].tolist() == [0, 2 * 4020 * 50]
    # In a book in euros: the gain at closing FX, and the dollars owed or due move with their rate in the cash row.
    assert parts(closed, DAYS[1], "EURO", "ES")[0] == round(4 * 20 * 50 / 1.065, 6)
    assert parts(closed, DAYS[1], "EURO", "CASH:USD")[1] == pytest.approx(-1008 / 1.065 + 1008 / 1.06, abs=1e-5)


def test_a_bond_without_terms_is_clean_and_pays_and_gets_accrued_interest(closed):
    assert parts(closed, DAYS[0], "BOND", "BC") == [0, 0, 0, -400, -20, -420]
    # Sold 40,000 for 39,600 + 250 beside 39,520 at the close; the coupon is income of the cash row.
    assert parts(closed, LAST, "BOND", "BC") == [100, 0, 0, 330, -10, 420]
    assert parts(closed, LAST, "BOND", "CASH:USD")[2] == 1500
    row = closed.row("realised", LAST, book="BOND", transaction_id="B3")
    assert row[["proceeds", "cost", "gain"]].tolist() == [39_840, 39_608, 232]


def test_an_assigned_option_sells_its_underlying_at_the_strike_and_the_rest_expires(closed):
    assert closed.row("nav", DAYS[0], book="OPT")["nav"] == 500_000 + 2045 - 2000
    # 300 short at 105; the option closed at 5, what an exercise brings: nothing is lost by it but fees.
    assert parts(closed, LAST, "OPT", "OX") == [-250, 0, 0, 1000, -3, 747]
    row = closed.row("positions", LAST, book="OPT", instrument="AAA")
    assert row[["quantity", "cost"]].tolist() == [-300, -(30_000 - 3 + 1227)]
    assert closed.row("nav", LAST, book="OPT")["nav"] == 500_000 + 2045 + 30_000 - 3 - 31_500


def test_a_forward_that_matures_is_two_sums_of_money(closed):
    # At 1.06 as delivered, without curves to discount by: 150,000 less 212,400 - 53,550 agreed.
    assert closed.row("nav", DAYS[1], book="FWD")["nav"] == round(100_000 - 30 + 150_000 * 1.06 - 158_850, 6)
    cash = closed.rows("cash", LAST, book="FWD").set_index("currency")["balance"].to_dict()
    assert cash == {"EUR": 150_000, "USD": 100_000 - 30 - 158_850}
    assert closed.row("nav", LAST, book="FWD")["nav"] == 99_970 - 158_850 + 150_000 * 1.07
