"""Rows of hostile files: what is taken, and exact line, column, value and reason of what is not."""
# ruff: noqa: E501

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import tables
from daybook.intake import names, reading, rows
from daybook.intake.draft import Reference
from tests.frames import frame

ARRIVED = pd.Timestamp("2024-01-05T22:00Z")
KNOWN = Reference(
    books=frame("books", "book calendar", ("B", "XNYS"), ("SOLO", "XNYS"), ("FUND", "XNYS")),
    instruments=frame(
        "instruments", "instrument currency exchange multiplier asset_class",
        ("AAPL", "USD", "XNYS", 1.0, "equity"), ("VOD", "GBP", "XLON", 1.0, "equity"),
        ("ODD", "USD", "OTCM", 1.0, "equity"), ("BOND", "USD", "XNYS", 1.0, "bond"),
    ),
    accounts=frame("accounts", "account book", ("C1", "B")),
    identifiers=frame(
        "identifiers", "instrument scheme exchange valid_from valid_to value",
        ("AAPL", "isin", "XNYS", "2000-01-01", pd.NaT, "US037"),
        ("AAPL", "ticker", "XNYS", "2000-01-01", pd.NaT, "AA"),
        ("VOD", "ticker", "XLON", "2000-01-01", pd.NaT, "AA"),
        ("AAPL", "cusip", "XNYS", "2000-01-01", "2010-12-31", "C037"),
        ("AAPL", "figi", "XNYS", "2000-01-01", pd.NaT, "BBG"),
        ("VOD", "figi", "XLON", "2000-01-01", pd.NaT, "BBG"),
    ),
    corporate_actions=tables.empty("corporate_actions"),
    transactions=tables.empty("transactions"),
    share_classes=frame(
        "share_classes", "share_class valid_from valid_to book",
        ("A", "2024-01-02", pd.NaT, "FUND"), ("OLD", "2024-01-02", "2024-01-03", "FUND"),
        ("NEXT", "2024-01-08", pd.NaT, "FUND"), ("I", "2024-01-02", pd.NaT, "FUND"), ("S", "2024-01-03", pd.NaT, "SOLO"),
    ),
    closes=tables.empty("closes"),
    close_rules=tables.empty("close_rules"),
)  # fmt: skip


def checked(file: str, text: str | bytes) -> rows.Checked:
    name = names.parse(file)
    data = text if isinstance(text, bytes) else text.encode()
    return rows.check(name, reading.read(data, name.format), ARRIVED, KNOWN)


def against(found: rows.Checked) -> list[tuple]:
    return list(found.problems[["line", "column", "value", "reason"]].itertuples(index=False, name=None))


PRICE = "business_date,instrument,close,currency,known_at\n"
GBX = "GBX is no currency but 1/100 of GBP: give GBP, and amounts in GBP"
LATE = "later than the file's date 2024-01-05"
NUMBER = "not a number"


@pytest.mark.parametrize(
    ("line", "column", "value", "reason"),
    [
        ("2024-01-05,AAPL,abc,,", "close", "abc", NUMBER),
        ("2024-01-05,AAPL,nan,,", "close", "nan", NUMBER),
        ("2024-01-05,AAPL,inf,,", "close", "inf", NUMBER),
        ("2024-01-05,AAPL,-Infinity,,", "close", "-Infinity", NUMBER),
        ('2024-01-05,AAPL,"1,000",,', "close", "1,000", NUMBER),
        ("2024-01-05,AAPL,0x10,,", "close", "0x10", NUMBER),
        ("2024-01-05,AAPL,1e400,,", "close", "1e400", NUMBER),
        ("2024-01-05,AAPL,1 0,,", "close", "1 0", NUMBER),
        ("2024-01-05,AAPL,１２,,", "close", "１２", NUMBER),
        ("2024-01-05,AAPL,1_000,,", "close", "1_000", NUMBER),
        ("2024-01-05,AAPL,0,,", "close", "0", "not above zero"),
        ("2024-01-05,AAPL,-1.5,,", "close", "-1.5", "not above zero"),
        ("2024-01-05,AAPL,,,", "close", "", "missing"),
        ("2024-01-05,,1,,", "instrument", "", "missing"),
        (",AAPL,1,,", "business_date", "", "missing"),
        ("05/01/2024,AAPL,1,,", "business_date", "05/01/2024", "not a date written as 2024-01-31"),
        ("20240105,AAPL,1,,", "business_date", "20240105", "not a date written as 2024-01-31"),
        ("2024-02-30,AAPL,1,,", "business_date", "2024-02-30", "not a date written as 2024-01-31"),
        ("2024-01-05 00:00,AAPL,1,,", "business_date", "2024-01-05 00:00", "not a date written as 2024-01-31"),
        ("2024-01-06,AAPL,1,,", "business_date", "2024-01-06", LATE),
        ("2024-01-05,MSFT,1,,", "instrument", "MSFT", "unknown instrument"),
        ("2024-01-05,CASH:USD,1,,", "instrument", "CASH:USD", "cash is no instrument here"),
        ("2024-01-05,AAPL,1,usd,", "currency", "usd", "not a currency: three capital letters"),
        ("2024-01-05,AAPL,1,EURO,", "currency", "EURO", "not a currency: three capital letters"),
        ("2024-01-05,AAPL,1,,2024-01-05T22:00:01Z", "known_at", "2024-01-05T22:00:01Z",
         "later than the arrival of the file"),
        ("2024-01-05,AAPL,1,,yesterday", "known_at", "yesterday", "not a time written as 2024-01-31T15:30:00Z"),
        ("2024-01-05,AAPL,1,", "", "2024-01-05,AAPL,1,", "the line has 4 fields, the header has 5"),
        ("2024-01-05,AAPL,1,,,", "", "2024-01-05,AAPL,1,,,", "the line has 6 fields, the header has 5"),
        ("2024-01-05,AA\0PL,1,,", "", "2024-01-05,AA\\0PL,1,,", "the line has NUL characters"),
        ('2024-01-05,AAPL,1,,"x', "", '2024-01-05,AAPL,1,,"x', "a quote is opened and never closed"),
    ],
)  # fmt: skip
def test_one_bad_line_between_good_ones(line, column, value, reason):
    found = checked("prices_2024-01-05.csv", PRICE + f"2024-01-04,AAPL,1,,\n{line}\n2024-01-04,VOD,2,GBP,\n")
    assert against(found) == [(3, column, value, reason)]
    assert found.rejected == 1
    assert list(found.facts["line"]) == [2, 4]
    assert list(found.facts["close"]) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "lines", "closes"),
    [
        ("2024-01-05,AAPL,1.5\r\n2024-01-05,VOD,2\r\n\r\n", [2, 3], [1.5, 2]),
        ("2024-01-05,AAPL,1.5\r2024-01-05,VOD,2", [2, 3], [1.5, 2]),
        ("\n \n2024-01-05 , AAPL ,\t1.5 \n,,\n2024-01-05,VOD,2\n\n\n", [4, 6], [1.5, 2]),
        ('"2024-01-05","AAPL","1.5"\n2024-01-05,VOD,2\n', [2, 3], [1.5, 2]),
        ("2024-01-05,AAPL,+.15E1\n2024-01-05,VOD,2.\n", [2, 3], [1.5, 2]),
        ("2024-01-05,AAPL,1.50000000000000000000000000000000000001\n2024-01-05,VOD,2e0\n", [2, 3], [1.5, 2]),
    ],
)  # fmt: skip
def test_good_lines_in_every_dress(text, lines, closes):
    for head in ("", "\ufeff"):
        found = checked("prices_2024-01-05.csv", head + "business_date,instrument,close\n" + text)
        assert against(found) == []
        assert (list(found.facts["line"]), list(found.facts["close"])) == (lines, closes)


def test_line_numbers_stay_true_after_quoted_newlines():
    text = 'book,name,base_currency\nX,"two\nlines, ""quoted""",USD\nY,"a\nb\nc",usd\nZ,z,USD\n'
    found = checked("books_2024-01-05.csv", text)
    assert list(found.facts["line"]) == [2, 7]
    assert found.facts["name"].iloc[0] == 'two\nlines, "quoted"'
    assert against(found) == [(4, "base_currency", "usd", "not a currency: three capital letters")]


def test_a_stray_quote_costs_its_own_line_alone():
    text = 'book,name,base_currency\nX,"open,USD\nY,y,USD\nZ,z"z,USD\nV,"v"v,USD\nW,w,USD\n'
    found = checked("books_2024-01-05.csv", text)
    assert list(found.facts["book"]) == ["Y", "Z", "W"]
    assert [line for line, *_ in against(found)] == [2, 5]


def test_unknown_columns_are_named_and_ignored():
    found = checked("prices_2024-01-05.csv", "business_date,instrument,close,clsoe,line,\n2024-01-05,AAPL,1,9,9,\n")
    assert found.notes == ("unknown columns were ignored: clsoe, line, column 6",)
    assert (list(found.facts["line"]), against(found)) == ([2], [])


def test_a_row_with_several_faults_names_each_and_does_not_wait():
    found = checked("prices_2024-01-05.csv", "business_date,instrument,close\n2024-01-09,NEW,x\n2024-01-05,NEW,1\n")
    assert against(found) == [
        (2, "close", "x", NUMBER),
        (2, "instrument", "NEW", "unknown instrument"),
        (2, "business_date", "2024-01-09", LATE),
        (3, "instrument", "NEW", "unknown instrument"),
    ]
    assert list(found.problems["waits_for"]) == ["", "", "", "instrument:NEW"]
    assert found.problems["row"].iloc[3] == {"business_date": "2024-01-05", "instrument": "NEW", "close": "1"}
    assert found.rejected == 2


def test_the_same_key_twice():
    text = "business_date,instrument,close\n"
    text += "2024-01-05,AAPL,1\n2024-01-05,AAPL,1.0\n2024-01-05,VOD,2\n2024-01-05,VOD,3\n2024-01-04,VOD,4\n"
    text += "2024-01-03,VOD,5\n2024-01-03,VOD,x\n"
    found = checked("prices_2024-01-05.csv", text)
    assert list(found.facts["line"]) == [2, 6]
    assert against(found) == [
        (4, "instrument", "VOD", "the same key with other content in lines 4, 5"),
        (5, "instrument", "VOD", "the same key with other content in lines 4, 5"),
        (7, "instrument", "VOD", "the same key with other content in lines 7, 8"),
        (8, "close", "x", NUMBER),
        (8, "instrument", "VOD", "the same key with other content in lines 7, 8"),
    ]
    assert found.notes == ("rows that repeat another and count once: 1",)


# -- table by table ---------------------------------------------------------------------------------------------------

FUND = "business_date,fund,instrument,weight"
LIMIT = "limit,book,valid_from,measure,soft,hard"
MODEL = "method,horizon_days,valid_from,seed,confidences"
RAISE = "limit,book,valid_from,valid_to,soft,hard,reason,approved_by"


def test_funds_hold_cash():
    found = checked("constituents_2024-01-05.csv", f"{FUND}\n2024-01-05,VOD,AAPL,0.9\n2024-01-05,VOD,CASH:USD,0.1\n")
    assert (list(found.facts["line"]), against(found)) == ([2, 3], [])


def test_levels_of_limits_in_order():
    text = f"{LIMIT}\nL,B,2024-01-05,short,-2,-3\nM,B,2024-01-05,net,2,2\nN,B,2024-01-05,net,,2\n"
    found = checked("limits_2024-01-05.csv", text)
    assert (list(found.facts["limit"]), against(found)) == (["L", "M", "N"], [])


@pytest.mark.parametrize(
    ("file", "header", "line", "column", "reason"),
    [
        ("books", "book,base_currency,calendar", "X,USD,XXXX", "calendar", "unknown exchange calendar"),
        ("books", "book,base_currency,lot_method", "X,USD,best", "lot_method", "unknown lot_method; known are fifo"),
        ("books", "book,base_currency,lot_pool", "X,USD,sea", "lot_pool", "unknown lot_pool"),
        ("books", "book,base_currency,shorts", "X,USD,perhaps", "shorts", "not a true or false"),
        ("books", "book,base_currency", "X,US", "base_currency", "not a currency"),
        ("books", "book,base_currency", ",USD", "book", "missing"),
        ("instruments", "instrument,currency,multiplier", "X,USD,0", "multiplier", "not above zero"),
        ("instruments", "instrument,currency,lot_size", "X,USD,-1", "lot_size", "not above zero"),
        ("instruments", "instrument,currency,exchange", "X,USD,nyse!", "exchange", "not a market identifier code"),
        ("instruments", "instrument,currency", "CASH:USD,USD", "instrument", "reserved for cash"),
        ("identifiers", "instrument,scheme,value,valid_from", "AAPL,isin,U,", "valid_from", "missing"),
        ("identifiers", "instrument,scheme,value,valid_from,valid_to", "AAPL,ticker,U,2020-01-02,2020-01-01",
         "valid_to", "valid_to before valid_from"),
        ("accounts", "account,book", "C2,NEW", "book", "unknown book"),
        ("prices", "business_date,instrument,close,price_basis", "2024-01-05,AAPL,1,net", "price_basis", "raw, adjusted"),
        ("prices", "business_date,instrument,close,volume", "2024-01-05,AAPL,1,-1", "volume", "below zero"),
        ("prices", "business_date,instrument,close,open", "2024-01-05,AAPL,1,0", "open", "not above zero"),
        ("prices", "business_date,ticker,exchange,close", "2024-01-05,AA,XPAR,1", "ticker", "no instrument has ticker AA"),
        ("prices", "business_date,figi,close", "2024-01-05,BBG,1", "figi", "ambiguous: AAPL or VOD"),
        ("prices", "business_date,cusip,close", "2024-01-05,C037,1", "cusip", "no instrument has cusip C037"),
        ("prices", "business_date,instrument,isin,close", "2024-01-05,VOD,US037,1", "isin",
         "isin belongs to AAPL, but the row also names VOD"),
        ("prices", "business_date,isin,close", "2024-01-05,,1", "instrument", "missing"),
        ("intraday_prices", "observed_at,instrument,price", "2024-01-06T00:00:00Z,AAPL,1", "observed_at", LATE),
        ("intraday_prices", "observed_at,instrument,price", "10:30,AAPL,1", "observed_at", "not a time"),
        ("proxies", "dimension,bucket,valid_from,proxy", "instrument,AAPL,2024-01-05,AAPL", "proxy", "for itself"),
        ("constituents", FUND, "2024-01-05,NEW,AAPL,1", "fund", "unknown instrument"),
        ("constituents", FUND, "2024-01-05,VOD,VOD,1", "instrument", "a fund does not hold itself"),
        ("var_models", MODEL, "historical,1.5,2024-01-05,,", "horizon_days", "not a whole number"),
        ("var_models", MODEL, "monte_carlo,1,2024-01-05,1e25,", "seed", "more than 9007199254740992"),
        ("var_models", MODEL, "historical,1,2024-01-05,,99", "confidences", "not numbers between 0 and 1"),
        ("var_models", MODEL, "historical,1,2024-01-05,,0.95;0.99", "confidences", "separated by spaces"),
        ("var_models", MODEL, "historical,1,2024-01-05,,nan", "confidences", "not numbers between 0 and 1"),
        ("limits", LIMIT, "L,B,2024-01-05,net,-3,-2", "soft", "above the hard level"),
        ("limit_raises", RAISE, "L,B,2024-01-05,2024-01-08,3,2,x,ann", "soft", "above the hard level"),
        ("fx_rates", "business_date,base,quote,rate", "2024-01-05,EUR,USD,0", "rate", "not above zero"),
        ("fx_rates", "business_date,base,quote,rate", "2024-01-05,EUR,EUR,1", "quote", "the same currency"),
        ("fx_rates", "business_date,base,quote,rate", "2024-01-05,eur,USD,1", "base", "not a currency"),
        ("fx_rates", "business_date,base,quote,rate", "2024-01-05,GBX,USD,1", "base", GBX),
        ("instruments", "instrument,currency", "X,GBX", "currency", GBX),
        ("books", "book,base_currency", "X,ZAc", "base_currency", "ZAc is no currency but 1/100 of ZAR"),
        ("custodian_cash", "business_date,book,currency,balance", "2024-01-05,B,ILA,1", "currency", "ILA is no currency"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,amount,currency", "A,VOD,cash_dividend,2024-01-08,1,GBp",
         "currency", "GBp is no currency but 1/100 of GBP: give GBP, and amounts in GBP"),
        ("prices", "business_date,instrument,close,currency", "2024-01-05,VOD,1,gbx", "currency", "not a currency"),
        ("corporate_actions", "action_id,instrument,kind,ex_date", "A,AAPL,gift,2024-01-08", "kind", "unknown kind"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,numerator,denominator", "A,AAPL,split,2024-01-08,7,",
         "denominator", "missing: a split needs it"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,numerator,denominator", "A,AAPL,split,2024-01-08,0,1",
         "numerator", "not above zero"),
        ("corporate_actions", "action_id,instrument,kind,ex_date", "A,AAPL,cash_dividend,2024-01-08", "amount",
         "missing: a cash_dividend needs it"),
        ("corporate_actions", "action_id,instrument,kind,ex_date", "A,AAPL,merger,2024-01-08", "amount",
         "missing: a merger needs it, or numerator, denominator and new_instrument"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,amount,new_instrument", "A,AAPL,merger,2024-01-08,9,VOD",
         "numerator", "missing: a merger that gives shares needs numerator, denominator and new_instrument"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,numerator,denominator,amount",
         "A,AAPL,merger,2024-01-08,1,2,9", "new_instrument", "missing: a merger that gives shares"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,numerator,denominator,new_instrument",
         "A,AAPL,spin_off,2024-01-08,1,2,AAPL", "new_instrument", "it is the instrument itself"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,amount,withholding_rate",
         "A,AAPL,cash_dividend,2024-01-08,1,15", "withholding_rate", "not between 0 and 1"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,amount,status",
         "A,AAPL,cash_dividend,2024-01-08,1,done", "status", "unknown status; known are confirmed, cancelled"),
        ("corporate_actions", "action_id,instrument,kind,ex_date,status", "A,,,,cancelled", "instrument",
         "missing, and no action of that id is known"),
        ("custodian_positions", "business_date,book,instrument,quantity", "2024-01-05,B,AAPL,1e11", "quantity",
         "a quantity of 9e+10 or more cannot be kept exactly"),
        ("custodian_cash", "business_date,book,currency,balance", "2024-01-05,B,USD,9e12", "balance",
         "an amount of money of 9e+12 or more cannot be kept exactly"),
        ("custodian_cash", "business_date,account,currency,balance", "2024-01-05,C9,USD,1", "account", "unknown account"),
        ("limits", "limit,valid_from,measure,hard", "L,2020-01-01,speed,1", "measure", "unknown measure"),
        ("limits", "limit,valid_from,measure,hard,basis", "L,2020-01-01,var,1,air", "basis", "unknown basis"),
        ("limits", "limit,book,valid_from,measure,hard", "L,NEW,2020-01-01,var,1", "book", "unknown book"),
        ("price_sources", "valid_from,sources", "2020-01-01,", "sources", "missing"),
        ("price_sources", "valid_from,sources", "2020-01-01,x;y", "sources", "separate by spaces"),
        ("price_sources", "valid_from,sources", "2020-01-01,x y x", "sources", "a source is named twice"),
        ("price_sources", "valid_from,sources,max_stale", "2020-01-01,x,-1", "max_stale", "below zero"),
        ("price_sources", "valid_from,sources,tolerance", "2020-01-01,x,0", "tolerance", "not above zero"),
        ("price_sources", "valid_from,sources,tolerance", "2020-01-01,x,5", "tolerance", "not between 0 and 1"),
        ("price_sources", "valid_from,sources,valid_to", "2020-01-02,x,2020-01-01", "valid_to", "before valid_from"),
        ("rules", "rule,valid_from,kind,dimension,threshold", "R,2020-01-01,hope,issuer,1", "kind", "unknown kind"),
        ("rules", "rule,valid_from,kind,dimension,threshold", "R,2020-01-01,max_weight,issuer,", "threshold", "missing"),
        ("rules", "rule,valid_from,kind,dimension,threshold", "R,2020-01-01,max_weight,mood,1", "dimension",
         "unknown dimension"),
        ("fundamentals", "instrument,period_end,field,published_at,value", "AAPL,2023-12-31,eps,2024-01-06,1",
         "published_at", LATE),
        ("alternative_data", "series,observed_on,value", "vix,2024-01-06,1", "observed_on", LATE),
        ("benchmark_levels", "business_date,benchmark,level", "2024-01-05,SPX,0", "level", "not above zero"),
    ],
)  # fmt: skip
def test_a_row_that_its_table_refuses(file, header, line, column, reason):
    found = checked(f"{file}_2024-01-05.csv", f"{header}\n{line}\n")
    assert found.facts.empty
    first = next(problem for problem in against(found) if problem[1] == column)
    assert (first[0], first[1]) == (2, column)
    assert reason in first[3]


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("books", "book,base_currency\nX,USD\n",
         {"name": "X", "entity": "X", "calendar": "XNYS", "lot_method": "fifo", "lot_pool": "book", "shorts": True,
          "valid_from": pd.Timestamp("2024-01-05")}),
        ("books", "book,base_currency,shorts,strategy,benchmark\nX,USD,No,whatever,??\n",
         {"shorts": False, "strategy": "whatever", "benchmark": "??"}),
        ("instruments", "instrument,currency,asset_class,sector\nX,USD,Bond,Über\n",
         {"name": "X", "exchange": "XNYS", "multiplier": 1.0, "lot_size": 1.0, "asset_class": "bond", "sector": "Über"}),
        ("instruments", "instrument,currency,exchange\nX,USD,OTCM\n", {"exchange": "OTCM", "asset_class": "equity"}),
        ("prices", "business_date,ticker,close\n2024-01-05,AA,1\n", {"instrument": "AAPL", "source": "file"}),
        ("prices", "business_date,ticker,exchange,close\n2024-01-05,AA,XLON,1\n", {"instrument": "VOD"}),
        ("prices", "business_date,figi,exchange,close\n2024-01-05,BBG,XLON,1\n", {"instrument": "VOD"}),
        ("prices", "business_date,cusip,close\n2010-12-31,C037,1\n", {"instrument": "AAPL"}),
        ("prices", "business_date,instrument,close\n2024-01-01,AAPL,1\n", {"business_date": pd.Timestamp("2024-01-01")}),
        ("corporate_actions", "action_id,instrument,kind,ex_date,amount\nA,VOD,cash_dividend,2024-02-01,1\n",
         {"currency": "GBP", "withholding_rate": 0.0, "status": "confirmed", "pay_date": pd.Timestamp("2024-02-01")}),
        ("corporate_actions", "action_id,instrument,kind,ex_date\nA,VOD,rename,2024-02-01\n", {"kind": "rename"}),
        ("corporate_actions", "action_id,instrument,kind,ex_date\nA,VOD,delisting,2024-02-01\n", {"kind": "delisting"}),
        ("corporate_actions", "action_id,instrument,kind,ex_date,amount\nA,VOD,merger,2024-02-01,9\n", {"amount": 9.0}),
        ("corporate_actions", "action_id,instrument,kind,ex_date,numerator,denominator,new_instrument\n"
         "A,VOD,merger,2024-02-01,1,2,AAPL\n", {"new_instrument": "AAPL", "denominator": 2.0}),
        ("custodian_positions", "business_date,account,instrument,quantity,market_value\n"
         "2024-01-05,C1,AAPL,0.000000025,0.0000005\n",
         {"book": "B", "quantity": 0.00000002, "market_value": 0.0, "account": "C1"}),
        ("prices", "business_date,instrument,close,currency\n2024-01-05,VOD,250,GBX\n", {"close": 250.0, "currency": "GBX"}),
        ("prices", "business_date,instrument,close,currency\n2024-01-05,VOD,250,GBp\n", {"close": 250.0, "currency": "GBp"}),
        ("intraday_prices", "observed_at,instrument,price,currency\n2024-01-05T09:30Z,VOD,250,GBX\n",
         {"price": 250.0, "currency": "GBX", "business_date": pd.Timestamp("2024-01-05"), "source": "file"}),
        ("benchmark_weights", "business_date,benchmark,instrument,weight\n2024-01-05,X,CASH:USD,0.05\n", {"weight": 0.05}),
        ("limits", "limit,valid_from,measure,hard\nL,2020-01-01,var,0.02\n", {"book": "", "basis": "nav"}),
        ("price_sources", "asset_class,valid_from,sources\nEquity,2020-01-01, x y \n", {"asset_class": "equity"}),
        ("price_sources", "valid_from,sources\n2030-01-01,x\n", {"asset_class": "", "sources": "x"}),
        ("alternative_data", "series,observed_on,value,usable_from\nvix,2024-01-05,-1,2024-02-01\n", {"instrument": ""}),
        ("risk_free_rates", "business_date,currency,tenor,rate\n2024-01-05,EUR,3M,-0.005\n", {"rate": -0.005}),
        ("prices", "business_date,instrument,close,known_at\n2024-01-05,AAPL,1,2024-01-05T17:00:00-05:00\n",
         {"known_at": ARRIVED}),
    ],
)  # fmt: skip
def test_defaults_and_liberties(file, text, expected):
    found = checked(f"{file}_2024-01-05.csv", text)
    assert against(found) == []
    [row] = found.facts.to_dict("records")
    assert {column: row[column] for column in expected} == expected


# -- quotes -----------------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(["X", 'a"b', "c,d", "e\nf", "\r\n", "ü"]), st.booleans()), max_size=12))
def test_quoted_files_give_back_every_row_on_its_line(values):
    import csv
    import io

    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["book", "name", "base_currency"])
    expected, line = [], 2
    for number, (value, good) in enumerate(values):
        writer.writerow([f"B{number}", value, "USD" if good else "usd"])
        expected.append((line, good))
        line += 1 + value.replace("\r\n", "\n").count("\n")
    found = checked("books_2024-01-05.csv", target.getvalue())
    assert list(found.facts["line"]) == [line for line, good in expected if good]
    assert list(found.problems["line"]) == [line for line, good in expected if not good]


def test_a_level_that_instruments_do_not_have_is_refused():
    text = (
        "book,valid_from,levels\nB,2024-01-02,sector  country instrument\n,2024-01-02,\nFUND,2024-01-02,sector team\n"
    )
    found = checked("attribution_rules_2024-01-05.csv", text)
    known = "sector, industry, country, currency, issuer, asset_class, exchange, instrument"
    assert against(found) == [(4, "levels", "sector team", f"unknown word; known are {known}")]
    assert found.facts["book"].tolist() == ["B", ""]
