import os
from datetime import date
from pathlib import Path

import pytest

from resources.settings import SettingsError, quiet_telemetry
from resources.settings import settings as read_settings

VARIABLES = (
    "DAYBOOK_HOME",
    "DAYBOOK_LAKE_URI",
    "DAYBOOK_POSTGRES_URL",
    "DAYBOOK_VENDORS",
    "DAYBOOK_CALENDARS",
    "DAYBOOK_USER",
    "DAYBOOK_SAMPLE_START",
    "DAYBOOK_LEAN_DATA",
    "DAYBOOK_EDGAR_DATA",
    "DAYBOOK_STRESS",
    "DAGSTER_HOME",
)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_an_empty_environment_gives_defaults_that_work(bare, tmp_path):
    found = read_settings()
    assert found.home == tmp_path / ".daybook"
    assert found.lake_uri == str(tmp_path / ".daybook" / "lake")
    assert found.dagster_home == tmp_path / ".daybook" / "dagster"
    assert found.postgres_url is None
    assert found.vendors == ("sample",)
    assert found.calendars == ("XNYS",)
    assert found.user
    assert found.sample_start == date(2018, 1, 2)
    assert found.lean_data is None
    assert found.edgar_data is None
    assert found.stress is None


def test_the_environment_is_read_at_each_call(bare):
    read_settings()
    bare.setenv("DAYBOOK_VENDORS", " files , sample,")
    bare.setenv("DAYBOOK_CALENDARS", "XNYS,XLON")
    bare.setenv("DAYBOOK_USER", "ada")
    found = read_settings()
    assert found.vendors == ("files", "sample")
    assert found.calendars == ("XNYS", "XLON")
    assert found.user == "ada"


def test_folders_are_absolute_and_object_stores_are_left_alone(bare, tmp_path):
    bare.setenv("DAYBOOK_HOME", "firm")
    bare.setenv("DAYBOOK_LAKE_URI", "tables")
    assert read_settings().home == tmp_path / "firm"
    bare.setenv("DAYBOOK_LEAN_DATA", "lean")
    bare.setenv("DAYBOOK_EDGAR_DATA", "edgar")
    assert read_settings().lake_uri == str(tmp_path / "tables")
    assert read_settings().lean_data == tmp_path / "lean"
    assert read_settings().edgar_data == tmp_path / "edgar"
    bare.setenv("DAYBOOK_LAKE_URI", "s3://bucket/lake")
    assert read_settings().lake_uri == "s3://bucket/lake"


def test_a_bad_value_is_named(bare):
    bare.setenv("DAYBOOK_SAMPLE_START", "4 January")
    with pytest.raises(SettingsError, match=r"DAYBOOK_SAMPLE_START='4 January'.*2018-01-02"):
        read_settings()
    bare.setenv("DAYBOOK_SAMPLE_START", "2018-01-02")
    bare.setenv("DAYBOOK_VENDORS", " , ")
    with pytest.raises(SettingsError, match="DAYBOOK_VENDORS"):
        read_settings()


def test_the_password_is_not_shown(bare):
    bare.setenv("DAYBOOK_POSTGRES_URL", "postgresql://ada:lovelace@host/firm")
    found = read_settings()
    assert found.postgres_url == "postgresql://ada:lovelace@host/firm"
    assert "lovelace" not in f"{found!r}{found}"


def test_every_variable_is_in_the_table_of_the_module(bare):
    import resources.settings

    for variable in VARIABLES:
        assert f"| {variable} |" in resources.settings.__doc__


def test_telemetry_of_every_dependency_is_switched_off(monkeypatch):
    quiet = {
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
    }
    for name in quiet:
        monkeypatch.setenv(name, "something else")
    quiet_telemetry()
    assert {name: os.environ[name] for name in quiet} == quiet


def test_dagster_yaml_switches_telemetry_off():
    import yaml

    configuration = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text())
    assert configuration["telemetry"] == {"enabled": False}
    assert "max_concurrent_runs" not in configuration["run_queue"]
