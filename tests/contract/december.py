"""A firm over fifteen sessions: two holidays, a weekend, flows, a split, dividends, corrections, a month end.

2022-12-12 to 2023-01-03; the files are grouped by the day on which they arrive.
"""

import math
from collections.abc import Mapping

import exchange_calendars
import pandas as pd

NYSE = exchange_calendars.get_calendar("XNYS")
MARKET = [f"{day:%Y-%m-%d}" for day in NYSE.sessions_in_range("2022-11-25", "2023-01-03")]
SESSIONS = [day for day in MARKET if day >= "2022-12-12"]
FIRST, LAST = SESSIONS[0], SESSIONS[-1]
SPLIT = "2022-12-21"
NO_PRICE = {("BBB", SPLIT), ("CCC", "2022-12-23")}
CORRECTED_PRICE = 101.75
"""Of AAA on 2022-12-15, delivered on the 19th."""
LAST_YEN = "2022-12-20"
BASE = {"AAA": 100.0, "BBB": 40.0, "CCC": 25.0, "EEE": 60.0}


def price(instrument: str, day: str, corrected: bool = True) -> float:
    """Close as delivered; BBB in terms of its day."""
    if corrected and (instrument, day) == ("AAA", "2022-12-15"):
        return CORRECTED_PRICE
    at = MARKET.index(day)
    wave = 1 + 0.02 * math.sin(1.7 * at + len(instrument) * 3 + ord(instrument[0])) + 0.001 * at
    halved = 0.5 if instrument == "BBB" and day >= SPLIT else 1.0
    return round(BASE[instrument] * wave * halved, 2)


def rate(pair: str, day: str) -> float:
    """Units of USD for one EUR; units of JPY for one USD."""
    at = MARKET.index(day)
    return round({"EURUSD": 1.05, "USDJPY": 137.0}[pair] * (1 + 0.004 * math.cos(2.3 * at)), 6)


def _prices(day: str, corrected: bool = False) -> str:
    rows = [
        f"{day},{name},{price(name, day, corrected)}" for name in BASE if (name, day) not in NO_PRICE
    ]  # the currency is the instrument's own
    return "\n".join(["business_date,instrument,close", *rows])


def _rates(day: str) -> str:
    yen = [f"{day},USD,JPY,{rate('USDJPY', day)}"] if day <= LAST_YEN else []
    return "\n".join(["business_date,base,quote,rate", f"{day},EUR,USD,{rate('EURUSD', day)}", *yen])


HEAD = "transaction_id,book,instrument,kind,trade_date,quantity,price,currency,fees,corrects"
TRADES: Mapping[str, tuple[str, ...]] = {
    "2022-12-12": (
        "A1,ALPHA,,deposit,2022-12-10,200000,,USD,,",
        "A2,ALPHA,AAA,buy,2022-12-12,1000,99.5,,10,",
        "E1,EURO,,deposit,2022-12-12,50000,,EUR,,",
        "F1,FLOWS,,deposit,2022-12-12,1000,,USD,,",
        "Y1,YEN,,deposit,2022-12-12,1000000,,JPY,,",
    ),
    "2022-12-13": (
        "A3,ALPHA,BBB,buy,2022-12-13,500,40.1,USD,5,",
        "E2,EURO,CASH:USD,fx,2022-12-13,20000,0.95,EUR,,",
    ),
    "2022-12-14": (
        "A4,ALPHA,AAA,buy,2022-12-14,100,101,USD,1,",
        "E3,EURO,BBB,sell,2022-12-14,200,40,USD,2,",
        "E4,EURO,AAA,buy,2022-12-14,100,100.5,USD,1,",
        "F2,FLOWS,,deposit,2022-12-14,500,,USD,,",
        "F3,FLOWS,,withdrawal,2022-12-14,200,,USD,,",
        "F4,FLOWS,,interest,2022-12-14,15,,USD,,",
    ),
    "2022-12-15": ("A5,ALPHA,CCC,buy,2022-12-15,50,25,USD,1,",),
    "2022-12-21": ("A4C,ALPHA,AAA,buy,2022-12-14,120,101,USD,1,A4",),
    "2022-12-22": ("A5X,ALPHA,,cancel,2022-12-22,,,,,A5", "A9,ALPHA,CCC,buy,2022-12-22,40,25.5,USD,1,"),
    "2022-12-27": ("A6,ALPHA,,deposit,2022-12-26,5000,,USD,,",),
    "2022-12-28": ("A7,ALPHA,BBB,sell,2022-12-19,100,40.5,USD,1,", "E5,EURO,BBB,buy,2022-12-28,300,20.2,USD,3,"),
    "2023-01-03": ("A8,ALPHA,EEE,buy,2023-01-02,10,60,EUR,1,",),
}  # fmt: skip


def files() -> dict[str, dict[str, str]]:
    """Day of arrival -> name of the file -> its text."""
    days: dict[str, dict[str, str]] = {day: {} for day in SESSIONS}
    first = days[FIRST]
    first["books_2022-12-12.csv"] = """book,name,base_currency,benchmark,strategy,shorts
        ALPHA,Alpha,USD,IDX,,no
        EURO,Euro,EUR,,,
        FLOWS,Flows,USD,,,no
        YEN,Yen,USD,,,no
        GONE,Never used,USD,,,no"""
    first["instruments_2022-12-12.csv"] = """instrument,asset_class,currency,exchange,sector,country,issuer
        AAA,equity,USD,XNYS,Tech,US,AAA Inc
        BBB,equity,USD,XNYS,Energy,US,BBB Inc
        CCC,equity,USD,XNYS,,,
        EEE,equity,EUR,XPAR,Tech,FR,EEE SA"""
    before = [day for day in MARKET if day < FIRST]
    first["prices_2022-12-12_old.csv"] = "\n".join(
        ["business_date,instrument,close", *(line for day in before for line in _prices(day).split("\n")[1:])]
    )
    first["fx_rates_2022-12-12_old.csv"] = "\n".join(
        ["business_date,base,quote,rate", *(line for day in before for line in _rates(day).split("\n")[1:])]
    )
    first[
        "corporate_actions_2022-12-12.csv"
    ] = f"""action_id,instrument,kind,ex_date,pay_date,numerator,denominator,amount,currency,withholding_rate
        S1,BBB,split,{SPLIT},,2,1,,,
        D1,AAA,cash_dividend,2022-12-16,2022-12-20,,,0.5,USD,0.3
        D2,BBB,cash_dividend,2022-12-29,2023-01-05,,,0.1,USD,"""
    first["benchmark_weights_2022-12-12.csv"] = """business_date,benchmark,instrument,weight
        2022-12-12,IDX,AAA,0.6
        2022-12-12,IDX,BBB,0.4"""
    first["rules_2022-12-12.csv"] = """rule,valid_from,kind,book,dimension,bucket,warning,threshold
        big,2022-01-01,max_weight,,instrument,,0.5,0.9
        tech,2022-01-01,max_weight,ALPHA,sector,Tech,,0.3
        ccc,2022-01-01,prohibited,,instrument,CCC,,
        energy,2022-01-01,min_weight,ALPHA,sector,Energy,,0.01"""
    first["limits_2022-12-12.csv"] = """limit,book,valid_from,measure,dimension,bucket,basis,warning,hard
        lev,,2022-01-01,gross,,,nav,1.5,2
        tight,ALPHA,2022-01-01,net,,,nav,0.1,0.2
        nearly,ALPHA,2022-01-01,long,instrument,AAA,money,100000,10000000
        v99,ALPHA,2022-01-01,var,,,nav,,0.5"""
    days["2022-12-30"]["benchmark_weights_2022-12-30.csv"] = """business_date,benchmark,instrument,weight
        2022-12-30,IDX,AAA,0.5
        2022-12-30,IDX,BBB,0.25
        2022-12-30,IDX,CCC,0.25"""
    for day in SESSIONS:
        days[day][f"prices_{day}.csv"] = _prices(day)
        days[day][f"fx_rates_{day}.csv"] = _rates(day)
    # Another file of the 15th, under a suffix of its own: it arrived later, and no order among files is declared.
    days["2022-12-19"]["prices_2022-12-19_correction.csv"] = (
        f"business_date,instrument,close\n2022-12-15,AAA,{CORRECTED_PRICE}"
    )
    for day, rows in TRADES.items():
        days[day][f"transactions_{day}.csv"] = "\n".join([HEAD, *rows])
    days[LAST][f"custodian_positions_{LAST}.csv"] = f"""business_date,book,instrument,quantity
        {LAST},ALPHA,AAA,1120
        {LAST},ALPHA,BBB,800
        {LAST},ALPHA,CCC,40
        {LAST},EURO,AAA,100
        {LAST},EURO,BBB,-600"""
    days[LAST][f"custodian_cash_{LAST}.csv"] = f"business_date,book,currency,balance\n{LAST},FLOWS,USD,1314.5"
    return days


def timestamps(days: list[str]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(days).as_unit("us")
