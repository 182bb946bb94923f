"""Whatever arrives: no crash, every line a fact, in quarantine with a reason, or declared a repetition."""

import contextlib
import re
import resource
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daybook.intake import names, reading, rows
from daybook.intake.names import BadName, Name
from daybook.intake.sheet import FileRefused
from tests.intake import hostile_files
from tests.intake.test_intake_rows import ARRIVED, KNOWN

SEEDS = st.integers(0, 2**64)
REPEATED = re.compile(r"rows that repeat another and count once: (\d+)|transactions known already: (\d+)")


def accounted(name: Name, data: bytes) -> int:
    """Read and check a file; the number of its lines, once each of them is accounted for (-1: refused as a whole)."""
    refused = None
    try:
        sheet = reading.read(data, name.format)
        found = rows.check(name, sheet, ARRIVED, KNOWN)
    except FileRefused as error:
        refused = error
    if refused:
        assert refused.reason
        assert "\0" not in f"{refused.reason}{refused.column}{refused.value}"
        return -1
    facts, problems = set(found.facts["line"]), set(found.problems["line"])
    assert facts.isdisjoint(problems)
    assert len(found.facts) == len(facts), "two facts of one line"
    assert found.rejected == len(problems)
    assert found.problems["reason"].ne("").all()
    told = [REPEATED.search(note) for note in found.notes]
    repeated = sum(int(number or 0) for match in told if match for number in match.groups())
    lines = len(sheet.lines) + len(sheet.bad)
    assert lines == len(facts) + len(problems) + repeated, found.notes
    for entry in found.problems[["column", "value", "reason", "row"]].to_dict("records"):
        assert "\0" not in f"{entry}".replace("\\0", ""), "PostgreSQL keeps no NUL"
        f"{entry}".encode()
    return lines


def lines_of(data: bytes) -> int | None:
    """Lines after the header that hold something, counted by other means; None where that is not so simple.

    Quotes join lines, and what is white space to Unicode is none to bytes.
    """
    if b'"' in data or any(byte > 127 or byte < 9 or 13 < byte < 32 for byte in data):
        return None
    lines = re.split(rb"\r\n|\r|\n", data)
    return len([line for line in lines if line.replace(b",", b"").strip()]) - 1


def a_csv(seed: int) -> None:
    rng = Random(seed)
    table = rng.choice(hostile_files.FACTS)
    data = hostile_files.csv(rng, table)
    found = accounted(names.parse(f"{table}_2024-01-05.csv"), data)
    counted = lines_of(data)
    if found >= 0 and counted is not None:
        assert found == counted


def a_parquet(seed: int) -> None:
    rng = Random(seed)
    table = rng.choice(hostile_files.FACTS)
    data = hostile_files.parquet(rng, table)
    accounted(names.parse(f"{table}_2024-01-05.parquet"), data)


def a_name(seed: int) -> None:
    name = hostile_files.name(Random(seed))
    with contextlib.suppress(BadName):
        found = names.parse(name)
        assert not set("/\\\0\n") & set(name)
        assert (found.file, f"{found.delivered:%Y-%m-%d}") == (name, "2024-01-05")


def fuzzed(check, examples: int) -> None:
    quiet = [HealthCheck.too_slow]
    settings(max_examples=examples, database=None, suppress_health_check=quiet)(given(SEEDS)(check))()


@pytest.mark.parametrize(("check", "examples"), [(a_csv, 150), (a_parquet, 100), (a_name, 200)])
def test_whatever_the_file(check, examples):
    fuzzed(check, examples)


@pytest.mark.soak
@pytest.mark.parametrize(("check", "examples"), [(a_csv, 14_000), (a_parquet, 6_000), (a_name, 5_000)])
def test_whatever_twenty_thousand_files(check, examples):
    fuzzed(check, 100)  # what every file loads once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fuzzed(check, examples)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_the_generated_files_are_of_every_kind():
    """Enough of them are good, or the others would prove little: a quarter of the CSV is read."""
    csv = parquet = 0
    for seed in range(80):
        rng = Random(seed)
        table = rng.choice(hostile_files.FACTS)
        csv += accounted(names.parse(f"{table}_2024-01-05.csv"), hostile_files.csv(rng, table)) > 0
        parquet += accounted(names.parse(f"{table}_2024-01-05.parquet"), hostile_files.parquet(rng, table)) > 0
    assert csv > 20
    assert parquet > 16
