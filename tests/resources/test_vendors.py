"""Vendors that fail half way: what came stays, the rest comes next time, and nobody else waits for them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd
import pytest

from resources.feeds import Feeds
from resources.settings import SettingsError
from resources.settings import settings as read_settings
from resources.vendors import VENDORS

SESSION = pd.Timestamp("2024-01-05")
INSTRUMENTS = b"instrument,currency\nAAPL,USD\n"
PRICES = b"business_date,instrument,close\n2024-01-05,AAPL,150\n"
RATES = b"business_date,base,quote,rate\n2024-01-05,EUR,USD,1.1\n"


@dataclass
class Paging:
    """A vendor on a network, as far as Daybook sees it: pages, some of which do not come."""

    name: str
    pages: list[tuple[str, bytes] | Exception]
    asked: list[tuple[pd.Timestamp | None, pd.Timestamp]] = field(default_factory=list)

    def last_session(self) -> pd.Timestamp:
        return SESSION

    def default_date(self) -> pd.Timestamp:
        return SESSION

    def deliver(self, after: pd.Timestamp | None, through: pd.Timestamp) -> Iterator[tuple[str, bytes]]:
        self.asked.append((after, through))
        for page in self.pages:
            if isinstance(page, Exception):
                raise page
            table, data = page
            yield f"{table}_{through:%Y-%m-%d}_{self.name}.csv", data


@pytest.fixture
def doors(settings, lake, engine, monkeypatch):
    """Two vendors, of which ``acme`` delivers its instruments and then times out; ``best`` comes after it."""
    acme = Paging("acme", [("instruments", INSTRUMENTS), TimeoutError("page 2: no answer in 30 s\nand more")])
    best = Paging("best", [("fx_rates", RATES)])
    for vendor in (acme, best):
        monkeypatch.setitem(VENDORS, vendor.name, lambda _, vendor=vendor: vendor)
    monkeypatch.setenv("DAYBOOK_VENDORS", "acme,best")
    (settings.home / "inbox").mkdir()
    return Feeds(read_settings(), lake, engine), acme, best


def test_what_came_before_the_failure_stays_and_the_others_go_on(doors):
    feeds, *_ = doors
    intake = feeds.collect(None)
    assert [(taken.file, taken.rows, taken.outcome) for taken in intake.files] == [
        ("instruments_2024-01-05_acme.csv", 1, "complete"),
        ("acme", 0, "failed"),
        ("fx_rates_2024-01-05_best.csv", 1, "complete"),
    ]
    [failed] = intake.unreached
    assert failed.reason == "TimeoutError: page 2: no answer in 30 s; the vendor is asked for the same again next time"
    assert not intake.whole
    assert list(feeds.facts.current("instruments")["instrument"]) == ["AAPL"]
    assert feeds.inbox.entries().empty


def test_the_next_run_asks_for_the_same_and_takes_what_was_missing(doors):
    feeds, acme, best = doors
    feeds.collect(None)
    acme.pages[1] = ("prices", PRICES)
    intake = feeds.collect(None)
    assert acme.asked == [(None, SESSION), (None, SESSION)]
    assert best.asked == [(None, SESSION)]
    assert [(taken.file, taken.outcome) for taken in intake.files] == [
        ("instruments_2024-01-05_acme.csv", "unchanged"),
        ("prices_2024-01-05_acme.csv", "complete"),
    ]
    assert intake.whole
    feeds.collect(None)
    assert len(acme.asked) == 2


def test_a_vendor_that_does_not_even_say_how_far_it_has_data_fails_alone(doors, monkeypatch):
    feeds, *_ = doors

    def unknown(_: Paging) -> pd.Timestamp:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(Paging, "last_session", unknown)
    intake = feeds.collect(SESSION)
    assert [(taken.file, taken.outcome) for taken in intake.unreached] == [("acme", "failed"), ("best", "failed")]


def test_a_wrong_setting_stops_everything(doors):
    feeds, acme, _ = doors
    acme.pages[1] = SettingsError("ACME_KEY is not set")
    with pytest.raises(SettingsError, match="ACME_KEY"):
        feeds.collect(None)
