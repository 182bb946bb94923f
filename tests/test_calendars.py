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


@pytest.mark.parametrize(
    ("market", "cycles"),
    [
        # Labour Day was 2017-09-04 in Canada, not in Mexico; 2024-05-27 was a holiday in the United States alone.
        ("XTSE", {"2017-09-01": "2017-09-07", "2017-09-05": "2017-09-07",
                  "2024-05-24": "2024-05-28", "2024-05-27": "2024-05-28"}),
        ("XMEX", {"2017-09-01": "2017-09-06", "2017-09-05": "2017-09-07",
                  "2024-05-24": "2024-05-28", "2024-05-27": "2024-05-28"}),
        *((market, {"2014-10-03": "2014-10-08", "2014-10-06": "2014-10-08", "2024-06-03": "2024-06-05"})
          for market in ("XLON", "XPAR", "XAMS", "XMIL", "XSWX", "XOSL", "XWAR", "LSE")),
        ("XTKS", {"2019-07-12": "2019-07-18", "2019-07-16": "2019-07-18"}),  # 2019-07-15 was Marine Day
        ("XASX", {"2016-03-04": "2016-03-09", "2016-03-07": "2016-03-09"}),
        ("XNZE", {"2016-03-04": "2016-03-09", "2016-03-07": "2016-03-09"}),
        ("XSES", {"2018-12-07": "2018-12-12", "2018-12-10": "2018-12-12"}),
        ("XJSE", {"2016-07-08": "2016-07-15", "2016-07-11": "2016-07-14"}),
        ("XBOM", {"2023-01-25": "2023-01-30", "2023-01-27": "2023-01-30"}),  # Republic Day is between them
        ("XETR", {"2014-09-23": "2014-09-25", "2024-06-03": "2024-06-05"}),
        ("XHKG", {"2013-06-03": "2013-06-05", "2024-06-03": "2024-06-05"}),
        *((market, {"2017-09-01": "2017-09-07", "2017-09-05": "2017-09-07",
                    "2024-05-24": "2024-05-29", "2024-05-28": "2024-05-29"})
          for market in ("XNYS", "XNAS", "ARCX", "XASE")),
    ],
)  # fmt: skip
def test_each_market_changed_its_cycle_on_its_day(market, cycles):
    assert list(calendars.settlement_date(market, list(cycles))) == list(pd.to_datetime(list(cycles.values())))


def test_half_days():
    assert list(calendars.early_closes("XNYS", "2022-11-25", "2023-11-24")) == list(
        pd.to_datetime(["2022-11-25", "2023-07-03", "2023-11-24"])
    )
    assert list(calendars.early_closes("XLON", "2020-01-01", "2020-12-31")) == list(
        pd.to_datetime(["2020-12-24", "2020-12-31"])
    )
    assert calendars.early_closes("XNYS", "2022-11-26", "2023-07-02").empty


def test_breaks_at_midday_but_not_on_half_days():
    found = calendars.breaks("XHKG", "2020-12-23", "2020-12-29")
    assert list(found) == list(pd.to_datetime(["2020-12-23", "2020-12-28", "2020-12-29"]))
    assert found.dtype == "datetime64[us]"
    assert calendars.breaks("XNYS").empty


def test_joint_calendars():
    span = ("2022-11-23", "2022-11-25")  # Thanksgiving between them
    assert list(calendars.joint_sessions(["XNYS", "XLON"], "all", *span)) == list(pd.to_datetime(span))
    assert len(calendars.joint_sessions(["XNYS", "XLON"], "any", *span)) == 3
    three = calendars.joint_sessions(["XNYS", "XLON", "XTKS"], "all", "2022-12-23", "2023-01-05")
    assert list(three) == list(
        pd.to_datetime(["2022-12-23", "2022-12-28", "2022-12-29", "2022-12-30", "2023-01-04", "2023-01-05"])
    )
    assert calendars.joint_sessions(["XTKS", "XNYS"], "any", *span).is_monotonic_increasing
    one = calendars.joint_sessions(["XNYS"], "all")
    assert one.equals(calendars.sessions("XNYS"))
    with pytest.raises(ValueError, match="some"):
        calendars.joint_sessions(["XNYS"], "some")
    with pytest.raises(ValueError, match="no calendar"):
        calendars.joint_sessions([], "all")


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
