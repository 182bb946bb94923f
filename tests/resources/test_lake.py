"""The lake against real Delta tables in a temporary folder."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from daybook import calendars, tables
from resources.lake import _RECENT, Lake, LakeError, _scan, _scan_remotely, _typed

ROOT = Path(__file__).parents[2]
DAYS = calendars.sessions("XNYS", "2020-01-02", "2020-01-10")


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def forget():
    """As another process, which has written and read nothing yet."""
    _RECENT.clear()


def pnl(days, total=1.0, instruments=("AAPL", "MSFT")):
    """P&L of one book, one row for each of ``days`` and ``instruments``."""
    index = pd.MultiIndex.from_product([pd.DatetimeIndex(days), ["GROWTH"], instruments])
    frame = index.to_frame(index=False, name=["business_date", "book", "instrument"])
    return frame.assign(price_pnl=total, fx_pnl=0.0, income=np.nan, trading_pnl=0.0, fees=0.0, total=total)


def prices(day, delivery, lines=(2, 3)):
    """Delivered prices of one file."""
    empty = tables.empty("raw_prices")
    return pd.DataFrame(
        {
            **{name: [np.nan] * len(lines) for name in ("open", "high", "low", "volume")},
            **{name: [""] * len(lines) for name in ("currency", "price_basis", "source")},
            "business_date": pd.Timestamp(day),
            "instrument": [f"I{line}" for line in lines],
            "close": [float(line) for line in lines],
            "known_at": pd.Timestamp("2020-01-02 21:00", tz="UTC"),
            "recorded_at": pd.Timestamp("2020-01-02 21:30", tz="UTC"),
            "file": "prices.csv",
            "line": list(lines),
            "delivery": delivery,
        }
    )[list(empty.columns)]


def test_what_is_written_is_read_with_the_declared_types(lake):
    assert lake.write("pnl", pnl(DAYS), DAYS) is not None
    found = lake.read("pnl")
    pd.testing.assert_frame_equal(found, tables.conform("pnl", pnl(DAYS)))
    assert found.dtypes.astype(str).to_dict() == tables.empty("pnl").dtypes.astype(str).to_dict()
    assert list(lake.sessions("pnl")) == list(DAYS)


def test_texts_instants_and_lists_come_back_as_they_were(lake):
    scenarios = pd.DataFrame(
        {
            "business_date": DAYS[:2],
            "book": ["GROWTH", "INCOME"],
            "scenario_set": "historical",
            "pnl": [np.array([1.5, -2.25]), np.array([], float)],
            "weights": [np.array([0.25, 0.75]), np.array([], float)],
            "scenarios": [2, 0],
            "window_start": [DAYS[0], pd.NaT],
            "window_end": DAYS[0],
        }
    )
    lake.write("scenario_pnl", scenarios, DAYS[:2])
    found = lake.read("scenario_pnl")
    assert [list(each) for each in found["pnl"]] == [[1.5, -2.25], []]
    assert [list(each) for each in found["weights"]] == [[0.25, 0.75], []]
    assert found["window_start"].isna().tolist() == [False, True]
    assert lake.write("scenario_pnl", scenarios, DAYS[:2]) is None
    scenarios["pnl"] = [np.array([1.5, -2.26]), np.array([], float)]
    assert lake.write("scenario_pnl", scenarios, DAYS[:2]) is not None
    assert lake.read("scenario_pnl", DAYS[0], DAYS[0])["pnl"].iloc[0].tolist() == [1.5, -2.26]

    lake.append("raw_prices", prices(DAYS[0], 1), "1")
    facts = lake.read("raw_prices")
    assert facts["currency"].tolist() == ["", ""]
    assert facts["known_at"].tolist() == [pd.Timestamp("2020-01-02 21:00", tz="UTC")] * 2
    assert facts.dtypes.astype(str).to_dict() == tables.empty("raw_prices").dtypes.astype(str).to_dict()


@pytest.mark.parametrize("seed", range(8))
def test_what_is_remembered_after_writes_and_reads_is_what_the_files_hold(lake, seed):
    generator = np.random.default_rng(seed)
    forget()
    for step in range(12):
        if generator.random() < 0.4:
            forget()
        chosen = DAYS[np.sort(generator.choice(len(DAYS), generator.integers(1, 4), replace=False))]
        # Some sessions are emptied, some stay as they are, some differ beyond the digits that count.
        total = generator.choice([1.0, 1.0 + 1e-15, float(step)])
        frame = pnl(chosen[generator.integers(0, 2) :], total).sample(frac=1.0, random_state=step)
        lake.write("pnl", frame, chosen)
        low, high = chosen[[0, -1]] if generator.random() < 0.5 else DAYS[np.sort(generator.choice(len(DAYS), 2))]
        first, last = (None if generator.random() < 0.2 else bound for bound in (low, high))
        remembered = lake.read("pnl", first, last)
        before = dict(_RECENT)
        forget()
        pd.testing.assert_frame_equal(remembered, lake.read("pnl", first, last), check_exact=True)
        _RECENT.update(before)


def test_a_session_more_needs_no_scan_of_those_before(lake, monkeypatch):
    lake.write("pnl", pnl(DAYS[:-1]), DAYS[:-1])
    lake.write("pnl", pnl(DAYS[-1:]), DAYS[-1:])
    monkeypatch.setattr("resources.lake._scan", None)
    assert len(lake.read("pnl", DAYS[0], DAYS[-1])) == len(lake.read("pnl")) == 2 * len(DAYS)


def test_a_table_never_written_is_empty(lake):
    pd.testing.assert_frame_equal(lake.read("pnl"), tables.empty("pnl"))
    assert lake.read("pnl", DAYS[0], columns=["total"]).columns.tolist() == ["total"]
    assert lake.version("pnl") is None
    assert lake.sessions("pnl").empty
    assert lake.content_hash("pnl", DAYS[0]) == tables.content_hash("pnl", tables.empty("pnl"))


def test_equal_content_makes_no_commit(lake):
    first = lake.write("pnl", pnl(DAYS), DAYS)
    assert lake.write("pnl", pnl(DAYS), DAYS) is None
    shuffled = pnl(DAYS).sample(frac=1, random_state=1)
    assert lake.write("pnl", shuffled, DAYS) is None
    assert lake.write("pnl", pnl(DAYS[2:4]), DAYS[2:4]) is None
    assert lake.version("pnl") == first


def test_only_twelve_significant_digits_count(lake):
    lake.write("pnl", pnl(DAYS, total=1 / 3), DAYS)
    assert lake.write("pnl", pnl(DAYS, total=1 / 3 + 1e-14), DAYS) is None
    assert lake.write("pnl", pnl(DAYS, total=1 / 3 + 1e-12), DAYS) is not None
    assert lake.write("pnl", pnl(DAYS, total=1 / 3 + 1e-6), DAYS) is not None


def test_what_differs_is_judged_as_the_content_hash_does(lake):
    generator = np.random.default_rng(0)
    base = pnl(DAYS).assign(total=generator.normal(size=2 * len(DAYS)))
    for size in 10.0 ** -np.arange(8, 16):
        lake.write("pnl", base, DAYS)
        moved = base.assign(total=base["total"] * (1 + size * generator.normal(size=len(base))))
        differs = tables.content_hash("pnl", moved) != tables.content_hash("pnl", base)
        assert (lake.write("pnl", moved, DAYS) is not None) == differs


def test_only_sessions_that_differ_are_rewritten(lake):
    lake.write("pnl", pnl(DAYS), DAYS)
    before = files(lake, "pnl")
    changed = pnl(DAYS)
    changed.loc[changed["business_date"] == DAYS[3], "total"] = 2.0
    lake.write("pnl", changed, DAYS)
    kept = {day for day, file in files(lake, "pnl").items() if before[day] == file}
    assert kept == {f"{day:%Y-%m-%d}" for day in DAYS if day != DAYS[3]}


def test_a_session_without_rows_is_emptied_and_others_stand(lake):
    lake.write("pnl", pnl(DAYS), DAYS)
    version = lake.write("pnl", pnl(DAYS[:1]), DAYS[:3])
    assert version is not None
    assert list(lake.sessions("pnl")) == [DAYS[0], *DAYS[3:]]
    lake.write("pnl", pnl([]), DAYS)
    assert lake.read("pnl").empty
    assert lake.write("pnl", pnl([]), DAYS) is None


def test_the_first_write_makes_the_table_even_of_no_rows(lake):
    assert lake.write("pnl", pnl([]), DAYS) == 0
    assert lake.write("pnl", pnl([]), DAYS) is None
    assert DeltaTable(f"{lake.uri}/pnl").metadata().partition_columns == ["business_date"]


def test_a_wrong_frame_is_refused_and_nothing_changes(lake):
    lake.write("pnl", pnl(DAYS), DAYS)
    twice = pd.concat([pnl(DAYS[:1]), pnl(DAYS[:1])])
    for frame in (pnl(DAYS).drop(columns="fees"), pnl(DAYS).assign(extra=1), pnl(DAYS).assign(fees="much"), twice):
        with pytest.raises(tables.SchemaError, match="pnl"):
            lake.write("pnl", frame, DAYS)
    with pytest.raises(LakeError, match="pnl: rows of 2020-01-03, which is not among the sessions"):
        lake.write("pnl", pnl(DAYS[:2]), DAYS[:1])
    with pytest.raises(LakeError, match="pnl: rows of NaT"):
        lake.write(
            "pnl", pnl(DAYS).assign(business_date=pd.NaT, instrument=[str(i) for i in range(2 * len(DAYS))]), DAYS
        )
    assert lake.version("pnl") == 1


def test_the_wrong_kind_of_table_is_refused(lake):
    with pytest.raises(LakeError, match="raw_prices: is a table of facts, not of results"):
        lake.write("raw_prices", prices(DAYS[0], 1), DAYS)
    with pytest.raises(LakeError, match="pnl: is a table of results, not of facts"):
        lake.append("pnl", pnl(DAYS), "1")
    with pytest.raises(LakeError, match="orders: is a table of records"):
        lake.read("orders")
    with pytest.raises(LakeError, match="nowhere: there is no such table"):
        lake.read("nowhere")
    with pytest.raises(LakeError, match=r"pnl: unknown columns \['colour'\]"):
        lake.read("pnl", columns=["colour"])
    with pytest.raises(LakeError, match="corporate_actions: has no business_date"):
        lake.read("corporate_actions", DAYS[0])


def test_a_range_opens_only_the_files_of_its_sessions(lake):
    lake.write("pnl", pnl(DAYS), DAYS)
    forget()
    for day in (DAYS[0], *DAYS[3:]):
        Path(lake.uri, "pnl", files(lake, "pnl")[f"{day:%Y-%m-%d}"]).unlink()
    assert lake.read("pnl", DAYS[1], DAYS[2])["business_date"].unique().tolist() == list(DAYS[1:3])
    assert lake.read("pnl", "2020-01-03", "2020-01-03", columns=["total", "book"]).columns.tolist() == ["total", "book"]
    with pytest.raises(Exception, match=r"No files found|No such file"):
        lake.read("pnl", DAYS[0], DAYS[2])


def test_a_range_of_facts_opens_only_the_files_that_can_hold_it(lake):
    for delivery, day in enumerate(DAYS[:3]):
        lake.append("raw_prices", prices(day, delivery), str(delivery))
    first = DeltaTable(f"{lake.uri}/raw_prices").file_uris(file_pruning_predicate="business_date = '2020-01-02'")
    Path(first[0]).unlink()
    assert lake.read("raw_prices", DAYS[1])["business_date"].tolist() == [DAYS[1]] * 2 + [DAYS[2]] * 2


def test_the_rows_of_a_few_instruments(lake):
    names = ("AAPL", "O'NEIL", "MSFT")
    lake.write("pnl", pnl(DAYS, instruments=names), DAYS)
    whole = pnl(DAYS, instruments=names)
    for turn in ("from the files", "from what the turn before read"):
        for wanted in (["O'NEIL"], ["MSFT", "AAPL", "none"], []):
            found = lake.read("pnl", DAYS[1], DAYS[2], ["total", "business_date"], instruments=wanted)
            rows = whole[whole["instrument"].isin(wanted) & whole["business_date"].isin(DAYS[1:3])]
            assert found.to_numpy().tolist() == rows[["total", "business_date"]].to_numpy().tolist(), turn
        lake.read("pnl")
    with pytest.raises(LakeError, match="nav: unknown columns"):
        lake.read("nav", instruments=["AAPL"])
    lake.append("raw_prices", prices(DAYS[0], 1), "1")
    assert lake.read("raw_prices", instruments=["I3"])["line"].tolist() == [3]


def test_facts_are_read_in_the_order_of_delivery_and_line(lake):
    for delivery in (3, 1, 2):
        lake.append("raw_prices", prices(DAYS[0], delivery, lines=(3, 2)), str(delivery))
    found = lake.read("raw_prices", columns=["delivery", "line"])
    assert found.to_numpy().tolist() == [[1, 2], [1, 3], [2, 2], [2, 3], [3, 2], [3, 3]]
    assert lake.read("raw_prices", columns=["instrument"])["instrument"].tolist() == ["I2", "I3"] * 3


def test_a_delivery_is_appended_once(lake):
    first = lake.append("raw_prices", prices(DAYS[0], 1), "delivery 1")
    assert lake.append("raw_prices", prices(DAYS[0], 1), "delivery 1") == first
    assert lake.append("raw_prices", prices(DAYS[0], 2), "delivery 2") == first + 1
    assert lake.append("raw_prices", tables.empty("raw_prices"), "delivery 3") == first + 2
    assert len(lake.read("raw_prices")) == 4
    with pytest.raises(tables.SchemaError, match="raw_prices: could not convert string to float: 'high'"):
        lake.append("raw_prices", prices(DAYS[0], 4).assign(close="high"), "delivery 4")


def test_an_old_version_stays_readable(lake):
    version = lake.write("pnl", pnl(DAYS), DAYS)
    seen = lake.content_hash("pnl", DAYS[0])
    for total in range(2, 25):
        lake.write("pnl", pnl(DAYS, float(total)), DAYS)
    assert lake.read("pnl", version=version)["total"].unique().tolist() == [1.0]
    assert lake.content_hash("pnl", DAYS[0], version) == seen != lake.content_hash("pnl", DAYS[0])
    assert list(Path(lake.uri, "pnl", "_delta_log").glob("*.checkpoint.parquet"))
    with pytest.raises(LakeError, match="pnl: has no version 99"):
        lake.read("pnl", version=99)
    with pytest.raises(LakeError, match="nav: has no version 0"):
        lake.read("nav", version=0)


def test_a_column_that_the_table_did_not_have_yet_is_empty(lake, monkeypatch):
    lake.write("pnl", pnl(DAYS[:2]), DAYS[:2])
    known = tables.TABLES["pnl"]
    grown = tables.Table(
        "pnl",
        "result",
        known.key,
        (*known.columns, tables.COLUMNS["reason"], tables.COLUMNS["scenarios"]),
        known.meaning,
    )
    monkeypatch.setitem(tables.TABLES, "pnl", grown)
    forget()
    old = lake.read("pnl")
    assert old[["reason", "scenarios"]].to_numpy().tolist() == [["", 0]] * 4
    lake.write("pnl", pnl(DAYS[1:3]).assign(reason="split", scenarios=3), DAYS[1:3])
    found = lake.read("pnl")
    assert found["reason"].tolist() == ["", "", "split", "split", "split", "split"]
    assert found["scenarios"].tolist() == [0, 0, 3, 3, 3, 3]


def test_an_object_store_is_read_alike(lake):
    """Object stores are read by another engine than folders are; here both read the same folder."""
    lake.write("pnl", pnl(DAYS), DAYS)
    found, schema = DeltaTable(f"{lake.uri}/pnl"), tables.TABLES["pnl"]
    where = "business_date >= '2020-01-03' AND business_date <= '2020-01-06'"
    near = _typed(schema, _scan(found, schema, list(schema.names), where), list(schema.names))
    far = _typed(schema, _scan_remotely(found, ", ".join(schema.names), f" WHERE {where}"), list(schema.names))
    order = ["business_date", "instrument"]
    pd.testing.assert_frame_equal(far.sort_values(order, ignore_index=True), near)


WRITE = """
import sys
sys.path.insert(0, {root!r})
sys.path.insert(0, {here!r})
from test_lake import DAYS, pnl, prices
from resources.lake import Lake
lake = Lake({uri!r})
sys.stdin.readline()
{body}
"""


def start(lake, body):
    """A process that has everything imported and waits for one line before it does ``body``."""
    script = WRITE.format(root=str(ROOT), here=str(Path(__file__).parent), uri=lake.uri, body=body)
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(processes):
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), errors


def test_writers_of_the_same_sessions_are_each_seen_whole(lake):
    body = "[lake.write('pnl', pnl(DAYS, {} + i / 100), DAYS) for i in range(15)]"
    finish([start(lake, body.format(1)), start(lake, body.format(2))])
    history = DeltaTable(f"{lake.uri}/pnl").version()
    for version in range(1, history + 1):
        found = lake.read("pnl", version=version)
        assert len(found) in (0, 2 * len(DAYS))
        assert found["total"].nunique() == min(len(found), 1)
    assert round(lake.read("pnl")["total"].iloc[0] % 1, 2) == 0.14
    assert history >= 30


def test_writers_of_other_sessions_lose_nothing(lake):
    body = "[lake.write('pnl', pnl(DAYS[i:i+1], i), DAYS[i:i+1]) for i in range({}, len(DAYS), 2)]"
    finish([start(lake, body.format(0)), start(lake, body.format(1))])
    assert lake.read("pnl").groupby("business_date")["total"].first().tolist() == list(range(len(DAYS)))


def test_two_processes_append_a_delivery_once(lake):
    body = "[lake.append('raw_prices', prices(DAYS[0], i), f'delivery {i}') for i in range(10)]"
    finish([start(lake, body), start(lake, body)])
    assert lake.read("raw_prices")["delivery"].tolist() == [delivery for delivery in range(10) for _ in range(2)]


def test_killed_between_data_file_and_commit_leaves_the_old_version(lake):
    days = calendars.sessions("XNYS", "2020-01-02", "2020-12-31")
    lake.write("pnl", pnl(days), days)
    version, seen = lake.version("pnl"), len(list(Path(lake.uri).rglob("*.parquet")))
    body = f"""
import glob, os, threading
def kill_at_the_first_new_file():
    while len(glob.glob({lake.uri + "/**/*.parquet"!r}, recursive=True)) == {seen}:
        pass
    os.kill(os.getpid(), 9)
threading.Thread(target=kill_at_the_first_new_file).start()
import pandas as pd
days = pd.DatetimeIndex({[str(day) for day in days]!r}).as_unit("us")
lake.write("pnl", pnl(days, 2.0), days)
"""
    process = start(lake, body)
    process.communicate("\n", timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert len(list(Path(lake.uri).rglob("*.parquet"))) > seen
    assert lake.version("pnl") == version
    assert lake.read("pnl")["total"].unique().tolist() == [1.0]
    assert lake.write("pnl", pnl(days, 2.0), days) == version + 1
    assert lake.read("pnl")["total"].unique().tolist() == [2.0]


def files(lake, table):
    """Session -> data file."""
    found = DeltaTable(f"{lake.uri}/{table}").file_uris()
    return {
        Path(file).parent.name.removeprefix("business_date="): os.path.relpath(file, f"{lake.uri}/{table}")
        for file in found
    }


@pytest.mark.parametrize("mixed", [False, True])
def test_a_column_added_to_a_table_later_is_empty_in_what_was_written_before(lake, monkeypatch, mixed):
    days = pd.to_datetime(["2022-12-27", "2022-12-28"])
    nav = tables.TABLES["nav"]
    older = dataclasses.replace(nav, columns=tuple(c for c in nav.columns if c.name not in ("reason", "accruals")))
    frame = pd.DataFrame(
        {"business_date": days, "book": "A", "nav": 1.0, "market_value": 1.0, "cash": 0.0, "accruals": 0.0,
         "flows": 0.0, "status": "ok", "base_currency": "USD", "reason": "said"}
    )  # fmt: skip
    with monkeypatch.context() as before:
        before.setitem(tables.TABLES, "nav", older)
        lake.write("nav", frame[list(older.names)], days)
    forget()
    lake.write("nav", frame.iloc[1:] if mixed else frame.iloc[:0], days[1:])
    found = lake.read("nav", None, days[1] if mixed else days[0])
    assert found["reason"].tolist() == (["", "said"] if mixed else [""])
    assert found["accruals"].isna().tolist() == ([True, False] if mixed else [True])
