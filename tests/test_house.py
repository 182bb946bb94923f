"""The rules of the house: imports run one way, the library is pure, start-up is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ["orchestration", "sensors", "jobs", "assets", "resources", "daybook"]
HEAVY = ["great_expectations", "riskfolio", "quantstats", "cvxpy", "matplotlib", "skfolio", "arch", "numba", "scipy"]
IMPURE = [
    "dagster",
    "sqlalchemy",
    "deltalake",
    "duckdb",
    "requests",
    "urllib.request",
    "socket",
    "subprocess",
    "os",
    "time",
]


def imports(path, top_level_only=False):
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(room):
    return [path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts]


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_imports_only_to_its_right(room):
    left = ROOMS[: ROOMS.index(room)]
    wrong = [(str(p), name) for p in modules(room) for name in imports(p) if name.split(".")[0] in left]
    assert wrong == []


def test_the_library_knows_no_dagster_no_files_no_network_no_database_and_no_clock():
    wrong = [
        (str(p), name)
        for p in modules("daybook")
        for name in imports(p)
        if any(f"{name}.".startswith(f"{impure}.") for impure in IMPURE)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ROOMS)
def test_heavy_packages_are_imported_where_they_are_used(room):
    ledger = {"wash_kernel.py", "lot_arithmetic.py", "lot_kernel.py", "inventory.py", "lot_general.py", "lot_uk.py"}
    wrong = [
        (str(p), name)
        for p in modules(room)
        if p.name not in {*ledger, "kernel.py", "mixing.py", "selection.py"}
        for name in imports(p, top_level_only=True)
        if name.split(".")[0] in HEAVY
    ]
    assert wrong == []


def test_every_module_says_what_belongs_in_it():
    silent = [str(p) for room in ROOMS for p in modules(room) if not ast.get_docstring(ast.parse(p.read_text()))]
    assert silent == []


def test_the_code_location_loads_without_heavy_packages():
    code = (
        "import sys, orchestration.definitions as d; d.defs.get_repository_def();"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[]"
