"""dbt builds the marts over a real lake; the identity of the books is a check that can fail."""

import dagster as dg
import duckdb
import pandas as pd
import pytest
import yaml
from dagster._core.events import StepMaterializationData
from frames import frame

from orchestration import marts

PACK_RUN = "11111111-2222-3333-4444-555555555555"
DAYS = ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")


@pytest.fixture
def firm(settings, lake):
    """Two books over four sessions, one without a NAV on one of them; limits and rules judged on the last."""
    first, second, third, last = DAYS
    write(lake, "nav", "business_date book nav flows status",
          (first, "A", 1000.0, 1000.0, "ok"), (second, "A", 1010.25, 0.0, "ok"),
          (third, "A", 1110.0, 100.0, "ok"), (last, "A", 1100.0, 0.0, "ok"),
          (first, "B", 500.0, 490.0, "ok"), (second, "B", float("nan"), 0.0, "failed"),
          (third, "B", 700.0, 0.0, "ok"), (last, "B", 690.0, -5.0, "ok"))  # fmt: skip
    write_pnl(lake, total=-10.0)
    write(lake, "performance", "business_date book daily_return status",
          (second, "A", 0.01025, "ok"), (last, "A", -0.009, "ok"))  # fmt: skip
    write(lake, "var", "business_date book method confidence horizon_days var es nav_fraction status",
          *((day, book, "historical", confidence, 1, 20.0, 25.0, 0.02, "ok")
            for day in DAYS for book in "AB" for confidence in (0.95, 0.99)))  # fmt: skip
    write(lake, "exposures", "business_date book dimension bucket long",
          (last, "A", "currency", "USD", 1100.0), (last, "B", "currency", "USD", 690.0))  # fmt: skip
    write(lake, "limit_usage", "business_date book limit bucket utilisation status",
          (last, "A", "VAR", "", 0.9, "warning"), (last, "A", "GROSS", "", 1.2, "breach"))  # fmt: skip
    write(lake, "compliance_results", "business_date book rule bucket status",
          (last, "A", "ISSUER", "X", "pass"), (last, "A", "ISSUER", "Y", "breach"))  # fmt: skip
    write(lake, "findings", "business_date check book severity status",
          (last, "feed_failed", "", "blocking", "open"), (last, "break", "B", "blocking", "open"),
          (last, "spike", "B", "warning", "open"))  # fmt: skip
    return settings


def write(lake, table, columns, *rows):
    lake.write(table, frame(table, columns, *rows), pd.DatetimeIndex(DAYS))


def write_pnl(lake, total):
    """P&L that explains every change of NAV when ``total`` on the last session of A is -10."""
    first, second, third, last = DAYS
    write(lake, "pnl", "business_date book instrument price_pnl fees total",
          (second, "A", "X", 11.0, 0.0, 11.0), (second, "A", "CASH:USD", 0.0, -0.75, -0.75),
          (third, "A", "X", -0.25, 0.0, -0.25), (last, "A", "X", total, 0.0, total),
          (first, "B", "X", 10.0, 0.0, 10.0), (last, "B", "X", -5.0, 0.0, -5.0))  # fmt: skip


def requested(settings, instance):
    """Names of the runs that the sensor asks for: before a pack, after it, and looking again."""
    location = marts.definitions(settings)
    sensor, repository = location.resolve_sensor_def("pack_written"), location.get_repository_def()
    looks, cursor = [], None
    for look in range(3):
        if look == 1:
            instance.report_dagster_event(
                dg.DagsterEvent(
                    event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                    job_name="eod",
                    event_specific_data=StepMaterializationData(dg.AssetMaterialization("pack", partition=DAYS[-1])),
                ),
                run_id=PACK_RUN,
            )
        with dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository) as context:
            data = sensor.evaluate_tick(context)
        looks.append([request.run_key for request in data.run_requests])
        cursor = data.cursor
    return looks


def rows(settings, query):
    with duckdb.connect(str(marts.marts_file(settings)), read_only=True) as connection:
        return connection.sql(query).fetchall()


def test_the_marts_hold_the_identity_and_a_broken_one_fails_the_check(firm, lake, capfd):
    assert marts.main() == 0

    assert rows(firm, "select book, nav_change, total_pnl, flows from daily_nav_pnl order by book, business_date") == [
        ("A", 1000.0, None, 1000.0), ("A", 10.25, 10.25, 0.0), ("A", 99.75, -0.25, 100.0), ("A", -10.0, -10.0, 0.0),
        ("B", 500.0, 10.0, 490.0), ("B", None, None, 0.0), ("B", None, None, 0.0), ("B", -10.0, -5.0, -5.0),
    ]  # fmt: skip
    assert rows(
        firm,
        "select limits, limit_warnings, limit_breaches, rules, rule_breaches, blocking_findings, highest_utilisation"
        " from risk_compliance where business_date in ('2024-01-04', '2024-01-05') order by business_date, book",
    ) == [(None,) * 7, (None,) * 7, (2, 1, 1, 1, 1, 1, 1.2), (0, 0, 0, 0, 0, 2, None)]

    write_pnl(lake, total=-9.99)
    assert marts.main() == 1
    assert "daily_nav_pnl: change_of_nav_is_pnl_and_flows failed" in capfd.readouterr().err

    with dg.DagsterInstance.get() as instance:
        assert [run.status.value for run in instance.get_runs()] == ["FAILURE", "SUCCESS"]
        assert instance.get_latest_materialization_event(dg.AssetKey("risk_compliance")) is not None
        assert requested(firm, instance) == [[], [f"marts:{PACK_RUN}"], []]


def test_an_empty_lake_is_told_in_one_line_and_nothing_runs(settings, capfd):
    assert marts.main() == 1
    said = capfd.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "has no table nav" in said[0]
    assert "daybook eod" in said[0]
    assert not marts.marts_file(settings).exists()


def test_what_the_mart_reads_is_what_is_looked_for():
    sources = yaml.safe_load((marts.DBT / "models" / "sources.yml").read_text())["sources"][0]["tables"]
    assert tuple(table["name"] for table in sources) == marts.SOURCES
    assert not {"alternative_data", "fundamentals", "latest_fundamentals"} & set(marts.SOURCES), "none asks a licence"
    assert all(table["config"]["meta"]["delta_table_path"].endswith(f"/{table['name']}") for table in sources)
