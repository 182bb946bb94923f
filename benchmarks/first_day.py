"""The first ``daybook eod`` in an empty home: two years of history, the day, the pack."""

from pathlib import Path

from benchmarks.timing import Cost, Row, daybook

GOAL = 60.0


def close(home: Path) -> Cost:
    """Close the default date of the demonstration firm in ``home``, which must not exist."""
    return daybook("eod", home=home)


def rows(cost: Cost, bare: Cost) -> list[Row]:
    """The first close as a line of the table."""
    return [Row("first daybook eod, empty home", cost, cost.wall / bare.wall, f"<= {GOAL:.0f} s", cost.wall <= GOAL)]
