"""History in chunks: either order, begun again after a stop, and a vendor that reaches further back than it did."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
import sqlalchemy as sa

from daybook import calendars, tables
from orchestration import eod
from orchestration.derivation import derive
from orchestration.plan import pieces
from resources import records
from resources.feeds import feeds
from resources.lake import Lake
from resources.settings import settings as settings_of
from resources.vendors.sample import SampleVendor

MARKET = ("prices", "fx_rates", "returns")
DAYS = calendars.sessions("XNYS", "2022-10-03", "2022-10-14")  # two weeks


def spans(*wanted: str, size: int, newest: bool) -> list[str]:
    stale = pd.DatetimeIndex([f"2022-10-{day}" for day in wanted])
    return [f"{first:%d}-{last:%d}" for first, last in pieces(DAYS, stale, size, newest)]


@pytest.mark.parametrize(
    ("newest", "expected"),
    [(False, ["04-06", "07-10", "12-14"]), (True, ["12-14", "06-10", "04-05"])],
)
def test_pieces_hold_what_is_missing_and_nothing_else(newest, expected):
    found = spans("04", "05", "06", "07", "10", "12", "13", "14", size=3, newest=newest)
    assert found == expected


def test_pieces_of_nothing_and_of_one():
    assert spans(size=3, newest=True) == []
    assert spans("05", size=1, newest=False) == ["05-05"]
    assert spans("05", "06", size=1, newest=True) == ["06-06", "05-05"]


def test_history_in_either_order_after_a_stop_and_further_back_is_the_same(daybook, monkeypatch, settings, engine):
    """One home: newest first until a run fails, begun again, then further back, oldest first; beside it one run."""
    monkeypatch.setenv("DAYBOOK_SAMPLE_START", "2020-08-24")
    lake, ran = Lake(settings.lake_uri), []
    real = eod.run

    def run(definitions, instance, job, span, progress):
        if len(ran) == 3:
            raise KeyboardInterrupt  # as good as a kill: what was marked stands, and nothing else
        ran.append((job, f"{span[0]:%m-%d}", f"{span[1]:%m-%d}"))
        real(definitions, instance, job, span, progress)

    with monkeypatch.context() as patched:
        patched.setattr(eod, "run", run)
        assert daybook("backfill", "--until", "2020-09-30", "--chunk", "10")[0] != 0
    # Returns of the first session of a piece begin from prices of the session before, which does not stand yet.
    assert ran == [
        ("market_opening", "09-16", "09-16"),
        ("market_history", "09-17", "09-30"),
        ("market_opening", "09-01", "09-01"),
    ]
    assert computed(engine) == calendars.sessions("XNYS", "2020-09-17", "2020-09-30").tolist()
    assert "17 sessions computed in 2 runs" in daybook("backfill", "--until", "2020-09-30", "--chunk", "10")[1]
    assert differing(lake, calendars.sessions("XNYS", "2020-08-24", "2020-09-30")) == []
    assert "0 sessions computed in 0 runs" in daybook("backfill", "--until", "2020-09-30")[1]

    monkeypatch.setenv("DAYBOOK_SAMPLE_START", "2020-08-10")
    code, said, _ = daybook("backfill", "--until", "2020-10-02", "--order", "oldest", "--chunk", "15")
    assert (code, "37 sessions computed in 3 runs" in said) == (0, True)
    assert "2 sessions of the books, from 2020-10-01 on, are left to daybook eod or --books" in said
    days = calendars.sessions("XNYS", "2020-08-10", "2020-09-30")
    assert computed(engine) == days.tolist()
    assert differing(lake, days) == []


def differing(lake: Lake, days: pd.DatetimeIndex) -> list[tuple[str, pd.Timestamp]]:
    """Where the lake holds something else than one range over all ``days`` makes of the same facts."""
    found = []
    for table, frame in derive(MARKET, days, feeds().facts).items():
        hashes = {day: tables.content_hash(table, frame[frame["business_date"] == day]) for day in days}
        found += [(table, day) for day in days if lake.content_hash(table, day) != hashes[day]]
    return found


def computed(engine) -> list[pd.Timestamp]:
    query = sa.select(records.computed.c.business_date).order_by(records.computed.c.business_date)
    with engine.connect() as connection:
        return [pd.Timestamp(day) for day in connection.execute(query).scalars()]


def test_what_a_vendor_delivers_later_is_what_it_would_have_delivered_before():
    through = pd.Timestamp("2020-10-30")
    late, early = (SampleVendor(replace(settings_of(), sample_start=date(year, 6, 1))) for year in (2020, 2019))
    both = [*late.deliver(None, through), *early.deliver_before(late.first_date())]
    assert rows(both) == rows(early.deliver(None, through))


def rows(files) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, data in files:
        found.setdefault(name.split("_20")[0], set()).update(data.decode().splitlines())
    return found


def test_a_start_before_the_firm_began_is_another_firm(daybook, monkeypatch):
    monkeypatch.setenv("DAYBOOK_SAMPLE_START", "2022-12-01")
    assert daybook("backfill", "--until", "2022-12-02")[0] == 0
    monkeypatch.setenv("DAYBOOK_SAMPLE_START", "2022-11-01")
    code, _, err = daybook("backfill", "--until", "2022-12-02")
    assert code == 1
    assert "DAYBOOK_SAMPLE_START=2022-11-01 makes another firm than the one that began with 2022-12-01" in err


def test_words(daybook):
    assert daybook("backfill", "--from", "2020-02-03", "--until", "2020-02-01")[0] == 2
    assert daybook("backfill", "--from", "2020-02-03", "--books")[0] == 2
    assert daybook("backfill", "--chunk", "0")[0] == 2
