"""Files as nobody should send them, through the real inbox: nothing stops it, and every file has an end."""

from random import Random

import pytest
import sqlalchemy as sa

from resources import records
from resources.facts import Facts
from resources.inbox import Inbox
from tests.intake import hostile_files

GOOD = "prices_2024-01-05_good.csv"


def hostile(rng: Random) -> tuple[str, bytes]:
    """A name that a directory can hold, and bytes."""
    while True:
        name = hostile_files.name(rng)
        if "/" not in name and "\0" not in name and len(name.encode(errors="surrogateescape")) < 256:
            break
    table = next((table for table in hostile_files.FACTS if name.startswith(table)), "prices")
    make = hostile_files.parquet if name.endswith("parquet") else hostile_files.csv
    return name, make(rng, table)


@pytest.mark.soak
def test_two_hundred_hostile_files_and_then_a_good_one(settings, lake, engine):
    inbox = Inbox(settings, lake, engine, pause=lambda: None)
    inbox.folder.path.mkdir()
    inbox.deliver("instruments_2024-01-02.csv", b"instrument,currency,exchange\nAAPL,USD,XNYS\nVOD,GBP,XLON\n")
    inbox.deliver("books_2024-01-02.csv", b"book,base_currency\nB,USD\n")
    for number in range(10):
        rng = Random(number)
        for _ in range(20):
            name, data = hostile(rng)
            (inbox.folder.path / name).write_bytes(data)
        for taken in inbox.take_in().files:
            assert taken.outcome in ("complete", "partial", "empty", "failed", "unchanged", "unfinished"), taken
            assert taken.outcome != "failed" or taken.reason
            assert "the checks broke" not in taken.reason, taken
        assert inbox.take_in().delivered == ()
    (inbox.folder.path / GOOD).write_bytes(b"business_date,instrument,close\n2024-01-05,AAPL,150\n")
    [taken] = [one for one in inbox.take_in().files if one.file == GOOD]
    assert (taken.rows, taken.outcome) == (1, "complete")
    with engine.connect() as connection:
        statuses = connection.execute(sa.select(records.deliveries.c.status).distinct()).scalars().all()
    assert statuses == ["done"]
    facts = Facts(settings, lake, engine)
    assert "good" in set(facts.current("raw_prices")["source"])
    assert not inbox.entries().empty
