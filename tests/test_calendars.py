"""Sessions and settlement dates, against dates that the exchange published."""

import datetime

import numpy as np
import pandas as pd
import pytest

from assets.partitions import SESSIONS, session_days, session_partitions
from daybook import calendars


def test_the_horizon_is_more_than_six_months_away():
    assert calendars.HORIZON - pd.Timestamp(datetime.date.today()) > pd.Timedelta(days=183), (
        "move calendars.HORIZON one year on"
    )


def test_the_market_closed_for_holidays_funerals_storms_and_attacks():
    closed = ["2001-09-11", "2012-10-29", "2018-12-05", "2022-12-26", "2021-04-02", "2022-06-20", "2022-12-24"]
    assert not calendars.is_session("XNYS", closed).any()
    assert calendars.is_session("XNYS", ["2022-12-27", "2021-12-31", "1990-01-02"]).all()


def test_settlement_follows_the_cycle_of_the_trade_date():
    trades = ["2017-09-01", "2017-09-05", "2024-05-24", "2024-05-28", "2022-12-22"]
    settled = ["2017-09-07", "2017-09-07", "2024-05-29", "2024-05-29", "2022-12-27"]
    assert list(calendars.settlement_date("XNYS", trades)) == list(pd.to_datetime(settled))
    assert calendars.settlement_date("XLON", ["2022-12-22"])[0] == pd.Timestamp("2022-12-28")


def test_sessions_around_a_date():
    assert calendars.roll_forward("XNYS", ["2022-12-24", "2022-12-23"])[0] == pd.Timestamp("2022-12-27")
    assert calendars.previous_session("XNYS", ["2022-12-27"])[0] == pd.Timestamp("2022-12-23")
    assert calendars.next_session("XNYS", ["2022-12-23"])[0] == pd.Timestamp("2022-12-27")
    assert np.isnat(calendars.previous_session("XNYS", ["1990-01-02"]).to_numpy()[0])


def test_an_unknown_calendar_is_refused_by_name():
    assert not calendars.is_calendar("XXXX")
    with pytest.raises(ValueError, match="XXXX"):
        calendars.sessions("XXXX")


def test_partitions_are_exactly_the_sessions():
    keys = SESSIONS.get_partition_keys(current_time=datetime.datetime(2023, 1, 5, 12))
    days = session_days(("XNYS",))
    assert keys == [f"{day:%Y-%m-%d}" for day in days[days <= "2023-01-05"]]
    assert len(keys) > 8_000


def test_todays_session_is_a_partition_and_a_holiday_is_not():
    friday = datetime.datetime(2022, 12, 23, 23)
    assert SESSIONS.get_partition_keys(current_time=friday)[-1] == "2022-12-23"
    assert not SESSIONS.has_partition_key("2022-12-26")


def test_several_calendars_make_one_partition_for_a_day_when_any_is_open():
    both = session_partitions(("XNYS", "XLON"))
    assert both.has_partition_key("2022-11-24")  # Thanksgiving, London open
    assert not session_partitions(("XNYS",)).has_partition_key("2022-11-24")
    assert not both.has_partition_key("2022-12-26")
