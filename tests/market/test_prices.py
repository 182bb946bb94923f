import pandas as pd

from daybook import calendars
from daybook.market import prices
from tests.frames import frame, sessions

COLUMNS = "business_date instrument source close"
NO_ACTIONS = frame("corporate_actions", "action_id")
DECIDED = (frame("price_sources", ""), frame("price_overrides", ""))
INSTRUMENTS = frame("instruments", "instrument exchange currency", ("A", "XNYS", "USD"), ("L", "XLON", "GBP"))


def test_a_delivered_price_is_used_however_odd():
    raw = frame("raw_prices", COLUMNS, ("2020-01-02", "A", "x", 10.0), ("2020-01-03", "A", "x", 99.0))
    golden = prices.golden(raw, INSTRUMENTS, NO_ACTIONS, *DECIDED, sessions("2020-01-02", "2020-01-03"), [])
    assert golden["close"].tolist() == [10.0, 99.0]
    assert golden["status"].tolist() == ["ok", "ok"]
    assert golden["reason"].tolist() == ["", ""]


def test_the_declared_source_goes_first_and_any_source_before_an_older_date():
    raw = frame(
        "raw_prices",
        COLUMNS + " delivery",
        ("2020-01-02", "A", "sample", 10.0, 1),
        ("2020-01-02", "A", "desk", 11.0, 2),
        ("2020-01-03", "A", "desk", 12.0, 3),
        ("2020-01-03", "A", "floor", 13.0, 4),
    )
    days = sessions("2020-01-02", "2020-01-03")
    golden = prices.golden(raw, INSTRUMENTS, NO_ACTIONS, *DECIDED, days, ["sample", "files"])
    assert golden[["close", "source"]].to_numpy().tolist() == [[10.0, "sample"], [13.0, "floor"]]
    golden = prices.golden(raw, INSTRUMENTS, NO_ACTIONS, *DECIDED, days, ["files", "sample"])
    assert golden["close"].tolist() == [11.0, 13.0]


def test_the_last_price_is_restated_for_splits_only_when_raw():
    raw = frame(
        "raw_prices",
        COLUMNS + " price_basis",
        ("2020-01-02", "A", "x", 70.0, "raw"),
        ("2020-01-02", "B", "x", 70.0, "adjusted"),
    )
    split = "action_id instrument kind ex_date numerator denominator status"
    actions = frame(
        "corporate_actions",
        split,
        ("1", "A", "split", "2020-01-06", 7.0, 1.0, "confirmed"),
        ("2", "B", "split", "2020-01-06", 7.0, 1.0, "confirmed"),
        ("3", "A", "split", "2020-01-06", 5.0, 1.0, "cancelled"),
        ("4", "A", "split", "2020-01-02", 3.0, 1.0, "confirmed"),
    )
    golden = prices.golden(raw, INSTRUMENTS, actions, *DECIDED, sessions("2020-01-03", "2020-01-06"), [])
    assert golden["close"].tolist() == [70.0, 70.0, 10.0, 70.0]
    assert set(golden["status"]) == {"stale"}
    assert golden["reason"].tolist()[2] == (
        "no price was delivered for this session: the last one, of 2020-01-02, restated for the splits since, is used"
        " (2 sessions old, of at most 5)"
    )


def test_a_closed_market_is_not_stale():
    raw = frame(
        "raw_prices", COLUMNS + " currency", ("2020-05-07", "A", "x", 1.0, ""), ("2020-05-07", "L", "x", 2.0, "GBP")
    )
    bank_holiday = sessions("2020-05-08")  # early May, in London
    golden = prices.golden(raw, INSTRUMENTS, NO_ACTIONS, *DECIDED, bank_holiday, [])
    assert golden[["instrument", "status", "currency"]].to_numpy().tolist() == [
        ["A", "stale", "USD"],
        ["L", "closed", "GBP"],
    ]
    assert golden["reason"].tolist()[1] == "XLON was closed: the last one, of 2020-05-07, is used"


def test_a_price_in_a_minor_unit_is_used_in_its_currency():
    raw = frame(
        "raw_prices",
        COLUMNS + " currency",
        ("2020-05-07", "L", "x", 250.0, "GBX"),
        ("2020-05-07", "M", "x", 1234.0, "GBp"),
        ("2020-05-07", "Z", "x", 99.0, "ZAc"),
        ("2020-05-07", "I", "x", 5.0, "ILA"),
        ("2020-05-07", "N", "x", 7.0, "ILS"),
    )
    split = frame(
        "corporate_actions", "action_id instrument kind ex_date numerator denominator",
        ("1", "L", "split", "2020-05-08", 2.0, 1.0),
    )  # fmt: skip
    listed = frame("instruments", "instrument exchange currency", ("L", "XLON", "GBP"))
    golden = prices.golden(raw, listed, split, *DECIDED, sessions("2020-05-07", "2020-05-08"), [])
    told = golden.set_index(["instrument", "business_date"]).sort_index()
    first = told.xs(sessions("2020-05-07")[0], level=1)
    assert first["close"].to_dict() == {"L": 2.5, "M": 12.34, "Z": 0.99, "I": 0.05, "N": 7.0}
    assert first["currency"].to_dict() == {"L": "GBP", "M": "GBP", "Z": "ZAR", "I": "ILS", "N": "ILS"}
    assert first["reason"].to_dict() == {
        "L": "delivered in GBX, turned into GBP", "M": "delivered in GBp, turned into GBP",
        "Z": "delivered in ZAc, turned into ZAR", "I": "delivered in ILA, turned into ILS", "N": "",
    }  # fmt: skip
    assert set(first["status"]) == {"ok"}
    later = told.loc[("L", sessions("2020-05-08")[0])]
    assert (later["close"], later["currency"], later["status"]) == (1.25, "GBP", "closed")
    assert later["reason"] == (
        "XLON was closed: the last one, of 2020-05-07, restated for the splits since, is used; "
        "delivered in GBX, turned into GBP"
    )


def test_no_row_before_the_first_price_and_an_unknown_exchange_counts_as_open():
    listed = frame("instruments", "instrument exchange", ("A", "NOWHERE"))
    raw = frame("raw_prices", COLUMNS, ("2020-01-03", "A", "x", 1.0))
    days = calendars.sessions("XNYS", "2020-01-02", "2020-01-06")
    golden = prices.golden(raw, listed, NO_ACTIONS, *DECIDED, days, [])
    assert golden["business_date"].tolist() == list(sessions("2020-01-03", "2020-01-06"))
    assert golden["status"].tolist() == ["ok", "stale"]
    assert prices.golden(raw[:0], listed, NO_ACTIONS, *DECIDED, sessions("2020-01-02"), []).empty


def test_a_range_gives_the_rows_of_single_sessions():
    days = calendars.sessions("XNYS", "2020-04-20", "2020-05-29")
    rows = [(d, i, "x", 10.0 + k / 7) for k, d in enumerate(days) for i in "AL" if (k * 3 + ord(i)) % 4]
    raw = frame("raw_prices", COLUMNS, *rows)
    actions = frame(
        "corporate_actions",
        "action_id instrument kind ex_date numerator denominator",
        *[(str(d), "A", "split", d, 3.0, 7.0) for d in days[3::5]],
    )
    whole = prices.golden(raw, INSTRUMENTS, actions, *DECIDED, days, ["x"])
    known = {d: raw[raw["business_date"] <= d] for d in days}
    single = [prices.golden(known[d], INSTRUMENTS, actions, *DECIDED, sessions(d), ["x"]) for d in days]
    pd.testing.assert_frame_equal(whole, pd.concat(single, ignore_index=True), check_exact=True)
