"""What imports cost: the bare start that everything is compared with, the two heaviest packages, the code location."""

from collections.abc import Mapping

from benchmarks.timing import Cost, Row, middle, python

BARE = "import dagster, pandas"
CODE = {
    "bare": BARE,
    "great_expectations": "import great_expectations",
    "riskfolio": "import riskfolio",
    "location": "from orchestration.definitions import defs; defs.get_repository_def()",
}
REPEATS = 5
LOCATION_GOAL = 2.0


def costs(repeats: int = REPEATS) -> Mapping[str, Cost]:
    """The cost of each of ``CODE`` in a fresh process, the middle of several taken in turn."""
    found: dict[str, list[Cost]] = {name: [] for name in CODE}
    for _ in range(repeats):
        for name, code in CODE.items():
            found[name].append(python(code))
    return {name: middle(taken) for name, taken in found.items()}


def rows(imports: Mapping[str, Cost]) -> list[Row]:
    """The imports as lines of the table."""
    bare, location = imports["bare"], imports["location"]
    return [
        Row(f'python -c "{BARE}"', bare, 1.0),
        Row("import great_expectations", imports["great_expectations"], imports["great_expectations"].wall / bare.wall),
        Row("import riskfolio", imports["riskfolio"], imports["riskfolio"].wall / bare.wall),
        Row(
            "import the code location",
            location,
            location.wall / bare.wall,
            f"<= {LOCATION_GOAL:.0f} s",
            location.wall <= LOCATION_GOAL,
        ),
    ]
