import gzip
import io
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daybook import calendars
from daybook.market import security_master
from daybook.market.actions import returns
from resources.facts import Facts
from resources.inbox import Inbox
from resources.settings import SettingsError, settings
from resources.vendors import vendors
from resources.vendors.lean import LeanDataError, LeanVendor, terms

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "lean"
LAST = pd.Timestamp("2021-03-31")
# The map file of each of the twelve price files, and the permanent id that it gives.
OWNERS = {
    "aapl": "AAPL-1998-01-02", "aig": "AIG-1998-01-02", "bac": "NB-1998-01-02", "eem": "EEM-2003-04-11",
    "fb": "FB-2012-05-18", "goog": "GOOCV-2014-03-27", "googl": "GOOG-2004-08-19", "ibm": "IBM-1998-01-02",
    "iwm": "IWM-2000-05-26", "qqq": "QQQ-1999-03-10", "spy": "SPY-1998-01-02", "wm": "UW-1998-01-02",
}  # fmt: skip


def vendor(folder):
    return LeanVendor(replace(settings(), lean_data=folder))


def by_table(*deliveries):
    """Table -> the rows of all deliveries, as text."""
    frames = defaultdict(list)
    for files in deliveries:
        for name, data in files:
            table, _, suffix = name.rsplit("_", 2)
            assert suffix == "lean.csv"
            frames[table].append(pd.read_csv(io.BytesIO(data), dtype="str", keep_default_na=False))
    return {table: pd.concat(parts, ignore_index=True) for table, parts in frames.items()}


def rows(frame, *columns):
    return list(frame[list(columns)].itertuples(index=False, name=None))


# -- a small folder: OLD is renamed to NEW, and its ticker is taken by another company --------------------------------

PRICES = {
    # A row of a company before the maps begin, one of the company that is renamed, two of the one that came later.
    "old": """20140303 00:00,90000,100000,80000,95000,100
20140401 00:00,1400000,1450000,1390000,1410000,1000
20140602 00:00,200000,210000,190000,205000,10
20140609 00:00,200000,210000,190000,203000,10""",
    "new": """20140505 00:00,1400000,1450000,1390000,1420000,1000
20140606 00:00,6500000,6518700,6447000,6455700,12497800
20140609 00:00,927000,938800,917500,937000,75415000
20140806 00:00,948700,954800,947000,949700,38558000""",
    "plain": "20140602 00:00,10000,10000,10000,10000,1\n20140609 00:00,12500,13000,12345,12345,1",
}
MAPS = {
    "new": "20140401,old,N\n20140502,old,N\n20501231,new,Q",
    "old": "20140602,old,P\n20501231,old,P",
}
FACTORS = {
    # Dividends of 3.29 and 0.47 before and after the split of 7 for 1, and a split of 4 for 1, as LEAN writes Apple's.
    "new": """20140401,.9895243,.0357143,1
20140507,.9895243,.0357143,592.33
20140606,.9950511,.0357143,645.57
20140806,.9950511,.25,94.97
20200828,1,.25,499.23
20501231,1,1,0""",
    "plain": "20140602,1,2,1\n20140606,1,2,1\n20501231,1,1,0",
}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "lean"
    for name in ("map_files", "factor_files"):
        (root / name).mkdir(parents=True)
    for ticker, text in PRICES.items():
        (root / f"{ticker}_daily_raw_e4.csv.gz").write_bytes(gzip.compress(text.encode()))
    for kind, files in (("map_files", MAPS), ("factor_files", FACTORS)):
        for name, text in files.items():
            (root / kind / f"{name}.csv").write_text(text + "\n\n")
    return root


@pytest.fixture
def small(folder):
    return by_table(vendor(folder).deliver(None, pd.Timestamp("2014-08-29")))


def test_an_instrument_is_its_first_ticker_and_date_and_a_ticker_belongs_to_one_at_a_time(small):
    assert rows(small["instruments"], "instrument", "name", "exchange") == [
        ("OLD-2014-03-03", "OLD", "XNYS"),
        ("OLD-2014-04-01", "NEW", "XNAS"),
        ("OLD-2014-06-02", "OLD", "ARCX"),
        ("PLAIN-2014-06-02", "PLAIN", "XNYS"),
    ]
    assert set(small["identifiers"]["scheme"]) == {"ticker"}
    assert rows(small["identifiers"], "instrument", "value", "exchange", "valid_from", "valid_to") == [
        ("OLD-2014-03-03", "OLD", "XNYS", "2014-03-03", "2014-03-03"),
        ("OLD-2014-04-01", "OLD", "XNYS", "2014-04-01", "2014-05-02"),
        ("OLD-2014-04-01", "NEW", "XNAS", "2014-05-03", ""),
        ("OLD-2014-06-02", "OLD", "ARCX", "2014-06-02", ""),
        ("PLAIN-2014-06-02", "PLAIN", "XNYS", "2014-06-02", ""),
    ]


def test_a_price_belongs_to_whoever_had_the_ticker_that_day(small):
    frame = small["prices"]
    assert rows(frame, "business_date", "instrument", "close") == [
        ("2014-03-03", "OLD-2014-03-03", "9.5"),
        ("2014-04-01", "OLD-2014-04-01", "141.0"),
        ("2014-05-05", "OLD-2014-04-01", "142.0"),
        ("2014-06-02", "OLD-2014-06-02", "20.5"),
        ("2014-06-02", "PLAIN-2014-06-02", "1.0"),
        ("2014-06-06", "OLD-2014-04-01", "645.57"),
        ("2014-06-09", "OLD-2014-04-01", "93.7"),
        ("2014-06-09", "OLD-2014-06-02", "20.3"),
        ("2014-06-09", "PLAIN-2014-06-02", "1.2345"),
        ("2014-08-06", "OLD-2014-04-01", "94.97"),
    ]
    assert rows(frame[frame["close"] == "645.57"], "open", "high", "low", "volume") == [
        ("650.0", "651.87", "644.7", "12497800.0")
    ]
    assert {*frame["price_basis"], *frame["currency"], *frame["source"]} == {"raw", "USD", "lean"}


def test_splits_are_whole_numbers_and_dividends_what_was_paid(small):
    assert rows(small["corporate_actions"], "action_id", "ex_date", "numerator", "denominator", "amount") == [
        ("lean:OLD-2014-04-01:rename:2014-05-05", "2014-05-05", "", "", ""),
        ("lean:OLD-2014-04-01:cash_dividend:2014-05-08", "2014-05-08", "", "", "3.29"),
        ("lean:OLD-2014-04-01:split:2014-06-09", "2014-06-09", "7", "1", ""),
        # No map: the ticker was always the company's own, and its factors are too.
        ("lean:PLAIN-2014-06-02:split:2014-06-09", "2014-06-09", "1", "2", ""),
        ("lean:OLD-2014-04-01:cash_dividend:2014-08-07", "2014-08-07", "", "", "0.47"),
    ]
    assert rows(small["corporate_actions"], "kind", "instrument", "currency") == [
        ("rename", "OLD-2014-04-01", ""),
        ("cash_dividend", "OLD-2014-04-01", "USD"),
        ("split", "OLD-2014-04-01", ""),
        ("split", "PLAIN-2014-06-02", ""),
        ("cash_dividend", "OLD-2014-04-01", "USD"),
    ]


def test_nothing_is_told_before_its_date_and_a_cut_span_adds_up(folder):
    source, end = vendor(folder), pd.Timestamp("2020-12-31")
    assert (source.last_session(), source.default_date()) == (pd.Timestamp("2014-08-06"),) * 2
    whole = by_table(source.deliver(None, end))
    assert whole["corporate_actions"]["ex_date"].max() == "2020-08-31"
    bounds = [None, *map(pd.Timestamp, ("2014-03-31", "2014-05-02", "2014-06-08", "2014-06-09", "2014-08-06")), end]
    pieces = by_table(*(vendor(folder).deliver(a, b) for a, b in pairwise(bounds)))
    assert pieces.keys() == whole.keys()
    for table, frame in whole.items():
        # A ticker is told when it begins and when it ends, in the same words.
        found = pieces[table].drop_duplicates() if table == "identifiers" else pieces[table]
        key = list(frame.columns)
        expected, found = (f.sort_values(key, ignore_index=True) for f in (frame, found))
        pd.testing.assert_frame_equal(found, expected)
    early = by_table(source.deliver(None, pd.Timestamp("2014-06-08")))
    assert set(early["instruments"]["instrument"]) == set(whole["instruments"]["instrument"])
    assert early["prices"]["business_date"].max() == "2014-06-06"
    assert list(early["corporate_actions"]["kind"]) == ["rename", "cash_dividend"]
    assert set(by_table(source.deliver(None, pd.Timestamp("2014-03-31")))) == {"instruments", "identifiers", "prices"}
    assert list(source.deliver(end, end)) == []


def test_the_same_folder_gives_the_same_bytes(folder):
    end = pd.Timestamp("2020-12-31")
    assert list(vendor(folder).deliver(None, end)) == list(vendor(folder).deliver(None, end))


def test_a_ticker_that_two_have_at_once_is_the_one_s_that_took_it_last(folder):
    (folder / "map_files" / "old.1.csv").write_text("20140701,old,N\n20501231,old,N\n")
    with gzip.open(folder / "old_daily_raw_e4.csv.gz", "at") as file:
        file.write("\n20140701 00:00,1,1,1,1,1")
    prices = by_table(vendor(folder).deliver(None, LAST))["prices"]
    assert rows(prices[prices["business_date"] == "2014-07-01"], "instrument") == [("OLD-2014-07-01",)]


def test_a_rename_ends_the_ticker_that_was_delivered_without_end(folder):
    before = by_table(vendor(folder).deliver(None, pd.Timestamp("2014-08-06")))["identifiers"]
    (folder / "map_files" / "new.csv").write_text("20140401,old,N\n20140502,old,N\n20140806,new,Q\n20501231,newer,Q")
    after = by_table(vendor(folder).deliver(pd.Timestamp("2014-08-05"), pd.Timestamp("2014-08-07")))["identifiers"]
    columns = ("instrument", "value", "valid_from", "valid_to")
    assert ("OLD-2014-04-01", "NEW", "2014-05-03", "") in rows(before, *columns)
    assert rows(after, *columns) == [
        ("OLD-2014-04-01", "NEW", "2014-05-03", "2014-08-06"),
        ("OLD-2014-04-01", "NEWER", "2014-08-07", ""),
    ]


def test_a_map_that_ends_before_the_prices_is_a_delisting_and_a_change_of_exchange_is_no_rename(folder):
    def named():
        actions = by_table(vendor(folder).deliver(None, LAST))["corporate_actions"]
        return rows(actions[actions["kind"].isin(["rename", "delisting"])], "kind", "instrument", "ex_date")

    (folder / "map_files" / "old.csv").write_text("20140602,old,P\n20140604,old,N\n20140606,old,N")
    renamed = ("rename", "OLD-2014-04-01", "2014-05-05")
    assert named() == [renamed, ("delisting", "OLD-2014-06-02", "2014-06-09")]
    (folder / "map_files" / "old.csv").write_text("20140602,old,P\n20140806,old,P")  # the last day of any price
    assert named() == [renamed]


def test_factors_belong_to_the_map_of_their_name_and_not_to_who_took_the_ticker(folder):
    (folder / "map_files" / "plain.csv").write_text("20140529,zeta,N\n20140530,zeta,N\n20140602,plain,N")
    told = by_table(vendor(folder).deliver(None, LAST))
    prices = told["prices"][told["prices"]["close"].isin(["1.0", "1.2345"])]
    assert rows(prices, "instrument") == [("ZETA-2014-05-29",), ("PLAIN-2014-06-09",)]
    splits = told["corporate_actions"][told["corporate_actions"]["numerator"] == "1"]
    assert rows(splits, "instrument", "denominator") == [("ZETA-2014-05-29", "2")]


def test_prices_alone_are_enough(folder):
    for path in [*folder.rglob("*.csv"), folder / "old_daily_raw_e4.csv.gz"]:  # no maps, no factors: no actions
        path.unlink()
    told = by_table(vendor(folder).deliver(None, LAST))
    assert set(told) == {"instruments", "identifiers", "prices"}
    assert set(told["instruments"]["instrument"]) == {"NEW-2014-05-05", "PLAIN-2014-06-02"}


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("map_files/new.csv", "20140401,old,N\n20501231,new,7", "new.csv, line 2, column exchange: '7': unknown"),
        ("map_files/new.csv", "20140401,old,N\n20130101,new,N", "new.csv: the dates are not in order"),
        ("factor_files/new.csv", "20140401,1,1,1\n2014,1,1,1", "new.csv, line 2, column date: '2014': not a date"),
        ("factor_files/new.csv", "20140401,1,,1\n20150101,1,1,1", "new.csv, line 1, column split_factor: ''"),
        ("factor_files/new.csv", "20140401,1,inf,1\n20150101,1,1,1", "new.csv, line 1, column split_factor: 'inf'"),
        ("factor_files/new.csv", "20140401,1,0,1\n20150101,1,1,1", "new.csv, line 1, column split_factor: .*zero"),
        ("map_files/new.csv", "", "new.csv: holds no rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(folder, file, text, reason):
    (folder / file).write_text(text)
    with pytest.raises(LeanDataError, match=reason):
        list(vendor(folder).deliver(None, LAST))


def test_half_a_price_file_and_a_price_that_is_none_are_named(folder):
    path = folder / "new_daily_raw_e4.csv.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(LeanDataError, match=r"new_daily_raw_e4\.csv\.gz: cannot be read"):
        vendor(folder).last_session()
    path.write_bytes(gzip.compress(b"20140505 00:00,1,1,1,1,1\n20140506 00:00,1,1,1,x,1"))
    with pytest.raises(LeanDataError, match=r"new_daily_raw_e4\.csv\.gz, line 2, column close: 'x': not a number"):
        vendor(folder).last_session()


def test_the_folder_is_a_setting_without_default(tmp_path, monkeypatch):
    monkeypatch.setenv("DAYBOOK_VENDORS", "lean")
    monkeypatch.delenv("DAYBOOK_LEAN_DATA", raising=False)
    with pytest.raises(SettingsError, match="DAYBOOK_LEAN_DATA is not set"):
        vendors(settings())
    monkeypatch.setenv("DAYBOOK_LEAN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=r"DAYBOOK_LEAN_DATA='.*nowhere' is not a folder"):
        vendors(settings())
    monkeypatch.setenv("DAYBOOK_LEAN_DATA", str(tmp_path))
    with pytest.raises(LeanDataError, match="no price file"):
        vendors(settings())["lean"].last_session()


# -- terms from rounded factors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0.1428572, 1, Fraction(7)),
        (0.0357143, 0.25, Fraction(7)),  # Apple 2014
        (0.0178571, 0.0357143, Fraction(2)),
        (10.6667, 13.3333, Fraction(5, 4)),  # AIG 1999: a product of products
        (7.11111022, 10.6667, Fraction(3, 2)),
        (20, 1, Fraction(1, 20)),  # AIG 2009, a reverse split
        (3.0003, 1, Fraction(1, 3)),  # Time Warner 2009: one over .3333
        (0.997307, 1, Fraction(1114, 1111)),  # Google 2015, paid in shares
        (1, 1, Fraction(1)),
        (0.9999999, 1, Fraction(1)),  # rounding alone
    ],
)
def test_a_split_is_the_small_fraction_that_the_factors_round(before, after, expected):
    assert terms(before / after) == expected


@given(new=st.integers(1, 10), old=st.integers(1, 10), later=st.sampled_from([1, 0.25, 1 / 3, 20]))
def test_whole_numbers_up_to_ten_come_back_from_factors_of_six_digits(new, old, later):
    before = float(f"{old / new * later:.6g}")
    assert terms(before / float(f"{later:.6g}")) == Fraction(new, old)


@given(new=st.integers(1, 150), old=st.integers(1, 3))
def test_larger_numbers_come_back_from_factors_of_seven_digits(new, old):
    assert terms(float(f"{old / new:.7g}")) == Fraction(new, old)
    assert terms(float(f"{new / old:.7g}")) == Fraction(old, new)


@given(st.floats(0.001, 1000))
def test_any_other_ratio_is_kept_to_what_the_factor_tells(factor):
    assert abs(terms(factor) * Fraction(factor) - 1) <= Fraction(2, 10_000)


def test_dividends_come_back_to_the_digit(folder):
    """A factor file as LEAN makes it, of 100 dividends of two to four digits: each factor is rounded to 7 places."""
    generator = np.random.default_rng(7)
    places = generator.integers(2, 5, 100)
    paid = [round(value, place) for value, place in zip(generator.uniform(0.05, 1, 100), places, strict=True)]
    reference = generator.uniform(60, 200, 100).round(2)
    sessions = calendars.sessions("XNYS", "2014-06-09")[:101]
    lines, factor = ["20501231,1,1,0"], 1.0
    for at in reversed(range(100)):
        factor = round(factor * (1 - paid[at] / reference[at]), 7)
        lines.insert(0, f"{sessions[at]:%Y%m%d},{factor},1,{reference[at]}")
    (folder / "factor_files" / "plain.csv").write_text("\n".join(lines))
    actions = by_table(vendor(folder).deliver(None, LAST))["corporate_actions"]
    found = actions[actions["instrument"].str.startswith("PLAIN")]
    assert list(found["ex_date"]) == [f"{session:%Y-%m-%d}" for session in sessions[1:]]
    assert found["amount"].astype("float64").tolist() == paid


# -- the real data, through the front door ----------------------------------------------------------------------------


@pytest.fixture
def taken(settings, lake, engine):
    """What the inbox made of the real folder: its report, prices, actions, identifiers.

    The folder is QuantConnect's and no part of the repository: it stands beside it where Daybook is built.
    """
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there")
    inbox = Inbox(settings, lake, engine)
    source = vendor(REAL)
    intake = inbox.deliver_all(source.deliver(None, source.last_session()))
    facts = Facts(settings, lake, engine)
    names = ("raw_prices", "corporate_actions", "identifiers", "instruments")
    return intake, inbox.entries(), {name: facts.current(name) for name in names}


def test_all_twelve_names_load_and_nothing_is_quarantined(taken):
    intake, entries, told = taken
    assert [(done.table, done.quarantined, done.outcome) for done in intake.files] == [
        ("instruments", 0, "complete"),
        ("identifiers", 0, "complete"),
        ("raw_prices", 0, "complete"),
        ("corporate_actions", 0, "complete"),
    ]
    assert entries.empty
    prices, actions = told["raw_prices"], told["corporate_actions"]
    delivered = sum(len(gzip.decompress(path.read_bytes()).splitlines()) for path in REAL.glob("*.gz"))
    assert len(prices) == delivered == 57988
    assert prices["business_date"].max() == LAST
    last = prices[prices["business_date"] == LAST]
    assert sorted(last["instrument"]) == sorted(OWNERS.values())
    _the_ticker_leads_to_the_right_company(told["identifiers"], prices)
    _the_actions_are_the_known_ones(actions)
    _total_returns_are_those_of_the_factors(prices, actions)


def _the_ticker_leads_to_the_right_company(identifiers, prices):
    def whose(ticker, day):
        found, reasons = security_master.resolve(identifiers, "ticker", [ticker], [""], [pd.Timestamp(day)])
        return found[0] or reasons[0]

    assert whose("FB", "2003-03-28") == "FB-1999-09-29"
    assert whose("FB", "2012-05-18") == "FB-2012-05-18"
    assert whose("FB", "2008-01-02") == "no instrument has ticker FB at 2008-01-02"
    assert whose("GOOG", "2014-04-02") == whose("GOOGL", "2014-04-03") == "GOOG-2004-08-19"
    assert whose("GOOG", "2014-04-03") == "GOOCV-2014-03-27"
    assert whose("TWX", "2001-01-11") == "TWX-1998-01-02"
    assert whose("TWX", "2003-10-16") == whose("AOL", "1998-01-02") == "AOL-1998-01-02"
    # Washington Mutual and BankAmerica have no map: they are what the maps of WM and BAC leave.
    assert whose("WM", "2008-09-26") == "WM-1998-12-09"
    assert whose("WM", "2009-08-05") == whose("WMI", "2008-09-26") == "UW-1998-01-02"
    assert whose("BAC", "1998-09-30") == "BAC-1998-01-02"
    assert whose("BAC", "1998-10-01") == whose("NB", "1998-09-30") == "NB-1998-01-02"
    spans = prices.groupby("instrument")["business_date"].agg(["min", "max", "size"])
    assert spans.loc["FB-2012-05-18"].tolist() == [pd.Timestamp("2012-05-18"), LAST, 2231]
    assert spans.loc["FB-1999-09-29"].tolist() == [pd.Timestamp("1999-09-29"), pd.Timestamp("2003-03-28"), 716]
    assert spans.loc["GOOCV-2014-03-27", "min"] == pd.Timestamp("2014-04-03")
    assert spans.loc["WM-1998-12-09", "max"] == pd.Timestamp("2008-09-26")


def _the_actions_are_the_known_ones(actions):
    apple = actions[actions["instrument"] == OWNERS["aapl"]]
    splits = apple[apple["kind"] == "split"]
    assert rows(splits.sort_values("ex_date"), "ex_date", "numerator", "denominator") == [
        (pd.Timestamp("2000-06-21"), 2.0, 1.0),
        (pd.Timestamp("2005-02-28"), 2.0, 1.0),
        (pd.Timestamp("2014-06-09"), 7.0, 1.0),
        (pd.Timestamp("2020-08-31"), 4.0, 1.0),
    ]
    paid = apple[apple["kind"] == "cash_dividend"].sort_values("ex_date")
    # Per share of that day: https://strike.market/stocks/AAPL/dividends, sums by year, and since 2018 by ex date.
    assert paid["amount"].tolist() == [
        *[2.65] * 3, *[3.05] * 4, 3.29, *[0.47] * 3, *[0.52] * 4, *[0.57] * 4, *[0.63] * 4, *[0.73] * 4, *[0.77] * 4,
        *[0.82] * 2, *[0.205] * 2,
    ]  # fmt: skip
    on = paid.set_index("ex_date")["amount"]
    assert (on["2012-08-09"], on["2014-08-07"], on["2020-11-06"]) == (2.65, 0.47, 0.205)
    every = actions[actions["kind"] == "split"].set_index(["instrument", "ex_date"])
    named = actions[actions["kind"].isin(["rename", "delisting"]) & actions["instrument"].isin(OWNERS.values())]
    # NB became BAC, UW became WMI and WM, QQQ was QQQQ for six years, GOOG became GOOGL, GOOCV became GOOG.
    assert rows(named.sort_values(["ex_date", "instrument"]), "kind", "instrument", "ex_date") == [
        ("rename", owner, pd.Timestamp(day))
        for owner, day in [
            (OWNERS["wm"], "1998-07-17"), (OWNERS["bac"], "1998-10-01"), (OWNERS["qqq"], "2004-12-01"),
            (OWNERS["wm"], "2009-08-05"), (OWNERS["qqq"], "2011-03-23"), (OWNERS["goog"], "2014-04-03"),
            (OWNERS["googl"], "2014-04-03"),
        ]
    ]  # fmt: skip
    gone = actions[actions["kind"] == "delisting"].set_index("instrument")["ex_date"]
    assert gone["FB-1999-09-29"] == pd.Timestamp("2003-03-31")
    assert gone["AOL-1998-01-02"] == pd.Timestamp("2018-06-18"), "Time Warner, bought by AT&T"
    known = {("aig", "1999-08-02"): (5, 4), ("aig", "2009-07-01"): (1, 20), ("eem", "2008-07-24"): (3, 1)}
    for (name, day), (new, old) in known.items():
        row = every.loc[(OWNERS[name], pd.Timestamp(day))]
        assert (row["numerator"], row["denominator"]) == (new, old)


def _total_returns_are_those_of_the_factors(prices, actions):
    """LEAN reinvests a dividend at the close before it less the dividend: with y = dividend / that close,
    1 + LEAN's return = (1 + ours - y) / (1 - y), so ours = (1 + LEAN's) (1 - y) + y - 1.

    What is left is the rounding of two factors to 7 places, at most 0.5e-7 (1 + 1) / 0.5455 = 1.9e-7 with the smallest
    there is, and on a split that of two factors of six significant digits.
    """
    golden = prices.assign(status="ok")
    ours = returns(golden, actions, calendars.sessions("XNYS", "1998-01-02", LAST)).set_index("business_date")
    compared, gaps = 0, {}
    for name, instrument in OWNERS.items():
        series = prices[prices["instrument"] == instrument].set_index("business_date")["close"].sort_index()
        factors = pd.read_csv(REAL / "factor_files" / f"{name}.csv", header=None, names=["date", "price", "split", "_"])
        at = pd.to_datetime(factors["date"].astype(str)).searchsorted(series.index)
        price, split = factors["price"].to_numpy()[at], factors["split"].to_numpy()[at]
        adjusted = series.to_numpy() * price * split
        yields = 1 - price[:-1] / price[1:]
        theirs = adjusted[1:] / adjusted[:-1] * (1 - yields) + yields - 1
        found = ours.loc[ours["instrument"] == instrument, "local_return"].reindex(series.index[1:]).to_numpy()
        joined = calendars.previous_session("XNYS", series.index[1:]) == series.index[:-1]
        error = np.abs(found - theirs)
        is_split = split[1:] != split[:-1]
        assert error[joined & ~is_split].max() < 2e-7, name
        assert error[joined & is_split].max(initial=0) < 6e-6, name
        assert error[joined & (price[1:] == price[:-1]) & ~is_split].max() < 1e-11, name
        compared += joined.sum()
        gaps[name] = list(series.index[1:][~joined])
    # Of EEM one session is missing; QQQ was QQQQ for six years, and there is no file of that ticker.
    assert {name: found for name, found in gaps.items() if found} == {
        "eem": [pd.Timestamp("2003-08-18")],
        "qqq": [pd.Timestamp("2011-03-23")],
    }
    assert compared == 53883
