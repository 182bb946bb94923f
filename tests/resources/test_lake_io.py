"""Assets written to and read from real Delta tables by Dagster."""

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from assets.partitions import SESSIONS, WITH_PRIOR
from daybook import tables
from resources import records
from resources.lake import Lake
from resources.lake_io import LakeIOManager

RESULT = {"partitions_def": SESSIONS, "backfill_policy": dg.BackfillPolicy.single_run()}
RANGE = {"dagster/asset_partition_range_start": "2020-01-16", "dagster/asset_partition_range_end": "2020-01-23"}


def rows(days):
    """P&L of two instruments for each of ``days``: the day of the month."""
    index = pd.MultiIndex.from_product([pd.DatetimeIndex(days), ["GROWTH"], ["AAPL", "MSFT"]])
    frame = index.to_frame(index=False, name=["business_date", "book", "instrument"])
    value = frame["business_date"].dt.day.astype(float)
    return frame.assign(price_pnl=value, fx_pnl=0.0, income=0.0, trading_pnl=0.0, fees=0.0, total=value)


@dg.asset(**RESULT)
def pnl(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """Two rows for each session."""
    return rows(context.partition_keys)


@pytest.fixture
def run(settings):
    """Materialise ``assets`` for one session or for RANGE."""

    def run(*assets, **options):
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(list(assets), instance=instance, resources={"io_manager": LakeIOManager()}, **options)

    return run


def reader(name, **options):
    """An asset ``nav`` that keeps what it was given as ``name``."""
    seen = []

    @dg.asset(name="nav", **RESULT, ins={"given": dg.AssetIn(name, **options)})
    def nav(given: pd.DataFrame) -> pd.DataFrame:
        seen.append(given)
        return tables.empty("nav")

    return nav, seen


def metadata(result, asset):
    (event, *_) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def test_one_session_is_one_partition_with_its_schema_and_hash(run, lake):
    result = run(pnl, partition_key="2020-01-21")
    expected = rows(["2020-01-21"])
    pd.testing.assert_frame_equal(lake.read("pnl"), tables.conform("pnl", expected))
    shown = metadata(result, "pnl")
    assert shown["dagster/row_count"] == 2
    assert shown["delta_version"] == 1
    assert shown["content_hash"] == tables.content_hash("pnl", tables.conform("pnl", expected))
    total = next(column for column in shown["dagster/column_schema"].columns if column.name == "total")
    assert (total.type, total.description) == ("float", "sum of the parts of the row [that of the parts]")


def test_the_same_again_is_unchanged(run, lake):
    run(pnl, partition_key="2020-01-21")
    version = lake.version("pnl")
    assert metadata(run(pnl, partition_key="2020-01-21"), "pnl")["delta_version"] == "unchanged"
    assert lake.version("pnl") == version


def test_a_range_is_one_commit_over_a_holiday(run, lake):
    result = run(pnl, tags=RANGE)
    days = ["2020-01-16", "2020-01-17", "2020-01-21", "2020-01-22", "2020-01-23"]
    pd.testing.assert_frame_equal(lake.read("pnl"), tables.conform("pnl", rows(days)))
    assert lake.version("pnl") == 1
    assert set(metadata(result, "pnl")) == {"dagster/row_count", "delta_version"}


def test_a_window_is_one_frame_and_hops_the_holiday(run):
    nav, seen = reader("pnl", partition_mapping=WITH_PRIOR)
    run(pnl, tags=RANGE)
    run(pnl.to_source_asset(), nav, partition_key="2020-01-21")
    assert seen[0]["business_date"].dt.day.tolist() == [17, 17, 21, 21]


def test_a_range_reads_the_window_of_the_whole_range(run):
    nav, seen = reader("pnl", partition_mapping=WITH_PRIOR)
    run(pnl, tags=RANGE)
    later = RANGE | {"dagster/asset_partition_range_start": "2020-01-22"}
    run(pnl.to_source_asset(), nav, tags=later)
    assert seen[0]["business_date"].dt.day.unique().tolist() == [21, 22, 23]


def test_an_input_since_the_start_is_read_from_the_first_session(run):
    nav, seen = reader("pnl", metadata={"since_start": True})
    run(pnl, tags=RANGE)
    run(pnl.to_source_asset(), nav, partition_key="2020-01-22")
    assert seen[0]["business_date"].dt.day.unique().tolist() == [16, 17, 21, 22]


@pytest.mark.parametrize(("back", "days"), [(1, [21, 22]), (3, [16, 17, 21, 22]), (20_000, [16, 17, 21, 22])])
def test_an_input_is_read_so_many_sessions_back(run, back, days):
    nav, seen = reader("pnl", metadata={"sessions_before": back})
    run(pnl, tags=RANGE)
    run(pnl.to_source_asset(), nav, partition_key="2020-01-22")
    assert seen[0]["business_date"].dt.day.unique().tolist() == days


def test_a_table_never_written_is_an_error_that_says_so(run):
    nav, _ = reader("pnl")
    with pytest.raises(Exception, match="pnl: nothing was ever written; materialise it first"):
        run(pnl.to_source_asset(), nav, partition_key="2020-01-22")


def test_rows_of_another_session_are_refused(run, lake):
    @dg.asset(name="pnl", **RESULT)
    def wrong() -> pd.DataFrame:
        return rows(["2020-01-22"])

    with pytest.raises(Exception, match="pnl: rows of 2020-01-22, which is not among the sessions"):
        run(wrong, partition_key="2020-01-21")
    assert lake.read("pnl").empty


def test_an_analyst_loads_a_session(settings, run):
    run(pnl, tags=RANGE)
    definitions = dg.Definitions([pnl], resources={"io_manager": LakeIOManager()})
    found = definitions.load_asset_value("pnl", partition_key="2020-01-17")
    assert found["total"].tolist() == [17.0, 17.0]


def prices(day, delivery):
    """One delivered price."""
    row = {
        "business_date": pd.Timestamp(day),
        "instrument": "AAPL",
        "source": "file",
        "close": float(delivery),
        "currency": "USD",
        "price_basis": "raw",
        "known_at": pd.Timestamp("2020-01-23", tz="UTC"),
        "recorded_at": pd.Timestamp("2020-01-23", tz="UTC"),
        "file": "prices.csv",
        "line": 2,
        "delivery": delivery,
    }
    return pd.DataFrame([{"open": np.nan, "high": np.nan, "low": np.nan, "volume": np.nan, **row}])


@pytest.mark.parametrize("partitioned", [True, False])
def test_facts_are_read_as_their_current_view(run, lake: Lake, engine, partitioned):
    for delivery, day in enumerate(["2020-01-17", "2020-01-21", "2020-01-22"], start=1):
        registered = {
            "file": "prices.csv",
            "table_name": "raw_prices",
            "delivered": pd.Timestamp(day),
            "kind": "file",
            "status": "done",
            "outcome": "complete",
            "recorded_at": pd.Timestamp("2020-01-23", tz="UTC"),
        }
        with engine.begin() as connection:
            connection.execute(records.deliveries.insert(), [registered])
        lake.append("raw_prices", prices(day, delivery)[list(tables.TABLES["raw_prices"].names)], str(delivery))
    spec = dg.AssetSpec("raw_prices", partitions_def=SESSIONS if partitioned else None)
    nav, seen = reader("raw_prices")
    run(spec, nav, partition_key="2020-01-21")
    assert seen[0]["close"].tolist() == ([2.0] if partitioned else [1.0, 2.0])
