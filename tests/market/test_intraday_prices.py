"""Which session an observation belongs to, the newest one, and which one made the close."""

import numpy as np
import pandas as pd
import pytest

from daybook import calendars
from daybook.market import intraday
from tests.frames import frame, sessions

INSTRUMENTS = frame(
    "instruments",
    "instrument exchange currency",
    ("NY", "XNYS", "USD"),
    ("LN", "XLON", "GBP"),
    ("SY", "XASX", "AUD"),
    ("CH", "CMES", "USD"),
    ("OTC", "ODDX", "USD"),
)
SEEN = "business_date instrument observed_at source price currency file line delivery"


@pytest.mark.parametrize(
    ("instrument", "instant", "date"),
    [
        ("NY", "2022-12-27T20:59:59Z", "2022-12-27"),
        ("NY", "2022-12-27T09:05:00Z", "2022-12-27"),  # 4:05 in New York, before the open
        ("NY", "2022-12-28T00:30:00Z", "2022-12-27"),  # half past seven in the evening, after the close
        ("NY", "2022-12-28T05:00:00Z", "2022-12-28"),  # midnight
        ("NY", "2022-12-26T15:00:00Z", "2022-12-26"),  # no session: it stays at its date
        ("LN", "2022-06-30T23:30:00Z", "2022-07-01"),  # summer time
        ("SY", "2022-12-27T23:30:00Z", "2022-12-28"),  # half past ten on the next morning
        ("CH", "2022-12-27T22:59:00Z", "2022-12-27"),
        ("CH", "2022-12-27T23:00:00Z", "2022-12-28"),  # opens at five in the evening in Chicago
        ("CH", "2023-01-08T23:30:00Z", "2023-01-09"),  # Sunday evening
        ("OTC", "2022-12-27T23:59:00Z", "2022-12-27"),  # no calendar: UTC
        ("unknown", "2022-12-27T23:59:00Z", "2022-12-27"),
    ],
)
def test_the_session_is_that_of_the_exchange(instrument, instant, date):
    (found,) = intraday.trading_dates(INSTRUMENTS, [instrument], pd.DatetimeIndex([instant]))
    assert found == np.datetime64(date)


def test_an_instant_that_is_missing_has_no_session():
    found = intraday.trading_dates(INSTRUMENTS, ["NY", "CH"], np.array(["NaT", "NaT"], "datetime64[us]"))
    assert np.isnat(found).all()


def test_the_cut_of_a_close_is_named_in_local_time():
    days = ["2022-12-27", "2022-11-25", "2022-12-26"]  # a whole day, a half day, a holiday
    assert list(calendars.cut("XNYS", days)) == ["XNYS-16:00", "XNYS-13:00", ""]
    assert list(calendars.cut("XLON", ["2022-07-01"])) == ["XLON-16:30"]
    assert list(calendars.cut("ODDX", days)) == ["", "", ""]


DAY = "2022-12-28"


def observations(*rows):
    made = frame("intraday_prices", SEEN, *((DAY, name, f"{DAY}T{at}Z", *rest) for name, at, *rest in rows))
    return intraday.observed(made, INSTRUMENTS, sessions(DAY))


def test_the_newest_counts_whatever_arrived_last_and_of_one_instant_the_preferred_source():
    seen = observations(
        ("NY", "15:00:00", "b", 11.0, "USD", "f", 2, 2),
        ("NY", "15:00:00", "a", 12.0, "USD", "g", 2, 1),
        ("NY", "14:59:59", "a", 13.0, "USD", "g", 3, 9),
        ("LN", "15:00:00", "b", 250.0, "GBX", "f", 3, 2),
        ("SY", "03:00:00", "b", 7.0, "", "f", 4, 2),
    )
    latest = intraday.newest(seen, ["a", "b"])
    assert latest[["instrument", "price", "currency", "source"]].to_numpy().tolist() == [
        ["LN", 2.5, "GBP", "b"],
        ["NY", 12.0, "USD", "a"],
        ["SY", 7.0, "AUD", "b"],
    ]
    assert intraday.newest(seen, ["b", "a"]).set_index("instrument")["price"]["NY"] == 11.0


GOLDEN = "business_date instrument close currency source status reason file line"


def golden(*rows):
    return frame("prices", GOLDEN, *((DAY, *row) for row in rows))


def test_an_observation_goes_before_the_golden_price_and_an_override_before_both():
    seen = observations(("NY", "15:00:00", "b", 11.0, "USD", "f", 2, 2), ("LN", "15:00:00", "b", 2.5, "GBP", "f", 3, 2))
    before = golden(
        ("NY", 10.0, "USD", "v", "stale", "the last one", "p", 2),
        ("LN", 3.0, "GBP", "v", "override", "two people said so", "p", 3),
        ("SY", 6.0, "AUD", "v", "ok", "", "p", 4),
        ("CH", 5.0, "USD", "v", "closed", "CMES was closed", "p", 5),
    )
    found = intraday.prices(before, intraday.newest(seen, [])).set_index("instrument")
    assert found[["close", "source", "status", "reason", "file"]].T.to_dict("list") == {
        "NY": [11.0, "b", "ok", "", "f"],
        "LN": [3.0, "v", "override", "two people said so", "p"],
        "SY": [6.0, "v", "ok", "the official close, as nothing newer was seen", "p"],
        "CH": [5.0, "v", "closed", "CMES was closed", "p"],
    }


def test_an_instrument_without_any_close_is_priced_by_what_was_seen():
    seen = observations(("NY", "15:00:00", "b", 11.0, "USD", "f", 2, 2))
    assert intraday.prices(golden(), intraday.newest(seen, []))["close"].tolist() == [11.0]


@pytest.mark.parametrize(
    ("price", "currency", "reason"),
    [
        (1100.0, "USD", "110 times the golden price of 10"),
        (4.9, "USD", "0.49 times the golden price of 10"),
        (20.0, "USD", ""),
        (5.0, "USD", ""),
        (1100.0, "EUR", ""),  # of another currency nothing can be said
    ],
)
def test_an_observation_far_from_the_golden_price_is_used_and_says_so(price, currency, reason):
    seen = observations(("NY", "15:00:00", "b", price, currency, "f", 2, 2))
    (row,) = intraday.prices(golden(("NY", 10.0, "USD", "v", "ok", "", "p", 2)), intraday.newest(seen, [])).to_dict(
        "records"
    )
    assert (row["close"], row["reason"]) == (price, reason)


def test_the_close_names_the_newest_observation_with_its_price():
    seen = observations(
        ("NY", "20:59:58", "x", 187.2, "USD", "ticks", 7, 2),
        ("NY", "20:10:00", "x", 187.2, "USD", "ticks", 6, 2),
        ("NY", "21:05:00", "x", 188.0, "USD", "ticks", 8, 2),
        ("LN", "16:29:59", "x", 250.1, "GBX", "ticks", 9, 2),
        ("SY", "04:59:00", "x", 7.0, "USD", "ticks", 10, 2),
        ("CH", "20:00:00", "x", 5.0, "USD", "ticks", 11, 2),
    )
    official = golden(
        ("NY", 187.2, "USD", "v", "ok", "", "prices.csv", 3),
        ("LN", 250.1 / 100, "GBP", "v", "ok", "", "prices.csv", 4),
        ("SY", 7.0, "AUD", "v", "ok", "", "prices.csv", 5),  # the price is the same in another currency
        ("CH", 5.0, "USD", "v", "stale", "the last one", "prices.csv", 6),  # no close to speak of
        ("OTC", 1.0, "USD", "v", "ok", "", "prices.csv", 7),  # never watched
    )
    told = intraday.closes(official, seen, INSTRUMENTS).set_index("instrument")["made_by"]
    assert told.to_dict() == {
        "NY": "the close XNYS-16:00 is 187.2 (prices.csv line 3),"
        " made by the price of 20:59:58 UTC from x (ticks line 7)",
        "LN": "the close XLON-16:30 is 2.501 (prices.csv line 4),"
        " made by the price of 16:29:59 UTC from x (ticks line 9)",
        "SY": "the close XASX-16:00 is 7 (prices.csv line 5), which no observation of the session has",
    }
