"""Reference data of the demonstration firm: instruments, books, accounts, benchmarks, limits and rules.

Belongs here: what does not change from day to day. Does not belong here: prices, and the rule by which the books trade.
Names and sectors (GICS, as of 2022) are public knowledge; an ISIN is listed only where its check digits hold.
"""

import pandas as pd

from resources.vendors.sample.prices import FACTOR_ETFS, STOCKS

MARKET = "XNYS"
"""Market of every instrument: all US listings, those of Nasdaq and Cboe too, trade on NYSE and keep its calendar."""
INCEPTION = pd.Timestamp("2020-10-01")
"""First session of the books, and the date from which limits and rules hold."""
LISTED_FROM = pd.Timestamp("2016-01-04")
"""Date from which the identifiers hold: before it some companies had other tickers or numbers."""
REVERSE_SPLIT = pd.Timestamp("2021-08-02")
"""General Electric's 1 for 8 reverse split, which gave it a new ISIN. Its adjusted prices have no jump."""

_INSTRUMENTS = """
    AAPL | Apple Inc.                             | Information Technology | Hardware           | US0378331005
    AMD  | Advanced Micro Devices, Inc.           | Information Technology | Semiconductors     | US0079031078
    BAC  | Bank of America Corporation            | Financials             | Banks              | US0605051046
    BBY  | Best Buy Co., Inc.                     | Consumer Discretionary | Specialty Retail   | US0865161014
    CVX  | Chevron Corporation                    | Energy                 | Integrated Oil     | US1667641005
    GE   | General Electric Company               | Industrials            | Conglomerates      | US3696043013
    HD   | The Home Depot, Inc.                   | Consumer Discretionary | Specialty Retail   | US4370761029
    JNJ  | Johnson & Johnson                      | Health Care            | Pharmaceuticals    | US4781601046
    JPM  | JPMorgan Chase & Co.                   | Financials             | Banks              | US46625H1005
    KO   | The Coca-Cola Company                  | Consumer Staples       | Beverages          | US1912161007
    LLY  | Eli Lilly and Company                  | Health Care            | Pharmaceuticals    | US5324571083
    MRK  | Merck & Co., Inc.                      | Health Care            | Pharmaceuticals    | US58933Y1055
    MSFT | Microsoft Corporation                  | Information Technology | Software           | US5949181045
    PEP  | PepsiCo, Inc.                          | Consumer Staples       | Beverages          | US7134481081
    PFE  | Pfizer Inc.                            | Health Care            | Pharmaceuticals    | US7170811035
    PG   | The Procter & Gamble Company           | Consumer Staples       | Household Products | US7427181091
    RRC  | Range Resources Corporation            | Energy                 | Exploration        | US75281A1097
    UNH  | UnitedHealth Group Incorporated        | Health Care            | Managed Care       | US91324P1021
    WMT  | Walmart Inc.                           | Consumer Staples       | Staples Retail     | US9311421039
    XOM  | Exxon Mobil Corporation                | Energy                 | Integrated Oil     | US30231G1022
    MTUM | iShares MSCI USA Momentum Factor ETF   | Diversified            |                    | US46432F3964
    QUAL | iShares MSCI USA Quality Factor ETF    | Diversified            |                    | US46432F3394
    SIZE | iShares MSCI USA Size Factor ETF       | Diversified            |                    | US46432F3709
    USMV | iShares MSCI USA Min Vol Factor ETF    | Diversified            |                    | US46429B6974
    VLUE | iShares MSCI USA Value Factor ETF      | Diversified            |                    | US46432F3881
"""
_OLD_ISINS = {"GE": "US3696041033"}

_BOOKS = """
    US-CORE    | US Core Equity         | USD | US20-EW | benchmark_tracking | false | CUST-1001
    LOW-VOL    | US Low Volatility      | USD | US20-EW | minimum_risk       | false | CUST-1002
    LONG-SHORT | US Equity Long/Short   | USD |         | long_short         | true  | CUST-1003
    EURO-MULTI | Euro Multi-Strategy    | EUR | US-MIX  | multi_strategy     | false | CUST-1004
"""

# A benchmark's weights on each delivery: the same every quarter, drifting between.
BENCHMARKS = {
    "US20-EW": dict.fromkeys(STOCKS, 0.05),
    "US-MIX": dict.fromkeys(STOCKS, 0.02) | dict.fromkeys(FACTOR_ETFS, 0.12),
}

_LIMITS = """
    CORE-NET        | US-CORE    | net         |             |     | 1.010 |      | 1.02 | portfolio management
    CORE-VAR        | US-CORE    | var         |             |     | 0.040 |      | 0.05 | risk
    CORE-DRAWDOWN   | US-CORE    | drawdown    |             |     | 0.200 |      | 0.30 | risk
    CORE-STRESS     | US-CORE    | stress_loss |             |     | 0.400 |      | 0.50 | risk
    LOWVOL-VAR      | LOW-VOL    | var         |             |     | 0.030 |      | 0.04 | risk
    LOWVOL-DRAWDOWN | LOW-VOL    | drawdown    |             |     | 0.200 |      | 0.25 | risk
    LOWVOL-STRESS   | LOW-VOL    | stress_loss |             |     | 0.350 |      | 0.45 | risk
    LS-GROSS        | LONG-SHORT | gross       |             |     | 1.600 |      | 1.80 | portfolio management
    LS-NET          | LONG-SHORT | net         |             |     | 0.450 |      | 0.60 | portfolio management
    LS-SHORT        | LONG-SHORT | short       |             |     | 0.700 |      | 0.80 | portfolio management
    LS-VAR          | LONG-SHORT | var         |             |     | 0.030 |      | 0.04 | risk
    LS-DRAWDOWN     | LONG-SHORT | drawdown    |             |     | 0.200 | 0.22 | 0.35 | risk
    LS-STRESS       | LONG-SHORT | stress_loss |             |     | 0.250 |      | 0.35 | risk
    EURO-GROSS      | EURO-MULTI | gross       |             |     | 1.010 |      | 1.02 | portfolio management
    EURO-DOLLAR     | EURO-MULTI | long        | currency    | USD | 0.950 | 0.97 | 1.00 | portfolio management
    EURO-FUNDS      | EURO-MULTI | long        | asset_class | etf | 0.550 |      | 0.60 | portfolio management
    EURO-VAR        | EURO-MULTI | var         |             |     | 0.040 |      | 0.05 | risk
    EURO-DRAWDOWN   | EURO-MULTI | drawdown    |             |     | 0.200 |      | 0.30 | risk
    EURO-STRESS     | EURO-MULTI | stress_loss |             |     | 0.400 |      | 0.50 | risk
"""

# Dated, agreed by a second person, and never without an end.
_RAISES = """
    EURO-DOLLAR | EURO-MULTI | 2022-12-15 | 1.02 | 1.05 | 2023-01-13 | exchanged in the new year | chief risk officer
"""

# Value traded in a session, bid-ask spread, and the cost of trading a whole session's volume: round assumptions of the
# right order, for the data hold no volume. SIZE is the small fund of the five, RRC the small company.
_LIQUIDITY = """
    asset_class | equity | 0.20 | 300000000 | 0.0004 | 0.015
    asset_class | etf    | 0.20 |  50000000 | 0.0005 | 0.010
    instrument  | RRC    | 0.20 |  60000000 | 0.0010 | 0.025
    instrument  | SIZE   | 0.20 |   5000000 | 0.0015 | 0.010
"""

# What investors may ask back at once under stress, and the sessions until it is paid.
_REDEMPTIONS = """
               | 0.20 |  3
    LONG-SHORT | 0.25 | 20
"""

_FACTORS = """
    market         | market   |      | SP500 |
    momentum       | style    | MTUM |       |
    quality        | style    | QUAL |       |
    size           | style    | SIZE |       |
    low_volatility | style    | USMV |       |
    value          | style    | VLUE |       |
    EUR            | currency |      |       | EUR
    GBP            | currency |      |       | GBP
    CHF            | currency |      |       | CHF
    JPY            | currency |      |       | JPY
"""

_RULES = """
    ISSUER-MAX        | max_weight |            | issuer      |      | 0.16 | 0.20
    SECTOR-MAX-CORE   | max_weight | US-CORE    | sector      |      | 0.35 | 0.40
    SECTOR-MAX-LOWVOL | max_weight | LOW-VOL    | sector      |      | 0.55 | 0.60
    SECTOR-MAX-LS     | max_weight | LONG-SHORT | sector      |      | 0.35 | 0.40
    CASH-MIN-LS       | min_weight | LONG-SHORT | asset_class | cash | 0.50 | 0.40
    CASH-MIN-EURO     | min_weight | EURO-MULTI | asset_class | cash | 0.03 | 0.02
    NO-RUSSIA         | prohibited |            | country     | RU   |      |
    CORE-NO-FUNDS     | prohibited | US-CORE    | asset_class | etf  |      |
"""


def instruments() -> pd.DataFrame:
    """The 20 stocks and 5 ETFs."""
    frame = _table(_INSTRUMENTS, "instrument name sector industry isin")
    is_etf = frame["instrument"].isin(FACTOR_ETFS)
    return pd.DataFrame(
        {
            "instrument": frame["instrument"],
            "name": frame["name"],
            "asset_class": is_etf.map({True: "etf", False: "equity"}),
            "currency": "USD",
            "exchange": MARKET,
            "sector": frame["sector"],
            "country": "US",
            # Each fund is an issuer of its own: its assets are not those of the company that manages it.
            "issuer": frame["name"],
            "multiplier": 1,
            "lot_size": 1,
            "industry": frame["industry"],
        }
    )


def identifiers() -> pd.DataFrame:
    """Ticker and ISIN of every instrument; General Electric has two ISINs, one after the other."""
    frame = _table(_INSTRUMENTS, "instrument name sector industry isin")
    tickers = pd.DataFrame({"instrument": frame["instrument"], "scheme": "ticker", "value": frame["instrument"]})
    isins = pd.DataFrame({"instrument": frame["instrument"], "scheme": "isin", "value": frame["isin"]})
    old = pd.DataFrame({"instrument": list(_OLD_ISINS), "scheme": "isin", "value": list(_OLD_ISINS.values())})
    current = pd.concat([tickers, isins], ignore_index=True)
    replaced = current["instrument"].isin(_OLD_ISINS) & current["scheme"].eq("isin")
    current["valid_from"] = LISTED_FROM
    current.loc[replaced, "valid_from"] = REVERSE_SPLIT
    old["valid_from"] = LISTED_FROM
    old["valid_to"] = REVERSE_SPLIT - pd.Timedelta(days=1)
    every = pd.concat([current, old], ignore_index=True)
    every.insert(2, "exchange", MARKET)
    return every[["instrument", "scheme", "exchange", "valid_from", "value", "valid_to"]]


def issuers() -> pd.DataFrame:
    """Who stands behind each instrument; none belongs to another."""
    names = instruments()["issuer"]
    return pd.DataFrame({"issuer": names, "valid_from": LISTED_FROM, "parent": "", "country_of_risk": "US"})


def books(inception: pd.Timestamp) -> pd.DataFrame:
    """The four books, opened on ``inception``."""
    frame = _table(_BOOKS, "book name base_currency benchmark strategy shorts custodian_account")
    frame["calendar"] = MARKET
    frame["inception_date"] = inception
    frame["lot_method"] = "fifo"
    frame["lot_pool"] = "book"
    frame["entity"] = "Daybook Demonstration Ltd"
    names = "book name base_currency benchmark strategy calendar inception_date lot_method lot_pool entity shorts"
    return frame[[*names.split(), "custodian_account"]]


def share_classes(inception: pd.Timestamp) -> pd.DataFrame:
    """The units of LONG-SHORT, with a performance fee by the year; the management fee is in the transactions."""
    columns = "share_class valid_from book currency performance_fee crystallisation launch_price"
    return pd.DataFrame([("LS-A", inception, "LONG-SHORT", "USD", 0.2, "year", 100)], columns=columns.split())


def accounts() -> pd.DataFrame:
    """The custodian's account of each book."""
    frame = _table(_BOOKS, "book name currency benchmark strategy shorts account")
    frame["custodian"] = "Demonstration Custody Bank"
    frame["kind"] = "custody"
    return frame[["account", "book", "custodian", "kind", "currency"]]


def limits() -> pd.DataFrame:
    """Risk and exposure limits as fractions of NAV."""
    frame = _table(_LIMITS, "limit book measure dimension bucket warning soft hard owner")
    frame["valid_from"] = INCEPTION
    frame["basis"] = "nav"
    names = "limit book valid_from measure dimension bucket basis warning soft hard owner"
    return frame[names.split()]


def limit_raises() -> pd.DataFrame:
    """Levels that hold for a while, with reason and who agreed."""
    frame = _table(_RAISES, "limit book valid_from soft hard valid_to reason approved_by")
    frame[["valid_from", "valid_to"]] = frame[["valid_from", "valid_to"]].apply(pd.to_datetime)
    return frame.assign(owner="portfolio management")


def liquidity_rules() -> pd.DataFrame:
    """How fast, and at what cost, positions can be sold."""
    frame = _table(_LIQUIDITY, "dimension bucket participation daily_value spread impact")
    frame.insert(2, "valid_from", INCEPTION)
    return frame


def redemption_terms() -> pd.DataFrame:
    """What investors may ask back under stress; an empty book means every book."""
    frame = _table(_REDEMPTIONS, "book redemption_fraction notice_days")
    frame.insert(1, "valid_from", INCEPTION)
    return frame


def risk_factors() -> pd.DataFrame:
    """The market, five styles and the currencies; a style is the return of its fund above the market's."""
    frame = _table(_FACTORS, "factor kind instrument benchmark currency")
    frame.insert(1, "valid_from", INCEPTION)
    return frame


def rules() -> pd.DataFrame:
    """Compliance rules as fractions of NAV; an empty book means every book, an empty bucket each of them."""
    frame = _table(_RULES, "rule kind book dimension bucket warning threshold")
    frame["valid_from"] = INCEPTION
    frame["basis"] = "nav"
    return frame[["rule", "valid_from", "kind", "book", "dimension", "bucket", "basis", "warning", "threshold"]]


def expected_feeds() -> pd.DataFrame:
    """The ECB publishes on the days of TARGET, which are the sessions of Paris: New York trades on some others."""
    row = {"feed": "fx_rates", "source": "sample", "valid_from": INCEPTION, "calendar": "XPAR"}
    return pd.DataFrame([row])


def _table(text: str, names: str) -> pd.DataFrame:
    """A frame from lines of values set apart by bars."""
    rows = [[part.strip() for part in line.split("|")] for line in text.strip().splitlines()]
    return pd.DataFrame(rows, columns=names.split(), dtype="str")
