"""``daybook rebuild``: damage of stored results is found by table, date and book, and computed away."""

import io
from pathlib import Path

import pandas as pd

from daybook.tables import UNSIGNED
from resources.lake import Lake

DAY = "2022-12-23"


def test_damage_is_found_by_table_date_and_book_and_a_rebuild_repairs_it(daybook, firm, settings):
    (settings.home / "inbox").mkdir()
    for name, text in firm.items():
        (settings.home / "inbox" / name).write_text(text)
    assert daybook("eod")[0] == 0
    lake = Lake(settings.lake_uri)
    versions = {path.name: lake.version(path.name) for path in Path(settings.lake_uri).iterdir()}
    code, said, err = daybook("rebuild", "--verify")
    assert (code, err) == (0, "")
    assert "on up to 75 sessions" in said
    assert "no differences" in said
    assert "not compared: " in said
    assert "findings" in said.split("not compared: ")[1]
    assert {path.name: lake.version(path.name) for path in Path(settings.lake_uri).iterdir()} == versions

    nav = lake.read("nav", "2022-12-22", "2022-12-22")
    lake.write("nav", nav.assign(nav=nav["nav"] + 0.01), ["2022-12-22"])
    lake.write("lots", lake.read("lots", DAY, DAY).iloc[:0], [DAY])
    prices = lake.read("prices", "2022-10-03", "2022-10-03")
    lake.write("prices", prices.assign(close=prices["close"].where(prices["instrument"] != "BBB", 1.0)), ["2022-10-03"])
    lake.write("exposures", lake.read("exposures", DAY, DAY).iloc[1:], [DAY])
    code, said, err = daybook("rebuild", "--verify", "--format", "csv")
    found = pd.read_csv(io.StringIO(said), keep_default_na=False)
    assert (code, err) == (1, "")
    assert found[["table_name", "business_date", "whose", "stored", "derived"]].to_numpy().tolist() == [
        ["prices", "2022-10-03", "BBB", 3, 3],
        ["nav", "2022-12-22", "ALPHA", 1, 1],
        ["exposures", DAY, "ALPHA", len(lake.read("exposures", DAY, DAY)), len(lake.read("exposures", DAY, DAY)) + 1],
        ["lots", DAY, "ALPHA", 0, 1],
    ]
    assert set(found["reason"]) == {"not what the facts give: run daybook rebuild"}

    damaged = {"nav", "lots", "prices", "exposures"}
    before = {table: lake.version(table) for table in versions}
    assert daybook("rebuild")[0] == 0
    written = {table for table in versions if lake.version(table) != before[table]}
    assert written - set(UNSIGNED) == damaged  # when a step was done is another time now

    late = settings.home / "inbox" / f"transactions_{DAY}_late.csv"
    late.write_text(f"transaction_id,book,kind,trade_date,quantity,currency\nT9,ALPHA,deposit,{DAY},1,USD\n")
    assert daybook("ingest", str(late))[0] == 0
    code, said, _ = daybook("rebuild", "--verify")
    assert code == 1
    assert "facts have changed since: run daybook eod" in said
    assert "run daybook rebuild" not in said
