"""The pages say what the code does: formats are generated, settings named, links good, the lock is in step."""

import re
import tomllib
from pathlib import Path

import pytest

from orchestration import formats

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_formats_are_those_of_the_tables():
    assert formats.PAGE.read_text() == formats.page(), "docs/formats.md is not up to date: make docs"


def test_the_page_of_ratios_is_that_of_their_definitions():
    assert formats.RATIOS.read_text() == formats.ratios(), "docs/ratios.md is not up to date: make docs"


def test_every_setting_is_in_operations():
    source = (ROOT / "resources" / "settings.py").read_text()
    read = set(re.findall(r'"((?:DAYBOOK|DAGSTER)_[A-Z_]+)"', source)) - {"DAGSTER_DISABLE_TELEMETRY"}
    assert {"DAYBOOK_HOME", "DAYBOOK_SAMPLE_START", "DAGSTER_HOME"} <= read
    told = (ROOT / "docs" / "operations.md").read_text()
    assert sorted(name for name in read if f"| `{name}` |" not in told) == []


def test_every_variable_that_the_code_reads_is_a_documented_setting():
    told = (ROOT / "docs" / "operations.md").read_text()
    rooms = ("daybook", "resources", "assets", "jobs", "sensors", "orchestration")
    read = {
        name
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        for name in re.findall(r'environ(?:\.get\(|\[)"(DAYBOOK_[A-Z_]+)"', path.read_text())
    }
    internal = {"DAYBOOK_DBT_LAKE", "DAYBOOK_DBT_FILE"}  # set for dbt, never read from the user
    assert sorted(name for name in read - internal if f"`{name}`" not in told) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_make_target_named_in_the_pages_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.MULTILINE))
        assert named <= targets, page.name


def test_every_command_named_in_the_pages_exists():
    from orchestration.cli import app

    commands = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    for page in PAGES:
        named = set(re.findall(r"`(?:\.venv/bin/)?daybook ([a-z-]+)", page.read_text()))
        assert named <= commands, page.name


def test_the_lock_names_every_dependency_and_no_machine():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text()
    locked = {_normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", lock, re.MULTILINE)}
    assert [name for name in wanted if _normal(re.match(r"[A-Za-z0-9._-]+", name)[0]) not in locked] == []
    assert "://" not in lock
    assert str(Path.home()) not in lock
    # pip refuses a hash-checked install in which a package is wanted with an extra and locked without it.
    assert "gql[requests]==" in lock


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()
